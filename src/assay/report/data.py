"""What the report shows, as plain values.

In: nothing. Out: `ReportData` and its parts. Does not know: projects, files, HTML.

Everything here is already cut to size: texts are short, pictures are small JPEGs, lists are short. Counts are of the
whole dataset, lists hold what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["", "given", "suggested"]


@dataclass(frozen=True)
class Picture:
    """A JPEG small enough to be put into the page; width and height in pixels."""

    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Passage:
    """A piece of a text. ``side``: the label that its word speaks for, "" = neither."""

    text: str
    side: Side = ""


@dataclass(frozen=True)
class Cell:
    """One cell of a table row. ``telling``: rare for the given class, common for the suggested one."""

    column: str
    value: str
    telling: bool = False


@dataclass(frozen=True)
class Exhibit:
    """One row of the dataset as it is shown: a picture, or a text, or cells."""

    row_id: str
    picture: Picture | None = None
    passages: tuple[Passage, ...] = ()
    cells: tuple[Cell, ...] = ()
    given: str | None = None
    suggested: str | None = None
    confidence: float | None = None  # of the suggestion, 0..1
    p_error: float | None = None  # calibrated probability that the given label is wrong
    split: str | None = None
    reason: str = ""
    is_wrong: bool = False  # in a duplicate set: this member's label is the wrong one


@dataclass(frozen=True)
class Gallery:
    """The rows one check flagged: ``total`` of them, the worst ones shown."""

    check: str
    title: str
    total: int
    exhibits: tuple[Exhibit, ...]


@dataclass(frozen=True)
class Estimate:
    """A share of the labelled rows with its interval, 0..1, and one sentence on how it was found."""

    rate: float
    low: float
    high: float
    basis: str
    at_most: bool = False  # ``rate`` is a bound: noise cannot be told from classes that overlap


@dataclass(frozen=True)
class Correction:
    """A suggested correction: ``count`` rows given ``given`` are suggested to be ``suggested``.

    ``reading``: how the two classes relate, "" where nothing is known.
    """

    given: str
    suggested: str
    count: int
    exhibits: tuple[Exhibit, ...] = ()
    reading: str = ""


@dataclass(frozen=True)
class ClassCount:
    """Labelled rows and label issues of one class."""

    name: str
    rows: int
    issues: int

    @property
    def rate(self) -> float:
        return self.issues / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Histogram:
    """Label quality over [0, 1] in equal bins. ``threshold`` parts flagged from unflagged rows best;
    ``agreement`` is the share of rows that lie on their side of it."""

    counts: tuple[int, ...]
    flagged: tuple[int, ...]
    threshold: float | None
    agreement: float


@dataclass(frozen=True)
class DuplicateSet:
    """Rows that are copies of each other; ``verdict`` is one sentence, ``size`` counts members not shown too."""

    number: int
    size: int
    kind: str
    verdict: str
    members: tuple[Exhibit, ...]
    conflict: bool = False
    crosses_splits: bool = False


@dataclass(frozen=True)
class Drop:
    """A row that would go if copies were left out, and why: of which row it is a copy, and why that one stays."""

    row_id: str
    reason: str


@dataclass(frozen=True)
class Duplicates:
    """All duplicate sets in numbers, the most telling ones shown; what would go if copies were left out, the first of it."""

    rows: int
    exact_rows: int
    sets: int
    conflict_sets: int
    cross_split_sets: int
    shown: tuple[DuplicateSet, ...]
    drops: tuple[Drop, ...] = ()
    n_drops: int = 0


@dataclass(frozen=True)
class FindingLine:
    """A finding about a class, a column or the dataset."""

    check: str
    title: str
    message: str


@dataclass(frozen=True)
class CheckLine:
    """One check of the run: "ran" with its count, or "skipped" or "failed" with the reason; how it works."""

    name: str
    title: str
    status: str
    why: str
    count: int | None
    how: str


@dataclass(frozen=True)
class Figure:
    """A headline number."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class NextStep:
    """Something useful to do now, and how; PROJECT in ``command`` stands for the project's folder."""

    text: str
    command: str = ""


@dataclass(frozen=True)
class ReportData:
    """Everything `render_report` needs."""

    name: str
    modality: str
    n_rows: int
    n_classes: int
    lead: str
    opening: str = ""  # the rate of wrong labels in one sentence
    date: str = ""  # of the run
    next_steps: tuple[NextStep, ...] = ()
    figures: tuple[Figure, ...] = ()
    error_rate: Estimate | None = None
    left: str = ""  # what is wrong still, and when to stop
    label_issues: Gallery | None = None
    corrections: tuple[Correction, ...] = ()
    n_corrections: int = 0  # kinds of correction, shown or not
    classes: tuple[ClassCount, ...] = ()
    histogram: Histogram | None = None
    duplicates: Duplicates | None = None
    galleries: tuple[Gallery, ...] = ()  # outliers, ambiguous, then image, text or table checks
    findings: tuple[FindingLine, ...] = ()
    n_findings: int = 0
    checks: tuple[CheckLine, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def not_run(self) -> tuple[CheckLine, ...]:
        return tuple(check for check in self.checks if check.status != "ran")
