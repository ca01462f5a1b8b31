"""Several models' log-probabilities made one: weighted, calibrated, written block by block.

In: a `Problem`. Out: a `Blend`, which gives probabilities out of sample. Does not know: which models there are, or why some
rows are not learned from.

The blend is a logarithmic pool (Genest, Zidek, Statistical Science 1986): a weighted geometric mean, made sharper or flatter
by a temperature. Its weights have the least out-of-fold log-loss under labels of which some are drawn by lot.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from assay.predict.linear import calibrated_loss, log_softmax
from assay.predict.members import Floats, Member, Problem, members_of

BLOCK = 8_192
BLOCK_NUMBERS = 8_000_000  # probabilities of one block
POOL_NUMBERS = 2_000_000  # of one member, that the weights are fitted on
FIT_ROWS = 20_000  # rows that temperatures and weights are fitted on
FIT_NUMBERS = 8_000_000  # and the probabilities of one member over them: fewer rows for thousands of classes
# Belief in equal weights, so that members which few rows cannot tell apart share: of .3 to 30 it is 3 at which errors among 150
# rows of digits are ranked best (.925, .930 and .927); from 400 rows on it hardly matters.
EQUAL = 3.0
LEAST = 0.01  # a smaller share of the weights is none
START, MOST = 0.05, 0.6  # share of labels drawn by lot, where it begins and ends


@dataclass(frozen=True)
class Blend:
    """``weights`` and ``log_loss`` a member ("lite0/lda", "neighbors", ...); the blend's own log-loss is under "blend"."""

    weights: dict[str, float]
    log_loss: dict[str, float]
    temperature: float
    notes: list[str]
    members: dict[str, tuple[Member, float]]  # with the temperature of each
    n_classes: int

    def probabilities(self, rows: NDArray[np.int64]) -> Floats:
        """(n, K) probabilities of ``rows``, each row's from models that did not learn from its fold."""
        total = np.zeros((len(rows), self.n_classes), np.float32)
        for name, (member, temperature) in self.members.items():
            if weight := self.weights[name]:
                total += np.float32(weight) * log_softmax(member(rows) / np.float32(temperature))
        return np.exp(log_softmax(total / np.float32(self.temperature)))

    def fill(self, out: Floats, threads: int, *, share: float = 1.0) -> None:
        """Write every row's probabilities into ``out`` (N, K); with a ``share`` below 1 as a weighted mean with what ``out`` holds."""
        block = _block(self.n_classes)

        def part(start: int) -> None:
            rows = np.arange(start, min(start + block, len(out)))
            made = self.probabilities(rows)
            out[rows] = made if share == 1 else np.float32(1 - share) * out[rows] + np.float32(share) * made

        with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, range(0, len(out), block)))

    def loss(self, rows: NDArray[np.int64], labels: NDArray[np.int32]) -> float:
        """Mean log-loss of the given labels of ``rows``, nats."""
        block = _block(self.n_classes)
        total = 0.0
        with threadpool_limits(1):
            for start in range(0, len(rows), block):
                some = rows[start : start + block]
                given = self.probabilities(some)[np.arange(len(some)), labels[some]]
                total -= float(np.log(np.maximum(given, np.float32(1e-7))).sum(dtype=np.float64))
        return total / max(len(rows), 1)


def fit_blend(
    problem: Problem,
    use: NDArray[np.bool_],
    *,
    judged: NDArray[np.bool_],
    learn: NDArray[np.bool_] | None = None,
    likely: NDArray[np.int32] | None = None,
) -> Blend | str:
    """Fit the models, then choose their weights and temperatures on out-of-fold predictions.

    Parameters
    ----------
    problem : vectors, labels, folds, the graph.
    use : (N,) bool, rows whose labels may be used.
    judged : (N,) bool; weights and temperatures are chosen on the labelled rows of ``use`` that are judged, or a sample of them.
    learn : (N,) bool, rows that models are fitted on; default ``use``.
    likely : (N,) class codes that weights and temperatures are chosen for; default the given labels.

    Returns
    -------
    Blend, or a phrase that says why there is none: one class, or no labelled rows.

    Notes
    -----
    Cost: that of the models (`members_of`), and `STEPS` passes over the probabilities of the sampled rows.
    """
    learn = use if learn is None else learn
    k = problem.n_classes
    fit_rows = sample(np.flatnonzero((problem.folds >= 0) & use & judged), k, problem.seed)
    if k == 1 or not len(fit_rows):
        if (problem.labels[(problem.folds >= 0) & use] >= 0).any() and k > 1:
            return "no labelled row of a class that has other rows"
        return "one class only" if k == 1 else "no labelled rows"
    found, notes = members_of(problem, learn, prior_of(problem, learn))
    names = list(found)
    target = (problem.labels if likely is None else likely)[fit_rows]
    with threadpool_limits(1):
        scores = [_in_blocks(found[name], fit_rows, k) for name in names]
        calibrated = [calibrated_loss(score, target) for score in scores]
        logs = [log_softmax(score / np.float32(t)) for score, (t, _) in zip(scores, calibrated, strict=True)]
        weights, temperature, loss = _pool(logs, target)
    return Blend(
        weights=dict(zip(names, weights, strict=True)),
        log_loss={name: one for name, (_, one) in zip(names, calibrated, strict=True)} | {"blend": loss},
        temperature=temperature,
        notes=notes,
        members={name: (found[name], t) for name, (t, _) in zip(names, calibrated, strict=True)},
        n_classes=k,
    )


def prior_of(problem: Problem, use: NDArray[np.bool_]) -> Floats:
    """(K,) share of each class among the labelled rows of ``use``, after one row is added to every class."""
    counts = np.bincount(problem.labels[(problem.labels >= 0) & use], minlength=problem.n_classes)
    return ((counts + 1) / (counts.sum() + problem.n_classes)).astype(np.float32)


def sample(rows: NDArray[np.int64], n_classes: int, seed: int) -> NDArray[np.int64]:
    """The rows that weights and temperatures are fitted on: ``rows`` or a random subset of them, ascending."""
    most = min(FIT_ROWS, max(1_000, FIT_NUMBERS // n_classes))
    return rows if len(rows) <= most else np.sort(np.random.default_rng([seed, 29]).permutation(rows)[:most])


def _block(n_classes: int) -> int:
    return min(BLOCK, max(256, BLOCK_NUMBERS // n_classes))


def _in_blocks(member: Member, rows: NDArray[np.int64], n_classes: int) -> Floats:
    out, size = np.empty((len(rows), n_classes), np.float32), _block(n_classes)
    for start in range(0, len(rows), size):
        out[start : start + size] = member(rows[start : start + size])
    return out


def _pool(logs: list[Floats], labels: NDArray[np.int32]) -> tuple[list[float], float, float]:
    """(weights, temperature, log-loss) of the pool.

    Powers of the members with the least log-loss of labels of which an unknown share is drawn by lot: without that share a
    few wrong labels, of which a good model is surely not, would speak for models that are sure of nothing.
    """
    from scipy.optimize import minimize

    k, members = logs[0].shape[1], len(logs)
    every, whole = labels, logs
    step = -(-len(labels) * k // POOL_NUMBERS)  # a few weights need fewer rows than their temperature gets
    labels, logs = labels[::step], [log[::step] for log in logs]
    n = len(labels)
    at = np.arange(n)
    given = [log[at, labels].astype(np.float64) for log in logs]

    def mixed(powers: NDArray[np.float64], logs: list[Floats]) -> Floats:
        total = np.zeros_like(logs[0])
        for power, log in zip(powers.tolist(), logs, strict=True):
            if power:
                total += np.float32(power) * log
        return log_softmax(total)

    def objective(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        powers, lot = point[:-1], float(point[-1])
        made = np.exp(mixed(powers, logs))
        own = made[at, labels].astype(np.float64)
        likely = (1 - lot) * own + lot / k
        meant = (1 - lot) * own / likely  # that a label was not drawn by lot
        made *= meant[:, None].astype(np.float32)
        off = (powers - 1 / members) * (EQUAL / n)
        slopes = [
            float(np.einsum("nk,nk->", made, log, dtype=np.float64)) - float(meant @ own_log)
            for log, own_log in zip(logs, given, strict=True)
        ]
        slope = np.array(slopes) / n + off
        loss = -float(np.log(likely).mean()) + 0.5 * float(off @ (powers - 1 / members))
        return loss, np.append(slope, float(((own - 1 / k) / likely).mean()))

    begin = np.append(np.full(members, 1 / members), START)
    bounds = [(0, None)] * members + [(1e-4, MOST)]
    powers = minimize(objective, begin, jac=True, method="L-BFGS-B", bounds=bounds).x[:-1]
    powers[powers < LEAST * powers.sum()] = 0
    weights = powers / powers.sum() if powers.any() else begin[:-1]
    temperature, loss = calibrated_loss(mixed(weights, whole), every)
    return weights.tolist(), temperature, loss
