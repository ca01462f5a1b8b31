"""Image features learned from the user's own pictures: no labels, no pretrained weights.

In: pictures as uint8 (64, 64, 3). Out: float32 (n, d), d <= 256. Does not know: labels, files, other encoders.

Three embeddings, the first two bags of whitened patches coded against a small dictionary and pooled over a grid:
    pixels   6 x 6 colour patches of the picture at 32 x 32
    edges    3 x 3 and 5 x 5 patches of a 16 x 16 map of gradient magnitude in 8 directions
    colours  a hue-saturation and a brightness histogram a quadrant
then square root, standardise, PCA, partial whitening. Sources: Coates, Lee, Ng, AISTATS 2011 (whitened patches, spherical
k-means); Thiry, Arbel, Belilovsky, Oyallon, ICLR 2021 (sign-symmetric codes). Dictionaries are closed under left-right
mirroring, so a picture and its mirror image share most of their features at no extra cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
State = Mapping[str, NDArray[Any]]

SIDE, SMALL, CELLS, DIRECTIONS = 64, 32, 16, 8
MIRRORED_DIRECTION = (4 - np.arange(DIRECTIONS)) % DIRECTIONS  # the horizontal gradient changes sign
ATOMS = 192  # half of them mirror images of the other half
THRESHOLD = 0.84  # of a patch's root mean square response
ANTISYMMETRIC = 0.2  # weight of what a mirror image changes
WHITEN = 0.25
BATCH = 16  # fixed, so that a picture's features do not depend on its shard


@dataclass(frozen=True)
class Bag:
    """One bag of patches: size and stride of a patch, whitened components, contrast floor, pooling grid."""

    name: str
    size: int
    stride: int
    components: int
    floor: float
    grid: int


BAGS = (Bag("pixels", 6, 2, 40, 10.0, 2), Bag("edges3", 3, 1, 48, 1.0, 2), Bag("edges5", 5, 1, 64, 1.0, 3))


def _maps(images: NDArray[np.uint8]) -> dict[str, Floats]:
    """uint8 (n, 64, 64, 3) -> the picture at 32 x 32 and its 16 x 16 x 8 edge map."""
    small = np.stack([cv2.resize(x, (SMALL, SMALL), interpolation=cv2.INTER_AREA) for x in images.astype(np.float32)])
    edges = np.stack([_edge_map(image) for image in images])
    return {"pixels": small, "edges3": edges, "edges5": edges}


def _edge_map(image: NDArray[np.uint8]) -> Floats:
    """Gradient magnitude of the strongest channel, shared between the two nearest of 8 directions, averaged over cells."""
    from assay.encode.kernels import directions  # the compiler has no place in the start of a run

    planes = np.zeros((SIDE, SIDE, DIRECTIONS), np.float32)
    directions(image, planes)
    smooth = cv2.blur(planes, (5, 5))
    return np.sqrt(np.maximum(smooth[2::4, 2::4], 0))  # a box filter may end a hair below zero


def _patches(maps: Floats, bag: Bag) -> Floats:
    """(n, rows * cols, size * size * channels): contrast-normalised patches."""
    windows = np.lib.stride_tricks.sliding_window_view(maps, (bag.size, bag.size), (1, 2))
    windows = windows[:, :: bag.stride, :: bag.stride].transpose(0, 1, 2, 4, 5, 3)
    x = np.ascontiguousarray(windows).reshape(len(maps), windows.shape[1] * windows.shape[2], -1)
    x -= x.mean(2, keepdims=True)
    x /= np.sqrt(np.einsum("ijk,ijk->ij", x, x)[..., None] / x.shape[2] + np.float32(bag.floor))
    return x


def _fit_bag(maps: Floats, bag: Bag, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Whitening and dictionary from about 20,000 patches."""
    channels = maps.shape[3]
    flips = np.arange(channels) if bag.name == "pixels" else MIRRORED_DIRECTION
    mirror = (
        np.arange(bag.size * bag.size * channels).reshape(bag.size, bag.size, channels)[:, ::-1][..., flips].ravel()
    )
    per_image = max(1, -(-20_000 // len(maps)))
    chosen = []
    for start in range(0, len(maps), BATCH):
        block = _patches(maps[start : start + BATCH], bag)
        picks = rng.integers(0, block.shape[1], (len(block), min(per_image, 4 * block.shape[1])))
        chosen.append(np.take_along_axis(block, picks[..., None], 1).reshape(-1, block.shape[2]))
    x = np.concatenate(chosen)[:40_000]
    mean = x.mean(0)
    mean = (mean + mean[mirror]) / 2
    x = x - mean
    covariance = (x.T @ x).astype(np.float64) / len(x)
    values, vectors = np.linalg.eigh((covariance + covariance[np.ix_(mirror, mirror)]) / 2)
    keep = max(1, min(bag.components, int((values > 1e-6 * max(values[-1], 1e-12)).sum())))
    values, vectors = values[::-1][:keep], vectors[:, ::-1][:, :keep]
    parity = np.where(np.einsum("ij,ij->j", vectors[mirror], vectors) >= 0, 1, -1).astype(np.float32)
    white = (vectors / np.sqrt(np.maximum(values, 0) + 0.1)).astype(np.float32)
    z = x @ white
    z[::2] *= parity
    half = ATOMS // 2
    atoms = z[rng.choice(len(z), half, replace=len(z) < half)]
    for _ in range(8):  # spherical k-means; an atom and its negative count as one, updates are damped
        atoms = atoms / (np.linalg.norm(atoms, axis=1, keepdims=True) + 1e-8)
        scores = z @ atoms.T
        best = np.abs(scores).argmax(1)
        weights = np.zeros_like(scores)
        at = np.arange(len(z))
        weights[at, best] = scores[at, best]
        atoms = atoms + weights.T @ z
    atoms = atoms / (np.linalg.norm(atoms, axis=1, keepdims=True) + 1e-8)
    dictionary = np.concatenate([atoms, atoms * parity]).T
    return {"white": white, "shift": -mean @ white, "atoms": np.ascontiguousarray(dictionary, np.float32)}


def _code(maps: Floats, bag: Bag, state: State) -> Floats:
    """(n, grid, grid, 2 * ATOMS): mean positive and negative responses above the threshold in each cell of the grid."""
    from assay.encode.kernels import pool

    x = _patches(maps, bag)
    n, count, _ = x.shape
    rows = round(np.sqrt(count))
    z = x.reshape(n * count, -1) @ state[f"{bag.name}.white"] + state[f"{bag.name}.shift"]
    s = z @ state[f"{bag.name}.atoms"]
    edges = np.array([-(-rows * step // bag.grid) for step in range(bag.grid + 1)])
    out = np.zeros((n, bag.grid, bag.grid, 2 * ATOMS), np.float32)
    for responses, cells in zip(s.reshape(n, rows, rows, -1), out, strict=True):
        pool(responses, edges, np.float32(THRESHOLD), cells)
    return out


def _fold_mirror(f: Floats, flip: NDArray[np.int64]) -> Floats:
    """(n, g, g, D) -> flat: the part a mirror image shares, then the damped part it changes, each once."""
    columns = (f.shape[2] + 1) // 2
    left, mirrored = f[:, :, :columns] * np.float32(0.5), f[:, :, ::-1][:, :, :columns, flip] * np.float32(0.5)
    half = np.concatenate([left + mirrored, (left - mirrored) * np.float32(ANTISYMMETRIC)], -1)
    return half.reshape(len(f), -1)


def _colours(images: NDArray[np.uint8]) -> Floats:
    """(n, 2, 2, 32): square roots of 24 hue-saturation and 8 brightness shares a quadrant."""
    out = np.empty((len(images), 2, 2, 32), np.float32)
    cell = (np.arange(SIDE) * 2 // SIDE)[:, None] * 64 + (np.arange(SIDE) * 2 // SIDE)[None] * 32
    for image, row in zip(images, out, strict=True):
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.int64)
        tone = cell + np.minimum(hsv[..., 0] * 8 // 180, 7) * 3 + hsv[..., 1] * 3 // 256
        light = cell + 24 + hsv[..., 2] // 32
        counts = np.bincount(np.concatenate([tone.ravel(), light.ravel()]), minlength=128)
        row[:] = np.sqrt(counts.reshape(2, 2, 32) * (4 / (SIDE * SIDE)))
    return out


def _features(images: NDArray[np.uint8], state: State) -> Floats:
    """Square-rooted codes of one batch, mirror images folded."""
    maps = _maps(images)
    atom_flip = np.arange(2 * ATOMS).reshape(2, 2, ATOMS // 2)[:, ::-1].ravel()
    parts = [_fold_mirror(_code(maps[bag.name], bag, state), atom_flip) for bag in BAGS]
    parts.append(_fold_mirror(_colours(images), np.arange(32)))
    f = np.concatenate(parts, 1)
    return np.copysign(np.sqrt(np.abs(f)), f)


def _batches(images: Sequence[NDArray[np.uint8]], state: State) -> Floats:
    rows = [_features(np.stack(images[start : start + BATCH]), state) for start in range(0, len(images), BATCH)]
    return np.concatenate(rows)


def fit_patches(
    images: Sequence[NDArray[np.uint8]], *, seed: int, dims: int = 256
) -> tuple[dict[str, NDArray[Any]], Floats]:
    """Dictionaries, scales and projection from sample pictures, each uint8 (64, 64, 3), and the vectors of these as `encode_patches`
    gives them. About 2.5 ms a picture."""
    rng = np.random.default_rng([seed, 11])
    sample = np.stack(images)
    state: dict[str, NDArray[Any]] = {}
    blocks = [_maps(sample[start : start + BATCH]) for start in range(0, len(sample), BATCH)]
    for bag in BAGS:
        maps = np.concatenate([block[bag.name] for block in blocks])
        state |= {f"{bag.name}.{name}": value for name, value in _fit_bag(maps, bag, rng).items()}
    f = _batches(images, state)
    mean, spread = f.mean(0), f.std(0)
    scale = (1 / (spread + 0.1 * spread.mean() + 1e-6)).astype(np.float32)
    # the damping of what a mirror image changes must survive the standardisation
    scale *= np.concatenate([_damping(bag.grid, 2 * ATOMS) for bag in BAGS] + [_damping(2, 32)])
    project = _projection((f - mean) * scale, dims, rng)
    state |= {"project": scale[:, None] * project, "shift": -(mean * scale) @ project}
    return state, f @ state["project"] + state["shift"]


def _damping(grid: int, width: int) -> Floats:
    return np.tile(np.repeat(np.array([1, ANTISYMMETRIC], np.float32), width), grid * ((grid + 1) // 2))


def _projection(f: Floats, dims: int, rng: np.random.Generator) -> Floats:
    """Randomised PCA (Halko, Martinsson, Tropp 2011), directions scaled by a power of their variance."""
    d = max(1, min(dims, f.shape[0] - 1, f.shape[1] - 1))
    start = rng.standard_normal((f.shape[1], min(d + 32, *f.shape)), np.float32)
    q = np.linalg.qr(f @ start)[0]
    q = np.linalg.qr(f @ (f.T @ q))[0]
    small = q.T @ f
    values, vectors = np.linalg.eigh((small @ small.T).astype(np.float64))
    values, vectors = np.maximum(values[::-1][:d], 1e-9), vectors[:, ::-1][:, :d]
    gains = (values / values[0]) ** -WHITEN / np.sqrt(values)
    return np.asarray(small.T @ (vectors * gains).astype(np.float32))


def encode_patches(images: Sequence[NDArray[np.uint8]], state: State) -> Floats:
    """float32 (n, d). About .8 ms a picture on one core."""
    rows = []
    for start in range(0, len(images), BATCH):
        f = _features(np.stack(images[start : start + BATCH]), state)
        rows.append(f @ state["project"] + state["shift"])
    return np.concatenate(rows) if rows else np.zeros((0, state["project"].shape[1]), np.float32)
