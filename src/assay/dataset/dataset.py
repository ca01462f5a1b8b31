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
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.dataset.target import TARGETS, ClassTarget, Label, NoTarget, Target
from assay.errors import ProjectError
from assay.sources import Roles, Source
from assay.storage import Folder
from assay.storage.checksums import FILES as CHECKSUMS
from assay.storage.checksums import guarded

PART = 65_536
MISSING = "no longer in the source"


@dataclass(frozen=True)
class Dataset:
    """Rows by row number. ``rows``: row_id, order (-1 = missing), uri, token, given, target, split, reason.

    ``target``: the labels, encoded; which task it is, is the target's to know.
    """

    fingerprint: str
    modality: str
    roles: Roles
    target: Target
    rows: pa.Table
    name: str

    @property
    def inputs(self) -> dict[str, str]:
        """What a stage that depends on the whole dataset has as an input."""
        return {"dataset": self.fingerprint}

    @property
    def n_rows(self) -> int:
        return int(self.rows.num_rows)

    @property
    def classes(self) -> list[Label]:
        """Position = class code; [] without classes."""
        return self.target.classes

    @cached_property
    def codes(self) -> NDArray[np.int32]:
        """Class code a row, -1 = unlabelled."""
        return self.target.codes

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Row numbers of the present rows in the user's order."""
        positions = np.asarray(self.rows["order"].to_numpy())
        present = np.flatnonzero(positions >= 0)
        return present[np.argsort(positions[present], kind="stable")]

    @cached_property
    def reasons(self) -> list[str | None]:
        return list(self.rows["reason"].to_pylist())

    @property
    def labelled(self) -> bool:
        """Whether the data came with labels at all."""
        return self.target.has_labels

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


def tokens(source: Source, n: int) -> list[str]:
    """What changes when the row's content does: the file's stamp, the blob's hash, or nothing (cells are hashed whole)."""
    if source.uris is None:
        return [""] * n
    tokens = [f"{uri}\t{stamp}" for uri, stamp in zip(source.uris, source.stamps or [""] * n, strict=True)]
    if source.blobs is not None:
        for row, blob in enumerate(source.blobs):
            if blob is not None:
                tokens[row] = hashlib.blake2b(blob, digest_size=16).hexdigest()
    return tokens


def task_of(source: Source) -> str:
    """The task that the labels of a source call for."""
    given = source.given
    return ClassTarget.task if given is not None and given.null_count < len(given) else NoTarget.task


def check_labels(source: Source) -> list[str]:
    """What the task has to say of the label column; `UsageError` where its labels are none of this task's."""
    if source.given is None or source.roles.label is None:
        return []
    return TARGETS[task_of(source)].check(source.given, source.roles.label)


def write_dataset(
    folder: Folder,
    source: Source,
    previous: Dataset | None,
    number_of: NDArray[np.int64] | None = None,
    contents: NDArray[np.uint64] | None = None,
) -> Dataset:
    """Give row numbers and write the parts.

    number_of : (N,) the row number before of each row, -1 = new. Default: found by row id. contents : (N,) a hash of what
    each row holds, kept for rows that vanish.

    Cost: the ids, labels and cells once in memory; images stay where they are."""
    n = len(source.ids)
    new_ids = source.ids
    old_ids = previous.rows["row_id"].combine_chunks() if previous is not None else None
    if old_ids is None:
        number_of = np.arange(n)
        total = n
    else:
        if old_ids.type != new_ids.type:  # numbers became words (one id "x7" is enough): the same ids, written as text
            old_ids, new_ids = old_ids.cast(pa.string()), new_ids.cast(pa.string())
        if number_of is None:
            found = pc.index_in(new_ids, value_set=old_ids).fill_null(-1).to_numpy(zero_copy_only=False)
            number_of = np.asarray(found, np.int64)
        number_of = number_of.copy()
        fresh = number_of < 0
        number_of[fresh] = len(old_ids) + np.arange(int(fresh.sum()))
        total = len(old_ids) + int(fresh.sum())
    position = np.full(total, -1, np.int64)
    position[number_of] = np.arange(n)

    kind = TARGETS[task_of(source)]
    encoded, labels = kind.encode(source.given, previous.target.header if previous is not None else None)
    encoded = encoded if len(encoded) else pa.nulls(n, kind.column_type)
    take = pa.array(np.where(position >= 0, position, 0), mask=position < 0)
    reason = [source.reasons.get(row) for row in range(n)]
    given = source.given if source.given is not None else pa.nulls(n, pa.string())
    ids = new_ids.take(take)
    if old_ids is not None:
        no_ones = pa.array([-1 - row for row in range(len(old_ids))], pa.int64()).cast(old_ids.type)
        # a number, or an id whose row was begun anew, is another row's by now
        taken = True if source.roles.id is None else pc.is_in(old_ids, value_set=new_ids)
        old_ids = pc.if_else(taken, no_ones, old_ids)
        ids = pc.coalesce(ids, pa.concat_arrays([old_ids, pa.nulls(total - len(old_ids), old_ids.type)]))
    gone = position < 0
    rows = pa.table(
        {
            "row_id": ids,
            "order": pa.array(position),
            "uri": pa.array(source.uris or [""] * n, pa.string()).take(take),
            "token": pa.array(tokens(source, n), pa.string()).take(take),
            "given": given.take(take),
            "target": kind.absent(encoded.take(take)),
            "split": (source.split if source.split is not None else pa.nulls(n, pa.string())).take(take),
            "reason": pc.if_else(pa.array(gone), MISSING, pa.array(reason, pa.string()).take(take)),
        }
    )
    if contents is not None:
        rows = rows.append_column("content", _contents(contents, take, previous))
    cells = _arranged(source.cells, take)
    header = {
        "modality": source.modality,
        "roles": _roles_json(source.roles),
        "task": kind.task,
        "target": labels,
        "name": source.name,
        "n_rows": total,
    }
    fingerprint = _digest([repr(header).encode(), _table_hash(rows), _table_hash(cells)])
    base = f"dataset/{fingerprint}"
    if not folder.is_whole(f"{base}/dataset.json"):
        with folder.recording() as written:
            for part, start in enumerate(range(0, max(total, 1), PART)):
                folder.put_table(f"{base}/rows-{part:05d}.parquet", rows.slice(start, PART))
                folder.put_table(f"{base}/cells-{part:05d}.parquet", cells.slice(start, PART))
            _write_blobs(folder, base, source, number_of)
        folder.put_json(f"{base}/dataset.json", header | {CHECKSUMS: folder.listed(written)})
    target = kind(rows["target"].combine_chunks(), labels)
    return Dataset(fingerprint, source.modality, source.roles, target, rows, source.name)


def _contents(contents: NDArray[np.uint64], take: pa.Array, previous: Dataset | None) -> pa.Array:
    """By row number; a row that vanished keeps what it held."""
    now = pa.array(contents, pa.uint64()).take(take)
    if previous is None or "content" not in previous.rows.column_names:
        return now
    old = previous.rows["content"].combine_chunks()
    return pc.coalesce(now, pa.concat_arrays([old, pa.nulls(len(now) - len(old), pa.uint64())]))


def _arranged(cells: pa.Table, take: pa.Array) -> pa.Table:
    """The cells by row number, in parts: Arrow joins a column before it takes from it, and 2 GiB of strings do not join."""
    wide = pa.schema(
        field.with_type(pa.large_string()) if pa.types.is_string(field.type) else field for field in cells.schema
    )
    joined = cells.cast(wide).combine_chunks()
    starts = range(0, max(len(take), 1), PART)
    return pa.concat_tables([joined.take(take.slice(start, PART)).cast(cells.schema) for start in starts])


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
        positions = np.flatnonzero(np.isin(rows, np.asarray(wanted)))
        if len(positions):
            found = folder.get_table(part, ["bytes"])["bytes"].take(pa.array(positions)).to_pylist()
            out.update(zip(rows[positions].tolist(), found, strict=True))
    return out


def _parts(folder: Folder, fingerprint: str, kind: str) -> list[str]:
    """The parts that were written, whether or not they are still there."""
    base = f"dataset/{fingerprint}"
    names = {*folder.names(base), *guarded(folder.get_json(f"{base}/dataset.json"))}
    return [f"{base}/{name}" for name in sorted(names) if name.startswith(f"{kind}-")]


def read_dataset(folder: Folder, fingerprint: str) -> Dataset:
    """The dataset as written; `ProjectError` if a part is missing or damaged."""
    name = f"dataset/{fingerprint}/dataset.json"
    if not folder.exists(name):
        raise ProjectError(f"{folder.path(name)} is missing; run the analysis again")
    header = folder.get_json(name)
    base = f"dataset/{fingerprint}"
    n_parts = max(1, -(-int(header["n_rows"]) // PART))
    parts = [folder.get_table(f"{base}/rows-{part:05d}.parquet") for part in range(n_parts)]
    rows = pa.concat_tables(parts).combine_chunks()
    if rows.num_rows != header["n_rows"]:
        raise ProjectError(f"{folder.path(name)} does not fit its parts; delete it and run the analysis again")
    target = _target_of(folder, name, header, rows)
    roles = Roles(**_roles_from(header["roles"]))
    return Dataset(fingerprint, header["modality"], roles, target, rows, header["name"])


def read_target(folder: Folder, fingerprint: str) -> Target:
    """The labels alone."""
    name = f"dataset/{fingerprint}/dataset.json"
    header = folder.get_json(name)
    column = "target" if "target" in header else "code"
    parts = [folder.get_table(part, [column]) for part in _parts(folder, fingerprint, "rows")]
    return _target_of(folder, name, header, pa.concat_tables(parts).combine_chunks())


def _target_of(folder: Folder, name: str, header: dict[str, Any], rows: pa.Table) -> Target:
    if "target" not in header:  # a dataset of version 0.1.0
        labels = {"classes": header["classes"], "known": header.get("known", header["classes"])}
        task = ClassTarget.task if header["classes"] else NoTarget.task
        return TARGETS[task](rows["code"].combine_chunks(), labels)
    kind = TARGETS.get(header["task"])
    if kind is None:
        raise ProjectError(
            f"{folder.path(name)}: this version does not know the task {header['task']!r}; upgrade Assay"
        )
    return kind(rows["target"].combine_chunks(), header["target"])


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
