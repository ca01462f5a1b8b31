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
TOLERANCE = 1e-6
SUM_TOLERANCE = 0.01
BLOCK = 1 << 19  # probabilities a block: small enough for the cache, and the same whatever the machine


@dataclass(frozen=True)
class Scan:
    """``m`` = min(5, K). Rows that hold a NaN have classes -1, NaN probabilities and ``analyzed`` False.

    classes    (N, m) int32, largest probability first; ties by the lower class number
    probs      (N, m) floating, their probabilities
    given      (N,) floating, probability of the given label; NaN where unlabelled
    analyzed   (N,) bool
    proper     (N,) bool, all values in 0..1 (give or take `TOLERANCE`), together 1 (`SUM_TOLERANCE`)
    """

    n_classes: int
    classes: NDArray[np.int32]
    probs: NDArray[np.floating[Any]]
    given: NDArray[np.floating[Any]]
    analyzed: NDArray[np.bool_]
    proper: NDArray[np.bool_]

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


def rows_by_class(codes: NDArray[np.int32], n_classes: int) -> list[NDArray[np.int64]]:
    """The rows of each class in ascending order; rows of no class (-1) are in none."""
    small = codes.astype(np.int16) if n_classes < 1 << 15 else codes  # numpy sorts 16 bits by radix
    order = np.argsort(small, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(n_classes + 1))
    return [order[start:stop] for start, stop in pairwise(bounds.tolist())]


def scan(labels: NDArray[np.int32], pred_probs: NDArray[Any]) -> Scan:
    """Read ``pred_probs`` (N, K) once, in blocks. float64 stays float64, any other type is read as float32.

    Cost: O(N K) time, O(N) memory.
    """
    from assay.issues.kernels import largest  # the compiler has no place in the start of a run

    n_rows, n_classes = pred_probs.shape
    dtype: Any = np.float64 if pred_probs.dtype == np.float64 else np.float32
    classes = np.empty((n_rows, min(TOP, n_classes)), np.int32)
    probs = np.empty(classes.shape, dtype)
    given = np.full(n_rows, np.nan, dtype)
    proper = np.empty(n_rows, np.bool_)
    pred_probs = np.asarray(pred_probs)  # of a memory map the same pages, without the cost of its slices
    for rows in row_blocks(n_rows, n_classes):
        block = np.ascontiguousarray(pred_probs[rows], dtype).view()  # no copy of what is so already
        block.flags.writeable = False  # one type for arrays and read-only maps: one compilation
        bits = block.view(np.int64 if dtype is np.float64 else np.int32)
        parts = (classes[rows], probs[rows], given[rows], proper[rows])
        largest(block, bits, labels[rows], TOLERANCE, SUM_TOLERANCE, *parts)
    analyzed = ~np.isnan(probs[:, 0])
    classes[~analyzed], probs[~analyzed], given[~analyzed] = -1, np.nan, np.nan
    return Scan(n_classes, classes, probs, given, analyzed, proper)
