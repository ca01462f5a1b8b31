"""Stratified folds that never split a group of duplicates.

In: class codes, group numbers. Out: a fold a row. Does not know: vectors, models.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def make_folds(
    labels: NDArray[np.int32], groups: NDArray[np.int64], *, n_folds: int = 5, seed: int = 0
) -> NDArray[np.int8]:
    """Assign labelled rows to folds 0 .. n_folds - 1; unlabelled rows (-1) get -1.

    ``groups``: int64 (N,), rows of one group (>= 0) stay together, -1 = alone. Each class is dealt round-robin in a shuffled
    order, so that every fold holds its share of it; a class with fewer rows than folds is absent from some folds. A group
    goes with its first labelled row and counts in full: groups are dealt largest first. Cost: O(N log N).
    """
    folds = np.full(len(labels), -1, np.int8)
    rows = np.flatnonzero(labels >= 0)
    if not len(rows):
        return folds
    rng = np.random.default_rng([seed, 21])
    alone = int(groups.max()) + 1 + np.arange(len(rows))
    key = np.where(groups[rows] >= 0, groups[rows], alone)
    _, first, unit, size = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    unit_class = labels[rows[first]]
    order = rng.permutation(len(first))
    # large groups first, classes together, else shuffled
    order = order[np.lexsort((-size[order], unit_class[order]))]
    unit_fold = np.empty(len(first), np.int8)
    load = np.zeros(n_folds, np.int64)
    start = 0
    while start < len(order):
        stop = start + int(np.searchsorted(unit_class[order[start:]], unit_class[order[start]], side="right"))
        members = order[start:stop]
        big = members[size[members] > 1]
        in_class = np.zeros(n_folds, np.int64)
        for unit_number in big:
            fold = int(np.lexsort((load, in_class))[0])
            unit_fold[unit_number] = fold
            in_class[fold] += size[unit_number]
            load[fold] += size[unit_number]
        small = members[size[members] == 1]
        counts = _even_counts(in_class, load, len(small))
        unit_fold[small] = np.repeat(np.arange(n_folds, dtype=np.int8), counts)
        load += counts
        start = stop
    folds[rows] = unit_fold[unit]
    return folds


def _even_counts(in_class: NDArray[np.int64], load: NDArray[np.int64], left: int) -> NDArray[np.int64]:
    """How many single rows of a class each fold takes, so that the class, then the folds, come out even."""
    low, high = int(in_class.min()), int(in_class.max()) + left
    while low < high:  # the highest level that the rows can fill all folds up to
        level = (low + high + 1) // 2
        if int(np.maximum(level - in_class, 0).sum()) <= left:
            low = level
        else:
            high = level - 1
    counts = np.maximum(low - in_class, 0)
    rest = left - int(counts.sum())  # fewer than there are folds at this level
    counts[np.lexsort((load + counts, in_class + counts))[:rest]] += 1
    return counts


def alone_in_fold(labels: NDArray[np.int32], folds: NDArray[np.int8], n_classes: int) -> NDArray[np.bool_]:
    """(N,) labelled rows whose class lies in their own fold altogether: one row, or copies of one.

    A model that has not seen the fold knows nothing of such a class, so it can say nothing for or against its label.
    Cost: O(N).
    """
    alone = np.zeros(len(labels), bool)
    rows = np.flatnonzero((labels >= 0) & (folds >= 0))
    if len(rows):
        counts = np.zeros((int(folds.max()) + 1, n_classes), np.int64)
        np.add.at(counts, (folds[rows], labels[rows]), 1)
        alone[rows] = counts[folds[rows], labels[rows]] == counts.sum(0)[labels[rows]]
    return alone
