"""predict/trees.py: out-of-sample probabilities of tree models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import average_precision_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from assay.encode.table import table_features
from assay.graph import neighbors
from assay.issues.label import find_label_issues
from assay.predict import predict
from assay.predict.folds import make_folds
from assay.predict.trees import forest_size, rows_grown, tree_probabilities

ALONE = -1


def log_loss(labels, probabilities):
    return float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-7)).mean(dtype=np.float64))


def problem(n=600, n_classes=3, seed=0):
    """A rule of two columns that no linear model finds, blanks, and a column of noise."""
    rng = np.random.default_rng(seed)
    cells = rng.normal(size=(n, 5)).astype(np.float32)
    labels = ((cells[:, 0] > 0).astype(int) + (cells[:, 0] * cells[:, 1] > 0)) % n_classes
    cells[rng.random((n, 5)) < 0.03] = np.nan
    dense = np.nan_to_num(cells).astype(np.float16)
    return cells, dense, labels.astype(np.int32), folds_of(labels.astype(np.int32))


def folds_of(labels):
    return make_folds(labels, np.full(len(labels), ALONE, np.int64))


def grow(cells, dense, labels, folds, n_classes, **options):
    options = {"seed": 0, "threads": 2, "effort": "regular"} | options
    found, _ = tree_probabilities(cells, dense, labels, folds, n_classes, **options)
    for values in found.values():
        assert values.shape == (len(labels), n_classes)
        assert values.dtype == np.float32
        assert (values > 0).all()
        np.testing.assert_allclose(values.sum(1), 1, atol=1e-4)
    return found


def test_both_models_learn_a_rule_of_two_columns():
    cells, dense, labels, folds = problem(n=1_500)
    found = grow(cells, dense, labels, folds, 3)
    assert list(found) == ["extratrees", "lightgbm"]
    for values in found.values():
        assert (values.argmax(1) == labels).mean() > 0.85


def test_extra_trees_are_as_good_as_a_forest_of_scikit_learn():
    cells, dense, labels, folds = problem(n=1_500)
    ours = grow(cells, dense, labels, folds, 3)["extratrees"]
    forest = ExtraTreesClassifier(n_estimators=120, min_samples_leaf=3, random_state=0)
    peer = cross_val_predict(forest, dense, labels, cv=PredefinedSplit(folds), method="predict_proba")
    assert log_loss(labels, ours) < log_loss(labels, peer) * 1.03


@pytest.mark.parametrize(("rows", "trees"), [(10, 120), (50_000, 120), (100_000, 42), (200_000, 15), (10**7, 12)])
def test_of_more_rows_fewer_trees_grow_each_on_more_of_them(rows, trees):
    assert forest_size(120, rows) == trees
    assert forest_size(8, rows) == 8
    assert rows_grown(rows, 100) == min(rows, 200_000)
    assert rows_grown(rows, 500) == min(rows, 50_000), "memory of one tree is bounded by numbers, not by rows"


@pytest.mark.parametrize("name", ["extratrees", "lightgbm"])
def test_no_row_sees_its_own_label(name):
    rng = np.random.default_rng(0)
    cells = rng.normal(size=(500, 6)).astype(np.float32)
    labels = rng.integers(0, 2, 500).astype(np.int32)
    values = grow(cells, cells.astype(np.float16), labels, folds_of(labels), 2)[name]
    assert values[np.arange(500), labels].mean() < 0.53


def test_wrong_labels_are_not_learned_by_heart():
    """A tenth of the labels is wrong: most of them are contradicted, few of the right ones."""
    cells, dense, true, _ = problem(n=2_000)
    rng = np.random.default_rng(1)
    wrong = rng.random(2_000) < 0.1
    labels = np.where(wrong, (true + rng.integers(1, 3, 2_000)) % 3, true).astype(np.int32)
    for values in grow(cells, dense, labels, folds_of(labels), 3).values():
        contradicted = values.argmax(1) != labels
        assert contradicted[wrong].mean() > 0.85
        assert contradicted[~wrong].mean() < 0.15


def test_the_same_bytes_for_any_number_of_threads():
    cells, dense, labels, folds = problem()
    folds[::9], labels[::9] = -1, -1
    made = [grow(cells, dense, labels, folds, 3, threads=threads) for threads in (1, 2, 4)]
    for name in made[0]:
        assert made[0][name].tobytes() == made[1][name].tobytes() == made[2][name].tobytes()


def test_another_seed_gives_other_trees():
    cells, dense, labels, folds = problem()
    one, two = (grow(cells, dense, labels, folds, 3, seed=seed, effort="fast")["extratrees"] for seed in (0, 1))
    assert (one != two).any()


def test_fast_grows_extra_trees_alone():
    assert list(grow(*problem(), 3, effort="fast")) == ["extratrees"]


def test_unlabelled_rows_get_the_mean_of_the_folds():
    cells, dense, labels, folds = problem(n=1_500)
    true = labels.copy()
    labels[:200], folds[:200] = -1, -1
    for values in grow(cells, dense, labels, folds, 3).values():
        assert (values[:200].argmax(1) == true[:200]).mean() > 0.85


def test_a_class_that_a_fold_never_saw_is_improbable_and_not_impossible():
    cells, dense, labels, _ = problem()
    labels[labels == 2] = 1
    labels[7] = 2
    folds = folds_of(labels)
    for values in grow(cells, dense, labels, folds, 5).values():
        assert 0 < values[7, 2] < 0.01
        assert (values[:, 3:] > 0).all()
        assert values[:, 3:].max() < 0.01


def test_two_classes_are_boosted_as_one_question():
    cells, dense, labels, _ = problem(n=1_200)
    labels = (labels == 1).astype(np.int32)
    values = grow(cells, dense, labels, folds_of(labels), 2)["lightgbm"]
    assert (values.argmax(1) == labels).mean() > 0.85


def test_many_classes_are_left_to_the_extra_trees():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(2_000), 2).astype(np.int32)
    cells = (rng.normal(size=(2_000, 4))[labels] + rng.normal(0, 0.01, (4_000, 4))).astype(np.float32)
    found = grow(cells, cells.astype(np.float16), labels, folds_of(labels), 2_000, effort="fast")
    assert list(found) == ["extratrees"]
    found = grow(cells[:400], cells[:400].astype(np.float16), labels[:400], folds_of(labels[:400]), 200)
    assert list(found) == ["extratrees"]


@pytest.mark.parametrize("n", [0, 1, 2, 20, 70])
def test_few_rows_are_no_obstacle(n):
    labels = (np.arange(n) % 3).astype(np.int32)
    cells = np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32)
    found = grow(cells, cells.astype(np.float16), labels, folds_of(labels), 3)
    assert ("extratrees" in found) == (n > 0)


def test_nothing_to_tell_apart_gives_nothing():
    cells, dense, labels, folds = problem()
    assert grow(cells, dense, np.zeros_like(labels), folds, 1) == {}
    assert grow(cells, dense, np.full_like(labels, -1), np.full_like(folds, -1), 3) == {}


def test_one_class_in_use_of_two_is_likely():
    cells, dense, labels, folds = problem()
    for values in grow(cells, dense, np.zeros_like(labels), folds, 2).values():
        assert (values[:, 0] > 0.99).all()


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -3e38])
def test_constant_blank_and_huge_columns_are_no_obstacle(value):
    cells, dense, labels, folds = problem(n=200)
    cells = np.concatenate([cells, np.full((200, 1), value, np.float32)], axis=1)
    grow(cells, dense, labels, folds, 3)
    grow(np.full((200, 2), value, np.float32), np.zeros((200, 1), np.float16), labels, folds, 3)


def test_identical_rows_give_the_frequencies_of_the_classes():
    labels = np.where(np.arange(400) % 4 == 0, 0, 1).astype(np.int32)
    cells = np.ones((400, 3), np.float32)
    for values in grow(cells, cells.astype(np.float16), labels, folds_of(labels), 2).values():
        np.testing.assert_allclose(values[:, 1], 0.75, atol=0.02)


def test_trees_find_label_errors_that_linear_models_miss(data_dir: Path):
    """Beers: styles of at least 20 rows, a tenth relabelled at random; average precision with trees and without."""
    table = pd.read_csv(data_dir / "tabular_beers" / "clean.csv").drop(columns="index")
    table = table[table.groupby("style")["style"].transform("size") >= 20]
    true, classes = pd.factorize(table["style"])
    rng = np.random.default_rng(4)
    wrong = rng.random(len(true)) < 0.1
    labels = np.where(wrong, (true + rng.integers(1, len(classes), len(true))) % len(classes), true).astype(np.int32)
    columns = [name for name in table.columns if name != "style"]
    features = table_features(table[columns], columns)
    dense = features.dense.astype(np.float16)
    graph = neighbors(dense.astype(np.float32), 20, "euclidean")
    folds = folds_of(labels)
    extra = grow(features.trees, dense, labels, folds, len(classes), effort="fast")
    found = []
    for models in ({}, extra):
        out = np.empty((len(labels), len(classes)), np.float32)
        predict({"cells": dense}, labels, folds, graph, len(classes), out, extra=models, effort="fast", threads=2)
        found.append(average_precision_score(wrong, find_label_issues(labels, out)["label_issue_score"]))
    assert found[1] > found[0] + 0.02
