"""A whole run: stages in their order, checks that may fail without taking the run down, one immutable record at the end.

In: a `Source`, a project folder, `Settings`, the user's arrays. Out: runs/NNNN.json and everything it points at.
Does not know: what the stages compute, how results are shown.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from assay.analysis import pipeline
from assay.analysis.local_executor import LocalExecutor
from assay.analysis.progress import Progress
from assay.analysis.runner import Runner
from assay.analysis.settings import Settings, UserArrays, adopt_embeddings, adopt_pred_probs
from assay.checks import CHECKS, FINDING_CHECKS
from assay.columns import BY_NAME
from assay.dataset.dataset import MISSING, Dataset, read_dataset, write_dataset
from assay.dataset.scope import scope_of, write_scope
from assay.errors import ProjectError, SourceError
from assay.sources import Source
from assay.storage import Folder
from assay.storage.lock import locked
from assay.storage.project_folder import (
    STATE,
    ensure_project,
    newest_readable_run,
    record_run,
    require_project_folder,
)
from assay.version import __version__


def analyze_source(
    source: Source,
    folder: Folder,
    settings: Settings,
    progress: Progress,
    *,
    pred_probs: Any = None,
    pred_classes: Sequence[Any] | None = None,
    embeddings: Any = None,
) -> dict[str, Any]:
    """Analyse and return the run's record. Resumable at any moment: only unfinished shards are done again."""
    started = time.time()
    require_project_folder(folder)
    with locked(folder):
        ensure_project(folder)
        folder.sweep()
        before = newest_readable_run(folder)
        previous = _previous(folder, before)
        if settings.task == "multi-class" and source.given is None:
            raise SourceError("the task multi-class needs labels; name the label column with --label")
        if settings.task == "unsupervised" and source.given is not None:
            source = _without_labels(source)
        dataset = write_dataset(folder, source, previous)
        if previous is None:
            _require_same_rows(folder, before, dataset)
        write_scope(folder, dataset.fingerprint, scope_of(source))
        arrays = _user_arrays(folder, dataset, pred_probs, pred_classes, embeddings, len(source.ids))
        notes = [*source.notes, *_changes(dataset, previous)]
        for note in notes:
            progress.say(note)
        with LocalExecutor(settings.workers, debug=settings.debug) as executor:
            runner = Runner(folder, executor, progress, before)
            runner.notes += notes
            outcome = pipeline.run(runner, dataset, settings, arrays)
        run = {
            "dataset": dataset.fingerprint,
            "modality": dataset.modality,
            "task": dataset.target.task,
            "name": dataset.name,
            "origin": source.origin,
            "n_rows": len(dataset.order),
            "classes": dataset.classes,
            "roles": {
                name: getattr(dataset.roles, name) for name in ("label", "text", "image", "id", "split", "features")
            },
            "settings": {
                "seed": settings.seed,
                "effort": settings.effort,
                "encoders": list(settings.encoders),
                "task": settings.task,
            },
            "stages": runner.stages,
            "tables": outcome.tables,
            "vectors": outcome.vectors,
            "properties": list(outcome.properties),
            "checks": check_records(dataset, runner, outcome),
            "findings": outcome.insights,
            "graph": outcome.graph,
            "prediction": outcome.prediction,
            "embeddings": list(outcome.embeddings),
            "missing": outcome.missing,
            "notes": list(dict.fromkeys(runner.notes)),
            "redone": runner.redone,
            "timings": runner.costs,
            "seconds": round(time.time() - started, 2),
            "workers": settings.workers,
            "worker_deaths": executor.deaths,
            "versions": _versions(),
        }
        record_run(folder, run)
    return run


def _previous(folder: Folder, before: dict[str, Any] | None) -> Dataset | None:
    """The dataset of the run before; None where there is none, or it is damaged."""
    if before is None:
        return None
    try:
        return read_dataset(folder, before["dataset"])
    except ProjectError:
        return None


def _require_same_rows(folder: Folder, before: dict[str, Any] | None, dataset: Dataset) -> None:
    """Row numbers were given without the dataset of the run before, which is damaged or unknown: that is right if the
    data is still the same. `ProjectError` if it is not and decisions name rows by their numbers."""
    known = before["dataset"] if before is not None else None
    if known == dataset.fingerprint or not folder.exists(STATE):
        return
    lost = f"dataset/{known}" if known else "the record of the last run"
    raise ProjectError(
        f"{lost} in {folder.root} is damaged, and the data has changed since: decisions could no longer be told to their "
        "rows. Restore it from a copy, give the data as it was, or choose another project with -o"
    )


def _changes(dataset: Dataset, previous: Dataset | None) -> list[str]:
    """What came to the data and what went from it since the run before, by row id."""
    if previous is None:
        return []
    before = np.zeros(dataset.n_rows, bool)
    before[previous.order] = True
    now = np.zeros(dataset.n_rows, bool)
    now[dataset.order] = True
    came, gone = int((now & ~before).sum()), int((before & ~now).sum())
    notes = []
    if came:
        notes.append(f"{came:,} {'row is' if came == 1 else 'rows are'} new since the run before")
    if gone:
        notes.append(
            f"{gone:,} {'row' if gone == 1 else 'rows'} of the run before {'is' if gone == 1 else 'are'} {MISSING}"
        )
    return notes


def _without_labels(source: Source) -> Source:
    from dataclasses import replace

    return replace(source, given=None)


def _user_arrays(
    folder: Folder, dataset: Dataset, pred_probs: Any, names: Sequence[Any] | None, embeddings: Any, n: int
) -> UserArrays:
    kept = adopt_embeddings(folder, embeddings, n)
    probabilities, columns = adopt_pred_probs(folder, pred_probs, names, dataset.classes, n)
    return UserArrays(probabilities, columns, kept)


def check_records(dataset: Dataset, runner: Runner, outcome: pipeline.Outcome) -> list[dict[str, Any]]:
    """Every check of this modality as ran / skipped (why) / failed (why), with its count."""
    records = []
    for check in CHECKS:
        if dataset.modality not in check.modalities:
            continue
        kind = BY_NAME[check.flag].kind
        record: dict[str, Any] = {"name": check.name, "title": check.title, "status": "ran", "why": "", "count": None}
        if check.needs_labels and not dataset.target.has_labels:
            record |= {"status": "skipped", "why": "the data has no labels"}
        elif check.name == "cross_split_duplicate" and dataset.splits is None:
            record |= {"status": "skipped", "why": "the data has no splits"}
        elif kind in runner.failed:
            record |= {"status": "failed", "why": runner.failed[kind]}
        elif kind in runner.skipped:
            record |= {"status": "skipped", "why": runner.skipped[kind]}
        else:
            record["count"] = outcome.flags.get(check.flag, 0)
        records.append(record)
    for finding in FINDING_CHECKS:
        if dataset.modality not in finding.modalities or (finding.needs_labels and not dataset.target.has_labels):
            continue
        failed = runner.failed.get("insights")
        count = None if failed else outcome.insight_counts.get(finding.name, 0)
        status = "failed" if failed else "ran"
        records.append(
            {"name": finding.name, "title": finding.title, "status": status, "why": failed or "", "count": count}
        )
    return records


def failures(run: dict[str, Any]) -> list[str]:
    return [f"{check['name']}: {check['why']}" for check in run["checks"] if check["status"] == "failed"]


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    names: Iterable[str] = (
        "numpy",
        "pandas",
        "pyarrow",
        "scikit-learn",
        "onnxruntime",
        "lightgbm",
        "opencv-python-headless",
    )
    return {"assay": __version__, "python": platform.python_version()} | {name: version(name) for name in names}
