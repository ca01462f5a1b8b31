"""Outliers of tables: distances and isolation scores, compared with those of a made table of the same columns.

In: (N, d) cells as numbers. Out: isolation scores (N,), the cut beyond which a row is an outlier, how far usual rows spread.
Does not know: labels, column names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from assay.issues.distances import rows_of
from assay.issues.isolation import FIT_ROWS, READ, grow_forest, isolation_scores
from assay.issues.tail import log_distances, robust_z, spread

Floats = NDArray[np.float64]

LEAST_Z = 3.5  # Iglewicz and Hoaglin's modified z score
NULL_ROWS = 2_000
FALSE_FLAGS = 0.003
NEIGHBORS = 10
FAR = 0.75  # centile of the distances of rows that are put together at random
STANDS_OUT = 0.99  # centile of how much farther away such a row is than its neighbours are


@dataclass(frozen=True)
class ReferenceTable:
    """What is measured on a made table of the same columns, which has neither outliers nor groups of similar rows."""

    cut: float  # robust z beyond which three rows in a thousand lie, at least 3.5
    nearest: float  # `tail.spread` of log distances to the ten nearest
    far: float  # the log distance beyond which a quarter of its rows lie
    stands_out: float  # `beyond_neighbors` that one row in a hundred exceeds


def reference_table(
    x: NDArray[Any], ordinary: NDArray[np.int64], widths: Sequence[int] = (), *, seed: int, threads: int
) -> ReferenceTable:
    """Measure distances and isolation scores of a made table, to find out how far rows lie where none is an outlier.

    The table is drawn from a Gaussian copula: its columns keep the values and the rank correlations of the ``ordinary`` rows of
    ``x`` and nothing else. A fixed cut would not do: few dimensions or skewed columns give long tails of distance, and it
    would flag up to 6 % of the rows of a table without a foreign row.

    Parameters
    ----------
    x : (N, d) numbers. ordinary : the rows that columns are taken from.
    widths : dimensions of each column, d together; those of one column are drawn together, because a row has one category.
        Without them, or where they are not d together, every dimension is a column of its own.
    seed : of the draws. threads : changes nothing in the result.

    Notes
    -----
    At most 2,000 rows are drawn. Cost: O(20,000 d log 20,000 + 2,000^2 d).
    """
    from assay.graph import neighbors

    rng = np.random.default_rng([seed, 35])
    real = rows_of(x, np.sort(rng.permutation(ordinary)[:FIT_ROWS])).astype(np.float32)
    count = min(len(ordinary), NULL_ROWS)
    made = _copula(real, widths if sum(widths) == x.shape[1] else [1] * x.shape[1], count, rng)
    ids, distances = neighbors(made, min(NEIGHBORS, count - 1), "euclidean", threads=threads, seed=seed)
    nearest = log_distances(distances.mean(1))
    forest = isolation_scores(grow_forest(made, seed=seed), made, threads=threads)
    evidence = np.maximum(robust_z(nearest), robust_z(forest))
    cut = max(LEAST_Z, float(np.quantile(evidence, 1 - FALSE_FLAGS)))
    stands_out = float(np.quantile(beyond_neighbors(nearest, ids), STANDS_OUT))
    return ReferenceTable(cut, spread(nearest), float(np.quantile(nearest, FAR)), stands_out)


def _copula(
    real: NDArray[np.float32], widths: Sequence[int], count: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """(count, d) made-up rows. A column of one dimension is ranked by it, and has numbers between those of ``real``, too;
    others are ranked along their first principal axis, and hold what some row of ``real`` does."""
    stops = np.cumsum(widths)
    columns = [real[:, stop - width : stop] for stop, width in zip(stops, widths, strict=True)]
    keys = np.stack([_along_axis(column) for column in columns], axis=1)  # (n, columns)
    gauss = norm.ppf((rankdata(keys, axis=0) - 0.5) / len(real))
    values, axes = np.linalg.eigh(np.cov(gauss.T).reshape(len(columns), len(columns)))
    drawn = (rng.standard_normal((count, len(columns))) * np.sqrt(np.maximum(values, 0))) @ axes.T
    shares = (rankdata(drawn, axis=0) - 0.5) / count
    made = []
    for key, column, share in zip(keys.T, columns, shares.T, strict=True):
        if column.shape[1] == 1:
            made.append(np.quantile(column[:, 0], share)[:, None])
        else:
            made.append(column[np.argsort(key, kind="stable")[(share * len(real)).astype(np.int64)]])
    return np.concatenate(made, axis=1).astype(np.float32)


def _along_axis(column: NDArray[np.float32]) -> Floats:
    """(n,) where the rows lie along the first principal axis."""
    centred = column.astype(np.float64) - column.mean(0, dtype=np.float64)
    if column.shape[1] == 1:
        return centred[:, 0]
    along: Floats = centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1]
    return np.round(along, 9)  # rows of one category are equal, whatever was rounded


def beyond_neighbors(logs: Floats, ids: NDArray[np.int32], of_neighbors: Floats | None = None) -> Floats:
    """(n,) log distance less the median log distance of a row's own neighbours: rows of a sparse group have about 0.

    ``ids`` (n, k): nearest first, -1 = none; the first ten count. ``of_neighbors`` (N,): log distances of the rows that these
    name, default ``logs``. 0 for rows without neighbours.
    """
    theirs = logs if of_neighbors is None else of_neighbors
    out = np.zeros(len(logs))
    for start in range(0, len(logs), READ):
        near = np.asarray(ids[start : start + READ, :NEIGHBORS])
        around = np.where(near >= 0, theirs[np.maximum(near, 0)], np.nan)
        some = np.isfinite(around).any(1)
        out[start : start + len(near)][some] = logs[start : start + len(near)][some] - np.nanmedian(
            around[some], axis=1
        )
    return out
