"""What an export would do, before it is done.

In: a finished run, its log of decisions, how far to fix. Out: a `FixPlan`, the copies that go by their ids, a preview.
Does not know: file formats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.actions import ActionLog, FixPlan, Policy, plan_fixes
from assay.actions.plan import DROP_SHARE
from assay.actions.project_facts import fix_columns
from assay.errors import TooManyCopiesError
from assay.export.second_labels import COLUMNS, second_of, undecided_rows

if TYPE_CHECKING:
    from assay.runs import FinishedRun

SHOWN = 20  # copies that are listed one by one


def plan_project(
    project: FinishedRun,
    log: ActionLog,
    fix: str | Policy = "none",
    at: int | None = None,
    *,
    drop_duplicates: str | None = None,
    drop_share: float = DROP_SHARE,
) -> FixPlan:
    """What an export would do, by position in the user's order. Nothing is written; the arguments of `export_project`."""
    order = project.dataset.order
    decisions = log.state(at).decisions()
    if decisions:  # by position, as the columns are
        decisions = {position: decisions[row] for position, row in enumerate(order.tolist()) if row in decisions}
    return plan_fixes(fix_columns(project), decisions, fix, drop_duplicates=drop_duplicates, drop_share=drop_share)


@dataclass(frozen=True)
class NamedCopy:
    """A row that is left out as a copy, and the one that stays; both by row number and by row id."""

    row: int
    id: str
    stays: int
    stays_id: str
    kind: str
    why: str

    @property
    def reason(self) -> str:
        """Why the row goes."""
        how = {"exact": "exact copy", "near": "near copy"}.get(self.kind, f"near copy ({self.kind})")
        return f"{how} of {self.stays_id}, which stays: {self.why}"

    def line(self) -> str:
        return f"  left out {self.id}: {self.reason}"


@dataclass(frozen=True)
class ExportPreview:
    """What an export would do. ``refused``: why it would not be done as asked, "" = it would.

    rows : of the dataset; ``relabeled`` of them get another label, ``left_out`` would not be written. copies : the rows
    left out as copies, each with the one that stays. both : rows that would carry both labels.
    """

    rows: int
    relabeled: int
    left_out: int
    both: int
    done: dict[str, int]
    left: dict[str, int]
    copies: list[NamedCopy]
    refused: str = ""

    def lines(self, first: int = SHOWN) -> list[str]:
        """Plain sentences for a person."""
        said = [f"{self.rows:,} rows: {self.relabeled:,} would be relabelled, {self.left_out:,} left out"]
        said += [f"rows that carry both labels: {self.both:,}"] if self.both else []
        said += [f"{what}: {count:,}" for what, count in self.done.items()]
        said += [f"left for a person, {what}: {count:,}" for what, count in self.left.items()]
        said += [copy.line() for copy in self.copies[:first]]
        said += [f"  ... and {len(self.copies) - first:,} more"] if len(self.copies) > first else []
        return [*said, f"refused as asked: {self.refused}"] if self.refused else said


def preview_export(
    project: FinishedRun,
    log: ActionLog,
    *,
    fix: str | Policy = "none",
    at: int | None = None,
    rows: NDArray[np.bool_] | None = None,
    drop_duplicates: str | None = None,
    drop_share: float = DROP_SHARE,
    both_labels: bool = False,
) -> ExportPreview:
    """What `export_project` would do with these arguments. Copies beyond ``drop_share`` are listed all the same."""
    refused = ""
    try:
        plan = plan_project(project, log, fix, at, drop_duplicates=drop_duplicates, drop_share=drop_share)
    except TooManyCopiesError as error:
        refused = str(error)
        plan = plan_project(project, log, fix, at, drop_duplicates=drop_duplicates, drop_share=1)
    chosen = np.ones(len(plan.action), bool) if rows is None else rows[project.dataset.order]
    relabeled = np.array([label is not None for label in plan.corrected_label], bool) & ~plan.excluded
    copies = [copy for copy in copies_of(project, plan) if rows is None or rows[copy.row]]
    left_out = int((plan.excluded & chosen).sum())
    both = 0
    if both_labels:
        undecided = undecided_rows(project, log, at)[project.dataset.order]
        second = second_of(project.results(columns=COLUMNS), undecided & chosen & ~plan.excluded)
        both = sum(label is not None for label in second.tolist())
    return ExportPreview(
        int(chosen.sum()), int((relabeled & chosen).sum()), left_out, both, plan.done, plan.left, copies, refused
    )


def copies_of(project: FinishedRun, plan: FixPlan, first: int | None = None) -> list[NamedCopy]:
    """The copies that a plan leaves out, the first of them or all, with their row ids."""
    some = plan.copies[:first]
    order = project.dataset.order
    rows = [int(order[copy.row]) for copy in some], [int(order[copy.stays]) for copy in some]
    ids = project.dataset.rows["row_id"].cast(pa.string())
    names = [ids.take(pa.array(side, pa.int64())).to_pylist() for side in rows]
    return [
        NamedCopy(row, name, stays, stays_name, copy.kind, copy.why)
        for copy, row, stays, name, stays_name in zip(some, *rows, *names, strict=True)
    ]
