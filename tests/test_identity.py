"""Decisions hang on what a row holds, and a project belongs to one source.

Oracle: each row carries a word that no other has (or that its equals have), so that it is known which row it was.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import assay
from assay.analysis import pipeline
from assay.analysis.runner import Runner
from assay.dataset.dataset import Dataset, write_dataset
from assay.dataset.following import Followed, Standing, contents, follow
from assay.dataset.identity import cell_hashes, match_rows, row_hashes
from assay.errors import UsageError
from assay.sources import Source, open_source
from assay.storage import Folder


def source(frame: pd.DataFrame, **words: Any) -> Source:
    return open_source(
        frame, modality="table", features=[name for name in frame if name not in ("label", "uid")], **words
    )


def notes(numbers: list[int], label: str = "") -> pd.DataFrame:
    """A row a number: the number's own word, a word that many share, a label."""
    return pd.DataFrame(
        {
            "word": [f"w{i}" for i in numbers],
            "kind": [f"k{i % 3}" for i in numbers],
            "label": [label or f"c{i % 2}" for i in numbers],
        }
    )


def followed(folder: Path, before: pd.DataFrame, now: pd.DataFrame, decided: dict[int, str] | None = None) -> Followed:
    place = Folder(folder)
    first = source(before)
    dataset = write_dataset(place, first, None, None, contents(first))
    return follow(place, source(now), dataset, {row: Standing(words) for row, words in (decided or {}).items()})


# rows that are only numbered ---------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 30), st.randoms(use_true_random=False), st.integers(0, 5), st.integers(0, 5))
def test_every_row_is_found_wherever_it_went(n: int, random: Any, gone: int, new: int) -> None:
    kept = list(range(n))
    random.shuffle(kept)
    kept = kept[: max(1, n - gone)] + list(range(n, n + new))
    random.shuffle(kept)
    before, now = notes(list(range(n))), notes(kept)
    names = list(before)
    one, two = (cell_hashes(pa.Table.from_pandas(frame, preserve_index=False), names) for frame in (before, now))
    found = match_rows(row_hashes(one, names), row_hashes(two, names))
    assert found.old.tolist() == [number if number < n else -1 for number in kept] and not found.unsure


def test_a_deleted_line_moves_nothing_to_the_next_row(tmp_path: Path) -> None:
    rows = list(range(40))
    found = followed(tmp_path / "p", notes(rows), notes(rows[:5] + rows[6:]), {30: "exclude"})
    assert found.number_of.tolist() == rows[:5] + rows[6:] and found.share == 1


def test_another_label_is_no_other_row(tmp_path: Path) -> None:
    rows = list(range(40))
    now = notes(rows[::-1])
    now.loc[3, "label"] = "c9"
    assert followed(tmp_path / "p", notes(rows), now, {36: "keep"}).number_of.tolist() == rows[::-1]
    assert followed(tmp_path / "q", notes(rows), notes(rows, label="renamed")).number_of.tolist() == rows


def test_a_new_column_or_another_type_is_no_other_row(tmp_path: Path) -> None:
    rows = list(range(30))
    before = notes(rows).assign(n=rows)
    now = before.iloc[1:].assign(n=[float(i) for i in rows[1:]], more="x")
    assert followed(tmp_path / "p", before, now.iloc[:, ::-1]).number_of.tolist() == rows[1:]


def test_of_equal_rows_that_became_fewer_the_decided_one_is_asked_about(tmp_path: Path) -> None:
    """Two equal rows apart from each other, one decided; one of them goes: nobody knows which."""
    before = notes([0, 9, 1, 2, 9, 3])
    found = followed(tmp_path / "a", before, notes([3, 2, 9, 1, 0]), {1: "exclude"})
    assert found.number_of.tolist() == [5, 3, -1, 2, 0] and found.unsure == [([1, 4], [2])]
    # both decided alike: either will do
    found = followed(tmp_path / "b", before, notes([3, 2, 9, 1, 0]), {1: "exclude", 4: "exclude"})
    assert found.number_of[2] in (1, 4) and not found.unsure
    # nobody decided: nothing to ask
    assert not followed(tmp_path / "c", before, notes([3, 2, 9, 1, 0])).unsure
    # the rows around them tell
    found = followed(tmp_path / "d", before, notes([0, 1, 2, 9, 3]), {1: "exclude"})
    assert found.number_of.tolist() == [0, 2, 3, 4, 5] and not found.unsure


def test_a_decided_row_that_was_edited_is_asked_about(tmp_path: Path) -> None:
    """It may be another row in the place of one that was deleted; one that nobody decided about keeps its number."""
    rows = list(range(20))
    now = notes(rows)
    now.loc[[4, 11], "word"] = ["other", "another"]
    found = followed(tmp_path / "p", notes(rows), now, {4: "exclude"})
    assert found.unsure == [([4], [4])]
    assert found.number_of.tolist() == [-1 if row == 4 else row for row in rows]


def test_a_column_made_anew_is_no_other_source(tmp_path: Path) -> None:
    rows = list(range(40))
    before = notes(rows).assign(score=np.arange(40) * 0.5)
    now = before.assign(score=np.arange(40) * 0.7)
    found = followed(tmp_path / "p", before, now, {7: "exclude"})
    assert found.number_of.tolist() == rows and found.share == 1 and not found.unsure


def test_a_row_that_comes_back_is_the_row_it_was(tmp_path: Path) -> None:
    folder, found = Folder(tmp_path / "p"), None
    for rows in ([0, 1, 2, 3], [0, 2, 3], [0, 1, 2, 3]):
        now = source(notes(rows))
        numbers = follow(folder, now, found, {}).number_of if found is not None else None
        found = write_dataset(folder, now, found, numbers, contents(now))
    assert found is not None and found.n_rows == 4 and found.order.tolist() == [0, 1, 2, 3]
    assert found.rows["row_id"].to_pylist() == [0, 1, 2, 3]


def test_ids_of_numbered_rows_are_their_places_now(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "p")
    first = source(notes([0, 1, 2]))
    one = write_dataset(folder, first, None, None, contents(first))
    now = source(notes([1, 2]))
    two = write_dataset(folder, now, one, follow(folder, now, one, {}).number_of, contents(now))
    assert two.order.tolist() == [1, 2] and two.rows["row_id"].to_pylist() == [-1, 0, 1]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that compute nothing: rows, ids and decisions are all that is looked at."""

    def nothing(runner: Runner, dataset: Dataset, *_: Any) -> pipeline.Outcome:
        runner.folder.put_table("v.reasons.parquet", pa.table({"reason": dataset.rows["reason"]}))
        return pipeline.Outcome(vectors="v")

    monkeypatch.setattr(pipeline, "run", nothing)


def excluded(project: assay.Project) -> list[int]:
    """Ids of the rows that were decided to go."""
    state = project.log.state()
    return project.dataset.rows["row_id"].take(np.flatnonzero(state.excluded)).to_pylist()


# one source --------------------------------------------------------------------------------------------------------


def analysed(data: Any, place: Path, **words: Any) -> assay.Project:
    return assay.analyze(data, output=place, progress="quiet", effort="fast", task="unsupervised", **words)


def table(shift: int, n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(shift)
    return pd.DataFrame(
        {"a": rng.normal(size=n).round(4), "b": rng.normal(size=n).round(4), "c": rng.integers(0, 9, n)}
    )


@pytest.mark.usefixtures("quick")
def test_another_table_of_the_same_name_is_refused_and_begun_anew_when_told(tmp_path: Path) -> None:
    for name in ("A", "B"):
        (tmp_path / name).mkdir()
        table(ord(name)).to_csv(tmp_path / name / "train.csv", index=False)
    place = tmp_path / "train.assay"
    project = analysed(tmp_path / "A" / "train.csv", place)
    project.decide("exclude", ids=[3, 4, 5])
    with pytest.raises(
        UsageError, match=r"B.train.csv is other data \(0% .* -o .* --replace .* sets its 3 decided rows"
    ):
        analysed(tmp_path / "B" / "train.csv", place)
    assert assay.open(place).decided == 3
    # the same data elsewhere, in another form and order, is the same source
    pd.read_csv(tmp_path / "A" / "train.csv").iloc[::-1].to_parquet(tmp_path / "B" / "train.parquet")
    project = analysed(tmp_path / "B" / "train.parquet", place)
    assert sorted(excluded(project)) == [34, 35, 36]
    project = analysed(tmp_path / "B" / "train.csv", place, replace=True)
    assert project.decided == 0 and any("3 decided rows" in note for note in project.run["notes"])
    assert project.run["reading"] and "decided rows" not in " ".join(project.run["reading"])  # only how it was read


@pytest.mark.usefixtures("quick")
def test_two_frames_in_one_notebook_do_not_share_a_project(tmp_path: Path) -> None:
    place = tmp_path / "data.assay"
    analysed(table(1), place)
    analysed(table(1).iloc[5:], place)
    with pytest.raises(UsageError, match=r"another table in memory, and this one is other data"):
        analysed(table(2), place)


@pytest.mark.usefixtures("quick")
def test_a_file_that_was_written_anew_with_other_rows_is_another_source_whatever_was_decided(tmp_path: Path) -> None:
    """The results that are there would go without a word."""
    place, file = tmp_path / "p.assay", tmp_path / "t.csv"
    table(1).to_csv(file, index=False)
    analysed(file, place)
    table(2).to_csv(file, index=False)
    with pytest.raises(UsageError, match="what is there now is other data") as refused:
        analysed(file, place)
    assert "decided rows aside" not in str(refused.value)
    project = analysed(file, place, replace=True)
    assert project.dataset.n_rows == 40 and "begun anew" in " ".join(project.run["notes"])
    project.decide("exclude", ids=[3])
    table(3).to_csv(file, index=False)
    with pytest.raises(UsageError, match="sets its 1 decided row aside"):
        analysed(file, place)


@pytest.mark.usefixtures("quick")
def test_a_vanished_row_is_listed_with_its_decision(tmp_path: Path) -> None:
    place = tmp_path / "p.assay"
    project = analysed(table(1), place)
    project.decide("exclude", ids=[3])
    project.decide("tag", ids=[7], text="odd")
    project = analysed(table(1).drop(index=[3, 7]), place)
    said = "\n".join(project.run["notes"])
    assert "2 decided rows are no longer in the source" in said and "  3: exclude" in said and "  7: tag 'odd'" in said
    project = analysed(table(1), place)
    assert excluded(project) == [3]


@pytest.mark.usefixtures("quick")
def test_ids_of_other_rows_are_no_reason_to_share_a_project(tmp_path: Path) -> None:
    place = tmp_path / "p.assay"
    with_ids = [table(i).assign(uid=[f"u{row}" for row in range(40)]) for i in (1, 2)]
    analysed(with_ids[0], place, id="uid")
    changed = with_ids[0].assign(a=0.5)
    assert analysed(changed, place, id="uid").dataset.n_rows == 40
    with pytest.raises(UsageError, match="other data"):
        analysed(with_ids[1], place, id="uid")


@pytest.mark.usefixtures("quick")
def test_folders_of_pictures_are_told_apart_by_their_files(tmp_path: Path) -> None:
    """Names alone say nothing: every camera counts from one. Bitmaps of one size are known by the file itself."""
    for name, ending, seed in (("one", "png", 0), ("two", "png", 9), ("three", "bmp", 0), ("four", "bmp", 9)):
        (tmp_path / name).mkdir()
        for row in range(12):
            pixels = np.random.default_rng(seed + row).integers(0, 256, (8 + (row + seed) % 5, 9, 3)).astype(np.uint8)
            pixels = pixels[:8] if ending == "bmp" else pixels
            Image.fromarray(pixels).save(tmp_path / name / f"{row:03d}.{ending}")
    for mine, other in (("one", "two"), ("three", "four")):
        place = tmp_path / f"{mine}.assay"
        analysed(tmp_path / mine, place).decide("exclude", rows=[3])
        assert analysed(tmp_path / mine, place).decided == 1
        with pytest.raises(UsageError, match="other data"):
            analysed(tmp_path / other, place)
    shutil.copytree(tmp_path / "one", tmp_path / "moved")
    assert analysed(tmp_path / "moved", tmp_path / "one.assay").decided == 1


@pytest.mark.parametrize("key", [None, "word"])
def test_a_decided_label_that_the_labels_of_now_cannot_hold_is_asked_about(tmp_path: Path, key: str | None) -> None:
    """Classes that were words became numbers: what was decided in words is said, stops nothing, and can be decided anew."""
    place, words = tmp_path / "one.assay", notes(list(range(40)))
    project = assay.analyze(words, label="label", id=key, output=place, effort="fast")
    project.decide("label", rows=[3], label="blue")
    project.decide("label", rows=[4], label="7")
    project.decide("exclude", rows=[5])
    coded = words.assign(label=[int(label[1:]) for label in words["label"]])
    for again in (False, True):
        project = assay.analyze(coded, label="label", id=key, output=place, effort="fast")
        said = "\n".join(project.run["notes"])
        if not again:
            assert (
                "1 decision is set aside, for labels are whole numbers now" in said
                and "label -> blue (row 3 now)" in said
            )
            project.decide("label", ids=["w3" if key else 3], label=8)
        project.export(tmp_path / "out.csv")
        out = pd.read_csv(tmp_path / "out.csv")
        assert "w5" not in set(out["word"]) and out["label"].iloc[[2, 3, 4]].tolist() == [0, 8, 7]
    assert "set aside" not in said and len(project.issues()) == 40
