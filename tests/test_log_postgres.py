"""The log in Postgres, which is nothing but another URL.

Runs where ``ASSAY_TEST_POSTGRES`` names a database that may be written to, such as
``postgresql+psycopg://postgres@127.0.0.1/postgres``, and psycopg is installed. Oracle: the same log in SQLite.
"""

from __future__ import annotations

import os
import threading
import uuid
from pathlib import Path

import numpy as np
import pytest

from assay.actions import ActionLog, Request
from assay.actions import log as log_module
from assay.actions.codec import pack_state
from assay.errors import StorageError
from logging_twin import ProjectFacts, open_log, rows

URL = os.environ.get("ASSAY_TEST_POSTGRES", "")


@pytest.fixture
def project() -> str:
    pytest.importorskip("psycopg")
    if not URL:
        pytest.skip("ASSAY_TEST_POSTGRES names no database")
    return str(uuid.uuid4())


def open_there(project: str) -> ActionLog:
    return ActionLog(URL, project, ProjectFacts(30))  # type: ignore[arg-type]


def test_the_same_deeds_lead_to_the_same_state_as_in_sqlite(
    project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT", 4)
    monkeypatch.setattr(log_module, "BATCH", 2)
    packed = []
    for log in (open_there(project), open_log(tmp_path)):
        log.append(Request("label", rows(1, 2), label="cow", view={"filter": {"any": ["label"]}}), "ann", token="t")
        log.append(Request("auto-fix", np.arange(30), route="bulk"), "bob")
        log.append(Request("label", rows(1, 2), label="cow"), "ann", token="t")
        log.append(Request("note", rows(3), text="why?"), "bob")
        log.undo("ann")
        log.append(Request("exclude", rows(1, 4)), "eve")
        log.undo("eve")
        log.redo("ann")
        packed.append([pack_state(log.state()), pack_state(log.state(3))])
    assert packed[0] == packed[1]
    again = open_there(project)
    assert pack_state(again.state()) == packed[1][0]
    assert [entry.action for entry in again.entries()] == [entry.action for entry in open_log(tmp_path).entries()]
    assert len(again.history(1)) == 2 and len(again.diff(0, 2)) == 15


def test_many_writers_at_once_even_at_the_first_moment_lose_nothing(project: str) -> None:
    def write(person: str) -> None:
        log = open_there(project)
        for turn in range(25):
            log.append(Request("label", rows(turn), label=person), person)

    threads = [threading.Thread(target=write, args=(person,)) for person in ("ann", "bob", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = open_there(project).entries(limit=1_000)
    assert [entry.number for entry in found] == list(range(75, 0, -1))
    assert {
        person: sum(entry.person == person for entry in found) for person in ("ann", "bob", "eve")
    } == dict.fromkeys(("ann", "bob", "eve"), 25)


def test_a_server_that_does_not_answer_is_one_message() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StorageError, match="cannot use the database of decisions"):
        ActionLog("postgresql+psycopg://nobody@127.0.0.1:1/x", "p", ProjectFacts(5)).state()  # type: ignore[arg-type]
