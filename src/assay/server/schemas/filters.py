"""Which rows a request means.

In: JSON. Out: filters, sorts, pages asked for. Does not know: rows.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from assay.query.filters import MOST_KEYS
from assay.server.schemas.base import MOST, PAGE, Body, Label, Note, RowNumber, Short


class Condition(Body):
    """One condition on a column: a range, values, contained text, or blankness."""

    column: Short
    min: float | str | None = None
    max: float | str | None = None
    in_: list[Label | None] | None = Field(default=None, alias="in", max_length=MOST)
    contains: Short | None = None
    blank: bool | None = None

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Similar(Body):
    """What rows are to be like: one of a row, a text, or a picture by its key (see ``/pictures``)."""

    row: RowNumber | None = None
    text: Note | None = None
    picture: Short | None = None


class FilterBody(Body):
    """Which rows. Keys are joined by AND, the values of one key by OR (``all``: by AND)."""

    any: list[Short] | None = None
    all: list[Short] | None = None
    none: list[Short] | None = None
    given: list[Label | None] | None = None
    suggested: list[Label | None] | None = None
    predicted: list[Label | None] | None = None
    corrected: list[Label | None] | None = None
    final: list[Label | None] | None = None
    action: list[Short] | None = None
    by: list[Short] | None = None
    tag: list[Short] | None = None
    untagged: bool | None = None
    note: bool | Short | None = None
    resolved: bool | None = None
    split: list[Short | None] | None = None
    cluster: list[int] | None = None
    rows: list[RowNumber] | None = Field(default=None, max_length=MOST)
    ids: list[str | int] | None = Field(default=None, max_length=MOST)
    odd_cells: bool | None = None
    similar: Similar | None = None
    where: list[Condition] | None = None

    def plain(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True, exclude_none=True, by_alias=True)


class SortKey(Body):
    by: Short
    descending: bool = True


class SortBody(SortKey):
    """``then``: further keys, which break ties."""

    then: list[SortKey] = Field(default=[], max_length=MOST_KEYS)


class ViewBody(Body):
    filter: FilterBody = FilterBody()
    sort: SortBody | None = None
    offset: int = Field(default=0, ge=0, lt=2**31)
    limit: int = Field(default=100, ge=0, le=PAGE)


class PositionsBody(Body):
    filter: FilterBody = FilterBody()
    sort: SortBody | None = None
    rows: list[RowNumber] = Field(max_length=PAGE)


class SetsBody(Body):
    filter: FilterBody = FilterBody()
    offset: int = Field(default=0, ge=0, lt=2**31)
    limit: int = Field(default=30, ge=0, le=100)


class FacetsBody(Body):
    filter: FilterBody = FilterBody()
