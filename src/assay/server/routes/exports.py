"""The dataset, fixed, as a file to save.

In: what to export. Out: the file, streamed. Does not know: how it is written.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from assay.query import Filter
from assay.server.routes.filters import Open
from assay.server.schemas.projects import ExportBody
from assay.server.workspace import Opened

router = APIRouter(prefix="/projects/{project}", tags=["export"])

BLOCK = 1 << 20
KINDS = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
}


@router.post("/export", response_class=StreamingResponse)
def export(body: ExportBody, opened: Open) -> StreamingResponse:
    """The user's columns with the final labels; folders come as a ZIP."""
    scratch = Path(tempfile.mkdtemp(prefix="assay-export-"))
    try:
        name = _name(opened, body)
        tree = body.format in ("folder", "hf")
        target = scratch / (name if tree else f"{name}.{body.format}")
        rows = None
        if body.filter is not None and body.filter.plain():
            rows = opened.views.mask(Filter.from_json(body.filter.plain()), opened.state())
        opened.project.export(
            str(target),
            fix=body.fix,
            format=body.format,
            columns=body.columns,
            keep_excluded=body.keep_excluded,
            only_corrections=body.only_corrections,
            csv_guard=body.csv_guard,
            at=body.at,
            rows=rows,
        )
        if tree:
            target = Path(shutil.make_archive(str(scratch / name), "zip", target))
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return StreamingResponse(
        _sent(target, scratch),
        media_type=KINDS.get(body.format, "application/zip"),
        headers={
            "Content-Disposition": f'attachment; filename="{_plain(target.name)}"',
            "Content-Length": str(target.stat().st_size),
        },
    )


def _name(opened: Opened, body: ExportBody) -> str:
    """Project, what is in it, when: two exports are told apart in a folder of downloads."""
    filtered = body.filter is not None and body.filter.plain()
    what = "corrections" if body.only_corrections else "filtered" if filtered else "clean"
    at = "" if body.at is None else f"-entry{body.at}"
    return f"{opened.project.name}-{what}{at}-{time.strftime('%Y%m%d-%H%M')}"


def _sent(target: Path, scratch: Path) -> Iterator[bytes]:
    try:
        with target.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _plain(name: str) -> str:
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name)
