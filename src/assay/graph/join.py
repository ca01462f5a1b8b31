"""Several views of the same rows -> one array for one graph.

In: one (N, d) array a view. Out: an (N, at most 256) array whose cosines (or squared Euclidean distances) are about the
weighted mean of theirs.
Does not know: what the views see.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.graph.vectors import BLOCK

SAMPLE = 20_000
IN_HALF = 200_000  # rows above which the result is float16


def join_views(
    views: Sequence[NDArray[Any]],
    weights: Sequence[float] | None = None,
    *,
    unit: bool = True,
    max_dims: int = 256,
    seed: int = 0,
) -> NDArray[np.floating[Any]]:
    """Concatenate ``views``, each times the root of its view's weight, in at most ``max_dims`` dims.

    Parameters
    ----------
    views : (N, d_v) float arrays, memory maps welcome; zero rows stay zero.
    weights : one positive number a view; default equal.
    unit : each row of each view at unit length, for cosines; False keeps lengths, for Euclidean distances.
    max_dims : where the views hold more, the leading principal directions (uncentred, so that dot products are kept) of
        ``SAMPLE`` rows.

    Returns
    -------
    (N, d) float32, or float16 above ``IN_HALF`` rows. A single view that fits comes back as it is, or at unit length.

    Notes
    -----
    Cost: N d max_dims operations.
    """
    n = len(views[0])
    factors = np.ones(len(views)) if weights is None else np.asarray(weights, float)
    factors = np.sqrt(factors / factors.sum())
    width = sum(view.shape[1] for view in views)
    axes = None
    if width > max_dims:
        rows = np.sort(np.random.default_rng([seed, 7_002]).permutation(n)[:SAMPLE])
        sample = _joined(views, factors, rows, unit)
        _, directions = np.linalg.eigh((sample.T @ sample).astype(np.float64))
        axes = np.ascontiguousarray(directions[:, ::-1][:, :max_dims], np.float32)
    out = np.empty((n, min(width, max_dims)), np.float16 if n > IN_HALF else np.float32)
    for start in range(0, n, BLOCK):
        block = _joined(views, factors, slice(start, start + BLOCK), unit)
        out[start : start + BLOCK] = block if axes is None else block @ axes
    return out


def _joined(
    views: Sequence[NDArray[Any]], factors: NDArray[np.float64], rows: slice | NDArray[Any], unit: bool
) -> NDArray[np.float32]:
    parts = []
    for view, factor in zip(views, factors.tolist(), strict=True):
        part = np.asarray(view[rows], np.float32)
        if unit:
            part = part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)
        parts.append(part * np.float32(factor))
    return np.concatenate(parts, axis=1)
