"""Out-of-sample probabilities of tree models, for tables.

In: cells as numbers (NaN = blank), dense cells, class codes, folds. Out: float32 (N, K) a model. Does not know: the blend.

Trees grown to the end learn wrong labels by heart, and their doubts with them: extra-trees keep large leaves, boosting
stops early. Both are scored by fold: folds never split duplicates, which out-of-bag rows would.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]
Rows = NDArray[np.int64]
Task = tuple[Codes, Rows, Rows, int, list[int]]  # labels, training rows, asked rows, K, seed

TREES = {"fast": 60, "regular": 120, "best": 300}
LEAF = 3  # rows
TREE_ROWS = 50_000  # that one extra-tree grows on
NODE_NUMBERS = 25_000_000  # class counts that one extra-tree may hold; beyond, its leaves get larger
MATRIX_NUMBERS = 200_000_000  # beyond, extra-trees see the unscaled cells alone
PREDICTED = 16_384  # rows at a time
BOOSTED_ROWS = 200_000  # that a boosted model learns from
BOOSTED_CLASSES = 100  # a boosted round grows a tree a class; more classes are left to the extra-trees
LEAST_BOOSTED = 60  # labelled rows
ROUNDS, ROUND_TREES = 150, 1_500  # at most so many rounds, and trees in all of them
PATIENCE = 10  # rounds without a better held-out log-loss
HELD_OUT = 0.15
PRIOR_WEIGHT = np.float32(0.005)  # so that no class is impossible, not even one that a fold never saw
LARGEST = np.float32(1e30)


def tree_probabilities(
    trees: Floats,
    dense: NDArray[Any],
    labels: Codes,
    folds: NDArray[np.int8],
    n_classes: int,
    *,
    seed: int,
    threads: int,
    effort: str = "regular",
) -> dict[str, Floats]:
    """Model name -> probabilities (N, K), every labelled row's from models that never saw its fold.

    Parameters
    ----------
    trees : (N, m) cells, unscaled, NaN = blank. dense : (N, d) the same cells scaled, without gaps.
    labels : (N,) class codes, -1 = unlabelled. folds : (N,) -1 = unlabelled; such rows get the mean of the folds' models.
    seed : of trees and samples; the same bytes whatever ``threads``.
    effort : "fast" grows 60 extra-trees; "regular" 120, and boosts; "best" 300, and boosts.

    Returns
    -------
    "extratrees" (Geurts, Ernst, Wehenkel, Machine Learning 2006) and, for 2 to 100 classes and 60 labelled rows or more,
    "lightgbm". Nothing where there is nothing to tell apart: one class, no labelled row, or no column.

    Notes
    -----
    Cost: a fold's extra-tree sees at most 50,000 rows, its boosted model 200,000. Memory: N K float32 a model.
    """
    labelled = (labels >= 0) & (folds >= 0)
    if n_classes < 2 or not labelled.any() or trees.shape[1] == 0:
        return {}
    cells = np.clip(np.asarray(trees, np.float32), -LARGEST, LARGEST)
    matrix = _filled(cells)
    if len(matrix) * (matrix.shape[1] + dense.shape[1]) <= MATRIX_NUMBERS:
        matrix = np.ascontiguousarray(np.concatenate([matrix, np.asarray(dense, np.float32)], axis=1))
    models: dict[str, Callable[[Task], Floats]] = {
        "extratrees": lambda task: _extra_trees(matrix, *task, count=TREES.get(effort, TREES["regular"]))
    }
    if effort != "fast" and n_classes <= BOOSTED_CLASSES and labelled.sum() >= LEAST_BOOSTED:
        models["lightgbm"] = lambda task: _boosted(cells, *task)
    loose = np.flatnonzero(~labelled)
    found = {}
    for name, model in models.items():
        out = np.zeros((len(labels), n_classes), np.float32)
        tasks: list[Task] = []
        for fold in np.unique(folds[labelled]).tolist():
            train = np.flatnonzero(labelled & (folds != fold))
            held = np.flatnonzero(labelled & (folds == fold))
            tasks.append((labels, train, np.concatenate([held, loose]), n_classes, [seed, 61, fold]))
        with ThreadPoolExecutor(threads) as pool:
            # in order of the folds: sums of floats depend on it
            for task, values in zip(tasks, pool.map(model, tasks), strict=True):
                held = task[2][: len(task[2]) - len(loose)]
                prior = _prior(labels[task[1]], n_classes)
                values = (1 - PRIOR_WEIGHT) * values + PRIOR_WEIGHT * prior
                out[held] = values[: len(held)]
                out[loose] += values[len(held) :] / np.float32(len(tasks))
        for start in range(0, len(out), PREDICTED):
            out[start : start + PREDICTED] /= out[start : start + PREDICTED].sum(1, keepdims=True)
        found[name] = out
    return found


def _prior(labels: Codes, n_classes: int) -> Floats:
    counts = np.bincount(labels, minlength=n_classes) + 1.0
    return (counts / counts.sum()).astype(np.float32)


def _filled(cells: Floats) -> Floats:
    """Blanks as the column's median; that they were blank, the dense cells tell."""
    out = cells.copy()
    for column in out.T:
        blank = np.isnan(column)
        if blank.any():
            column[blank] = np.median(column[~blank]) if not blank.all() else 0
    return out


def _extra_trees(
    matrix: Floats, labels: Codes, train: Rows, asked: Rows, n_classes: int, seed: list[int], *, count: int
) -> Floats:
    """Mean leaf shares of ``count`` trees, grown, asked and dropped one by one: a forest of many classes would not fit."""
    from sklearn.tree import ExtraTreeClassifier

    total = np.zeros((len(asked), n_classes), np.float32)
    if len(train) <= 2 * len(np.unique(labels[train])):  # nothing to learn from classes of a row or two
        return total + _prior(labels[train], n_classes)
    rng = np.random.default_rng(seed)
    grown = min(len(train), TREE_ROWS)
    leaf = max(LEAF, -(-2 * grown * n_classes // NODE_NUMBERS))
    for _ in range(count):
        rows = train if len(train) <= TREE_ROWS else np.sort(rng.permutation(train)[:TREE_ROWS])
        tree = ExtraTreeClassifier(min_samples_leaf=leaf, random_state=int(rng.integers(2**31)))
        tree.fit(matrix[rows], labels[rows], check_input=False)
        for start in range(0, len(asked), PREDICTED):
            part = asked[start : start + PREDICTED]
            shares = tree.predict_proba(matrix[part], check_input=False)
            total[start : start + PREDICTED, tree.classes_] += shares.astype(np.float32)
    return np.asarray(total / np.float32(count), np.float32)


def _boosted(cells: Floats, labels: Codes, train: Rows, asked: Rows, n_classes: int, seed: list[int]) -> Floats:
    """Small boosted trees, as many as a held-out part of the training rows asks for."""
    import lightgbm

    rng = np.random.default_rng(seed)
    order = rng.permutation(train)[:BOOSTED_ROWS]
    cut = round(HELD_OUT * len(order))
    held, fit = np.sort(order[:cut]), np.sort(order[cut:])
    present, codes = np.unique(labels[fit], return_inverse=True)
    out = np.zeros((len(asked), n_classes), np.float32)
    if len(present) < 2:
        return out + _prior(labels[train], n_classes)
    held = held[np.isin(labels[held], present)]
    several = len(present) > 2
    settings: dict[str, Any] = {
        "objective": "multiclass" if several else "binary",
        "learning_rate": 0.1,
        "num_leaves": 15,
        "min_data_in_leaf": int(np.clip(len(fit) // 100, 3, 20)),
        "max_bin": 127,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
        "seed": int(rng.integers(2**31)),
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    if several:
        settings["num_class"] = len(present)
    rounds = int(np.clip(ROUND_TREES // len(present), 15, ROUNDS))
    data = lightgbm.Dataset(cells[fit], codes, params=settings)
    stop = []
    checks = []
    if len(held):
        checks = [lightgbm.Dataset(cells[held], np.searchsorted(present, labels[held]), reference=data)]
        stop = [lightgbm.early_stopping(PATIENCE, verbose=False)]
    model = lightgbm.train(settings, data, rounds, valid_sets=checks, callbacks=stop)
    for start in range(0, len(asked), PREDICTED):
        made = np.asarray(model.predict(cells[asked[start : start + PREDICTED]], num_threads=1), np.float32)
        out[start : start + PREDICTED, present] = made if several else np.stack([1 - made, made], axis=1)
    return out
