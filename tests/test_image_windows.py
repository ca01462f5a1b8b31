"""Crops among the neighbours of their picture, by thumbnails alone."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from assay.duplicates.image_candidates import PART, image_candidates
from assay.duplicates.image_windows import window_scores
from assay.encode import pixels


def scenes(n: int) -> list[NDArray[np.uint8]]:
    """Pictures with structure of all sizes, 240 x 320."""
    rng = np.random.default_rng(0)
    out = []
    for _ in range(n):
        layers = [
            cv2.resize(rng.normal(0, 1, (side, side, 1)), (320, 240), interpolation=cv2.INTER_CUBIC)
            for side in (3, 6, 12)
        ]
        total = sum(layers)
        out.append(np.repeat(np.clip(128 + 45 * total, 0, 255).astype(np.uint8)[..., None], 3, 2))
    return out


@pytest.mark.parametrize("area", [0.25, 0.35, 0.5, 0.6])
def test_a_crop_lies_on_its_picture_and_on_no_other(area: float) -> None:
    rng = np.random.default_rng(int(100 * area))
    whole = scenes(20)
    width, height = int(320 * area**0.5), int(240 * area**0.5)
    crops = []
    for picture in whole:
        x, y = int(rng.integers(0, 320 - width)), int(rng.integers(0, 240 - height))
        crops.append(picture[y : y + height, x : x + width])
    tiny = np.stack([pixels.tiny(np.ascontiguousarray(picture)) for picture in whole + crops])
    aspects = np.r_[np.full(20, 320 / 240), np.full(20, width / height)]
    ids = np.stack([np.r_[(at + 20) % 40, (at + 23) % 40, (at + 1) % 40] for at in range(40)]).astype(np.int32)
    scores = window_scores(tiny, aspects, ids, np.ones(40, bool), threads=1)
    assert (scores[:, 0] >= PART).mean() >= 0.9
    assert (scores[:, 1:] >= PART).mean() <= 0.1
    np.testing.assert_array_equal(scores, window_scores(tiny, aspects, ids, np.ones(40, bool), threads=3))
    np.testing.assert_array_equal(scores[:20, 0], scores[20:, 0])  # a pair has one score, whichever row lists it


def test_among_few_pictures_a_crop_is_a_candidate_that_the_embedding_does_not_bring_near() -> None:
    whole = scenes(20)
    crops = [np.ascontiguousarray(picture[60:180, 80:240]) for picture in whole]
    tiny = np.stack([pixels.tiny(picture) for picture in whole + crops])
    ids = np.stack([(np.arange(15) + at // 20 * 20) for at in range(40)]).astype(np.int32)  # parts near parts only
    far = np.full(ids.shape, 0.6, np.float32)
    pairs, _ = image_candidates(tiny, ids, far, aspects=np.full(40, 320 / 240))
    assert {(at, at + 20) for at in range(20)} <= {tuple(pair) for pair in pairs.tolist()}
    assert len(pairs) <= 4 * 40


def test_the_score_is_the_best_pearson_correlation_over_all_windows() -> None:
    module = sys.modules["assay.duplicates.image_windows"]
    rng = np.random.default_rng(3)
    tiny = rng.integers(0, 256, (2, 32, 32)).astype(np.uint8)
    tiny[0] = cv2.resize(cv2.GaussianBlur(tiny[0], (0, 0), 2)[4:22, 9:27], (32, 32))
    ids = np.array([[1], [-1]], np.int32)
    score = window_scores(tiny, np.ones(2), ids, np.array([True, False]), threads=1)[0, 0]
    side, best = module.SIDE, 0.0
    for crop, whole in ((tiny[0], tiny[1]), (tiny[1], tiny[0])):
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)
        for share in module.SIDES:
            scaled = cv2.resize(whole.astype(np.float32), (round(side / share),) * 2, interpolation=cv2.INTER_AREA)
            for y, x in np.ndindex(scaled.shape[0] - side + 1, scaled.shape[1] - side + 1):
                best = max(best, np.corrcoef(small, scaled[y : y + side, x : x + side].ravel())[0, 1])
    assert score == pytest.approx(best, abs=1e-4)


def test_plain_pictures_and_unwanted_rows_have_no_score() -> None:
    tiny = np.full((3, 32, 32), 90, np.uint8)
    ids = np.array([[1, 2], [0, -1], [0, 1]], np.int32)
    assert (window_scores(tiny, np.ones(3), ids, np.array([True, False, True]), threads=1) <= 0).all()


def test_of_too_many_neighbours_those_that_stand_out_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["assay.duplicates.image_candidates"]
    near = np.array([[1, 2, 3], [0, 2, -1], [0, 1, 3], [0, 1, 2]], np.int32)
    distances = np.array([[0.1, 0.5, 1.0], [0.3, 1.0, np.inf], [0.4, 0.9, 1.0], [0.2, 0.6, 1.0]], np.float32)
    np.testing.assert_array_equal(module._most_alike(near, distances), near)
    monkeypatch.setattr(module, "PARTS_AT_MOST", 3)
    kept = module._most_alike(near, distances)
    assert kept.tolist() == [[1, -1, -1], [0, -1, -1], [-1, -1, -1], [0, -1, -1]]
    monkeypatch.setattr(module, "PARTS_AT_MOST", 5)
    assert module._most_alike(near, distances).tolist() == [[1, 2, -1], [0, -1, -1], [0, -1, -1], [0, -1, -1]]
