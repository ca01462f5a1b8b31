"""A filter and a sort become an ordered list of row numbers, kept while they are looked at.

In: a table, filters, sorts, the folded decisions. Out: `View`. Does not know: HTTP, how rows are shown.

A page is a slice of a view, so a deep page costs nothing and rows stay put while somebody edits; a bulk action names a view
and ranges of it, not ids. What depends on decisions is kept by the number of the last entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import UsageError
from assay.query.cache import LruCache
from assay.query.facets import count_facets
from assay.query.filters import Filter, Likeness, Sort
from assay.query.masks import row_mask
from assay.query.sorting import default_sort, refuse_unknown, row_order
from assay.query.table import Flags, ReviewTable
from assay.similar.neighborhood import Neighborhood
from assay.similar.query_vectors import picture_vectors, text_vectors

if TYPE_CHECKING:
    from assay.actions.state import State

MEGABYTE = 1 << 20
ORDERS, VIEWS, MASKS, FACETS = 80 * MEGABYTE, 96 * MEGABYTE, 32 * MEGABYTE, 4 * MEGABYTE
PICTURES = MEGABYTE  # vectors of a hundred pictures to compare with
EVERYTHING = Filter()


@dataclass(frozen=True)
class View:
    """``rows``: int32 (n,) row numbers in order. ``number``: the last entry of the log that it knows."""

    rows: NDArray[np.int32]
    filter: Filter
    sort: Sort
    number: int

    def __len__(self) -> int:
        return len(self.rows)

    def positions(self, rows: Sequence[int]) -> list[int]:
        """Where rows stand in the view, -1 = not in it. Cost: one pass over the view."""
        if not len(self.rows):
            return [-1] * len(rows)
        position_of = np.full(int(self.rows.max()) + 1, -1, np.int32)
        position_of[self.rows] = np.arange(len(self.rows), dtype=np.int32)
        return [int(position_of[row]) if 0 <= row < len(position_of) else -1 for row in rows]

    def top(self, k: int) -> NDArray[np.int32]:
        return self.rows[: max(k, 0)]

    def ranges(self, spans: Sequence[tuple[int, int]]) -> NDArray[np.int32]:
        """Rows of half-open spans of positions, each row once, in the order of the view."""
        chosen = np.zeros(len(self.rows), bool)
        for start, stop in spans:
            if start < 0 or stop < start:
                raise UsageError(f"a range must be [start, stop) with 0 <= start <= stop, not [{start}, {stop})")
            chosen[start:stop] = True
        return self.rows[chosen]


class Views:
    """Views and facets of one table. Thread-safe. Keeps at most 212 MB of what it computed."""

    def __init__(self, table: ReviewTable) -> None:
        self.table = table
        self._orders, self._views, self._masks = LruCache(ORDERS), LruCache(VIEWS), LruCache(MASKS)
        self._facets, self._pictures = LruCache(FACETS), LruCache(PICTURES)

    @cached_property
    def neighborhood(self) -> Neighborhood | None:
        return None if self.table.project is None else Neighborhood.open(self.table.project)

    def view(self, filter: Filter | None, sort: Sort | None, state: State) -> View:
        """The rows of ``filter`` in the order of ``sort`` (None: everything, the default sort).

        Raises `UsageError` for what the table does not have. Cost at 1.3 million rows: about 10 ms for a sort that was used
        before, 0.1 s more for a new one.
        """
        chosen = filter or EVERYTHING
        how = sort or (Sort("similar", descending=True) if chosen.similar is not None else default_sort(self.table))
        refuse_unknown(self.table, how)
        key = (chosen.key, how, state.number if chosen.of_state or how.of_state else -1)
        rows: NDArray[np.int32] = self._views.get(key, lambda: self._rows(chosen, how, state))
        return View(rows, chosen, how, state.number)

    def first(self, filter: Filter, sort: Sort | None, state: State, n: int) -> NDArray[np.int32]:
        """The first ``n`` rows of `view`, for filters that hold few: only their rows are put in order, and nothing is kept."""
        mask = self.mask(filter, state)
        rows = self.table.order[mask[self.table.order]]
        return row_order(self.table, sort or default_sort(self.table), state, rows)[:n]

    def narrowing(self, filter: Filter, score: str | None, state: State) -> dict[str, Any]:
        """What each key could narrow a filter to, counted under its other keys.

        given, suggested, split: [[value, rows]] as `facets` has them; counts: rows in equal steps from 0 to 1 of ``score``, a
        score by the name that people see, [] without one. `UsageError` for a column that is no score.
        """
        found: dict[str, Any] = {
            key: self.facets(replace(filter, **{key: None}), state)[key] for key in ("given", "suggested", "split")
        }
        where = tuple(one for one in filter.where or () if one.column != score) or None
        mask = self.mask(replace(filter, where=where), state)
        return found | {"counts": [] if score is None else self.table.counts_of(score, mask)}

    def mask(self, filter: Filter | None, state: State) -> Flags:
        """(N,) the present rows that ``filter`` means."""
        similar = None if self.neighborhood is None else self._similar
        return row_mask(self.table, filter or EVERYTHING, state, similar=similar, keep=self._keep)

    def facets(self, filter: Filter | None, state: State) -> dict[str, Any]:
        """Counts within ``filter``; see `assay.query.facets.count_facets`."""
        chosen = filter or EVERYTHING
        key = (chosen.key, state.number)
        return dict(
            self._facets.get(key, lambda: count_facets(self.table, self.mask(chosen, state), state), lambda _: 100_000)
        )

    def _rows(self, chosen: Filter, how: Sort, state: State) -> NDArray[np.int32]:
        if how.by == "similar":
            if chosen.similar is None:
                raise UsageError('to sort by similarity, filter by "similar" too')
            mask = self.mask(chosen, state)
            order = self._similar(chosen.similar)
            order = order if how.descending else order[::-1]
        else:
            order = self._order(how, state)
            if chosen.key == EVERYTHING.key:
                return order
            mask = self.mask(chosen, state)
        return order[mask[order]]

    def _order(self, how: Sort, state: State) -> NDArray[np.int32]:
        key = (how, state.number if how.of_state else -1)
        return self._orders.get(key, lambda: row_order(self.table, how, state))

    def picture(self, data: bytes) -> str:
        """A key by which a filter names a picture to compare with, ``{"similar": {"picture": key}}``, while it is kept.

        Raises `UsageError` for bytes that are no picture, and where this run compares no pictures. Cost: one encoding.
        """
        if self.table.project is None:
            raise UsageError("this project keeps no encoders, so a picture cannot be compared")
        vectors = picture_vectors(self.table.project, data)
        key = hashlib.blake2b(data, digest_size=12).hexdigest()
        self._pictures.get(key, lambda: vectors, lambda _: 10_000)
        return key

    def _similar(self, wanted: Likeness) -> NDArray[np.int32]:
        if self.neighborhood is None or self.table.project is None:
            raise UsageError("this project keeps no neighbours, so no similar rows can be found")
        found, project = self.neighborhood, self.table.project

        def make() -> NDArray[np.int32]:
            if wanted.row is not None:
                return found.similar(wanted.row)[0]
            if wanted.text is not None:
                return found.near(text_vectors(project, wanted.text))[0]
            return found.near(self._pictures.get(wanted.picture, _forgotten, lambda _: 10_000))[0]

        return self._masks.get(wanted, make)

    def _keep(self, key: Any, make: Any) -> Flags:
        packed = self._masks.get(key, lambda: np.packbits(make()))
        return np.unpackbits(packed, count=self.table.n).view(bool)


def _forgotten() -> Any:
    raise UsageError("the picture to compare with is no longer known; choose it again")
