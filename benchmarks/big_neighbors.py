"""Nearest neighbours of a large set with itself: Assay, faiss, hnswlib, usearch and pynndescent on the same vectors.

In: nothing; vectors shaped like embeddings are made, always the same. Out: ``results/big-neighbors.json``.
Does not know: how any of them works. Every side is a process of its own; the peers live in an environment of theirs
(``.env-neighbors``, made by pip where it is missing). Each index is searched as widely as it takes to reach Assay's recall,
found on 1,000 rows that are not those the table is measured on; finding it costs them nothing here.
``python big_neighbors.py [--rows N] [--scratch FOLDER] [--faiss-at-full-size] [--only SIDE ...]``
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sides import Side, answer, call, environment_of_peers, keep, run_side, show

ROWS, FULL, DIMS, K = 200_000, 1_281_167, 384, 15
PLANTED = 0.01  # share of the rows that are near copies of others
BLOCK = 8_192
ASKED = 500
ENVIRONMENT = Path(__file__).resolve().parent.parent / ".env-neighbors"
PEERS = ("numpy", "faiss-cpu==1.15.1", "hnswlib==0.8.0", "usearch==2.26.6", "pynndescent==0.7.0")
WIDTHS = (2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
# lists as a multiple of the root of N; rounds of k-means; rows a list it sees at most (faiss' own defaults: 25 and 256)
FAISS = {"faiss-default": (4, 25, 256), "faiss-quick": (4, 4, 40), "faiss-few-lists": (2, 4, 40)}
NAMES = {
    "assay": "assay.neighbors",
    "faiss-default": "faiss IVF-Flat, 4 sqrt(N) lists, default training",
    "faiss-quick": "faiss IVF-Flat, 4 sqrt(N) lists, 4 rounds on 40 rows a list",
    "faiss-few-lists": "faiss IVF-Flat, 2 sqrt(N) lists, 4 rounds on 40 rows a list",
    "hnswlib": "hnswlib, M 16, ef_construction 100",
    "usearch": "usearch, connectivity 16, expansion_add 128",
    "pynndescent": "pynndescent, defaults, its own graph",
}
Vectors = NDArray[np.float32]
Ids = NDArray[np.integer[Any]]
Found = tuple[Ids, dict[str, float], int]  # neighbours, cost of making them, how widely it searched


def make(scratch: Path, n: int) -> None:
    """Clusters of about 400 rows on the unit sphere, centres and noise of a falling spectrum; `PLANTED` of the rows lie
    within a cosine distance of about .01 of an earlier row of the same block."""
    done = scratch / "made"
    if done.exists() and done.read_text() == str(n):
        return
    spectrum = ((1.0 + np.arange(DIMS)) ** -0.45).astype(np.float32)
    centres = np.random.default_rng(23).standard_normal((max(2, n // 400), DIMS), dtype=np.float32) * spectrum
    vectors = np.lib.format.open_memmap(scratch / "vectors.npy", "w+", np.float32, (n, DIMS))
    pairs = []
    for start in range(0, n, BLOCK):
        rng = np.random.default_rng([23, start])
        rows = min(BLOCK, n - start)
        spread = rng.uniform(0.5, 1.1, (rows, 1)).astype(np.float32)
        block = centres[rng.integers(0, len(centres), rows)]
        block = block + spread * spectrum * rng.standard_normal((rows, DIMS), dtype=np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        copies = rng.choice(np.arange(rows // 2, rows), int(PLANTED * rows), replace=False)
        origins = rng.choice(rows // 2, len(copies), replace=False)
        noise = rng.standard_normal((len(copies), DIMS), dtype=np.float32)
        block[copies] = block[origins] + noise * np.float32(0.14 / DIMS**0.5)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        vectors[start : start + rows] = block
        pairs.append(np.stack([copies, origins], 1) + start)
    vectors.flush()
    np.save(scratch / "pairs.npy", np.concatenate(pairs))
    rng = np.random.default_rng(29)
    some = rng.choice(n, ASKED + 1_000, replace=False)
    np.save(scratch / "asked.npy", some[:ASKED])
    np.save(scratch / "tuning.npy", some[ASKED:])
    for name in ("asked", "tuning"):
        np.save(scratch / f"{name}-bar.npy", tenth(vectors, np.load(scratch / f"{name}.npy")))
    done.write_text(str(n))


def tenth(vectors: Vectors, rows: Ids) -> NDArray[np.float32]:
    """Cosine of the tenth nearest other row, by comparing with every row."""
    best = np.full((len(rows), 10), -np.inf, np.float32)
    for start in range(0, len(vectors), BLOCK):
        scores = vectors[rows] @ vectors[start : start + BLOCK].T
        inside = np.flatnonzero((rows >= start) & (rows < start + BLOCK))
        scores[inside, rows[inside] - start] = -np.inf
        both = np.concatenate([best, scores], 1)
        best = -np.partition(-both, 9, axis=1)[:, :10]
    return best.min(1)


def recall(vectors: Vectors, rows: Ids, bar: NDArray[np.float32], ids: Ids) -> float:
    """Share of the ten nearest that are among the first ten found; of rows equally far either is right."""
    hits = 0
    for row, least, found in zip(rows, bar, ids, strict=True):
        others = found[(found != row) & (found >= 0)][:10]
        hits += int((vectors[others] @ vectors[row] >= least - 1e-6).sum())
    return hits / (10 * len(rows))


# the sides ---------------------------------------------------------------------------------------------------


def ours(vectors: Vectors, _: Callable[[Ids], float], target: float) -> Found:
    import assay

    assay.neighbors(vectors[:50], 2)
    with call() as spent:
        ids, _distances = assay.neighbors(vectors, K)
    return ids, spent, 0


def faiss_side(multiple: int, rounds: int, rows_a_list: int) -> Callable[..., Found]:
    def one(vectors: Vectors, judge: Callable[[Ids], float], target: float, tuning: Ids) -> Found:
        import faiss

        with call() as made:
            data = np.ascontiguousarray(vectors)
            index = faiss.IndexIVFFlat(
                faiss.IndexFlatIP(DIMS), DIMS, int(multiple * len(data) ** 0.5), faiss.METRIC_INNER_PRODUCT
            )
            index.cp.niter, index.cp.max_points_per_centroid = rounds, rows_a_list
            index.cp.min_points_per_centroid = 1
            index.train(data)
            index.add(data)

        def search(rows: Vectors, width: int) -> Ids:
            index.nprobe = width
            return index.search(rows, K + 1)[1]

        return _tuned(vectors, data, search, judge, target, tuning, made)

    return one


def hnswlib_side(vectors: Vectors, judge: Callable[[Ids], float], target: float, tuning: Ids) -> Found:
    import hnswlib

    with call() as made:
        index = hnswlib.Index("ip", DIMS)
        index.init_index(len(vectors), M=16, ef_construction=100, random_seed=0)
        index.add_items(vectors)

    def search(rows: Vectors, width: int) -> Ids:
        index.set_ef(max(width, K + 1))
        return index.knn_query(rows, K + 1)[0].astype(np.int64)

    return _tuned(vectors, vectors, search, judge, target, tuning, made)


def usearch_side(vectors: Vectors, judge: Callable[[Ids], float], target: float, tuning: Ids) -> Found:
    from usearch.index import Index

    with call() as made:
        index = Index(ndim=DIMS, metric="ip", dtype="f32", connectivity=16, expansion_add=128)
        index.add(np.arange(len(vectors)), np.asarray(vectors))

    def search(rows: Vectors, width: int) -> Ids:
        index.expansion_search = max(width, K + 1)
        return np.asarray(index.search(np.asarray(rows), K + 1).keys).astype(np.int64)

    return _tuned(vectors, vectors, search, judge, target, tuning, made)


def pynndescent_side(vectors: Vectors, judge: Callable[[Ids], float], target: float, tuning: Ids) -> Found:
    import pynndescent

    pynndescent.NNDescent(vectors[:2_000], metric="cosine", n_neighbors=K + 1, random_state=0)  # compiles
    with call() as spent:
        index = pynndescent.NNDescent(vectors, metric="cosine", n_neighbors=K + 1, random_state=0)
        ids = index.neighbor_graph[0]
    return ids, spent, 0


def _tuned(
    vectors: Vectors,
    data: Vectors,
    search: Callable[[Vectors, int], Ids],
    judge: Callable[[Ids], float],
    target: float,
    tuning: Ids,
    made: dict[str, float],
) -> Found:
    """Search as narrowly as reaches ``target`` on the tuning rows, then all rows."""
    rows = np.ascontiguousarray(vectors[np.sort(tuning)])
    back = np.argsort(np.argsort(tuning))
    width = next((width for width in WIDTHS if judge(search(rows, width)[back]) >= target), WIDTHS[-1])
    with call() as searched:
        ids = search(data, width)
    return ids, {key: made[key] + searched[key] for key in made}, width


PEER_SIDES: dict[str, Callable[..., Found]] = {
    **{name: faiss_side(*setting) for name, setting in FAISS.items()},
    "hnswlib": hnswlib_side,
    "usearch": usearch_side,
    "pynndescent": pynndescent_side,
}


def side(name: str, scratch: Path, target: float) -> None:
    vectors = np.load(scratch / "vectors.npy", mmap_mode="r")
    tuning = np.load(scratch / "tuning.npy")
    bar = np.load(scratch / "tuning-bar.npy")

    def judge(ids: Ids) -> float:
        return recall(vectors, tuning, bar, ids)

    if name == "assay":
        ids, spent, width = ours(vectors, judge, target)
    else:
        ids, spent, width = PEER_SIDES[name](vectors, judge, target, tuning)
    np.save(scratch / f"{name}.npy", ids.astype(np.int32))
    answer(scratch, name, {"call": spent, "width": width, "tuned_recall": round(judge(ids[tuning]), 4)})


# the comparison ----------------------------------------------------------------------------------------------


def compare(scratch: Path, n: int, names: Sequence[str]) -> list[Side]:
    make(scratch, n)
    vectors = np.load(scratch / "vectors.npy", mmap_mode="r")
    asked, bar = np.load(scratch / "asked.npy"), np.load(scratch / "asked-bar.npy")
    pairs = np.load(scratch / "pairs.npy")
    python = environment_of_peers(ENVIRONMENT, PEERS) if len(names) > 1 else ""
    sides: list[Side] = []
    target = 0.985
    for name in names:
        runner = sys.executable if name == "assay" else python
        command = [runner, __file__, "--side", name, "--scratch", str(scratch), "--target", str(target)]
        one = run_side(command, name, scratch)
        ids = np.load(scratch / f"{name}.npy")
        one.found["recall"] = round(recall(vectors, asked, bar, ids[asked]), 4)
        both = np.concatenate([pairs, pairs[:, ::-1]])
        one.found["pairs"] = round(float((ids[both[:, 0]] == both[:, 1:]).any(1).mean()), 5)
        if name == "assay":
            target = min(one.found["tuned_recall"], 0.999)
        print(f"{name}: {one.call_cpu:.1f} CPU s, recall {one.found['recall']}, pairs {one.found['pairs']}", flush=True)
        sides.append(one)
    return sides


def goals(quick: list[Side], full: list[Side]) -> list[dict[str, Any]]:
    out = []

    def goal(what: str, asked: float, value: float, *, more: bool) -> None:
        met = value >= asked if more else value <= asked
        out.append({"goal": what, "asked": asked, "measured": round(value, 4 if asked < 1 else 1), "met": met})

    for sides, rows in ((quick, ROWS), (full, FULL)):
        for one in sides:
            if one.name == "assay":
                goal(f"recall@10, {rows:,} rows", 0.985, one.found["recall"], more=True)
                goal(f"planted pairs found, {rows:,} rows", 0.999, one.found["pairs"], more=True)
    by_name = {one.name: one for one in quick}
    rivals = [one.call_cpu for name, one in by_name.items() if name.startswith("faiss")]
    if rivals:
        goal("times less CPU than the best faiss setting", 6, min(rivals) / by_name["assay"].call_cpu, more=True)
    for name in ("hnswlib", "usearch", "pynndescent"):
        if name in by_name:
            ratio = by_name[name].call_cpu / by_name["assay"].call_cpu
            goal(f"times less CPU than {name}", 10, ratio, more=True)
    for one in full[:1]:
        goal(f"seconds for {FULL:,} rows", 120, one.call_wall, more=False)
        goal(f"private MB for {FULL:,} rows", 5_120, one.private_mb, more=False)
    return out


def table(sides: list[Side], n: int) -> dict[str, Any]:
    base = sides[0].call_cpu
    rows = [
        [
            NAMES[one.name],
            f"{one.found['recall']:.3f}",
            f"{one.found['pairs']:.4f}",
            one.found["width"] or "-",
            f"{one.call_cpu:,.1f}",
            f"{one.call_wall:,.1f}",
            f"{one.private_mb:,}",
            f"{one.call_cpu / base:.1f}",
        ]
        for one in sides
    ]
    return {
        "title": f"The {K} nearest neighbours of {n:,} x {DIMS} vectors",
        "text": "Made vectors: clusters on a sphere, falling spectrum, 1 % near copies. Recall@10 by comparing 500 rows with all. "
        "Width: lists probed, or length of the search list, the smallest that reaches Assay's recall on 1,000 other rows. CPU s: "
        "making the index and searching all rows. Private MB: anonymous memory at its peak; a peer's copy of the vectors counts.",
        "heads": ["side", "recall@10", "pairs found", "width", "CPU s", "seconds", "private MB", "CPU, times Assay's"],
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help="all sides at this size only, to try it; nothing is kept")
    parser.add_argument("--scratch", type=Path, help="folder for the vectors, kept for the next time")
    parser.add_argument("--faiss-at-full-size", action="store_true", help="its quick setting on 1,281,167 rows too")
    parser.add_argument("--only", nargs="*", choices=PEER_SIDES, help="these peers")
    parser.add_argument("--side", choices=["assay", *PEER_SIDES], help=argparse.SUPPRESS)
    parser.add_argument("--target", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        side(given.side, given.scratch, given.target)
        return
    names = ["assay", *(PEER_SIDES if given.only is None else given.only)]
    with tempfile.TemporaryDirectory(prefix="assay-neighbors-") as temporary:
        scratch = given.scratch or Path(temporary)
        n = given.rows or ROWS
        (scratch / str(n)).mkdir(parents=True, exist_ok=True)
        quick = compare(scratch / str(n), n, names)
        full: list[Side] = []
        if given.rows is None:
            (scratch / str(FULL)).mkdir(exist_ok=True)
            more = ["assay", *(["faiss-quick"] if given.faiss_at_full_size else [])]
            full = compare(scratch / str(FULL), FULL, more)
    met = goals(quick, full)
    tables = [table(quick, n), *([table(full, FULL)] if full else [])]
    tables.append(
        {
            "title": "Goals",
            "text": "Of the tables above.",
            "heads": ["goal", "asked", "measured", "met"],
            "rows": [[g["goal"], g["asked"], g["measured"], "yes" if g["met"] else "no"] for g in met],
        }
    )
    show(tables)
    if given.rows is None and given.only is None:
        record = {"sides": {str(n): [one.record() for one in quick], str(FULL): [one.record() for one in full]}}
        keep("big-neighbors", record | {"goals": met, "tables": tables})


if __name__ == "__main__":
    main()
