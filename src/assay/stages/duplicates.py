"""Exact keys, near pairs and clusters, per modality.

In: hashes, thumbnails, texts or cells, the graph. Out: one table over the vector rows: id, score, kind, exact.
Does not know: labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from assay.dataset.dataset import read_cells
from assay.duplicates import Pairs, cluster, exact_groups
from assay.stages.tables import frame
from assay.storage import Folder


def candidates(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Pairs of pictures that are worth reopening."""
    from assay.duplicates.images import image_candidates

    tiny = folder.get_array(f"{spec['vectors']}.tiny.npy", mmap=True)
    ids = folder.get_array(f"{spec['graph']}.ids.npy", mmap=True)
    distances = folder.get_array(f"{spec['graph']}.distances.npy", mmap=True)
    pairs, left_out = image_candidates(tiny, ids, distances, threads=spec["threads"], seed=spec["seed"])
    folder.put_array(f"{place}.npy", pairs)
    return {"pairs": len(pairs), "left_out": left_out}


def image_clusters(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    rows = folder.get_array(f"{spec['vectors']}.rows.npy")
    hashes: dict[int, str] = {}
    for part in spec["properties"]:
        table = folder.get_table(f"{part}.properties.parquet", ["row", "pixel_hash"])
        hashes.update(zip(table["row"].to_pylist(), table["pixel_hash"].to_pylist(), strict=True))
    tables = [folder.get_table(f"{part}.parquet") for part in spec["verified"]]
    pairs = _pairs(pa.concat_tables(tables)) if tables else _no_pairs()
    return _write(folder, place, [hashes.get(row) for row in rows.tolist()], pairs)


def text_clusters(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    from assay.duplicates.text import exact_text, normalize_text, text_duplicates

    rows = folder.get_array(f"{spec['vectors']}.rows.npy")
    cells = read_cells(folder, spec["dataset"], 0, spec["n_rows"], [spec["column"]])[spec["column"]]
    # with vectors of the user's own, a row may have no text: it is a copy of none
    texts = [text or "" for text in cells.cast(pa.string()).take(pa.array(rows)).to_pylist()]
    keys = [normalize_text(text) or None for text in texts]
    exact = [exact_text(text) if key else None for text, key in zip(texts, keys, strict=True)]
    return _write(folder, place, exact, text_duplicates(texts, keys, threads=spec["threads"]))


def table_clusters(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    from assay.duplicates.table import table_copies

    rows, cells = frame(folder, spec)
    keep = np.isin(rows, folder.get_array(f"{spec['vectors']}.rows.npy"))
    return _write(folder, place, *table_copies(cells[keep].reset_index(drop=True), spec["features"]))


def _write(folder: Folder, place: str, keys: Sequence[str | None], pairs: Pairs) -> dict[str, Any]:
    groups = exact_groups(keys)
    found = cluster(len(keys), groups, pairs)
    table = {
        "id": found.id,
        "score": found.score,
        "kind": pa.array(found.kind.tolist(), pa.string()),
        "exact": found.exact,
    }
    folder.put_table(f"{place}.parquet", pa.table(table))
    return {"clusters": len(np.unique(found.id[found.id >= 0])), "pairs": len(pairs.row_a)}


def _pairs(table: pa.Table) -> Pairs:
    kinds = np.array(table["kind"].to_pylist(), object)
    return Pairs(table["row_a"].to_numpy(), table["row_b"].to_numpy(), table["similarity"].to_numpy(), kinds)


def _no_pairs() -> Pairs:
    return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, object))
