"""Cells as people type them become numbers that models can use, and never NaN or infinity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.encode.cells import read_cells, split_number, to_float
from assay.encode.table import LIMIT, squash, table_features


def kind(values, name="x"):
    return read_cells(pd.Series(values), name).kind


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([None, "", " "] * 10, "empty"),
        (["same"] * 30, "constant"),
        ([str(n) for n in range(100)], "identifier"),
        ([f"ORD-{n:05d}" for n in range(100)], "identifier"),
        (["12.0 oz", "16 oz", "N/A", "8.5oz"] * 10, "number"),
        (["1,234", "5,678", "91"] * 10, "number"),
        (["5%", "7 %", "12.5%"] * 10, "number"),
        (["2024-01-05", "2023-12-31", None] * 10, "date"),
        (["red", "green", "blue"] * 10, "category"),
        (["x", None] * 20, "category"),
        (["007", "010", "100"] * 10, "category"),
        ([True, False, None] * 10, "category"),
        ([f"city number {n % 60} of the north" for n in range(200)], "text"),
    ],
)
def test_a_columns_kind_is_seen(values, expected):
    assert kind(values, "order_id" if expected == "identifier" else "x") == expected


def test_a_measurement_is_no_identifier():
    numbers = np.random.default_rng(0).normal(200, 50, size=200).round(4)
    assert kind(numbers, "height") == "number"
    masses = [
        str(number) if at % 8 else f"[{number:.0f}]" for at, number in enumerate(numbers)
    ]  # too few read as numbers
    assert kind(masses, "atomic mass") == "string"


def test_an_id_that_comes_again_is_no_number():
    """Patients with two samples; a count that is called otherwise stays one, and so do ids that most rows share."""
    ids = np.random.default_rng(0).integers(10**5, 10**7, 300)
    ids[200:250] = ids[:50]
    assert kind(ids, "ID") == kind(ids, "patientId") == "identifier"
    assert kind(ids, "population") == kind(ids // 10**5, "store_id") == "number"


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("12.0 oz.", 12.0, "oz"),
        ("$1,234.50", 1234.5, ""),
        ("-3e2", -300.0, ""),
        ("5%", 5.0, "%"),
        ("1 000", 1000.0, ""),
    ],
)
def test_numbers_are_read_as_people_write_them(text, value, unit):
    digits, found = split_number(text)
    assert to_float(digits) == value and found == unit


@pytest.mark.parametrize("text", ["", "abc", "1,23,4", "12-34", "1.2.3", "--5"])
def test_what_is_no_number_is_none(text):
    assert split_number(text) is None


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_squashed_numbers_are_finite_bounded_and_in_order(values):
    x = np.array(values)
    y = squash(x)
    assert np.isfinite(y).all() and (np.abs(y) <= LIMIT + 1e-6).all()
    known = ~np.isnan(x)
    order = np.argsort(x[known], kind="stable")
    assert (np.diff(y[known][order]) >= -1e-9).all()


def test_the_two_matrices_of_a_mixed_table():
    n = 200
    rng = np.random.default_rng(0)
    cells = pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, rng.normal(40, 9, n)),
            "colour": rng.choice(["red", "green", None], n),
            "blank": [None] * n,
            "order_id": [f"A{n:04d}" for n in range(n)],
            "wild": np.where(rng.random(n) < 0.05, np.inf, rng.normal(size=n)),
        }
    )
    found = table_features(cells, list(cells))
    assert found.names == ("age", "colour", "wild")
    assert {note.split("'")[1] for note in found.notes} == {"blank", "order_id"}
    assert np.isfinite(found.dense).all() and np.abs(found.dense).max() < 60_000
    assert np.isnan(found.trees[:, 0]).sum() == cells["age"].isna().sum()
    assert not np.isinf(found.trees).any()


@pytest.mark.parametrize("n", [1, 2, 20])
def test_tables_without_anything_to_learn_from_still_have_a_shape(n):
    found = table_features(pd.DataFrame({"same": ["x"] * n, "blank": [None] * n}), ["same", "blank"])
    assert found.dense.shape == (n, 1) and found.trees.shape == (n, 1)
    assert "no feature column is left" in found.notes[-1]
