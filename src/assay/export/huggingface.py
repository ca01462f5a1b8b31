"""A Hugging Face dataset on disk, as ``datasets.load_from_disk`` reads it.

In: tables, the batches they were made of, a reader of pictures. Out: one folder. Does not know: what was left out.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from assay.errors import MissingExtraError
from assay.export.batch import rows_at
from assay.export.fit import HF, Fitted
from assay.export.folder import new_folder, safe_name
from assay.sources.reading import UnreadableError

if TYPE_CHECKING:
    from assay.export.batch import Batch

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
AT_ONCE = 256  # pictures held in memory
WHOLE = "train"  # the name of a dataset without splits


def why_no_hugging_face() -> str:
    """Why this installation writes no Hugging Face datasets; "" = it does."""
    return "" if importlib.util.find_spec("datasets") else str(_missing())


def _missing() -> MissingExtraError:
    return MissingExtraError("writing Hugging Face datasets", "hf")


def write_hugging_face(
    tables: Iterable[tuple[pa.Table, Batch]],
    target: Path,
    open_bytes: Callable[[int], bytes] | None,
    *,
    splits: bool,
    picture_column: str | None = None,
    merged: str | None = None,
    fitted: Fitted,
) -> tuple[int, list[str]]:
    """Write a Dataset, or a DatasetDict of the splits; return the number of rows and notes on names that changed.

    With ``open_bytes`` the pictures go into ``picture_column``, or without one into a column that is added (``image``,
    or ``assay_image`` where the user has one of that name); a picture that cannot be read is null. Rows go through
    Arrow files on disk, never all in memory.
    """
    try:
        import datasets
    except ImportError as error:
        raise _missing() from error
    rows = 0
    names = _SplitNames()
    with new_folder(target) as root, _quiet(datasets):
        work, out = root / "work", root / "dataset"
        work.mkdir()
        files: dict[str, Path] = {}
        with ExitStack() as stack:
            writers: dict[str, Any] = {}
            schemas: dict[str, pa.Schema] = {}
            for table, batch in tables:
                for split, piece in _pieces(table, batch, open_bytes, picture_column, splits, names):
                    piece = fitted.fit(piece.drop_columns([merged]) if merged in piece.column_names else piece)
                    if split not in writers:
                        files[split] = work / f"{len(files)}.arrow"
                        schemas[split] = _features(datasets, piece.schema).arrow_schema
                        stream = stack.enter_context(files[split].open("wb"))
                        writers[split] = stack.enter_context(pa.ipc.new_stream(stream, schemas[split]))
                        writers[split].write_batch(_no_rows(schemas[split]))
                    metadata = schemas[split].metadata
                    writers[split].write_table(piece.cast(schemas[split]).replace_schema_metadata(metadata))
                    rows += piece.num_rows
        parts = {split: datasets.Dataset.from_file(str(file)) for split, file in files.items()}
        if splits:
            datasets.DatasetDict(parts).save_to_disk(str(out))
        else:  # without rows it would write no shard, and its own reader asks for one
            parts[WHOLE].save_to_disk(str(out), num_shards=None if rows else 1)
        del parts
        shutil.rmtree(work)
        for path in out.iterdir():
            path.rename(root / path.name)
        out.rmdir()
    return rows, names.notes()


class _SplitNames:
    """Names of splits as Hugging Face takes them: letters, digits and underscores, no two alike."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, name: str | None) -> str:
        given = str(name or "none")
        if given not in self._known:
            plain = found = re.sub(r"\W+", "_", given)
            count = 1
            while found in self._known.values():
                count += 1
                found = f"{plain}_{count}"
            self._known[given] = found
        return self._known[given]

    def notes(self) -> list[str]:
        changed = [f"{old!r} -> {new}" for old, new in self._known.items() if old != new]
        return [f"splits renamed, for a split is a word there: {', '.join(changed[:10])}"] if changed else []


def _pieces(
    table: pa.Table,
    batch: Batch,
    open_bytes: Callable[[int], bytes] | None,
    picture_column: str | None,
    splits: bool,
    rename: _SplitNames,
) -> Iterator[tuple[str, pa.Table]]:
    """The table cut by split, with pictures added a few at a time."""
    pictures = open_bytes is not None
    named = batch.results["split"].to_pylist() if splits else [WHOLE] * table.num_rows
    names = np.array([rename(name) if splits else name for name in named], object)
    for split in dict.fromkeys(names) or ([] if splits else [WHOLE]):
        positions = np.flatnonzero(names == split)
        for start in range(0, max(len(positions), 1), AT_ONCE if pictures else max(len(positions), 1)):
            some = positions[start : start + AT_ONCE] if pictures else positions
            piece = rows_at(table, some)
            if open_bytes is not None:
                assert batch.rows is not None and batch.names is not None
                given = _given_pictures(piece, picture_column)
                images = [
                    held or _picture(int(batch.rows[position]), batch.names[position], open_bytes)
                    for position, held in zip(some, given, strict=True)
                ]
                piece = _with_pictures(piece, pa.array(images, PICTURE), picture_column)
            yield split, piece


def _given_pictures(piece: pa.Table, column: str | None) -> list[dict[str, Any] | None]:
    """Pictures that came with their bytes, as they came."""
    if column is None or column not in piece.column_names or piece[column].type != PICTURE:
        return [None] * piece.num_rows
    return [value if value and value["bytes"] is not None else None for value in piece[column].to_pylist()]


def _with_pictures(piece: pa.Table, pictures: pa.Array, column: str | None) -> pa.Table:
    if column is not None and column in piece.column_names:
        return piece.set_column(piece.column_names.index(column), column, pictures)
    name = "image"
    while name in piece.column_names:
        name = f"assay_{name}"
    return piece.append_column(name, pictures)


def _picture(row: int, name: str, open_bytes: Callable[[int], bytes]) -> dict[str, Any] | None:
    try:
        return {"bytes": open_bytes(row), "path": safe_name(name.rsplit("/", 1)[-1])}
    except UnreadableError:
        return None


def _features(datasets: Any, schema: pa.Schema) -> Any:
    metadata = {key: value for key, value in (schema.metadata or {}).items() if key == HF}
    known = datasets.Features.from_arrow_schema(schema.with_metadata(metadata or None))
    features = datasets.Features({column.name: known[column.name] for column in schema})
    for column in schema:
        if column.type == PICTURE and isinstance(features[column.name], dict):
            features[column.name] = datasets.Image()
    return features


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    """An Arrow stream without any batch cannot be read by `datasets`."""
    return pa.RecordBatch.from_arrays([pa.array([], column.type) for column in schema], schema=schema)


@contextmanager
def _quiet(datasets: Any) -> Iterator[None]:
    """No progress bars of another library between our own."""
    silent = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not silent:
            datasets.enable_progress_bars()
