"""How far out a number lies: robust z scores and the generalised Pareto tail.

In: float arrays (N,). Out: z scores, tail probabilities. Does not know: what the numbers measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

START, STOP = 0.80, 0.98  # centiles between which the tail is fitted; foreign rows lie beyond
POINTS = 400  # order statistics that stand for the rows between them
ENOUGH = 30  # rows; fewer have no tail to speak of
SHAPES = (-0.3, 1.0)  # steeper ends than -0.3 are not believed: on normal clusters they flag twice as many rows


@dataclass(frozen=True)
class Tail:
    """P(X > x) = (1 - START) (1 + shape (x - start) / scale) ^ (-1 / shape) beyond ``start``."""

    start: float
    scale: float
    shape: float

    def p_values(self, values: NDArray[Any]) -> Floats:
        """P(X > value); below ``start``, where nothing was fitted, 1 - START."""
        return (1 - START) * np.exp(-self.hazard(values))

    def value_at(self, p: float) -> float:
        """The value that is exceeded with probability ``p``, at most 1 - START."""
        hazard = float(np.log((1 - START) / p))
        y = hazard if abs(self.shape) < 1e-6 else float(np.expm1(self.shape * hazard)) / self.shape
        return self.start + self.scale * y

    def hazard(self, values: NDArray[Any]) -> Floats:
        """- log P(X > value | X > start); 0 below ``start``. Of a sample from the tail it is exponential with mean 1."""
        y = np.maximum(np.asarray(values, np.float64) - self.start, 0) / self.scale
        return _hazard(y, self.shape)


def _hazard(y: Floats, shape: float) -> Floats:
    """- log survival of the generalised Pareto distribution of scale 1; infinite beyond its end."""
    if abs(shape) < 1e-6:
        return y
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(1 + shape * y > 0, np.log(np.maximum(1 + shape * y, 0)) / shape, np.inf)


def fit_tail(values: NDArray[Any]) -> Tail | None:
    """The tail of ``values`` (finite), from those between the 80th and the 98th centile; None where there is none to fit.

    Pickands' peaks over threshold, by maximum likelihood with everything above the 98th centile censored: up to 2 % of
    foreign rows, however far out, change nothing. None: fewer than 30 values, or those between the centiles are equal.
    Cost: O(N log N).
    """
    if len(values) < ENOUGH:
        return None
    start, stop = np.quantile(values, [START, STOP]).tolist()
    if not stop - start > 1e-9 * max(1.0, abs(start)):
        return None
    inside = np.sort(values[(values > start) & (values <= stop)]).astype(np.float64)
    if not len(inside):
        return None
    if len(inside) > POINTS:
        inside = np.quantile(inside, (np.arange(POINTS) + 0.5) / POINTS)
    width = stop - start
    y = (inside - start) / width  # 0 .. 1
    censored = len(y) * (1 - STOP) / (STOP - START)

    def loss(shape: Floats, log_scale: Floats) -> Floats:
        """(a, b) negative log-likelihoods, shapes by scales."""
        sigma = np.exp(log_scale)[None, :]
        xi = np.where(np.abs(shape) < 1e-6, 1e-6, shape)[:, None]
        inner = 1 + xi[..., None] * y / sigma[..., None]
        end = 1 + xi / sigma
        with np.errstate(divide="ignore", invalid="ignore"):
            body = len(y) * np.log(sigma) + (1 / xi + 1) * np.log(inner).sum(-1)
            found = body + censored * np.log(end) / xi
        return np.asarray(np.where((inner.min(-1) > 0) & (end > 0), found, np.inf))

    low, high = SHAPES
    shapes, scales = np.linspace(low, high, 25), np.linspace(-3.0, 2.0, 41)
    for _ in range(3):  # a grid, then a finer one around its best point
        table = loss(shapes, scales)
        a, b = np.unravel_index(int(table.argmin()), table.shape)
        shape, scale = float(shapes[a]), float(scales[b])
        step_a, step_b = float(shapes[1] - shapes[0]), float(scales[1] - scales[0])
        shapes = np.clip(np.linspace(shape - step_a, shape + step_a, 17), low, high)
        scales = np.linspace(scale - step_b, scale + step_b, 17)
    return Tail(start, float(np.exp(scale)) * width, shape)


def mean_rank(ordered: Floats, values: Floats) -> Floats:
    """(n,) how many of ``ordered`` (N, ascending) are no larger; of equals the mean, as `scipy.stats.rankdata` has it. O(n log N)."""
    below = np.searchsorted(ordered, values, "left")
    upto = np.searchsorted(ordered, values, "right")
    return np.where(upto > below, (below + upto + 1) / 2, upto)


def robust_z(values: NDArray[Any]) -> Floats:
    """(value - median) / `spread`, not below -4; 0, the middle, for NaN (unknown), and everywhere where all are equal."""
    x = np.asarray(values, np.float64)
    return z_on_scale(x, *robust_z_scale(x))


def z_on_scale(x: Floats, middle: float, width: float) -> Floats:
    """`robust_z` of values by another sample's scale, as `robust_z_scale` gives it."""
    if width == 0:
        return np.zeros(len(x))
    known = np.isfinite(x)
    return np.where(known, np.maximum((np.where(known, x, middle) - middle) / width, -4.0), 0.0)


def robust_z_scale(values: NDArray[Any]) -> tuple[float, float]:
    """(median, `spread`) of the finite values; the spread is 0 where all are equal, or none is known."""
    x = np.asarray(values, np.float64)
    width = spread(x)
    return (float(np.median(x[np.isfinite(x)])) if width else 0.0), width


def spread(values: NDArray[Any]) -> float:
    """1.4826 MAD, but at least a fifth of the standard deviation: where most values are equal the MAD is 0. NaN left out.

    0 where all are equal up to rounding, or none is known.
    """
    x = np.asarray(values, np.float64)
    x = x[np.isfinite(x)]
    if not len(x):
        return 0.0
    middle = float(np.median(x))
    width = max(1.4826 * float(np.median(np.abs(x - middle))), 0.2 * float(x.std()))
    return width if width > 1e-9 * max(1.0, abs(middle)) else 0.0


def lift(distances: Floats) -> float:
    """A thousandth of the usual distance, that zeros are lifted to before their logarithm; 0 where there is no distance above 0."""
    some = distances[np.isfinite(distances) & (distances > 0)]
    return 1e-3 * float(np.median(some)) if len(some) else 0.0


def log_distances(distances: NDArray[Any]) -> Floats:
    """Logarithms, zeros lifted by `lift`; all 0 where there is no distance above 0."""
    x = np.asarray(distances, np.float64)
    lifted = lift(x)
    return np.log(x + lifted) if lifted else np.zeros(len(x))


def log_distance_z(distances: NDArray[Any]) -> Floats:
    """`robust_z` of `log_distances`."""
    return robust_z(log_distances(distances))
