"""The learner beside the obvious ones: wrong labels ranked by Assay, and by scikit-learn's and LightGBM's probabilities.

    learner.py [DATASET ...]

In: the development datasets, small ones of scikit-learn. Out: ``results/learner.json`` with a table for the page. Does not know: how
anything is learned. Assay runs whole; its vectors and folds are handed to logistic regression (the C of three with the least
out-of-fold log-loss), the cells of tables, one-hot and scaled, to extra-trees and LightGBM as they come. Those rank by
self-confidence, and flag by cleanlab's `find_label_issues`. CPU is of learning and judging alone: nobody is billed for vectors.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import assay
from peers import cells, handed_over
from problems import NOISE, PROBLEMS, data_dir, with_noise
from scoring import score
from sides import call, keep, show
from vectors import analyse, stage

STRENGTHS = (0.1, 1.0, 10.0)  # C
SAME = 0.002  # a smaller difference of average precision is none
BILLED = ("folds", "predict/trees", "predict", "issues/label")
ROWS = 4_000  # of sets that are larger than they need be here
Made = Callable[
    [Any, NDArray[Any], NDArray[Any]], NDArray[Any]
]  # training rows, their labels, asked rows -> probabilities


@dataclass(frozen=True)
class Given:
    """A file, how it is read, and which rows' labels are wrong."""

    name: str
    modality: str
    data: Path
    options: dict[str, Any]
    is_error: NDArray[np.bool_]


def of_quality(name: str, scratch: Path) -> Given:
    """As in the tables of quality: their first seed."""
    of = next(PROBLEMS[name](data_dir(), scratch))
    assert of.is_error is not None
    return Given(name, of.modality, of.data, of.options, of.is_error)


def written(name: str, modality: str, frame: pd.DataFrame, label: str, options: dict[str, Any], scratch: Path) -> Given:
    """``frame`` with a tenth of the labels wrong, as a file."""
    labels, is_error = with_noise(frame[label].astype(str).to_numpy(object), NOISE, seed=0)
    frame.assign(**{label: labels}).to_csv(scratch / "data.csv", index=False)
    return Given(name, modality, scratch / "data.csv", {"label": label, **options}, is_error)


def clinc(scratch: Path) -> Given:
    frame = pd.read_csv(data_dir() / "clinc150" / "clinc150.csv")
    frame = frame[frame["intent"].isin(sorted(set(frame["intent"]) - {"oos"})[:40])][["text", "intent"]]
    return written("clinc150, 40 classes", "text", frame, "intent", {"text": "text"}, scratch)


def emotions(scratch: Path) -> Given:
    """Six families of emotions, of comments with one label; many of these labels are in doubt as they are."""
    frame = pd.read_csv(data_dir() / "goemotions" / "goemotions.csv")
    family = pd.read_csv(data_dir() / "goemotions" / "classes.csv").set_index("label")["parent_ekman"]
    frame = frame.assign(label=frame["labels"].map(family)).dropna(subset=["label"])[["text", "label"]]
    return written("goemotions", "text", frame.sample(ROWS, random_state=0), "label", {"text": "text"}, scratch)


def photos(scratch: Path) -> Given:
    files = sorted((data_dir() / "photos_600").glob("*/*.jpg"))
    frame = pd.DataFrame({"image": [str(file) for file in files], "label": [file.parent.name for file in files]})
    return written("photos_600", "image", frame, "label", {"image": "image"}, scratch)


def of_scikit(name: str, scratch: Path) -> Given:
    import sklearn.datasets

    found = getattr(sklearn.datasets, f"load_{name}")(as_frame=True)
    frame = found.data.assign(label=[f"class {code}" for code in found.target])
    return written(f"{name}, as a table", "table", frame, "label", {"modality": "table", "split": "none"}, scratch)


DATASETS: dict[str, Callable[[Path], Given]] = {
    "banking77": partial(of_quality, "banking77"),
    "clinc150": clinc,
    "goemotions": emotions,
    "cifar10n_6k": partial(of_quality, "cifar10n_6k"),
    "photos_600": photos,
    "hospital": partial(of_quality, "hospital"),
    "beers": partial(of_quality, "beers"),
    "digits": partial(of_scikit, "digits"),
    "wine": partial(of_scikit, "wine"),
    "breast_cancer": partial(of_scikit, "breast_cancer"),
}


def measure(given: Given, scratch: Path) -> Iterator[dict[str, Any]]:
    place = scratch / "project.assay"
    analyse(given.data, given.options, place)
    project = assay.open(place)
    results = project.results(columns=["label_issue_score", "is_label_issue"]).to_pandas()
    spent = sum(row["cpu_seconds"] for row in project.run["timings"] if row["stage"] in BILLED)
    rows = np.load(place / f"{project.run['vectors']}.rows.npy")
    at = np.empty(project.dataset.n_rows, np.int64)
    at[project.dataset.order] = np.arange(len(project))
    at = at[rows]  # vector row -> place in the data
    is_error = given.is_error[at]
    head = {"dataset": given.name, "rows": len(at), "classes": len(project.classes)}
    flags = results["is_label_issue"].to_numpy(bool)[at]
    found = score(is_error, results["label_issue_score"].to_numpy(float)[at], flags)
    yield head | {"method": "Assay"} | found | {"cpu_seconds": round(spent, 2)}
    labels = pd.read_csv(given.data, dtype=str)[given.options["label"]].to_numpy(object)[at]
    codes = np.unique(labels.astype(str), return_inverse=True)[1]
    folds = np.load(f"{stage(project, 'folds')[0]}.npy")
    files = [place / f"{project.run['vectors']}.{name}.npy" for name in project.run["embeddings"]]
    vectors = np.load(files[0]).astype(np.float32) if given.modality == "table" else handed_over({"vectors": files})
    sides: dict[str, tuple[Any, list[Made]]] = {
        "logistic regression": (vectors, [partial(logistic, strength) for strength in STRENGTHS])
    }
    if given.modality == "table":
        table = cells({"data": given.data, "label": given.options["label"]})[at]
        sides |= {"extra-trees": (table, [extra_trees]), "LightGBM": (table, [boosted])}
    for method, (x, models) in sides.items():
        with call() as cost:
            scores, flagged = ranked(models, x, codes, folds)
        yield head | {"method": method} | score(is_error, scores, flagged) | {"cpu_seconds": round(cost["cpu"], 2)}


def ranked(models: list[Made], x: Any, codes: NDArray[Any], folds: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Scores and flags off the model with the least out-of-fold log-loss."""
    from cleanlab.filter import find_label_issues

    with threadpool_limits(1):
        tried = [out_of_fold(model, x, codes, folds) for model in models]
    own = [probabilities[np.arange(len(codes)), codes] for probabilities in tried]
    best = int(np.argmin([-np.log(np.maximum(given, 1e-7)).mean() for given in own]))
    return 1 - own[best], find_label_issues(codes, tried[best])


def out_of_fold(model: Made, x: Any, codes: NDArray[Any], folds: NDArray[Any]) -> NDArray[Any]:
    out = np.zeros((len(codes), int(codes.max()) + 1))
    for fold in np.unique(folds):
        seen, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        out[np.ix_(held, np.unique(codes[seen]))] = model(x[seen], codes[seen], x[held])
    return out


def logistic(strength: float, x: Any, labels: NDArray[Any], asked: Any) -> NDArray[Any]:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=1_000).fit(x, labels).predict_proba(asked)


def extra_trees(x: Any, labels: NDArray[Any], asked: Any) -> NDArray[Any]:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(random_state=0).fit(x, labels).predict_proba(asked)


def boosted(x: Any, labels: NDArray[Any], asked: Any) -> NDArray[Any]:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(random_state=0, n_jobs=1, verbosity=-1).fit(x, labels).predict_proba(asked)


def tables(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    body, behind, dear = [], [], []
    for name in dict.fromkeys(row["dataset"] for row in rows):
        members = [row for row in rows if row["dataset"] == name]
        ours, rivals = members[0], members[1:]
        best = max(rivals, key=lambda row: row["ap"])
        if best["ap"] > ours["ap"] + SAME:
            behind.append(f"{name} ({ours['ap']:.3f} against {best['ap']:.3f} of {best['method']})")
        if ours["cpu_seconds"] > sum(row["cpu_seconds"] for row in rivals) / 2:
            dear.append(name)
        for row in members:
            first = [name, f"{row['rows']:,}", row["classes"]] if row is ours else ["", "", ""]
            numbers = [f"{row[key] or 0:.3f}" for key in ("ap", "auroc", "f1")]
            body.append([*first, row["method"], *numbers, f"{row['cpu_seconds']:.1f}"])
    return [
        {
            "title": "The learner beside the obvious ones",
            "text": "Wrong labels ranked (AP, AUROC) and flagged (F1). Assay as it runs; logistic regression on the same vectors and "
            "folds, the best of three C by out-of-fold log-loss; of tables extra-trees and LightGBM as they come, on one-hot, scaled "
            "cells; these rank by self-confidence and flag by cleanlab. A tenth of the labels is replaced, but cifar10n_6k has "
            "people's errors. CPU seconds are of learning and judging, one thread to a matrix product; vectors are nobody's. "
            f"Asked: average precision of the best of the others or more. Behind by more than {SAME}: "
            f"{'; '.join(behind) or 'nowhere'}. More than half of the CPU of the others together: {', '.join(dear) or 'nowhere'}.",
            "heads": ["dataset", "rows", "classes", "method", "AP", "AUROC", "F1", "CPU s"],
            "rows": body,
        }
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "datasets", nargs="*", metavar="DATASET", help=f"{', '.join(DATASETS)}; default: all, which is kept"
    )
    given = parser.parse_args()
    unknown = [name for name in given.datasets if name not in DATASETS]
    if unknown:
        parser.error(f"unknown dataset {unknown[0]!r}; choose from {', '.join(DATASETS)}")
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    rows = []
    for name in given.datasets or DATASETS:
        with tempfile.TemporaryDirectory(prefix="assay-learner-") as scratch:
            for row in measure(DATASETS[name](Path(scratch)), Path(scratch)):
                print(json.dumps(row), flush=True)
                rows.append(row)
    shown = tables(rows)
    show(shown)
    if not given.datasets:
        keep("learner", {"rows": rows, "tables": shown})


if __name__ == "__main__":
    main()
