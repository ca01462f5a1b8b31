"""What differs between two states of one log.

In: two `State`s. Out: rows, and what they were and became. Does not know: databases, what lies between.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from assay.actions.entry import ACTION_NAMES, Channel, Flags, Rows
from assay.actions.state import DECISION, State


class Difference:
    """Rows whose decision, tags or note differ. ``len(d)``; ``d[:200]`` lists rows as JSON values, ascending:
    {row, before, after}, each of these {action, label, excluded, person, tags, note}."""

    def __init__(self, before: State, after: State) -> None:
        self.before, self.after = before, after

    @cached_property
    def rows(self) -> Rows:
        """Ascending row numbers."""
        before, after = self.before, self.after
        differ = (before.action != after.action) | (before.excluded != after.excluded)
        differ |= _labels(before, after) != after.label
        for channel in {*before.channels, *after.channels} - {DECISION}:
            differ |= _differs(before, after, channel)
        return np.flatnonzero(differ)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, some: slice) -> list[dict[str, Any]]:
        return [
            {"row": row, "before": _state_of(self.before, row), "after": _state_of(self.after, row)}
            for row in self.rows[some].tolist()
        ]


def _labels(before: State, after: State) -> Any:
    """The labels before as indices of the labels after; -2 = a label that is there no more."""
    known = np.array([*(after.code_of(label, absent=-2) for label in before.labels), -1], np.int32)
    return known[before.label]


def _differs(before: State, after: State, channel: Channel) -> Flags:
    if channel[0] == "tag":
        none = np.zeros(after.n, bool)
        return np.asarray(before.tags.get(channel[1], none) != after.tags.get(channel[1], none), bool)
    differ = np.zeros(after.n, bool)
    old, new = before.notes, after.notes
    differ[[row for row in {*old, *new} if old.get(row) != new.get(row)]] = True
    return differ


def _state_of(state: State, row: int) -> dict[str, Any]:
    person = int(state.person[row])
    return {
        "action": ACTION_NAMES[state.action[row]],
        "label": state.label_of(row),
        "excluded": bool(state.excluded[row]),
        "person": state.people[person] if person >= 0 else "",
        "tags": [name for name, tagged in state.tags.items() if tagged[row]],
        "note": state.notes.get(row, ""),
    }
