"""Counts for the charts: corrections, classes, the histogram of label quality.

In: the overview's arrays. Out: small lists. Does not know: what is shown.
"""

from __future__ import annotations

import numpy as np

from assay.report.data import ClassCount, Histogram
from assay.report.examples import NAME, clean
from assay.report.overview import Overview

BINS = 25


def corrections(overview: Overview) -> list[tuple[int, int, int]]:
    """(given code, suggested code, count) of the label issues, most frequent first; ties by code."""
    flagged = overview.flag("is_label_issue") & (overview.given >= 0) & (overview.suggested >= 0)
    k = max(len(overview.class_names), 1)
    pairs, counts = np.unique(
        overview.given[flagged].astype(np.int64) * k + overview.suggested[flagged], return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    return [(int(pairs[i] // k), int(pairs[i] % k), int(counts[i])) for i in order]


def class_counts(overview: Overview) -> list[ClassCount]:
    """Labelled rows and label issues a class, most issues first."""
    k = len(overview.class_names)
    rows = np.bincount(overview.given[overview.given >= 0], minlength=k)
    issues = np.bincount(overview.given[overview.flag("is_label_issue") & (overview.given >= 0)], minlength=k)
    order = np.lexsort((np.arange(k), -rows, -issues))
    return [ClassCount(clean(overview.class_names[i], NAME), int(rows[i]), int(issues[i])) for i in order]


def quality_histogram(overview: Overview) -> Histogram | None:
    """Label quality of the labelled rows; None where it was not computed."""
    quality = overview.score("label_quality")
    if quality is None:
        return None
    known = (overview.given >= 0) & ~np.isnan(quality)
    if not known.any():
        return None
    values, flagged = quality[known].astype(np.float64), overview.flag("is_label_issue")[known]
    edges = np.linspace(0, 1, BINS + 1)
    counts, _ = np.histogram(np.clip(values, 0, 1), edges)
    marked, _ = np.histogram(np.clip(values[flagged], 0, 1), edges)
    threshold, agreement = _cut(values, flagged)
    return Histogram(tuple(map(int, counts)), tuple(map(int, marked)), threshold, agreement)


def _cut(values: np.ndarray, flagged: np.ndarray) -> tuple[float | None, float]:
    """The value that parts flagged rows (below) from the others with the fewest rows on the wrong side."""
    if flagged.all() or not flagged.any():
        return None, 1.0
    order = np.argsort(values, kind="stable")
    ordered, marks = values[order], flagged[order]
    ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])  # a cut goes between distinct values
    below = np.cumsum(marks)[ends]
    wrong = (ends + 1 - below) + (marks.sum() - below)  # unflagged below + flagged above
    best = int(np.argmin(wrong))
    upper = ordered[min(ends[best] + 1, len(ordered) - 1)]
    return float((ordered[ends[best]] + upper) / 2), float(1 - wrong[best] / len(values))
