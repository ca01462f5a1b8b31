"""Rows of a CSV file that is by the book, read by pyarrow; and which columns of text are numbers.

In: the text below the header. Out: an Arrow table, or None where a row needs the tolerant reader of `assay.sources.csv_tables`.
Does not know: headers, delimiters that must be guessed, broken rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pyarrow import csv

BLOCK = 1 << 26  # bytes that pyarrow reads at once; a longer row is left to the tolerant reader


def read_plain(text: str, delimiter: str, header: Sequence[str]) -> pa.Table | None:
    """Every row of ``text``, typed, where all of them are well formed; the same cells as the tolerant reader gives.

    None where a row is wider or narrower than the header or repeats it, a quote stands anywhere but around a whole cell (then
    doubled inside), or there is no row. Cost: 0.1 us a cell, and what `typed` takes for the distinct values.
    """
    quoted = '"' in text
    if text.startswith("\ufeff") or (quoted and not _quotes_are_regular(text, delimiter)):
        return None
    names = [str(column) for column in range(len(header))]  # pyarrow asks for names that differ
    try:
        table = csv.read_csv(
            pa.py_buffer(text.encode()),
            csv.ReadOptions(column_names=names, block_size=BLOCK),
            csv.ParseOptions(delimiter=delimiter, newlines_in_values=quoted),
            csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    if not table.num_rows:
        return None
    columns, again = [], []
    for column, name in zip(table.columns, header, strict=True):
        coded = column.dictionary_encode().unify_dictionaries()
        levels = coded.chunk(0).dictionary.to_pylist()
        codes = pa.chunked_array([chunk.indices for chunk in coded.chunks]).combine_chunks()
        columns.append(typed(levels).take(codes))
        again.append(pa.array([level.strip() == name for level in levels]).take(codes).to_numpy(zero_copy_only=False))
    if len(header) > 1 and np.logical_and.reduce(again).any():
        return None
    return pa.table(columns, list(header))


def _quotes_are_regular(text: str, delimiter: str) -> bool:
    """Is every quote part of a cell that is quoted as a whole, its own quotes doubled?"""
    end = rf"[{re.escape(delimiter)}\r\n]"
    return '"' not in re.sub(rf'(?:(?<={end})|\A)"[^"]*+(?:""[^"]*+)*+"(?={end}|\Z)', "", text)


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


def is_number(value: str) -> bool:
    """Does a cell become a number, as `typed` sees it?"""
    return _is_int(value) or _is_float(value)
