"""Data that somebody sent reaches its own files and public machines, nothing else."""

from __future__ import annotations

import gzip
import http.server
import threading
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.errors import SourceError
from assay.sources import open_source
from assay.sources.reading import UnreadableError, read_bytes
from assay.sources.sandbox import VARIABLE, check_address, check_path, confined


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A folder of somebody's, beside a secret of the server's."""
    (tmp_path / "secret.png").write_bytes(b"\x89PNG secret")
    folder = tmp_path / "upload"
    folder.mkdir()
    (folder / "own.png").write_bytes(b"\x89PNG own")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    return folder


@pytest.mark.parametrize("name", ["../secret.png", "link.png", "/etc/passwd", "sub/../../secret.png"])
def test_files_outside_the_upload_are_not_read(upload, name):
    with confined(upload):
        assert read_bytes(str(upload / "own.png")) == b"\x89PNG own"
        with pytest.raises(UnreadableError, match="leads out of the uploaded data"):
            read_bytes(str(upload / name))


def test_without_bounds_the_owner_reads_what_he_names(upload):
    assert read_bytes(str(upload / "../secret.png")) == b"\x89PNG secret"


def test_a_table_does_not_even_learn_whether_a_file_outside_exists(upload):
    (upload / "t.csv").write_text("image,label\nown.png,a\n../secret.png,a\n../missing.png,b\n", encoding="utf-8")
    with confined(upload):
        source = open_source(str(upload / "t.csv"), image="image", label="label")
    assert set(source.reasons) == {1, 2}
    assert len(set(source.reasons.values())) == 1


def test_a_table_that_names_only_foreign_files_is_refused(upload):
    (upload / "t.csv").write_text("image,label\n/etc/passwd,a\n/etc/hosts,b\n", encoding="utf-8")
    with confined(upload), pytest.raises(SourceError, match="leads out of the uploaded data"):
        open_source(str(upload / "t.csv"), image="image", label="label")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_private_addresses_are_told_from_public_ones(address):
    with pytest.raises(UnreadableError, match="not public"):
        check_address(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_fine(address):
    check_address(address)


@pytest.fixture
def server():
    """A server on loopback: /picture answers, /away redirects to it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/away":
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/picture")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"data")

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433"])
def test_names_and_spellings_of_this_machine_are_seen_through(server, upload, host):
    url = server.replace("127.0.0.1", host) + "/picture"
    with confined(upload), pytest.raises(UnreadableError, match="not public"):
        read_bytes(url)


def test_every_redirect_is_judged_anew(server, upload, monkeypatch):
    """The first address passes as public; where it leads to does not."""
    assert read_bytes(f"{server}/away") == b"data"
    judged = []

    def first_passes(address: str) -> None:
        judged.append(address)
        if len(judged) > 1:
            check_address(address)

    monkeypatch.setattr("assay.sources.sandbox.check_address", first_passes)
    with confined(upload), pytest.raises(UnreadableError, match="not public"):
        read_bytes(f"{server}/away")
    assert len(judged) == 2


def test_a_process_is_confined_by_its_environment(upload, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(upload / "own.png"))
    check_path(upload / "own.png")
    with pytest.raises(UnreadableError):
        check_path(upload / "../secret.png")


def gzip_bomb(path: Path) -> None:
    """300 MB of one letter in 300 kB."""
    with gzip.open(path, "wb") as file:
        file.write(b"text,label\n")
        for _ in range(300):
            file.write(b"a" * (1 << 20))


def parquet_bomb(path: Path) -> None:
    """A billion cells in a few kilobytes."""
    ones = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1_000_000, np.int8)), pa.array(["x"]))
    table = pa.table({f"c{at}": ones for at in range(10)})
    with pq.ParquetWriter(path, table.schema) as writer:
        for _ in range(60):
            writer.write_table(table)


def excel_bomb(path: Path) -> None:
    """A sheet of 300 MB in 300 kB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/worksheets/sheet1.xml", b" " * (300 << 20))


@pytest.mark.parametrize(
    ("name", "make"), [("t.csv.gz", gzip_bomb), ("t.parquet", parquet_bomb), ("t.xlsx", excel_bomb)]
)
def test_uploads_that_unpack_to_far_more_than_they_are_are_refused(tmp_path, name, make):
    make(tmp_path / name)
    assert (tmp_path / name).stat().st_size < 2_000_000
    with confined(tmp_path), pytest.raises(SourceError, match="unpacks to far more than its size"):
        open_source(str(tmp_path / name))


def test_gzip_of_several_members_is_read_whole(tmp_path):
    """As `cat a.gz b.gz` makes it."""
    parts = [f"good text {row},{row % 2}\n".encode() for row in range(60)]
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"text,label\n") + b"".join(map(gzip.compress, parts)))
    assert len(open_source(str(tmp_path / "t.csv.gz")).ids) == 60
