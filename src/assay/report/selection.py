"""Which rows the report shows where, chosen before any of them is read, so that every row is read once.

In: the overview, the checks that ran. Out: `Selection`: positions by section. Does not know: what rows look like.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.checks import CHECK_BY_NAME
from assay.report.counts import corrections
from assay.report.overview import Overview

CORRECTIONS, CORRECTION_EXAMPLES, EXAMPLES_EACH = 20, 6, 4
ONCE = 8  # corrections of a single row are shown up to here only
DUPLICATE_SETS = {"conflict": 12, "cross": 4, "other": 6}
MEMBERS = 4  # of a duplicate set, shown
Positions = NDArray[np.int64]


class Selection:
    """Positions by section.

    ``galleries``: check -> the worst rows. ``sets``: cluster number and all its members, the telling ones first.
    ``pairs``: given code, suggested code, count of the most common corrections; ``examples``: rows of the first pairs.
    """

    def __init__(self) -> None:
        self.galleries: dict[str, Positions] = {}
        self.sets: list[tuple[int, Positions]] = []
        self.pairs: list[tuple[int, int, int]] = []
        self.examples: list[Positions] = []
        self.n_corrections = 0

    @classmethod
    def of(cls, overview: Overview, ran: dict[str, int]) -> Selection:
        choice = cls()
        for name, count in ran.items():
            check = CHECK_BY_NAME.get(name)
            if check is None or not count or not check.gallery:
                continue
            choice.galleries[name] = overview.worst(overview.flag(check.flag), check.score, check.gallery)
        if "near_duplicate" in ran:
            choice.sets = _duplicate_sets(overview)
        if "label" in ran:
            pairs = corrections(overview)
            choice.n_corrections = len(pairs)
            choice.pairs = [pair for at, pair in enumerate(pairs[:CORRECTIONS]) if at < ONCE or pair[2] > 1]
            flagged = overview.flag("is_label_issue")
            for given, suggested, _ in choice.pairs[:CORRECTION_EXAMPLES]:
                same = flagged & (overview.given == given) & (overview.suggested == suggested)
                # what is of no class does not show what one class is taken for
                same = plain if (plain := same & ~overview.flag("is_outlier")).any() else same
                choice.examples.append(overview.worst(same, "label_issue_score", EXAMPLES_EACH))
        return choice

    def positions(self) -> list[int]:
        shown = [*self.galleries.values(), *self.examples, *(shown_members(members) for _, members in self.sets)]
        return [int(position) for positions in shown for position in positions]


def shown_members(members: Positions) -> Positions:
    """The members of a duplicate set that are shown."""
    return members[:MEMBERS]


def _duplicate_sets(overview: Overview) -> list[tuple[int, Positions]]:
    """The sets to show: conflicting labels first (worst label leading), copies across splits, then the largest."""
    chosen: dict[int, None] = {}
    similar = overview.score("near_duplicate_score")
    conflict, cross = overview.flag("is_duplicate_label_conflict"), overview.flag("is_cross_split_duplicate")
    other = ~np.isin(overview.clusters, overview.clusters[conflict | cross])
    for group, mask in (("conflict", conflict), ("cross", cross), ("other", other)):
        score = overview.score("label_issue_score") if group == "conflict" else similar
        rows = np.flatnonzero(mask & (overview.clusters >= 0))
        numbers, inverse, sizes = np.unique(overview.clusters[rows], return_inverse=True, return_counts=True)
        best = np.zeros(len(numbers), np.float32)
        if score is not None:
            np.maximum.at(best, inverse, np.nan_to_num(score[rows], nan=0.0))
        keys = (numbers, -best, -sizes) if group == "other" else (numbers, -sizes, -best)
        ranked = [int(number) for number in numbers[np.lexsort(keys)] if int(number) not in chosen]
        chosen |= dict.fromkeys(ranked[: DUPLICATE_SETS[group]])
    wanted = np.flatnonzero(np.isin(overview.clusters, np.fromiter(chosen, np.int64, len(chosen))))
    return [(number, _telling_first(overview, wanted[overview.clusters[wanted] == number])) for number in chosen]


def _telling_first(overview: Overview, members: Positions) -> Positions:
    """One of every label and split before a second of any, so that the few that are shown tell the difference."""
    wrong = overview.flag("is_duplicate_label_wrong")[members]
    kinds = np.stack([overview.given[members], overview.split[members]])
    _, kind = np.unique(kinds, axis=1, return_inverse=True)
    order = np.lexsort((members, ~wrong, kind.ravel()))
    position = np.arange(len(members))
    first = np.r_[True, kind.ravel()[order][1:] != kind.ravel()[order][:-1]]
    rank = np.empty(len(members), np.int64)
    rank[order] = position - np.maximum.accumulate(np.where(first, position, 0))
    ranked = np.lexsort((members, ~wrong, rank))
    shown = ranked[:MEMBERS][np.argsort(~wrong[ranked[:MEMBERS]], kind="stable")]
    return members[np.r_[shown, ranked[MEMBERS:]]]
