"""The loops over probabilities that numpy would need a read or a copy each for.

In: blocks of probabilities, small arrays a row. Out: arrays filled in place.
Does not know: files, thresholds, what an issue is.
"""

from __future__ import annotations

import numpy as np
from numba import njit

CHUNK = 64  # neighbouring probabilities whose largest is looked at first
VECTOR = 32  # ... and this many of them at once after that
LANES = 64  # rows side by side


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _summary(bits, values):  # type: ignore[no-untyped-def]
    """(largest, all signs, sum) of a chunk."""
    peak = bits[0]
    signs = bits[0]
    total = values[0] * 0
    for column in range(len(bits)):  # over a slice, from 0: what the compiler turns into vectors
        peak = max(peak, bits[column])
        signs |= bits[column]
        total += values[column]
    return peak, signs, total


@njit(nogil=True, cache=True)
def _reaches(bits, bar):  # type: ignore[no-untyped-def]
    found = bits[0] < bits[0]
    for column in range(len(bits)):
        found |= bits[column] >= bar
    return found


@njit(nogil=True, cache=True)
def largest(values, bits, labels, tolerance, sum_tolerance, classes, probs, given, proper):  # type: ignore[no-untyped-def]
    """One read of a block: the largest probabilities of each row, the given one, and whether the row is a distribution.

    ``bits`` is ``values`` (n, K) seen as integers of the same width: floats of positive sign order as their bits do, and
    NaN above all, so that maxima are plain integer maxima, which compilers vectorise. A row with a negative value is compared
    number by number instead. ``classes``, ``probs`` (n, m), descending, ties to the lower class; a row with a NaN gets NaN first.
    """
    size = bits.shape[1]
    count = classes.shape[1]
    chunks = (size + CHUNK - 1) // CHUNK
    peaks = np.empty(chunks, bits.dtype)
    top = np.empty(count, bits.dtype)
    lowest = peaks.dtype.type(-1)  # below every value without a sign
    for row in range(bits.shape[0]):
        total = 0.0
        signs = peaks.dtype.type(0)
        first = second = third = fourth = fifth = lowest
        for chunk in range(chunks):
            start = chunk * CHUNK
            stop = min(start + CHUNK, size)
            peak, sign, part = _summary(bits[row, start:stop], values[row, start:stop])
            peaks[chunk] = peak
            signs |= sign
            total += part
            fifth = max(fifth, min(fourth, peak))  # the five largest peaks, without a branch to guess
            fourth = max(fourth, min(third, peak))
            third = max(third, min(second, peak))
            second = max(second, min(first, peak))
            first = max(first, peak)
        least = values[row, 0] * 0
        if signs < 0:
            least = _with_signs(values[row], classes[row], probs[row])
        else:
            bar = fifth  # the fifth largest value is no less
            for slot in range(count):
                top[slot] = lowest
            for chunk in range(chunks):
                if peaks[chunk] < bar or peaks[chunk] <= top[count - 1]:
                    continue
                for start in range(chunk * CHUNK, min((chunk + 1) * CHUNK, size), VECTOR):
                    few = bits[row, start : min(start + VECTOR, size)]
                    if not _reaches(few, bar):
                        continue
                    for column in range(len(few)):
                        value = few[column]
                        if value >= bar and value > top[count - 1]:
                            slot = count - 1
                            while slot > 0 and top[slot - 1] < value:
                                top[slot] = top[slot - 1]
                                classes[row, slot] = classes[row, slot - 1]
                                slot -= 1
                            top[slot] = value
                            classes[row, slot] = start + column
            for slot in range(count):
                probs[row, slot] = values[row, classes[row, slot]]
        if labels[row] >= 0:
            given[row] = values[row, labels[row]]
        proper[row] = least >= -tolerance and probs[row, 0] <= 1 + tolerance and abs(total - 1) <= sum_tolerance


@njit(nogil=True, cache=True)
def _with_signs(values, classes, probs):  # type: ignore[no-untyped-def]
    """`largest` for one row that may hold negative values; the smallest of them."""
    count = len(classes)
    least = values[0]
    filled = 0
    for column in range(len(values)):
        value = values[column]
        if np.isnan(value):
            for slot in range(count):
                classes[slot], probs[slot] = column, value
            return value
        least = min(least, value)
        if filled < count or value > probs[count - 1]:
            slot = min(filled, count - 1)
            while slot > 0 and probs[slot - 1] < value:
                probs[slot] = probs[slot - 1]
                classes[slot] = classes[slot - 1]
                slot -= 1
            probs[slot] = value
            classes[slot] = column
            filled = min(filled + 1, count)
    return least


@njit(nogil=True, cache=True)
def mixtures(noise, classes, active, mix):  # type: ignore[no-untyped-def]
    """Fill ``mix`` (m, m, n) with ``noise[classes[a], classes[b]]``, zero where one of the two is not ``active``."""
    count, rows = classes.shape
    for row in range(rows):
        for a in range(count):
            for b in range(count):
                mix[a, b, row] = noise[classes[a, row], classes[b, row]] if active[a, row] and active[b, row] else 0


@njit(nogil=True, cache=True)
def invert(p, mix, steps, q, rest):  # type: ignore[no-untyped-def]
    """``steps`` Richardson-Lucy steps in place on ``q`` (m, n) and ``rest`` (n,), see `assay.issues.noise.demix`."""
    count, rows = p.shape
    one, least, small = p.dtype.type(1), p.dtype.type(1e-30), p.dtype.type(1e-12)
    # copies of a fixed width: only loops of known length over memory of their own become vectors
    mixed = np.zeros((count, count, LANES), p.dtype)
    seen, solved = np.zeros((count, LANES), p.dtype), np.zeros((count, LANES), p.dtype)
    neutral, ratio = np.ones((count, LANES), p.dtype), np.empty((count, LANES), p.dtype)
    outside, total, part = np.zeros(LANES, p.dtype), np.empty(LANES, p.dtype), np.empty(LANES, p.dtype)
    for start in range(0, rows, LANES):
        lanes = min(LANES, rows - start)
        for lane in range(lanes):
            outside[lane] = rest[start + lane]
        for a in range(count):
            for lane in range(lanes):
                seen[a, lane], solved[a, lane] = p[a, start + lane], q[a, start + lane]
                neutral[a, lane] = one
            for b in range(count):
                for lane in range(lanes):
                    mixed[a, b, lane] = mix[a, b, start + lane]
                    neutral[a, lane] -= mixed[a, b, lane]
        for _ in range(steps):
            for b in range(count):
                for lane in range(LANES):
                    part[lane] = small
                for a in range(count):
                    for lane in range(LANES):
                        part[lane] += mixed[a, b, lane] * solved[a, lane]
                for lane in range(LANES):
                    ratio[b, lane] = seen[b, lane] / part[lane]
            for lane in range(LANES):
                total[lane] = outside[lane]
            for a in range(count):
                for lane in range(LANES):
                    part[lane] = neutral[a, lane]
                for b in range(count):
                    for lane in range(LANES):
                        part[lane] += mixed[a, b, lane] * ratio[b, lane]
                for lane in range(LANES):
                    solved[a, lane] *= part[lane]
                    total[lane] += solved[a, lane]
            for lane in range(LANES):
                total[lane] = one / max(total[lane], least)
                outside[lane] *= total[lane]
            for a in range(count):
                for lane in range(LANES):
                    solved[a, lane] *= total[lane]
        for lane in range(lanes):
            rest[start + lane] = outside[lane]
        for a in range(count):
            for lane in range(lanes):
                q[a, start + lane] = solved[a, lane]
