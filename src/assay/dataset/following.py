"""The rows of a new reading beside those of the run before: which is which, and is it the same source?

In: a `Source`, the dataset before, what was decided about its rows. Out: `Followed`. Does not know: what a decision does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.dataset.dataset import Dataset, read_cells, tokens
from assay.dataset.identity import Matched, cell_hashes, edited_rows, match_rows, row_hashes, same_share
from assay.dataset.target import Label, classes_of, fits
from assay.sources import Source
from assay.storage import Folder

FEW = 3  # distinct sizes of files: fewer tell no two folders apart
CONTENT = "\0content"  # stands for a picture among the columns


class Standing(NamedTuple):
    """What was decided about a row: in words (equal words are equal decisions), and the label it got, None = none."""

    words: str
    label: Label | None = None


@dataclass
class Followed:
    """``number_of``: (N,) the row number before of each row, -1 = new. ``share``: how much of the smaller of both is the
    same. ``unsure``: (old row numbers, positions of new rows) that nobody can tell apart. ``unfit``: old row number -> position of
    rows whose decided label the labels of now cannot hold."""

    number_of: NDArray[np.int64]
    share: float
    unsure: list[tuple[list[int], list[int]]] = field(default_factory=list)
    unfit: dict[int, int] = field(default_factory=dict)


def numbered(source: Source, previous: Dataset) -> bool:
    """Are the rows of either only numbered, so that an id says nothing?"""
    return source.roles.id is None or previous.roles.id is None


def follow(folder: Folder, source: Source, previous: Dataset, decided: Mapping[int, Standing]) -> Followed:
    """Find the rows of the run before in what was read now.

    decided : row number -> what stands about it. Where labels are of another type now (texts became numbers), a row whose decided
    label does not fit them is a new one.

    Cost: one pass over the cells of both.
    """
    found = _follow(folder, source, previous, decided)
    now = classes_of(source.given)
    kind = type(now[0]) if now else None
    at = {row: position for position, row in enumerate(found.number_of.tolist()) if row in decided}
    found.unfit = {row: position for row, position in at.items() if not fits(decided[row].label, kind)}
    found.number_of[list(found.unfit.values())] = -1
    return found


def _follow(folder: Folder, source: Source, previous: Dataset, decided: Mapping[int, Standing]) -> Followed:
    before, now = _cells(folder, source, previous)
    labels = {source.roles.label, previous.roles.label, source.roles.split, previous.roles.split}
    names = [name for name in before.column_names if name in now.column_names]
    rest = [name for name in names if name not in labels] or names
    order = previous.order
    if not numbered(source, previous):
        return _by_id(source, previous, before, now, rest)
    hashes_before, hashes_now = cell_hashes(before, names), cell_hashes(now, names)
    keep = [names.index(name) for name in rest]
    rest_before, rest_now = hashes_before[keep], hashes_now[keep]
    words = {word: number for number, word in enumerate(dict.fromkeys(one.words for one in decided.values()), 1)}
    marks = np.array([words[decided[row].words] if row in decided else 0 for row in order.tolist()], np.int64)
    found = match_rows(
        row_hashes(hashes_before, names),
        row_hashes(hashes_now, names),
        rest_before=row_hashes(rest_before, rest),
        rest_now=row_hashes(rest_now, rest),
        marks=marks,
    )
    edited_rows(found, rest_before, rest_now, marks)
    share = same_share(found.old, len(order))
    number_of = np.where(found.old >= 0, order[np.maximum(found.old, 0)], -1)
    if names == list(source.cells.column_names):
        _come_back(previous, row_hashes(hashes_now, names), number_of, found)
    unsure = [([int(order[row]) for row in rows], positions) for rows, positions in found.unsure]
    return Followed(number_of, share, unsure)


def _cells(folder: Folder, source: Source, previous: Dataset) -> tuple[pa.Table, pa.Table]:
    """The cells of both in the user's order, with a column for what is known of pictures."""
    before = read_cells(folder, previous.fingerprint, 0, previous.n_rows).take(pa.array(previous.order))
    now = source.cells
    if source.uris is not None and previous.modality == "image":
        known = previous.rows["token"].take(pa.array(previous.order))
        before = before.append_column(
            CONTENT, pa.chunked_array([pa.array(map(_content, known.to_pylist()), pa.string())])
        )
        now = now.append_column(CONTENT, pa.array(map(_content, tokens(source, len(source.ids))), pa.string()))
    return before, now


def _content(token: str) -> str:
    """What stays of a token where a picture is copied elsewhere: the hash of bytes in memory, the size of a file."""
    uri, tab, stamp = token.partition("\t")
    return stamp.partition(":")[0] if tab else uri


def _by_id(source: Source, previous: Dataset, before: pa.Table, now: pa.Table, rest: list[str]) -> Followed:
    ids, old_ids = source.ids.cast(pa.string()), previous.rows["row_id"].cast(pa.string()).combine_chunks()
    old_row = np.asarray(pc.index_in(ids, value_set=old_ids).fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
    position = np.full(previous.n_rows, -1, np.int64)
    position[previous.order] = np.arange(len(previous.order))
    common = np.flatnonzero((old_row >= 0) & (position[np.maximum(old_row, 0)] >= 0))
    ours = (
        {source.roles.id, previous.roles.id, "path"}
        if source.modality == "image"
        else {source.roles.id, previous.roles.id}
    )
    rest = [name for name in rest if name not in ours]
    if CONTENT in rest:
        rest = [CONTENT]
        if len(pc.unique(now[CONTENT])) < min(
            FEW, now.num_rows
        ):  # sizes say nothing: the very files, then, not touched since
            known = previous.rows["token"].take(pa.array(previous.order))
            before = before.set_column(before.column_names.index(CONTENT), CONTENT, known.cast(pa.string()))
            here = pa.array(tokens(source, len(source.ids)), pa.string())
            now = now.set_column(now.column_names.index(CONTENT), CONTENT, here)
    smaller = max(1, min(len(previous.order), now.num_rows))
    if not rest:  # nothing but ids to compare
        return Followed(old_row, len(common) / smaller)
    hashes_before, hashes_now = cell_hashes(before, rest), cell_hashes(now, rest)
    alike = hashes_before[:, position[old_row[common]]] == hashes_now[:, common]
    return Followed(old_row, float((alike.mean(0) >= 0.5).sum() / smaller))


def _come_back(previous: Dataset, hashes: NDArray[np.uint64], number_of: NDArray[np.int64], found: Matched) -> None:
    """Rows that vanished in an earlier run and are there again, where no other row is like them."""
    if "content" not in previous.rows.column_names:
        return
    gone = np.flatnonzero(previous.rows["order"].to_numpy() < 0)
    content = previous.rows["content"].take(pa.array(gone)).to_pylist()
    values, count = np.unique(np.array([value or 0 for value in content], np.uint64), return_counts=True)
    once = set(values[count == 1].tolist())
    row_of = {value: int(row) for value, row in zip(content, gone.tolist(), strict=True) if value in once}
    held = {position for _, positions in found.unsure for position in positions}
    for position in np.flatnonzero(number_of < 0).tolist():
        row = row_of.pop(int(hashes[position]), None) if position not in held else None
        if row is not None:
            number_of[position] = row


def same_numbers(source: Source, previous: Dataset) -> NDArray[np.int64] | None:
    """(N,) the row number before of each row, where both hold the same rows in the same order by what is known without the
    cells before; else None."""
    order = previous.order
    if numbered(source, previous):
        now = contents(source)
        if now is None or "content" not in previous.rows.column_names or len(now) != len(order):
            return None
        before = previous.rows["content"].take(pa.array(order)).fill_null(0).to_numpy()
        return order if np.array_equal(now, before) else None
    before = previous.rows["row_id"].take(pa.array(order)).cast(pa.string()).to_pylist()
    return order if source.ids.cast(pa.string()).to_pylist() == before else None


def contents(source: Source) -> NDArray[np.uint64] | None:
    """(N,) a hash of what each row holds, for rows that are only numbered."""
    if source.roles.id is not None:
        return None
    names = list(source.cells.column_names)
    return row_hashes(cell_hashes(source.cells, names), names)
