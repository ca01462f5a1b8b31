"""Labels, ids and splits: the columns that must be right before anything else can be.

In: `Cells` and the names of columns. Out: contiguous arrays. Does not know: how the columns were chosen.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import UsageError
from assay.sources.cells import BROKEN, Cells, whole_again
from assay.sources.words import BLANK

OTHER_LABEL = "choose another column with --label, or --label none to leave labels out"
MAY_BE_BLANK = frozenset({"none", "unknown"})
OFTEN = 1 / 3  # share of the rows from which a word for "blank" is a class, as "NA" for North America may be


def given_labels(cells: Cells, name: str | None, notes: list[str]) -> pa.Array | None:
    """The label column: null = unlabelled (blank text too). Integers, floats, booleans and text stay what they are;
    floats that are whole numbers beside gaps become the integers they were. Rows that were misread have no label. Whether the
    values make classes is for the task to say (`assay.dataset.target.Target.check`).
    """
    if name is None:
        return None
    single = _lists_of_one(cells, name) if name in cells.nested else None
    if name in cells.blobs or (name in cells.nested and single is None):
        raise UsageError(
            f"the label column {name!r} holds lists or objects: multi-label data is not there yet; {OTHER_LABEL}"
        )
    values = _one(cells.table[name]) if single is None else single
    if single is not None:
        notes.append(f"the label column {name!r} holds lists of one value: the value counts")
    kind = values.type
    if pa.types.is_floating(kind):
        values = _float_labels(values)
    elif not (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        values = values.cast(pa.string())
        values = pc.if_else(pc.equal(pc.utf8_trim_whitespace(values), ""), pa.scalar(None, pa.string()), values)
    values = _without_broken(values, cells)
    if pa.types.is_string(values.type):
        values = _without_blank_words(values, notes)
    if values.null_count == len(values):
        raise UsageError(f"every cell of the label column {name!r} is blank; {OTHER_LABEL}")
    odd = [
        value
        for value in values.unique().drop_null().to_pylist()
        if isinstance(value, str) and value.strip().lower() in MAY_BE_BLANK
    ]
    if odd:
        notes.append(f"{', '.join(map(repr, odd[:3]))} counts as a class; blank the cells if it means unlabelled")
    return values


def _lists_of_one(cells: Cells, name: str) -> pa.Array | None:
    """The values of a column of lists that hold one text or number each, or nothing; None for any other."""
    found: list[str | None] = []
    for value in cells.table[name].to_pylist():
        try:
            inner = [] if value is None else json.loads(value)
        except ValueError:
            return None
        if not isinstance(inner, list) or len(inner) > 1 or not all(isinstance(one, str | int) for one in inner):
            return None
        found.append(str(inner[0]) if inner else None)
    return pa.array(found, pa.string())


def _without_blank_words(values: pa.Array, notes: list[str]) -> pa.Array:
    """What counts as blank in a feature ("?", "-", "n/a") is no class either, unless the word is as common as classes are,
    or the other classes look like it ("EU", "AS", "NA"; "+", "-", "*")."""
    counts = {
        entry["values"]: entry["counts"] for entry in values.value_counts().to_pylist() if entry["values"] is not None
    }
    words = [word for word in counts if word.strip().casefold() in BLANK]
    others = [word for word in counts if word not in words]
    total = sum(counts.values())
    for word in words:
        alike = [other for other in others if _form(other) == _form(word)]
        as_common = bool(others) and (counts[word] >= OFTEN * total or 2 * len(alike) >= max(len(others), 2))
        among_signs = sum(_is_sign(other) for other in others) >= 2  # "+", "-", "*"
        if as_common if word.strip().isalpha() else among_signs:
            notes.append(f"{word!r} counts as a class ({counts[word]:,} rows); blank the cells if it means unlabelled")
            continue
        mask = pc.equal(values, word).fill_null(False)
        values = pc.if_else(mask, pa.scalar(None, values.type), values)
        notes.append(f"{word!r} in the label column means unlabelled ({counts[word]:,} rows), as in other columns")
    return values


def _is_sign(word: str) -> bool:
    return not any(letter.isalnum() for letter in word)


def _form(word: str) -> tuple[int, bool]:
    return len(word.strip()), word.strip().isupper()


def _one(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _float_labels(values: pa.Array) -> pa.Array:
    values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    if values.null_count:
        values = whole_again(values)
    return values


def _without_broken(values: pa.Array, cells: Cells) -> pa.Array:
    """A cell in the wrong column, or with broken letters, must not make a class."""
    bad = set(cells.misread)
    if pa.types.is_string(values.type):
        bad |= {row for row in cells.reasons if BROKEN in (values[row].as_py() or "")}
    if not bad:
        return values
    mask = pa.array([row in bad for row in range(len(values))])
    return pc.if_else(mask, pa.scalar(None, values.type), values)


def row_ids(cells: Cells, name: str | None) -> pa.Array:
    """The id column, checked unique and filled; else 0-based numbers. A broken row without a good id is named by its place."""
    n = cells.table.num_rows
    if name is None:
        return pa.array(range(n), pa.int64())
    if name in cells.blobs or name in cells.nested:
        raise UsageError(f"the id column {name!r} holds lists, objects or pictures; choose another with --id")
    values = whole_again(_one(cells.table[name]))
    number = pa.types.is_int64(values.type)
    listed: list[Any] = values.to_pylist() if number else values.cast(pa.string()).to_pylist()
    _name_misread(listed, cells, number)
    blank = [row for row, value in enumerate(listed) if value is None or not str(value).strip()]
    if blank:
        raise UsageError(
            f"the id column {name!r} is blank in {len(blank):,} rows (counted from 0, the first: "
            f"{', '.join(map(str, blank[:3]))}); fill them, or leave --id out to number the rows"
        )
    twice = [value for value, count in Counter(listed).items() if count > 1]
    if twice:
        raise UsageError(
            f"the id column {name!r} is not unique: {len(twice):,} ids appear more than once "
            f"(the first: {', '.join(map(repr, twice[:3]))}); make them unique, or leave --id out to number the rows"
        )
    return pa.array(listed, pa.int64() if number else pa.string())


def _name_misread(ids: list[Any], cells: Cells, number: bool) -> None:
    """One broken line must not end a run for want of an id: it is called by its place, -1 - row or "row 7"."""
    if not cells.misread:
        return
    seen = Counter(value for row, value in enumerate(ids) if row not in cells.misread)
    for row in sorted(cells.misread):
        value = ids[row]
        if value is None or not str(value).strip() or seen[value]:
            ids[row] = -1 - row if number else f"row {row}"
        seen[ids[row]] += 1


def split_column(cells: Cells, name: str | None) -> pa.Array | None:
    """Names of splits; blank = none."""
    if name is None:
        return None
    if name in cells.blobs or name in cells.nested:
        raise UsageError(f"the split column {name!r} holds lists, objects or pictures; choose another with --split")
    values = _one(cells.table[name]).cast(pa.string())
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(values), ""), pa.scalar(None, pa.string()), values)
