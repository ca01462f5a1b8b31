"""A small `ReviewTable` of made-up columns, and the same rows as plain Python dicts: the twin that tests compare with."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from assay.actions import ACTION_NAMES
from assay.checks import CHECK_BY_NAME
from assay.query import ReviewTable
from assay.query.cells import MemoryCells

CLASSES = ["cat", "dog", "eel", "fox", "gnu"]
WORDS = ["Red", "green", "BLUE", "ÄRGER", "straße", "x1"]
FLAGGED = ("label", "outlier", "near_duplicate", "well_labeled", "unlabeled", "not_analyzed", "too_short")


@dataclass
class MadeState:
    """The attributes of `assay.actions.State` that views read."""

    n: int
    number: int = 0
    labels: list[Any] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    tags: dict[str, np.ndarray] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.action, self.label = np.zeros(self.n, np.uint8), np.full(self.n, -1, np.int32)
        self.excluded, self.by_hand = np.zeros(self.n, bool), np.zeros(self.n, bool)
        self.person, self.entry = np.full(self.n, -1, np.int16), np.zeros(self.n, np.int32)


def made(n: int, seed: int, *, missing: bool = True) -> tuple[ReviewTable, MadeState, list[dict[str, Any]]]:
    """``n`` row numbers, some of them missing, in an order of the user's: table, state, and the present rows as dicts in
    the user's order.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)[: n - int(rng.integers(0, n // 5 + 1))] if missing else np.arange(n)
    k = len(CLASSES)
    given, suggested, predicted = rng.integers(-1, k, n), rng.integers(-1, k, n), rng.integers(0, k, n)
    flags = {CHECK_BY_NAME[name].flag: rng.random(n) < 0.3 for name in FLAGGED}
    flags["is_initially_unlabeled"] = given < 0

    def score() -> np.ndarray:  # with ties and gaps
        return np.where(rng.random(n) < 0.2, np.nan, np.round(rng.random(n), 1)).astype(np.float32)

    scores = {"label_issue_score": score(), "outlier_score": score()}
    scores["label_quality"] = 1 - scores["label_issue_score"]
    cluster = rng.integers(-1, max(1, n // 3), n)
    split = rng.integers(-1, 2, n)
    cells: dict[str, list[Any]] = {
        "body": [None if rng.random() < 0.1 else " ".join(rng.choice(WORDS, rng.integers(0, 5))) for _ in range(n)],
        "colour": [None if rng.random() < 0.2 else str(rng.choice(["red", "blue", "Grün"])) for _ in range(n)],
        "age": [None if rng.random() < 0.2 else float(np.round(rng.normal(0, 2), 1)) for _ in range(n)],
        "when": [
            None
            if rng.random() < 0.2
            else datetime.datetime(2020, 1, 1) + datetime.timedelta(days=int(rng.integers(0, 40)))
            for _ in range(n)
        ],
        "ok": [None if rng.random() < 0.2 else bool(rng.random() < 0.5) for _ in range(n)],
    }
    types = [pa.string(), pa.string(), pa.float64(), pa.timestamp("us"), pa.bool_()]
    table = ReviewTable(
        order=order,
        ids=pa.chunked_array([pa.array([f"row/{row}" for row in range(n)], pa.string())]),
        classes=CLASSES,
        flags=flags,
        scores=scores,
        numbers={"near_duplicate_cluster_id": cluster.astype(np.int32)},
        labels={
            "given_label": given.astype(np.int32),
            "suggested_label": suggested.astype(np.int32),
            "predicted_label": predicted.astype(np.int32),
        },
        split=split.astype(np.int32),
        splits=["train", "test"],
        cells=MemoryCells(
            pa.table({name: pa.array(cells[name], kind) for name, kind in zip(cells, types, strict=True)})
        ),
        texts={},
        public={},
        roles={"text": "body"},
        modality="text",
        not_run={"ambiguous": "it was skipped (no reason)"},
    )
    state = made_state(n, rng)
    rows = [_row(table, state, int(row), cells) for row in order]
    return table, state, rows


def made_state(n: int, rng: np.random.Generator) -> MadeState:
    state = MadeState(n, number=int(rng.integers(0, 9)), labels=["dog", "new"], people=["ann", "bob"])
    state.action[:] = rng.integers(0, len(ACTION_NAMES), n)
    named = np.isin(state.action, [ACTION_NAMES.index("label"), ACTION_NAMES.index("auto-fix")])
    state.label[named] = rng.integers(0, 2, int(named.sum()))
    state.excluded[:] = state.action == ACTION_NAMES.index("exclude")
    state.person[state.action > 0] = rng.integers(0, 2, int((state.action > 0).sum()))
    state.entry[state.action > 0] = rng.integers(1, 4, int((state.action > 0).sum()))
    state.by_hand[:] = (state.action > 0) & (rng.random(n) < 0.5)
    state.tags = {"later": rng.random(n) < 0.3, "odd": rng.random(n) < 0.1}
    state.notes = {int(row): str(rng.choice(["Look again", "fine"])) for row in np.flatnonzero(rng.random(n) < 0.2)}
    return state


def _row(table: ReviewTable, state: MadeState, row: int, cells: dict[str, list[Any]]) -> dict[str, Any]:
    def label(code: int) -> str | None:
        return None if code < 0 else CLASSES[code]

    def number(value: float) -> float | None:
        return None if math.isnan(value) else float(value)

    checks = {name for name in FLAGGED if table.flags[CHECK_BY_NAME[name].flag][row]}
    corrected = None if state.label[row] < 0 else state.labels[state.label[row]]
    given = label(table.given[row])
    return {
        "row": row,
        "row_id": f"row/{row}",
        "checks": checks | (set() if checks - {"well_labeled", "unlabeled"} else {"clean"}),
        "given": given,
        "suggested": label(table.suggested[row]),
        "predicted": label(table.predicted[row]),
        "corrected": corrected,
        "final": given if corrected is None else corrected,
        "action": ACTION_NAMES[state.action[row]],
        "by": None if state.person[row] < 0 else state.people[state.person[row]],
        "tags": {name for name, tagged in state.tags.items() if tagged[row]},
        "note": state.notes.get(row, ""),
        "entry": int(state.entry[row]) if state.action[row] else None,
        "split": None if table.split[row] < 0 else table.splits[table.split[row]],
        "cluster": None if table.cluster[row] < 0 else int(table.cluster[row]),
        "excluded": bool(state.excluded[row]),
        "by_hand": bool(state.by_hand[row]),
        **{name: number(values[row]) for name, values in table.scores.items()},
        **{name: values[row] for name, values in cells.items()},
    }
