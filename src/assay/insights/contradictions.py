"""Rows in which two columns contradict each other.

In: the columns of a table as `Cells`. Out: `Contradiction`s. Does not know: labels, which of the two cells is wrong.

Two shapes: one column decides another in nearly all rows (a code and its name, a city and its state), and a value of one
goes nearly always with 0 or a blank in another, or hardly ever (damage "none" and a cost of repair, "active" and a day of
cancellation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.encode.cells import Cells

Codes = NDArray[np.int64]

MOST_COLUMNS = 40  # with repeating values, the first ones
LEVELS = 2_000
GROUP = 3  # rows that a value must have before it decides anything
MAJORITY = 2 / 3  # of a value's rows, in each group with a contradiction
EXCEPTIONS = 0.03  # of the rows at most; more, and the rule is none
LIFT = 0.2  # of the exceptions that guessing the commonest value would have, at most
VALUE_ROWS, VALUE_SHARE, ELSEWHERE = (
    20,
    0.98,
    0.8,
)  # of a value that goes with nothing: its rows, the share, that of the others
CODE = 1_000
MOST = 12  # contradictions told


@dataclass(frozen=True)
class Contradiction:
    """``rows``: positions where ``of`` is not what ``given`` decides; ``value`` and ``usual`` of the second shape, else None."""

    given: str
    of: str
    rows: NDArray[np.int64]
    value: str | None = None
    usual: str | None = None


def contradictions(columns: Sequence[Cells]) -> list[Contradiction]:
    """At most twelve, the rules with the fewest exceptions first; rows told by one rule are not told by another.

    A rule of the first shape is a functional dependency that holds in 97 of 100 rows and makes at most a fifth of the
    errors of always guessing the commonest value; only values with three rows count, and a contradiction is a row beside
    two thirds of its value's rows. Cost: O(M^2 N log N) of M <= 40 columns.
    """
    coded = [(column, codes) for column in columns if (codes := _codes(column)) is not None][:MOST_COLUMNS]
    found = [
        rule
        for given, a in coded
        if _names(given)
        for of, b in coded
        if given is not of
        for rule in _decides(given, a, of, b)
    ]
    for given, a in coded:
        if given.kind != "category":
            continue
        for of in columns:
            if of is not given and of.kind in ("number", "date") and of.numbers is not None:
                found += _goes_with_nothing(given, a, of)
    found.sort(key=lambda rule: (len(rule.rows), rule.given, rule.of))
    told: list[Contradiction] = []
    seen: set[tuple[int, str]] = set()
    for rule in found:
        new = {(row, column) for row in rule.rows.tolist() for column in (rule.given, rule.of)}
        rows = {row for row, _ in new}
        if len(rows & {row for row, column in seen if column in (rule.given, rule.of)}) > len(rows) / 2:
            continue
        seen |= new
        told.append(rule)
        if len(told) == MOST:
            break
    return told


def _codes(column: Cells) -> Codes | None:
    """(N,) codes of a column that repeats its values, -1 = blank; None for others."""
    if column.kind not in ("category", "string", "number") or column.blank.all():
        return None
    known = ~column.blank
    if column.codes is not None:
        codes = column.codes
    else:
        assert column.numbers is not None
        codes = np.full(len(known), -1, np.int64)
        codes[known] = np.unique(column.numbers[known], return_inverse=True)[1]
    distinct = len(np.unique(codes[codes >= 0]))
    return codes if 2 <= distinct <= LEVELS and GROUP * distinct <= known.sum() else None


def _names(column: Cells) -> bool:
    """Whether values tell things apart: words, or numbers of four and more digits; measures agree by chance."""
    if column.kind != "number":
        return True
    assert column.numbers is not None
    known = column.numbers[np.isfinite(column.numbers)]
    return bool((known == np.floor(known)).all() and np.median(np.abs(known)) >= CODE)


def _decides(given: Cells, a: Codes, of: Cells, b: Codes) -> list[Contradiction]:
    rows = np.flatnonzero((a >= 0) & (b >= 0))
    if len(rows) < 20:
        return []
    width = int(b.max()) + 1
    pair, at, times = np.unique(a[rows] * width + b[rows], return_inverse=True, return_counts=True)
    group = pair // width
    size = np.bincount(group, times)
    most = np.zeros(len(size))
    np.maximum.at(most, group, times)
    sound = (size[group] >= GROUP) & (most[group] >= MAJORITY * size[group])
    judged = int(times[size[group] >= GROUP].sum())
    odd = sound & (times < most[group])
    exceptions = int((size - most)[size >= GROUP].sum())
    if not odd.any() or judged < len(rows) / 2 or exceptions > EXCEPTIONS * judged:
        return []
    guessed = 1 - np.bincount(b[rows]).max() / len(rows)
    # a column of which nearly every value decides nothing (each has one partner by chance) has few groups
    if exceptions > LIFT * guessed * judged or (size >= GROUP).sum() < 2:
        return []
    return [Contradiction(given.name, of.name, rows[odd[at]])]


def _goes_with_nothing(given: Cells, a: Codes, of: Cells) -> list[Contradiction]:
    assert of.numbers is not None
    dates = of.kind == "date"
    nothing = of.blank if dates else of.blank | (of.numbers == 0)
    counts = np.bincount(a[a >= 0], minlength=len(given.levels))
    empty = np.bincount(a[a >= 0], nothing[a >= 0], minlength=len(given.levels))
    out = []
    for level in np.flatnonzero(counts >= VALUE_ROWS).tolist():
        others = counts.sum() - counts[level]
        share, elsewhere = empty[level] / counts[level], (empty.sum() - empty[level]) / max(others, 1)
        for usual, here, there, odd in (
            ("blank" if dates else "0 or blank", share, elsewhere, ~nothing),
            ("given" if dates else "something other than 0", 1 - share, 1 - elsewhere, nothing),
        ):
            if VALUE_SHARE <= here < 1 and there <= ELSEWHERE and others >= VALUE_ROWS:
                rows = np.flatnonzero((a == level) & odd)
                out.append(Contradiction(given.name, of.name, rows, given.levels[level], usual))
    return out
