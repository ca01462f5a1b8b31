"""The rows as points on a plane, alike ones near each other.

In: the run's vectors and neighbour graph. Out: two coordinates a row. Does not know: labels, colours, how points are drawn.

Method: principal components give the first positions; then neighbours attract and random rows repel each other, as in LargeVis
(Tang et al., WWW 2016) and UMAP (McInnes et al., 2018): stochastic gradient descent over the edges of the stored graph with the
force 1 / (1 + d^2). Distances between far groups mean little; a group and its surroundings mean what they seem to. Measured, share
of a point's 10 nearest points with its label: scans of digits .98 (t-SNE .98 in a hundred times the time, components alone .57),
questions of 12 classes .93 (.93, .68), photographs .99 (.99, .57).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from assay.graph import join_embeddings, neighbors
from assay.similar.neighborhood import Neighborhood

Flags = NDArray[np.bool_]

MOST = 200_000  # points
NEAREST = 15  # neighbours that attract
ENOUGH = 8  # of them, on average, of a graph that was made for more rows
EPOCHS = (
    (20_000, 300),
    (60_000, 200),
    (100_000, 80),
    (MOST, 50),
)  # up to so many rows, so many passes: some ten seconds on one core
REPELLED = 5  # random rows for each neighbour
SAMPLE = 20_000  # rows the principal components are fitted on
TOO_FEW = 5  # rows that forces cannot place better than components do


@dataclass(frozen=True)
class EmbeddingMap:
    """rows : (m,) row numbers, ascending. x, y : float32 (m,), both within -1 .. 1. total : rows there were.

    method : one sentence for the reader. sampled : whether ``rows`` are fewer than ``total``.
    """

    rows: NDArray[np.int64]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    total: int
    method: str

    @property
    def sampled(self) -> bool:
        return len(self.rows) < self.total


def embedding_map(
    found: Neighborhood | None, mask: Flags, *, most: int = MOST, seed: int = 0, threads: int = 1
) -> EmbeddingMap:
    """The analysed rows of ``mask`` (N,), at most ``most`` of them, evenly over the data.

    Deterministic for the same rows and seed. Cost: some ten seconds on one core, once: keep the result.
    """
    if found is None or not found.embeddings:
        return _nothing("This run kept no vectors, so there is no map.")
    kept = np.flatnonzero(mask[found.rows])
    total = len(kept)
    chosen = kept if total <= most else kept[np.unique(np.linspace(0, total - 1, most).astype(np.int64))]
    rows = np.asarray(found.rows[chosen], np.int64)
    if not len(chosen):
        return _nothing("No row in view was analysed.")
    with threadpool_limits(1):
        joint = join_embeddings(
            [embedding[chosen] for embedding in found.embeddings.values()], unit=found.metric == "cosine", seed=seed
        )
        start = principal_plane(np.asarray(joint, np.float32), seed=seed)
        if len(chosen) <= TOO_FEW:
            return _placed(rows, start, total, "Principal components: too few rows for more.")
        ids = _graph(found, chosen, joint, threads=threads, seed=seed)
    plane = spread(start, ids, epochs=next(n for rows_up_to, n in EPOCHS if len(chosen) <= rows_up_to), seed=seed)
    sample = f"a sample of {len(rows):,} of {total:,} rows, evenly over the data; " if len(rows) < total else ""
    method = (
        f"{sample}principal components, then neighbours attract and random rows repel each other. Groups mean "
        "something; distances between far groups mean little."
    )
    return _placed(rows, plane, total, method[0].upper() + method[1:])


def principal_plane(vectors: NDArray[np.float32], *, seed: int = 0) -> NDArray[np.float32]:
    """(m, 2) the two leading principal components, each with a fixed sign. Cost: O(m d) and one d x d decomposition."""
    rows = np.sort(np.random.default_rng([seed, 9_001]).permutation(len(vectors))[:SAMPLE])
    mean = vectors[rows].mean(0)
    centred = (vectors[rows] - mean).astype(np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :2]
    axes = axes * np.where(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])] < 0, -1, 1)
    plane = (vectors - mean) @ axes.astype(np.float32)
    return np.pad(plane, ((0, 0), (0, 2 - plane.shape[1]))).astype(np.float32)


def spread(start: NDArray[np.float32], ids: NDArray[np.int32], *, epochs: int, seed: int = 0) -> NDArray[np.float32]:
    """(m, 2) positions after ``epochs`` passes over the edges i -> ``ids[i]`` (-1 = none), from ``start``."""
    jitter = np.random.default_rng([seed, 9_002]).normal(0, 1e-3, start.shape)
    scale = max(float(np.abs(start).max()), 1e-9)
    plane = np.ascontiguousarray(10 * start / scale + jitter, np.float32)
    _descend(plane, np.ascontiguousarray(ids), epochs, np.uint64(seed + 1))
    return plane


@njit(nogil=True, cache=True)
def _descend(plane, ids, epochs, seed):  # type: ignore[no-untyped-def]
    """Stochastic gradient descent of UMAP's loss with a = b = 1, in place, one thread: the same bytes everywhere."""
    n, k = ids.shape
    random = seed * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)
    for epoch in range(epochs):
        rate = np.float32(1.0 - epoch / epochs)
        for a in range(n):
            # an edge of rank r takes part in every (r // 3 + 1)-th pass: near rows hold closer than far ones
            for r in range(k):
                b = ids[a, r]
                if b < 0 or epoch % (r // 3 + 1) != 0:
                    continue
                dx, dy = plane[a, 0] - plane[b, 0], plane[a, 1] - plane[b, 1]
                pull = np.float32(-2.0) / (np.float32(1.0) + dx * dx + dy * dy)
                gx = min(max(pull * dx, np.float32(-4.0)), np.float32(4.0)) * rate
                gy = min(max(pull * dy, np.float32(-4.0)), np.float32(4.0)) * rate
                plane[a, 0] += gx
                plane[a, 1] += gy
                plane[b, 0] -= gx
                plane[b, 1] -= gy
                for _ in range(REPELLED):
                    random ^= random << np.uint64(13)
                    random ^= random >> np.uint64(7)
                    random ^= random << np.uint64(17)
                    c = np.int64(random % np.uint64(n))
                    if c == a:
                        continue
                    dx, dy = plane[a, 0] - plane[c, 0], plane[a, 1] - plane[c, 1]
                    squared = dx * dx + dy * dy
                    push = np.float32(2.0) / ((np.float32(0.001) + squared) * (np.float32(1.0) + squared))
                    plane[a, 0] += min(max(push * dx, np.float32(-4.0)), np.float32(4.0)) * rate
                    plane[a, 1] += min(max(push * dy, np.float32(-4.0)), np.float32(4.0)) * rate


def _graph(found: Neighborhood, chosen: NDArray[np.int64], joint: Any, *, threads: int, seed: int) -> NDArray[np.int32]:
    """Edges among the chosen vector rows: the stored graph where all are chosen; else its neighbours and theirs as far as they
    are chosen, the nearest first, or where these are too few a graph of their own, which takes ten times as long.
    """
    if len(chosen) == len(found.rows):
        return np.asarray(found.ids[:, :NEAREST], np.int32)
    place = np.full(len(found.rows), -1, np.int32)
    place[chosen] = np.arange(len(chosen), dtype=np.int32)
    ids = np.asarray(found.ids[:, :NEAREST], np.int32)
    near = near_by_hops(ids, chosen, place, np.ascontiguousarray(joint, np.float32), NEAREST)
    if np.count_nonzero(near >= 0) >= ENOUGH * len(chosen):
        return near
    return neighbors(joint, min(NEAREST, len(chosen) - 1), found.metric, threads=threads, seed=seed)[0]


@njit(nogil=True, cache=True)
def near_by_hops(ids, chosen, place, vectors, k):  # type: ignore[no-untyped-def]
    """int32 (m, k): of each ``chosen`` row of the graph ``ids`` its nearest among those chosen rows that lie one or two edges
    away, as places among the chosen (``place``: row -> that, -1 = not chosen), -1 = none; by the ``vectors`` (m, d) of the chosen.
    """
    m = len(chosen)
    out = np.full((m, k), -1, np.int32)
    far = np.empty(k, np.float32)
    met = np.full(m, -1, np.int32)
    for i in range(m):
        far[:] = np.inf
        met[i] = i
        for r in range(ids.shape[1]):
            b = ids[chosen[i], r]
            if b < 0:
                continue
            for s in range(-1, ids.shape[1]):
                c = b if s < 0 else ids[b, s]
                j = -1 if c < 0 else place[c]
                if j < 0 or met[j] == i:
                    continue
                met[j] = i
                d = np.float32(0)
                for t in range(vectors.shape[1]):
                    difference = vectors[i, t] - vectors[j, t]
                    d += difference * difference
                at = k
                while at > 0 and d < far[at - 1]:
                    at -= 1
                if at == k:
                    continue
                for other in range(k - 1, at, -1):
                    far[other], out[i, other] = far[other - 1], out[i, other - 1]
                far[at], out[i, at] = d, j
    return out


def _placed(rows: NDArray[np.int64], plane: NDArray[np.float32], total: int, method: str) -> EmbeddingMap:
    """Coordinates within -1 .. 1, one scale for both axes; far strays are drawn in so that they do not squeeze the rest."""
    middle = np.median(plane, axis=0)
    centred = plane - middle
    reach = max(float(np.percentile(np.abs(centred), 99.5)) * 1.1, 1e-9)
    placed = np.clip(centred / reach, -1, 1).astype(np.float32)
    return EmbeddingMap(rows, placed[:, 0], placed[:, 1], total, method)


def _nothing(method: str) -> EmbeddingMap:
    return EmbeddingMap(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32), 0, method)
