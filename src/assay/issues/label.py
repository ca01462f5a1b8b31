"""Label issues: which given labels are likely wrong, what they should be, how sure that is.

In: label codes (N,) and out-of-sample probabilities (N, K), array or memory map. Out: the columns of kind "label".
Does not know: rows' content, class names (except `reasons`), files.

How: the noise of the given labels is estimated from confident rows and taken out of each row's probabilities; the given
label then comes back as evidence: how often is a row of each class given the label that this row has?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.issues.counted import Counted, counted, drawn_labels, with_labels
from assay.issues.interval import wilson
from assay.issues.kernels import mixtures
from assay.issues.noise import boundary_noise, demix, estimate_noise
from assay.issues.safe import sure_enough
from assay.issues.scan import Scan, scan
from assay.issues.sureness import no_surer_than_right
from assay.issues.verdict import Verdict, verdict

REASON = (
    "suggested_label",
    "suggested_label_confidence_score",
    "p_label_error",
    "predicted_label",
    "has_rare_class",
)  # what `reasons` tells of, beside the given label
GIVEN_WEIGHT = np.float32(0.65)  # power of P(given | true): below 1, because the noise matrix is itself an estimate
OUTSIDE = np.float32(1e-3)  # P(given | true) of the probability outside the classes looked at
FLOOR = np.float32(1e-7)  # least probability of the given label: a zero could never grow
SAFE = 0.98  # posterior of a suggestion that may be applied without a person ...
TRUSTED = 0.5  # ... and how many of its class's surest rows must carry that label, else the model is what is wrong
WELL_LABELED = 0.02  # largest p_label_error of a confirmed label
EVEN = 0.5  # ambiguous: second / first at least this ...
TOGETHER = 0.6  # ... and first + second at least this
DISAGREEMENT = 0.7  # weight of 1 - p_given in p_label_error where labels are surely wrong at the boundaries (digits)
LEAST = 0.1  # p_label_error below which no row is flagged: on clean data the best expected F1 would flag long shots
RARE = 5  # fewer labelled rows than this: no fold of a 5-fold split sees the class as it is
ROWS = 4_096
DRAWN = 200_000  # rows at most that get a label by lot
IN_ORDER = 0.01  # of what is counted, so that rows counted alike keep their order by p_label_error

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]
Columns = dict[str, NDArray[Any]]


def find_label_issues(
    labels: Codes, pred_probs: NDArray[Any], *, rare: Flags | None = None, boundary: float | None = None
) -> Columns:
    """The columns of kind "label", one entry a row; label columns as class codes (int32, -1 = none).

    Parameters
    ----------
    labels : (N,) int32 class codes; -1 = unlabelled (gets a prediction and a suggestion, never a flag).
    pred_probs : (N, K) out-of-sample probabilities, array or memory map. A row with NaN counts as not analysed:
        codes -1, scores NaN, flags False.
    rare : (K,) bool, classes whose evidence is thin; default: fewer than 5 labelled rows.
    boundary : what `boundary_noise` read where models had learned from every label; default: read here. Models that
        learned without the doubted labels no longer show it.

    Returns
    -------
    dict of arrays (N,), bool, float32 or int32 as in `assay.columns`; `reasons` makes ``label_issue_reason`` from it.

    Method
    ------
    Noise matrix T[true, given] from the surest rows of each class -> Richardson-Lucy inversion of T on the row's five
    largest classes and the given one (q) -> posterior of each class given the label -> where labels are wrong at the
    boundaries (`boundary_noise`), p_label_error goes up to `DISAGREEMENT` of the way to 1 - p of the given label, since T
    knows nothing of those errors, and is no larger than `counted` allows where no wrong label is proven, or classes
    overlap so that their rate is known as a bound only -> flags at
    the cut of largest expected F1. Quality: where labels are wrong at random, the mean of q of the given label and,
    three times, its probability p tempered by its margin m, p^(2/3) m^(1/3); where one class is taken for another,
    the mean of q and the posterior; in between, as the spread of the noise says (weight 1 / (1 + spread) for the
    second). Chosen on noise of three kinds in digits and Fashion-MNIST, banking77's test questions in 32 dimensions,
    and beers by state and ounces.
    Probabilities of a model that is far surer than the labels bear out are first brought back (`no_surer_than_right`).
    Cost: one read of ``pred_probs``, then O(N); memory O(N + K^2).
    """
    labels = np.asarray(labels, np.int32)
    return judge(labels, scan(labels, pred_probs), rare=rare, boundary=boundary)


def judge(labels: Codes, seen: Scan, *, rare: Flags | None = None, boundary: float | None = None) -> Columns:
    """`find_label_issues` where the probabilities have been read. O(N) time, memory O(N + K^2)."""
    return judge_with_verdict(labels, seen, rare=rare, boundary=boundary)[0]


def judge_with_verdict(
    labels: Codes,
    seen: Scan,
    *,
    rare: Flags | None = None,
    boundary: float | None = None,
    unjudged: Flags | None = None,
) -> tuple[Columns, Verdict]:
    """`judge`, and what can be known of this dataset's labels at all.

    ``unjudged`` (N,): rows, -1 in ``labels``, that do carry a label which nothing could contradict: they get neither a
    suggestion nor a score.

    Where findings are withheld no row is flagged, suggested for, safe or well labelled; ``label_quality`` still ranks, and
    ``p_label_error`` is NaN where the labels look drawn by lot.
    """
    seen = no_surer_than_right(labels, seen)
    boundary = boundary_noise(labels, seen) if boundary is None else boundary
    noise, spread, evidence = estimate_noise(labels, seen, boundary)
    found = verdict(labels, seen, evidence)
    weight = np.float32(GIVEN_WEIGHT + (1 - GIVEN_WEIGHT) * evidence.trusted)
    solved = _solve_all(labels, seen, noise, weight)
    error = _errors(labels, seen, solved, DISAGREEMENT * boundary)
    proven = _any_proven(found)
    # classes that overlap contradict right labels, too, however many wrong ones there are
    certain = proven and not found.at_most
    account = _account(labels, seen, error, solved["best"], noise, weight, DISAGREEMENT * boundary, found, certain)
    if not certain and account is not None:
        error = (account.at(error) * (1 - IN_ORDER * (1 - error))).astype(np.float32)
    found = replace(found, counted=None if found.withheld else account)
    if rare is None:
        rare = np.bincount(labels[labels >= 0], minlength=seen.n_classes) < RARE
    has_rare_class = (labels >= 0) & rare[labels]
    sure = sure_enough(labels, seen, noise, evidence)
    if not certain:  # nothing is safe that is not as likely wrong as that
        sure &= (labels < 0) | (proven & (error >= SAFE))
    columns = _judge(labels, seen, solved, spread, error, sure) | {"has_rare_class": has_rare_class}
    # a class too small to be learned could not have been doubted
    columns["is_well_labeled"] &= ~has_rare_class & (seen.n_classes > 1)
    if unjudged is not None:
        columns["suggested_label"][unjudged] = -1
        columns["suggested_label_confidence_score"][unjudged] = np.nan
        columns["is_safe_to_fix"] &= ~unjudged
    return (_withhold(columns, found) if found.withheld else columns), found


def _any_proven(found: Verdict) -> bool:
    """Is at least one of the surest rows' labels wrong at the lower end of what they tell? Of labels that may all be right,
    one that the model contradicts is as likely the model's fault, however sure it is."""
    return wilson(found.told * found.sure_rows, found.sure_rows)[0] * found.sure_rows >= 1


def _withhold(columns: Columns, found: Verdict) -> Columns:
    for name in ("is_label_issue", "is_safe_to_fix", "is_well_labeled", "is_ambiguous"):
        columns[name] = np.zeros_like(columns[name])
    columns["suggested_label"] = np.full_like(columns["suggested_label"], -1)
    columns["suggested_label_confidence_score"] = np.full_like(columns["suggested_label_confidence_score"], np.nan)
    if found.by_lot:
        columns["p_label_error"] = np.full_like(columns["p_label_error"], np.nan)
    return columns


def _account(
    labels: Codes,
    seen: Scan,
    error: Floats,
    best: Codes,
    noise: Floats,
    weight: np.float32,
    doubt: float,
    found: Verdict,
    proven: bool,
) -> Counted | None:
    """How many labels noise makes wrong at each p_label_error; None where nothing is known of them. At most `DRAWN` rows, evenly."""
    rows = np.flatnonzero(np.isfinite(error))
    if not len(rows) or not found.sure_rows or seen.n_classes < 2:
        return None
    some = rows[:: -(-len(rows) // DRAWN)]
    drawn, wrong = drawn_labels(best[some], noise)
    asked = replace(
        seen, classes=seen.classes[some], probs=seen.probs[some], given=seen.given[some],
        analyzed=seen.analyzed[some], proper=seen.proper[some],
    )  # fmt: skip
    asked = replace(asked, given=with_labels(asked, drawn))
    lies = _errors(drawn, asked, _solve_all(drawn, asked, noise, weight), doubt)
    return counted(error[rows], lies, wrong, found.told, found.sure_rows, proven=proven)


def _errors(labels: Codes, seen: Scan, solved: Columns, doubt: float) -> Floats:
    """(N,) p_label_error; NaN where there is no label."""
    known = (labels >= 0) & seen.analyzed
    fine = (1 - doubt) * solved["given_posterior"] + doubt * np.where(known, seen.given, 0)
    return np.where(known, np.clip(1 - fine, 0, 1), np.nan).astype(np.float32)


def _solve_all(labels: Codes, seen: Scan, noise: Floats, weight: np.float32) -> Columns:
    starts = range(0, max(len(labels), 1), ROWS)
    parts = [_solve(labels, seen, noise, weight, slice(start, start + ROWS)) for start in starts]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _solve(labels: Codes, seen: Scan, noise: Floats, weight: np.float32, rows: slice) -> Columns:
    """Per row of one block: the most likely true class with q and posterior of it, and q and posterior of the given."""
    label = labels[rows]
    classes, p, at_given = _candidates(label, seen, rows)
    active = p > 0
    mix = np.empty((len(p), *p.shape), np.float32)
    mixtures(noise, classes, active, mix)
    q, rest = demix(p, np.maximum(1 - p.sum(0), 0), mix)
    labelled = label >= 0
    posterior = q * np.where(labelled, noise[classes, label] ** weight, 1)
    posterior /= np.maximum(posterior.sum(0) + rest * np.where(labelled, OUTSIDE**weight, 1), np.float32(1e-30))
    best, column = q.argmax(0), np.arange(len(label))
    return {
        "best": classes[best, column],
        "best_q": q[best, column],
        "best_posterior": posterior[best, column],
        "best_trust": noise[classes[best, column], classes[best, column]],
        "given_q": (q * at_given).sum(0),
        "given_posterior": (posterior * at_given).sum(0),
    }


def _candidates(label: Codes, seen: Scan, rows: slice) -> tuple[Codes, Floats, Flags]:
    """The row's largest classes, and the given one in a last place of its own where it is not among them.

    Classes (m + 1, n), probabilities (zero = not taking part), and the mask of the given class. NaN rows are zeros.
    """
    top = seen.classes[rows].T
    p = np.nan_to_num(np.asarray(seen.probs[rows], np.float32).T).clip(0, 1)
    given = np.nan_to_num(np.asarray(seen.given[rows], np.float32)).clip(FLOOR, 1)
    known = (label >= 0) & seen.analyzed[rows]
    among = (top == label) & known
    last = known & ~among.any(0)
    classes = np.maximum(np.vstack([top, np.where(last, label, 0)[None]]), 0)
    p = np.vstack([np.where(among, np.maximum(p, FLOOR), p), np.where(last, given, 0)[None]])
    return classes.astype(np.int32), p.astype(np.float32), np.vstack([among, last[None]])


def _judge(labels: Codes, seen: Scan, solved: Columns, spread: float, error: Floats, sure: Flags) -> Columns:
    """Columns over all rows from what was solved row by row; the cut of the flags needs the whole dataset."""
    labelled = labels >= 0
    known = labelled & seen.analyzed
    quality = np.where(known, _quality(labels, seen, solved, spread), np.nan).astype(np.float32)
    fits = solved["best"] == labels
    issue = known & ~fits & expected_f1_cut(error) & (np.nan_to_num(error) >= LEAST)
    suggest = issue | (seen.analyzed & ~labelled)
    first = np.asarray(seen.probs[:, 0], np.float32)
    runner_up = seen.classes[:, 1] if seen.n_classes > 1 else np.full(len(labels), -1, np.int32)
    second = np.asarray(seen.probs[:, 1], np.float32) if seen.n_classes > 1 else np.zeros(len(labels), np.float32)
    even = second / np.maximum(first, np.float32(1e-30))
    likely = (solved["best"] == seen.classes[:, 0]) & (solved["best_posterior"] >= SAFE)
    likely &= solved["best_trust"] >= TRUSTED
    ambiguous = known & ~issue & (even >= EVEN) & (first + second >= TOGETHER)
    return {
        "predicted_label": seen.classes[:, 0].copy(),
        "predicted_label_confidence": np.minimum(first, 1),
        "runner_up_label": runner_up.copy(),
        "is_label_issue": issue,
        "label_issue_score": 1 - quality,
        "label_quality": quality,
        "p_label_error": error,
        "suggested_label": np.where(suggest, solved["best"], -1).astype(np.int32),
        "suggested_label_confidence_score": np.where(suggest, solved["best_q"].clip(0, 1), np.nan).astype(np.float32),
        "is_safe_to_fix": suggest & sure & likely,
        "is_well_labeled": known & fits & (error <= WELL_LABELED),
        "is_ambiguous": ambiguous,
        "ambiguous_score": np.where(known, np.clip(even * (first + second), 0, 1), np.nan).astype(np.float32),
    }


def _quality(labels: Codes, seen: Scan, solved: Columns, spread: float) -> Floats:
    p = np.asarray(seen.given, np.float32).clip(0, 1)
    margin = np.asarray(seen.margin(labels), np.float32).clip(0, 1)
    tempered = np.cbrt(p * p * margin)
    at_random = (3 * tempered + solved["given_q"]) / 4
    one_for_another = (solved["given_q"] + solved["given_posterior"]) / 2
    weight = np.float32(1 / (1 + spread))
    return np.asarray(weight * one_for_another + (1 - weight) * at_random).clip(0, 1)


def expected_f1_cut(p_label_error: Floats) -> Flags:
    """The rows to flag for the largest expected F1, if the probabilities are calibrated: the k largest, where k
    maximises 2 * (sum of the k largest) / (k + sum of all). Equal values fall on one side together; NaN is never in.
    """
    largest_first = -np.sort(-p_label_error[~np.isnan(p_label_error)].astype(np.float64))
    if not len(largest_first) or largest_first[0] <= 0:
        return np.zeros(len(p_label_error), bool)
    found = np.cumsum(largest_first)
    value = 2 * found / (np.arange(1, len(found) + 1) + found[-1])
    with np.errstate(invalid="ignore"):
        return np.asarray(p_label_error >= largest_first[value.argmax()])


def reasons(found: Mapping[str, NDArray[Any]], labels: Codes, classes: Sequence[object]) -> NDArray[np.object_]:
    """(N,) one sentence a label issue, None elsewhere. ``found``: what `find_label_issues` returned."""
    out = np.full(len(labels), None, object)
    rows = np.flatnonzero(found["is_label_issue"])
    asked = (labels, *(found[name] for name in REASON))
    for row, *of_row in zip(rows.tolist(), *(values[rows].tolist() for values in asked), strict=True):
        label, best, confidence, error, predicted, is_rare = of_row
        given, suggested = classes[label], classes[best]
        text = f'Given "{given}", but looks like "{suggested}" ({_percent(confidence)} confident)'
        if predicted == label:
            text += f', since "{given}" is often given where "{suggested}" is right'
        text += f"; the label is wrong with probability {_percent(error)}."
        if is_rare:
            text += f' Few rows are labelled "{given}", so the evidence is thin.'
        out[row] = text
    return out


def _percent(value: float) -> str:
    """Never "100%": nothing here is certain."""
    return "over 99%" if value > 0.99 else f"{value:.0%}"
