"""The columns of a finished run, from its Parquet tables into numpy.

In: a project. Out: the arguments of `assay.query.table.ReviewTable`. Does not know: what they are used for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.columns import columns_of
from assay.dataset.target import Label
from assay.query.cells import DatasetCells
from assay.query.values import coded

if TYPE_CHECKING:
    from assay.runs import FinishedRun

Flags = NDArray[np.bool_]
Codes = NDArray[np.int32]


def columns_of_run(project: FinishedRun) -> dict[str, Any]:
    """Flags, scores, numbers and labels of every row number; sentences and the user's cells as what reads them later."""
    dataset, run = project.dataset, project.run
    n = dataset.n_rows
    every = np.arange(n)
    flags: dict[str, Flags] = {}
    scores: dict[str, NDArray[np.float32]] = {}
    numbers: dict[str, NDArray[np.int32]] = {}
    labels: dict[str, Codes] = {"given_label": dataset.codes}
    texts: dict[str, Callable[[], pa.ChunkedArray]] = {}
    wanted = set(project.result_columns())
    for kind in [kind for kind in project.kinds() if kind in run["tables"]]:
        columns = [column for column in columns_of(kind) if column.name in wanted]
        table = project.results(every, [column.name for column in columns if column.dtype != "string"])
        for column in columns:
            if column.dtype == "bool":
                flags[column.name] = _flag(table[column.name])
            elif column.dtype == "float32":
                scores[column.name] = _score(table[column.name])
            elif column.dtype == "label":
                labels[column.name] = _codes(table[column.name], project.classes)
            elif column.dtype == "string":
                texts[column.name] = _reader(project, column.name)
            else:
                numbers[column.name] = _whole(table[column.name])
    flags["is_not_analyzed"] = _flag(project.results(every, ["is_not_analyzed"])["is_not_analyzed"])
    texts["not_analyzed_reason"] = _reader(project, "not_analyzed_reason")
    if project.classes:
        flags["is_initially_unlabeled"] = ~dataset.target.labelled
    split, splits = _split(dataset.rows["split"])
    pa.default_memory_pool().release_unused()  # what reading took: some 200 MB of a million rows
    return {
        "order": dataset.order,
        "ids": dataset.rows["row_id"],
        "classes": project.classes,
        "flags": flags,
        "scores": scores,
        "numbers": numbers,
        "labels": labels,
        "split": split,
        "splits": splits,
        "cells": DatasetCells(project.folder, run["dataset"], n),
        "texts": texts,
        "public": project.public_names,
        "roles": run["roles"],
        "modality": run["modality"],
        "not_run": {
            check["name"]: f"it was {check['status']} ({check['why']})"
            for check in run["checks"]
            if check["status"] != "ran"
        },
    }


def _flag(column: pa.ChunkedArray) -> Flags:
    if pa.types.is_null(column.type):
        return np.zeros(len(column), bool)
    return np.asarray(column.fill_null(False).to_numpy(), bool)


def _score(column: pa.ChunkedArray) -> NDArray[np.float32]:
    return np.asarray(column.cast(pa.float32()).fill_null(np.nan).to_numpy(), np.float32)


def _whole(column: pa.ChunkedArray) -> NDArray[np.int32]:
    return np.asarray(column.cast(pa.int64()).fill_null(-1).to_numpy(), np.int64).clip(-1, 2**31 - 1).astype(np.int32)


def _codes(column: pa.ChunkedArray, classes: Sequence[Label]) -> Codes:
    if pa.types.is_null(column.type) or not classes:
        return np.full(len(column), -1, np.int32)
    index = pc.index_in(column, value_set=pa.array(classes, column.type))
    return np.asarray(index.fill_null(-1).to_numpy(), np.int32)


def _split(column: pa.ChunkedArray) -> tuple[Codes | None, list[str]]:
    if column.null_count == len(column):
        return None, []
    found = coded(column)
    return found.codes, [str(level) for level in found.levels]


def _reader(project: FinishedRun, name: str) -> Callable[[], pa.ChunkedArray]:
    """Sentences are read when somebody asks for one."""

    def read() -> pa.ChunkedArray:
        column = project.results(np.arange(project.dataset.n_rows), [name])[name]
        return column.cast(pa.string()) if pa.types.is_null(column.type) else column

    return read
