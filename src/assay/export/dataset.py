"""`export_dataset`: the user's dataset with the fixes in it.

In: batches of cells, results and planned actions. Out: one file or folder. Does not know: projects, policies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.actions.plan import EXCLUDE
from assay.columns import ROW_ID
from assay.errors import UsageError
from assay.export.batch import Batch
from assay.export.folder import write_class_folders
from assay.export.huggingface import write_hugging_face
from assay.export.table import WRITERS, kind_by_ending, write_table

COLUMNS = ("none", "actions", "all")
TREES = ("folder", "hf")
CHANGES = ("auto-fix", "label", "exclude")


@dataclass(frozen=True)
class Exported:
    """``rows`` written, ``left_out`` excluded; ``notes``: what else there is to say."""

    target: str
    rows: int
    left_out: int
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Plain sentences for a person."""
        out = f", {self.left_out:,} left out" if self.left_out else ""
        return [f"{self.rows:,} {'row' if self.rows == 1 else 'rows'} -> {self.target}{out}", *self.notes]


def export_dataset(
    batches: Iterable[Batch],
    target: str | Path,
    *,
    label: str | None = None,
    format: str | None = None,
    columns: str = "none",
    keep_excluded: bool = False,
    only_corrections: bool = False,
    csv_guard: bool = False,
    public_names: Mapping[str, str] | None = None,
    open_bytes: Callable[[int], bytes] | None = None,
    picture_column: str | None = None,
    splits: bool = False,
) -> Exported:
    """Write the dataset to train on: the user's columns and order, final labels, without the excluded rows.

    Parameters
    ----------
    batches : rows in the user's order; read once, one batch in memory at a time.
    target : file or folder; it appears complete or not at all. A folder must be new or empty.
    label : the user's label column, which gets the final label in the type it has.
    format : "csv", "tsv", "jsonl", "json", "parquet", "arrow", "folder" (pictures in class folders) or "hf" (Hugging
        Face ``save_to_disk``); default: by the ending, a class-folder tree for a name without one.
    columns : what to append of ours: "none", "actions" (given_label, corrected_label, action) or "all".
    keep_excluded : keep the excluded rows, with the column action.
    only_corrections : instead of the dataset, the changed rows: id, given_label, corrected_label, action.
    csv_guard : neutralise cells that a spreadsheet would run as formulas.
    public_names : our column name -> the name it gets beside the user's columns.
    open_bytes : row number -> original bytes of a picture.
    picture_column : the user's column that stands for pictures held in memory; an ``hf`` dataset gets them there.
    splits : the result column ``split`` becomes the top folders of a tree, or the splits of an ``hf`` dataset.

    Raises
    ------
    UsageError
        options that do not go together, a target that exists, a label that does not fit the label column.
    StorageError
        disk full, read-only, permission. Nothing half-written is left behind.
    """
    path = Path(target)
    kind = _kind(path, format, open_bytes is not None)
    if columns not in COLUMNS:
        raise UsageError(f"unknown columns {columns!r}; choose one of {', '.join(COLUMNS)}")
    if kind == "folder" and (columns != "none" or keep_excluded or only_corrections):
        raise UsageError("class folders hold pictures only; for tables of actions or corrections choose another format")
    count = _Count()
    kept = _counted(batches, count, keep_excluded or only_corrections)
    if kind == "folder":
        assert open_bytes is not None
        rows, notes = write_class_folders(_files(kept), path, open_bytes, splits=splits)
        return Exported(str(path), rows, count.excluded, notes)
    names = dict(public_names or {})
    shape = _corrections if only_corrections else _Shape(label, columns, keep_excluded, names)
    if kind == "hf":
        pictures = open_bytes if not only_corrections else None
        by_split = splits and not only_corrections
        rows = write_hugging_face(
            ((shape(batch), batch) for batch in kept), path, pictures, picture_column=picture_column, splits=by_split
        )
    else:
        rows = write_table((shape(batch) for batch in kept), path, kind, csv_guard=csv_guard)
    return Exported(str(path), rows, 0 if keep_excluded or only_corrections else count.excluded)


def _kind(path: Path, format: str | None, pictures: bool) -> str:
    if format is None:
        format = kind_by_ending(path)
        if format is None and not path.suffix:
            format = "folder"
    if format == "folder" and not pictures:
        raise UsageError(
            f"class folders are for pictures; give {path.name} an ending such as .csv or .parquet, or choose a format"
        )
    if format not in (*WRITERS, *TREES):
        what = f"unknown format {format!r}" if format else f"the ending of {path.name} names no format"
        raise UsageError(f"{what}; choose one of {', '.join((*WRITERS, *TREES))}")
    return format


@dataclass
class _Count:
    excluded: int = 0


def _counted(batches: Iterable[Batch], count: _Count, keep_excluded: bool) -> Iterator[Batch]:
    some = False
    for batch in batches:
        some = True
        excluded = np.asarray(batch.action == EXCLUDE, bool)
        count.excluded += int(excluded.sum())
        yield batch if keep_excluded else batch.take(~excluded)
    if not some:
        raise UsageError("there are no rows to export")


@dataclass(frozen=True)
class _Shape:
    """A batch -> the table to write."""

    label: str | None
    columns: str
    keep_excluded: bool
    public_names: Mapping[str, str]

    def __call__(self, batch: Batch) -> pa.Table:
        out = {name: batch.cells[name] for name in batch.cells.column_names}
        if self.label is not None and self.label in out:
            out[self.label] = final_labels(out[self.label], batch.corrected_label, self.label)
        ours: dict[str, Any] = {}
        if self.columns == "all":
            ours = {name: batch.results[name] for name in batch.results.column_names}
        elif self.columns == "actions" and "given_label" in batch.results.column_names:
            ours = {"given_label": batch.results["given_label"]}
        if self.columns != "none":
            ours["corrected_label"] = _corrected(batch)
        if self.columns != "none" or self.keep_excluded:
            ours["action"] = pa.array(batch.action.tolist(), pa.string())
            if batch.reason is not None:
                ours["action_reason"] = pa.array(batch.reason.tolist(), pa.string())
        return pa.table(out | {self.public_names.get(name, name): values for name, values in ours.items()})


def _corrections(batch: Batch) -> pa.Table:
    changed = batch.take(np.isin(batch.action.astype(str), CHANGES))
    given = "given_label" in changed.results.column_names
    columns = {
        "id": changed.results[ROW_ID],
        "given_label": changed.results["given_label"] if given else pa.nulls(len(changed.action), pa.string()),
        "corrected_label": _corrected(changed),
        "action": pa.array(changed.action.tolist(), pa.string()),
    }
    if changed.reason is not None:
        columns["action_reason"] = pa.array(changed.reason.tolist(), pa.string())
    return pa.table(columns)


def _corrected(batch: Batch) -> pa.Array:
    known = "given_label" in batch.results.column_names
    kind = _plain_type(batch.results["given_label"].type) if known else pa.string()
    return _typed(batch.corrected_label.tolist(), kind, "given_label")


def final_labels(column: pa.ChunkedArray, corrected: NDArray[np.object_], name: str) -> pa.ChunkedArray:
    """The label column with the corrections in it, in the type that it has; categories become their values."""
    kind = _plain_type(column.type)
    plain = column.cast(kind) if kind != column.type else column
    new = _typed(corrected.tolist(), kind, name)
    return pc.if_else(pc.is_valid(new), new, plain)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _typed(labels: list[Any], kind: pa.DataType, name: str) -> pa.Array:
    """Labels in the type of their column; text that reads as a number becomes one where the column holds numbers."""
    cut = next((x for x in labels if isinstance(x, float) and not x.is_integer()), None)
    if cut is not None and pa.types.is_integer(kind):  # Arrow would cut it off without a word
        raise UsageError(f"the new label {cut!r} does not fit the label column {name!r}, which holds whole numbers")
    try:
        return pa.array(labels, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        pass
    try:
        return pa.array([label if label is None else str(label) for label in labels], pa.string()).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(
            f"a new label does not fit the label column {name!r}, which holds values of type {kind}: {error}"
        ) from error


def _files(batches: Iterable[Batch]) -> Iterator[tuple[int, str, Any, str | None]]:
    """(row number, file name, final label, split) of each picture."""
    for batch in batches:
        assert batch.rows is not None and batch.names is not None
        n = len(batch.action)
        present = batch.results.column_names
        given = batch.results["given_label"].to_pylist() if "given_label" in present else [None] * n
        split = batch.results["split"].to_pylist() if "split" in present else [None] * n
        for place in range(n):
            corrected = batch.corrected_label[place]
            label = given[place] if corrected is None else corrected
            yield int(batch.rows[place]), batch.names[place], label, split[place]
