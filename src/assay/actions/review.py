"""What is left to review: `assay.issues.review` on a project, with the verdicts that its log holds.

In: a finished run, the state of its rows. Out: `Calibrated` by row number. Does not know: who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.actions.entry import ACTION_NAMES
from assay.actions.state import State
from assay.errors import UsageError
from assay.issues.review import Calibrated

if TYPE_CHECKING:
    from assay.runs import FinishedRun


def calibrated(project: FinishedRun, state: State, p: NDArray[np.floating] | None = None) -> Calibrated:
    """The probabilities of wrong labels, corrected by what people said of single rows.

    A label that a person gave other than the given one is a verdict "wrong", "keep" or the same label is "right"; a fix in bulk
    is none. Rows left out or set aside are settled without one. ``p`` (N,): `p_label_error` by row number, NaN = none, where it has
    been read already.

    Raises
    ------
    UsageError
        the label check has no probabilities: why.
    """
    record = next((check for check in project.run["checks"] if check["name"] == "label"), None)
    if record is None or record["status"] != "ran":
        why = "the data has no labels" if record is None else record["why"]
        raise UsageError(f"no probability of wrong labels to set a threshold on: {why}")
    n = project.dataset.n_rows
    if p is None:
        p = np.full(n, np.nan)
        order = project.dataset.order
        column = project.results(order, ["p_label_error"])["p_label_error"]
        p[order] = column.to_numpy(zero_copy_only=False).astype(float)
    if not np.isfinite(p).any():
        raise UsageError(
            "the classes overlap, so that the rate of wrong labels is known as a bound only: no threshold can be promised"
        )
    action, label = state.action, state.label
    verdict = np.full(n, -1, np.int8)
    hand = state.by_hand
    verdict[hand & (action == ACTION_NAMES.index("keep"))] = 0
    for row in np.flatnonzero(hand & (action == ACTION_NAMES.index("label"))).tolist():
        given = project.dataset.codes[row]
        same = given >= 0 and state.labels[int(label[row])] == project.classes[int(given)]
        verdict[row] = 0 if same else 1
    return Calibrated(p, verdict, action > 0, project.artefacts.counted())
