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

from assay.actions import ActionLog, FixPlan, Policy
from assay.actions.plan import DROP_SHARE
from assay.columns import ROW_ID
from assay.export.batch import Batch
from assay.export.dataset import Exported, export_dataset
from assay.export.preview import SHOWN, copies_of, plan_project
from assay.export.second_labels import second_of, undecided_rows

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
    drop_duplicates: str | None = None,
    drop_share: float = DROP_SHARE,
    both_labels: bool = False,
) -> Exported:
    """Write the dataset to train on: with what people decided, then fixed as ``fix`` says where nobody decided.

    ``fix`` is "none", "auto", "reference" or a `assay.actions.Policy`; ``at`` takes the decisions as they stood after that
    entry of the log (0 = none of them; default all); ``rows`` (N,) by row number: only these. The other options are those
    of `export_dataset`. ``lines()`` of the result tell what was done and what is left. ``drop_duplicates``: "exact" or
    "near" copies are left out, all but one row of each set, as long as they are at most ``drop_share`` of all rows; see
    `assay.actions.plan_fixes`. ``both_labels``: rows that hold two labels and that nobody decided about carry both.

    Raises
    ------
    UsageError
        options that do not go together; both labels of a run that looked for no second ones.
    TooManyCopiesError
        more copies than ``drop_share``; nothing is written.
    """
    target = Path(path)
    project.refuse_source(target)
    plan = plan_project(project, log, fix, at, drop_duplicates=drop_duplicates, drop_share=drop_share)
    present = project.result_columns()
    pictures = project.run["modality"] == "image"
    done = export_dataset(
        _batches(project, plan, rows, undecided_rows(project, log, at) if both_labels else None),
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
        new_labels=list(dict.fromkeys(label for label in plan.corrected_label.tolist() if label is not None)),
        raw_form=project.originals.raw_form if project.originals is not None else "",
        merged=project.originals.merged if project.originals is not None else None,
        header=project.originals.header if project.originals is not None else None,
        both_labels=both_labels,
    )
    said = plan.lines() if plan.policy != "none" or plan.done or plan.left else []
    said += [copy.line() for copy in copies_of(project, plan, SHOWN)]
    if len(plan.copies) > SHOWN:
        said.append(f"  ... and {len(plan.copies) - SHOWN:,} more; --columns actions --keep-excluded writes them all")
    return replace(done, notes=[*said, *done.notes])


def _in_memory(project: FinishedRun) -> bool:
    """Did the pictures come as bytes, in a column of a frame or a Hugging Face dataset?"""
    return bool(pc.all(pc.equal(project.dataset.rows["uri"], "")).as_py())


def _batches(
    project: FinishedRun,
    plan: FixPlan,
    rows: NDArray[np.bool_] | None,
    undecided: NDArray[np.bool_] | None,
) -> Iterator[Batch]:
    order, image, start = project.dataset.order, project.run["roles"]["image"], 0
    reason = None
    if plan.copies:
        reason = np.full(len(order), None, object)
        reason[[copy.row for copy in plan.copies]] = [copy.reason for copy in copies_of(project, plan)]
    for cells, results in project.original_batches():
        stop = start + cells.num_rows
        named = results[ROW_ID].cast(pa.string())
        if image is not None and image in cells.column_names:
            named = pc.coalesce(_names(cells[image], named.type), named)
        batch = Batch(
            cells,
            results,
            plan.action[start:stop],
            plan.corrected_label[start:stop],
            order[start:stop],
            named.to_pylist(),
            None if reason is None else reason[start:stop],
            _raw(project, start, stop),
            None if undecided is None else second_of(results, undecided[order[start:stop]]),
        )
        yield batch if rows is None else batch.take(rows[order[start:stop]])
        start = stop


def _names(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The names of pictures: texts, or the paths beside bytes."""
    if pa.types.is_struct(column.type):
        return pc.struct_field(column, "path").cast(kind)
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return (
        column.cast(kind)
        if any(test(column.type) for test in text)
        else pa.chunked_array([pa.nulls(len(column), kind)])
    )


def _raw(project: FinishedRun, start: int, stop: int) -> NDArray[np.object_] | None:
    """The lines of rows that could not be read as rows."""
    if project.originals is None or not project.originals.raw:
        return None
    raw = np.full(stop - start, None, object)
    for row, line in project.originals.raw.items():
        if start <= row < stop:
            raw[row - start] = line
    return raw
