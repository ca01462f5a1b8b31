"""Values beside the label that give it away: a column or two of a table, or the size of pictures.

In: numbers of values a row, class codes. Out: `Leak`s. Does not know: what a value stands for, models, files.

A label that something else fixes cannot be found wrong by a model that sees it: the model repeats the label. Asked is how often
the other rows with the same value would have told a row's class: of a value that goes with one class nearly always, of as many
values a class as there are (one-to-one or many-to-one). A column that foretells the *right* class leaves as many exceptions
as there are wrong labels, and is no leak; hence the strict share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

FIXED = 0.99  # share of the labelled rows whose class the other rows of the same value tell
GAIN = 0.9  # of what the commonest class leaves open
LEAST = 20  # labelled rows
SHARED = 5  # rows a pair of values must have on average: else any two columns tell rows apart
WIDEST = 100  # values of a column that may be one of a pair
COLUMNS = 24  # columns tried in pairs, those that tell most
SAMPLE = 20_000  # rows on which pairs are tried first

Codes = NDArray[np.int32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Leak:
    """``names`` together have ``values`` values and tell the class of ``share`` of the labelled rows."""

    names: tuple[str, ...]
    values: int
    share: float


def told(values: Numbers, codes: Codes) -> tuple[float, float]:
    """Share of the labelled rows whose class is the commonest among the *other* rows of their value, and that of the
    commonest class. Values of one row count as one value. Cost: O(N log N).
    """
    known = codes >= 0
    n = int(known.sum())
    if not n:
        return 0.0, 1.0
    labels = codes[known].astype(np.int64)
    _, value, times = np.unique(values[known], return_inverse=True, return_counts=True)
    lone = times[value] == 1
    value = np.where(lone, len(times), value)
    size = int(labels.max()) + 1
    pairs, of_pair, count = np.unique(value * size + labels, return_inverse=True, return_counts=True)
    of_value = pairs // size
    first = np.zeros(len(times) + 1, np.int64)
    np.maximum.at(first, of_value, count)
    # the largest count among a value's other classes
    is_first = count == first[of_value]
    tied = np.bincount(of_value, is_first, len(times) + 1) > 1
    second = np.zeros(len(times) + 1, np.int64)
    np.maximum.at(second, of_value[~is_first], count[~is_first])
    second = np.where(tied, first, second)
    right = count[of_pair] - 1 > second[value]
    return float(right.sum() / n), float(np.bincount(labels).max() / n)


def fixes(values: Numbers, codes: Codes) -> float | None:
    """The share of `told` where that is a leak, else None."""
    if int((codes >= 0).sum()) < LEAST:
        return None
    share, commonest = told(values, codes)
    return share if share >= FIXED and share - commonest >= GAIN * (1 - commonest) else None


def find_leaks(columns: Mapping[str, Numbers], codes: Codes) -> list[Leak]:
    """Single columns that fix the label, and pairs of the others that do together.

    Parameters
    ----------
    columns : name -> (N,) number of each row's value, blank being a value too.
    codes : (N,) int32 class codes, -1 = unlabelled.

    Notes
    -----
    Cost: O(N log N) a column; pairs of at most `COLUMNS` columns of at most `WIDEST` values on `SAMPLE` rows, those
    that pass on all.
    """
    found, rest = [], {}
    for name, values in columns.items():
        n_values = int(values.max(initial=-1)) + 1
        if n_values < 2:
            continue
        share = fixes(values, codes)
        if share is not None:
            found.append(Leak((name,), n_values, share))
        elif n_values <= WIDEST:
            rest[name] = (told(values, codes)[0], n_values)
    chosen = sorted(rest, key=lambda name: -rest[name][0])[:COLUMNS]
    step = max(1, len(codes) // SAMPLE)
    gone: set[str] = set()
    for one, two in combinations([name for name in columns if name in chosen], 2):
        if {one, two} & gone:
            continue
        both = columns[one] * rest[two][1] + columns[two]
        n_values = len(np.unique(both))
        if n_values * SHARED > int((codes >= 0).sum()) or fixes(both[::step], codes[::step]) is None:
            continue
        share = fixes(both, codes)
        if share is not None:
            found.append(Leak((one, two), n_values, share))
            gone |= {one, two}
    return found
