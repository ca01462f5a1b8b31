"""The first sheet of an Excel or OpenDocument file -> `Cells`.

In: a path. Out: `Cells`. Does not know: which column is what.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from assay.errors import MissingExtraError, SourceError
from assay.sources.cells import WHOLE, Cells, from_values, refuse_twins
from assay.sources.decompression import check_filled

CELL = re.compile(rb'<(?:\w{1,8}:)?c r="([A-Z]{1,3})([0-9]{1,7})"')
REPEAT = re.compile(rb'number-(columns|rows)-repeated="([0-9]{1,9})"([^>]{0,128})>')
MOST_ROWS = 1_000_000  # a run of as many rows is the empty end of a sheet


def read_excel(path: Path) -> Cells:
    """Header first. Excel keeps every number as a float: whole ones become integers where the column has no others."""
    try:
        from python_calamine import CalamineWorkbook
    except ImportError as error:
        raise MissingExtraError("reading Excel files", "excel") from error
    _check_sheets(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=True)
    except Exception as error:  # the reader's own errors have no common base
        raise SourceError(
            f"{path} is not a readable Excel file ({error}); is it encrypted or of another kind?"
        ) from error
    rows = [[_blank(value) for value in row] for row in rows]
    while rows and not any(value is not None for value in rows[-1]):  # formatted cells below the data
        rows.pop()
    if not rows:
        raise SourceError(f"{path}: its first sheet is empty")
    if len(rows) == 1:
        raise SourceError(f"{path}: its first sheet has a header but no rows")
    columns: dict[int, list[Any]] = {place: [row[place] for row in rows[1:]] for place in range(len(rows[0]))}
    kept = [
        place for place, values in columns.items() if rows[0][place] is not None or any(v is not None for v in values)
    ]
    names = [_name(rows[0][place], place) for place in kept]
    refuse_twins(names, str(path))
    found = from_values({name: _numbers(columns[place]) for name, place in zip(names, kept, strict=True)}, str(path))
    if len(book.sheet_names) > 1:
        found.notes.append(f"sheet: {book.sheet_names[0]} (the first of {len(book.sheet_names)})")
    return found


def _blank(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) < WHOLE


def _name(value: Any, place: int) -> str:
    return f"Unnamed: {place}" if value is None else str(int(value) if _whole(value) else value).strip()


def _numbers(values: list[Any]) -> list[Any]:
    """Whole floats as integers, unless the column holds fractions: 1 must not become "1.0" beside text."""
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
