"""An isolation forest that is kept says of rows what scikit-learn's says: the peer is the oracle."""

from __future__ import annotations

import numpy as np
import pytest

from assay.issues.isolation import FittedIsolation, grow_forest, isolation_scores


@pytest.mark.parametrize("rows", [3, 40, 700])
def test_a_kept_forest_says_what_the_grown_one_says(rows):
    rng = np.random.default_rng(rows)
    x = np.round(rng.normal(size=(rows, 5)), 1).astype(np.float32)
    x[0, 1], x[1, 2] = np.nan, np.inf
    forest = grow_forest(x, seed=3)
    kept = FittedIsolation.from_arrays(FittedIsolation.of(forest).to_arrays())
    other = np.concatenate([x, rng.normal(0, 3, (50, 5)).astype(np.float32)])
    np.testing.assert_allclose(kept.score(other), isolation_scores(forest, other, threads=2), rtol=1e-9)
