"""What a reviewer asks for, as JSON and as values: a filter and a sort.

In: JSON of a URL or a request. Out: `Filter`, `Sort`; `UsageError` naming what is wrong and what is allowed.
Does not know: rows. Whether a column, class or split exists is told when the filter meets a table (`assay.query.masks`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from assay.actions.entry import ACTION_NAMES
from assay.checks import CHECK_BY_NAME, CHECKS
from assay.dataset.target import Label
from assay.errors import UsageError

CLEAN = "clean"  # no check but the harmless ones has flagged the row
SORTS = ("order", "cluster", "similar", "decided")
MOST_KEYS = 4  # further sort keys
EXPLICIT = "column:"  # a column of the user's that is named like one of SORTS


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), f"the number {value!r}" if isinstance(value, int | float) else type(value).__name__)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(where: str, value: Any, wanted: str) -> UsageError:
    return UsageError(f"{where} must be {wanted}, not {_kind(value)}")


def _list(where: str, value: Any, wanted: str, good: Callable[[Any], bool]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(where, value, f"a list of {wanted}")
    for item in value:
        if not good(item):
            raise _wrong(f"each value of {where}", item, wanted)
    return tuple(value)


def _labels(where: str, value: Any) -> tuple[Label | None, ...]:
    wanted = "labels (strings, numbers, true or false, null = none)"
    return _list(where, value, wanted, lambda item: item is None or isinstance(item, str | int | float | bool))


def _strings(where: str, value: Any) -> tuple[str, ...]:
    return _list(where, value, "strings", lambda item: isinstance(item, str))


def _checks(where: str, value: Any) -> tuple[str, ...]:
    names = _strings(where, value)
    for name in names:
        if name != CLEAN and name not in CHECK_BY_NAME:
            allowed = ", ".join([*(check.name for check in CHECKS), CLEAN])
            raise UsageError(f"{where}: there is no check {name!r}; choose from {allowed}")
    return names


def _actions(where: str, value: Any) -> tuple[str, ...]:
    names = _strings(where, value)
    for name in names:
        if name not in ACTION_NAMES:
            allowed = ", ".join(repr(action) for action in ACTION_NAMES)
            raise UsageError(f'{where}: there is no action {name!r}; choose from {allowed} ("" = undecided)')
    return names


def _numbers(where: str, value: Any) -> tuple[int, ...]:
    return _list(where, value, "whole numbers", lambda item: _whole(item) and item >= 0)


def _splits(where: str, value: Any) -> tuple[str | None, ...]:
    return _list(where, value, "strings (null = none)", lambda item: item is None or isinstance(item, str))


def _ids(where: str, value: Any) -> tuple[str | int, ...]:
    return _list(where, value, "row ids (strings or whole numbers)", lambda item: isinstance(item, str) or _whole(item))


def _bool(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, value, "true or false")
    return value


def _note(where: str, value: Any) -> bool | str:
    if not isinstance(value, bool | str):
        raise _wrong(where, value, "true, false or the text that the note contains")
    return value


@dataclass(frozen=True)
class Likeness:
    """What rows are to be like: one of a row number, a text, or a picture by the key that `Views.picture` gave it."""

    row: int | None = None
    text: str | None = None
    picture: str | None = None

    @classmethod
    def from_json(cls, where: str, value: Any) -> Likeness:
        allowed = f'{where} must be an object with one of row (a row number), text, picture, such as {{"row": 17}}'
        if not isinstance(value, Mapping) or len(value) != 1:
            raise UsageError(allowed)
        key, wanted = next(iter(value.items()))
        good = _whole(wanted) and wanted >= 0 if key == "row" else isinstance(wanted, str) and wanted.strip()
        if key not in ("row", "text", "picture") or not good:
            raise UsageError(allowed)
        return cls(**{key: wanted})

    def to_json(self) -> dict[str, Any]:
        values = {"row": self.row, "text": self.text, "picture": self.picture}
        return {key: value for key, value in values.items() if value is not None}


def _refuse_broken(where: str, value: Any) -> None:
    """JSON can name halves of characters, which no text holds and Arrow does not take."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        raise UsageError(f"{where} holds what is no text or number: {error}") from error


@dataclass(frozen=True)
class Condition:
    """One condition on a column: a range (both ends belong to it), values, a text it contains, or blank."""

    column: str
    min: float | str | None = None
    max: float | str | None = None
    among: tuple[Label | None, ...] | None = None
    contains: str | None = None
    blank: bool | None = None

    @classmethod
    def from_json(cls, where: str, value: Any) -> Condition:
        allowed = "column, with min and max, or in, or contains, or blank"
        if not isinstance(value, Mapping):
            raise _wrong(where, value, f"an object of {allowed}")
        unknown = sorted(set(value) - {"column", "min", "max", "in", "contains", "blank"})
        if unknown:
            raise UsageError(f"{where}: there is no key {unknown[0]!r}; the keys are {allowed}")
        if not isinstance(value.get("column"), str):
            raise _wrong(f"{where}: column", value.get("column"), "the name of a column")
        kinds = [key for key in ("in", "contains", "blank") if key in value]
        kinds += ["min and max"] if "min" in value or "max" in value else []
        if len(kinds) != 1:
            raise UsageError(f"{where}: a condition on {value['column']!r} has one of min and max, in, contains, blank")
        for end in ("min", "max"):
            bound = value.get(end)
            if end in value and (isinstance(bound, bool) or not isinstance(bound, int | float | str)):
                raise _wrong(f"{where}: {end}", bound, "a number, or a date as a string")
        contains = value.get("contains")
        if "contains" in value and (not isinstance(contains, str) or not contains):
            raise _wrong(f"{where}: contains", contains, "a text of at least one character")
        among = _labels(f"{where}: in", value["in"]) if "in" in value else None
        blank = _bool(f"{where}: blank", value["blank"]) if "blank" in value else None
        return cls(value["column"], value.get("min"), value.get("max"), among, contains, blank)

    def to_json(self) -> dict[str, Any]:
        values = {
            "min": self.min,
            "max": self.max,
            "in": None if self.among is None else list(self.among),
            "contains": self.contains,
            "blank": self.blank,
        }
        return {"column": self.column} | {key: value for key, value in values.items() if value is not None}


def _conditions(where: str, value: Any) -> tuple[Condition, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(where, value, "a list of conditions")
    return tuple(Condition.from_json(f"{where}[{at}]", item) for at, item in enumerate(value))


READERS: dict[str, Callable[[str, Any], Any]] = {
    "any": _checks,
    "all": _checks,
    "none": _checks,
    "given": _labels,
    "suggested": _labels,
    "predicted": _labels,
    "corrected": _labels,
    "final": _labels,
    "action": _actions,
    "by": _strings,
    "tag": _strings,
    "untagged": _bool,
    "note": _note,
    "resolved": _bool,
    "split": _splits,
    "cluster": _numbers,
    "rows": _numbers,
    "ids": _ids,
    "odd_cells": _bool,
    "similar": Likeness.from_json,
    "where": _conditions,
}
OF_STATE = ("corrected", "final", "action", "by", "tag", "untagged", "note", "resolved")


@dataclass(frozen=True)
class Filter:
    """Rows for which every given key holds; a key that is not given (None) holds for all rows.

    A list chooses rows with one of its values, so an empty list chooses no row; only an empty ``any`` is no condition.
    ``any``, ``all``, ``none``: names of checks, or "clean". Labels: values, None = unlabelled or none.
    ``corrected``: labels of decisions; ``final``: the corrected label or else the given one.
    ``odd_cells``: a cell of the row is unusual in its column. ``similar``: what the rows are to be like.
    ``where``: conditions on columns, all of which hold.
    """

    any: tuple[str, ...] | None = None
    all: tuple[str, ...] | None = None
    none: tuple[str, ...] | None = None
    given: tuple[Label | None, ...] | None = None
    suggested: tuple[Label | None, ...] | None = None
    predicted: tuple[Label | None, ...] | None = None
    corrected: tuple[Label | None, ...] | None = None
    final: tuple[Label | None, ...] | None = None
    action: tuple[str, ...] | None = None
    by: tuple[str, ...] | None = None
    tag: tuple[str, ...] | None = None
    untagged: bool | None = None
    note: bool | str | None = None
    resolved: bool | None = None
    split: tuple[str | None, ...] | None = None
    cluster: tuple[int, ...] | None = None
    rows: tuple[int, ...] | None = None
    ids: tuple[str | int, ...] | None = None
    odd_cells: bool | None = None
    similar: Likeness | None = None
    where: tuple[Condition, ...] | None = None

    @classmethod
    def from_json(cls, value: Any) -> Filter:
        """The filter that ``to_json`` wrote. Raises `UsageError` for an unknown key, check or action, or a wrong type."""
        if value is None:
            return cls()
        if not isinstance(value, Mapping):
            raise _wrong("the filter", value, "an object")
        for key in value:
            if key not in READERS:
                raise UsageError(f"the filter has no key {key!r}; the keys are {', '.join(READERS)}")
        _refuse_broken("the filter", value)
        return cls(**{key: READERS[key](key, item) for key, item in value.items()})

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if field.name == "similar":
                value = value.to_json()
            elif field.name == "where":
                value = [condition.to_json() for condition in value]
            out[field.name] = list(value) if isinstance(value, tuple) else value
        return out

    @cached_property
    def key(self) -> str:
        """Equal for filters that mean the same to a cache."""
        return json.dumps(self.to_json(), sort_keys=True)

    @property
    def of_state(self) -> bool:
        """Whether the rows depend on decisions, tags or notes."""
        return any(getattr(self, name) is not None for name in OF_STATE)


@dataclass(frozen=True)
class Sort:
    """``by``: a column, "order" (the user's), "cluster", "decided" (the number of the deciding entry), or "similar"
    (likeness; descending: the most alike first).

    Ties keep the user's order in both directions; rows without a value come last in both. ``then``: further keys, which break
    ties. ``column:NAME`` names a column of the user's that is called like one of these words.
    """

    by: str
    descending: bool = False
    then: tuple[Sort, ...] = ()

    @classmethod
    def from_json(cls, value: Any) -> Sort | None:
        """None (null) is the default sort of the table."""
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise _wrong("the sort", value, "an object of by and descending")
        unknown = sorted(set(value) - {"by", "descending", "then"})
        if unknown:
            raise UsageError(f"the sort has no key {unknown[0]!r}; the keys are by, descending, then")
        if not isinstance(value.get("by"), str):
            raise _wrong("sort: by", value.get("by"), f"the name of a column, or one of {', '.join(SORTS)}")
        _refuse_broken("the sort", value)
        then = value.get("then") or []
        if not isinstance(then, list | tuple) or len(then) > MOST_KEYS:
            raise _wrong("sort: then", then, f"a list of at most {MOST_KEYS} sorts")
        further = tuple(key for item in then if (key := cls.from_json(item)) is not None)
        if any(key.then or key.by == "similar" for key in further):
            raise UsageError('sort: then: a further key has no keys of its own, and is not "similar"')
        return cls(value["by"], _bool("sort: descending", value.get("descending", False)), further)

    def to_json(self) -> dict[str, Any]:
        then = {"then": [key.to_json() for key in self.then]} if self.then else {}
        return {"by": self.by, "descending": self.descending} | then

    @property
    def keys(self) -> tuple[Sort, ...]:
        """Itself and the further keys, the first first."""
        return (Sort(self.by, self.descending), *self.then)

    @property
    def column(self) -> str | None:
        """The column it names; None for one of `SORTS`."""
        if self.by in SORTS:
            return None
        return self.by.removeprefix(EXPLICIT)

    @property
    def of_state(self) -> bool:
        return any(key.by == "decided" for key in self.keys)
