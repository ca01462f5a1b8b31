"""Where the bytes of a project lie: the protocol that every place fulfils.

In: names with forward slashes. Out: bytes, names, local files to map. Does not know: rows, stages, formats.

`assay.storage.folder.Folder` is the local one. A bucket fulfils the same: `path` gives a cached copy, and an object that is
written appears whole, under its name, or not at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """The bytes of one project by name."""

    def exists(self, name: str) -> bool: ...

    def names(self, name: str = "") -> list[str]:
        """Names directly below a prefix, sorted; [] where there is nothing. Unfinished writes are left out."""

    def read(self, name: str) -> bytes: ...

    def put(self, name: str, data: bytes) -> None:
        """Write: the name holds all of ``data`` afterwards, or what it held before."""

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Write where nothing has the name; whether this call wrote it."""

    def remove(self, name: str) -> None: ...

    def path(self, name: str) -> Path:
        """A local file with these bytes, to be mapped: the file itself, or a cached copy."""
