"""Uploads cut off at random places, resumed: did the same bytes arrive? ``uploads.py [CUTS]``

In: nothing. Out: ``results/uploads.json``; printed, what happened. The sender dies, the server is killed, the disk is full and
two send at once, in turn. Does not know: the protocol. The work is done by ``tests/cutting.py``.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from measure import ROOT
from sides import keep

sys.path.insert(0, str(ROOT / "tests"))


def main() -> None:
    from cutting import cut_and_resume

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cuts", nargs="?", type=int, default=30)
    n = parser.parse_args().cuts
    with tempfile.TemporaryDirectory(prefix="assay-uploads-") as scratch:
        outcome = cut_and_resume(Path(scratch) / "home", n, random.Random(0))
    kinds = ", ".join(f"{count} {kind}" for kind, count in outcome.cuts.items())
    line = (
        f"{n} uploads of 1 to 6 MB cut off at random ({kinds}) and resumed: {outcome.same} byte-identical; after "
        f"{outcome.part} of the cuts part of the piece had been kept"
    )
    print("\n".join([line, *outcome.faults]))
    keep("uploads", {**asdict(outcome), "lines": [line]})
    if outcome.same != n:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
