"""Rows as JSON: the one shape in which the API shows them.

In: a table, the folded decisions, row numbers. Out: dicts of plain values. Does not know: pictures, why a row was flagged beyond
the sentence that the checks left.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.actions.entry import ACTION_NAMES
from assay.checks import CHECK_BY_NAME
from assay.query.table import ROLES, ReviewTable
from assay.query.unusual_cells import is_odd

if TYPE_CHECKING:
    from assay.actions.state import State

TEXT, CELL, COLUMNS = 600, 200, 40  # characters of a text and of a cell, columns of a row
REASONS = ("not_analyzed_reason", "label_issue_reason", "outlier_reason")


def page(table: ReviewTable, state: State, rows: Sequence[int] | NDArray[Any]) -> list[dict[str, Any]]:
    """One dict a row number, in their order.

    row, id; given, suggested, predicted, corrected, final: label values or None; suggested_confidence; action, excluded,
    person, entry, tags, note: what was decided; checks: names of those that flagged it; scores: those it has; cluster,
    split; text: the first `TEXT` characters; cells: column -> text, at most `COLUMNS`; reason; marked: see `marked_of`; width, height.
    Cost: about 5 ms for 100 rows.
    """
    numbers = np.asarray(rows, np.int64)
    labels = {name: _labels(table, codes[numbers]) for name, codes in table.labels.items()}
    none: list[Any] = [None] * len(numbers)
    confidence = _present(table, "suggested_label_confidence_score", numbers) or none
    checks = [(name, table.flags[CHECK_BY_NAME[name].flag][numbers].tolist()) for name in table.checks]
    scores = [(name, values[numbers].tolist()) for name, values in table.scores.items()]
    corrected = [None if at < 0 else state.labels[at] for at in state.label[numbers].tolist()]
    action = [ACTION_NAMES[at] for at in state.action[numbers].tolist()]
    person = ["" if at < 0 else state.people[at] for at in state.person[numbers].tolist()]
    excluded, entry = state.excluded[numbers].tolist(), state.entry[numbers].tolist()
    tagged = [(name, rows_of[numbers].tolist()) for name, rows_of in sorted(state.tags.items())]
    cluster, split = table.cluster[numbers].tolist(), table.split[numbers].tolist()
    width, height = (_size(table, name, numbers) or none for name in ("image_width", "image_height"))
    texts, cells = _cells(table, numbers.tolist())
    reasons, marked = reasons_of(table, numbers.tolist()), marked_of(table, numbers)
    out = []
    for at, row in enumerate(numbers.tolist()):
        given = labels["given_label"][at]
        out.append(
            {
                "row": row,
                "id": str(table.ids[row].as_py()),
                "given": given,
                "suggested": labels["suggested_label"][at] if "suggested_label" in labels else None,
                "suggested_confidence": confidence[at],
                "predicted": labels["predicted_label"][at] if "predicted_label" in labels else None,
                "corrected": corrected[at],
                "final": given if corrected[at] is None else corrected[at],
                "action": action[at],
                "excluded": excluded[at],
                "person": person[at],
                "entry": entry[at],
                "tags": [name for name, has in tagged if has[at]],
                "note": state.notes.get(row, ""),
                "checks": [name for name, flagged in checks if flagged[at]],
                "scores": {name: _round(values[at]) for name, values in scores if not math.isnan(values[at])},
                "cluster": None if cluster[at] < 0 else cluster[at],
                "split": None if split[at] < 0 else table.splits[split[at]],
                "text": texts[at],
                "cells": cells[at],
                "reason": reasons[at],
                "marked": marked[at],
                "width": width[at],
                "height": height[at],
            }
        )
    return out


def show_cell(value: Any, longest: int = CELL) -> str:
    """A cell as a person would write it; blank cells are empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return shorten(text, longest)


def shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def shown_columns(table: ReviewTable) -> list[str]:
    """The user's columns that a row shows as cells."""
    own_field = {table.roles.get(role) for role in ROLES}
    return [name for name in table.cells.schema.names if name not in own_field]


def reasons_of(table: ReviewTable, rows: Sequence[int]) -> list[str | None]:
    """The sentences that say why a row was flagged."""
    known = [name for name in REASONS if name in table.text_names]
    columns = [table.text(name) for name in known]
    found = []
    for row in rows:
        sentences = [column[row].as_py() for column in columns]
        found.append(" ".join(sentence for sentence in sentences if sentence) or None)
    return found


def marked_of(table: ReviewTable, rows: NDArray[np.int64]) -> list[list[str]]:
    """What to mark in each row: of a text the personal data found in it, of a table the columns whose cell is unusual."""
    if table.modality == "text" and "PII_items" in table.text_names:
        items = table.text("PII_items")
        return [[str(item) for item in json.loads(items[row].as_py() or "[]")] for row in rows.tolist()]
    out: list[list[str]] = [[] for _ in rows]
    for name in shown_columns(table)[:COLUMNS] if table.modality == "table" else []:
        for at in np.flatnonzero(is_odd(table.column(name), table.marks(name), rows)).tolist():
            out[at].append(name)
    return out


def _cells(table: ReviewTable, rows: list[int]) -> tuple[list[str | None], list[dict[str, str]]]:
    text = table.roles.get("text")
    names = shown_columns(table)[:COLUMNS]
    if text in table.cells.schema.names:
        read = table.cells.rows(rows, [*names, str(text)])
        texts = [None if row[-1] is None else shorten(str(row[-1]), TEXT) for row in read]
    else:
        read, texts = table.cells.rows(rows, names), [None] * len(rows)
    return texts, [{name: show_cell(value) for name, value in zip(names, row, strict=False)} for row in read]


def _labels(table: ReviewTable, codes: NDArray[np.int32]) -> list[Any]:
    return [None if code < 0 else table.classes[code] for code in codes.tolist()]


def _present(table: ReviewTable, name: str, rows: NDArray[np.int64]) -> list[Any] | None:
    values = table.scores.get(name)
    return None if values is None else [None if math.isnan(v) else _round(v) for v in values[rows].tolist()]


def _size(table: ReviewTable, name: str, rows: NDArray[np.int64]) -> list[Any] | None:
    values = table.numbers.get(name)
    return None if values is None else [None if v < 0 else v for v in values[rows].tolist()]


def _round(value: float) -> float:
    """A float32 without the digits that it does not have."""
    return round(value, 6)
