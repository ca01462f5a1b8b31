"""What goes over the wire: the bodies of requests and answers, and so the OpenAPI document.

In: JSON. Out: typed bodies. Does not know: projects, how anything is computed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Label = bool | int | float | str
Short = Annotated[str, StringConstraints(max_length=200)]
Note = Annotated[str, StringConstraints(max_length=10_000)]
RowNumber = Annotated[int, Field(ge=0, lt=2**31)]
PAGE = 500  # rows of one page at most
MOST = 100_000  # rows that a request may name one by one; more are chosen by a filter


class Body(BaseModel):
    """A request: unknown keys are errors, so that a misspelt one is not silently nothing."""

    model_config = ConfigDict(extra="forbid")


# -- which rows ---------------------------------------------------------------------------------------------------


class Condition(Body):
    """One condition on a column: a range, values, contained text, or blankness."""

    column: Short
    min: float | str | None = None
    max: float | str | None = None
    in_: list[Label | None] | None = Field(default=None, alias="in", max_length=MOST)
    contains: Short | None = None
    blank: bool | None = None

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Similar(Body):
    """What rows are to be like: one of a row, a text, or a picture by its key (see ``/pictures``)."""

    row: RowNumber | None = None
    text: Note | None = None
    picture: Short | None = None


class FilterBody(Body):
    """Which rows. Keys are joined by AND, the values of one key by OR (``all``: by AND)."""

    any: list[Short] | None = None
    all: list[Short] | None = None
    none: list[Short] | None = None
    given: list[Label | None] | None = None
    suggested: list[Label | None] | None = None
    predicted: list[Label | None] | None = None
    corrected: list[Label | None] | None = None
    final: list[Label | None] | None = None
    action: list[Short] | None = None
    by: list[Short] | None = None
    tag: list[Short] | None = None
    untagged: bool | None = None
    note: bool | Short | None = None
    resolved: bool | None = None
    split: list[Short | None] | None = None
    cluster: list[int] | None = None
    rows: list[RowNumber] | None = Field(default=None, max_length=MOST)
    ids: list[str | int] | None = Field(default=None, max_length=MOST)
    similar: Similar | None = None
    where: list[Condition] | None = None

    def plain(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True, exclude_none=True, by_alias=True)


class SortBody(Body):
    by: Short
    descending: bool = True


class ViewBody(Body):
    filter: FilterBody = FilterBody()
    sort: SortBody | None = None
    offset: int = Field(default=0, ge=0, lt=2**31)
    limit: int = Field(default=100, ge=0, le=PAGE)


class PositionsBody(Body):
    filter: FilterBody = FilterBody()
    sort: SortBody | None = None
    rows: list[RowNumber] = Field(max_length=PAGE)


class FacetsBody(Body):
    filter: FilterBody = FilterBody()


Chart = Literal["corrections", "matrix", "classes", "histograms", "balance", "splits", "timeline"]


class ChartsBody(Body):
    filter: FilterBody = FilterBody()
    names: list[Chart] | None = None


# -- rows ---------------------------------------------------------------------------------------------------------


class Row(BaseModel):
    """One row as every page shows it."""

    row: int
    id: str
    given: Label | None
    suggested: Label | None
    suggested_confidence: float | None
    predicted: Label | None
    corrected: Label | None
    final: Label | None
    action: str
    excluded: bool
    person: str
    entry: int
    tags: list[str]
    note: str
    checks: list[str]
    scores: dict[str, float]
    cluster: int | None
    split: str | None
    text: str | None
    cells: dict[str, str]
    reason: str | None
    marked: list[str] = []
    width: int | None = None
    height: int | None = None


class Page(BaseModel):
    total: int
    offset: int
    rows: list[Row]
    number: int


class Positions(BaseModel):
    positions: list[int]


class Facets(BaseModel):
    """How many rows of a filter carry each check, label, decision, person, tag and split; values with counts, most first."""

    total: int
    resolved: int
    checks: dict[str, int]
    presets: dict[str, int]
    given: list[tuple[Label | None, int]]
    suggested: list[tuple[Label | None, int]]
    corrected: list[tuple[Label | None, int]]
    action: dict[str, int]
    by: dict[str, int]
    tag: dict[str, int]
    split: list[tuple[str | None, int]]


class Probability(BaseModel):
    label: Label
    p: float


class Neighbor(BaseModel):
    row: Row
    distance: float


class Copy(Row):
    """A member of the row's duplicate cluster; ``is_wrong``: its label is the one that does not fit."""

    is_wrong: bool
    kind: str | None


class EvidenceOut(BaseModel):
    """Why a check flagged the row; ``low`` .. ``high`` is the usual range of ``value`` in this dataset."""

    check: str
    title: str
    score: float | None
    text: str
    value: float | None
    low: float | None
    high: float | None


class Cell(BaseModel):
    """One cell of the row; ``odd``: unusual in its column."""

    model_config = ConfigDict(extra="allow")

    column: str
    text: str
    odd: bool = False


class Past(BaseModel):
    """One decision about the row, newest first."""

    number: int
    at: str
    person: str
    action: str
    label: Label | None
    excluded: bool
    text: str | None
    undone: bool


class Detail(BaseModel):
    """Everything that is known about one row."""

    row: Row
    probabilities: list[Probability]
    neighbors: list[Neighbor]
    duplicates: list[Copy]
    n_duplicates: int
    correct_label: Label | None
    evidence: list[EvidenceOut]
    full_text: str | None
    cells: list[Cell]
    history: list[Past]
    number: int


class PictureKey(BaseModel):
    key: str


class Examples(BaseModel):
    rows: list[Row]


# -- charts -------------------------------------------------------------------------------------------------------


class Correction(BaseModel):
    given: Label
    suggested: Label
    count: int


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


# -- decisions ----------------------------------------------------------------------------------------------------


class RowsTarget(Body):
    """Rows named one by one."""

    rows: list[RowNumber] = Field(max_length=MOST)


class ViewTarget(Body):
    """Rows of a filter, in its order: all, the first ``top``, or the given ranges of positions."""

    filter: FilterBody
    sort: SortBody | None = None
    top: int | None = Field(default=None, ge=1, lt=2**31)
    ranges: list[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]] | None = Field(
        default=None, max_length=10_000
    )


Action = Literal["keep", "label", "exclude", "auto-fix", "unresolved", "clear", "tag", "untag", "note"]


class DecisionBody(Body):
    """What is asked for. ``label`` goes with "label"; ``text`` is the tag, or the note."""

    action: Action
    target: RowsTarget | ViewTarget
    label: Label | None = None
    text: Note | None = None
    policy: Literal["reference", "auto"] = "reference"
    overwrite: bool | None = None
    route: Literal["row", "selection", "bulk", "class"] | None = None


class ActBody(DecisionBody):
    """``token``: made by the client; sent again it does nothing twice. ``seen``: the log number its screen showed."""

    token: Annotated[str, StringConstraints(min_length=8, max_length=64)] | None = None
    seen: int | None = Field(default=None, ge=0, lt=2**31)


class UndoBody(Body):
    number: int | None = Field(default=None, ge=1, lt=2**31)
    token: Annotated[str, StringConstraints(min_length=8, max_length=64)] | None = None


class Preview(BaseModel):
    """What an action would change; ``pairs``: (given, new, rows), most rows first; ``first``: some of the rows."""

    model_config = ConfigDict(extra="allow")

    action: str
    n: int
    relabeled: int
    excluded: int
    skipped: dict[str, int]
    pairs: list[tuple[Label | None, Label | None, int]]
    first: list[dict[str, Any]]


class EntryOut(BaseModel):
    """One entry of the log without its rows."""

    number: int
    at: str
    person: str
    action: str
    route: str
    n_rows: int
    label: Label | None = None
    text: str | None = None
    policy: str | None = None
    view: dict[str, Any] | None = None
    undoes: int | None = None
    undone: bool = False


class Done(BaseModel):
    """``entry`` is null where nothing had to change. ``kept``: rows of an undo that a later decision holds."""

    entry: EntryOut | None
    summary: Preview | None
    kept: int = 0
    number: int


class LogPage(BaseModel):
    entries: list[EntryOut]
    number: int


class EntryDetail(EntryOut):
    rows: list[dict[str, Any]]


class LogDiff(BaseModel):
    start: int
    stop: int
    total: int
    rows: list[dict[str, Any]]


# -- projects -----------------------------------------------------------------------------------------------------


class Job(BaseModel):
    """A run of the analysis. ``state``: waiting, running, done, failed, cancelled."""

    id: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    stage: str
    done: int
    total: int
    rate: float | None
    seconds_left: float | None
    error: str
    log: list[str]


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
    state: Literal["ready", "running", "failed", "empty", "damaged"]
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
    seconds: float
    number: int
    job: Job | None


Options = dict[str, str]


class SourceBody(Body):
    """Data to look at: a path that the server may read, or a finished upload."""

    path: str | None = Field(default=None, max_length=4_000)
    upload: Short | None = None
    options: Options = {}


class NewProject(SourceBody):
    name: Annotated[str, StringConstraints(max_length=100)] | None = None


class SourcePreview(BaseModel):
    name: str
    modality: str
    roles: dict[str, Any]
    n_rows: int
    classes: list[Label]
    n_classes: int
    notes: list[str]
    columns: list[dict[str, str]]
    rows: list[dict[str, Any]]


class Created(BaseModel):
    id: str
    job: Job


class ExportBody(Body):
    format: Literal["csv", "tsv", "jsonl", "json", "parquet", "arrow", "folder", "hf"] = "csv"
    fix: Literal["none", "auto", "reference"] = "none"
    columns: Literal["none", "actions", "all"] = "none"
    keep_excluded: bool = False
    only_corrections: bool = False
    csv_guard: bool = False
    filter: FilterBody | None = None
    at: int | None = Field(default=None, ge=0, lt=2**31)


# -- the door -----------------------------------------------------------------------------------------------------


class Session(BaseModel):
    person: str
    signed_in: bool
    needs: Literal["", "token", "password"]
    version: str


class SignIn(Body):
    token: Annotated[str, StringConstraints(max_length=200)] | None = None
    password: Annotated[str, StringConstraints(max_length=1_000)] | None = None
    person: Annotated[str, StringConstraints(max_length=80)] | None = None


class Problem(BaseModel):
    """An error as RFC 9457 has it; ``meanwhile``: what others decided about the rows asked for."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    meanwhile: list[dict[str, Any]] | None = None
