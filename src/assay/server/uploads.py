"""Files that people send: resumable (the tus protocol, by `tuspyserver`), kept in the workspace.

In: finished uploads. Out: their paths, under the names they had. Does not know: what is in them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request

from assay.errors import UsageError
from assay.server.database import Database, uploads

LARGEST = 2 << 40  # bytes of one upload
MOST_BYTES = 150  # of a file name; file systems end at 255
LONGEST_ENDING = 8  # characters


class Uploads:
    """``folder``/ID is the file while it comes; ``folder``/ID.d/NAME when it is whole."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self.folder = database, folder

    def router(self) -> APIRouter:
        """The routes of the tus protocol."""
        from tuspyserver import create_tus_router

        self.folder.mkdir(parents=True, exist_ok=True)
        router: APIRouter = create_tus_router(
            prefix="uploads", files_dir=str(self.folder), max_size=LARGEST, upload_complete_dep=_when_complete
        )
        return router

    def complete(self, path: str, metadata: dict[str, Any]) -> None:
        """An upload is whole: its name is kept."""
        name = plain_name(str(metadata.get("filename") or metadata.get("name") or "data"))
        file = Path(path)
        with self._database.writing() as connection:
            known = connection.execute(sa.select(uploads.c.id).where(uploads.c.id == file.name)).first()
            if known is None:
                connection.execute(
                    sa.insert(uploads).values(
                        id=file.name, name=name, size=file.stat().st_size, person="", created=time.time()
                    )
                )

    def path(self, upload: str) -> Path:
        """A whole upload under its own name, alone in a folder: tables may name files beside them, and find none."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(uploads.c.name).where(uploads.c.id == upload)).first()
        if row is None:
            raise UsageError(f"there is no finished upload {upload!r}; send the file again")
        place = self.folder / f"{upload}.d" / row.name
        if not place.exists():
            place.parent.mkdir(exist_ok=True)
            os.link(self.folder / upload, place)
        return place

    def holds(self, path: str | os.PathLike[str]) -> bool:
        return Path(path).resolve().is_relative_to(self.folder.resolve())


def _when_complete(request: Request) -> Callable[[str, dict[str, Any]], None]:
    # a function of the module: the router copies its options deeply, and a method would bring the database with it
    complete: Callable[[str, dict[str, Any]], None] = request.app.state.services.uploads.complete
    return complete


def plain_name(name: str) -> str:
    """The last part of a file name with nothing in it that a path could be made of, its ending kept however long it is."""
    last = re.split(r"[/\\]", name)[-1]
    kept = re.sub(r"[^\w.()+ -]", "_", last).strip(". ")
    stem, dot, ending = kept.rpartition(".")
    if not stem or len(ending) > LONGEST_ENDING:
        stem, dot, ending = kept, "", ""
    inner = stem.rpartition(".")  # "data.csv" of "data.csv.gz"
    if dot and inner[0] and len(inner[2]) <= LONGEST_ENDING and inner[2].isalpha():
        stem, ending = inner[0], f"{inner[2]}.{ending}"
    room = MOST_BYTES - len(f"{dot}{ending}".encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + dot + ending or "data"
