"""Rows on their way out: cells, results and what is done about them, aligned.

In: nothing. Out: `Batch`. Does not know: where rows come from, file formats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """Aligned rows. ``results`` by the names of columns.py, ``row_id`` at least; ``action`` and ``corrected_label``
    as in `assay.actions.FixPlan`. For pictures: ``rows`` tells ``open_bytes`` which, ``names`` are their file names.
    ``reason``: why a row is left out, where the plan says so. ``raw``: the line of a row that could not be read as one.
    ``second``: the second label of rows that are to carry both, None elsewhere.
    """

    cells: pa.Table
    results: pa.Table
    action: NDArray[np.object_]
    corrected_label: NDArray[np.object_]
    rows: NDArray[np.int64] | None = None
    names: Sequence[str] | None = None
    reason: NDArray[np.object_] | None = None
    raw: NDArray[np.object_] | None = None
    second: NDArray[np.object_] | None = None

    def take(self, mask: NDArray[np.bool_]) -> Batch:
        if mask.all():
            return self
        return Batch(
            rows_at(self.cells, np.flatnonzero(mask)),
            self.results.filter(pa.array(mask)),
            self.action[mask],
            self.corrected_label[mask],
            None if self.rows is None else self.rows[mask],
            None if self.names is None else [name for name, chosen in zip(self.names, mask, strict=True) if chosen],
            None if self.reason is None else self.reason[mask],
            None if self.raw is None else self.raw[mask],
            None if self.second is None else self.second[mask],
        )


def rows_at(table: pa.Table, positions: NDArray[np.int64]) -> pa.Table:
    """The rows at ascending places; of types that Arrow cannot take from, by cutting the table into runs."""
    try:
        return table.take(pa.array(positions, pa.int64()))
    except pa.ArrowNotImplementedError:
        starts = positions[np.flatnonzero(np.diff(positions, prepend=-2) != 1)]
        ends = positions[np.flatnonzero(np.diff(positions, append=-2) != 1)] + 1
        runs = [table.slice(start, end - start) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return pa.concat_tables(runs) if runs else table.slice(0, 0)
