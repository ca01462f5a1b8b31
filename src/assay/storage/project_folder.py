"""What a project folder is, and the small JSON files at its top.

In: a `Folder`. Out: project.json and runs/NNNN.json as dicts. Does not know: how a run computes what it records.

    name.assay/
      project.json               format version, uuid, the newest run
      lock                       held while an analysis works
      dataset/<fp>/              rows, cells, blobs: Parquet parts
      stages/<stage>/<fp>/       shards, each published before its marker <key>.done
      views.json                 filters that people saved by name, where they did
      runs/0001.json             immutable: what ran, was skipped, failed; which fingerprints
"""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path
from typing import Any

from assay.errors import ProjectError, UsageError
from assay.storage import Folder
from assay.storage.checksums import json_bytes
from assay.storage.log_digests import projects_of
from assay.storage.log_seal import ENDING as SEAL_ENDING

FORMAT = 1
PROJECT = "project.json"
STATE = "state.sqlite"  # the decisions
SEAL = f"{STATE}{SEAL_ENDING}"
STATES = (STATE, SEAL, *(f"{STATE}{ending}" for ending in ("-wal", "-shm", ".lock")))  # and what lies beside them
VIEWS = "views.json"  # filters that people saved by name


def read_project(folder: Folder) -> dict[str, Any]:
    """project.json of an existing project; `ProjectError` if it is none, newer, or damaged."""
    if not folder.root.is_dir():
        raise ProjectError(f"there is no project at {folder.root}; make one with: assay analyze DATA -o {folder.root}")
    if not folder.exists(PROJECT):
        raise ProjectError(f"{folder.root} is not an Assay project (it has no {PROJECT})")
    project = folder.get_json(PROJECT)
    version = project.get("format") if isinstance(project, dict) else None
    if not isinstance(version, int):
        raise ProjectError(f"{folder.path(PROJECT)} is damaged: it states no format; restore it or start a new project")
    if version > FORMAT:
        raise ProjectError(
            f"{folder.root} was written by a newer Assay (format {version}, this one knows {FORMAT}); "
            "upgrade with: pip install -U assay"
        )
    return dict(project)


def require_project_folder(folder: Folder) -> None:
    """`ProjectError` for a folder that holds something else, or a project this version cannot go on with."""
    if folder.exists(PROJECT):
        read_project(folder)
        return
    if folder.root.exists() and not folder.root.is_dir():
        raise ProjectError(f"{folder.root} is a file; choose another place with -o")
    ours = ("lock", "dataset", "stages", "runs", VIEWS, *STATES)
    strangers = [name for name in folder.names() if name not in ours]
    if strangers:
        raise ProjectError(
            f"{folder.root} exists and is not an Assay project (it holds {strangers[0]!r}); choose another place with -o"
        )


def refuse_source(path: str | os.PathLike[str], root: Path, run: dict[str, Any]) -> None:
    """`UsageError` if ``path`` lies in the project folder ``root`` or in the data that ``run`` analysed."""
    target = Path(path).resolve()
    if target.is_relative_to(root.resolve()):
        raise UsageError(f"{path} lies in the project folder; choose another place")
    if not run.get("origin"):  # a frame in memory
        return
    origin = Path(run["origin"])
    if target == origin and not origin.is_dir():
        raise UsageError(f"{path} is the data that was analysed, which stays as it is; choose another place")
    if target.is_relative_to(origin):
        what = "pictures" if run["modality"] == "image" else "files"
        raise UsageError(f"{path} lies among the {what} of {origin}, which stay as they are; choose another place")


def ensure_project(folder: Folder) -> dict[str, Any]:
    """project.json, written now if the folder is new; if it was lost, anew from the record of the newest run, or from whose
    decisions there are."""
    require_project_folder(folder)
    if folder.exists(PROJECT):
        return read_project(folder)
    last = newest_readable_run(folder) or {}
    decided = projects_of(folder.path(STATE)) if not last and folder.exists(STATE) else []
    name = last.get("uuid") or (decided[0] if len(decided) == 1 else str(uuid.uuid4()))
    project = {"format": FORMAT, "uuid": name, "latest_run": last.get("run")}
    folder.put_json(PROJECT, project)
    return project


def start_anew(folder: Folder) -> None:
    """The project becomes one of another source: a new id, so that no decision of the old one is its own, and no run.

    Runs and decisions stay on disk; project.json names the ids that the project had.
    """
    project = read_project(folder)
    had = [*project.get("replaced", []), project["uuid"]]
    folder.put_json(PROJECT, project | {"uuid": str(uuid.uuid4()), "latest_run": None, "replaced": had})


def run_name(number: int) -> str:
    return f"runs/{number:04d}.json"


def latest_run(folder: Folder) -> dict[str, Any] | None:
    """The record of the newest finished run, or None."""
    number = read_project(folder).get("latest_run")
    if not number:
        return None
    name = run_name(int(number))
    record = folder.get_json(name)
    if not isinstance(record, dict):
        raise ProjectError(f"{folder.path(name)} is damaged; delete it and run the analysis again: other work is kept")
    return dict(record)


def newest_readable_run(folder: Folder) -> dict[str, Any] | None:
    """The record of the newest run that is there and whole; None where there is none."""
    for number in sorted(_run_numbers(folder), reverse=True):
        with contextlib.suppress(ProjectError):
            record = folder.get_json(run_name(number))
            if isinstance(record, dict) and record.get("run") == number:
                return record
    return None


def record_run(folder: Folder, run: dict[str, Any]) -> int:
    """Write the next runs/NNNN.json, which nothing ever writes over, and point project.json at it."""
    number = max(_run_numbers(folder), default=0) + 1
    project = read_project(folder)
    whose = {"uuid": project.get("uuid", "")}
    while not folder.put_if_absent(run_name(number), json_bytes(run | whose | {"run": number})):
        number += 1
    folder.put_json(PROJECT, project | {"latest_run": number})
    return number


def _run_numbers(folder: Folder) -> list[int]:
    return [int(name[:4]) for name in folder.names("runs") if name[:4].isdigit() and name[4:] == ".json"]
