"""Which column may hold the labels where none is called so: by name and by how many values it has.

In: the user's cells. Out: guesses, the likeliest first. Does not know: what a person then chooses.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.sources.words import LABEL_WORDS, speaks_of_time

# whole words of a column's name that may mean "what the row is", where nothing is called a label outright
NAMES = frozenset(LABEL_WORDS) | {
    "condition",
    "genre",
    "type",
    "kind",
    "group",
    "status",
    "result",
    "answer",
    "risk",
    "vote",
}
IDS = frozenset({"id", "ids", "key", "uuid", "code"})  # words that name things, not kinds of rows
MOST = 200  # different values of a label
ROWS_EACH = 4  # rows that a class has at least, on average
NEARLY_ALL = 0.99  # of the rows of one value: no label, but what hardly ever differs
SHOWN = 12  # classes that are named
GUESSES = 5


@dataclass(frozen=True)
class LabelGuess:
    """``named``: does its name say so? Else only the number of its values."""

    column: str
    named: bool
    n_classes: int
    classes: list[Any]


def guess_labels(cells: pa.Table, taken: Collection[str | None] = ()) -> list[LabelGuess]:
    """Columns of 2 to `MOST` different texts, truth values or whole numbers with `ROWS_EACH` rows a value on average.

    Those whose name says so come first, then those of fewer values. ``taken``: columns that are something else already.
    Numbers count only with a name that says so: a number of few values is as often a measurement. Cost: one pass a column.
    """
    found = []
    for name in cells.column_names:
        column = cells[name]
        named = named_like_label(name)
        textual = (
            pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_boolean(column.type)
        )
        if (
            name in taken
            or IDS & set(_words(name))
            or speaks_of_time(name)
            or not (textual or (named and pa.types.is_integer(column.type)))
        ):
            continue
        if textual and not pa.types.is_boolean(column.type) and (pc.max(pc.utf8_length(column)).as_py() or 0) > 100:
            continue
        values = pc.value_counts(column.drop_null().combine_chunks())
        if not 2 <= len(values) <= min(MOST, max(2, len(column) // ROWS_EACH)):
            continue
        if (pc.max(values.field("counts")).as_py() or 0) > NEARLY_ALL * len(column):
            continue
        order = pc.sort_indices(values, sort_keys=[("counts", "descending")])
        classes = values.field("values").take(order).to_pylist()
        found.append(LabelGuess(name, named, len(classes), classes[:SHOWN]))
    return sorted(found, key=lambda guess: (not guess.named, guess.n_classes))[:GUESSES]


def named_like_label(name: str) -> bool:
    """Does a whole word of the name mean what a row is?"""
    return not NAMES.isdisjoint(_words(name))


def _words(name: str) -> list[str]:
    return name.lower().replace("-", "_").replace(" ", "_").split("_")
