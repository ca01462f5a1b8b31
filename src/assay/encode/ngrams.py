"""Texts as sparse counts of hashed words and character n-grams, in any script.

In: texts. Out: CSR matrices of counts over hash buckets. Does not know: weights, what the counts are for.

A substring's hash is the difference of two prefix sums of a polynomial hash modulo 2^64 over a whole block of texts, so
there is no Python loop over characters. A word is a run of letters, marks and digits; scripts without spaces between
words give long "words", and there the character n-grams carry the text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

BLOCK_CHARACTERS = 400_000  # block borders depend on the texts alone
_BASE = 0x9E3779B97F4A7C15  # odd, so it has an inverse modulo 2^64
_U64 = (1 << 64) - 1
Hashes = NDArray[np.uint64]


def fold(text: str) -> str:
    """Compatibility form (NFKC), case folded: what all text comparisons start from."""
    return unicodedata.normalize("NFKC", text).casefold()


def blocks(texts: Sequence[str], limit: int) -> list[tuple[int, int]]:
    """Row ranges of about `BLOCK_CHARACTERS` characters each, counting at most ``limit`` a text."""
    out, start, size = [], 0, 0
    for row, text in enumerate(texts):
        size += min(len(text), limit) + 1
        if size >= BLOCK_CHARACTERS:
            out.append((start, row + 1))
            start, size = row + 1, 0
    if start < len(texts):
        out.append((start, len(texts)))
    return out


class Characters:
    """A block of texts as one array of code points, each text between two separators.

    Parameters
    ----------
    texts : n folded texts.
    limit : characters read of each.
    within_words : white space and punctuation become one separator, so that no n-gram sees punctuation; otherwise
        only white space is squeezed.
    """

    def __init__(self, texts: Sequence[str], limit: int, *, within_words: bool) -> None:
        joined = "\n" + "\n".join(text[:limit].replace("\n", " ") for text in texts) + "\n"
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
        known, inverse = np.unique(codes, return_inverse=True)
        word = np.array([unicodedata.category(chr(code))[0] in "LMN" for code in known.tolist()])
        blank = word if within_words else np.array([not chr(code).isspace() for code in known.tolist()])
        newline = codes == 10
        solid = blank[inverse]
        keep = solid | newline
        keep[1:] |= solid[:-1] & ~newline[1:]  # the first blank after a solid character stays
        self.row = (np.cumsum(newline) - 1)[keep]  # the separator before a text belongs to it
        codes = np.where(solid, codes, 32)[keep]
        self.is_word = word[inverse][keep]
        self.newline = newline[keep]
        self.solid = solid[keep]
        self.n = len(texts)
        powers = np.cumprod(np.full(len(codes), _BASE, np.uint64))
        inverse_base = np.uint64(pow(_BASE, -1, 1 << 64))
        self._inverse = np.cumprod(np.full(len(codes) + 1, inverse_base, np.uint64))
        terms = _mix(codes.astype(np.uint64)) * powers
        self._prefix = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])

    def hashes(self, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Hashes:
        """uint64 hash of every substring start..stop; equal substrings have equal hashes."""
        return (self._prefix[stop] - self._prefix[start]) * self._inverse[start]

    def ngrams(self, size: int, *, within_words: bool) -> tuple[NDArray[np.int64], Hashes]:
        """(row, hash) of each n-gram; one separator before and after a text (or word) takes part."""
        n = len(self.newline)
        start = np.arange(max(0, n - size + 1))
        stop = start + size
        # an n-gram may begin with its text's own separator and end with the next one's, but hold none inside
        barrier = ~self.solid if within_words else self.newline
        count = np.concatenate([[0], np.cumsum(barrier)])
        inside = count[stop - 1] - count[np.minimum(start + 1, stop - 1)] == 0
        if size <= 2:  # no n-gram of separators alone
            inside &= self.solid[start] | self.solid[stop - 1]
        good = inside & (self.row[start] < self.n)
        return self.row[start][good], _mix(self.hashes(start[good], stop[good]) + np.uint64(size))

    def words(self, size: int) -> tuple[NDArray[np.int64], Hashes]:
        """(row, hash) of each run of ``size`` words (1 or 2) of one text."""
        edge = np.diff(np.concatenate([[False], self.is_word, [False]]).astype(np.int8))
        start, stop = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
        found, row = _mix(self.hashes(start, stop)), self.row[start]
        if size == 1:
            return row, found
        same = row[1:] == row[:-1]
        return row[:-1][same], _mix(found[:-1] * np.uint64(3) + found[1:])[same]


def _mix(x: Hashes) -> Hashes:
    """The finaliser of splitmix64: spreads every bit over all."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def count_matrix(parts: Sequence[tuple[NDArray[np.int64], Hashes]], n: int, bits: int) -> sp.csr_matrix:
    """CSR (n, 2^bits) float32 counts of (row, hash) pairs; columns are the top bits of the hash."""
    rows, hashes = (np.concatenate(values) for values in zip(*parts, strict=True))
    key = (rows.astype(np.uint64) << np.uint64(bits)) | (hashes >> np.uint64(64 - bits))
    key.sort()
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.zeros(0, np.int64)
    count = np.diff(np.append(first, len(key))).astype(np.float32)
    unique = key[first]
    indices = (unique & np.uint64((1 << bits) - 1)).astype(np.int32)
    indptr = np.searchsorted(unique >> np.uint64(bits), np.arange(n + 1)).astype(np.int64)
    return sp.csr_matrix((count, indices, indptr), shape=(n, 1 << bits))
