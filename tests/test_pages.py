"""Pages on one template, scanned a second time: found whether or not they lie as they lay before.

Oracles: which page was scanned twice; the turn that was given to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

import assay
from assay.duplicates.images import image_candidates, page_thumbnail
from assay.encode import pixels

Gray = NDArray[np.uint8]


def receipt(seed: int) -> Gray:
    rng = np.random.default_rng(seed)
    page = np.full((640, 420), 250, np.uint8)

    def write(text: str, x: int, y: int) -> None:
        cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.55, 20, 1, cv2.LINE_AA)

    write("HARBOUR MART", 120, 50)
    for line in range(7):
        write(("RICE", "OIL", "SOAP", "TEA")[line % 4], 40, 130 + 30 * line)
        write(f"{rng.integers(100, 9_000) / 100:8.2f}", 290, 130 + 30 * line)
    write(f"TOTAL {rng.integers(9_000, 90_000) / 100:22.2f}", 40, 400)
    write("THANK YOU", 150, 560)
    return page


def scan(page: Gray, seed: int, *, angle: float = 0, move: tuple[int, int] = (0, 0), light: float = 1) -> Gray:
    turned = Image.fromarray(page).rotate(angle, Image.Resampling.BICUBIC, translate=move, fillcolor=250)
    noise = np.random.default_rng(1000 + seed).normal(0, 4, page.shape)
    return np.clip(np.asarray(turned, np.float32) * light + noise, 0, 255).astype(np.uint8)


def alike(a: Gray | None, b: Gray | None) -> float:
    assert a is not None and b is not None
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.mark.parametrize("how", [{"angle": 5.0}, {"angle": -2.3, "light": 0.93}, {"move": (5, -4)}])
def test_the_thumbnail_of_a_page_is_the_same_however_it_lies(how: dict[str, Any]) -> None:
    page = receipt(0)
    one, two, other = (page_thumbnail(scan(*of)) for of in ((page, 0), (page, 1), (receipt(1), 2)))
    again = page_thumbnail(scan(page, 3, **how))
    assert alike(one, again) > 0.9
    assert alike(one, again) > alike(one, other) and alike(one, two) > 0.95


def test_a_photograph_and_an_empty_page_have_no_thumbnail_of_a_page() -> None:
    assert page_thumbnail(pixels.luma(np.asarray(load_sample_images().images[0], np.uint8))) is None
    assert page_thumbnail(np.full((300, 200), 240, np.uint8)) is None
    assert page_thumbnail(np.full((1, 1), 240, np.uint8)) is None


def candidates(scans: list[Gray], *, reopened: bool) -> set[tuple[int, int]]:
    tiny = np.stack([pixels.tiny(np.repeat(x[..., None], 3, 2)) for x in scans])
    graph = np.full((len(scans), 15), -1, np.int32)

    def pages(rows: NDArray[np.int64]) -> dict[int, Gray]:
        found = {row: page_thumbnail(scans[row]) for row in rows.tolist()}
        return {row: page for row, page in found.items() if page is not None}

    pairs, _ = image_candidates(
        tiny, graph, np.full(graph.shape, np.inf, np.float32), pages=pages if reopened else None, threads=1
    )
    assert len(pairs) <= 8 * len(scans)
    return {(int(a), int(b)) for a, b in pairs}


@pytest.mark.parametrize("how", [{"angle": 4.0}, {"angle": -1.5}, {"move": (3, -3), "light": 0.93}])
def test_second_scans_that_lie_otherwise_are_candidates_among_many_pages_on_one_template(how: dict[str, Any]) -> None:
    pages = [receipt(at) for at in range(48)]
    scans = [scan(page, at) for at, page in enumerate(pages)]
    scans += [scan(pages[at], 200 + at, **how) for at in range(0, 48, 8)]
    true = {(8 * at, 48 + at) for at in range(6)}
    assert len(true & candidates(scans, reopened=True)) >= 5


@pytest.mark.usefixtures("here")
def test_an_analysis_joins_second_scans_and_keeps_other_pages_on_the_template_apart(tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    for at in range(16):
        Image.fromarray(scan(receipt(at), at)).save(folder / f"{at:02d}.png")
        if at % 8 == 0:
            Image.fromarray(scan(receipt(at), 200 + at, angle=3)).save(folder / f"{at:02d}_again.png")
    project = assay.analyze(folder, output=tmp_path / "scans.assay")
    table = project.results(columns=["near_duplicate_cluster_id"])
    clusters: dict[int, set[str]] = {}
    for name, of in zip(table["row_id"].to_pylist(), table["near_duplicate_cluster_id"].to_pylist(), strict=True):
        if of is not None:
            clusters.setdefault(of, set()).add(name)
    found = {frozenset(names) for names in clusters.values()}
    true = {frozenset({f"{at:02d}.png", f"{at:02d}_again.png"}) for at in range(0, 16, 8)}
    assert found == true
