"""Sets of copies: which rows belong together, and which of them would stay.

In: a table, the folded decisions, a mask. Out: plain dicts. Does not know: how copies were found, HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.actions.copies import Ranking, Reason
from assay.query.masks import resolved
from assay.query.table import Flags, ReviewTable

if TYPE_CHECKING:
    from assay.actions.state import State


def best_copy(table: ReviewTable, state: State, rows: NDArray[np.int64]) -> tuple[int, Reason]:
    """The row of a set that would stay, and the first reason that sets it apart from another.

    A row that a person decided to keep, else one whose label is not the wrong one, without a label issue, with a label, the
    largest, the first. Rows that were left out come last.
    """
    chosen = np.asarray(rows, np.int64)
    nothing = np.zeros(table.n, bool)
    correct = table.labels.get("duplicate_correct_label")
    wrong = table.flags.get("is_duplicate_label_wrong", nothing)[chosen]
    if correct is not None:
        wrong = wrong | ((correct[chosen] >= 0) & (correct[chosen] != table.given[chosen]))
    ranking = Ranking.of(
        undecided=state.excluded[chosen].astype(np.int64) * 2 - (resolved(state)[chosen] & ~state.excluded[chosen]),
        wrong=wrong,
        doubted=table.flags.get("is_label_issue", nothing)[chosen],
        unlabelled=table.given[chosen] < 0,
        size=_size(table, chosen),
        position=table.position[chosen],
    )
    best = int(ranking.order()[0])
    return int(chosen[best]), ranking.why(best, np.arange(len(chosen)))


def _size(table: ReviewTable, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Pixels or characters; 0 where neither is known."""
    found = np.zeros(len(rows))
    if "image_width" in table.numbers and "image_height" in table.numbers:
        found += (
            np.maximum(table.numbers["image_width"][rows], 0).astype(np.float64) * table.numbers["image_height"][rows]
        )
    if "text_num_characters" in table.numbers:
        found += np.maximum(table.numbers["text_num_characters"][rows], 0)
    return found


def sets_of(table: ReviewTable, state: State, mask: Flags, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """How many sets have a row in ``mask`` (N,), and some of them, those with conflicting labels first.

    Each set: cluster; rows: all its present rows, in the user's order; correct_label or None; conflict; keep, why: see
    `best_copy`; open: is more than one of them still in the dataset and not every one decided? Cost: O(N), then per set.
    """
    found = np.unique(table.cluster[mask & (table.cluster >= 0)])
    torn = np.zeros(int(table.cluster.max(initial=-1)) + 1, bool)
    conflict = table.flags.get("is_duplicate_label_conflict")
    if conflict is not None:
        torn[table.cluster[conflict & (table.cluster >= 0)]] = True
    found = found[np.argsort(~torn[found], kind="stable")]
    sets = []
    done = resolved(state)
    for cluster in found[offset : offset + limit].tolist():
        rows = table.rows_of_cluster(cluster)
        keep, why = best_copy(table, state, rows)
        code = (
            -1
            if "duplicate_correct_label" not in table.labels
            else int(table.labels["duplicate_correct_label"][rows[0]])
        )
        sets.append(
            {
                "cluster": cluster,
                "rows": rows,
                "correct_label": None if code < 0 else table.classes[code],
                "conflict": bool(torn[cluster]),
                "keep": keep,
                "why": why,
                "open": bool((~state.excluded[rows]).sum() > 1 and not done[rows].all()),
            }
        )
    return len(found), sets
