"""Everything about one row: probabilities, neighbours, copies, evidence, cells against what is usual.

In: a table and the files of its run. Out: dicts of plain values. Does not know: HTTP, pictures, the log (its caller adds the
row's history).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.detail.discriminative_terms import DiscriminativeTerms
from assay.detail.evidence import RowFacts, evidence
from assay.query.copies import best_copy
from assay.query.properties import PictureProperties
from assay.query.rows import page, show_cell, shown_columns
from assay.query.unusual_cells import describe_cell
from assay.similar.neighborhood import Neighborhood

if TYPE_CHECKING:
    from assay.actions.state import State
    from assay.dataset.target import Label
    from assay.query.table import ReviewTable

PROBABLE, NEIGHBORS, COPIES = 5, 12, 24  # shown


class Details:
    """``Details(table, neighborhood).of(row, state)``. Files are opened when the first row is asked for."""

    def __init__(self, table: ReviewTable, neighborhood: Neighborhood | None) -> None:
        self.table, self.neighborhood, self.telling = table, neighborhood, DiscriminativeTerms(table)

    def of(self, row: int, state: State) -> dict[str, Any]:
        """row: as in a page. probabilities: [{label, p}], the `PROBABLE` most probable and the given label, most probable
        first; [] where the run kept none. neighbors: [{row, distance}], nearest first. duplicates: rows of its cluster, the
        row itself left out, each with "is_wrong" and "kind"; keep, keep_why: the row of the
        cluster that would stay. correct_label: of the cluster. evidence: see
        `assay.detail.evidence`. full_text; telling: [{word, side}], its words that speak for the given or the suggested label.
        cells: [{column, text, odd, telling, value, low, high, share}] of every column that is shown.
        Cost: milliseconds; the first time up to a second.
        """
        table = self.table
        probabilities = self.probabilities(row)
        near, distances = (
            (np.zeros(0, np.int64), np.zeros(0)) if self.neighborhood is None else self.neighborhood.neighbors(row)
        )
        copies = table.copies_of(row)
        known = RowFacts(
            probabilities=probabilities,
            distance=float(distances.mean()) if len(distances) else None,
            usual_distance=None if self.neighborhood is None else self.neighborhood.usual,
            copies=copies.tolist(),
            properties={} if self._pictures is None else self._pictures.of(row),
            usual={} if self._pictures is None else self._pictures.usual,
        )
        shown = copies[:COPIES]
        best = best_copy(table, state, np.append(copies, row)) if len(copies) else (None, None)
        text = self._text(row)
        rows = page(table, state, [row, *near[:NEIGHBORS].tolist(), *shown.tolist()])
        neighbors, duplicates = rows[1 : len(rows) - len(shown)], rows[len(rows) - len(shown) :]
        return {
            "row": rows[0],
            "probabilities": self._top(row, probabilities),
            "neighbors": [
                {"row": one, "distance": round(float(distance), 6)}
                for one, distance in zip(neighbors, distances.tolist(), strict=False)
            ],
            "duplicates": [one | self._copy(number) for one, number in zip(duplicates, shown.tolist(), strict=True)],
            "n_duplicates": len(copies),
            "keep": best[0],
            "keep_why": best[1],
            "correct_label": self._correct(row),
            "evidence": evidence(table, row, known),
            "full_text": text,
            "telling": self.telling_words(row),
            "cells": self._cells(row),
        }

    def telling_words(self, row: int) -> list[dict[str, Any]]:
        """[{word, side}] of a text, see `DiscriminativeTerms.words`; [] for rows of another kind."""
        return self.telling.words(row, self._text(row)) if self.table.modality == "text" else []

    def probabilities(self, row: int) -> list[tuple[Label, float]]:
        """(label, p) of every class, most probable first; [] where there are none for this row."""
        at = None if self.neighborhood_rows is None else _index(self.neighborhood_rows, row)
        if at is None or self._probabilities is None or at >= len(self._probabilities):
            return []
        p = np.asarray(self._probabilities[at], np.float64)
        if not np.isfinite(p).all():  # a row whose label could not be judged
            return []
        order = np.argsort(-p, kind="stable")
        return [(self.table.classes[code], float(p[code])) for code in order.tolist()]

    def _top(self, row: int, probabilities: list[tuple[Label, float]]) -> list[dict[str, Any]]:
        code = int(self.table.given[row])
        given = self.table.classes[code] if code >= 0 else None
        chosen = [
            (label, p) for at, (label, p) in enumerate(probabilities) if at < PROBABLE or (code >= 0 and label == given)
        ]
        return [{"label": label, "p": round(p, 6)} for label, p in chosen]

    def _copy(self, row: int) -> dict[str, Any]:
        wrong = self.table.flags.get("is_duplicate_label_wrong")
        kind = "near_duplicate_kind"
        return {
            "is_wrong": bool(wrong is not None and wrong[row]),
            "kind": self.table.text(kind)[row].as_py() if kind in self.table.text_names else None,
        }

    def _correct(self, row: int) -> Label | None:
        codes = self.table.labels.get("duplicate_correct_label")
        return None if codes is None or codes[row] < 0 else self.table.classes[codes[row]]

    def _text(self, row: int) -> str | None:
        name = self.table.roles.get("text")
        if name not in self.table.cells.schema.names:
            return None
        value = self.table.cells.rows([row], [str(name)])[0][0]
        return None if value is None else str(value)

    def _cells(self, row: int) -> list[dict[str, Any]]:
        names = shown_columns(self.table)
        values = self.table.cells.rows([row], names)[0] if names else []
        telling = self.telling.columns(row) if self.table.modality == "table" else []
        return [
            {"column": name, "text": show_cell(value, 10_000), "telling": name in telling}
            | describe_cell(self.table.column(name), self.table.marks(name), row)
            for name, value in zip(names, values, strict=True)
        ]

    # files ---------------------------------------------------------------------------------------------------

    @cached_property
    def neighborhood_rows(self) -> NDArray[np.int64] | None:
        """Row numbers of the vector rows, which the probabilities are aligned with."""
        return None if self.table.project is None else self.table.project.artefacts.vector_rows

    @cached_property
    def _probabilities(self) -> NDArray[np.float32] | None:
        return None if self.table.project is None else self.table.project.artefacts.pred_probs

    @cached_property
    def _pictures(self) -> PictureProperties | None:
        run = self.table.project
        if run is None or self.table.modality != "image":
            return None
        there = [
            prefix for prefix in run.artefacts.properties if run.folder.was_written(f"{prefix}.properties.parquet")
        ]
        return PictureProperties(run.folder, there) if there else None


def _index(rows: NDArray[np.int64], row: int) -> int | None:
    at = int(np.searchsorted(rows, row))
    return at if at < len(rows) and rows[at] == row else None
