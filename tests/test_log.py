"""The log of decisions: what wins, what undo does, what is never lost.

Oracles: `logging_twin.Twin`, which keeps a list of deeds and looks for the last that stands; and what is written beside
each claim.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.actions import ActionLog, ConflictError, FixPlan, Request, State, fold, prepare
from assay.actions import log as log_module
from assay.actions.codec import pack_state, unpack_state
from assay.actions.entry import ACTION_NAMES
from assay.actions.migrations import SCHEMA
from assay.dataset.target import fit_label
from assay.errors import AssayError, ProjectError, StorageError, UsageError
from logging_twin import PROJECT, ProjectFacts, Twin, open_log, rows, writer


@pytest.fixture
def log(tmp_path: Path) -> ActionLog:
    return open_log(tmp_path)


def ask(action: str, *numbers: int, **options: Any) -> Request:
    return Request(action, rows(*numbers), **options)


def action(log: ActionLog, row: int, at: int | None = None) -> str:
    return ACTION_NAMES[log.state(at).action[row]]


# the twin --------------------------------------------------------------------------------------------------------

PEOPLE = st.sampled_from(["ann", "bob", "eve"])
SOME_ROWS = st.lists(st.integers(0, 19), min_size=1, max_size=12, unique=True).map(lambda found: rows(*sorted(found)))
REQUESTS = st.one_of(
    st.builds(
        Request,
        st.sampled_from(["keep", "exclude", "unresolved", "clear", "auto-fix"]),
        SOME_ROWS,
        policy=st.sampled_from(["auto", "reference"]),
        route=st.sampled_from(["row", "selection", "bulk", "file"]),
        overwrite=st.sampled_from([None, None, True, False]),
    ),
    st.builds(
        Request,
        st.just("label"),
        SOME_ROWS,
        label=st.sampled_from(["cat", "dog", "cow", "new"]),
        route=st.sampled_from(["row", "bulk"]),
        overwrite=st.sampled_from([None, True]),
    ),
    st.builds(Request, st.sampled_from(["tag", "untag"]), SOME_ROWS, text=st.sampled_from(["odd", "later"])),
    st.builds(
        Request,
        st.just("note"),
        SOME_ROWS,
        text=st.sampled_from(["", "why?", "see 7"]),
        route=st.sampled_from(["row", "bulk"]),
    ),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), PEOPLE, REQUESTS),
        st.tuples(st.sampled_from(["undo", "redo"]), PEOPLE, st.none() | st.integers(1, 30)),
        st.tuples(st.just("open"), PEOPLE, st.none()),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_whatever_people_do_undo_and_redo_the_state_is_that_of_the_twin(steps: list[tuple[str, str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_module, "SNAPSHOT", 7)  # so that snapshots and leaps occur in short logs
        patch.setattr(log_module, "KEPT", 14)
        patch.setattr(log_module, "BATCH", 3)
        twin = Twin(ProjectFacts(20, gone=(19,)))
        logs = [open_log(Path(folder), 20, gone=(19,)) for _ in range(2)]
        past = []
        for number, (word, person, what) in enumerate(steps):
            log = logs[number % 2]  # as two processes would
            if word == "open":
                log = logs[number % 2] = open_log(Path(folder), 20, gone=(19,))
            elif word == "ask":
                assert (log.append(what, person).entry is not None) == twin.ask(what, person)
            elif what is not None and (what > len(twin.deeds) or twin.deeds[what - 1].undoes is not None):
                with pytest.raises(UsageError):
                    getattr(log, word)(person, what)
            else:
                assert (getattr(log, word)(person, what).entry is not None) == getattr(twin, word)(person, what)
            state = log.state()
            twin.agrees(state)
            past.append((state.number, pack_state(state)))
        for number, packed in past:
            assert pack_state(logs[0].state(number)) == packed  # looking back shows what was to be seen then
        for each in logs:
            each.close()


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_a_state_goes_through_bytes_unchanged(steps: list[tuple[str, str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = open_log(Path(folder), 20)
        for word, person, what in steps:
            if word == "ask":
                log.append(what, person)
            elif word != "open":
                getattr(log, word)(person)
        state = log.state()
        again = unpack_state(pack_state(state), 20)
        assert pack_state(again) == pack_state(state)
        assert (again.notes, again.labels, again.people) == (state.notes, state.labels, state.people)
        log.close()


# what wins -------------------------------------------------------------------------------------------------------


def test_a_new_project_has_no_decisions_and_reading_makes_no_file(log: ActionLog, tmp_path: Path) -> None:
    assert log.state().number == 0 and not log.state().action.any()
    assert log.entries() == [] and log.history(3) == [] and log.timeline() == [] and log.people() == []
    assert log.undo("ann").entry is None and log.redo("ann").message == "nothing to redo"
    assert log.append(ask("clear", 1), "ann").entry is None  # nothing to clear: nothing to write
    assert list(tmp_path.iterdir()) == []


def test_a_decision_is_there_for_whoever_opens_the_log_next(log: ActionLog, tmp_path: Path) -> None:
    done = log.append(ask("label", 3, 4, label="cow"), "ann")
    assert done.entry is not None and done.entry.number == done.number == 1
    assert done.message == "entry 1: label -> cow, 2 rows"
    state = open_log(tmp_path).state()
    assert [state.label_of(row) for row in (2, 3, 4)] == [None, "cow", "cow"]
    assert state.people[state.person[3]] == "ann" and state.by_hand[3]


def test_the_later_of_two_entries_wins_and_undoing_it_brings_the_earlier_back(log: ActionLog) -> None:
    log.append(ask("keep", 1, 2, 3), "ann")
    log.append(ask("exclude", 2), "bob")
    assert [action(log, row) for row in (1, 2, 3)] == ["keep", "exclude", "keep"]
    log.undo("bob")
    assert action(log, 2) == "keep"


def test_an_undo_never_undoes_another_persons_later_decision(log: ActionLog) -> None:
    log.append(ask("keep", 1, 2), "ann")
    log.append(ask("exclude", 2), "bob")
    done = log.undo("ann")
    assert (done.entry is not None and done.entry.n_rows, done.kept) == (1, 1)
    assert "a later decision holds 1" in done.message
    assert (action(log, 1), action(log, 2)) == ("", "exclude")


def test_what_was_undone_beneath_does_not_come_back_with_the_layer_above(log: ActionLog) -> None:
    log.append(ask("keep", 1), "ann")
    log.append(ask("exclude", 1), "bob")
    log.undo("ann")
    log.undo("bob")
    assert action(log, 1) == ""
    log.redo("ann")
    assert action(log, 1) == "keep"


def test_an_entry_that_is_redone_beneath_a_later_one_shows_when_that_is_undone(log: ActionLog) -> None:
    log.append(ask("keep", 1), "ann")
    log.undo("ann")
    log.append(ask("exclude", 1), "bob")  # its "before" is nothing: what lay beneath was off
    log.redo("eve", 1)
    assert action(log, 1) == "exclude"
    log.undo("bob")
    assert action(log, 1) == "keep"


def test_undo_and_redo_go_through_a_persons_own_entries_in_order(log: ActionLog) -> None:
    for row in (1, 2):
        log.append(ask("keep", row), "ann")
        log.append(ask("exclude", row + 10), "bob")
    done = [log.undo("ann") for _ in range(3)]
    assert [one.entry and one.entry.undoes for one in done] == [3, 1, None]
    done = [log.redo("ann") for _ in range(3)]
    assert [one.entry and one.entry.undoes for one in done] == [1, 3, None]
    assert [action(log, row) for row in (1, 2, 11, 12)] == ["keep", "keep", "exclude", "exclude"]


def test_after_a_new_decision_there_is_nothing_to_redo_but_by_number(log: ActionLog) -> None:
    log.append(ask("keep", 1), "ann")
    log.undo("ann")
    log.append(ask("keep", 2), "ann")
    assert log.redo("ann").entry is None
    assert log.redo("ann", 1).entry is not None
    assert log.redo("ann", 1).message == "entry 1 is not undone"


def test_undo_works_across_restarts(log: ActionLog, tmp_path: Path) -> None:
    log.append(ask("exclude", *range(20), route="bulk"), "ann")
    log.close()
    assert open_log(tmp_path).undo("ann").message == "entry 2: undid entry 1, 20 rows changed"
    assert open_log(tmp_path).redo("ann").message == "entry 3: redid entry 1, 20 rows changed"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (9, "there is no entry 9: the log ends with entry 2"),
        (0, "there is no entry 0"),
        (-1, "there is no entry -1"),
        (2, "entry 2 is itself the undo of entry 1; redo that one instead"),
    ],
)
def test_undoing_what_cannot_be_undone_says_why(log: ActionLog, number: int, message: str) -> None:
    log.append(ask("keep", 1), "ann")
    log.undo("ann")
    with pytest.raises(UsageError, match=message):
        log.undo("ann", number)
    assert log.undo("ann", 1).message == "entry 1 is undone already"


# auto-fix --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("overwrite", [None, True])
def test_an_auto_fix_in_bulk_never_overrides_a_manual_decision(log: ActionLog, overwrite: bool | None) -> None:
    log.append(ask("keep", 0, 3), "ann")
    done = log.append(ask("auto-fix", *range(10), route="bulk", overwrite=overwrite), "bob")
    assert done.summary["skipped"] == {"by-hand": 2, "no-suggestion": 4}
    assert [action(log, row) for row in (0, 3, 6, 9)] == ["keep", "keep", "auto-fix", "auto-fix"]


def test_a_person_who_points_at_a_row_may_auto_fix_it(log: ActionLog) -> None:
    log.append(ask("keep", 3), "ann")
    log.append(ask("auto-fix", 3), "bob")
    assert (action(log, 3), log.state().label_of(3), log.state().by_hand[3]) == ("auto-fix", "cow", True)


def test_an_auto_fix_may_leave_a_row_out(log: ActionLog) -> None:
    log.append(ask("auto-fix", 0, 1, 8, route="bulk"), "ann")
    state = log.state()
    assert [bool(state.excluded[row]) for row in (0, 1, 8)] == [False, True, True]
    assert {row: (d.action, d.label) for row, d in state.decisions().items()} == {
        0: ("auto-fix", "cow"),
        1: ("exclude", None),
        8: ("exclude", None),
    }


def test_a_bulk_fix_of_what_is_fixed_changes_nothing_and_a_person_makes_it_a_decision_by_hand(log: ActionLog) -> None:
    log.append(ask("auto-fix", *range(30), route="bulk"), "ann")
    again = log.append(ask("auto-fix", *range(30), route="bulk"), "bob")
    assert again.entry is None and set(again.summary["skipped"]) == {"unchanged", "no-suggestion"}
    log.append(ask("auto-fix", 0), "bob")
    assert log.state().by_hand.nonzero()[0].tolist() == [0]


def test_decisions_that_stand_are_left_alone_by_a_file_unless_it_says_so(log: ActionLog) -> None:
    log.append(ask("keep", 1), "ann")
    log.append(ask("auto-fix", 0, route="bulk"), "ann")
    for route in ("bulk", "class", "file", "api"):
        done = log.append(ask("exclude", 0, 1, route=route), "bob")
        assert done.summary["skipped"] == {"by-hand": 1, "fixed": 1}
    log.append(ask("exclude", 0, 1, route="file", overwrite=True), "bob")
    assert (action(log, 0), action(log, 1)) == ("exclude", "exclude")


def test_a_suggestion_that_the_policy_does_not_trust_is_not_called_none() -> None:
    action, label = (
        np.array([None, "unresolved", "auto-fix", "exclude"], object),
        np.array([None, None, "cow", None], object),
    )
    request = Request("auto-fix", rows=np.arange(4), policy="auto", route="bulk", removals=False)
    done = prepare(request, State(4), ["cat"] * 4, lambda policy: FixPlan(policy, action, label))
    assert done.skipped == {"no-suggestion": 1, "not-certain": 1, "removal": 1}
    assert (done.rows.tolist(), done.removals.tolist()) == ([2], [3])


# the preview ------------------------------------------------------------------------------------------------------


def test_the_preview_says_what_the_deed_then_does(log: ActionLog) -> None:
    log.append(ask("keep", 0), "ann")
    request = ask("auto-fix", *range(25), route="bulk")
    before = log.prepare(request).summary()
    assert (before["n"], before["relabeled"], before["excluded"]) == (11, 7, 4)
    assert before["pairs"] == [["cat", "cow", 4], ["dog", "cow", 3]]
    assert before["skipped"] == {"no-suggestion": 13, "by-hand": 1}
    assert before["first"][0] == {
        "row": 1,
        "before": {"action": "", "label": None, "excluded": False},
        "after": {"action": "auto-fix", "label": None, "excluded": True},
    }
    assert len(before["first"]) == 11 and len(log.prepare(request).summary(first=3)["first"]) == 3
    done = log.append(request, "bob")
    assert done.summary == before
    assert done.entry is not None and log.entry(done.entry.number).n_rows == 11


def test_the_log_keeps_who_when_what_by_which_route_and_what_was_before(log: ActionLog, tmp_path: Path) -> None:
    view = {"filter": {"any": ["label"]}, "sort": {"by": "label_issue_score"}}
    log.append(ask("keep", 3), "ann")
    log.append(ask("auto-fix", 0, 1, 3, route="selection", view=view), "bob", token="t")
    entry = open_log(tmp_path).entry(2)
    assert (entry.person, entry.action, entry.route, entry.policy, entry.view) == (
        "bob",
        "auto-fix",
        "selection",
        "reference",
        view,
    )
    assert entry.at[:4].isdigit() and entry.at.endswith("Z") and len(entry.at) == 24
    assert (entry.rows.tolist(), entry.labels, entry.before.tolist()) == ([0, 1, 3], ["cow", None, "cow"], [0, 0, 1])
    assert entry.listed(2)[1] == {"row": 1, "label": None, "excluded": True, "before": 0}
    assert log.entries()[0].n_rows == 3 and not len(log.entries()[0].rows)  # rows are left unread unless asked for
    assert "bob" in log.people() and log.people() == sorted({entry.person for entry in log.entries()})
    assert [e.number for e in log.entries(before=2)] == [1] and [e.number for e in log.entries(after=1)] == [2]


def test_the_history_of_a_row_is_every_entry_about_it(log: ActionLog) -> None:
    log.append(ask("label", 1, 2, label="cow"), "ann")
    log.append(ask("tag", 2, text="odd"), "bob")
    log.append(ask("auto-fix", 0, 1, route="row"), "eve")
    log.append(ask("note", 2, text="why?"), "eve")
    log.append(ask("keep", 2), "bob")
    log.undo("bob")
    told = [(h["number"], h["person"], h["action"], h["label"], h["text"], h["undone"]) for h in log.history(2)]
    assert told == [
        (5, "bob", "keep", None, None, True),
        (4, "eve", "note", None, "why?", False),
        (2, "bob", "tag", None, "odd", False),
        (1, "ann", "label", "cow", None, False),
    ]
    assert [(h["number"], h["label"], h["excluded"]) for h in log.history(1)] == [(3, None, True), (1, "cow", False)]


def test_the_difference_of_two_points_is_the_rows_that_changed(log: ActionLog) -> None:
    log.append(ask("keep", 1, 2), "ann")
    log.append(ask("tag", 5, text="odd"), "ann")
    log.append(ask("label", 2, label="cow"), "bob")
    log.append(ask("note", 9, text="why?"), "bob")
    log.undo("bob")
    assert log.diff(1, 5).rows.tolist() == [2, 5]
    assert log.diff(0, 2).rows.tolist() == [1, 2, 5]
    assert log.diff(2, 4).rows.tolist() == [2, 9] and log.diff(4, 5).rows.tolist() == [9]
    row = log.diff(2, 3)[:10][0]
    assert (row["row"], row["before"]["action"], row["after"]["label"], row["after"]["person"]) == (
        2,
        "keep",
        "cow",
        "bob",
    )


def test_looking_back_shows_every_point_and_no_other(log: ActionLog) -> None:
    log.append(ask("keep", 1), "ann")
    log.append(ask("exclude", 1), "ann")
    assert [action(log, 1, at) for at in (0, 1, 2)] == ["", "keep", "exclude"]
    for at in (3, -1):
        with pytest.raises(UsageError, match=f"there is no entry {at}: the log ends with entry 2"):
            log.state(at)


# requests that make no sense ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ask("delete", 1), "unknown action 'delete'; choose one of keep, label,"),
        (ask("undo", 1), "unknown action 'undo'"),
        (ask("keep", 30), "there is no row 30: the project has 30 rows"),
        (ask("keep", -1, 2), "there is no row -1"),
        (Request("keep", np.array([0.5])), "whole numbers"),  # type: ignore[arg-type]
        (ask("keep", 1, label="cow"), '"keep" takes no label'),
        (ask("keep", 1, text="hm"), '"keep" takes no text'),
        (ask("label", 1), '"label" needs a label'),
        (ask("label", 1, label=" "), "the label is blank"),
        (ask("label", 1, label=float("nan")), "is no label"),
        (ask("label", 1, label="x" * 1001), "longer than 1,000 characters"),
        (ask("label", 1, label=["cow"]), "is no label"),
        (ask("tag", 1), '"tag" needs a text: the name of the tag'),
        (ask("tag", 1, text="  "), '"tag" needs a text'),
        (ask("tag", 1, text="x" * 101), "longer than 100"),
        (ask("note", 1), '"note" needs a text: the note'),
        (ask("auto-fix", 1, policy="none"), "unknown fix policy 'none'"),
        (ask("auto-fix", 1, policy="magic"), "unknown fix policy 'magic'"),
        (ask("keep", 1, route="telepathy"), "unknown route 'telepathy'"),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense_says_why_and_writes_nothing(
    log: ActionLog, tmp_path: Path, request_: Request, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        log.append(request_, "ann")
    assert list(tmp_path.iterdir()) == []
    log.append(ask("keep", 5), "ann")
    with pytest.raises(UsageError, match=message):
        log.append(request_, "ann")
    assert log.state().number == 1


@pytest.mark.parametrize(
    ("person", "token"), [("", None), ("a\nb", None), ("x" * 201, None), ("ann", ""), ("ann", "x" * 201)]
)
def test_a_name_or_token_is_short_and_printable(log: ActionLog, person: str, token: str | None) -> None:
    with pytest.raises(UsageError, match="printable characters"):
        log.append(ask("keep", 1), person, token=token)


def test_rows_come_in_any_order_and_twice_and_missing_ones_are_counted(tmp_path: Path) -> None:
    log = open_log(tmp_path, gone=(5, 6))
    done = log.append(ask("keep", 9, 2, 5, 9, 6), "ann")
    assert done.entry is not None and done.entry.rows.tolist() == [2, 9]
    assert done.summary["skipped"] == {"gone": 2}
    assert log.append(ask("keep", 5), "ann").message == "nothing changed (1 skipped: no longer in the source)"
    assert log.append(Request("keep"), "ann").entry is None


@pytest.mark.parametrize(
    ("classes", "label", "fitted"),
    [
        ([1, 2], "7", 7), ([1, 2], " 7 ", 7), ([1, 2], 7.0, 7), ([1, 2], "-3", -3), ([0.5], "7", 7.0), ([0.5], 7, 7.0),
        (["a"], 7, "7"), (["a"], "new", "new"), (["a"], True, "True"), ([True], "false", False), ([True], 1, True),
        ([None, 3], "4", 4), ([], "anything", "anything"), ([None], 5, 5), ([1], np.int64(4), 4), ([1], np.float64(4), 4),
    ],
)  # fmt: skip
def test_a_label_takes_the_type_of_the_given_ones(classes: list[Any], label: Any, fitted: Any) -> None:
    found = fit_label(label, type(classes[0]) if classes else None)
    assert (type(found), found) == (type(fitted), fitted)


@pytest.mark.parametrize(
    ("classes", "label", "message"),
    [
        ([1], "seven", "whole numbers"), ([1], "7.5", "whole numbers"), ([1], True, "whole numbers"),
        ([0.5], "x", "numbers"), ([True], "yes", "true or false"),
    ],
)  # fmt: skip
def test_a_label_of_another_kind_is_refused(classes: list[Any], label: Any, message: str) -> None:
    with pytest.raises(UsageError, match=f"does not fit: the labels of this project are {message}"):
        fit_label(label, type(classes[0]) if classes else None)


def test_one_and_true_and_one_point_zero_are_three_labels(tmp_path: Path) -> None:
    log = open_log(tmp_path, given=np.full(30, None, object))
    for row, label in enumerate((1, True, 1.0, "1")):
        log.append(ask("label", row, label=label), "ann")
    state = open_log(tmp_path, given=np.full(30, None, object)).state()
    assert [(type(x), x) for x in state.labels] == [(int, 1), (bool, True), (float, 1.0), (str, "1")]


# the same again, and others meanwhile --------------------------------------------------------------------------------


def test_the_same_token_again_returns_the_first_result_and_writes_nothing(log: ActionLog, tmp_path: Path) -> None:
    first = log.append(ask("auto-fix", *range(9), route="bulk"), "ann", token="abc")
    log.append(ask("keep", 1), "bob")
    again = open_log(tmp_path).append(ask("auto-fix", *range(9), route="bulk"), "ann", token="abc")
    assert first.entry is not None and again.entry is not None
    assert (again.entry.number, again.entry.n_rows, again.summary["n"]) == (1, first.entry.n_rows, first.summary["n"])
    undone = [log.undo("ann", token="u") for _ in range(2)]
    assert [one.entry and one.entry.number for one in undone] == [3, 3]
    assert log.state().number == 3


def test_a_token_that_meant_something_else_is_refused(log: ActionLog) -> None:
    log.append(ask("keep", 1), "ann", token="abc")
    with pytest.raises(UsageError, match="used before, for entry 1: keep by ann"):
        log.append(ask("exclude", 1), "ann", token="abc")
    with pytest.raises(UsageError, match="used before"):
        log.undo("bob", token="abc")


def test_who_decides_about_a_row_that_changed_since_it_was_shown_is_told_first(log: ActionLog) -> None:
    seen = log.append(ask("keep", 9), "eve").number
    log.append(ask("label", 1, 2, label="cow"), "ann")
    with pytest.raises(ConflictError, match="2 rows were changed meanwhile by ann") as raised:
        log.append(ask("exclude", 1, 2, 3, route="selection"), "bob", seen=seen)
    assert raised.value.rows[0] == {"row": 1, "person": "ann", "action": "label", "label": "cow", "number": 2}
    assert log.state().number == 2
    assert log.append(ask("exclude", 1, 2, 3, route="selection"), "bob", seen=2).entry is not None
    assert log.append(ask("keep", 3), "bob", seen=0).entry is not None  # one's own decisions are no surprise


def test_an_undo_by_somebody_else_is_told_too(log: ActionLog) -> None:
    seen = log.append(ask("keep", 1), "ann").number
    log.undo("ann")
    with pytest.raises(ConflictError, match="meanwhile by ann"):
        log.append(ask("exclude", 1), "bob", seen=seen)


def test_a_bulk_action_leaves_alone_what_somebody_decided_meanwhile_and_says_so(log: ActionLog) -> None:
    log.append(ask("keep", 20), "ann")
    log.append(ask("keep", 1, 2), "ann")
    log.append(ask("exclude", 3), "eve")
    done = log.append(ask("label", *range(6), label="cow", route="bulk", overwrite=True), "bob", seen=1)
    assert done.summary["skipped"] == {"meanwhile:ann": 2, "meanwhile:eve": 1}
    assert done.entry is not None and done.entry.rows.tolist() == [0, 4, 5]


def test_two_notes_meet_but_two_tags_do_not(log: ActionLog) -> None:
    log.append(ask("keep", 9), "eve")
    log.append(ask("note", 1, text="why?"), "ann")
    log.append(ask("tag", 1, text="odd"), "ann")
    assert log.append(ask("tag", 1, text="later"), "bob", seen=1).entry is not None
    with pytest.raises(ConflictError):
        log.append(ask("note", 1, text="because"), "bob", seen=1)


def test_several_requests_are_one_deed_and_see_each_other(log: ActionLog) -> None:
    asked = [
        (ask("keep", 1), None),
        (ask("exclude", 1, route="file"), None),
        (ask("label", 2, label="cow"), "t"),
        (ask("label", 2, label="cow"), "t"),
    ]
    done = log.append_all(asked, "ann")
    assert [one.entry and one.entry.number for one in done] == [1, None, 2, 2]
    with pytest.raises(UsageError, match="there is no row 99"):
        log.append_all([(ask("keep", 5), None), (ask("keep", 99), None)], "ann")
    assert log.state().number == 2 and action(log, 5) == ""
    refused: list[tuple[int, str]] = []
    done = log.append_all(
        [(ask("keep", 5), None), (ask("keep", 99), None)], "ann", failed=lambda i, e: refused.append((i, str(e)))
    )
    assert len(done) == 1 and refused[0][0] == 1 and action(log, 5) == "keep"


# many at once --------------------------------------------------------------------------------------------------------


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    writers = [writer(tmp_path, person, count=60) for person in ("ann", "bob")]
    printed = [process.communicate(timeout=60)[0].splitlines()[1:] for process in writers]
    assert [process.returncode for process in writers] == [0, 0]
    told = {token: int(number) for line in (*printed[0], *printed[1]) for token, number in [line.split()]}
    assert sorted(told.values()) == list(range(1, 121))
    entries = {entry.token: entry.number for entry in open_log(tmp_path, 5_000).entries(limit=500)}
    assert entries == told


def test_threads_share_a_log_and_see_whole_entries(log: ActionLog, tmp_path: Path) -> None:
    """Rows 0 to 9 always change together: a reader that saw half of an entry would see two labels."""
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            state = log.state()
            found = {state.label_of(row) for row in range(10)}
            if len(found) > 1 or (state.number and found == {None}):
                wrong.append(found)

    readers = [threading.Thread(target=read) for _ in range(2)]
    others = [open_log(tmp_path), log]

    def write(which: int) -> None:
        for turn in range(30):
            others[which].append(ask("label", *range(10), label=f"{which}/{turn}"), f"person {which}")

    writers = [threading.Thread(target=write, args=(which,)) for which in range(2)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert not wrong and log.state().number == 60


def test_a_state_that_somebody_holds_does_not_change(log: ActionLog) -> None:
    log.append(ask("tag", 1, text="odd"), "ann")
    held = log.state()
    packed = pack_state(held)
    for request in (
        ask("keep", 1),
        ask("untag", 1, text="odd"),
        ask("note", 1, text="x"),
        ask("label", 2, label="new"),
    ):
        log.append(request, "bob")
    log.undo("ann")
    assert pack_state(held) == packed and held.notes == {} and log.state().notes == {1: "x"}


# the database ------------------------------------------------------------------------------------------------------


def test_the_newest_migration_is_the_one_that_the_program_writes() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from assay.actions import migrations

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA.newest


def test_the_tables_of_the_migrations_are_those_that_are_read(log: ActionLog) -> None:
    import sqlalchemy as sa

    from assay.actions.log_table import META

    log.append(ask("keep", 1), "ann")
    made = sa.MetaData()
    made.reflect(log._database.reader)
    for name, table in META.tables.items():
        assert {column.name for column in made.tables[name].columns} == {column.name for column in table.columns}


def test_a_log_of_a_newer_version_says_upgrade(log: ActionLog, tmp_path: Path) -> None:
    log.append(ask("keep", 1), "ann")
    with sqlite3.connect(tmp_path / "state.sqlite") as connection:
        connection.execute("UPDATE log_version SET version_num = '9999'")
    with pytest.raises(ProjectError, match="written by a newer Assay"):
        open_log(tmp_path).state()


def test_a_damaged_log_names_the_file(log: ActionLog, tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"these are not the pages you are looking for" * 200)
    with pytest.raises(ProjectError, match=r"state\.sqlite is damaged .*restore it from a copy"):
        log.state()


def test_a_full_disk_is_told_and_the_log_goes_on_afterwards(log: ActionLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append(ask("keep", 1), "ann")
    from sqlalchemy.exc import OperationalError

    from assay.actions.log_table import LogTable

    def full(*_: Any) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr(LogTable, "insert", full)
        with pytest.raises(StorageError, match="the disk is full"):
            log.append(ask("keep", 2), "ann")
    assert log.append(ask("keep", 3), "ann").number == 2
    assert (action(log, 2), action(log, 3)) == ("", "keep")


def test_what_no_folder_can_hold_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    log = ActionLog(tmp_path / "file" / "state.sqlite", PROJECT, ProjectFacts(5))  # type: ignore[arg-type]
    with pytest.raises(StorageError):
        log.append(ask("keep", 1), "ann")


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothere://host/x"])
def test_a_url_that_is_none_is_one_message(url: str) -> None:
    with pytest.raises(ProjectError, match="cannot open the database of decisions"):
        ActionLog(url, PROJECT, ProjectFacts(5)).state()  # type: ignore[arg-type]


READER = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from logging_twin import open_log, rows
from assay.actions import Request
warm = open_log(Path(sys.argv[3]))  # everything is imported before the rights are gone
warm.append(Request("keep", rows(1)), "ann")
warm.state()
os.getuid() or os.setuid(65534)
print(open_log(Path(sys.argv[2])).state().excluded.sum())
"""


def test_a_log_on_a_read_only_disk_is_read(tmp_path: Path) -> None:
    """As root every folder can be written to, so a process without rights reads it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = open_log(folder)
        log.append(ask("keep", 2), "ann")
        log.state()  # whoever reads keeps the log from being tidied away
        log.append(ask("exclude", 1), "ann")
        assert (folder / "state.sqlite-wal").stat().st_size
        (folder / "state.sqlite-shm").unlink()  # as after copying the folder
        folder.chmod(0o555)
        words = [sys.executable, "-c", READER, str(Path(__file__).parent), name, str(tmp_path)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        finally:
            folder.chmod(0o755)
        assert done.stdout.strip() == "1", done.stderr


def test_one_database_holds_the_logs_of_many_projects(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'all.sqlite'}"
    logs = [ActionLog(url, f"project {number}", ProjectFacts(10)) for number in range(2)]  # type: ignore[arg-type]
    logs[0].append(ask("keep", 1), "ann", token="t")
    logs[1].append(ask("exclude", 2), "ann", token="t")
    logs[1].append(ask("exclude", 3), "ann")
    assert [log.state().number for log in logs] == [1, 2]
    assert [len(log.entries()) for log in logs] == [1, 2]
    assert logs[0].undo("ann").entry is not None and action(logs[1], 2) == "exclude"


def test_a_copy_of_a_project_folder_has_its_decisions(log: ActionLog, tmp_path: Path) -> None:
    log.append(ask("exclude", 1), "ann")
    shutil.copytree(tmp_path, tmp_path.parent / f"{tmp_path.name}-copy")
    copy = open_log(tmp_path.parent / f"{tmp_path.name}-copy")
    copy.append(ask("exclude", 2), "ann")
    assert (copy.state().number, log.state().number) == (2, 1)


def test_rows_of_a_newer_run_are_not_lost_on_a_process_that_does_not_know_them(tmp_path: Path) -> None:
    old, new = open_log(tmp_path, 10), open_log(tmp_path, 20)
    new.append(ask("exclude", 3, 15, route="selection"), "ann")
    assert old.state().excluded.nonzero()[0].tolist() == [3]
    old.append(ask("keep", 4), "bob")
    old.undo("ann")
    old.redo("ann")
    assert open_log(tmp_path, 20).state().excluded.nonzero()[0].tolist() == [3, 15]


# speed ------------------------------------------------------------------------------------------------------------


def test_opening_a_long_log_folds_only_what_came_after_the_last_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "SNAPSHOT", 50)
    monkeypatch.setattr(log_module, "BATCH", 10)
    log = open_log(tmp_path)
    for turn in range(120):
        log.append(ask("label", turn % 30, label=f"{turn}"), "ann")
    from assay.actions.log_table import LogTable

    read: list[int] = []
    between = LogTable.between

    def counted(self: LogTable, *arguments: Any) -> Any:
        found = between(self, *arguments)
        read.append(len(found))
        return found

    monkeypatch.setattr(LogTable, "between", counted)
    state = open_log(tmp_path).state()
    assert sum(read) == 20 and state.label_of(29) == "119"


def test_a_bulk_fix_of_fifty_thousand_rows_of_a_million_and_its_undo_are_quick(tmp_path: Path) -> None:
    n = 1_281_167
    log = open_log(tmp_path, n)
    plan = log._facts.plan("reference")
    log._facts.plan = lambda policy: plan  # type: ignore[method-assign]
    log.append(ask("keep", 1), "ann")
    chosen = np.flatnonzero(plan.action == "auto-fix")[:: n // 150_000]
    started = time.thread_time()
    done = log.append(Request("auto-fix", chosen, route="bulk"), "ann")
    undone = log.undo("ann")
    spent = time.thread_time() - started
    assert done.entry is not None and 45_000 < done.entry.n_rows == undone.summary["n"]
    assert spent < 10  # less than one of processor time here; row by row it was minutes


# pure ----------------------------------------------------------------------------------------------------------------


def test_prepare_and_fold_know_nothing_of_files() -> None:
    from assay.actions import Entry

    facts, state = ProjectFacts(10), State(10)
    prepared = prepare(ask("exclude", 1, 2), state, facts.given, facts.plan)
    entry = Entry(
        1, "t", "2026-01-01T00:00:00.000Z", "ann", "exclude", "row", 2, rows=prepared.rows, excluded=prepared.excluded,
        before=np.zeros(2, np.int32), under=np.zeros(2, np.int32),
    )  # fmt: skip
    after = fold(state, [entry], lambda _: {})
    assert after.excluded.nonzero()[0].tolist() == [1, 2] and not state.excluded.any()
    with pytest.raises(ProjectError, match="after entry 1 comes entry 1"):
        fold(after, [entry], lambda _: {})


def test_who_decides_is_named_by_the_environment_or_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.actions import default_person

    monkeypatch.setenv("ASSAY_USER", "ann")
    assert default_person() == "ann"
    monkeypatch.delenv("ASSAY_USER")
    monkeypatch.setattr("getpass.getuser", lambda: (_ for _ in ()).throw(KeyError("no name")))
    assert default_person() == f"user {os.getuid()}"


def test_every_error_of_the_log_is_one_that_assay_raises_on_purpose() -> None:
    assert issubclass(ConflictError, AssayError)
