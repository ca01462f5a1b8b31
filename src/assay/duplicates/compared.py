"""The columns of a table as rows are compared by them: one code per distinct cell, and one with formatting removed.

In: cells, the names of the feature columns. Out: `Column`s, and group numbers of equal rows.
Does not know: which rows are copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.duplicates.wording import exact_text
from assay.encode.cells import has_decimal_comma, read_cells, split_number, to_float
from assay.encode.ngrams import fold

SAYS_NOTHING = ("identifier", "constant", "empty")
DISTINCT = 0.5  # share of rows that must be distinct without the identifiers, for these to be left out


@dataclass(frozen=True)
class Column:
    """One column of N cells."""

    name: str
    kind: str  # of `assay.encode.cells.Cells`
    exact: NDArray[np.int64]  # (N,) equal for equal cells, -1 = empty; native numbers by value, text by its characters
    caseless: NDArray[np.int64]  # (N,) equal for cells that are equal but for case, -1 = empty
    code: NDArray[np.int64]  # (N,) equal but for case, and the form of numbers, dates and blanks; -1 = blank
    texts: tuple[str, ...]  # code -> case folded text; () for native numbers and dates
    numbers: NDArray[np.float64] | None  # (N,)


def compared_columns(cells: pd.DataFrame, features: Sequence[str]) -> list[Column]:
    """The columns that rows are compared by.

    Constant columns, blank ones and identifiers say nothing of whether rows are copies. Where that leaves no column, or
    fewer than half of the rows distinct, all columns are compared: what remains does not tell rows apart.
    """
    columns = [_read(cells[name], name) for name in features]
    telling = [column for column in columns if column.kind not in SAYS_NOTHING]
    if any(column.kind == "identifier" for column in columns):
        distinct = equal_rows((column.code for column in telling), len(cells)).max(initial=-1) + 1
        if distinct < DISTINCT * len(cells):
            return columns
    return telling or columns


def equal_rows(codes: Iterable[NDArray[np.int64]], n: int) -> NDArray[np.int64]:
    """(N,) the same number for rows with equal codes in every column, from 0 by first row.

    codes : columns of N codes, -1 = blank, which equals itself. Exact, not by hash values: each column refines a partition
    of the rows, until every row stands alone. Cost: O(N) a column.
    """
    group = np.zeros(n, np.int64)
    for code in codes:
        group = pd.factorize(group * (int(code.max(initial=-1)) + 2) + code + 1)[0].astype(np.int64)
        if n and group[-1] == n - 1:  # numbered by first row: all differ
            break
    return group


def _read(column: pd.Series[Any], name: str) -> Column:
    found = read_cells(column, name)
    if found.codes is None or not found.levels:
        if column.dtype.kind in "iu":  # whole numbers beyond 2^53 stay apart
            code = pd.factorize(column)[0]
        else:
            code = pd.factorize(found.numbers + 0.0)[0] if found.numbers is not None else np.full(len(column), -1)
        code = code.astype(np.int64)
        return Column(name, found.kind, code, code, code, (), found.numbers)
    if found.kind == "date":
        assert found.numbers is not None
        known = np.full(len(found.levels), np.nan)
        known[found.codes[found.codes >= 0]] = found.numbers[found.codes >= 0]
        texts = [_folded(text) if np.isnan(day) else repr(day) for text, day in zip(found.levels, known, strict=True)]
    elif found.kind == "number":
        texts = _plain_numbers(found.levels)
    else:
        texts = [_folded(text) for text in found.levels]
    lookup, distinct = _lookup(texts)
    as_written = [exact_text(text) for text in found.levels]
    blank = _blanks(column, found.blank)
    exact, caseless = (
        np.where(blank < 0, _lookup(some)[0][found.codes], blank + len(found.levels))
        for some in (as_written, [text.casefold() for text in as_written])
    )
    return Column(name, found.kind, exact, caseless, lookup[found.codes], distinct, found.numbers)


def _blanks(column: pd.Series[Any], blank: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(N,) which word for "blank" a cell holds ("n/a", "-"); -1 = none of them, or nothing at all."""
    code = np.full(len(blank), -1, np.int64)
    rows = np.flatnonzero(blank)
    missing = column.isna().to_numpy()[rows].tolist()
    words = ["" if gone else str(value).strip() for value, gone in zip(column.iloc[rows], missing, strict=True)]
    number = {word: at for at, word in enumerate(dict.fromkeys(word for word in words if word))}
    code[rows] = [number.get(word, -1) for word in words]
    return code


def _lookup(texts: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Level -> code of its text, with -1 for blank at the end; code -> text."""
    number = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    return np.array([*(number[text] for text in texts), -1], np.int64), tuple(number)


def _folded(text: str) -> str:
    return " ".join(fold(text).split())


def _plain_numbers(levels: Sequence[str]) -> list[str]:
    """The number, however it was written, with the currency before and the unit behind it."""
    split = [split_number(text) for text in levels]
    comma = has_decimal_comma([found[0] for found in split if found])
    return [
        _folded(text.replace(found[0], f"{to_float(found[0], decimal_comma=comma) + 0.0!r}", 1))
        .replace(" ", "")
        .rstrip(".")
        if found
        else _folded(text)
        for text, found in zip(levels, split, strict=True)
    ]
