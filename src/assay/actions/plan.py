"""`plan_fixes`: one row of issues, one action; a pure function.

In: issue columns by the names of columns.py, decisions by row, a policy. Out: `FixPlan`.
Does not know: what a label means (values and codes are alike to it), files, who decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.actions.policy import POLICIES, Policy
from assay.errors import UsageError

AUTO, LABEL, EXCLUDE, KEEP, UNRESOLVED = "auto-fix", "label", "exclude", "keep", "unresolved"
ACTIONS = (AUTO, LABEL, EXCLUDE, KEEP, UNRESOLVED)
# checks that make an outlier no example of anything, by evidence that the outlier check does not use
BROKEN = ("is_low_information", "is_dark", "is_light", "is_empty_text", "is_non_language")

Flags = NDArray[np.bool_]
Objects = NDArray[np.object_]


@dataclass(frozen=True)
class Decision:
    """What a person decided about a row. ``label`` goes with "label"; with "auto-fix" it defaults to the suggestion."""

    action: str
    label: Any = None


@dataclass(frozen=True)
class FixPlan:
    """``action`` and ``corrected_label`` (N,) as in columns.py: None = nothing to do, label unchanged.

    ``done`` and ``left``: what was done and what is left for a person and why, with how many rows.
    """

    policy: str
    action: Objects
    corrected_label: Objects
    done: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)

    @property
    def excluded(self) -> Flags:
        """(N,) the rows left out."""
        return np.asarray(self.action == EXCLUDE)

    def lines(self) -> list[str]:
        """Plain lines: what was done, then what was left, each with its number of rows."""
        done = [f"{what}: {count:,}" for what, count in self.done.items()]
        left = [f"left for a person, {what}: {count:,}" for what, count in self.left.items()]
        return [*(done or ["nothing was changed"]), *left]


def plan_fixes(
    issues: pd.DataFrame | Mapping[str, Any],
    decisions: Mapping[int, Decision] | None = None,
    policy: str | Policy = "none",
) -> FixPlan:
    """Decide about every row: first what a person decided, then what the policy allows, then nothing.

    Parameters
    ----------
    issues : columns of one length by the names of columns.py (DataFrame or mapping of arrays); a column that is not
        there flags nothing. Labels are values (None, NaN = none) or int32 codes (-1 = none).
    decisions : row number -> `Decision`; always wins.
    policy : "none", "auto", "reference" or a `Policy`.

    Rules, in this order; the first that applies decides a row:

    1. a person's decision ("unresolved" too: the row is set aside and nothing touches it)
    2. rows that could not be read are left out (auto)
    3. outliers are left out (reference: all; auto: where a second check agrees, see `Policy`)
    4. of each set of verified copies one row stays (auto): one that a person kept, else a correctly labelled one, then
       the largest, then the first. Where copies carry different labels and it is not clear which is right, all stay.
    5. label issues take the suggestion (reference: all; auto: safe ones that are no outliers)
    6. unlabelled rows take it (reference: all; auto: of confidence .9 and more that are no outliers)

    What rules 3 to 6 flag but do not settle is "unresolved". Cost: O(N log N).
    """
    chosen = _policy(policy)
    table = _Table(issues)
    plan = _Draft(table, chosen)
    for row, decision in (decisions or {}).items():
        plan.decide(int(row), decision)
    if chosen.name != "none":
        plan.unreadable()
        plan.outliers()
        plan.duplicates()
        plan.label_issues()
        plan.unlabeled()
        plan.leave_rest()
    return FixPlan(chosen.name, plan.action, plan.corrected, plan.done, plan.left)


def _policy(policy: str | Policy) -> Policy:
    if isinstance(policy, Policy):
        return policy
    if policy not in POLICIES:
        raise UsageError(f"unknown fix policy {policy!r}; choose one of {', '.join(POLICIES)}")
    return POLICIES[policy]


def _present(labels: Objects) -> Flags:
    return np.array([label is not None for label in labels], bool)


def _differ(labels: Objects, others: Objects) -> Flags:
    return np.array([label != other for label, other in zip(labels, others, strict=True)], bool)


class _Table:
    """Issue columns read once into plain numpy, absent ones as nothing."""

    def __init__(self, columns: pd.DataFrame | Mapping[str, Any]) -> None:
        self._columns = columns
        self.n_rows = len(columns) if isinstance(columns, pd.DataFrame) else len(next(iter(columns.values()), ()))

    def flag(self, name: str) -> Flags:
        if name not in self._columns:
            return np.zeros(self.n_rows, bool)
        return np.asarray(pd.Series(self._columns[name]).eq(True).fillna(False).to_numpy(dtype=bool))

    def number(self, name: str, absent: float) -> NDArray[np.float64]:
        if name not in self._columns:
            return np.full(self.n_rows, absent)
        values = pd.Series(self._columns[name]).to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isnan(values), absent, values)

    def label(self, name: str) -> Objects:
        if name not in self._columns:
            return np.full(self.n_rows, None, object)
        values = pd.Series(self._columns[name])
        out = np.asarray(values.to_numpy(dtype=object)).copy()
        out[values.isna().to_numpy() | ((values == -1).to_numpy() if values.dtype == np.int32 else False)] = None
        return out


class _Draft:
    """The plan while it is made. Each method is one rule and leaves rows alone that are ``settled``."""

    def __init__(self, table: _Table, policy: Policy) -> None:
        self.table, self.policy = table, policy
        n = table.n_rows
        self.action: Objects = np.full(n, None, object)
        self.corrected: Objects = np.full(n, None, object)
        self.settled = np.zeros(n, bool)
        self.decided = np.zeros(n, bool)
        self.done: dict[str, int] = {}
        self.left: dict[str, int] = {}
        self.suggested = table.label("suggested_label")
        self.outlier = table.flag("is_outlier")
        self.label_issue = table.flag("is_label_issue")
        self.torn = np.zeros(n, bool)  # copies under different labels, none of them known to be right

    # rules ---------------------------------------------------------------------------------------------------

    def decide(self, row: int, decision: Decision) -> None:
        if decision.action not in ACTIONS:
            raise UsageError(f"row {row}: unknown action {decision.action!r}; choose one of {', '.join(ACTIONS)}")
        if not 0 <= row < self.table.n_rows:
            raise UsageError(f"there is no row {row}: the dataset has {self.table.n_rows:,} rows")
        label = self.suggested[row] if decision.action == AUTO and decision.label is None else decision.label
        if decision.action in (AUTO, LABEL) and label is None:
            why = ": there is no suggestion for it" if decision.action == AUTO else ""
            raise UsageError(f'row {row}: the action "{decision.action}" needs a label{why}')
        self.action[row] = decision.action
        self.corrected[row] = label if decision.action in (AUTO, LABEL) else None
        self.settled[row] = self.decided[row] = True
        self._count(self.done, f'rows that a person marked "{decision.action}"', 1)

    def unreadable(self) -> None:
        if self.policy.unreadable:
            rows = self.table.flag("is_not_analyzed") & ~self.settled
            self._exclude(rows, "rows left out that could not be read")

    def outliers(self) -> None:
        if self.policy.outliers == "all":
            self._exclude(self.outlier & ~self.settled, "outliers left out")
        elif self.policy.outliers == "agreed":
            broken = np.logical_or.reduce([self.table.flag(name) for name in BROKEN])
            rows = self.outlier & broken & ~self.settled
            self._exclude(rows, "outliers left out that another check finds empty or meaningless too")

    def duplicates(self) -> None:
        if not self.policy.duplicates:
            return
        cluster = self.table.number("near_duplicate_cluster_id", -1).astype(np.int64)
        copy = self.table.flag("is_near_duplicate") | self.table.flag("is_exact_duplicate")
        gone = self.action == EXCLUDE
        rows = np.flatnonzero(copy & (cluster >= 0) & ~gone)
        right = self.table.label("duplicate_correct_label")
        unsure = self.table.flag("is_duplicate_label_conflict") & ~_present(right)
        unsure_clusters = np.unique(cluster[rows][unsure[rows]])
        torn = np.isin(cluster[rows], unsure_clusters)
        self.torn[rows[torn]] = True
        rows = rows[~torn]
        keepers, extras = self._keepers(rows, cluster[rows], right)
        self._exclude_rows(extras[~self.settled[extras]], "extra copies of other rows left out")
        self._relabel_keepers(keepers, right)

    def _keepers(
        self, rows: NDArray[np.int64], cluster: NDArray[np.int64], right: Objects
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The row of each cluster that stays, and the others."""
        given = self.table.label("given_label")[rows]
        known = _present(right[rows])
        wrong = self.table.flag("is_duplicate_label_wrong")[rows] | (known & _differ(given, right[rows]))
        blank = ~_present(given)
        order = np.lexsort(
            (rows, -self._size()[rows], blank, self.label_issue[rows], wrong, ~self.decided[rows], cluster)
        )
        first = np.ones(len(order), bool)
        first[1:] = cluster[order][1:] != cluster[order][:-1]
        return rows[order[first]], rows[order[~first]]

    def _relabel_keepers(self, keepers: NDArray[np.int64], right: Objects) -> None:
        """A conflict whose right label is known ends with that label, whichever copy stayed."""
        given = self.table.label("given_label")
        rows = keepers[_present(right[keepers]) & ~self.settled[keepers]]
        differ = rows[_differ(given[rows], right[rows])]
        self._relabel(differ, right, "rows relabelled as their copies are")
        self.settled[rows] = True

    def _size(self) -> NDArray[np.float64]:
        """Pixels or characters; 0 where neither is known."""
        pixels = self.table.number("image_width", 0) * self.table.number("image_height", 0)
        return pixels + self.table.number("text_num_characters", 0)

    def label_issues(self) -> None:
        if self.policy.label_issues == "none":
            return
        rows = self.label_issue & ~self.settled & ~self.torn & _present(self.suggested)
        what = "label issues given the suggested label"
        if self.policy.label_issues == "safe":
            rows &= self.table.flag("is_safe_to_fix") & ~self.outlier
            what = "label issues given the suggested label, which is safe to take"
        self._relabel(np.flatnonzero(rows), self.suggested, what)

    def unlabeled(self) -> None:
        if self.policy.unlabeled is None:
            return
        confidence = self.table.number("suggested_label_confidence_score", -1)
        rows = self.table.flag("is_initially_unlabeled") & ~self.settled & ~self.torn & _present(self.suggested)
        what = "unlabelled rows given the suggested label"
        if self.policy.unlabeled > 0:
            rows &= (confidence >= self.policy.unlabeled) & ~self.outlier
            what += f", at least {self.policy.unlabeled:.0%} confident"
        self._relabel(np.flatnonzero(rows), self.suggested, what)

    def leave_rest(self) -> None:
        """What the checks flag and no rule settled."""
        self._leave(self.torn, "copies with different labels where it is not clear which is right")
        self._leave(self.outlier, "outliers where no second check agrees")
        self._leave(self.label_issue, "label issues without a suggestion that is certain enough")
        unlabeled = self.table.flag("is_initially_unlabeled")
        self._leave(unlabeled, "unlabelled rows without a suggestion that is certain enough")

    # bookkeeping ---------------------------------------------------------------------------------------------

    def _exclude(self, rows: Flags, what: str) -> None:
        self._exclude_rows(np.flatnonzero(rows), what)

    def _exclude_rows(self, rows: NDArray[np.int64], what: str) -> None:
        self.action[rows] = EXCLUDE
        self.settled[rows] = True
        self._count(self.done, what, len(rows))

    def _relabel(self, rows: NDArray[np.int64], labels: Objects, what: str) -> None:
        self.action[rows] = AUTO
        self.corrected[rows] = labels[rows]
        self.settled[rows] = True
        self._count(self.done, what, len(rows))

    def _leave(self, flagged: Flags, why: str) -> None:
        rows = flagged & ~self.settled
        self.action[rows] = UNRESOLVED
        self.settled |= rows
        self._count(self.left, why, int(rows.sum()))

    @staticmethod
    def _count(counts: dict[str, int], what: str, rows: int) -> None:
        if rows:
            counts[what] = counts.get(what, 0) + rows
