"""The checks: arrays over the vector rows go into the pure rooms, row-aligned issue tables come out.

In: probabilities, graph, clusters, properties. Out: ``issues/<kind>`` tables, one row a row number, in the types of columns.py.
Does not know: which other checks ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.columns import columns_of
from assay.dataset.dataset import PART, read_target
from assay.dataset.target import Label
from assay.duplicates import Clusters
from assay.encode.cells import Cells
from assay.stages.specs import VectorsSpec
from assay.stages.stage import setting, stage
from assay.stages.vectors import column_of, embeddings_of, labels_of, originals_of
from assay.storage import Folder

TYPES = {"bool": pa.bool_(), "float32": pa.float32(), "int32": pa.int32(), "int64": pa.int64(), "string": pa.string()}


@dataclass(frozen=True, kw_only=True)
class CheckSpec(VectorsSpec):
    """What every check is told."""

    classes: tuple[Label, ...]
    seed: int = setting()


@dataclass(frozen=True)
class Checked:
    """``flags``: flag column -> rows flagged; ``notes``: sentences for the run's record."""

    flags: dict[str, int]
    notes: tuple[str, ...]


def label_type(classes: list[Label]) -> pa.DataType:
    """Arrow type of label columns: the type the labels came in."""
    return pa.array(classes).type if classes else pa.string()


def to_table(
    kind: str, values: Mapping[str, NDArray[Any]], rows: NDArray[np.int64], n_rows: int, classes: list[Label]
) -> pa.Table:
    """Arrays over ``rows`` -> a table over all row numbers with nulls (False for flags) elsewhere."""
    names = pa.array(classes, label_type(classes)) if classes else pa.nulls(0, pa.string())
    columns: dict[str, pa.Array] = {}
    for column in columns_of(kind):
        if column.name not in values:
            continue
        value = np.asarray(values[column.name])
        if column.dtype == "bool":
            full = np.zeros(n_rows, bool)
            full[rows] = value
            columns[column.name] = pa.array(full)
        elif column.dtype == "label":
            code = np.full(n_rows, -1, np.int64)
            code[rows] = value
            columns[column.name] = names.take(pa.array(code, mask=code < 0))
        elif column.dtype == "string":
            text = np.full(n_rows, None, object)
            text[rows] = value
            columns[column.name] = pa.array(text.tolist(), pa.string())
        else:
            number = np.full(
                n_rows,
                np.nan if column.dtype == "float32" else -1,
                np.float64 if column.dtype == "float32" else np.int64,
            )
            number[rows] = value
            absent = np.isnan(number) if column.dtype == "float32" else number < 0
            columns[column.name] = pa.array(np.where(absent, 0, number), mask=absent).cast(
                TYPES[column.dtype], safe=False
            )
    return pa.table(columns)


def write_issues(
    folder: Folder,
    prefix: str,
    kind: str,
    values: Mapping[str, NDArray[Any]],
    rows: NDArray[np.int64],
    spec: CheckSpec,
) -> Checked:
    """Write the table of one kind of issues, in parts; how many rows each flag flags."""
    table = to_table(kind, values, rows, spec.n_rows, list(spec.classes))
    for part, start in enumerate(range(0, max(spec.n_rows, 1), PART)):
        folder.put_table(f"{prefix}-{part:05d}.parquet", table.slice(start, PART))
    flags = {
        name: int(pa.compute.sum(table[name]).as_py() or 0)
        for name in table.column_names
        if table[name].type == pa.bool_()
    }
    return Checked(flags, tuple(values.get("_notes", ())))


def _rows(folder: Folder, spec: CheckSpec) -> NDArray[np.int64]:
    return folder.get_array(f"{spec.vectors}.rows.npy")


def _clusters(folder: Folder, duplicates: str) -> Clusters:
    table = folder.get_table(f"{duplicates}.parquet")
    kind = np.array(table["kind"].to_pylist(), object)
    return Clusters(
        table["id"].to_numpy(),
        table["score"].to_numpy(),
        kind,
        table["exact"].to_numpy(zero_copy_only=False),
        table["surplus"].to_numpy(),
    )


@dataclass(frozen=True, kw_only=True)
class LabelSpec(CheckSpec):
    """``pred_probs``: prefix of out-of-sample probabilities; ``boundary``: noise near class borders, where measured;
    ``blind``: why no label can be judged, or ""; ``blind_classes``: codes of labels that cannot; ``duplicates``: of the
    clusters of copies, for a class of four originals is rare however often each is there."""

    pred_probs: str
    duplicates: str
    n_folds: int = setting()
    boundary: float | None = setting()
    blind: str = setting(default="")
    blind_classes: tuple[int, ...] = setting(default=())


@dataclass(frozen=True)
class LabelsChecked(Checked):
    """``verdict``: `assay.issues.verdict.Verdict` as a dict."""

    verdict: dict[str, Any]


@stage(version=17)
def label(folder: Folder, prefix: str, spec: LabelSpec) -> LabelsChecked:
    """Labels that are likely wrong; ``blind`` says why nothing may be said of them. Beside the table: ``.pairs.npz``, how often
    which label is suggested for which, and ``.counted.npz``, `assay.issues.counted.Counted`, where anything is known of that."""
    from dataclasses import replace

    from assay.issues.label import judge_with_verdict, reasons
    from assay.issues.scan import scan

    labels = labels_of(folder, spec)
    probabilities = folder.get_array(f"{spec.pred_probs}.npy", mmap=True)
    counts = _originals_by_class(labels, originals_of(folder, spec.duplicates), len(spec.classes))
    unjudged = np.isin(labels, spec.blind_classes)
    asked = np.where(unjudged, -1, labels).astype(np.int32)
    seen = scan(asked, probabilities)
    columns, known = judge_with_verdict(
        asked, seen, rare=counts < spec.n_folds, boundary=spec.boundary, unjudged=unjudged
    )
    known = replace(known, withheld=spec.blind or known.withheld)
    found = dict(columns)
    found["label_issue_reason"] = reasons(found, labels, spec.classes)
    result = write_issues(folder, prefix, "label", found, _rows(folder, spec), spec)
    suggested = found["suggested_label"]
    flagged = np.asarray(found["is_label_issue"], bool)
    pairs, counts = np.unique(np.stack([labels[flagged], suggested[flagged]]), axis=1, return_counts=True)
    folder.put_arrays(f"{prefix}.pairs.npz", {"pairs": pairs, "counts": counts})
    if known.counted is not None and not known.withheld:
        folder.put_arrays(f"{prefix}.counted.npz", vars(known.counted))
    return LabelsChecked(result.flags, result.notes, known.to_dict())


def _originals_by_class(labels: NDArray[np.int32], clusters: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """(K,) labelled rows a class, copies of one thing counted once."""
    known = labels >= 0
    alone = np.bincount(labels[known & (clusters < 0)], minlength=size)
    pairs = np.unique(np.stack([labels[known & (clusters >= 0)], clusters[known & (clusters >= 0)]]), axis=1)
    return np.asarray(alone + np.bincount(pairs[0], minlength=size))


@dataclass(frozen=True, kw_only=True)
class OutlierSpec(CheckSpec):
    """``pred_probs``: "" without labels; ``features``: of tables, else none; ``widths``: of the encoded columns, see
    `assay.encode.table.TableFeatures`."""

    graph: str
    pred_probs: str
    widths: tuple[int, ...]
    modality: str = setting()
    features: tuple[str, ...] = setting()


@stage(version=10)
def outlier(folder: Folder, prefix: str, spec: OutlierSpec) -> Checked:
    """Outliers; what rows were measured against lies in ``.fitted.json`` and ``.fitted.npz``."""
    from assay.issues.outlier import outlier_issues
    from assay.stages.vectors import keep_fitted

    rows = _rows(folder, spec)
    entropy = _entropy(folder.get_array(f"{spec.pred_probs}.npy", mmap=True)) if spec.pred_probs else None
    found = outlier_issues(
        embeddings_of(folder, spec),
        labels_of(folder, spec),
        folder.get_array(f"{spec.graph}.ids.npy", mmap=True),
        folder.get_array(f"{spec.graph}.distances.npy", mmap=True),
        entropy,
        np.ones(len(rows), bool),
        modality=spec.modality,
        seed=spec.seed,
        threads=spec.threads,
        columns=_columns(folder, spec, rows),
        widths=spec.widths,
    )
    if "_reference" in found:
        keep_fitted(folder, prefix, found["_reference"])
    return write_issues(folder, prefix, "outlier", found, rows, spec)


def _columns(folder: Folder, spec: OutlierSpec, rows: NDArray[np.int64]) -> list[Cells]:
    """The feature columns of the vector rows, read; with the user's own embeddings these may be fewer than all."""
    from assay.encode.cells import read_cells
    from assay.stages.tables import frame

    if not spec.features:
        return []
    readable, cells = frame(folder, spec, spec.features)
    at = np.searchsorted(readable, rows)
    return [read_cells(cells[name].iloc[at], str(name)) for name in spec.features]


def _entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy a row, in nats, block by block."""
    out = np.empty(len(probabilities), np.float32)
    for start in range(0, len(out), PART):
        block = np.clip(np.asarray(probabilities[start : start + PART]), 1e-12, 1)
        out[start : start + PART] = -(block * np.log(block)).sum(1)
    return out


@dataclass(frozen=True, kw_only=True)
class DuplicateSpec(CheckSpec):
    duplicates: str


@stage(version=2)
def duplicate(folder: Folder, prefix: str, spec: DuplicateSpec) -> Checked:
    """Copies, and those across splits."""
    from assay.issues.conflict import duplicate_issues

    rows = _rows(folder, spec)
    splits = column_of(folder, spec, "split")
    chosen = None if splits.null_count == len(splits) else np.array(splits.to_pylist(), object)[rows]
    return write_issues(
        folder, prefix, "duplicate", duplicate_issues(_clusters(folder, spec.duplicates), chosen), rows, spec
    )


@dataclass(frozen=True, kw_only=True)
class ConflictSpec(CheckSpec):
    """``decided``: whether the models may say which label of copies is right: not where label findings are withheld."""

    duplicates: str
    pred_probs: str
    decided: bool = setting(default=True)


@stage(version=2)
def conflict(folder: Folder, prefix: str, spec: ConflictSpec) -> Checked:
    """Copies under different labels, and which of them is wrong."""
    from assay.issues.conflict import conflict_issues

    probabilities = folder.get_array(f"{spec.pred_probs}.npy", mmap=True)
    found = conflict_issues(
        _clusters(folder, spec.duplicates),
        labels_of(folder, spec),
        (lambda rows: np.asarray(probabilities[rows])) if spec.decided else None,
        len(spec.classes),
    )
    return write_issues(folder, prefix, "conflict", found, _rows(folder, spec), spec)


@dataclass(frozen=True, kw_only=True)
class PropertiesCheckSpec(CheckSpec):
    """``properties``: prefixes of what was measured of single rows."""

    properties: tuple[str, ...]


@stage(version=5)
def image(folder: Folder, prefix: str, spec: PropertiesCheckSpec) -> Checked:
    """Dark, light, blurry, odd pictures."""
    from assay.encode.pixels import PROPERTY_NAMES
    from assay.issues.image import image_issues

    table = pa.concat_tables([folder.get_table(f"{part}.properties.parquet") for part in spec.properties])
    rows = table["row"].to_numpy()
    good = table["reason"].is_null().to_numpy()
    values = {name: table[name].to_numpy() for name in PROPERTY_NAMES}
    return write_issues(folder, prefix, "image", image_issues(values, good), rows, spec)


@stage(version=2)
def text(folder: Folder, prefix: str, spec: PropertiesCheckSpec) -> Checked:
    """Empty, short, long, foreign, personal texts."""
    from assay.issues.text import text_issues

    table = pa.concat_tables([folder.get_table(f"{part}.properties.parquet") for part in spec.properties])
    good = column_of(folder, spec, "reason").is_null().to_numpy()
    values = {
        name: np.array(table[name].to_pylist(), object)
        if pa.types.is_string(table[name].type)
        else table[name].to_numpy()
        for name in table.column_names
    }
    return write_issues(folder, prefix, "text", text_issues(values, good), np.arange(spec.n_rows), spec)


@dataclass(frozen=True, kw_only=True)
class TableCheckSpec(CheckSpec):
    features: tuple[str, ...] = setting()


@stage(version=3)
def table(folder: Folder, prefix: str, spec: TableCheckSpec) -> Checked:
    """Identical rows, missing cells."""
    from assay.issues.table import table_issues
    from assay.stages.tables import frame

    rows, cells = frame(folder, spec, spec.features)
    codes = read_target(folder, spec.dataset).codes
    return write_issues(folder, prefix, "table", table_issues(cells, list(spec.features), codes[rows]), rows, spec)


@dataclass(frozen=True, kw_only=True)
class InsightsSpec(CheckSpec):
    """``label``: prefix of the label table, "" without; ``duplicates``: of the clusters of copies; ``leaks``: of findings on
    leaks; ``verdict``: of the labels."""

    modality: str
    label: str
    duplicates: str
    features: tuple[str, ...]
    text: str = ""
    leaks: str = ""
    verdict: dict[str, Any] | None = None

    @property
    def column(self) -> str:
        """Where the texts are, as `read_texts` asks."""
        return self.text


@dataclass(frozen=True)
class Found:
    """Findings by the name of their check."""

    counts: dict[str, int]
    notes: tuple[str, ...] = ()


@stage(version=14)
def insights(folder: Folder, prefix: str, spec: InsightsSpec) -> Found:
    """Findings about classes and columns."""
    from dataclasses import asdict

    from assay.insights import augmented_finding, class_findings, column_findings, table_faults, text_faults
    from assay.insights.finding import Finding
    from assay.stages.tables import frame
    from assay.stages.texts import read_texts

    findings = []
    codes = read_target(folder, spec.dataset).codes if spec.classes else np.full(spec.n_rows, -1, np.int32)
    if spec.classes:
        columns = ["is_label_issue", "p_label_error", "suggested_label"]
        parts = (
            [folder.get_table(f"{spec.label}-{part:05d}.parquet", columns) for part in range(-(-spec.n_rows // PART))]
            if spec.label
            else []
        )
        findings += class_findings(
            spec.classes,
            codes,
            _label_summary(pa.concat_tables(parts), list(spec.classes)) if parts else None,
            spec.verdict,
            int(
                _originals_by_class(
                    labels_of(folder, spec), originals_of(folder, spec.duplicates), len(spec.classes)
                ).sum()
            ),
        )
    leaks = [Finding(**found) for found in folder.get_json(f"{spec.leaks}.json")] if spec.leaks else []
    findings = leaks + findings
    if spec.modality == "table":
        rows, cells = frame(folder, spec, spec.features)
        leaking = {name for leak in leaks for name in leak.subject if len(leak.subject) == 1}
        of_columns = column_findings(cells, list(spec.features), codes[rows])
        findings += [one for one in of_columns if one.data["kind"] != "label copy" or one.subject[0] not in leaking]
        findings += table_faults(cells, list(spec.features), rows)
    elif spec.text:
        rows, texts = read_texts(folder, spec, 0, spec.n_rows)
        findings += text_faults(texts, rows, spec.text)
    if spec.modality == "image":
        copies = folder.get_table(f"{spec.duplicates}.parquet", ["id", "kind"])
        found = augmented_finding(copies["id"].to_numpy(), np.array(copies["kind"].to_pylist(), object))
        findings += [found] if found is not None else []
    folder.put_json(f"{prefix}.json", [asdict(finding) for finding in findings])
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.check] = counts.get(finding.check, 0) + 1
    return Found(counts)


def _label_summary(table: pa.Table, classes: list[Label]) -> dict[str, NDArray[Any]]:
    suggested = pa.compute.index_in(table["suggested_label"], value_set=pa.array(classes, label_type(classes)))
    return {
        "is_label_issue": table["is_label_issue"].to_numpy(),
        "p_label_error": table["p_label_error"].to_numpy(),
        "suggested_label": suggested.fill_null(-1).to_numpy().astype(np.int32),
    }
