"""What "safe to fix" is worth: of the suggestions that may be applied without a person, how many are right.

    safe.py [DATASET ...]

In: `noise_problems` (real rows, known noise), Gaussian classes that overlap (`overlap.make`). Out: ``results/safe.json``.
Does not know: how anything is found. Overlapping classes are learned by logistic regression, 5-fold, on labels with the noise.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

import assay
import overlap
from measure import commit, machine
from noise_problems import asymmetric, noisy, sources, symmetric
from page import RESULTS

REAL = ("digits", "fashion_mnist_5k", "cifar10n_6k", "banking77")
OVERLAPPING = ((2, 2.0, 0.05), (2, 1.0, 0.0), (3, 2.0, 0.1), (3, 3.0, 0.05), (10, 3.0, 0.1), (10, 5.0, 0.1))
GOAL = 0.98
Row = dict[str, Any]


def judge(name: str, labels: Any, true: Any, probs: Any, doubted: Any = None) -> Row:
    """``doubted`` (N,) what is suggested where the published labels themselves are judged, -1 = nothing."""
    found = assay.label_issues(labels, probs)
    safe = found["is_safe_to_fix"].to_numpy(bool)
    flagged = found["is_label_issue"].to_numpy(bool)
    suggested = found["suggested_label"].to_numpy(float, na_value=-1)
    right = suggested == true
    return {
        "name": name,
        "rows": len(labels),
        "wrong": float((labels != true).mean()),
        "flagged": int(flagged.sum()),
        "flagged_right": float(right[flagged].mean()) if flagged.any() else None,
        "safe": int(safe.sum()),
        "right": int(right[safe].sum()),
        "doubted": int((safe & ~right & (suggested == doubted)).sum()) if doubted is not None else None,
        "withheld": bool(found.attrs["verdict"]["withheld"]),
    }


def real(names: list[str]) -> Iterator[Row]:
    for source in sources(names):
        published = source.true[source.true >= 0]
        own = assay.label_issues(published, noisy(source, "published", source.true).pred_probs)
        doubted = np.where(own["is_label_issue"], own["suggested_label"].to_numpy(float, na_value=-1), -1)
        kinds = [("20 % at random", symmetric(source, 0.2)), ("5 % at random", symmetric(source, 0.05))]
        kinds.append(("20 % one for another", asymmetric(source, 0.2)))
        kinds += [("people", source.human)] if source.human is not None else []
        for kind, labels in kinds:
            made = noisy(source, kind, labels)
            yield judge(f"{source.name}, {kind}", made.labels, published, made.pred_probs, doubted)


def overlapping() -> Iterator[Row]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    for k, separation, noise in OVERLAPPING:
        true, given, _, _, _, rows = overlap.make(k, separation, noise, 0)
        probs = cross_val_predict(LogisticRegression(), rows, given, cv=5, method="predict_proba").astype(np.float32)
        yield judge(
            f"{k} Gaussian classes, {separation:g} apart, {noise:.0%} wrong".replace("%", " %"), given, true, probs
        )


def table(rows: list[Row]) -> Row:
    body = []
    for row in rows:
        share = f"{row['right'] / row['safe']:.3f}" if row["safe"] else "-"
        of_flags = "-" if row["flagged_right"] is None else f"{row['flagged_right']:.3f}"
        doubted = "-" if row["doubted"] is None else f"{row['doubted']:,}"
        said = "withheld" if row["withheld"] else f"{row['flagged']:,}"
        body.append([row["name"], f"{row['wrong']:.1%}", said, of_flags, f"{row['safe']:,}", share, doubted])
    doubtful = sum(row["doubted"] or 0 for row in rows)
    safe, right = sum(row["safe"] for row in rows), sum(row["right"] for row in rows)
    below = [row["name"] for row in rows if row["safe"] and row["right"] / row["safe"] < GOAL]
    text = (
        f"{right:,} of {safe:,} suggestions marked safe are right: {right / max(safe, 1):.3f} (goal {GOAL}: "
        f"{'met' if right >= GOAL * safe else 'missed'}); below it: {', '.join(below) or 'no set'}. The labels called right are the "
        "published ones, of which some are wrong themselves: of the others, "
        f"{doubtful:,} are suggested in the same way where the published labels are judged and nothing was planted (last column); "
        f"with them it is {(right + doubtful) / max(safe, 1):.3f}. No row is ever removed as safe."
    )
    heads = ["set", "labels wrong", "flagged", "of these right", "safe", "of these right", "published label doubted"]
    return {"title": "What safe to fix is worth", "text": text, "heads": heads, "rows": body}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", metavar="DATASET", help=f"default: {', '.join(REAL)}")
    names = parser.parse_args().datasets or list(REAL)
    rows = []
    for row in chain(overlapping(), real(names)):
        rows.append(row)
        print(row, flush=True)
    print(table(rows)["text"])
    if names == list(REAL):
        record = {"commit": commit(), "machine": machine(), "rows": rows, "tables": [table(rows)]}
        (RESULTS / "safe.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
