"""An acknowledged decision survives SIGKILL of the writer and everything it started, right after the acknowledgement.

Oracle: what the writer printed before it died. ``benchmarks/log_kills.py`` does the same with hundreds of kills.
"""

from __future__ import annotations

import random
from pathlib import Path

from log_killing import kills


def test_of_twenty_kills_none_loses_doubles_or_damages_anything(tmp_path: Path) -> None:
    outcome = kills(tmp_path, 20, random.Random(0))
    assert outcome.kills == 20 and outcome.acknowledged >= 20
    assert (outcome.lost, outcome.doubled, outcome.damaged) == (0, 0, 0)
