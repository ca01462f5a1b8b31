"""A folder or ZIP of images -> rows named by their path.

In: a directory tree, or the listing of an archive. Out: a `Listing`, and from it a `Source`.
Does not know: tables, what is in the pictures.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pyarrow as pa

from assay.errors import SourceError
from assay.sources.reading import local_uri
from assay.sources.rows import IMAGE_ENDINGS, Roles, Source, is_image
from assay.sources.sandbox import current

SPLITS = frozenset({"train", "val", "valid", "validation", "test"})
IGNORED = frozenset({"__macosx", "__pycache__", "thumbs.db", "desktop.ini"})
File = tuple[str, str, str]  # path below the source, uri, stamp


@dataclass
class Listing:
    """``files``: images by the UTF-8 bytes of their path. ``others``: endings of the rest. ``hidden``: how many."""

    files: list[File] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    hidden: int = 0

    def left_alone(self) -> str | None:
        """One line on what was passed over."""
        parts = (
            [f"{sum(self.others.values()):,} files that are no images ({_endings(self.others)})"] if self.others else []
        )
        parts += [f"{self.hidden:,} hidden or system files"] if self.hidden else []
        return f"left alone: {' and '.join(parts)}" if parts else None


def _endings(others: Counter[str]) -> str:
    return ", ".join(f"{count:,} {ending}" for ending, count in others.most_common(4))


def ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower() or "without ending"


def is_hidden(name: str) -> bool:
    """A dot file, or what operating systems and Python leave in folders."""
    return name.startswith(".") or name.lower() in IGNORED


def list_folder(root: Path) -> Listing:
    """All images below a folder. A link is followed unless it leads back to a folder it lies in.

    Cost: one scan of the tree and one stat an image; 1.3 million files take about 10 s and 500 MB.
    """
    found = Listing()
    base = str(root.absolute())
    scope = current()
    bounded = scope.files is not None
    scope.check(root)
    stack: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset({_identity(root)}))]
    while stack:
        prefix, parents = stack.pop()
        place = f"{base}/{prefix}"
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    path = prefix + entry.name
                    if is_hidden(entry.name):
                        found.hidden += 1
                    elif bounded and entry.is_symlink() and not scope.holds(entry.path):
                        found.others["links that lead out of the data"] += 1
                    elif _is_folder(entry):
                        identity = _identity(Path(entry.path))
                        if identity not in parents and not _is_project(entry):
                            stack.append((f"{path}/", parents | {identity}))
                    elif is_image(entry.name):
                        found.files.append((path, f"{base}/{path}", _stamp(entry)))
                    else:
                        found.others[ending(entry.name)] += 1
        except OSError as error:
            raise SourceError(f"the folder {place.rstrip('/')} cannot be listed: {error.strerror or error}") from error
    found.files.sort(key=lambda file: os.fsencode(file[0]))
    found.files = [file if file[0].isascii() else _printable(file) for file in found.files]
    return found


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_project(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".assay") and (Path(entry.path) / "project.json").exists()


def _stamp(entry: os.DirEntry[str]) -> str:
    try:
        status = entry.stat()
    except OSError:  # a broken link: the row stays and says so when it is read
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"


def _printable(file: File) -> File:
    """A name that is no UTF-8 is shown with its odd bytes escaped; the uri keeps them."""
    path, uri, stamp = file
    return os.fsencode(path).decode("utf-8", "backslashreplace"), local_uri(uri), stamp


def image_source(found: Listing, *, name: str, where: str, use_splits: bool, use_labels: bool) -> Source:
    """Class folders; splits with class folders inside, where every top folder is a split; or flat."""
    if not found.files:
        raise SourceError(_no_images(found, where))
    parts = [file[0].split("/") for file in found.files]
    splits, unmade = _splits(parts)
    depth = 1 if splits else 0
    labels: list[str | None]
    labels = [part[depth] if len(part) > depth + 1 else None for part in parts] if use_labels else [None] * len(parts)
    cells: dict[str, pa.Array] = {"path": pa.array([file[0] for file in found.files], pa.string())}
    classes = {label for label in labels if label is not None}
    if classes:
        cells["label"] = pa.array(labels, pa.string())
    if splits and use_splits:
        cells["split"] = pa.array([part[0] if len(part) > 1 else None for part in parts], pa.string())
    notes = [
        _reading(len(parts), splits, classes),
        unmade,
        _loose(labels, classes),
        _one_class(parts, classes, depth, where),
    ]
    if splits and not use_splits:
        notes.append("splits: not used (--split none)")
    roles = Roles(
        label="label" if classes else None, image="path", id="path", split="split" if "split" in cells else None
    )
    return Source(
        modality="image",
        ids=cells["path"],
        cells=pa.table(cells),
        given=cells.get("label"),
        split=cells.get("split"),
        uris=[file[1] for file in found.files],
        stamps=[file[2] for file in found.files],
        blobs=None,
        reasons={},
        roles=roles,
        notes=[note for note in (*notes, found.left_alone()) if note],
        name=name,
    )


def _no_images(found: Listing, where: str) -> str:
    if not found.others:
        also = f" ({found.hidden:,} hidden or system files aside)" if found.hidden else ""
        return f"{where} is empty{also}; give a folder with images, or a table file"
    return f"{where} holds no images but {_endings(found.others)}; Assay reads {', '.join(sorted(IMAGE_ENDINGS))}"


def _splits(parts: Iterable[list[str]]) -> tuple[tuple[str, ...], str | None]:
    """The top folders where every one is a split and holds folders; else (), and a word if it was a near thing."""
    holds_folders: dict[str, bool] = {}
    for part in parts:
        if len(part) > 1:
            holds_folders[part[0]] = holds_folders.get(part[0], False) or len(part) > 2
    named = [top for top in holds_folders if top.lower() in SPLITS]
    if named and len(named) == len(holds_folders) and all(holds_folders.values()):
        return tuple(sorted(holds_folders)), None
    if not named or len(named) < min(2, len(holds_folders)):
        return (), None
    others = sorted(set(holds_folders) - set(named))
    flat = sorted(top for top in named if not holds_folders[top])
    why = f"{', '.join(others[:3])} is none" if others else f"{', '.join(flat)} holds no class folders"
    return (), f"top folders {', '.join(sorted(named))} were read as classes, not as splits: {why}"


def _reading(n_images: int, splits: tuple[str, ...], classes: set[str]) -> str:
    if not classes:
        where = f"splits {', '.join(splits)}" if splits else "a flat folder"
        return f"modality: image ({where}: {n_images:,} unlabelled images)"
    layout = f"splits {', '.join(splits)} (the top folders) with class folders" if splits else "class folders"
    return f"modality: image ({layout}: {len(classes):,} classes, {n_images:,} images)"


def _loose(labels: list[str | None], classes: set[str]) -> str | None:
    loose = labels.count(None) if classes else 0
    return f"{loose:,} images lie outside any class folder: they count as unlabelled" if loose else None


def _one_class(parts: list[list[str]], classes: set[str], depth: int, where: str) -> str | None:
    inner = {part[depth + 1] for part in parts if len(part) > depth + 2}
    if len(classes) == 1 and len(inner) > 1:
        only = next(iter(classes))
        return f"there is one class folder only, {only!r}; if the folders in it are the classes, give {where}/{only}"
    return None
