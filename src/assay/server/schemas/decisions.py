"""Decisions: what is asked for, what would happen, what happened.

In: JSON, entries of the log. Out: bodies. Does not know: what an action does.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from assay.server.schemas.base import MOST, Body, Label, Note, RowNumber
from assay.server.schemas.filters import FilterBody, SortBody


class RowsTarget(Body):
    """Rows named one by one."""

    rows: list[RowNumber] = Field(max_length=MOST)


class ViewTarget(Body):
    """Rows of a filter, in its order: all, the first ``top``, or the given ranges of positions."""

    filter: FilterBody
    sort: SortBody | None = None
    top: int | None = Field(default=None, ge=1, lt=2**31)
    ranges: list[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]] | None = Field(
        default=None, max_length=10_000
    )


Action = Literal["keep", "label", "exclude", "auto-fix", "unresolved", "clear", "tag", "untag", "note"]


class DecisionBody(Body):
    """What is asked for. ``label`` goes with "label"; ``text`` is the tag, or the note."""

    action: Action
    target: RowsTarget | ViewTarget
    label: Label | None = None
    text: Note | None = None
    policy: Literal["reference", "auto"] = "reference"
    overwrite: bool | None = None
    route: Literal["row", "selection", "bulk", "class"] | None = None


class ActBody(DecisionBody):
    """``token``: made by the client; sent again it does nothing twice. ``seen``: the log number its screen showed."""

    token: Annotated[str, StringConstraints(min_length=8, max_length=64)] | None = None
    seen: int | None = Field(default=None, ge=0, lt=2**31)


class UndoBody(Body):
    number: int | None = Field(default=None, ge=1, lt=2**31)
    token: Annotated[str, StringConstraints(min_length=8, max_length=64)] | None = None


class Preview(BaseModel):
    """What an action would change; ``pairs``: (given, new, rows), most rows first; ``first``: some of the rows."""

    model_config = ConfigDict(extra="allow")

    action: str
    n: int
    relabeled: int
    excluded: int
    skipped: dict[str, int]
    pairs: list[tuple[Label | None, Label | None, int]]
    first: list[dict[str, Any]]


class EntryOut(BaseModel):
    """One entry of the log without its rows."""

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


class Done(BaseModel):
    """``entry`` is null where nothing had to change. ``kept``: rows of an undo that a later decision holds."""

    entry: EntryOut | None
    summary: Preview | None
    kept: int = 0
    number: int


class LogPage(BaseModel):
    entries: list[EntryOut]
    number: int


class EntryDetail(EntryOut):
    rows: list[dict[str, Any]]


class LogDiff(BaseModel):
    start: int
    stop: int
    total: int
    rows: list[dict[str, Any]]
