"""The projects a server shows: found in folders, opened once, read again when a new run has ended.

In: project folders. Out: `Opened` projects. Does not know: HTTP, who asks.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from assay.actions import ActionLog, State
from assay.detail import Details
from assay.errors import AssayError, NoProjectError, NotAllowedError
from assay.export import why_no_hugging_face, why_no_second_labels
from assay.project import Project
from assay.query import Filter, ReviewTable, Sort, View, Views
from assay.similar import EmbeddingMap, embedding_map, why_not_comparable
from assay.storage import Folder
from assay.storage.project_folder import PROJECT, latest_run

OPEN = 4  # projects held in memory at once


class Opened:
    """One project in memory. ``lock``: for what is not safe to ask from two threads at once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.run_number, self.folder = int(project.run["run"]), _folder(Path(project.path))
        self.lock = threading.RLock()
        self._loading, self._drawing = threading.Lock(), threading.Lock()
        self._views: Views | None = None
        self._map: EmbeddingMap | None = None

    @property
    def views(self) -> Views:
        """Loaded by whoever asks first; the others wait."""
        with self._loading:
            if self._views is None:
                self._views = Views(ReviewTable.load(self.project))
            return self._views

    @property
    def table(self) -> ReviewTable:
        return self.views.table

    @cached_property
    def details(self) -> Details:
        return Details(self.table, self.views.neighborhood)

    @cached_property
    def cannot(self) -> dict[str, str]:
        """What this project or this installation cannot do -> why, "" = it can."""
        return {
            "like": why_not_comparable(self.project),
            "hf": why_no_hugging_face(),
            "both": why_no_second_labels(self.project),
        }

    def warm(self) -> None:
        """What the first page asks for."""
        state = self.state()
        self.views.view(None, None, state)
        self.views.facets(None, state)
        _ = self.table.columns, self.table.class_counts

    @property
    def log(self) -> ActionLog:
        return self.project.log

    def state(self) -> State:
        return self.log.state()

    def view(self, filter: Filter, sort: Sort | None, seen: int | None = None) -> tuple[View, State]:
        """The rows of a filter in the order of a sort, and the state they were chosen by: now, or after entry ``seen``."""
        state = self.state()
        if seen is not None and seen < state.number:
            state = self.log.state(seen)
        return self.views.view(filter, sort, state), state

    def map(self) -> EmbeddingMap:
        """The map of all present rows. Made once, some ten seconds; others wait for it, not for anything else."""
        with self._drawing:
            if self._map is None:
                self._map = embedding_map(self.views.neighborhood, self.table.present)
            return self._map

    def picture(self, row: int) -> bytes:
        """A picture's original bytes, from where its dataset may read."""
        return self.project.open_bytes(row)


@dataclass
class Workspace:
    """``named``: project folders shown whatever lies around them; ``folder``: shows its projects, and takes new ones.

    ``allow``: folders whose data new projects may analyse.
    """

    home: Path
    folder: Path
    named: tuple[Path, ...] = ()
    allow: tuple[Path, ...] = ()
    _opened: OrderedDict[str, Opened] = field(default_factory=OrderedDict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def folders(self) -> dict[str, Path]:
        """Project folders by id, the user's own first."""
        found = [*self.named]
        if self.folder.is_dir():
            inside = sorted(self.folder.iterdir(), key=lambda path: path.name)
            found += [path for path in inside if path.is_dir() and (path / PROJECT).is_file()]
        return {project_id(path): path for path in found}

    def folder_of(self, project: str) -> Path:
        folder = self.folders().get(project)
        if folder is None:
            raise NoProjectError(f"there is no project {project!r} here")
        return folder

    def open(self, project: str) -> Opened:
        """The project's newest run. Kept open; the least recently asked is let go."""
        folder = self.folder_of(project)
        with self._lock:
            run = latest_run(Folder(folder))
            kept = self._opened.get(project)
            # the same path may hold another folder than before, and other decisions
            if (
                kept is None
                or run is None
                or (kept.folder, kept.run_number) != (_folder(folder), int(run["run"]))
                or kept.log.is_replaced
            ):
                if kept is not None:
                    kept.log.close()
                kept = Opened(Project(folder))
                self._opened[project] = kept
            self._opened.move_to_end(project)
            while len(self._opened) > OPEN:
                self._opened.popitem(last=False)
            return kept

    @property
    def start(self) -> str | None:
        """The project that the server was started for, where it was one."""
        return project_id(self.named[0]) if len(self.named) == 1 else None

    def warm(self) -> None:
        """Load the first of the named projects, while the browser starts. What is wrong with it is told when it is asked for."""
        with contextlib.suppress(AssayError):
            for folder in self.named[:1]:
                self.open(project_id(folder)).warm()

    def own_folder(self, folder: Path) -> Path:
        """A project that this server may move or delete: one of its own folder, not one that somebody named by its path."""
        if folder.parent.resolve() != self.folder.resolve():
            raise NotAllowedError(f"{folder.name} lies outside the folder of this server: move or delete it there")
        return folder

    def let_go(self, project: str) -> None:
        """Keep it open no longer."""
        with self._lock:
            self._opened.pop(project, None)

    def new_folder(self, name: str) -> Path:
        """A new, empty folder for a project of this name."""
        base = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "data"
        self.folder.mkdir(parents=True, exist_ok=True)
        count = 1
        while True:
            folder = self.folder / (f"{base}.assay" if count == 1 else f"{base}-{count}.assay")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
            count += 1

    def readable(self, path: str) -> Path:
        """The data behind a path that somebody typed; only below the folders that the server was told to allow."""
        try:
            data = Path(path).expanduser().resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a zero byte, too long a name, a user who does not exist
            raise NotAllowedError(f"there is no path {path[:80]!r}") from error
        if not any(data.is_relative_to(root.resolve()) for root in self.allow):
            allowed = ", ".join(str(root) for root in self.allow)
            hint = f"it may read below {allowed}" if allowed else "start it with --allow FOLDER to let it read there"
            raise NotAllowedError(f"this server may not read {path}; {hint}")
        return data


def _folder(folder: Path) -> tuple[int, int]:
    """Which folder lies at a path, whatever its name."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def project_id(folder: Path) -> str:
    """Readable, and the same as long as the folder stays where it is."""
    base = re.sub(r"[^a-z0-9]+", "-", folder.name.removesuffix(".assay").lower()).strip("-")[:40] or "project"
    return f"{base}-{hashlib.blake2b(str(folder.resolve()).encode(), digest_size=3).hexdigest()}"


def why(error: Exception) -> str:
    return str(error) if isinstance(error, AssayError) else f"{type(error).__name__}: {error}"
