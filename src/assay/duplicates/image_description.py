"""What the proof of a duplicate needs to know of one picture, in at most about 450 KB.

In: decoded pixels. Out: a `Description`. Does not know: files, other pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assay.encode.pixels import luma, resized, tiny

__all__ = ["SMALL", "Description", "describe"]

SIDE, POINTS = 256, 256
FINE_SIDE, TONES_SIDE = 512, 128  # words stay legible; colours need fewer pixels
SMALL = 64  # a picture whose longer side is at most so many pixels holds too few points to place it
COARSE_SIDE = 48  # a picture that so few pixels show almost fully is as good as small
LITTLE_DETAIL = 0.06  # standard deviation of what they do not show, of that of the picture
PLAIN_RANGE = 16  # grey levels between the darkest and the brightest pixel of a plain picture


@dataclass(frozen=True)
class Description:
    """What the proof needs of a picture."""

    width: int
    height: int
    gray: NDArray[np.uint8]  # longer side at most 256
    scale: float  # pixels of `gray` a pixel of the picture
    fine: NDArray[np.uint8]  # grey, longer side at most 512
    tones: NDArray[np.uint8]  # (h, w, 3), longer side at most 128
    thumbnail: NDArray[np.uint8]  # (32, 32)
    colour: NDArray[np.uint8]  # (8, 8, 3)
    plain: bool
    small: bool  # few pixels or little detail: lookalikes are common, and points are not to be trusted

    @cached_property
    def points(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """(n, 2) x, y in a picture of `SIDE` pixels, and (n, 128) SIFT descriptors (Lowe 2004), n at most 256.

        Found when first asked for: they cost 10 ms, and many pairs are decided without.
        """
        return _points(self.gray)


def describe(rgb: NDArray[np.uint8]) -> Description:
    """Describe a picture for `verify_pair`.

    Parameters
    ----------
    rgb : (height, width, 3) uint8.

    Notes
    -----
    Cost: about 1 ms on one core, and 10 ms once more when `Description.points` is asked for.
    """
    height, width = rgb.shape[:2]
    fine = luma(_at_most(rgb, FINE_SIDE))
    gray, scale = _at_most(fine, SIDE), min(1.0, SIDE / max(height, width))
    plain = int(gray.max()) - int(gray.min()) <= PLAIN_RANGE
    small = max(height, width) <= SMALL or _little_detail(gray)
    tones = _at_most(rgb, TONES_SIDE)
    return Description(width, height, gray, scale, fine, tones, tiny(rgb), resized(rgb, 8, 8), plain, small)


def _at_most(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    return picture if scale >= 1 else resized(picture, max(1, round(width * scale)), max(1, round(height * scale)))


def _points(gray: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    enlarged = SIDE / max(gray.shape)
    if enlarged > 1:
        gray = resized(gray, max(1, round(gray.shape[1] * enlarged)), max(1, round(gray.shape[0] * enlarged)))
    sift: Any = cv2.SIFT_create(nfeatures=POINTS)  # type: ignore[attr-defined]  # missing from the stubs
    found, descriptors = sift.detectAndCompute(gray, None)
    if descriptors is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8)
    at = np.array([point.pt for point in found], np.float32).reshape(-1, 2)
    return at[:POINTS] / np.float32(max(enlarged, 1)), descriptors[:POINTS].astype(np.uint8)


def _little_detail(gray: NDArray[np.uint8]) -> bool:
    picture = gray.astype(np.float32)
    coarse = cv2.resize(picture, (COARSE_SIDE, COARSE_SIDE), interpolation=cv2.INTER_AREA)
    rest = picture - cv2.resize(coarse, picture.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return bool(rest.std() < LITTLE_DETAIL * picture.std())
