"""issues/label.py, issues/noise.py, issues/scan.py: label issues from labels and probabilities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cleanlab.filter import find_label_issues as cleanlab_flags
from cleanlab.rank import get_label_quality_scores
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from assay.columns import columns_of
from assay.issues.label import GIVEN_WEIGHT, OUTSIDE, expected_f1_cut, find_label_issues, judge_with_verdict, reasons
from assay.issues.noise import LEAST_P, STEPS, _first_bonus, boundary_noise, demix, estimate_noise
from assay.issues.scan import TOP, scan


def problem(n: int, n_classes: int, noise: float, seed: int, sharp: float = 6.0):
    """Labels, true labels and probabilities of a decent model whose classes overlap."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, n_classes, n)
    logits = rng.normal(0, 1.5, (n, n_classes))
    logits[np.arange(n), true] += sharp
    probs = np.exp(logits - logits.max(1, keepdims=True))
    labels = true.copy()
    wrong = rng.random(n) < noise
    labels[wrong] = (labels[wrong] + rng.integers(1, n_classes, wrong.sum())) % n_classes
    return labels.astype(np.int32), true, (probs / probs.sum(1, keepdims=True)).astype(np.float32)


def out_of_sample(features, labels, **options):
    model = LogisticRegression(max_iter=200, **options)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return cross_val_predict(model, features, labels, cv=folds, method="predict_proba").astype(np.float32)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    rng = np.random.default_rng(1)
    labels = data.target.copy()
    wrong = rng.random(len(labels)) < 0.1
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, wrong.sum())) % 10
    return labels.astype(np.int32), data.target, out_of_sample(data.data / 16, labels)


@pytest.fixture(scope="module")
def banking(data_dir: Path):
    """Real texts with 10 % injected noise, on the features and the model of cleanlab's tutorials."""
    table = pd.read_csv(data_dir / "banking77" / "test.csv")
    true = np.unique(table.category, return_inverse=True)[1]
    rng = np.random.default_rng(0)
    labels = true.copy()
    wrong = rng.random(len(labels)) < 0.1
    labels[wrong] = (labels[wrong] + rng.integers(1, 77, wrong.sum())) % 77
    words = TfidfVectorizer(sublinear_tf=True).fit_transform(table.text)
    features = TruncatedSVD(100, random_state=0).fit_transform(words)
    return labels.astype(np.int32), true, out_of_sample(features, labels, C=10)


@pytest.mark.parametrize("name", ["digits", "banking"])
def test_ranking_and_flags_are_not_worse_than_cleanlab(name, request):
    labels, true, probs = request.getfixturevalue(name)
    wrong = labels != true
    found = find_label_issues(labels, probs)
    theirs = average_precision_score(wrong, 1 - get_label_quality_scores(labels, probs))
    assert average_precision_score(wrong, found["label_issue_score"]) > theirs - 0.01
    assert f1_score(wrong, found["is_label_issue"]) > f1_score(wrong, cleanlab_flags(labels, probs, n_jobs=1))


@pytest.mark.parametrize("name", ["digits", "banking"])
def test_error_probability_is_calibrated_better_than_one_minus_p_given(name, request):
    labels, true, probs = request.getfixturevalue(name)
    wrong = labels != true

    def calibration_error(p):
        place = np.minimum((p * 15).astype(int), 14)
        return sum(abs(p[place == k].mean() - wrong[place == k].mean()) * (place == k).mean() for k in set(place))

    ours = calibration_error(find_label_issues(labels, probs)["p_label_error"])
    assert ours < 0.06
    assert ours < calibration_error(1 - probs[np.arange(len(labels)), labels])


@pytest.mark.parametrize("name", ["digits", "banking"])
def test_safe_fixes_raise_label_accuracy_and_well_labeled_rows_are_right(name, request):
    labels, true, probs = request.getfixturevalue(name)
    found = find_label_issues(labels, probs)
    safe = found["is_safe_to_fix"]
    assert safe.sum() > 20
    # the labels called true here hold errors of their own (banking77), so nine in ten is not asked of every set
    assert (found["suggested_label"][safe] == true[safe]).mean() > 0.87
    well = found["is_well_labeled"]
    assert well.mean() > 0.3
    assert (labels[well] != true[well]).mean() <= 0.008


@pytest.mark.parametrize("wrong", [0, 1, 40])
def test_nothing_is_safe_to_fix_where_all_labels_may_be_right(wrong):
    """A sure model that errs on one row of a clean set: as its own error and a wrong label look alike, a person looks."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 8, 800)
    probs = np.full((800, 8), 0.0002 / 7, np.float32)
    probs[np.arange(800), true] = 0.9998
    probs[0] = np.roll(probs[0], 1)  # its own error
    labels = true.astype(np.int32)
    labels[1 : 1 + wrong] = (labels[1 : 1 + wrong] + 3) % 8
    found = find_label_issues(labels, probs)
    assert found["p_label_error"][0] > 0.5
    assert found["is_safe_to_fix"].sum() == 0 if wrong < 2 else found["is_safe_to_fix"][1 : 1 + wrong].sum() > 15


def test_one_class_taken_for_another_is_found_where_self_confidence_fails():
    """30 % of the even digits carry the label of the next odd one: the model learns the mistake."""
    data = load_digits()
    rng = np.random.default_rng(3)
    labels = np.where((data.target % 2 == 0) & (rng.random(len(data.target)) < 0.3), data.target + 1, data.target)
    probs = out_of_sample(data.data / 16, labels)
    wrong = labels != data.target
    ours = average_precision_score(wrong, find_label_issues(labels.astype(np.int32), probs)["label_issue_score"])
    theirs = average_precision_score(wrong, 1 - get_label_quality_scores(labels, probs))
    assert ours > theirs + 0.1


def test_the_noise_matrix_finds_where_wrong_labels_go():
    labels, true, probs = problem(6_000, 6, 0, 0)
    swapped = (true == 2) & (np.random.default_rng(0).random(len(true)) < 0.25)
    labels[swapped] = 4
    matrix, _, _ = estimate_noise(labels, scan(labels, probs))
    assert matrix[2, 4] == pytest.approx(0.25, abs=0.06)
    assert matrix.sum(1) == pytest.approx(np.ones(6), abs=1e-5)
    assert np.delete(matrix[2], [2, 4]).max() < 0.02


# the numeric core against brute force ------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.one_of(st.integers(1, 9), st.integers(60, 400)),  # 64: a chunk of `kernels.largest`
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([0, 1, 3, 100]),
    st.sampled_from([0.0, 0.01, 0.5]),
)
def test_scan_finds_the_largest_classes_like_a_stable_sort(seed, n_classes, dtype, steps, negative):
    rng = np.random.default_rng(seed)
    probs = rng.random((40, n_classes))
    probs = (np.round(probs * steps) / steps if steps else probs).astype(dtype)
    probs[rng.random(probs.shape) < negative] *= -1
    labels = rng.integers(-1, n_classes, 40).astype(np.int32)
    seen = scan(labels, probs)
    order = np.argsort(-probs, axis=1, kind="stable")[:, :TOP]
    assert np.array_equal(seen.classes, order)
    assert np.array_equal(seen.probs, np.take_along_axis(probs, order, 1))
    known = labels >= 0
    assert np.array_equal(seen.given[known], probs[known, labels[known]])
    assert np.isnan(seen.given[~known]).all()
    together = probs.sum(1, dtype=np.float64)
    inside = ((probs >= -1e-6) & (probs <= 1 + 1e-6)).all(1)
    assert np.array_equal(seen.proper, inside & (np.abs(together - 1) <= 0.01))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 150), st.sampled_from([np.float32, np.float64]))
def test_scan_knows_distributions_and_leaves_rows_with_nan_out(seed, n_classes, dtype):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(n_classes, 0.3), 30).astype(dtype)
    broken = rng.random(30) < 0.3
    probs[broken, rng.integers(0, n_classes, broken.sum())] = rng.choice([np.nan, -np.nan, np.inf], broken.sum())
    seen = scan(np.zeros(30, np.int32), probs)
    assert np.array_equal(seen.proper, ~broken)
    assert np.array_equal(seen.analyzed, ~np.isnan(probs).any(1))
    assert (seen.classes[~seen.analyzed] == -1).all()


def test_demix_equals_a_loop_over_rows_and_undoes_a_known_mixture():
    rng = np.random.default_rng(0)
    mix = rng.random((4, 4)) * 0.1 + np.eye(4)
    mix /= mix.sum(1, keepdims=True)
    truth = rng.dirichlet([0.5] * 4, 30)
    p = (truth @ mix).astype(np.float32)
    stacked = np.repeat(mix[:, :, None], 30, 2).astype(np.float32)
    q, rest = demix(p.T.copy(), np.zeros(30, np.float32), stacked)
    for row in range(30):
        x = p[row].astype(np.float64)
        for _ in range(STEPS):
            x = x * (mix @ (p[row] / (x @ mix)))
            x /= x.sum()
        assert q[:, row] == pytest.approx(x, abs=1e-4)
    assert np.abs(q.T - truth).mean() < 0.5 * np.abs(p - truth).mean()
    assert rest == pytest.approx(0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30))
def test_the_cut_has_the_largest_expected_f1_of_all_cuts(values):
    p = np.array(values, np.float32)
    chosen = expected_f1_cut(p)
    exact = np.sort(p.astype(np.float64))[::-1]

    def expected(k: int) -> float:
        return 2 * exact[:k].sum() / (k + exact.sum())

    if p.max() > 0:
        best = max(expected(k) for k in range(1, len(p) + 1))
        assert expected(int(chosen.sum())) == pytest.approx(best, rel=1e-9)
        assert p[chosen].min() >= p[~chosen].max(initial=0)
    else:
        assert not chosen.any()


def test_posterior_follows_bayes_on_one_row():
    labels, _, probs = problem(500, 3, 0.2, 5)
    seen = scan(labels, probs)
    noise, _, evidence = estimate_noise(labels, seen)
    weight = GIVEN_WEIGHT + (1 - GIVEN_WEIGHT) * evidence.trusted
    row = int(np.flatnonzero(find_label_issues(labels, probs)["is_label_issue"])[0])
    p = probs[row].copy()
    p[labels[row]] = max(p[labels[row]], 1e-7)
    rest = np.maximum(1 - p.sum(keepdims=True), 0)
    q, rest = demix(p[:, None], rest, noise[:, :, None].copy())
    posterior = q[:, 0] * noise[:, labels[row]] ** weight
    expected = 1 - posterior[labels[row]] / (posterior.sum() + rest[0] * OUTSIDE**weight)
    assert find_label_issues(labels, probs)["p_label_error"][row] == pytest.approx(expected, abs=1e-4)


# promises ----------------------------------------------------------------------------------------------------


def test_columns_are_those_of_the_table_with_their_types():
    labels, _, probs = problem(300, 4, 0.1, 0)
    found = find_label_issues(labels, probs)
    dtypes = {"bool": np.bool_, "float32": np.float32, "label": np.int32}
    expected = {c.name: dtypes[c.dtype] for c in columns_of("label") if c.name != "label_issue_reason"}
    assert {name: values.dtype for name, values in found.items()} == expected
    assert all(len(values) == 300 for values in found.values())


def test_a_memory_map_gives_the_same_bytes_as_an_array(tmp_path):
    labels, _, probs = problem(9_000, 120, 0.1, 2)
    np.save(tmp_path / "probs.npy", probs)
    one = find_label_issues(labels, probs)
    two = find_label_issues(labels, np.load(tmp_path / "probs.npy", mmap_mode="r"))
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_suggestions_stand_only_on_label_issues_and_unlabelled_rows():
    labels, _, probs = problem(1_000, 5, 0.15, 1)
    labels[:100] = -1
    found = find_label_issues(labels, probs)
    suggested = found["suggested_label"] >= 0
    assert np.array_equal(suggested, found["is_label_issue"] | (labels < 0))
    assert np.array_equal(suggested, ~np.isnan(found["suggested_label_confidence_score"]))
    assert not (found["suggested_label"] == labels)[suggested].any()
    for name in ("label_quality", "p_label_error", "label_issue_score", "ambiguous_score"):
        assert np.isnan(found[name][:100]).all()
        assert ((found[name][100:] >= 0) & (found[name][100:] <= 1)).all()
    for name in ("is_label_issue", "is_well_labeled", "is_ambiguous", "has_rare_class"):
        assert not found[name][:100].any()


def test_rows_with_nan_are_not_analysed_and_change_nothing_else():
    labels, _, probs = problem(800, 4, 0.1, 3)
    broken, blind = probs.copy(), labels.copy()
    broken[10] = np.nan
    broken[11, 2] = np.nan
    blind[[10, 11]] = -1
    found, without = find_label_issues(labels, broken), find_label_issues(blind, broken)
    for row in (10, 11):
        assert found["predicted_label"][row] == found["suggested_label"][row] == found["runner_up_label"][row] == -1
        assert np.isnan(found["label_quality"][row]) and np.isnan(found["predicted_label_confidence"][row])
        assert not found["is_label_issue"][row] and not found["is_safe_to_fix"][row]
    rest = np.setdiff1d(np.arange(800), [10, 11])
    assert all(np.array_equal(values[rest], without[name][rest], equal_nan=values.dtype == np.float32)
               for name, values in found.items())  # fmt: skip


def test_rare_classes_are_told_or_counted():
    labels, _, probs = problem(400, 4, 0, 0)
    labels[labels == 3] = 2
    labels[:3] = 3
    assert np.array_equal(find_label_issues(labels, probs)["has_rare_class"], labels == 3)
    told = find_label_issues(labels, probs, rare=np.array([True, False, False, False]))
    assert np.array_equal(told["has_rare_class"], labels == 0)


def test_ambiguous_rows_have_two_even_classes_and_no_issue():
    labels, _, probs = problem(500, 4, 0.05, 0)
    probs[0] = [0.45, 0.44, 0.06, 0.05]
    probs[1] = [0.97, 0.01, 0.01, 0.01]
    labels[:2] = 0
    found = find_label_issues(labels, probs)
    assert found["is_ambiguous"][0] and not found["is_ambiguous"][1]
    assert found["ambiguous_score"][0] > 0.8 > found["ambiguous_score"][1]
    assert not (found["is_ambiguous"] & found["is_label_issue"]).any()


@pytest.mark.parametrize(("n", "n_classes"), [(20, 2), (20, 1), (1, 3), (30, 30), (6_000, 5_000)], ids=str)
def test_small_and_wide_problems_have_finite_scores(n, n_classes):
    labels, _, probs = problem(n, n_classes, 0.1 if n_classes > 1 else 0, 0, sharp=9) if n_classes > 1 else (
        np.zeros(n, np.int32), None, np.ones((n, 1), np.float32))  # fmt: skip
    found = find_label_issues(labels, probs)
    assert np.isfinite(found["label_quality"]).all() and np.isfinite(found["p_label_error"]).all()
    if n_classes == 1:
        assert not found["is_label_issue"].any() and not found["is_ambiguous"].any()
        assert (found["runner_up_label"] == -1).all()


def test_no_rows_give_empty_columns():
    found = find_label_issues(np.zeros(0, np.int32), np.zeros((0, 3), np.float32))
    assert all(len(values) == 0 for values in found.values())


def test_a_class_never_predicted_and_a_class_without_rows_do_no_harm():
    labels, _, probs = problem(600, 5, 0.1, 4)
    probs[:, 4] = 0
    probs /= probs.sum(1, keepdims=True)
    labels[labels == 3] = 2
    found = find_label_issues(labels, probs)
    assert np.isfinite(found["label_quality"]).all()
    assert not (found["suggested_label"] == 4).any()


def test_rows_that_are_all_alike_are_all_judged_alike():
    probs = np.tile(np.array([[0.6, 0.3, 0.1]], np.float32), (50, 1))
    labels = np.array([0] * 30 + [1] * 20, np.int32)
    found = find_label_issues(labels, probs)
    for code in (0, 1):
        of_class = labels == code
        assert all(len(set(values[of_class].tolist())) == 1 for name, values in found.items()
                   if name not in ("suggested_label_confidence_score",))  # fmt: skip


def test_a_model_that_contradicts_most_labels_is_not_safe_to_follow():
    labels, _, probs = problem(2_000, 5, 0, 0)
    shuffled = np.random.default_rng(0).permutation(5)
    found = find_label_issues(labels, np.ascontiguousarray(probs[:, shuffled]))
    assert not found["is_safe_to_fix"].any()


def drawn(seed: int, n: int = 20_000, n_classes: int = 12):
    """Labels drawn from their own probabilities: what a model that has learned its labels looks like."""
    logits = np.random.default_rng(seed).normal(0, 4, (n, n_classes))
    probs = np.exp(logits - logits.max(1, keepdims=True))
    probs /= probs.sum(1, keepdims=True)
    chance = np.random.default_rng([seed, 1]).random(n)
    return (probs.cumsum(1) < chance[:, None]).sum(1).clip(0, n_classes - 1).astype(np.int32), probs.astype(np.float32)


def at_the_boundary(labels, probs, odds: float = 2.0):
    """The same, but six in ten rows with a runner-up nearly as probable as the first class are labelled as the runner-up."""
    first, second = np.argsort(-probs, axis=1)[:, :2].T
    rows = np.arange(len(labels))
    near = probs[rows, first] < odds * probs[rows, second]
    return np.where(near & (rows % 10 < 6), second, np.where(near, first, labels)).astype(np.int32), near


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_doubt_arises_where_labels_swap_at_the_boundary_and_nowhere_else(seed):
    labels, probs = drawn(seed)
    assert boundary_noise(labels, scan(labels, probs)) == 0
    swapped, near = at_the_boundary(labels, probs)
    assert boundary_noise(swapped, scan(swapped, probs)) > 0.5
    found, before = (find_label_issues(of, probs)["is_label_issue"] for of in (swapped, labels))
    assert found[near].sum() > before[near].sum() * 1.5
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(labels)) < 0.2
    at_random = np.where(wrong, rng.integers(0, 12, len(labels)), labels).astype(np.int32)
    assert boundary_noise(at_random, scan(at_random, probs)) == 0


@pytest.mark.parametrize("name", ["digits", "banking"])
def test_noise_at_random_in_real_data_raises_no_doubt(name, request):
    labels, _, probs = request.getfixturevalue(name)
    assert boundary_noise(labels, scan(labels, probs)) == 0


def test_probabilities_of_another_temperature_are_no_witness_of_the_boundary():
    labels, probs = drawn(0)
    labels, _ = at_the_boundary(labels, probs)
    for power in (0.2, 5.0):
        other = probs.astype(np.float64) ** power
        other /= other.sum(1, keepdims=True)
        assert boundary_noise(labels, scan(labels, other)) == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 7), st.integers(1, 300), st.floats(0.1, 3), st.booleans())
def test_the_bonus_of_the_first_class_is_that_of_a_general_optimiser(seed, n_classes, n, sharp, one_hot):
    labels, probs = drawn(seed, n, n_classes)
    probs = probs.astype(np.float64) ** sharp
    probs /= probs.sum(1, keepdims=True)
    if one_hot:
        probs = np.eye(n_classes)[probs.argmax(1)]
    top = np.argsort(-probs, axis=1, kind="stable")[:, :5]
    at = top == labels[:, None]
    log_p = np.log(np.maximum(np.take_along_axis(probs, top, 1), LEAST_P))[at.any(1)]
    log_p, at = log_p - log_p[:, :1], at[at.any(1)]

    def loss(of):
        power = of[1] * log_p + of[0] * (np.arange(log_p.shape[1]) == 0)
        return np.logaddexp.reduce(power, axis=1).sum() - power[at].sum() + (of[0] ** 2 + (of[1] - 1) ** 2) / 2

    bonus, error, power = _first_bonus(log_p, at)
    best = minimize(loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 2_000})
    assert loss([bonus, power]) <= best.fun + 1e-6
    assert 0 < error <= 1.0001  # that of the prior at most


@pytest.mark.parametrize(("n", "n_classes"), [(0, 3), (1, 3), (5, 1), (30, 2)])
def test_no_doubt_without_evidence(n, n_classes):
    labels, probs = drawn(0, n, n_classes)
    assert boundary_noise(labels, scan(labels, probs)) == 0
    nobody = np.full(n, -1, np.int32)
    assert boundary_noise(nobody, scan(nobody, probs)) == 0


def test_reasons_name_both_labels_and_stand_only_on_issues():
    labels, _, probs = problem(400, 3, 0.15, 7)
    found = find_label_issues(labels, probs)
    sentences = reasons(found, labels, ["cat", "dog", "=owl"])
    flagged = found["is_label_issue"]
    assert flagged.any()
    assert [sentence is not None for sentence in sentences] == flagged.tolist()
    row = int(np.flatnonzero(flagged)[0])
    names = ["cat", "dog", "=owl"]
    assert f'Given "{names[labels[row]]}"' in sentences[row]
    assert f'looks like "{names[found["suggested_label"][row]]}"' in sentences[row]


# where classes overlap ---------------------------------------------------------------------------------------


def gaussians(n_classes: int, separation: float, noise: float, seed: int = 0, n: int = 6_000):
    """Classes that overlap, with the exact posterior: true classes, labels, P(label | row), P(label is wrong | row, label)."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_classes, 6))
    centres *= separation / np.linalg.norm(centres, axis=1, keepdims=True)
    true = rng.integers(n_classes, size=n)
    rows = centres[true] + rng.normal(size=(n, 6))
    logits = rows @ centres.T - 0.5 * (centres**2).sum(1)
    q = np.exp(logits - logits.max(1, keepdims=True))
    q /= q.sum(1, keepdims=True)
    matrix = np.full((n_classes, n_classes), noise / (n_classes - 1))
    np.fill_diagonal(matrix, 1 - noise)
    labels = np.array([rng.choice(n_classes, p=matrix[k]) for k in true], np.int32)
    posterior = q * matrix[:, labels].T
    wrong = 1 - posterior[np.arange(n), labels] / posterior.sum(1)
    return true, labels, (q @ matrix).astype(np.float32), wrong


SETTINGS = [
    (k, separation, noise) for k in (2, 3, 10) for separation in (1.0, 2.0, 3.0, 5.0) for noise in (0, 0.05, 0.15)
]


@pytest.fixture(scope="module")
def overlaps():
    out = []
    for k, separation, noise in SETTINGS:
        true, labels, probs, wrong = gaussians(k, separation, noise)
        out.append((true, labels, wrong, find_label_issues(labels, probs)))
    return out


def test_overlap_is_not_taken_for_wrong_labels(overlaps):
    """Rate within .02 and calibration within .04 of the exact posterior, on the mean of 36 settings."""
    rates, gaps = [], []
    for true, labels, wrong, found in overlaps:
        p = found["p_label_error"].astype(float)
        rates.append(abs(p.mean() - (true != labels).mean()))
        place = np.minimum((p * 15).astype(int), 14)
        gaps.append(sum(abs(p[place == b].mean() - wrong[place == b].mean()) * (place == b).mean() for b in set(place)))
    assert np.mean(rates) <= 0.02 and max(rates) < 0.12
    assert np.mean(gaps) <= 0.04


def test_ranking_under_overlap_stays_within_a_hundredth_of_the_exact_posterior(overlaps):
    gaps = []
    for true, labels, wrong, found in overlaps:
        error = true != labels
        if error.any():
            best = average_precision_score(error, wrong)
            gaps.append(best - average_precision_score(error, found["label_issue_score"]))
    assert np.mean(gaps) <= 0.01


def test_rows_marked_safe_under_overlap_are_right_in_98_percent(overlaps):
    right = [(found["suggested_label"] == true)[found["is_safe_to_fix"]] for true, _, _, found in overlaps]
    assert len(np.concatenate(right)) > 500
    assert np.concatenate(right).mean() >= 0.98


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_safe_that_is_not_as_likely_wrong(seed: int) -> None:
    """Where only a bound of the rate is known, p_label_error says less, and so does "safe"."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(10, 6))
    centres *= 5 / np.linalg.norm(centres, axis=1, keepdims=True)
    true = rng.integers(10, size=3_000)
    rows = centres[true] + rng.normal(size=(3_000, 6))
    labels = np.where(rng.random(3_000) < 0.1, (true + rng.integers(1, 10, 3_000)) % 10, true).astype(np.int32)
    probs = cross_val_predict(LogisticRegression(), rows, labels, cv=5, method="predict_proba").astype(np.float32)
    found, known = judge_with_verdict(labels, scan(labels, probs))
    safe = found["is_safe_to_fix"]
    assert not known.at_most or (found["p_label_error"][safe] >= 0.98).all()
    assert (found["p_label_error"][safe] >= 0.9).all()


def test_few_surest_rows_do_not_make_labels_look_drawn_by_lot() -> None:
    # 160 rows, 7 in 9 predicted rightly however sure the model is: the surest tenth alone proves little, all rows do
    rng = np.random.default_rng(0)
    labels = rng.choice(3, 160, p=[0.6, 0.2, 0.2]).astype(np.int32)
    predicted = np.where(np.arange(160) % 9 < 7, labels, (labels + 1) % 3)
    probs = np.full((160, 3), 0.1, np.float32)
    probs[np.arange(160), predicted] = rng.uniform(0.6, 0.9, 160)
    probs /= probs.sum(1, keepdims=True)
    known = judge_with_verdict(labels, scan(labels, probs))[1]
    assert known.withheld and not known.by_lot
    assert judge_with_verdict(labels, scan(labels, probs[rng.permutation(160)]))[1].by_lot


@pytest.mark.parametrize("n_classes", [2, 5, 40])
def test_labels_drawn_by_lot_are_not_judged(n_classes):
    rng = np.random.default_rng(n_classes)
    labels = rng.integers(0, n_classes, 1_500).astype(np.int32)
    probs = rng.dirichlet(np.full(n_classes, 4.0), 1_500).astype(np.float32)
    found, known = judge_with_verdict(labels, scan(labels, probs))
    assert "label findings are withheld" in known.withheld and known.by_lot
    for name in ("is_label_issue", "is_safe_to_fix", "is_well_labeled", "is_ambiguous"):
        assert not found[name].any()
    assert (found["suggested_label"] == -1).all() and np.isnan(found["p_label_error"]).all()
    assert np.isfinite(found["label_quality"]).all()


def test_overlap_without_a_plateau_withholds_and_separable_noise_does_not():
    cases = [(10, 1.0, 0.0, True), (2, 1.0, 0.05, True), (2, 3.0, 0.15, False), (10, 5.0, 0.4, False)]
    for k, separation, noise, withheld in cases:
        _, labels, probs, _ = gaussians(k, separation, noise)
        assert bool(judge_with_verdict(labels, scan(labels, probs))[1].withheld) is withheld, (k, separation, noise)


def learned(n_classes: int, separation: float, noise: float, n: int, seed: int):
    """Overlapping classes, and probabilities as a model has them that learned few rows: true classes, labels, P."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_classes, 5))
    centres *= separation / np.linalg.norm(centres, axis=1, keepdims=True)
    true = rng.integers(n_classes, size=n)
    rows = centres[true] + rng.normal(size=(n, 5))
    labels = np.where(rng.random(n) < noise, (true + rng.integers(1, n_classes, n)) % n_classes, true).astype(np.int32)
    probs = cross_val_predict(LogisticRegression(), rows, labels, cv=5, method="predict_proba")
    return true, labels, probs.astype(np.float32)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("separation", [0.7, 1.5])
def test_of_few_overlapping_rows_in_three_classes_the_rate_is_a_bound_or_withheld(separation: float, seed: int) -> None:
    """A hundred sure rows tell badly with what they disagree; what they do tell is that disagreement goes on rising."""
    true, labels, probs = learned(3, separation, 0.08, 900, 100 + seed)
    columns, known = judge_with_verdict(labels, scan(labels, probs))
    wrong = float((true != labels).mean())
    assert known.withheld or known.at_most or abs(float(np.nanmean(columns["p_label_error"])) - wrong) < 0.05
    assert known.withheld or separation > 1


def test_the_rate_is_a_bound_where_sure_rows_only_seem_wrong_because_classes_overlap():
    _, labels, probs, _ = gaussians(2, 1.0, 0.0)
    known = judge_with_verdict(labels, scan(labels, probs))[1]
    assert known.at_most and not known.withheld and 0 < known.bound < 0.06


def test_a_class_too_small_to_be_learned_is_never_well_labelled():
    labels, _, probs = problem(400, 4, 0, 0, sharp=12)
    labels[labels == 3] = 2
    labels[:3] = 3
    probs[:3] = [0, 0, 0, 1]
    found = find_label_issues(labels, probs)
    assert not found["is_well_labeled"][:3].any() and found["is_well_labeled"][3:].any()


def groups(n: int, shares: list[float], noise: float, seed: int):
    """Two classes, rows of a few kinds alike in all they are: ``shares`` of each kind are of class 1; noise on top. The
    probabilities are those of the kinds, counted."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(len(shares), size=n)
    true = (rng.random(n) < np.array(shares)[kind]).astype(np.int32)
    labels = np.where(rng.random(n) < noise, 1 - true, true).astype(np.int32)
    p = np.array([labels[kind == one].mean() for one in range(len(shares))])[kind]
    p = np.clip(p + rng.normal(0, 0.01, n), 0.001, 0.999)
    return labels, np.stack([1 - p, p], 1).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", [0.0, 0.08])
def test_two_classes_that_overlap_in_plateaus_are_not_called_wrong(noise: float, seed: int) -> None:
    """Facts that the columns foretell in part, as of passengers by sex and class: what the surest rows disagree with is as
    steady as noise would be, and yet no label is wrong, or only some are."""
    labels, probs = groups(1_200, [0.1, 0.13, 0.35, 0.65, 0.9], noise, seed)
    columns, known = judge_with_verdict(labels, scan(labels, probs))
    assert known.withheld and not columns["is_label_issue"].any() and not columns["is_safe_to_fix"].any()


@pytest.mark.parametrize("seed", range(8))
def test_a_model_that_is_too_sure_of_two_overlapping_classes_tells_no_rate_and_no_safe_fix(seed: int) -> None:
    """No label is wrong; the surest rows disagree more than their probabilities foresee, as with noise that was learned."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 1.4, 750)
    labels = (rng.random(750) < 1 / (1 + np.exp(-logit))).astype(np.int32)
    sure = 1 / (1 + np.exp(-2.5 * logit))
    columns, known = judge_with_verdict(labels, scan(labels, np.column_stack([1 - sure, sure]).astype(np.float32)))
    assert known.at_most or known.withheld
    assert not np.any(dict(columns)["is_safe_to_fix"])


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_two_classes_that_are_apart_is_told(seed: int) -> None:
    labels, probs = groups(1_200, [0.0, 1.0], 0.08, seed)
    columns, known = judge_with_verdict(labels, scan(labels, probs))
    assert not known.withheld
    assert abs(np.nanmean(columns["p_label_error"]) - 0.08) < 0.04


@pytest.mark.parametrize("seed", range(6))
def test_labels_wrong_at_random_in_classes_that_a_calibrated_model_tells_apart_are_judged(seed):
    """Nothing but the rows beyond the surest tells such noise from overlap: they disagree no more than these."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 4, 1_000)
    labels = np.where(rng.random(1_000) < 0.1, (true + rng.integers(1, 4, 1_000)) % 4, true).astype(np.int32)
    away = rng.dirichlet(np.full(4, 6.0), 1_000) * rng.uniform(
        0.05, 0.2, (1_000, 1)
    )  # as a model learns of noisy labels
    probs = away + (1 - away.sum(1, keepdims=True)) * np.eye(4)[true]
    columns, found = judge_with_verdict(labels, scan(labels, probs.astype(np.float32)))
    assert not found.withheld
    flagged = columns["is_label_issue"]
    assert (labels != true)[flagged].mean() >= 0.95 and flagged[labels != true].mean() >= 0.75
