"""Tables: one matrix for linear models and distances, one for trees, made from the user's feature columns.

In: the cells of all rows. Out: `dense` and `trees` arrays. Does not know: labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from assay.dataset.dataset import PART, read_cells, read_rows
from assay.stages.specs import DatasetSpec, VectorsSpec
from assay.stages.stage import setting, stage
from assay.storage import Folder

KEPT_BYTES = 64 << 20  # of the levels and directions of a table's strings; larger encoders are not kept


def frame(folder: Folder, spec: DatasetSpec, features: Sequence[str]) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Row numbers and feature cells of the readable rows."""
    columns = list(features)
    parts, rows = [], []
    for start in range(0, spec.n_rows, PART):
        stop = min(start + PART, spec.n_rows)
        reasons = read_rows(folder, spec.dataset, start, stop, ["reason"])["reason"]
        keep = np.flatnonzero(reasons.is_null().to_numpy())
        rows.append(keep + start)
        parts.append(read_cells(folder, spec.dataset, start, stop, columns).take(pa.array(keep)))
    return np.concatenate(rows), pa.concat_tables(parts).to_pandas()


@dataclass(frozen=True, kw_only=True)
class FeaturesSpec(DatasetSpec):
    features: tuple[str, ...] = setting()
    seed: int = setting()


@dataclass(frozen=True)
class FeaturesMade:
    """``widths``: dimensions of each column of ``names``, or none."""

    rows: int
    names: tuple[str, ...]
    widths: tuple[int, ...]
    notes: tuple[str, ...]


@stage(version=7)
def features(folder: Folder, prefix: str, spec: FeaturesSpec) -> FeaturesMade:
    """Cells -> numbers; how they became numbers lies in ``.fitted.json`` and ``.fitted.npz``, where that is small enough."""
    from assay.encode.table import fit_table
    from assay.stages.vectors import keep_fitted

    rows, cells = frame(folder, spec, spec.features)
    found, fitted = fit_table(cells, list(spec.features), seed=spec.seed)
    if fitted.nbytes <= KEPT_BYTES:
        keep_fitted(folder, prefix, fitted)
    folder.put_array(f"{prefix}.cells.npy", found.dense.astype(np.float16))
    folder.put_array(f"{prefix}.trees.npy", found.trees)
    folder.put_array(f"{prefix}.rows.npy", rows)
    return FeaturesMade(len(rows), tuple(found.names), found.widths, tuple(found.notes))


@dataclass(frozen=True, kw_only=True)
class TreesSpec(VectorsSpec):
    """``features``: prefix of the feature matrices; ``folds``: prefix of the folds."""

    features: str
    folds: str
    n_classes: int
    effort: str = setting()
    seed: int = setting()


@dataclass(frozen=True)
class TreesMade:
    models: tuple[str, ...]


@stage(version=4)
def trees(folder: Folder, prefix: str, spec: TreesSpec) -> TreesMade:
    """Out-of-sample probabilities of the tree models; what they learned lies in ``.fitted.json`` and ``.fitted.npz``."""
    from assay.predict.trees import tree_probabilities
    from assay.stages.vectors import keep_fitted, labels_of

    matrix = folder.get_array(f"{spec.features}.trees.npy", mmap=True)
    dense = folder.get_array(f"{spec.features}.cells.npy", mmap=True)
    folds = folder.get_array(f"{spec.folds}.npy")
    labels = labels_of(folder, spec)
    found, learned = tree_probabilities(
        matrix,
        dense,
        labels,
        folds,
        spec.n_classes,
        seed=spec.seed,
        threads=spec.threads,
        effort=spec.effort,
    )
    for name, probabilities in found.items():
        folder.put_array(f"{prefix}.{name}.npy", probabilities.astype(np.float32))
    if learned is not None:
        keep_fitted(folder, prefix, learned)
    return TreesMade(tuple(found))
