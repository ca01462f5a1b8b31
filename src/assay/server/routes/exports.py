"""The dataset, fixed, as a file to save.

In: what to export. Out: the file, streamed. Does not know: how it is written.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from numpy.typing import NDArray

from assay.export import preview_export
from assay.server.routes.filters import Open
from assay.server.schemas.projects import DroppedCopy, ExportBody, ExportPreview
from assay.server.workspace import Opened

router = APIRouter(prefix="/projects/{project}", tags=["export"])

BLOCK = 1 << 20
SHOWN = 200  # copies that are listed
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
        opened.project.export(
            str(target),
            fix=body.fix,
            format=body.format,
            columns=body.columns,
            keep_excluded=body.keep_excluded,
            only_corrections=body.only_corrections,
            csv_guard=body.csv_guard,
            at=body.at,
            rows=_rows(body, opened),
            drop_duplicates=body.drop_duplicates,
            drop_share=body.drop_share,
            both_labels=body.both_labels,
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


@router.post("/export/preview")
def preview(body: ExportBody, opened: Open) -> ExportPreview:
    """What the export would change and leave out, copies one by one; nothing is written."""
    found = preview_export(
        opened.project,
        opened.log,
        fix=body.fix,
        at=body.at,
        rows=_rows(body, opened),
        drop_duplicates=body.drop_duplicates,
        drop_share=body.drop_share,
        both_labels=body.both_labels,
    )
    values = {n: getattr(found, n) for n in ("rows", "relabeled", "left_out", "both", "done", "left", "refused")}
    copies = [DroppedCopy(**asdict(copy)) for copy in found.copies[:SHOWN]]
    return ExportPreview(**values, n_copies=len(found.copies), copies=copies)


def _rows(body: ExportBody, opened: Opened) -> NDArray[np.bool_] | None:
    """(N,) the rows that the filter shows; None = all."""
    if body.filter is None or not body.filter.to_json():
        return None
    return opened.views.mask(body.filter, opened.state())


def _name(opened: Opened, body: ExportBody) -> str:
    """Project, what is in it, when: two exports are told apart in a folder of downloads."""
    filtered = body.filter is not None and body.filter.to_json()
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
