"""Flipped bits and deleted files in projects: is each noticed, does reading refuse, does the repair lead back?

In: nothing; three small projects (pictures, texts, a table), with decisions, are made. Out: ``results/flips.json``; printed, what
happened. Each flip hits a file of the next kind, of all kinds that there are; after it `assay verify` is asked and everything
of the project is read (rows, cells, pictures, results, findings, neighbours, details, decisions). Then every kind is deleted
alone, read, and made again. The work is done by ``tests/flipping.py``.

    python benchmarks/flips.py [--flips 500] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from measure import ROOT
from sides import keep

sys.path.insert(0, str(ROOT / "tests"))


def main() -> None:
    import flipping

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    began, found = time.process_time(), []
    with tempfile.TemporaryDirectory(prefix="assay-flips-") as scratch:
        for at, kind in enumerate(flipping.KINDS):
            n = given.flips * (at + 1) // len(flipping.KINDS) - given.flips * at // len(flipping.KINDS)
            found.append({"project": kind, **_project(flipping, Path(scratch), kind, n, rng)})
            print(found[-1], flush=True)
    totals = {key: sum(one[key] for one in found) for key in found[0] if isinstance(found[0][key], int)}
    line = (
        f"{totals['flips']} flipped bits in {totals['kinds']} kinds of files of three projects: {totals['noticed']} noticed by "
        f"verify; of reading everything {totals['refused']} refused, {totals['unaffected']} were unaffected, {totals['wrong']} "
        f"neither; {totals['deleted']} deleted kinds: {totals['deleted_back']} led back to the same bytes; after the repair as "
        f"told {totals['same_bytes']} of {totals['files']} files are the same bytes"
    )
    print(line)
    keep(
        "flips",
        {"projects": found, "totals": totals, "lines": [line], "cpu_seconds": round(time.process_time() - began)},
    )
    whole = (totals["flips"], totals["deleted"], totals["files"], 0, 0)
    if (
        totals["noticed"],
        totals["deleted_back"],
        totals["same_bytes"],
        totals["wrong"],
        totals["faults_left"],
    ) != whole:
        raise SystemExit(1)


def _project(flipping: Any, root: Path, kind: str, n: int, rng: random.Random) -> dict[str, Any]:
    data, words, project = flipping.make(root, kind)
    right, before = flipping.everything(project), flipping.contents(project)
    kinds = flipping.by_kind(project)
    told: Counter[str] = Counter()
    faults: list[str] = []
    for turn in range(n):
        name = rng.choice(kinds[list(kinds)[turn % len(kinds)]])
        kept, bit = flipping.flip(project, name, rng)
        noticed, outcome = flipping.is_noticed(project), flipping.outcome(project, right)
        told["noticed"] += noticed
        told[outcome if outcome in ("refused", "unaffected") else "wrong"] += 1
        if not noticed or outcome not in ("refused", "unaffected"):
            faults.append(f"{name} bit {bit}: noticed {noticed}, {outcome}")
        flipping.put(project / name, kept)
    back = 0
    made_again = [name for name, files in kinds.items() if not files[0].startswith("state.sqlite")]
    for name in made_again:
        flipping.delete(project, kinds[name])
        outcome = flipping.outcome(project, right)
        flipping.analyze(data, project, words)
        same = flipping.contents(project) == before and not flipping.faults(project)
        right = flipping.everything(project)  # it names the newest run
        back += same
        if not same or outcome not in ("refused", "unaffected"):
            told["wrong"] += outcome not in ("refused", "unaffected")
            faults.append(f"{kinds[name][0]} deleted: {outcome}, the same again: {same}")
    copy = (project / "state.sqlite").read_bytes()
    for files in flipping.by_kind(project).values():  # one of each kind damaged, then what verify tells
        flipping.flip(project, files[0], rng)
    flipping.repair(project, copy)
    flipping.analyze(data, project, words)
    after = flipping.contents(project)
    return {
        "kinds": len(kinds), "flips": n, "noticed": told["noticed"], "refused": told["refused"],
        "unaffected": told["unaffected"], "wrong": told["wrong"], "deleted": len(made_again), "deleted_back": back,
        "files": len(before), "same_bytes": sum(data == after.get(name) for name, data in before.items()),
        "faults_left": len(flipping.faults(project)), "faults": faults,
    }  # fmt: skip


if __name__ == "__main__":
    main()
