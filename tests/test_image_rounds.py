"""Families of copies: what is looked at after the first proofs, and when a set counts as augmented."""

from __future__ import annotations

import numpy as np

from assay.duplicates.image_rounds import AT_LEAST, next_candidates
from assay.insights import augmented_finding


def rounds_until_done(truth: np.ndarray, ids: np.ndarray, proven: np.ndarray) -> tuple[set[tuple[int, int]], int]:
    """Rounds with a perfect judge: all proven pairs, and how many pairs were looked at."""
    tried = proven
    while True:
        pairs = next_candidates(proven, tried, ids)
        assert (pairs[:, 0] < pairs[:, 1]).all()
        assert not {tuple(p) for p in pairs.tolist()} & {tuple(p) for p in tried.tolist()}
        right = pairs[truth[pairs[:, 0]] == truth[pairs[:, 1]]]
        if not len(right):
            return {(int(a), int(b)) for a, b in proven}, len(tried)
        proven, tried = np.concatenate([proven, right]), np.concatenate([tried, pairs])


def test_a_few_proven_pairs_grow_into_whole_families() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(30), 16)
    ids = np.stack([np.r_[rng.permutation(np.flatnonzero(truth == t))[:8], rng.integers(0, 480, 4)] for t in truth])
    seeds = np.array([(16 * f + a, 16 * f + a + 1) for f in range(30) for a in (0, 1, 6)])
    proven, looked_at = rounds_until_done(truth, ids.astype(np.int32), seeds)
    parent = np.arange(480)
    for a, b in sorted(proven):  # brute-force union
        parent[parent == parent[b]] = parent[a]
    assert len(np.unique(parent)) == 30
    degree = {f: max(sum(row in pair for pair in proven) for row in range(16 * f, 16 * f + 16)) for f in range(30)}
    assert min(degree.values()) == 15, "one member of each family was compared with all others"
    assert looked_at < 6_000  # of 114,960 pairs


def test_two_copies_are_no_family_and_nothing_proven_asks_nothing() -> None:
    ids = np.arange(40, dtype=np.int32).reshape(10, 4) % 10
    assert len(next_candidates(np.array([(0, 5)]), np.array([(0, 5)]), ids)) == 0
    assert len(next_candidates(np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64), ids)) == 0


def test_a_round_is_bounded() -> None:
    n = 4_000
    ids = np.random.default_rng(1).integers(0, n, (n, 15)).astype(np.int32)
    pairs = np.array([(a, a + 1) for a in range(0, n - 3, 3)] + [(a, a + 2) for a in range(0, n - 3, 3)])
    assert len(next_candidates(pairs, pairs, ids)) == AT_LEAST + n // 2


def test_a_set_of_turned_pictures_looks_augmented_and_a_set_with_second_uploads_does_not() -> None:
    clusters = np.r_[np.repeat(np.arange(20), 8), np.full(12, -1)]
    turned = np.where(np.arange(172) % 2, "rotated", "mirror").astype(object)
    found = augmented_finding(clusters, turned)
    assert found is not None
    assert found.data == {"pictures": 172, "originals": 32, "in_families": 160}
    assert "looks augmented" in found.message
    assert augmented_finding(np.repeat(np.arange(86), 2), turned) is None
    assert augmented_finding(np.full(172, -1), np.full(172, None, object)) is None


def test_a_set_of_which_a_part_is_in_families_may_be_augmented_and_one_with_few_is_not() -> None:
    near = np.full(160, "near", object)
    few_found = augmented_finding(np.r_[np.repeat(np.arange(4), 3), np.full(148, -1)], near)
    assert few_found is not None
    assert "may be augmented" in few_found.message and "12 of 160 pictures are in 4 groups" in few_found.message
    assert few_found.data == {"pictures": 160, "originals": 152, "in_families": 12}
    assert augmented_finding(np.r_[np.zeros(60, int), np.full(100, -1)], near) is None, "one burst"
    assert augmented_finding(np.r_[np.repeat(np.arange(4), 3), np.full(400, -1)], np.full(412, "near", object)) is None
