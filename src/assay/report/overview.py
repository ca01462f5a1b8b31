"""The whole dataset as the report counts and ranks it: what the review app filters by, in the user's order.

In: a finished run. Out: `Overview`. Does not know: what is shown, how columns are read (`assay.query.table`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.query import ReviewTable

if TYPE_CHECKING:
    from assay.runs import FinishedRun


class Overview:
    """Arrays over the n present rows in the user's order. ``rows`` turns a position into a row number.

    ``given`` and ``suggested``: class codes, -1 = none. ``split``: codes of the splits, -1 = none. ``clusters``: of copies, -1 =
    none. Each column is that of the `ReviewTable`, so that the report counts what a filter of the review app finds.
    Memory: that of the table, 150 bytes a row; no texts, no pictures.
    """

    def __init__(self, table: ReviewTable) -> None:
        self._table = table
        self.rows: NDArray[np.int64] = table.order.astype(np.int64)
        self.class_names = [str(label) for label in table.classes]
        self.given = self._ordered(table.given)
        self.suggested = self._ordered(table.suggested)
        self.clusters: NDArray[np.int64] = self._ordered(table.cluster).astype(np.int64)
        self.split = self._ordered(table.split)

    @classmethod
    def of(cls, project: FinishedRun) -> Overview:
        return cls(ReviewTable.load(project))

    def _ordered(self, values: NDArray[Any]) -> NDArray[Any]:
        return values[self.rows]

    def flag(self, name: str) -> NDArray[np.bool_]:
        """(n,) the flag column, all False where it was not computed."""
        found = self._table.flags.get(name)
        return np.zeros(len(self.rows), bool) if found is None else self._ordered(found)

    def score(self, name: str) -> NDArray[np.float32] | None:
        """(n,) the score column, NaN = none; None where it was not computed."""
        found = self._table.scores.get(name)
        return None if found is None else self._ordered(found)

    @property
    def safe(self) -> NDArray[np.bool_]:
        """(n,) rows of which the safe policy takes the suggestion: those that the review app counts, `ReviewTable.safe`."""
        return self._ordered(self._table.safe)

    def worst(self, chosen: NDArray[np.bool_], score: str | None, most: int) -> NDArray[np.int64]:
        """Positions of the ``most`` chosen rows of the highest score; ties and missing scores keep the user's order."""
        positions = np.flatnonzero(chosen)
        values = None if score is None else self.score(score)
        if values is None:
            return positions[:most]
        value = np.nan_to_num(values[positions], nan=-1.0)
        return positions[np.argsort(-value, kind="stable")[:most]]

    def faulty(self) -> NDArray[np.bool_]:
        """(n,) rows with at least one finding."""
        return ~self._ordered(self._table.clean)
