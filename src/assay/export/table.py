"""Tables as files: CSV, TSV, JSON, JSON lines, Parquet, Arrow, streamed batch by batch.

In: Arrow tables of one schema, a path or a stream. Out: one file, there complete or not at all.
Does not know: what the columns mean.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.errors import UsageError
from assay.export.values import csv_rows, guarded, json_rows
from assay.storage import Folder

ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
Target = str | os.PathLike[str] | BinaryIO


def write_table(
    batches: Iterable[pa.Table | bytes], target: Target, format: str | None = None, *, csv_guard: bool = False
) -> int:
    """Write tables of one schema as one file and return the number of rows.

    Parameters
    ----------
    batches : at least one table; each is written and let go before the next is asked for. After the first, a CSV, TSV or
        JSON lines file takes lines, too, which are written as they are.
    target : a path, replaced only when everything is written (the text formats gzipped if it ends in ``.gz``), or a
        binary stream.
    format : "csv", "tsv", "jsonl", "json", "parquet" or "arrow"; default: by the ending of the path, "csv" for streams.
    csv_guard : neutralise cells that a spreadsheet would run as formulas (CSV and TSV).

    Raises
    ------
    UsageError
        unknown format or ending, or the target is a folder.
    StorageError
        disk full, read-only, permission.
    """
    kind = format or (_kind_of(Path(target)) if isinstance(target, str | os.PathLike) else "csv")
    if kind not in WRITERS:
        raise UsageError(f"unknown format {kind!r}; choose one of {', '.join(WRITERS)}")
    with _opened(target, kind) as stream:
        return WRITERS[kind](batches, stream, csv_guard)


def kind_by_ending(path: Path) -> str | None:
    """The format that a file name asks for; None if none. ``.gz`` is looked through for text."""
    endings = [ending.lower() for ending in path.suffixes]
    if endings[-1:] == [".gz"]:
        kind = ENDINGS.get(endings[-2]) if len(endings) > 1 else None
        return kind if kind in TEXT else None
    return ENDINGS.get(endings[-1]) if endings else None


def refuse_file_as_folder(path: Path) -> None:
    """`UsageError` if a part of the path that has to be a folder is a file."""
    for parent in path.parents:
        if parent.exists():
            if not parent.is_dir():
                raise UsageError(f"cannot write {path}: {parent} is a file, not a folder")
            return


def _kind_of(path: Path) -> str:
    kind = kind_by_ending(path)
    if kind is None:
        raise UsageError(
            f"the ending of {path.name} does not name a format; use one of {', '.join(ENDINGS)} "
            "(text also with .gz), or --format"
        )
    return kind


@contextmanager
def _opened(target: Target, kind: str) -> Iterator[BinaryIO]:
    if not isinstance(target, str | os.PathLike):
        yield target
        target.flush()
        return
    path = Path(target)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file")
    refuse_file_as_folder(path)
    with Folder(path.parent).writing(path.name) as stream:
        if kind in TEXT and path.suffix.lower() == ".gz":
            # no name and no clock in the header: the same rows give the same bytes
            with gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=6, mtime=0) as packed:
                yield cast(BinaryIO, packed)
        else:
            yield stream


@contextmanager
def _text(stream: BinaryIO) -> Iterator[io.TextIOWrapper]:
    # bytes of a text that are no UTF-8 go out as they came
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="", write_through=False)
    try:
        yield text
        text.flush()
    finally:
        text.detach()


class _Rows:
    """Takes the rows of a `csv.writer` that quotes both kinds of line end, and ends them with the short one."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text

    def write(self, row: str) -> int:
        return self._text.write(f"{row[:-2]}\n")


def _line(text: io.TextIOWrapper, stream: BinaryIO, line: bytes) -> None:
    text.flush()
    stream.write(line + b"\n")


def _csv(batches: Iterable[pa.Table | bytes], stream: BinaryIO, guard: bool, delimiter: str = ",") -> int:
    rows = 0
    with _text(stream) as text:
        writer = csv.writer(_Rows(text), delimiter=delimiter, lineterminator="\r\n")
        for number, table in enumerate(batches):
            if isinstance(table, bytes):
                _line(text, stream, table)
                rows += 1
                continue
            if number == 0:
                writer.writerow([guarded(name) if guard else name for name in table.column_names])
            writer.writerows(csv_rows(table, guard=guard))
            rows += table.num_rows
    return rows


def _tsv(batches: Iterable[pa.Table | bytes], stream: BinaryIO, guard: bool) -> int:
    return _csv(batches, stream, guard, "\t")


def _jsonl(batches: Iterable[pa.Table | bytes], stream: BinaryIO, guard: bool) -> int:
    rows = 0
    with _text(stream) as text:
        for table in batches:
            if isinstance(table, bytes):
                _line(text, stream, table)
                rows += 1
                continue
            text.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in json_rows(table))
            rows += table.num_rows
    return rows


def _json(batches: Iterable[Any], stream: BinaryIO, guard: bool) -> int:
    rows = 0
    with _text(stream) as text:
        text.write("[")
        for table in batches:
            for row in json_rows(table):
                text.write((",\n" if rows else "\n") + json.dumps(row, ensure_ascii=False))
                rows += 1
        text.write("\n]\n" if rows else "]\n")
    return rows


def _parquet(batches: Iterable[Any], stream: BinaryIO, guard: bool) -> int:
    return _columnar(batches, lambda schema: pq.ParquetWriter(stream, schema, compression="zstd"))


def _arrow(batches: Iterable[Any], stream: BinaryIO, guard: bool) -> int:
    # an Arrow file holds one dictionary a column, which later batches may only add to
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    return _columnar(_one_dictionary(batches), lambda schema: pa.ipc.new_file(stream, schema, options=options))


def _one_dictionary(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The tables with categories as codes of one dictionary a column, which grows."""
    known: dict[str, pa.Array] = {}
    for table in batches:
        for index, column in enumerate(table.schema):
            if not pa.types.is_dictionary(column.type):
                continue
            chunks = table[column.name].unify_dictionaries().chunks
            own = chunks[0].dictionary if chunks else pa.array([], column.type.value_type)
            old = known.setdefault(column.name, own)
            if not old.equals(own):
                fresh = own.filter(pc.invert(pc.is_in(own, value_set=old)))
                known[column.name] = old = pa.concat_arrays([old, fresh]) if len(fresh) else old
            codes = [
                pa.DictionaryArray.from_arrays(
                    pc.index_in(chunk.dictionary_decode(), value_set=old, skip_nulls=True).cast(column.type.index_type),
                    old,
                    ordered=column.type.ordered,
                )
                for chunk in chunks
            ]
            table = table.set_column(index, column, pa.chunked_array(codes, column.type))
        yield table


def plain_columns(table: pa.Table) -> pa.Table:
    """The table with categories (dictionary columns) as the values that they stand for."""
    for index, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(index, column.name, table[column.name].cast(column.type.value_type))
    return table


def _columnar(batches: Iterable[Any], opener: Callable[[pa.Schema], AbstractContextManager[Any]]) -> int:
    tables = iter(batches)
    first = next(tables)
    rows = first.num_rows
    with opener(first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table if table.schema.equals(first.schema) else table.cast(first.schema))
            rows += table.num_rows
    return int(rows)


WRITERS: dict[str, Callable[[Iterable[Any], BinaryIO, bool], int]] = {
    "csv": _csv,
    "tsv": _tsv,
    "jsonl": _jsonl,
    "json": _json,
    "parquet": _parquet,
    "arrow": _arrow,
}
TEXT = ("csv", "tsv", "jsonl", "json")
