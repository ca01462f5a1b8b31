"""A table's feature columns as two matrices: one for linear models and distances, one for trees.

In: the cells of all rows. Out: `TableFeatures`, and `FittedTable`, which makes the same of other rows. Does not know: labels,
files.

Numbers are centred on the median, divided by their spread and squashed; dates become numbers and the parts of the calendar
that vary; categories become indicators; strings and prose become a few dimensions of their TF-IDF (`encode/text.py`), so
that spellings of one thing lie together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from assay.encode.cells import Cells, Floats, Reading, level_codes, read_cells
from assay.encode.text import FittedTfidf, fit_tfidf

MAX_DIMS = 512
CATEGORY_DIMS, STRING_DIMS, TEXT_DIMS = 8, 24, 48
SPELLINGS = 8  # from so many levels on, categories get TF-IDF dimensions besides their indicators
INDICATORS = 200  # of one column at most, the most frequent levels
RARE = 5  # levels of fewer rows share one indicator
LIMIT = 6.0  # squashed numbers stay inside +-LIMIT
MIN_BLANK = 0.005  # share of blank cells from which blankness is a feature of its own
SAMPLE = 20_000  # rows that the PCA of very wide tables learns from
BLANK_LEVEL, UNKNOWN = -1, -2  # codes of cells that hold none of the levels
TFIDF = "tfidf."
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


Arrays = dict[str, NDArray[Any]]


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
    """The matrices of `fit_table`."""
    return fit_table(cells, features, seed=seed)[0]


def fit_table(cells: pd.DataFrame, features: Sequence[str], *, seed: int = 0) -> tuple[TableFeatures, FittedTable]:
    """Both matrices of the feature columns, and how cells became numbers.

    Parameters
    ----------
    cells : N rows; numbers, strings as people type them ("12.0 oz", "1,234", "5%", "N/A"), dates, booleans, infinities.
    features : names of columns of ``cells``. Columns that are empty, constant or identifiers are left out and noted.
    seed : of the random projections.

    Returns
    -------
    TableFeatures
        Where no column is left, each matrix has one column of zeros.
    FittedTable
        Makes the same numbers of other rows with the same columns.

    Notes
    -----
    Cost: O(N) a column, and O(characters of the distinct values) for strings.
    """
    blocks, columns, notes = [], [], []
    for name in features:
        column = read_cells(cells[name], str(name))
        if column.kind in LEFT_OUT:
            notes.append(f"column {str(name)!r} is left out of the models: {LEFT_OUT[column.kind]}")
            continue
        block, fitted = _fit(column, seed)
        blocks.append(block)
        columns.append(fitted)
    if not blocks:
        notes.append("no feature column is left; rows cannot be told apart")
        blank = np.zeros((len(cells), 1), np.float32)
        return TableFeatures(blank, blank, (), (), notes), FittedTable(())
    dense = np.concatenate([block.dense for block in blocks], axis=1)
    widths = tuple(block.dense.shape[1] for block in blocks)
    turn: Arrays = {}
    if dense.shape[1] > MAX_DIMS:
        notes.append(f"{dense.shape[1]:,} table features were reduced to {min(MAX_DIMS, len(dense))} dimensions")
        (dense, turn), widths = _reduce(dense, seed), ()
    trees = np.concatenate([block.trees for block in blocks], axis=1)
    names = tuple(column.name for column in columns)
    return TableFeatures(dense, trees, names, widths, notes), FittedTable(tuple(columns), turn)


@dataclass(frozen=True)
class FittedColumn:
    """How the cells of one column become numbers.

    arrays_ : of numbers and dates ``bounds`` (2,), ``scale`` (2,) middle and spread, ``gaps`` () whether blanks have a column of
    their own; of dates ``cycles``, which of `CYCLES` vary; of strings ``frequent``, the levels with an indicator, ``used``, the
    indicators that are kept, ``level_bytes`` and ``level_sizes``, the levels in UTF-8, and what `FittedTfidf` keeps as "tfidf.*".
    """

    name: str
    kind: str
    reading_: Reading | None
    arrays_: Arrays

    def transform(self, column: pd.Series[Any]) -> Block:
        """The numbers of other cells. A string that was never seen counts as a rare one, and lies near those spelt like it."""
        if self.kind in ("number", "date"):
            reading = self.reading_ or Reading("date" if self.kind == "date" else "number")
            return (_numbers if self.kind == "number" else _dates)(reading.read(column), self.arrays_)
        codes, levels = level_codes(column)
        number = {level: code for code, level in enumerate(unpack_levels(self.arrays_))}
        known = np.array([number.get(level, UNKNOWN) for level in levels] + [BLANK_LEVEL], np.int64)[codes]
        vectors = None
        if state := {name[len(TFIDF) :]: array for name, array in self.arrays_.items() if name.startswith(TFIDF)}:
            of_levels = FittedTfidf.from_arrays(state).transform(levels)
            vectors = np.concatenate([of_levels, np.zeros((1, of_levels.shape[1]), np.float32)])[codes]
        return _strings(known, vectors, self.kind, self.arrays_)


@dataclass(frozen=True)
class FittedTable:
    """What `fit_table` learned. ``turn_``: of very wide tables ``mean`` (D,) and ``components`` (512, D)."""

    columns_: tuple[FittedColumn, ...]
    turn_: Arrays = field(default_factory=dict)

    def transform(self, cells: pd.DataFrame) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(dense, trees) of n rows, as `TableFeatures` has them; ``cells`` holds all columns that were used."""
        if not self.columns_:
            return (blank := np.zeros((len(cells), 1), np.float32)), blank
        blocks = [column.transform(cells[column.name]) for column in self.columns_]
        dense = np.concatenate([block.dense for block in blocks], axis=1)
        if self.turn_:
            dense = ((dense - self.turn_["mean"]) @ self.turn_["components"].T).astype(np.float32)
        return dense, np.concatenate([block.trees for block in blocks], axis=1)

    @property
    def nbytes(self) -> int:
        """Of all arrays."""
        return sum(array.nbytes for array in self.to_arrays()[1].values())

    def to_arrays(self) -> tuple[dict[str, Any], Arrays]:
        """(index, arrays): the index is JSON, and says which arrays are whose."""
        arrays = {f"turn.{name}": array for name, array in self.turn_.items()}
        columns = []
        for at, column in enumerate(self.columns_):
            arrays |= {f"{at}.{name}": array for name, array in column.arrays_.items()}
            reading = None if column.reading_ is None else asdict(column.reading_)
            columns.append({"name": column.name, "kind": column.kind, "reading": reading, "arrays": [*column.arrays_]})
        return {"columns": columns, "turn": [*self.turn_]}, arrays

    @classmethod
    def from_arrays(cls, index: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedTable:
        """The inverse of `to_arrays`."""
        columns = [
            FittedColumn(
                one["name"],
                one["kind"],
                None if one["reading"] is None else Reading.from_json(one["reading"]),
                {name: arrays[f"{at}.{name}"] for name in one["arrays"]},
            )
            for at, one in enumerate(index["columns"])
        ]
        return cls(tuple(columns), {name: arrays[f"turn.{name}"] for name in index["turn"]})


def _fit(column: Cells, seed: int) -> tuple[Block, FittedColumn]:
    if column.kind in ("number", "date"):
        assert column.numbers is not None
        state = _fit_numbers(column.numbers) if column.kind == "number" else _fit_dates(column.numbers)
        block = (_numbers if column.kind == "number" else _dates)(column.numbers, state)
        return block, FittedColumn(column.name, column.kind, column.reading, state)
    assert column.codes is not None
    state = _fit_indicators(column.codes, len(column.levels)) | pack_levels(column.levels)
    vectors = None
    if len(column.levels) >= SPELLINGS:
        dims = {"category": CATEGORY_DIMS, "string": STRING_DIMS}.get(column.kind, TEXT_DIMS)
        vectors, tfidf = fit_tfidf(column.levels, dims=dims, seed=seed)
        state |= {f"{TFIDF}{name}": array for name, array in tfidf.to_arrays().items()}
        vectors = np.concatenate([vectors, np.zeros((1, vectors.shape[1]), np.float32)])[column.codes]  # blank: zeros
    return _strings(column.codes, vectors, column.kind, state), FittedColumn(column.name, column.kind, None, state)


def _fit_numbers(values: Floats) -> Arrays:
    finite = values[np.isfinite(values)]
    bounds = np.array([finite.min(), finite.max()] if len(finite) else [0.0, 0.0])
    gaps = int(np.isnan(values).sum())
    return {
        "bounds": bounds,
        "scale": np.array(_scale(np.clip(values, *bounds))),
        "gaps": np.array(MIN_BLANK * len(values) <= gaps < len(values)),
    }


def _numbers(values: Floats, state: Arrays) -> Block:
    values = _finite(values, state)
    dense = [_bend(values, *state["scale"].tolist())]
    if state["gaps"]:
        dense.append(np.isnan(values))
    return Block(np.column_stack(dense).astype(np.float32), _float32(values)[:, None])


def _finite(values: Floats, state: Arrays) -> Floats:
    """Infinities become the largest and smallest finite value that was learned from (0 where there was none)."""
    return np.where(np.isinf(values), np.clip(values, *state["bounds"]), values)


def squash(values: Floats) -> Floats:
    """(value - median) / spread, bent to stay inside +-LIMIT; gaps become 0.

    The spread is the interquartile range scaled to a normal's standard deviation, or the standard deviation where half of
    the values are equal.
    """
    return _bend(values, *_scale(values))


def _scale(values: Floats) -> tuple[float, float]:
    """(middle, spread) of the values that are no gaps; a spread of 0 where there is none."""
    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0, 0.0
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    with np.errstate(over="ignore"):
        spread = (high - low) / 1.349
        if not 0 < spread < np.inf:
            spread = float(np.std(known / 2) * 2)
        if not 0 < spread < np.inf:
            spread = max(abs(float(middle)), 1.0)
    return float(middle), float(spread)


def _bend(values: Floats, middle: float, spread: float) -> Floats:
    if not spread:
        return np.zeros(len(values))
    with np.errstate(over="ignore"):
        scaled = np.clip(np.nan_to_num((values - middle) / spread, nan=0.0), -1e100, 1e100)
        return np.asarray(scaled / np.sqrt(1 + np.square(scaled / LIMIT)), np.float64)


def _float32(values: Floats) -> NDArray[np.float32]:
    largest = np.finfo(np.float32).max
    return np.clip(values, -largest, largest).astype(np.float32)


def _fit_dates(days: Floats) -> Arrays:
    state = _fit_numbers(days)
    times, gaps = _times(_finite(days, state))
    varies = [len(np.unique(getattr(times.dt, part).fillna(0).to_numpy()[~gaps])) > 1 for part, _ in CYCLES]
    return state | {"cycles": np.array(varies)}


def _times(days: Floats) -> tuple[pd.Series[Any], NDArray[np.bool_]]:
    gaps = np.isnan(days)
    return pd.Series(pd.to_datetime(np.where(gaps, 0, days), unit="D", errors="coerce")), gaps


def _dates(days: Floats, state: Arrays) -> Block:
    """The day count, then the place in the year, week and day, each only where it varies."""
    base = _numbers(days, state)
    times, gaps = _times(_finite(days, state))
    dense, trees = [base.dense], [base.trees]
    for (part, period), varies in zip(CYCLES, state["cycles"].tolist(), strict=True):
        if not varies:
            continue
        value = getattr(times.dt, part).fillna(0).to_numpy(np.float64)
        angle = 2 * np.pi * value / period
        dense.append(np.where(gaps[:, None], 0, np.stack([np.sin(angle), np.cos(angle)], axis=1)).astype(np.float32))
        trees.append(np.where(gaps, np.nan, value).astype(np.float32)[:, None])
    return Block(np.concatenate(dense, axis=1), np.concatenate(trees, axis=1))


def _strings(codes: NDArray[np.int64], vectors: NDArray[np.float32] | None, kind: str, state: Arrays) -> Block:
    """``codes`` (N,): of levels, `BLANK_LEVEL` and `UNKNOWN`; ``vectors`` (N, d) of their spelling."""
    dense = [_indicators(codes, state)]
    trees = [np.where(codes < 0, np.nan, codes).astype(np.float32)[:, None]]
    if vectors is not None:
        dense.append(vectors)
        if kind != "category":
            trees.append(vectors)
    return Block(np.concatenate(dense, axis=1), np.concatenate(trees, axis=1))


def _fit_indicators(codes: NDArray[np.int64], n_levels: int) -> Arrays:
    """One column a frequent level, one for the rest together, one for blanks, of those that occur; a single one of two."""
    counts = np.bincount(codes[codes >= 0], minlength=n_levels)
    frequent = np.flatnonzero(counts >= RARE)
    if len(frequent) > INDICATORS:
        frequent = np.sort(np.argsort(-counts, kind="stable")[:INDICATORS])
    state = {"frequent": frequent, "n_levels": np.array(n_levels)}
    used = np.unique(_indicator_of(codes, state))
    return state | {"used": used[:1] if len(used) == 2 else used}


def _indicator_of(codes: NDArray[np.int64], state: Arrays) -> NDArray[np.int64]:
    frequent, n_levels = state["frequent"], int(state["n_levels"])
    column_of = np.full(n_levels + 2, len(frequent))  # the last two are the unknown levels' and the blank's
    column_of[frequent] = np.arange(len(frequent))
    column_of[BLANK_LEVEL] = len(frequent) + 1
    return column_of[codes]


def _indicators(codes: NDArray[np.int64], state: Arrays) -> NDArray[np.float32]:
    return (_indicator_of(codes, state)[:, None] == state["used"]).astype(np.float32)


def pack_levels(levels: Sequence[str]) -> Arrays:
    """Strings as bytes: numpy's own strings are as wide as the longest of them."""
    held = [level.encode("utf-8", "surrogatepass") for level in levels]
    sizes = np.array([len(one) for one in held], np.int64)
    return {"level_bytes": np.frombuffer(b"".join(held), np.uint8), "level_sizes": sizes}


def unpack_levels(arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """The inverse of `pack_levels`."""
    data, ends = arrays["level_bytes"].tobytes(), np.cumsum(arrays["level_sizes"]).tolist()
    return [data[start:end].decode("utf-8", "surrogatepass") for start, end in zip([0, *ends], ends, strict=False)]


def _reduce(dense: NDArray[np.float32], seed: int) -> tuple[NDArray[np.float32], Arrays]:
    """Principal components of a very wide table, learned from a sample of rows, and the turn that makes them."""
    from sklearn.decomposition import PCA

    rows = np.random.default_rng([seed, 51]).permutation(len(dense))[:SAMPLE]
    with threadpool_limits(1):
        model = PCA(min(MAX_DIMS, len(rows)), svd_solver="randomized", random_state=seed).fit(dense[np.sort(rows)])
        turned = np.asarray(model.transform(dense), np.float32)
    return turned, {"mean": np.asarray(model.mean_), "components": np.asarray(model.components_)}
