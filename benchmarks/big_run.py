"""Everything after the embeddings of 1,281,167 pictures in 1,000 classes: seconds, memory and quality of every stage.

In: nothing but photos_600; vectors, thumbnails and properties of pictures are made, always the same, by a stage that stands
where the encoders would; the rows are a table that names the 600 photographs again and again. Everything else is
`assay.analyze` as it is: the two default views, the graph, reopened pairs of pictures, folds, heads, all checks, tables.
Out: ``results/big-run.json``. Does not know: what the stages do.
``python big_run.py [--rows N] [--memory 3GB] [--scratch FOLDER]``
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from assay.stages import images
from assay.stages.stage import stage
from assay.storage import Folder
from problems import data_dir
from sides import answer, call, keep, run_side, show

ROWS, CLASSES, WRONG = 1_281_167, 1_000, 0.05
VIEWS, DIMS = ("lite0", "patches"), 256
KINDS = 5  # of pictures in a class
FALL = {"lite0": -0.5, "patches": -0.7}  # spectrum of the directions: direction i has size (1 + i) ** FALL
UNCLEAR = 0.3  # share of the rows that lie between their class and one of the next five, anywhere up to past the middle
COPIES, TWINS = 0.01, 0.002  # near copies of earlier rows, with a picture that is the same; exact ones
BLOCK = 512  # rows made together: a shard of the stage
GOAL_SECONDS, GOAL_MB = 600, 8 * 1024
Array = NDArray[Any]


@cache
def block(number: int) -> dict[str, Array]:
    """Labels and origins of `BLOCK` rows: -1, or the earlier row of the block that a row is a copy of."""
    rng = np.random.default_rng([41, number])
    true = rng.integers(0, CLASSES, BLOCK)
    origin = np.full(BLOCK, -1)
    copies = rng.choice(np.arange(BLOCK // 2, BLOCK), round(COPIES * BLOCK), replace=False)
    origin[copies] = rng.integers(0, BLOCK // 2, len(copies))
    true[copies] = true[origin[copies]]
    kind = rng.integers(0, KINDS, BLOCK)
    kind[copies] = kind[origin[copies]]
    toward = np.where(rng.random(BLOCK) < UNCLEAR, rng.uniform(0, 0.75, BLOCK), 0)
    alike = (true + rng.integers(1, 6, BLOCK)) % CLASSES
    wrong = rng.random(BLOCK) < WRONG
    given = np.where(wrong, (true + rng.integers(1, CLASSES, BLOCK)) % CLASSES, true)
    exact = (origin >= 0) & (rng.random(BLOCK) < TWINS / COPIES)
    return {"true": true, "given": given, "origin": origin, "exact": exact} | {
        "kind": kind,
        "alike": alike,
        "toward": toward,
    }


def rows_of(n: int) -> dict[str, Array]:
    parts = [block(number) for number in range(-(-n // BLOCK))]
    joined = {name: np.concatenate([part[name] for part in parts])[:n] for name in ("true", "given", "origin", "exact")}
    start = np.arange(n) // BLOCK * BLOCK
    joined["origin"] = np.where(joined["origin"] >= 0, joined["origin"] + start, -1)
    return joined


def write_table(place: Path, n: int) -> None:
    files = np.array(sorted(str(path) for path in (data_dir() / "photos_600").glob("*/*.jpg")))
    made = rows_of(n)
    shown = np.where(made["origin"] >= 0, made["origin"], np.arange(n)) * 7 % len(files)
    given = np.array([f"class {code:04d}" for code in range(CLASSES)])[made["given"]]
    pd.DataFrame({"id": np.arange(n), "picture": files[shown], "label": given}).to_parquet(place, index=False)


# the stage that stands for the encoders -----------------------------------------------------------------------


@cache
def _centres(view: str) -> NDArray[np.float32]:
    """(classes, kinds, d): kinds of one class lie together, those of neighbouring classes a little."""
    rng = np.random.default_rng([43, VIEWS.index(view)])
    classes = rng.standard_normal((CLASSES, 1, DIMS), dtype=np.float32)
    return (classes + 0.7 * rng.standard_normal((CLASSES, KINDS, DIMS), dtype=np.float32)) * _spectrum(view)


@cache
def _spectrum(view: str) -> NDArray[np.float32]:
    return np.asarray((1.0 + np.arange(DIMS)) ** FALL[view], np.float32)


def _vectors(view: str, made: dict[str, Array], rng: np.random.Generator) -> NDArray[np.float32]:
    centres, n = _centres(view), len(made["true"])
    share = made["toward"].astype(np.float32)[:, None]
    middle = (1 - share) * centres[made["true"], made["kind"]] + share * centres[made["alike"], made["kind"]]
    spread = rng.uniform(0.5, 1.1, (n, 1)).astype(np.float32)
    return middle + spread * _spectrum(view) * rng.standard_normal((n, DIMS), dtype=np.float32)


def _thumbnails(n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Light that falls off with frequency as that of photographs does."""
    from scipy.fft import idctn

    u, v = np.mgrid[:32, :32]
    coefficients = rng.standard_normal((n, 32, 32), dtype=np.float32) / np.maximum(np.hypot(u, v), 1) ** 1.4
    coefficients[:, 0, 0] = rng.normal(0, 0.7, n)
    light: NDArray[np.float32] = idctn(coefficients, axes=(1, 2), norm="ortho")
    return 128 + 700 * light


@cache
def _measured(folder: str) -> pa.Table:
    """What the checks read of each of the 600 photographs."""
    from assay.encode import pixels

    files = sorted(Path(folder).glob("*/*.jpg"))[::4]
    records = [pixels.properties(pixels.decode(file.read_bytes())) for file in files]
    return pa.Table.from_pylist(records, pa.schema([(name, pa.float64()) for name in pixels.PROPERTY_NAMES]))


@dataclass(frozen=True, kw_only=True)
class MadeSpec:
    dataset: str
    start: int
    stop: int


@stage(version=1)
def encode(folder: Folder, prefix: str, spec: MadeSpec) -> images.Encoded:
    """A shard of `assay.stages.images.encode`, out of nothing."""
    start, stop = spec.start, spec.stop
    n, number = stop - start, start // BLOCK
    made = {name: values[:n] for name, values in block(number).items()}
    rng = np.random.default_rng([47, number])
    copies = np.flatnonzero(made["origin"] >= 0)
    origins = made["origin"][copies]
    for view in VIEWS:
        vectors = _vectors(view, made, rng)
        shift = rng.standard_normal((len(copies), DIMS), dtype=np.float32)
        vectors[copies] = vectors[origins] + 0.1 * _spectrum(view) * shift
        folder.put_array(f"{prefix}.{view}.npy", vectors.astype(np.float16))
    tiny = _thumbnails(n, rng)
    tiny[copies] = tiny[origins] + rng.normal(0, 1, (len(copies), 32, 32))
    folder.put_array(f"{prefix}.tiny.npy", tiny.clip(0, 255).astype(np.uint8))
    rows = np.arange(start, stop)
    hashes = rows.copy()
    hashes[made["exact"]] = start + made["origin"][made["exact"]]
    measured = _measured(str(data_dir() / "photos_600"))
    table = measured.take(pa.array(rng.integers(0, len(measured), n)))
    names = pa.array([f"{value:032x}" for value in hashes])
    first = {"row": pa.array(rows), "reason": pa.nulls(n, pa.string()), "file_hash": names, "pixel_hash": names}
    folder.put_table(
        f"{prefix}.properties.parquet", pa.table(first | {name: table[name] for name in table.column_names})
    )
    folder.put_array(f"{prefix}.rows.npy", rows)
    return images.Encoded(n, 0)


def analyze(scratch: Path, memory: str | None) -> None:
    """The run, in this process and its workers; only the encode stage is another."""
    import assay
    from assay.analysis import encoding, pipeline
    from assay.analysis.stage import Stage
    from big_run import MadeSpec, encode  # by a name that workers can import

    class Made(encoding.Encoding):
        def of_images(self) -> None:
            tokens = self.dataset.rows["token"].to_pylist()
            stage = Stage("encode/images", encode, {}, self.row_shards(BLOCK, tokens, self.shard_of))
            self.runner.require(stage)
            self.properties = self.tiny = stage.prefixes
            self.reasons += stage.prefixes
            self.embeddings |= dict.fromkeys(VIEWS, stage.prefixes)

        def shard_of(self, start: int, stop: int) -> MadeSpec:
            return MadeSpec(dataset=self.dataset.fingerprint, start=start, stop=stop)

    vars(pipeline)["Encoding"] = Made
    with call() as spent:
        project = assay.analyze(
            scratch / "rows.parquet",
            image="picture",
            label="label",
            id="id",
            output=scratch / "run.assay",
            memory=memory,
            progress="quiet",
        )
    answer(scratch, "run", {"call": spent, "stages": project.run["timings"], "graph": project.run["graph"]})


# what came out -----------------------------------------------------------------------------------------------


def quality(scratch: Path, n: int) -> dict[str, Any]:
    import assay
    from scoring import score

    made = rows_of(n)
    table = assay.open(scratch / "run.assay").issues()
    columns = ["is_label_issue", "label_quality", "label_issue_score", "is_near_duplicate", "is_exact_duplicate"]
    found = table.set_index("row_id").loc[np.arange(n), columns]
    wrong = made["given"] != made["true"]
    labels = score(wrong, found["label_issue_score"].to_numpy(float), found["is_label_issue"].to_numpy(bool))
    near = made["origin"] >= 0
    near[made["origin"][near]] = True
    flagged = (found["is_near_duplicate"] | found["is_exact_duplicate"]).to_numpy(bool)
    return {
        "label": labels,
        "duplicates": {
            "planted": int(near.sum()),
            "recall": round(float(flagged[near].mean()), 4),
            "precision": round(float(near[flagged].mean()), 4) if flagged.any() else None,
        },
    }


def tables(record: dict[str, Any]) -> list[dict[str, Any]]:
    stages = [row for row in record["stages"] if row["stage"] != "encode/images"]
    seconds = sum(row["wall_seconds"] for row in stages)
    heads = ["stage", "seconds", "CPU s", "largest worker MB"]
    rows = [
        [row["stage"], f"{row['wall_seconds']:,.1f}", f"{row['cpu_seconds']:,.1f}", f"{row['peak_megabytes']:,}"]
        for row in stages
    ]
    label, copies = record["label"], record["duplicates"]
    n = record["rows"]
    asked = record["memory_asked"]
    goals = [
        ["seconds", GOAL_SECONDS, f"{seconds:.0f}", "yes" if seconds <= GOAL_SECONDS else "no"],
        [
            "private MB",
            asked or GOAL_MB,
            record["private_mb"],
            "yes" if record["private_mb"] <= record["bound_mb"] else "no",
        ],
    ]
    return [
        {
            "title": f"Everything after the embeddings: {n:,} pictures, {CLASSES:,} classes"
            + (f", --memory {asked}" if asked else ""),
            "text": f"{seconds:,.0f} s in all; private memory of all processes at its peak {record['private_mb']:,} MB (while vectors were "
            f"being made, too). Graph: recall {record['graph']['recall']:.3f}. Label errors: AP {label['ap']:.3f}, "
            f"F1 {label['f1']:.3f}. Planted copies: recall {copies['recall']:.3f} at precision {copies['precision']:.3f}. "
            f"{UNCLEAR:.0%} of the rows lie between their class and another, a third of these past the middle: they look wrong, most "
            "are flagged, and each counts as a false flag. *largest worker* counts mapped pages of files, too.",
            "heads": heads,
            "rows": rows,
        },
        {"title": "Goals", "text": "Of the table above.", "heads": ["goal", "asked", "measured", "met"], "rows": goals},
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help="another number, to try it; only the full size is kept")
    parser.add_argument("--memory", help="what `assay analyze --memory` is told; kept as another result")
    parser.add_argument("--scratch", type=Path, help="folder for rows and project (15 GB)")
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        analyze(given.scratch, given.memory)
        return
    with tempfile.TemporaryDirectory(prefix="assay-big-run-") as temporary:
        scratch = given.scratch or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        write_table(scratch / "rows.parquet", given.rows)
        shutil.rmtree(scratch / "run.assay", ignore_errors=True)
        command = [sys.executable, __file__, "--side", "--scratch", str(scratch)]
        command += ["--memory", given.memory] if given.memory else []
        side = run_side(command, "run", scratch, PYTHONPATH=str(Path(__file__).resolve().parent))
        record = side.record() | quality(scratch, given.rows)
        bound = 3 * 1024 if given.memory else GOAL_MB
        record |= {"rows": given.rows, "memory_asked": given.memory or "", "bound_mb": bound}
        record["tables"] = tables(record)
        show(record["tables"])
        if given.rows == ROWS:
            keep("big-run-bounded" if given.memory else "big-run", record)


if __name__ == "__main__":
    main()
