"""Two labels in one row: rows in which a second class is plainly there beside the given one, told from wrong and ambiguous labels.

In: vectors, class codes, probabilities of the parts of a row (clauses of a text, windows of a picture), each scored by itself.
Out: `TwoLabels`, and which class holds which. Pure. Does not know: how rows are taken apart, files.

A softmax hides the second object: its probability over the whole row is small where two things are there. So a few plausible
rows are taken apart, the head that was learned without the row is applied to each part, and a row holds two labels where some
parts are surely of the one class and others surely of the other, while one-against-rest scores of the whole row, which do not
compete, see both. Classes that nothing tells apart anyway (the same thing, general and specific) do not count.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.issues.scan import rows_by_class

SHARE = 0.40  # probability that the parts must give both classes ...
# ... and the one-against-rest score of the second class over the whole row, beside half of the class's share of the rows: of
# two classes a row that speaks of neither scores one half. Chosen on clinc150, where that share is next to nothing.
SCORE, OF_SHARE = 0.12, 0.5
LONGER = 0.60  # a text with two things in it is longer than so much of its class, the mean over a pair's rows
# The one-against-rest score of the held class over a pair's rows, as a multiple of the middle one of the holder's other rows, in which
# neighbours have some, too: for a class to be taken apart, and for it to hold the other ...
WORTH, ABOVE, NOISE = 4.0, 7.5, 0.02
EVEN = 0.40  # ... and as a share of the holder's own score, the middle one: less is a word about the other class, no second thing
# Of a pair that whole texts speak for, the parts must say less: this probability of both classes, and so much of the one, at
# most, where the other is surest.
OF_PAIR, ALONE = 0.30, 0.10
HOLDER_ROWS = 2_000  # rows of a class that are looked at for what it holds, evenly over it
ALIEN = (
    0.05  # probability of the one class, at most, where the other is surest, over a pair's rows: else they look alike
)
FEWEST, FEWEST_TEXTS = 5, 4  # pictures, texts of a pair that make a has-a candidate ...
OF_CLASS = 0.10  # ... and this share of the holder's rows
SHOWS = 0.30  # of a holder's pictures show some other class; of plain photographs .15 at most seemed to
RIDGE = 0.03  # shrinkage of the one-against-rest scores, as a share of the vectors' mean variance
IN_WINDOWS = (
    0.60  # probability that the windows of a picture must give both classes; chosen on composites of photos_600
)
SURE = 0.80  # ... and the score of the windows; chosen on photos_600 and composites of them
WHOLE = 0.35  # weight of the whole picture's probabilities in the rank, beside the windows'; chosen on coco_photos
# A flag needs so much of the second class in the whole row: parts by themselves are called anything. Pictures hide it more.
IN_WHOLE, IN_TEXT = 0.01, 0.1
LENGTH = 1.5  # weight of a text's length among its class, beside the rank of its second class, where texts to take apart are chosen
PIECES = 14  # parts of a text at most
TWO_BEST = 2  # the mean of so many parts of a text counts: one part alone may be chance
BLOCK, SCORES = 16_384, 1 << 22
SENTENCE = re.compile(r"(?<=[.!?;])\s+|\s(?=(?:and|but|then)\s)")

Codes = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TwoLabels:
    """Of the rows looked at: ``rows`` (m,) positions, ``second`` (m,) class codes, ``score`` (m,) 0..1, ``part`` (m,) the part
    that speaks for the second class, ``plain`` (m,) both classes are plainly there."""

    rows: NDArray[np.int64]
    second: Codes
    score: Floats
    part: NDArray[np.int64]
    plain: NDArray[np.bool_]


def clauses(text: str) -> list[str]:
    """Parts of a text that may stand by themselves: its sentences, and overlapping windows of a half and a third of it."""
    words = text.split()
    n = len(words)
    found = dict.fromkeys(part for part in SENTENCE.split(text) if len(part.split()) >= 2)
    if len(found) == 1:
        found.clear()
    for size in (max(3, n // 2), max(3, n // 3)):
        if size < n:
            step = max(1, size // 2)
            found |= dict.fromkeys(" ".join(words[at : at + size]) for at in [*range(0, n - size, step), n - size])
    return list(found)[:PIECES]


def length_ranks(labels: Codes, lengths: NDArray[np.int64]) -> Floats:
    """(N,) rank of each row's length among the rows of its class, scaled to 0..1; 0.5 for rows without a class."""
    from scipy.stats import rankdata

    out = np.full(len(labels), 0.5, np.float32)
    for rows in rows_by_class(labels, int(labels.max(initial=-1)) + 1):
        out[rows] = rankdata(lengths[rows]) / (len(rows) + 1)
    return out


def plausible_rows(labels: Codes, others: Sequence[Floats], rank: Floats, most: int) -> NDArray[np.int64]:
    """The rows worth taking apart, at most ``most``, ascending: a second class scores high, and they are long for their class.

    ``others``: for each kind of score (N,) the largest of a class that is not the given one: probabilities, and of texts
    `OneAgainstRest.second`. A row counts by the kind that ranks it highest: a softmax hides a second thing behind a first that it is
    sure of, and scores that do not compete see a second class in all rows of neighbours. ``rank`` (N,) of `length_ranks`.
    """
    known = np.flatnonzero(labels >= 0)
    if len(known) <= most:
        return known
    shares = [np.argsort(np.argsort(other[known], kind="stable"), kind="stable") / len(known) for other in others]
    order = np.argsort(-(np.max(shares, axis=0) + LENGTH * rank[known]), kind="stable")
    return np.sort(known[order[:most]])


@dataclass(frozen=True)
class OneAgainstRest:
    """Ridge regression on each class against the rest, read at rows as if each had been left out.

    Two things in one row give two large scores, where a softmax gives one. gram_ : (d + 1, d + 1) products of the vectors' columns
    with the ridge added. sums_ : (d + 1, K) sums of the vectors of each class.
    """

    gram_: NDArray[np.float64]
    sums_: NDArray[np.float64]

    @classmethod
    def fit(cls, vectors: NDArray[Any], labels: Codes, n_classes: int) -> OneAgainstRest:
        """vectors : (N, d). labels : (N,) class codes, -1 = unlabelled. Cost: O(N d^2)."""
        known = np.flatnonzero(labels >= 0)
        d = vectors.shape[1] + 1
        gram, sums = np.zeros((d, d)), np.zeros((d, n_classes))
        for start in range(0, len(known), BLOCK):
            part = known[start : start + BLOCK]
            x = _with_one(vectors[part])
            gram += x.T @ x
            for code in np.unique(labels[part]).tolist():
                sums[:, code] += x[labels[part] == code].sum(0)
        gram[np.diag_indices(d)] += RIDGE * np.trace(gram) / d
        return cls(gram, sums)

    def scores(self, vectors: NDArray[Any], given: Codes) -> Floats:
        """(m, K) of rows that were learned from. vectors : (m, d). given : (m,) their labels. Cost: O(m d (d + K))."""
        x = _with_one(vectors)
        inverse = np.linalg.solve(self.gram_, x.T).T
        leverage = np.clip((x * inverse).sum(1, keepdims=True), 0, 0.99)
        scores = inverse @ self.sums_
        own = np.zeros_like(scores)
        good = given >= 0
        own[np.flatnonzero(good), given[good]] = 1
        return np.asarray((scores - leverage * own) / (1 - leverage * good[:, None]), np.float32)

    def second(self, vectors: NDArray[Any], labels: Codes) -> Floats:
        """(N,) largest score of a class that is not the given one, of all rows that were learned from; -inf without a label.

        Cost: as `scores` of N rows, in blocks that hold no more than 2^22 scores.
        """
        out = np.full(len(labels), -np.inf, np.float32)
        known = np.flatnonzero(labels >= 0)
        step = max(1, min(BLOCK, SCORES // self.sums_.shape[1]))
        for start in range(0, len(known), step):
            rows = known[start : start + step]
            scores = self.scores(vectors[rows], labels[rows])
            scores[np.arange(len(rows)), labels[rows]] = -np.inf
            out[rows] = scores.max(1)
        return out


def _with_one(x: NDArray[Any]) -> NDArray[np.float64]:
    block = np.asarray(x, np.float64)
    return np.column_stack([block, np.ones(len(block))])


def _beside(p: Floats, given: int, close: NDArray[np.bool_], best_of: int = TWO_BEST) -> tuple[Floats, int]:
    """(K,) how sure the best parts are of each class, and the class that they show beside ``given``; -1 = none."""
    if len(p) < 2 or given < 0:
        return np.zeros(p.shape[1], np.float32), -1
    best = _best(p, best_of)
    others = np.where(close[given], -1.0, best)
    code = int(others.argmax())
    return best, code if others[code] > 0 else -1


def _best(p: Floats, best_of: int = TWO_BEST) -> Floats:
    return np.asarray(np.sort(p, axis=0)[-best_of:].mean(0))


def _other(p: Floats, given: int, code: int) -> tuple[float, float]:
    """Probability of ``given`` in the part that is surest of ``code``, and the other way round."""
    return float(p[int(p[:, code].argmax()), given]), float(p[int(p[:, given].argmax()), code])


def plausible_pairs(
    labels: Codes, rest: OneAgainstRest, vectors: NDArray[Any], close: NDArray[np.bool_], rank: Floats
) -> list[tuple[int, int]]:
    """(holder, held) class codes of the pairs of which whole texts say that the one may hold the other, most telling first.

    In enough of the holder's texts, which are long for it, both classes score against the rest, and the held one much more than
    in the other texts. Natural neighbours score in all of them.

    Parameters
    ----------
    labels : (N,) class codes. vectors : (N, d), those ``rest`` was fitted to. rank : (N,) of `length_ranks`.
    close : (K, K) as in `second_labels`.

    Cost: as `OneAgainstRest.scores` of `HOLDER_ROWS` rows a class at most.
    """
    found = []
    least = _least_scores(labels, close.shape[0])
    for holder, rows in enumerate(rows_by_class(labels, close.shape[0])):
        if len(rows) < FEWEST_TEXTS:
            continue
        looked = rows[np.linspace(0, len(rows) - 1, min(len(rows), HOLDER_ROWS)).astype(np.int64)]
        scores = np.clip(rest.scores(vectors[looked], labels[looked]), 0, 1)
        both = (scores >= least) & (scores[:, [holder]] >= SCORE) & ~close[holder]
        often = np.flatnonzero(both.sum(0) >= max(FEWEST_TEXTS, OF_CLASS * len(looked)))
        usual = np.median(scores[:, often], axis=0)
        for held, background in zip(often.tolist(), usual.tolist(), strict=True):
            here = both[:, held]
            times = float(scores[here, held].mean()) / (background + NOISE)
            even = float(np.median(scores[here, held] / scores[here, holder]))
            if times >= WORTH and even >= EVEN and rank[looked[here]].mean() >= LONGER:
                found.append((-times * int(here.sum()), holder, held))
    return [(holder, held) for _, holder, held in sorted(found)]


def _least_scores(labels: Codes, n_classes: int) -> Floats:
    """(K,) one-against-rest scores from which a class is seen in a whole row."""
    known = labels[labels >= 0]
    return np.asarray(SCORE + OF_SHARE * np.bincount(known, minlength=n_classes) / max(len(known), 1), np.float32)


def with_rows_of_holders(
    labels: Codes, rows: NDArray[np.int64], pairs: Sequence[tuple[int, int]], most: int
) -> NDArray[np.int64]:
    """``rows`` and the other rows of the holders in ``pairs``, the most telling first, at most ``most`` more."""
    unseen = np.ones(len(labels), bool)
    unseen[rows] = False
    more = [np.flatnonzero(unseen & (labels == holder)) for holder in dict.fromkeys(holder for holder, _ in pairs)]
    return np.concatenate([rows, np.concatenate([np.zeros(0, np.int64), *more])[:most]])


def second_labels(
    labels: Codes,
    rows: NDArray[np.int64],
    parts: Sequence[Floats],
    whole: Floats,
    close: NDArray[np.bool_],
    rank: Floats,
) -> TwoLabels:
    """Which second class each row holds.

    Parameters
    ----------
    labels : (N,) class codes. rows : (m,) the rows that were taken apart.
    parts : m arrays (parts of the row, K) of probabilities.
    whole : (m, K) of `OneAgainstRest.scores`.
    close : (K, K) pairs of classes that nothing tells apart, the class itself included; they are no second label.
    rank : (N,) of `length_ranks`; all one half where rows have no length.
    """
    m = len(rows)
    second, score = np.full(m, -1, np.int32), np.zeros(m, np.float32)
    part, plain = np.full(m, -1, np.int64), np.zeros(m, bool)
    least = _least_scores(labels, whole.shape[1])
    for at in range(m):
        p, given = parts[at], int(labels[rows[at]])
        best, code = _beside(p, given, close)
        if code < 0:
            continue
        both = min(float(best[given]), float(best[code]))
        seen = min(max(float(whole[at, code]), 0.01), 1.0)
        second[at], part[at] = code, int(p[:, code].argmax())
        of_given, of_second = _other(p, given, code)
        alien = (1 - of_given) * (1 - of_second)
        score[at] = both * math.sqrt(seen) * float(rank[rows[at]]) * alien
        plain[at] = both >= SHARE and seen >= least[code] and rank[rows[at]] >= 0.5 and of_given <= ALIEN
    return TwoLabels(rows, second, score, part, plain)


def second_in_windows(
    labels: Codes, rows: NDArray[np.int64], parts: Iterable[Floats], probs: Floats, close: NDArray[np.bool_]
) -> TwoLabels:
    """Which second class each picture holds, from its windows: they need no length and few share words.

    The flag rests on windows alone; the rank on `WHOLE` of the whole picture, too, where a second thing that is small or
    everywhere shows more than in any window.

    Parameters
    ----------
    labels : (N,) class codes. rows : (m,) the rows that were taken apart.
    parts : m arrays (windows, K) of probabilities, each asked for once. probs : (m, K) probabilities of the whole rows.
    close : (K, K) as in `second_labels`.
    """
    m = len(rows)
    second, score = np.full(m, -1, np.int32), np.zeros(m, np.float32)
    part, plain = np.full(m, -1, np.int64), np.zeros(m, bool)
    for at, p in enumerate(parts):
        given = int(labels[rows[at]])
        best, code = _beside(p, given, close, 1)  # windows are large and overlap
        if code < 0:
            continue
        second[at], part[at] = code, int(p[:, code].argmax())
        both = WHOLE * probs[at] + (1 - WHOLE) * best
        score[at] = both[code] * math.sqrt(both[given])
        sure = best[code] * math.sqrt(best[given])
        plain[at] = best[code] >= IN_WINDOWS and best[given] >= IN_WINDOWS and sure >= SURE
    return TwoLabels(rows, second, score, part, plain)


def traced(found: TwoLabels, probs: Floats, least: float = IN_WHOLE) -> TwoLabels:
    """``found``, but plain only where the whole row gives the second class the probability ``least``; ``probs`` (m, K) of the whole
    rows.

    A window that shows only sky resembles no picture, and a clause no question; a head may still give it any class with high
    probability. So the parts alone are not believed.
    """
    trace = probs[np.arange(len(found.rows)), np.maximum(found.second, 0)]
    return replace(found, plain=found.plain & (trace >= least))


def held_in_windows(labels: Codes, found: TwoLabels, n_classes: int) -> dict[tuple[int, int], NDArray[np.int64]]:
    """(holder, held) -> the rows that plainly show both, surest first: pairs with enough rows, whether or not the
    whole rows have a trace of the held class, which a softmax hides."""
    counts = np.bincount(labels[labels >= 0], minlength=n_classes)
    at = np.flatnonzero(found.plain)
    holders, held = labels[found.rows[at]].astype(np.int64), found.second[at].astype(np.int64)
    shown = np.bincount(holders, minlength=n_classes)
    out = {}
    for key in np.unique(holders * n_classes + held).tolist():
        holder, code = divmod(key, n_classes)
        chosen = at[(holders == holder) & (held == code)]
        if shown[holder] >= SHOWS * counts[holder] and len(chosen) >= max(FEWEST, OF_CLASS * counts[holder]):
            out[holder, code] = found.rows[chosen[np.argsort(-found.score[chosen], kind="stable")]]
    return out


def held_classes(
    labels: Codes,
    found: TwoLabels,
    parts: Sequence[Floats],
    whole: Floats,
    rank: Floats,
    pairs: Sequence[tuple[int, int]],
) -> dict[tuple[int, int], NDArray[np.int64]]:
    """(holder, held) -> the texts that show it, surest first: of ``pairs`` those with enough texts whose parts are some surely of
    the one class and some surely of the other, and which, long for their class, see the held class on the whole, much more than
    the holder's other texts do and not much less than their own.

    ``parts``, ``whole`` and ``rank`` as in `second_labels`, ``pairs`` of `plausible_pairs`. The least values were chosen on banking77 and
    clinc150, plain and with pairs of classes joined in 20 to 50 % of the holder's texts: natural neighbours share words, so that each
    class has something of the other where it is surest, and in all of its texts; and many a text names another class in passing.
    """
    counts, least = np.bincount(labels[labels >= 0], minlength=whole.shape[1]), _least_scores(labels, whole.shape[1])
    given = labels[found.rows]
    out = {}
    for holder, held in pairs:
        apart = np.flatnonzero(given == holder)
        score, own = np.clip(whole[apart, held], 0, 1), np.clip(whole[apart, holder], SCORE, 1)
        shows = (found.second[apart] == held) & (score >= least[held])
        shows[shows] = [_two_things(parts[at], holder, held) for at in apart[shows].tolist()]
        if shows.sum() < max(FEWEST_TEXTS, OF_CLASS * counts[holder]):
            continue
        background = float(np.median(score[~shows])) if not shows.all() else 0.0
        seen = float(score[shows].mean()) >= ABOVE * (background + NOISE)
        even = float(np.median(score[shows] / own[shows])) >= EVEN
        chosen = apart[shows]
        if seen and even and float(rank[found.rows[chosen]].mean()) >= LONGER:
            out[holder, held] = found.rows[chosen[np.argsort(-found.score[chosen], kind="stable")]]
    return out


def _two_things(p: Floats, given: int, code: int) -> bool:
    """Whether some parts are surely of the one class and some surely of the other."""
    best = _best(p)
    return min(float(best[given]), float(best[code])) >= OF_PAIR and max(_other(p, given, code)) <= ALONE
