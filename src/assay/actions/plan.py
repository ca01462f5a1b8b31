"""`plan_fixes`: one row of issues, one action; a pure function.

In: issue columns by the names of columns.py, decisions by row, a policy. Out: `FixPlan`.
Does not know: what a label means (values and codes are alike to it), files, who decided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.actions.copies import Copy, best_first, groups_of, reasons, torn_groups
from assay.actions.policy import POLICIES, Policy
from assay.errors import TooManyCopiesError, UsageError

AUTO, LABEL, EXCLUDE, KEEP, UNRESOLVED = "auto-fix", "label", "exclude", "keep", "unresolved"
ACTIONS = (AUTO, LABEL, EXCLUDE, KEEP, UNRESOLVED)
DECIDED = {
    AUTO: "rows whose suggestion a person accepted",
    LABEL: "rows that a person relabelled",
    EXCLUDE: "rows that a person left out",
    KEEP: "rows that a person kept as given",
    UNRESOLVED: "rows that a person left undecided",
}
DROPS = ("exact", "near")
DROP_SHARE = 0.05  # of the rows may be left out as copies unless a person allows more

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

    ``done`` and ``left``: what was done and what is left for a person and why, with how many rows. ``copies``: the rows
    that are left out as copies, each with the row that stays and why, in the order of rows.
    """

    policy: str
    action: Objects
    corrected_label: Objects
    done: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)

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
    *,
    drop_duplicates: str | None = None,
    drop_share: float = DROP_SHARE,
) -> FixPlan:
    """Decide about every row: first what a person decided, then what the policy allows, then nothing.

    Parameters
    ----------
    issues : columns of one length by the names of columns.py (DataFrame or mapping of arrays); a column that is not
        there flags nothing. Labels are values (None, NaN = none) or int32 codes (-1 = none).
    decisions : row number -> `Decision`; always wins.
    policy : "none", "auto", "reference" or a `Policy`. "auto" changes labels only: it leaves no row out.
    drop_duplicates : "exact" or "near": leave out all but one row of each set of exact copies, or of verified near
        copies. Default: no row is left out as a copy.
    drop_share : the largest share of the rows, 0 to 1, that may be left out as copies.

    Rules, in this order; the first that applies decides a row:

    1. a person's decision ("unresolved" too: the row is set aside and nothing touches it)
    2. outliers are left out (reference)
    3. of each set of copies one row stays (only with ``drop_duplicates``): one that a person kept, else a correctly
       labelled one, then the largest, then the first. Where copies carry different labels and it is not clear which is
       right, all stay. Equal rows of a table whose few values make them likely are no copies.
    4. label issues take the suggestion (reference: all; auto: safe ones that are no outliers)
    5. unlabelled rows take it (reference: all; auto: of confidence .9 and more that are no outliers)

    What the checks flag and rules 2 to 5 do not settle is "unresolved". Cost: O(N log N).

    Raises
    ------
    UsageError
        unknown words, a decision that makes no sense, more copies than ``drop_share``.
    """
    chosen = _policy(policy)
    if drop_duplicates not in (None, *DROPS):
        raise UsageError(f"unknown kind of duplicates {drop_duplicates!r}; choose one of {', '.join(DROPS)}")
    if not 0 <= drop_share <= 1:
        raise UsageError(f"the share of rows that may be left out as copies is from 0 to 1, not {drop_share:g}")
    table = _Table(issues)
    plan = _Draft(table, chosen)
    for row, decision in (decisions or {}).items():
        plan.decide(int(row), decision)
    if chosen.name != "none":
        plan.outliers()
    if drop_duplicates is not None:
        plan.drop_copies(drop_duplicates, drop_share)
    if chosen.name != "none":
        plan.conflicts()
        plan.label_issues()
        plan.unlabeled()
        plan.leave_rest()
    return FixPlan(chosen.name, plan.action, plan.corrected, plan.done, plan.left, plan.copies)


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
        self.copies: list[Copy] = []

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
        self._count(self.done, DECIDED[decision.action], 1)

    def outliers(self) -> None:
        if self.policy.outliers == "all":
            self._exclude_rows(np.flatnonzero(self.outlier & ~self.settled), "outliers left out")

    def drop_copies(self, kind: str, most: float) -> None:
        """All but one row of each set of copies, unless they are more than a share of ``most``."""
        rows, group = groups_of(self.table, kind)
        there = self.action[rows] != EXCLUDE
        rows, group = rows[there], group[there]
        given, right = self.table.label("given_label"), self.table.label("duplicate_correct_label")
        torn = torn_groups(group, given[rows], right[rows])
        self.torn[rows[torn]] = True
        rows, group = rows[~torn], group[~torn]
        order, first, ranking = best_first(self.table, rows, group, self.decided, self.label_issue)
        keeper = order[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]  # of each place in ``order``
        extra = ~first & ~self.settled[rows[order]]
        self._check_share(int(extra.sum()), kind, most)
        self.copies = sorted(
            reasons(self.table, rows, order[extra], keeper[extra], ranking, kind), key=lambda copy: copy.row
        )
        self._exclude_rows(rows[order[extra]], f"{kind} copies of other rows left out")
        if self.policy.label_issues != "none":
            self._relabel_keepers(rows[order[first]], right)

    def _check_share(self, n: int, kind: str, most: float) -> None:
        if n > most * self.table.n_rows:
            raise TooManyCopiesError(
                f"{n:,} of {self.table.n_rows:,} rows ({n / self.table.n_rows:.1%}) are {kind} copies of others, more than "
                f"the {most:.0%} that may be left out; look at them, and if they are surplus allow it with "
                f"--drop-share {math.ceil(n / self.table.n_rows * 100) / 100:g}",
                n,
            )

    def _relabel_keepers(self, keepers: NDArray[np.int64], right: Objects) -> None:
        """A conflict whose right label is known ends with that label, whichever copy stayed."""
        given = self.table.label("given_label")
        rows = keepers[_present(right[keepers]) & ~self.settled[keepers]]
        differ = rows[_differ(given[rows], right[rows])]
        self._relabel(differ, right, "rows relabelled as their copies are")
        self.settled[rows] = True

    def conflicts(self) -> None:
        """Copies that all stay under different labels: a suggestion is taken only where the copies speak for it."""
        conflict = self.table.flag("is_duplicate_label_conflict") & ~self.settled
        right = self.table.label("duplicate_correct_label")
        if self.policy.label_issues == "safe":
            self.torn |= conflict & (~_present(right) | _differ(self.suggested, right))
            content = conflict & _present(right) & ~_differ(self.table.label("given_label"), right)
            self.torn &= ~content
            self.settled |= content

    def label_issues(self) -> None:
        if self.policy.label_issues == "none":
            return
        rows = self.label_issue & ~self.settled & ~self.torn & _present(self.suggested)
        what = "label issues given the suggested label"
        if self.policy.label_issues == "safe":
            rows &= self.table.flag("is_safe_to_fix") & ~self.outlier & ~self.table.flag("is_multi_label")
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
        self._leave(self.torn, "copies with different labels")
        self._leave(self.table.flag("is_not_analyzed"), "rows that could not be read")
        self._leave(self.outlier, "outliers")
        self._leave(self.label_issue, "label issues without a suggestion that is certain enough")
        unlabeled = self.table.flag("is_initially_unlabeled")
        self._leave(unlabeled, "unlabelled rows without a suggestion that is certain enough")

    # bookkeeping ---------------------------------------------------------------------------------------------

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
