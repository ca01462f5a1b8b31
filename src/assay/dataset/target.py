"""What a dataset is labelled with: classes or nothing today; sets of classes, numbers, votes of several people tomorrow.

In: labels as they were given. Out: `Target`: a column that is written, how it is read back, and what every room may ask of
it. Does not know: rows besides their labels, models, issues.

A task is one subclass of `Target`, entered in `TARGETS`, and one entry of `LABEL_STAGES` in analysis/pipeline.py, which says
what is learned from it and which label check follows. Nothing else asks which task it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import UsageError
from assay.sources.columns import OTHER_LABEL

Label = str | int | float | bool
SMALL = 10  # with fewer labelled rows, all in classes of their own, nothing is odd


class Target(ABC):
    """The labels of every row number, encoded.

    ``column``: Arrow (N,), what the dataset's parts hold. ``header``: JSON values beside it.
    """

    task: ClassVar[str]  # its name on the command line and in records
    column_type: ClassVar[pa.DataType]

    def __init__(self, column: pa.Array, header: Mapping[str, Any]) -> None:
        self.column, self.header = column, dict(header)

    def __len__(self) -> int:
        return len(self.column)

    @classmethod
    @abstractmethod
    def encode(cls, given: pa.Array | None, before: Mapping[str, Any] | None) -> tuple[pa.Array, dict[str, Any]]:
        """(column, header) of labels as they came; ``before``: the header of the run before, whose codes keep their meaning."""

    @classmethod
    def check(cls, given: pa.Array, column: str) -> list[str]:
        """What to say of labels of this task that came from a column, before anything is written; `UsageError` for labels that it
        cannot be about."""
        return []

    @classmethod
    def absent(cls, column: pa.Array) -> pa.Array:
        """The column with what stands for "no label" where a row vanished from the source."""
        return column

    @property
    @abstractmethod
    def classes(self) -> list[Label]:
        """Position = class code; [] where labels are no classes."""

    @property
    @abstractmethod
    def labelled(self) -> NDArray[np.bool_]:
        """(N,) rows that carry a label."""

    @property
    @abstractmethod
    def codes(self) -> NDArray[np.int32]:
        """(N,) a class a row, -1 = none: of classes the class itself, of other labels what folds are stratified by."""

    @abstractmethod
    def decode(self, column: pa.Array) -> NDArray[np.object_]:
        """Values of such a column as they were given, None = unlabelled."""

    @abstractmethod
    def fit_decision(self, label: Any) -> Any:
        """A label that a person decided on, in the type of this target; `UsageError` where it does not fit."""

    @property
    def has_labels(self) -> bool:
        """Whether the data came with labels at all."""
        return True

    @property
    def why_nothing_to_learn(self) -> str:
        """A reason where no model can be trained on these labels, else ""."""
        return ""


def classes_of(given: pa.Array | None) -> list[Label]:
    """Distinct labels, sorted: numbers by value, strings by their UTF-8 bytes."""
    if given is None:
        return []
    values = given.unique().drop_null().to_pylist()
    return sorted(values, key=lambda value: value.encode() if isinstance(value, str) else value)


class ClassTarget(Target):
    """One class a row or none: int32 codes into ``classes``. ``known``: every class the project has had, in the order of
    first appearance, so that a code keeps its meaning over a run without labels, too."""

    task = "multi-class"
    column_type = pa.int32()

    @classmethod
    def check(cls, given: pa.Array, column: str) -> list[str]:
        labelled, classes = len(given) - given.null_count, len(given.unique().drop_null())
        if pa.types.is_floating(given.type) and classes > max(20, labelled // 10):
            raise UsageError(
                f"the label column {column!r} holds {classes:,} different numbers: that looks like a value to predict; "
                f"regression is not there yet; {OTHER_LABEL}"
            )
        if classes == labelled >= SMALL:
            raise UsageError(
                f"the label column {column!r} has as many classes as rows ({labelled:,}): it looks like an id; {OTHER_LABEL}"
            )
        if classes > 0.5 * labelled and labelled > 20:
            return [f"the label column {column!r} has {classes:,} classes for {labelled:,} rows: is it the right one?"]
        return []

    @classmethod
    def encode(cls, given: pa.Array | None, before: Mapping[str, Any] | None) -> tuple[pa.Array, dict[str, Any]]:
        known = list(before.get("known", ())) if before else []
        now = classes_of(given)
        if known and now and {type(name) for name in known} == {type(name) for name in now}:
            old = set(known)
            now = [*known, *(name for name in now if name not in old)]
        header = {"classes": now, "known": now or known}
        if given is None or not now:
            return pa.array(np.full(0 if given is None else len(given), -1, np.int32)), header
        index = pc.index_in(given, value_set=pa.array(now, type=given.type)).fill_null(-1)
        return index.cast(pa.int32()), header

    @classmethod
    def absent(cls, column: pa.Array) -> pa.Array:
        return column.fill_null(-1)

    @property
    def classes(self) -> list[Label]:
        return list(self.header["classes"])

    @property
    def codes(self) -> NDArray[np.int32]:
        return np.asarray(self.column.to_numpy(zero_copy_only=False), np.int32)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        return self.codes >= 0

    def decode(self, column: pa.Array) -> NDArray[np.object_]:
        classes = self.classes
        values = np.empty(len(classes) + 1, object)  # the last one, also index -1: None
        values[: len(classes)] = classes
        return values[np.asarray(column.to_numpy(zero_copy_only=False))]

    def fit_decision(self, label: Any) -> Label:
        known = self.classes
        return fit_label(label, type(known[0]) if known else None)

    @property
    def why_nothing_to_learn(self) -> str:
        if len(np.unique(self.codes[self.labelled])) < 2:
            return "all labelled rows carry one class, so nothing can be learned about labels"
        return ""


class NoTarget(ClassTarget):
    """No labels. Classes of earlier runs stay known."""

    task = "unsupervised"

    @property
    def has_labels(self) -> bool:
        return False

    @property
    def why_nothing_to_learn(self) -> str:
        return "the data has no labels"


TARGETS: dict[str, type[Target]] = {ClassTarget.task: ClassTarget, NoTarget.task: NoTarget}

KINDS: dict[type, str] = {bool: "true or false", int: "whole numbers", float: "numbers", str: "texts"}
LONGEST = 1_000  # characters of a label


def fit_label(label: Any, kind: type | None) -> Label:
    """The label in the type ``kind`` of the given ones ("7" becomes 7 among whole numbers); `UsageError` if it does not fit."""
    if isinstance(label, np.generic):
        label = label.item()
    if not isinstance(label, str | int | float | bool) or (isinstance(label, float) and not np.isfinite(label)):
        raise UsageError(f"the label {label!r} is no label: give a text or a number")
    if isinstance(label, str) and not label.strip():
        raise UsageError("the label is blank; to take a decision back use the action clear")
    if isinstance(label, str) and len(label) > LONGEST:
        raise UsageError(f"the label is longer than {LONGEST:,} characters")
    if kind is None or kind is type(label):
        return label
    fitted = _converted(label, kind)
    if fitted is None:
        raise UsageError(f"the label {label!r} does not fit: the labels of this project are {KINDS[kind]}")
    return fitted


def fits(label: Label | None, kind: type | None) -> bool:
    """Can labels of the type ``kind`` hold this one? No label fits all, and no type takes all."""
    return label is None or kind is None or kind is type(label) or _converted(label, kind) is not None


def _converted(label: Label, kind: type) -> Label | None:
    if kind is str:
        return str(label)
    if kind is bool:
        return {"true": True, "false": False, "1": True, "0": False}.get(str(label).strip().lower())
    if isinstance(label, bool):
        return None
    try:
        number = float(label)
        if kind is float:
            return number if np.isfinite(number) else None
        return int(label) if isinstance(label, str) else int(number) if number.is_integer() else None
    except (ValueError, OverflowError):
        return None
