"""Facts of a made-up project for the log of decisions, and a twin of the log that a person can check by eye.

The twin keeps a list of deeds and asks, for every row and channel, which is the last that stands. No arrays, no chains.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assay.actions import ActionLog, FixPlan, Request, State
from assay.actions.entry import ACTION_NAMES
from assay.dataset.target import fit_label

PROJECT = "00000000-0000-4000-8000-000000000000"


@dataclass
class ProjectFacts:
    """What `assay.actions.project_facts.ProjectFacts` tells of a project: suggestions for every third row, every seventh to go."""

    n_rows: int
    given: Any = None
    present: Any = None
    gone: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        rows = np.arange(self.n_rows)
        if self.given is None:
            self.given = np.array(["cat", "dog"], object)[rows % 2]
        self.present = ~np.isin(rows, self.gone)

    def fit_decision(self, label: Any) -> Any:
        return fit_label(label, next((type(value) for value in self.given if value is not None), None))

    def plan(self, policy: str) -> FixPlan:
        rows = np.arange(self.n_rows)
        action, label = np.full(self.n_rows, None, object), np.full(self.n_rows, None, object)
        relabel = rows % 3 == 0 if policy == "reference" else rows % 9 == 0
        action[relabel], label[relabel] = "auto-fix", "cow"
        action[rows % 7 == 1] = "exclude"
        label[rows % 7 == 1] = None
        return FixPlan(policy, action, label)


def open_log(folder: Path, n: int = 30, **facts: Any) -> ActionLog:
    return ActionLog(folder / "state.sqlite", PROJECT, ProjectFacts(n, **facts))  # type: ignore[arg-type]


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


@dataclass(eq=False)  # two people may do the very same thing twice: a deed is itself
class Deed:
    person: str
    action: str
    route: str
    rows: dict[int, Any]  # row -> what it becomes
    text: str | None = None
    on: bool = True
    undoes: Deed | None = None

    @property
    def channel(self) -> tuple[str, str]:
        if self.action in ("tag", "untag"):
            return "tag", self.text or ""
        return ("note", "") if self.action == "note" else ("decision", "")


@dataclass
class Twin:
    """The log's rules, row by row."""

    facts: ProjectFacts
    deeds: list[Deed] = field(default_factory=list)

    def top(self, row: int, channel: tuple[str, str] = ("decision", "")) -> Deed | None:
        for deed in reversed(self.deeds):
            if deed.undoes is None and deed.on and deed.channel == channel and row in deed.rows:
                return deed
        return None

    def decision(self, row: int) -> tuple[str, Any, bool, str, bool]:
        """(action, label, excluded, person, by hand)."""
        deed = self.top(row)
        if deed is None or deed.action == "clear":
            return "", None, False, "", False
        label, out = deed.rows[row]
        return deed.action, label, out, deed.person, deed.action != "auto-fix" or deed.route in ("row", "selection")

    def note(self, row: int) -> str:
        deed = self.top(row, ("note", ""))
        return "" if deed is None else deed.text or ""

    def tagged(self, row: int, name: str) -> bool:
        deed = self.top(row, ("tag", name))
        return deed is not None and deed.action == "tag"

    def ask(self, request: Request, person: str) -> bool:
        """True if something changed."""
        new = {row: self._new(request, row) for row in request.rows.tolist() if row not in self.facts.gone}
        new = {row: value for row, value in new.items() if value is not None}
        if new:
            self.deeds.append(Deed(person, request.action, request.route, new, request.text))
        return bool(new)

    def _new(self, request: Request, row: int) -> Any:
        """What the row becomes, None = it is left alone."""
        named = request.route in ("row", "selection")
        replaces = request.overwrite if request.overwrite is not None else named or request.action == "clear"
        if request.action in ("tag", "untag"):
            return None if self.tagged(row, request.text or "") == (request.action == "tag") else True
        if request.action == "note":
            old = self.note(row)
            return None if old == request.text or (old and not replaces) else True
        action, label, out, _, by_hand = self.decision(row)
        if request.action == "clear":
            return (None, False) if action and replaces else None
        becomes = {"label": (request.label, False), "exclude": (None, True)}.get(request.action, (None, False))
        if request.action == "auto-fix":
            plan = self.facts.plan(request.policy)
            if plan.action[row] is None:
                return None
            becomes = (plan.corrected_label[row], plan.action[row] == "exclude")
            if by_hand and not named:
                return None
        if action and not replaces:
            return None
        firm = by_hand or (request.action == "auto-fix" and not named)
        return None if (action, label, out) == (request.action, *becomes) and firm else becomes

    def undo(self, person: str, number: int | None = None) -> bool:
        if number is None:
            mine = [deed for deed in self.deeds if deed.person == person and deed.undoes is None and deed.on]
            target = mine[-1] if mine else None
        else:
            target = self.deeds[number - 1] if self.deeds[number - 1].on else None
        return self._switch("undo", person, target)

    def redo(self, person: str, number: int | None = None) -> bool:
        target = None
        if number is not None:
            target = None if self.deeds[number - 1].on else self.deeds[number - 1]
        else:
            for deed in reversed([deed for deed in self.deeds if deed.person == person]):
                if deed.undoes is None:
                    break
                if deed.action == "undo" and not deed.undoes.on:
                    target = deed.undoes
                    break
        return self._switch("redo", person, target)

    def _switch(self, word: str, person: str, target: Deed | None) -> bool:
        if target is None:
            return False
        target.on = word == "redo"
        self.deeds.append(Deed(person, word, "api", {}, undoes=target))
        return True

    def agrees(self, state: State) -> None:
        """AssertionError where a state says something else."""
        assert state.number == len(self.deeds)
        for row in range(self.facts.n_rows):
            person = int(state.person[row])
            said = (
                ACTION_NAMES[state.action[row]],
                state.label_of(row),
                bool(state.excluded[row]),
                state.people[person] if person >= 0 else "",
                bool(state.by_hand[row]),
            )
            assert said == self.decision(row), row
            top = self.top(row)
            assert state.entry[row] == (0 if top is None else self.deeds.index(top) + 1), row
            assert state.notes.get(row, "") == self.note(row), row
            for name, tagged in state.tags.items():
                assert bool(tagged[row]) == self.tagged(row, name), (row, name)


WRITER = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from assay.actions import Request
from logging_twin import open_log, rows
log, person, start, count = open_log(Path({folder!r}), {n}), {person!r}, {start}, {count}
print("ready", flush=True)
for i in range(start, start + count):
    token = f"{{person}}-{{i}}"
    done = log.append(Request("label", rows(i % {n}), label=token), person, token=token)
    print(token, done.entry.number, flush=True)
    time.sleep({pause})
"""


def writer(
    folder: Path, person: str, *, start: int = 0, count: int = 100, n: int = 5_000, pause: float = 0
) -> subprocess.Popen[str]:
    """A process that writes one entry after the other and prints each when it is acknowledged, in a group of its own."""
    code = WRITER.format(
        tests=str(Path(__file__).parent), folder=str(folder), n=n, person=person, start=start, count=count, pause=pause
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
