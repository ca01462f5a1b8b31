"""One streamed read of N x K probabilities: what every label method needs of a row.

In: label codes and probabilities (array or memory map). Out: `Scan`, N x 5 at most.
Does not know: what a label issue is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOP = 5
BLOCK = 1 << 19  # probabilities a block: small enough for the cache, and the same whatever the machine
ABSENT = 2.0  # confident threshold of a class that no row carries: above every probability
LOWEST_THRESHOLD = 2e-6
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Scan:
    """``m`` = min(5, K). Rows that hold a NaN have classes -1, NaN probabilities and ``analyzed`` False.

    classes    (N, m) int32, largest probability first; ties by the lower class number
    probs      (N, m) floating, their probabilities
    given      (N,) floating, probability of the given label; NaN where unlabelled
    confident  (N,) int32, the class the row confidently belongs to (confident learning); -1 = none
    analyzed   (N,) bool
    """

    n_classes: int
    classes: NDArray[np.int32]
    probs: NDArray[np.floating[Any]]
    given: NDArray[np.floating[Any]]
    confident: NDArray[np.int32]
    analyzed: NDArray[np.bool_]
    thresholds: NDArray[np.floating[Any]]

    def margin(self, labels: NDArray[np.int32]) -> NDArray[np.floating[Any]]:
        """(N,) (p_given - largest other + 1) / 2, in the type of the probabilities; NaN where unlabelled."""
        return (self.given - self.other(labels)[1] + 1) / 2

    def other(self, labels: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.floating[Any]]]:
        """The most probable class that is not the given one, and its probability (-1 and 0 where K = 1)."""
        if self.n_classes == 1:
            return np.full(len(labels), -1, np.int32), np.zeros(len(labels), self.probs.dtype)
        second = self.classes[:, 0] == labels
        return (
            np.where(second, self.classes[:, 1], self.classes[:, 0]),
            np.where(second, self.probs[:, 1], self.probs[:, 0]),
        )


def row_blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Slices of about `BLOCK` cells; their bounds depend on the shape alone."""
    size = max(1, BLOCK // max(n_columns, 1))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def scan(labels: NDArray[np.int32], pred_probs: NDArray[Any]) -> Scan:
    """Read ``pred_probs`` (N, K) twice in blocks: the given label's probability, then everything else.

    float64 stays float64, any other type is read as float32. Cost: O(N K) time, O(N) memory.
    Thresholds and confident classes: Northcutt, Jiang, Chuang, "Confident Learning", JAIR 2021.
    """
    n_rows, n_classes = pred_probs.shape
    dtype = np.float64 if pred_probs.dtype == np.float64 else np.float32
    m = min(TOP, n_classes)
    given = _given_probability(labels, pred_probs, dtype)
    thresholds = confident_thresholds(labels, given, n_classes)
    bar = thresholds - TOLERANCE
    classes = np.empty((n_rows, m), np.int32)
    probs = np.empty((n_rows, m), dtype)
    confident = np.empty(n_rows, np.int32)
    for rows in row_blocks(n_rows, n_classes):
        block = np.array(pred_probs[rows], dtype)  # a copy: `_largest` writes into it
        sure = block >= bar
        _largest(block, classes[rows], probs[rows])
        first = sure.argmax(1)
        count = sure.sum(1, dtype=np.int32)
        confident[rows] = np.where(count > 1, classes[rows, 0], np.where(count == 1, first, -1))
    analyzed = ~np.isnan(probs[:, 0])
    for array, absent in ((classes, -1), (probs, np.nan), (confident, -1), (given, np.nan)):
        array[~analyzed] = absent
    return Scan(n_classes, classes, probs, given, confident, analyzed, thresholds)


def _given_probability(labels: NDArray[np.int32], pred_probs: NDArray[Any], dtype: type) -> NDArray[Any]:
    given = np.full(len(labels), np.nan, dtype)
    for rows in row_blocks(*pred_probs.shape):
        local = np.flatnonzero(labels[rows] >= 0)
        given[rows.start + local] = np.asarray(pred_probs[rows])[local, labels[rows][local]]
    return given


def confident_thresholds(
    labels: NDArray[np.int32], given: NDArray[np.floating[Any]], n_classes: int
) -> NDArray[np.floating[Any]]:
    """(K,) mean self-confidence of the rows of each class; `ABSENT` where there is none. NaN rows are left out."""
    known = np.flatnonzero((labels >= 0) & ~np.isnan(given))
    ordered = known[np.argsort(labels[known], kind="stable")]
    bounds = np.searchsorted(labels[ordered], np.arange(n_classes + 1))
    value = given[ordered]
    # a plain 2 among float32 means makes the array float64, which is what the comparison then happens in
    means = [np.mean(value[start:stop]) if stop > start else int(ABSENT) for start, stop in pairwise(bounds)]
    return np.asarray(np.clip(means, LOWEST_THRESHOLD, None))


def _largest(block: NDArray[Any], classes: NDArray[np.int32], probs: NDArray[Any]) -> None:
    """Fill the largest probabilities of each row by repeated argmax: for five of K that beats any partition."""
    rows = np.arange(len(block))
    for place in range(classes.shape[1]):
        best = block.argmax(1)
        classes[:, place] = best
        probs[:, place] = block[rows, best]
        block[rows, best] = -np.inf
