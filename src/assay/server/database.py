"""The workspace's database: sessions, uploads, jobs.

In: nothing. Out: its tables. Does not know: what they mean. Decisions about rows are elsewhere, beside their project.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from assay.storage.database import Database, Schema

__all__ = ["Database", "jobs", "open_workspace_database", "sessions", "uploads"]

SCHEMA = Schema(Path(__file__).parent / "migrations", "0001", "workspace_version", "sessions, uploads and jobs")
METADATA = sa.MetaData()

sessions = sa.Table(
    "sessions",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),  # hash of the cookie and of what the page keeps
    sa.Column("person", sa.String(80), nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)

uploads = sa.Table(
    "uploads",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("person", sa.String(80), nullable=False),
    sa.Column("created", sa.Float, nullable=False),
)

jobs = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("project", sa.Text, nullable=False),  # folder
    sa.Column("command", sa.Text, nullable=False),  # JSON: arguments of `assay`
    sa.Column("person", sa.String(80), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("owner", sa.String(80)),
    sa.Column("beat", sa.Float),  # seconds since the epoch
    sa.Column("cancel", sa.Boolean, nullable=False, default=False),
    sa.Column("progress", sa.Text, nullable=False, default="{}"),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("ended", sa.Float),
)
ACTIVE = jobs.c.state.in_(["waiting", "running"])
sa.Index("one_active_job_a_project", jobs.c.project, unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE)


def open_workspace_database(home: Path) -> Database:
    """``home``/server.sqlite, made or brought to this version."""
    database = Database.at(home / "server.sqlite", SCHEMA)
    if not database.exists():
        database.migrate()
    return database
