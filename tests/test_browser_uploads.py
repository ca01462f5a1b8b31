"""An upload in a real browser goes on after the network failed, the page was loaded anew and the server was started again."""

from __future__ import annotations

import hashlib
import random
import signal
import socket
from pathlib import Path

import pytest

from browsing import browser, expect, watched
from serving import served

pytestmark = [pytest.mark.xdist_group("browser")]

MEGABYTE = 1 << 20


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def long_texts(path: Path) -> Path:
    """24 MB: three pieces."""
    rng = random.Random(0)
    rows = [f"{rng.randbytes(48 * 1024).hex()},{row % 2}" for row in range(250)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def choose(page, file) -> None:
    page.get_by_role("button", name="New project").first.click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(file)


def test_an_upload_survives_the_network_a_reload_and_the_server(tmp_path):
    file, home = long_texts(tmp_path / "long texts.csv"), tmp_path / "home"
    port = free_port()
    asked: list[tuple[str, str]] = []
    with browser() as context:
        page, _ = watched(context)  # a page whose network fails says so on the console
        broken = {"left": 0, "after": 0}

        def wire(route) -> None:
            request = route.request
            at = request.headers.get("upload-offset", "")
            asked.append((request.method, at))
            fails = request.method in ("PATCH", "HEAD") and len(asked) > broken["after"] and broken["left"] > 0
            if fails:
                broken["left"] -= 1
                route.abort("connectionreset")
            else:
                route.continue_()

        page.route("**/api/v1/uploads/**", wire)
        with served(home, "--port", str(port)) as (address, process):
            page.goto(address)
            broken |= {"after": 1, "left": 3}  # the second piece and two questions after it fail
            choose(page, file)
            page.wait_for_function("() => Object.keys(localStorage).some((key) => key.startsWith('assay-upload:'))")
            expect(
                page.get_by_role("button", name="Find what is wrong")
            ).to_be_in_viewport()  # however long the look is
            (sent,) = (path for path in (home / "uploads").iterdir() if path.suffix == "" and path.is_file())
            assert hashlib.sha256(sent.read_bytes()).digest() == hashlib.sha256(file.read_bytes()).digest()
            methods = [method for method, _ in asked]
            assert methods == ["PATCH", "PATCH", "HEAD", "HEAD", "HEAD", "PATCH", "PATCH"]

            # the page is closed after the first piece, and the server dies
            other = tmp_path / "other texts.csv"
            other.write_text(file.read_text(encoding="utf-8").replace(",0\n", ",1\n"), encoding="utf-8")
            page.reload()
            asked.clear()
            broken |= {"after": 1, "left": 1_000}
            choose(page, other)
            page.wait_for_function("() => Object.keys(localStorage).some((key) => key.includes('other texts'))")
            while len(asked) < 3:
                page.wait_for_timeout(100)
            process.send_signal(signal.SIGKILL)
            process.wait()
        with served(home, "--port", str(port)) as (address, _):
            broken["left"] = 0
            page.goto(address)
            asked.clear()
            choose(page, other)
            page.get_by_role("button", name="Find what is wrong").wait_for()
            assert [method for method, _ in asked] == ["HEAD", "PATCH", "PATCH"]
            assert asked[1][1] == str(8 * MEGABYTE)
            found = [path for path in (home / "uploads").iterdir() if path.suffix == "" and path.is_file()]
            right = hashlib.sha256(other.read_bytes()).digest()
            assert any(hashlib.sha256(path.read_bytes()).digest() == right for path in found)
