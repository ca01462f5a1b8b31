"""Columns in the form in which they are compared: numbers, dates, values by code, Arrow strings.

In: a column as Arrow. Out: numpy arrays, `Coded` or Arrow. Does not know: names, rows, whose column it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.dataset.target import Label
from assay.encode.cells import read_cells, reads_alone
from assay.sources.words import BLANK

FEW = 3  # values that are compared one by one rather than looked up
MOST_LEVELS = 5_000  # distinct values above which a column is text
SAMPLE, LONGEST = 200, 40  # cells that are looked at for digits, and characters of a number or date
DATE_MARKS = re.compile(r"\d[-/.:]\d+[-/.:]")
LOOKED_AT = 65_536  # rows by which a column of strings is judged a category or text


@dataclass(frozen=True)
class Coded:
    """A column of few values: (N,) positions in ``levels``, -1 = blank. ``rank``: (K,) place of each level when sorted."""

    codes: NDArray[np.int32]
    levels: Sequence[Label]
    rank: NDArray[np.int32]

    @classmethod
    def of(cls, codes: NDArray[np.int32], levels: Sequence[Label]) -> Coded:
        return cls(codes, levels, label_rank(levels))


Values: TypeAlias = "NDArray[Any] | Coded | pa.ChunkedArray"


def label_rank(levels: Sequence[Label]) -> NDArray[np.int32]:
    """(K,) place of each value in ascending order: numbers by value, strings by their UTF-8 bytes."""
    keys = [
        (0, level) if not isinstance(level, str) else (1, level.encode("utf-8", "surrogatepass")) for level in levels
    ]
    rank = np.empty(len(keys), np.int32)
    rank[sorted(range(len(keys)), key=lambda at: keys[at])] = np.arange(len(keys))
    return rank


def typed(column: pa.ChunkedArray, *, as_text: bool = False) -> Values:
    """A user's column as it can be compared: float64 (NaN = blank), datetime64[us] (NaT), `Coded`, or Arrow strings.

    Strings are numbers or dates where each that is not blank reads as one ("1.50", "1.234,5", "$3", "2021-03-04"); a category
    where the first `LOOKED_AT` rows repeat their values and the column has at most `MOST_LEVELS`.
    Cost: strings that all read as numbers or dates, some 3 microseconds a distinct value.
    """
    kind = column.type
    if pa.types.is_boolean(kind):
        codes = column.cast(pa.int32()).fill_null(-1).to_numpy()
        return Coded.of(np.asarray(codes, np.int32), [False, True])
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.asarray(column.cast(pa.float64()).fill_null(np.nan).to_numpy(), np.float64)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        plain = column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        blank = column.is_null().to_numpy()
        values = np.asarray(plain.fill_null(0).to_numpy()).astype("datetime64[us]")
        return np.where(blank, np.datetime64("NaT", "us"), values)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        column = column.cast(pa.string())
    read = None if as_text else _by_content(column)
    if read is not None:
        return read
    if as_text or not _repeats(column.slice(0, LOOKED_AT)):
        return column
    found = coded(column)
    return found if len(found.levels) <= MOST_LEVELS else column


def _by_content(column: pa.ChunkedArray) -> NDArray[Any] | None:
    """float64 or datetime64[us] of a column of strings that are numbers or dates, white space and words for blank aside."""
    if not _is_read(column.slice(0, SAMPLE)):
        return None
    values = column.to_pandas()
    read = read_cells(values, "")
    if read.numbers is None or (np.isnan(read.numbers) & ~read.blank).any():
        return None
    if read.kind == "date" or (read.kind == "constant" and DATE_MARKS.search(read.levels[0])):
        days = np.where(np.isnan(read.numbers), 0, read.numbers)
        times = np.round(days * 86_400e6).astype("datetime64[us]")
        return np.where(np.isnan(read.numbers), np.datetime64("NaT", "us"), times)
    return read.numbers


def _is_read(sample: pa.ChunkedArray) -> bool:
    """Whether a few strings let it seem worth while to read them all: most hold digits, they are short, and none of them but
    words for blank is neither number nor date: one such cell makes a column text.
    """
    texts = [text.strip() for text in sample.drop_null().to_pylist() if text.strip()]
    short = sum(len(text) <= LONGEST and any(letter.isdigit() for letter in text) for text in texts)
    return 2 * short >= max(len(texts), 1) and all(text.casefold() in BLANK or reads_alone(text) for text in texts)


def _repeats(column: pa.ChunkedArray) -> bool:
    distinct, filled = pc.count_distinct(column).as_py(), len(column) - column.null_count
    return bool(distinct <= max(20, min(filled // 2, MOST_LEVELS)))


def coded(column: pa.ChunkedArray) -> Coded:
    """A column of strings by its distinct values."""
    encoded = column.dictionary_encode().combine_chunks()
    return Coded.of(np.asarray(encoded.indices.fill_null(-1).to_numpy(), np.int32), encoded.dictionary.to_pylist())


def ends(values: Any) -> tuple[float | str | None, float | str | None]:
    """The least and the greatest value; dates in ISO form."""
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values[~np.isnat(values)]
    if not len(known):
        return None, None
    low, high = known.min(), known.max()
    if values.dtype.kind == "M":
        return str(low), str(high)
    return float(low), float(high)


# which rows -------------------------------------------------------------------------------------------------


def among(codes: NDArray[Any], wanted: Iterable[int], size: int) -> NDArray[np.bool_]:
    """(N,) codes (-1 .. size - 1) that are one of ``wanted``."""
    chosen = list(dict.fromkeys(wanted))
    if len(chosen) <= FEW:
        return any_of([codes == code for code in chosen], len(codes))
    lookup = np.zeros(size + 1, bool)  # code -1 is its last place
    lookup[chosen] = True
    return lookup[codes]


def any_of(masks: list[Any], n: int) -> NDArray[np.bool_]:
    """(n,) where one of the masks holds."""
    return np.logical_or.reduce(masks) if masks else np.zeros(n, bool)


def members(n: int, rows: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) the given places."""
    mask = np.zeros(n, bool)
    mask[rows] = True
    return mask


def label_codes(values: list[Label], labels: Iterable[Label | None]) -> list[int]:
    """Codes of those labels that there are: a class that a decision made may be gone with it."""
    code_of = {(isinstance(value, bool), value): code for code, value in enumerate(values)}
    found = [-1 if label is None else code_of.get((isinstance(label, bool), label)) for label in labels]
    return [code for code in found if code is not None]
