"""What was measured of single pictures, and what is usual in the dataset.

In: the property shards of a run. Out: a row's values, the usual range of each. Does not know: flags, labels.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

import numpy as np

from assay.storage import Folder

NAMES = ("brightness_p5", "brightness_p95", "sharpness", "entropy", "colourfulness", "width", "height")
SAMPLED = 40  # shards, evenly over the data, that the usual range is taken from
USUAL = (5, 95)  # centiles


class PictureProperties:
    """``places``: the shards' places, in the order of the rows they hold."""

    def __init__(self, folder: Folder, prefixes: list[str]) -> None:
        self._folder, self._prefixes = folder, prefixes
        self._first: dict[int, int] = {}
        self._lock = threading.Lock()

    def of(self, row: int) -> dict[str, float]:
        """The measured properties of a row; {} for a row without. Cost: a dozen small files of a million rows."""
        low, high = 0, len(self._prefixes)
        while low < high:  # the last shard whose first row is not beyond the row
            middle = (low + high) // 2
            if self._first_row(middle) <= row:
                low = middle + 1
            else:
                high = middle
        if not low:
            return {}
        table = self._read(low - 1, ["row", *NAMES])
        at = np.flatnonzero(table["row"].to_numpy() == row)
        found = {name: table[name][int(at[0])].as_py() for name in NAMES} if len(at) else {}
        return {name: float(value) for name, value in found.items() if value is not None}

    @cached_property
    def usual(self) -> dict[str, tuple[float, float]]:
        """name -> 5th and 95th centile over the pictures of `SAMPLED` shards; also of "area" and "ratio" (long / short side)."""
        with self._lock:
            every = range(0, len(self._prefixes), max(1, len(self._prefixes) // SAMPLED))
            tables = [self._read(at, list(NAMES)) for at in every]
        values: dict[str, Any] = {
            name: np.concatenate([table[name].to_numpy().astype(float) for table in tables]) if tables else np.zeros(0)
            for name in NAMES
        }
        values["area"] = values["width"] * values["height"]
        values["ratio"] = ratio(values["width"], values["height"])
        return {name: found for name, array in values.items() if (found := usual_range(array)) is not None}

    def _first_row(self, at: int) -> int:
        if at not in self._first:
            rows = self._read(at, ["row"])["row"]
            self._first[at] = rows[0].as_py() if len(rows) else 0
        return self._first[at]

    def _read(self, at: int, columns: list[str]) -> Any:
        return self._folder.get_table(f"{self._prefixes[at]}.properties.parquet", columns)


def ratio(width: Any, height: Any) -> Any:
    """Long side / short side."""
    return np.maximum(width, height) / np.maximum(np.minimum(width, height), 1)


def usual_range(values: Any) -> tuple[float, float] | None:
    """5th and 95th centile of the numbers that are there; None without any."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    if not len(known):
        return None
    low, high = np.percentile(known, USUAL)
    return float(low), float(high)
