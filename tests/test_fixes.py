"""What is done about issues: which row is relabelled, left out, kept or left for a person.

Oracles: the rules of `plan_fixes` written down row by row, and properties that no plan may break (hypothesis).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.actions import POLICIES, Decision, FixPlan, Policy, plan_fixes
from assay.actions.plan import ACTIONS, DROPS
from assay.errors import TooManyCopiesError, UsageError


def issues(n: int = 1, **columns: Any) -> dict[str, Any]:
    """Issue columns of ``n`` cats that nothing is wrong with, except as ``columns`` says."""
    return {"given_label": ["cat"] * n, "is_label_issue": [False] * n} | columns


def wrong_label(**columns: Any) -> dict[str, Any]:
    """One cat that is likely a dog."""
    return issues(is_label_issue=[True], suggested_label=["dog"]) | columns


def copies(*labels: str | None, **columns: Any) -> dict[str, Any]:
    """Rows that are all copies of each other, with these labels."""
    n = len(labels)
    base = {"is_near_duplicate": [True] * n, "near_duplicate_cluster_id": [4] * n}
    base |= {"is_exact_duplicate": [True] * n, "exact_duplicate_cluster_id": [2] * n}
    return issues(n, given_label=list(labels)) | base | columns


def actions(plan: FixPlan) -> list[str | None]:
    return list(plan.action)


# no policy -----------------------------------------------------------------------------------------------------


def test_without_a_policy_nothing_is_done() -> None:
    plan = plan_fixes(wrong_label(is_safe_to_fix=[True], is_outlier=[True], is_not_analyzed=[True]))
    assert actions(plan) == [None]
    assert plan.lines() == ["nothing was changed"]


def test_an_unknown_policy_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="'everything'; choose one of none, auto, reference"):
        plan_fixes(issues(), policy="everything")


def test_no_rows_give_an_empty_plan() -> None:
    for policy in POLICIES:
        assert len(plan_fixes(issues(0), policy=policy).action) == 0
    assert len(plan_fixes({}, policy="auto").action) == 0
    assert len(plan_fixes(pd.DataFrame(), policy="auto").action) == 0


# decisions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("action", ["keep", "exclude", "unresolved"])
def test_a_decision_wins_over_every_policy(policy: str, action: str) -> None:
    table = wrong_label(is_safe_to_fix=[True], is_not_analyzed=[True], is_outlier=[True], is_dark=[True])
    plan = plan_fixes(table, {0: Decision(action)}, policy)
    assert actions(plan) == [action]
    assert plan.corrected_label[0] is None


@pytest.mark.parametrize("policy", POLICIES)
def test_a_label_that_a_person_chose_wins_over_the_suggestion(policy: str) -> None:
    plan = plan_fixes(wrong_label(is_safe_to_fix=[True]), {0: Decision("label", "cow")}, policy)
    assert (plan.action[0], plan.corrected_label[0]) == ("label", "cow")


def test_auto_fix_by_a_person_takes_the_suggestion_unless_a_label_is_named() -> None:
    assert plan_fixes(wrong_label(), {0: Decision("auto-fix")}).corrected_label[0] == "dog"
    assert plan_fixes(wrong_label(), {0: Decision("auto-fix", "cow")}).corrected_label[0] == "cow"


@pytest.mark.parametrize(
    ("decision", "row", "message"),
    [
        (Decision("delete"), 0, "unknown action 'delete'"),
        (Decision("label"), 0, 'action "label" needs a label'),
        (Decision("auto-fix"), 0, "there is no suggestion"),
        (Decision("keep"), 7, "there is no row 7: the dataset has 1 rows"),
        (Decision("keep"), -1, "there is no row -1"),
    ],
)
def test_a_decision_that_makes_no_sense_is_an_error(decision: Decision, row: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan_fixes(issues(), {row: decision})


# label issues --------------------------------------------------------------------------------------------------


def test_auto_takes_a_suggestion_that_is_safe() -> None:
    plan = plan_fixes(wrong_label(is_safe_to_fix=[True]), policy="auto")
    assert (plan.action[0], plan.corrected_label[0]) == ("auto-fix", "dog")
    assert plan.lines() == ["label issues given the suggested label, which is safe to take: 1"]


def test_auto_leaves_an_unsafe_suggestion_for_a_person() -> None:
    plan = plan_fixes(wrong_label(is_safe_to_fix=[False]), policy="auto")
    assert (plan.action[0], plan.corrected_label[0]) == ("unresolved", None)
    assert plan.lines() == [
        "nothing was changed",
        "left for a person, label issues without a suggestion that is certain enough: 1",
    ]


def test_auto_does_not_relabel_a_row_that_holds_both_labels() -> None:
    plan = plan_fixes(wrong_label(is_safe_to_fix=[True], is_multi_label=[True]), policy="auto")
    assert actions(plan) == ["unresolved"]


def test_auto_does_not_relabel_an_outlier() -> None:
    plan = plan_fixes(wrong_label(is_safe_to_fix=[True], is_outlier=[True]), policy="auto")
    assert actions(plan) == ["unresolved"]


def test_reference_takes_every_suggestion() -> None:
    plan = plan_fixes(wrong_label(is_safe_to_fix=[False]), policy="reference")
    assert (plan.action[0], plan.corrected_label[0]) == ("auto-fix", "dog")


def test_a_label_issue_without_a_suggestion_is_left() -> None:
    for policy in ("auto", "reference"):
        plan = plan_fixes(wrong_label(is_safe_to_fix=[True], suggested_label=[None]), policy=policy)
        assert actions(plan) == ["unresolved"]


# outliers and unreadable rows ----------------------------------------------------------------------------------


def test_auto_leaves_no_outlier_and_no_unreadable_row_out() -> None:
    table = issues(3, is_outlier=[True, True, False], is_dark=[True, False, True], is_not_analyzed=[False, False, True])
    plan = plan_fixes(table, policy="auto")
    assert actions(plan) == ["unresolved"] * 3
    assert plan.left == {"outliers": 2, "rows that could not be read": 1}


def test_reference_leaves_every_outlier_out() -> None:
    assert actions(plan_fixes(issues(2, is_outlier=[True, False]), policy="reference")) == ["exclude", None]


# unlabelled rows -----------------------------------------------------------------------------------------------


def test_auto_labels_unlabelled_rows_from_the_stated_confidence_on() -> None:
    table = {
        "given_label": [None] * 5,
        "is_initially_unlabeled": [True] * 5,
        "suggested_label": ["dog", "dog", "dog", None, "dog"],
        "suggested_label_confidence_score": [0.95, 0.9, 0.89, 0.95, np.nan],
    }
    assert actions(plan_fixes(table, policy="auto")) == ["auto-fix", "auto-fix", *["unresolved"] * 3]
    assert actions(plan_fixes(table, policy="reference")) == [*["auto-fix"] * 3, "unresolved", "auto-fix"]


def test_auto_gives_no_label_to_an_unlabelled_outlier() -> None:
    table = {
        "is_initially_unlabeled": [True],
        "suggested_label": ["dog"],
        "suggested_label_confidence_score": [0.99],
        "is_outlier": [True],
    }
    assert actions(plan_fixes(table, policy="auto")) == ["unresolved"]


# copies --------------------------------------------------------------------------------------------------------


def test_of_equal_copies_the_first_stays() -> None:
    assert actions(plan_fixes(copies("cat", "cat", "cat"), policy="auto", drop_duplicates="exact", drop_share=1)) == [
        None,
        "exclude",
        "exclude",
    ]


def test_of_copies_of_different_size_the_largest_stays() -> None:
    pictures = copies("cat", "cat", "cat", image_width=[10, 30, 20], image_height=[10, 10, 20])
    assert actions(plan_fixes(pictures, policy="auto", drop_duplicates="exact", drop_share=1)) == [
        "exclude",
        "exclude",
        None,
    ]
    texts = copies("cat", "cat", text_num_characters=[5, 6])
    assert actions(plan_fixes(texts, policy="auto", drop_duplicates="exact", drop_share=1)) == ["exclude", None]


def test_a_correctly_labelled_copy_stays_before_a_larger_one() -> None:
    table = copies(
        "dog",
        "cat",
        image_width=[100, 10],
        image_height=[100, 10],
        is_duplicate_label_conflict=[True, True],
        is_duplicate_label_wrong=[True, False],
        duplicate_correct_label=["cat", "cat"],
    )
    plan = plan_fixes(table, policy="auto", drop_duplicates="exact", drop_share=1)
    assert actions(plan) == ["exclude", None]
    assert plan.corrected_label.tolist() == [None, None]


def test_a_copy_without_label_issue_stays_before_one_with_and_a_labelled_one_before_an_unlabelled_one() -> None:
    assert actions(
        plan_fixes(
            copies("cat", "cat", is_label_issue=[True, False]), policy="auto", drop_duplicates="exact", drop_share=1
        )
    ) == ["exclude", None]
    assert actions(plan_fixes(copies(None, "cat"), policy="auto", drop_duplicates="exact", drop_share=1)) == [
        "exclude",
        None,
    ]


def test_a_copy_that_a_person_kept_is_the_one_that_stays() -> None:
    plan = plan_fixes(copies("cat", "cat", "cat"), {2: Decision("keep")}, "auto", drop_duplicates="exact", drop_share=1)
    assert actions(plan) == ["exclude", "exclude", "keep"]


def test_copies_that_a_person_kept_all_stay() -> None:
    plan = plan_fixes(
        copies("cat", "cat", "cat"),
        {0: Decision("keep"), 2: Decision("label", "dog")},
        "auto",
        drop_duplicates="exact",
        drop_share=1,
    )
    assert actions(plan) == ["keep", "exclude", "label"]


def test_when_a_person_left_a_copy_out_another_one_stays() -> None:
    assert actions(
        plan_fixes(copies("cat", "cat"), {0: Decision("exclude")}, "auto", drop_duplicates="exact", drop_share=1)
    ) == ["exclude", None]


def test_when_no_copy_has_the_right_label_the_one_that_stays_gets_it() -> None:
    table = copies(
        "dog",
        "cow",
        is_duplicate_label_conflict=[True, True],
        is_duplicate_label_wrong=[True, True],
        duplicate_correct_label=["cat", "cat"],
    )
    plan = plan_fixes(table, policy="auto", drop_duplicates="exact", drop_share=1)
    assert actions(plan) == ["auto-fix", "exclude"]
    assert plan.corrected_label[0] == "cat"


def test_the_label_that_the_copies_agree_on_is_not_changed_by_the_suggestion() -> None:
    table = copies(
        "cat",
        "dog",
        is_duplicate_label_conflict=[True, True],
        is_duplicate_label_wrong=[False, True],
        duplicate_correct_label=["cat", "cat"],
        is_label_issue=[True, False],
        is_safe_to_fix=[True, False],
        suggested_label=["dog", None],
    )
    assert actions(plan_fixes(table, policy="auto", drop_duplicates="exact", drop_share=1)) == [None, "exclude"]


def test_where_it_is_not_clear_which_label_is_right_all_copies_stay_for_a_person() -> None:
    table = copies(
        "cat",
        "dog",
        None,
        is_duplicate_label_conflict=[True] * 3,
        duplicate_correct_label=[None] * 3,
        is_label_issue=[True, False, False],
        is_safe_to_fix=[True, False, False],
        is_initially_unlabeled=[False, False, True],
        suggested_label=["dog", None, "dog"],
        suggested_label_confidence_score=[0.99, np.nan, 0.99],
    )
    plan = plan_fixes(table, policy="auto", drop_duplicates="exact", drop_share=1)
    assert actions(plan) == ["unresolved"] * 3
    assert plan.lines()[-1] == "left for a person, copies with different labels: 3"


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_leaves_a_copy_out(policy: str) -> None:
    assert "exclude" not in actions(plan_fixes(copies("cat", "cat", "dog"), policy=policy))


def test_copies_are_left_out_without_any_policy_when_a_person_says_so() -> None:
    plan = plan_fixes(copies("cat", "cat", "cat"), drop_duplicates="exact", drop_share=1)
    assert actions(plan) == [None, "exclude", "exclude"]
    assert plan.lines() == ["exact copies of other rows left out: 2"]


def test_the_plan_names_the_row_that_stays_and_why() -> None:
    table = copies(
        "cat", "cat", "cat", None, text_num_characters=[5, 9, 9, 9], is_label_issue=[False, False, True, False]
    )
    plan = plan_fixes(table, drop_duplicates="exact", drop_share=1)
    assert [(copy.row, copy.stays, copy.kind, copy.why) for copy in plan.copies] == [
        (0, 1, "exact", "it is the larger"),
        (2, 1, "exact", "its label is in no doubt"),
        (3, 1, "exact", "it is labelled"),
    ]
    kept = plan_fixes(copies("cat", "cat"), {1: Decision("keep")}, drop_duplicates="exact", drop_share=1)
    assert [(copy.row, copy.stays, copy.why) for copy in kept.copies] == [(0, 1, "a person decided about it")]


def test_exact_leaves_near_copies_alone() -> None:
    """Two sets of exact copies that are near copies of each other: one row of each stays, or one of all."""
    table = copies("cat", "cat", "cat", "cat", "cat", exact_duplicate_cluster_id=[0, 0, 1, 1, None])
    table["is_exact_duplicate"] = [True, True, True, True, False]
    exact = plan_fixes(table, drop_duplicates="exact", drop_share=1)
    assert actions(exact) == [None, "exclude", None, "exclude", None]
    near = plan_fixes(table, drop_duplicates="near", drop_share=1)
    assert actions(near) == [None, *["exclude"] * 4]


def test_more_copies_than_the_share_are_refused_until_allowed() -> None:
    n = 100
    ids = [*[1] * 7, *[None] * (n - 7)]
    table = issues(n, is_exact_duplicate=[i is not None for i in ids], exact_duplicate_cluster_id=ids)
    with pytest.raises(TooManyCopiesError, match=r"6 of 100 rows \(6.0%\) .* more than the 5% .* --drop-share 0.06"):
        plan_fixes(table, drop_duplicates="exact")
    assert int(plan_fixes(table, drop_duplicates="exact", drop_share=0.06).excluded.sum()) == 6
    table["exact_duplicate_cluster_id"] = [*[1] * 6, *[None] * (n - 6)]
    assert int(plan_fixes(table, drop_duplicates="exact").excluded.sum()) == 5


def test_equal_rows_that_are_the_nature_of_a_table_are_no_surplus() -> None:
    table = copies("cat", "cat", "cat", exact_duplicate_cluster_id=[None] * 3)
    for kind in DROPS:
        assert actions(plan_fixes(table, drop_duplicates=kind, drop_share=1)) == [None] * 3


@pytest.mark.parametrize(("kind", "share"), [("some", 0.05), ("exact", -0.1), ("exact", 1.5)])
def test_unknown_kinds_of_copies_and_shares_are_refused(kind: str, share: float) -> None:
    with pytest.raises(UsageError, match=r"duplicates|share"):
        plan_fixes(copies("cat", "cat"), drop_duplicates=kind, drop_share=share)


def test_auto_without_dropping_changes_no_label_that_copies_speak_against() -> None:
    """Copies that all stay: the one that agrees with them is left as it is, the other is changed only to their label."""
    known = {"is_duplicate_label_conflict": [True] * 2, "duplicate_correct_label": ["cat"] * 2}
    suggested = {"is_label_issue": [True, True], "is_safe_to_fix": [True, True]}
    plan = plan_fixes(copies("cat", "dog", suggested_label=["dog", "cat"], **known, **suggested), policy="auto")
    assert (actions(plan), plan.corrected_label.tolist()) == ([None, "auto-fix"], [None, "cat"])
    plan = plan_fixes(copies("cat", "dog", suggested_label=["dog", "cow"], **known, **suggested), policy="auto")
    assert actions(plan) == [None, "unresolved"]


def test_reference_leaves_copies_alone() -> None:
    assert actions(plan_fixes(copies("cat", "cat"), policy="reference")) == [None, None]


# forms of input, counts ----------------------------------------------------------------------------------------


def test_class_codes_give_the_plan_that_names_give() -> None:
    names = copies(
        "a", "b", None, "a", is_label_issue=[False, True, False, False], suggested_label=[None, "a", "b", None]
    )
    code = {"a": 0, "b": 1, None: -1}
    coded = names | {
        column: np.array([code[label] for label in names[column]], np.int32)
        for column in ("given_label", "suggested_label")
    }
    for policy in POLICIES:
        by_name, by_code = plan_fixes(names, policy=policy), plan_fixes(coded, policy=policy)
        assert actions(by_name) == actions(by_code)
        assert [None if v is None else code[v] for v in by_name.corrected_label] == list(by_code.corrected_label)


def test_minus_one_is_a_label_like_any_other_where_labels_are_values() -> None:
    table = wrong_label(is_safe_to_fix=[True])
    table |= {"given_label": np.array([1], object), "suggested_label": np.array([-1], object)}
    assert plan_fixes(table, policy="auto").corrected_label[0] == -1


def test_a_policy_of_ones_own_is_followed() -> None:
    own = Policy("own", label_issues="all", outliers="none", unlabeled=None)
    table = issues(2, is_label_issue=[True, False], suggested_label=["dog", None], is_not_analyzed=[False, True])
    assert actions(plan_fixes(table, policy=own)) == ["auto-fix", "unresolved"]


def test_the_plan_says_what_was_done_and_what_was_left() -> None:
    n = 1_500
    plan = plan_fixes(issues(n, is_outlier=[True] * n), {0: Decision("keep"), 1: Decision("keep")}, "reference")
    assert plan.lines() == ["rows that a person kept as given: 2", "outliers left out: 1,498"]
    assert int(plan.excluded.sum()) == 1_498


# properties ----------------------------------------------------------------------------------------------------

FLAGS = (
    "is_label_issue",
    "is_safe_to_fix",
    "is_outlier",
    "is_not_analyzed",
    "is_dark",
    "is_empty_text",
    "is_near_duplicate",
    "is_exact_duplicate",
)
LABELS = st.sampled_from(["a", "b", "c", None])


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], dict[int, Decision]]:
    n = draw(st.integers(0, 14))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=n, max_size=n))

    table: dict[str, Any] = {name: column(st.booleans()) for name in FLAGS}
    table |= {"given_label": column(LABELS), "suggested_label": column(LABELS)}
    table["is_initially_unlabeled"] = [label is None for label in table["given_label"]]
    table["suggested_label_confidence_score"] = column(st.sampled_from([0.2, 0.9, 0.99, np.nan]))
    table["near_duplicate_cluster_id"] = column(st.sampled_from([None, 0, 1, 2, 3]))
    conflict, right = (
        draw(st.lists(st.booleans(), min_size=4, max_size=4)),
        draw(st.lists(LABELS, min_size=4, max_size=4)),
    )
    inside = [
        (cluster if cluster is not None and conflict[cluster] else None)
        for cluster in table["near_duplicate_cluster_id"]
    ]
    table["is_duplicate_label_conflict"] = [cluster is not None for cluster in inside]
    table["duplicate_correct_label"] = [None if cluster is None else right[cluster] for cluster in inside]
    table["is_duplicate_label_wrong"] = [
        label is not None and label != given
        for label, given in zip(table["duplicate_correct_label"], table["given_label"], strict=True)
    ]
    table["image_width"] = table["image_height"] = column(st.sampled_from([8, 16, None]))
    rows = draw(st.lists(st.integers(0, n - 1), unique=True, max_size=5)) if n else []
    decisions = {}
    for row in rows:
        action = draw(st.sampled_from(ACTIONS))
        decisions[row] = Decision(action, "d" if action in ("label", "auto-fix") else None)
    return table, decisions


def clusters_of(table: dict[str, Any]) -> dict[int, list[int]]:
    """Cluster -> its copies, by a plain loop."""
    found: dict[int, list[int]] = {}
    for row, cluster in enumerate(table["near_duplicate_cluster_id"]):
        if cluster is not None and table["is_near_duplicate"][row]:
            found.setdefault(cluster, []).append(row)
    return found


@settings(max_examples=300, deadline=None)
@given(cases(), st.sampled_from(list(POLICIES)))
def test_no_plan_breaks_the_rules_of_actions(case: tuple[dict[str, Any], dict[int, Decision]], policy: str) -> None:
    table, decisions = case
    plan = plan_fixes(table, decisions, policy)
    for row, (action, label) in enumerate(zip(plan.action, plan.corrected_label, strict=True)):
        assert action in (None, *ACTIONS)  # at most one action a row
        assert (label is not None) == (action in ("auto-fix", "label"))  # a row left out is never relabelled
        assert row not in decisions or action == decisions[row].action
        assert row in decisions or action not in ("keep", "label")  # only a person does those
    counted = sum(plan.done.values()) + sum(plan.left.values())
    assert counted == sum(action is not None for action in plan.action)
    again = plan_fixes(
        pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in table.items()}), decisions, policy
    )
    assert actions(again) == actions(plan)
    assert again.lines() == plan.lines()


@settings(max_examples=200, deadline=None)
@given(cases())
def test_auto_leaves_no_row_out_that_nobody_left_out(case: tuple[dict[str, Any], dict[int, Decision]]) -> None:
    table, decisions = case
    plan = plan_fixes(table, decisions, "auto")
    assert {row for row, action in enumerate(plan.action) if action == "exclude"} == {
        row for row, decision in decisions.items() if decision.action == "exclude"
    }


@settings(max_examples=300, deadline=None)
@given(cases(), st.sampled_from(["none", "auto"]))
def test_dropping_keeps_one_row_of_every_set_of_copies(
    case: tuple[dict[str, Any], dict[int, Decision]], policy: str
) -> None:
    table, decisions = case
    table["exact_duplicate_cluster_id"] = [0] * len(table["given_label"])
    plan = plan_fixes(table, decisions, policy, drop_duplicates="near", drop_share=1)
    for rows in clusters_of(table).values():
        candidates = [row for row in rows if row not in decisions or decisions[row].action != "exclude"]
        staying = [row for row in rows if plan.action[row] != "exclude"]
        assert bool(staying) == bool(candidates)
        given = {table["given_label"][row] for row in candidates if table["duplicate_correct_label"][row] is None}
        if len(given - {None}) > 1:
            assert staying == candidates
        elif candidates:
            decided = [row for row in candidates if row in decisions]
            assert staying == decided if decided else len(staying) == 1
            if not decided:
                assert staying[0] == best_copy(table, candidates)
            for copy in plan.copies:
                if copy.row in rows:
                    assert copy.stays in staying


def best_copy(table: dict[str, Any], rows: list[int]) -> int:
    """Correctly labelled, then labelled at all, then the largest, then the first."""

    def rank(row: int) -> tuple[Any, ...]:
        given, right = table["given_label"][row], table["duplicate_correct_label"][row]
        wrong = right is not None and given != right
        size = (table["image_width"][row] or 0) * (table["image_height"][row] or 0)
        return wrong, table["is_label_issue"][row], given is None, -size, row

    return min(rows, key=rank)


@settings(max_examples=200, deadline=None)
@given(cases())
def test_reference_leaves_out_exactly_the_outliers_that_nobody_decided_about(
    case: tuple[dict[str, Any], dict[int, Decision]],
) -> None:
    table, decisions = case
    plan = plan_fixes(table, decisions, "reference")
    for row, action in enumerate(plan.action):
        if row not in decisions:
            assert (action == "exclude") == table["is_outlier"][row]
            relabelled = (table["is_label_issue"][row] or table["is_initially_unlabeled"][row]) and not table[
                "is_outlier"
            ][row]
            assert (action == "auto-fix") == (relabelled and table["suggested_label"][row] is not None)
