"""The code behind every stage against what was recorded for its version: ``python tests/stage_versions.py [--record]``.

In: the stage functions, the modules of the pure rooms they compute with. Out: ``tests/stage_versions.json``, stage -> version and
digest. Does not know: what a stage computes.

A digest is that of the syntax trees without docstrings: comments, formatting and prose change nothing.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import json
import pkgutil
import sys
from functools import cache
from pathlib import Path

import assay.stages
from assay.stages.stage import StageFunction
from code_trees import without_docstrings

RECORD = Path(__file__).with_suffix(".json")
PURE = ("issues", "insights", "predict", "duplicates", "graph", "encode")  # rooms that stages compute with


def stages() -> dict[str, StageFunction]:
    """Every stage by its dotted name."""
    found = {}
    for info in pkgutil.iter_modules(assay.stages.__path__, "assay.stages."):
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            if isinstance(value, StageFunction):
                found[value.dotted] = value
    return dict(sorted(found.items()))


@cache
def tree(module: str) -> ast.Module:
    path = Path(importlib.import_module(module).__file__ or "")
    return without_docstrings(path.read_text())


def imported(node: ast.AST) -> set[str]:
    """Modules of the pure rooms that are imported below a node."""
    names = set()
    for part in ast.walk(node):
        if isinstance(part, ast.ImportFrom) and part.module:
            names |= {part.module, *(f"{part.module}.{alias.name}" for alias in part.names)}
        elif isinstance(part, ast.Import):
            names |= {alias.name for alias in part.names}
    return {name for name in names if name.startswith(tuple(f"assay.{room}" for room in PURE)) and is_module(name)}


@cache
def is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def modules_of(start: set[str]) -> list[str]:
    """The modules and all that they import in turn, sorted."""
    seen: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += imported(tree(name))
    return sorted(seen)


def digest(stage: StageFunction) -> str:
    module = tree(stage.run.__module__)
    defined = {node.name: node for node in module.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    used, todo = set(), [stage.run.__name__]
    while todo:  # the function and what it calls in its own module, classes too
        name = todo.pop()
        if name in defined and name not in used:
            used.add(name)
            todo += [part.id for part in ast.walk(defined[name]) if isinstance(part, ast.Name)]
    top = ast.Module([node for node in module.body if isinstance(node, ast.ImportFrom)], [])
    parts = [ast.dump(defined[name]) for name in sorted(used)]
    start = imported(top).union(*(imported(defined[name]) for name in used))
    parts += [f"{name}: {ast.dump(tree(name))}" for name in modules_of(start)]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


@cache
def now() -> dict[str, list[object]]:
    return {name: [stage.version, digest(stage)] for name, stage in stages().items()}


def differences() -> list[str]:
    """One sentence for each stage whose code is not what was recorded."""
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    out = []
    for name, (version, code) in now().items():
        before = recorded.get(name)
        if before is None:
            out.append(f"{name} is new")
        elif before[0] == version and before[1] != code:
            out.append(f"{name} changed and its version ({version}) did not: raise it, unless results stay the same")
        elif before != [version, code]:
            out.append(f"{name} went from version {before[0]} to {version}")
    return out + [f"{name} has gone" for name in recorded if name not in now()]


if __name__ == "__main__":
    told = differences()
    print("\n".join(told) or "every stage is as recorded")
    if "--record" in sys.argv[1:]:
        RECORD.write_text(json.dumps(now(), indent=1) + "\n")
        print(f"recorded {len(now())} stages")
