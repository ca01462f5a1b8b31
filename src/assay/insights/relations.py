"""Typed relations between classes: the same thing, general and specific, one holds the other, look-alikes, catch-alls.

In: class names, class codes, what one read of the out-of-sample probabilities left of each row (`assay.issues.scan.Scan`).
Out: `Relation`s between pairs and single classes, and groups of them. Pure. Does not know: rows' contents, sentences.

Method, for classes a and b: ``cov_ab`` is the share of rows given a for which b is plausible too (probability of .1 or
more). Two classes are *fused* where nothing tells rows given a from rows given b in the region that they share: the area
under the ROC curve of log p_b - log p_a is near one half there. Fused classes that cover each other are the same thing; where
one is covered and covers only a part of the other, the other is the general one: each of its rows looks like some specific
class, so each specific class is plausible on few of its rows, while the general class is plausible on every row of a specific one.
A general class has few rows in the region of each of its specific ones, so that no pair proves anything by itself: all pairs
with one general class are also tested together (by the mean of their areas, weighted by precision).
Look-alikes are mistaken for each other and yet can be told apart. Class names decide nothing alone: of fused classes, they may say
which one is general.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.insights.names import is_kind_by_name
from assay.issues.interval import wilson
from assay.issues.scan import rows_by_class

PLAUSIBLE = 0.10  # probability from which a class is plausible for a row
SWAPS = 4  # rows of one class predicted as the other, both ways together, that make a pair worth a look ...
WORTH = 0.08  # ... or the larger coverage
FUSED = 0.78  # largest AUC of classes that nothing tells apart, one standard error added ...
# ... or, where each of the two covers most of the other, this one before the error is added and this one with it: look-alikes that
# cover each other so had .93 and more, halves of one class up to .79. With 15 rows a class the error alone is .12.
ALIKE = 0.82, 0.90
COVERED = 0.20  # least coverage of a fused pair, the larger one
MUTUAL = 0.50  # least coverage both ways of the same thing ...
EVEN = 0.35, 0.20  # ... or at least so much, and no more unlike than this share of both
MOSTLY = 0.65  # of each other, from which a third class that only one of two is fused with is no sign that this one is general
TOGETHER = 0.20  # least share of the specific class's rows whose probability lies on the two classes mostly
THIRD = 0.20  # a row belongs to the region of two classes if no third one has more
LEAST = 8  # rows of each class without which nothing is said about a pair
PAIR_ROWS = 2_000  # rows of a class that are looked at for one pair, evenly over it
# Look-alikes: at least this share of the rows of both is taken for the other (below, any noise does that), and no less than if wrong
# predictions fell on all classes alike.
OFTEN = 0.01
TORN = 4  # rows of look-alikes for which both are plausible: a wrong label by chance leaves the model sure of one
OVERLAP = 0.15  # geometric mean of the swap rates from which look-alikes overlap
CATCH_ALL = 0.6  # share of a class's rows that look like other classes, and twice the dataset's ...
CATCH_ALL_NAMED = 0.3  # ... where its name says that it is one
KINDS = 5.0, 3.0  # ... and like so many of them, as the exponential of the entropy; the second where its name says so
EXPLAINED = 1 / 2  # share of them that look like classes to which it is general, or the same: then it is no catch-all
CATCH_ROWS = 20  # rows of a class without a telling name
MOST_PAIRS = 20_000  # candidate pairs looked at, most swapped first
EXAMPLES = 6
CATCHING = re.compile(
    r"\b(other|others|misc|miscellaneous|unknown|unclear|not sure|unsure|none|skip|n/?a|undefined|uncategori[sz]ed"
    r"|unclassified|no label|no class|various|rest|etc|general|out of scope|oos)\b"
)

Codes = NDArray[np.int32]
Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


class TopProbabilities(Protocol):
    """The five largest probabilities of each row and the given one: `assay.issues.scan.Scan`."""

    @property
    def n_classes(self) -> int: ...
    @property
    def classes(self) -> Codes: ...
    @property
    def probs(self) -> NDArray[np.floating[Any]]: ...
    @property
    def given(self) -> NDArray[np.floating[Any]]: ...
    @property
    def analyzed(self) -> NDArray[np.bool_]: ...


@dataclass(frozen=True)
class Relation:
    """``first``, ``second`` class codes; of is_a general and specific, of has_a holder and held. ``second`` = -1: one class.

    strength with its interval is a share: of rows for which both are plausible (same thing: the smaller of both ways; is-a:
    of the specific class), of the holder's rows (has-a), of rows taken for the other (look-alikes), of rows that belong
    elsewhere (catch-all). ``auc``: how well the two can be told apart, .5 = not at all. ``rows`` (n,) the rows behind it,
    the most telling first.
    """

    type: str
    first: int
    second: int
    strength: float
    low: float
    high: float
    rows: Rows
    auc: float = math.nan
    facts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Classes of which each relates to most others (same thing, look-alikes), or that share one general or holder class."""

    type: str
    members: tuple[int, ...]
    head: int  # the general or holder class, -1 = none
    strength: float
    low: float
    high: float
    rows: Rows


@dataclass(frozen=True)
class PairCounts:
    """Directed pairs (a, b): rows given a that are predicted b, and for which b is plausible; over ``n`` (K,) rows a class."""

    n: NDArray[np.int64]
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    swaps: NDArray[np.int64]
    covers: NDArray[np.int64]

    def lookup(self) -> dict[tuple[int, int], tuple[int, int]]:
        values = (self.a.tolist(), self.b.tolist(), self.swaps.tolist(), self.covers.tolist())
        return {(a, b): (swap, cover) for a, b, swap, cover in zip(*values, strict=True)}


def count_pairs(labels: Codes, seen: TopProbabilities) -> PairCounts:
    """Counts of every directed pair that occurs. O(5 N) and a sort of the plausible (row, class) pairs."""
    size = seen.n_classes
    known = np.flatnonzero((labels >= 0) & seen.analyzed)
    given = labels[known].astype(np.int64)
    swap_keys, cover_keys = [], []
    for rank in range(seen.classes.shape[1]):
        other = seen.classes[known, rank].astype(np.int64)
        differs = other != given
        if rank == 0:
            swap_keys.append((given * size + other)[differs])
        plausible = differs & (np.asarray(seen.probs[known, rank]) >= PLAUSIBLE)
        cover_keys.append((given * size + other)[plausible])
    swapped, swaps = np.unique(np.concatenate(swap_keys), return_counts=True)
    covered, covers = np.unique(np.concatenate(cover_keys), return_counts=True)
    keys = np.union1d(swapped, covered)
    both = np.zeros((2, len(keys)), np.int64)
    both[0, np.searchsorted(keys, swapped)] = swaps
    both[1, np.searchsorted(keys, covered)] = covers
    return PairCounts(np.bincount(given, minlength=size), keys // size, keys % size, both[0], both[1])


def relations(
    classes: Sequence[Any],
    labels: Codes,
    seen: TopProbabilities,
    *,
    joint: dict[tuple[int, int], Rows] | None = None,
) -> list[Relation]:
    """All relations that the probabilities show, strongest kinds first.

    Parameters
    ----------
    classes : K names; weak evidence of catch-alls, and of which of two classes that nothing tells apart is the general one.
    labels : (N,) int32 class codes, -1 = unlabelled.
    seen : the largest probabilities of each row, out of sample.
    joint : (holder, held) -> rows given the holder in which the held class is plainly there too, as `assay.insights.two_labels`
        finds them; without it no has-a is named, for a softmax hides the second object.

    Notes
    -----
    Cost: one pass over N x 5, then O(rows of the two classes) for each candidate pair, of which at most 20,000 are
    looked at, at most 2,000 rows of a class each.
    """
    if seen.n_classes < 2 or not len(labels):
        return []
    counts = count_pairs(labels, seen)
    members = rows_by_class(np.where(seen.analyzed, labels, -1).astype(np.int32), seen.n_classes)
    table = counts.lookup()
    known = (labels >= 0) & seen.analyzed
    wrong = float((seen.classes[known, 0] != labels[known]).mean()) if known.any() else 0.0
    often = max(OFTEN, wrong / (seen.n_classes - 1))
    judged = {pair: _pair(*pair, members, seen, table, often) for pair in _candidates(counts)}
    jointly = _fused_jointly(outcome for _, outcome in judged.values() if outcome is not None)
    for pair in sorted(jointly):
        judged[pair] = _pair(*pair, members, seen, table, often, fused=True)
    found = [relation for relation, _ in judged.values() if relation is not None]
    found = _kinds_by_name(classes, _generals(_without_fused_everything(found, counts)), counts.n, table)
    found += holders(found, joint or {}, counts.n)
    catching = _catch_alls(classes, labels, seen, members, found)
    anything = {r.first for r in catching}
    found = [r for r in found if not (r.type == "is_a" and r.first in anything)] + catching
    order = {name: rank for rank, name in enumerate(("same_thing", "is_a", "catch_all", "has_a", "looks_alike"))}
    return sorted(found, key=lambda r: (order[r.type], -len(r.rows), -r.strength, r.first, r.second))


def _candidates(counts: PairCounts) -> list[tuple[int, int]]:
    """Pairs a < b worth a look, most swapped first."""
    size = len(counts.n)
    low, high = np.minimum(counts.a, counts.b), np.maximum(counts.a, counts.b)
    keys, at = np.unique(low * size + high, return_inverse=True)
    swaps = np.bincount(at, counts.swaps, len(keys))
    cover = np.zeros(len(keys))
    np.maximum.at(cover, at, counts.covers / np.maximum(counts.n[counts.a], 1))
    enough = (counts.n[keys // size] >= LEAST) & (counts.n[keys % size] >= LEAST)
    chosen = np.flatnonzero(enough & ((swaps >= SWAPS) | (cover >= WORTH)))
    chosen = chosen[np.argsort(-(swaps[chosen] + cover[chosen]), kind="stable")][:MOST_PAIRS]
    return list(zip((keys[chosen] // size).tolist(), (keys[chosen] % size).tolist(), strict=True))


@dataclass(frozen=True)
class _Overlap:
    """How well two classes can be told apart where they overlap, of a pair of which one may be general to the other.

    ``error``, ``spread``: standard error of ``auc`` if nothing tells them apart, and if that much does. ``same``: they seem to be the
    same thing.
    """

    general: int
    specific: int
    auc: float
    error: float
    spread: float
    same: bool = False


def _fused_jointly(pairs: Iterable[_Overlap]) -> set[tuple[int, int]]:
    """(lower, higher) class codes of the pairs that nothing tells apart, by the evidence of all pairs with the same general class.

    All of these pairs count for the mean, or the chance of small numbers would choose, but for those told apart by themselves by
    two standard errors: mere look-alikes of the same general class. Those told apart by more than one are not fused. But two names
    of one thing say nothing about a third class being a kind of either: they count only where the class is fused with one more by
    itself: the same thing cannot be two things.
    """
    of: dict[int, list[_Overlap]] = {}
    partners: Counter[int] = Counter()
    for pair in pairs:
        of.setdefault(pair.general, []).append(pair)
        if pair.auc + pair.error <= FUSED:
            partners.update((pair.general, pair.specific))
    fused: set[tuple[int, int]] = set()
    for code, overlaps in of.items():
        counted = [p for p in overlaps if (partners[code] > 1 or not p.same) and p.auc - 2 * p.spread <= FUSED]
        auc, weight = np.array([p.auc for p in counted]), np.array([p.error**-2 for p in counted])
        if len(counted) > 1 and float(auc @ weight / weight.sum() + weight.sum() ** -0.5) <= FUSED:
            fused |= {
                (min(p.general, p.specific), max(p.general, p.specific)) for p in counted if p.auc - p.spread <= FUSED
            }
    return fused


def _pair(
    a: int,
    b: int,
    members: list[Rows],
    seen: TopProbabilities,
    table: dict[tuple[int, int], tuple[int, int]],
    often: float,
    *,
    fused: bool = False,
) -> tuple[Relation | None, _Overlap | None]:
    """The relation of two classes, and where one may be general to the other, how far they overlap. ``fused``: they are known to
    be, by more than their own rows. ``often``: share of rows taken for the other from which the two look alike."""
    rows_a, rows_b = _some(members[a]), _some(members[b])
    pa, pb, third = (
        np.concatenate(parts) for parts in zip(_of(rows_a, a, b, seen), _of(rows_b, a, b, seen), strict=True)
    )
    is_b = np.repeat([False, True], [len(rows_a), len(rows_b)])
    rows = np.concatenate([rows_a, rows_b])
    shared = (pa + pb > 0.3) & (third <= np.maximum(THIRD, 1.5 * np.minimum(pa, pb)))
    auc = _auc(np.log(pb[shared]) - np.log(pa[shared]), is_b[shared])
    n = len(members[a]), len(members[b])
    (swap_ab, cover_ab), (swap_ba, cover_ba) = table.get((a, b), (0, 0)), table.get((b, a), (0, 0))
    cov_ab, cov_ba = cover_ab / n[0], cover_ba / n[1]
    # general: the class that the other covers less
    general, specific = (a, b) if cov_ab <= cov_ba else (b, a)
    cov_low, cov_high = min(cov_ab, cov_ba), max(cov_ab, cov_ba)
    of_specific = is_b == (specific == b)
    together = float(np.mean((pa + pb)[of_specific] >= 0.5))
    facts = {
        "cov_low": cov_low, "cov_high": cov_high, "swaps_first": swap_ab, "swaps_second": swap_ba, "together": together,
    }  # fmt: skip
    both = np.minimum(pa, pb)
    telling = rows[np.argsort(-both, kind="stable")][: int((both >= PLAUSIBLE).sum())]
    overlap = None
    if cov_high >= COVERED and together >= TOGETHER and min(shared.sum(), *n) >= LEAST:
        error, spread = _auc_error(is_b[shared]), _auc_error(is_b[shared], auc)
        one_side = is_b[shared].all() or not is_b[shared].any()
        overlap = None if one_side else _Overlap(general, specific, auc, error, spread)
        fused |= auc + error <= FUSED
        fused |= cov_low > MUTUAL and auc <= ALIKE[0] and auc + spread <= ALIKE[1]
    else:
        fused = False
    if fused:
        even = cov_low > EVEN[0] and cov_high - cov_low <= EVEN[1] * (cov_high + cov_low)
        if cov_low > MUTUAL or even:
            size, hits = min(((n[0], cover_ab), (n[1], cover_ba)), key=lambda pair: pair[1] / pair[0])
            overlap = None if overlap is None else replace(overlap, same=True)
            return Relation("same_thing", a, b, hits / size, *wilson(hits, size), telling, auc, facts), overlap
        size, hits = (n[0], cover_ab) if specific == a else (n[1], cover_ba)
        if hits / size >= COVERED:
            return Relation("is_a", general, specific, hits / size, *wilson(hits, size), telling, auc, facts), overlap
    swaps, total = swap_ab + swap_ba, n[0] + n[1]
    if swaps < max(SWAPS, (often - 1e-9) * total) or len(telling) < max(TORN, OFTEN * total):
        return None, overlap
    both_ways = math.sqrt(swap_ab / n[0] * (swap_ba / n[1]))
    strength = swaps / total
    low, high = wilson(swaps, total)
    predicted = rows[seen.classes[rows, 0] == np.where(is_b, a, b)]
    facts |= {"overlap": both_ways, "torn": float(len(telling))}
    return Relation("looks_alike", a, b, strength, low, high, predicted, auc, facts), overlap


def _some(rows: Rows) -> Rows:
    if len(rows) <= PAIR_ROWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, PAIR_ROWS).astype(np.int64)]


def _of(rows: Rows, a: int, b: int, seen: TopProbabilities) -> tuple[Floats, Floats, Floats]:
    """p of a, of b, and the largest of a third class. What is not among the five largest gets an even share of the rest."""
    classes, probs = seen.classes[rows], np.asarray(seen.probs[rows], np.float64)
    rest = np.maximum(1 - probs.sum(1), 0) / max(seen.n_classes - probs.shape[1], 1)
    floor = np.minimum(np.maximum(rest, 1e-6), np.maximum(probs[:, -1], 1e-6))
    is_a, is_b = classes == a, classes == b
    pa = np.where(is_a.any(1), (probs * is_a).sum(1), floor)
    pb = np.where(is_b.any(1), (probs * is_b).sum(1), floor)
    third = np.where(is_a | is_b, 0, probs).max(1)
    return np.maximum(pa, 1e-6), np.maximum(pb, 1e-6), third


def _auc(score: Floats, positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve; 1 where one side is empty: nothing shows then that the two cannot be told apart."""
    from scipy.stats import rankdata

    n_pos = int(positive.sum())
    n_neg = len(positive) - n_pos
    if not n_pos or not n_neg:
        return 1.0
    return float((rankdata(score)[positive].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def _auc_error(positive: NDArray[np.bool_], auc: float = 0.5) -> float:
    """Standard error of an AUC (Hanley and McNeil, Radiology 1982)."""
    n_pos, n_neg = max(int(positive.sum()), 1), max(int((~positive).sum()), 1)
    one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (n_pos - 1) * (one - auc**2) + (n_neg - 1) * (two - auc**2)
    return math.sqrt(max(variance, 0.0) / (n_pos * n_neg))


def _without_fused_everything(found: list[Relation], counts: PairCounts) -> list[Relation]:
    """Where all classes with rows fuse, the model tells nothing apart: that is no relation between classes."""
    alive = {int(code) for code in np.flatnonzero(counts.n >= LEAST)}
    fused = [r for r in found if r.type in ("same_thing", "is_a")]
    if len(alive) > 2 and len({code for r in fused for code in (r.first, r.second)}) < len(alive):
        return found
    edges = {frozenset((r.first, r.second)) for r in fused}
    if len(edges) < len(alive) * (len(alive) - 1) / 4:
        return found
    return [r for r in found if r.type not in ("same_thing", "is_a")]


def _generals(found: list[Relation]) -> list[Relation]:
    """A class fused with two others that are not fused with each other is general to both: the same thing cannot be two things.

    Where two cover most of each other, one more class that only one of them is fused with may be chance, and it takes two.
    """
    fused: dict[int, set[int]] = {}
    for r in found:
        if r.type in ("same_thing", "is_a"):
            fused.setdefault(r.first, set()).add(r.second)
            fused.setdefault(r.second, set()).add(r.first)

    def spread(code: int, other: int) -> int:
        """Classes fused with ``code`` that are not with ``other``."""
        return len(fused[code] - fused[other] - {other})

    out = []
    for r in found:
        if r.type in ("same_thing", "is_a"):
            first, second = spread(r.first, r.second), spread(r.second, r.first)
            least = 2 if r.type == "same_thing" and r.facts["cov_low"] > MOSTLY else 1
            if max(first, second) >= least and first != second:
                general, specific = (r.first, r.second) if first > second else (r.second, r.first)
                r = replace(r, type="is_a", first=general, second=specific)
        out.append(r)
    return out


def _kinds_by_name(
    classes: Sequence[Any], found: list[Relation], n: NDArray[np.int64], table: dict[tuple[int, int], tuple[int, int]]
) -> list[Relation]:
    """Of the same things, those whose names say that one is a kind of the other: all onions here are yellow ones, and may not be
    tomorrow. A proposal to merge the two would lose what the specific name says."""
    out = []
    for r in found:
        if r.type == "same_thing":
            for general, specific in ((r.first, r.second), (r.second, r.first)):
                if is_kind_by_name(classes[specific], classes[general]):
                    size, hits = int(n[specific]), table.get((specific, general), (0, 0))[1]
                    low, high = wilson(hits, size)
                    r = replace(
                        r, type="is_a", first=general, second=specific, strength=hits / size, low=low, high=high
                    )
                    break
        out.append(r)
    return out


def holders(found: list[Relation], joint: dict[tuple[int, int], Rows], n: NDArray[np.int64]) -> list[Relation]:
    """has-a: rows of one class in which the other is plainly there as well; one way, or the more frequent way."""
    fused = {frozenset((r.first, r.second)) for r in found if r.type in ("same_thing", "is_a")}
    out = []
    for (holder, held), rows in joint.items():
        back = joint.get((held, holder))
        share = len(rows) / max(int(n[holder]), 1)
        other = 0.0 if back is None else len(back) / max(int(n[held]), 1)
        if frozenset((holder, held)) in fused or share < other or (share == other and held < holder):
            continue
        low, high = wilson(len(rows), int(n[holder]))
        out.append(Relation("has_a", holder, held, share, low, high, rows, facts={"back": other}))
    return out


def _catch_alls(
    classes: Sequence[Any], labels: Codes, seen: TopProbabilities, members: list[Rows], found: list[Relation]
) -> list[Relation]:
    """Classes whose rows look like many other classes."""
    kin: dict[int, set[int]] = {}
    for r in found:
        if r.type in ("is_a", "has_a", "same_thing"):
            kin.setdefault(r.first, set()).add(r.second)
        if r.type == "same_thing":
            kin.setdefault(r.second, set()).add(r.first)
    out = []
    known = (labels >= 0) & seen.analyzed
    usual = float((seen.classes[known, 0] != labels[known]).mean()) if known.any() else 0.0
    for code, rows in enumerate(members):
        elsewhere = rows[seen.classes[rows, 0] != code] if len(rows) >= LEAST else rows[:0]
        if not len(elsewhere) or np.isin(seen.classes[elsewhere, 0], list(kin.get(code, ()))).mean() >= EXPLAINED:
            continue
        share = len(elsewhere) / len(rows)
        named = bool(CATCHING.search(re.sub(r"[_\-]+", " ", str(classes[code]).casefold())))
        if share < (CATCH_ALL_NAMED if named else max(CATCH_ALL, 2 * usual)) or (len(rows) < CATCH_ROWS and not named):
            continue
        where = np.bincount(seen.classes[elsewhere, 0], minlength=seen.n_classes) / len(elsewhere)
        where = where[where > 0]
        kinds = float(np.exp(-(where * np.log(where)).sum()))
        if kinds < KINDS[named]:
            continue
        confidence = np.asarray(seen.probs[elsewhere, 0], np.float64)
        telling = elsewhere[np.argsort(-confidence, kind="stable")]
        low, high = wilson(len(elsewhere), len(rows))
        out.append(
            Relation("catch_all", code, -1, share, low, high, telling, facts={"kinds": kinds, "named": float(named)})
        )
    return out


def groups(found: Sequence[Relation], n_classes: int) -> list[Group]:
    """Groups of three or more classes: the same thing and overlapping look-alikes where each member relates to most others (a
    chain is none), and all specific classes of one general class, all that one holder holds."""
    out: list[Group] = []
    for type_ in ("same_thing", "looks_alike"):
        edges = [r for r in found if r.type == type_ and (type_ != "looks_alike" or r.facts["overlap"] >= OVERLAP / 3)]
        for members in _dense([(r.first, r.second, r.strength) for r in edges]):
            inside = [r for r in edges if r.first in members and r.second in members]
            out.append(_group(type_, tuple(sorted(members)), -1, inside))
    for type_ in ("is_a", "has_a"):
        for head in sorted({r.first for r in found if r.type == type_}):
            inside = [r for r in found if r.type == type_ and r.first == head]
            if len(inside) > 1:
                out.append(_group(type_, tuple(sorted(r.second for r in inside)), head, inside))
    return out


def _group(type_: str, members: tuple[int, ...], head: int, inside: list[Relation]) -> Group:
    weakest = min(inside, key=lambda r: r.strength)
    rows = [r.rows for r in inside]
    # one row of each relation after the other, so that the first examples show all members
    width = max(len(part) for part in rows)
    padded = np.full((len(rows), width), -1, np.int64)
    for group, part in enumerate(rows):
        padded[group, : len(part)] = part
    mixed = padded.T.ravel()
    mixed = mixed[mixed >= 0]
    _, first = np.unique(mixed, return_index=True)
    return Group(type_, members, head, weakest.strength, weakest.low, weakest.high, mixed[np.sort(first)])


def _dense(edges: list[tuple[int, int, float]]) -> list[set[int]]:
    """Merge along the strongest edges first, as long as each member relates to most others of its group; three or more."""
    related: dict[int, set[int]] = {}
    for a, b, _ in edges:
        related.setdefault(a, set()).add(b)
        related.setdefault(b, set()).add(a)
    group_of = {code: {code} for code in related}
    for a, b, _ in sorted(edges, key=lambda edge: (-edge[2], edge[0], edge[1])):
        if group_of[a] is group_of[b]:
            continue
        joined = group_of[a] | group_of[b]
        if all(2 * len(related[code] & joined) > len(joined) - 1 for code in joined):
            for code in joined:
                group_of[code] = joined
    unique = {id(group): group for group in group_of.values()}
    return sorted((group for group in unique.values() if len(group) > 2), key=sorted)
