"""What a reviewer asks for, as JSON and as values: a filter and a sort. The only declaration of the filter language.

In: JSON of a URL or a request. Out: `Filter`, `Sort`; `UsageError` naming what is wrong and what is allowed.
Does not know: rows. Whether a column, class or split exists is told when the filter meets a table (`assay.query.masks`).

The server's requests hold these types, so its OpenAPI document and the types of the page are made from them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import (
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass

from assay.actions.entry import ACTION_NAMES
from assay.checks import CHECK_BY_NAME, CHECKS
from assay.errors import UsageError

CLEAN = "clean"  # no check but the harmless ones has flagged the row
SORTS = ("order", "cluster", "similar", "decided")
MOST_KEYS = 4  # further sort keys
EXPLICIT = "column:"  # a column of the user's that is named like one of SORTS
MOST = 100_000  # rows that may be named one by one; more are chosen by a condition
OF_STATE = ("corrected", "final", "action", "by", "tag", "untagged", "note", "resolved")

CONFIG = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)
Value = StrictBool | StrictInt | StrictFloat | StrictStr  # of a label or a cell
Short = Annotated[StrictStr, StringConstraints(max_length=200)]
Note = Annotated[StrictStr, StringConstraints(max_length=10_000)]
RowNumber = Annotated[StrictInt, Field(ge=0, lt=2**31)]


def _asked(wanted: str, **options: Any) -> Any:
    """A key that may be left out; ``wanted`` completes "must be ..."."""
    return Field(default=None, description=wanted, **options)


LABELS = "a list of labels (strings, numbers, true or false, null = none)"
STRINGS = "a list of strings"
NUMBERS = "a list of whole numbers"
YES = "true or false"
CONDITION = "an object of column, with min and max, or in, or contains, or blank"
LIKENESS = 'an object with one of row (a row number), text, picture, such as {"row": 17}'


@dataclass(frozen=True, config=CONFIG)
class Likeness:
    """What rows are to be like: one of a row number, a text, or a picture by the key that `Views.picture` gave it."""

    row: RowNumber | None = None
    text: Note | None = None
    picture: Short | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [value for value in (self.row, self.text, self.picture) if value is not None]
        if len(given) != 1 or (isinstance(given[0], str) and not given[0].strip()):
            raise ValueError(LIKENESS)
        return self


@dataclass(frozen=True, config=CONFIG)
class Condition:
    """One condition on a column: a range (both ends belong to it), values, a text it contains, or blank."""

    column: Short = Field(description="the name of a column")
    min: StrictInt | StrictFloat | Short | None = _asked("a number, or a date as a string")
    max: StrictInt | StrictFloat | Short | None = _asked("a number, or a date as a string")
    among: tuple[Value | None, ...] | None = _asked(LABELS, alias="in", max_length=MOST)
    contains: Annotated[Short, StringConstraints(min_length=1)] | None = _asked("a text of at least one character")
    blank: StrictBool | None = _asked(YES)

    @model_validator(mode="after")
    def _one(self) -> Self:
        kinds = [self.among is not None, self.contains is not None, self.blank is not None]
        if sum([*kinds, self.min is not None or self.max is not None]) != 1:
            raise ValueError(f"a condition on {self.column!r} has one of min and max, in, contains, blank")
        return self


@dataclass(frozen=True, config=CONFIG)
class Filter:
    """Rows for which every given key holds; a key that is not given (None) holds for all rows.

    A list chooses rows with one of its values, so an empty list chooses no row; only an empty ``any`` is no condition.
    ``any``, ``all``, ``none``: names of checks, or "clean". Labels: values, None = unlabelled or none.
    ``corrected``: labels of decisions; ``final``: the corrected label or else the given one.
    ``odd_cells``: a cell of the row is unusual in its column. ``similar``: what the rows are to be like.
    ``contains``: a text that stands in the row's id or in a cell of a column of texts or categories, in capitals or small letters.
    ``where``: conditions on columns, all of which hold.
    """

    any: tuple[Short, ...] | None = _asked(STRINGS)
    all: tuple[Short, ...] | None = _asked(STRINGS)
    none: tuple[Short, ...] | None = _asked(STRINGS)
    given: tuple[Value | None, ...] | None = _asked(LABELS)
    suggested: tuple[Value | None, ...] | None = _asked(LABELS)
    predicted: tuple[Value | None, ...] | None = _asked(LABELS)
    corrected: tuple[Value | None, ...] | None = _asked(LABELS)
    final: tuple[Value | None, ...] | None = _asked(LABELS)
    action: tuple[Short, ...] | None = _asked(STRINGS)
    by: tuple[Short, ...] | None = _asked(STRINGS)
    tag: tuple[Short, ...] | None = _asked(STRINGS)
    untagged: StrictBool | None = _asked(YES)
    note: StrictBool | Short | None = _asked("true, false or the text that the note contains")
    resolved: StrictBool | None = _asked(YES)
    split: tuple[Short | None, ...] | None = _asked("a list of strings (null = none)")
    cluster: tuple[RowNumber, ...] | None = _asked(NUMBERS)
    rows: tuple[RowNumber, ...] | None = _asked(NUMBERS, max_length=MOST)
    ids: tuple[StrictStr | StrictInt, ...] | None = _asked(
        "a list of row ids (strings or whole numbers)", max_length=MOST
    )
    odd_cells: StrictBool | None = _asked(YES)
    similar: Likeness | None = _asked(LIKENESS)
    contains: Annotated[Short, StringConstraints(min_length=1)] | None = _asked("a text of at least one character")
    where: tuple[Condition, ...] | None = _asked("a list of conditions")

    @field_validator("any", "all", "none")
    @classmethod
    def _checks(cls, value: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        for name in value or ():
            if name != CLEAN and name not in CHECK_BY_NAME:
                allowed = ", ".join([*(check.name for check in CHECKS), CLEAN])
                raise UsageError(f"{info.field_name}: there is no check {name!r}; choose from {allowed}")
        return value

    @field_validator("action")
    @classmethod
    def _actions(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in value or ():
            if name not in ACTION_NAMES:
                allowed = ", ".join(repr(action) for action in ACTION_NAMES)
                raise UsageError(f'action: there is no action {name!r}; choose from {allowed} ("" = undecided)')
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _told(cls, value: Any, handler: Any) -> Self:
        return _read("the filter", cls, value, handler)

    @classmethod
    def from_json(cls, value: Any) -> Filter:
        """The filter that ``to_json`` wrote. Raises `UsageError` for an unknown key, check or action, or a wrong type."""
        return cls() if value is None else _FILTER.validate_python(value)

    def to_json(self) -> dict[str, Any]:
        """Only the keys that are given."""
        written: dict[str, Any] = _FILTER.dump_python(self, mode="json", by_alias=True, exclude_none=True)
        return written

    @cached_property
    def key(self) -> str:
        """Equal for filters that mean the same to a cache."""
        return json.dumps(self.to_json(), sort_keys=True)

    @property
    def of_state(self) -> bool:
        """Whether the rows depend on decisions, tags or notes."""
        return any(getattr(self, name) is not None for name in OF_STATE)


@dataclass(frozen=True, config=CONFIG)
class Sort:
    """``by``: a column, "order" (the user's), "cluster", "decided" (the number of the deciding entry), or "similar"
    (likeness; descending: the most alike first).

    Ties keep the user's order in both directions; rows without a value come last in both. ``then``: further keys, which break
    ties. ``column:NAME`` names a column of the user's that is called like one of these words.
    """

    by: Short = Field(description=f"the name of a column, or one of {', '.join(SORTS)}")
    descending: StrictBool = Field(default=False, description=YES)
    then: tuple[Sort, ...] = Field(default=(), max_length=MOST_KEYS, description=f"a list of at most {MOST_KEYS} sorts")

    @model_validator(mode="wrap")
    @classmethod
    def _told(cls, value: Any, handler: Any) -> Self:
        return _read("the sort", cls, value, handler)

    @model_validator(mode="after")
    def _flat(self) -> Self:
        if any(key.then or key.by == "similar" for key in self.then):
            raise UsageError('sort: then: a further key has no keys of its own, and is not "similar"')
        return self

    @classmethod
    def from_json(cls, value: Any) -> Sort | None:
        """None (null) is the default sort of the table."""
        return None if value is None else _SORT.validate_python(value)

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


_FILTER = TypeAdapter(Filter)
_SORT = TypeAdapter(Sort)


# what is wrong, in words --------------------------------------------------------------------------------------


def _read(what: str, kind: Any, value: Any, handler: Any) -> Any:
    """Let pydantic read; what it refuses becomes a `UsageError` in words."""
    if isinstance(value, Mapping):
        _refuse_broken(what, value)
    try:
        return handler(value)
    except ValidationError as error:
        raise UsageError(_words(what, kind, error.errors(include_url=False)[0])) from error


def _refuse_broken(where: str, value: Any) -> None:
    """JSON can name halves of characters, which no text holds and Arrow does not take."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        raise UsageError(f"{where} holds what is no text or number: {error}") from error


def _words(what: str, kind: Any, error: Any) -> str:
    """The first fault that pydantic found, with what is allowed instead."""
    keys = [field.name for field in fields(kind)]
    path, given = error["loc"], _kind(None if error["type"] == "missing" else error["input"])
    unknown = error["type"] in ("unexpected_keyword_argument", "extra_forbidden")
    if not path:
        return f"{what} must be an object{'' if kind is Filter else ' of by and descending'}, not {given}"
    key, inside = path[0], path[1:]
    if key == "similar":
        return f"similar must be {LIKENESS}"
    if key == "where" and inside:
        return _words_of_condition(f"where[{inside[0]}]", inside[1:], error, unknown, given)
    if unknown:
        return f"{what} has no key {key!r}; the keys are {', '.join(keys)}"
    wanted = _wanted(kind, key)
    if "too_long" in error["type"] or error["type"] in ("greater_than_equal", "less_than"):
        return f"{key} must be {wanted}: {error['msg']}"
    if inside and isinstance(inside[0], int):
        return f"each value of {key} must be {wanted.removeprefix('a list of ')}, not {given}"
    return f"{key if kind is Filter else f'sort: {key}'} must be {wanted}, not {given}"


def _words_of_condition(where: str, path: Any, error: Any, unknown: bool, given: str) -> str:
    if not path:
        told = error.get("ctx", {}).get("error")
        return f"{where}: {told}" if told else f"{where} must be {CONDITION}, not {given}"
    if unknown:
        return f"{where}: there is no key {path[0]!r}; the keys are {CONDITION.removeprefix('an object of ')}"
    name = "among" if path[0] == "in" else path[0]
    return f"{where}: {path[0]} must be {_wanted(Condition, name)}, not {given}"


def _wanted(kind: Any, key: str) -> str:
    """What a key must be."""
    default: Any = next(field.default for field in fields(kind) if field.name == key)
    return str(default.description)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), f"the number {value!r}" if isinstance(value, int | float) else type(value).__name__)
