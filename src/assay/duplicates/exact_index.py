"""What the rows of a dataset hold, as digests that are kept: is a row that was not there the same as one that was?

In: contents as text (the words of a text, the hash of a picture's pixels), or the cells of a table. Out: digests of 128 bits,
and `ExactIndex`, which finds them again. Does not know: near copies, files, labels.

Near copies cannot be told from digests: they are proven by opening both, and the rows that are worth it lie near each other
among the vectors, which are kept as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.duplicates.wording import exact_text
from assay.encode.cells import read_cells
from assay.sources.words import BLANK

Digests = NDArray[np.uint64]  # (n, 2); (0, 0) = nothing is known of the row

ONE = np.uint64(1)
ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)  # two odd multipliers, so that the halves differ


def digests_of(contents: Sequence[str | None]) -> Digests:
    """(n, 2) BLAKE2b of each text; (0, 0) of None. Cost: 1 us a row."""
    out = np.zeros((len(contents), 2), np.uint64)
    known = [row for row, content in enumerate(contents) if content is not None]
    found = [blake2b(str(contents[row]).encode("utf-8", "surrogatepass"), digest_size=16).digest() for row in known]
    out[known] = np.frombuffer(b"".join(found), "<u8").reshape(-1, 2)
    return out


def row_digests(cells: pd.DataFrame, names: Sequence[str]) -> Digests:
    """(n, 2) of n rows of a table: two rows have one digest where `assay.duplicates.table.table_copies` has one key for them.

    names : the columns that are compared, all of them in ``cells``; their order counts. Rows that are empty in all of them: (0, 0).
    Cost: O(n) a column and 1 us a distinct text.
    """
    out = np.zeros((len(cells), 2), np.uint64)
    empty = np.ones(len(cells), bool)
    for name in names:
        digests, blank = _cell_digests(cells[name], name)
        out = _mixed((out + ONE) * ODD + digests)
        empty &= blank
    out[empty] = 0
    return out


def _cell_digests(column: pd.Series[Any], name: str) -> tuple[Digests, NDArray[np.bool_]]:
    """Of n cells, and which of them are blank."""
    kind = column.dtype.kind if hasattr(column.dtype, "kind") else "O"
    if kind in "iufmM":
        found = read_cells(column, name)
        assert found.numbers is not None
        bits = (found.numbers + 0.0).view(np.uint64)
        if kind in "iu" and not column.isna().any():  # whole numbers beyond 2^53 stay apart
            whole = column.to_numpy(np.uint64 if kind == "u" else np.int64).view(np.uint64)
            bits = np.where(np.abs(found.numbers) < 2**53, bits, whole)
        digests = _mixed((bits[:, None] + ONE) * ODD)
        digests[found.blank] = 0
        return digests, found.blank
    code, distinct = pd.factorize(column.map(str, na_action="ignore").astype(object))
    texts = [exact_text(text) for text in distinct]
    digests = np.concatenate([digests_of([text or None for text in texts]), np.zeros((1, 2), np.uint64)])
    blank = np.array([*(text.casefold() in BLANK for text in texts), True])
    return digests[code], blank[code]


def _mixed(digests: Digests) -> Digests:
    """Every bit of the input in every bit of the output (the finaliser of Steele, Lea and Flood's SplitMix, 2014)."""
    x = digests.copy()
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))


@dataclass(frozen=True)
class ExactIndex:
    """Which row holds a content.

    digests_ : (M, 2) different ones, in ascending order. rows_ : (M,) the first row that holds each. compared_ : of tables, the columns.
    """

    digests_: Digests
    rows_: NDArray[np.int64]
    compared_: tuple[str, ...] = ()

    @classmethod
    def fit(cls, digests: Digests, rows: NDArray[np.int64], compared: Sequence[str] = ()) -> ExactIndex:
        """Learn the (n, 2) digests of n rows. Cost: O(n log n), 24 bytes a row."""
        known = np.flatnonzero(digests.any(1))
        order = known[np.lexsort((rows[known], digests[known, 1], digests[known, 0]))]
        first = np.ones(len(order), bool)
        first[1:] = (digests[order[1:]] != digests[order[:-1]]).any(1)
        return cls(digests[order[first]], rows[order[first]], tuple(compared))

    def find(self, digests: Digests) -> NDArray[np.int64]:
        """(n,) the first row that holds the same; -1 where none does, or nothing is known. Cost: O(n log M)."""
        out = np.full(len(digests), -1, np.int64)
        at = np.searchsorted(self.digests_[:, 0], digests[:, 0])
        waiting = np.flatnonzero(digests.any(1) & (at < len(self.rows_)))
        while len(waiting):  # once, but where two contents have one first half
            here = self.digests_[at[waiting]]
            same = (here == digests[waiting]).all(1)
            out[waiting[same]] = self.rows_[at[waiting[same]]]
            waiting = waiting[~same & (here[:, 0] == digests[waiting, 0])]
            at[waiting] += 1
            waiting = waiting[at[waiting] < len(self.rows_)]
        return out

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """(index, arrays): the index is JSON."""
        return {"compared": list(self.compared_)}, {"digests": self.digests_, "rows": self.rows_}

    @classmethod
    def from_arrays(cls, index: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> ExactIndex:
        """The inverse of `to_arrays`."""
        return cls(arrays["digests"], arrays["rows"], tuple(index["compared"]))
