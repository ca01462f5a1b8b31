"""What tells two classes apart: words of texts, values of columns.

In: texts, or values of a column, of rows that carry each label. Out: which words or values speak for which of the two. Pure.
Does not know: models. It reads the dataset's own rows, so it explains the difference between the classes, not the inner working
of the model that flagged a row.

Method: log-odds of a word's (a value's) document frequency between the two classes, with 0.5 added to each count and
divided by its standard error (Monroe, Colaresi, Quinn: Fightin' Words, Political Analysis 2008). A |z| of 2.58 tells.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

TELLING_Z = 2.58  # one in a hundred by chance
MOST_WORDS = 5  # a side
NUMERIC_BINS = 8
REFERENCE_ROWS = 200  # of a class, that its words and values are counted in
MOST_FEATURES = 60  # columns of a table, searched for values that tell
WORD = re.compile(r"[^\W\d_][\w'’]*|\d[\d.,]*")


def reference_rows(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most `REFERENCE_ROWS` of these rows, evenly over them: the unflagged rows of a class stand for it."""
    return np.asarray(rows[np.linspace(0, len(rows) - 1, min(len(rows), REFERENCE_ROWS)).astype(np.int64)])


def compared_columns(names: Sequence[str], roles: Mapping[str, Any]) -> list[str]:
    """The feature columns among ``names``, where the run named some, else all but the label; at most `MOST_FEATURES`."""
    named = [name for name in roles.get("features") or () if name in names]
    return (named or [name for name in names if name != roles.get("label")])[:MOST_FEATURES]


@dataclass(frozen=True)
class Frequencies:
    """In how many of ``n`` rows of a class each word (or value) occurs."""

    counts: Counter[str]
    n: int


def word_frequencies(texts: Iterable[str]) -> Frequencies:
    """Document frequency of every word, lower case. Cost: one pass over the texts."""
    counts: Counter[str] = Counter()
    n = 0
    for text in texts:
        counts.update({match.group().lower() for match in WORD.finditer(text)})
        n += 1
    return Frequencies(counts, n)


def function_words(classes: Sequence[Frequencies]) -> frozenset[str]:
    """Words that at least 5 % of the texts hold in at least 70 % of the classes: they tell no class from another.

    In any language these are the articles and pronouns. Below 8 classes nothing can be said, so none. On Banking77 and
    Clinc150 no word of meaning is among them; at 60 % "card" and "account" of Banking77 are.
    """
    if len(classes) < 8:
        return frozenset()
    often = Counter(word for c in classes for word, count in c.counts.items() if count >= 0.05 * c.n)
    return frozenset(word for word, count in often.items() if count >= 0.7 * len(classes))


def log_odds(word: str, given: Frequencies, suggested: Frequencies) -> float:
    """z of the log-odds ratio; positive = the word speaks for the suggested class."""
    if not given.n or not suggested.n:
        return 0.0
    in_given, in_suggested = given.counts[word] + 0.5, suggested.counts[word] + 0.5
    out_given, out_suggested = given.n - in_given + 1.0, suggested.n - in_suggested + 1.0
    ratio = math.log(in_suggested / out_suggested) - math.log(in_given / out_given)
    return ratio / math.sqrt(1 / in_given + 1 / in_suggested + 1 / out_given + 1 / out_suggested)


def words_that_tell(
    text: str, given: Frequencies, suggested: Frequencies, *, ignore: frozenset[str] = frozenset()
) -> dict[str, Literal["given", "suggested"]]:
    """The words of ``text``, lower case, that speak for one of two classes: the most telling first, at most `MOST_WORDS` a side.

    Words of ``ignore`` do not count. Scripts without spaces between words have none.
    """
    found: dict[str, float] = {}
    for match in WORD.finditer(text):
        word = match.group().lower()
        if word not in found and word not in ignore:
            found[word] = log_odds(word, given, suggested)
    told: dict[str, Literal["given", "suggested"]] = {}
    for word in sorted(found, key=lambda word: (-abs(found[word]), word)):
        side: Literal["given", "suggested"] = "suggested" if found[word] > 0 else "given"
        if abs(found[word]) >= TELLING_Z and list(told.values()).count(side) < MOST_WORDS:
            told[word] = side
    return told


@dataclass(frozen=True)
class ColumnContrast:
    """How one column's values are spread over two classes. ``key`` turns a value into its bin."""

    key: Callable[[Any], str]
    given: Frequencies
    suggested: Frequencies

    @classmethod
    def of(cls, given: Sequence[Any], suggested: Sequence[Any]) -> ColumnContrast:
        """Numbers with many values are compared in bins of equal count over both classes, everything else as it is."""
        key = _value_key([*given, *suggested])
        return cls(key, _value_frequencies(given, key), _value_frequencies(suggested, key))

    def z(self, value: Any) -> float:
        return log_odds(self.key(value), self.given, self.suggested)


def _value_key(values: Sequence[Any]) -> Callable[[Any], str]:
    numbers = [float(value) for value in values if _is_number(value)]
    if len(numbers) < 0.8 * len(values) or len(set(numbers)) <= NUMERIC_BINS:
        return lambda value: "" if value is None else str(value).strip().casefold()
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, NUMERIC_BINS + 1)[1:-1]))

    def key(value: Any) -> str:
        if not _is_number(value):
            return "" if value is None else str(value).strip().casefold()
        return f"bin {int(np.searchsorted(edges, float(value), side='right'))}"

    return key


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _value_frequencies(values: Sequence[Any], key: Callable[[Any], str]) -> Frequencies:
    return Frequencies(Counter(key(value) for value in values), len(values))


def values_that_tell(row: dict[str, Any], contrasts: dict[str, ColumnContrast], *, most: int = 3) -> list[str]:
    """The columns whose value in ``row`` speaks for the suggested class, the most telling first, at most ``most``."""
    z = {name: contrasts[name].z(value) for name, value in row.items() if name in contrasts}
    return sorted((name for name in z if z[name] >= TELLING_Z), key=lambda name: (-z[name], name))[:most]
