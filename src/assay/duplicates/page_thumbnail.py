"""A page as a small picture that does not depend on how it lay in the scanner.

In: a grey picture. Out: a 32 x 32 thumbnail of what is written, set upright; None where the picture is no page.
Does not know: other pages, what a copy is.

A thumbnail has a pixel for every 10 to 20 of a page. Moved by three of these, or turned by a degree, other lines of writing
fall into it, and it is no nearer to the page's own thumbnail than that of any other page on the template.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["page_thumbnail"]

Gray = NDArray[np.float32]
# Chosen on the receipts of cases and on made forms, scanned again moved by up to 6 pixels and turned by up to 5 degrees.
SIDE = 384  # longer side of what is looked at
EVEN, GROUND = 24.0, 0.6  # levels from the commonest: ground; share of a page
STEEP, COARSE, FINE = 6.0, 1.0, 0.25  # degrees that are tried, and their steps
SEEN = 160  # longer side of what is turned to find the angle
INK = 0.35  # of the depth of the darkest hundredth: ink
LITTLE = 3  # pixels of ink: less in a row or column is dust


def page_thumbnail(gray: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """What is written on a page, deskewed and cut to the box of its ink.

    Parameters
    ----------
    gray : (h, w) uint8.

    Returns
    -------
    (32, 32) uint8, white ground; None where less than half of the picture is one level (no page) or nothing is on it.

    Notes
    -----
    Deskew by projection profile (Postl 1986): of the angles tried, the one whose sums over rows and columns differ most from
    one row or column to the next. Cost: about 4 ms.
    """
    scale = SIDE / max(gray.shape)
    if scale < 1:
        size = max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale))
        gray = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
    counts = np.bincount(gray.ravel(), minlength=256)
    ground = int(np.convolve(counts, np.ones(9), "same").argmax())
    depth = np.abs(gray.astype(np.float32) - ground)
    if (depth < EVEN).mean() < GROUND:
        return None
    depth = np.maximum(depth - EVEN / 2, 0)
    deepest = float(np.percentile(depth[::2, ::2], 99))
    if deepest < EVEN:
        return None
    ink = np.minimum(depth / deepest, 1)
    ink = _turned(ink, _skew(ink))
    dark = cv2.GaussianBlur(ink, (0, 0), 0.8) > INK
    rows, columns = np.flatnonzero(dark.sum(1) >= LITTLE), np.flatnonzero(dark.sum(0) >= LITTLE)
    if len(rows) < 8 or len(columns) < 8:
        return None
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    small = cv2.resize(box, (32, 32), interpolation=cv2.INTER_AREA)
    return np.asarray(255 - np.round(255 * small), np.uint8)


def _skew(ink: Gray) -> float:
    """Degrees by which the page lies turned."""
    scale = min(1.0, SEEN / max(ink.shape))
    small = np.asarray(cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    coarse = np.arange(-STEEP, STEEP + COARSE / 2, COARSE)
    best = float(coarse[int(np.argmax([_sharpness(_turned(small, angle)) for angle in coarse]))])
    fine = best + np.arange(-COARSE, COARSE + FINE / 2, FINE)
    return float(fine[int(np.argmax([_sharpness(_turned(ink, angle)) for angle in fine]))])


def _sharpness(ink: Gray) -> float:
    sums = (cv2.reduce(ink, axis, cv2.REDUCE_AVG).ravel() for axis in (0, 1))
    return sum(float(np.square(np.diff(along)).sum()) for along in sums)


def _turned(ink: Gray, angle: Any) -> Gray:
    height, width = ink.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), float(angle), 1)
    return np.asarray(cv2.warpAffine(ink, turn, (width, height), flags=cv2.INTER_LINEAR), np.float32)
