"""issues/unusual_cells.py: planted cells are found and named, clean columns of many shapes give hardly any."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.encode.cells import read_cells
from assay.encode.table import table_features
from assay.graph import neighbors
from assay.issues.outlier import outlier_issues
from assay.issues.unusual_cells import least_usual, unusual_cells


def read(frame: pd.DataFrame):
    return [read_cells(frame[name], str(name)) for name in frame]


def clean(n: int, seed: int) -> pd.DataFrame:
    """Columns of many shapes without a strange cell."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "normal": rng.normal(50, 10, n),
            "skewed": rng.gamma(2, 300, n),
            "heavy": rng.pareto(2.5, n) * 100,
            "bounded": rng.uniform(0, 1, n),
            "count": rng.poisson(4, n),
            "few": rng.integers(0, 4, n),
            "rounded": rng.normal(1970, 12, n).round(-1),
            "mixture": np.where(rng.random(n) < 0.1, rng.normal(90, 3, n), rng.normal(20, 5, n)),
            "kind": rng.choice(["a", "b", "c", "d"], n, p=[0.6, 0.3, 0.07, 0.03]),
            "zipf": [f"v{value}" for value in np.minimum(rng.zipf(1.6, n), 500)],
            "flag": rng.choice(["no", "yes"], n, p=[0.99, 0.01]),
        }
    )


def test_clean_tables_have_hardly_an_unusual_cell():
    """Goal: below one row in a hundred; found here: below one in two thousand."""
    flagged = sum(int((unusual_cells(read(clean(1_500, seed))).strength > 0).sum()) for seed in range(8))
    assert flagged / (8 * 1_500) < 0.002


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("normal", 180.0, "180"),
        ("normal", -999.0, "-999"),
        ("skewed", 60_000.0, "60000"),
        ("skewed", -250.0, "-250"),
        ("skewed", 0.001, "0.001"),
        ("count", 77, "77"),
        ("few", 31, "31"),
        ("rounded", 1780.0, "1780"),
        ("kind", "YOLO", "“YOLO”"),
        ("flag", "perhaps", "“perhaps”"),
    ],
)
def test_a_cell_no_one_would_believe_is_found_and_named(column, value, named):
    frame = clean(1_500, 3)
    frame[column] = frame[column].astype(object)
    frame.loc[700, column] = value
    found = unusual_cells(read(frame))
    assert found.strength[700] > 0
    assert found.reason[700].startswith(column)
    assert named in found.reason[700]


def test_dates_are_named_as_dates():
    days = pd.Series(pd.date_range("2021-01-01", periods=400).strftime("%Y-%m-%d"))
    days[9] = "1900-01-01"
    found = unusual_cells([read_cells(days, "sold")])
    assert np.flatnonzero(found.strength).tolist() == [9]
    assert found.reason[9] == "sold is 1900-01-01; usual: 2021-01-05 to 2022-01-31."


def test_many_cells_with_one_cause_are_one_sentence_and_no_flags():
    frame = clean(1_500, 5)
    frame.loc[:24, "normal"] = -999.0
    found = unusual_cells(read(frame))
    assert not (found.strength[:25] > 0).any()
    assert [(cause.column, len(cause.rows)) for cause in found.common] == [("normal", 25)]
    assert "-999 in 25 rows" in found.common[0].message


def test_few_rows_and_no_columns_have_nothing_unusual():
    assert not unusual_cells([]).strength.any()
    assert not unusual_cells(read(clean(29, 0))).strength.any()
    blank = pd.DataFrame({"x": [None] * 50, "y": [np.inf, -np.inf] * 25, "z": [1.0] * 50})
    assert not unusual_cells(read(blank)).strength.any()
    assert least_usual([], np.array([1])) == [""]


def test_strange_rows_lead_the_scores_of_a_table_and_their_reasons_name_the_column():
    """Distances alone put rare values of an ordinary row hundreds of ranks down; here they come first, and nothing else."""
    frame = clean(2_000, 11)
    planted = {17: ("rounded", 1770.0), 240: ("skewed", 90_000.0), 901: ("kind", "Absurd"), 1200: ("count", 480)}
    for row, (column, value) in planted.items():
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
    vectors = table_features(frame, list(frame)).dense.astype(np.float16)
    ids, distances = neighbors(vectors.astype(np.float32), 20, "euclidean", threads=1)
    found = outlier_issues(
        {"cells": vectors},
        np.full(2_000, -1, np.int32),
        ids,
        distances,
        None,
        np.ones(2_000, bool),
        modality="table",
        seed=0,
        threads=1,
        columns=read(frame),
    )
    assert set(np.argsort(-found["outlier_score"])[:4]) == set(planted)
    assert all(found["outlier_reason"][row].startswith(column) for row, (column, _) in planted.items())
    others = np.delete(found["is_outlier"], list(planted))
    assert others.mean() < 0.01


def test_a_row_flagged_as_a_whole_is_told_by_its_least_usual_cells():
    frame = clean(1_000, 2)
    frame.loc[5, "normal"] = frame["normal"].max() + 1
    [sentence] = least_usual(read(frame), np.array([5]))
    assert "normal is" in sentence
    assert "usual:" in sentence


def test_a_cell_within_the_usual_range_is_said_to_be_near_its_end():
    """Not "14; usual: 1 to 14": the third of a hundred numbers is usual, and the most telling that the row has."""
    frame = pd.DataFrame({"a": np.arange(1_000) * 0.5, "b": np.tile([1.0, 2.0, 3.0, 4.5], 250)})
    low, high = least_usual(read(frame), np.array([29, 959]))
    assert low == "a is 14.5, among the lowest 3%"
    assert high == "a is 479.5, among the highest 4%"


def test_a_blank_cell_in_a_column_that_is_hardly_ever_blank_is_named():
    frame = pd.DataFrame({"a": np.arange(1_000) * 0.5, "b": np.tile([1.0, 2.0, 3.0, 4.5], 250)})
    frame.loc[[500, 501], "b"] = np.nan
    assert least_usual(read(frame), np.array([500])) == ["b is blank, as in 2 of 1,000 rows"]
