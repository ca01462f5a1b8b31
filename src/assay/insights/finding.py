"""What the insights say: one finding about classes, a column or the dataset.

In: nothing. Out: `Finding`. Does not know: how findings are made or shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assay.printable import listed


@dataclass(frozen=True)
class Finding:
    """``message`` is a sentence for a person; ``data`` holds what belongs to this check alone, as JSON values.

    check : "relation", "relation_group", "class_quality", "label_error_rate", "corrections", "class_names", "rare_classes",
        "columns", "split_leakage", "split_shift", "row_order", "property_shortcut", "weak_group", "model_quality" ...
    subject : the classes or columns it is about, as the user wrote them.
    type : the kind within the check; of a relation "same_thing", "is_a", "has_a", "looks_alike", "should_split",
        "catch_all" or "empty". "" where ``check`` says all.
    classes : the class names, a list; where the relation has a direction {"general", "specific"} or {"holder", "held"}.
    strength, low, high : a share in 0..1 with its 95 % interval; None where there is nothing of the kind.
    rows : how many rows the finding explains.
    examples : a few of these rows: row numbers where it is made, row ids where it is read.
    action : what could be done about it, {"kind", "title", ...}; None where nothing is proposed. See `assay.insights.proposals`.
    """

    check: str
    title: str
    subject: list[Any]
    message: str
    data: dict[str, Any] = field(default_factory=dict)
    type: str = ""
    classes: list[Any] | dict[str, Any] = field(default_factory=list)
    strength: float | None = None
    low: float | None = None
    high: float | None = None
    rows: int = 0
    examples: list[Any] = field(default_factory=list)
    action: dict[str, Any] | None = None


def quote(name: object) -> str:
    """A class or column name inside a sentence, cut at 80 characters."""
    text = str(name)
    return f"“{text if len(text) <= 80 else text[:79] + '…'}”"


WORTH_A_WORD = 3  # rows from which two classes of theirs, given and suggested or side by side, are named in a sentence
PROPERTIES = {
    "num_characters": "number of characters",
    "non_language": "part that is no language",
    "pii_score": "weight of personal data",
    "brightness_p1": "brightness of the darkest hundredth",
    "brightness_p5": "brightness of the darkest twentieth",
    "brightness_p50": "middle brightness",
    "brightness_p95": "brightness of the lightest twentieth",
    "brightness_p99": "brightness of the lightest hundredth",
}


COLUMN = "column “"


def in_column(name: str) -> str:
    """A column among measured properties."""
    return f"column {quote(name)}"


def in_words(name: str) -> str:
    """A measured property as a person would call it; a column keeps the name it has."""
    if name.startswith(COLUMN):
        return name
    return PROPERTIES.get(name, name.replace("_", " "))


def listed_names(names: list[Any], most: int = 5) -> str:
    """“a”, “b” and “c”; beyond ``most`` names "and 3 more"."""
    shown = [quote(name) for name in names[:most]]
    if len(names) > most:
        return ", ".join(shown) + f" and {len(names) - most:,} more"
    return listed(shown)


def rows_of(count: int) -> str:
    """ "1 row", "1,200 rows"."""
    return "1 row" if count == 1 else f"{count:,} rows"
