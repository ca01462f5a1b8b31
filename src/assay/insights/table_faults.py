"""Faults of a table's cells, column by column: each a finding with how many rows it has and which.

In: the cells of all rows, their row numbers. Out: findings of the check "cells"; ``data`` holds "kind", "count", "values" and
"rows", the first 1,000 row numbers. Does not know: models, labels, other checks.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

from assay.encode.cells import Cells, named_like_id, read_cells
from assay.insights.contradictions import Contradiction, contradictions
from assay.insights.finding import Finding, quote
from assay.insights.names import initial_of, misspelt
from assay.issues.text_damage import has_broken_encoding, has_entities

CHECK = "cells"
LISTED = 1_000  # row numbers in a finding
SHOWN = 3  # values in a sentence
MOSTLY_BLANK = 0.95  # from which `columns` says it
ACCENTED = 5  # letters of a word from which accents are a matter of spelling
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"})
# A column decides another where this share of its rows goes with the commonest of so many values at least, and none is so common
DECIDED, FEW_DECIDED, COMMONEST = 0.8, 5, 0.5
STEADY = 3  # rows of one value that go with one and the same value of the other column: that is a value of its own
LEVELS = 2_000  # distinct values of a column whose spellings are compared
SAME_TEXT = 3  # rows a text, on average: they are names of things, spelt in several ways
KEY_SHARE = 0.5  # of the rows have a value of their own: a column named like a key is one, not a reference to others
# A value of another column: rare here (a share of the rows, or so few), so much commoner there
ALIEN_SHARE, ALIEN_FEW, ALIEN_TIMES, ALIEN_LEAST = 0.01, 2, 10, 5
REPEATED = 10  # rows a value, on average: in columns of names each value is rare
SLIP = 4  # letters of a word for each slip in it
ALIKE_COLUMNS = 0.2  # of the distinct values are shared: two columns of one kind, values may stand in either
NINES = re.compile(r"-?9{2,}(?:\.0*)?")
# words for "nothing" that are no value in any column, and those that are one in a column of words
_SIGNS = re.compile(r"[^\d.,'\s+-]")
_WORDS = "null nan nat na n/a n.a. #n/a <na> - -- --- ? ?? . tbd undefined (blank) (null) [null] #ref! #value! #div/0!"
_ABROAD = "k.a. n/d n.d. s/d n/s н/д"  # no answer or no data, in German, French, Spanish, Portuguese and Russian
NOTHING = frozenset(
    [*_WORDS.split(), *_ABROAD.split(), "not available", "not applicable", "k. a.", "keine angabe", "нет данных"]
)
PERHAPS = frozenset(("none", "unknown", "missing", "empty", "blank"))
# 0001-01-01, 1899-12-30, 1900-01-01, 1970-01-01, 9999-12-31
EPOCHS = (-719_162.0, -25_569.0, -25_567.0, 0.0, 2_932_896.0)
YEARS = (-62_091.0, 47_482.0)  # 1800-01-01 to 2100-01-01
FAR = 0.5  # of the range that holds 98 of 100 other values: so far from them lies a stand-in
# Rows, and the share of them, that one number far from all others holds which is one cause (a sensor that was off), and how
# many different numbers the column then has: with few, any of them may be far from the others
OFTEN, SELDOM, CONTINUOUS = 3, 0.01, 50
# ... and more of the rows, where the number lies farther from the others than all of these from each other
OFTENEST, FARTHER = 0.1, 3.0
FEW_MINUS = 0.05  # of the rows, up to which -1 beside 0 and 1 is a stand-in and no third value


@dataclass(frozen=True)
class _Column:
    """One column: ``raw`` its distinct texts as they came, ``codes`` (N,) into them, -1 = null or no text."""

    name: str
    read: Cells
    raw: tuple[str, ...]
    codes: NDArray[np.int64]

    def rows_where(self, test: Callable[[str], bool]) -> NDArray[np.int64]:
        hit = np.array([*(test(text) for text in self.raw), False], bool)
        return np.flatnonzero(hit[self.codes])


def table_faults(
    cells: pd.DataFrame, columns: Sequence[str], numbers: NDArray[np.int64] | None = None
) -> list[Finding]:
    """Findings in the order of the columns.

    Kinds: "missing", "placeholder", "spelling", "impossible_date", "not_a_number", "number_as_text", "repeated_key",
    "white_space", "entities", "encoding", "other_column", "contradiction".

    Parameters
    ----------
    cells : N rows. columns : names of the columns to look at. numbers : (N,) row numbers; default 0 .. N-1.

    Notes
    -----
    Cost: O(N log N) a pair of columns that repeat their values (at most 40 of them), O(N) a column, and O(L^2)
    for spellings of a column of L <= 2,000 distinct values.
    """
    n = len(cells)
    if not n:
        return []
    rows = np.arange(n) if numbers is None else numbers
    read = [_column(cells[name], str(name)) for name in columns]
    findings = []
    for column in read:
        for check in (
            _missing,
            _placeholders,
            partial(_spellings, others=read),
            _unreadable,
            _keys,
            _white_space,
            _damage,
        ):
            findings += [_finding(column, fault, rows) for fault in check(column)]
    findings += [_finding(column, fault, rows) for column, fault in _of_other_columns(read)]
    by_name = {column.name: column for column in read}
    return findings + [
        _finding(by_name[one.of], _contradiction(one), rows, [one.given, one.of])
        for one in contradictions([column.read for column in read])
    ]


@dataclass(frozen=True)
class _Fault:
    kind: str
    title: str
    message: str  # with {rows} for how many
    at: NDArray[np.int64]  # positions
    values: tuple[str, ...] = ()


def _contradiction(one: Contradiction) -> _Fault:
    if one.value is None:
        message = (
            f"{quote(one.given)} decides {quote(one.of)} in all but {{rows}}: there the same {quote(one.given)} goes "
            f"with another {quote(one.of)} than elsewhere."
        )
    else:
        message = f"Where {quote(one.given)} is {quote(one.value)}, {quote(one.of)} is {one.usual} in all but {{rows}}."
    return _Fault("contradiction", "Columns that contradict", message, one.rows)


def _finding(column: _Column, fault: _Fault, rows: NDArray[np.int64], subject: list[Any] | None = None) -> Finding:
    count = len(fault.at)
    data = {
        "kind": fault.kind,
        "count": count,
        "values": list(fault.values),
        "rows": rows[fault.at[:LISTED]].tolist(),
    }
    told = fault.message.replace("{rows}", "1 row" if count == 1 else f"{count:,} rows")
    return Finding(CHECK, fault.title, subject or [column.name], told, data)


def _column(cells: pd.Series[Any], name: str) -> _Column:
    read = read_cells(cells, name)
    if getattr(cells.dtype, "kind", "O") in "iufbmM":
        return _Column(name, read, (), np.full(len(cells), -1, np.int64))
    text = cells.astype(object).where(cells.map(lambda cell: isinstance(cell, str)), None)
    codes, distinct = pd.factorize(text)
    return _Column(name, read, tuple(str(one) for one in distinct), codes.astype(np.int64))


def _missing(column: _Column) -> Iterator[_Fault]:
    """Cells that hold nothing; those that hold a word for it are told by `_placeholders`."""
    at = np.setdiff1d(np.flatnonzero(column.read.blank), column.rows_where(lambda text: bool(text.strip())))
    n = len(column.read.blank)
    if len(at) and 0 < column.read.blank.sum() <= MOSTLY_BLANK * n:
        share = f"{len(at) / n:.1%}" if len(at) >= 0.001 * n else "under 0.1%"
        yield _Fault("missing", "Missing values", f"{quote(column.name)} is blank in {{rows}} ({share}).", at)


def _words_for_nothing(column: _Column) -> NDArray[np.int64]:
    """Words for "nothing", but for those that look as most values do: "Na" is sodium among symbols, "NA" Namibia among codes."""
    words = NOTHING | PERHAPS if column.read.numbers is not None else NOTHING
    found = {text for text in column.raw if text.strip().lower() in words}
    values = [text for text in column.raw if text not in found and text.strip()]
    forms = Counter(map(_form, values))
    found -= {text for text in found if text.strip().isalpha() and 2 * forms[_form(text)] > len(values)}
    return column.rows_where(lambda text: text in found)


def _form(text: str) -> tuple[int, str]:
    """Length and case."""
    text = text.strip()
    return len(text), "upper" if text.isupper() else "lower" if text.islower() else "title" if text.istitle() else ""


def _placeholders(column: _Column) -> Iterator[_Fault]:
    at = _words_for_nothing(column)
    n = len(column.codes)
    if len(at) and len(at) < n:
        values = _common(column, at)
        message = f"{quote(column.name)} holds {_listed(values)} for “nothing” in {{rows}}; read them as blank."
        yield _Fault("placeholder", "Placeholders", message, at, values)
    if column.read.kind in ("number", "date", "identifier") and column.read.numbers is not None:
        for value in _stand_ins(column.read.numbers, column.read.kind == "date"):
            at = np.flatnonzero(column.read.numbers == value)
            told = _day(value) if column.read.kind == "date" else f"{value:g}"
            message = f"{quote(column.name)} holds {told} in {{rows}}, far from all its other values: a placeholder?"
            yield _Fault("placeholder", "Placeholders", message, at, (told,))


def _stand_ins(numbers: NDArray[np.float64], dates: bool) -> Iterator[float]:
    """Numbers of nines (and a repeated -1), well-known days, and ends that `OFTEN` rows hold, that lie apart from all others."""
    values, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True) if len(values) < 50_000 else ():
        minus = value == -1 and count >= 2 and value == values[0]
        often = not dates and value in (values[0], values[-1]) and OFTEN <= count <= OFTENEST * len(numbers)
        often &= len(values) >= CONTINUOUS
        if not (value in EPOCHS if dates else minus or often or NINES.fullmatch(f"{value:g}")):
            continue
        rest = numbers[np.isfinite(numbers) & (numbers != value) & ~np.isin(numbers, EPOCHS if dates else [])]
        if len(rest) < 10:
            continue
        low, high = np.quantile(rest, [0.01, 0.99]).tolist()
        if value == -1:  # a count or a share has no number below zero
            scale = rest.max() <= 1 and count > FEW_MINUS * len(numbers)  # worse, same, better
            apart = low >= 0 and bool((rest >= 0).all()) and not dates and not scale
        else:
            apart = value > high + FAR * (high - low) or value < low - FAR * (high - low)
        if often and not (
            minus or NINES.fullmatch(f"{value:g}")
        ):  # any number may be one: no other lies between, or on the way
            # many rows: a second kind of rows may lie so far away
            far = FAR if count <= SELDOM * len(numbers) else FARTHER
            apart = value > rest.max() + far * np.ptp(rest) or value < rest.min() - far * np.ptp(rest)
        if apart and high > low:
            yield value


def _holds_names(read: Cells) -> bool:
    """Words, or longer texts that come again."""
    return read.kind in ("category", "string") or (
        read.kind == "text" and int((~read.blank).sum()) >= SAME_TEXT * len(read.levels)
    )


def _spellings(column: _Column, others: Sequence[_Column] = ()) -> Iterator[_Fault]:
    """``others``: columns that may tell values apart that are spelt nearly alike."""
    read = column.read
    if not _holds_names(read) or read.codes is None or not 2 <= len(read.levels) <= LEVELS:
        return
    counts = np.bincount(read.codes[read.codes >= 0], minlength=len(read.levels))
    # "Size S" in the column "size" is "S"
    own = re.compile(rf"(?:^|\s){re.escape(column.name.strip().removesuffix('s'))}s?(?:\s|$)", re.IGNORECASE)
    short = [own.sub(" ", level).strip() or level for level in read.levels]
    into = np.arange(len(read.levels))
    by_plain: dict[str, int] = {}
    for level in np.argsort(-counts, kind="stable").tolist():
        same = [by_plain[plain] for plain in _plain_forms(short[level]) if plain in by_plain]
        into[level] = same[0] if same else level
        for plain in _plain_forms(short[level]):
            by_plain.setdefault(plain, int(into[level]))
    # of names of many words, "trail 1" and "trail 2" among them, a letter more is no slip
    alike = [] if read.kind == "text" else misspelt(short, counts)
    slips = [pair[:2] for pair in alike if _one_word_off(short[pair[0]], short[pair[1]])]
    told_apart = _told_apart(column, slips, others) if slips else set()
    for level, target in slips:
        if into[level] == level and (level, target) not in told_apart:
            into[level] = into[target]
    into = into[into]
    merged = np.flatnonzero(into != np.arange(len(into)))
    if not len(merged):
        return
    pairs = sorted(merged.tolist(), key=lambda level: (-int(counts[level]), level))
    spelt: dict[int, list[str]] = {}  # all of one value together, its commonest spelling last
    for level in pairs:
        spelt.setdefault(int(into[level]), []).append(read.levels[level])
    told = tuple(" = ".join([*rarer, read.levels[target]]) for target, rarer in spelt.items())
    odd = np.append(into != np.arange(len(into)), False)
    at = np.flatnonzero(odd[read.codes])
    message = (
        f"{quote(column.name)} spells {len(set(into[merged].tolist())):,} of its values in several ways: "
        f"{_listed(told)}; a rarer spelling in {{rows}}."
    )
    yield _Fault("spelling", "Spellings of one value", message, at, told)


def _told_apart(column: _Column, slips: Sequence[tuple[int, int]], others: Sequence[_Column]) -> set[tuple[int, int]]:
    """The pairs of levels that share no value of a column which this one nearly decides: Clifton lies in another state than
    Clinton, a slip of Clinton in the same."""
    assert column.read.codes is not None
    found: set[tuple[int, int]] = set()
    mine = column.read.codes
    for other in others:
        theirs = other.read.codes
        if (
            other is column
            or other.read.kind not in ("category", "string")
            or theirs is None
            or len(other.read.levels) < FEW_DECIDED
        ):
            continue
        known = (mine >= 0) & (theirs >= 0)
        size = len(other.read.levels)
        pairs, times = np.unique(mine[known] * size + theirs[known], return_counts=True)
        of_mine, of_theirs = np.divmod(pairs, size)
        rows = np.bincount(of_mine, times, len(column.read.levels))
        often = np.zeros(len(rows))
        np.maximum.at(often, of_mine, times)
        several = rows > 1
        if not several.any() or often[several].sum() < DECIDED * rows[several].sum():
            continue
        if np.bincount(of_theirs, times).max() > COMMONEST * known.sum():
            continue
        goes_with: dict[int, set[int]] = {}
        held = np.bincount(of_theirs, times, size)
        for level, value in zip(of_mine.tolist(), of_theirs.tolist(), strict=True):
            if held[value] < STEADY:  # a slip itself
                continue
            goes_with.setdefault(level, set()).add(value)
        for one, two in slips:
            if one in goes_with and two in goes_with and not goes_with[one] & goes_with[two]:
                found.add((one, two))
    return found


def _plain_forms(value: str) -> list[str]:
    """What is left of a value without case, blanks and punctuation, as it is and with letters written without accents, "ü" as "u"
    and as "ue". Of numbers only marks around them that count nothing are taken off: "1.5" is not "15". A letter of its own at the
    end stays apart: "Juan A." is not "Juana"."""
    plain = re.sub(r"[\W_]+", "", value.casefold())
    if (initial := initial_of(value)) is not None:
        return [f"{plain[: -len(initial)]} {initial}"]
    if not plain or plain.isdigit():
        number = value.strip(" *#'\"")
        return [number] if number.isdigit() else []
    if len(plain) < ACCENTED or plain.isascii():
        return [plain]
    bare = "".join(one for one in unicodedata.normalize("NFD", plain) if not unicodedata.combining(one))
    return list(dict.fromkeys((plain, plain.translate(UMLAUTS), bare)))


def _one_word_off(rarer: str, commoner: str) -> bool:
    """Whether every word that differs does so by a slip: "Portland" is not "Cortland", nor "Sanitas" "SanTan"."""
    one, two = rarer.casefold().split(), commoner.casefold().split()
    if len(one) != len(two):  # a blank is the slip: "Tinman" is "Tin Man", "Taxman" is not
        return OSA.distance("".join(one), "".join(two)) <= 1
    for a, b in zip(one, two, strict=True):
        if a != b and (
            OSA.distance(a, b) > max(1, len(b) // SLIP) or (a[0] != b[0] and len(a) == len(b) and a[0] != b[1:2])
        ):
            return False
    return True


def _unreadable(column: _Column) -> Iterator[_Fault]:
    read = column.read
    if read.numbers is None or read.kind not in ("number", "date", "identifier"):
        return
    at = np.flatnonzero(np.isnan(read.numbers) & ~read.blank)
    noise = column.rows_where(lambda text: text.strip().lower() not in PERHAPS and not _plain_number(text))
    at = np.intersect1d(at, noise)
    if read.kind == "date":
        beyond = np.flatnonzero((read.numbers < YEARS[0]) | (read.numbers > YEARS[1]))
        at = np.union1d(at, beyond)
        if len(at):
            values = _common(column, at) or tuple(_day(value) for value in read.numbers[at][:SHOWN])
            message = f"{quote(column.name)} holds what is no possible date in {{rows}}: {_listed(values)}."
            yield _Fault("impossible_date", "Impossible dates", message, at, values)
        return
    if len(at):
        values = _common(column, at)
        hold = "holds" if len(at) == 1 else "hold"
        message = f"{quote(column.name)} is a column of numbers, but {{rows}} {hold} none: {_listed(values)}."
        yield _Fault("not_a_number", "Not a number", message, at, values)
    spelt = column.rows_where(lambda text: bool(re.search(r"\d", text)) and not _plain_number(text))
    spelt = spelt[~np.isnan(read.numbers[spelt])]
    if len(spelt):
        values = _common(column, spelt)
        how = (
            "as text with units or signs"
            if any(map(_SIGNS.search, values))
            else "with decimal commas or marks of thousands"
        )
        message = f"{quote(column.name)} holds numbers {how} in {{rows}}: {_listed(values)}."
        yield _Fault("number_as_text", "Numbers stored as text", message, spelt, values)


def _plain_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _keys(column: _Column) -> Iterator[_Fault]:
    read = column.read
    if read.kind in ("empty", "constant", "text"):
        return
    if not named_like_id(column.name):  # post codes, telephones and measurements hardly repeat either, and may
        lettered = sum(re.search(r"[^\W\d_]", level) is not None for level in read.levels)
        if read.kind != "identifier" or 2 * lettered <= len(read.levels):
            return
    codes = read.codes if read.codes is not None else pd.factorize(np.asarray(read.numbers))[0]
    known = np.flatnonzero(~read.blank & (codes >= 0))
    if len(known) < 20:
        return
    counts = np.bincount(codes[known])
    if (counts > 0).sum() < KEY_SHARE * len(known) or (counts <= 1).all():
        return
    at = known[counts[codes[known]] > 1]
    again = int((counts > 1).sum())
    later = len(at) - again
    if 2 * again > (counts > 0).sum():  # a person's visits, a product's sizes: most come again
        message = (
            f"{again:,} of the {int((counts > 0).sum()):,} values of {quote(column.name)} come more than once, in {{rows}}: "
            "several rows of one thing, or copies?"
        )
        yield _Fault("repeated_key", "Repeating key", message, at)
        return
    message = (
        f"{quote(column.name)} looks like a key, but {again:,} of its values {'comes' if again == 1 else 'come'} more than once: "
        f"{{rows}} share them, {later:,} more than there should be."
    )
    yield _Fault("repeated_key", "Repeating key", message, at)


def _white_space(column: _Column) -> Iterator[_Fault]:
    at = column.rows_where(lambda text: text != text.strip() and bool(text.strip()))
    if len(at):
        values = tuple(f"“{value}”" for value in _common(column, at))
        message = f"{quote(column.name)} holds blanks before or after its value in {{rows}}."
        yield _Fault("white_space", "Blanks around values", message, at, values)


def _damage(column: _Column) -> Iterator[_Fault]:
    entities = column.rows_where(has_entities)
    if len(entities):
        values = _common(column, entities)
        message = f"{quote(column.name)} holds HTML entities in {{rows}}: {_listed(values)}. Unescape them."
        yield _Fault("entities", "HTML entities", message, entities, values)
    broken = column.rows_where(has_broken_encoding)
    if len(broken):
        values = _common(column, broken)
        message = f"{quote(column.name)} was read or saved in a wrong encoding in {{rows}}: {_listed(values)}."
        yield _Fault("encoding", "Broken encoding", message, broken, values)


def _of_other_columns(columns: Sequence[_Column]) -> Iterator[tuple[_Column, _Fault]]:
    """Values that are rare here and belong to another column, which shares hardly any other value with this one."""
    words: list[tuple[_Column, dict[str, int], dict[str, int]]] = []
    for column in columns:
        read = column.read
        if _holds_names(read) and read.codes is not None:
            held = np.bincount(read.codes[read.codes >= 0], minlength=len(read.levels))
            commonest_last = np.argsort(held, kind="stable").tolist()  # of "sales" and "Sales" the commoner one
            known = {
                read.levels[code].casefold(): code
                for code in commonest_last
                if re.search(r"[^\W\d]{3}", read.levels[code])
            }
            words.append((column, known, {text: int(held[code]) for text, code in known.items()}))
    homes: dict[str, list[int]] = {}
    for index, (_, known, _) in enumerate(words):
        for text in known:
            homes.setdefault(text, []).append(index)
    shared: dict[tuple[int, int], list[str]] = {}
    for text, found_in in homes.items():
        if 2 <= len(found_in) <= 4:
            for here in found_in:
                for there in found_in:
                    if here != there:
                        shared.setdefault((here, there), []).append(text)
    for (here, there), texts in sorted(shared.items()):
        column, known, counts = words[here]
        home = words[there][2]
        # what strayed from here to there is nothing that the columns share: two cells of a row may be swapped
        shared_with = [text for text in texts if not _is_rare_beside(home[text], words[there][0], counts[text])]
        if len(shared_with) > max(1, ALIKE_COLUMNS * min(len(known), len(words[there][1]))):
            continue
        total = int((~column.read.blank).sum())
        if total < REPEATED * len(column.read.levels):
            continue
        alien = [
            text
            for text in texts
            if _is_rare_beside(counts[text], column, home[text])
            and not _is_steady(column, known[text], words[there][0], words[there][1][text])
        ]
        if not alien:
            continue
        assert column.read.codes is not None
        at = np.flatnonzero(np.isin(column.read.codes, [known[text] for text in alien]))
        values = tuple(column.read.levels[known[text]] for text in alien)
        message = (
            f"{quote(column.name)} holds {_listed(values)} in {{rows}}, which belongs to {quote(words[there][0].name)}."
        )
        yield column, _Fault("other_column", "Values of another column", message, at, values)


def _is_rare_beside(count: int, column: _Column, at_home: int) -> bool:
    """Does a value that a column has ``count`` times belong to another, which has it ``at_home`` times?"""
    total = int((~column.read.blank).sum())
    return count <= max(ALIEN_FEW, ALIEN_SHARE * total) and at_home >= max(ALIEN_LEAST, ALIEN_TIMES * count)


def _is_steady(column: _Column, level: int, other: _Column, same: int) -> bool:
    """Whether all rows of a value go with one value of the other column, not the same and not in every second row: the city of
    Washington always lies in the District of Columbia, while what was put into the wrong column stands beside anything."""
    assert column.read.codes is not None and other.read.codes is not None
    beside = other.read.codes[column.read.codes == level]
    if len(beside) < STEADY or beside[0] in (-1, same) or (beside != beside[0]).any():
        return False
    return bool((other.read.codes == beside[0]).mean() <= COMMONEST)


def _common(column: _Column, at: NDArray[np.int64]) -> tuple[str, ...]:
    """The distinct texts of these rows, the commonest first."""
    codes = column.codes[at]
    codes = codes[codes >= 0]
    distinct, first, counts = np.unique(codes, return_index=True, return_counts=True)
    return tuple(column.raw[code] for code in distinct[np.lexsort((first, -counts))].tolist())


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(quote(value.strip()) for value in values[:SHOWN])
    return shown + (f" and {len(values) - SHOWN:,} more" if len(values) > SHOWN else "")


def _day(value: float) -> str:
    moment = pd.to_datetime(value, unit="D", errors="coerce")
    return f"day {value:g}" if moment is pd.NaT else f"{moment.year:04d}-{moment:%m-%d}"
