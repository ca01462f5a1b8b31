"""One process at a time works on a project.

In: a project folder. Out: a lock held until the process ends or lets go. A dead process holds nothing.
Does not know: what the holder does.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from assay.errors import ProjectLockedError
from assay.storage import Folder
from assay.storage.folder import translate_errors

LOCK = "lock"


@contextlib.contextmanager
def locked(folder: Folder) -> Iterator[None]:
    """Hold the project's lock (``flock``: the system releases it when the process dies, however it dies)."""
    path = folder.path(LOCK)
    with translate_errors(path):
        folder.root.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(handle, 100, 0).decode(errors="replace").strip()
            raise ProjectLockedError(
                f"{folder.root} is being analysed by another process{f' ({holder})' if holder else ''}; "
                "wait for it to end, or choose another project with -o"
            ) from error
        os.truncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
