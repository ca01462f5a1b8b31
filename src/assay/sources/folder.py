"""A folder or ZIP of images -> rows named by their path.

In: a directory tree, or the member list of an archive. Out: a `Source`. Does not know: tables, what is in the pictures.
"""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pyarrow as pa

from assay.errors import SourceError
from assay.sources.reading import ZIP
from assay.sources.rows import IMAGE_ENDINGS, Roles, Source

SPLITS = frozenset({"train", "val", "valid", "validation", "test"})
IGNORED_FOLDERS = frozenset({"__MACOSX", "__pycache__", ".git"})
IGNORED_FILES = frozenset({"thumbs.db", "desktop.ini"})
File = tuple[str, str, str]  # path below the source, uri, stamp


def is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in IMAGE_ENDINGS


def walk(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """(path below root with forward slashes, entry) of all visible files; folders reached twice by links only once."""
    seen = {os.path.realpath(root)}
    stack = [("", root)]
    while stack:
        prefix, folder = stack.pop()
        try:
            entries = list(os.scandir(folder))
        except PermissionError as error:
            raise SourceError(f"no permission to list the folder {folder}") from error
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                real = os.path.realpath(entry.path)
                if entry.name not in IGNORED_FOLDERS and real not in seen:
                    seen.add(real)
                    stack.append((f"{prefix}{entry.name}/", Path(entry.path)))
            elif entry.name.lower() not in IGNORED_FILES:
                yield f"{prefix}{entry.name}", entry


def folder_files(root: Path) -> tuple[list[File], Counter[str]]:
    """Image files below a folder, by the UTF-8 bytes of their path; and the endings of what else lies there."""
    files: list[File] = []
    others: Counter[str] = Counter()
    for path, entry in walk(root):
        if not is_image(path):
            others[PurePosixPath(path).suffix.lower() or "no ending"] += 1
            continue
        try:
            status = entry.stat()
            stamp = f"{status.st_size}:{status.st_mtime_ns}"
        except OSError:  # a broken link: the row stays and says so when it is read
            stamp = ""
        files.append((path, os.path.join(root, *path.split("/")), stamp))
    return sorted(files, key=lambda file: os.fsencode(file[0])), others


def archive_files(path: Path) -> tuple[list[File], Counter[str]]:
    """The same of a ZIP, read in place; a single top folder that holds everything is stripped."""
    members = [info for info in open_zip(path).infolist() if not info.is_dir() and _visible(info.filename)]
    top = strip_top([info.filename for info in members])
    files: list[File] = []
    others: Counter[str] = Counter()
    for info in members:
        name = info.filename.removeprefix(top)
        if is_image(name):
            files.append((name, f"{ZIP}{path.resolve()}!{info.filename}", f"{info.CRC:08x}:{info.file_size}"))
        else:
            others[PurePosixPath(name).suffix.lower() or "no ending"] += 1
    return sorted(files, key=lambda file: file[0].encode(errors="surrogateescape")), others


def open_zip(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise SourceError(f"{path} is not a readable ZIP ({error}); make it again, or unpack it and give the folder") from error
    if any(info.flag_bits & 1 for info in archive.infolist()):
        raise SourceError(f"{path} is encrypted; unpack it and give the folder")
    return archive


def _visible(name: str) -> bool:
    parts = name.split("/")
    return not any(part.startswith(".") or part in IGNORED_FOLDERS for part in parts) and parts[-1].lower() not in IGNORED_FILES


def strip_top(names: list[str]) -> str:
    """The single top folder of an archive with its slash; "" if there is none, or if it is a class among siblings."""
    tops = {name.partition("/")[0] for name in names if "/" in name}
    if len(tops) == 1 and all("/" in name for name in names):
        top = tops.pop()
        below = [name.partition("/")[2] for name in names]
        if top.lower() not in SPLITS and any("/" in name for name in below):
            return f"{top}/"
        if "metadata.csv" in below:
            return f"{top}/"
    return ""


def image_files(files: list[File], others: Counter[str], *, name: str, where: str, use_splits: bool) -> Source:
    """Class folders; splits with class folders inside, where every top folder is a split; or flat."""
    if not files:
        found = ", ".join(f"{count} {ending}" for ending, count in others.most_common(4)) or "nothing"
        raise SourceError(f"{where} holds no images (it holds {found}); Assay reads {', '.join(sorted(IMAGE_ENDINGS))}")
    parts = [file[0].split("/") for file in files]
    notes = []
    tops = {part[0] for part in parts if len(part) > 1}
    loose = sum(len(part) == 1 for part in parts)
    split_layout = use_splits and not loose and {top.lower() for top in tops} <= SPLITS and all(len(part) > 2 for part in parts)
    depth = 1 if split_layout else 0
    labels = [part[depth] if len(part) > depth + 1 else None for part in parts]
    splits = [part[0] for part in parts] if split_layout else None
    cells: dict[str, pa.Array] = {"path": pa.array([file[0] for file in files], pa.string())}
    given = None
    if any(label is not None for label in labels):
        given = cells["label"] = pa.array(labels, pa.string())
        layout = f"splits {', '.join(sorted(tops))} with class folders" if split_layout else "class folders"
        notes.append(f"modality: image ({layout}: {len(set(labels) - {None}):,} classes, {len(files):,} images)")
        if loose:
            notes.append(f"{loose:,} images lie outside any class folder: they count as unlabelled")
    else:
        notes.append(f"modality: image (a flat folder: {len(files):,} unlabelled images)")
    if splits is not None:
        cells["split"] = pa.array(splits, pa.string())
    if others:
        notes.append(f"left alone: {sum(others.values()):,} files that are no images ({', '.join(e for e, _ in others.most_common(4))})")
    roles = Roles(label="label" if given is not None else None, image="path", id="path", split="split" if splits else None)
    return Source(
        "image", cells["path"], pa.table(cells), given, cells.get("split"), [file[1] for file in files],
        [file[2] for file in files], None, {}, roles, notes, name,
    )
