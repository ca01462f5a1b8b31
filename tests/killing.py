"""Runs that are killed at random moments and resumed, and digests to compare what they leave.

Used by the tests (a few kills) and by ``benchmarks/kills.py`` (many).
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def analyze(data: Path, project: Path, *options: str, kill_after: float | None = None) -> bool:
    """Run ``assay analyze`` in a process group of its own; SIGKILL all of it after so many seconds. True = it finished."""
    command = [sys.executable, "-m", "assay", "analyze", str(data), "-o", str(project), "--quiet", *options]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    try:
        _, errors = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return False
    if process.returncode != 0:
        raise AssertionError(f"exit code {process.returncode}: {errors}")
    return True


def killed_until_done(data: Path, project: Path, *options: str, kills: int, seconds: float, rng: random.Random) -> int:
    """Kill runs of one project at random moments within ``seconds``, then let it finish; how many were killed."""
    killed = 0
    for _ in range(kills):
        if analyze(data, project, *options, kill_after=rng.uniform(0.2, seconds)):
            break
        killed += 1
    analyze(data, project, *options)
    return killed


def digests(project: Path) -> dict[str, str]:
    """SHA-256 of every file that a finished run points at, and of the record's parts that hold no clock."""
    run = json.loads(next(iter(sorted((project / "runs").glob("*.json"), reverse=True))).read_text())
    kept = {
        name: run[name] for name in ("dataset", "classes", "checks", "stages", "tables", "graph", "prediction", "notes")
    }
    out = {"run": hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()}
    for place in [*run["tables"].values(), run["vectors"], run["findings"].removesuffix(".json")]:
        for path in sorted((project / place).parent.glob("*")):
            if path.suffix != ".done":  # a marker holds the seconds a shard took
                out[str(path.relative_to(project))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return out


def seconds_of(data: Path, project: Path, *options: str) -> float:
    started = time.monotonic()
    assert analyze(data, project, *options)
    return time.monotonic() - started


def kill_and_compare(
    data: Path, place: Path, kills: int, options: Sequence[str] = (), workers: Sequence[int] = (1, 2, 4)
) -> list[str]:
    """Kill, resume, compare, then the same with other numbers of workers; what happened, a line each."""
    whole = seconds_of(data, place / "whole.assay", *options)
    expected = digests(place / "whole.assay")
    rng = random.Random(0)
    done = 0
    for attempt in range(1000):
        if done >= kills:
            break
        project = place / f"killed-{attempt}.assay"
        done += killed_until_done(data, project, *options, kills=4, seconds=whole, rng=rng)
        if digests(project) != expected:
            raise SystemExit(f"{project} differs from the uninterrupted run")
    for number in workers:
        project = place / f"workers-{number}.assay"
        analyze(data, project, *options, "--workers", str(number))
        if digests(project) != expected:
            raise SystemExit(f"{number} workers give other bytes")
    lines = [
        f"{done} SIGKILLs, every project finished; {len(expected)} files byte-identical to an uninterrupted run "
        f"of {whole:.1f} s"
    ]
    if workers:
        *others, last = map(str, workers)
        lines.append(f"the same bytes with {', '.join(others)} and {last} workers")
    return lines
