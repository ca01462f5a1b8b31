"""Which row of a set of copies stays, and why.

In: issue columns. Out: groups of copies, the best row of each, reasons in words. Does not know: policies, decisions' names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]
Objects = NDArray[np.object_]

Reason = Literal["kept", "right-label", "no-label-issue", "labelled", "largest", "first"]
# in the order in which they count; "first" is left where all are equal
WHY: dict[Reason, str] = {
    "kept": "a person decided about it",
    "right-label": "its label is the one that the copies agree on",
    "no-label-issue": "its label is in no doubt",
    "labelled": "it is labelled",
    "largest": "it is the larger",
    "first": "it comes first",
}


@dataclass(frozen=True)
class Ranking:
    """What says which of M copies stays: (M,) values by their `Reason`, in the order in which they count; lower is better."""

    values: Mapping[Reason, NDArray[Any]]

    @classmethod
    def of(
        cls,
        *,
        undecided: NDArray[Any],
        wrong: NDArray[Any],
        doubted: NDArray[Any],
        unlabelled: NDArray[Any],
        size: NDArray[Any],
        position: NDArray[Any],
    ) -> Ranking:
        """(M,) each. ``undecided``: low where a person decided to keep the row; ``wrong``, ``doubted``: its label;
        ``size``: pixels or characters; ``position``: in the user's order."""
        values = (undecided, wrong, doubted, unlabelled, -size, position)
        return cls(dict(zip(WHY, values, strict=True)))

    def order(self, group: Rows | None = None) -> Rows:
        """(M,) positions, the best first; by ``group`` where there are several sets."""
        keys = list(self.values.values())[::-1]
        return np.lexsort(keys if group is None else [*keys, group])

    def why(self, best: int, others: Rows | int) -> Reason:
        """The first reason that sets the best apart from one of ``others``."""
        return next((name for name, value in self.values.items() if np.any(value[others] != value[best])), "first")


class Columns(Protocol):
    """Issue columns by name; absent ones as nothing."""

    n_rows: int

    def flag(self, name: str) -> Flags: ...

    def number(self, name: str, absent: float) -> NDArray[np.float64]: ...

    def label(self, name: str) -> Objects: ...


@dataclass(frozen=True)
class Copy:
    """``row`` goes, for it is a copy of ``stays``, which stays because of ``why``. ``kind``: "exact", "near", "crop" ..."""

    row: int
    stays: int
    kind: str
    why: str


def groups_of(table: Columns, kind: str) -> tuple[Rows, Rows]:
    """(rows, their group numbers) of the copies of a kind, "exact" or "near".

    Rows that are exact copies without a group of exact ones are left out of both: they are equal because their table
    has few values (see ``exact_duplicate_cluster_id``).
    """
    exact = table.number("exact_duplicate_cluster_id", -1).astype(np.int64)
    if kind == "exact":
        rows = np.flatnonzero(exact >= 0)
        return rows, exact[rows]
    cluster = table.number("near_duplicate_cluster_id", -1).astype(np.int64)
    likely = table.flag("is_exact_duplicate") & (exact < 0)
    rows = np.flatnonzero(table.flag("is_near_duplicate") & (cluster >= 0) & ~likely)
    return rows, cluster[rows]


def torn_groups(group: Rows, given: Objects, right: Objects) -> Flags:
    """(M,) members of groups with different given labels of which none is known to be right."""
    seen: dict[int, Any] = {}
    torn: set[int] = set()
    for number, label, known in zip(group.tolist(), given.tolist(), right.tolist(), strict=True):
        if label is None or known is not None:
            continue
        if seen.setdefault(number, label) != label:
            torn.add(number)
    return np.isin(group, np.array(sorted(torn), np.int64))


def best_first(
    table: Columns, rows: Rows, group: Rows, decided: Flags, label_issue: Flags
) -> tuple[Rows, Flags, Ranking]:
    """(positions in ``rows`` by group and the best first; whether each is the first of its group; what they rank by)."""
    given, right = table.label("given_label")[rows], table.label("duplicate_correct_label")[rows]
    known = np.array([label is not None for label in right], bool)
    differ = np.array([label != other for label, other in zip(given, right, strict=True)], bool)
    pixels = table.number("image_width", 0) * table.number("image_height", 0)
    ranking = Ranking.of(
        undecided=~decided[rows],
        wrong=table.flag("is_duplicate_label_wrong")[rows] | (known & differ),
        doubted=label_issue[rows],
        unlabelled=np.array([label is None for label in given], bool),
        size=(pixels + table.number("text_num_characters", 0))[rows],
        position=rows,
    )
    order = ranking.order(group)
    first = np.ones(len(order), bool)
    first[1:] = group[order][1:] != group[order][:-1]
    return order, first, ranking


def reasons(table: Columns, rows: Rows, gone: Rows, stays: Rows, ranking: Ranking, kind: str) -> list[Copy]:
    """One `Copy` for each position of ``gone``; ``stays`` is aligned with it."""
    how = table.label("near_duplicate_kind")
    found = []
    for one, other in zip(gone.tolist(), stays.tolist(), strict=True):
        row = int(rows[one])
        name = "exact" if kind == "exact" else str(how[row] or "near")
        found.append(Copy(row, int(rows[other]), name, WHY[ranking.why(other, one)]))
    return found
