"""Thresholds in the user's words and intervals, held against known truth.

    calibration.py [precision] [coverage] [--repetitions 100]

precision: label noise of known kinds on real rows (`noise_problems`); asked for 80, 90 and 95 % of wrong labels among the rows
(`assay issues --precision`), with no verdict and after 100 verdicts on the worst rows, what came.
coverage: how often the 95 % interval of the dataset's error rate and those of each class's noise hold the truth, over
repetitions with fresh noise: Gaussian classes whose exact probabilities are known, the same from a model that is surer than
it should be (its log-probabilities twice and three times as large), and real rows with models that learned from the noisy labels.

Out: ``results/calibration.json`` with tables for the page. Does not know: how anything is estimated.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.insights.classes import class_findings
from assay.insights.quality import class_table
from assay.issues.label import judge_with_verdict
from assay.issues.review import Calibrated
from assay.issues.scan import scan
from noise_problems import Noisy, Source, asymmetric, noisy, sources, symmetric
from page import RESULTS
from problems import gaussian_classes
from sides import keep

FILE = RESULTS / "calibration.json"
ASKED = (0.80, 0.90, 0.95)
REAL = ("digits", "fashion_mnist_5k", "cifar10n_6k", "banking77")
REVIEWED = 100
ROWS, DIMS = 2_000, 6
SURER = (1, 2, 3)
GAUSSIAN = ((5, 4.0, 0.05), (5, 4.0, 0.10), (10, 5.0, 0.10), (10, 5.0, 0.02), (3, 4.0, 0.10), (10, 4.0, 0.0))
PERTURBED = (("digits", 0.10), ("digits", 0.03))
SHOWN = ("held", "classes", "bias", "width", "at_most")
Row = dict[str, Any]
Codes = NDArray[np.int32]


def kinds() -> Iterator[Noisy]:
    for source in sources(list(REAL)):
        if source.human is not None:
            yield noisy(source, "people's own", source.human)
        for share in (0.05, 0.2):
            yield noisy(source, f"symmetric {share:.0%}", symmetric(source, share))
        yield noisy(source, "asymmetric 10 %", asymmetric(source, 0.1))


def precision(_: int) -> Iterator[Row]:
    for problem in kinds():
        seen = scan(problem.labels, problem.pred_probs)
        columns, known = judge_with_verdict(problem.labels, seen)
        p = columns["p_label_error"].astype(float)
        nobody = np.full(len(p), -1, np.int8)
        worst = np.argsort(-p, kind="stable")[:REVIEWED]
        said = nobody.copy()
        said[worst] = problem.is_error[worst]
        row: Row = {
            "part": "precision", "data": problem.dataset, "kind": problem.kind, "rows": len(p),
            "wrong": int(problem.is_error.sum()), "at_most": known.at_most, "came": [],
        }  # fmt: skip
        for verdicts in (nobody, said):
            judged = Calibrated(p, verdicts, verdicts >= 0, known.counted)
            for asked in ASKED:
                cut = judged.at_precision(asked)
                right = int(problem.is_error[cut.rows].sum())
                row["came"].append([len(cut.rows), right, round(cut.low, 1), round(cut.high, 1)])
        yield row


def gaussian(k: int, separation: float, noise: float, seed: int) -> tuple[Codes, Codes, NDArray[np.float64]]:
    """True classes, given labels, P(given | row); class k has a noise of 0 to twice ``noise``."""
    rng = np.random.default_rng([seed, 7])
    true, _, q = gaussian_classes(k, separation, ROWS, DIMS, rng)
    rate = 2 * noise * np.arange(k) / (k - 1)
    matrix = np.tile((rate / (k - 1))[:, None], (1, k))
    np.fill_diagonal(matrix, 1 - rate)
    given = (matrix[true].cumsum(1) < rng.random((ROWS, 1))).sum(1).clip(0, k - 1)
    return true.astype(np.int32), given.astype(np.int32), q @ matrix


def held(true: Codes, labels: Codes, probs: NDArray[Any]) -> Row | None:
    """Whether the intervals hold the truth; None where findings are withheld."""
    size = probs.shape[1]
    seen = scan(labels, probs.astype(np.float32))
    columns, known = judge_with_verdict(labels, seen)
    if known.withheld:
        return None
    found = class_findings(list(range(size)), labels, columns, known.to_dict())
    rate = next(f.data for f in found if f.check == "label_error_rate")
    wrong = true != labels
    of_class = []
    for code, line in enumerate(class_table(list(range(size)), labels, seen, columns, known.to_dict())):
        if line["rows"]:
            of_class.append(line["low"] <= wrong[labels == code].mean() <= line["high"])
    return {
        "held": bool(rate["low"] <= wrong.mean() <= rate["high"]), "bias": rate["rate"] - wrong.mean(),
        "width": rate["high"] - rate["low"], "at_most": bool(rate.get("at_most")), "classes": float(np.mean(of_class)),
    }  # fmt: skip


MEANS = ("held", "bias", "width", "at_most", "classes")


def covered(name: str, make: Callable[[int], tuple[Codes, Codes, NDArray[Any]]], repetitions: int) -> Iterator[Row]:
    """One row a sureness of the model."""
    every: dict[int, list[Row | None]] = {power: [] for power in SURER}
    for seed in range(repetitions):
        true, labels, probs = make(seed)
        for power, found in every.items():
            p = probs.astype(np.float64) ** power
            found.append(held(true, labels, p / p.sum(1, keepdims=True)))
    for power, found in every.items():
        good = [one for one in found if one is not None]
        mean = {key: round(float(np.mean([one[key] for one in good])), 3) if good else None for key in MEANS}
        model = "" if power == 1 else f", {power} times too sure"
        yield {
            "part": "coverage", "data": name + model, "repetitions": repetitions, "withheld": repetitions - len(good),
        } | mean  # fmt: skip


def coverage(repetitions: int) -> Iterator[Row]:
    for k, separation, noise in GAUSSIAN:
        name = f"{k} Gaussian classes, {separation:g} apart, {noise:.0%} wrong"
        yield from covered(name, partial(gaussian, k, separation, noise), repetitions)
    for data, share in PERTURBED:
        (source,) = sources([data])
        yield from covered(f"{data}, {share:.0%} wrong", partial(perturbed, source, share), repetitions)


def perturbed(source: Source, share: float, seed: int) -> tuple[Codes, Codes, NDArray[Any]]:
    """True classes, given labels, probabilities of models that learned from these."""
    found = noisy(source, "", symmetric(source, share, seed))
    return source.true, found.labels, found.pred_probs


def tables(rows: list[Row]) -> list[Row]:
    asked = [row for row in rows if row["part"] == "precision"]
    body = []
    for row in asked:
        cells = [f"{right / n:.2f} ({n:,})" if n else "- (0)" for n, right, *_ in row["came"]]
        body.append([row["data"], row["kind"], row["wrong"], *cells])
    cuts = [
        (n, right, low, high, ask)
        for row in asked
        for (n, right, low, high), ask in zip(row["came"], ASKED * 2, strict=True)
    ]
    cuts = [cut for cut in cuts if cut[0] >= 20]
    off = np.mean([abs(right / n - ask) for n, right, _, _, ask in cuts]) if cuts else 0
    inside = sum(low <= right <= high for _, right, low, high, _ in cuts)
    first = {
        "title": "Asked for a precision, what came",
        "text": (
            "`assay issues --precision`: the share of wrong labels among the rows named and how many these are, without "
            f"verdicts of people and after {REVIEWED} on the worst rows (these no longer counted). Noise of known kinds, "
            f"models that learned from it. Where 20 rows and more are named, asked and come are {off:.3f} apart on the mean, and "
            f"{inside} of {len(cuts)} times what came is inside the interval that is printed with the rows. Labels that were wrong before "
            "noise was added (some 1 % in banking77 and Fashion-MNIST) count as right here, so that more came than is told."
        ),
        "heads": [
            "data", "noise", "wrong", *(f"asked {a:.0%}" for a in ASKED), *(f"{a:.0%}, {REVIEWED} verdicts" for a in ASKED),
        ],
        "rows": body,
    }  # fmt: skip
    cover = [row for row in rows if row["part"] == "coverage"]
    second = {
        "title": "Intervals that should hold the truth 95 times in a hundred",
        "text": (
            "How often the interval of the share of wrong labels, and those of the classes on the mean, held the true share. "
            "Goal: .90 to .98. *At most*: a bound is given instead of an interval. Withheld runs are counted apart."
        ),
        "heads": ["data and model", "repetitions", "withheld", "dataset", "classes", "estimate minus truth", "width", "at most"],
        "rows": [[r["data"], r["repetitions"], r["withheld"], *("-" if r[key] is None else r[key] for key in SHOWN)] for r in cover],
    }  # fmt: skip
    return [one for one in (first, second) if one["rows"]]


PARTS = {"precision": precision, "coverage": coverage}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART")
    parser.add_argument("--repetitions", type=int, default=100)
    asked = parser.parse_args()
    kept = json.loads(FILE.read_text())["rows"] if FILE.exists() else []
    for part in asked.parts:
        kept = [row for row in kept if row["part"] != part]
        for row in PARTS[part](asked.repetitions):
            print(json.dumps(row), flush=True)
            kept.append(row)
    if asked.repetitions == 100:
        keep("calibration", {"rows": kept, "tables": tables(kept)})


if __name__ == "__main__":
    main()
