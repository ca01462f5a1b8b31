"""A server in the test's own process, and one as a user starts it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from assay.server.app import create_app
from assay.server.serve import prepare

TOKEN = "a-token-that-only-tests-use"
ORIGIN = "http://127.0.0.1"


@contextlib.contextmanager
def client(home: Path, *paths: Path, **options: Any) -> Iterator[TestClient]:
    """Signed in; ``client.services`` are the server's own."""
    listening = prepare(paths, home=home, token=TOKEN, **options)
    listening.socket.close()
    app = create_app(listening.services)
    with TestClient(app, base_url=ORIGIN, headers={"Authorization": f"Bearer {TOKEN}"}) as made:
        made.services = listening.services  # type: ignore[attr-defined]
        yield made
        listening.services.jobs.stop()


@contextlib.contextmanager
def served(home: Path, *arguments: str | Path, environment: dict[str, str] | None = None) -> Iterator[tuple[str, Any]]:
    """`assay serve ARGUMENTS` as a process of its own; (its address, the process)."""
    command = [sys.executable, "-m", "assay", "serve", "--no-browser", "--home", str(home), *map(str, arguments)]
    env = os.environ | {"ASSAY_TOKEN": TOKEN} | (environment or {})
    readers: list[threading.Thread] = []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        if not line.startswith("http"):
            raise AssertionError(f"no address: {line!r} {process.stderr.read()}")
        for stream in (process.stdout, process.stderr):
            readers.append(threading.Thread(target=stream.read, daemon=True))
            readers[-1].start()
        yield line.strip(), process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        for reader in readers:
            reader.join(5)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def until(what: Any, seconds: float = 60.0, pause: float = 0.2) -> Any:
    """The first true answer of ``what``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(pause)
    raise AssertionError("it did not happen in time")


def send_file(client: TestClient, name: str, data: bytes, *, cut: int | None = None) -> str:
    """Upload by the tus protocol, in two pieces if ``cut`` is given; the id of the upload."""
    import base64

    tus = {"Tus-Resumable": "1.0.0"}
    named, kind = (base64.b64encode(text.encode()).decode() for text in (name, "application/octet-stream"))
    made = client.post(
        "/api/v1/uploads",
        headers=tus | {"Upload-Length": str(len(data)), "Upload-Metadata": f"filename {named},filetype {kind}"},
    )
    assert made.status_code == 201, made.text
    place = re.sub(r"^https?://[^/]+", "", made.headers["location"])
    for start, stop in ((0, cut), (cut, len(data))) if cut else ((0, len(data)),):
        at = int(client.head(place, headers=tus).headers["upload-offset"])
        assert at == start
        sent = client.patch(
            place,
            content=data[start:stop],
            headers=tus | {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"},
        )
        assert sent.status_code == 204, sent.text
    return place.rstrip("/").split("/")[-1]


def copy_project(source: Path, place: Path) -> Path:
    """A project of one's own to decide in."""
    shutil.copytree(source, place)
    return place
