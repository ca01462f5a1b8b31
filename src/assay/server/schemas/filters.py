"""Which rows a request means.

In: JSON. Out: filters, sorts, pages asked for. Does not know: rows.
"""

from __future__ import annotations

from pydantic import Field

from assay.query.filters import Filter, RowNumber, Sort
from assay.server.schemas.base import PAGE, Body


class ViewBody(Body):
    filter: Filter = Filter()
    sort: Sort | None = None
    offset: int = Field(default=0, ge=0, lt=2**31)
    limit: int = Field(default=100, ge=0, le=PAGE)


class PositionsBody(Body):
    filter: Filter = Filter()
    sort: Sort | None = None
    rows: list[RowNumber] = Field(max_length=PAGE)


class TellingBody(Body):
    rows: list[RowNumber] = Field(max_length=PAGE)


class SetsBody(Body):
    filter: Filter = Filter()
    offset: int = Field(default=0, ge=0, lt=2**31)
    limit: int = Field(default=30, ge=0, le=100)


class FacetsBody(Body):
    filter: Filter = Filter()


class NarrowBody(Body):
    """``score``: the name of the score whose values are counted."""

    filter: Filter = Filter()
    score: str | None = None
