"""Any columns -> an Arrow table of plain types, the same whichever form they came in.

In: Arrow columns or lists of Python values. Out: `Cells`. Does not know: files, which column is what.
"""

from __future__ import annotations

import datetime
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import SourceError
from assay.sources.decompression import check_decoded
from assay.sources.originals import PICTURE, decoded, typed_values

Blobs = dict[str, list[bytes | None]]
PICTURE_FIELDS = {"bytes", "path"}  # how Hugging Face keeps a picture in a struct
PIECE = 1 << 28  # bytes of one Arrow string array; 2^31 bytes is where its offsets end
BROKEN = "\ufffd"
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
HF = b"huggingface"  # the key of the features in the metadata of an Arrow schema
PANDAS_TYPES = ("pandas.interval", "pandas.period")
WHOLE = 2**53  # floats beyond it skip integers


@dataclass
class Cells:
    """A table of plain columns and what is known of its reading.

    reasons : row -> why it could not be read as it should. misread : those of them whose cells may stand in the wrong
    column. notes : what to say of the reading. blobs : image column -> encoded pictures; the table holds nulls there.
    blob_paths : image column -> where a picture is whose bytes are not in ``blobs``, as the data names it: not read here.
    pictures : columns known to name image files. nested : columns that held lists or objects, now JSON text.
    split, label : the columns known to hold splits and labels. aside : columns that the data says are no features.
    where : how to call the data in a message.
    given : columns as they came, where they may differ from the plain ones; ``metadata`` of the table as it came. merged :
    ``split`` was made here, of a dataset in parts. raw, raw_form, header : as in `assay.sources.originals.Originals`.
    """

    table: pa.Table
    reasons: dict[int, str] = field(default_factory=dict)
    misread: set[int] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    blobs: Blobs = field(default_factory=dict)
    blob_paths: dict[str, list[str | None]] = field(default_factory=dict)
    pictures: set[str] = field(default_factory=set)
    nested: set[str] = field(default_factory=set)
    split: str | None = None
    label: str | None = None
    aside: set[str] = field(default_factory=set)
    where: str = "the data"
    given: dict[str, pa.ChunkedArray] = field(default_factory=dict)
    metadata: dict[bytes, bytes] = field(default_factory=dict)
    merged: bool = False
    raw: dict[int, bytes] = field(default_factory=dict)
    raw_form: str = ""
    header: dict[str, str] = field(default_factory=dict)


def refuse_twins(names: Sequence[str], where: str) -> None:
    """`SourceError` where two columns have one name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SourceError(f"{where}: two columns are named {name!r}; rename one")
        seen.add(name)


# Python values -------------------------------------------------------------------------------------------------


def from_values(columns: Mapping[str, Sequence[Any]], where: str) -> Cells:
    """Columns of Python values (JSON, Excel, pandas objects). None = blank. Cost: a few Python steps a cell."""
    out = Cells(pa.table({}), where=where)
    arrays = {}
    for name, given in columns.items():
        values = [_python(value) for value in given]
        pictures = _pictures(values)
        if pictures is None:
            arrays[name] = _plain_values(values, name, out)
            _keep_values(values, arrays[name], name, out)
            continue
        if _is_picture_dict(next(value for value in values if value is not None)):
            arrays[name] = _picture_column(values, name, out)
        else:
            arrays[name] = keep_pictures(out, name, pictures)
        out.given[name] = _pictures_as_given(values, pictures)
    out.table = pa.table(arrays)
    return out


def _python(value: Any) -> Any:
    """numpy scalars as Python ones."""
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") and not value.shape else value


def _plain_values(values: list[Any], name: str, out: Cells) -> pa.Array:
    """Mixed kinds become text; lists and objects JSON text; broken Unicode is replaced and the row gets a reason."""
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pa.nulls(len(values), pa.string())
    if any(issubclass(kind, list | dict | tuple | set | frozenset) or hasattr(kind, "__array__") for kind in kinds):
        out.nested.add(name)
        values = [value if value is None or isinstance(value, str) else json_text(value) for value in values]
    elif kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    elif len(kinds) > 1 or not kinds <= {str, int, float, bool, Decimal, datetime.date, datetime.datetime}:
        values = [None if value is None else str(value) for value in values]
    try:
        return pa.array(values)
    except UnicodeEncodeError:
        return pa.array(_mended(values, name, out), pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # integers beyond 64 bits, dates beyond the calendar
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _keep_values(values: list[Any], plain: pa.Array, name: str, out: Cells) -> None:
    """The values as they came, where the plain column changes them; a word where nothing but text holds them."""
    kinds = {type(value) for value in values if value is not None}
    if not kinds or (len(kinds) == 1 and kinds <= {str, int, float, bool, Decimal, datetime.date, datetime.datetime}):
        return
    array = typed_values(values)
    if array is not None:
        out.given[name] = pa.chunked_array([array])
    elif pa.types.is_string(plain.type):
        what = ", ".join(sorted(kind.__name__ for kind in kinds)[:3])
        out.notes.append(f"the column {name!r} holds values that only text can hold ({what}): it is kept as text")


def _pictures_as_given(values: list[Any], pictures: list[bytes | None]) -> pa.ChunkedArray:
    """Pictures as they came: bytes as bytes, bytes and paths as both, pictures of Pillow as bytes and paths."""
    if any(isinstance(value, bytes | bytearray) for value in values):
        return pa.chunked_array([pa.array(pictures, pa.binary())])
    pairs = [
        None if blob is None and not isinstance(value, dict) else {"bytes": blob, "path": _path_in(value)}
        for value, blob in zip(values, pictures, strict=True)
    ]
    return pa.chunked_array([pa.array(pairs, PICTURE)])


def _path_in(value: Any) -> str | None:
    """The path that a cell of bytes and path names; JSON may hold anything there."""
    path = value.get("path") if isinstance(value, dict) else None
    return path if isinstance(path, str) else None


def _mended(values: list[str | None], name: str, out: Cells) -> list[str | None]:
    mended = []
    for row, value in enumerate(values):
        good = value if value is None else value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        if good != value:
            out.reasons.setdefault(row, f"the column {name!r} is not valid Unicode")
        mended.append(good)
    return mended


def json_text(value: Any) -> str:
    """A nested value as JSON; bytes in it only by their length."""
    return json.dumps(value, ensure_ascii=False, default=_json_default)


def _json_default(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    if hasattr(value, "tolist"):
        return value.tolist()
    return sorted(value, key=str) if isinstance(value, set | frozenset) else str(value)


def keep_pictures(out: Cells, name: str, pictures: list[bytes | None]) -> pa.Array:
    out.blobs[name] = pictures
    return pa.nulls(len(pictures), pa.string())


def _pictures(values: list[Any]) -> list[bytes | None] | None:
    """Encoded bytes of a column of PIL images, byte strings or Hugging Face image dicts; None for any other column."""
    first = next((value for value in values if value is not None), None)
    if isinstance(first, bytes | bytearray):
        return [bytes(value) if isinstance(value, bytes | bytearray) else None for value in values]
    if _is_picture_dict(first):
        return [picture_bytes(value) if isinstance(value, dict) else None for value in values]
    if hasattr(first, "save") and hasattr(first, "getbands"):
        return [_png(value) for value in values]
    return None


def _png(picture: Any) -> bytes | None:
    if not hasattr(picture, "save"):
        return None
    sink = io.BytesIO()
    try:
        picture.save(sink, "PNG")
    except (OSError, ValueError):  # modes that PNG has not; TIFF has them
        sink = io.BytesIO()
        picture.save(sink, "TIFF")
    return sink.getvalue()


def _is_picture_dict(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == PICTURE_FIELDS


def _picture_column(values: list[Any], name: str, out: Cells) -> pa.Array:
    """A column of ``{"bytes": ..., "path": ...}``. A path is data like any other: it is noted here, and judged and read
    where all image paths are."""
    cells = [value if isinstance(value, dict) else {} for value in values]
    data = [picture_bytes(cell) for cell in cells]
    paths = [_path_in(cell) for cell in cells]
    if not any(one is not None for one in data):
        out.pictures.add(name)
        return pa.array(paths, pa.string())
    out.blob_paths[name] = [None if one is not None else path for one, path in zip(data, paths, strict=True)]
    return keep_pictures(out, name, data)


def picture_bytes(value: Mapping[str, Any] | None) -> bytes | None:
    """The bytes of ``{"bytes": ..., "path": ...}``; None if it holds none."""
    data = None if value is None else value.get("bytes")
    return bytes(data) if isinstance(data, bytes | bytearray | memoryview) else None


# Arrow ---------------------------------------------------------------------------------------------------------


def from_arrow(table: pa.Table, where: str) -> Cells:
    """An Arrow table in plain types: int64, float64, bool, string, dates and times; pictures and nested values apart."""
    refuse_twins(table.column_names, where)
    out = Cells(pa.table({}), where=where)
    out.given = {name: _without_views(table[name]) for name in table.column_names}
    out.metadata = dict(table.schema.metadata or {})
    classes = class_names(out.metadata)
    arrays = {}
    for name in table.column_names:
        column = out.given[name]
        if name in classes and pa.types.is_integer(column.type):
            column = named_classes(column, classes[name])
        arrays[name] = plain_column(column, name, out)
    out.table = pa.table(arrays) if arrays else table
    return out


def class_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """The class names of columns of codes, as Hugging Face notes them in the metadata of a table."""
    try:
        features = json.loads(metadata.get(HF, b"{}"))["info"]["features"]
        return {
            str(name): [str(one) for one in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def named_classes(codes: pa.ChunkedArray, names: Sequence[str]) -> pa.Array:
    """Class codes as names; -1 is how Hugging Face writes "no label"."""
    return pa.array(
        [names[code] if code is not None and 0 <= code < len(names) else None for code in codes.to_pylist()],
        pa.string(),
    )


def _without_views(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Categories whose values are views, as Polars writes them to Arrow files, with plain ones: Arrow can do next to nothing
    with the former."""
    kind = column.type
    if not pa.types.is_dictionary(kind) or not pa.types.is_string_view(kind.value_type):
        return column
    plain = pa.dictionary(kind.index_type, pa.large_string(), kind.ordered)
    chunks = [
        pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.large_string()), ordered=kind.ordered)
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, plain)


def plain_column(column: pa.ChunkedArray | pa.Array, name: str, out: Cells) -> pa.ChunkedArray:
    """One column in a plain type; what it needs to be said goes into ``out``."""
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name in PANDAS_TYPES:
        return pa.chunked_array([pandas_text(chunk) for chunk in column.chunks], pa.string())
    if isinstance(kind, pa.BaseExtensionType):
        return plain_column(pa.chunked_array([c.storage for c in column.chunks], kind.storage_type), name, out)
    if pa.types.is_run_end_encoded(kind):
        chunks = [pc.run_end_decode(chunk) for chunk in column.chunks]
        return plain_column(pa.chunked_array(chunks, kind.value_type), name, out)
    if pa.types.is_dictionary(kind):
        check_decoded(column, f"the column {name!r}")
        chunks = [decoded(chunk) for chunk in column.chunks]
        return plain_column(pa.chunked_array(chunks, kind.value_type), name, out)
    if pa.types.is_struct(kind) and {kind.field(i).name for i in range(kind.num_fields)} == PICTURE_FIELDS:
        return pa.chunked_array([_picture_column(column.to_pylist(), name, out)])
    if pa.types.is_nested(kind):
        out.nested.add(name)
        texts = [None if value is None else json_text(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    if _is_binary(kind):
        values = column.to_pylist()
        if not _reads_as_text(values):
            return pa.chunked_array([keep_pictures(out, name, values)])
        return _strings(column.cast(pa.large_binary()).cast(pa.large_string(), safe=False), name, out)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _strings(column, name, out)
    return _numbers(column)


def pandas_text(array: pa.Array) -> pa.Array:
    """Intervals and periods as pandas writes them: "(0, 10]", "2024-01"."""
    if array.type.extension_name == "pandas.interval":
        first = "[" if array.type.closed in ("left", "both") else "("
        last = "]" if array.type.closed in ("right", "both") else ")"
        pairs = array.storage.to_pylist()
        blank = [pair is None or pair["left"] is None or _is_nan(pair["left"]) for pair in pairs]
        texts = [
            None if gone else f"{first}{pair['left']}, {pair['right']}{last}"
            for pair, gone in zip(pairs, blank, strict=True)
        ]
        return pa.array(texts, pa.string())
    values = array.to_pandas()
    return pa.array(
        [None if gone else str(value) for value, gone in zip(values, values.isna(), strict=True)], pa.string()
    )


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _is_binary(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(test(kind) for test in tests)


def _reads_as_text(values: Iterable[bytes | None]) -> bool:
    """Some writers of Parquet do not say that a column of bytes is text."""
    sample = [value for value in values if value][:20]
    try:
        return all(CONTROL.search(value.decode()) is None for value in sample)
    except UnicodeDecodeError:
        return False


def _strings(column: pa.ChunkedArray, name: str, out: Cells) -> pa.ChunkedArray:
    chunks: list[pa.Array] = []
    row = 0
    for chunk in column.chunks:
        try:
            chunk.validate(full=True)
        except pa.ArrowInvalid:
            chunk = pa.array(_decoded(chunk, row, name, out), pa.large_string())
        chunks += [piece.cast(pa.string()) for piece in _pieces(chunk)]
        row += len(chunk)
    return pa.chunked_array(chunks, pa.string())


def _pieces(chunk: pa.Array) -> list[pa.Array]:
    """Large strings may not fit one array of strings; a piece is taken, for a slice keeps the offsets of the whole."""
    if chunk.nbytes <= PIECE:
        return [chunk]
    step = max(1, len(chunk) * PIECE // chunk.nbytes)
    bounds = ((start, min(start + step, len(chunk))) for start in range(0, len(chunk), step))
    return [chunk.take(pa.array(range(start, stop), pa.int64())) for start, stop in bounds]


def _decoded(chunk: pa.Array, row: int, name: str, out: Cells) -> list[str | None]:
    values = []
    for position, data in enumerate(chunk.cast(pa.large_binary()).to_pylist(), row):
        text = data if data is None else data.decode("utf-8", "replace")
        if text is not None and BROKEN in text and text.encode() != data:
            out.reasons.setdefault(position, f"the column {name!r} is not valid UTF-8")
        values.append(text)
    return values


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_interval(kind):
        texts = [None if value is None else str(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    if pa.types.is_uint64(kind):
        top = pc.max(column).as_py()
        return column if top is not None and top >= 2**63 else column.cast(pa.int64())
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_decimal(kind) and kind.bit_width < 128:  # Arrow computes with the wider ones only
        return column.cast(pa.decimal128(kind.precision, kind.scale))
    return column.cast(pa.float64()) if pa.types.is_floating(kind) else column


def whole_again(array: pa.Array) -> pa.Array:
    """Floats that are all whole numbers -> int64, NaN -> null; any other array unchanged."""
    if not pa.types.is_floating(array.type):
        return array
    values = array.to_pylist()
    filled = [value for value in values if value is not None and not math.isnan(value)]
    if not filled or not all(value.is_integer() and abs(value) < WHOLE for value in filled):
        return array
    return pa.array([None if value is None or math.isnan(value) else int(value) for value in values], pa.int64())
