"""What every source becomes: ids, cells, labels, splits, and where an image's bytes are.

In: nothing. Out: the dataclasses `Source` and `Roles`. Does not know: files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

IMAGE_ENDINGS = frozenset(".jpg .jpeg .jpe .jfif .png .gif .bmp .webp .tif .tiff .ppm .pgm .pbm .pnm .avif .jp2 .ico".split())


@dataclass(frozen=True)
class Roles:
    """Which column is what. ``features`` is empty unless the modality is "table"."""

    label: str | None = None
    text: str | None = None
    image: str | None = None
    id: str | None = None
    split: str | None = None
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Rows in the user's order. ``reasons``: row -> why it cannot be read; ``notes``: readings to say to the person."""

    modality: str
    ids: pa.Array
    cells: pa.Table
    given: pa.Array | None
    split: pa.Array | None
    uris: list[str] | None
    stamps: list[str] | None
    blobs: Sequence[bytes | None] | None
    reasons: dict[int, str]
    roles: Roles
    notes: list[str] = field(default_factory=list)
    name: str = "data"
