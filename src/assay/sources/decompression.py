"""Files that unpack to far more than they are: refused where the data was sent by somebody (see `assay.sources.sandbox`).

In: sizes. Out: nothing, or `SourceError`. Does not know: formats.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from assay.errors import SourceError
from assay.sources.sandbox import is_confined

ALWAYS = 256 << 20  # bytes that any upload may unpack to
RATIO = 100  # times its size; text shrinks to a twentieth at the most
MOST = 4 << 30  # bytes
CELLS = 500_000_000
BLOCK = 1 << 24


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
