"""The head and the foot of the report: the sentence it opens with, the figures, the run's settings.

In: the overview, the run's record, the findings. Out: sentences and `Figure`s. Does not know: single rows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from assay.report.data import Duplicates, Estimate, Figure, NextStep
from assay.report.examples import NAME, REASON, clean
from assay.report.methods import ERROR_BOUND, ERROR_RATE
from assay.report.overview import Overview

UNITS = {"image": ("image", "images"), "text": ("text", "texts")}


def units(count: int, modality: str) -> str:
    """``3 images``"""
    return f"{count:,} {UNITS.get(modality, ('row', 'rows'))[count != 1]}"


def error_rate(findings: list[dict[str, Any]]) -> Estimate | None:
    """The estimated share of wrong labels, where the label check could say."""
    for finding in findings:
        if finding["check"] == "label_error_rate":
            data = finding["data"]
            return Estimate(float(data["rate"]), float(data["low"]), float(data["high"]), *_basis(data))
    return None


def _basis(data: dict[str, Any]) -> tuple[str, bool]:
    at_most = bool(data.get("at_most"))
    return ERROR_BOUND if at_most else ERROR_RATE, at_most


def lead(overview: Overview, run: dict[str, Any], ran: dict[str, int], estimate: Estimate | None = None) -> str:
    """What a hurried reader takes away."""
    n, faulty, k = len(overview.rows), int(overview.faulty().sum()), len(overview.class_names)
    classes = f" in {k:,} {'class' if k == 1 else 'classes'}" if k else ""
    first = f"Assay read {units(n, run['modality'])}{classes}"
    judged = next((c for c in run.get("checks", ()) if c["name"] == "label"), {"status": "ran"})["status"] == "ran"
    blind = "" if judged or not k else " Their labels could not be judged."
    if not faulty:
        return f"{first} and found nothing wrong with any of them.{blind}"
    second = f"{faulty:,} of them ({_share(faulty, n)}) {'deserves' if faulty == 1 else 'deserve'} a second look"
    wrong = ran.get("label")
    if wrong:
        second += f"; {wrong:,} {'carries' if wrong == 1 else 'carry'} a label that {verdict_of(estimate)}"
    return f"{first}. {second}.{blind}"


def verdict_of(estimate: Estimate | None) -> str:
    """What a flag says of a label: where the rate of wrong ones is known as a bound only, it may as well be right."""
    return "may be wrong" if estimate is not None and estimate.at_most else "is likely wrong"


def opening(estimate: Estimate | None, overview: Overview) -> str:
    """The rate of wrong labels in one sentence, "" where it is not known."""
    if estimate is None:
        return ""
    n = f"{int((overview.given >= 0).sum()):,} labels"
    if estimate.at_most:
        return f"At most {_percent(estimate.rate)} of the {n} are wrong: the classes overlap, so it may be far fewer."
    return (
        f"About {_percent(estimate.rate)} of the {n} are wrong, by estimate "
        f"(95% interval {_percent(estimate.low)} to {_percent(estimate.high)})."
    )


def date_of(run: dict[str, Any]) -> str:
    """The day on which the run ended, as "30 November 2026"; "" where it is not recorded."""
    try:
        ended = datetime.fromisoformat(run["ended"])
    except (KeyError, TypeError, ValueError):
        return ""
    return f"{ended.day} {ended:%B %Y}"


def next_steps(
    overview: Overview, ran: dict[str, int], found: Duplicates | None, findings: list[dict[str, Any]]
) -> tuple[NextStep, ...]:
    """What to do now, the most useful first; nothing where nothing was found."""
    steps: list[NextStep] = []
    flagged = overview.flag("is_label_issue")
    issues = int(flagged.sum())
    if issues:
        n = f"{issues:,} {'row' if issues == 1 else 'rows'} with a label issue"
        steps.append(NextStep(f"Look at the {n}, the worst first, and decide.", "assay serve PROJECT"))
        safe = int(overview.safe.sum())
        if safe:
            text = f"Or take the {safe:,} {'suggestion' if safe == 1 else 'suggestions'} that need no second look."
            steps.append(NextStep(text, "assay export PROJECT FILE --fix auto"))
    misspelt = sum(finding["check"] == "class_names" for finding in findings)
    if misspelt:
        names = "class name that looks" if misspelt == 1 else f"{misspelt:,} class names that look"
        steps.append(NextStep(f"Merge the {names} misspelt into what {'it' if misspelt == 1 else 'they'} should be."))
    if found and found.conflict_sets:
        sets = f"{found.conflict_sets:,} {'set' if found.conflict_sets == 1 else 'sets'} of copies"
        steps.append(NextStep(f"Settle the {sets} that carry different labels: one of them is wrong."))
    if found and found.cross_split_sets:
        steps.append(NextStep("Keep copies on one side of the splits, or test results will flatter the model."))
    if ran.get("outlier"):
        n = f"{ran['outlier']:,} {'outlier' if ran['outlier'] == 1 else 'outliers'}"
        steps.append(NextStep(f"Ask of the {n} whether they belong into this dataset at all."))
    return tuple(steps)


def figures_of(
    overview: Overview, run: dict[str, Any], ran: dict[str, int], estimate: Estimate | None, found: Duplicates | None
) -> tuple[Figure, ...]:
    """The headline numbers, each of a check that ran."""

    def counted(name: str, one: str, many: str) -> list[Figure]:
        if name not in ran:
            return []
        return [
            Figure(f"{ran[name]:,}", one if ran[name] == 1 else many, f"{_share(ran[name], len(overview.rows))} of all")
        ]

    def sets(count: int, words: str, note: str = "") -> Figure:
        return Figure(f"{count:,}", words.replace("sets", "set") if count == 1 else words, note)

    figures: list[Figure] = []
    if estimate:
        interval = f"95% interval {_percent(estimate.low)} to {_percent(estimate.high)}"
        if estimate.at_most:
            figures.append(Figure(f"≤ {_percent(estimate.rate)}", "of labels wrong, at most", "the classes overlap"))
        else:
            figures.append(Figure(_percent(estimate.rate), "of labels wrong, estimated", interval))
    figures += counted("label", "label issue", "label issues") + counted("outlier", "outlier", "outliers")
    if found and found.sets:
        figures.append(sets(found.sets, "duplicate sets", units(found.rows, run["modality"])))
        if ran.get("duplicate_label_conflict"):
            figures.append(sets(found.conflict_sets, "sets with conflicting labels"))
        if ran.get("cross_split_duplicate"):
            figures.append(sets(found.cross_split_sets, "sets across splits"))
    for name, label in (("ambiguous", "ambiguous"), ("unlabeled", "unlabelled"), ("not_analyzed", "could not be read")):
        figures += counted(name, label, label) if ran.get(name) else []
    return tuple(figures)


def _share(part: int, whole: int) -> str:
    share = part / max(whole, 1)
    return "less than 0.1%" if 0 < share < 0.0005 else _percent(share)


def _percent(share: float) -> str:
    return f"{share:.1%}"


def settings_of(run: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    settings: dict[str, Any] = {"task": run["task"], "modality": run["modality"]}
    settings |= {f"column: {role}": value for role, value in run.get("roles", {}).items() if value}
    settings |= dict(run.get("settings", {}))
    settings["embeddings"] = run.get("embeddings")
    settings |= {f"version: {name}": version for name, version in run.get("versions", {}).items()}
    shown = {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in settings.items()
        if value not in (None, [], ())
    }
    return tuple((clean(name, NAME), clean(value, REASON)) for name, value in shown.items())
