"""A finished project of made-up rows, as large as ImageNet, for measuring what is built on projects. ``big_project.py FOLDER``

In: rows, classes, a seed. Out: a project folder that `assay.open` reads, written by the functions that an analysis uses: dataset,
issue tables, vectors, neighbour graph, run record. No pictures, thumbnails or probabilities. Does not know: what is measured.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.analysis.run import _versions
from assay.checks import CHECKS
from assay.columns import BY_NAME
from assay.dataset.dataset import PART, write_dataset
from assay.sources import Roles, Source
from assay.stages.issues import to_table
from assay.storage import Folder
from assay.storage.project_folder import ensure_project, record_run

ROWS, CLASSES = 1_281_167, 1_000
DIMS, NEAREST = 16, 15
WORDS_A_CAPTION = 8
SYLLABLES = ("ba", "co", "di", "fu", "ga", "he", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "ze")
SOURCES = ("flickr", "stock", "camera", "archive", "web")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--classes", type=int, default=CLASSES)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = time.monotonic()
    make(arguments.folder, arguments.rows, arguments.classes, arguments.seed)
    print(f"{arguments.folder}: {arguments.rows:,} rows in {time.monotonic() - started:.0f} s")


def make(path: Path, n: int = ROWS, k: int = CLASSES, seed: int = 0) -> None:
    """Write the project. Cost: about a minute and 3 GB of memory for a million rows."""
    rng = np.random.default_rng(seed)
    folder = Folder(path)
    ensure_project(folder)
    true = np.sort(rng.integers(0, k, n))  # in folders, a class after the other
    codes = true.copy()
    wrong = rng.random(n) < 0.03
    codes[wrong] = (true[wrong] + rng.integers(1, min(k, 6), int(wrong.sum()))) % k
    codes[rng.random(n) < 0.005] = -1
    dataset = write_dataset(folder, source(n, k, true, codes, rng), None)
    codes = dataset.codes.astype(np.int64)
    vectors = write_vectors(folder, n, true, dataset.codes, rng)
    tables, counts = {}, {"is_not_analyzed": 0, "is_initially_unlabeled": int((codes < 0).sum())}
    for kind, values in issue_columns(n, k, true, codes, rng).items():
        place = f"stages/issues/{kind}/made-up/all"
        table = to_table(kind, values, np.arange(n), n, dataset.classes)
        for part, start in enumerate(range(0, n, PART)):
            folder.put_table(f"{place}-{part:05d}.parquet", table.slice(start, PART))
        tables[kind] = place
        counts |= {
            name: int(pc.sum(table[name]).as_py()) for name in table.column_names if table[name].type == pa.bool_()
        }
    record_run(folder, record(dataset, tables, counts, vectors))


def source(n: int, k: int, true: NDArray[Any], codes: NDArray[Any], rng: np.random.Generator) -> Source:
    """Ids like those of ImageNet, a caption, a category, a number, a date."""
    synsets = pa.array([f"n{number:08d}" for number in np.sort(rng.choice(10**8, k, replace=False))])
    folders = synsets.take(pa.array(true))
    ids = pc.binary_join_element_wise(
        folders, pc.binary_join_element_wise("x", pa.array(np.arange(n)).cast(pa.string()), "_"), "/"
    )
    ids = pc.binary_join_element_wise(ids, ".JPEG", "")
    given = synsets.take(pa.array(codes, mask=codes < 0))
    split = pa.array(["train", "val"]).take(pa.array((rng.random(n) < 0.04).astype(np.int8)))
    blank = rng.random(n) < 0.02
    days = (np.datetime64("2015-01-01") + rng.integers(0, 3_650, n)).astype("datetime64[us]")
    cells = pa.table(
        {
            "file": ids,
            "label": given,
            "split": split,
            "caption": captions(n, rng),
            "origin": pa.array(SOURCES).take(pa.array(rng.integers(0, len(SOURCES), n), mask=blank)),
            "size_kb": pa.array(rng.lognormal(4.5, 0.5, n), mask=rng.random(n) < 0.01),
            "taken": pa.array(days, pa.timestamp("us")),
        }
    )
    roles = Roles(label="label", image="file", id="file", split="split")
    return Source("image", ids, cells, given, split, ["/nowhere"] * n, [""] * n, None, {}, roles, name="made-up")


def captions(n: int, rng: np.random.Generator) -> pa.Array:
    """Eight words a row out of 4,000, common ones first."""
    words = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES][:4_000]
    ranks = np.minimum(rng.zipf(1.3, (WORDS_A_CAPTION, n)) - 1, len(words) - 1)
    columns = [pa.array(words).take(pa.array(column)) for column in ranks]
    return pc.binary_join_element_wise(*columns, " ")


def write_vectors(
    folder: Folder, n: int, true: NDArray[Any], codes: NDArray[Any], rng: np.random.Generator
) -> dict[str, Any]:
    """Classes as clouds, and as neighbours rows of the same cloud."""
    place, graph = "stages/vectors/made-up/all", "stages/graph/made-up/all"
    k = int(true.max()) + 1
    centres = rng.normal(0, 1, (k, DIMS)).astype(np.float32)
    with folder.array_writer(f"{place}.cloud.npy", (n, DIMS), np.float16) as out:
        for start in range(0, n, PART):
            part = true[start : start + PART]
            out[start : start + PART] = centres[part] + 0.5 * rng.normal(0, 1, (len(part), DIMS))
    folder.put_array(f"{place}.rows.npy", np.arange(n))
    folder.put_table(f"{place}.reasons.parquet", pa.table({"reason": pa.nulls(n, pa.string())}))
    first = np.searchsorted(true, np.arange(k + 1))  # rows are sorted by their true class
    low, high = first[true][:, None], first[true + 1][:, None]
    ids = (low + (rng.random((n, NEAREST)) * (high - low)).astype(np.int64)).astype(np.int32)
    folder.put_array(f"{graph}.ids.npy", ids)
    folder.put_array(f"{graph}.distances.npy", np.sort(rng.gamma(4, 0.05, (n, NEAREST)).astype(np.float32), axis=1))
    return {"place": place, "graph": "made-up"}


def issue_columns(
    n: int, k: int, true: NDArray[Any], codes: NDArray[Any], rng: np.random.Generator
) -> dict[str, dict[str, NDArray[Any]]]:
    """Flags, scores and labels as an analysis might leave them, by kind of table."""
    labelled = codes >= 0
    issue = labelled & ((codes != true) & (rng.random(n) < 0.8) | (rng.random(n) < 0.01))
    quality = np.where(issue, rng.beta(1.5, 8, n), rng.beta(9, 1.5, n)).astype(np.float32)
    quality[~labelled] = np.nan
    suggested = np.where(issue, np.where(true == codes, (true + 1) % k, true), np.where(labelled, -1, true))
    confidence = np.where(suggested >= 0, rng.beta(8, 2, n), np.nan).astype(np.float32)
    second = (true + rng.integers(1, max(2, min(k, 6)), n)) % k
    sentences = np.full(n, None, object)
    sentences[issue] = "the models agree on another class"
    label = {
        "has_rare_class": np.zeros(n, bool),
        "predicted_label": true,
        "predicted_label_confidence": rng.beta(9, 1.5, n).astype(np.float32),
        "runner_up_label": second,
        "is_label_issue": issue,
        "label_issue_score": 1 - quality,
        "label_quality": quality,
        "p_label_error": np.where(labelled, np.where(issue, rng.beta(9, 1, n), rng.beta(1, 50, n)), np.nan).astype(
            np.float32
        ),
        "suggested_label": suggested,
        "suggested_label_confidence_score": confidence,
        "is_safe_to_fix": issue & (np.nan_to_num(confidence) > 0.9),
        "label_issue_reason": sentences,
        "is_well_labeled": labelled & ~issue & (np.nan_to_num(quality) > 0.8),
        "is_ambiguous": ~issue & (rng.random(n) < 0.02),
        "ambiguous_score": rng.random(n).astype(np.float32),
    }
    score = rng.permutation(n).astype(np.float32) / n
    outlier = score > 0.99
    why = np.full(n, None, object)
    why[outlier] = "its nearest rows are 2.1 times as far away as usual"
    cluster = np.full(n, -1, np.int64)
    members = rng.permutation(n)[: n // 33 // 2 * 2]
    cluster[members] = np.arange(len(members)) // 2
    copies = cluster >= 0
    exact = copies & (cluster % 3 == 0)
    kind = np.full(n, None, object)
    kind[copies] = "mirror"
    kind[exact] = "exact"
    conflict = copies & (cluster % 10 == 1)
    duplicate = {
        "is_exact_duplicate": exact,
        "is_near_duplicate": copies,
        "near_duplicate_score": np.where(exact, 1, np.where(copies, 0.97, np.nan)).astype(np.float32),
        "near_duplicate_cluster_id": cluster,
        "near_duplicate_kind": kind,
        "is_cross_split_duplicate": copies & (cluster % 20 == 2),
    }
    wrong = {
        "is_duplicate_label_conflict": conflict,
        "is_duplicate_label_wrong": conflict & (rng.random(n) < 0.5),
        "duplicate_correct_label": np.where(conflict, true, -1),
    }
    image: dict[str, NDArray[Any]] = {"is_grayscale": rng.random(n) < 0.01}
    for name in ("dark", "light", "blurry", "low_information", "odd_size", "odd_aspect_ratio"):
        values = rng.beta(1.2, 8, n).astype(np.float32)
        image |= {f"is_{name}": values > 0.65, f"{name}_score": values}
    image |= {"image_width": rng.integers(200, 900, n), "image_height": rng.integers(200, 900, n)}
    found = {"is_outlier": outlier, "outlier_score": score, "outlier_reason": why}
    return {"label": label, "outlier": found, "duplicate": duplicate, "conflict": wrong, "image": image}


def record(dataset: Any, tables: dict[str, str], counts: dict[str, int], vectors: dict[str, Any]) -> dict[str, Any]:
    """The record of a run that never was."""
    checks = [
        {"name": c.name, "title": c.title, "status": "ran", "why": "", "count": counts.get(c.flag, 0)}
        for c in CHECKS
        if "image" in c.modalities and BY_NAME[c.flag].kind in (*tables, "dataset")
    ]
    stages = {name: {"fingerprint": "made-up", "shards": ["all"]} for name in ("vectors", "graph")}
    return {
        "dataset": dataset.fingerprint, "modality": "image", "task": "multi-class", "name": dataset.name, "origin": "",
        "n_rows": len(dataset.order), "classes": dataset.classes,
        "roles": {name: getattr(dataset.roles, name) for name in ("label", "text", "image", "id", "split", "features")},
        "settings": {"seed": 0, "effort": "regular", "encoders": [], "task": "auto"},
        "stages": stages, "tables": tables, "vectors": vectors["place"], "properties": [], "checks": checks, "findings": "",
        "graph": {"k": NEAREST, "metric": "cosine", "recall": 1.0, "dims": DIMS}, "prediction": {}, "embeddings": ["cloud"],
        "missing": [], "notes": ["every row of this project is made up"], "redone": {}, "timings": [], "seconds": 0.0,
        "workers": 1, "worker_deaths": 0, "versions": _versions(),
    }  # fmt: skip


if __name__ == "__main__":
    main()
