"""Tables that lie among images and name them: one ``metadata.csv``, one in each split, or a single table at the top.

In: the paths of the tables in a folder or archive and a way to read one. Out: one `Cells` over all of them; how many images no
table names; what files of labelling tools lie there. Does not know: what a path leads to, labels.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

import pyarrow as pa

from assay.errors import MissingExtraError, SourceError
from assay.sources.cells import Cells
from assay.sources.folder import Listing
from assay.sources.labelling_exports import BOXES
from assay.sources.parts import joined, split_tables
from assay.sources.roles import guess_image
from assay.sources.words import is_label_name, is_split_name

NAMED_LIKE_IMAGES = {".txt": "boxes (YOLO) or captions", ".xml": "boxes (Pascal VOC)", ".json": "shapes (LabelMe)"}
MOST_NOTES = 3
LABELLED = 0.3  # share of the images beside which such a file lies
FOUND = 0.8  # share of what a table names that must be an image of the folder


def metadata_cells(
    paths: Sequence[str], read: Callable[[str], Cells], notes: list[str], *, image: str | None, spoken: bool
) -> Cells | None:
    """The tables that name pictures as one, their paths relative to the top; None where none does.

    paths : of tables called metadata, below the top. Those that lie highest count: one at the top speaks for all.
    spoken : the user has said what the columns are, so a table counts whatever it looks like.
    """
    if not paths:
        return None
    highest = min(path.count("/") for path in paths)
    chosen = sorted(path for path in paths if path.count("/") == highest)
    kept: list[tuple[str, Cells, str | None]] = []
    for path in chosen:
        cells = read(path)
        column = image if image in cells.table.column_names else guess_image(cells, cells.table.column_names)
        if column is None and not (spoken and len(chosen) == 1):
            notes.append(f"{path} names no pictures: it is left alone")
        else:
            kept.append((path, cells, column))
    left = len(paths) - len(chosen)
    if left:
        notes.append(f"{left:,} metadata tables that lie deeper are left alone")
    return _joined(kept, notes) if kept else None


def _joined(parts: Sequence[tuple[str, Cells, str | None]], notes: list[str]) -> Cells:
    tops = [str(PurePosixPath(path).parent) for path, _, _ in parts]
    last = [PurePosixPath(top).name for top in tops]
    splits = len(parts) > 1 and all(map(is_split_name, last))
    tables, out = [], Cells(pa.table({}), where=parts[0][0] if len(parts) == 1 else f"{parts[0][0]} and the like")
    start = 0
    for (_, cells, column), top, name in zip(parts, tops, last, strict=True):
        table = cells.table
        if column is not None and column not in cells.blobs and top != ".":
            table = table.set_column(
                table.column_names.index(column),
                column,
                pa.array(
                    [value and _below(top, value) for value in table[column].cast(pa.string()).to_pylist()], pa.string()
                ),
            )
        if splits and "split" not in table.column_names:
            table = table.append_column("split", pa.array([name] * table.num_rows))
        tables.append(table)
        out.reasons |= {start + row: reason for row, reason in cells.reasons.items()}
        out.misread |= {start + row for row in cells.misread}
        out.nested |= cells.nested
        out.pictures |= cells.pictures
        out.notes += cells.notes
        start += table.num_rows
    if len(parts) == 1:
        cells = parts[0][1]
        cells.table = tables[0]
        return cells
    try:
        out.table = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise SourceError(
            f"{', '.join(path for path, _, _ in parts)} have columns of different types ({error})"
        ) from error
    if splits:
        out.split = "split"
    notes.append(f"{len(parts)} metadata tables are read as one: {', '.join(path for path, _, _ in parts[:3])}")
    return out


def _below(top: str, value: str) -> str:
    absolute = "://" in value or value.startswith("/") or value[1:3] == ":\\"
    return value if absolute else f"{top}/{value}"


def table_beside(
    names: Sequence[str], read: Callable[[str], Cells], found: Listing, notes: list[str]
) -> tuple[Cells, dict[str, tuple[str, str]]] | None:
    """The table among ``names`` that names most of the images, with a label if there is one, and (uri, stamp) of each image by
    its name and by its name without an ending; None where no table names images. Cost: each table is read."""
    known = _by_name(found)
    named: list[tuple[bool, int, str, Cells]] = []
    some: dict[str, Cells] = {}  # tables that name images, few as they may be
    for name in names:
        try:
            cells = read(name)
        except (SourceError, MissingExtraError) as error:
            if name.lower().endswith(".json"):
                notes.append(f"left alone: {error}")
            continue  # some log or list that is no table: the images are what was given
        columns = _naming_columns(cells, known)
        if columns:
            some[name] = cells
        named += _judged(name, cells, columns, found)
    splits = split_tables(list(some))
    if splits:
        whole = joined({split: some[name] for split, name in splits.items()}, " and ".join(splits.values()))
        named += _judged(whole.where, whole, _naming_columns(whole, known), found)
    if not named:
        return None
    _, _, chosen, cells = max(named, key=lambda entry: entry[:2])
    parts = list(splits.values()) if splits and cells is whole else [chosen]
    others = [name for _, _, name, _ in named if name not in (chosen, *parts)]
    more = f"; {', '.join(others[:3])} {'does' if len(others) == 1 else 'do'}, too, and {_are(others)} left alone"
    told = (
        f"tables: {', '.join(parts)} name the images, a split each"
        if parts[1:]
        else f"table: {chosen} names the images"
    )
    cells.notes.append(f"{told}{more if others else ''}")
    return cells, known


def _judged(
    name: str, cells: Cells, columns: Sequence[tuple[str, int]], found: Listing
) -> list[tuple[bool, int, str, Cells]]:
    """(has a label, images it names, name, cells) of a table that names most of the images; [] of any other.

    columns : of `_naming_columns`."""
    for column, hits in columns:
        if 2 * hits >= len(found.files):
            cells.pictures.add(column)
            return [(any(is_label_name(other) for other in cells.table.column_names), hits, name, cells)]
    return []


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _by_name(found: Listing) -> dict[str, tuple[str, str]]:
    """(uri, stamp) by the name of a file with and without its ending, where only one image has it."""
    files: dict[str, tuple[str, str] | None] = {}
    for path, uri, stamp in found.files:
        file = PurePosixPath(path)
        for name in (file.name, file.stem):
            files[name] = None if name in files else (uri, stamp)
    return {name: image for name, image in files.items() if image is not None}


def _naming_columns(cells: Cells, known: Mapping[str, tuple[str, str]]) -> list[tuple[str, int]]:
    """The columns of a table that name images and hardly anything else, and how many images each names."""
    table, columns = cells.table, []
    for name in table.column_names:
        kind = table[name].type
        if name in cells.blobs or name in cells.nested or not (pa.types.is_string(kind) or pa.types.is_integer(kind)):
            continue
        values = {
            PurePosixPath(str(value).replace("\\", "/")).name for value in table[name].to_pylist() if value is not None
        }
        hits = sum(value in known or unicodedata.normalize("NFD", value) in known for value in values)
        if hits and hits >= FOUND * len(values):
            columns.append((name, hits))
    return columns


def labels_beside(found: Listing) -> list[str]:
    """What to say of files of labelling tools among the images, which are not read."""
    stems = {PurePosixPath(path).stem for path, _, _ in found.files}
    notes = []
    for ending, what in NAMED_LIKE_IMAGES.items():
        texts = [path for path in found.texts if path.endswith(ending)]
        count = sum(PurePosixPath(path).stem in stems for path in texts)
        if count and 2 * count >= len(texts) and count >= LABELLED * len(stems):
            notes.append(f"{count:,} {ending} files are named like images: {what} are not read")
    for path in found.texts:
        name = PurePosixPath(path).name.lower()
        if name == "annotations.xml":
            notes.append(f"{path} looks like a CVAT export: {BOXES}")
        elif "/" in path and (name.endswith(".coco.json") or name.startswith("instances_")):
            notes.append(f"{path} looks like a COCO export: {BOXES}")
    return notes[:MOST_NOTES]


def unnamed_images(found: Listing, uris: Sequence[str], table: str) -> str | None:
    """What to say of the images that no row of the table names."""
    named = set(uris)
    left = [path for path, uri, _ in found.files if uri not in named]
    if not left:
        return None
    return (
        f"{len(left):,} of {len(found.files):,} images are not named by {table} and are left out (the first: {left[0]})"
    )
