"""Stages, shards and markers: what is done is known from files alone, so any run can resume any other.

In: a function's name, what it reads (fingerprints), its settings, its shards. Out: files below stages/, then a marker.
Does not know: where tasks run, what they compute.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from assay.analysis.executor import Task
from assay.storage import Folder

WHOLE = "all"
MEGABYTE = 1 << 20 if sys.platform == "darwin" else 1 << 10  # ru_maxrss counts bytes on macOS, KiB on Linux


def fingerprint(value: object) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Shard:
    """One unit of work. ``key`` names its files; ``rows`` is its size for the progress bar."""

    key: str
    spec: dict[str, Any]
    rows: int = 0


@dataclass(frozen=True)
class Stage:
    """``fn`` is called as ``fn(folder, place, spec)`` and writes files whose names begin with ``place``.

    ``reads`` (stage -> output fingerprint) and ``settings`` are hashed into the stage's own fingerprint. A row-local
    stage leaves the dataset out of ``reads`` and has its rows' content in the shard keys, so that a changed file
    costs one shard.
    """

    name: str
    fn: str
    settings: dict[str, Any]
    reads: dict[str, str] = field(default_factory=dict)
    shards: tuple[Shard, ...] = ()
    version: int = 1

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint([self.name, self.version, self.reads, self.settings])

    @property
    def base(self) -> str:
        return f"stages/{self.name}/{self.fingerprint}"

    @cached_property
    def output(self) -> str:
        """Fingerprint of what the stage leaves behind."""
        return fingerprint([self.fingerprint, [shard.key for shard in self.shards]])

    def place(self, key: str = WHOLE) -> str:
        return f"{self.base}/{key}"

    @property
    def places(self) -> list[str]:
        return [self.place(shard.key) for shard in self.shards]

    def record(self) -> dict[str, Any]:
        """What the run's manifest keeps of the stage."""
        return {
            "fingerprint": self.fingerprint,
            "reads": self.reads,
            "settings": self.settings,
            "version": self.version,
            "shards": [shard.key for shard in self.shards],
        }


def whole(
    name: str,
    fn: str,
    spec: Mapping[str, Any],
    *,
    settings: Mapping[str, Any],
    reads: Mapping[str, str],
    rows: int = 0,
    version: int = 1,
) -> Stage:
    """A stage of one shard. ``spec`` may hold what does not change the result (threads, places)."""
    assert not set(spec) & set(settings), f"{name}: a setting would hide {set(spec) & set(settings)}"
    shard = Shard(WHOLE, dict(spec) | dict(settings), rows)
    return Stage(name, fn, dict(settings), dict(reads), (shard,), version)


def pending(stage: Stage, folder: Folder) -> list[Shard]:
    """Shards without a marker."""
    done = {name for name in folder.names(stage.base) if name.endswith(".done")}
    return [shard for shard in stage.shards if f"{shard.key}.done" not in done]


def tasks(stage: Stage, shards: Sequence[Shard], folder: Folder) -> list[Task]:
    fn = "assay.analysis.stage:run_shard"
    return [
        Task(
            fn,
            str(folder.root),
            {"fn": stage.fn, "place": stage.place(shard.key), "spec": shard.spec},
            f"{stage.name} {shard.key}",
        )
        for shard in shards
    ]


def run_shard(folder: Folder, message: dict[str, Any]) -> dict[str, Any]:
    """Runs in a worker: the stage's function, then the marker with its result and cost."""
    module, _, name = message["fn"].partition(":")
    started, cpu = time.perf_counter(), time.process_time()
    result = getattr(importlib.import_module(module), name)(folder, message["place"], message["spec"])
    record = {
        "result": result,
        "wall_seconds": round(time.perf_counter() - started, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE),
    }
    folder.put_json(f"{message['place']}.done", record)
    return record


def results(stage: Stage, folder: Folder) -> list[dict[str, Any]]:
    """The markers of all shards, in order."""
    return [folder.get_json(f"{place}.done") for place in stage.places]
