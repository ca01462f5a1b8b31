"""How many of the rows in view each check, class, decision, tag and split has.

In: a table, a mask, the folded decisions. Out: one JSON-able dict. Does not know: filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.actions.entry import ACTION_NAMES
from assay.query.masks import UNDECIDED, resolved
from assay.query.table import Flags, ReviewTable

if TYPE_CHECKING:
    from assay.actions.state import State

MOST = 200  # values listed, most frequent first


def count_facets(table: ReviewTable, mask: Flags, state: State) -> dict[str, Any]:
    """Counts of the rows of ``mask`` (N,).

    total, resolved; checks: name -> rows, checks without results left out; open: those of them that are
    not decided; presets: further named counts (safe: label issues that the safe policy would change now); given, suggested,
    corrected, split: [[value, rows]], None = none, the `MOST` most frequent; action, by, tag: name -> rows.
    Cost: one pass a check and a column, about 20 ms at 1.3 million rows.
    """
    every = bool(mask.all())
    done = resolved(state) & mask
    total, n_resolved = int(np.count_nonzero(mask)), int(np.count_nonzero(done))

    def count(flags: Flags) -> int:
        return int(np.count_nonzero(flags if every else flags & mask))

    def pick(codes: NDArray[Any]) -> NDArray[Any]:
        return codes if every else codes[mask]

    clean, undone = count(table.clean), mask & ~done
    return {
        "total": total,
        "resolved": n_resolved,
        "checks": {name: count(table.flagged(name)) for name in table.checks},
        "open": {name: int(np.count_nonzero(table.flagged(name) & undone)) for name in table.checks},
        "presets": {
            "total": total,
            "resolved": n_resolved,
            "clean": clean,
            "issues": total - clean,
            "open": int(np.count_nonzero(mask & ~table.clean & ~done)),
            "safe": count(table.safe & (state.action == UNDECIDED[0])),
            "excluded": count(state.excluded),
            "corrected": count(state.label >= 0),
            "noted": sum(bool(mask[row]) for row in state.notes),
            "by_hand": count(state.by_hand),
            **({"odd_cells": count(table.odd_cells)} if table.modality == "table" else {}),
        },
        "given": _counts(pick(table.given), table.classes) if table.classes else [],
        "suggested": _counts(pick(table.suggested), table.classes) if table.classes else [],
        "corrected": _counts(pick(state.label), state.labels),
        "action": _named(pick(state.action), ACTION_NAMES),
        "by": _named(pick(state.person), state.people),
        "tag": {name: count(tagged) for name, tagged in sorted(state.tags.items()) if tagged.any()},
        "split": _counts(pick(table.split), table.splits) if table.splits else [],
    }


def _bins(codes: NDArray[Any], n: int) -> NDArray[np.int64]:
    """(n + 1,) rows of each code, those of -1 last."""
    # bincount wants no negatives: -1 comes first and is moved to the end
    return np.roll(np.bincount(codes.astype(np.int64) + 1, minlength=n + 1), -1)


def _counts(codes: NDArray[Any], values: Sequence[Any]) -> list[list[Any]]:
    counts = _bins(codes, len(values))
    most = np.argsort(-counts, kind="stable")[:MOST]
    return [[values[at] if at < len(values) else None, int(counts[at])] for at in most.tolist() if counts[at]]


def _named(codes: NDArray[Any], names: Sequence[str]) -> dict[str, int]:
    counts = _bins(codes, len(names))
    return {name: int(counts[at]) for at, name in enumerate(names) if counts[at]}
