"""pandas, polars, Arrow and Hugging Face objects -> `Cells`.

In: a frame, a table or a dataset in memory, or a folder made by ``save_to_disk``. Out: `Cells`.
Does not know: which column is what.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.errors import MissingExtraError, SourceError, UsageError
from assay.sources.cells import (
    HF,
    Cells,
    from_arrow,
    from_values,
    named_classes,
    plain_column,
    refuse_twins,
    whole_again,
)
from assay.sources.parts import joined
from assay.sources.sandbox import check_path, is_confined
from assay.sources.unreadable import UnreadableError

FRAME = "the DataFrame"
DATASET = "the dataset"


def from_memory(data: Any) -> Cells:
    """Whatever the person holds in Python; `UsageError` says what can be given."""
    module, name = type(data).__module__.partition(".")[0], type(data).__name__
    if module == "pandas" and hasattr(data, "columns"):
        return from_pandas(data)
    if module == "polars":
        if name == "LazyFrame":
            raise UsageError("cannot read a polars LazyFrame; give LazyFrame.collect()")
        if name == "DataFrame":
            return from_arrow(data.to_arrow(), FRAME)
    if module == "datasets":
        return from_hf(data)
    if isinstance(data, pa.Table):
        return from_arrow(data, "the table")
    raise UsageError(
        f"cannot read a {name}; give a path, a pandas or polars DataFrame, or a Hugging Face Dataset "
        "(vectors go into embeddings=, beside the rows they belong to)"
    )


def from_pandas(frame: Any) -> Cells:
    """A pandas DataFrame; whole numbers that pandas keeps as floats because of gaps become integers again."""
    names = [str(name) for name in frame.columns]
    refuse_twins(names, FRAME)
    out = Cells(pa.table({}), where=FRAME)
    arrays: dict[str, Any] = {}
    for name, (_, series) in zip(names, frame.items(), strict=True):
        if series.dtype == object:
            part = _objects(name, series)
            out.reasons |= part.reasons
            out.blobs |= part.blobs
            out.nested |= part.nested
            out.given |= part.given
            out.notes += part.notes
            column = part.table[name].combine_chunks()
            arrays[name] = whole_again(column) if column.null_count else column
        else:
            arrays[name] = _series(name, series, out)
    out.table = pa.table(arrays)
    kept = _index(frame)
    if kept:
        out.notes.append(
            f"the index of the DataFrame ({kept}) is no column and is not kept; reset_index() makes it one"
        )
    return out


def _index(frame: Any) -> str:
    """What the index holds, where it says more than the number of a row."""
    index = frame.index
    names = [str(name) for name in index.names if name is not None]
    if names:
        return ", ".join(names)
    return "" if len(index.names) == 1 and getattr(index.dtype, "kind", "") in "iu" else str(index.dtype)


def _objects(name: str, series: Any) -> Cells:
    return from_values({name: [None if _is_missing(value) else value for value in series.tolist()]}, FRAME)


def _is_missing(value: Any) -> bool:
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in ("NAType", "NaTType")
    )


def _series(name: str, series: Any, out: Cells) -> Any:
    kind = type(series.dtype).__name__
    if kind == "SparseDtype":
        return _series(name, series.sparse.to_dense(), out)
    if getattr(series.dtype, "kind", "") == "c":
        out.notes.append(f"the column {name!r} holds complex numbers, which only text can hold: it is kept as text")
        return pa.array([None if gone else str(x) for x, gone in zip(series, series.isna(), strict=True)], pa.string())
    array = pa.Array.from_pandas(series)
    out.given[name] = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    if getattr(series.dtype, "kind", "") == "f" and array.null_count:
        chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
        array = whole_again(pa.concat_arrays(chunks))
    return plain_column(array, name, out)


# Hugging Face --------------------------------------------------------------------------------------------------


def from_hf(data: Any) -> Cells:
    """A Hugging Face Dataset or DatasetDict (its keys become the column ``split``); class codes become class names."""
    import datasets

    if isinstance(data, datasets.DatasetDict):
        return joined({str(name): from_hf(part) for name, part in data.items() if len(part)}, DATASET, merged=True)
    if not isinstance(data, datasets.Dataset):
        raise UsageError(
            f"cannot read a {type(data).__name__}: its rows have no numbers; "
            "give a Dataset (load_dataset without streaming)"
        )
    out = Cells(pa.table({}), where=DATASET)
    arrays: dict[str, Any] = {}
    for name, feature in data.features.items():
        one = data.select_columns([name])
        if isinstance(feature, datasets.Image):
            one = one.cast_column(name, datasets.Image(decode=False))
        column = one.with_format("arrow")[:][name]
        out.given[name] = column
        if isinstance(feature, datasets.ClassLabel):
            column = named_classes(column, [feature.int2str(code) for code in range(feature.num_classes)])
        arrays[name] = plain_column(column, name, out)
    out.table = pa.table(arrays)
    out.metadata = {HF: (data.features.arrow_schema.metadata or {})[HF]}
    return out


def load_hf_folder(path: Path) -> Any:
    """A folder made by ``save_to_disk``."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("reading Hugging Face datasets", "hf") from error
    if is_confined():
        _refuse_ways_out(path)
    try:
        return datasets.load_from_disk(str(path))
    except Exception as error:  # damage shows as anything from KeyError to ArrowInvalid
        raise SourceError(f"{path} looks like a Hugging Face dataset but cannot be loaded ({error})") from error


def _refuse_ways_out(path: Path) -> None:
    """`SourceError` where files that the dataset is made of lie elsewhere: links, or names with a folder in them."""
    try:
        for part in path.rglob("*"):
            check_path(part)
        for state in path.rglob("state.json"):
            for file in json.loads(state.read_bytes()).get("_data_files") or []:
                check_path(state.parent / str(file.get("filename", "")))
    except (UnreadableError, OSError, ValueError, AttributeError) as error:
        raise SourceError(f"{path} cannot be read as a Hugging Face dataset: {error}") from error
