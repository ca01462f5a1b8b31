"""Out-of-sample probabilities from several views, blended and calibrated.

In: views (vectors), labels, folds, the graph, probabilities made elsewhere. Out: float32 (N, K), written block by block.
Does not know: files, issues, which rows are flagged.

Every view has a shrunken linear discriminant and, where it is affordable, a softmax head; the graph gives a vote; each is a
log-probability. The blend is a weighted geometric mean whose weights are chosen by forward selection with replacement on
out-of-fold log-loss (Caruana et al., ICML 2004), then a temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from assay.predict.linear import Head, calibrated_loss, discriminants, log_softmax, softmax_heads
from assay.predict.vote import vote

BLOCK = 8_192
BLOCK_NUMBERS = 8_000_000  # probabilities of one block
FIT_ROWS = 20_000  # rows that temperatures and weights are fitted on
FIT_NUMBERS = 8_000_000  # and the probabilities of one member over them: fewer rows for thousands of classes
STEPS = 24  # of forward selection
MAX_SOFTMAX, MAX_SOFTMAX_NUMBERS = 200_000, 20_000_000  # rows, probabilities
EPOCHS = {"regular": 3, "best": 10}
FLOOR = np.float32(1e-7)
Floats = NDArray[np.float32]
Member = Callable[[NDArray[np.int64]], Floats]  # rows -> log-probabilities (n, K), out of sample


@dataclass(frozen=True)
class Prediction:
    """``weights`` and ``log_loss`` a member ("lite0/lda", "neighbors", ...); the blend's own log-loss is under "blend"."""

    weights: dict[str, float]
    log_loss: dict[str, float]
    temperature: float
    notes: list[str] = field(default_factory=list)


def predict(
    views: Mapping[str, NDArray[Any]],
    labels: NDArray[np.int32],
    folds: NDArray[np.int8],
    neighbors: tuple[NDArray[np.int32], NDArray[np.float32]] | None,
    n_classes: int,
    out: NDArray[np.float32],
    *,
    extra: Mapping[str, NDArray[np.float32]] | None = None,
    use_rows: NDArray[np.bool_] | None = None,
    effort: str = "regular",
    seed: int = 0,
    threads: int = 1,
) -> Prediction:
    """Fill ``out`` (N, K) with out-of-sample probabilities: fold models for labelled rows, their mean for unlabelled ones.

    ``use_rows``: rows that models, weights and temperatures learn from, and that vote (all rows still get probabilities).
    ``extra``: probabilities made elsewhere, out of sample; rows of NaN fall back on the prior. The same bytes whatever
    ``threads``.
    Cost: O(N d^2 + N d K) for discriminants, a few times that for softmax heads (left out above 200,000 rows).
    """
    n = len(labels)
    use = np.ones(n, bool) if use_rows is None else use_rows
    labels = np.asarray(labels, np.int32)
    fit_rows = np.flatnonzero((folds >= 0) & use)
    counts = np.bincount(labels[(labels >= 0) & use], minlength=n_classes)
    prior = ((counts + 1) / (counts.sum() + n_classes)).astype(np.float32)
    if n_classes == 1 or not len(fit_rows):
        out[:] = prior
        return Prediction({}, {}, 1.0, ["one class only"] if n_classes == 1 else ["no labelled rows"])
    block = min(BLOCK, max(256, BLOCK_NUMBERS // n_classes))
    notes: list[str] = []
    members = _members(views, labels, folds, use, n_classes, prior, neighbors, effort, seed, threads, notes)
    for name, values in (extra or {}).items():
        members[name] = _given(values, prior)
    most = min(FIT_ROWS, max(1_000, FIT_NUMBERS // n_classes))
    if len(fit_rows) > most:
        fit_rows = np.sort(np.random.default_rng([seed, 29]).permutation(fit_rows)[:most])
    with threadpool_limits(1):
        names = list(members)
        scores = [_in_blocks(members[name], fit_rows, n_classes, block) for name in names]
        calibrated = [calibrated_loss(score, labels[fit_rows]) for score in scores]
        logs = [log_softmax(score / np.float32(t)) for score, (t, _) in zip(scores, calibrated, strict=True)]
        weights = _select(logs, labels[fit_rows])
        mixed = sum(np.float32(w) * log for w, log in zip(weights, logs, strict=True))
        temperature, loss = calibrated_loss(np.asarray(mixed, np.float32), labels[fit_rows])

        def fill(start: int) -> None:
            rows = np.arange(start, min(start + block, n))
            total = np.zeros((len(rows), n_classes), np.float32)
            for name, weight, (t, _) in zip(names, weights, calibrated, strict=True):
                if weight:
                    total += np.float32(weight) * log_softmax(members[name](rows) / np.float32(t))
            out[rows] = np.exp(log_softmax(total / np.float32(temperature)))

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, range(0, n, block)))
    losses = {name: round(found[1], 6) for name, found in zip(names, calibrated, strict=True)} | {
        "blend": round(loss, 6)
    }
    return Prediction(
        {name: round(w, 6) for name, w in zip(names, weights, strict=True)}, losses, round(temperature, 6), notes
    )


def softmax_epochs(n_rows: int, n_classes: int, effort: str) -> int:
    """Rounds that softmax heads are trained for; 0 where they are left out: too little effort, too many rows or classes."""
    affordable = n_rows <= MAX_SOFTMAX and n_rows * n_classes <= MAX_SOFTMAX_NUMBERS
    return EPOCHS.get(effort, 0) if affordable else 0


def _members(
    views: Mapping[str, NDArray[Any]],
    labels: NDArray[np.int32],
    folds: NDArray[np.int8],
    use: NDArray[np.bool_],
    n_classes: int,
    prior: Floats,
    neighbors: tuple[NDArray[np.int32], NDArray[np.float32]] | None,
    effort: str,
    seed: int,
    threads: int,
    notes: list[str],
) -> dict[str, Member]:
    members: dict[str, Member] = {}
    epochs = softmax_epochs(len(labels), n_classes, effort)
    for name, x in views.items():
        heads = discriminants(x, labels, folds, use, n_classes, threads=threads)
        members[f"{name}/lda"] = _linear(x, heads, folds)
        if epochs:
            trained = softmax_heads(x, labels, folds, use, heads, epochs=epochs, seed=seed, threads=threads)
            members[f"{name}/softmax"] = _linear(x, trained, folds)
    if effort in EPOCHS and not epochs:
        notes.append("softmax heads were left out: too many rows or classes for this effort")
    if neighbors is not None:
        ids = neighbors[0]

        def votes(rows: NDArray[np.int64]) -> Floats:
            # a row that is not learned from still has its own fold, so that its group stays out
            return np.log(vote(rows, ids, labels, folds, prior, use))

        members["neighbors"] = votes
    return members


def _linear(x: NDArray[Any], heads: list[Head], folds: NDArray[np.int8]) -> Member:
    def scores(rows: NDArray[np.int64]) -> Floats:
        block = np.asarray(x[rows[0] : rows[-1] + 1] if len(rows) == rows[-1] - rows[0] + 1 else x[rows], np.float32)
        out = np.empty((len(rows), heads[0].weights.shape[1]), np.float32)
        mine = folds[rows]
        for fold, head in enumerate(heads):
            if (chosen := mine == fold).any():
                out[chosen] = head.scores(block[chosen])
        if (loose := mine < 0).any():
            out[loose] = sum(head.scores(block[loose]) for head in heads) / np.float32(len(heads))
        return out

    return scores


def _given(values: NDArray[np.float32], prior: Floats) -> Member:
    def scores(rows: NDArray[np.int64]) -> Floats:
        block = np.array(values[rows], np.float32)
        block[~np.isfinite(block).all(1)] = prior
        return np.log(np.maximum(block, FLOOR))

    return scores


def _in_blocks(member: Member, rows: NDArray[np.int64], n_classes: int, size: int) -> Floats:
    out = np.empty((len(rows), n_classes), np.float32)
    for start in range(0, len(rows), size):
        out[start : start + size] = member(rows[start : start + size])
    return out


def _select(logs: list[Floats], labels: NDArray[np.int32]) -> list[float]:
    """Weights by forward selection with replacement: each step adds the member that lowers the log-loss of the mean most."""
    at = np.arange(len(labels))

    def loss(total: Floats, scale: float) -> float:
        return float(-log_softmax(total * np.float32(scale))[at, labels].mean(dtype=np.float64))

    picked = np.zeros(len(logs))
    total = np.zeros_like(logs[0])
    best = np.inf
    for step in range(1, STEPS + 1):
        # members are close to each other in scale; a mean of independent logs is too flat, so a little sharpening is tried
        trials = [
            (loss(total + log, sharp / step), place, sharp) for place, log in enumerate(logs) for sharp in (1.0, 1.5)
        ]
        found, place, _ = min(trials)
        if found > best - 1e-6:
            break
        best = found
        picked[place] += 1
        total += logs[place]
    return [float(w) for w in picked / picked.sum()] if picked.sum() else [1 / len(logs)] * len(logs)
