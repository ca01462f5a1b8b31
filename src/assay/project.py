"""A finished project, read: results in the user's order, cells, pictures, findings; and what people decided about it.

In: a project folder. Out: Arrow tables, DataFrames, reports, exports. Reading writes nothing into the project; only
decisions are written, to the log beside the results. Does not know: how results were computed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.columns import CHECK_BY_NAME, CHECKS, COLUMNS, ROW_ID, columns_of, public_names
from assay.dataset.dataset import PART, Dataset, Label, read_blobs, read_cells, read_dataset
from assay.errors import ProjectError, UsageError
from assay.runs.summary import Summary
from assay.sources.reading import read_bytes
from assay.storage import Folder
from assay.storage.project_folder import latest_run, read_project, refuse_source

if TYPE_CHECKING:
    import pandas as pd

    from assay.actions import ActionLog, Done

AHEAD = 256  # pictures that are read at once from those that came in memory
DECIDED = ("corrected_label", "action")
ARROW = {"bool": pa.bool_(), "float32": pa.float32(), "int32": pa.int32(), "int64": pa.int64(), "string": pa.string()}


class Project:
    """What an analysis left behind. ``assay.open("photos.assay")`` or the return value of `assay.analyze`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._folder = Folder(path)
        self.uuid = str(read_project(self._folder).get("uuid", ""))
        run = latest_run(self._folder)
        if run is None:
            raise ProjectError(f"{self._folder.root} holds no finished analysis; run assay analyze again: it resumes")
        self.run: dict[str, Any] = run
        self._blobs: dict[int, bytes] = {}  # pictures read ahead

    @property
    def path(self) -> str:
        return str(self._folder.root)

    @property
    def name(self) -> str:
        return str(self.run["name"])

    @property
    def classes(self) -> list[Label]:
        """Typed label values; a class code is the position in this list."""
        return list(self.run["classes"])

    @cached_property
    def dataset(self) -> Dataset:
        return read_dataset(self._folder, self.run["dataset"])

    def __len__(self) -> int:
        return int(self.run["n_rows"])

    def __repr__(self) -> str:
        return f"Project({self.path!r}, {self.run['modality']}, {len(self):,} rows)"

    def _repr_html_(self) -> str:
        from assay.report.notebook import project_html

        return project_html(self)

    # tables --------------------------------------------------------------------------------------------------

    @cached_property
    def public_names(self) -> dict[str, str]:
        """Our column name -> the name it goes by beside the user's columns."""
        return public_names(self.user_columns)

    @cached_property
    def user_columns(self) -> list[str]:
        return list(read_cells(self._folder, self.run["dataset"], 0, min(1, self.dataset.n_rows)).column_names)

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
        return ["label", *kinds, "conflict"] if self.classes else kinds

    def results(
        self, rows: NDArray[np.int64] | Sequence[int] | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Result columns (names of columns.py) of the given row numbers; default: every present row, the user's order.

        ``columns``: default all of the run, and where somebody decided something ``corrected_label`` and ``action``.
        """
        if columns is None:
            decided = [*DECIDED] if self.decided else []
            wanted = [*self.result_columns(), *decided]
        else:
            wanted = [ROW_ID, *(name for name in columns if name != ROW_ID)]
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
                        else pa.nulls(len(index), self._type(name))
                    )
        for name in wanted:
            if name not in out:
                out[name] = self._dataset_column(name).take(taken)
        return pa.table({name: out[name] for name in wanted})

    def _type(self, name: str) -> pa.DataType:
        from assay.columns import BY_NAME

        dtype = BY_NAME[name].dtype
        if dtype == "label":
            return pa.array(self.classes).type if self.classes else pa.string()
        return ARROW[dtype]

    def _kind_table(self, kind: str, names: list[str]) -> pa.Table | None:
        place = self.run["tables"].get(kind)
        if place is None:
            return None
        n_parts = max(1, -(-self.dataset.n_rows // PART))
        parts = [f"{place}-{part:05d}.parquet" for part in range(n_parts)]
        for part in parts:
            if not self._folder.exists(part):
                raise ProjectError(f"{self._folder.path(part)} is missing; run the analysis again: other work is kept")
        first = self._folder.get_table(parts[0])
        present = [name for name in names if name in first.column_names]
        return pa.concat_tables([self._folder.get_table(part, present) for part in parts]).combine_chunks()

    def _dataset_column(self, name: str) -> pa.ChunkedArray | pa.Array:
        rows = self.dataset.rows
        if name == "row_id":
            return rows["row_id"]
        if name == "given_label":
            return rows["given"]
        if name == "split":
            return rows["split"]
        if name == "is_initially_unlabeled":
            return pa.array(self.dataset.codes < 0)
        if name in DECIDED:
            return self._decided_column(name)
        if name in ("is_not_analyzed", "not_analyzed_reason"):
            reasons = self._folder.get_table(f"{self.run['vectors']}.reasons.parquet")["reason"]
            return reasons if name == "not_analyzed_reason" else pa.compute.is_valid(reasons)
        raise UsageError(f"there is no result column {name!r}; see docs/columns or assay.columns.COLUMNS")

    def _decided_column(self, name: str) -> pa.Array:
        """What was decided by row number, as an export would show it: a row that is left out says "exclude"."""
        from assay.actions.entry import ACTION_NAMES
        from assay.actions.plan import EXCLUDE

        state = self.log.state()
        if name == "action":
            codes = np.where(state.excluded, ACTION_NAMES.index(EXCLUDE), state.action)
            return pa.array(ACTION_NAMES).take(pa.array(codes, mask=codes == 0))
        kind = self._type(name)
        labels = pa.array([str(label) for label in state.labels] if kind == pa.string() else state.labels, kind)
        return labels.take(pa.array(state.label, mask=state.label < 0))

    def cells(self, rows: NDArray[np.int64] | Sequence[int] | None = None) -> pa.Table:
        """The user's columns, untouched; default: every present row, the user's order."""
        if rows is None:
            index = self.dataset.order
            table = read_cells(self._folder, self.run["dataset"], 0, self.dataset.n_rows)
            return table.take(pa.array(index))
        index = np.asarray(rows, np.int64)
        if not len(index):
            return read_cells(self._folder, self.run["dataset"], 0, 0)
        parts = np.unique(index // PART)
        base = {int(part): at * PART for at, part in enumerate(parts)}
        spans = [(int(part) * PART, min((int(part) + 1) * PART, self.dataset.n_rows)) for part in parts]
        table = pa.concat_tables([read_cells(self._folder, self.run["dataset"], *span) for span in spans])
        local = np.array([base[int(row // PART)] + int(row % PART) for row in index])
        return table.take(pa.array(local))

    def batches(self, size: int = 50_000) -> Iterator[tuple[pa.Table, pa.Table]]:
        """(cells, results) of all present rows in the user's order, ``size`` rows at a time."""
        order = self.dataset.order
        results = self.results()
        for start in range(0, len(order), size):
            yield self.cells(order[start : start + size]), results.slice(start, size)

    # pictures ------------------------------------------------------------------------------------------------

    @cached_property
    def _thumbnail_parts(self) -> list[tuple[str, NDArray[np.int64]]]:
        if self.run["modality"] != "image":
            return []
        return [(place, self._folder.get_array(f"{place}.rows.npy")) for place in self.run["properties"]]

    def thumbnail(self, row: int) -> bytes | None:
        """JPEG of a row number; None for unreadable rows and other modalities."""
        for place, rows in self._thumbnail_parts:
            if len(rows) and rows[0] <= row <= rows[-1]:
                position = int(np.searchsorted(rows, row))
                if position < len(rows) and rows[position] == row:
                    return bytes(self._folder.get_table(f"{place}.thumbs.parquet")["jpeg"][position].as_py())
        return None

    def open_bytes(self, row: int) -> bytes:
        """The original bytes of an image."""
        uri = self.dataset.rows["uri"][row].as_py()
        if not uri and row not in self._blobs:  # rows are mostly asked for one after another
            self._blobs = read_blobs(self._folder, self.run["dataset"], range(row, row + AHEAD))
        return self._blobs[row] if row in self._blobs else read_bytes(uri)

    # answers -------------------------------------------------------------------------------------------------

    def insights(self) -> list[dict[str, Any]]:
        """Findings about classes, columns and the dataset as a whole."""
        return list(self._folder.get_json(self.run["findings"])) if self.run["findings"] else []

    def summary(self) -> Summary:
        """What was found, check by check; prints as a table."""
        return Summary.of(self.run, self.insights())

    def issues(self, type: str | None = None, top: int | None = None) -> pd.DataFrame:
        """All rows and columns in the user's order, or the rows one check flagged, worst first.

        ``type``: a name of `assay.columns.CHECKS`, such as "label", "outlier", "near_duplicate". Ties keep the user's order.
        """
        import pandas as pd

        from assay.report.notebook import IssuesFrame

        table = self.issue_table(type, top)
        frame = table.to_pandas(types_mapper=_nullable(pd))
        return IssuesFrame.of(self, frame)

    def issue_table(self, type: str | None = None, top: int | None = None) -> pa.Table:
        """`issues` as an Arrow table: the user's columns, then ours under their public names."""
        rows = self.dataset.order if type is None else self.flagged(type)
        if top is not None:
            rows = rows[:top]
        ours = self.results(rows)
        names = self.public_names
        table = {names[ROW_ID]: ours[ROW_ID]}
        cells = self.cells(rows)
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
                f"the check {type!r} is for {' and '.join(check.modalities)} data; this project holds {self.run['modality']} data"
            )
        if record["status"] != "ran":
            raise UsageError(f"the check {type!r} has no results: it was {record['status']} ({record['why']})")
        table = self.results(columns=[check.flag, *([check.score] if check.score else [])])
        rows = self.dataset.order[table[check.flag].to_numpy(zero_copy_only=False).astype(bool)]
        if check.score is None:
            return rows
        score = (
            table[check.score].to_numpy().astype(float)[table[check.flag].to_numpy(zero_copy_only=False).astype(bool)]
        )
        return rows[np.argsort(-np.nan_to_num(score, nan=-1.0), kind="stable")]

    # decisions -----------------------------------------------------------------------------------------------

    @cached_property
    def log(self) -> ActionLog:
        """The log of decisions; nothing is written before the first one."""
        from assay.actions import ActionLog

        return ActionLog.open(self)

    @property
    def decided(self) -> int:
        """Rows that somebody decided about, by hand or by a fix in bulk."""
        return int(np.count_nonzero(self.log.state().action))

    def decide(
        self,
        action: str,
        rows: NDArray[np.int64] | Sequence[int] | None = None,
        ids: Sequence[str | int] | None = None,
        label: Label | None = None,
        text: str | None = None,
        person: str | None = None,
        *,
        policy: str = "reference",
        overwrite: bool = False,
    ) -> Done:
        """Write a decision about rows into the log, as one entry that can be undone.

        Parameters
        ----------
        action : "keep", "label", "exclude", "auto-fix", "unresolved", "clear", "tag", "untag" or "note".
        rows, ids : row numbers, or the user's row ids; one of them.
        label : the new label, for "label"; a new class is allowed.
        text : the name of the tag, or the note.
        person : who decides; default $ASSAY_USER, else the login name.
        policy : of "auto-fix": "reference" takes every suggestion, "auto" only safe ones.
        overwrite : replace decisions that stand. An auto-fix never replaces what a person decided.

        Returns
        -------
        assay.actions.Done
            ``said`` is one plain sentence; ``entry`` is None where nothing changed.

        Raises
        ------
        assay.errors.UsageError
            unknown action or row, a label that does not fit, nothing to act on.
        """
        from assay.actions import Request, default_person

        if (rows is None) == (ids is None):
            raise UsageError("name the rows by rows (row numbers) or by ids (row ids), one of them")
        numbers = np.asarray(rows) if rows is not None else self.rows_of(ids or [])
        request = Request(
            action, numbers, label, text, policy, True if overwrite or action == "clear" else None, route="api"
        )
        return self.log.append(request, person or default_person())

    def undo(self, number: int | None = None, person: str | None = None) -> Done:
        """Switch off your latest entry that is on, or the entry of this number, whoever made it."""
        from assay.actions import default_person

        return self.log.undo(person or default_person(), number)

    def redo(self, number: int | None = None, person: str | None = None) -> Done:
        """Switch on again what your latest undo switched off, or the entry of this number."""
        from assay.actions import default_person

        return self.log.redo(person or default_person(), number)

    def rows_of(self, ids: Sequence[str | int]) -> NDArray[np.int64]:
        """Row numbers of the user's row ids, aligned with them; `UsageError` names the first that do not exist."""
        found = self.find_rows(ids)
        if (found < 0).any():
            strange = [ids[place] for place in np.flatnonzero(found < 0).tolist()]
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
        refuse_source(path, self._folder.root, self.run)

    def report(self, path: str | os.PathLike[str]) -> str:
        """Write the one-page HTML report and return its path."""
        from assay.report import write_report

        self.refuse_source(path)
        return write_report(self, path)

    def export(self, path: str | os.PathLike[str], fix: str = "none", **options: Any) -> Any:
        """Write the dataset to train on; see `assay.export.export_project` for the options."""
        from assay.export import export_project

        return export_project(self, os.fspath(path), fix=fix, **options)


def _nullable(pd: Any) -> Any:
    """Integers with gaps stay integers."""
    types = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype()}
    return types.get
