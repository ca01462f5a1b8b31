"""Assay's vectors, neighbour graph and duplicate clusters of a dataset without its labels, made once and kept.

In: a file or folder and the options to read it with. Out: arrays in the data's order, cached in a scratch folder.
Does not know: truth, labels. One run of `assay.analyze` each, a process of its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import assay
from measure import commit, run

HERE = Path(__file__).resolve().parent
SCRATCH = Path(tempfile.gettempdir()) / "assay-bench"


@dataclass(frozen=True)
class Vectors:
    """``embeddings`` name -> (N, d); ``ids``, ``distances`` (N, k) of the graph; ``clusters`` (N,), -1 = no near duplicate."""

    embeddings: dict[str, NDArray[Any]]
    ids: NDArray[np.int32]
    distances: NDArray[np.float32]
    clusters: NDArray[np.int64]


def vectors(name: str, data: Callable[[Path], Path], options: dict[str, Any]) -> Vectors:
    """``data`` writes what is to be read into the folder it gets, and is only called where nothing is cached."""
    place = SCRATCH / "vectors" / name
    file = place / "arrays.npz"
    if not file.exists():
        place.mkdir(parents=True, exist_ok=True)
        project = place / "project.assay"
        analyse(data(place), {"task": "unsupervised", **options}, project)
        np.savez(file, **read(project))
    arrays = dict(np.load(file))
    return Vectors(
        {key[5:]: arrays[key] for key in arrays if key.startswith("view_")},
        arrays["ids"],
        arrays["distances"],
        arrays["clusters"],
    )


def analyse(data: Path, options: dict[str, Any], project: Path) -> None:
    """Run Assay as a process of its own, unless that came to its end before on this commit; what did not change resumes."""
    done, here = project.with_suffix(".done"), commit()
    if done.exists() and done.read_text() == here and not here.endswith("+"):
        return
    project.parent.mkdir(parents=True, exist_ok=True)
    job = project.with_suffix(".json")
    job.write_text(json.dumps({"data": str(data), "options": options, "project": str(project)}))
    run([sys.executable, str(HERE / "assay_run.py"), str(job)])
    done.write_text(here)


def read(folder: Path) -> dict[str, NDArray[Any]]:
    """``view_NAME``, ids, distances, clusters of a project whose rows were all analysed, in display order."""
    project = assay.open(folder)
    rows = np.load(folder / f"{project.run['vectors']}.rows.npy")
    if len(rows) != len(project):
        raise RuntimeError(f"{len(project) - len(rows)} rows were not analysed")
    at = np.empty(project.dataset.n_rows, np.int64)
    at[project.dataset.order] = np.arange(len(project))
    at = at[rows]  # vector row -> place in the data
    graph = stage(project, "graph")[0]
    ids = np.load(f"{graph}.ids.npy")
    found = {
        f"view_{name}": _placed(np.load(folder / f"{project.run['vectors']}.{name}.npy"), at)
        for name in project.run["embeddings"]
    }
    found["ids"] = _placed(np.where(ids >= 0, at[np.maximum(ids, 0)], -1).astype(np.int32), at)
    found["distances"] = _placed(np.load(f"{graph}.distances.npy"), at)
    clusters = project.results(columns=["near_duplicate_cluster_id"])["near_duplicate_cluster_id"]
    found["clusters"] = clusters.fill_null(-1).to_numpy().astype(np.int64)
    return found


def stage(project: assay.Project, name: str) -> list[Path]:
    """The shards of a stage, without their endings."""
    of = project.run["stages"][name]
    return [Path(project.path) / "stages" / name / of["fingerprint"] / shard for shard in of["shards"]]


def _placed(array: NDArray[Any], at: NDArray[np.int64]) -> NDArray[Any]:
    out = np.empty_like(array)
    out[at] = array
    return out
