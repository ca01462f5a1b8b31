"""`export_project`: a project's results, planned and written out.

In: a finished run, its log of decisions, how far to fix, a target. Out: one file or folder, and what was done. Writes nothing into
the project.
Does not know: how issues were found, file formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.actions import ActionLog, FixPlan, Policy, plan_fixes
from assay.actions.project_facts import fix_columns
from assay.columns import ROW_ID
from assay.export.batch import Batch
from assay.export.dataset import Exported, export_dataset

if TYPE_CHECKING:
    from assay.runs import FinishedRun


def export_project(
    project: FinishedRun,
    log: ActionLog,
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
) -> Exported:
    """Write the dataset to train on: with what people decided, then fixed as ``fix`` says where nobody decided.

    ``fix`` is "none", "auto", "reference" or a `assay.actions.Policy`; ``at`` takes the decisions as they stood after that
    entry of the log (0 = none of them; default all); ``rows`` (N,) by row number: only these. The other options are those
    of `export_dataset`. ``lines()`` of the result tell what was done and what is left.
    """
    target = Path(path)
    project.refuse_source(target)
    plan = _plan(project, log, fix, at)
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
    said = plan.lines() if plan.policy != "none" or plan.done else []
    return replace(done, notes=[*said, *done.notes])


def _in_memory(project: FinishedRun) -> bool:
    """Did the pictures come as bytes, in a column of a frame or a Hugging Face dataset?"""
    return bool(pc.all(pc.equal(project.dataset.rows["uri"], "")).as_py())


def _plan(project: FinishedRun, log: ActionLog, fix: str | Policy, at: int | None) -> FixPlan:
    order = project.dataset.order
    decisions = log.state(at).decisions()
    if decisions:  # by position, as the columns are
        decisions = {place: decisions[row] for place, row in enumerate(order.tolist()) if row in decisions}
    return plan_fixes(fix_columns(project), decisions, fix)


def _batches(project: FinishedRun, plan: FixPlan, rows: NDArray[np.bool_] | None) -> Iterator[Batch]:
    order, image, start = project.dataset.order, project.run["roles"]["image"], 0
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
        )
        yield batch if rows is None else batch.take(rows[order[start:stop]])
        start = stop
