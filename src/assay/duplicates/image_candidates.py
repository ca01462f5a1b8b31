"""Pairs of pictures that look alike enough to be opened again and compared.

In: 32 x 32 thumbnails and the embedding's neighbour graph. Out: pairs of row numbers, a few a row at most.
Does not know: the pictures themselves, so nothing is proven here.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from assay.graph import neighbors
from assay.graph.exact import each

__all__ = ["image_candidates"]

# Chosen on photos_600 (its listed pairs, and transformed copies of 40 of its pictures) and on unmoved digits.
FREQUENCIES = 8  # cosine coefficients of a thumbnail that are looked at: u + v up to this
LOOKED_AT = 12  # nearest thumbnails whose eight positions are compared exactly
# A neighbour is plausible up to FAR; beyond CLOSE only where it also stands out: at most RATIO of the last one's distance.
THUMBNAIL_TOP, THUMBNAIL_FAR, THUMBNAIL_CLOSE, THUMBNAIL_RATIO = 6, 0.15, 0.01, 0.6  # distance: 1 - correlation
EMBEDDING_TOP, EMBEDDING_FAR, EMBEDDING_CLOSE, EMBEDDING_RATIO = 5, 0.45, 0.10, 0.75
FLAT = 1.0  # standard deviation in grey levels under which a thumbnail is plain
BLOCK = 256


def image_candidates(
    tiny: NDArray[np.uint8],
    ids: NDArray[np.int32],
    distances: NDArray[np.float32],
    *,
    threads: int | None = None,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Plausible duplicate pairs: thumbnails alike in one of eight positions, and close neighbours of the embedding.

    Parameters
    ----------
    tiny : (N, 32, 32) uint8 luma thumbnails; a memory map is read in blocks.
    ids, distances : (N, k) neighbours by cosine distance, nearest first; -1 and infinity = none.
    threads : default all cores; the result is the same for any number.
    seed : for the approximate search above 20,000 rows.

    Returns
    -------
    (M, 2) int64, first < second, sorted, each pair once; at most ``THUMBNAIL_TOP + EMBEDDING_TOP + 1`` a row.

    Notes
    -----
    Turns and mirrors of a picture swap its cosine coefficients c[u, v] with c[v, u] and flip the signs of those with odd
    u or v. So the coefficients with those signs dropped and each swapped pair in order of size are the same for all
    eight positions, and pictures alike in one position are alike by them: one neighbour
    search finds copies in any position, and the exact correlation of eight positions ranks what it found.
    Cost: about 0.3 ms a row on one core at 50,000 rows, nearly all of it the neighbour search; 50 floats a row.
    Crops, borders and overlays change a thumbnail; those the embedding finds.
    """
    if len(tiny) < 2:
        return np.zeros((0, 2), np.int64)
    workers = threads or os.cpu_count() or 1
    signs, plain = _position_free(tiny, workers)
    near = neighbors(signs, LOOKED_AT, "cosine", threads=workers, seed=seed)[0]
    pairs = np.concatenate(
        [_thumbnail_pairs(tiny, near, plain, workers), _embedding_pairs(ids, distances), _plain_pairs(tiny, plain)]
    )
    if not len(pairs):
        return pairs
    return np.unique(np.sort(pairs, axis=1), axis=0)


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

    each(one, range(0, len(tiny), BLOCK), threads)
    return out, plain


def _thumbnail_pairs(
    tiny: NDArray[np.uint8], near: NDArray[np.int32], plain: NDArray[np.bool_], threads: int
) -> NDArray[np.int64]:
    """The best ``THUMBNAIL_TOP`` of each row's ``near``, by the correlation in the best of eight positions."""
    kept = np.full((len(tiny), THUMBNAIL_TOP), -1, np.int64)

    def one(start: int) -> None:
        mine = np.arange(start, min(start + BLOCK, len(tiny)))
        mine = mine[~plain[mine]]
        if not len(mine):
            return
        others, place = np.unique(near[mine], return_inverse=True)
        there = _normal(tiny[np.maximum(others, 0)])[0].reshape(len(others), -1)[place.reshape(len(mine), -1)]
        here = np.stack(positions(_normal(tiny[mine])[0]), 1).reshape(len(mine), 8, -1)
        correlation = (there @ here.transpose(0, 2, 1)).max(2)  # (rows, near)
        correlation[near[mine] < 0] = -np.inf
        best = np.argsort(-correlation, axis=1, kind="stable")[:, :THUMBNAIL_TOP]
        distance = 1 - correlation
        good = _plausible(
            np.take_along_axis(distance, best, 1), distance, THUMBNAIL_FAR, THUMBNAIL_CLOSE, THUMBNAIL_RATIO
        )
        chosen = np.where(good, np.take_along_axis(near[mine], best, 1), -1)
        kept[mine, : chosen.shape[1]] = chosen

    each(one, range(0, len(tiny), BLOCK), threads)
    return _listed(kept)


def positions(pictures: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The eight turns and mirrors of (n, s, s) pictures."""
    both = (pictures, pictures.transpose(0, 2, 1))
    return [p[:, ::down, ::across] for p in both for down in (1, -1) for across in (1, -1)]


def _embedding_pairs(ids: NDArray[np.int32], distances: NDArray[np.float32]) -> NDArray[np.int64]:
    near = np.asarray(distances[:, :EMBEDDING_TOP], np.float32)
    good = _plausible(near, distances, EMBEDDING_FAR, EMBEDDING_CLOSE, EMBEDDING_RATIO)
    return _listed(np.where(good, ids[:, :EMBEDDING_TOP], -1).astype(np.int64))


def _plausible(
    distance: NDArray[np.float32], all_distances: NDArray[np.float32], far: float, close: float, ratio: float
) -> NDArray[np.bool_]:
    """Close, or not far and standing out among the row's neighbours; among few neighbours nothing can stand out."""
    last = np.where(np.isfinite(all_distances), all_distances, -np.inf).max(1, initial=-np.inf)[:, None]
    few = (np.isfinite(all_distances).sum(1) < 8)[:, None]
    return np.asarray((distance <= close) | ((distance <= far) & (few | (distance <= ratio * last))))


def _plain_pairs(tiny: NDArray[np.uint8], plain: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Plain pictures have no pattern to compare: each meets the next in order of brightness."""
    rows = np.flatnonzero(plain)
    brightness = np.array([float(tiny[row].mean()) for row in rows.tolist()])
    rows = rows[np.argsort(brightness, kind="stable")]
    return np.stack([rows[:-1], rows[1:]], 1).astype(np.int64)


def _listed(kept: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N, k) partners, -1 = none -> (M, 2)."""
    row, column = np.nonzero(kept >= 0)
    return np.stack([row, kept[row, column]], 1).astype(np.int64).reshape(-1, 2)
