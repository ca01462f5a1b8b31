"""What the label check can know of a dataset: the rate of wrong labels, only a bound of it, or nothing.

In: label codes, the `Scan`, what the surest rows are `Evidence` of. Out: `Verdict`. Does not know: single rows' flags.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.issues.anchors import OVERLAP, Evidence
from assay.issues.counted import Counted
from assay.issues.interval import Z95, wilson_end
from assay.issues.scan import Scan

INFORMED = 0.25  # of the way from chance to certainty that the surest tenth must surely have gone ...
ANCHORED = 0.6  # ... and where what they disagree with looks like overlap
NOISY = 0.03  # ... and noise from which findings would then rest on it
OVERLAPS = 0.04  # by so much more do all rows disagree than the surest: some rows overlap, the surest perhaps, too
DOUBTING = 0.5  # of what the surest rows disagree their probabilities foresee: a model that is surer learned noise
ENOUGH = 50  # labelled rows, for a plateau to be seen
Z_SURE = ((100, 1.645), (15, 1.0), (0, 0.0))  # from so many labelled rows, standard errors of "surely"
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Verdict:
    """``withheld``: why label findings are withheld, or "" where they stand. ``at_most``: the rate of wrong labels is known
    as a bound only, ``bound``; ``accuracy`` and ``surest``: share of labelled rows, and of the surest tenth, that carry the
    class predicted for them. ``told``: the rate that the labels of the ``sure_rows`` surest rows tell. ``of_class``: standard error of the
    number of wrong labels of each class, see `Evidence`. ``counted``: what that
    rate accounts for of each p_label_error, None where nothing is known of it."""

    withheld: str
    at_most: bool
    bound: float
    accuracy: float
    surest: float
    by_lot: bool = False  # the surest rows are hardly better than chance, nor are all together
    told: float = 0.0
    sure_rows: int = 0
    of_class: tuple[float, ...] = ()
    counted: Counted | None = None

    def to_dict(self) -> dict[str, Any]:
        """All but ``counted``, as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "counted"}
        return values | {"of_class": list(self.of_class)}


def verdict(labels: Codes, seen: Scan, evidence: Evidence) -> Verdict:
    """Whether the label check can say anything about this dataset, and if so how exactly. Cost: O(N)."""
    known = np.flatnonzero((labels >= 0) & seen.analyzed)
    n = evidence.n
    if not len(known):
        return Verdict("", False, 0.0, 0.0, 0.0)
    accuracy = float((seen.classes[known, 0] == labels[known]).mean())
    bound = float(wilson_end(evidence.disagree * n, n, Z95))
    told = min(evidence.noise, evidence.disagree)
    of_class = np.bincount(labels[known], minlength=seen.n_classes)
    chance = float(of_class.max() / len(known))
    classes = np.count_nonzero(of_class)
    rises = evidence.course.rises
    overlaps = evidence.disagree - evidence.noise > OVERLAP * evidence.disagree
    # of two classes there is no direction that would tell noise from overlap
    like_overlap = evidence.trusted >= 0.5 or classes == 2
    # calibrated rows that go on disagreeing more are overlap, whether or not they foresee with what they disagree
    grows = classes > 2 and evidence.calibrated >= 0.5 and evidence.course.rising
    # rows that disagree no more than the surest of them do are one plateau: overlap would show in the others
    beyond = 1 - accuracy - evidence.disagree
    flat = classes > 2 and beyond <= OVERLAP * evidence.disagree
    no_plateau = not flat and (overlaps or (like_overlap and rises))
    # of two classes some rows overlap surely, and the surest rows perhaps, too, however sure the model is of them
    of_two = classes == 2 and evidence.noise >= NOISY
    at_most = grows or no_plateau or (of_two and beyond >= OVERLAPS)
    # ... and a plateau proves nothing: kinds of rows that are alike in all columns make one, too
    many = len(known) >= ENOUGH
    two = many and of_two and evidence.borne_out >= 0.5
    untold = two and beyond >= OVERLAPS
    rests_on_noise = many and like_overlap and no_plateau and evidence.noise >= NOISY
    unsure = evidence.borne_out >= 0.5 and (overlaps or rises or two)
    # rows that are no surer than that, and know it: noise is believed of a plateau only
    doubting = evidence.foreseen >= DOUBTING * evidence.disagree
    unsure |= many and classes > 2 and doubting and not evidence.course.plateau
    surely, overall, withheld = 1.0, 1.0, ""
    numbers = f"(accuracy {_share(accuracy)}, surest tenth {_share(evidence.surest)})"
    if classes > 1:
        z = next(z for least, z in Z_SURE if len(known) >= least)
        surely = (float(wilson_end(evidence.surest * n, n, -z)) - chance) / (1 - chance)
        overall = (float(wilson_end(accuracy * len(known), len(known), -z)) - chance) / (1 - chance)
        likely = (evidence.surest - chance) / (1 - chance)
        if len(known) < 10 and surely < INFORMED:
            withheld = f"{len(known)} labelled rows are too few to judge labels by: label findings are withheld"
        elif surely < INFORMED or (likely < ANCHORED and unsure) or rests_on_noise or untold:
            withheld = f"the data do not predict this label well enough {numbers}: label findings are withheld"
    # few rows that are surest prove little; all rows together may, though they tell overlap from noise still less
    by_lot = bool(withheld) and surely < INFORMED and overall < INFORMED
    errors = tuple(round(float(error), 3) for error in evidence.of_class)
    return Verdict(withheld, at_most or bool(withheld), bound, accuracy, evidence.surest, by_lot, told, n, errors)


def _share(value: float) -> str:
    """ ".62": two digits, never rounded up to 1."""
    return f"{min(value, 0.99):.2f}".lstrip("0") if value < 1 else "1.00"
