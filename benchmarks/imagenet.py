"""A whole run that is shaped like ImageNet: photographs of 500 x 375 in 1,000 classes, at two sizes, and what follows for 1,281,167.

In: photos_600; every picture lays a part of one of them, which its class is known by, beside and over a part of any other.
Out: ``results/imagenet.json``. Does not know: what the stages do. The law: of each stage, seconds = a + b x rows through the
two sizes (a not below 0), taken to the full size; beside it the projection that takes the stages after the embeddings from
``results/big-run.json``, where they were measured at the full size.
``python imagenet.py [--rows N N] [--scratch FOLDER]``
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photographs import HEIGHT, WIDTH, crop, original, write
from problems import data_dir
from sides import RESULTS, answer, call, keep, run_side, show

SIZES, FULL, CLASSES, WRONG = (100_000, 200_000), 1_281_167, 1_000, 0.05
GOAL_HOURS, GOAL_RATE = 2, 140
PART = 500  # pictures made together


def labels(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True and given classes of the first ``n`` rows."""
    rng = np.random.default_rng(53)
    true = rng.integers(0, CLASSES, SIZES[-1])
    wrong = rng.random(SIZES[-1]) < WRONG
    given = np.where(wrong, (true + rng.integers(1, CLASSES, SIZES[-1])) % CLASSES, true)
    return true[:n], given[:n]


def make(folder: Path, n: int) -> None:
    """``folder/NUMBER.jpg`` of those rows that are not there yet, by two processes; the same bytes every time."""
    done = folder / "made.txt"
    there = int(done.read_text()) if done.exists() else 0
    if there >= n:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_some, [folder] * -(-(n - there) // PART), range(there, n, PART)))
    done.write_text(str(n))


def _some(folder: Path, start: int) -> None:
    files = sorted(str(path) for path in (data_dir() / "photos_600").glob("*/*.jpg"))
    rng = np.random.default_rng([59, start])
    for number, code in enumerate(labels(start + PART)[0][start:], start):
        anchor, other = original(files[code % len(files)]), original(files[rng.integers(len(files))])
        if code >= len(files):
            anchor = anchor[::-1]  # upside down: a class of its own
        first, second = crop(anchor, rng), crop(other, rng)
        edge, slope = rng.uniform(0.35, 0.65), rng.uniform(-0.3, 0.3)
        across = (
            np.linspace(0, 1, WIDTH, dtype=np.float32) + slope * np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
        )
        share = np.clip((across - edge) * 10, 0.15, 0.85)[..., None]
        write(folder / f"{number:07d}.jpg", first * (1 - share) + second * share, rng)


def analyze(scratch: Path, n: int) -> None:
    import assay

    given = labels(n)[1]
    table = pd.DataFrame(
        {"image": [f"pictures/{row:07d}.jpg" for row in range(n)], "label": [f"class {code:04d}" for code in given]}
    )
    table.to_csv(scratch / f"{n}.csv", index=False)
    with call() as spent:
        project = assay.analyze(
            scratch / f"{n}.csv", image="image", label="label", output=scratch / f"{n}.assay", progress="quiet"
        )
    answer(scratch, f"run-{n}", {"call": spent, "stages": project.run["timings"], "graph": project.run["graph"]})


def measure(scratch: Path, n: int) -> dict[str, Any]:
    import assay
    from scoring import score

    shutil.rmtree(scratch / f"{n}.assay", ignore_errors=True)
    command = [sys.executable, __file__, "--side", str(n), "--scratch", str(scratch)]
    side = run_side(command, f"run-{n}", scratch)
    true, given = labels(n)
    found = assay.open(scratch / f"{n}.assay").results(columns=["label_issue_score", "is_label_issue"])
    quality = score(true != given, found["label_issue_score"].to_numpy(), np.array(found["is_label_issue"].to_pylist()))
    shutil.rmtree(scratch / f"{n}.assay")
    return side.record() | {"rows": n, "label": quality}


def projected(small: float, large: float, sizes: tuple[int, int]) -> float:
    """Of a line through two sizes, at the full size."""
    slope = max((large - small) / (sizes[1] - sizes[0]), 0.0)
    start = max(small - slope * sizes[0], 0.0)
    return start + max(slope, (large - start) / sizes[1]) * FULL


def tables(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sizes = (runs[0]["rows"], runs[1]["rows"])
    seconds = [{row["stage"]: row["wall_seconds"] for row in run["stages"]} for run in runs]
    names = list(dict.fromkeys([*seconds[0], *seconds[1]]))
    rows, whole = [], 0.0
    for name in names:
        both = [of.get(name, 0.0) for of in seconds]
        whole += (full := projected(both[0], both[1], sizes))
        rows.append([name, *(f"{value:,.1f}" for value in both), f"{full:,.0f}"])
    left = [run["wall_seconds"] - sum(of.values()) for run, of in zip(runs, seconds, strict=True)]
    whole += (full := projected(left[0], left[1], sizes))
    rows.append(["start, reading the table, the rest", *(f"{value:,.1f}" for value in left), f"{full:,.0f}"])
    rows.append(["in all", *(f"{run['wall_seconds']:,.1f}" for run in runs), f"{whole:,.0f}"])
    goals = []
    for run in runs:
        encode = next(row for row in run["stages"] if row["stage"] == "encode/images")
        rate = run["rows"] / encode["cpu_seconds"]
        goals.append(
            [
                f"images a second and core, encode stage of {run['rows']:,}",
                GOAL_RATE,
                f"{rate:.0f}",
                _said(rate >= GOAL_RATE),
            ]
        )
    goals += [
        ["hours, from the law of each stage", GOAL_HOURS, f"{whole / 3600:.2f}", _said(whole <= GOAL_HOURS * 3600)]
    ]
    behind = RESULTS / "big-run.json"
    if behind.exists():
        after = json.loads(behind.read_text())
        encode = [sum(s for name, s in of.items() if name.startswith("encode")) for of in seconds]
        measured = sum(row["wall_seconds"] for row in after["stages"] if not row["stage"].startswith("encode"))
        mixed = projected(encode[0], encode[1], sizes) + measured
        about = f"hours, encode stages from their law and {measured:,.0f} s as measured after them (commit {after['commit']})"
        goals.append([about, GOAL_HOURS, f"{mixed / 3600:.2f}", _said(mixed <= GOAL_HOURS * 3600)])
    said = "; ".join(
        f"{run['rows']:,} rows: {run['wall_seconds']:,.0f} s, {run['cpu_seconds']:,.0f} CPU s, private memory {run['private_mb']:,} MB, "
        f"label errors AP {run['label']['ap']:.3f}, F1 {run['label']['f1']:.3f}"
        for run in runs
    )
    title = f"A run shaped like ImageNet: {CLASSES:,} classes, photographs of {WIDTH} x {HEIGHT}"
    heads = ["stage", *(f"s at {n:,}" for n in sizes), f"s projected at {FULL:,}"]
    goal = {
        "title": "Goals of this run",
        "text": "Hours are projected, not measured.",
        "heads": ["goal", "asked", "reached", "met"],
        "rows": goals,
    }
    return [{"title": title, "text": f"{said}.", "heads": heads, "rows": rows}, goal]


def _said(met: bool) -> str:
    return "yes" if met else "no"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs=2, default=SIZES, help="other sizes, to try it; nothing is kept")
    parser.add_argument("--scratch", type=Path, help="folder for the pictures (50 kB each), kept for the next time")
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        analyze(given.scratch, given.side)
        return
    with tempfile.TemporaryDirectory(prefix="assay-imagenet-") as temporary:
        scratch = given.scratch or Path(temporary)
        make(scratch / "pictures", max(given.rows))
        runs = [measure(scratch, n) for n in given.rows]
    record = {"runs": runs, "tables": tables(runs)}
    show(record["tables"])
    if tuple(given.rows) == SIZES:
        keep("imagenet", record)


if __name__ == "__main__":
    main()
