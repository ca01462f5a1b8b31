"""What a run may be told: wrong settings and wrong arrays are one clear message before anything runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.analysis.settings import adopt_embeddings, adopt_pred_probs, make_settings, parse_bytes
from assay.errors import ArrayError, UsageError
from assay.storage import Folder

GOOD = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]], np.float32)


def settings(**given):
    defaults = {"task": None, "seed": 0, "effort": "regular", "encoders": (), "workers": None, "memory": None}
    return make_settings(**(defaults | given))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"task": "clustering"}, "unknown task 'clustering'; choose one of auto, multi-class"),
        ({"task": "regression"}, "'regression' is not there yet"),
        ({"task": "multi-label"}, "'multi-label' is not there yet"),
        ({"effort": "heroic"}, "unknown effort 'heroic'; choose one of fast, regular, best"),
        ({"seed": -1}, "--seed must be 0 or more"),
        ({"workers": 0}, "--workers must be 1 or more"),
        ({"memory": "lots"}, "--memory takes a size such as 3GB"),
        ({"memory": "-3GB"}, "--memory takes a size such as 3GB"),
    ],
)
def test_wrong_settings_say_what_is_allowed(given, message):
    with pytest.raises(UsageError, match=message):
        settings(**given)


def test_classification_is_another_word_for_multi_class():
    assert settings(task="classification").task == "multi-class"


def test_a_bound_of_memory_is_known_as_the_users():
    assert settings(memory="1GB").bounded and settings(memory="1GB").memory == 1 << 30
    assert not settings().bounded


@pytest.mark.parametrize(
    ("text", "expected"), [("3GB", 3 << 30), ("512 MiB", 512 << 20), (1000, 1000), ("1.5g", 3 << 29), ("20k", 20 << 10)]
)
def test_sizes_are_read_as_people_write_them(text, expected):
    assert parse_bytes(text) == expected


@pytest.mark.parametrize(
    ("array", "names", "message"),
    [
        (GOOD[:2], None, "pred_probs have 2 rows but the data has 3"),
        (np.full((3, 3), 1 / 3), None, r"3 columns but the labels have 2 classes \(cat, dog\)"),
        (np.array([[2.0, -1.0], [0.5, 0.5], [0.5, 0.5]]), None, "not probabilities: row 0"),
        (GOOD * 3, None, "row 0 sums to 3"),
        (GOOD[:, 0], None, "2-D array of numbers, not 1-D"),
        (np.array([["a", "b"]] * 3), None, "2-D array of numbers"),
        (GOOD, ["dog", "bird"], "no column for the class 'cat'"),
        (GOOD, ["dog", "dog"], "no column for the class 'cat'"),
        (GOOD, ["dog"], "1 class names were given for 2 columns"),
        ("absent.npy", None, "there is no file absent.npy"),
    ],
)
def test_wrong_pred_probs_say_what_does_not_fit(tmp_path: Path, array, names, message):
    with pytest.raises((ArrayError, UsageError), match=message):
        adopt_pred_probs(Folder(tmp_path), array, names, ["cat", "dog"], 3)


def test_pred_probs_without_labels_say_how_to_name_them(tmp_path: Path):
    with pytest.raises(UsageError, match="name the label column with --label"):
        adopt_pred_probs(Folder(tmp_path), GOOD, None, [], 3)


def test_a_file_that_is_no_array_and_one_that_holds_several_are_told_apart(tmp_path: Path):
    text, several = tmp_path / "text.npy", tmp_path / "several.npz"
    text.write_text("not an array")
    np.savez(several, a=GOOD, b=GOOD)
    with pytest.raises(ArrayError, match=r"text\.npy is not a \.npy file"):
        adopt_pred_probs(Folder(tmp_path), text, None, ["cat", "dog"], 3)
    with pytest.raises(ArrayError, match="holds several arrays"):
        adopt_pred_probs(Folder(tmp_path), several, None, ["cat", "dog"], 3)


def test_columns_of_a_frame_are_put_into_the_order_of_the_classes(tmp_path: Path):
    frame = pd.DataFrame(GOOD, columns=["dog", "cat"])
    _, columns = adopt_pred_probs(Folder(tmp_path), frame, None, ["cat", "dog"], 3)
    assert columns == (1, 0)


def test_numbers_as_class_names_are_matched_as_they_print(tmp_path: Path):
    _, columns = adopt_pred_probs(Folder(tmp_path), GOOD, ["7", "3"], [3, 7], 3)
    assert columns == (1, 0)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 4)), "'embeddings' have 2 rows but the data has 3"),
        (np.zeros((3, 0)), "have no columns"),
        (np.zeros(3), "2-D array of numbers"),
        ({"two words": np.zeros((3, 2))}, "must be a plain word, not 'two words'"),
        (np.array([["x"]] * 3), "2-D array of numbers"),
    ],
)
def test_wrong_embeddings_say_what_does_not_fit(tmp_path: Path, array, message):
    with pytest.raises((ArrayError, UsageError), match=message):
        adopt_embeddings(Folder(tmp_path), array, 3)


def test_an_array_on_disk_becomes_the_projects_own(tmp_path: Path):
    file = tmp_path / "vectors.npy"
    np.save(file, np.ones((3, 4), np.float32))
    kept = adopt_embeddings(Folder(tmp_path / "p.assay"), {"mine": file}, 3)
    file.unlink()
    assert np.array_equal(Folder(tmp_path / "p.assay").get_array(kept["mine"].file), np.ones((3, 4)))
