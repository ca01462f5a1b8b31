"""At least 20 SIGKILLs on real images, every project resumed and compared byte for byte: ``kills.py [KILLS]``.

In: the first pictures of cifar10n_6k. Out: ``results/kills.json``; printed, what happened. Does not know: stages.
The work is done by ``tests/killing.py``.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

from measure import ROOT, commit, machine
from page import RESULTS, write_page
from problems import data_dir

ROWS = 600

sys.path.insert(0, str(ROOT / "tests"))


def main() -> None:
    import pandas as pd

    from killing import main as kill

    kills = sys.argv[1] if len(sys.argv) > 1 else "20"
    source = data_dir() / "cifar10n_6k"
    labels = pd.read_csv(source / "labels.csv").head(ROWS)
    with tempfile.TemporaryDirectory(prefix="assay-kills-") as scratch:
        data = Path(scratch) / "pictures"
        for file, name in zip(labels["file"], labels["random1_name"], strict=True):
            target = data / name / Path(file).name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((source / file).read_bytes())
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            kill([str(data), scratch, kills])
    lines = [f"{ROWS:,} pictures of cifar10n_6k", *printed.getvalue().splitlines()]
    print("\n".join(lines))
    RESULTS.mkdir(exist_ok=True)
    record = {"lines": lines, "commit": commit(), "machine": machine()}
    (RESULTS / "kills.json").write_text(json.dumps(record, indent=1) + "\n")
    write_page()


if __name__ == "__main__":
    main()
