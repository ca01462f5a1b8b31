"""What rows of a table are like, kept: how unusual is a row that was not there?

In: how far a row lies from the rows of the table, which of these are near, its vector, its cells. Out: `TableReference`, which turns them
into scores and flags. Does not know: how cells become vectors, how distances are measured, labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.issues.distances import decorrelated_distances
from assay.issues.forest import beyond_neighbors
from assay.issues.isolation import FittedIsolation
from assay.issues.outlier_reference import Scale
from assay.issues.tail import mean_rank, z_on_scale
from assay.issues.unusual_cells import CellBounds

Floats = NDArray[np.float64]
FOREST = "forest."
FEW = 5  # neighbours that count where correlations are taken out


@dataclass(frozen=True)
class TableReference:
    """Scales, cuts and the forest of a table of N rows, and the evidence of these.

    nearest_ : the scale of mean distances to the ten nearest. apart_ : the weight of such a distance beside the forest.
    few_, turn_ : where rows are ranked by `decorrelated_distances` to the five nearest instead, the scale of these and what turns
    vectors; else None.
    forest_, forest_scale_ : isolation scores, and (middle, width) of those of the table. cut_ : robust z beyond which a row is an
    outlier. farthest_ : z of distances that those must exceed, too. logs_ : (N,) log distances, NaN of rows that took no part.
    far_, stands_out_ : log distance, and how much more than its neighbours', from which a row lies as if by chance.
    bounds_ : of the columns. evidence_ : (N,) ascending, of rows without an unusual cell. unusual_ : how many rows have one.
    """

    nearest_: Scale
    apart_: float
    few_: Scale | None
    turn_: NDArray[np.float32] | None
    forest_: FittedIsolation
    forest_scale_: tuple[float, float]
    cut_: float
    farthest_: float
    logs_: Floats
    far_: float
    stands_out_: float
    bounds_: tuple[CellBounds, ...]
    evidence_: Floats
    unusual_: int

    def score(
        self, x: NDArray[Any], of: NDArray[Any], distances: NDArray[Any], ids: NDArray[np.int32], cells: pd.DataFrame
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(score, whether it is an outlier) of n rows, as the columns of kind "outlier" have them.

        Parameters
        ----------
        x, of : (n, d) vectors, and (N, d) those of the table. distances : (n,) mean Euclidean distance to its ten nearest rows.
        ids : (n, k) neighbours in the table, nearest first, -1 = none. cells : n rows, with the columns of ``bounds_``.

        Notes
        -----
        A row with an unusual cell has the score of the least unusual of those that had one. Cost: O(n (100 log 256 + log N)).
        """
        z, forest = self.nearest_.z(distances), z_on_scale(self.forest_.score(x), *self.forest_scale_)
        ranking = z
        if self.few_ is not None and self.turn_ is not None:
            ranking = self.few_.z(decorrelated_distances(x, of, ids, FEW, self.turn_))
        evidence = np.maximum(self.apart_ * ranking, forest)
        unusual = np.zeros(len(x), bool)
        for column in self.bounds_:
            unusual |= column.unusual(cells[column.name])
        flagged = unusual | (forest > self.cut_) | ((z > self.cut_) & (z > self.farthest_))
        logs = (
            np.log(np.asarray(distances, np.float64) + self.nearest_.lift) if self.nearest_.width else np.zeros(len(x))
        )
        flagged |= (logs > self.far_) & (beyond_neighbors(logs, ids, self.logs_) >= self.stands_out_)
        rank = mean_rank(self.evidence_, evidence)
        rank[unusual] = len(self.evidence_) + 1
        return (rank / max(len(self.evidence_) + self.unusual_, 1)).clip(max=1).astype(np.float32), flagged

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(index, arrays): the index is JSON."""
        numbers = ("apart_", "cut_", "farthest_", "far_", "stands_out_", "unusual_")
        arrays: dict[str, NDArray[Any]] = {name: np.array(getattr(self, name)) for name in numbers}
        arrays |= {"logs_": self.logs_, "evidence_": self.evidence_, "forest_scale_": np.array(self.forest_scale_)}
        scales = {"nearest_": self.nearest_, "few_": self.few_}
        arrays |= {name: np.array(astuple(scale)) for name, scale in scales.items() if scale is not None}
        arrays |= {} if self.turn_ is None else {"turn_": self.turn_}
        arrays |= {f"{FOREST}{name}": array for name, array in self.forest_.to_arrays().items()}
        return {"bounds": [column.to_json() for column in self.bounds_]}, arrays

    @classmethod
    def from_arrays(cls, index: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TableReference:
        """The inverse of `to_arrays`."""
        forest = {name[len(FOREST) :]: array for name, array in arrays.items() if name.startswith(FOREST)}
        middle, width = arrays["forest_scale_"].tolist()
        return cls(
            nearest_=Scale(*arrays["nearest_"].tolist()),
            apart_=float(arrays["apart_"]),
            few_=Scale(*arrays["few_"].tolist()) if "few_" in arrays else None,
            turn_=arrays.get("turn_"),
            forest_=FittedIsolation.from_arrays(forest),
            forest_scale_=(middle, width),
            cut_=float(arrays["cut_"]),
            farthest_=float(arrays["farthest_"]),
            logs_=arrays["logs_"],
            far_=float(arrays["far_"]),
            stands_out_=float(arrays["stands_out_"]),
            bounds_=tuple(CellBounds.from_json(column) for column in index["bounds"]),
            evidence_=arrays["evidence_"],
            unusual_=int(arrays["unusual_"]),
        )
