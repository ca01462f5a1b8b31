"""What every source becomes: ids, cells, labels, splits, and where an image's bytes are.

In: nothing. Out: the dataclasses `Source` and `Roles`. Does not know: files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pyarrow as pa

from assay.sources.originals import Originals

# heic and heif cannot be decoded yet: such files become rows that say so, rather than vanish among "other files"
IMAGE_ENDINGS = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".gif",
        ".bmp",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".avif",
        ".jp2",
        ".ico",
        ".heic",
        ".heif",
    ]
)


def is_image(name: str) -> bool:
    """By the ending of the name alone."""
    return PurePosixPath(name).suffix.lower() in IMAGE_ENDINGS


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
    """Rows in the user's order.

    ids : string or int64, unique, no nulls. cells : the user's columns and order (a folder: path, label?, split?).
    given : int64, float64, bool or string; null = unlabelled. split : string or None.
    uris : for images, what `assay.sources.reading.read_bytes` takes; "" where the bytes are in ``blobs`` or the row is
    in ``reasons``. stamps : changes when the image does ("size:mtime_ns" of a file, "crc:size" of a ZIP member, the
    URL itself); "" = unknown. blobs : encoded images held in memory.
    reasons : row -> why it cannot be read. notes : readings to say to the person. left_out : what was found and is no row, and
    why, with counts. name : for the project folder.
    origin : the absolute path that was read, "" for frames. originals : what an export needs to write the cells as they
    came; None = the plain cells are all.
    """

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
    left_out: tuple[str, ...] = ()
    name: str = "data"
    origin: str = ""
    originals: Originals | None = None
