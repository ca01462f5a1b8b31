"""Two classes side by side: what is typical of each, and what is taken for the other.

In: a table, the folded decisions, two labels. Out: row numbers and counts. Does not know: pictures, what is done about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.dataset.target import Label
from assay.errors import UsageError
from assay.query.masks import final_labels, resolved
from assay.query.table import Flags, ReviewTable

if TYPE_CHECKING:
    from assay.actions.state import State

SHOWN = 12
SHARE = 0.5  # of the examples are taken among the surest rows: the very surest alone would all look alike


@dataclass(frozen=True)
class Side:
    """One of the two classes. count : rows of this final label. typical, confused : row numbers, best first.

    to_other : rows given this label for which the other is suggested; open : those that nobody has decided.
    """

    label: Label
    count: int
    typical: NDArray[np.int64]
    confused: NDArray[np.int64]
    to_other: int
    open: int


def compare(table: ReviewTable, state: State, a: Label, b: Label, most: int = SHOWN) -> tuple[Side, Side]:
    """Both sides. `UsageError` where a label is none, or both are the same. Cost: O(N)."""
    if (isinstance(a, bool), a) == (isinstance(b, bool), b):
        raise UsageError(f"choose two different classes to compare, not {a!r} twice")
    return _side(table, state, a, b, most), _side(table, state, b, a, most)


def _side(table: ReviewTable, state: State, label: Label, other: Label, most: int) -> Side:
    codes, values = final_labels(table, state)
    mine = (codes == _code(values, label)) & table.present & ~state.excluded
    given, suggested = table.code(label), table.code(other)
    confused = np.zeros(table.n, bool)
    if given is not None and suggested is not None and "label" in table.checks:
        confused = table.flagged("label") & (table.given == given) & (table.suggested == suggested) & table.present
    rows = _best(table, confused, "label_issue_score", most)
    if len(rows) < most and suggested is not None:  # then those whose second thought is the other class
        near = mine & ~confused & (_labels(table, "runner_up_label") == suggested) & (table.predicted == given)
        rows = np.concatenate([rows, _best(table, near, "ambiguous_score", most - len(rows))])
    n_open = int(np.count_nonzero(confused & ~resolved(state)))
    typical = examples(table, state, label, most)
    return Side(label, int(mine.sum()), typical, rows, int(np.count_nonzero(confused)), n_open)


def examples(
    table: ReviewTable, state: State, label: Label, n: int = SHOWN, skip: int | None = None
) -> NDArray[np.int64]:
    """Row numbers of up to ``n`` typical rows of a class: without a fault and, of those, evenly among the surest half, the
    surest first. Rows that a person gave this label stand in where the class has no others. ``skip``: a row not wanted.
    """
    codes, values = final_labels(table, state)
    mine = (codes == _code(values, label)) & table.present & ~state.excluded
    if skip is not None:
        mine[skip] = False
    code = table.code(label)
    good = mine & table.clean & (table.given == (-2 if code is None else code))
    chosen = good if good.any() else mine
    ranked = _best(table, chosen, "label_quality", int(chosen.sum()))
    half = ranked[: max(n, int(len(ranked) * SHARE))]
    return half[np.unique(np.linspace(0, len(half) - 1, min(n, len(half))).astype(np.int64))]


def _code(values: list[Label], label: Label) -> int:
    for code, value in enumerate(values):
        if value == label and isinstance(value, bool) == isinstance(label, bool):
            return code
    shown = ", ".join(map(repr, values[:20])) + (", ..." if len(values) > 20 else "")
    raise UsageError(f"there is no class {label!r}; the classes are {shown or 'none'}")


def _labels(table: ReviewTable, name: str) -> NDArray[np.int32]:
    return table.labels.get(name, np.full(table.n, -1, np.int32))


def _best(table: ReviewTable, chosen: Flags, score: str, most: int) -> NDArray[np.int64]:
    """The chosen rows of the highest score; ties and rows without one in the user's order."""
    rows = table.order[chosen[table.order]].astype(np.int64)
    if score in table.scores:
        rows = rows[np.argsort(-np.nan_to_num(table.scores[score][rows], nan=-1.0), kind="stable")]
    return rows[:most]
