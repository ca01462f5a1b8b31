"""A text in passages and a row in cells, those marked that speak for the suggested label or the given one.

In: one text or row, and how the two classes differ. Out: passages and cells. Does not know: how that was found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assay.insights.contrast import WORD, ColumnContrast, Frequencies, values_that_tell, words_that_tell
from assay.report.data import Cell, Passage, Side


def telling_words(
    text: str,
    given: Frequencies,
    suggested: Frequencies,
    *,
    ignore: frozenset[str] = frozenset(),
    longest: int = 320,
) -> tuple[Passage, ...]:
    """``text`` in pieces, words that speak for one of the two labels marked; at most five a side.

    Words of ``ignore`` are never marked. A text over ``longest`` characters is cut to the stretch around its most
    telling word, with an ellipsis. Scripts without spaces between words have nothing marked.
    """
    found = words_that_tell(text, given, suggested, ignore=ignore)
    best = next(iter(found), None)
    start, stop = _window(text, best, longest)
    return tuple(_pieces(text, start, stop, found))


def plain_passages(text: str, *, longest: int = 320) -> tuple[Passage, ...]:
    """``text`` as one passage, cut to its beginning."""
    return (Passage(text),) if len(text) <= longest else (Passage(text[:longest].rstrip() + "…"),)


def _window(text: str, word: str | None, longest: int) -> tuple[int, int]:
    if len(text) <= longest:
        return 0, len(text)
    middle = 0
    if word is not None:
        middle = next(match.start() for match in WORD.finditer(text) if match.group().lower() == word)
    start = max(0, min(middle - longest // 3, len(text) - longest))
    if start > 0:  # begin at a word, unless the next one is far
        space = text.find(" ", start, start + 30)
        start = space + 1 if 0 <= space < middle else start
    return start, min(len(text), start + longest)


def _pieces(text: str, start: int, stop: int, sides: Mapping[str, Side]) -> list[Passage]:
    pieces: list[Passage] = []
    plain = "…" if start else ""
    position = start
    for match in WORD.finditer(text, start, stop):
        side = sides.get(match.group().lower(), "")
        if side:
            plain += text[position : match.start()]
            if plain:
                pieces.append(Passage(plain))
            pieces.append(Passage(match.group(), side))
            plain, position = "", match.end()
    plain += text[position:stop] + ("…" if stop < len(text) else "")
    return [*pieces, Passage(plain)] if plain else pieces


def telling_cells(
    row: dict[str, Any], contrasts: dict[str, ColumnContrast], show: Callable[[Any], str], *, most: int = 3
) -> tuple[Cell, ...]:
    """The row's cells in their order; the ``most`` that speak for the suggested class the most are marked."""
    marked = values_that_tell(row, contrasts, most=most)
    return tuple(Cell(name, show(value), name in marked) for name, value in row.items())
