"""What the insights say: one finding about a class, a column or the dataset.

In: nothing. Out: `Finding`. Does not know: how findings are made or shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """``message`` is a sentence for a person; ``data`` holds the same as JSON values."""

    check: str  # a name such as "class_names", "label_error_rate", "labels_withheld", "corrections", "columns", "cells"
    title: str
    subject: list[Any]  # the classes or columns it is about, as the user wrote them
    message: str
    data: dict[str, Any] = field(default_factory=dict)


def quote(name: object) -> str:
    """A class or column name inside a sentence, cut at 80 characters."""
    text = str(name)
    return f"“{text if len(text) <= 80 else text[:79] + '…'}”"
