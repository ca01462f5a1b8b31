"""Findings about classes: misspelt names, rare ones, the rate of wrong labels, the most common corrections.

In: class names, class codes, the label issues where that check ran. Out: findings.
Does not know: rows' contents, probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.insights.finding import Finding, quote
from assay.insights.names import misspelt
from assay.issues.interval import wilson

FEW = 5  # labelled rows below which a class is rare: there are five folds
CORRECTIONS = 20
COPIED = 0.9  # of the labelled rows are originals: below that it is said how many
NAMED = 5  # classes named in one sentence
ALONE = 1.5  # surest rows that disagree: fewer prove nothing
NONE = 0.0005  # a rate that would be printed as 0.0 %


def class_findings(
    classes: Sequence[Any],
    codes: NDArray[np.int32],
    summary: Mapping[str, NDArray[Any]] | None,
    verdict: Mapping[str, Any] | None = None,
    originals: int | None = None,
) -> list[Finding]:
    """Findings, the most general first.

    Parameters
    ----------
    classes : K class names or numbers.
    codes : (N,) int32 class codes, -1 = unlabelled.
    summary : None where label issues were not computed, else (N,) arrays ``is_label_issue`` bool, ``p_label_error`` float32
        (NaN = not computed) and ``suggested_label`` int32 codes (-1 = none).
    verdict : what can be known of these labels, as `assay.issues.verdict.Verdict.to_dict`; default: all.
    originals : labelled rows with copies of one thing counted once: so many say something about the rate; default: all.

    Notes
    -----
    Cost: O(N + K^2) in C; 5,000 classes take seconds.
    """
    names = [value.item() if isinstance(value, np.generic) else value for value in classes]
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    found: list[Finding] = []
    if verdict and verdict["withheld"]:
        message = (
            f"{verdict['withheld'][0].upper()}{verdict['withheld'][1:]}. So are relations between classes, noise rates of classes "
            "and which of two copies is labelled right: they rest on the same predictions."
        )
        data = {"accuracy": verdict["accuracy"], "surest": verdict["surest"]}
        found.append(Finding("labels_withheld", "Label findings withheld", [], message, data))
    if summary is not None:
        p_error = np.asarray(summary["p_label_error"], np.float64)
        found += (
            _at_most(codes, p_error, verdict)
            if verdict and verdict["at_most"]
            else _error_rate(codes, p_error, verdict, originals)
        )
        found += _corrections(names, codes, summary)
    found += _class_names(names, counts)
    return found + _rare_classes(names, counts)


def _error_rate(
    codes: NDArray[np.int32], p_error: NDArray[np.float64], verdict: Mapping[str, Any] | None, originals: int | None
) -> list[Finding]:
    """The mean probability of error, with `rate_bounds`."""
    p = p_error[(codes >= 0) & np.isfinite(p_error)]
    if not len(p):
        return []
    rate = float(np.clip(p.mean(), 0, 1))
    n = min(len(p), originals or len(p))
    copied = f", copies counted once: {n:,}" if n < COPIED * len(p) else ""
    low, high = rate_bounds(rate, verdict, len(p), originals)
    interval = f"(95% interval {low:.1%} to {high:.1%}{copied})"
    message = f"About {rate:.1%} of the {len(p):,} labels are estimated to be wrong {interval}."
    if rate < NONE:
        few = "Hardly any" if (p > 0.5).any() else "None"  # corrections that are named below contradict none
        message = f"{few} of the {len(p):,} labels is estimated to be wrong {interval}."
    data = {"rate": rate, "low": low, "high": high, "labels": len(p)}
    return [Finding("label_error_rate", "Wrong labels, estimated", [], message, data)]


def rate_bounds(
    rate: float, verdict: Mapping[str, Any] | None, n: int, originals: int | None = None
) -> tuple[float, float]:
    """95 % interval of the share of wrong labels that is estimated as ``rate`` among ``n`` labels.

    Where a model is too sure, or not sure enough, all its probabilities are off in the same direction, so a large ``n`` does not make
    the estimate more exact. What does is the share of the surest rows that carry another label (``told``, over ``sure_rows`` rows, of
    the verdict). The interval is the smallest that holds two others: Wilson's of that share, and one of the same width around the
    estimate. Where only one of these rows carries another label, the lower end is 0. Without a verdict it is Wilson's interval of
    ``rate`` over all labels. Copies of one thing count once: ``originals`` of the ``n`` labels are independent.
    """
    witnesses = max(1, min(n, originals or n))
    if verdict is None or not verdict.get("sure_rows"):
        return wilson(rate * witnesses, witnesses)
    told = float(verdict["told"])
    sure = max(1, round(verdict["sure_rows"] * witnesses / n))
    low, high = wilson(told * sure, sure)
    low = low if told * sure > ALONE else 0.0
    return max(0.0, min(low, rate - (told - low))), min(1.0, max(high, rate + (high - told)))


def _at_most(codes: NDArray[np.int32], p_error: NDArray[np.float64], verdict: Mapping[str, Any]) -> list[Finding]:
    """Where classes overlap: what the surest rows allow, for noise cannot be told from overlap."""
    p = p_error[(codes >= 0) & np.isfinite(p_error)]
    if not len(p):
        return []
    rate = float(np.clip(p.mean(), 0, 1))
    bound = max(rate, float(verdict["bound"]))
    message = (
        f"At most {bound:.1%} of the {len(p):,} labels are wrong. The classes overlap (accuracy {verdict['accuracy']:.2f}, "
        f"surest tenth {verdict['surest']:.2f}), so that wrong labels cannot be told from rows that could be of either class."
    )
    data = {"rate": bound, "low": 0.0, "high": bound, "labels": len(p), "at_most": True}
    return [Finding("label_error_rate", "Wrong labels, at most", [], message, data)]


def _corrections(names: list[Any], codes: NDArray[np.int32], summary: Mapping[str, NDArray[Any]]) -> list[Finding]:
    suggested = np.asarray(summary["suggested_label"], np.int64)
    rows = np.flatnonzero(np.asarray(summary["is_label_issue"], bool) & (codes >= 0) & (suggested >= 0))
    if not len(rows):
        return []
    pairs, times = np.unique(codes[rows].astype(np.int64) * len(names) + suggested[rows], return_counts=True)
    order = np.argsort(-times, kind="stable")[:CORRECTIONS]
    top = [
        {"given": names[pair // len(names)], "suggested": names[pair % len(names)], "count": count}
        for pair, count in zip(pairs[order].tolist(), times[order].tolist(), strict=True)
    ]
    often = [one for one in top if one["count"] > 1][:NAMED]
    shown = ", ".join(
        f"{quote(one['given'])} to {quote(one['suggested'])} ({one['count']:,})" for one in often or top[:NAMED]
    )
    subject = list(dict.fromkeys(name for one in top for name in (one["given"], one["suggested"])))
    message = f"The most common corrections: {shown}." if often else f"No correction is suggested twice: {shown}."
    return [Finding("corrections", "Most common corrections", subject, message, {"pairs": top, "distinct": len(pairs)})]


def _class_names(names: list[Any], counts: NDArray[np.int64]) -> list[Finding]:
    found = []
    for wrong, right, kind in misspelt(names, counts):
        few, many = int(counts[wrong]), int(counts[right])
        how = "differs only in case, spaces or punctuation from" if kind == "variant" else "looks like a misspelling of"
        message = (
            f"The class {quote(names[wrong])} ({few:,} {_rows(few)}) {how} {quote(names[right])} "
            f"({many:,} {_rows(many)}); merge the first into the second if they mean the same."
        )
        data = {"merge": names[wrong], "into": names[right], "count": few, "into_count": many, "kind": kind}
        found.append(Finding("class_names", "Misspelt class name", [names[wrong], names[right]], message, data))
    return found


def _rare_classes(names: list[Any], counts: NDArray[np.int64]) -> list[Finding]:
    rare = np.flatnonzero((counts > 0) & (counts < FEW))
    if not len(rare):
        return []
    rare = rare[np.argsort(counts[rare], kind="stable")]
    listed = ", ".join(f"{quote(names[code])} ({counts[code]})" for code in rare[:NAMED].tolist())
    more = f" and {len(rare) - NAMED:,} more" if len(rare) > NAMED else ""
    one = len(rare) == 1
    message = (
        f"{len(rare):,} {'class has' if one else 'classes have'} fewer than {FEW} labelled rows, too few to judge "
        f"{'its' if one else 'their'} labels: {listed}{more}."
    )
    subject = [names[code] for code in rare.tolist()]
    return [
        Finding("rare_classes", "Rare classes", subject, message, {"counts": counts[rare].tolist(), "fewer_than": FEW})
    ]


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"
