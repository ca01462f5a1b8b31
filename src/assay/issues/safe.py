"""Which suggestions are safe to apply without a person: measured on this dataset, not read off a probability.

In: label codes, the `Scan` of out-of-sample probabilities, how much label noise is proven. Out: a flag a row.
Does not know: which rows are flagged, posteriors.

Safe means: of the rows that the model was as sure about, at least `RIGHT` truly are what it says. That is the share of them
that carry the class predicted for them, divided by the share of labels that are right where the model is surest. Both are
taken at the cautious end of a one-sigma interval (Wilson, JASA 1927). Where the labels may all be right no labelled row is
safe (`assay.issues.label`): the few that the model contradicts are then as likely its own errors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.issues.anchors import Evidence
from assay.issues.interval import wilson_end
from assay.issues.scan import Scan

RIGHT = 0.98
SURE = (0.1, 0.2, 0.3, 0.4, 0.5)  # shares of the rows, the surest first, that may prove label noise
Z = 1.0
Z_CLASS = 1.645
Flags = NDArray[np.bool_]
Codes = NDArray[np.int32]


def proven_noise(agrees: NDArray[np.float64], evidence: Evidence) -> float:
    """Label noise that the surest rows prove: the lower end of their share of other labels, less what is overlap.

    ``agrees`` (n,) 1 where a row carries the class predicted for it, the surest rows first.
    """
    if not len(agrees) or not evidence.disagree:
        return 0.0
    counts = np.maximum(1, np.ceil(len(agrees) * np.array(SURE)).astype(np.int64))
    wrong = np.cumsum(1 - agrees)[counts - 1]
    lower = wilson_end(wrong, counts, -Z).max()
    return float(min(lower, evidence.disagree) * min(1.0, evidence.noise / evidence.disagree))


def sure_enough(labels: Codes, seen: Scan, noise: NDArray[np.float32], evidence: Evidence) -> Flags:
    """(N,) whether a row's prediction is among those of which `RIGHT` are right, by the definition above.

    ``noise`` (K, K), the noise matrix: a class whose sure rows carry its label clearly more rarely than it allows is left
    out. Cost: O(N log N).
    """
    out = np.zeros(len(labels), bool)
    known = np.flatnonzero((labels >= 0) & seen.analyzed)
    if not len(known):
        return out
    top = np.asarray(seen.probs[:, 0], np.float64)
    order = known[np.argsort(-top[known], kind="stable")]
    agrees = (seen.classes[order, 0] == labels[order]).astype(np.float64)
    proven = proven_noise(agrees, evidence)
    count = np.arange(1, len(order) + 1, dtype=np.float64)
    good = wilson_end(np.cumsum(agrees), count, -Z) >= RIGHT * (1 - proven)
    if not good.any():
        return out
    last = int(np.flatnonzero(good)[-1])
    bar = top[order[last]]
    sure = order[: last + 1]
    total = np.bincount(seen.classes[sure, 0], minlength=seen.n_classes).astype(np.float64)
    right = np.bincount(seen.classes[sure, 0], agrees[: last + 1], seen.n_classes)
    fine = wilson_end(right, total, Z_CLASS) >= RIGHT * np.diagonal(noise)
    rows = seen.analyzed & (np.nan_to_num(top) >= bar)
    out[rows] = fine[seen.classes[rows, 0]]
    return out
