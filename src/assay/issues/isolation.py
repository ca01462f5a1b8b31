"""Isolation forests: how few random cuts set a row apart, of the rows that a forest was grown on and of others.

In: (N, d) vectors. Out: scores; the grown forest as arrays. Does not know: what the columns are, labels, thresholds.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.issues.distances import rows_of

if TYPE_CHECKING:
    from sklearn.ensemble import IsolationForest

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

TREES = 100
FIT_ROWS = 20_000
READ = 8_192


def grow_forest(x: NDArray[Any], *, seed: int) -> IsolationForest:
    """An isolation forest (Liu, Ting, Zhou, ICDM 2008) of 100 trees, 256 rows each, out of at most 20,000 rows of ``x`` (N, d)."""
    from sklearn.ensemble import IsolationForest

    rows = np.random.default_rng([seed, 34]).permutation(len(x))[:FIT_ROWS]
    return IsolationForest(n_estimators=TREES, random_state=seed).fit(rows_of(x, np.sort(rows)))


def isolation_scores(forest: IsolationForest, x: NDArray[Any], *, threads: int) -> Floats:
    """(N,) log score of the rows of ``x`` (N, d), higher = more alone."""
    out = np.empty(len(x))

    def one(start: int) -> None:
        out[start : start + READ] = np.log(-forest.score_samples(rows_of(x, slice(start, start + READ))))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(0, len(x), READ)))
    return out


@dataclass(frozen=True)
class FittedIsolation:
    """A grown forest as arrays, all trees in one.

    roots_ : (T,) first nodes. column_ : (nodes,) that a branch looks at, -1 of leaves. cut_ : values up to it go left.
    left_, right_ : (nodes,). depth_ : (nodes,) expected cuts until a row that ends there is alone, 0 of branches.
    usual_depth_ : of all trees together, for a row like others.
    """

    roots_: NDArray[np.int32]
    column_: NDArray[np.int32]
    cut_: Floats
    left_: NDArray[np.int32]
    right_: NDArray[np.int32]
    depth_: Floats
    usual_depth_: float

    @classmethod
    def of(cls, forest: IsolationForest) -> FittedIsolation:
        """What a forest of scikit-learn learned, whose trees see all columns."""
        trees = [tree.tree_ for tree in forest.estimators_]
        starts = np.cumsum([0, *(tree.node_count for tree in trees)])

        def joined(of_tree: Any) -> NDArray[Any]:
            return np.concatenate([of_tree(tree, start) for tree, start in zip(trees, starts, strict=False)])

        return cls(
            starts[:-1].astype(np.int32),
            joined(lambda tree, _: np.where(tree.children_left < 0, -1, tree.feature)).astype(np.int32),
            joined(lambda tree, _: tree.threshold),
            joined(lambda tree, start: tree.children_left + start).astype(np.int32),
            joined(lambda tree, start: tree.children_right + start).astype(np.int32),
            joined(lambda tree, _: _leaf_depths(tree)),
            len(trees) * float(_path_length(np.array([forest.max_samples_]))[0]),
        )

    def score(self, x: NDArray[Any]) -> Floats:
        """(n,) as `isolation_scores` of n other rows (n, d)."""
        x = rows_of(x, slice(None)).astype(np.float32)
        total = np.zeros(len(x))
        for root in self.roots_:  # all rows go down a tree together
            at = np.full(len(x), root)
            moving = np.arange(len(x))
            while len(moving := moving[self.column_[at[moving]] >= 0]):
                node = at[moving]
                low = x[moving, self.column_[node]] <= self.cut_[node]
                at[moving] = np.where(low, self.left_[node], self.right_[node])
            total += self.depth_[at]
        return -np.log(2.0) * total / self.usual_depth_

    def to_arrays(self) -> Arrays:
        return {name.rstrip("_"): np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> FittedIsolation:
        """The inverse of `to_arrays`."""
        given: dict[str, Any] = {f"{name}_": array for name, array in arrays.items()}
        return cls(**given | {"usual_depth_": float(arrays["usual_depth"])})


def _leaf_depths(tree: Any) -> Floats:
    """(nodes,) branches on the way to a leaf, and how many more its rows would take; 0 of branches."""
    depth = np.zeros(tree.node_count)
    branches = np.flatnonzero(tree.children_left >= 0)
    for node in branches.tolist():  # children come after their parents
        depth[[tree.children_left[node], tree.children_right[node]]] = depth[node] + 1
    depth += _path_length(tree.n_node_samples)
    depth[branches] = 0
    return depth


def _path_length(rows: NDArray[Any]) -> Floats:
    """Mean depth at which a search in a random binary tree of so many rows ends in vain: c(n) of Liu, Ting and Zhou."""
    n = np.asarray(rows, np.float64)
    out = np.where(n == 2, 1.0, 0.0)
    large = n > 2
    out[large] = 2 * (np.log(n[large] - 1) + np.euler_gamma) - 2 * (n[large] - 1) / n[large]
    return out
