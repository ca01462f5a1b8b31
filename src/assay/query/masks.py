"""Which rows a filter means.

In: a table, a filter, the folded decisions. Out: (N,) bool. Does not know: order, pages.

Every key is one pass over a column of one to four bytes a row; values are looked up by code. At 1.3 million rows a key costs
about a millisecond, a text that a column contains ten or more; `Views` keeps those answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.actions.entry import ACTION_NAMES
from assay.dataset.target import Label
from assay.errors import UsageError
from assay.query.conditions import Keep, at_once, condition_mask, contains
from assay.query.filters import Filter, Likeness
from assay.query.table import Flags, ReviewTable
from assay.query.values import among, any_of, label_codes, members

if TYPE_CHECKING:
    from assay.actions.state import State

UNDECIDED = (ACTION_NAMES.index(""), ACTION_NAMES.index("unresolved"))


def row_mask(
    table: ReviewTable,
    chosen: Filter,
    state: State,
    *,
    similar: Callable[[Likeness], NDArray[np.int32]] | None = None,
    keep: Keep = at_once,
) -> Flags:
    """(N,) the present rows that ``chosen`` means.

    ``similar``: what rows are to be like -> row numbers of the nearest. ``keep(key, make)`` may remember what costs much to make.
    Raises `UsageError` for a column, class, split, row or id that the table does not have, or a condition its kind forbids.
    """
    mask = table.present.copy()
    for part in _parts(table, chosen, state, keep):
        mask &= part
    if chosen.similar is not None:
        if similar is None:
            raise UsageError("this project keeps no neighbours, so no similar rows can be found")
        if chosen.similar.row is not None:
            _known_row(table, "similar", chosen.similar.row)
        mask &= members(table.n, similar(chosen.similar))
    return mask


def _parts(table: ReviewTable, chosen: Filter, state: State, keep: Keep) -> Iterable[Flags]:
    """The masks of the keys that are set, cheap ones first."""
    if chosen.any:
        yield np.logical_or.reduce([table.flagged(name) for name in chosen.any])
    for name in chosen.all or ():
        yield table.flagged(name)
    for name in chosen.none or ():
        yield ~table.flagged(name)
    for key, codes in (("given", table.given), ("suggested", table.suggested), ("predicted", table.predicted)):
        labels = getattr(chosen, key)
        if labels is not None:
            yield among(codes, [_known_code(table, key, label) for label in labels], len(table.classes))
    if chosen.split is not None:
        yield among(table.split, [_known_split(table, name) for name in chosen.split], len(table.splits))
    if chosen.cluster is not None:
        top = int(table.cluster.max(initial=-1)) + 1
        yield among(table.cluster, [number for number in chosen.cluster if number < top], top)
    if chosen.rows is not None:
        yield members(table.n, np.array([_known_row(table, "rows", row) for row in chosen.rows], np.int64))
    if chosen.ids is not None:
        yield members(table.n, rows_of_ids(table, chosen.ids))
    if chosen.odd_cells is not None:
        yield table.odd_cells == chosen.odd_cells
    yield from _state_parts(table, chosen, state)
    for condition in chosen.where or ():
        yield condition_mask(table, condition, keep)
    if chosen.contains is not None:
        yield _anywhere(table, chosen.contains, keep)


def _anywhere(table: ReviewTable, needle: str, keep: Keep) -> Flags:
    """(N,) rows whose id or whose cells of texts and categories contain a text. Cost: as many bytes as the user's texts have, once."""

    def make() -> Flags:
        return any_of([contains(table.column(name), needle) for name in table.searched], table.n)

    return keep(("contains", None, needle.lower()), make)


# decisions ---------------------------------------------------------------------------------------------------


def _state_parts(table: ReviewTable, chosen: Filter, state: State) -> Iterable[Flags]:
    if chosen.action is not None:
        yield among(state.action, [ACTION_NAMES.index(name) for name in chosen.action], len(ACTION_NAMES))
    if chosen.resolved is not None:
        yield resolved(state) == chosen.resolved
    if chosen.by is not None:
        people = {name: code for code, name in enumerate(state.people)}
        yield among(state.person, [people[name] for name in chosen.by if name in people], len(state.people))
    if chosen.tag is not None:
        yield any_of([state.tags[name] for name in chosen.tag if name in state.tags], table.n)
    if chosen.untagged is not None:
        yield any_of(list(state.tags.values()), table.n) != chosen.untagged
    if chosen.note is not None:
        yield _noted(table, chosen.note, state)
    if chosen.corrected is not None:
        yield among(state.label, label_codes(state.labels, chosen.corrected), len(state.labels))
    if chosen.final is not None:
        codes, values = final_labels(table, state)
        yield among(codes, label_codes(values, chosen.final), len(values))


def resolved(state: State) -> Flags:
    """(N,) rows that are decided: any action but "unresolved"."""
    return (state.action != UNDECIDED[0]) & (state.action != UNDECIDED[1])


def final_labels(table: ReviewTable, state: State) -> tuple[NDArray[np.int32], list[Label]]:
    """The corrected label or else the given one: (N,) codes into the list returned, -1 = none. New classes follow the known."""
    values = list(table.classes)
    code_of = dict(table.code_of)
    codes = np.empty(len(state.labels) + 1, np.int32)
    for at, label in enumerate(state.labels):
        code = code_of.setdefault((isinstance(label, bool), label), len(values))
        if code == len(values):
            values.append(label)
        codes[at] = code
    return np.where(state.label >= 0, codes[state.label], table.given), values


def _noted(table: ReviewTable, note: bool | str, state: State) -> Flags:
    if isinstance(note, bool):
        return members(table.n, np.array(list(state.notes), np.int64)) == note
    wanted = note.casefold()
    return members(table.n, np.array([row for row, text in state.notes.items() if wanted in text.casefold()], np.int64))


# what there is ---------------------------------------------------------------------------------------------


def rows_of_ids(table: ReviewTable, ids: Iterable[str | int]) -> NDArray[np.int64]:
    """Row numbers of row ids, in their order. `UsageError` names the first that are none. Cost: one pass over all ids."""
    wanted = list(ids)
    whole = pa.types.is_integer(table.ids.type)
    typed = [int(one) if whole and isinstance(one, str) and one.lstrip("-").isdecimal() else one for one in wanted]
    good = [isinstance(one, int) and abs(one) < 2**63 if whole else isinstance(one, str) for one in typed]
    values = pa.array([one for one, fits in zip(typed, good, strict=True) if fits], table.ids.type)
    # the few against the many: where each of the wanted ids lies among all
    rows = np.full(len(typed), -1, np.int64)
    if len(values):
        index = np.asarray(pc.index_in(table.ids, value_set=values).fill_null(-1).to_numpy(), np.int64)
        hits = np.flatnonzero(index >= 0)
        of_value = np.full(len(values), -1, np.int64)
        of_value[index[hits]] = hits
        first = {value: int(row) for value, row in zip(values.to_pylist(), of_value, strict=True) if row >= 0}
        rows[:] = [first.get(one, -1) if fits else -1 for one, fits in zip(typed, good, strict=True)]
    lost = [str(one) for one, row_number in zip(wanted, rows.tolist(), strict=True) if row_number < 0]
    if lost:
        more = f" and {len(lost) - 3:,} more" if len(lost) > 3 else ""
        raise UsageError(f"ids: there is no row with the id {', '.join(map(repr, lost[:3]))}{more}")
    return rows


def _known_row(table: ReviewTable, key: str, row: int) -> int:
    if not 0 <= row < table.n:
        raise UsageError(f"{key}: there is no row {row}; the row numbers are 0 to {table.n - 1:,}")
    return row


def _known_code(table: ReviewTable, key: str, label: Label | None) -> int:
    code = table.code(label)
    if code is None:
        shown = ", ".join(map(repr, table.classes[:20])) + (", ..." if len(table.classes) > 20 else "")
        raise UsageError(
            f"{key}: there is no class {label!r}; the classes are {shown or 'none: the data has no labels'}"
        )
    return code


def _known_split(table: ReviewTable, name: str | None) -> int:
    if name is not None and name not in table.splits:
        shown = ", ".join(map(repr, table.splits)) or "none"
        raise UsageError(f"split: there is no split {name!r}; the splits are {shown}")
    return -1 if name is None else table.splits.index(name)
