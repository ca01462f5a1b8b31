"""Who may come in: a token in the address, perhaps a password; then a cookie and a key that only the page holds.

In: requests. Out: the person behind them, or a `AccessDenied`. Does not know: projects.

Loopback alone protects nothing: other users of the machine and every page in the browser reach it. So the address printed at
the start carries an unguessable token, a session follows it, and requests that change something must come from our own page.
A cookie is sent to every port of the host, so whoever serves another one reads it: it counts only together with the key
that our page keeps in its storage and sends in a header.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from assay.server.sessions import Sessions, looking_key
from assay.server.throttle import Throttle

SAFE = ("GET", "HEAD", "OPTIONS")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ONCE = 120.0  # seconds that a one-time token lasts
KEY = "x-assay-key"  # header with the key of the session
LOOKED_AT = re.compile(r"/api/v1/projects/[^/]+/(thumbs/\d+|images/\d+|events)")  # asked for without headers


class AccessDenied(Exception):  # noqa: N818
    """Why a request was turned away: ``status`` 400, 401, 403 or 429; ``wait``: seconds, of 429."""

    def __init__(self, status: int, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.status, self.wait = status, wait


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
    home: str = ""
    throttle: Throttle = field(default_factory=Throttle)
    _once: dict[bytes, float] = field(default_factory=dict)  # digests of one-time tokens -> when they end
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cookie(self) -> str:
        """Cookies are shared by all ports of a host, so the name carries ours, and the home that keeps the sessions."""
        return f"assay-{self.port}-{_digest(self.home).hex()[:8]}"

    def needs(self) -> str:
        return "password" if self.password else "token"

    def check_host(self, headers: Mapping[str, str]) -> None:
        """A page of a name that was re-pointed at this machine asks with its own name in Host."""
        try:
            host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        except ValueError as error:
            raise AccessDenied(400, "the name of the server does not read") from error
        if self.hosts and host not in self.hosts and not is_loopback(host):
            raise AccessDenied(403, f"this server does not answer to the name {host!r}; open the address it printed")

    def check_origin(self, method: str, headers: Mapping[str, str]) -> None:
        """Requests that change something come from our own page, or from no page at all."""
        if method in SAFE:
            return
        site = headers.get("sec-fetch-site", "none")
        origin = headers.get("origin")
        foreign = origin is not None and _netloc(origin) != headers.get("host")
        if site not in ("same-origin", "none") or foreign:
            raise AccessDenied(403, "requests of other sites are refused")

    def person_of(
        self, headers: Mapping[str, str], cookies: Mapping[str, str], looking: tuple[str, str] | None = None
    ) -> str | None:
        """The signed-in person, or None. A bearer token stands for the person who started the server.

        ``looking``: path and key of a request that its page could send no header with.
        """
        bearer = headers.get("authorization", "")
        if bearer.lower().startswith("bearer ") and self.is_token(bearer[7:].strip()):
            return headers.get("x-assay-person") or self.person
        session = cookies.get(self.cookie)
        if not session:
            return None
        if KEY in headers:
            return self.sessions.person(session, headers[KEY])
        if looking is not None and LOOKED_AT.fullmatch(looking[0]):
            return self.sessions.looker(session, looking[1])
        return None

    def halves(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> tuple[str, str] | None:
        """(session id, key) that a request brings, if both."""
        session, key = cookies.get(self.cookie), headers.get(KEY)
        return (session, key) if session and key else None

    def looking(self, headers: Mapping[str, str]) -> str | None:
        """What the page writes into addresses of pictures and events."""
        return looking_key(headers[KEY]) if KEY in headers else None

    def is_token(self, given: str) -> bool:
        return hmac.compare_digest(_digest(given), _digest(self.token))

    def one_time(self) -> str:
        """A token that lets in once, within two minutes: it may stand on a command line, where others can read it."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._once[_digest(token)] = time.monotonic() + ONCE
        return token

    def spend(self, given: str) -> bool:
        """Was it a one-time token? It is none any more."""
        with self._lock:
            return self._once.pop(_digest(given), 0.0) > time.monotonic()

    def check_secret(self, token: str | None, password: str | None, address: str, name: str) -> bool:
        """The token or password of this server? `AccessDenied` 429 for an address that guessed wrong too often: it waits, a
        little longer each time, and nobody else does."""
        wait = self.throttle.wait(address, name)
        if wait > 0:
            raise AccessDenied(429, f"too many wrong answers from this address; try again in {math.ceil(wait)} s", wait)
        if self.password is not None:
            right = hmac.compare_digest(_digest(password or ""), _digest(self.password))
        else:
            right = self.is_token(token or "")
        self.throttle.told(address, name, right=right)
        return right

    def sign_in(self, person: str | None) -> tuple[str, str]:
        """(id, for the cookie; key, for the page alone) of a new session."""
        return self.sessions.begin((person or "").strip() or self.person)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
