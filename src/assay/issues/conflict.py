"""Copies: the duplicate columns, and what the label of copies that disagree should be.

In: duplicate clusters, splits, given labels, out-of-sample probabilities. Out: the columns of kinds "duplicate" and "conflict".
Does not know: how copies were found, what the rows are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.duplicates import Clusters

DECISIVE = 0.9  # posterior of the best class, from which the cluster's label is decided
VOTE = 1.5  # log-odds that one given label adds to its class
MOST_VOTES = 3.0  # and all of them together at most: a label that is copied with its row is one opinion
FLOOR = 1e-3  # of a probability
CELLS = 4_000_000  # probabilities in memory at once


def duplicate_issues(clusters: Clusters, splits: NDArray[Any] | None) -> dict[str, NDArray[Any]]:
    """The columns of kind "duplicate" of N rows; ``is_cross_split_duplicate`` only with splits.

    ``splits``: (N,) object, split names, None = unknown; a copy lies across splits where its cluster holds a known split
    other than its own. Cost: O(N log N).
    """
    ids = np.asarray(clusters.id, np.int64)
    found: dict[str, NDArray[Any]] = {
        "is_exact_duplicate": np.asarray(clusters.exact, bool),
        "exact_duplicate_cluster_id": np.full(len(ids), -1) if clusters.surplus is None else clusters.surplus,
        "is_near_duplicate": ids >= 0,
        "near_duplicate_score": np.asarray(clusters.score, np.float32),
        "near_duplicate_cluster_id": ids,
        "near_duplicate_kind": np.asarray(clusters.kind, object),
    }
    if splits is not None:
        names = {name: code for code, name in enumerate(dict.fromkeys(s for s in splits.tolist() if s is not None))}
        codes = np.array([-1 if name is None else names[name] for name in splits.tolist()], np.int32)
        found["is_cross_split_duplicate"] = _disagree(ids, codes)
    return found


def conflict_issues(
    clusters: Clusters,
    labels: NDArray[np.int32],
    probabilities: Callable[[NDArray[np.int64]], NDArray[np.float32]] | None,
    n_classes: int,
) -> dict[str, NDArray[Any]]:
    """The columns of kind "conflict" of N rows.

    Parameters
    ----------
    clusters : duplicate clusters of N rows.
    labels : (N,) int32 class codes, -1 = unlabelled.
    probabilities : rows -> (len(rows), n_classes), out of sample; the folds must not have split a cluster. None: what models
        say of these labels may not be claimed, and no label is decided.
    n_classes : K.

    Returns
    -------
    dict : ``is_duplicate_label_conflict`` bool, labelled members of clusters with two given labels or more;
    ``duplicate_correct_label`` int32, every member of such a cluster gets the code that its evidence decides, -1 = thin
    evidence; ``is_duplicate_label_wrong`` bool, labelled members whose label is another than that.

    Notes
    -----
    Evidence for a class: the members' mean log-probability times the square root of their number, for copies are far
    from independent, plus a vote for each given label. The votes together are bounded, so copies cannot shout down the
    model, and a tie is the model's to decide. Nothing is decided below a posterior of .9 or without finite probabilities.
    Cost: O(N log N) and one read of the rows in conflict, in blocks.
    """
    ids = np.asarray(clusters.id, np.int64)
    conflict = _disagree(ids, labels)
    correct = np.full(len(ids), -1, np.int32)
    if conflict.any() and probabilities is not None:
        in_conflict = np.unique(ids[conflict])
        rows = np.flatnonzero(np.isin(ids, in_conflict))
        rows = rows[np.argsort(ids[rows], kind="stable")]
        starts = np.searchsorted(ids[rows], in_conflict)
        for start, stop in _blocks(np.append(starts, len(rows)), max(CELLS // max(n_classes, 1), 1)):
            part = rows[start:stop]
            inside = starts[(starts >= start) & (starts < stop)] - start
            correct[part] = np.repeat(
                _decide(np.asarray(probabilities(part)), labels[part], inside), np.diff(np.append(inside, len(part)))
            )
    return {
        "is_duplicate_label_conflict": conflict,
        "is_duplicate_label_wrong": conflict & (correct >= 0) & (labels != correct),
        "duplicate_correct_label": correct,
    }


def _disagree(ids: NDArray[np.int64], codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(N,) members of a cluster that have a code (>= 0) in a cluster with two different codes."""
    out = np.zeros(len(ids), bool)
    rows = np.flatnonzero((ids >= 0) & (codes >= 0))
    if not len(rows):
        return out
    numbers, inverse = np.unique(ids[rows], return_inverse=True)
    low = np.full(len(numbers), np.iinfo(np.int32).max, np.int64)
    high = np.full(len(numbers), -1, np.int64)
    np.minimum.at(low, inverse, codes[rows])
    np.maximum.at(high, inverse, codes[rows])
    out[rows] = (low < high)[inverse]
    return out


def _blocks(bounds: NDArray[np.int64], most: int) -> list[tuple[int, int]]:
    """Runs of whole clusters of about ``most`` rows together, at least one cluster each."""
    blocks, start = [], int(bounds[0])
    for before, after in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        if after - start > most and before > start:
            blocks.append((start, before))
            start = before
    return [*blocks, (start, int(bounds[-1]))]


def _decide(
    probabilities: NDArray[np.float32], labels: NDArray[np.int32], starts: NDArray[np.int64]
) -> NDArray[np.int32]:
    """The class of each cluster of consecutive rows, -1 where no posterior reaches `DECISIVE`."""
    p = np.asarray(probabilities, np.float64)
    known = np.asarray(np.isfinite(p).all(axis=1))
    log_p = np.log(np.clip(np.where(known[:, None], p, 1.0), FLOOR, 1.0))
    sizes = np.add.reduceat(known.astype(np.int64), starts)
    evidence = np.add.reduceat(log_p, starts, axis=0) / np.sqrt(np.maximum(sizes, 1))[:, None]
    votes = np.zeros_like(evidence)
    cluster = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(p))))
    labelled = labels >= 0
    np.add.at(votes, (cluster[labelled], labels[labelled]), VOTE)
    votes *= np.minimum(1.0, MOST_VOTES / np.maximum(votes.max(1, keepdims=True), VOTE))
    evidence += votes
    evidence -= evidence.max(1, keepdims=True)
    posterior = np.exp(evidence)
    best = posterior.argmax(1)
    decided = (1 / posterior.sum(1) >= DECISIVE) & (sizes > 0)
    return np.where(decided, best, -1).astype(np.int32)
