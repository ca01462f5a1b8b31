"""issues/outlier.py and what it stands on: its evidence, tail.py, distances.py, isolated_groups.py, forest.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import genpareto
from sklearn import datasets
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve, roc_auc_score

import assay
from assay.encode.table import table_features
from assay.encode.text import tfidf_embeddings
from assay.errors import ArrayError
from assay.graph import neighbors
from assay.issues.distances import class_distances, decorrelated_distances, decorrelating, outside_distances
from assay.issues.forest import _copula, beyond_neighbors
from assay.issues.isolated_groups import closed_groups
from assay.issues.outlier import outlier_issues
from assay.issues.tail import fit_tail, log_distance_z, log_distances, robust_z

TABLES = ("cardio", "glass", "ionosphere", "letter", "pima", "wbc")


def check(
    x,
    labels=None,
    *,
    modality="vectors",
    threads=2,
    seed=0,
    name="embeddings",
    entropy=None,
    analyzed=None,
    widths=(),
):
    """`outlier_issues` on one embedding with its own graph."""
    n = len(x)
    labels = np.full(n, -1, np.int32) if labels is None else np.asarray(labels, np.int32)
    metric, k = ("euclidean", 20) if modality == "table" else ("cosine", 15)
    ids, distances = neighbors(np.asarray(x, np.float32), k, metric, threads=2)
    analyzed = np.ones(n, bool) if analyzed is None else analyzed
    return outlier_issues(
        {name: x},
        labels,
        ids,
        distances,
        entropy,
        analyzed,
        modality=modality,
        seed=seed,
        threads=threads,
        widths=widths,
    )


def blobs(n_classes=5, per_class=200, d=16, spread=0.25, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_classes), per_class).astype(np.int32)
    x = rng.normal(size=(n_classes, d))[labels] + rng.normal(0, spread, (len(labels), d))
    return x.astype(np.float16), labels


# the tail ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.4])
def test_the_tail_of_a_pareto_sample_is_found(shape):
    sample = genpareto.rvs(shape, size=40_000, random_state=1)
    tail = fit_tail(sample)
    asked = genpareto.isf([0.01, 0.003, 0.001], shape)
    assert tail.p_values(asked) == pytest.approx([0.01, 0.003, 0.001], rel=0.4)
    assert tail.p_values([tail.value_at(0.003)]) == pytest.approx(0.003)


def test_three_in_a_thousand_of_a_clean_sample_lie_in_the_tail():
    for seed in range(5):
        sample = np.random.default_rng(seed).normal(size=20_000)
        share = (fit_tail(sample).p_values(sample) < 0.003).mean()
        assert 0.001 < share < 0.005


def test_foreign_values_beyond_the_98th_centile_do_not_stretch_the_tail():
    sample = np.random.default_rng(0).normal(size=5_000)
    foreign = np.concatenate([sample, np.full(50, 1e6)])
    near, far = fit_tail(sample), fit_tail(foreign)
    assert far.p_values([4.0])[0] == pytest.approx(near.p_values([4.0])[0], abs=0.003)
    assert (far.p_values(np.full(3, 1e6)) < 1e-6).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=30, max_size=200))
@settings(max_examples=60, deadline=None)
def test_tail_probabilities_fall_as_values_rise(values):
    tail = fit_tail(np.array(values))
    if tail is not None:
        p = tail.p_values(np.sort(values))
        assert (np.diff(p) <= 1e-12).all()
        assert (p >= 0).all()
        assert (p <= 0.2 + 1e-12).all()


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=50))
@settings(max_examples=60, deadline=None)
def test_z_scores_are_finite_and_ordered_like_the_values(values):
    x = np.array(values, np.float64)
    z = robust_z(x)
    known = np.isfinite(x)
    assert np.isfinite(z).all()
    assert (z[~known] == 0).all()
    assert (np.diff(z[known][np.argsort(x[known])]) >= 0).all()


def test_equal_values_have_no_z_score():
    assert (robust_z(np.full(9, 3.3)) == 0).all()
    assert (log_distance_z(np.zeros(9)) == 0).all()


# distances -----------------------------------------------------------------------------------------------------


def brute_class_distances(x, labels, ranks, cosine, exclude):
    x = np.nan_to_num(x.astype(np.float64))
    if cosine:
        x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    out = np.full(len(x), np.nan)
    for row in range(len(x)):
        if labels[row] < 0:
            continue
        size = int((labels == labels[row]).sum())
        last = min(ranks[1], max(1, (size - 1) // 3))
        first = min(ranks[0], ranks[0] * last // ranks[1])
        others = (labels == labels[row]) & (np.arange(len(x)) != row)
        if exclude[row] >= 0:
            others &= exclude != exclude[row]
        squared = np.sort(((x[others] - x[row]) ** 2).sum(1))[first:last]
        if len(squared):
            out[row] = (squared / 2 if cosine else np.sqrt(squared)).mean()
    return out


@given(
    st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 6), st.booleans(), st.sampled_from([(0, 10), (5, 15)])
)
@settings(max_examples=60, deadline=None)
def test_class_distances_equal_a_loop_over_rows(seed, n, n_classes, cosine, ranks):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    labels = rng.integers(-1, n_classes, n).astype(np.int32)
    exclude = rng.integers(-1, 4, n).astype(np.int32)
    found = class_distances(x, labels, ranks=ranks, cosine=cosine, exclude=exclude)
    np.testing.assert_allclose(found, brute_class_distances(x, labels, ranks, cosine, exclude), atol=2e-3)


def test_rows_that_stand_for_no_class_are_asked_but_not_looked_at():
    """Distances of the asked rows are to the members alone; those of the members do not change."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(80, 4)).astype(np.float32)
    labels = rng.integers(0, 2, 80).astype(np.int32)
    members = np.arange(80) < 60
    found = class_distances(x, labels, ranks=(0, 3), cosine=False, members_of=members)
    np.testing.assert_allclose(found[:60], class_distances(x[:60], labels[:60], ranks=(0, 3), cosine=False), rtol=1e-4)
    for row in range(60, 80):
        same = np.linalg.norm(x[:60][labels[:60] == labels[row]] - x[row], axis=1)
        assert found[row] == pytest.approx(np.sort(same)[:3].mean(), rel=1e-3)


@pytest.mark.parametrize("name", ["lite0", "patches"])
def test_rows_without_a_label_are_compared_with_the_class_of_their_neighbours(name):
    """Foreign rows among unlabelled ones come first, whether the embedding is a pretrained one or learned from the data."""
    rng = np.random.default_rng(6)
    centres = 6 * np.eye(3, 12)
    x = np.concatenate([centres[np.arange(300) % 3] + 0.5 * rng.normal(size=(300, 12)), 3 * rng.normal(size=(8, 12))])
    labels = (np.arange(308) % 3).astype(np.int32)
    labels[270:] = -1
    ids, distances = neighbors(x, 15, "cosine")
    found = outlier_issues(
        {name: x.astype(np.float32)},
        labels,
        ids,
        distances,
        None,
        np.ones(308, bool),
        modality="image",
        seed=0,
        threads=1,
    )
    assert found["outlier_score"][300:].min() > found["outlier_score"][270:300].max()


def test_distances_are_the_same_bytes_for_any_number_of_threads():
    x, labels = blobs(per_class=2_500, n_classes=2)
    group = np.where(np.arange(len(x)) < 300, 0, -1).astype(np.int32)
    one, four = (class_distances(x, labels, threads=t, seed=3).tobytes() for t in (1, 4))
    assert one == four
    out = [outside_distances([x], group, ranks=(0, 5), cosine=True, threads=t)[1].tobytes() for t in (1, 2, 4)]
    assert out[0] == out[1] == out[2]


def test_five_thousand_classes_of_two_rows_are_compared_within_themselves():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10_000, 4)).astype(np.float32)
    labels = np.repeat(np.arange(5_000), 2).astype(np.int32)
    found = class_distances(x, labels, cosine=False)
    np.testing.assert_allclose(found[::2], np.linalg.norm(x[::2] - x[1::2], axis=1), rtol=1e-3)


# company -------------------------------------------------------------------------------------------------------


def with_group(size, mixed=True, seed=0):
    x, labels = blobs(seed=seed)
    rng = np.random.default_rng([seed, 1])
    far = np.zeros((size, 16))
    far[:, 0] = -4
    far += rng.normal(0, 0.05, far.shape)
    own = rng.integers(0, 5, size) if mixed else np.full(size, labels.max() + 1)
    return np.concatenate([x, far.astype(np.float16)]), np.concatenate([labels, own]).astype(np.int32)


def test_a_foreign_group_with_mixed_labels_keeps_to_itself():
    x, labels = with_group(30)
    groups = closed_groups(neighbors(x.astype(np.float32), 15)[0], labels)
    assert (groups[-30:] == groups[-1]).all()
    assert groups[-1] >= 0
    assert (groups[:-30] < 0).all()


def test_a_class_that_keeps_to_itself_is_no_foreign_group():
    x, labels = with_group(30, mixed=False)
    assert (closed_groups(neighbors(x.astype(np.float32), 15)[0], labels) < 0).all()


def test_where_all_rows_lie_in_groups_none_is_foreign():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 16))[np.repeat(np.arange(50), 20)] + rng.normal(0, 0.01, (1_000, 16))
    ids, _ = neighbors(x.astype(np.float32), 15)
    assert (closed_groups(ids, np.full(1_000, -1, np.int32)) < 0).all()


@pytest.mark.parametrize("modality", ["vectors", "image", "table"])
def test_a_foreign_group_larger_than_a_neighbourhood_ranks_first(modality):
    x, labels = with_group(25)
    found = check(x, labels, modality=modality)
    assert found["outlier_score"][-25:].min() > np.quantile(found["outlier_score"][:-25], 0.97)


# flags ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["vectors", "image", "text", "table"])
def test_planted_rows_are_flagged_and_explained(modality):
    x, labels = blobs(per_class=400)
    rng = np.random.default_rng(5)
    planted = rng.permutation(len(x))[:6]
    x[planted] = rng.normal(0, 3, (6, 16))
    found = check(x, labels, modality=modality)
    assert found["is_outlier"][planted].sum() >= 5
    assert found["is_outlier"].sum() <= 6 + 0.005 * len(x)
    reasons = found["outlier_reason"]
    assert all(isinstance(reason, str) and reason.endswith(".") for reason in reasons[found["is_outlier"]])
    assert all(reason is None for reason in reasons[~found["is_outlier"]])


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("modality", ["vectors", "text"])
def test_few_rows_of_clean_vectors_are_flagged(modality, labelled):
    shares = []
    for seed in range(4):
        x, labels = blobs(per_class=600, seed=seed)
        found = check(x, labels if labelled else None, modality=modality)
        shares.append(found["is_outlier"].mean())
        assert found["_notes"] == []
    assert np.mean(shares) <= 0.005


CLEAN = {
    "one normal column": lambda rng: rng.normal(size=(2_000, 1)),
    "two normal columns": lambda rng: rng.normal(size=(2_000, 2)),
    "eight normal columns": lambda rng: rng.normal(size=(2_000, 8)),
    "uniform": lambda rng: rng.random((2_000, 5)),
    "exponential": lambda rng: rng.exponential(size=(2_000, 4)),
    "counts": lambda rng: rng.poisson(2, (2_000, 5)).astype(float),
    "two clusters": lambda rng: np.concatenate([rng.normal(size=(1_600, 6)), rng.normal(5, 0.3, (400, 6))]),
}


@pytest.mark.parametrize("name", CLEAN)
def test_few_rows_of_clean_tables_are_flagged(name):
    cells = pd.DataFrame(CLEAN[name](np.random.default_rng(0))).rename(columns=str)
    dense = table_features(cells, list(cells)).dense.astype(np.float16)
    assert check(dense, modality="table", name="cells")["is_outlier"].mean() <= 0.006


def test_rows_that_follow_no_pattern_are_flagged_however_many_they_are():
    """Two columns rule the other ten, except in a tenth of the rows, whose cells come from rows drawn at random."""
    rng = np.random.default_rng(0)
    cause = rng.uniform(-1, 1, (2_000, 2))
    x = np.concatenate([cause, np.sin(3 * cause @ rng.normal(size=(2, 10))) + rng.normal(0, 0.05, (2_000, 10))], axis=1)
    loose = np.arange(2_000) < 200
    for column in x.T:
        column[loose] = rng.choice(column[~loose], 200)
    found = check(x.astype(np.float16), modality="table", name="cells")
    flags = found["is_outlier"]
    assert flags[loose].mean() > 0.6  # the rest lie near others by chance
    assert flags[~loose].mean() < 0.01
    assert any("drawn at random" in note for note in found["_notes"])
    assert "times as far away as usual" in found["outlier_reason"][np.flatnonzero(flags & loose)[0]]


def with_classes(cells):
    """A table's numbers and a column of five names that follow from none of them."""
    names = [f"kind {at}" for at in np.random.default_rng(8).integers(0, 5, len(cells))]
    return pd.DataFrame(cells).rename(columns=str).assign(kind=names)


def unequal_clusters(rng):
    """Groups of 1,400, 400 and 200 rows, the smaller the wider."""
    groups = np.repeat([0, 1, 2], [1_400, 400, 200])
    return 3 * np.eye(3, 8)[groups] + np.array([0.2, 0.5, 0.9])[groups, None] * rng.normal(size=(2_000, 8))


@pytest.mark.parametrize("made", [CLEAN["eight normal columns"], unequal_clusters])
@pytest.mark.parametrize("seed", [0, 1])
def test_few_rows_of_tables_with_a_column_of_classes_are_flagged(made, seed):
    features = table_features(frame := with_classes(made(np.random.default_rng(seed))), list(frame))
    flagged = check(features.dense.astype(np.float16), modality="table", name="cells", widths=features.widths)
    assert flagged["is_outlier"].mean() <= 0.01


@pytest.mark.parametrize("name", ["wine", "iris", "breast_cancer", "diabetes"])
@pytest.mark.parametrize("column", ["none", "class", "indicators"])
def test_few_rows_of_well_known_tables_are_flagged_with_the_class_among_the_columns(name, column):
    """14 % of wine's rows were, where the class is a column: those of its sparsest class."""
    loaded = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = loaded.data
    if column != "none":
        classes = pd.cut(loaded.target, 4).astype(str) if name == "diabetes" else loaded.target.astype("string")
        frame = frame.join(pd.get_dummies(classes).astype(int)) if column == "indicators" else frame.assign(c=classes)
    features = table_features(frame.rename(columns=str), [str(name) for name in frame])
    flags = check(features.dense.astype(np.float16), modality="table", name="cells", widths=features.widths)
    assert flags["is_outlier"].mean() <= 0.021


def test_a_table_made_up_by_chance_keeps_each_row_in_one_category():
    rng = np.random.default_rng(0)
    codes = rng.choice(6, 1_500, p=[0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
    frame = pd.DataFrame({"a": rng.normal(size=1_500), "c": [f"c{code}" for code in codes]})
    features = table_features(frame, list(frame))
    made = _copula(features.dense, features.widths, 1_000, rng)
    assert features.widths == (1, 6)
    assert (made[:, 1:].sum(1) == 1).all()
    assert np.abs(made[:, 1:].mean(0) - features.dense[:, 1:].mean(0)).max() < 0.002


def test_rows_of_a_sparse_group_do_not_stand_out_from_their_neighbors():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 0.1, (400, 6)), rng.normal(5, 1, (60, 6)), np.full((1, 6), -1)])
    ids, distances = neighbors(x.astype(np.float32), 10, "euclidean")
    beyond = beyond_neighbors(log_distances(distances.mean(1)), ids)
    assert beyond[-1] > 2 * np.quantile(beyond[:-1], 0.99)
    assert abs(np.median(beyond[400:460]) - np.median(beyond[:400])) < 0.1


def test_mislabelled_rows_are_seldom_outliers():
    x, labels = blobs(per_class=300)
    wrong = np.random.default_rng(3).permutation(len(labels))[:100]
    labels[wrong] = (labels[wrong] + 1) % 5
    assert check(x, labels)["is_outlier"][wrong].mean() <= 0.05


def test_many_foreign_rows_are_said_and_flagged_where_they_hide_the_tail():
    """Twelve in a hundred rows: a tail fitted to all rows takes them for its own."""
    x, labels = blobs(n_classes=10, per_class=200, d=32, spread=0.1)
    rng = np.random.default_rng(9)
    foreign = rng.permutation(len(x))[:240]
    x[foreign] = rng.normal(size=(240, 32))
    found = check(x, labels)
    assert "many foreign rows" in found["_notes"][0]
    truth = np.isin(np.arange(len(x)), foreign)
    assert roc_auc_score(truth, found["outlier_score"]) > 0.99
    assert truth[found["is_outlier"]].mean() > 0.95
    assert found["is_outlier"][foreign].mean() > 0.8


@pytest.mark.parametrize("wrong", [0.1, 0.3])
def test_many_wrong_labels_are_not_many_foreign_rows(wrong):
    x, labels = blobs(per_class=400)
    rng = np.random.default_rng(3)
    labels = np.where(rng.random(len(labels)) < wrong, (labels + 1) % 5, labels)
    found = check(x, labels)
    assert found["_notes"] == []
    assert found["is_outlier"].mean() <= 0.005


@pytest.mark.parametrize("spread", [0.3, 0.8])
def test_sparse_classes_are_not_many_foreign_rows(spread):
    """Two classes in ten lie three to eight times as wide as the others, over each other where they are widest."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 200)
    wide = np.where(labels < 2, spread, 0.1)[:, None]
    x = rng.normal(size=(10, 32))[labels] + wide * rng.normal(size=(2_000, 32))
    found = check(x, labels)
    assert found["_notes"] == []
    assert found["is_outlier"].mean() <= 0.005


@pytest.mark.parametrize("shape", [(60, 5), (40, 1)])
def test_decorrelated_distances_equal_a_loop_over_rows(shape):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=shape) @ rng.normal(size=(shape[1], shape[1]))).astype(np.float32)
    ids = np.stack([rng.permutation(len(x))[:6] for _ in x]).astype(np.int32)
    ids[3, 2:], ids[4] = -1, -1
    full = np.atleast_2d(np.cov(x.T))
    inverse = np.linalg.inv((full + np.diag(np.diag(full))) / 2)
    found = decorrelated_distances(x, x, ids, 3, decorrelating(x), threads=2)
    for row, near in enumerate(ids):
        away = x[near[near >= 0]].astype(float) - x[row]
        lengths = np.sort(np.sqrt(np.einsum("ij,jk,ik->i", away, inverse, away)))[:3]
        assert found[row] == pytest.approx(lengths.mean() if len(lengths) else np.nan, rel=1e-3, nan_ok=True)


def test_decorrelated_distances_of_equal_rows_are_zero():
    ids = np.tile(np.arange(5, dtype=np.int32), (40, 1))
    same = np.ones((40, 3), np.float32)
    assert not decorrelated_distances(same, same, ids, 3, decorrelating(same)).any()


def test_rows_that_break_the_pattern_of_their_group_rank_higher_without_correlations():
    """Forty groups in whose rows pairs of columns go together; in three in a hundred rows they go against each other."""
    rng = np.random.default_rng(0)
    broken = np.arange(2_000) < 60
    along = rng.normal(0, 0.5, (2_000, 4))
    against = np.where(broken[:, None], -along, along)
    centres = np.repeat(rng.normal(0, 3, (40, 4)), 2, axis=1)[rng.integers(0, 40, 2_000)]
    x = centres + np.stack([along, against], axis=2).reshape(2_000, 8) + rng.normal(0, 0.05, (2_000, 8))
    ids, distances = neighbors(x.astype(np.float32), 20, "euclidean", threads=2)
    plain = roc_auc_score(broken, distances[:, :5].mean(1))
    decorrelated = roc_auc_score(broken, decorrelated_distances(x, x, ids, 5, decorrelating(x), threads=2))
    assert decorrelated > plain + 0.02


def test_scores_rank_the_rows_and_flags_are_the_highest():
    x, labels = blobs()
    x[:3] *= -1
    found = check(x, labels)
    scores = found["outlier_score"]
    assert scores.dtype == np.float32
    assert scores.min() >= 0
    assert scores.max() == 1
    assert scores[found["is_outlier"]].min() > scores[~found["is_outlier"]].max()


def test_entropy_is_named_in_the_reason():
    x, labels = blobs()
    x[0] = -x[0]
    entropy = np.zeros(len(x), np.float32)
    entropy[0] = 1.5
    assert check(x, labels, entropy=entropy)["outlier_reason"][0].endswith("and no class fits it well.")


def test_rows_that_are_not_analyzed_get_no_score():
    x, labels = blobs()
    analyzed = np.arange(len(x)) != 4
    found = check(x, labels, analyzed=analyzed)
    assert np.isnan(found["outlier_score"][4])
    assert not found["is_outlier"][4]
    assert np.isfinite(found["outlier_score"][analyzed]).all()


@pytest.mark.parametrize("modality", ["text", "image", "table"])
def test_the_same_bytes_for_any_number_of_threads(modality):
    x, labels = with_group(25)
    results = [check(x, labels, modality=modality, threads=t, name="patches") for t in (1, 2, 4)]
    for name in ("is_outlier", "outlier_score"):
        assert results[0][name].tobytes() == results[1][name].tobytes() == results[2][name].tobytes()


@pytest.mark.parametrize("modality", ["text", "image", "table"])
@pytest.mark.parametrize("n", [0, 1, 2, 20])
def test_tiny_datasets_are_not_flagged(modality, n):
    x = np.random.default_rng(n).normal(size=(n, 5)).astype(np.float16)
    ids, distances = np.full((n, 15), -1, np.int32), np.full((n, 15), np.inf, np.float32)
    if n > 1:
        ids, distances = neighbors(x.astype(np.float32), 15)
    labels = (np.arange(n) % 3).astype(np.int32)
    found = outlier_issues(
        {"a": x}, labels, ids, distances, None, np.ones(n, bool), modality=modality, seed=0, threads=1
    )
    assert len(found["is_outlier"]) == n
    assert not found["is_outlier"].any()


@pytest.mark.parametrize("modality", ["text", "image", "table"])
def test_identical_rows_are_not_flagged(modality):
    found = check(np.ones((200, 4), np.float16), np.arange(200) % 2, modality=modality)
    assert not found["is_outlier"].any()
    assert (found["outlier_score"] == found["outlier_score"][0]).all()


@pytest.mark.parametrize("modality", ["text", "table"])
def test_constant_features_and_classes_of_one_row_are_no_obstacle(modality):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(300, 6)), np.ones((300, 3))], axis=1).astype(np.float16)
    found = check(x, np.arange(300), modality=modality)
    assert np.isfinite(found["outlier_score"]).all()
    assert found["is_outlier"].sum() <= 3


# the public function -------------------------------------------------------------------------------------------


def test_the_public_function_takes_labels_of_any_kind():
    x, labels = blobs()
    x[11] = -x[11]
    names = pd.Series([f"class {code}" for code in labels], index=range(5, 1_005))
    names.iloc[3] = None
    found = assay.outliers(x, names, threads=1)
    assert list(found.columns) == ["row_id", "is_outlier", "outlier_score", "outlier_reason"]
    assert found["row_id"].tolist() == list(range(1_000))
    assert found["outlier_score"].idxmax() == 11
    assert found["is_outlier"][11]


def test_the_public_function_names_what_is_wrong():
    with pytest.raises(ArrayError, match="3 labels for 4 rows"):
        assay.outliers(np.eye(4), [0, 1, 0])
    with pytest.raises(ArrayError, match="two-dimensional"):
        assay.outliers(np.zeros(4))
    bad = np.ones((40, 3))
    bad[7, 1] = np.nan
    with pytest.raises(ArrayError, match="row 7"):
        assay.outliers(bad)


@pytest.mark.parametrize("n", [0, 1, 20])
def test_the_public_function_takes_few_rows(n):
    found = assay.outliers(np.random.default_rng(0).normal(size=(n, 3)))
    assert len(found) == n
    assert not found["is_outlier"].any()


# real data -----------------------------------------------------------------------------------------------------


def test_the_rows_of_what_a_table_holds_less_often_are_not_called_outliers(data_dir: Path):
    """Fifty hospitals with about twenty rows each: those with fewer are far from the others, as twenty neighbours go."""
    frame = pd.read_csv(data_dir / "tabular_hospital" / "clean.csv").drop(columns=["index", "condition"])
    found = check(table_features(frame, list(frame)).dense, modality="table")
    assert found["is_outlier"].mean() <= 0.005


def test_tables_rank_better_than_the_isolation_forest(data_dir: Path):
    """Six sets of ODDS, truth of their authors: both figures above scikit-learn's forest on standardised columns."""
    ours, forest = [], []
    for name in TABLES:
        data = np.load(data_dir / "odds_outliers" / f"{name}.npz")
        cells = pd.DataFrame(data["X"]).rename(columns=str)
        score = check(table_features(cells, list(cells)).dense.astype(np.float16), modality="table")["outlier_score"]
        scaled = (data["X"] - data["X"].mean(0)) / (data["X"].std(0) + 1e-9)
        peer = -IsolationForest(random_state=0).fit(scaled).score_samples(scaled)
        for results, values in ((ours, score), (forest, peer)):
            results.append((roc_auc_score(data["y"], values), average_precision_score(data["y"], values)))
    assert (np.mean(ours, axis=0) > np.mean(forest, axis=0) + 0.02).all()
    assert np.mean(ours, axis=0)[0] > 0.86


def test_flags_of_tables_are_worth_most_of_what_the_best_cut_would_be(data_dir: Path):
    """Six sets of ODDS, truth of their authors: F1 of the flags against that of the best cut of the same score."""
    ratios = []
    for name in TABLES:
        data = np.load(data_dir / "odds_outliers" / f"{name}.npz")
        cells = pd.DataFrame(data["X"]).rename(columns=str)
        found = check(table_features(cells, list(cells)).dense.astype(np.float16), modality="table")
        truth = data["y"].reshape(-1).astype(bool)
        precision, recall, _ = precision_recall_curve(truth, found["outlier_score"])
        best = (2 * precision * recall / np.maximum(precision + recall, 1e-9)).max()
        ratios.append(f1_score(truth, found["is_outlier"]) / best)
    assert np.mean(ratios) >= 0.6


@pytest.mark.parametrize(("load", "least"), [(load_digits, 0.01), (load_breast_cancer, 0.01), (load_wine, 0.02)])
def test_few_rows_of_real_tables_without_known_outliers_are_flagged(load, least):
    cells = pd.DataFrame(load().data).rename(columns=str)
    assert (
        check(table_features(cells, list(cells)).dense.astype(np.float16), modality="table")["is_outlier"].mean()
        < least
    )


def test_out_of_scope_queries_rank_above_mislabelled_ones(data_dir: Path):
    """clinc150, truth of its authors; out-of-scope rows carry random labels, and a tenth of the others wrong ones."""
    table = pd.read_csv(data_dir / "clinc150" / "clinc150.csv")
    rng = np.random.default_rng(1)
    inside = rng.permutation(np.flatnonzero(table["is_oos"] == 0))[:4_500]
    outside = rng.permutation(np.flatnonzero(table["is_oos"] == 1))[:90]
    table = table.iloc[np.concatenate([inside, outside])]
    labels = pd.factorize(table["intent"].where(table["is_oos"] == 0))[0]
    wrong = (rng.random(len(labels)) < 0.1) | (labels < 0)
    labels[wrong] = rng.integers(0, 150, wrong.sum())
    x = tfidf_embeddings(table["text"].tolist()).astype(np.float16)
    foreign = table["is_oos"].to_numpy() == 1
    found = check(x, labels, modality="text", name="tfidf")
    mean_distance = neighbors(x.astype(np.float32), 15)[1].mean(1)
    assert average_precision_score(foreign, found["outlier_score"]) > 1.3 * average_precision_score(
        foreign, mean_distance
    )
    assert found["is_outlier"][~foreign].mean() < 0.008


def test_a_row_whose_cells_are_all_usual_is_told_to_be_unusual_as_a_whole():
    from assay.issues.outlier import _reasons
    from assay.issues.outlier_evidence import CUTS, Part

    part = Part(np.array([0.0, 0.0, 9.0]), np.array([1.0, 1.0, 3.0]), CUTS)
    for named, sentence in (
        (
            "",
            "No cell of it is unusual by itself, but together they are: few random cuts through the columns set it apart.",
        ),
        ("a is 9; usual: 1 to 3", "Few random cuts through the columns set it apart: a is 9; usual: 1 to 3."),
    ):
        told = _reasons(np.array([2]), [part], np.zeros(1, bool), np.full(3, -1), None, {}, {2: named})
        assert told == [sentence]
