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


def main(arguments: Sequence[str]) -> None:
    """``killing.py DATA SCRATCH KILLS [OPTION...]``: kill, resume, compare; print what happened."""
    data, scratch, kills, *options = arguments
    place = Path(scratch)
    whole = seconds_of(Path(data), place / "whole.assay", *options)
    expected = digests(place / "whole.assay")
    rng = random.Random(0)
    done = 0
    for attempt in range(1000):
        if done >= int(kills):
            break
        project = place / f"killed-{attempt}.assay"
        done += killed_until_done(Path(data), project, *options, kills=4, seconds=whole, rng=rng)
        if digests(project) != expected:
            raise SystemExit(f"{project} differs from the uninterrupted run")
    for workers in (1, 2, 4):
        project = place / f"workers-{workers}.assay"
        analyze(Path(data), project, *options, "--workers", str(workers))
        if digests(project) != expected:
            raise SystemExit(f"{workers} workers give other bytes")
    files = len(expected)
    print(
        f"{done} SIGKILLs, every project finished; {files} files byte-identical to an uninterrupted run of {whole:.1f} s"
    )
    print("the same bytes with 1, 2 and 4 workers")


if __name__ == "__main__":
    main(sys.argv[1:])
