"""Near duplicates among pictures: what is opened again, and what counts as proof.

Oracles: SIFT on a really mirrored picture; transforms made here; photos_600's list of duplicates; scikit-learn's digits, of
which no two are the same scan.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

from assay.duplicates import image_candidates as candidates
from assay.duplicates.image_candidates import THUMBNAIL_TOP, positions
from assay.duplicates.image_match import match_corners
from assay.duplicates.image_proof import correlate, locate, mirrored_descriptors
from assay.duplicates.images import describe, image_candidates, verify_pair
from assay.encode import pixels

Rgb = NDArray[np.uint8]
CLOSER = 5  # embedding neighbours taken at most


def no_graph(n: int, k: int = 3) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    return np.full((n, k), -1, np.int32), np.full((n, k), np.inf, np.float32)


def pairs_of(tiny: Rgb, *graph: NDArray, threads: int = 2) -> set[tuple[int, int]]:
    found, _ = image_candidates(tiny, *(graph or no_graph(len(tiny))), threads=threads, seed=0)
    assert found.dtype == np.int64
    assert found.shape == (len(found), 2)
    return {(a, b) for a, b in found.tolist()}


def textures(n: int, side: int = 32, seed: int = 0) -> Rgb:
    """Smooth random pictures, no two alike."""
    noise = np.random.default_rng(seed).normal(size=(n, side, side)).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(x, (0, 0), side / 12) for x in noise])
    return np.clip(128 + 40 * smooth / smooth.std((1, 2), keepdims=True), 0, 255).astype(np.uint8)


def jpeg(rgb: Rgb, quality: int) -> Rgb:
    data = io.BytesIO()
    Image.fromarray(rgb).save(data, "jpeg", quality=quality)
    return pixels.decode(data.getvalue()).rgb


def cropped(rgb: Rgb, share: float) -> Rgb:
    height, width = rgb.shape[:2]
    top, left = int(height * (1 - share) * 0.3), int(width * (1 - share) * 0.6)
    return rgb[top : top + int(height * share), left : left + int(width * share)]


def bordered(rgb: Rgb, value: int) -> Rgb:
    wide = int(max(rgb.shape) * 0.08)
    return np.asarray(cv2.copyMakeBorder(rgb, *[wide] * 4, cv2.BORDER_CONSTANT, value=(value,) * 3))


def written_on(rgb: Rgb) -> Rgb:
    out, size = rgb.copy(), rgb.shape[1] / 500
    return np.asarray(cv2.putText(out, "Sample 2024", (20, rgb.shape[0] - 30), 0, size, (255, 255, 0), 2))


def brighter(rgb: Rgb, factor: float) -> Rgb:
    return np.clip(rgb * factor, 0, 255).astype(np.uint8)


TRANSFORMS: dict[str, tuple[Callable[[Rgb], Rgb], str]] = {
    "jpeg q10": (lambda x: jpeg(x, 10), "near"),
    "jpeg q30": (lambda x: jpeg(x, 30), "near"),
    "half size": (lambda x: pixels.resized(x, x.shape[1] // 2, x.shape[0] // 2), "resized"),
    "mirror": (lambda x: jpeg(x[:, ::-1], 75), "mirror"),
    "upside down, mirrored": (lambda x: jpeg(x[::-1], 75), "mirror"),
    "quarter turn": (lambda x: jpeg(np.rot90(x), 75), "rotated"),
    "half turn": (lambda x: jpeg(x[::-1, ::-1], 75), "rotated"),
    "crop 85 %": (lambda x: jpeg(cropped(x, 0.85), 75), "crop"),
    "crop 70 %": (lambda x: jpeg(cropped(x, 0.7), 75), "crop"),
    "white border": (lambda x: bordered(x, 255), "border"),
    "black border": (lambda x: bordered(x, 0), "border"),
    "brighter": (lambda x: brighter(x, 1.2), "near"),
    "darker": (lambda x: brighter(x, 0.8), "near"),
    "text": (written_on, "near"),
    "grey": (lambda x: np.repeat(pixels.luma(x)[..., None], 3, 2), "near"),
}


@pytest.fixture(scope="module")
def photos() -> list[Rgb]:
    return [np.asarray(x, np.uint8) for x in load_sample_images().images]


@pytest.fixture(scope="module")
def digits() -> list[Rgb]:
    scans = [Image.fromarray((x * (255 / 16)).astype(np.uint8)) for x in load_digits().images]
    enlarged = [np.asarray(scan.resize((32, 32), Image.Resampling.BICUBIC)) for scan in scans]
    return [np.repeat(scan[..., None], 3, 2) for scan in enlarged]


# Candidates


def test_a_copy_in_any_of_eight_positions_is_a_candidate() -> None:
    tiny = textures(300)
    copies = np.stack([positions(tiny[row : row + 1])[row][0] for row in range(8)])
    noise = np.random.default_rng(1).integers(-6, 7, copies.shape)
    found = pairs_of(np.concatenate([tiny, np.clip(copies + noise, 0, 255).astype(np.uint8)]))
    assert {(row, 300 + row) for row in range(8)} <= found
    assert len(found) < 30


def test_close_neighbours_of_the_embedding_are_candidates_whatever_the_thumbnails() -> None:
    ids = np.tile(np.arange(40, 50, dtype=np.int32), (60, 1))
    ids[40:] = np.arange(10)
    distances = np.tile(np.linspace(0.5, 0.9, 10, dtype=np.float32), (60, 1))
    distances[7, 0] = 0.2
    assert pairs_of(textures(60), ids, distances) == {(7, 40)}


def test_a_neighbour_as_far_as_all_others_is_no_candidate() -> None:
    ids = (np.arange(60)[:, None] + np.arange(1, 11)).astype(np.int32) % 60
    assert not pairs_of(textures(60), ids, np.full((60, 10), 0.4, np.float32))


def test_pairs_that_stand_out_are_all_kept_and_the_best_of_the_others(monkeypatch) -> None:
    monkeypatch.setattr(candidates, "OTHERS", 4)
    monkeypatch.setattr(candidates, "OTHERS_A_ROW", 0.05)  # room for 7 of 60 rows
    ids = np.tile(np.arange(40, 50, dtype=np.int32), (60, 1))
    ids[40:] = np.arange(10)
    distances = np.tile(np.linspace(0.9, 1.0, 10, dtype=np.float32), (60, 1))
    distances[:20, 0] = np.linspace(0.05, 0.24, 20)  # these stand out: at most a quarter of the last
    distances[20:40, 0] = np.linspace(0.26, 0.44, 20)
    found, left_out = image_candidates(textures(60), ids, distances, seed=0)
    assert found.tolist() == [[row, 40] for row in range(27)]
    assert left_out == 13
    monkeypatch.setattr(candidates, "OTHERS_AT_MOST", 5)
    found, left_out = image_candidates(textures(60), ids, distances, seed=0)
    assert found.tolist() == [[row, 40] for row in range(25)]
    assert left_out == 15


def test_identical_rows_stay_capped() -> None:
    tiny = np.repeat(textures(1), 500, 0)
    ids = np.tile(np.arange(15, dtype=np.int32), (500, 1))
    found = pairs_of(tiny, ids, np.zeros((500, 15), np.float32))
    assert 499 <= len(found) <= 500 * (THUMBNAIL_TOP + CLOSER + 1)
    assert {row for pair in found for row in pair} == set(range(500))


def test_plain_pictures_meet_the_one_nearest_in_brightness() -> None:
    tiny = np.repeat(np.array([200, 10, 90, 201, 50], np.uint8), 1024).reshape(5, 32, 32)
    found = pairs_of(tiny)
    assert (0, 3) in found
    assert len(found) == 4


@pytest.mark.parametrize("n", [0, 1, 2, 3, 20])
def test_few_rows(n: int) -> None:
    tiny = textures(20)[:n]
    tiny[-1:] = tiny[:1]
    assert pairs_of(tiny) == ({(0, n - 1)} if n > 1 else set())
    assert pairs_of(tiny, *no_graph(n, 0)) == pairs_of(tiny)


def test_the_same_pairs_whatever_the_threads_or_the_kind_of_array(tmp_path: Path) -> None:
    tiny = np.concatenate([textures(700), textures(700)[:50, ::-1]])
    np.save(tmp_path / "tiny.npy", tiny)
    mapped = np.load(tmp_path / "tiny.npy", mmap_mode="r")
    assert pairs_of(tiny, threads=1) == pairs_of(tiny, threads=4) == pairs_of(mapped)


# Geometry


def test_mirrored_descriptors_are_those_of_the_mirrored_picture(photos: list[Rgb]) -> None:
    gray = pixels.luma(pixels.resized(photos[0], 256, 171))
    points, descriptors = cv2.SIFT_create(256).detectAndCompute(gray, None)
    mirror = np.ascontiguousarray(gray[:, ::-1])
    for point in points:  # the same places and directions, mirrored
        point.pt, point.angle = (255 - point.pt[0], point.pt[1]), (180 - point.angle) % 360
    _, truth = cv2.SIFT_create(256).compute(mirror, points)
    ours = mirrored_descriptors(descriptors.astype(np.uint8)).astype(np.float32)
    cosine = (ours * truth).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(truth, axis=1)
    assert np.median(cosine) > 0.99


@settings(max_examples=40, deadline=None)
@given(
    angle=st.floats(-3.1, 3.1),
    scale=st.floats(0.4, 2.5),
    shift=st.complex_numbers(max_magnitude=80),
    mirrored=st.booleans(),
    wrong=st.integers(0, 20),
    seed=st.integers(0, 1000),
)
def test_a_known_similarity_is_found_among_wrong_matches(
    angle: float, scale: float, shift: complex, mirrored: bool, wrong: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 256, (40, 2)).astype(np.float32)
    descriptors = rng.integers(0, 120, (40, 128)).astype(np.uint8)
    z = points[:, 0] + 1j * points[:, 1]
    w = scale * np.exp(1j * angle) * (z.conj() if mirrored else z) + shift
    there = np.stack([w.real, w.imag], 1).astype(np.float32)
    there[:wrong] = rng.uniform(0, 256, (wrong, 2))
    other = mirrored_descriptors(descriptors) if mirrored else descriptors
    where = locate(points, descriptors, there, other, mirrored=mirrored)
    assert where is not None
    assert where.inliers >= 40 - wrong
    laid = np.c_[points, np.ones(40)] @ where.matrix.T
    # a wrong match may lie within the tolerance by chance and pull a little
    assert np.abs(laid - there)[wrong:].max() < 2


@given(st.integers(0, 50), st.floats(0.1, 3), st.floats(-50, 50))
def test_correlation_does_not_depend_on_light(seed: int, gain: float, offset: float) -> None:
    a, b = np.random.default_rng(seed).normal(0, 30, (2, 12, 12)).astype(np.float32)
    assert correlate(a, (gain * a + offset).astype(np.float32)) == pytest.approx(1, abs=1e-4)
    assert correlate(a, b) == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1], abs=1e-4)


# Proof


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transformed_copy_is_proven_and_its_kind_named(name: str, photos: list[Rgb]) -> None:
    change, kind = TRANSFORMS[name]
    for photo in photos:
        proof = verify_pair(describe(photo), describe(np.ascontiguousarray(change(photo))))
        assert proof is not None
        assert proof[0] == kind
        assert 0.7 < proof[1] <= 1


def test_a_copy_is_found_where_it_lies_in_the_other(photos: list[Rgb]) -> None:
    """The crop's corners are known; a mirror lies the other way round; small pictures, which have no points, lie as a whole."""
    whole = photos[0]
    height, width = whole.shape[:2]
    crop = cropped(whole, 0.6)
    top, left = int(height * 0.4 * 0.3), int(width * 0.4 * 0.6)
    right, bottom = left + crop.shape[1], top + crop.shape[0]
    true = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) / [width, height]
    assert np.abs(match_corners(describe(np.ascontiguousarray(crop)), describe(whole)) - true).max() < 0.01
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    for picture, near in ((whole, 0.01), (whole[:24, :24], 0)):
        mirrored = describe(np.ascontiguousarray(picture[:, ::-1]))
        found = match_corners(mirrored, describe(np.ascontiguousarray(picture)))
        assert np.abs(found - [[1 - x, y] for x, y in square]).max() <= near
        turned = describe(np.ascontiguousarray(np.rot90(picture)))  # what was on the right is at the top
        found = match_corners(turned, describe(np.ascontiguousarray(picture)))
        assert np.abs(found - [[1 - y, x] for x, y in [(0, 0), (1, 0), (1, 1), (0, 1)]]).max() <= near


def test_order_does_not_matter_and_runs_repeat(photos: list[Rgb]) -> None:
    one, two = describe(photos[0]), describe(cropped(photos[0], 0.8))
    assert verify_pair(one, two) == verify_pair(two, one) == verify_pair(describe(photos[0]), two)


def test_two_photographs_are_not_the_same(photos: list[Rgb]) -> None:
    assert verify_pair(describe(photos[0]), describe(photos[1])) is None


def test_two_parts_of_one_photograph_that_share_little_are_not_copies(photos: list[Rgb]) -> None:
    width = photos[0].shape[1]
    left, right = photos[0][:, : int(width * 0.6)], photos[0][:, int(width * 0.4) :]
    assert verify_pair(describe(left), describe(right)) is None


def test_plain_pictures_are_copies_only_of_the_same_colour() -> None:
    def plain(*colour: int, side: int = 80) -> Rgb:
        return np.full((side, side, 3), colour, np.uint8)

    red = describe(plain(200, 10, 10))
    assert verify_pair(red, describe(jpeg(plain(200, 10, 10, side=60), 60))) is not None
    assert verify_pair(red, describe(plain(180, 10, 10))) is None
    assert verify_pair(red, describe(plain(10, 80, 10))) is None
    assert verify_pair(red, describe(np.repeat(textures(1, 80)[0][..., None], 3, 2))) is None


def test_re_encoded_digits_are_found_and_lookalikes_are_not(digits: list[Rgb]) -> None:
    copies = [jpeg(scan, 85) for scan in digits[::60]]
    tiny = np.stack([pixels.tiny(x) for x in digits + copies])
    described = [describe(x) for x in digits + copies]
    proven = {pair for pair in pairs_of(tiny) if verify_pair(*(described[row] for row in pair)) is not None}
    planted = {(60 * at, len(digits) + at) for at in range(len(copies))}
    assert planted <= proven
    assert len(proven - planted) <= 3


def test_different_digits_of_eight_by_eight_pixels_are_no_copies() -> None:
    """1,797 scans as they are: whatever is proven looks the same, within one of their 16 levels of grey."""
    scans = load_digits().images
    rows = [np.repeat((x * (255 / 16)).astype(np.uint8)[..., None], 3, 2) for x in scans]
    described = [describe(x) for x in rows]
    pairs = pairs_of(np.stack([pixels.tiny(x) for x in rows]))
    proven = [pair for pair in pairs if verify_pair(*(described[row] for row in pair)) is not None]
    assert len(pairs) > 1_000
    assert len(proven) <= 3
    for a, b in proven:
        assert min(np.abs(turned[0] - scans[b]).mean() for turned in positions(scans[a : a + 1])) <= 1


def test_pixels_repeated_by_enlarging_prove_nothing() -> None:
    """The same scans, each pixel a block of four by four: 1,024 pixels, of which 64 are their own."""
    blocks = [np.kron(x * (255 / 16), np.ones((4, 4))).astype(np.uint8) for x in load_digits().images[:600]]
    described = [describe(np.repeat(x[..., None], 3, 2)) for x in blocks]
    pairs = pairs_of(np.stack([pixels.tiny(np.repeat(x[..., None], 3, 2)) for x in blocks]))
    assert sum(verify_pair(described[a], described[b]) is not None for a, b in pairs) <= 1


TINY: dict[str, tuple[Callable[[Rgb], Rgb], float]] = {  # what is asked, share found
    "jpeg q95": (lambda x: jpeg(x, 95), 1.0),
    "jpeg q85": (lambda x: jpeg(x, 85), 0.85),
    "mirror, jpeg q85": (lambda x: jpeg(x[:, ::-1], 85), 0.85),
    "quarter turn": (np.rot90, 1.0),
    "darker": (lambda x: brighter(x, 0.7), 1.0),
}


@pytest.mark.parametrize("name", TINY)
def test_copies_of_tiny_pictures_are_found(name: str) -> None:
    change, least = TINY[name]
    some = [np.repeat((x * (255 / 16)).astype(np.uint8)[..., None], 3, 2) for x in load_digits().images[::18]]
    found = [verify_pair(describe(x), describe(np.ascontiguousarray(change(x)))) is not None for x in some]
    assert np.mean(found) >= least


@pytest.mark.parametrize("interpolation", [cv2.INTER_CUBIC, cv2.INTER_LINEAR])
def test_enlarged_lookalikes_are_judged_as_strictly(digits: list[Rgb], interpolation: int) -> None:
    some = digits[:300]
    large = [describe(np.asarray(cv2.resize(x, (256, 256), interpolation=interpolation))) for x in some]
    assert not any(verify_pair(large[a], large[b]) for a, b in pairs_of(np.stack([pixels.tiny(x) for x in some])))
    again = describe(jpeg(np.asarray(cv2.resize(some[0], (200, 200), interpolation=interpolation)), 85))
    assert verify_pair(large[0], again) is not None


def test_a_small_picture_in_another_colour_is_another_picture(photos: list[Rgb]) -> None:
    small = pixels.resized(photos[1], 32, 32)
    assert verify_pair(describe(small), describe(jpeg(small, 85))) is not None
    chroma = cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb)
    chroma[..., 1:] = 255 - chroma[..., 1:]
    assert verify_pair(describe(small), describe(cv2.cvtColor(chroma, cv2.COLOR_YCrCb2RGB))) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (2, 3), (7, 900), (65, 65), (3000, 20)])
def test_pictures_of_any_shape_are_described(shape: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    one = describe(rgb)
    points, descriptors = one.points
    assert len(points) == len(descriptors) <= 256
    verify_pair(one, describe(rgb[::-1]))
    verify_pair(one, describe(np.zeros((50, 50, 3), np.uint8)))


# Real photographs


def test_known_duplicates_of_photos_are_proven_and_class_mates_are_not(data_dir: Path) -> None:
    folder = data_dir / "photos_600"
    if not folder.is_dir():
        pytest.skip("photos_600 is not among the datasets")
    with (folder / "duplicates.csv").open() as file:
        known = [row for row in csv.DictReader(file) if not row["file_a"].startswith(("garfield", "stop_sign"))]
    names = sorted({row[key] for row in known for key in ("file_a", "file_b")})
    described = {name: describe(pixels.decode((folder / name).read_bytes()).rgb) for name in names}
    proven = {}
    for at, a in enumerate(names):
        for b in names[at + 1 :]:
            if a.split("/")[0] == b.split("/")[0] and (proof := verify_pair(described[a], described[b])):
                proven[a, b] = proof[0]

    def listed(kind: str) -> set[tuple[str, str]]:
        return {(min(r["file_a"], r["file_b"]), max(r["file_a"], r["file_b"])) for r in known if r["kind"] == kind}

    assert {pair for pair, kind in proven.items() if kind == "mirror"} == listed("mirror")
    near = listed("near_duplicate")
    assert len(near & proven.keys()) >= 0.95 * len(near)
    not_listed = {  # seen to be the same picture
        ("grand_piano/image_0004.jpg", "grand_piano/image_0006.jpg"),
        ("grand_piano/image_0004.jpg", "grand_piano/image_0014.jpg"),
    }
    assert proven.keys() <= near | listed("mirror") | listed("ambiguous") | not_listed
