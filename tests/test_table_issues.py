"""Identical rows and blank cells. Oracles: pandas' duplicated, a brute-force count, real tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.columns import columns_of
from assay.issues.table import table_issues


def codes(n: int) -> np.ndarray:
    return np.zeros(n, np.int32)


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "A"]), st.integers(0, 2), st.integers(-1, 1)), max_size=40),
)
def test_identical_rows_are_those_that_pandas_finds_duplicated(rows: list[tuple[str, int, int]]) -> None:
    cells = pd.DataFrame({"x": [r[0] for r in rows], "y": [r[1] for r in rows]})
    labels = np.array([r[2] for r in rows], np.int32)
    found = table_issues(cells, ["x", "y"], labels)["is_identical_row"]
    assert found.tolist() == cells.assign(label=labels).duplicated(keep=False).tolist()


def test_another_label_makes_another_row() -> None:
    cells = pd.DataFrame({"x": [1.5, 1.5, 1.5]})
    found = table_issues(cells, ["x"], np.array([0, 1, 0], np.int32))["is_identical_row"]
    assert found.tolist() == [True, False, True]


def test_columns_that_are_no_features_do_not_count() -> None:
    cells = pd.DataFrame({"id": [1, 2, 3], "x": ["a", "a", "b"]})
    assert table_issues(cells, ["x"], codes(3))["is_identical_row"].tolist() == [True, True, False]
    assert not table_issues(cells, ["id", "x"], codes(3))["is_identical_row"].any()
    assert not table_issues(cells, [], codes(3))["is_identical_row"].any()


def test_blanks_of_any_spelling_are_equal_and_counted() -> None:
    cells = pd.DataFrame({"x": ["a", "a", "a", "b"], "y": ["N/A", None, " ", "?"], "z": [np.nan, np.nan, np.nan, 2.0]})
    found = table_issues(cells, ["x", "y", "z"], codes(4))
    assert found["is_identical_row"].tolist() == [True, True, True, False]
    assert found["num_missing_cells"].tolist() == [2, 2, 2, 1]
    assert found["num_missing_cells"].dtype == np.int32


def test_cells_without_a_hash_are_compared_too() -> None:
    cells = pd.DataFrame({"x": [[1, 2], [1, 2], [2, 1], {"a": 1}]})
    assert table_issues(cells, ["x"], codes(4))["is_identical_row"].tolist() == [True, True, False, False]


@pytest.mark.parametrize("n", [0, 1, 2, 20])
def test_any_number_of_rows(n: int) -> None:
    found = table_issues(pd.DataFrame({"x": ["same"] * n, "y": [None] * n}), ["x", "y"], codes(n))
    assert set(found) == {column.name for column in columns_of("table")}
    assert found["is_identical_row"].tolist() == [n > 1] * n
    assert found["num_missing_cells"].tolist() == [1] * n


def test_planted_copies_in_a_real_table_are_found_and_no_others(data_dir: Path) -> None:
    clean = pd.read_csv(data_dir / "tabular_hospital" / "clean.csv")
    features = [name for name in clean.columns if name not in ("index", "condition")]
    labels = pd.factorize(clean["condition"])[0].astype(np.int32)
    assert not table_issues(clean, features, labels)["is_identical_row"].any()
    copied = np.random.default_rng(0).permutation(len(clean))[:50]
    planted = pd.concat([clean, clean.iloc[copied]], ignore_index=True)
    found = table_issues(planted, features, np.concatenate([labels, labels[copied]]))["is_identical_row"]
    assert np.flatnonzero(found).tolist() == sorted([*copied.tolist(), *range(len(clean), len(planted))])
