"""Copies of the same thing: what a verified pair is, and how pairs and equal keys become clusters.

In: keys that are equal for exact copies; pairs that some evidence has verified. Out: one cluster number a row.
Does not know: how the pairs were found, or what the rows are.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Clusters", "Pairs", "cluster", "exact_groups", "make_pairs"]

EXACT = "exact"


@dataclass(frozen=True)
class Pairs:
    """Verified pairs, each once, ``row_a < row_b``."""

    row_a: NDArray[np.int64]  # (M,)
    row_b: NDArray[np.int64]  # (M,)
    similarity: NDArray[np.float32]  # (M,) 0..1
    kind: NDArray[Any]  # (M,) object: "near", "mirror", "rotated", "crop", "typo" ...


@dataclass(frozen=True)
class Clusters:
    """One entry a row."""

    id: NDArray[np.int64]  # (N,) from 0, numbered by first member; -1 = in no cluster
    score: NDArray[np.float32]  # (N,) similarity to the closest member; exact = 1; NaN = in no cluster
    kind: NDArray[Any]  # (N,) object: "exact", the kind of the closest pair, or None
    exact: NDArray[np.bool_]  # (N,) an exact copy of another row
    surplus: NDArray[np.int64] | None = (
        None  # (N,) group of exact copies of which one would do; -1 = none; None = unknown
    )


def make_pairs(found: Sequence[tuple[int, int, float, str]]) -> Pairs:
    """``Pairs`` from (row, row, similarity, kind), either row first; of two entries for a pair the closer one stays."""
    best: dict[tuple[int, int], tuple[float, str]] = {}
    for one, two, similarity, kind in found:
        rows = (min(one, two), max(one, two))
        if rows[0] != rows[1] and (rows not in best or best[rows][0] < similarity):
            best[rows] = (similarity, kind)
    ordered = sorted(best.items())
    return Pairs(
        np.array([rows[0] for rows, _ in ordered], np.int64),
        np.array([rows[1] for rows, _ in ordered], np.int64),
        np.array([similarity for _, (similarity, _) in ordered], np.float32),
        np.array([kind for _, (_, kind) in ordered], object),
    )


def exact_groups(keys: Sequence[str | None]) -> NDArray[np.int64]:
    """(N,) group number of rows with equal keys, from 0 in the order of first members; -1 = alone or without a key."""
    first: dict[str, int] = {}
    leader = np.array([-1 if key is None else first.setdefault(key, row) for row, key in enumerate(keys)], np.int64)
    return _number(leader)


def _number(leader: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leader rows -> numbers from 0 by first member; leaders with one member only, and -1, become -1."""
    group = np.full(len(leader), -1, np.int64)
    inside = np.flatnonzero(leader >= 0)
    _, first, inverse, count = np.unique(leader[inside], return_index=True, return_inverse=True, return_counts=True)
    kept = np.flatnonzero(count > 1)
    number = np.full(len(count), -1, np.int64)
    number[kept[np.argsort(first[kept], kind="stable")]] = np.arange(len(kept))
    group[inside] = number[inverse]
    return group


def cluster(n: int, exact: NDArray[np.int64], pairs: Pairs) -> Clusters:
    """Clusters of exact copies and verified pairs that do not chain.

    Exact copies count as one node. The node with the most verified partners left represents its cluster; its partners
    join, and so does a node that was verified against more than half of the members. So a row is in a cluster because
    it is a copy of the cluster's representative or of most members, never because of a chain of small steps.

    Parameters
    ----------
    n : number of rows.
    exact : (n,) int64 group numbers of `exact_groups`.
    pairs : M verified pairs.

    Returns
    -------
    Clusters

    Notes
    -----
    Cost: O(n + M log M).
    """
    node = np.arange(n)
    grouped = np.flatnonzero(exact >= 0)
    if len(grouped):
        _, first, inverse = np.unique(exact[grouped], return_index=True, return_inverse=True)
        node[grouped] = grouped[first[inverse]]
    leader = _stars(node[pairs.row_a], node[pairs.row_b], pairs.similarity)
    top = node.copy()
    for member, representative in leader.items():
        top[member] = representative
    ids = _number(top[node])

    score = np.full(n, np.nan, np.float32)
    kind = np.full(n, None, object)
    together = (ids[pairs.row_a] == ids[pairs.row_b]) & (ids[pairs.row_a] >= 0)
    for at in np.flatnonzero(together)[np.argsort(pairs.similarity[together], kind="stable")]:  # the closest comes last
        for row in (pairs.row_a[at], pairs.row_b[at]):
            score[row], kind[row] = pairs.similarity[at], pairs.kind[at]
    score[grouped], kind[grouped] = 1.0, EXACT
    return Clusters(ids, score, kind, exact >= 0)


def _stars(a: NDArray[np.int64], b: NDArray[np.int64], similarity: NDArray[np.float32]) -> dict[int, int]:
    """Node -> representative of its cluster, for the nodes that have a verified partner."""
    near: dict[int, dict[int, float]] = {}
    for one, two, how in zip(a.tolist(), b.tolist(), similarity.tolist(), strict=True):
        if one != two:
            near.setdefault(one, {})[two] = max(how, near.get(one, {}).get(two, 0.0))
            near.setdefault(two, {})[one] = near[one][two]
    leader: dict[int, int] = {}

    def urgency(x: int) -> tuple[int, float, int]:
        free = [how for y, how in near[x].items() if y not in leader]
        return -len(free), -sum(free), x

    heap = [urgency(x) for x in near]
    heapq.heapify(heap)
    while heap:
        known = heapq.heappop(heap)
        x = known[2]
        if x in leader:
            continue
        if (now := urgency(x)) != known:  # some partner has found a cluster since
            heapq.heappush(heap, now)
            continue
        members = [x, *(y for y in near[x] if y not in leader)]
        leader.update(dict.fromkeys(members, x))
        touched = {z for y in members for z in near[y] if z not in leader}
        for z in sorted(touched):
            if 2 * sum(y in near[z] for y in members) > len(members):
                leader[z] = x
    return leader
