"""Findings about classes and columns. Oracles: planted faults, the truth of real dirty tables, simulated error rates."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.insights import Finding, class_findings, column_findings
from assay.insights.names import misspelt
from assay.insights.quality import class_table
from assay.issues.label import judge_with_verdict
from assay.issues.scan import scan
from assay.issues.sureness import no_surer_than_right


def merges(counts: dict[object, int]) -> dict[object, object]:
    names = list(counts)
    return {names[a]: names[b] for a, b, _ in misspelt(names, np.array(list(counts.values())))}


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def kinds(findings: list[Finding]) -> list[tuple[str, list[str]]]:
    return [(finding.data["kind"], finding.subject) for finding in findings]


# class names -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("heart attaxk", "heart attack"),
        ("pnuemonia", "pneumonia"),
        ("xneumonia", "pneumonia"),
        ("heartxattack", "heart attack"),
        ("hexrt attxck", "heart attack"),
        ("airplan", "airplane"),
    ],
)
def test_a_rare_misspelling_is_merged_into_the_common_name(wrong: str, right: str) -> None:
    assert merges({wrong: 2, right: 50, "something else": 30}) == {wrong: right}


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Cat", "cat"),
        ("ice_cream", "ice cream"),
        ("St. Paul", "St Paul"),
        ("grand-piano", "grand piano"),
        ("a  b", "A b"),
        ("vitamin_c", "Vitamin C"),
        ("VitaminC", "Vitamin C"),
    ],
)
def test_variants_in_case_and_spacing_are_merged_whatever_their_number(wrong: str, right: str) -> None:
    assert merges({wrong: 40, right: 50}) == {wrong: right}


@pytest.mark.parametrize(
    "names",
    [
        ["1", "2"],
        ["class_1", "class_2"],
        ["Juana", "Juan A."],
        ["Christiana", "Christian A"],
        ["digit 10", "digit 1"],
        [1, 2],
        [True, False],
        ["male", "female"],
        ["left", "right"],
        ["cat", "car"],
        ["C", "C++"],
        ["grade A-", "grade A+"],
        ["-1.5 dB", "1.5 dB"],
        ["hepatitis a", "hepatitis b"],
        ["hypertension", "hypotension"],
        ["complete", "incomplete"],
        ["north carolina", "south carolina"],
        ["internal medicine", "external medicine"],
        ["import tax", "export tax"],
        ["employer", "employee"],
        ["sports car", "sports cars"],
    ],
)
def test_names_that_are_two_things_are_left_alone(names: list[object]) -> None:
    assert merges({names[0]: 2, names[1]: 90}) == {}
    assert merges({names[0]: 90, names[1]: 2}) == {}


def test_two_common_names_are_two_classes() -> None:
    assert merges({"heart attaxk": 40, "heart attack": 50}) == {}


def test_a_class_without_rows_is_no_finding() -> None:
    assert merges({"heart attaxk": 0, "heart attack": 50}) == {}


def test_merges_do_not_chain() -> None:
    found = merges({"pneumonia": 500, "pneumonai": 20, "Pneumonai": 3})
    assert set(found.values()) == {"pneumonia"}
    assert set(found) == {"pneumonai", "Pneumonai"}


@pytest.mark.parametrize(("column", "recall", "rows"), [("condition", 0.85, 5), ("owner", 0.75, 8), ("type", 0.95, 1)])
def test_misspelt_classes_of_a_real_dirty_table(data_dir: Path, column: str, recall: float, rows: int) -> None:
    clean, dirty = (table(data_dir / "tabular_hospital" / f"{which}.csv")[column] for which in ("clean", "dirty"))
    truth = dict(zip(dirty[dirty != clean], clean[dirty != clean], strict=True))
    assert clean.nunique() == rows
    found = merges(dirty.value_counts(sort=False).to_dict())
    assert all(truth.get(wrong) == right for wrong, right in found.items())  # precision 1
    assert len(found) >= recall * len(truth)


@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("banking77/train.csv", "category"),
        ("clinc150/clinc150.csv", "intent"),
        ("tabular_hospital/clean.csv", "condition"),
        ("tabular_hospital/clean.csv", "measure_name"),
        ("tabular_beers/clean.csv", "style"),
        ("tabular_beers/clean.csv", "state"),
    ],
)
def test_clean_class_names_are_left_alone_even_with_unequal_counts(data_dir: Path, file: str, column: str) -> None:
    names = table(data_dir / file)[column].unique()
    for seed in range(3):
        counts = np.where(np.random.default_rng(seed).random(len(names)) < 0.5, 100, 1)
        assert misspelt(names.tolist(), counts) == []


# rate, corrections, rare classes -----------------------------------------------------------------------------------


def summary(p_error: np.ndarray, flags: np.ndarray, suggested: np.ndarray) -> dict[str, np.ndarray]:
    return {"p_label_error": p_error.astype(np.float32), "is_label_issue": flags, "suggested_label": suggested}


def test_the_interval_holds_the_true_rate_of_calibrated_probabilities() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        p = rng.beta(0.2, 1.8, 500)
        wrong = rng.random(500) < p
        found = class_findings(["a"], np.zeros(500, np.int32), summary(p, wrong, np.full(500, -1)))
        data = next(finding.data for finding in found if finding.check == "label_error_rate")
        assert data["rate"] == pytest.approx(p.mean(), abs=1e-6)
        held += data["low"] <= wrong.mean() <= data["high"]
    assert held / 300 >= 0.95


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("n", [1, 7, 10_000])
def test_the_interval_stays_inside_zero_and_one(value: float, n: int) -> None:
    found = class_findings(["a"], np.zeros(n, np.int32), summary(np.full(n, value), np.zeros(n, bool), np.full(n, -1)))
    data = found[0].data
    assert 0 <= data["low"] <= data["rate"] <= data["high"] <= 1


def test_unlabelled_rows_and_rows_without_a_probability_have_no_say() -> None:
    p = np.array([0.2, np.nan, 0.9])
    found = class_findings(["a"], np.array([0, 0, -1], np.int32), summary(p, np.zeros(3, bool), np.full(3, -1)))
    assert found[0].data["labels"] == 1
    assert found[0].data["rate"] == pytest.approx(0.2)


def test_the_commonest_corrections_come_first() -> None:
    given_codes = np.array([0, 0, 0, 1, 2, 2, 0], np.int32)
    suggested = np.array([1, 1, 1, 0, 1, 1, 2])
    flags = np.array([True, True, True, True, True, True, False])
    found = class_findings(["cat", "dog", "fox"], given_codes, summary(np.full(7, 0.5), flags, suggested))
    pairs = next(finding for finding in found if finding.check == "corrections").data["pairs"]
    assert [(pair["given"], pair["suggested"], pair["count"]) for pair in pairs] == [
        ("cat", "dog", 3),
        ("fox", "dog", 2),
        ("dog", "cat", 1),
    ]


def test_rare_classes_are_named() -> None:
    codes = np.repeat(np.arange(4), [10, 4, 1, 0]).astype(np.int32)
    (found,) = class_findings(["a", "b", "c", "d"], codes, None)
    assert found.check == "rare_classes"
    assert found.subject == ["c", "b"]
    assert "“c” (1)" in found.message


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.text(max_size=12), st.integers(-9, 9), st.booleans(), st.floats(allow_nan=False)), max_size=8
    ),
    st.integers(0, 40),
    st.integers(0, 5),
)
def test_any_classes_give_findings_that_json_can_hold(classes: list[object], n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(-1, len(classes), n).astype(np.int32)
    suggested = rng.integers(-1, len(classes), n)
    found = class_findings(classes, codes, summary(rng.random(n), rng.random(n) < 0.5, suggested))
    for finding in found:
        assert json.loads(json.dumps(asdict(finding))) == asdict(finding)
        assert finding.message.endswith(".")


def test_thousands_of_classes_take_seconds() -> None:
    rng = np.random.default_rng(0)
    names = ["".join(rng.choice(list("abcdefghijklmn"), 12)) for _ in range(4_000)]
    assert misspelt([*names, names[0][:-1] + "z"], np.array([50] * 4_000 + [1])) == [(4_000, 0, "typo")]


# columns ---------------------------------------------------------------------------------------------------------


def frame(n: int = 200, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n).astype(np.int32)
    cells = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "colour": rng.choice(["red", "green", "blue"], n),
            "weight": rng.normal(70, 9, n) + codes,
        }
    )
    return cells, codes


def found_in(cells: pd.DataFrame, codes: np.ndarray) -> list[tuple[str, list[str]]]:
    findings = column_findings(cells, list(cells.columns), codes)
    assert all(finding.check == "columns" for finding in findings)
    assert all(json.dumps(asdict(finding)) for finding in findings)
    return kinds(findings)


def test_ordinary_columns_are_left_alone() -> None:
    assert found_in(*frame()) == []


def test_planted_faults_of_columns_are_found() -> None:
    cells, codes = frame()
    n = len(cells)
    cells["nothing"] = [None] * n
    cells["rarely"] = ["x"] * 5 + [""] * (n - 5)
    cells["always"] = "EU"
    cells["one"] = 1.0
    cells["order_id"] = [f"ORD-{i:05d}" for i in range(n)]
    cells["shade"] = cells["colour"]
    cells["age in years"] = cells["age"].astype(str)
    cells["outcome"] = np.array(["yes", "no", "maybe"])[codes]
    assert sorted(found_in(cells, codes)) == sorted(
        [
            ("label copy", ["outcome"]),
            ("blank", ["nothing"]),
            ("mostly blank", ["rarely"]),
            ("constant", ["always"]),
            ("constant", ["one"]),
            ("identifier", ["order_id"]),
            ("copy", ["colour", "shade"]),
            ("copy", ["age", "age in years"]),
        ]
    )


@pytest.mark.parametrize(("noise", "leaks"), [(0.0, True), (0.01, True), (0.1, False)])
def test_a_near_copy_of_the_label_is_a_leak(noise: float, leaks: bool) -> None:
    cells, codes = frame(1_000)
    rng = np.random.default_rng(5)
    shown = np.where(rng.random(1_000) < noise, (codes + 1) % 3, codes)
    cells["outcome"] = np.array(["yes", "no", "maybe"])[shown]
    assert (("label copy", ["outcome"]) in found_in(cells, codes)) == leaks


def test_a_finer_column_that_implies_the_label_is_no_copy_of_it() -> None:
    cells, codes = frame(1_000)
    cells["measure"] = [f"{code}-{row % 3}" for row, code in enumerate(codes)]
    assert found_in(cells, codes) == []


def test_a_balanced_design_copies_no_label() -> None:
    """As many rows of each pair of values: two species and two sexes of crabs, fifty each; no value goes with any class."""
    codes = np.repeat(np.array([0, 1], np.int32), 100)
    assert found_in(pd.DataFrame({"sex": np.tile(np.repeat(["F", "M"], 50), 2)}), codes) == []
    three = np.repeat(np.array([0, 1, 2], np.int32), 60)
    assert found_in(pd.DataFrame({"plot": np.tile(["a", "b", "c"], 60)}), three) == []


def test_a_nearly_constant_column_does_not_leak_a_nearly_constant_label() -> None:
    n = 1_000
    codes, column = np.zeros(n, np.int32), np.array(["no"] * n, object)
    codes[:8], column[8:16] = 1, "yes"
    assert found_in(pd.DataFrame({"x": column}), codes) == []


@pytest.mark.parametrize("which", ["hospital", "beers"])
def test_real_clean_tables_have_only_their_known_faults(data_dir: Path, which: str) -> None:
    label, expected = {
        "hospital": (
            "condition",
            {("identifier", "index"), ("constant", "address_2"), ("constant", "address_3"), ("constant", "type")},
        ),
        "beers": ("style", {("identifier", "index"), ("identifier", "id")}),
    }[which]
    cells = table(data_dir / f"tabular_{which}" / "clean.csv")
    codes = pd.factorize(cells[label])[0].astype(np.int32)
    found = column_findings(cells, [name for name in cells.columns if name != label], codes)
    assert {(finding.data["kind"], finding.subject[0]) for finding in found} == expected


@pytest.mark.parametrize("n", [0, 1, 2, 20])
def test_any_number_of_rows(n: int) -> None:
    cells = pd.DataFrame(
        {"x": ["a"] * n, "y": [None] * n, "z": np.arange(n), "when": pd.to_datetime(["2024-01-01"] * n)}
    )
    for codes in (np.zeros(n, np.int32), np.full(n, -1, np.int32)):
        found = found_in(cells, codes)
        assert (("blank", ["y"]) in found) == (n > 0)
        assert (("constant", ["x"]) in found) == (n > 1)


def test_copies_are_no_further_witnesses_of_the_rate_of_wrong_labels():
    codes = np.arange(480, dtype=np.int32) % 3
    summary = {
        "is_label_issue": np.zeros(480, bool),
        "p_label_error": np.zeros(480, np.float32),
        "suggested_label": np.full(480, -1, np.int32),
    }
    (alone,) = class_findings(list("abc"), codes, summary)
    (copied,) = class_findings(list("abc"), codes, summary, originals=30)
    assert alone.data["high"] < 0.01 and copied.data["high"] > 0.1 and "copies counted once: 30" in copied.message


def test_no_wrong_label_is_said_as_none() -> None:
    found = class_findings(
        ["a"], np.zeros(300, np.int32), summary(np.zeros(300), np.zeros(300, bool), np.full(300, -1))
    )
    assert found[0].message.startswith("None of the 300 labels is estimated to be wrong (95% interval 0.0% to 1.3%")


def test_where_a_correction_is_named_it_is_not_said_that_no_label_is_wrong() -> None:
    p, one = np.zeros(3_000), np.arange(3_000) == 7
    p[7] = 0.9
    codes = np.arange(3_000, dtype=np.int32) % 2
    found = class_findings(["a", "b"], codes, summary(p, one, np.where(one, 1 - codes, -1)))
    assert found[0].message.startswith("Hardly any of the 3,000 labels is estimated to be wrong")


def test_corrections_that_come_once_are_not_called_common() -> None:
    codes = np.repeat(np.arange(3), 100).astype(np.int32)
    p, to = np.full(300, 0.01, np.float32), np.full(300, -1)
    p[[0, 1, 150]], to[[0, 1, 150]] = 0.9, [1, 1, 2]
    (found,) = [f for f in class_findings(list("abc"), codes, summary(p, to >= 0, to)) if f.check == "corrections"]
    assert found.message == "The most common corrections: “a” to “b” (2)."
    to[1] = 2
    (found,) = [f for f in class_findings(list("abc"), codes, summary(p, to >= 0, to)) if f.check == "corrections"]
    assert found.message.startswith("No correction is suggested twice: “a” to “b” (1)")


def overlapping(seed: int, noise: float, power: int, size: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True and given codes of Gaussian classes, and the Bayes classifier's probabilities to a power; class k has 0 to twice the
    noise."""
    rng = np.random.default_rng([seed, 7])
    centres = rng.normal(size=(size, 6))
    centres *= 4 / np.linalg.norm(centres, axis=1, keepdims=True)
    true = rng.integers(size, size=1_500)
    logits = (centres[true] + rng.normal(size=(1_500, 6))) @ centres.T - 8
    q = np.exp(logits - logits.max(1, keepdims=True))
    rate = 2 * noise * np.arange(size) / (size - 1)
    matrix = np.tile((rate / (size - 1))[:, None], (1, size))
    np.fill_diagonal(matrix, 1 - rate)
    given = (matrix[true].cumsum(1) < rng.random((1_500, 1))).sum(1).clip(0, size - 1)
    p = (q / q.sum(1, keepdims=True) @ matrix) ** power
    return true, given.astype(np.int32), (p / p.sum(1, keepdims=True)).astype(np.float32)


def test_intervals_of_few_classes_count_how_few_rows_tell_where_wrong_labels_go() -> None:
    """Three classes of 0, 15 and 30 % noise: all that goes to one comes of one or two others, of which a hundred rows are sure."""
    of_class = []
    for seed in range(40):
        true, given, p = overlapping(seed, 0.15, 1, size=3)
        seen = scan(given, p)
        columns, known = judge_with_verdict(given, seen)
        if not known.withheld:
            for code, line in enumerate(class_table(list("abc"), given, seen, columns, known.to_dict())):
                of_class.append(line["low"] <= (true != given)[given == code].mean() <= line["high"])
    assert len(of_class) >= 90 and np.mean(of_class) >= 0.93


@pytest.mark.parametrize("power", [1, 3])
def test_the_intervals_hold_the_truth_where_classes_overlap_and_where_the_model_is_too_sure(power: int) -> None:
    """Repetitions decide, and their seeds are fixed: 95 in a hundred are meant."""
    held, of_class = [], []
    for seed in range(40):
        true, given, p = overlapping(seed, 0.06, power)
        seen = scan(given, p)
        columns, known = judge_with_verdict(given, seen)
        if known.withheld:
            continue
        found = class_findings(list("abcde"), given, columns, known.to_dict())
        data = next(finding.data for finding in found if finding.check == "label_error_rate")
        wrong = true != given
        held.append(data["low"] <= wrong.mean() <= data["high"])
        for code, line in enumerate(class_table(list("abcde"), given, seen, columns, known.to_dict())):
            of_class.append(line["low"] <= wrong[given == code].mean() <= line["high"])
    assert len(held) >= 35 and np.mean(held) >= 0.9 and np.mean(of_class) >= 0.9


def test_a_model_far_too_sure_is_brought_back_and_no_other_is_touched() -> None:
    _, given, p = overlapping(0, 0.06, 1)
    calibrated = scan(given, p)
    assert no_surer_than_right(given, calibrated) is calibrated
    sharp = scan(given, overlapping(0, 0.06, 3)[2])
    back = no_surer_than_right(given, sharp)
    assert np.abs(back.probs - calibrated.probs).mean() < 0.3 * np.abs(sharp.probs - calibrated.probs).mean()
    assert np.array_equal(back.classes, sharp.classes) and np.all(np.diff(back.probs, axis=1) <= 0)
    assert back.probs.sum(1) == pytest.approx(np.ones(len(p)), abs=1e-5)
    top = back.classes == given[:, None]
    assert back.given[top.any(1)] == pytest.approx(back.probs[top], rel=1e-4)


def test_wrong_labels_are_not_taken_for_a_model_that_is_too_sure() -> None:
    """A model that knows the right classes, and labels of which a fifth is drawn at random."""
    true, _, p = overlapping(1, 0.0, 1)
    rng = np.random.default_rng(0)
    given = np.where(rng.random(len(true)) < 0.2, rng.integers(5, size=len(true)), true).astype(np.int32)
    seen = scan(given, p)
    assert no_surer_than_right(given, seen) is seen
