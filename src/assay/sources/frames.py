"""pandas, polars and Hugging Face objects -> an Arrow table, and images that are held in memory.

In: a frame or a dataset. Out: `Cells`, and blobs by column. Does not know: which column is what.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.errors import MissingExtraError, SourceError
from assay.sources.files import Cells, plain_array

Blobs = dict[str, list[bytes | None]]  # image column -> encoded pictures
Paths = dict[str, list[str | None]]


def from_pandas(frame: Any) -> tuple[Cells, Blobs]:
    """A pandas DataFrame; whole numbers that pandas keeps as floats because of gaps become integers again."""
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SourceError(f"the DataFrame has two columns named {twice!r}; rename one")
    if not len(frame):
        raise SourceError("the DataFrame has no rows")
    columns: dict[str, pa.Array] = {}
    blobs: Blobs = {}
    for name, (_, series) in zip(names, frame.items(), strict=True):
        if series.dtype == object:
            values = [None if _is_missing(value) else value for value in series.tolist()]
            pictures = _pictures(values)
            if pictures is not None:
                blobs[name] = pictures
                columns[name] = pa.nulls(len(values), pa.string())
            else:
                columns[name] = plain_array(values, name, "the DataFrame")
        else:
            columns[name] = _tidy(pa.Array.from_pandas(series))
    return Cells(pa.table(columns)), blobs


def _is_missing(value: Any) -> bool:
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in ("NAType", "NaTType")
    )


def _pictures(values: list[Any]) -> list[bytes | None] | None:
    """Encoded bytes of a column of PIL images, byte strings or HF image dicts; None if it is another kind of column."""
    first = next((value for value in values if value is not None), None)
    if isinstance(first, bytes):
        return [value if isinstance(value, bytes) else None for value in values]
    if isinstance(first, dict) and set(first) == {"bytes", "path"}:
        return [_hf_bytes(value) for value in values]
    if hasattr(first, "save") and hasattr(first, "getbands"):
        return [_png(value) for value in values]
    return None


def _png(picture: Any) -> bytes | None:
    if picture is None:
        return None
    sink = io.BytesIO()
    picture.save(sink, "PNG")
    return sink.getvalue()


def _hf_bytes(value: dict[str, Any] | None) -> bytes | None:
    if value is None:
        return None
    if value.get("bytes") is not None:
        return bytes(value["bytes"])
    path = value.get("path")
    return Path(path).read_bytes() if path and Path(path).is_file() else None


def _tidy(array: Any) -> pa.Array:
    """One plain chunk: dictionaries decoded; floats that are all whole numbers next to gaps become int64."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type):
        array = array.cast(pa.string())
    if pa.types.is_floating(array.type) and array.null_count:
        values = array.drop_null().to_pylist()
        if values and all(value.is_integer() and abs(value) < 2**53 for value in values):
            return array.cast(pa.int64())
    return array


def tidy_table(table: pa.Table) -> pa.Table:
    """Every column in one of the plain types, so that each input form gives the same table."""
    return pa.table({name: _plain_type(_tidy(table[name].combine_chunks())) for name in table.column_names})


def _plain_type(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_integer(kind) and kind != pa.int64() and kind != pa.uint64():
        return array.cast(pa.int64())
    if pa.types.is_floating(kind) and kind != pa.float64():
        return array.cast(pa.float64())
    if pa.types.is_null(kind):
        return array.cast(pa.string())
    return array


def from_polars(frame: Any) -> tuple[Cells, Blobs]:
    if not frame.height:
        raise SourceError("the DataFrame has no rows")
    return Cells(frame.to_arrow()), {}


def from_hf(data: Any) -> tuple[Cells, Blobs]:
    """A Hugging Face Dataset or DatasetDict (its keys become the column ``split``); class codes become class names."""
    import datasets

    if isinstance(data, datasets.DatasetDict):
        parts = [(name, *from_hf(part)) for name, part in data.items()]
        tables = [part.table.append_column("split", pa.array([name] * part.table.num_rows)) for name, part, _ in parts]
        blobs: Blobs = {name: [] for _, _, found in parts for name in found}
        for _, part, found in parts:
            for name, values in blobs.items():
                values += found.get(name, [None] * part.table.num_rows)
        return Cells(pa.concat_tables(tables)), blobs
    if not len(data):
        raise SourceError("the dataset has no rows")
    columns: dict[str, pa.Array] = {}
    found = {}
    for name, feature in data.features.items():
        if isinstance(feature, datasets.Image):
            values = data.select_columns([name]).cast_column(name, datasets.Image(decode=False))[:][name]
            found[name] = [_hf_bytes(value) for value in values]
            columns[name] = pa.nulls(len(values), pa.string())
        elif isinstance(feature, datasets.ClassLabel):
            codes = data.with_format("arrow").select_columns([name])[:][name].to_pylist()
            columns[name] = pa.array(
                [None if code is None or code < 0 else feature.int2str(code) for code in codes], pa.string()
            )
        else:
            columns[name] = data.with_format("arrow").select_columns([name])[:][name].combine_chunks()
    return Cells(pa.table(columns)), found


def load_hf_folder(path: Path) -> Any:
    """A folder made by ``save_to_disk``."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("reading Hugging Face datasets", "hf") from error
    try:
        return datasets.load_from_disk(str(path))
    except Exception as error:
        raise SourceError(f"{path} looks like a Hugging Face dataset but cannot be loaded ({error})") from error
