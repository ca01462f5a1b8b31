"""Runs that wait: one at a time unless told otherwise, in the order they came, each with its place; memory is shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.analysis.settings import RUNS, machine_memory, make_settings
from assay.server import jobs as module
from assay.server import runner
from assay.server.database import open_workspace_database
from assay.server.jobs import Jobs, beat, claim


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Jobs whose runners are only noted."""
    made = Jobs(open_workspace_database(tmp_path), tmp_path)
    started: list[str] = []
    monkeypatch.setattr(made, "_spawn", started.append)
    return made, started


def submit(queue: Jobs, n: int) -> list[tuple[Path, str]]:
    found = []
    for at in range(n):
        project = Path(f"/projects/{at}.assay")
        found.append((project, queue.submit(project, ["analyze", "x"], "ann")))
    return found


def test_one_run_at_once_and_the_others_are_told_their_places(queue):
    made, started = queue
    waiting = submit(made, 4)
    assert module.AT_ONCE == 1 and started == [waiting[0][1]]
    assert claim(made._database, waiting[0][1], "me") is not None
    assert [made.latest(project).ahead for project, _ in waiting] == [0, 1, 2, 3]
    for _, job in waiting[1:]:  # a runner that comes too early does nothing
        assert claim(made._database, job, "other") is None
    assert [made.latest(project).state for project, _ in waiting] == ["running", "waiting", "waiting", "waiting"]


def test_the_next_starts_when_one_ends_in_the_order_they_came(queue):
    made, started = queue
    waiting = submit(made, 3)
    for at, (project, job) in enumerate(waiting):
        assert started == [job for _, job in waiting[: at + 1]]
        assert claim(made._database, job, "me") is not None
        beat(made._database, job, "me", {}, state="done")
        made.look()
        assert made.latest(project).state == "done"


def test_who_gives_up_waiting_frees_a_place(queue):
    made, started = queue
    waiting = submit(made, 3)
    claim(made._database, waiting[0][1], "me")
    made.cancel(waiting[1][0])
    assert made.latest(waiting[2][0]).ahead == 1
    beat(made._database, waiting[0][1], "me", {}, state="done")
    made.look()
    assert started == [waiting[0][1], waiting[2][1]]


def test_runs_that_may_be_at_once_share_the_memory(queue, tmp_path, monkeypatch):
    """A run that is told nothing plans with half the machine; of two at once each with a quarter."""
    made, _ = queue
    environments: list[dict[str, str]] = []

    class Run:
        """A run that ends at once."""

        returncode, stderr = 0, ()

        def __init__(self, *_: object, env: dict[str, str], **__: object) -> None:
            environments.append(env)

        def wait(self, _: float) -> None: ...

    monkeypatch.setattr(runner.subprocess, "Popen", Run)
    for at_once in (1, 2):
        monkeypatch.setattr(runner, "AT_ONCE", at_once)
        project = tmp_path / f"{at_once}.assay"
        runner.run(tmp_path, made.submit(project, ["analyze", "x"], "ann"))
        assert made.latest(project).state == "done"
        monkeypatch.setenv(RUNS, environments[-1][RUNS])
        told = {"task": None, "seed": 0, "effort": "fast", "encoders": (), "workers": 1}
        assert make_settings(**told, memory=None).memory == machine_memory() // (2 * at_once)
        assert make_settings(**told, memory="3GB").memory == 3 << 30  # what somebody names is not divided


def test_so_many_run_at_once_as_the_server_is_told(queue, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 2)
    made, started = queue
    waiting = submit(made, 3)
    assert started == [job for _, job in waiting[:2]]
    assert [claim(made._database, job, "me") is not None for _, job in waiting] == [True, True, False]
    assert made.latest(waiting[2][0]).ahead == 2
