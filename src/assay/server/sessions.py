"""Sessions of the web app: only hashes of their ids are kept.

In: session ids. Out: people. Does not know: HTTP.
"""

from __future__ import annotations

import hashlib
import secrets
import time

import sqlalchemy as sa

from assay.server.database import Database, sessions

LIFETIME = 30 * 24 * 3600.0  # seconds


class Sessions:
    """Kept in the workspace's database, so that a restart signs nobody out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, person: str) -> str:
        session = secrets.token_urlsafe(32)
        now = time.time()
        with self._database.writing() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.expires < now))
            connection.execute(
                sa.insert(sessions).values(id=_hash(session), person=person[:80], expires=now + LIFETIME)
            )
        return session

    def person(self, session: str) -> str | None:
        found = self._read(_hash(session))  # asked each time: another server of this home may have ended it
        return found[0] if found and found[1] > time.time() else None

    def rename(self, session: str, person: str) -> None:
        with self._database.writing() as connection:
            connection.execute(sa.update(sessions).where(sessions.c.id == _hash(session)).values(person=person[:80]))

    def end(self, session: str) -> None:
        with self._database.writing() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.id == _hash(session)))

    def _read(self, hashed: str) -> tuple[str, float] | None:
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(sessions.c.person, sessions.c.expires).where(sessions.c.id == hashed)
            ).first()
        return (row.person, row.expires) if row else None


def _hash(session: str) -> str:
    return hashlib.sha256(session.encode()).hexdigest()
