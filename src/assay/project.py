"""The facade that people hold: a finished run, what was decided about it, and what can be written from it.

In: a project folder. Out: DataFrames, reports, exports; decisions go to the log beside the results. Does not know: how
results were computed, file formats.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.dataset.target import Label, fit_label, fits
from assay.errors import MissingExtraError, UsageError
from assay.runs.finished_run import FinishedRun

if TYPE_CHECKING:
    import pandas as pd

    from assay.actions import ActionLog, Outcome
    from assay.issues.review import Cut, Left
    from assay.report.grid_widget import IssueGrid

DECIDED = ("corrected_label", "action")


class Project(FinishedRun):
    """What an analysis left behind. ``assay.open("photos.assay")`` or the return value of `assay.analyze`."""

    def __repr__(self) -> str:
        return f"Project({self.path!r}, {self.run['modality']}, {len(self):,} rows)"

    def _repr_html_(self) -> str:
        from assay.report.notebook import project_html

        return project_html(self)

    # tables --------------------------------------------------------------------------------------------------

    def issues(
        self,
        type: str | None = None,
        top: int | None = None,
        *,
        precision: float | None = None,
        budget: int | None = None,
    ) -> pd.DataFrame:
        """All rows and columns in the user's order, or the rows one check flagged, worst first.

        ``type``: a name of `assay.checks.CHECKS`, such as "label", "outlier", "near_duplicate". Ties keep the user's order.
        ``precision``, ``budget``: of undecided rows, as `cut` chooses them, instead of those flagged; for "label".
        A check that was skipped or withheld flags no row: its flags are False, its scores and labels missing.
        """
        from assay.report.notebook import IssuesFrame

        if precision is not None or budget is not None:
            if type not in (None, "label"):
                raise UsageError(f"precision and budget are of label issues, not of {type!r}")
            return IssuesFrame.of_table(self, self.row_table(self.cut(precision=precision, budget=budget).rows[:top]))
        return IssuesFrame.of_table(self, self.issue_table(type, top))

    def show(self, check: str | None = None) -> IssueGrid:
        """The rows as a grid in a notebook: thumbnails, texts or cells, to be filtered by check and selected.

        Parameters
        ----------
        check : the check whose rows are shown first, worst first, such as "label"; default all rows.

        Returns
        -------
        assay.report.grid_widget.IssueGrid
            A widget: the last expression of a cell shows it. ``selection`` is a DataFrame of what was selected, as `issues`
            gives it; ``selected`` are its row numbers, as `decide` takes them.

        Raises
        ------
        UsageError
            an unknown check, or one that did not run.
        MissingExtraError
            without the extra "notebook".
        """
        try:
            from assay.report.grid_widget import IssueGrid
        except ModuleNotFoundError as error:
            raise MissingExtraError("a grid in a notebook", "notebook") from error
        return IssueGrid(self, self.log.state, check or "")

    def cut(self, *, precision: float | None = None, budget: int | None = None) -> Cut:
        """The undecided rows to look at for wrong labels, worst first: one of the two says how many.

        Parameters
        ----------
        precision : as many as are expected to be wrong in this share, over 0 to 1.
        budget : as many as one can look at, 1 or more.

        Returns
        -------
        assay.issues.review.Cut
            ``rows`` (row numbers), ``wrong`` of them expected, ``low`` to ``high`` (95 %), ``precision``.

        Raises
        ------
        UsageError
            both or neither given, a value out of range, no probabilities to choose by.
        """
        from assay.actions import calibrated

        if (precision is None) == (budget is None):
            raise UsageError("say how many rows by a precision or by a budget, one of them")
        if precision is not None and not 0 < precision <= 1:
            raise UsageError(f"the precision is over 0 to 1, not {precision:g}")
        if budget is not None and budget < 1:
            raise UsageError(f"the budget is 1 row or more, not {budget}")
        judged = calibrated(self, self.log.state())
        return judged.at_precision(precision) if precision is not None else judged.at_budget(budget or 1)

    def left(self) -> Left:
        """How many labels are expected to be wrong among rows that nobody decided about, and when to stop.

        Corrected by the verdicts of people so far; ``sentence()`` says it. `UsageError` where nothing can be said.
        """
        from assay.actions import calibrated

        return calibrated(self, self.log.state()).left()

    def default_columns(self) -> list[str]:
        """All of the run, and where somebody decided something ``corrected_label`` and ``action``."""
        return [*self.result_columns(), *(DECIDED if self.decided else ())]

    def column(self, name: str) -> pa.ChunkedArray | pa.Array:
        """A column that lies in no issue table, by row number; `UsageError` for a name that does not exist."""
        return self._decided_column(name) if name in DECIDED else super().column(name)

    def _decided_column(self, name: str) -> pa.Array:
        """What was decided by row number, as an export would show it: a row that is left out says "exclude"."""
        from assay.actions.entry import ACTION_NAMES
        from assay.actions.plan import EXCLUDE

        state = self.log.state()
        if name == "action":
            codes = np.where(state.excluded, ACTION_NAMES.index(EXCLUDE), state.action)
            return pa.array(ACTION_NAMES).take(pa.array(codes, mask=codes == 0))
        kind = self.type_of(name)
        known = self.dataset.classes
        to = (
            type(known[0]) if known else str
        )  # decided under labels of another type: rows that went, or were asked about
        labels = pa.array([fit_label(label, to) if fits(label, to) else None for label in state.labels], kind)
        return labels.take(pa.array(state.label, mask=state.label < 0))

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
    ) -> Outcome:
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
        assay.actions.Outcome
            ``message`` is one plain sentence; ``entry`` is None where nothing changed.

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

    def preview(self, finding: int | dict[str, Any], *, alternative: bool = False) -> dict[str, Any]:
        """What the action of a finding would change: counts, (given, new, rows) and the first rows. Nothing is written.

        ``finding``: one of `insights`, or its number from 1 in that list. ``alternative``: what it offers instead.
        """
        from assay.actions import proposed_request

        request = proposed_request(self, self._finding(finding), alternative=alternative)
        return self.log.prepare(request).summary()

    def apply(self, finding: int | dict[str, Any], person: str | None = None, *, alternative: bool = False) -> Outcome:
        """Do what a finding proposes, as one entry of the log that `undo` takes back; see `preview`.

        `UsageError` where it proposes nothing that the log can hold. What a person decided about a row stands.
        """
        from assay.actions import default_person, proposed_request

        request = proposed_request(self, self._finding(finding), alternative=alternative)
        return self.log.append(request, person or default_person())

    def _finding(self, finding: int | dict[str, Any]) -> dict[str, Any]:
        if isinstance(finding, dict):
            return finding
        found = self.insights()
        if not 1 <= finding <= len(found):
            raise UsageError(f"there is no finding {finding}: the project has {len(found):,}")
        return found[finding - 1]

    def undo(self, number: int | None = None, person: str | None = None) -> Outcome:
        """Switch off your latest entry that is on, or the entry of this number, whoever made it."""
        from assay.actions import default_person

        return self.log.undo(person or default_person(), number)

    def redo(self, number: int | None = None, person: str | None = None) -> Outcome:
        """Switch on again what your latest undo switched off, or the entry of this number."""
        from assay.actions import default_person

        return self.log.redo(person or default_person(), number)

    def report(self, path: str | os.PathLike[str], format: str | None = None) -> str:
        """Write the one-page report and return its path; ``format``: "html" or "md", default by the ending of ``path``."""
        from assay.report import write_report

        self.refuse_source(path)
        return write_report(self, path, format)

    def export(self, path: str | os.PathLike[str], fix: str = "none", **options: Any) -> Any:
        """Write the dataset to train on; see `assay.export.export_project` for the options."""
        from assay.export import export_project

        return export_project(self, self.log, os.fspath(path), fix=fix, **options)
