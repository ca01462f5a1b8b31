"""A project in memory that answers like `assay.project.Project`, for tests of what is built on it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image
from sklearn.datasets import load_digits

from assay.actions import State
from assay.checks import CHECK_BY_NAME, CHECKS
from assay.columns import BY_NAME, COLUMNS, ROW_ID, public_names
from assay.report.notebook import IssuesFrame
from assay.sources.reading import UnreadableError
from assay.storage.project_folder import refuse_source

ARROW = {"bool": pa.bool_(), "float32": pa.float32(), "int32": pa.int32(), "int64": pa.int64(), "string": pa.string()}


class FakeProject:
    """``values``: result columns by name (lists or arrays); those left out are null, as in a project."""

    def __init__(
        self,
        modality: str,
        values: dict[str, Any],
        cells: pa.Table,
        *,
        classes: list[Any],
        roles: dict[str, Any] | None = None,
        thumbnails: list[bytes | None] | None = None,
        findings: list[dict[str, Any]] | None = None,
        skipped: dict[str, str] | None = None,
        failed: dict[str, str] | None = None,
        name: str = "photos",
    ) -> None:
        self.name, self.path, self.classes, self.uuid = name, f"{name}.assay", classes, "0" * 32
        self._cells, self._findings, self._thumbnails = cells, findings or [], thumbnails or []
        self._table = pa.table({column: self._array(column, values, len(values[ROW_ID])) for column in values})
        n = len(values[ROW_ID])
        uris = pa.array([""] * n, pa.string())
        given = values.get("given_label", [None] * n)
        codes = np.array([-1 if label is None else classes.index(label) for label in given], np.int32)
        split = pa.array(values.get("split", [None] * n), pa.string())
        self.dataset = SimpleNamespace(
            order=np.arange(n),
            rows=pa.table({"row_id": self._table[ROW_ID], "uri": uris, "split": split}),
            splits=None,
            n_rows=n,
            codes=codes,
            target=SimpleNamespace(labelled=codes >= 0),
        )
        # no file is there: cells come from `cells`, and nothing was learned
        self.folder = SimpleNamespace(path=lambda name: Path(self.path) / name)
        self.artefacts = SimpleNamespace(counted=lambda: None)
        self.log = SimpleNamespace(state=lambda at=None: State(n))  # nobody decided anything
        self.reads: list[int] = []  # rows asked of cells(): what a report must keep small
        self.public_names = public_names(cells.column_names)
        not_ran = {k: ("skipped", v) for k, v in (skipped or {}).items()} | {
            k: ("failed", v) for k, v in (failed or {}).items()
        }
        checks = []
        for check in CHECKS:
            if modality not in check.modalities:
                continue
            status, why = not_ran.get(check.name, ("ran", ""))
            count = int(np.sum(values.get(check.flag, 0))) if status == "ran" else None
            checks.append({"name": check.name, "title": check.title, "status": status, "why": why, "count": count})
        self.run: dict[str, Any] = {
            "name": name,
            "modality": modality,
            "task": "multi-class" if classes else "unsupervised",
            "n_rows": len(values[ROW_ID]),
            "checks": checks,
            "classes": classes,
            "dataset": "",
            "tables": dict.fromkeys(column.kind for column in COLUMNS if column.name in values),
            "roles": {"label": None, "text": None, "image": None, "features": []} | (roles or {}),
            "settings": {"seed": 0, "effort": "regular", "encoders": [], "task": "auto"},
            "embeddings": ["lite0", "patches"],
            "missing": [],
            "notes": [],
            "versions": {"assay": "0.1.0"},
        }

    def _array(self, column: str, values: dict[str, Any], n: int) -> pa.Array:
        dtype = BY_NAME[column].dtype
        data = values[column]
        if dtype in ("label", "id"):
            kind = pa.array(self.classes).type if dtype == "label" and self.classes else None
            return pa.array(list(data), kind)
        if dtype == "float32":
            array = np.asarray(data, np.float32)
            return pa.array(array, mask=np.isnan(array))
        return pa.array(list(data), ARROW[dtype])

    def refuse_source(self, path: Any) -> None:
        refuse_source(path, Path(self.path), self.run)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def kinds(self) -> list[str]:
        return list(dict.fromkeys(column.kind for column in COLUMNS if column.kind != "dataset"))

    def result_columns(self) -> list[str]:
        return [column.name for column in COLUMNS if column.name in self._table.column_names]

    def results(self, rows: Any = None, columns: Any = None) -> pa.Table:
        table = self._table
        if columns is not None:
            names = [ROW_ID, *(name for name in columns if name != ROW_ID)]
            none = pa.nulls(len(self))
            table = pa.table({name: table[name] if name in table.column_names else none for name in names})
        return table if rows is None else table.take(pa.array(np.asarray(rows, np.int64)))

    def cells(self, rows: Any = None) -> pa.Table:
        rows = self.dataset.order if rows is None else np.asarray(rows, np.int64)
        self.reads.append(len(rows))
        return self._cells.take(pa.array(rows))

    def thumbnail(self, row: int) -> bytes | None:
        return self._thumbnails[row] if row < len(self._thumbnails) else None

    def open_bytes(self, row: int) -> bytes:
        """The thumbnail stands for the original."""
        jpeg = self.thumbnail(row)
        if jpeg is None:
            raise UnreadableError("there is no such file")
        return jpeg

    def batches(self, size: int = 50_000) -> Iterator[tuple[pa.Table, pa.Table]]:
        for start in range(0, len(self), size):
            yield self._cells.slice(start, size), self.results().slice(start, size)

    originals = None

    def original_batches(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        return self.batches()

    def insights(self) -> list[dict[str, Any]]:
        return self._findings

    def flagged(self, type: str) -> np.ndarray:
        check = CHECK_BY_NAME[type]
        rows = np.flatnonzero(self._table[check.flag].to_numpy(zero_copy_only=False).astype(bool))
        if check.score is None:
            return rows
        score = np.nan_to_num(self._table[check.score].to_numpy()[rows].astype(float), nan=-1.0)
        return rows[np.argsort(-score, kind="stable")]

    def issue_table(self, type: str | None = None, top: int | None = None) -> pa.Table:
        rows = (self.dataset.order if type is None else self.flagged(type))[:top]
        ours, cells, names = self.results(rows), self._cells.take(pa.array(rows)), self.public_names
        table = {names[ROW_ID]: ours[ROW_ID]} | {name: cells[name] for name in cells.column_names}
        return pa.table(table | {names[name]: ours[name] for name in ours.column_names if name != ROW_ID})

    def issues(self, type: str | None = None, top: int | None = None) -> pd.DataFrame:
        return IssuesFrame.of(self, self.issue_table(type, top).to_pandas())


def jpeg(pixels: np.ndarray, quality: int = 90) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def columns_for(n: int, given: np.ndarray, classes: list[Any], *, seed: int = 0) -> dict[str, Any]:
    """Result columns of a made-up analysis: every 20th label is an issue, some rows are outliers and duplicates."""
    rng = np.random.default_rng(seed)
    issue = np.arange(n) % 20 == 3
    k = max(len(classes), 1)
    suggested = np.where(issue, (given + 1 + rng.integers(0, 2, n)) % k, -1)
    quality = np.where(issue, rng.beta(2, 8, n), rng.beta(9, 1.5, n)).astype(np.float32)
    cluster = np.where(np.arange(n) < 12, np.arange(n) // 3, -1)
    conflict = (cluster >= 0) & (cluster < 2)
    wrong = conflict & (np.arange(n) % 3 == 0)

    def names(codes: np.ndarray) -> list[Any]:
        return [classes[c] if c >= 0 else None for c in codes]

    return {
        ROW_ID: [f"row/{i:05d}" for i in range(n)],
        "given_label": names(given),
        "split": ["train" if i % 4 else "test" for i in range(n)],
        "is_not_analyzed": np.arange(n) == n - 1,
        "not_analyzed_reason": [None] * (n - 1) + ["the file ends too early"],
        "is_initially_unlabeled": given < 0,
        "predicted_label": names(np.where(issue, suggested, given)),
        "runner_up_label": names((given + 1) % k),
        "is_label_issue": issue,
        "label_issue_score": 1 - quality,
        "label_quality": quality,
        "p_label_error": np.where(issue, 0.9, 0.02),
        "suggested_label": names(suggested),
        "suggested_label_confidence_score": np.where(issue, rng.uniform(0.6, 0.99, n), np.nan),
        "label_issue_reason": ["the models agree on another class" if flag else None for flag in issue],
        "is_ambiguous": np.arange(n) % 50 == 7,
        "ambiguous_score": rng.random(n),
        "is_outlier": np.arange(n) % 40 == 9,
        "outlier_score": rng.random(n),
        "outlier_reason": ["far from every row of its class" if i % 40 == 9 else None for i in range(n)],
        "is_exact_duplicate": (cluster >= 0) & (np.arange(n) % 3 < 2),
        "is_near_duplicate": cluster >= 0,
        "near_duplicate_score": np.where(cluster >= 0, 0.99, np.nan),
        "near_duplicate_cluster_id": [int(c) if c >= 0 else None for c in cluster],
        "near_duplicate_kind": ["mirror" if c >= 0 else None for c in cluster],
        "is_cross_split_duplicate": cluster == 2,
        "is_duplicate_label_conflict": conflict,
        "is_duplicate_label_wrong": wrong,
        "duplicate_correct_label": names(
            np.where(conflict, np.repeat(given[:n:3], 3)[:n] if n % 3 == 0 else given, -1)
        ),
    }


ERROR_RATE = {
    "check": "label_error_rate",
    "title": "Estimated label error rate",
    "subject": [],
    "message": "",
    "data": {"rate": 0.051, "low": 0.043, "high": 0.06},
}


def digits_project(n: int = 300, **options: Any) -> FakeProject:
    digits = load_digits()
    given = digits.target[:n].astype(int)
    classes = options.pop("classes", [str(d) for d in range(10)])
    values = columns_for(n, given, classes)
    values |= {
        "is_dark": np.arange(n) % 60 == 5,
        "dark_score": np.random.default_rng(1).random(n),
        "is_odd_size": np.arange(n) % 150 == 5,
        "odd_size_score": np.random.default_rng(2).random(n),
        "image_width": [64] * n,
        "image_height": [64] * n,
        "is_grayscale": [False] * n,
    }
    pictures = [np.kron(255 - image * 15.9, np.ones((8, 8))).astype(np.uint8) for image in digits.images[:n]]
    options = {"thumbnails": [jpeg(picture) for picture in pictures], "findings": [ERROR_RATE]} | options
    return FakeProject("image", values, pa.table({"path": [f"{i}.png" for i in range(n)]}), classes=classes, **options)


def text_project(
    texts: list[str], labels: list[str | None], *, suggested: dict[int, str] | None = None, **options: Any
) -> FakeProject:
    """Texts with the label issues told: ``suggested`` maps a row to the label it should have."""
    classes = sorted({label for label in labels if label is not None} | set((suggested or {}).values()))
    code = {label: number for number, label in enumerate(classes)} | {None: -1}
    n = len(texts)
    values = columns_for(n, np.array([code[label] for label in labels]), classes)
    if suggested is not None:
        values["is_label_issue"] = np.isin(np.arange(n), list(suggested))
        values["suggested_label"] = [suggested.get(i) for i in range(n)]
    return FakeProject(
        "text",
        values | options.pop("more", {}),
        pa.table({"text": texts, "label": labels}),
        classes=classes,
        roles={"text": "text", "label": "label"},
        **({"name": "reviews"} | options),
    )
