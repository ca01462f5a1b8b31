"""What is drawn: charts, the map, two classes side by side.

In: the query layer's dicts. Out: bodies. Does not know: how they are drawn.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from assay.query.filters import Filter
from assay.server.schemas.base import Body, Label
from assay.server.schemas.rows import Row

Chart = Literal["corrections", "matrix", "classes", "histograms", "balance", "splits", "timeline"]


class ChartsBody(Body):
    filter: Filter = Filter()
    names: list[Chart] | None = None


class Correction(BaseModel):
    given: Label
    suggested: Label
    count: int
    open: int


class Matrix(BaseModel):
    """``counts[i][j]``: rows given ``labels[i]`` for which ``labels[j]`` is suggested; ``classes``: how many have any."""

    labels: list[Label]
    counts: list[list[int]]
    classes: int


class ClassChart(BaseModel):
    label: Label
    rows: int
    issues: int
    rate: float
    decided: int


class Histogram(BaseModel):
    score: str
    check: str | None
    title: str
    direction: str
    edges: list[float]
    counts: list[int]
    flagged: list[int]
    threshold: float | None


class BalanceChart(BaseModel):
    label: Label | None
    given: int
    final: int


class SplitChart(BaseModel):
    split: str | None
    rows: int
    issues: int
    resolved: int


class TimePoint(BaseModel):
    at: str
    rows: int
    total: int


class Charts(BaseModel):
    """Those that were asked for."""

    corrections: list[Correction] | None = None
    matrix: Matrix | None = None
    classes: list[ClassChart] | None = None
    histograms: list[Histogram] | None = None
    balance: list[BalanceChart] | None = None
    splits: list[SplitChart] | None = None
    timeline: list[TimePoint] | None = None


class MapPoints(BaseModel):
    """Points of the rows of a filter. ``label``: index into ``labels``, -1 = none; ``issue``: 1 = some check flagged it."""

    rows: list[int]
    x: list[float]
    y: list[float]
    label: list[int]
    labels: list[Label]
    issue: list[int]
    score: list[float | None]
    sampled: bool
    total: int
    method: str


class Compared(BaseModel):
    label: Label
    count: int
    typical: list[Row]
    confused: list[Row]
    to_other: int
    open: int


class Comparison(BaseModel):
    a: Compared
    b: Compared
    a_to_b: int
    b_to_a: int
