"""Tasks for tests of the executor, as a stage's functions are: ``fn(folder, spec)``."""

from __future__ import annotations

import os
import time
from typing import Any

from assay.errors import SourceError
from assay.storage import Folder


def square(folder: Folder, spec: dict[str, Any]) -> int:
    print("libraries print what they like")
    return int(spec["x"]) ** 2


def note_process(folder: Folder, spec: dict[str, Any]) -> int:
    folder.put(f"pid-{os.getpid()}", b"")
    time.sleep(spec["seconds"])
    return os.getpid()


def die_once(folder: Folder, spec: dict[str, Any]) -> str:
    """Dies like a process out of memory would, the first ``deaths`` times."""
    name = f"{spec['name']}-calls"
    calls = len(folder.read(name)) if folder.exists(name) else 0
    folder.put(name, b"x" * (calls + 1))
    if calls < spec["deaths"]:
        os._exit(137)
    return f"{spec['name']} done"


def fail(folder: Folder, spec: dict[str, Any]) -> None:
    raise ZeroDivisionError("a bug")


def complain(folder: Folder, spec: dict[str, Any]) -> None:
    raise SourceError("the column is missing")
