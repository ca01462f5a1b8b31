"""Small, narrow, repeated, constant and one-class data, and the whole pipeline on it without worker processes.

In: draws of hypothesis. Out: `Odd` data; `analyze_here`, a run's record and its project. Used by ``test_odd_data`` and by
``benchmarks/odd_data.py``. Does not know: what is right beyond "it finishes, every check has a state, every row is there".
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from PIL import Image

import assay.analysis.run as analysis_run
from assay.analysis.progress import Progress
from assay.analysis.settings import make_settings
from assay.issues import isolation
from assay.predict.trees import TREES
from assay.sources import open_source
from assay.storage import Folder
from in_this_process import in_this_process

VALUES = (
    ["a"],
    ["a", "b"],
    ["a", "A", "a "],
    ["", "a"],
    [None],
    [0.0],
    [0.0, 1e300],
    [1e-300, -1e-300],
    [float("nan"), 1.0],
    [1, 2, 3],
    ["1", "x", "-"],
    ["2024-01-31", "2024-02-01"],
    ["?", "n/a", "-"],
    [True, False],
    [2**60, 2**60 + 1],
)
TEXTS = (
    ["good film"],
    ["good film", "bad film"],
    ["", " ", "?!"],
    ["很好用", "太差了"],
    ["x" * 3000, "y"],
    ["👍", "👎👎"],
    ["a b c d e f g", "A b c d e f g!"],
    ["1", "2", "3"],
)
CLASSES: tuple[list[Any], ...] = (
    ["p"],
    ["p", "n"],
    ["p", None],
    ["p", "n", "q", "r"],
    [1, 2],
    [None],
    ["p"] * 9 + ["n"],
)


def analyze_here(data: Any, output: Path, **roles: Any) -> dict[str, Any]:
    """The record of a run of every stage in this process."""
    settings = make_settings(task="auto", seed=0, effort="regular", encoders=[], workers=1, memory=None, debug=True)
    with (
        in_this_process(),
        patch.dict(TREES, dict.fromkeys(TREES, 3)),  # the same code, and most of the time of a run of ten rows
        patch.object(isolation, "TREES", 10),
    ):
        return analysis_run.analyze_source(open_source(data, **roles), Folder(output), settings, Progress("quiet"))


def _column(draw: Any, values: Sequence[Any], n: int) -> list[Any]:
    if draw(st.booleans()):
        return [values[row % len(values)] for row in range(n)]
    return draw(st.lists(st.sampled_from(list(values)), min_size=n, max_size=n))


@st.composite
def tables(draw: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    """1 to 40 rows of one to three columns, most of a value or two."""
    n = draw(st.sampled_from([1, 2, 3, 5, 8, 13, 24, 40]))
    numbers = st.lists(st.sampled_from([0.0, 1.0, 2.5, -3.0, float("nan")]), min_size=n, max_size=n)
    frame: dict[str, list[Any]] = {}
    for name in draw(st.sampled_from([["x"], ["x", "y"], ["x", "y", "z"]])):
        frame[name] = draw(numbers) if draw(st.integers(0, 3)) == 0 else _column(draw, draw(st.sampled_from(VALUES)), n)
    frame["label"] = _column(draw, draw(st.sampled_from(CLASSES)), n)
    if draw(st.integers(0, 4)) == 0:
        frame["split"] = _column(draw, ["train", "test"], n)
    return pd.DataFrame(frame), {"modality": "table"}


@st.composite
def texts(draw: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    """1 to 13 texts, many of them the same."""
    n = draw(st.sampled_from([1, 2, 3, 5, 13]))
    frame = {
        "text": _column(draw, draw(st.sampled_from(TEXTS)), n),
        "label": _column(draw, draw(st.sampled_from(CLASSES)), n),
    }
    return pd.DataFrame(frame), {"text": "text"}


def _picture(size: tuple[int, int], kind: str, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    shape = (size[1], size[0], 3)
    plain = {"black": 0, "white": 255, "grey": 128}
    pixels = np.full(shape, plain[kind], np.uint8) if kind in plain else rng.integers(0, 256, shape, dtype=np.uint8)
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "PNG")
    return sink.getvalue()


@st.composite
def pictures(draw: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    """1 to 8 pictures: plain, noise, one pixel, long, broken."""
    n = draw(st.sampled_from([1, 2, 3, 8]))
    kinds = draw(st.sampled_from([["black"], ["noise"], ["black", "white", "grey"], ["noise", "broken"]]))
    sizes = draw(st.sampled_from([[(1, 1)], [(32, 32)], [(3, 200), (200, 3)], [(17, 40), (32, 32)]]))
    same = draw(st.booleans())
    blobs = []
    for row in range(n):
        kind = kinds[row % len(kinds)]
        made = _picture(sizes[row % len(sizes)], "grey" if kind == "broken" else kind, 0 if same else row)
        blobs.append(made[: len(made) // 2] if kind == "broken" else made)
    frame = {"picture": blobs, "label": _column(draw, draw(st.sampled_from(CLASSES)), n)}
    return pd.DataFrame(frame), {"image": "picture"}
