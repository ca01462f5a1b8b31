"""Runs stages, keeps what already holds, and remembers cost, notes and failures.

In: stages. Out: their results; a record of what was done, why, and at what cost. Does not know: which stages there are.
"""

from __future__ import annotations

import time
from typing import Any, Protocol, TypeVar

from assay.analysis.executor import Executor, TaskError
from assay.analysis.progress import Progress
from assay.analysis.stage import Stage, pending, results, tasks
from assay.errors import AssayError, SourceError
from assay.storage import Folder

R = TypeVar("R")


class HasNotes(Protocol):
    """The result of a check: sentences for the run's record."""

    @property
    def notes(self) -> tuple[str, ...]: ...


C = TypeVar("C", bound=HasNotes)


class Runner:
    """Runs stages through the executor, keeps what already holds, and remembers cost, notes and failures."""

    def __init__(self, folder: Folder, executor: Executor, progress: Progress, before: dict[str, Any] | None) -> None:
        self.folder, self.executor, self.progress = folder, executor, progress
        self.before: dict[str, Any] = (before or {}).get("stages", {})
        self.stages: dict[str, dict[str, Any]] = {}
        self.costs: list[dict[str, Any]] = []
        self.failed: dict[str, str] = {}  # kind of check -> why
        self.skipped: dict[str, str] = {}
        self.reading: list[str] = []  # notes on how the source was read
        self.notes: list[str] = []
        self.redone: dict[str, str] = {}

    def do(self, stage: Stage[R]) -> list[R]:
        """Finish a stage; the shards' results in order. An unforeseen error becomes an `AssayError` that names the stage."""
        shards = pending(stage, self.folder)
        self._compare(stage, len(shards))
        self.stages[stage.name] = stage.record()
        total = sum(shard.rows for shard in stage.shards)
        started = time.monotonic()
        if shards:
            self.progress.start(stage.name, total, total - sum(shard.rows for shard in shards))
            try:
                for index, _ in self.executor.map(tasks(stage, shards, self.folder)):
                    self.progress.advance(shards[index].rows)
            except TaskError as error:
                self.progress.abandon()
                if self.executor.debug:
                    self.progress.say(error.traceback)
                raise
            except BaseException:
                self.progress.abandon()
                raise
            self.progress.finish()
        done = results(stage, self.folder)
        records = [record for _, record in done]
        self.costs.append(
            {
                "stage": stage.name,
                "wall_seconds": round(time.monotonic() - started, 3),
                "cpu_seconds": round(sum(record["cpu_seconds"] for record in records), 3),
                "peak_megabytes": max((record["peak_megabytes"] for record in records), default=0),
                "shards": len(stage.shards),
                "shards_done_now": len(shards),
            }
        )
        return [result for result, _ in done]

    def require(self, stage: Stage[R]) -> list[R]:
        """`do`, for a stage the rest of the run stands on."""
        try:
            return self.do(stage)
        except TaskError as error:
            raise AssayError(
                f"the stage {stage.name!r} failed: {error}. Finished work is kept; run again with --debug to see where"
            ) from error

    def try_check(self, kind: str, stage: Stage[C]) -> C | None:
        """`do`, for a check: its failure is recorded and the run goes on."""
        try:
            result = self.do(stage)[0]
        except (TaskError, AssayError) as error:
            if isinstance(error, AssayError) and not isinstance(error, SourceError | ValueError):
                raise
            self.failed[kind] = str(error)
            self.progress.say(f"  check {kind!r} failed: {error}")
            return None
        self.notes += result.notes
        return result

    def _compare(self, stage: Stage[Any], left: int) -> None:
        """Say why something that was done before is done again."""
        old = self.before.get(stage.name)
        if old is None or not left:
            return
        if old["fingerprint"] == stage.fingerprint:
            kept = len(stage.shards) - left
            why = f"{left} of {len(stage.shards)} parts changed or unfinished, {kept} kept"
        else:
            new = stage.record()
            settings = [name for name in new["settings"] if new["settings"][name] != old["settings"].get(name)]
            before = old.get("inputs", old.get("reads", {}))
            inputs = [name for name in new["inputs"] if new["inputs"][name] != before.get(name)]
            changed = [*(f"setting {name}" for name in settings), *(f"new {name}" for name in inputs)]
            why = ", ".join(changed) or "this version of Assay computes it differently"
        self.redone[stage.name] = why
        self.progress.say(f"  {stage.name}: redone ({why})")
