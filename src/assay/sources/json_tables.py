"""JSON and JSON lines -> `Cells`.

In: the bytes of a file. Out: `Cells`. Does not know: which column is what.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from assay.errors import SourceError
from assay.sources.cells import Cells, from_values
from assay.sources.decompression import check_filled
from assay.sources.labelling_exports import read_export
from assay.sources.words import are_split_names

SHAPE = 'an array of objects, such as [{"text": "...", "label": "..."}], or one object a line'


def read_json(data: bytes, where: str) -> Cells:
    """An array of objects, an object of columns, or an object with one such array in it; one object a line, too."""
    try:
        value = json.loads(data.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        if _is_object(data.lstrip().split(b"\n", 1)[0]):  # JSON lines are often named .json
            found = read_jsonl(data, where)
            found.notes.insert(0, "read as JSON lines: one object a line")
            return found
        raise SourceError(f"{where} is not valid JSON ({error}); it must hold {SHAPE}") from error
    rows, note = read_export(value, where) or _rows(value, where)
    found = _records(rows, where)
    found.notes += [note] if note else []
    return found


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _rows(value: Any, where: str) -> tuple[list[Any], str | None]:
    note = None
    if isinstance(value, dict) and value and all(isinstance(column, dict) for column in value.values()):
        value = _pandas_columns(value) or _keyed(value)
    if isinstance(value, dict) and (found := _in_splits(value)):
        return found, f"rows: the arrays {', '.join(value)} of the file, a split each"
    if isinstance(value, dict):
        tables = [name for name, inner in value.items() if _is_records(inner)]
        if len(tables) == 1:
            note = f"rows: the array {tables[0]!r} of the file"
            value = value[tables[0]]
        elif value and all(isinstance(column, list) for column in value.values()):
            lengths = sorted({len(column) for column in value.values()})
            if len(lengths) > 1:
                raise SourceError(f"{where}: its columns have different lengths ({', '.join(map(str, lengths))})")
            value = [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
        elif value:
            value = [value] if not any(isinstance(inner, dict | list) for inner in value.values()) else None
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise SourceError(f"{where} must hold {SHAPE}")
    return value, note


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _pandas_columns(value: dict[str, dict[str, Any]]) -> dict[str, list[Any]] | None:
    """What ``DataFrame.to_json()`` writes: column -> row number -> cell; None for anything else."""
    numbers = next(iter(value.values()))
    if not all(name.isdecimal() for name in numbers) or any(
        column.keys() != numbers.keys() for column in value.values()
    ):
        return None
    return {name: list(column.values()) for name, column in value.items()}


def _keyed(value: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows by their key, which becomes a column."""
    name = "key"
    while any(name in row for row in value.values()):
        name = f"{name}_"
    return [{name: key} | row for key, row in value.items()]


def _in_splits(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Rows of the arrays of an object whose names are splits, of objects or of lists of equal length; None for anything else."""
    if len(value) < 2 or not are_split_names(set(value)):
        return None
    rows: list[dict[str, Any]] = []
    for split, inner in value.items():
        if not isinstance(inner, list) or not inner:
            return None
        if all(isinstance(row, list) for row in inner) and len({len(row) for row in inner}) == 1:
            inner = [{f"column {at}": cell for at, cell in enumerate(row, 1)} for row in inner]
        if not all(isinstance(row, dict) and "split" not in row for row in inner):
            return None
        rows += [row | {"split": split} for row in inner]
    return rows


def read_jsonl(data: bytes, where: str) -> Cells:
    """One object a line; a broken line is a row with a reason. An array of objects is taken, too."""
    if data.lstrip()[:1] == b"[":
        return read_json(data, where)
    rows: list[dict[str, Any]] = []
    reasons: dict[int, str] = {}
    raw: dict[int, bytes] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8"))
            if not isinstance(value, dict):
                raise ValueError("not an object")
        except UnicodeDecodeError:
            reasons[len(rows)] = f"line {number} is not valid UTF-8"
            value = {}
        except (ValueError, RecursionError) as error:
            reasons[len(rows)] = f"line {number} is not a valid JSON object ({str(error)[:80]})"
            value = {}
        if len(rows) in reasons:
            raw[len(rows)] = line.rstrip(b"\r")
        rows.append(value)
    if len(reasons) > len(rows) / 2 and (len(reasons) > 3 or len(reasons) == len(rows)):
        first = next(iter(reasons.values()))
        raise SourceError(
            f"{where} does not read as JSON lines: {len(reasons):,} of {len(rows):,} lines are broken ({first})"
        )
    found = _records(rows, where)
    found.reasons |= reasons
    found.misread |= set(reasons)
    found.raw, found.raw_form = raw, "jsonl"
    if reasons:
        found.notes.append(f"{len(reasons):,} rows are broken and are not analysed ({next(iter(reasons.values()))})")
    return found


def _records(rows: Sequence[dict[str, Any]], where: str) -> Cells:
    """Columns in order of first appearance; a key that a row has not is blank."""
    if not any(rows):
        raise SourceError(f"{where} has no rows")
    names = dict.fromkeys(name for row in rows for name in row)
    check_filled(where, len(rows), len(names), sum(map(len, rows)))
    return from_values({name: [row.get(name) for row in rows] for name in names}, where)
