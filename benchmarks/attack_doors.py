"""Attacks by way of the doors of a server: passwords, bodies, locks, disks that take nothing, names; and large pictures.

In: an empty folder. Out: (name, a function that attacks and says whether it was held, and what was said). Does not know: how
anything is held. Used by ``attacks.py``.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from measure import peak_megabytes

Attack = tuple[str, Callable[[], tuple[bool, str]]]
GIGAPIXEL = (11_900, 10_000)  # 119 megapixels, one below the limit of one picture
ONE_MB = 1_950  # that reading and measuring one of them may take: 16 bytes a pixel
BODY = 400 << 20  # bytes sent to the sign-in route
BODY_MB = 400  # that a server may take meanwhile, its libraries counted


def pictures(folder: Path) -> Iterator[Attack]:
    """One picture of 119 megapixels of each kind, and files that hold more than their head says."""
    import huge_pictures

    def attack(make: Callable[[], bytes]) -> tuple[bool, str]:
        data = make()
        megabytes, said = huge_pictures.cost(data)
        return megabytes < ONE_MB, f"{megabytes} MB beside {len(data):,} bytes: {said}"

    for name, make in huge_pictures.kinds(*GIGAPIXEL).items():
        yield f"picture of 119 megapixels, {name}", lambda make=make: attack(make)
    yield (
        "picture of 300 megapixels in an icon of 16 by 16",
        lambda: attack(lambda: huge_pictures.icon(huge_pictures.png(30_000, 10_000, 1, huge_pictures.GRAY))),
    )
    yield "TIFF of 64 by 64 with a tile of 900 megapixels", lambda: attack(lambda: huge_pictures.tiles(30_000))


def doors(folder: Path) -> Iterator[Attack]:
    import flipping

    _, _, made = flipping.make(folder, "image")
    yield "sign-in, wrong passwords from another address", lambda: _passwords(folder)
    yield "sign-in, a body of 400 MB", lambda: _long_body(folder)
    yield "sign-in, the token on command lines", lambda: _command_lines(folder, made)
    yield "upload names of 120 Chinese letters and more", lambda: _names(folder)
    yield "while served, the lock of the decisions held", lambda: _held(folder, made)
    yield "a project on a disk that is read-only", lambda: _read_only(folder, made)
    yield "a project on a disk that is full", lambda: _full(folder, made)


def _passwords(folder: Path) -> tuple[bool, str]:
    """40 wrong ones from 127.0.0.2, then the right one from 127.0.0.1."""
    import httpx

    import serving

    environment = {"ASSAY_PASSWORD": "the right password, long enough"}
    options = ["--host", "0.0.0.0", "--port", "0"]
    with serving.served(folder / "passwords", *options, environment=environment) as (url, _):
        port = urlsplit(url).port
        address = f"http://127.0.0.1:{port}/api/v1/session"

        def sign_in(password: str, source: str) -> int:
            with httpx.Client(transport=httpx.HTTPTransport(local_address=source), timeout=60) as client:
                return client.post(address, json={"password": password, "person": "ann"}).status_code

        wrong = [sign_in(f"wrong {at}", "127.0.0.2") for at in range(40)]
        right = sign_in(environment["ASSAY_PASSWORD"], "127.0.0.1")
    return 429 in wrong and right < 300, f"wrong ones {sorted(set(wrong))}, the right one {right}"


def _long_body(folder: Path) -> tuple[bool, str]:
    import serving

    with serving.served(folder / "body") as (url, process):
        parts = urlsplit(url)
        wire = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        wire.putrequest("POST", "/api/v1/session")
        wire.putheader("Content-Type", "application/json")
        wire.putheader("Transfer-Encoding", "chunked")
        wire.endheaders()
        sent, piece = 0, bytes(1 << 20)
        with contextlib.suppress(OSError):
            while sent < BODY:
                wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                sent += len(piece)
        try:
            code = str(wire.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            code = type(error).__name__
        peak = peak_megabytes(process.pid)
    return peak < BODY_MB, f"{code} after {sent:,} bytes; the server took {peak} MB"


def _command_lines(folder: Path, project: Path) -> tuple[bool, str]:
    """What is started to open a browser, and what the server itself is called."""
    import serving

    seen = folder / "seen"
    browser = folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" >> {seen}\n', encoding="utf-8")
    browser.chmod(0o755)
    command = [sys.executable, "-m", "assay", "serve", "--home", str(folder / "lines"), str(project)]
    environment = os.environ | {"ASSAY_TOKEN": serving.TOKEN, "BROWSER": f"{browser} %s"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            serving.until(lambda: seen.exists() and seen.read_text(encoding="utf-8"))
            lines = seen.read_text(encoding="utf-8") + Path(f"/proc/{process.pid}/cmdline").read_text(encoding="utf-8")
        finally:
            process.kill()
    return serving.TOKEN not in lines, "the lasting token is not there" if serving.TOKEN not in lines else lines


def _names(folder: Path) -> tuple[bool, str]:
    import serving

    names = [
        "\u56fe" * 120 + ".csv",
        "\U0001f600" * 200 + ".csv",
        "../../x.csv",
        "a\\b.csv",
        ".csv",
        "x" * 5_000,
        "nul\0.csv",
    ]
    said = []
    with serving.client(folder / "names") as http_:
        for name in names:
            upload = serving.send_file(http_, name, b"text,label\nsome words,a\nother words,b\n" * 20)
            answer = http_.post("/api/v1/sources/preview", json={"upload": upload})
            said.append(answer.status_code)
    outside = [path for path in folder.parent.rglob("x.csv") if not path.is_relative_to(folder / "names")]
    return max(said) < 500 and not outside, str(sorted(set(said)))


def _held(folder: Path, made: Path) -> tuple[bool, str]:
    """Somebody else holds the lock: reading goes on, writing ends within its time."""
    import serving

    project = shutil.copytree(made, folder / "held.assay")
    with serving.client(folder / "held", project) as http_, (project / "state.sqlite.lock").open("rb") as lock:
        at = f"/api/v1/projects/{http_.get('/api/v1/projects').json()[0]['id']}"
        fcntl.flock(lock, fcntl.LOCK_EX)
        reads = [http_.get(address).status_code for address in ("/healthz", at, f"{at}/log")]
        write = http_.post(f"{at}/actions", json={"action": "keep", "target": {"rows": [20]}}).status_code
        fcntl.flock(lock, fcntl.LOCK_UN)
        after = http_.post(f"{at}/actions", json={"action": "keep", "target": {"rows": [20]}}).status_code
    return set(reads) == {200} and write == 503 and after == 200, f"reads {reads}, a write {write}, then {after}"


@contextlib.contextmanager
def _disk(place: Path, made: Path) -> Iterator[Path]:
    """A small disk that holds a copy of a project."""
    from small_disks import room_for, small_disk

    with small_disk(place, room_for(made) + 8):
        yield shutil.copytree(made, place / "p.assay")


def _looked_through(project: Path, folder: Path) -> list[str]:
    """Codes of reading and deciding, what verify says, and copies that were left."""
    import serving
    from assay.storage import Folder
    from assay.storage.verify import verify_project

    shared = set(Path("/dev/shm").glob("assay-log-*"))
    with serving.client(folder, project) as http_:
        at = f"/api/v1/projects/{http_.get('/api/v1/projects').json()[0]['id']}"
        said = [str(http_.get(at).status_code), str(http_.get(f"{at}/log").status_code)]
        decided = http_.post(f"{at}/actions", json={"action": "keep", "target": {"rows": [20]}})
        said.append(f"{decided.status_code}")
    said += [str(fault) for fault in verify_project(Folder(project)).faults]
    return said + [str(path) for path in set(Path("/dev/shm").glob("assay-log-*")) - shared]


def _read_only(folder: Path, made: Path) -> tuple[bool, str]:
    from small_disks import make_read_only

    with _disk(folder / "read-only", made) as project:
        make_read_only(project.parent)
        said = _looked_through(project, folder / "read-only home")
    return said[:2] == ["200", "200"] and said[2] in ("507", "409", "422", "503") and len(said) == 3, "; ".join(said)


def _full(folder: Path, made: Path) -> tuple[bool, str]:
    from small_disks import fill

    with _disk(folder / "full", made) as project:
        fill(project.parent)
        said = _looked_through(project, folder / "full home")
    return said[:3] == ["200", "200", "507"] and len(said) == 3, "; ".join(said)
