"""CSV and its kin -> `Cells`: every row is kept, a broken one with a reason.

In: the bytes of a CSV, TSV or other delimited text. Out: `Cells`. Does not know: which column is what.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Literal

import pyarrow as pa

from assay.errors import SourceError
from assay.sources.cells import Cells, refuse_twins

DELIMITERS = (",", ";", "\t", "|")
SNIFFED = 50  # lines looked at to find the delimiter
RECOVERIES = 100  # stray quotes after which the rest is taken as it comes
LATIN = "if it was saved as Windows-1252: iconv -f windows-1252 -t utf-8 FILE > NEW"
csv.field_size_limit(1 << 30)  # the standard limit of 128 KB is shorter than real documents

Record = tuple[int, list[str], str | None, int]  # line, cells, what is wrong, the line after it
ESCAPED = re.compile(r'(?<!\\)((?:\\\\)*)\\"')  # a quote behind a backslash that is not escaped itself
LONE = re.compile(r'(?<!\\)(?:\\\\)*\\(?![\\"])')  # a backslash that escapes neither quote nor backslash


def read_csv(data: bytes, where: str, delimiter: str | None = None) -> Cells:
    """Header first. A column becomes numbers only where writing them back gives the same text.

    Without ``delimiter`` the one is taken that gives most rows the width of the header. Cost: 1 to 2 us a cell, in Python.
    """
    text, broken = _decoded(data)
    lines = list(io.StringIO(text, newline=""))
    notes: list[str] = []
    if lines and lines[0].strip().lower()[:4] == "sep=" and len(lines[0].strip()) == 5:  # Excel's own hint
        delimiter = lines.pop(0).strip()[4]
    while lines and not lines[0].strip():
        lines.pop(0)
    if not lines:
        raise SourceError(f"{where} is empty; give a table with a header row")
    chosen = _delimiter(lines, delimiter)
    if delimiter is None and chosen != ",":
        notes.append(f"delimiter: {'tab' if chosen == chr(9) else chosen}")
    header_record, body = _header(lines, chosen, where)
    header = _names(header_record, where, broken)
    odd: list[int] = []
    records = list(_records(lines, body, chosen, len(header), csv.QUOTE_MINIMAL, odd))
    if any(wrong for _, _, wrong, _ in records) and chosen == "\t":
        plain = list(_records(lines, body, chosen, len(header), csv.QUOTE_NONE, []))
        if not any(wrong for _, _, wrong, _ in plain):
            records, odd = plain, []
            notes.append("quotes are kept as they stand: this file does not use them around cells")
    records, odd = _escaped(lines, body, chosen, len(header), records, odd, notes)
    if odd:
        notes.append(f"{len(odd):,} rows have quotes inside cells that are not doubled; they are kept (line {odd[0]})")
    if not records:
        raise SourceError(f"{where} has a header but no rows")
    found = _assembled(header, records, where, broken, notes)
    found.raw_form = f"csv{chosen}"
    found.raw = {row: _line(lines, records[row]) for row in found.reasons}
    return found


def _line(lines: Sequence[str], record: Record) -> bytes:
    """The line or lines of a record as they stand in the file, without the last line end."""
    return "".join(lines[record[0] - 1 : record[3]]).rstrip("\r\n").encode("utf-8", "surrogateescape")


def _escaped(
    lines: Sequence[str],
    body: int,
    delimiter: str,
    width: int,
    records: list[Record],
    odd: list[int],
    notes: list[str],
) -> tuple[list[Record], list[int]]:
    """The records and odd lines, read with quotes as \\" (Spark, MySQL) where that leaves fewer rows odd or broken."""
    bad = len(odd) + sum(wrong is not None for _, _, wrong, _ in records)
    if not bad or not any('\\"' in line for line in lines[body:]):
        return records, odd
    doubled = [*lines[:body], *(ESCAPED.sub(r'\1""', line) for line in lines[body:])]
    strange: list[int] = []
    found = list(_records(doubled, body, delimiter, width, csv.QUOTE_MINIMAL, strange))
    if len(strange) + sum(wrong is not None for _, _, wrong, _ in found) >= bad:
        return records, odd
    if not any(LONE.search(line) for line in lines[body:]):  # backslashes are escaped as well
        found = [
            (line, [cell.replace("\\\\", "\\") for cell in cells], wrong, end) for line, cells, wrong, end in found
        ]
    notes.append('quotes inside cells stand behind a backslash in this file (\\"): they are read as quotes')
    return found, strange


def _decoded(data: bytes) -> tuple[str, bool]:
    """(text, whether some of it is not UTF-8: such bytes are kept as lone surrogates)."""
    try:
        return data.decode("utf-8"), False
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape"), True


def _width(line: str, delimiter: str) -> int:
    return len(next(csv.reader([line], delimiter=delimiter), []))


def _delimiter(lines: Sequence[str], wanted: str | None) -> str:
    """The wanted one if the header has it; else the one with the most rows as wide as the header; else a comma."""
    if wanted and _width(lines[0], wanted) > 1:
        return wanted
    best = (0.0, 0, wanted or ",")
    for delimiter in DELIMITERS:
        width = _width(lines[0], delimiter)
        rows = [row for row in csv.reader(lines[1:SNIFFED], delimiter=delimiter) if row]
        share = sum(len(row) == width for row in rows) / len(rows) if rows else 1.0
        if width > 1 and (share, width) > best[:2]:
            best = (share, width, delimiter)
    return best[2]


def _header(lines: Sequence[str], delimiter: str, where: str) -> tuple[list[str], int]:
    """(cells of the first record, the line after it)."""
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        return next(reader), reader.line_num
    except (StopIteration, csv.Error) as error:
        raise SourceError(f"{where} has no header row ({error})") from error


def _names(record: Sequence[str], where: str, broken: bool) -> list[str]:
    """Column names; one without a name is called as pandas calls it."""
    if broken and any(_is_broken(name) for name in record):
        raise SourceError(f"{where}: the header is not UTF-8; save the file as UTF-8 ({LATIN})")
    names = [name.strip() or f"Unnamed: {place}" for place, name in enumerate(record)]
    refuse_twins(names, where)
    return names


def _is_broken(cell: str) -> bool:
    return not cell.isascii() and any("\ud800" <= letter <= "\udfff" for letter in cell)


def _records(
    lines: Sequence[str], start: int, delimiter: str, width: int, quoting: Literal[0, 3], odd: list[int]
) -> Iterator[Record]:
    """Every record after the header. A quote that swallows good lines costs its own line, not theirs.

    ``odd`` gets the lines of records with lone quotes inside quoted cells, which are split at the quotes that end a cell.
    """
    at, recoveries = start, 0
    while at < len(lines):
        base, restart = at, False
        reader = csv.reader(lines[base:], delimiter=delimiter, quoting=quoting)
        while not restart:
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                at = base + reader.line_num
                yield at, [], str(error), at
                continue
            first, at = at, base + reader.line_num
            if not record or (len(record) == 1 < width and not record[0].strip()):
                continue  # an empty line
            restart = recoveries < RECOVERIES and _swallowed(lines[first:at], record, delimiter, width)
            if restart:
                recoveries += 1
                at = first + 1
                raw = next(csv.reader(lines[first:at], delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
                yield at, raw, "a quote opens that is never closed", at
            else:
                if quoting == csv.QUOTE_MINIMAL and _is_odd(lines[first:at], delimiter):
                    odd.append(first + 1)
                    record = _split("".join(lines[first:at]).rstrip("\r\n"), delimiter)
                wrong = f"{len(record)} cells where the header has {width}" if len(record) != width else None
                yield first + 1, record, wrong, at


def _is_odd(lines: Sequence[str], delimiter: str) -> bool:
    """Does a quoted cell go on after its closing quote? A lenient reader drops a quote there without a word."""
    if not any('"' in line for line in lines):
        return False
    try:
        next(csv.reader(lines, delimiter=delimiter, strict=True), None)
    except csv.Error:
        return True
    return False


def _split(text: str, delimiter: str) -> list[str]:
    """Cells, where only a quote before a delimiter or the end closes a quoted one; other quotes are part of it."""
    cells, at, end = [], 0, len(text)
    while True:
        if text.startswith('"', at):
            close = at + 1
            while True:
                close = text.find('"', close)
                if close < 0:
                    close = end
                    break
                if text.startswith('""', close) and not text.startswith('""' + delimiter, close):
                    close += 2
                elif close + 1 == end or text.startswith(delimiter, close + 1):
                    break
                else:
                    close += 1
            cells.append(text[at + 1 : close].replace('""', '"'))
            at = close + 1
        else:
            stop = text.find(delimiter, at)
            stop = end if stop < 0 else stop
            cells.append(text[at:stop])
            at = stop
        if at >= end:
            return cells
        at += len(delimiter)


def _swallowed(lines: Sequence[str], record: Sequence[str], delimiter: str, width: int) -> bool:
    """Did a stray quote eat the lines after it? It never closed, or most of what it ate are good rows on their own."""
    if len(lines) < 2:
        return False
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            return True
    if len(record) == width:
        return False
    good = sum(_width(line, delimiter) == width for line in lines[1:])
    return width > 1 and good >= 1 and good >= len(lines) - 2


def _assembled(header: list[str], records: list[Record], where: str, broken: bool, notes: list[str]) -> Cells:
    width, total = len(header), len(records)
    reasons: dict[int, str] = {}
    undecodable = 0
    for row, (line, record, wrong, _) in enumerate(records):
        if wrong:
            reasons[row] = f"line {line}: {wrong}"
        elif broken and any(_is_broken(cell) for cell in record):
            reasons[row] = f"line {line} is not valid UTF-8"
            undecodable += 1
    misread = {row for row in reasons if records[row][2]}
    if len(misread) > total / 2 and (len(misread) > 3 or len(misread) == total):
        first = reasons[min(misread)]
        raise SourceError(
            f"{where} does not read as a table: {len(misread):,} of {total:,} rows are broken ({first}). "
            "Is it a CSV with one header row and one delimiter?"
        )
    if undecodable == total or undecodable > max(3, total // 2):
        raise SourceError(f"{where} is not UTF-8 text; save it as UTF-8 ({LATIN})")
    if misread:
        notes.append(f"{len(misread):,} rows are broken and are not analysed ({reasons[min(misread)]})")
    if undecodable:
        notes.append(f"{undecodable:,} rows are not valid UTF-8 and are not analysed; {LATIN}")
    columns = []
    for place in range(width):
        values = [record[place] if place < len(record) else "" for _, record, _, _ in records]
        columns.append(typed([_mended(value) for value in values] if broken else values, misread))
    if any(_is_number(name) for name in header):
        notes.append(f"the first row is taken as column names: {', '.join(header[:5])}. Is there no header row?")
    return Cells(pa.table(columns, header), reasons, misread, notes, where=where)


def _mended(cell: str) -> str:
    return cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if _is_broken(cell) else cell


def typed(values: Sequence[str], misread: set[int] = frozenset()) -> pa.Array:  # type: ignore[assignment]
    """Strings -> int64 or float64 where every value comes back as the same text; blank = null; else strings as they are.

    Rows in ``misread`` have no say: what does not fit in them becomes null.
    """
    filled = [value for row, value in enumerate(values) if value.strip() and row not in misread]
    for fits, kind, make in ((_is_int, pa.int64(), int), (_is_float, pa.float64(), float)):
        if filled and all(fits(value) for value in filled):
            return pa.array([make(value) if value and fits(value) else None for value in values], kind)
    return pa.array([value or None for value in values], pa.string())


def _is_int(value: str) -> bool:
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        return False
    return value == "0" or digits[0] != "0"


def _is_float(value: str) -> bool:
    try:
        return repr(float(value)) == value and value[-1].isdigit()
    except ValueError:
        return False


def _is_number(value: str) -> bool:
    return _is_int(value) or _is_float(value)
