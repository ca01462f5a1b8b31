"""Row numbers are for ever: one a row id, never reused, whatever comes, goes or changes its place."""

from __future__ import annotations

import dataclasses
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from assay.dataset import dataset as module
from assay.dataset.dataset import (
    MISSING,
    Dataset,
    read_blobs,
    read_cells,
    read_dataset,
    read_rows,
    shard_key,
    write_dataset,
)
from assay.dataset.target import classes_of
from assay.errors import ProjectError
from assay.sources import Source, open_source
from assay.storage import Folder


def source(ids: list[Any], labels: list[Any] | None = None, **words: Any) -> Source:
    """Rows whose cells follow from their id."""
    data = pd.DataFrame({"uid": pd.Series(ids), "x": [f"cell of {name}" for name in ids]})
    if labels is not None:
        data["label"] = pd.Series(labels, dtype=object)
    return open_source(data, id="uid", features=["x"], **words)


def numbers(dataset: Dataset) -> dict[Any, int]:
    """Row id -> row number, the missing ones too."""
    return {name: number for number, name in enumerate(dataset.rows["row_id"].to_pylist())}


def files(folder: Folder) -> dict[str, bytes]:
    return {str(p.relative_to(folder.root)): p.read_bytes() for p in sorted(folder.root.rglob("*")) if p.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "p.assay")


# row numbers -------------------------------------------------------------------------------------------------------


def test_the_first_reading_numbers_rows_in_the_users_order(folder):
    found = write_dataset(folder, source(["m", "a", "z"]), None)
    assert numbers(found) == {"m": 0, "a": 1, "z": 2} and found.order.tolist() == [0, 1, 2]


def test_new_rows_are_appended_vanished_ones_marked_and_the_order_is_a_column_of_its_own(folder):
    first = write_dataset(folder, source(["a", "b", "c"], ["x", "y", "x"]), None)
    second = write_dataset(folder, source(["d", "c", "a"], ["y", "x", "x"]), first)
    assert numbers(second) == {"a": 0, "b": 1, "c": 2, "d": 3}
    assert second.order.tolist() == [3, 2, 0]
    assert second.reasons == [None, MISSING, None, None]
    assert second.rows["given"].to_pylist() == ["x", None, "x", "y"] and second.codes.tolist() == [0, -1, 0, 1]
    assert second.rows["order"].to_pylist() == [2, -1, 1, 0]


def test_a_row_that_comes_back_gets_its_number_back(folder):
    found = None
    for ids in (["a", "b"], ["b"], ["c", "b", "a"]):
        found = write_dataset(folder, source(ids), found)
    assert numbers(found) == {"a": 0, "b": 1, "c": 2} and found.reasons == [None, None, None]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8, unique=True), min_size=1, max_size=5))
def test_numbers_are_given_once_whatever_the_history(history):
    """Oracle: a dictionary that is only ever added to."""
    with tempfile.TemporaryDirectory() as place:
        folder, found, oracle = Folder(place), None, {}
        for ids in history:
            names = [f"id{number}" for number in ids]
            found = write_dataset(folder, source(names, [f"c{number % 3}" for number in ids]), found)
            for name in names:
                oracle.setdefault(name, len(oracle))
            assert numbers(found) == oracle
            assert [found.rows["row_id"][int(row)].as_py() for row in found.order] == names
            present = {oracle[name] for name in names}
            assert [reason == MISSING for reason in found.reasons] == [row not in present for row in range(len(oracle))]
            cells = read_cells(folder, found.fingerprint, 0, found.n_rows)["x"].to_pylist()
            assert [cells[int(row)] for row in found.order] == [f"cell of {name}" for name in names]
            given_of = found.rows["given"].to_pylist()
            codes = found.codes
            assert all(codes[row] == -1 or found.classes[codes[row]] == given_of[row] for row in range(found.n_rows))


def test_numbers_survive_ids_that_become_words(folder):
    first = write_dataset(folder, source([10, 20, 30]), None)
    second = write_dataset(folder, source(["20", "x1", "10"]), first)
    assert numbers(second) == {"10": 0, "20": 1, "30": 2, "x1": 3} and second.order.tolist() == [1, 3, 0]
    third = write_dataset(folder, source([10, 40]), second)
    assert numbers(third) == {"10": 0, "20": 1, "30": 2, "x1": 3, "40": 4} and third.order.tolist() == [0, 4]


def test_another_dataset_in_the_same_project_reuses_no_number(folder):
    first = write_dataset(folder, source(["a", "b"]), None)
    second = write_dataset(folder, source([0, 1, 2]), first)
    assert second.order.tolist() == [2, 3, 4] and second.reasons[:2] == [MISSING, MISSING]


# classes -------------------------------------------------------------------------------------------------------------


def test_classes_begin_sorted_numbers_by_value_and_words_by_their_bytes():
    assert classes_of(pa.array([10, 9, 100, None])) == [9, 10, 100]
    assert classes_of(pa.array(["b", "é", "B", "a", None])) == ["B", "a", "b", "é"]
    assert classes_of(pa.array([True, False])) == [False, True]
    assert classes_of(None) == []


def test_classes_are_only_ever_appended(folder):
    first = write_dataset(folder, source(["a", "b"], ["m", "z"]), None)
    second = write_dataset(folder, source(["a", "b"], ["c", "z"]), first)
    assert first.classes == ["m", "z"] and second.classes == ["m", "z", "c"]
    assert second.codes.tolist() == [2, 1]


def test_classes_outlive_a_run_without_labels(folder):
    first = write_dataset(folder, source(["a", "b"], ["m", "z"]), None)
    second = write_dataset(folder, dataclasses.replace(source(["a", "b"], ["m", "z"]), given=None), first)
    assert second.classes == [] and not second.labelled and second.codes.tolist() == [-1, -1]
    third = write_dataset(folder, source(["a", "b"], ["c", "z"]), read_dataset(folder, second.fingerprint))
    assert third.classes == ["m", "z", "c"]


@pytest.mark.parametrize(
    "labels", [[0, 1, None], [0.5, 1.0, None], [True, False, None], ["007", "7", None], [2**62, -1, None]]
)
def test_class_values_keep_their_type_through_the_files(folder, labels):
    written = write_dataset(folder, source(["a", "b", "c"], labels), None)
    found = read_dataset(folder, written.fingerprint)
    assert [found.classes[code] if code >= 0 else None for code in found.codes] == labels
    assert {type(name) for name in found.classes} == {type(labels[0])}
    assert found.rows["given"].to_pylist() == labels


# files -----------------------------------------------------------------------------------------------------------------


def test_the_same_rows_give_the_same_bytes_and_are_not_written_twice(tmp_path):
    written = []
    for place in ("one", "two"):
        folder = Folder(tmp_path / place)
        found = write_dataset(folder, source(["a", "b", "c"], ["x", None, "y"]), None)
        before = {path: path.stat().st_mtime_ns for path in folder.root.rglob("*")}
        again = write_dataset(folder, source(["a", "b", "c"], ["x", None, "y"]), found)
        assert again.fingerprint == found.fingerprint
        assert {path: path.stat().st_mtime_ns for path in folder.root.rglob("*")} == before
        written.append(files(folder))
    assert written[0] == written[1]


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 3))
def test_the_same_history_gives_the_same_bytes(order, gone):
    with tempfile.TemporaryDirectory() as place:
        written = []
        for side in ("one", "two"):
            folder = Folder(Path(place) / side)
            names = [f"id{number}" for number in range(6)]
            first = write_dataset(folder, source(names, ["x", None] * 3), None)
            kept = [names[number] for number in order][gone:]
            write_dataset(folder, source(kept, ["y"] * len(kept)), first)
            written.append(files(folder))
        assert written[0] == written[1]


def test_every_form_of_a_dataset_gives_one_fingerprint(folder, tmp_path):
    data = pd.DataFrame({"uid": ["a", "b", "c"], "n": [1, None, 3], "f": [0.5, None, 2.5], "label": ["x", None, "y"]})
    data.astype({"n": "Int64"}).to_csv(tmp_path / "data.csv", index=False)
    data.astype({"n": "Int64"}).to_parquet(tmp_path / "data.parquet")
    forms = [data, tmp_path / "data.csv", tmp_path / "data.parquet"]
    written = [
        write_dataset(folder, dataclasses.replace(open_source(form, id="uid"), name="data"), None) for form in forms
    ]
    prints = {found.fingerprint for found in written}
    assert len(prints) == 1


@pytest.mark.parametrize("change", ["cell", "label", "id", "order", "reason", "row"])
def test_any_change_of_the_rows_changes_the_fingerprint(folder, change):
    before = source(["a", "b"], ["x", "y"])
    changed = {
        "cell": lambda: dataclasses.replace(
            before, cells=before.cells.set_column(1, "x", pa.array(["cell of a", "new"]))
        ),
        "label": lambda: source(["a", "b"], ["x", "x"]),
        "id": lambda: source(["a", "c"], ["x", "y"]),
        "order": lambda: source(["b", "a"], ["y", "x"]),
        "reason": lambda: dataclasses.replace(before, reasons={1: "broken"}),
        "row": lambda: source(["a", "b", "c"], ["x", "y", "y"]),
    }[change]()
    first = write_dataset(folder, before, None)
    assert write_dataset(folder, changed, first).fingerprint != first.fingerprint


def test_what_was_written_is_read_back(folder):
    written = write_dataset(folder, source(["a", "b", "c"], ["x", None, "y"]), None)
    found = read_dataset(folder, written.fingerprint)
    assert (
        found.rows.equals(written.rows)
        and found.roles == written.roles
        and found.target.header == written.target.header
    )
    assert (found.modality, found.name, found.classes) == (written.modality, written.name, written.classes)


def test_parts_are_cut_and_read_across_their_borders(folder, monkeypatch):
    monkeypatch.setattr(module, "PART", 4)
    ids = [f"id{number:02d}" for number in range(11)]
    found = write_dataset(folder, source(ids), None)
    assert [name for name in folder.names(f"dataset/{found.fingerprint}") if name.startswith("rows")] == [
        "rows-00000.parquet",
        "rows-00001.parquet",
        "rows-00002.parquet",
    ]
    for start in range(12):
        for stop in range(start, 12):
            rows = read_rows(folder, found.fingerprint, min(start, 10), stop, ["row_id"])["row_id"].to_pylist()
            assert rows == ids[min(start, 10) : stop]
    assert read_dataset(folder, found.fingerprint).rows["row_id"].to_pylist() == ids
    assert read_cells(folder, found.fingerprint, 3, 9, ["x"])["x"].to_pylist() == [
        f"cell of {name}" for name in ids[3:9]
    ]


def png(grey: int) -> bytes:
    """The smallest picture of one grey."""
    stream = io.BytesIO()
    Image.new("L", (1, 1), grey).save(stream, "PNG")
    return stream.getvalue()


def test_pictures_in_memory_are_kept_by_row_number(folder):
    blobs = [png(number) for number in range(6)]
    data = pd.DataFrame({"uid": list("abcdef"), "image": [*blobs[:5], None]})
    first = write_dataset(folder, open_source(data, id="uid"), None)
    assert read_blobs(folder, first.fingerprint, range(0, 6)) == dict(enumerate(blobs[:5]))
    assert read_blobs(folder, first.fingerprint, range(2, 4)) == {2: blobs[2], 3: blobs[3]}
    for row in range(5):
        assert read_blobs(folder, first.fingerprint, [row]) == {row: blobs[row]}
    assert read_blobs(folder, first.fingerprint, range(4, 6)) == {4: blobs[4]}
    second = write_dataset(folder, open_source(data.iloc[[4, 1]].reset_index(drop=True), id="uid"), first)
    assert read_blobs(folder, second.fingerprint, range(0, 6)) == {1: blobs[1], 4: blobs[4]}
    data.at[1, "image"] = png(99)
    third = write_dataset(folder, open_source(data, id="uid"), first)
    assert third.rows["token"][1] != first.rows["token"][1] and third.rows["token"][0] == first.rows["token"][0]


def test_a_missing_part_is_an_error_that_names_it(folder):
    found = write_dataset(folder, source(["a", "b"]), None)
    folder.remove(f"dataset/{found.fingerprint}/dataset.json")
    with pytest.raises(ProjectError, match=r"dataset\.json is missing; run the analysis again"):
        read_dataset(folder, found.fingerprint)


def test_a_lost_part_is_noticed_by_the_number_of_rows(folder, monkeypatch):
    monkeypatch.setattr(module, "PART", 2)
    found = write_dataset(folder, source(["a", "b", "c"]), None)
    folder.remove(f"dataset/{found.fingerprint}/rows-00001.parquet")
    with pytest.raises(ProjectError, match=r"rows-00001\.parquet is missing; run the analysis again"):
        read_dataset(folder, found.fingerprint)


def test_a_killed_write_is_done_again(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(folder, "put_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write_dataset(folder, source(["a", "b"]), None)
    found = write_dataset(folder, source(["a", "b"]), None)
    assert read_dataset(folder, found.fingerprint).rows["row_id"].to_pylist() == ["a", "b"]


def test_one_row_and_none_labelled_are_no_special_case(folder):
    found = write_dataset(folder, source(["only"]), None)
    assert found.n_rows == 1 and not found.labelled and found.splits is None and found.codes.tolist() == [-1]


def test_splits_are_kept_and_blank_ones_are_none(folder):
    data = pd.DataFrame({"x": [1, 2, 3], "split": ["train", "", "test"]})
    found = write_dataset(folder, open_source(data), None)
    assert found.splits is not None and found.splits.tolist() == ["train", None, "test"]


def test_a_shard_key_changes_exactly_when_a_token_does():
    assert shard_key(3, ["a", None]) == shard_key(3, ["a", ""]) != shard_key(3, ["a", "b"])
    assert shard_key(3, ["ab", "c"]) != shard_key(3, ["a", "bc"])
    assert shard_key(12, []).startswith("00012-")


def test_a_quarter_of_a_million_rows_take_seconds(folder):
    """Numbers, order and codes by whole arrays: no step of milliseconds a row."""
    import time

    n = 250_000
    ids = np.arange(n)
    data = pd.DataFrame({"uid": ids, "x": ids * 2, "label": ids % 100})
    started = time.thread_time()
    first = write_dataset(folder, open_source(data, id="uid"), None)
    second = write_dataset(folder, open_source(data.iloc[::-1].reset_index(drop=True), id="uid"), first)
    assert second.order.tolist() == ids[::-1].tolist() and time.thread_time() - started < 15
