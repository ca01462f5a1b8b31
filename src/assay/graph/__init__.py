"""The k-nearest-neighbour graph of a dataset with itself.

In: embeddings, one row a row. Out: neighbour ids and distances. Does not know: labels, or what the rows are.
"""

from __future__ import annotations

import os
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from assay.errors import UsageError
from assay.graph.exact import exact_neighbors
from assay.graph.join import join_embeddings
from assay.graph.kernels import expand
from assay.graph.self_join import join, make_lists
from assay.graph.vectors import Metric, Vectors, check_embeddings, make_vectors

__all__ = ["check_search", "distinct_neighbors", "join_embeddings", "neighbors", "neighbors_report"]

EXACT_ROWS = 20_000
ASKED, TRIED, ENOUGH = 500, 40, 0.98
PROBES, DOUBLINGS = 4, 5
CANDIDATES = 48


def neighbors(
    embeddings: Any, k: int = 15, metric: str = "cosine", *, threads: int | None = None, seed: int = 0
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The ``k`` nearest neighbours of every row among the other rows.

    Parameters
    ----------
    embeddings : (N, d) numbers; float16, float32 and float64 memory maps are read in blocks, never copied whole.
    k : neighbours a row.
    metric : "cosine" (distance 1 - cosine, 0..2; a zero vector is at 1 from all others, at 0 from its like) or
        "euclidean" (the units of the embeddings).
    threads : default all cores; the result is the same for any number.
    seed : for the sample and lists of the approximate search; unused up to 20,000 distinct rows.

    Returns
    -------
    ids : (N, k) int32 row numbers, nearest first, ties to the lower row, the row itself left out; -1 = none (N <= k).
    distances : (N, k) float32, infinity where there is none.

    Raises
    ------
    ArrayError : not two-dimensional numbers; NaN or infinity (the first such row is named).
    UsageError : k below 1, or an unknown metric.

    Notes
    -----
    Exact up to 20,000 distinct rows, 2 N^2 d operations; above that a cluster-blocked self-join, whose time grows as
    N^1.5 (`assay.graph.self_join`). Its recall is measured on 500 rows. A small part of the join, which meets 40 of
    them, is tried ever more widely until the recall is .98 there, or 128 lists a row are searched; then the whole.

    Examples
    --------
    >>> import numpy as np
    >>> import assay
    >>> ids, distances = assay.neighbors(np.array([[1.0, 0.0], [0.0, 1.0], [0.9, 0.1]]), k=1)
    >>> ids.ravel().tolist()
    [2, 2, 0]
    """
    ids, distances, _ = neighbors_report(embeddings, k, metric, threads=threads, seed=seed)
    return ids, distances


def neighbors_report(
    embeddings: Any,
    k: int = 15,
    metric: str = "cosine",
    *,
    threads: int | None = None,
    seed: int = 0,
    enough: float = ENOUGH,
) -> tuple[NDArray[np.int32], NDArray[np.float32], float]:
    """As `neighbors`, with the recall of the search.

    Parameters
    ----------
    enough : recall, 0 to 1, up to which an approximate search is widened. All others: as `neighbors` takes them.

    Returns
    -------
    ids, distances : as `neighbors` gives them.
    recall : the share of true neighbours that were found, measured on ``ASKED`` rows; 1.0 after an exact scan.

    Raises
    ------
    ArrayError, UsageError : as `neighbors`.
    """
    vectors = make_vectors(check_embeddings(embeddings), check_search(k, metric))
    workers = threads or os.cpu_count() or 1
    # No more neighbours than rows are looked for: a caller may ask a tiny dataset for many.
    inner = max(1, min(k, len(vectors) - 1))
    ids, squared, recall = distinct_neighbors(vectors, inner, threads=workers, seed=seed, enough=enough)
    if k != inner or len(vectors) != len(vectors.group):
        ids, squared = _all_rows(vectors, ids, squared, k)
    return ids, vectors.distances(squared), recall


def check_search(k: int, metric: str) -> Metric:
    """The metric, if it is one and ``k`` a number of neighbours; else a `UsageError`."""
    if metric not in get_args(Metric):
        raise UsageError(f'metric {metric!r} is unknown; take "cosine" or "euclidean"')
    if k < 1:
        raise UsageError(f"k must be at least 1, not {k}")
    return cast(Metric, metric)


def distinct_neighbors(
    vectors: Vectors, k: int, *, threads: int, seed: int, enough: float = ENOUGH
) -> tuple[NDArray[np.int32], NDArray[np.float32], float]:
    """The nearest distinct rows of each of the U distinct rows of ``vectors``.

    Parameters
    ----------
    k : neighbours a row, below U (or 1). enough : as `neighbors_report` takes it. seed : of an approximate search.

    Returns
    -------
    ids : (U, k) int32, indices into the distinct rows. squared : (U, k) float32, squared distances of prepared rows
    (`Vectors.distances` turns them into the metric's). recall : measured on ``ASKED`` rows; 1.0 after an exact scan.
    """
    if len(vectors) <= EXACT_ROWS:
        return *exact_neighbors(vectors, k, threads=threads), 1.0
    rng = np.random.default_rng([seed, 7_003])
    asked = np.sort(rng.choice(len(vectors), ASKED, replace=False))
    bar = exact_neighbors(vectors, k, threads=threads, queries=asked)[1][:, -1:]
    lists = make_lists(vectors, threads=threads, seed=seed)
    group = lists.group_of(asked)
    drawn = rng.permutation(len(lists.groups) - 1)
    met = np.cumsum(np.bincount(group, minlength=len(drawn))[drawn])
    few = drawn[: int(np.searchsorted(met, TRIED)) + 1]
    known = np.isin(group, few)
    probes, candidates = PROBES, max(CANDIDATES, 2 * k)
    for tried in range(DOUBLINGS + 1):
        squared = join(vectors, lists, k, probes=probes, candidates=candidates, threads=threads, only=few)[1]
        if (squared[asked[known]] <= bar[known]).mean() >= enough or tried == DOUBLINGS:
            break
        probes *= 2
        if not lists.exact:  # else scores are true but for rounding, and a wider search needs no more to choose from
            candidates = max(candidates, 2 * probes)
    ids, squared = join(vectors, lists, k, probes=probes, candidates=candidates, threads=threads)
    # By distance, not by id: of rows equally far, either is right.
    return ids, squared, float((squared[asked] <= bar).mean())


def _all_rows(
    vectors: Vectors, ids: NDArray[np.int32], squared: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Neighbours among distinct rows -> among all rows, ``k`` wide."""
    n = len(vectors.group)
    members = np.argsort(vectors.group, kind="stable").astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(np.bincount(vectors.group, minlength=len(vectors)))])
    out_ids, out_squared = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    expand(ids, squared, vectors.group, members, starts, out_ids, out_squared)
    return out_ids, out_squared
