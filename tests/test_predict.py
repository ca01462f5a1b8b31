"""predict/: folds, discriminants, heads, the vote, the blend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from assay.encode.text import tfidf_embeddings
from assay.graph import neighbors
from assay.predict import predict
from assay.predict.folds import alone_in_fold, make_folds
from assay.predict.linear import SHRINKAGES, calibrated_loss, discriminants, log_softmax
from assay.predict.vote import vote

ALONE = -1


def log_loss(labels, probabilities):
    return float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-7)).mean(dtype=np.float64))


def problem(n=600, n_classes=4, d=8, seed=0, spread=1.5):
    """Overlapping blobs, with their graph and folds."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n).astype(np.int32)
    x = (rng.normal(size=(n_classes, d))[labels] * spread + rng.normal(size=(n, d))).astype(np.float16)
    graph = neighbors(x.astype(np.float32), min(15, max(1, n - 1))) if n > 1 else (np.full((n, 1), -1, np.int32),) * 2
    return x, labels, make_folds(labels, np.full(n, ALONE, np.int64), seed=seed), graph


def run(x, labels, folds, graph, n_classes, **options):
    out = np.full((len(labels), n_classes), np.nan, np.float32)
    made = predict({"view": x}, labels, folds, graph, n_classes, out, **options)
    alone = alone_in_fold(labels, folds, n_classes) & (n_classes > 1)  # nothing learned without the row knows its class
    assert np.isnan(out[alone]).all() and np.isfinite(out[~alone]).all()
    assert made.unjudged == alone.sum()
    np.testing.assert_allclose(out[~alone].sum(1), 1, atol=1e-4)
    return out, made


def test_a_class_of_copies_of_one_row_is_not_judged_and_that_is_said():
    x, labels, _, _ = problem(n=60, n_classes=3)
    copies = labels == 2
    x[copies] = x[copies][0]
    groups = np.where(copies, 0, ALONE).astype(np.int64)
    out, made = run(x, labels, make_folds(labels, groups), neighbors(x.astype(np.float32), 15), 3)
    assert np.isnan(out[copies]).all() and np.isfinite(out[~copies]).all()
    assert f"the labels of {copies.sum()} rows in 1 class are not judged" in made.notes[-1]


def test_vectors_that_are_all_copies_have_a_discriminant():
    x = np.repeat(np.eye(3, 8, dtype=np.float16), 30, axis=0)
    labels = np.repeat(np.arange(3, dtype=np.int32), 30)
    folds = (np.arange(90) % 5).astype(np.int8)
    out, _ = run(x, labels, folds, None, 3)
    assert (out.argmax(1) == labels).all()


# folds ---------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(0, 300), st.integers(1, 12), st.integers(2, 6))
@settings(max_examples=80, deadline=None)
def test_folds_hold_the_same_share_of_every_class(seed, n, n_classes, n_folds):
    labels = np.random.default_rng(seed).integers(-1, n_classes, n).astype(np.int32)
    folds = make_folds(labels, np.full(n, ALONE, np.int64), n_folds=n_folds, seed=seed)
    assert ((folds == -1) == (labels == -1)).all()
    for code in range(n_classes):
        counts = np.bincount(folds[labels == code], minlength=n_folds)
        assert np.ptp(counts) <= 1
    sizes = np.bincount(folds[folds >= 0], minlength=n_folds)
    assert np.ptp(sizes) <= 1


@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(1, 8), st.integers(1, 60))
@settings(max_examples=80, deadline=None)
def test_folds_never_split_a_group(seed, n, n_classes, n_groups):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, n_classes, n).astype(np.int32)
    groups = np.where(rng.random(n) < 0.5, rng.integers(0, n_groups, n) * 997, ALONE).astype(np.int64)
    folds = make_folds(labels, groups, seed=seed)
    assert ((folds == -1) == (labels == -1)).all()
    for group in np.unique(groups[groups >= 0]):
        assert len(np.unique(folds[(groups == group) & (labels >= 0)])) <= 1


def test_single_rows_fill_the_folds_that_a_large_group_leaves():
    labels = np.zeros(15, np.int32)
    groups = np.where(np.arange(15) < 10, 3, ALONE).astype(np.int64)
    assert np.sort(np.bincount(make_folds(labels, groups), minlength=5)).tolist() == [1, 1, 1, 2, 10]


def test_folds_depend_on_the_seed_alone():
    labels = np.random.default_rng(0).integers(0, 5, 500).astype(np.int32)
    groups = np.full(500, ALONE, np.int64)
    first, again, other = (make_folds(labels, groups, seed=seed) for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert (first != other).any()


def test_classes_of_fewer_rows_than_folds_fill_the_folds_evenly():
    labels = np.repeat(np.arange(1_000), 2).astype(np.int32)
    sizes = np.bincount(make_folds(labels, np.full(2_000, ALONE, np.int64)))
    assert np.ptp(sizes) <= 1


# discriminants -------------------------------------------------------------------------------------------------


def refit(x, labels, n_classes, centre, shrinkage):
    """The same discriminant from its own training rows, in float64."""
    x = x.astype(np.float64) - centre
    counts = np.bincount(labels, minlength=n_classes)
    sums = np.stack([x[labels == code].sum(0) for code in range(n_classes)])
    means = sums / np.maximum(counts, 1)[:, None]
    inner = x - means[labels]
    within = inner.T @ inner / max(len(x) - n_classes, 1)
    level = np.trace(within) / x.shape[1]
    matrix = (1 - shrinkage) * within + (shrinkage + 1e-6) * level * np.eye(x.shape[1])
    guarded = sums / (counts + 1)[:, None]
    weights = np.linalg.solve(matrix, guarded.T)
    bias = -0.5 * np.einsum("kd,dk->k", guarded, weights) + np.log((counts + 1) / (len(x) + n_classes))
    return weights, bias - 20 * (counts == 0)


@pytest.mark.parametrize("seed", range(4))
def test_discriminants_by_downdating_equal_a_refit_of_every_fold(seed):
    x, labels, folds, _ = problem(n=250, n_classes=5, seed=seed)
    use = np.random.default_rng(seed).random(250) < 0.8
    heads = discriminants(x, labels, folds, use, 5, threads=2)
    matches = []
    for shrinkage in SHRINKAGES:
        gaps = []
        for fold, head in enumerate(heads):
            train = use & (folds != fold)
            weights, bias = refit(x[train], labels[train], 5, head.mean.astype(np.float64), shrinkage)
            expected = (x.astype(np.float64) - head.mean) @ weights + bias
            gaps.append(np.abs(head.scores(x) - expected).max() / np.abs(expected).max())
        matches.append(max(gaps))
    assert min(matches) < 1e-4


def test_one_overwhelming_feature_does_not_break_the_factorisation():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 300)).astype(np.float32) * 1e-2
    x[:, 0] = rng.normal(size=400) * 1e4
    labels = (rng.random(400) < 0.5).astype(np.int32)
    folds = make_folds(labels, np.full(400, ALONE, np.int64))
    heads = discriminants(x.astype(np.float16), labels, folds, np.ones(400, bool), 2, threads=1)
    assert all(np.isfinite(head.scores(x)).all() for head in heads)


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_no_temperature_on_a_grid_beats_the_calibrated_one(seed, n, k):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, k)).astype(np.float32) * rng.choice([0.1, 1, 30])
    labels = rng.integers(0, k, n).astype(np.int32)
    _, found = calibrated_loss(scores, labels)
    grid = np.exp(np.linspace(-3, 3, 61))
    best = min(float(-log_softmax(scores / np.float32(t))[np.arange(n), labels].mean()) for t in grid)
    assert found <= best + 1e-3


# the vote ------------------------------------------------------------------------------------------------------


def test_the_vote_leaves_out_the_rows_own_fold_and_unlabelled_rows():
    ids = np.array([[1, 2, 3, 4, -1]], np.int32)
    labels = np.array([0, 0, 1, 2, -1], np.int32)
    folds = np.array([0, 0, 1, 2, -1], np.int8)
    prior = np.full(3, 1 / 3, np.float32)
    shares = vote(ids[:1], folds[:1], labels, folds, prior)
    np.testing.assert_allclose(shares[0], (np.array([0, 1, 1]) + 1 / 3) / 3, rtol=1e-6)


@given(st.integers(0, 10_000), st.integers(2, 80))
@settings(max_examples=50, deadline=None)
def test_the_vote_equals_a_loop_over_neighbours(seed, n):
    rng = np.random.default_rng(seed)
    ids = rng.integers(-1, n, (n, 15)).astype(np.int32)
    labels = rng.integers(-1, 4, n).astype(np.int32)
    folds = np.where(labels >= 0, rng.integers(0, 5, n), -1).astype(np.int8)
    voters = rng.random(n) < 0.7
    prior = np.array([0.4, 0.3, 0.2, 0.1], np.float32)
    expected = np.repeat(prior[None].astype(np.float64), n, 0)
    for row in range(n):
        counted = 0
        for other in ids[row]:
            if other >= 0 and labels[other] >= 0 and folds[other] != folds[row] and voters[other] and counted < 10:
                expected[row, labels[other]] += 1
                counted += 1
    found = vote(ids, folds, labels, folds, prior, voters)
    np.testing.assert_allclose(found, expected / expected.sum(1, keepdims=True), rtol=1e-5)


def test_copies_of_a_row_that_is_not_learned_from_do_not_vote_for_it():
    """Its copy lies in the row's own fold, and stays out although the row itself is no voter."""
    ids = np.array([[1, 2], [0, 2], [0, 1]], np.int32)
    labels = np.array([0, 0, 1], np.int32)
    folds = np.array([0, 0, 1], np.int8)
    shares = vote(ids[:1], folds[:1], labels, folds, np.full(2, 0.5, np.float32), np.array([False, True, True]))
    np.testing.assert_allclose(shares[0], [0.25, 0.75])


# the blend -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effort", ["fast", "regular"])
def test_the_blend_is_no_worse_than_its_best_member(effort):
    for seed in range(3):
        x, labels, folds, graph = problem(seed=seed, spread=0.8)
        out, made = run(x, labels, folds, graph, 4, effort=effort, seed=seed)
        losses = dict(made.log_loss)
        blend = losses.pop("blend")
        assert blend <= min(losses.values()) + 1e-4
        assert blend == pytest.approx(log_loss(labels, out), abs=1e-3)
        assert sum(made.weights.values()) == pytest.approx(1, abs=1e-4)


def test_digits_are_predicted_as_well_as_by_logistic_regression():
    """scikit-learn's logistic regression on the same folds, raw pixels, 10 % wrong labels."""
    data = load_digits()
    rng = np.random.default_rng(0)
    labels = data.target.copy()
    wrong = rng.random(len(labels)) < 0.1
    labels[wrong] = rng.integers(0, 10, wrong.sum())
    labels = labels.astype(np.int32)
    x = (data.data / 16).astype(np.float16)
    folds = make_folds(labels, np.full(len(x), ALONE, np.int64))
    out, _ = run(x, labels, folds, neighbors(x.astype(np.float32), 15), 10, threads=2)
    peer = cross_val_predict(
        LogisticRegression(max_iter=150), x, labels, cv=PredefinedSplit(folds), method="predict_proba"
    )
    assert (out.argmax(1) == data.target).mean() > (peer.argmax(1) == data.target).mean()
    assert log_loss(labels, out) < log_loss(labels, peer)


def test_no_row_sees_its_own_label():
    """With random labels nothing can be known: out of sample, the given label is no likelier than another."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 30)).astype(np.float16)
    labels = rng.integers(0, 4, 600).astype(np.int32)
    folds = make_folds(labels, np.full(600, ALONE, np.int64))
    out, _ = run(x, labels, folds, neighbors(x.astype(np.float32), 15), 4)
    assert out[np.arange(600), labels].mean() < 0.27


def test_rows_that_are_not_used_change_nothing_for_the_others():
    x, labels, folds, graph = problem()
    use = np.random.default_rng(1).random(600) < 0.8
    first, _ = run(x, labels, folds, graph, 4, use_rows=use)
    changed = np.where(use, labels, (labels + 1) % 4).astype(np.int32)
    second, _ = run(x, changed, folds, graph, 4, use_rows=use)
    np.testing.assert_allclose(first, second, atol=1e-5)


@pytest.mark.parametrize("effort", ["fast", "regular"])
def test_the_same_bytes_for_any_number_of_threads(effort):
    x, labels, folds, graph = problem(n=3_000)
    labels[::7] = -1
    folds[::7] = -1
    made = [run(x, labels, folds, graph, 4, effort=effort, threads=t)[0].tobytes() for t in (1, 2, 4)]
    assert made[0] == made[1] == made[2]


def test_a_good_extra_model_is_used_and_its_gaps_are_filled():
    x, labels, folds, graph = problem(spread=0.2)
    extra = np.full((600, 4), 0.02, np.float32)
    extra[np.arange(600), labels] = 0.94
    extra[5] = np.nan
    out, made = run(x, labels, folds, graph, 4, extra={"oracle": extra})
    assert made.weights["oracle"] > 0.8
    assert (out.argmax(1) == labels).mean() > 0.95
    assert out[5].max() < 0.7


def test_an_extra_model_of_nothing_but_gaps_is_harmless():
    x, labels, folds, graph = problem()
    _, made = run(x, labels, folds, graph, 4, extra={"empty": np.full((600, 4), np.nan, np.float32)})
    assert made.weights["empty"] <= 0.25


# odd cases -----------------------------------------------------------------------------------------------------


def test_one_class_is_certain():
    x, labels, folds, graph = problem(n_classes=1)
    out, made = run(x, labels, folds, graph, 1)
    assert (out == 1).all()
    assert made.notes == ["one class only"]


def test_without_labels_all_classes_are_alike():
    x, labels, folds, graph = problem()
    out, made = run(x, np.full_like(labels, -1), np.full_like(folds, -1), graph, 4)
    assert (out == 0.25).all()
    assert made.notes == ["no labelled rows"]
    out, _ = run(x, labels, folds, graph, 4, use_rows=np.zeros(600, bool))
    assert (out == 0.25).all()


def test_unlabelled_rows_are_predicted_by_all_folds_together():
    x, labels, folds, graph = problem(spread=3)
    true = labels.copy()
    labels[:100] = -1
    folds[:100] = -1
    out, _ = run(x, labels, folds, graph, 4)
    assert (out[:100].argmax(1) == true[:100]).mean() > 0.9


@pytest.mark.parametrize("n", [2, 3, 5, 20])
@pytest.mark.parametrize("effort", ["fast", "regular", "best"])
def test_few_rows_give_probabilities(n, effort):
    x, _, _, graph = problem(n=n)
    labels = (np.arange(n) % 3).astype(np.int32)
    folds = make_folds(labels, np.full(n, ALONE, np.int64))
    run(x, labels, folds, graph, 3, effort=effort)


def test_a_class_with_fewer_rows_than_folds_is_predicted_where_it_is_learned():
    x, labels, _, _ = problem(n=400, n_classes=3, spread=4)
    labels[labels == 2] = 1
    rare = np.arange(3)
    x[rare] = np.float16(9)
    labels[rare] = 2
    folds = make_folds(labels, np.full(400, ALONE, np.int64))
    out, _ = run(x, labels, folds, neighbors(x.astype(np.float32), 15), 3)
    assert out[rare, 2].mean() > 5 * out[3:, 2].mean()


def test_a_class_that_no_row_carries_stays_improbable():
    x, labels, folds, graph = problem()
    out, _ = run(x, labels, folds, graph, 6)
    assert (out.argmax(1) < 4).all()
    assert out[:, 4:].mean() < 0.05


@pytest.mark.parametrize("x", [np.zeros((60, 4)), np.ones((60, 4)), np.tile([1.0, 0.0, 5.0, 3e4], (60, 1))])
@pytest.mark.parametrize("effort", ["fast", "regular"])
def test_constant_features_give_the_frequencies_of_the_classes(x, effort):
    labels = np.where(np.arange(60) % 4 == 0, 0, 1).astype(np.int32)
    folds = make_folds(labels, np.full(60, ALONE, np.int64))
    out, _ = run(x.astype(np.float16), labels, folds, neighbors(x, 15), 2, effort=effort)
    np.testing.assert_allclose(out[:, 1], 0.75, atol=0.12)


def test_five_thousand_classes_of_two_rows():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5_000), 2).astype(np.int32)
    x = (rng.normal(size=(5_000, 12))[labels] + rng.normal(0, 0.05, (10_000, 12))).astype(np.float16)
    folds = make_folds(labels, np.full(10_000, ALONE, np.int64))
    out, _ = run(x, labels, folds, neighbors(x.astype(np.float32), 5), 5_000, effort="fast", threads=2)
    assert (out.argmax(1) == labels).mean() > 0.8


def test_queries_are_predicted_as_well_as_by_logistic_regression(data_dir: Path):
    """20 intents of banking77 on TF-IDF; scikit-learn's logistic regression on the same vectors and folds."""
    table = pd.read_csv(data_dir / "banking77" / "test.csv")
    true = np.unique(table["category"], return_inverse=True)[1]
    table, true = table[true < 20], true[true < 20].astype(np.int32)
    x = tfidf_embeddings(table["text"].tolist()).astype(np.float16)
    folds = make_folds(true, np.full(len(x), ALONE, np.int64))
    out, _ = run(x, true, folds, neighbors(x.astype(np.float32), 15), 20, threads=2)
    peer = cross_val_predict(
        LogisticRegression(C=10, max_iter=200), x, true, cv=PredefinedSplit(folds), method="predict_proba"
    )
    assert log_loss(true, out) < log_loss(true, peer)
