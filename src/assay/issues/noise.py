"""The noise of the given labels: how often a row of each class is given each label; and its removal from probabilities.

In: label codes and the `Scan` of out-of-sample probabilities. Out: a K x K matrix; de-mixed probabilities.
Does not know: which rows are flagged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from assay.issues.kernels import invert
from assay.issues.scan import Scan

STEPS = 20  # Richardson-Lucy steps
ANCHORS = 0.1  # share of the rows predicted as a class, the surest first, that tell how its labels are given ...
FEWEST = 10  # ... and at least this many of them
PSEUDO = 10.0  # rows' worth of the whole dataset's error rate in each class's own
CONCENTRATIONS = np.geomspace(0.3, 3_000, 40)

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]


def estimate_noise(labels: Codes, seen: Scan) -> tuple[Floats, float]:
    """(K, K) T[y, s] = P(given label s | true class y); and how evenly a class's wrong labels spread over the others.

    The labels of a class's anchors (the rows surest to be of it) are counted, since there the model's own confusion
    between classes is least (anchor points: Liu and Tao, TPAMI 2016). Where wrong labels go is shrunk towards
    "anywhere, by class size" with the strength of largest Dirichlet-multinomial likelihood over all classes: strong
    where labels are wrong at random (8 to 3,000 on the sets looked at), weak where one class is taken for another (under
    1). That strength is the second result. Cost: O(N log N + K^2).
    """
    size = seen.n_classes
    known = np.flatnonzero((labels >= 0) & seen.analyzed)
    share = np.bincount(labels[known], minlength=size) / max(len(known), 1)
    elsewhere = np.maximum(1 - share, 1e-12)
    anchors = known[_surest(seen.classes[known, 0], np.asarray(seen.probs[known, 0], np.float64), size)]
    keys, counts = np.unique(seen.classes[anchors, 0].astype(np.int64) * size + labels[anchors], return_counts=True)
    true, given = keys // size, keys % size
    total = np.bincount(true, counts, size)
    off = true != given
    true, given = true[off], given[off]
    seen_counts: NDArray[np.float64] = counts[off].astype(np.float64)
    wrong = np.bincount(true, seen_counts, size).astype(np.float64)
    error = (wrong.sum() + 1) / (total.sum() + 2)
    strength = _concentration(seen_counts, share[given] / elsewhere[true], wrong)
    rate = (wrong + PSEUDO * error) / (total + PSEUDO)
    scale = rate / (wrong + strength)
    matrix = np.outer(scale * strength / elsewhere, share).astype(np.float32)
    matrix[true, given] += (scale[true] * seen_counts).astype(np.float32)
    matrix[np.arange(size), np.arange(size)] = 1 - rate
    return matrix, strength


def _surest(predicted: Codes, prob: NDArray[np.float64], n_classes: int) -> NDArray[np.int64]:
    """Positions of the `ANCHORS` share of each predicted class with the largest probability; ties by position."""
    order = np.lexsort((-prob, predicted))
    count = np.bincount(predicted, minlength=n_classes)
    place = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    wanted = np.maximum(FEWEST, np.ceil(ANCHORS * count))
    return np.sort(order[place < wanted[predicted[order]]])


def _concentration(counts: NDArray[np.float64], expected: NDArray[np.float64], wrong: NDArray[np.float64]) -> float:
    """The Dirichlet strength of largest likelihood: ``counts`` wrong labels a pair of classes, ``expected`` their share
    if wrong labels fell anywhere, ``wrong`` (K,) wrong labels a class."""
    likelihood = [
        (gammaln(a) - gammaln(wrong + a)).sum() + (gammaln(counts + a * expected) - gammaln(a * expected)).sum()
        for a in CONCENTRATIONS
    ]
    return float(CONCENTRATIONS[int(np.argmax(likelihood))])


def demix(p: Floats, rest: Floats, mix: Floats) -> tuple[Floats, Floats]:
    """Solve ``mix.T @ q = p`` for probabilities q >= 0 a row, by Richardson-Lucy steps (Richardson 1972, Lucy 1974).

    p (m, n) observed probabilities of m classes in n rows; rest (n,) what lies outside them; mix (m, m, n), [true,
    given, row], zero for classes that do not take part. Returns q (m, n) and its rest, together 1 a row.
    Flow to classes outside the m is taken to fit: its ratio of observed to expected is 1.
    """
    q, rest = p.copy(), rest.copy()
    invert(p, mix, STEPS, q, rest)
    return q, rest
