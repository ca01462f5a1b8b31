"""What was sent is what is kept: uploads that break off anywhere go on to the very same bytes, or say that they cannot."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest

from assay.errors import StorageError, UsageError
from assay.server.database import open_workspace_database
from assay.server.uploads import DamagedError, GoneError, HeldError, Uploads, plain_name
from cutting import AUTH, BODY, KINDS, TUS, begin, checksum, cut_and_resume, offset, patch
from serving import client, send_file, served


@pytest.fixture
def uploads(tmp_path):
    return Uploads(open_workspace_database(tmp_path), tmp_path / "uploads")


# the protocol --------------------------------------------------------------------------------------------------


def test_a_file_in_pieces_arrives_as_it_was(tmp_path):
    data = random.Random(0).randbytes(3_000_000)
    with client(tmp_path) as http_:
        upload = send_file(http_, "../été 图.csv", data, cut=1_234_567)
        path = http_.services.uploads.path(upload)
        assert path.read_bytes() == data and path.name == "été 图.csv"
        place = f"/api/v1/uploads/{upload}"
        assert offset(http_, place) == len(data)  # a whole one can be asked for, too
        assert patch(http_, place, 0, b"again").status_code == 409
        assert path.read_bytes() == data
        assert http_.delete(place, headers=TUS).status_code == 204
        assert http_.head(place, headers=TUS).status_code == 404


def test_pieces_at_the_wrong_place_of_the_wrong_size_or_content_change_nothing(tmp_path):
    data = bytes(range(256)) * 400
    with client(tmp_path) as http_:
        place = begin(http_, data, sha256=hashlib.sha256(data).hexdigest())
        assert patch(http_, place, 0, data[:1000], **{"Upload-Checksum": checksum(data[:1000])}).status_code == 204
        assert patch(http_, place, 0, data[:1000]).status_code == 409
        assert patch(http_, place, 2000, data[2000:]).status_code == 409
        assert patch(http_, place, 1000, data[1000:2000], **{"Upload-Checksum": checksum(b"other")}).status_code == 460
        assert patch(http_, place, 1000, data[1000:], **{"Upload-Checksum": "crc32 AAAA"}).status_code == 400
        assert patch(http_, place, 1000, data[1000:] + b"more").status_code == 413
        assert offset(http_, place) == 1000
        assert http_.patch(place, content=b"x", headers=TUS | {"Upload-Offset": "1000"}).status_code == 415
        assert http_.head(place).status_code == 412
        assert patch(http_, place, 1000, data[1000:]).status_code == 204
        assert http_.services.uploads.path(place.rpartition("/")[2]).read_bytes() == data


def test_a_file_that_is_not_what_its_sender_named_does_not_count(tmp_path):
    with client(tmp_path) as http_:
        place = begin(http_, b"hello", sha256=hashlib.sha256(b"other").hexdigest())
        assert patch(http_, place, 0, b"hello").status_code == 460
        assert offset(http_, place) == 0
        with pytest.raises(UsageError, match="no finished upload"):
            http_.services.uploads.path(place.rpartition("/")[2])


@pytest.mark.parametrize("odd", ["..", "%2e%2e%2fkey", "x" * 3000, "%00", "A" * 32, "0" * 31, "~root", "图" * 32])
def test_odd_names_of_uploads_are_just_not_there(tmp_path, odd):
    with client(tmp_path) as http_:
        assert http_.head(f"/api/v1/uploads/{odd}", headers=TUS).status_code in (404, 405)
        assert patch(http_, f"/api/v1/uploads/{odd}", 0, b"x").status_code in (404, 405)


def test_names_of_any_length_and_kind_are_kept_short_and_with_their_ending():
    assert plain_name("图" * 120 + ".csv").endswith(".csv") and len(plain_name("图" * 120 + ".csv").encode()) <= 150
    assert plain_name("../../etc/passwd") == "passwd"
    assert plain_name("\x00") == "_" and plain_name("...") == "data" and plain_name("") == "data"
    assert "/" not in plain_name("a/b\\c") and plain_name("a.tar.gz") == "a.tar.gz"


# on disk -------------------------------------------------------------------------------------------------------


def test_what_was_written_and_not_kept_is_cut_away(uploads):
    """A server that is stopped in the middle of a piece leaves bytes beyond the offset: they were appended to before."""
    upload = uploads.begin(10, "a.csv", "ann")
    with uploads.writing(upload.id) as piece:
        piece.write(b"0123")
        piece.keep()
    with (uploads.folder / upload.id).open("ab") as file:
        file.write(b"garbage of a piece that broke off")
    assert uploads.known(upload.id).offset == 4
    with uploads.writing(upload.id) as piece:
        piece.write(b"456789")
        piece.keep()
    uploads.finish(uploads.known(upload.id))
    assert uploads.path(upload.id).read_bytes() == b"0123456789"


@pytest.mark.parametrize("harm", ["flip", "shorten"])
def test_a_file_that_rots_before_it_is_whole_goes_back_to_the_last_good_piece(uploads, harm):
    upload = uploads.begin(9, "a.csv", "ann")
    for part in (b"abc", b"def", b"ghi"):
        with uploads.writing(upload.id) as piece:
            piece.write(part)
            piece.keep()
    file = uploads.folder / upload.id
    file.write_bytes(b"abcdXfghi" if harm == "flip" else b"abcd")
    known = uploads.known(upload.id)
    if harm == "flip":
        with pytest.raises(DamagedError, match="from byte 3"):
            uploads.finish(known)
    assert uploads.known(upload.id).offset == 3


def test_one_process_at_a_time_writes(uploads):
    upload = uploads.begin(4, "a", "ann")
    with uploads.writing(upload.id), pytest.raises(HeldError), uploads.writing(upload.id):
        pass


def test_forgotten_uploads_are_swept_and_their_number_is_bounded(uploads, monkeypatch):
    upload = uploads.begin(4, "a", "ann")
    old = time.time() - 8 * 24 * 3600
    for path in uploads.folder.iterdir():
        os.utime(path, (old, old))
    kept = uploads.begin(4, "b", "ann")
    with pytest.raises(GoneError):
        uploads.known(upload.id)
    monkeypatch.setattr("assay.server.uploads.UNFINISHED", 1)
    with pytest.raises(StorageError, match="unfinished"):
        uploads.begin(4, "c", "ann")
    assert uploads.known(kept.id).name == "b"


FULL = """
import sys, resource, signal
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from assay.errors import StorageError
from assay.server.database import open_workspace_database
from assay.server.uploads import Uploads
home = Path(sys.argv[1])
uploads = Uploads(open_workspace_database(home), home / "uploads")
data = (home / "sent").read_bytes()
upload = uploads.begin(len(data), "a.bin", "ann")
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))
told = ""
try:
    with uploads.writing(upload.id) as piece:
        for at in range(0, len(data), 1 << 18):
            piece.write(data[at : at + (1 << 18)])
            piece.keep()
except StorageError as error:
    told = str(error)
assert "disk is full" in told, told
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
at = uploads.known(upload.id).offset
assert 0 < at < len(data) and (uploads.folder / upload.id).stat().st_size == at
with uploads.writing(upload.id) as piece:
    piece.write(data[at:])
    piece.keep()
uploads.finish(uploads.known(upload.id))
assert uploads.path(upload.id).read_bytes() == data
"""


def test_a_full_disk_keeps_what_arrived_and_nothing_half_written(tmp_path):
    (tmp_path / "sent").write_bytes(random.Random(1).randbytes(3_000_000))
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# a real server -------------------------------------------------------------------------------------------------


def test_uploads_that_are_cut_off_lead_to_the_same_bytes(tmp_path):
    """The sender dies, the server is killed, the disk is full, two send at once; `benchmarks/uploads.py` has thirty of them."""
    outcome = cut_and_resume(tmp_path / "home", 8, random.Random(7))
    assert not outcome.faults
    assert outcome.same == 8 and outcome.cuts == dict.fromkeys(KINDS, 2)
    assert outcome.part  # some broke off with part of a piece kept


def test_a_second_sender_takes_over_and_the_server_answers_meanwhile(tmp_path):
    """The first hangs on a dead connection; before, a second piece froze the whole server for half a minute."""
    data = random.Random(3).randbytes(400_000)
    with served(tmp_path / "home") as (url, _):
        address = url.split("/?")[0]
        parts = urlsplit(address)
        with httpx.Client(base_url=address, headers=AUTH, timeout=30) as http_:
            place = begin(http_, data)
            dead = http.client.HTTPConnection(parts.hostname or "", parts.port)
            dead.putrequest("PATCH", place)
            for name, value in (BODY | AUTH | {"Upload-Offset": "0", "Content-Length": str(len(data))}).items():
                dead.putheader(name, value)
            dead.endheaders()
            dead.send(data[:100_000])
            time.sleep(0.3)
            slowest = [0.0]
            stop = threading.Event()

            def ask() -> None:
                while not stop.is_set():
                    started = time.monotonic()
                    httpx.get(f"{address}/healthz", timeout=30)
                    slowest[0] = max(slowest[0], time.monotonic() - started)

            asking = threading.Thread(target=ask)
            asking.start()
            started = time.monotonic()
            answer = patch(http_, place, 0, data)
            assert answer.status_code == 409  # the first has kept 100,000 bytes
            assert patch(http_, place, offset(http_, place), data[offset(http_, place) :]).status_code == 204
            assert time.monotonic() - started < 25  # a server that waits for the dead one needs 30
            stop.set()
            asking.join()
            assert slowest[0] < 15
            dead.close()
    assert (tmp_path / "home" / "uploads" / place.rpartition("/")[2]).read_bytes() == data


def test_notes_are_json_that_names_every_piece(uploads):
    upload = uploads.begin(6, "a", "ann")
    with uploads.writing(upload.id) as piece:
        piece.write(b"abc")
        piece.keep()
    told = json.loads((uploads.folder / f"{upload.id}.json").read_text())
    assert told["offset"] == 3 and [p[:2] for p in told["pieces"]] == [[0, 3]]
