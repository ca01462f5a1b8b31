"""The user's cells at random access: any row of any column without decoding a part again.

In: a project's dataset parts, or an Arrow table. Out: single cells, whole columns. Does not know: what a column means.

The first access writes the parts once, a part at a time, uncompressed into a file without a name in the temporary folder and
maps it: pages that nobody looks at stay on disk, and the system takes them back when memory is short.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.dataset.dataset import PART, read_cells
from assay.storage import Folder
from assay.storage.folder import translate_errors


class MemoryCells:
    """Cells of an Arrow table that is in memory, by row number."""

    def __init__(self, table: pa.Table) -> None:
        self._batches = table.combine_chunks().to_batches(max_chunksize=PART)
        self.schema: pa.Schema = table.schema

    def batches(self) -> list[pa.RecordBatch]:
        return self._batches

    def column(self, name: str) -> pa.ChunkedArray:
        """A whole column in parts of `PART` rows."""
        index = self.schema.get_field_index(name)
        return pa.chunked_array([batch.column(index) for batch in self.batches()], self.schema.field(index).type)

    def rows(self, rows: Sequence[int], names: Sequence[str]) -> list[list[Any]]:
        """The cells of some rows, one list a row in the order of ``names``. Cost: microseconds a cell."""
        batches = self.batches()
        indices = [self.schema.get_field_index(name) for name in names]
        out = []
        for row in rows:
            batch, local = batches[row // PART], row % PART
            out.append([batch.column(index)[local].as_py() for index in indices])
        return out


class DatasetCells(MemoryCells):
    """Cells of a project. Cost: the first access reads every part once (a second a million short rows)."""

    def __init__(self, folder: Folder, fingerprint: str, n_rows: int) -> None:
        self._folder, self._fingerprint, self._n_rows = folder, fingerprint, n_rows
        self._lock = threading.Lock()
        self._mapped: list[pa.RecordBatch] | None = None

    @cached_property
    def schema(self) -> pa.Schema:
        return read_cells(self._folder, self._fingerprint, 0, min(1, self._n_rows)).schema

    def batches(self) -> list[pa.RecordBatch]:
        with self._lock:
            if self._mapped is None:
                self._mapped = self._map()
            return self._mapped

    def _parts(self) -> Iterator[pa.Table]:
        for start in range(0, self._n_rows, PART):
            yield read_cells(self._folder, self._fingerprint, start, min(start + PART, self._n_rows))

    def _map(self) -> list[pa.RecordBatch]:
        with tempfile.TemporaryDirectory(prefix="assay-cells-") as scratch:
            path = Path(scratch) / "cells.arrow"
            with (
                translate_errors(path),
                pa.OSFile(str(path), "wb") as sink,
                pa.ipc.new_file(sink, self.schema) as writer,
            ):
                for part in self._parts():
                    # one batch a part: the row number says where a cell lies
                    writer.write_batch(part.combine_chunks().to_batches()[0])
            # the file has lost its name when this returns, and its room when the last batch is gone
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            pa.default_memory_pool().release_unused()  # what reading the parts took
            return [reader.get_batch(at) for at in range(reader.num_record_batches)]
