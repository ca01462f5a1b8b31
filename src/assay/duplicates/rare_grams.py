"""Pairs of texts that share rare character n-grams: the candidates for near copies.

In: normalised texts. Out: pairs of text numbers with the share of n-grams they have in common.
Does not know: what makes a pair a duplicate.

Copies share grams that almost no other text has, and a typing error mostly makes grams that no other text has at all.
So each text looks up its few rarest grams among those that occur in more than one text, and what it meets is compared
gram by gram.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.encode.ngrams import Characters, blocks, count_matrix

SIZE = 5  # characters a gram
LIMIT = 20_000  # characters read of a text
SAMPLE = 256  # of a longer text, this many to twice as many grams are kept: those of the smallest hashes
PROBES = 8  # rarest grams a text looks up
COMMON = 256  # a gram in more texts than this leads to its first HUBS texts only ...
HUBS = 8  # ... so that a thousand variants of one text still meet
SHARED = 0.45  # share of the shorter text's grams that must be common; two errors in 25 characters leave about .5
LONGER = 2.5  # the longer text has at most so many times the characters of the shorter
BITS = 30  # of a hash; fits scipy's int32 columns
PARTNERS = 16  # a text brings its closest ones: thousands of texts of one pattern would otherwise all meet
CHUNK = 4096  # texts a task


def gram_pairs(texts: Sequence[str], *, threads: int = 1) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pairs of texts that may be near copies.

    Parameters
    ----------
    texts : N distinct normalised texts.
    threads : changes the time, not the result.

    Returns
    -------
    pairs : (M, 2) int64 text numbers, smaller first, sorted.
    shared : (M,) float32 share of the shorter text's (sampled) grams that the longer has too, at least `SHARED`.

    Notes
    -----
    Cost: one pass over the characters (about 0.15 us each), then for each text at most ``PROBES * COMMON`` look-ups.
    Memory: 18 bytes a gram and at most 470 MB of counters.
    """
    starts, grams, limits = _grams(texts)
    length = np.array([min(len(text), LIMIT) for text in texts], np.int32)
    counters = 1 << int(np.clip(np.ceil(np.log2(len(grams) + 1)) + 2, 10, 26))
    bucket = (grams.view(np.uint32) & np.uint32(counters - 1)).view(np.int32)
    counts = np.zeros(counters, np.uint16)
    _count(bucket, counts)
    probes = np.full((len(texts), PROBES), -1, np.int32)
    _rarest(starts, bucket, counts, probes)

    probed = np.zeros(counters, bool)
    probed[probes[probes >= 0]] = True
    kept = np.flatnonzero(probed[bucket])
    owner = np.repeat(np.arange(len(texts), dtype=np.int32), np.diff(starts))[kept]
    name = np.cumsum(probed, dtype=np.int32)
    name -= 1
    listed = name[bucket[kept]]
    order = np.argsort(listed, kind="stable")  # texts of one gram in ascending order
    owner = owner[order]
    lists = np.searchsorted(listed[order], np.arange(int(probed.sum()) + 1))
    probes = np.where(probes >= 0, name[probes], np.int32(-1))

    def chunk(start: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        stop = min(start + CHUNK, len(texts))
        found: tuple[Any, Any] = _meet(start, stop, length, starts, grams, limits, probes, lists, owner)
        return found

    with ThreadPoolExecutor(max(1, threads)) as pool:
        parts = list(pool.map(chunk, range(0, len(texts), CHUNK)))
    pairs = np.concatenate([np.zeros((0, 2), np.int32), *(part[0] for part in parts)]).astype(np.int64)
    shared = np.concatenate([np.zeros(0, np.float32), *(part[1] for part in parts)])
    _, first = np.unique(pairs[:, 0] * len(texts) + pairs[:, 1], return_index=True)  # met from either side
    return pairs[first], shared[first]


def _grams(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """(N + 1,) borders, the distinct hashed grams of each text, ascending, and (N,) the largest hash a text may keep."""
    size, parts, limits = [np.zeros(1, np.int64)], [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for start, stop in blocks(texts, LIMIT):
        block = Characters(texts[start:stop], LIMIT, within_words=False)
        row, found = block.ngrams(SIZE, within_words=False)
        halvings = np.maximum(np.log2(np.maximum(np.bincount(row, minlength=stop - start), 1) / SAMPLE), 0)
        limit = ((1 << (BITS - halvings.astype(np.int64))) - 1).astype(np.int32)
        keep = found >> np.uint64(64 - BITS) <= limit[row].astype(np.uint64)
        matrix = count_matrix([(row[keep], found[keep])], stop - start, BITS)
        size.append(np.diff(matrix.indptr))
        parts.append(matrix.indices)
        limits.append(limit)
    return np.cumsum(np.concatenate(size)), np.concatenate(parts), np.concatenate(limits)


@njit(nogil=True, cache=True)
def _count(bucket, counts):  # type: ignore[no-untyped-def]
    for at in range(len(bucket)):
        if counts[bucket[at]] < 65_535:
            counts[bucket[at]] += 1


@njit(nogil=True, cache=True)
def _rarest(starts, bucket, counts, probes):  # type: ignore[no-untyped-def]
    """The buckets of each text's rarest grams among those of at least two texts."""
    n, width = probes.shape
    rarity = np.empty(width, np.int64)
    for row in range(n):
        held = 0
        for at in range(starts[row], starts[row + 1]):
            count = counts[bucket[at]]
            if count < 2 or (held == width and count >= rarity[held - 1]):
                continue
            slot = held if held < width else width - 1
            while slot > 0 and rarity[slot - 1] > count:
                rarity[slot] = rarity[slot - 1]
                probes[row, slot] = probes[row, slot - 1]
                slot -= 1
            rarity[slot] = count
            probes[row, slot] = bucket[at]
            held = min(held + 1, width)


@njit(nogil=True, cache=True)
def _meet(first, last, length, starts, grams, limits, probes, lists, owner):  # type: ignore[no-untyped-def]
    """Pairs (smaller, larger) of the texts first..last with those that share a probe, and the share of grams."""
    seen = np.full(len(length), -1, np.int32)
    pairs = np.empty((1024, 2), np.int32)
    shares = np.empty(1024, np.float32)
    found = 0
    for row in range(first, last):
        seen[row] = row
        mine = found
        for column in range(probes.shape[1]):
            gram = probes[row, column]
            if gram < 0:
                break
            start, stop = lists[gram], lists[gram + 1]
            if stop - start > COMMON:
                stop = start + HUBS
            for at in range(start, stop):
                other = owner[at]
                if seen[other] == row:
                    continue
                seen[other] = row
                if max(length[row], length[other]) > LONGER * min(length[row], length[other]):
                    continue
                share = _shared(
                    grams[starts[row] : starts[row + 1]],
                    grams[starts[other] : starts[other + 1]],
                    min(limits[row], limits[other]),
                )
                if share < SHARED:
                    continue
                if found == len(pairs):
                    pairs = np.concatenate((pairs, np.empty_like(pairs)))
                    shares = np.concatenate((shares, np.empty_like(shares)))
                pairs[found, 0], pairs[found, 1] = min(row, other), max(row, other)
                shares[found] = share
                found += 1
        if found - mine > PARTNERS:
            closest = np.argsort(-shares[mine:found], kind="mergesort")[:PARTNERS]
            pairs[mine : mine + PARTNERS] = pairs[mine:found][closest]
            shares[mine : mine + PARTNERS] = shares[mine:found][closest]
            found = mine + PARTNERS
    return pairs[:found].copy(), shares[:found].copy()


@njit(nogil=True, cache=True)
def _shared(one, two, limit):  # type: ignore[no-untyped-def]
    """Share of the smaller set that the larger has too, among hashes up to the limit that both were sampled by."""
    a, b, common = 0, 0, 0
    while a < len(one) and b < len(two) and one[a] <= limit and two[b] <= limit:
        if one[a] == two[b]:
            common += 1
            a += 1
            b += 1
        elif one[a] < two[b]:
            a += 1
        else:
            b += 1
    while a < len(one) and one[a] <= limit:
        a += 1
    while b < len(two) and two[b] <= limit:
        b += 1
    return common / max(min(a, b), 1)
