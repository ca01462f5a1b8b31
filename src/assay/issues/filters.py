"""cleanlab's label filters by name, the same rows flagged, ties included, from a streamed scan.

In: label codes, probabilities (array or memory map), their `Scan`. Out: a flag a row.
Does not know: Assay's own method, class names.

Source: Northcutt, Jiang, Chuang, "Confident Learning", JAIR 2021, and `cleanlab.filter.find_label_issues` 2.9. Where
two rows tie, cleanlab's answer hangs on the order of its floating-point operations and of numpy's argsort; both are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.issues.scan import TOLERANCE, Scan

TINY = 1e-100
GATHER = 1 << 26  # probabilities of one class held at once

Flags = NDArray[np.bool_]
Codes = NDArray[np.int32]


def filter_issues(labels: Codes, pred_probs: NDArray[Any], seen: Scan, method: str) -> Flags:
    """(N,) the rows that ``cleanlab.filter.find_label_issues(filter_by=method)`` flags; unlabelled rows are never in.

    Cost: the prune filters read ``pred_probs`` once more, class by class, and sort each pair of classes that the joint
    says are mixed up: up to O(K N log N).
    """
    return FILTERS[method](labels, pred_probs, seen)


def quality(labels: Codes, seen: Scan, method: str) -> NDArray[np.floating[Any]]:
    """(N,) the score of `cleanlab.rank` that goes with the filter, 1 = good: the margin, or else self-confidence."""
    return seen.margin(labels) if method == "low_normalized_margin" else seen.given


def _disagrees(labels: Codes, seen: Scan) -> Flags:
    """Rows whose given label is not the argmax, even with a hair added to its probability."""
    other, largest = seen.other(labels)
    raised = seen.given + TOLERANCE
    wins = (raised > largest) | ((raised == largest) & (labels < other))
    return (labels >= 0) & ~wins & (other >= 0)


def _off_diagonal(labels: Codes, seen: Scan) -> Flags:
    return (seen.confident >= 0) & (seen.confident != labels) & _disagrees(labels, seen)


def _confident_learning(labels: Codes, pred_probs: NDArray[Any], seen: Scan) -> Flags:
    return _off_diagonal(labels, seen)


def _predicted_neq_given(labels: Codes, pred_probs: NDArray[Any], seen: Scan) -> Flags:
    return (seen.classes[:, 0] != labels) & _disagrees(labels, seen)


def _lowest(labels: Codes, seen: Scan, method: str) -> Flags:
    """As many rows of lowest quality as confident learning finds errors."""
    rows = np.flatnonzero(labels >= 0)
    count = int(_off_diagonal(labels, seen).sum())
    out = np.zeros(len(labels), bool)
    out[rows[np.argsort(quality(labels, seen, method)[rows])[:count]]] = True
    return out


def _low_self_confidence(labels: Codes, pred_probs: NDArray[Any], seen: Scan) -> Flags:
    return _lowest(labels, seen, "low_self_confidence")


def _low_normalized_margin(labels: Codes, pred_probs: NDArray[Any], seen: Scan) -> Flags:
    return _lowest(labels, seen, "low_normalized_margin")


def _prune_by_class(labels: Codes, pred_probs: NDArray[Any], seen: Scan) -> Flags:
    """Of each class, the rows of lowest self-confidence, as many as the joint says are wrong."""
    keep = np.diagonal(prune_counts(labels, seen))
    out = np.zeros(len(labels), bool)
    for code, rows in _rows_by_class(labels, seen.n_classes):
        count = len(rows) - int(keep[code])
        if len(rows) > 1 and count >= 1:
            out[rows[np.argsort(seen.given[rows])[:count]]] = True
    return out & _disagrees(labels, seen)


def _prune_by_noise_rate(labels: Codes, pred_probs: NDArray[Any], seen: Scan) -> Flags:
    """Of each pair (given, true), the rows of largest p_true - p_given, as many as the joint holds."""
    counts = prune_counts(labels, seen)  # [true, given]
    out = np.zeros(len(labels), bool)
    for code, rows in _rows_by_class(labels, seen.n_classes):
        if len(rows) <= 1:
            continue
        mixed = np.flatnonzero(counts[:, code] > 0)
        mixed = mixed[mixed != code]
        given = seen.given[rows]
        step = max(1, GATHER // len(rows))
        for start in range(0, len(mixed), step):
            columns = mixed[start : start + step]
            block = np.asarray(pred_probs[rows[:, None], columns[None]], seen.given.dtype)
            for column, true in enumerate(columns):
                order = np.argsort(-(block[:, column] - given))
                out[rows[order[: counts[true, code]]]] = True
    return out & _disagrees(labels, seen)


def _both(labels: Codes, pred_probs: NDArray[Any], seen: Scan) -> Flags:
    return _prune_by_class(labels, pred_probs, seen) & _prune_by_noise_rate(labels, pred_probs, seen)


FILTERS: dict[str, Callable[[Codes, NDArray[Any], Scan], Flags]] = {
    "prune_by_noise_rate": _prune_by_noise_rate,
    "prune_by_class": _prune_by_class,
    "both": _both,
    "confident_learning": _confident_learning,
    "predicted_neq_given": _predicted_neq_given,
    "low_normalized_margin": _low_normalized_margin,
    "low_self_confidence": _low_self_confidence,
}


def _rows_by_class(labels: Codes, n_classes: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """(class code, its rows in ascending order), classes in ascending order."""
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(n_classes + 1))
    for code in range(n_classes):
        yield code, order[bounds[code] : bounds[code + 1]]


def prune_counts(labels: Codes, seen: Scan) -> NDArray[np.int64]:
    """(K, K) rows of [true, given] to remove; the diagonal (rows to keep) is at least 1."""
    joint = confident_joint(labels, seen).T
    keep = np.maximum(np.diagonal(joint), 1)
    raised = keep - np.diagonal(joint)
    others = np.maximum(np.count_nonzero(joint, axis=0) - 1.0, 1.0)
    counts = joint - raised / others
    counts[counts < 0] = 0
    np.fill_diagonal(counts, keep)
    return _round_rows(counts.astype(np.int64))


def confident_joint(labels: Codes, seen: Scan) -> NDArray[np.int64]:
    """(K, K) estimated rows of [given, true]: confident counts scaled to the class counts, rounded."""
    size = seen.n_classes
    sure = (seen.confident >= 0) & (labels >= 0)
    keys = seen.confident[sure].astype(np.int64) * size + labels[sure]
    counted = np.bincount(keys, minlength=size * size).reshape(size, size).T
    np.fill_diagonal(counted, counted.diagonal().clip(min=1))
    class_counts = np.bincount(labels[labels >= 0], minlength=size)
    scaled = (counted.T / np.clip(counted.sum(axis=1), TINY, None) * class_counts).T
    scaled = scaled / np.clip(np.sum(scaled), TINY, None) * class_counts.sum()
    return _round_rows(scaled)


def _round_rows(matrix: NDArray[Any]) -> NDArray[np.int64]:
    """Round to integers so that each row keeps its total: the entries that rounding moved furthest give way."""
    out = np.round(matrix).astype(np.float64)
    for row in range(len(matrix)):
        values, rounded = np.asarray(matrix[row], np.float64), out[row]
        total = np.sum(values).round()
        while abs(np.sum(rounded).round() - total) > TOLERANCE:
            missing = total - np.sum(rounded).round()
            step = 1 if missing > 0 else -1
            furthest = np.argsort(values - rounded)[::-step][: min(int(abs(missing)), len(values))]
            rounded[furthest] += step
    return out.astype(np.int64)
