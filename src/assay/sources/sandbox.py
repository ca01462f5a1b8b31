"""The one gate for paths and addresses that come out of data: what a dataset may reach.

In: a path or an address, and a `Scope`. Out: an open file, an opener of addresses, or `UnreadableError`.
Does not know: who sent the data, where a scope is kept (`assay.dataset.scope`).

A table names files and addresses. Run by its owner it may name any; sent to a server by somebody else it could name the
server's own files, or machines that only the server can reach. The scope is decided once a dataset: while data is listed it is
the one of `confined`, or of ``ASSAY_CONFINED`` in the environment, or none; afterwards the one recorded in the project.
Addresses are judged after name resolution, and the connection goes to the address that was judged, at every redirect anew.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import socket
import stat
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from assay.sources.unreadable import UnreadableError

VARIABLE = "ASSAY_CONFINED"  # folders or files, parted as in PATH
UPLOADED = "the path leads out of the uploaded data"
OUTSIDE = "the path leads out of the data"
NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = str | os.PathLike[str]


@dataclass(frozen=True)
class Scope:
    """``files``: folders and files (links resolved) that may be read; None: any. ``hosts``: "host:port" that may be
    machines which are not public; None: any. ``why``: what to say of a path outside."""

    files: tuple[str, ...] | None = None
    hosts: frozenset[str] | None = None
    why: str = OUTSIDE

    def holds(self, path: Address) -> bool:
        """Does a file lie inside, links followed?"""
        if self.files is None:
            return True
        real = _real(path)
        return any(real == root or real.startswith(f"{root.rstrip('/')}/") for root in self.files)

    def check(self, path: Address) -> None:
        """`UnreadableError` for a file outside, links followed."""
        if not self.holds(path):
            raise UnreadableError(self.why)

    def may_connect(self, host: str, port: int) -> bool:
        """May a machine be asked whether or not it is public?"""
        return self.hosts is None or f"{host.strip('[]').lower()}:{port}" in self.hosts


def _real(path: Address) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError) as error:
        raise UnreadableError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error


ANY = Scope()
_here: ContextVar[Scope | None] = ContextVar("confined", default=None)


@contextlib.contextmanager
def confined(*folders: Path | None) -> Iterator[None]:
    """Within the block this thread lists data below ``folders`` only; none or None: no bounds besides those that stand."""
    kept = tuple(_real(folder) for folder in folders if folder is not None)
    token = _here.set(Scope(kept, frozenset(), UPLOADED) if kept else _here.get())
    try:
        yield
    finally:
        _here.reset(token)


@lru_cache(maxsize=8)
def _from_environment(value: str) -> Scope:
    """A file stands for the folder it lies in."""
    named = [Path(part) for part in value.split(os.pathsep) if part]
    return Scope(tuple(_real(path if path.is_dir() else path.parent) for path in named), frozenset(), UPLOADED)


def current() -> Scope:
    """The scope that holds while data is listed."""
    here = _here.get()
    value = os.environ.get(VARIABLE)
    return here if here is not None else _from_environment(value) if value else ANY


def is_confined() -> bool:
    """Was the data sent by somebody, so that it may reach and use only so much?"""
    return current().files is not None


def check_path(path: Address) -> None:
    """`UnreadableError` for a file outside the scope that holds, links followed."""
    current().check(path)


@contextlib.contextmanager
def open_file(path: Address, scope: Scope | None = None) -> Iterator[BinaryIO]:
    """A regular file inside the scope, open for reading; raises OSError as `open` does.

    What was opened is judged, not the name: a link that is put in the way between the two questions leads nowhere.
    """
    scope = scope or current()
    scope.check(path)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a pipe would wait for ever
    try:
        kind = os.fstat(handle).st_mode
        if stat.S_ISDIR(kind):
            raise UnreadableError(f"this is a folder, not a file: {os.fspath(path)}")
        if not stat.S_ISREG(kind):
            raise UnreadableError(f"this is a pipe or device, not a file: {os.fspath(path)}")
        if scope.files is not None:
            link = f"/proc/self/fd/{handle}"
            scope.check(link if Path(link).exists() else path)
        with os.fdopen(handle, "rb", closefd=False) as stream:
            yield stream
    finally:
        os.close(handle)


# addresses -----------------------------------------------------------------------------------------------------


def check_address(address: str) -> None:
    """`UnreadableError` for an IP address that is not public; addresses inside addresses are looked through."""
    ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None
        ip = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or inner or ip
    local = isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local
    if not ip.is_global or ip.is_multicast or ip.is_reserved or local:
        raise UnreadableError(f"the address leads to a machine that is not public ({address})")


def connect(scope: Scope, address: tuple[str, int], timeout: Any = None, source: Any = None) -> socket.socket:
    """A connection to ``address`` if the scope names it or every address it resolves to is public; to the address judged."""
    if scope.may_connect(*address):
        return socket.create_connection(address, timeout, source)
    try:
        found = socket.getaddrinfo(address[0], address[1], type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{address[0]!r} is no name of a machine") from error
    for one in found:
        check_address(str(one[4][0]))
    problem: OSError | None = None
    for one in found:
        try:
            return socket.create_connection((str(one[4][0]), address[1]), timeout, source)
        except OSError as error:
            problem = error
    raise problem or OSError(f"{address[0]} has no address")


class _HttpHandler(urllib.request.HTTPHandler):
    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._connect = partial(connect, scope)

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._make, request)

    def _make(self, *args: Any, **options: Any) -> http.client.HTTPConnection:
        made = http.client.HTTPConnection(*args, **options)
        made._create_connection = self._connect  # type: ignore[attr-defined]
        return made


class _HttpsHandler(urllib.request.HTTPSHandler):
    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._connect = partial(connect, scope)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._make, request)

    def _make(self, *args: Any, **options: Any) -> http.client.HTTPSConnection:
        made = http.client.HTTPSConnection(*args, **options)
        made._create_connection = self._connect  # type: ignore[attr-defined]
        return made


def opener(scope: Scope) -> urllib.request.OpenerDirector:
    """What opens addresses: http and https only. The proxies of the environment serve the owner's own data, nobody else's."""
    owned = scope.hosts is None or bool(scope.hosts)
    proxies = urllib.request.getproxies() if owned else {}
    if scope.hosts and proxies:
        scope = Scope(scope.files, scope.hosts | host_names(proxies.values()), scope.why)
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        _HttpHandler(scope),
        _HttpsHandler(scope),
    ):
        made.add_handler(handler)
    return made


def host_names(urls: Any) -> frozenset[str]:
    """ "host:port" of every address."""
    names = set()
    for url in urls:
        try:
            parts = urllib.parse.urlsplit(url)
            port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
        except ValueError:
            continue
        if parts.hostname:
            names.add(f"{parts.hostname.lower()}:{port}")
    return frozenset(names)
