"""The process that runs one job: `python -m assay.server.runner HOME JOB`.

In: a job of the workspace's database. Out: its progress and its end, written there. Does not know: HTTP, who asked.

It holds a lock file of the job (exact on one machine, also after sleep), starts `assay` as a child in a session of its own and
turns the child's JSON lines into the job's progress at each beat.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.analysis.settings import RUNS
from assay.errors import ProjectLockedError
from assay.server.database import open_workspace_database
from assay.server.jobs import AT_ONCE, BEAT, TAIL, beat, claim, owner_name
from assay.sources.sandbox import VARIABLE
from assay.storage import Folder
from assay.storage.lock import locked

PATIENCE = 10.0  # seconds a cancelled run has to end by itself


def run(home: Path, job: str) -> None:
    database = open_workspace_database(home)
    folder = home / "jobs"
    folder.mkdir(exist_ok=True)
    lock = os.open(folder / f"{job}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return  # another runner of this machine has it
    owner = owner_name()
    row = claim(database, job, owner)
    if row is None:
        return
    command = json.loads(row["command"])
    if not _alone(Path(row["project"]), lambda: beat(database, job, owner, {})):
        beat(database, job, owner, {}, state="cancelled", ended=time.time())
        return
    environment = (
        os.environ
        | {RUNS: str(AT_ONCE)}
        | ({VARIABLE: os.pathsep.join(command["confined"])} if command["confined"] else {})
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "assay", *command["arguments"]],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, errors="replace", start_new_session=True, env=environment,
    )  # fmt: skip
    said = _Said()
    reader = threading.Thread(target=said.read, args=(child.stderr,), daemon=True)
    reader.start()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(BEAT)
        if child.returncode is not None:
            reader.join(2)
            break
        wanted = beat(database, job, owner, said.progress())
        if wanted:
            continue
        _end(child)
        if wanted is False:
            beat(database, job, owner, said.progress(), state="cancelled", ended=time.time())
        return
    # a check that failed (exit code 1) leaves results behind; the page shows them with the check named
    finished = child.returncode == 0 or said.checks_failed
    error = "" if finished else said.error() or f"the run ended with exit code {child.returncode}"
    state = "done" if finished else "failed"
    beat(database, job, owner, said.progress(), state=state, error=error, ended=time.time())


def _alone(project: Path, go_on: Callable[[], bool | None]) -> bool:
    """Wait while the run of a runner that died still works on the project: it ends at its next word, which nobody hears."""
    while True:
        try:
            with locked(Folder(project)):
                return True
        except ProjectLockedError:
            if not go_on():
                return False
            time.sleep(BEAT)


# Where stages stand in a whole run, by what they took of runs over photographs, texts and tables (a few hundred to a few
# thousand rows): (beginning of the name, from, to). A share that is somewhat wrong still says whether to wait or to have lunch.
SHARES = (
    ("dataset", 0.0, 0.02), ("encode/levels", 0.02, 0.05), ("encode/fit", 0.05, 0.15), ("encode", 0.15, 0.45),
    ("vectors", 0.45, 0.46), ("graph", 0.46, 0.53), ("duplicates/candidates_2", 0.74, 0.75), ("duplicates/verify_2", 0.75, 0.78),
    ("duplicates/candidates", 0.53, 0.58), ("duplicates/verify", 0.58, 0.74), ("duplicates", 0.78, 0.79),
    ("folds", 0.79, 0.8), ("predict", 0.8, 0.9), ("issues", 0.9, 0.95), ("insights", 0.95, 0.96),
    ("ontology", 0.96, 1.0),
)  # fmt: skip


def share_of(stage: str, done: int, total: int) -> float:
    """How much of a run is behind it, 0 to 1; 0 for a stage that is not known."""
    for name, start, end in SHARES:
        if stage.startswith(name):
            return round(start + (end - start) * (done / total if total else 0), 3)
    return 0.0


class _Said:
    """What the run says, line by line."""

    def __init__(self) -> None:
        self.now: dict[str, Any] = {}
        self.lines: list[str] = []
        self.checks_failed = False
        self.share = 0.0  # never less than it was: stages are not quite in one order
        self._lock = threading.Lock()

    def read(self, stream: Any) -> None:
        for line in stream:
            self.take(line.rstrip("\n"))

    def take(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        with self._lock:
            if not isinstance(event, dict):
                self.lines = [*self.lines, line][-TAIL:]
                self.checks_failed |= line.startswith("assay: a check failed")
            elif event.get("event") == "note":
                self.lines = [*self.lines, str(event.get("text", ""))][-TAIL:]
            elif event.get("event") == "stage":
                self.now = {
                    "stage": event["stage"],
                    "done": event["done"],
                    "total": event["total"],
                    "at": event["done"],
                }
            elif event.get("event") == "progress":
                fresh = event["done"] - self.now.get("at", 0)
                self.now |= {"done": event["done"], "seconds": event["seconds"], "fresh": fresh}

    def progress(self) -> dict[str, Any]:
        with self._lock:
            now = self.now
            self.share = max(self.share, share_of(now.get("stage", ""), now.get("done", 0), now.get("total", 0)))
            return now | {"log": list(self.lines), "share": self.share}

    def error(self) -> str:
        """The message of the command, which is its last word."""
        with self._lock:
            told = [line for line in self.lines if line.startswith("assay: ")]
            return told[-1].removeprefix("assay: ") if told else "\n".join(self.lines[-5:])


def _end(child: subprocess.Popen[str]) -> None:
    """Ctrl-C for the run and its workers, then the end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGINT)
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2])
