"""Near duplicates among pictures: plausible pairs, and the proof that two pictures are the same one.

In: decoded pixels, one picture at a time, then two descriptions. Out: the kind of copy and a similarity, or None.
Does not know: files, labels, other pictures.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assay.duplicates.image_candidates import image_candidates, positions
from assay.duplicates.image_description import SMALL, Description, describe
from assay.duplicates.image_proof import Overlay, Placement, correlate, detail, locate, overlay
from assay.duplicates.image_refutation import caption, colours_differ, content_differs
from assay.duplicates.page_thumbnail import page_thumbnail

__all__ = ["Description", "describe", "image_candidates", "page_thumbnail", "verify_pair"]

PLAIN_COLOUR = 3  # levels a channel by which two plain pictures of one colour may differ

# Where they come from: photographs, the listed pairs of photos_600 and transformed copies of 40 of its pictures (copies of
# 40 others were kept for reporting; the listed pairs were not split). Small pictures: lookalikes in scikit-learn's digits,
# cifar10n_6k and fashion_mnist_5k, all rows, against re-encoded copies of these and of photos_600 at 32 pixels: nothing held
# out. Few pixels: lookalikes in fashion_mnist_5k shrunk to 8, 12, 16, 20 and 24 pixels; digits of 8 x 8 were for reporting.
SHARED = 0.7  # of the smaller picture must lie inside the other
ALIKE, ALIKE_DETAIL, ALIKE_POINTS = 0.985, 0.60, 10
DETAILED, DETAILED_ALIKE, DETAILED_POINTS, DETAILED_SHARE = 0.93, 0.80, 20, 0.6  # other tones or ground, same detail
SAME_SHAPE, SAME_SHAPE_DETAIL, SAME_SHAPE_SHARE = 0.90, 0.70, 0.9  # thumbnails alike, points in place
OVERLAID_CELLS, OVERLAID_ALIKE, OVERLAID_POINTS, OVERLAID_SHARE = 0.8, 0.80, 40, 0.9  # a text or a mark was put on it
WHOLE, WHOLE_DETAIL = 0.985, 0.75  # without points: re-encoded, resized, turned, stretched, blurred
# Small pictures: (correlation, correlation of detail, largest difference in standard deviations of the picture).
# Re-encoding differs a little everywhere, a lookalike much somewhere. More is allowed where agreement says more: where
# the colours agree too, or every part of a picture has detail of its own.
SMALL_LIMITS = (0.985, 0.95, 0.33)
COLOURED_LIMITS = (0.97, 0.90, 0.50)
BUSY_LIMITS = (0.95, 0.90, 1.00)
COLOURED, BUSY = 4.0, 0.85  # standard deviation of chroma, share of cells
# Fewer pixels agree by chance more easily: of 1,797 digits of 8 x 8 pixels hundreds of pairs correlate above .95. So detail
# everywhere is an excuse from BUSY_PIXELS on, and below FEW_PIXELS the largest difference falls with their cube root.
BUSY_PIXELS, FEW_PIXELS = 26 * 26, 20 * 20
CHROMA_APART = 8.0  # mean difference of chroma, levels: other colours, another picture


def verify_pair(one: Description, two: Description) -> tuple[str, float] | None:
    """What two pictures have in common, where the evidence proves that they are the same one.

    Returns
    -------
    (kind, similarity) or None. Kind: "mirror", "rotated", "crop", "border", "resized" or "near" (re-encoded, re-toned,
    written on). Similarity: mean of the correlations of pixels and of detail where the pictures overlap, 0..1.

    Notes
    -----
    Where the whole pictures laid on each other do not agree at once, mutual ratio-tested SIFT matches vote for one
    similarity transform (RANSAC, fixed draws), as they are and mirrored; the pictures laid on each other must agree in
    light and, above all, in detail: different pictures of one subject agree in light only. Small pictures, and pictures
    with little detail, must agree almost pixel for pixel, in one of eight positions, the closer the fewer pixels they
    have. What is proven so is refuted where words, digits or colours differ (`image_refutation`): pages on one template
    agree nearly everywhere. Symmetric: the order of the two does not matter. Cost: 1 to 5 ms, points not counted, and
    about 10 ms for a pair that is proven; small pictures .3 ms.
    """
    if _order(one) > _order(two):
        one, two = two, one
    if one.plain or two.plain:
        return _plain(one, two)
    at, thumbnails = _position(one.thumbnail, two.thumbnail)
    whole = _small(one, two, at) if one.small or two.small else _whole(one, two, at, thumbnails)
    if whole is not None:
        return None if _refuted(one, two, _position_matrix(at, one.gray.shape, two.gray.shape)) else whole
    return None if one.small or two.small else _placed(one, two, thumbnails)


def _refuted(one: Description, two: Description, matrix: NDArray[np.float64]) -> bool:
    """Whether colours or small sharp things differ; ``matrix`` lays the grey picture of one on that of two."""

    def between(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The matrix for other sizes of the two pictures; centres of pixels stay where they are."""
        return (
            _scaled(b.shape, two.gray.shape)
            @ _square(matrix)
            @ np.linalg.inv(_square(_scaled(a.shape, one.gray.shape)))
        )

    legible = max(one.width, one.height, two.width, two.height) > SMALL
    tones, fine = between(one.tones, two.tones), between(one.fine, two.fine)
    if colours_differ(one.tones, two.tones, tones):
        written = caption(one.fine, two.fine, fine) if legible else None
        if written is None or colours_differ(one.tones, two.tones, tones, apart_from=written):
            return True
    return legible and content_differs(one.fine, two.fine, fine)


def _scaled(to: tuple[int, ...], of: tuple[int, ...]) -> NDArray[np.float64]:
    """(2, 3): pixels of a picture of (h, w) ``of`` in the same picture of (h, w) ``to``."""
    x, y = to[1] / of[1], to[0] / of[0]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2]])


def _square(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.vstack([matrix, [0.0, 0.0, 1.0]])


def _position_matrix(at: int, one: tuple[int, ...], two: tuple[int, ...]) -> NDArray[np.float64]:
    """(2, 3): a picture of (h, w) ``one`` in position ``at``, as large as ``two``."""
    turn = np.eye(3)
    height, width = one[:2]
    if at >= 4:
        turn, height, width = turn[[1, 0, 2]], width, height
    if at % 4 >= 2:
        turn = np.array([[1, 0, 0], [0, -1, height - 1], [0, 0, 1]]) @ turn
    if at % 2:
        turn = np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]]) @ turn
    return _scaled(two, (height, width)) @ turn


def _whole(one: Description, two: Description, at: int, thumbnails: float) -> tuple[str, float] | None:
    """Laid on each other as they are, in position ``at``: no points needed, which cost more than all else."""
    if thumbnails < WHOLE:
        return None
    a, b = _turned(one.gray, at), _float(two.gray)
    a = cv2.resize(a, b.shape[::-1], interpolation=cv2.INTER_AREA)
    alike, fine = correlate(a, b), correlate(detail(a), detail(b))
    return (_position_kind(one, two, at), _similarity(alike, fine)) if fine >= WHOLE_DETAIL else None


def _placed(one: Description, two: Description, thumbnails: float) -> tuple[str, float] | None:
    """Laid on each other where their points agree, mirrored or not: the placement with the most detail in common."""
    found = [
        (where, overlay(_float(one.gray), _float(two.gray), where))
        for mirrored in (False, True)
        if (where := locate(*one.points, *two.points, mirrored=mirrored)) is not None and where.inliers >= ALIKE_POINTS
    ]
    proofs = [(where, laid) for where, laid in found if _proven(where, laid, thumbnails)]
    if not proofs:
        return None
    where, laid = max(proofs, key=lambda proof: (proof[1].detail, proof[0].inliers))
    if _refuted(one, two, where.matrix):
        return None
    return _kind(one, two, where, laid), _similarity(laid.correlation, laid.detail)


def _proven(where: Placement, laid: Overlay, thumbnails: float) -> bool:
    if max(laid.share_one, laid.share_two) < SHARED:
        return False
    share = where.inliers / where.matches
    return (
        (laid.correlation >= ALIKE and laid.detail >= ALIKE_DETAIL)
        or (
            laid.detail >= DETAILED
            and laid.correlation >= DETAILED_ALIKE
            and where.inliers >= DETAILED_POINTS
            and share >= DETAILED_SHARE
        )
        or (thumbnails >= SAME_SHAPE and laid.detail >= SAME_SHAPE_DETAIL and share >= SAME_SHAPE_SHARE)
        or (
            laid.cells >= OVERLAID_CELLS
            and laid.correlation >= OVERLAID_ALIKE
            and where.inliers >= OVERLAID_POINTS
            and share >= OVERLAID_SHARE
        )
    )


def _plain(one: Description, two: Description) -> tuple[str, float] | None:
    """A plain picture is a copy of another of the very colour and nothing else."""
    apart = int(np.abs(one.colour.astype(np.int16) - two.colour).max())
    return ("near", 1 - apart / 255) if one.plain and two.plain and apart <= PLAIN_COLOUR else None


def _small(one: Description, two: Description, at: int) -> tuple[str, float] | None:
    a, b = _turned(one.gray, at), _float(two.gray)
    height, width = min(a.shape[0], b.shape[0], SMALL), min(a.shape[1], b.shape[1], SMALL)
    a = cv2.resize(a, (width, height), interpolation=cv2.INTER_AREA)
    b = cv2.resize(b, (width, height), interpolation=cv2.INTER_AREA)
    fine_a, fine_b = a - cv2.GaussianBlur(a, (0, 0), 1.5), b - cv2.GaussianBlur(b, (0, 0), 1.5)
    alike, fine = correlate(a, b), correlate(fine_a, fine_b)
    apart = float(np.percentile(np.abs(_standard(a) - _standard(b)), 99))
    pixels = min(_own_pixels(a), _own_pixels(b))
    strictness = min(1.0, (pixels / FEW_PIXELS) ** (1 / 3))

    def within(limits: tuple[float, float, float]) -> bool:
        return alike >= limits[0] and fine >= limits[1] and apart <= limits[2] * strictness

    if not (alike >= BUSY_LIMITS[0] and fine >= BUSY_LIMITS[1] and apart <= BUSY_LIMITS[2]):
        return None
    colours_apart, coloured = _chroma(one, two, at)
    if colours_apart > CHROMA_APART:
        return None
    busy = pixels >= BUSY_PIXELS and min(_busy(a), _busy(b)) >= BUSY
    if not (within(SMALL_LIMITS) or (coloured and within(COLOURED_LIMITS)) or busy):
        return None
    return _position_kind(one, two, at), _similarity(alike, fine)


def _standard(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((picture - picture.mean()) / max(float(picture.std()), 1e-6), np.float32)


def _own_pixels(picture: NDArray[np.float32]) -> int:
    """Pixels that are no repetition of the row above or the column before: enlarging by whole steps adds none."""
    rows = 1 + int((np.abs(np.diff(picture, axis=0)).max(1, initial=0) > PLAIN_COLOUR).sum())
    columns = 1 + int((np.abs(np.diff(picture, axis=1)).max(0, initial=0) > PLAIN_COLOUR).sum())
    return rows * columns


def _busy(picture: NDArray[np.float32]) -> float:
    """Share of 4 x 4 cells with detail of a pixel's size: strokes and silhouettes, enlarged or drawn, have little."""
    fine = picture - cv2.GaussianBlur(picture, (0, 0), 0.6)
    size = (max(1, fine.shape[1] // 4), max(1, fine.shape[0] // 4))
    return float((cv2.resize(fine * fine, size, interpolation=cv2.INTER_AREA) > 2.0**2).mean())


def _chroma(one: Description, two: Description, at: int) -> tuple[float, bool]:
    """(mean difference of Cr and Cb, whether both vary in colour); (0, False) where one is grey: a grey copy is a copy."""

    def chroma(colour: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _float(cv2.cvtColor(colour, cv2.COLOR_RGB2YCrCb)[..., 1:]) - 128

    turned = np.stack([_turned(one.colour[..., c], at) for c in range(3)], 2).astype(np.uint8)
    a, b = chroma(turned), chroma(two.colour)
    if min(np.abs(a).max(), np.abs(b).max()) < 3:
        return 0.0, False
    varied = [float(x.std((0, 1)).max()) >= COLOURED for x in (a, b)]
    return float(np.abs(a - b).mean()), all(varied)


def _position(one: NDArray[np.uint8], two: NDArray[np.uint8]) -> tuple[int, float]:
    """The position of one that looks most like two, and the correlation there; the first of equals."""
    correlations = [correlate(_turned(one, at), _float(two)) for at in range(8)]
    best = int(np.argmax(np.round(correlations, 6)))
    return best, correlations[best]


def _turned(picture: NDArray[np.uint8], at: int) -> NDArray[np.float32]:
    return np.ascontiguousarray(positions(_float(picture)[None])[at][0])


def _position_kind(one: Description, two: Description, at: int) -> str:
    transposed, down, across = at >= 4, at % 4 >= 2, at % 2 == 1
    if transposed ^ down ^ across:
        return "mirror"
    if at:
        return "rotated"
    return _size_kind(max(one.width, one.height) / max(two.width, two.height))


def _size_kind(ratio: float) -> str:
    return "resized" if not 1 / 1.08 <= ratio <= 1.08 else "near"


def _kind(one: Description, two: Description, where: Placement, laid: Overlay) -> str:
    if where.mirrored:
        return "mirror"
    if abs(np.degrees(np.angle(where.turn))) > 2.5:
        return "rotated"
    if min(laid.share_one, laid.share_two) < 0.9:
        return "border" if laid.plain_rest else "crop"
    return _size_kind(abs(where.turn) * one.scale / two.scale)


def _similarity(correlation: float, fine: float) -> float:
    return float(np.clip((correlation + fine) / 2, 0, 1))


def _float(picture: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(picture, np.float32)


def _order(one: Description) -> tuple[int, int, bytes]:
    """Any order that does not depend on which comes first."""
    return one.width, one.height, one.gray.tobytes()
