"""One column of cells, read: which are blank, what kind of column it is, its numbers or its levels.

In: a pandas column as it came from the source, its name. Out: `Cells`. Does not know: labels, other columns.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.sources.words import BLANK

Kind = Literal["empty", "constant", "identifier", "number", "date", "category", "string", "text"]
Floats = NDArray[np.float64]

FEW_LEVELS = 48  # strings with at most so many levels are categories
PROSE = 5.0  # mean words a cell, from which strings are text
MIN_NUMERIC = 0.9  # share of the cells, placeholders aside, that must read as numbers, or as dates
PLACEHOLDERS = 3  # words such as "empty" or "not available" that a numeric column may hold
MIN_UNIT = 0.05  # share of the numbers that carry a unit, below which it is a typing error
MIN_DISTINCT = 0.95  # an identifier may repeat a little: copied rows
MOSTLY_DISTINCT = 0.5  # whole numbers that are called an id may repeat more
MIN_ROWS = 20  # fewer rows say nothing about identifiers
SPREAD = 2.0  # integers that fill at least half of their range are running numbers
TEMPLATES = 3  # "ORD-00017" and "ORD-4711" share one

LONGEST_NUMBER = 400  # characters, a unit in words included; patterns of numbers look at them more than once
_NUMBER = re.compile(
    r"[$€£¥]?\s*([+-]?(?:\d{1,3}(?:\.\d{3})+,\d+|\d[\d,' ]*\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([^\d\s,.'+-][^\d]*)?"
)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([,' ])\d{3})(?:\1\d{3})*(?:\.\d*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_DOTTED = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+")  # 1.234,50
_CODE = re.compile(r"[+-]?0\d+")  # leading zeros: post codes, account numbers
_DATE = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})"
    r"|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4})"
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?"
)
_ID_NAME = re.compile(r"(?:^|[^a-z])(?:ids?|[ug]uid|index|idx|key|row|unnamed: \d+)$", re.IGNORECASE)
_PLAIN_ID = re.compile(r"(?:^|[^a-z])(?:ids?|[ug]uid)$", re.IGNORECASE)
_CAMEL_ID = re.compile(r"[a-z](?:Id|ID|Key|Uuid|UUID)$")
# objectid, FIRMID; but for words that end so: paid, steroid, and these
_ONE_WORD_ID = re.compile(r"(?:^|[^a-z])([a-z]{3,}id)$", re.IGNORECASE)
_WORDS = (
    "acrid arachnid astrid bifid candid carotid covid cupid david druid enid eyelid fervid fetid florid fluid forbid frigid gravid "
    "hominid horrid humid hybrid ingrid insipid intrepid invalid languid limpid lipid liquid livid lucid lurid madrid morbid orchid "
    "outbid overbid pallid placid pyramid rabid rancid rapid rigid solid sordid splendid squalid squid stolid stupid tepid timid "
    "torpid torrid turbid underbid valid viscid vivid"
)
_NO_ID = ("aid", "oid", *_WORDS.split())
_RANDOM = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{16,}", re.IGNORECASE)
_MEASURED = re.compile(r"\A[+-]?\d*[.,]\d+")  # decimals: 12.011, though a few cells be no numbers
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Reading:
    """How the texts of a column become numbers (``kind`` "number") or days since 1970 ("date"), learned from all its cells.

    units : those that may follow a number, "" = none. decimal_comma : "1,5" is one and a half. day_first : 3/4 is in April.
    iso : dates are written year first.
    """

    kind: Literal["number", "date"]
    units: tuple[str, ...] = ("",)
    decimal_comma: bool = False
    day_first: bool = False
    iso: bool = False

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Reading:
        """Of its fields, as JSON has them."""
        return cls(**{**value, "units": tuple(value["units"])})

    def read(self, column: pd.Series[Any]) -> Floats:
        """(n,) numbers or days of n cells; NaN where a cell is blank or does not read as the column's others do."""
        kind_of_dtype = column.dtype.kind if hasattr(column.dtype, "kind") else "O"
        if kind_of_dtype in "iuf":
            return column.to_numpy(np.float64, na_value=np.nan)
        if kind_of_dtype in "mM":
            return _days(column)
        codes, levels = level_codes(column)
        if self.kind == "number":
            found = [split_number(level) for level in levels]
            values = [
                to_float(one[0], decimal_comma=self.decimal_comma) if one and one[1] in self.units else np.nan
                for one in found
            ]
            return np.append(np.array(values, np.float64), np.nan)[codes]
        days = np.full(len(levels) + 1, np.nan)
        like = np.flatnonzero([_DATE.fullmatch(level) is not None for level in levels])
        if len(like):
            texts = pd.Series([levels[at] for at in like.tolist()])
            how: dict[str, Any] = {"format": "ISO8601"} if self.iso else {"format": "mixed", "dayfirst": self.day_first}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                days[like] = _days(pd.to_datetime(texts, errors="coerce", utc=True, **how).dt.tz_localize(None))
        return days[codes]


@dataclass(frozen=True)
class Cells:
    """One column of N cells.

    The kinds: ``empty`` (every cell blank), ``constant`` (one value, no blanks), ``identifier`` (tells rows apart and says
    nothing else), ``number``, ``date``, ``category`` (few levels), ``string`` (many levels) and ``text`` (prose).
    """

    name: str
    kind: Kind
    blank: NDArray[np.bool_]  # (N,) NaN, None, white space, "N/A" and the like
    numbers: Floats | None = None  # (N,) numbers, or days since 1970; NaN = blank or unreadable; may hold +-inf
    codes: NDArray[np.int64] | None = None  # (N,) index into levels, -1 = blank; None for native numbers and dates
    levels: tuple[str, ...] = ()  # distinct values as text, ends stripped, sorted
    reading: Reading | None = None  # of numbers and dates that were written as text


def read_cells(column: pd.Series[Any], name: str) -> Cells:
    """What a column holds. Cost: O(N) to find the distinct values, then O(distinct values) in Python."""
    kind_of_dtype = column.dtype.kind if hasattr(column.dtype, "kind") else "O"
    if kind_of_dtype in "iuf":
        return _native(column.to_numpy(np.float64, na_value=np.nan), name, "number")
    if kind_of_dtype in "mM":
        return _native(_days(column), name, "date")
    codes, levels = level_codes(column)
    blank = codes < 0
    if not levels:
        return Cells(name, "empty", blank, None, codes)
    if len(levels) == 1 and not blank.any():
        return Cells(name, "constant", blank, None, codes, levels)
    counts = np.bincount(codes[~blank], minlength=len(levels))
    parsed = _parse_numbers(levels, counts) or _parse_dates(levels, counts)
    if parsed is None:
        return Cells(name, _string_kind(levels, counts, name), blank, None, codes, levels)
    numbers, reading = parsed
    return _native(np.append(numbers, np.nan)[codes], name, reading.kind, blank, codes, levels, reading)


def reads_alone(text: str) -> bool:
    """Could this cell be a number or a date, whatever stands beside it? Cost: a microsecond."""
    return split_number(text) is not None or _DATE.fullmatch(text) is not None


def split_number(text: str) -> tuple[str, str] | None:
    """("1,234.5", "oz") of "1,234.5 oz.": digits as written and the unit's first word in lower case; None if not a number."""
    found = _NUMBER.fullmatch(text) if len(text) <= LONGEST_NUMBER else None
    if found is None:
        return None
    digits, unit = found[1].strip(), (found[2] or "").lower().split()
    if any(mark in digits for mark in ",' ") and not (
        _GROUPED.fullmatch(digits) or _DECIMAL_COMMA.fullmatch(digits) or _DOTTED.fullmatch(digits)
    ):
        return None
    return digits, unit[0].rstrip(".") if unit else ""


def to_float(digits: str, *, decimal_comma: bool = False) -> float:
    """The number that `split_number` found."""
    for mark in "' ." if decimal_comma else "' ":
        digits = digits.replace(mark, "")
    return float(digits.replace(",", "." if decimal_comma else ""))


def has_decimal_comma(digits: Sequence[str]) -> bool:
    """Whether commas in these numbers of one column separate decimals: some comma cannot separate thousands, and no dot does
    but for thousands."""
    if any(_DOTTED.fullmatch(one) for one in digits):
        return not any("." in one.partition(",")[2] for one in digits)
    with_comma = [one for one in digits if "," in one]
    return any(not _GROUPED.fullmatch(one) for one in with_comma) and not any("." in one for one in with_comma)


def _native(
    values: Floats,
    name: str,
    kind: Literal["number", "date"],
    blank: NDArray[np.bool_] | None = None,
    codes: NDArray[np.int64] | None = None,
    levels: tuple[str, ...] = (),
    reading: Reading | None = None,
) -> Cells:
    blank = np.isnan(values) if blank is None else blank
    known = values[~np.isnan(values)]
    found: Kind = kind
    if not len(known):
        found = "empty"
    elif not blank.any() and len(known) == len(values) and (known == known[0]).all():
        found = "constant"
    elif kind == "number" and _is_running_number(known, name):
        found = "identifier"
    return Cells(name, found, blank, values, codes, levels, reading)


def _days(column: pd.Series[Any]) -> Floats:
    """Days since 1970, or days of a duration."""
    times = column.to_numpy()
    if times.dtype == object:  # with a time zone
        times = pd.to_datetime(column, utc=True).dt.tz_localize(None).to_numpy()
    seconds = times.astype(f"{times.dtype.kind}8[us]")
    values = seconds.astype(np.int64) / 86_400e6
    return np.where(np.isnat(seconds), np.nan, values)


def level_codes(column: pd.Series[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """(N,) codes, -1 = blank, and the distinct texts, sorted, white space at the ends removed, words for blank left out."""
    try:
        raw, distinct = pd.factorize(column.astype(object))
    except TypeError:  # lists and other values without a hash
        raw, distinct = pd.factorize(column.map(str, na_action="ignore").astype(object))
    texts = [str(value).strip() for value in distinct]
    texts = ["" if text.casefold() in BLANK else text for text in texts]
    levels = sorted(set(texts) - {""})
    number = {text: code for code, text in enumerate(levels)}
    lookup = np.array([*(number.get(text, -1) for text in texts), -1], np.int64)
    return lookup[raw], tuple(levels)


def _parse_numbers(levels: tuple[str, ...], counts: NDArray[np.int64]) -> tuple[Floats, Reading] | None:
    """A number a level, NaN where there is none, and how they are read; None if this is not a column of numbers."""
    split = [split_number(level) for level in levels]
    wordy = sorted(
        (int(count) for count, level in zip(counts, levels, strict=True) if not _DIGITS.search(level)), reverse=True
    )
    total = int(counts.sum())
    readable = sum(int(count) for count, found in zip(counts, split, strict=True) if found)
    if (
        not readable
        or readable < MIN_NUMERIC * (total - sum(wordy[:PLACEHOLDERS]))
        or 2 * readable < total - sum(wordy[:1])
    ):
        return None
    units: dict[str, list[int]] = {}
    for level, found in enumerate(split):
        if found:
            units.setdefault(found[1], []).append(level)
    # a unit goes with several numbers; "1st", "2nd" or "12 Main Street" are names
    good = {
        unit
        for unit, held in units.items()
        if counts[held].sum() >= MIN_UNIT * readable and (not unit or len(held) > 2)
    }
    kept = [level for unit in sorted(good) for level in units[unit]]
    digits = {level: found[0] for level in kept if (found := split[level])}
    coded = sum(int(counts[level]) for level in kept if _CODE.fullmatch(digits[level]))
    if counts[kept].sum() < MIN_NUMERIC * readable or coded > (1 - MIN_NUMERIC) * readable / 2:
        return None
    comma = has_decimal_comma(list(digits.values()))
    numbers = np.full(len(levels), np.nan)
    for level in kept:
        numbers[level] = to_float(digits[level], decimal_comma=comma)
    return numbers, Reading("number", tuple(sorted(good)), comma)


def _parse_dates(levels: tuple[str, ...], counts: NDArray[np.int64]) -> tuple[Floats, Reading] | None:
    """Days since 1970 a level, NaN where there is no date, and how they are read; None if this is not a column of dates."""
    like = np.array([_DATE.fullmatch(level) is not None for level in levels])
    if counts[like].sum() < MIN_NUMERIC * counts.sum():
        return None
    texts = pd.Series([level for level, good in zip(levels, like, strict=True) if good])
    parts = texts.str.extract(r"^(\d{1,2})[-/.](\d{1,2})[-/.]").apply(pd.to_numeric)
    dayfirst = bool(
        (parts[0] > 12).sum() > (parts[1] > 12).sum()
    )  # a slip such as 13/45 must not turn the others round
    iso = texts.str.match(r"\d{4}-\d\d-\d\d").all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns of mixed formats, which are asked for
        how = {"format": "ISO8601"} if iso else {"format": "mixed", "dayfirst": dayfirst}
        if not iso:
            one_format = pd.to_datetime(texts, errors="coerce", utc=True, dayfirst=dayfirst)
            how = {} if one_format.notna().all() else how
        found = pd.to_datetime(texts, errors="coerce", utc=True, **how) if how else one_format
    days = np.full(len(levels), np.nan)
    days[like] = _days(found.dt.tz_localize(None))
    if counts[~np.isnan(days)].sum() < MIN_NUMERIC * counts.sum():
        return None
    return days, Reading("date", day_first=dayfirst, iso=bool(iso))


def _is_running_number(known: Floats, name: str) -> bool:
    """Integers that hardly repeat and fill their range, or are named like an identifier."""
    if len(known) < MIN_ROWS or not np.isfinite(known).all() or (known != np.floor(known)).any():
        return False
    distinct = len(np.unique(known))
    if distinct < MIN_DISTINCT * len(known):  # ids of things that come again are no measurement either
        return distinct >= MOSTLY_DISTINCT * len(known) and bool(_PLAIN_ID.search(name) or _CAMEL_ID.search(name))
    return bool(known.max() - known.min() < SPREAD * distinct) or named_like_id(name)


def named_like_id(name: str) -> bool:
    """Whether a column is called an identifier: "id", "order_id", "orderId", "objectid"; not "paid" or "humid"."""
    word = _ONE_WORD_ID.search(name)
    one_word = word is not None and not word[1].lower().endswith(_NO_ID)
    return one_word or bool(_ID_NAME.search(name) or _CAMEL_ID.search(name))


def _string_kind(levels: tuple[str, ...], counts: NDArray[np.int64], name: str) -> Kind:
    n = int(counts.sum())
    if n >= MIN_ROWS and len(levels) >= MIN_DISTINCT * n and _are_codes(levels, name):
        return "identifier"
    if len(levels) <= FEW_LEVELS and 2 * len(levels) <= n + 2:
        return "category"
    words = np.array([level.count(" ") + 1 for level in levels])
    return "text" if words @ counts >= PROSE * n else "string"


def _are_codes(levels: tuple[str, ...], name: str) -> bool:
    """Random keys, or one or two patterns filled with different digits."""
    if sum(_RANDOM.fullmatch(level) is not None for level in levels) >= MIN_DISTINCT * len(levels):
        return True
    if sum(_MEASURED.fullmatch(level) is not None for level in levels) > len(levels) / 2:
        return False
    if len({_DIGITS.sub("0", level) for level in levels}) <= TEMPLATES:
        return True
    return named_like_id(name) and not any(" " in level for level in levels)
