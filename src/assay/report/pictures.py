"""Thumbnails for the page, each small, all together under a budget.

In: JPEG thumbnails of a project. Out: `Picture`s, or None where there is none or the budget is used up.
Does not know: why a picture is shown.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from assay.report.data import Picture

MOST_BYTES = 24_000  # one picture; a thumbnail of 160 pixels has 3 to 12 thousand
PAGE_BYTES = 8_000_000  # all pictures; 10.7 million as base64, which leaves 4 of the page's 15 MB for everything else
SIDE = 160


class PictureShelf:
    """``examples.take(row)`` hands out pictures until ``budget`` bytes are used; ask for the important ones first.

    A picture handed out twice counts twice: the page holds its bytes twice.
    """

    def __init__(self, thumbnail: Callable[[int], bytes | None], *, budget: int = PAGE_BYTES) -> None:
        self._thumbnail = thumbnail
        self._left = budget

    def take(self, row: int) -> Picture | None:
        jpeg = self._thumbnail(row)
        picture = fit_picture(jpeg) if jpeg else None
        if picture is None or len(picture.jpeg) > self._left:
            return None
        self._left -= len(picture.jpeg)
        return picture


def fit_picture(jpeg: bytes) -> Picture | None:
    """The thumbnail as it is where it is small, else made smaller; None where it is no picture."""
    try:
        with Image.open(io.BytesIO(jpeg)) as image:
            if image.format == "JPEG" and len(jpeg) <= MOST_BYTES:
                return Picture(jpeg, *image.size)
            rgb = image.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    rgb.thumbnail((SIDE, SIDE))
    for quality in (75, 55, 35, 15):
        stream = io.BytesIO()
        rgb.save(stream, "JPEG", quality=quality)
        if stream.tell() <= MOST_BYTES:
            break
    return Picture(stream.getvalue(), *rgb.size)
