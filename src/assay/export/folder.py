"""Pictures as a tree of class folders, the original bytes copied.

In: row numbers, file names, labels, splits, a reader of bytes. Out: ``<target>/<split?>/<class>/<name>``.
Does not know: how bytes are read, which rows were left out before.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from assay.errors import UsageError
from assay.export.table import refuse_file_as_folder
from assay.sources.reading import UnreadableError
from assay.sources.rows import is_image
from assay.storage.folder import TEMPORARY, translate_errors

FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
LONGEST = 200  # bytes of a name; file systems stop at 255
ENDING = re.compile(r"\.\w{1,10}", re.ASCII)  # what follows the dot of "v2. of June" is none
NO_SPLIT = "none"
RENAMED = 20  # classes that are named
MAGIC = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
}


def write_class_folders(
    files: Iterable[tuple[int, str, Any, str | None]],
    target: Path,
    open_bytes: Callable[[int], bytes],
    *,
    splits: bool,
) -> tuple[int, list[str]]:
    """Copy each (row number, name, label, split); return the number of files and notes on what has no place.

    At least one row must have a label. Names are made safe for every file system and unique within their folder.
    """
    notes: list[str] = []
    unlabeled = 0
    unreadable: list[str] = []
    moved: list[str] = []
    written = 0
    names = _Names()
    with new_folder(target) as root:
        for row, name, label, split in files:
            if label is None:
                unlabeled += 1
                continue
            try:
                data = open_bytes(row)
            except UnreadableError as error:
                unreadable.append(f"{name} ({error})")
                continue
            folder = names.folder(names.folder(root, split or NO_SPLIT) if splits else root, str(label))
            file = names.file(folder, name, data)
            (folder / file).write_bytes(data)
            if not same_name(name, file):
                moved.append(f"{name} -> {file}")
            written += 1
        if not written and unreadable:
            raise UsageError(f"no picture could be read: {unreadable[0]}; are the files still where they were?")
        if not written:
            raise UsageError("no row has a label, so there are no class folders to make; export a table instead")
    if unlabeled:
        notes.append(f"unlabelled rows, which have no class folder and are not in the tree: {unlabeled:,}")
    if unreadable:
        more = ", ..." if len(unreadable) > 1 else ""
        notes.append(
            f"pictures that could not be read and are not in the tree: {len(unreadable):,} ({unreadable[0]}{more})"
        )
    if moved:
        more = ", ..." if len(moved) > 1 else ""
        notes.append(
            f"pictures whose file has another name, for theirs is taken or not safe: {len(moved):,} ({moved[0]}{more})"
        )
    return written, [*names.notes(splits), *notes]


def same_name(name: str, file: str) -> bool:
    """Is the file called as the picture, but for the folders that it lay in and an ending that it had not?"""
    last = PurePosixPath(name.replace("\\", "/").split("?")[0]).name
    return file == last or (not PurePosixPath(last).suffix and PurePosixPath(file).stem == last)


def safe_name(text: str) -> str:
    """A name that Linux, macOS and Windows all accept; never empty, never hidden, never a way out of the folder."""
    name = FORBIDDEN.sub("_", text).strip().rstrip(". ")
    name = f"_{name}" if not name or name[0] == "." or RESERVED.match(name) else name
    return name.encode()[:LONGEST].decode(errors="ignore").rstrip(". ")


class _Names:
    """Unique names: two that differ only in what was made safe, in case, or in how Unicode spells them, do not meet."""

    def __init__(self) -> None:
        self._folders: dict[tuple[Path, str], Path] = {}
        self._taken: dict[Path, dict[str, int]] = {}  # name in use -> the number that its next namesake tries

    def folder(self, parent: Path, label: str) -> Path:
        if (parent, label) not in self._folders:
            folder = parent / self._unique(parent, safe_name(label), "")
            folder.mkdir()
            self._folders[parent, label] = folder
        return self._folders[parent, label]

    def notes(self, splits: bool) -> list[str]:
        """What classes and splits are called in the tree, where it is not their name."""
        changed = [
            f"{label!r} -> {folder.name}" for (_, label), folder in self._folders.items() if folder.name != label
        ]
        if not changed:
            return []
        changed = list(dict.fromkeys(changed))
        more = f" and {len(changed) - RENAMED:,} more" if len(changed) > RENAMED else ""
        return [
            f"{'splits and classes' if splits else 'classes'} whose folder has another name, for not every file system takes "
            f"theirs or tells them apart: {', '.join(changed[:RENAMED])}{more}"
        ]

    def file(self, folder: Path, name: str, data: bytes) -> str:
        path = PurePosixPath(name.replace("\\", "/").split("?")[0])
        if is_image(path.name):
            return self._unique(folder, safe_name(path.stem), path.suffix)
        # any other ending, ".html" or ".bat", would have the system open the file with something else
        odd = ".picture" if ENDING.fullmatch(path.suffix) else ""
        return self._unique(folder, safe_name(path.name or "picture"), _ending(data) or odd)

    def _unique(self, folder: Path, stem: str, ending: str) -> str:
        taken = self._taken.setdefault(folder, {})
        name = stem + ending
        key = _key(name)
        count = taken.get(key, 1)
        while _key(name) in taken:
            count += 1
            name = f"{stem}-{count}{ending}"
        taken[key] = count  # namesakes of one stem never ask for the same number twice
        taken.setdefault(_key(name), 1)
        return name


def _key(name: str) -> str:
    """Equal for names that one of the file systems takes for the same."""
    return unicodedata.normalize("NFC", name).casefold()


def _ending(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    return next((ending for magic, ending in MAGIC.items() if data.startswith(magic)), "")


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside ``target`` that takes its name when the block ends well; else nothing is left of it."""
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file; name a new folder")
    refuse_file_as_folder(target)
    with translate_errors(target):
        if target.is_dir() and any(target.iterdir()):
            raise UsageError(f"the folder {target} is not empty; name a new one, so that nothing of yours is mixed up")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=target.parent))
        try:
            temporary.chmod(0o755)
            yield temporary
            if target.is_dir():
                target.rmdir()
            temporary.rename(target)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
