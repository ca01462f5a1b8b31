"""What the user has -> rows: ids, cells, labels, splits, and where each image's bytes are.

In: a path, a frame or a dataset, and the user's words. Out: a `Source`. Does not know: models, projects.
"""

from __future__ import annotations

import difflib
import os
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.errors import SourceError, UsageError
from assay.sources import files
from assay.sources.archive import list_archive, open_archive
from assay.sources.beside import labels_beside, metadata_cells, table_beside, unnamed_images
from assay.sources.cells import Cells
from assay.sources.columns import given_labels, row_ids, split_column
from assay.sources.decompression import check_unpacked
from assay.sources.folder import Listing, are_parts, find_layout, image_source, list_folder
from assay.sources.frames import from_hf, from_memory, load_hf_folder
from assay.sources.image_paths import Base, find_places
from assay.sources.originals import Originals, find_originals
from assay.sources.parts import read_split_tables, split_tables
from assay.sources.reading import UnreadableError, read_bytes
from assay.sources.roles import NONE, Wanted, find_roles
from assay.sources.rows import Roles, Source, is_image
from assay.sources.shards import find_shards, read_shards
from assay.sources.text_folder import PATH, TEXT, read_texts, text_files

__all__ = ["Roles", "Source", "open_source"]

READS = "it reads folders and ZIPs of images or texts, CSV, TSV, JSON, JSONL, Parquet, Arrow and Excel files"
PACKED = (".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")


def open_source(
    data: Any,
    *,
    modality: str = "auto",
    label: str | None = None,
    text: str | None = None,
    image: str | None = None,
    id: str | None = None,
    split: str | None = None,
    features: Sequence[str] | None = None,
    class_level: int | None = None,
    sheet: str | None = None,
) -> Source:
    """Read what the user has. Nothing is written; images are listed, not opened.

    `SourceError` (exit code 2) says which file, row or column is at fault and what to do. Cost: a table is read whole,
    a folder is listed once.
    """
    wanted = Wanted(modality, label, text, image, id, split, features, class_level, sheet)
    wanted.check()
    if isinstance(data, str | os.PathLike):
        return _open_path(_checked(os.fspath(data)), wanted)
    return _from_cells(from_memory(data), wanted, "data", Base())


def _checked(given: str | bytes) -> Path:
    """A path that exists."""
    given = os.fsdecode(given)
    if not given.strip():
        raise SourceError("the path of the data is empty; name a file or folder")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", given):
        raise SourceError(f"{given} is an address; download it and give the file")
    path = Path(given)
    try:
        if not path.exists() and given.startswith("~"):
            path = path.expanduser()
        found = path.exists()
    except (OSError, RuntimeError) as error:
        raise SourceError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not found:
        near = difflib.get_close_matches(path.name, _siblings(path), 1, 0.6)
        hint = f"; did you mean {path.parent / near[0]}?" if near else ""
        raise SourceError(f"there is no file or folder {path}{hint}")
    return path


def _siblings(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def _open_path(path: Path, wanted: Wanted) -> Source:
    return replace(_read_path(path, wanted), origin=str(path.resolve()))


def _read_path(path: Path, wanted: Wanted) -> Source:
    if path.is_dir():
        return _open_folder(path, wanted)
    ending, kind = files.endings(path)
    if path.suffix.lower() == ".zip":
        return _open_zip(path, wanted)
    if kind is None:
        if is_image(path.name):
            raise SourceError(f"{path} is one image; give its folder, or a table that names images")
        if path.suffix.lower() in PACKED:
            raise SourceError(f"{path} is packed in a way Assay does not read; unpack it and give the folder or table")
        raise SourceError(f"{path} is of a kind Assay does not read; {READS}")
    name = path.name.removesuffix(ending) or "data"
    return _from_cells(files.read_cells(path, wanted.sheet), wanted, name, Base(path.parent))


def _open_folder(path: Path, wanted: Wanted) -> Source:
    name = path.resolve().name or "data"
    if (path / "project.json").exists() and (path / "stages").exists():
        raise SourceError(f"{path} is an Assay project, not data; to see it: assay summary {path}")
    if (path / "dataset_dict.json").exists() or all((path / n).exists() for n in ("dataset_info.json", "state.json")):
        return _from_cells(from_hf(load_hf_folder(path)), wanted, name, Base(path))
    found = list_folder(path)
    notes: list[str] = []
    cells = metadata_cells(
        found.metadata,
        lambda name: files.read_cells(path / name),
        notes,
        image=wanted.image,
        spoken=_has_spoken(wanted),
    )
    base = Base(path)
    tables = sorted(entry.name for entry in path.iterdir() if files.kind_of(entry) and entry.is_file())
    if cells is None and found.files and tables and not found.metadata and _loose(found):
        beside = table_beside(tables, lambda name: files.read_cells(path / name), found, notes)
        if beside is not None:
            cells, base = beside[0], replace(base, known=beside[1])
    if cells is not None:
        cells.notes += notes
        return _accounted(_from_cells(cells, wanted, name, base), found, cells.where)
    if not found.files:
        texts = text_files(found)
        if len(tables) == 1 and not (tables[0].endswith(".txt") and any("/" in text for text in texts)):
            return _open_path(path / tables[0], wanted)
        if shards := find_shards(path):
            return _from_cells(read_shards(shards), wanted, name, Base(path))
        if splits := split_tables(tables):
            parts = read_split_tables(splits, tables, lambda name: files.read_cells(path / name), str(path))
            return _from_cells(parts, wanted, name, base)
        if texts:
            return _from_texts(texts, lambda name: read_bytes(str(path / name)), found, wanted, name, str(path))
        if tables:
            shown = ", ".join(tables[:3])
            raise SourceError(f"{path} holds no images but {len(tables)} tables ({shown}); give one of them")
    return _from_images(found, wanted, name, str(path), [*notes, *labels_beside(found)])


def _loose(found: Listing) -> bool:
    """Are there no folders of classes, so that a table beside the images may say what they are?"""
    parts = [file[0].split("/") for file in found.files]
    layout = find_layout(parts)
    return layout.label < 0 or are_parts(parts, layout.label)


def _accounted(source: Source, found: Listing, table: str) -> Source:
    """Images that the table does not name are left out, and that is said."""
    note = unnamed_images(found, source.uris or [], Path(table).name if os.sep in table else table)
    if note and source.modality == "image":
        source.notes.append(note)
        return replace(source, left_out=(note,))
    return source


def _has_spoken(wanted: Wanted) -> bool:
    return bool(wanted.image or wanted.text or wanted.features or wanted.modality in ("text", "table"))


def _from_images(found: Listing, wanted: Wanted, name: str, where: str, notes: Sequence[str | None]) -> Source:
    if wanted.modality not in ("auto", "image"):
        raise UsageError(f"a folder of images cannot be read as {wanted.modality}")
    _refuse_columns(wanted, "images", image="path")
    source = image_source(
        found,
        name=name,
        where=where,
        use_splits=wanted.split != NONE,
        use_labels=wanted.label != NONE,
        class_level=wanted.class_level,
    )
    source.notes.extend(note for note in notes if note)
    return source


def _refuse_columns(wanted: Wanted, what: str, **content: str) -> None:
    """`UsageError` where the user names other columns than a folder of files has. content : role -> column of what is in them."""
    own = {"label": ("label", NONE), "id": (PATH,), "split": ("split", NONE)}
    own |= {role: (column,) for role, column in content.items()}
    asked = {role: getattr(wanted, role) for role in ("label", "image", "text", "id", "split")}
    if wanted.features or any(value and value not in own.get(role, ()) for role, value in asked.items()):
        raise UsageError(
            f"a folder of {what} has no columns to name: its class folders are the labels, its paths the ids"
        )


def _open_zip(path: Path, wanted: Wanted) -> Source:
    archive = open_archive(path)
    notes: list[str] = []
    if archive.repeated:
        notes.append(f"{archive.repeated:,} members of the ZIP have the name of another: the later one counts")
    if archive.encoding:
        notes.append(f"names in the ZIP are in {archive.encoding}")
    found = list_archive(archive)

    def read(name: str) -> Cells:
        member = found.top + name
        if member.lower().endswith(".parquet"):
            raise SourceError(f"{path}: {member} cannot be read inside a ZIP; unpack it and give the folder")
        try:
            with zipfile.ZipFile(path) as packed:
                sizes = [info.file_size for info in packed.infolist() if info.filename.endswith(member)]
                check_unpacked(path, max(sizes, default=0))
            data = read_bytes(archive.members[member][0])
        except UnreadableError as error:
            raise SourceError(f"{path}: {member} cannot be read: {error}") from error
        return files.read_text_table(data, f"{path}!{member}", files.TEXT_ENDINGS[Path(member).suffix.lower()])

    cells = metadata_cells(found.metadata, read, notes, image=wanted.image, spoken=_has_spoken(wanted))
    if cells is not None:
        cells.notes += notes
        source = _from_cells(cells, wanted, path.stem or "data", Base(archive=archive, top=found.top))
        return _accounted(source, found, cells.where)
    tables = [name for name in archive.members if Path(name).suffix.lower() in files.TEXT_ENDINGS]
    if found.files and not found.metadata and _loose(found):
        inside = [name.removeprefix(found.top) for name in tables if name.startswith(found.top)]
        beside = table_beside([name for name in inside if "/" not in name], read, found, notes)
        if beside is not None:
            cells, known = beside
            cells.notes += notes
            base = Base(archive=archive, top=found.top, known=known)
            return _accounted(_from_cells(cells, wanted, path.stem or "data", base), found, cells.where)
    if not found.files and len(tables) == 1:
        kind = files.TEXT_ENDINGS[Path(tables[0]).suffix.lower()]
        cells = files.read_text_table(read_bytes(archive.members[tables[0]][0]), f"{path}!{tables[0]}", kind)
        return _from_cells(cells, wanted, Path(tables[0]).stem, Base(archive=archive))
    if not found.files:
        if splits := split_tables(tables):
            whole = read_split_tables(splits, tables, lambda name: read(name.removeprefix(found.top)), str(path))
            return _from_cells(whole, wanted, path.stem or "data", Base(archive=archive))
        if texts := text_files(found):
            member = archive.members
            return _from_texts(
                texts, lambda name: read_bytes(member[found.top + name][0]), found, wanted, path.stem, str(path)
            )
    return _from_images(found, wanted, path.stem or "data", str(path), [*notes, *labels_beside(found)])


def _from_texts(
    paths: Sequence[str], read: Callable[[str], bytes], found: Listing, wanted: Wanted, name: str, where: str
) -> Source:
    """Rows of texts in files of their own: the path is the id."""
    if wanted.modality not in ("auto", "text"):
        raise UsageError(f"{where} holds text files, one text each: they are analysed as texts")
    _refuse_columns(wanted, "texts", text=TEXT)
    cells = read_texts(
        paths,
        read,
        where,
        use_splits=wanted.split != NONE,
        use_labels=wanted.label != NONE,
        class_level=wanted.class_level,
    )
    left = sum(found.others.values()) - len(paths)
    if left:
        cells.notes.append(f"left alone: {left:,} {'file' if left == 1 else 'files'} besides the texts")
    label = "label" if "label" in cells.table.column_names else NONE
    return _from_cells(
        cells,
        replace(wanted, modality="text", text=TEXT, id=PATH, label=label, class_level=None),
        name or "data",
        Base(),
    )


def _from_cells(cells: Cells, wanted: Wanted, name: str, base: Base) -> Source:
    """Rows of a table."""
    table = cells.table
    if not table.num_rows or not table.num_columns:
        raise SourceError(f"{cells.where} has no rows")
    modality, roles, notes = find_roles(cells, wanted)
    notes = [*cells.notes, *notes]
    given = given_labels(cells, roles.label, notes)
    reasons = dict(cells.reasons)
    uris = stamps = pictures = None
    if roles.image is not None:
        pictures = cells.blobs.get(roles.image)
        if pictures is not None:
            uris, stamps, missing = _beside_blobs(cells, roles.image, pictures, base)
            reasons = missing | reasons
        else:
            if roles.image in cells.nested:
                raise UsageError(f"the image column {roles.image!r} holds lists or objects; name another with --image")
            paths = find_places(table[roles.image].cast(pa.string()).to_pylist(), base)
            uris, stamps, reasons = paths.uris, paths.stamps, paths.reasons | reasons
            notes += [paths.note] if paths.note else []
    if len(reasons) == table.num_rows:
        raise SourceError(f"none of the {table.num_rows:,} rows of {cells.where} can be read; the first: {reasons[0]}")
    return Source(
        modality=modality,
        ids=row_ids(cells, roles.id),
        cells=table,
        given=given,
        split=split_column(cells, roles.split),
        uris=uris,
        stamps=stamps,
        blobs=pictures,
        reasons=reasons,
        roles=roles,
        notes=notes,
        name=name,
        originals=_originals(cells, roles.image, pictures),
    )


def _beside_blobs(
    cells: Cells, column: str, blobs: Sequence[bytes | None], base: Base
) -> tuple[list[str], list[str], dict[int, str]]:
    """(uris, stamps, reasons) of pictures held in memory: of those without bytes, where their path leads."""
    uris, stamps, reasons = [""] * len(blobs), [""] * len(blobs), {}
    noted = cells.blob_paths.get(column) or [None] * len(blobs)
    shown = cells.table[column].to_pylist() if pa.types.is_string(cells.table[column].type) else [None] * len(blobs)
    paths = [one if one is not None else other for one, other in zip(noted, shown, strict=True)]
    rows = [row for row, blob in enumerate(blobs) if blob is None]
    reasons = {row: "the image is missing" for row in rows if not paths[row]}
    named = [row for row in rows if paths[row]]
    found = find_places([paths[row] for row in named], base)
    for at, row in enumerate(named):
        uris[row], stamps[row] = found.uris[at], found.stamps[at]
        if at in found.reasons:
            reasons[row] = found.reasons[at]
    return uris, stamps, reasons


def _originals(cells: Cells, image: str | None, pictures: Sequence[bytes | None] | None) -> Originals | None:
    merged = cells.split if cells.merged else None
    found = find_originals(
        cells.table, cells.given, cells.metadata, image=image, blobs=pictures, merged=merged, header=cells.header
    )
    found = replace(found, raw=cells.raw, raw_form=cells.raw_form)
    return None if found.says_nothing else found
