"""Copies among the rows of a table: equal, or but for case, formatting, a typing error in one cell or rounded numbers.

In: the cells, the names of the feature columns. Out: a key a row for exact copies; verified pairs of near ones.
Does not know: labels.

Precision first: rows that agree in most cells are the rule in real tables (two measures of one hospital, two beers of
one brewery), so agreement in many cells alone proves nothing. A pair is near only where *every* other cell agrees, what
they agree in is unusual enough, and the one difference reads as a slip.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

from assay.duplicates import Pairs, make_pairs
from assay.duplicates.compared import Column, equal_rows
from assay.duplicates.wording import digits_of

TWINS = 3  # more rows that differ in one column only: that column is what tells them apart
BITS = 8.0  # by chance two rows would agree as these do in 2^-8 rows of the table, were columns independent
DISTINCT_ROWS = 0.5  # share of rows, below which equal rows are the nature of the table
RARE = 2  # cells of a column that hold the misspelt value
ONE_KEY, TWO_KEYS = 5, 8  # letters of a cell from which one or two keys may differ
DECIMALS = (0, 1, 2, 3)  # that rounding may leave
BY_CHANCE = 0.1  # pairs that coincide though neither row is rounded, per pair found
NOT_EXACT = 0.99  # similarity of rows that only case or formatting sets apart
TYPO, ROUNDED, CASE, FORMAT = "typo", "rounded", "case", "format"

Found = list[tuple[int, int, float, str]]
Hashes = NDArray[np.uint64]


def table_copies(columns: Sequence[Column], n: int) -> tuple[list[str | None], Pairs]:
    """A key a row, equal for equal rows; and the pairs of rows that are near copies.

    **Keys.** Cells are equal if their characters are, in Unicode's composed form and without surplus white space; numbers
    that came as numbers by value.
    Identifiers (running numbers, random keys) are left out, so that a row copied under a new number is found, unless
    less than half of the rows would then be distinct: what remains does not identify a row. Otherwise equal rows are
    equal rows, however few columns there are: that is a fact, not a guess.

    **Pairs**, where one row stands for all with its key. "case" and "format": equal but for case, or for the form of
    numbers, dates and blanks ("1,234" and "1234.0", "5 %" and "5%", "2024-01-31" and "31 Jan 2024" in a column of dates,
    "n/a" and "-"): mostly one thing, but "AA" and "aa", or release 1.1 and 1.10, are two, so they are never exact.
    For the rest, such forms do not count; punctuation in words does ("A+" is not "A-"). "typo": all compared cells agree
    but one of words, whose two texts are one key apart (from 5 letters; from 8 letters two keys, the first letter alike),
    with the same digits, one of them in at most two rows. "rounded": all cells agree once numbers are rounded to 0, 1, 2
    or 3 decimals, and of the two rows one is so rounded already; not where rows of which neither is rounded coincide as
    well. The values a pair agrees in must be unusual together, and at most three rows may differ in that one column only.

    Parameters
    ----------
    columns : of `compared_columns`: N cells each.
    n : N, the number of rows.

    Returns
    -------
    N keys (only their equality within one call has a meaning), None where all compared cells are blank; pairs, whose
    ``similarity`` is the mean over cells: 1 for equal ones, edit similarity, or 1 - relative difference.

    Notes
    -----
    Cost: O(N) a column to find its distinct values, O(distinct values) in Python; a sort of N hashes for each column, by
    which rows that agree in all *other* columns come to stand together.
    The constants were set by hand, before anything was measured. In Raha's hospital table (1,000 rows, clean and dirty)
    no pair is flagged; in beers, where some beers are listed twice, one pair in the clean and two in the dirty version,
    all of one beer. Planted copies with one or two errors in a cell: .97 and .89 found (hospital), all (beers); rounded
    rows of six numeric tables: all but 1 to 2 in 50 that rounding leaves equal or alike.

    Examples
    --------
    >>> import pandas as pd
    >>> from assay.duplicates.compared import compared_columns
    >>> cells = pd.DataFrame({"town": ["Oslo", " Oslo", "OSLO", None], "people": ["1,234", "1,234", "1234.0", ""]})
    >>> keys, pairs = table_copies(compared_columns(cells, ["town", "people"]), len(cells))
    >>> keys, pairs.row_a, pairs.row_b, pairs.kind
    (['0', '0', '1', None], array([0]), array([2]), array(['format'], dtype=object))
    """
    blank = np.ones(n, bool)
    for column in columns:
        blank &= column.code < 0
    exact, caseless, alike = (
        equal_rows((getattr(column, form) for column in columns), n) for form in ("exact", "caseless", "code")
    )
    found = _near_pairs(columns, _keys(alike, blank)) + _written_otherwise(exact, caseless, alike, blank)
    return _keys(exact, blank), make_pairs(found)


def likely_equals(columns: Sequence[Column], keys: Sequence[str | None]) -> NDArray[np.bool_]:
    """(N,) rows that are equal to another row because the table has few values, and not because one was entered twice.

    24 combinations of three columns repeat in 1,200 rows: that is their nature, and each row is a case of its own. A row is
    likely to be met again where its values, were columns independent, would meet by chance in more than 2^-8 of the
    tables of this size; columns that depend on each other repeat more often still, so where fewer than half of the rows
    are distinct every equal row counts as likely.

    Parameters
    ----------
    columns : as for `table_copies`.
    keys : N keys of `table_copies`.

    Notes
    -----
    Cost: O(N) a column, and nothing where no two rows are equal.
    """
    known = [key for key in keys if key is not None]
    distinct = len(set(known))
    if distinct == len(known):
        return np.zeros(len(keys), bool)
    if distinct < DISTINCT_ROWS * len(known):
        return np.ones(len(keys), bool)
    bits = np.sum([_bits(column.code) for column in columns], axis=0)
    return np.asarray(bits < BITS + np.log2(len(keys)), bool)


def _keys(group: NDArray[np.int64], blank: NDArray[np.bool_]) -> list[str | None]:
    return [None if empty else str(number) for number, empty in zip(group.tolist(), blank.tolist(), strict=True)]


def _written_otherwise(
    exact: NDArray[np.int64], caseless: NDArray[np.int64], alike: NDArray[np.int64], blank: NDArray[np.bool_]
) -> Found:
    """Of rows that are alike but not equal: the first row, and the first of each other writing."""
    first_alike = np.unique(alike, return_index=True)[1][alike]
    first_exact = np.unique(exact, return_index=True)[1]
    rows = first_exact[(first_exact != first_alike[first_exact]) & ~blank[first_exact]]
    return [
        (one, two, NOT_EXACT, CASE if caseless[one] == caseless[two] else FORMAT)
        for one, two in zip(first_alike[rows].tolist(), rows.tolist(), strict=True)
    ]


def _near_pairs(columns: Sequence[Column], keys: Sequence[str | None]) -> Found:
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if key is not None:
            first.setdefault(key, row)
    rows = np.fromiter(first.values(), np.int64, len(first))
    if len(rows) < 2 or len(columns) < 2:
        return []
    hashes = np.stack([_mix(column.code[rows], at) for at, column in enumerate(columns)])  # (C, N)
    bits = np.stack([_bits(column.code[rows]) for column in columns])  # (C, N)
    enough = BITS + np.log2(len(rows))
    found = []
    for at, column in enumerate(columns):
        if column.texts and column.kind not in ("number", "date"):
            unusual = bits.sum(0) - bits[at] >= enough
            pairs = _twins(hashes.sum(0) - hashes[at], unusual & (column.code[rows] >= 0))
            found += _slips(column, rows[pairs], len(columns))
    return found + _rounded(columns, rows, hashes, bits, enough)


def _slips(column: Column, pairs: NDArray[np.int64], width: int) -> Found:
    """The pairs of rows whose cells in this column are a slip apart."""
    count = np.bincount(column.code[column.code >= 0], minlength=len(column.texts))
    pairs = pairs[count[column.code[pairs]].min(1, initial=len(column.code)) <= RARE]
    found = []
    for one, two in pairs.tolist():
        similar = _slip(column.texts[column.code[one]], column.texts[column.code[two]])
        if similar:
            found.append((one, two, 1 - (1 - similar) / width, TYPO))
    return found


def _slip(one: str, two: str) -> float:
    """Edit similarity of two texts that are a typing error apart; 0 of others."""
    length = max(len(one), len(two))
    keys = OSA.distance(one, two, score_cutoff=2)
    good = (keys == 1 and length >= ONE_KEY) or (keys == 2 and length >= TWO_KEYS and one[:1] == two[:1])
    return 1 - keys / length if good and digits_of(one) == digits_of(two) else 0.0


def _rounded(
    columns: Sequence[Column], rows: NDArray[np.int64], hashes: Hashes, bits: NDArray[np.float64], enough: float
) -> Found:
    """Rows that agree once numbers are rounded, where one of the two was rounded already."""
    fractions = [
        (at, column.numbers[rows] + 0.0)
        for at, column in enumerate(columns)
        if column.numbers is not None and column.kind == "number"
    ]
    fractions = [(at, some) for at, some in fractions if (np.nan_to_num(some, posinf=0, neginf=0) % 1).any()]
    if not fractions:
        return []
    which = [at for at, _ in fractions]
    values = np.stack([some for _, some in fractions], 1)  # (N, C)
    rest, rest_bits = hashes.sum(0) - hashes[which].sum(0), bits.sum(0) - bits[which].sum(0)
    found: Found = []
    for decimals in DECIMALS:
        coarse = np.round(values, decimals) + 0.0
        codes = [pd.factorize(coarse[:, at])[0].astype(np.int64) for at in range(len(which))]
        key = rest + np.stack([_mix(code, at) for code, at in zip(codes, which, strict=True)]).sum(0)
        pairs = _twins(key, rest_bits + sum(_bits(code) for code in codes) >= enough)
        is_round = (np.isnan(values) | (values == coarse)).all(1)[pairs].sum(1)
        if (is_round == 0).sum() > BY_CHANCE * (is_round == 1).sum():
            continue
        for one, two in pairs[is_round == 1].tolist():
            largest = np.fmax(np.abs(values[one]), np.abs(values[two]))
            with np.errstate(invalid="ignore"):
                apart = np.abs(values[one] - values[two]) / np.where(largest > 0, largest, 1)
            found.append((int(rows[one]), int(rows[two]), 1 - float(np.nansum(apart)) / len(columns), ROUNDED))
    return found


def _twins(key: Hashes, good: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(M, 2) pairs of good rows with the same key, of keys that at most `TWINS` rows have."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    start = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    size = np.diff(np.append(start, len(order)))
    start, size = start[(size > 1) & (size <= TWINS)], size[(size > 1) & (size <= TWINS)]
    ends = [(start[size > b] + a, start[size > b] + b) for b in range(1, TWINS) for a in range(b)]
    pairs = np.concatenate([order[np.stack(both, 1)] for both in ends])
    return pairs[good[pairs].all(1)]


def _bits(code: NDArray[np.int64]) -> NDArray[np.float64]:
    """-log2 of the frequency of each cell's value; 0 for blanks."""
    return np.where(code < 0, 0, -np.log2(np.bincount(code + 1)[code + 1] / max(len(code), 1)))


def _mix(code: NDArray[np.int64], column: int) -> Hashes:
    """64 random bits for each (column, code): splitmix64."""
    x = (code + 1).astype(np.uint64) + (np.uint64(column) << np.uint64(40))
    x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
