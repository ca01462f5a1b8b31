"""`--memory`: what is planned stays within the bound, and what is planned is what processes hold."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import assay
from assay.analysis.estimate import load_of
from assay.analysis.memory import MB, Load, make_plan, needs
from assay.analysis.settings import make_settings
from assay.errors import UsageError
from assay.sources import open_source

IMAGES = Load("image", 1_281_167, 1_000, 2, 512, 150 * MB)
TEXTS = Load("text", 100_000, 226, 2, 640, 6 * MB)
TABLE = Load("table", 200_000, 5, 1, 80, 20 * MB)
SMALL = Load("image", 600, 3, 2, 512, MB)


@pytest.mark.parametrize("load", [IMAGES, TEXTS, TABLE, SMALL])
@pytest.mark.parametrize("workers", [1, 2, 8, 64])
def test_a_plan_stays_within_every_bound_that_is_large_enough(load, workers):
    smallest = make_plan(1, workers, load).smallest
    for bound in (smallest, smallest + 100 * MB, 2 * smallest, 100 * smallest):
        plan = make_plan(bound, workers, load)
        assert plan.peak <= bound and plan.smallest == smallest
        assert 1 <= plan.workers <= workers and all(1 <= n <= workers for n in plan.threads.values())


@pytest.mark.parametrize("load", [IMAGES, TEXTS, TABLE, SMALL])
def test_a_larger_bound_never_allows_less(load):
    plans = [make_plan(bound * 256 * MB, 8, load) for bound in range(1, 100)]
    for less, more in pairwise(plans):
        assert more.workers >= less.workers and less.fresh >= more.fresh
        assert all(more.threads[name] >= count for name, count in less.threads.items())
    assert plans[-1].workers == 8 and not plans[-1].fresh


@pytest.mark.parametrize("field", ["rows", "classes", "dims", "cell_bytes"])
def test_more_data_needs_more(field):
    larger = replace(TEXTS, **{field: 3 * getattr(TEXTS, field)})
    before, after = needs(TEXTS), needs(larger)
    assert all(after[name].one >= before[name].one for name in before)
    assert make_plan(1, 1, larger).smallest >= make_plan(1, 1, TEXTS).smallest


def test_the_plan_knows_the_limits_of_the_stages():
    from assay.analysis import memory
    from assay.encode import text
    from assay.graph import EXACT_ROWS
    from assay.graph.join import IN_HALF
    from assay.graph.self_join import LEAST_DIMS
    from assay.predict import blend

    assert (memory.EXACT, memory.HALF, memory.COARSE) == (EXACT_ROWS, IN_HALF, LEAST_DIMS)
    assert (memory.FIT_NUMBERS, memory.FIT_ROWS) == (blend.FIT_NUMBERS, blend.FIT_ROWS)
    assert (memory.FILL_NUMBERS, memory.FILL_ROWS) == (blend.BLOCK_NUMBERS, blend.BLOCK)
    assert (memory.VOCABULARY, memory.DIRECTIONS) == (2 * text.VOCABULARY, text.DIMS + text.OVERSAMPLING)


def test_a_bound_that_is_too_small_is_refused_before_anything_is_written(tmp_path):
    frame = pd.DataFrame({"a": range(50), "label": ["x", "y"] * 25})
    with pytest.raises(UsageError, match=r"--memory 100MB is too little for 50 rows: .* needs \d+MB .* --memory \d+MB"):
        assay.analyze(frame, label="label", output=tmp_path / "p.assay", memory="100MB", progress="quiet")
    assert not (tmp_path / "p.assay").exists()


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory of processes is read from /proc")
def test_a_bounded_run_stays_within_its_bound_and_finds_the_same(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, 6)), columns=list("abcdef")).assign(label=rng.choice(["x", "y"], 400))
    frame["label"] = frame["label"].where(frame["a"] < 0.3, "y")
    frame.to_csv(tmp_path / "data.csv", index=False)
    plan = make_plan(1, 2, load_of(open_source(tmp_path / "data.csv", label="label"), settings(), own_embeddings=False))
    bound = plan.smallest // MB + 1
    peak = run(tmp_path, "bounded", "--memory", f"{bound}MB")
    run(tmp_path, "free", "--memory", "100GB")
    assert peak <= bound * MB
    tables = [assay.open(tmp_path / f"{name}.assay").results() for name in ("bounded", "free")]
    assert tables[0].equals(tables[1])


def settings():
    return make_settings(task=None, seed=0, effort="regular", encoders=(), workers=2, memory="100GB")


def run(folder: Path, name: str, *options: str) -> int:
    """Analyse in a process of its own; the largest sum of anonymous memory of it and its workers, bytes."""
    command = [sys.executable, "-m", "assay", "analyze", str(folder / "data.csv"), "--label", "label", "--quiet"]
    process = subprocess.Popen([*command, "-o", str(folder / f"{name}.assay"), "--workers", "2", *options])
    peak = 0
    while process.poll() is None:
        peak = max(peak, anonymous(process.pid))
        time.sleep(0.02)
    assert process.returncode == 0
    return peak


def anonymous(root: int) -> int:
    """Bytes of anonymous memory of a process and its descendants (Linux)."""
    found, total = [root], 0
    for pid in found:
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
            status = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue  # it ended meanwhile
        total += sum(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon:"))
    return total
