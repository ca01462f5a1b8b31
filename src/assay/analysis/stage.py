"""A stage of one run, its shards and markers: what is done is known from files alone, so any run can resume any other.

In: a stage function, fingerprints of its inputs, its shards. Out: files below stages/, then a marker.
Does not know: where tasks run, what they compute.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from assay.analysis.executor import Task
from assay.stages.stage import StageFunction, find_stage, settings_of
from assay.storage import Folder
from assay.storage.checksums import FILES as CHECKSUMS

R = TypeVar("R")
SINGLE = "all"
MEGABYTE = 1 << 20 if sys.platform == "darwin" else 1 << 10  # ru_maxrss counts bytes on macOS, KiB on Linux


def fingerprint(value: object) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Shard:
    """One unit of work. ``key`` names its files; ``rows`` is its size for the progress bar."""

    key: str
    spec: Any
    rows: int = 0


@dataclass(frozen=True)
class Stage(Generic[R]):
    """A stage function with what it is to read and make in this run.

    ``inputs`` (name -> output fingerprint), the version of the function and the settings of its spec are hashed into the
    stage's own fingerprint. A row-local stage leaves the dataset out of ``inputs`` and has its rows' content in the
    shard keys, so that a changed file costs one shard.
    """

    name: str
    function: StageFunction[Any, R]
    inputs: Mapping[str, str] = field(default_factory=dict)
    shards: tuple[Shard, ...] = ()

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the spec of every shard says alike."""
        return settings_of(self.shards[0].spec) if self.shards else {}

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint([self.name, self.function.version, dict(self.inputs), self.settings])

    @property
    def base(self) -> str:
        return f"stages/{self.name}/{self.fingerprint}"

    @cached_property
    def output(self) -> str:
        """Fingerprint of what the stage leaves behind."""
        return fingerprint([self.fingerprint, [shard.key for shard in self.shards]])

    def prefix(self, key: str = SINGLE) -> str:
        """Beginning of the names of a shard's files."""
        return f"{self.base}/{key}"

    @property
    def prefixes(self) -> tuple[str, ...]:
        return tuple(self.prefix(shard.key) for shard in self.shards)

    def record(self) -> dict[str, Any]:
        """What the run's manifest keeps of the stage."""
        return {
            "fingerprint": self.fingerprint,
            "inputs": dict(self.inputs),
            "settings": self.settings,
            "version": self.function.version,
            "shards": [shard.key for shard in self.shards],
        }


def single_shard(
    name: str, function: StageFunction[Any, R], spec: Any, *, inputs: Mapping[str, str], rows: int = 0
) -> Stage[R]:
    """A stage of one shard."""
    return Stage(name, function, dict(inputs), (Shard(SINGLE, spec, rows),))


def pending(stage: Stage[Any], folder: Folder) -> list[Shard]:
    """Shards that are not done: without a marker, or whose files are not all there and as they were written."""
    done = {name for name in folder.names(stage.base) if name.endswith(".done")}
    return [
        shard
        for shard in stage.shards
        if f"{shard.key}.done" not in done or not folder.is_whole(f"{stage.prefix(shard.key)}.done")
    ]


def tasks(stage: Stage[Any], shards: Sequence[Shard], folder: Folder) -> list[Task]:
    return [
        Task(
            "assay.analysis.stage:run_shard",
            str(folder.root),
            {
                "stage": stage.function.dotted,
                "prefix": stage.prefix(shard.key),
                "spec": stage.function.spec_to_json(shard.spec),
            },
            f"{stage.name} {shard.key}",
            stage.function.dotted.partition(":")[0],
        )
        for shard in shards
    ]


def run_shard(folder: Folder, message: dict[str, Any]) -> dict[str, Any]:
    """Runs in a worker: the stage's function, then the marker with its result, version and cost."""
    function = find_stage(message["stage"])
    started, cpu = time.perf_counter(), time.process_time()
    reset_peak()
    with folder.recording() as written:
        result = function.run_json(folder, message["prefix"], message["spec"])
    record = {
        CHECKSUMS: folder.listed(written),
        "result": result,
        "version": function.version,
        "wall_seconds": round(time.perf_counter() - started, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_megabytes": peak_megabytes(),
    }
    folder.put_json(f"{message['prefix']}.done", record)
    return record


def reset_peak() -> None:
    """Forget the largest memory so far, so that a stage is charged for itself and not for the one before (Linux)."""
    try:
        with open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123
            file.write("5")
    except OSError:
        return


def peak_megabytes() -> int:
    """The largest resident memory since `reset_peak`; where that is unknown, since the process began."""
    try:
        with open("/proc/self/status") as file:  # noqa: PTH123
            peak = next(line for line in file if line.startswith("VmHWM"))
        return round(int(peak.split()[1]) / 1024)
    except (OSError, StopIteration):
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE)


def results(stage: Stage[R], folder: Folder) -> list[tuple[R, dict[str, Any]]]:
    """(result, marker) of all shards, in order."""
    records = [folder.get_json(f"{prefix}.done") for prefix in stage.prefixes]
    return [(stage.function.result_from_json(record["result"]), record) for record in records]
