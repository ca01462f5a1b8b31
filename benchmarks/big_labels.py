"""Label issues of 1,281,167 x 1,000 probabilities: Assay, cleanlab 2.9, and one plain read of the array.

In: nothing; the probabilities are made, block by block, always the same. Out: ``results/big-labels.json``.
Does not know: how the scores are made. Every side is a process of its own that maps the same file; the file is read once
before each so that all find it in the system's cache, and numba's cache is warm (a first run on a machine compiles).
``python big_labels.py [--rows N] [--scratch FOLDER] [--datalab]``
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sides import Side, answer, call, keep, run_side, show

ROWS, CLASSES, WRONG = 1_281_167, 1_000, 0.05
BLOCK = 4_096
NAMES = {
    "read": "one plain read of the array (numpy sum)",
    "cleanlab": "cleanlab: get_label_quality_scores + find_label_issues",
    "compatible": 'assay.label_issues(method="prune_by_noise_rate"): the same rows and scores',
    "assay": "assay.label_issues()",
    "datalab": "cleanlab: Datalab, label check",
}
Probs = NDArray[np.float32]


def make(scratch: Path, n: int) -> None:
    """A model that is right on about four rows in five, sure of some and unsure of others, with classes it takes for
    their neighbours; `WRONG` of the labels replaced, half by a class alike, half by any."""
    done = scratch / f"made-{n}"
    if done.exists():
        return
    probs = np.lib.format.open_memmap(scratch / "probs.npy", "w+", np.float32, (n, CLASSES))
    true, given = np.empty(n, np.int32), np.empty(n, np.int32)
    for start in range(0, n, BLOCK):
        rng = np.random.default_rng([17, start])
        rows = min(BLOCK, n - start)
        at = np.arange(rows)
        truth = rng.integers(0, CLASSES, rows)
        alike = (truth + rng.integers(1, 6, rows)) % CLASSES
        block = rng.standard_exponential((rows, CLASSES), dtype=np.float32)
        block *= block
        block *= block  # a long tail: a few classes take most of what the top ones leave
        strength = np.exp(rng.normal(9.6, 1.6, rows)).astype(np.float32)
        swapped = rng.random(rows) < 0.16
        block[at, truth] += strength * np.where(swapped, 0.3, 1).astype(np.float32)
        block[at, alike] += strength * np.where(swapped, 1, 0.2).astype(np.float32)
        block /= block.sum(1, keepdims=True)
        probs[start : start + rows] = block
        wrong = rng.random(rows) < WRONG
        other = np.where(rng.random(rows) < 0.5, alike, (truth + rng.integers(1, CLASSES, rows)) % CLASSES)
        true[start : start + rows] = truth
        given[start : start + rows] = np.where(wrong, other, truth)
    probs.flush()
    np.save(scratch / "true.npy", true)
    np.save(scratch / "given.npy", given)
    done.touch()


# the sides, each in a process of its own ---------------------------------------------------------------------


def read(labels: NDArray[np.int32], probs: Probs) -> dict[str, NDArray[Any]]:
    with np.errstate(all="raise"):
        total = sum(float(probs[start : start + 512].sum()) for start in range(0, len(probs), 512))
    assert abs(total - len(labels)) < len(labels) / 100
    return {}


def cleanlab(labels: NDArray[np.int32], probs: Probs) -> dict[str, NDArray[Any]]:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    return {"quality": get_label_quality_scores(labels, probs), "flags": find_label_issues(labels, probs)}


def datalab(labels: NDArray[np.int32], probs: Probs) -> dict[str, NDArray[Any]]:
    from cleanlab import Datalab

    lab = Datalab({"label": labels}, label_name="label", verbosity=0)
    lab.find_issues(pred_probs=probs, issue_types={"label": {}})
    found = lab.get_issues("label")
    return {"quality": found["label_score"].to_numpy(), "flags": found["is_label_issue"].to_numpy()}


def compatible(labels: NDArray[np.int32], probs: Probs) -> dict[str, NDArray[Any]]:
    return _assay(labels, probs, "prune_by_noise_rate")


def ours(labels: NDArray[np.int32], probs: Probs) -> dict[str, NDArray[Any]]:
    return _assay(labels, probs, "assay")


def _assay(labels: NDArray[np.int32], probs: Probs, method: Any) -> dict[str, NDArray[Any]]:
    import assay

    found = assay.label_issues(labels, probs, method=method)
    return {"quality": found["label_quality"].to_numpy(), "flags": found["is_label_issue"].to_numpy()}


SIDES = {"read": read, "cleanlab": cleanlab, "compatible": compatible, "assay": ours, "datalab": datalab}


def side(name: str, scratch: Path) -> None:
    """Load, import (a call on a few rows), then the call that counts."""
    labels = np.load(scratch / "given.npy")
    probs = np.load(scratch / "probs.npy", mmap_mode="r")
    if name != "read":
        small = np.arange(60, dtype=np.int32) % 3
        SIDES[name](small, np.eye(3, dtype=np.float32)[small] * np.float32(0.7) + np.float32(0.1))
    with call() as spent:
        found = SIDES[name](labels, probs)
    np.savez(scratch / f"{name}.npz", **found)
    answer(scratch, name, {"call": spent})


# the comparison ----------------------------------------------------------------------------------------------


def compare(scratch: Path, n: int, names: list[str]) -> dict[str, Any]:
    from scoring import score  # not above: the sides, which start from this file, need no scikit-learn

    truth = np.load(scratch / "true.npy") != np.load(scratch / "given.npy")
    sides: dict[str, Side] = {}
    kept: dict[str, dict[str, NDArray[Any]]] = {}
    for name in names:
        with (scratch / "probs.npy").open("rb", buffering=0) as file:
            while file.read(1 << 24):
                pass
        command = [sys.executable, __file__, "--side", name, "--scratch", str(scratch)]
        sides[name] = run_side(command, name, scratch)
        print(f"{name}: {sides[name].call_cpu:.2f} CPU s, whole process {sides[name].cpu_seconds:.2f}", flush=True)
        with np.load(scratch / f"{name}.npz") as found:
            kept[name] = dict(found)
        if kept[name]:
            sides[name].found = score(truth, 1 - kept[name]["quality"].astype(float), kept[name]["flags"])
    theirs, same = kept["cleanlab"], kept["compatible"]
    differ = int((theirs["flags"] != same["flags"]).sum())
    gap = float(np.abs(theirs["quality"] - same["quality"]).max())
    return {
        "rows": n,
        "classes": CLASSES,
        "sides": [sides[name].record() for name in names],
        "rows_flagged_differently": differ,
        "largest_score_gap": gap,
        "goals": goals(sides, differ),
        "tables": tables(sides, n, differ, gap),
    }


def goals(sides: dict[str, Side], differ: int) -> list[dict[str, Any]]:
    of = {name: side.call_cpu for name, side in sides.items()}
    asked: list[tuple[str, float, bool]] = [
        ("compatible: times less CPU than cleanlab", of["cleanlab"] / of["compatible"], True),
        ("compatible: reads of the array", of["compatible"] / of["read"], False),
        ("compatible: rows flagged differently", differ, False),
        ("assay: times less CPU than cleanlab", of["cleanlab"] / of["assay"], True),
        ("private memory of assay, MB", sides["assay"].private_mb, False),
        ("private memory of compatible, MB", sides["compatible"].private_mb, False),
    ]
    bars = [20, 1.3, 0, 10, 1024, 1024]
    if "datalab" in of:
        asked.append(("assay: times less CPU than Datalab's label check", of["datalab"] / of["assay"], True))
        bars.append(30)
    return [
        {"goal": what, "asked": bar, "measured": round(value, 2), "met": value >= bar if more else value <= bar}
        for (what, value, more), bar in zip(asked, bars, strict=True)
    ]


def tables(sides: dict[str, Side], n: int, differ: int, gap: float) -> list[dict[str, Any]]:
    base, one = sides["cleanlab"].call_cpu, sides["read"].call_cpu
    rows = []
    for name, side in sides.items():
        ranked = [f"{side.found[key]:.3f}" for key in ("ap", "f1")] if side.found else ["-", "-"]
        cost = [f"{side.call_cpu:,.2f}", f"{side.cpu_seconds:,.2f}", f"{side.call_wall:,.2f}", f"{side.private_mb:,}"]
        ratio = [f"{side.call_cpu / one:.2f}", f"{base / side.call_cpu:.1f}"]
        rows.append([NAMES[name], *ranked, *cost, *ratio])
    heads = [
        "side",
        "AP",
        "F1",
        "CPU s",
        "CPU s of the process",
        "seconds",
        "private MB",
        "reads",
        "times less than cleanlab",
    ]
    met = goals(sides, differ)
    return [
        {
            "title": f"Label issues of {n:,} x {CLASSES:,} float32 probabilities",
            "text": f"Made probabilities in a mapped file, {WRONG:.0%} of the labels wrong. CPU s: of the call, imports done; "
            "private MB: anonymous memory at its peak, mapped file pages left out. "
            f"Flagged differently from cleanlab by the compatible filter: {differ} rows; largest difference of a score {gap:.1g}.",
            "heads": heads,
            "rows": rows,
        },
        {
            "title": "Goals",
            "text": "Of the table above.",
            "heads": ["goal", "asked", "measured", "met"],
            "rows": [[g["goal"], g["asked"], g["measured"], "yes" if g["met"] else "no"] for g in met],
        },
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help="fewer rows, to try it; nothing is kept")
    parser.add_argument("--scratch", type=Path, help="folder for the array (5.2 GB), kept for the next time")
    parser.add_argument("--datalab", action="store_true", help="Datalab's label check too")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        side(given.side, given.scratch)
        return
    names = ["read", "compatible", "assay", "cleanlab", *(["datalab"] if given.datalab else [])]
    with tempfile.TemporaryDirectory(prefix="assay-labels-") as temporary:
        scratch = given.scratch or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        make(scratch, given.rows or ROWS)
        record = compare(scratch, given.rows or ROWS, names)
    show(record["tables"])
    if given.rows is None:
        keep("big-labels", record)


if __name__ == "__main__":
    main()
