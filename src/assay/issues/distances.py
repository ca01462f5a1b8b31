"""How far rows lie from the rows of their class, and from rows outside their group.

In: (N, d) vectors, a class a row (-1 = none). Out: float32 (N,) distances. Does not know: thresholds, flags, files.
Memory: a block of rows against at most `REFERENCES` rows of a class; never N x N, never N x K.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float32]
REFERENCES = 2_000  # rows that stand for a class
OUTSIDE = 20_000  # rows that stand for all others
QUERIES = 1_024  # rows asked at a time
SIDE = 256  # the same against OUTSIDE


def rows_of(x: NDArray[Any], which: NDArray[np.int64] | slice, *, unit: bool = False) -> Floats:
    """float32 copies of rows, NaN and infinity as zeros and large numbers; at length 1 (zeros stay) if ``unit``."""
    block = np.nan_to_num(np.asarray(x[which], np.float32), posinf=65504.0, neginf=-65504.0)
    if unit:
        block /= np.maximum(np.sqrt(np.einsum("ij,ij->i", block, block)), np.float32(1e-12))[:, None]
    return block


def class_distances(
    x: NDArray[Any],
    classes: NDArray[np.int32],
    *,
    ranks: tuple[int, int] = (0, 10),
    cosine: bool = True,
    exclude: NDArray[np.int32] | None = None,
    members_of: NDArray[np.bool_] | None = None,
    seed: int = 0,
    threads: int = 1,
) -> Floats:
    """Mean distance of each row to the nearest other rows of its own class.

    Parameters
    ----------
    x : (N, d) float vectors. classes : (N,) codes; rows of -1 get NaN.
    ranks : the nearest rows that count: (0, 10) the ten nearest, (5, 15) those after the fifth, so that a row with five copies
        is not taken for one with near neighbours. Fewer in small classes, at most a third of the other rows: a small class is
        not sparse for being small.
    cosine : 1 - cosine, else Euclidean.
    exclude : (N,) a number of a group a row, -1 = none: rows of the row's own group do not count.
    members_of : (N,) bool, rows that distances are measured to; default all. Distances are returned for the other rows, too.
    seed : of the 2,000 rows that stand for a larger class.

    Returns
    -------
    float32 (N,); NaN where the class has no other row. Cost: O(N d min(class size, 2,000)).
    """
    out = np.full(len(classes), np.nan, np.float32)
    order = np.argsort(classes, kind="stable")
    order = order[classes[order] >= 0]
    starts = np.flatnonzero(np.diff(classes[order], prepend=-1))
    bounds = np.append(starts, len(order)).tolist()

    def one(task: tuple[int, int, int]) -> None:
        low, high, start = task
        members = order[low:high]
        chosen = members if members_of is None else members[members_of[members]]
        if len(chosen) < 2:
            return
        if len(chosen) > REFERENCES:
            rng = np.random.default_rng([seed, 31, int(classes[members[0]])])
            chosen = np.sort(rng.permutation(chosen)[:REFERENCES])
        base = rows_of(x, chosen, unit=cosine)
        most = max(1, (len(chosen) - 1) // 3)
        last = min(ranks[1], most)
        first = min(ranks[0], ranks[0] * last // ranks[1])
        rows = members[start : start + QUERIES]
        out[rows] = _nearest_mean(rows_of(x, rows, unit=cosine), rows, base, chosen, (first, last), cosine, exclude)

    tasks = [
        (low, high, start)
        for low, high in pairwise(bounds)
        if high - low > 1
        for start in range(0, high - low, QUERIES)
    ]
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, tasks))
    return out


def _nearest_mean(
    queries: Floats,
    rows: NDArray[np.int64],
    base: Floats,
    chosen: NDArray[np.int64],
    ranks: tuple[int, int],
    cosine: bool,
    exclude: NDArray[np.int32] | None,
) -> Floats:
    """Mean distance of each query to the references of ``ranks``, itself and its group left out."""
    squared = queries @ base.T
    squared *= np.float32(-2)
    squared += np.einsum("ij,ij->i", queries, queries)[:, None]
    squared += np.einsum("ij,ij->i", base, base)
    position = np.minimum(np.searchsorted(chosen, rows), len(chosen) - 1)
    itself = np.flatnonzero(chosen[position] == rows)
    squared[itself, position[itself]] = np.inf
    if exclude is not None and (exclude[rows] >= 0).any():
        mine = exclude[rows][:, None]
        squared[(mine >= 0) & (mine == exclude[chosen][None])] = np.inf
    first, last = ranks
    if last < squared.shape[1]:
        squared = np.partition(squared, last - 1, axis=1)[:, :last]
    if first:
        squared = np.partition(squared, first, axis=1)[:, first:]
    near = np.maximum(squared, 0)
    near = near / 2 if cosine else np.sqrt(near)
    there = np.isfinite(near)
    total = np.where(there, near, 0).sum(1, dtype=np.float64)
    number = there.sum(1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan).astype(np.float32)


def decorrelating(x: NDArray[Any], *, seed: int = 0, threads: int = 1) -> NDArray[np.float32]:
    """(d, at most d) what turns rows of ``x`` (N, d) so that Euclidean distances are shrunken Mahalanobis distances.

    The covariance is learned from 20,000 rows drawn by ``seed``, its off-diagonal half taken, so that it can be inverted.
    """
    rows = np.random.default_rng([seed, 36]).permutation(len(x))[:OUTSIDE]
    sample = rows_of(x, np.sort(rows)).astype(np.float64)
    covariance = np.cov(sample.T).reshape(x.shape[1], x.shape[1])
    covariance = (covariance + np.diag(np.diag(covariance))) / 2
    with threadpool_limits(1):
        values, axes = np.linalg.eigh(covariance)
    usable = values > 1e-6 * max(float(values[-1]), 1e-12)
    return np.asarray(axes[:, usable] / np.sqrt(values[usable]), np.float32)


def decorrelated_distances(
    x: NDArray[Any],
    of: NDArray[Any],
    ids: NDArray[np.int32],
    count: int,
    turn: NDArray[np.float32],
    *,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Mean distance of each row to the nearest of its neighbours, as a shrunken Mahalanobis distance measures it.

    Where columns say the same thing twice, a step against their correlation is as long as many steps along it.

    Parameters
    ----------
    x : (n, d) float vectors. of : (N, d) those that neighbours are among. turn : of `decorrelating` those.
    ids : (n, k) neighbours, -1 = none; no others are looked at.
    count : of the neighbours that count, those nearest by this distance.

    Returns
    -------
    float32 (n,), 0 where all rows are alike, NaN for rows without neighbours. Cost: O(n k d^2).
    """
    out = np.full(len(x), np.nan, np.float32)

    def one(start: int) -> None:
        near = np.asarray(ids[start : start + SIDE])
        here = rows_of(x, slice(start, start + SIDE))
        away = rows_of(of, np.maximum(near, 0).ravel().astype(np.int64)).reshape(*near.shape, -1) - here[:, None]
        squared = np.square(away @ turn).sum(2)
        squared[near < 0] = np.inf
        squared = np.sort(squared, axis=1)[:, :count]
        there = np.isfinite(squared)
        total = np.where(there, np.sqrt(squared), 0).sum(1)
        number = there.sum(1)
        out[start : start + len(near)] = np.where(number > 0, total / np.maximum(number, 1), np.nan)

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(0, len(x), SIDE)))
    return out


def outside_distances(
    embeddings: Sequence[NDArray[Any]],
    groups: NDArray[np.int32],
    *,
    ranks: tuple[int, int],
    cosine: bool,
    seed: int = 0,
    threads: int = 1,
) -> tuple[NDArray[np.int64], Floats]:
    """(rows that are in a group, mean distance of each to its nearest rows outside the group).

    ``embeddings`` are joined as `assay.graph.join_embeddings` joins them, so that the distances are those of the graph.
    ``ranks``: first and last of the nearest rows that count. Up to 20,000 rows are compared with; of more, as many drawn by
    ``seed``, which makes the distances a little longer. Cost: O(rows in groups * d * min(N, 20,000)).
    """
    rows = np.flatnonzero(groups >= 0)
    out = np.full(len(rows), np.nan, np.float32)
    chosen = np.arange(len(groups))
    if len(chosen) > OUTSIDE:
        chosen = np.sort(np.random.default_rng([seed, 33]).permutation(len(groups))[:OUTSIDE])

    def joined(which: NDArray[np.int64]) -> Floats:
        parts = [rows_of(embedding, which, unit=cosine) for embedding in embeddings]
        return np.concatenate(parts, 1) / np.float32(len(embeddings) ** 0.5 if cosine else 1)

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        base = joined(chosen) if len(rows) else np.zeros((0, 1), np.float32)

        def one(start: int) -> None:
            part = rows[start : start + SIDE]
            out[start : start + SIDE] = _nearest_mean(joined(part), part, base, chosen, ranks, cosine, groups)

        list(pool.map(one, range(0, len(rows), SIDE)))
    return rows, out
