"""From shards to whole arrays, and from arrays to the graph, the duplicate clusters, folds and probabilities.

In: the encode stages' shards, labels. Out: arrays over the analysed rows ("vector rows"; ``rows.npy`` maps them to row numbers).
Does not know: issues.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.dataset.dataset import PART, read_rows
from assay.storage import Folder


def labels_of(folder: Folder, spec: dict[str, Any]) -> NDArray[np.int32]:
    """Class codes of the vector rows."""
    rows = folder.get_array(f"{spec['vectors']}.rows.npy")
    return _column(folder, spec, "code").to_numpy().astype(np.int32)[rows]


def _column(folder: Folder, spec: dict[str, Any], name: str) -> pa.ChunkedArray:
    starts = range(0, spec["n_rows"], PART)
    parts = [read_rows(folder, spec["dataset"], s, min(s + PART, spec["n_rows"]), [name]) for s in starts]
    return pa.concat_tables(parts)[name]


def views_of(folder: Folder, spec: dict[str, Any]) -> dict[str, NDArray[Any]]:
    return {name: folder.get_array(f"{spec['vectors']}.{name}.npy", mmap=True) for name in spec["views"]}


def gather(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Join every view's shards into one array a view, over the rows that all views could read."""
    reasons = _column(folder, spec, "reason").to_pylist()
    for part in spec["reasons"]:
        table = folder.get_table(f"{part}.properties.parquet", ["row", "reason"])
        for row, reason in zip(table["row"].to_pylist(), table["reason"].to_pylist(), strict=True):
            if reason is not None:
                reasons[row] = reason
    rows: NDArray[np.int64] | None = None
    found: dict[str, NDArray[np.int64]] = {}
    for name, parts in spec["parts"].items():
        found[name] = np.concatenate([folder.get_array(f"{part}.rows.npy") for part in parts])
        rows = found[name] if rows is None else np.intersect1d(rows, found[name], assume_unique=True)
    if rows is None:
        rows = np.flatnonzero([reason is None for reason in reasons])
    rows = rows[[reasons[row] is None for row in rows.tolist()]] if len(rows) else rows
    for name, parts in spec["parts"].items():
        _join(folder, f"{place}.{name}.npy", [f"{part}.{name}.npy" for part in parts], np.isin(found[name], rows))
    if spec["tiny"]:
        tiny_rows = np.concatenate([folder.get_array(f"{part}.rows.npy") for part in spec["tiny"]])
        _join(folder, f"{place}.tiny.npy", [f"{part}.tiny.npy" for part in spec["tiny"]], np.isin(tiny_rows, rows))
    folder.put_array(f"{place}.rows.npy", rows)
    folder.put_table(f"{place}.reasons.parquet", pa.table({"reason": pa.array(reasons, pa.string())}))
    return {"rows": len(rows), "not_analyzed": sum(reason is not None for reason in reasons)}


def _join(folder: Folder, name: str, parts: list[str], keep: NDArray[np.bool_]) -> None:
    arrays = [folder.get_array(part, mmap=True) for part in parts]
    shape = next((array.shape[1:] for array in arrays if len(array)), (1,))
    dtype = arrays[0].dtype if arrays else np.float16
    with folder.array_writer(name, (int(keep.sum()), *shape), dtype) as out:
        position = at = 0
        for array in arrays:
            chosen = array[keep[at : at + len(array)]]
            out[position : position + len(chosen)] = chosen
            position += len(chosen)
            at += len(array)


def adopt(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The user's own embeddings: float16, at most 512 dims; rows with NaN or infinity are left to the reasons."""
    from sklearn.decomposition import PCA

    given = np.load(spec["file"], mmap_mode="r", allow_pickle=False)
    good = np.concatenate([np.isfinite(given[s : s + PART]).all(1) for s in range(0, len(given), PART)])
    places = np.load(spec["row_numbers"], allow_pickle=False)
    rows = np.sort(places[good])
    source = np.argsort(places, kind="stable")
    source = source[good[source]]
    project = None
    if given.shape[1] > 512 and len(rows) > 1:
        rng = np.random.default_rng([spec["seed"], 3])
        sample = np.sort(rng.permutation(source)[:20_000])
        project = PCA(min(512, len(sample)), svd_solver="randomized", random_state=spec["seed"]).fit(
            np.asarray(given[sample], np.float32)
        )
    dims = given.shape[1] if project is None else project.n_components_
    with folder.array_writer(f"{place}.{spec['view']}.npy", (len(rows), dims), np.float16) as out:
        for start in range(0, len(rows), PART):
            block = np.asarray(given[source[start : start + PART]], np.float32)
            block = block if project is None else project.transform(block)
            out[start : start + PART] = np.clip(block, -60_000, 60_000)
    folder.put_array(f"{place}.rows.npy", rows)
    bad = np.sort(places[~good])
    reason = f"the embeddings {spec['view']!r} of this row hold NaN or infinity"
    folder.put_table(
        f"{place}.properties.parquet", pa.table({"row": bad, "reason": pa.array([reason] * len(bad), pa.string())})
    )
    return {"rows": len(rows), "not_finite": len(bad)}


def graph(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The k-nearest-neighbour graph of all views joined."""
    from assay.graph import join_views, neighbors_report

    views = views_of(folder, spec)
    joint = join_views(list(views.values()), unit=spec["metric"] == "cosine", seed=spec["seed"])
    ids, distances, recall = neighbors_report(
        joint, spec["k"], spec["metric"], threads=spec["threads"], seed=spec["seed"], enough=spec["enough"]
    )
    folder.put_array(f"{place}.ids.npy", ids.astype(np.int32))
    folder.put_array(f"{place}.distances.npy", distances)
    return {"k": spec["k"], "metric": spec["metric"], "recall": recall, "dims": int(joint.shape[1])}


def folds(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Stratified folds that never split a duplicate cluster."""
    from assay.predict.folds import make_folds

    clusters = folder.get_table(f"{spec['duplicates']}.parquet")
    groups = clusters["id"].to_numpy()
    if "surplus" in clusters.column_names:  # rows of a narrow table are equal by its nature: each is a case of its own
        by_nature = clusters["exact"].to_numpy(zero_copy_only=False) & (clusters["surplus"].to_numpy() < 0)
        groups = np.where(by_nature, -1, groups)
    assigned = make_folds(labels_of(folder, spec), groups, n_folds=spec["n_folds"], seed=spec["seed"])
    folder.put_array(f"{place}.npy", assigned)
    return {"sizes": np.bincount(assigned[assigned >= 0], minlength=spec["n_folds"]).tolist()}


def predict(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Out-of-sample probabilities: every view's heads and the trees, blended and calibrated, in up to two rounds."""
    from assay.issues.label import judge
    from assay.issues.noise import boundary_noise
    from assay.issues.scan import scan
    from assay.predict import predict as blend

    labels = labels_of(folder, spec)
    boundary = 0.0

    def doubt(probabilities: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        nonlocal boundary
        seen = scan(labels, probabilities)
        boundary = boundary_noise(labels, seen)
        return judge(labels, seen, boundary=boundary)

    extra = (
        {name: folder.get_array(f"{spec['trees']}.{name}.npy", mmap=True) for name in spec["models"]}
        if spec["trees"]
        else {}
    )
    neighbors = (
        folder.get_array(f"{spec['graph']}.ids.npy", mmap=True),
        folder.get_array(f"{spec['graph']}.distances.npy", mmap=True),
    )
    with folder.array_writer(f"{place}.npy", (len(labels), spec["n_classes"]), np.float32) as out:
        made = blend(
            views_of(folder, spec),
            labels,
            folder.get_array(f"{spec['folds']}.npy"),
            neighbors,
            spec["n_classes"],
            out,
            extra=extra,
            doubt=doubt,
            effort=spec["effort"],
            seed=spec["seed"],
            threads=spec["threads"],
        )
    return {
        "weights": made.weights,
        "log_loss": made.log_loss,
        "temperature": made.temperature,
        "notes": list(made.notes),
        "unjudged": made.unjudged,
        "labelled": int((labels >= 0).sum()),
        "rounds": asdict(made.rounds),
        "boundary_noise": boundary if made.rounds.used == 2 else None,
    }


def adopt_probabilities(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The user's own pred_probs over the vector rows, columns put into the order of our classes."""
    given = np.load(spec["file"], mmap_mode="r", allow_pickle=False)
    places = np.load(spec["row_numbers"], allow_pickle=False)
    rows = folder.get_array(f"{spec['vectors']}.rows.npy")
    source = np.full(spec["n_rows"], -1, np.int64)
    source[places] = np.arange(len(places))
    columns = spec["columns"]
    with folder.array_writer(f"{place}.npy", (len(rows), len(columns)), np.float32) as out:
        for start in range(0, len(rows), PART):
            out[start : start + PART] = given[source[rows[start : start + PART]]][:, columns]
    return {"rows": len(rows), "source": Path(spec["file"]).name}
