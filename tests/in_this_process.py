"""Analyses without worker processes, for tests of what stages find: starting the processes takes longer than small stages do.

In: nothing. Out: an executor, and a context in which every analysis takes it. Does not know: what is analysed.
That processes find the same, die and are replaced is the matter of test_executor.py, test_resume.py and test_cli.py.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import patch

from assay.analysis import run as analysis_run
from assay.analysis.executor import Task
from assay.analysis.local_executor import _error
from assay.analysis.worker import run_task


class InThisProcess:
    """`assay.analysis.local_executor.LocalExecutor` without processes: one task after the other, through the same messages."""

    deaths = 0

    def __init__(self, workers: int, *, debug: bool = False, fresh: bool = False) -> None:
        self.debug = debug

    def __enter__(self) -> InThisProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
        for index, task in enumerate(tasks):
            answer = json.loads(json.dumps(run_task(json.loads(task.message()))))
            error = _error(answer)
            if error is not None:
                raise error
            yield index, answer.get("ok")


@contextlib.contextmanager
def in_this_process() -> Iterator[None]:
    """Analyses inside run here; files are not forced to the disk, which only a power cut would tell."""
    with (
        patch.object(analysis_run, "LocalExecutor", InThisProcess),
        patch.object(os, "fsync", lambda _: None),
    ):
        yield
