"""Text tables that are not quite CSV -> lines with one header and one delimiter.

In: the lines of a text file. Out: lines of the same number, and what was done to them. Does not know: columns, types.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise

LOOKED_AT = 50  # lines
MOST = 0.9  # of the rows looked at must agree
MOST_TITLES = 10  # lines above a header
LEAST = 5  # rows that must agree where a file is read in another way than it says
CODE = 6  # characters of a word that is a code where it has a digit
TOTALS = frozenset(
    [
        "total",
        "totals",
        "grand total",
        "sum",
        "summe",
        "gesamt",
        "gesamtsumme",
        "somme",
        "totale",
        "suma",
        "итого",
        "合计",
        "总计",
        "合計",
    ]
)
FOOTNOTE = re.compile(r"(?:source|note|notes|quelle|fuente|fonte)\b\s*:|[*†‡©]", re.IGNORECASE)
MOST_BELOW = 5  # rows below a table that are none of it
FASTTEXT = "__label__"


def labelled_lines(lines: Sequence[str]) -> list[tuple[list[str], str]] | None:
    """(labels, text) of each line of a file for fastText; None for any other.

    Examples
    --------
    >>> labelled_lines(["__label__spam win a prize", "__label__ham see you at nine"])
    [(['spam'], 'win a prize'), (['ham'], 'see you at nine')]
    """
    filled = [line.strip() for line in lines if line.strip()]
    if sum(line.startswith(FASTTEXT) for line in filled) < MOST * len(filled):
        return None
    found = []
    for line in filled:
        labels = []
        while line.startswith(FASTTEXT):
            label, _, line = line.partition(" ")
            labels.append(label.removeprefix(FASTTEXT).rstrip(","))
            line = line.lstrip(" ,\t")
        found.append((labels, line))
    return found


def without_spaces(lines: Sequence[str], delimiter: str) -> tuple[list[str], str | None]:
    """Lines whose columns stand behind runs of blanks, or behind a delimiter and a blank, as plain ones; and the note."""
    sample = [line for line in lines[:LOOKED_AT] if line.strip()]
    if len(sample) < LEAST:
        return list(lines), None
    if not any(mark in line for line in sample for mark in ',;|"'):
        split = [line.split() for line in sample]
        if _is_aligned(split):
            return ["\t".join(line.split()) + "\n" for line in lines], "delimiter: white space"
    elif len(next(csv.reader(sample, delimiter=delimiter))) == 1 and _is_aligned(_at_blanks(sample)):
        return _tabbed(lines), "delimiter: white space"  # cells with blanks stand in quotes, as R writes them
    rows = list(csv.reader(sample[1:], delimiter=delimiter))
    after = [cell for row in rows for cell in row[1:]]
    if after and not any('"' in line for line in lines) and all(cell.startswith(" ") for cell in after):
        return [line.replace(f"{delimiter} ", delimiter) for line in lines], "a blank behind each delimiter is left out"
    return list(lines), None


def _is_aligned(split: Sequence[Sequence[str]]) -> bool:
    """Rows of one width, half of them numbers and codes; the header may leave out the name of the first column."""
    width = len(split[-1])
    if len(split[0]) < 2 or len(split[0]) not in (width, width - 1) or any(len(words) != width for words in split[1:]):
        return False
    numbers = sum(_is_number(word) or _is_code(word) for words in split[1:] for word in words)
    return 2 * numbers >= width * (len(split) - 1)


def _at_blanks(lines: Sequence[str]) -> list[list[str]]:
    return [next(csv.reader([line.strip()], delimiter=" ", skipinitialspace=True), []) for line in lines]


def _tabbed(lines: Sequence[str]) -> list[str]:
    """Lines whose cells stand behind blanks, with tabs; one each, so that the numbers of lines stay."""
    out = io.StringIO()
    writer, ends = csv.writer(out, delimiter="\t", lineterminator="\n"), []
    for words in _at_blanks(lines):
        writer.writerow(words)
        ends.append(out.tell())
    text = out.getvalue()
    return [text[start:stop] for start, stop in pairwise([0, *ends])]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_code(word: str) -> bool:
    """A11, x2: short, with a digit."""
    return len(word) <= CODE and word.isalnum() and any(map(str.isdigit, word))


def titles(lines: Sequence[str], delimiters: Sequence[str]) -> int:
    """How many lines stand above the header: those of one filled cell at most, where the rows have more.

    A file of one column has none, and neither has one whose first line is as wide as its rows and mostly filled.
    """
    for start, line in enumerate(lines[: min(MOST_TITLES, len(lines) - LEAST)]):
        widest = 0
        for delimiter in delimiters:
            rows = [row for row in islice(csv.reader(lines[start + 1 :], delimiter=delimiter), LOOKED_AT) if row]
            head = next(csv.reader([line], delimiter=delimiter), [])
            usual = sorted(map(_filled, rows))[len(rows) // 2] if rows else 0
            alike = sum(len(row) == len(rows[-1]) for row in rows) >= MOST * len(rows)
            if alike and usual > 1 and _filled(head) > 1 and len(head) == len(rows[-1]):
                return start
            if alike and (usual > 2 or (usual == 2 and len(head) == 1)):
                widest = max(widest, usual)
        if not widest or sum(bool(cell.strip()) for cell in next(csv.reader([line]), [])) > 1:
            return 0
    return 0


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def completed(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], str | None]:
    """The header with a name for the column it leaves out, where the rows have one cell more: an empty last one (a delimiter
    ends each line), or a first one of names of rows, as R writes them."""
    longer = [row for row in rows if len(row) == len(header) + 1]
    if not longer or len(longer) < MOST * len(rows) or (len(rows) < LEAST and len(longer) < len(rows)):
        return list(header), None
    if not any(row[-1].strip() for row in longer):
        return [*header, ""], None
    if len(header) > 1 and len({row[0] for row in longer}) == len(longer) >= LEAST:
        return ["", *header], "the header has a name fewer than the rows have cells: the first column names the rows"
    return list(header), None


def below(rows: Sequence[Sequence[str]]) -> dict[int, str]:
    """Row -> what it is, of the last rows that sum up or explain the table and are none of it.

    A total has a word for it in the first cell, which no other row has there; a footnote is one cell that begins like one.

    Examples
    --------
    >>> below([["a", "1"], ["b", "2"], ["Total", "3"], ["Source: the register", ""]])
    {3: 'a footnote below the table', 2: 'a total below the table'}
    """
    found: dict[int, str] = {}
    for at in range(len(rows) - 1, max(len(rows) - 1 - MOST_BELOW, 0), -1):
        first = rows[at][0].strip() if rows[at] else ""
        if len(rows[0]) > 1 and FOOTNOTE.match(first) and _filled(rows[at]) == 1:
            found[at] = "a footnote below the table"
        elif len(rows[0]) > 1 and first.rstrip(":").casefold() in TOTALS and _filled(rows[at]) > 1:
            if sum(bool(row) and row[0].strip() == first for row in rows) > 1:
                break
            found[at] = "a total below the table"
        else:
            break
    return found


def left_below(reasons: Mapping[int, str]) -> str:
    """What to say of the rows of `below`. reasons : row -> where it stands and what it is."""
    what = "1 row is" if len(reasons) == 1 else f"{len(reasons)} rows are"
    told = "; ".join(reasons[row] for row in sorted(reasons))
    return f"{what} no row of the table and not analysed ({told})"
