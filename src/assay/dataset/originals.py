"""The cells as they came, on disk beside the plain ones.

In: `Originals` of a source, in the user's order of rows. Out: one Arrow file and one JSON file; slices of the table as it
came. Does not know: which rows are exported, file formats.

They are no part of what a dataset is identified by: the same rows as CSV and as Parquet are one dataset.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import pyarrow as pa

from assay.errors import ProjectError
from assay.sources.originals import HELD, MERGED, WRITTEN, Originals
from assay.storage import Folder
from assay.storage.checksums import MARKER

AT_ONCE = 64 << 20  # bytes of a batch
ROWS = 50_000  # of a batch at most
PICTURES = 256  # rows of a batch whose pictures are among those of the dataset


def write_originals(folder: Folder, fingerprint: str, originals: Originals | None) -> str:
    """Write what an export needs beside the dataset; the prefix of the files, "" where the plain cells are all."""
    if originals is None:
        return ""
    kept = originals.kept.unify_dictionaries()
    n = kept.num_rows
    step = max(1, min(ROWS, AT_ONCE * n // max(kept.nbytes, 1))) if kept.num_columns else ROWS
    step = min(step, PICTURES) if HELD in kept.schema.types else step
    header: dict[str, Any] = {
        "step": step,
        "schema": base64.b64encode(originals.schema.serialize()).decode(),
        "raw_form": originals.raw_form,
        "raw": {str(row): base64.b64encode(line).decode() for row, line in originals.raw.items()},
    }
    state = hashlib.blake2b(repr(header).encode(), digest_size=8)
    for start in range(0, n, step):
        state.update(repr(kept.schema).encode())
        for column in kept.slice(start, step).columns:
            for chunk in column.chunks:
                _digest(chunk, state)
    prefix = f"dataset/{fingerprint}/originals-{state.hexdigest()}"
    if not folder.is_whole(f"{prefix}{MARKER}") or not folder.is_whole(f"{prefix}.json"):
        with folder.writing(f"{prefix}.arrow") as stream, pa.ipc.new_file(stream, kept.schema) as writer:
            for start in range(0, n, step):
                for batch in kept.slice(start, step).combine_chunks().to_batches():
                    writer.write_batch(batch)
        folder.put_json(f"{prefix}.json", header)
        folder.guard(f"{prefix}.arrow")
    return prefix


def _digest(chunk: pa.Array, state: Any) -> None:
    """A chunk's cells, wherever they lie in memory."""
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([chunk], ["x"])
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    state.update(sink.getvalue())


class OriginalCells:
    """Reads what `write_originals` wrote. ``slice`` gives rows of the table as it came."""

    def __init__(self, folder: Folder, prefix: str) -> None:
        self._folder, self._prefix = folder, prefix
        if not folder.exists(f"{prefix}.json"):
            raise ProjectError(f"{folder.path(prefix)}.json is missing; run the analysis again")
        header = folder.get_json(f"{prefix}.json")
        self.step = int(header["step"])
        self.schema: pa.Schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(header["schema"])))
        self.raw_form = str(header["raw_form"])
        self.raw = {int(row): base64.b64decode(line) for row, line in header["raw"].items()}

    @property
    def merged(self) -> str | None:
        """The column that names the parts of a dataset that came in parts; it did not come as a column."""
        return next((field.name for field in self.schema if MERGED in (field.metadata or {})), None)

    @property
    def header(self) -> dict[str, str]:
        """Column -> its name as the header of a text table had it, of those that have another here."""
        found = {field.name: (field.metadata or {}).get(WRITTEN) for field in self.schema}
        return {name: text.decode("utf-8", "surrogatepass") for name, text in found.items() if text is not None}

    @cached_property
    def _kept(self) -> pa.Table:
        return self._folder.get_mapped_table(f"{self._prefix}.arrow")

    def typed(self, plain: pa.Table) -> pa.Table:
        """Any rows of the plain cells in the numeric types that they came in: 0.1 and not 0.10000000149011612."""
        for column, name in enumerate(plain.column_names):
            kind = self.schema.field(name).type if name in self.schema.names else plain[name].type
            number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
            if number and name not in self._kept.column_names and plain[name].type != kind:
                plain = plain.set_column(column, name, plain[name].cast(kind))
        return plain

    def slice(self, plain: pa.Table, start: int, blob: Callable[[int], bytes]) -> pa.Table:
        """The rows of ``plain``, which begin with position ``start`` of the user's order, as they came.

        ``blob``: place in ``plain`` -> the bytes of the picture that the dataset keeps.
        """
        if not len(self.schema):
            return plain
        columns, fields = [], []
        for name in plain.column_names:
            field = self.schema.field(name)
            if name not in self._kept.column_names:
                column = plain[name].cast(field.type)
            else:
                column = self._kept[name].slice(start, plain.num_rows)
                if column.type == HELD:
                    column = _with_bytes(column, field.type, blob)
            columns.append(column)
            fields.append(field.remove_metadata())
        return pa.table(columns, pa.schema(fields, self.schema.metadata))


def _with_bytes(column: pa.ChunkedArray, kind: pa.DataType, blob: Callable[[int], bytes]) -> pa.ChunkedArray:
    values = [
        value and {"bytes": blob(position) if value["held"] else None, "path": value["path"]}
        for position, value in enumerate(column.to_pylist())
    ]
    if pa.types.is_struct(kind):
        return pa.chunked_array([pa.array(values, kind)])
    return pa.chunked_array([pa.array([value and value["bytes"] for value in values], kind)])
