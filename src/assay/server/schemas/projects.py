"""Projects, their runs, data that may become one, exports.

In: records of runs. Out: bodies. Does not know: rows.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from assay.query.filters import Filter, Short
from assay.server.schemas.base import Body, Label


class Job(BaseModel):
    """A run of the analysis. ``state``: waiting, running, done, failed, cancelled. ``ahead``: runs that come first.
    ``share``: how much of the whole run is behind it, 0 to 1, by what stages usually cost."""

    id: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    stage: str
    done: int
    total: int
    rate: float | None
    seconds_left: float | None
    error: str
    log: list[str]
    ahead: int = 0
    share: float = 0.0


class ProjectItem(BaseModel):
    id: str
    name: str
    path: str
    modality: str
    task: str
    rows: int
    n_classes: int
    issues: int
    resolved: int
    state: Literal["ready", "running", "failed", "cancelled", "empty", "damaged"]
    changed: float | None
    error: str
    job: Job | None


class ClassOut(BaseModel):
    value: Label
    count: int


class CheckOut(BaseModel):
    name: str
    title: str
    status: Literal["ran", "skipped", "failed"]
    why: str
    count: int | None
    flag: str
    score: str | None
    group: str
    letter: str = ""  # of its chip on a cell
    tone: Literal["bad", "warn", "plain", "good"] = "plain"
    harmless: bool = False  # no chip: worth knowing, not worth fixing
    sentence: str = ""  # how it finds what it finds


class ColumnOut(BaseModel):
    """A column to filter and sort by. ``ours``: a result column, called ``column`` in the documentation."""

    name: str
    title: str
    kind: Literal["category", "number", "date", "text", "flag", "score", "label", "id"]
    ours: bool
    column: str
    meaning: str
    direction: str
    low: float | str | None
    high: float | str | None
    levels: list[Label]


class ProjectOut(BaseModel):
    """``reading``: those of the ``notes`` that say how the data was read. ``cannot``: what this project or this installation
    cannot do, and why: "like" (compare rows with a text or a picture of one's own), "hf" (write a Hugging Face dataset), "both"
    (export rows with both of their labels)."""

    id: str
    name: str
    path: str
    modality: str
    task: str
    rows: int
    classes: list[ClassOut]
    checks: list[CheckOut]
    columns: list[ColumnOut]
    roles: dict[str, Any]
    splits: list[str]
    tags: list[str]
    people: list[str]
    notes: list[str]
    missing: list[str]
    findings: list[dict[str, Any]]
    reading: list[str] = []
    seconds: float
    number: int
    job: Job | None
    cannot: dict[str, str] = {}


Options = dict[str, str]


class SourceBody(Body):
    """Data to look at: a path that the server may read, or a finished upload."""

    path: str | None = Field(default=None, max_length=4_000)
    upload: Short | None = None
    options: Options = Field(default={})


class RunBody(Body):
    """Analyse a project's data again: ``options`` replace those of its newest run, "" takes one away."""

    options: Options = Field(default={})


class RenameBody(Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


class Renamed(BaseModel):
    id: str


class SavedView(Body):
    """``query``: of the page's address, without its "?"; ``person``: who saved it."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
    query: Annotated[str, StringConstraints(max_length=20_000)]
    person: Annotated[str, StringConstraints(max_length=80)] = ""


class Freed(BaseModel):
    """What deleting a project would free, or freed; in bytes."""

    bytes: int


class NewProject(SourceBody):
    name: Annotated[str, StringConstraints(max_length=100)] | None = None


class LabelGuess(BaseModel):
    """A column that may hold the labels; ``named``: its name says so."""

    column: str
    named: bool
    n_classes: int
    classes: list[Label]


class SourcePreview(BaseModel):
    name: str
    modality: str
    roles: dict[str, Any]
    n_rows: int
    classes: list[Label]
    n_classes: int
    guesses: list[LabelGuess]
    notes: list[str]
    columns: list[dict[str, str]]
    rows: list[dict[str, Any]]


class Created(BaseModel):
    id: str
    job: Job


class RunPreview(BaseModel):
    """``options``: of the newest run, with what was asked for instead."""

    options: dict[str, str]
    source: SourcePreview


class ExportBody(Body):
    format: Literal["csv", "tsv", "jsonl", "json", "parquet", "arrow", "folder", "hf"] = "csv"
    fix: Literal["none", "auto", "reference"] = "none"
    columns: Literal["none", "actions", "all"] = "none"
    keep_excluded: bool = False
    only_corrections: bool = False
    csv_guard: bool = False
    filter: Filter | None = None
    at: int | None = Field(default=None, ge=0, lt=2**31)
    drop_duplicates: Literal["exact", "near"] | None = None
    drop_share: float = Field(default=0.05, ge=0, le=1)
    both_labels: bool = False


class DroppedCopy(BaseModel):
    """``row`` would be left out: a copy of ``stays``, which stays because of ``why``."""

    row: int
    id: str
    stays: int
    stays_id: str
    kind: str
    why: str


class ExportPreview(BaseModel):
    """What an export would do. ``refused``: why it would not be done as asked; "" = it would. ``copies``: the first of
    ``n_copies``. ``both``: rows that would carry both labels."""

    rows: int
    relabeled: int
    left_out: int
    both: int
    done: dict[str, int]
    left: dict[str, int]
    n_copies: int
    copies: list[DroppedCopy]
    refused: str
