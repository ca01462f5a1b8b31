"""Exact nearest neighbours: every row meets every other, block by block.

In: prepared vectors. Out: the k nearest distinct rows of the rows asked for, exactly.
Does not know: shortcuts (see `self_join`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from assay.graph.kernels import NOWHERE, rank, update_topk
from assay.graph.vectors import Vectors

QUERIES = 256  # rows that meet a block of the others at a time
SPARE = 16  # candidates beyond k: products round, so the last places are settled by exact distances


def parallel_for(work: Callable[[int], None], tasks: Sequence[int], threads: int) -> None:
    """Call ``work`` with each of ``tasks`` in ``threads`` threads, one BLAS thread in each; ``work`` stores its own results."""
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(max(1, threads)) as pool:
        for _ in pool.map(work, tasks):
            pass


def exact_neighbors(
    vectors: Vectors, k: int, *, threads: int, queries: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Neighbours of ``queries`` (default: all) among all distinct rows.

    Returns
    -------
    ids : (Q, k) int32 distinct rows, nearest first, ties to the lower, the row itself left out, -1 = none.
    squared : (Q, k) float32 squared distances of prepared rows, infinity where there is none.

    Notes
    -----
    Cost: 2 Q N d floating point operations; memory: a block of rows a thread.
    """
    asked = np.arange(len(vectors), dtype=np.int64) if queries is None else queries
    ids = np.full((len(asked), k), -1, np.int32)
    squared = np.full((len(asked), k), np.inf, np.float32)
    # Inner products of vectors far from the origin cancel in float32; Euclidean data are narrow, so float64 is cheap.
    dtype: type[np.floating[Any]] = np.float32 if vectors.metric == "cosine" else np.float64

    def one(start: int) -> None:
        rows = asked[start : start + QUERIES]
        query: NDArray[np.floating[Any]] = vectors.take(rows).astype(dtype, copy=False)
        best = np.full((len(rows), k + SPARE), -np.inf, np.float32)
        who = np.full((len(rows), k + SPARE), -1, np.int32)
        every = np.arange(len(rows))
        for block in vectors.blocks():
            base: NDArray[np.floating[Any]] = vectors.take(block).astype(dtype, copy=False)
            scores = query @ base.T
            if dtype is np.float64:
                scores -= np.einsum("ij,ij->i", query, query)[:, None] / 2
                scores -= np.einsum("ij,ij->i", base, base) / 2
            inside = np.flatnonzero((rows >= block.start) & (rows < block.stop))
            scores[inside, rows[inside] - block.start] = -np.inf
            update_topk(scores.astype(np.float32, copy=False), every, block.start, NOWHERE, best, who)
        rerank(vectors, rows, who, ids[start : start + QUERIES], squared[start : start + QUERIES])

    parallel_for(one, range(0, len(asked), QUERIES), threads)
    return ids, squared


def rerank(
    vectors: Vectors,
    rows: NDArray[np.int64],
    candidates: NDArray[np.int32],
    ids: NDArray[np.int32],
    squared: NDArray[np.float32],
) -> None:
    """Rank candidate distinct rows (-1 = none) of ``rows`` by exact distance into ``ids`` and ``squared``."""
    chosen, inverse = np.unique(candidates, return_inverse=True)
    none = int(len(chosen) > 0 and chosen[0] < 0)
    positions = np.sort(inverse.reshape(candidates.shape).astype(np.int32) - none, axis=1)
    who = np.empty(ids.shape, np.int32)
    rank(vectors.take(rows), positions, vectors.take(chosen[none:]), squared, who)
    ids[:] = np.where(who < 0, -1, np.append(chosen[none:], -1)[who])
