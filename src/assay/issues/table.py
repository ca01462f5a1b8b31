"""Table checks: rows that repeat another row in full, and blank cells.

In: the cells of all rows, the feature columns, class codes. Out: the columns of kind "table".
Does not know: files, models, other checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.duplicates.compared import equal_rows
from assay.encode.cells import read_cells


def table_issues(cells: pd.DataFrame, features: Sequence[str], codes: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
    """``is_identical_row`` (N,) bool and ``num_missing_cells`` (N,) int32.

    A row is identical if another row has equal values in every feature column and the same label (or neither has one).
    Blanks of any spelling are equal to each other; everything else is compared as it came, so 1 and "1" differ.

    Parameters
    ----------
    cells : N rows.
    features : names of the columns that count; without any, no row is identical.
    codes : (N,) class codes, -1 = unlabelled.

    Notes
    -----
    Cost: O(N) a column, and less as soon as every row differs.
    """
    n = len(cells)
    blanks = {name: read_cells(cells[name], str(name)).blank for name in features}
    values = (np.where(blank, -1, value_codes(cells[name])) for name, blank in blanks.items())
    group = equal_rows(chain([np.asarray(codes, np.int64)], values), n)
    repeated = np.bincount(group, minlength=1)[group] > 1 if n and features else np.zeros(n, bool)
    missing = np.zeros(n, np.int32)
    for blank in blanks.values():
        missing += blank
    return {"is_identical_row": repeated, "num_missing_cells": missing}


def value_codes(column: pd.Series[Any]) -> NDArray[np.int64]:
    """(N,) number of each cell's value, from 0 in the order of first appearance; -1 = null."""
    try:
        return pd.factorize(column)[0].astype(np.int64)
    except TypeError:  # lists and other values without a hash
        return pd.factorize(column.map(repr, na_action="ignore").astype(object))[0].astype(np.int64)
