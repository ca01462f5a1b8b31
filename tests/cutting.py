"""Uploads that are cut off at random and resumed, and whether the same bytes arrived.

Used by the tests (a few) and by ``benchmarks/uploads.py`` (many). A cut is one of `KINDS`: the sender dies within its piece, the
server is killed within one, the disk is full (a limit on the size of files, set on the server while it runs), or two senders
follow the protocol at once. Every second piece carries a checksum, and is kept wholly or not at all.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import random
import resource
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from serving import TOKEN, served

TUS = {"Tus-Resumable": "1.0.0"}
BODY = TUS | {"Content-Type": "application/offset+octet-stream"}
AUTH = {"Authorization": f"Bearer {TOKEN}"}
KINDS = ("client", "server", "disk", "senders")
LEAST, MOST = 1_000_000, 6_000_000  # bytes of a file
TURNS = 40  # of a sender that is told to ask again


@dataclass
class Outcome:
    """``same``: files whose bytes are those sent. ``part``: cuts after which some bytes, and not all, had been kept."""

    cuts: dict[str, int] = field(default_factory=dict)
    same: int = 0
    part: int = 0
    faults: list[str] = field(default_factory=list)


def begin(client: httpx.Client, data: bytes, **metadata: str) -> str:
    """The path of a new upload."""
    said = {"filename": "data.csv"} | metadata
    pairs = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())
    made = client.post("/api/v1/uploads", headers=TUS | {"Upload-Length": str(len(data)), "Upload-Metadata": pairs})
    assert made.status_code == 201, made.text
    return made.headers["location"]


def offset(client: httpx.Client, place: str) -> int:
    return int(client.head(place, headers=TUS).headers["upload-offset"])


def patch(client: httpx.Client, place: str, at: int, data: bytes, **more: str) -> httpx.Response:
    return client.patch(place, content=data, headers=BODY | {"Upload-Offset": str(at)} | more)


def checksum(data: bytes) -> str:
    return f"sha256 {base64.b64encode(hashlib.sha256(data).digest()).decode()}"


@contextlib.contextmanager
def piece(address: str, place: str, at: int, data: bytes, stop: int, **more: str) -> Iterator[None]:
    """The first ``stop`` bytes of a piece are sent; within, its sender is still there."""
    parts = urlsplit(address)
    told = BODY | AUTH | {"Upload-Offset": str(at), "Content-Length": str(len(data) - at)} | more
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    with socket.create_connection((parts.hostname, parts.port)) as wire:
        wire.sendall(f"PATCH {place} HTTP/1.1\r\nHost: {parts.netloc}\r\n{head}\r\n".encode())
        wire.sendall(data[at : at + stop])
        yield


def send_rest(address: str, place: str, data: bytes, **more: str) -> None:
    """What a sender does by the protocol: asks where to go on, sends the rest, again as long as it is told to."""
    with httpx.Client(base_url=address, headers=AUTH, timeout=60) as client:
        for _ in range(TURNS):
            asked = client.head(place, headers=TUS)
            if asked.status_code == 423:
                continue
            assert asked.status_code == 200, asked.status_code
            at = int(asked.headers["upload-offset"])
            if at == len(data):
                return
            answer = patch(client, place, at, data[at:], **more)
            assert answer.status_code in (204, 409, 423), (answer.status_code, answer.text)
    raise AssertionError(f"not whole after {TURNS} turns")


class Server:
    """`assay serve` of one home, killed and started again as often as asked."""

    def __init__(self, home: Path) -> None:
        self._home, self._stack = home, contextlib.ExitStack()
        self.start()

    def start(self) -> None:
        line, self.process = self._stack.enter_context(served(self._home))
        self.address = line.split("/?")[0]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self._stack.close()

    @contextlib.contextmanager
    def full_at(self, size: int) -> Iterator[None]:
        """No file can grow beyond ``size`` bytes: writing fails as on a full disk."""
        soft, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (soft, hard))


def cut_and_resume(home: Path, cuts: int, rng: random.Random) -> Outcome:
    """One upload a cut, of each kind in turn; ``home``: of the server that is started."""
    out, server = Outcome(), Server(home)
    try:
        for at in range(cuts):
            kind = KINDS[at % len(KINDS)]
            out.cuts[kind] = out.cuts.get(kind, 0) + 1
            fault = _one(server, home, kind, rng, out)
            if fault:
                out.faults.append(f"{at} {kind}: {fault}")
    finally:
        server.kill()
    return out


def _one(server: Server, home: Path, kind: str, rng: random.Random, out: Outcome) -> str:
    data = rng.randbytes(rng.randrange(LEAST, MOST))
    with httpx.Client(base_url=server.address, headers=AUTH, timeout=60) as client:
        place = begin(client, data, sha256=hashlib.sha256(data).hexdigest())
        first = rng.randrange(0, len(data) // 2)  # some of it has come before
        assert patch(client, place, 0, data[:first]).status_code == 204
    stop = rng.randrange(1, len(data) - first)
    more: dict[str, Any] = {"Upload-Checksum": checksum(data[first:])} if rng.random() < 0.5 else {}
    if kind == "client":
        with piece(server.address, place, first, data, stop, **more):
            pass
    elif kind == "server":
        with piece(server.address, place, first, data, stop, **more):
            server.kill()
        server.start()
    elif kind == "disk":
        with server.full_at(first + stop), httpx.Client(base_url=server.address, headers=AUTH, timeout=60) as client:
            answer = patch(client, place, first, data[first:], **more)
            if answer.status_code != 507 or "disk is full" not in answer.text:
                return f"a full disk is answered with {answer.status_code}: {answer.text}"
    else:
        others = [threading.Thread(target=send_rest, args=(server.address, place, data)) for _ in range(2)]
        for other in others:
            other.start()
        for other in others:
            other.join()
    with httpx.Client(base_url=server.address, headers=AUTH, timeout=60) as client:
        there = offset(client, place)
        if there < first:
            return f"only {there:,} of {first:,} bytes that were acknowledged are left"
        out.part += first < there < len(data)
    send_rest(server.address, place, data)
    found = home / "uploads" / place.rpartition("/")[2]
    if found.read_bytes() != data:
        return f"{found.stat().st_size:,} bytes are not the {len(data):,} sent"
    if found.with_name(f"{found.name}.json").exists():
        return "all bytes are there, and the upload does not count as whole"
    out.same += 1
    return ""
