"""Table files -> an Arrow table and the rows that are broken.

In: a CSV, TSV, JSON, JSONL, Parquet, Arrow or Excel file (text formats also gzipped). Out: `Cells`.
Does not know: which column is what.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.errors import MissingExtraError, SourceError

TEXT_ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
OTHER_ENDINGS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".xlsx": "excel",
    ".xls": "excel",
    ".xlsm": "excel",
    ".ods": "excel",
}
BINARY_MAGIC = {
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"PK\x03\x04": "a ZIP or Excel file",
    b"\x1f\x8b": "a gzip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF": "a PDF",
    b"SQLite format 3": "a SQLite database",
}
BROKEN = "\ufffd"
csv.field_size_limit(1 << 30)


@dataclass
class Cells:
    """A table, rows that could not be read as they should, and what to say of the reading."""

    table: pa.Table
    reasons: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def kind_of(path: Path) -> str | None:
    """ "csv", "tsv", "json", "jsonl", "parquet", "arrow", "excel", or None; ``.gz`` is looked through for text."""
    endings = [ending.lower() for ending in path.suffixes]
    if endings[-1:] == [".gz"]:
        return TEXT_ENDINGS.get(endings[-2]) if len(endings) > 1 else None
    ending = endings[-1] if endings else ""
    return TEXT_ENDINGS.get(ending) or OTHER_ENDINGS.get(ending)


def read_cells(path: Path) -> Cells:
    """Read any table file by its ending. `SourceError` says what is wrong with it and what to do."""
    kind = kind_of(path)
    if path.stat().st_size == 0:
        raise SourceError(f"{path} is empty (zero bytes)")
    if kind in ("parquet", "arrow"):
        return Cells(_arrow(path, kind))
    if kind == "excel":
        return _excel(path)
    data = _text_bytes(path)
    if kind == "json":
        return _json(path, data)
    if kind == "jsonl":
        return _jsonl(path, data)
    return read_csv(data, str(path), "\t" if kind == "tsv" else None)


def _text_bytes(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix.lower() == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise SourceError(f"{path} is not a whole gzip file ({error})") from error
    for magic, what in BINARY_MAGIC.items():
        if data.startswith(magic):
            raise SourceError(f"{path} is {what}, not text as its ending says; rename it or convert it")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16").encode()
    if b"\0" in data[:65_536]:
        raise SourceError(f"{path} is not a text file (it holds zero bytes)")
    if data.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise SourceError(f"{path} is a web page (HTML), not a table; was it saved from a log-in page?")
    return data.removeprefix(b"\xef\xbb\xbf")


# CSV -----------------------------------------------------------------------------------------------------------


def read_csv(data: bytes, where: str, delimiter: str | None = None) -> Cells:
    """Every row is kept: one of the wrong width or with broken UTF-8 gets a reason. A column becomes numbers only
    where writing them back gives the same text."""
    text = data.decode("utf-8", errors="replace")
    notes = []
    if delimiter is None:
        delimiter = _sniff(text)
        if delimiter != ",":
            notes.append(f"delimiter: {'tab' if delimiter == chr(9) else delimiter}")
    if not text.strip():
        raise SourceError(f"{where} is empty")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = next(reader)
    except (StopIteration, csv.Error) as error:
        raise SourceError(f"{where} has no header row ({error})") from error
    header = [name.strip() if name.strip() else f"column_{place}" for place, name in enumerate(header)]
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise SourceError(f"{where}: the column name {twice[0]!r} appears twice in the header; rename one")
    width = len(header)
    columns: list[list[str]] = [[] for _ in header]
    reasons: dict[int, str] = {}
    row = ragged = 0
    while True:
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            record = [""] * width
            reasons[row] = f"line {reader.line_num}: {error}"
        if not record:
            continue
        if len(record) != width:
            ragged += 1
            reasons[row] = f"line {reader.line_num} has {len(record)} cells where the header has {width}"
            record = (record + [""] * width)[:width]
        elif BROKEN in text and any(BROKEN in cell for cell in record):
            reasons[row] = f"line {reader.line_num} is not valid UTF-8"
        for column, cell in zip(columns, record, strict=True):
            column.append(cell)
        row += 1
    if not row:
        raise SourceError(f"{where} has a header but no rows")
    if ragged > max(3, row // 2):
        first = next(iter(reasons.values()))
        raise SourceError(
            f"{where} does not read as a CSV: {ragged} of {row} rows have another number of cells ({first}); is it a table?"
        )
    broken = sum("UTF-8" in reason for reason in reasons.values())
    if broken > max(3, row // 2):
        raise SourceError(f"{where} is not UTF-8 text; save it as UTF-8")
    table = pa.table({name: typed(values) for name, values in zip(header, columns, strict=True)})
    return Cells(table, reasons, notes)


def _sniff(text: str) -> str:
    lines = [line for line in text[:65_536].splitlines()[:50] if line]
    first = lines[0] if lines else ""
    counts = {delimiter: first.count(delimiter) for delimiter in (",", ";", "\t", "|")}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] and not counts[","] else ","


def typed(values: Sequence[str]) -> pa.Array:
    """Strings -> int64 or float64 where every value comes back as the same text; blank = null; else strings as they are."""
    filled = [value for value in values if value.strip()]
    if filled and all(_is_int(value) for value in filled):
        return pa.array([int(value) if value.strip() else None for value in values], pa.int64())
    if filled and all(_is_float(value) for value in filled):
        return pa.array([float(value) if value.strip() else None for value in values], pa.float64())
    return pa.array([value if value else None for value in values], pa.string())


def _is_int(value: str) -> bool:
    digits = value.removeprefix("-")
    return (
        digits.isascii()
        and digits.isdigit()
        and len(digits) < 19
        and (digits == "0" or digits[0] != "0")
        and value != "-0"
    )


def _is_float(value: str) -> bool:
    if _is_int(value):
        return False
    try:
        return repr(float(value)) == value and value[-1].isdigit()
    except ValueError:
        return False


# JSON ----------------------------------------------------------------------------------------------------------


def _json(path: Path, data: bytes) -> Cells:
    try:
        value = json.loads(data.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is not valid JSON ({error}); for one object a line use the ending .jsonl") from error
    if isinstance(value, dict) and value and all(isinstance(column, list) for column in value.values()):
        lengths = {len(column) for column in value.values()}
        if len(lengths) > 1:
            raise SourceError(f"{path}: its columns have different lengths ({', '.join(map(str, sorted(lengths)))})")
        value = [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise SourceError(f'{path} must hold an array of objects, such as [{{"text": "...", "label": "..."}}]')
    return Cells(records_table(value, str(path)))


def _jsonl(path: Path, data: bytes) -> Cells:
    rows: list[dict[str, Any]] = []
    reasons: dict[int, str] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8"))
            if not isinstance(value, dict):
                raise ValueError("not an object")
        except (ValueError, RecursionError) as error:
            reasons[len(rows)] = f"line {number} is not a valid JSON object ({str(error)[:80]})"
            value = {}
        rows.append(value)
    if rows and len(reasons) > max(3, len(rows) // 2):
        raise SourceError(
            f"{path} does not read as JSON lines: {len(reasons)} of {len(rows)} lines are broken ({next(iter(reasons.values()))})"
        )
    return Cells(records_table(rows, str(path)), reasons)


def records_table(rows: Sequence[dict[str, Any]], where: str) -> pa.Table:
    """Objects with plain values -> columns in order of first appearance."""
    if not rows or not any(rows):
        raise SourceError(f"{where} has no rows")
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({str(name): plain_array([row.get(name) for row in rows], str(name), where) for name in names})


def plain_array(values: Iterable[Any], name: str, where: str) -> pa.Array:
    """One column of plain values; mixed types become text; nested values are an error that names the column."""
    values = list(values)
    kinds = {type(value) for value in values if value is not None}
    if kinds & {dict}:
        raise SourceError(f"{where}: the column {name!r} holds nested objects; flatten them first")
    if list in kinds:
        return pa.array(
            [json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value for value in values]
        )
    if kinds <= {int, float} and len(kinds) == 2:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if len(kinds) > 1:
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    try:
        return pa.array(values) if kinds else pa.nulls(len(values), pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


# binary formats ------------------------------------------------------------------------------------------------


def _arrow(path: Path, kind: str) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        if kind == "parquet":
            return pq.read_table(path, partitioning=None)
        with pa.memory_map(str(path)) as stream:
            try:
                return pa.ipc.open_file(stream).read_all()
            except pa.ArrowInvalid:
                stream.seek(0)
                return pa.ipc.open_stream(stream).read_all()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise SourceError(f"{path} is not a readable {kind.capitalize()} file ({str(error)[:200]})") from error


def _excel(path: Path) -> Cells:
    try:
        from python_calamine import CalamineWorkbook
    except ImportError as error:
        raise MissingExtraError("reading Excel files", "excel") from error
    try:
        book = CalamineWorkbook.from_path(str(path))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=True)
    except Exception as error:
        raise SourceError(f"{path} is not a readable Excel file ({error})") from error
    if not rows:
        raise SourceError(f"{path}: its first sheet is empty")
    header = [str(name).strip() or f"column_{place}" for place, name in enumerate(rows[0])]
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise SourceError(f"{path}: the column name {twice[0]!r} appears twice in the header; rename one")
    if len(rows) == 1:
        raise SourceError(f"{path}: its first sheet has a header but no rows")
    columns = {name: [_excel_value(row[place]) for row in rows[1:]] for place, name in enumerate(header)}
    table = pa.table({name: _excel_column(values, name, str(path)) for name, values in columns.items()})
    notes = (
        [f"sheet: {book.sheet_names[0]} (the first of {len(book.sheet_names)})"] if len(book.sheet_names) > 1 else []
    )
    return Cells(table, {}, notes)


def _excel_value(value: Any) -> Any:
    return None if value == "" else value


def _excel_column(values: list[Any], name: str, where: str) -> pa.Array:
    """Excel keeps every number as a float: a column of whole numbers is one of integers."""
    filled = [value for value in values if value is not None]
    if filled and all(isinstance(value, float) and value.is_integer() and abs(value) < 2**53 for value in filled):
        return pa.array([None if value is None else int(value) for value in values], pa.int64())
    return plain_array(values, name, where)
