"""One streamed read of N x K probabilities: what every label method needs of a row.

In: label codes and probabilities (array or memory map). Out: `Scan`, N x 5 at most.
Does not know: what a label issue is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOP = 5
BLOCK = 1 << 19  # probabilities a block: small enough for the cache, and the same whatever the machine


@dataclass(frozen=True)
class Scan:
    """``m`` = min(5, K). Rows that hold a NaN have classes -1, NaN probabilities and ``analyzed`` False.

    classes    (N, m) int32, largest probability first; ties by the lower class number
    probs      (N, m) floating, their probabilities
    given      (N,) floating, probability of the given label; NaN where unlabelled
    analyzed   (N,) bool
    """

    n_classes: int
    classes: NDArray[np.int32]
    probs: NDArray[np.floating[Any]]
    given: NDArray[np.floating[Any]]
    analyzed: NDArray[np.bool_]

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
    """Read ``pred_probs`` (N, K) once, in blocks. float64 stays float64, any other type is read as float32.

    Cost: O(N K) time, O(N) memory.
    """
    n_rows, n_classes = pred_probs.shape
    dtype: Any = np.float64 if pred_probs.dtype == np.float64 else np.float32
    classes = np.empty((n_rows, min(TOP, n_classes)), np.int32)
    probs = np.empty(classes.shape, dtype)
    given = np.full(n_rows, np.nan, dtype)
    for rows in row_blocks(n_rows, n_classes):
        block = np.array(pred_probs[rows], dtype)  # a copy: `_largest` writes into it
        known = np.flatnonzero(labels[rows] >= 0)
        given[rows.start + known] = block[known, labels[rows][known]]
        _largest(block, classes[rows], probs[rows])
    analyzed = ~np.isnan(probs[:, 0])  # argmax finds a NaN first
    classes[~analyzed], probs[~analyzed], given[~analyzed] = -1, np.nan, np.nan
    return Scan(n_classes, classes, probs, given, analyzed)


def _largest(block: NDArray[Any], classes: NDArray[np.int32], probs: NDArray[Any]) -> None:
    """Fill the largest probabilities of each row by repeated argmax: for five of K that beats any partition."""
    rows = np.arange(len(block))
    for place in range(classes.shape[1]):
        best = block.argmax(1)
        classes[:, place] = best
        probs[:, place] = block[rows, best]
        block[rows, best] = -np.inf
