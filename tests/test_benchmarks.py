"""What the benchmark scripts read off Assay's own output, they still can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.analysis.estimate import Estimate
from assay.analysis.memory import MemoryPlan

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.mark.parametrize("seconds", [0.8, 2.0, 20.0, 58.0, 80.0, 100.0, 1_000.0, 5_300.0, 9_000.0, 90_000.0])
def test_the_estimate_that_a_dry_run_prints_is_read_as_the_seconds_it_stands_for(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    quality = pytest.importorskip("quality", reason="the benchmark scripts are not here")
    printed = "\n".join(Estimate(10, "text", 2, 0, {"start": seconds}, MemoryPlan(workers=1), 1).lines())
    assert quality.promised_seconds(printed) == pytest.approx(seconds, rel=0.2, abs=0.5)
    assert quality.promised_seconds("nothing of the kind") is None
