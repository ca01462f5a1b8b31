"""Table files -> `Cells`: finds the format by the ending, and says so where the content is another.

In: a CSV, TSV, JSON, JSONL, Parquet, Arrow or Excel file (text formats also gzipped). Out: `Cells`.
Does not know: which column is what.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from assay.errors import SourceError, UsageError
from assay.sources.cells import Cells, from_arrow
from assay.sources.csv_tables import read_csv
from assay.sources.decompression import check_cells, check_unpacked, gunzip
from assay.sources.encodings import to_utf8, wide
from assay.sources.excel import read_excel
from assay.sources.json_tables import read_json, read_jsonl
from assay.sources.sandbox import check_path, is_confined
from assay.sources.unreadable import UnreadableError

TEXT_ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "csv",
    ".data": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
OTHER_ENDINGS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".xlsx": "excel",
    ".xls": "excel",
    ".xlsm": "excel",
    ".ods": "excel",
}
MAGIC = {
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"FEA1": "a Feather file of version 1",
    b"PK\x03\x04": "a ZIP or Excel file",
    b"\x1f\x8b": "a gzip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF": "a PDF",
    b"SQLite format 3": "a SQLite database",
}
WEB_PAGE = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<table", b"<div", b"<script", b"<meta")
ZERO_BYTES = 0.05  # half the bytes of UTF-16 are zero, and more than this of most binary files; a stray one is text
BOM = b"\xef\xbb\xbf"


def endings(path: Path) -> tuple[str, str | None]:
    """(the ending that names the format, with ``.gz`` where it has one; the format or None)."""
    parts = path.suffixes
    last = parts[-1].lower() if parts else ""
    if last == ".gz":
        inner = parts[-2].lower() if len(parts) > 1 else ""
        return "".join(parts[-2:]) if inner in TEXT_ENDINGS else parts[-1], TEXT_ENDINGS.get(inner)
    kind = TEXT_ENDINGS.get(last) or OTHER_ENDINGS.get(last)
    return parts[-1] if parts else "", kind


def kind_of(path: Path) -> str | None:
    """ "csv", "tsv", "json", "jsonl", "parquet", "arrow", "excel", or None; ``.gz`` is looked through for text."""
    return endings(path)[1]


def read_cells(path: Path, sheet: str | None = None) -> Cells:
    """Read any table file by its ending; of Excel the named ``sheet``. `SourceError` says what is wrong and what to do."""
    kind = kind_of(path)
    if sheet is not None and kind != "excel":
        raise UsageError(f"--sheet goes with Excel and OpenDocument files, not with {path}")
    try:
        check_path(path)
    except UnreadableError as error:
        raise SourceError(f"{path.name} cannot be read: {error}") from error
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"{path} is empty (zero bytes)")
        if kind in ("parquet", "arrow"):
            return from_arrow(read_arrow(path), str(path))
        if kind == "excel":
            with path.open("rb") as stream:
                _refuse_text_as_excel(stream.read(512), path)
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as parts:
                    check_unpacked(path, sum(part.file_size for part in parts.infolist()))
            return read_excel(path, sheet)
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    if path.suffix.lower() == ".gz":
        data = _unpacked(data, path)
    return read_text_table(data, str(path), kind or "csv")


def _unpacked(data: bytes, path: Path) -> bytes:
    try:
        return gunzip(data, path)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path} is not a whole gzip file ({error}); copy or download it again") from error


def read_text_table(data: bytes, where: str, kind: str) -> Cells:
    """CSV, TSV, JSON or JSON lines, after a look at whether it is text at all."""
    text, encoding = to_utf8(_text(data, where))
    if kind == "json":
        found = read_json(text, where)
    elif kind == "jsonl":
        found = read_jsonl(text, where)
    elif text.lstrip()[:2] in (b'{"', b"[{"):
        raise SourceError(f"{where} holds JSON, not a table as its ending says; rename it to .json or .jsonl")
    else:
        found = read_csv(text, where, "\t" if kind == "tsv" else None)
    if encoding:
        found.notes.insert(0, f"encoding: {encoding} (the file is not UTF-8)")
    return found


def _text(data: bytes, where: str) -> bytes:
    """UTF-8 without a byte order mark."""
    for magic, what in MAGIC.items():
        if data.startswith(magic):
            raise SourceError(f"{where} is {what}, not text as its ending says; rename it or convert it")
    if codec := wide(data):
        try:
            return data.decode(codec).encode()
        except UnicodeError as error:
            raise SourceError(f"{where} is damaged {codec.upper()} text ({error}); save it as UTF-8") from error
    head = data[:65_536]
    if head.count(0) > ZERO_BYTES * len(head):
        raise SourceError(f"{where} is not a text file (it holds zero bytes); if it is UTF-16, save it as UTF-8")
    data = data.removeprefix(BOM)
    if data[:512].lstrip().lower().startswith(WEB_PAGE):
        raise SourceError(f"{where} is a web page (HTML or XML), not a table; was it saved from a log-in page?")
    return data


def _refuse_text_as_excel(head: bytes, path: Path) -> None:
    """Web shops and portals like to name HTML or CSV ".xls"."""
    if head.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        return
    page = head.removeprefix(BOM).lstrip().lower().startswith(WEB_PAGE)
    what = "a web page (HTML)" if page else "no Excel file"
    raise SourceError(f"{path} is {what} inside; open it in a spreadsheet and save it as .xlsx or .csv")


def read_arrow(path: Path) -> pa.Table:
    """The table of a Parquet or Arrow file. `SourceError` where it is damaged."""
    import pyarrow.parquet as pq

    kind = kind_of(path)
    try:
        if kind == "parquet":
            with pq.ParquetFile(path) as file:  # read_table stumbles over two columns of one name
                about = file.metadata
                unpacked = sum(about.row_group(at).total_byte_size for at in range(about.num_row_groups))
                check_unpacked(path, unpacked, about.num_rows * about.num_columns)
                check_cells(path, about.num_rows, about.num_columns)
            names = _of_bytes(file) if is_confined() else None  # kept as dictionaries, so that they can be judged
            with pq.ParquetFile(path, read_dictionary=names) as file:
                return file.read()
        with pa.memory_map(str(path)) as stream:
            try:
                table = pa.ipc.open_file(stream).read_all()
            except pa.ArrowInvalid:
                stream.seek(0)
                table = pa.ipc.open_stream(stream).read_all()
        table.validate()
        check_cells(path, table.num_rows, table.num_columns)
        return table
    except (pa.ArrowException, OSError) as error:
        name = "Parquet" if kind == "parquet" else "Arrow"
        raise SourceError(
            f"{path} is not a readable {name} file ({' '.join(str(error).split())[:200]}); write or copy it again"
        ) from error


def _of_bytes(file: Any) -> list[str]:
    """The plain columns of texts and bytes of a Parquet file."""
    plain = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return [field.name for field in file.schema_arrow if any(test(field.type) for test in plain)]
