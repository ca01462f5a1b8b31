"""What routes need of a request: the services, the person, the opened project.

In: a request. Out: dependencies for FastAPI. Does not know: what the routes do with them.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, cast

import numpy as np
from fastapi import Depends, Request
from numpy.typing import NDArray

from assay.actions import State
from assay.dataset.target import Label
from assay.errors import NoProjectError, UsageError
from assay.query import page
from assay.server.schemas.decisions import RowsTarget, ViewTarget
from assay.server.schemas.filters import ViewBody
from assay.server.schemas.rows import Page, Row
from assay.server.services import Services
from assay.server.workspace import Opened


def services_of(request: Request) -> Services:
    return cast(Services, request.app.state.services)


def person_of(request: Request) -> str:
    return cast(str, request.state.person)


Ask = Annotated[Services, Depends(services_of)]
Person = Annotated[str, Depends(person_of)]


def opened_of(project: str, services: Ask) -> Opened:
    return services.workspace.open(project)


Open = Annotated[Opened, Depends(opened_of)]


def known_row(opened: Opened, row: int) -> int:
    if not 0 <= row < opened.table.n:
        raise NoProjectError(f"there is no row {row:,}: the dataset has {opened.table.n:,} rows")
    return row


def shown(opened: Opened, state: State, rows: Any) -> list[Row]:
    """Rows as the page shows them."""
    return [Row.model_validate(row) for row in page(opened.table, state, rows)]


def page_of(opened: Opened, body: ViewBody) -> Page:
    """Some rows of a filter in an order."""
    found, state = opened.view(body.filter, body.sort)
    rows = found.rows[body.offset : body.offset + body.limit]
    return Page(total=len(found), offset=body.offset, rows=shown(opened, state, rows), number=state.number)


def known_label(opened: Opened, state: State, text: str) -> Label:
    """The class that is written so, of the data's own or made by a decision."""
    for value in (*opened.table.classes, *state.labels):
        if text in (str(value), json.dumps(value)) or (isinstance(value, float) and text == f"{value:g}"):
            return value
    raise NoProjectError(f"there is no class {text!r}")


def rows_of(opened: Opened, target: RowsTarget | ViewTarget, seen: int | None = None) -> NDArray[np.int64]:
    """Row numbers a target names, ascending. Positions of a view are those of the screen, which showed the state ``seen``."""
    if isinstance(target, RowsTarget):
        rows = np.unique(np.asarray(target.rows, np.int64))
        if len(rows) and rows[-1] >= opened.table.n:
            raise UsageError(f"there is no row {rows[-1]:,}: the dataset has {opened.table.n:,} rows")
        return rows
    at = seen if target.ranges is not None or target.top is not None else None
    view, _ = opened.view(target.filter, target.sort, at)
    order = view.rows if target.ranges is None else view.ranges(target.ranges)
    return np.sort(order if target.top is None else order[: target.top]).astype(np.int64)
