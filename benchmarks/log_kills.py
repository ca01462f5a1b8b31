"""SIGKILLs of a writer of decisions at random moments while it acknowledges: ``log_kills.py [KILLS]``.

In: nothing. Out: ``results/log_kills.json``; printed, what happened. Does not know: databases.
The work is done by ``tests/log_killing.py``.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from measure import ROOT
from sides import keep

sys.path.insert(0, str(ROOT / "tests"))


def main() -> None:
    from log_killing import kills

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", nargs="?", type=int, default=500)
    n = parser.parse_args().kills
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="assay-log-kills-") as scratch:
        outcome = kills(Path(scratch), n, random.Random(0))
    line = (
        f"{outcome.kills} SIGKILLs of the process group, {outcome.acknowledged:,} acknowledged decisions: {outcome.lost} lost, "
        f"{outcome.doubled} doubled, log damaged {outcome.damaged} times; {outcome.unheard} more were on disk before the "
        "acknowledgement was read, and sent again they were recognised"
    )
    print(line)
    keep("log_kills", {**asdict(outcome), "lines": [line], "seconds": round(time.monotonic() - started)})
    if outcome.lost or outcome.doubled or outcome.damaged:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
