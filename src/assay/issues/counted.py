"""How many of the rows that look mislabelled the noise of the labels accounts for: counted, not read off a model.

In: p_label_error of the given labels and of labels drawn by lot, how many labels the surest rows say are wrong. Out: `Counted`.
Does not know: how p_label_error is made, which rows are flagged.

A model that is now and then wrong itself contradicts right labels, and p_label_error cannot tell how often: the fewer labels
are wrong, the larger the share of those. So each row is given, in thought, a wrong label as noise gives them, and judged again: where
wrong labels come to lie, against where the given ones do, says how many of those there can be wrong (decoys: Elias and Gygi, Nature
Methods 2007; local false discovery rates: Efron, JASA 2001). It holds for noise that has nothing to do with the row; labels that
are wrong where classes meet lie elsewhere, and are more than are counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from assay.issues.scan import Scan, rows_by_class

GOLDEN = 0.6180339887498949  # its multiples are even, and in step with no period of the data
BINS, REACH = 50, 5.0  # ranges of log odds, from minus REACH to REACH; what is beyond counts as there
RATES = 64  # quantiles of the rate of wrong labels that the mean is over
ENDS = 0.025, 0.975
JEFFREYS = 0.5  # prior count of wrong labels, and of right ones, among the surest rows
MOST = 3.0  # wrong labels counted a row seen there: beyond that chance in a few rows would carry their neighbours along
EDGE = 1e-4  # p is kept off 0 and 1
Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Counted:
    """``log_odds`` (B,) of p_label_error, ascending; of the rows there ``share`` (B,) are wrong, at least ``low`` (97.5 %)."""

    log_odds: Floats
    share: Floats
    low: Floats

    def at(self, p: NDArray[np.floating], *, low: bool = False) -> Floats:
        """``p`` no larger than what is counted there, or surely counted; NaN stays NaN."""
        p = np.asarray(p, np.float64)
        return np.minimum(p, np.interp(_within_reach(p), self.log_odds, self.low if low else self.share))


def drawn_labels(predicted: Codes, noise: NDArray[np.floating]) -> tuple[Codes, Floats]:
    """(n,) a wrong label for each row, as noise gives them, and the probability that it gets one at all.

    ``predicted`` (n,) most likely true classes; ``noise`` (K, K) P(given | true). Even over the rows of a class, without chance.
    """
    size = len(noise)
    labels, wrong = predicted.copy(), np.zeros(len(predicted))
    for code, rows in enumerate(rows_by_class(predicted, size)):
        away = np.asarray(noise[code], np.float64).copy()
        away[code] = 0
        total = float(away.sum())
        if len(rows) and total > 0:
            at = (np.arange(1, len(rows) + 1) * GOLDEN) % 1
            labels[rows] = np.minimum(np.searchsorted(away.cumsum() / total, at, side="right"), size - 1)
            wrong[rows] = total
    return labels, wrong


def with_labels(seen: Scan, labels: Codes) -> NDArray[np.float32]:
    """(n,) probability of other labels than the given ones; classes that are not listed share the rest of a row evenly."""
    probs = np.asarray(seen.probs, np.float64)
    among = seen.classes == labels[:, None]
    rest = np.maximum(1 - probs.sum(1), 0) / max(seen.n_classes - probs.shape[1], 1)
    return np.where(among.any(1), (probs * among).sum(1), rest).astype(np.float32)


def counted(
    p: NDArray[np.floating],
    drawn: NDArray[np.floating],
    weight: Floats,
    told: float,
    sure_rows: int,
    *,
    proven: bool,
) -> Counted:
    """The share of wrong labels at each p_label_error.

    The rows that look most surely mislabelled tell something of the rate, too: where fewer are counted there than there are, the
    rate is taken as large as it takes, within its interval. Where it is not ``proven`` that any label is wrong they are as likely
    the model's faults, and the mean over all rates counts.

    Parameters
    ----------
    p : (n,) p_label_error of labelled rows. drawn : (m,) of labels drawn by lot; ``weight`` (m,) of each.
    told, sure_rows : the rate of wrong labels among so many of the surest rows: the rate has the Beta posterior of that count.
    """
    from scipy.optimize import isotonic_regression

    edges = np.linspace(-REACH, REACH, BINS + 1)
    seen = np.histogram(_within_reach(p), edges)[0].astype(np.float64)
    lies = np.histogram(_within_reach(drawn), edges, weights=weight)[0]
    hits = told * sure_rows
    of = hits + JEFFREYS, max(sure_rows - hits, 0.0) + JEFFREYS
    mean = of[0] / sum(of)
    least, most = (float(betaincinv(*of, end)) for end in ENDS)
    expected = mean * len(p) * lies / max(float(lies.sum()), 1e-12)
    ratio = np.minimum(expected / np.maximum(seen, 1e-9), MOST)
    steady = isotonic_regression(ratio, weights=np.maximum(seen, 1e-6)).x
    if proven:
        top = float(steady[np.flatnonzero(seen)[-1]])
        scale = np.array([min(max(1 / max(top, 1e-9), 1), most / mean)])
    else:
        scale = betaincinv(*of, (np.arange(RATES) + 0.5) / RATES) / mean
    share = np.minimum(steady * scale[:, None], 1).mean(0)
    return Counted((edges[1:] + edges[:-1]) / 2, share, np.minimum(steady * least / mean, share))


def log_odds(p: NDArray[np.floating]) -> Floats:
    """log p / (1 - p), ``p`` kept off 0 and 1."""
    q = np.clip(np.asarray(p, np.float64), EDGE, 1 - EDGE)
    return np.log(q) - np.log1p(-q)


def _within_reach(p: NDArray[np.floating]) -> Floats:
    return np.clip(log_odds(p), -REACH, REACH)
