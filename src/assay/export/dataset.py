"""`export_dataset`: the user's dataset with the fixes in it.

In: batches of cells, results and planned actions. Out: one file or folder. Does not know: projects, policies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assay.actions.plan import EXCLUDE
from assay.columns import ROW_ID
from assay.errors import UsageError
from assay.export.batch import Batch
from assay.export.fit import Fitted, class_names, names_of, with_class_names, without_class_names
from assay.export.folder import write_class_folders
from assay.export.huggingface import write_hugging_face
from assay.export.labels import SEPARATOR, coded_labels, final_labels, plain_type, typed_labels, with_second
from assay.export.table import WRITERS, kind_by_ending, write_table

COLUMNS = ("none", "actions", "all")
TREES = ("folder", "hf")
CHANGES = ("auto-fix", "label", "exclude")
RAW_FORMS = {"csv": "csv,", "tsv": "csv\t", "jsonl": "jsonl"}
JOINED = ("csv", "tsv")  # forms without lists
LONGEST = 60  # characters of a line that is shown


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
    new_labels: Sequence[Any] | None = None,
    raw_form: str = "",
    merged: str | None = None,
    header: Mapping[str, str] | None = None,
    both_labels: bool = False,
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
    new_labels : every label that a correction may give; the categories and class names of the label column stay, with
        these behind them. Without it categories become their values.
    raw_form : the form of the lines in `Batch.raw`; a file of the same form gets them as they were, another leaves these
        rows out and says so.
    merged : the column that names the splits of a dataset that came in splits; it is no column of an ``hf`` dataset.
    header : column -> its name as it came, of those that were named anew for being blank or having blanks at their ends; CSV
        and TSV get it back.
    both_labels : rows with a `Batch.second` carry it beside their label: lists in the label column, in CSV and TSV text
        with "|" between. Not for class folders and corrections.

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
    if both_labels and (kind == "folder" or only_corrections):
        what = "a picture lies in one class folder" if kind == "folder" else "corrections hold one label a row"
        raise UsageError(f"{what}; to export both labels choose a table")
    if both_labels and label is None:
        raise UsageError("there is no label column to hold both labels")
    count = _Count()
    kept = _counted(batches, count, keep_excluded or only_corrections)
    if kind == "folder":
        assert open_bytes is not None
        rows, notes = write_class_folders(_files(kept), path, open_bytes, splits=splits)
        return Exported(str(path), rows, count.excluded, notes)
    names = dict(public_names or {})
    form = "" if not both_labels else "text" if kind in JOINED else "lists"
    shape = _corrections if only_corrections else _Shape(label, columns, keep_excluded, names, new_labels, form)
    as_they_are = columns == "none" and not (keep_excluded or only_corrections or csv_guard or both_labels)
    whole = kept if only_corrections else _without_broken(kept, count, as_they_are and raw_form == RAW_FORMS.get(kind))
    if kind == "hf":
        pictures = open_bytes if not only_corrections else None
        by_split = splits and not only_corrections
        fitted = Fitted((), kind)
        rows, notes = write_hugging_face(
            ((shape(batch), batch) for batch in whole),
            path,
            pictures,
            picture_column=picture_column,
            splits=by_split,
            merged=merged if by_split else None,
            fitted=fitted,
        )
    else:
        fitted, notes = Fitted(_pieces(whole, shape), kind), []
        tables: Iterable[pa.Table | bytes] = fitted
        if header and kind in JOINED and not only_corrections:
            tables = _headed(fitted, header)
        rows = write_table(tables, path, kind, csv_guard=csv_guard)
    if both_labels:
        notes = [*notes, count.both_line(str(label), form)]
    if count.broken:
        notes = [*notes, count.broken_line()]
    left_out = 0 if keep_excluded or only_corrections else count.excluded
    return Exported(str(path), rows, left_out, [*fitted.notes, *notes])


def _headed(pieces: Iterable[pa.Table | bytes], header: Mapping[str, str]) -> Iterator[pa.Table | bytes]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        else:
            yield piece.rename_columns([header.get(name, name) for name in piece.column_names])


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
    broken: int = 0
    first: str = ""
    both: int = 0

    def both_line(self, label: str, form: str) -> str:
        how = (
            f"lists in the column {label!r}"
            if form == "lists"
            else f"text in the column {label!r}, {SEPARATOR!r} between two"
        )
        return f"{self.both:,} {'row carries' if self.both == 1 else 'rows carry'} both labels; labels are {how}"

    def broken_line(self) -> str:
        what = (
            "1 row that could not be read is"
            if self.broken == 1
            else f"{self.broken:,} rows that could not be read are"
        )
        shown = self.first if len(self.first) <= LONGEST else f"{self.first[: LONGEST - 1]}\u2026"
        return f"{what} left out, for they are no rows of the table (the first: {shown!r})"


def _counted(batches: Iterable[Batch], count: _Count, keep_excluded: bool) -> Iterator[Batch]:
    some = False
    for batch in batches:
        some = True
        excluded = np.asarray(batch.action == EXCLUDE, bool)
        count.excluded += int(excluded.sum())
        kept = batch if keep_excluded else batch.take(~excluded)
        count.both += 0 if kept.second is None else sum(label is not None for label in kept.second)
        yield kept
    if not some:
        raise UsageError("there are no rows to export")


def _without_broken(batches: Iterable[Batch], count: _Count, as_they_are: bool) -> Iterator[Batch]:
    """Batches without the rows that could not be read, unless their lines are written as they are."""
    for batch in batches:
        if batch.raw is None or not any(line is not None for line in batch.raw):
            yield batch
            continue
        changed = np.array([label is not None for label in batch.corrected_label], bool)
        broken = np.array([line is not None for line in batch.raw], bool)
        gone = broken & changed if as_they_are else broken
        if gone.any():
            count.first = count.first or batch.raw[np.flatnonzero(gone)[0]].decode("utf-8", "replace")
            count.broken += int(gone.sum())
        yield batch.take(~gone)


def _pieces(batches: Iterable[Batch], shape: Callable[[Batch], pa.Table]) -> Iterator[pa.Table | bytes]:
    """Tables to write, and between them the lines that are written as they are."""
    for batch in batches:
        table = shape(batch)
        lines = np.zeros(0, np.int64)
        if batch.raw is not None:
            lines = np.flatnonzero([line is not None for line in batch.raw])
        start = 0
        for broken in lines.tolist():
            yield table.slice(start, broken - start)
            yield batch.raw[broken]  # type: ignore[index]
            start = broken + 1
        yield table.slice(start)


@dataclass(frozen=True)
class _Shape:
    """A batch -> the table to write."""

    label: str | None
    columns: str
    keep_excluded: bool
    public_names: Mapping[str, str]
    new_labels: Sequence[Any] | None = None
    both: str = ""  # "lists" or "text" where rows may carry two labels

    def __call__(self, batch: Batch) -> pa.Table:
        out = {name: batch.cells[name] for name in batch.cells.column_names}
        metadata = batch.cells.schema.metadata
        if self.label is not None and self.label in out:
            names = class_names(batch.cells.schema).get(self.label)
            if names is None:
                out[self.label] = final_labels(out[self.label], batch.corrected_label, self.label, self.new_labels)
            else:
                names = list(dict.fromkeys([*names, *map(str, self.new_labels or ())]))
                out[self.label] = coded_labels(out[self.label], batch.corrected_label, names)
                metadata = with_class_names(batch.cells.schema, self.label, names)
                if self.both:
                    out[self.label], metadata = (
                        names_of(out[self.label], names),
                        without_class_names(metadata, self.label),
                    )
            if self.both:
                second = np.full(len(batch.action), None, object) if batch.second is None else batch.second
                out[self.label] = with_second(out[self.label], second, self.label, listed=self.both == "lists")
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
        table = pa.table(out | {self.public_names.get(name, name): values for name, values in ours.items()})
        return table.replace_schema_metadata(metadata)


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
    kind = plain_type(batch.results["given_label"].type) if known else pa.string()
    return typed_labels(batch.corrected_label.tolist(), kind, "given_label")


def _files(batches: Iterable[Batch]) -> Iterator[tuple[int, str, Any, str | None]]:
    """(row number, file name, final label, split) of each picture."""
    for batch in batches:
        assert batch.rows is not None and batch.names is not None
        n = len(batch.action)
        present = batch.results.column_names
        given = batch.results["given_label"].to_pylist() if "given_label" in present else [None] * n
        split = batch.results["split"].to_pylist() if "split" in present else [None] * n
        for position in range(n):
            corrected = batch.corrected_label[position]
            label = given[position] if corrected is None else corrected
            yield int(batch.rows[position]), batch.names[position], label, split[position]
