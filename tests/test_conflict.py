"""Copies with different labels: which are in conflict, and which label is right. Oracles: loops, and planted flips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedGroupKFold

from assay.columns import columns_of
from assay.duplicates import Clusters
from assay.issues import conflict
from assay.issues.conflict import conflict_issues, duplicate_issues


def clusters_of(ids: list[int] | NDArray[np.int64]) -> Clusters:
    ids = np.asarray(ids, np.int64)
    inside = ids >= 0
    score = np.where(inside, 0.9, np.nan).astype(np.float32)
    return Clusters(ids, score, np.where(inside, "near", None).astype(object), np.zeros(len(ids), bool))


def judge(ids: list[int], labels: list[int], p: NDArray[np.float64], n_classes: int | None = None) -> dict[str, list]:
    p = np.asarray(p, np.float32)
    found = conflict_issues(clusters_of(ids), np.array(labels, np.int32), lambda rows: p[rows], n_classes or p.shape[1])
    return {name: value.tolist() for name, value in found.items()}


# duplicates ------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(-1, 4), st.sampled_from(["train", "test", None])), max_size=30))
def test_a_copy_in_another_known_split_is_a_leak(rows: list[tuple[int, str | None]]) -> None:
    ids = [number for number, _ in rows]
    splits = np.array([split for _, split in rows], object)
    found = duplicate_issues(clusters_of(ids), splits)["is_cross_split_duplicate"].tolist()
    for row, (number, split) in enumerate(rows):
        others = {s for n, s in rows if n == number >= 0} - {split, None}
        assert found[row] == (split is not None and bool(others))


def test_columns_of_the_kind_duplicate_are_all_there_and_without_splits_there_is_no_leak() -> None:
    clusters = clusters_of([0, -1, 0])
    names = {column.name for column in columns_of("duplicate")}
    assert set(duplicate_issues(clusters, np.array(["a", None, "b"], object))) == names
    assert set(duplicate_issues(clusters, None)) == names - {"is_cross_split_duplicate"}


# conflicts -------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 3)), max_size=40), st.integers(0, 9))
def test_conflicts_are_labelled_members_of_clusters_with_two_labels(rows: list[tuple[int, int]], seed: int) -> None:
    ids, labels = [number for number, _ in rows], [label for _, label in rows]
    p = np.random.default_rng(seed).dirichlet(np.full(4, 0.1), len(rows)).reshape(-1, 4)
    found = judge(ids, labels, p)
    for row, (number, label) in enumerate(rows):
        given_labels = {code for n, code in rows if n == number >= 0} - {-1}
        in_conflict = len(given_labels) > 1
        correct = found["duplicate_correct_label"][row]
        assert found["is_duplicate_label_conflict"][row] == (in_conflict and label >= 0)
        assert correct == -1 or in_conflict
        assert found["is_duplicate_label_wrong"][row] == (in_conflict and label >= 0 and correct not in (-1, label))
    of_cluster = {(n, c) for n, c in zip(ids, found["duplicate_correct_label"], strict=True) if n >= 0}
    assert len(of_cluster) == len({n for n in ids if n >= 0})  # one answer a cluster


def test_a_tie_is_decided_by_the_model() -> None:
    found = judge([0, 0], [0, 1], [[0.01, 0.98, 0.01], [0.02, 0.97, 0.01]])
    assert found["duplicate_correct_label"] == [1, 1]
    assert found["is_duplicate_label_wrong"] == [True, False]


def test_thin_evidence_decides_nothing() -> None:
    found = judge([0, 0], [0, 1], [[0.45, 0.5, 0.05], [0.5, 0.45, 0.05]])
    assert found["duplicate_correct_label"] == [-1, -1]
    assert found["is_duplicate_label_wrong"] == [False, False]
    assert found["is_duplicate_label_conflict"] == [True, True]


def test_copies_of_a_wrong_label_cannot_shout_down_a_sure_model() -> None:
    n = 12
    found = judge([0] * n, [0] * (n - 1) + [1], np.tile([0.02, 0.98], (n, 1)))
    assert found["duplicate_correct_label"] == [1] * n


def test_the_given_labels_decide_where_the_model_wavers() -> None:
    found = judge([0] * 6, [0] * 5 + [1], np.tile([0.5, 0.5], (6, 1)))
    assert found["duplicate_correct_label"] == [0] * 6


def test_an_unlabelled_copy_hears_the_answer_and_is_not_wrong() -> None:
    found = judge([0, 0, 0], [0, 1, -1], [[0.01, 0.99]] * 3)
    assert found["duplicate_correct_label"] == [1, 1, 1]
    assert found["is_duplicate_label_conflict"] == [True, True, False]
    assert found["is_duplicate_label_wrong"] == [True, False, False]


def test_without_finite_probabilities_nothing_is_decided() -> None:
    nothing = [float("nan")] * 2
    assert judge([0] * 4, [0, 0, 0, 1], [nothing] * 4)["duplicate_correct_label"] == [-1] * 4
    assert judge([0, 0], [0, 1], [nothing, [0.01, 0.99]])["duplicate_correct_label"] == [1, 1]


@pytest.mark.parametrize("n", [0, 1, 2, 20])
def test_sets_without_conflict_read_no_probabilities(n: int) -> None:
    def refuse(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        raise AssertionError(rows)

    for ids in ([-1] * n, [0] * n):
        found = conflict_issues(clusters_of(ids), np.zeros(n, np.int32), refuse, 3)
        assert set(found) == {column.name for column in columns_of("conflict")}
        assert not found["is_duplicate_label_conflict"].any()
        assert (found["duplicate_correct_label"] == -1).all()


def test_blocks_give_what_one_read_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    ids, labels = rng.integers(-1, 60, 300), rng.integers(-1, 5, 300)
    p = rng.dirichlet(np.full(5, 0.2), 300).astype(np.float32)
    whole = judge(ids.tolist(), labels.tolist(), p)
    reads: list[int] = []

    def read(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        reads.append(len(rows))
        return p[rows]

    monkeypatch.setattr(conflict, "CELLS", 100)
    found = conflict_issues(clusters_of(ids), labels.astype(np.int32), read, 5)
    assert {name: value.tolist() for name, value in found.items()} == whole
    assert max(reads) <= 20
    assert len(reads) > 5


# planted flips ---------------------------------------------------------------------------------------------------


def flipped_digits(seed: int) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]:
    """Digits with noisy copies; a tenth of all labels and a fifth of the copies' labels flipped; folds keep clusters."""
    rng = np.random.default_rng(seed)
    pixels, truth = load_digits(return_X_y=True)
    originals = rng.permutation(len(truth))[:400]
    source = np.repeat(originals, rng.integers(1, 4, 400))
    x = np.concatenate([pixels, np.clip(pixels[source] + rng.normal(0, 0.7, (len(source), 64)), 0, 16)])
    number = np.full(len(truth), -1)
    number[originals] = np.arange(400)
    ids = np.concatenate([number, number[source]])
    truth = np.concatenate([truth, truth[source]])
    flip = (rng.random(len(truth)) < 0.1) | ((ids >= 0) & (rng.random(len(truth)) < 0.2))
    labels = np.where(flip, (truth + rng.integers(1, 10, len(truth))) % 10, truth)
    groups = np.where(ids >= 0, ids, 1_000 + np.arange(len(ids)))
    p = np.zeros((len(labels), 10), np.float32)
    for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(x, labels, groups):
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(x[train], labels[train])
        p[test] = model.predict_proba(x[test])
    return ids, labels.astype(np.int32), truth, p


def test_planted_flips_in_copies_are_told_from_the_right_labels() -> None:
    ids, labels, truth, p = flipped_digits(11)
    found = conflict_issues(clusters_of(ids), labels, lambda rows: p[rows], 10)
    members = found["is_duplicate_label_conflict"]
    decided = members & (found["duplicate_correct_label"] >= 0)
    assert decided[members].mean() >= 0.85
    assert (found["duplicate_correct_label"] == truth)[decided].mean() >= 0.97
    wrong, flipped = found["is_duplicate_label_wrong"], members & (labels != truth)
    assert (wrong & flipped).sum() / wrong.sum() >= 0.97
    assert (wrong & flipped).sum() / flipped.sum() >= 0.85


@settings(max_examples=20)
@given(st.permutations(range(12)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    rng = np.random.default_rng(1)
    ids, labels = np.repeat(np.arange(4), 3), rng.integers(0, 3, 12)
    p = rng.dirichlet(np.full(3, 0.3), 12).astype(np.float32)
    straight = judge(ids.tolist(), labels.tolist(), p)
    mixed = judge(ids[order].tolist(), labels[order].tolist(), p[order])
    for name, value in straight.items():
        assert mixed[name] == [value[row] for row in order]
