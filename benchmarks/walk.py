"""From a folder of pictures to fifty reviewed rows and an export, gesture by gesture: ``walk.py [--keep FOLDER]``.

In: the pictures of `make demo`, a Chromium. Out: a table of gestures with how long the page took to answer each, and how long a
practised person takes for them by the keystroke-level model. Exit code 1 where that is over two minutes, or where fewer than fifty
rows came out decided. Does not know: whether the decisions are right (the suggestion is taken where there is one).

The model (Card, Moran and Newell, CACM 1980): a key .28 s, pointing 1.10 s, a click .20 s, a thought 1.35 s. The run of the analysis is no
gesture and is waited for.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from browsing import browser  # noqa: E402
from serving import served  # noqa: E402

KEY, POINT, CLICK, THOUGHT = 0.28, 1.10, 0.20, 1.35  # s
ROWS, MOST = 50, 120.0


class Walk:
    """Gestures with their names, the answers timed."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, float, float]] = []  # what, s of the page, s of the person

    def step(self, what: str, person: float, do: Callable[[], None]) -> None:
        started = time.monotonic()
        do()
        self.lines.append((what, time.monotonic() - started, person))

    def click(self, what: str, target: Any, answer: Callable[[], Any]) -> None:
        def do() -> None:
            target.click()
            answer()

        self.step(what, THOUGHT + POINT + CLICK, do)


def demo_pictures(folder: Path) -> Path:
    spec = importlib.util.spec_from_file_location("demo", ROOT / "examples" / "digits.py")
    assert spec is not None and spec.loader is not None
    demo = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = demo  # where its dataclasses look for the names in their types
    spec.loader.exec_module(demo)
    demo.write_images(folder / "digits", random.Random(0))
    return folder / "digits"


def walk(page: Any, address: str, pictures: Path, downloads: Path) -> tuple[Walk, pd.DataFrame]:
    made = Walk()
    page.goto(address)
    new = page.get_by_role("button", name="New project").first
    path = page.get_by_role("textbox", name=re.compile("path on the server"))
    made.click("New project", new, path.wait_for)
    start = page.get_by_role("button", name="Find what is wrong")

    def paste() -> None:
        path.fill(str(pictures))
        page.keyboard.press("Enter")
        start.wait_for()

    made.step("paste the folder's path, Enter", THOUGHT + POINT + CLICK + 3 * KEY, paste)
    rail = page.get_by_role("navigation", name="What was found")
    start.click()
    rail.wait_for(timeout=600_000)
    made.lines.append(("Find what is wrong (its run not counted)", 0.0, THOUGHT + POINT + CLICK))
    issues = rail.get_by_role("button", name=re.compile("^Label issues "))
    first = page.locator("#cell-0")
    made.click("Label issues", issues, lambda: page.wait_for_url(re.compile("any=label")))
    heading = page.get_by_role("heading", name="Classes by probability")
    made.click("the first row", first, heading.wait_for)
    for at in range(1, ROWS + 1):
        said = page.get_by_text(f"{at} decided", exact=True)

        def press(said: Any = said) -> None:
            page.keyboard.press("w")
            said.wait_for()

        made.step(f"W: take the suggestion of row {at}", THOUGHT + KEY, press)
    dialog = page.get_by_role("dialog")
    export = dialog.get_by_role("button", name="Export", exact=True)
    made.click("Export", page.get_by_role("button", name="Export").first, export.wait_for)
    with page.expect_download() as download:
        made.click("Export (as it is offered)", export, lambda: None)
    target = downloads / download.value.suggested_filename
    download.value.save_as(target)
    return made, pd.read_parquet(target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--keep", type=Path, help="leave the pictures and the export here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-walk-") as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        pictures = demo_pictures(folder)
        home = Path(scratch) / "home"
        with (
            served(home, "--allow", folder, environment={"ASSAY_USER": "ann"}) as (address, _),
            browser(accept_downloads=True) as context,
        ):
            made, exported = walk(context.new_page(), address, pictures, folder)
    rows = [line for line in made.lines if line[0].startswith("W:")]
    others = [line for line in made.lines if not line[0].startswith("W:")]
    for what, page, person in others:
        print(f"{what:<44} page {page:6.2f} s   person {person:6.2f} s")
    answers = sorted(line[1] for line in rows)
    print(f"{'W, ' + str(len(rows)) + ' times':<44} page {answers[len(answers) // 2]:6.2f} s each (median)")
    person = sum(line[2] for line in made.lines)
    changed = int((exported["label"] != exported["path"].map(lambda path: Path(path).parent.name)).sum())
    print(
        f"{len(made.lines)} gestures, {person:.0f} s of a person; {changed} of {len(exported):,} exported rows relabelled"
    )
    return 0 if person <= MOST and len(rows) == ROWS else 1


if __name__ == "__main__":
    sys.exit(main())
