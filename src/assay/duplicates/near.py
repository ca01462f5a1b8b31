"""Near duplicates by embeddings alone.

In: one vector a row. Out: the columns of kind "duplicate". Does not know: pictures, texts or cells, so it cannot prove a
copy; an analysis of the data itself compares pixels or letters.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.columns import ROW_ID
from assay.duplicates import Pairs, cluster, exact_groups, make_pairs
from assay.errors import UsageError
from assay.graph import check_search, distinct_neighbors
from assay.graph.vectors import Vectors, check_embeddings, make_vectors

THRESHOLD = 0.25  # chosen on digits (see `near_duplicates`)
SIMILAR = 0.95  # least cosine similarity of a pair
SPREAD = 0.3  # largest Euclidean distance of a pair, of the root mean squared distance to the centre
BY_CHANCE = 1e-3  # neighbours expected so near by the density around a row; what matters in few dimensions
CROWDED = 0.1  # a row among many copies has no usual neighbour; its scale is at least this share of the common one
NEAR = "near"


def near_duplicates(
    embeddings: Any,
    *,
    threshold: float = THRESHOLD,
    k: int = 15,
    metric: str = "cosine",
    threads: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Rows that are far closer to each other than rows of this dataset usually are.

    A pair is near where its distance is at most ``threshold`` times the distance from each of the two to its own ``k``-th
    nearest distinct neighbour; where that is too close for chance, given how quickly neighbours grow in number with
    distance (in two dimensions the nearest of 15 is often at a quarter of the way); and where the cosine similarity is
    at least .95, or the Euclidean distance at most .3 of the rows' root mean squared distance to their centre. Cosine
    distances are compared by their square root, which is proportional to the angle. Clusters do not chain.

    Parameters
    ----------
    embeddings : (N, d) numbers.
    threshold : 0 (only vectors at distance 0) to 1; larger flags more. .25 was chosen on scikit-learn's 1,797 digits, where
        it flags nothing. On 5,000 Fashion-MNIST pictures it flags one pair, on 6,000 small CIFAR-10 pictures none; of
        copies with noise of 5 % of a row's length it finds all, of 10 % half on Fashion-MNIST, all on CIFAR-10. Fewer
        than about ten rows hardly say what is usual: only next to nothing is near there.
    k : neighbours that say what is usual around a row.
    metric : "cosine" or "euclidean".
    threads : default all cores; the result is the same for any number.
    seed : of the approximate neighbour search above 20,000 rows.

    Returns
    -------
    DataFrame, one row a row: ``row_id`` int64; ``is_exact_duplicate`` bool (the same vector as another row);
    ``is_near_duplicate`` bool (exact ones included); ``near_duplicate_score`` float32, NaN outside clusters, 1 = exact, else the
    cosine similarity or 1 - distance / (threshold * usual distance) / 2; ``near_duplicate_cluster_id`` Int64, NA outside clusters;
    ``near_duplicate_kind`` "exact", "near" or None.

    Raises
    ------
    ArrayError : not two-dimensional numbers; NaN or infinity. UsageError : ``threshold`` outside 0..1, k below 1, an unknown metric.

    Notes
    -----
    Cost: that of `assay.neighbors`.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(100, 16))
    >>> rows[7], rows[8] = rows[3], rows[3] + 0.01
    >>> found = near_duplicates(rows)
    >>> found.loc[found.is_near_duplicate, ["row_id", "is_exact_duplicate", "near_duplicate_cluster_id"]].values.tolist()
    [[3, True, 0], [7, True, 0], [8, False, 0]]
    """
    if not 0 <= threshold <= 1:
        raise UsageError(f"threshold must be between 0 and 1, not {threshold}")
    source = check_embeddings(embeddings)
    vectors = make_vectors(source, check_search(k, metric))  # rows at distance 0 have one group
    exact = _same_vectors(source, vectors.group)
    found = cluster(len(source), exact, _pairs(vectors, exact, threshold, k, threads or os.cpu_count() or 1, seed))
    inside = found.id >= 0
    number = pd.array(found.id, "Int64")
    number[~inside] = pd.NA
    return pd.DataFrame(
        {
            ROW_ID: np.arange(len(source)),
            "is_exact_duplicate": found.exact,
            "is_near_duplicate": inside,
            "near_duplicate_score": found.score,
            "near_duplicate_cluster_id": number,
            "near_duplicate_kind": found.kind,
        }
    )


def _same_vectors(source: NDArray[Any], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups of `exact_groups`: under cosine, vectors that differ in length only have one direction but are not equal."""
    keys: list[str | None] = [None] * len(group)
    for row in np.flatnonzero(np.bincount(group, minlength=1)[group] > 1).tolist():
        keys[row] = blake2b((np.asarray(source[row]) + 0.0).tobytes(), digest_size=16).hexdigest()
    return exact_groups(keys)


def _pairs(vectors: Vectors, exact: NDArray[np.int64], threshold: float, k: int, threads: int, seed: int) -> Pairs:
    """Pairs at distance 0 that are not exact copies, and pairs of distinct rows that are far closer than usual."""
    first, group = vectors.rows, vectors.group
    leader = first[group]
    same = np.flatnonzero((leader != np.arange(len(group))) & ((exact < 0) | (exact != exact[leader])))
    found = [(int(row), int(leader[row]), 1.0, NEAR) for row in same.tolist()]
    if len(first) > 1:
        ids, squared, _ = distinct_neighbors(vectors, min(k, len(first) - 1), threads=threads, seed=seed)
        one, two, similar = _close(ids, vectors.distances(squared), vectors.metric, threshold, _spread(vectors))
        rows = zip(first[one].tolist(), first[two].tolist(), similar.tolist(), strict=True)
        found += [(row, other, how, NEAR) for row, other, how in rows]
    return make_pairs(found)


def _close(
    ids: NDArray[np.int32], distances: NDArray[np.float32], metric: str, threshold: float, spread: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Rows, their near copies and the similarity; ids and distances (N, k) have no gaps."""
    length = np.sqrt(distances.astype(np.float64)) if metric == "cosine" else distances.astype(np.float64)
    usual = length[:, -1]
    usual = np.maximum(usual, CROWDED * np.median(usual))
    k = length.shape[1]
    bound = np.sqrt(1 - SIMILAR) if metric == "cosine" else SPREAD * spread
    share = min(threshold, (BY_CHANCE / k) ** (1 / _dimension(length)))
    one, at = np.nonzero((length <= share * usual[:, None]) & (length <= bound))
    two = ids[one, at].astype(np.int64)
    apart = length[one, at]
    both = apart <= share * usual[two]
    one, two, apart = one[both], two[both], apart[both]
    scale = np.maximum(np.minimum(usual[one], usual[two]) * max(share, 1e-300), 1e-300)
    similar = 1 - apart**2 if metric == "cosine" else 1 - apart / scale / 2
    return one, two, similar.clip(0, 1)


def _dimension(length: NDArray[np.float64]) -> float:
    """Intrinsic dimension: within r of a row lie about r^dimension neighbours (Levina and Bickel, 2004; median of rows)."""
    if length.shape[1] < 3:
        return 1.0
    half, last = length.shape[1] // 2, length.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(length[:, -1:] / length[:, half:-1]).mean(1)  # the nearer half may be copies
    log = log[np.isfinite(log) & (log > 0)]
    if not len(log):
        return 1.0
    expected = np.log(last / np.arange(half + 1, last)).mean()  # of these logarithms, in one dimension
    return float(np.clip(expected / np.median(log), 1, 100))


def _spread(vectors: Vectors) -> float:
    """Root mean squared distance to the centre, in the units of the embeddings; Euclidean only."""
    if vectors.metric == "cosine":
        return 1.0
    total = sum(float((vectors.take(block).astype(np.float64) ** 2).sum()) for block in vectors.blocks())
    return float(np.sqrt(total / len(vectors)) * vectors.scale)
