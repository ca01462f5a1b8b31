"""`near_duplicates` on embeddings. Oracles: planted copies, brute-force equality, the table of columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import load_digits

from assay.columns import columns_of
from assay.duplicates.near import near_duplicates
from assay.errors import ArrayError, UsageError

METRICS = ("cosine", "euclidean")


def with_copies(rows: np.ndarray, n: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows and ``n`` copies with noise of this share of their length; and which were copied."""
    rng = np.random.default_rng(seed)
    which = rng.choice(len(rows), n, replace=False)
    error = rng.normal(size=(n, rows.shape[1]))
    error *= noise * np.linalg.norm(rows[which], axis=1, keepdims=True) / np.linalg.norm(error, axis=1, keepdims=True)
    return np.concatenate([rows, rows[which] + error]).astype(np.float32), which


def recall(found: pd.DataFrame, n: int, which: np.ndarray) -> float:
    ids = found.near_duplicate_cluster_id.fillna(-1).to_numpy()
    return float(np.mean([ids[row] == ids[n + at] >= 0 for at, row in enumerate(which)]))


def test_the_columns_are_those_of_the_one_table() -> None:
    found = near_duplicates(np.random.default_rng(0).normal(size=(50, 8)))
    known = {column.name for column in columns_of("duplicate")}
    assert set(found.columns) - {"row_id"} <= known
    assert found.row_id.tolist() == list(range(50))
    assert found.near_duplicate_score.dtype == np.float32
    assert found.near_duplicate_cluster_id.dtype == pd.Int64Dtype()
    assert found.is_near_duplicate.dtype == found.is_exact_duplicate.dtype == bool


@pytest.mark.parametrize("metric", METRICS)
def test_copies_with_little_noise_are_found(metric: str) -> None:
    rows = load_digits().data
    vectors, which = with_copies(rows, 200, 0.05)
    assert recall(near_duplicates(vectors, metric=metric), len(rows), which) >= 0.98


@pytest.mark.parametrize("metric", METRICS)
def test_unlike_rows_are_left_alone(metric: str) -> None:
    assert not near_duplicates(load_digits().data, metric=metric).is_near_duplicate.any()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dims", [1, 2, 3, 8, 64])
def test_chance_gives_few_flags_in_any_dimension(metric: str, dims: int) -> None:
    rows = np.random.default_rng(dims).normal(size=(3000, dims))
    if dims == 1 and metric == "cosine":
        rows = np.abs(rows) + 1  # all of one direction: no pair is an exact copy, all are near
        assert not near_duplicates(rows, metric=metric).is_exact_duplicate.any()
        return
    assert near_duplicates(rows, metric=metric).is_near_duplicate.mean() <= 0.01


def test_held_out_pictures_copies_found_others_not(data_dir: Path) -> None:
    file = next((data_dir / "fashion_mnist_5k").glob("*.npz"))
    rows = np.load(file)["X"].reshape(5000, -1)[:3000].astype(np.float32)
    vectors, which = with_copies(rows, 100, 0.05)
    found = near_duplicates(vectors)
    assert recall(found, len(rows), which) >= 0.98
    assert found.is_near_duplicate[: len(rows)].sum() <= 100 + 4


def test_identical_vectors_are_exact_and_score_one() -> None:
    rows = np.random.default_rng(1).normal(size=(40, 6))
    rows[[4, 9]] = rows[2]
    found = near_duplicates(rows)
    assert np.flatnonzero(found.is_exact_duplicate).tolist() == [2, 4, 9]
    assert (found.near_duplicate_score[[2, 4, 9]] == 1).all()
    assert set(found.near_duplicate_kind[[2, 4, 9]]) == {"exact"}
    assert found.near_duplicate_score.notna().sum() == 3


def test_one_direction_at_two_lengths_is_near_not_exact_under_cosine() -> None:
    rows = np.random.default_rng(1).normal(size=(40, 6))
    rows[7] = 2 * rows[3]
    found = near_duplicates(rows)
    assert found.near_duplicate_cluster_id[3] == found.near_duplicate_cluster_id[7]
    assert not found.is_exact_duplicate.any()
    assert not near_duplicates(rows, metric="euclidean").is_near_duplicate.any()


@settings(max_examples=40, deadline=None)
@given(
    arrays(
        np.float32, st.tuples(st.integers(0, 12), st.integers(1, 3)), elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0])
    )
)
def test_exact_is_equality_of_vectors(rows: np.ndarray) -> None:
    for metric in METRICS:
        found = near_duplicates(rows, metric=metric)
        equal = (rows[:, None] == rows[None]).all(2)
        assert found.is_exact_duplicate.tolist() == (equal.sum(1) > 1).tolist()
        assert (found.is_near_duplicate | ~found.is_exact_duplicate).all()
        scores = found.near_duplicate_score[found.is_near_duplicate]
        assert ((scores >= 0) & (scores <= 1)).all()
        assert found.near_duplicate_cluster_id.isna().tolist() == (~found.is_near_duplicate).tolist()


def test_a_larger_threshold_flags_no_less() -> None:
    vectors, _ = with_copies(load_digits().data, 200, 0.12)
    counts = [near_duplicates(vectors, threshold=one).is_near_duplicate.sum() for one in (0, 0.05, 0.15, 0.25, 0.4)]
    assert counts == sorted(counts)
    assert counts[0] == 0 < counts[-1]


def test_many_copies_of_one_row_are_one_cluster() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 32))
    rows[:50] = rows[0] + 1e-4 * rng.normal(size=(50, 32))
    ids = near_duplicates(rows).near_duplicate_cluster_id
    assert ids[:50].notna().mean() > 0.9
    assert ids[50:].isna().all()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 20])
@pytest.mark.parametrize("metric", METRICS)
def test_few_rows_are_survived(n: int, metric: str) -> None:
    rows = np.random.default_rng(n).normal(size=(n, 4))
    assert len(near_duplicates(rows, metric=metric)) == n


@pytest.mark.parametrize("metric", METRICS)
def test_all_rows_identical_are_one_exact_cluster(metric: str) -> None:
    found = near_duplicates(np.ones((30, 3)), metric=metric)
    assert found.is_exact_duplicate.all()
    assert set(found.near_duplicate_cluster_id) == {0}


def test_threads_change_nothing() -> None:
    vectors, _ = with_copies(load_digits().data, 200, 0.08)
    pd.testing.assert_frame_equal(near_duplicates(vectors, threads=1), near_duplicates(vectors, threads=2))


@pytest.mark.parametrize(
    ("bad", "options", "error"),
    [
        (np.ones(3), {}, ArrayError),
        (np.array([["a", "b"]]), {}, ArrayError),
        (np.array([[0.0, np.nan], [1.0, 2.0]]), {}, ArrayError),
        (np.ones((3, 2)), {"threshold": 1.5}, UsageError),
        (np.ones((3, 2)), {"threshold": float("nan")}, UsageError),
        (np.ones((3, 2)), {"metric": "manhattan"}, UsageError),
        (np.ones((3, 2)), {"k": 0}, UsageError),
    ],
)
def test_bad_input_is_named(bad: np.ndarray, options: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        near_duplicates(bad, **options)
