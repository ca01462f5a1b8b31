"""The rows of a project as a grid in a notebook: filtered by check, selected by a click, and back as a DataFrame.

In: a project. Out: an anywidget; rows and thumbnails go through the notebook's own channel, no server is asked. Does not know: how
a notebook draws it (``grid_widget.js``), how rows were judged.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from assay.query import ReviewTable, page
from assay.report.notebook import IssuesFrame
from assay.report.pictures import fit_picture

if TYPE_CHECKING:
    import pandas as pd

    from assay.actions import State
    from assay.runs import FinishedRun

HERE = Path(__file__).resolve().parent
PAGE = 24  # rows that are sent at once
CELLS = 8  # of a table row
LONGEST = 280  # characters of a text or a cell
SENT = ("row", "id", "given", "suggested", "corrected", "action", "excluded", "marked", "reason")


class IssueGrid(anywidget.AnyWidget):  # type: ignore[misc]  # the package has no types of its own
    """Rows to look at, and those among them that were selected.

    check : the name of the check whose rows are shown, worst first; "" = all rows, in the user's order. May be set.
    offset : place of the first of the ``at_once`` rows shown, a multiple of that. May be set.
    total : rows of the check. rows : those shown, as the page draws them.
    selected : row numbers, in the order they were selected. May be set; `selection` is the same as a DataFrame.
    """

    _esm = HERE / "grid_widget.js"
    _css = HERE / "grid_widget.css"

    modality = traitlets.Unicode().tag(sync=True)
    checks = traitlets.List().tag(sync=True)
    check = traitlets.Unicode().tag(sync=True)
    offset = traitlets.Int().tag(sync=True)
    at_once = traitlets.Int(PAGE).tag(sync=True)
    total = traitlets.Int().tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    selected = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(self, project: FinishedRun, state: Callable[[], State], check: str = "") -> None:
        self._project, self._state, self._table = project, state, ReviewTable.load(project)
        ran = [one for one in project.run["checks"] if one["status"] == "ran" and one["name"] in self._table.checks]
        shown = [{"name": one["name"], "title": one["title"], "count": int(one["count"] or 0)} for one in ran]
        everything = {"name": "", "title": "All rows", "count": len(project)}
        self._chosen = self._rows_of(check)
        super().__init__(
            modality=project.run["modality"],
            checks=[everything, *(one for one in shown if one["count"] or one["name"] == check)],
            check=check,
            total=len(self._chosen),
            rows=self._drawn(0),
        )

    @property
    def selection(self) -> pd.DataFrame:
        """The selected rows with all their columns, in the order they were selected; as `Project.issues` gives them."""
        chosen = np.asarray(self.selected, np.int64)
        return IssuesFrame.of_table(self._project, self._project.row_table(chosen))

    def _rows_of(self, check: str) -> NDArray[np.int64]:
        return self._project.flagged(check) if check else np.asarray(self._project.dataset.order, np.int64)

    def _drawn(self, offset: int) -> list[dict[str, Any]]:
        chosen = self._chosen[offset : offset + PAGE]
        return [self._row(row) for row in page(self._table, self._state(), chosen)]

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        """What the page needs of a row; text that no JSON can hold is replaced."""
        drawn = {name: row[name] for name in SENT}
        drawn["checks"] = [one["title"] for one in self._project.run["checks"] if one["name"] in row["checks"]]
        drawn["text"] = None if row["text"] is None else row["text"][:LONGEST]
        drawn["cells"] = [[name, value[:LONGEST]] for name, value in list(row["cells"].items())[:CELLS]]
        drawn["picture"] = self._picture(row["row"])
        return {name: _clean(value) for name, value in drawn.items()}

    def _picture(self, row: int) -> str | None:
        jpeg = self._project.thumbnail(row)
        picture = fit_picture(jpeg) if jpeg else None
        return None if picture is None else f"data:image/jpeg;base64,{base64.b64encode(picture.jpeg).decode('ascii')}"

    # what the page or the person sets ------------------------------------------------------------------------

    @traitlets.validate("check")  # type: ignore[untyped-decorator]
    def _known_check(self, proposal: dict[str, Any]) -> str:
        name = str(proposal["value"])
        if name:
            self._project.flagged(name)  # `UsageError` with the names that there are
        return name

    @traitlets.validate("offset")  # type: ignore[untyped-decorator]
    def _whole_page(self, proposal: dict[str, Any]) -> int:
        last = max(0, len(self._chosen) - 1) // PAGE * PAGE
        return min(max(0, int(proposal["value"])) // PAGE * PAGE, last)

    @traitlets.validate("selected")  # type: ignore[untyped-decorator]
    def _known_rows(self, proposal: dict[str, Any]) -> list[int]:
        return [row for row in dict.fromkeys(proposal["value"]) if 0 <= row < self._table.n]

    @traitlets.observe("check")  # type: ignore[untyped-decorator]
    def _other_check(self, _: Any) -> None:
        self._chosen = self._rows_of(self.check)
        with self.hold_sync():
            self.offset, self.total, self.rows = 0, len(self._chosen), self._drawn(0)

    @traitlets.observe("offset")  # type: ignore[untyped-decorator]
    def _other_page(self, _: Any) -> None:
        self.rows = self._drawn(self.offset)


def _clean(value: Any) -> Any:
    """Strings without what UTF-8 cannot write."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return [_clean(one) for one in value] if isinstance(value, list) else value
