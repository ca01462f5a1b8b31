"""The query layer on a project as large as ImageNet, in one process and one thread. ``views.py [FOLDER] [--draws N]``

In: a project of `big_project.py` (made in a temporary folder where none is named). Out: ``results/views.json``: for each shape of
query p50 and p95 of its first page, a deep page and its facets, each draw with other values, so that no answer is kept from
before; new sorts, the charts, one row in full, a map; memory. On the wall and in CPU time: they part where the machine has other
work. Does not know: HTTP, the log.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import assay
import big_project
from assay.actions import Entry, State, fold
from assay.charts import charts, compare, examples
from assay.detail import Details
from assay.query import Filter, ReviewTable, Sort, Views, page
from assay.similar import embedding_map
from measure import commit, machine, peak_megabytes, resident
from page import RESULTS

PAGE = 100
DRAWS = 40
SORTS = (
    "outlier_score", "label_quality", "near_duplicate_score", "given_label", "suggested_label", "cluster", "decided", "is_dark",
    "image_width", "size_kb", "taken", "origin", "row_id", "caption",
)  # fmt: skip
Query = dict[str, Any]


def shapes(table: ReviewTable, rng: np.random.Generator) -> dict[str, Callable[[], Query]]:
    """Shapes of queries; each call draws other values."""
    words = str.split(" ".join(text.as_py() for text in table.column("caption")[:2_000]))

    def classes(n: int) -> list[Any]:
        return [table.classes[code] for code in rng.choice(len(table.classes), n, replace=False)]

    def rare() -> str:
        return str(rng.choice(words)) + str(rng.choice(words))[:3]

    def low() -> float:
        return round(float(rng.uniform(0, 0.5)), 4)

    def where(*conditions: Query) -> Query:
        return {"where": list(conditions)}

    return {
        "one check": lambda: {"any": ["label"]} | where({"column": "label_issue_score", "min": low()}),
        "any of three checks": lambda: {"any": ["dark", "blurry", "outlier"]} | where({"column": "outlier_score", "min": low()}),
        "clean rows of a class": lambda: {"any": ["clean"], "given": classes(1)},
        "label issues of a class": lambda: {"any": ["label"], "given": classes(1)},
        "given one class, suggested another": lambda: {"given": classes(20), "suggested": classes(20)},
        "300 classes": lambda: {"given": classes(300)},
        "undecided issues": lambda: {"any": ["label"], "resolved": False} | where({"column": "p_label_error", "min": low()}),
        "decided by a person": lambda: {"by": ["ann"], "action": ["label", "keep"], "given": classes(200)},
        "final label": lambda: {"final": classes(3)},
        "tag and split": lambda: {"tag": ["later"], "split": ["train"], "given": classes(100)},
        "score range": lambda: where({"column": "label_quality", "min": low(), "max": 0.7}),
        "number, date and category": lambda: where(
            {"column": "size_kb", "min": 200 * low()},
            {"column": "taken", "min": f"20{rng.integers(15, 24)}-0{rng.integers(1, 9)}"},
            {"column": "origin", "in": ["stock", "web"]},
        ),
        "contains a rare text": lambda: where({"column": "caption", "contains": rare()}),
        "contains two words, among label issues": lambda: (
            {"any": ["label"]} | where({"column": "caption", "contains": f"{rng.choice(words)} {rng.choice(words)}"})
        ),
        "id contains": lambda: where({"column": "row_id", "contains": f"_{rng.integers(10, 9_999)}"}),
        "20 ids": lambda: {"ids": [table.ids[int(row)].as_py() for row in rng.integers(0, table.n, 20)]},
        "50,000 row numbers": lambda: {"rows": np.sort(rng.choice(table.n, 50_000, replace=False)).tolist()},
        "copies": lambda: {"any": ["near_duplicate"], "none": ["exact_duplicate"], "given": classes(500)},
        "similar rows": lambda: {"similar": {"row": int(rng.integers(0, table.n))}},
    }  # fmt: skip


def decided(n: int) -> State:
    """50,000 rows fixed at once, 5,000 decided one entry each thousand, a tag."""
    rng = np.random.default_rng(1)

    def entry(number: int, action: str, count: int, **more: Any) -> Entry:
        rows = np.sort(rng.choice(n, count, replace=False)).astype(np.int64)
        zeros = np.zeros(count, np.int32)
        given = {"excluded": zeros.astype(bool), "before": zeros, "under": zeros} | more
        return Entry(
            number,
            str(number),
            "2026-01-01T00:00:00.000Z",
            ("ann", "bob")[number % 2],
            action,
            "row",
            count,
            rows=rows,
            **given,
        )

    entries = [entry(1, "auto-fix", 50_000, codes=np.zeros(50_000, np.int32), names=["n00000000"])]
    entries += [
        entry(number, ("keep", "label", "exclude")[number % 3], 1_000, label="n00000001") for number in range(2, 7)
    ]
    entries.append(entry(7, "tag", 20_000, text="later"))
    return fold(State(n), entries, lambda numbers: {number: entries[number - 1] for number in numbers})


Times = tuple[float, float]  # milliseconds on the wall, of CPU


def timed(work: Callable[[], Any]) -> Times:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall) * 1_000, (time.process_time() - cpu) * 1_000


def spread_of(times: list[Times]) -> dict[str, float]:
    (p50, cpu50), (p95, cpu95) = (np.percentile(np.array(times), q, axis=0).round(1).tolist() for q in (50, 95))
    return {"p50": p50, "p95": p95, "cpu_p50": cpu50, "cpu_p95": cpu95}


def both(times: Times) -> dict[str, float]:
    return {"ms": round(times[0], 1), "cpu_ms": round(times[1], 1)}


def held(peak: bool = False) -> int:
    """MB of this process (Linux); 0 elsewhere."""
    return peak_megabytes(os.getpid()) if peak else resident(os.getpid()) >> 10


def measure(folder: Path, draws: int) -> dict[str, Any]:
    pa.set_cpu_count(1)
    rng = np.random.default_rng(0)
    before = held()
    started = time.perf_counter()
    project = assay.open(folder)
    table = ReviewTable.load(project)
    views, state = Views(table), decided(table.n)
    rows = views.view(None, None, state).rows
    page(table, state, rows[:PAGE])
    start = time.perf_counter() - started
    columns = both(timed(lambda: table.columns))
    found: dict[str, Any] = {}
    every: dict[str, list[Times]] = {"first_page": [], "deep_page": [], "facets": []}
    for name, draw in shapes(table, rng).items():
        times: dict[str, list[Times]] = {key: [] for key in every}
        counts = []
        for _ in range(draws):
            chosen = Filter.from_json(draw())

            def show(at: int, chosen: Filter = chosen) -> None:
                page(table, state, views.view(chosen, None, state).rows[at : at + PAGE])

            times["first_page"].append(timed(lambda show=show: show(0)))
            n = len(views.view(chosen, None, state))
            times["deep_page"].append(timed(lambda show=show, n=n: show(int(rng.integers(0, max(1, n - PAGE))))))
            times["facets"].append(timed(lambda chosen=chosen: views.facets(chosen, state)))
            counts.append(n)
        for key, values in times.items():
            every[key] += values
        found[name] = {"rows": int(np.median(counts))} | {key: spread_of(values) for key, values in times.items()}
        shown = "  ".join(
            f"{key} {value['p50']} / {value['p95']}" for key, value in found[name].items() if key != "rows"
        )
        print(f"{name:40} {found[name]['rows']:>8,} rows  {shown}", flush=True)
    sorts = {by: both(timed(lambda by=by: views.view(None, Sort(by, True), state))) for by in SORTS}
    for by in SORTS[:5]:  # kept by now
        every.setdefault("known_sort", []).append(
            timed(lambda by=by: views.view(Filter(any=("outlier", "dark")), Sort(by, True), state))
        )
    mask = views.mask(Filter(none=("outlier",)), state)
    details, chosen_rows = Details(table, views.neighborhood), rng.integers(0, table.n, 30).tolist()
    first_detail = timed(lambda: details.of(5, state))
    others = {
        "corrections": timed(lambda: charts.corrections(table, mask)),
        "matrix": timed(lambda: charts.correction_matrix(table, mask)),
        "classes": timed(lambda: charts.per_class(table, mask, state)),
        "balance": timed(lambda: charts.balance(table, mask, state)),
        "splits": timed(lambda: charts.by_split(table, mask, state)),
        "histograms": timed(lambda: charts.histograms(table, mask)),
        "compare": timed(lambda: compare(table, state, table.classes[0], table.classes[1])),
        "examples": timed(lambda: examples(table, state, table.classes[0])),
        "positions": timed(lambda: views.view(None, None, state).positions(chosen_rows)),
        "row in full, first": first_detail,
        "row in full": tuple(np.median([timed(lambda row=row: details.of(row, state)) for row in chosen_rows], axis=0)),
    }
    memory = held()
    made = timed(lambda: embedding_map(views.neighborhood, table.present))
    return {
        "rows": table.n, "classes": len(table.classes), "draws": draws, "page": PAGE,
        "start_seconds": round(start, 2), "columns": columns,
        "shapes": found, "all": {key: spread_of(values) for key, values in every.items()},
        "new_sorts": sorts, "others": {name: both(value) for name, value in others.items()},
        "map_seconds": round(made[1] / 1_000, 1), "memory_mb": {"before": before, "resident": memory, "peak": held(peak=True)},
        "commit": commit(), "machine": machine(),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--draws", type=int, default=DRAWS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-views-") as scratch:
        folder = arguments.folder
        if folder is None:
            folder = Path(scratch) / "big.assay"
            big_project.make(folder)
        result = measure(folder, arguments.draws)
    (RESULTS / "views.json").write_text(json.dumps(result, indent=1) + "\n")
    print(
        json.dumps({key: result[key] for key in ("all", "new_sorts", "others", "map_seconds", "memory_mb")}, indent=1)
    )


if __name__ == "__main__":
    main()
