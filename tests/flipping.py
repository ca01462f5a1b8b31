"""Small projects of three kinds, bits flipped in their files, and everything that can be read of a project.

Used by the tests (a few flips) and by ``benchmarks/flips.py`` (many).
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

import assay
from assay.actions.codec import pack_state
from assay.detail.details import Details
from assay.errors import AssayError, UsageError
from assay.query.table import ReviewTable
from assay.query.views import Views
from assay.similar.embedding_map import embedding_map
from assay.sources.unreadable import UnreadableError
from assay.storage import Folder
from assay.storage.verify import Fault, verify_project

CHANGING = re.compile(
    r"lock$|project\.json$|runs/|\.done$|scope\.json$|state\.sqlite"
)  # hold clocks, or what is this machine's
PASSING = re.compile(r"^lock$|state\.sqlite(-shm|\.lock)$")  # hold nothing that lasts
WORDS = ["river", "stone", "market", "letter", "winter", "garden", "signal", "copper", "ladder", "window"]
KINDS = ("table", "text", "image")
clock = itertools.count(1)


def source(root: Path, kind: str) -> tuple[Path, dict[str, str]]:
    """Data of one kind, and how it is read."""
    rng = np.random.default_rng(0)
    if kind == "image":
        for at in range(60):
            path = root / "pictures" / "ab"[at % 2] / f"{at}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(90 * (at % 2), 160 + 90 * (at % 2), (48, 48, 3), np.uint8)).save(path)
        return root / "pictures", {}
    if kind == "text":
        texts = [" ".join(rng.choice(WORDS[5 * (at % 2) :], 12)) for at in range(60)]
        frame = pd.DataFrame({"text": texts, "label": ["a", "b"] * 30, "more": [[n, n + 1] for n in range(60)]})
        frame.to_parquet(root / "texts.parquet", index=False)
        return root / "texts.parquet", {"text": "text", "label": "label"}
    numbers = pd.DataFrame(rng.normal(size=(120, 4)) + np.arange(120)[:, None] % 2, columns=list("wxyz"))
    numbers.assign(label=["a", "b"] * 60).to_csv(root / "table.csv", index=False)
    return root / "table.csv", {"modality": "table", "label": "label"}


def analyze(data: Path, project: Path, words: dict[str, str]) -> None:
    assay.analyze(data, output=project, effort="fast", progress="quiet", workers=1, **words)


def decide(project: Path) -> None:
    """A dozen decisions of two people, an undo among them."""
    opened = assay.open(project)
    for row in range(12):
        opened.decide("label" if row % 2 else "keep", rows=[row], label="b" if row % 2 else None, person="ann")
    opened.decide("note", rows=[3], text="why is this \u00fc?", person="bob")
    opened.undo(person="ann")
    opened.log.close()


def make(root: Path, kind: str) -> tuple[Path, dict[str, str], Path]:
    """(data, how it is read, its project with decisions)."""
    data, words = source(root, kind)
    project = root / f"{kind}.assay"
    analyze(data, project, words)
    decide(project)
    return data, words, project


def kind_of(name: str) -> str:
    """Files of one stage that differ in their numbers only are of one kind."""
    stage, _, file = name.rpartition("/")
    return re.sub(r"[0-9a-f]{16}", "F", stage) + "/" + re.sub(r"\d{5}(-[0-9a-f]{16})?|all", "K", file)


def files_of(project: Path) -> list[str]:
    return sorted(path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())


def by_kind(project: Path) -> dict[str, list[str]]:
    """Kind -> its files; what holds nothing that lasts is left out, and so is what is empty."""
    kinds = defaultdict(list)
    for name in files_of(project):
        if not PASSING.search(name) and (project / name).stat().st_size:
            kinds[kind_of(name)].append(name)
    return dict(sorted(kinds.items()))


def contents(project: Path) -> dict[str, bytes]:
    """What a run makes to the same bytes each time."""
    return {name: (project / name).read_bytes() for name in files_of(project) if not CHANGING.search(name)}


def put(path: Path, data: bytes) -> None:
    """Written under a time of its own: two writes of one moment would look like one file."""
    path.write_bytes(data)
    moment = path.stat().st_mtime_ns + 1_000_000 * next(clock)
    os.utime(path, ns=(moment, moment))


def flip(project: Path, name: str, rng: random.Random) -> tuple[bytes, int]:
    """Flip one bit; (the bytes before, which bit)."""
    before = (project / name).read_bytes()
    bit = rng.randrange(len(before) * 8)
    after = bytearray(before)
    after[bit // 8] ^= 1 << bit % 8
    put(project / name, bytes(after))
    return before, bit


def everything(project: Path) -> str:
    """A digest of all that is told of a project: rows, cells, pictures, results, findings, neighbours, details, decisions."""
    told = hashlib.sha256()

    def say(value: Any) -> None:
        told.update(json.dumps(value, sort_keys=True, default=str).encode())

    opened = assay.open(project)
    say(opened.summary().to_dict())
    say(opened.insights())
    tables = [opened.results(), opened.cells(), opened.dataset.rows, *_issues(opened)]
    for cells, originals in opened.original_batches():
        tables += [cells, originals]
    for table in tables:
        told.update(_bytes(table))
    state = opened.log.state()
    view = ReviewTable.load(opened)
    views = Views(view)
    say(views.facets(None, state))
    details = Details(view, views.neighborhood)
    for row in range(0, len(opened), 7):
        say(details.of(row, state))
        say(opened.log.history(row))
        if opened.run["modality"] == "image":
            told.update(opened.thumbnail(row) or b"-")
            told.update(opened.open_bytes(row))
    drawn = embedding_map(views.neighborhood, view.present)
    told.update(drawn.x.tobytes() + drawn.y.tobytes())
    told.update(pack_state(state))
    say([repr(entry) for entry in opened.log.entries(rows=True)])
    say(opened.log.timeline())
    opened.log.close()
    return told.hexdigest()


def _issues(opened: Any) -> Iterator[pa.Table]:
    for kind in opened.kinds():
        try:
            yield opened.issue_table(kind)
        except UsageError:  # a check that said nothing about these data
            continue


def _bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def outcome(project: Path, right: str) -> str:
    """What reading everything leads to: "refused", "unaffected", or what it should not be."""
    try:
        found = everything(project)
    except AssayError as error:
        return (
            "refused"
            if re.search(r"damaged|missing|not what was written|newer Assay|no project at|is not an Assay", str(error))
            else f"said: {error}"
        )
    except UnreadableError as error:  # a damaged scope lets nothing be read that it would have to allow
        return "refused" if "stay closed" in str(error) else f"said: {error}"
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    return "unaffected" if found == right else "affected"


def faults(project: Path) -> list[Fault]:
    return verify_project(Folder(project)).faults


def is_noticed(project: Path) -> bool:
    return bool(faults(project))


def delete(project: Path, names: list[str]) -> None:
    for name in names:
        (project / name).unlink()


def repair(project: Path, decisions: bytes) -> None:
    """What `assay verify` tells, as it tells it; ``decisions``: the copy of the database. The run is left to the caller."""
    for _ in range(9):
        told = [fault for fault in faults(project) if "delete" in fault.advice or "restore" in fault.advice]
        for fault in told:
            if fault.advice.startswith("restore"):
                put(project / fault.name, decisions)
            else:
                named = re.match(r"delete (state\.sqlite\.seal) to keep", fault.advice)
                (project / (named[1] if named else fault.name)).unlink(missing_ok=True)
        if not told:
            return
    raise AssertionError(f"the advice does not end: {told}")
