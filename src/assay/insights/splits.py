"""Findings about splits and the order of rows: copies across splits, what only one split has, rows that are not in random order.

In: splits, class codes, clusters of copies, neighbours, measured properties, positions. Out: `Finding`s of the checks
"split_leakage", "split_shift" and "row_order". Pure. Does not know: files, how copies are found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.insights.finding import Finding, in_words, listed_names, quote, rows_of
from assay.insights.proposals import examples_of
from assay.issues.interval import wilson

SURE = 1e-4  # p value below which a difference is named, over all that were looked at (Bonferroni)
SHIFT = 0.15  # ... and the least distance between two distributions (Kolmogorov-Smirnov, or total variation of classes)
ONLY = 5  # rows of a class that one split has and the others have none of
SPLIT_ROWS = 20  # rows of a split below which nothing is said about it
ORDER_ROWS = 5_000  # rows whose neighbours are looked up for the order
SHUFFLES = 99
ORDER_Z = 5.0  # z of the mean distance between neighbours' positions against shuffled ones ...
SORTED_VALUES = 20  # of a column that rows are said to be sorted by, at least
ORDER_SHARE = 0.10  # ... and how much nearer they are, at least
NAMED = 5

Codes = NDArray[np.int32]


def split_leakage(
    names: Sequence[Any],
    codes: Codes,
    splits: NDArray[np.object_],
    clusters: NDArray[np.int64],
    exact: NDArray[np.bool_],
    rows: NDArray[np.int64],
) -> list[Finding]:
    """Copies of a row in another split, a finding for each split that is smaller than the largest one.

    ``codes``, ``splits`` (None = no split), ``clusters`` (-1 = no copy), ``exact`` and ``rows`` (row numbers) are aligned.
    """
    known = np.array([split is not None for split in splits], bool)
    sizes = {str(split): int((splits == split).sum()) for split in dict.fromkeys(splits[known].tolist())}
    if len(sizes) < 2:
        return []
    largest = max(sizes, key=lambda split: sizes[split])
    code_of = {split: index for index, split in enumerate(sizes)}
    split_code = np.array([code_of[str(s)] if s is not None else -1 for s in splits], np.int64)
    copied = np.flatnonzero(known & (clusters >= 0))
    pairs = np.unique(clusters[copied] * len(sizes) + split_code[copied])
    spread = np.bincount(pairs // len(sizes), minlength=int(clusters.max(initial=-1)) + 1)
    crosses = np.zeros(len(codes), bool)
    crosses[copied] = spread[clusters[copied]] > 1
    found = []
    for split, size in sizes.items():
        hit = np.flatnonzero(crosses & (split_code == code_of[split]))
        if split == largest or not len(hit):
            continue
        low, high = wilson(len(hit), size)
        by_class = np.bincount(codes[hit][codes[hit] >= 0], minlength=len(names))
        top = [int(code) for code in np.argsort(-by_class, kind="stable")[:NAMED] if by_class[code]]
        message = (
            f"{rows_of(len(hit))} of the split {quote(split)} ({len(hit) / size:.1%}) {'is a copy' if len(hit) == 1 else 'are copies'} "
            f"of a row in another split, {int(exact[hit].sum()):,} of them exact: what is measured on it is too good."
            + (f" Most are given {listed_names([names[code] for code in top], 3)}." if top else "")
        )
        data = {
            "split": split, "exact": int(exact[hit].sum()), "near": int((~exact[hit]).sum()),
            "classes": [[names[code], int(by_class[code])] for code in top],
        }  # fmt: skip
        found.append(
            Finding(
                "split_leakage",
                "Copies across splits",
                [split],
                message,
                data,
                strength=round(len(hit) / size, 4),
                low=round(low, 4),
                high=round(high, 4),
                rows=len(hit),
                examples=examples_of(rows[hit]),
            )
        )
    return found


def split_shift(
    names: Sequence[Any],
    codes: Codes,
    splits: NDArray[np.object_],
    properties: Mapping[str, NDArray[np.float64]],
    neighbors: NDArray[np.int32] | None,
    rows: NDArray[np.int64],
) -> list[Finding]:
    """What one split has and the rest has not: classes, properties, regions of the vectors.

    Parameters
    ----------
    properties : name -> (N,) numbers, NaN where not measured.
    neighbors : (N, k) of each row, -1 = none; with it, whether the rows of a split keep to themselves.

    Notes
    -----
    Each split is compared with all other rows. Classes: chi-square; properties: Kolmogorov-Smirnov; regions: the share of
    neighbours from the own split against the split's share of rows, with folds of the normal tail. O(N log N) a property.
    """
    from scipy.stats import chi2_contingency, ks_2samp, norm

    known = np.array([split is not None for split in splits], bool)
    values = list(dict.fromkeys(splits[known].tolist()))
    if len(values) < 2:
        return []
    found: list[Finding] = []
    tests = len(values) * (2 + len(properties))
    for split in values[: 1 if len(values) == 2 else len(values)]:
        inside, outside = known & (splits == split), known & (splits != split)
        if min(inside.sum(), outside.sum()) < SPLIT_ROWS:
            continue
        # classes
        ours = np.bincount(codes[inside & (codes >= 0)], minlength=len(names))
        others = np.bincount(codes[outside & (codes >= 0)], minlength=len(names))
        for only, absent, where in ((ours, others, "only"), (others, ours, "not")):
            alone = np.flatnonzero((only >= ONLY) & (absent == 0))
            expected = only[alone] * absent.sum() / max(only.sum(), 1)
            alone = alone[expected >= ONLY]  # as many rows should be there, if the splits were drawn at random
            if len(alone):
                told = listed_names([names[code] for code in alone.tolist()], NAMED)
                verb = "has" if where == "only" else "lacks"
                message = (
                    f"Only the split {quote(split)} {verb} {told}."
                    if where == "only"
                    else (f"The split {quote(split)} {verb} {told}, which the rest of the data has.")
                )
                hit = np.flatnonzero(np.isin(codes, alone) & known)
                found.append(
                    Finding(
                        "split_shift",
                        "A class that one split lacks",
                        [names[code] for code in alone.tolist()],
                        message,
                        {"split": split, "kind": "class"},
                        "class",
                        [names[code] for code in alone.tolist()],
                        1.0,
                        None,
                        None,
                        len(hit),
                        examples_of(rows[hit]),
                    )
                )
        both = (ours + others) > 0
        if both.sum() > 1 and ours.sum() and others.sum():
            distance = float(np.abs(ours / ours.sum() - others / others.sum()).sum() / 2)
            p = float(chi2_contingency(np.stack([ours[both], others[both]]))[1])
            if p * tests < SURE and distance >= SHIFT:
                apart = ours / ours.sum() - others / others.sum()
                more = [names[code] for code in np.argsort(-apart, kind="stable")[:3].tolist() if apart[code] > 0]
                message = (
                    f"The classes are spread differently in the split {quote(split)}: {distance:.0%} of its rows would have to "
                    f"carry another label to be like the rest. It has more of {listed_names(more)}."
                )
                found.append(_shift(split, "class balance", distance, message, rows[inside], p))
        for name, value in properties.items():
            one, two = value[inside & np.isfinite(value)], value[outside & np.isfinite(value)]
            if min(len(one), len(two)) < SPLIT_ROWS:
                continue
            test = ks_2samp(one, two, method="asymp")
            if test.pvalue * tests < SURE and test.statistic >= SHIFT:
                message = (
                    f"Rows of the split {quote(split)} differ in {in_words(name)}: the middle value is "
                    f"{np.median(one):.4g} there and {np.median(two):.4g} elsewhere."
                )
                found.append(_shift(split, name, float(test.statistic), message, rows[inside], float(test.pvalue)))
        if neighbors is not None:
            excess, z = _keeps_to_itself(inside, known, neighbors)
            p = float(norm.sf(z))
            if p * tests < SURE and excess >= SHIFT:
                message = (
                    f"Rows of the split {quote(split)} keep to themselves: their nearest neighbours are of the same split "
                    f"{excess:.0%} more often than if rows had been drawn at random."
                )
                found.append(_shift(split, "region", excess, message, rows[inside], p))
    return found


def _shift(split: Any, kind: str, strength: float, message: str, rows: NDArray[np.int64], p: float) -> Finding:
    return Finding(
        "split_shift", "Splits differ", [split], message, {"split": split, "kind": kind, "p_value": p}, kind,
        strength=round(strength, 4), rows=len(rows), examples=examples_of(rows),
    )  # fmt: skip


def _keeps_to_itself(
    inside: NDArray[np.bool_], known: NDArray[np.bool_], neighbors: NDArray[np.int32]
) -> tuple[float, float]:
    """How much the share of own neighbours exceeds chance, as a part of what is possible; and its z.

    The neighbours of one row are no independent draws, and a row is a neighbour of many: rows count once, and the variance
    is doubled.
    """
    of = np.flatnonzero(inside)
    ids = neighbors[of]
    good = (ids >= 0) & known[np.maximum(ids, 0)]
    own = good & inside[np.maximum(ids, 0)]
    counted = good.any(1)
    share = own[counted].sum(1) / good[counted].sum(1)
    expected = (inside.sum() - 1) / max(known.sum() - 1, 1)
    if not len(share) or expected >= 1:
        return 0.0, 0.0
    error = max(float(np.sqrt(2 * share.var() / len(share))), 1e-9)
    return float((share.mean() - expected) / (1 - expected)), float((share.mean() - expected) / error)


def is_sorted(numbers: NDArray[np.float64] | None, least: int = SORTED_VALUES) -> bool:
    """Whether (N,) numbers, ``least`` different ones among them, never fall or never rise; up to half may be NaN."""
    if numbers is None:
        return False
    known = numbers[np.isfinite(numbers)]
    if 2 * len(known) < len(numbers) or len(np.unique(known)) < least:
        return False
    steps = np.diff(known)
    return bool((steps >= 0).all() or (steps <= 0).all())


def row_order(
    codes: Codes,
    positions: NDArray[np.int64],
    neighbors: NDArray[np.int32] | None,
    rows: NDArray[np.int64],
    *,
    sorted_by: Callable[[], str | None] = lambda: None,
    seed: int = 0,
) -> list[Finding]:
    """Whether rows that are alike lie near each other in the user's order, beyond what chance does.

    Parameters
    ----------
    positions : (N,) place of each row in the user's order.
    neighbors : (N, k) nearest rows; None: only the labels are looked at.
    sorted_by : the column that the rows are sorted by, asked only where rows that are alike lie near each other.

    Notes
    -----
    The mean distance between the positions of neighbours (and of successive rows' labels) is compared with that of 99
    shuffled orders, on at most 5,000 rows. Cost: O(99 * 5,000 * k).
    """
    n = len(positions)
    if n < 100:
        return []
    rng = np.random.default_rng([seed, 41])
    order = np.argsort(positions, kind="stable")
    position = np.empty(n, np.int64)
    position[order] = np.arange(n)
    found: list[Finding] = []
    in_order = codes[order]
    labelled = in_order[in_order >= 0]
    if len(labelled) >= 100 and len(np.unique(labelled)) > 1:
        same = float((labelled[1:] == labelled[:-1]).mean())
        share = np.bincount(labelled) / len(labelled)
        chance = float((share**2).sum())
        z = (same - chance) / max(np.sqrt(chance * (1 - chance) / len(labelled)), 1e-9)
        excess = (same - chance) / (1 - chance)
        if z > ORDER_Z and excess >= ORDER_SHARE:
            sorted_by_label = int((labelled[1:] != labelled[:-1]).sum()) == len(np.unique(labelled)) - 1
            message = (
                "Rows are sorted by label: each class is one block of rows. Shuffle before you split by position."
                if sorted_by_label
                else f"Rows are not in random order: {same:.0%} of them carry the label of the row before, where chance gives "
                f"{chance:.0%}. Shuffle before you split by position."
            )
            return [
                Finding(
                    "row_order",
                    "Rows in order of their labels",
                    [],
                    message,
                    {"z": round(float(z), 2)},
                    "label",
                    strength=round(float(excess), 4),
                    rows=n,
                    examples=examples_of(rows[order]),
                )
            ]
    if neighbors is None:
        return found
    asked = np.sort(rng.permutation(n)[:ORDER_ROWS])
    ids = neighbors[asked][:, :5]
    one, at = np.nonzero(ids >= 0)
    first, second = asked[one], ids[one, at]
    if len(first) < 100:
        return found
    real = float(np.abs(position[first] - position[second]).mean())
    shuffled = []
    for _ in range(SHUFFLES):
        mixed = rng.permutation(n)
        shuffled.append(float(np.abs(mixed[first] - mixed[second]).mean()))
    mean, error = float(np.mean(shuffled)), max(float(np.std(shuffled)), 1e-9)
    excess = 1 - real / mean
    if (mean - real) / error > ORDER_Z and excess >= ORDER_SHARE:
        column = sorted_by()
        if column is None:
            message = (
                f"Rows are not in random order: rows that are alike lie {excess:.0%} nearer to each other than chance puts "
                "them. Shuffle before you split by position; rows that came together may not be independent."
            )
        else:
            message = (
                f"Rows are sorted by {quote(column)}, and rows that are alike lie {excess:.0%} nearer to each other than chance "
                "puts them. Split at a point of it to learn how later rows fare; shuffle only if rows that follow each other "
                "have nothing to do with each other."
            )
        found.append(
            Finding(
                "row_order",
                "Rows in order",
                [],
                message,
                {"z": round((mean - real) / error, 2)} | ({"sorted_by": column} if column else {}),
                "neighbors",
                strength=round(excess, 4),
                rows=n,
                examples=examples_of(rows[order]),
            )
        )
    return found
