"""Arrow cells as values that text formats can hold.

In: Arrow columns. Out: Python values for CSV and JSON. Does not know: files.
"""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.sources.cells import PANDAS_TYPES, pandas_text
from assay.sources.originals import decoded

# the last four are the wide forms of East Asia
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}  # decimals of a second


def json_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """One dict a row; NaN and infinity, which JSON does not know, become the texts "NaN" and "Infinity"."""
    columns = [[_json(value) for value in column_values(table[name])] for name in table.column_names]
    for row in zip(*columns, strict=True):
        yield dict(zip(table.column_names, row, strict=True))


def csv_rows(table: pa.Table, *, guard: bool) -> Iterator[tuple[Any, ...]]:
    """One tuple a row, nulls as None. ``guard`` puts an apostrophe before text that a spreadsheet would run."""
    columns = []
    for column in table.columns:  # not by name: two may have none
        as_json = _is_json(column.type)  # text of it stands in quotes, as in JSON
        columns.append([_csv(value, guard, as_json) for value in column_values(column)])
    yield from zip(*columns, strict=True)


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def column_values(column: pa.ChunkedArray) -> list[Any]:
    """Python values that lose nothing: texts where Python has no such type."""
    return [value for chunk in column.chunks for value in _values(chunk)]


def _is_json(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.json"


def _values(array: pa.Array) -> list[Any]:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _values(decoded(array))
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name in PANDAS_TYPES:
            return list(pandas_text(array).to_pylist())
        if _is_json(kind):
            return [None if text is None else json.loads(text) for text in array.storage.to_pylist()]
        return _values(array.storage) if kind.extension_name != "arrow.uuid" else list(array.to_pylist())
    if pa.types.is_run_end_encoded(kind):
        return _values(pc.run_end_decode(array))
    if pa.types.is_float16(kind):
        array = array.cast(pa.float32())
    if pa.types.is_float32(array.type):  # .9 and not .8999999761581421
        return [None if text is None else float(text) for text in array.cast(pa.string()).to_pylist()]
    if pa.types.is_duration(kind):
        return [None if n is None else _duration(n, kind.unit) for n in array.cast(pa.int64()).to_pylist()]
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return list(array.cast(pa.string()).to_pylist())
    try:
        values = array.to_pylist()
    except UnicodeDecodeError:
        return [None if data is None else data.decode("utf-8", "surrogateescape") for data in _bytes(array)]
    except (OverflowError, ValueError):  # beyond the calendar of Python
        return list(array.cast(pa.string()).to_pylist())
    shorten = _shortener(kind)
    return values if shorten is None else [shorten(value) for value in values]


def _bytes(array: pa.Array) -> list[bytes | None]:
    return list(array.cast(pa.large_string()).cast(pa.large_binary()).to_pylist())


def _shortener(kind: pa.DataType) -> Callable[[Any], Any] | None:
    """Single-precision numbers and durations inside lists and objects, as outside of them; None = nothing to do."""
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        import numpy as np

        single: Any = np.float32 if pa.types.is_float32(kind) else np.float16
        return lambda value: None if value is None else float(str(single(value)))
    if pa.types.is_struct(kind):
        found = {kind.field(i).name: _shortener(kind.field(i).type) for i in range(kind.num_fields)}
        inner = {name: how for name, how in found.items() if how is not None}
        if not inner:
            return None
        return lambda value: value and value | {name: how(value[name]) for name, how in inner.items()}
    if _is_list(kind):
        each = _shortener(kind.value_type)
        return None if each is None else lambda value: None if value is None else [each(part) for part in value]
    return None


def _is_list(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_list,
        pa.types.is_large_list,
        pa.types.is_fixed_size_list,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    return any(test(kind) for test in tests)


def _duration(count: int, unit: str) -> str:
    """ISO 8601, as "P1DT2H3M4.5S"."""
    decimals = UNITS[unit]
    seconds, rest = divmod(abs(count), 10**decimals)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    fraction = f".{rest:0{decimals}d}".rstrip("0") if rest else ""
    return f"{'-' if count < 0 else ''}P{days}DT{hour}H{minute}M{second}{fraction}S"


def _csv(value: Any, guard: bool, as_json: bool) -> Any:
    if isinstance(value, float) and not as_json:
        return "NaN" if math.isnan(value) else value
    if value is None or (isinstance(value, bool | int) and not as_json):
        return value
    plain = _json(value)
    text = plain if isinstance(plain, str) and not as_json else json.dumps(plain, ensure_ascii=False)
    return guarded(text) if guard else text


def _json(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return (
            value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        )
    if isinstance(value, pa.MonthDayNano):
        return f"P{value.months}M{value.days}DT{value.nanoseconds / 10**9:.9f}S"
    if isinstance(value, list | tuple):
        return [_json(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _json(part) for key, part in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)  # decimals, UUIDs
