"""Looking at data before it is analysed.

In: a path or a finished upload. Out: how its columns are read, and its first rows. Does not know: analyses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter

from assay.errors import UsageError
from assay.server.routes.filters import Ask
from assay.server.schemas.projects import SourceBody, SourcePreview
from assay.server.services import Services
from assay.sources import Source, open_source
from assay.sources.sandbox import confined

router = APIRouter(tags=["sources"])

FIRST = 20
EFFORTS = ("fast", "regular", "best")
ROLES = ("label", "text", "image", "id", "split")


@router.post("/sources/preview")
def preview(body: SourceBody, services: Ask) -> SourcePreview:
    """How the data would be read: roles, classes, the first rows."""
    path = place_of(body, services)
    options = source_options(body.options)
    with confined(*reach(path, services)):
        try:
            return _shown(open_source(str(path), **options))
        except UsageError as error:
            if "label" in options:
                raise
            # a label that was guessed and does not do: shown without, so that the person can choose
            shown = _shown(open_source(str(path), **options, label="none"))
            shown.notes.insert(0, f"labels are left out for now: {error}")
            return shown


def place_of(body: SourceBody, services: Services) -> Path:
    if (body.path is None) == (body.upload is None):
        raise UsageError("name the data: either a path or an upload")
    return services.uploads.path(body.upload) if body.upload else services.workspace.readable(body.path or "")


def reach(path: Path, services: Services) -> tuple[Path, ...]:
    """What data may read: an upload its own files; data that somebody named by its path the folders allowed."""
    return (path.parent,) if services.uploads.holds(path) else services.workspace.allow


def source_options(options: dict[str, str]) -> dict[str, Any]:
    """The words of `open_source` among the options; an unknown one is an error."""
    known = {"modality", "features", "effort", *ROLES}
    for name in options:
        if name not in known:
            raise UsageError(f"unknown option {name!r}; choose of {', '.join(sorted(known))}")
    if options.get("effort", "regular") not in EFFORTS:
        raise UsageError(f"unknown effort {options['effort']!r}; choose of {', '.join(EFFORTS)}")
    out: dict[str, Any] = {name: options[name] for name in ("modality", *ROLES) if options.get(name)}
    if options.get("features"):
        out["features"] = [name.strip() for name in options["features"].split(",") if name.strip()]
    return out


def _shown(source: Source) -> SourcePreview:
    first = source.cells.slice(0, FIRST)
    rows: list[dict[str, Any]] = [{} for _ in range(min(FIRST, len(source.ids)))]
    for name in first.column_names:
        for row, value in zip(rows, first[name].to_pylist(), strict=False):
            row[name] = None if value is None else str(value)[:200]
    for place, row in enumerate(rows):
        row.setdefault("id", str(source.ids[place].as_py()))
        if source.given is not None and (source.roles.label is None or source.roles.label not in row):
            row["label"] = source.given[place].as_py()
    from assay.dataset.dataset import classes_of

    classes = classes_of(source.given)
    return SourcePreview(
        name=source.name,
        modality=source.modality,
        roles={name: getattr(source.roles, name) for name in (*ROLES, "features")},
        n_rows=len(source.ids),
        classes=classes[:200],
        n_classes=len(classes),
        notes=source.notes,
        columns=[{"name": name, "kind": str(first.schema.field(name).type)} for name in first.column_names],
        rows=rows,
    )
