"""Several embeddings of the same rows -> one array for one graph.

In: one (N, d) array for each embedding. Out: an (N, at most 256) array whose cosines (or squared Euclidean distances) are about the
weighted mean of theirs.
Does not know: what the embeddings see.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.graph.vectors import BLOCK

SAMPLE = 20_000
IN_HALF = 200_000  # rows above which the result is float16


def join_embeddings(
    embeddings: Sequence[NDArray[Any]],
    weights: Sequence[float] | None = None,
    *,
    unit: bool = True,
    max_dims: int = 256,
    seed: int = 0,
) -> NDArray[np.floating[Any]]:
    """Concatenate ``embeddings``, each times the root of its embedding's weight, in at most ``max_dims`` dims.

    Parameters
    ----------
    embeddings : (N, d_v) float arrays, memory maps welcome; zero rows stay zero.
    weights : one positive number for each embedding; default equal.
    unit : each row of each embedding at unit length, for cosines; False keeps lengths, for Euclidean distances.
    max_dims : where the embeddings hold more, the leading principal directions (uncentred, so that dot products are kept) of
        ``SAMPLE`` rows.

    Returns
    -------
    (N, d) float32, or float16 above ``IN_HALF`` rows. A single embedding that fits comes back as it is, or at unit length.

    Notes
    -----
    Cost: N d max_dims operations.
    """
    n = len(embeddings[0])
    factors = np.ones(len(embeddings)) if weights is None else np.asarray(weights, float)
    factors = np.sqrt(factors / factors.sum())
    width = sum(embedding.shape[1] for embedding in embeddings)
    axes = None
    if width > max_dims:
        rows = np.sort(np.random.default_rng([seed, 7_002]).permutation(n)[:SAMPLE])
        sample = _joined(embeddings, factors, rows, unit)
        _, directions = np.linalg.eigh((sample.T @ sample).astype(np.float64))
        axes = np.ascontiguousarray(directions[:, ::-1][:, :max_dims], np.float32)
    out = np.empty((n, min(width, max_dims)), np.float16 if n > IN_HALF else np.float32)
    for start in range(0, n, BLOCK):
        block = _joined(embeddings, factors, slice(start, start + BLOCK), unit)
        out[start : start + BLOCK] = block if axes is None else block @ axes
    return out


def _joined(
    embeddings: Sequence[NDArray[Any]], factors: NDArray[np.float64], rows: slice | NDArray[Any], unit: bool
) -> NDArray[np.float32]:
    parts = []
    for embedding, factor in zip(embeddings, factors.tolist(), strict=True):
        part = np.asarray(embedding[rows], np.float32)
        if unit:
            part = part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)
        parts.append(part * np.float32(factor))
    return np.concatenate(parts, axis=1)
