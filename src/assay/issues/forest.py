"""Outliers of tables: neighbours and an isolation forest, against a table of the same columns without outliers.

In: (N, d) cells as numbers. Out: isolation scores (N,), the cut beyond which a row is an outlier, how far usual rows spread.
Does not know: labels, column names.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from assay.issues.distances import rows_of
from assay.issues.tail import log_distances, robust_z, spread

Floats = NDArray[np.float64]

TREES = 100
FIT_ROWS = 20_000
READ = 8_192
LEAST_Z = 3.5  # Iglewicz and Hoaglin's modified z score
NULL_ROWS = 2_000
FALSE_FLAGS = 0.003
NEIGHBORS = 10
FAR = 0.75  # centile of the distances of rows that are put together at random


@dataclass(frozen=True)
class Null:
    """What a table of the same columns gives where no row is an outlier and no group of rows keeps together."""

    cut: float  # robust z beyond which three rows in a thousand lie, at least 3.5
    nearest: float  # `tail.spread` of log distances to the ten nearest
    far: float  # the log distance beyond which a quarter of its rows lie


def isolation_scores(x: NDArray[Any], *, seed: int, threads: int) -> Floats:
    """(N,) log isolation-forest score (Liu, Ting, Zhou, ICDM 2008), higher = more alone: 100 trees of 256 rows each."""
    from sklearn.ensemble import IsolationForest

    n = len(x)
    rows = np.random.default_rng([seed, 34]).permutation(n)[:FIT_ROWS]
    model = IsolationForest(n_estimators=TREES, random_state=seed).fit(rows_of(x, np.sort(rows)))
    out = np.empty(n)

    def one(start: int) -> None:
        out[start : start + READ] = np.log(-model.score_samples(rows_of(x, slice(start, start + READ))))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(0, n, READ)))
    return out


def null(x: NDArray[Any], ordinary: NDArray[np.int64], *, seed: int, threads: int) -> Null:
    """The same evidence of a table whose columns keep the values and rank correlations of ``ordinary`` rows, nothing else.

    A Gaussian copula of at most 2,000 rows: few dimensions or skewed columns give long tails of distance without a single
    foreign row, and a fixed cut would flag up to 6 % of them. At least 3.5.
    """
    from assay.graph import neighbors

    rng = np.random.default_rng([seed, 35])
    d = x.shape[1]
    real = rows_of(x, np.sort(rng.permutation(ordinary)[:FIT_ROWS]))
    count = min(len(ordinary), NULL_ROWS)
    covariance = np.cov(real.T.astype(np.float64)).reshape(d, d)
    values, axes = np.linalg.eigh(covariance)
    gauss = (rng.standard_normal((count, d)) * np.sqrt(np.maximum(values, 0))) @ axes.T
    shares = (rankdata(gauss, axis=0) - 0.5) / count
    made = np.stack([np.quantile(real[:, j], shares[:, j]) for j in range(d)], axis=1).astype(np.float32)
    _, distances = neighbors(made, min(NEIGHBORS, count - 1), "euclidean", threads=threads, seed=seed)
    nearest, forest = log_distances(distances.mean(1)), isolation_scores(made, seed=seed, threads=threads)
    evidence = np.maximum(robust_z(nearest), robust_z(forest))
    cut = max(LEAST_Z, float(np.quantile(evidence, 1 - FALSE_FLAGS)))
    return Null(cut, spread(nearest), float(np.quantile(nearest, FAR)))
