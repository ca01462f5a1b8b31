"""A whole run: stages in their order, checks that may fail without taking the run down, one immutable record at the end.

In: a `Source`, a project folder, `Settings`, the user's arrays. Out: runs/NNNN.json and everything it points at.
Does not know: what the stages compute, how results are shown.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from assay.analysis import pipeline
from assay.analysis.accounting import accounting
from assay.analysis.estimate import load_of
from assay.analysis.local_executor import LocalExecutor
from assay.analysis.memory import MB, MemoryPlan, make_plan
from assay.analysis.progress import Progress
from assay.analysis.runner import Runner
from assay.analysis.settings import Settings, UserArrays, adopt_embeddings, adopt_pred_probs
from assay.checks import CHECKS, FINDING_CHECKS
from assay.columns import BY_NAME
from assay.dataset.dataset import MISSING, Dataset, check_labels, read_dataset, write_dataset
from assay.dataset.following import Followed, Standing, contents, follow, same_numbers
from assay.dataset.identity import SAME
from assay.dataset.originals import write_originals
from assay.dataset.scope import scope_of, write_scope
from assay.dataset.target import KINDS
from assay.errors import ProjectError, SourceError, UsageError
from assay.sources import Source
from assay.storage import Folder
from assay.storage.lock import locked
from assay.storage.project_folder import (
    STATE,
    ensure_project,
    newest_readable_run,
    record_run,
    require_project_folder,
    start_anew,
)
from assay.version import __version__

LISTED = 20  # decisions that are named one by one


def analyze_source(
    source: Source,
    folder: Folder,
    settings: Settings,
    progress: Progress,
    *,
    pred_probs: Any = None,
    pred_classes: Sequence[Any] | None = None,
    embeddings: Any = None,
    decided: Callable[[], Mapping[int, Standing]] | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """Analyse and return the run's record. Resumable at any moment: only unfinished shards are done again.

    decided : what stands about the rows of the project, by row number; it follows the rows. replace : let the project
    become one of another source.

    Raises
    ------
    UsageError
        the labels are none of the task's, the project belongs to another source, or the run does not fit into the memory
        that the user allows.
    """
    started = time.time()
    said = check_labels(source) if settings.task != "unsupervised" else []
    plan = plan_memory(source, settings, own_embeddings=embeddings is not None)
    require_project_folder(folder)
    with locked(folder):
        ensure_project(folder)
        folder.sweep()
        before = newest_readable_run(folder)
        previous = _previous(folder, before)
        unknown = previous is None
        standing = dict(decided()) if decided is not None and previous is not None else {}
        if settings.task == "multi-class" and source.given is None:
            raise SourceError("the task multi-class needs labels; name the label column with --label")
        if settings.task == "unsupervised" and source.given is not None:
            source = _without_labels(source)
        followed = same = None
        lost: list[str] = []
        if previous is not None and before is not None:
            try:
                followed = follow(folder, source, previous, standing)
            except ProjectError:  # its cells are damaged
                same, unknown = same_numbers(source, previous), True
                previous = previous if same is not None else None
            if followed is not None and followed.share < SAME:
                lost = _other_source(folder, source, before, followed, standing, replace)
                previous = followed = None
        numbers = followed.number_of if followed is not None else same
        dataset = write_dataset(folder, source, previous, numbers, contents(source))
        if unknown:
            _require_same_rows(folder, before, dataset)
        if previous is not None and followed is not None:
            lost = _lost(dataset, previous, followed, standing)
        write_scope(folder, dataset.fingerprint, scope_of(source))
        originals = write_originals(folder, dataset.fingerprint, source.originals)
        arrays = _user_arrays(folder, dataset, pred_probs, pred_classes, embeddings, len(source.ids))
        notes = [*source.notes, *said, *_changes(dataset, previous), *lost]
        for note in notes:
            progress.say(note)
        pa.default_memory_pool().release_unused()  # what reading the source left behind
        with LocalExecutor(plan.workers, debug=settings.debug, fresh=plan.fresh) as executor:
            runner = Runner(folder, executor, progress, before)
            runner.reading += source.notes
            runner.notes += notes
            outcome = pipeline.run(runner, dataset, settings, arrays, plan)
        run = {
            "dataset": dataset.fingerprint,
            "modality": dataset.modality,
            "task": dataset.target.task,
            "name": dataset.name,
            "origin": source.origin,
            "originals": originals,
            "n_rows": len(dataset.order),
            "accounting": accounting(
                len(dataset.order), _not_analyzed(folder, dataset, outcome.vectors), source.left_out
            ),
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
            "ontology": outcome.ontology,
            "graph": outcome.graph,
            "prediction": outcome.prediction,
            "embeddings": list(outcome.embeddings),
            "missing": outcome.missing,
            "levels": [list(kind) for kind in outcome.levels],
            "notes": list(dict.fromkeys(runner.notes)),
            "reading": list(dict.fromkeys(runner.reading)),
            "redone": runner.redone,
            "timings": runner.costs,
            "seconds": round(time.time() - started, 2),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "workers": plan.workers,
            "worker_deaths": executor.deaths,
            "versions": _versions(),
        }
        record_run(folder, run)
    return run


def _not_analyzed(folder: Folder, dataset: Dataset, vectors: str) -> list[str]:
    """Why present rows were not analysed, in the user's order."""
    reasons = folder.get_table(f"{vectors}.reasons.parquet")["reason"].take(pa.array(dataset.order))
    return list(reasons.drop_null().to_pylist())


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
    if known is None and folder.names("dataset") == [dataset.fingerprint]:  # the only one there ever was
        return
    lost = f"dataset/{known}" if known else "the record of the last run"
    raise ProjectError(
        f"{lost} in {folder.root} is damaged, and the data has changed since: decisions could no longer be told to their "
        "rows. Restore it from a copy, give the data as it was, or choose another project with -o"
    )


def _other_source(
    folder: Folder,
    source: Source,
    before: Mapping[str, Any],
    followed: Followed,
    standing: Mapping[int, Standing],
    replace: bool,
) -> list[str]:
    """Begin the project anew, or refuse to: `UsageError`."""
    if not replace:
        was = before.get("origin") or "another table in memory"
        now = source.origin or "this one" if was != source.origin else "what is there now"
        many = "1 decided row" if len(standing) == 1 else f"{len(standing):,} decided rows"
        aside = f", and sets its {many} aside" if standing else ""
        raise UsageError(
            f"{folder.root} holds the results of {was}, and {now} is other data ({followed.share:.0%} of the rows are the "
            f"same). Give it a project of its own with -o (in Python: output=); --replace (replace=True) begins this one "
            f"anew{aside}"
        )
    if standing:
        start_anew(folder)
        return [
            f"the project is begun anew: {len(standing):,} decided rows of {before.get('origin') or 'before'} are set aside"
        ]
    return ["most rows are not those of the run before: the project is begun anew"]


def _lost(dataset: Dataset, previous: Dataset, followed: Followed, standing: Mapping[int, Standing]) -> list[str]:
    """Decisions whose rows went or cannot be told, or that the labels cannot hold: one line each kind, and one a row."""
    if not standing:
        return []
    ids = previous.rows["row_id"]
    present = set(dataset.order.tolist()) | followed.unfit.keys()
    asked = {row: candidates for rows, candidates in followed.unsure for row in rows if row in standing}
    gone = [
        row for row in standing if row not in present and row not in asked and previous.rows["order"][row].as_py() >= 0
    ]
    notes = []
    if gone:
        notes.append(
            "1 decided row is no longer in the source; its decision is kept, and holds if the row comes back:"
            if len(gone) == 1
            else f"{len(gone):,} decided rows are no longer in the source; they are kept, and hold if the rows come back:"
        )
        notes += [f"  {ids[row].as_py()}: {standing[row].words}" for row in gone[:LISTED]]
        notes += [f"  ... and {len(gone) - LISTED:,} more"] if len(gone) > LISTED else []
    if asked:
        what = "1 decision is" if len(asked) == 1 else f"{len(asked):,} decisions are"
        notes.append(f"{what} set aside, for nobody can tell which row is meant; please decide again:")
        for row, candidates in list(asked.items())[:LISTED]:
            new = ", ".join(str(source_id) for source_id in candidates[:5]) + (", ..." if len(candidates) > 5 else "")
            notes.append(f"  {ids[row].as_py()}: {standing[row].words} (is it row {new} now?)")
        notes += [f"  ... and {len(asked) - LISTED:,} more"] if len(asked) > LISTED else []
    if unfit := list(followed.unfit.items()):
        what = "1 decision is" if len(unfit) == 1 else f"{len(unfit):,} decisions are"
        kind = KINDS[type(dataset.classes[0])]
        notes.append(f"{what} set aside, for labels are {kind} now and what was decided is none; please decide again:")
        notes += [f"  {ids[row].as_py()}: {standing[row].words} (row {at} now)" for row, at in unfit[:LISTED]]
        notes += [f"  ... and {len(unfit) - LISTED:,} more"] if len(unfit) > LISTED else []
    return notes


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


def plan_memory(source: Source, settings: Settings, *, own_embeddings: bool) -> MemoryPlan:
    """How much may run at once. `UsageError` where the bound that the user gave is too small for these data."""
    plan = make_plan(settings.memory, settings.workers, load_of(source, settings, own_embeddings))
    if settings.bounded and plan.smallest > settings.memory:
        least = f"{plan.smallest // MB + 1}MB"
        raise UsageError(
            f"--memory {settings.memory // MB}MB is too little for {len(source.ids):,} rows: the stage {plan.largest!r} "
            f"needs {least} with one worker; give --memory {least} or more"
        )
    return plan


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
        failed = runner.failed.get(finding.name) or runner.failed.get(finding.stage)
        why = failed or runner.skipped.get(finding.name, "")
        status = "failed" if failed else "skipped" if why else "ran"
        count = outcome.insight_counts.get(finding.name, 0) if status == "ran" else None
        records.append({"name": finding.name, "title": finding.title, "status": status, "why": why, "count": count})
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
