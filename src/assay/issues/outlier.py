"""Outliers: rows that fit nothing else in the dataset.

In: vectors a view, the neighbour graph, labels where there are any. Out: the columns of kind "outlier".
Does not know: pictures, texts, cells, class names, files.

Evidence is distance, never divided by the neighbours' own: to the nearest rows, and to the nearest rows of the same class.
A mislabelled row is far from its class only; a foreign row is far from both. Measured (development machine, 9,150 queries of
clinc150 with 150 out-of-scope ones under random labels and 10 % wrong labels): average precision of the sum .63 on two
views, of either alone .41 and .13; Mahalanobis distances and the entropy of the vote added nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from assay.columns import ROW_ID
from assay.encode.cells import Cells
from assay.errors import ArrayError
from assay.issues import outlier_reference
from assay.issues.distances import class_distances, decorrelated_distances, decorrelating, outside_distances
from assay.issues.forest import ReferenceTable, beyond_neighbors, reference_table
from assay.issues.isolated_groups import closed_groups
from assay.issues.isolation import FittedIsolation, grow_forest, isolation_scores
from assay.issues.outlier_reference import OutlierReference, Scale
from assay.issues.table_reference import FEW, TableReference
from assay.issues.tail import ENOUGH, fit_tail, log_distance_z, log_distances, robust_z, robust_z_scale, spread
from assay.issues.unusual_cells import UnusualCells, least_usual, unusual_cells

Floats = NDArray[np.float64]

P_VALUE = 0.003  # of the generalised Pareto tail: about three false flags in a thousand
NEAREST = {"text": (0, 10)}  # ranks of the neighbours that count; texts have few copies ...
# ... pictures come in series: the sixth to the fifteenth (photographs, foreign class of 6: AP .16 -> .60)
OTHERS = (5, 15)
TABLE_NEAREST = (0, 10)  # on the made sets .810 of mean AUROC against .808 with twenty, see `outlier_issues`
CUTS = "few random cuts through the columns set it apart"
LEARNED_VIEW = "patches"  # the view without pretraining: cosines say nothing there, lengths do
AGREE = 0.5  # share of neighbours with the row's label from which a row stands for a clean dataset
BLOCK = 8_192  # rows looked at together
NEAREST_REASON = "its nearest rows are {} as far away as usual"
MOST_AGREE = 0.5  # of the labelled rows; fewer, and those that agree are not what most rows are like
# So many times the usual flags, and so large a share of rows beyond the range of agreeing rows: many foreign rows. Clean
# sets (banking77, cifar10n_6k, fashion_mnist_5k, with 0 to 40 % wrong labels) give at most 1.5 %.
# The 2 % was set after a look at clinc150, too.
MANY, MANY_SHARE = 5, 0.02
MANY_IN_TABLE, MANY_ROWS = 0.03, 10  # rows beyond a table's cuts, from which they are a kind of row, not outliers
# Of tables whose rows keep together: see `_as_if_by_chance`. Chosen with six ODDS sets and 72 tables that packages ship in view
KEEPS_TOGETHER, SELDOM_NEAR = 1.5, 0.6
# From so many times the usual spread on a table's rows are ranked by few of their nearest, correlations taken out: see
# `outlier_issues`
KEEPS_WELL_TOGETHER = 2.0
# At most so many of the rows; more only of those that stand out so many times as far as they must
MOST_BY_CHANCE, BEYOND_DOUBT = 0.02, 2.0
CLASS_PART = 0.25  # of a class beyond it: a sparse class, not foreign rows


@dataclass(frozen=True)
class Part:
    """One kind of evidence: ``z`` on the common scale; ``value`` what is measured; ``reason`` with {} for how much."""

    z: Floats
    value: NDArray[Any]
    reason: str


def outlier_issues(
    views: Mapping[str, NDArray[Any]],
    labels: NDArray[np.int32],
    ids: NDArray[np.int32],
    distances: NDArray[np.float32],
    entropy: NDArray[np.float32] | None,
    analyzed: NDArray[np.bool_],
    *,
    modality: str,
    seed: int,
    threads: int,
    columns: Sequence[Cells] = (),
    widths: Sequence[int] = (),
) -> dict[str, Any]:
    """The columns of kind "outlier", under "_notes" sentences about the dataset, and under "_reference" an `OutlierReference`, of
    tables a `TableReference`.

    Parameters
    ----------
    views : name -> (N, d) vectors. labels : (N,) class codes, -1 = unlabelled; used where at least half have one.
    ids, distances : (N, k) the graph over the joined views: Euclidean for tables, else cosine.
    entropy : (N,) of the predicted probabilities, in nats, or None; only named in reasons.
    analyzed : (N,) rows that take part; the others get no flag and the score NaN.
    modality : "table" looks at neighbours and an isolation forest, labels left aside; all others at neighbours and class.
    columns : of tables, the feature columns as read: N cells each. Without them only whole rows are looked at.
    widths : of tables, how many dimensions each feature column has in the vectors, in order; without them each is its own.
    seed : of samples and trees. threads : changes nothing in the result.

    Returns
    -------
    is_outlier bool; outlier_score float32, the share of rows with no more evidence; outlier_reason one sentence for flagged
    rows, else None. Under 30 rows, and where all are alike, nothing is flagged, and there is no reference.

    Method
    ------
    Flags: a generalised Pareto tail fitted between the 80th and the 98th centile, p < .003, and where very many rows lie
    beyond the same tail of rows whose neighbours share their label, as many of the highest scores; tables: an unusual cell
    (`unusual_cells`), or a robust z beyond 3.5 and beyond what the columns give without outliers (`forest.reference_table`), of
    distances beyond their tail too; and where rows keep together, those of `_as_if_by_chance`. Rows of a group that keeps
    to itself are measured to rows outside it (`isolated_groups`), and groups larger than a neighbourhood are named in one
    note.
    Score of tables: rows with unusual cells first; then the larger of the isolation z and the distance z, this as a multiple
    of how far usual rows of a table of the same columns without groups would spread: where rows keep together in groups,
    distance says more than it would otherwise. Where they spread twice as far, distance is that to the five nearest of the
    neighbours with correlations of columns taken out (`decorrelated_distances`), which tells rows that break the pattern of
    their group. How tables are ranked was chosen on 13 sets made of scikit-learn's iris, wine, digits and breast cancer (one
    class thinned out) and, the last rule, with six sets of ODDS in view; figures are on the page "checks".
    Cost: O(N d min(class size, 2,000)); memory O(N + 20,000 d).
    """
    n = len(labels)
    known = np.flatnonzero(analyzed)
    result: dict[str, Any] = {
        "is_outlier": np.zeros(n, bool),
        "outlier_score": np.full(n, np.nan, np.float32),
        "outlier_reason": np.full(n, None, object),
        "_notes": [],
    }
    if not len(known):
        return result
    codes = np.where(analyzed, labels, -1).astype(np.int32)
    groups = np.where(analyzed, closed_groups(ids, codes), -1).astype(np.int32)
    usual, cells, measures = None, UnusualCells(np.zeros(n)), None
    if modality == "table" and len(known) >= ENOUGH:
        cells = unusual_cells(columns) if len(columns) else cells
        ordinary = np.flatnonzero(analyzed & (cells.strength <= 0))
        usual = reference_table(_joined(views), ordinary, widths, seed=seed, threads=threads)
        result["_notes"] += [cause.message for cause in cells.common]
    if modality == "table":
        measures = _measure_table(views, ids, distances, groups, usual, seed, threads)
        parts, combined, reference = measures.parts, measures.combined, None
    else:
        measured = measure_distances(views, codes, ids, distances, groups, analyzed, modality, seed, threads)
        learned_alone = all(name == LEARNED_VIEW for name in views)
        parts, combined, reference = _evidence(measured, learned_alone, _mostly_labelled(codes, analyzed))
    evidence = combined[known]
    if usual is not None:  # a cell that no one would believe outweighs any distance between ordinary rows
        evidence = evidence + np.where(cells.strength[known] > 0, np.ptp(evidence) + cells.strength[known], 0)
    if np.ptp(evidence) <= 0:
        result["outlier_score"][known] = 0
        return result
    result["outlier_score"][known] = rankdata(evidence) / len(known)
    if len(known) < ENOUGH:
        return result
    by_chance = np.zeros(n, bool)
    if usual is None:
        beyond = _in_tail(evidence)
    else:
        beyond = _beyond_in_table(parts, known, usual.cut)
        if beyond.sum() > max(MANY_IN_TABLE * len(known), MANY_ROWS):
            result["_notes"].append(
                f"{int(beyond.sum()):,} rows lie apart from most others: so many are a kind of row of this table, and none "
                "is flagged for it; outlier_score ranks them"
            )
            beyond[:] = False
            usual = replace(usual, cut=np.inf)
        by_chance, stands_out = _as_if_by_chance(parts[0].value, ids, usual, int(beyond.sum()))
        by_chance &= analyzed
        if by_chance.sum() > max(MANY_IN_TABLE * len(known), MANY_ROWS):
            result["_notes"].append(
                f"most rows of this table keep together, and {int(by_chance.sum()):,} lie as far from all others as rows whose "
                "cells are drawn at random: they are flagged as outliers"
            )
        beyond |= by_chance[known] | (cells.strength[known] > 0)
        assert measures is not None
        result["_reference"] = _table_reference(measures, usual, stands_out, cells, known)
    if usual is None and (many := _many_foreign(parts[0].z, _agreeing(ids, codes), codes, known)):
        beyond[np.argsort(-evidence, kind="stable")[:many]] = True
        result["_notes"] += [
            f"this dataset seems to hold many foreign rows: {many:,} lie beyond the range of rows whose neighbours share their "
            "label; as many are flagged, the highest by outlier_score"
        ]
    if reference is not None:
        result["_reference"] = reference.learned_from(evidence, beyond, P_VALUE)
    flagged = known[beyond]
    result["is_outlier"][flagged] = True
    named = dict(zip(flagged.tolist(), least_usual(columns, flagged), strict=True))
    result["outlier_reason"][flagged] = _reasons(
        flagged, parts, by_chance[flagged], groups, entropy, cells.reason, named
    )
    result["_notes"] += _foreign_groups(groups, result["is_outlier"], ids.shape[1])
    return result


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


def _measure_table(
    views: Mapping[str, NDArray[Any]],
    ids: NDArray[np.int32],
    distances: NDArray[np.float32],
    groups: NDArray[np.int32],
    usual: ReferenceTable | None,
    seed: int,
    threads: int,
) -> _TableMeasures:
    joined = _joined(views)
    nearest = _graph_distances(views, ids, distances, groups, TABLE_NEAREST, False, seed, threads)
    grown = grow_forest(joined, seed=seed)
    scores = isolation_scores(grown, joined, threads=threads)
    z, forest = log_distance_z(nearest), robust_z(scores)
    parts = [Part(z, nearest, NEAREST_REASON), Part(forest, forest, CUTS)]
    more = 1.0 if usual is None else _more(log_distances(nearest), usual.nearest)
    few = turn = None
    if more >= KEEPS_WELL_TOGETHER:  # rows of closed groups stay measured to rows outside them
        turn = decorrelating(joined, seed=seed, threads=threads)
        few = decorrelated_distances(joined, joined, ids, FEW, turn, threads=threads)
        z = np.where(groups >= 0, z, log_distance_z(few))
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


def measure_distances(
    views: Mapping[str, NDArray[Any]],
    codes: NDArray[np.int32],
    ids: NDArray[np.int32],
    distances: NDArray[np.float32],
    groups: NDArray[np.int32],
    analyzed: NDArray[np.bool_],
    modality: str,
    seed: int,
    threads: int,
) -> dict[str, NDArray[np.float32]]:
    """How far rows lie from their nearest rows and from rows of their class, as `OutlierReference` asks for it.

    Parameters
    ----------
    views : name -> (N, d) vectors. codes : (N,) class codes, -1 = unlabelled or not analysed.
    ids, distances : (N, k) the graph over the joined views. groups : (N,) of `closed_groups`; rows of one's own do not count.
    analyzed : (N,) rows that take part. modality : "text", or any other but "table". seed : of samples.

    Returns
    -------
    "nearest", "class/VIEW" where at least half of the rows have a label, "learned" where there are vectors without pretraining:
    (N,) each, NaN where there is none. Cost: O(N d min(class size, 2,000)).
    """
    ranks = NEAREST.get(modality, OTHERS)
    measured = {outlier_reference.NEAREST: _graph_distances(views, ids, distances, groups, ranks, True, seed, threads)}
    labelled = _mostly_labelled(codes, analyzed)
    # an unlabelled row is compared with the majority class of its neighbours and does not count as a member of it
    classes = np.where(analyzed, _class_nearby(ids, codes) if labelled else 0, -1).astype(np.int32)
    options: dict[str, Any] = {
        "ranks": ranks,
        "exclude": groups,
        "members_of": codes >= 0 if labelled else analyzed,
        "seed": seed,
        "threads": threads,
    }
    if labelled:
        for name in (name for name in views if name != LEARNED_VIEW):
            measured[f"{outlier_reference.CLASS}{name}"] = class_distances(views[name], classes, **options)
    if LEARNED_VIEW in views:
        measured[outlier_reference.LEARNED] = class_distances(views[LEARNED_VIEW], classes, cosine=False, **options)
    return measured


def _evidence(
    measured: Mapping[str, NDArray[np.float32]], learned_alone: bool, labelled: bool
) -> tuple[list[Part], Floats, OutlierReference]:
    """Of anything but tables: the parts, nearest rows first, the one number a row that they give together, and their scales.

    measured : of `measure_distances`. learned_alone : there are no vectors but those without pretraining. labelled : most rows.
    """
    reference = OutlierReference.fit(measured, learned_alone=learned_alone)
    z = reference.z(measured)
    parts = [Part(z[outlier_reference.NEAREST], measured[outlier_reference.NEAREST], NEAREST_REASON)]
    if keys := [key for key in measured if key.startswith(outlier_reference.CLASS)]:
        value = np.mean([measured[key] for key in keys], axis=0)
        mean = np.mean([z[key] for key in keys], axis=0)
        parts.append(Part(mean, value, "it is {} as far from the nearest rows of its class as usual"))
    if outlier_reference.LEARNED in measured:
        whose = "those of its class" if labelled else "those of other pictures"
        reason = f"its colours and textures are {{}} as far from {whose} as usual"
        parts.append(Part(z[outlier_reference.LEARNED], measured[outlier_reference.LEARNED], reason))
    return parts, reference.combined(z), reference


def _mostly_labelled(codes: NDArray[np.int32], analyzed: NDArray[np.bool_]) -> bool:
    return bool(2 * (codes >= 0).sum() >= analyzed.sum())


def _more(values: Floats, usual: float) -> float:
    """Their spread as a multiple of the usual one; 1 where either is unknown."""
    width = spread(values)
    return width / usual if width > 0 and usual > 0 else 1.0


def _class_nearby(ids: NDArray[np.int32], codes: NDArray[np.int32]) -> NDArray[np.int32]:
    """The codes; of unlabelled rows the one most of their labelled neighbours carry, of equals the nearest one's."""
    out = codes.copy()
    loose = np.flatnonzero(codes < 0)
    for start in range(0, len(loose), BLOCK):
        rows = loose[start : start + BLOCK]
        near = np.where(ids[rows] >= 0, codes[np.maximum(ids[rows], 0)], -1)  # (n, k)
        votes = np.where(near >= 0, (near[:, :, None] == near[:, None]).sum(2), 0)
        out[rows] = np.take_along_axis(near, votes.argmax(1)[:, None], 1)[:, 0]  # the first of equals is the nearest
    return out


def _graph_distances(
    views: Mapping[str, NDArray[Any]],
    ids: NDArray[np.int32],
    distances: NDArray[np.float32],
    groups: NDArray[np.int32],
    ranks: tuple[int, int],
    cosine: bool,
    seed: int,
    threads: int,
) -> NDArray[np.float32]:
    """Mean distance to the neighbours of ``ranks`` (as many as there are); of rows in closed groups, outside the group."""
    there = int(np.isfinite(distances[0]).sum()) if len(distances) else 0
    last = max(1, min(ranks[1], there))
    first = min(ranks[0], last - 1)
    near = np.asarray(distances[:, first:last], np.float64)
    usable = np.isfinite(near)
    count = usable.sum(1)
    out = np.where(count > 0, np.where(usable, near, 0).sum(1) / np.maximum(count, 1), np.nan).astype(np.float32)
    rows, outside = outside_distances(
        list(views.values()), groups, ranks=(first, last), cosine=cosine, seed=seed, threads=threads
    )
    out[rows] = outside
    return out


def _joined(views: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    arrays = list(views.values())
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=1)


def _in_tail(evidence: Floats) -> NDArray[np.bool_]:
    tail = fit_tail(evidence)
    return np.zeros(len(evidence), bool) if tail is None else tail.p_values(evidence) < P_VALUE


def _beyond_in_table(parts: list[Part], known: NDArray[np.int64], cut: float) -> NDArray[np.bool_]:
    """Either part beyond the null's cut; distances beyond their own tail besides.

    Tables often hold an entity many times (a hospital, a customer): those that come fewer times than there are neighbours
    lie far from others without being strange, and there are many of them.
    """
    nearest, forest = (part.z[known] for part in parts)
    return (forest > cut) | ((nearest > cut) & _in_tail(nearest))


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
    last = TABLE_NEAREST[1]
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


def _agreeing(ids: NDArray[np.int32], codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Labelled rows at least half of whose neighbours carry the same label."""
    share = np.zeros(len(codes))
    for start in range(0, len(codes), 65_536):
        near = np.asarray(ids[start : start + 65_536])
        same = (near >= 0) & (codes[np.maximum(near, 0)] == codes[start : start + len(near), None])
        share[start : start + len(near)] = same.sum(1) / max(near.shape[1], 1)
    return (codes >= 0) & (share >= AGREE)


def _many_foreign(z: Floats, agree: NDArray[np.bool_], codes: NDArray[np.int32], known: NDArray[np.int64]) -> int:
    """How many rows lie beyond the range of rows whose neighbours agree with their label, where that is very many; else 0.

    A tail fitted to all rows takes foreign ones for its own where they are over some 2 % of the rows. Rows that agree with
    their neighbours are no foreign ones, so their tail stays. ``z`` is of distances that do not look at labels: wrong labels
    must not count. Not counted: rows that agree, and classes a good part of which lies out there.
    """
    if agree.sum() < MOST_AGREE * (codes[known] >= 0).sum():
        return 0
    own, clean = fit_tail(z[known]), fit_tail(z[agree])
    if own is None or clean is None:
        return 0
    beyond = np.zeros(len(z), bool)
    beyond[known] = clean.p_values(z[known]) < P_VALUE
    beyond &= ~agree
    labelled = np.flatnonzero(codes >= 0)
    if len(labelled):
        part = np.bincount(codes[labelled], beyond[labelled]) / np.maximum(np.bincount(codes[labelled]), 1)
        beyond[labelled] &= part[codes[labelled]] <= CLASS_PART
    many = int(beyond.sum())
    usual = int((own.p_values(z[known]) < P_VALUE).sum())
    return many if many >= max(MANY * usual, MANY_SHARE * len(known)) else 0


def _reasons(
    flagged: NDArray[np.int64],
    parts: list[Part],
    by_chance: NDArray[np.bool_],
    groups: NDArray[np.int32],
    entropy: NDArray[np.float32] | None,
    cells: Mapping[int, str],
    named: Mapping[int, str],
) -> list[str]:
    """One sentence a row: the unusual cell, or else the strongest part (of rows as by chance the distance) and how much."""
    strongest = np.where(by_chance, 0, np.argmax([part.z[flagged] for part in parts], axis=0))
    usual = [_median(part.value) for part in parts]
    sizes = np.bincount(groups[groups >= 0])
    undecided = np.inf if entropy is None else float(np.nanquantile(entropy, 0.9))
    sentences = []
    for row, which in zip(flagged.tolist(), strongest.tolist(), strict=True):
        if row in cells:
            sentences.append(cells[row])
            continue
        part = parts[which]
        times = float(part.value[row]) / usual[which] if usual[which] > 0 else np.inf
        text = part.reason.format(f"{times:.1f} times" if times < 1000 else "over 1,000 times")
        if groups[row] >= 0:
            text = f"it is one of {sizes[groups[row]]:,} rows that are close to each other and far from all others"
        elif part.reason == CUTS and not named[row]:
            text = f"no cell of it is unusual by itself, but together they are: {text}"
        if named[row]:
            text += f": {named[row]}"
        if entropy is not None and entropy[row] > max(undecided, 0):
            text += ", and no class fits it well"
        sentences.append(text[0].upper() + text[1:] + ".")
    return sentences


def _foreign_groups(groups: NDArray[np.int32], flagged: NDArray[np.bool_], k: int) -> list[str]:
    """One sentence for each closed group larger than a neighbourhood most of whose rows are flagged."""
    inside = groups >= 0
    sizes = np.bincount(groups[inside], minlength=1)
    hits = np.bincount(groups[inside], flagged[inside], len(sizes))
    notes = []
    for group in np.flatnonzero((sizes > k) & (2 * hits >= sizes)).tolist():
        notes.append(
            f"a foreign group: {sizes[group]:,} rows are close to each other and far from all others; "
            "look at one of them to judge them all"
        )
    return notes


def _median(values: NDArray[Any]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def outliers(
    embeddings: Any, labels: Any = None, *, k: int = 15, threads: int | None = None, seed: int = 0
) -> pd.DataFrame:
    """Rows that fit nothing else, from embeddings and, where you have them, labels.

    Parameters
    ----------
    embeddings : (N, d) numbers, one row a row; made by any model.
    labels : (N,) class values, None or NaN = unlabelled. With labels, rows are also compared with their own class.
    k : neighbours a row that are looked for.
    threads : default all cores; the result is the same for any number.
    seed : of samples.

    Returns
    -------
    DataFrame in row order: row_id (0-based), is_outlier, outlier_score (1 = most severe), outlier_reason.

    Raises
    ------
    ArrayError : embeddings that are not two-dimensional finite numbers, labels of another length.

    Notes
    -----
    About three rows in a thousand of a clean dataset are flagged; nothing under 30 rows. Cost: that of
    `assay.neighbors`, then N d min(class size, 2,000) operations. Method: see `outlier_issues`.

    Examples
    --------
    >>> import numpy as np, assay
    >>> rng = np.random.default_rng(0)
    >>> rows = np.ones((200, 16)) + rng.normal(0, .2, (200, 16))
    >>> rows[7] = rng.normal(0, 1, 16)
    >>> assay.outliers(rows).sort_values("outlier_score")["row_id"].iloc[-1]
    np.int64(7)
    """
    import os

    from assay.graph import neighbors
    from assay.graph.vectors import check_embeddings

    array = check_embeddings(embeddings)
    n = len(array)
    codes = np.full(n, -1, np.int32)
    if labels is not None:
        given = pd.Series(labels).reset_index(drop=True)
        if len(given) != n:
            raise ArrayError(f"there are {len(given):,} labels for {n:,} rows of embeddings")
        codes = pd.factorize(given)[0].astype(np.int32)
    workers = threads or os.cpu_count() or 1
    ids, distances = neighbors(array, k, threads=workers, seed=seed)
    found = outlier_issues(
        {"embeddings": array},
        codes,
        ids,
        distances,
        None,
        np.ones(n, bool),
        modality="vectors",
        seed=seed,
        threads=workers,
    )
    return pd.DataFrame({ROW_ID: np.arange(n)} | {name: found[name] for name in found if not name.startswith("_")})
