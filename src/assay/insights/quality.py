"""How good the labels of each class and the model behind the checks are: noise rates, true counts, recall, calibration.

In: class codes, what one read of the out-of-sample probabilities left of each row, the label issues. Out: tables and
`Finding`s of the checks "class_noise", "label_quality" and "model_quality". Pure. Does not know: rows' contents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assay.insights.classes import rate_bounds
from assay.insights.finding import WORTH_A_WORD, Finding, quote, rows_of
from assay.insights.proposals import examples_of
from assay.insights.relations import TopProbabilities
from assay.issues.interval import Z95, wilson

BINS = 10  # of the reliability diagram
NOISY = 20  # classes that get a finding of their own
LEAST = 10  # rows of a class below which its noise rate is not named
CORRECTIONS = 3  # a class, each way
CONFUSIONS = 20
LEAST_P = 1e-7

Codes = NDArray[np.int32]
Label = Mapping[str, NDArray[Any]]


def quality_findings(
    classes: Sequence[Any],
    labels: Codes,
    seen: TopProbabilities,
    label: Label | None,
    withheld: str = "",
    verdict: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Findings about label and model quality.

    Parameters
    ----------
    labels : (N,) int32 class codes, -1 = unlabelled; aligned with ``seen`` and ``label``.
    label : None where label issues were not computed, else arrays (N,): ``is_label_issue``, ``p_label_error``,
        ``label_quality`` and ``suggested_label`` (codes).
    withheld : why label issues were not computed, for the sentence on the model; noise rates rest on them.
    verdict : what can be known of these labels, as `assay.issues.verdict.Verdict.to_dict`: it widens the intervals of noise rates.

    Notes
    -----
    Cost: O(N + K).
    """
    names = [value.item() if isinstance(value, np.generic) else value for value in classes]
    found = []
    known = (labels >= 0) & seen.analyzed
    if not known.any():
        return []
    table = None if label is None else class_table(names, labels, seen, label, verdict)
    if label is not None and table is not None:
        found += _label_quality(np.asarray(label["label_quality"], np.float64)[known])
        found += _noisy(table, names, labels, label)
    quality = model_quality(names, labels, seen, label, table)
    if withheld:
        quality = replace(
            quality, message=f"{quality.message} Noise rates of classes are withheld as all label findings are."
        )
    return [*found, quality]


def class_table(
    names: list[Any],
    labels: Codes,
    seen: TopProbabilities,
    label: Label,
    verdict: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """One dict a class: rows given, estimated true rows, noise rate with interval, corrections both ways, quality, recall
    and precision of the model out of sample (the given labels taken as right). NaN where there are no such rows.

    ``own_low``: the interval's lower end as far as this class alone is uncertain, for comparisons between classes: that the rate of the
    dataset is not known exactly moves all of them alike."""
    size = len(names)
    known = (labels >= 0) & seen.analyzed
    given, predicted = labels[known].astype(np.int64), seen.classes[known, 0].astype(np.int64)
    error = np.nan_to_num(np.asarray(label["p_label_error"], np.float64)[known])
    quality = np.asarray(label["label_quality"], np.float64)[known]
    rows = np.bincount(given, minlength=size)
    wrong = np.bincount(given, error, size)
    spread = np.bincount(given, error * (1 - error), size)
    rate = float(error.mean()) if len(error) else 0.0
    # a row leaves its class with probability p_label_error, for the likeliest other one
    other = np.where(predicted == given, seen.classes[known, min(1, seen.classes.shape[1] - 1)], predicted)
    true = rows - wrong + np.bincount(other, error, size)
    hits = np.bincount(given[predicted == given], minlength=size)
    asked = np.bincount(predicted, minlength=size)
    quality_sum = np.bincount(given, np.nan_to_num(quality), size)
    away, into = _flows(labels, label, names)
    unsure = list((verdict or {}).get("of_class") or [0.0] * size)
    out = []
    for code, name in enumerate(names):
        n = int(rows[code])
        low, high = class_bounds(float(wrong[code]), float(spread[code]), n, rate, verdict, unsure[code])
        own_low = class_bounds(float(wrong[code]), float(spread[code]), n, rate, None, unsure[code])[0]
        out.append(
            {
                "class": name,
                "rows": n,
                "true_rows": round(float(true[code]), 1),
                "noise": _share(wrong[code], n),
                "low": round(low, 4),
                "high": round(high, 4),
                "own_low": round(own_low, 4),
                "away": away.get(code, []),
                "into": into.get(code, []),
                "quality": _share(quality_sum[code], n),
                "recall": _share(hits[code], n),
                "precision": _share(hits[code], int(asked[code])),
            }
        )
    return out


def class_bounds(
    wrong: float, variance: float, n: int, rate: float, verdict: Mapping[str, Any] | None, unsure: float = 0.0
) -> tuple[float, float]:
    """95 % interval of a class's share of wrong labels.

    ``wrong`` of its ``n`` labels are estimated to be, which as independent draws vary by ``variance``. Three uncertainties, as the root of
    the sum of their squares: chance in this class (the wider of what the draws and Wilson's interval say), what is uncertain for all
    classes alike, the dataset's ``rate`` of wrong labels between the ends of `assay.insights.classes.rate_bounds`, and how few of the
    surest rows tell that wrong labels go to this class (``unsure``, a standard error in rows).
    """
    if n <= 0:
        return 0.0, 1.0
    share = min(max(wrong / n, 0.0), 1.0)
    low, high = wilson(wrong, n)
    reach = Z95 * math.sqrt(max(variance, 0.0)) / n
    least, most = rate_bounds(rate, verdict, n) if verdict and rate > 0 else (rate, rate)
    scale = share / rate if rate > 0 else 0.0
    own = Z95 * unsure / n
    down = math.hypot(max(share - low, reach), scale * (rate - least), own)
    up = math.hypot(max(high - share, reach), scale * (most - rate), own)
    return max(0.0, share - down), min(1.0, share + up)


def _share(part: float, n: int) -> float | None:
    return round(float(part) / n, 4) if n else None


def _flows(labels: Codes, label: Label, names: list[Any]) -> tuple[dict[int, list[Any]], dict[int, list[Any]]]:
    """The commonest corrections away from and into each class: [[other class, rows], ...]."""
    suggested = np.asarray(label["suggested_label"], np.int64)
    rows = np.flatnonzero(np.asarray(label["is_label_issue"], bool) & (labels >= 0) & (suggested >= 0))
    pairs, times = np.unique(labels[rows].astype(np.int64) * len(names) + suggested[rows], return_counts=True)
    away: dict[int, list[Any]] = {}
    into: dict[int, list[Any]] = {}
    for at in np.argsort(-times, kind="stable").tolist():
        one, two = divmod(int(pairs[at]), len(names))
        for flow, code, other in ((away, one, two), (into, two, one)):
            held = flow.setdefault(code, [])
            if len(held) < CORRECTIONS:
                held.append([names[other], int(times[at])])
    return away, into


def _label_quality(quality: NDArray[np.float64]) -> list[Finding]:
    good = quality[np.isfinite(quality)]
    if not len(good):
        return []
    score = float(good.mean())
    reach = Z95 * float(good.std()) / math.sqrt(len(good))
    message = f"The mean label quality of {rows_of(len(good))} is {score:.2f} of 1."
    return [
        Finding(
            "label_quality",
            "Label quality",
            [],
            message,
            {"labels": len(good)},
            strength=round(score, 4),
            low=round(max(0.0, score - reach), 4),
            high=round(min(1.0, score + reach), 4),
            rows=len(good),
        )
    ]


def _noisy(table: list[dict[str, Any]], names: list[Any], labels: Codes, label: Label) -> list[Finding]:
    """Classes whose labels are surely worse than the dataset's, sure for all classes that are asked together (Bonferroni).

    How many labels are wrong in all may be uncertain, and is for the class as for the others: it does not count in the comparison."""
    error = np.nan_to_num(np.asarray(label["p_label_error"], np.float64))
    total = sum(line["rows"] for line in table)
    mean = sum((line["noise"] or 0) * line["rows"] for line in table) / max(total, 1)
    asked = sum(line["rows"] >= LEAST for line in table)
    wider = float(ndtri(1 - 0.025 / max(asked, 1))) / Z95
    noisy = [
        code
        for code, line in enumerate(table)
        if line["rows"] >= LEAST
        and line["noise"] - wider * (line["noise"] - line["own_low"]) > mean
        and line["noise"] >= 0.02
    ]
    noisy.sort(key=lambda code: (-table[code]["noise"], code))
    found = []
    for code in noisy[:NOISY]:
        line = table[code]
        rows = np.flatnonzero((labels == code) & (error > 0))
        rows = rows[np.argsort(-error[rows], kind="stable")]
        often = [(name, count) for name, count in line["away"] if count >= WORTH_A_WORD]
        flows = ", ".join(f"{quote(name)} ({count:,})" for name, count in often)
        message = (
            f"About {line['noise']:.0%} of the {line['rows']:,} labels {quote(line['class'])} are estimated to be wrong "
            f"({line['low']:.0%} to {line['high']:.0%}), against {mean:.0%} in the dataset."
            + (f" Most often suggested instead: {flows}." if flows else "")
        )
        found.append(
            Finding(
                "class_noise",
                "Noisy class",
                [names[code]],
                message,
                {key: line[key] for key in line if key != "class"},
                classes=[names[code]],
                strength=line["noise"],
                low=line["low"],
                high=line["high"],
                rows=round(line["noise"] * line["rows"]),
                examples=examples_of(rows),
                action={
                    "kind": "move_suggested",
                    "title": f"Give label issues of {quote(names[code])} their suggested label",
                    "between": [names[code]],
                }
                if line["away"]
                else None,
            )
        )
    return found


def model_quality(
    names: list[Any],
    labels: Codes,
    seen: TopProbabilities,
    label: Label | None,
    table: list[dict[str, Any]] | None,
) -> Finding:
    """Accuracy, log-loss, confusions and reliability of the out-of-sample predictions, with and without label issues; and
    the ``table`` of `class_table` where there is one."""
    known = (labels >= 0) & seen.analyzed
    every = measures(labels, seen, known)
    data: dict[str, Any] = {"all": every}
    message = (
        f"Out of sample the model gives {every['accuracy']:.1%} of the labels as they were given "
        f"(log-loss {max(every['log_loss'], 0.0) + 0.0:.3f} nats, calibration error {every['calibration_error']:.3f})"
    )
    if label is not None:
        kept = known & ~np.asarray(label["is_label_issue"], bool)
        if kept.any():
            data["unflagged"] = measures(labels, seen, kept)
        if 0 < kept.sum() < known.sum():  # without label issues it is the same number twice
            message += f", and {data['unflagged']['accuracy']:.1%} of those that are no label issue"
    if table is not None:
        data["classes"] = table
    wrong = known & (seen.classes[:, 0] != labels)
    pairs, times = np.unique(labels[wrong].astype(np.int64) * len(names) + seen.classes[wrong, 0], return_counts=True)
    order = np.argsort(-times, kind="stable")[:CONFUSIONS]
    data["confusions"] = [
        {"given": names[pair // len(names)], "predicted": names[pair % len(names)], "rows": count}
        for pair, count in zip(pairs[order].tolist(), times[order].tolist(), strict=True)
    ]
    low, high = wilson(every["accuracy"] * every["rows"], every["rows"])
    return Finding(
        "model_quality", "Model quality", [], message + ".", data, strength=every["accuracy"], low=round(low, 4),
        high=round(high, 4), rows=every["rows"],
    )  # fmt: skip


def measures(labels: Codes, seen: TopProbabilities, rows: NDArray[np.bool_]) -> dict[str, Any]:
    """Accuracy, log-loss (nats), expected calibration error and the reliability diagram over some rows."""
    top = np.clip(np.asarray(seen.probs[rows, 0], np.float64), 0, 1)
    right = seen.classes[rows, 0] == labels[rows]
    given = np.asarray(seen.given[rows], np.float64)
    where = np.minimum((top * BINS).astype(np.int64), BINS - 1)
    count = np.bincount(where, minlength=BINS)
    stated, real = np.bincount(where, top, BINS), np.bincount(where, right, BINS)
    return {
        "rows": int(rows.sum()),
        "accuracy": round(float(right.mean()), 4),
        "log_loss": round(float(-np.log(np.maximum(given, LEAST_P)).mean()), 4),
        "calibration_error": round(float(np.abs(stated - real).sum() / max(count.sum(), 1)), 4),
        "reliability": [
            {"rows": int(c), "confidence": round(float(s / c), 4), "accuracy": round(float(r / c), 4)}
            for c, s, r in zip(count, stated, real, strict=True)
            if c
        ],
    }
