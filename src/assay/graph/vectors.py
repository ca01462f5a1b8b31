"""The rows of an array as distances need them: checked, scaled, each distinct row once.

In: an (N, d) array of any float type, a memory map welcome. Out: float32 blocks on request; whole copies never.
Does not know: how neighbours are found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from assay.errors import ArrayError

Metric = Literal["cosine", "euclidean"]
BLOCK = 8192  # rows read at a time


@dataclass(frozen=True)
class Vectors:
    """Distinct rows of ``source``, prepared so that squared Euclidean distance ranks them.

    Cosine: rows at unit length; the zero vector gets an axis of its own, so that it is at distance 1 from every other
    row and 0 from its like. Euclidean: centred and divided by ``scale``, against overflow and cancellation in float32.
    """

    source: NDArray[Any]  # (N, d)
    metric: Metric
    centre: NDArray[np.float64]  # (d,)
    scale: float
    has_zero: bool
    group: NDArray[np.int64]  # (N,) the distinct row of each row
    rows: NDArray[np.int64]  # (U,) the first row of each distinct row, ascending

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dims(self) -> int:
        """Columns of prepared rows: those of ``source``, and the axis of the zero vector where there is one."""
        return int(self.source.shape[1]) + self.has_zero

    def take(self, which: slice | NDArray[Any]) -> NDArray[np.float32]:
        """Prepared distinct rows, C-ordered float32 (m, dims)."""
        return _prepare(self.source[self.rows[which]], self.metric, self.centre, self.scale, self.has_zero)

    def blocks(self, size: int = BLOCK) -> Iterator[slice]:
        """Slices of at most ``size`` distinct rows that cover all of them, in order."""
        for start in range(0, len(self), size):
            yield slice(start, min(start + size, len(self)))

    def distances(self, squared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squared distances of prepared rows -> the metric's distances, in the caller's units."""
        if self.metric == "cosine":
            return np.minimum(squared / 2, np.where(np.isinf(squared), squared, np.float32(2)))
        with np.errstate(over="ignore"):
            return np.asarray(np.sqrt(squared) * self.scale, np.float32)


def check_embeddings(embeddings: Any, name: str = "embeddings") -> NDArray[Any]:
    """The (N, d) float array behind ``embeddings``; no copy of a float array.

    Raises
    ------
    ArrayError : not two-dimensional, no columns, not numeric. NaN and infinity are found when rows are read.
    """
    array = embeddings if isinstance(embeddings, np.ndarray) else np.asarray(embeddings)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ArrayError(f"{name} must be a two-dimensional array (rows, dimensions); this one has shape {array.shape}")
    if array.dtype.kind not in "fiub":
        raise ArrayError(f"{name} must hold numbers; this array has dtype {array.dtype}")
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def make_vectors(source: NDArray[Any], metric: Metric) -> Vectors:
    """Read ``source`` twice in blocks: check it, then find equal rows. Raises ArrayError naming the first bad row."""
    n, dims = source.shape
    total = np.zeros(dims)
    low, high = np.full(dims, np.inf), np.full(dims, -np.inf)
    has_zero = False
    for start in range(0, n, BLOCK):
        block = np.asarray(source[start : start + BLOCK], np.float64)
        good = np.isfinite(block).all(1)
        if not good.all():
            row = start + int(np.argmin(good))
            raise ArrayError(f"embeddings hold NaN or infinity in row {row}; leave such rows out or fill them")
        total += block.sum(0)
        low, high = np.minimum(low, block.min(0)), np.maximum(high, block.max(0))
        has_zero = has_zero or bool((block == 0).all(1).any())
    centre, scale = np.zeros(dims), 1.0
    if metric == "euclidean" and n:
        has_zero = False
        centre = total / n
        reach = max(float(np.abs(high - centre).max()), float(np.abs(low - centre).max()))
        scale = float(2.0 ** np.floor(np.log2(reach))) if reach > 0 else 1.0
    group, rows = _distinct(source, metric, centre, scale, has_zero)
    return Vectors(source, metric, centre, scale, has_zero, group, rows)


def _prepare(
    raw: NDArray[Any], metric: Metric, centre: NDArray[np.float64], scale: float, has_zero: bool
) -> NDArray[np.float32]:
    if metric == "euclidean":
        return np.asarray((raw.astype(np.float64) - centre) / scale + 0.0, np.float32)
    block: NDArray[np.floating[Any]] = raw.astype(np.float64 if raw.dtype == np.float64 else np.float32)
    largest = np.abs(block).max(1, keepdims=True)  # first to about 1: squares of tiny or huge values stay finite
    block = block / np.where(largest > 0, largest, 1)
    length = np.sqrt(np.einsum("ij,ij->i", block, block))[:, None]
    out = np.zeros((len(block), block.shape[1] + has_zero), np.float32)
    np.divide(block, np.where(length > 0, length, 1), out=out[:, : block.shape[1]], casting="same_kind")
    out += np.float32(0)  # -0.0 becomes 0.0: equal rows have equal bytes
    if has_zero:
        out[:, -1] = length[:, 0] == 0
    return out


def _distinct(
    source: NDArray[Any], metric: Metric, centre: NDArray[np.float64], scale: float, has_zero: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(group of each row, first row of each group): rows that are equal once prepared, by a 64-bit hash and a check."""
    n, dims = source.shape
    weights = np.random.default_rng(20_011).integers(1, 2**63, dims + has_zero, dtype=np.uint64) * np.uint64(2)
    weights += np.uint64(1)
    hashes = np.empty(n, np.uint64)
    for start in range(0, n, BLOCK):
        block = _prepare(source[start : start + BLOCK], metric, centre, scale, has_zero)
        hashes[start : start + BLOCK] = block.view(np.uint32).astype(np.uint64) @ weights
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    leader = first[inverse]
    followers = np.flatnonzero(leader != np.arange(n))
    for start in range(0, len(followers), BLOCK):
        some = followers[start : start + BLOCK]
        one = _prepare(source[some], metric, centre, scale, has_zero)
        two = _prepare(source[leader[some]], metric, centre, scale, has_zero)
        chance = some[(one != two).any(1)]
        leader[chance] = chance
    rows, group = np.unique(leader, return_inverse=True)
    return group.astype(np.int64), rows.astype(np.int64)
