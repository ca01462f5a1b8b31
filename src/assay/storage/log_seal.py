"""A seal beside the decisions: what the bytes of their files were when the last writer closed them.

In: the file of a log. Out: the seal beside it; what does not fit it. Does not know: who writes, what an entry means.

Digests of entries leave out what lies between them (free pages, unused space, the header). A seal names the digest of every byte and
the last entry of each project. It is broken before a write and put after it, so a writer that dies leaves none, and one that does
not know of seals leaves one whose last entry has others after it: both say nothing. What remains is damage: the same last
entry in other bytes, or a last entry that is not there.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.errors import ProjectError
from assay.storage.checksums import digest_of, json_bytes, parse_json
from assay.storage.folder import TEMPORARY
from assay.storage.log_digests import head_digest
from assay.storage.sqlite_file import open_to_read

ENDING = ".seal"
LARGEST = 64 << 20  # bytes that are read after each write, about 2 ms a MiB
LONGEST = 1 << 20  # bytes of a seal


def seal_of(file: Path) -> Path:
    return file.with_name(f"{file.name}{ENDING}")


@contextlib.contextmanager
def resealed(file: Path) -> Iterator[None]:
    """Around a write by the one who holds the log's lock, its connection opened and closed within. No seal is made above
    `LARGEST`, nor where the disk takes none."""
    seal = seal_of(file)
    with contextlib.suppress(OSError):
        seal.unlink(missing_ok=True)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, sqlite3.Error):
            _put(file, seal)


def _put(file: Path, seal: Path) -> None:
    if sum(path.stat().st_size for path in (file, file.with_name(f"{file.name}-wal")) if path.exists()) > LARGEST:
        return
    # never read as a file: closing it would let go of the locks that SQLite's own connections in this process hold.
    # A connection that may write tidies up when it is the last one
    with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        said = json_bytes({"image": digest_of(connection.serialize()), "last": _last(connection)})
    new = seal.with_name(f"{TEMPORARY}{seal.name}")  # of who holds the lock, so one name will do
    try:
        new.unlink(missing_ok=True)
        with new.open("xb") as sink:
            sink.write(said)
        new.replace(seal)
    finally:
        new.unlink(missing_ok=True)


def _last(connection: sqlite3.Connection) -> list[list[Any]]:
    """(project, number, digest) of the last entry of each project."""
    return [list(row) for row in connection.execute("SELECT project, number, digest FROM log_heads ORDER BY project")]


def require_no_seal(file: Path) -> None:
    """`ProjectError` if the seal of a log without its file says that there were decisions, which nobody shall lose unawares."""
    try:
        seal = read_seal(file)
    except (ValueError, RecursionError):
        return  # `assay verify` tells of it
    if seal is None or file.exists():  # put there meanwhile
        return
    raise ProjectError(
        f"{file} is missing, which held the decisions: restore it from a copy, or delete {seal_of(file).name} beside it "
        "to go on without them"
    )


def read_seal(file: Path) -> dict[str, Any] | None:
    """None where there is none, or one that a power cut left empty. ValueError for one that is damaged."""
    try:
        handle = os.open(seal_of(file), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError("it is a link or cannot be read") from error
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("it is no file")
        data = stream.read(LONGEST)
    if not data.strip(b"\0"):
        return None
    value = parse_json(data)
    if not isinstance(value, dict) or json_bytes(value) != data:
        raise ValueError("its checksum does not fit")
    return value


def unlike_seal(file: Path, seal: dict[str, Any]) -> str | None:
    """What the seal says of a log without faults of its own: "lost" where its last entry is not there, "changed" where
    bytes outside of the entries are other ones, None where all is as it was, or more was written since. `sqlite3.Error`
    where the entries cannot be found by name."""
    question = "SELECT chain FROM log_entries WHERE project = ? AND number = ?"
    with contextlib.closing(open_to_read(file)) as connection:
        for project, number, digest in seal["last"]:
            (chain,) = connection.execute(question, (project, number)).fetchone() or ("",)
            if number and head_digest(project, number, chain or "") != digest:
                return "lost"
        if digest_of(connection.serialize()) == seal["image"] or _last(connection) != seal["last"]:
            return None
    return "changed" if read_seal(file) == seal else None  # somebody wrote meanwhile
