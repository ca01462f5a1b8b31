"""From a finished project to what its report shows.

In: a `Project`. Out: `ReportData`. Reads the flags, scores and labels of all rows once, and texts, cells and pictures
of the rows that are shown only: memory grows with N by about 160 bytes a row, the page does not.
Does not know: HTML.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.columns import CHECK_BY_NAME
from assay.report.counts import class_counts, corrections, quality_histogram
from assay.report.data import (
    CheckLine,
    Correction,
    Duplicates,
    DuplicateSet,
    Estimate,
    Figure,
    FindingLine,
    Gallery,
    ReportData,
)
from assay.report.exhibits import NAME, REASON, Exhibits, clean
from assay.report.how import ERROR_RATE, HOW
from assay.report.overview import Overview
from assay.report.pictures import PAGE_BYTES

if TYPE_CHECKING:
    from assay.project.project import Project

SHOWN = {"label": 24, "outlier": 12, "ambiguous": 12}  # rows of a gallery
SHOWN_OTHERS = 8
CORRECTIONS, CORRECTION_EXAMPLES, EXAMPLES_EACH = 20, 6, 4
DUPLICATE_SETS = {"conflict": 12, "cross": 4, "other": 6}
MEMBERS = 4  # of a duplicate set, shown
CLASSES = 1_000
FINDINGS = 100
# Charted or counted elsewhere on the page.
CHARTED = ("label_error_rate", "corrections", "suggested_corrections", "issues_per_class", "class_issues")
NO_GALLERY = (
    "label",
    "near_duplicate",
    "exact_duplicate",
    "duplicate_label_conflict",
    "cross_split_duplicate",
    "well_labeled",
    "rare_class",
)


def collect(project: Project, *, budget: int = PAGE_BYTES) -> ReportData:
    """Everything the report of ``project`` shows.

    ``budget``: bytes of all pictures together. The same project gives the same report.
    Cost: one pass over the flag and score columns; O(N log N) for the rankings.
    """
    run = project.run
    overview = Overview.of(project)
    ran = {check["name"]: int(check["count"] or 0) for check in run["checks"] if check["status"] == "ran"}
    plan = _Plan.of(overview, ran)
    shelf = Exhibits(project, overview, plan.positions(), budget=budget)
    label_issues = (
        _gallery(shelf, "label", ran["label"], plan.galleries["label"]) if "label" in plan.galleries else None
    )
    duplicates = _duplicates(shelf, overview, plan) if "near_duplicate" in ran else None
    examples = _corrections(shelf, plan) if "label" in ran else ()
    galleries = tuple(
        _gallery(shelf, name, ran[name], positions) for name, positions in plan.galleries.items() if name != "label"
    )
    findings = project.insights()
    listed = [finding for finding in findings if finding["check"] not in CHARTED]
    estimate = _error_rate(findings)
    return ReportData(
        name=clean(project.name, NAME),
        modality=run["modality"],
        n_rows=len(overview.rows),
        n_classes=len(project.classes),
        lead=_lead(overview, run, ran),
        figures=_figures(overview, ran, estimate, duplicates),
        error_rate=estimate,
        label_issues=label_issues,
        corrections=examples,
        n_corrections=plan.n_corrections,
        classes=tuple(class_counts(overview)[:CLASSES]) if "label" in ran else (),
        histogram=quality_histogram(overview) if "label" in ran else None,
        duplicates=duplicates,
        galleries=galleries,
        findings=tuple(
            FindingLine(f["check"], clean(f["title"], NAME), clean(f["message"], REASON)) for f in listed[:FINDINGS]
        ),
        n_findings=len(listed),
        checks=tuple(
            CheckLine(
                check["name"],
                check["title"],
                check["status"],
                clean(check["why"] or "", REASON),
                check["count"],
                HOW.get(check["name"], ""),
            )
            for check in run["checks"]
        ),
        missing=tuple(clean(sentence, REASON) for sentence in run.get("missing", ())),
        notes=tuple(clean(note, REASON) for note in run.get("notes", ())),
        settings=_settings(run),
    )


class _Plan:
    """Which positions are shown where. Made before anything is read, so that every row is read once."""

    def __init__(self) -> None:
        self.galleries: dict[str, NDArray[np.int64]] = {}
        self.sets: list[tuple[int, NDArray[np.int64]]] = []  # cluster number, all its members
        self.pairs: list[tuple[int, int, int]] = []  # given, suggested, count
        self.examples: list[NDArray[np.int64]] = []
        self.n_corrections = 0

    @classmethod
    def of(cls, overview: Overview, ran: dict[str, int]) -> _Plan:
        plan = cls()
        for name, count in ran.items():
            check = CHECK_BY_NAME.get(name)
            if check is None or not count or (name in NO_GALLERY and name != "label"):
                continue
            plan.galleries[name] = overview.worst(overview.flag(check.flag), check.score, SHOWN.get(name, SHOWN_OTHERS))
        if "near_duplicate" in ran:
            plan.sets = _duplicate_sets(overview)
        if "label" in ran:
            pairs = corrections(overview)
            plan.n_corrections = len(pairs)
            plan.pairs = pairs[:CORRECTIONS]
            flagged = overview.flag("is_label_issue")
            for given, suggested, _ in plan.pairs[:CORRECTION_EXAMPLES]:
                same = flagged & (overview.given == given) & (overview.suggested == suggested)
                plan.examples.append(overview.worst(same, "label_issue_score", EXAMPLES_EACH))
        return plan

    def positions(self) -> list[int]:
        shown = [*self.galleries.values(), *self.examples, *(_ordered(members) for _, members in self.sets)]
        return [int(position) for positions in shown for position in positions]


def _ordered(members: NDArray[np.int64]) -> NDArray[np.int64]:
    return members[:MEMBERS]


# sections ------------------------------------------------------------------------------------------------------


def _gallery(shelf: Exhibits, name: str, total: int, positions: NDArray[np.int64]) -> Gallery:
    telling = name == "label"
    shown = tuple(shelf.show(p, telling=telling, reason=_reason(shelf, name, p)) for p in positions.tolist())
    if shelf.modality == "table":
        shown = shelf.with_cells(shown, positions.tolist(), telling=telling)
    return Gallery(name, CHECK_BY_NAME[name].title, total, shown)


def _reason(shelf: Exhibits, name: str, position: int) -> str:
    """What is said under a row of this check."""
    if name == "pii":
        kinds = json.loads(shelf.value(position, "PII_types") or "[]")
        return "holds " + ", ".join(str(kind) for kind in kinds) if kinds else ""
    if name == "ambiguous":
        first, second = shelf.value(position, "predicted_label"), shelf.value(position, "second_label")
        return f"between {clean(first, NAME)} and {clean(second, NAME)}" if second is not None else ""
    if name in ("odd_size", "odd_aspect_ratio"):
        width, height = shelf.value(position, "image_width"), shelf.value(position, "image_height")
        return f"{width:,} × {height:,} pixels" if width and height else ""
    if name in ("too_short", "too_long"):
        length = shelf.value(position, "text_num_characters")
        return "" if length is None else f"{length:,} characters"
    if name == "wrong_language":
        return f"language: {shelf.value(position, 'predicted_language') or 'unknown'}"
    column = {"outlier": "outlier_reason", "not_analyzed": "not_analyzed_reason"}.get(name)
    return str(shelf.value(position, column) or "") if column else ""


def _corrections(shelf: Exhibits, plan: _Plan) -> tuple[Correction, ...]:
    names = [clean(name, NAME) for name in shelf.class_names]
    shown = []
    for number, (given, suggested, count) in enumerate(plan.pairs):
        positions = plan.examples[number].tolist() if number < len(plan.examples) and shelf.modality == "image" else []
        exhibits = tuple(shelf.show(position) for position in positions)
        shown.append(Correction(names[given], names[suggested], count, exhibits))
    return tuple(shown)


def _duplicate_sets(overview: Overview) -> list[tuple[int, NDArray[np.int64]]]:
    """The sets to show: conflicting labels first (worst label leading), copies across splits, then the largest."""
    chosen: dict[int, None] = {}
    similar = overview.scores.get("near_duplicate_score")
    for group, mask in (
        ("conflict", overview.flag("is_duplicate_label_conflict")),
        ("cross", overview.flag("is_cross_split_duplicate")),
        ("other", overview.clusters >= 0),
    ):
        score = overview.scores.get("label_issue_score") if group == "conflict" else similar
        rows = np.flatnonzero(mask & (overview.clusters >= 0))
        numbers, inverse, sizes = np.unique(overview.clusters[rows], return_inverse=True, return_counts=True)
        best = np.zeros(len(numbers), np.float32)
        if score is not None:
            np.maximum.at(best, inverse, np.nan_to_num(score[rows], nan=0.0))
        keys = (numbers, -best, -sizes) if group == "other" else (numbers, -sizes, -best)
        ranked = [int(number) for number in numbers[np.lexsort(keys)] if int(number) not in chosen]
        chosen |= dict.fromkeys(ranked[: DUPLICATE_SETS[group]])
    wanted = np.flatnonzero(np.isin(overview.clusters, np.fromiter(chosen, np.int64, len(chosen))))
    wrong = overview.flag("is_duplicate_label_wrong")
    members = {number: wanted[overview.clusters[wanted] == number] for number in chosen}
    return [(number, rows[np.argsort(~wrong[rows], kind="stable")]) for number, rows in members.items()]


def _duplicates(shelf: Exhibits, overview: Overview, plan: _Plan) -> Duplicates:
    def sets_of(flag: str) -> int:
        clusters = overview.clusters[overview.flag(flag)]
        return len(np.unique(clusters[clusters >= 0]))

    return Duplicates(
        rows=int(overview.flag("is_near_duplicate").sum()),
        exact_rows=int(overview.flag("is_exact_duplicate").sum()),
        sets=len(np.unique(overview.clusters[overview.clusters >= 0])),
        conflict_sets=sets_of("is_duplicate_label_conflict"),
        cross_split_sets=sets_of("is_cross_split_duplicate"),
        shown=tuple(_duplicate_set(shelf, overview, number, members) for number, members in plan.sets),
    )


def _duplicate_set(shelf: Exhibits, overview: Overview, number: int, members: NDArray[np.int64]) -> DuplicateSet:
    positions = _ordered(members).tolist()
    wrong = overview.flag("is_duplicate_label_wrong")
    conflict = bool(overview.flag("is_duplicate_label_conflict")[members].any())
    crosses = bool(overview.flag("is_cross_split_duplicate")[members].any())
    exhibits = tuple(
        shelf.show(p, is_wrong=bool(wrong[p]), reason=str(shelf.value(p, "near_duplicate_kind") or ""))
        for p in positions
    )
    if shelf.modality == "table":
        exhibits = shelf.with_cells(exhibits, positions)
    kinds = dict.fromkeys(exhibit.reason for exhibit in exhibits if exhibit.reason)
    correct = shelf.value(positions[0], "duplicate_correct_label")
    verdict = _verdict(shelf, overview, members[wrong[members]], correct, len(members)) if conflict else ""
    return DuplicateSet(number, len(members), ", ".join(kinds), verdict, exhibits, conflict, crosses)


def _verdict(shelf: Exhibits, overview: Overview, wrong: NDArray[np.int64], correct: Any, size: int) -> str:
    """Names the wrong label."""
    names = list(
        dict.fromkeys(clean(shelf.class_names[code], NAME) for code in overview.given[wrong].tolist() if code >= 0)
    )
    if not names or correct is None:
        return "The copies carry different labels; the evidence is too thin to say which is right."
    which = " and ".join(f"“{name}”" for name in names[:3])
    return (
        f"{which} is wrong; all {size:,} should be “{clean(correct, NAME)}”."
        if len(names) == 1
        else (f"{which} are wrong; all {size:,} should be “{clean(correct, NAME)}”.")
    )


# headline ------------------------------------------------------------------------------------------------------


def _error_rate(findings: list[dict[str, Any]]) -> Estimate | None:
    for finding in findings:
        if finding["check"] == "label_error_rate":
            data = finding["data"]
            return Estimate(float(data["rate"]), float(data["low"]), float(data["high"]), ERROR_RATE)
    return None


UNITS = {"image": "images", "text": "texts", "table": "rows"}


def _lead(overview: Overview, run: dict[str, Any], ran: dict[str, int]) -> str:
    n, faulty = len(overview.rows), int(overview.faulty().sum())
    classes = f" in {len(overview.class_names):,} classes" if overview.class_names else ""
    first = f"Assay read {n:,} {UNITS[run['modality']]}{classes}"
    if not faulty:
        return f"{first} and found nothing wrong with any of them."
    share = f"{faulty:,} of them ({faulty / n:.1%})"
    if ran.get("label"):
        return f"{first}. {share} deserve a second look; {ran['label']:,} carry a label that is likely wrong."
    return f"{first}. {share} deserve a second look."


def _figures(
    overview: Overview, ran: dict[str, int], estimate: Estimate | None, duplicates: Duplicates | None
) -> tuple[Figure, ...]:
    def counted(name: str, label: str) -> list[Figure]:
        share = ran.get(name, 0) / max(len(overview.rows), 1)
        return [Figure(f"{ran[name]:,}", label, f"{share:.1%} of all")] if name in ran else []

    def sets(count: int, words: str, note: str = "") -> Figure:
        return Figure(f"{count:,}", words.replace("sets", "set") if count == 1 else words, note)

    figures: list[Figure] = []
    if estimate:
        interval = f"{estimate.low:.1%} to {estimate.high:.1%}"
        figures.append(Figure(f"{estimate.rate:.1%}", "of labels wrong, estimated", interval))
    figures += counted("label", "label issues") + counted("outlier", "outliers")
    if duplicates:
        figures.append(sets(duplicates.sets, "duplicate sets", f"{duplicates.rows:,} rows"))
        if "duplicate_label_conflict" in ran:
            figures.append(sets(duplicates.conflict_sets, "sets with conflicting labels"))
        if "cross_split_duplicate" in ran:
            figures.append(sets(duplicates.cross_split_sets, "sets across splits"))
    figures += counted("ambiguous", "ambiguous")
    for name, label in (("unlabeled", "unlabelled"), ("not_analyzed", "could not be read")):
        figures += counted(name, label) if ran.get(name) else []
    return tuple(figures)


def _settings(run: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    settings: dict[str, Any] = {"task": run["task"], "modality": run["modality"]}
    settings |= {f"column: {role}": value for role, value in run.get("roles", {}).items() if value}
    settings |= dict(run.get("settings", {}))
    settings["views"] = run.get("views")
    settings |= {f"version: {name}": version for name, version in run.get("versions", {}).items()}
    shown = {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in settings.items()
        if value not in (None, [], ())
    }
    return tuple((clean(name, NAME), clean(value, REASON)) for name, value in shown.items())
