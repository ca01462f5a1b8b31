"""Bytes behind a uri: files, members of a ZIP, addresses on a server that misbehaves. Always bytes or one reason."""

from __future__ import annotations

import http.server
import os
import socket
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.sources import open_source, reading
from assay.sources.reading import UnreadableError, local_uri, path_of_file_url, read_bytes, zip_uri

DATA = b"0123456789" * 100


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Each path misbehaves in one way."""
        self.server.asked[self.path] += 1
        name = self.path.strip("/").partition("?")[0].replace("-", "_").replace("%20", "_")
        getattr(self, f"serve_{name}", self.serve_missing)(self.server.asked[self.path])

    def answer(self, code: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def serve_good(self, _: int) -> None:
        self.answer(200, DATA)

    serve_with_space = serve_good

    def serve_missing(self, _: int) -> None:
        self.answer(404, b"<html>no</html>")

    def serve_forbidden(self, _: int) -> None:
        self.answer(403)

    def serve_ill_then_well(self, time_asked: int) -> None:
        self.answer(500) if time_asked < 3 else self.answer(200, DATA)

    def serve_ill(self, _: int) -> None:
        self.answer(503)

    def serve_busy_then_well(self, time_asked: int) -> None:
        self.answer(429, Retry_After="0") if time_asked < 2 else self.answer(200, DATA)

    def serve_busy(self, _: int) -> None:
        self.answer(429, Retry_After="3600")

    def serve_cut(self, _: int) -> None:
        self.answer(200, DATA[:300], len(DATA))
        self.close_connection = True

    def serve_cut_then_whole(self, time_asked: int) -> None:
        self.serve_cut(1) if time_asked < 2 else self.answer(200, DATA)

    def serve_nothing(self, _: int) -> None:
        self.answer(200)

    def serve_moved(self, _: int) -> None:
        self.answer(302, Location="/good")

    def serve_circle(self, _: int) -> None:
        self.answer(302, Location="/circle")

    def serve_to_a_file(self, _: int) -> None:
        self.answer(302, Location="file:///etc/hostname")

    def serve_drip(self, _: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        for _ in range(200):
            try:
                self.wfile.write(b"x")
                time.sleep(0.02)
            except OSError:
                return

    def serve_silent(self, _: int) -> None:
        time.sleep(1.5)

    def serve_slammed(self, _: int) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def serve_huge(self, _: int) -> None:
        self.answer(200, b"x" * 5000)

    def serve_chunked(self, _: int) -> None:
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(DATA), 300):
            part = DATA[start : start + 300]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def serve_cut_chunk(self, _: int) -> None:
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s" % (len(DATA), DATA[:50]))
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(reading, "PAUSE", 0.01)
    monkeypatch.setattr(reading, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(reading, "TIMEOUT", 0.5)
    monkeypatch.setattr(reading, "DEADLINE", 0.3)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


# addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "times"), [
    ("good", 1), ("good?width=3&x=%20", 1), ("with space", 1), ("ill-then-well", 3), ("busy-then-well", 2),
    ("cut-then-whole", 2), ("moved", 1), ("chunked", 1),
])  # fmt: skip
def test_an_address_is_read_with_as_many_attempts_as_it_takes(server, path, times):
    assert read_bytes(f"{server.url}/{path}") == DATA
    assert server.asked["/" + path.replace(" ", "%20")] == times


@pytest.mark.parametrize(("path", "times", "said"), [
    ("nowhere", 1, "the server answered 404"),
    ("forbidden", 1, "the server answered 403"),
    ("ill", 3, "the server answered 503"),
    ("busy", 3, "the server answered 429"),
    ("cut", 3, "the answer broke off after 300 of 1,000 bytes"),
    ("cut-chunk", 3, "the answer broke off"),
    ("nothing", 1, "the address answered with zero bytes"),
    ("drip", 1, "the answer was not whole after 0.3 s"),
    ("silent", 3, "no answer within 0.5 s"),
    ("slammed", 3, "the address could not be read: "),
    ("to-a-file", 1, "the server answered 302"),
])  # fmt: skip
def test_an_address_that_stays_bad_is_one_reason_that_names_it(server, path, times, said):
    started = time.monotonic()
    with pytest.raises(UnreadableError) as caught:
        read_bytes(f"{server.url}/{path}")
    assert said in str(caught.value) and f"{server.url}/{path}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert server.asked[f"/{path}"] == times
    assert time.monotonic() - started < 20  # the limits above, not the minute that a reader waits by default


def test_a_circle_of_redirects_ends(server):
    with pytest.raises(UnreadableError, match="the server answered 302"):
        read_bytes(f"{server.url}/circle")
    assert server.asked["/circle"] < 15


def test_an_answer_larger_than_the_bound_is_given_up_at_the_bound(server, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 1000)
    with pytest.raises(UnreadableError, match="larger than"):
        read_bytes(f"{server.url}/huge")


@pytest.mark.parametrize(("url", "said"), [
    ("http://127.0.0.1:9/x.png", "could not be read"),
    ("http://127.0.0.1:notaport/x.png", "not valid|could not be read"),
    ("http://[::1/x.png", "not valid|could not be read"),
    ("http://", "not valid|could not be read"),
    ("http:///x.png", "not valid|could not be read"),
    ("https://name.invalid/x.png", "could not be read"),
    ("http://127.0.0.1:9/line\nbreak", "could not be read"),
])  # fmt: skip
def test_an_impossible_address_is_a_reason(url, said):
    with pytest.raises(UnreadableError, match=said):
        read_bytes(url)


def test_a_table_of_addresses_keeps_its_rows(server, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"url,label\n{server.url}/good?a.png,x\nHTTP{server.url[4:]}/nowhere.png,y\n")
    source = open_source(path, image="url")
    assert source.reasons == {} and read_bytes(source.uris[0]) == DATA
    with pytest.raises(UnreadableError, match="404"):
        read_bytes(source.uris[1])


# files -----------------------------------------------------------------------------------------------------------


def test_a_file_is_read_by_its_path_or_its_address(tmp_path):
    path = tmp_path / "a b%20#?ü.bin"
    path.write_bytes(DATA)
    assert read_bytes(str(path)) == DATA
    assert read_bytes(path.as_uri()) == DATA


def test_a_missing_file_an_empty_one_a_folder_and_a_pipe_are_reasons(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    for name, said in [
        ("gone", "there is no such file"),
        ("empty", "the file is empty (zero bytes)"),
        ("", "this is a folder, not a file"),
        ("pipe", "this is a pipe or device"),
        ("empty/under", "cannot be read: Not a directory"),
        ("x" * 300, "cannot be read: File name too long"),
    ]:
        with pytest.raises(UnreadableError) as caught:
            read_bytes(str(tmp_path / name))
        assert said in str(caught.value)


def test_a_device_is_not_read_for_ever():
    with pytest.raises(UnreadableError, match="a pipe or device"):
        read_bytes("/dev/zero")


def test_a_file_larger_than_the_bound_is_not_read(tmp_path):
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(reading.MAX_BYTES + 1)
    with pytest.raises(UnreadableError, match="larger than 256 MiB"):
        read_bytes(str(tmp_path / "sparse"))


def test_a_path_without_permission_is_a_reason(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(DATA)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(UnreadableError, match="no permission to read"):
        read_bytes(str(path))


@given(st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_file_address_leads_back_to_its_path(name):
    """Oracle: pathlib's own addresses."""
    path = "/" + name.replace("/", "_")
    if path not in ("/.", "/.."):
        assert path_of_file_url(Path(path).as_uri()) == path


@given(st.binary(min_size=1, max_size=12))
def test_any_name_of_a_file_system_survives_its_uri(raw):
    path = "/" + os.fsdecode(raw.replace(b"/", b"_").replace(b"\0", b"_"))
    uri = local_uri(path)
    uri.encode()
    assert (path_of_file_url(uri) if uri.startswith("file://") else uri) == path


# ZIP -------------------------------------------------------------------------------------------------------------


def test_a_member_is_read_whatever_the_names(tmp_path):
    for name in ("plain.zip", "50%25 off!.zip", os.fsdecode(b"caf\xe9!%.zip")):
        path = tmp_path / name
        try:
            archive = zipfile.ZipFile(path, "w")
        except (OSError, UnicodeError):
            continue
        with archive:
            archive.writestr("a!b%20/c.bin", DATA)
        uri = zip_uri(path, "a!b%20/c.bin")
        uri.encode()
        assert read_bytes(uri) == DATA


def test_a_member_that_is_gone_empty_or_damaged_is_a_reason(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("empty", b"")
        archive.writestr("bad", DATA)
    data = bytearray(path.read_bytes())
    data[data.index(b"0123456789")] = 0
    path.write_bytes(bytes(data))
    for member, said in [("gone", "no member gone"), ("empty", "is empty"), ("bad", "damaged: Bad CRC-32")]:
        with pytest.raises(UnreadableError, match=said):
            read_bytes(zip_uri(path, member))
    with pytest.raises(UnreadableError, match="there is no such file"):
        read_bytes(zip_uri(tmp_path / "y.zip", "a"))
    path.write_bytes(b"no longer a ZIP")
    with pytest.raises(UnreadableError, match="damaged: File is not a zip file"):
        read_bytes(zip_uri(path, "bad"))


def test_a_bomb_is_refused_by_its_declared_size_and_a_lying_one_stops_there(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 10_000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"\0" * 1_000_000)
    with pytest.raises(UnreadableError, match="larger than"):
        read_bytes(zip_uri(path, "bomb"))
    honest = (1_000_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(honest, (5_000).to_bytes(4, "little")))
    with pytest.raises(UnreadableError, match="damaged"):
        read_bytes(zip_uri(path, "bomb"))


def test_an_archive_that_was_replaced_is_read_anew(tmp_path):
    path = tmp_path / "x.zip"
    for content in (b"first", b"second one"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", content)
        assert read_bytes(zip_uri(path, "a")) == content
