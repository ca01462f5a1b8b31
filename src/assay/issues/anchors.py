"""How much of what the surest rows' labels disagree with is overlap of the classes, not noise of the labels.

In: label codes, the `Scan` of out-of-sample probabilities, the surest rows of each predicted class. Out: a factor a pair of
classes, and `Evidence`. Does not know: how a noise matrix is made of it, which rows are flagged.

A wrong label that has nothing to do with the row leaves a floor under its class's probability, which no row goes below, and
a ceiling over the right class's, at which many rows lie (anchor points: Liu and Tao, TPAMI 2016; the simplex that holds all
rows: Li, Liu, Han, Niu, Sugiyama, ICML 2021). Where classes overlap, probabilities go on rising towards the surest rows.
Probabilities of real models also vary for no reason; so how far their differences are to be believed is measured by the
labels that these same rows carry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.issues.scan import Scan, rows_by_class

WIDE = 0.3  # share of each predicted class, the surest first, on which probabilities and labels are compared
FLOOR = 0.01  # quantile of a class's probability among the rows of another that counts as its floor
LISTED = 0.99  # share of the rows of a class in which another must be among the five largest to have a floor of its own
PRIOR, SPREAD = 1.0, 0.5  # of slope and direction, before labels are seen: calibrated
BORNE_OUT, NOT_AT_ALL = (
    0.9,
    0.65,
)  # foreseen / found disagreement of the anchors: all is overlap or noise that the model knows; or not
SLIGHT = 0.01  # share of disagreeing anchors up to which nothing is borne out; full from twice it
TOP = 0.05  # quantile of the anchors' doubt at which it counts as the class's least
NEWTON = 20
LEAST_P = 1e-9
RISE = 0.015  # by which disagreement must surely rise in the next two tenths: there is no plateau ...
OVERLAP = (
    0.25  # ... and by this share of the surest tenth's; from this share of their disagreement on, the rate is "at most"
)
Z_RISE = 1.645  # standard errors of "surely": a hundred rows of a plateau differ by chance
SAMPLE = 50_000

Codes = NDArray[np.int32]
Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


class Course(NamedTuple):
    """How disagreement goes on beyond the surest rows: ``rising`` by more than chance; ``rises`` so much that there is no
    plateau; ``plateau``: so much can be excluded."""

    rising: bool = False
    rises: bool = False
    plateau: bool = True


EVEN = Course()


@dataclass(frozen=True)
class Evidence:
    """``believed`` 0 to 1: how far the surest rows' labels bear out the differences between their probabilities.

    surest     share of the surest tenth that carry the class predicted for them
    disagree   the rest of them; ``foreseen`` what their probabilities say of it; ``noise`` what is left without overlap
    n          of these rows
    foretold   0 to 1, how far probabilities tell which other label a sure row carries (`direction`)
    borne_out  ``trusted`` as if no labels were wrong at the boundaries
    calibrated 0 to 1, whether their probabilities foresee that they carry another label (`trust`), whichever it is
    rise       how much more of the next two tenths disagree, the mean of what labels say and of what probabilities say
    course     whether that is chance, or a plateau
    of_class   (K,) standard error of the number of wrong labels among those given each class, as few anchors tell where they go
    """

    trusted: float
    believed: float
    surest: float
    disagree: float
    foreseen: float
    noise: float
    n: int
    foretold: float = 1.0
    rise: float = 0.0
    borne_out: float = 0.0
    calibrated: float = 0.0
    course: Course = EVEN
    of_class: Floats = field(default_factory=lambda: np.zeros(0))


def slope(labels: Codes, seen: Scan, known: Rows) -> float:
    """0 to 1: least squares of "carries another label" on one minus the largest probability, within each class's surest
    rows, drawn to `PRIOR`. 1 = the differences are real; 0 = all rows are alike and the model's differences are its own.
    """
    top = np.asarray(seen.probs[known, 0], np.float64)
    predicted = seen.classes[known, 0]
    number = squares = spread = 0.0
    for rows in rows_by_class(predicted, seen.n_classes):
        if len(rows) < 2:
            continue
        count = max(2, int(np.ceil(WIDE * len(rows))))
        rows = rows[np.argsort(-top[rows], kind="stable")[:count]]
        doubt = 1 - top[rows]
        wrong = (labels[known[rows]] != predicted[rows]).astype(np.float64)
        x, y = doubt - doubt.mean(), wrong - wrong.mean()
        number += float(x @ y)
        squares += float(x @ x)
        spread += float((x * x) @ (y * y))
    precision = squares * squares / max(spread, 1e-30) if squares > 0 else 0.0  # 1 / variance of the slope
    at = number / squares if squares > 0 else PRIOR
    weight = 1 / SPREAD**2
    return float(np.clip((at * precision + PRIOR * weight) / (precision + weight), 0, 1))


def direction(labels: Codes, seen: Scan, known: Rows) -> float:
    """0 to 1: how far probabilities tell, row by row, which other label the surest rows carry that carry another.

    Fitted: P(j | another label) ~ mean_j (p_j / mean_j)^a, with the means of the class's surest rows; a is drawn to 1. Wrong
    labels that have nothing to do with the row have a = 0, those of classes that overlap a = 1. 1 where K = 2.
    """
    size, m = seen.n_classes, seen.probs.shape[1]
    if size < 3:
        return 1.0
    top = np.asarray(seen.probs[known, 0], np.float64)
    predicted = seen.classes[known, 0]
    logs, hits = [], []
    for k, rows in enumerate(rows_by_class(predicted, size)):
        if len(rows) < 2:
            continue
        count = max(2, int(np.ceil(WIDE * len(rows))))
        rows = known[rows[np.argsort(-top[rows], kind="stable")[:count]]]
        listed = seen.classes[rows, 1:]
        p = np.maximum(np.asarray(seen.probs[rows, 1:], np.float64), LEAST_P)
        rest = np.maximum(1 - np.asarray(seen.probs[rows], np.float64).sum(1), LEAST_P) / max(size - m, 1)
        there = np.bincount(listed.ravel(), minlength=size)
        mean = (np.bincount(listed.ravel(), p.ravel(), size) + (len(rows) - there) * rest.mean()) / len(rows)
        wrong = np.flatnonzero(labels[rows] != k)
        if not len(wrong):
            continue
        among = listed[wrong] == labels[rows[wrong], None]
        # classes outside the five largest count as one, with the mean of those that are outside
        base = np.maximum(mean[listed[wrong]], LEAST_P)
        outside = np.maximum(mean.sum() - mean[k] - base.sum(1), LEAST_P) if size > m else np.full(len(wrong), LEAST_P)
        base = np.column_stack([base, outside])
        now = np.column_stack([p[wrong], rest[wrong] * max(size - m, 0) + LEAST_P])
        logs.append(np.stack([np.log(base), np.log(now) - np.log(base)]))
        hits.append(np.column_stack([among, ~among.any(1)]))
    if not logs:
        return 1.0
    base, gain = np.concatenate(logs, 1)
    hit = np.concatenate(hits)
    at, weight = 1.0, 1 / SPREAD**2
    for _ in range(NEWTON):
        q = base + at * gain
        q = np.exp(q - q.max(1, keepdims=True))
        q /= q.sum(1, keepdims=True)
        mean = (q * gain).sum(1)
        first = float(gain[hit].sum() - mean.sum()) - weight * (at - 1)
        second = float(((q * gain**2).sum(1) - mean**2).sum()) + weight
        step = first / second
        at = float(np.clip(at + step, -1, 2))
        if abs(step) < 1e-6:
            break
    return float(np.clip(at, 0, 1))


def rise(labels: Codes, seen: Scan, known: Rows) -> float:
    """How much more of each class's next two tenths than of its surest tenth carry another label: the mean of labels and
    probabilities. At a plateau of noise about nothing; where classes overlap it goes on rising."""
    top = np.asarray(seen.probs[known, 0], np.float64)
    predicted = seen.classes[known, 0]
    wrong = labels[known] != predicted
    tenth, next_ones = [], []
    for rows in rows_by_class(predicted, seen.n_classes):
        rows = rows[np.argsort(-top[rows], kind="stable")]
        cut = max(1, int(np.ceil(len(rows) / 10)))
        tenth.append(rows[:cut])
        next_ones.append(rows[cut : 3 * cut])
    one, two = np.concatenate(tenth), np.concatenate(next_ones)
    if not len(one) or not len(two):
        return 0.0
    return float((wrong[two].mean() - wrong[one].mean() + top[one].mean() - top[two].mean()) / 2)


def course(labels: Codes, seen: Scan, known: Rows, share: float, by: float) -> Course:
    """How disagreement goes on beyond the surest ``share`` of rows, ``by`` as `rise` measures it."""
    top = np.asarray(seen.probs[known, 0], np.float64)
    wrong = labels[known] != seen.classes[known, 0]
    n = max(1, int(np.ceil(share * len(known))))
    surest = np.argsort(-top, kind="stable")[:n]
    one = float(wrong[surest].mean()) if len(known) else 0.0
    two = min(max(one + 2 * by, 0.0), 1.0)
    error = Z_RISE * 0.5 * float(np.sqrt(one * (1 - one) / n + two * (1 - two) / (2 * n)))
    return Course(by > max(RISE, error), by - error > max(RISE, OVERLAP * one), by + error <= OVERLAP * one)


def ceilings(seen: Scan, anchors: Rows) -> Floats:
    """(K,) what the surest of a class's anchors leave to other classes, as a share of what all its anchors leave."""
    ratio = np.ones(seen.n_classes)
    left = 1 - np.asarray(seen.probs[anchors, 0], np.float64)
    for k, rows in enumerate(rows_by_class(seen.classes[anchors, 0], seen.n_classes)):
        if len(rows):
            ratio[k] = min(
                1.0, max(float(np.quantile(left[rows], TOP)), LEAST_P) / max(float(left[rows].mean()), LEAST_P)
            )
    return ratio


def trust(disagree: float, foreseen: float, n: int) -> float:
    """0 to 1: whether the probabilities of the surest rows foresee how often these carry another label.

    A calibrated model does, whatever the noise; one that learned wrong labels at random does so too little, for it is surest
    where it happened to miss them. A standard error of the count is allowed for.
    """
    error = (disagree * (1 - disagree) / max(n, 1)) ** 0.5
    ratio = foreseen / max(disagree - error, 1e-9)
    much = (disagree - SLIGHT) / SLIGHT  # a few disagreeing rows bear nothing out
    return float(np.clip((ratio - NOT_AT_ALL) / (BORNE_OUT - NOT_AT_ALL), 0, 1) * np.clip(much, 0, 1))


def floors(seen: Scan, known: Rows, anchors: Rows) -> tuple[Floats, NDArray[np.int64], Floats]:
    """What is left of a class's mean probability among the anchors of another when it is at its floor: a ratio, at most 1.

    Returns (K,) for the pairs of which nothing more is known, and keys ``k * K + j`` with their own ratios. Cost: O(N log N).
    """
    size, m = seen.n_classes, seen.probs.shape[1]
    if len(known) > SAMPLE:
        known = known[:: -(-len(known) // SAMPLE)]
    outside = max(size - m, 1)

    def rest(rows: Rows) -> Floats:
        return np.maximum(1 - np.asarray(seen.probs[rows], np.float64).sum(1), LEAST_P) / outside

    of_class = rows_by_class(seen.classes[known, 0], size)
    of_anchor = rows_by_class(seen.classes[anchors, 0], size)
    ratio = np.ones(size)
    keys: list[int] = []
    own: list[float] = []
    for k in range(size):
        rows, sure = known[of_class[k]], anchors[of_anchor[k]]
        if not len(rows) or not len(sure):
            continue
        low = float(np.quantile(rest(rows), FLOOR)) if size > m else 0.0
        if size > m:
            ratio[k] = min(1.0, low / float(rest(sure).mean()))
        listed, times = np.unique(seen.classes[rows, 1:], return_counts=True)
        at_sure = seen.classes[sure]
        p_sure = np.asarray(seen.probs[sure], np.float64)
        for j, count in zip(listed.tolist(), times.tolist(), strict=True):
            if j == k:
                continue
            there = at_sure == j
            mean = (p_sure[there].sum() + (~there.any(1)) @ (rest(sure) if size > m else np.zeros(len(sure)))) / len(
                sure
            )
            if count >= LISTED * len(rows):
                among = seen.classes[rows] == j
                floor = float(np.quantile(np.asarray(seen.probs[rows], np.float64)[among], FLOOR))
            else:
                floor = low
            if there.any():
                keys.append(k * size + j)
                own.append(min(1.0, max(floor, LEAST_P) / max(float(mean), LEAST_P)))
    return ratio, np.array(keys, np.int64), np.array(own)
