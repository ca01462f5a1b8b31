"""issues/image.py: a property that the whole set has is what the set is like, and only pictures far beyond it are flagged."""

from __future__ import annotations

import numpy as np
import pytest

from assay.encode.pixels import PROPERTY_NAMES
from assay.issues.image import image_issues


def photographs(n: int, seed: int) -> dict[str, np.ndarray]:
    """Properties of ordinary colour photographs."""
    rng = np.random.default_rng(seed)
    values = {name: np.full(n, 0.5) for name in PROPERTY_NAMES}
    values |= {"width": rng.normal(640, 20, n).round(), "height": rng.normal(480, 20, n).round()}
    values |= {"brightness_p95": rng.uniform(0.8, 1, n), "brightness_p5": rng.uniform(0, 0.3, n)}
    values |= {"entropy": rng.uniform(4, 7.5, n), "sharpness": rng.uniform(0.5, 1, n)}
    return values | {"colourfulness": rng.uniform(0.1, 0.5, n)}


def test_line_drawings_are_not_faults_of_a_set_of_drawings_but_empty_ones_are():
    rng = np.random.default_rng(1)
    values = photographs(300, 0)
    values |= {"entropy": rng.uniform(0.2, 0.5, 300), "brightness_p5": np.ones(300), "colourfulness": np.zeros(300)}
    values["entropy"][[50, 150, 250]] = 0
    found = image_issues(values, np.ones(300, bool))
    assert np.flatnonzero(found["is_low_information"]).tolist() == [50, 150, 250]
    assert not found["is_light"].any()
    [note] = found["_notes"]
    assert "line drawings" in note
    assert note.endswith(
        "light (300 of 300) and low information (300 of 300) are what its pictures are like; "
        "for light and low information only those far beyond the others are flagged"
    )


@pytest.mark.parametrize(("check", "ground", "value"), [("light", 0.96, 0.95), ("dark", 0.02, 0.02)])
def test_drawings_with_few_strokes_are_all_ground_and_neither_light_nor_dark(check, ground, value):
    values = photographs(220, 5)
    values["brightness_p50"] = np.full(220, ground)
    values["brightness_p5" if check == "light" else "brightness_p95"][:41] = value
    found = image_issues(values, np.ones(220, bool))
    assert not found[f"is_{check}"].any()
    note = f"a {check} ground (220 of 220) is what its pictures are like; none is flagged as {check}"
    assert found["_notes"] == [note]  # and not how few have no strokes at all


def test_soft_micrographs_are_not_blurry_among_their_like_and_the_scores_stay():
    values = photographs(367, 2)
    values["sharpness"][:181] = np.random.default_rng(3).uniform(0.1, 0.28, 181)
    found = image_issues(values, np.ones(367, bool))
    assert not found["is_blurry"].any()
    assert (found["blurry_score"][:181] > 0.71).all()
    assert found["_notes"] == [
        "blurry (181 of 367) is what its pictures are like; only those far beyond the others are flagged"
    ]


def test_a_few_dark_pictures_among_photographs_are_flagged_as_before():
    values = photographs(200, 4)
    values["brightness_p95"][:8] = 0.1
    found = image_issues(values, np.ones(200, bool))
    assert np.flatnonzero(found["is_dark"]).tolist() == list(range(8))
    assert found["_notes"] == []


def test_scans_of_one_paper_are_not_light_where_the_cut_runs_through_the_middle_of_the_set():
    """A twelfth lies a hair beyond the cut, all others a hair before it; an empty page is far beyond."""
    values = photographs(120, 5)
    values["brightness_p5"] = np.where(np.arange(120) % 12 == 0, 0.885, 0.877)
    values["brightness_p5"][7] = 1.0
    found = image_issues(values, np.ones(120, bool))
    assert np.flatnonzero(found["is_light"]).tolist() == [7]
    assert "light (120 of 120)" in found["_notes"][0]


def test_where_a_fifth_of_the_pictures_has_another_size_none_is_odd_and_where_few_have_they_are():
    values = photographs(58, 6)
    values["width"][:12], values["height"][:12] = 1920, 1440
    found = image_issues(values, np.ones(58, bool))
    assert not found["is_odd_size"].any()
    assert found["_notes"] == [
        "more than one size (12 of 58) is what its pictures are like; none is flagged as odd size"
    ]
    values = photographs(200, 6)
    values["width"][:12], values["height"][:12] = 1920, 1440
    assert np.flatnonzero(image_issues(values, np.ones(200, bool))["is_odd_size"]).tolist() == list(range(12))
