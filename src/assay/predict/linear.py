"""Linear heads on frozen vectors, K folds at the price of about one fit.

In: (N, d) vectors, class codes, folds. Out: one weight matrix and intercept a fold, on the scale of log-probabilities.
Does not know: other embeddings, calibration across embeddings.

Shrunken linear discriminants: every fold's model comes from sums over all rows less the fold's own sums (sufficient
statistics), so N x d is read twice whatever the number of folds. Softmax heads start from them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float32]
BLOCK = 16_384
PROBE_ROWS, PROBE_NUMBERS = 4_000, 4_000_000  # rows that the shrinkage is chosen on, and their probabilities
SHRINKAGES = (1e-3, 1e-2, 0.03, 0.1, 0.2, 0.4, 0.7)


@dataclass(frozen=True)
class Head:
    """scores = (x - mean) @ weights + intercept; float32 (d,), (d, K), (K,)."""

    mean: Floats
    weights: Floats
    intercept: Floats

    def scores(self, x: NDArray[Any]) -> Floats:
        return np.asarray((np.asarray(x, np.float32) - self.mean) @ self.weights + self.intercept, np.float32)


def log_softmax(scores: Floats) -> Floats:
    """Logarithm of the softmax of each row of ``scores`` (n, K); the row's maximum is subtracted first, so nothing overflows."""
    shifted = scores - scores.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)), np.float32)


@dataclass
class _Sums:
    counts: NDArray[np.float64]  # (F, K)
    sums: NDArray[np.float64]  # (F, K, d)
    gram: NDArray[np.float64]  # (F, d, d)
    mean: Floats


def _statistics(
    x: NDArray[Any],
    labels: NDArray[np.int32],
    folds: NDArray[np.int8],
    rows: NDArray[np.int64],
    k: int,
    n_folds: int,
    threads: int,
) -> _Sums:
    """Per-fold class counts, class sums and Gram matrix of centred vectors; blocks in a fixed order."""
    d = x.shape[1]
    sample = rows[:: max(1, len(rows) // 20_000)]
    mean = np.asarray(x[sample], np.float32).mean(0)
    counts, sums, gram = np.zeros((n_folds, k)), np.zeros((n_folds, k, d)), np.zeros((n_folds, d, d))

    def one(fold: int) -> None:
        members = rows[folds[rows] == fold]
        counts[fold] = np.bincount(labels[members], minlength=k)
        for start in range(0, len(members), BLOCK):
            part = members[start : start + BLOCK]
            centred = np.asarray(x[part], np.float32) - mean
            gram[fold] += centred.T @ centred
            order = np.argsort(labels[part], kind="stable")
            ordered = labels[part][order]
            first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
            sums[fold][ordered[first]] += np.add.reduceat(centred[order], first, axis=0)

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(n_folds)))
    return _Sums(counts, sums, gram, mean)


def _discriminant(
    counts: NDArray[np.float64], sums: NDArray[np.float64], gram: NDArray[np.float64], mean: Floats, shrinkage: float
) -> Head:
    n, k, d = counts.sum(), len(counts), gram.shape[0]
    class_means = sums / np.maximum(counts, 1)[:, None]
    # one extra row at the grand mean guards the means of tiny classes
    guarded = sums / (counts + 1)[:, None]
    within = (gram - (class_means * counts[:, None]).T @ class_means) / max(n - k, 1)
    level = np.trace(within) / d
    level = level if level > 1e-12 else 1.0
    weights = _solved((1 - shrinkage) * within, (shrinkage + 1e-6) * level, guarded.T)
    intercept = -0.5 * np.einsum("kd,dk->k", guarded, weights) + np.log((counts + 1) / (n + k))
    intercept[counts == 0] -= 20
    return Head(mean, weights.astype(np.float32), intercept.astype(np.float32))


def _solved(matrix: NDArray[np.float64], ridge: float, right: NDArray[np.float64]) -> NDArray[np.float64]:
    """(matrix + ridge I)^-1 right. Where classes hold hardly more than copies, ``matrix`` is all rounding error and may be
    indefinite: the ridge then grows until it is larger than that error."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    diagonal = np.diag_indices(len(matrix))
    while True:
        regular = matrix.copy()
        regular[diagonal] += ridge
        try:
            found = cho_solve(cho_factor(regular, lower=True), right)
        except LinAlgError:
            pass
        else:
            if np.isfinite(found).all():
                return np.asarray(found, np.float64)
        ridge *= 10


def discriminants(
    x: NDArray[Any],
    labels: NDArray[np.int32],
    folds: NDArray[np.int8],
    use: NDArray[np.bool_],
    n_classes: int,
    *,
    threads: int,
) -> list[Head]:
    """One shrunken linear discriminant a fold, fitted without that fold's rows.

    The shrinkage is the one with the best calibrated log-loss on the first fold's rows: at most 4,000 of them, fewer where
    there are thousands of classes.
    Cost: O(N d^2 + F d^2 (d + K)).
    """
    n_folds = int(folds.max()) + 1
    rows = np.flatnonzero((folds >= 0) & use)
    found = _statistics(x, labels, folds, rows, n_classes, n_folds, threads)
    total = (found.counts.sum(0), found.sums.sum(0), found.gram.sum(0))

    def without(fold: int, shrinkage: float) -> Head:
        return _discriminant(
            total[0] - found.counts[fold],
            total[1] - found.sums[fold],
            total[2] - found.gram[fold],
            found.mean,
            shrinkage,
        )

    held = rows[folds[rows] == 0]
    most = min(PROBE_ROWS, max(500, PROBE_NUMBERS // n_classes))
    held = held[:: max(1, len(held) // most)]

    def loss(shrinkage: float) -> float:
        scores = without(0, shrinkage).scores(x[held])
        return calibrated_loss(scores, labels[held])[1]

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        losses = list(pool.map(loss, SHRINKAGES)) if len(held) else [0.0] * len(SHRINKAGES)
        best = SHRINKAGES[int(np.argmin(losses))]
        return list(pool.map(lambda fold: without(fold, best), range(n_folds)))


def calibrated_loss(scores: Floats, labels: NDArray[np.int32]) -> tuple[float, float]:
    """(temperature, log-loss at it): the temperature in 0.05 .. 20 with the least log-loss, by golden section."""
    at = np.arange(len(labels))

    def loss(log_t: float) -> float:
        return float(-log_softmax(scores / np.float32(np.exp(log_t)))[at, labels].mean(dtype=np.float64))

    low, high = -3.0, 3.0
    ratio = (5**0.5 - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    fa, fb = loss(a), loss(b)
    for _ in range(22):
        if fa <= fb:
            high, b, fb = b, a, fa
            a = high - ratio * (high - low)
            fa = loss(a)
        else:
            low, a, fa = a, b, fb
            b = low + ratio * (high - low)
            fb = loss(b)
    best = a if fa <= fb else b
    return float(np.exp(best)), min(fa, fb)


def softmax_heads(
    x: NDArray[Any],
    labels: NDArray[np.int32],
    folds: NDArray[np.int8],
    use: NDArray[np.bool_],
    start: list[Head],
    *,
    epochs: int,
    seed: int,
    threads: int,
) -> list[Head]:
    """Each fold's discriminant trained further on log-loss: Adam, whitened inputs, cosine steps. Cost: O(epochs F N d K)."""
    rows = np.flatnonzero((folds >= 0) & use)
    sample = rows[:: max(1, len(rows) // 20_000)]
    centred = np.asarray(x[sample], np.float32) - start[0].mean
    values, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64) / max(len(sample), 1))
    values = np.maximum(values, 0)
    whiten = (vectors / np.sqrt(values + 0.01 * max(values.mean(), 1e-12))).astype(np.float32)

    def one(fold: int) -> Head:
        train = rows[folds[rows] != fold]
        return _train(x, labels, train, start[fold], whiten, epochs, np.random.default_rng([seed, 23, fold]))

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(len(start))))


def _train(
    x: NDArray[Any],
    labels: NDArray[np.int32],
    rows: NDArray[np.int64],
    head: Head,
    whiten: Floats,
    epochs: int,
    rng: np.random.Generator,
) -> Head:
    if not len(rows):
        return head
    probe = rows[:: max(1, len(rows) // 4_000)]
    temperature, _ = calibrated_loss(head.scores(x[probe]), labels[probe])
    w = (np.linalg.solve(whiten.astype(np.float64), head.weights.astype(np.float64)) / temperature).astype(np.float32)
    b = head.intercept / np.float32(temperature)
    moments = [np.zeros_like(w), np.zeros_like(w), np.zeros_like(b), np.zeros_like(b)]
    batch = 512
    steps = epochs * -(-len(rows) // batch)
    step = 0
    for _ in range(epochs):
        order = rng.permutation(rows)
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            z = (np.asarray(x[part], np.float32) - head.mean) @ whiten
            error = np.exp(log_softmax(z @ w + b))
            error[np.arange(len(part)), labels[part]] -= 1
            error /= len(part)
            step += 1
            rate = 3e-3 * (0.5 * (1 + np.cos(np.pi * step / steps)) + 1e-3)
            for value, gradient, m, v in (
                (w, z.T @ error, moments[0], moments[1]),
                (b, error.sum(0), moments[2], moments[3]),
            ):
                m *= 0.9
                m += 0.1 * gradient
                v *= 0.99
                v += 0.01 * gradient * gradient
                value -= (
                    np.float32(rate / (1 - 0.9**step))
                    * m
                    / (np.sqrt(v / np.float32(1 - 0.99**step)) + np.float32(1e-8))
                )
    return Head(head.mean, whiten @ w, b)
