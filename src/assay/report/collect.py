"""From a finished project to what its report shows.

In: a finished run. Out: `ReportData`. Counts and rankings come from `assay.query`, so that they are those of the review app; texts,
cells and pictures are read of the rows that are shown only: memory grows with N by about 150 bytes a row, the page does not.
Does not know: HTML.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.checks import CHECK_BY_NAME, SENTENCES
from assay.errors import UsageError
from assay.report.copies import duplicates_of
from assay.report.counts import class_counts, quality_histogram
from assay.report.data import CheckLine, Correction, FindingLine, Gallery, ReportData
from assay.report.examples import NAME, REASON, Examples, clean
from assay.report.headline import date_of, error_rate, figures_of, lead, next_steps, opening, settings_of
from assay.report.overview import Overview
from assay.report.pictures import PAGE_BYTES
from assay.report.selection import Selection

if TYPE_CHECKING:
    from assay.runs import FinishedRun

CLASSES = 1_000
FINDINGS = 100
# Charted or counted elsewhere on the page.
CHARTED = ("label_error_rate", "corrections")


def collect(project: FinishedRun, *, budget: int = PAGE_BYTES) -> ReportData:
    """Everything the report of ``project`` shows.

    ``budget``: bytes of all pictures together. The same project gives the same report.
    Cost: one pass over the flag and score columns; O(N log N) for the rankings.
    """
    run = project.run
    overview = Overview.of(project)
    ran = {check["name"]: int(check["count"] or 0) for check in run["checks"] if check["status"] == "ran"}
    choice = Selection.of(overview, ran)
    examples = Examples(project, overview, choice.positions(), budget=budget)
    label_issues = (
        _gallery(examples, "label", ran["label"], choice.galleries["label"]) if "label" in choice.galleries else None
    )
    duplicates = duplicates_of(examples, overview, choice) if "near_duplicate" in ran else None
    findings = project.insights()
    corrections = _corrections(examples, choice, readings_of(findings)) if "label" in ran else ()
    galleries = tuple(
        _gallery(examples, name, ran[name], positions)
        for name, positions in choice.galleries.items()
        if name != "label"
    )
    listed = [finding for finding in findings if finding["check"] not in CHARTED]
    estimate = error_rate(findings)
    return ReportData(
        name=clean(project.name, NAME),
        modality=run["modality"],
        n_rows=len(overview.rows),
        n_classes=len(project.classes),
        lead=lead(overview, run, ran, estimate),
        opening=opening(estimate, overview),
        date=date_of(run),
        next_steps=next_steps(overview, ran, duplicates, findings),
        figures=figures_of(overview, run, ran, estimate, duplicates),
        error_rate=estimate,
        left=_left(project),
        label_issues=label_issues,
        corrections=corrections,
        n_corrections=choice.n_corrections,
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
                SENTENCES.get(check["name"], ""),
            )
            for check in run["checks"]
        ),
        missing=tuple(clean(sentence, REASON) for sentence in run.get("missing", ())),
        notes=tuple(clean(note, REASON) for note in (*run.get("accounting", ()), *run.get("notes", ()))),
        settings=settings_of(run),
    )


def _left(project: FinishedRun) -> str:
    """What is wrong still, where the label check can say."""
    from assay.actions import State, calibrated

    log = getattr(project, "log", None)  # a run without decisions has none
    try:
        return calibrated(project, log.state() if log is not None else State(project.dataset.n_rows)).left().sentence()
    except UsageError:
        return ""


def _gallery(examples: Examples, name: str, total: int, positions: NDArray[np.int64]) -> Gallery:
    telling, suggest = name == "label", name in ("label", "unlabeled")
    shown = tuple(
        examples.show(p, telling=telling, suggest=suggest, reason=_reason(examples, name, p))
        for p in positions.tolist()
    )
    if examples.modality == "table":
        shown = examples.with_cells(shown, positions.tolist(), telling=telling)
    return Gallery(name, CHECK_BY_NAME[name].title, total, shown)


def _reason(examples: Examples, name: str, position: int) -> str:
    """What is said under a row of this check."""
    if name == "pii":
        kinds = json.loads(examples.value(position, "PII_types") or "[]")
        return "holds " + ", ".join(str(kind) for kind in kinds) if kinds else ""
    if name == "ambiguous":
        first, second = examples.value(position, "predicted_label"), examples.value(position, "runner_up_label")
        return f"between {clean(first, NAME)} and {clean(second, NAME)}" if second is not None else ""
    if name in ("odd_size", "odd_aspect_ratio"):
        width, height = examples.value(position, "image_width"), examples.value(position, "image_height")
        return f"{width:,} × {height:,} pixels" if width and height else ""
    if name in ("too_short", "too_long"):
        length = examples.value(position, "text_num_characters")
        return "" if length is None else f"{length:,} {'character' if length == 1 else 'characters'}"
    if name == "wrong_language":
        return f"language: {examples.value(position, 'predicted_language') or 'unknown'}"
    if name == "multi_label":
        second = examples.value(position, "second_label")
        return "" if second is None else f"also {clean(second, NAME)}"
    column = {"outlier": "outlier_reason", "not_analyzed": "not_analyzed_reason"}.get(name)
    return str(examples.value(position, column) or "") if column else ""


def readings_of(findings: list[dict[str, Any]]) -> dict[frozenset[str], str]:
    """How two classes relate, in a few words, by their names."""
    words = {"same_thing": "the same thing", "looks_alike": "look alike"}
    found: dict[frozenset[str], str] = {}
    for finding in findings:
        pair: Any = finding.get("classes") or ()
        if finding["check"] != "relation" or len(pair) != 2:
            continue
        if isinstance(pair, dict) and finding["type"] == "is_a":
            first, second = str(pair["general"]), str(pair["specific"])
            reading = f"{second} is a {first}"
        elif isinstance(pair, dict):
            first, second = str(pair["holder"]), str(pair["held"])
            reading = f"{first} may hold {second}"
        else:
            first, second = map(str, pair)
            reading = words.get(finding["type"], "")
        found.setdefault(frozenset((first, second)), reading)
    return found


def _corrections(examples: Examples, choice: Selection, readings: dict[frozenset[str], str]) -> tuple[Correction, ...]:
    names = [clean(name, NAME) for name in examples.class_names]
    shown = []
    for number, (given, suggested, count) in enumerate(choice.pairs):
        positions = (
            choice.examples[number].tolist() if number < len(choice.examples) and examples.modality == "image" else []
        )
        exhibits = tuple(examples.show(position) for position in positions)
        reading = readings.get(frozenset((examples.class_names[given], examples.class_names[suggested])), "")
        shown.append(Correction(names[given], names[suggested], count, exhibits, clean(reading, REASON)))
    return tuple(shown)
