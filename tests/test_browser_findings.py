"""The page Findings in a real browser: a shoe store that shows three kinds of shoes, merged at a click and taken back."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

import assay
from assay.report import collect, render_report
from browsing import browser, decided, expect, open_project, watched
from fake_project import FakeProject
from serving import copy_project, served

pytestmark = [pytest.mark.xdist_group("browser")]

HELD = {"running shoe": "airplanes", "clog": "sunflower", "sandal": "Leopards"}  # what stands in for a class
HOLDER = "grand_piano"
A_CLASS = 24
SIDE = 160


@pytest.fixture(scope="module")
def store(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four classes of photographs; most pictures of the shoe store show one of the other three beside it."""
    place = tmp_path_factory.mktemp("store")

    def photos(name: str, n: int) -> list[Image.Image]:
        files = sorted((data_dir / "photos_600" / name).glob("*.jpg"))[:n]
        if len(files) < n:
            pytest.skip("photos_600 is not there")
        return [Image.open(file).convert("RGB").resize((SIDE, SIDE)) for file in files]

    rows = []

    def add(picture: Image.Image, label: str) -> None:
        path = place / f"{len(rows):03d}.png"
        picture.save(path)
        rows.append((str(path), label))

    shoes = {label: photos(name, A_CLASS + 10) for label, name in HELD.items()}
    for label, pictures in shoes.items():
        for picture in pictures[:A_CLASS]:
            add(picture, label)
    beside = [picture for several in zip(*(p[A_CLASS:] for p in shoes.values()), strict=True) for picture in several]
    for at, picture in enumerate(photos(HOLDER, 40)):
        if at < len(beside):
            both = Image.new("RGB", (2 * SIDE, SIDE))
            both.paste(picture, (0, 0))
            both.paste(beside[at], (SIDE, 0))
            picture = both
        add(picture, "shoe store")
    frame = pd.DataFrame(rows, columns=["image", "label"])
    output = place / "store.assay"
    assay.analyze(frame, image="image", label="label", output=output, progress="quiet", workers=1)
    return output


def test_the_report_proposes_the_group_and_one_action_merges_it(store: Path, tmp_path: Path) -> None:
    project = assay.open(copy_project(store, tmp_path / "store.assay"))
    (group,) = [f for f in project.insights() if f["check"] == "relation_group" and f["type"] == "has_a"]
    assert group["classes"]["holder"] == "shoe store"
    assert sorted(group["classes"]["held"]) == sorted(HELD)
    beside = project.issues("multi_label")  # all that the group rests on can be exported with both labels
    assert set(group["examples"]) <= set(beside["row_id"]) and len(beside) >= group["rows"]
    assert group["strength"] == pytest.approx(group["rows"] / 40) and group["low"] < group["strength"] < group["high"]
    assert group["message"] in Path(project.report(tmp_path / "report.md")).read_text().replace("\\", "")
    done = project.apply(group, "ann", alternative=True)
    assert done.entry is not None and done.entry.n_rows == 3 * A_CLASS
    assert set(project.column("corrected_label").to_pylist()) - {None} == {"shoe store"}
    project.undo(person="ann")
    assert project.decided == 0


def test_the_group_is_drawn_merged_and_restored_on_the_page(store: Path, tmp_path: Path) -> None:
    folder = copy_project(store, tmp_path / "store.assay")
    opened = assay.open(folder)
    with browser() as context, served(tmp_path / "home", tmp_path) as (address, _):
        page, wrong = watched(context)
        page.goto(address)
        open_project(page, folder)
        page.get_by_role("navigation", name="Pages of the project").get_by_role("link", name="Findings").click()
        graph = page.get_by_role("region", name="Related classes")
        graph.get_by_text("a group: appear together").wait_for()
        for name in ("shoe store", *HELD):
            graph.get_by_role("button", name=name).wait_for()
        graph.get_by_role("button", name="clog").click()
        page.get_by_text("about clog").wait_for()
        page.get_by_role("button", name="Show all").click()
        group = page.get_by_role("article", name="a group").first
        expect(group).to_contain_text("Rows of the class that show another one, too:")
        expect(group.get_by_role("group", name="Rows behind it").get_by_role("button").first).to_be_visible()
        expect(group.get_by_role("region", name="Rows of shoe store").get_by_role("button")).to_have_count(3)
        page.get_by_role("button", name=re.compile("^Export .*shoe store.* second label")).first.click()
        export = page.get_by_role("dialog", name="Export the dataset")
        expect(export.get_by_role("checkbox", name=re.compile("^Rows that hold two labels"))).to_be_checked()
        account = export.get_by_role("region", name="What the export does")
        assert len(opened.issues("multi_label")) > 0
        expect(account).to_contain_text(f"{len(opened.issues('multi_label'))} with both labels")
        export.get_by_label("Format").click()
        page.get_by_role("option", name=re.compile("^Folder of pictures")).click()
        expect(export.get_by_role("checkbox", name=re.compile("^Rows that hold two labels"))).to_be_disabled()
        export.get_by_role("button", name="Cancel").click()
        group.get_by_role("button", name="Merge").click()
        page.get_by_role("button", name=f"Do it: {3 * A_CLASS} rows").click()
        decided(page, 3 * A_CLASS)
        page.keyboard.press("Control+z")
        decided(page, 0)
        assert not wrong
    assert np.all(assay.open(folder).column("corrected_label").is_null().to_numpy(zero_copy_only=False))


def test_long_names_of_columns_stay_in_their_place_on_a_phone(tmp_path: Path) -> None:
    """On a phone each cell stands beside the name of its column; a name that is too long takes a second line."""
    n, name = 30, "assessment_unit_name_of_the_lake"
    values = {"row_id": list(range(n)), "is_outlier": [i == 3 for i in range(n)], "outlier_score": np.linspace(0, 1, n)}
    roles = {"features": [name, "x"]}
    project = FakeProject("table", values, pa.table({name: ["Hatch"] * n, "x": [1.5] * n}), classes=[], roles=roles)
    page_file = tmp_path / "report.html"
    page_file.write_text(render_report(collect(project)), encoding="utf-8")  # type: ignore[arg-type]
    with browser(viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        page.goto(page_file.as_uri())
        cell = page.locator(f".rows td[data-column='{name}']").first
        heights = [one.bounding_box()["height"] for one in (cell, page.locator(".rows td[data-column='x']").first)]
        assert heights[0] > 1.5 * heights[1]
        assert page.evaluate("document.documentElement.scrollWidth") == 390
