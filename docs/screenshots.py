"""Pictures of every page of the review app, light and dark. ``screenshots.py OUTPUT [DATA]``

In: the folder of development datasets (photographs of Caltech-101, CC BY 4.0; questions of banking77, CC BY 4.0; hospital records of
the Raha benchmark, Apache-2.0). Out: PNG files in OUTPUT; with ``--publish`` the five of the documentation as JPEG in docs/images.
Does not know: how a page is made.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from playwright.sync_api import sync_playwright

import assay

HERE = Path(__file__).resolve().parent
DATA = HERE.parent.parent / "shared" / "data"
PUBLISHED = ("review-light", "resolver-dark", "charts-light", "preview-light", "text-dark")
WRONG = 0.06  # share of labels that are made wrong, so that there is something to see


def photographs(data: Path, place: Path) -> Path:
    """Class folders of the photographs, some of them in a wrong one."""
    rng = np.random.default_rng(3)
    folders = sorted(path for path in (data / "photos_600").iterdir() if path.is_dir())
    for at, folder in enumerate(folders):
        for file in sorted(folder.iterdir()):
            other = (at + int(rng.integers(1, len(folders)))) % len(folders) if rng.random() < WRONG else at
            target = place / folders[other].name / f"{folder.name[:3]}-{file.name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    return place


def questions(data: Path, place: Path) -> Path:
    frame = pd.read_csv(data / "banking77" / "test.csv")
    return _with_wrong_labels(frame, frame.columns[-1], place / "questions.csv")


def records(data: Path, place: Path) -> Path:
    frame = pd.read_csv(data / "tabular_hospital" / "clean.csv").drop(columns=["index"], errors="ignore")
    return _with_wrong_labels(frame, "condition", place / "hospital.csv")


def _with_wrong_labels(frame: pd.DataFrame, label: str, file: Path) -> Path:
    rng = np.random.default_rng(4)
    wrong = rng.random(len(frame)) < WRONG
    frame.loc[wrong, label] = rng.permutation(frame.loc[wrong, label].to_numpy())
    frame.to_csv(file, index=False)
    return file


@contextmanager
def server(workspace: Path, home: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "assay", "serve", str(workspace), "--no-browser", "--home", str(home)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"ASSAY_USER": "ann"})
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def take(page: Any, address: str, scheme: str, output: Path) -> None:
    """Every page once."""
    base = address.split("/?", maxsplit=1)[0]

    page.goto(address)
    page.get_by_role("link", name="photos").wait_for()
    links = {
        a.inner_text().split("\n")[0]: a.get_attribute("href") for a in page.get_by_role("link").all() if a.inner_text()
    }
    photos = base + next(href for name, href in links.items() if name.startswith("photos"))
    shot_now(page, output, f"projects-{scheme}")

    def review(query: str = "?any=label", project: str = photos) -> None:
        page.goto(project.split("?", maxsplit=1)[0] + query)
        page.get_by_role("listbox", name="Rows").get_by_role("option").first.wait_for()

    review()
    shot_now(page, output, f"review-{scheme}")
    page.keyboard.press("Control+a")
    page.get_by_role("toolbar").get_by_role("button", name="Accept").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Do it")).wait_for()
    shot_now(page, output, f"preview-{scheme}")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.get_by_role("listbox", name="Rows").get_by_role("option").nth(1).click()
    page.get_by_role("heading", name="Classes by probability").wait_for()
    shot_now(page, output, f"resolver-{scheme}")
    review("?any=near_duplicate")
    page.get_by_role("listbox", name="Rows").get_by_role("option").first.click()
    page.get_by_role("heading", name="Classes by probability").wait_for()
    shot_now(page, output, f"duplicates-{scheme}")
    review("")
    for tab in ("Findings", "Charts", "Map", "Compare classes", "History"):
        page.get_by_role("link", name=tab).click()
        page.get_by_role("heading", level=1).first.wait_for()
        page.wait_for_timeout(2_500)
        shot_now(page, output, f"{tab.split()[0].lower()}-{scheme}")
    review()
    page.get_by_role("button", name="Export").first.click()
    page.get_by_role("dialog").wait_for()
    shot_now(page, output, f"export-{scheme}")
    for name, short in (("questions", "text"), ("hospital", "table")):
        review(project=base + next(href for link, href in links.items() if link.startswith(name)))
        page.get_by_role("listbox", name="Rows").get_by_role("option").first.click()
        page.get_by_role("heading", name="Classes by probability").wait_for()
        shot_now(page, output, f"{short}-{scheme}")


def shot_now(page: Any, output: Path, name: str) -> None:
    page.wait_for_timeout(900)
    page.screenshot(path=output / f"{name}.png")


def publish(output: Path) -> None:
    """The pictures of the documentation, small enough to be kept."""
    target = HERE / "images"
    target.mkdir(exist_ok=True)
    for name in PUBLISHED:
        Image.open(output / f"{name}.png").convert("RGB").save(target / f"{name}.jpg", quality=86, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("--publish", action="store_true")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    browser = os.environ.get("ASSAY_TEST_BROWSER") or shutil.which("chromium")
    with tempfile.TemporaryDirectory(prefix="assay-screenshots-") as folder:
        scratch = Path(folder)
        workspace = scratch / "projects"
        makers: dict[str, tuple[Callable[[Path, Path], Path], dict[str, str]]] = {
            "photos": (photographs, {}),
            "questions": (questions, {}),
            "hospital": (records, {"label": "condition"}),
        }
        for name, (make, options) in makers.items():
            source = scratch / name
            source.mkdir()
            assay.analyze(make(given.data, source), output=workspace / f"{name}.assay", progress="quiet", **options)
        project = assay.open(workspace / "photos.assay")
        project.decide("auto-fix", rows=project.flagged("label")[:8].tolist(), person="ann")
        project.decide("exclude", rows=project.flagged("near_duplicate")[:3].tolist(), person="bob")
        with server(workspace, scratch / "home") as address, sync_playwright() as driver:
            started = driver.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
            for scheme in ("light", "dark"):
                context = started.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
                page = context.new_page()
                page.on("pageerror", lambda error: print("page error:", error))
                take(page, address, scheme, given.output)
            started.close()
    if given.publish:
        publish(given.output)


if __name__ == "__main__":
    main()
