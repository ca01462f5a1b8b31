"""The vote of a row's nearest neighbours.

In: the graph, class codes, folds. Out: float32 (n, K) probabilities for a block of rows. Does not know: vectors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEIGHBORS = 10


def vote(
    near: NDArray[np.int32],
    own: NDArray[np.int8],
    labels: NDArray[np.int32],
    folds: NDArray[np.int8],
    prior: NDArray[np.float32],
    voters: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Share of each class among rows' neighbours of other folds (at most 10), one pseudo-vote by ``prior``.

    Parameters
    ----------
    near : (n, k) neighbours, nearest first, -1 = none. own : (n,) the rows' own folds, -1 for rows that were not there.
    labels, folds, voters : (N,) of those that may be neighbours. prior : (K,) shares of the classes.

    Neighbours of the row's own fold do not vote: its duplicates are all there, so none of them leaks its label.
    Unlabelled neighbours (fold -1) do not vote, nor those outside ``voters``. Cost: O(n (k + K)).
    """
    near = np.asarray(near)
    safe = np.maximum(near, 0)
    counts = (near >= 0) & (folds[safe] >= 0) & (folds[safe] != own[:, None])
    if voters is not None:
        counts &= voters[safe]
    counts &= np.cumsum(counts, 1) <= NEIGHBORS
    votes = np.repeat(prior[None], len(near), 0).astype(np.float32)
    at, slot = np.nonzero(counts)
    np.add.at(votes, (at, labels[near[at, slot]]), np.float32(1))
    return votes / votes.sum(1, keepdims=True)
