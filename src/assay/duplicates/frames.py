"""Texts that stand whole inside other texts: behind a greeting, before a signature, quoted.

In: normalised texts, their originals, pairs with common n-grams. Out: pairs "boilerplate".
Does not know: typing errors, rows.

A short question inside a longer one is mostly another question ("my card expired", "my card expired, what now"). What is
put around a text shows that it is a frame: the same words stand around several texts of the dataset, set apart by
punctuation or by hardly ever standing around anything else.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.duplicates.wording import folded_text, without_punctuation, words_of

BOILERPLATE = "boilerplate"
MIN_CHARACTERS, MIN_WORDS = 25, 4  # shorter texts are too general to be quoted
WHOLE = 24  # a text of so many words inside another needs no further evidence
SEVERAL = 3  # texts a frame stands around
SHARED = 0.75  # of the n-grams of the inner text; those at its ends may change
POLITE = frozenset(["please", "pls", "hi", "hello", "hey", "dear", "thanks", "thank", "you", "so"])
_WORD = re.compile(r"\S+")


class _Framed(NamedTuple):
    inner: int
    outer: int
    before: str
    after: str


def framed_pairs(
    texts: Sequence[str], originals: Sequence[str], pairs: NDArray[np.int64], shared: NDArray[np.float32]
) -> list[tuple[int, int, float, str]]:
    """(inner, outer, share of the outer text, kind) of the pairs where one text frames the other.

    The inner text has at least 25 characters and 4 words. It counts as framed where it has 24 words or more; where the
    frame is only polite; or where the same frame stands around at least three texts and either punctuation sets it
    apart or half of all texts that have it have a twin without it. (Chosen on clinc150, reported on banking77.)
    """
    framed = []
    for one, two in pairs[shared >= SHARED].tolist():
        inner, outer = sorted((one, two), key=lambda row: (len(texts[row]), row))
        text = texts[inner]
        if len(text) < MIN_CHARACTERS or len(words_of(text)) < MIN_WORDS:
            continue
        before, found, after = f" {texts[outer]} ".partition(f" {text} ")
        if found:
            framed.append(_Framed(inner, outer, before.strip(), after.strip()))
    return [
        (pair.inner, pair.outer, len(texts[pair.inner]) / len(texts[pair.outer]), BOILERPLATE)
        for pair in _with_real_frames(framed, texts, originals)
    ]


def _with_real_frames(framed: list[_Framed], texts: Sequence[str], originals: Sequence[str]) -> list[_Framed]:
    around: dict[tuple[str, str], set[int]] = {}
    for pair in framed:
        around.setdefault((pair.before, pair.after), set()).add(pair.inner)
    forward, backward = sorted(texts), sorted(text[::-1] for text in texts)
    usual: dict[tuple[str, str], bool] = {}
    for frame, inner in around.items():
        if len(inner) >= SEVERAL:
            before, after = _starting(forward, frame[0]), _starting(backward, frame[1][::-1])
            usual[frame] = 2 * len(inner) >= min(before, after)
    out = []
    for pair in framed:
        frame = (pair.before, pair.after)
        if (
            len(words_of(texts[pair.inner])) >= WHOLE
            or POLITE.issuperset([*words_of(pair.before), *words_of(pair.after)])
            or (frame in usual and (usual[frame] or _set_apart(originals[pair.outer], *frame)))
        ):
            out.append(pair)
    return out


def _starting(ordered: list[str], start: str) -> int:
    """How many of the sorted texts begin with these words."""
    if not start:
        return len(ordered)
    return bisect_left(ordered, start + "!") - bisect_left(ordered, start + " ")  # "!" follows " "


def _set_apart(original: str, before: str, after: str) -> bool:
    """Whether more than white space separates the frame from what it stands around."""
    folded = folded_text(original)
    words = [found.span() for found in _WORD.finditer(without_punctuation(folded))]
    gaps = [folded[one[1] : two[0]] for one, two in pairwise(words)]
    borders = [len(before.split())] * bool(before) + [len(words) - len(after.split())] * bool(after)
    return all(gap.strip() or "\n" in gap for gap in (gaps[border - 1] for border in borders))
