"""A file of SQLite, opened to be read and never changed, on disks that take nothing, too.

In: a path. Out: a connection. Does not know: what the tables hold, who writes.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

WAIT = 15  # seconds for a database that another program holds


def open_to_read(file: Path) -> sqlite3.Connection:
    """A connection that never writes; to a copy where the disk is read-only or full. Raises as `sqlite3.connect` does."""
    uri = f"{file.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=WAIT, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        full = "disk I/O" in str(error) or "full" in str(error)  # no room even for what readers share
        if os.access(file.parent, os.W_OK) and not full:
            raise
        return _copied(file)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class Copy(sqlite3.Connection):
    """A connection to a copy, which goes with it."""

    folder: str = ""

    def close(self) -> None:
        super().close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _copied(file: Path) -> sqlite3.Connection:
    """SQLite cannot read a log that was not closed where it may not write beside it: on a read-only or full disk a copy is
    read, made anew for each question, so that what others append is seen, and in memory where the system offers that."""
    shared = Path("/dev/shm")
    home = shared if os.access(shared, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="assay-log-", dir=home))
    try:
        for path in (file, file.with_name(f"{file.name}-wal")):
            if path.exists():
                shutil.copyfile(path, folder / path.name)
        connection = sqlite3.connect(
            folder / file.name, timeout=WAIT, check_same_thread=False, isolation_level=None, factory=Copy
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    connection.folder = str(folder)
    return connection
