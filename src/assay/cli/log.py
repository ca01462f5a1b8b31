"""The commands of decisions: ``assay log``, ``apply``, ``undo``, ``redo``.

In: words on a command line, a file of actions. Out: entries of a project's log, or what it holds.
Does not know: what an action does.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.echo import say, say_json
from assay.errors import AssayError, UsageError

if TYPE_CHECKING:
    from assay.actions import Entry, Request
    from assay.project import Project

KEYS = ("action", "ids", "rows", "label", "text", "policy", "overwrite", "token")
TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "action": ((str,), "a text"),
    "ids": ((list,), "a list of row ids"),
    "rows": ((list,), "a list of row numbers"),
    "label": ((str, int, float, bool), "a text or a number"),
    "text": ((str,), "a text"),
    "policy": ((str,), '"reference" or "auto"'),
    "overwrite": ((bool,), "true or false"),
    "token": ((str,), "a text"),
}
PERSON = click.option("--person", help="Who decides. [default: $ASSAY_USER, else the login name]")
DEBUG = click.option("--debug", is_flag=True, help="Show tracebacks.")


@click.command()
@click.argument("project", type=click.Path())
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="At most this many entries.")
@click.option("--json", "as_json", is_flag=True, help="One entry a line, as JSON.")
@DEBUG
def log(project: str, limit: int, as_json: bool, debug: bool) -> None:
    """Who decided what, newest first."""
    from assay import api

    opened = api.open(project).log
    entries, undone = opened.entries(limit=limit), opened.state().undone
    if not as_json:
        _show(entries, undone, opened.state().number)
        return
    for entry in entries:
        say_json(entry.to_dict() | {"undone": entry.number in undone})


def _show(entries: list[Entry], undone: set[int], total: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from assay.cli.terminal import WIDE
    from assay.cli.terminal import _text as cell

    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    if not entries:
        console.print("nothing has been decided")
        return
    table = Table("entry", "when (UTC)", "who", "what", "rows", "", box=None, pad_edge=False, header_style="bold")
    for entry in entries:
        what = entry.action if entry.undoes is None else f"{entry.action} of entry {entry.undoes}"
        what += f" -> {entry.label}" if entry.label is not None else ""
        what += f": {entry.text}" if entry.text is not None else ""
        what += f" ({entry.route})" if entry.undoes is None else ""
        cells = (str(entry.number), entry.at[:19].replace("T", " "), entry.person, what, f"{entry.n_rows:,}")
        table.add_row(*map(cell, cells), "undone" if entry.number in undone else "")
    console.print(table, markup=False)
    if len(entries) < total:
        console.print(f"{len(entries):,} of {total:,} entries; --limit shows more", markup=False)


@click.command()
@click.argument("project", type=click.Path())
@click.argument("number", type=int, required=False)
@PERSON
@DEBUG
def undo(project: str, number: int | None, person: str | None, debug: bool) -> None:
    """Take your latest entry back, or entry NUMBER of anybody. Rows that were decided later stay as they are."""
    from assay import api

    say(api.open(project).undo(number, person).message)


@click.command()
@click.argument("project", type=click.Path())
@click.argument("number", type=int, required=False)
@PERSON
@DEBUG
def redo(project: str, number: int | None, person: str | None, debug: bool) -> None:
    """Bring back what your latest undo took, or entry NUMBER."""
    from assay import api

    say(api.open(project).redo(number, person).message)


@click.command()
@click.argument("project", type=click.Path())
@click.argument("actions", type=click.Path())
@PERSON
@click.option("--overwrite", is_flag=True, help="Replace decisions that stand; a line may say so for itself.")
@click.option("--keep-going", is_flag=True, help="Leave bad lines out instead of writing nothing.")
@DEBUG
def apply(project: str, actions: str, person: str | None, overwrite: bool, keep_going: bool, debug: bool) -> None:
    """Decide as ACTIONS says: a file of JSON lines (- for standard input), one action a line, one entry each.

    Without --keep-going all lines are written or none. A line with a token that was applied before does nothing.
    """
    from assay import api
    from assay.actions import default_person

    opened, name = api.open(project), "standard input" if actions == "-" else actions
    if actions != "-" and not Path(actions).is_file():
        raise UsageError(f"there is no file {actions}")
    bad: dict[int, str] = {}

    def refuse(line: int, error: AssayError | str) -> None:
        if not keep_going:
            raise UsageError(f"{name}, line {line}: {error}; nothing was written")
        bad[line] = str(error)

    with contextlib.nullcontext(sys.stdin.buffer) if actions == "-" else Path(actions).open("rb") as stream:
        objects = _objects(stream, refuse)
    asked, lines = _asked(opened, objects, overwrite, refuse)
    done = opened.log.append_all(
        asked, person or default_person(), failed=lambda index, error: refuse(lines[index], error)
    )
    written = sum(result.entry is not None for result in done)
    rows = sum(result.entry.n_rows for result in done if result.entry is not None)
    for result in done:
        if result.summary.get("skipped") or result.entry is None:
            say(result.message)
    for line, why in sorted(bad.items()):
        say(f"{name}, line {line}: {why}", err=True)
    say(f"actions in the log: {written:,} of {len(done) + len(bad):,}; rows changed: {rows:,}")
    if bad:
        raise AssayError(f"lines left out: {len(bad):,}")


Refuse = Callable[[int, "AssayError | str"], None]


def _objects(stream: Any, refuse: Refuse) -> list[tuple[int, dict[str, Any]]]:
    """(line, object) of every line that is one and holds what an action may hold."""
    found = []
    for line, data in enumerate(stream, 1):
        if not data.strip():
            continue
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            refuse(line, f"this is no JSON ({error})")
            continue
        why = _wrong(value)
        if why:
            refuse(line, why)
        else:
            found.append((line, value))
    return found


def _wrong(value: Any) -> str | None:
    if not isinstance(value, dict):
        return 'an action is an object such as {"action": "exclude", "ids": ["7"]}'
    strange = next((key for key in value if key not in KEYS), None)
    if strange is not None:
        return f"unknown key {strange!r}; an action has {', '.join(KEYS)}"
    for key, (types, what) in TYPES.items():
        if value.get(key) is not None and not isinstance(value[key], types):
            return f"{key!r} must be {what}"
    if "action" not in value:
        return "there is no action"
    if (value.get("rows") is None) == (value.get("ids") is None):
        return 'name the rows by "ids" or by "rows", one of them'
    if not (value.get("ids") or value.get("rows")):
        return "there are no rows"
    if any(isinstance(row, bool) or not isinstance(row, int) for row in value.get("rows") or ()):
        return '"rows" are row numbers: whole numbers from 0'
    if any(isinstance(row, bool) or not isinstance(row, str | int) for row in value.get("ids") or ()):
        return '"ids" are texts or whole numbers'
    return None


def _asked(
    project: Project, objects: list[tuple[int, dict[str, Any]]], overwrite: bool, refuse: Refuse
) -> tuple[list[tuple[Request, str | None]], list[int]]:
    """(request, token) of each object, and the line of each."""
    import numpy as np

    from assay.actions import Request

    found = project.find_rows([id for _, value in objects for id in value.get("ids") or ()])
    asked, lines, start = [], [], 0
    for line, value in objects:
        ids = value.get("ids")
        if ids:
            rows, start = found[start : start + len(ids)], start + len(ids)
            if (rows < 0).any():
                refuse(line, f"there is no row with the id {ids[int(np.argmax(rows < 0))]!r}")
                continue
        else:
            try:
                rows = np.array(value["rows"], np.int64)
            except OverflowError:
                refuse(line, "there is no such row number")
                continue
        stands = value.get("overwrite")
        request = Request(
            value["action"],
            rows,
            value.get("label"),
            value.get("text"),
            value.get("policy") or "reference",
            (True if overwrite else None) if stands is None else stands,
            route="file",
        )
        asked.append((request, value.get("token")))
        lines.append(line)
    return asked, lines


DECISIONS = (log, apply, undo, redo)
