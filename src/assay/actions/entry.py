"""What somebody asks for, what would change, and what the log keeps of it.

In: values. Out: `Request`, `Prepared`, `Entry`, `Outcome`; plain records. Does not know: the state, files, databases.

A request belongs to one channel: the decision about a row, one tag, or the note. An entry of a later number wins over an
earlier one of the same channel; "undo" and "redo" switch a whole entry off and on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.dataset.target import Label

# codes of State.action; an auto-fix that leaves a row out is an "auto-fix" with `excluded`
ACTION_NAMES = ("", "keep", "label", "exclude", "auto-fix", "unresolved")
DECISIONS = ("keep", "label", "exclude", "auto-fix", "unresolved", "clear")
TAGS = ("tag", "untag")
NOTE = "note"
UNDO, REDO = "undo", "redo"
ASKED = (*DECISIONS, *TAGS, NOTE)
ROUTES = ("row", "selection", "bulk", "class", "file", "api")
BY_PERSON = ("row", "selection")  # routes by which a person named the rows one by one

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int32]
Channel = tuple[str, str]

_NO_ROWS: Rows = np.zeros(0, np.int64)
_NO_NUMBERS: Numbers = np.zeros(0, np.int32)
_NO_FLAGS: Flags = np.zeros(0, bool)


@dataclass(frozen=True, eq=False)
class Request:
    """What somebody asks for.

    action : one of `ASKED`.
    rows : row numbers; made ascending and unique.
    label : the new label, for "label".
    labels : instead of it, the new label of each of ``rows`` (None = leave the row alone), for "label".
    text : the tag's name, or the note ("" removes it).
    policy : of "auto-fix": "reference" takes every suggestion, "auto" only safe ones.
    overwrite : replace decisions that stand? Default: yes where rows were named one by one (routes "row", "selection") and
        for "clear", else no. An auto-fix by another route never replaces what a person decided, whatever this says.
    removals : of "auto-fix": may it leave rows out, or only relabel?
    route : one of `ROUTES`.
    view : the filter and sort that chose the rows, kept for the log.
    """

    action: str
    rows: Rows = field(default_factory=lambda: _NO_ROWS)
    label: Label | None = None
    text: str | None = None
    policy: str = "reference"
    overwrite: bool | None = None
    removals: bool = True
    route: str = "row"
    view: dict[str, Any] | None = None
    labels: NDArray[np.object_] | None = None

    @property
    def replaces(self) -> bool:
        """May decisions that stand be replaced?"""
        if self.overwrite is not None:
            return self.overwrite
        return self.action == "clear" or self.route in BY_PERSON

    @property
    def by_hand(self) -> bool:
        """Is what comes of it a person's decision? Everything but an auto-fix of rows that nobody named."""
        return by_hand(self.action, self.route)


def by_hand(action: str, route: str) -> bool:
    return action != "auto-fix" or route in BY_PERSON


# why a row stays as it is: a code, for programs, and what it means
UNCHANGED, BY_HAND, FIXED = "unchanged", "by-hand", "fixed"
NO_SUGGESTION, NOT_CERTAIN, REMOVAL = "no-suggestion", "not-certain", "removal"
GONE, NOTED = "gone", "noted"
MEANWHILE = "meanwhile:"  # followed by the person
SKIPPED = {
    UNCHANGED: "nothing would change",
    BY_HAND: "decided by hand",
    FIXED: "auto-fixed already",
    NO_SUGGESTION: "no suggestion",
    NOT_CERTAIN: "the suggestion is not sure enough",
    REMOVAL: "it would be left out, which was not asked for",
    GONE: "no longer in the source",
    NOTED: "has a note",
}


def skipped_text(code: str) -> str:
    """A code of `SKIPPED`, or ``meanwhile:PERSON``, in words."""
    person = code.removeprefix(MEANWHILE)
    return f"decided meanwhile by {person}" if person != code else SKIPPED.get(code, code)


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a request would change: the same for the preview and for the deed. Arrays and lists are aligned with ``rows``.

    labels : the new label, None = none. excluded : rows that this takes out. given : the label as given.
    skipped : code of `SKIPPED` -> rows left alone. pairs : (given, new, rows) of relabelled rows, most first.
    was : (action, label, excluded) of the rows before.
    removals : row numbers that an auto-fix leaves out, or would if it were asked to.
    """

    request: Request
    rows: Rows
    labels: list[Label | None]
    excluded: Flags
    skipped: dict[str, int]
    pairs: list[tuple[Label | None, Label, int]]
    was: list[tuple[str, Label | None, bool]] = field(default_factory=list)
    removals: Rows = field(default_factory=lambda: _NO_ROWS)

    @property
    def relabeled(self) -> int:
        """Rows whose label will not be the given one."""
        return sum(count for _, _, count in self.pairs)

    def summary(self, first: int = 20) -> dict[str, Any]:
        """What would happen, as JSON values; ``first``: how many rows are shown with before and after."""
        out: dict[str, Any] = {
            "action": self.request.action,
            "n": len(self.rows),
            "relabeled": self.relabeled,
            "excluded": int(self.excluded.sum()),
            "removals": len(self.removals),
            "skipped": dict(self.skipped),
            "pairs": [list(pair) for pair in self.pairs],
        }
        after = "" if self.request.action == "clear" else self.request.action
        out["first"] = [
            {
                "row": int(row),
                "before": {"action": was[0], "label": was[1], "excluded": was[2]},
                "after": {"action": after, "label": label, "excluded": bool(gone)},
            }
            for row, was, label, gone in zip(
                self.rows[:first], self.was[:first], self.labels[:first], self.excluded[:first], strict=False
            )
        ]
        return out


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of the log, never changed once written.

    rows : (n,) ascending row numbers that the entry changed when it was written.
    codes, names : the new label of each row as an index into ``names``, -1 = none; None where ``label`` says all.
    excluded : (n,) rows taken out. before : (n,) number of the entry that decided each row before, 0 = none.
    under : (n,) number of the latest entry below in this channel, undone ones included: what an undo goes down through.
    undoes : of "undo" and "redo": the entry switched off or on. summary : `Prepared.summary` without rows.

    Entries read without rows have ``n_rows`` and empty arrays.
    """

    number: int
    token: str
    at: str
    person: str
    action: str
    route: str
    n_rows: int
    label: Label | None = None
    text: str | None = None
    policy: str | None = None
    view: dict[str, Any] | None = None
    undoes: int | None = None
    kept: int = 0
    summary: dict[str, Any] = field(default_factory=dict)
    rows: Rows = field(default_factory=lambda: _NO_ROWS)
    codes: Numbers | None = None
    names: list[Label] = field(default_factory=list)
    excluded: Flags = field(default_factory=lambda: _NO_FLAGS)
    before: Numbers = field(default_factory=lambda: _NO_NUMBERS)
    under: Numbers = field(default_factory=lambda: _NO_NUMBERS)

    @property
    def channel(self) -> Channel:
        """What the entry is about; entries of different channels do not touch each other."""
        if self.action in TAGS:
            return "tag", self.text or ""
        return ("note", "") if self.action == NOTE else ("decision", "")

    @property
    def labels(self) -> list[Label | None] | None:
        """The new label of each row; None where the action gives none."""
        if self.codes is not None:
            return [self.names[code] if code >= 0 else None for code in self.codes.tolist()]
        return [self.label] * len(self.rows) if self.action == "label" else None

    def listed(self, first: int | None = None) -> list[dict[str, Any]]:
        """The first rows as JSON values: {row, label, excluded, before}."""
        labels = self.labels or [None] * len(self.rows)
        values = zip(self.rows[:first].tolist(), labels, self.excluded.tolist(), self.before.tolist(), strict=False)
        return [{"row": row, "label": label, "excluded": out, "before": before} for row, label, out, before in values]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, without rows."""
        names = (
            "number", "at", "person", "action", "route", "n_rows", "label", "text", "policy", "view", "undoes", "kept",
            "summary",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of asking. ``entry`` is None where nothing changed, and then nothing was written.

    kept : of an undo or redo: rows that a later decision holds. number : the log's last entry.
    """

    entry: Entry | None
    summary: dict[str, Any]
    number: int
    kept: int = 0

    @property
    def message(self) -> str:
        """One plain sentence."""
        skipped = "; ".join(
            f"{count:,} skipped: {skipped_text(code)}" for code, count in self.summary.get("skipped", {}).items()
        )
        tail = f" ({skipped})" if skipped else ""
        if self.entry is None:
            return str(self.summary.get("why", f"nothing changed{tail}"))
        n, number = self.entry.n_rows, self.entry.number
        rows = "1 row" if n == 1 else f"{n:,} rows"
        if self.entry.undoes is not None:
            held = f"; a later decision holds {self.kept:,}" if self.kept else ""
            word = "undid" if self.entry.action == UNDO else "redid"
            return f"entry {number}: {word} entry {self.entry.undoes}, {rows} changed{held}"
        new = f" -> {self.entry.label}" if self.entry.label is not None else ""
        text = f" {self.entry.text!r}" if self.entry.text else ""
        return f"entry {number}: {self.entry.action}{new}{text}, {rows}{tail}"
