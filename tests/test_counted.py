"""issues/counted.py: what noise accounts for of p_label_error. Oracles: labels drawn from known noise, one row that disagrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import cross_val_predict

import assay
from assay.issues.counted import counted, drawn_labels
from assay.issues.label import judge_with_verdict
from assay.issues.review import Calibrated
from assay.issues.scan import scan


def test_drawn_labels_are_wrong_as_often_and_as_noise_says() -> None:
    noise = np.array([[0.9, 0.1, 0.0], [0.05, 0.8, 0.15], [0.0, 0.0, 1.0]])
    labels, wrong = drawn_labels(np.repeat([0, 1, 2], 1_000).astype(np.int32), noise)
    assert (labels[:1_000] == 1).all() and (labels[2_000:] == 2).all()
    assert (labels[1_000:2_000] == 2).mean() == pytest.approx(0.75, abs=0.01)
    assert np.unique(wrong).tolist() == pytest.approx([0.0, 0.1, 0.2])


def test_where_wrong_labels_never_lie_nothing_is_counted() -> None:
    p = np.concatenate([np.full(900, 0.001), np.full(60, 0.7), np.full(40, 0.999)])
    found = counted(p, np.full(1_000, 0.999), np.full(1_000, 0.04), 0.04, 2_000, proven=True)
    assert found.at(np.array([0.7, 0.001])).tolist() == pytest.approx([0, 0], abs=1e-6)
    assert found.at(np.array([0.999]))[0] > 0.95 and np.isnan(found.at(np.array([np.nan]))[0])
    assert (found.low <= found.share).all() and (np.diff(found.share) >= -1e-12).all()


def test_of_few_wrong_labels_more_of_the_precision_asked_for_comes_and_the_interval_holds_it() -> None:
    """A model that is wrong itself contradicts right labels as surely: p_label_error alone promises too much."""
    rows, true = load_digits(return_X_y=True)
    rows, came, alone = PCA(12, random_state=0).fit_transform(rows), [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        wrong = rng.random(len(true)) < 0.03
        labels = np.where(wrong, (true + rng.integers(1, 10, len(true))) % 10, true).astype(np.int32)
        model = LinearDiscriminantAnalysis()
        probs = cross_val_predict(model, rows, labels, cv=5, method="predict_proba").astype(np.float32)
        columns, known = judge_with_verdict(labels, scan(labels, probs))
        p, nobody = columns["p_label_error"].astype(float), np.full(len(labels), -1, np.int8)
        cut = Calibrated(p, nobody, nobody >= 0, known.counted).at_precision(0.9)
        came.append(wrong[cut.rows].mean())
        alone.append(wrong[Calibrated(p, nobody, nobody >= 0).at_precision(0.9).rows].mean())
        assert cut.low <= wrong[cut.rows].sum() <= cut.high
    assert np.mean(came) >= 0.8 and np.mean(came) >= np.mean(alone) + 0.1


def test_one_contradiction_among_labels_that_may_all_be_right_is_not_certain() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 200).astype(np.int32)
    logits = rng.normal(0, 0.5, (1_000, 5))
    logits[np.arange(1_000), labels] += 9
    logits[7] = [0, 0, 12, 0, 0]  # given 0
    p = np.exp(logits - logits.max(1, keepdims=True))
    columns, known = judge_with_verdict(labels, scan(labels, (p / p.sum(1, keepdims=True)).astype(np.float32)))
    assert not known.withheld
    assert columns["p_label_error"].argmax() == 7 and 0.2 < columns["p_label_error"][7] < 0.95


def test_a_run_keeps_what_was_counted_and_its_cuts_go_by_it(digits_project: Path) -> None:
    project = assay.open(digits_project)
    kept = project.artefacts.counted()
    assert kept is not None and len(kept.log_odds) == len(kept.share)
    p = project.results(columns=["p_label_error"])["p_label_error"].to_numpy(zero_copy_only=False).astype(float)
    nobody = np.full(len(p), -1, np.int8)
    expected = Calibrated(p, nobody, nobody >= 0, kept).at_budget(20)
    assert project.cut(budget=20).wrong == pytest.approx(expected.wrong)
