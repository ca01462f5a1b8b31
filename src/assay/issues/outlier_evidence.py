"""What the judges of outliers share: evidence, what a judge says of all rows, rows and what lies near them, the tail.

In: embeddings, the neighbour graph, evidence. Out: `Part`, `Judged`, `Neighborhood`, flags. Does not know: which evidence there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.issues.distances import outside_distances
from assay.issues.outlier_reference import OutlierReference
from assay.issues.table_reference import TableReference
from assay.issues.tail import fit_tail
from assay.issues.unusual_cells import UnusualCells

Floats = NDArray[np.float64]

P_VALUE = 0.003  # the threshold, of the generalised Pareto tail: about three false flags in a thousand
NEAREST_REASON = "its nearest rows are {} as far away as usual"
CUTS = "few random cuts through the columns set it apart"


@dataclass(frozen=True)
class Part:
    """One kind of evidence: ``z`` on the common scale; ``value`` what is measured; ``reason`` with {} for how much."""

    z: Floats
    value: NDArray[Any]
    reason: str


@dataclass(frozen=True)
class Judged:
    """What is said of the rows that take part.

    parts : the kinds of evidence, distance to the nearest rows first; (N,) each.
    evidence : (n,) the number by which the n rows that take part are ranked.
    beyond : (n,) those of them that are flagged. by_chance : (N,) of these, tables' rows that lie as far out as rows drawn at random.
    reference : what was learned, for rows to come; None where too few rows take part or all are alike, and nothing is flagged.
    cells : of tables, unusual cells. notes : sentences about the dataset.
    """

    parts: list[Part]
    evidence: Floats
    beyond: NDArray[np.bool_]
    by_chance: NDArray[np.bool_]
    reference: OutlierReference | TableReference | None
    cells: UnusualCells
    notes: list[str] = field(default_factory=list)

    @classmethod
    def none_flagged(cls, parts: list[Part], evidence: Floats, cells: UnusualCells, notes: list[str]) -> Judged:
        """Of too few rows, or where all are alike."""
        return cls(
            parts, evidence, np.zeros(len(evidence), bool), np.zeros(len(cells.strength), bool), None, cells, notes
        )


@dataclass(frozen=True)
class Neighborhood:
    """All rows, and what lies near them.

    embeddings : name -> (N, d). ids, distances : (N, k) the graph over all of them, Euclidean or cosine.
    groups : (N,) of `closed_groups`, -1 = none. seed : of samples.
    """

    embeddings: Mapping[str, NDArray[Any]]
    ids: NDArray[np.int32]
    distances: NDArray[np.float32]
    groups: NDArray[np.int32]
    seed: int
    threads: int

    def distance(self, ranks: tuple[int, int], *, cosine: bool) -> NDArray[np.float32]:
        """How far each row lies from its neighbours of certain ranks.

        Parameters
        ----------
        ranks : (first, last) of the neighbours that count, from 0, ``last`` not included; fewer where there are fewer. Rows of a
            group are measured to rows outside it (`outside_distances`).
        cosine : whether the graph's distances are cosine distances, else Euclidean.

        Returns
        -------
        (N,) float32 mean distances, NaN where a row has no such neighbour.
        """
        there = int(np.isfinite(self.distances[0]).sum()) if len(self.distances) else 0
        last = max(1, min(ranks[1], there))
        first = min(ranks[0], last - 1)
        near = np.asarray(self.distances[:, first:last], np.float64)
        usable = np.isfinite(near)
        count = usable.sum(1)
        out = np.where(count > 0, np.where(usable, near, 0).sum(1) / np.maximum(count, 1), np.nan).astype(np.float32)
        rows, outside = outside_distances(
            list(self.embeddings.values()),
            self.groups,
            ranks=(first, last),
            cosine=cosine,
            seed=self.seed,
            threads=self.threads,
        )
        out[rows] = outside
        return out


def in_tail(evidence: Floats) -> NDArray[np.bool_]:
    """(n,) values that the tail fitted to all of them exceeds with probability below ``P_VALUE``; none where there is no tail."""
    tail = fit_tail(evidence)
    return np.zeros(len(evidence), bool) if tail is None else tail.p_values(evidence) < P_VALUE
