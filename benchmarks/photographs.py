"""Photographs, from the files on disk to everything that is kept of them: images a second and core.

In: photos_600, multiplied: crops, mirrors and light of its pictures as JPEG of 500 x 375. Out: ``results/photographs.json``.
Does not know: labels, later stages. The encode stages run as `assay analyze` runs them, in worker processes; the split by
part is measured in one process and thread, beside what a plain decode costs.
``python photographs.py [--rows N] [--scratch FOLDER]``
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from problems import data_dir
from sides import answer, call, keep, run_side, show

ROWS, WIDTH, HEIGHT = 20_000, 500, 375
GOAL = 140  # images a second and core
PARTS_OF = 512  # pictures the split by part is measured on


def make(folder: Path, n: int) -> None:
    """``folder/CLASS/NUMBER.jpg``, by two processes; the same bytes every time."""
    if (folder.parent / f"made-{n}").exists():
        return
    files = sorted(str(path) for path in (data_dir() / "photos_600").glob("*/*.jpg"))
    for name in {Path(file).parent.name for file in files}:
        (folder / name).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        work = partial(_some, files, str(folder))
        list(pool.map(work, range(0, n, 500), range(500, n + 500, 500), [n] * len(range(0, n, 500))))
    (folder.parent / f"made-{n}").touch()


@cache
def original(file: str) -> NDArray[np.uint8]:
    import cv2

    cv2.setNumThreads(1)
    picture: NDArray[np.uint8] = cv2.imread(file, cv2.IMREAD_COLOR)
    return picture


def crop(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """(HEIGHT, WIDTH, 3): a part of the picture, one in two mirrored, in another light."""
    import cv2

    height, width = picture.shape[:2]
    scale = min(width / WIDTH, height / HEIGHT) * rng.uniform(0.65, 0.98)
    high, wide = int(HEIGHT * scale), int(WIDTH * scale)
    top, left = rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1)
    kind = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
    part = cv2.resize(picture[top : top + high, left : left + wide], (WIDTH, HEIGHT), interpolation=kind)
    if rng.random() < 0.5:
        part = part[:, ::-1]
    light = rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, 3)
    lit: NDArray[np.float32] = part * light.astype(np.float32)
    return lit


def write(file: Path, values: NDArray[np.float32], rng: np.random.Generator) -> None:
    """As JPEG, with the noise of a camera."""
    import cv2

    noisy = values + rng.integers(-6, 7, (HEIGHT, WIDTH, 1), np.int16)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(80, 96))]
    cv2.imwrite(str(file), noisy.clip(0, 255).astype(np.uint8), quality)


def _some(files: list[str], folder: str, start: int, stop: int, n: int) -> None:
    rng = np.random.default_rng([31, start])
    for number in range(start, min(stop, n)):
        file = Path(files[number % len(files)])
        write(Path(folder) / file.parent.name / f"{number:06d}.jpg", crop(original(str(file)), rng), rng)


# the encode stages, as a run does them -----------------------------------------------------------------------


def encode(scratch: Path, workers: int) -> None:
    from assay.analysis.encoding import Encoding
    from assay.analysis.local_executor import LocalExecutor
    from assay.analysis.progress import Progress
    from assay.analysis.runner import Runner
    from assay.analysis.settings import Settings
    from assay.dataset.dataset import write_dataset
    from assay.sources import open_source
    from assay.storage import Folder
    from assay.storage.project_folder import ensure_project

    folder = Folder(str(scratch / f"run-{workers}.assay"))
    ensure_project(folder)
    dataset = write_dataset(folder, open_source(str(scratch / "photographs")), None)
    settings = Settings(workers=workers)
    with call() as spent, LocalExecutor(workers) as executor:
        runner = Runner(folder, executor, Progress("quiet"), None)
        encoding = Encoding(runner, dataset, settings, {}, "")
        encoding.of_images()
    reasons = [folder.get_table(f"{place}.properties.parquet", ["reason"])["reason"] for place in encoding.properties]
    unreadable = sum(len(column) - column.null_count for column in reasons)
    answer(scratch, f"encode-{workers}", {"call": spent, "stages": runner.costs, "unreadable": unreadable})


# where the time goes -----------------------------------------------------------------------------------------


def parts(scratch: Path) -> None:
    """CPU ms a picture of each part, one thread."""
    import cv2

    from assay.encode import pixels
    from assay.encode.image_encoders import image_encoders

    cv2.setNumThreads(1)
    files = sorted((scratch / "photographs").glob("*/*.jpg"))
    files = files[:: max(1, len(files) // PARTS_OF)][:PARTS_OF]
    spent: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        started = time.process_time()
        out = work()
        spent[name] = (time.process_time() - started) * 1_000 / len(files)
        return out

    for file in files:
        file.read_bytes()
    pixels.properties(pixels.decode(files[0].read_bytes()))  # compiled loops are loaded at their first use
    data = timed("read the file", lambda: [file.read_bytes() for file in files])
    pictures = timed("decode (checked, upright)", lambda: [pixels.decode(one) for one in data])
    timed("hash of the file", lambda: [pixels.file_hash(one) for one in data])
    timed("hash of the pixels", lambda: [pixels.pixel_hash(one.rgb) for one in pictures])
    timed("a coarse picture, for what follows", lambda: [one.coarse for one in pictures])
    timed("properties for the checks", lambda: [pixels.properties(one) for one in pictures])
    timed("32 x 32 for duplicates", lambda: [pixels.tiny(one.coarse) for one in pictures])
    timed("thumbnail", lambda: [pixels.thumbnail(one.coarse) for one in pictures])
    for encoder in image_encoders([]):
        prepared = timed(f"{encoder.name}: resize", lambda: [encoder.prepare(one) for one in pictures])  # noqa: B023
        state = encoder.fit(prepared[: encoder.sample], seed=0)[0]
        encoder.encode(prepared[:32], state)
        timed(f"{encoder.name}: encode", lambda: encoder.encode(prepared, state))  # noqa: B023
    ours = dict(spent)
    timed(
        "for comparison: Pillow, decode alone",
        lambda: [np.asarray(Image.open(io.BytesIO(one)).convert("RGB")) for one in data],
    )
    buffers = [np.frombuffer(one, np.uint8) for one in data]
    timed("for comparison: opencv, decode alone", lambda: [cv2.imdecode(one, cv2.IMREAD_COLOR) for one in buffers])
    timed(
        "for comparison: opencv, at half the scale",
        lambda: [cv2.imdecode(one, cv2.IMREAD_REDUCED_COLOR_2) for one in buffers],
    )
    answer(scratch, "parts", {"ours": ours, "all": spent, "kilobytes": sum(map(len, data)) / len(data) / 1024})


# the report --------------------------------------------------------------------------------------------------


def measure(scratch: Path, n: int, workers: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--scratch", str(scratch), "--workers", str(workers)]
    split = run_side([*command, "--side", "parts"], "parts", scratch)
    whole = run_side([*command, "--side", "encode"], f"encode-{workers}", scratch)
    stages = whole.found["stages"]
    rows = [
        [
            row["stage"],
            f"{row['wall_seconds']:,.1f}",
            f"{row['cpu_seconds']:,.1f}",
            f"{row['peak_megabytes']:,}",
            row["shards"],
        ]
        for row in stages
    ]
    main = next(row for row in stages if row["stage"] == "encode/images")
    fit = sum(row["cpu_seconds"] for row in stages) - main["cpu_seconds"]
    a_core = n / main["cpu_seconds"]
    everything = n / (main["cpu_seconds"] + fit)
    on_the_wall = n / main["wall_seconds"] / workers
    total = sum(split.found["ours"].values())
    shares = [
        [name, f"{ms:.2f}", f"{ms / total:.0%}" if name in split.found["ours"] else "-"]
        for name, ms in split.found["all"].items()
    ]
    goal = ["images a second and core, encode stage", GOAL, f"{a_core:.0f}", "yes" if a_core >= GOAL else "no"]
    tables = [
        {
            "title": f"{n:,} photographs of {WIDTH} x {HEIGHT}: read, decoded, checked, encoded",
            "text": f"Files of {split.found['kilobytes']:.0f} kB on average. {a_core:.0f} images a CPU second ({everything:.0f} "
            f"with fitting the encoders, {on_the_wall:.0f} a second of wall time and worker); {workers} workers, private memory at most "
            f"{whole.private_mb:,} MB; {whole.found['unreadable']} unreadable.",
            "heads": ["stage", "seconds", "CPU s", "largest worker MB", "shards"],
            "rows": rows,
        },
        {
            "title": "Where the time of a photograph goes",
            "text": f"CPU ms a picture in one thread, over {PARTS_OF} pictures; in all {total:.2f} ms, {1000 / total:.0f} a second.",
            "heads": ["part", "ms", "share"],
            "rows": shares,
        },
        {"title": "Goal", "text": "Of the first table.", "heads": ["goal", "asked", "measured", "met"], "rows": [goal]},
    ]
    return {
        "rows": n,
        "workers": workers,
        "whole": whole.record(),
        "parts": split.found,
        "a_core": round(a_core, 1),
        "tables": tables,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help="another number, to try it; nothing is kept")
    parser.add_argument("--scratch", type=Path, help="folder for the photographs (60 kB each), kept for the next time")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--side", choices=["encode", "parts"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side == "encode":
        encode(given.scratch, given.workers)
    elif given.side == "parts":
        parts(given.scratch)
    else:
        with tempfile.TemporaryDirectory(prefix="assay-photographs-") as temporary:
            scratch = (given.scratch or Path(temporary)) / str(given.rows)
            scratch.mkdir(parents=True, exist_ok=True)
            make(scratch / "photographs", given.rows)
            shutil.rmtree(scratch / f"run-{given.workers}.assay", ignore_errors=True)
            record = measure(scratch, given.rows, given.workers)
        show(record["tables"])
        if given.rows == ROWS:
            keep("photographs", record)


if __name__ == "__main__":
    main()
