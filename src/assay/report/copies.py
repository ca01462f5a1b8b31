"""The section on duplicates: sets side by side, the wrong label named.

In: the overview, the chosen sets, the examples of exhibits; the finished run and its decisions. Out: `Duplicates`. Does not
know: how copies were found, how it is decided which one stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.report.data import Drop, Duplicates, DuplicateSet
from assay.report.examples import NAME, REASON, Examples, clean
from assay.report.overview import Overview
from assay.report.selection import Selection, shown_members

if TYPE_CHECKING:
    from assay.runs import FinishedRun

PLANNED = 200_000  # rows up to which it is listed what would go: a plan reads every row's labels


def drops_of(project: FinishedRun) -> tuple[tuple[Drop, ...], int]:
    """What ``--drop-duplicates near`` would leave out after the decisions so far: the first rows, and how many in all."""
    from assay.actions import ActionLog
    from assay.export.preview import SHOWN, copies_of, plan_project

    if len(project) > PLANNED:
        return (), 0
    plan = plan_project(project, ActionLog.open(project), drop_duplicates="near", drop_share=1)
    named = copies_of(project, plan, SHOWN)
    return tuple(Drop(clean(one.id, NAME), clean(one.reason, REASON)) for one in named), len(plan.copies)


def duplicates_of(examples: Examples, overview: Overview, choice: Selection) -> Duplicates:
    """All duplicate sets in numbers, the chosen ones to look at."""

    def sets_of(flag: str) -> int:
        clusters = overview.clusters[overview.flag(flag)]
        return len(np.unique(clusters[clusters >= 0]))

    drops, n_drops = drops_of(examples.project)
    return Duplicates(
        rows=int(overview.flag("is_near_duplicate").sum()),
        exact_rows=int(overview.flag("is_exact_duplicate").sum()),
        sets=len(np.unique(overview.clusters[overview.clusters >= 0])),
        conflict_sets=sets_of("is_duplicate_label_conflict"),
        cross_split_sets=sets_of("is_cross_split_duplicate"),
        shown=tuple(_duplicate_set(examples, overview, number, members) for number, members in choice.sets),
        drops=drops,
        n_drops=n_drops,
    )


def _duplicate_set(examples: Examples, overview: Overview, number: int, members: NDArray[np.int64]) -> DuplicateSet:
    positions = shown_members(members).tolist()
    wrong = overview.flag("is_duplicate_label_wrong")
    conflict = bool(overview.flag("is_duplicate_label_conflict")[members].any())
    crosses = bool(overview.flag("is_cross_split_duplicate")[members].any())
    exhibits = tuple(
        examples.show(p, is_wrong=bool(wrong[p]), reason=str(examples.value(p, "near_duplicate_kind") or ""))
        for p in positions
    )
    if examples.modality == "table":
        exhibits = examples.with_cells(exhibits, positions)
    kinds = dict.fromkeys(exhibit.reason for exhibit in exhibits if exhibit.reason)
    correct = examples.value(positions[0], "duplicate_correct_label")
    verdict = _verdict(examples, overview, members[wrong[members]], correct, len(members)) if conflict else ""
    two = members[overview.flag("is_multi_label")[members]]
    if conflict and len(two):
        given = examples.class_names[int(overview.given[two[0]])]
        verdict = f"A row given “{clean(given, NAME)}” seems to hold two labels, so that neither need be wrong."
    return DuplicateSet(number, len(members), ", ".join(kinds), verdict, exhibits, conflict, crosses)


def _verdict(examples: Examples, overview: Overview, wrong: NDArray[np.int64], correct: Any, size: int) -> str:
    """Names the wrong label."""
    names = list(
        dict.fromkeys(clean(examples.class_names[code], NAME) for code in overview.given[wrong].tolist() if code >= 0)
    )
    if not names or correct is None:
        return "The copies carry different labels; the evidence is too thin to say which is right."
    which = " and ".join(f"“{name}”" for name in names[:3]) + (" and others" if len(names) > 3 else "")
    everyone = "both" if size == 2 else f"all {size:,}"
    return f"{which} {'is' if len(names) == 1 else 'are'} wrong; {everyone} should be “{clean(correct, NAME)}”."
