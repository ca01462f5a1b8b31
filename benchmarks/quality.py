"""Quality and cost of Assay on real data, with cleanlab 2.9 side by side.

    quality.py [DATASET ...] [--missing]

In: the development datasets. Out: ``benchmarks/results/quality-DATASET.json`` and ``docs/benchmarks.md``.
Does not know: how anything is found. Every method runs as a process of its own, so that time, CPU and memory are of the
whole of it; Assay is read through the project it leaves behind.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import assay
from measure import Cost, commit, machine, run
from page import RESULTS, write_page
from problems import PROBLEMS, Problem, data_dir
from scoring import closure, pairs_of, score, score_pairs

HERE = Path(__file__).resolve().parent
Row = dict[str, Any]
OWN = {  # what the tutorials would do: (features, model, name in the table)
    "image": [("hog", "logistic", "HOG"), ("handed over", "logistic", "Assay's vectors")],
    "text": [("tfidf", "logistic", "TF-IDF")],
    "table": [("cells", "logistic", "one-hot, scaled"), ("cells", "trees", "one-hot, scaled")],
}
UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Outcome:
    """What Assay left behind, in the order of the data."""

    columns: dict[str, NDArray[Any]]
    cost: Cost
    codes: NDArray[np.int64]
    classes: list[str]
    pred_probs: NDArray[np.float32] | None
    vectors: dict[str, NDArray[Any]]
    estimate: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", metavar="DATASET", help=f"default: all of {', '.join(PROBLEMS)}")
    parser.add_argument("--missing", action="store_true", help="only datasets without a result")
    given = parser.parse_args()
    unknown = [name for name in given.datasets if name not in PROBLEMS]
    if unknown:
        parser.error(f"unknown dataset {unknown[0]!r}; choose from {', '.join(PROBLEMS)}")
    failed = []
    for name in given.datasets or PROBLEMS:
        file = RESULTS / f"quality-{name}.json"
        if given.missing and file.exists():
            continue
        try:
            rows = list(measure(name))
        except RuntimeError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed.append(name)
            continue
        record = {"dataset": name, "commit": commit(), "machine": machine(), "rows": rows}
        RESULTS.mkdir(exist_ok=True)
        file.write_text(json.dumps(record, indent=1) + "\n")
        print(f"{name}: {write_page()}")
    if failed:
        raise SystemExit(f"no result for {', '.join(failed)}")


def measure(name: str) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as place:
        for problem in PROBLEMS[name](data_dir(), Path(place)):
            for variant in ("plain", "MiniLM") if problem.modality == "text" else ("",):
                for row in side_by_side(problem, variant, Path(place)):
                    print("  ", {key: value for key, value in row.items() if value is not None}, flush=True)
                    yield row


def side_by_side(problem: Problem, variant: str, scratch: Path) -> Iterator[Row]:
    """Assay, cleanlab on Assay's probabilities and vectors, cleanlab on its tutorials' own."""
    place = Path(tempfile.mkdtemp(dir=scratch))
    ours = analyse(problem, variant, place)
    head = {"problem": problem.name, "variant": variant, "seed": problem.seed, "rows": len(problem.frame)}
    extra = {"estimate_seconds": ours.estimate}
    jobs = Jobs(problem, variant, ours, place)
    if problem.is_error is not None:
        known = problem.labels != ""
        truth = problem.is_error[known]
        own = [*OWN[problem.modality]] if variant != "MiniLM" else [("minilm", "logistic", "MiniLM")]

        def label(scores: NDArray[Any], flags: NDArray[Any], probabilities: NDArray[Any] | None) -> Row:
            accuracy = {} if probabilities is None else {"accuracy": jobs.accuracy(probabilities)}
            return head | {"part": "label errors"} | score(truth, scores[known], flags[known]) | accuracy

        found = label(ours.columns["label_issue_score"], ours.columns["is_label_issue"], ours.pred_probs)
        yield found | {"method": "Assay"} | ours.cost.record() | extra
        out, cost = jobs.run("label_issues")
        yield label(out["scores"], out["flags"], None) | {"method": "cleanlab, Assay's probabilities"} | cost.record()
        for features, model, title in own:
            out, cost = jobs.run("own_label_issues", features=features, model=model)
            method = f"cleanlab, {'logistic regression' if model == 'logistic' else 'extra-trees'} on {title}"
            yield label(out["scores"], out["flags"], out["pred_probs"]) | {"method": method} | cost.record()
    if problem.is_outlier is not None:
        head |= {"part": "outliers"}
        found = score(problem.is_outlier, ours.columns["outlier_score"], ours.columns["is_outlier"])
        yield head | found | {"method": "Assay"} | ours.cost.record() | extra
        own = [("handed over", "Assay's vectors")]
        own += [("cells", "one-hot, scaled")] if problem.modality == "table" else []
        for features, title in own:
            out, cost = jobs.run("vector_issues", features=features, check="outlier")
            found = score(problem.is_outlier, out["scores"], out["flags"])
            yield head | found | {"method": f"cleanlab Datalab, {title}"} | cost.record()
    if problem.copies:
        head |= {"part": "near duplicates"}
        yield head | jobs.copies(None) | {"method": "Assay"} | ours.cost.record() | extra
        for features, title in (("handed over", "Assay's vectors"), ("hog", "HOG")):
            out, cost = jobs.run("vector_issues", features=features, check="near_duplicate")
            yield head | jobs.copies(out) | {"method": f"cleanlab Datalab, {title}"} | cost.record()
    shutil.rmtree(place)


def analyse(problem: Problem, variant: str, place: Path) -> Outcome:
    """Run Assay and read what it found."""
    project_folder = place / "project.assay"
    estimate = dry_run(problem.data, problem.options) if variant != "plain" and problem.seed == 0 else None
    job = {"data": str(problem.data), "options": problem.options, "project": str(project_folder)}
    cost = run_job("assay_run.py", job | {"plain": variant == "plain"}, place)
    project = assay.open(project_folder)
    failed = [f"{check['name']}: {check['why']}" for check in project.run["checks"] if check["status"] == "failed"]
    if failed:
        raise RuntimeError("; ".join(failed))
    table = project.results()
    columns = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    if len(table) != len(problem.frame):
        raise RuntimeError(f"{len(table)} results for {len(problem.frame)} rows")
    classes = [str(name) for name in project.classes]
    code = {name: at for at, name in enumerate(classes)}
    codes = np.array([code.get(str(label), -1) for label in (problem.labels if problem.labels is not None else [])])
    position = np.empty(project.dataset.n_rows, np.int64)
    position[project.dataset.order] = np.arange(len(project))
    place_of_vectors = project.run["vectors"]
    at = position[np.load(project_folder / f"{place_of_vectors}.rows.npy")]

    def aligned(array: NDArray[Any]) -> NDArray[Any]:
        full = np.zeros((len(project), array.shape[1]), array.dtype)
        full[at] = array
        return full

    vectors = {
        view: aligned(np.load(project_folder / f"{place_of_vectors}.{view}.npy")) for view in project.run["embeddings"]
    }
    stage = project.run["stages"].get("predict")
    pred_probs = None
    if stage is not None:
        file = f"stages/predict/{stage['fingerprint']}/{stage['shards'][0]}.npy"
        pred_probs = aligned(np.load(project_folder / file))
    shutil.rmtree(project_folder)
    return Outcome(columns, cost, codes, classes, pred_probs, vectors, estimate)


def run_job(script: str, job: dict[str, Any], place: Path) -> Cost:
    file = place / "job.json"
    file.write_text(json.dumps(job))
    return run([sys.executable, str(HERE / script), str(file)])


def dry_run(data: Path, options: dict[str, Any]) -> float:
    """The seconds that ``assay analyze --dry-run`` promises."""
    words = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "assay", "analyze", str(data), *words, "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = promised_seconds(done.stdout + done.stderr)
    if seconds is None:
        raise RuntimeError(f"no estimate from {' '.join(command)}: {done.stdout} {done.stderr}")
    return seconds


def promised_seconds(printed: str) -> float | None:
    """The middle (geometric mean) of a printed estimate such as "40 s", "2 to 4 min", "50 s to 2 min"; None = none there."""
    amount = r"([\d.]+)(?: (s|min|h))?"
    found = re.search(rf"estimate: {amount}(?: to {amount})? with", printed)
    if found is None:
        return None
    low, unit, high, high_unit = found.groups()
    least = float(low) * UNITS[unit or high_unit]
    return math.sqrt(least * float(high) * UNITS[high_unit]) if high else least


class Jobs:
    """The peers' processes on one problem, and how their answers are scored."""

    def __init__(self, problem: Problem, variant: str, ours: Outcome, place: Path) -> None:
        self.problem, self.ours, self.place = problem, ours, place
        self.job: dict[str, Any] = {
            "data": str(problem.data),
            "label": problem.options.get("label"),
            "output": str(place / "found.npz"),
            "codes": str(place / "codes.npy"),
            "vectors": [],
        }
        np.save(place / "codes.npy", ours.codes)
        if ours.pred_probs is not None:
            self.job["pred_probs"] = str(place / "pred_probs.npy")
            np.save(place / "pred_probs.npy", ours.pred_probs)
        for name, view in ours.vectors.items():
            np.save(place / f"vectors-{name}.npy", view)
            self.job["vectors"].append(str(place / f"vectors-{name}.npy"))

    def run(self, name: str, **more: str) -> tuple[dict[str, NDArray[Any]], Cost]:
        cost = run_job("peers.py", self.job | {"job": name} | more, self.place)
        with np.load(self.place / "found.npz") as found:
            return dict(found), cost

    def accuracy(self, probabilities: NDArray[Any]) -> float:
        """Out-of-fold accuracy against the true labels, labelled rows."""
        known = self.ours.codes >= 0
        predicted = np.array(self.ours.classes, object)[probabilities[known].argmax(1)]
        assert self.problem.true_labels is not None
        return round(float((predicted == self.problem.true_labels[known]).mean()), 4)

    def copies(self, found: dict[str, NDArray[Any]] | None) -> Row:
        """Precision and recall by pairs; the ranking by rows that have a copy."""
        n = len(self.problem.frame)
        truth = pairs_of(closure(self.problem.copies, n))
        if found is None:
            ids = np.nan_to_num(self.ours.columns["near_duplicate_cluster_id"].astype(float), nan=-1).astype(int)
            pairs, scores = pairs_of(ids), self.ours.columns["near_duplicate_score"]
        else:
            pairs, scores = {(int(a), int(b)) for a, b in found["pairs"]}, found["scores"]
        unclear = {row for pair in self.problem.unclear for row in pair}
        copied = {row for pair in truth for row in pair}
        judged = np.array([row not in unclear or row in copied for row in range(n)])
        is_copy = np.isin(np.arange(n), sorted(copied))
        ranking = score(is_copy[judged], np.asarray(scores, float)[judged], np.zeros(judged.sum(), bool))
        ignored = {(min(pair), max(pair)) for pair in self.problem.unclear}
        return score_pairs(truth, ignored, pairs) | {"auroc": ranking["auroc"], "ap": ranking["ap"]}


if __name__ == "__main__":
    main()
