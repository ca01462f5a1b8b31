"""A table's feature columns as two matrices: one for linear models and distances, one for trees.

In: the cells of all rows. Out: `TableFeatures`. Does not know: labels, files.

Numbers are centred on the median, divided by their spread and squashed; dates become numbers and the parts of the calendar
that vary; categories become indicators; strings and prose become a few dimensions of their TF-IDF (`encode/text.py`), so
that spellings of one thing lie together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from assay.encode.cells import Cells, Floats, read_cells
from assay.encode.text import tfidf_embeddings

MAX_DIMS = 512
CATEGORY_DIMS, STRING_DIMS, TEXT_DIMS = 8, 24, 48
SPELLINGS = 8  # from so many levels on, categories get TF-IDF dimensions besides their indicators
INDICATORS = 200  # of one column at most, the most frequent levels
RARE = 5  # levels of fewer rows share one indicator
LIMIT = 6.0  # squashed numbers stay inside +-LIMIT
MIN_BLANK = 0.005  # share of blank cells from which blankness is a feature of its own
SAMPLE = 20_000  # rows that the PCA of very wide tables learns from
CYCLES = (("month", 12), ("weekday", 7), ("hour", 24))


@dataclass(frozen=True)
class TableFeatures:
    """``names`` are the columns used, ``widths`` how many dimensions of ``dense`` each has (none where those were reduced);
    ``notes`` say which were left out and why."""

    dense: NDArray[np.float32]  # (N, d <= 512) scaled, no gaps, finite, within the range of float16
    trees: NDArray[np.float32]  # (N, m) unscaled; NaN = blank; categories as ranks of their sorted levels
    names: tuple[str, ...]
    widths: tuple[int, ...]
    notes: list[str]


@dataclass(frozen=True)
class Block:
    """What one column gives."""

    dense: NDArray[np.float32]  # (N, a)
    trees: NDArray[np.float32]  # (N, b)


LEFT_OUT = {
    "empty": "every cell is blank",
    "constant": "every cell holds the same value",
    "identifier": "its values tell rows apart and say nothing else",
}


def table_features(cells: pd.DataFrame, features: Sequence[str], *, seed: int = 0) -> TableFeatures:
    """Both matrices of the feature columns.

    Parameters
    ----------
    cells : N rows; numbers, strings as people type them ("12.0 oz", "1,234", "5%", "N/A"), dates, booleans, infinities.
    features : names of columns of ``cells``. Columns that are empty, constant or identifiers are left out and noted.
    seed : of the random projections.

    Returns
    -------
    TableFeatures
        Where no column is left, each matrix has one column of zeros.

    Notes
    -----
    Cost: O(N) a column, and O(characters of the distinct values) for strings.
    """
    blocks, names, notes = [], [], []
    for name in features:
        column = read_cells(cells[name], str(name))
        if column.kind in LEFT_OUT:
            notes.append(f"column {str(name)!r} is left out of the models: {LEFT_OUT[column.kind]}")
            continue
        names.append(str(name))
        blocks.append(_block(column, seed))
    if not blocks:
        notes.append("no feature column is left; rows cannot be told apart")
        blank = np.zeros((len(cells), 1), np.float32)
        return TableFeatures(blank, blank, (), (), notes)
    dense = np.concatenate([block.dense for block in blocks], axis=1)
    widths = tuple(block.dense.shape[1] for block in blocks)
    if dense.shape[1] > MAX_DIMS:
        notes.append(f"{dense.shape[1]:,} table features were reduced to {min(MAX_DIMS, len(dense))} dimensions")
        dense, widths = _reduce(dense, seed), ()
    return TableFeatures(dense, np.concatenate([block.trees for block in blocks], axis=1), tuple(names), widths, notes)


def _block(column: Cells, seed: int) -> Block:
    if column.kind == "number":
        assert column.numbers is not None
        return _numbers(column.numbers)
    if column.kind == "date":
        assert column.numbers is not None
        return _dates(column.numbers)
    return _strings(column, seed)


def _numbers(values: Floats) -> Block:
    values = _within_bounds(values)
    gaps = np.isnan(values)
    dense = [squash(values)]
    if MIN_BLANK * len(values) <= gaps.sum() < len(values):
        dense.append(gaps)
    return Block(np.column_stack(dense).astype(np.float32), _float32(values)[:, None])


def _within_bounds(values: Floats) -> Floats:
    """Infinities become the largest and smallest finite value (0 where there is none)."""
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    return np.clip(values, low, high)


def squash(values: Floats) -> Floats:
    """(value - median) / spread, bent to stay inside +-LIMIT; gaps become 0.

    The spread is the interquartile range scaled to a normal's standard deviation, or the standard deviation where half of
    the values are equal.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(len(values))
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    with np.errstate(over="ignore"):
        spread = (high - low) / 1.349
        if not 0 < spread < np.inf:
            spread = float(np.std(known / 2) * 2)
        if not 0 < spread < np.inf:
            spread = max(abs(float(middle)), 1.0)
        scaled = np.clip(np.nan_to_num((values - middle) / spread, nan=0.0), -1e100, 1e100)
        return np.asarray(scaled / np.sqrt(1 + np.square(scaled / LIMIT)), np.float64)


def _float32(values: Floats) -> NDArray[np.float32]:
    largest = np.finfo(np.float32).max
    return np.clip(values, -largest, largest).astype(np.float32)


def _dates(days: Floats) -> Block:
    """The day count, then the place in the year, week and day, each only where it varies."""
    days = _within_bounds(days)
    gaps = np.isnan(days)
    times = pd.Series(pd.to_datetime(np.where(gaps, 0, days), unit="D", errors="coerce"))
    base = _numbers(days)
    dense, trees = [base.dense], [base.trees]
    for part, period in CYCLES:
        value = getattr(times.dt, part).fillna(0).to_numpy(np.float64)
        if len(np.unique(value[~gaps])) < 2:
            continue
        angle = 2 * np.pi * value / period
        dense.append(np.where(gaps[:, None], 0, np.stack([np.sin(angle), np.cos(angle)], axis=1)).astype(np.float32))
        trees.append(np.where(gaps, np.nan, value).astype(np.float32)[:, None])
    return Block(np.concatenate(dense, axis=1), np.concatenate(trees, axis=1))


def _strings(column: Cells, seed: int) -> Block:
    assert column.codes is not None
    codes, levels = column.codes, column.levels
    dense = [_indicators(codes, len(levels))]
    trees = [np.where(codes < 0, np.nan, codes).astype(np.float32)[:, None]]
    if len(levels) >= SPELLINGS:
        dims = {"category": CATEGORY_DIMS, "string": STRING_DIMS}.get(column.kind, TEXT_DIMS)
        vectors = tfidf_embeddings(levels, dims=dims, seed=seed)
        vectors = np.concatenate([vectors, np.zeros((1, vectors.shape[1]), np.float32)])[codes]  # blank: zeros
        dense.append(vectors)
        if column.kind != "category":
            trees.append(vectors)
    return Block(np.concatenate(dense, axis=1), np.concatenate(trees, axis=1))


def _indicators(codes: NDArray[np.int64], n_levels: int) -> NDArray[np.float32]:
    """(N, l) one column a frequent level, one for the rest together, one for blanks; a single one for two levels."""
    counts = np.bincount(codes[codes >= 0], minlength=n_levels)
    frequent = np.flatnonzero(counts >= RARE)
    if len(frequent) > INDICATORS:
        frequent = np.sort(np.argsort(-counts, kind="stable")[:INDICATORS])
    column_of = np.full(n_levels + 1, len(frequent))  # the last is the blank's
    column_of[frequent] = np.arange(len(frequent))
    column_of[-1] = len(frequent) + 1
    where = column_of[codes]
    used = np.unique(where)
    if len(used) == 2:
        used = used[:1]
    return (where[:, None] == used).astype(np.float32)


def _reduce(dense: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Principal components of a very wide table, learned from a sample of rows."""
    from sklearn.decomposition import PCA

    rows = np.random.default_rng([seed, 51]).permutation(len(dense))[:SAMPLE]
    with threadpool_limits(1):
        model = PCA(min(MAX_DIMS, len(rows)), svd_solver="randomized", random_state=seed).fit(dense[np.sort(rows)])
        return np.asarray(model.transform(dense), np.float32)
