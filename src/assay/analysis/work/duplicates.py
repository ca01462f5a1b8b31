"""Exact keys, near pairs and clusters, per modality.

In: hashes, thumbnails, texts or cells, the graph. Out: one table over the vector rows: id, score, kind, exact.
Does not know: labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from assay.analysis.work.tables import frame
from assay.analysis.work.texts import all_texts
from assay.analysis.work.vectors import views_of
from assay.duplicates import Pairs, cluster, exact_groups
from assay.storage import Folder


def candidates(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Pairs of pictures that are worth reopening."""
    from assay.duplicates.images import image_candidates

    tiny = folder.get_array(f"{spec['vectors']}.tiny.npy", mmap=True)
    ids = folder.get_array(f"{spec['graph']}.ids.npy", mmap=True)
    distances = folder.get_array(f"{spec['graph']}.distances.npy", mmap=True)
    pairs = image_candidates(tiny, ids, distances, threads=spec["threads"], seed=spec["seed"])
    folder.put_array(f"{place}.npy", pairs)
    return {"pairs": len(pairs)}


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
    from assay.duplicates.text import normalize_text, text_duplicates

    numbers, texts = all_texts(folder, spec)
    keep = np.isin(numbers, folder.get_array(f"{spec['vectors']}.rows.npy"))
    texts = [text for text, kept in zip(texts, keep.tolist(), strict=True) if kept]
    embeddings = next(iter(views_of(folder, spec).values()), None)
    pairs = text_duplicates(texts, embeddings=embeddings, seed=spec["seed"], threads=spec["threads"])
    return _write(folder, place, [normalize_text(text) or None for text in texts], pairs)


def table_clusters(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    from assay.duplicates.table import row_keys, table_duplicates

    rows, cells = frame(folder, spec)
    keep = np.isin(rows, folder.get_array(f"{spec['vectors']}.rows.npy"))
    cells = cells[keep].reset_index(drop=True)
    features = list(spec["features"])
    keys = row_keys(cells, features)
    return _write(folder, place, keys, table_duplicates(cells, features, keys, seed=spec["seed"]))


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
