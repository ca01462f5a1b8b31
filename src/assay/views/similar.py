"""The rows nearest to one row: its neighbours, theirs, and so on, then measured exactly.

In: the run's vectors and neighbour graph. Out: row numbers, nearest first, and distances. Does not know: labels, filters.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import UsageError
from assay.storage import Folder

if TYPE_CHECKING:
    from assay.project.project import Project

MOST = 500  # similar rows
EVERY = 20_000  # vector rows up to which each one is measured
CANDIDATES = 8_000  # rows of the graph that are gone to above that
BLOCK = 4_096


def place_of(run: dict[str, Any], stage: str) -> str | None:
    """Where a stage of one shard left its files; None where the run had no such stage."""
    record = run.get("stages", {}).get(stage)
    return f"stages/{stage}/{record['fingerprint']}/all" if record else None


class Neighborhood:
    """Vectors and graph of a run, mapped from their files. ``rows``: vector row -> row number, ascending."""

    def __init__(
        self,
        rows: NDArray[np.int64],
        views: list[NDArray[Any]],
        ids: NDArray[np.int32],
        distances: NDArray[np.float32],
        metric: str,
    ) -> None:
        self.rows, self.views, self.ids, self.distances, self.metric = rows, views, ids, distances, metric

    @classmethod
    def open(cls, project: Project) -> Neighborhood | None:
        """None where the run left no graph. Cost: opens files; reads what is asked for only."""
        run, folder = project.run, Folder(project.path)
        graph, vectors = place_of(run, "graph"), run.get("vectors")
        if graph is None or not vectors or not folder.exists(f"{graph}.ids.npy"):
            return None
        names = [f"{vectors}.{view}.npy" for view in run["views"]]
        return cls(
            folder.get_array(f"{vectors}.rows.npy", mmap=True),
            [folder.get_array(name, mmap=True) for name in names if folder.exists(name)],
            folder.get_array(f"{graph}.ids.npy", mmap=True),
            folder.get_array(f"{graph}.distances.npy", mmap=True),
            str(run["graph"].get("metric", "cosine")),
        )

    def index(self, row: int) -> int | None:
        """The vector row of a row number; None for a row that was not analysed."""
        at = int(np.searchsorted(self.rows, row))
        return at if at < len(self.rows) and self.rows[at] == row else None

    def neighbors(self, row: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(row numbers, distances) of the graph, nearest first; empty for a row that was not analysed."""
        at = self.index(row)
        if at is None:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        ids, distances = np.asarray(self.ids[at]), np.asarray(self.distances[at])
        known = ids >= 0
        return np.asarray(self.rows[ids[known]], np.int64), distances[known]

    def similar(self, row: int, most: int = MOST) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(row numbers, distances) of the row itself and its nearest rows, ties by row number.

        The distance is the mean over the views of 1 - cosine, or of squared Euclidean distances its root. Up to `EVERY` rows
        all are measured; above, the `CANDIDATES` that the graph reaches first. `UsageError` for a row without vectors.
        Cost: under 0.1 s.
        """
        at = self.index(row)
        if at is None:
            raise UsageError(f"similar: row {row} was not analysed, so nothing is known to be like it")
        candidates = np.arange(len(self.rows)) if len(self.rows) <= EVERY else self._reached(at)
        distances = self._distances(at, candidates) if self.views else self._ranks(candidates)
        distances[candidates == at] = -1
        first = np.lexsort((candidates, distances))[: most + 1]
        return self.rows[candidates[first]].astype(np.int32), np.maximum(distances[first], 0).astype(np.float32)

    def _reached(self, start: int) -> NDArray[np.int64]:
        """Vector rows in the order in which the graph reaches them, a whole ring of neighbours at a time."""
        seen = np.array([start], np.int64)
        ring = seen
        while len(ring) and len(seen) < CANDIDATES:
            found = np.unique(self.ids[ring])
            ring = np.setdiff1d(found[found >= 0], seen, assume_unique=True)[: CANDIDATES - len(seen)]
            seen = np.concatenate([seen, ring])
        return seen

    @staticmethod
    def _ranks(candidates: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.arange(len(candidates), dtype=np.float64)

    def _distances(self, at: int, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
        total = np.zeros(len(candidates))
        for view in self.views:
            own = np.asarray(view[at], np.float64)
            for start in range(0, len(candidates), BLOCK):
                block = np.asarray(view[candidates[start : start + BLOCK]], np.float64)
                if self.metric == "cosine":
                    lengths = np.linalg.norm(block, axis=1) * np.linalg.norm(own)
                    part = 1 - (block @ own) / np.maximum(lengths, 1e-12)
                else:
                    part = ((block - own) ** 2).sum(1)
                total[start : start + BLOCK] += part
        mean = total / len(self.views)
        return mean if self.metric == "cosine" else np.sqrt(mean)

    @cached_property
    def usual(self) -> tuple[float, float]:
        """The 5th and 95th centile of a row's mean distance to its neighbours, of up to 20,000 rows evenly over the data."""
        step = max(1, len(self.distances) // 20_000)
        some = np.asarray(self.distances[::step], np.float64)
        means = np.where(np.isfinite(some), some, np.nan)
        means = means[~np.isnan(means).all(1)] if means.size else means
        if not len(means):
            return 0.0, 0.0
        low, high = np.percentile(np.nanmean(means, axis=1), [5, 95])
        return float(low), float(high)
