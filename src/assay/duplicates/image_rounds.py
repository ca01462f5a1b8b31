"""Pairs that proven copies make plausible: the rest of a family of copies.

In: proven pairs, tried pairs, the embedding's neighbour graph. Out: pairs of row numbers not yet tried.
Does not know: pictures, how a copy is proven.

Of sixteen turned and shifted pictures of one original the first candidates join a few here and a few there. What is near a
member of a family is then worth a look, whether or not it stands out among its neighbours: they all are copies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["ROUNDS", "next_candidates"]

ROUNDS = 5  # at most, the first included; most datasets have nothing after the second
FAMILY = 3  # members from which what is near them is looked at: two copies of a picture are no sign of more
AT_LEAST, A_ROW, AT_MOST = 2_000, 0.5, 20_000  # pairs a round


def next_candidates(proven: NDArray[np.int64], tried: NDArray[np.int64], ids: NDArray[np.int32]) -> NDArray[np.int64]:
    """Members of a family against its best connected one, and families against their neighbours.

    Parameters
    ----------
    proven, tried : (P, 2), (M, 2) row numbers, first < second. Families are the connected components of proven pairs.
    ids : (N, k) neighbours, nearest first; -1 = none.

    Returns
    -------
    (Q, 2) int64, first < second, sorted, none of them tried. At most 2,000 and half the rows, never more than 20,000.

    Notes
    -----
    Between two families, or a family and a row, the nearest pair and the pair of their best connected members are taken:
    one success joins them. Cost: O(N k log N), next to nothing where no family has three members.
    """
    none = np.zeros((0, 2), np.int64)
    n = len(ids)
    if not len(proven) or not n:
        return none
    ones = np.ones(len(proven), np.int8)
    _, family = connected_components(coo_array((ones, (proven[:, 0], proven[:, 1])), shape=(n, n)), directed=False)
    size = np.bincount(family)[family]
    if size.max() < FAMILY:
        return none
    degree = np.bincount(proven.ravel(), minlength=n)
    order = np.lexsort((np.arange(n), -degree, family))
    best = order[np.r_[True, np.diff(family[order]) > 0]]  # (families,)
    members = np.flatnonzero(size >= FAMILY)
    within = np.stack([best[family[members]], members], 1)

    row, column = np.nonzero(ids >= 0)
    other = ids[row, column].astype(np.int64)
    across = (family[row] != family[other]) & (np.maximum(size[row], size[other]) >= FAMILY)
    row, other, column = row[across], other[across], column[across]
    nearest_first = np.argsort(column, kind="stable")
    row, other = row[nearest_first], other[nearest_first]
    ends = np.sort(np.stack([family[row], family[other]], 1), axis=1)
    first = np.sort(np.unique(ends, axis=0, return_index=True)[1])
    near = np.stack([row[first], other[first]], 1)
    tops = np.stack([best[family[row[first]]], best[family[other[first]]]], 1)
    meeting = np.stack([near, tops], 1).reshape(-1, 2)

    pairs = np.sort(np.concatenate([within, meeting]), axis=1)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    key = pairs[:, 0] * n + pairs[:, 1]
    first = np.sort(np.unique(key, return_index=True)[1])
    new = first[~np.isin(key[first], tried[:, 0] * n + tried[:, 1])]
    chosen = pairs[new[: min(AT_LEAST + int(A_ROW * n), AT_MOST)]]
    return chosen[np.lexsort((chosen[:, 1], chosen[:, 0]))]
