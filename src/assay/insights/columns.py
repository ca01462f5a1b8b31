"""Findings about a table's columns: blank, constant, identifiers, copies of another column, copies of the label.

In: the cells of all rows, the feature columns, class codes. Out: findings.
Does not know: models, other checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.encode.cells import MIN_DISTINCT, Cells, read_cells
from assay.insights.finding import Finding, quote

MOSTLY_BLANK = 0.95
COPY = 0.98  # share of labelled rows that a one-to-one renaming of the column's values into classes gets right
LEAST = 20  # rows that must be there before columns are compared with each other or with the label
CHECK = "columns"


def column_findings(cells: pd.DataFrame, features: Sequence[str], codes: NDArray[np.int32]) -> list[Finding]:
    """Findings about the feature columns, in their order; those about a copied label first.

    Parameters
    ----------
    cells : N rows.
    features : names of the columns that the models learn from.
    codes : (N,) int32 class codes, -1 = unlabelled.

    Notes
    -----
    Cost: O(N) a column to read it, and O(N) for each pair of columns that agree in kind and number of values and in a
    fingerprint of their cells.
    """
    if not len(cells):
        return []
    leaks: list[Finding] = []
    found: list[Finding] = []
    seen: dict[int, list[tuple[str, NDArray[Any]]]] = {}
    for name in features:
        read = read_cells(cells[name], str(name))
        found += _about_one(name, read)
        if read.kind == "constant" or read.blank.mean() > MOSTLY_BLANK or len(cells) < LEAST:
            continue
        numbers = value_numbers(read)
        leaks += _copies_label(name, numbers, codes)
        values = _comparable(read)
        same = seen.setdefault(int(pd.util.hash_array(values).sum(dtype=np.uint64)), [])
        twin = next((other for other, held in same if _equal(held, values)), None)
        if twin is None:
            same.append((name, values))
        else:
            message = f"The columns {quote(twin)} and {quote(name)} hold the same values; one of them is enough."
            found.append(Finding(CHECK, "Copied column", [twin, name], message, {"kind": "copy", "of": twin}))
    return leaks + found


def _about_one(name: str, read: Cells) -> Iterator[Finding]:
    n, blank = len(read.blank), int(read.blank.sum())
    if blank == n:
        message = f"The column {quote(name)} is blank in every row."
        yield Finding(CHECK, "Blank column", [name], message, {"kind": "blank", "blank": blank, "rows": n})
    elif blank > MOSTLY_BLANK * n:
        message = f"The column {quote(name)} is blank in {blank / n:.1%} of the rows."
        yield Finding(
            CHECK, "Mostly blank column", [name], message, {"kind": "mostly blank", "blank": blank, "rows": n}
        )
    elif read.kind == "constant" and n > 1:
        value = read.levels[0] if read.levels else f"{read.numbers[0]:g}" if read.numbers is not None else ""
        message = f"The column {quote(name)} holds the same value in every row: {quote(value)}."
        yield Finding(CHECK, "Constant column", [name], message, {"kind": "constant", "value": value})
    elif read.kind == "identifier":
        apart = len(np.unique(value_numbers(read))) >= MIN_DISTINCT * (n - blank)
        tells = "tells rows apart" if apart else "tells apart what rows speak of, some of which comes again,"
        message = (
            f"The column {quote(name)} looks like an identifier: it {tells} and says nothing else. "
            "The models do without it; leave it out of your features, too."
        )
        yield Finding(CHECK, "Identifier among the features", [name], message, {"kind": "identifier"})


def value_numbers(read: Cells) -> NDArray[np.int64]:
    """(N,) number of each cell's value from 0 by first appearance; blank is a value too."""
    values: NDArray[Any] = np.zeros(0) if read.numbers is None else read.numbers
    values = values if read.codes is None else read.codes
    return pd.factorize(values, use_na_sentinel=False)[0].astype(np.int64)


def _comparable(read: Cells) -> NDArray[Any]:
    """Numbers as numbers, everything else as text; blanks as NaN or ""."""
    if read.numbers is not None and read.kind in ("number", "identifier", "date"):
        return np.asarray(read.numbers, np.float64)
    levels = np.array([*read.levels, ""], object)
    return levels[read.codes] if read.codes is not None else np.asarray(read.numbers, np.float64)


def _equal(one: NDArray[Any], two: NDArray[Any]) -> bool:
    return one.dtype == two.dtype and bool(np.array_equal(one, two, equal_nan=one.dtype != object))


def _copies_label(name: str, numbers: NDArray[np.int64], codes: NDArray[np.int32]) -> Iterator[Finding]:
    """One-to-one: each value goes with one class and each class with one value, in nearly all labelled rows."""
    rows = np.flatnonzero(codes >= 0)
    labels = codes[rows].astype(np.int64)
    n_classes = len(np.unique(labels))
    values, value = np.unique(numbers[rows], return_inverse=True)
    if len(rows) < LEAST or n_classes < 2 or len(values) < 2 or len(values) > 2 * n_classes + 10:
        return
    pairs, times = np.unique(value * (int(labels.max()) + 1) + labels, return_counts=True)
    of_value, of_label = np.divmod(pairs, int(labels.max()) + 1)
    # the last one written is the commonest; of equal ones one alone, for each side
    order = np.argsort(times, kind="stable")
    by_value, by_label = np.zeros(len(values), np.int64), np.zeros(int(labels.max()) + 1, np.int64)
    by_value[of_value[order]], by_label[of_label[order]] = order, order
    here = np.arange(len(pairs))
    share = float(times[(by_value[of_value] == here) & (by_label[of_label] == here)].sum() / len(rows))
    commonest = float(np.bincount(labels).max() / len(rows))
    if share < COPY or share <= commonest:
        return
    message = (
        f"The column {quote(name)} gives the label away: its values go one to one with the classes in {share:.1%} of the "
        "labelled rows. Leave it out unless it will be known when the model is used."
    )
    yield Finding(CHECK, "Copy of the label", [name], message, {"kind": "label copy", "share": min(share, 1.0)})
