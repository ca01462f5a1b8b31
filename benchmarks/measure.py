"""What a process costs, and what machine it ran on.

In: a command. Out: seconds on the wall, CPU seconds and peak memory of the process and everything it started.
Does not know: what the command does.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EVERY = 0.1  # seconds between two looks at the memory
NAMES = ("assay", "cleanlab", "numpy", "scikit-learn", "onnxruntime", "lightgbm", "numba", "opencv-python-headless")


@dataclass(frozen=True)
class Cost:
    """``megabytes``: the largest sum over the process tree, shared pages counted once (Linux PSS)."""

    wall_seconds: float
    cpu_seconds: float
    megabytes: int

    def record(self) -> dict[str, float]:
        return asdict(self)


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run to the end and measure; RuntimeError with the end of its error output where it fails."""
    with tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, env=os.environ | dict(environment or {})
        )
        watch = Watch(process.pid, shared)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)  # the usage of a process includes the children it waited for
        wall = time.monotonic() - started
        watch.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            tail = errors.read()[-3000:].decode(errors="replace")
            raise RuntimeError(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{tail}")
    if not watch.peak:  # no /proc: the largest single process (elsewhere it counts what the parent held before exec)
        watch.peak = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    megabytes = watch.peak // 1024
    return Cost(round(wall, 2), round(usage.ru_utime + usage.ru_stime, 2), megabytes)


class Watch(threading.Thread):
    """Looks at the memory of a process tree until it is stopped; ``peak`` in KiB. of : KiB of one process."""

    def __init__(self, pid: int, of: Callable[[int], int], every: float = EVERY) -> None:
        super().__init__(daemon=True)
        self._pid, self._of, self._every, self._over, self.peak = pid, of, every, threading.Event(), 0

    def run(self) -> None:
        self._look()
        while not self._over.wait(self._every):
            self._look()

    def _look(self) -> None:
        self.peak = max(self.peak, sum(map(self._of, tree(self._pid))))

    def stop(self) -> None:
        self._over.set()
        self.join()


def tree(root: int) -> list[int]:
    """The process and its descendants; the process alone where there is no /proc."""
    found = [root]
    for pid in found:
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            pass  # it ended meanwhile
    return found


def shared(pid: int) -> int:
    """KiB of all memory; a page that processes share counts by this one's share. The process waits while it is looked at."""
    return kilobytes(pid, "Pss:", "smaps_rollup")


def resident(pid: int) -> int:
    """KiB of all memory; a page that processes share counts in each of them."""
    return kilobytes(pid, "VmRSS:")


def peak_megabytes(pid: int) -> int:
    """MB, the most that a process that still lives ever held."""
    return kilobytes(pid, "VmHWM:") >> 10


def kilobytes(pid: int, key: str, file: str = "status") -> int:
    """A line of a file of /proc/PID; 0 where there is none, or the process has ended."""
    try:
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def machine() -> dict[str, Any]:
    """Cores, memory, processor and versions: what numbers depend on; nothing that names the machine."""
    import numpy  # noqa: F401  (its BLAS shows in threadpool_info)
    from threadpoolctl import threadpool_info

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    blas = next((info for info in threadpool_info() if info["user_api"] == "blas"), {})
    return {
        "cores": cores,
        "memory_gib": round(memory),
        "cpu": _cpu_name(),
        "system": platform.system(),
        "python": platform.python_version(),
        "blas": f"{blas.get('internal_api', '?')} {blas.get('version', '')}, kernel {blas.get('architecture', '?')}",
        "versions": {name: version(name) for name in NAMES},
    }


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def commit() -> str:
    """The short hash of the checkout, with "+" where files of the package or the benchmarks differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "src", "benchmarks/*.py")
    return f"{git('rev-parse', '--short', 'HEAD') or 'unknown'}{'+' if changed else ''}"
