"""Each check of a class or of the dataset: how often a planted fault is found, and how often it alarms on clean shuffles.

    checks.py [--repetitions 20]

In: scikit-learn's digits, banking77 in sentence vectors (every check reads codes, vectors, measured properties and predictions).
Out: ``results/checks.json`` with a table for the page. Does not know: how anything is found.

Every repetition shuffles the rows, draws a random split and random properties (the clean set), and plants one fault of a known
size in a copy. cleanlab's Datalab gets the same arrays where it has such a check, with its defaults.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.graph import neighbors
from assay.insights.classes import class_findings
from assay.insights.clusters import splittable
from assay.insights.quality import quality_findings
from assay.insights.relations import relations
from assay.insights.shortcuts import property_shortcuts, weak_groups
from assay.insights.splits import row_order, split_leakage, split_shift
from assay.issues.label import judge_with_verdict
from assay.issues.scan import Scan, scan
from assay.predict import predict
from assay.predict.folds import make_folds
from noise_problems import sources
from problems import data_dir
from sides import keep

TWO_THINGS = (  # in classes of banking77, as their texts show: pay from a friend and a salary, SWIFT and SEPA, "where can I
    # withdraw money" and "which ATMs accept this card" ...
    "receiving_money", "top_up_by_bank_transfer_charge", "unable_to_verify_identity", "card_about_to_expire", "atm_support",
)  # fmt: skip
SHARE = 0.3  # of rows in the split "test"
Row = dict[str, Any]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Set:
    """Aligned arrays, in the user's order; ``right``: the out-of-sample prediction is the given label."""

    x: NDArray[np.float32]
    labels: Codes
    splits: NDArray[np.object_]
    properties: dict[str, NDArray[np.float64]]
    clusters: NDArray[np.int64]
    near: NDArray[np.int32]
    probs: NDArray[np.float32]

    @property
    def names(self) -> list[str]:
        return [str(code) for code in range(self.probs.shape[1])]

    @property
    def rows(self) -> NDArray[np.int64]:
        return np.arange(len(self.labels))

    @property
    def seen(self) -> Scan:
        return scan(self.labels, self.probs)

    @property
    def right(self) -> NDArray[np.bool_]:
        return np.asarray(self.probs.argmax(1) == self.labels)


def learned(x: NDArray[np.float32], labels: Codes) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Neighbours and out-of-sample probabilities by Assay's own heads."""
    graph = neighbors(x / np.linalg.norm(x, axis=1, keepdims=True), 15, threads=1, seed=0)
    size = int(labels.max()) + 1
    probs = np.empty((len(labels), size), np.float32)
    folds = make_folds(labels, np.full(len(labels), -1, np.int64), seed=0)
    predict({"pixels": x}, labels, folds, graph, size, probs, threads=1)
    return graph[0], probs


def clean() -> Set:
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, labels = digits.data.astype(np.float32), digits.target.astype(np.int32)
    near, probs = learned(x, labels)
    nothing = np.full(len(labels), None, object)
    return Set(x, labels, nothing, {}, np.full(len(labels), -1, np.int64), near, probs)


def questions() -> Set:
    """banking77 in sentence vectors, without predictions, neighbours and the classes that hold `TWO_THINGS`."""
    (*_, source) = sources(["banking77"])
    x = next(view for name, view in source.known.embeddings.items() if name != "tfidf").astype(np.float32)
    table = pd.concat([pd.read_csv(data_dir() / "banking77" / f"{part}.csv") for part in ("train", "test")])
    kept = ~table["category"].isin(TWO_THINGS).to_numpy()
    labels = pd.factorize(table["category"][kept], sort=True)[0].astype(np.int32)
    n, nothing = len(labels), np.full(int(kept.sum()), None, object)
    probs = np.zeros((n, int(labels.max()) + 1), np.float32)
    return Set(x[kept], labels, nothing, {}, np.full(n, -1, np.int64), np.full((n, 1), -1, np.int32), probs)


def shuffled(one: Set, seed: int) -> Set:
    """The rows in another order, with a split and two properties drawn by lot."""
    rng = np.random.default_rng([seed, 11])
    order = rng.permutation(len(one.labels))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    n = len(order)
    return Set(
        one.x[order],
        one.labels[order],
        np.where(rng.random(n) < SHARE, "test", "train").astype(object),
        {"length": rng.gamma(2, 10, n), "brightness": rng.normal(size=n)},
        np.full(n, -1, np.int64),
        np.where(one.near[order] >= 0, place[np.maximum(one.near[order], 0)], -1).astype(np.int32),
        one.probs[order],
    )


# checks: does it say anything of this kind? -----------------------------------------------------------------------


def leakage(one: Set) -> bool:
    exact = np.ones(len(one.labels), bool)
    return bool(split_leakage(one.names, one.labels, one.splits, one.clusters, exact, one.rows))


def shift(kind: str) -> Callable[[Set], bool]:
    def asked(one: Set) -> bool:
        found = split_shift(one.names, one.labels, one.splits, one.properties, one.near, one.rows)
        return any(f.type == kind for f in found)

    return asked


def order(one: Set) -> bool:
    return bool(row_order(one.labels, one.rows, one.near, one.rows))


def shortcut(kind: str) -> Callable[[Set], bool]:
    return lambda one: any(f.type == kind for f in property_shortcuts(one.names, one.labels, one.properties, one.rows))


def weak(one: Set) -> bool:
    counts = np.maximum(np.bincount(one.labels, minlength=10), 1)
    expected = (np.bincount(one.labels[one.right], minlength=10) / counts)[one.labels]
    masks = {f"split {name}": np.asarray(one.splits == name) for name in ("train", "test")}
    return bool(weak_groups(one.labels, one.right, one.properties, masks, one.rows, expected))


def noisy_class(one: Set) -> bool:
    columns, known = judge_with_verdict(one.labels, one.seen)
    found = quality_findings(one.names, one.labels, one.seen, columns, verdict=known.to_dict())
    return any(f.check == "class_noise" for f in found)


def rare(one: Set) -> bool:
    return any(f.check == "rare_classes" for f in class_findings(one.names, one.labels, None))


def split_class(one: Set) -> bool:
    return bool(splittable(one.x, one.labels, int(one.labels.max()) + 1))


def relation(kind: str) -> Callable[[Set], bool]:
    return lambda one: any(r.type == kind for r in relations(one.names, one.labels, one.seen))


# faults -----------------------------------------------------------------------------------------------------------

Plant = Callable[[Set, np.random.Generator], Set]


def copies(one: Set, rng: np.random.Generator) -> Set:
    """One row of the test split in fifty is a copy of one of the other split."""
    clusters = one.clusters.copy()
    test, train = np.flatnonzero(one.splits == "test"), np.flatnonzero(one.splits == "train")
    chosen = rng.permutation(test)[: max(1, len(test) // 50)]
    clusters[chosen] = np.arange(len(chosen))
    clusters[rng.permutation(train)[: len(chosen)]] = np.arange(len(chosen))
    return replace(one, clusters=clusters)


def lost_class(one: Set, rng: np.random.Generator) -> Set:
    code = rng.integers(10)
    return replace(one, splits=np.where(one.labels == code, "train", one.splits).astype(object))


def other_balance(one: Set, rng: np.random.Generator) -> Set:
    """Three classes lose two thirds of their share in the test split."""
    fewer = np.isin(one.labels, rng.permutation(10)[:3]) & (rng.random(len(one.labels)) < 2 / 3)
    return replace(one, splits=np.where(fewer, "train", one.splits).astype(object))


def longer(one: Set, rng: np.random.Generator) -> Set:
    length = one.properties["length"] * np.where(one.splits == "test", 1.5, 1)
    return replace(one, properties=one.properties | {"length": length})


def region(one: Set, rng: np.random.Generator) -> Set:
    """The split follows a direction of the vectors."""
    score = (one.x - one.x.mean(0)) @ rng.normal(size=one.x.shape[1])
    score = score / score.std() + rng.normal(size=len(score))
    return replace(one, splits=np.where(score > np.quantile(score, 1 - SHARE), "test", "train").astype(object))


def in_order(one: Set, at: NDArray[np.int64]) -> Set:
    place = np.empty(len(at), np.int64)
    place[at] = np.arange(len(at))
    near = np.where(one.near[at] >= 0, place[np.maximum(one.near[at], 0)], -1).astype(np.int32)
    properties = {name: value[at] for name, value in one.properties.items()}
    return Set(one.x[at], one.labels[at], one.splits[at], properties, one.clusters[at], near, one.probs[at])


def by_label(one: Set, rng: np.random.Generator) -> Set:
    """Half of the order follows the label."""
    return in_order(one, np.argsort(one.labels + rng.normal(size=len(one.labels)) * 3, kind="stable"))


def drift(one: Set, rng: np.random.Generator) -> Set:
    """Within each class rows follow a direction of the vectors; the classes are mixed evenly."""
    score = (one.x - one.x.mean(0)) @ rng.normal(size=one.x.shape[1])
    rank = np.empty(len(score))
    for code in range(10):
        members = np.flatnonzero(one.labels == code)
        rank[members[np.argsort(score[members])]] = (np.arange(len(members)) + rng.random(len(members))) / len(members)
    return in_order(one, np.argsort(rank, kind="stable"))


def bright_class(one: Set, rng: np.random.Generator) -> Set:
    brightness = one.properties["brightness"] + 2.5 * (one.labels == rng.integers(10))
    return replace(one, properties=one.properties | {"brightness": brightness})


def telling(one: Set, rng: np.random.Generator) -> Set:
    rank = rng.permutation(10)[one.labels]
    return replace(one, properties=one.properties | {"brightness": rank + 0.5 * rng.normal(size=len(rank))})


def blind_spot(one: Set, rng: np.random.Generator) -> Set:
    """Of the tenth of the brightest rows three in ten are predicted wrongly."""
    bright = one.properties["brightness"] >= np.quantile(one.properties["brightness"], 0.9)
    chosen = np.flatnonzero(bright & (rng.random(len(bright)) < 0.3))
    probs = one.probs.copy()
    probs[chosen] = np.roll(probs[chosen], 1, axis=1)
    return replace(one, probs=probs)


def one_noisy(one: Set, rng: np.random.Generator) -> Set:
    """A fifth of the labels of one class is drawn from the others; models learn from that."""
    labels, code = one.labels.copy(), rng.integers(10)
    other = np.flatnonzero(labels != code)
    wrong = rng.permutation(other)[: int((labels == code).sum() * 0.25)]
    labels[wrong] = code
    near, probs = learned(one.x, labels)
    return replace(one, labels=labels, near=near, probs=probs)


def few(one: Set, rng: np.random.Generator) -> Set:
    members = np.flatnonzero(one.labels == rng.integers(10))
    kept = np.setdiff1d(np.arange(len(one.labels)), members[3:])
    return replace(one, labels=one.labels[kept])


def joined(one: Set, rng: np.random.Generator) -> Set:
    """Two classes under one name."""
    a, b = rng.permutation(int(one.labels.max()) + 1)[:2].tolist()
    return replace(one, labels=np.where(one.labels == b, a, one.labels).astype(np.int32))


def halved(one: Set, rng: np.random.Generator) -> Set:
    """Half of the rows of one class, by lot, carry another name."""
    code = rng.integers(10)
    other = (one.labels == code) & (rng.random(len(one.labels)) < 0.5)
    labels = np.where(other, 10, one.labels).astype(np.int32)
    near, probs = learned(one.x, labels)
    return replace(one, labels=labels, near=near, probs=probs)


def general(one: Set, rng: np.random.Generator) -> Set:
    """A third of the rows of three classes carry one general name."""
    chosen = np.isin(one.labels, rng.permutation(10)[:3]) & (rng.random(len(one.labels)) < 1 / 3)
    labels = np.where(chosen, 10, one.labels).astype(np.int32)
    near, probs = learned(one.x, labels)
    return replace(one, labels=labels, near=near, probs=probs)


def others(one: Set, rng: np.random.Generator) -> Set:
    """One row in twenty, of any class, carries the name "10"."""
    labels = np.where(rng.random(len(one.labels)) < 0.05, 10, one.labels).astype(np.int32)
    near, probs = learned(one.x, labels)
    return replace(one, labels=labels, near=near, probs=probs)


CHECKS: tuple[tuple[str, Callable[[Set], bool], Plant, str], ...] = (
    ("copies across splits", leakage, copies, ""),
    ("a class that one split lacks", shift("class"), lost_class, ""),
    ("split: class balance", shift("class balance"), other_balance, ""),
    ("split: a property", shift("length"), longer, ""),
    ("split: a region", shift("region"), region, ""),
    ("order follows the label", order, by_label, "non_iid"),
    ("order follows what rows hold", order, drift, "non_iid"),
    ("a property tells a class", shortcut("class"), bright_class, ""),
    ("a property tells the label", shortcut("label"), telling, ""),
    ("a group with bad predictions", weak, blind_spot, "underperforming_group"),
    ("a noisy class", noisy_class, one_noisy, ""),
    ("a rare class", rare, few, "class_imbalance"),
    ("one class, two clusters", split_class, joined, ""),
    ("the same thing", relation("same_thing"), halved, ""),
    ("general and specific", relation("is_a"), general, ""),
    ("catch-all class", relation("catch_all"), others, ""),
)


def datalab(one: Set, check: str) -> bool:
    """Whether Datalab's summary counts an issue of this kind."""
    from cleanlab import Datalab

    lab = Datalab({"y": one.labels.tolist()}, label_name="y", verbosity=0)
    need = {"underperforming_group": {"features": one.x, "pred_probs": one.probs}, "non_iid": {"features": one.x}}
    lab.find_issues(**need.get(check, {}), issue_types={check: {}})
    summary = lab.get_issue_summary(check)
    return bool(summary["num_issues"].iloc[0] > 0)


def measure(repetitions: int) -> list[Row]:
    sets, rows = {"digits": clean(), "banking77": questions()}, []
    for name, check, plant, peer in CHECKS:
        found = alarms = theirs = their_alarms = 0
        for seed in range(repetitions):
            plain = shuffled(sets["banking77" if check is split_class else "digits"], seed)
            faulty = plant(plain, np.random.default_rng([seed, 13]))
            found += check(faulty)
            alarms += check(plain)
            if peer:
                theirs += datalab(faulty, peer)
                their_alarms += datalab(plain, peer)
        fault = (plant.__doc__ or "").strip()
        rows.append(
            {"check": name, "fault": fault, "repetitions": repetitions, "found": found, "alarms": alarms, "peer": peer}
            | ({"peer_found": theirs, "peer_alarms": their_alarms} if peer else {})
        )  # fmt: skip
        print(json.dumps(rows[-1]), flush=True)
    return rows


def tables(rows: list[Row]) -> list[Row]:
    text = (
        "scikit-learn's digits (of two clusters in one class: banking77 in sentence vectors, without the five classes in which the "
        "check names two things that are there, such as pay from a friend and a salary). In each repetition "
        "the rows are shuffled, a split and two properties are drawn by lot (clean), and one "
        "fault is planted. *found*: repetitions in which the check names a fault of its kind; *alarms*: on the clean set. Datalab gets "
        "the same arrays with its defaults, where it has such a check."
    )
    body = [
        [r["check"], r["repetitions"], r["found"], r["alarms"], r["peer"] or "-", r.get("peer_found", "-"), r.get("peer_alarms", "-")]
        for r in rows
    ]  # fmt: skip
    heads = ["check", "repetitions", "found", "alarms", "Datalab's check", "it found", "its alarms"]
    return [
        {
            "title": "Checks of classes and of the dataset: power and false alarms",
            "text": text,
            "heads": heads,
            "rows": body,
        }
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=20)
    repetitions = parser.parse_args().repetitions
    rows = measure(repetitions)
    if repetitions == 20:
        keep("checks", {"rows": rows, "tables": tables(rows)})


if __name__ == "__main__":
    main()
