"""The executor: every task once, workers replaced when they die, blame exact, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.analysis.executor import Task, TaskError
from assay.analysis.local_executor import LocalExecutor
from assay.errors import ShardFailedError, SourceError

TESTS = Path(__file__).parent


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))


def run(folder: Path, name: str, specs: list[dict], workers: int = 2) -> list:
    with LocalExecutor(workers) as executor:
        found = dict(executor.map([Task(f"tasks:{name}", str(folder), spec) for spec in specs]))
    return [found[index] for index in range(len(specs))]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_every_task_is_answered_whatever_libraries_print(tmp_path: Path, workers: int) -> None:
    assert run(tmp_path, "square", [{"x": x} for x in range(20)], workers) == [x * x for x in range(20)]


def test_all_workers_start_with_the_first_task_and_import_its_module_at_once(tmp_path: Path) -> None:
    with LocalExecutor(3) as executor:
        list(executor.map([Task("tasks:square", str(tmp_path), {"x": 3}, module="tasks")]))
        assert [worker.process.args[-1] for worker in executor._live] == ["tasks"] * 3


def test_a_module_that_cannot_be_imported_ahead_ends_no_worker(tmp_path: Path) -> None:
    with LocalExecutor(1) as executor:
        assert list(executor.map([Task("tasks:square", str(tmp_path), {"x": 3}, module="no_such")])) == [(0, 9)]
        assert executor.deaths == 0


def test_a_dead_worker_is_replaced_and_only_its_task_runs_again(tmp_path: Path) -> None:
    specs = [{"name": f"task{n}", "deaths": 2 if n == 1 else 0} for n in range(4)]
    assert run(tmp_path, "die_once", specs) == [f"task{n} done" for n in range(4)]
    calls = [len((tmp_path / f"task{n}-calls").read_bytes()) for n in range(4)]
    assert calls == [1, 3, 1, 1]


def test_a_task_that_kills_four_workers_is_named(tmp_path: Path) -> None:
    task = Task("tasks:die_once", str(tmp_path), {"name": "bad", "deaths": 99}, "encode/images 00003")
    with pytest.raises(ShardFailedError, match=r"encode/images 00003.*memory"), LocalExecutor(2) as executor:
        list(executor.map([task]))
    assert len((tmp_path / "bad-calls").read_bytes()) == 4


def test_an_unforeseen_error_carries_the_workers_traceback(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="ZeroDivisionError: a bug") as error:
        run(tmp_path, "fail", [{}])
    assert "def fail" in error.value.traceback or "in fail" in error.value.traceback


def test_an_error_meant_for_the_user_keeps_its_kind(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the column is missing"):
        run(tmp_path, "complain", [{}])


def test_after_an_error_the_same_executor_goes_on(tmp_path: Path) -> None:
    """One failed check must not take the others down."""
    with LocalExecutor(2) as executor:
        with pytest.raises(TaskError):
            list(executor.map([Task("tasks:fail", str(tmp_path), {}) for _ in range(4)]))
        assert list(executor.map([Task("tasks:square", str(tmp_path), {"x": 3})])) == [(0, 9)]


def test_an_error_on_the_drivers_side_is_raised_and_not_waited_for(tmp_path: Path) -> None:
    with LocalExecutor(1) as executor, pytest.raises(TypeError):
        list(executor.map([Task("tasks:square", str(tmp_path), {"x": object()})]))


def test_workers_never_import_the_callers_main(tmp_path: Path) -> None:
    """A script without a guard would start itself again and again; here it is read from standard input."""
    script = f"""
from assay.analysis.executor import Task
from assay.analysis.local_executor import LocalExecutor
open({str(tmp_path / "started")!r}, "a").write("x")
with LocalExecutor(2) as executor:
    print(sorted(x for _, x in executor.map([Task("tasks:square", {str(tmp_path)!r}, {{"x": x}}) for x in range(3)])))
"""
    done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == "[0, 1, 4]", done.stderr
    assert (tmp_path / "started").read_text() == "x"


def test_workers_end_when_their_driver_is_killed(tmp_path: Path) -> None:
    script = f"""
from assay.analysis.executor import Task
from assay.analysis.local_executor import LocalExecutor
tasks = [Task("tasks:note_process", {str(tmp_path)!r}, {{"seconds": 60}}) for _ in range(2)]
list(LocalExecutor(2).map(tasks))
"""
    driver = subprocess.Popen([sys.executable, "-c", script])
    wait_for(lambda: len(list(tmp_path.glob("pid-*"))) == 2)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    workers = [int(path.name.removeprefix("pid-")) for path in tmp_path.glob("pid-*")]
    wait_for(lambda: not any(alive(worker) for worker in workers))


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # a zombie that nobody has collected is dead enough
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for(condition, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def test_fresh_workers_do_not_outlive_their_stage(tmp_path: Path) -> None:
    task = Task("tasks:note_process", str(tmp_path), {"seconds": 0})
    pids = {}
    for fresh in (False, True):
        with LocalExecutor(1, fresh=fresh) as executor:
            pids[fresh] = [answer for _ in range(2) for _, answer in executor.map([task])]
    assert pids[False][0] == pids[False][1] and pids[True][0] != pids[True][1]
