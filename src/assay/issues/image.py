"""Image checks: dark, light, blurry, little information, odd size, odd shape, grey among coloured ones.

In: properties of every picture (`assay.encode.pixels.properties`). Out: the columns of kind "image".
Does not know: pixels, files, labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.printable import listed

DARK, LIGHT, BLURRY, LOW_INFORMATION, ODD_SIZE, ODD_ASPECT = 0.68, 0.88, 0.71, 0.70, 0.5, 0.66
LEAST = 10  # pictures that must lie beyond it before a cut is said to fit the set badly
LEFT = 0.001  # of 1 - score; smaller rests are alike
USUAL = 0.2  # share of pictures beyond a cut or close to it, from which this is what the set is like
CLOSE = 0.15  # to a cut: 1 - score at most so much larger (logarithm)
GROUND = 0.5  # ... or share of pictures most of which is as light as paper, or as dark as a board
FENCE = (
    3.0  # interquartile ranges of its own scores beyond the upper quartile: then a picture is odd in such a set, too
)
MOSTLY_COLOUR = 0.8  # share of coloured pictures above which a grey one is worth a flag
_Property = tuple[str, str, int]  # check, what the set is like in words, pictures that are


def image_issues(properties: Mapping[str, NDArray[np.float64]], analyzed: NDArray[np.bool_]) -> dict[str, Any]:
    """Flags and scores (0..1, 1 = most severe) of N pictures; rows not ``analyzed`` get False and NaN. Cost: O(N).

    dark: 1 - the 95th centile of luma (99th where the picture is nearly black); light: the 5th centile of luma.
    blurry: 1 - sharpness, see `assay.encode.pixels`; plain pictures without edges, and those under 48 pixels on the
        shorter side, are not judged.
    low information: 1 - entropy of luma / 8 bits, rescaled so that one grey value in ten pixels is no fault.
    odd size: distance of log(area) from the quartiles, in units of 3 interquartile ranges (at least a factor of 1.5).
    Where most pictures are drawn on a light or a dark ground, none is too light or too dark: one with few strokes is all ground.
    Where a fifth of the pictures or more lie beyond a cut or close to it, the set is like that: flagged are then only those far beyond
    the others (Tukey's fence on the logarithm of what is left to 1), none of odd size, and "_notes" says so.
    odd aspect ratio: 1 - short side / long side. grayscale: no colour at all, where at least 80 % of pictures have some.
    """
    p = {name: np.where(analyzed, np.asarray(values, np.float64), np.nan) for name, values in properties.items()}
    with np.errstate(invalid="ignore", divide="ignore"):
        dark = np.clip(1 - p["brightness_p95"], 0, 1)
        light = np.clip(p["brightness_p5"], 0, 1)
        judged = (p["edge_density"] > 0.002) & (p["contrast"] > 0.02)
        blurry = np.where(judged, np.clip(1 - p["sharpness"], 0, 1), 0.0)
        low = np.clip(1 - p["entropy"] / 5, 0, 1)
        odd = _odd_size(p["width"] * p["height"], analyzed)
        aspect = 1 - np.minimum(p["width"], p["height"]) / np.maximum(p["width"], p["height"])
        grey = p["colourfulness"] <= 0.002
        middle = p["brightness_p50"]
        ground = {"light": middle > LIGHT, "dark": middle < 1 - LIGHT}
    coloured = float((~grey[analyzed]).mean()) if analyzed.any() else 0.0
    scores = {
        "dark": dark,
        "light": light,
        "blurry": blurry,
        "low_information": low,
        "odd_size": odd,
        "odd_aspect_ratio": aspect,
    }
    cuts = {
        "dark": DARK,
        "light": LIGHT,
        "blurry": BLURRY,
        "low_information": LOW_INFORMATION,
        "odd_size": ODD_SIZE,
        "odd_aspect_ratio": ODD_ASPECT,
    }
    out: dict[str, Any] = {"_notes": []}
    usual, unflagged = [], []  # (check, what is said, pictures): only those far beyond are flagged, or none at all
    for name, score in scores.items():
        beyond = analyzed & (np.nan_to_num(score) > cuts[name])
        of_ground = name in ground and bool((ground[name] & analyzed).sum() > GROUND * analyzed.sum())
        like = analyzed & (np.nan_to_num(score) > 1 - (1 - cuts[name]) * np.exp(CLOSE))
        often = beyond.sum() >= LEAST and like.sum() >= USUAL * analyzed.sum()
        if of_ground and beyond.any():
            unflagged.append((name, f"a {name} ground", int((ground[name] & analyzed).sum())))
            beyond[:] = False
        elif often and name == "odd_size":  # sizes are judged against the set's own: so many are no oddity
            unflagged.append((name, "more than one size", int(like.sum())))
            beyond[:] = False
        elif often:
            usual.append((name, name.replace("_", " "), int(like.sum())))
            beyond &= _far_beyond(score, analyzed)
        out[f"is_{name}"] = beyond
        out[f"{name}_score"] = np.where(analyzed, score, np.nan).astype(np.float32)
    out["_notes"] = _what_the_set_is_like(unflagged, usual, int(analyzed.sum()), coloured)
    out["is_grayscale"] = analyzed & grey & (coloured >= MOSTLY_COLOUR)
    for side in ("width", "height"):
        out[f"image_{side}"] = np.where(analyzed, np.nan_to_num(p[side]), -1).astype(np.int32)
    return out


def _far_beyond(score: NDArray[np.float64], analyzed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Scores beyond the fence of all scores of the set."""
    left = -np.log(np.maximum(1 - np.nan_to_num(score), LEFT))
    low, high = np.quantile(left[analyzed], [0.25, 0.75])
    return np.asarray(left > high + max(FENCE * (high - low), CLOSE))


def _what_the_set_is_like(unflagged: list[_Property], usual: list[_Property], n: int, coloured: float) -> list[str]:
    """One sentence where checks would flag a property that the set has as a whole; with how many pictures have it."""
    if not unflagged and not usual:
        return []
    names = {name for name, _, _ in (*unflagged, *usual)}
    kind = ""
    if coloured < 0.5 and {"low_information", "light"} <= names:
        kind = "this set is line drawings, writing or scans on white: "
    elif coloured < 0.5 and {"low_information", "dark"} <= names:
        kind = "this set is shapes or writing on black: "
    said = [f"{what} ({count:,} of {n:,})" for _, what, count in (*unflagged, *usual)]
    flagged = [f"none is flagged as {name.replace('_', ' ')}" for name, _, _ in unflagged]
    if usual:
        what = f"for {listed([what for _, what, _ in usual])} " if len(said) > 1 else ""
        flagged.append(f"{what}only those far beyond the others are flagged")
    verb = "is" if len(said) == 1 else "are"
    return [f"{kind}{listed(said)} {verb} what its pictures are like; {', and '.join(flagged)}"]


def _odd_size(area: NDArray[np.float64], analyzed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """0.5 where log(area) leaves the quartiles by 3 interquartile ranges, 1 at twice that; 0 inside the quartiles."""
    known = np.log(area[analyzed & (area > 0)])
    if not len(known):
        return np.zeros(len(area))
    low, high = np.quantile(known, [0.25, 0.75])
    reach = 3 * max(high - low, np.log(1.5) / 3)
    value = np.log(np.maximum(area, 1))
    return np.clip(np.maximum(low - value, value - high) / (2 * reach), 0, 1)
