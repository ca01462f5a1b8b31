"""cleanlab's label filters by name, the same rows flagged, ties included.

In: label codes, probabilities (array or memory map), their `Scan`. Out: a flag a row.
Does not know: Assay's own method, class names.

Source: Northcutt, Jiang, Chuang, "Confident Learning", JAIR 2021, and `cleanlab.filter.find_label_issues` 2.9. Where
rows tie, cleanlab's answer depends on the order of its floating-point operations and of numpy's argsort; both are reproduced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.issues.scan import TOLERANCE, Scan, row_blocks, rows_by_class

LOWEST_THRESHOLD = 2 * TOLERANCE
ABSENT = 2  # threshold of a class that no row carries: above every probability
TINY = 1e-100
GATHER = 1 << 26  # probabilities of one class held at once
CLEAR = 1e-5  # p_other - p_given above this: the row disagrees, whatever rounding does

Flags = NDArray[np.bool_]
Codes = NDArray[np.int32]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class _Problem:
    labels: Codes
    pred_probs: NDArray[Any]
    seen: Scan

    @cached_property
    def by_class(self) -> list[NDArray[np.int64]]:
        return rows_by_class(self.labels, self.seen.n_classes)


def filter_issues(labels: Codes, pred_probs: NDArray[Any], seen: Scan, method: str) -> Flags:
    """(N,) the rows that ``cleanlab.filter.find_label_issues(filter_by=method)`` flags; unlabelled rows are never in.

    Cost: another look at the rows with more than five classes above the lowest threshold; the prune filters read the
    rows that disagree once more, and sort those of each pair of classes that the joint says are mixed up: up to
    O(K N log N). Memory O(N + K^2).
    """
    return FILTERS[method](_Problem(labels, pred_probs, seen))


def quality(labels: Codes, seen: Scan, method: str) -> Floats:
    """(N,) the score of `cleanlab.rank` that goes with the filter, 1 = good: the margin, or else self-confidence."""
    return seen.margin(labels) if method == "low_normalized_margin" else seen.given


# the filters -------------------------------------------------------------------------------------------------


def _disagrees(problem: _Problem) -> Flags:
    """Rows whose given label is not the argmax, even with a hair added to its probability."""
    labels, seen = problem.labels, problem.seen
    other, largest = seen.other(labels)
    raised = seen.given + TOLERANCE
    wins = (raised > largest) | ((raised == largest) & (labels < other))
    return (labels >= 0) & ~wins & (other >= 0)


def _confident_learning(problem: _Problem) -> Flags:
    """Off the diagonal of the confident joint."""
    confident = confident_classes(problem)
    return (confident >= 0) & (confident != problem.labels) & _disagrees(problem)


def _predicted_neq_given(problem: _Problem) -> Flags:
    return (problem.seen.classes[:, 0] != problem.labels) & _disagrees(problem)


def _lowest(problem: _Problem, method: str) -> Flags:
    """As many rows of lowest quality as confident learning finds errors."""
    rows = np.flatnonzero(problem.labels >= 0)
    count = int(_confident_learning(problem).sum())
    out = np.zeros(len(problem.labels), bool)
    out[rows[np.argsort(quality(problem.labels, problem.seen, method)[rows])[:count]]] = True
    return out


def _low_self_confidence(problem: _Problem) -> Flags:
    return _lowest(problem, "low_self_confidence")


def _low_normalized_margin(problem: _Problem) -> Flags:
    return _lowest(problem, "low_normalized_margin")


def _prune_by_class(problem: _Problem) -> Flags:
    """Of each class, the rows of lowest self-confidence, as many as the joint says are wrong."""
    keep = np.diagonal(_prune_counts(problem))
    out = np.zeros(len(problem.labels), bool)
    for code, rows in enumerate(problem.by_class):
        count = len(rows) - int(keep[code])
        if len(rows) > 1 and count >= 1:
            out[rows[np.argsort(problem.seen.given[rows])[:count]]] = True
    return out & _disagrees(problem)


def _prune_by_noise_rate(problem: _Problem) -> Flags:
    """Of each pair (given, true), the rows of largest p_true - p_given, as many as the joint holds."""
    counts = _prune_counts(problem)  # [true, given]
    disagrees = _disagrees(problem)
    pred_probs = np.asarray(problem.pred_probs)
    out = np.zeros(len(problem.labels), bool)
    for code, rows in enumerate(problem.by_class):
        off = rows[disagrees[rows]]
        if len(rows) <= 1 or not len(off):
            continue
        mixed = np.flatnonzero(counts[:, code] > 0)
        mixed = mixed[mixed != code]
        step = max(1, GATHER // len(rows))
        for start in range(0, len(mixed), step):
            columns = mixed[start : start + step]
            wanted = counts[columns, code]
            found, settled = _clearly_largest(_gaps(pred_probs, problem.seen, off, columns), wanted)
            out[off[found]] = True
            for column, count in zip(columns[~settled], wanted[~settled], strict=True):
                order = np.argsort(-_gaps(pred_probs, problem.seen, rows, column[None])[0])
                out[rows[order[:count]]] = True
    return out & disagrees


def _gaps(pred_probs: NDArray[Any], seen: Scan, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Floats:
    """(columns, rows) p_other - p_given."""
    given = seen.given[rows]
    block = np.asarray(pred_probs[rows[:, None], columns[None]], given.dtype)
    return np.ascontiguousarray((block - given[:, None]).T)


def _clearly_largest(gaps: Floats, wanted: NDArray[np.int64]) -> tuple[Flags, Flags]:
    """Of the rows that disagree, those among the ``wanted`` largest gaps of a column; and the columns this settles.

    Where so many gaps are `CLEAR` and none ties with the last, no row that agrees and no order of sorting has a say.
    """
    n = gaps.shape[1]
    last = np.sort(gaps, axis=1)[np.arange(len(gaps)), np.maximum(n - wanted, 0)]
    inside = gaps >= last[:, None]
    settled = (wanted <= n) & (last > CLEAR) & (inside.sum(1) == wanted)
    return inside[settled].any(0), settled


def _both(problem: _Problem) -> Flags:
    return _prune_by_class(problem) & _prune_by_noise_rate(problem)


FILTERS: dict[str, Callable[[_Problem], Flags]] = {
    "prune_by_noise_rate": _prune_by_noise_rate,
    "prune_by_class": _prune_by_class,
    "both": _both,
    "confident_learning": _confident_learning,
    "predicted_neq_given": _predicted_neq_given,
    "low_normalized_margin": _low_normalized_margin,
    "low_self_confidence": _low_self_confidence,
}


# confident learning ------------------------------------------------------------------------------------------


def confident_classes(problem: _Problem) -> Codes:
    """(N,) the class that each row confidently belongs to: the largest of those above their threshold; -1 = none."""
    bar = _thresholds(problem) - TOLERANCE
    seen = problem.seen
    # what no row's five largest can tell: rows whose fifth still reaches some threshold
    unclear = ~seen.analyzed
    if seen.n_classes > seen.probs.shape[1]:
        unclear = unclear | (seen.probs[:, -1] >= bar.min())
    sure = seen.probs >= bar[seen.classes]
    at = np.arange(len(sure))
    out = _confident(sure, seen.classes[at, sure.argmax(1)], seen.classes[:, 0])
    rest = np.flatnonzero(unclear)
    pred_probs = np.asarray(problem.pred_probs)
    for part in row_blocks(len(rest), seen.n_classes):
        rows = rest[part]
        sure = np.asarray(pred_probs[rows], seen.given.dtype) >= bar
        out[rows] = _confident(sure, sure.argmax(1), seen.classes[rows, 0])
    return out


def _confident(sure: Flags, first: NDArray[Any], largest: Codes) -> Codes:
    count = sure.sum(1, dtype=np.int32)
    return np.where(count > 1, largest, np.where(count == 1, first, -1)).astype(np.int32)


def _thresholds(problem: _Problem) -> Floats:
    """(K,) mean self-confidence of the rows of each class."""
    value = problem.seen.given
    # a plain 2 among float32 means makes the array float64, and that is what the comparison then happens in
    means = [np.mean(value[rows]) if len(rows) else ABSENT for rows in problem.by_class]
    return np.asarray(np.clip(means, LOWEST_THRESHOLD, None))


def _prune_counts(problem: _Problem) -> NDArray[np.int64]:
    """(K, K) rows of [true, given] to remove; the diagonal (rows to keep) is at least 1."""
    joint = _confident_joint(problem).T
    keep = np.maximum(np.diagonal(joint), 1)
    raised = keep - np.diagonal(joint)
    others = np.maximum(np.count_nonzero(joint, axis=0) - 1.0, 1.0)
    counts = joint - raised / others
    counts[counts < 0] = 0
    np.fill_diagonal(counts, keep)
    return _round_rows(counts.astype(np.int64))


def _confident_joint(problem: _Problem) -> NDArray[np.int64]:
    """(K, K) estimated rows of [given, true]: confident counts scaled to the class counts, rounded."""
    labels, size = problem.labels, problem.seen.n_classes
    confident = confident_classes(problem)
    sure = (confident >= 0) & (labels >= 0)
    keys = confident[sure].astype(np.int64) * size + labels[sure]
    counted = np.bincount(keys, minlength=size * size).reshape(size, size).T
    np.fill_diagonal(counted, counted.diagonal().clip(min=1))
    class_counts = np.bincount(labels[labels >= 0], minlength=size)
    scaled = (counted.T / np.clip(counted.sum(axis=1), TINY, None) * class_counts).T
    scaled = scaled / np.clip(np.sum(scaled), TINY, None) * class_counts.sum()
    return _round_rows(scaled)


def _round_rows(matrix: NDArray[Any]) -> NDArray[np.int64]:
    """Round to integers so that each row keeps its total: the entries that rounding moved furthest give way."""
    matrix = np.ascontiguousarray(matrix, np.float64)  # each row then sums as it would alone, to the last bit
    out = np.round(matrix)
    totals = matrix.sum(1).round()
    for row in np.flatnonzero(np.abs(out.sum(1).round() - totals) > TOLERANCE):
        values, rounded, total = matrix[row], out[row], totals[row]
        missing = total - np.sum(rounded).round()
        while abs(missing) > TOLERANCE:
            step = 1 if missing > 0 else -1
            furthest = np.argsort(values - rounded)[::-step][: min(int(abs(missing)), len(values))]
            rounded[furthest] += step
            missing = total - np.sum(rounded).round()
    return out.astype(np.int64)
