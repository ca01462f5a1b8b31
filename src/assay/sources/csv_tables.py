"""CSV and its kin -> `Cells`: every row is kept, a broken one with a reason.

In: the bytes of a CSV, TSV or other delimited text. Out: `Cells`. Does not know: which column is what.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Literal

import pyarrow as pa

from assay.errors import SourceError
from assay.sources.cells import Cells, from_values, refuse_twins
from assay.sources.csv_plain import is_number, read_plain, typed
from assay.sources.csv_shapes import below, completed, labelled_lines, left_below, titles, without_spaces
from assay.sources.orange import OrangeHeader, orange_header
from assay.sources.rows import is_image
from assay.sources.words import count_words

DELIMITERS = (",", ";", "\t", "|")
RARE_DELIMITERS = ("^", "\x01", "¦", "~")  # where none of those is in the first line, and this in every line
LEAST_ROWS, COMPARED = 5, 200  # rows that a first line is compared with, to see whether it is one of them
FEW_YEARS = 10  # between two columns that are named by years
TAIL = 12  # lines at the end that may hold a total and footnotes
SNIFFED = 50  # lines looked at to find the delimiter
RECOVERIES = 100  # stray quotes after which the rest is taken as it comes
LATIN = "if it was saved as Windows-1252: iconv -f windows-1252 -t utf-8 FILE > NEW"
csv.field_size_limit(1 << 30)  # the standard limit of 128 KB is shorter than real documents

Record = tuple[int, list[str], str | None, int]  # line, cells, what is wrong, the line after it
THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
ESCAPED = re.compile(r'(?<!\\)((?:\\\\)*)\\"')  # a quote behind a backslash that is not escaped itself
LONE = re.compile(r'(?<!\\)(?:\\\\)*\\(?![\\"])')  # a backslash that escapes neither quote nor backslash


def read_csv(data: bytes, where: str, delimiter: str | None = None) -> Cells:
    """Header first. A column becomes numbers only where writing them back gives the same text.

    Without ``delimiter`` the one is taken that gives most rows the width of the header. Lines above the header are titles,
    and `assay.sources.csv_shapes` has what else is read though it is not quite CSV. Rows by the book are read by pyarrow
    (`assay.sources.csv_plain`); where any row is not, all are read tolerantly, in Python.
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
    if labelled := labelled_lines(lines):
        return _labelled(labelled, where)
    above = titles(lines, [delimiter] if delimiter else DELIMITERS)
    chosen = _delimiter(lines[above:], delimiter)
    as_found = lines
    lines, spaces = without_spaces(lines, chosen)
    if spaces:
        notes.append(spaces)
        chosen = _delimiter(lines[above:], delimiter)
    elif delimiter is None and chosen != ",":
        notes.append(
            f"delimiter: {'tab' if chosen == chr(9) else chosen if chosen.isprintable() else ascii(chosen)[1:-1]}"
        )
    if above:
        title = lines[0].strip().strip(chosen)[:40]
        notes.append(f"{above:,} {'line' if above == 1 else 'lines'} above the header left aside ({title})")
    plain_text = where.lower().removesuffix(".gz").endswith(".txt")
    header_record, body = _header(lines, above, chosen, where, notes, one_a_line=plain_text)
    header = _names(header_record, where, broken)
    marked, body = _marked(lines, body, chosen, header, notes)
    tail = [row for row in csv.reader(lines[max(body, len(lines) - TAIL) :], delimiter=chosen) if row]
    table = None if broken or (len(tail) > 1 and below(tail)) else read_plain("".join(lines[body:]), chosen, header)
    if table is None:
        found = _read_tolerantly(lines, body, chosen, header, where, notes, as_found, broken)
    else:
        found = Cells(table, notes=notes, where=where)
    if any(is_number(name) for name in header):
        found.notes.append(f"the first row is taken as column names: {', '.join(header[:5])}. Is there no header row?")
    found.raw_form = f"csv{chosen}"
    if marked:
        found.label, found.aside = marked.label, set(marked.aside)
    found.header = {
        name: as_written for name, as_written in zip(header, header_record, strict=True) if name != as_written
    }
    return found


def _read_tolerantly(
    lines: Sequence[str],
    body: int,
    chosen: str,
    header: list[str],
    where: str,
    notes: list[str],
    as_found: Sequence[str],
    broken: bool,
) -> Cells:
    """The records from line ``body`` on, each kept, those that are no rows with a reason. Cost: 1 to 2 us a cell, in Python.

    as_found : the lines before white space was taken out. broken : some of the file is not UTF-8.
    """
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
    found.raw = {row: _line(as_found, records[row]) for row in found.reasons}
    return found


def _labelled(lines: Sequence[tuple[list[str], str]], where: str) -> Cells:
    """Rows of a file for fastText."""
    if any(len(labels) > 1 for labels, _ in lines):
        raise SourceError(
            f"{where} is a fastText file with several labels a line: multi-label data is not there yet; keep one a line"
        )
    columns: dict[str, list[str | None]] = {
        "text": [text or None for _, text in lines],
        "label": [labels[0] if labels else None for labels, _ in lines],
    }
    found = from_values(columns, where)
    found.notes.append("a fastText file: __label__ and a text a line")
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
    if not best[1] and len(lines) > LEAST_ROWS:
        for rare in RARE_DELIMITERS:
            count = lines[0].count(rare)
            if count and all(line.count(rare) == count for line in lines[1:SNIFFED] if line.strip()):
                return rare
    return best[2]


def _header(
    lines: Sequence[str], start: int, delimiter: str, where: str, notes: list[str], *, one_a_line: bool
) -> tuple[list[str], int]:
    """(cells of the record at ``start``, the line after it), or made names and ``start`` where that looks like data.

    one_a_line : a file of one column is texts, one a line, and needs no name for it.
    """
    reader = csv.reader(lines[start:], delimiter=delimiter)
    try:
        first, body = next(reader), start + reader.line_num
    except (StopIteration, csv.Error) as error:
        raise SourceError(f"{where} has no header row ({error})") from error
    try:
        below = [row for row in islice(reader, COMPARED) if row]
    except csv.Error:
        below = []
    rows = [row for row in below if len(row) == len(first) and row != first]
    texts = one_a_line and len(first) == 1 and len(rows) >= LEAST_ROWS and _is_prose(first[0])
    if not (_looks_like_data(first, rows) or (texts and sum(_is_prose(row[0]) for row in rows) > len(rows) / 2)):
        first, note = completed(first, below)
        notes += [note] if note else []
        return first, body
    notes.append(
        f"the first line looks like data ({', '.join(first[:3])[:60]}...): read without a header, the columns are called "
        "column 1, column 2, ...; if that line holds the names, change it so that it differs from the data"
    )
    return [f"column {number}" for number in range(1, len(first) + 1)], start


def _marked(
    lines: Sequence[str], body: int, delimiter: str, header: Sequence[str], notes: list[str]
) -> tuple[OrangeHeader | None, int]:
    """What Orange's rows of types and flags say, and the line after them; (None, ``body``) where there are none."""
    reader = csv.reader(lines[body:], delimiter=delimiter)
    try:
        rows = list(islice(reader, 2))
    except csv.Error:
        return None, body
    found = orange_header(header, *rows) if len(rows) == 2 else None
    if found is None:
        return None, body
    notes.append("an Orange file: the second row holds types and the third flags; an export has the names alone")
    if len(found.classes) > 1:
        shown = ", ".join(map(repr, found.classes[:5])) + (", ..." if len(found.classes) > 5 else "")
        notes.append(f"the file marks {len(found.classes)} columns as classes ({shown}): choose one with --label")
    elif found.numbers:
        notes.append(
            f"the file marks column {found.numbers[0]!r} as what is to be predicted, a number: it is not taken for labels"
        )
    return found, body + reader.line_num


def _looks_like_data(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Does every cell of the first line stand as well in its column: a number among numbers, a value that comes again, prose?

    Years and other numbers that count up are names: "country, 2001, 2002"; a number with marks of thousands is none. A cell of a
    column in which no value comes again says nothing, and as many may stand beside those that do.
    """
    columns = list(zip(*rows, strict=True))
    if any(
        is_image(cell) and sum(map(is_image, column)) > len(rows) / 2
        for cell, column in zip(first, columns, strict=False)
    ):
        return True  # a list of images: no column is called so
    if len(rows) < LEAST_ROWS:
        return False
    again = prose = unsaid = thousands = 0
    numbers: list[float] = []
    for cell, column in zip(map(str.strip, first), columns, strict=True):
        values = [value.strip() for value in column if value.strip()]
        kinds = set(values)
        if not cell:
            if len(values) == len(rows):
                return False  # the usual corner of a table with an index
        elif THOUSANDS.fullmatch(cell) and all(
            THOUSANDS.fullmatch(value) or _reads_as_number(value) for value in values
        ):
            thousands += 1
        elif _reads_as_number(cell) and all(map(_reads_as_number, values)):
            numbers.append(float(cell))
            again += cell in kinds and len(kinds) <= len(rows) / 4
        elif cell in kinds and len(kinds) <= len(rows) / 2:
            again += 1
        elif _reads_as_number(cell):
            return False
        elif _is_prose(cell) and sum(map(_is_prose, values)) > len(values) / 2:
            prose += 1
        else:
            if len(kinds) < 0.9 * len(rows) or all(map(_reads_as_number, values)):
                return False
            unsaid += 1
    if unsaid and again + prose + thousands < 2 * unsaid:
        return False
    steps = {after - before for before, after in pairwise(numbers)}
    even = len(steps) == 1 and steps != {0.0} and (len(numbers) > 2 or max(map(abs, steps)) <= FEW_YEARS)
    counts_up = even and all(map(float.is_integer, numbers))
    return not counts_up and (again > 0 or thousands > 0 or len(numbers) > 1 or (len(numbers) == len(first) == 1))


def _reads_as_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _is_prose(cell: str) -> bool:
    return count_words(cell) >= 4


def _names(record: Sequence[str], where: str, broken: bool) -> list[str]:
    """Column names; one without a name is called as pandas calls it."""
    if broken and any(_is_broken(name) for name in record):
        raise SourceError(f"{where}: the header is not UTF-8; save the file as UTF-8 ({LATIN})")
    names = [name.strip() or f"Unnamed: {column}" for column, name in enumerate(record)]
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
    repeated = _repeated_headers(header, records, reasons)
    under = {row: f"line {records[row][0]} is {what}" for row, what in below([one[1] for one in records]).items()}
    under = {row: reason for row, reason in under.items() if row not in misread}
    if under:
        notes.append(left_below(under))
        reasons |= under
    if misread:
        what = "1 row is broken and is" if len(misread) == 1 else f"{len(misread):,} rows are broken and are"
        notes.append(f"{what} not analysed ({reasons[min(misread)]})")
    if undecodable:
        notes.append(f"{undecodable:,} rows are not valid UTF-8 and are not analysed; {LATIN}")
    if repeated:
        reasons |= repeated
        misread |= repeated.keys()
        what = (
            "1 row repeats the header and is"
            if len(repeated) == 1
            else f"{len(repeated):,} rows repeat the header and are"
        )
        notes.append(f"{what} not analysed ({repeated[min(repeated)]})")
    misread |= under.keys()
    columns = []
    for column in range(width):
        values = [record[column] if column < len(record) else "" for _, record, _, _ in records]
        columns.append(typed([_mended(value) for value in values] if broken else values, misread))
    return Cells(pa.table(columns, header), reasons, misread, notes, where=where)


def _repeated_headers(header: Sequence[str], records: Sequence[Record], reasons: Mapping[int, str]) -> dict[int, str]:
    """Row -> reason of the rows that are the header once more, as joined files have them."""
    if len(header) < 2:
        return {}
    return {
        row: f"line {record[0]} is the header again"
        for row, record in enumerate(records)
        if row not in reasons and len(record[1]) == len(header) and [cell.strip() for cell in record[1]] == list(header)
    }


def _mended(cell: str) -> str:
    return cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if _is_broken(cell) else cell
