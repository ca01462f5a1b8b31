"""Tables that lie among images and name them: one ``metadata.csv``, one in each split, or a single table at the top.

In: the paths of the tables in a folder or archive and a way to read one. Out: one `Cells` over all of them; how many images no
table names. Does not know: what a path leads to, labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import pyarrow as pa

from assay.errors import SourceError
from assay.sources.cells import Cells
from assay.sources.folder import Listing
from assay.sources.roles import guess_image
from assay.sources.words import is_split_name

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


def names_images(cells: Cells, found: Listing) -> str | None:
    """The column of a table beside images that names most of them, and hardly anything else; None where there is none."""
    column = guess_image(cells, cells.table.column_names)
    if column is None or column in cells.blobs:
        return None
    known = {PurePosixPath(path).name for path, _, _ in found.files}
    values = {PurePosixPath(str(value).replace("\\", "/")).name for value in cells.table[column].to_pylist() if value}
    hits = len(values & known)
    return column if hits >= FOUND * len(values) and 2 * hits >= len(known) else None


def unnamed_images(found: Listing, uris: Sequence[str], table: str) -> str | None:
    """What to say of the images that no row of the table names."""
    named = set(uris)
    left = [path for path, uri, _ in found.files if uri not in named]
    if not left:
        return None
    return (
        f"{len(left):,} of {len(found.files):,} images are not named by {table} and are left out (the first: {left[0]})"
    )
