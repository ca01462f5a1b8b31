"""How well one picture looks like a part of another, from thumbnails alone.

In: 32 x 32 thumbnails, the shapes of the pictures, the embedding's neighbour graph. Out: a correlation a neighbour.
Does not know: the pictures themselves, so nothing is proven here.

A crop is among the nearest neighbours of its picture, but does not stand out there when a class is large or the crop small:
of crops to a quarter of the area .98 are among the 15 nearest. Laid on the other thumbnail at the right place and scale it
does: true crops correlate by .85 and more, few of the other neighbours do.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.graph.exact import parallel_for

__all__ = ["coarse_neighbors", "window_scores"]

SIDE = 12  # pixels of a crop's thumbnail when it is laid on another
SIDES = (0.48, 0.54, 0.61, 0.69, 0.78, 0.88)  # of the other picture's sides
SHAPES = 0.2  # natural logarithm of the aspect ratio: crops of so much the same shape share their windows
PLAIN = 2.0 * SIDE  # length of a window less its mean, in grey levels, under which it is plain: 2 a pixel
COARSE = 6  # pixels of a crop's thumbnail in the coarse search
WHOLE = 181  # length of a unit vector of whole numbers
BLOCK = 64


def window_scores(
    tiny: NDArray[np.uint8],
    aspects: NDArray[np.float64],
    ids: NDArray[np.int32],
    wanted: NDArray[np.bool_],
    *,
    threads: int,
) -> NDArray[np.float32]:
    """(N, k) the best correlation of a row as a part of its neighbour, or of the neighbour as a part of the row.

    Parameters
    ----------
    tiny : (N, 32, 32) uint8 luma thumbnails, each squeezed to a square. aspects : (N,) width by height of the pictures.
    ids : (N, k) neighbours; -1 = none. wanted : (N,) rows to look at; the others, and plain windows, get -1.

    Notes
    -----
    A crop keeps its shape in pixels, so of its thumbnail only place and scale on the other thumbnail are unknown: six
    scales, all places. Cost: about .2 ms a picture that others are laid on, and .03 ms a pair.
    """
    n, k = ids.shape
    row, column = np.nonzero((ids >= 0) & wanted[:, None])
    one, two = row.astype(np.int64), ids[row, column].astype(np.int64)
    key = np.minimum(one, two) * n + np.maximum(one, two)
    pairs, inverse = np.unique(key, return_inverse=True)
    low, high = pairs // n, pairs % n
    inner, outer = np.concatenate([low, high]), np.concatenate([high, low])
    order = np.argsort(outer, kind="stable")
    inner, outer = inner[order], outer[order]
    starts = np.searchsorted(outer, np.arange(n + 1))
    found = np.full(len(outer), -1, np.float32)

    def some(start: int) -> None:
        for at in range(start, min(start + BLOCK, n)):
            mine = slice(int(starts[at]), int(starts[at + 1]))
            if mine.start < mine.stop:
                found[mine] = _in_one(tiny[inner[mine]], np.log(aspects[inner[mine]] / aspects[at]), tiny[at])

    parallel_for(some, range(0, n, BLOCK), threads)
    directed = np.empty(len(outer), np.float32)
    directed[order] = found
    best = np.maximum(directed[: len(pairs)], directed[len(pairs) :])
    out = np.full((n, k), -1, np.float32)
    out[row, column] = best[inverse]
    return out


def coarse_neighbors(tiny: NDArray[np.uint8], k: int) -> NDArray[np.int32]:
    """(N, k) of all other pictures those of which each looks most like a part, at 6 x 6 pixels and of the same shape.

    Notes
    -----
    Products of whole numbers, exact in whatever order they are summed. Cost: N^2 products of about 130 windows by 36 pixels.
    """
    n = len(tiny)
    crops = np.stack(
        [_whole(cv2.resize(one, (COARSE, COARSE), interpolation=cv2.INTER_AREA).ravel()[None])[0] for one in tiny]
    )
    alike = np.empty((n, n), np.float32)  # of a crop (row) with its best window of a picture (column)
    for at, picture in enumerate(tiny):
        windows = []
        for side in SIDES:
            size = round(COARSE / side)
            scaled = cv2.resize(picture.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
            windows.append(
                np.lib.stride_tricks.sliding_window_view(scaled, (COARSE, COARSE)).reshape(-1, COARSE * COARSE)
            )
        alike[:, at] = (crops @ _whole(np.concatenate(windows)).T).max(1)
    np.fill_diagonal(alike, -np.inf)
    return np.argsort(-alike, axis=1, kind="stable")[:, :k].astype(np.int32)


def _whole(values: NDArray[np.generic]) -> NDArray[np.float32]:
    """(m, d) less its mean, of length `WHOLE`, rounded; zero where plain."""
    centred = values.astype(np.float64)
    centred -= centred.mean(1, keepdims=True)
    length = np.sqrt(np.square(centred).sum(1, keepdims=True))
    return np.asarray(np.rint(np.where(length > COARSE, centred / np.maximum(length, 1e-9), 0) * WHOLE), np.float32)


def _in_one(crops: NDArray[np.uint8], shapes: NDArray[np.float64], picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(m,) the best correlation of each crop's thumbnail with a window of the picture's."""
    out = np.full(len(crops), -1, np.float32)
    groups = np.rint(shapes / SHAPES).astype(np.int64)
    whole = picture.astype(np.float32) - np.float32(picture.mean())
    for group in np.unique(groups).tolist():
        members = np.flatnonzero(groups == group)
        templates = np.stack(
            [_unit(cv2.resize(crops[at], (SIDE, SIDE), interpolation=cv2.INTER_AREA)) for at in members]
        )
        best = out[members]
        for down, across in _scales(group, len(picture)):
            _best_windows(down @ whole @ across, templates, best)
        out[members] = best
    return out


@functools.cache
def _scales(group: int, pixels: int) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """For each scale the (h, pixels) and (pixels, w) weights that resize a thumbnail by areas, for crops of a group's shape."""
    same = np.eye(pixels, dtype=np.float32)
    stretch = float(np.exp(group * SHAPES / 2))
    out = []
    for side in SIDES:
        width, height = round(SIDE / (side * stretch)), round(SIDE / (side / stretch))
        if min(width, height) >= SIDE and max(width, height) <= 2 * pixels:
            down = cv2.resize(same, (pixels, height), interpolation=cv2.INTER_AREA)
            across = cv2.resize(same, (width, pixels), interpolation=cv2.INTER_AREA)
            out.append((np.asarray(down, np.float32), np.asarray(across, np.float32)))
    return out


def _unit(crop: cv2.typing.MatLike) -> NDArray[np.float32]:
    """(SIDE, SIDE) of zero mean and unit length; a plain one is zero."""
    centred = np.asarray(crop, np.float32) - np.float32(crop.mean())
    length = float(np.linalg.norm(centred))
    return centred / np.float32(length) if length >= PLAIN else np.zeros_like(centred)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _best_windows(scaled: NDArray[np.float32], templates: NDArray[np.float32], best: NDArray[np.float32]) -> None:
    """Raise (m,) ``best`` to the best correlation of (m, SIDE, SIDE) templates of unit length with a window of (h, w) ``scaled``."""
    high, wide = scaled.shape[0] - SIDE + 1, scaled.shape[1] - SIDE + 1
    sums, squares = np.zeros((high, wide), np.float32), np.zeros((high, wide), np.float32)
    for y in range(high):
        for row in range(SIDE):
            for column in range(SIDE):
                for x in range(wide):
                    value = scaled[y + row, x + column]
                    sums[y, x] += value
                    squares[y, x] += value * value
    products = np.empty(wide, np.float32)
    for at in range(len(templates)):
        for y in range(high):
            products[:] = 0
            for row in range(SIDE):
                for column in range(SIDE):
                    weight = templates[at, row, column]
                    for x in range(wide):
                        products[x] += weight * scaled[y + row, x + column]
            for x in range(wide):
                length = squares[y, x] - sums[y, x] * sums[y, x] / (SIDE * SIDE)
                alike = products[x] / np.sqrt(length) if length >= PLAIN * PLAIN else np.float32(0)
                best[at] = max(best[at], alike)
