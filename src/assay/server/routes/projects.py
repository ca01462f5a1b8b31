"""Projects: the list, one in full, new ones, their runs.

In: names, data to analyse. Out: projects and jobs. Does not know: rows.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from assay.checks import CHECK_BY_NAME, SENTENCES
from assay.columns import BY_NAME
from assay.errors import AssayError, NoProjectError, UsageError
from assay.server.look import look
from assay.server.routes.filters import Ask, Open, Person
from assay.server.routes.uploads import OPTIONS, place_of, reach, source_options
from assay.server.saved_views import delete_view, save_view, saved_views
from assay.server.schemas.projects import (
    CheckOut,
    ClassOut,
    ColumnOut,
    Created,
    Freed,
    Job,
    NewProject,
    ProjectItem,
    ProjectOut,
    RenameBody,
    Renamed,
    RunBody,
    RunPreview,
    SavedView,
)
from assay.server.services import Services
from assay.server.workspace import project_id, why
from assay.storage import Folder
from assay.storage.project_folder import PROJECT, latest_run

router = APIRouter(tags=["projects"])

PAUSE = 1.0  # seconds between two looks at a job


@router.get("/projects")
def projects(services: Ask) -> list[ProjectItem]:
    """Every project here, with how far it is resolved."""
    folders = dict(services.workspace.folders())
    for folder in services.jobs.projects():
        if folder.parent == services.workspace.folder:
            folders.setdefault(project_id(folder), folder)
    return [_item(name, folder, services) for name, folder in folders.items()]


@router.post("/projects", status_code=201)
def create(body: NewProject, services: Ask, person: Person) -> Created:
    """Analyse data as a new project. The data is looked at first, so that what cannot be read is said at once."""
    path = place_of(body, services)
    bounds = reach(path, services)
    options = source_options(body.options)
    seen = look(path, options, bounds, strict=True)
    folder = services.workspace.new_folder(body.name or seen.name)
    arguments = ["analyze", str(path), "-o", str(folder), "--log-json"]
    for name, value in body.options.items():
        if value:
            arguments.append(f"--{name}={value}")
    job = services.jobs.submit(folder, arguments, person, confined=bounds)
    found = services.jobs.latest(folder)
    assert found is not None and found.id == job
    return Created(id=project_id(folder), job=found)


@router.post("/projects/{project}/run", status_code=201)
def run_again(project: str, body: RunBody, services: Ask, person: Person) -> Created:
    """Analyse the same data again, from where a cancelled or failed run stopped, or with other columns, task or effort."""
    folder = _folder_of(project, services)
    source_options(body.options)
    plain, options, bounds = _last_run(folder, services)
    chosen = [f"--{name}={value}" for name, value in (options | body.options).items() if value]
    services.jobs.submit(folder, [*plain, *chosen], person, confined=bounds)
    found = services.jobs.latest(folder)
    assert found is not None
    return Created(id=project, job=found)


@router.post("/projects/{project}/run/preview")
def look_again(project: str, body: RunBody, services: Ask) -> RunPreview:
    """How the data of a project would be read if it were analysed again, and the options with which."""
    plain, options, bounds = _last_run(_folder_of(project, services), services)
    options = {name: value for name, value in (options | body.options).items() if value}
    return RunPreview(options=options, source=look(Path(plain[1]), source_options(options), bounds))


def _last_run(folder: Path, services: Services) -> tuple[list[str], dict[str, str], list[Path]]:
    """Of the newest run: its command without options of the data, these, and the folders that the data may reach."""
    told = services.jobs.command(folder)
    if told is None:
        raise UsageError("this project was analysed in the terminal: run assay analyze there again")
    arguments, bounds = told
    plain: list[str] = []
    options: dict[str, str] = {}
    for word in arguments:
        name, _, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and name in OPTIONS:
            options[name] = value
        else:
            plain.append(word)
    return plain, options, [Path(bound) for bound in bounds]


@router.get("/projects/{project}/views")
def views(opened: Open) -> list[SavedView]:
    """Filters that people saved by name."""
    return saved_views(Folder(opened.project.path))


@router.post("/projects/{project}/views")
def keep_view(body: SavedView, opened: Open, person: Person) -> list[SavedView]:
    """Save a view under a name; an older one of that name is replaced."""
    return save_view(Folder(opened.project.path), body.model_copy(update={"person": person}))


@router.delete("/projects/{project}/views")
def drop_view(name: str, opened: Open) -> list[SavedView]:
    return delete_view(Folder(opened.project.path), name)


@router.post("/projects/{project}/rename")
def rename(project: str, body: RenameBody, services: Ask) -> Renamed:
    """Another name, and so another folder and id."""
    folder = services.workspace.own_folder(_folder_of(project, services))
    if project_id(folder) and body.name == folder.name.removesuffix(".assay"):
        return Renamed(id=project)
    new = services.workspace.new_folder(body.name)
    new.rmdir()
    services.workspace.let_go(project)
    services.jobs.moved(folder, new)
    if folder.exists():
        folder.rename(new)
    return Renamed(id=project_id(new))


@router.get("/projects/{project}/size")
def size(project: str, services: Ask) -> Freed:
    """What deleting it would free."""
    return Freed(bytes=_bytes(_folder_of(project, services)))


@router.delete("/projects/{project}")
def delete(project: str, services: Ask) -> Freed:
    """Delete the project with every decision; the data that it was made of stays where it is."""
    folder = services.workspace.own_folder(_folder_of(project, services))
    freed = _bytes(folder)
    services.jobs.forget(folder)
    services.workspace.let_go(project)
    shutil.rmtree(folder, ignore_errors=True)
    return Freed(bytes=freed)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@router.get("/projects/{project}")
def one(project: str, services: Ask) -> ProjectOut:
    """What a page needs to know of a project before it asks for rows. Before its first run has ended: its job alone."""
    folder = _folder_of(project, services)
    job = services.jobs.latest(folder)
    if not _finished(folder):
        return ProjectOut(
            id=project, name=folder.name.removesuffix(".assay"), path=str(folder), modality="", task="", rows=0, classes=[],
            checks=[], columns=[], roles={}, splits=[], tags=[], people=[], notes=[], missing=[], findings=[],
            seconds=0.0, number=0, job=job,
        )  # fmt: skip
    opened = services.workspace.open(project)
    run, table = opened.project.run, opened.table
    state = opened.state()
    counts = table.class_counts
    return ProjectOut(
        id=project,
        name=folder.name.removesuffix(".assay"),
        path=opened.project.path,
        modality=run["modality"],
        task=run["task"],
        rows=run["n_rows"],
        classes=[ClassOut(value=value, count=int(count)) for value, count in zip(table.classes, counts, strict=True)],
        checks=[_check(record) for record in run["checks"]],
        columns=[ColumnOut.model_validate(column.to_json()) for column in table.columns],
        roles=run["roles"],
        splits=list(table.splits),
        tags=list(state.tags),
        people=opened.log.people(),
        notes=run["notes"],
        reading=run.get("reading", []),  # runs of older versions did not keep them apart
        missing=run["missing"],
        findings=opened.project.insights(),
        seconds=run["seconds"],
        number=state.number,
        job=job,
        cannot={name: why for name, why in opened.cannot.items() if why},
    )


def _check(record: dict[str, object]) -> CheckOut:
    known = CHECK_BY_NAME.get(str(record["name"]))
    kind = BY_NAME[known.flag].kind if known else "dataset"
    group = kind if kind in ("image", "text", "table") else "rows"
    return CheckOut(
        **record,  # type: ignore[arg-type]
        flag=known.flag if known else "",
        score=known.score if known else None,
        group=group if known else "dataset",
        letter=known.chip if known else "",
        tone=known.tone if known else "plain",
        harmless=known.harmless if known else False,
        sentence=SENTENCES.get(str(record["name"]), ""),
    )


def _item(name: str, folder: Path, services: Services) -> ProjectItem:
    job = services.jobs.latest(folder)
    active = job is not None and job.state in ("waiting", "running")
    bare = ProjectItem(
        id=name, name=folder.name.removesuffix(".assay"), path=str(folder), modality="", task="", rows=0, n_classes=0,
        issues=0, resolved=0, state="running" if active else "empty", error="", job=job,
        changed=_changed(folder),
    )  # fmt: skip
    if job is not None and job.state == "cancelled":
        bare = bare.model_copy(update={"state": "cancelled"})
    if job is not None and job.state == "failed":
        bare = bare.model_copy(update={"state": "failed", "error": job.error})
    try:
        if not _finished(folder):
            return bare
        opened = services.workspace.open(name)
        run = opened.project.run
        counted = opened.views.facets(None, opened.state())["presets"]
    except AssayError as error:
        return bare.model_copy(update={"state": "damaged", "error": why(error)})
    return bare.model_copy(
        update={
            "modality": run["modality"], "task": run["task"], "rows": run["n_rows"],
            "n_classes": len(run["classes"]), "issues": counted["issues"], "resolved": counted["issues"] - counted["open"],
            "state": "running" if active else "ready",
        }
    )  # fmt: skip


def _changed(folder: Path) -> float | None:
    """When a run or a decision was last written, in seconds since the epoch."""
    times = [path.stat().st_mtime for path in (folder, folder / "runs", folder / "state.sqlite") if path.exists()]
    return max(times, default=None)


# runs ------------------------------------------------------------------------------------------------------------


def _finished(folder: Path) -> bool:
    return (folder / PROJECT).exists() and latest_run(Folder(folder)) is not None


def _folder_of(project: str, services: Services) -> Path:
    folders = services.workspace.folders()
    if project in folders:
        return folders[project]
    for folder in services.jobs.projects():
        if project_id(folder) == project:
            return folder
    raise NoProjectError(f"there is no project {project!r} here")


@router.get("/projects/{project}/job")
def job(project: str, services: Ask) -> Job | None:
    """The newest run of a project."""
    return services.jobs.latest(_folder_of(project, services))


@router.post("/projects/{project}/cancel")
def cancel(project: str, services: Ask) -> Job | None:
    """Stop its run; finished work is kept."""
    folder = _folder_of(project, services)
    services.jobs.cancel(folder)
    return services.jobs.latest(folder)


@router.get("/projects/{project}/events", response_class=StreamingResponse)
async def events(project: str, request: Request, services: Ask) -> StreamingResponse:
    """Server-sent events: the job whenever it changes, and the number of the newest decision."""
    folder = await asyncio.to_thread(_folder_of, project, services)

    async def told() -> AsyncIterator[str]:
        before = ""
        while not await request.is_disconnected():
            now = await asyncio.to_thread(_now, folder, project, services)
            if now != before:
                yield f"data: {now}\n\n"
                before = now
            else:
                yield ": still here\n\n"
            await asyncio.sleep(PAUSE)

    return StreamingResponse(told(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _now(folder: Path, project: str, services: Services) -> str:
    job = services.jobs.latest(folder)
    number = None
    try:
        if _finished(folder):
            number = services.workspace.open(project).state().number
    except AssayError:
        pass
    return json.dumps({"job": None if job is None else job.model_dump(), "number": number})
