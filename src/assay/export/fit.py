"""What a form can hold of a column, and the nearest it can hold where it cannot.

In: Arrow schemas, the name of a form. Out: one conversion a column and sentences about what is written otherwise.
Does not know: files, rows. Nothing is ever written as null for want of a type.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.export.values import column_values, json_rows
from assay.sources.cells import PANDAS_TYPES, pandas_text
from assay.sources.originals import decoded

HF = b"huggingface"
TEXT = ("csv", "tsv", "jsonl", "json")
Convert = Callable[[pa.ChunkedArray], pa.ChunkedArray]


@dataclass
class Fitted:
    """Tables as one form holds them, one after another. ``notes`` is complete when the last one was taken."""

    tables: Iterable[pa.Table | bytes]
    kind: str
    notes: list[str] = field(default_factory=list)
    _how: dict[str, Convert] | None = None
    _seen: dict[str, set[str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Any]:
        for table in self.tables:
            yield table if isinstance(table, bytes) else self.fit(table)
        for what, columns in self._seen.items():
            self.notes.append(f"{what}: {_named(sorted(columns))}")

    def fit(self, table: pa.Table) -> pa.Table:
        if self._how is None:
            self._how = self._conversions(table.schema)
        if self.kind in TEXT:
            self._look(table)
        names = class_names(table.schema) if self.kind in TEXT else {}
        columns = []
        for name in table.column_names:
            column = table[name]
            if name in names:
                column = names_of(column, names[name])
            elif name in self._how:
                column = self._how[name](column)
            columns.append(column)
        return pa.table(dict(zip(table.column_names, columns, strict=True))).replace_schema_metadata(
            table.schema.metadata
        )

    def _conversions(self, schema: pa.Schema) -> dict[str, Convert]:
        if self.kind in TEXT:
            return {}
        how: dict[str, Convert] = {}
        said: dict[str, list[str]] = {}
        for one in schema:
            found, as_what = _fitted(one, self.kind, schema.metadata)
            if found is not None:
                how[one.name] = found
            if as_what:
                said.setdefault(as_what, []).append(one.name)
        form = {"hf": "a Hugging Face dataset", "parquet": "Parquet", "arrow": "Arrow"}[self.kind]
        self.notes += [f"{form} has no such type; written as {what}: {_named(names)}" for what, names in said.items()]
        if self.kind != "hf" and class_names(schema):
            self.notes.append(
                f"class codes, as they came, with their names in the metadata: {_named(list(class_names(schema)))}"
            )
        return how

    def _look(self, table: pa.Table) -> None:
        """What a text form writes otherwise."""
        form = "JSON" if "json" in self.kind else self.kind.upper()
        for name in table.column_names:
            kind = table[name].type
            if _holds_bytes(kind):
                self._say(f"bytes are written as base64 text in {form}", name)
            if (
                form == "JSON"
                and pa.types.is_floating(kind)
                and pc.all(pc.is_finite(table[name])).as_py() not in (True, None)
            ):
                self._say('JSON knows no NaN and no infinity; written as the texts "NaN", "Infinity"', name)
            nested = pa.types.is_nested(kind) and not pa.types.is_run_end_encoded(kind) and not pa.types.is_union(kind)
            if form != "JSON" and nested:
                self._say(f"lists and objects are written as JSON text in {form}", name)
            text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
            if form != "JSON" and text and table[name].null_count and _some_empty(table[name]):
                self._say(f"an empty text and a missing one look the same in {form}", name)

    def _say(self, what: str, name: str) -> None:
        self._seen.setdefault(what, set()).add(name)


def _some_empty(column: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.equal(pc.binary_length(column), 0)).as_py())


def _named(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(_holds_bytes(kind.field(i).type) for i in range(kind.num_fields))
    if pa.types.is_dictionary(kind) or (pa.types.is_nested(kind) and hasattr(kind, "value_type")):
        return _holds_bytes(kind.value_type)
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(test(kind) for test in tests)


def class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Column -> the names of its class codes, of the features that Hugging Face keeps in the metadata."""
    data = (schema.metadata or {}).get(HF)
    if data is None:
        return {}
    try:
        features = json.loads(data)["info"]["features"]
        return {
            name: list(about["names"])
            for name, about in features.items()
            if isinstance(about, dict) and about.get("_type") == "ClassLabel" and name in schema.names
        }
    except (ValueError, KeyError, TypeError):
        return {}


def with_class_names(schema: pa.Schema, column: str, names: list[str]) -> dict[bytes, bytes]:
    """The metadata of a schema with other names of a column's classes."""
    metadata = dict(schema.metadata or {})
    value = json.loads(metadata[HF])
    value["info"]["features"][column]["names"] = names
    return metadata | {HF: json.dumps(value).encode()}


def without_class_names(metadata: dict[bytes, bytes], column: str) -> dict[bytes, bytes]:
    """The metadata of a schema in which a column no longer holds class codes."""
    value = json.loads(metadata[HF])
    value["info"]["features"].pop(column, None)
    return metadata | {HF: json.dumps(value).encode()}


def names_of(column: pa.ChunkedArray, names: list[str]) -> pa.ChunkedArray:
    """A column of class codes as the names that they stand for."""
    codes = pc.if_else(pc.less(column, 0), pa.scalar(None, column.type), column)  # -1 is "no label"
    return pa.chunked_array([pa.array(names, pa.string()).take(codes.combine_chunks())])


def _fitted(one: pa.Field, kind: str, metadata: Any) -> tuple[Convert | None, str]:
    """(conversion, what it becomes), (None, "") where the form holds the column as it is."""
    steps: list[Convert] = []
    what = ""
    now = one.type
    while not _holds(pa.field(one.name, now), kind, metadata):
        step, now, what = _simpler(now, what)
        steps.append(step)
    if not steps:
        return None, ""

    def convert(column: pa.ChunkedArray) -> pa.ChunkedArray:
        for step in steps:
            column = step(column)
        return column

    return convert, what


def _holds(one: pa.Field, kind: str, metadata: Any) -> bool:
    if kind == "arrow":
        return not pa.types.is_dictionary(one.type) or not isinstance(one.type.value_type, pa.BaseExtensionType)
    if kind == "parquet":
        try:
            sink = io.BytesIO()
            pq.write_table(pa.schema([one]).empty_table(), sink)
            sink.seek(0)
            back = pq.read_schema(sink).field(0).type
        except (pa.ArrowException, TypeError):
            return False
        return pa.types.is_dictionary(back) or not pa.types.is_dictionary(one.type)
    import datasets

    if pa.types.is_dictionary(one.type):
        return False
    try:
        features = datasets.Features.from_arrow_schema(
            pa.schema([one], {HF: metadata[HF]} if metadata and HF in metadata else None)
        )
    except (ValueError, KeyError, NotImplementedError, pa.ArrowException):
        return False
    return list(features) == [one.name]


def _simpler(kind: pa.DataType, what: str) -> tuple[Convert, pa.DataType, str]:
    """(conversion, the type after it, what to call it) of a type that a form does not hold."""
    if pa.types.is_dictionary(kind):
        return _each(decoded), kind.value_type, "the values that the categories stand for"
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name in PANDAS_TYPES:
        return _each(pandas_text), pa.string(), "text"
    if isinstance(kind, pa.BaseExtensionType):
        return _each(lambda array: array.storage), kind.storage_type, f"{kind.storage_type}"
    if pa.types.is_run_end_encoded(kind):
        return _each(pc.run_end_decode), kind.value_type, what or f"{kind.value_type}"
    target = None
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        target = pa.large_list(kind.value_type)
    elif pa.types.is_decimal(kind) and kind.bit_width < 128:
        target = pa.decimal128(kind.precision, kind.scale)
    if target is not None:
        return (lambda column: column.cast(target)), target, f"{target}"
    return _as_text, pa.string(), "JSON text" if pa.types.is_nested(kind) else "text"


def _each(function: Callable[[pa.Array], pa.Array]) -> Convert:
    def convert(column: pa.ChunkedArray) -> pa.ChunkedArray:
        chunks = [function(chunk) for chunk in column.chunks]
        return pa.chunked_array(chunks) if chunks else pa.chunked_array([], function(pa.array([], column.type)).type)

    return convert


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    rows = json_rows(pa.table({"x": column}))
    texts = [
        None if given is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for given, value in zip(column_values(column), (row["x"] for row in rows), strict=True)
    ]
    return pa.chunked_array([pa.array(texts, pa.string())])
