"""What the findings on relations, classes and the dataset add to a run of 1,281,167 rows and 1,000 classes.

    big_findings.py [--rows N] [--scratch FOLDER]

In: nothing; labels, probabilities, vectors, neighbours, copies and windows are made, and the stages are called on them one after
another in one process. Out: ``results/big-findings.json``. Does not know: how the stages work. Opening plausible pictures again is
left aside: how many there are is told, and 10 ms and a decode each is what that costs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sides import answer, call, keep, run_side, show

ROWS, CLASSES, DIMS, WRONG = 1_281_167, 1_000, 256, 0.05
BLOCK = 8_192
GOAL_SECONDS, GOAL_MB = 120, 1_024
WINDOWS = 25


def labels(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True and given classes; every twentieth class is the same as the one before, every other twentieth general to three."""
    rng = np.random.default_rng(51)
    true = rng.integers(0, CLASSES, n)
    given = np.where(rng.random(n) < WRONG, rng.integers(0, CLASSES, n), true)
    same = (true % 20 == 1) & (rng.random(n) < 0.5)
    general = np.isin(true % 20, (11, 12, 13)) & (rng.random(n) < 0.3)
    given = np.where(same, true - 1, given)
    return true, np.where(general, true // 20 * 20 + 10, given)


def prepare(scratch: Path, n: int) -> None:
    """The files that earlier stages leave."""
    from assay.dataset.dataset import write_dataset
    from assay.issues.scan import scan
    from assay.sources import open_source
    from assay.stages import issues
    from assay.storage import Folder

    rng = np.random.default_rng(52)
    true, given = labels(n)
    names = np.array([f"class {code:04d}" for code in range(CLASSES)])
    split = np.where(rng.random(n) < 0.1, "val", "train")
    table = pa.table({"text": pa.array(["a picture"] * n), "label": names[given], "split": split})
    pq.write_table(table, scratch / "rows.parquet")
    folder = Folder(scratch / "run")
    dataset = write_dataset(
        folder, open_source(scratch / "rows.parquet", text="text", label="label", split="split"), None
    )
    folder.put_array("order.npy", dataset.order)
    folder.put_array("v.rows.npy", np.arange(n))
    centres = rng.normal(size=(CLASSES, DIMS)).astype(np.float32)
    close = np.arange(CLASSES)
    close[1::20], close[11::20], close[12::20] = close[0::20], close[13::20], close[13::20]
    place = folder.path("p.npy")
    p = np.lib.format.open_memmap(place, "w+", np.float32, (n, CLASSES))
    x = np.lib.format.open_memmap(folder.path("v.lite0.npy"), "w+", np.float16, (n, DIMS))
    for start in range(0, n, BLOCK):
        at = slice(start, min(start + BLOCK, n))
        of, size = true[at], len(true[at])
        row = np.arange(size)
        block = rng.random((size, CLASSES), dtype=np.float32) * 2e-5
        sure = rng.beta(6, 1, size).astype(np.float32)
        block[row, rng.integers(0, CLASSES, size)] += 1 - sure
        block[row, of] += sure
        twin = of % 20 == 1
        block[row[twin], of[twin] - 1] += sure[twin]
        kind = np.isin(of % 20, (11, 12, 13))
        block[row[kind], of[kind] // 20 * 20 + 10] += 0.4 * sure[kind]
        p[at] = block / block.sum(1, keepdims=True)
        x[at] = centres[close[of]] + rng.normal(size=(size, DIMS)).astype(np.float32)
    order = np.argsort(true, kind="stable")
    near = np.empty((n, 15), np.int32)
    for step in range(15):
        near[order, step] = np.roll(order, step + 1)
    folder.put_array("g.ids.npy", near)
    copied = np.full(n, -1, np.int64)
    copied[: n // 50] = np.arange(n // 50) // 2
    nothing = pa.nulls(n, pa.string())
    exact = pa.array(copied >= 0)
    copies = {"id": copied, "score": np.zeros(n, np.float32), "kind": nothing, "exact": exact, "surplus": np.ones(n)}
    folder.put_table("d.parquet", pa.table(copies))
    measured = {
        "row": np.arange(n),
        "brightness": rng.normal(size=n),
        "width": np.full(n, 500),
        "height": np.full(n, 375),
    }
    folder.put_table("m.properties.parquet", pa.table(measured))
    folder.put_array("f.npy", (np.arange(n) % 5).astype(np.int8))
    del p, x
    assert scan(given[:9].astype(np.int32), folder.get_array("p.npy", mmap=True)[:9]).analyzed.all()
    common = checks(dataset.fingerprint, n, tuple(dataset.classes))
    issues.label.run(
        folder, "label", issues.LabelSpec(**common, pred_probs="p", duplicates="d", n_folds=5, boundary=0.0)
    )
    folder.put_json("told.json", {"dataset": dataset.fingerprint, "classes": list(dataset.classes)})


def checks(dataset: str, n: int, classes: tuple[Any, ...]) -> dict[str, Any]:
    return {
        "dataset": dataset, "n_rows": n, "vectors": "v", "embeddings": ("lite0",), "threads": 2, "classes": classes, "seed": 0,
    }  # fmt: skip


def stages(scratch: Path, n: int) -> None:
    """Each stage, and what it took."""
    from assay.stages import issues, ontology, two_labels
    from assay.storage import Folder

    folder = Folder(scratch / "run")
    told = folder.get_json("told.json")
    common = checks(told["dataset"], n, tuple(told["classes"]))
    rows: list[dict[str, Any]] = []

    def timed(name: str, work: Any) -> Any:
        with call() as spent:
            found = work()
        rows.append({"stage": name, **{key: round(value, 1) for key, value in spent.items()}})
        return found

    plausible = timed(
        "two_labels/plausible",
        lambda: two_labels.plausible.run(
            folder, "l", two_labels.PlausibleSpec(**common, pred_probs="p", text="", encoder="", properties=("m",))
        ),
    )
    rng = np.random.default_rng(53)
    opened = folder.get_array("l.npy")
    at = folder.get_array("v.lite0.npy", mmap=True)[opened]
    windows = at[:, None] + rng.normal(size=(len(opened), 1 + WINDOWS, DIMS)).astype(np.float16)
    folder.put_array("w.npy", windows.astype(np.float16))
    del windows, at
    spec = two_labels.TwoLabelsSpec(
        **common, pred_probs="p", folds="f", plausible="l", windows=("w",), encoder="lite0", load=(), text=""
    )
    timed("issues/multi_label", lambda: two_labels.two_labels.run(folder, "two", spec))
    asked = ontology.OntologySpec(
        **common, pred_probs="p", label="label", graph="g", duplicates="d", properties=("m",), order="order.npy",
        multi_label="two", withheld="", verdict=None, ordered=True, reasons={},
    )  # fmt: skip
    found = timed("ontology", lambda: ontology.ontology.run(folder, "o", asked))
    if found.failed:
        raise SystemExit(f"checks failed: {found.failed}")
    told_of = issues.InsightsSpec(**common, modality="image", label="label", duplicates="d", features=(), verdict=None)
    timed("insights", lambda: issues.insights.run(folder, "i", told_of))
    answer(scratch, "run", {"stages": rows, "counts": found.counts, "opened": plausible.rows})


def tables(record: dict[str, Any]) -> list[dict[str, Any]]:
    wall, cpu = (sum(row[key] for row in record["stages"]) for key in ("wall", "cpu"))
    told = ", ".join(f"{name} {count:,}" for name, count in record["counts"].items())
    text = (
        f"{wall:,.0f} s, {cpu:,.0f} CPU s (goal {GOAL_SECONDS} s); private memory of the process at its peak {record['private_mb']:,} MB "
        f"(goal {GOAL_MB:,}), interpreter and libraries included. Findings: {told}. {record['opened']:,} plausible pictures would be "
        "opened again, which is not in these seconds."
    )
    return [
        {
            "title": f"Findings on {record['rows']:,} rows and {CLASSES:,} classes: what they add to a run",
            "text": text,
            "heads": ["stage", "seconds", "CPU s"],
            "rows": [[row["stage"], row["wall"], row["cpu"]] for row in record["stages"]],
        }
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help="another number, to try it; only the full size is kept")
    parser.add_argument("--scratch", type=Path, help="folder for what is made (7 GB)")
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        stages(given.scratch, given.rows)
        return
    with tempfile.TemporaryDirectory(prefix="assay-big-findings-") as temporary:
        scratch = given.scratch or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        prepare(scratch, given.rows)
        command = [sys.executable, __file__, "--side", "--scratch", str(scratch), "--rows", str(given.rows)]
        one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # as a run's workers have it
        record = run_side(command, "run", scratch, **one).record() | {"rows": given.rows}
        record["tables"] = tables(record)
        show(record["tables"])
        if given.rows == ROWS:
            keep("big-findings", record)


if __name__ == "__main__":
    main()
