"""Outlier scores by pyod, in its own environment: ``python foreign_peers.py JOB.json``.

In: a JSON job: the file of an (N, d) array, the file to write. Out: an ``.npz`` of scores (large = outlier) a method.
Does not know: truth; Assay (it is not installed there). Defaults everywhere: isolation forest of 100 trees, ECOD, 5 neighbours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np


def main(job: dict[str, str]) -> None:
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN

    x = np.load(job["input"]).astype(np.float64)
    models = {"isolation forest": IForest(random_state=0), "ECOD": ECOD(), "kNN": KNN()}
    np.savez(job["output"], **{name: model.fit(x).decision_scores_ for name, model in models.items()})


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
