"""`export_project`: a project's results, planned and written out.

In: a `Project`, how far to fix, a target. Out: one file or folder, and what was done. Writes nothing into the project.
Does not know: how issues were found, file formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.actions import FixPlan, Policy, plan_fixes
from assay.columns import BY_NAME, ROW_ID
from assay.export.dataset import Batch, Exported, export_dataset

if TYPE_CHECKING:
    from assay.project.project import Project

NEEDED = (
    "given_label", "is_not_analyzed", "is_initially_unlabeled", "is_label_issue", "is_safe_to_fix", "suggested_label",
    "suggested_label_confidence_score", "is_outlier", "is_exact_duplicate", "is_near_duplicate",
    "near_duplicate_cluster_id", "is_duplicate_label_conflict", "is_duplicate_label_wrong", "duplicate_correct_label",
    "image_width", "image_height", "text_num_characters", "is_low_information", "is_dark", "is_light", "is_empty_text",
    "is_non_language",
)  # fmt: skip


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
) -> Exported:
    """Write the dataset to train on, fixed as ``fix`` says; ``lines()`` of the result tell what was done and left.

    ``fix`` is "none", "auto", "reference" or a `assay.actions.Policy`; the other options are those of `export_dataset`.
    """
    target = Path(path)
    project.refuse_source(target)
    plan = _plan(project, fix)
    present = project.result_columns()
    pictures = project.run["modality"] == "image"
    done = export_dataset(
        _batches(project, plan),
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


def _in_memory(project: Project) -> bool:
    """Did the pictures come as bytes, in a column of a frame or a Hugging Face dataset?"""
    return bool(pc.all(pc.equal(project.dataset.rows["uri"], "")).as_py())


def _plan(project: Project, fix: str | Policy) -> FixPlan:
    present = set(project.result_columns())
    table = project.results(columns=[name for name in NEEDED if name in present])
    return plan_fixes({name: _array(table[name], name) for name in table.column_names if name != ROW_ID}, {}, fix)


def _array(column: pa.ChunkedArray, name: str) -> Any:
    """Labels as objects with None, so that integers stay integers; everything else as numpy."""
    if BY_NAME[name].dtype != "label":
        return column.to_pandas()
    out = np.empty(len(column), object)
    out[:] = column.to_pylist()
    return out


def _batches(project: Project, plan: FixPlan) -> Iterator[Batch]:
    order, image, start = project.dataset.order, project.run["roles"]["image"], 0
    for cells, results in project.batches():
        stop = start + cells.num_rows
        named = results[ROW_ID].cast(pa.string())
        if image is not None and image in cells.column_names and pa.types.is_string(cells[image].type):
            named = pc.coalesce(cells[image], named)
        yield Batch(
            cells,
            results,
            plan.action[start:stop],
            plan.corrected_label[start:stop],
            order[start:stop],
            named.to_pylist(),
        )
        start = stop
