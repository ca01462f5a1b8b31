"""The result columns of the whole dataset as numpy arrays: what counts and rankings are made from.

In: a project. Out: `Overview`. Does not know: what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.checks import CHECKS

if TYPE_CHECKING:
    from assay.runs import FinishedRun


@dataclass(frozen=True)
class Overview:
    """Arrays over the N present rows in the user's order. ``rows`` turns a position into a row number.

    ``given`` and ``suggested``: class codes, -1 = none. ``split``: codes of the splits, -1 = none. ``flags`` and
    ``scores`` by column name, NaN = not computed.
    Memory: about 5 bytes a row and check, 160 MB for 1.3 million images; no texts, no pictures.
    """

    rows: NDArray[np.int64]
    class_names: list[str]
    given: NDArray[np.int32]
    suggested: NDArray[np.int32]
    flags: dict[str, NDArray[np.bool_]]
    scores: dict[str, NDArray[np.float32]]
    clusters: NDArray[np.int64]
    split: NDArray[np.int32]

    @classmethod
    def of(cls, project: FinishedRun) -> Overview:
        """Read the flags, scores, labels and clusters of every row, and no other column."""
        present = set(project.result_columns())
        flags = [name for name in dict.fromkeys(check.flag for check in CHECKS) if name in present]
        flags += [name for name in ("is_duplicate_label_wrong", "is_safe_to_fix") if name in present]
        wanted = dict.fromkeys([*(check.score for check in CHECKS if check.score), "label_quality", "p_label_error"])
        scores = [name for name in wanted if name in present]
        labels = ("given_label", "suggested_label", "near_duplicate_cluster_id", "split")
        others = [name for name in labels if name in present]
        table = project.results(columns=[*flags, *scores, *others])
        n = table.num_rows
        cluster = "near_duplicate_cluster_id"
        splits = pc.unique(table["split"]).drop_null().to_pylist() if "split" in others else []
        return cls(
            rows=np.asarray(project.dataset.order, np.int64),
            class_names=[str(label) for label in project.classes],
            given=_codes(table, "given_label", project.classes),
            suggested=_codes(table, "suggested_label", project.classes),
            flags={name: _numbers(table[name], False).astype(bool) for name in flags},
            scores={name: _numbers(table[name], np.nan).astype(np.float32) for name in scores},
            clusters=_numbers(table[cluster], -1).astype(np.int64) if cluster in others else np.full(n, -1, np.int64),
            split=_codes(table, "split", splits),
        )

    def flag(self, name: str) -> NDArray[np.bool_]:
        """The flag column, all False where it was not computed."""
        return self.flags.get(name, np.zeros(len(self.rows), bool))

    @property
    def safe(self) -> NDArray[np.bool_]:
        """Rows of which the safe policy takes the suggestion, as far as no copies of it say otherwise."""
        return self.flag("is_safe_to_fix") & ~self.flag("is_outlier") & ~self.flag("is_multi_label")

    def worst(self, chosen: NDArray[np.bool_], score: str | None, most: int) -> NDArray[np.int64]:
        """Positions of the ``most`` chosen rows of the highest score; ties and missing scores keep the user's order."""
        positions = np.flatnonzero(chosen)
        if score is None or score not in self.scores:
            return positions[:most]
        value = np.nan_to_num(self.scores[score][positions], nan=-1.0)
        return positions[np.argsort(-value, kind="stable")[:most]]

    def faulty(self) -> NDArray[np.bool_]:
        """Rows with at least one finding."""
        found = np.zeros(len(self.rows), bool)
        for check in CHECKS:
            if not check.harmless:
                found |= self.flag(check.flag)
        return found


def _codes(table: pa.Table, name: str, classes: list[Any]) -> NDArray[np.int32]:
    if name not in table.column_names or not classes:
        return np.full(table.num_rows, -1, np.int32)
    column = table[name]
    index = pc.index_in(column, value_set=pa.array(classes, type=column.type))
    return np.asarray(index.fill_null(-1).to_numpy(), np.int32)


def _numbers(column: Any, missing: Any) -> NDArray[Any]:
    if pa.types.is_null(column.type):
        return np.full(len(column), missing)
    return np.asarray(column.fill_null(missing).to_numpy() if column.null_count else column.to_numpy())
