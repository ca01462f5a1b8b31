"""Tables: one matrix for linear models and distances, one for trees, made from the user's feature columns.

In: the cells of all rows. Out: `dense` and `trees` arrays. Does not know: labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from assay.dataset.dataset import PART, read_cells, read_rows
from assay.storage import Folder


def frame(folder: Folder, spec: dict[str, Any]) -> tuple[np.ndarray[Any, np.dtype[np.int64]], pd.DataFrame]:
    """Row numbers and feature cells of the readable rows."""
    columns = list(spec["features"])
    parts, rows = [], []
    for start in range(0, spec["n_rows"], PART):
        stop = min(start + PART, spec["n_rows"])
        reasons = read_rows(folder, spec["dataset"], start, stop, ["reason"])["reason"]
        keep = np.flatnonzero(reasons.is_null().to_numpy())
        rows.append(keep + start)
        parts.append(read_cells(folder, spec["dataset"], start, stop, columns).take(pa.array(keep)))
    return np.concatenate(rows), pa.concat_tables(parts).to_pandas()


def features(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Cells -> numbers."""
    from assay.encode.table import table_features

    rows, cells = frame(folder, spec)
    found = table_features(cells, list(spec["features"]), seed=spec["seed"])
    folder.put_array(f"{place}.cells.npy", found.dense.astype(np.float16))
    folder.put_array(f"{place}.trees.npy", found.trees)
    folder.put_array(f"{place}.rows.npy", rows)
    return {"rows": len(rows), "names": list(found.names), "notes": list(found.notes)}


def trees(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Out-of-sample probabilities of the tree models."""
    from assay.predict.trees import tree_probabilities
    from assay.stages.vectors import labels_of

    matrix = folder.get_array(f"{spec['features_place']}.trees.npy", mmap=True)
    dense = folder.get_array(f"{spec['features_place']}.cells.npy", mmap=True)
    folds = folder.get_array(f"{spec['folds']}.npy")
    labels = labels_of(folder, spec)
    found = tree_probabilities(
        matrix,
        dense,
        labels,
        folds,
        spec["n_classes"],
        seed=spec["seed"],
        threads=spec["threads"],
        effort=spec["effort"],
    )
    for name, probabilities in found.items():
        folder.put_array(f"{place}.{name}.npy", probabilities.astype(np.float32))
    return {"models": list(found)}
