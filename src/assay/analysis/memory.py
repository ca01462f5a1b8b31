"""What a run holds in memory, and how much may run at once so that it stays within a bound.

In: the size of a dataset, a bound in bytes, how many workers are wanted. Out: a `MemoryPlan`. Does not know: files, processes.

Counted is anonymous memory (Linux ``RssAnon``) of all processes together; pages of mapped files are the system's to give and
take. What is planned is concurrency: processes of the stages that are cut into shards, threads of the others, and whether a
worker is kept from one stage to the next. None of these changes a byte of a result. The rows that go into one matrix product
are not planned: products of other shapes may round differently.

The laws follow the arrays that each stage makes; their constants were read off 100,000 short texts of 226 classes on one
machine (see the benchmarks of memory), and lie above what was seen there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.predict.trees import rows_grown

MB = 1 << 20
CALLER = 120 * MB  # the process that leads: its libraries ...
CALLER_ROW = 650  # ... and bytes a row
WORKER = 160 * MB  # a worker's libraries
KEPT = 230 * MB  # what a worker that did something large does not give back
ENCODER = {"image": 260 * MB, "text": 230 * MB, "table": 60 * MB}  # a model, and what lies between its layers
JOINED, COARSE = 256, 128  # dimensions of the graph, and of its coarse space
HALF = 200_000  # `assay.graph.join.IN_HALF`
EXACT = 20_000  # `assay.graph.EXACT_ROWS`
FIT_NUMBERS, FIT_ROWS, FILL_NUMBERS, FILL_ROWS = 8_000_000, 20_000, 8_000_000, 8_192  # of `assay.predict.blend`
FOLDS = 5
VOCABULARY, DIRECTIONS = 120_000, 272  # of `assay.encode.text`
COUNTERS = 1 << 26  # of `assay.duplicates.rare_grams`, at most
MODEL = 160 * MB  # a sentence encoder that is loaded once more for parts of texts


@dataclass(frozen=True)
class Load:
    """How large a dataset is. ``dims``: of all ``embeddings`` together; ``cell_bytes``: of its cells, in UTF-8."""

    modality: str
    rows: int
    classes: int
    embeddings: int
    dims: int
    cell_bytes: int = 0


@dataclass(frozen=True)
class Need:
    """Bytes of a worker in a stage: with one thread, and for each further one."""

    one: int
    more: int = 0

    def of(self, threads: int) -> int:
        return self.one + (threads - 1) * self.more


@dataclass(frozen=True)
class MemoryPlan:
    """``workers``: processes of the stages cut into shards; ``threads``: of the others, by stage; ``fresh``: every stage
    begins with new workers, for old ones hold on to memory; ``peak``: bytes of all processes; ``smallest``: the smallest
    bound that works, because of the stage ``largest``."""

    workers: int
    threads: dict[str, int] = field(default_factory=dict)
    fresh: bool = False
    peak: int = 0
    smallest: int = 0
    largest: str = ""

    def threads_of(self, stage: str) -> int:
        return self.threads.get(stage, self.workers)


def make_plan(bound: int, workers: int, load: Load) -> MemoryPlan:
    """As much at once as ``bound`` bytes allow, at most ``workers`` processes or threads."""
    caller = CALLER + CALLER_ROW * load.rows + load.cell_bytes
    encoding = WORKER + ENCODER[load.modality]
    stages = needs(load)
    kept = caller + workers * encoding + KEPT + max(need.of(workers) for need in stages.values()) - WORKER
    fresh = kept > bound
    room = bound - caller
    processes = max(1, min(workers, room // encoding))
    threads = {name: _threads(need, room, workers) for name, need in stages.items()}
    peaks = {name: caller + need.of(threads[name]) for name, need in stages.items()}
    peaks["encode"] = caller + processes * encoding
    least = {name: caller + need.one for name, need in stages.items()} | {"encode": caller + encoding}
    largest = max(least, key=lambda name: least[name])
    peak = max(peaks.values()) if fresh else kept
    return MemoryPlan(processes, threads, fresh, peak, least[largest], largest)


def _threads(need: Need, room: int, most: int) -> int:
    if not need.more:
        return most
    return max(1, min(most, 1 + (room - need.one) // need.more))


def needs(load: Load) -> dict[str, Need]:
    """Stage -> what its worker holds, for the stages that hold much."""
    stages = {
        "graph": _graph(load),
        "duplicates": _duplicates(load),
        "issues/outlier": _outlier(load),
        "insights": Need(WORKER + 200 * load.rows + 6 * load.cell_bytes),
        "ontology": Need(WORKER + load.rows * 1_000 + load.classes * load.dims * 60 + 80 * MB),
    }
    if load.classes > 1:
        stages["predict"] = _predict(load)
        stages["issues/multi_label"] = _two_labels(load)
        stages["issues/label"] = Need(WORKER + 700 * load.rows)
    if load.modality == "text":
        stages["encode/tfidf"] = _tfidf(load)
    if load.modality == "table":
        stages["encode/table"] = Need(WORKER + load.rows * load.dims * 12 + 6 * load.cell_bytes)
        grown = rows_grown(load.rows, load.dims) * load.dims * 4
        stages["predict/trees"] = Need(
            WORKER + load.rows * (load.dims * 6 + load.classes * 24) + 80 * MB, 20 * MB + grown
        )
    return stages


def _graph(load: Load) -> Need:
    """The joined vectors, their coarse space where the graph is not exact, two lists of neighbours; blocks a thread."""
    n, dims = load.rows, min(load.dims, JOINED)
    row = dims * (2 if n > HALF else 4) + 2 * 15 * 8 + 60 + (COARSE * 4 if n > EXACT else 0)
    return Need(WORKER + n * row + 120 * MB, 120 * MB)


def _duplicates(load: Load) -> Need:
    if load.modality == "text":  # counters of n-grams, and what is known of each
        grams = load.cell_bytes
        counters = min(COUNTERS, 1 << max(10, (max(grams, 1)).bit_length() + 2))
        return Need(WORKER + counters * 7 + grams * 18 + load.rows * 300, 10 * MB)
    if load.modality == "table":
        return Need(WORKER + load.rows * 300 + 6 * load.cell_bytes)
    return Need(WORKER + load.rows * 450 + 60 * MB, 30 * MB)


def _predict(load: Load) -> Need:
    """Sums and weights a fold, scores that the blend is fitted on, and the blocks that a thread fills."""
    k, members = load.classes, 2 * load.embeddings + 1
    heads = FOLDS * k * load.dims * 20
    fitted = min(load.rows, FIT_ROWS, max(1_000, FIT_NUMBERS // k)) * k * 4 * (2 * members + 2)
    block = min(load.rows, FILL_ROWS, max(256, FILL_NUMBERS // k)) * k * 16 + 16_384 * load.dims * 8 // max(
        load.embeddings, 1
    )
    return Need(WORKER + heads + fitted + load.rows * 200 + block, block)


def _outlier(load: Load) -> Need:
    """The rows that stand for a class and for all others, and a block of distances to each a thread."""
    block = 1_024 * 2_000 * 12 + 256 * EXACT * 12
    return Need(WORKER + min(load.rows, EXACT) * load.dims * 8 + load.rows * 400 + block, block)


def _two_labels(load: Load) -> Need:
    """Heads on one embedding, and of texts the encoder that reads their parts."""
    model = MODEL + 3 * load.cell_bytes if load.modality == "text" else 0
    return Need(WORKER + model + load.rows * 600 + FOLDS * load.classes * load.dims * 20 + 80 * MB, 20 * MB)


def _tfidf(load: Load) -> Need:
    """Counts and weighted counts of the n-grams, the directions of the SVD, the vectors."""
    features = min(VOCABULARY, 2 * load.cell_bytes)
    sample = min(8_000_000, 4 * load.cell_bytes)
    svd = features * DIRECTIONS * 9 + sample * 14
    vectors = features * JOINED * 4 + load.rows * 1_100
    return Need(WORKER + 20 * load.cell_bytes + max(svd, vectors), 40 * MB)
