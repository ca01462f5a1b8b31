"""What stands about the rows of a project, in words.

In: a project folder. Out: row number -> words, and the label that was decided. Does not know: which rows the next run finds again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assay.actions.entry import ACTION_NAMES
from assay.actions.log import ActionLog
from assay.actions.plan import EXCLUDE
from assay.dataset.following import Standing
from assay.runs import FinishedRun


def standing(path: Path) -> dict[int, Standing]:
    """Row number -> its decision, tags and note, for rows that have any; {} where nothing was decided."""
    log = ActionLog.open(FinishedRun(path))
    state = log.state()
    words: dict[int, list[str]] = {}
    for row in np.flatnonzero((state.action > 0) | state.excluded).tolist():
        name = EXCLUDE if state.excluded[row] else ACTION_NAMES[state.action[row]]
        label = state.label_of(row)
        words[row] = [name if label is None else f"{name} -> {label}"]
    for tag, tagged in state.tags.items():
        for row in np.flatnonzero(tagged).tolist():
            words.setdefault(row, []).append(f"tag {tag!r}")
    for row, text in state.notes.items():
        words.setdefault(row, []).append(f"note {text!r}")
    log.close()
    return {row: Standing(", ".join(parts), state.label_of(row)) for row, parts in sorted(words.items())}
