"""Cells that their own column makes hard to believe: numbers far beyond its range, values that hardly any row holds.

In: the columns of a table as `Cells`. Out: `UnusualCells`: a strength and a sentence a row, and the columns where so many
cells lie apart that they are one finding. Does not know: labels, distances between rows, files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.encode.cells import Cells, Reading, level_codes
from assay.issues.tail import ENOUGH, START, STOP, Tail, fit_tail

Floats = NDArray[np.float64]

EXPECTED = 0.05  # tables without a strange number in which one is found, columns and ends counted
CLUMP = 3  # values beyond a gap that count as so many independent ones at most
RARE_SHARE = 0.005  # of the rows: values that more rows hold together are not rare
RARE_P = 0.003  # see `_rare_values`
MANY = 0.01  # of a column's rows beyond one end of it: so many are one finding, not so many outliers
MANY_ROWS = 10  # and at least so many
STEEP = 3.0  # a third of the range of 96 of 100 values is the scale where no tail can be fitted: columns of few numbers
SET_OFF = 0.3  # of the distance between the least and the 20th centile of the other numbers
SMALLEST = 1e-30  # probabilities below are alike
SHOWN = 3  # usual values in a sentence
VALUES = ("category", "string")
USED = ("number", "date", *VALUES)
NAMED, OUTER = 2, 0.1  # cells named of a row that is flagged as a whole, of so many rows least usual in their column


@dataclass(frozen=True)
class CommonCause:
    """Many rows beyond one end of a column."""

    column: str
    rows: NDArray[np.int64]
    message: str


@dataclass(frozen=True)
class CellBounds:
    """Where the cells of a column begin to be unusual, for cells that were not there.

    below, above : numbers (days since 1970 of dates) up to the one and from the other on; infinite where none is.
    small : where all numbers are above zero, those above zero up to this, by their logarithm; 0 where none is.
    rare : values that hardly any row holds. levels : all values, where one that no row holds is unusual; else None.
    reading : how texts become numbers; None of values and of numbers that came as such.
    """

    name: str
    kind: str
    below: float = -np.inf
    above: float = np.inf
    small: float = 0.0
    rare: tuple[str, ...] = ()
    levels: tuple[str, ...] | None = None
    reading: Reading | None = None

    def unusual(self, column: pd.Series[Any]) -> NDArray[np.bool_]:
        """(n,) of n other cells; False where one is blank or cannot be read."""
        if self.kind in VALUES:
            codes, levels = level_codes(column)
            known = None if self.levels is None else set(self.levels)
            strange = [level in self.rare or (known is not None and level not in known) for level in levels]
            return np.array([*strange, False])[codes]
        numbers = (self.reading or Reading("date" if self.kind == "date" else "number")).read(column)
        return (numbers <= self.below) | (numbers >= self.above) | ((numbers > 0) & (numbers <= self.small))

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads; infinities as None."""
        ends = {
            name: None if np.isinf(value) else value for name, value in (("below", self.below), ("above", self.above))
        }
        return asdict(self) | ends

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CellBounds:
        """The inverse of `to_json`."""
        reading = value["reading"]
        return cls(
            value["name"],
            value["kind"],
            -np.inf if value["below"] is None else value["below"],
            np.inf if value["above"] is None else value["above"],
            value["small"],
            tuple(value["rare"]),
            None if value["levels"] is None else tuple(value["levels"]),
            None if reading is None else Reading.from_json(reading),
        )


@dataclass(frozen=True)
class UnusualCells:
    """``strength`` (N,) float: orders of magnitude beyond the cut, 0 = no unusual cell. ``reason`` row -> sentence.
    ``bounds``: of the columns that were looked at."""

    strength: Floats
    reason: dict[int, str] = field(default_factory=dict)
    common: list[CommonCause] = field(default_factory=list)
    bounds: list[CellBounds] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of one column with an unusual cell, and how unlikely one is; ``end`` tells causes apart."""

    rows: NDArray[np.int64]
    p: Floats  # probability of such a cell in one column, over the cut
    end: str  # "above", "below", "rare"
    first: float = np.inf  # of numbers: where a further one would be unusual, beyond those of ``rows``
    small: float = 0.0  # as in `CellBounds`


def unusual_cells(columns: Sequence[Cells]) -> UnusualCells:
    """The rows that hold an unusual cell.

    Numbers and dates: those beyond a gap that one table in twenty would have, see `_apart`. Values: see `_rare_values`.
    Where over 1 % of a column (and ten rows) lie beyond one gap, none of them is unusual: they are one `CommonCause`.

    Under 30 rows nothing is unusual. Cost: O(N log N) a column.
    """
    n = len(columns[0].blank) if columns else 0
    strength = np.zeros(n)
    found = UnusualCells(strength)
    used = [column for column in columns if column.kind in USED]
    if n < ENOUGH or not used:
        return found
    for column in used:
        parts = _numbers(column, len(used)) if column.kind in ("number", "date") else [_values(column, len(used))]
        many = [part for part in parts if part.end != "rare" and len(part.rows) > max(MANY_ROWS, MANY * n)]
        found.common.extend(CommonCause(column.name, part.rows, _common(column, part)) for part in many)
        few = [part for part in parts if part not in many]
        found.bounds.append(
            _bounds_of_numbers(column, few) if column.kind not in VALUES else _bounds_of_values(column, few, len(used))
        )
        for part in few:
            if not len(part.rows):
                continue
            more = -np.log10(np.maximum(part.p, SMALLEST))
            stronger = more > strength[part.rows]
            strength[part.rows[stronger]] = more[stronger]
            sentence = _sentences(column, part)
            found.reason.update({row: sentence(row) for row in part.rows[stronger].tolist()})
    return found


def least_usual(columns: Sequence[Cells], rows: NDArray[np.int64]) -> list[str]:
    """For each of ``rows`` its two least usual cells with what is usual, "" where none is in a column's outer tenth.

    How usual: the share of rows that hold a value as rare, or a number as far from the middle on the same side, or are blank there.
    Cost: O(N log N) a column.
    """
    used = [column for column in columns if column.kind in USED]
    if not used or not len(rows):
        return [""] * len(rows)
    shares = np.stack([_share_as_rare(column, rows) for column in used], axis=1)  # (rows, columns)
    out = []
    for row, share in zip(rows.tolist(), shares, strict=True):
        chosen = [which for which in np.argsort(share, kind="stable")[:NAMED].tolist() if share[which] <= OUTER]
        one = np.array([row])
        told = []
        for which in chosen:
            column = used[which]
            if column.blank[row]:
                blank = int(column.blank.sum())
                told.append(f"{column.name} is blank, as in {blank:,} of {len(column.blank):,} rows")
            else:
                part = _Part(one, share[[which]], "rare" if column.kind in VALUES else "far")
                told.append(_sentences(column, part)(row)[:-1])
        out.append("; ".join(told))
    return out


def _share_as_rare(column: Cells, rows: NDArray[np.int64]) -> Floats:
    """(rows,) share of known cells at least as unusual; of blank ones the share of blank cells."""
    out = np.where(column.blank[rows], column.blank.mean(), 1.0)
    if column.kind in VALUES:
        assert column.codes is not None
        codes = column.codes
        counts = np.bincount(codes[codes >= 0], minlength=len(column.levels))
        known = codes[rows] >= 0
        held = counts[codes[rows[known]]]
        ordered = np.sort(counts)
        out[known] = np.cumsum(ordered)[np.searchsorted(ordered, held, side="right") - 1] / counts.sum()
        return out
    assert column.numbers is not None
    ordered = np.sort(column.numbers[np.isfinite(column.numbers)])
    known = np.isfinite(column.numbers[rows])
    value = column.numbers[rows[known]]
    below = np.searchsorted(ordered, value, side="right")
    above = len(ordered) - np.searchsorted(ordered, value, side="left")
    out[known] = np.minimum(2 * np.minimum(below, above) / max(len(ordered), 1), 1)
    return out


def _numbers(column: Cells, columns: int) -> list[_Part]:
    """Both ends of a column of numbers, of ``columns`` in all."""
    assert column.numbers is not None
    known = np.flatnonzero(np.isfinite(column.numbers))
    values = column.numbers[known]
    if len(known) < ENOUGH or np.ptp(values) <= 0:
        return []
    parts = []
    # a price of 12 among prices in thousands is as far below them as one of millions is above: by its logarithm
    ratios = column.kind == "number" and bool((values > 0).all())
    tried = (2 + ratios) * columns / EXPECTED
    for end, sign in (("above", 1), ("below", -1)):
        p, first = _apart(sign * values, tried)
        first, small = sign * first, 0.0
        if end == "below":
            negative, zero = _below_zero(values, columns / RARE_P)
            p, first = np.minimum(p, negative), max(first, zero)
            if ratios:
                logs, last = _apart(-np.log(values), tried)
                p, small = np.minimum(p, logs), max(float(np.exp(-last)), values[p < 1].max(initial=0.0))
        parts.append(_Part(known[p < 1], p[p < 1], end, first, small))
    return parts


def _apart(values: Floats, tried: float) -> tuple[Floats, float]:
    """(N,) ``tried`` times the probability that so many values or more lie so far above the next one, at least 1 in the body;
    and the least value at which a further one would be below 1, infinity where there is none.

    The cumulative hazards of a sample are exponential, and so are the gaps between the largest: the one below the k-th
    has the mean 1 / k (Renyi, 1953). Hazards are those of a tail between the 80th and the 98th centile that is never
    steeper than exponential: where a range ends is not believed. The widest gap
    between values of the body is taken off: numbers on a grid lie apart everywhere.
    """
    out = np.full(len(values), tried)
    low, start, stop = np.quantile(values, [1 - STOP, START, STOP]).tolist()
    beyond = values > stop
    most = int(beyond.sum())
    if not most or not stop > low:  # nearly all are equal: how far the others lie is compared with nothing
        return out, np.inf
    tail = _tail(values, low, start, stop)
    ordered = np.sort(values)[::-1]
    step = _step(np.append(np.sort(values[(values >= start) & ~beyond]), stop))
    top = ordered[: most + 1]
    hazard = tail.hazard(top)
    gap = np.maximum(tail.hazard(np.maximum(top[:-1] - step, top[1:])) - hazard[1:], 0)
    k = np.arange(1, most + 1)
    # values that come in clumps are not independent: many behind a small gap are a mode. Every k is looked at
    p = np.minimum(np.exp(-np.minimum(k, CLUMP) * gap) * k * (k + 1), 1.0)
    p = np.minimum.accumulate(p[::-1])[::-1] * tried  # the farther ones are beyond the same gap
    out[np.argsort(-values, kind="stable")[:most]] = p
    last = hazard[int((p < 1).sum())]  # of the farthest value that is usual
    return out, step + tail.value_at((1 - START) * float(np.exp(-last)) / (2 * tried))


def _tail(values: Floats, low: float, start: float, stop: float) -> Tail:
    tail = fit_tail(values)
    if tail is None:  # the centiles are equal: a column of few numbers
        return Tail(stop, (stop - low) / STEEP, 0.0)
    if tail.shape > 0:
        return tail
    return Tail(start, (stop - start) / float(np.log((1 - START) / (1 - STOP))), 0.0)


def _step(body: Floats) -> float:
    """The widest gap between neighbouring values of the body's outer part, sorted."""
    return float(np.diff(body).max()) if len(body) > 1 else 0.0


def _below_zero(values: Floats, tried: float) -> tuple[Floats, float]:
    """(N,) ``tried`` times the squared share of the negative numbers where they are rare and set off, else ``tried``; and the
    largest number that would be one of those."""
    out = np.full(len(values), tried)
    negative = values < 0
    share = float(max(negative.sum(), 1)) / len(values)
    if share > RARE_SHARE or (values == 0).any() or negative.all():
        return out, -np.inf
    least, above = np.quantile(values[~negative], [0.0, 0.2]).tolist()
    # ages of a few months below zero would follow on the others
    first = least - SET_OFF * (above - least)
    if negative.any() and values[negative].max() >= first:
        return out, -np.inf
    out[negative] = share**2 * tried
    return out, float(min(np.nextafter(first, -np.inf), np.nextafter(0.0, -1.0))) if share**2 * tried < 1 else -np.inf


def _bounds_of_numbers(column: Cells, parts: Sequence[_Part]) -> CellBounds:
    assert column.numbers is not None
    below, small, above = -np.inf, 0.0, np.inf
    for part in parts:
        held = column.numbers[part.rows]
        if part.end == "above":
            above = min(held.min(initial=np.inf), part.first)
        else:
            below, small = part.first if part.small else max(held.max(initial=-np.inf), part.first), part.small
    return CellBounds(column.name, column.kind, float(below), float(above), float(small), reading=column.reading)


def _bounds_of_values(column: Cells, parts: Sequence[_Part], columns: int) -> CellBounds:
    assert column.codes is not None
    rare = np.unique(column.codes[np.concatenate([part.rows for part in parts])])
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels))
    unseen = _rare_values(np.append(counts, 1))[-1] * columns < RARE_P
    names = tuple(column.levels[code] for code in rare)
    return CellBounds(column.name, column.kind, rare=names, levels=tuple(column.levels) if unseen else None)


def _values(column: Cells, columns: int) -> _Part:
    assert column.codes is not None
    known = np.flatnonzero(column.codes >= 0)
    codes = column.codes[known]
    p = _rare_values(np.bincount(codes, minlength=len(column.levels))) * columns
    rare = p[codes] < RARE_P
    return _Part(known[rare], p[codes[rare]] / RARE_P, "rare")


def _rare_values(counts: NDArray[np.int64]) -> Floats:
    """(levels,) share of rows that hold such a rare value, times how far below the next commoner value they all stay.

    Where one value in five hundred rows is a typing error and the next has eighty, that is little; in a column where many
    values come once, twice or three times it is not: there most rows hold a rare value.
    """
    out = np.ones(len(counts))
    order = np.argsort(counts, kind="stable")
    ordered = counts[order]
    last = np.flatnonzero(np.diff(ordered, append=ordered[-1:] + 1) > 0)  # of each group of equally rare values
    together = np.cumsum(ordered)[last]
    total = int(ordered.sum())
    following = np.append(ordered[last[:-1] + 1], 0)
    small = (together <= RARE_SHARE * total) & (following > 0)
    p = np.where(small, together / max(total, 1) * np.minimum(together / np.maximum(following, 1), 1), 1.0)
    p = np.minimum.accumulate(p[::-1])[::-1]  # a rarer value belongs to every larger group of rare ones
    group = np.searchsorted(last, np.arange(len(ordered)))
    out[order] = p[group]
    return out


def _common(column: Cells, part: _Part) -> str:
    assert column.numbers is not None
    values = column.numbers[part.rows]
    low, high = (_told(column, value) for value in (values.min(), values.max()))
    which = low if low == high else f"{low} to {high}"
    return (
        f"the column “{column.name}” holds {which} in {len(part.rows):,} rows, apart from its usual range "
        f"({_told_range(column, *_bounds(column, part.rows))}); so many are one cause, and none of them is flagged for it"
    )


def _sentences(column: Cells, part: _Part) -> Any:
    """row -> "Born is 1893; usual: 1943 to 1992."."""
    if part.end == "rare":
        assert column.codes is not None
        codes, levels = column.codes, column.levels
        counts = np.bincount(codes[codes >= 0], minlength=len(levels))
        usual_ones = counts.copy()
        usual_ones[codes[part.rows]] = 0
        order = [code for code in np.argsort(-usual_ones, kind="stable")[:SHOWN] if usual_ones[code]]
        commonest = ", ".join(_cut(levels[code]) for code in order)

        def rare(row: int) -> str:
            held, code = int(counts[codes[row]]), codes[row]
            rows = "rows holds" if held == 1 else "rows hold"
            return (
                f"{column.name} is “{_cut(levels[code])}”, which {held:,} of {int(counts.sum()):,} {rows}; "
                f"the usual ones: {commonest}."
            )

        return rare
    low, high = _bounds(column, part.rows)
    assert column.numbers is not None
    numbers = column.numbers
    share = dict(zip(part.rows.tolist(), part.p.tolist(), strict=True))

    def number(row: int) -> str:
        value = float(numbers[row])
        if part.end == "far" and low <= value <= high:  # within what is usual, and yet near one end of it
            end = "highest" if 2 * (numbers > value).sum() < (numbers != value).sum() else "lowest"
            return f"{column.name} is {_told(column, value)}, among the {end} {max(1, round(50 * share[row]))}%."
        return f"{column.name} is {_told(column, value)}; usual: {_told_range(column, low, high)}."

    return number


def _bounds(column: Cells, without: NDArray[np.int64]) -> tuple[float, float]:
    """Between which 98 of 100 other rows lie."""
    assert column.numbers is not None
    keep = np.isfinite(column.numbers)
    keep[without] = False
    low, high = np.quantile(column.numbers[keep], [0.01, 0.99], method="nearest").tolist()
    return float(low), float(high)


def _told_range(column: Cells, low: float, high: float) -> str:
    return _told(column, low) if low == high else f"{_told(column, low)} to {_told(column, high)}"


def _told(column: Cells, value: float) -> str:
    if column.kind == "date":
        moment = pd.to_datetime(value, unit="D", errors="coerce")
        return "an impossible date" if moment is pd.NaT else f"{moment:%Y-%m-%d}"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value)}"
    return f"{value:.6g}"


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
