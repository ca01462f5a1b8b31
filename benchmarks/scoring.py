"""How good scores and flags are, against the truth.

In: truth, scores (large = faulty), flags. Out: AUROC, average precision, precision, recall, F1.
Does not know: who made them. Oracle: scikit-learn computes the curves.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

Pair = tuple[int, int]


def score(truth: ArrayLike, scores: ArrayLike | None, flags: ArrayLike) -> dict[str, Any]:
    """All measures; a missing score (NaN) counts as the least suspicious."""
    truth, flags = np.asarray(truth, bool), np.asarray(flags, bool)
    out = of_flags(int((truth & flags).sum()), int(flags.sum()), int(truth.sum()))
    if scores is not None:
        values = np.asarray(scores, float)
        values = np.nan_to_num(values, nan=np.nanmin(values, initial=0.0) - 1)
        out["auroc"] = round(float(roc_auc_score(truth, values)), 4)
        out["ap"] = round(float(average_precision_score(truth, values)), 4)
    return out


def of_flags(hits: int, flagged: int, faults: int) -> dict[str, Any]:
    """From counts. Precision of no flags is undefined (None)."""
    precision = hits / flagged if flagged else None
    recall = hits / faults if faults else None
    f1 = 2 * hits / (flagged + faults) if flagged + faults else None
    named = {"precision": precision, "recall": recall, "f1": f1}
    rounded = {name: None if value is None else round(value, 4) for name, value in named.items()}
    return {"faults": faults, "flagged": flagged, **rounded}


def pairs_of(clusters: ArrayLike) -> set[Pair]:
    """All pairs of rows with the same cluster number (0 and up)."""
    members: dict[int, list[int]] = {}
    for row, number in enumerate(np.asarray(clusters).tolist()):
        if number >= 0:
            members.setdefault(number, []).append(row)
    return {pair for rows in members.values() for pair in combinations(rows, 2)}


def closure(pairs: Iterable[Pair], n: int) -> NDArray[np.int64]:
    """Pairs -> cluster numbers, copies of copies being copies; -1 = in no pair."""
    leader = list(range(n))

    def find(row: int) -> int:
        while leader[row] != row:
            row = leader[row]
        return row

    listed = [(int(a), int(b)) for a, b in pairs]
    for a, b in listed:
        leader[find(b)] = find(a)
    inside = {row for pair in listed for row in pair}
    return np.array([find(row) if row in inside else -1 for row in range(n)], np.int64)


def score_pairs(truth: set[Pair], ignored: set[Pair], found: set[Pair]) -> dict[str, Any]:
    """Pairs that are neither right nor wrong (``ignored``) count on no side."""
    found, truth = found - ignored, truth - ignored
    return of_flags(len(found & truth), len(found), len(truth))
