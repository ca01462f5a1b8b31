"""`export_project`: a project's results, planned and written out.

In: a `Project`, how far to fix, a target. Out: one file or folder, and what was done. Writes nothing into the project.
Does not know: how issues were found, file formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.actions import FixPlan, Policy, plan_fixes
from assay.actions.plan import DROP_SHARE
from assay.actions.project_facts import fix_columns
from assay.columns import ROW_ID
from assay.errors import TooManyCopiesError
from assay.export.dataset import Batch, Exported, export_dataset

if TYPE_CHECKING:
    from assay.project import Project

SHOWN = 20  # copies that are listed one by one


def export_project(
    project: Project,
    path: str | Path,
    *,
    fix: str | Policy = "none",
    format: str | None = None,
    columns: str = "none",
    keep_excluded: bool = False,
    only_corrections: bool = False,
    csv_guard: bool = False,
    at: int | None = None,
    rows: NDArray[np.bool_] | None = None,
    drop_duplicates: str | None = None,
    drop_share: float = DROP_SHARE,
) -> Exported:
    """Write the dataset to train on: with what people decided, then fixed as ``fix`` says where nobody decided.

    ``fix`` is "none", "auto", "reference" or a `assay.actions.Policy`; ``at`` takes the decisions as they stood after that
    entry of the log (0 = none of them; default all); ``rows`` (N,) by row number: only these. ``drop_duplicates``:
    "exact" or "near" copies are left out, all but one row of each set, as long as they are at most ``drop_share`` of all
    rows; see `assay.actions.plan_fixes`. The other options are those of `export_dataset`. ``lines()`` of the result tell
    what was done and what is left.

    Raises
    ------
    TooManyCopiesError
        more copies than ``drop_share``; nothing is written.
    """
    target = Path(path)
    project.refuse_source(target)
    plan = plan_project(project, fix, at, drop_duplicates=drop_duplicates, drop_share=drop_share)
    present = project.result_columns()
    pictures = project.run["modality"] == "image"
    done = export_dataset(
        _batches(project, plan, rows),
        target,
        label=project.run["roles"]["label"],
        format=format,
        columns=columns,
        keep_excluded=keep_excluded,
        only_corrections=only_corrections,
        csv_guard=csv_guard,
        public_names=project.public_names,
        open_bytes=project.open_bytes if pictures else None,
        picture_column=project.run["roles"]["image"] if pictures and _in_memory(project) else None,
        splits="split" in present,
    )
    said = plan.lines() if plan.policy != "none" or plan.done or plan.left else []
    said += [copy.line() for copy in copies_of(project, plan, SHOWN)]
    if len(plan.copies) > SHOWN:
        said.append(f"  ... and {len(plan.copies) - SHOWN:,} more; --columns actions --keep-excluded writes them all")
    return replace(done, notes=[*said, *done.notes])


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
    left out as copies, each with the one that stays.
    """

    rows: int
    relabeled: int
    left_out: int
    done: dict[str, int]
    left: dict[str, int]
    copies: list[NamedCopy]
    refused: str = ""

    def lines(self, first: int = SHOWN) -> list[str]:
        """Plain sentences for a person."""
        said = [f"{self.rows:,} rows: {self.relabeled:,} would be relabelled, {self.left_out:,} left out"]
        said += [f"{what}: {count:,}" for what, count in self.done.items()]
        said += [f"left for a person, {what}: {count:,}" for what, count in self.left.items()]
        said += [copy.line() for copy in self.copies[:first]]
        said += [f"  ... and {len(self.copies) - first:,} more"] if len(self.copies) > first else []
        return [*said, f"refused as asked: {self.refused}"] if self.refused else said


def preview_export(
    project: Project,
    *,
    fix: str | Policy = "none",
    at: int | None = None,
    rows: NDArray[np.bool_] | None = None,
    drop_duplicates: str | None = None,
    drop_share: float = DROP_SHARE,
) -> ExportPreview:
    """What `export_project` would do with these arguments. Copies beyond ``drop_share`` are listed all the same."""
    refused = ""
    try:
        plan = plan_project(project, fix, at, drop_duplicates=drop_duplicates, drop_share=drop_share)
    except TooManyCopiesError as error:
        refused = str(error)
        plan = plan_project(project, fix, at, drop_duplicates=drop_duplicates, drop_share=1)
    chosen = np.ones(len(plan.action), bool) if rows is None else rows[project.dataset.order]
    relabeled = np.array([label is not None for label in plan.corrected_label], bool) & ~plan.excluded
    copies = [copy for copy in copies_of(project, plan) if rows is None or rows[copy.row]]
    left_out = int((plan.excluded & chosen).sum())
    return ExportPreview(
        int(chosen.sum()), int((relabeled & chosen).sum()), left_out, plan.done, plan.left, copies, refused
    )


def copies_of(project: Project, plan: FixPlan, first: int | None = None) -> list[NamedCopy]:
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


def _in_memory(project: Project) -> bool:
    """Did the pictures come as bytes, in a column of a frame or a Hugging Face dataset?"""
    return bool(pc.all(pc.equal(project.dataset.rows["uri"], "")).as_py())


def plan_project(
    project: Project,
    fix: str | Policy = "none",
    at: int | None = None,
    *,
    drop_duplicates: str | None = None,
    drop_share: float = DROP_SHARE,
) -> FixPlan:
    """What an export would do, by position in the user's order. Nothing is written; the arguments of `export_project`."""
    order = project.dataset.order
    decisions = project.log.state(at).decisions()
    if decisions:  # by position, as the columns are
        decisions = {place: decisions[row] for place, row in enumerate(order.tolist()) if row in decisions}
    return plan_fixes(fix_columns(project), decisions, fix, drop_duplicates=drop_duplicates, drop_share=drop_share)


def _batches(project: Project, plan: FixPlan, rows: NDArray[np.bool_] | None) -> Iterator[Batch]:
    order, image, start = project.dataset.order, project.run["roles"]["image"], 0
    reason = None
    if plan.copies:
        reason = np.full(len(order), None, object)
        reason[[copy.row for copy in plan.copies]] = [copy.reason for copy in copies_of(project, plan)]
    for cells, results in project.batches():
        stop = start + cells.num_rows
        named = results[ROW_ID].cast(pa.string())
        if image is not None and image in cells.column_names and pa.types.is_string(cells[image].type):
            named = pc.coalesce(cells[image], named)
        batch = Batch(
            cells,
            results,
            plan.action[start:stop],
            plan.corrected_label[start:stop],
            order[start:stop],
            named.to_pylist(),
            None if reason is None else reason[start:stop],
        )
        yield batch if rows is None else batch.take(rows[order[start:stop]])
        start = stop
