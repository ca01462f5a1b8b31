"""Is a result still that of the code that stands here?

In: the commit that a result was measured on, the rooms of the package that it rests on. Out: the files that differ since, but
for comments, docstrings and formatting. Does not know: what was measured.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from functools import cache

from measure import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from code_trees import without_docstrings

PACKAGE = "src/assay"
UNKNOWN = "its commit is not in this checkout's history"
DIRTY = "it was measured on files that were in no commit"


def stale(commit: str, script: str, rooms: Sequence[str]) -> str:
    """Why a result does not stand for the code as it is, a sentence without its full stop; "" where it does.

    ``commit``: with "+" where files differed from it. ``rooms``: of the package, () for all of it.
    """
    if commit.endswith("+"):
        return DIRTY
    if git("cat-file", "-e", f"{commit}^{{commit}}") is None:
        return UNKNOWN
    found = changed(commit, script, tuple(rooms))
    if not found:
        return ""
    first = ", ".join(name.removeprefix(f"{PACKAGE}/") for name in found[:3])
    return f"code it rests on has changed since: {first}{f' and {len(found) - 3} more' if len(found) > 3 else ''}"


@cache
def changed(commit: str, script: str, rooms: tuple[str, ...]) -> list[str]:
    paths = [f"benchmarks/{script}", *([f"{PACKAGE}/{room}" for room in rooms] or [PACKAGE])]
    names = (git("diff", "--name-only", commit, "--", *paths) or b"").decode().splitlines()
    return [name for name in names if name.endswith(".py") and code(of(commit, name)) != code(here(name))]


def of(commit: str, name: str) -> bytes:
    return git("show", f"{commit}:{name}") or b""


def here(name: str) -> bytes:
    path = ROOT / name
    return path.read_bytes() if path.exists() else b""


def code(source: bytes) -> str:
    return ast.dump(without_docstrings(source))


def date(commit: str) -> str:
    """The day of a commit, "" where it is not known."""
    return (git("show", "--no-patch", "--format=%cs", commit.rstrip("+")) or b"").decode().strip()


def git(*words: str) -> bytes | None:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
