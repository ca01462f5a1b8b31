"""Pictures that agree nearly everywhere and are not the same: pages on one template, displays, coloured twins."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

from assay.duplicates.image_refutation import _without_strokes, content_differs
from assay.duplicates.images import describe, image_candidates, verify_pair
from assay.encode import pixels

Rgb = NDArray[np.uint8]
LUMA = np.array([0.299, 0.587, 0.114])


def scanned(page: NDArray[Any], seed: int, *, angle: float = 0.0, gain: float = 1.0, quality: int = 85) -> Rgb:
    """A page as a scanner would give it: noise, a little askew, JPEG."""
    height, width = page.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    turned = cv2.warpAffine(page.astype(np.float32), turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    noisy = np.clip(turned * gain + np.random.default_rng(seed).normal(0, 4, page.shape), 0, 255).astype(np.uint8)
    return encoded(np.repeat(noisy[..., None], 3, 2), quality)


def encoded(rgb: Rgb, quality: int) -> Rgb:
    data = io.BytesIO()
    Image.fromarray(rgb).save(data, "jpeg", quality=quality)
    return pixels.decode(data.getvalue()).rgb


def written(page: NDArray[np.uint8], text: str, x: int, y: int, size: float = 0.6) -> None:
    cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, 20, 1, cv2.LINE_AA)


def form(*values: str) -> NDArray[np.uint8]:
    page = np.full((760, 560), 250, np.uint8)
    written(page, "CLAIM FOR TRAVEL EXPENSES", 110, 60, 0.8)
    for at, name in enumerate(("Name", "Day", "From", "To", "Sum", "Paid by")):
        y = 130 + 90 * at
        written(page, name, 40, y)
        cv2.rectangle(page, (150, y - 28), (520, y + 14), 70, 1)
    for at, value in enumerate(values):
        written(page, value, 165, 130 + 90 * at)
    return page


def verdict(one: Rgb, two: Rgb) -> bool:
    return verify_pair(describe(one), describe(two)) is not None


FILLED = ("Anna Bell", "12.03.2019", "Harbour", "Old Town", "48.20", "card")


@pytest.mark.parametrize("other", [
    ("Anna Bell", "12.03.2019", "Harbour", "Old Town", "95.60", "card"),
    ("Carl Dorn", "12.03.2019", "Harbour", "Old Town", "48.20", "card"),
    ("Anna Bell", "27.08.2016", "Harbour", "Old Town", "48.20", "card"),
    ("Anna Bell", "12.03.2019", "Harbour", "Old Town", "48.20"),
    (),
])  # fmt: skip
def test_a_form_filled_in_otherwise_is_another_page(other: tuple[str, ...]) -> None:
    assert not verdict(scanned(form(*FILLED), 0), scanned(form(*other), 1))


@pytest.mark.parametrize(("angle", "gain", "quality"), [(0, 1, 40), (1.5, 1, 85), (-0.7, 0.9, 70)])
def test_a_page_scanned_again_is_the_same_page(angle: float, gain: float, quality: int) -> None:
    one = scanned(form(*FILLED), 0)
    assert verdict(one, scanned(form(*FILLED), 1, angle=angle, gain=gain, quality=quality))


def branches(*, seed: int = 8) -> NDArray[np.uint8]:
    """Dark branches before a sky that is brighter here and there: strokes, and hardly any ground."""
    rng = np.random.default_rng(seed)
    sky = cv2.resize(rng.uniform(120, 250, (9, 12)).astype(np.float32), (480, 360), interpolation=cv2.INTER_CUBIC)
    out = np.clip(sky, 0, 255).astype(np.uint8)
    for _ in range(420):
        x, y = rng.integers(0, 480), rng.integers(0, 360)
        end = int(x + rng.normal(0, 60)), int(y + rng.normal(0, 60))
        cv2.line(out, (int(x), int(y)), end, int(rng.integers(10, 60)), int(rng.integers(1, 4)), cv2.LINE_AA)
    return out


def test_what_was_put_on_a_photograph_of_branches_is_not_what_was_written_on_a_page() -> None:
    one = branches()
    two = one.copy()
    cv2.rectangle(two, (30, 300), (70, 312), 245, -1)
    assert not content_differs(one, two, np.eye(3)[:2])
    page, other = form(*FILLED), form(*FILLED)
    cv2.putText(other, "PAID", (300, 700), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 20, 2, cv2.LINE_AA)
    assert content_differs(cv2.resize(page, (377, 512)), cv2.resize(other, (377, 512)), np.eye(3)[:2])


@pytest.mark.parametrize("light", [1.0, 0.55])
def test_a_page_is_told_by_its_even_ground_also_where_it_is_lit_from_one_side(light: float) -> None:
    shade = np.linspace(light, 1, 560)
    page = np.asarray(form(*FILLED) * shade, np.uint8)
    assert _without_strokes(page.astype(np.float32)) < 0.05
    assert _without_strokes(branches().astype(np.float32)) == 1


def test_a_display_that_shows_another_number_is_another_picture() -> None:
    photo = np.asarray(load_sample_images().images[0], np.uint8)

    def meter(number: str) -> Rgb:
        out = photo.copy()
        cv2.rectangle(out, (220, 180), (420, 250), (190, 200, 180), -1)
        cv2.putText(out, number, (235, 230), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (20, 30, 20), 3, cv2.LINE_AA)
        return encoded(out, 88)

    assert not verdict(meter("30481"), meter("30757"))
    assert verdict(meter("30481"), encoded(meter("30481"), 50))


def captioned(photo: Rgb, text: str) -> Rgb:
    out = photo.copy()
    for thickness, shade in ((4, 10), (2, 250)):
        cv2.putText(out, text, (10, 120), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (shade,) * 3, thickness, cv2.LINE_AA)
    return encoded(out, 90)


def petals() -> Rgb:
    return np.ascontiguousarray(load_sample_images().images[1][150:350, 150:450])


def fur() -> Rgb:
    """Dark patches on a lighter ground everywhere, as large as letters."""
    noise = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 1, (240, 340)), (0, 0), 2)
    light = np.clip(130 + 60 * noise / noise.std(), 10, 240)[..., None]
    return encoded(np.asarray(light * np.array([1.0, 0.85, 0.6]), np.uint8), 92)


@pytest.mark.parametrize("make", [petals, fur])
def test_a_caption_hides_what_a_photograph_has_there_and_another_caption_replaces_it(make: Any) -> None:
    photo = make()
    assert verdict(photo, captioned(photo, "SAMPLE 2024"))
    assert not verdict(captioned(photo, "SAMPLE 2024"), captioned(photo, "INVOICE 731"))


def lamp(colour: tuple[int, int, int]) -> Rgb:
    """A lamp in a photograph; its brightness is that of any other."""
    out = np.asarray(load_sample_images().images[0], np.uint8).copy()
    shade = np.array(colour) * (110 / (np.array(colour) @ LUMA))
    cv2.circle(out, (300, 200), 20, np.clip(shade, 0, 255).tolist(), -1)
    return encoded(out, 92)


def shirt(colour: tuple[int, int, int]) -> Rgb:
    out = np.full((320, 320, 3), 245, np.uint8)
    shade = np.array(colour) * (110 / (np.array(colour) @ LUMA))
    outline = np.array(
        [
            [100, 60],
            [220, 60],
            [270, 130],
            [235, 150],
            [220, 120],
            [220, 270],
            [100, 270],
            [100, 120],
            [85, 150],
            [50, 130],
        ]
    )
    cv2.fillPoly(out, [outline], np.clip(shade, 0, 255).tolist())
    folds = cv2.GaussianBlur(np.random.default_rng(3).normal(0, 40, (320, 320)).astype(np.float32), (0, 0), 2)
    return encoded(np.clip(out + folds[..., None] * (out[..., :1] < 240), 0, 255).astype(np.uint8), 92)


COLOURS = [(200, 70, 70), (70, 140, 60), (70, 110, 220)]


@pytest.mark.parametrize("make", [lamp, shirt])
def test_things_of_other_colours_are_other_things(make: Any) -> None:
    made = [make(colour) for colour in COLOURS]
    assert not any(verdict(made[a], made[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert all(verdict(x, encoded(x, 60)) for x in made)
    less = cv2.addWeighted(made[0], 0.6, np.repeat(pixels.luma(made[0])[..., None], 3, 2), 0.4, 0)
    assert verdict(made[0], np.asarray(less, np.uint8)), "another saturation is no other colour"


def cloth(colour: tuple[int, int, int]) -> Rgb:
    """Cloth with deep folds that fills the picture: no ground shows that the light was white."""
    rng = np.random.default_rng(4)
    folds, weave = (cv2.GaussianBlur(rng.normal(0, 1, (300, 300)), (0, 0), sigma) for sigma in (6, 1))
    light = np.clip(1 + 0.4 * folds / folds.std() + 0.1 * weave / weave.std(), 0.1, 2)
    shade = np.array(colour) * (110 / (np.array(colour) @ LUMA))
    return encoded(np.clip(shade * light[..., None], 0, 255).astype(np.uint8), 92)


@pytest.mark.parametrize("filter_colour", [(255, 0, 0), (0, 0, 255)])
def test_a_photograph_behind_a_coloured_filter_is_the_same_and_dyed_cloth_is_not(
    filter_colour: tuple[int, int, int],
) -> None:
    photo = np.asarray(load_sample_images().images[0], np.uint8)
    tinted = 0.7 * photo + 0.3 * np.array(filter_colour)
    assert verdict(photo, encoded(tinted.astype(np.uint8), 90))
    assert not verdict(cloth((150, 150, 110)), cloth(filter_colour))


def test_a_grey_shirt_is_no_grey_copy_of_a_red_one() -> None:
    assert not verdict(shirt(COLOURS[0]), shirt((110, 110, 110)))


def brass() -> Rgb:
    """A shining thing on white, of one hue: little colour in its shadows and lights."""
    relief = cv2.GaussianBlur(np.random.default_rng(9).normal(0, 1, (320, 320)), (0, 0), 4)
    relief = np.clip(relief / relief.std() / 4 + 0.5, 0, 1)
    shades = np.array([(20, 14, 8), (190, 140, 40), (255, 248, 230)])
    thing = np.stack([np.interp(relief, (0, 0.5, 1), shades[:, channel]) for channel in range(3)], 2)
    disc = cv2.circle(np.zeros((320, 320), np.uint8), (160, 160), 110, 1, -1)[..., None]
    return encoded(np.where(disc > 0, thing, 255).clip(0, 255).astype(np.uint8), 92)


def test_a_picture_without_any_of_its_colours_is_a_copy_and_a_grey_thing_of_other_light_is_not() -> None:
    coloured = brass()
    gray = np.repeat(pixels.luma(coloured)[..., None], 3, 2)
    assert verdict(coloured, encoded(gray, 80))
    darker_thing = np.where(gray < 250, gray * 0.85, gray).astype(np.uint8)
    assert not verdict(coloured, encoded(darker_thing, 80))
    tinted_ground = np.where(gray < 250, gray, np.array([255, 250, 235])).astype(np.uint8)
    assert not verdict(coloured, encoded(tinted_ground, 92)), "not all of its colour is gone"


def test_the_second_scan_of_a_page_is_a_candidate_among_pages_on_its_template() -> None:
    rng = np.random.default_rng(5)
    pages = [form(*(f"{rng.integers(10_000, 99_999)} {rng.integers(100, 999)}" for _ in range(6))) for _ in range(60)]
    scans = [scanned(page, at) for at, page in enumerate(pages)]
    scans += [scanned(np.roll(pages[at], (2, -2), (0, 1)), 100 + at, gain=0.93, quality=70) for at in range(0, 60, 10)]
    ids = np.full((len(scans), 15), -1, np.int32)
    pairs, _ = image_candidates(np.stack([pixels.tiny(x) for x in scans]), ids, np.full(ids.shape, np.inf, np.float32))
    assert {(10 * at, 60 + at) for at in range(6)} <= {tuple(pair) for pair in pairs.tolist()}
    assert len(pairs) <= 8 * len(scans)


def test_second_scans_that_lie_askew_are_candidates_too() -> None:
    """They are hardly nearer than other pages on the template: more of a small crowd is compared."""
    rng = np.random.default_rng(6)
    pages = [form(*(f"{rng.integers(10_000, 99_999)} {rng.integers(100, 999)}" for _ in range(6))) for _ in range(40)]
    scans = [scanned(page, at) for at, page in enumerate(pages)]
    for at in range(0, 40, 4):
        turned = Image.fromarray(pages[at]).rotate(1.0, resample=Image.Resampling.BICUBIC, fillcolor="white")
        scans.append(scanned(np.asarray(turned), 100 + at, gain=0.93, quality=70))
    ids = np.full((len(scans), 15), -1, np.int32)
    pairs, _ = image_candidates(np.stack([pixels.tiny(x) for x in scans]), ids, np.full(ids.shape, np.inf, np.float32))
    found = {(4 * at, 40 + at) for at in range(10)} & {tuple(pair) for pair in pairs.tolist()}
    assert len(found) >= 8


def test_receipts_of_one_shop_are_not_copies(cases: ModuleType, tmp_path: Path) -> None:
    cases.CASES["receipts"](tmp_path)
    with (tmp_path / "truth.csv").open() as file:
        truth = [(row["a"], row["b"]) for row in csv.DictReader(file)]
    described = {
        path.name: describe(pixels.decode(path.read_bytes()).rgb) for path in sorted((tmp_path / "scans").iterdir())
    }
    assert all(verify_pair(described[a], described[b]) for a, b in truth)
    shop = [f"r{at:03d}.jpg" for at in range(0, 240, 4)]
    others = [(shop[at], shop[at + 1]) for at in range(0, 40, 2)]
    assert not any(verify_pair(described[a], described[b]) for a, b in others)
