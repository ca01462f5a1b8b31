"""Entries in the making: one write transaction of one person.

In: requests, the state, a connection whose transaction is open. Out: entries written, the state after them.
Does not know: locks, commits, threads.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.actions.entry import (
    ACTION_NAMES,
    BY_PERSON,
    MEANWHILE,
    REDO,
    TAGS,
    UNDO,
    Channel,
    Entry,
    Flags,
    Numbers,
    Outcome,
    Prepared,
    Request,
    Rows,
)
from assay.actions.state import State
from assay.errors import ConflictError, UsageError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from assay.actions.log_table import LogTable

PAIRS = 100  # relabelled pairs that the log keeps of an entry
TOLD = 200  # rows that are named to somebody whose rows changed meanwhile


class LogTransaction:
    """Entries in the making: one write transaction of one person."""

    def __init__(
        self,
        table: LogTable,
        connection: sa.Connection,
        start: State,
        person: str,
        prepared: Callable[[Request, State], Prepared],
        seen: int | None = None,
    ) -> None:
        self.table, self.connection, self.person, self.prepared, self.seen = table, connection, person, prepared, seen
        self.start, self.state = start, start.copy()
        self.fresh: dict[int, Entry] = {}  # made here, not yet in the database
        self.tokens: dict[str, Entry] = {}

    def lookup(self, numbers: Sequence[int]) -> Mapping[int, Entry]:
        """Entries by number, with rows."""
        fresh = {number: self.fresh[number] for number in numbers if number in self.fresh}
        return fresh | self.table.named(self.connection, [number for number in numbers if number not in fresh])

    def do(self, request: Request, token: str | None) -> Outcome:
        first = self._before(token, request.action)
        if first is not None:
            return first
        prepared = self._not_meanwhile(request)
        summary = prepared.summary()
        if not len(prepared.rows):
            return Outcome(None, summary, self.state.number)
        codes: Numbers | None = None
        names: list[Any] = []
        if prepared.request.action == "auto-fix" or prepared.request.labels is not None:
            codes, names = _coded(prepared.labels)
        kept = summary | {"first": [], "pairs": summary["pairs"][:PAIRS]}
        asked = prepared.request
        entry = self._entry(
            asked.action, token, prepared.rows, label=asked.label, text=asked.text, route=asked.route, view=asked.view,
            policy=asked.policy if asked.action == "auto-fix" else None, codes=codes, names=names,
            excluded=prepared.excluded, summary=kept,
        )  # fmt: skip
        return Outcome(self._add(entry), summary, entry.number)

    def switch(self, word: str, number: int | None, token: str | None) -> Outcome:
        first = self._before(token, word)
        if first is not None:
            return first
        target = self._target(word, number)
        if target is None:
            return Outcome(None, nothing(word, number), self.state.number)
        layers = self.state.holder(target.channel)
        assert layers is not None
        known = target.rows[target.rows < self.state.n]
        held = layers.active[known]
        rows = known[held == target.number] if word == UNDO else known[held < target.number]
        kept = int((held > target.number).sum())
        summary = _switched(word, len(rows), undoes=target.number, of=target.person)
        entry = self._entry(word, token, rows, undoes=target.number, kept=kept, summary=summary, route="api")
        return Outcome(self._add(entry), summary, entry.number, kept)

    def write(self) -> None:
        if self.fresh:
            self.table.insert(self.connection, list(self.fresh.values()))
        else:
            self.connection.rollback()

    def _before(self, token: str | None, action: str) -> Outcome | None:
        """What the same token led to before."""
        if token is None:
            return None
        entry = self.tokens.get(token) or self.table.with_token(self.connection, token)
        if entry is None:
            return None
        if (entry.action, entry.person) != (action, self.person):
            raise UsageError(
                f"the token {token!r} was used before, for entry {entry.number}: {entry.action} by {entry.person}"
            )
        return Outcome(entry, entry.summary, self.state.number, entry.kept)

    def _not_meanwhile(self, request: Request) -> Prepared:
        """The request prepared without the rows that somebody else changed since they were seen."""
        prepared = self.prepared(request, self.state)
        if self.seen is None or request.action in TAGS:
            return prepared
        channel: Channel = ("note", "") if request.action == "note" else ("decision", "")
        rows = prepared.rows if request.route in BY_PERSON else prepared.request.rows
        last_changed = self.state.last_changed(channel)[rows]
        numbers = np.unique(last_changed[last_changed > self.seen]).tolist()
        by = {number: entry.person for number, entry in self.table.named(self.connection, numbers, rows=False).items()}
        others = [number for number, person in by.items() if person != self.person]
        late = np.isin(last_changed, others)
        if not late.any():
            return prepared
        if request.route in BY_PERSON:
            raise ConflictError(
                [
                    self._late(int(row), int(number), by)
                    for row, number in zip(rows[late][:TOLD], last_changed[late], strict=False)
                ]
            )
        prepared = self.prepared(_kept(prepared.request, ~late), self.state)
        skipped = dict(prepared.skipped)
        for number in last_changed[late].tolist():
            why = MEANWHILE + by[number]
            skipped[why] = skipped.get(why, 0) + 1
        return replace(prepared, skipped=skipped)

    def _late(self, row: int, number: int, by: Mapping[int, str]) -> dict[str, Any]:
        state = self.state
        action, label = ACTION_NAMES[state.action[row]], state.label_of(row)
        return {"row": row, "person": by[number], "action": action, "label": label, "number": number}

    def _target(self, word: str, number: int | None) -> Entry | None:
        """The entry to switch, or None if there is none to."""
        if number is None:
            number = self._latest() if word == UNDO else self._undone()
            if number is None:
                return None
        entry = self.lookup([number]).get(number)
        if entry is None:
            raise UsageError(f"there is no entry {number}: the log ends with entry {self.state.number}")
        if entry.undoes is not None:
            other = "redo" if entry.action == UNDO else "undo"
            raise UsageError(
                f"entry {number} is itself the {entry.action} of entry {entry.undoes}; {other} that one instead"
            )
        return entry if (number in self.state.undone) == (word == REDO) else None

    def _latest(self) -> int | None:
        """The person's latest entry that is on."""
        for number, _, undoes in self._own_entries():
            if undoes is None and number not in self.state.undone:
                return number
        return None

    def _undone(self) -> int | None:
        """What the person's latest undo that still stands switched off, if nothing was decided since."""
        for _, action, undoes in self._own_entries():
            if undoes is None:
                return None
            if action == UNDO and undoes in self.state.undone:
                return undoes
        return None

    def _own_entries(self) -> Iterable[tuple[int, str, int | None]]:
        """What the person did, newest first."""
        below = self.state.number + 1
        while some := self.table.entries_of(self.connection, self.person, below):
            yield from some
            below = some[-1][0]

    def _entry(self, action: str, token: str | None, rows: Rows, **values: Any) -> Entry:
        entry = Entry(
            number=self.state.number + 1,
            token=token or uuid.uuid4().hex,
            at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            person=self.person,
            action=action,
            n_rows=len(rows),
            rows=rows,
            **values,
        )
        if entry.undoes is not None:
            return replace(entry, excluded=np.zeros(len(rows), bool), before=np.zeros(len(rows), np.int32))
        layers = self.state.holder(entry.channel)
        none = np.zeros(len(rows), np.int32)
        before, under = (none, none) if layers is None else (layers.active[rows], layers.latest[rows])
        return replace(entry, before=before, under=under)

    def _add(self, entry: Entry) -> Entry:
        self.state.apply(entry, self.lookup)
        self.fresh[entry.number] = entry
        self.tokens[entry.token] = entry
        return entry


def _kept(request: Request, keep: Flags) -> Request:
    """The request about some of its rows only."""
    labels = None if request.labels is None else request.labels[keep]
    return replace(request, rows=request.rows[keep], labels=labels)


def _coded(labels: Sequence[Any]) -> tuple[Numbers, list[Any]]:
    code: dict[tuple[type, Any], int] = {}
    codes = [-1 if label is None else code.setdefault((type(label), label), len(code)) for label in labels]
    return np.array(codes, np.int32), [label for _, label in code]


def _switched(word: str, n: int, **more: Any) -> dict[str, Any]:
    """The summary of an undo or redo, in the form of every summary."""
    return {
        "action": word,
        "n": n,
        "relabeled": 0,
        "excluded": 0,
        "removals": 0,
        "skipped": {},
        "pairs": [],
        "first": [],
        **more,
    }


def nothing(word: str, number: int | None = None) -> dict[str, Any]:
    why = f"nothing to {word}"
    if number is not None:
        why = f"entry {number} is undone already" if word == UNDO else f"entry {number} is not undone"
    return _switched(word, 0, why=why)
