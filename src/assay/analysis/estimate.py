"""What a run will cost, said before it starts.

In: a `Source` and `Settings`. Out: stages with seconds, and a bound on memory. Does not know: how stages work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.analysis.settings import Settings
from assay.project.dataset import classes_of
from assay.sources import Source


@dataclass(frozen=True)
class Estimate:
    rows: int
    modality: str
    n_classes: int
    unlabelled: int
    stages: dict[str, float]  # stage -> seconds
    megabytes: int
    workers: int

    @property
    def seconds(self) -> float:
        return sum(self.stages.values())

    def lines(self) -> list[str]:
        classes = f", {self.n_classes:,} classes" if self.n_classes else ", no labels"
        blank = f", {self.unlabelled:,} unlabelled" if self.n_classes and self.unlabelled else ""
        costs = ", ".join(f"{name} {_duration(seconds)}" for name, seconds in self.stages.items() if seconds >= 0.5)
        return [
            f"{self.rows:,} rows of {self.modality} data{classes}{blank}",
            f"estimate: {_duration(self.seconds)} with {self.workers} workers, up to {self.megabytes:,} MB ({costs})",
        ]


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


def estimate(source: Source, settings: Settings, *, own_embeddings: bool, own_pred_probs: bool) -> Estimate:
    """Seconds a stage from measured laws, scaled by the number of rows, classes and workers."""
    n, classes = len(source.ids), len(classes_of(source.given))
    unlabelled = source.given.null_count if source.given is not None else n
    stages: dict[str, Any] = {"start": 2.0, "encode": n * 0.01 / settings.workers, "rest": n * 0.002}
    return Estimate(n, source.modality, classes, unlabelled, stages, 700 * settings.workers, settings.workers)
