"""A small database: SQLite beside the files it belongs to, or any server that SQLAlchemy reaches by URL.

In: a URL or path, a folder of Alembic migrations. Out: connections. Does not know: which tables there are.

Every write to SQLite happens under one ``flock``: writers that only wait on SQLite's own locks starve each other for seconds,
and versions before 3.51.3 can damage a WAL database when two connections write and checkpoint at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from assay.errors import ProjectError, StorageError
from assay.storage.folder import told_plainly

BUSY_MS = 30_000


class Database:
    """``place``: a file (SQLite) or a URL. ``migrations``: a folder of Alembic revisions, run when the database is opened."""

    def __init__(self, place: str | os.PathLike[str], migrations: Path) -> None:
        self.file = None if "://" in str(place) else Path(place)
        self.url = str(place) if self.file is None else f"sqlite:///{self.file.absolute()}"
        self._migrations = migrations
        self._turn = threading.Lock()

    def exists(self) -> bool:
        """Has anything been written yet? A database by URL always counts as there."""
        return self.file is None or self.file.exists()

    @cached_property
    def engine(self) -> sa.Engine:
        """Opened and brought to the newest revision once. Makes the file."""
        with told_plainly(self.file or self.url):
            if self.file is not None:
                self.file.parent.mkdir(parents=True, exist_ok=True)
            engine = sa.create_engine(self.url, pool_pre_ping=self.file is None)
            if engine.dialect.name == "sqlite":
                sa.event.listen(engine, "connect", _prepare)
            with self._alone():
                _upgrade(engine, self._migrations, self.file or self.url)
        return engine

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self._told(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction, durable when the block ends; one writer at a time over all processes."""
        engine = self.engine
        with self._told(), self._alone(), engine.begin() as connection:
            yield connection

    def close(self) -> None:
        if "engine" in self.__dict__:
            self.engine.dispose()
            del self.__dict__["engine"]

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if self.file is None:  # a server has transactions that wait for each other
            yield
            return
        with self._turn:
            handle = os.open(f"{self.file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.OperationalError as error:
            raise StorageError(f"cannot use the database {self.file or self.url}: {error.orig}") from error
        except sa.exc.DatabaseError as error:
            if isinstance(error, sa.exc.IntegrityError):
                raise
            raise ProjectError(f"the database {self.file or self.url} is damaged: {error.orig}") from error


def _prepare(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=wal", f"busy_timeout={BUSY_MS}", "synchronous=full", "foreign_keys=on"):
        cursor.execute(f"pragma {pragma}")
    cursor.close()


def _upgrade(engine: sa.Engine, migrations: Path, where: object) -> None:
    """Bring the schema to the newest revision; a database that a newer Assay wrote is refused."""
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    head = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == head:
            return
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ProjectError(
                f"{where} was written by a newer Assay; upgrade with: pip install -U assay ({error})"
            ) from error
