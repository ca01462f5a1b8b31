"""What the log needs to know of a project: given labels, present rows, planned fixes; each read when first asked for.

In: a finished run. Out: arrays by row number. Does not know: decisions.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.actions.entry import Flags
from assay.actions.plan import FixPlan, plan_fixes
from assay.columns import BY_NAME, ROW_ID

if TYPE_CHECKING:
    from assay.runs import FinishedRun

NEEDED = (
    "given_label", "is_not_analyzed", "is_initially_unlabeled", "is_label_issue", "is_safe_to_fix", "is_multi_label", "suggested_label",
    "suggested_label_confidence_score", "is_outlier", "is_exact_duplicate", "is_near_duplicate",
    "exact_duplicate_cluster_id", "near_duplicate_cluster_id", "near_duplicate_kind",
    "is_duplicate_label_conflict", "is_duplicate_label_wrong", "duplicate_correct_label",
    "image_width", "image_height", "text_num_characters",
)  # fmt: skip


def fix_columns(project: FinishedRun) -> dict[str, Any]:
    """The result columns that `plan_fixes` looks at, present rows in the user's order; labels are values."""
    present = set(project.result_columns())
    table = project.results(columns=[name for name in NEEDED if name in present])
    return {name: _array(table[name], name) for name in table.column_names if name != ROW_ID}


def _array(column: pa.ChunkedArray, name: str) -> Any:
    """Labels as objects with None, so that integers stay integers; everything else as numpy."""
    if BY_NAME[name].dtype != "label":
        return column.to_pandas()
    packed = column.combine_chunks().dictionary_encode()  # one Python object a class, not one a row
    packed = packed.combine_chunks() if isinstance(packed, pa.ChunkedArray) else packed
    values = np.array([*packed.dictionary.to_pylist(), None], object)
    return values[np.asarray(packed.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False), np.int64)]


class ProjectFacts:
    """By row number: what `prepare` is told of a project."""

    def __init__(self, project: FinishedRun) -> None:
        self._project = project
        self._plans: dict[str, FixPlan] = {}

    @property
    def n_rows(self) -> int:
        return self._project.dataset.n_rows

    @cached_property
    def given(self) -> NDArray[np.object_]:
        """(N,) label values, None = unlabelled."""
        target = self._project.dataset.target
        return target.decode(target.column)

    def fit_decision(self, label: Any) -> Any:
        """A label that a person decided on, as the task writes it; `UsageError` where it does not fit."""
        return self._project.dataset.target.fit_decision(label)

    @cached_property
    def present(self) -> Flags:
        """(N,) rows that are still in the source."""
        present = np.zeros(self.n_rows, bool)
        present[self._project.dataset.order] = True
        return present

    def plan(self, policy: str) -> FixPlan:
        """What the policy would do to every row if nobody had decided anything. Made once; O(N log N)."""
        if policy not in self._plans:
            made = plan_fixes(fix_columns(self._project), None, policy)
            action, label = np.full(self.n_rows, None, object), np.full(self.n_rows, None, object)
            order = self._project.dataset.order
            action[order], label[order] = made.action, made.corrected_label
            self._plans[policy] = FixPlan(made.policy, action, label, made.done, made.left)
        return self._plans[policy]
