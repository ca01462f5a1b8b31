"""Entries and snapshots as rows of a database.

In: a connection, a project's uuid, entries. Out: entries that are what was written, or `ProjectError`. Does not know: what they
mean, who may write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from assay.actions.codec import pack_flags, pack_numbers, pack_rows, unpack_flags, unpack_numbers, unpack_rows
from assay.actions.entry import REDO, UNDO, Entry
from assay.errors import ProjectError
from assay.storage.log_digests import (
    PACKED,
    PARTS,
    PLAIN,
    TOLD,
    chained,
    digest_of,
    entry_digest,
    head_digest,
    part_digest,
)

META = sa.MetaData()
HEADS = sa.Table(
    "log_heads",
    META,
    sa.Column("project", sa.String),
    sa.Column("number", sa.Integer),
    sa.Column("digest", sa.String),
)
JSON = ("label", *TOLD)
ENTRIES = sa.Table(
    "log_entries",
    META,
    sa.Column("project", sa.String),
    *(sa.Column(name, sa.Integer if name in ("number", "n_rows", "kept", "undoes") else sa.Text) for name in PLAIN),
    *(sa.Column(name, sa.Text) for name in (*TOLD, "names", "digest", "chain")),
    *(sa.Column(name, sa.LargeBinary) for name in PACKED if name != "names"),
)
SNAPSHOTS = sa.Table(
    "log_snapshots",
    META,
    sa.Column("project", sa.String),
    sa.Column("number", sa.Integer),
    sa.Column("data", sa.LargeBinary),
    sa.Column("digest", sa.String),
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
        return self.last(connection)

    def insert(self, connection: sa.Connection, entries: Sequence[Entry]) -> None:
        chain = self._chain(connection, entries[0].number - 1)
        records = []
        for entry in entries:
            record = _record(entry)
            digest = entry_digest(self.project, record)
            chain = chained(chain, digest)
            records.append({"project": self.project, "digest": digest, "chain": chain, **record})
        connection.execute(sa.insert(ENTRIES), records)
        mine = sa.update(HEADS).where(HEADS.c.project == self.project)
        last = entries[-1].number
        connection.execute(mine.values(number=last, digest=head_digest(self.project, last, chain)))

    def _chain(self, connection: sa.Connection, number: int) -> str:
        """The chain after an entry; empty before the first."""
        one = (ENTRIES.c.project == self.project) & (ENTRIES.c.number == number)
        return connection.execute(sa.select(ENTRIES.c.chain).where(one)).scalar() or ""

    def put_snapshot(self, connection: sa.Connection, number: int, data: bytes, every: int) -> None:
        """Keep it beside the first one of each ``every`` entries, for looking back; the others were only for speed."""
        mine = SNAPSHOTS.c.project == self.project
        known = sorted(int(n) for (n,) in connection.execute(sa.select(SNAPSHOTS.c.number).where(mine)))
        firsts = {n // every: n for n in reversed(known)}.values()
        gone = [n for n in known if n not in firsts or n == number]
        connection.execute(sa.delete(SNAPSHOTS).where(mine, SNAPSHOTS.c.number.in_(gone)))
        values = {"project": self.project, "number": number, "data": data}
        connection.execute(sa.insert(SNAPSHOTS).values(**values, digest=digest_of(*values.values())))

    # reading -------------------------------------------------------------------------------------------------

    def last(self, connection: sa.Connection) -> int:
        """The number of the last entry, 0 = none."""
        both = (ENTRIES.c.project == HEADS.c.project) & (ENTRIES.c.number == HEADS.c.number)
        question = sa.select(HEADS.c.number, HEADS.c.digest, ENTRIES.c.chain).where(HEADS.c.project == self.project)
        found = connection.execute(question.select_from(HEADS.outerjoin(ENTRIES, both))).first()  # one moment
        if found is None or (found.number == 0 and found.digest is None):
            return 0
        if head_digest(self.project, found.number, found.chain or "") != found.digest:
            raise damaged("the number of the last entry")
        return int(found.number)

    def snapshot(self, connection: sa.Connection, at: int) -> tuple[int, bytes] | None:
        """The newest one that is not after entry ``at``; none where it is damaged: the entries say the same, only slower."""
        mine = sa.select(SNAPSHOTS.c.number, SNAPSHOTS.c.data, SNAPSHOTS.c.digest).where(
            SNAPSHOTS.c.project == self.project, SNAPSHOTS.c.number <= at
        )
        found = connection.execute(mine.order_by(SNAPSHOTS.c.number.desc()).limit(1)).first()
        if found is None or digest_of(self.project, found.number, found.data) != found.digest:
            return None
        return int(found.number), bytes(found.data)

    def between(self, connection: sa.Connection, after: int, upto: int) -> list[Entry]:
        """Entries after one number up to another, with rows, in their order."""
        found = self._read(
            connection, [ENTRIES.c.number > after, ENTRIES.c.number <= upto], ENTRIES.c.number.asc(), None
        )
        for number, entry in enumerate(found, after + 1):
            if entry.number != number:
                raise damaged(f"entry {number}, which is missing,")
        if after + len(found) < upto:
            raise damaged(f"entry {after + len(found) + 1}, which is missing,")
        return found

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

    def entries_of(self, connection: sa.Connection, person: str, below: int) -> list[tuple[int, str, int | None]]:
        """(number, action, undoes) of a person's latest entries below a number, newest first, some hundred of them."""
        where = [ENTRIES.c.person == person, ENTRIES.c.number < below]
        found = self._records(connection, where, ENTRIES.c.number.desc(), AT_ONCE, (0,))
        return [(record["number"], record["action"], record["undoes"]) for record in found]

    def people(self, connection: sa.Connection) -> list[str]:
        """Everybody who made an entry, in the order of their names."""
        found = connection.execute(sa.select(ENTRIES.c.person).distinct().order_by(ENTRIES.c.person))
        return [str(person) for (person,) in found]

    def moments(self, connection: sa.Connection, after: int) -> list[tuple[int, str]]:
        """(number, at) of every entry after one number, oldest first."""
        found = self._records(connection, [ENTRIES.c.number > after], ENTRIES.c.number.asc(), None, (0,))
        return [(record["number"], record["at"]) for record in found]

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
        parts = (0, *(() if lean else (1,)), *((2,) if rows else ()))
        return [_entry(record, told, rows) for record in self._records(connection, where, order, limit, parts)]

    def _records(
        self, connection: sa.Connection, where: list[Any], order: Any, limit: int | None, parts: Sequence[int]
    ) -> list[Mapping[str, Any]]:
        """Some `PARTS` of entries; `ProjectError` where one is not what was written."""
        names = [name for part in parts for name in PARTS[part]]
        question = sa.select(*(ENTRIES.c[name] for name in (*names, "digest")))
        question = question.where(ENTRIES.c.project == self.project, *where).order_by(order)
        if limit is not None:
            question = question.limit(limit)
        found: list[Mapping[str, Any]] = []
        for record in map(dict, connection.execute(question).mappings()):
            said = (record["digest"] or "").split(".")
            if len(said) != len(PARTS) or any(part_digest(self.project, p, record) != said[p] for p in parts):
                raise damaged(f"entry {record['number']}")
            found.append(record)
        return found


def damaged(what: str) -> ProjectError:
    return ProjectError(
        f"{what} of the decisions is not what was written; restore state.sqlite from a copy, and see: assay verify"
    )


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


def _entry(record: Mapping[str, Any], told: Sequence[str], rows: bool) -> Entry:
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
