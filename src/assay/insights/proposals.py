"""From relations to findings: the sentence, the examples, and what could be done about it.

In: class names, `Relation`s and `Group`s. Out: `Finding`s of the checks "relation" and "relation_group". Pure.
Does not know: how relations are found, how an action is carried out.

An action is a dict with ``kind`` and ``title``:

    merge           from: [classes], into: class                 every row given one of ``from`` gets the label ``into``
    take_specific   general: class, specific: [classes]          rows given the general class get their likeliest specific one
    move_suggested  between: [classes]                           label issues among these classes get their suggested label
    multi_label     holder: class, held: [classes]               rows hold several labels; for a merge see ``else``
    split           class: class, into: [names]                  the rows of one cluster get a name of their own
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.insights.finding import WORTH_A_WORD, Finding, listed_names, quote, rows_of
from assay.insights.relations import EXAMPLES, OVERLAP, Group, Relation
from assay.insights.two_labels import TwoLabels
from assay.issues.interval import wilson

Action = dict[str, Any]
PAIRS = 20  # of classes that one finding lists
LISTED = 1_000  # rows whose second label one finding lists
TITLES = {
    "same_thing": "The same thing",
    "is_a": "General and specific",
    "has_a": "Appear together (candidate)",
    "looks_alike": "Look alike",
    "catch_all": "Catch-all class",
    "should_split": "One class, two clusters",
}


def relation_findings(
    classes: Sequence[Any], n: NDArray[np.int64], found: Sequence[Relation], grouped: Sequence[Group]
) -> list[Finding]:
    """Groups first, then pairs and single classes in the order given.

    ``n`` (K,) labelled rows a class.
    """
    names = [value.item() if isinstance(value, np.generic) else value for value in classes]
    return [_group(names, n, group) for group in grouped] + [_relation(names, n, relation) for relation in found]


def _relation(names: list[Any], n: NDArray[np.int64], r: Relation) -> Finding:
    first = names[r.first]
    second = names[r.second] if r.second >= 0 else None
    subject = [first] if second is None else [first, second]
    between: list[Any] | dict[str, Any] = subject
    one, two = quote(first), quote(second)
    share, count = f"{r.strength:.0%}", rows_of(len(r.rows))
    action: Action | None
    if r.type == "same_thing":
        small, large = (first, second) if n[r.first] <= n[r.second] else (second, first)
        message = (
            f"{one} and {two} seem to be the same thing: nothing tells their rows apart, and at least {share} of each "
            "class's rows could carry the other label. Merge them, unless the difference is one that the data do not show."
        )
        action = _merge([small], large)
    elif r.type == "is_a":
        between = {"general": first, "specific": second}
        message = (
            f"{two} seems to be a kind of {one}: {share} of the rows given {two} could as well be given {one}, "
            f"and some of the rows given {one} cannot be told from {two}. Give the specific label, or merge the two."
        )
        action = _specific(first, [second])
    elif r.type == "has_a":
        between = {"holder": first, "held": second}
        message = (
            f"A candidate: {count} given {one} ({share} of them) hold {two} as well. "
            "Give such rows both labels, leave them out, or merge the two if they mean one thing to you."
        )
        action = _several(first, [second])
    elif r.type == "catch_all":
        message = (
            f"{one} looks like a catch-all: {share} of its rows look like other classes, and like many different ones. "
            "Move the rows that belong elsewhere, or leave the class out."
        )
        action = _move([first])
    elif r.type == "should_split":
        message = (
            f"{one} falls into two clusters that are much further apart than classes typically are from their nearest one "
            f"(the smaller holds {share} of its rows). Give the two a name each, if they are two things."
        )
        action = {
            "kind": "split", "title": f"Split {one} in two", "class": first, "into": [first, f"{first} (2)"],
        }  # fmt: skip
    else:
        overlap = r.facts.get("overlap", 0) >= OVERLAP
        message = (
            f"{one} and {two} look alike: {share} of their rows are taken for the other"
            + (
                ", so often both ways that the classes may overlap. "
                if overlap
                else ", yet they can mostly be told apart. "
            )
            + "Review the rows in question."
        )
        action = _move([first, second])
    facts = {name: round(float(value), 4) for name, value in r.facts.items()}
    if np.isfinite(r.auc):
        facts["auc"] = round(float(r.auc), 4)
    return Finding(
        "relation", TITLES[r.type], subject, message, facts, r.type, between,
        round(r.strength, 4), round(r.low, 4), round(r.high, 4), len(r.rows), examples_of(r.rows), action,
    )  # fmt: skip


def _group(names: list[Any], n: NDArray[np.int64], g: Group) -> Finding:
    members = [names[code] for code in g.members]
    told, count = listed_names(members), f"{len(members)} classes"
    between: list[Any] | dict[str, Any] = members
    subject = members if g.head < 0 else [names[g.head], *members]
    action: Action | None
    strength, low, high = g.strength, g.low, g.high
    if g.type == "same_thing":
        largest = names[max(g.members, key=lambda code: (int(n[code]), -code))]
        message = f"These {count} seem to be one thing: {told}. Nothing tells the rows of any two apart."
        action = _merge([name for name in members if name != largest], largest)
    elif g.type == "is_a":
        head = names[g.head]
        between = {"general": head, "specific": members}
        message = f"{quote(head)} is general to {count}: {told}. Its rows cannot be told from theirs; give the specific label."
        action = _specific(head, members)
    elif g.type == "has_a":
        head = names[g.head]
        between = {"holder": head, "held": members}
        strength, (low, high) = len(g.rows) / max(int(n[g.head]), 1), wilson(len(g.rows), int(n[g.head]))
        message = (
            f"A candidate: {rows_of(len(g.rows))} given {quote(head)} ({strength:.0%} of them) hold other classes as well: {told}. "
            "Give several labels a row, or merge the group if it means one thing to you."
        )
        action = _several(head, members)
    else:
        message = f"These {count} are taken for each other: {told}. Each is mixed up with most of the others."
        action = _move(members)
    return Finding(
        "relation_group", f"{TITLES[g.type]}: a group", subject, message, {}, g.type, between,
        round(strength, 4), round(low, 4), round(high, 4), len(g.rows), examples_of(g.rows), action,
    )  # fmt: skip


def two_label_finding(
    classes: Sequence[Any],
    labels: NDArray[np.int32],
    found: TwoLabels,
    parts: Sequence[Sequence[str]],
    n_rows: int,
    *,
    unsure: bool = False,
) -> list[Finding]:
    """One finding on all rows that hold two labels: how many, which pairs, and of the surest which second label and which words.

    ``parts``: of each row that was taken apart. ``unsure``: the labels of whole rows could not be judged, so that nothing says
    how much of it is chance.
    """
    names = [value.item() if isinstance(value, np.generic) else value for value in classes]
    at = np.flatnonzero(found.plain)
    if not len(at):
        return []
    at = at[np.argsort(-found.score[at], kind="stable")]
    first, second = labels[found.rows[at]].astype(np.int64), found.second[at].astype(np.int64)
    pairs, times = np.unique(first * len(names) + second, return_counts=True)
    order = np.argsort(-times, kind="stable")[:PAIRS]
    top = [
        {"given": names[pair // len(names)], "second": names[pair % len(names)], "rows": count}
        for pair, count in zip(pairs[order].tolist(), times[order].tolist(), strict=True)
    ]
    often = [one for one in top[:3] if one["rows"] >= WORTH_A_WORD]
    shown = ", ".join(f"{quote(one['given'])} with {quote(one['second'])} ({one['rows']:,})" for one in often)
    shown = f", most often {shown}" if shown else ""
    looked = len(found.rows)
    verb = "may" if unsure else "seems to" if len(at) == 1 else "seem to"
    message = (
        f"{rows_of(len(at))} {verb} hold a second label beside the given one{shown}. "
        + ("Labels could not be judged, so these are candidates. " if unsure else "")
        + (f"Of {n_rows:,} rows the {looked:,} most plausible were taken apart. " if looked < n_rows else "")
        + "Keep them, leave them out, or export them with both labels."
    )
    rows = [
        {
            "row": int(found.rows[a]),
            "second_label": names[int(found.second[a])],
            "score": round(float(found.score[a]), 4),
            "where": parts[a][int(found.part[a])],
        }
        for a in at[:LISTED].tolist()
    ]
    low, high = wilson(len(at), n_rows)
    return [
        Finding(
            "two_labels",
            "Two labels in one row",
            [],
            message,
            {"pairs": top, "rows": rows, "looked_at": looked},
            "",
            [],
            round(len(at) / max(n_rows, 1), 4),
            round(low, 4),
            round(high, 4),
            len(at),
            examples_of(found.rows[at]),
        )
    ]


def examples_of(rows: NDArray[np.int64]) -> list[int]:
    """The first few rows, as plain numbers."""
    return [int(row) for row in rows[:EXAMPLES]]


def _merge(from_: list[Any], into: Any) -> Action:
    return {"kind": "merge", "title": f"Merge {listed_names(from_)} into {quote(into)}", "from": from_, "into": into}


def _specific(general: Any, specific: list[Any]) -> Action:
    title = f"Give rows of {quote(general)} their likeliest specific label"
    return {
        "kind": "take_specific", "title": title, "general": general, "specific": specific,
        "else": _merge(specific, general),
    }  # fmt: skip


def _several(holder: Any, held: list[Any]) -> Action:
    return {
        "kind": "multi_label", "title": f"Export {quote(holder)} with a second label where one is there",
        "holder": holder, "held": held, "else": _merge(held, holder),
    }  # fmt: skip


def _move(between: list[Any]) -> Action:
    title = f"Give label issues of {listed_names(between)} their suggested label"
    return {"kind": "move_suggested", "title": title, "between": between}
