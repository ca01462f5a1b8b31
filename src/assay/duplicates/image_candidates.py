"""Pairs of pictures that look alike enough to be opened again and compared.

In: 32 x 32 thumbnails and the embedding's neighbour graph. Out: pairs of row numbers, a few a row at most.
Does not know: the pictures themselves, so nothing is proven here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from assay.duplicates.image_windows import coarse_neighbors, window_scores
from assay.graph import neighbors_report
from assay.graph.exact import parallel_for

__all__ = ["image_candidates"]

# Chosen on photos_600 (its listed pairs, and transformed copies of 40 of its pictures) and on unmoved digits.
FREQUENCIES = 8  # cosine coefficients of a thumbnail that are looked at: u + v up to this
LOOKED_AT = 12  # nearest thumbnails whose eight positions are compared exactly
ENOUGH = (
    0.8  # of them found: copies are the nearest, and are met long before a search is wide enough to find all twelve
)
# A neighbour is plausible up to FAR; beyond CLOSE only where it also stands out: at most RATIO of the last one's distance.
THUMBNAIL_TOP, THUMBNAIL_FAR, THUMBNAIL_CLOSE, THUMBNAIL_RATIO = 6, 0.15, 0.01, 0.6  # distance: 1 - correlation
EMBEDDING_TOP, EMBEDDING_FAR, EMBEDDING_CLOSE, EMBEDDING_RATIO = 5, 0.45, 0.10, 0.75
# How much a pair stands out: its distance by that of the row's last neighbour. Nothing else comes this near by chance, and
# nearly all copies of the whole picture do (13 transforms of photos_600; crops to 60 % stand out less). Such pairs are all
# kept; of the others the best, as many as can be opened in a part of the time that encoding the pictures takes: a pair
# costs about 25 ms, two pictures described and compared.
THUMBNAIL_OUT, EMBEDDING_OUT = 0.1, 0.25
OTHERS, OTHERS_A_ROW, OTHERS_AT_MOST = 2_000, 0.125, 10_000
# A crowd: so many of the nearest thumbnails as alike as this. Of what is not peculiar to a row there only the best are met.
CROWD, CROWD_ALIKE, CROWD_TOP, CROWD_FAR = 6, 0.9, 2, 0.8
# ... and as others the next ones: two more, more of a small crowd, so that there are about so many in all. A second scan that lies
# a little askew is among the first ten, not the first (made receipts, turned by up to 1.5 degrees).
CROWD_MORE, CROWD_OTHERS = 2, 400
# A part: neighbours that are looked at, correlation from which one looks like a part of the other, and how that ranks: at .9
# as a pair at twice the distance at which it would stand out.
PART_TOP, PART, PART_RANK = 12, 0.85, 10.0
# Neighbours looked at so, about .2 ms each; of more, those that stand out most from the row's last one: of the crops of photos_600
# .93 are in the first quarter, .81 in the first tenth, .35 in the first fortieth.
PARTS_AT_MOST = 150_000
# ... and of few pictures so many more, by coarse windows of all others, about 3 microseconds a pair: among look-alikes the embedding
# does not bring a crop near its picture.
FEW, COARSE_TOP = 800, 4
FLAT = 1.0  # standard deviation in grey levels under which a thumbnail is plain
# Pages: such thumbnails as alike as this, mostly of one level; so many pictures at most are opened again to set them upright.
# Nearly all made pages are met by it, of photos_600 and of 1,958 photographs of clothes one in a thousand.
PAGE_ALIKE, PAGE_EVEN, PAGE_GROUND, PAGES_AT_MOST = 0.7, 24, 0.6, 10_000
BLOCK = 256
Pages = Callable[[NDArray[np.int64]], Mapping[int, NDArray[np.uint8]]]  # rows -> (32, 32) uint8 of those that are pages


def image_candidates(
    tiny: NDArray[np.uint8],
    ids: NDArray[np.int32],
    distances: NDArray[np.float32],
    *,
    aspects: NDArray[np.float64] | None = None,
    pages: Pages | None = None,
    threads: int | None = None,
    seed: int = 0,
) -> tuple[NDArray[np.int64], int]:
    """Plausible duplicate pairs: thumbnails alike in one of eight positions, and close neighbours of the embedding.

    Parameters
    ----------
    tiny : (N, 32, 32) uint8 luma thumbnails; a memory map is read in blocks.
    ids, distances : (N, k) neighbours by cosine distance, nearest first; -1 and infinity = none.
    aspects : (N,) width by height of the pictures, for crops; None = they are not looked for.
    pages : gives `page_thumbnail` of rows by their number, for pages on one template, which the thumbnails do not tell apart
        when they lie a little otherwise; asked for at most 10,000 rows, none where nothing looks like a page among lookalikes.
    threads : default all cores; the result is the same for any number.
    seed : for the approximate search above 20,000 rows.

    Returns
    -------
    (M, 2) int64, first < second, sorted, each pair once; at most ``THUMBNAIL_TOP + EMBEDDING_TOP + 1`` a row. And how
    many more there would be: pairs that do not stand out from their neighbours are at most 2,000 and one in eight rows, and
    never more than 10,000.

    Notes
    -----
    Turns and mirrors of a picture swap its cosine coefficients c[u, v] with c[v, u] and flip the signs of those with odd
    u or v. So the coefficients with those signs dropped and each swapped pair in order of size are the same for all
    eight positions, and pictures alike in one position are alike by them: one neighbour
    search finds copies in any position, and the exact correlation of eight positions ranks what it found.
    Cost: about 0.15 ms a row on one core at 1.28 million rows, two thirds of it the neighbour search; 50 floats a row.
    Borders and overlays change a thumbnail; those the embedding finds, and crops `image_windows` among its neighbours.
    """
    if len(tiny) < 2:
        return np.zeros((0, 2), np.int64), 0
    workers = threads or os.cpu_count() or 1
    signs, plain = _position_free(tiny, workers)
    near = neighbors_report(signs, LOOKED_AT, "cosine", threads=workers, seed=seed, enough=ENOUGH)[0]
    residuals, lookalikes = _residuals(tiny, near, plain, workers)
    crowded = lookalikes >= CROWD_ALIKE
    alike, alike_rank = _thumbnail_pairs(tiny, near, plain, crowded, workers)
    close, close_rank = _embedding_pairs(ids, distances, crowded)
    own, own_rank = _crowd_pairs(residuals, np.flatnonzero(crowded), workers, seed)
    if pages is not None:
        upright = pages(rows) if 0 < len(rows := _page_like(tiny, lookalikes)) <= PAGES_AT_MOST else {}
        of_pages, of_pages_rank = _page_pairs(upright, workers, seed)
        others = ~np.isin(own, list(upright)).all(1)
        own, own_rank = np.concatenate([own[others], of_pages]), np.r_[own_rank[others], of_pages_rank]
    flat = _plain_pairs(tiny, plain)
    parts, parts_rank = _part_pairs(tiny, aspects, ids, distances, ~plain & ~crowded, workers)
    pairs = np.sort(np.concatenate([alike, close, parts, own, flat]), axis=1)
    rank = np.concatenate([alike_rank, close_rank, parts_rank, own_rank, np.zeros(len(flat))])
    return _best(pairs, rank, len(tiny))


def _part_pairs(
    tiny: NDArray[np.uint8],
    aspects: NDArray[np.float64] | None,
    ids: NDArray[np.int32],
    distances: NDArray[np.float32],
    wanted: NDArray[np.bool_],
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Neighbours (of few pictures: by coarse windows too) of which one looks like a part of the other.

    The best correlate first, all behind pairs that stand out.
    """
    if aspects is None or not ids.shape[1]:
        return np.zeros((0, 2), np.int64), np.zeros(0)
    near = _most_alike(np.where(wanted[:, None], ids[:, :PART_TOP], -1), distances)
    if 1 < len(tiny) <= FEW:
        near = np.concatenate([near, coarse_neighbors(tiny, min(COARSE_TOP, len(tiny) - 1))], 1)
    scores = window_scores(tiny, aspects, near, wanted, threads=threads)
    row, column = np.nonzero(scores >= PART)
    rank = 1 + (1 - scores[row, column].astype(np.float64)) * PART_RANK
    return np.stack([row, near[row, column]], 1).astype(np.int64).reshape(-1, 2), rank


def _most_alike(near: NDArray[np.int32], distances: NDArray[np.float32]) -> NDArray[np.int32]:
    """``near``, of many only the neighbours that stand out most: nearly all neighbours of a million rows are no crops."""
    if int((near >= 0).sum()) <= PARTS_AT_MOST:
        return near
    last = np.maximum(_last(distances), 1e-12)[:, None]
    ratio = np.where(near >= 0, distances[:, : near.shape[1]] / last, np.inf).astype(np.float32)
    cut = np.partition(ratio, PARTS_AT_MOST, axis=None)[PARTS_AT_MOST]
    return np.where(ratio < cut, near, np.int32(-1))


def _residuals(
    tiny: NDArray[np.uint8], near: NDArray[np.int32], plain: NDArray[np.bool_], threads: int
) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """What a thumbnail has that its lookalikes have not, and how alike the sixth of these is.

    Pages on one template differ in next to nothing, so a second scan of one is no nearer than any other page. Without the
    mean of the lookalikes, and without what a shift or a blur of that mean would explain, it is the nearest by far: of 12
    second scans among 252 made receipts all are, of none by the thumbnails themselves.
    Returns (crowded rows, 1024) float16 of unit length, and (N,) the correlation with the sixth; from `CROWD_ALIKE` on a row is
    crowded.
    """
    lookalikes = np.full(len(tiny), -1, np.float32)
    blocks: dict[int, NDArray[np.float16]] = {}

    def one(start: int) -> None:
        mine = np.arange(start, min(start + BLOCK, len(tiny)))
        mine = mine[~plain[mine]]
        others, inverse = np.unique(near[mine], return_inverse=True)
        if not len(mine) or others[-1] < 0:
            return
        there = _normal(tiny[np.maximum(others, 0)])[0].reshape(len(others), -1)
        here = _normal(tiny[mine])[0].reshape(len(mine), -1)
        kept = []
        for at, listed in enumerate(inverse.reshape(len(mine), -1)):
            listed = listed[(others[listed] >= 0) & (others[listed] != mine[at])]
            alike = there[listed] @ here[at]
            if len(listed) >= CROWD:
                lookalikes[mine[at]] = np.partition(alike, -CROWD)[-CROWD]
            crowd = there[listed][alike >= CROWD_ALIKE]
            if len(crowd) < CROWD:
                continue
            kept.append(_unexplained(here[at], crowd.mean(0)))
        if kept:
            blocks[start] = np.array(kept, np.float16)

    parallel_for(one, range(0, len(tiny), BLOCK), threads)
    rows = [blocks[start] for start in sorted(blocks)]
    return (np.concatenate(rows) if rows else np.zeros((0, tiny[0].size), np.float16)), lookalikes


def _page_like(tiny: NDArray[np.uint8], lookalikes: NDArray[np.float32]) -> NDArray[np.int64]:
    """Rows whose thumbnails are mostly of one level and have lookalikes; where most such rows have, the others, too.

    A page that lies turned may have fewer lookalikes.
    """
    even = np.zeros(len(tiny), np.bool_)
    for start in range(0, len(tiny), BLOCK):
        values = tiny[start : start + BLOCK].reshape(-1, tiny[0].size).astype(np.int16)
        ground = np.abs(values - np.median(values, axis=1, keepdims=True)) < PAGE_EVEN
        even[start : start + BLOCK] = ground.mean(1) >= PAGE_GROUND
    alike = even & (lookalikes >= PAGE_ALIKE)
    return np.flatnonzero(even if 2 * alike.sum() > even.sum() else alike)


def _page_pairs(
    upright: Mapping[int, NDArray[np.uint8]], threads: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """`_crowd_pairs` of pages by their upright thumbnails, which tell them apart also where they lie a little otherwise."""
    rows = np.array(sorted(upright), np.int64)
    if len(rows) <= CROWD:
        return np.zeros((0, 2), np.int64), np.zeros(0)
    seen = np.stack([upright[row] for row in rows.tolist()])
    signs, plain = _position_free(seen, threads)
    near = neighbors_report(signs, LOOKED_AT, "cosine", threads=threads, seed=seed, enough=ENOUGH)[0]
    residuals, lookalikes = _residuals(seen, near, plain, threads)
    return _crowd_pairs(residuals, rows[lookalikes >= CROWD_ALIKE], threads, seed)


def _unexplained(thumbnail: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """A thumbnail without what the mean, moved or blurred a little, explains; unit length, or zero."""
    square = mean.reshape(32, 32).astype(np.float64)
    down, across = np.gradient(square)
    blurred = np.gradient(down, axis=0) + np.gradient(across, axis=1)
    basis = np.linalg.qr(np.stack([square, down, across, blurred], 2).reshape(-1, 4))[0]
    rest = thumbnail - basis @ (basis.T @ thumbnail)
    return np.asarray(rest / max(float(np.sqrt(np.einsum("i,i", rest, rest))), 1e-3), np.float32)


def _crowd_pairs(
    residuals: NDArray[np.float16], rows: NDArray[np.int64], threads: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows of a crowd that are alike in what is peculiar to them; the nearest stand out, the next ones do not."""
    if len(rows) < 2:
        return np.zeros((0, 2), np.int64), np.zeros(0)
    k = min(CROWD_TOP + max(CROWD_MORE, CROWD_OTHERS // len(rows)), len(rows) - 1)
    ids, distances, _ = neighbors_report(residuals, k, "cosine", threads=threads, seed=seed, enough=ENOUGH)
    stands_out = (np.arange(k) < CROWD_TOP) & (distances <= CROWD_FAR)
    row, column = np.nonzero((ids >= 0) & (stands_out | (distances < 1)))
    rank = np.where(stands_out[row, column], 0, 1 + distances[row, column].astype(np.float64))
    return np.stack([rows[row], rows[ids[row, column]]], 1).reshape(-1, 2), rank


def _best(pairs: NDArray[np.int64], rank: NDArray[np.float64], n_rows: int) -> tuple[NDArray[np.int64], int]:
    """Each pair once, those that stand out (``rank`` up to 1) and the best of the others; and how many are left out."""
    order = np.lexsort((rank, pairs[:, 1], pairs[:, 0]))
    pairs, rank = pairs[order], rank[order]
    first = np.r_[True, (pairs[1:] != pairs[:-1]).any(1)][: len(pairs)]
    pairs, rank = pairs[first], rank[first]
    others = np.flatnonzero(rank > 1)
    room = min(OTHERS + int(OTHERS_A_ROW * n_rows), OTHERS_AT_MOST)
    kept = np.ones(len(pairs), np.bool_)
    kept[others[np.argsort(rank[others], kind="stable")[room:]]] = False
    return pairs[kept], int((~kept).sum())


def _normal(thumbnails: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Zero mean, unit length, and which are plain (zero)."""
    x = thumbnails.astype(np.float32)
    x -= x.mean((1, 2), keepdims=True)
    length = np.sqrt(np.einsum("nij,nij->n", x, x))
    plain = length < FLAT * 32
    return np.asarray(x / np.where(plain, np.inf, length)[:, None, None], np.float32), plain


def _position_free(tiny: NDArray[np.uint8], threads: int) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
    """(N, d) coefficients that are equal for all eight positions of a picture, and which thumbnails are plain."""
    u, v = np.mgrid[:FREQUENCIES, :FREQUENCIES]
    keep = (u + v > 0) & (u + v <= FREQUENCIES)
    signed = (u % 2 == 0) & (v % 2 == 0)  # no turn or mirror changes these signs
    out = np.zeros((len(tiny), int(keep.sum())), np.float16)
    plain = np.zeros(len(tiny), np.bool_)

    def one(start: int) -> None:
        rows = slice(start, start + BLOCK)
        normal, plain[rows] = _normal(tiny[rows])
        c: NDArray[np.float32] = dctn(normal, axes=(1, 2), norm="ortho")[:, :FREQUENCIES, :FREQUENCIES]
        c = np.where(signed, c, np.abs(c))
        turned = c.transpose(0, 2, 1)
        c = np.where(u < v, np.maximum(c, turned), np.where(u > v, np.minimum(c, turned), c))
        out[rows] = c[:, keep]

    parallel_for(one, range(0, len(tiny), BLOCK), threads)
    return out, plain


def _thumbnail_pairs(
    tiny: NDArray[np.uint8],
    near: NDArray[np.int32],
    plain: NDArray[np.bool_],
    crowded: NDArray[np.bool_],
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The best ``THUMBNAIL_TOP`` of each row's ``near``, by the correlation in the best of eight positions."""
    kept = np.full((len(tiny), THUMBNAIL_TOP), -1, np.int64)
    nearest, last = np.full(kept.shape, np.inf, np.float32), np.full(len(tiny), np.inf, np.float32)

    def one(start: int) -> None:
        mine = np.arange(start, min(start + BLOCK, len(tiny)))
        mine = mine[~plain[mine]]
        if not len(mine):
            return
        others, inverse = np.unique(near[mine], return_inverse=True)
        there = _normal(tiny[np.maximum(others, 0)])[0].reshape(len(others), -1)[inverse.reshape(len(mine), -1)]
        here = np.stack(positions(_normal(tiny[mine])[0]), 1).reshape(len(mine), 8, -1)
        correlation = (there @ here.transpose(0, 2, 1)).max(2)  # (rows, near)
        correlation[near[mine] < 0] = -np.inf
        best = np.argsort(-correlation, axis=1, kind="stable")[:, :THUMBNAIL_TOP]
        distance = 1 - correlation
        few = np.take_along_axis(distance, best, 1)
        good = _plausible(few, distance, THUMBNAIL_FAR, THUMBNAIL_CLOSE, THUMBNAIL_RATIO)
        good &= ~crowded[mine, None] | (np.arange(best.shape[1]) < CROWD_TOP)
        chosen = np.where(good, np.take_along_axis(near[mine], best, 1), -1)
        kept[mine, : chosen.shape[1]] = chosen
        nearest[mine, : chosen.shape[1]], last[mine] = few, _last(distance)

    parallel_for(one, range(0, len(tiny), BLOCK), threads)
    return _listed(kept, nearest, last, THUMBNAIL_OUT)


def positions(pictures: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The eight turns and mirrors of (n, s, s) pictures."""
    both = (pictures, pictures.transpose(0, 2, 1))
    return [p[:, ::down, ::across] for p in both for down in (1, -1) for across in (1, -1)]


def _embedding_pairs(
    ids: NDArray[np.int32], distances: NDArray[np.float32], crowded: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    near = np.asarray(distances[:, :EMBEDDING_TOP], np.float32)
    good = _plausible(near, distances, EMBEDDING_FAR, EMBEDDING_CLOSE, EMBEDDING_RATIO)
    good &= ~crowded[:, None] | (np.arange(near.shape[1]) < CROWD_TOP)
    kept = np.where(good, ids[:, :EMBEDDING_TOP], -1).astype(np.int64)
    return _listed(kept, near, _last(distances), EMBEDDING_OUT)


def _plausible(
    distance: NDArray[np.float32], all_distances: NDArray[np.float32], far: float, close: float, ratio: float
) -> NDArray[np.bool_]:
    """Close, or not far and standing out among the row's neighbours; among few neighbours nothing can stand out."""
    last = _last(all_distances)[:, None]
    few = (np.isfinite(all_distances).sum(1) < 8)[:, None]
    return np.asarray((distance <= close) | ((distance <= far) & (few | (distance <= ratio * last))))


def _plain_pairs(tiny: NDArray[np.uint8], plain: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Plain pictures have no pattern to compare: each meets the next in order of brightness."""
    rows = np.flatnonzero(plain)
    brightness = np.array([float(tiny[row].mean()) for row in rows.tolist()])
    rows = rows[np.argsort(brightness, kind="stable")]
    return np.stack([rows[:-1], rows[1:]], 1).astype(np.int64)


def _last(distances: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) the largest finite distance of each row; -inf where there is none."""
    return np.asarray(np.where(np.isfinite(distances), distances, -np.inf).max(1, initial=-np.inf), np.float32)


def _listed(
    kept: NDArray[np.int64], distance: NDArray[np.float32], last: NDArray[np.float32], stands_out: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(N, k) partners, -1 = none -> (M, 2), and how far each pair is from standing out: up to 1 it does.

    ``last``: distance of each row's last neighbour. Where that is small, too, the row has many copies: its neighbours are
    measured by half of what is usual.
    """
    row, column = np.nonzero(kept >= 0)
    usual = float(np.median(last[np.isfinite(last)])) if np.isfinite(last).any() else 0.0
    scale = np.maximum(last[row].astype(np.float64), max(usual / 2, 1e-12))
    pairs = np.stack([row, kept[row, column]], 1).astype(np.int64).reshape(-1, 2)
    return pairs, distance[row, column] / scale / stands_out
