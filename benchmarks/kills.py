"""SIGKILLs at random moments, every project resumed and compared byte for byte with an uninterrupted run.

In: the first pictures of cifar10n_6k; with ``--large``, the table of 200,000 rows of ``scale.py``. Out: ``results/kills.json``
or ``results/kills-large.json``; printed, what happened. Does not know: stages. The work is done by ``tests/killing.py``.
``python kills.py [KILLS] [--large]``
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from measure import ROOT
from page import write_page
from problems import data_dir
from sides import keep

ROWS, KILLS = 600, 20
LARGE_ROWS, LARGE_KILLS = 200_000, 4

sys.path.insert(0, str(ROOT / "tests"))


def pictures(scratch: Path) -> Path:
    import pandas as pd

    source, data = data_dir() / "cifar10n_6k", scratch / "pictures"
    labels = pd.read_csv(source / "labels.csv").head(ROWS)
    for file, name in zip(labels["file"], labels["random1_name"], strict=True):
        target = data / name / Path(file).name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((source / file).read_bytes())
    return data


def main() -> None:
    from killing import kill_and_compare

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "kills", nargs="?", type=int, help=f"at least so many; default {KILLS}, {LARGE_KILLS} with --large"
    )
    parser.add_argument("--large", action="store_true", help=f"{LARGE_ROWS:,} rows of a table")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-kills-") as temporary:
        scratch = Path(temporary)
        if given.large:
            import scale

            big = scale.table(LARGE_ROWS, scratch)
            options = ["--label", "label", "--modality", "table"]
            found = kill_and_compare(big.data, scratch, given.kills or LARGE_KILLS, options, workers=())
            lines = [f"{LARGE_ROWS:,} rows of a table", *found]
        else:
            found = kill_and_compare(pictures(scratch), scratch, given.kills or KILLS)
            lines = [f"{ROWS:,} pictures of cifar10n_6k", *found]
    print("\n".join(lines))
    keep("kills-large" if given.large else "kills", {"lines": lines})
    write_page()


if __name__ == "__main__":
    main()
