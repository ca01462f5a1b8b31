"""A full disk stops writing, not reading; a lock that somebody holds stops one request, not the server."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import assay
from assay.errors import BusyStorageError, StorageError
from assay.server.database import open_workspace_database, uploads
from assay.storage import Folder, sqlite_file
from assay.storage import database as database_module
from assay.storage.verify import verify_project
from serving import client
from small_disks import fill, make_read_only, room_for, small_disk


@pytest.fixture
def disk(digits_project, tmp_path) -> Iterator[Path]:
    """A small disk with a project, ``p.assay``, in which something was decided and which nobody has open."""
    with contextlib.ExitStack() as stack:
        try:
            place = stack.enter_context(small_disk(tmp_path / "disk", room_for(digits_project) + 12))
        except PermissionError as why:
            pytest.skip(str(why))
        shutil.copytree(digits_project, place / "p.assay")
        project = assay.open(place / "p.assay")
        project.decide("keep", rows=[0, 1, 2], person="ann")
        project.log.close()
        yield place


def test_a_full_disk_still_shows_what_is_there_and_says_so_when_it_cannot_write(disk, tmp_path):
    stuff = fill(disk)
    for path in (disk / "p.assay").glob("state.sqlite-*"):  # as after a restart of the machine
        assert path.suffix != ".sqlite-shm"
    with client(tmp_path / "home", disk / "p.assay") as http:
        (item,) = http.get("/api/v1/projects").json()
        at = f"/api/v1/projects/{item['id']}"
        assert http.post(f"{at}/view", json={}).status_code == 200
        assert len(http.get(f"{at}/log").json()["entries"]) == 1
        answer = http.post(f"{at}/actions", json={"action": "exclude", "target": {"rows": list(range(300))}})
        if answer.status_code == 200:  # it fitted into what the database had left
            answer = http.post(f"{at}/actions", json={"action": "note", "text": "x" * 900, "target": {"rows": [5]}})
        assert answer.status_code == 507 and "the disk is full" in answer.json()["detail"]
        before = http.get(f"{at}/log").json()["number"]
        stuff.unlink()
        done = http.post(f"{at}/actions", json={"action": "note", "text": "now", "target": {"rows": [5]}})
        assert done.status_code == 200 and done.json()["number"] == before + 1
    assert sqlite3.connect(disk / "p.assay" / "state.sqlite").execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_lock_that_is_held_stops_the_one_who_writes_and_within_a_time(digits_project, tmp_path, monkeypatch):
    monkeypatch.setattr(database_module, "WAIT", 3)
    project = tmp_path / "p.assay"
    shutil.copytree(digits_project, project)
    assay.open(project).decide("keep", rows=[0], person="ann")
    with client(tmp_path / "home", project) as http:
        (item,) = http.get("/api/v1/projects").json()
        at = f"/api/v1/projects/{item['id']}"
        http.post(f"{at}/view", json={})
        handle = os.open(project / "state.sqlite.lock", os.O_RDWR)
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            answers: list[int] = []
            writing = [
                threading.Thread(
                    target=lambda: answers.append(
                        http.post(f"{at}/actions", json={"action": "keep", "target": {"rows": [1]}}).status_code
                    )
                )
                for _ in range(3)
            ]
            for one in writing:
                one.start()
            assert http.get("/healthz").status_code == 200
            assert http.post(f"{at}/view", json={}).status_code == 200
            assert not answers  # read while the writers still wait
            for one in writing:
                one.join(30)
            assert answers == [503] * 3
        finally:
            os.close(handle)
        assert http.post(f"{at}/actions", json={"action": "keep", "target": {"rows": [1]}}).status_code == 200


def test_a_project_on_a_read_only_disk_is_whole(disk):
    for path in (disk / "p.assay").glob("state.sqlite-*"):
        path.unlink()
    make_read_only(disk)
    assert not verify_project(Folder(disk / "p.assay")).faults
    assert assay.open(disk / "p.assay").log.state().number == 1


def test_a_copy_of_a_log_is_read_anew_and_does_not_stay(tmp_path, monkeypatch):
    """On a read-only disk with a log that was not closed; what others append elsewhere is seen at the next question."""
    database = open_workspace_database(tmp_path)
    file = tmp_path / "server.sqlite"
    copied: list[str] = []
    original = sqlite_file._copied
    monkeypatch.setattr(sqlite_file, "_copied", lambda f: copied.append(made := original(f)) or made)
    plain = sqlite3.connect

    with pytest.MonkeyPatch.context() as patch:
        database.reader.dispose()
        patch.setattr(sqlite_file.sqlite3, "connect", _connecting(plain, file))
        for count in range(3):
            with database.reading() as connection:
                assert connection.execute(sa.select(sa.func.count()).select_from(uploads)).scalar_one() == count
            with plain(file) as other:
                other.execute("INSERT INTO uploads VALUES (?, 'a', 1, 'ann', 0)", (f"{count:032x}",))
    assert len(copied) == 3
    assert not any(Path(one.folder).exists() for one in copied)  # type: ignore[attr-defined]


def _connecting(plain, file: Path):
    """`sqlite3.connect` whose read-only connections to ``file`` fail at the first question."""

    class Failing:
        def execute(self, *_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        def close(self) -> None: ...

    def connect(target, *arguments, **options):
        return Failing() if f"{file}?mode=ro" in str(target) else plain(target, *arguments, **options)

    return connect


def test_a_database_held_by_another_program_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(database_module, "WAIT", 1)
    database = open_workspace_database(tmp_path)
    other = sqlite3.connect(tmp_path / "server.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusyStorageError, match="try again"), database.writing():
        pass
    other.execute("ROLLBACK")
    with database.writing():
        pass
    assert issubclass(BusyStorageError, StorageError)
