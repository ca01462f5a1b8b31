"""Whether a set of pictures is a few originals, each several times.

In: clusters of copies and their kinds. Out: a finding or None. Does not know: pictures, labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.insights.finding import Finding

CHANGED = ("mirror", "rotated", "crop", "border")  # what augmentation makes, and a second upload does not
FAMILY, SHARE, CHANGED_SHARE = 3, 0.5, 0.3
SOME_FAMILIES, SOME_SHARE = 3, 0.05  # of the rows: what was proven may be the smaller part of what was made


def augmented_finding(clusters: NDArray[np.int64], kinds: NDArray[Any]) -> Finding | None:
    """A finding where half of the rows are in clusters of three and more, and three in ten turned, mirrored or cut.

    A weaker one where three such clusters hold one row in twenty, however these differ: copies that were erased, recoloured or
    blurred are proven in part only, and many copies of one picture are in several folds where they are not.

    Parameters
    ----------
    clusters : (N,) cluster numbers, -1 = in none. kinds : (N,) object, the kind of copy, or None.
    """
    inside = clusters >= 0
    if not inside.any():
        return None
    sizes = np.bincount(clusters[inside])
    in_family = np.zeros(len(clusters), np.bool_)
    in_family[inside] = sizes[clusters[inside]] >= FAMILY
    changed = in_family & np.isin(kinds.astype(str), CHANGED)
    originals = int((sizes > 0).sum() + (~inside).sum())
    data = {"pictures": len(clusters), "originals": originals, "in_families": int(in_family.sum())}
    if in_family.sum() < SHARE * len(clusters) or changed.sum() < CHANGED_SHARE * len(clusters):
        families = int((sizes >= FAMILY).sum())
        if families < SOME_FAMILIES or in_family.sum() < SOME_SHARE * len(clusters):
            return None
        message = (
            f"This set may be augmented, or holds series: {in_family.sum():,} of {len(clusters):,} pictures are in {families:,} groups "
            f"of three and more that show the same. By the copies found there are about {originals:,} originals, and fewer where copies "
            "were changed so much (parts erased, other hues) that they were not found: labels then look better than they are, "
            "because a picture is judged by its own copy."
        )
        return Finding("augmented", "Perhaps augmented pictures", [], message, data)
    message = (
        f"This set looks augmented: {len(clusters):,} pictures show about {originals:,} originals, turned, mirrored, moved or "
        "cut. All versions of an original are kept in one fold, so that label checks do not judge a picture by its own copy; "
        "do the same when you split the data."
    )
    return Finding("augmented", "Augmented pictures", [], message, data)
