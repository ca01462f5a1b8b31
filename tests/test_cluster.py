"""Clusters of exact groups and verified pairs: no chains, no strangers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assay.duplicates import Clusters, Pairs, cluster, exact_groups, make_pairs

KEYS = st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=30)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[str | None], Pairs]:
    """Keys of up to 14 rows, and pairs with similarities of few levels, so that ties happen."""
    n = draw(st.integers(0, 14))
    keys = draw(st.lists(st.sampled_from(["a", "b", None]), min_size=n, max_size=n))
    keys = [key if draw(st.booleans()) else f"own {row}" for row, key in enumerate(keys)]
    row = st.integers(0, max(n - 1, 0))
    pairs = st.tuples(row, row, st.sampled_from([0.9, 0.95, 0.99]), st.sampled_from(["near", "typo"]))
    return keys, make_pairs(draw(st.lists(pairs, max_size=40)) if n else [])


def brute_force_groups(keys: list[str | None]) -> list[int]:
    out: list[int] = []
    numbers: dict[str, int] = {}
    for key in keys:
        if key is None or keys.count(key) == 1:
            out.append(-1)
        else:
            out.append(numbers.setdefault(key, len(numbers)))
    return out


def nodes_of(exact: np.ndarray) -> list[int]:
    """The first row with the same exact group: exact copies are one thing."""
    groups = exact.tolist()
    return [groups.index(group) if group >= 0 else row for row, group in enumerate(groups)]


def brute_force_clusters(n: int, exact: np.ndarray, pairs: Pairs) -> list[set[int]]:
    """The rule, read aloud: again and again the node with most free verified partners takes them, and majorities join."""
    node = nodes_of(exact)
    near: dict[tuple[int, int], float] = {}
    for a, b, how in zip(pairs.row_a.tolist(), pairs.row_b.tolist(), pairs.similarity.tolist(), strict=True):
        for key in ((node[a], node[b]), (node[b], node[a])):
            if key[0] != key[1]:
                near[key] = max(how, near.get(key, 0.0))
    free = {a for a, _ in near}
    stars: dict[int, set[int]] = {}
    while free:
        partners = {x: [y for y in free if (x, y) in near] for x in free}
        top = min(free, key=lambda x: (-len(partners[x]), -sum(near[x, y] for y in sorted(partners[x])), x))
        members = {top, *partners[top]}
        free -= members
        joined = {z for z in free if 2 * sum((z, y) in near for y in members) > len(members)}
        free -= joined
        stars[top] = members | joined
    leader = {member: top for top, members in stars.items() for member in members}
    rows: dict[int, set[int]] = {}
    for row in range(n):
        rows.setdefault(leader.get(node[row], node[row]), set()).add(row)
    return sorted((members for members in rows.values() if len(members) > 1), key=min)


def as_sets(found: Clusters) -> list[set[int]]:
    return [set(np.flatnonzero(found.id == number).tolist()) for number in range(found.id.max(initial=-1) + 1)]


@given(KEYS)
def test_exact_groups_are_those_of_a_brute_force_twin(keys: list[str | None]) -> None:
    assert exact_groups(keys).tolist() == brute_force_groups(keys)


@given(problems())
def test_clusters_are_those_of_a_brute_force_twin(problem: tuple[list[str | None], Pairs]) -> None:
    keys, pairs = problem
    exact = exact_groups(keys)
    assert as_sets(cluster(len(keys), exact, pairs)) == brute_force_clusters(len(keys), exact, pairs)


@given(problems())
def test_every_member_was_verified_against_the_representative_or_most_of_its_partners(
    problem: tuple[list[str | None], Pairs],
) -> None:
    keys, pairs = problem
    exact = exact_groups(keys)
    node = nodes_of(exact)
    verified = {(node[a], node[b]) for a, b in zip(pairs.row_a.tolist(), pairs.row_b.tolist(), strict=True)}
    verified |= {(b, a) for a, b in verified}
    for members in as_sets(cluster(len(keys), exact, pairs)):
        things = {node[row] for row in members}

        def holds_together(top: int, things: set[int] = things) -> bool:
            core = {top} | {x for x in things if (top, x) in verified}
            return all(2 * sum((x, y) in verified for y in core) > len(core) for x in things - core)

        assert any(holds_together(top) for top in things)


@given(problems())
def test_ids_are_numbered_from_zero_by_first_member(problem: tuple[list[str | None], Pairs]) -> None:
    keys, pairs = problem
    ids = cluster(len(keys), exact_groups(keys), pairs).id
    seen = list(dict.fromkeys(ids[ids >= 0].tolist()))
    assert seen == list(range(len(seen)))
    assert all((ids == number).sum() > 1 for number in seen)


@given(problems())
def test_exact_copies_share_a_cluster_and_score_one(problem: tuple[list[str | None], Pairs]) -> None:
    keys, pairs = problem
    exact = exact_groups(keys)
    found = cluster(len(keys), exact, pairs)
    for group in range(exact.max(initial=-1) + 1):
        rows = exact == group
        assert len(set(found.id[rows].tolist())) == 1
        assert (found.score[rows] == 1).all()
        assert set(found.kind[rows].tolist()) == {"exact"}
    assert (found.exact == (exact >= 0)).all()


@given(problems())
def test_a_row_without_cluster_has_neither_score_nor_kind(problem: tuple[list[str | None], Pairs]) -> None:
    keys, pairs = problem
    found = cluster(len(keys), exact_groups(keys), pairs)
    alone = found.id < 0
    assert np.isnan(found.score[alone]).all()
    assert all(kind is None for kind in found.kind[alone])


def test_a_chain_of_small_steps_is_not_one_cluster() -> None:
    pairs = make_pairs([(row, row + 1, 0.95, "near") for row in range(9)])
    found = cluster(10, exact_groups([None] * 10), pairs)
    assert max(len(members) for members in as_sets(found)) == 3


def test_the_score_is_the_similarity_to_the_closest_member() -> None:
    pairs = make_pairs([(0, 1, 0.92, "near"), (1, 2, 0.97, "typo"), (0, 2, 0.93, "near")])
    found = cluster(3, exact_groups([None] * 3), pairs)
    assert found.score.tolist() == np.float32([0.93, 0.97, 0.97]).tolist()
    assert found.kind.tolist() == ["near", "typo", "typo"]


def test_of_two_entries_for_a_pair_the_closer_stays() -> None:
    pairs = make_pairs([(4, 2, 0.91, "near"), (2, 4, 0.96, "typo"), (3, 3, 1.0, "near")])
    assert (pairs.row_a.tolist(), pairs.row_b.tolist(), pairs.kind.tolist()) == ([2], [4], ["typo"])


def test_a_hundred_thousand_pairs_take_seconds() -> None:
    rng = np.random.default_rng(0)
    n = 50_000
    pairs = Pairs(
        np.arange(n - 1), np.arange(1, n), rng.random(n - 1).astype(np.float32), np.full(n - 1, "near", object)
    )
    found = cluster(n, np.full(n, -1), pairs)
    assert (found.id >= 0).sum() > n / 2
