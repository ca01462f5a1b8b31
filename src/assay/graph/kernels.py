"""The loops that numpy cannot express at speed: keep the best few, and measure them in one fixed order.

In: blocks of scores, candidate positions, rows. Out: sorted lists, updated in place.
Does not know: where blocks come from, metrics, files, threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

LANES = 16
NOWHERE = -(1 << 40)  # "no item of this block is the row itself"


@njit(nogil=True, cache=True)
def update_topk(scores, rows, first, own, best, who):  # type: ignore[no-untyped-def]
    """Offer item ``first + b`` with ``scores[a, b]`` to the sorted list of row ``rows[a]``.

    ``best`` float32 (m, c) descending and ``who`` int32 (m, c) hold the lists. Item ``rows[a] + own`` of the block is
    the row itself. Items come in ascending order and a tie never displaces, so the lower item wins ties.
    """
    count = best.shape[1]
    items = scores.shape[1]
    for a in range(scores.shape[0]):
        row = rows[a]
        bar = best[row, count - 1]
        me = row + own
        for start in range(0, items, 32):
            stop = min(start + 32, items)
            top = scores[a, start]
            for b in range(start + 1, stop):
                top = max(top, scores[a, b])
            if top <= bar:  # most chunks end here: a plain maximum is what the compiler vectorises
                continue
            for b in range(start, stop):
                score = scores[a, b]
                if score > bar and b != me:
                    slot = count - 1
                    while slot > 0 and best[row, slot - 1] < score:
                        best[row, slot] = best[row, slot - 1]
                        who[row, slot] = who[row, slot - 1]
                        slot -= 1
                    best[row, slot] = score
                    who[row, slot] = first + b
                    bar = best[row, count - 1]


@njit(nogil=True, cache=True)
def rank(queries, candidates, base, near, who):  # type: ignore[no-untyped-def]
    """The nearest candidates of each query by squared Euclidean distance in all dimensions.

    ``candidates`` int32 (m, c): row numbers of ``base``, ascending, -1 = none. ``near`` float32 (m, k) and ``who``
    int32 (m, k) are filled, nearest first, ties to the lower row, -1 and infinity where there are too few.
    """
    k = near.shape[1]
    dims = queries.shape[1]
    whole = dims - dims % LANES
    # one order of adding, whatever the processor, and one that it can do side by side
    sums = np.empty(LANES, np.float32)
    for a in range(queries.shape[0]):
        for slot in range(k):
            near[a, slot] = np.inf
            who[a, slot] = -1
        for c in range(candidates.shape[1]):
            item = candidates[a, c]
            if item < 0:
                continue
            for lane in range(LANES):
                sums[lane] = 0.0
            for d in range(0, whole, LANES):
                for lane in range(LANES):
                    gap = queries[a, d + lane] - base[item, d + lane]
                    sums[lane] += gap * gap
            total = np.float32(0.0)
            for lane in range(LANES):
                total += sums[lane]
            for d in range(whole, dims):
                gap = queries[a, d] - base[item, d]
                total += gap * gap
            if total < near[a, k - 1]:
                slot = k - 1
                while slot > 0 and near[a, slot - 1] > total:
                    near[a, slot] = near[a, slot - 1]
                    who[a, slot] = who[a, slot - 1]
                    slot -= 1
                near[a, slot] = total
                who[a, slot] = item


@njit(nogil=True, cache=True)
def expand(ids, near, group, members, starts, out_ids, out_near):  # type: ignore[no-untyped-def]
    """From neighbours among distinct rows to neighbours among all rows.

    ``ids``, ``near`` (U, k): neighbours of distinct rows. ``group`` (N,): the distinct row of each row; its rows are
    ``members[starts[g]:starts[g + 1]]``, ascending. ``out_ids``, ``out_near`` (N, k) are filled; ties to the lower row.
    """
    k = out_ids.shape[1]
    for row in range(len(group)):
        for slot in range(k):
            out_ids[row, slot] = -1
            out_near[row, slot] = np.inf
        own = group[row]
        for step in range(-1, ids.shape[1]):
            other = own if step < 0 else ids[own, step]
            if other < 0:
                break
            distance = np.float32(0.0) if step < 0 else near[own, step]
            if distance > out_near[row, k - 1]:
                break
            for at in range(starts[other], starts[other + 1]):
                item = members[at]
                if item == row:
                    continue
                last = out_ids[row, k - 1]
                if distance > out_near[row, k - 1] or (distance == out_near[row, k - 1] and last >= 0 and item > last):
                    break
                slot = k - 1
                while slot > 0 and (
                    out_near[row, slot - 1] > distance
                    or (out_near[row, slot - 1] == distance and out_ids[row, slot - 1] > item)
                ):
                    out_near[row, slot] = out_near[row, slot - 1]
                    out_ids[row, slot] = out_ids[row, slot - 1]
                    slot -= 1
                out_near[row, slot] = distance
                out_ids[row, slot] = item
