"""The first sheet of an Excel or OpenDocument file -> `Cells`.

In: a path. Out: `Cells`. Does not know: which column is what.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.errors import MissingExtraError, SourceError
from assay.sources.cells import WHOLE, Cells, from_values, refuse_twins


def read_excel(path: Path) -> Cells:
    """Header first. Excel keeps every number as a float: whole ones become integers where the column has no others."""
    try:
        from python_calamine import CalamineWorkbook
    except ImportError as error:
        raise MissingExtraError("reading Excel files", "excel") from error
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
