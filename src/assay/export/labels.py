"""Corrected labels in the label column as it came: its own type, its categories, its class codes.

In: the column, corrected labels as values. Out: the column with them in it. Does not know: who decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import UsageError

SEPARATOR = "|"  # between two labels in a form that knows no lists


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values of a column."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def final_labels(
    column: pa.ChunkedArray, corrected: NDArray[np.object_], name: str, new: Sequence[Any] | None = None
) -> pa.ChunkedArray:
    """The label column with the corrections in it, in the type that it has.

    ``new``: every label that may be among the corrections of any batch; categories then stay categories, with the new
    ones behind the old. Without it they become their values.
    """
    kind = column.type
    values = plain_type(kind)
    if pa.types.is_dictionary(kind) and new is not None:
        return _categories(column, corrected, name, new)
    if all(label is None for label in corrected) and (new is not None or kind == values):
        return column
    plain = column.cast(values) if kind != values else column
    chosen = typed_labels(corrected.tolist(), values, name)
    valid = pc.is_valid(chosen)
    if pa.types.is_string_view(values):
        text = pc.if_else(valid, chosen.cast(pa.large_string()), plain.cast(pa.large_string()))
        return text.cast(values)
    return pc.if_else(valid, chosen, plain)


def _categories(
    column: pa.ChunkedArray, corrected: NDArray[np.object_], name: str, new: Sequence[Any]
) -> pa.ChunkedArray:
    kind = column.type
    whole = column.combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    old = whole.dictionary
    added = typed_labels(list(new), kind.value_type, name)
    fresh = added.filter(pc.invert(pc.is_in(added, value_set=old)))
    levels = pa.concat_arrays([old, fresh]) if len(fresh) else old
    chosen = pc.index_in(typed_labels(corrected.tolist(), kind.value_type, name), value_set=levels, skip_nulls=True)
    codes = pc.if_else(pc.is_valid(chosen), chosen.cast(pa.int64()), whole.indices.cast(pa.int64()))
    index = kind.index_type if len(levels) <= 1 << (kind.index_type.bit_width - 1) else pa.int32()
    array = pa.DictionaryArray.from_arrays(codes.cast(index), levels, ordered=kind.ordered)
    return pa.chunked_array([array])


def with_second(
    column: pa.ChunkedArray, second: NDArray[np.object_], name: str, *, listed: bool
) -> pa.ChunkedArray | pa.Array:
    """The label column with one or two labels a row: lists of values, or text with `SEPARATOR` between; null stays null.

    ``column`` holds values, no class codes; ``second`` (N,) the label beside that of the row, None = there is none.

    Raises
    ------
    UsageError
        the separator is in a label, so that nobody could tell one label from two.
    """
    kind = plain_type(column.type)
    first = column.cast(kind).to_pylist() if kind != column.type else column.to_pylist()
    rows = [
        None if one is None else [one, *([] if two is None else [two])] for one, two in zip(first, second, strict=True)
    ]
    if listed:
        return pa.array(
            [None if row is None else typed_labels(row, kind, name).to_pylist() for row in rows], pa.list_(kind)
        )
    texts = [None if row is None else [str(label) for label in row] for row in rows]
    odd = next((label for row in texts if row is not None for label in row if SEPARATOR in label), None)
    if odd is not None:
        raise UsageError(
            f"the label {odd!r} holds {SEPARATOR!r}, which stands between two labels here; write Parquet, Arrow or JSON"
        )
    return pa.array([None if row is None else SEPARATOR.join(row) for row in texts], pa.string())


def coded_labels(column: pa.ChunkedArray, corrected: NDArray[np.object_], names: Sequence[str]) -> pa.ChunkedArray:
    """A column of class codes with the corrections in it; ``names`` in the order of the codes, new ones included."""
    code = {label: number for number, label in enumerate(names)}
    chosen = pa.array([None if label is None else code[str(label)] for label in corrected], column.type)
    return pc.if_else(pc.is_valid(chosen), chosen, column)


def typed_labels(labels: list[Any], kind: pa.DataType, name: str) -> pa.Array:
    """Labels in the type of their column; text that reads as a number becomes one where the column holds numbers."""
    cut = next((x for x in labels if isinstance(x, float) and not x.is_integer()), None)
    if cut is not None and pa.types.is_integer(kind):  # Arrow would cut it off without a word
        raise UsageError(f"the new label {cut!r} does not fit the label column {name!r}, which holds whole numbers")
    try:
        return pa.array(labels, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        pass
    try:
        return pa.array([label if label is None else str(label) for label in labels], pa.string()).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(
            f"a new label does not fit the label column {name!r}, which holds values of type {kind}: {error}"
        ) from error
