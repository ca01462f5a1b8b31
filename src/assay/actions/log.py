"""The log of decisions: append-only, durable, for many people and processes at once.

In: a project, requests. Out: entries, and the state that they fold to. Does not know: filters, HTTP, who may log in.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.actions.codec import pack_state, unpack_state
from assay.actions.difference import Difference
from assay.actions.entry import REDO, UNDO, Entry, Outcome, Prepared, Request
from assay.actions.log_transaction import LogTransaction, nothing
from assay.actions.prepare import prepare
from assay.actions.project_facts import ProjectFacts
from assay.actions.state import State, fold
from assay.errors import AssayError, ProjectError, UsageError
from assay.storage.log_seal import require_no_seal

if TYPE_CHECKING:
    import sqlalchemy as sa

    from assay.actions.log_table import LogTable
    from assay.runs import FinishedRun
    from assay.storage.database import Database

FILE = "state.sqlite"
URL = "ASSAY_STATE_URL"
SNAPSHOT = 2_000  # entries between two snapshots: folding as many takes some 50 ms
KEPT = 10_000  # entries of which one snapshot stays, for looking back
BATCH = 500  # entries that are folded at once
LONGEST = 200  # characters of a name or token
Asked = tuple[Request, str | None]  # with its token
Placed = list[tuple[int, Asked]]
Failed = Callable[[int, AssayError], None]


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

    def __init__(self, address: str | Path, project: str, facts: ProjectFacts) -> None:
        self._address, self._project, self._facts = address, project, facts
        self._state = State(facts.n_rows)
        self._folding, self._writing = threading.Lock(), threading.Lock()
        self._there = False
        self._moments: list[tuple[int, str]] = []  # as far as somebody asked
        self._snapshot = 0  # the number of the newest one
        self._seen: tuple[int, int] | None = None  # the file that was read first

    @classmethod
    def open(cls, project: FinishedRun, url: str | None = None) -> ActionLog:
        """The log of a project; nothing is made before the first write.

        ``url``: an SQLAlchemy URL; default $ASSAY_STATE_URL, else ``state.sqlite`` in the project folder. One database
        may hold the logs of many projects. `ProjectError` where the file is a link out of the project folder.
        """
        address = url or os.environ.get(URL) or project.folder.path(FILE).absolute()
        return cls(address, project.uuid, ProjectFacts(project))

    @cached_property
    def _database(self) -> Database:
        from assay.actions.migrations import SCHEMA
        from assay.storage.database import Database

        return Database.at(self._address, SCHEMA)

    @cached_property
    def _table(self) -> LogTable:
        from assay.actions.log_table import LogTable

        return LogTable(self._project)

    def _exists(self) -> bool:
        if not self._there and isinstance(self._address, Path) and not self._address.exists():
            require_no_seal(self._address)
            return False  # without loading the database library
        self._there = self._there or self._database.exists()
        return self._there

    def close(self) -> None:
        """Let go of connections; the log can be used again."""
        if "_database" in self.__dict__:
            self._database.close()

    @property
    def is_replaced(self) -> bool:
        """Is another file where the log was, or none? Then the log is to be opened again."""
        if not isinstance(self._address, Path):
            return False
        try:
            status = self._address.stat()
            here = status.st_dev, status.st_ino
        except OSError:
            here = None
        self._seen = self._seen or here
        return here != self._seen

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

        def lookup(numbers: Sequence[int]) -> Mapping[int, Entry]:
            return self._table.named(connection, numbers)

        def entries() -> Iterator[Entry]:
            for start in range(state.number, upto, BATCH):
                yield from self._table.between(connection, start, min(upto, start + BATCH))

        return fold(state, entries(), lookup)

    def prepare(self, request: Request) -> Prepared:
        """What the request would change now. Nothing is written."""
        return self._prepared(request, self.state())

    def _prepared(self, request: Request, state: State) -> Prepared:
        return prepare(
            request,
            state,
            self._facts.given,
            self._facts.plan,
            present=self._facts.present,
            fit=self._facts.fit_decision,
        )

    # writing -------------------------------------------------------------------------------------------------

    def append(self, request: Request, person: str, *, token: str | None = None, seen: int | None = None) -> Outcome:
        """Write the request down as one entry, durable when this returns.

        Parameters
        ----------
        person : who asks.
        token : the same token again returns the first result and writes nothing, so that a request may be sent again
            after a lost answer. A request that changed nothing left no trace and is tried anew.
        seen : number of the entry that the person's screen showed. Rows that somebody else changed after it are skipped
            where a filter chose the rows; where a person named them, `ConflictError` is raised and nothing is written.

        Raises
        ------
        UsageError
            as `prepare`.
        """
        return self.append_all([(request, token)], person, seen=seen)[0]

    def append_all(
        self,
        asked: Iterable[Asked],
        person: str,
        *,
        seen: int | None = None,
        failed: Failed | None = None,
    ) -> list[Outcome]:
        """Several (request, token) as one deed: all of them are written or none. Each sees what those before it did.

        ``failed(position, error)``: told of a request that cannot be done, which then is left out (its place in the list
        too); without it the first such error is raised.
        """
        requests, person = list(asked), _name(person, "person")
        for request, token in requests:
            if token is not None:
                _name(token, "token")
            if request.action == "auto-fix":
                self._facts_ready(request.policy)
        placed: Placed = list(enumerate(requests))
        if not self._exists():
            placed, idle = self._tried(placed, failed)
            if idle is not None:
                return idle
        with self._writing:
            self._make()
            with self._database.writing() as connection:
                work = LogTransaction(self._table, connection, self._claimed(connection), person, self._prepared, seen)
                done = []
                for position, (request, token) in placed:
                    try:
                        done.append(work.do(request, token))
                    except UsageError as error:
                        if failed is None:
                            raise
                        failed(position, error)
                work.write()
            self._publish(work)
        return done

    def _tried(self, asked: Placed, failed: Failed | None) -> tuple[Placed, list[Outcome] | None]:
        """Those that can be done; and what comes of them if none changes anything: until one does no database is made."""
        possible, done, some = [], [], False
        for position, (request, token) in asked:
            try:
                prepared = self.prepare(request)
            except UsageError as error:
                if failed is None:
                    raise
                failed(position, error)
                continue
            some |= bool(len(prepared.rows))
            possible.append((position, (request, token)))
            done.append(Outcome(None, prepared.summary(), 0))
        return possible, None if some else done

    def _claimed(self, connection: sa.Connection) -> State:
        """The state after the last entry, with the log held against other writers."""
        last = self._table.claim(connection)
        state = self._caught_up(connection)
        if state.number != last:
            raise ProjectError(
                "the log of decisions was replaced by an older one while it was in use; open the project again"
            )
        return state

    def undo(self, person: str, number: int | None = None, *, token: str | None = None) -> Outcome:
        """Switch an entry off: the person's latest that is on, or any entry of anybody by its number.

        Rows that a later decision holds keep it (``kept`` counts them).
        """
        return self._switch(UNDO, person, number, token)

    def redo(self, person: str, number: int | None = None, *, token: str | None = None) -> Outcome:
        """Switch an entry on again: the one that the person's latest undo switched off, unless the person decided
        something since; or any by its number."""
        return self._switch(REDO, person, number, token)

    def _switch(self, word: str, person: str, number: int | None, token: str | None) -> Outcome:
        person = _name(person, "person")
        if token is not None:
            _name(token, "token")
        if not self._exists():
            if number is not None:
                raise UsageError(f"there is no entry {number}: nothing has been decided in this project")
            return Outcome(None, nothing(word), 0)
        with self._writing:
            self._make()
            with self._database.writing() as connection:
                work = LogTransaction(self._table, connection, self._claimed(connection), person, self._prepared)
                done = work.switch(word, number, token)
                work.write()
            self._publish(work)
        return done

    def _make(self) -> None:
        if not self._exists():
            self._database.migrate()
            self._there = True

    def _publish(self, work: LogTransaction) -> None:
        """What was written becomes the live state, unless another thread was quicker to read it."""
        with self._folding:
            if self._state is work.start:
                self._state = work.state
        if self._state.number - self._snapshot >= SNAPSHOT and not self._state.clipped:
            with contextlib.suppress(AssayError):  # it is for speed only, and what was asked for is done
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
                found = self._table.named(connection, [number], lean=False)
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
            known = self._moments
            last = known[-1][0] if known else 0
            self._moments = known + self._table.moments(connection, last)
            return self._moments

    def people(self) -> list[str]:
        """Everybody who decided, tagged or noted something, in the order of their names."""
        if not self._exists():
            return []
        with self._database.reading() as connection:
            return self._table.people(connection)

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
                number = int(layers.latest[row]) if layers is not None else 0
                while number:
                    entry = self._table.named(connection, [number])[number]
                    position = int(np.searchsorted(entry.rows, row))
                    found.append(_told(entry, position) | {"undone": number in state.undone})
                    number = int(entry.under[position])
        return sorted(found, key=lambda told: -int(told["number"]))

    def diff(self, start: int, stop: int) -> Difference:
        """Rows whose decision, tags or note differ between the states after two entries (0 = before all)."""
        return Difference(self.state(start), self.state(stop))


def _told(entry: Entry, position: int) -> dict[str, Any]:
    code = -1 if entry.codes is None else int(entry.codes[position])
    return {
        "number": entry.number,
        "at": entry.at,
        "person": entry.person,
        "action": entry.action,
        "label": entry.names[code] if code >= 0 else entry.label,
        "excluded": bool(entry.excluded[position]),
        "text": entry.text,
    }


def _name(text: str, what: str) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST or not text.isprintable():
        raise UsageError(f"the {what} must be a text of 1 to {LONGEST} printable characters, not {text!r}")
    return text.strip()
