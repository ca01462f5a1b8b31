"""The cells of an image column -> where each picture is.

In: the values of a column, and the folder or archive that relative paths begin in. Out: uris, change stamps, reasons.
Does not know: what the pictures show, how bytes are read.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from assay.sources.archive import Archive, plain_name
from assay.sources.reading import UnreadableError, is_url, local_uri, path_of_file_url
from assay.sources.sandbox import check_path

SAMPLE = 200
SUBFOLDERS = 50  # beside a table that are looked into for its images
OTHER_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://|(data):")


@dataclass(frozen=True)
class Base:
    """Where relative paths begin: a folder, an archive with ``top`` inside it, or (neither) the working directory.

    known : (uri, stamp) of images that a cell may name without the folder or the ending.
    """

    folder: Path | None = None
    archive: Archive | None = None
    top: str = ""
    known: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Places:
    """Row by row: ``uris`` ("" where there is none), ``stamps``; ``reasons`` of rows that name nothing that exists."""

    uris: list[str]
    stamps: list[str]
    reasons: dict[int, str]
    note: str | None = None


def find_places(values: Sequence[str | None], base: Base) -> Places:
    """Cost: one stat a file."""
    note = None
    if base.archive is None and base.folder is not None and not base.known:
        base, note = _working_directory(values, base, base.folder)
    found = Places([], [], {}, note)
    for row, value in enumerate(values):
        try:
            uri, stamp = _locate((value or "").strip(), base)
        except UnreadableError as error:
            uri, stamp = _known(value or "", base)
            if not uri:
                found.reasons[row] = str(error)
        found.uris.append(uri)
        found.stamps.append(stamp)
    return found


def _known(value: str, base: Base) -> tuple[str, str]:
    """(uri, stamp) of the image of that name, wherever it lies; ("", "") where there is none."""
    name = PurePosixPath(value.strip().replace("\\", "/")).name
    forms = (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
    return next((base.known[form] for form in forms if form in base.known), ("", ""))


def _working_directory(values: Sequence[str | None], base: Base, folder: Path) -> tuple[Base, str | None]:
    """Paths are relative to the table's folder; to the working directory where that alone has the first of them."""
    sample = [value.strip() for value in values[:SAMPLE] if value and value.strip() and "://" not in value]
    here = Base(Path.cwd())
    if not sample or folder.absolute() == here.folder:
        return base, None
    if any(_exists(value, base) for value in sample):
        return base, None
    if not any(_exists(value, here) for value in sample):
        return _subfolder(sample, base, folder)
    return here, f"image paths: relative to the working directory, for {folder} has none of them"


def _subfolder(sample: Sequence[str], base: Base, folder: Path) -> tuple[Base, str | None]:
    """The folder beside the table in which the first of the paths lie, as in ``train.csv`` with ``images/``."""
    try:
        inside = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return base, None
    hits = [(sum(_exists(value, Base(entry)) for value in sample), entry) for entry in inside[:SUBFOLDERS]]
    most, found = max(hits, key=lambda hit: hit[0], default=(0, folder))
    if not most:
        return base, None
    return Base(found), f"image paths: relative to {found}, for {folder} itself has none of them"


def _exists(value: str, base: Base) -> bool:
    try:
        return bool(_locate(value, base))
    except UnreadableError:
        return False


def _locate(text: str, base: Base) -> tuple[str, str]:
    """(uri, stamp) of one cell."""
    if not text:
        raise UnreadableError("the row names no image")
    if is_url(text):
        return text, text
    if not text.lower().startswith("file://") and (scheme := OTHER_SCHEME.match(text)):
        kind = f"{scheme[1]}://" if scheme[1] else "data:"
        raise UnreadableError(f"{kind} addresses cannot be read yet, only files, http:// and https:// ({text[:80]})")
    if base.archive is not None:
        return _member(text, base.archive, base.top)
    path = Path(path_of_file_url(text) if text.lower().startswith("file://") else text)
    path = path if base.folder is None else base.folder / path  # an absolute path stays as it is
    check_path(path)
    try:
        status, path = _status_of_either(path)
    except (OSError, ValueError) as error:
        raise UnreadableError(f"there is no such file: {path}") from error
    if status is None:
        path = Path(str(path).replace("\\", "/"))
        status = _status(path)
    if status is None:
        raise UnreadableError(f"there is no such file: {path}")
    return local_uri(str(path.absolute())), f"{status.st_size}:{status.st_mtime_ns}"


def _status_of_either(path: Path) -> tuple[os.stat_result | None, Path]:
    """The file's status and name; where a table composes an accented letter and the disk does not, or the reverse, too."""
    try:
        return _status(path), path
    except FileNotFoundError:
        for form in ("NFC", "NFD"):
            other = Path(unicodedata.normalize(form, str(path)))
            if other != path and other.exists():
                return other.stat(), other
        raise


def _status(path: Path) -> os.stat_result | None:
    """None: no such file, but a name with backslashes that may be written for another system."""
    try:
        return path.stat()
    except FileNotFoundError:
        if "\\" not in str(path):
            raise
        return None


def _member(text: str, archive: Archive, top: str) -> tuple[str, str]:
    name = plain_name(str(PurePosixPath(text.replace("\\", "/"))))
    for member in (top + name, name, *(unicodedata.normalize(form, top + name) for form in ("NFC", "NFD"))):
        if member in archive.members:
            return archive.members[member]
    raise UnreadableError(f"the ZIP has no member {top}{name}")
