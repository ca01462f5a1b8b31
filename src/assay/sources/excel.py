"""A sheet of an Excel or OpenDocument file -> `Cells`.

In: a path, the name of a sheet. Out: `Cells`. Does not know: which column is what.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any

from assay.errors import MissingExtraError, SourceError, UsageError
from assay.sources.cells import WHOLE, Cells, from_values, refuse_twins
from assay.sources.csv_shapes import below, left_below
from assay.sources.decompression import check_filled

CELL = re.compile(rb'<(?:\w{1,8}:)?c r="([A-Z]{1,3})([0-9]{1,7})"')
REPEAT = re.compile(rb'number-(columns|rows)-repeated="([0-9]{1,9})"([^>]{0,128})>')
MOST_ROWS = 1_000_000  # a run of as many rows is the empty end of a sheet

LOOKED_AT = 200  # rows, to see how wide the table is
WIDE = 0.6  # of the usual number of filled cells: a header has at least so many


def read_excel(path: Path, sheet: str | None = None) -> Cells:
    """Header first, titles above it aside. Without ``sheet`` the first one that holds a table. Merged cells of the rows hold
    what the first of them does. Excel keeps every number as a float: whole ones become integers where the column has no others."""
    try:
        from python_calamine import CalamineWorkbook
    except ImportError as error:
        raise MissingExtraError("reading Excel files", "excel") from error
    _check_sheets(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = list(book.sheet_names)
        if sheet is not None and sheet not in sheets:
            raise UsageError(f"{path} has no sheet {sheet!r}; its sheets are: {', '.join(sheets[:20])}")
        chosen, rows, merged = _read_sheet(book, sheets if sheet is None else [sheet])
    except UsageError:
        raise
    except Exception as error:  # the reader's own errors have no common base
        raise SourceError(
            f"{path} is not a readable Excel file ({error}); is it encrypted or of another kind?"
        ) from error
    called = "its first sheet" if chosen == sheets[0] else f"its sheet {chosen!r}"
    if not rows:
        raise SourceError(f"{path}: {called} is empty")
    titles = _titles(rows)
    if len(rows) == titles + 1:
        raise SourceError(f"{path}: {called} has a header but no rows")
    filled = _fill_merged(rows, merged, titles)
    header, body = rows[titles], rows[titles + 1 :]
    columns: dict[int, list[Any]] = {column: [row[column] for row in body] for column in range(len(header))}
    kept = [
        column for column, values in columns.items() if header[column] is not None or any(v is not None for v in values)
    ]
    names = [_name(header[column], column) for column in kept]
    refuse_twins(names, str(path))
    found = from_values({name: _numbers(columns[column]) for name, column in zip(names, kept, strict=True)}, str(path))
    texts = [["" if row[column] is None else str(row[column]) for column in kept] for row in body]
    if under := {row: f"row {titles + row + 2} is {what}" for row, what in below(texts).items()}:
        found.reasons |= under
        found.misread |= under.keys()
        found.notes.append(left_below(under))
    if len(sheets) > 1:
        which = "the first of" if chosen == sheets[0] else "of"
        found.notes.append(f"sheet: {chosen} ({which} {len(sheets)}; another: --sheet NAME)")
    if titles:
        found.notes.append(f"{titles:,} rows above the header are titles and left aside ({_first(rows[:titles])})")
    if filled:
        found.notes.append(f"{filled:,} cells that are merged with another hold what it does")
    return found


Rows = list[list[Any]]
Merged = list[tuple[tuple[int, int], tuple[int, int]]]


def _read_sheet(book: Any, sheets: list[str]) -> tuple[str, Rows, Merged]:
    """The first of the sheets with a header and a row, else the first: name, rows, merged cells counted from the first row."""
    first: tuple[str, Rows, Merged] | None = None
    for name in sheets:
        sheet = book.get_sheet_by_name(name)
        rows = [[_blank(value) for value in row] for row in sheet.to_python(skip_empty_area=True)]
        while rows and not any(value is not None for value in rows[-1]):  # formatted cells below the data
            rows.pop()
        top, left = sheet.start or (0, 0)
        merged = [
            ((start[0] - top, start[1] - left), (end[0] - top, end[1] - left))
            for start, end in sheet.merged_cell_ranges or []
        ]
        first = first or (name, rows, merged)
        if len(rows) > 1 and max(_count(row) for row in rows) > 1:
            return name, rows, merged
    assert first is not None  # a workbook has a sheet
    return first


def _count(row: list[Any]) -> int:
    return sum(value is not None for value in row)


def _titles(rows: Rows) -> int:
    """How many rows stand above the header: those with far fewer filled cells than the rows of the table have."""
    counts = [_count(row) for row in rows[:LOOKED_AT]]
    usual = sorted(counts)[len(counts) // 2]
    if usual < 2:
        return 0
    return next(at for at, count in enumerate(counts) if count >= max(2, WIDE * usual))


def _fill_merged(rows: Rows, merged: Merged, titles: int) -> int:
    """Give every cell of a merged block below the header the value of its first; how many got one."""
    filled = 0
    for (top, left), (bottom, right) in merged:
        if top <= titles or top >= len(rows) or left >= len(rows[top]):
            continue
        value = rows[top][left]
        for at in range(top, min(bottom + 1, len(rows))):
            for column in range(left, min(right + 1, len(rows[at]))):
                if rows[at][column] is None and value is not None:
                    rows[at][column] = value
                    filled += 1
    return filled


def _first(rows: Rows) -> str:
    return str(next((value for row in rows for value in row if value is not None), ""))[:40]


def _blank(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) < WHOLE


def _name(value: Any, column: int) -> str:
    return f"Unnamed: {column}" if value is None else str(int(value) if _whole(value) else value).strip()


def _numbers(values: list[Any]) -> list[Any]:
    """Whole floats as integers, unless the column holds fractions: 1 must not become "1.0" beside text. Days among times begin at
    midnight: a sheet does not tell midnight from no time of day."""
    if any(isinstance(value, datetime) for value in values):
        values = [datetime.combine(value, time()) if type(value) is date else value for value in values]
    if any(isinstance(value, float) and not _whole(value) for value in values):
        return values
    return [int(value) if _whole(value) else value for value in values]


def _check_sheets(path: Path) -> None:
    """`SourceError` for a sheet whose few cells lie so far apart that the reader would lay out millions of empty ones.

    Cost: the packed sheets are read once, a block at a time.
    """
    if not zipfile.is_zipfile(path):
        return  # .xls ends at 65,536 rows and 256 columns
    try:
        with zipfile.ZipFile(path) as parts:
            for info in parts.infolist():
                if info.filename.startswith("xl/worksheets/") and info.filename.endswith(".xml"):
                    with parts.open(info) as stream:
                        _check_sheet(stream, str(path))
                elif info.filename == "content.xml":
                    with parts.open(info) as stream:
                        _check_repeats(stream, str(path))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        return  # the reader says what is wrong with the file


def _blocks(stream: IO[bytes], kept: int = 256) -> Iterator[bytes]:
    """The text in blocks that overlap by as much as a match may take."""
    tail = b""
    while block := stream.read(1 << 20):
        yield tail + block
        tail = block[-kept:]


def _check_sheet(stream: IO[bytes], where: str) -> None:
    low, high, count = [1 << 30, 1 << 30], [0, 0], 0
    for block in _blocks(stream):
        for letters, digits in CELL.findall(block):
            column = 0
            for letter in letters:
                column = column * 26 + letter - 64
            at = (int(digits), column)
            low, high = [min(low[0], at[0]), min(low[1], at[1])], [max(high[0], at[0]), max(high[1], at[1])]
            count += 1
    if count:
        check_filled(where, high[0] - low[0] + 1, high[1] - low[1] + 1, count)


def _check_repeats(stream: IO[bytes], where: str) -> None:
    """OpenDocument writes runs of cells and rows as one with a count; spreadsheets end with long empty runs, which count
    for nothing, so only what repeats and is not empty is judged."""
    rows = columns = 1
    for block in _blocks(stream):
        for kind, count, rest in REPEAT.findall(block):
            if kind == b"columns" and rest.rstrip().endswith(b"/"):
                continue
            if kind == b"columns":
                columns = max(columns, int(count))
            elif int(count) < MOST_ROWS:
                rows = max(rows, int(count))
    check_filled(where, rows, columns, 1)
