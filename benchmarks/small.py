"""`assay analyze` of 500 rows, the second run of the day: a new project, caches of code and models warm.

In: 500 rows of banking77, beers and photos_600. Out: ``results/small.json``. Does not know: quality.
Beside each: the seconds of importing what the command needs, of one worker's start, and of every stage.
``python small.py [text] [table] [images] [--rows N]``
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

import assay
from measure import run
from problems import data_dir
from sides import keep, show

ROWS, GOAL = 500, 6
IMPORTS = {
    "import assay": "import assay",
    "import of the command": "import assay.cli.commands",
    "imports of a worker": "import assay.analysis.worker, assay.stages.vectors, assay.stages.issues",
    "and of the label check": "import assay.issues.label, assay.predict.linear",
}


def text(folder: Path, n: int) -> list[str]:
    table = pd.read_csv(data_dir() / "banking77" / "train.csv").sample(n, random_state=0)
    few = table["category"].value_counts()
    table[table["category"].isin(few[few > 1].index)].to_csv(folder / "text.csv", index=False)
    return [str(folder / "text.csv"), "--text", "text", "--label", "category"]


def table(folder: Path, n: int) -> list[str]:
    pd.read_csv(data_dir() / "tabular_beers" / "clean.csv").sample(n, random_state=0).to_csv(
        folder / "table.csv", index=False
    )
    return [str(folder / "table.csv"), "--label", "style", "--modality", "table"]


def images(folder: Path, n: int) -> list[str]:
    files = sorted((data_dir() / "photos_600").glob("*/*.jpg"))
    for file in files[:: max(1, len(files) // n)][:n]:
        to = folder / "images" / file.parent.name / file.name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)
    return [str(folder / "images")]


KINDS: dict[str, Callable[[Path, int], list[str]]] = {"text": text, "table": table, "images": images}


def measure(kind: str, n: int, scratch: Path) -> dict[str, Any]:
    """The first run warms what a day's first run warms; the best of three more counts (others may disturb one)."""
    words = KINDS[kind](scratch, n)
    costs = []
    for number in range(4):
        project = scratch / f"{kind}-{number}.assay"
        cost = run([sys.executable, "-m", "assay", "analyze", *words, "--output", str(project), "--quiet"])
        costs.append(cost)
    best = min(costs[1:], key=lambda cost: cost.wall_seconds)
    timings = assay.open(scratch / f"{kind}-{1 + costs[1:].index(best)}.assay").run["timings"]
    stages = [{key: row[key] for key in ("stage", "wall_seconds", "cpu_seconds")} for row in timings]
    return {"kind": kind, "rows": n, "first": costs[0].record(), "best": best.record(), "stages": stages}


def imports() -> dict[str, float]:
    """Seconds of fresh interpreters, the bare one taken off; the best of three."""
    bare = min(run([sys.executable, "-c", "pass"]).wall_seconds for _ in range(3))
    return {
        name: round(min(run([sys.executable, "-c", code]).wall_seconds for _ in range(3)) - bare, 2)
        for name, code in IMPORTS.items()
    }


def slowest_imports(code: str, count: int = 12) -> list[tuple[str, float]]:
    """Packages by their own milliseconds (``-X importtime``)."""
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    spent: dict[str, float] = {}
    for line in done.stderr.splitlines():
        own, _, name = line.removeprefix("import time:").split("|")
        if own.strip().isdigit():
            package = name.strip().split(".")[0]
            spent[package] = spent.get(package, 0) + int(own) / 1_000
    return [(name, round(ms)) for name, ms in sorted(spent.items(), key=lambda item: -item[1])[:count]]


def tables(
    records: list[dict[str, Any]], spent: dict[str, float], packages: list[tuple[str, float]]
) -> list[dict[str, Any]]:
    rows = []
    for record in records:
        best = record["best"]
        inside = sum(row["wall_seconds"] for row in record["stages"])
        met = "yes" if best["wall_seconds"] <= GOAL else "no"
        cells = [
            f"{value:.1f}"
            for value in (record["first"]["wall_seconds"], best["wall_seconds"], inside, best["cpu_seconds"])
        ]
        rows.append([record["kind"], record["rows"], *cells, best["megabytes"], GOAL, met])
    out = [
        {
            "title": f"`assay analyze` of {records[0]['rows']} rows",
            "text": "Seconds on the wall of the whole command in a new project; *first* may still compile and build models, "
            "*then* is the best of three more.",
            "heads": ["kind", "rows", "first s", "then s", "in stages s", "CPU s", "peak MB", "asked s", "met"],
            "rows": rows,
        }
    ]
    out += [
        {
            "title": f"Stages of the {record['kind']} run",
            "text": "Those of 50 ms and more.",
            "heads": ["stage", "seconds", "CPU s"],
            "rows": [
                [row["stage"], f"{row['wall_seconds']:.2f}", f"{row['cpu_seconds']:.2f}"]
                for row in record["stages"]
                if row["wall_seconds"] >= 0.05
            ],
        }
        for record in records
    ]
    out.append(
        {
            "title": "What starting costs",
            "text": "Seconds of a fresh interpreter beyond the bare one. Own milliseconds by package: "
            + ", ".join(f"{name} {ms:,.0f}" for name, ms in packages),
            "heads": ["what", "seconds"],
            "rows": [[name, f"{seconds:.2f}"] for name, seconds in spent.items()],
        }
    )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="text, table, images; default: all")
    parser.add_argument("--rows", type=int, help="another number, to try it; nothing is kept")
    given = parser.parse_args()
    records = []
    for kind in given.kinds or KINDS:
        with tempfile.TemporaryDirectory(prefix="assay-small-") as scratch:
            records.append(measure(kind, given.rows or ROWS, Path(scratch)))
    spent, packages = imports(), slowest_imports("; ".join(IMPORTS.values()))
    shown = tables(records, spent, packages)
    show(shown)
    if given.rows is None and not given.kinds:
        keep("small", {"runs": records, "imports": spent, "packages": packages, "tables": shown})


if __name__ == "__main__":
    main()
