"""Tasks on this machine: a few local worker processes, each replaced when it dies.

In: tasks (a function's name, a folder, a JSON spec). Out: their results as they finish.
Does not know: what a task does, which stage it belongs to, what is already done.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assay import errors
from assay.analysis.executor import Task, TaskError
from assay.errors import AssayError, ShardFailedError

MAX_DEATHS = 4
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
# Under a tight bound memory goes back to the system at once, and pyarrow's own pool keeps none of it.
TIGHT = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 20),
    "MALLOC_ARENA_MAX": "2",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
# glibc gives blocks of 128 KB and more back at every free, and the system clears them again for the next picture: a third
# of the time of describing one. Read by no other allocator; the user's own setting comes first.
ALLOCATION = {"MALLOC_MMAP_THRESHOLD_": str(4 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}


class _Worker:
    def __init__(self, module: str, *, debug: bool, tight: bool) -> None:
        environment = (TIGHT if tight else ALLOCATION) | os.environ | dict.fromkeys(THREAD_VARIABLES, "1")
        package = str(Path(errors.__file__).resolve().parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        environment["PYTHONHASHSEED"] = "0"
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-m", "assay.analysis.worker", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if debug else subprocess.DEVNULL,
            env=environment,
            encoding="utf-8",
        )

    def ask(self, task: Task) -> dict[str, Any] | None:
        """The worker's answer; None if it died."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(task.message())
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except (BrokenPipeError, OSError, ValueError):
            return None
        return json.loads(line) if line.endswith("\n") else None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class LocalExecutor:
    """``map`` runs tasks in at most ``workers`` processes; use it as a context manager.

    ``fresh``: every ``map`` begins with new processes, since old ones hold on to memory.
    """

    def __init__(self, workers: int, *, debug: bool = False, fresh: bool = False) -> None:
        self.workers = max(1, workers)
        self.debug, self.fresh = debug, fresh
        self.deaths = 0
        self._live: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def map(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
        """(position in ``tasks``, result) as they finish. Raises the first error a task raised.

        A worker that dies (killed, out of memory) is replaced and only its task is run again; after four deaths on one
        task `ShardFailedError` names it. Every worker runs one task at a time, so the blame is exact.
        """
        todo: queue.SimpleQueue[tuple[int, Task]] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[int, Any, BaseException | None]] = queue.SimpleQueue()
        stop = threading.Event()
        for item in enumerate(tasks):
            todo.put(item)
        if tasks and not self.fresh:
            self._start(tasks[0])
        threads = [
            threading.Thread(target=self._drive, args=(todo, done, stop), daemon=True)
            for _ in range(min(self.workers, len(tasks)))
        ]
        for thread in threads:
            thread.start()
        try:
            for _ in range(len(tasks)):
                index, result, error = self._next(done)
                if error is not None:
                    raise error
                yield index, result
        except BaseException:
            stop.set()
            self._dismiss()  # the executor itself stays open: a check that failed must not take the others down
            raise
        for thread in threads:
            thread.join()
        if self.fresh:
            self._dismiss()

    def close(self) -> None:
        """Kill every worker; what they were doing is redone by the next run."""
        with self._lock:
            self._closed = True
        self._dismiss()

    def _dismiss(self) -> None:
        """Kill the workers there are."""
        with self._lock:
            live = list(self._live)
            self._live.clear()
            self._idle.clear()
        for worker in live:
            worker.kill()

    @staticmethod
    def _next(done: queue.SimpleQueue[Any]) -> Any:
        while True:  # a timed wait, so that Ctrl-C is seen at once
            with contextlib.suppress(queue.Empty):
                return done.get(timeout=0.2)

    def _drive(self, todo: queue.SimpleQueue[Any], done: queue.SimpleQueue[Any], stop: threading.Event) -> None:
        try:
            self._work(todo, done, stop)
        except BaseException as error:  # whatever it is, the caller must not wait for an answer that never comes
            done.put((-1, None, error))

    def _work(self, todo: queue.SimpleQueue[Any], done: queue.SimpleQueue[Any], stop: threading.Event) -> None:
        worker: _Worker | None = None
        while not stop.is_set():
            try:
                index, task = todo.get_nowait()
            except queue.Empty:
                break
            for _ in range(MAX_DEATHS):
                worker = worker or self._take(task)
                if worker is None:
                    return
                answer = worker.ask(task)
                if answer is not None:
                    break
                self._bury(worker)
                worker = None
                if stop.is_set():
                    return
            else:
                done.put((index, None, _dead(task)))
                return
            done.put((index, answer.get("ok"), _error(answer)))
        if worker is not None:
            with self._lock:
                self._idle.append(worker)

    def _start(self, task: Task) -> None:
        """All workers at once, where there are none: while the first one does the first task, the others import."""
        with self._lock:
            if not self._live and not self._closed:
                self._idle = [self._new(task) for _ in range(self.workers)]

    def _new(self, task: Task) -> _Worker:
        worker = _Worker(task.module, debug=self.debug, tight=self.fresh)
        self._live.add(worker)
        return worker

    def _take(self, task: Task) -> _Worker | None:
        with self._lock:
            if self._closed:
                return None
            return self._idle.pop() if self._idle else self._new(task)

    def _bury(self, worker: _Worker) -> None:
        with self._lock:
            self.deaths += 1
            self._live.discard(worker)
        worker.kill()


def _dead(task: Task) -> ShardFailedError:
    return ShardFailedError(
        f"the worker process died {MAX_DEATHS} times in a row on {task.name or task.fn}. The likely cause is memory: "
        "try fewer --workers, a smaller --memory, or a machine with more; finished work is kept"
    )


def _error(answer: dict[str, Any]) -> BaseException | None:
    if "error" not in answer:
        return None
    kind = getattr(errors, answer["kind"], None)
    if isinstance(kind, type) and issubclass(kind, AssayError) and kind is not errors.MissingExtraError:
        return kind(answer["error"])
    if kind is errors.MissingExtraError:
        return errors.UsageError(answer["error"])
    return TaskError(answer["error"], answer["traceback"])
