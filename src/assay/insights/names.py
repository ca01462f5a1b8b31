"""Class names that are spelt in two ways, or of which one says a kind of the other.

In: class names, rows a class. Out: pairs to merge. Does not know: what the classes hold.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["variant", "typo"]

# Chosen on the condition and type columns of the hospital table; its owner column and the beers table were kept apart.
SHORTEST = {1: 6, 2: 10, 3: 20, 4: 26}  # edits -> characters that the shorter name must have
SHORTEST_WORD = 4  # letters of a word that can be misspelt: "hepatitis a" and "hepatitis b" are two things
A_WORD = 3  # names that share an odd word: then it is a word
MUCH_RARER = 5  # a misspelling has at most a fifth of the rows
BLOCK = 1_000

_GAPS = re.compile(r"[\s_]+")
_PUNCTUATION = re.compile(r"[\s_\-.,;:'’\"()/]+")
_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"[^\W\d_]+")
# "not spam" is no spam, and "ear of corn" no kind of corn
_NO_KIND = frozenset(
    [
        "no",
        "not",
        "non",
        "never",
        "without",
        "anti",
        "un",
        "of",
        "de",
        "d",
        "du",
        "des",
        "da",
        "di",
        "von",
        "from",
        "like",
    ]
)
_INITIAL = re.compile(r"[^\W\d_]{2}(?:[\s_.,-]+|(?<=[a-z])(?=[A-Z]))([^\W\d_])\W*$")
# "complete" and "incomplete", "hypertension" and "hypotension" are two things.
_OPPOSITES = [
    ("hyper", "hypo"),
    ("im", "ex"),
    ("in", "ex"),
    ("in", "out"),
    ("in", "de"),
    ("pre", "post"),
    ("inter", "intra"),
    ("macro", "micro"),
    ("over", "under"),
    ("up", "down"),
    ("north", "south"),
    ("east", "west"),
    ("anter", "poster"),
    ("front", "back"),
    ("male", "female"),
    ("less", "ful"),
    ("ee", "er"),
    *[
        ("", prefix)
        for prefix in ("un", "in", "im", "ir", "il", "non", "dis", "a", "an", "de", "re", "ab", "anti", "bi", "tri")
    ],
]


def misspelt(names: Sequence[Any], counts: NDArray[np.int64]) -> list[tuple[int, int, Kind]]:
    """(class to merge, class to merge into, kind), ordered by the first; each class is merged at most once.

    "variant": the names differ in case, spaces or punctuation only; the one with fewer rows is merged. "typo": one edit
    (a letter changed, left out, added, or two swapped; up to four edits in long names) away from a class with at least five times
    as many rows. Names whose numbers differ, short names, opposites, plurals and names whose odd word appears in further
    classes are left alone; so are classes without rows.

    Parameters
    ----------
    names : K class names; numbers and booleans are never misspelt.
    counts : (K,) labelled rows a class.

    Notes
    -----
    Optimal string alignment distance by rapidfuzz over all pairs, in blocks. Cost: O(K^2); 5,000 classes take seconds.
    """
    texts = [unicodedata.normalize("NFKC", name).strip() if isinstance(name, str) else "" for name in names]
    used = [code for code in range(len(texts)) if counts[code] > 0 and any(c.isalpha() for c in texts[code])]
    used.sort(key=lambda code: (-int(counts[code]), code))  # the common ones first
    merged: dict[int, tuple[int, Kind]] = {}
    leader: dict[str, int] = {}
    for code in used:
        first = leader.setdefault(_plain(texts[code]), code)
        if first != code:
            merged[code] = (first, "variant")
    left = [code for code in used if code not in merged]
    for rare, common in _typos([_plain_words(texts[code]) for code in left], counts[left]):
        merged[left[rare]] = (left[common], "typo")
    return [(code, _end(code, merged), kind) for code, (_, kind) in sorted(merged.items())]


def is_kind_by_name(one: Any, other: Any) -> bool:
    """Whether ``one`` is ``other`` with words before it, as "Yellow-Onion" is of "Onion": in English (and not only there) these
    narrow what the last word says. Weak evidence: it says which of two classes is general where the rows tell nothing."""
    words, last = (_WORDS.findall(str(name).casefold()) for name in (one, other))
    before = words[: len(words) - len(last)]
    return bool(last and before) and words[len(before) :] == last and _NO_KIND.isdisjoint(before)


def _end(code: int, merged: dict[int, tuple[int, Kind]]) -> int:
    """Where a chain of merges ends; each step leads to a class with more rows."""
    while code in merged:
        code = merged[code][0]
    return code


def initial_of(text: str) -> str | None:
    """The letter of its own that ends a name, case folded: of "Juan A.", "class_b" and "VitaminC"."""
    found = _INITIAL.search(text)
    return None if found is None else found[1].casefold()


def _plain(text: str) -> str:
    """What two spellings of one name share. Where there are digits or signs such as "C++", punctuation carries meaning."""
    kept = _GAPS if _DIGITS.search(text) else _PUNCTUATION
    plain = kept.sub("", text.casefold())
    initial = initial_of(text)  # "Juan A." is not "Juana"
    return plain if initial is None else f"{plain.removesuffix(initial)} {initial}"


def _plain_words(text: str) -> str:
    return _GAPS.sub(" ", text.casefold())


def _typos(texts: list[str], counts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """(rare, common) positions; ``counts`` falls, so a more common class always comes first."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cdist

    words = [_WORDS.findall(text) for text in texts]
    holders = Counter(word for found in words for word in set(found))
    rows = Counter[str]()
    for found, count in zip(words, counts.tolist(), strict=True):
        rows.update(dict.fromkeys(found, count))
    for start in range(0, len(texts), BLOCK):
        part = texts[start : start + BLOCK]
        distance = cdist(
            part, texts[: start + len(part)], scorer=OSA.distance, score_cutoff=max(SHORTEST), dtype=np.uint8
        )
        close = np.argwhere(distance <= max(SHORTEST))
        best: dict[int, tuple[int, int]] = {}
        for at, other in close.tolist():
            rare, edits = start + at, int(distance[at, other])
            if counts[rare] * MUCH_RARER > counts[other] or not _is_typo(texts[rare], texts[other], edits):
                continue
            odd = set(words[rare]) - set(words[other])
            if all(holders[word] < A_WORD and rows[word] * MUCH_RARER <= counts[other] for word in odd):
                best[rare] = min(best.get(rare, (9, 0)), (edits, other))
        yield from ((rare, other) for rare, (_, other) in best.items())


def _is_typo(rare: str, common: str, edits: int) -> bool:
    if edits == 0 or min(len(rare), len(common)) < SHORTEST[edits]:
        return False
    if _PUNCTUATION.sub("", rare) == _PUNCTUATION.sub("", common) and initial_of(rare) != initial_of(common):
        return False
    if _DIGITS.findall(rare) != _DIGITS.findall(common) or not _misspelt_words(rare, common):
        return False
    one, two = _difference(rare, common)
    if {one, two} == {"", "s"}:  # plural
        return False
    if not any(c.isalpha() for c in one + two):  # "C" and "C++"
        return False
    return not any(_opposite(rare, common, a, b) or _opposite(common, rare, a, b) for a, b in _OPPOSITES)


def _misspelt_words(one: str, two: str) -> bool:
    """Whether the words that differ are long and differ in a third of their letters at most."""
    from rapidfuzz.distance import OSA

    first, second = one.split(), two.split()
    if len(first) != len(second):  # a space was lost, or is a typing error itself
        return True
    changed = [(x, y) for x, y in zip(first, second, strict=True) if x != y and (len(x) > 1 or x.isalnum())]
    return all(
        min(len(x), len(y)) >= SHORTEST_WORD and 3 * OSA.distance(x, y) <= max(len(x), len(y)) for x, y in changed
    )


def _difference(one: str, two: str) -> tuple[str, str]:
    """What is left of both without their common beginning and end."""
    shortest = min(len(one), len(two))
    head = next((at for at in range(shortest) if one[at] != two[at]), shortest)
    tail = next((at for at in range(shortest - head) if one[-1 - at] != two[-1 - at]), shortest - head)
    return one[head : len(one) - tail], two[head : len(two) - tail]


def _opposite(one: str, two: str, a: str, b: str) -> bool:
    """Whether the words in which two names differ are the same but for ``a`` against ``b`` at their beginning or end."""
    first, second = one.split(), two.split()
    if len(first) != len(second):
        return False
    changed = [(x, y) for x, y in zip(first, second, strict=True) if x != y]
    return all(
        (x.startswith(a) and y.startswith(b) and x[len(a) :] == y[len(b) :])
        or (a != "" and x.endswith(a) and y.endswith(b) and x[: -len(a)] == y[: -len(b)])
        for x, y in changed
    )
