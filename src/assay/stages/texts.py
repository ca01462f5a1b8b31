"""Texts: properties and sentence vectors a shard, TF-IDF over all rows at once.

In: the text column of dataset rows. Out: vectors, properties. Does not know: labels, other columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.dataset.dataset import PART, read_cells, read_rows
from assay.stages.specs import DatasetSpec, ShardSpec
from assay.stages.stage import setting, stage
from assay.storage import Folder


class TextsSpec(Protocol):
    """Where texts are: a dataset and the column of them."""

    @property
    def dataset(self) -> str: ...
    @property
    def n_rows(self) -> int: ...
    @property
    def column(self) -> str: ...


def read_texts(folder: Folder, spec: TextsSpec, start: int, stop: int) -> tuple[NDArray[np.int64], list[str]]:
    """Row numbers and texts of the readable, non-empty rows in start..stop."""
    column = spec.column
    cells = read_cells(folder, spec.dataset, start, stop, [column])[column].cast(pa.string()).to_pylist()
    reasons = read_rows(folder, spec.dataset, start, stop, ["reason"])["reason"].to_pylist()
    rows = [
        row
        for row, (text, reason) in enumerate(zip(cells, reasons, strict=True))
        if reason is None and (text or "").strip()
    ]
    return np.array(rows, np.int64) + start, [cells[row] for row in rows]


def all_texts(folder: Folder, spec: TextsSpec) -> tuple[NDArray[np.int64], list[str]]:
    rows, texts = [], []
    for start in range(0, spec.n_rows, PART):
        part_rows, part_texts = read_texts(folder, spec, start, min(start + PART, spec.n_rows))
        rows.append(part_rows)
        texts += part_texts
    return np.concatenate(rows), texts


@dataclass(frozen=True, kw_only=True)
class PropertiesSpec(ShardSpec):
    column: str = setting()


@dataclass(frozen=True)
class RowsDone:
    rows: int


@stage(version=4)
def properties(folder: Folder, prefix: str, spec: PropertiesSpec) -> RowsDone:
    """Row-wise text properties of one shard, for every row that could be read (empty ones too)."""
    from assay.issues.text import text_properties

    start, stop = spec.start, spec.stop
    column = spec.column
    cells = read_cells(folder, spec.dataset, start, stop, [column])[column].cast(pa.string()).to_pylist()
    values = text_properties([text or "" for text in cells])
    table = {name: pa.array(value.tolist() if value.dtype == object else value) for name, value in values.items()}
    folder.put_table(f"{prefix}.properties.parquet", pa.table(table))
    return RowsDone(len(cells))


@dataclass(frozen=True, kw_only=True)
class SentencesSpec(ShardSpec):
    """``load``: models or folders named by the user, () for what is here; ``numbers``: fingerprint of the weights."""

    column: str
    encoder: str
    load: tuple[str, ...]
    numbers: str = setting()


@stage(version=1)
def sentences(folder: Folder, prefix: str, spec: SentencesSpec) -> RowsDone:
    """Sentence-encoder vectors of one shard."""
    from assay.encode.bert import sentence_encoders

    rows, texts = read_texts(folder, spec, spec.start, spec.stop)
    encoder = next(found for found in sentence_encoders(list(spec.load)) if found.name == spec.encoder)
    vectors = encoder.encode(texts) if texts else np.zeros((0, 1), np.float32)
    folder.put_array(f"{prefix}.{spec.encoder}.npy", vectors.astype(np.float16))
    folder.put_array(f"{prefix}.rows.npy", rows)
    return RowsDone(len(rows))


@dataclass(frozen=True, kw_only=True)
class TfidfSpec(DatasetSpec):
    column: str
    threads: int
    seed: int = setting()


@dataclass(frozen=True)
class TfidfMade:
    rows: int
    dims: int


@stage(version=2)
def tfidf(folder: Folder, prefix: str, spec: TfidfSpec) -> TfidfMade:
    """TF-IDF and SVD of all texts; what was learned of them lies in ``.fitted.npz``."""
    from assay.encode.text import fit_tfidf

    rows, texts = all_texts(folder, spec)
    vectors, fitted = fit_tfidf(texts, seed=spec.seed, threads=spec.threads)
    folder.put_arrays(f"{prefix}.fitted.npz", fitted.to_arrays())
    folder.put_array(f"{prefix}.tfidf.npy", vectors.astype(np.float16))
    folder.put_array(f"{prefix}.rows.npy", rows)
    return TfidfMade(len(rows), int(vectors.shape[1]))
