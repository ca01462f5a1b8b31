"""Outliers of tables: an isolation forest, distances to the nearest rows, cells that are unusual by themselves.

In: embeddings of cells, the neighbour graph, the columns as read. Out: `Judged` with a `TableReference`.
Does not know: labels, which are left aside; class names, files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.encode.cells import Cells
from assay.issues.distances import decorrelated_distances, decorrelating
from assay.issues.forest import ReferenceTable, beyond_neighbors, reference_table
from assay.issues.isolation import FittedIsolation, grow_forest, isolation_scores
from assay.issues.outlier_evidence import CUTS, NEAREST_REASON, P_VALUE, Judged, Neighborhood, Part, in_tail
from assay.issues.outlier_reference import Scale
from assay.issues.table_reference import FEW, TableReference
from assay.issues.tail import ENOUGH, fit_tail, log_distance_z, log_distances, robust_z, robust_z_scale, spread
from assay.issues.unusual_cells import UnusualCells, unusual_cells

Floats = NDArray[np.float64]

NEAREST = (0, 10)  # ranks of the neighbours that count; on the made sets .810 of mean AUROC against .808 with twenty
MANY, MANY_ROWS = 0.03, 10  # rows beyond a table's cuts, from which they are a kind of row, not outliers
# Of tables whose rows keep together: see `_as_if_by_chance`. Chosen with six ODDS sets and 72 tables that packages ship looked at
KEEPS_TOGETHER, SELDOM_NEAR = 1.5, 0.6
# From so many times the usual spread on a table's rows are ranked by few of their nearest, correlations taken out: see
# `judge_table`
KEEPS_WELL_TOGETHER = 2.0
# At most so many of the rows; more only of those that stand out so many times as far as they must
MOST_BY_CHANCE, BEYOND_DOUBT = 0.02, 2.0


def judge_table(
    near: Neighborhood, analyzed: NDArray[np.bool_], *, columns: Sequence[Cells], widths: Sequence[int]
) -> Judged:
    """Which rows of a table fit nothing else in it.

    Parameters
    ----------
    near : with vectors of cells, and a Euclidean graph. analyzed : (N,) rows that take part, at least one.
    columns, widths : as `outlier_issues` takes them.

    Notes
    -----
    Flags: an unusual cell (`unusual_cells`), or a robust z beyond 3.5 and beyond what the columns give without outliers
    (`forest.reference_table`), of distances beyond their tail too; and where rows keep together, those of `_as_if_by_chance`.
    Evidence: rows with unusual cells first; then the larger of the isolation z and the distance z, this as a multiple
    of how far usual rows of a table of the same columns without groups would spread: where rows keep together in groups,
    distance says more than it would otherwise. Where they spread twice as far, distance is that to the five nearest of the
    neighbours with correlations of columns taken out (`decorrelated_distances`), which tells rows that break the pattern of
    their group. How tables are ranked was chosen on 13 sets made of scikit-learn's iris, wine, digits and breast cancer (one
    class thinned out) and, the last rule, with six sets of ODDS looked at; figures are on the page "checks".
    Cost: O(N d (log N + k)) and a hundred trees; memory O(N d).
    """
    n, known = len(analyzed), np.flatnonzero(analyzed)
    cells, usual = UnusualCells(np.zeros(n)), None
    if len(known) >= ENOUGH:
        cells = unusual_cells(columns) if len(columns) else cells
        ordinary = np.flatnonzero(analyzed & (cells.strength <= 0))
        usual = reference_table(_joined(near.embeddings), ordinary, widths, seed=near.seed, threads=near.threads)
    notes = [cause.message for cause in cells.common]
    measures = _measure_table(near, usual)
    evidence = measures.combined[known]
    if usual is not None:  # a cell that no one would believe outweighs any distance between ordinary rows
        evidence = evidence + np.where(cells.strength[known] > 0, np.ptp(evidence) + cells.strength[known], 0)
    if usual is None or np.ptp(evidence) <= 0:
        return Judged.none_flagged(measures.parts, evidence, cells, notes)
    many = max(MANY * len(known), MANY_ROWS)
    beyond = _beyond_in_table(measures.parts, known, usual.cut)
    if beyond.sum() > many:
        notes.append(
            f"{int(beyond.sum()):,} rows lie apart from most others: so many are a kind of row of this table, and none "
            "is flagged for it; outlier_score ranks them"
        )
        beyond[:] = False
        usual = replace(usual, cut=np.inf)
    by_chance, stands_out = _as_if_by_chance(measures.parts[0].value, near.ids, usual, int(beyond.sum()))
    by_chance &= analyzed
    if by_chance.sum() > many:
        notes.append(
            f"most rows of this table keep together, and {int(by_chance.sum()):,} lie as far from all others as rows whose "
            "cells are drawn at random: they are flagged as outliers"
        )
    beyond |= by_chance[known] | (cells.strength[known] > 0)
    reference = _table_reference(measures, usual, stands_out, cells, known)
    return Judged(measures.parts, evidence, beyond, by_chance, reference, cells, notes)


@dataclass(frozen=True)
class _TableMeasures:
    """Of a table: the parts, nearest rows first, the one number a row that they give together, and what they rest on."""

    parts: list[Part]
    combined: Floats
    apart: float  # weight of distances
    forest: FittedIsolation
    scores: Floats  # (N,) of the forest
    few: NDArray[np.float32] | None  # (N,) `decorrelated_distances`, where rows are ranked by those
    turn: NDArray[np.float32] | None


def _measure_table(near: Neighborhood, usual: ReferenceTable | None) -> _TableMeasures:
    joined = _joined(near.embeddings)
    nearest = near.distance(NEAREST, cosine=False)
    grown = grow_forest(joined, seed=near.seed)
    scores = isolation_scores(grown, joined, threads=near.threads)
    z, forest = log_distance_z(nearest), robust_z(scores)
    parts = [Part(z, nearest, NEAREST_REASON), Part(forest, forest, CUTS)]
    more = 1.0 if usual is None else _more(log_distances(nearest), usual.nearest)
    few = turn = None
    if more >= KEEPS_WELL_TOGETHER:  # rows of closed groups stay measured to rows outside them
        turn = decorrelating(joined, seed=near.seed, threads=near.threads)
        few = decorrelated_distances(joined, joined, near.ids, FEW, turn, threads=near.threads)
        z = np.where(near.groups >= 0, z, log_distance_z(few))
    return _TableMeasures(parts, np.maximum(more * z, forest), more, FittedIsolation.of(grown), scores, few, turn)


def _table_reference(
    measures: _TableMeasures, usual: ReferenceTable, stands_out: float, cells: UnusualCells, known: NDArray[np.int64]
) -> TableReference:
    tail = fit_tail(measures.parts[0].z[known])
    ordinary = known[cells.strength[known] <= 0]
    return TableReference(
        nearest_=Scale.of(measures.parts[0].value),
        apart_=measures.apart,
        few_=None if measures.few is None else Scale.of(measures.few),
        turn_=measures.turn,
        forest_=measures.forest,
        forest_scale_=robust_z_scale(measures.scores),
        cut_=usual.cut,
        farthest_=np.inf if tail is None else tail.value_at(P_VALUE),
        logs_=log_distances(measures.parts[0].value),
        far_=usual.far,
        stands_out_=stands_out,
        bounds_=tuple(cells.bounds),
        evidence_=np.sort(measures.combined[ordinary]),
        unusual_=len(known) - len(ordinary),
    )


def _more(values: Floats, usual: float) -> float:
    """Their spread as a multiple of the usual one; 1 where either is unknown."""
    width = spread(values)
    return width / usual if width > 0 and usual > 0 else 1.0


def _joined(embeddings: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    arrays = list(embeddings.values())
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=1)


def _beyond_in_table(parts: list[Part], known: NDArray[np.int64], cut: float) -> NDArray[np.bool_]:
    """Either part beyond the null's cut; distances beyond their own tail besides.

    Tables often hold an entity many times (a hospital, a customer): those that come fewer times than there are neighbours
    lie far from others without being strange, and there are many of them.
    """
    nearest, forest = (part.z[known] for part in parts)
    return (forest > cut) | ((nearest > cut) & in_tail(nearest))


def _as_if_by_chance(
    nearest: NDArray[Any], ids: NDArray[np.int32], usual: ReferenceTable, already: int
) -> tuple[NDArray[np.bool_], float]:
    """Rows that lie where a row with cells drawn at random would, in a table whose other rows keep together; and how much
    farther away than its neighbours such a row is, at least.

    Nothing is flagged unless distances spread 1.5 times as far as those of a table of the same columns without groups: only
    then does distance tell rows that belong together from those that do not. A row is one if it is as far from its nearest
    as the farthest quarter of that table, seldom among the nearest of others, and farther away than its own neighbours are,
    by more than 99 in 100 rows of that table: rows of a sparse group are near each other. At most one row in fifty,
    those ``already`` flagged counted, and those that exceed their neighbours most; more only of rows that exceed them twice
    as far as they must.
    """
    logs = log_distances(nearest)
    if _more(logs, usual.nearest) < KEEPS_TOGETHER:
        return np.zeros(len(logs), bool), np.inf
    last = NEAREST[1]
    near = ids[:, :last]
    chosen = np.bincount(near[near >= 0], minlength=len(logs))
    beyond = beyond_neighbors(logs, ids)
    found: NDArray[np.bool_] = np.isfinite(logs) & (logs > usual.far) & (chosen <= SELDOM_NEAR * last)
    found &= beyond > usual.stands_out
    rows = np.flatnonzero(found)
    surely = int((beyond[rows] > BEYOND_DOUBT * usual.stands_out).sum())
    most = max(int(MOST_BY_CHANCE * len(logs)) - already, surely)
    ranked = rows[np.argsort(-beyond[rows], kind="stable")]
    found[ranked[most:]] = False
    if len(ranked) <= most:
        return found, float(np.nextafter(usual.stands_out, np.inf))
    return found, float(beyond[ranked[most - 1]]) if most > 0 else np.inf
