"""Flipped bits in projects: is each noticed by `assay verify`, does reading refuse, does the repair lead back?

In: nothing; three small projects (pictures, texts, a table) are made. Out: lines of JSON: a count for each kind of file, and what
came of the repair. The database of decisions is left out: it has no checksums of its own.

    python benchmarks/flips.py [--flips 500] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import assay
from assay.errors import ProjectError
from assay.storage import Folder
from assay.storage.verify import verify_project

READ = {".json": "get_json", ".done": "get_json", ".npy": "get_array", ".npz": "get_arrays", ".parquet": "get_table"}
CHANGING = re.compile(r"lock$|project\.json$|runs/|\.done$|scope\.json$")  # they hold clocks and keys


def sources(root: Path) -> dict[str, tuple[Path, dict[str, str]]]:
    """Data of three kinds."""
    rng = np.random.default_rng(0)
    for at in range(60):
        path = root / "pictures" / "ab"[at % 2] / f"{at}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (48, 48, 3), np.uint8)).save(path)
    words = ["river", "stone", "market", "letter", "winter", "garden", "signal", "copper", "ladder", "window"]
    texts = [" ".join(rng.choice(words, 12)) for _ in range(60)]
    pd.DataFrame({"text": texts, "label": ["a", "b"] * 30}).to_csv(root / "texts.csv", index=False)
    numbers = pd.DataFrame(rng.normal(size=(120, 4)), columns=list("wxyz"))
    numbers.assign(label=["a", "b"] * 60).to_csv(root / "table.csv", index=False)
    return {
        "image": (root / "pictures", {}),
        "text": (root / "texts.csv", {"text": "text", "label": "label"}),
        "table": (root / "table.csv", {"modality": "table", "label": "label"}),
    }


def analyze(data: Path, project: Path, words: dict[str, str]) -> None:
    assay.analyze(data, output=project, effort="fast", progress="quiet", **words)


def kind_of(name: str) -> str:
    """Files of one stage that differ in numbers only are of one kind."""
    stage, _, file = name.rpartition("/")
    return re.sub(r"[0-9a-f]{16}", "F", stage) + "/" + re.sub(r"\d{5}(-[0-9a-f]{16})?|all", "K", file)


def contents(project: Path) -> dict[str, bytes]:
    names = (path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())
    return {name: (project / name).read_bytes() for name in names if not CHANGING.search(name)}


def flip(project: Path, name: str, rng: random.Random) -> tuple[bytes, bytes]:
    """(the bytes before, with one bit flipped), written."""
    before = (project / name).read_bytes()
    bit = rng.randrange(len(before) * 8)
    after = bytearray(before)
    after[bit // 8] ^= 1 << bit % 8
    (project / name).write_bytes(after)
    return before, bytes(after)


def refuses(folder: Folder, name: str) -> bool:
    """Does reading the very file end in an error that says so?"""
    try:
        getattr(folder, READ[Path(name).suffix])(name)
    except ProjectError:
        return True
    return False


def main() -> None:
    """Flip, verify, read, repair; print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        data = sources(root)
        each = given.flips // len(data)
        for kind, (source, words) in data.items():
            project = root / f"{kind}.assay"
            analyze(source, project, words)
            before = contents(project)
            kinds = defaultdict(list)
            for path in sorted(project.rglob("*")):
                name = path.relative_to(project).as_posix()
                if path.is_file() and name != "lock":
                    kinds[kind_of(name)].append(name)
            noticed = refused = 0
            started = time.monotonic()
            for turn in range(each + (given.flips - each * len(data) if kind == "image" else 0)):
                name = rng.choice(kinds[sorted(kinds)[turn % len(kinds)]])
                kept, _ = flip(project, name, rng)
                noticed += bool(verify_project(Folder(project)).faults)
                refused += refuses(Folder(project), name)
                (project / name).write_bytes(kept)
            seconds = time.monotonic() - started
            for names in kinds.values():  # one of each kind damaged, and told: delete it and run again
                flip(project, names[0], rng)
            while faults := [f for f in verify_project(Folder(project)).faults if "delete" in f.advice]:
                for fault in faults:
                    (project / fault.name).unlink(missing_ok=True)
            analyze(source, project, words)
            after = contents(project)
            told = {
                "project": kind, "kinds": len(kinds), "flips": turn + 1, "noticed": noticed, "refused_when_read": refused,
                "seconds": round(seconds, 1), "faults_after_repair": len(verify_project(Folder(project)).faults),
                "files": len(before), "same_bytes": sum(before[name] == after.get(name) for name in before),
            }  # fmt: skip
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
