"""Word and character TF-IDF, reduced by SVD: the text embedding that needs no pretrained weights.

In: texts. Out: float32 (N, d) unit rows. Does not know: labels, languages, files.

Method: latent semantic analysis (Deerwester et al., JASIS 1990) of a union of two TF-IDF blocks, words (1 and 2) and
character n-grams, sublinear counts, smoothed idf; the SVD by random projection with power steps (Halko, Martinsson,
Tropp, SIAM Review 2011).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import qr
from threadpoolctl import threadpool_limits

from assay.encode.ngrams import Characters, blocks, count_matrix, fold

DIMS = 256
CHARACTERS_READ = 6_000  # of one text: about 1,000 words
BITS = 20
WORD_SIZES, CHARACTER_SIZES = (1, 2), (2, 3, 4)
WORD_WEIGHT = 0.5  # chosen with the sizes on banking77's train file, 10 % injected label noise
VOCABULARY = 60_000  # features kept of each block, the most frequent ones
RARE_KEPT = 1_000  # up to so many texts, features of a single text stay
FIT_ENTRIES = 8_000_000  # the SVD learns from at most about this many non-zeros
OVERSAMPLING, POWER_STEPS = 16, 2
TURNED = 8_192  # features turned into directions at a time
EMPHASIS = 0.25  # power of its singular value that weights a direction: better neighbours, same linear heads


def tfidf_embeddings(texts: Sequence[str], *, dims: int = DIMS, seed: int = 0, threads: int = 1) -> NDArray[np.float32]:
    """The vectors of `fit_tfidf`."""
    return fit_tfidf(texts, dims=dims, seed=seed, threads=threads)[0]


def fit_tfidf(
    texts: Sequence[str], *, dims: int = DIMS, seed: int = 0, threads: int = 1
) -> tuple[NDArray[np.float32], FittedTfidf]:
    """TF-IDF vectors of N texts in at most ``dims`` dimensions, and what was learned of these texts.

    Parameters
    ----------
    texts : N strings, any script, empty ones welcome.
    dims : upper bound of the number of columns; fewer where the texts span fewer.
    seed : of the random projection and of the rows that the SVD learns from (all, unless the texts are many and long).

    Returns
    -------
    float32 (N, d), 1 <= d <= dims; rows of length 1, zero rows for texts without a letter, digit or mark. And the encoder,
    which makes the same of the same texts.

    Notes
    -----
    Cost: O(characters) for the counts and O(non-zeros x dims) for the SVD. Same bytes whatever ``threads``.
    """
    n = len(texts)
    spans = blocks(texts, CHARACTERS_READ)
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        counted = list(pool.map(lambda span: _count(texts[span[0] : span[1]]), spans))
        words, characters = (_Weights.of([part[kind] for part in counted], n) for kind in (0, 1))
        parts = []  # the matrix is never whole: block by block, each in place of its counts
        for at, both in enumerate(counted):
            parts.append(_weighted(both, words, characters))
            counted[at] = (None, None)
        fitted = FittedTfidf(words, characters, _components(parts, dims, seed))
        vectors = np.empty((n, fitted.components_.shape[1]), np.float32)

        def project(at: int) -> None:
            vectors[spans[at][0] : spans[at][1]] = parts[at] @ fitted.components_

        list(pool.map(project, range(len(parts))))
    return _unit_rows(vectors), fitted


@dataclass(frozen=True)
class FittedTfidf:
    """What `fit_tfidf` learned. ``components_``: (V, d) directions of the weighted words, then character n-grams."""

    words_: _Weights
    characters_: _Weights
    components_: NDArray[np.float32]

    def transform(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) vectors of n texts; zero rows for those without a known word or n-gram. Cost: O(characters x d)."""
        vectors = np.zeros((len(texts), self.components_.shape[1]), np.float32)
        with threadpool_limits(1):
            for start, stop in blocks(texts, CHARACTERS_READ):
                counts = _count(texts[start:stop])
                vectors[start:stop] = _weighted(counts, self.words_, self.characters_) @ self.components_
        return _unit_rows(vectors)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays; the directions as float16, which moves a vector by less than a thousandth of its length."""
        return {
            "words": np.flatnonzero(self.words_.number >= 0).astype(np.int32), "words_idf": self.words_.idf,
            "characters": np.flatnonzero(self.characters_.number >= 0).astype(np.int32),
            "characters_idf": self.characters_.idf, "components": self.components_.astype(np.float16),
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> FittedTfidf:
        """The inverse of `to_arrays`."""
        words, characters = (_Weights.kept(arrays[name], arrays[f"{name}_idf"]) for name in ("words", "characters"))
        return cls(words, characters, arrays["components"].astype(np.float32))


def _weighted(counts: tuple[Any, Any], words: _Weights, characters: _Weights) -> sp.csr_matrix:
    both = [words.apply(counts[0], WORD_WEIGHT), characters.apply(counts[1], 1 - WORD_WEIGHT)]
    return _unit(sp.hstack(both, format="csr"))


def _unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1, in place; what is next to nothing becomes nothing."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.maximum(length, 1e-6)
    vectors[length[:, 0] <= 1e-6] = 0
    return vectors


def _count(texts: Sequence[str]) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Counts of words, counts of character n-grams."""
    characters = Characters([fold(text) for text in texts], CHARACTERS_READ, within_words=True)
    words = [characters.words(size) for size in WORD_SIZES]
    grams = [characters.ngrams(size, within_words=True) for size in CHARACTER_SIZES]
    return count_matrix(words, len(texts), BITS), count_matrix(grams, len(texts), BITS)


@dataclass(frozen=True)
class _Weights:
    """TF-IDF of one block of features: the number each bucket has among those that are kept (-1 = none), and its idf.

    A feature of a single text says nothing about others and goes, unless the texts are few.
    """

    number: NDArray[np.int32]
    idf: NDArray[np.float32]

    @classmethod
    def of(cls, counts: list[sp.csr_matrix], n: int) -> _Weights:
        frequency = np.zeros(1 << BITS, np.int64)
        for part in counts:
            frequency += np.bincount(part.indices, minlength=1 << BITS)
        known = np.flatnonzero(frequency >= (2 if n > RARE_KEPT else 1))
        if len(known) > VOCABULARY:
            known = np.sort(known[np.argsort(-frequency[known], kind="stable")[:VOCABULARY]])
        return cls.kept(known, (np.log((1 + n) / (1 + frequency[known])) + 1).astype(np.float32))

    @classmethod
    def kept(cls, buckets: NDArray[Any], idf: NDArray[np.float32]) -> _Weights:
        """From the buckets that are kept, ascending, and the idf of each."""
        number = np.full(1 << BITS, -1, np.int32)
        number[buckets] = np.arange(len(buckets), dtype=np.int32)
        return cls(number, idf)

    def apply(self, counts: sp.csr_matrix, weight: float) -> sp.csr_matrix:
        """Weighted counts of some texts, rows of length sqrt(weight)."""
        column = self.number[counts.indices]
        keep = column >= 0
        value = (1 + np.log(counts.data[keep])) * self.idf[column[keep]]
        indptr = np.concatenate([[0], np.cumsum(keep)])[counts.indptr]
        return _unit(sp.csr_matrix((value, column[keep], indptr), shape=(counts.shape[0], len(self.idf))), weight**0.5)


def _unit(matrix: sp.csr_matrix, length: float = 1.0) -> sp.csr_matrix:
    """Rows scaled to ``length``, in place; empty rows stay."""
    norm = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1), np.float64).ravel())
    matrix.data *= np.repeat(length / np.maximum(norm, 1e-12), np.diff(matrix.indptr)).astype(np.float32)
    return matrix


def _components(parts: list[sp.csr_matrix], dims: int, seed: int) -> NDArray[np.float32]:
    """(V, d) right singular vectors of the matrix (of a sample of rows where it is large), signs fixed.

    Memory: 20 bytes x V x dims, beside the sample.
    """
    rng = np.random.default_rng([seed, 41])
    matrix = _fitted_on(parts, dims, rng)
    width = min(dims + OVERSAMPLING, *matrix.shape)
    if width == 0 or matrix.nnz == 0:
        return np.zeros((matrix.shape[1], 1), np.float32)
    transposed = matrix.T.tocsr()
    basis = np.asarray(matrix @ rng.standard_normal((matrix.shape[1], width), np.float32))
    for _ in range(POWER_STEPS):
        basis = _orthonormal(basis)
        basis = np.asarray(matrix @ np.asarray(transposed @ basis))
    del matrix
    basis = _orthonormal(basis)
    small = np.asarray(transposed @ basis, np.float64)  # (V, width)
    del transposed, basis
    values, vectors = np.linalg.eigh(small.T @ small)
    keep = np.flatnonzero(values > 1e-8 * values[-1])[::-1][:dims]
    turn = vectors[:, keep] * (values[keep] / values[-1]) ** (EMPHASIS / 2) / np.sqrt(values[keep])
    right = np.empty((len(small), len(keep)), np.float32)
    largest = np.zeros(len(keep))
    for start in range(0, len(small), TURNED):
        block = small[start : start + TURNED] @ turn
        right[start : start + TURNED] = block
        found = block[np.abs(block).argmax(0), np.arange(len(keep))]
        largest = np.where(np.abs(found) > np.abs(largest), found, largest)
    right *= np.sign(largest).astype(np.float32)  # an eigenvector's sign is arbitrary
    return right


def _orthonormal(basis: NDArray[np.float32]) -> NDArray[np.float32]:
    """The Q of a QR decomposition in double precision, worked out in one copy (`numpy.linalg.qr` makes four)."""
    wide = np.asarray(basis, np.float64, order="F")
    return np.asarray(qr(wide, mode="economic", overwrite_a=True, check_finite=False)[0], np.float32, order="C")


def _fitted_on(parts: list[sp.csr_matrix], dims: int, rng: np.random.Generator) -> sp.csr_matrix:
    """The rows that the SVD learns from: all, or of very many a sample."""
    if not parts:
        return sp.csr_matrix((0, 0), dtype=np.float32)
    n, entries = sum(part.shape[0] for part in parts), sum(part.nnz for part in parts)
    if entries > FIT_ENTRIES:
        size = min(n, max(4 * dims, int(FIT_ENTRIES / entries * n)))
        rows = np.sort(rng.choice(n, size, replace=False))
        bounds = np.searchsorted(rows, np.cumsum([0, *(part.shape[0] for part in parts)]))
        starts = np.cumsum([0, *(part.shape[0] for part in parts)])
        parts = [
            part[rows[low:high] - first]
            for part, first, low, high in zip(parts, starts, bounds, bounds[1:], strict=False)
        ]
    return sp.vstack(parts, format="csr")
