"""Small disks in memory, to be filled or made read-only. Only root may mount one.

Used by the tests and by ``benchmarks/attack_doors.py``.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


def room_for(folder: Path) -> int:
    """MB of what lies in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) >> 20


@contextlib.contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """A disk at ``place``; `PermissionError` for those who may not mount one."""
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if made.returncode != 0:
        raise PermissionError("only root mounts small disks")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """Everything that is left of a disk."""
    stuff = place / "stuff"
    for mode, piece in (("wb", b"x" * 4096), ("ab", b"x")):
        with contextlib.suppress(OSError), stuff.open(mode, buffering=0) as file:
            while True:
                file.write(piece)
    return stuff


def make_read_only(place: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
