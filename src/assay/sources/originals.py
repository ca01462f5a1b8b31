"""What the plain columns do not hold of the cells as they came: their types, and the values that a plain type changes.

In: plain columns, the same columns as given. Out: `Originals`. Does not know: files, what is done with rows.

Analyses read plain columns. An export writes the cells as they came: a column that a cast brings back is kept as its
type alone, any other is kept whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])  # how Hugging Face and Assay keep a picture
HELD = pa.struct([("path", pa.string()), ("held", pa.bool_())])  # its bytes are among the pictures of the dataset
WRITTEN = b"assay_name"  # metadata of a column of a text table: its name in the header, where that is another
MERGED = b"assay_split"  # metadata of a column that names the parts of a dataset that came in parts


@dataclass(frozen=True)
class Originals:
    """``schema``: the user's columns in their order, with their own types and metadata. ``kept``: those columns whose values
    a cast of the plain ones does not bring back, in the user's order of rows; the image column as `HELD` where its bytes
    are among the pictures. ``raw``: row -> its line as it stood in a text file, where it could not be read as a row;
    ``raw_form``: the form of these lines, such as "csv,", "csv;" or "jsonl". The header: column -> its name as it stood there,
    where it has another here ("Unnamed: 0" for none), is metadata of the fields of ``schema``.
    """

    schema: pa.Schema
    kept: pa.Table
    raw: Mapping[int, bytes] = field(default_factory=dict)
    raw_form: str = ""

    @property
    def says_nothing(self) -> bool:
        """Are the plain columns all there is?"""
        return not self.raw and not self.kept.num_columns and not len(self.schema)


def find_originals(
    plain: pa.Table,
    given: Mapping[str, pa.ChunkedArray],
    metadata: Mapping[bytes, bytes] | None,
    *,
    image: str | None = None,
    blobs: Sequence[bytes | None] | None = None,
    merged: str | None = None,
    header: Mapping[str, str] | None = None,
) -> Originals:
    """Compare each column as given with its plain form. Cost: a cast and a comparison a column of another type.

    given : columns as they came, of those that may differ from the plain ones. metadata : of the table as it came.
    image, blobs : the column whose pictures the dataset keeps, and these. merged : a plain column that was not given.
    header : column -> its name in the header of a text table, of those that have another here.
    """
    fields, kept = [], {}
    for name in plain.column_names:
        column = given.get(name)
        if column is None:
            said = {MERGED: b"1"} if name == merged else {}
            if header and name in header:
                said[WRITTEN] = header[name].encode("utf-8", "surrogatepass")
            fields.append(pa.field(name, plain[name].type, metadata=said or None))
            continue
        if _is_dictionary_of_extension(column.type):  # no file format holds these: pd.cut becomes its intervals
            column = pa.chunked_array([decoded(chunk) for chunk in column.chunks], column.type.value_type)
        fields.append(pa.field(name, column.type))
        if name == image and blobs is not None:
            kept[name] = _held(column, blobs)
        elif not _comes_back(plain[name], column):
            kept[name] = column
    same = all(one.type == plain.schema.field(one.name).type and not one.metadata for one in fields)
    if same and not kept and not metadata:
        return Originals(pa.schema([]), pa.table({}))
    return Originals(pa.schema(fields, dict(metadata or {}) or None), pa.table(kept))


def decoded(array: pa.Array) -> pa.Array:
    """The values of a dictionary array; of extension values, too, which Arrow does not decode."""
    kind = array.type.value_type
    if not isinstance(kind, pa.BaseExtensionType):
        return array.dictionary_decode()
    return pa.ExtensionArray.from_storage(kind, array.dictionary.storage.take(array.indices))


def _is_dictionary_of_extension(kind: pa.DataType) -> bool:
    return pa.types.is_dictionary(kind) and isinstance(kind.value_type, pa.BaseExtensionType)


def _comes_back(plain: pa.ChunkedArray, given: pa.ChunkedArray) -> bool:
    kind = given.type
    if pa.types.is_floating(kind) and pa.types.is_floating(plain.type):
        return plain.null_count == given.null_count  # NaN is not equal to itself, and every other float comes back
    if pa.types.is_nested(kind) or pa.types.is_dictionary(kind) or isinstance(kind, pa.BaseExtensionType):
        return False
    try:
        back = plain if plain.type == kind else plain.cast(kind)
        return bool(back.equals(given))
    except pa.ArrowException:
        return False


def _held(column: pa.ChunkedArray, blobs: Sequence[bytes | None]) -> pa.ChunkedArray:
    """Which rows came with bytes (those that ``blobs`` keep), and the path beside them."""
    if pa.types.is_struct(column.type):
        values = column.to_pylist()
        held = [
            None if value is None else {"path": value["path"], "held": value["bytes"] is not None} for value in values
        ]
    else:
        held = [None if blob is None else {"path": None, "held": True} for blob in blobs]
    return pa.chunked_array([pa.array(held, HELD)])


def typed_values(values: Sequence[Any]) -> pa.Array | None:
    """Python values as Arrow holds them without changing any; as JSON text of a JSON type where only that can; else None.

    One row's missing keys, integers beside texts, whole numbers beyond 64 bits: JSON holds them, an Arrow type does not.
    """
    plain = [_listed(value) for value in values]
    try:
        array = pa.array(plain)
        if _alike(array.to_pylist(), plain):
            return array
    except (pa.ArrowException, UnicodeError, OverflowError, ValueError, TypeError):
        pass
    try:
        texts = [None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False) for value in plain]
        if not _alike([None if text is None else json.loads(text) for text in texts], plain):
            return None
        return pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))
    except (TypeError, ValueError, RecursionError):
        return None


def _listed(value: Any) -> Any:
    """numpy arrays as lists, tuples too; what is in them alike."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_listed(part) for part in value]
    if isinstance(value, dict):
        return {key: _listed(part) for key, part in value.items()}
    return value


def _alike(one: Any, other: Any) -> bool:
    """Equal in value and kind: 1 is not True, and 1.0 is a 1 only in a column of numbers."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)
