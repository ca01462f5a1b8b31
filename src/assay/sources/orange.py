"""The header of Orange's tables: names, then types, then flags.

In: the three records at the top of a text table. Out: which column the file marks as the class, and which are no features.
Does not know: rows, delimiters. Format: https://orange-data-mining-library.readthedocs.io, "Loading your data".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TYPES = frozenset(["c", "continuous", "d", "discrete", "s", "string", "text", "t", "time"])
CLASS, NO_FEATURE = frozenset(["class"]), frozenset(["m", "meta", "i", "ignore"])
OTHER_FLAGS = frozenset(["w", "weight"])
NUMBERS = frozenset(["c", "continuous"])
# Where no column is flagged, so many must carry a type by its name; the rest list their values or are left blank
MOST = 2 / 3


@dataclass(frozen=True)
class OrangeHeader:
    """``label``: the one column of classes; ``classes``: all columns flagged so, ``numbers`` those of them that hold numbers;
    ``aside``: columns flagged meta or ignore."""

    label: str | None
    classes: tuple[str, ...]
    numbers: tuple[str, ...]
    aside: tuple[str, ...]


def orange_header(names: Sequence[str], types: Sequence[str], flags: Sequence[str]) -> OrangeHeader | None:
    """What the second and third record say of the columns ``names``; None where they are no such records.

    Examples
    --------
    >>> orange_header(["height", "name", "kind"], ["c", "string", "d"], ["", "meta", "class"])
    OrangeHeader(label='kind', classes=('kind',), numbers=(), aside=('name',))
    >>> orange_header(["grade", "name"], ["c", "Ann"], ["d", "Ben"]) is None
    True
    """
    if not len(names) == len(types) == len(flags):
        return None
    kinds = [cell.strip().lower() for cell in types]
    known = sum(kind in TYPES for kind in kinds)
    if not known or not all(kind in TYPES or _lists_values(kind) for kind in kinds):
        return None
    words = [[word.lower() for word in _words(cell)] for cell in flags]
    if not all(_is_flag(word) for cell in words for word in cell):
        return None
    if known < MOST * len(kinds) and not any(words):
        return None
    classes = tuple(name for name, cell in zip(names, words, strict=True) if CLASS & set(cell))
    numbers = tuple(name for name, kind in zip(names, kinds, strict=True) if name in classes and kind in NUMBERS)
    aside = tuple(name for name, cell in zip(names, words, strict=True) if NO_FEATURE & set(cell))
    return OrangeHeader(classes[0] if len(classes) == 1 and not numbers else None, classes, numbers, aside)


def _words(cell: str) -> list[str]:
    """Words between blanks; a blank behind a backslash parts none."""
    return [word.replace("\0", " ") for word in cell.replace("\\ ", "\0").split()]


def _lists_values(kind: str) -> bool:
    return not kind or len(_words(kind)) > 1


def _is_flag(word: str) -> bool:
    """A flag, or an attribute such as "unit=cm"."""
    return word in CLASS | NO_FEATURE | OTHER_FLAGS or "=" in word[1:]
