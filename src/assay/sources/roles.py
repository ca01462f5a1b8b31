"""Which column is what: guessed where the user is silent, said in one line, checked where the user speaks.

In: `Cells` and the user's words. Out: modality, `Roles`, notes. Does not know: files, what labels and ids hold.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa

from assay.errors import UsageError
from assay.sources.cells import Cells
from assay.sources.reading import is_url
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
PICTURE_NAME = re.compile(r"image|img|picture|photo|thumb", re.IGNORECASE)
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
SPLIT_VALUES = frozenset({"train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"})
SAMPLE = 2_000
MODALITIES = ("auto", "image", "text", "table")
NONE = "none"


@dataclass(frozen=True)
class Wanted:
    """The user's words. ``label`` and ``split`` may be "none"."""

    modality: str = "auto"
    label: str | None = None
    text: str | None = None
    image: str | None = None
    id: str | None = None
    split: str | None = None
    features: Sequence[str] | None = None

    def check(self) -> None:
        """`UsageError` where the words contradict each other, whatever the data."""
        if self.modality not in MODALITIES:
            raise UsageError(f"unknown modality {self.modality!r}; choose one of {', '.join(MODALITIES)}")
        if self.image and self.text:
            raise UsageError("both --image and --text were given; Assay analyses one of them at a time")
        for option, value, modality in (
            ("image", self.image, "image"),
            ("text", self.text, "text"),
            ("features", self.features, "table"),
        ):
            if value and self.modality not in ("auto", modality):
                raise UsageError(f"--{option} does not go with --modality {self.modality}; leave one of them out")
        named: dict[str, str] = {}
        for option in ("label", "text", "image", "split"):
            value = getattr(self, option)
            if value and value != NONE and named.setdefault(value, option) != option:
                raise UsageError(f"the column {value!r} was given for both --{named[value]} and --{option}")
        if self.label and self.label == self.id:
            raise UsageError(f"the column {self.label!r} was given for both --label and --id")


def column(table: pa.Table, name: str, role: str) -> str:
    """The name, if the table has it; else a `UsageError` with the columns there are."""
    if name in table.column_names:
        return name
    close = difflib.get_close_matches(name, table.column_names, 1, 0.6)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    shown = ", ".join(table.column_names[:20]) + (", ..." if table.num_columns > 20 else "")
    raise UsageError(f"there is no column {name!r} for --{role}{hint} The columns are: {shown}")


def find_roles(cells: Cells, wanted: Wanted) -> tuple[str, Roles, list[str]]:
    """(modality, roles, notes)."""
    table = cells.table
    notes: list[str] = []
    label = _label(table, wanted, notes)
    row_id = column(table, wanted.id, "id") if wanted.id else None
    split = _split(cells, wanted, notes, {label, row_id})
    taken = {name for name in (label, row_id, split) if name}
    free = [name for name in table.column_names if name not in taken]
    image = column(table, wanted.image, "image") if wanted.image else None
    text = column(table, wanted.text, "text") if wanted.text else None
    modality = wanted.modality
    if modality == "auto":
        modality = "image" if image else "text" if text else "table" if wanted.features else ""
    if modality in ("", "image") and image is None:
        image = guess_image(cells, free)
        if image and not modality:
            modality = "image"
            notes.append(f"modality: image (column {image!r} names pictures; set with --image or --modality)")
        elif image:
            notes.append(f"image column: {image!r} (set with --image)")
    if modality in ("", "text") and text is None:
        text = _guess_text(table, free)
        if text and not modality:
            modality = "text"
            notes.append(f"modality: text (column {text!r} reads like prose; set with --text or --modality)")
        elif text:
            notes.append(f"text column: {text!r} (set with --text)")
    if not modality:
        modality = "table"
        notes.append(f"modality: table ({len(free)} feature columns; set with --modality or --features)")
    if modality == "image":
        if image is None:
            raise UsageError("no column names image files or URLs; name it with --image")
        return modality, Roles(label=label, image=image, id=row_id, split=split), notes
    if modality == "text":
        return modality, Roles(label=label, text=text or _any_text(table, free, notes), id=row_id, split=split), notes
    return modality, Roles(label=label, id=row_id, split=split, features=_features(table, wanted, label, free)), notes


def _features(table: pa.Table, wanted: Wanted, label: str | None, free: list[str]) -> tuple[str, ...]:
    features = [column(table, name, "features") for name in wanted.features] if wanted.features else free
    if label in features:
        raise UsageError(f"the label column {label!r} cannot be a feature too")
    if not features:
        raise UsageError("no feature columns are left besides the label, id and split")
    return tuple(dict.fromkeys(features))


def _label(table: pa.Table, wanted: Wanted, notes: list[str]) -> str | None:
    if wanted.label == NONE and NONE not in table.column_names:
        notes.append("labels: left out (--label none)")
        return None
    if wanted.label:
        return column(table, wanted.label, "label")
    other = {wanted.text, wanted.image, wanted.id, wanted.split, *(wanted.features or ())}
    lowered = {name.lower(): name for name in reversed(table.column_names) if name not in other}
    for name in LABEL_NAMES:
        if name in lowered:
            notes.append(f"labels: column {lowered[name]!r} (by its name; set with --label)")
            return lowered[name]
    notes.append("labels: none (name the column with --label); label checks are left out")
    return None


def _split(cells: Cells, wanted: Wanted, notes: list[str], taken: set[str | None]) -> str | None:
    table = cells.table
    if wanted.split == NONE:
        return None
    if wanted.split:
        return column(table, wanted.split, "split")
    for name in table.column_names:
        if name in taken or (name != cells.split and name.lower() != "split") or not _is_string(table, name):
            continue
        values = sorted(str(value) for value in table[name].unique().drop_null().to_pylist() if str(value).strip())
        if name == cells.split or (values and {value.lower() for value in values} <= SPLIT_VALUES):
            notes.append(f"splits: column {name!r} ({', '.join(values)}; set with --split, none for none)")
            return name
    return None


def _is_string(table: pa.Table, name: str) -> bool:
    return bool(pa.types.is_string(table[name].type))


def _values(table: pa.Table, name: str) -> list[str]:
    """The first filled cells of a column of text."""
    if not _is_string(table, name):
        return []
    return [value for value in table[name].slice(0, SAMPLE).to_pylist() if value and value.strip()]


def guess_image(cells: Cells, free: Sequence[str]) -> str | None:
    """The column that holds pictures or names image files or addresses."""
    for name in free:
        if name in cells.blobs or name in cells.pictures:
            return name
    for name in sorted(free, key=lambda name: name.lower() not in IMAGE_NAMES):
        values = _values(cells.table, name)
        named = sum(PurePosixPath(re.split(r"[?#]", value)[0]).suffix.lower() in IMAGE_ENDINGS for value in values)
        if PICTURE_NAME.search(name):  # addresses of pictures need no ending
            named = max(named, sum(map(is_url, values)))
        if values and named >= 0.8 * len(values):
            return name
    return None


def _guess_text(table: pa.Table, free: Sequence[str]) -> str | None:
    """The string column that reads most like prose: several words a cell, mostly distinct."""
    best: tuple[float, str] | None = None
    for name in free:
        values = _values(table, name)
        if not values:
            continue
        words = sum(len(re.findall(r"\w+", value)) for value in values) / len(values)
        letters = sum(len(value) for value in values) / len(values)
        distinct = len(set(values)) / len(values)
        named = name.lower() in TEXT_NAMES
        prose = (words >= 4 or letters >= 40 or (named and words >= 1.5)) and distinct > 0.3
        score = words * distinct * (3 if named else 1)
        if prose and (best is None or score > best[0]):
            best = (score, name)
    if best is None:
        return None
    # a wide table with one descriptive column is a table
    return best[1] if best[1].lower() in TEXT_NAMES or len(free) <= 4 else None


def _any_text(table: pa.Table, free: Sequence[str], notes: list[str]) -> str:
    name = next((name for name in free if _is_string(table, name)), None)
    if name is None:
        raise UsageError("no column holds text; name it with --text")
    notes.append(f"text column: {name!r} (the first with text; set with --text)")
    return name
