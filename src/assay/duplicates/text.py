"""Copies among texts: the same characters, or apart by case, punctuation, typing errors, little words or a frame.

In: texts. Out: the key of exact copies; verified pairs of near ones. Does not know: labels, where texts come from.

"Near" is about the letters. Texts that say the same in other words are not copies, and no pair rests on embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from assay.duplicates import Pairs, make_pairs
from assay.duplicates.frames import framed_pairs
from assay.duplicates.rare_grams import LIMIT, gram_pairs
from assay.duplicates.wording import (
    Segment,
    count_texts,
    digits_of,
    exact_text,
    matters,
    normalize_text,
    segments,
    words_of,
)

__all__ = ["exact_text", "normalize_text", "text_duplicates"]

SIMILAR = 0.91  # edit similarity, or Jaccard index of character 3-grams
MANY_WORDS = 24  # from here a text may differ in one word that matters, and in one more per WORDS_EACH
WORDS_EACH = 12
STRICT_DIGITS = 60  # below so many words every digit must agree
MOVED = 0.85  # share of common n-grams from which moved passages are looked for
CHUNK = 100_000  # pairs compared at a time
TYPO, WORDING = "typo", "wording"
NOT_EXACT = 0.99  # similarity at most of texts that only case or punctuation sets apart
CASE, PUNCTUATION = "case", "punctuation"


def text_duplicates(texts: Sequence[str], keys: Sequence[str | None], *, threads: int) -> Pairs:
    """Pairs of texts that are near copies; one row stands for all that are equal once normalised.

    Texts with one key that are not the same characters (`exact_text`) are a pair of their own, "case" or "punctuation":
    they may be told apart on purpose, so they are near and not exact.

    Any other pair is flagged where the normalised texts have an edit similarity (1 - distance / longer length; a swap of two
    neighbours is one edit) or a Jaccard index of character 3-grams of at least .91, **and** what differs does not matter
    (`assay.duplicates.wording`): typing errors, a plural, little English words. From 24 words on, one word in twelve may
    matter. So "fly to Rome" and "fly to Oslo", or "is" and "is not", are no copies in a short text.

    **Digits and signs count strictly**: below 60 words the runs of digits and the signs (-8, 20 / 3, C#, an emoticon) must be
    the same, so "order 1234" and "order 1235" are never copies; in longer texts a number weighs as any word.

    A text inside another, as a quotation or behind a greeting, is `assay.duplicates.frames`.

    Parameters
    ----------
    texts : N texts; of each the first 20,000 characters are compared.
    keys : what `normalize_text` makes of each; None or "" = the row takes no part.
    threads : changes the time, not the result.

    Returns
    -------
    Pairs : kinds "case", "punctuation" (compatibility forms too), "typo", "wording" (words or passages
        differ) and "boilerplate" (a frame around one of them); the similarity of the last is the share of the longer text that is common.

    Notes
    -----
    Candidates share rare n-grams, which finds .99 of the pairs of similarity .91 among the questions of banking77 and
    clinc150 (brute force); neighbours in an embedding would find .78. Nothing is random.
    The rules were made by reading what they flag on clinc150. On banking77 (13,083 questions, not used) 274 pairs are
    flagged; by eye, of 107 drawn at random, none says another thing and seven add a question ("... why?"). Of planted
    variants (case, white space, punctuation, one error, two errors, a frame) .98 are found on either set; of those with
    two errors .95 and .88. A typing error that makes another common word is not told from another word.
    Time on one core: 12 s for 50,000 texts of 90 characters, 23 s for 25,500 of 250 words.
    """
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if key:
            first.setdefault(key, row)
    distinct = [text[:LIMIT] for text in first]
    rows = np.fromiter(first.values(), np.int64, len(first))
    pairs, shared = gram_pairs(distinct, threads=threads)
    found = _similar(distinct, pairs, shared, threads)
    known = {(one, two) for one, two, _, _ in found}
    rest = np.array([(one, two) not in known for one, two in pairs.tolist()], bool)
    found += framed_pairs(distinct, [texts[row] for row in rows], pairs[rest], shared[rest])
    near = [(int(rows[one]), int(rows[two]), how, kind) for one, two, how, kind in found]
    return make_pairs(near + _written_otherwise(texts, keys, first))


def _written_otherwise(
    texts: Sequence[str], keys: Sequence[str | None], first: dict[str, int]
) -> list[tuple[int, int, float, str]]:
    """The pairs of one key whose characters differ: the first row of the key, and the first of each other writing."""
    found = []
    exact: dict[str, dict[str, int]] = {}
    for row, key in enumerate(keys):
        if key and row != first[key]:
            writings = exact.setdefault(key, {exact_text(texts[first[key]]): first[key]})
            written = exact_text(texts[row])
            if writings.setdefault(written, row) == row:
                one = next(iter(writings))
                kind = CASE if one.casefold() == written.casefold() else PUNCTUATION
                similar = OSA.normalized_similarity(one.casefold()[:LIMIT], written.casefold()[:LIMIT])
                found.append((first[key], row, min(max(SIMILAR, similar), NOT_EXACT), kind))
    return found


def _similar(
    texts: list[str], pairs: NDArray[np.int64], shared: NDArray[np.float32], threads: int
) -> list[tuple[int, int, float, str]]:
    """Pairs above `SIMILAR` whose differences do not matter."""
    length = np.array([len(text) for text in texts], np.int64)
    n_words = np.array([len(words_of(text)) for text in texts], np.int64)
    number: dict[tuple[str, ...], int] = {}
    digits = np.array([number.setdefault(digits_of(text), len(number)) for text in texts], np.int64)
    one, two = pairs[:, 0], pairs[:, 1]
    short = np.minimum(n_words[one], n_words[two]) < STRICT_DIGITS
    worth = ~short | (digits[one] == digits[two])
    worth &= np.minimum(length[one], length[two]) >= SIMILAR * np.maximum(length[one], length[two])
    pairs, shared = pairs[worth], shared[worth]
    similar = _edit_similarity(texts, pairs, threads)
    moved = (similar < SIMILAR) & (shared >= MOVED) & (n_words[pairs].min(1, initial=1 << 30) >= MANY_WORDS)
    for at in np.flatnonzero(moved).tolist():
        similar[at] = _jaccard(texts[pairs[at, 0]], texts[pairs[at, 1]])
    close = np.flatnonzero(similar >= SIMILAR)
    differences = [
        _differences(texts[a], texts[b], bag)
        for (a, b), bag in zip(pairs[close].tolist(), moved[close].tolist(), strict=True)
    ]
    texts_with = count_texts({word for parts in differences for part in parts for side in part for word in side}, texts)
    found = []
    for at, parts in zip(close.tolist(), differences, strict=True):
        a, b = pairs[at].tolist()
        matter, only_errors = matters(parts, texts_with)
        if matter <= allowance(min(n_words[a], n_words[b])):
            kind = TYPO if only_errors and matter == 0 and not moved[at] else WORDING
            found.append((a, b, float(similar[at]), kind))
    return found


def allowance(n_words: int) -> int:
    """Words that matter and may yet differ between two copies of so many words."""
    return 0 if n_words < MANY_WORDS else int(n_words) // WORDS_EACH - 1


def _differences(one: str, two: str, bag: bool) -> list[Segment]:
    """Where two texts differ; of a bag of words, one stretch without those both have."""
    left, right = words_of(one), words_of(two)
    return segments(sorted(left), sorted(right)) if bag else segments(left, right)


def _edit_similarity(texts: list[str], pairs: NDArray[np.int64], threads: int) -> NDArray[np.float32]:
    parts = [np.zeros(0, np.float32)]
    for start in range(0, len(pairs), CHUNK):
        one, two = pairs[start : start + CHUNK].T.tolist()
        parts.append(
            process.cpdist(
                [texts[row] for row in one],
                [texts[row] for row in two],
                scorer=OSA.normalized_similarity,
                score_cutoff=SIMILAR,
                dtype=np.float32,
                workers=threads,
            )
        )
    return np.concatenate(parts)


def _jaccard(one: str, two: str) -> float:
    left, right = ({text[at : at + 3] for at in range(len(text) - 2)} for text in (one, two))
    return len(left & right) / max(len(left | right), 1)
