"""How the rows of the log of decisions are guarded: a digest of each, and a chain from one to the next.

In: rows of the log's tables. Out: digests; in a database, what does not fit. Does not know: what an entry means.

An entry has three digests, because it is read in three parts: what lists show, what was told of it, and its rows. Each row's
``chain`` is made from the one before, and ``log_heads`` has a digest of the last, so that no entry is lost or exchanged
unnoticed.
"""

from __future__ import annotations

import contextlib
import sqlite3
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xxhash

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
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return [str(name) for (name,) in connection.execute("SELECT project FROM log_heads")]
    except sqlite3.Error:
        return []


def faults_of_database(file: Path) -> list[str]:
    """All of `faults_of_log`, and what SQLite itself notices: of its pages, and of a log that was not yet folded in."""
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                return ["its pages"]
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables and not tables >= {"log_heads", "log_entries", "log_snapshots", "log_version"}:
                return ["its list of tables"]
            found = list(faults_of_log(connection)) if tables else []
    except (sqlite3.Error, TypeError, ValueError, OverflowError) as error:
        return [f"the file itself: {error}"]
    return [*found, *faults_of_unfolded(file)]


def faults_of_unfolded(file: Path, most: int | None = None) -> list[str]:
    """Of the log beside a database whose pages were not folded in yet; SQLite itself would go on without what is damaged.

    ``most``: bytes above which it is left alone.
    """
    wal = file.with_name(f"{file.name}-wal")
    for _ in range(3):  # somebody may be writing this very moment
        try:
            data = wal.read_bytes() if most is None or wal.stat().st_size <= most else b""
        except OSError:
            return []
        if _is_whole(data):
            return []
        time.sleep(0.05)
    return [f"{wal.name}, with the newest decisions,"]


def _is_whole(data: bytes) -> bool:
    """Does every transaction of a write-ahead log fit its checksums? The format is SQLite's, of 2010.

    A transaction that ends in no commit was never acknowledged, and frames of an earlier round lie behind the end.
    """
    if not data:
        return True
    head, size = data[:32], int.from_bytes(data[8:12], "big")
    order = {0x377F0682: "little", 0x377F0683: "big"}.get(int.from_bytes(head[:4], "big"))
    if len(head) < 32 or order is None or size not in {1 << bits for bits in range(9, 17)}:
        return False
    sums = _sums((0, 0), head[:24], order)
    if sums != _stated(head[24:32]):
        return False
    fits = True
    for start in range(32, len(data) - 24 - size + 1, 24 + size):
        frame, page = data[start : start + 24], data[start + 24 : start + 24 + size]
        ours, commits = frame[8:16] == head[16:24], any(frame[4:8])
        if fits:
            sums = _sums(_sums(sums, frame[:8], order), page, order)
            fits = ours and sums == _stated(frame[16:24])
        if not fits and ours and commits:
            return False
    return True


def _stated(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big")


def _sums(sums: tuple[int, int], data: bytes, order: Any) -> tuple[int, int]:
    one, two = sums
    words = struct.unpack(f"{'<' if order == 'little' else '>'}{len(data) // 4}I", data)
    for at in range(0, len(words), 2):
        one = (one + words[at] + two) & 0xFFFFFFFF
        two = (two + words[at + 1] + one) & 0xFFFFFFFF
    return one, two
