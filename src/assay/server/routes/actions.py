"""Deciding: preview, do, undo, redo; and the log of it all.

In: what to do with which rows. Out: entries of the log. Does not know: how rows are shown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter, Query

from assay.actions import Entry, Outcome, Prepared, Request
from assay.actions.entry import Rows
from assay.errors import NoProjectError
from assay.query.masks import resolved
from assay.server.routes.filters import Open, Person, page_of, rows_of, shown
from assay.server.schemas.decisions import (
    ActBody,
    Change,
    DecisionBody,
    Done,
    EntryDetail,
    EntryOut,
    EntryRow,
    LogDiff,
    LogPage,
    Preview,
    Removal,
    RowsTarget,
    UndoBody,
)
from assay.server.schemas.rows import Facets
from assay.server.workspace import Opened

router = APIRouter(prefix="/projects/{project}", tags=["actions"])

SHOWN = 200  # rows of an entry or a difference that are listed
LISTED = 60  # removals that a preview lists
FEW = 50  # rows of a decision that are answered as they stand, so that the page need not ask again
PAIRS = 3  # relabelled pairs that an entry names


@router.post("/preview")
def preview(body: DecisionBody, opened: Open) -> Preview:
    """What the action would change, before it is done."""
    return preview_of(opened.log.prepare(_request(body, opened)), opened)


@router.post("/actions")
def act(body: ActBody, opened: Open, person: Person) -> Done:
    """Decide. Answered only when the decision is on disk."""
    made = done_of(opened.log.append(_request(body, opened), person, token=body.token, seen=body.seen))
    if isinstance(body.target, RowsTarget) and len(body.target.rows) <= FEW:
        state = opened.state()
        made.rows = shown(opened, state, body.target.rows)
        made.resolved = int(np.count_nonzero(resolved(state)[opened.table.order]))
    if body.shown is not None:
        made.page = page_of(opened, body.shown)
    if body.counted is not None:
        made.facets = Facets.model_validate(opened.views.facets(body.counted, opened.state()))
    return made


@router.post("/undo")
def undo(body: UndoBody, opened: Open, person: Person) -> Done:
    """Undo your latest entry, or any entry by its number; what was decided later stays."""
    return done_of(opened.log.undo(person, body.number, token=body.token))


@router.post("/redo")
def redo(body: UndoBody, opened: Open, person: Person) -> Done:
    return done_of(opened.log.redo(person, body.number, token=body.token))


@router.get("/log")
def log(
    opened: Open,
    before: int | None = Query(default=None, ge=1, lt=2**31),
    limit: int = Query(default=100, ge=1, le=1_000),
) -> LogPage:
    """Entries, newest first."""
    entries = opened.log.entries(before=before, limit=limit)
    return LogPage(entries=[_entry(entry, opened) for entry in entries], number=opened.state().number)


@router.get("/log/diff")
def diff(
    opened: Open,
    start: int = Query(ge=0, lt=2**31, alias="from"),
    stop: int = Query(ge=0, lt=2**31, alias="to"),
) -> LogDiff:
    """Rows whose decision differs between two points of the log."""
    found = opened.log.diff(start, stop)
    return LogDiff(start=start, stop=stop, total=len(found), rows=_changes(found[:SHOWN], opened))


@router.get("/log/{number}")
def entry(opened: Open, number: int) -> EntryDetail:
    """One entry with the first of its rows."""
    found = opened.log.entries(before=number + 1, limit=1, rows=True) if 0 < number < 2**31 else []
    if not found or found[0].number != number:
        raise NoProjectError(f"there is no entry {number:,} in the log")
    listed = found[0].listed(SHOWN)
    pictures = shown(opened, opened.state(), [line["row"] for line in listed])
    rows = [EntryRow(**line | {"row": row}) for line, row in zip(listed, pictures, strict=True)]
    return EntryDetail(**_entry(found[0], opened).model_dump(), rows=rows)


def _request(body: DecisionBody, opened: Opened) -> Request:
    if isinstance(body.target, RowsTarget):
        route, chosen_by = "row" if len(body.target.rows) == 1 else "selection", None
    else:
        route, chosen_by = "bulk", body.target.model_dump(exclude_unset=True, by_alias=True)
    return Request(
        action=body.action,
        rows=rows_of(opened, body.target, getattr(body, "seen", None)),
        label=body.label,
        text=body.text,
        policy=body.policy,
        overwrite=body.overwrite,
        removals=body.removals,
        route=body.route or route,
        view=chosen_by,
    )


def preview_of(prepared: Prepared, opened: Opened) -> Preview:
    summary = prepared.summary()
    return Preview(
        **summary | {"first": _changes(summary["first"], opened)},
        first_removals=_removals(prepared.removals[:LISTED], opened),
    )


def _changes(lines: list[dict[str, Any]], opened: Opened) -> list[Change]:
    rows = shown(opened, opened.state(), [line["row"] for line in lines])
    return [Change(row=row, before=line["before"], after=line["after"]) for row, line in zip(rows, lines, strict=True)]


def _removals(rows: Rows, opened: Opened) -> list[Removal]:
    """Why each row would be left out."""
    unread = opened.table.flags.get("is_not_analyzed")
    lines = shown(opened, opened.state(), rows)
    return [
        Removal(row=line, why="unreadable" if unread is not None and unread[row] else "outlier")
        for row, line in zip(rows.tolist(), lines, strict=True)
    ]


def done_of(outcome: Outcome) -> Done:
    bare: dict[str, Any] = {"first": [], "first_removals": []}
    return Done(
        entry=None if outcome.entry is None else _plain(outcome.entry),
        summary=None if outcome.summary is None else Preview.model_validate({"removals": 0} | outcome.summary | bare),
        kept=outcome.kept,
        number=outcome.number,
    )


def _entry(entry: Entry, opened: Opened) -> EntryOut:
    return _plain(entry, undone=not opened.log.is_active(entry.number))


def _plain(entry: Entry, *, undone: bool = False) -> EntryOut:
    made = {"undone", "pairs", "n_pairs"}
    values: dict[str, Any] = {name: getattr(entry, name, None) for name in EntryOut.model_fields if name not in made}
    pairs = entry.summary.get("pairs", [])
    return EntryOut(**values, undone=undone, pairs=pairs[:PAIRS], n_pairs=len(pairs))
