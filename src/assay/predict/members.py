"""The models whose probabilities are blended: heads on every embedding, the graph's vote, probabilities made elsewhere.

In: embeddings (vectors), labels, folds, the graph. Out: models that give rows' log-probabilities, out of sample.
Does not know: how they are weighted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.predict.linear import Head, discriminants, softmax_heads
from assay.predict.vote import vote

MAX_SOFTMAX, MAX_SOFTMAX_NUMBERS = 200_000, 20_000_000  # rows, probabilities
EPOCHS = {"regular": 3, "best": 10}
# Rows seen in training, at least: with 10 % uniform noise average precision rises by .001 to .002 from three to six or twelve
# epochs on clinc150 and Fashion-MNIST, and falls again at 25. Reported on banking77: .975 -> .980.
TRAINED_ROWS, MOST_EPOCHS = 80_000, 10
FLOOR = np.float32(1e-7)
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Problem:
    """What is learned from. ``neighbors``: (ids, distances) of the graph; ``extra``: probabilities made elsewhere, out of
    sample, whose rows of NaN fall back on the prior."""

    embeddings: Mapping[str, NDArray[Any]]
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
    """A linear head a fold, and the vectors (N, d) that they are asked about."""

    heads: list[Head]
    x: NDArray[Any]
    folds: NDArray[np.int8]

    def __call__(self, rows: NDArray[np.int64]) -> Floats:
        """Log-probabilities (n, K), out of sample, but for a constant a row."""
        whole = len(rows) == rows[-1] - rows[0] + 1
        block = np.asarray(self.x[rows[0] : rows[-1] + 1] if whole else self.x[rows], np.float32)
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
    """(n, K) logarithms of the probabilities ``values`` (n, K); a row with NaN or infinity gets those of ``prior`` (K,)."""
    block = np.array(values, np.float32)
    block[~np.isfinite(block).all(1)] = prior
    return np.log(np.maximum(block, FLOOR))


def softmax_epochs(n_rows: int, n_classes: int, effort: str) -> int:
    """Rounds that softmax heads are trained for; 0 where they are left out: too little effort, too many rows or classes."""
    affordable = n_rows <= MAX_SOFTMAX and n_rows * n_classes <= MAX_SOFTMAX_NUMBERS
    if not affordable or effort not in EPOCHS:
        return 0
    # small sets give few steps an epoch, and three epochs of these leave the head half trained
    return max(EPOCHS[effort], min(MOST_EPOCHS, -(-TRAINED_ROWS // max(n_rows, 1))))


def members_of(problem: Problem, use: NDArray[np.bool_], prior: Floats) -> tuple[dict[str, Member], list[str]]:
    """Models by name, learned from the rows of ``use``, and notes on what was left out."""
    labels, folds = problem.labels, problem.folds
    members: dict[str, Member] = {}
    notes: list[str] = []
    epochs = softmax_epochs(len(labels), problem.n_classes, problem.effort)
    for name, x in problem.embeddings.items():
        heads = discriminants(x, labels, folds, use, problem.n_classes, threads=problem.threads)
        members[f"{name}/lda"] = Heads(heads, x, folds)
        if epochs:
            trained = softmax_heads(
                x, labels, folds, use, heads, epochs=epochs, seed=problem.seed, threads=problem.threads
            )
            members[f"{name}/softmax"] = Heads(trained, x, folds)
    if problem.effort in EPOCHS and not epochs:
        notes.append("softmax heads were left out: too many rows or classes for this effort")
    if problem.neighbors is not None:
        members["neighbors"] = Vote(problem.neighbors[0], labels, folds, prior, use)
    for name, values in problem.extra.items():
        members[name] = Given(values, prior)
    return members, notes
