"""Everything that rows are filtered and sorted by, dense by row number, loaded once a run.

In: a finished project. Out: `ReviewTable`. Does not know: decisions, filters, how rows are shown.

N is the number of row numbers ever given; rows that vanished from the source keep their place and are in no view.
Memory: about 150 bytes a row of pictures, ids and the user's cells apart.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.actions.plan import AUTO, plan_fixes
from assay.checks import CHECK_BY_NAME, CHECKS
from assay.columns import BY_NAME, Column
from assay.dataset.target import Label
from assay.errors import UsageError
from assay.printable import listed
from assay.query.cells import MemoryCells
from assay.query.filters import CLEAN
from assay.query.properties import usual_range
from assay.query.unusual_cells import column_bounds, is_odd
from assay.query.values import Coded, Values, coded, ends, typed

if TYPE_CHECKING:
    from assay.runs import FinishedRun

Kind = Literal["category", "number", "date", "text", "flag", "score", "label", "id"]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int32]

CATEGORIES = ("split", "near_duplicate_kind", "predicted_language")  # our columns of few values
STEPS = 40  # of a histogram
ROLES = ("text", "label", "id", "split")  # columns that a row shows in fields of their own
LEVELS = 200  # values of a category that are listed


@dataclass(frozen=True)
class ColumnInfo:
    """A column that can be filtered and sorted by. ``ours``: from columns.py, where it is called ``column``.

    ``low`` and ``high``: the ends of its values (dates in ISO form). ``levels``: its first `LEVELS` values.
    """

    name: str
    title: str
    kind: Kind
    ours: bool
    column: str
    meaning: str = ""
    direction: str = ""
    low: float | str | None = None
    high: float | str | None = None
    levels: tuple[Label, ...] = ()

    def to_json(self) -> dict[str, Any]:
        keys = ("name", "title", "kind", "ours", "column", "meaning", "direction", "low", "high")
        return {key: getattr(self, key) for key in keys} | {"levels": list(self.levels)}


class ReviewTable:
    """The columns of one run by row number; `ReviewTable.load` makes it from a project.

    n : row numbers. order : int32, present rows in the user's order. position : int32 (N,), that in this order, -1 =
    missing. classes : label values by code. flags, scores (NaN = none), numbers (-1 = none), labels (codes, -1 = none) :
    (N,) by the names of columns.py. split : codes into ``splits``, -1 = none. cluster : int64, -1 = none. ids : Arrow.
    cells : the user's columns. not_run : check -> why it has no results.
    """

    def __init__(
        self,
        *,
        order: NDArray[Any],
        ids: pa.ChunkedArray,
        classes: Sequence[Label],
        flags: Mapping[str, Flags],
        scores: Mapping[str, NDArray[np.float32]],
        numbers: Mapping[str, NDArray[np.int32]],
        labels: Mapping[str, Codes],
        split: Codes | None,
        splits: Sequence[str],
        cells: MemoryCells,
        texts: Mapping[str, Callable[[], pa.ChunkedArray]],
        public: Mapping[str, str],
        roles: Mapping[str, Any],
        modality: str,
        not_run: Mapping[str, str],
        project: FinishedRun | None = None,
    ) -> None:
        self.n = len(ids)
        self.order: NDArray[np.int32] = np.asarray(order, np.int32)
        self.position: NDArray[np.int32] = np.full(self.n, -1, np.int32)
        self.position[self.order] = np.arange(len(self.order), dtype=np.int32)
        self.ids, self.classes = ids, list(classes)
        self.flags, self.scores, self.numbers, self.labels = dict(flags), dict(scores), dict(numbers), dict(labels)
        self.split = np.full(self.n, -1, np.int32) if split is None else split
        self.splits = list(splits)
        self.cells, self._texts, self.public = cells, dict(texts), dict(public)
        self.roles, self.modality, self.not_run, self.project = dict(roles), modality, dict(not_run), project
        self._columns: dict[str, Values] = {}
        self._read: dict[str, pa.ChunkedArray] = {}
        self._usual: dict[tuple[str, str], tuple[float, float] | None] = {}
        self._marks: dict[str, Any] = {}
        self._steps: dict[str, NDArray[np.uint8]] = {}
        self._lock = threading.RLock()
        self._ours = {self.public.get(name, name): name for name in self._our_names()}

    @classmethod
    def load(cls, project: FinishedRun) -> ReviewTable:
        """Read the result columns. Cost: 1 to 2 s and 150 bytes a row of memory at 1.3 million rows."""
        from assay.query.loading import columns_of_run

        return cls(**columns_of_run(project), project=project)

    # labels --------------------------------------------------------------------------------------------------

    @property
    def given(self) -> Codes:
        return self.labels["given_label"]

    @property
    def suggested(self) -> Codes:
        return self.labels.get("suggested_label", self._none)

    @property
    def predicted(self) -> Codes:
        return self.labels.get("predicted_label", self._none)

    @property
    def cluster(self) -> NDArray[np.int32]:
        return self.numbers.get("near_duplicate_cluster_id", self._none)

    @cached_property
    def _none(self) -> NDArray[np.int32]:
        return np.full(self.n, -1, np.int32)

    @cached_property
    def code_of(self) -> dict[tuple[bool, Label], int]:
        """Class value -> code; with whether it is a truth value, for ``True == 1``."""
        return {(isinstance(value, bool), value): code for code, value in enumerate(self.classes)}

    def code(self, label: Label | None) -> int | None:
        """The class code of a label, -1 for None, None where there is no such class."""
        return -1 if label is None else self.code_of.get((isinstance(label, bool), label))

    @cached_property
    def class_counts(self) -> list[int]:
        """Labelled rows of each class."""
        given = self.given[self.order]
        return list(np.bincount(given[given >= 0], minlength=len(self.classes)).tolist())

    # copies --------------------------------------------------------------------------------------------------

    @cached_property
    def _clusters(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Present rows of clusters, by cluster and the user's order; and their cluster ids."""
        rows = self.order[self.cluster[self.order] >= 0].astype(np.int64)
        rows = rows[np.argsort(self.cluster[rows], kind="stable")]
        return rows, self.cluster[rows]

    def copies_of(self, row: int) -> NDArray[np.int64]:
        """The other present rows of its cluster, in the user's order."""
        if self.cluster[row] < 0:
            return np.zeros(0, np.int64)
        rows = self.rows_of_cluster(int(self.cluster[row]))
        return rows[rows != row]

    def rows_of_cluster(self, cluster: int) -> NDArray[np.int64]:
        """The present rows of a set of copies, in the user's order."""
        rows, ids = self._clusters
        start, stop = np.searchsorted(ids, [cluster, cluster + 1], "left")
        return rows[start:stop]

    # checks --------------------------------------------------------------------------------------------------

    @cached_property
    def present(self) -> Flags:
        """(N,) rows that are in the source. Not to be written to, as all arrays here."""
        return self.position >= 0

    @cached_property
    def checks(self) -> list[str]:
        """Names of the checks that have results, in the order of columns.py."""
        return [
            c.name
            for c in CHECKS
            if self.modality in c.modalities and c.name not in self.not_run and c.flag in self.flags
        ]

    def flagged(self, check: str) -> Flags:
        """(N,) rows that a check flagged, or rows that none has ("clean"). `UsageError` where it has no results."""
        if check == CLEAN:
            return self.clean
        if check not in self.checks:
            known = CHECK_BY_NAME[check]
            if self.modality not in known.modalities:
                whom = listed(known.modalities)
                raise UsageError(f"the check {check!r} is for {whom} data; this project holds {self.modality} data")
            raise UsageError(f"the check {check!r} has no results: {self.not_run.get(check, 'it did not run')}")
        return self.flags[CHECK_BY_NAME[check].flag]

    @cached_property
    def clean(self) -> Flags:
        """(N,) present rows without a fault: well labelled, unlabelled and of a rare class are none."""
        faulty = ~self.present
        for name in self.checks:
            if not CHECK_BY_NAME[name].harmless:
                faulty |= self.flagged(name)
        return ~faulty

    @cached_property
    def safe(self) -> Flags:
        """(N,) present label issues whose suggestion the safe policy takes where nobody decided. Cost: once, O(label issues)."""
        out = np.zeros(self.n, bool)
        rows = np.flatnonzero(self.flags.get("is_label_issue", out) & self.present)
        plan = plan_fixes({name: values[rows] for name, values in {**self.flags, **self.labels}.items()}, policy="auto")
        out[rows] = plan.action == AUTO
        return out

    def steps(self, score: str) -> NDArray[np.uint8]:
        """(N,) which of `STEPS` equal steps from 0 to 1 each row's score lies in, `STEPS` = none; kept."""
        with self._lock:
            if score not in self._steps:
                values = np.nan_to_num(self.scores[score], nan=2.0)
                self._steps[score] = np.where(values > 1.5, STEPS, np.clip(values * STEPS, 0, STEPS - 1)).astype(
                    np.uint8
                )
            return self._steps[score]

    def counts_of(self, name: str, mask: Flags) -> list[int]:
        """Rows of ``mask`` (N,) in each of `STEPS` steps of a score by the name people see; `UsageError` where it is none."""
        score = self._ours.get(name)
        if score not in self.scores:
            raise UsageError(
                f"{name!r} is no score; choose from {', '.join(self.public.get(s, s) for s in self.scores)}"
            )
        return list(np.bincount(self.steps(score)[mask], minlength=STEPS)[:STEPS].tolist())

    # columns -------------------------------------------------------------------------------------------------

    @property
    def text_names(self) -> list[str]:
        """Our columns of sentences that this run has, by the names of columns.py."""
        return list(self._texts)

    def text(self, name: str) -> pa.ChunkedArray:
        """One of them, read when somebody asks for it."""
        with self._lock:
            if name not in self._read:
                self._read[name] = self._texts[name]()
            return self._read[name]

    def _our_names(self) -> list[str]:
        there = {"row_id", *self.flags, *self.scores, *self.numbers, *self.labels, *self._texts}
        there -= set() if self.classes else {"given_label"}
        return [name for name in BY_NAME if name in there or (name == "split" and self.splits)]

    @cached_property
    def columns(self) -> list[ColumnInfo]:
        """Every column, ours first. Cost: the first time, one pass over the user's columns."""
        ours = [self._info(name, column) for name, column in self._ours.items()]
        return ours + [self._info(name, None) for name in self.cells.schema.names]

    @cached_property
    def names(self) -> list[str]:
        return [*self._ours, *self.cells.schema.names]

    @cached_property
    def searched(self) -> list[str]:
        """The id and the user's columns of texts and categories. Cost: the first time, that of loading the user's columns."""
        own = [name for name in self.cells.schema.names if self.kind(name) in ("text", "category")]
        truths = [name for name in own if pa.types.is_boolean(self.cells.schema.field(name).type)]
        return [self.public.get("row_id", "row_id"), *(name for name in own if name not in truths)]

    def column(self, name: str) -> Values:
        """A column by the name people see: numbers, scores, flags (N,); dates as datetime64[us]; few values `Coded`;
        texts and ids Arrow. Loaded once. `UsageError` for a name that is none.
        """
        with self._lock:
            if name not in self._columns:
                self._columns[name] = (
                    self._our_values(self._ours[name]) if name in self._ours else self._user_values(name)
                )
            return self._columns[name]

    def usual(self, name: str, *, without: str = "") -> tuple[float, float] | None:
        """5th and 95th centile of one of our scores or numbers, kept; None where it has no values.

        Rows with the flag ``without`` are left out: what is faulty says nothing of what is usual.
        """
        with self._lock:
            if (name, without) not in self._usual:
                values = self.scores.get(name)
                if values is None and name in self.numbers:
                    values = np.where(self.numbers[name] < 0, np.nan, self.numbers[name]).astype(np.float32)
                if values is not None and without in self.flags:
                    values = values[~self.flags[without]]
                self._usual[name, without] = None if values is None else usual_range(values)
            return self._usual[name, without]

    def marks(self, name: str) -> Any:
        """What the cells of a user's column are held against, kept; see `assay.query.unusual_cells.column_bounds`."""
        with self._lock:
            if name not in self._marks:
                self._marks[name] = column_bounds(self.column(name))
            return self._marks[name]

    @cached_property
    def odd_cells(self) -> Flags:
        """(N,) present rows of a table with a cell that is unusual in its column. Cost: once, a pass over the user's columns."""
        rows = np.arange(self.n)
        found = np.zeros(self.n, bool)
        if self.modality == "table":
            own = {self.roles.get(role) for role in ROLES}
            for name in (name for name in self.cells.schema.names if name not in own):
                found |= is_odd(self.column(name), self.marks(name), rows)
        return found & self.present

    def kind(self, name: str) -> Kind:
        """The kind of a column. Cost: that of loading it."""
        if name in self._ours:
            return self._our_kind(self._ours[name])
        values = self.column(name)
        if isinstance(values, Coded):
            return "category"
        if isinstance(values, np.ndarray):
            return "date" if values.dtype.kind == "M" else "number"
        return "text"

    def _our_kind(self, name: str) -> Kind:
        for kind, holds in (
            ("flag", self.flags),
            ("score", self.scores),
            ("number", self.numbers),
            ("label", self.labels),
        ):
            if name in holds:
                return kind  # type: ignore[return-value]
        return "id" if name == "row_id" else "category" if name in CATEGORIES else "text"

    def _our_values(self, name: str) -> Values:
        if name == "row_id":
            return self.ids
        if name == "split":
            return Coded.of(self.split, self.splits)
        if name in self.labels:
            return Coded.of(self.labels[name], self.classes)
        if name in self._texts:
            return coded(self.text(name)) if name in CATEGORIES else self.text(name)
        if name in self.numbers:
            return np.where(self.numbers[name] < 0, np.nan, self.numbers[name]).astype(np.float32)
        return self.flags[name] if name in self.flags else self.scores[name]

    def _user_values(self, name: str) -> Values:
        if name not in self.cells.schema.names:
            raise UsageError(f"there is no column {name!r}; the columns are {', '.join(self.names)}")
        return typed(self.cells.column(name), as_text=name == self.roles.get("text"))

    def _info(self, name: str, ours: str | None) -> ColumnInfo:
        values, kind = self.column(name), self.kind(name)
        low, high = ends(values) if kind in ("number", "score", "date") else (None, None)
        levels: tuple[Label, ...] = ()
        if isinstance(values, Coded):
            levels = tuple(values.levels[at] for at in np.argsort(values.rank)[:LEVELS].tolist())
        about = BY_NAME[ours] if ours else Column(name, "string", "", "")
        title = ours.removeprefix("is_").replace("_", " ").capitalize() if ours else name
        return ColumnInfo(
            name, title, kind, ours is not None, ours or name, about.meaning, about.direction, low, high, levels
        )
