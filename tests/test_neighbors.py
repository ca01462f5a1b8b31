"""The neighbour graph against a brute-force twin; the approximate search against the exact one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.errors import ArrayError, UsageError
from assay.graph import CANDIDATES, join_embeddings, neighbors, neighbors_report
from assay.graph.self_join import join, make_lists
from assay.graph.vectors import make_vectors


def brute(x, k, metric):
    """(ids, distances) from the whole distance matrix in float64; ties by row number."""
    x = np.asarray(x, np.float64)
    if metric == "cosine":
        norm = np.linalg.norm(x, axis=1)
        unit = np.divide(x, norm[:, None], out=np.zeros_like(x), where=norm[:, None] > 0)
        distance = 1 - unit @ unit.T
        zero = norm == 0
        distance[zero[:, None] & zero[None]] = 0
    else:
        distance = np.linalg.norm(x[:, None] - x[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    order = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distance, order, 1)


small = arrays(
    np.float32, st.tuples(st.integers(1, 25), st.integers(1, 6)), elements=st.integers(-3, 3).map(np.float32)
)


@given(small, st.integers(1, 8), st.sampled_from(["cosine", "euclidean"]))
@settings(max_examples=150, deadline=None)
def test_distances_equal_brute_force_on_awkward_integers(x, k, metric):
    """Zero rows, equal rows, fewer rows than neighbours: distances as from the whole matrix, self left out."""
    ids, distances = neighbors(x, k, metric, threads=1)
    expected = brute(x, min(k, len(x) - 1), metric)[1] if len(x) > 1 else np.zeros((1, 0))
    width = expected.shape[1]
    assert ids.shape == distances.shape == (len(x), k)
    assert ids.dtype == np.int32 and distances.dtype == np.float32
    np.testing.assert_allclose(distances[:, :width], expected, atol=2e-5)
    assert (ids[:, width:] == -1).all() and np.isinf(distances[:, width:]).all()
    assert (ids != np.arange(len(x))[:, None]).all()
    for row in ids:
        found = row[row >= 0]
        assert len(set(found.tolist())) == len(found)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ids_equal_brute_force_on_real_vectors(metric, dtype):
    from sklearn.datasets import load_digits

    x = load_digits().data.astype(dtype)
    ids, distances, recall = neighbors_report(x, 10, metric)
    expected, far = brute(x, 10, metric)
    np.testing.assert_allclose(distances, far, rtol=1e-3, atol=1e-4)
    assert (ids == expected).mean() > 0.99  # the rest are ties
    assert recall == 1.0


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    """25,000 clustered rows, above the exact scan, with 500 planted near pairs."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((300, 48))
    x = (centres[rng.integers(0, 300, 25_000)] + 0.7 * rng.standard_normal((25_000, 48))).astype(np.float32)
    x[500:1000] = x[:500] + 0.01 * rng.standard_normal((500, 48)).astype(np.float32)
    return x


def test_the_approximate_search_finds_nearly_all_and_every_planted_pair(many):
    ids, distances, recall = neighbors_report(many, 10, "cosine", threads=2)
    assert recall >= 0.98
    assert (ids[:500, 0] == np.arange(500, 1000)).mean() == 1.0
    rows = np.arange(0, 25_000, 250)
    unit = many / np.linalg.norm(many, axis=1, keepdims=True)
    truth = 1 - unit[rows] @ unit.T
    truth[np.arange(len(rows)), rows] = np.inf
    kth = np.sort(truth, 1)[:, 9]
    assert (distances[rows] <= kth[:, None] + 1e-5).mean() >= 0.97


def test_the_same_bytes_whatever_the_threads(many):
    one = neighbors(many[:22_000], 5, threads=1)
    two = neighbors(many[:22_000], 5, threads=2)
    assert one[0].tobytes() == two[0].tobytes() and one[1].tobytes() == two[1].tobytes()


def test_a_memory_map_gives_what_an_array_gives(many, tmp_path):
    np.save(tmp_path / "x.npy", many[:3_000])
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    np.testing.assert_array_equal(neighbors(mapped, 5)[0], neighbors(many[:3_000], 5)[0])


def test_many_equal_rows_are_each_others_neighbours():
    x = np.repeat(np.eye(3, 4, dtype=np.float32), 10_000, axis=0)
    ids, distances = neighbors(x, 4)
    assert (distances == 0).all()
    assert (ids // 10_000 == (np.arange(30_000) // 10_000)[:, None]).all()


@pytest.mark.parametrize(
    ("x", "k", "metric", "error", "message"),
    [
        (np.zeros(3), 1, "cosine", ArrayError, "two-dimensional"),
        (np.zeros((3, 0)), 1, "cosine", ArrayError, "two-dimensional"),
        (np.array([["a"]]), 1, "cosine", ArrayError, "must hold numbers"),
        (np.array([[1.0], [np.nan]]), 1, "cosine", ArrayError, "NaN or infinity in row 1"),
        (np.array([[1.0], [np.inf]]), 1, "euclidean", ArrayError, "NaN or infinity in row 1"),
        (np.ones((3, 2)), 0, "cosine", UsageError, "k must be at least 1"),
        (np.ones((3, 2)), 1, "manhattan", UsageError, "metric 'manhattan' is unknown"),
    ],
)
def test_wrong_input_is_named(x, k, metric, error, message):
    with pytest.raises(error, match=message):
        neighbors(x, k, metric)


def test_huge_and_tiny_values_keep_their_ranks():
    x = np.array([[1e300, 0], [1e300, 1e290], [0, 1e-300], [1e-310, 1e-300]])
    ids, _ = neighbors(x, 1, "cosine")
    assert ids.ravel().tolist() == [1, 0, 3, 2]


def test_joined_views_have_the_mean_of_the_views_cosines():
    rng = np.random.default_rng(1)
    embeddings = [rng.standard_normal((50, 6)), 100 * rng.standard_normal((50, 9))]
    joint = join_embeddings(embeddings)
    unit = [embedding / np.linalg.norm(embedding, axis=1, keepdims=True) for embedding in embeddings]
    expected = sum(u @ u.T for u in unit) / 2
    np.testing.assert_allclose(joint @ joint.T, expected, atol=1e-5)


def test_joined_views_keep_their_lengths_for_euclidean_distances():
    rng = np.random.default_rng(3)
    embeddings = [rng.standard_normal((50, 6)), 10 * rng.standard_normal((50, 9))]
    joint = join_embeddings(embeddings, unit=False)
    squared = sum(((embedding[:, None] - embedding[None]) ** 2).sum(2) for embedding in embeddings) / 2
    np.testing.assert_allclose(((joint[:, None] - joint[None]) ** 2).sum(2), squared, rtol=1e-4, atol=1e-3)


def test_wide_views_are_reduced_with_little_loss():
    rng = np.random.default_rng(2)
    basis = rng.standard_normal((20, 400))
    embedding = rng.standard_normal((500, 20)) @ basis
    joint = join_embeddings([embedding, embedding], max_dims=64)
    assert joint.shape == (500, 64)
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    np.testing.assert_allclose(joint @ joint.T, unit @ unit.T, atol=1e-3)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_where_the_coarse_space_has_all_dimensions_more_candidates_find_nothing_more(metric):
    x = np.random.default_rng(0).normal(size=(6_000, 24)).astype(np.float32)
    vectors = make_vectors(x, metric)
    lists = make_lists(vectors, threads=2, seed=0)
    assert lists.exact
    few, many = (join(vectors, lists, 10, probes=24, candidates=count, threads=2) for count in (CANDIDATES, 256))
    assert np.array_equal(few[0], many[0])
    assert np.array_equal(few[1], many[1])
    wide = make_vectors(np.random.default_rng(1).normal(size=(1_000, 200)).astype(np.float32), metric)
    assert not make_lists(wide, threads=2, seed=0).exact
