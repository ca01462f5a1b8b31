"""Looking at data before it is analysed.

In: a path or a finished upload. Out: how its columns are read, and its first rows. Does not know: analyses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter

from assay.errors import UsageError
from assay.server.look import ROLES, look
from assay.server.routes.filters import Ask
from assay.server.schemas.projects import SourceBody, SourcePreview
from assay.server.services import Services

router = APIRouter(tags=["sources"])

EFFORTS = ("fast", "regular", "best")
OPTIONS = frozenset({"modality", "features", "effort", *ROLES})  # of a run, that may be named here


@router.post("/sources/preview")
def preview(body: SourceBody, services: Ask) -> SourcePreview:
    """How the data would be read: roles, classes, the first rows."""
    path = place_of(body, services)
    return look(path, source_options(body.options), reach(path, services))


def place_of(body: SourceBody, services: Services) -> Path:
    if (body.path is None) == (body.upload is None):
        raise UsageError("name the data: either a path or an upload")
    return services.uploads.path(body.upload) if body.upload else services.workspace.readable(body.path or "")


def reach(path: Path, services: Services) -> tuple[Path, ...]:
    """What data may read: an upload its own files; data that somebody named by its path the folders allowed."""
    return (path.parent,) if services.uploads.holds(path) else services.workspace.allow


def source_options(options: dict[str, str]) -> dict[str, Any]:
    """The words of `open_source` among the options; an unknown one is an error."""
    for name in options:
        if name not in OPTIONS:
            raise UsageError(f"unknown option {name!r}; choose of {', '.join(sorted(OPTIONS))}")
    if options.get("effort", "regular") not in EFFORTS:
        raise UsageError(f"unknown effort {options['effort']!r}; choose of {', '.join(EFFORTS)}")
    out: dict[str, Any] = {name: options[name] for name in ("modality", *ROLES) if options.get(name)}
    if options.get("features"):
        out["features"] = [name.strip() for name in options["features"].split(",") if name.strip()]
    return out
