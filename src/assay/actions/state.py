"""The state of every row: the fold of the log's entries; pure.

In: entries in the order of their numbers. Out: `State`. Does not know: databases, who asks.

Of each channel (the decision, each tag, the note) a row's state is that of the latest entry that covers it and is not
undone. So an undo never undoes a later decision, and undoing the later one brings back whatever is then the latest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.actions.entry import ACTION_NAMES, REDO, UNDO, Channel, Entry, Flags, Numbers, Rows, by_hand
from assay.actions.plan import EXCLUDE, Decision
from assay.dataset.target import Label
from assay.errors import ProjectError

Lookup = Callable[[Sequence[int]], Mapping[int, Entry]]
DECISION: Channel = ("decision", "")
NOTES: Channel = ("note", "")
VALUES: dict[str, dict[str, tuple[Any, int]]] = {  # what a row's state holds in a channel: dtype, and the value where there is nothing
    "decision": {"action": (np.uint8, 0), "label": (np.int32, -1), "excluded": (bool, 0), "person": (np.int16, -1), "by_hand": (bool, 0)},
    "tag": {"tagged": (bool, 0)},
    "note": {},
}  # fmt: skip


class Layers:
    """One channel by row: ``active`` the latest entry in force, ``latest`` the latest one at all, ``last_changed`` the latest
    one that changed the row, undo and redo included; each an entry number, 0 = none. ``values``: the state itself.

    ``latest`` and ``last_changed`` equal ``active`` until something is undone, and are one array until then.
    """

    def __init__(self, kind: str, n: int) -> None:
        self.active: Numbers = np.zeros(n, np.int32)
        self.latest = self.last_changed = self.active
        self.values: dict[str, NDArray[Any]] = {
            name: np.full(n, empty, dtype) if empty else np.zeros(n, dtype)
            for name, (dtype, empty) in VALUES[kind].items()
        }

    def copy(self) -> Layers:
        out = Layers.__new__(Layers)
        out.active = out.latest = out.last_changed = self.active.copy()
        if self.latest is not self.active:
            out.latest, out.last_changed = self.latest.copy(), self.last_changed.copy()
        out.values = {name: array.copy() for name, array in self.values.items()}
        return out

    def split(self) -> None:
        """From now on the three differ."""
        if self.latest is self.active:
            self.latest, self.last_changed = self.active.copy(), self.active.copy()


class State:
    """The state of all rows after entry ``number``. To be read only: whoever holds one keeps what it says.

    action : uint8 (N,) index into `ACTION_NAMES`; 0 = undecided. An auto-fix that leaves a row out is "auto-fix" and excluded.
    label : int32 (N,) index into ``labels``, -1 = none. excluded : bool (N,).
    person : int16 (N,) index into ``people``, -1 = nobody. by_hand : bool (N,) a person's word, no fix in bulk.
    entry : int32 (N,) number of the latest entry in force about the row, 0 = none; a "clear" leaves its number and action 0.
    tags : name -> bool (N,). notes : row -> text. undone : numbers of the entries that are switched off.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.number = 0
        self.labels: list[Label] = []
        self.people: list[str] = []
        self.undone: set[int] = set()
        self.clipped = False  # entries named rows that this project does not have: of a newer run
        self._code: dict[tuple[type, Label], int] = {}
        self._layers: dict[Channel, Layers] = {DECISION: Layers("decision", n)}
        self._owned: set[Channel] = {DECISION}  # channels whose arrays no other state shares
        self.texts: dict[int, str] = {}  # entry -> its note; shared with the states that follow
        self._notes: dict[int, str] | None = None

    # what it says --------------------------------------------------------------------------------------------

    @property
    def action(self) -> NDArray[np.uint8]:
        return self._layers[DECISION].values["action"]

    @property
    def label(self) -> Numbers:
        return self._layers[DECISION].values["label"]

    @property
    def excluded(self) -> Flags:
        return self._layers[DECISION].values["excluded"]

    @property
    def person(self) -> NDArray[np.int16]:
        return self._layers[DECISION].values["person"]

    @property
    def by_hand(self) -> Flags:
        return self._layers[DECISION].values["by_hand"]

    @property
    def entry(self) -> Numbers:
        return self._layers[DECISION].active

    @property
    def tags(self) -> dict[str, Flags]:
        return {name: layers.values["tagged"] for (kind, name), layers in self._layers.items() if kind == "tag"}

    @property
    def notes(self) -> dict[int, str]:
        if self._notes is None:
            layers = self._layers.get(NOTES)
            rows = np.zeros(0, np.int64) if layers is None else np.flatnonzero(layers.active)
            numbers = [] if layers is None else layers.active[rows].tolist()
            found = zip(rows.tolist(), (self.texts[number] for number in numbers), strict=True)
            self._notes = {row: text for row, text in found if text}
        return self._notes

    def label_of(self, row: int) -> Label | None:
        """The label that was decided for a row, or None."""
        code = int(self.label[row])
        return self.labels[code] if code >= 0 else None

    def code_of(self, label: Label, absent: int = -1) -> int:
        """The index of a label in ``labels``; 1, 1.0 and True are three labels."""
        return self._code.get((type(label), label), absent)

    def last_changed(self, channel: Channel = DECISION) -> Numbers:
        """(N,) number of the latest entry that changed each row, undo and redo included."""
        layers = self._layers.get(channel)
        return np.zeros(self.n, np.int32) if layers is None else layers.last_changed

    def holder(self, channel: Channel) -> Layers | None:
        """The arrays of a channel."""
        return self._layers.get(channel)

    @property
    def channels(self) -> list[Channel]:
        return list(self._layers)

    def decisions(self) -> dict[int, Decision]:
        """Row number -> what was decided, for `plan_fixes`; a row that is left out by whatever action is an "exclude"."""
        rows = np.flatnonzero(self.action)
        labels = np.array([*self.labels, None], object)[self.label[rows]]
        names = np.array(ACTION_NAMES, object)[self.action[rows]]
        names[self.excluded[rows]] = EXCLUDE
        found = zip(rows.tolist(), names.tolist(), labels.tolist(), strict=True)
        return {row: Decision(name, None if name == EXCLUDE else label) for row, name, label in found}

    # how it is made ------------------------------------------------------------------------------------------

    def copy(self) -> State:
        """A state that can be folded further; arrays are copied when the first entry changes them."""
        out = State.__new__(State)
        out.n, out.number, out.clipped = self.n, self.number, self.clipped
        out.labels, out.people, out.undone = list(self.labels), list(self.people), set(self.undone)
        out._code, out.texts, out._notes = dict(self._code), dict(self.texts), self._notes
        out._layers, out._owned = dict(self._layers), set()
        return out

    def apply(self, entry: Entry, lookup: Lookup) -> None:
        """Fold one more entry into this state. Only for states that nobody else reads: see `fold`.

        ``lookup`` finds earlier entries by number, with rows. Cost: O(rows of the entry), and the first time that a
        channel changes O(N).
        """
        if entry.action in (UNDO, REDO):
            assert entry.undoes is not None
            target = lookup([entry.undoes])[entry.undoes]
            (self._undo if entry.action == UNDO else self._redo)(target, entry.number, lookup)
        else:
            layers, rows = self._own(entry.channel), self._rows(entry)
            layers.active[rows] = entry.number
            if layers.latest is not layers.active:
                layers.latest[rows] = layers.last_changed[rows] = entry.number
            self._put(layers, rows, entry, slice(0, len(rows)))
        self.number = entry.number

    def put_channel(self, channel: Channel, layers: Layers) -> None:
        """The arrays of a channel as they were packed."""
        self._layers[channel] = layers
        self._owned.add(channel)

    def _own(self, channel: Channel) -> Layers:
        if channel not in self._layers:
            self._layers[channel] = Layers(channel[0], self.n)
        elif channel not in self._owned:
            self._layers[channel] = self._layers[channel].copy()
        self._owned.add(channel)
        if channel == NOTES:
            self._notes = None
        return self._layers[channel]

    def _rows(self, entry: Entry) -> Rows:
        """The entry's rows that this project has: another process may know a newer run with more of them."""
        rows = entry.rows
        if len(rows) and rows[-1] >= self.n:
            self.clipped = True
            rows = rows[: int(np.searchsorted(rows, self.n))]
        return rows

    def _put(self, layers: Layers, rows: Rows, entry: Entry, at: Any) -> None:
        """``rows`` take the state that ``entry`` gives its rows ``at``."""
        kind = entry.channel[0]
        if kind == "tag":
            layers.values["tagged"][rows] = entry.action == "tag"
        elif kind == "note":
            self.texts[entry.number] = entry.text or ""
        else:
            cleared = entry.action == "clear"
            values = layers.values
            values["action"][rows] = 0 if cleared else ACTION_NAMES.index(entry.action)
            values["excluded"][rows] = entry.excluded[at]
            values["person"][rows] = -1 if cleared else self._person(entry.person)
            values["by_hand"][rows] = not cleared and by_hand(entry.action, entry.route)
            if entry.codes is not None:
                known = np.array([*(self.intern(name) for name in entry.names), -1], np.int32)
                values["label"][rows] = known[entry.codes[at]]
            else:
                values["label"][rows] = self.intern(entry.label) if entry.action == "label" else -1

    def _undo(self, target: Entry, number: int, lookup: Lookup) -> None:
        layers, rows = self._own(target.channel), self._rows(target)
        layers.split()
        self.undone.add(target.number)
        mine = np.flatnonzero(layers.active[rows] == target.number)
        rows, below = rows[mine], target.under[mine]
        below = self._in_force(rows, below, lookup)
        layers.active[rows], layers.last_changed[rows] = below, number
        groups = list(_groups(below))
        found = lookup([below_number for below_number, _ in groups if below_number])
        for below_number, positions in groups:
            if below_number:
                entry = found[below_number]
                self._put(layers, rows[positions], entry, np.searchsorted(entry.rows, rows[positions]))
            else:
                for name, (_, empty) in VALUES[target.channel[0]].items():
                    layers.values[name][rows[positions]] = empty

    def _in_force(self, rows: Rows, below: Numbers, lookup: Lookup) -> Numbers:
        """For each row the latest entry from ``below`` downwards that is not undone."""
        below = below.copy()
        undone = np.array(sorted(self.undone), np.int32)
        waiting = np.flatnonzero(np.isin(below, undone))
        while len(waiting):
            groups = list(_groups(below[waiting]))
            found = lookup([number for number, _ in groups])
            for number, positions in groups:
                entry, which = found[number], waiting[positions]
                below[which] = entry.under[np.searchsorted(entry.rows, rows[which])]
            waiting = waiting[np.isin(below[waiting], undone)]
        return below

    def _redo(self, target: Entry, number: int, _: Lookup) -> None:
        layers, rows = self._own(target.channel), self._rows(target)
        layers.split()
        self.undone.discard(target.number)
        mine = np.flatnonzero(layers.active[rows] < target.number)
        layers.active[rows[mine]], layers.last_changed[rows[mine]] = target.number, number
        self._put(layers, rows[mine], target, mine)

    def intern(self, label: Label | None) -> int:
        """The index of a label in ``labels``, appended if it is new."""
        if label is None:
            return -1
        key = (type(label), label)
        if key not in self._code:
            self._code[key] = len(self.labels)
            self.labels.append(label)
        return self._code[key]

    def _person(self, name: str) -> int:
        if name not in self.people:
            self.people.append(name)
        return self.people.index(name)


def _groups(numbers: Numbers) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """(number, places where it stands) for each distinct number."""
    order = np.argsort(numbers, kind="stable")
    distinct, starts = np.unique(numbers[order], return_index=True)
    yield from zip(distinct.tolist(), np.split(order, starts[1:]) if len(starts) else [], strict=True)


def fold(state: State, entries: Iterable[Entry], lookup: Lookup) -> State:
    """The state after these entries; ``state`` itself stays as it is.

    ``entries`` in the order of their numbers, each with its rows, directly after ``state.number``.
    Cost: O(N) once (N rows: a copy of what changes), then O(rows) an entry.
    """
    out = state.copy()
    for entry in entries:
        if entry.number != out.number + 1:
            raise ProjectError(f"the log of decisions is damaged: after entry {out.number} comes entry {entry.number}")
        out.apply(entry, lookup)
    return out
