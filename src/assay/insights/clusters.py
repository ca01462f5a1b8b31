"""Classes that fall into two clusters, and clusters of all rows.

In: vectors, class codes. Out: `assay.insights.relations.Relation`s of type "should_split", with the rows of the smaller cluster.
Pure. Does not know: class names, what a row holds.

Method: two means within the class; the class should be split if almost no row has its nearest rows of the same class in the
other cluster, if both are large, and if the two are much further apart than classes typically are from their nearest one, or
ten other classes lie nearer to each of the two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.insights.relations import Relation
from assay.issues.interval import wilson
from assay.issues.scan import rows_by_class

CLASS_ROWS = 400  # rows of a class that are looked at, evenly over it
LEAST = 30  # rows of a class below which nothing is said
SMALLER = 0.15  # share of the smaller cluster
NEAREST = 5
CROSSING = 0.01  # share of nearest rows that lie in the other cluster
APART = 2.0  # squared distance of the two, as a multiple of the typical one between a class and its nearest other
# ... or, where so many other classes are nearer to each of the two than the two are to each other, this much, and this share of nearest
# rows in the other: the kinds of one thing stay next to each other, whatever lies between them.
NEARER, LESS_APART, MORE_CROSSING = 10, 1.3, 0.04
TIGHT = 8.0  # ... or of the spread inside the two, where no row crosses and it is no less than that distance
MOSTLY = 0.5  # of the classes, two at least, fall into two: so do the vectors, whatever the class
STEPS = 30

Floats = NDArray[np.float32]


def splittable(vectors: NDArray[Any], labels: NDArray[np.int32], n_classes: int) -> list[Relation]:
    """``vectors`` (N, d) of one encoder, compared by cosine. Cost: O(K * 400^2 * d)."""
    members = rows_by_class(np.asarray(labels, np.int32), n_classes)
    looked: dict[int, tuple[NDArray[np.int64], Floats]] = {}
    centres = {}
    for code, rows in enumerate(members):
        if len(rows) < LEAST:
            continue
        at = rows[np.linspace(0, len(rows) - 1, min(len(rows), CLASS_ROWS)).astype(np.int64)]
        looked[code] = (at, _unit(vectors[at]))
        centres[code] = looked[code][1].mean(0)
    if len(looked) < 3:
        return []
    matrix = np.stack(list(centres.values()))
    at_class = {code: at for at, code in enumerate(centres)}
    gaps = _gaps(matrix)
    np.fill_diagonal(gaps, np.inf)
    typical = float(np.median(gaps.min(1)))
    found = []
    for code, (_, x) in looked.items():
        side = _two_means(x)
        share = min(float(side.mean()), 1 - float(side.mean()))
        if share < SMALLER:
            continue
        one, two = x[side].mean(0), x[~side].mean(0)
        apart = float(((one - two) ** 2).sum())
        similar = x @ x.T
        np.fill_diagonal(similar, -np.inf)
        near = np.argpartition(-similar, NEAREST, axis=1)[:, :NEAREST]
        crossing = float((side[near] != side[:, None]).mean())
        spread = float(((x - np.where(side[:, None], one, two)) ** 2).sum(1).mean())
        tight = crossing == 0 and apart >= max(typical, TIGHT * spread)
        clear = crossing <= CROSSING and (apart >= APART * typical or tight)
        if not clear and crossing <= MORE_CROSSING and apart >= LESS_APART * typical:
            others = np.delete(matrix, at_class[code], axis=0)
            clear = min(int((((others - mean) ** 2).sum(1) < apart).sum()) for mean in (one, two)) >= NEARER
        if not clear:
            continue
        small = side if side.sum() <= (~side).sum() else ~side
        # every row of the class goes to the nearer of the two centres
        whole = _unit(vectors[members[code]])
        first, second = (x[small].mean(0), x[~small].mean(0))
        score = whole @ (first - second) - ((first**2).sum() - (second**2).sum()) / 2
        chosen = members[code][score > 0]
        low, high = wilson(len(chosen), len(members[code]))
        facts = {"crossing": crossing, "apart": apart, "typical": typical}
        order = np.argsort(-score[score > 0], kind="stable")
        found.append(
            Relation("should_split", code, -1, len(chosen) / len(members[code]), low, high, chosen[order], facts=facts)
        )
    if len(found) >= max(2, MOSTLY * len(looked)):
        return []
    return sorted(found, key=lambda r: (-r.facts["apart"], r.first))


def _gaps(matrix: Floats) -> Floats:
    """Squared distances of all pairs, without an array of all differences: of 1,000 classes that would be a gigabyte."""
    square = (matrix**2).sum(1)
    return np.maximum(square[:, None] + square[None] - 2 * matrix @ matrix.T, 0)


def _unit(x: NDArray[Any]) -> Floats:
    out = np.asarray(x, np.float32)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12), np.float32)


def _two_means(x: Floats) -> NDArray[np.bool_]:
    """Lloyd's steps from the two ends of the first principal component: no chance in it."""
    centred = x - x.mean(0)
    wide = x.shape[1] > len(x)
    inner = centred @ centred.T if wide else centred.T @ centred  # the smaller one: a third of the cost of an SVD
    last = np.linalg.eigh(inner)[1][:, -1]
    side = centred @ (centred.T @ last if wide else last) > 0
    for _ in range(STEPS):
        if side.all() or not side.any():
            break
        one, two = x[side].mean(0), x[~side].mean(0)
        new = ((x - one) ** 2).sum(1) < ((x - two) ** 2).sum(1)
        if np.array_equal(new, side):
            break
        side = new
    return np.asarray(side, bool)
