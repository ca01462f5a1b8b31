"""How the rows of the log of decisions are guarded: a digest of each, and a chain from one to the next.

In: rows of the log's tables. Out: digests; in a database, what does not fit. Does not know: what an entry means.

An entry has three digests, because it is read in three parts: what lists show, what was told of it, and its rows. Each row's
``chain`` is made from the one before, and ``log_heads`` has a digest of the last, so that no entry is lost or exchanged
unnoticed.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xxhash

from assay.storage.sqlite_file import open_to_read

PLAIN = ("number", "token", "at", "person", "action", "route", "n_rows", "kept", "undoes", "policy", "text", "label")
TOLD = ("view", "summary")
PACKED = ("rows", "codes", "names", "excluded", "before", "under")
PARTS = (PLAIN, TOLD, PACKED)


def digest_of(*values: Any) -> str:
    """XXH3 (128 bits) over integers, texts, bytes and None, each with its kind and length."""
    state = xxhash.xxh3_128()
    for value in values:
        if value is None:
            state.update(b"-")
            continue
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        kind = b"t" if isinstance(value, str) else b"b"
        if isinstance(value, int):
            kind, data = b"i", b"%d" % value
        state.update(b"%b%d:" % (kind, len(data)))
        state.update(data)
    return state.hexdigest()


def part_digest(project: str, part: int, record: Mapping[str, Any]) -> str:
    """Of one of `PARTS` of an entry."""
    return digest_of(project, record["number"], *(record[name] for name in PARTS[part]))


def entry_digest(project: str, record: Mapping[str, Any]) -> str:
    """What the column ``digest`` of an entry holds: that of each part, with dots between."""
    return ".".join(part_digest(project, part, record) for part in range(len(PARTS)))


def chained(before: str, digest: str) -> str:
    """The chain after an entry; ``before``: after the one before, empty for the first."""
    return digest_of(before, digest)


def head_digest(project: str, number: int, chain: str) -> str:
    return digest_of(project, number, chain)


def faults_of_log(connection: sqlite3.Connection) -> Iterator[str]:
    """What of the log is not what was written: "entry 7", "the number of the last entry", "the snapshot after entry 9".

    Nothing for a log that an older version wrote, without digests. Cost: reads all of it.
    """
    connection.row_factory = sqlite3.Row
    columns = {row["name"] for row in connection.execute("PRAGMA table_info(log_entries)")}
    if "chain" not in columns:
        return
    heads = {row["project"]: row for row in connection.execute("SELECT * FROM log_heads")}
    numbers: dict[str, int] = {}
    chains: dict[str, str] = {}
    for row in connection.execute("SELECT * FROM log_entries ORDER BY project, number"):
        project, number = row["project"], row["number"]
        last, before = numbers.get(project, 0), chains.get(project, "")
        yield from (f"entry {missing}, which is missing," for missing in range(last + 1, min(number, last + 100)))
        fits = entry_digest(project, dict(row)) == row["digest"]
        if not fits or (number == last + 1 and chained(before, row["digest"]) != row["chain"]):
            yield f"entry {number}"
        numbers[project], chains[project] = number, row["chain"]
    for project in sorted(heads.keys() | numbers.keys()):
        number, chain = numbers.get(project, 0), chains.get(project, "")
        head = heads.get(project)
        if (
            head is None
            or head["number"] != number
            or (number and head["digest"] != head_digest(project, number, chain))
        ):
            yield "the number of the last entry"
    for row in connection.execute("SELECT * FROM log_snapshots"):
        if digest_of(row["project"], row["number"], row["data"]) != row["digest"]:
            yield f"the snapshot after entry {row['number']}"


def projects_of(file: Path) -> list[str]:
    """The projects that a database holds decisions of; none where it cannot be read."""
    try:
        with contextlib.closing(open_to_read(file)) as connection:
            return [str(name) for (name,) in connection.execute("SELECT project FROM log_heads")]
    except sqlite3.Error:
        return []


def faults_of_database(file: Path) -> list[str]:
    """All of `faults_of_log`, and what SQLite itself notices of its pages."""
    try:
        with contextlib.closing(open_to_read(file)) as connection:
            if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                return ["its pages"]
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables and not tables >= {"log_heads", "log_entries", "log_snapshots", "log_version"}:
                return ["its list of tables"]
            found = list(faults_of_log(connection)) if tables else []
    except (sqlite3.Error, TypeError, ValueError, OverflowError, LookupError) as error:  # the last: a damaged name
        return [f"the file itself: {error}"]
    return found
