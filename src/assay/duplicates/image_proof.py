"""Where one picture lies in another: matched points, the similarity they agree on, how alike the pixels are there.

In: points with SIFT descriptors, grey pictures. Out: a 2 x 3 matrix, correlations. Does not know: what is called a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Overlay", "Placement", "correlate", "detail", "locate", "mirrored_descriptors", "overlay"]

RATIO = 0.8  # Lowe 2004: the best match must be this much closer than the second
TOLERANCE = 4.0  # pixels of the 256-pixel picture
TRIALS = 400
PLAIN_REST = 4.0  # grey levels: median deviation of a border
CELL, CELL_DETAIL, CELL_AGREES = 16, 2.0, 0.75  # pixels, grey levels, correlation
FINE, COARSE = 1.0, 5.0  # the band that "detail" means, standard deviations in pixels of the 256-pixel picture


@dataclass(frozen=True)
class Placement:
    """Points of picture one, as complex numbers x + iy, lie at ``turn * z + shift`` in two (conjugate z if mirrored)."""

    turn: complex
    shift: complex
    mirrored: bool
    inliers: int
    matches: int

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(2, 3), for `cv2.warpAffine` from one to two."""
        a, b, sign = self.turn.real, self.turn.imag, -1.0 if self.mirrored else 1.0
        return np.array([[a, -b * sign, self.shift.real], [b, a * sign, self.shift.imag]])


@cache
def _mirror_order() -> NDArray[np.intp]:
    """A mirrored picture has the same SIFT histograms in another order: rows across the direction, angles negated."""
    bins = np.arange(128).reshape(4, 4, 8)
    return np.ascontiguousarray(bins[::-1][:, :, (-np.arange(8)) % 8].ravel())


def mirrored_descriptors(descriptors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, 128) descriptors as the mirrored picture would have them; no second detection."""
    return descriptors[:, _mirror_order()]


def _matches(one: NDArray[np.uint8], two: NDArray[np.uint8]) -> NDArray[np.intp]:
    """(m, 2) mutual nearest neighbours that pass the ratio test."""
    # Whole numbers below 2**24: exact in float32, in whatever order they are summed.
    a, b = one.astype(np.float32), two.astype(np.float32)
    squared = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b) - 2 * (a @ b.T)
    there = squared.argmin(1)
    rows = np.arange(len(a))
    best = squared[rows, there]
    mutual = squared.argmin(0)[there] == rows
    squared[rows, there] = np.inf
    # Equal patterns repeat in a picture: a second match at the same distance as the first says nothing.
    good = mutual & (best < RATIO**2 * squared.min(1))
    return np.stack([rows[good], there[good]], 1)


def locate(
    points_one: NDArray[np.float32],
    descriptors_one: NDArray[np.uint8],
    points_two: NDArray[np.float32],
    descriptors_two: NDArray[np.uint8],
    *,
    mirrored: bool,
) -> Placement | None:
    """The similarity that most matches agree on; None where fewer than three matches do.

    Parameters
    ----------
    points_* : (n, 2) float32 x, y in pixels. descriptors_* : (n, 128) uint8.
    mirrored : look for a mirrored copy; descriptors are those of the pictures as they are.

    Notes
    -----
    RANSAC with fixed draws (a similarity needs two matches), then two least-squares refits on the inliers.
    Cost: 256 x 256 x 128 products and 400 hypotheses x matches, about 1 ms.
    """
    if min(len(points_one), len(points_two)) < 3:
        return None
    pairs = _matches(mirrored_descriptors(descriptors_one) if mirrored else descriptors_one, descriptors_two)
    if len(pairs) < 3:
        return None
    z = _complex(points_one)[pairs[:, 0]]
    w = _complex(points_two)[pairs[:, 1]]
    z = z.conj() if mirrored else z
    draws = np.random.default_rng(20_260).integers(0, len(pairs), (TRIALS, 2))
    first, second = draws[:, 0], draws[:, 1]
    apart = z[second] - z[first]
    usable = np.abs(apart) > TOLERANCE
    if not usable.any():
        return None
    first, second, apart = first[usable], second[usable], apart[usable]
    turns = (w[second] - w[first]) / apart
    usable = (np.abs(turns) > 0.2) & (np.abs(turns) < 5)
    if not usable.any():
        return None
    turns, first = turns[usable], first[usable]
    shifts = w[first] - turns * z[first]
    inside = np.abs(turns[:, None] * z + shifts[:, None] - w) <= TOLERANCE
    at = int(inside.sum(1).argmax())
    good = inside[at]
    turn, shift = complex(turns[at]), complex(shifts[at])
    for _ in range(2):
        if good.sum() < 3:
            return None
        zc, wc = z[good].mean(), w[good].mean()
        spread = float((np.abs(z[good] - zc) ** 2).sum())
        if spread < TOLERANCE**2:
            return None
        turn = complex(((z[good] - zc).conj() * (w[good] - wc)).sum() / spread)
        shift = complex(wc - turn * zc)
        good = np.abs(turn * z + shift - w) <= TOLERANCE
    return Placement(turn, shift, mirrored, int(good.sum()), len(pairs))


def _complex(points: NDArray[np.float32]) -> NDArray[np.complex128]:
    return points[:, 0].astype(np.float64) + 1j * points[:, 1]


def correlate(a: NDArray[np.float32], b: NDArray[np.float32], inside: NDArray[np.bool_] | None = None) -> float:
    """Pearson correlation of two pictures where ``inside`` is true; 0 where one of them is plain."""
    x, y = (a.ravel(), b.ravel()) if inside is None else (a[inside], b[inside])
    if x.size < 16:
        return 0.0
    x, y = x - x.mean(dtype=np.float64), y - y.mean(dtype=np.float64)
    # Sums without BLAS: the same bits whatever its threads.
    length = float(np.sqrt(np.einsum("i,i", x, x) * np.einsum("i,i", y, y)))
    return float(np.einsum("i,i", x, y)) / length if length > 1e-6 * x.size else 0.0


def detail(gray: NDArray[np.float32], fine: float = FINE, coarse: float = COARSE) -> NDArray[np.float32]:
    """What lies between two blurs: neither light and large shapes, nor compression noise."""
    return np.asarray(cv2.GaussianBlur(gray, (0, 0), fine) - cv2.GaussianBlur(gray, (0, 0), coarse), np.float32)


@dataclass(frozen=True)
class Overlay:
    """How alike two pictures are where one, as placed, covers the other."""

    correlation: float
    detail: float  # correlation of detail
    cells: float  # share of the cells with detail that agree on it: an overlaid text spoils few
    share_one: float  # of picture one that lies on two
    share_two: float
    plain_rest: bool  # what lies outside the overlap is of one tone


def overlay(one: NDArray[np.float32], two: NDArray[np.float32], placement: Placement) -> Overlay:
    """Lay picture ``one`` on ``two`` (float32 grey) and compare them. Cost: about 1.5 ms."""
    size_one, size_two = one.shape[::-1], two.shape[::-1]
    matrix, scale = placement.matrix, abs(placement.turn)
    # The finer of the two is blurred to what the coarser can show.
    source = cv2.GaussianBlur(one, (0, 0), 0.5 / scale) if scale < 0.8 else one
    target = cv2.GaussianBlur(two, (0, 0), 0.5 * scale) if scale > 1.25 else two
    laid = cv2.warpAffine(source, matrix, size_two, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    on_two = cv2.warpAffine(np.ones(one.shape, np.uint8), matrix, size_two, flags=cv2.INTER_NEAREST)
    back = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    on_one = cv2.warpAffine(np.ones(two.shape, np.uint8), matrix, size_one, flags=back)
    # A rim of two pixels, where the outermost points have been extrapolated, is left out of the comparison.
    inside = cv2.erode(on_two, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1) > 0
    fine_one, fine_two = detail(np.asarray(laid)), detail(np.asarray(target))
    share_one, share_two = float(on_one.mean()), float(on_two.mean())
    rest = two[on_two == 0] if share_two < share_one else one[on_one == 0]
    return Overlay(
        correlate(np.asarray(laid), target, inside),
        correlate(fine_one, fine_two, inside),
        _agreeing_cells(fine_one, fine_two, inside),
        share_one,
        share_two,
        bool(rest.size and np.median(np.abs(rest - np.median(rest))) < PLAIN_REST),
    )


def _agreeing_cells(a: NDArray[np.float32], b: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
    """Share of whole cells, with detail in either picture, whose detail correlates; 0 where there are too few."""

    def cells(x: NDArray[np.float32]) -> NDArray[np.float32]:
        rows, columns = x.shape[0] // CELL, x.shape[1] // CELL
        x = x[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL)
        return np.asarray(x.mean((1, 3)), np.float32)

    energy_a, energy_b, product = cells(a * a), cells(b * b), cells(a * b)
    used = (cells(inside.astype(np.float32)) == 1) & (np.maximum(energy_a, energy_b) > CELL_DETAIL**2)
    if used.sum() < 16:
        return 0.0
    agreed = product[used] > CELL_AGREES * np.sqrt(energy_a[used] * energy_b[used])
    return float(agreed.mean())
