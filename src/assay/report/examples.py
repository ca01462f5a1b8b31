"""From positions to rows that can be shown: pictures, texts with their telling words, rows with their telling cells.

In: a project, the overview, positions. Out: `Exhibit`s. Reads only the rows it is told to, plus a bounded sample of
each class concerned. Does not know: sections, HTML.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.insights.contrast import (
    ColumnContrast,
    Frequencies,
    compared_columns,
    function_words,
    reference_rows,
    word_frequencies,
)
from assay.report.data import Cell, Exhibit, Passage
from assay.report.discriminative_terms import plain_passages, telling_cells, telling_words
from assay.report.overview import Overview
from assay.report.pictures import PAGE_BYTES, PictureShelf

if TYPE_CHECKING:
    from assay.runs import FinishedRun

MOST_COLUMNS = 6  # of a table, shown
NAME, ID, CELL, TEXT, REASON = 80, 120, 60, 320, 300  # characters shown
READ_TEXT = 20_000  # characters of a text that are looked at


def clean(value: Any, longest: int) -> str:
    """Text that can be written as UTF-8 and is at most ``longest`` characters."""
    text = str(value).encode("utf-8", "replace").decode()
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def show_value(value: Any) -> str:
    """A cell as a person would write it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "(blank)"
    return clean(f"{value:.6g}" if isinstance(value, float) else value, CELL) or "(blank)"


class Examples:
    """``Examples(project, overview, positions)`` reads the rows once; `show` makes one of them presentable."""

    def __init__(
        self, project: FinishedRun, overview: Overview, positions: Sequence[int], *, budget: int = PAGE_BYTES
    ) -> None:
        self.project, self._overview = project, overview
        index = np.unique(np.asarray(positions, np.int64))
        rows = overview.rows[index]
        self._index_of = {int(position): at for at, position in enumerate(index)}
        self._results: dict[str, list[Any]] = project.results(rows=rows).to_pydict()
        self._cells: pa.Table = project.cells(rows=rows) if self.modality in ("text", "table") else pa.table({})
        self._pictures = PictureShelf(project.thumbnail, budget=budget)
        self._text = project.run["roles"].get("text")
        used = {*overview.given[index].tolist(), *overview.suggested[index].tolist()} - {-1}
        self._reference = {code: self._unflagged(code) for code in sorted(used)} if self.modality != "image" else {}

    @property
    def modality(self) -> str:
        return str(self.project.run["modality"])

    @property
    def class_names(self) -> list[str]:
        return self._overview.class_names

    def value(self, position: int, name: str) -> Any:
        """A result column's value, None where it was not computed."""
        column = self._results.get(name)
        return None if column is None else column[self._index_of[position]]

    def show(
        self, position: int, *, telling: bool = False, suggest: bool = False, reason: str = "", is_wrong: bool = False
    ) -> Exhibit:
        """``telling``: mark the words that speak for the given or the suggested label. ``suggest``: say which that is;
        beside an outlier or a dark picture the suggestion would only distract.
        """
        given, suggested = int(self._overview.given[position]), int(self._overview.suggested[position])
        names = self._overview.class_names
        picture = self._pictures.take(int(self._overview.rows[position])) if self.modality == "image" else None
        passages: tuple[Passage, ...] = ()
        if self.modality == "text" and self._text in self._cells.column_names:
            passages = self._passages(position, given, suggested, telling and suggested >= 0)
        return Exhibit(
            row_id=clean(self.value(position, "row_id"), ID),
            picture=picture,
            passages=passages,
            given=clean(names[given], NAME) if given >= 0 else None,
            suggested=clean(names[suggested], NAME) if suggest and suggested >= 0 else None,
            confidence=_number(self.value(position, "suggested_label_confidence_score")) if suggest else None,
            p_error=_number(self.value(position, "p_label_error")) if suggest else None,
            split=None if self.value(position, "split") is None else clean(self.value(position, "split"), NAME),
            reason=clean(reason, REASON),
            is_wrong=is_wrong,
        )

    # what classes look like ------------------------------------------------------------------------------------

    def _unflagged(self, code: int) -> NDArray[np.int64]:
        """Row numbers of unflagged rows given this class, a bounded number, evenly over the dataset."""
        overview = self._overview
        return reference_rows(overview.rows[(overview.given == code) & ~overview.flag("is_label_issue")])

    @cached_property
    def _reference_cells(self) -> dict[int, pa.Table]:
        codes = list(self._reference)
        rows = np.concatenate([self._reference[code] for code in codes]) if codes else np.zeros(0, np.int64)
        table = self.project.cells(rows=rows)
        starts = np.cumsum([0, *(len(self._reference[code]) for code in codes)])
        return {
            code: table.slice(int(start), len(self._reference[code]))
            for code, start in zip(codes, starts[:-1], strict=True)
        }

    # texts -----------------------------------------------------------------------------------------------------

    @cached_property
    def _words(self) -> dict[int, Frequencies]:
        return {
            code: word_frequencies(str(text)[:READ_TEXT] for text in table[self._text].to_pylist() if text is not None)
            for code, table in self._reference_cells.items()
        }

    @cached_property
    def _function_words(self) -> frozenset[str]:
        return function_words(list(self._words.values()))

    def _passages(self, position: int, given: int, suggested: int, telling: bool) -> tuple[Passage, ...]:
        raw = self._cells[self._text][self._index_of[position]].as_py()
        text = clean(self._masked(position, "" if raw is None else str(raw)), READ_TEXT)
        if telling and given >= 0:
            words = self._words
            return telling_words(text, words[given], words[suggested], ignore=self._function_words, longest=TEXT)
        return plain_passages(text, longest=TEXT)

    def _masked(self, position: int, text: str) -> str:
        """A report is passed on, so personal data that was found is not repeated in it."""
        items = json.loads(self.value(position, "PII_items") or "[]")
        for item in sorted((str(item) for item in items), key=len, reverse=True):
            text = text.replace(item, item[:1] + "•" * min(len(item) - 1, 8))
        return text

    # tables ----------------------------------------------------------------------------------------------------

    @cached_property
    def _features(self) -> list[str]:
        return compared_columns(self._cells.column_names, self.project.run["roles"])

    def with_cells(
        self, exhibits: Sequence[Exhibit], positions: Sequence[int], *, telling: bool = False
    ) -> tuple[Exhibit, ...]:
        """The exhibits of one section, the same `MOST_COLUMNS` columns each: the most often telling, then the first."""
        rows = [self._row_cells(position, telling) for position in positions]
        often = Counter(cell.column for row in rows for cell in row if cell.telling)
        ranked = sorted(self._features, key=lambda name: (-often[name], self._features.index(name)))[:MOST_COLUMNS]
        return tuple(
            replace(
                exhibit,
                cells=tuple(replace(cell, column=clean(cell.column, NAME)) for cell in row if cell.column in ranked),
            )
            for exhibit, row in zip(exhibits, rows, strict=True)
        )

    def _row_cells(self, position: int, telling: bool) -> tuple[Cell, ...]:
        index = self._index_of[position]
        row = {name: self._cells[name][index].as_py() for name in self._features}
        given, suggested = int(self._overview.given[position]), int(self._overview.suggested[position])
        contrasts: dict[str, ColumnContrast] = {}
        if telling and given >= 0 and suggested >= 0:
            contrasts = {name: self._contrast(name, given, suggested) for name in self._features}
        return telling_cells(row, contrasts, show_value)

    def _contrast(self, name: str, given: int, suggested: int) -> ColumnContrast:
        tables = self._reference_cells
        return ColumnContrast.of(tables[given][name].to_pylist(), tables[suggested][name].to_pylist())


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
