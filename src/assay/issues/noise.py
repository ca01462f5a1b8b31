"""The noise of the given labels: how often a row of each class is given each label; its removal from probabilities; and
whether labels are wrong where classes meet, of which no such matrix tells.

In: label codes and the `Scan` of out-of-sample probabilities. Out: a K x K matrix; de-mixed probabilities; a weight.
Does not know: which rows are flagged.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln

from assay.issues.anchors import Evidence, ceilings, course, direction, floors, rise, slope, trust
from assay.issues.kernels import invert
from assay.issues.scan import Scan, rows_by_class

STEPS = 20  # Richardson-Lucy steps
ANCHORS = 0.1  # share of the rows predicted as a class, the surest first, that tell how its labels are given ...
FEWEST = 10  # ... and at least this many of them
# anchors in all for which the share is widened on a plateau, and how far: a hundred rows tell 4 % from 9 % badly
ENOUGH, WIDEST = 250, 0.3
PSEUDO = 10.0  # rows' worth of the whole dataset's error rate in each class's own
PSEUDOS = np.geomspace(PSEUDO, 5 * PSEUDO, 12)
CONCENTRATIONS = np.geomspace(0.3, 3_000, 40)
SAMPLE = 50_000  # rows asked about the boundary: more would only make its standard error less than what is ignored
SLIGHT = 0.1  # bonus of the first class down to minus this: models have such faults themselves; twice it: no doubt left
TEMPERED = 1.5  # probabilities further than this power from fitting the given labels are no witness of the boundary
LEAST_P = 1e-7
NEWTON = 30  # steps at most

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]


def estimate_noise(labels: Codes, seen: Scan, boundary: float = 0.0) -> tuple[Floats, float, Evidence]:
    """The (K, K) noise matrix T[y, s] = P(given label s | true class y), and how evenly wrong labels spread over the classes.

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
    rising = rise(labels, seen, known)
    goes_on = course(labels, seen, known, ANCHORS, rising)
    needed = max(ANCHORS, ENOUGH / max(len(known), 1))
    wide = (
        ANCHORS if goes_on.rises or needed > WIDEST else needed
    )  # too few rows for enough anchors gain nothing by more
    anchors = known[_surest(seen.classes[known, 0], np.asarray(seen.probs[known, 0], np.float64), size, wide)]
    keys, counts = np.unique(seen.classes[anchors, 0].astype(np.int64) * size + labels[anchors], return_counts=True)
    true, given = keys // size, keys % size
    total = np.bincount(true, counts, size)
    off = true != given
    true, given = true[off], given[off]
    seen_counts: NDArray[np.float64] = counts[off].astype(np.float64)
    wrong = np.bincount(true, seen_counts, size).astype(np.float64)
    error = (wrong.sum() + 1) / (total.sum() + 2)
    strength, inverse = _concentration(seen_counts, share[given] / elsewhere[true], wrong)
    pseudo = _alike(wrong, total, error)
    rate = (wrong + pseudo * error) / (total + pseudo)
    scale = rate / (wrong + strength)
    matrix = np.outer(scale * strength / elsewhere, share).astype(np.float32)
    matrix[true, given] += (scale[true] * seen_counts).astype(np.float32)
    counted = max(float(total.sum()), 1.0)
    disagree = float(wrong.sum() / counted)
    foreseen = 1 - float(np.asarray(seen.probs[anchors, 0], np.float64).mean()) if len(anchors) else 0.0
    foretold = direction(labels, seen, known)
    calibrated = trust(disagree, foreseen, int(counted))
    borne_out = calibrated * foretold
    trusted = borne_out * (1 - boundary)
    believed = slope(labels, seen, known) * trusted
    ceiling = 1 - believed * (1 - ceilings(seen, anchors))
    ratio, keys, own = floors(seen, known, anchors)
    row = np.minimum(1 - believed * (1 - ratio), ceiling)
    matrix *= row[:, None].astype(np.float32)
    pair = np.divmod(keys, size)
    matrix[pair] *= (np.minimum(1 - believed * (1 - own), ceiling[pair[0]]) / row[pair[0]]).astype(np.float32)
    matrix[np.arange(size), np.arange(size)] = 0
    left = matrix.sum(1, dtype=np.float64)
    lifted = np.maximum(left, np.minimum(rate, 2 / (counted + 2))) / np.maximum(left, 1e-12)
    matrix *= lifted[:, None].astype(np.float32)
    rate = left * lifted
    unsure = _unsure(
        matrix, np.bincount(seen.classes[known, 0], minlength=size), wrong + pseudo * error, total + pseudo, inverse
    )
    matrix[np.arange(size), np.arange(size)] = 1 - rate
    evidence = Evidence(
        trusted,
        believed,
        1 - disagree,
        disagree,
        foreseen,
        float(total @ rate / counted),
        int(counted),
        foretold,
        rising,
        borne_out,
        calibrated,
        goes_on,
        unsure,
    )
    return matrix, strength, evidence


def _unsure(
    matrix: Floats, rows: NDArray[np.int64], wrong: NDArray[Any], total: NDArray[Any], inverse: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(K,) standard error of how many labels of each class are wrong: of a class's ``rows`` a Beta(``wrong``, ``total`` - ``wrong``) share
    is, and goes to the others as a Dirichlet of the strength whose ``inverse`` (plus one) this is. ``matrix``: zero diagonal. O(K^2)."""
    leaves = matrix.sum(1, dtype=np.float64)
    square = rows.astype(np.float64) ** 2
    relative = (total - wrong) / np.maximum(wrong * (total + 1), 1e-12)  # variance of the share over its square
    of_pairs = np.einsum("j,jc,jc->c", square * (relative - inverse), matrix, matrix)
    return np.sqrt(np.maximum((square * leaves * inverse) @ matrix + of_pairs, 0))


def _surest(predicted: Codes, prob: NDArray[np.float64], n_classes: int, share: float) -> NDArray[np.int64]:
    """Positions of the ``share`` of each predicted class with the largest probability; ties by position."""
    chosen = [
        rows[np.argsort(-prob[rows], kind="stable")[: max(FEWEST, math.ceil(share * len(rows)))]]
        for rows in rows_by_class(predicted, n_classes)
    ]
    return np.sort(np.concatenate(chosen))


def _concentration(
    counts: NDArray[np.float64], expected: NDArray[np.float64], wrong: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """The Dirichlet strength of largest likelihood, and (K,) the mean of 1 / (strength + wrong + 1) over all of them: few classes tell
    little of it. ``counts`` wrong labels a pair of classes, ``expected`` their share if wrong labels fell anywhere, ``wrong`` (K,)
    wrong labels a class."""
    likelihood = np.array(
        [
            (gammaln(a) - gammaln(wrong + a)).sum() + (gammaln(counts + a * expected) - gammaln(a * expected)).sum()
            for a in CONCENTRATIONS
        ]
    )
    weight = np.exp(likelihood - likelihood.max())
    inverse = (weight / weight.sum()) @ (1 / (CONCENTRATIONS[:, None] + wrong + 1))
    return float(CONCENTRATIONS[int(np.argmax(likelihood))]), inverse


def _alike(wrong: NDArray[Any], total: NDArray[Any], error: float) -> float:
    """Rows' worth of the whole dataset's error rate in each class's own: the beta-binomial strength of largest likelihood,
    at least `PSEUDO`; large where classes differ by no more than chance."""
    likelihood = [
        (betaln(wrong + a * error, total - wrong + a * (1 - error)) - betaln(a * error, a * (1 - error))).sum()
        for a in PSEUDOS
    ]
    return float(PSEUDOS[int(np.argmax(likelihood))])


def boundary_noise(labels: Codes, seen: Scan) -> float:
    """0 to 1: how surely labels are wrong near the boundaries between classes, where the surest rows tell nothing of it.

    The given label is fitted as P(j) ~ p_j^a exp(b [j is the most probable class]) over the row's five largest classes.
    A model that learned its labels has b near 0 whatever its temperature 1/a; labels wrong at random give b > 0 (a share
    of them is wrong however sure the model is), labels wrong at the boundary b < 0 (there the runner-up is given more
    often than its probability says, for no smooth model follows labels that swap sides). 0 down to b = -`SLIGHT` and
    while b is within two standard errors of 0, 1 from `SLIGHT` further on; 0 too where a says that the model is far from
    as sure as it should be. The statistic was chosen among a few on the five sets of benchmarks/noise.py, its constants on
    digits and Fashion-MNIST, with noise of three kinds and eleven kinds of model. Silent where fewer than about 10 % of the
    labels are wrong at the boundary; a calibrated model that cannot follow a boundary looks the same as wrong labels.
    Cost: at most `SAMPLE` rows are looked at.
    """
    known = np.flatnonzero((labels >= 0) & seen.analyzed)
    if seen.n_classes < 2 or not len(known):
        return 0.0
    if len(known) > SAMPLE:  # multiples of the golden ratio: even, and in step with no period of the data
        known = known[np.unique((np.arange(SAMPLE) * 0.6180339887498949 % 1 * len(known)).astype(np.int64))]
    given = seen.classes[known] == labels[known, None]
    inside = given.any(1)
    log_p = np.log(np.maximum(np.asarray(seen.probs[known[inside]], np.float64), LEAST_P))
    bonus, error, power = _first_bonus(log_p - log_p[:, :1], given[inside])
    if not 1 / TEMPERED <= power <= TEMPERED:
        return 0.0
    return float(np.clip((-bonus - max(SLIGHT, 2 * error)) / SLIGHT, 0, 1))


def _first_bonus(log_p: NDArray[np.float64], given: NDArray[np.bool_]) -> tuple[float, float, float]:
    """b of `boundary_noise`, its standard error, and a, by Newton's method; a and b have a standard normal prior at 1 and 0.

    log_p (n, m), relative to the first class; given (n, m), True once a row.
    """
    prior = np.array([0.0, 1.0])
    counts = np.array([given[:, 0].sum(), log_p[given].sum()])

    def value(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        power = at[1] * log_p
        power[:, 0] += at[0]
        largest = power.max(1, keepdims=True)
        q = np.exp(power - largest)
        total = q.sum(1, keepdims=True)
        fit = float(counts @ at - (np.log(total) + largest).sum() - ((at - prior) ** 2).sum() / 2)
        return fit, q / total

    at = prior
    fit, q = value(at)
    curve = np.eye(2)
    for _ in range(NEWTON):
        mean = (q * log_p).sum(1)
        slope = counts - (q[:, 0].sum(), mean.sum()) - (at - prior)
        across = -(q[:, 0] * mean).sum()  # log_p of the first class is 0
        own = (q[:, 0] * (1 - q[:, 0])).sum(), ((q * log_p**2).sum(1) - mean**2).sum()
        curve = np.array([[own[0] + 1, across], [across, own[1] + 1]])
        step = np.linalg.solve(curve, slope)
        gain = float(slope @ step)
        if gain < 1e-8:
            break
        new, new_q = value(at + step)
        while new < fit and gain > 1e-12:  # too far: concave, so a shorter step of the same direction gains
            step, gain = step / 2, gain / 2
            new, new_q = value(at + step)
        at, fit, q = at + step, new, new_q
    return float(at[0]), float(np.sqrt(np.linalg.inv(curve)[0, 0])), float(at[1])


def demix(p: Floats, rest: Floats, mix: Floats) -> tuple[Floats, Floats]:
    """Solve ``mix.T @ q = p`` for probabilities q >= 0 a row, by Richardson-Lucy steps (Richardson 1972, Lucy 1974).

    p (m, n) observed probabilities of m classes in n rows; rest (n,) what lies outside them; mix (m, m, n), [true,
    given, row], zero for classes that do not take part. Returns q (m, n) and its rest, together 1 a row.
    Flow to classes outside the m is taken to fit: its ratio of observed to expected is 1.
    """
    q, rest = p.copy(), rest.copy()
    invert(p, mix, STEPS, q, rest)
    return q, rest
