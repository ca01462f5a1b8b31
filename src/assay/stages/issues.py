"""The checks: arrays over the vector rows go into the pure rooms, row-aligned issue tables come out.

In: probabilities, graph, clusters, properties. Out: ``issues/<kind>`` tables, one row a row number, in the types of columns.py.
Does not know: which other checks ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.columns import columns_of
from assay.dataset.dataset import PART, Label
from assay.duplicates import Clusters
from assay.encode.cells import Cells
from assay.stages.vectors import _column, labels_of, views_of
from assay.storage import Folder

TYPES = {"bool": pa.bool_(), "float32": pa.float32(), "int32": pa.int32(), "int64": pa.int64(), "string": pa.string()}


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


def _write(
    folder: Folder,
    place: str,
    kind: str,
    values: Mapping[str, NDArray[Any]],
    rows: NDArray[np.int64],
    spec: dict[str, Any],
) -> dict[str, Any]:
    table = to_table(kind, values, rows, spec["n_rows"], spec["classes"])
    for part, start in enumerate(range(0, max(spec["n_rows"], 1), PART)):
        folder.put_table(f"{place}-{part:05d}.parquet", table.slice(start, PART))
    flags = {
        name: int(pa.compute.sum(table[name]).as_py() or 0)
        for name in table.column_names
        if table[name].type == pa.bool_()
    }
    return {"flags": flags, "notes": list(values.get("_notes", []))}


def _rows(folder: Folder, spec: dict[str, Any]) -> NDArray[np.int64]:
    return folder.get_array(f"{spec['vectors']}.rows.npy")


def _clusters(folder: Folder, spec: dict[str, Any]) -> Clusters:
    table = folder.get_table(f"{spec['duplicates']}.parquet")
    kind = np.array(table["kind"].to_pylist(), object)
    return Clusters(
        table["id"].to_numpy(), table["score"].to_numpy(), kind, table["exact"].to_numpy(zero_copy_only=False)
    )


def label(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    from assay.issues.label import find_label_issues, reasons

    labels = labels_of(folder, spec)
    probabilities = folder.get_array(f"{spec['pred_probs']}.npy", mmap=True)
    counts = np.bincount(labels[labels >= 0], minlength=len(spec["classes"]))
    found = dict(find_label_issues(labels, probabilities, rare=counts < spec["n_folds"], boundary=spec["boundary"]))
    found["label_issue_reason"] = reasons(found, labels, spec["classes"])
    result = _write(folder, place, "label", found, _rows(folder, spec), spec)
    suggested = found["suggested_label"]
    flagged = np.asarray(found["is_label_issue"], bool)
    pairs, counts = np.unique(np.stack([labels[flagged], suggested[flagged]]), axis=1, return_counts=True)
    folder.put_arrays(f"{place}.pairs.npz", {"pairs": pairs, "counts": counts})
    return result


def outlier(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    from assay.issues.outlier import outlier_issues

    rows = _rows(folder, spec)
    columns = _columns(folder, spec, rows) if spec["modality"] == "table" else []
    entropy = _entropy(folder.get_array(f"{spec['pred_probs']}.npy", mmap=True)) if spec["pred_probs"] else None
    found = outlier_issues(
        views_of(folder, spec),
        labels_of(folder, spec),
        folder.get_array(f"{spec['graph']}.ids.npy", mmap=True),
        folder.get_array(f"{spec['graph']}.distances.npy", mmap=True),
        entropy,
        np.ones(len(rows), bool),
        modality=spec["modality"],
        seed=spec["seed"],
        threads=spec["threads"],
        columns=columns,
    )
    return _write(folder, place, "outlier", found, rows, spec)


def _columns(folder: Folder, spec: dict[str, Any], rows: NDArray[np.int64]) -> list[Cells]:
    """The feature columns of the vector rows, read; rows of the user's own embeddings may be fewer than readable ones."""
    from assay.encode.cells import read_cells
    from assay.stages.tables import frame

    readable, cells = frame(folder, spec)
    at = np.searchsorted(readable, rows)
    return [read_cells(cells[name].iloc[at], str(name)) for name in spec["features"]]


def _entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy a row, in nats, block by block."""
    out = np.empty(len(probabilities), np.float32)
    for start in range(0, len(out), PART):
        block = np.clip(np.asarray(probabilities[start : start + PART]), 1e-12, 1)
        out[start : start + PART] = -(block * np.log(block)).sum(1)
    return out


def duplicate(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    from assay.issues.conflict import duplicate_issues

    rows = _rows(folder, spec)
    splits = _column(folder, spec, "split")
    chosen = None if splits.null_count == len(splits) else np.array(splits.to_pylist(), object)[rows]
    return _write(folder, place, "duplicate", duplicate_issues(_clusters(folder, spec), chosen), rows, spec)


def conflict(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    from assay.issues.conflict import conflict_issues

    probabilities = folder.get_array(f"{spec['pred_probs']}.npy", mmap=True)
    found = conflict_issues(
        _clusters(folder, spec),
        labels_of(folder, spec),
        lambda rows: np.asarray(probabilities[rows]),
        len(spec["classes"]),
    )
    return _write(folder, place, "conflict", found, _rows(folder, spec), spec)


def image(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    from assay.encode.pixels import PROPERTY_NAMES
    from assay.issues.image import image_issues

    table = pa.concat_tables([folder.get_table(f"{part}.properties.parquet") for part in spec["properties"]])
    rows = table["row"].to_numpy()
    good = table["reason"].is_null().to_numpy()
    values = {name: table[name].to_numpy() for name in PROPERTY_NAMES}
    return _write(folder, place, "image", image_issues(values, good), rows, spec)


def text(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    from assay.issues.text import text_issues

    table = pa.concat_tables([folder.get_table(f"{part}.properties.parquet") for part in spec["properties"]])
    good = _column(folder, spec, "reason").is_null().to_numpy()
    values = {
        name: np.array(table[name].to_pylist(), object)
        if pa.types.is_string(table[name].type)
        else table[name].to_numpy()
        for name in table.column_names
    }
    return _write(folder, place, "text", text_issues(values, good), np.arange(spec["n_rows"]), spec)


def table(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    from assay.issues.table import table_issues
    from assay.stages.tables import frame

    rows, cells = frame(folder, spec)
    codes = _column(folder, spec, "code").to_numpy().astype(np.int32)
    return _write(folder, place, "table", table_issues(cells, list(spec["features"]), codes[rows]), rows, spec)


def insights(folder: Folder, place: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Findings about classes and columns."""
    from dataclasses import asdict

    from assay.insights import class_findings, column_findings
    from assay.stages.tables import frame

    findings = []
    codes = _column(folder, spec, "code").to_numpy().astype(np.int32)
    if spec["classes"]:
        columns = ["is_label_issue", "p_label_error", "suggested_label"]
        parts = (
            [
                folder.get_table(f"{spec['label']}-{part:05d}.parquet", columns)
                for part in range(-(-spec["n_rows"] // PART))
            ]
            if spec["label"]
            else []
        )
        findings += class_findings(
            spec["classes"], codes, _label_summary(pa.concat_tables(parts), spec["classes"]) if parts else None
        )
    if spec["modality"] == "table":
        rows, cells = frame(folder, spec)
        findings += column_findings(cells, list(spec["features"]), codes[rows])
    folder.put_json(f"{place}.json", [asdict(finding) for finding in findings])
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.check] = counts.get(finding.check, 0) + 1
    return {"counts": counts}


def _label_summary(table: pa.Table, classes: list[Label]) -> dict[str, NDArray[Any]]:
    suggested = pa.compute.index_in(table["suggested_label"], value_set=pa.array(classes, label_type(classes)))
    return {
        "is_label_issue": table["is_label_issue"].to_numpy(),
        "p_label_error": table["p_label_error"].to_numpy(),
        "suggested_label": suggested.fill_null(-1).to_numpy().astype(np.int32),
    }
