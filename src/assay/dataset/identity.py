"""Which row of a source is which row of the run before, and whether it is the same source at all.

In: hashes of the cells of both, in the user's order. Out: the old row of each new one. Does not know: files, decisions' names.

Rows that have an id of the user's are known by it. Rows that are only numbered are known by what they hold: a deleted line must
not make every row after it the row before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]

SAME = 0.5  # share of rows that must be the same for a source to be the one before
ALIKE = 0.5  # share of cells, other than labels, in which an edited row is still the row that it was
STRETCH, MOST = 20, 0.9  # rows changed together, and the share of them that is still alike
WHOLE_FLOAT = r"^(-?\d+)\.0$"


@dataclass
class Matched:
    """``old``: (N,) the row number before of each new row, -1 = a new row. ``unsure``: rows before whose place nobody can
    tell, with the new rows (by position) that hold what they held: of equal rows some went or came."""

    old: Rows
    unsure: list[tuple[list[int], list[int]]] = field(default_factory=list)


def cell_hashes(table: pa.Table, names: Sequence[str]) -> Hashes:
    """(C, N) a hash of each cell, that of its text: 1, 1.0 and "1" are one, so that a column may change its type.

    Cost: O(N) a column; a text a cell in memory, a column at a time.
    """
    rows = [_hashes(table[name]) for name in names]
    return np.stack(rows) if rows else np.zeros((0, table.num_rows), np.uint64)


def _hashes(column: pa.ChunkedArray) -> Hashes:
    text = column if pa.types.is_string(column.type) else column.cast(pa.string())
    text = pc.replace_substring_regex(text, WHOLE_FLOAT, r"\1").fill_null("\0none")
    return np.asarray(pd.util.hash_array(text.to_pandas().to_numpy(object)), np.uint64)


def row_hashes(cells: Hashes, names: Sequence[str]) -> Hashes:
    """(N,) a hash of each row, whatever the order of the columns."""
    salt = pd.util.hash_array(np.array(list(names), object)) if len(names) else np.zeros(0, np.uint64)
    total = np.zeros(cells.shape[1], np.uint64)
    for values, one in zip(cells, salt, strict=True):
        mixed = (values ^ np.uint64(one)) * np.uint64(0x9E3779B97F4A7C15)
        total += mixed ^ (mixed >> np.uint64(29))
    return total


def match_rows(
    before: Hashes,
    now: Hashes,
    *,
    rest_before: Hashes | None = None,
    rest_now: Hashes | None = None,
    marks: NDArray[np.int64] | None = None,
) -> Matched:
    """Find each new row among the rows before.

    Parameters
    ----------
    before, now : (M,) and (N,) hashes of rows, each in the user's order.
    rest_before, rest_now : the same without the label column, by which a row that only got another label is found.
    marks : (M,) equal numbers for rows with equal decisions, 0 = none. Of equal rows that became fewer or more, those
        that are marked alike are interchangeable; others are ``unsure``.

    Returns
    -------
    Matched : ``old`` holds positions in ``before``.

    Notes
    -----
    Cost: O((M + N) log (M + N)).
    """
    old = np.full(len(now), -1, np.int64)
    if len(before) == len(now) and (before == now).all():
        return Matched(np.arange(len(now)))
    marks = np.zeros(len(before), np.int64) if marks is None else marks
    found = Matched(old)
    free = np.ones(len(before), bool)
    _by_hash(before, now, marks, found, free)
    if rest_before is not None and rest_now is not None:
        held = {row for rows, _ in found.unsure for row in rows}
        open_before = np.array([row for row in np.flatnonzero(free).tolist() if row not in held], np.int64)
        open_now = np.flatnonzero(found.old < 0)
        _unique(rest_before, rest_now, open_before, open_now, found, free)
    return found


def _by_hash(before: Hashes, now: Hashes, marks: NDArray[np.int64], found: Matched, free: NDArray[np.bool_]) -> None:
    """Rows of equal hash in their order; where their number changed, only if it does not matter which is which."""
    values, inverse = np.unique(np.concatenate([before, now]), return_inverse=True)
    code_before, code_now = inverse[: len(before)], inverse[len(before) :]
    count_before = np.bincount(code_before, minlength=len(values))
    count_now = np.bincount(code_now, minlength=len(values))
    marked = np.bincount(code_before, weights=(marks != 0), minlength=len(values)) > 0
    even = (count_before == count_now) | ~marked
    order_before = np.argsort(code_before, kind="stable")
    order_now = np.argsort(code_now, kind="stable")
    start_before = np.concatenate([[0], np.cumsum(count_before)])
    start_now = np.concatenate([[0], np.cumsum(count_now)])
    rank = np.arange(len(now)) - np.repeat(start_now[:-1], count_now)  # of each new row among its equals
    codes = code_now[order_now]
    good = even[codes] & (rank < count_before[codes])
    matched = order_before[start_before[codes[good]] + rank[good]]
    found.old[order_now[good]] = matched
    free[matched] = False
    for code in np.flatnonzero(~even & (count_now > 0)).tolist():
        rows = order_before[start_before[code] : start_before[code + 1]]
        positions = order_now[start_now[code] : start_now[code + 1]]
        if len(positions) <= len(rows) and len(np.unique(marks[rows])) == 1:
            found.old[positions] = rows[: len(positions)]
            free[rows[: len(positions)]] = False
        else:
            _by_neighbors(rows, positions, found, free)


def _by_neighbors(rows: Rows, positions: Rows, found: Matched, free: NDArray[np.bool_]) -> None:
    """Equal rows told apart by the row before or after them, where one row alone may have gone to a place; the rest is
    unsure."""
    where = {old: position for position, old in enumerate(found.old.tolist()) if old >= 0}
    left = set(positions.tolist())
    claims = {row: {where.get(row - 1, -9) + 1, where.get(row + 1, -9) - 1} & left for row in rows.tolist()}
    times = Counter(position for some in claims.values() for position in some)
    unsure = []
    for row, some in claims.items():
        sure = [position for position in some if times[position] == 1]
        if len(some) == 1 and sure:
            found.old[sure[0]] = row
            free[row] = False
            left.discard(sure[0])
        else:
            unsure.append(row)
    if unsure and left:
        found.unsure.append((unsure, sorted(left)))


def _unique(before: Hashes, now: Hashes, rows: Rows, positions: Rows, found: Matched, free: NDArray[np.bool_]) -> None:
    """Rows that are alike but for their label, and nothing else is."""
    first, count = np.unique(before[rows], return_counts=True)
    second, times = np.unique(now[positions], return_counts=True)
    once = np.intersect1d(first[count == 1], second[times == 1])
    by_hash = {int(value): int(row) for value, row in zip(before[rows].tolist(), rows.tolist(), strict=True)}
    for position in positions[np.isin(now[positions], once)].tolist():
        row = by_hash[int(now[position])]
        found.old[position] = row
        free[row] = False


def edited_rows(found: Matched, cells_before: Hashes, cells_now: Hashes, marks: NDArray[np.int64]) -> None:
    """Match rows that were changed where they stand: between two rows that are known, as many old rows as new ones, each
    alike in at least half of its cells. Adds to ``found``. ``cells``: (C, M) and (C, N), without the label column.

    Such a row may as well be another that took the place of one that was deleted. So one that somebody decided about (see
    ``marks`` of `match_rows`) is ``unsure``, unless the change is one of a whole stretch of rows.
    """
    if not len(cells_before):
        return
    held = {row for rows, _ in found.unsure for row in rows}
    taken = set(found.old[found.old >= 0].tolist()) | held
    n, m = len(found.old), cells_before.shape[1]
    position = 0
    while position < n:
        if found.old[position] >= 0:
            position += 1
            continue
        stop = position
        while stop < n and found.old[stop] < 0:
            stop += 1
        first = int(found.old[position - 1]) + 1 if position else 0
        last = int(found.old[stop]) if stop < n else m
        gap = list(range(first, last)) if first <= last else []
        if len(gap) == stop - position and not taken & set(gap):
            alike = (cells_before[:, gap] == cells_now[:, position:stop]).mean(0) >= ALIKE
            stretch = len(gap) >= STRETCH and alike.mean() >= MOST
            for row, one, good in zip(gap, range(position, stop), alike.tolist(), strict=True):
                if marks[row] and not (good and stretch):
                    found.unsure.append(([row], [one]))
                elif good:
                    found.old[one] = row
        position = stop


def same_share(old: Rows, n_before: int) -> float:
    """Share of the smaller of both that was found again."""
    smaller = min(n_before, len(old))
    return float((old >= 0).sum() / smaller) if smaller else 1.0
