"""What rows hold is kept: a row that was not there is found by its content, and no other one is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import assay
from assay.duplicates.compared import compared_columns
from assay.duplicates.exact_index import ExactIndex, digests_of, row_digests
from assay.duplicates.table import table_copies
from assay.duplicates.wording import exact_text
from assay.runs.finished_run import FinishedRun

WORDS = st.sampled_from(["Rome", " Rome", "ROME", "n/a", "-", "", None, "1.1", "1.10", "é", "e\u0301", "a  b", "a b"])
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 1.5, float("nan"), 2.0**60, float("inf")])


@given(st.lists(st.tuples(WORDS, WORDS, NUMBERS, st.integers(2**53 - 1, 2**53 + 2)), min_size=2, max_size=12))
def test_rows_of_a_table_have_one_digest_where_they_have_one_key(rows):
    cells = pd.DataFrame(rows, columns=["a", "b", "c", "d"])
    columns = compared_columns(cells, list(cells.columns))
    assume(
        all(column.kind != "empty" for column in columns)
    )  # of a column without a value "-" and "n/a" are one in keys alone
    keys = table_copies(columns, len(cells))[0]
    digests = row_digests(cells, [column.name for column in columns])
    alike = (digests[:, None] == digests[None]).all(2)
    for one, key in enumerate(keys):
        assert (not digests[one].any()) == (key is None)
        assert [key is not None and key == other for other in keys] == (alike[one] & digests[one].any()).tolist()


@given(st.lists(st.one_of(st.none(), st.text(max_size=2)), max_size=30), st.lists(st.text(max_size=2), max_size=10))
def test_a_content_is_found_at_the_first_row_that_holds_it(contents, asked):
    rows = np.arange(len(contents)) * 3
    kept = ExactIndex.fit(digests_of(contents), rows)
    index = ExactIndex.from_arrays(*kept.to_arrays())
    found = index.find(digests_of([*asked, None]))
    assert found.tolist() == [3 * contents.index(one) if one in contents else -1 for one in asked] + [-1]


def test_contents_whose_digests_share_their_first_half_stay_apart():
    digests = np.array([[7, 3], [7, 1], [9, 1], [7, 2]], np.uint64)
    index = ExactIndex.fit(digests, np.arange(4))
    asked = np.array([[7, 1], [7, 2], [7, 3], [7, 4], [9, 1], [9, 2], [10, 0]], np.uint64)
    assert index.find(asked).tolist() == [1, 3, 0, -1, 2, -1, -1]


def test_a_new_picture_is_found_among_those_of_a_run(digits_project):
    index = FinishedRun(assay.open(digits_project).path).artefacts.exact_index()
    assert index is not None and len(index.rows_) > 30
    table = pd.concat(
        FinishedRun(digits_project).folder.get_table(f"{prefix}.properties.parquet").to_pandas()
        for prefix in FinishedRun(digits_project).artefacts.properties
    )
    table = table[table["pixel_hash"].notna()]
    first = table.groupby("pixel_hash")["row"].transform("min")
    assert index.find(digests_of(table["pixel_hash"].tolist())).tolist() == first.tolist()
    assert index.find(digests_of(["of no picture"])).tolist() == [-1]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("kind", ["texts", "table"])
def test_new_rows_are_found_among_those_of_a_run(kind, tmp_path):
    rng = np.random.default_rng(0)
    if kind == "texts":
        words = ["time", "will", "tell", "one", "day", "of", "rain", "and", "sun", "here"]
        frame = pd.DataFrame({"text": [" ".join(rng.choice(words, 9)) for _ in range(60)]})
    else:
        frame = pd.DataFrame({"a": rng.normal(size=60), "b": rng.integers(0, 9, 60), "c": rng.choice(["x", "y z"], 60)})
    frame["label"] = rng.choice(["good", "bad"], 60)
    project = assay.analyze(frame, label="label", output=tmp_path / "p.assay", effort="fast")
    index = FinishedRun(project.path).artefacts.exact_index()
    assert index is not None
    new = frame.drop(columns="label").iloc[[5, 7, 5]].reset_index(drop=True)
    if kind == "texts":
        new.loc[0, "text"] = "  " + new.loc[0, "text"].replace(" ", "  ")
        new.loc[1, "text"] = new.loc[1, "text"].upper()
        found = index.find(digests_of([exact_text(text) for text in new["text"]]))
    else:
        new.loc[0, "c"] = " " + new.loc[0, "c"].replace(" ", "  ")
        new.loc[1, "a"] += 1e-9
        assert set(index.compared_) == {"a", "b", "c"}
        found = index.find(row_digests(new, index.compared_))
    assert found.tolist() == [5, -1, 5]
