"""Classes that overlap, with the exact posterior known: the estimated rate of wrong labels, calibration, ranking, safe rows.

    overlap.py [SEEDS]

In: nothing. Out: ``results/overlap.json`` with tables for the page. Does not know: how anything is found.
Gaussian classes in six dimensions, 6,000 rows; probabilities are those of the Bayes classifier of the given labels, so that
nothing is lost by a model. 2, 3 and 10 classes, centres 1, 2, 3 and 5 from the origin, 0, 5 and 15 % of the labels replaced.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

import assay
from measure import commit, machine
from noise import calibration_error
from page import RESULTS
from problems import gaussian_classes

CLASSES, SEPARATIONS, NOISES = (2, 3, 10), (1.0, 2.0, 3.0, 5.0), (0.0, 0.05, 0.15)
ROWS, DIMS, SEEDS = 6_000, 6, 3
GOALS = {"rate": 0.02, "calibration": 0.04, "ap": 0.01, "safe": 0.98}
BEFORE = {"rate": 0.089, "calibration": 0.090, "ap": 0.006, "safe": 0.929}  # of version 0.1.0, by this program
Row = dict[str, Any]
Floats = NDArray[np.float64]


def make(k: int, separation: float, noise: float, seed: int) -> tuple[Any, Any, Floats, Floats, Floats, Floats]:
    """True classes, given labels, P(given | row), P(true | row), P(the label is wrong | row, label), rows."""
    rng = np.random.default_rng(seed)
    true, rows, q = gaussian_classes(k, separation, ROWS, DIMS, rng)
    matrix = np.full((k, k), noise / (k - 1))
    np.fill_diagonal(matrix, 1 - noise)
    given = np.array([rng.choice(k, p=matrix[code]) for code in true])
    posterior = q * matrix[:, given].T
    return true, given, q @ matrix, q, 1 - posterior[np.arange(ROWS), given] / posterior.sum(1), rows


def measure(k: int, separation: float, noise: float, seed: int) -> Row:
    from sklearn.metrics import average_precision_score

    true, given, probs, q, wrong, _ = make(k, separation, noise, seed)
    found = assay.label_issues(given, probs.astype(np.float32))
    error = true != given
    p = found["p_label_error"].to_numpy(float)
    bins = np.minimum((p * 15).astype(int), 14)
    gap = np.abs(np.bincount(bins, p - wrong, 15)).sum() / len(p)
    safe = found["is_safe_to_fix"].to_numpy(bool)
    suggested = found["suggested_label"].to_numpy(float, na_value=-1)
    flagged = found["is_label_issue"].to_numpy(bool)
    scored = {"ap": None, "best": None}
    if error.any():
        score = found["label_issue_score"].to_numpy(float)
        scored = {"ap": average_precision_score(error, score), "best": average_precision_score(error, wrong)}
    verdict = found.attrs["verdict"]
    return {
        "classes": k,
        "separation": separation,
        "noise": noise,
        "seed": seed,
        "bayes": float((q.argmax(1) == true).mean()),
        "rate": float(error.mean()),
        "estimated": float(p.mean()),
        "calibration": float(gap),
        "calibration_of_errors": calibration_error(error, p),
        "flagged": int(flagged.sum()),
        "precision": float(error[flagged].mean()) if flagged.any() else None,
        "safe": int(safe.sum()),
        "safe_right": int((suggested == true)[safe].sum()),
        "withheld": bool(verdict["withheld"]),
        "at_most": bool(verdict["at_most"]),
        "bound": verdict["bound"],
    } | scored


def summary(rows: list[Row]) -> dict[str, float]:
    ranked = [row["best"] - row["ap"] for row in rows if row["ap"] is not None]
    return {
        "rate": float(np.mean([abs(row["estimated"] - row["rate"]) for row in rows])),
        "calibration": float(np.mean([row["calibration"] for row in rows])),
        "ap": float(np.mean(ranked)),
        "safe": sum(row["safe_right"] for row in rows) / max(1, sum(row["safe"] for row in rows)),
    }


def table(rows: list[Row]) -> Row:
    found = summary(rows)
    names = {
        "rate": "mean distance of estimated and true rate",
        "calibration": "calibration error against the exact posterior",
        "ap": "average precision lost against the exact posterior",
        "safe": "rows marked safe that are right",
    }
    body = []
    for name, what in names.items():
        met = found[name] >= GOALS[name] if name == "safe" else found[name] <= GOALS[name]
        body.append(
            [what, f"{BEFORE[name]:.3f}", f"{found[name]:.3f}", f"{GOALS[name]} ({'met' if met else 'missed'})"]
        )
    withheld = [row for row in rows if row["withheld"]]
    worst = max(rows, key=lambda row: abs(row["estimated"] - row["rate"]))
    text = (
        f"36 settings, {len(rows) // 36} seeds; 0.1.0 was measured by the same program. Findings are withheld in "
        f"{len(withheld)} of {len(rows)}, those of a best possible accuracy of "
        f"{min((row['bayes'] for row in withheld), default=0):.2f} to {max((row['bayes'] for row in withheld), default=0):.2f}. "
        f"Worst estimate: {worst['estimated']:.3f} for {worst['rate']:.3f}, "
        f"{'withheld' if worst['withheld'] else 'not withheld'}. Noise here is the same for every class and row; the "
        "probabilities are perfect, as no model's are."
    )
    return {"title": "Classes that overlap", "text": text, "heads": ["", "0.1.0", "now", "goal"], "rows": body}


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    rows = [measure(k, s, e, seed) for k in CLASSES for s in SEPARATIONS for e in NOISES for seed in range(seeds)]
    print(summary(rows))
    if seeds == SEEDS:
        record = {"commit": commit(), "machine": machine(), "rows": rows, "tables": [table(rows)]}
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "overlap.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
