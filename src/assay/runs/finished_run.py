"""A finished run, read: results in the user's order, cells, pictures, findings, arrays by artefact name.

In: a project folder. Out: Arrow tables, bytes, records. Reading writes nothing. Does not know: how results were
computed, what people decided, how results are shown.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.checks import CHECK_BY_NAME, CHECKS
from assay.columns import BY_NAME, COLUMNS, ROW_ID, columns_of, public_names
from assay.dataset.dataset import PART, Dataset, read_blobs, read_cells, read_dataset
from assay.dataset.originals import OriginalCells
from assay.dataset.scope import read_scope
from assay.dataset.target import Label
from assay.errors import ProjectError, UsageError
from assay.printable import listed
from assay.runs.artefacts import Artefacts
from assay.runs.summary import Summary
from assay.sources.reading import UnreadableError, read_bytes, stamp_of
from assay.sources.sandbox import Scope
from assay.storage import Folder
from assay.storage.project_folder import latest_run, read_project, refuse_source

AHEAD = 256  # pictures that are read at once from those that came in memory
ARROW = {"bool": pa.bool_(), "float32": pa.float32(), "int32": pa.int32(), "int64": pa.int64(), "string": pa.string()}


class FinishedRun:
    """The newest run of a project, read from its files; `ProjectError` for a folder that holds none."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.folder = Folder(path)
        self.uuid = str(read_project(self.folder).get("uuid", ""))
        run = latest_run(self.folder)
        if run is None:
            raise ProjectError(f"{self.folder.root} holds no finished analysis; run assay analyze again: it resumes")
        if "views" in run:  # a record of version 0.1.0
            run["embeddings"] = run.pop("views")
        self.run: dict[str, Any] = run
        self._blobs: dict[int, bytes] = {}  # pictures read ahead

    @property
    def path(self) -> str:
        return str(self.folder.root)

    @property
    def name(self) -> str:
        return str(self.run["name"])

    @property
    def classes(self) -> list[Label]:
        """Typed label values; a class code is the position in this list."""
        return list(self.run["classes"])

    @property
    def levels(self) -> dict[str, tuple[float, float]]:
        """What black and white are in the pictures of more than 8 bits, by kind of numbers: one range a dataset."""
        return {kind: (black, white) for kind, black, white in self.run.get("levels", ())}

    @cached_property
    def dataset(self) -> Dataset:
        return read_dataset(self.folder, self.run["dataset"])

    @cached_property
    def artefacts(self) -> Artefacts:
        """What the stages left, by name."""
        return Artefacts(self.folder, self.run)

    def __len__(self) -> int:
        return int(self.run["n_rows"])

    # tables --------------------------------------------------------------------------------------------------

    @cached_property
    def public_names(self) -> dict[str, str]:
        """Our column name -> the name it goes by beside the user's columns."""
        return public_names(self.user_columns)

    @cached_property
    def user_columns(self) -> list[str]:
        return list(read_cells(self.folder, self.run["dataset"], 0, min(1, self.dataset.n_rows)).column_names)

    def result_columns(self) -> list[str]:
        """Names of all result columns of this run, in the order of columns.py."""
        dataset = ["row_id", "given_label", "split", "is_not_analyzed", "not_analyzed_reason", "is_initially_unlabeled"]
        if not self.classes:
            dataset = [name for name in dataset if name not in ("given_label", "is_initially_unlabeled")]
        if self.dataset.splits is None:
            dataset.remove("split")
        chosen = {*dataset, *(column.name for kind in self.kinds() for column in columns_of(kind))}
        return [column.name for column in COLUMNS if column.name in chosen]

    def kinds(self) -> list[str]:
        """Kinds of issue tables this modality and task call for, whether or not they could be computed."""
        kinds = ["outlier", "duplicate", self.run["modality"]]
        if not self.classes:
            return kinds
        two = ["multi_label"] if self.run["modality"] in CHECK_BY_NAME["multi_label"].modalities else []
        return ["label", *two, *kinds, "conflict"]

    def default_columns(self) -> list[str]:
        """The result columns that are shown where none are named: all of the run."""
        return self.result_columns()

    def results(
        self, rows: NDArray[np.int64] | Sequence[int] | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Result columns (names of columns.py) of the given row numbers; default: every present row, the user's order.

        ``columns``: default `default_columns`.
        """
        wanted = self.default_columns() if columns is None else [ROW_ID, *(name for name in columns if name != ROW_ID)]
        index = self.dataset.order if rows is None else np.asarray(rows, np.int64)
        taken = pa.array(index)
        out: dict[str, Any] = {}
        for kind in self.kinds():
            names = [column.name for column in columns_of(kind) if column.name in wanted]
            if names:
                table = self._kind_table(kind, names)
                for name in names:
                    out[name] = (
                        table[name].take(taken)
                        if table is not None and name in table.column_names
                        else pa.nulls(len(index), self.type_of(name))
                    )
        for name in wanted:
            if name not in out:
                out[name] = self.column(name).take(taken)
        return pa.table({name: out[name] for name in wanted})

    def type_of(self, name: str) -> pa.DataType:
        """Arrow type of a result column; labels have the type that they came in."""
        dtype = BY_NAME[name].dtype
        if dtype == "label":
            return pa.array(self.classes).type if self.classes else pa.string()
        return ARROW[dtype]

    def _kind_table(self, kind: str, names: list[str]) -> pa.Table | None:
        prefix = self.run["tables"].get(kind)
        if prefix is None:
            return None
        n_parts = max(1, -(-self.dataset.n_rows // PART))
        parts = [f"{prefix}-{part:05d}.parquet" for part in range(n_parts)]
        for part in parts:
            if not self.folder.exists(part):
                raise ProjectError(f"{self.folder.path(part)} is missing; run the analysis again: other work is kept")
        first = self.folder.get_table(parts[0])
        present = [name for name in names if name in first.column_names]
        return pa.concat_tables([self.folder.get_table(part, present) for part in parts]).combine_chunks()

    def column(self, name: str) -> pa.ChunkedArray | pa.Array:
        """A column that lies in no issue table, by row number; `UsageError` for a name that does not exist."""
        rows = self.dataset.rows
        if name == "row_id":
            return rows["row_id"]
        if name == "given_label":
            return rows["given"]
        if name == "split":
            return rows["split"]
        if name == "is_initially_unlabeled":
            return pa.array(~self.dataset.target.labelled)
        if name in ("is_not_analyzed", "not_analyzed_reason"):
            reasons = self.folder.get_table(f"{self.run['vectors']}.reasons.parquet")["reason"]
            return reasons if name == "not_analyzed_reason" else pa.compute.is_valid(reasons)
        raise UsageError(f"there is no result column {name!r}; see docs/columns or assay.columns.COLUMNS")

    def cells(self, rows: NDArray[np.int64] | Sequence[int] | None = None) -> pa.Table:
        """The user's columns, untouched; default: every present row, the user's order."""
        if rows is None:
            index = self.dataset.order
            table = read_cells(self.folder, self.run["dataset"], 0, self.dataset.n_rows)
            return table.take(pa.array(index))
        index = np.asarray(rows, np.int64)
        if not len(index):
            return read_cells(self.folder, self.run["dataset"], 0, 0)
        parts = np.unique(index // PART)
        base = {int(part): at * PART for at, part in enumerate(parts)}
        spans = [(int(part) * PART, min((int(part) + 1) * PART, self.dataset.n_rows)) for part in parts]
        table = pa.concat_tables([read_cells(self.folder, self.run["dataset"], *span) for span in spans])
        local = np.array([base[int(row // PART)] + int(row % PART) for row in index])
        return table.take(pa.array(local))

    def batches(self, size: int = 50_000) -> Iterator[tuple[pa.Table, pa.Table]]:
        """(cells, results) of all present rows in the user's order, ``size`` rows at a time."""
        order = self.dataset.order
        results = self.results()
        for start in range(0, len(order), size):
            yield self.cells(order[start : start + size]), results.slice(start, size)

    @cached_property
    def originals(self) -> OriginalCells | None:
        """The cells as they came, where they are more than the plain ones."""
        prefix = self.run.get("originals")
        return OriginalCells(self.folder, prefix) if prefix else None

    def original_batches(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        """`batches` with the user's columns as they came: their own types, every value, pictures and other bytes."""
        found = self.originals
        if found is None:
            yield from self.batches()
            return
        order, start = self.dataset.order, 0
        for cells, results in self.batches(found.step):
            rows = order[start : start + cells.num_rows]

            def blob(position: int, rows: NDArray[np.int64] = rows) -> bytes:
                return self.open_bytes(int(rows[position]))

            yield found.slice(cells, start, blob), results
            start += cells.num_rows

    # pictures ------------------------------------------------------------------------------------------------

    @cached_property
    def _thumbnail_parts(self) -> list[tuple[str, NDArray[np.int64]]]:
        if self.run["modality"] != "image":
            return []
        return [(prefix, self.folder.get_array(f"{prefix}.rows.npy")) for prefix in self.run["properties"]]

    def thumbnail(self, row: int) -> bytes | None:
        """JPEG of a row number; None for unreadable rows and other modalities."""
        for prefix, rows in self._thumbnail_parts:
            if len(rows) and rows[0] <= row <= rows[-1]:
                position = int(np.searchsorted(rows, row))
                if position < len(rows) and rows[position] == row:
                    return bytes(self.folder.get_table(f"{prefix}.thumbs.parquet")["jpeg"][position].as_py())
        return None

    def open_bytes(self, row: int) -> bytes:
        """The original bytes of an image: the very ones that were analysed, from where the dataset may read.

        `UnreadableError` says why not, also where a file has changed since.
        """
        uri = self.dataset.rows["uri"][row].as_py()
        if not uri and row not in self._blobs:  # rows are mostly asked for one after another
            self._blobs = read_blobs(self.folder, self.run["dataset"], range(row, row + AHEAD))
        if row in self._blobs:
            return self._blobs[row]
        data = read_bytes(uri, self.scope)
        self._require_unchanged(row, uri, data)
        return data

    @cached_property
    def scope(self) -> Scope:
        """What the dataset may reach: decided when it was analysed; of a project from elsewhere, its own folder."""
        return read_scope(self.folder, self.run["dataset"])

    def _require_unchanged(self, row: int, uri: str, data: bytes) -> None:
        """`UnreadableError` for a picture that is not the one that was analysed. A file that was only touched or copied has
        another stamp, and the bytes are compared by the hash that the analysis took."""
        stamp = str(self.dataset.rows["token"][row].as_py() or "").partition("\t")[2]
        if not stamp or stamp_of(uri) == stamp:
            return
        from assay.encode.pixels import file_hash

        known = self._file_hashes.get(row)
        if known is None or known != file_hash(data):
            raise UnreadableError("the file has changed since it was analysed; run the analysis again")

    @cached_property
    def _file_hashes(self) -> dict[int, str]:
        """Row number -> hash of the bytes that were analysed. Asked for only where stamps differ."""
        found: dict[int, str] = {}
        if self.run["modality"] == "image":
            for prefix in self.run["properties"]:
                table = self.folder.get_table(f"{prefix}.properties.parquet", ["row", "file_hash"])
                found.update(zip(table["row"].to_pylist(), table["file_hash"].to_pylist(), strict=True))
        return found

    # answers -------------------------------------------------------------------------------------------------

    def insights(self) -> list[dict[str, Any]]:
        """Findings about classes, columns and the dataset as a whole, each a dict as `assay.insights.Finding` says."""
        files = [self.run.get("findings"), self.run.get("ontology")]
        return [finding for file in files if file for finding in self.folder.get_json(file)]

    def summary(self) -> Summary:
        """What was found, check by check; prints as a table."""
        return Summary.of(self.run, self.insights())

    def issue_table(self, type: str | None = None, top: int | None = None) -> pa.Table:
        """`issues` as an Arrow table: the user's columns, then ours under their public names."""
        rows = self.dataset.order if type is None else self.flagged(type)
        return self.row_table(rows if top is None else rows[:top])

    def row_table(self, rows: NDArray[np.int64]) -> pa.Table:
        """The given row numbers as an Arrow table: the user's columns, then ours under their public names."""
        ours = self.results(rows)
        names = self.public_names
        table = {names[ROW_ID]: ours[ROW_ID]}
        cells = self.cells(rows)
        cells = cells if self.originals is None else self.originals.typed(cells)
        table |= {name: cells[name] for name in cells.column_names}
        table |= {names[name]: ours[name] for name in ours.column_names if name != ROW_ID}
        return pa.table(table)

    def flagged(self, type: str) -> NDArray[np.int64]:
        """Row numbers that a check flagged, worst first."""
        check = CHECK_BY_NAME.get(type)
        if check is None:
            raise UsageError(f"there is no check {type!r}; choose one of {', '.join(c.name for c in CHECKS)}")
        record = next((r for r in self.run["checks"] if r["name"] == type), None)
        if record is None:
            raise UsageError(
                f"the check {type!r} is for {listed(check.modalities)} data; this project holds {self.run['modality']} data"
            )
        if record["status"] != "ran":
            raise UsageError(f"the check {type!r} has no results: it was {record['status']} ({record['why']})")
        fine = (
            "label_quality" if check.score == "label_issue_score" else None
        )  # near 1 the score is too coarse to sort by
        table = self.results(columns=[check.flag, *([fine or check.score] if check.score else [])])
        rows = self.dataset.order[table[check.flag].to_numpy(zero_copy_only=False).astype(bool)]
        if check.score is None:
            return rows
        score = table[fine or check.score].to_numpy().astype(float)
        score = (-score if fine else score)[table[check.flag].to_numpy(zero_copy_only=False).astype(bool)]
        return rows[np.argsort(-np.nan_to_num(score, nan=-2.0), kind="stable")]

    def rows_of(self, ids: Sequence[str | int]) -> NDArray[np.int64]:
        """Row numbers of the user's row ids, aligned with them; `UsageError` names the first that do not exist."""
        found = self.find_rows(ids)
        if (found < 0).any():
            strange = [ids[position] for position in np.flatnonzero(found < 0).tolist()]
            more = f" and {len(strange) - 3:,} more" if len(strange) > 3 else ""
            raise UsageError(f"there is no row with the id {', '.join(repr(id) for id in strange[:3])}{more}")
        return found

    def find_rows(self, ids: Sequence[str | int]) -> NDArray[np.int64]:
        """Row numbers of row ids, -1 where there is none. An id may be given as text or as number. Cost: O(N)."""
        known = self.dataset.rows["row_id"].cast(pa.string()).combine_chunks()
        found = pa.compute.index_in(pa.array([str(id) for id in ids], pa.string()), value_set=known)
        return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)

    def refuse_source(self, path: str | os.PathLike[str]) -> None:
        """`UsageError` if writing ``path`` would change the user's data or this project."""
        refuse_source(path, self.folder.root, self.run)
