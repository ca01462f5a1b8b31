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
    ``reason``: why a row is left out, where the plan says so.
    """

    cells: pa.Table
    results: pa.Table
    action: NDArray[np.object_]
    corrected_label: NDArray[np.object_]
    rows: NDArray[np.int64] | None = None
    names: Sequence[str] | None = None
    reason: NDArray[np.object_] | None = None

    def take(self, mask: NDArray[np.bool_]) -> Batch:
        return Batch(
            self.cells.filter(pa.array(mask)),
            self.results.filter(pa.array(mask)),
            self.action[mask],
            self.corrected_label[mask],
            None if self.rows is None else self.rows[mask],
            None if self.names is None else [name for name, chosen in zip(self.names, mask, strict=True) if chosen],
            None if self.reason is None else self.reason[mask],
        )
