"""Which rows a condition on a column means: a range, values, a text it contains, blank.

In: a table, a `Condition`. Out: (N,) bool. Does not know: other keys of a filter, decisions.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.dataset.target import Label
from assay.errors import UsageError
from assay.query import search
from assay.query.filters import Condition
from assay.query.table import Flags, ReviewTable
from assay.query.values import Coded, among, any_of, label_codes

LARGEST = 1.7e308  # JSON has whole numbers beyond every float
PLAIN_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")  # a year, a month, a day
Keep = Callable[[Any, Callable[[], Flags]], Flags]


def at_once(_: Any, make: Callable[[], Flags]) -> Flags:
    """Compute the mask now: the ``keep`` of who has no cache."""
    return make()


def condition_mask(table: ReviewTable, condition: Condition, keep: Keep = at_once) -> Flags:
    """(N,) rows for which one condition holds; a blank cell fulfils no condition but ``blank``."""
    values, kind = table.column(condition.column), table.kind(condition.column)
    where = f"the column {condition.column!r} is a {kind} column"
    if condition.blank is not None:
        return _blank(values) == condition.blank
    if condition.contains is not None:
        if kind not in ("text", "category", "id", "label"):
            raise UsageError(f"{where}, and contains is for texts, categories, labels and ids")
        needle = condition.contains
        return keep(("contains", condition.column, needle.lower()), lambda: contains(values, needle))
    if condition.among is not None:
        return _in(values, condition.among, where)
    if kind not in ("number", "score", "date") or not isinstance(values, np.ndarray):
        raise UsageError(f"{where}, and min and max are for numbers, scores and dates")
    return _between(values, condition, where)


def contains(values: Any, needle: str) -> Flags:
    """(N,) cells that contain a text, whatever the case of its letters."""
    if isinstance(values, Coded):
        wanted = needle.lower()
        return among(
            values.codes, [at for at, v in enumerate(values.levels) if wanted in str(v).lower()], len(values.levels)
        )
    strings = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
    return search.contains(values if strings else values.cast(pa.string()), needle)


def _in(values: Any, among_these: tuple[Label | None, ...], where: str) -> Flags:
    if isinstance(values, Coded):
        return among(values.codes, label_codes(list(values.levels), among_these), len(values.levels))
    if isinstance(values, np.ndarray) and values.dtype == bool:
        if any(not isinstance(value, bool) for value in among_these):
            raise UsageError(f"{where}: its values are true and false")
        return any_of([values == value for value in among_these], len(values))
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        known = [_date(value, where) for value in among_these if value is not None]
        return any_of([values == value for value in known] + [np.isnat(values)] * (None in among_these), len(values))
    if isinstance(values, np.ndarray):
        if any(value is not None and not _number(value) for value in among_these):
            raise UsageError(f"{where}: its values are numbers")
        numbers = [value for value in among_these if value is not None]
        return np.isin(values, np.array(numbers, values.dtype)) | (np.isnan(values) & (None in among_these))
    try:
        wanted = pa.array([value for value in among_these if value is not None], values.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise UsageError(f"{where}: its values are of the type {values.type}") from error
    found = np.asarray(pc.is_in(values, value_set=wanted).to_numpy(), bool)
    return found | _blank(values) if None in among_these else found


def _between(values: NDArray[Any], condition: Condition, where: str) -> Flags:
    date = values.dtype.kind == "M"
    mask = ~np.isnat(values) if date else ~np.isnan(values)
    for bound, compare in ((condition.min, np.greater_equal), (condition.max, np.less_equal)):
        if bound is None:
            continue
        if date:
            mask &= compare(values, _date(bound, where, end=compare is np.less_equal))
        elif _number(bound):
            mask &= compare(values, bound)
        else:
            raise UsageError(f"{where}: min and max must be numbers, not {bound!r}")
    return mask


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _date(value: Any, where: str, *, end: bool = False) -> Any:
    """A date as written, in UTC; ``end``: the last microsecond of a day, month or year."""
    try:
        if not isinstance(value, str):
            raise ValueError(value)
        if PLAIN_DATE.fullmatch(value):
            exact: Any = np.datetime64(value)
            return np.datetime64(exact + 1, "us") - np.timedelta64(1, "us") if end else np.datetime64(exact, "us")
        moment = datetime.datetime.fromisoformat(value)
    except ValueError as error:
        raise UsageError(f'{where}: a date is written "2024-05-31" or "2024-05-31T12:00:00", not {value!r}') from error
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return np.datetime64(moment, "us")


def _blank(values: Any) -> Flags:
    if isinstance(values, Coded):
        return values.codes < 0
    if isinstance(values, np.ndarray):
        if values.dtype == bool:
            return np.zeros(len(values), bool)
        return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)
    empty = pc.equal(pc.utf8_length(values), 0) if pa.types.is_string(values.type) else values.is_null()
    return np.asarray(empty.fill_null(True).to_numpy(), bool)
