"""Several ways to do one piece of work, each in a process of its own, and what each cost.

In: a script that answers ``--side NAME`` and writes ``NAME.json`` into its scratch folder. Out: CPU and wall seconds of the
whole process, of the calls alone (as the script measured them), and the peak of its private memory.
Does not know: what the sides do.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measure import commit, kilobytes, machine, tree

RESULTS = Path(__file__).resolve().parent / "results"
EVERY = 0.02  # seconds between two looks at the memory


@dataclass
class Side:
    """``private_mb``: the largest sum of anonymous memory over the process tree; pages of mapped files are not in it."""

    name: str
    wall_seconds: float
    cpu_seconds: float
    private_mb: int
    call_wall: float
    call_cpu: float
    found: dict[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "found"} | self.found


def run_side(command: Sequence[str], name: str, scratch: Path, **environment: str) -> Side:
    """Run ``command`` to the end; RuntimeError with the end of its error output where it fails."""
    answer = scratch / f"{name}.json"
    answer.unlink(missing_ok=True)
    with (scratch / f"{name}.log").open("w+") as log:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | environment)
        peak, over = [0], threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, peak, over), daemon=True)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        over.set()
        watch.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(f"{name} ended with {process.returncode}:\n{log.read()[-2000:]}")
    found = json.loads(answer.read_text())
    call = found.pop("call", {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime})
    cpu = usage.ru_utime + usage.ru_stime
    return Side(
        name, round(wall, 2), round(cpu, 2), peak[0] // 1024, round(call["wall"], 3), round(call["cpu"], 3), found
    )


def _watch(pid: int, peak: list[int], over: threading.Event) -> None:
    """Asks the dear question only where the cheap one, which is never below it, says more than the peak so far."""
    while not over.wait(EVERY):
        pids = tree(pid)
        if sum(map(_anonymous, pids)) > peak[0]:
            peak[0] = max(peak[0], sum(map(_anonymous if len(pids) == 1 else _share_of_anonymous, pids)))


def _anonymous(pid: int) -> int:
    """KiB; a page that forked processes share counts in each of them."""
    return kilobytes(pid, "RssAnon:")


def _share_of_anonymous(pid: int) -> int:
    """KiB; a page that forked processes share counts by this one's share. The process waits while it is looked at."""
    return kilobytes(pid, "Pss_Anon:", "smaps_rollup")


@contextmanager
def call() -> Iterator[dict[str, float]]:
    """Wall and CPU seconds of what runs inside, children that were waited for included."""
    spent: dict[str, float] = {}
    wall, cpu = time.monotonic(), _cpu()
    yield spent
    spent.update(wall=time.monotonic() - wall, cpu=_cpu() - cpu)


def _cpu() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def answer(scratch: Path, name: str, found: dict[str, Any]) -> None:
    """What a side says at its end."""
    (scratch / f"{name}.json").write_text(json.dumps(found))


def environment_of_peers(folder: Path, packages: Sequence[str]) -> str:
    """The Python of a virtual environment that holds the peers; made where it is missing."""
    python = folder / "bin" / "python"
    stamp = folder / "peers.txt"
    wanted = "\n".join(packages) + "\n"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        stamp.write_text(wanted)
    return str(python)


def keep(name: str, record: dict[str, Any]) -> None:
    """Write ``results/NAME.json`` with commit and machine."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(record | {"commit": commit(), "machine": machine()}, indent=1) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")


def show(tables: Sequence[dict[str, Any]]) -> None:
    """Print tables in columns."""
    for table in tables:
        lines = [table["heads"], *table["rows"]]
        widths = [max(len(str(line[at])) for line in lines) for at in range(len(table["heads"]))]
        print(f"\n{table['title']}\n{table['text']}\n")
        for line in lines:
            print("  ".join(str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
