"""Charts, the map, two classes side by side.

In: filters, class names. Out: numbers to draw. Does not know: how they are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
from fastapi import APIRouter, Query

from assay.charts import Side, charts, compare
from assay.query.masks import final_labels, resolved
from assay.server.routes.filters import Open, known_label, shown
from assay.server.schemas.charts import Chart, Charts, ChartsBody, Compared, Comparison, MapPoints
from assay.server.schemas.filters import FacetsBody
from assay.server.workspace import Opened

router = APIRouter(prefix="/projects/{project}", tags=["charts"])


@router.post("/charts")
def draw(body: ChartsBody, opened: Open) -> Charts:
    """Of the rows of a filter: corrections, matrix, classes, histograms, balance, splits, timeline."""
    table, state = opened.table, opened.state()
    mask = opened.views.mask(body.filter, state)

    def over_time() -> list[dict[str, Any]]:
        moments = opened.log.timeline()
        entry = state.entry[mask & resolved(state)]
        rows = np.bincount(entry, minlength=max((number for number, _ in moments), default=0) + 1)
        deciding = [(at, int(rows[number])) for number, at in moments if rows[number]]
        return charts.timeline([at for at, _ in deciding], [count for _, count in deciding])

    make: dict[str, Callable[[], Any]] = {
        "corrections": lambda: charts.corrections(table, mask, ~resolved(state)),
        "matrix": lambda: charts.correction_matrix(table, mask),
        "classes": lambda: charts.per_class(table, mask, state),
        "histograms": lambda: charts.histograms(table, mask),
        "balance": lambda: charts.balance(table, mask, state),
        "splits": lambda: charts.by_split(table, mask, state),
        "timeline": over_time,
    }
    return Charts.model_validate({name: make[name]() for name in body.names or get_args(Chart)})


@router.post("/map")
def draw_map(body: FacetsBody, opened: Open) -> MapPoints:
    """Every row, or a stated sample, as a point; rows that lie close are alike."""
    made = opened.map()
    table, state = opened.table, opened.state()
    chosen = opened.views.mask(body.filter, state)[made.rows]
    rows = made.rows[chosen]
    codes, labels = final_labels(table, state)
    score = table.scores.get("label_issue_score", table.scores.get("outlier_score"))
    values = [] if score is None else [round(value, 4) for value in np.nan_to_num(score[rows], nan=-1.0).tolist()]
    return MapPoints(
        rows=rows.tolist(),
        x=np.round(made.x[chosen].astype(float), 5).tolist(),
        y=np.round(made.y[chosen].astype(float), 5).tolist(),
        label=codes[rows].tolist(),
        labels=labels,
        issue=(~table.clean[rows]).astype(int).tolist(),
        score=[None if value < 0 else value for value in values],
        sampled=made.sampled,
        total=made.total,
        method=made.method,
    )


@router.get("/compare")
def two_classes(opened: Open, a: str, b: str, n: int = Query(default=12, ge=1, le=100)) -> Comparison:
    """Two classes: their typical rows, the rows that are confused, and how many each way."""
    state = opened.state()
    first, second = compare(opened.table, state, known_label(opened, state, a), known_label(opened, state, b), n)
    return Comparison(a=_side(first, opened), b=_side(second, opened), a_to_b=first.to_other, b_to_a=second.to_other)


def _side(side: Side, opened: Opened) -> Compared:
    state = opened.state()
    return Compared(
        label=side.label,
        count=side.count,
        typical=shown(opened, state, side.typical),
        confused=shown(opened, state, side.confused),
        to_other=side.to_other,
        open=side.open,
    )
