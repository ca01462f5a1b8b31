"""Out-of-sample probabilities of tree models, for tables.

In: cells as numbers (NaN = blank), dense cells, class codes, folds. Out: float32 (N, K) a model, and the models.
Does not know: the blend.

Trees grown to the end learn wrong labels by heart, and their doubts with them: extra-trees keep large leaves, boosting
stops early. Both are scored by fold: folds never split duplicates, which out-of-bag rows would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]
Rows = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]
Task = tuple[Codes, Rows, Rows, int, list[int]]  # labels, training rows, asked rows, K, seed

TREES = {"fast": 60, "regular": 120, "best": 300}
LEAF = 3  # rows
# Rows that one extra-tree grows on, and their numbers: fewer rows of many columns
TREE_ROWS, TREE_NUMBERS = 200_000, 25_000_000
# Of more rows, fewer trees: what they miss is rows, not trees. Per fold of 160,000 made-up rows 120 trees of 50,000 have log-loss
# .798 in 11 CPU s, 12 trees of all rows .720 in 5; of 200,000 flights .391 in 7 and, 15 trees, .364 in 4.
FULL_FOREST, FEWER = 50_000, 1.5  # rows up to which all trees grow, and the power by which they get fewer beyond
LEAST_TREES = 12
NODE_NUMBERS = 25_000_000  # class counts that one extra-tree may hold; beyond, its leaves get larger
MATRIX_NUMBERS = 200_000_000  # beyond, extra-trees see the unscaled cells alone
PREDICTED = 16_384  # rows at a time
BOOSTED_ROWS = 200_000  # that a boosted model learns from
BOOSTED_CLASSES = 100  # a boosted round grows a tree a class; more classes are left to the extra-trees
LEAST_BOOSTED = 60  # labelled rows
ROUNDS, ROUND_TREES = 150, 1_500  # at most so many rounds, and trees in all of them
# From so many rows on small slow trees do not get there in those rounds: 160,000 made-up rows, log-loss .878 and, larger, .756;
# of 200,000 flights .480 and .364, in the same time.
MANY_ROWS = 50_000
SMALL_TREES: dict[str, Any] = {"learning_rate": 0.1, "num_leaves": 15}
LARGE_TREES: dict[str, Any] = {"learning_rate": 0.2, "num_leaves": 31}
PATIENCE = 10  # rounds without a better held-out log-loss
HELD_OUT = 0.15
PRIOR_WEIGHT = np.float32(0.005)  # so that no class is impossible, not even one that a fold never saw
LARGEST = np.float32(1e30)
KEPT_NUMBERS = 2_000_000  # that the leaves and branches of a fold's extra-trees may hold; larger forests are not kept


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
) -> tuple[dict[str, Floats], FittedTrees | None]:
    """Model name -> probabilities (N, K), every labelled row's from models that never saw its fold; and the models.

    Parameters
    ----------
    trees : (N, m) cells, unscaled, NaN = blank. dense : (N, d) the same cells scaled, without gaps.
    labels : (N,) class codes, -1 = unlabelled. folds : (N,) -1 = unlabelled; such rows get the mean of the folds' models.
    seed : of trees and samples; the same bytes whatever ``threads``.
    effort : "fast" grows 60 extra-trees; "regular" 120, and boosts; "best" 300, and boosts; fewer above 50,000 rows a fold.

    Returns
    -------
    "extratrees" (Geurts, Ernst, Wehenkel, Machine Learning 2006) and, for 2 to 100 classes and 60 labelled rows or more,
    "lightgbm". Nothing where there is nothing to tell apart: one class, no labelled row, or no column. The models predict
    rows that were not there; of a forest that is too large (2 million numbers a fold) they are not kept.

    Notes
    -----
    Cost: a fold's extra-tree and its boosted model see at most 200,000 rows each. Memory: N K float32 a model.
    """
    labelled = (labels >= 0) & (folds >= 0)
    if n_classes < 2 or not labelled.any() or trees.shape[1] == 0:
        return {}, None
    medians = _medians(trees)
    cells, matrix = _matrices(trees, medians)
    joined = len(matrix) * (matrix.shape[1] + dense.shape[1]) <= MATRIX_NUMBERS
    if joined:
        matrix = np.ascontiguousarray(np.concatenate([matrix, np.asarray(dense, np.float32)], axis=1))
    models: dict[str, Callable[[Task], tuple[Floats, Arrays | None]]] = {
        "extratrees": lambda task: _extra_trees(matrix, *task, count=TREES.get(effort, TREES["regular"]))
    }
    if effort != "fast" and n_classes <= BOOSTED_CLASSES and labelled.sum() >= LEAST_BOOSTED:
        models["lightgbm"] = lambda task: _boosted(cells, *task)
    loose = np.flatnonzero(~labelled)
    found, learned = {}, {}
    for name, model in models.items():
        kept: list[Arrays | None] = []
        out = np.zeros((len(labels), n_classes), np.float32)
        tasks: list[Task] = []
        for fold in np.unique(folds[labelled]).tolist():
            train = np.flatnonzero(labelled & (folds != fold))
            held = np.flatnonzero(labelled & (folds == fold))
            tasks.append((labels, train, np.concatenate([held, loose]), n_classes, [seed, 61, fold]))
        with ThreadPoolExecutor(threads) as pool:
            # in order of the folds: sums of floats depend on it
            for task, (values, state) in zip(tasks, pool.map(model, tasks), strict=True):
                held = task[2][: len(task[2]) - len(loose)]
                prior = _prior(labels[task[1]], n_classes)
                kept.append(None if state is None else state | {"prior": prior})
                values = (1 - PRIOR_WEIGHT) * values + PRIOR_WEIGHT * prior
                out[held] = values[: len(held)]
                out[loose] += values[len(held) :] / np.float32(len(tasks))
        for start in range(0, len(out), PREDICTED):
            out[start : start + PREDICTED] /= out[start : start + PREDICTED].sum(1, keepdims=True)
        found[name] = out
        folds_of = [state for state in kept if state is not None]
        if len(folds_of) == len(kept):
            learned[name] = dict(zip(np.unique(folds[labelled]).tolist(), folds_of, strict=True))
    return found, FittedTrees(n_classes, medians, joined, learned)


@dataclass(frozen=True)
class FittedTrees:
    """What `tree_probabilities` learned. ``models_``: model name -> fold -> arrays; ``medians_`` (m,) stand for blanks."""

    n_classes: int
    medians_: Floats
    joined_: bool  # do extra-trees see the scaled cells too?
    models_: dict[str, dict[int, Arrays]]

    def predict_proba(
        self, trees: Floats, dense: NDArray[Any], *, folds: NDArray[np.int8] | None = None
    ) -> dict[str, Floats]:
        """Model name -> probabilities (n, K) of n rows, whose cells are made as those that were learned from.

        ``folds`` (n,): of rows that were learned from, so that they are asked about out of sample; -1, the default, gives the
        mean of all folds' models.
        """
        own = np.full(len(trees), -1, np.int8) if folds is None else folds
        cells, matrix = _matrices(trees, self.medians_)
        if self.joined_:
            matrix = np.ascontiguousarray(np.concatenate([matrix, np.asarray(dense, np.float32)], axis=1))
        found = {}
        for name, models in self.models_.items():
            out = np.zeros((len(trees), self.n_classes), np.float32)
            for fold, state in models.items():
                asked = np.flatnonzero((own == fold) | (own < 0))
                forest = name == "extratrees"
                values = _ask_forest(state, matrix[asked]) if forest else _ask_boosted(state, cells[asked])
                # a row's sum is made 1 below: whether it adds one model's values or all of them
                out[asked] += (1 - PRIOR_WEIGHT) * values + PRIOR_WEIGHT * state["prior"]
            found[name] = out / out.sum(1, keepdims=True)
        return found

    def to_arrays(self) -> tuple[dict[str, Any], Arrays]:
        """(index, arrays): the index is JSON, and says which arrays are whose."""
        arrays: Arrays = {"medians": self.medians_}
        index: dict[str, Any] = {"n_classes": self.n_classes, "joined": self.joined_, "models": {}}
        for name, models in self.models_.items():
            index["models"][name] = {str(fold): sorted(state) for fold, state in models.items()}
            arrays |= {f"{name}.{fold}.{key}": array for fold, state in models.items() for key, array in state.items()}
        return index, arrays

    @classmethod
    def from_arrays(cls, index: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedTrees:
        """The inverse of `to_arrays`."""
        models = {
            name: {int(fold): {key: arrays[f"{name}.{fold}.{key}"] for key in keys} for fold, keys in folds.items()}
            for name, folds in index["models"].items()
        }
        return cls(index["n_classes"], arrays["medians"], index["joined"], models)


def _matrices(trees: NDArray[Any], medians: Floats) -> tuple[Floats, Floats]:
    """Cells with gaps, for boosting, and without, for extra-trees: that they were blank, the dense cells tell."""
    cells = np.clip(np.asarray(trees, np.float32), -LARGEST, LARGEST)
    return cells, np.where(np.isnan(cells), medians, cells).astype(np.float32)


def _medians(trees: NDArray[Any]) -> Floats:
    """(m,) of each column's cells, 0 of a column of blanks."""
    cells = np.clip(np.asarray(trees, np.float32), -LARGEST, LARGEST)
    known = [column[~np.isnan(column)] for column in cells.T]
    return np.array([float(np.median(column)) if len(column) else 0.0 for column in known], np.float32)


def _prior(labels: Codes, n_classes: int) -> Floats:
    counts = np.bincount(labels, minlength=n_classes) + 1.0
    return (counts / counts.sum()).astype(np.float32)


def _extra_trees(
    matrix: Floats, labels: Codes, train: Rows, asked: Rows, n_classes: int, seed: list[int], *, count: int
) -> tuple[Floats, Arrays | None]:
    """Mean leaf shares of ``count`` trees, grown, asked and dropped one by one: a forest of many classes would not fit."""
    from sklearn.tree import ExtraTreeClassifier

    total = np.zeros((len(asked), n_classes), np.float32)
    if len(train) <= 2 * len(np.unique(labels[train])):  # nothing to learn from classes of a row or two
        share = _prior(labels[train], n_classes)
        return total + share, _kept_trees([_stump(share)])
    rng = np.random.default_rng(seed)
    grown = rows_grown(len(train), matrix.shape[1])
    count = forest_size(count, grown)
    leaf = max(LEAF, -(-2 * grown * n_classes // NODE_NUMBERS))
    forest: list[Arrays] | None = []
    for _ in range(count):
        rows = train if len(train) <= grown else np.sort(rng.permutation(train)[:grown])
        tree = ExtraTreeClassifier(min_samples_leaf=leaf, random_state=int(rng.integers(2**31)))
        tree.fit(matrix[rows], labels[rows], check_input=False)
        for start in range(0, len(asked), PREDICTED):
            part = asked[start : start + PREDICTED]
            shares = tree.predict_proba(matrix[part], check_input=False)
            total[start : start + PREDICTED, tree.classes_] += shares.astype(np.float32)
        if forest is not None:
            forest.append(_branches(tree, n_classes))
            if sum(array.size for one in forest for array in one.values()) > KEPT_NUMBERS:
                forest = None
    made = np.asarray(total / np.float32(count), np.float32)
    return made, None if forest is None else _kept_trees(forest)


def rows_grown(rows: int, columns: int) -> int:
    """Of so many rows, those that one extra-tree grows on."""
    return min(rows, TREE_ROWS, max(TREE_NUMBERS // max(columns, 1), FULL_FOREST))


def forest_size(count: int, grown: int) -> int:
    """Trees of a forest of ``count`` that are grown, each on ``grown`` rows."""
    return max(min(count, LEAST_TREES), round(count * min(FULL_FOREST / max(grown, 1), 1) ** FEWER))


def _branches(tree: Any, n_classes: int) -> Arrays:
    """A grown tree: of a branch its column, cut and where it leads; of a leaf column -1, and where its shares lie."""
    grown = tree.tree_
    leaf = grown.children_left < 0
    shares = np.zeros((int(leaf.sum()), n_classes), np.float32)
    shares[:, tree.classes_] = grown.value[leaf, 0]
    return {
        "column": np.where(leaf, -1, grown.feature).astype(np.int32),
        "cut": grown.threshold,
        "left": np.where(leaf, np.cumsum(leaf) - 1, grown.children_left).astype(np.int32),
        "right": grown.children_right.astype(np.int32),
        "shares": shares,
    }


def _stump(share: Floats) -> Arrays:
    none = np.zeros(1, np.int32)
    return {"column": none - 1, "cut": np.zeros(1), "left": none, "right": none, "shares": share[None]}


def _kept_trees(forest: list[Arrays]) -> Arrays:
    """All trees in one: ``roots`` (T,), and children and shares numbered through."""
    nodes = np.cumsum([0, *(len(tree["column"]) for tree in forest)])
    leaves = np.cumsum([0, *(len(tree["shares"]) for tree in forest)])
    left = [
        tree["left"] + np.where(tree["column"] < 0, leaf, node)
        for tree, node, leaf in zip(forest, nodes, leaves, strict=False)
    ]
    right = [np.where(tree["column"] < 0, -1, tree["right"] + node) for tree, node in zip(forest, nodes, strict=False)]
    joined = {key: np.concatenate([tree[key] for tree in forest]) for key in ("column", "cut", "shares")}
    return joined | {
        "left": np.concatenate(left).astype(np.int32),
        "right": np.concatenate(right).astype(np.int32),
        "roots": nodes[:-1].astype(np.int32),
    }


def _ask_forest(state: Arrays, matrix: Floats) -> Floats:
    """Mean leaf shares (n, K): all rows go down a tree together."""
    total = np.zeros((len(matrix), state["shares"].shape[1]), np.float32)
    for root in state["roots"]:
        at = np.full(len(matrix), root)
        moving = np.arange(len(matrix))
        while len(moving := moving[state["column"][at[moving]] >= 0]):
            node = at[moving]
            low = matrix[moving, state["column"][node]] <= state["cut"][node]
            at[moving] = np.where(low, state["left"][node], state["right"][node])
        total += state["shares"][state["left"][at]]
    return total / np.float32(len(state["roots"]))


def _boosted(
    cells: Floats, labels: Codes, train: Rows, asked: Rows, n_classes: int, seed: list[int]
) -> tuple[Floats, Arrays]:
    """Small boosted trees, as many as a held-out part of the training rows asks for."""
    import lightgbm

    rng = np.random.default_rng(seed)
    order = rng.permutation(train)[:BOOSTED_ROWS]
    cut = round(HELD_OUT * len(order))
    held, fit = np.sort(order[:cut]), np.sort(order[cut:])
    present, codes = np.unique(labels[fit], return_inverse=True)
    if len(present) < 2:
        share = _prior(labels[train], n_classes)
        return np.repeat(share[None], len(asked), 0), {"share": share}
    held = held[np.isin(labels[held], present)]
    several = len(present) > 2
    settings: dict[str, Any] = {
        "objective": "multiclass" if several else "binary",
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
    } | (LARGE_TREES if len(fit) > MANY_ROWS else SMALL_TREES)
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
    written = np.frombuffer(model.model_to_string().encode(), np.uint8)
    state = {"text": written, "present": present, "classes": np.array(n_classes)}
    return _asked(model, present, n_classes, cells[asked]), state


def _asked(model: Any, present: Codes, n_classes: int, cells: Floats) -> Floats:
    out = np.zeros((len(cells), n_classes), np.float32)
    for start in range(0, len(cells), PREDICTED):
        made = np.asarray(model.predict(cells[start : start + PREDICTED], num_threads=1), np.float32)
        out[start : start + PREDICTED, present] = made if made.ndim == 2 else np.stack([1 - made, made], axis=1)
    return out


def _ask_boosted(state: Arrays, cells: Floats) -> Floats:
    import lightgbm

    if "share" in state:
        return np.repeat(state["share"][None], len(cells), 0)
    model = lightgbm.Booster(model_str=state["text"].tobytes().decode())
    return _asked(model, state["present"], int(state["classes"]), cells)
