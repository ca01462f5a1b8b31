"""Which column is what: guessed where the user is silent, said in one line, checked where the user speaks.

In: `Cells` and the user's words. Out: modality, `Roles`, notes. Does not know: files, what labels and ids hold.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import UsageError
from assay.sources.cells import Cells
from assay.sources.label_guesses import named_like_label
from assay.sources.reading import is_url
from assay.sources.rows import IMAGE_ENDINGS, Roles
from assay.sources.words import (
    LABEL_WORDS,
    count_words,
    is_split_name,
    label_ending,
    parts_of,
    speaks_of_time,
    text_rank,
)

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
EMAIL = re.compile(r"\A\s*[^\s@]+@[^\s@]+\.[^\s@]+\s*")
SAMPLE = 2_000
MOST_CLASSES, CLASS_ROWS = 200, 4  # of a label that no name gives away, and rows a class on the mean
FEW_COLUMNS = 4  # with more useful columns than these, one of prose does not make a table a set of texts
SOME_TEXTS = 10  # different cells of a column that is named as text, from which it is text however short they are
MOST_SPLITS = 20
PROSE_WORDS = 8  # words a cell from which a table's column may be what a person wants to have analysed
NUMBERS, LETTERS = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?"), re.compile(r"[^\W\d_eE]")
MANY, LISTS_LOOKED_AT = 16, 50  # numbers in a cell that make it a list; cells that are looked at
FILLED = 0.5  # share of the rows that must name a picture, or in a wide table hold a text
PICTURE_MAGIC = (
    b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"P1", b"P2", b"P3", b"P4", b"P5", b"P6",
    b"\x00\x00\x00\x0cjP", b"\x00\x00\x01\x00",
)  # fmt: skip
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
    class_level: int | None = None
    sheet: str | None = None

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
    label = _label(cells, wanted, notes)
    row_id = column(table, wanted.id, "id") if wanted.id else None
    split = _split(cells, wanted, notes, {label, row_id})
    taken = {name for name in (label, row_id, split) if name}
    empty = [name for name in table.column_names if _is_empty(cells, name)]
    free = [name for name in table.column_names if name not in taken and name not in empty]
    if empty:
        notes.append(f"empty columns are left aside: {', '.join(empty[:5])}{', ...' if len(empty) > 5 else ''}")
    image = column(table, wanted.image, "image") if wanted.image else None
    text = column(table, wanted.text, "text") if wanted.text else None
    modality = wanted.modality
    if modality == "auto":
        modality = "image" if image else "text" if text else "table" if wanted.features else ""
    if modality in ("", "image") and image is None:
        image = guess_image(cells, free, addresses=modality == "image")
        if image and not modality:
            modality = "image"
            what = "holds" if image in cells.blobs else "names"
            notes.append(f"modality: image (column {image!r} {what} pictures; set with --image or --modality)")
        elif image:
            notes.append(f"image column: {image!r} (set with --image)")
    if modality in ("", "text") and text is None:
        text = _guess_text(table, free)
        if text and not modality:
            modality = "text"
            how = "holds lists or objects: their JSON is the text" if text in cells.nested else "reads like prose"
            notes.append(f"modality: text (column {text!r} {how}; set with --text or --modality)")
        elif text:
            notes.append(f"text column: {text!r} (set with --text)")
    numbering: list[str] = []  # columns that are no features, unless somebody names them
    if modality in ("", "table") and not wanted.features:
        if (lists := [name for name in free if _holds_number_lists(table, name)]) and len(lists) == len(free):
            raise UsageError(f"{_number_lists(lists)}, and no other column is left to be analysed")
        if lists:
            notes.append(f"{_number_lists(lists)}: left aside")
            free = [name for name in free if name not in lists]
        free = _without_aside(cells, free, notes)
        numbering = _numbering(table, free)
    if not modality:
        modality = "table"
        n_features = len(free) - len(numbering)
        notes.append(f"modality: table ({n_features} feature columns; set with --modality or --features)")
    if image is None and wanted.modality == "auto":
        notes += _could_be_pictures(cells, free, modality)
        notes += _could_be_texts(table, free, modality)
    plain = [name for name in free if name not in cells.nested and name not in cells.blobs]  # lists are no classes
    if modality == "image":
        if image is None:
            raise UsageError("no column names image files or URLs; name it with --image")
        label = _label_by_content(table, wanted, label, [name for name in plain if name != image], notes)
        return modality, Roles(label=label, image=image, id=row_id, split=split), notes
    if modality == "text":
        text = text or _any_text(table, free, notes)
        label = _label_by_content(table, wanted, label, [name for name in plain if name != text], notes)
        return modality, Roles(label=label, text=text, id=row_id, split=split), notes
    label = _label_by_content(table, wanted, label, plain if len(free) > 1 else [], notes, only=False)
    if numbering:
        notes.append(
            f"{'column' if len(numbering) == 1 else 'columns'} {', '.join(map(repr, numbering[:3]))} only "
            f"{'numbers' if len(numbering) == 1 else 'number'} the rows: left out of the features (set with --features)"
        )
    features = _features(table, wanted, label, [name for name in free if name not in numbering])
    return modality, Roles(label=label, id=row_id, split=split, features=features), notes


def _is_empty(cells: Cells, name: str) -> bool:
    """No cell holds anything but white space."""
    if name in cells.blobs:
        return all(blob is None for blob in cells.blobs[name])
    values = cells.table[name]
    if values.null_count == len(values):
        return True
    if not _is_string(cells.table, name):
        return False
    return not any(value and value.strip() for value in values.slice(0, SAMPLE).to_pylist()) and not any(
        value and value.strip() for value in values.to_pylist()
    )


def _could_be_pictures(cells: Cells, free: Sequence[str], modality: str) -> list[str]:
    """What is said of columns of pictures that are not analysed."""
    names = [name for name in free if guess_image(cells, [name], addresses=True)]
    if not names:
        return []
    first = ", ".join(map(repr, names[:3]))
    if modality == "table" and len(names) == len(free):
        raise UsageError(
            f"the column {first} holds addresses of pictures, and nothing is fetched unasked; to fetch and analyse them: "
            f"--image {names[0]}"
        )
    return [
        f"column {first} holds addresses of pictures: nothing is fetched; to analyse the pictures instead: --image {names[0]}"
    ]


def _without_aside(cells: Cells, free: list[str], notes: list[str]) -> list[str]:
    """The columns but those that the data says are no features, where others are left."""
    left = [name for name in free if name not in cells.aside]
    if not left or len(left) == len(free):
        return free
    shown = ", ".join(repr(name) for name in free if name in cells.aside)
    notes.append(f"marked in the file as no features, and left out of them: {shown} (set with --features)")
    return left


def _numbering(table: pa.Table, free: Sequence[str]) -> list[str]:
    """Columns that only number the rows, where others are left."""
    numbers = [name for name in free if _named_numbering(name) and _one_each(table[name])]
    return numbers if len(numbers) < len(free) else []


def _holds_number_lists(table: pa.Table, name: str) -> bool:
    """Is each cell of a column of text a picture or a vector written out: many numbers, and nothing else?"""
    values = _values(table, name)[:LISTS_LOOKED_AT]
    return bool(values) and all(len(NUMBERS.findall(value)) >= MANY and not LETTERS.search(value) for value in values)


def _number_lists(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:3]))
    return (
        f"{'column' if len(names) == 1 else 'columns'} {shown} {'holds' if len(names) == 1 else 'hold'} many numbers in each cell "
        "(pictures or vectors written out); give pictures as files, vectors as embeddings= in Python"
    )


def _could_be_texts(table: pa.Table, free: Sequence[str], modality: str) -> list[str]:
    """What is said of a column of prose in a table that has many others."""
    name = _guess_text(table, free, wide=False) if modality == "table" else None
    values = [] if name is None else _values(table, name)
    if name is None or sum(map(count_words, values)) < PROSE_WORDS * len(values):
        return []
    return [f"column {name!r} reads like prose; to analyse these texts instead: --text {shlex.quote(name)}"]


def _features(table: pa.Table, wanted: Wanted, label: str | None, free: list[str]) -> tuple[str, ...]:
    features = [column(table, name, "features") for name in wanted.features] if wanted.features else free
    if label in features:
        raise UsageError(f"the label column {label!r} cannot be a feature too")
    if not features:
        raise UsageError("no feature columns are left besides the label, id and split")
    return tuple(dict.fromkeys(features))


def _label(cells: Cells, wanted: Wanted, notes: list[str]) -> str | None:
    table = cells.table
    if wanted.label == NONE and NONE not in table.column_names:
        notes.append("labels: left out (--label none)")
        return None
    if wanted.label:
        return column(table, wanted.label, "label")
    if marked := cells.label:
        if why := _no_label(table, marked):
            notes.append(
                f"the file marks column {marked!r} as the class but it {why}: it is not taken for labels (set with --label)"
            )
            return None
        notes.append(f"labels: column {marked!r} (the file marks it as the class; set with --label)")
        return marked
    named = _by_label_name(table, wanted)
    for name in named:
        if why := _no_label(table, name):
            notes.append(f"column {name!r} is named like a label but {why}: it is not taken for one (set with --label)")
        else:
            others = [other for other in named if other != name and not _no_label(table, other)][:2]
            also = (
                f"; {' or '.join(map(repr, others))} could be, too: set with --label"
                if others
                else "; set with --label"
            )
            notes.append(f"labels: column {name!r} (by its name{also})")
            return name
    return None


def _by_label_name(table: pa.Table, wanted: Wanted) -> list[str]:
    """Columns named like a label, the plainest names first."""
    other = {wanted.text, wanted.image, wanted.id, wanted.split, *(wanted.features or ())}
    names = [name for name in table.column_names if name not in other]
    rank = {word: position for position, word in enumerate(LABEL_WORDS)}
    found = [(rank[name.strip().lower()], at, name) for at, name in enumerate(names) if name.strip().lower() in rank]
    ends = (table.schema.field(0).name, table.schema.field(table.num_columns - 1).name) if table.num_columns else ()
    for at, name in enumerate(names):
        ending = label_ending(name)
        if ending is None or name.strip().lower() in rank:
            continue
        # "building class, 20 to 190" amid a table is a code like others; a label of numbers stands at an end
        if not pa.types.is_integer(table[name].type) or name in ends:
            found.append((len(rank) + rank[ending], at, name))
    return [name for _, _, name in sorted(found)]


def _no_label(table: pa.Table, name: str) -> str | None:
    """Why what stands in a column is no label, though its name speaks of one."""
    values = table[name]
    filled = len(values) - values.null_count
    kinds = len(values.unique().drop_null())
    if pa.types.is_floating(values.type) and kinds > max(20, filled // 10):
        return f"holds {kinds:,} different numbers"
    if kinds == filled >= 20:
        return f"holds another value in each of its {filled:,} filled rows"
    return None


def _label_by_content(
    table: pa.Table, wanted: Wanted, label: str | None, free: Sequence[str], notes: list[str], *, only: bool = True
) -> str | None:
    """The only other column with few values, beside texts or pictures; of several, and of a table's, what could be."""
    if label or wanted.label:
        return label
    other = {wanted.text, wanted.image, wanted.id, wanted.split, *(wanted.features or ())}
    few = {name: kinds for name in free if name not in other and (kinds := _few_values(table, name))}
    useful = [name for name in free if name not in other and not (_counts_rows(table, name) or speaks_of_time(name))]
    if only and len(few) == 1 and useful == list(few):
        name = useful[0]
        notes.append(f"labels: column {name!r} (the only other column, {few[name]:,} values; set with --label)")
        return name
    if only and (spread := _spread_label(table, few)):
        notes.append(spread)
        return None
    could = ", ".join(
        f"{name!r} ({kinds:,} values)"
        for name, kinds in sorted(few.items(), key=lambda item: (not named_like_label(item[0]), item[1]))[:4]
    )
    hint = f"; {could} could be" if could else ""
    notes.append(f"labels: none (name the column with --label{hint}); label checks are left out")
    return None


def _spread_label(table: pa.Table, few: Mapping[str, int]) -> str | None:
    """What to say of labels that are spread over columns of 0 and 1, one a class."""
    ones = [
        name
        for name, kinds in few.items()
        if kinds == 2 and set(table[name].unique().drop_null().to_pylist()) == {0, 1}
    ]
    if len(ones) < 3:
        return None
    sums = reduce(pc.add, (pc.fill_null(table[name].cast(pa.int64()), 0) for name in ones))
    shown = ", ".join(ones[:3]) + (", ..." if len(ones) > 3 else "")
    if pc.all(pc.equal(sums, 1)).as_py():
        return (
            f"labels: none; {shown} hold one 1 a row: that is one label in {len(ones)} columns, which is not read: make one "
            "column of them and name it with --label; label checks are left out"
        )
    return (
        f"labels: none; {shown} hold 0 or 1: several labels a row are not read yet; for the checks of one of them: "
        f"--label {ones[0]}; label checks are left out"
    )


def _few_values(table: pa.Table, name: str) -> int:
    """How many values a column of classes has; 0 where it is none."""
    values = table[name]
    kind = values.type
    whole = pa.types.is_floating(kind) and bool(pc.all(pc.equal(values, pc.floor(values))).as_py())
    if speaks_of_time(name) or not (
        _is_string(table, name) or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or whole
    ):
        return 0
    kinds, filled = len(values.unique().drop_null()), len(values) - values.null_count
    return kinds if 2 <= kinds <= min(MOST_CLASSES, max(2, filled // CLASS_ROWS)) and 2 * filled > len(values) else 0


def _counts_rows(table: pa.Table, name: str) -> bool:
    """Does a column only number the rows, or hold one value?"""
    first = name == table.schema.field(0).name  # `column_names` makes a list of all of them at each call
    return ((first or _named_numbering(name)) and _one_each(table[name])) or len(table[name].unique()) == 1


def _named_numbering(name: str) -> bool:
    return bool({"id", "index", "row", "no", "nr", "unnamed"} & set(parts_of(name)))


def _one_each(values: pa.ChunkedArray) -> bool:
    """Whole numbers, each once and none between them left out."""
    if not pa.types.is_integer(values.type) or values.null_count or len(values) < 2:
        return False
    ends = pc.min_max(values).as_py()
    return len(values.unique()) == len(values) == ends["max"] - ends["min"] + 1


def _split(cells: Cells, wanted: Wanted, notes: list[str], taken: set[str | None]) -> str | None:
    table = cells.table
    if wanted.split == NONE:
        return None
    if wanted.split:
        return column(table, wanted.split, "split")
    for name in table.column_names:
        named = {"split", "subset", "partition", "fold", "set"} & set(parts_of(name))
        if name in taken or not (name == cells.split or named) or not _is_string(table, name):
            continue
        values = sorted(str(value) for value in table[name].unique().drop_null().to_pylist() if str(value).strip())
        if name == cells.split or (0 < len(values) <= MOST_SPLITS and all(map(is_split_name, values))):
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


def guess_image(cells: Cells, free: Sequence[str], *, addresses: bool = False) -> str | None:
    """The column that holds pictures or names image files; with ``addresses``, one of http(s) addresses of pictures, too.

    Addresses are fetched by the analysis, and nothing is fetched that nobody asked for.
    """
    for name in free:
        if name in cells.pictures or (name in cells.blobs and _are_pictures(cells.blobs[name])):
            return name
    for name in sorted(free, key=lambda name: name.lower() not in IMAGE_NAMES):
        values = _values(cells.table, name)
        if not values or (not addresses and len(values) < FILLED * min(cells.table.num_rows, SAMPLE)):
            continue
        at_address = [is_url(value) for value in values]
        if sum(at_address) > 0.2 * len(values) and not addresses:
            continue
        named = sum(PurePosixPath(re.split(r"[?#]", value)[0]).suffix.lower() in IMAGE_ENDINGS for value in values)
        if PICTURE_NAME.search(name):  # addresses of pictures need no ending
            named = max(named, sum(at_address))
        if named >= 0.8 * len(values):
            return name
    return None


def _are_pictures(blobs: Sequence[bytes | None]) -> bool:
    """Do these bytes begin as image files do? Embeddings and other binary columns do not."""
    sample = list(islice((blob for blob in blobs if blob), 20))
    return any(blob.startswith(PICTURE_MAGIC) or blob[8:12] == b"WEBP" or blob[4:8] == b"ftyp" for blob in sample)


def _guess_text(table: pa.Table, free: Sequence[str], wide: bool | None = None) -> str | None:
    """The string column that reads most like prose: several words a cell, mostly distinct.

    ``wide``: a table of many columns, in which only a column that is named as text makes it one of texts; None = as it is.
    """
    best: tuple[float, str] | None = None
    if wide is None:
        wide = sum(not _counts_rows(table, name) for name in free) > FEW_COLUMNS
    for name in free:
        values = _values(table, name)
        if wide and len(values) < FILLED * min(table.num_rows, SAMPLE):  # remarks on some rows of a table
            continue
        if not values or sum(bool(is_url(value) or EMAIL.fullmatch(value)) for value in values) > len(values) / 2:
            continue
        words = sum(map(count_words, values)) / len(values)
        kinds = len(set(values))
        distinct = kinds / len(values)
        named = text_rank(name) == 2
        prose = distinct > 0.3 and (words >= 4 or _letters(values) >= 40)
        prose = prose or (named and ((words >= 1.5 and distinct > 0.05) or (kinds >= SOME_TEXTS and not wide)))
        score = max(words, 0.1) * distinct * (3 if named else 1)
        if prose and (best is None or score > best[0]):
            best = (score, name)
    if best is None:
        return None
    # a wide table with one descriptive column is a table
    return best[1] if text_rank(best[1]) == 2 or not wide else None


def _letters(values: Sequence[str]) -> float:
    """Letters a cell."""
    return sum(sum(map(str.isalpha, value)) for value in values) / len(values)


def _any_text(table: pa.Table, free: Sequence[str], notes: list[str]) -> str:
    name = next((name for name in free if _is_string(table, name)), None)
    if name is None:
        raise UsageError("no column holds text; name it with --text")
    notes.append(f"text column: {name!r} (the first with text; set with --text)")
    return name
