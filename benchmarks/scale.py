"""Large data of each kind: seconds, CPU, memory of every stage and in all. ``scale.py [KIND ...] [--rows N] [--memory 1GB]``

In: the development datasets, multiplied. Out: ``results/scale-*.json``. Does not know: how Assay works; stage costs are in
the record of the run. The estimate of ``--dry-run`` is kept beside the real time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

import assay
from measure import commit, machine
from page import RESULTS, write_page
from problems import data_dir, with_noise
from quality import dry_run, run_job
from scoring import score

FLIPS = 0.05
ROWS = {"images": 50_000, "texts": 50_000, "table": 200_000}


@dataclass(frozen=True)
class Big:
    about: str
    data: Path
    options: dict[str, Any]
    is_error: NDArray[np.bool_]


def images(n: int, scratch: Path) -> Big:
    """cifar10n_6k, every picture several times: another crop, mirrored or not, another brightness; 5 % of the labels replaced.

    The labels by people would not do: eight copies of a picture under the same wrong label vouch for each other.
    """
    source = data_dir() / "cifar10n_6k"
    table = pd.read_csv(source / "labels.csv")
    rng = np.random.default_rng(0)
    pictures = [Image.open(source / file).convert("RGB") for file in table["file"]]
    paths, labels = [], []
    folder = scratch / "pictures"
    folder.mkdir()
    for at in range(n):
        row = at % len(pictures)
        side = int(rng.integers(22, 31))
        left, top = (int(value) for value in rng.integers(0, 33 - side, 2))
        picture = pictures[row].crop((left, top, left + side, top + side)).resize((32, 32), Image.Resampling.BICUBIC)
        if rng.random() < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        picture = ImageEnhance.Brightness(picture).enhance(float(rng.uniform(0.7, 1.3)))
        picture.save(folder / f"{at:06d}.png", compress_level=1)
        paths.append(str(folder / f"{at:06d}.png"))
        labels.append(table["clean_name"][row])
    given, is_error = with_noise(np.array(labels, object), FLIPS, seed=0)
    pd.DataFrame({"image": paths, "label": given}).to_csv(scratch / "data.csv", index=False)
    about = f"{n:,} images: crops, mirrors and brightness of cifar10n_6k, 5 % wrong labels"
    return Big(about, scratch / "data.csv", {"image": "image", "label": "label"}, is_error)


def texts(n: int, scratch: Path) -> Big:
    """The beginning of one question and the end of another of the same class; 5 % of the labels replaced."""
    source = data_dir()
    banking = pd.read_csv(source / "banking77" / "train.csv").rename(columns={"category": "label"})
    clinc = pd.read_csv(source / "clinc150" / "clinc150.csv").query("is_oos == 0").rename(columns={"intent": "label"})
    table = pd.concat([banking[["text", "label"]], clinc[["text", "label"]]], ignore_index=True)
    members = {name: group.tolist() for name, group in table["text"].groupby(table["label"])}
    rng = np.random.default_rng(0)
    made, labels = [], []
    for row in rng.integers(0, len(table), n):
        label = table["label"][row]
        first = table["text"][row].split()
        last = members[label][rng.integers(len(members[label]))].split()
        cut = rng.uniform(0.3, 0.7, 2)
        made.append(" ".join([*first[: max(1, int(cut[0] * len(first)))], *last[int(cut[1] * len(last)) :]]))
        labels.append(label)
    given, is_error = with_noise(np.array(labels, object), FLIPS, seed=0)
    pd.DataFrame({"text": made, "label": given}).to_csv(scratch / "data.csv", index=False)
    about = (
        f"{n:,} short texts: recombined questions of banking77 and clinc150, {len(members)} classes, 5 % wrong labels"
    )
    return Big(about, scratch / "data.csv", {"text": "text", "label": "label"}, is_error)


def table(n: int, scratch: Path) -> Big:
    """Numbers, categories, dates, words and gaps; the label follows from four of the columns; 5 % of the labels replaced."""
    rng = np.random.default_rng(0)
    number = rng.normal(size=(n, 4)) * [1, 10, 100, 1] + [0, 50, 1000, 0]
    amount = np.exp(rng.normal(3, 1, n)).round(2)
    city, plan = rng.integers(0, 60, n), rng.integers(0, 5, n)
    of_city = rng.normal(size=60)
    drive = number[:, 0] + (number[:, 1] - 50) / 10 + of_city[city] + np.array([-1, -0.5, 0, 0.5, 1])[plan]
    label = np.array(["very low", "low", "middle", "high", "very high"], object)[
        np.digitize(drive, np.quantile(drive, [0.2, 0.4, 0.6, 0.8]))
    ]
    given, is_error = with_noise(label, FLIPS, seed=0)
    blank = rng.random((n, 2)) < 0.02
    frame = pd.DataFrame(
        {
            "balance": np.where(blank[:, 0], np.nan, number[:, 0].round(4)),
            "age": number[:, 1].round(),
            "score": number[:, 2].round(1),
            "drift": number[:, 3].round(3),
            "amount": amount,
            "city": np.where(blank[:, 1], None, np.array([f"city {at}" for at in range(60)], object)[city]),
            "plan": np.array(["free", "basic", "plus", "team", "company"], object)[plan],
            "since": pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 1800, n), unit="D"),
            "active": rng.random(n) < 0.7,
            "reference": [f"ref-{value:07d}" for value in rng.integers(0, 10_000_000, n)],
            "label": given,
        }
    )
    frame.to_csv(scratch / "data.csv", index=False)
    about = f"{n:,} table rows: 10 columns of mixed kinds, 5 classes, 5 % wrong labels"
    return Big(about, scratch / "data.csv", {"label": "label", "modality": "table"}, is_error)


MAKERS: dict[str, Callable[[int, Path], Big]] = {"images": images, "texts": texts, "table": table}


def measure(name: str, n: int, scratch: Path, memory: str | None = None) -> dict[str, Any]:
    made = MAKERS[name](n, scratch)
    big = replace(made, options=made.options | ({"memory": memory} if memory else {}))
    estimate = dry_run(big.data, big.options)
    project_folder = scratch / "project.assay"
    cost = run_job(
        "assay_run.py", {"data": str(big.data), "options": big.options, "project": str(project_folder)}, scratch
    )
    project = assay.open(project_folder)
    found = project.results(columns=["label_issue_score", "is_label_issue"])
    names = ("stage", "wall_seconds", "cpu_seconds", "peak_megabytes", "shards")
    failed = [f"{check['name']}: {check['why']}" for check in project.run["checks"] if check["status"] == "failed"]
    if failed:
        raise RuntimeError("; ".join(failed))
    return {
        "dataset": name,
        "about": big.about,
        "whole": cost.record(),
        "estimate_seconds": estimate,
        "stages": [{key: row[key] for key in names} for row in project.run["timings"]],
        "graph": {key: project.run["graph"].get(key) for key in ("k", "recall", "dims")},
        "quality": score(big.is_error, found["label_issue_score"].to_numpy(), found["is_label_issue"].to_pylist()),
        "checks": {check["name"]: check["count"] for check in project.run["checks"]},
        "commit": commit(),
        "machine": machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="images, texts, table; default: all")
    parser.add_argument("--rows", type=int, help="fewer rows, to try it; nothing is kept")
    parser.add_argument("--memory", help="a bound such as 1GB, to try it; nothing is kept")
    given = parser.parse_args()
    for name in given.kinds or MAKERS:
        with tempfile.TemporaryDirectory(prefix="assay-scale-") as scratch:
            record = measure(name, given.rows or ROWS[name], Path(scratch), given.memory)
        print(
            json.dumps(
                record if given.rows or given.memory else {key: record[key] for key in ("about", "whole", "quality")},
                indent=1,
            )
        )
        if given.rows is None and given.memory is None:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"scale-{name}.json").write_text(json.dumps(record, indent=1) + "\n")
            write_page()


if __name__ == "__main__":
    main()
