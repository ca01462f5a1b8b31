"""Sessions of the web app: two halves each, of which only hashes are kept.

In: session ids and keys. Out: people. Does not know: HTTP.

The id goes into a cookie, which a browser sends to every port of the host; the key goes to the page, whose storage no other
port can read. Neither says anything without the other. What a page cannot send a header for (pictures, events) names a key for
looking instead, which is made from the key and opens nothing else.
"""

from __future__ import annotations

import base64
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

    def begin(self, person: str) -> tuple[str, str]:
        """(session id, its key) of a new session."""
        session, key = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        now = time.time()
        with self._database.writing() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.expires < now))
            rows = [{"id": id, "person": person[:80], "expires": now + LIFETIME} for id in _ids(session, key)]
            connection.execute(sa.insert(sessions), rows)
        return session, key

    def person(self, session: str, key: str) -> str | None:
        """Asked each time: another server of this home may have ended it."""
        return self._read(_ids(session, key)[0])

    def looker(self, session: str, looking: str) -> str | None:
        """Who may look, by `looking_key`."""
        return self._read(_hash(session, "look", looking))

    def rename(self, session: str, key: str, person: str) -> None:
        with self._database.writing() as connection:
            mine = sessions.c.id.in_(_ids(session, key))
            connection.execute(sa.update(sessions).where(mine).values(person=person[:80]))

    def end(self, session: str, key: str) -> None:
        with self._database.writing() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.id.in_(_ids(session, key))))

    def _read(self, id: str) -> str | None:
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(sessions.c.person, sessions.c.expires).where(sessions.c.id == id)
            ).first()
        return row.person if row and row.expires > time.time() else None


def looking_key(key: str) -> str:
    """What addresses of pictures and events carry: says nothing of the key that it is made from."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"look.{key}".encode("utf-8", "surrogatepass")).digest())[
        :32
    ].decode()


def _ids(session: str, key: str) -> tuple[str, str]:
    """The two rows of a session: for everything, and for looking."""
    return _hash(session, key), _hash(session, "look", looking_key(key))


def _hash(*parts: str) -> str:
    return hashlib.sha256(".".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
