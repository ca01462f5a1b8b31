"""Separates label noise from overlap of the classes, on the rows that the model is surest of (the anchors of each class).

In: label codes, the `Scan` of out-of-sample probabilities, the surest rows of each predicted class. Out: a factor a pair of
classes, and `Evidence`. Does not know: how a noise matrix is made of it, which rows are flagged.

A wrong label that has nothing to do with the row leaves a floor under its class's probability, which no row goes below, and
a ceiling over the right class's, at which many rows lie (anchor points: Liu and Tao, TPAMI 2016; the simplex that holds all
rows: Li, Liu, Han, Niu, Sugiyama, ICML 2021). Where classes overlap, probabilities go on rising towards the surest rows.
The probabilities of a real model also differ by chance. So the given labels of the same rows are used to measure how far
differences between probabilities mean anything (`slope`, `direction`, `trust`).
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
    """Whether the share of rows whose label is not the predicted class grows from the surest rows to the next surest ones.

    ``rising``: it grows by more than chance. ``rises``: by so much that there is no plateau, so the classes overlap.
    ``plateau``: growth of that size can be excluded, as where labels are wrong at random.
    """

    rising: bool = False
    rises: bool = False
    plateau: bool = True


EVEN = Course()


@dataclass(frozen=True)
class Evidence:
    """What the surest tenth of the rows tells about the labels.

    trusted    0 to 1, ``borne_out`` less what is wrong near the boundaries between classes (`noise.boundary_noise`)
    believed   0 to 1, `slope` times ``trusted``: how much of the differences between probabilities is taken for overlap
    surest     share of these rows whose label is the predicted class
    disagree   share of these rows with another label; ``foreseen``: the same share as the probabilities predict it;
               ``noise``: what is left of it once overlap is taken off
    n          number of these rows
    foretold   0 to 1, how well probabilities predict which other label such a row carries (`direction`)
    borne_out  ``calibrated`` times ``foretold``
    calibrated 0 to 1, how well probabilities predict how many of these rows carry any other label (`trust`)
    rise       growth of the share with another label over the next two tenths (`rise`)
    course     whether that growth is more than chance, or excluded
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
    """How far a lower top probability goes with a label other than the predicted class: 0 (not at all) to 1 (as predicted).

    The slope of the least-squares line of "carries another label" (0 or 1) on one minus the largest probability, within the
    surest `WIDE` of each predicted class, shrunk towards `PRIOR`. ``known``: rows of ``seen`` with a label. Cost: O(N log N).
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
    """How well probabilities predict, row by row, which other label a sure row carries: 0 (not at all) to 1 (as they say).

    Fitted by Newton steps: P(j | another label) ~ mean_j (p_j / mean_j)^a, with the means of the class's surest rows; a is shrunk
    towards 1. Wrong labels that have nothing to do with the row have a = 0, those of classes that overlap a = 1. 1 where K = 2.
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
    """By how much the share of rows with another label grows from each class's surest tenth to its next two tenths.

    The mean of two measurements: counted from labels, and summed from probabilities. About 0 where labels are wrong at random;
    above 0 where classes overlap.
    """
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
    """Whether growth ``by`` (of `rise`) beyond the surest ``share`` of rows is more than chance, or excluded, at one-sided 95 %."""
    top = np.asarray(seen.probs[known, 0], np.float64)
    wrong = labels[known] != seen.classes[known, 0]
    n = max(1, int(np.ceil(share * len(known))))
    surest = np.argsort(-top, kind="stable")[:n]
    one = float(wrong[surest].mean()) if len(known) else 0.0
    two = min(max(one + 2 * by, 0.0), 1.0)
    error = Z_RISE * 0.5 * float(np.sqrt(one * (1 - one) / n + two * (1 - two) / (2 * n)))
    return Course(by > max(RISE, error), by - error > max(RISE, OVERLAP * one), by + error <= OVERLAP * one)


def ceilings(seen: Scan, anchors: Rows) -> Floats:
    """(K,) probability left to other classes by a class's surest anchors, divided by the mean over all its anchors; at most 1."""
    ratio = np.ones(seen.n_classes)
    left = 1 - np.asarray(seen.probs[anchors, 0], np.float64)
    for k, rows in enumerate(rows_by_class(seen.classes[anchors, 0], seen.n_classes)):
        if len(rows):
            ratio[k] = min(
                1.0, max(float(np.quantile(left[rows], TOP)), LEAST_P) / max(float(left[rows].mean()), LEAST_P)
            )
    return ratio


def trust(disagree: float, foreseen: float, n: int) -> float:
    """How well the probabilities of the ``n`` surest rows predict how many of them carry another label: 0 to 1.

    ``disagree``: the share that does; ``foreseen``: the share that their probabilities predict. The two are equal for a
    calibrated model, whatever the noise. A model that memorised labels that are wrong at random predicts too few, because it is
    surest where it happened to miss them. ``disagree`` is lowered by its standard error first.
    """
    error = (disagree * (1 - disagree) / max(n, 1)) ** 0.5
    ratio = foreseen / max(disagree - error, 1e-9)
    much = (disagree - SLIGHT) / SLIGHT  # a few disagreeing rows bear nothing out
    return float(np.clip((ratio - NOT_AT_ALL) / (BORNE_OUT - NOT_AT_ALL), 0, 1) * np.clip(much, 0, 1))


def floors(seen: Scan, known: Rows, anchors: Rows) -> tuple[Floats, NDArray[np.int64], Floats]:
    """The least probability of class j among rows predicted k, divided by its mean among the anchors of k; at most 1.

    Returns (K,) ratios by k for all j that are not measured singly, then keys ``k * K + j`` and the ratios of those that are.
    Cost: O(N log N).
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
