"""Groups of rows whose nearest neighbours are almost all in the same group: copies, and groups of foreign rows.

In: the neighbour graph, labels. Out: a group number a row. Does not know: vectors, what makes a row foreign.

A foreign row among forty of its kind has near neighbours, so its distance to them does not show that it is foreign. Therefore
the distances of rows of such a group are measured to rows outside the group.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

CLOSED = 0.95  # share of the nearest neighbours that lie inside
MINORITY = 0.05  # of all rows, in groups larger than a neighbourhood; more, and groups are how this dataset is made
PIECE = 0.1  # of a class: so large a group of its rows is a way to belong to it
BLOCK = 8_192


def closed_groups(ids: NDArray[np.int32], labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """(N,) number of the closed group a row belongs to, -1 = none.

    Groups are the connected parts of the graph of mutual neighbours. One is closed where at least 95 % of its members'
    nearest neighbours (as many as it has other members, at most k) are members. Left out: groups that are a
    tenth of their class or more, and all groups larger than k where together they hold over 5 % of the rows.

    Parameters
    ----------
    ids : (N, k) int32, nearest first, -1 = none. labels : (N,) codes, -1 = unlabelled.

    Cost: O(N k^2), blocked.
    """
    n, k = ids.shape
    none = np.full(n, -1, np.int32)
    if n == 0 or k == 0:
        return none
    sources, targets = [], []
    for start in range(0, n, BLOCK):
        near = np.asarray(ids[start : start + BLOCK])
        own = np.arange(start, start + len(near), dtype=np.int32)
        mutual = (near >= 0) & (np.asarray(ids[np.maximum(near, 0)]) == own[:, None, None]).any(2)
        at, slot = np.nonzero(mutual)
        sources.append(own[at])
        targets.append(near[at, slot])
    source, target = np.concatenate(sources), np.concatenate(targets)
    graph = coo_array((np.ones(len(source), bool), (source, target)), (n, n))
    _, part = connected_components(graph, directed=False)
    size = np.bincount(part)
    inside, asked = np.zeros(len(size), np.int64), np.zeros(len(size), np.int64)
    for start in range(0, n, BLOCK):
        near = np.asarray(ids[start : start + BLOCK])
        own = part[start : start + len(near)]
        counted = (near >= 0) & (np.arange(k) < size[own][:, None] - 1)
        inside += np.bincount(own, (counted & (part[np.maximum(near, 0)] == own[:, None])).sum(1), len(size)).astype(
            int
        )
        asked += np.bincount(own, counted.sum(1), len(size)).astype(int)
    closed = (size > 1) & (size < n / 2) & (inside >= CLOSED * asked)
    closed &= ~_class_bodies(part, labels)
    large = closed & (size > k)
    if size[large].sum() > MINORITY * n:
        closed &= ~large
    number = np.where(closed, np.cumsum(closed) - 1, -1).astype(np.int32)
    return number[part]


def _class_bodies(part: NDArray[np.int32], labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """The parts that are a good piece of some class: half of their labelled rows or more belong to such classes."""
    body = np.zeros(int(part.max()) + 1, bool)
    rows = np.flatnonzero(labels >= 0)
    if not len(rows):
        return body
    pair = part[rows].astype(np.int64) * (int(labels.max()) + 1) + labels[rows]
    _, first, count = np.unique(pair, return_index=True, return_counts=True)
    whole = np.bincount(labels[rows])[labels[rows[first]]]
    where = part[rows[first]]
    at_home = np.bincount(where, np.where(count >= PIECE * whole, count, 0), len(body))
    return np.asarray((at_home > 0) & (2 * at_home >= np.bincount(where, count, len(body))))
