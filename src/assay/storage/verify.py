"""Is a project what was written? Every file is read and compared with its checksum.

In: a project folder. Out: `Fault`s, each with what to do. Does not know: what the files mean, the source data.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import ProjectError
from assay.storage.checksums import DATASET, MARKER, faults_of, guarded, json_bytes, parse_json
from assay.storage.folder import TEMPORARY, Folder
from assay.storage.log_digests import faults_of_database
from assay.storage.log_seal import read_seal, unlike_seal
from assay.storage.project_folder import PROJECT, SEAL, STATE, STATES, latest_run, run_name

AGAIN = "delete it and run the analysis again: other work is kept"


@dataclass(frozen=True)
class Fault:
    """``name``: relative to the project. ``advice``: what to do."""

    name: str
    what: str
    advice: str = AGAIN

    def __str__(self) -> str:
        return f"{self.name} is {self.what}; {self.advice}"


@dataclass(frozen=True)
class Verified:
    """``files`` that were compared; ``unguarded``: that have no checksum, because no finished stage speaks of them."""

    files: int
    faults: list[Fault]
    unguarded: list[str]


def verify_project(folder: Folder) -> Verified:
    """Compare everything. Cost: every file is read once."""
    faults: dict[str, Fault] = {}
    seen: set[str] = {"lock", *STATES}
    names = _names(folder.root)
    for name in names:
        if name == PROJECT or (name.endswith((MARKER, ".json")) and not _inside_a_stage(name)):
            record = _record(folder, name, faults)
            seen.add(name)
            below = Path(name).parent.as_posix()
            for file in guarded(record):
                seen.add(f"{below}/{file}")
            for file, what in faults_of(record, folder.root / below).items():
                whole = f"{below}/{file}"
                advice = "run the analysis again: other work is kept" if what == "missing" else AGAIN
                faults[whole] = Fault(whole, what, advice)
    _required(folder, set(names), faults)
    for fault in _decisions(folder.path(STATE)):
        faults[fault.name] = fault
    unguarded = [name for name in names if name not in seen]
    return Verified(len(seen & set(names)), [faults[name] for name in sorted(faults)], unguarded)


def _decisions(file: Path) -> Iterator[Fault]:
    """The log as its entries and its seal have it."""
    seal, copy = None, "restore it from a copy: it holds the decisions"
    try:
        seal = read_seal(file)
    except (ValueError, RecursionError):
        yield Fault(SEAL, "damaged", "delete it: the next decision makes it anew")
    if not file.exists():
        if seal is not None:
            yield Fault(STATE, "missing", f"restore it from a copy, or delete {SEAL} to go on without decisions")
        return
    damaged, unlike = faults_of_database(file), None
    if seal is not None and not damaged:
        try:
            unlike = unlike_seal(file, seal)
        except (sqlite3.Error, TypeError) as error:
            damaged = [f"the file itself: {error}"]
    if damaged:
        more = f" and {len(damaged) - 3} more" if len(damaged) > 3 else ""
        yield Fault(STATE, f"damaged ({', '.join(damaged[:3])}{more})", copy)
    elif unlike == "lost":
        what = "not the newest: entries that were in it are missing"
        yield Fault(STATE, what, f"restore a newer copy; where there is none, delete {SEAL} to go on with this one")
    elif unlike == "changed":
        what = "damaged outside of its entries, which are whole"
        yield Fault(STATE, what, f"delete {SEAL} to keep it as it is, or restore it from a copy")


def _names(root: Path) -> list[str]:
    """All files, links not followed; what killed processes left aside."""
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if not path.name.startswith(TEMPORARY) and (path.is_symlink() or path.is_file())
    )


def _inside_a_stage(name: str) -> bool:
    """JSON that a stage wrote is guarded by its marker."""
    return name.startswith("stages/") and name.endswith(".json")


def _record(folder: Folder, name: str, faults: dict[str, Fault]) -> dict[str, Any]:
    """A JSON object, compared with its own checksum to the last byte; {} where it cannot be used."""
    try:
        data = folder.read(name)
        value = parse_json(data)
        if not isinstance(value, dict):
            raise ValueError("it is no object")
        if json_bytes(value) != data:
            raise ValueError("its checksum does not fit")
    except (OSError, ValueError, RecursionError, ProjectError):
        faults[name] = Fault(name, "damaged")
        return {}
    return value


def _required(folder: Folder, names: set[str], faults: dict[str, Fault]) -> None:
    """What the newest run stands on and is not there."""
    run: dict[str, Any] | None = None
    with contextlib.suppress(ProjectError):
        run = latest_run(folder)
    if PROJECT not in names:
        faults[PROJECT] = Fault(PROJECT, "missing", "run the analysis again: it is made anew")
    if run is None:
        with contextlib.suppress(ProjectError):
            number = folder.get_json(PROJECT).get("latest_run")
            if number and run_name(int(number)) not in names:
                faults[run_name(int(number))] = Fault(run_name(int(number)), "missing", "run the analysis again")
        return
    wanted = [f"dataset/{run['dataset']}/{DATASET}"]
    for stage, record in run.get("stages", {}).items():
        wanted += [f"stages/{stage}/{record['fingerprint']}/{key}{MARKER}" for key in record["shards"]]
    for name in wanted:
        if name not in names:
            faults[name] = Fault(name, "missing", "run the analysis again: other work is kept")
