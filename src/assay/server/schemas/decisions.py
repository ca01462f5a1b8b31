"""Decisions: what is asked for, what would happen, what happened.

In: JSON, entries of the log. Out: bodies. Does not know: what an action does.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from assay.query.filters import MOST, Filter, Note, RowNumber, Sort
from assay.server.schemas.base import Body, Label
from assay.server.schemas.filters import ViewBody
from assay.server.schemas.rows import Facets, Page, Row


class RowsTarget(Body):
    """Rows named one by one."""

    rows: list[RowNumber] = Field(max_length=MOST)


class ViewTarget(Body):
    """Rows of a filter, in its order: all, the first ``top``, or the given ranges of positions."""

    filter: Filter
    sort: Sort | None = None
    top: int | None = Field(default=None, ge=1, lt=2**31)
    ranges: list[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]] | None = Field(
        default=None, max_length=10_000
    )


Action = Literal["keep", "label", "exclude", "auto-fix", "unresolved", "clear", "tag", "untag", "note"]


class DecisionBody(Body):
    """What is asked for. ``label`` goes with "label"; ``text`` is the tag, or the note. An "auto-fix" relabels; only with
    ``removals`` does it leave rows out as well."""

    action: Action
    target: RowsTarget | ViewTarget
    label: Label | None = None
    text: Note | None = None
    policy: Literal["reference", "auto"] = "auto"
    overwrite: bool | None = None
    removals: bool = False
    route: Literal["row", "selection", "bulk", "class"] | None = None


class ActBody(DecisionBody):
    """``token``: made by the client; sent again it does nothing twice. ``seen``: the log number its screen showed. ``shown``: rows
    on the screen that the decision may move; ``counted``: a filter whose counts are on the screen. Both are answered as they are
    after it, so that the page need not ask again."""

    token: Annotated[str, StringConstraints(min_length=8, max_length=64)] | None = None
    seen: int | None = Field(default=None, ge=0, lt=2**31)
    shown: ViewBody | None = None
    counted: Filter | None = None


class UndoBody(Body):
    number: int | None = Field(default=None, ge=1, lt=2**31)
    token: Annotated[str, StringConstraints(min_length=8, max_length=64)] | None = None


class Stand(BaseModel):
    """What a row is by the decisions."""

    action: str
    label: Label | None
    excluded: bool
    person: str = ""
    tags: list[str] = []
    note: str = ""


class Change(BaseModel):
    row: Row
    before: Stand
    after: Stand


class Removal(BaseModel):
    """A row that an auto-fix leaves out and why."""

    row: Row
    why: Literal["outlier", "unreadable"]


class Preview(BaseModel):
    """What an action would change. ``skipped``: code -> rows. ``pairs``: (given, new, rows), most rows first. ``first``: some of
    the rows. ``removals``: rows that an auto-fix leaves out, or would if it were asked to; ``first_removals``: some of them."""

    action: str
    n: int
    relabeled: int
    excluded: int
    removals: int
    skipped: dict[str, int]
    pairs: list[tuple[Label | None, Label | None, int]]
    first: list[Change]
    first_removals: list[Removal]


class EntryOut(BaseModel):
    """One entry of the log without its rows; ``pairs``: the most frequent of its ``n_pairs`` (given, new, rows)."""

    number: int
    at: str
    person: str
    action: str
    route: str
    n_rows: int
    label: Label | None = None
    text: str | None = None
    policy: str | None = None
    view: dict[str, Any] | None = None
    undoes: int | None = None
    undone: bool = False
    pairs: list[tuple[Label | None, Label | None, int]]
    n_pairs: int


class Done(BaseModel):
    """``entry`` is null where nothing had to change. ``kept``: rows of an undo that a later decision holds. ``rows``: of a
    decision on a few rows, how they stand now; ``resolved``: how many rows of the project are decided; ``page``: what was ``shown``;
    ``facets``: of what was ``counted``."""

    entry: EntryOut | None
    summary: Preview | None
    kept: int = 0
    number: int
    rows: list[Row] = []
    resolved: int | None = None
    page: Page | None = None
    facets: Facets | None = None


class LogPage(BaseModel):
    entries: list[EntryOut]
    number: int


class EntryRow(BaseModel):
    """A row that an entry changed; ``before``: the entry that had decided it, 0 = none."""

    row: Row
    label: Label | None
    excluded: bool
    before: int


class EntryDetail(EntryOut):
    rows: list[EntryRow]


class LogDiff(BaseModel):
    start: int
    stop: int
    total: int
    rows: list[Change]
