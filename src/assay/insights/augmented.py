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


def augmented_finding(clusters: NDArray[np.int64], kinds: NDArray[Any]) -> Finding | None:
    """A finding where half of the rows are in clusters of three and more, and three in ten turned, mirrored or cut.

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
    if in_family.sum() < SHARE * len(clusters) or changed.sum() < CHANGED_SHARE * len(clusters):
        return None
    originals = int((sizes > 0).sum() + (~inside).sum())
    message = (
        f"This set looks augmented: {len(clusters):,} pictures show about {originals:,} originals, turned, mirrored, moved or "
        "cut. All versions of an original are kept in one fold, so that label checks do not judge a picture by its own copy; "
        "do the same when you split the data."
    )
    data = {"pictures": len(clusters), "originals": originals, "in_families": int(in_family.sum())}
    return Finding("augmented", "Augmented pictures", [], message, data)
