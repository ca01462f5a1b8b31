"""How far data that somebody sent may reach: paths inside its own folder, addresses that are public.

In: a path or an address. Out: nothing, or `UnreadableError`. Does not know: who sent the data.

A table names files and addresses. Run by its owner it may name any; sent to a server by somebody else it could name the
server's own files, or machines that only the server can reach. Inside `confined`, and in processes started with
``ASSAY_CONFINED`` in their environment, neither is read. Addresses are judged after name resolution, and the connection goes to
the address that was judged, at every redirect anew.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import socket
import urllib.request
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from assay.sources.unreadable import UnreadableError

VARIABLE = "ASSAY_CONFINED"
_here: ContextVar[Path | None] = ContextVar("confined", default=None)


@contextlib.contextmanager
def confined(folder: Path | None) -> Iterator[None]:
    """Within the block this thread reads local files below ``folder`` only; None: no bounds besides those that stand."""
    token = _here.set(folder or _here.get())
    try:
        yield
    finally:
        _here.reset(token)


def bounds() -> Path | None:
    """The folder that local files must lie in, or None."""
    inside = _here.get()
    if inside is None and os.environ.get(VARIABLE):
        inside = Path(os.environ[VARIABLE])
        inside = inside if inside.is_dir() else inside.parent
    return inside


def check_path(path: str | os.PathLike[str]) -> None:
    """`UnreadableError` for a file outside the bounds, links followed."""
    inside = bounds()
    if inside is not None and not Path(path).resolve().is_relative_to(inside.resolve()):
        raise UnreadableError("the path leads out of the uploaded data")


def check_address(address: str) -> None:
    """`UnreadableError` for an IP address that is not public."""
    ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        raise UnreadableError(f"the address leads to a machine that is not public ({address})")


def connect(place: tuple[str, int], timeout: Any = None, source: Any = None) -> socket.socket:
    """A connection to ``place`` if every address it resolves to is public; made to the address that was checked."""
    found = socket.getaddrinfo(place[0], place[1], type=socket.SOCK_STREAM)
    for one in found:
        check_address(str(one[4][0]))
    problem: OSError | None = None
    for one in found:
        try:
            return socket.create_connection((str(one[4][0]), place[1]), timeout, source)
        except OSError as error:
            problem = error
    raise problem or OSError(f"{place[0]} has no address")


class _Http(http.client.HTTPConnection):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._create_connection = connect


class _Https(http.client.HTTPSConnection):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._create_connection = connect


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Http, request)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Https, request)


def opener() -> urllib.request.OpenerDirector | None:
    """What opens addresses inside the bounds: http and https to public machines, no proxy; None where there are none."""
    if bounds() is None:
        return None
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        _HttpHandler(),
        _HttpsHandler(),
    ):
        made.add_handler(handler)
    return made
