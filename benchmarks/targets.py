"""What is measured: the targets of the suite, the result that each writes, and the code that it rests on.

In: nothing. Out: `TARGETS`. Does not know: how anything is measured.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from measure import ROOT
from staleness import stale

RESULTS = ROOT / "benchmarks" / "results"
SAME = ("cpu", "cores", "memory_gib")  # two results with these in common are of one machine
LABELS = ("predict", "issues")
COPIES = ("duplicates", "encode")
ANALYSIS = ("sources", "dataset", "encode", "graph", "duplicates", "predict", "issues", "stages", "analysis")
DOORS = ("actions", "query", "server", "charts", "detail", "storage")


@dataclass(frozen=True)
class Target:
    """``full`` writes ``result``; ``quick``: the words of a small run, None where `make bench` leaves the target out.
    ``rooms`` of the package that the figures rest on, () for all of it."""

    result: str
    full: tuple[str, ...]
    quick: tuple[str, ...] | None = None
    rooms: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        return RESULTS / f"{self.result}.json"

    def missing(self, here: dict[str, object]) -> bool:
        if not self.file.exists():
            return True
        there = json.loads(self.file.read_text())["machine"]
        return any(there[key] != here[key] for key in SAME)

    def stale(self) -> str:
        """Why its result does not stand for the code as it is; "" where it does, or where there is none."""
        if not self.file.exists():
            return ""
        return stale(json.loads(self.file.read_text())["commit"], self.full[0], self.rooms)


def quality(name: str, *, quick: bool) -> Target:
    words = ("quality.py", name)
    return Target(f"quality-{name}", words, words if quick else None, ANALYSIS)


TARGETS = (
    quality("hospital", quick=True),
    quality("odds_outliers", quick=True),
    quality("photos_600", quick=True),
    quality("cifar10n_6k", quick=True),
    quality("banking77", quick=True),
    quality("beers", quick=False),
    quality("clinc150", quick=False),
    Target("noise", ("noise.py",), ("noise.py", "digits"), rooms=LABELS),
    Target("learner", ("learner.py",), ("learner.py", "digits", "wine"), rooms=LABELS),
    Target("safe", ("safe.py",), ("safe.py", "digits"), rooms=LABELS),
    Target("overlap", ("overlap.py",), ("overlap.py", "1"), rooms=LABELS),
    Target("copies", ("copies.py",), ("copies.py", "mirror"), rooms=COPIES),
    Target("copy-sets", ("copy_sets.py",), ("copy_sets.py", "coloured twins"), rooms=COPIES),
    Target("foreign", ("foreign.py",), rooms=("encode", "graph", "issues")),
    Target("planted-images", ("planted.py", "images"), rooms=ANALYSIS),
    Target("planted-texts", ("planted.py", "texts"), rooms=ANALYSIS),
    Target("planted-table", ("planted.py", "table"), rooms=ANALYSIS),
    Target(
        "table-faults",
        ("table_faults.py",),
        ("table_faults.py", "tabular_hospital"),
        rooms=("sources", "encode", "insights", "issues"),
    ),
    Target("small", ("small.py",), ("small.py", "table"), rooms=ANALYSIS),
    Target("big-labels", ("big_labels.py", "--datalab"), ("big_labels.py", "--rows", "50000"), rooms=("issues",)),
    Target("big-neighbors", ("big_neighbors.py",), ("big_neighbors.py", "--rows", "20000"), rooms=("graph",)),
    Target("integers", ("integers.py",), rooms=("encode",)),
    Target("photographs", ("photographs.py",), ("photographs.py", "--rows", "2000"), rooms=("encode", "stages")),
    Target("scale-images", ("scale.py", "images"), rooms=ANALYSIS),
    Target("scale-texts", ("scale.py", "texts"), rooms=ANALYSIS),
    Target("scale-table", ("scale.py", "table"), rooms=ANALYSIS),
    Target("big-run", ("big_run.py",), ("big_run.py", "--rows", "20480"), rooms=ANALYSIS),
    Target("big-run-bounded", ("big_run.py", "--memory", "3GB"), rooms=ANALYSIS),
    Target("bounded", ("bounded.py",), ("bounded.py", "--rows", "10000"), ANALYSIS),
    Target("imagenet", ("imagenet.py",), rooms=ANALYSIS),
    Target("kills", ("kills.py",), rooms=("storage", "analysis")),
    Target("kills-large", ("kills.py", "--large"), rooms=("storage", "analysis")),
    Target("log_kills", ("log_kills.py",), rooms=("storage", "actions")),
    Target("views", ("views.py",), rooms=DOORS),
    Target("review", ("review.py",), rooms=DOORS),
    Target("reviewers", ("review.py", "--small"), ("review.py", "--small", "--seconds", "10"), rooms=DOORS),
    Target("relations", ("relations.py",), rooms=("insights", "predict", "issues")),
    Target("two-labels", ("two_labels.py",), rooms=("encode", "predict", "issues", "insights", "stages")),
    Target(
        "calibration", ("calibration.py",), ("calibration.py", "precision"), rooms=("predict", "issues", "insights")
    ),
    Target(
        "checks", ("checks.py",), ("checks.py", "--repetitions", "2"), rooms=("graph", "predict", "issues", "insights")
    ),
    Target(
        "big-findings",
        ("big_findings.py",),
        ("big_findings.py", "--rows", "20000"),
        rooms=("issues", "insights", "stages"),
    ),
    Target("flips", ("flips.py",), ("flips.py", "--flips", "30"), rooms=("storage", "runs", "actions")),
    Target(
        "fuzz", ("fuzz.py",), ("fuzz.py", "600"), rooms=("server", "actions", "query", "charts", "detail", "export")
    ),
    Target("uploads", ("uploads.py",), ("uploads.py", "8"), rooms=("server", "storage")),
    Target("attacks", ("attacks.py",), rooms=("sources", "storage", "server", "export")),
)
