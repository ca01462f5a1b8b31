"""What a run will cost, said before it starts.

In: a `Source` and `Settings`. Out: stages with seconds, and a bound on memory. Does not know: how stages work.

The laws and constants were read off runs on one 2-core machine without a graphics card (``benchmarks/scale.py`` and
``benchmarks/quality.py`` keep the estimate beside the real time): within a factor of 1.5 on most there, which is the range
that is said, and a guide elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from assay.analysis.memory import MB, Load, MemoryPlan, make_plan
from assay.analysis.settings import EFFORTS, Settings
from assay.dataset.target import classes_of
from assay.predict import second_round_affordable, softmax_epochs
from assay.predict.trees import BOOSTED_CLASSES, TREES, forest_size, rows_grown
from assay.sources import Source
from assay.sources.reading import is_url, read_bytes
from assay.sources.unreadable import UnreadableError

PICTURE_KILOBYTES = 100.0  # of a picture whose size is not known before it is fetched
KILOBYTE_MS = 0.05  # to read a picture whose pixels are not known
# To decode, measure and hash a million pixels. JPEGs of .05 megapixels took 24, of which .5 ms are of any picture; PNGs of 1.4
# megapixels that hold flat areas 33, and 23 with many in turn. Their bytes say nothing: such a PNG of 19 KB holds 1.4 megapixels
MEGAPIXEL_MS = {"JPEG": 14.0, "other": 28.0}
# To open a plausible pair again, at least, where there is detail to match: 500, 653 and 448 pictures
PAIR_MS = 11.0
LOOKED_AT = 20  # pictures whose heads are read
FETCH_MS = 120.0  # a picture behind a URL
DIMS, SENTENCE, WIDEST = 256, 384, 512  # of a built-in encoder, of MiniLM, of vectors of the user's own
CELL_DIMS = 4  # of a column of a table, on the mean of columns of numbers and of categories
SURE = 1.5  # factor within which a run took what was said on the machine of the constants; other machines differ more
GRAPH_EXACT = 20_000  # `assay.graph.EXACT_ROWS`, which would bring the compiler into the start of every run
# rows that are taken apart for a second label, and parts of one, as `assay.stages.two_labels` has them
TAKEN_APART, FEW_APART = 3_000, {"text": (300, 8), "image": (600, 4)}
PARTS, PART_SHARE = 10, 0.42  # of a text, and words of a part of those of its text
PICTURE_OF_96 = 3.0, 0.0092  # kilobytes, megapixels; pictures of fewer are most often too small to be taken apart


@dataclass(frozen=True)
class Estimate:
    rows: int
    modality: str
    n_classes: int
    unlabelled: int
    stages: dict[str, float]  # stage -> seconds
    memory: MemoryPlan
    workers: int
    others: dict[str, float] = field(default_factory=dict)  # other efforts -> seconds in all

    @property
    def megabytes(self) -> int:
        """What all processes hold at once at most."""
        return self.memory.peak // MB

    @property
    def seconds(self) -> float:
        return sum(self.stages.values())

    def lines(self) -> list[str]:
        word = "class" if self.n_classes == 1 else "classes"
        classes = f", {self.n_classes:,} {word}" if self.n_classes else ", no labels"
        blank = f", {self.unlabelled:,} unlabelled" if self.n_classes and self.unlabelled else ""
        costs = ", ".join(f"{name} {_duration(seconds)}" for name, seconds in self.stages.items() if seconds >= 0.5)
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        lines = [
            f"{self.rows:,} rows of {self.modality} data{classes}{blank}",
            f"estimate: {_range(self.seconds)} with {workers}, up to {self.megabytes:,} MB ({costs})",
            f"the smallest --memory that works is {self.memory.smallest // MB + 1}MB",
        ]
        if self.others:
            lines.append("; ".join(f"--effort {name}: {_range(seconds)}" for name, seconds in self.others.items()))
        return lines


def _range(seconds: float) -> str:
    """As far as the constants are known to be off: a factor `SURE` each way."""
    low, high = _duration(seconds / SURE), _duration(seconds * SURE)
    if low == high:
        return low
    unit = low.rpartition(" ")[2]
    return f"{low.removesuffix(f' {unit}')} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


def estimate(source: Source, settings: Settings, *, own_embeddings: bool, own_pred_probs: bool) -> Estimate:
    """Seconds a stage, from the number of rows, classes and workers and the size of a sample of rows."""
    n, classes = len(source.ids), len(classes_of(source.given))
    unlabelled = source.given.null_count if source.given is not None else n
    memory = make_plan(settings.memory, settings.workers, load_of(source, settings, own_embeddings))
    workers = memory.workers
    pictures = _Pictures.of(source) if source.modality == "image" else None
    if pictures is not None:
        encode = _images(source, pictures, n, workers, own_embeddings)
    else:
        encode = (_texts if source.modality == "text" else _tables)(source, n, workers, own_embeddings)
    stages = {"start": 2.0} | encode
    stages["graph"] = _graph(n) / workers
    trained = classes > 1 and not own_pred_probs
    efforts = {effort: _models(source, n, classes, effort, own_embeddings) for effort in EFFORTS} if trained else {}
    rest = 0.5 + n * (5e-5 if source.modality == "table" else 4e-4)
    before = sum(stages.values()) + rest
    stages |= {name: seconds / workers for name, seconds in efforts.get(settings.effort, {}).items()}
    apart = _second_labels(source, pictures, n - unlabelled, workers) if trained and not own_embeddings else {}
    stages |= apart | {"checks": rest}
    before += sum(apart.values())
    others = {
        effort: before + sum(costs.values()) / workers for effort, costs in efforts.items() if effort != settings.effort
    }
    return Estimate(n, source.modality, classes, unlabelled, stages, memory, workers, others)


def _models(source: Source, n: int, classes: int, effort: str, own_embeddings: bool) -> dict[str, float]:
    """CPU seconds of what learns from the labels."""
    embeddings = 1 if own_embeddings or source.modality == "table" else 2
    features = len(source.roles.features)
    dims = min(DIMS, CELL_DIMS * features) if source.modality == "table" and not own_embeddings else DIMS
    costs = {"predict": embeddings * _heads(n, classes, effort, dims)}
    if source.modality == "table" and not own_embeddings:
        costs["trees"] = _trees(n, features, classes, effort)
    return costs


@dataclass(frozen=True)
class _Pictures:
    """A sample of the pictures. ``kilobytes``: mean size of their files; ``heads``: (megapixels, format) of those that lie here."""

    kilobytes: float
    heads: list[tuple[float, str]]

    @classmethod
    def of(cls, source: Source) -> _Pictures:
        return cls(_picture_kilobytes(source), _picture_heads(source))

    @property
    def read_ms(self) -> float:
        """Milliseconds to decode, measure and hash one, without the network."""
        if not self.heads:
            return 0.5 + KILOBYTE_MS * self.kilobytes
        pixels = [size * MEGAPIXEL_MS.get(form, MEGAPIXEL_MS["other"]) for size, form in self.heads]
        return 0.5 + float(np.mean(pixels))

    @property
    def are_small(self) -> bool:
        """Are they too small to be taken apart?"""
        if self.heads:
            return float(np.mean([size for size, _ in self.heads])) < PICTURE_OF_96[1]
        return self.kilobytes < PICTURE_OF_96[0]


def _images(source: Source, pictures: _Pictures, n: int, workers: int, own_embeddings: bool) -> dict[str, float]:
    web = any(is_url(uri) for uri in (source.uris or [])[:20])
    read = pictures.read_ms
    pair = max(0.25 * min(pictures.kilobytes, 80), read)
    if pictures.heads and not pictures.are_small:
        pair = max(pair, PAIR_MS)
    read += FETCH_MS * web
    # the vectors of the pictures that an encoder learned from are known when it has
    vectors = 0.0 if own_embeddings else (2.5 * max(n - 1_500, 0) + max(n - 3_000, 0)) / 1e3
    learned = [min(n, 1_500) * (read + 2.5) / 1e3, min(n, 3_000) * (read + 1.2) / 1e3]  # two encoders, side by side
    fit = 0.0 if own_embeddings else 1.5 + (sum(learned) if workers == 1 else max(learned))
    # neighbours that may hold a part of a picture are looked at in some 12,000 rows
    thumbnails = 0.3 + 4e-4 * min(n, 12_000) + 2e-5 * min(n, GRAPH_EXACT) + 8e-5 * max(n - GRAPH_EXACT, 0)
    # plausible ones (a row has .6 to 1.2 in small sets of photographs), and about so many copies
    pairs = min(2_000 + n / 8, 10_000, 0.85 * n) + 0.02 * n
    proof = pairs * pair / 1e3
    encode = n * read / 1e3 + vectors
    return {"fit": fit, "encode": encode / workers, "duplicates": (thumbnails + proof) / workers + n * 2e-6}


def _picture_heads(source: Source) -> list[tuple[float, str]]:
    """(megapixels, format) of a sample of the pictures that lie here; those that cannot be read are left out."""
    from assay.encode.pixels import claimed_pixels

    heads = []
    for position in np.linspace(0, len(source.ids) - 1, min(LOOKED_AT, len(source.ids))).astype(int).tolist():
        blob = source.blobs[position] if source.blobs is not None else None
        uri = source.uris[position] if source.uris is not None else ""
        if blob is None and uri and not is_url(uri):
            try:
                blob = read_bytes(uri)
            except UnreadableError:
                continue
        if blob is not None and (pixels := claimed_pixels(blob)):
            heads.append((pixels / 1e6, "JPEG" if blob[:2] == b"\xff\xd8" else "other"))
    return heads


def _picture_kilobytes(source: Source) -> float:
    """Mean size of a sample of the pictures, from their stamps or bytes."""
    positions = np.linspace(0, len(source.ids) - 1, min(200, len(source.ids))).astype(int).tolist()
    sizes: list[float] = []
    for position in positions:
        blob = source.blobs[position] if source.blobs is not None else None
        stamp = source.stamps[position] if source.stamps is not None else ""
        numbers = [float(part) for part in stamp.split(":") if part.isdigit()]
        if blob is not None:
            sizes.append(len(blob) / 1e3)
        elif numbers:
            sizes.append(min(numbers) / 1e3)
    return float(np.mean(sizes)) if sizes else PICTURE_KILOBYTES


def _mean_words(source: Source) -> float:
    """Of a sample of the texts."""
    column = source.cells[source.roles.text]
    positions = np.linspace(0, len(column) - 1, min(500, len(column))).astype(int)
    return float(np.mean([len(str(text or "").split()) for text in column.take(positions.tolist()).to_pylist()]))


def _texts(source: Source, n: int, workers: int, own_embeddings: bool) -> dict[str, float]:
    from assay.encode.bert import find_minilm

    words = _mean_words(source)
    stages = {"texts": 0.7 + n * (0.1 + 0.012 * words) / 1e3 / workers + n * (0.1 + 0.006 * words) / 1e3}
    if not own_embeddings:
        stages["encode"] = n * (0.04 + 0.008 * words) / 1e3
        if find_minilm() is not None:
            stages["sentences"] = 0.5 + n * _sentence_ms(words) / 1e3 / workers
    return stages


def _sentence_ms(words: float) -> float:
    """Of a sentence encoder, a text."""
    return 0.6 + 0.14 * min(words, 250)


def _second_labels(source: Source, pictures: _Pictures | None, labelled: int, workers: int) -> dict[str, float]:
    """Rows taken apart for a second label.

    Texts of classes that are found to show another are taken apart besides; how many, nothing tells before.
    """
    from assay.encode.bert import find_minilm

    if source.modality not in FEW_APART:
        return {}
    few, part = FEW_APART[source.modality]
    rows = min(TAKEN_APART, max(few, labelled // part), labelled)
    if source.modality == "text":
        if find_minilm() is None:
            return {}
        return {"second labels": 0.5 + rows * PARTS * _sentence_ms(PART_SHARE * _mean_words(source)) / 1e3 / workers}
    if pictures is None or pictures.are_small:
        return {}
    return {"second labels": rows * (9.0 + pictures.read_ms / 2) / 1e3 / workers}  # decoded, not measured


def _tables(source: Source, n: int, workers: int, own_embeddings: bool) -> dict[str, float]:
    columns = len(source.roles.features)
    return {"encode": n * columns * 1e-6, "duplicates": n * columns * 1e-6}


def _graph(n: int) -> float:
    """CPU seconds: a matrix product of all rows, or the self-join."""
    if n <= GRAPH_EXACT:
        return 0.5 + n * n * DIMS * 2 / 1.5e10
    return 8.0 + 1.2e-4 * n


def _heads(n: int, classes: int, effort: str, dims: int) -> float:
    """CPU seconds of one embedding: the discriminants' sums, five softmax heads and all probabilities, once or twice."""
    trained = 5 * softmax_epochs(n, classes, effort) * n * dims * (classes * 6 + dims * 2) / 1e10
    rounds = 2 if second_round_affordable(n, classes, effort) else 1
    return 0.3 + rounds * (n * dims * dims * 4 / 1.5e10 + trained)


def _trees(n: int, columns: int, classes: int, effort: str) -> float:
    """CPU seconds of extra trees, and of boosted ones where they are run."""
    grown = rows_grown(max(n * 4 // 5, 2), 8 * columns)
    seconds = 0.5 + 5 * forest_size(TREES[effort], grown) * grown * math.log2(grown) * columns**0.5 * 3.6e-8
    if effort != "fast" and classes <= BOOSTED_CLASSES:
        seconds += 1.0 + n * columns * min(classes, 60) * 2.4e-6
    return seconds


def load_of(source: Source, settings: Settings, own_embeddings: bool) -> Load:
    """How large a dataset is, before any of it is encoded."""
    dims = {"image": (DIMS, DIMS), "text": (DIMS, SENTENCE), "table": (min(DIMS, 8 * len(source.roles.features)),)}
    embeddings = (WIDEST,) if own_embeddings else dims[source.modality]
    embeddings += (WIDEST,) * len(settings.encoders)
    classes = len(classes_of(source.given))
    return Load(source.modality, len(source.ids), classes, len(embeddings), sum(embeddings), source.cells.nbytes)
