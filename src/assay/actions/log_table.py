"""Entries and snapshots as rows of a database.

In: a connection, a project's uuid, entries. Out: entries. Does not know: what they mean, who may write.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from assay.actions.codec import pack_flags, pack_numbers, pack_rows, unpack_flags, unpack_numbers, unpack_rows
from assay.actions.entry import REDO, UNDO, Entry

META = sa.MetaData()
HEADS = sa.Table("log_heads", META, sa.Column("project", sa.String), sa.Column("number", sa.Integer))
PLAIN = ("number", "token", "at", "person", "action", "route", "n_rows", "kept", "undoes", "policy", "text")
JSON = ("label", "view", "summary")
PACKED = ("rows", "codes", "names", "excluded", "before", "under")
ENTRIES = sa.Table(
    "log_entries",
    META,
    sa.Column("project", sa.String),
    *(sa.Column(name, sa.Integer if name in ("number", "n_rows", "kept", "undoes") else sa.Text) for name in PLAIN),
    *(sa.Column(name, sa.Text) for name in (*JSON, "names")),
    *(sa.Column(name, sa.LargeBinary) for name in PACKED if name != "names"),
)
SNAPSHOTS = sa.Table(
    "log_snapshots",
    META,
    sa.Column("project", sa.String),
    sa.Column("number", sa.Integer),
    sa.Column("data", sa.LargeBinary),
)
AT_ONCE = 500  # numbers in one question


class LogTable:
    """The log of one project in a database that may hold many."""

    def __init__(self, project: str) -> None:
        self.project = project

    # writing -------------------------------------------------------------------------------------------------

    def claim(self, connection: sa.Connection) -> int:
        """The number of the last entry. Touching the head first makes other writers wait, in any database."""
        mine = HEADS.c.project == self.project
        hold = sa.update(HEADS).where(mine).values(number=HEADS.c.number)
        if not connection.execute(hold).rowcount:
            try:
                with connection.begin_nested():
                    connection.execute(sa.insert(HEADS).values(project=self.project, number=0))
            except IntegrityError:  # another was the first to write in this project, this very moment
                connection.execute(hold)
        return int(connection.execute(sa.select(HEADS.c.number).where(mine)).scalar_one())

    def insert(self, connection: sa.Connection, entries: Sequence[Entry]) -> None:
        connection.execute(sa.insert(ENTRIES), [{"project": self.project, **_record(entry)} for entry in entries])
        mine = HEADS.c.project == self.project
        connection.execute(sa.update(HEADS).where(mine).values(number=entries[-1].number))

    def put_snapshot(self, connection: sa.Connection, number: int, data: bytes, every: int) -> None:
        """Keep it beside the first one of each ``every`` entries, for looking back; the others were only for speed."""
        mine = SNAPSHOTS.c.project == self.project
        known = sorted(int(n) for (n,) in connection.execute(sa.select(SNAPSHOTS.c.number).where(mine)))
        firsts = {n // every: n for n in reversed(known)}.values()
        gone = [n for n in known if n not in firsts or n == number]
        connection.execute(sa.delete(SNAPSHOTS).where(mine, SNAPSHOTS.c.number.in_(gone)))
        connection.execute(sa.insert(SNAPSHOTS).values(project=self.project, number=number, data=data))

    # reading -------------------------------------------------------------------------------------------------

    def last(self, connection: sa.Connection) -> int:
        """The number of the last entry, 0 = none."""
        return int(connection.execute(sa.select(HEADS.c.number).where(HEADS.c.project == self.project)).scalar() or 0)

    def snapshot(self, connection: sa.Connection, at: int) -> tuple[int, bytes] | None:
        """The newest one that is not after entry ``at``."""
        mine = sa.select(SNAPSHOTS.c.number, SNAPSHOTS.c.data).where(
            SNAPSHOTS.c.project == self.project, SNAPSHOTS.c.number <= at
        )
        found = connection.execute(mine.order_by(SNAPSHOTS.c.number.desc()).limit(1)).first()
        return None if found is None else (int(found[0]), bytes(found[1]))

    def between(self, connection: sa.Connection, after: int, upto: int) -> list[Entry]:
        """Entries after one number up to another, with rows, in their order."""
        return self._read(
            connection, [ENTRIES.c.number > after, ENTRIES.c.number <= upto], ENTRIES.c.number.asc(), None
        )

    def named(
        self, connection: sa.Connection, numbers: Sequence[int], *, rows: bool = True, lean: bool = True
    ) -> dict[int, Entry]:
        """Entries by number; ``lean`` ones without view and summary."""
        found: dict[int, Entry] = {}
        for start in range(0, len(numbers), AT_ONCE):
            some = ENTRIES.c.number.in_(list(numbers[start : start + AT_ONCE]))
            found |= {e.number: e for e in self._read(connection, [some], ENTRIES.c.number.asc(), None, rows, lean)}
        return found

    def with_token(self, connection: sa.Connection, token: str) -> Entry | None:
        found = self._read(connection, [ENTRIES.c.token == token], ENTRIES.c.number.asc(), 1)
        return found[0] if found else None

    def newest(
        self, connection: sa.Connection, *, before: int | None, after: int | None, limit: int, rows: bool
    ) -> list[Entry]:
        where = [ENTRIES.c.number < before] if before is not None else []
        where += [ENTRIES.c.number > after] if after is not None else []
        return self._read(connection, where, ENTRIES.c.number.desc(), limit, rows=rows)

    def deeds(self, connection: sa.Connection, person: str, below: int) -> list[tuple[int, str, int | None]]:
        """(number, action, undoes) of a person's latest entries below a number, newest first, some hundred of them."""
        columns = (ENTRIES.c.number, ENTRIES.c.action, ENTRIES.c.undoes)
        mine = (ENTRIES.c.project == self.project) & (ENTRIES.c.person == person) & (ENTRIES.c.number < below)
        question = sa.select(*columns).where(mine).order_by(ENTRIES.c.number.desc()).limit(AT_ONCE)
        return [(int(number), str(action), undoes) for number, action, undoes in connection.execute(question)]

    def moments(self, connection: sa.Connection, after: int) -> list[tuple[int, str]]:
        """(number, at) of every entry after one number, oldest first."""
        mine = (ENTRIES.c.project == self.project) & (ENTRIES.c.number > after)
        question = sa.select(ENTRIES.c.number, ENTRIES.c.at).where(mine)
        return [(int(number), str(at)) for number, at in connection.execute(question.order_by(ENTRIES.c.number))]

    def _read(
        self,
        connection: sa.Connection,
        where: list[Any],
        order: Any,
        limit: int | None,
        rows: bool = True,
        lean: bool = False,
    ) -> list[Entry]:
        told = ("label",) if lean else JSON
        columns = [ENTRIES.c[name] for name in (*PLAIN, *told, *(PACKED if rows else ()))]
        question = sa.select(*columns).where(ENTRIES.c.project == self.project, *where).order_by(order)
        if limit is not None:
            question = question.limit(limit)
        names = [column.name for column in columns]
        return [_entry(dict(zip(names, record, strict=True)), told, rows) for record in connection.execute(question)]


def _record(entry: Entry) -> dict[str, Any]:
    plain = {name: getattr(entry, name) for name in PLAIN}
    told = {name: _dump(getattr(entry, name)) for name in JSON}
    own = entry.action not in (UNDO, REDO)
    uniform = not len(entry.excluded) or bool((entry.excluded == (entry.action == "exclude")).all())
    same = np.array_equal(entry.before, entry.under)
    return {
        **plain,
        **told,
        "rows": pack_rows(entry.rows),
        "codes": None if entry.codes is None else pack_numbers(entry.codes),
        "names": _dump(entry.names or None),
        "excluded": None if uniform else pack_flags(entry.excluded),
        "before": pack_numbers(entry.before),
        "under": pack_numbers(entry.under) if own and not same else None,
    }


def _entry(record: dict[str, Any], told: Sequence[str], rows: bool) -> Entry:
    values = {name: record[name] for name in PLAIN}
    for name in told:
        text = record[name]
        if text is not None:
            values[name] = json.loads(text)
    if rows:
        codes, excluded, under = record["codes"], record["excluded"], record["under"]
        values["rows"] = chosen = unpack_rows(record["rows"])
        if codes is not None:
            values["codes"], values["names"] = unpack_numbers(codes), json.loads(record["names"] or "[]")
        out = record["action"] == "exclude"
        values["excluded"] = np.full(len(chosen), out) if excluded is None else unpack_flags(excluded, len(chosen))
        values["before"] = before = unpack_numbers(record["before"])
        values["under"] = before if under is None else unpack_numbers(under)
    return Entry(**values)


def _dump(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
