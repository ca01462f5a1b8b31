"""Decisions from the command line and from Python, and what becomes of them in tables and exports.

Oracle: the rows and labels that each test names.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import assay
from assay.cli.commands import main
from assay.errors import UsageError
from assay.export import export_project

WRONG = ("nine", "eight")  # labels that stand for any other


@pytest.fixture
def place(digits_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the analysed digits; ann is at the keyboard."""
    monkeypatch.setenv("ASSAY_USER", "ann")
    monkeypatch.delenv("ASSAY_STATE_URL", raising=False)
    shutil.copytree(digits_project, tmp_path / "digits.assay")
    return tmp_path / "digits.assay"


@pytest.fixture
def project(place: Path) -> assay.Project:
    return assay.open(place)


def run(*words: object, code: int = 0, stdin: str | None = None) -> str:
    result = CliRunner().invoke(main, [str(word) for word in words], input=stdin)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def actions_file(place: Path, *objects: Any) -> Path:
    path = place.parent / "actions.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in objects))
    return path


def ids_of(project: assay.Project, *rows: int) -> list[str]:
    return project.dataset.rows["row_id"].take(list(rows)).to_pylist()


# Python ------------------------------------------------------------------------------------------------------------


def test_a_decision_by_id_is_one_by_row_number(project: assay.Project) -> None:
    done = project.decide("exclude", ids=ids_of(project, 7, 3))
    assert done.entry is not None and (done.entry.person, done.entry.rows.tolist()) == ("ann", [3, 7])
    assert project.decided == 2
    assert project.decide("clear", rows=[3]).entry is not None
    assert project.decided == 1


def test_an_unknown_id_is_named(project: assay.Project) -> None:
    with pytest.raises(UsageError, match="there is no row with the id 'x1', 'x2', 'x3' and 2 more"):
        project.decide("keep", ids=["x1", "x2", "x3", "x4", "x5"])
    with pytest.raises(UsageError, match="one of them"):
        project.decide("keep")
    with pytest.raises(UsageError, match="one of them"):
        project.decide("keep", rows=[1], ids=["x"])


def test_nothing_is_written_by_reading_and_undoing_nothing(project: assay.Project, place: Path) -> None:
    assert project.undo().message == "nothing to undo"
    project.issues()
    assert not list(place.glob("state*"))


def test_tables_show_decisions_only_where_there_are_some(project: assay.Project) -> None:
    assert not {"action", "corrected_label"} & set(project.issues().columns)
    project.decide("label", rows=[4], label="nine")
    project.decide("exclude", rows=[5])
    project.decide("keep", rows=[6])
    frame = project.issues().set_index("row_id")
    frame["corrected_label"] = frame["corrected_label"].fillna("")
    shown = [frame.loc[id, ["corrected_label", "action"]].tolist() for id in ids_of(project, 4, 5, 6)]
    assert shown == [["nine", "label"], ["", "exclude"], ["", "keep"]]
    assert int(frame["action"].notna().sum()) == 3
    assert project.results(columns=["action"]).column_names == ["row_id", "action"]


def test_the_suggestion_of_a_label_issue_is_taken_by_an_auto_fix(project: assay.Project) -> None:
    issue = project.issues("label", top=1)
    done = project.decide("auto-fix", ids=issue["row_id"].tolist())
    assert done.summary["pairs"] == [[issue["given_label"][0], issue["suggested_label"][0], 1]]
    again = project.issues("label", top=1)
    assert (again["corrected_label"][0], again["action"][0]) == (issue["suggested_label"][0], "auto-fix")


def test_the_plan_of_the_log_is_that_of_the_export(project: assay.Project, tmp_path: Path) -> None:
    """A bulk auto-fix of every row, exported as it is, equals the export with that policy of a project undecided."""
    for policy in ("reference", "auto"):
        project.export(tmp_path / f"{policy}-plain.parquet", fix=policy, columns="actions", keep_excluded=True)
        project.decide("auto-fix", rows=project.dataset.order, policy=policy)
        project.export(tmp_path / f"{policy}-log.parquet", columns="actions", keep_excluded=True)
        project.undo()
        plain, log = (pq.read_table(tmp_path / f"{policy}-{name}.parquet").to_pandas() for name in ("plain", "log"))
        plain["action"] = plain["action"].where(
            plain["action"] != "unresolved", None
        )  # set aside by the plan, by nobody
        pd.testing.assert_frame_equal(plain, log)


# exports -----------------------------------------------------------------------------------------------------------


def test_an_export_has_the_decisions_and_nothing_else(project: assay.Project, tmp_path: Path) -> None:
    out, relabelled, kept = ids_of(project, 3, 4, 5)
    project.decide("exclude", rows=[3])
    project.decide("label", rows=[4], label="nine")
    project.decide("keep", rows=[5])
    done = project.export(tmp_path / "clean.csv")
    table = pd.read_csv(tmp_path / "clean.csv").set_index("path")["label"]
    before = project.issues().set_index("row_id")["given_label"]
    assert done.left_out == 1 and out not in table.index
    assert table[relabelled] == "nine" and table[kept] == before[kept]
    others = table.drop(relabelled)
    assert (others == before[others.index]).all() and len(table) == len(before) - 1


def test_fixes_come_after_decisions_and_leave_them_alone(project: assay.Project, tmp_path: Path) -> None:
    first, second = project.issues("label", top=2)["row_id"]
    project.decide("keep", ids=[first])
    project.export(tmp_path / "clean.jsonl", fix="reference", columns="actions", keep_excluded=True)
    table = pd.read_json(tmp_path / "clean.jsonl", lines=True).set_index("path")
    assert table.loc[first, ["label", "action"]].tolist() == [table.loc[first, "given_label"], "keep"]
    assert table.loc[second, "action"] == "auto-fix"


def test_an_export_takes_the_log_as_it_stood(project: assay.Project, tmp_path: Path) -> None:
    a, b = ids_of(project, 3, 4)
    project.decide("exclude", rows=[3])
    project.decide("exclude", rows=[4])
    project.undo(1)
    for at, expected in ((0, set()), (1, {a}), (2, {a, b}), (3, {b}), (None, {b})):
        target = tmp_path / f"{at}.jsonl"
        export_project(project, project.log, target, at=at, only_corrections=True)
        assert {json.loads(line)["id"] for line in target.read_text().splitlines()} == expected
    with pytest.raises(UsageError, match="there is no entry 4: the log ends with entry 3"):
        export_project(project, project.log, tmp_path / "never.csv", at=4)
    assert not (tmp_path / "never.csv").exists()


@pytest.mark.usefixtures("here")
def test_decisions_hang_on_rows_whatever_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same ids in another order, one gone, one new: decisions stay with their ids."""
    words = {"good": "lovely", "bad": "awful"}
    rows = [
        (f"r{i}", f"the {'film' if i % 3 else 'food'} was {words[mood]}, visit {i}", mood)
        for i in range(40)
        for mood in [("good", "bad")[i % 2]]
    ]
    frame = pd.DataFrame(rows, columns=["key", "body", "mood"])
    options: Any = {
        "id": "key",
        "label": "mood",
        "text": "body",
        "effort": "fast",
        "progress": "quiet",
        "output": tmp_path / "p.assay",
    }
    project = assay.analyze(frame, **options)
    project.decide("exclude", ids=["r3", "r5"])
    project.decide("label", ids=["r8"], label="so-so")
    turned = pd.concat(
        [
            frame[frame["key"] != "r5"][::-1],
            pd.DataFrame([("new", "the hotel was lovely", "good")], columns=frame.columns),
        ]
    )
    project = assay.analyze(turned, **options)
    assert project.dataset.order.tolist() != sorted(project.dataset.order.tolist())
    project.export(tmp_path / "clean.csv")
    table = pd.read_csv(tmp_path / "clean.csv").set_index("key")["mood"]
    assert set(frame["key"]) - set(table.index) == {"r3", "r5"} and table["r8"] == "so-so" and "new" in table.index
    assert project.decide("keep", rows=project.rows_of(["r5"])).summary["skipped"] == {"gone": 1}
    shown = project.issues().set_index("row_id")
    assert shown.loc["r8", "corrected_label"] == "so-so" and shown.loc["r3", "action"] == "exclude"


@pytest.mark.usefixtures("here")
def test_whole_number_classes_take_a_typed_in_seven(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0)[::-1], "y": np.arange(40) // 20})
    project = assay.analyze(frame, label="y", effort="fast", progress="quiet", output=tmp_path / "p.assay")
    project.decide("label", rows=[3], label="7")
    with pytest.raises(UsageError, match="the labels of this project are whole numbers"):
        project.decide("label", rows=[3], label="seven")
    project.export(tmp_path / "clean.parquet")
    assert pq.read_table(tmp_path / "clean.parquet")["y"].to_pylist()[2:5] == [0, 7, 0]
    assert project.issues()["corrected_label"][3] == 7


def test_a_report_of_a_project_with_decisions_is_written(project: assay.Project, tmp_path: Path) -> None:
    before = (tmp_path / "before.html", tmp_path / "after.html")
    project.report(before[0])
    project.decide("label", rows=[4], label="a class <b>of my own</b>")
    project.report(before[1])
    assert before[1].stat().st_size > 0 and "of my own</b>" not in before[1].read_text()
    assert "pictures" in project._repr_html_() or project._repr_html_()


# the command line ---------------------------------------------------------------------------------------------------


def test_log_undo_and_redo_on_the_command_line(place: Path, project: assay.Project) -> None:
    assert run("log", place) == "nothing has been decided\n"
    assert run("undo", place) == "nothing to undo\n"
    a, b = ids_of(project, 3, 4)
    said = run(
        "apply",
        place,
        actions_file(place, {"action": "exclude", "ids": [a]}, {"action": "label", "ids": [b], "label": "nine"}),
    )
    assert said == "actions in the log: 2 of 2; rows changed: 2\n"
    assert run("undo", place) == "entry 3: undid entry 2, 1 row changed\n"
    assert run("redo", place) == "entry 4: redid entry 2, 1 row changed\n"
    assert run("undo", place, "1", "--person", "bob") == "entry 5: undid entry 1, 1 row changed\n"
    lines = run("log", place).splitlines()
    assert [line.split()[0] for line in lines] == ["entry", "5", "4", "3", "2", "1"]
    assert "bob" in lines[1] and "undo of entry 1" in lines[1] and "label -> nine (file)" in lines[4]
    assert lines[5].endswith("undone") and not lines[4].endswith("undone")
    assert run("log", place, "--limit", "1").splitlines()[-1] == "1 of 5 entries; --limit shows more"
    entries = [json.loads(line) for line in run("log", place, "--json").splitlines()]
    assert [(e["number"], e["person"], e["action"], e["undone"]) for e in entries][:2] == [
        (5, "bob", "undo", False),
        (4, "ann", "redo", False),
    ]
    assert entries[-1]["undone"] and entries[-1]["n_rows"] == 1
    assert "there is no entry 77" in run("undo", place, "77", code=2)
    assert "Decided: 1 of 302 rows" in run("summary", place)
    assert json.loads(run("summary", place, "--json"))["decided"] == 1


def test_a_terminal_is_not_steered_by_what_people_write(place: Path, project: assay.Project) -> None:
    project.decide("tag", rows=[3], text="[red]odd[/red] \x1b[31mX")
    said = run("log", place)
    assert "\x1b" not in said and "[red]odd[/red]" in said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "line 2: this is no JSON"),
        ("[1]", "line 2: an action is an object such as"),
        ({"action": "keep", "rows": [1], "lable": "x"}, "line 2: unknown key 'lable'; an action has action, ids, rows,"),
        ({"rows": [1]}, "line 2: there is no action"),
        ({"action": "keep"}, "line 2: name the rows by"),
        ({"action": "keep", "rows": [1], "ids": ["a"]}, "line 2: name the rows by"),
        ({"action": "keep", "rows": []}, "line 2: there are no rows"),
        ({"action": "keep", "rows": [1.5]}, "line 2: \"rows\" are row numbers"),
        ({"action": "keep", "rows": [True]}, "line 2: \"rows\" are row numbers"),
        ({"action": "keep", "rows": [10**30]}, "line 2: there is no such row number"),
        ({"action": "keep", "rows": [999]}, "line 2: there is no row 999: the project has 302 rows"),
        ({"action": "keep", "ids": [["a"]]}, "line 2: \"ids\" are texts or whole numbers"),
        ({"action": "keep", "ids": ["nobody"]}, "line 2: there is no row with the id 'nobody'"),
        ({"action": "shred", "rows": [1]}, "line 2: unknown action 'shred'"),
        ({"action": "label", "rows": [1]}, "line 2: the action \"label\" needs a label"),
        ({"action": "label", "rows": [1], "label": {}}, "line 2: 'label' must be a text or a number"),
        ({"action": "keep", "rows": [1], "overwrite": 1}, "line 2: 'overwrite' must be true or false"),
        ({"action": "auto-fix", "rows": [1], "policy": "magic"}, "line 2: unknown fix policy 'magic'"),
        ({"action": "tag", "rows": [1]}, "line 2: the action \"tag\" needs a text"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_nothing_is_written(place: Path, line: Any, message: str) -> None:
    path = actions_file(place, {"action": "keep", "rows": [3]}, line)
    said = run("apply", place, path, code=2)
    assert message in said and said.endswith("nothing was written\n") and len(said.splitlines()) == 1
    assert not list(place.glob("state*"))
    said = run("apply", place, path, "--keep-going", code=1)
    assert message in said and "actions in the log: 1 of 2; rows changed: 1" in said and "lines left out: 1" in said


def test_a_bad_line_among_decided_ones_writes_nothing_either(place: Path, project: assay.Project) -> None:
    project.decide("keep", rows=[1])
    run("apply", place, actions_file(place, {"action": "keep", "rows": [3]}, {"action": "keep", "rows": [999]}), code=2)
    assert project.log.state().number == 1


def test_the_same_file_again_does_nothing_twice(place: Path, project: assay.Project) -> None:
    path = actions_file(
        place,
        {"action": "label", "rows": [3], "label": "nine", "token": "a"},
        "",
        {"action": "auto-fix", "rows": list(range(300)), "token": "b"},
    )
    first = run("apply", place, path)
    assert "actions in the log: 2 of 2" in first and "skipped: no suggestion" in first
    run("apply", place, path)
    assert project.log.state().number == 2


def test_a_file_leaves_decisions_alone_unless_told_to_replace_them(place: Path, project: assay.Project) -> None:
    project.decide("keep", rows=[3])
    path = actions_file(place, {"action": "exclude", "rows": [3]})
    assert "nothing changed (1 skipped: decided by hand)" in run("apply", place, path)
    run("apply", place, path, "--overwrite")
    assert project.log.state().excluded.nonzero()[0].tolist() == [3]
    path = actions_file(place, {"action": "keep", "rows": [3], "overwrite": True})
    run("apply", place, path)
    assert not project.log.state().excluded.any()


def test_actions_come_from_standard_input_too(place: Path, project: assay.Project) -> None:
    run("apply", place, "-", stdin='{"action": "keep", "rows": [3]}\n')
    assert project.decided == 1
    assert "standard input, line 1: this is no JSON" in run("apply", place, "-", code=2, stdin="x\n")
    assert run("apply", place, "-", stdin="") == "actions in the log: 0 of 0; rows changed: 0\n"
    assert "there is no file nowhere.jsonl" in run("apply", place, "nowhere.jsonl", code=2)


def test_export_at_a_point_on_the_command_line(place: Path, project: assay.Project, tmp_path: Path) -> None:
    project.decide("exclude", rows=[3])
    assert "1 left out" in run("export", place, "-o", tmp_path / "now.csv")
    assert "left out" not in run("export", place, "-o", tmp_path / "then.csv", "--at", "0")
    assert "there is no entry 9" in run("export", place, "-o", tmp_path / "never.csv", "--at", "9", code=2)


def test_many_lines_are_applied_in_a_moment(place: Path, project: assay.Project) -> None:
    lines = [{"action": "tag", "rows": [i % 300], "text": f"t{i // 300}"} for i in range(3_000)]
    run("apply", place, actions_file(place, *lines))
    assert project.log.state().number == 3_000 and len(project.log.state().tags) == 10


# dropping copies ---------------------------------------------------------------------------------------------------


@pytest.fixture
def twins(tmp_path: Path, here: None) -> Path:
    """Sixty texts of which two are given twice, the copies under the same label."""
    words = {"good": "lovely", "bad": "awful"}
    rows = [
        (f"the {thing} at number {i} was {words[mood]} that day", mood)
        for i in range(60)
        for mood, thing in [(("good", "bad")[i % 2], ("film", "food", "hotel", "train")[i % 4])]
    ]
    frame = pd.DataFrame([*rows, rows[7], rows[8]], columns=["text", "label"])
    assay.analyze(frame, text="text", label="label", effort="fast", progress="quiet", output=tmp_path / "p.assay")
    return tmp_path / "p.assay"


def test_copies_go_only_where_asked_and_are_named(twins: Path, tmp_path: Path) -> None:
    for fix in ("none", "auto"):
        run("export", twins, "-o", tmp_path / f"{fix}.csv", "--fix", fix)
        assert len(pd.read_csv(tmp_path / f"{fix}.csv")) == 62
    said = run("export", twins, "-o", tmp_path / "out.csv", "--drop-duplicates", "exact")
    assert "exact copies of other rows left out: 2" in said
    assert "  left out 60: exact copy of 7, which stays: it comes first" in said
    table = pd.read_csv(tmp_path / "out.csv")
    assert len(table) == 60 and not table["text"].duplicated().any()
    run("export", twins, "-o", tmp_path / "all.csv", "--drop-duplicates", "exact", "--keep-excluded")
    table = pd.read_csv(tmp_path / "all.csv")
    assert table.loc[61, ["action", "action_reason"]].tolist() == [
        "exclude",
        "exact copy of 8, which stays: it comes first",
    ]


def test_more_copies_than_allowed_are_refused_and_a_dry_run_lists_them(twins: Path, tmp_path: Path) -> None:
    out = ("export", twins, "-o", tmp_path / "out.csv", "--drop-duplicates", "exact", "--drop-share", "0.02")
    assert "2 of 62 rows (3.2%) are exact copies of others, more than the 2%" in run(*out, code=2)
    said = run(*out, "--dry-run")
    assert said.startswith("62 rows: 0 would be relabelled, 2 left out\n") and "left out 60: exact copy of 7" in said
    assert "refused as asked: 2 of 62 rows" in said
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.usefixtures("here")
def test_repeated_rows_of_a_narrow_table_are_no_surplus(tmp_path: Path) -> None:
    """24 combinations in 1,200 rows; beside them, two rows of a wide table that were entered twice."""
    rng = np.random.default_rng(7)
    narrow = pd.DataFrame({"region": rng.choice(list("nesw"), 600), "plan": rng.choice(["basic", "plus", "pro"], 600)})
    narrow["label"] = np.where(narrow["plan"] == "basic", "leave", "stay")
    wide = pd.DataFrame({f"x{i}": rng.normal(size=200).round(3) for i in range(4)}).assign(label=["a", "b"] * 100)
    wide = pd.concat([wide, wide.iloc[:2]], ignore_index=True)
    for name, table, gone in (("narrow", narrow, 0), ("wide", wide, 2)):
        project = assay.analyze(
            table, label="label", effort="fast", progress="quiet", output=tmp_path / f"{name}.assay"
        )
        for kind in ("exact", "near"):
            assert project.export(tmp_path / f"{name}-{kind}.csv", drop_duplicates=kind).left_out == gone
