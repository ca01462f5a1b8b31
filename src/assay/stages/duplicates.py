"""Exact keys, near pairs and clusters, per modality.

In: hashes, thumbnails, texts or cells, the graph. Out: one table over the vector rows: id, score, kind, exact; beside it what
rows hold, to find it again. Does not know: labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.dataset.dataset import read_cells
from assay.duplicates import Pairs, cluster, exact_groups
from assay.duplicates.exact_index import ExactIndex, digests_of, row_digests
from assay.stages.images import page_thumbnails
from assay.stages.specs import VectorsSpec
from assay.stages.stage import setting, stage
from assay.stages.tables import frame
from assay.stages.vectors import keep_fitted
from assay.storage import Folder


@dataclass(frozen=True, kw_only=True)
class CandidatesSpec(VectorsSpec):
    """``properties``: prefixes of the pictures' properties."""

    graph: str
    properties: tuple[str, ...]
    levels: tuple[tuple[str, float, float], ...] = setting()
    seed: int = setting()


@dataclass(frozen=True)
class CandidatesFound:
    """``left_out``: plausible pairs beyond the number that is opened."""

    pairs: int
    left_out: int


@stage(version=11)
def candidates(folder: Folder, prefix: str, spec: CandidatesSpec) -> CandidatesFound:
    """Pairs of pictures that are worth reopening."""
    from assay.duplicates.images import image_candidates

    tiny = folder.get_array(f"{spec.vectors}.tiny.npy", mmap=True)
    ids = folder.get_array(f"{spec.graph}.ids.npy", mmap=True)
    distances = folder.get_array(f"{spec.graph}.distances.npy", mmap=True)
    aspects = _aspects(folder, spec)
    numbers = folder.get_array(f"{spec.vectors}.rows.npy")

    def pages(rows: NDArray[np.int64]) -> dict[int, NDArray[np.uint8]]:
        at = {int(numbers[row]): row for row in rows.tolist()}
        found = page_thumbnails(folder, spec.dataset, sorted(at), spec.levels)
        return {at[number]: page for number, page in found.items()}

    pairs, left_out = image_candidates(
        tiny, ids, distances, aspects=aspects, pages=pages, threads=spec.threads, seed=spec.seed
    )
    folder.put_array(f"{prefix}.npy", pairs)
    return CandidatesFound(len(pairs), left_out)


def _aspects(folder: Folder, spec: CandidatesSpec) -> NDArray[np.float64]:
    """(vector rows,) width by height."""
    by_row = np.ones(spec.n_rows)
    for part in spec.properties:
        table = folder.get_table(f"{part}.properties.parquet", ["row", "width", "height"])
        shape = table["width"].to_numpy() / table["height"].to_numpy()
        by_row[table["row"].to_numpy()] = np.where(np.isfinite(shape) & (shape > 0), shape, 1.0)
    return np.asarray(by_row[folder.get_array(f"{spec.vectors}.rows.npy")])


@dataclass(frozen=True, kw_only=True)
class MoreSpec(VectorsSpec):
    """``tried``: prefixes of the pairs of all rounds so far; ``verified``: prefixes of those proven."""

    graph: str
    tried: tuple[str, ...]
    verified: tuple[str, ...]


@stage(version=1)
def more_candidates(folder: Folder, prefix: str, spec: MoreSpec) -> CandidatesFound:
    """Pairs that the copies proven so far make plausible."""
    from assay.duplicates.image_rounds import next_candidates

    tried = np.concatenate([folder.get_array(f"{part}.npy") for part in spec.tried])
    proven = _pairs(pa.concat_tables([folder.get_table(f"{part}.parquet") for part in spec.verified]))
    ids = folder.get_array(f"{spec.graph}.ids.npy", mmap=True)
    pairs = next_candidates(np.stack([proven.row_a, proven.row_b], 1), tried, ids)
    folder.put_array(f"{prefix}.npy", pairs)
    return CandidatesFound(len(pairs), 0)


@dataclass(frozen=True)
class ClustersFound:
    clusters: int
    pairs: int


@dataclass(frozen=True, kw_only=True)
class ImageClustersSpec(VectorsSpec):
    """``properties``: prefixes of hashes; ``verified``: prefixes of proven pairs."""

    properties: tuple[str, ...]
    verified: tuple[str, ...]


@stage(version=3)
def image_clusters(folder: Folder, prefix: str, spec: ImageClustersSpec) -> ClustersFound:
    """Equal pixels and proven pairs."""
    rows = folder.get_array(f"{spec.vectors}.rows.npy")
    hashes: dict[int, str] = {}
    for part in spec.properties:
        table = folder.get_table(f"{part}.properties.parquet", ["row", "pixel_hash"])
        hashes.update(zip(table["row"].to_pylist(), table["pixel_hash"].to_pylist(), strict=True))
    tables = [folder.get_table(f"{part}.parquet") for part in spec.verified]
    pairs = _pairs(pa.concat_tables(tables)) if tables else _no_pairs()
    keys = [hashes.get(row) for row in rows.tolist()]
    keep_fitted(folder, prefix, ExactIndex.fit(digests_of(keys), rows))
    return _write(folder, prefix, keys, pairs)


@dataclass(frozen=True, kw_only=True)
class TextClustersSpec(VectorsSpec):
    column: str


@stage(version=3)
def text_clusters(folder: Folder, prefix: str, spec: TextClustersSpec) -> ClustersFound:
    """Equal and nearly equal texts."""
    from assay.duplicates.text import exact_text, normalize_text, text_duplicates

    rows = folder.get_array(f"{spec.vectors}.rows.npy")
    cells = read_cells(folder, spec.dataset, 0, spec.n_rows, [spec.column])[spec.column]
    # with vectors of the user's own, a row may have no text: it is a copy of none
    texts = [text or "" for text in cells.cast(pa.string()).take(pa.array(rows)).to_pylist()]
    keys = [normalize_text(text) or None for text in texts]
    exact = [exact_text(text) if key else None for text, key in zip(texts, keys, strict=True)]
    keep_fitted(folder, prefix, ExactIndex.fit(digests_of(exact), rows))
    return _write(folder, prefix, exact, text_duplicates(texts, keys, threads=spec.threads))


@dataclass(frozen=True, kw_only=True)
class TableClustersSpec(VectorsSpec):
    features: tuple[str, ...] = setting()


@stage(version=5)
def table_clusters(folder: Folder, prefix: str, spec: TableClustersSpec) -> ClustersFound:
    """Rows whose cells are equal."""
    from assay.duplicates.compared import compared_columns
    from assay.duplicates.table import likely_equals, table_copies

    rows, cells = frame(folder, spec, spec.features)
    keep = np.isin(rows, folder.get_array(f"{spec.vectors}.rows.npy"))
    cells = cells[keep].reset_index(drop=True)
    columns = compared_columns(cells, spec.features)
    names = [column.name for column in columns]
    keep_fitted(folder, prefix, ExactIndex.fit(row_digests(cells, names), rows[keep], names))
    keys, pairs = table_copies(columns, len(cells))
    return _write(folder, prefix, keys, pairs, likely_equals(columns, keys))


def _write(
    folder: Folder, prefix: str, keys: Sequence[str | None], pairs: Pairs, likely: NDArray[np.bool_] | None = None
) -> ClustersFound:
    """``likely``: rows that are equal to others because of what the table is, and not surplus."""
    groups = exact_groups(keys)
    found = cluster(len(keys), groups, pairs)
    table = {
        "id": found.id,
        "score": found.score,
        "kind": pa.array(found.kind.tolist(), pa.string()),
        "exact": found.exact,
        "surplus": groups if likely is None else np.where(likely, -1, groups),
    }
    folder.put_table(f"{prefix}.parquet", pa.table(table))
    return ClustersFound(len(np.unique(found.id[found.id >= 0])), len(pairs.row_a))


def _pairs(table: pa.Table) -> Pairs:
    kinds = np.array(table["kind"].to_pylist(), object)
    return Pairs(table["row_a"].to_numpy(), table["row_b"].to_numpy(), table["similarity"].to_numpy(), kinds)


def _no_pairs() -> Pairs:
    return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, object))
