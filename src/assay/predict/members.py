"""The models whose probabilities are blended: heads on every view and on all of them, the graph's vote, probabilities made elsewhere.

In: views (vectors), labels, folds, the graph. Out: models that give rows' log-probabilities, out of sample.
Does not know: how they are weighted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.predict.linear import Head, discriminants
from assay.predict.logistic import beside, logistic_heads
from assay.predict.vote import vote

MAX_LOGISTIC, MAX_LOGISTIC_NUMBERS = 200_000, 20_000_000  # rows, probabilities
PASSES = {"regular": 8, "best": 20}  # of the logistic head ...
MANY, PASSES_OF_MANY = 20_000, 4  # ... and with the regular effort above so many rows
FLOOR = np.float32(1e-7)
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Problem:
    """What is learned from. ``neighbors``: (ids, distances) of the graph; ``extra``: probabilities made elsewhere, out of
    sample, whose rows of NaN fall back on the prior."""

    views: Mapping[str, NDArray[Any]]
    labels: NDArray[np.int32]
    folds: NDArray[np.int8]
    neighbors: tuple[NDArray[np.int32], NDArray[np.float32]] | None
    n_classes: int
    extra: Mapping[str, Floats]
    effort: str
    seed: int
    threads: int


@dataclass(frozen=True)
class Heads:
    """A linear head a fold, and the views, name -> (N, d), that they see side by side."""

    heads: list[Head]
    views: Mapping[str, NDArray[Any]]
    folds: NDArray[np.int8]

    def __call__(self, rows: NDArray[np.int64]) -> Floats:
        """Log-probabilities (n, K), out of sample, but for a constant a row."""
        whole = len(rows) == rows[-1] - rows[0] + 1
        block = beside([*self.views.values()], slice(rows[0], rows[-1] + 1) if whole else rows)
        return head_scores(self.heads, block, self.folds[rows])


@dataclass(frozen=True)
class Vote:
    """The vote of the nearest neighbours: ids (N, k) of the graph, and the labels, folds and voters it counts (`vote`)."""

    ids: NDArray[np.int32]
    labels: NDArray[np.int32]
    folds: NDArray[np.int8]
    prior: Floats
    voters: NDArray[np.bool_]

    def __call__(self, rows: NDArray[np.int64]) -> Floats:
        # a row that is not learned from still has its own fold, so that its group stays out
        return np.log(vote(self.ids[rows], self.folds[rows], self.labels, self.folds, self.prior, self.voters))


@dataclass(frozen=True)
class Given:
    """Probabilities (N, K) that were made elsewhere, the prior for rows of NaN."""

    values: NDArray[np.float32]
    prior: Floats

    def __call__(self, rows: NDArray[np.int64]) -> Floats:
        return given_scores(self.values[rows], self.prior)


Member = Heads | Vote | Given


def head_scores(heads: list[Head], block: Floats, folds: NDArray[np.int8]) -> Floats:
    """(n, K) of vectors (n, d): the head of a row's fold, or the mean of all heads for a row of none (-1)."""
    out = np.empty((len(block), heads[0].weights.shape[1]), np.float32)
    for fold, head in enumerate(heads):
        if (chosen := folds == fold).any():
            out[chosen] = head.scores(block[chosen])
    if (loose := folds < 0).any():
        out[loose] = sum(head.scores(block[loose]) for head in heads) / np.float32(len(heads))
    return out


def given_scores(values: NDArray[np.float32], prior: Floats) -> Floats:
    """Logarithms of probabilities (n, K), the prior in place of rows of NaN."""
    block = np.array(values, np.float32)
    block[~np.isfinite(block).all(1)] = prior
    return np.log(np.maximum(block, FLOOR))


def logistic_passes(n_rows: int, n_classes: int, effort: str) -> int:
    """Steps that the logistic head is fitted with; 0 where it is left out: too little effort, too many rows or classes."""
    affordable = n_rows <= MAX_LOGISTIC and n_rows * n_classes <= MAX_LOGISTIC_NUMBERS
    if not affordable or effort not in PASSES:
        return 0
    return PASSES_OF_MANY if effort == "regular" and n_rows > MANY else PASSES[effort]


def members_of(problem: Problem, use: NDArray[np.bool_], prior: Floats) -> tuple[dict[str, Member], list[str]]:
    """Models by name, learned from the rows of ``use``, and notes on what was left out."""
    labels, folds, k = problem.labels, problem.folds, problem.n_classes
    members: dict[str, Member] = {}
    notes: list[str] = []
    for name, x in problem.views.items():
        heads = discriminants(x, labels, folds, use, k, threads=problem.threads)
        members[f"{name}/lda"] = Heads(heads, {name: x}, folds)
    passes = logistic_passes(len(labels), k, problem.effort)
    if passes and problem.views:
        views = [*problem.views.values()]
        heads = logistic_heads(views, labels, folds, use, k, passes=passes, threads=problem.threads)
        members["logistic"] = Heads(heads, problem.views, folds)
    elif problem.effort in PASSES:
        notes.append("the logistic head was left out: too many rows or classes for this effort")
    if problem.neighbors is not None:
        members["neighbors"] = Vote(problem.neighbors[0], labels, folds, prior, use)
    for name, values in problem.extra.items():
        members[name] = Given(values, prior)
    return members, notes
