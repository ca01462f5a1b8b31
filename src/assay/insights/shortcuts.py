"""Properties that give a label away, and groups of rows on which the model does badly.

In: class codes, measured properties, predictions. Out: `Finding`s of the checks "property_shortcut" and "weak_group". Pure.
Does not know: how properties are measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.insights.finding import Finding, in_words, quote, rows_of
from assay.insights.proposals import examples_of
from assay.issues.interval import wilson
from assay.printable import listed

TELLS = 0.90  # area under the ROC curve of one property for one class against the rest ...
LEAST_CLASS = 20  # ... of at least so many rows
SURE_Z = 6.0  # ... and so many standard errors beyond one half
RANKS = 0.4  # share of what there is to know about the label that one property tells
BINS = 20
EDGES = (0.1, 0.9)  # outer tenths of a property are groups
GROUP_ROWS = 30
WORSE = 0.10  # accuracy of a weak group: at least so much lower than the rest's ...
WEAK_Z = 5.0  # ... by so many standard errors
SAME_ROWS = 0.5  # share of a weak group's rows in a weaker one: then it says nothing new
MOST = 10
ALSO = "\0"  # where a sentence names the other properties
ACCIDENT = "If that is an accident of how rows were collected, a model will learn the accident."

Codes = NDArray[np.int32]
Numbers = NDArray[np.float64]


def property_shortcuts(
    names: Sequence[Any], codes: Codes, properties: Mapping[str, Numbers], rows: NDArray[np.int64]
) -> list[Finding]:
    """Classes that one property (brightness, length, size ...) tells from all the others, and properties that alone tell
    much of the label.

    Such a property may be what the class is, or an accident of how its rows were collected: the sentence says so. One finding a
    class and one for the label, with the strongest property; ``data["also"]`` names the others. At most ten, strongest
    first. Cost: a sort of each property and O(N) a class with at least 20 rows.
    """
    from scipy.stats import rankdata

    found: list[Finding] = []
    for name, value in properties.items():
        good = np.flatnonzero((codes >= 0) & np.isfinite(value))
        if len(good) < 2 * LEAST_CLASS or np.ptp(value[good]) == 0:
            continue
        labels, told = codes[good].astype(np.int64), in_words(name)
        ranks = rankdata(value[good])
        count = np.bincount(labels, minlength=len(names))
        rank_sum = np.bincount(labels, ranks, len(names))
        hits = []
        for code in np.flatnonzero((count >= LEAST_CLASS) & (len(good) - count >= LEAST_CLASS)).tolist():
            n = int(count[code])
            rest = len(good) - n
            auc = float((rank_sum[code] - n * (n + 1) / 2) / (n * rest))
            error = np.sqrt((n + rest + 1) / (12 * n * rest))
            if max(auc, 1 - auc) >= TELLS and abs(auc - 0.5) / error >= SURE_Z:
                hits.append((code, auc))
        share = _tells(value[good], labels, len(names))
        if share >= RANKS:
            message = f"The property “{told}” alone tells {share:.0%} of what there is to know about the label{ALSO}. {ACCIDENT}"
            found.append(
                Finding(
                    "property_shortcut",
                    "A property that tells the label",
                    [name],
                    message,
                    {"property": name},
                    "label",
                    strength=round(share, 4),
                    rows=len(good),
                    examples=examples_of(rows[good]),
                )
            )
        for code, auc in hits:
            low_side = auc < 0.5
            strength = max(auc, 1 - auc)
            members = good[labels == code]
            middle, others = np.median(value[members]), np.median(value[good[labels != code]])
            message = (
                f"Rows given {quote(names[code])} have {'lower' if low_side else 'higher'} {told} than the others (middle value "
                f"{middle:.4g} against {others:.4g}): the property alone tells the class{ALSO}. {ACCIDENT}"
            )
            found.append(
                Finding(
                    "property_shortcut",
                    "A property that tells a class",
                    [names[code], name],
                    message,
                    {"property": name, "middle": float(middle), "others": float(others)},
                    "class",
                    [names[code]],
                    round(strength, 4),
                    None,
                    None,
                    len(members),
                    examples_of(rows[members]),
                )
            )
    return _one_each(sorted(found, key=lambda f: -(f.strength or 0)))[:MOST]


def _one_each(found: Sequence[Finding]) -> list[Finding]:
    """One finding for the label and one a class, with the strongest property; the others are named in it."""
    grouped: dict[tuple[str, tuple[Any, ...]], list[Finding]] = {}
    for finding in found:
        grouped.setdefault((finding.title, tuple(finding.classes)), []).append(finding)
    out = []
    for first, *rest in grouped.values():
        names = [str(other.data["property"]) for other in rest]
        words = [in_words(name) for name in names]
        also = f", and so {'does' if len(names) == 1 else 'do'} {listed(words)}" if names else ""
        out.append(replace(first, message=first.message.replace(ALSO, also), data=first.data | {"also": names}))
    return out


def _tells(value: Numbers, labels: NDArray[np.int64], size: int) -> float:
    """Share of the labels beyond the mean over classes of chance that the commonest class of a bin gets right, classes
    weighed alike; bins from one half of the rows, judged on the other, both ways."""
    edges = np.unique(np.quantile(value, np.linspace(0, 1, BINS + 1)[1:-1]))
    where = np.searchsorted(edges, value, side="right")
    half = np.arange(len(value)) * 0.6180339887498949 % 1 < 0.5
    weight = 1 / np.maximum(np.bincount(labels, minlength=size), 1)
    right = np.zeros(size)
    for learn in (half, ~half):
        table = np.zeros((BINS, size))
        np.add.at(table, (where[learn], labels[learn]), weight[labels[learn]])
        guess = table.argmax(1)[where[~learn]]
        right += np.bincount(labels[~learn], (guess == labels[~learn]) * weight[labels[~learn]], size)
    alive = int((np.bincount(labels, minlength=size) > 0).sum())
    if alive < 2:
        return 0.0
    return float(max(0.0, (right.sum() / alive - 1 / alive) / (1 - 1 / alive)))


def weak_groups(
    codes: Codes,
    right: NDArray[np.bool_],
    properties: Mapping[str, Numbers],
    groups: Mapping[str, NDArray[np.bool_]],
    rows: NDArray[np.int64],
    expected: Numbers | None = None,
) -> list[Finding]:
    """Groups of rows whose label the model gives much more rarely than elsewhere.

    Parameters
    ----------
    right : (N,) the model's out-of-sample prediction is the given label.
    properties : name -> (N,) numbers; the lowest and highest tenth of each is a group.
    groups : description ("rows whose split is “test”") -> (N,) mask.
    expected : (N,) accuracy of the row's class: a group is compared with what its classes reach, so that a group is not
        weak because a hard class is in it. Default: the accuracy of all rows.

    Notes
    -----
    At most ten, the largest loss first. Cost: a sort a property.
    """
    known = codes >= 0
    mean = np.full(len(codes), right[known].mean() if known.any() else 0.0) if expected is None else expected
    asked: dict[str, NDArray[np.bool_]] = dict(groups)
    for name, value in properties.items():
        good = known & np.isfinite(value)
        if good.sum() < 10 * GROUP_ROWS:
            continue
        low, high = np.quantile(value[good], EDGES)
        told = in_words(name)
        if low < high:
            asked[f"rows whose {told} is {low:.4g} or less"] = good & (value <= low)
            asked[f"rows whose {told} is {high:.4g} or more"] = good & (value >= high)
    found = []
    for description, mask in asked.items():
        inside = np.flatnonzero(mask & known)
        rest = int(known.sum()) - len(inside)
        if len(inside) < GROUP_ROWS or rest < GROUP_ROWS:
            continue
        hit, hoped = float(right[inside].mean()), float(mean[inside].mean())
        error = np.sqrt(max(hoped * (1 - hoped), 0.01) / len(inside))
        if hoped - hit < WORSE or (hoped - hit) / error < WEAK_Z:
            continue
        low_share, high_share = wilson(hit * len(inside), len(inside))
        message = (
            f"The model does badly on {description}: it gives {hit:.0%} of {rows_of(len(inside))} their label, where their "
            f"classes reach {hoped:.0%}."
        )
        wrong = inside[~right[inside]]
        finding = Finding(
            "weak_group",
            "A group the model does badly on",
            [description],
            message,
            {"accuracy": round(hit, 4), "expected": round(hoped, 4)},
            "group",
            [],
            round(hoped - hit, 4),
            round(max(0.0, hoped - high_share), 4),
            round(max(0.0, hoped - low_share), 4),
            len(inside),
            examples_of(rows[wrong]),
        )
        found.append((finding, inside))
    return _apart(found)[:MOST]


def _apart(found: Sequence[tuple[Finding, NDArray[np.int64]]]) -> list[Finding]:
    """The largest loss first, without groups of which most rows are in one before."""
    out: list[Finding] = []
    told: list[NDArray[np.int64]] = []
    for finding, rows in sorted(found, key=lambda one: -(one[0].strength or 0)):
        if not any(np.isin(rows, before).mean() > SAME_ROWS for before in told):
            out.append(finding)
            told.append(rows)
    return out
