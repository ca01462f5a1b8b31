"""Nearest neighbours of a large set with itself, by a cluster-blocked join.

In: prepared vectors, more than an exact scan can pay for. Out: the k nearest distinct rows of each, nearly all of them.
Does not know: how many it missed (`assay.neighbors` asks a sample exactly).

Principal components of a sample -> k-means lists in those few dimensions, and groups of lists that lie together -> the
rows sorted by group and list -> one task a group: its rows meet the rows of the lists they lie near, in matrix products ->
the best candidates -> exact distances in all dimensions. The blocking follows the inverted lists of Jégou, Douze and Schmid
(PAMI 2011); asking for many rows in one product, instead of row by row, is what makes it cheap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.graph.exact import parallel_for, rerank
from assay.graph.kernels import NOWHERE, update_topk
from assay.graph.vectors import BLOCK, Vectors

ENERGY, LEAST_DIMS = 0.92, 128  # fewer dimensions cap the recall, whatever the number of probes
PCA_SAMPLE = 40_000
LISTS, LISTS_OF_LARGE = 2, 4  # times the root of the rows
LARGE = 300_000  # rows; with 2 sqrt(N) lists of them, one may hold many clusters
ROWS_A_LIST, ROUNDS = 24, 4  # k-means sees this many rows a list, this many times
CROWDED, SPARSE = 1.8, 0.35  # times the mean size: such a list takes over the seat of such another one
NEAR = 8  # lists known of each row
GROUPS = 0.25  # times the root of the rows; rows of a group want the same lists, and wide products are cheap ones
SETTLED = 4_096  # rows at a time: more of them share their candidates
WANTED = 0.7  # a list wanted by this share of the rows meets all of them in one product


@dataclass(frozen=True)
class Lists:
    """The coarse space: rows in few dimensions, sorted by the k-means list they lie in; lists near each other in a group."""

    coarse: NDArray[np.float32]  # (U, c), in the order of `order`
    order: NDArray[np.int64]  # (U,) distinct row at each place
    limits: NDArray[np.int64]  # (L + 1,) list l holds the places limits[l]:limits[l + 1]
    centres: NDArray[np.float32]  # (L, c)
    groups: NDArray[np.int64]  # (G + 1,) group g holds the lists groups[g]:groups[g + 1]
    near: NDArray[np.int32]  # (U, min(NEAR, L)) nearest lists of the row at each place, its own first
    spherical: bool
    exact: bool  # `coarse` has all dimensions

    def group_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The group that each of these distinct rows lies in."""
        position = np.empty(len(self.order), np.int64)
        position[self.order] = np.arange(len(self.order))
        return np.searchsorted(self.limits[self.groups], position[rows], side="right") - 1

    def nearest(self, low: int, high: int, count: int) -> NDArray[np.int32]:
        """(m, count) nearest lists of the sorted rows low:high, their own list first."""
        if count <= self.near.shape[1]:
            return self.near[low:high, :count]
        found = _nearest(self.coarse[low:high], self.centres, count, self.spherical)
        found[:, 0] = self.near[low:high, 0]  # whatever rounding says
        return found


def make_lists(vectors: Vectors, *, threads: int, seed: int) -> Lists:
    """Project and sort ``vectors``. Cost: 2 N d c + 2 N L c operations with L = 2 to 4 sqrt(N) lists, c coarse dimensions."""
    rng = np.random.default_rng([seed, 7_001])
    spherical = vectors.metric == "cosine"
    axes = _axes(vectors, rng)
    centres, near = _k_means_of(_project(vectors, axes, None, threads), spherical, rng, threads)
    centres, groups, rank = _grouped(centres, max(1, int(GROUPS * len(near) ** 0.5)), spherical, rng, threads)
    near = rank[near]
    order = np.argsort(near[:, 0], kind="stable")
    limits = np.concatenate([[0], np.cumsum(np.bincount(near[:, 0], minlength=len(centres)))])
    near = near[order]
    # projected once more, in order: it costs less than memory for both
    coarse = _project(vectors, axes, order, threads)
    return Lists(coarse, order, limits, centres, groups, near, spherical, exact=axes is None)


def _grouped(
    centres: NDArray[np.float32], count: int, spherical: bool, rng: np.random.Generator, threads: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int32]]:
    """Centres in the order of their groups, the limits of the groups, and the new number of each list."""
    middles = _k_means(centres, count, spherical, rng, threads)
    group = _nearest(centres, middles, 1, spherical)[:, 0]
    order = np.argsort(group, kind="stable")
    rank = np.empty(len(centres), np.int32)
    rank[order] = np.arange(len(centres))
    sizes = np.bincount(group, minlength=count)
    return centres[order], np.concatenate([[0], np.cumsum(sizes[sizes > 0])]), rank


def _k_means_of(
    coarse: NDArray[np.float32], spherical: bool, rng: np.random.Generator, threads: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Centres of the lists, from a sample, and the nearest lists of every row, nearest first."""
    n = len(coarse)
    count = int((LISTS if n < LARGE else LISTS_OF_LARGE) * n**0.5)
    sample = coarse if n <= ROWS_A_LIST * count else coarse[np.sort(rng.choice(n, ROWS_A_LIST * count, replace=False))]
    centres = _k_means(sample, count, spherical, rng, threads)
    near = np.empty((n, min(NEAR, count)), np.int32)

    def one(start: int) -> None:
        near[start : start + BLOCK] = _nearest(coarse[start : start + BLOCK], centres, near.shape[1], spherical)

    parallel_for(one, range(0, n, BLOCK), threads)
    return centres, near


def join(
    vectors: Vectors,
    lists: Lists,
    k: int,
    *,
    probes: int,
    candidates: int,
    threads: int,
    only: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The nearest among the rows of each row's nearest lists.

    Parameters
    ----------
    lists : of `make_lists`. k : neighbours a row. probes : nearest lists that are searched a row.
    candidates : rows a row, nearest in the coarse space, whose exact distances are computed.
    only : groups of lists whose rows are joined with all others; default all groups. The other rows keep -1 and infinity.

    Returns
    -------
    ids, squared : (U, k) int32 and float32, as `exact.exact_neighbors` gives them.
    """
    ids = np.full((len(vectors), k), -1, np.int32)
    squared = np.full((len(vectors), k), np.inf, np.float32)

    def one(task: int) -> None:
        low, high = limits[task], limits[task + 1]
        who = _candidates(lists, low, high, min(probes, len(lists.centres)), max(candidates, k))
        for start in range(low, high, SETTLED):
            stop = min(start + SETTLED, high)
            found = who[start - low : stop - low]
            rows = lists.order[start:stop]
            near, distance = np.empty((len(rows), k), np.int32), np.empty((len(rows), k), np.float32)
            rerank(vectors, rows, np.where(found < 0, -1, lists.order[found]), near, distance)
            ids[rows], squared[rows] = near, distance

    limits = lists.limits[lists.groups].tolist()
    sizes = np.diff(limits)
    tasks = np.argsort(-sizes, kind="stable")[: int((sizes > 0).sum())]
    parallel_for(one, (tasks if only is None else tasks[np.isin(tasks, only)]).tolist(), threads)
    return ids, squared


def _candidates(lists: Lists, low: int, high: int, probes: int, count: int) -> NDArray[np.int32]:
    """The ``count`` best places for each row at the places low:high, by scores in the coarse space."""
    rows = lists.coarse[low:high]
    asked = lists.nearest(low, high, probes)
    flat = asked.ravel()
    by_list = np.argsort(flat, kind="stable")
    wanted, starts = np.unique(flat[by_list], return_index=True)
    bounds = np.append(starts, len(flat))
    sizes = np.diff(bounds)
    shift = rows.mean(0) * (not lists.spherical)  # nearer the origin, products cancel less
    best = np.full((len(rows), count), -np.inf, np.float32)
    who = np.full((len(rows), count), -1, np.int32)
    for at in np.argsort(-sizes, kind="stable"):  # the most wanted first: later lists then seldom beat the bar
        everyone = sizes[at] >= WANTED * len(rows)
        asking = np.arange(len(rows)) if everyone else by_list[bounds[at] : bounds[at + 1]] // probes
        first, last = int(lists.limits[wanted[at]]), int(lists.limits[wanted[at] + 1])
        for start in range(0, len(asking), 2048):
            some = asking[start : start + 2048]
            query = rows[some] - shift
            for begin in range(first, last, BLOCK):
                base = lists.coarse[begin : min(begin + BLOCK, last)]
                if lists.spherical:
                    scores = query @ base.T
                else:
                    base = base - shift
                    scores = query @ base.T - np.einsum("ij,ij->i", base, base) / 2
                update_topk(scores, some, begin, low - begin, best, who)
    return who


def _axes(vectors: Vectors, rng: np.random.Generator) -> NDArray[np.float32] | None:
    """(d, c) principal directions of a sample; None where there are few dimensions already."""
    n, dims = len(vectors), vectors.dims
    if dims <= LEAST_DIMS:
        return None
    sample = vectors.take(np.sort(rng.choice(n, min(n, PCA_SAMPLE), replace=False)))
    energy, directions = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    share = np.cumsum(energy[::-1]) / max(energy.sum(), 1e-300)
    kept = min(dims, max(LEAST_DIMS, int(np.searchsorted(share, ENERGY)) + 1))
    return np.ascontiguousarray(directions[:, ::-1][:, :kept], np.float32)


def _project(
    vectors: Vectors, axes: NDArray[np.float32] | None, order: NDArray[np.int64] | None, threads: int
) -> NDArray[np.float32]:
    """(U, c): all rows along ``axes``, in this order."""
    n = len(vectors)
    coarse = np.empty((n, vectors.dims if axes is None else axes.shape[1]), np.float32)

    def one(start: int) -> None:
        block = vectors.take(slice(start, start + BLOCK) if order is None else order[start : start + BLOCK])
        coarse[start : start + BLOCK] = block if axes is None else block @ axes

    parallel_for(one, range(0, n, BLOCK), threads)
    return coarse


def _nearest(rows: NDArray[np.float32], centres: NDArray[np.float32], count: int, spherical: bool) -> NDArray[np.int32]:
    out = np.empty((len(rows), count), np.int32)
    half = 0 if spherical else np.einsum("ij,ij->i", centres, centres) / 2
    for start in range(0, len(rows), 512):
        scores = rows[start : start + 512] @ centres.T - half
        if count == 1:
            out[start : start + 512, 0] = scores.argmax(1)
            continue
        best = np.full((len(scores), count), -np.inf, np.float32)
        update_topk(scores, np.arange(len(scores)), 0, NOWHERE, best, out[start : start + 512])
    return out


def _k_means(
    sample: NDArray[np.float32], count: int, spherical: bool, rng: np.random.Generator, threads: int
) -> NDArray[np.float32]:
    """(count, c) centres after a few rounds.

    After each but the last, crowded lists take over the seats of sparse ones: k-means alone leaves lists of many clusters
    where it began without a centre near them, and their rows are found by none but a wide search.
    """
    centres = _round(sample[np.sort(rng.choice(len(sample), count, replace=False))].copy(), spherical)
    home = np.empty(len(sample), np.int32)

    def one(start: int) -> None:
        home[start : start + BLOCK] = _nearest(sample[start : start + BLOCK], centres, 1, spherical)[:, 0]

    for left in reversed(range(ROUNDS)):
        parallel_for(one, range(0, len(sample), BLOCK), threads)
        size = np.bincount(home, minlength=count)
        full = size > 0
        order = np.argsort(home, kind="stable")
        starts = np.concatenate([[0], np.cumsum(size)[:-1]])
        centres[full] = np.add.reduceat(sample[order], starts[full], axis=0) / size[full, None]
        if left:
            seats, crowded = _moves(size)
            chosen = starts[crowded] + (rng.random(len(crowded)) * size[crowded]).astype(np.int64)
            centres[seats] = sample[order[chosen]]
        centres = _round(centres, spherical)
    return centres


def _moves(size: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which sparse lists, the sparsest first, go to which crowded ones, the most crowded first; one may get several."""
    mean = size.mean()
    by_size = np.argsort(size, kind="stable")
    sparse = by_size[size[by_size] < SPARSE * mean]
    crowded = by_size[::-1][size[by_size[::-1]] > CROWDED * mean]
    wanted = np.repeat(crowded, np.maximum(1, np.rint(size[crowded] / mean - 1)).astype(np.int64))
    moved = min(len(sparse), len(wanted))
    return sparse[:moved], wanted[:moved]


def _round(centres: NDArray[np.float32], spherical: bool) -> NDArray[np.float32]:
    """Centres of spherical k-means lie on the sphere."""
    if not spherical:
        return centres
    length = np.linalg.norm(centres, axis=1, keepdims=True)
    return np.asarray(centres / np.maximum(length, 1e-12), np.float32)
