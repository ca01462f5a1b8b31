"""Wilson's interval of a share (Wilson, JASA 1927).

In: hits and how many they are of. Out: one end or both. Does not know: what is counted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959964  # standard errors of a 95 % interval of the normal distribution


def wilson_end(hits: NDArray[Any] | float, n: NDArray[Any] | float, z: float) -> NDArray[np.float64]:
    """One end of the Wilson score interval (Wilson, 1927) of a share.

    Parameters
    ----------
    hits, n : how many of how many; arrays of one shape, or numbers. z : standard errors, above the share or (z < 0) below it.

    Returns
    -------
    The end, 0 to 1, in the shape of ``hits`` and ``n``.
    """
    n = np.maximum(np.asarray(n, np.float64), 1e-9)
    share = np.asarray(hits, np.float64) / n
    centre = share + z * z / (2 * n)
    reach = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.clip((centre + reach) / (1 + z * z / n), 0, 1)


def wilson(hits: float, n: int) -> tuple[float, float]:
    """95 % interval of a share of ``n``; (0, 1) where n is 0. The share itself is always inside."""
    if n <= 0:
        return 0.0, 1.0
    rate = min(max(hits / n, 0.0), 1.0)
    low, high = (float(wilson_end(rate * n, n, z)) for z in (-Z95, Z95))
    return min(low, rate), max(high, rate)
