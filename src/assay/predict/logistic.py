"""One logistic (softmax) head over all views of a row together, with a ridge, K folds.

In: views (N, d_v), class codes, folds. Out: a `Head` a fold over the views side by side.
Does not know: calibration, the other members of the blend.

Views are brought to one size, so that the ridge, 1 / (C n), means the same for all of them. L-BFGS (Liu, Nocedal,
Mathematical Programming 1989) runs in coordinates in which the Hessian of even classes is about the identity: a few passes
over the rows take it where plain coordinates need dozens.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from assay.predict.linear import PROBE_NUMBERS, PROBE_ROWS, Floats, Head, calibrated_loss, log_softmax

BLOCK, BLOCK_NUMBERS = 4_096, 4_000_000  # rows of a block, and its probabilities
SAMPLE, CHOOSING = 20_000, 10_000  # rows that the axes are taken from, and that are learned from to choose C
# With 10 % wrong labels banking77 and digits take 1 to 3, Fashion-MNIST and CIFAR-10N .3; without the surely wrong ones 3 to 10.
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)  # C
USUAL = 1.0  # C where no row is left to choose it by
FLAT = 1e-7  # axes with less than this share of the largest variance are left out
HELD = 16_000_000  # numbers of the rows that one fit holds as float32; of more rows each pass reads a block at a time
MEMORY = 5  # steps that L-BFGS remembers


def beside(views: Sequence[NDArray[Any]], rows: NDArray[np.int64] | slice) -> Floats:
    """(n, D) float32: the views of ``rows`` side by side."""
    parts = [np.asarray(view[rows], np.float32) for view in views]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def logistic_heads(
    views: Sequence[NDArray[Any]],
    labels: NDArray[np.int32],
    folds: NDArray[np.int8],
    use: NDArray[np.bool_],
    n_classes: int,
    *,
    passes: int,
    threads: int,
) -> list[Head]:
    """One head a fold, learned without that fold's rows.

    Parameters
    ----------
    views : (N, d_v) each, of any scale. labels : (N,) class codes, -1 = unlabelled. folds : (N,) -1 = unlabelled.
    use : (N,) rows to learn from. passes : L-BFGS steps, each a little more than one pass over the rows.

    Returns
    -------
    Heads over the views side by side, D numbers a row. C is the one with the best calibrated log-loss on the first fold's rows
    (at most 4,000), learned from at most 10,000 others. The same bytes whatever ``threads``.

    Notes
    -----
    Cost: O(D^3 + passes F N D K), and five times one fold's for C.
    """
    rows = np.flatnonzero((folds >= 0) & use)
    with threadpool_limits(1):
        axes = _axes(beside(views, rows[:: -(-len(rows) // SAMPLE) or 1]), [view.shape[1] for view in views])
    held = rows[folds[rows] == 0]
    held = held[:: max(1, len(held) // min(PROBE_ROWS, max(500, PROBE_NUMBERS // n_classes)))]
    seen = rows[folds[rows] != 0]
    seen = seen[:: -(-len(seen) // CHOOSING) or 1]

    def losses(strength: float) -> Floats:
        head = _fit(views, labels, seen, axes, n_classes, strength, passes)
        scores = head.scores(beside(views, held))
        temperature, _ = calibrated_loss(scores, labels[held])
        return -log_softmax(scores / np.float32(temperature))[np.arange(len(held)), labels[held]]

    def one(fold: int) -> Head:
        return _fit(views, labels, rows[folds[rows] != fold], axes, n_classes, best, passes)

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        best = _strength(list(pool.map(losses, STRENGTHS))) if len(held) and len(seen) else USUAL
        return list(pool.map(one, range(int(folds.max()) + 1)))


def _strength(losses: list[Floats]) -> float:
    """The least of `STRENGTHS` whose held-out losses (m,) are, within one standard error, no larger than the best one's
    (Breiman and others, Classification and Regression Trees, 1984): a stronger ridge learns fewer wrong labels by heart."""
    best = min(losses, key=lambda found: float(found.mean(dtype=np.float64)))
    for strength, found in zip(STRENGTHS, losses, strict=True):
        more = (found - best).astype(np.float64)
        if more.mean() <= more.std() / len(more) ** 0.5:
            return strength
    return USUAL


@dataclass(frozen=True)
class _Axes:
    """``turned`` (D, r): principal axes of the views, each brought to one size; ``variance`` (r,) along them."""

    mean: Floats
    turned: Floats
    variance: NDArray[np.float64]


def _axes(sample: Floats, widths: Sequence[int]) -> _Axes:
    mean = sample.mean(0)
    centred = sample - mean
    sizes = []
    at = 0
    for width in widths:
        size = float(np.square(centred[:, at : at + width]).sum(dtype=np.float64)) / max(len(sample), 1)
        sizes.append(np.full(width, size**-0.5 if size > 1e-12 else 1.0))
        at += width
    scale = np.concatenate(sizes).astype(np.float32)
    centred *= scale
    few = len(sample) < len(scale)  # fewer rows than dimensions: the axes lie in what the rows span
    square = (centred @ centred.T if few else centred.T @ centred).astype(np.float64)
    values, vectors = np.linalg.eigh(square)
    kept = values > FLAT * max(float(values.max(initial=0)), 1e-12)
    values, vectors = values[kept], vectors[:, kept]
    if few:
        vectors = centred.T @ (vectors / np.sqrt(values))
    return _Axes(mean, (scale[:, None] * vectors).astype(np.float32), values / max(len(sample), 1))


def _fit(
    views: Sequence[NDArray[Any]],
    labels: NDArray[np.int32],
    rows: NDArray[np.int64],
    axes: _Axes,
    k: int,
    strength: float,
    passes: int,
) -> Head:
    from scipy.optimize import minimize

    n, r = len(rows), len(axes.variance)
    prior = np.log((np.bincount(labels[rows], minlength=k) + 1) / (n + k))
    if not n or not r:
        return Head(axes.mean, np.zeros((len(axes.mean), k), np.float32), prior.astype(np.float32))
    ridge = 1 / (strength * n)
    stretch = 1 / np.sqrt((1 - 1 / k) / k * axes.variance + ridge)
    turned = axes.turned * stretch.astype(np.float32)  # (D, r)
    pull = (ridge * stretch * stretch)[:, None]
    block = max(256, min(BLOCK, BLOCK_NUMBERS // k))
    held = beside(views, rows) - axes.mean if n * len(axes.mean) <= HELD else None

    def objective(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        inner = point[: r * k].reshape(r, k)
        weights, intercept = turned @ inner.astype(np.float32), point[r * k :].astype(np.float32)
        loss, slope, shift = 0.0, np.zeros((len(axes.mean), k), np.float32), np.zeros(k)
        for start in range(0, n, block):
            part = rows[start : start + block]
            x = beside(views, part) - axes.mean if held is None else held[start : start + block]
            log = log_softmax(np.asarray(x @ weights + intercept, np.float32))
            at = np.arange(len(part)), labels[part]
            loss -= float(log[at].sum(dtype=np.float64))
            error = np.exp(log, out=log)
            error[at] -= 1
            slope += x.T @ error
            shift += error.sum(0, dtype=np.float64)
        down = (turned.T @ slope).astype(np.float64) / n + pull * inner
        return loss / n + 0.5 * float((pull * inner * inner).sum()), np.concatenate([down.ravel(), shift / n])

    begin = np.concatenate([np.zeros(r * k), prior])
    found = minimize(objective, begin, jac=True, method="L-BFGS-B", options={"maxiter": passes, "maxcor": MEMORY}).x
    return Head(axes.mean, turned @ found[: r * k].reshape(r, k).astype(np.float32), found[r * k :].astype(np.float32))
