"""Runs of the analysis, started from the page: a table of jobs, a detached runner a job.

In: a project folder and the words of a command. Out: jobs and their progress. Does not know: what an analysis does, HTTP.

The runner is a process of its own session: a server that dies or restarts does not take the run with it. A runner that dies is
replaced: the job is claimed anew by one atomic update with an attempt number, and the analysis resumes from its markers.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from assay.errors import AssayError, BusyError
from assay.server.database import ACTIVE, Database, jobs
from assay.server.look import SECRETS
from assay.server.schemas.projects import Job
from assay.server.uploads import without_home

LEASE = float(os.environ.get("ASSAY_JOB_LEASE", "15"))  # seconds without a beat after which a runner counts as dead
BEAT = 1.0
LOOK = min(3.0, LEASE)  # seconds between two looks of a server at the jobs
AT_ONCE = max(1, int(os.environ.get("ASSAY_RUNS_AT_ONCE", "1")))  # runs at once; the others wait in the order they came
ATTEMPTS = 3  # runners that may die of one job
TAIL = 30  # lines of what the run said that are kept


class Jobs:
    """``home`` tells runners where the database is."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database, self._home = database, home
        self._children: list[subprocess.Popen[bytes]] = []
        self._stop = threading.Event()
        self._spawned: dict[str, float] = {}  # when a runner was started for a job that waits

    # asked by routes -----------------------------------------------------------------------------------------

    def submit(self, project: Path, arguments: Sequence[str], person: str, *, confined: Sequence[Path] = ()) -> str:
        """Start `assay ARGUMENTS` for a project folder; `BusyError` while another run of it is active.

        ``confined``: the folders that the data may reach; none: its owner started the run.
        """
        job = uuid.uuid4().hex
        command = json.dumps({"arguments": list(arguments), "confined": [str(path) for path in confined]})
        try:
            with self._database.writing() as connection:
                connection.execute(
                    sa.insert(jobs).values(
                        id=job,
                        project=str(project),
                        command=command,
                        person=person,
                        state="waiting",
                        attempt=0,
                        cancel=False,
                        progress="{}",
                        error="",
                        created=time.time(),
                    )
                )
        except sa.exc.IntegrityError as error:
            raise BusyError(f"{project.name} is being analysed already; wait for it, or cancel it") from error
        self._start_waiting()
        return job

    def latest(self, project: Path) -> Job | None:
        """The newest job of a project folder."""
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(jobs).where(jobs.c.project == str(project)).order_by(jobs.c.created.desc()).limit(1)
            ).mappings().first()  # fmt: skip
            ahead = 0
            if row is not None and row["state"] == "waiting":
                before = sa.and_(jobs.c.state == "waiting", jobs.c.created < row["created"])
                asked = sa.select(sa.func.count()).select_from(jobs).where(sa.or_(jobs.c.state == "running", before))
                ahead = int(connection.execute(asked).scalar_one())
        return _job(dict(row), self._home, ahead) if row else None

    def projects(self) -> list[Path]:
        """Folders that have jobs, newest first: a project whose first run has not ended yet is found by its job alone."""
        with self._database.reading() as connection:
            newest = sa.func.max(jobs.c.created)
            rows = connection.execute(sa.select(jobs.c.project).group_by(jobs.c.project).order_by(newest.desc()))
            return [Path(row.project) for row in rows]

    def command(self, project: Path) -> tuple[list[str], list[str]] | None:
        """What the newest job of a project was told: arguments, the folders that its data may reach; None = there is none."""
        with self._database.reading() as connection:
            text = connection.execute(
                sa.select(jobs.c.command).where(jobs.c.project == str(project)).order_by(jobs.c.created.desc()).limit(1)
            ).scalar()
        if text is None:
            return None
        told = json.loads(text)
        return list(told["arguments"]), list(told.get("confined") or [])

    def forget(self, project: Path) -> None:
        """No jobs of this folder any more; `BusyError` while one is active."""
        self._refuse_active(project)
        with self._database.writing() as connection:
            connection.execute(sa.delete(jobs).where(jobs.c.project == str(project)))

    def moved(self, project: Path, folder: Path) -> None:
        """The folder is called otherwise now; `BusyError` while a job of it is active."""
        self._refuse_active(project)
        with self._database.writing() as connection:
            here = sa.select(jobs.c.id, jobs.c.command).where(jobs.c.project == str(project))
            for job, text in connection.execute(here).all():
                told = json.loads(text)
                told["arguments"] = [str(folder) if word == str(project) else word for word in told["arguments"]]
                change = sa.update(jobs).where(jobs.c.id == job)
                connection.execute(change.values(project=str(folder), command=json.dumps(told)))

    def _refuse_active(self, project: Path) -> None:
        job = self.latest(project)
        if job is not None and job.state in ("waiting", "running"):
            raise BusyError(f"{project.name} is being analysed; wait for it, or cancel it first")

    def cancel(self, project: Path) -> None:
        here = jobs.c.project == str(project)
        with self._database.writing() as connection:
            now = time.time()
            waiting = sa.update(jobs).where(here, jobs.c.state == "waiting")
            connection.execute(waiting.values(state="cancelled", ended=now))
            connection.execute(sa.update(jobs).where(here, jobs.c.state == "running").values(cancel=True))

    # run by the server ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Look after jobs in a thread: start what waits, replace runners that died."""
        threading.Thread(target=self._watch, daemon=True, name="jobs").start()

    def stop(self) -> None:
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK):
            self._children = [child for child in self._children if child.poll() is None]
            with contextlib.suppress(AssayError):
                self.look()

    def look(self) -> None:
        """Once: end what died too often or was cancelled without a runner, start what has none."""
        old = time.time() - LEASE
        dead = sa.and_(jobs.c.state == "running", jobs.c.beat < old)
        with self._database.writing() as connection:
            now = time.time()
            connection.execute(sa.update(jobs).where(dead, jobs.c.cancel).values(state="cancelled", ended=now))
            gone = sa.update(jobs).where(dead, jobs.c.attempt >= ATTEMPTS)
            told = f"the run died {ATTEMPTS} times without a word; is there enough memory?"
            connection.execute(gone.values(state="failed", error=told, ended=now))
            orphans = [row.id for row in connection.execute(sa.select(jobs.c.id).where(dead))]
        for job in orphans:
            self._spawn(job)
        self._start_waiting()

    def _start_waiting(self) -> None:
        """A runner for each place that is free, for those who came first. Runners that come too many do nothing."""
        with self._database.reading() as connection:
            running = connection.execute(
                sa.select(sa.func.count()).select_from(jobs).where(jobs.c.state == "running")
            ).scalar_one()
            free = AT_ONCE - int(running)
            found = connection.execute(
                sa.select(jobs.c.id).where(jobs.c.state == "waiting").order_by(jobs.c.created).limit(max(0, free))
            )
            first = [row.id for row in found]
        now = time.monotonic()
        for job in first:
            if now - self._spawned.get(job, -60.0) > LOOK:  # a runner needs a moment to say that it is there
                self._spawned[job] = now
                self._spawn(job)

    def _spawn(self, job: str) -> None:
        command = [sys.executable, "-m", "assay.server.runner", str(self._home), job]
        environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
        with (self._home / "runner.log").open("ab") as log:
            self._children.append(
                subprocess.Popen(
                    command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
                )
            )


def claim(database: Database, job: str, owner: str) -> dict[str, Any] | None:
    """The job, if it is now ours: it waited, or its runner was silent for too long."""
    now = time.time()
    silent = sa.and_(jobs.c.state == "running", jobs.c.beat < now - LEASE)
    with database.writing() as connection:
        others = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.state == "running", sa.not_(silent))
        room = int(connection.execute(others).scalar_one()) < AT_ONCE
        free = sa.or_(jobs.c.state == "waiting", silent) if room else silent
        claimed = connection.execute(
            sa.update(jobs).where(jobs.c.id == job, free)
            .values(state="running", owner=owner, attempt=jobs.c.attempt + 1, beat=now)
        )  # fmt: skip
        if claimed.rowcount != 1:
            return None
        row = connection.execute(sa.select(jobs).where(jobs.c.id == job)).mappings().one()
        return dict(row)


def beat(database: Database, job: str, owner: str, progress: dict[str, Any], **final: Any) -> bool | None:
    """Say that we live. None: the job is no longer ours, stop at once; True: go on; False: somebody wants it cancelled."""
    with database.writing() as connection:
        mine = sa.and_(jobs.c.id == job, jobs.c.owner == owner, jobs.c.state == "running")
        told = sa.update(jobs).where(mine).values(beat=time.time(), progress=json.dumps(progress), **final)
        if connection.execute(told).rowcount != 1:
            return None
        return not connection.execute(sa.select(jobs.c.cancel).where(jobs.c.id == job)).scalar_one()


def active(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(jobs).where(ACTIVE)).scalar_one())


def _job(row: dict[str, Any], home: Path, ahead: int = 0) -> Job:
    progress = json.loads(row["progress"])
    done, total = int(progress.get("done", 0)), int(progress.get("total", 0))
    seconds = float(progress.get("seconds", 0.0))
    fresh = int(progress.get("fresh", 0))
    rate = fresh / seconds if seconds > 0 and fresh > 0 else None
    return Job(
        id=row["id"],
        state=row["state"],
        stage=progress.get("stage", ""),
        done=done,
        total=total,
        rate=rate,
        seconds_left=(total - done) / rate if rate and total > done else None,
        error=without_home(row["error"], home),
        log=[without_home(line, home) for line in progress.get("log", [])],
        ahead=ahead,
        share=1.0 if row["state"] == "done" else progress.get("share", 0.0),
    )


def owner_name() -> str:
    return f"{os.uname().nodename}:{os.getpid()}:{uuid.uuid4().hex[:8]}"[:80]
