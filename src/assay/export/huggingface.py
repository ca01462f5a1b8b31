"""A Hugging Face dataset on disk, as ``datasets.load_from_disk`` reads it.

In: tables, the batches they were made of, a reader of pictures. Out: one folder. Does not know: what was left out.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from assay.errors import MissingExtraError
from assay.export.folder import new_folder, safe_name
from assay.sources.reading import UnreadableError

if TYPE_CHECKING:
    from assay.export.dataset import Batch

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
AT_ONCE = 256  # pictures held in memory
WHOLE = "train"  # the name of a dataset without splits


def write_hugging_face(
    tables: Iterable[tuple[pa.Table, Batch]],
    target: Path,
    open_bytes: Callable[[int], bytes] | None,
    *,
    splits: bool,
) -> int:
    """Write a Dataset, or a DatasetDict of the splits; return the number of rows.

    With ``open_bytes`` a column of pictures is added (``image``, or ``assay_image`` where the user has one of that
    name); a picture that cannot be read is null. Rows go through Arrow files on disk, never all in memory.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("writing Hugging Face datasets", "hf") from error
    rows = 0
    with new_folder(target) as root, _quiet(datasets):
        work, out = root / "work", root / "dataset"
        work.mkdir()
        files: dict[str, Path] = {}
        with ExitStack() as stack:
            writers: dict[str, Any] = {}
            for table, batch in tables:
                for split, piece in _pieces(table, batch, open_bytes, splits):
                    if split not in writers:
                        files[split] = work / f"{len(files)}.arrow"
                        features = _features(datasets, piece.schema)
                        stream = stack.enter_context(files[split].open("wb"))
                        writers[split] = stack.enter_context(pa.ipc.new_stream(stream, features.arrow_schema))
                    writers[split].write_table(piece.cast(writers[split].schema))
                    rows += piece.num_rows
        parts = {split: datasets.Dataset.from_file(str(file)) for split, file in files.items()}
        (datasets.DatasetDict(parts) if splits else parts[WHOLE]).save_to_disk(str(out))
        del parts
        shutil.rmtree(work)
        for path in out.iterdir():
            path.rename(root / path.name)
        out.rmdir()
    return rows


def _pieces(
    table: pa.Table, batch: Batch, open_bytes: Callable[[int], bytes] | None, splits: bool
) -> Iterator[tuple[str, pa.Table]]:
    """The table cut by split, with pictures added a few at a time."""
    pictures = open_bytes is not None and PICTURE not in table.schema.types
    named = batch.results["split"].to_pylist() if splits else [WHOLE] * table.num_rows
    names = np.array([re.sub(r"\W+", "_", str(name or "none")) for name in named], object)
    for split in dict.fromkeys(names) or ([] if splits else [WHOLE]):
        places = np.flatnonzero(names == split)
        for start in range(0, max(len(places), 1), AT_ONCE if pictures else max(len(places), 1)):
            some = places[start : start + AT_ONCE] if pictures else places
            piece = table.take(pa.array(some, pa.int64()))
            if open_bytes is not None and pictures:
                assert batch.rows is not None and batch.names is not None
                images = [_picture(int(batch.rows[place]), batch.names[place], open_bytes) for place in some]
                name = "assay_image" if "image" in table.column_names else "image"
                piece = piece.append_column(name, pa.array(images, PICTURE))
            yield split, piece


def _picture(row: int, name: str, open_bytes: Callable[[int], bytes]) -> dict[str, Any] | None:
    try:
        return {"bytes": open_bytes(row), "path": safe_name(name.rsplit("/", 1)[-1])}
    except UnreadableError:
        return None


def _features(datasets: Any, schema: pa.Schema) -> Any:
    features = datasets.Features.from_arrow_schema(schema.remove_metadata())
    for column in schema:
        if column.type == PICTURE:
            features[column.name] = datasets.Image()
    return features


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
