"""Who may come in: a token in the address, perhaps a password; then a cookie.

In: requests. Out: the person behind them, or a `AccessDenied`. Does not know: projects.

Loopback alone protects nothing: other users of the machine and every page in the browser reach it. So the address printed at
the start carries an unguessable token, a cookie follows it, and requests that change something must come from our own page.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from assay.server.sessions import Sessions

SAFE = ("GET", "HEAD", "OPTIONS")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TRIES = 10  # wrong passwords in a row after which answers wait


class AccessDenied(Exception):  # noqa: N818
    """Why a request was turned away: ``status`` 401 or 403."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def is_loopback(host: str) -> bool:
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass
class Authenticator:
    """``hosts``: the names this server answers to, without port; empty = any (a password or token guards it then)."""

    sessions: Sessions
    port: int
    person: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    password: str | None = None
    hosts: frozenset[str] = frozenset(LOOPBACK)
    _wrong: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cookie(self) -> str:
        """Cookies are shared by all ports of a host, so the name carries ours."""
        return f"assay-{self.port}"

    def needs(self) -> str:
        return "password" if self.password else "token"

    def check_host(self, headers: Mapping[str, str]) -> None:
        """A page of a name that was re-pointed at this machine asks with its own name in Host."""
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if self.hosts and host not in self.hosts and not is_loopback(host):
            raise AccessDenied(403, f"this server does not answer to the name {host!r}; open the address it printed")

    def check_origin(self, method: str, headers: Mapping[str, str]) -> None:
        """Requests that change something come from our own page, or from no page at all."""
        if method in SAFE:
            return
        site = headers.get("sec-fetch-site", "none")
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
        if site not in ("same-origin", "none") or foreign:
            raise AccessDenied(403, "requests of other sites are refused")

    def person_of(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> str | None:
        """The signed-in person, or None. A bearer token stands for the person who started the server."""
        bearer = headers.get("authorization", "")
        if bearer.lower().startswith("bearer ") and self.is_token(bearer[7:].strip()):
            return headers.get("x-assay-person") or self.person
        session = cookies.get(self.cookie)
        return self.sessions.person(session) if session else None

    def is_token(self, given: str) -> bool:
        return hmac.compare_digest(_digest(given), _digest(self.token))

    def is_password(self, given: str) -> bool:
        """Compared in constant time; after ten wrong ones in a row the right one is not accepted for a while either."""
        if self.password is None:
            return False
        with self._lock:
            if self._wrong >= TRIES:
                raise AccessDenied(
                    403, "too many wrong passwords; restart the server or use the address with the token"
                )
            right = hmac.compare_digest(_digest(given), _digest(self.password))
            self._wrong = 0 if right else self._wrong + 1
        return right

    def sign_in(self, person: str | None) -> str:
        """A new session's id, for the cookie."""
        return self.sessions.begin((person or "").strip() or self.person)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
