"""Probabilities of a model that is far surer than it should be, brought back to what its given labels bear out.

In: label codes, the `Scan` of out-of-sample probabilities. Out: a `Scan`. Does not know: where probabilities come from.

Assay's own are calibrated; those that a user brings often are not (Guo, Pleiss, Sun, Weinberger, ICML 2017), and then every row that
the model gets wrong looks like a wrong label.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.issues.scan import Scan

FEWEST = 50  # labelled rows that tell how sure a model may be
TOO_SURE = 2 / 3  # power below which its probabilities are changed ...
GAIN = 6.0  # ... if the labels are more likely by so many nats than at power 1
POWERS = np.geomspace(0.1, 1.0, 24)
WRONG = np.array(
    [0.0, 0.003, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3]
)  # share of labels that have nothing to do with the row
SAMPLE = 50_000
LEAST_P = 1e-30

Floats = NDArray[np.float64]


def no_surer_than_right(labels: NDArray[np.int32], seen: Scan) -> Scan:
    """``seen``, or where its probabilities p are far too sure p^a, made to be 1 in each row again.

    The power a (one over the temperature) is read off rows given one of their two likeliest classes: the chance of the first is
    the logistic function of a log(p1 / p2), but for a share of labels, fitted too, that fall on either at random. Classes that are
    not listed share the rest evenly. The order of classes within a row stays. Cost: O(N), of which 50,000 rows are looked at.
    """
    power = _power(labels, seen)
    if power >= TOO_SURE:
        return seen
    others = seen.n_classes - seen.probs.shape[1]
    probs = np.asarray(seen.probs, np.float64).clip(0, 1)
    logs = power * np.log(np.maximum(probs, LEAST_P))
    rest = np.maximum(1 - probs.sum(1), 0) / max(others, 1)
    top = logs[:, 0]
    beyond = np.where(rest > 0, np.exp(power * np.log(np.maximum(rest, LEAST_P)) - top), 0)
    scale = top + np.log(np.exp(logs - top[:, None]).sum(1) + others * beyond)
    given = np.exp(power * np.log(np.maximum(np.asarray(seen.given, np.float64), LEAST_P)) - scale)
    kind = seen.probs.dtype
    return replace(seen, probs=np.exp(logs - scale[:, None]).astype(kind), given=given.astype(kind))


def _power(labels: NDArray[np.int32], seen: Scan) -> float:
    """The likeliest a, at most 1; 1 too where the labels do not tell."""
    known = np.flatnonzero((labels >= 0) & seen.analyzed)
    if seen.n_classes < 2 or len(known) < FEWEST:
        return 1.0
    if len(known) > SAMPLE:  # multiples of the golden ratio: even, and in step with no period of the data
        known = known[np.unique((np.arange(SAMPLE) * 0.6180339887498949 % 1 * len(known)).astype(np.int64))]
    first = seen.classes[known, 0] == labels[known]
    asked = first | (seen.classes[known, 1] == labels[known])
    p = np.maximum(np.asarray(seen.probs[known[asked], :2], np.float64), LEAST_P)
    odds, first = np.log(p[:, 0]) - np.log(p[:, 1]), first[asked]
    best = np.array([_likelihood(power * odds, first) for power in POWERS])
    return float(POWERS[int(best.argmax())]) if best.max() - best[-1] > GAIN else 1.0


def _likelihood(odds: Floats, first: NDArray[np.bool_]) -> float:
    """Log-likelihood, in nats, at the best of `WRONG`."""
    q = 1 / (1 + np.exp(-np.where(first, odds, -odds)))
    return float(max(np.log((1 - wrong) * q + wrong / 2 + LEAST_P).sum() for wrong in WRONG))
