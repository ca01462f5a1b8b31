"""A small database: a file of SQLite, or any other by URL.

In: a place, a schema with its migrations. Out: a `Database`: connections for reading and for writing, tables that are there and
of the right version. Does not know: what the tables hold. All that is special to SQLite is in `_sqlite`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from assay.errors import BusyStorageError, ProjectError, StorageError
from assay.storage.folder import translate_errors
from assay.storage.sqlite_file import WAIT, Copy, open_to_read

MIGRATING = threading.Lock()  # Alembic keeps what it works on in a module of its own
FREE = 1 << 20  # bytes below which a disk counts as full
LARGE = 64 << 20  # bytes of a file that is not looked over when it is opened
LOOKED_OVER: set[tuple[str, int, int, int]] = set()
PAUSE = 0.005  # seconds between two tries to get the lock


@dataclass(frozen=True)
class Schema:
    """``migrations``: a folder of Alembic revisions, of which ``newest`` is this program's. ``version_table``: of its own, so
    that several schemas can share a database. ``what``: the tables, in a word for people. ``around``: entered by whoever writes
    to a file of SQLite, within its lock and before it is opened; left when it is closed.
    """

    migrations: Path
    newest: str
    version_table: str
    what: str
    around: Callable[[Path], contextlib.AbstractContextManager[None]] | None = None


@dataclass(frozen=True)
class Database:
    """``reader`` never writes. ``file``: of SQLite, else None; its neighbour ``.lock`` is held by every write."""

    schema: Schema
    reader: sa.Engine
    writer: sa.Engine
    file: Path | None

    @classmethod
    def at(cls, address: str | Path, schema: Schema) -> Database:
        """A file of SQLite, or a URL. Nothing is opened or made yet.

        `ProjectError` for a URL that is none, or whose driver is not installed.
        """
        if isinstance(address, Path):
            return _sqlite(address, schema)
        try:
            made = sa.make_url(address)
            if made.get_backend_name() == "sqlite":
                return _sqlite(Path(made.database or ""), schema)
            engine = sa.create_engine(made, pool_pre_ping=True)
        except (sa.exc.ArgumentError, ImportError) as error:
            raise ProjectError(f"cannot open the database of {schema.what}: {error}") from error
        return cls(schema, engine, engine, None)

    def exists(self) -> bool:
        """Has anything been written? `ProjectError` if a newer Assay wrote it."""
        if self.file is not None and not self.file.exists():
            return False
        with self._told(), self.reader.connect() as connection:
            if self.file is not None:
                _look_over(connection, self.file, self.schema.what)
            tables = self.file is not None and sa.inspect(connection).get_table_names()  # before: they come all at once
            version = self._version(connection)
            if version is None and tables:
                version = ""
        if version is not None and not (len(version) == 4 and version.isdecimal() and version > "0000"):
            name = self.file or f"the database of {self.schema.what}"
            raise ProjectError(f"{name} is damaged (it states no version); restore it from a copy")
        newest = self.schema.newest
        if version is not None and version > newest:
            raise ProjectError(
                f"the {self.schema.what} were written by a newer Assay (version {version}, this one knows {newest}); "
                "upgrade with: pip install -U assay"
            )
        if version is not None and version < newest:
            self.migrate()
        return version is not None

    def migrate(self) -> None:
        """Make the tables, or bring them to this version: all of it or nothing."""
        try:
            with MIGRATING, self.writing() as connection:
                if self._version(connection) != self.schema.newest:
                    self._migrate(connection)
        except DBAPIError:  # where no lock holds others back, another may have been quicker by a moment
            if not self.exists():
                raise

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction, committed at the end and durable then; one writer at a time, in all processes."""
        with self._told(), self._alone(), self.writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self._told(), self.reader.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """The one lock of all writers of a file. Without it SQLite's writers starve each other for seconds, and before
        3.51.3 two that write and checkpoint at one moment can damage the file. Released when the process dies."""
        if self.file is None:
            yield
            return
        path = self.file.with_name(f"{self.file.name}.lock")
        with translate_errors(path):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            _take(handle, self.file)
            with self.schema.around(self.file) if self.schema.around else contextlib.nullcontext():
                yield
        finally:
            os.close(handle)

    def close(self) -> None:
        self.reader.dispose()
        self.writer.dispose()

    def _migrate(self, connection: sa.Connection) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(self.schema.migrations).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes |= {"connection": connection, "version_table": self.schema.version_table}
        command.upgrade(config, "head")

    def _version(self, connection: sa.Connection) -> str | None:
        table = self.schema.version_table
        if not sa.inspect(connection).has_table(table):
            return None
        return connection.execute(sa.text(f"SELECT version_num FROM {table}")).scalar()

    def _told(self) -> contextlib.AbstractContextManager[None]:
        return told(self.file, self.schema.what)


def _sqlite(file: Path, schema: Schema) -> Database:
    """Readers open the file read-only, so that none of them ever writes pages back into it when it closes; a writer's
    connection lives within the lock. Transactions are begun by hand: Python's own begin too late to hold a new table."""
    uri = file.absolute().as_uri()

    def write() -> sqlite3.Connection:
        new = not file.exists()
        connection = sqlite3.connect(uri, uri=True, timeout=WAIT, check_same_thread=False, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        if new:  # the name of the file is durable too
            handle = os.open(file.absolute().parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        return connection

    reader = sa.create_engine(
        "sqlite://", creator=lambda: open_to_read(file), poolclass=sa.QueuePool, pool_size=8, max_overflow=64
    )
    sa.event.listen(reader, "checkin", _forget_copies)
    writer = sa.create_engine("sqlite://", creator=write, poolclass=NullPool)
    sa.event.listen(writer, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return Database(schema, reader, writer, file)


def _look_over(connection: sa.Connection, file: Path, what: str) -> None:
    """SQLite's own look at every page and index, once for each state of a file; of files above `LARGE` left to `assay verify`."""
    status = file.stat()
    identity = (str(file), status.st_size, status.st_mtime_ns, status.st_ino)
    if identity in LOOKED_OVER or status.st_size > LARGE:
        return
    said = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
    if said != "ok":
        raise ProjectError(
            f"{file} is damaged ({str(said).strip()[:200]}); restore it from a copy: it holds the {what}"
        )
    LOOKED_OVER.add(identity)


def _take(handle: int, file: Path) -> None:
    """The lock, within `WAIT` seconds; `BusyStorageError` if somebody else holds it all that time."""
    end = time.monotonic() + WAIT
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise BusyStorageError(
                    f"another program has been writing to {file} for {WAIT} s; nothing was changed, try again"
                ) from error
            time.sleep(PAUSE)


def _forget_copies(connection: object, record: Any) -> None:
    """A copy serves one question."""
    if isinstance(connection, Copy):
        record.invalidate()


@contextlib.contextmanager
def told(file: Path | None, what: str) -> Iterator[None]:
    """The database's own errors as one sentence with advice."""
    name = file if file is not None else f"the database of {what}"
    try:
        yield
    except OperationalError as error:
        reason = str(error.orig)
        if "locked" in reason:
            raise BusyStorageError(
                f"another program holds {name}; nothing was changed, try again in a moment"
            ) from error
        if "full" in reason or ("disk I/O" in reason and file is not None and _is_full(file)):
            raise StorageError(
                f"cannot write {name}: the disk is full; free some space, nothing was half-written"
            ) from error
        if "readonly" in reason or "read-only" in reason or "unable to open" in reason:
            raise StorageError(f"cannot write {name}: it is read-only here; copy it to where you may write") from error
        raise StorageError(f"cannot use {name}: {reason}") from error
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.DatabaseError) and (
            "malformed" in str(error.orig) or "not a database" in str(error.orig)
        ):
            raise ProjectError(
                f"{name} is damaged ({error.orig}); restore it from a copy: it holds the {what}"
            ) from error
        raise


def _is_full(file: Path) -> bool:
    """SQLite calls a disk that takes no more bytes an I/O error where it cannot write what readers share."""
    try:
        return shutil.disk_usage(file.absolute().parent).free < FREE
    except OSError:
        return False
