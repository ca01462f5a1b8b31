"""issues/leaks.py and its findings: values that give the label away."""

from __future__ import annotations

import numpy as np
import pytest

from assay.insights.leaks import leak_findings, size_finding
from assay.issues.leaks import Leak, find_leaks, fixes, told


def told_by_loop(values, codes) -> float:
    right = 0
    counts = {value: int((values == value).sum()) for value in set(values.tolist())}
    pooled = np.array([value if counts[value] > 1 else -1 for value in values.tolist()])
    for row in range(len(codes)):
        others = codes[(pooled == pooled[row]) & (np.arange(len(codes)) != row)]
        times = np.bincount(others, minlength=codes.max() + 1) if len(others) else np.zeros(codes.max() + 1)
        own = times[codes[row]]
        right += own > np.delete(times, codes[row]).max(initial=0)
    return right / len(codes)


@pytest.mark.parametrize("seed", range(5))
def test_told_equals_a_loop_that_leaves_each_row_out(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, 80).astype(np.int32)
    values = np.where(rng.random(80) < 0.6, codes * 2 + rng.integers(0, 2, 80), rng.integers(0, 40, 80)).astype(
        np.int64
    )
    assert told(values, codes)[0] == pytest.approx(told_by_loop(values, codes))


@pytest.mark.parametrize(("n_classes", "n_values"), [(2, 2), (3, 12), (20, 100), (2, 60)])
def test_one_to_one_and_many_to_one_leaks_are_found(n_classes, n_values):
    rng = np.random.default_rng(0)
    value = rng.integers(n_values, size=2_000)
    codes = (value % n_classes).astype(np.int32)
    codes[:50] = -1
    noise = {"other": rng.integers(5, size=2_000), "own": np.arange(2_000)}
    assert [leak.names for leak in find_leaks({"code": value, **noise}, codes)] == [("code",)]


def test_two_columns_that_fix_the_label_together_are_found():
    rng = np.random.default_rng(1)
    one, two, three = (rng.integers(4, size=1_500) for _ in range(3))
    codes = ((one + two) % 4).astype(np.int32)
    assert [leak.names for leak in find_leaks({"one": one, "two": two, "three": three}, codes)] == [("one", "two")]


@pytest.mark.parametrize("wrong", [0.03, 0.1])
def test_a_column_that_foretells_the_right_class_is_no_leak(wrong):
    """It leaves as many exceptions as there are wrong labels: the best evidence there is."""
    rng = np.random.default_rng(2)
    true = rng.integers(4, size=2_000)
    codes = np.where(rng.random(2_000) < wrong, rng.integers(4, size=2_000), true).astype(np.int32)
    assert find_leaks({"right": true}, codes) == []


def test_values_by_chance_commonest_classes_and_few_rows_are_no_leaks():
    rng = np.random.default_rng(3)
    codes = (rng.random(1_000) < 0.005).astype(np.int32)
    columns = {name: rng.integers(30, size=1_000) for name in "abcdefgh"}
    assert find_leaks(columns, codes) == []
    assert fixes(np.array([0, 1] * 5), np.array([0, 1] * 5, np.int32)) is None
    assert find_leaks({"id": np.arange(300)}, rng.integers(0, 2, 300).astype(np.int32)) == []


def test_findings_say_which_columns_and_what_was_done():
    one, two = leak_findings([Leak(("code",), 12, 1.0), Leak(("a", "b"), 16, 0.995)])
    assert "“code” gives the label away" in one.message and "judged without it" in one.message
    assert two.subject == ["a", "b"] and "together give" in two.message
    assert "size of a picture" in size_finding(Leak(("width", "height"), 2, 1.0)).message
