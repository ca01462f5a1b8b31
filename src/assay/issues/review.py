"""Thresholds in a reviewer's words: as many rows as hold a precision, as many as one can look at, and what is left.

In: p_label_error of each row, what noise accounts for of it, the verdicts of people on some. Out: `Calibrated`: cuts and
remainders with intervals. Pure. Does not know: the log, files, where verdicts come from.

People look at the worst rows first, so their verdicts are no random sample and their share of wrong labels says nothing about
the rest. But given its p_label_error a row was not chosen by whether it is wrong: so the verdicts correct the scale of that
number (log odds a + b log odds p; Platt, 1999), with a prior round a = 0, b = 1, and never a rate. Intervals draw a and b from
the Laplace approximation of their posterior, and each label as a coin.

A promise must not be surer than what can be counted, a remainder no smaller than what may be there: so a cut goes by p_label_error
where it is no larger than `assay.issues.counted.Counted` allows, and what is left by p_label_error as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from assay.issues.counted import Counted, log_odds

PRIOR = 0.5, 0.25  # standard deviations of a and b without any verdict
STEEP = 0.1  # b stays above: a larger p is never a smaller chance
DRAWS = 200
BINS = 4_096  # ranges of log odds, each at most .005 wide
STOP = 0.01  # share of wrong labels below which a review may end
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """The ``rows`` of largest probability, worst first; of them ``wrong`` are expected to be, ``low`` to ``high`` (95 %)."""

    rows: NDArray[np.int64]
    wrong: float
    low: float
    high: float

    def sentence(self) -> str:
        """For a person."""
        n = len(self.rows)
        if not n:
            return "No undecided rows are wrong so surely."
        low, high = self.low / n, self.high / n
        return (
            f"{n:,} undecided {'row' if n == 1 else 'rows'}, of which about {round(self.wrong):,} carry a wrong label "
            f"({self.precision:.0%}, 95% interval {low:.0%} to {high:.0%})."
        )

    @property
    def precision(self) -> float:
        """Expected share of wrong labels among the rows; 0 without rows."""
        return self.wrong / len(self.rows) if len(self.rows) else 0.0


@dataclass(frozen=True)
class Left:
    """Of ``n`` labelled rows, ``open`` have no decision; ``wrong`` of those are expected to be, ``low`` to ``high`` (95 %).
    ``share``, ``share_low``, ``share_high``: of all ``n``. ``more``: rows to look at, worst first, until fewer than ``stop``
    of all are expected to remain wrong. ``verdicts``: of people, that the estimate rests on."""

    n: int
    open: int
    wrong: float
    low: float
    high: float
    more: int
    verdicts: int
    stop: float = STOP

    @property
    def share(self) -> float:
        """Expected share of all ``n`` labelled rows that are undecided and wrong."""
        return self.wrong / max(self.n, 1)

    @property
    def done(self) -> bool:
        """Whether the search may end: even the upper end of the 95 % interval lies below ``stop``."""
        return self.high < self.stop * self.n

    def sentence(self) -> str:
        """For a person."""
        n, low, high = round(self.wrong), round(self.low), round(self.high)
        if (
            not self.verdicts
        ):  # the estimate of the whole stands elsewhere, with its interval; how sure it is, verdicts say
            worst = "the worst row is" if self.more == 1 else f"the {self.more:,} worst rows are"
            after = f"once {worst} settled" if self.more else "now"
            return f"If the models are right, fewer than {self.stop:.0%} of the labels are wrong {after}; verdicts will tell."
        left = (
            f"About {n:,} of {self.open:,} undecided rows still carry a wrong label ({low:,} to {high:,}; from "
            f"{self.verdicts:,} verdicts of people), {self.share:.1%} of all."
        )
        if self.done:
            return f"{left} Fewer than {self.stop:.0%} remain: you may stop."
        if not self.more:
            return f"{left} Probably fewer than {self.stop:.0%} remain; a few more verdicts would make it sure."
        return f"{left} Fewer than {self.stop:.0%} remain after the {self.more:,} worst."


class Calibrated:
    """``p`` (N,) of `p_label_error`, NaN where there is none; ``verdict`` (N,) int8: 1 wrong, 0 right, -1 nobody said;
    ``settled`` (N,) rows with any decision; ``counted``: what noise accounts for, default: all. Cost: O(N log N)."""

    def __init__(
        self,
        p: NDArray[np.floating],
        verdict: NDArray[np.int8],
        settled: NDArray[np.bool_],
        counted: Counted | None = None,
    ) -> None:
        self.known = np.isfinite(p)
        self._p = np.where(self.known, p, 0.5)
        self._order = log_odds(self._p)
        self._counted = counted
        self._said = self.known & (verdict >= 0)
        self._wrong = verdict[self._said] == 1
        self.verdicts = len(self._wrong)
        self.settled = settled
        self._all = _Scale(self._order, self._said, self._wrong)

    @cached_property
    def _sure(self) -> _Scale:
        """The scale of what can be counted; made where rows are cut, not where only what is left is asked."""
        if self._counted is None:
            return self._all
        return _Scale(log_odds(self._counted.at(self._p)), self._said, self._wrong)

    def probabilities(self, rows: NDArray[np.int64]) -> Floats:
        """Probability that the label of each row is wrong, as far as it can be counted and as verdicts have corrected it."""
        return self._sure.at(self._sure.odds[rows])

    def open_rows(self) -> NDArray[np.int64]:
        """Labelled rows without a decision, largest probability first, ties in order."""
        rows = np.flatnonzero(self.known & ~self.settled)
        return rows[np.argsort(-self._order[rows], kind="stable")]

    def at_precision(self, precision: float) -> Cut:
        """The largest cut of undecided rows, worst first, of which at least the share ``precision`` are expected to be wrong."""
        rows = self.open_rows()
        p = self.probabilities(rows)
        mean = np.cumsum(p) / np.arange(1, len(p) + 1)
        enough = np.flatnonzero(mean >= precision)
        return self._cut(rows[: int(enough[-1]) + 1 if len(enough) else 0])

    def at_budget(self, budget: int) -> Cut:
        """The ``budget`` worst undecided rows."""
        return self._cut(self.open_rows()[:budget])

    def left(self, stop: float = STOP) -> Left:
        """How many wrong labels are expected among the undecided rows, with the 95 % interval, and how many of the worst to look
        at until those that stay are expected to be fewer than the share ``stop`` of all labelled rows. Cost: O(N log N)."""
        odds = self._order[self.known & ~self.settled]
        wrong, low, high = self._all.total(odds)
        n = int(self.known.sum())
        p = self._all.at(odds)
        worst = np.sort(p[p >= stop])[::-1]  # the others are wrong in too few cases together: they need no order
        enough = np.flatnonzero(wrong - np.concatenate([[0.0], np.cumsum(worst)]) < stop * n)
        more = int(enough[0]) if len(enough) else len(worst)
        return Left(n, len(odds), wrong, low, high, more, self.verdicts, stop)

    def _cut(self, rows: NDArray[np.int64]) -> Cut:
        """With the interval of what can be counted, up to that of p_label_error as it is; without verdicts the rate of wrong labels is
        itself uncertain."""
        wrong, low, high = self._sure.total(self._sure.odds[rows])
        if self._counted is not None:
            high = max(high, self._all.total(self._order[rows])[2])
            if not self.verdicts:
                short = wrong - float(self._counted.at(self._p[rows], low=True).sum())
                low = max(0.0, wrong - float(np.hypot(wrong - low, short)))
        return Cut(rows, wrong, low, high)


class _Scale:
    """Log odds (N,) on the scale of verdicts: a + b times them."""

    def __init__(self, odds: Floats, said: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> None:
        self.odds = odds
        self.mean, covariance = _fit(odds[said], wrong)
        draws = np.random.default_rng(0).multivariate_normal(self.mean, covariance, DRAWS)
        self.draws = np.maximum(draws, [-np.inf, STEEP])

    def at(self, odds: Floats) -> Floats:
        """The probability at these log odds."""
        return _sigmoid(self.mean[0] + self.mean[1] * odds)

    def total(self, of: Floats) -> tuple[float, float, float]:
        """How many of the rows of these log odds are expected to be wrong, with the 95% interval."""
        odds, counts = _binned(of)
        sums, spread = np.zeros(DRAWS), np.zeros(DRAWS)
        for at, (a, b) in enumerate(self.draws):
            q = _sigmoid(a + b * odds)
            sums[at], spread[at] = (counts * q).sum(), (counts * q * (1 - q)).sum()
        wrong = float(self.at(of).sum())
        reach = 1.96 * float(np.sqrt(sums.var() + spread.mean()))
        return wrong, max(0.0, wrong - reach), min(float(len(of)), wrong + reach)


def _binned(odds: Floats) -> tuple[Floats, Floats]:
    """Values and how many there are of each: of many, the means of `BINS` narrow ranges stand for them."""
    if len(odds) <= BINS:
        return odds, np.ones(len(odds))
    low, high = float(odds.min()), float(odds.max())
    at = np.minimum(((odds - low) / max(high - low, 1e-9) * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(at, minlength=BINS)
    used = counts > 0
    return np.bincount(at, odds, minlength=BINS)[used] / counts[used], counts[used].astype(np.float64)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -50, 50))))


def _fit(odds: Floats, wrong: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The most likely (a, b) under the prior, and the covariance of its posterior, by Newton's method."""
    centre, weight = np.array([0.0, 1.0]), np.diag([PRIOR[0] ** -2, PRIOR[1] ** -2])
    x = np.column_stack([np.ones(len(odds)), odds])
    at = centre.copy()
    curvature = weight
    for _ in range(30):
        q = _sigmoid(x @ at)
        curvature = weight + (x * (q * (1 - q))[:, None]).T @ x
        step = np.linalg.solve(curvature, x.T @ (wrong - q) - weight @ (at - centre))
        at = at + np.clip(step, -1, 1)
        at[1] = max(at[1], STEEP)
        if np.abs(step).max() < 1e-9:
            break
    return at, np.linalg.inv(curvature)
