"""The dataset of a project: one entry a row number, kept as Parquet parts.

In: a `Source` (and the dataset of the run before, so that known ids keep their row numbers). Out: a `Dataset`.
Does not know: models, issues, how bytes are read.

A row number is given once per row id and never reused. Rows that vanished from the source stay as ``missing``;
``order`` lists the present rows in the user's order.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import ProjectError
from assay.sources import Roles, Source
from assay.storage import Folder

PART = 65_536
MISSING = "no longer in the source"
Label = str | int | float | bool


@dataclass(frozen=True)
class Dataset:
    """Rows by row number. ``rows``: row_id, order (-1 = missing), uri, token, given, code, split, reason.

    ``classes``: position = class code; empty = no labels. ``known``: every class the project has had, in the order of
    first appearance, so that a code keeps its meaning over a run without labels, too.
    """

    fingerprint: str
    modality: str
    roles: Roles
    classes: list[Label]
    rows: pa.Table
    name: str
    known: list[Label] = field(default_factory=list)

    @property
    def inputs(self) -> dict[str, str]:
        """What a stage that depends on the whole dataset has as an input."""
        return {"dataset": self.fingerprint}

    @property
    def n_rows(self) -> int:
        return int(self.rows.num_rows)

    @cached_property
    def codes(self) -> NDArray[np.int32]:
        """Class code a row, -1 = unlabelled."""
        return np.asarray(self.rows["code"].to_numpy(), np.int32)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Row numbers of the present rows in the user's order."""
        place = np.asarray(self.rows["order"].to_numpy())
        present = np.flatnonzero(place >= 0)
        return present[np.argsort(place[present], kind="stable")]

    @cached_property
    def reasons(self) -> list[str | None]:
        return list(self.rows["reason"].to_pylist())

    @property
    def labelled(self) -> bool:
        return bool(self.classes)

    @cached_property
    def splits(self) -> NDArray[np.object_] | None:
        column = self.rows["split"]
        return None if column.null_count == len(column) else np.array(column.to_pylist(), object)


def _digest(parts: Iterable[bytes]) -> str:
    state = hashlib.blake2b(digest_size=8)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()


class _HashFile(io.RawIOBase):
    """Something to write to that keeps only a hash: a table's bytes need not be in memory a second time."""

    def __init__(self) -> None:
        self.state = hashlib.blake2b(digest_size=16)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.state.update(data)
        return memoryview(data).nbytes


def _table_hash(table: pa.Table) -> bytes:
    """Of schema and cells, a part at a time, however the table is chunked."""
    file = _HashFile()
    with pa.PythonFile(file, "w") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        for start in range(0, table.num_rows, PART):
            writer.write_table(table.slice(start, PART).combine_chunks())
    return file.state.digest()


def classes_of(given: pa.Array | None) -> list[Label]:
    """Distinct labels, sorted: numbers by value, strings by their UTF-8 bytes."""
    if given is None:
        return []
    values = given.unique().drop_null().to_pylist()
    return sorted(values, key=lambda value: value.encode() if isinstance(value, str) else value)


def _codes(given: pa.Array | None, classes: Sequence[Label], n: int) -> NDArray[np.int32]:
    if given is None or not classes:
        return np.full(n, -1, np.int32)
    index = pc.index_in(given, value_set=pa.array(classes, type=given.type))
    return np.asarray(index.fill_null(-1).to_numpy(zero_copy_only=False), np.int32)


def _tokens(source: Source, n: int) -> list[str]:
    """What changes when the row's content does: the file's stamp, the blob's hash, or nothing (cells are hashed whole)."""
    if source.uris is None:
        return [""] * n
    tokens = [f"{uri}\t{stamp}" for uri, stamp in zip(source.uris, source.stamps or [""] * n, strict=True)]
    if source.blobs is not None:
        for row, blob in enumerate(source.blobs):
            if blob is not None:
                tokens[row] = hashlib.blake2b(blob, digest_size=16).hexdigest()
    return tokens


def write_dataset(folder: Folder, source: Source, previous: Dataset | None) -> Dataset:
    """Give row numbers and write the parts. Cost: the ids, labels and cells once in memory; images stay where they are."""
    n = len(source.ids)
    new_ids = source.ids
    old_ids = previous.rows["row_id"].combine_chunks() if previous is not None else None
    if old_ids is None:
        number_of = np.arange(n)
        total = n
    else:
        if old_ids.type != new_ids.type:  # numbers became words (one id "x7" is enough): the same ids, written as text
            old_ids, new_ids = old_ids.cast(pa.string()), new_ids.cast(pa.string())
        found = pc.index_in(new_ids, value_set=old_ids).fill_null(-1).to_numpy(zero_copy_only=False)
        number_of = np.asarray(found, np.int64)
        fresh = number_of < 0
        number_of[fresh] = len(old_ids) + np.arange(int(fresh.sum()))
        total = len(old_ids) + int(fresh.sum())
    place = np.full(total, -1, np.int64)
    place[number_of] = np.arange(n)

    classes, known = _classes(source.given, previous)
    take = pa.array(np.where(place >= 0, place, 0), mask=place < 0)
    reason = [source.reasons.get(row) for row in range(n)]
    given = source.given if source.given is not None else pa.nulls(n, pa.string())
    ids = new_ids.take(take)
    if old_ids is not None:
        ids = pc.coalesce(ids, pa.concat_arrays([old_ids, pa.nulls(total - len(old_ids), old_ids.type)]))
    gone = place < 0
    rows = pa.table(
        {
            "row_id": ids,
            "order": pa.array(place),
            "uri": pa.array(source.uris or [""] * n, pa.string()).take(take),
            "token": pa.array(_tokens(source, n), pa.string()).take(take),
            "given": given.take(take),
            "code": pa.array(_codes(source.given, classes, n)).take(take).fill_null(-1),
            "split": (source.split if source.split is not None else pa.nulls(n, pa.string())).take(take),
            "reason": pc.if_else(pa.array(gone), MISSING, pa.array(reason, pa.string()).take(take)),
        }
    )
    cells = _arranged(source.cells, take)
    header = {
        "modality": source.modality,
        "roles": _roles_json(source.roles),
        "classes": classes,
        "known": known,
        "name": source.name,
        "n_rows": total,
    }
    fingerprint = _digest([repr(header).encode(), _table_hash(rows), _table_hash(cells)])
    base = f"dataset/{fingerprint}"
    if not folder.exists(f"{base}/dataset.json"):
        for part, start in enumerate(range(0, max(total, 1), PART)):
            folder.put_table(f"{base}/rows-{part:05d}.parquet", rows.slice(start, PART))
            folder.put_table(f"{base}/cells-{part:05d}.parquet", cells.slice(start, PART))
        _write_blobs(folder, base, source, number_of)
        folder.put_json(f"{base}/dataset.json", header)
    return Dataset(fingerprint, source.modality, source.roles, classes, rows, source.name, known)


def _arranged(cells: pa.Table, take: pa.Array) -> pa.Table:
    """The cells by row number, in parts: Arrow joins a column before it takes from it, and 2 GiB of strings do not join."""
    wide = pa.schema(
        field.with_type(pa.large_string()) if pa.types.is_string(field.type) else field for field in cells.schema
    )
    joined = cells.cast(wide).combine_chunks()
    starts = range(0, max(len(take), 1), PART)
    return pa.concat_tables([joined.take(take.slice(start, PART)).cast(cells.schema) for start in starts])


def _classes(given: pa.Array | None, previous: Dataset | None) -> tuple[list[Label], list[Label]]:
    """(classes, all classes known): new ones are appended. Labels of another type than before begin a new list."""
    before = previous.known if previous is not None else []
    now = classes_of(given)
    if not now:
        return [], before
    if before and {type(name) for name in before} == {type(name) for name in now}:
        old = set(before)
        now = [*before, *(name for name in now if name not in old)]
    return now, now


def _write_blobs(folder: Folder, base: str, source: Source, number_of: NDArray[np.int64]) -> None:
    if source.blobs is None:
        return
    position = {int(number): row for row, number in enumerate(number_of)}
    rows = sorted(number for number, row in position.items() if source.blobs[row] is not None)
    for start in range(0, len(rows), 1024):
        part = rows[start : start + 1024]
        table = pa.table({"row": part, "bytes": pa.array([source.blobs[position[row]] for row in part], pa.binary())})
        folder.put_table(f"{base}/blobs-{start // 1024:05d}.parquet", table)


def read_blobs(folder: Folder, fingerprint: str, wanted: Sequence[int]) -> dict[int, bytes]:
    """Bytes of images that came in memory, of the ``wanted`` rows; {} for datasets of files."""
    out: dict[int, bytes] = {}
    for part in _parts(folder, fingerprint, "blobs"):
        rows = folder.get_table(part, ["row"])["row"].to_numpy()
        places = np.flatnonzero(np.isin(rows, np.asarray(wanted)))
        if len(places):
            found = folder.get_table(part, ["bytes"])["bytes"].take(pa.array(places)).to_pylist()
            out.update(zip(rows[places].tolist(), found, strict=True))
    return out


def _parts(folder: Folder, fingerprint: str, kind: str) -> list[str]:
    base = f"dataset/{fingerprint}"
    return [f"{base}/{name}" for name in folder.names(base) if name.startswith(f"{kind}-")]


def read_dataset(folder: Folder, fingerprint: str) -> Dataset:
    """The dataset as written; `ProjectError` if a part is missing or damaged."""
    name = f"dataset/{fingerprint}/dataset.json"
    if not folder.exists(name):
        raise ProjectError(f"{folder.path(name)} is missing; run the analysis again")
    header = folder.get_json(name)
    rows = pa.concat_tables([folder.get_table(part) for part in _parts(folder, fingerprint, "rows")]).combine_chunks()
    if rows.num_rows != header["n_rows"]:
        raise ProjectError(f"{folder.path(name)}: rows are missing from its parts; delete the folder and run again")
    return Dataset(
        fingerprint,
        header["modality"],
        Roles(**_roles_from(header["roles"])),
        header["classes"],
        rows,
        header["name"],
        header.get("known", header["classes"]),
    )


def read_rows(folder: Folder, fingerprint: str, start: int, stop: int, columns: list[str]) -> pa.Table:
    """Columns of rows start..stop without reading the other parts."""
    return _slice(folder, fingerprint, "rows", start, stop, columns)


def read_cells(folder: Folder, fingerprint: str, start: int, stop: int, columns: list[str] | None = None) -> pa.Table:
    """The user's cells of rows start..stop."""
    return _slice(folder, fingerprint, "cells", start, stop, columns)


def _slice(folder: Folder, fingerprint: str, kind: str, start: int, stop: int, columns: list[str] | None) -> pa.Table:
    first, last = start // PART, max(start, stop - 1) // PART
    parts = [
        folder.get_table(f"dataset/{fingerprint}/{kind}-{part:05d}.parquet", columns) for part in range(first, last + 1)
    ]
    return pa.concat_tables(parts).slice(start - first * PART, stop - start)


def _roles_json(roles: Roles) -> dict[str, Any]:
    return {name: getattr(roles, name) for name in ("label", "text", "image", "id", "split")} | {
        "features": list(roles.features)
    }


def _roles_from(value: dict[str, Any]) -> dict[str, Any]:
    return value | {"features": tuple(value["features"])}


def shard_key(index: int, tokens: Iterable[str | None]) -> str:
    """Name of a row-local shard: it changes exactly when the content of one of its rows does."""
    return f"{index:05d}-{_digest((token or '').encode() for token in tokens)}"
