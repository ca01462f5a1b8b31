"""A dataset in parts, a split each -> one `Cells`.

In: names of tables, or the parts as they were read. Out: which tables are splits; the rows of all below each other, with a
column that names the split. Does not know: which column is what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import SourceError
from assay.sources.cells import Cells
from assay.sources.words import are_split_names, is_split_name

PANDAS = b"pandas"

__all__ = ["joined", "read_split_tables", "split_tables"]


def joined(parts: Mapping[str, Cells], where: str, *, merged: bool = False) -> Cells:
    """The parts one below the other, with a column that names them.

    A column that one part has not is blank there; one that holds numbers here and text there becomes text. ``merged``: the column
    is none of the data's own, as in a Hugging Face dataset. `SourceError` where columns cannot stand below each other.
    """
    if not parts:
        raise SourceError(f"{where} has no rows")
    names = dict.fromkeys(name for part in parts.values() for name in part.table.column_names)
    column = "split"
    while column in names:
        column = f"hf_{column}"
    out = Cells(pa.table({}), split=column, where=where, merged=merged)
    tables, start = [], 0
    for split, part in parts.items():
        rows = part.table.num_rows
        tables.append(part.table.append_column(column, pa.array([split] * rows)))
        out.reasons |= {start + row: reason for row, reason in part.reasons.items()}
        out.misread |= {start + row for row in part.misread}
        out.raw |= {start + row: line for row, line in part.raw.items()}
        out.notes += [note for note in part.notes if note not in out.notes]
        out.nested |= part.nested
        out.pictures |= part.pictures
        out.aside |= part.aside
        for name in part.blobs:
            out.blobs.setdefault(name, [None] * start)
        for name, values in out.blobs.items():
            values += part.blobs.get(name, [None] * rows)
            paths = out.blob_paths.setdefault(name, [None] * start)
            paths += part.blob_paths.get(name, [None] * rows)
        start += rows
    forms = {part.raw_form for part in parts.values()}
    out.raw_form = forms.pop() if len(forms) == 1 else ""
    out.raw = out.raw if out.raw_form else {}
    try:
        out.table = pa.concat_tables(_of_one_kind(tables), promote_options="permissive")
    except pa.ArrowException as error:
        raise SourceError(f"the splits of {where} have columns of different types ({error}); give one split") from error
    first = next(iter(parts.values()))
    out.label = first.label if all(part.label == first.label for part in parts.values()) else None
    out.header = dict(first.header) if all(part.header == first.header for part in parts.values()) else {}
    if all(_features(part) == _features(first) and part.given.keys() == first.given.keys() for part in parts.values()):
        out.metadata = (
            first.metadata if all(part.metadata == first.metadata for part in parts.values()) else _features(first)
        )
        chunks = {name: [chunk for part in parts.values() for chunk in part.given[name].chunks] for name in first.given}
        out.given = {
            name: pa.chunked_array(of) for name, of in chunks.items() if len({chunk.type for chunk in of}) == 1
        }
    else:
        out.notes.append(f"the splits of {where} differ in their features: columns are kept in plain types")
    return out


def _features(part: Cells) -> dict[bytes, bytes]:
    """What the metadata say of columns, class names too. What pandas notes there is of the index: each part has its own."""
    return {key: value for key, value in part.metadata.items() if key != PANDAS}


def _of_one_kind(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """Numbers as text in columns that hold text in another table."""
    kinds: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            kinds.setdefault(field.name, set()).add(field.type)
    mixed = {name for name, found in kinds.items() if pa.string() in found and len(found - {pa.null()}) > 1}
    out = []
    for table in tables:
        for at, name in enumerate(table.column_names):
            if name in mixed and not pa.types.is_string(table[name].type):
                table = table.set_column(at, name, pc.cast(table[name], pa.string()))
        out.append(table)
    return out


def split_tables(names: Sequence[str]) -> dict[str, str]:
    """Split -> table, of tables that are named by splits, training first; {} where they are not, two are of one split, or they
    lie in several folders.

    Examples
    --------
    >>> split_tables(["test.csv", "sample_submission.csv", "train.csv"])
    {'train': 'train.csv', 'test': 'test.csv'}
    >>> split_tables(["bbc_dev.csv", "bbc_train.csv"]), split_tables(["cats.csv", "train.csv"])
    ({'bbc_train': 'bbc_train.csv', 'bbc_dev': 'bbc_dev.csv'}, {})
    """
    stems = {name: PurePosixPath(name.removesuffix(".gz")).stem for name in names}
    chosen = [name for name in names if is_split_name(stems[name])]
    if len(chosen) < 2:
        chosen = list(names) if are_split_names(set(stems.values())) else []
    folders = {PurePosixPath(name).parent for name in chosen}
    if len(chosen) < 2 or len(folders) > 1 or len({stems[name] for name in chosen}) < len(chosen):
        return {}
    return {stems[name]: name for name in sorted(chosen, key=lambda name: ("tr" not in stems[name].lower(), name))}


def read_split_tables(
    splits: Mapping[str, str], names: Sequence[str], read: Callable[[str], Cells], where: str
) -> Cells:
    """The tables ``splits`` of those called ``names`` as one; what is left alone is said."""
    parts = {split: read(name) for split, name in splits.items()}
    out = joined(parts, where)
    others = sorted(set(names) - set(splits.values()))
    left = f"; left alone: {', '.join(others[:3])}{', ...' if len(others) > 3 else ''}" if others else ""
    out.notes.insert(0, f"{len(splits):,} tables are read as one, a split each: {', '.join(splits.values())}{left}")
    columns = dict.fromkeys(name for part in parts.values() for name in part.table.column_names)
    for split, part in parts.items():
        if missing := [repr(name) for name in columns if name not in part.table.column_names]:
            what = "columns" if len(missing) > 1 else "column"
            shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
            out.notes.append(f"{splits[split]} has no {what} {shown}: blank in its rows")
    return out
