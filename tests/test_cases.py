"""The made cases beside the datasets, and others of their kind with other seeds: what was wrong once and must stay right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import assay
from in_this_process import in_this_process


def analyzed(data: object, folder: Path, **options: object) -> assay.Project:
    with in_this_process():
        return assay.analyze(data, output=folder / "p.assay", progress="quiet", effort="fast", workers=1, **options)


def why_skipped(project: assay.Project, check: str) -> str:
    return next(str(one["why"]) for one in project.summary().checks if one["name"] == check)


@pytest.mark.parametrize("case", ["overlap_table", "overlap_table_noise"])
def test_outcomes_that_columns_foretell_in_part_are_not_called_wrong(case, cases, tmp_path):
    cases.CASES[case](tmp_path)
    project = analyzed(tmp_path / "outcome.csv", tmp_path, label="outcome")
    assert "do not predict this label well enough" in why_skipped(project, "label")
    frame = project.issues()
    assert not frame["is_label_issue"].any() and not frame["is_safe_to_fix"].any()


def test_rows_that_no_one_would_believe_come_first(cases, tmp_path):
    cases.CASES["strange_customers"](tmp_path)
    rows = pd.read_csv(tmp_path / "truth.csv")
    frame = analyzed(tmp_path / "customers.csv", tmp_path, task="unsupervised").issues()
    assert (frame["outlier_score"].rank(ascending=False).iloc[rows["row"]] <= 10).all()
    reasons = frame["outlier_reason"].iloc[rows["row"]]
    assert all(column in reason for column, reason in zip(rows["column"], reasons, strict=True))


@pytest.mark.parametrize("wrong", [0.0, 0.03])
def test_a_table_of_one_column_and_ten_values(wrong, tmp_path):
    rng = np.random.default_rng(8)
    value = rng.integers(10, size=1_000)
    bad = rng.random(1_000) < wrong
    frame = pd.DataFrame({"a": value, "label": np.where(bad, (value + 1) % 10, value)})
    frame = frame.astype(str).radd("v")
    project = analyzed(frame, tmp_path, label="label")
    found = project.issues()["is_label_issue"].to_numpy(bool)
    if wrong:
        assert (found == bad).mean() > 0.99
    else:
        assert not found.any() and "gives the label away" in why_skipped(project, "label")


def test_labels_by_lot_are_withheld(tmp_path):
    rng = np.random.default_rng(9)
    words = ["river", "stone", "morning", "letter", "garden", "window", "music", "winter", "station", "coffee", "paper"]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(300)]
    project = analyzed(pd.DataFrame({"text": texts, "label": rng.choice(["one", "two"], 300)}), tmp_path, text="text")
    assert "do not predict this label well enough" in why_skipped(project, "label")
    assert not project.issues()["is_well_labeled"].any()


def test_of_labels_by_lot_no_relation_no_second_label_and_no_right_copy_is_claimed(tmp_path):
    rng = np.random.default_rng(10)
    words = ["river", "stone", "morning", "letter", "garden", "window", "music", "winter", "station", "coffee", "paper"]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(400)]
    texts += texts[:40]
    labels = rng.choice(["one", "two", "three", "four", "five"], len(texts))
    project = analyzed(pd.DataFrame({"text": texts, "label": labels}), tmp_path, text="text", label="label")
    why = why_skipped(project, "label")
    assert "do not predict this label well enough" in why
    assert [why_skipped(project, name) for name in ("multi_label", "relations", "weak_group")] == [why] * 3
    checks = {finding["check"] for finding in project.insights()}
    assert not checks & {
        "relation",
        "relation_group",
        "class_noise",
        "label_quality",
        "corrections",
        "label_error_rate",
    }
    assert not any(finding["action"] for finding in project.insights())
    frame = project.issues()
    assert frame["is_duplicate_label_conflict"].sum() > 40
    assert not frame["is_duplicate_label_wrong"].any() and frame["duplicate_correct_label"].isna().all()


def test_classes_that_overlap_are_not_called_the_same_thing(tmp_path):
    rng = np.random.default_rng(101)
    x = rng.normal(0, 1, (900, 3))
    p = np.exp(np.c_[x[:, 0] + 0.5 * x[:, 1], -0.6 * x[:, 0], 0.4 * x[:, 2]])
    label = np.array(["low", "mid", "high"])[(rng.random((900, 1)) > np.cumsum(p / p.sum(1, keepdims=True), 1)).sum(1)]
    frame = pd.DataFrame({"debt": x[:, 0], "income": x[:, 1], "years": x[:, 2], "grade": label}).round(3)
    project = analyzed(frame, tmp_path, label="grade")
    assert why_skipped(project, "relations") == why_skipped(project, "label") != ""
    assert not [finding for finding in project.insights() if finding["check"] == "relation"]


def test_a_handful_of_rows_is_not_judged(tmp_path):
    texts = ["good film today", "bad film today", "fine meal here", "awful meal here", "nice walk outside"]
    project = analyzed(pd.DataFrame({"text": texts, "label": list("pnpnp")}), tmp_path, text="text", label="label")
    assert "5 labelled rows are too few" in why_skipped(project, "label")
    assert project.issues()["p_label_error"].isna().all()
