"""The log of decisions: append-only, durable, for many people and processes at once.

In: a project, requests. Out: entries, and the state that they fold to. Does not know: filters, HTTP, who may log in.
"""

from __future__ import annotations

import getpass
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.actions.difference import Difference
from assay.actions.entry import (
    ACTION_NAMES,
    BY_PERSON,
    REDO,
    TAGS,
    UNDO,
    Channel,
    Done,
    Entry,
    Meanwhile,
    Numbers,
    Prepared,
    Request,
    Rows,
)
from assay.actions.log_facts import Facts
from assay.actions.packed import pack_state, unpack_state
from assay.actions.prepare import prepare
from assay.actions.state import State, fold
from assay.errors import AssayError, UsageError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from assay.actions.log_database import Database
    from assay.actions.log_table import LogTable
    from assay.project.project import Project

FILE = "state.sqlite"
URL = "ASSAY_STATE_URL"
SNAPSHOT = 2_000  # entries between two snapshots: folding as many takes some 50 ms
KEPT = 20_000  # snapshots of these numbers stay, for looking back
BATCH = 500  # entries that are folded at once
PAIRS = 100  # relabelled pairs that the log keeps of an entry
TOLD = 200  # rows that are named to somebody whose rows changed meanwhile
LONGEST = 200  # characters of a name or token
Found = Callable[[Sequence[int]], Mapping[int, Entry]]


def default_person() -> str:
    """Who decides where nobody is named: $ASSAY_USER, else the login name."""
    name = os.environ.get("ASSAY_USER", "").strip()
    if name:
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that has no name
        return f"user {os.getuid()}"


class ActionLog:
    """The decisions of one project. Threads may share one; processes open one each and see each other's entries."""

    def __init__(self, url: str, project: str, facts: Facts) -> None:
        self._url, self._project, self._facts = url, project, facts
        self._state = State(facts.n_rows)
        self._folding, self._writing = threading.Lock(), threading.Lock()
        self._there = False
        self._snapshot = 0  # the number of the newest one

    @classmethod
    def open(cls, project: Project, url: str | None = None) -> ActionLog:
        """The log of a project; nothing is made before the first write.

        ``url``: an SQLAlchemy URL; default $ASSAY_STATE_URL, else ``state.sqlite`` in the project folder. One database
        may hold the logs of many projects.
        """
        url = url or os.environ.get(URL) or f"sqlite:///{Path(project.path).absolute() / FILE}"
        return cls(url, project.uuid, Facts(project))

    @cached_property
    def _database(self) -> Database:
        from assay.actions.log_database import Database

        return Database.at(self._url)

    @cached_property
    def _table(self) -> LogTable:
        from assay.actions.log_table import LogTable

        return LogTable(self._project)

    def _exists(self) -> bool:
        if not self._there and self._url.startswith("sqlite:///") and not Path(self._url[10:]).exists():
            return False  # without loading the database library
        self._there = self._there or self._database.exists()
        return self._there

    def close(self) -> None:
        """Let go of connections; the log can be used again."""
        if "_database" in self.__dict__:
            self._database.close()

    # the state -----------------------------------------------------------------------------------------------

    def state(self, at: int | None = None) -> State:
        """The live state, what other processes appended included; or the state after entry ``at`` (0 = before all).

        `UsageError` if the log has no such entry. Cost: one small question where nothing is new; see `fold` else.
        """
        if not self._exists():
            if at:
                raise UsageError(f"there is no entry {at}: nothing has been decided in this project")
            return self._state
        with self._database.reading() as connection:
            live = self._caught_up(connection)
            if at is None or at == live.number:
                return live
            if not 0 <= at <= live.number:
                raise UsageError(f"there is no entry {at}: the log ends with entry {live.number}")
            return self._folded(connection, State(self._facts.n_rows), at)

    def _caught_up(self, connection: sa.Connection) -> State:
        last = self._table.last(connection)
        if last > self._state.number:
            with self._folding:
                if last > self._state.number:
                    self._state = self._folded(connection, self._state, last)
        return self._state

    def _folded(self, connection: sa.Connection, state: State, upto: int) -> State:
        if upto - state.number > BATCH:  # a leap: a snapshot may lie nearer
            snapshot = self._table.snapshot(connection, upto)
            if snapshot is not None and snapshot[0] > state.number:
                state = unpack_state(snapshot[1], self._facts.n_rows)
                self._snapshot = max(self._snapshot, snapshot[0])
        lookup = self._lookup(connection)
        while state.number < upto:
            entries = self._table.between(connection, state.number, min(upto, state.number + BATCH))
            state = fold(state, entries, lookup)
        return state

    def _lookup(self, connection: sa.Connection, fresh: Mapping[int, Entry] | None = None) -> Found:
        """Entries by number, with rows; ``fresh`` ones are not in the database yet."""

        def found(numbers: Sequence[int]) -> Mapping[int, Entry]:
            new = {number: fresh[number] for number in numbers if number in fresh} if fresh else {}
            return new | self._table.named(connection, [number for number in numbers if number and number not in new])

        return found

    def prepare(self, request: Request) -> Prepared:
        """What the request would change now. Nothing is written."""
        return self._prepared(request, self.state())

    def _prepared(self, request: Request, state: State) -> Prepared:
        return prepare(request, state, self._facts.given, self._facts.plan, present=self._facts.present)

    # writing -------------------------------------------------------------------------------------------------

    def append(self, request: Request, person: str, *, token: str | None = None, seen: int | None = None) -> Done:
        """Write the request down as one entry, durable when this returns.

        Parameters
        ----------
        person : who asks.
        token : the same token again returns the first result and writes nothing, so that a request may be sent again
            after a lost answer. A request that changed nothing left no trace and is tried anew.
        seen : number of the entry that the person's screen showed. Rows that somebody else changed after it are skipped
            where a filter chose the rows; where a person named them, `Meanwhile` is raised and nothing is written.

        Raises
        ------
        UsageError
            as `prepare`.
        """
        return self.append_all([(request, token)], person, seen=seen)[0]

    def append_all(
        self,
        asked: Iterable[tuple[Request, str | None]],
        person: str,
        *,
        seen: int | None = None,
        failed: Callable[[int, AssayError], None] | None = None,
    ) -> list[Done]:
        """Several (request, token) as one deed: all of them are written or none. Each sees what those before it did.

        ``failed(position, error)``: told of a request that cannot be done, which then is left out (its place in the list
        too); without it the first such error is raised.
        """
        asked, person = list(asked), _name(person, "person")
        for request, token in asked:
            if token is not None:
                _name(token, "token")
            if request.action == "auto-fix":
                self._facts_ready(request.policy)
        if not self._exists() and not self._anything(asked, failed):
            return [Done(None, self.prepare(request).summary(), 0) for request, _ in asked] if failed is None else []
        with self._writing:
            self._make()
            with self._database.writing() as connection:
                last = self._table.claim(connection)
                state = self._caught_up(connection)
                assert state.number == last
                work = _Work(self, connection, state.copy(), person, seen)
                done = []
                for position, (request, token) in enumerate(asked):
                    try:
                        done.append(work.do(request, token))
                    except UsageError as error:
                        if failed is None:
                            raise
                        failed(position, error)
                work.write()
            self._publish(work)
        return done

    def _anything(self, asked: Sequence[tuple[Request, str | None]], failed: object) -> bool:
        """Would any of it change something? A project that nobody decided in stays as it is until something does."""
        for request, _ in asked:
            try:
                if len(self.prepare(request).rows):
                    return True
            except UsageError:
                if failed is None:
                    raise
                return True
        return False

    def undo(self, person: str, number: int | None = None, *, token: str | None = None) -> Done:
        """Switch an entry off: the person's latest that is on, or any entry of anybody by its number.

        Rows that a later decision holds keep it (``kept`` counts them).
        """
        return self._switch(UNDO, person, number, token)

    def redo(self, person: str, number: int | None = None, *, token: str | None = None) -> Done:
        """Switch an entry on again: the one that the person's latest undo switched off, unless the person decided
        something since; or any by its number."""
        return self._switch(REDO, person, number, token)

    def _switch(self, word: str, person: str, number: int | None, token: str | None) -> Done:
        person = _name(person, "person")
        if token is not None:
            _name(token, "token")
        if not self._exists():
            if number is not None:
                raise UsageError(f"there is no entry {number}: nothing has been decided in this project")
            return Done(None, _nothing(word), 0)
        with self._writing:
            self._make()
            with self._database.writing() as connection:
                self._table.claim(connection)
                work = _Work(self, connection, self._caught_up(connection).copy(), person, None)
                done = work.switch(word, number, token)
                work.write()
            self._publish(work)
        return done

    def _make(self) -> None:
        if not self._exists():
            self._database.migrate()
            self._there = True

    def _publish(self, work: _Work) -> None:
        """What was written becomes the live state, unless another thread was quicker to read it."""
        with self._folding:
            if self._state is work.start:
                self._state = work.state
        if self._state.number - self._snapshot >= SNAPSHOT and not self._state.clipped:
            self._keep(self._state)

    def _keep(self, state: State) -> None:
        """A snapshot, so that the next to open the log needs not fold all of it."""
        with self._database.reading() as connection:
            newest = self._table.snapshot(connection, state.number)
        self._snapshot = newest[0] if newest is not None else 0
        if state.number - self._snapshot < SNAPSHOT:
            return
        data = pack_state(state)
        with self._database.writing() as connection:
            self._table.put_snapshot(connection, state.number, data, KEPT)
        self._snapshot = state.number

    def _facts_ready(self, policy: str) -> None:
        """Plan before a lock is held: it takes seconds where there are a million rows."""
        if policy in ("reference", "auto"):
            self._facts.plan(policy)

    # reading -------------------------------------------------------------------------------------------------

    def entries(
        self, *, before: int | None = None, after: int | None = None, limit: int = 100, rows: bool = False
    ) -> list[Entry]:
        """Entries numbered below ``before`` and above ``after``, newest first; without ``rows`` they are left unread."""
        if not self._exists():
            return []
        with self._database.reading() as connection:
            return self._table.newest(connection, before=before, after=after, limit=limit, rows=rows)

    def entry(self, number: int) -> Entry:
        """One entry with its rows; `UsageError` if there is none."""
        found = {}
        if self._exists():
            with self._database.reading() as connection:
                found = self._table.named(connection, [number])
        if number not in found:
            raise UsageError(f"there is no entry {number}")
        return found[number]

    def is_active(self, number: int) -> bool:
        """Is the entry in force, that is not undone?"""
        return number not in self.state().undone

    def timeline(self) -> list[tuple[int, str]]:
        """(number, time) of every entry, oldest first: with `State.entry` it says when each row was decided."""
        if not self._exists():
            return []
        with self._database.reading() as connection:
            return self._table.moments(connection)

    def history(self, row: int) -> list[dict[str, Any]]:
        """Every entry about a row, newest first: {number, at, person, action, label, excluded, text, undone}.

        Cost: one question an entry.
        """
        state = self.state()
        if not 0 <= row < state.n:
            raise UsageError(f"there is no row {row}: the project has {state.n:,} rows")
        if not state.number:
            return []
        found = []
        with self._database.reading() as connection:
            for channel in state.channels:
                layers = state.holder(channel)
                number = int(layers.cover[row]) if layers is not None else 0
                while number:
                    entry = self._table.named(connection, [number])[number]
                    place = int(np.searchsorted(entry.rows, row))
                    found.append(_told(entry, place) | {"undone": number in state.undone})
                    number = int(entry.under[place])
        return sorted(found, key=lambda told: -int(told["number"]))

    def diff(self, start: int, stop: int) -> Difference:
        """Rows whose decision, tags or note differ between the states after two entries (0 = before all)."""
        return Difference(self.state(start), self.state(stop))


def _told(entry: Entry, place: int) -> dict[str, Any]:
    code = -1 if entry.codes is None else int(entry.codes[place])
    return {
        "number": entry.number,
        "at": entry.at,
        "person": entry.person,
        "action": entry.action,
        "label": entry.names[code] if code >= 0 else entry.label,
        "excluded": bool(entry.excluded[place]),
        "text": entry.text,
    }


class _Work:
    """Entries in the making: one write transaction of one person."""

    def __init__(self, log: ActionLog, connection: sa.Connection, state: State, person: str, seen: int | None) -> None:
        self.log, self.connection, self.state, self.person, self.seen = log, connection, state, person, seen
        self.start = log._state
        self.fresh: dict[int, Entry] = {}
        self.tokens: dict[str, Entry] = {}
        self.lookup = log._lookup(connection, self.fresh)

    def do(self, request: Request, token: str | None) -> Done:
        first = self._before(token, request.action)
        if first is not None:
            return first
        prepared = self._not_meanwhile(request)
        summary = prepared.summary()
        if not len(prepared.rows):
            return Done(None, summary, self.state.number)
        codes: Numbers | None = None
        names: list[Any] = []
        if prepared.request.action == "auto-fix":
            codes, names = _coded(prepared.labels)
        kept = summary | {"first": [], "pairs": summary["pairs"][:PAIRS]}
        asked = prepared.request
        entry = self._entry(
            asked.action, token, prepared.rows, label=asked.label, text=asked.text, route=asked.route, view=asked.view,
            policy=asked.policy if asked.action == "auto-fix" else None, codes=codes, names=names,
            excluded=prepared.excluded, summary=kept,
        )  # fmt: skip
        return Done(self._add(entry), summary, entry.number)

    def switch(self, word: str, number: int | None, token: str | None) -> Done:
        first = self._before(token, word)
        if first is not None:
            return first
        target = self._target(word, number)
        if target is None:
            return Done(None, _nothing(word, number), self.state.number)
        layers = self.state.holder(target.channel)
        assert layers is not None
        known = target.rows[target.rows < self.state.n]
        held = layers.entry[known]
        rows = known[held == target.number] if word == UNDO else known[held < target.number]
        kept = int((held > target.number).sum())
        summary = _switched(word, len(rows), undoes=target.number, of=target.person)
        entry = self._entry(word, token, rows, undoes=target.number, kept=kept, summary=summary, route="api")
        return Done(self._add(entry), summary, entry.number, kept)

    def write(self) -> None:
        if self.fresh:
            self.log._table.insert(self.connection, list(self.fresh.values()))
        else:
            self.connection.rollback()

    def _before(self, token: str | None, action: str) -> Done | None:
        """What the same token led to before."""
        if token is None:
            return None
        entry = self.tokens.get(token) or self.log._table.with_token(self.connection, token)
        if entry is None:
            return None
        if (entry.action, entry.person) != (action, self.person):
            raise UsageError(
                f"the token {token!r} was used before, for entry {entry.number}: {entry.action} by {entry.person}"
            )
        return Done(entry, entry.summary, self.state.number, entry.kept)

    def _not_meanwhile(self, request: Request) -> Prepared:
        """The request prepared without the rows that somebody else changed since they were seen."""
        prepared = self.log._prepared(request, self.state)
        if self.seen is None or request.action in TAGS:
            return prepared
        channel: Channel = ("note", "") if request.action == "note" else ("decision", "")
        rows = prepared.rows if request.route in BY_PERSON else prepared.request.rows
        touched = self.state.touched(channel)[rows]
        numbers = np.unique(touched[touched > self.seen]).tolist()
        by = {
            number: entry.person
            for number, entry in self.log._table.named(self.connection, numbers, rows=False).items()
        }
        others = [number for number, person in by.items() if person != self.person]
        late = np.isin(touched, others)
        if not late.any():
            return prepared
        if request.route in BY_PERSON:
            raise Meanwhile(
                [
                    self._told(int(row), int(number), by)
                    for row, number in zip(rows[late][:TOLD], touched[late], strict=False)
                ]
            )
        prepared = self.log._prepared(replace(request, rows=rows[~late]), self.state)
        skipped = dict(prepared.skipped)
        for number in touched[late].tolist():
            why = f"decided meanwhile by {by[number]}"
            skipped[why] = skipped.get(why, 0) + 1
        return replace(prepared, skipped=skipped)

    def _told(self, row: int, number: int, by: Mapping[int, str]) -> dict[str, Any]:
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
        for number, _, undoes in self._deeds():
            if undoes is None and number not in self.state.undone:
                return number
        return None

    def _undone(self) -> int | None:
        """What the person's latest undo that still stands switched off, if nothing was decided since."""
        for _, action, undoes in self._deeds():
            if undoes is None:
                return None
            if action == UNDO and undoes in self.state.undone:
                return undoes
        return None

    def _deeds(self) -> Iterable[tuple[int, str, int | None]]:
        """What the person did, newest first."""
        below = self.state.number + 1
        while deeds := self.log._table.deeds(self.connection, self.person, below):
            yield from deeds
            below = deeds[-1][0]

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
        before, under = (none, none) if layers is None else (layers.entry[rows], layers.cover[rows])
        return replace(entry, before=before, under=under)

    def _add(self, entry: Entry) -> Entry:
        self.state.apply(entry, self.lookup)
        self.fresh[entry.number] = entry
        self.tokens[entry.token] = entry
        return entry


def _coded(labels: Sequence[Any]) -> tuple[Numbers, list[Any]]:
    code: dict[tuple[type, Any], int] = {}
    codes = [-1 if label is None else code.setdefault((type(label), label), len(code)) for label in labels]
    return np.array(codes, np.int32), [label for _, label in code]


def _name(text: str, what: str) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST or not text.isprintable():
        raise UsageError(f"the {what} must be a text of 1 to {LONGEST} printable characters, not {text!r}")
    return text.strip()


def _switched(word: str, n: int, **more: Any) -> dict[str, Any]:
    """The summary of an undo or redo, in the form of every summary."""
    return {"action": word, "n": n, "relabeled": 0, "excluded": 0, "skipped": {}, "pairs": [], "first": [], **more}


def _nothing(word: str, number: int | None = None) -> dict[str, Any]:
    why = f"nothing to {word}"
    if number is not None:
        why = f"entry {number} is undone already" if word == UNDO else f"entry {number} is not undone"
    return _switched(word, 0, why=why)
