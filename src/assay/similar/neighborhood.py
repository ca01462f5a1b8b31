"""The rows nearest to one row, or to vectors: neighbours, theirs, and so on, then measured exactly.

In: the run's vectors and neighbour graph. Out: row numbers, nearest first, and distances. Does not know: labels, filters,
encoders.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.runs import FinishedRun

MOST = 500  # similar rows
EVERY = 20_000  # vector rows up to which each one is measured
CANDIDATES = 8_000  # rows that are measured above that
STEP = 100  # rows whose neighbours are gone to at a time
BLOCK = 4_096


class Neighborhood:
    """Vectors and graph of a run, mapped from their files. ``rows``: vector row -> row number, ascending."""

    def __init__(
        self,
        rows: NDArray[np.int64],
        embeddings: Mapping[str, NDArray[Any]],
        ids: NDArray[np.int32],
        distances: NDArray[np.float32],
        metric: str,
    ) -> None:
        self.rows, self.embeddings, self.ids, self.distances, self.metric = (
            rows,
            dict(embeddings),
            ids,
            distances,
            metric,
        )

    @classmethod
    def open(cls, project: FinishedRun) -> Neighborhood | None:
        """None where the run left no graph. Cost: opens files; reads what is asked for only."""
        left = project.artefacts
        rows, ids, distances = left.vector_rows, left.array("graph", ".ids.npy"), left.array("graph", ".distances.npy")
        if rows is None or ids is None or distances is None:
            return None
        found = {name: left.embedding(name) for name in left.embeddings}
        embeddings = {name: array for name, array in found.items() if array is not None}
        return cls(rows, embeddings, ids, distances, str(project.run["graph"].get("metric", "cosine")))

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

        The distance is the mean over the embeddings of 1 - cosine, or of squared Euclidean distances its root. Up to `EVERY` rows
        all are measured; above, those to which the graph leads. `UsageError` for a row without vectors.
        Cost: under 0.1 s.
        """
        at = self.index(row)
        if at is None:
            raise UsageError(f"similar: row {row} was not analysed, so nothing is known to be like it")
        vectors = {name: embedding[at] for name, embedding in self.embeddings.items()}
        start = self._all if len(self.rows) <= EVERY else np.array([at])
        candidates, distances = self._explored(vectors, start)
        distances[candidates == at] = -1
        return self._nearest(candidates, distances, most + 1)

    def near(
        self, vectors: Mapping[str, NDArray[Any]], most: int = MOST
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """`similar` for something that is no row: its vectors in some of the embeddings, which alone are compared.

        Above `EVERY` rows so many of them, evenly over the data, are measured, and the graph leads on from the nearest.
        """
        known = {name: vector for name, vector in vectors.items() if name in self.embeddings}
        start = self._all
        if len(start) > EVERY:
            some = start[:: -(-len(start) // EVERY)]
            start = np.sort(some[np.lexsort((some, self._distances(known, some)))[:STEP]])
        return self._nearest(*self._explored(known, start), most)

    @property
    def _all(self) -> NDArray[np.int64]:
        return np.arange(len(self.rows))

    def _nearest(
        self, candidates: NDArray[np.int64], distances: NDArray[np.float64], most: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        first = np.lexsort((candidates, distances))[:most]
        return self.rows[candidates[first]].astype(np.int32), np.maximum(distances[first], 0).astype(np.float32)

    def _explored(
        self, vectors: Mapping[str, NDArray[Any]], start: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(vector rows, their distances): ``start``, and from there on the neighbours of the nearest rows so far, `STEP` of
        them at a time, until `CANDIDATES` rows are measured or the nearest `MOST` have all been followed.
        """
        seen, distances = start, self._distances(vectors, start)
        followed = np.zeros(len(seen), bool)
        while len(seen) < min(CANDIDATES, len(self.rows)):
            nearest = np.lexsort((seen, distances))[:MOST]
            step = nearest[~followed[nearest]][:STEP]
            if not len(step):
                break
            followed[step] = True
            found = np.unique(self.ids[seen[step]])
            new = np.setdiff1d(found[found >= 0], seen, assume_unique=True).astype(np.int64)
            seen = np.concatenate([seen, new])
            distances = np.concatenate([distances, self._distances(vectors, new)])
            followed = np.concatenate([followed, np.zeros(len(new), bool)])
        return seen, distances

    def _distances(self, vectors: Mapping[str, NDArray[Any]], candidates: NDArray[np.int64]) -> NDArray[np.float64]:
        """(m,) of the candidates to something with these vectors, one for each embedding."""
        total = np.zeros(len(candidates))
        for name, vector in vectors.items():
            own, embedding = np.asarray(vector, np.float64), self.embeddings[name]
            for start in range(0, len(candidates), BLOCK):
                block = np.asarray(embedding[candidates[start : start + BLOCK]], np.float64)
                if self.metric == "cosine":
                    lengths = np.linalg.norm(block, axis=1) * np.linalg.norm(own)
                    part = 1 - (block @ own) / np.maximum(lengths, 1e-12)
                else:
                    part = ((block - own) ** 2).sum(1)
                total[start : start + BLOCK] += part
        mean = total / max(len(vectors), 1)
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
