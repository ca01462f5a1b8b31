"""`prepare`: what a request would change; a pure function.

In: a `Request`, the `State`, given labels, planned fixes. Out: `Prepared`. Does not know: people, files, databases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.actions.entry import (
    ACTION_NAMES,
    ASKED,
    BY_HAND,
    BY_PERSON,
    FIXED,
    GONE,
    NO_SUGGESTION,
    NOT_CERTAIN,
    NOTE,
    NOTED,
    REMOVAL,
    ROUTES,
    TAGS,
    UNCHANGED,
    Flags,
    Numbers,
    Prepared,
    Request,
    Rows,
)
from assay.actions.plan import AUTO, EXCLUDE, UNRESOLVED, FixPlan
from assay.actions.policy import POLICIES
from assay.actions.state import State
from assay.dataset.target import Label, fit_label
from assay.errors import UsageError

LONGEST = {"tag": 100, "note": 10_000}  # characters


def prepare(
    request: Request,
    state: State,
    given: Sequence[Label | None] | NDArray[np.object_],
    plan: Callable[[str], FixPlan],
    *,
    present: Flags | None = None,
    fit: Callable[[Any], Label] | None = None,
) -> Prepared:
    """Which rows the request changes and how, and why the others stay.

    Parameters
    ----------
    request : what is asked for.
    state : the state it is asked of; N rows.
    given : (N,) label values, None = unlabelled.
    plan : policy -> `FixPlan` by row number; asked for "auto-fix" only.
    present : (N,) rows that are still in the source; the others are skipped. Default: all.
    fit : what the task makes of a label that was decided on. Default: the type of the given ones.

    Raises
    ------
    UsageError
        unknown action, route, policy or row; a label that does not fit; a text that is needed and not there.

    Cost: O(n) of the request's rows, about a microsecond each, and one pass over N to look for the kind of the labels.
    """
    rows = _rows(request, state.n)
    fitting = fit or (lambda label: fit_label(label, _kind(given)))
    request = replace(_checked(request, fitting), rows=rows, labels=_labels(request, fitting, rows))
    draft = _Draft(request, state, rows)
    if present is not None:
        draft.skip(~present[rows], GONE)
    if request.action in TAGS:
        draft.tag()
    elif request.action == NOTE:
        draft.note()
    else:
        draft.decide(plan(request.policy) if request.action == AUTO else None)
    return draft.prepared(given)


def _rows(request: Request, n: int) -> Rows:
    rows = np.asarray(request.rows)
    if rows.dtype.kind not in "iu" and len(rows):
        raise UsageError("rows are row numbers: whole numbers from 0")
    rows = rows.astype(np.int64)
    if (rows[1:] <= rows[:-1]).any():
        rows = np.unique(rows)
    wrong = rows[(rows < 0) | (rows >= n)]
    if len(wrong):
        raise UsageError(f"there is no row {wrong[0]}: the project has {n:,} rows")
    return rows


def _kind(given: Sequence[Label | None] | NDArray[np.object_]) -> type | None:
    """Type of the given labels."""
    return next((type(value) for value in given if value is not None), None)


def _labels(request: Request, fit: Callable[[Any], Label], rows: Rows) -> NDArray[np.object_] | None:
    """The labels of single rows, fitted and in the order of ``rows``."""
    if request.labels is None:
        return None
    if request.action != "label" or request.label is not None:
        raise UsageError('labels of single rows go with the action "label", without one label for all')
    asked = np.asarray(request.rows, np.int64)
    if len(request.labels) != len(asked):
        raise UsageError(f"there are {len(request.labels):,} labels for {len(asked):,} rows")
    fitted: dict[Any, Label] = {}
    for label in dict.fromkeys((type(value), value) for value in request.labels.tolist() if value is not None):
        fitted[label] = fit(label[1])
    out = np.full(len(rows), None, object)
    position = np.searchsorted(rows, asked)
    out[position] = [None if value is None else fitted[type(value), value] for value in request.labels.tolist()]
    return out


def _checked(request: Request, fit: Callable[[Any], Label]) -> Request:
    """The request with its label fitted and its text trimmed."""
    action, text = request.action, request.text
    if action not in ASKED:
        raise UsageError(f"unknown action {action!r}; choose one of {', '.join(ASKED)}")
    if request.route not in ROUTES:
        raise UsageError(f"unknown route {request.route!r}; choose one of {', '.join(ROUTES)}")
    if action == AUTO and (request.policy not in POLICIES or request.policy == "none"):
        raise UsageError(f"unknown fix policy {request.policy!r}; choose reference or auto")
    if action == "label":
        if request.label is None and request.labels is None:
            raise UsageError('the action "label" needs a label')
        if request.label is not None:
            request = replace(request, label=fit(request.label))
    elif request.label is not None:
        raise UsageError(f'the action "{action}" takes no label')
    if action not in (*TAGS, NOTE):
        if text is not None:
            raise UsageError(f'the action "{action}" takes no text')
        return request
    if not isinstance(text, str) or (action in TAGS and not text.strip()):
        raise UsageError(f'the action "{action}" needs a text: the {"note" if action == NOTE else "name of the tag"}')
    limit = LONGEST[NOTE if action == NOTE else "tag"]
    if len(text.strip()) > limit:
        raise UsageError(f"the text is longer than {limit:,} characters")
    return replace(request, text=text.strip())


class _Draft:
    """What becomes of the request's rows while it is found out; a row that is skipped once stays so."""

    def __init__(self, request: Request, state: State, rows: Rows) -> None:
        self.request, self.state, self.rows = request, state, rows
        self.changes = np.ones(len(rows), bool)
        self.excluded = np.zeros(len(rows), bool)
        self.codes: Numbers | None = None  # index into names, -1 = none
        self.names: list[Label] = []
        self.skipped: dict[str, int] = {}
        self.removals = np.zeros(len(rows), bool)

    def skip(self, which: Flags, why: str) -> None:
        count = int((which & self.changes).sum())
        if count:
            self.skipped[why] = self.skipped.get(why, 0) + count
            self.changes &= ~which

    def tag(self) -> None:
        tagged = self.state.tags.get(self.request.text or "")
        has = np.zeros(len(self.rows), bool) if tagged is None else tagged[self.rows]
        self.skip(has == (self.request.action == "tag"), UNCHANGED)

    def note(self) -> None:
        notes = self.state.notes
        old = [notes.get(row, "") for row in self.rows.tolist()] if notes else [""] * len(self.rows)
        self.skip(np.array([text == self.request.text for text in old], bool), UNCHANGED)
        if not self.request.replaces:
            self.skip(np.array([text != "" for text in old], bool), NOTED)

    def decide(self, fixes: FixPlan | None) -> None:
        state, rows, request = self.state, self.rows, self.request
        if fixes is not None:
            self._take(fixes)
        elif request.labels is not None:
            codes = self._give(np.flatnonzero([label is not None for label in request.labels]), request.labels)
            self.skip(codes < 0, NO_SUGGESTION)
        elif request.action == "label":
            self.names = [] if request.label is None else [request.label]
            self.codes = np.zeros(len(rows), np.int32)
        self.excluded |= request.action == EXCLUDE
        decided, by_hand = state.action[rows] > 0, state.by_hand[rows]
        # an auto-fix of rows that nobody named gives way to a person whatever it was told
        if not request.replaces or (request.action == AUTO and request.route not in BY_PERSON):
            self.skip(decided & by_hand, BY_HAND)
        self.skip(self._same(decided, by_hand), UNCHANGED)
        if not request.replaces:
            self.skip(decided, FIXED)
        if fixes is not None:
            self.removals = self.excluded & self.changes
            if not request.removals:
                self.skip(self.removals, REMOVAL)

    def _take(self, fixes: FixPlan) -> None:
        """The planned label, or out."""
        action = fixes.action[self.rows]
        relabel = np.asarray(action == AUTO, bool)
        self.excluded = np.asarray(action == EXCLUDE, bool)
        # a suggestion that the policy does not trust is not the same as none
        self.skip(np.asarray(action == UNRESOLVED, bool), NOT_CERTAIN)
        self.skip(~(relabel | self.excluded), NO_SUGGESTION)
        self._give(np.flatnonzero(relabel), fixes.corrected_label[self.rows])

    def _give(self, positions: NDArray[np.int64], labels: NDArray[np.object_]) -> Numbers:
        """The labels (aligned with the rows) at these places, the others none."""
        code: dict[tuple[type, Label], int] = {}
        codes = np.full(len(self.rows), -1, np.int32)
        codes[positions] = [code.setdefault((type(label), label), len(code)) for label in labels[positions].tolist()]
        self.codes, self.names = codes, [label for _, label in code]
        return codes

    def _same(self, decided: Flags, by_hand: Flags) -> Flags:
        state, rows, request = self.state, self.rows, self.request
        if request.action == "clear":
            return ~decided
        label: Any = -1
        if self.codes is not None:
            known = np.array([*(state.code_of(name, absent=-2) for name in self.names), -1], np.int32)
            label = known[self.codes]
        same = (state.action[rows] == ACTION_NAMES.index(request.action)) & (state.label[rows] == label)
        # a person who says what a bulk fix said makes it a decision by hand
        return np.asarray(same & (state.excluded[rows] == self.excluded) & (by_hand | (not request.by_hand)))

    def prepared(self, given: Sequence[Label | None] | NDArray[np.object_]) -> Prepared:
        rows, excluded = self.rows[self.changes], self.excluded[self.changes]
        state = self.state
        labels: list[Label | None] = [None] * len(rows)
        pairs: list[tuple[Label | None, Label, int]] = []
        if self.codes is not None:
            codes = self.codes[self.changes]
            labels = np.array([*self.names, None], object)[codes].tolist()
            old = given[rows].tolist() if isinstance(given, np.ndarray) else [given[row] for row in rows.tolist()]
            counts = Counter(zip(old, labels, strict=True))
            pairs = [(a, b, n) for (a, b), n in counts.most_common() if b is not None and a != b]
        was = [
            (ACTION_NAMES[state.action[row]], state.label_of(row), bool(state.excluded[row]))
            for row in rows[:200].tolist()
        ]
        removals = self.rows[self.removals]
        return Prepared(self.request, rows, labels, excluded, self.skipped, pairs, was, removals)
