"""Which cells of a row are unusual in their column.

In: a table's columns. Out: plain values a cell. Does not know: labels, checks.

A number is odd outside the middle 99 % of its column and a category where fewer than one row in two hundred shares it, provided
that the column has at least 200 filled cells, and that such cells are few together: where a column holds hundreds of names, a rare
one is nothing odd (of 2,410 beers, 89 % would have an odd cell).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.query.properties import USUAL
from assay.query.values import Coded

RARE = 0.005  # one tail of a number, or the share of a category
TOGETHER = 0.05  # of a column's filled cells are of rare categories at the most
ENOUGH = 200  # filled cells


def describe_cell(values: Any, marks: Any, row: int) -> dict[str, Any]:
    """odd; of a number value, low, high (5th and 95th centile); of a category share (of the filled cells).

    ``values``: a column; ``marks``: its `column_bounds`.
    """
    out: dict[str, Any] = {"odd": False, "value": None, "low": None, "high": None, "share": None}
    if isinstance(values, Coded) and isinstance(marks, np.ndarray):
        code = int(values.codes[row])
        if code >= 0:
            out |= {"share": round(float(marks[code]), 6), "odd": bool(is_odd(values, marks, row))}
    elif isinstance(values, np.ndarray) and isinstance(marks, tuple) and not np.isnan(values[row]):
        value = float(values[row])
        out |= {"value": value, "low": marks[1], "high": marks[2], "odd": bool(is_odd(values, marks, row))}
    return out


def column_bounds(values: Any) -> Any:
    """What cells are held against: of a category the share of each level, of numbers the centiles .5, 5, 95, 99.5; else None."""
    if isinstance(values, Coded):
        counts = np.bincount(values.codes[values.codes >= 0], minlength=len(values.levels))
        total = int(counts.sum())
        return counts / total if total >= ENOUGH else np.ones(len(values.levels))
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        known = values[np.isfinite(values)]
        if len(known) < ENOUGH:
            return None
        tail = 100 * RARE
        return tuple(float(mark) for mark in np.percentile(known, [tail, *USUAL, 100 - tail]))
    return None


def is_odd(values: Any, marks: Any, rows: Any) -> Any:
    """Whether the cells of some rows are unusual: (n,) bool, or one for one row."""
    if isinstance(values, Coded) and isinstance(marks, np.ndarray):
        codes = values.codes[rows]
        if marks[marks < RARE].sum() > TOGETHER:
            return np.zeros(np.shape(codes), bool)
        return (codes >= 0) & (np.append(marks, 1.0)[codes] < RARE)
    if isinstance(marks, tuple):
        return (values[rows] < marks[0]) | (values[rows] > marks[3])
    return np.zeros(np.shape(rows), bool)
