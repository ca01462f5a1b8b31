"""From shards to whole arrays, and from arrays to the graph, the duplicate clusters, folds and probabilities.

In: the encode stages' shards, labels. Out: arrays over the analysed rows ("vector rows"; ``rows.npy`` maps them to row numbers).
Does not know: issues.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.dataset.dataset import PART, read_rows, read_target
from assay.issues.scan import Scan
from assay.predict import Rounds
from assay.stages.specs import DatasetSpec, VectorsSpec
from assay.stages.stage import setting, stage
from assay.storage import Folder


def labels_of(folder: Folder, spec: VectorsSpec) -> NDArray[np.int32]:
    """Class codes of the vector rows."""
    rows = folder.get_array(f"{spec.vectors}.rows.npy")
    return read_target(folder, spec.dataset).codes[rows]


def column_of(folder: Folder, spec: DatasetSpec, name: str) -> pa.ChunkedArray:
    """A column of the dataset's rows, by row number."""
    starts = range(0, spec.n_rows, PART)
    parts = [read_rows(folder, spec.dataset, s, min(s + PART, spec.n_rows), [name]) for s in starts]
    return pa.concat_tables(parts)[name]


def embeddings_of(folder: Folder, spec: VectorsSpec) -> dict[str, NDArray[Any]]:
    """Encoder -> (M, d) its vectors, mapped."""
    return {name: folder.get_array(f"{spec.vectors}.{name}.npy", mmap=True) for name in spec.embeddings}


@dataclass(frozen=True, kw_only=True)
class GatherSpec(DatasetSpec):
    """``parts``: encoder -> prefixes of its shards; ``tiny``: of 32 x 32 thumbnails; ``reasons``: of tables of reasons."""

    parts: dict[str, tuple[str, ...]]
    tiny: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Gathered:
    rows: int
    not_analyzed: int


@stage(version=1)
def gather(folder: Folder, prefix: str, spec: GatherSpec) -> Gathered:
    """Join every embedding's shards into one array each, over the rows that all embeddings could read."""
    reasons = column_of(folder, spec, "reason").to_pylist()
    for part in spec.reasons:
        table = folder.get_table(f"{part}.properties.parquet", ["row", "reason"])
        for row, reason in zip(table["row"].to_pylist(), table["reason"].to_pylist(), strict=True):
            if reason is not None:
                reasons[row] = reason
    rows: NDArray[np.int64] | None = None
    found: dict[str, NDArray[np.int64]] = {}
    for name, parts in spec.parts.items():
        found[name] = np.concatenate([folder.get_array(f"{part}.rows.npy") for part in parts])
        rows = found[name] if rows is None else np.intersect1d(rows, found[name], assume_unique=True)
    if rows is None:
        rows = np.flatnonzero([reason is None for reason in reasons])
    rows = rows[[reasons[row] is None for row in rows.tolist()]] if len(rows) else rows
    for name, parts in spec.parts.items():
        _join(folder, f"{prefix}.{name}.npy", [f"{part}.{name}.npy" for part in parts], np.isin(found[name], rows))
    if spec.tiny:
        tiny_rows = np.concatenate([folder.get_array(f"{part}.rows.npy") for part in spec.tiny])
        _join(folder, f"{prefix}.tiny.npy", [f"{part}.tiny.npy" for part in spec.tiny], np.isin(tiny_rows, rows))
    folder.put_array(f"{prefix}.rows.npy", rows)
    folder.put_table(f"{prefix}.reasons.parquet", pa.table({"reason": pa.array(reasons, pa.string())}))
    return Gathered(len(rows), sum(reason is not None for reason in reasons))


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


@dataclass(frozen=True, kw_only=True)
class AdoptSpec:
    """``file``: the user's array; ``row_numbers``: row number of each of its rows; ``content``: its hash."""

    file: str
    row_numbers: str
    name: str
    content: str = setting()
    seed: int = setting()


@dataclass(frozen=True)
class Adopted:
    rows: int
    not_finite: int


@stage(version=1)
def adopt(folder: Folder, prefix: str, spec: AdoptSpec) -> Adopted:
    """The user's own embeddings: float16, at most 512 dims; rows with NaN or infinity are left to the reasons."""
    from sklearn.decomposition import PCA

    given = folder.get_array(spec.file, mmap=True)
    good = np.concatenate([np.isfinite(given[s : s + PART]).all(1) for s in range(0, len(given), PART)])
    positions = folder.get_array(spec.row_numbers)
    rows = np.sort(positions[good])
    source = np.argsort(positions, kind="stable")
    source = source[good[source]]
    project = None
    if given.shape[1] > 512 and len(rows) > 1:
        rng = np.random.default_rng([spec.seed, 3])
        sample = np.sort(rng.permutation(source)[:20_000])
        project = PCA(min(512, len(sample)), svd_solver="randomized", random_state=spec.seed).fit(
            np.asarray(given[sample], np.float32)
        )
    dims = given.shape[1] if project is None else project.n_components_
    with folder.array_writer(f"{prefix}.{spec.name}.npy", (len(rows), dims), np.float16) as out:
        for start in range(0, len(rows), PART):
            block = np.asarray(given[source[start : start + PART]], np.float32)
            block = block if project is None else project.transform(block)
            out[start : start + PART] = np.clip(block, -60_000, 60_000)
    folder.put_array(f"{prefix}.rows.npy", rows)
    bad = np.sort(positions[~good])
    reason = f"the embeddings {spec.name!r} of this row hold NaN or infinity"
    folder.put_table(
        f"{prefix}.properties.parquet", pa.table({"row": bad, "reason": pa.array([reason] * len(bad), pa.string())})
    )
    return Adopted(len(rows), len(bad))


@dataclass(frozen=True, kw_only=True)
class GraphSpec(VectorsSpec):
    """``enough``: recall at which the search is not widened further."""

    k: int = setting()
    metric: str = setting()
    seed: int = setting()
    enough: float = setting()


@dataclass(frozen=True)
class GraphMade:
    k: int
    metric: str
    recall: float
    dims: int


@stage(version=2)
def graph(folder: Folder, prefix: str, spec: GraphSpec) -> GraphMade:
    """The k-nearest-neighbour graph of all embeddings joined."""
    from assay.graph import join_embeddings, neighbors_report

    embeddings = embeddings_of(folder, spec)
    joint = join_embeddings(list(embeddings.values()), unit=spec.metric == "cosine", seed=spec.seed)
    ids, distances, recall = neighbors_report(
        joint, spec.k, spec.metric, threads=spec.threads, seed=spec.seed, enough=spec.enough
    )
    folder.put_array(f"{prefix}.ids.npy", ids.astype(np.int32))
    folder.put_array(f"{prefix}.distances.npy", distances)
    return GraphMade(spec.k, spec.metric, recall, int(joint.shape[1]))


def originals_of(folder: Folder, duplicates: str) -> NDArray[np.int64]:
    """The cluster of copies of each vector row, -1 = of none: what is no case of its own.

    Rows of a narrow table are equal by its nature: each is a case of its own, and one says what another should be.
    """
    clusters = folder.get_table(f"{duplicates}.parquet")
    by_nature = clusters["exact"].to_numpy(zero_copy_only=False) & (clusters["surplus"].to_numpy() < 0)
    return np.where(by_nature, -1, clusters["id"].to_numpy()).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class FoldsSpec(VectorsSpec):
    """``duplicates``: prefix of the clusters of copies, which no fold splits."""

    duplicates: str
    n_folds: int = setting()
    seed: int = setting()


@dataclass(frozen=True)
class FoldsMade:
    sizes: tuple[int, ...]


@stage(version=2)
def folds(folder: Folder, prefix: str, spec: FoldsSpec) -> FoldsMade:
    """Stratified folds that never split a duplicate cluster."""
    from assay.predict.folds import make_folds

    groups = originals_of(folder, spec.duplicates)
    assigned = make_folds(labels_of(folder, spec), groups, n_folds=spec.n_folds, seed=spec.seed)
    folder.put_array(f"{prefix}.npy", assigned)
    return FoldsMade(tuple(np.bincount(assigned[assigned >= 0], minlength=spec.n_folds).tolist()))


class Fitted(Protocol):
    """What was learned, as arrays and JSON."""

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]: ...


def keep_fitted(folder: Folder, prefix: str, fitted: Fitted) -> None:
    """What was learned, as `assay.runs.artefacts.Artefacts` loads it."""
    index, arrays = fitted.to_arrays()
    folder.put_json(f"{prefix}.fitted.json", index)
    folder.put_arrays(f"{prefix}.fitted.npz", arrays)


@dataclass(frozen=True, kw_only=True)
class PredictSpec(VectorsSpec):
    """``graph``, ``folds``: prefixes; ``trees``: prefix of what the tree ``models`` predicted, "" without."""

    graph: str
    folds: str
    n_classes: int
    trees: str = ""
    models: tuple[str, ...] = ()
    effort: str = setting()
    seed: int = setting()


@dataclass(frozen=True)
class Predicted:
    """``boundary_noise``: the share of wrong labels near class borders, where a second round measured it. ``unjudged``: of
    the ``labelled`` rows those without probabilities, since nothing else is of their class."""

    weights: dict[str, float]
    log_loss: dict[str, float]
    temperature: float
    notes: tuple[str, ...]
    rounds: Rounds
    boundary_noise: float | None
    unjudged: int
    labelled: int


@stage(version=20)
def predict(folder: Folder, prefix: str, spec: PredictSpec) -> Predicted:
    """Out-of-sample probabilities: every embedding's heads and the trees, blended and calibrated, in up to two rounds.

    Where the second round counts, what one read of the first round's probabilities left of each row lies in ``.first.npz``.
    What was learned lies in ``.fitted.json`` and ``.fitted.npz`` (`assay.predict.fitted`).
    """
    from assay.issues.label import judge_with_verdict
    from assay.issues.noise import boundary_noise
    from assay.issues.scan import scan
    from assay.predict import predict as blend

    labels = labels_of(folder, spec)
    boundary = 0.0
    first: list[Scan] = []

    def doubt(probabilities: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        nonlocal boundary
        seen = scan(labels, probabilities)
        first.append(seen)
        boundary = boundary_noise(labels, seen)
        columns, known = judge_with_verdict(labels, seen, boundary=boundary)
        if known.at_most:  # of classes that overlap a second round would learn what it suspects
            columns["is_label_issue"] = np.zeros(len(labels), bool)
        return columns

    extra = (
        {name: folder.get_array(f"{spec.trees}.{name}.npy", mmap=True) for name in spec.models} if spec.trees else {}
    )
    neighbors = (
        folder.get_array(f"{spec.graph}.ids.npy", mmap=True),
        folder.get_array(f"{spec.graph}.distances.npy", mmap=True),
    )
    with folder.array_writer(f"{prefix}.npy", (len(labels), spec.n_classes), np.float32) as out:
        made = blend(
            embeddings_of(folder, spec),
            labels,
            folder.get_array(f"{spec.folds}.npy"),
            neighbors,
            spec.n_classes,
            out,
            extra=extra,
            doubt=doubt,
            effort=spec.effort,
            seed=spec.seed,
            threads=spec.threads,
        )
    if made.fitted is not None:
        keep_fitted(folder, prefix, made.fitted)
    if (
        made.rounds.used == 2
    ):  # the second round forgets labels that are doubted, among them those of classes that mean the same
        kept = {name: getattr(first[0], name) for name in ("classes", "probs", "given", "analyzed", "proper")}
        folder.put_arrays(f"{prefix}.first.npz", kept)
    return Predicted(
        made.weights,
        made.log_loss,
        made.temperature,
        tuple(made.notes),
        made.rounds,
        boundary if made.rounds.used == 2 else None,
        made.unjudged,
        int((labels >= 0).sum()),
    )


@dataclass(frozen=True, kw_only=True)
class AdoptProbabilitiesSpec(DatasetSpec):
    """``columns``: the column of ``file`` for each of our classes; ``content``, ``class_order``: hashes of both."""

    vectors: str
    file: str
    row_numbers: str
    columns: tuple[int, ...]
    content: str = setting()
    class_order: str = setting()


@dataclass(frozen=True)
class AdoptedProbabilities:
    rows: int


@stage(version=1)
def adopt_probabilities(folder: Folder, prefix: str, spec: AdoptProbabilitiesSpec) -> AdoptedProbabilities:
    """The user's own pred_probs over the vector rows, columns put into the order of our classes."""
    given = folder.get_array(spec.file, mmap=True)
    positions = folder.get_array(spec.row_numbers)
    rows = folder.get_array(f"{spec.vectors}.rows.npy")
    source = np.full(spec.n_rows, -1, np.int64)
    source[positions] = np.arange(len(positions))
    columns = list(spec.columns)
    with folder.array_writer(f"{prefix}.npy", (len(rows), len(columns)), np.float32) as out:
        for start in range(0, len(rows), PART):
            out[start : start + PART] = given[source[rows[start : start + PART]]][:, columns]
    return AdoptedProbabilities(len(rows))
