"""Files that unpack to far more than they are: refused where the data was sent by somebody (see `assay.sources.sandbox`).

In: sizes. Out: nothing, or `SourceError`. Does not know: formats.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from assay.errors import SourceError
from assay.sources.sandbox import is_confined

ALWAYS = 256 << 20  # bytes that any upload may unpack to
RATIO = 100  # times its size; text shrinks to a twentieth at the most
MOST = 4 << 30  # bytes
CELLS = 500_000_000
BLOCK = 1 << 24
DECODED = 1 << 30  # bytes of one column, written out
SOME_CELLS = 20_000_000  # of any upload; more only where the file has bytes for them
CELLS_PER_BYTE = 200  # a column of one value takes a bit for eight cells, and less when it is packed
SPARSE = 5_000_000  # cells of a table that may be all but empty
FULL = 0.002  # share of filled cells below which a large table is a mistake, or an attack


def check_unpacked(path: Path, unpacked: int, cells: int = 0) -> None:
    """`SourceError` if ``path`` would unpack to more than an upload may: bytes, or cells of a table."""
    if not is_confined():
        return
    if unpacked > limit(path) or cells > CELLS:
        raise SourceError(
            f"{path.name} unpacks to far more than its size ({unpacked:,} bytes, {cells:,} cells); an upload may not: "
            "give the server's owner the file itself"
        )


def limit(path: Path) -> int:
    """Bytes that an upload may unpack to."""
    return min(MOST, max(ALWAYS, RATIO * path.stat().st_size))


def gunzip(data: bytes, path: Path) -> bytes:
    """Every member of a gzip file, up to what it may unpack to. Raises EOFError and zlib.error as `gzip` does."""
    most = limit(path) if is_confined() else None
    out = bytearray()
    while data:
        unpack = zlib.decompressobj(wbits=31)
        part = data
        while not unpack.eof:
            out += unpack.decompress(part, BLOCK)
            part = unpack.unconsumed_tail
            if most is not None and len(out) > most:
                check_unpacked(path, len(out))
            if not part and not unpack.eof:
                out += unpack.flush()
                if not unpack.eof:
                    raise EOFError("it ends before its end mark")
        data = unpack.unused_data.lstrip(b"\0")
    return bytes(out)


def check_cells(path: Path, rows: int, columns: int) -> None:
    """`SourceError` for an upload that claims far more cells than its bytes can say anything about."""
    cells = rows * columns
    if is_confined() and cells > max(SOME_CELLS, CELLS_PER_BYTE * path.stat().st_size):
        raise SourceError(
            f"{path.name} claims {rows:,} rows and {columns:,} columns in {path.stat().st_size:,} bytes; an upload may not: "
            "give the server's owner the file itself"
        )


def check_filled(where: str, rows: int, columns: int, filled: int) -> None:
    """`SourceError` for a table whose cells are nearly all empty: laid out in full it would fill the memory."""
    cells = rows * columns
    if cells > SPARSE and filled < FULL * cells:
        raise SourceError(
            f"{where} has {rows:,} rows and {columns:,} columns, but only {filled:,} of {cells:,} cells hold something; "
            "remove the stray cells, or give a table of rows that share their columns"
        )


def check_decoded(column: Any, where: str) -> None:
    """`SourceError` where a dictionary would be written out to far more than an upload may. Cost: one pass over the codes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not is_confined():
        return
    size = 0
    for chunk in column.chunks:
        values, codes = chunk.dictionary, chunk.indices
        if pa.types.is_binary(values.type) or pa.types.is_string(values.type) or len(values) == 0:
            lengths = pc.binary_length(values).take(codes) if len(values) else pa.array([0])
            size += int(pc.sum(lengths.cast(pa.int64())).as_py() or 0)
        elif pa.types.is_large_binary(values.type) or pa.types.is_large_string(values.type):
            size += int(pc.sum(pc.binary_length(values).take(codes)).as_py() or 0)
        else:
            size += values.nbytes // len(values) * len(codes)
    if size > DECODED:
        raise SourceError(f"{where} unpacks to far more than its size ({size:,} bytes); an upload may not")
