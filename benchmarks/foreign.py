"""Outliers and foreign rows: Assay, and pyod's isolation forest, ECOD and kNN on the same vectors in the same run.

    foreign.py

In: six ODDS tables, clinc150 with its out-of-scope queries, pictures with foreign ones among them. Out:
``results/foreign.json`` with tables for the page. Does not know: how anything is found.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

import assay
from measure import commit, machine
from page import RESULTS
from peer_env import peer_python, peer_versions
from problems import SETS, data_dir
from scoring import score
from vectors import HERE, SCRATCH, analyse, read

Row = dict[str, Any]
PLACE = SCRATCH / "foreign"
FOREIGN = 60
PHOTOS = (
    "Leopards",
    "buddha",
    "elephant",
    "garfield",
    "grand_piano",
    "laptop",
    "menorah",
    "sunflower",
    "umbrella",
    "watch",
)


@dataclass(frozen=True)
class Problem:
    """``raw``: the columns as they are, for tables (peers get them standardised too)."""

    name: str
    data: Path
    options: dict[str, Any]
    is_outlier: NDArray[np.bool_]
    raw: NDArray[Any] | None = None


def problems() -> Iterator[Problem]:
    PLACE.mkdir(parents=True, exist_ok=True)
    for name in SETS:
        arrays = np.load(data_dir() / "odds_outliers" / f"{name}.npz")
        frame = pd.DataFrame(arrays["X"], columns=[f"f{at}" for at in range(arrays["X"].shape[1])])
        options = {"modality": "table", "task": "unsupervised"}
        outlier = arrays["y"].reshape(-1).astype(bool)
        yield Problem(f"odds: {name}", _csv(frame, name), options, outlier, arrays["X"])
    table = pd.read_csv(data_dir() / "clinc150" / "clinc150.csv")
    outside = table["is_oos"].to_numpy(bool)
    frame = pd.DataFrame({"text": table["text"], "label": table["intent"].where(~outside, "")})
    yield Problem("clinc150, out of scope, no label", _csv(frame, "clinc"), {"text": "text", "label": "label"}, outside)
    frame["label"] = _with_random_labels(frame["label"].to_numpy(object), outside)
    name = "clinc150, out of scope, random label"
    yield Problem(name, _csv(frame, "clinc_labelled"), {"text": "text", "label": "label"}, outside)
    yield _photos_among_cifar()
    yield _digits_among_fashion()


def _csv(frame: pd.DataFrame, name: str) -> Path:
    file = PLACE / f"{name}.csv"
    frame.to_csv(file, index=False)
    return file


def _with_random_labels(labels: NDArray[Any], outside: NDArray[np.bool_]) -> NDArray[Any]:
    out = labels.copy()
    names = np.unique(labels[~outside].astype(str))
    out[outside] = np.random.default_rng(1).choice(names, int(outside.sum()))
    return out


def _pictures(name: str, pictures: list[Image.Image], labels: NDArray[Any], outside: NDArray[np.bool_]) -> Path:
    folder = PLACE / name
    folder.mkdir(exist_ok=True)
    paths = [str(folder / f"{row:05d}.png") for row in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        picture.save(path)
    return _csv(pd.DataFrame({"image": paths, "label": _with_random_labels(labels, outside)}), name)


def _photos_among_cifar() -> Problem:
    """Photographs of things that CIFAR-10 has no class for, shrunk to its 32 x 32 pixels, under random labels by people."""
    table = pd.read_csv(data_dir() / "cifar10n_6k" / "labels.csv").iloc[::2]
    files = [file for kind in PHOTOS for file in sorted((data_dir() / "photos_600" / kind).glob("*.jpg"))]
    chosen = np.random.default_rng(0).choice(len(files), FOREIGN, replace=False)
    pictures = [Image.open(data_dir() / "cifar10n_6k" / file).convert("RGB") for file in table["file"]]
    for at in chosen:
        picture = Image.open(files[at]).convert("RGB")
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
        pictures.append(picture.resize((32, 32), Image.Resampling.LANCZOS))
    outside = np.arange(len(pictures)) >= len(table)
    labels = np.r_[table["random1_name"].to_numpy(object), np.full(FOREIGN, "", object)]
    data = _pictures("cifar", pictures, labels, outside)
    return Problem("cifar10n_6k, photographs among it", data, {"image": "image", "label": "label"}, outside)


def _digits_among_fashion() -> Problem:
    from sklearn.datasets import load_digits

    arrays = np.load(data_dir() / "fashion_mnist_5k" / "fashion_5k.npz")
    pictures = [Image.fromarray(pixels) for pixels in arrays["X"]]
    digits = load_digits().images
    for at in np.random.default_rng(0).choice(len(digits), FOREIGN, replace=False):
        small = Image.fromarray(np.round(digits[at] * (255 / 16)).astype(np.uint8))
        pictures.append(small.resize((28, 28), Image.Resampling.BICUBIC))
    outside = np.arange(len(pictures)) >= len(arrays["X"])
    labels = np.r_[arrays["y"].astype(str).astype(object), np.full(FOREIGN, "", object)]
    data = _pictures("fashion", pictures, labels, outside)
    return Problem("fashion_mnist_5k, digits among it", data, {"image": "image", "label": "label"}, outside)


def measure(problem: Problem) -> Iterator[Row]:
    place = PLACE / problem.data.stem
    project = place.with_suffix(".assay")
    analyse(problem.data, problem.options, project)
    found = assay.open(project).results(columns=["is_outlier", "outlier_score"])
    head = {"problem": problem.name, "rows": len(problem.is_outlier)}
    flags, scores = (found[name].to_numpy(zero_copy_only=False) for name in ("is_outlier", "outlier_score"))
    yield head | {"method": "Assay", "vectors": ""} | score(problem.is_outlier, scores, flags)
    arrays = read(project)
    views = [array.astype(np.float32) for name, array in arrays.items() if name.startswith("view_")]
    if problem.raw is None:  # as Assay joins them: every view at unit length
        views = [view / np.maximum(np.linalg.norm(view, axis=1, keepdims=True), 1e-9) for view in views]
    inputs = {"Assay's vectors": np.hstack(views)}
    if problem.raw is not None:
        spread = problem.raw.std(0)
        inputs["columns, standardised"] = (problem.raw - problem.raw.mean(0)) / np.where(spread > 0, spread, 1)
    for name, x in inputs.items():
        np.save(PLACE / "input.npy", x)
        job = {"input": str(PLACE / "input.npy"), "output": str(PLACE / "output.npz")}
        (PLACE / "job.json").write_text(json.dumps(job))
        subprocess.run([str(peer_python()), str(HERE / "foreign_peers.py"), str(PLACE / "job.json")], check=True)
        for method, scores in np.load(PLACE / "output.npz").items():
            ranking = score(problem.is_outlier, scores, np.zeros(len(scores), bool))
            yield head | {"method": f"pyod {method}", "vectors": name, "auroc": ranking["auroc"], "ap": ranking["ap"]}


# tables ------------------------------------------------------------------------------------------------------


def best_vectors(rows: list[Row]) -> list[Row]:
    """Of tables, each peer on the vectors with the better mean AUROC (a help to the peers); its name says which."""
    out = [row for row in rows if not row["problem"].startswith("odds") or row["method"] == "Assay"]
    for method in dict.fromkeys(row["method"] for row in rows if row["method"] != "Assay"):
        mine = [row for row in rows if row["method"] == method and row["problem"].startswith("odds")]
        inputs = list(dict.fromkeys(row["vectors"] for row in mine))
        best = max(inputs, key=lambda name: np.mean([row["auroc"] for row in mine if row["vectors"] == name]))
        out += [row for row in mine if row["vectors"] == best]
    order = {row["problem"]: at for at, row in enumerate(rows)}
    return sorted(out, key=lambda row: order[row["problem"]])


def table(title: str, text: str, rows: list[Row]) -> Row:
    methods = list(dict.fromkeys(row["method"] for row in rows))
    names = list(dict.fromkeys(row["problem"] for row in rows))
    at = {(row["problem"], row["method"]): row for row in rows}
    body = []
    for name in names:
        top = max(at[name, method]["auroc"] for method in methods)
        cells = [_cell(at[name, method]["auroc"], at[name, method]["ap"], top) for method in methods]
        ours = at[name, "Assay"]
        flags = f"{ours['flagged']}: {ours['precision'] or 0:.2f} / {ours['recall']:.2f}"
        body.append([name, at[name, "Assay"]["faults"], *cells, flags])
    means = means_of(rows)
    top = max(auroc for auroc, _ in means.values())
    body.append(["mean", "", *(_cell(*means[method], top) for method in methods), ""])
    heads = ["data", "outliers", *(f"{method}: AUROC / AP" for method in methods), "Assay's flags: precision / recall"]
    return {"title": title, "text": text, "heads": heads, "rows": body}


def _cell(auroc: float, ap: float, top: float) -> str:
    return f"**{auroc:.3f}** / {ap:.3f}" if auroc == top else f"{auroc:.3f} / {ap:.3f}"


def means_of(rows: list[Row]) -> dict[str, tuple[float, float]]:
    out = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        out[method] = (float(np.mean([row["auroc"] for row in mine])), float(np.mean([row["ap"] for row in mine])))
    return out


def verdict(rows: list[Row]) -> str:
    means = means_of(rows)
    best = max((name for name in means if name != "Assay"), key=lambda name: means[name][0])
    ours, theirs = means["Assay"][0], means[best][0]
    return f"mean AUROC {ours:.3f} against {theirs:.3f} ({best}), goal {'met' if ours > theirs else 'missed'}"


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    rows = []
    for problem in problems():
        for row in measure(problem):
            rows.append(row)
            print(row, flush=True)
    best = best_vectors(rows)
    tabular = [row for row in best if row["problem"].startswith("odds")]
    others = [row for row in best if not row["problem"].startswith("odds")]
    for name, some in (("all", best), ("tables", tabular), ("others", others)):
        print(name, verdict(some), {method: np.round(of, 3).tolist() for method, of in means_of(some).items()})
    text = (
        "pyod 3.6.7 with its defaults. On tables each peer ran on Assay's vectors and on the standardised columns, and is shown "
        f"with the one of better mean AUROC. Goal, mean AUROC above the best single one: over everything {verdict(best)}; tables "
        f"{verdict(tabular)}; texts and pictures {verdict(others)}."
    )
    other_text = (
        f"Peers on Assay's own vectors, all views joined at unit length. {FOREIGN} foreign pictures each: photographs of things "
        "CIFAR-10 has no class for, shrunk to 32 pixels, among 3,000 of its pictures with labels by people; handwritten digits "
        "among Fashion-MNIST. All carry a random label. Assay also looks at labels, which the peers do not know how to."
    )
    record = {
        "commit": commit(),
        "machine": machine() | {"peers": peer_versions()},
        "rows": rows,
        "tables": [table("Outliers of tables", text, tabular), table("Foreign texts and pictures", other_text, others)],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "foreign.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
