"""What rows of a dataset of pictures or texts are like, kept: how unusual is a distance, of these rows or of others?

In: distances of rows to their nearest rows and to rows of their class. Out: `OutlierReference`, which turns such distances into one
number a row, scores and flags. Does not know: vectors, how distances are measured, tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.issues.tail import fit_tail, lift, mean_rank, robust_z_scale, z_on_scale

Floats = NDArray[np.float64]
Distances = Mapping[str, NDArray[Any]]

NEAREST, CLASS, LEARNED = "nearest", "class/", "learned"  # keys of distances; "class/lite0": of the encoder lite0
LEARNED_WEIGHT = 0.6  # of its z: at 1 its false alarms hide foreign photographs (AP .92 -> .17)


@dataclass(frozen=True)
class Scale:
    """Robust z scores of logarithms of distances, as `assay.issues.tail.log_distance_z` has them, for other distances, too."""

    lift: float  # added to distances before their logarithm
    middle: float
    width: float  # 0: all distances were equal, and z is 0

    @classmethod
    def of(cls, distances: NDArray[Any]) -> Scale:
        x = np.asarray(distances, np.float64)
        lifted = lift(x)
        return cls(lifted, *robust_z_scale(np.log(x + lifted))) if lifted else cls(0.0, 0.0, 0.0)

    def z(self, distances: NDArray[Any]) -> Floats:
        """(n,) z scores, not below -4; 0 for NaN."""
        x = np.asarray(distances, np.float64)
        return z_on_scale(np.log(x + self.lift) if self.width else x, self.middle, self.width)


@dataclass(frozen=True)
class OutlierReference:
    """The scale of each kind of distance, and the evidence of the rows that it was learned from.

    scales_ : key of a distance -> `Scale`. evidence_ : (N,) of the analysed rows, ascending. least_flagged_ : the evidence from
    which a row is an outlier; infinity where that cannot be told.
    """

    scales_: dict[str, Scale]
    learned_alone: bool
    evidence_: Floats
    least_flagged_: float = np.inf

    @classmethod
    def fit(cls, distances: Distances, *, learned_alone: bool = False) -> OutlierReference:
        """Learn the scales. Cost: O(N).

        distances : key -> (N,), NaN where there is none. learned_alone : there are no vectors but those without pretraining.
        """
        return cls({name: Scale.of(values) for name, values in distances.items()}, learned_alone, np.zeros(0))

    def z(self, distances: Distances) -> dict[str, Floats]:
        """Key -> (n,) z scores on the common scale, that of the vectors without pretraining weighted down beside others."""
        found = {name: scale.z(distances[name]) for name, scale in self.scales_.items()}
        if LEARNED in found and not self.learned_alone:
            found[LEARNED] = found[LEARNED] * LEARNED_WEIGHT
        return found

    def evidence(self, distances: Distances) -> Floats:
        """(n,) one number a row: the mean of nearest rows and rows of the class, or what learned vectors say where that is more.

        ``distances``: every key of ``scales_`` -> (n,).
        """
        return self.combined(self.z(distances))

    def combined(self, z: Mapping[str, Floats]) -> Floats:
        """`evidence` from the z scores of `z`."""
        combined = z[NEAREST]
        if of_class := [z[name] for name in self.scales_ if name.startswith(CLASS)]:
            combined = (combined + np.mean(of_class, axis=0)) / 2
        if LEARNED in z:
            combined = z[LEARNED] if self.learned_alone else np.maximum(combined, z[LEARNED])
        return combined

    def learned_from(self, evidence: Floats, flagged: NDArray[np.bool_], p_value: float) -> OutlierReference:
        """A copy that knows from which evidence on a row is an outlier.

        evidence : (n,) of the rows that took part. flagged : (n,) which of them are outliers: the least evidence among these
        is the cut. Where none is flagged, the cut is what their fitted tail exceeds with probability ``p_value``."""
        if flagged.any():
            least = float(evidence[flagged].min())
        else:
            tail = fit_tail(evidence)
            least = np.inf if tail is None else tail.value_at(p_value)
        return replace(self, evidence_=np.sort(evidence), least_flagged_=least)

    def score(self, distances: Distances) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(score, whether it is an outlier) of n rows: the share of the learned rows with no more evidence; of equals the mean.

        Cost: O(n log N).
        """
        evidence = self.evidence(distances)
        score = mean_rank(self.evidence_, evidence) / len(self.evidence_)
        return score.astype(np.float32), evidence >= self.least_flagged_

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(index, arrays): the index is JSON."""
        scales = np.array([[one.lift, one.middle, one.width] for one in self.scales_.values()])
        arrays = {"scales": scales, "evidence": self.evidence_, "least_flagged": np.array(self.least_flagged_)}
        return {"distances": list(self.scales_), "learned_alone": self.learned_alone}, arrays

    @classmethod
    def from_arrays(cls, index: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> OutlierReference:
        """The inverse of `to_arrays`."""
        scales = dict(zip(index["distances"], (Scale(*one) for one in arrays["scales"].tolist()), strict=True))
        return cls(scales, index["learned_alone"], arrays["evidence"], float(arrays["least_flagged"]))
