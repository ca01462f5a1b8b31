"""`label_issues`: label issues for people who bring labels and probabilities of their own model.

In: labels and pred_probs in any usual form. Out: a DataFrame in row order with the names of columns.py.
Does not know: how the probabilities were made. Everything a caller can get wrong about them is caught here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.columns import ROW_ID, columns_of
from assay.errors import ArrayError, UsageError
from assay.issues.confident_learning import filter_issues, quality
from assay.issues.label import judge_with_verdict, reasons
from assay.issues.scan import TOLERANCE, Scan, scan

Method = Literal[
    "assay",
    "prune_by_noise_rate",
    "prune_by_class",
    "both",
    "confident_learning",
    "predicted_neq_given",
    "low_normalized_margin",
    "low_self_confidence",
]
METHODS: tuple[str, ...] = get_args(Method)


def label_issues(
    labels: Any, pred_probs: Any, *, classes: Sequence[Any] | None = None, method: Method = "assay"
) -> pd.DataFrame:
    """Which given labels are likely wrong, from out-of-sample predicted probabilities.

    Parameters
    ----------
    labels : (N,) list, array, pandas or polars Series: class values, or class codes 0..K-1. None, NaN or a blank
        string = unlabelled.
    pred_probs : (N, K) out-of-sample probabilities: array, memory map (never held whole), pandas or polars DataFrame.
    classes : the class of each column. Default: a DataFrame's column names; 0..K-1 for codes; else the distinct labels
        in sorted order (scikit-learn's), where there are K of them.
    method : "assay", or the name of one of cleanlab's filters, which then flags the rows that cleanlab 2.9 flags, with
        the score of ``cleanlab.rank`` as ``label_quality``.

    Returns
    -------
    DataFrame with one row a label, in order, under the index of ``labels`` where it is a pandas Series. For "assay" all
    columns of kind "label" in `assay.columns`; for a filter those it can tell. ``attrs["verdict"]`` says what can be known
    of these labels at all: ``accuracy``, ``surest`` (of the surest tenth), ``at_most`` and ``bound`` where noise cannot
    be told from overlap, and ``withheld``: a sentence where nothing can be said, also in ``attrs["notes"]``. Then no row is
    flagged, suggested for, safe or well labelled; ``label_quality`` still ranks.

    Raises
    ------
    ArrayError
        shapes that do not fit, NaN, no probabilities, labels outside the classes.
    UsageError
        an unknown method.

    Cost: one read of ``pred_probs``, for the filters the disagreeing rows once more; see `assay.issues.label.find_label_issues`.

    See Also
    --------
    assay.analyze : makes the probabilities too.

    Examples
    --------
    >>> import assay
    >>> probs = [[.9, .1], [.8, .2], [.85, .15], [.1, .9], [.95, .05]]
    >>> found = assay.label_issues(["cat", "cat", "cat", "dog", "dog"], probs)
    >>> found["is_label_issue"].tolist()
    [False, False, False, False, True]
    >>> found["suggested_label"][4]
    'cat'
    """
    if method not in METHODS:
        raise UsageError(f"unknown method {method!r}; choose one of {', '.join(METHODS)}")
    probabilities, names = _probabilities(pred_probs, classes)
    given = _labels(labels, probabilities.shape, names)
    seen = scan(given.codes, probabilities)
    _check(seen, probabilities)
    index = labels.index if isinstance(labels, pd.Series) else None
    if method != "assay":
        return _frame(given, _filtered(given, probabilities, seen, method), index)
    found, known = judge_with_verdict(given.codes, seen)
    frame = _frame(given, found | {"label_issue_reason": reasons(found, given.codes, given.classes)}, index)
    frame.attrs["verdict"] = known.to_dict()
    frame.attrs["notes"] = [known.withheld] if known.withheld else []
    return frame


@dataclass(frozen=True)
class _Given:
    codes: NDArray[np.int32]
    classes: list[Any]


def _filtered(given: _Given, pred_probs: NDArray[Any], seen: Scan, method: str) -> dict[str, NDArray[Any]]:
    labels = given.codes
    flags = filter_issues(labels, pred_probs, seen, method)
    score = quality(labels, seen, method)
    other, other_prob = seen.other(labels)
    suggest = (flags | (labels < 0)) & (other >= 0)
    return {
        "predicted_label": seen.classes[:, 0],
        "predicted_label_confidence": seen.probs[:, 0],
        "is_label_issue": flags,
        "label_issue_score": 1 - score,
        "label_quality": score,
        "suggested_label": np.where(suggest, other, -1),
        "suggested_label_confidence_score": np.where(suggest, other_prob, np.nan),
    }


def _frame(given: _Given, found: dict[str, NDArray[Any]], index: pd.Index[Any] | None) -> pd.DataFrame:
    columns: dict[str, Any] = {ROW_ID: np.arange(len(given.codes)), "given_label": _values(given.codes, given.classes)}
    for name in (column.name for column in columns_of("label") if column.name in found):
        values = found[name]
        columns[name] = _values(values, given.classes) if values.dtype == np.int32 else values
    return pd.DataFrame(columns, index=index)


def _values(codes: NDArray[Any], classes: list[Any]) -> Any:
    """Class values of codes, -1 as missing; integers stay integers."""
    kinds = {type(value) for value in classes}
    if kinds == {int}:
        return pd.arrays.IntegerArray(np.array([*classes, 0], np.int64)[codes], codes < 0)
    values = np.empty(len(classes) + 1, object)
    values[:-1], values[-1] = classes, None
    dtype: Any = {frozenset({bool}): "boolean", frozenset({float}): "float64"}.get(frozenset(kinds))
    if dtype is None and kinds == {str}:
        return pd.Series(values[codes].tolist(), dtype="str").array
    return pd.array(values[codes], dtype=dtype) if dtype else values[codes]


# the boundary ------------------------------------------------------------------------------------------------


def _probabilities(pred_probs: Any, classes: Sequence[Any] | None) -> tuple[NDArray[Any], list[Any] | None]:
    names = None if classes is None else _plain(classes)
    if hasattr(pred_probs, "columns"):
        names = _plain(pred_probs.columns) if names is None else names
        pred_probs = pred_probs.to_numpy()
    try:
        array = pred_probs if isinstance(pred_probs, np.ndarray) else np.asarray(pred_probs)
    except ValueError as error:
        raise ArrayError(
            f"pred_probs must be an (N, K) array of numbers: its rows differ in length ({error})"
        ) from error
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise ArrayError(f"pred_probs must be an (N, K) array of numbers, not {array.ndim}-D of type {array.dtype}")
    if 0 in array.shape:
        raise ArrayError(f"pred_probs are empty: shape {array.shape}")
    if names is not None and len(names) != array.shape[1]:
        raise ArrayError(
            f"{len(names)} classes were given for {array.shape[1]} columns of pred_probs; give one each, in order"
        )
    if names is not None and len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ArrayError(f"the class {twice!r} was given for two columns of pred_probs")
    return array, names


def _check(seen: Scan, array: NDArray[Any]) -> None:
    if seen.proper.all():
        return
    row = int(seen.proper.argmin())
    values = np.asarray(array[row])
    if not np.isfinite(values).all():
        raise ArrayError(f"pred_probs hold NaN or infinity in row {row}; leave such rows out, with their labels")
    outside = values[(values < -TOLERANCE) | (values > 1 + TOLERANCE)]
    what = f"holds {outside[0]:.4g}" if len(outside) else f"sums to {values.sum(dtype=np.float64):.4g}"
    raise ArrayError(
        f"pred_probs are not probabilities: row {row} {what}; "
        "each row must hold values in 0..1 that sum to 1 (apply softmax to logits)"
    )


def _plain(values: Any) -> list[Any]:
    """A list of Python values out of a list, array, Series or Arrow array; missing values are None."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    elif hasattr(values, "to_list"):
        values = values.to_list()
    return [_one(value) for value in values]


def _one(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    return None if isinstance(value, str) and not value.strip() else value


def _labels(labels: Any, shape: tuple[int, ...], names: list[Any] | None) -> _Given:
    n_rows, n_classes = shape
    if isinstance(labels, np.ndarray) and labels.ndim != 1:
        raise ArrayError(f"labels must be one a row (N,), not of shape {labels.shape}")
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu" and (names is None or _are_positions(names)):
        codes = labels  # the common case at scale, without a Python object a row
        _check_length(len(codes), n_rows)
        if codes.min() < 0 or codes.max() >= n_classes:
            raise _out_of_range(int(codes[(codes < 0) | (codes >= n_classes)][0]), n_classes)
        return _Given(codes.astype(np.int32), list(range(n_classes)))
    values = _plain(labels)
    _check_length(len(values), n_rows)
    present = set(values) - {None}
    if not present:
        raise ArrayError("all labels are blank; there is nothing to check")
    if names is None:
        names = _implied(present, n_classes)
    elif not present <= set(names) and all(type(value) is int for value in present):
        outside = sorted(value for value in present if not 0 <= value < n_classes)
        if outside:
            raise _out_of_range(outside[0], n_classes)
        return _Given(np.array([-1 if value is None else value for value in values], np.int32), names)
    code_of = {name: code for code, name in enumerate(names)} | {None: -1}
    unknown = [value for value in dict.fromkeys(values) if value not in code_of]
    if unknown:
        known = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
        raise ArrayError(
            f"{len(unknown)} label{'s are' if len(unknown) > 1 else ' is'} not among the classes: "
            f"{', '.join(map(repr, unknown[:3]))} (classes: {known})"
        )
    return _Given(np.fromiter((code_of[value] for value in values), np.int32, len(values)), names)


def _are_positions(names: list[Any]) -> bool:
    return all(type(name) is int and name == position for position, name in enumerate(names))


def _implied(present: set[Any], n_classes: int) -> list[Any]:
    """The class of each column, where nobody said it."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) and value == int(value) for value in present):
        outside = sorted(value for value in present if not 0 <= value < n_classes)
        if not outside:
            return list(range(n_classes))
        if len(present) != n_classes:
            raise _out_of_range(outside[0], n_classes)
    if present <= {False, True} and n_classes == 2:
        return [False, True]
    if len(present) != n_classes:
        raise ArrayError(
            f"the labels hold {len(present)} classes but pred_probs have {n_classes} columns; "
            "say with classes= which class each column is"
        )
    try:
        return sorted(present)
    except TypeError as error:
        raise ArrayError("the labels mix types; say with classes= which class each column is") from error


def _check_length(n_labels: int, n_rows: int) -> None:
    if n_labels != n_rows:
        raise ArrayError(
            f"there are {n_labels:,} labels but {n_rows:,} rows of pred_probs; give one row a label, in the same order"
        )


def _out_of_range(value: Any, n_classes: int) -> ArrayError:
    return ArrayError(
        f"the label {value} is out of range: pred_probs have {n_classes} columns, "
        f"so labels must be 0 to {n_classes - 1} (None or NaN = unlabelled), "
        "or say with classes= which class each column is"
    )
