"""Values beside the label that give it away: a column or two of a table, the order of its values, parts of names, the form of
pictures.

In: numbers of values a row, class codes. Out: `Leak`s. Does not know: what a value stands for, models, files.

A label that something else fixes cannot be found wrong by a model that sees it: the model repeats the label. Asked is how often
the other rows with the same value would have told a row's class: of a value that goes with one class nearly always, of as many
values a class as there are (one-to-one or many-to-one). A column that foretells the *right* class leaves as many exceptions
as there are wrong labels, and is no leak; hence the strict share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FIXED = 0.99  # share of the labelled rows whose class the other rows of the same value tell
GAIN = 0.9  # of what the commonest class leaves open
LEAST = 20  # labelled rows
SHARED = 5  # rows a pair of values must have on average: else any two columns tell rows apart
WIDEST = 100  # values of a column that may be one of a pair
COLUMNS = 24  # columns tried in pairs, those that tell most
SAMPLE = 20_000  # rows on which pairs are tried first
RUNNING = 0.95  # share of distinct ones among whole numbers that are given to rows
CLASS_ROWS = 4  # rows a class must have on average before the order of values can tell anything
PARTS = 6  # parts of a name looked at from its start, and as many from its end
LONGEST_NAME = 300  # characters

How = Literal["value", "order", "part", "blank", "blank class", "name", "mark"]
Codes = NDArray[np.int32]
Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]
_PART = re.compile(r"[^\W\d_]+|\d+")
# "WASHINGTON (Reuters) - ...", "[via app] ...", "Q: ..."; "... (AFP)", "... - sent from my phone": what stands apart at an end
_HEAD = re.compile(r"\A\s*(?:([\[(<{][^\])>}]{1,40}[\])>}])|([^\W_][^:;!?|\n]{0,38}?)(?::\s| [-\u2013\u2014|] ))")
_TAIL = re.compile(r"(?:([\[(<{][^\])>}]{1,40}[\])>}])| [-\u2013\u2014|] ([^\n|]{1,40}))[\s.]*$")
_MARK = "[](){}<>#_*\"' "


@dataclass(frozen=True)
class Leak:
    """``names`` together have ``values`` values and tell the class of ``share`` of the labelled rows.

    ``how``: by the value itself, by the range it lies in, by a part of it, by whether it is there at all (which may
    tell one class only), because it begins
    or ends with the class's name, or because of a mark that stands apart there.
    """

    names: tuple[str, ...]
    values: int
    share: float
    how: How = "value"


def told(values: Numbers, codes: Codes) -> tuple[float, float]:
    """How well a value tells the class: two shares of the labelled rows.

    The first is the share whose class is the commonest among the *other* rows with the same value; the second, for comparison,
    is the share of the commonest class. All values that only one row has count as one value. Cost: O(N log N).
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


def classes_fixed(values: Numbers, codes: Codes) -> list[tuple[int, float]]:
    """Classes that have values to themselves: (code, share of the rows with these values that are the class's), where that
    share and the share of the class's rows that have them are at least `FIXED`. Values of one row count as one value.
    Classes and the rest have at least `LEAST` rows. Cost: O(N log N).
    """
    known = codes >= 0
    labels = codes[known].astype(np.int64)
    _, value, times = np.unique(values[known], return_inverse=True, return_counts=True)
    value = np.where(times[value] == 1, len(times), value)
    size = int(labels.max(initial=-1)) + 1
    pairs, count = np.unique(value * max(size, 1) + labels, return_counts=True)
    of_value, of_class = np.divmod(pairs, max(size, 1))
    total = np.bincount(value, minlength=len(times) + 1)[of_value]
    own = count * 2 > total
    hits = np.bincount(of_class[own], count[own], size)
    inside = np.bincount(of_class[own], total[own], size)
    rows = np.bincount(labels, minlength=size)
    fixed = (rows >= LEAST) & (len(labels) - rows >= LEAST) & (hits >= FIXED * rows) & (hits >= FIXED * inside)
    return [(int(code), float(hits[code] / inside[code])) for code in np.flatnonzero(fixed)]


def is_running(values: Floats) -> bool:
    """Whole numbers that hardly repeat: numbers given to rows, if with gaps. Cost: O(N log N)."""
    known = values[np.isfinite(values)]
    return (
        len(known) >= LEAST and bool((known == np.floor(known)).all()) and len(np.unique(known)) >= RUNNING * len(known)
    )


def fixed_by_order(values: Floats, codes: Codes) -> float | None:
    """Share of the labelled rows whose class follows from the range that their value lies in, where that is a leak, else None.

    Rows are put in the order of their values, equal ones mixed. K classes in K ranges change K - 1 times; every further change
    is an exception. Asked is what `fixes` asks of values: nearly no exceptions, and far fewer than by chance. Cost: O(N log N).
    """
    rows = np.flatnonzero((codes >= 0) & np.isfinite(values))
    n = len(rows)
    size = len(np.unique(codes[rows]))
    if n < LEAST or n < FIXED * int((codes >= 0).sum()) or size < 2 or n < CLASS_ROWS * size:
        return None
    mixed = np.arange(n) * 0.6180339887498949 % 1  # the golden ratio: even, whatever order equal values came in
    in_order = codes[rows[np.lexsort((mixed, values[rows]))]]
    changes = int((in_order[1:] != in_order[:-1]).sum())
    chance = 1 - (n * (1 - float(((np.bincount(in_order) / n) ** 2).sum())) - size + 1) / n
    share = 1 - (changes - size + 1) / n
    return min(share, 1.0) if share >= FIXED and share - chance >= GAIN * (1 - chance) else None


def name_parts(names: Sequence[str | None]) -> list[list[str]]:
    """The parts of file names, paths and codes: runs of letters and of digits, "" where there is none. One list a place, counted
    from the start and from the end. [] where the strings are no names: some hold white space, or most have one part.
    """
    given = [name for name in names if name]
    alike = [name for name in given if len(name) <= LONGEST_NAME and not any(c.isspace() for c in name.strip())]
    if len(given) < LEAST or len(alike) < FIXED * len(given):
        return []
    split = [_PART.findall((name or "")[:LONGEST_NAME].casefold()) for name in names]
    if sum(len(parts) > 1 for parts in split) < FIXED * len(given):
        return []
    from_start = [[parts[at] if len(parts) > at else "" for parts in split] for at in range(PARTS)]
    return from_start + [[parts[-at] if len(parts) >= at else "" for parts in split] for at in range(1, PARTS + 1)]


def fixed_by_parts(names: Sequence[str | None], codes: Codes) -> Leak | None:
    """The part of a name that fixes the class, by its value or as a running number, if one does; ``names`` of the leak is ()."""
    of_range: Leak | None = None
    for words in name_parts(names):
        number: dict[str, int] = {}
        values = np.array([number.setdefault(word, len(number)) for word in words], np.int64)
        if 2 * len(number) <= len(words):
            share = fixes(values, codes)
            if share is not None:
                return Leak((), len(number), share, "part")
        elif of_range is None:  # different in most rows: nothing that a class could share, unless it is a range
            share = fixed_by_order(np.array([float(word) if word.isdecimal() else np.nan for word in words]), codes)
            of_range = Leak((), len(number), share, "order") if share is not None else None
    return of_range


def begins_with_class(texts: Sequence[str | None], codes: Codes, names: Sequence[object]) -> Leak | None:
    """Whether the texts begin, or end, with the name of their class, as "[sport] ..." or "__label__2 ...": a leak where nearly
    all do. Texts that begin with a class's name by nature are the reason to ask it of nearly all."""
    wanted = [str(name).casefold().strip(_MARK) for name in names]
    known = np.flatnonzero(codes >= 0).tolist()
    if len(known) < LEAST or len(np.unique(codes[known])) < 2:
        return None
    at_start = at_end = 0
    for row in known:
        name = wanted[codes[row]]
        text = (texts[row] or "").casefold().strip(_MARK).removeprefix("label__")
        if not name or not text:
            continue
        at_start += text.startswith(name) and not text[len(name) : len(name) + 1].isalnum()
        at_end += text.endswith(name) and not text[: -len(name)][-1:].isalnum()
    share = max(at_start, at_end) / len(known)
    return Leak((), len(wanted), share, "name") if share >= FIXED else None


def fixed_by_mark(texts: Sequence[str | None], codes: Codes) -> Leak | None:
    """Whether a mark apart from the text, before or behind it, fixes the class: an agency, a tag in brackets, a speaker.

    Looked at are the mark, and whether there is one. Asked is what `fixes` asks of a column's values. Cost: O(characters)
    of the ends.
    """
    for pattern, cut in ((_HEAD, slice(0, 80)), (_TAIL, slice(-80, None))):
        found = [pattern.search((text or "")[cut]) for text in texts]
        marks = ["" if one is None else (one[1] or one[2]).strip().casefold() for one in found]
        number: dict[str, int] = {}
        values = np.array([number.setdefault(mark, len(number)) for mark in marks], np.int64)
        there = np.array([bool(mark) for mark in marks], np.int64)
        for seen, n in ((values, len(number)), (there, 2)):
            share = fixes(seen, codes)
            if share is not None:
                return Leak((), n, share, "mark")
    return None
