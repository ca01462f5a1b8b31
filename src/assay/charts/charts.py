"""The numbers behind the charts, of the rows in view only.

In: a table, a mask, the folded decisions; for the timeline the times of entries. Out: JSON-able lists and dicts.
Does not know: how a chart is drawn, filters.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.checks import CHECKS
from assay.columns import BY_NAME
from assay.query.masks import final_labels, resolved
from assay.query.table import STEPS, Flags, ReviewTable

if TYPE_CHECKING:
    from assay.actions.state import State

PAIRS, CLASSES, MATRIX, POINTS = 100, 1_000, 60, 200


def corrections(
    table: ReviewTable, mask: Flags, undecided: Flags | None = None, most: int = PAIRS
) -> list[dict[str, Any]]:
    """The most suggested corrections of the label issues in ``mask`` (N,): [{given, suggested, count, open}], most first, ties
    by code. ``open``: those of them in ``undecided`` (N,), all where it is not given. Cost: O(N).
    """
    pairs, counts = _pairs(table, mask)
    k = max(len(table.classes), 1)
    order = np.argsort(-counts, kind="stable")[:most]
    left = counts if undecided is None else np.zeros_like(counts)
    if undecided is not None:
        found, n = _pairs(table, mask & undecided)
        left[np.searchsorted(pairs, found)] = n
    return [
        {"given": table.classes[pair // k], "suggested": table.classes[pair % k], "count": count, "open": still}
        for pair, count, still in zip(pairs[order].tolist(), counts[order].tolist(), left[order].tolist(), strict=True)
    ]


def correction_matrix(table: ReviewTable, mask: Flags, most: int = MATRIX) -> dict[str, Any]:
    """Label issues by given and suggested class: {labels, counts, classes}: ``counts[i][j]`` rows given ``labels[i]`` for which
    ``labels[j]`` is suggested. Only the ``most`` classes with the most issues on either side, in the order of the classes;
    ``classes``: how many have any.
    """
    pairs, counts = _pairs(table, mask)
    k = max(len(table.classes), 1)
    involved = np.bincount(pairs // k, counts, k) + np.bincount(pairs % k, counts, k)
    chosen = np.sort(np.argsort(-involved, kind="stable")[:most])
    chosen = chosen[involved[chosen] > 0]
    index_of = np.full(k, -1)
    index_of[chosen] = np.arange(len(chosen))
    given, suggested = index_of[pairs // k], index_of[pairs % k]
    inside = (given >= 0) & (suggested >= 0)
    grid = np.zeros((len(chosen), len(chosen)), np.int64)
    grid[given[inside], suggested[inside]] = counts[inside]
    return {
        "labels": [table.classes[code] for code in chosen.tolist()],
        "counts": grid.tolist(),
        "classes": int(np.count_nonzero(involved)),
    }


def _pairs(table: ReviewTable, mask: Flags) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(given * K + suggested, rows) of the label issues in the mask."""
    if "label" not in table.checks:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    rows = np.flatnonzero(mask & table.flagged("label") & (table.given >= 0) & (table.suggested >= 0))
    keys = table.given[rows].astype(np.int64) * len(table.classes) + table.suggested[rows]
    return np.unique(keys, return_counts=True)


def per_class(table: ReviewTable, mask: Flags, state: State, most: int = CLASSES) -> list[dict[str, Any]]:
    """Of each given class [{label, rows, issues, rate, decided}]: labelled rows, label issues and their share, decided rows;
    most issues first, then most rows. Cost: O(N).
    """
    k, labelled = len(table.classes), mask & (table.given >= 0)
    issue = table.flagged("label") if "label" in table.checks else np.zeros(table.n, bool)
    rows = np.bincount(table.given[labelled], minlength=k)
    issues = np.bincount(table.given[labelled & issue], minlength=k)
    decided = np.bincount(table.given[labelled & resolved(state)], minlength=k)
    order = np.lexsort((np.arange(k), -rows, -issues))
    return [
        {
            "label": table.classes[code],
            "rows": int(rows[code]),
            "issues": int(issues[code]),
            "rate": float(issues[code] / rows[code]),
            "decided": int(decided[code]),
        }
        for code in order[:most].tolist()
        if rows[code]
    ]


def histogram(table: ReviewTable, mask: Flags, score: str) -> dict[str, Any]:
    """Rows in `STEPS` equal steps from 0 to 1 of a score (its name in columns.py); a value on an edge counts above it.

    {score, check, title, direction, edges (STEPS + 1), counts, flagged, threshold}: ``flagged`` counts the rows that the score's
    check flagged; ``threshold`` is the lowest score of a flagged row of the whole dataset, None where it flagged none. Checks
    that look at more than the score do not flag every row beyond it. Cost: O(N), a few milliseconds a million rows.
    """
    check = next((check for check in CHECKS if check.score == score and check.name in table.checks), None)
    steps = table.steps(score)
    flags = np.zeros(table.n, bool) if check is None else table.flags[check.flag] & table.present
    marked = table.scores[score][flags]
    marked = marked[~np.isnan(marked)]
    return {
        "score": score,
        "check": None if check is None else check.name,
        "title": score.replace("_", " ").capitalize(),
        "direction": BY_NAME[score].direction,
        "edges": [round(at / STEPS, 6) for at in range(STEPS + 1)],
        "counts": np.bincount(steps[mask], minlength=STEPS)[:STEPS].tolist(),
        "flagged": np.bincount(steps[mask & flags], minlength=STEPS)[:STEPS].tolist(),
        "threshold": float(marked.min()) if len(marked) else None,
    }


def histograms(table: ReviewTable, mask: Flags) -> list[dict[str, Any]]:
    """`histogram` of every score that this run has, in the order of columns.py."""
    return [histogram(table, mask, name) for name in table.scores]


def balance(table: ReviewTable, mask: Flags, state: State, most: int = CLASSES) -> list[dict[str, Any]]:
    """Rows of each class by given and by final label: [{label, given, final}], most given rows first; rows left out by a
    decision do not count as final. None = unlabelled.
    """
    codes, values = final_labels(table, state)
    k = len(values)
    given = np.bincount(table.given[mask] + 1, minlength=k + 1)
    final = np.bincount(codes[mask & ~state.excluded] + 1, minlength=k + 1)
    order = np.argsort(-given, kind="stable")
    return [
        {"label": values[at - 1] if at else None, "given": int(given[at]), "final": int(final[at])}
        for at in order[:most].tolist()
        if given[at] or final[at]
    ]


def by_split(table: ReviewTable, mask: Flags, state: State) -> list[dict[str, Any]]:
    """[{split, rows, issues, resolved}] of each split in the order in which they first appear; None = no split."""
    if not table.splits:
        return []
    k, codes = len(table.splits) + 1, table.split + 1
    rows = np.bincount(codes[mask], minlength=k)
    issues = np.bincount(codes[mask & ~table.clean], minlength=k)
    done = np.bincount(codes[mask & resolved(state)], minlength=k)
    return [
        {
            "split": table.splits[at - 1] if at else None,
            "rows": int(rows[at]),
            "issues": int(issues[at]),
            "resolved": int(done[at]),
        }
        for at in [*range(1, k), 0]
        if rows[at]
    ]


def timeline(times: Sequence[str], changes: Sequence[int], points: int = POINTS) -> list[dict[str, Any]]:
    """Rows decided over time: [{at, rows, total}], one entry a step, at most ``points``.

    Parameters
    ----------
    times : ISO times of the entries, oldest first.
    changes : rows that each entry decided; negative where it took decisions back.

    Returns
    -------
    ``rows`` of the step and ``total`` up to its end; steps are single entries, or equal stretches of time where there are more
    entries than points. Steps without an entry are left out.
    """
    moments = [_moment(time) for time in times]
    if not moments:
        return []
    if len(moments) <= points:
        step = list(range(len(moments)))
    else:
        first, last = moments[0], moments[-1]
        length = max((last - first).total_seconds() / points, 1e-9)
        step = [min(int((moment - first).total_seconds() / length), points - 1) for moment in moments]
    out: list[dict[str, Any]] = []
    total, before = 0, -1
    for at, rows, where in zip(times, changes, step, strict=True):
        total += rows
        if where != before:
            out.append({"at": at, "rows": 0, "total": total})
            before = where
        out[-1] |= {"at": at, "rows": out[-1]["rows"] + rows, "total": total}
    return out


def _moment(time: str) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(time)
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
