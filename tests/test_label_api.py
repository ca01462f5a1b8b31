"""issues/confident.py and issues/filters.py: the public boundary, and cleanlab's filters by name."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cleanlab.filter import find_label_issues as cleanlab_flags
from cleanlab.rank import get_label_quality_scores
from hypothesis import given, settings
from hypothesis import strategies as st

import assay
from assay.errors import ArrayError, UsageError
from assay.issues.label_api import METHODS, label_issues

FILTERS = METHODS[1:]
PROBS = np.array([[0.9, 0.1], [0.8, 0.2], [0.85, 0.15], [0.1, 0.9], [0.95, 0.05], [0.3, 0.7]])
NAMES = ["cat", "cat", "cat", "dog", "dog", "dog"]


@st.composite
def problems(draw):
    """Labels and probabilities of any shape, with classes that no row carries, float32 or float64, tied or not."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    n, n_classes = draw(st.integers(2, 80)), draw(st.integers(2, 12))
    probs = rng.dirichlet(np.full(n_classes, draw(st.sampled_from([0.05, 0.3, 1, 5]))), n)
    if draw(st.booleans()):
        probs = np.round(probs * 4) + 0.01
        probs /= probs.sum(1, keepdims=True)
    used = draw(st.integers(2, n_classes))
    labels = rng.integers(0, used, n)
    labels[:2] = 0, 1
    return labels, probs.astype(draw(st.sampled_from([np.float32, np.float64])))


@pytest.mark.parametrize("method", FILTERS)
@settings(max_examples=40, deadline=None)
@given(data=problems())
def test_filters_flag_the_rows_that_cleanlab_flags(method, data):
    labels, probs = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cleanlab warns about classes of one row
        theirs = cleanlab_flags(labels, probs, filter_by=method, n_jobs=1)
    assert label_issues(labels, probs, method=method).is_label_issue.tolist() == theirs.tolist()


@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_filters_equal_cleanlab_on_a_larger_problem(method, dtype):
    rng = np.random.default_rng(0)
    true = rng.integers(0, 40, 3_000)
    probs = rng.random((3_000, 40)) ** 6
    probs[np.arange(3_000), true] += 0.5
    probs = (probs / probs.sum(1, keepdims=True)).astype(dtype)
    labels = np.where(rng.random(3_000) < 0.2, rng.integers(0, 40, 3_000), true)
    found = label_issues(labels, probs, method=method)
    theirs = cleanlab_flags(labels, probs, filter_by=method, n_jobs=1)
    assert theirs.sum() > 100
    assert found.is_label_issue.tolist() == theirs.tolist()
    score = "normalized_margin" if method == "low_normalized_margin" else "self_confidence"
    assert np.array_equal(found.label_quality, get_label_quality_scores(labels, probs, method=score))


@pytest.mark.parametrize("method", METHODS)
def test_a_memory_map_gives_what_an_array_gives(tmp_path, method):
    rng = np.random.default_rng(0)
    probs = rng.dirichlet([0.3] * 5, 400).astype(np.float32)
    labels = rng.integers(0, 5, 400)
    np.save(tmp_path / "probs.npy", probs)
    mapped = np.load(tmp_path / "probs.npy", mmap_mode="r")
    pd.testing.assert_frame_equal(
        label_issues(labels, mapped, method=method), label_issues(labels, probs, method=method)
    )


def test_the_public_function_is_this_one():
    assert assay.label_issues is label_issues


def test_every_form_of_labels_and_probabilities_means_the_same():
    expected = label_issues([0, 0, 0, 1, 1, 1], PROBS, classes=["cat", "dog"])
    assert expected.given_label.tolist() == NAMES
    frame = pd.DataFrame(PROBS, columns=["cat", "dog"])
    for labels, probs, classes in [
        (NAMES, PROBS, ["cat", "dog"]),
        (NAMES, PROBS, None),
        (NAMES, frame, None),
        (NAMES, frame[["dog", "cat"]], None),
        (NAMES, pl.DataFrame(frame), None),
        (np.array(NAMES), PROBS.tolist(), None),
        (pl.Series(NAMES), PROBS, None),
        (pd.Categorical(NAMES), PROBS, None),
        (np.array(NAMES, object), PROBS, ("cat", "dog")),
        (np.array([0, 0, 0, 1, 1, 1], np.uint8), frame, None),
    ]:
        pd.testing.assert_frame_equal(label_issues(labels, probs, classes=classes), expected, check_exact=False)


def test_label_values_keep_their_type():
    assert label_issues([3, 3, 3, 7, 7, 7], PROBS).suggested_label.dropna().tolist() == [3]
    assert label_issues([3, 3, 3, 7, 7, 7], PROBS).given_label.tolist() == [3, 3, 3, 7, 7, 7]
    flags = label_issues([False, False, False, True, True, True], PROBS)
    assert flags.given_label.tolist() == [False] * 3 + [True] * 3
    floats = label_issues([0.5, 0.5, 0.5, 1.5, 1.5, 1.5], PROBS)
    assert floats.predicted_label.tolist() == [0.5, 0.5, 0.5, 1.5, 0.5, 1.5]
    assert label_issues(["0", "0", "0", "1", "1", "1"], PROBS).given_label.tolist() == ["0", "0", "0", "1", "1", "1"]


def test_a_series_keeps_its_index():
    labels = pd.Series(NAMES, index=[10, 11, 12, 20, 21, 22])
    found = label_issues(labels, PROBS)
    assert found.index.tolist() == labels.index.tolist()
    assert found.row_id.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("blank", [None, float("nan"), "", "  "])
@pytest.mark.parametrize("method", METHODS)
def test_blank_labels_are_unlabelled(blank, method):
    found = label_issues([*NAMES[:5], blank], PROBS, classes=["cat", "dog"], method=method)
    assert pd.isna(found.given_label[5])
    assert not found.is_label_issue[5]
    assert found.suggested_label[5] == "dog"
    assert np.isnan(found.label_quality[5])


@pytest.mark.parametrize("method", FILTERS)
def test_unlabelled_rows_do_not_change_what_a_filter_flags(method):
    rng = np.random.default_rng(4)
    probs = rng.dirichlet([0.4] * 4, 200)
    labels = rng.integers(0, 4, 200).astype(object)
    labels[::5] = None
    known = np.array([label is not None for label in labels])
    found = label_issues(labels, probs, method=method)
    alone = cleanlab_flags(labels[known].astype(int), probs[known], filter_by=method, n_jobs=1)
    assert found.is_label_issue[known].tolist() == alone.tolist()
    assert not found.is_label_issue[~known].any()


@pytest.mark.parametrize(
    ("labels", "probs", "options", "message"),
    [
        ([0, 1], PROBS, {}, "2 labels but 6 rows"),
        ([0, 0, 0, 1, 1, 2], PROBS, {}, "label 2 is out of range"),
        (np.array([0, 0, 0, 1, 1, -1]), PROBS, {}, "label -1 is out of range"),
        ([0, 0, 0, 1, 1, 2], PROBS, {"classes": ["a", "b"]}, "label 2 is out of range"),
        (NAMES, np.ones((6, 3)) / 3, {}, "hold 2 classes but pred_probs have 3 columns"),
        (NAMES, PROBS, {"classes": ["cat", "cow"]}, "1 label is not among the classes: 'dog'"),
        (NAMES, PROBS, {"classes": ["cat", "dog", "cow"]}, "3 classes were given for 2 columns"),
        (NAMES, PROBS, {"classes": ["cat", "cat"]}, "'cat' was given for two columns"),
        (NAMES, PROBS * 3, {}, "not probabilities: row 0 holds 2.7"),
        (NAMES, PROBS / 2, {}, "row 0 sums to 0.5"),
        (NAMES, np.where(PROBS == 0.1, np.nan, PROBS), {}, "NaN or infinity in row 0"),
        (NAMES, PROBS - 0.2, {}, "row 0 holds -0.1"),
        (NAMES, PROBS[:, 0], {}, "not 1-D"),
        (NAMES, [[0.5, 0.5], [1.0]], {}, "rows differ in length"),
        (NAMES, PROBS.astype(str), {}, "of type <U32"),
        (NAMES, np.zeros((0, 2)), {}, "empty"),
        (PROBS, PROBS, {}, "one a row"),
        ([None] * 6, PROBS, {}, "all labels are blank"),
        ([0, "a", 0, "a", 0, "a"], PROBS, {}, "mix types"),
    ],
)
def test_wrong_arrays_are_told_in_one_message(labels, probs, options, message):
    with pytest.raises(ArrayError, match=message):
        label_issues(labels, probs, **options)


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(UsageError, match="prune_by_noise_rate"):
        label_issues(NAMES, PROBS, method="magic")
