"""Word and character TF-IDF, reduced by SVD: the text view that needs no pretrained weights.

In: texts. Out: float32 (N, d) unit rows. Does not know: labels, languages, files.

Method: latent semantic analysis (Deerwester et al., JASIS 1990) of a union of two TF-IDF blocks, words (1 and 2) and
character n-grams, sublinear counts, smoothed idf; the SVD by random projection with power steps (Halko, Martinsson,
Tropp, SIAM Review 2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
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
EMPHASIS = 0.25  # power of its singular value that weights a direction: better neighbours, same linear heads


def tfidf_embeddings(texts: Sequence[str], *, dims: int = DIMS, seed: int = 0, threads: int = 1) -> NDArray[np.float32]:
    """TF-IDF vectors of N texts in at most ``dims`` dimensions.

    Parameters
    ----------
    texts : N strings, any script, empty ones welcome.
    dims : upper bound of the number of columns; fewer where the texts span fewer.
    seed : of the random projection and of the rows that the SVD learns from (all, unless the texts are many and long).

    Returns
    -------
    float32 (N, d), 1 <= d <= dims; rows of length 1, zero rows for texts without a letter, digit or mark.

    Notes
    -----
    Cost: O(characters) for the counts and O(non-zeros x dims) for the SVD. Same bytes whatever ``threads``.
    """
    n = len(texts)
    spans = blocks(texts, CHARACTERS_READ)
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        counted = list(pool.map(lambda span: _count(texts[span[0] : span[1]]), spans))
        words = _weigh([part for part, _ in counted], n, WORD_WEIGHT)
        characters = _weigh([part for _, part in counted], n, 1 - WORD_WEIGHT)
        matrix = sp.hstack([words, characters], format="csr")
        del counted, words, characters
        matrix = _unit(matrix)
        components = _components(matrix, dims, seed)
        parts = pool.map(lambda span: np.asarray(matrix[span[0] : span[1]] @ components, np.float32), spans)
        vectors = np.concatenate([np.zeros((0, components.shape[1]), np.float32), *parts])
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-6, vectors / np.maximum(length, 1e-6), np.float32(0))


def _count(texts: Sequence[str]) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Counts of words, counts of character n-grams."""
    characters = Characters([fold(text) for text in texts], CHARACTERS_READ, within_words=True)
    words = [characters.words(size) for size in WORD_SIZES]
    grams = [characters.ngrams(size, within_words=True) for size in CHARACTER_SIZES]
    return count_matrix(words, len(texts), BITS), count_matrix(grams, len(texts), BITS)


def _weigh(counts: list[sp.csr_matrix], n: int, weight: float) -> sp.csr_matrix:
    """TF-IDF of one block of features, rows of length sqrt(weight).

    A feature of a single text says nothing about others and goes, unless the texts are few.
    """
    frequency = np.zeros(1 << BITS, np.int64)
    for part in counts:
        frequency += np.bincount(part.indices, minlength=1 << BITS)
    known = np.flatnonzero(frequency >= (2 if n > RARE_KEPT else 1))
    if len(known) > VOCABULARY:
        known = np.sort(known[np.argsort(-frequency[known], kind="stable")[:VOCABULARY]])
    number = np.full(1 << BITS, -1, np.int32)
    number[known] = np.arange(len(known), dtype=np.int32)
    idf = (np.log((1 + n) / (1 + frequency[known])) + 1).astype(np.float32)
    parts = []
    for part in counts:
        column = number[part.indices]
        keep = column >= 0
        value = (1 + np.log(part.data[keep])) * idf[column[keep]]
        indptr = np.concatenate([[0], np.cumsum(keep)])[part.indptr]
        parts.append(sp.csr_matrix((value, column[keep], indptr), shape=(part.shape[0], len(known))))
    if not parts:
        return sp.csr_matrix((n, len(known)), dtype=np.float32)
    return _unit(sp.vstack(parts, format="csr"), weight**0.5)


def _unit(matrix: sp.csr_matrix, length: float = 1.0) -> sp.csr_matrix:
    """Rows scaled to ``length``, in place; empty rows stay."""
    norm = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1), np.float64).ravel())
    matrix.data *= np.repeat(length / np.maximum(norm, 1e-12), np.diff(matrix.indptr)).astype(np.float32)
    return matrix


def _components(matrix: sp.csr_matrix, dims: int, seed: int) -> NDArray[np.float32]:
    """(V, d) right singular vectors of the matrix (of a sample of rows where it is large), signs fixed."""
    rng = np.random.default_rng([seed, 41])
    if matrix.nnz > FIT_ENTRIES:
        share = FIT_ENTRIES / matrix.nnz
        size = min(matrix.shape[0], max(4 * dims, int(share * matrix.shape[0])))
        matrix = matrix[np.sort(rng.choice(matrix.shape[0], size, replace=False))]
    width = min(dims + OVERSAMPLING, *matrix.shape)
    if width == 0 or matrix.nnz == 0:
        return np.zeros((matrix.shape[1], 1), np.float32)
    transposed = matrix.T.tocsr()
    basis = np.asarray(matrix @ rng.standard_normal((matrix.shape[1], width), np.float32))
    for _ in range(POWER_STEPS):
        basis = np.linalg.qr(basis)[0]
        basis = np.asarray(matrix @ np.asarray(transposed @ basis))
    basis = np.linalg.qr(basis)[0]
    small = np.asarray(transposed @ basis, np.float64)  # (V, width)
    values, vectors = np.linalg.eigh(small.T @ small)
    keep = np.flatnonzero(values > 1e-8 * values[-1])[::-1][:dims]
    right = small @ (vectors[:, keep] * (values[keep] / values[-1]) ** (EMPHASIS / 2) / np.sqrt(values[keep]))
    right *= np.sign(right[np.abs(right).argmax(0), np.arange(len(keep))])  # an eigenvector's sign is arbitrary
    return np.asarray(right, np.float32)
