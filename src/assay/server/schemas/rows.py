"""Rows, and everything that is known about one.

In: the query layer's dicts. Out: bodies of answers. Does not know: requests.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from assay.actions.copies import Reason
from assay.server.schemas.base import Label


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


class CopySet(BaseModel):
    """Rows that are copies of each other: the first of ``n``. ``keep``: the row that would stay, and ``why``."""

    cluster: int
    n: int
    rows: list[Row]
    correct_label: Label | None
    conflict: bool
    keep: int
    why: Reason
    open: bool


class Sets(BaseModel):
    total: int
    sets: list[CopySet]
    number: int


class Positions(BaseModel):
    positions: list[int]


class Facets(BaseModel):
    """How many rows of a filter carry each check (``open``: and are not decided), label, decision, person, tag and split;
    values with counts, most first."""

    total: int
    resolved: int
    checks: dict[str, int]
    open: dict[str, int]
    presets: dict[str, int]
    given: list[tuple[Label | None, int]]
    suggested: list[tuple[Label | None, int]]
    corrected: list[tuple[Label | None, int]]
    action: dict[str, int]
    by: dict[str, int]
    tag: dict[str, int]
    split: list[tuple[str | None, int]]


class Narrowing(BaseModel):
    """Values that a filter could be narrowed to, each key counted under the others; ``counts``: rows in equal steps of a score."""

    given: list[tuple[Label | None, int]]
    suggested: list[tuple[Label | None, int]]
    split: list[tuple[str | None, int]]
    counts: list[int]


class FoundRows(BaseModel):
    """The rows that speak most for what a check found."""

    check: str
    rows: list[Row]


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


class TellingWord(BaseModel):
    """A word (lower case) of the row's text that occurs clearly more often in one of its two classes than in the other."""

    word: str
    side: Literal["given", "suggested"]


class Telling(BaseModel):
    """``words``: of each row that has any, by its number."""

    words: dict[int, list[TellingWord]]


class Cell(BaseModel):
    """One cell of the row; ``odd``: unusual in its column. ``telling``: rare in the given class, common in the suggested one."""

    model_config = ConfigDict(extra="allow")

    column: str
    text: str
    odd: bool = False
    telling: bool = False


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
    keep: int | None
    keep_why: Reason | None
    correct_label: Label | None
    evidence: list[EvidenceOut]
    full_text: str | None
    telling: list[TellingWord]
    cells: list[Cell]
    history: list[Past]
    number: int


class Match(BaseModel):
    """Where the picture of one row lies in that of another: its corners (upper left, upper right, lower right, lower left) as x
    and y in shares of the other's width and height, outside 0..1 where it reaches beyond."""

    corners: list[tuple[float, float]]


class PictureKey(BaseModel):
    key: str


class Examples(BaseModel):
    rows: list[Row]


class LeftOut(BaseModel):
    """``message`` says it; ``known``: there is an estimate. ``wrong`` labels among undecided rows, ``low`` to ``high`` (95 %);
    ``more``: rows to look at until fewer than 1 % remain; ``done``: surely fewer remain; ``rows``: what to look at first."""

    known: bool
    message: str
    wrong: float = 0.0
    low: float = 0.0
    high: float = 0.0
    more: int = 0
    done: bool = False
    verdicts: int = 0
    rows: list[int] = []
