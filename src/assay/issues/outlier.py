"""Outliers: rows that fit nothing else in the dataset.

In: one or more embeddings, the neighbour graph, labels where there are any. Out: the columns of kind "outlier".
Does not know: which evidence there is: of tables `outlier_tables`, of anything else `outlier_distances` judges.

The threshold is `outlier_evidence.P_VALUE`, on the tail that `tail.fit_tail` fits to the evidence; of tables besides it
`forest.FALSE_FLAGS` and `forest.LEAST_Z`, on what a table of the same columns without outliers gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from assay.columns import ROW_ID
from assay.encode.cells import Cells
from assay.errors import ArrayError
from assay.issues.isolated_groups import closed_groups
from assay.issues.outlier_distances import judge_distances
from assay.issues.outlier_evidence import CUTS, Neighborhood, Part
from assay.issues.outlier_tables import judge_table
from assay.issues.unusual_cells import least_usual


def outlier_issues(
    embeddings: Mapping[str, NDArray[Any]],
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
    embeddings : name -> (N, d) vectors. labels : (N,) class codes, -1 = unlabelled; used where at least half have one.
    ids, distances : (N, k) the graph over the joined embeddings: Euclidean for tables, else cosine.
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

    Notes
    -----
    How rows are judged: `judge_table`, `judge_distances`. Rows of a group that keeps to itself are measured to rows outside it
    (`isolated_groups`), and groups larger than a neighbourhood are named in one note.
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
    near = Neighborhood(embeddings, ids, distances, groups, seed, threads)
    if modality == "table":
        found = judge_table(near, analyzed, columns=columns, widths=widths)
    else:
        found = judge_distances(near, codes, analyzed, modality=modality)
    result["_notes"] += found.notes
    alike = np.ptp(found.evidence) <= 0
    result["outlier_score"][known] = 0 if alike else rankdata(found.evidence) / len(known)
    if found.reference is None:
        return result
    result["_reference"] = found.reference
    flagged = known[found.beyond]
    result["is_outlier"][flagged] = True
    named = dict(zip(flagged.tolist(), least_usual(columns, flagged), strict=True))
    result["outlier_reason"][flagged] = _reasons(
        flagged, found.parts, found.by_chance[flagged], groups, entropy, found.cells.reason, named
    )
    result["_notes"] += _foreign_groups(groups, result["is_outlier"], ids.shape[1])
    return result


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
