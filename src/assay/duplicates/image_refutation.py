"""What shows that two pictures laid on each other are not the same one, however much of them agrees.

In: two pictures as grey and as colours, and the transform that lays one on the other. Out: True where something refutes a
copy. Does not know: how the transform was found, what proves a copy.

Receipts of one shop, forms of one kind, displays of one meter agree nearly everywhere: what makes them different is small,
sharp and in both of them. Lamps and shirts may differ in nothing but colour.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["caption", "colours_differ", "content_differs"]

Gray = NDArray[np.float32]
# Chosen on made receipts, forms and displays, and on transformed copies and the listed pairs of photos_600.
FINE, COARSE = 0.8, 4.0  # the band compared, standard deviations in pixels of the 512-pixel picture: strokes and edges
CELL, CELLS = 3, 3  # pixels of a cell, cells of a window: about a letter
SHIFTS = [(y, x) for y in range(-2, 3) for x in range(-2, 3) if abs(y) + abs(x) <= 3]  # what a placement may be off
INK = 0.15  # of the mean energy of the strongest 2 %: weaker detail is not looked at
FAINT = 16.0  # squared grey levels: as little
DISAGREES = 0.5  # agreement (1 = the same, 0 = of different or of one picture only) below which a place differs
PAGE_DISAGREES = 0.75  # on a written page
AGREES, DRIFT = 0.7, 0.7  # of such places the shifts are taken; pixels of drift that are worth a second look
BALANCED = 0.35  # ratio of energies from which both pictures have something at a place that differs
REPLACED, REPLACED_SHARE = 0.01, 0.35  # of the ink differs with something in both; of all that differs
WORD, REPLACED_SPOT = 13, 0.004  # cells: where a spot as large as some digits differs, less of the ink is enough
# A caption: one line of so many times its height, of so much of the picture's height, with so much of all that differs. What it
# covers is not replaced by as much (digits by digits: .83 and more), or is not stronger than so many times what is around it.
LINE, LINE_HEIGHT, LINE_HOLDS, CAPTION_SHARE, STANDS_OUT = 3.0, 0.2, 0.9, 0.8, 2.5
GAP = 11  # cells between words
STROKES = 15  # pixels: what closing or opening with such a square removes is drawn with a pen
PAPER, PAPER_SPOT = 0.05, 3  # detail left without strokes: a written page. A spot of so many cells differs on it
DRAWN, DRAWN_SPOT, DRAWN_SHARE = 0.12, 11, 0.7  # a page with a logo or in a frame
# Levels from the mean around it, and from what is left of strokes; share of a page
EVEN, BARE, GROUND = 8.0, 16.0, 0.45
RIM = 9

APART = 26.0  # levels of chroma
APART_SHARE = 0.4  # of the chroma itself
SPOT = 0.0008  # of the picture
LIGHT_APART = 25.0  # levels of luma up to which a difference of colour is no writing
SOLID = 6  # pixels: wider than strokes of writing
OFFSET = 8.0  # levels: another white balance
TINT_TAIL, TINT_RANGE = 10, 2.0  # percent darkest and brightest, and how many times as bright these are
TINT_APART, TINT_REST = 7.0, 0.1  # levels of chroma by which all but so many percent of the pixels may be off a tint
COLOURLESS, STRONG = 4.0, 30.0  # chroma of a grey picture; of a coloured thing
ON_GREY = 0.4  # of a picture is grey around such a thing
DRAINED, LIGHT_KEPT = (
    0.5,
    3.0,
)  # levels of chroma left anywhere by a grey copy; of luma by which its coloured part may be off
DYED = 0.2  # range of chroma by its median, of the middle 70 % of a thing: one dye
ONE_HUE = 0.25  # second to first root mean square of chroma below which a picture has one colour beside grey


def content_differs(one: NDArray[np.uint8], two: NDArray[np.uint8], matrix: NDArray[np.float64]) -> bool:
    """Whether words, digits or other small sharp things differ between pictures that are laid on each other.

    Parameters
    ----------
    one, two : (h, w) uint8, longer side at most 512. matrix : (2, 3), from ``one`` to ``two``.

    Returns
    -------
    True where enough of the detail of one picture is replaced by other detail in the other. Something that only one of them
    has (a mark, a caption put on a photograph whatever it covers) refutes nothing, except on a written page, where it is what
    was written.

    Notes
    -----
    Detail is compared in windows of a letter's size, each at the best of 21 shifts of up to three pixels. Agreement is
    2 <ab> / (<aa> + <bb>). Cost: about 10 ms, twice where there is a drift; only for pairs that are otherwise proven.
    """
    a, b = _equally_fine(one, two, matrix)
    found = _compared(a, b, matrix)
    if found is None:
        return False
    apart = found.ink & (found.agreement < DISAGREES)
    replaced = int((apart & (found.balance > BALANCED)).sum())
    share = replaced / max(int(apart.sum()), 1)
    n_ink, widest = int(found.ink.sum()), _largest(apart)
    enough = max(REPLACED_SPOT * n_ink if widest >= WORD else REPLACED * n_ink, PAPER_SPOT)
    is_replaced = replaced >= enough and share >= REPLACED_SHARE
    if is_replaced and _line(found) is None:
        return True
    page_apart = found.ink & (found.agreement < PAGE_DISAGREES)
    spot = _largest(page_apart)
    if spot < PAPER_SPOT:
        return is_replaced
    drawn = max(_without_strokes(a), _without_strokes(b))
    if is_replaced and drawn <= DRAWN:
        return True
    if drawn <= PAPER:
        return True
    return drawn <= DRAWN and widest >= DRAWN_SPOT and share >= DRAWN_SHARE


def caption(one: NDArray[np.uint8], two: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Where one line of writing was laid on one of two pictures that are laid on each other.

    Parameters
    ----------
    one, two : (h, w) uint8, longer side at most 512. matrix : (2, 3), from ``one`` to ``two``.

    Returns
    -------
    (h / 3, w / 3) bool, in the frame of ``two``; None where the pictures differ in no such line, or in more.

    Notes
    -----
    Cost: as `content_differs`.
    """
    found = _compared(*_equally_fine(one, two, matrix), matrix)
    return None if found is None else _line(found)


def _equally_fine(one: NDArray[np.uint8], two: NDArray[np.uint8], matrix: NDArray[np.float64]) -> tuple[Gray, Gray]:
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    a, b = _float(one), _float(two)
    if scale < 0.8:
        a = _as_coarse(a, scale)
    if scale > 1.25:
        b = _as_coarse(b, 1 / scale)
    return a, b


def _compared(a: Gray, b: Gray, matrix: NDArray[np.float64]) -> _Agreement | None:
    """Detail of ``a``, laid on ``b``, against that of ``b``; None where too little of them overlaps."""
    band_a, band_b = _band(a), _band(b)
    covered, inside = _laid(band_a, matrix, b.shape)
    if inside.sum() < 32 * 32:
        return None
    found = _agreement(covered * inside, band_b * inside)
    if (better := _without_drift(found, matrix)) is not None:
        covered, inside = _laid(band_a, better, b.shape)
        found = _agreement(covered * inside, band_b * inside)
    return found


def _line(found: _Agreement) -> NDArray[np.bool_] | None:
    """The box of one line of writing laid on one picture, if that is nearly all in which they differ."""
    apart = found.ink & (found.agreement < DISAGREES)
    if not apart.any():
        return None
    joined = cv2.dilate(apart.astype(np.uint8), np.ones((GAP, GAP), np.uint8))
    _, labels = cv2.connectedComponents(joined, connectivity=8)
    counts = np.bincount(labels[apart])
    at = apart & (labels == int(counts.argmax()))
    if at.sum() < LINE_HOLDS * apart.sum():
        return None
    rows, columns = np.nonzero(at)
    height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    if max(width, height) < LINE * min(width, height) or min(width, height) > LINE_HEIGHT * min(apart.shape):
        return None
    replaced = at & (found.balance > BALANCED)
    share = float(replaced.sum() / at.sum())
    if share >= CAPTION_SHARE:
        return None
    around = cv2.dilate(at.astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
    around &= cv2.dilate(at.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    if share >= REPLACED_SHARE and around.any():
        outstanding = [float(of[replaced].mean()) / max(float(of[around].mean()), 1e-3) for of in found.energies]
        if min(outstanding) >= STANDS_OUT:
            return None
    box = np.zeros(apart.shape, np.bool_)
    box[max(rows.min() - 2, 0) : rows.max() + 3, max(columns.min() - 2, 0) : columns.max() + 3] = True
    return box


def _as_coarse(picture: Gray, scale: float) -> Gray:
    """The picture as it would be, had it been shrunk and enlarged again as the other has been."""
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, picture.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


class _Agreement(NamedTuple):
    """(h / 3, w / 3) each: in windows of 9 pixels around cells of 3."""

    ink: NDArray[np.bool_]  # there is detail to compare
    agreement: Gray  # at the best shift
    balance: Gray  # weaker to stronger energy
    energies: tuple[Gray, Gray]  # of the one and the other
    shift: NDArray[np.int8]  # (h / 3, w / 3, 2) the best shift, y and x, in pixels


def _agreement(a: Gray, b: Gray) -> _Agreement:
    gain = float(np.sqrt(np.square(b).sum() / max(float(np.square(a).sum()), 1e-6)))
    a = a * np.float32(min(gain, 4.0))
    energy_a, energy_b = _windows(a * a), _windows(b * b)
    best, at = np.full(energy_a.shape, -1, np.float32), np.zeros(energy_a.shape, np.int8)
    margin = max(abs(step) for shift in SHIFTS for step in shift)
    wide = cv2.copyMakeBorder(b, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    height, width = b.shape
    for number, (y, x) in enumerate(SHIFTS):
        there = wide[margin - y : margin - y + height, margin - x : margin - x + width]
        agreement = 2 * _windows(a * there) / (energy_a + _windows(there * there) + 1)
        at[agreement > best] = number
        np.maximum(best, agreement, out=best)
    stronger = np.maximum(energy_a, energy_b)
    count = max(1, int(0.02 * stronger.size))
    top = float(np.partition(stronger.ravel(), -count)[-count:].mean())
    ink = (stronger > INK * top) & (stronger > FAINT)
    balance = np.minimum(energy_a, energy_b) / np.maximum(stronger, 1e-6)
    return _Agreement(ink, best, np.asarray(balance, np.float32), (energy_a, energy_b), np.array(SHIFTS, np.int8)[at])


def _without_drift(found: _Agreement, matrix: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The matrix corrected by the affine drift of the best shifts (a stretch is no similarity); None where there is none."""
    rows, columns = np.nonzero(found.ink & (found.agreement > AGREES))
    if len(rows) < 40:
        return None
    height, width = found.ink.shape
    size = width * CELL, height * CELL
    where = np.stack([columns / width - 0.5, rows / height - 0.5, np.ones(len(rows))], 1)
    shifts = found.shift[rows, columns, ::-1].astype(np.float64)
    drift = np.linalg.solve(where.T @ where + 1e-3 * len(rows) * np.diag([1, 1, 0]), where.T @ shifts)
    corners = np.array([[x, y, 1] for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) @ drift
    if np.abs(corners).max() < DRIFT:
        return None
    # Where b moved by the shift agrees with a, a belongs at its place less the shift.
    change = np.eye(3)
    change[:2, :2] -= np.stack([drift[0] / size[0], drift[1] / size[1]], 1)
    change[:2, 2] -= drift[2] - 0.5 * (drift[0] + drift[1])
    return np.asarray((change @ np.vstack([matrix, [0.0, 0.0, 1.0]]))[:2])


def _without_strokes(picture: Gray) -> float:
    """Share of the energy of detail that remains where dark, or where light, strokes are filled in; 1 where that leaves no ground.

    Branches before the sky are strokes too. A page is for the greater part bare, and its ground even, if not evenly lit.
    """
    smooth = _blurred(picture, FINE)
    square = np.ones((STROKES, STROKES), np.uint8)
    whole = max(float(np.square(_band(picture)).sum()), 1e-6)
    left = 1.0
    for how in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN):
        filled = _float(cv2.morphologyEx(smooth, how, square))
        even = np.abs(filled - _blurred(filled, STROKES)) < EVEN
        if (even & (np.abs(filled - smooth) < BARE)).mean() >= GROUND:
            left = min(left, float(np.square(_band(filled)).sum()) / whole)
    return left


def _largest(mask: NDArray[np.bool_]) -> int:
    """Pixels of the largest connected spot."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return int(stats[1:, cv2.CC_STAT_AREA].max(initial=0))


def colours_differ(
    one: NDArray[np.uint8],
    two: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    *,
    apart_from: NDArray[np.bool_] | None = None,
) -> bool:
    """Whether something has another colour in one of two pictures that are laid on each other.

    Parameters
    ----------
    one, two : (h, w, 3) uint8 RGB, longer side at most 128. matrix : (2, 3), from ``one`` to ``two``.
    apart_from : (rows, columns) bool over the whole of ``two``, at any resolution: not looked at, as a `caption`.

    Notes
    -----
    Another saturation or white balance of the whole picture is no difference, nor is coloured writing. A grey copy of a
    colourful picture is a copy; a grey thing where the other picture has one coloured thing is another thing, unless all colour
    is gone, the light is kept and the thing is more than one dye.
    Cost: about 1 ms.
    """
    a, inside = _laid(_float(one), matrix, two.shape[:2])
    b = _float(two)
    if apart_from is not None:
        inside &= cv2.resize(apart_from.astype(np.uint8), b.shape[1::-1], interpolation=cv2.INTER_NEAREST) == 0
    if inside.sum() < 16:
        return False
    raw_a, raw_b = _luma_chroma(a), _luma_chroma(b)
    a, b = (_luma_chroma(x) for x in _as_bright(a, b, inside))
    light = np.abs(_centred(a[..., 0], inside) - _centred(b[..., 0], inside))
    chroma_a, chroma_b = a[..., 1:] - 127.5, b[..., 1:] - 127.5
    spot = max(6, int(SPOT * inside.sum()))
    strong_a, strong_b = (float(np.partition(_length(x[inside]), -spot)[-spot]) for x in (chroma_a, chroma_b))
    if min(strong_a, strong_b) < COLOURLESS:
        chroma = (chroma_a if strong_a > strong_b else chroma_b)[inside]
        on_grey = float((_length(chroma) < COLOURLESS).mean())
        if max(strong_a, strong_b) <= STRONG or on_grey <= ON_GREY or not _one_hue(chroma):
            return False
        coloured, grey = (raw_a, raw_b) if strong_a > strong_b else (raw_b, raw_a)
        return not _drained(coloured, grey, inside)
    flat_a, flat_b = chroma_a[inside], chroma_b[inside]
    if _tinted(flat_a, flat_b, b[..., 0][inside]):
        return False
    offset = np.clip(np.median(flat_b, 0) - np.median(flat_a, 0), -OFFSET, OFFSET)
    along = float((flat_a * (flat_b - offset)).sum()) / max(float(np.square(flat_a).sum()), 1e-6)
    gain = float(np.clip(along, 0.5, 2.0))
    apart = _length(chroma_b - offset - gain * chroma_a)
    limit = np.maximum(APART, APART_SHARE * np.maximum(gain * _length(chroma_a), _length(chroma_b)))
    other = ((apart > limit) & inside).astype(np.uint8)
    written = cv2.dilate((light > LIGHT_APART).astype(np.uint8), np.ones((5, 5), np.uint8))
    solid = cv2.morphologyEx(other, cv2.MORPH_OPEN, np.ones((SOLID, SOLID), np.uint8)) > 0
    differs = (other > 0) & ((written == 0) | solid)
    return _largest(differs) >= spot


def _luma_chroma(picture: Gray) -> Gray:
    """(h, w, 3) RGB -> Y, Cr, Cb, blurred a little."""
    return np.asarray(cv2.cvtColor(_blurred(picture, 0.8) / 255, cv2.COLOR_RGB2YCrCb) * 255, np.float32)


def _drained(coloured: Gray, grey: Gray, inside: NDArray[np.bool_]) -> bool:
    """Whether (h, w, 3) Y, Cr, Cb of a grey picture are those of a coloured one without its colours.

    All colour is gone, of the ground too, and the light of what was coloured is that of the rest. Of a thing dyed in one colour
    this says nothing: its grey twin may be as bright.
    """
    if float(_length(grey[..., 1:] - 127.5)[inside].max()) > DRAINED:
        return False
    light, there = coloured[..., 0], grey[..., 0]
    gain = float(
        (light * there)[inside].sum(dtype=np.float64) / max(np.square(light[inside]).sum(dtype=np.float64), 1.0)
    )
    chroma = _length(coloured[..., 1:] - 127.5)
    thing = (chroma > max(COLOURLESS, float(chroma[inside].max()) / 3)) & inside
    core = cv2.erode(thing.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    core = core if core.sum() >= 16 else thing
    if float(np.abs(there - gain * light)[thing].mean()) > LIGHT_KEPT:
        return False
    relative = np.asarray(chroma[core] / np.maximum(light[core], 8), np.float32)
    return min(_range(chroma[core]), _range(relative)) > DYED


def _range(values: Gray) -> float:
    low, middle, high = np.percentile(values, [15, 50, 85])
    return float((high - low) / max(middle, 1e-6))


def _tinted(one: Gray, two: Gray, light: Gray) -> bool:
    """Whether (n, 2) chroma of one picture is that of the other but for a scale and an offset, in the dark as in the light.

    A filter before the whole picture does that. What is dyed in another colour has little of it where it is dark, and the ground
    around it has none.
    """
    dark, bright = np.percentile(light, [TINT_TAIL, 100 - TINT_TAIL])
    if bright < TINT_RANGE * dark:
        return False
    mean_a, mean_b = one.mean(0, dtype=np.float64), two.mean(0, dtype=np.float64)
    moved = one - mean_a
    gain = float(np.clip((moved * (two - mean_b)).sum() / max(float(np.square(moved).sum()), 1e-6), 0.4, 2.5))
    apart = _length(np.asarray(two - mean_b - gain * moved, np.float32))
    return bool(np.percentile(apart, 100 - TINT_REST) <= TINT_APART)


def _as_bright(a: Gray, b: Gray, inside: NDArray[np.bool_]) -> tuple[Gray, Gray]:
    """The darker one made as bright as the other: colours that are cut off at white are so in both."""
    light_a, light_b = a[inside].mean(1), b[inside].mean(1)
    used = (np.minimum(light_a, light_b) > 20) & (np.maximum(light_a, light_b) < 220)
    gain = float(np.median(light_b[used] / light_a[used])) if used.sum() >= 16 else 1.0
    if gain > 1:
        return np.minimum(a * np.float32(gain), 255), b
    return a, np.minimum(b / np.float32(max(gain, 0.05)), 255)


def _one_hue(chroma: Gray) -> bool:
    """Whether (n, 2) chroma lies on one ray from grey."""
    moments = chroma.T.astype(np.float64) @ chroma / max(len(chroma), 1)
    values, vectors = np.linalg.eigh(moments)
    if values[0] > ONE_HUE**2 * values[1]:
        return False
    along = chroma @ vectors[:, 1]
    back, ahead = float(np.square(along[along < 0]).sum()), float(np.square(along[along > 0]).sum())
    return min(back, ahead) < ONE_HUE**2 * max(back, ahead)


def _laid(picture: Gray, matrix: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[Gray, NDArray[np.bool_]]:
    """``picture`` in the frame of the other, and where it covers that."""
    size = shape[1], shape[0]
    laid = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    covers = cv2.warpAffine(np.ones(picture.shape[:2], np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    rim = max(1, RIM * max(shape[:2]) // 512 | 1)
    covers = cv2.erode(covers, np.ones((rim, rim), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return np.asarray(laid, np.float32), np.asarray(covers > 0)


def _centred(values: Gray, inside: NDArray[np.bool_]) -> Gray:
    return np.asarray(values - np.median(values[inside]), np.float32)


def _length(chroma: Gray) -> Gray:
    return np.asarray(np.sqrt(np.square(chroma).sum(-1)), np.float32)


def _band(picture: Gray) -> Gray:
    return _blurred(picture, FINE) - _blurred(picture, COARSE)


def _windows(values: Gray) -> Gray:
    """Means over windows, one a cell; pixels beyond whole cells are left out."""
    height, width = (max(side // CELL, 1) for side in values.shape)
    whole = np.ascontiguousarray(values[: height * CELL, : width * CELL])
    cells = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.boxFilter(cells, -1, (CELLS, CELLS)), np.float32)


def _blurred(picture: Gray, sigma: float) -> Gray:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def _float(picture: Any) -> Gray:
    return np.asarray(picture, np.float32)
