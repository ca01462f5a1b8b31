"""``--memory`` holds: 100,000 short texts within 1 GB, and the same run without a bound beside it.

In: questions of banking77 and clinc150, recombined (`scale.texts`). Out: ``results/bounded.json``. Does not know: what is planned.
``python bounded.py [--rows N] [--memory 1GB]``
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from scale import texts
from sides import answer, keep, run_side, show

ROWS, MEMORY = 100_000, "1GB"


def analyze(scratch: Path, name: str, memory: str | None) -> None:
    import assay

    folder = scratch / f"{name}.assay"
    options: dict[str, Any] = {"text": "text", "label": "label", "output": folder, "progress": "quiet"}
    project = assay.analyze(scratch / "data.csv", memory=memory, **options)
    table = project.results().to_pandas()
    flags = {column: int(table[column].sum()) for column in table.columns if column.startswith("is_")}
    digest = hashlib.sha256(table.to_csv().encode()).hexdigest()
    answer(scratch, name, {"flags": flags, "digest": digest, "stages": project.run["timings"]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help="another number, to try it; only the full size is kept")
    parser.add_argument("--memory", default=MEMORY)
    parser.add_argument("--side", nargs=2, metavar=("FOLDER", "NAME"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        analyze(Path(given.side[0]), given.side[1], given.memory if given.side[1] == "bounded" else None)
        return
    with tempfile.TemporaryDirectory(prefix="assay-bounded-") as temporary:
        scratch = Path(temporary)
        made = texts(given.rows, scratch)
        command = [sys.executable, __file__, "--memory", given.memory, "--side", str(scratch)]
        sides = [run_side([*command, name], name, scratch) for name in ("bounded", "free")]
    bound = float(given.memory.upper().removesuffix("GB")) * 1024
    same = sides[0].found["digest"] == sides[1].found["digest"]
    rows = [
        [f"--memory {given.memory}" if one.name == "bounded" else "no bound", f"{one.private_mb:,}",
         f"{one.cpu_seconds:,.0f}", f"{one.wall_seconds:,.0f}"]
        for one in sides
    ]  # fmt: skip
    held = f"held: {sides[0].private_mb:,} of {bound:,.0f} MB" if sides[0].private_mb <= bound else "**not held**"
    tables = [{
        "title": "A bound on memory",
        "text": f"{made.about}. Anonymous memory of all processes together at its peak. The bound is {held}. Result tables are "
        f"{'the same' if same else '**not the same**'} with and without it. Far more seconds than CPU seconds: the machine had other work.",
        "heads": ["run", "private MB", "CPU s", "seconds"], "rows": rows,
    }]  # fmt: skip
    show(tables)
    for one in sides:
        print(one.name, [(row["stage"], row["peak_megabytes"]) for row in one.found["stages"]])
    if given.rows == ROWS:
        keep("bounded", {"sides": [one.record() for one in sides], "same": same, "tables": tables})


if __name__ == "__main__":
    main()
