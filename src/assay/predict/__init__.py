"""Out-of-sample probabilities from several embeddings, blended and calibrated, in two rounds.

In: embeddings (vectors), labels, folds, the graph, probabilities made elsewhere. Out: float32 (N, K), written block by block.
Does not know: files, issues; what makes a label doubtful it is told.

Every embedding has a shrunken linear discriminant and, where it is affordable, a softmax head; the graph gives a vote; each is a
log-probability (`members`), and `blend` makes them one. The second round learns without the rows whose labels the first
one doubts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.predict.blend import Blend, fit_blend, prior_of, sample
from assay.predict.fitted import FittedBlend, fitted_blend
from assay.predict.folds import alone_in_fold
from assay.predict.members import Problem, softmax_epochs

__all__ = ["Doubt", "Prediction", "Rounds", "predict", "second_round_affordable", "softmax_epochs"]

MAX_SECOND = {"regular": 400_000_000, "best": 10**12}  # probabilities, N x K
# Chosen on digits, Fashion-MNIST and CIFAR-10N, six kinds of noise: from .75 on average precision fell on none of them.
SURELY_WRONG = 0.75  # p_label_error from which a row is left out: hard rows whose label is right must stay
# Of the second round, beside the first. Alone it is too sure of what it left out. Average precision of the first, the second
# and this mix: banking77 .976, .963, .976; digits .997, .993, .996; Fashion-MNIST .887, .899, .894; clinc150 .975, .963,
# .975 (two seeds each, 10 % uniform noise, TF-IDF or pixels). Half and half ranks the same and is calibrated worse.
SECOND_SHARE = 0.75
LEAST_KEPT = 2  # rows that a class keeps, and half of its rows
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]
Doubt = Callable[[NDArray[np.float32]], Mapping[str, NDArray[Any]]]  # from (N, K) to columns (N,), see `predict`


@dataclass(frozen=True)
class Rounds:
    """Whether there was a second round and why, with the mean log-losses (nats) of the labelled rows that it did not drop."""

    used: int  # 1 or 2
    dropped: int
    first_loss: float | None = None
    second_loss: float | None = None


@dataclass(frozen=True)
class Prediction:
    """``weights`` and ``log_loss`` a member ("lite0/lda", "neighbors", ...); the blend's own log-loss is under "blend".

    ``unjudged``: labelled rows without probabilities, see `predict`. ``fitted``: what was learned, for rows that were not
    there; None where there was nothing to learn.
    """

    weights: dict[str, float]
    log_loss: dict[str, float]
    temperature: float
    notes: list[str] = field(default_factory=list)
    rounds: Rounds = field(default_factory=lambda: Rounds(1, 0))
    unjudged: int = 0
    fitted: FittedBlend | None = None


def predict(
    embeddings: Mapping[str, NDArray[Any]],
    labels: NDArray[np.int32],
    folds: NDArray[np.int8],
    neighbors: tuple[NDArray[np.int32], NDArray[np.float32]] | None,
    n_classes: int,
    out: NDArray[np.float32],
    *,
    extra: Mapping[str, NDArray[np.float32]] | None = None,
    use_rows: NDArray[np.bool_] | None = None,
    doubt: Doubt | None = None,
    effort: str = "regular",
    seed: int = 0,
    threads: int = 1,
) -> Prediction:
    """Fill ``out`` (N, K) with out-of-sample probabilities: fold models for labelled rows, their mean for unlabelled ones.

    A row whose class lies in its own fold altogether (`assay.predict.folds.alone_in_fold`) gets NaN: nothing that was
    learned without it knows its class. Such rows are counted in ``unjudged``.

    ``use_rows``: rows that models, weights and temperatures learn from, and that vote (all rows still get probabilities).
    ``extra``: probabilities made elsewhere, out of sample; rows of NaN fall back on the prior. ``doubt``: from
    probabilities (N, K) to ``is_label_issue``, ``label_quality``, ``p_label_error`` and ``suggested_label`` (code); with
    it, and an effort beyond "fast", a second round learns without the issues that are wrong
    with probability .75, and is averaged with the first where the log-loss of the other labelled rows falls. The same
    bytes whatever ``threads``.
    Cost: O(N d^2 + N d K) for discriminants, a few times that for softmax heads (left out above 200,000 rows); twice with
    a second round (left out above 400 million probabilities unless the effort is "best").
    """
    labels = np.asarray(labels, np.int32)
    alone = alone_in_fold(labels, folds, n_classes)
    made = _predict(
        embeddings, labels, folds, neighbors, n_classes, out, alone, extra, use_rows, doubt, effort, seed, threads
    )
    if n_classes > 1 and alone.any():
        out[alone] = np.nan
        made = replace(made, unjudged=int(alone.sum()), notes=[*made.notes, _unjudged(labels, alone)])
    return made


def _unjudged(labels: Codes, alone: Flags) -> str:
    rows, classes = int(alone.sum()), len(np.unique(labels[alone]))
    return (
        f"the labels of {rows:,} {'row' if rows == 1 else 'rows'} in {classes:,} {'class' if classes == 1 else 'classes'} are not "
        "judged: such a class is one row or copies of one, and nothing else says what belongs to it"
    )


def _predict(
    embeddings: Mapping[str, NDArray[Any]],
    labels: Codes,
    folds: NDArray[np.int8],
    neighbors: tuple[NDArray[np.int32], NDArray[np.float32]] | None,
    n_classes: int,
    out: NDArray[np.float32],
    alone: Flags,
    extra: Mapping[str, NDArray[np.float32]] | None,
    use_rows: Flags | None,
    doubt: Doubt | None,
    effort: str,
    seed: int,
    threads: int,
) -> Prediction:
    use = np.ones(len(labels), bool) if use_rows is None else use_rows
    problem = Problem(embeddings, labels, folds, neighbors, n_classes, extra or {}, effort, seed, threads)
    first = fit_blend(problem, use, judged=~alone)
    if isinstance(first, str):
        out[:] = prior_of(problem, use)
        return Prediction({}, {}, 1.0, [first])
    first.fill(out, threads)
    if doubt is None or effort not in MAX_SECOND:
        return _told([(first, 1.0)], Rounds(1, 0))
    if not second_round_affordable(len(labels), n_classes, effort):
        first.notes.append("a second round was left out: too many rows and classes for this effort")
        return _told([(first, 1.0)], Rounds(1, 0))
    found = doubt(np.where(alone[:, None], np.float32(np.nan), out) if alone.any() else out)
    dropped = _dropped(labels, use, found)
    likely = _likely(labels, dropped, found, seed)
    second = fit_blend(problem, use, judged=~alone, learn=use & ~dropped, likely=likely)
    if isinstance(second, str) or not dropped.any():
        return _told([(first, 1.0)], Rounds(1, 0))
    rows = sample(np.flatnonzero((folds >= 0) & use & ~dropped & ~alone), n_classes, seed)
    losses = first.loss(rows, labels), second.loss(rows, labels)
    better = losses[1] < losses[0]
    if better:
        second.fill(out, threads, share=SECOND_SHARE)
    rounds = Rounds(2 if better else 1, int(dropped.sum()), round(losses[0], 6), round(losses[1], 6))
    return _told([(first, 1 - SECOND_SHARE), (second, SECOND_SHARE)] if better else [(first, 1.0)], rounds)


def second_round_affordable(n_rows: int, n_classes: int, effort: str) -> bool:
    """Whether a second round, without doubted labels, may take the time that ``effort`` allows: N K up to ``MAX_SECOND``."""
    return n_rows * n_classes <= MAX_SECOND.get(effort, 0)


def _dropped(labels: Codes, use: Flags, found: Mapping[str, NDArray[Any]]) -> Flags:
    """Doubted rows, worst first within each class, so many that the class keeps half of its rows and `LEAST_KEPT`."""
    learned = (labels >= 0) & use
    counts = np.bincount(labels[learned], minlength=int(labels.max(initial=0)) + 1)
    room = counts - np.maximum(LEAST_KEPT, -(-counts // 2))
    rows = np.flatnonzero(found["is_label_issue"] & learned & (found["p_label_error"] >= SURELY_WRONG))
    rows = rows[np.lexsort((found["label_quality"][rows], labels[rows]))]
    first_of_class = np.searchsorted(labels[rows], labels[rows])
    dropped = np.zeros(len(labels), bool)
    dropped[rows[np.arange(len(rows)) - first_of_class < room[labels[rows]]]] = True
    return dropped


def _likely(labels: Codes, dropped: Flags, found: Mapping[str, NDArray[Any]], seed: int) -> Codes:
    """Labels to calibrate on: a dropped row has the suggested one as often as its own is wrong.

    Calibrated on the rows that are left, models would be too sure: hard rows are gone from these. On labels as given
    they would be unsure of every row alike, since none of the models can tell which label is noise.
    """
    wrong = np.random.default_rng([seed, 31]).random(len(labels)) < found["p_label_error"]
    return np.where(dropped & wrong, found["suggested_label"], labels).astype(np.int32)


def _told(blends: list[tuple[Blend, float]], rounds: Rounds) -> Prediction:
    """Of blends and their shares, the last is the one to tell of."""
    blend = blends[-1][0]
    return Prediction(
        {name: round(w, 6) for name, w in blend.weights.items()},
        {name: round(loss, 6) for name, loss in blend.log_loss.items()},
        round(blend.temperature, 6),
        blend.notes,
        rounds,
        fitted=fitted_blend(blends),
    )
