"""What several stages are told: the dataset, the vectors.

In: nothing. Out: base classes of specs. Does not know: single stages.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """``dataset``: fingerprint of the dataset; ``n_rows``: all row numbers, missing ones included."""

    dataset: str
    n_rows: int


@dataclass(frozen=True, kw_only=True)
class VectorsSpec(DatasetSpec):
    """``vectors``: prefix of the arrays over the vector rows; ``embeddings``: their names; ``threads``: at most so many."""

    vectors: str
    embeddings: tuple[str, ...]
    threads: int


@dataclass(frozen=True, kw_only=True)
class ShardSpec(DatasetSpec):
    """Rows ``start`` to ``stop`` of the dataset."""

    start: int
    stop: int
