"""Rows that hold two labels, for an export that carries both.

In: a finished run, its log of decisions. Out: second labels by row, or why there are none. Does not know: file formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.actions import ActionLog
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.runs import FinishedRun

COLUMNS = ("is_multi_label", "second_label")


def why_no_second_labels(project: FinishedRun) -> str:
    """Why an export of this run cannot carry both labels; "" = it can."""
    record = next((check for check in project.run["checks"] if check["name"] == "multi_label"), None)
    if record is None or record["status"] != "ran":
        why = "the data has no labels, or is a table" if record is None else record["why"]
        return f"this run looked for no second labels: {why}"
    return "" if project.run["roles"]["label"] else "there is no label column to hold both labels"


def undecided_rows(project: FinishedRun, log: ActionLog, at: int | None) -> NDArray[np.bool_]:
    """(N,) by row number: rows that nobody decided about by entry ``at``; `UsageError` where no second labels are known."""
    if why := why_no_second_labels(project):
        raise UsageError(why)
    return np.asarray(log.state(at).action == 0)


def second_of(results: pa.Table, undecided: NDArray[np.bool_]) -> NDArray[np.object_]:
    """(n,) the second label of rows that hold two and that nobody decided about, None elsewhere; ``results`` hold `COLUMNS`."""
    second = np.array([*results["second_label"].to_pylist(), None], object)[:-1]
    second[~(results["is_multi_label"].to_numpy(zero_copy_only=False).astype(bool) & undecided)] = None
    return second
