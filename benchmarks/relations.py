"""Relations between classes: planted ones in texts, real trees, and plain sets that have none; cleanlab's overlapping classes beside.

    relations.py [--seeds 11 12] [--rows 4000] [--only DATA ...] [PART ...]        PART: planted, trees, plain

In: banking77, clinc150, grocery, and plain sets. Out: ``results/relations.json`` with tables for the page. Does not know: how
anything is found. Each line is one `assay.analyze`.

Planted in a text set: six classes split at random (same thing), four general labels that take 20 to 40 % of each of three
neighbours (is-a), six classes of which 20 to 50 % of the rows get a text of another class added (has-a), and 5 % of the labels
drawn at random. In a tree a quarter of each fine class's rows carry the coarse name instead;
hallmarks_of_cancer and clothing are as they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

import assay
from assay.insights.clusters import splittable
from measure import commit, machine
from page import RESULTS
from problems import data_dir
from vectors import SCRATCH

Row = dict[str, Any]
Truth = set[tuple[str, str, str]]
TYPES = ("same_thing", "is_a", "has_a")
FILE = RESULTS / "relations.json"


def texts(name: str, rows: int, seed: int) -> tuple[list[str], list[str]]:
    """A sample of a text set with all its classes."""
    if name == "banking77":
        frame = pd.read_csv(data_dir() / "banking77" / "train.csv").rename(columns={"category": "label"})
    else:
        frame = pd.read_csv(data_dir() / "clinc150" / "clinc150.csv").rename(columns={"intent": "label"})
        frame = frame[frame["is_oos"] == 0]
    frame = frame.sample(frac=1, random_state=seed)
    frame = frame.groupby("label").head(max(rows // frame["label"].nunique(), 30))
    return frame["text"].tolist(), frame["label"].tolist()


def plant(text: list[str], label: list[str], seed: int) -> tuple[list[str], list[str], Truth]:
    """Texts and labels with relations in them. Neighbouring classes are those that share most words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    rng = np.random.default_rng([seed, 5])
    given, words = np.array(label, object), list(text)
    classes = np.unique(label)
    matrix = TfidfVectorizer().fit_transform(text)
    means = np.stack([np.asarray(matrix[given == name].mean(0)).ravel() for name in classes])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    similar = means @ means.T
    free = list(rng.permutation(len(classes)))
    used: set[int] = set()
    truth: Truth = set()

    def take() -> int:
        while True:
            code = int(free.pop())
            if code not in used:
                used.add(code)
                return code

    wrong = rng.random(len(given)) < 0.05
    for _ in range(6):
        name = classes[take()]
        rows = rng.permutation(np.flatnonzero(given == name))
        given[rows[: len(rows) // 2]] = f"{name} two"
        truth.add(("same_thing", name, f"{name} two"))
    for _ in range(4):
        code = take()
        near = [code, *[int(k) for k in np.argsort(-similar[code]) if int(k) not in used][:2]]
        used |= set(near)
        for specific in near:
            rows = rng.permutation(np.flatnonzero(given == classes[specific]))
            given[rows[: int(len(rows) * rng.uniform(0.2, 0.4))]] = f"about {classes[code]}"
            truth.add(("is_a", f"about {classes[code]}", classes[specific]))
    for _ in range(6):
        holder, held = classes[take()], classes[take()]
        rows, others = rng.permutation(np.flatnonzero(given == holder)), np.flatnonzero(given == held)
        for row in rows[: int(len(rows) * rng.uniform(0.2, 0.5))].tolist():
            added = text[int(rng.choice(others))]
            words[row] = f"{text[row]} {added}" if rng.random() < 0.5 else f"{added} {text[row]}"
        truth.add(("has_a", holder, held))
    names = np.unique(given.astype(str))
    given[wrong] = rng.choice(names, int(wrong.sum()))
    return words, given.tolist(), truth


def found_relations(project: assay.Project) -> Truth:
    """(type, first, second) of every relation between two classes; of the same thing in the order of the names."""
    out: Truth = set()
    for finding in project.insights():
        if finding["check"] != "relation" or len(finding["subject"]) != 2:
            continue
        pair = finding["classes"]
        if isinstance(pair, dict):
            first, second = (
                pair[key] for key in (("general", "specific") if "general" in pair else ("holder", "held"))
            )
        else:
            first, second = sorted(map(str, pair))
        out.add((finding["type"], str(first), str(second)))
    return out


def score(truth: Truth, found: Truth) -> Row:
    """Right, found and true relations of each type, and how many were found the wrong way round."""
    row: Row = {}
    for kind in TYPES:
        true = {(a, b) for t, a, b in truth if t == kind}
        true = {tuple(sorted(pair)) for pair in true} if kind == "same_thing" else true
        got = {(a, b) for t, a, b in found if t == kind}
        row[kind] = {
            "true": len(true), "found": len(got), "right": len(true & got),
            "reversed": len({(b, a) for a, b in got} & true) if kind != "same_thing" else 0,
        }  # fmt: skip
    return row


def peer_precision(project: assay.Project, truth: Truth) -> float | None:
    """Of cleanlab's most overlapping pairs, as many as there are true ones, the share that is related in any way."""
    try:
        from cleanlab.dataset import find_overlapping_classes
    except ImportError:
        return None
    rows = project.artefacts.vector_rows
    labels = project.dataset.codes[rows]
    known = labels >= 0
    pairs = find_overlapping_classes(labels[known], np.asarray(project.artefacts.pred_probs)[known])
    related = {frozenset((a, b)) for _, a, b in truth}
    names = [str(name) for name in project.classes]
    top = list(zip(pairs["Class Index A"], pairs["Class Index B"], strict=True))[: len(related)]
    return round(sum(frozenset((names[a], names[b])) in related for a, b in top) / max(len(related), 1), 3)


def analyse(frame: pd.DataFrame, name: str, **options: Any) -> assay.Project:
    place = SCRATCH / "relations" / f"{name}.assay"
    place.parent.mkdir(parents=True, exist_ok=True)
    return assay.analyze(frame, output=place, progress="quiet", **options)


def planted(seeds: list[int], rows: int, only: list[str]) -> Iterator[Row]:
    for name in chosen(("banking77", "clinc150"), only):
        for seed in seeds:
            text, label, truth = plant(*texts(name, rows, seed), seed)
            frame = pd.DataFrame({"text": text, "label": label})
            project = analyse(frame, f"{name}-{seed}", text="text", label="label")
            line = {"part": "planted", "data": name, "seed": seed, "rows": len(text), "classes": len(set(label))}
            yield line | score(truth, found_relations(project)) | {"cleanlab": peer_precision(project, truth)}


def chosen(names: Iterable[str], only: list[str]) -> list[str]:
    return [name for name in names if not only or name in only]


def trees(seeds: list[int], rows: int, only: list[str]) -> Iterator[Row]:
    for name in chosen(TREES, only):
        frame, content, truth = TREES[name](np.random.default_rng([seeds[0], 6]), rows)
        project = analyse(frame, f"{name}-{seeds[0]}", **{content: content}, label="label")
        found = found_relations(project)
        other = {kind: sum(t == kind for t, _, _ in found) for kind in (*TYPES, "looks_alike")}
        catch = [f["classes"] for f in project.insights() if f["type"] == "catch_all"]
        yield (
            {"part": "trees", "data": name, "seed": seeds[0], "rows": len(frame), "classes": frame["label"].nunique()}
            | score(truth, found)
            | {"cleanlab": peer_precision(project, truth) if truth else None, "named": other, "catch_all": catch}
        )


Tree = tuple[pd.DataFrame, str, Truth]


def domains(rng: np.random.Generator, rows: int) -> Tree:
    """Intents of clinc150, of which a quarter of the rows carry the domain."""
    of = pd.read_csv(data_dir() / "clinc150_domains" / "domains.csv").set_index("intent")["domain"]
    text, label = texts("clinc150", rows, 11)
    given = [str(of[one]) if rng.random() < 0.25 else one for one in label]
    return pd.DataFrame({"text": text, "label": given}), "text", {("is_a", str(of[one]), one) for one in set(label)}


def goemotions(rng: np.random.Generator, rows: int) -> Tree:
    """Comments with one emotion, of which a quarter carry Ekman's instead; emotions that are Ekman's own stay."""
    folder = data_dir() / "goemotions"
    of = pd.read_csv(folder / "classes.csv").set_index("label")["parent_ekman"]
    frame = pd.read_csv(folder / "goemotions.csv")
    frame = frame[~frame["labels"].str.contains("|", regex=False)].sample(rows, random_state=11)
    coarse = rng.random(len(frame)) < 0.25
    given = np.where(coarse, frame["labels"].map(of), frame["labels"])
    truth = {("is_a", str(of[one]), str(one)) for one in frame["labels"].unique() if of[one] != one}
    return pd.DataFrame({"text": frame["text"].to_numpy(), "label": given}), "text", truth


def hallmarks(rng: np.random.Generator, rows: int) -> Tree:
    """Sentences with one hallmark of cancer, as they are labelled: inner nodes of the tree are used beside their children."""
    folder = data_dir() / "hallmarks_of_cancer"
    frame = pd.read_csv(folder / "sentences.csv").dropna(subset=["labels"])
    frame = frame[~frame["labels"].str.contains("|", regex=False)]
    there = frame["labels"].value_counts()
    used = set(there[there >= 8].index)  # fewer rows say nothing
    tree = pd.read_csv(folder / "classes.csv").dropna(subset=["parent"])
    pairs = zip(tree["parent"], tree["label"], strict=True)
    truth = {("is_a", str(up), str(one)) for up, one in pairs if up in used and one in used}
    return frame[["text"]].assign(label=frame["labels"]).reset_index(drop=True), "text", truth


def clothing(rng: np.random.Generator, rows: int) -> Tree:
    """Garments as they are labelled; no tree is known, so that only what is named can be looked at."""
    folder = data_dir() / "clothing"
    frame = pd.read_csv(folder / "labels.csv")
    frame["image"] = [str(folder / "images" / name) for name in frame["image"]]
    return frame[["image", "label"]], "image", set()


def grocery(rng: np.random.Generator, rows: int) -> Tree:
    """Shop photographs whose fine label is the coarse one in a quarter of the rows; fine names that equal theirs stay."""
    folder = data_dir() / "grocery"
    frame = pd.read_csv(folder / "labels.csv")
    coarse = rng.random(len(frame)) < 0.25
    frame["label"] = np.where(coarse, frame["coarse"], frame["fine"])
    frame["image"] = [str(folder / "images" / name) for name in frame["image"]]
    pairs = zip(frame["coarse"], frame["fine"], strict=True)
    truth = {("is_a", str(up), str(fine)) for up, fine in pairs if fine != up}
    return frame[["image", "label"]], "image", truth


TREES: dict[str, Callable[[np.random.Generator, int], Tree]] = {
    "clinc150_domains": domains,
    "hallmarks_of_cancer": hallmarks,
    "goemotions": goemotions,
    "grocery": grocery,
    "clothing": clothing,
}


def plain(seeds: list[int], rows: int, only: list[str]) -> Iterator[Row]:
    """Sets without relations but look-alikes: whatever else is named is a false alarm."""
    for name in chosen(PLAIN, only):
        frame, options = PLAIN[name](rows, seeds[0])
        project = analyse(frame, name, label="label", **options)
        kinds = [f["type"] for f in project.insights() if f["check"] == "relation"]
        yield {
            "part": "plain", "data": name, "rows": len(frame), "look-alikes": kinds.count("looks_alike"),
            "splits": kinds.count("should_split"),
            "others": sum(kind not in ("looks_alike", "should_split") for kind in kinds),
            "joined": joined_classes(project, seeds),
        }  # fmt: skip


def joined_classes(project: assay.Project, seeds: list[int]) -> list[int]:
    """Of 20 pairs of classes joined at random, how many are to be split by the sentence encoder's vectors; one drawing a
    seed, none without such vectors."""
    vectors = project.artefacts.embedding("minilm")
    if vectors is None:
        return []
    labels, size, found = project.dataset.codes[project.artefacts.vector_rows], len(project.classes), []
    for seed in seeds:
        given = np.array(labels, np.int32)
        pairs = np.random.default_rng([seed, 9]).permutation(size)[:40].reshape(20, 2).tolist()
        for one, other in pairs:
            given[given == other] = one
        found.append(len({r.first for r in splittable(vectors, given, size)} & {one for one, _ in pairs}))
    return found


Plain = tuple[pd.DataFrame, Row]


def pixels(vectors: Any, labels: Any) -> Plain:
    """Small grey pictures as vectors of their pixels."""
    frame = pd.DataFrame({"text": [f"row {i}" for i in range(len(labels))], "label": labels})
    return frame, {"text": "text", "embeddings": {"pixels": np.asarray(vectors, np.float32).reshape(len(labels), -1)}}


def digits(rows: int, seed: int) -> Plain:
    from sklearn.datasets import load_digits

    read = load_digits()
    return pixels(read.data, read.target)


def fashion(rows: int, seed: int) -> Plain:
    read = np.load(next((data_dir() / "fashion_mnist_5k").glob("*.npz")))
    return pixels(read["X"], read["y"])


def cifar10n(rows: int, seed: int) -> Plain:
    """Pictures with the labels of one person each, of which a sixth is wrong."""
    frame = pd.read_csv(data_dir() / "cifar10n_6k" / "labels.csv")
    files = [str(data_dir() / "cifar10n_6k" / name) for name in frame["file"]]
    return pd.DataFrame({"image": files, "label": frame["random1_name"]}), {"image": "image"}


def plain_texts(name: str) -> Callable[[int, int], Plain]:
    def read(rows: int, seed: int) -> Plain:
        text, label = texts(name, rows, seed)
        return pd.DataFrame({"text": text, "label": label}), {"text": "text"}

    return read


PLAIN: dict[str, Callable[[int, int], Plain]] = {
    "digits": digits,
    "fashion_mnist_5k": fashion,
    "cifar10n_6k": cifar10n,
    "banking77": plain_texts("banking77"),
    "clinc150": plain_texts("clinc150"),
}


def tables(rows: list[Row]) -> list[Row]:
    body = []
    for row in rows:
        if row["part"] == "plain":
            continue
        cells = [f"{row['data']}, seed {row['seed']}", row["rows"], row["classes"]]
        for kind in TYPES:
            one = row[kind]
            total = one["true"] + one["found"]
            cells.append(
                f"{one['right']} of {one['true']}, {one['found']} named: {2 * one['right'] / total:.2f}"
                if total
                else "-"
            )
        body.append([*cells, sum(row[kind]["reversed"] for kind in TYPES), row["cleanlab"]])
    text = (
        "Each cell: right ones of the true ones, how many were named, F1; a direction that is wrong counts as wrong. Beside it "
        "cleanlab's `find_overlapping_classes`, which names no type: the share of related pairs among as many of its first pairs "
        "as there are true ones. The pooled rule of is-a was chosen on clinc150_domains. Five of grocery's coarse names "
        "have one fine one, so that both mean the same rows: there the names tell that one is a kind of the other (Onion, Yellow-Onion), a "
        "rule that was made for these five and changes nothing elsewhere. "
        "hallmarks_of_cancer labels a sentence with an inner node where no child "
        "fits: each of its twelve kinds is told from its inner node with an area of .95 and more, and "
        "nothing in the rows says is-a. In goemotions the inner names (joy, anger) are emotions with "
        "rows of their own, which a quarter of their kinds' rows joined: that cannot be told from wrong labels that go one way; and where "
        "too few labels are predicted (accuracy .49) relations are withheld with them. clothing "
        "has no known tree; its catch-alls are named: Not sure, Other. Rules were chosen on seeds 31 to 33, earlier ones on 11, 21 and "
        "22; what banking77's seed 23 missed led to two more. "
        "What has-a still misses are classes of 30 texts of which six were joined, and texts in which a word or two speak of the other "
        "class. What it names beside the planted ones is mostly there: tax forms are asked for because of taxes."
    )
    first = {
        "title": "Relations between classes, planted and of real trees", "text": text,
        "heads": ["data", "rows", "classes", "same thing", "is-a", "has-a", "wrong way round", "cleanlab: related pairs"],
        "rows": body,
    }  # fmt: skip
    without = [r for r in rows if r["part"] == "plain"]
    none = [
        [
            r["data"],
            r["rows"],
            r["look-alikes"],
            r["others"],
            r.get("splits", 0),
            ", ".join(map(str, r.get("joined") or "-")),
        ]
        for r in without
    ]
    second = {
        "title": "Sets without relations", "rows": none,
        "text": "Every other relation between classes named here is a false alarm. Classes that fall into two clusters are no relation, "
        "and no truth is known of them. The last column: of 20 pairs of classes joined at random so many are found, one drawing a seed.",
        "heads": ["data", "rows", "look-alikes", "other relations", "one class, two clusters", "of 20 joined pairs"],
    }  # fmt: skip
    return [first, second]


PARTS = {"planted": planted, "trees": trees, "plain": plain}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART")
    parser.add_argument("--seeds", nargs="+", type=int, default=[11, 12])
    parser.add_argument("--rows", type=int, default=4_000)
    parser.add_argument("--only", nargs="+", default=[], metavar="DATA")
    asked = parser.parse_args()
    kept = json.loads(FILE.read_text())["rows"] if FILE.exists() else []
    for part in asked.parts:
        for row in PARTS[part](asked.seeds, asked.rows, asked.only):
            print(json.dumps(row), flush=True)
            same = (row["part"], row["data"], row.get("seed"))
            kept = [old for old in kept if (old["part"], old["data"], old.get("seed")) != same] + [row]
            record = {"commit": commit(), "machine": machine(), "rows": kept, "tables": tables(kept)}
            FILE.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
