"""Which column is what: guessed where the user is silent, said in one line, checked where the user speaks.

In: an Arrow table and the user's words. Out: modality, `Roles`, notes; labels, ids and splits as arrays.
Does not know: files.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import UsageError
from assay.sources.rows import IMAGE_ENDINGS, Roles

LABEL_NAMES = ("label", "labels", "target", "class", "category", "y")
IMAGE_NAMES = (
    "image",
    "image_path",
    "filepath",
    "file_path",
    "filename",
    "file_name",
    "path",
    "file",
    "url",
    "image_url",
)
TEXT_NAMES = (
    "text",
    "body",
    "sentence",
    "content",
    "review",
    "comment",
    "message",
    "utterance",
    "question",
    "query",
    "description",
)
SPLIT_NAMES = ("split",)
SAMPLE = 2_000
MODALITIES = ("auto", "image", "text", "table")


@dataclass(frozen=True)
class Wanted:
    """The user's words."""

    modality: str = "auto"
    label: str | None = None
    text: str | None = None
    image: str | None = None
    id: str | None = None
    split: str | None = None
    features: Sequence[str] | None = None


def column(table: pa.Table, name: str, role: str) -> str:
    """The name, if the table has it; else a `UsageError` with the columns there are."""
    if name in table.column_names:
        return name
    close = difflib.get_close_matches(name, table.column_names, 1, 0.6)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    shown = ", ".join(table.column_names[:20]) + (", ..." if table.num_columns > 20 else "")
    raise UsageError(
        f"there is no column {name!r} for --{role}{hint} The columns are: {shown}".replace("? The", "? The").replace(
            f"--{role} The", f"--{role}. The"
        )
    )


def find_roles(table: pa.Table, wanted: Wanted, blobs: Collection[str]) -> tuple[str, Roles, list[str]]:
    """(modality, roles, notes)."""
    if wanted.modality not in MODALITIES:
        raise UsageError(f"unknown modality {wanted.modality!r}; choose one of {', '.join(MODALITIES)}")
    notes: list[str] = []
    label = _label(table, wanted, notes)
    row_id = column(table, wanted.id, "id") if wanted.id else None
    split = _split(table, wanted, notes, {label, row_id})
    taken = {name for name in (label, row_id, split) if name}
    image = column(table, wanted.image, "image") if wanted.image else None
    text = column(table, wanted.text, "text") if wanted.text else None
    modality = wanted.modality
    if image and text:
        raise UsageError("both --image and --text were given; Assay analyses one of them at a time")
    free = [name for name in table.column_names if name not in taken]
    if modality == "auto":
        modality = "image" if image else "text" if text else "table" if wanted.features else ""
    if modality in ("", "image") and image is None:
        image = _guess_image(table, free, blobs)
    if not modality and image:
        modality = "image"
        notes.append(f"modality: image (column {image!r} names pictures; set with --image or --modality)")
    if modality in ("", "text") and text is None and not image:
        text = _guess_text(table, free)
    if not modality and text:
        modality = "text"
        notes.append(f"modality: text (column {text!r} reads like prose; set with --text or --modality)")
    if not modality:
        modality = "table"
        notes.append(f"modality: table ({len(free)} feature columns; set with --modality or --features)")
    if modality == "image" and image is None:
        raise UsageError("no column names image files or URLs; name it with --image")
    if modality == "text" and text is None:
        text = next((name for name in free if pa.types.is_string(table[name].type)), None)
        if text is None:
            raise UsageError("no column holds text; name it with --text")
        notes.append(f"text column: {text!r} (the first with text; set with --text)")
    features: tuple[str, ...] = ()
    if modality == "table":
        features = (
            tuple(column(table, name, "features") for name in wanted.features) if wanted.features else tuple(free)
        )
        if label in features:
            raise UsageError(f"the label column {label!r} cannot be a feature too")
        if not features:
            raise UsageError("no feature columns are left besides the label, id and split")
    return (
        modality,
        Roles(
            label, text if modality == "text" else None, image if modality == "image" else None, row_id, split, features
        ),
        notes,
    )


def _label(table: pa.Table, wanted: Wanted, notes: list[str]) -> str | None:
    if wanted.label:
        return column(table, wanted.label, "label")
    lowered = {name.lower(): name for name in table.column_names}
    found = [lowered[name] for name in LABEL_NAMES if name in lowered]
    found = [name for name in found if name not in (wanted.text, wanted.image, wanted.id, wanted.split)]
    if not found:
        notes.append("labels: none (name the column with --label); label checks are left out")
        return None
    notes.append(f"labels: column {found[0]!r} (by its name; set with --label)")
    return found[0]


def _split(table: pa.Table, wanted: Wanted, notes: list[str], taken: set[str | None]) -> str | None:
    if wanted.split == "none":
        return None
    if wanted.split:
        return column(table, wanted.split, "split")
    for name in table.column_names:
        if name.lower() in SPLIT_NAMES and name not in taken and pa.types.is_string(table[name].type):
            values = {str(value).lower() for value in table[name].unique().drop_null().to_pylist()[:20]}
            if values and values <= {"train", "training", "val", "valid", "validation", "dev", "test", "eval"}:
                notes.append(f"splits: column {name!r} ({', '.join(sorted(values))}; set with --split, none for none)")
                return name
    return None


def _values(table: pa.Table, name: str) -> list[str]:
    kind = table[name].type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return []
    return [value for value in table[name].slice(0, SAMPLE).to_pylist() if value and value.strip()]


def _guess_image(table: pa.Table, free: list[str], blobs: Collection[str]) -> str | None:
    for name in free:
        if name in blobs:
            return name
    ranked = sorted(free, key=lambda name: name.lower() not in IMAGE_NAMES)
    for name in ranked:
        values = _values(table, name)
        named = sum(PurePosixPath(value.split("?")[0]).suffix.lower() in IMAGE_ENDINGS for value in values)
        if values and named >= 0.8 * len(values):
            return name
    return None


def _guess_text(table: pa.Table, free: list[str]) -> str | None:
    """The string column that reads most like prose: several words a cell, mostly distinct."""
    best: tuple[float, str] | None = None
    strings = [name for name in free if _values(table, name)]
    for name in strings:
        values = _values(table, name)
        words = sum(len(re.findall(r"\w+", value)) for value in values) / len(values)
        dense = sum(len(value) for value in values) / len(values)
        distinct = len(set(values)) / len(values)
        named = name.lower() in TEXT_NAMES
        prose = (words >= 4 or dense >= 40 or (named and words >= 1.5)) and distinct > 0.3
        score = words * distinct * (3 if named else 1)
        if prose and (best is None or score > best[0]):
            best = (score, name)
    others = len(free) - (1 if best else 0)
    if best is None:
        return None
    # a wide table with one descriptive column is a table
    return best[1] if best[1].lower() in TEXT_NAMES or others <= 3 else None


def given_labels(table: pa.Table, name: str | None, notes: list[str]) -> pa.Array | None:
    """The label column: null = unlabelled (blank text too). Integers, floats, booleans and text stay what they are."""
    if name is None:
        return None
    values = table[name].combine_chunks()
    kind = values.type
    if pa.types.is_nested(kind):
        raise UsageError(f"the label column {name!r} holds lists: multi-label data is not there yet")
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, kind), values)
        whole = values.drop_null().to_pylist()
        if whole and all(value.is_integer() for value in whole) and values.null_count:
            values = values.cast(pa.int64())
        elif len(set(whole)) > max(20, len(whole) // 10):
            raise UsageError(
                f"the label column {name!r} holds {len(set(whole)):,} different numbers: that looks like a value to predict; "
                "regression is not there yet. Choose another column with --label"
            )
    elif not (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        values = values.cast(pa.string())
        values = pc.if_else(pc.equal(pc.utf8_trim_whitespace(values), ""), pa.scalar(None, pa.string()), values)
    labelled = len(values) - values.null_count
    if not labelled:
        raise UsageError(
            f"every cell of the label column {name!r} is blank; choose another with --label, or use --task unsupervised"
        )
    classes = len(values.unique().drop_null())
    if classes == labelled and labelled > 20:
        raise UsageError(
            f"the label column {name!r} has as many classes as rows ({classes:,}): it looks like an id; choose another with --label"
        )
    if classes > 0.5 * labelled and labelled > 20:
        notes.append(f"the label column {name!r} has {classes:,} classes for {labelled:,} rows: is it the right one?")
    return pa.concat_arrays([values]) if isinstance(values, pa.Array) else values


def row_ids(table: pa.Table, name: str | None) -> pa.Array:
    """The id column, checked unique and filled; else 0-based numbers."""
    if name is None:
        return pa.array(range(table.num_rows), pa.int64())
    values = table[name].combine_chunks()
    values = values.cast(pa.int64()) if pa.types.is_integer(values.type) else values.cast(pa.string())
    listed: list[Any] = values.to_pylist()
    blank = [row for row, value in enumerate(listed) if value is None or not str(value).strip()]
    if blank:
        raise UsageError(
            f"the id column {name!r} is blank in {len(blank):,} rows (the first: {', '.join(map(str, blank[:3]))}); ids must be filled"
        )
    twice = [value for value, count in Counter(listed).items() if count > 1]
    if twice:
        raise UsageError(
            f"the id column {name!r} is not unique: {len(twice):,} ids appear more than once (the first: {', '.join(map(repr, twice[:3]))})"
        )
    return values


def split_column(table: pa.Table, name: str | None) -> pa.Array | None:
    return None if name is None else table[name].combine_chunks().cast(pa.string())
