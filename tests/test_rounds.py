"""predict/: the second round, which learns without the rows whose labels the first one found wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from assay import predict as room
from assay.encode.text import tfidf_embeddings
from assay.graph import neighbors
from assay.issues.label import find_label_issues
from assay.predict import _dropped, _likely, predict
from assay.predict.folds import make_folds

ALONE = -1


def digits(share, seed=0):
    """Digits with a share of the labels wrong, always taken for the same other digit; their graph; the truth."""
    data = load_digits()
    true = data.target.astype(np.int32)
    wrong = np.random.default_rng(seed).random(len(true)) < share
    labels = np.where(wrong, (true + 3) % 10, true).astype(np.int32)
    x = (data.data / 16).astype(np.float16)
    return x, labels, true, neighbors(x.astype(np.float32), 15)


def learn(x, labels, graph, *, folds=None, judge=find_label_issues, **options):
    folds = make_folds(labels, np.full(len(x), ALONE, np.int64)) if folds is None else folds
    out = np.empty((len(x), int(labels.max()) + 1), np.float32)
    doubt = None if judge is None else (lambda probabilities: judge(labels, probabilities))
    made = predict({"view": x}, labels, folds, graph, out.shape[1], out, doubt=doubt, threads=2, **options)
    assert np.isfinite(out).all()
    return out, made


def test_where_one_class_is_taken_for_another_the_second_round_finds_more_of_it():
    x, labels, true, graph = digits(0.3)
    once, _ = learn(x, labels, graph, judge=None)
    twice, made = learn(x, labels, graph)
    assert made.rounds.used == 2
    assert made.rounds.second_loss < made.rounds.first_loss
    before, after = (
        average_precision_score(labels != true, find_label_issues(labels, p)["label_issue_score"])
        for p in (once, twice)
    )
    assert after > before + 0.005
    assert (twice.argmax(1) == true).mean() > (once.argmax(1) == true).mean() + 0.05


def test_the_second_round_is_nearer_to_how_often_it_is_right():
    """Confidence in the predicted class, in ten bins, against the true labels: models taught noise doubt everything."""
    x, labels, true, graph = digits(0.3)

    def error(p):
        bins, right = np.minimum((p.max(1) * 10).astype(int), 9), p.argmax(1) == true
        return sum((bins == b).mean() * abs(right[bins == b].mean() - p.max(1)[bins == b].mean()) for b in set(bins))

    once, twice = (learn(x, labels, graph, judge=judge)[0] for judge in (None, find_label_issues))
    assert error(twice) < error(once) * 0.65


def test_rows_that_the_second_round_left_out_teach_it_nothing():
    x, labels, true, graph = digits(0.25)
    folds = make_folds(labels, np.full(len(x), ALONE, np.int64))
    wrong = np.flatnonzero(labels != true)

    def known(given_labels, _):
        n = len(given_labels)
        flags = np.isin(np.arange(n), wrong)
        columns = {"is_label_issue": flags, "label_quality": np.zeros(n, np.float32)}
        return columns | {"p_label_error": flags.astype(np.float32), "suggested_label": true}

    first, made = learn(x, labels, graph, folds=folds, judge=known, effort="regular")
    assert made.rounds.dropped == len(wrong)
    shuffled = labels.copy()
    shuffled[wrong] = np.random.default_rng(1).permutation(shuffled[wrong])
    second, _ = learn(x, shuffled, graph, folds=folds, judge=known)
    # what the first round gave to both is taken off again: it did learn from these rows
    before, after = (learn(x, given, graph, folds=folds, judge=None)[0] for given in (labels, shuffled))
    first_share = np.float32(1 - room.SECOND_SHARE)
    np.testing.assert_allclose(first - first_share * before, second - first_share * after, atol=1e-5)
    assert np.abs(before - after).max() > 0.01


def test_errors_are_ranked_at_least_as_well_as_by_logistic_regression_on_the_same_vectors(data_dir):
    """The obvious learner: five folds, the best of three C, self-confidence (fifteen intents, a tenth of the labels wrong)."""
    frame = pd.read_csv(data_dir / "banking77" / "train.csv")
    text, intent = frame.columns[:2]
    frame = frame[frame[intent].isin(sorted(frame[intent].unique())[:15])]
    true = pd.factorize(frame[intent])[0].astype(np.int32)
    rng = np.random.default_rng(4)
    wrong = rng.random(len(true)) < 0.1
    labels = np.where(wrong, (true + rng.integers(1, 15, len(true))) % 15, true).astype(np.int32)
    x = tfidf_embeddings(frame[text].tolist(), seed=0).astype(np.float32)
    folds = make_folds(labels, np.full(len(x), ALONE, np.int64))
    out, _ = learn(x, labels, neighbors(x, 15), folds=folds)
    ours = average_precision_score(wrong, find_label_issues(labels, out)["label_issue_score"])

    def logistic(c):
        p = np.empty((len(x), 15))
        for fold in range(5):
            model = LogisticRegression(C=c, max_iter=300).fit(x[folds != fold], labels[folds != fold])
            p[folds == fold] = model.predict_proba(x[folds == fold])
        return average_precision_score(wrong, -p[np.arange(len(x)), labels])

    assert ours >= max(logistic(c) for c in (0.3, 3, 30))


def test_without_noise_next_to_nothing_is_left_out_or_changes():
    x, labels, _, graph = digits(0.0)
    once, _ = learn(x, labels, graph, judge=None)
    twice, made = learn(x, labels, graph)
    assert made.rounds.dropped <= 2
    assert (once.argmax(1) == twice.argmax(1)).mean() > 0.999


def test_a_second_round_that_does_not_help_is_not_kept():
    """Right labels are said to be wrong: what is left is predicted worse, and the first round's bytes remain."""
    x, labels, _, graph = digits(0.0)

    def slander(given_labels, _):
        flags = np.isin(given_labels, (3, 8, 9))
        quality = np.random.default_rng(0).random(len(flags)).astype(np.float32)
        columns = {"is_label_issue": flags, "label_quality": quality}
        return columns | {"p_label_error": flags.astype(np.float32), "suggested_label": (given_labels + 1) % 10}

    once, _ = learn(x, labels, graph, judge=None)
    twice, made = learn(x, labels, graph, judge=slander)
    assert made.rounds.used == 1
    assert made.rounds.dropped > 100
    assert made.rounds.second_loss >= made.rounds.first_loss
    assert twice.tobytes() == once.tobytes()


def test_little_effort_and_too_many_probabilities_mean_one_round(monkeypatch):
    x, labels, _, graph = digits(0.25)
    _, fast = learn(x, labels, graph, effort="fast")
    assert (fast.rounds.used, fast.notes) == (1, [])
    monkeypatch.setitem(room.MAX_SECOND, "regular", len(x) * 10 - 1)
    _, large = learn(x, labels, graph)
    assert large.rounds.used == 1
    assert any("second round was left out" in note for note in large.notes)


@pytest.mark.parametrize("share", [0.05, 0.25])
def test_the_same_bytes_for_any_number_of_threads(share):
    x, labels, _, graph = digits(share)
    folds = make_folds(labels, np.full(len(x), ALONE, np.int64))
    made = []
    for threads in (1, 3):
        out = np.empty((len(x), 10), np.float32)
        doubt = lambda p: find_label_issues(labels, p)  # noqa: E731
        predict({"view": x}, labels, folds, graph, 10, out, doubt=doubt, threads=threads)
        made.append(out.tobytes())
    assert made[0] == made[1]


@given(st.integers(0, 10_000), st.integers(1, 200), st.integers(1, 8))
@settings(max_examples=80, deadline=None)
def test_a_class_keeps_half_of_its_rows_and_two_and_loses_its_worst(seed, n, k):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, k, n).astype(np.int32)
    use = rng.random(n) < 0.8
    quality = rng.random(n).astype(np.float32)
    wrong = rng.random(n).astype(np.float32)
    found = {"is_label_issue": rng.random(n) < 0.7, "label_quality": quality, "p_label_error": wrong}
    dropped = _dropped(labels, use, found)
    doubted = found["is_label_issue"] & (wrong >= room.SURELY_WRONG) & use & (labels >= 0)
    assert not (dropped & ~doubted).any()
    for code in range(k):
        mine = (labels == code) & use
        kept = int((mine & ~dropped).sum())
        assert kept >= min(mine.sum(), max(2, mine.sum() / 2))
        spared = mine & doubted & ~dropped
        if spared.any():  # only because there was no more room
            assert kept == min(mine.sum(), max(2, -(-mine.sum() // 2)))
            assert quality[mine & dropped].max(initial=0) <= quality[spared].min()


def test_a_dropped_row_is_calibrated_on_its_suggestion_as_often_as_its_label_is_wrong():
    n = 20_000
    labels, suggested = np.zeros(n, np.int32), np.ones(n, np.int32)
    dropped = np.arange(n) % 2 == 0
    found = {"p_label_error": np.full(n, 0.8, np.float32), "suggested_label": suggested}
    likely = _likely(labels, dropped, found, 0)
    assert (likely[~dropped] == 0).all()
    assert abs(likely[dropped].mean() - 0.8) < 0.02
