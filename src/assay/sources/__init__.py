"""What the user has -> rows: ids, cells, labels, splits, and where each image's bytes are.

In: a path, a frame or a dataset, and the user's words. Out: a `Source`. Does not know: models, projects.
"""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from assay.errors import SourceError, UsageError
from assay.sources import files as table_files
from assay.sources.archive import METADATA, Archive, list_archive, metadata_member, open_archive
from assay.sources.files import Cells
from assay.sources.folder import Listing, image_source, list_folder
from assay.sources.frames import Blobs, from_hf, from_pandas, from_polars, load_hf_folder, tidy_table
from assay.sources.reading import UnreadableError, is_url, local_uri, path_of_file_url, read_bytes
from assay.sources.roles import Wanted, find_roles, given_labels, row_ids, split_column
from assay.sources.rows import Roles, Source, is_image

__all__ = ["Roles", "Source", "open_source"]


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
) -> Source:
    """Read what the user has. Nothing is written; images are listed, not opened.

    `SourceError` (exit code 2) says which file, row or column is at fault and what to do. Cost: a table is read whole,
    a folder is listed once.
    """
    wanted = Wanted(modality, label, text, image, id, split, features)
    if isinstance(data, str | os.PathLike):
        return _open_path(Path(data), wanted)
    module = type(data).__module__.partition(".")[0]
    if module == "pandas" and hasattr(data, "columns"):
        cells, blobs = from_pandas(data)
    elif module == "polars" and hasattr(data, "to_arrow") and hasattr(data, "height"):
        cells, blobs = from_polars(data)
    elif module == "datasets":
        cells, blobs = from_hf(data)
    elif isinstance(data, pa.Table):
        cells, blobs = Cells(data), {}
    else:
        raise UsageError(
            f"cannot read a {type(data).__name__}; give a path, a pandas or polars DataFrame, or a Hugging Face Dataset "
            "(vectors go into embeddings=, beside the rows they belong to)"
        )
    return _from_cells(cells, blobs, wanted, "data", None)


def _open_path(path: Path, wanted: Wanted) -> Source:
    if not path.exists():
        near = difflib.get_close_matches(path.name, _siblings(path), 1, 0.6)
        hint = f"; did you mean {path.parent / near[0]}?" if near else ""
        raise SourceError(f"there is no file or folder {path}{hint}")
    if path.is_dir():
        return _open_folder(path, wanted)
    if path.suffix.lower() == ".zip":
        return _open_zip(path, wanted)
    if table_files.kind_of(path) is None:
        kind = "one image: give its folder" if is_image(path.name) else "of a kind Assay does not read"
        raise SourceError(
            f"{path} is {kind}; it reads folders and ZIPs of images, CSV, TSV, JSON, JSONL, Parquet, Arrow and Excel files"
        )
    return _from_cells(table_files.read_cells(path), {}, wanted, _stem(path), path.parent)


def _siblings(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def _stem(path: Path) -> str:
    name = path.name
    for ending in reversed(path.suffixes):
        name = name.removesuffix(ending)
    return name or "data"


def _open_folder(path: Path, wanted: Wanted) -> Source:
    name = path.resolve().name or "data"
    if (path / "project.json").exists() and (path / "stages").exists():
        raise SourceError(f"{path} is an Assay project, not data; to see it: assay summary {path}")
    if (path / "dataset_info.json").exists() or (path / "dataset_dict.json").exists():
        cells, blobs = from_hf(load_hf_folder(path))
        return _from_cells(cells, blobs, wanted, name, None)
    if (path / "metadata.csv").is_file():
        return _from_cells(table_files.read_cells(path / "metadata.csv"), {}, wanted, name, path)
    found = list_folder(path)
    if not found.files:
        tables = sorted(entry.name for entry in path.iterdir() if table_files.kind_of(entry))
        if len(tables) == 1:
            return _open_path(path / tables[0], wanted)
        if tables:
            shown = ", ".join(tables[:3])
            raise SourceError(f"{path} holds no images but {len(tables)} tables ({shown}); give one of them")
    return _from_images(found, wanted, name, str(path))


def _from_images(found: Listing, wanted: Wanted, name: str, where: str) -> Source:
    _no_columns(wanted)
    return image_source(found, name=name, where=where, use_splits=wanted.split != "none", use_labels=True)


def _no_columns(wanted: Wanted) -> None:
    if wanted.modality not in ("auto", "image"):
        raise UsageError(f"a folder of images cannot be read as {wanted.modality}")
    if wanted.text or wanted.features or (wanted.label not in (None, "label")) or (wanted.image not in (None, "path")):
        raise UsageError(
            "a folder of images has no columns to name: its class folders are the labels, its paths the ids"
        )


def _open_zip(path: Path, wanted: Wanted) -> Source:
    archive = open_archive(path)
    listed = metadata_member(archive)
    if listed is not None:
        data = read_bytes(archive.members[listed][0]).removeprefix(b"\xef\xbb\xbf")
        top = listed[: len(listed) - len(METADATA)]
        return _from_cells(table_files.read_csv(data, f"{path}!{listed}"), {}, wanted, _stem(path), archive, top)
    return _from_images(list_archive(archive), wanted, _stem(path), str(path))


def _from_cells(
    cells: Cells, blobs: Blobs, wanted: Wanted, name: str, base: Path | Archive | None, top: str = ""
) -> Source:
    """Rows of a table. ``base``: where relative image paths begin (a folder, or an archive with ``top`` inside)."""
    table = tidy_table(cells.table)
    if not table.num_rows:
        raise SourceError("the data has no rows")
    twice = [column for column, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise SourceError(f"two columns are named {twice[0]!r}; rename one")
    modality, roles, notes = find_roles(table, wanted, blobs)
    notes = [*cells.notes, *notes]
    reasons = dict(cells.reasons)
    given = given_labels(table, roles.label, notes)
    uris = stamps = None
    pictures = None
    if modality == "image" and roles.image is not None:
        if roles.image in blobs:
            pictures = blobs[roles.image]
            reasons |= {row: "the image is missing" for row, blob in enumerate(pictures) if blob is None}
            uris, stamps = [""] * len(pictures), [""] * len(pictures)
        else:
            uris, stamps, missing = _uris(table[roles.image].cast(pa.string()).to_pylist(), base, top)
            reasons = missing | reasons
    return Source(
        modality,
        row_ids(table, roles.id),
        table,
        given,
        split_column(table, roles.split),
        uris,
        stamps,
        pictures,
        reasons,
        roles,
        notes,
        name,
    )


def _uris(
    values: list[str | None], base: Path | Archive | None, top: str
) -> tuple[list[str], list[str], dict[int, str]]:
    """Where each image is, a cheap change stamp, and the rows that name nothing that exists."""
    uris, stamps = [], []
    reasons: dict[int, str] = {}
    for row, value in enumerate(values):
        try:
            uri, stamp = _locate((value or "").strip(), base, top)
        except UnreadableError as error:
            uri, stamp, reasons[row] = "", "", str(error)
        uris.append(uri)
        stamps.append(stamp)
    return uris, stamps, reasons


def _locate(text: str, base: Path | Archive | None, top: str) -> tuple[str, str]:
    """(uri, stamp) of one cell of an image column."""
    if not text:
        raise UnreadableError("the row names no image")
    if is_url(text):
        return text, text
    if isinstance(base, Archive):
        member = top + str(PurePosixPath(text.replace("\\", "/")))
        if member not in base.members:
            raise UnreadableError(f"the ZIP has no member {member}")
        return base.members[member]
    path = Path(path_of_file_url(text)) if text.startswith("file://") else Path(text)
    path = path if path.is_absolute() or base is None else base.absolute() / path
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise UnreadableError(f"there is no such file: {path}") from error
    return local_uri(str(path.absolute())), f"{status.st_size}:{status.st_mtime_ns}"
