"""How a project and its issues show themselves in a notebook: small tables with thumbnails.

In: a finished run, a DataFrame of issues. Out: HTML with its own inline styles (notebooks drop style sheets).
Does not know: how results are computed.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from assay.checks import CHECK_BY_NAME, CHECKS
from assay.columns import BY_NAME, ROW_ID
from assay.report.pictures import fit_picture

if TYPE_CHECKING:
    from assay.runs import FinishedRun

ROWS = 12  # of an issues table, shown with thumbnails
COLUMNS = 9
STRIP = 8  # worst issues under the summary
LONGEST = 120
_CELL = "padding:4px 10px 4px 0;vertical-align:top;text-align:left"
_NARROW = "min-width:72px;max-width:240px;overflow-wrap:anywhere"
_CARD = "width:110px;font-size:12px;overflow-wrap:anywhere"
_QUIET = "opacity:.7"


class IssuesFrame(pd.DataFrame):
    """A DataFrame like any other that shows thumbnails in a notebook when it is of images.

    Rows and columns taken from it keep the pictures as long as the column of row ids is there. Pickled, or handed to
    code that builds a frame of its own, it becomes an ordinary DataFrame.
    """

    _metadata = ["_project"]  # noqa: RUF012  (the hook of pandas; a class attribute by contract)
    _project: FinishedRun | None = None

    @classmethod
    def of(cls, project: FinishedRun, frame: pd.DataFrame) -> IssuesFrame:
        issues = cls(frame)
        object.__setattr__(issues, "_project", project)
        return issues

    @classmethod
    def of_table(cls, project: FinishedRun, table: pa.Table) -> IssuesFrame:
        """A table of `FinishedRun.row_table`; a check that was not run flags no row."""
        frame = frame_of(table)
        for check in CHECKS:
            name = project.public_names.get(check.flag, check.flag)
            if name in frame.columns and frame[name].isna().all():
                frame[name] = False
        return cls.of(project, frame)

    @property
    def _constructor(self) -> Callable[..., IssuesFrame]:
        return IssuesFrame

    def __reduce__(self) -> tuple[Any, ...]:
        return pd.DataFrame, (pd.DataFrame(self),)

    def _repr_html_(self) -> str:
        project = self._project
        if project is None or project.run["modality"] != "image" or not len(self):
            return str(super()._repr_html_())  # type: ignore[misc]  # pandas-stubs leave it out
        shown = self.iloc[:ROWS]
        name = project.public_names[ROW_ID]
        if name not in shown.columns or not shown.columns.is_unique:
            return str(super()._repr_html_())  # type: ignore[misc]
        return _table(project, shown, name, len(self))


def frame_of(table: pa.Table) -> pd.DataFrame:
    """A table of issues as a DataFrame in which integers with gaps stay integers."""
    types = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype()}
    return table.to_pandas(types_mapper=types.get)


def project_html(project: FinishedRun) -> str:
    """The summary as a table, then the worst issues."""
    run = project.run
    classes = f", {len(project.classes):,} classes" if project.classes else ""
    head = f"{run['n_rows']:,} rows of {run['modality']} data{classes}"
    rows = "".join(_check_row(check, int(run["n_rows"])) for check in run["checks"])
    table = f'<table style="border-collapse:collapse;font-size:13px"><tbody>{rows}</tbody></table>'
    title = f'<p><b>{_text(project.name)}</b> <span style="{_QUIET}">{head}</span></p>'
    return f"<div>{title}{table}{_worst(project)}</div>"


def _check_row(check: dict[str, Any], n_rows: int) -> str:
    if check["status"] == "ran":
        count = int(check["count"] or 0)
        share = (
            f' <span style="{_QUIET}">{count / n_rows:.1%}</span>'
            if count and n_rows and check["name"] in CHECK_BY_NAME
            else ""
        )
        result = f"{count:,}{share}"
    else:
        result = f'<span style="{_QUIET}">{html.escape(check["status"])}: {html.escape(check["why"] or "")}</span>'
    head = f'<th scope="row" style="{_CELL};font-weight:normal">{html.escape(check["title"])}</th>'
    return f'<tr>{head}<td style="{_CELL}">{result}</td></tr>'


def _worst(project: FinishedRun) -> str:
    """The worst label issues, or outliers where there are none: pictures in a row, other rows as a list."""
    counts = {check["name"]: int(check["count"] or 0) for check in project.run["checks"] if check["status"] == "ran"}
    name = next((name for name in ("label", "outlier") if counts.get(name)), None)
    if name is None:
        return ""
    frame = frame_of(project.issue_table(name, STRIP))
    title = (
        f'<p style="margin:12px 0 4px"><b>{"Worst label issues" if name == "label" else "Clearest outliers"}</b></p>'
    )
    names = project.public_names
    labels = [_label(frame, number, names) for number in range(len(frame))]
    if project.run["modality"] == "image":
        rows = row_numbers(project, frame[names[ROW_ID]].tolist())
        cards = "".join(
            f'<div style="{_CARD}">{_image(project, row)}<div>{label}</div></div>'
            for row, label in zip(rows, labels, strict=True)
        )
        return f'{title}<div style="display:flex;flex-wrap:wrap;gap:10px">{cards}</div>'
    column = project.run["roles"].get("text")
    shown = frame[column if column in frame.columns else names[ROW_ID]].tolist()
    lines = "".join(f"<li>{_text(value)} {label}</li>" for value, label in zip(shown, labels, strict=True))
    return f'{title}<ol style="font-size:13px">{lines}</ol>'


def _label(frame: pd.DataFrame, number: int, names: dict[str, str]) -> str:
    given, suggested = (_value(frame, number, names[name]) for name in ("given_label", "suggested_label"))
    if given is None and suggested is None:
        return ""
    arrow = f" → <b>{_text(suggested)}</b>" if suggested is not None else ""
    return f'<span style="{_QUIET}">{"" if given is None else _text(given)}</span>{arrow}'


def _value(frame: pd.DataFrame, number: int, column: str) -> Any:
    if column not in frame.columns:
        return None
    value = frame[column].iloc[number]
    return None if pd.isna(value) else value


def row_numbers(project: FinishedRun, ids: Sequence[Hashable]) -> list[int]:
    """Row numbers of these row ids, -1 where there is none. Cost: one pass over the ids of the project."""
    known = project.results(columns=[ROW_ID])[ROW_ID]
    positions = pc.index_in(pa.array(ids, known.type), value_set=known.combine_chunks()).to_pylist()
    order = np.asarray(project.dataset.order)
    return [-1 if position is None else int(order[position]) for position in positions]


def _image(project: FinishedRun, row: int) -> str:
    jpeg = project.thumbnail(row) if row >= 0 else None
    picture = fit_picture(jpeg) if jpeg else None
    if picture is None:
        return f'<div style="width:96px;height:96px;{_QUIET}">no picture</div>'
    sharp = "image-rendering:pixelated;" if picture.width < 80 and picture.height < 80 else ""
    data = base64.b64encode(picture.jpeg).decode("ascii")
    # notebooks bound pictures by their cell, which in a table makes them as narrow as nothing
    size = "width:96px;max-width:none;height:96px;object-fit:contain"
    return f'<img alt="" style="{sharp}{size}" src="data:image/jpeg;base64,{data}">'


def _table(project: FinishedRun, shown: pd.DataFrame, row_id: str, total: int) -> str:
    columns = _interesting(project, shown, row_id)
    rows = row_numbers(project, shown[row_id].tolist())
    heads = "".join(f'<th scope="col" style="{_CELL}">{_text(name)}</th>' for name in ["", *columns])
    body = []
    for number, row in enumerate(rows):
        values = [_shown(shown[name].iloc[number]) for name in columns]
        cells = "".join(f'<td style="{_CELL}"><div style="{_NARROW}">{value}</div></td>' for value in values)
        body.append(f'<tr><td style="{_CELL}">{_image(project, row)}</td>{cells}</tr>')
    foot = f"{len(rows)} of {total:,} rows, {len(columns)} of {len(shown.columns)} columns"
    style = "border-collapse:collapse;font-size:12px"
    table = f'<table style="{style}"><thead><tr>{heads}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    return f'{table}<p style="{_QUIET};font-size:12px">{foot}</p>'


def _interesting(project: FinishedRun, shown: pd.DataFrame, row_id: str) -> list[str]:
    """At most `COLUMNS`: the id, ours that say something about these rows and are no flags, labels first, then the user's."""
    ours = {public: name for name, public in project.public_names.items()}

    def says_something(column: str) -> bool:
        return bool(shown[column].notna().any())

    results = [
        c for c in shown.columns if c in ours and BY_NAME[ours[c]].dtype != "bool" and c != row_id and says_something(c)
    ]
    results.sort(key=lambda c: BY_NAME[ours[c]].dtype != "label")
    own = [column for column in shown.columns if column not in ours]
    return [row_id, *results, *own][:COLUMNS]


def _shown(value: Any) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    return f"{value:.3f}" if isinstance(value, float | np.floating) else _text(value)


def _text(value: Any) -> str:
    text = str(value).encode("utf-8", "replace").decode()
    return html.escape(text if len(text) <= LONGEST else text[:LONGEST] + "…")
