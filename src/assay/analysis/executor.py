"""What runs tasks: the protocol, so that a run knows nothing of processes, machines or clusters.

In: tasks (a function's name, a folder, a JSON spec). Out: their results as they finish.
Does not know: what a task does, which stage it belongs to, what is already done.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Task:
    """``module``: what a new worker may import before it is asked."""

    fn: str
    folder: str
    spec: dict[str, Any]
    name: str = ""
    module: str = ""

    def message(self) -> str:
        return json.dumps({"fn": self.fn, "folder": self.folder, "spec": self.spec}) + "\n"


class TaskError(Exception):
    """An unforeseen exception inside a task; ``traceback`` is the worker's."""

    def __init__(self, message: str, traceback: str) -> None:
        super().__init__(message)
        self.traceback = traceback


class Executor(Protocol):
    """Runs tasks somewhere. `assay.analysis.local_executor.LocalExecutor` is the one there is.

    ``debug``: show what workers print. ``deaths``: workers that died and were replaced.
    """

    debug: bool
    deaths: int

    def map(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
        """(position in ``tasks``, result) as they finish. Raises the first error that a task raised."""
