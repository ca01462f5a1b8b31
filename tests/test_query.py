"""Filters, sorts, pages and facets. Oracles: a brute-force twin over plain Python rows, and a real analysed project."""

from __future__ import annotations

import datetime
import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import assay
from assay.actions import ACTION_NAMES, State
from assay.errors import UsageError
from assay.query import Filter, ReviewTable, Sort, Views, page
from assay.query.cells import MemoryCells
from assay.query.filters import Likeness
from assay.query.search import contains
from assay.report.overview import Overview
from made_table import CLASSES, FLAGGED, MadeState, made

ODD_TABLE = made(30, 0)


NAMES = {"given_label": "given", "suggested_label": "suggested", "decided": "entry"}  # as the twin calls them

# the twin ----------------------------------------------------------------------------------------------------


def holds(row: dict[str, Any], chosen: dict[str, Any]) -> bool:
    """Whether a row passes a filter, key by key, as the contract words it."""
    tests = {
        "any": lambda names: not names or bool(row["checks"] & set(names)),
        "all": lambda names: row["checks"] >= set(names),
        "none": lambda names: not row["checks"] & set(names),
        "by": lambda names: row["by"] in names,
        "tag": lambda names: bool(row["tags"] & set(names)),
        "untagged": lambda wanted: (not row["tags"]) == wanted,
        "note": lambda wanted: (
            bool(row["note"]) == wanted if isinstance(wanted, bool) else wanted.lower() in row["note"].lower()
        ),
        "resolved": lambda wanted: (row["action"] not in ("", "unresolved")) == wanted,
        "rows": lambda rows: row["row"] in rows,
        "ids": lambda ids: row["row_id"] in ids,
        "contains": lambda text: any(
            text.lower() in (row[name] or "").lower() for name in ("row_id", "body", "colour")
        ),
        "where": lambda conditions: all(meets(row, condition) for condition in conditions),
    }
    return all(tests[key](value) if key in tests else row[key] in value for key, value in chosen.items())


def meets(row: dict[str, Any], condition: dict[str, Any]) -> bool:
    name = condition["column"]
    value = "outlier" in row["checks"] if name == "is_outlier" else row[NAMES.get(name, name)]
    if isinstance(value, datetime.datetime) and "in" in condition:
        value = str(value.date())
    if "blank" in condition:
        return (value is None or value == "") == condition["blank"]
    if "in" in condition:
        return any(value == one and type(value) is type(one) for one in condition["in"])
    if value is None:
        return False
    if "contains" in condition:
        return condition["contains"].lower() in value.lower()
    low, high = condition.get("min"), condition.get("max")
    if isinstance(value, datetime.datetime):
        low = None if low is None else datetime.datetime.fromisoformat(low)
        high = (
            None
            if high is None
            else datetime.datetime.fromisoformat(high) + datetime.timedelta(days=1, microseconds=-1)
        )
    return (low is None or value >= low) and (high is None or value <= high)


def ordered(rows: list[dict[str, Any]], by: str, descending: bool) -> list[int]:
    """A stable sort of rows that stand in the user's order; those without a value last."""
    if by == "order":
        return [row["row"] for row in (rows[::-1] if descending else rows)]
    name = NAMES.get(by, by)
    having = [row for row in rows if row[name] is not None]
    having.sort(key=lambda row: row[name].encode() if isinstance(row[name], str) else row[name], reverse=descending)
    return [row["row"] for row in [*having, *(row for row in rows if row[name] is None)]]


labels = st.lists(st.sampled_from([*CLASSES, None]), max_size=5, unique=True)
checks = st.lists(st.sampled_from([*FLAGGED, "clean"]), max_size=3, unique=True)
bounds = st.floats(-4, 4).map(lambda value: round(value, 1))
days = st.dates(datetime.date(2019, 12, 30), datetime.date(2020, 2, 15)).map(str)
scores = st.sampled_from(["label_issue_score", "outlier_score"])
conditions = st.one_of(
    st.builds(lambda a, b: {"column": "age", "min": a, "max": b}, bounds, bounds),
    st.builds(lambda name, a: {"column": name, "max": round(abs(a) / 4, 1) + 0.05}, scores, bounds),
    st.builds(lambda a: {"column": "when", "min": a}, days),
    st.builds(lambda a: {"column": "when", "max": a}, days),
    st.builds(lambda a: {"column": "age", "in": [a, 0.0, None]}, bounds),
    st.builds(
        lambda a: {"column": "colour", "in": a}, st.lists(st.sampled_from(["red", "blue", "pink", None]), max_size=3)
    ),
    st.builds(lambda a: {"column": "ok", "in": [a]}, st.sampled_from([True, False, None])),
    st.builds(lambda a: {"column": "body", "contains": a}, st.sampled_from(["red", "RED", "ärg", "ße", "1 x", "."])),
    st.builds(lambda a: {"column": "colour", "contains": a}, st.sampled_from(["E", "grü", "zz"])),
    st.builds(lambda a: {"column": "row_id", "contains": a}, st.sampled_from(["1", "ROW/2"])),
    st.builds(
        lambda name, a: {"column": name, "blank": a},
        st.sampled_from(["age", "when", "colour", "body", "ok", "outlier_score"]),
        st.booleans(),
    ),
)
OF_KEY: dict[str, Any] = {
    "any": checks,
    "all": checks,
    "none": checks,
    "given": labels,
    "suggested": labels,
    "predicted": labels,
    "corrected": st.lists(st.sampled_from(["dog", "new", "gone", None]), max_size=3),
    "final": st.lists(st.sampled_from([*CLASSES, "new", "gone", None]), max_size=6),
    "action": st.lists(st.sampled_from(ACTION_NAMES), max_size=4),
    "by": st.lists(st.sampled_from(["ann", "bob", "eve"]), max_size=2),
    "tag": st.lists(st.sampled_from(["later", "odd", "never"]), max_size=2),
    "untagged": st.booleans(),
    "note": st.sampled_from([True, False, "LOOK", "nothing"]),
    "resolved": st.booleans(),
    "split": st.lists(st.sampled_from(["train", "test", None]), max_size=2),
    "cluster": st.lists(st.integers(0, 30), max_size=9),
    "contains": st.sampled_from(["RED", "grü", "ärg", "ROW/2", "true", "2020", "."]),
    "where": st.lists(conditions, min_size=1, max_size=2),
}
# few keys a filter: of many together hardly any row passes, and nothing is tested
filters = st.lists(st.sampled_from(list(OF_KEY)), max_size=3, unique=True).flatmap(
    lambda keys: st.fixed_dictionaries({key: OF_KEY[key] for key in keys})
)
SORTABLE = [
    "order",
    "cluster",
    "decided",
    "label_issue_score",
    "outlier_score",
    "given_label",
    "split",
    "row_id",
    "body",
]
sorts = st.tuples(st.sampled_from([*SORTABLE, "colour", "age", "when", "ok"]), st.booleans())


@settings(max_examples=250, deadline=None)
@given(
    n=st.integers(0, 60),
    seed=st.integers(0, 2**32 - 1),
    asked=st.lists(st.tuples(filters, sorts), min_size=1, max_size=4),
)
def test_a_view_is_what_a_loop_over_the_rows_gives(n: int, seed: int, asked: list[tuple[dict, tuple]]) -> None:
    table, state, rows = made(n, seed)
    views = Views(table)
    for chosen, sort in asked:
        view = views.view(Filter.from_json(json.loads(json.dumps(chosen))), Sort(*sort), state)
        assert view.rows.tolist() == ordered([row for row in rows if holds(row, chosen)], *sort)


ONE_OF_EACH: list[dict[str, Any]] = [
    {"any": ["label", "outlier"]}, {"all": ["label", "outlier"]}, {"none": ["label", "outlier"]}, {"any": ["clean"]},
    {"given": ["cat"]}, {"given": ["cat", "dog", "eel", "fox"]}, {"given": [None]}, {"suggested": ["eel", None]},
    {"predicted": ["eel"]}, {"corrected": ["new"]}, {"corrected": [None]}, {"final": ["dog"]}, {"final": ["new", None]},
    {"action": [""]}, {"action": ["keep", "label", "exclude", "auto-fix"]}, {"by": ["ann"]}, {"tag": ["later"]},
    {"untagged": True}, {"untagged": False}, {"note": True}, {"note": "again"}, {"resolved": True}, {"resolved": False},
    {"split": ["train"]}, {"split": [None]}, {"cluster": [0, 1, 2, 3, 4, 5]}, {"rows": [3, 5, 8, 9, 10, 11, 12]},
    {"ids": ["row/5", "row/1", "row/7", "row/100", "row/101"]}, {"where": [{"column": "age", "min": -0.3, "max": 1.5}]},
    {"where": [{"column": "outlier_score", "max": 0.55}]}, {"where": [{"column": "when", "min": "2020-01-05", "max": "2020-01-20"}]},
    {"where": [{"column": "when", "in": ["2020-01-05", "2020-01-06", None]}]}, {"where": [{"column": "colour", "in": ["red", None]}]},
    {"where": [{"column": "ok", "in": [True]}]}, {"where": [{"column": "body", "contains": "ärger"}]},
    {"where": [{"column": "is_outlier", "in": [False]}]}, {"where": [{"column": "body", "in": ["", "Red"]}]},
    {"where": [{"column": "given_label", "contains": "o"}]}, {"where": [{"column": "age", "blank": True}]},
    {"where": [{"column": "age", "min": 0}, {"column": "colour", "in": ["red"]}]}, {"contains": "BLUE"},
]  # fmt: skip


@pytest.mark.parametrize("chosen", ONE_OF_EACH, ids=json.dumps)
def test_each_key_chooses_some_rows_and_not_others(chosen: dict) -> None:
    table, state, rows = made(200, 11)
    view = Views(table).view(Filter.from_json(chosen), Sort("order"), state)
    assert view.rows.tolist() == [row["row"] for row in rows if holds(row, chosen)]
    assert 0 < len(view) < len(rows)


def test_the_ends_of_a_range_belong_to_it_and_a_day_lasts_until_midnight() -> None:
    table, state, rows = made(200, 12)
    views = Views(table)
    age = next(row["age"] for row in rows if row["age"] is not None)
    day = next(row["when"] for row in rows if row["when"] is not None)
    for column, value in (("age", age), ("when", str(day.date()))):
        view = views.view(Filter.from_json({"where": [{"column": column, "min": value, "max": value}]}), None, state)
        assert set(view.rows.tolist()) == {
            row["row"] for row in rows if row[column] == (age if column == "age" else day)
        }


@settings(max_examples=60, deadline=None)
@given(n=st.integers(0, 60), seed=st.integers(0, 2**32 - 1), chosen=filters)
def test_facets_count_the_rows_of_the_view(n: int, seed: int, chosen: dict) -> None:
    table, state, rows = made(n, seed)
    found = Views(table).facets(Filter.from_json(chosen), state)
    rows = [row for row in rows if holds(row, chosen)]
    assert found["total"] == len(rows)
    assert found["resolved"] == sum(row["action"] not in ("", "unresolved") for row in rows)
    assert found["checks"] == {name: sum(name in row["checks"] for row in rows) for name in table.checks}
    assert found["presets"]["clean"] == sum("clean" in row["checks"] for row in rows)
    assert found["presets"]["issues"] == len(rows) - found["presets"]["clean"]
    for key in ("given", "suggested", "corrected", "split"):
        assert dict(found[key]) == dict(Counter(row[key] for row in rows))
    assert found["action"] == dict(Counter(row["action"] for row in rows))
    assert found["by"] == dict(Counter(row["by"] for row in rows if row["by"]))
    assert found["tag"] == {
        name: sum(name in row["tags"] for row in rows) for name in state.tags if state.tags[name].any()
    }
    undone = [row for row in rows if row["action"] in ("", "unresolved")]
    assert found["presets"]["open"] == sum("clean" not in row["checks"] for row in undone)
    assert found["presets"]["corrected"] == sum(row["corrected"] is not None for row in rows)
    assert found["presets"]["noted"] == sum(bool(row["note"]) for row in rows)
    assert found["presets"]["excluded"] == sum(row["excluded"] for row in rows)
    assert found["presets"]["by_hand"] == sum(row["by_hand"] for row in rows)


def test_only_undecided_label_issues_that_nothing_speaks_against_are_counted_as_safe() -> None:
    """One row breaks one condition each; "dog" is what is suggested of all."""
    table, state, _ = made(12, 1, missing=False)
    for name in ("label_issue", "safe_to_fix"):
        table.flags[f"is_{name}"] = np.ones(12, bool)
    for name in ("outlier", "multi_label", "duplicate_label_conflict"):
        table.flags[f"is_{name}"] = np.zeros(12, bool)
    cat, dog = table.classes.index("cat"), table.classes.index("dog")
    table.labels["given_label"][:], table.labels["suggested_label"][:] = cat, dog
    table.labels["duplicate_correct_label"] = np.full(12, -1, np.int32)
    table.flags["is_label_issue"][1] = table.flags["is_safe_to_fix"][2] = False
    table.flags["is_outlier"][3] = table.flags["is_multi_label"][4] = True
    table.labels["suggested_label"][5] = -1
    table.flags["is_duplicate_label_conflict"][6:9] = True
    table.labels["duplicate_correct_label"][7:9] = [cat, dog]  # of 6 unknown, 7 is right as given, 8 as suggested
    state.action[:] = ACTION_NAMES.index("")
    state.action[9:11] = [ACTION_NAMES.index("keep"), ACTION_NAMES.index("unresolved")]
    assert np.flatnonzero(table.safe).tolist() == [0, 8, 9, 10, 11]
    assert Overview(table).rows[Overview(table).safe].tolist() == [0, 8, 9, 10, 11]  # what the report counts
    facets = Views(table).facets
    assert facets(None, state)["presets"]["safe"] == 3
    assert facets(Filter.from_json({"rows": [1, 8, 9]}), state)["presets"]["safe"] == 1


@settings(max_examples=60, deadline=None)
@given(chosen=filters)
def test_a_filter_survives_being_a_url(chosen: dict) -> None:
    once = Filter.from_json(chosen)
    assert Filter.from_json(json.loads(json.dumps(once.to_json()))) == once


def test_a_row_of_a_page_says_what_is_known_of_it() -> None:
    table, state, rows = made(30, 5)
    shown = page(table, state, [row["row"] for row in rows])
    assert [one["row"] for one in shown] == [row["row"] for row in rows]
    for one, row in zip(shown, rows, strict=True):
        for key in (
            "given",
            "suggested",
            "predicted",
            "corrected",
            "final",
            "action",
            "split",
            "cluster",
            "note",
            "excluded",
        ):
            assert one[key] == row[key], key
        assert set(one["checks"]) == row["checks"] - {"clean"}
        assert set(one["tags"]) == row["tags"]
        assert one["id"] == row["row_id"]
        assert one["person"] == (row["by"] or "")
        assert one["text"] == row["body"]
        assert set(one["cells"]) == {"colour", "age", "when", "ok"}
        assert set(one["scores"]) == {name for name in table.scores if row[name] is not None}
    json.dumps(shown, allow_nan=False)


def test_personal_data_and_odd_cells_are_marked() -> None:

    table, state, _ = made(300, 0, missing=False)
    table._texts = {"PII_items": lambda: pa.chunked_array([['["a@b.de", "030"]', *[None] * 299]])}
    assert [row["marked"] for row in page(table, state, [1, 0])] == [[], ["a@b.de", "030"]]
    table.modality, table.roles = "table", {}
    table.cells = MemoryCells(pa.table({"size": [900, *[1, 2] * 149, 1], "colour": ["red"] * 299 + ["mauve"]}))
    assert [row["marked"] for row in page(table, state, [0, 5, 299])] == [["size"], [], ["colour"]]


def test_whole_number_ids_are_found_by_number_and_by_text_and_shown_as_text() -> None:
    table, state, _ = made(5, 0, missing=False)
    table.ids = pa.chunked_array([pa.array([70, 60, 50, 40, 30])])
    views = Views(table)
    assert views.view(Filter.from_json({"ids": [50, "70"]}), Sort("row_id"), state).rows.tolist() == [2, 0]
    assert views.view(Filter.from_json({"where": [{"column": "row_id", "contains": "0"}]}), None, state).rows.size == 5
    assert page(table, state, [2])[0]["id"] == "50"
    with pytest.raises(UsageError, match="no row with the id 'x'"):
        views.view(Filter.from_json({"ids": ["x"]}), None, state)


def test_long_texts_and_cells_are_cut() -> None:
    table, state, _ = made(1, 0, missing=False)
    cells = {f"c{at}": ["y" * 500] for at in range(60)} | {"body": ["x" * 2_000]}

    table.cells = MemoryCells(pa.table(cells))
    row = page(table, state, [0])[0]
    assert len(row["text"]) == 600
    assert len(row["cells"]) == 40
    assert {len(text) for text in row["cells"].values()} == {200}


# order -------------------------------------------------------------------------------------------------------


def test_the_default_sort_is_the_worst_label_first_and_ties_keep_the_users_order() -> None:
    table, state, rows = made(40, 1)
    view = Views(table).view(None, None, state)
    assert view.sort == Sort("label_issue_score", descending=True)
    assert view.rows.tolist() == ordered(rows, "label_issue_score", True)


def test_rows_that_are_all_but_surely_wrong_do_not_tie() -> None:
    """1 - 1e-9 is 1 in four bytes, the quality 1e-9 is not 1e-12."""
    table, state, rows = made(40, 1)
    there = [row["row"] for row in rows]
    table.scores["label_quality"][:] = np.maximum(table.scores["label_quality"], 0.01)
    table.scores["label_issue_score"][there[:4]] = 1
    table.scores["label_quality"][there[:4]] = [1e-9, 1e-12, 1e-7, 1e-10]
    worst = [there[at] for at in (1, 3, 0, 2)]
    assert Views(table).view(None, None, state).rows[:4].tolist() == worst
    lowest_first = Views(table).view(None, Sort("label_issue_score"), state).rows.tolist()
    assert [row for row in lowest_first if row in worst] == worst[::-1]


def test_rows_with_an_odd_cell_are_those_whose_cells_are_marked() -> None:
    """Numbers beyond the middle 99 % and rare values; names of which each is rare are not odd."""
    n = 1_000
    rng = np.random.default_rng(0)
    cells = pa.table(
        {
            "number": np.r_[rng.normal(size=n - 1), 99.0],
            "word": ["rare"] * 2 + ["usual"] * (n - 2),
            "name": [f"name {at // 4}" for at in range(n)],
        }
    )
    table = ReviewTable(
        order=np.arange(n), ids=pa.chunked_array([pa.array([f"row/{at}" for at in range(n)])]), classes=[], flags={},
        scores={}, numbers={}, labels={"given_label": np.full(n, -1, np.int32)}, split=None, splits=[],
        cells=MemoryCells(cells), texts={}, public={}, roles={}, modality="table", not_run={},
    )  # fmt: skip
    state = MadeState(n)
    marked = {row["row"] for row in page(table, state, range(n)) if row["marked"]}
    assert {0, 1, n - 1} <= marked and len(marked) < 20
    views = Views(table)
    assert set(views.view(Filter(odd_cells=True), Sort("order"), state).rows.tolist()) == marked
    assert len(views.view(Filter(odd_cells=False), Sort("order"), state)) == n - len(marked)
    assert views.facets(None, state)["presets"]["odd_cells"] == len(marked)
    assert "name" not in {name for row in page(table, state, range(n)) for name in row["marked"]}


def test_further_keys_break_ties() -> None:
    """As sorting by the last key first and by the first key last does, with a stable sort."""
    table, state, rows = made(60, 4)
    asked = {"by": "colour", "descending": True, "then": [{"by": "ok"}, {"by": "age", "descending": True}]}
    sort = Sort.from_json(asked)
    assert sort is not None and Sort.from_json(sort.to_json()) == sort
    by_row = {row["row"]: row for row in rows}
    twin = rows
    for by, descending in (("age", True), ("ok", False), ("colour", True)):
        twin = [by_row[row] for row in ordered(twin, by, descending)]
    assert Views(table).view(None, sort, state).rows.tolist() == [row["row"] for row in twin]
    for wrong in ({"by": "age", "then": 3}, {"by": "age", "then": [{"by": "ok"}] * 5}, {"by": "age", "then": [asked]}):
        with pytest.raises(UsageError, match="then"):
            Sort.from_json(wrong)
    with pytest.raises(UsageError, match="no column 'zzz'"):
        Views(table).view(None, Sort.from_json({"by": "age", "then": [{"by": "zzz"}]}), state)


def test_rows_that_left_the_source_are_in_no_view() -> None:
    table, state, rows = made(40, 2)
    assert len(rows) < 40
    assert sorted(Views(table).view(None, None, state).rows) == sorted(row["row"] for row in rows)
    gone = next(row for row in range(40) if table.position[row] < 0)
    assert not len(Views(table).view(Filter(rows=(gone,)), None, state))


def test_extreme_numbers_are_sorted_as_numbers() -> None:
    values = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3.4e38, 1], np.float32)
    from assay.query.sorting import _keys, stable_places

    for dtype in (np.float32, np.float64):
        rising = stable_places(_keys(values.astype(dtype), False))
        assert rising.tolist() == [3, 6, 0, 1, 5, 8, 7, 2, 4]
        assert stable_places(_keys(values.astype(dtype), True)).tolist() == [2, 7, 8, 5, 0, 1, 6, 3, 4]


def test_a_view_knows_positions_top_rows_and_ranges() -> None:
    table, state, _ = made(40, 3)
    view = Views(table).view(Filter(any=("label",)), Sort("age"), state)
    rows = view.rows.tolist()
    outside = next(row for row in range(40) if row not in rows)
    assert view.positions([rows[3], outside, rows[0], 10**9, -1]) == [3, -1, 0, -1, -1]
    assert view.top(2).tolist() == rows[:2]
    assert view.ranges([(4, 6), (0, 1), (5, 99)]).tolist() == [rows[0], *rows[4:]]
    with pytest.raises(UsageError, match="range must be"):
        view.ranges([(3, 1)])


def test_a_view_is_made_once_and_anew_only_where_it_looks_at_decisions() -> None:
    table, state, _ = made(40, 4)
    views = Views(table)
    plain, by_action = Filter(any=("label",)), Filter(action=("keep",))
    first, decided = views.view(plain, None, state), views.view(by_action, None, state)
    state.action[:] = ACTION_NAMES.index("keep")
    state.number += 1
    assert views.view(plain, None, state).rows is first.rows
    assert len(views.view(by_action, None, state)) == len(table.order) > len(decided)


def test_what_was_not_looked_at_for_longest_is_forgotten_first() -> None:
    from assay.query.cache import LruCache

    kept, made_ = LruCache(3 * 2_000), []

    def ask(key: str) -> None:
        kept.get(key, lambda: made_.append(key) or np.zeros(1_000, np.uint8))

    for key in "abcab" + "d" + "abc":
        ask(key)
    assert "".join(made_) == "abcdc"
    assert len(kept) == 3


def test_many_threads_may_ask_at_once() -> None:
    table, state, rows = made(40, 6)
    views, wrong = Views(table), []

    def ask(by: str) -> None:
        for _ in range(20):
            view = views.view(Filter.from_json({"where": [{"column": "body", "contains": "red"}]}), Sort(by), state)
            good = ordered([row for row in rows if "red" in (row["body"] or "").lower()], by, False)
            wrong.extend([by] * (view.rows.tolist() != good))

    threads = [threading.Thread(target=ask, args=(by,)) for by in ("age", "body", "when", "colour", "order")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# texts -------------------------------------------------------------------------------------------------------

pieces = st.text(st.sampled_from("aAbBzZ09 ._[\u00e9\u00c9@`{\u00df\U0001f600"), max_size=90)


@settings(max_examples=150, deadline=None)
@given(cells=st.lists(st.one_of(st.none(), pieces), max_size=30), data=st.data(), wide=st.booleans())
def test_a_text_is_found_in_whatever_case_and_place(cells: list[str | None], data: st.DataObject, wide: bool) -> None:
    """Oracle: `in` on small letters. The searched text is a piece of a cell, so that it is often there."""
    text = data.draw(st.sampled_from([cell for cell in cells if cell] or ["a"]))
    start = data.draw(st.integers(0, len(text) - 1))
    text = text[start : start + data.draw(st.integers(1, 70))]
    text = text.swapcase() if text.isascii() and data.draw(st.booleans()) else text
    kind = pa.large_string() if wide else pa.string()
    column = pa.chunked_array([pa.array(["zz", *cells[:7], "zz"], kind)[1:-1], pa.array(cells[7:], kind)], kind)
    assert contains(column, text).tolist() == [cell is not None and text.lower() in cell.lower() for cell in cells]


def test_what_a_blank_cell_hides_is_not_found() -> None:
    hidden = pa.StringArray.from_buffers(
        2, pa.array([0, 3, 6], pa.int32()).buffers()[1], pa.py_buffer(b"fooBar"), pa.py_buffer(b"\x02")
    )
    assert contains(pa.chunked_array([hidden]), "foo").tolist() == [False, False]
    assert contains(pa.chunked_array([hidden]), "bAr").tolist() == [False, True]
    assert contains(pa.chunked_array([hidden]), "ob").tolist() == [False, False]


# strictness --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ([], "the filter must be an object, not a list"),
        ({"lable": ["cat"]}, "the filter has no key 'lable'; the keys are any, all, none, given"),
        ({"any": "label"}, "any must be a list of strings, not a string"),
        ({"any": ["labels"]}, "there is no check 'labels'; choose from label, outlier,.*clean"),
        ({"given": "cat"}, "given must be a list of labels"),
        ({"given": [["cat"]]}, "each value of given must be labels.*not a list"),
        ({"action": ["fixed"]}, "there is no action 'fixed'; choose from '', 'keep'"),
        ({"resolved": 1}, "resolved must be true or false, not the number 1"),
        ({"note": 3}, "note must be true, false or the text"),
        ({"cluster": [1.5]}, "each value of cluster must be whole numbers, not the number 1.5"),
        ({"rows": [True]}, "each value of rows must be whole numbers, not true or false"),
        ({"ids": [1.5]}, "row ids"),
        ({"similar": 3}, "similar must be an object with one of row"),
        ({"where": {"column": "age"}}, "where must be a list of conditions, not an object"),
        ({"where": [{"column": "age"}]}, "has one of min and max, in, contains, blank"),
        ({"where": [{"column": "age", "min": 1, "blank": True}]}, "has one of"),
        ({"where": [{"column": "age", "least": 1}]}, r"where\[0\]: there is no key 'least'"),
        ({"where": [{"min": 1}]}, r"where\[0\]: column must be the name of a column, not null"),
        ({"where": [{"column": "age", "min": [1]}]}, "min must be a number, or a date"),
        ({"where": [{"column": "age", "contains": ""}]}, "contains must be a text of at least one character"),
    ],
)
def test_a_wrong_filter_is_refused_with_what_is_allowed(chosen: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Filter.from_json(chosen)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"given": ["cow"]}, "given: there is no class 'cow'; the classes are 'cat', 'dog'"),
        ({"given": [1]}, "there is no class 1"),
        ({"split": ["val"]}, "there is no split 'val'; the splits are 'train', 'test'"),
        ({"rows": [99]}, "rows: there is no row 99; the row numbers are 0 to 29"),
        ({"ids": ["a", "row/1", "b", "c", "d"]}, "no row with the id 'a', 'b', 'c' and 1 more"),
        ({"any": ["dark"]}, "the check 'dark' is for image data; this project holds text data"),
        ({"any": ["ambiguous"]}, "the check 'ambiguous' has no results: it was skipped"),
        ({"similar": {"row": 1}}, "keeps no neighbours"),
        ({"where": [{"column": "agee", "min": 1}]}, "there is no column 'agee'; the columns are row_id, given_label"),
        ({"where": [{"column": "body", "min": 1}]}, "'body' is a text column, and min and max are for numbers"),
        ({"where": [{"column": "age", "contains": "1"}]}, "'age' is a number column, and contains is for texts"),
        ({"where": [{"column": "age", "min": "old"}]}, "min and max must be numbers, not 'old'"),
        ({"where": [{"column": "age", "in": ["old"]}]}, "its values are numbers"),
        ({"where": [{"column": "when", "min": "yesterday"}]}, 'a date is written "2024-05-31"'),
        ({"where": [{"column": "when", "min": 3}]}, "a date is written"),
        ({"where": [{"column": "is_outlier", "in": [1]}]}, "its values are true and false"),
    ],
)
def test_what_the_table_does_not_have_is_refused(chosen: dict, said: str) -> None:
    table, state, _ = made(30, 0)
    with pytest.raises(UsageError, match=said):
        Views(table).view(Filter.from_json(chosen), None, state)


@pytest.mark.parametrize(
    ("sort", "said"),
    [
        ("age", "the sort must be an object"),
        ({"by": 3}, "by must be the name of a column, or one of order, cluster"),
        ({"by": "age", "desc": True}, "the sort has no key 'desc'"),
        ({"by": "age", "descending": "yes"}, "descending must be true or false"),
    ],
)
def test_a_wrong_sort_is_refused(sort: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Sort.from_json(sort)


def test_a_sort_by_what_there_is_not_is_refused() -> None:
    table, state, _ = made(30, 0)
    with pytest.raises(UsageError, match="there is no column 'agee' to sort by"):
        Views(table).view(None, Sort("agee"), state)
    with pytest.raises(UsageError, match='filter by "similar" too'):
        Views(table).view(None, Sort("similar"), state)


anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.just(10**400), st.text(max_size=5), st.just("\ud800"),
        st.sampled_from([*CLASSES, *FLAGGED, "row/1", "age", "when", "body", "colour", "2020-01", "2020-01-05T10:00:00+02:00", "now"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["column", "min", "max", "in", "contains", "blank", "row", "x"]), inner, max_size=3),
    ),
    max_leaves=6,
)  # fmt: skip
odd_conditions = st.builds(
    lambda column, key, value: {"column": column, key: value},
    st.sampled_from(
        ["age", "when", "body", "colour", "ok", "row_id", "is_outlier", "outlier_score", "given_label", "nope"]
    ),
    st.sampled_from(["min", "max", "in", "contains", "blank"]),
    anything,
)


@settings(max_examples=300, deadline=None)
@given(
    chosen=st.dictionaries(st.sampled_from(list(Filter.__dataclass_fields__)), anything, max_size=3),
    where=st.lists(odd_conditions, max_size=2),
)
def test_whatever_is_asked_is_answered_or_refused_in_words(chosen: dict, where: list[dict]) -> None:
    table, state, _ = ODD_TABLE
    try:
        Views(table).view(Filter.from_json(chosen | ({"where": where} if where else {})), None, state)
    except UsageError as error:
        assert str(error)


def test_moments_with_a_time_zone_are_moments() -> None:
    table, state, rows = made(200, 12)
    chosen = {"where": [{"column": "when", "min": "2020-01-05T02:00:00+02:00", "max": "2020-01-07T00:00:00Z"}]}
    found = Views(table).view(Filter.from_json(chosen), None, state).rows.tolist()
    days = (datetime.datetime(2020, 1, 5), datetime.datetime(2020, 1, 6), datetime.datetime(2020, 1, 7))
    assert set(found) == {row["row"] for row in rows if row["when"] in days}
    month = Filter.from_json({"where": [{"column": "when", "min": "2020-02", "max": "2020-02"}]})
    assert set(Views(table).view(month, None, state).rows.tolist()) == {
        r["row"] for r in rows if r["when"] and r["when"].month == 2
    }


@pytest.mark.parametrize("key", list(Filter.__dataclass_fields__))
def test_a_key_that_is_null_is_not_asked_for(key: str) -> None:
    assert Filter.from_json({key: None}) == Filter()


def test_true_and_one_are_two_labels() -> None:
    from assay.query.values import label_codes

    assert label_codes([1, "1"], [True]) == []
    assert label_codes([True, False], [1, False]) == [1]


def test_a_users_column_named_like_a_sort_or_like_ours_keeps_its_name() -> None:

    table, state, rows = made(20, 0, missing=False)
    mine = list(range(20, 0, -1))
    table = ReviewTable(
        order=table.order, ids=table.ids, classes=CLASSES, flags=table.flags, scores=table.scores, numbers={},
        labels=table.labels, split=None, splits=[], cells=MemoryCells(pa.table({"order": mine, "outlier_score": mine})),
        texts={}, public={"outlier_score": "assay_outlier_score"}, roles={}, modality="table", not_run={},
    )  # fmt: skip
    views = Views(table)
    assert views.view(None, Sort("order"), state).rows.tolist() == list(range(20))
    assert views.view(None, Sort("column:order"), state).rows.tolist() == list(range(19, -1, -1))
    assert views.view(None, Sort("outlier_score"), state).rows.tolist() == list(range(19, -1, -1))
    assert views.view(None, Sort("assay_outlier_score"), state).rows.tolist() == ordered(rows, "outlier_score", False)
    infos = {info.name: info for info in table.columns}
    assert (infos["assay_outlier_score"].ours, infos["outlier_score"].ours) == (True, False)
    assert infos["assay_outlier_score"].column == "outlier_score"


def test_columns_say_their_kind_and_their_ends() -> None:
    table, _, rows = made(40, 7, missing=False)
    infos = {info.name: info for info in table.columns}
    kinds = {name: infos[name].kind for name in ("row_id", "given_label", "is_outlier", "outlier_score", "split")}
    assert kinds == {
        "row_id": "id",
        "given_label": "label",
        "is_outlier": "flag",
        "outlier_score": "score",
        "split": "category",
    }
    own = {name: infos[name].kind for name in ("body", "colour", "age", "when", "ok")}
    assert own == {"body": "text", "colour": "category", "age": "number", "when": "date", "ok": "category"}
    ages = [row["age"] for row in rows if row["age"] is not None]
    assert (infos["age"].low, infos["age"].high) == (min(ages), max(ages))
    assert infos["when"].low == min(row["when"] for row in rows if row["when"]).isoformat(timespec="microseconds")
    assert infos["colour"].levels == tuple(sorted({row["colour"] for row in rows if row["colour"]}, key=str.encode))
    json.dumps([info.to_json() for info in table.columns], allow_nan=False)


# a real project ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(digits_project: Path) -> tuple[ReviewTable, State, assay.Project]:
    project = assay.open(digits_project)
    return ReviewTable.load(project), State(project.dataset.n_rows), project


def test_checks_of_a_real_project_are_those_of_its_own_tables(real: Any) -> None:
    table, state, project = real
    views = Views(table)
    for record in project.run["checks"]:
        if record["status"] == "ran" and record["name"] in table.checks:
            view = views.view(Filter.from_json({"any": [record["name"]]}), None, state)
            assert sorted(view.rows.tolist()) == sorted(project.flagged(record["name"]).tolist())
            assert views.facets(None, state)["checks"][record["name"]] == record["count"]


def test_usual_label_quality_is_that_of_rows_without_a_label_issue(real: Any) -> None:
    table, _, project = real
    frame = project.issues()
    fine = frame.loc[~frame["is_label_issue"].astype(bool), "label_quality"].dropna()
    assert len(fine) < frame["label_quality"].notna().sum()
    usual = table.usual("label_quality", without="is_label_issue")
    np.testing.assert_allclose(usual, np.percentile(fine.to_numpy(), [5, 95]), rtol=1e-5)


def test_a_real_page_agrees_with_the_issues_frame(real: Any) -> None:
    table, state, project = real
    frame = project.issues()
    view = Views(table).view(None, Sort("order"), state)
    for row, (_, truth) in zip(page(table, state, view.rows), frame.iterrows(), strict=True):
        assert row["id"] == truth["row_id"]
        assert row["given"] == truth["given_label"]
        assert row["cluster"] == (
            None if truth.isna()["near_duplicate_cluster_id"] else truth["near_duplicate_cluster_id"]
        )
        assert ("label" in row["checks"]) == bool(truth["is_label_issue"])
        if "label" in row["checks"]:
            assert row["suggested"] == truth["suggested_label"]
            assert truth["label_issue_reason"] in row["reason"]


def test_the_broken_file_says_why(real: Any) -> None:
    table, state, _ = real
    view = Views(table).view(Filter(any=("not_analyzed",)), None, state)
    (row,) = page(table, state, view.rows)
    assert row["id"] == "zero/broken.png"
    assert row["reason"]
    assert row["scores"] == {}


def test_rows_like_a_row_come_nearest_first_and_begin_with_itself(real: Any) -> None:
    table, state, _ = real
    views = Views(table)
    row = int(views.view(Filter(given=("four",)), Sort("label_quality", True), state).rows[0])
    view = views.view(Filter(similar=Likeness(row)), None, state)
    assert view.rows[0] == row
    ids, _ = views.neighborhood.neighbors(row)
    assert set(ids[:5].tolist()) <= set(view.rows[:12].tolist())
    alike = [table.classes[code] for code in table.given[view.rows[:10]]]
    assert Counter(alike)["four"] >= 7
    flagged = views.view(Filter(similar=Likeness(row), any=("well_labeled",)), None, state)
    assert [r for r in view.rows.tolist() if table.flags["is_well_labeled"][r]] == flagged.rows.tolist()
    assert views.view(Filter(similar=Likeness(row)), Sort("similar"), state).rows[-1] == row


def test_nothing_is_like_a_row_that_was_not_analysed(real: Any) -> None:
    table, state, _ = real
    broken = int(np.flatnonzero(table.flags["is_not_analyzed"])[0])
    with pytest.raises(UsageError, match="was not analysed"):
        Views(table).view(Filter(similar=Likeness(broken)), None, state)


def test_cells_are_read_from_the_parts_of_the_project(real: Any) -> None:
    table, _, project = real
    cells = project.cells(np.arange(table.n))
    for name in cells.column_names:
        assert table.cells.column(name).to_pylist() == cells[name].to_pylist()
    assert table.cells.rows([5, 0, 5], ["path"]) == [[cells["path"][row].as_py()] for row in (5, 0, 5)]
