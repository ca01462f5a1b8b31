"""The whole pipeline on thousands of odd datasets: small, narrow, repeated, constant, one-class tables, texts and pictures.

In: a number of examples (5,000 if none is given). Out: how many finished, how many were refused at the door; the first that
failed ends it with its data. The same test with 300 examples is part of the suite (``tests/test_odd_data.py``).

    python benchmarks/odd_data.py [EXAMPLES]
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from odd_data import pictures, tables, texts
from test_odd_data import finishes

SHARES = {"tables": (tables, 0.8), "texts": (texts, 0.15), "pictures": (pictures, 0.05)}


def main(examples: int) -> None:
    for name, (drawn, share) in SHARES.items():
        counts: Counter[str] = Counter()

        @settings(
            max_examples=max(1, round(share * examples)),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(made=drawn())
        def property_holds(counts: Counter[str], made: tuple[Any, dict[str, Any]]) -> None:
            counts["refused" if finishes(*made) is None else "finished"] += 1

        property_holds(counts)
        print(f"{name}: {counts['finished']:,} finished, {counts['refused']:,} refused with a sentence")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
