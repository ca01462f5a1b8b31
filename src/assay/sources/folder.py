"""A folder or ZIP of images -> rows named by their path.

In: a directory tree, or the listing of an archive. Out: a `Listing`, and from it a `Source`.
Does not know: tables, what is in the pictures.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pyarrow as pa

from assay.errors import SourceError, UsageError
from assay.sources.reading import local_uri
from assay.sources.rows import IMAGE_ENDINGS, Roles, Source, is_image
from assay.sources.sandbox import current
from assay.sources.words import are_split_names, is_split_name, parts_of

METADATA = frozenset({"metadata.csv", "metadata.jsonl", "metadata.parquet", "_classes.csv"})
KEPT_ENDINGS = frozenset({".txt", ".text", ".xml", ".json", "without ending"})
TABLE_ENDINGS = frozenset({".csv", ".tsv", ".jsonl", ".json", ".parquet", ".arrow", ".xlsx", ".xls"})
MOST_SPLITS = 20
LEAST_IN_SPLITS = 0.8  # share of the images that lie in folders of splits
LEAST_SHARED = 0.75  # of all folders below, in each of the level above, where these are "the same in each"
SAYS_NOTHING = frozenset({"images", "image", "img", "imgs", "pictures", "photos", "data", "all", "raw", "files"})
FILES_A_WORD = 4  # on the mean, where names of files may begin with their class
IGNORED = frozenset({"__macosx", "__pycache__", "thumbs.db", "desktop.ini"})
File = tuple[str, str, str]  # path below the source, uri, stamp


@dataclass
class Listing:
    """``files``: images by the UTF-8 bytes of their path. ``others``: endings of the rest. ``hidden``: how many.
    ``metadata``: the paths of tables of that name. ``texts``: of files that hold texts, or that labelling tools may have written."""

    files: list[File] = field(default_factory=list)
    metadata: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    hidden: int = 0
    top: str = ""  # of an archive: the folder, with its slash, that holds everything

    def pass_over(self, path: str) -> None:
        """Count a file that is no image."""
        name = path.rpartition("/")[2]
        self.others[ending(name)] += 1
        if name.lower() in METADATA:
            self.metadata.append(path)
        elif ending(name) in KEPT_ENDINGS:
            self.texts.append(path)

    def left_alone(self) -> str | None:
        """One line on what was passed over."""
        parts = [f"{_no_image(sum(self.others.values()))} ({_endings(self.others)})"] if self.others else []
        parts += [f"{self.hidden:,} hidden or system {'file' if self.hidden == 1 else 'files'}"] if self.hidden else []
        return f"left alone: {' and '.join(parts)}" if parts else None


def _no_image(count: int) -> str:
    return "1 file that is no image" if count == 1 else f"{count:,} files that are no images"


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
        folder = f"{base}/{prefix}"
        try:
            with os.scandir(folder) as entries:
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
                        found.pass_over(path)
        except OSError as error:
            raise SourceError(f"the folder {folder.rstrip('/')} cannot be listed: {error.strerror or error}") from error
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
    return printable_path(path), local_uri(uri), stamp


def printable_path(path: str) -> str:
    """A path with those of its bytes escaped that are no UTF-8."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")


def are_parts(parts: Sequence[Sequence[str]], level: int) -> bool:
    """Do the folders of a level differ in a number only, as those of a set that was packed in parts do?"""
    names = {part[level] for part in parts if len(part) > level + 1}
    plain = {re.sub(r"\d+", "", name) for name in names}
    return len(plain) == 1 and any(letter.isalpha() for letter in plain.pop())


@dataclass(frozen=True)
class Layout:
    """Which level of the folders is what, counted from 0; -1 = none."""

    label: int
    split: int
    notes: tuple[str, ...]


def find_layout(parts: Sequence[Sequence[str]], level: int | None = None) -> Layout:
    """Splits and classes among the folders of images, by the folders' names and where they lie.

    parts : of each image the folders it lies in and its name. level : the class level the user asks for, from 1.

    Levels that hold a single folder say nothing and are passed over. The level where every folder is named like a split
    is the split, above or below the classes; the first other level of several folders is the class, or the one below it where
    its folders differ in a number only and hold the same ones: cam1/cat, cam2/cat.
    """
    deepest = max((len(part) for part in parts), default=1) - 1
    names = [{part[at] for part in parts if len(part) > at + 1} for at in range(deepest)]
    several = [at for at in range(deepest) if len(names[at]) > 1]
    split = next((at for at in range(deepest) if _are_splits(parts, names[at], at)), -1)
    if level is not None:
        return Layout(min(level - 1, deepest - 1), split if split != level - 1 else -1, ())
    classes = [at for at in several if at != split and not (at > split >= 0 and _one_each(parts, split, at))]
    label = classes[0] if classes else -1
    below = classes[1] if len(classes) > 1 and _same_in_each(parts, label, classes[1]) else -1
    if below >= 0 and are_parts(parts, label):
        note = (
            f"classes: folder level {below + 1} ({_some(names[below])}), which are the same in each folder of level {label + 1} "
            f"({_some(names[label])}); if those are the classes: --class-level {label + 1}"
        )
        return Layout(below, split, (note,))
    return Layout(label, split, tuple(_layout_notes(parts, names, label, split, below)))


def _same_in_each(parts: Sequence[Sequence[str]], above: int, below: int) -> bool:
    """Do the folders of a level hold the same folders, several, and nearly all images in these?"""
    inside: dict[str, set[str]] = {}
    deep = [part for part in parts if len(part) > below + 1]
    for part in deep:
        inside.setdefault(part[above], set()).add(part[below])
    every = set().union(*inside.values())
    shared = sum(len(found) for found in inside.values()) / (len(inside) * len(every)) if every else 0.0
    few = min((len(found) for found in inside.values()), default=0) < 2
    return len(inside) > 1 and not few and shared >= LEAST_SHARED and len(deep) >= LEAST_IN_SPLITS * len(parts)


def _are_splits(parts: Sequence[Sequence[str]], names: set[str], at: int) -> bool:
    """Are all folders of a level splits, with nearly all images in them? A single one must hold all of them."""
    if len(names) > MOST_SPLITS or not (are_split_names(names) or _begin_like_splits(parts, names, at)):
        return False
    inside = sum(len(part) > at + 1 for part in parts)
    return inside >= (LEAST_IN_SPLITS if len(names) > 1 else 1) * len(parts)


def _begin_like_splits(parts: Sequence[Sequence[str]], names: set[str], at: int) -> bool:
    """Are folders like TRAIN, TEST and TEST_SIMPLE, which hold the same folders, splits?"""
    begin = all(is_split_name(words[0]) for name in names if (words := parts_of(name)))
    return begin and any(map(is_split_name, names)) and _same_in_each(parts, at, at + 1)


def _one_each(parts: Sequence[Sequence[str]], split: int, at: int) -> bool:
    """Does every split hold one folder only at this level, as in seg_train/seg_train/forest?"""
    inside: dict[str, set[str]] = {}
    for part in parts:
        if len(part) > at + 1:
            inside.setdefault(part[split], set()).add(part[at])
    deeper = any(len(part) > at + 2 for part in parts)
    alike = all(is_split_name(name) or name.lower() in SAYS_NOTHING for found in inside.values() for name in found)
    return all(len(found) == 1 for found in inside.values()) and (deeper or alike)


def _layout_notes(
    parts: Sequence[Sequence[str]], names: Sequence[set[str]], label: int, split: int, below: int
) -> Iterator[str]:
    """``below``: a level of folders that are the same in each of the classes; -1 = none."""
    if below >= 0:
        yield (
            f"classes: folder level {label + 1} ({_some(names[label])}); each holds the same folders ({_some(names[below])}), which "
            f"count with it; if these are the classes: --class-level {below + 1}"
        )
    elif label >= 0:
        deeper = {part[at] for part in parts for at in range(label + 1, len(part) - 1) if at != split}
        above = [next(iter(names[at])) for at in range(label) if at != split and len(names[at]) == 1]
        if deeper or above:
            yield (
                f"classes: folder level {label + 1} ({_some(names[label])}); "
                + (f"deeper folders ({_some(deeper)}) count with them; " if deeper else "")
                + "for another level: --class-level N"
            )
    elif len(names) and any(len(found) == 1 for found in names) and split < 0:
        only = "/".join(next(iter(found)) for found in names if len(found) == 1)
        yield f"one folder ({only}) is not a class: the images are unlabelled (--class-level 1 if it is one)"
    if split >= 0 and label < 0 and len(names[split]) > 1:
        yield (
            f"folders {_some(names[split])} are read as splits of unlabelled images; if they are classes: "
            f"--class-level {split + 1}"
        )
    elif split < 0 and label >= 0:
        named = sorted(name for name in names[label] if is_split_name(name))
        if len(named) > 1 or (named and len(names[label]) == 2):
            others = sorted(names[label] - set(named))
            yield f"folders {_some(set(named))} are read as classes, not as splits: {_some(set(others))} is none"


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")


def asked_layout(parts: Sequence[Sequence[str]], level: int | None, where: str) -> Layout:
    """`find_layout`; `UsageError` where there is no such ``level``."""
    deepest = max(map(len, parts)) - 1
    if level is not None and not 1 <= level <= deepest:
        levels = f"levels 1 to {deepest}" if deepest else "no folders in it"
        raise UsageError(f"--class-level {level}: {where} has {levels}")
    return find_layout(parts, level)


def folders_at(parts: Sequence[Sequence[str]], level: int) -> list[str | None]:
    """Of each file the folder of a level; None where it lies above, and everywhere for level -1."""
    return [part[level] if 0 <= level < len(part) - 1 else None for part in parts]


def image_source(
    found: Listing, *, name: str, where: str, use_splits: bool, use_labels: bool, class_level: int | None = None
) -> Source:
    """Class folders, splits above or below them, or flat."""
    if not found.files:
        raise SourceError(_no_images(found, where))
    parts = [file[0].split("/") for file in found.files]
    layout = asked_layout(parts, class_level, where)
    labels = folders_at(parts, layout.label if use_labels else -1)
    cells: dict[str, pa.Array] = {"path": pa.array([file[0] for file in found.files], pa.string())}
    classes = {label for label in labels if label is not None}
    if classes:
        cells["label"] = pa.array(labels, pa.string())
    at = layout.split
    splits = tuple(sorted({part[at] for part in parts if len(part) > at + 1})) if at >= 0 else ()
    if splits and use_splits:
        cells["split"] = pa.array(folders_at(parts, at), pa.string())
    notes = [
        _reading(parts, splits, classes, layout.label),
        *(layout.notes if use_labels else ()),
        loose(labels, "images"),
    ]
    if use_labels and not classes:
        notes.append(_begun(parts))
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
    if any(kind in TABLE_ENDINGS for kind in found.others):
        hint = "give one of the tables (of a ZIP, unpack it first)"
    else:
        hint = f"Assay reads {', '.join(sorted(IMAGE_ENDINGS))}"
    return f"{where} holds no images but {_endings(found.others)}; {hint}"


def _reading(parts: Sequence[Sequence[str]], splits: tuple[str, ...], classes: set[str], depth: int) -> str:
    n_images = len(parts)
    if not classes:
        flat = "a flat folder" if max(map(len, parts)) == 1 else "folders"
        where = f"splits {', '.join(splits)}" if splits else flat
        return f"modality: image ({where}: {n_images:,} unlabelled images)"
    layout = f"splits {', '.join(splits)} with class folders" if splits else "class folders"
    return f"modality: image ({layout}: {len(classes):,} classes, {n_images:,} images)"


def _begun(parts: Sequence[Sequence[str]]) -> str | None:
    """What to say of files whose names begin with a few words, as in cat.12.jpg and dog.7.jpg."""
    words = Counter(re.sub(r"[\W_]*\d*$", "", PurePosixPath(part[-1]).stem) for part in parts)
    if len(words) < 2 or "" in words or len(words) * FILES_A_WORD > len(parts) or min(words.values()) < 2:
        return None
    return (
        f"names of files begin with {_some(set(words))}: if these are the classes, put each into a folder of its own, or name "
        "them in a table metadata.csv with the columns file_name and label"
    )


def loose(labels: Sequence[str | None], what: str) -> str | None:
    """What to say of files outside the class folders, where there are such."""
    count = sum(label is None for label in labels)
    outside = count if count < len(labels) else 0
    return f"{outside:,} {what} lie outside any class folder: they count as unlabelled" if outside else None
