"""Arrow cells as values that text formats can hold.

In: Arrow columns. Out: Python values for CSV and JSON. Does not know: files.
"""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def json_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """One dict a row; NaN and infinity, which JSON does not know, become null."""
    columns = [[_json(value) for value in _values(table[name])] for name in table.column_names]
    for row in zip(*columns, strict=True):
        yield dict(zip(table.column_names, row, strict=True))


def csv_rows(table: pa.Table, *, guard: bool) -> Iterator[tuple[Any, ...]]:
    """One tuple a row, nulls and NaN as None. ``guard`` puts an apostrophe before text that a spreadsheet would run."""
    columns = [[_csv(value, guard) for value in _values(table[name])] for name in table.column_names]
    yield from zip(*columns, strict=True)


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_float16(column.type):
        column = column.cast(pa.float32())
    if pa.types.is_float32(column.type):  # .9 and not .8999999761581421
        return [None if text is None else float(text) for text in column.cast(pa.string()).to_pylist()]
    return list(column.to_pylist())


def _csv(value: Any, guard: bool) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if value is None or isinstance(value, bool | int):
        return value
    plain = _json(value)
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return guarded(text) if guard else text


def _json(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_json(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _json(part) for key, part in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)  # decimals, durations
