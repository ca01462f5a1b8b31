"""Label noise of known kinds on real data, and out-of-sample probabilities by Assay's own heads on Assay's own vectors.

In: the development datasets. Out: `Noisy`: given labels, which are wrong, probabilities for both sides.
Does not know: methods.

symmetric 20 %: any other class, equally likely. asymmetric 20 %: always the class that an independent model takes it for most
often. instance-dependent 15 %: the rows nearest the boundary of that model, under its second class. The independent model
is logistic regression on HOG (pictures) or TF-IDF (texts), 5-fold on the true labels: features that Assay does not use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from assay.graph import join_embeddings, neighbors
from assay.predict import predict
from assay.predict.folds import make_folds
from peers import hog, tfidf
from problems import data_dir
from vectors import SCRATCH, Vectors, vectors

SYMMETRIC, ASYMMETRIC, INSTANCE = 0.20, 0.20, 0.15
THREADS = 2
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]
Probs = NDArray[np.float32]


@dataclass(frozen=True)
class Source:
    """One dataset: true codes (-1 = of no class), Assay's vectors, the independent model's probabilities (N, K)."""

    name: str
    true: Codes
    known: Vectors
    independent: Probs
    human: Codes | None = None


@dataclass(frozen=True)
class Noisy:
    dataset: str
    kind: str
    labels: Codes
    is_error: Flags
    pred_probs: Probs


def sources(names: list[str]) -> Iterator[Source]:
    for name in names:
        yield from SOURCES[name](name)


def _pictures(
    name: str, arrays: NDArray[np.uint8] | None, files: list[str] | None, true: Codes, human: Codes | None
) -> Source:
    def write(place: Path) -> Path:
        paths = files
        if arrays is not None:
            folder = place / "pictures"
            folder.mkdir()
            paths = [str(folder / f"{row:05d}.png") for row in range(len(arrays))]
            for path, pixels in zip(paths, arrays, strict=True):
                Image.fromarray(pixels).save(path)
        pd.DataFrame({"image": paths}).to_csv(place / "data.csv", index=False)
        return place / "data.csv"

    known = vectors(name, write, {"image": "image"})
    features = hog({"data": str(SCRATCH / "vectors" / name / "data.csv")})
    return Source(name, true, known, _independent(name, features, true), human)


def _texts(name: str, texts: pd.Series, labels: pd.Series) -> Iterator[Source]:
    """All embeddings, and without the sentence encoder: as Assay installs."""

    def write(place: Path) -> Path:
        pd.DataFrame({"text": texts.to_numpy(object)}).to_csv(place / "data.csv", index=False)
        return place / "data.csv"

    known = vectors(name, write, {"text": "text"})
    true = pd.factorize(labels, sort=True)[0].astype(np.int32)  # NaN, a query that no class covers: -1
    independent = _independent(name, tfidf({"data": str(SCRATCH / "vectors" / name / "data.csv")}), true)
    words = {embedding: array for embedding, array in known.embeddings.items() if embedding == "tfidf"}
    if len(words) < len(known.embeddings):
        ids, distances = neighbors(
            join_embeddings(list(words.values()), unit=True, seed=0), 15, threads=THREADS, seed=0
        )
        plain = Vectors(words, ids, distances, known.clusters)
        yield Source(f"{name} (words only)", true, plain, independent)
    yield Source(name, true, known, independent)


def _independent(name: str, features: Any, true: Codes) -> Probs:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    file = SCRATCH / "vectors" / name / "independent.npy"
    if not file.exists():
        model = LogisticRegression(max_iter=200, tol=1e-3)
        inside = np.flatnonzero(true >= 0)
        probs = np.zeros((len(true), true.max() + 1))
        probs[inside] = cross_val_predict(model, features[inside], true[inside], cv=5, method="predict_proba")
        np.save(file, probs)
    return np.load(file)


def _cifar(name: str) -> Iterator[Source]:
    table = pd.read_csv(data_dir() / name / "labels.csv")
    files = [str(data_dir() / name / file) for file in table["file"]]
    yield _pictures(name, None, files, table["clean"].to_numpy(np.int32), table["random1"].to_numpy(np.int32))


def _fashion(name: str) -> Iterator[Source]:
    arrays = np.load(data_dir() / name / "fashion_5k.npz")
    yield _pictures(name, arrays["X"], None, arrays["y"].astype(np.int32), None)


def _digits(name: str) -> Iterator[Source]:
    from sklearn.datasets import load_digits

    found = load_digits()
    yield _pictures(
        name, np.round(found.images * (255 / 16)).astype(np.uint8), None, found.target.astype(np.int32), None
    )


def _banking(name: str) -> Iterator[Source]:
    table = pd.concat([pd.read_csv(data_dir() / name / f"{part}.csv") for part in ("train", "test")])
    yield from _texts(name, table["text"], table["category"])


def _clinc(name: str) -> Iterator[Source]:
    table = pd.read_csv(data_dir() / name / "clinc150.csv")
    yield from _texts(name, table["text"], table["intent"].where(table["is_oos"] == 0))


# noise -------------------------------------------------------------------------------------------------------


def symmetric(source: Source, share: float, seed: int = 0) -> Codes:
    """Any other class, equally likely."""
    rng = np.random.default_rng([seed, 1])
    wrong = _some(source.true, share, rng)
    labels, k = source.true.copy(), int(source.true.max()) + 1
    labels[wrong] = (labels[wrong] + rng.integers(1, k, len(wrong))) % k
    return labels


def asymmetric(source: Source, share: float, seed: int = 0) -> Codes:
    """The class that the independent model gives the largest mean probability after the true one."""
    wrong = _some(source.true, share, np.random.default_rng([seed, 2]))
    labels, k = source.true.copy(), int(source.true.max()) + 1
    taken_for = np.stack([source.independent[source.true == code].mean(0) for code in range(k)])
    np.fill_diagonal(taken_for, -1)
    labels[wrong] = taken_for.argmax(1)[labels[wrong]]
    return labels


def instance_dependent(source: Source, share: float) -> Codes:
    """The rows whose true class and best other class are closest for the independent model, under that other class."""
    inside = np.flatnonzero(source.true >= 0)
    p = source.independent[inside].copy()
    at = np.arange(len(inside))
    own = p[at, source.true[inside]]
    p[at, source.true[inside]] = -1
    nearest = np.argsort(np.abs(own - p.max(1)), kind="stable")[: round(share * len(inside))]
    labels = source.true.copy()
    labels[inside[nearest]] = p.argmax(1)[nearest]
    return labels


def _some(true: Codes, share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    inside = np.flatnonzero(true >= 0)
    return np.sort(rng.choice(inside, round(share * len(inside)), replace=False))


def noisy(
    source: Source, kind: str, labels: Codes, rows: NDArray[np.int64] | None = None, n_classes: int | None = None
) -> Noisy:
    """Out-of-sample probabilities of the labelled rows, from models that saw the given labels.

    ``rows``: those that are there at all (graph and models see no others). ``n_classes``: where they are fewer than true ones.
    """
    known, true = source.known, source.true
    rows = np.arange(len(labels)) if rows is None else rows
    embeddings = {name: embedding[rows] for name, embedding in known.embeddings.items()}
    graph = known.ids, known.distances
    if len(rows) < len(labels):
        graph = neighbors(join_embeddings(list(embeddings.values()), unit=True, seed=0), 15, threads=THREADS, seed=0)
    labels, true = labels[rows], true[rows]
    folds = make_folds(labels, known.clusters[rows], seed=0)
    n_classes = n_classes or int(source.true.max()) + 1
    out = np.empty((len(rows), n_classes), np.float32)
    predict(embeddings, labels, folds, graph, n_classes, out, threads=THREADS)
    there = labels >= 0
    return Noisy(source.name, kind, labels[there], (labels != true)[there], out[there])


def problems(source: Source) -> Iterator[Noisy]:
    """The kinds of the goal."""
    if source.human is not None:
        yield noisy(source, "human", source.human)
    yield noisy(source, "symmetric 20 %", symmetric(source, SYMMETRIC))
    yield noisy(source, "asymmetric 20 %", asymmetric(source, ASYMMETRIC))
    yield noisy(source, "instance-dependent 15 %", instance_dependent(source, INSTANCE))


SOURCES: dict[str, Callable[[str], Iterator[Source]]] = {
    "digits": _digits,
    "fashion_mnist_5k": _fashion,
    "cifar10n_6k": _cifar,
    "banking77": _banking,
    "clinc150": _clinc,
}
