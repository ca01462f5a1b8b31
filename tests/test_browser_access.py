"""The page for everybody: no serious fault that axe-core knows, in light and dark; keys alone suffice; the last row can be reached.

axe-core comes with the package axe-playwright-python. The walk by keys presses nothing but keys.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import assay
from assay.server.workspace import project_id
from browsing import browser, decided, open_project, preset, row_numbers, shows, told, watched
from conftest import ROOT
from serving import copy_project, served

pytestmark = [pytest.mark.xdist_group("browser")]

MANY = 20_000
GRAVE = {"serious", "critical"}
DIALOG = "[role=dialog]"
DIALOGS = {  # of the review: by which button
    "Clean top …": "Clean the top of this list",
    "Add filter": "Add filter",
    "Export": "Export the dataset",
    "Help: all keys": "Keys",
}
PAINTED = """scheme => document.documentElement.dataset.mantineColorScheme === scheme
    && ![...document.querySelectorAll('.mantine-Skeleton-root, .mantine-Loader-root')].some(
        part => part.getBoundingClientRect().top < innerHeight)  // what lies below is loaded when it comes into sight
    && document.getAnimations().every(
        move => move.playState !== 'running' || move.effect.getTiming().iterations === Infinity)"""
PLANT = """() => {
    const words = Object.assign(document.createElement('p'), {textContent: 'dark on dark'})
    words.style.color = '#333'
    document.querySelector('main').append(words, document.createElement('img'))
}"""
# the element with the focus: where it lies, and whether anything is drawn that says so (text boxes have a caret)
FOCUS = """() => {
    const at = document.activeElement
    // of a segmented control the label is what is seen
    const box = (at.type === 'radio' && at.labels?.[0] ? at.labels[0] : at).getBoundingClientRect()
    const ring = element => [null, '::after'].some(part => {
        const style = getComputedStyle(element, part)
        return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
    })
    const near = at.matches('.grid') ? [...at.querySelectorAll('.current, .current *')] : [at, ...(at.parentElement?.children ?? [])]
    const name = at.getAttribute('aria-label') || at.labels?.[0]?.textContent || at.textContent
    return {
        tag: at.tagName, role: at.getAttribute('role') ?? '', name: name.trim(), href: at.getAttribute('href') ?? '',
        inside: box.width > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
        ring: near.some(ring) || at.matches('input, textarea'),
    }
}"""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A server of one folder, and the folder: each test puts a project of its own there."""
    place = tmp_path_factory.mktemp("shelf")
    with served(place / "home", place) as (address, _):
        yield address, place


@pytest.fixture
def project(shelf, digits_project, request) -> Path:
    return copy_project(digits_project, shelf[1] / f"{request.node.name}.assay")


@pytest.fixture
def screen() -> Iterator[Any]:
    """A page without moving parts; whatever goes wrong on it fails the test."""
    with browser(reduced_motion="reduce") as context:
        page, wrong = watched(context)
        yield page
        assert wrong == []


# axe-core -------------------------------------------------------------------------------------------------------------


class Faults:
    """What axe-core says about each screen that was looked at."""

    def __init__(self, page) -> None:
        axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install --group test")
        self.page, self.axe, self.found = page, axe.Axe(), {}

    def look(self, screen: str, part: str | None = None) -> None:
        """At the whole page, or at a part of it; in dark only at the contrasts, for nothing else is another."""
        for scheme, only in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            self.page.emulate_media(color_scheme=scheme)
            self.page.wait_for_function(PAINTED, arg=scheme)
            answer = self.axe.run(self.page, context=part, options={"resultTypes": ["violations"]} | only)
            for fault in answer.response["violations"]:
                if fault["impact"] in GRAVE:
                    where = [(node["html"][:160], node["failureSummary"]) for node in fault["nodes"][:3]]
                    self.found[f"{screen}, {scheme}: {fault['id']}"] = where


def test_the_look_finds_what_is_planted(screen, shelf):
    """Else the other tests could be empty."""
    faults = Faults(screen)
    screen.goto(shelf[0])
    screen.get_by_role("heading", name="Projects").wait_for()
    screen.evaluate(PLANT)
    faults.look("planted")
    assert faults.found.keys() == {"planted, light: image-alt", "planted, dark: color-contrast"}


def close(page) -> None:
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")


def go_to(page, title: str) -> None:
    page.get_by_role("navigation", name="Pages of the project").get_by_role("link", name=title).click()


def open_first(page) -> None:
    row_numbers(page, 1)
    page.locator("#cell-0").click()
    there = page.get_by_role("complementary", name="The open row")
    there.get_by_role("heading", name="History").wait_for()


def test_the_list_of_projects_has_no_serious_fault(screen, shelf, project):
    faults = Faults(screen)
    screen.route("**/api/v1/projects", lambda route: route.fulfill(json=[]))
    screen.goto(shelf[0])
    screen.get_by_text("Begin with your data").wait_for()
    faults.look("no projects")
    screen.get_by_role("button", name="New project").first.click()
    screen.get_by_role("dialog", name="New project").wait_for()
    faults.look("new project", DIALOG)
    screen.unroute("**/api/v1/projects")
    screen.goto(shelf[0])
    screen.get_by_role("listitem").first.wait_for()
    faults.look("projects")
    assert faults.found == {}


def test_the_review_has_no_serious_fault(screen, shelf, project):
    faults = Faults(screen)
    screen.goto(shelf[0])
    open_project(screen, project)
    faults.look("review")
    open_first(screen)
    faults.look("an open row")
    screen.keyboard.press("n")
    told(screen, "Tagged 1 row")
    screen.keyboard.press("w")
    decided(screen, 1)
    faults.look("a decided row and the message")
    screen.get_by_role("listbox", name="Rows").focus()
    screen.keyboard.press("Control+a")
    screen.get_by_role("toolbar").wait_for()
    faults.look("selected rows")
    screen.get_by_role("toolbar").get_by_role("button", name="Accept").click()
    screen.get_by_role("button", name="Do it").wait_for()
    screen.get_by_text("Every suggestion", exact=True).click()
    screen.get_by_role("region", name="Rows that change", exact=True).last.wait_for()
    faults.look("preview", DIALOG)
    close(screen)
    for button, dialog in DIALOGS.items():
        screen.get_by_role("button", name=button, exact=True).click()
        screen.get_by_role("dialog", name=dialog).wait_for()
        faults.look(dialog, DIALOG)
        close(screen)
    assert faults.found == {}


def test_the_other_pages_have_no_serious_fault(screen, shelf, project):
    faults = Faults(screen)
    screen.goto(shelf[0])
    open_project(screen, project)
    open_first(screen)
    screen.keyboard.press("w")
    decided(screen, 1)
    go_to(screen, "Charts")
    screen.get_by_role("region", name="Most suggested corrections").get_by_role("button").first.wait_for()
    screen.get_by_role("img", name=re.compile("^Histogram of")).wait_for()
    faults.look("charts")
    go_to(screen, "Map")
    screen.get_by_role("img", name=re.compile("^Map of")).wait_for()
    faults.look("map")
    go_to(screen, "Compare classes")
    screen.locator("button.pair").first.wait_for()
    faults.look("pairs of classes")
    screen.locator("button.pair").first.click()
    screen.get_by_role("heading", name="Typical").first.wait_for()
    faults.look("compared classes")
    go_to(screen, "History")
    screen.get_by_role("main").get_by_role("table").wait_for()
    faults.look("history")
    screen.get_by_role("button", name="Rows").first.click()
    screen.get_by_role("region", name="Rows of the entry").wait_for()
    faults.look("an entry", DIALOG)
    close(screen)
    go_to(screen, "Overview")
    screen.get_by_role("region", name="Worst classes").get_by_role("button").first.wait_for()
    faults.look("overview")
    go_to(screen, "Findings")
    screen.get_by_role("main").get_by_role("article").first.wait_for()
    faults.look("findings")
    assert faults.found == {}


def test_the_parts_beside_the_rows_have_no_serious_fault(screen, shelf, project):
    """The first steps, narrowing, saved views, the map and the sets, copies compared, and the legend of the letters."""
    faults = Faults(screen)
    screen.goto(shelf[0])
    open_project(screen, project)
    rail = screen.get_by_role("navigation", name="What was found")
    screen.get_by_role("region", name="First steps").get_by_role("button", name="Next").click()
    rail.get_by_text("Narrow by").click()
    rail.get_by_role("slider").first.wait_for()
    faults.look("the rail, narrowing and first steps", "nav.rail")
    screen.get_by_role("button", name="Views").click()
    screen.get_by_role("textbox", name="Name of this view").fill("mine")
    screen.keyboard.press("Enter")
    told(screen, "Saved as")
    screen.get_by_role("button", name="Views").click()
    screen.get_by_role("button", name="mine", exact=True).wait_for()
    faults.look("saved views", DIALOG)
    screen.keyboard.press("Escape")
    screen.get_by_text("Map", exact=True).last.click()
    screen.get_by_role("region", name="Map of these rows").get_by_text("301 points").wait_for()
    faults.look("the map beside the rows")
    preset(screen, "Near duplicates").click()
    screen.get_by_role("article").first.get_by_role("button", name="Compare").click()
    screen.get_by_role("dialog", name="Compare copies").locator("polygon").first.wait_for()
    faults.look("copies compared", DIALOG)
    close(screen)
    faults.look("sets of copies")
    preset(screen, "Label issues").click()
    open_first(screen)
    screen.get_by_text("What the letters on rows mean").click()
    faults.look("the legend of the letters", ".resolver")
    screen.get_by_text("Table", exact=True).click()
    screen.get_by_role("button", name=re.compile("^Given.*sort$")).wait_for()
    faults.look("pictures as a table")
    assert faults.found == {}, faults.found


def small(modality: str, place: Path) -> Path:
    """Ninety rows of three classes, one of them under a wrong label, and a model of one's own."""
    rng = np.random.default_rng(0)
    codes = np.arange(90) % 3
    vectors = np.eye(3)[codes] * 4 + rng.normal(size=(90, 3))
    probs = np.exp(2 * vectors) / np.exp(2 * vectors).sum(1, keepdims=True)
    frame = pd.DataFrame({"label": np.array(["a", "b", "c"])[codes]})
    frame.loc[4, "label"] = "a"
    if modality == "text":
        frame.insert(0, "text", [f"row number {n} says hello to ann{n}@example.org" for n in range(90)])
    else:
        frame = frame.assign(age=rng.integers(20, 60, 90), town=np.where(codes == 1, "", "Ulm"))
    return Path(
        assay.analyze(
            frame, label="label", modality=modality, pred_probs=probs.astype(np.float32), embeddings=vectors, output=place, progress="quiet"
        ).path
    )  # fmt: skip


@pytest.mark.parametrize("modality", ["text", "table"])
def test_rows_of_texts_and_tables_have_no_serious_fault(screen, shelf, modality):
    mine = small(modality, shelf[1] / f"{modality}.assay")
    faults = Faults(screen)
    screen.goto(shelf[0])
    open_project(screen, mine)
    open_first(screen)
    faults.look(modality)
    assert faults.found == {}


# keys alone -----------------------------------------------------------------------------------------------------------


def focus(page) -> dict[str, Any]:
    """What has the focus; it can be seen, and it is not lost."""
    at = page.evaluate(FOCUS)
    assert at["tag"] != "BODY", "the focus is lost"
    assert at["inside"] and at["ring"], f"the focus cannot be seen: {at}"
    return at


def tab_to(page, fits: Callable[[dict[str, Any]], bool], key: str = "Tab") -> None:
    """Past the last stop the page begins anew, once."""
    rounds = 0
    for pressed in range(120):
        at = page.evaluate(FOCUS)
        if at["tag"] == "BODY":
            rounds += 1
            assert rounds <= 2, "the focus is lost"
        elif at["tag"] != "H1" and fits(focus(page) if pressed else at):  # a page may begin with it, unseen until a key
            return
        page.keyboard.press(key)
    raise AssertionError("no end of tabs")


def test_from_the_projects_to_decided_rows_and_back_by_keys_alone(screen, shelf, project):
    screen.goto(shelf[0])
    screen.get_by_role("listitem").first.wait_for()
    tab_to(screen, lambda at: at["href"].startswith(f"/p/{project_id(project)}/"))
    screen.keyboard.press("Enter")
    first, second, third = row_numbers(screen, 3)
    tab_to(screen, lambda at: at["role"] == "listbox")
    screen.keyboard.press("ArrowRight")
    screen.keyboard.press("Enter")
    opened = screen.get_by_role("complementary", name="The open row")
    opened.get_by_role("heading", name="History").wait_for()
    screen.wait_for_url(re.compile(rf"row={second}\b"))
    focus(screen)
    screen.keyboard.press("ArrowLeft")
    screen.wait_for_url(re.compile(rf"row={first}\b"))
    opened.get_by_text(re.compile("^1 of ")).wait_for()
    for n, key in enumerate("weq", 1):
        screen.keyboard.press(key)
        decided(screen, n)
        assert focus(screen)["role"] == "listbox"
    screen.keyboard.press("Control+z")
    decided(screen, 2)
    focus(screen)
    screen.keyboard.press("Escape")
    opened.wait_for(state="hidden")
    assert focus(screen)["role"] == "listbox"
    for row in (first, second):
        screen.locator(f'.cell.decided[data-row="{row}"]').wait_for()
    assert screen.locator(f'.cell.decided[data-row="{third}"]').count() == 0
    tab_to(screen, lambda at: at["name"] == "All projects", "Shift+Tab")
    screen.keyboard.press("Enter")
    screen.get_by_role("heading", name="Projects").wait_for()
    screen.get_by_role("listitem").filter(has_text="2 of ").wait_for()


def test_from_the_overview_to_an_exported_file_by_keys_alone(screen, shelf, project):
    """Overview, filter, bulk, copies, export: nothing but keys is pressed."""
    screen.goto(shelf[0])
    screen.get_by_role("listitem").first.wait_for()
    tab_to(screen, lambda at: at["href"].startswith(f"/p/{project_id(project)}/"))
    screen.keyboard.press("Enter")
    row_numbers(screen, 1)
    tab_to(screen, lambda at: at["name"] == "Overview", "Shift+Tab")
    screen.keyboard.press("Enter")
    screen.get_by_role("region", name="What to do next").get_by_role("button").first.wait_for()
    n = len(assay.open(project).flagged("label"))
    tab_to(screen, lambda at: at["name"].startswith(f"Look at {n} rows with a label issue"))
    screen.keyboard.press("Enter")
    shows(screen, n)
    # another filter on top
    tab_to(screen, lambda at: at["name"] == "Add filter")
    screen.keyboard.press("Enter")
    screen.get_by_role("option", name="Given", exact=True).wait_for()
    screen.keyboard.type("Given")
    screen.keyboard.press("Enter")
    field = screen.get_by_role("dialog", name="Add filter").get_by_role("combobox", name="Given")
    field.wait_for()
    screen.wait_for_function("() => document.activeElement.matches('[role=dialog] input')")
    given = assay.open(project).issues("label")["given_label"].iloc[0]
    screen.keyboard.type(given)
    screen.keyboard.press("Enter")  # takes it
    screen.keyboard.press("Enter")  # shows it
    screen.get_by_role("button", name=f"Remove the filter Given: {given}").wait_for()
    few = int((assay.open(project).issues("label")["given_label"] == given).sum())
    shows(screen, few)
    # all of them at once
    tab_to(screen, lambda at: at["role"] == "listbox")
    screen.keyboard.press("Control+a")
    tab_to(screen, lambda at: at["name"] == "Accept")
    screen.keyboard.press("Enter")
    dialog = screen.get_by_role("dialog", name=re.compile("^Accept the suggestions"))
    dialog.get_by_role("button", name=re.compile("Do it: |Nothing to do")).wait_for()
    tab_to(screen, lambda at: at["name"] == "Only the safe ones")
    screen.keyboard.press("ArrowRight")  # every suggestion
    tab_to(screen, lambda at: at["name"].startswith(f"Do it: {few} row"))
    screen.keyboard.press("Enter")
    decided(screen, few)
    # the copies
    tab_to(screen, lambda at: at["name"].startswith("Near duplicates"))
    screen.keyboard.press("Enter")
    screen.get_by_role("article").first.wait_for()
    tab_to(screen, lambda at: at["name"] == "Keep the ticked one, leave the others out")
    screen.keyboard.press("Enter")
    decided(screen, few + 1)
    # the file
    tab_to(screen, lambda at: at["name"] == "Export", "Shift+Tab")
    screen.keyboard.press("Enter")
    dialog = screen.get_by_role("dialog", name="Export the dataset")
    dialog.get_by_role("region", name="What the export does").wait_for()
    tab_to(screen, lambda at: at["name"] == "Export")
    with screen.expect_download() as download:
        screen.keyboard.press("Enter")
    frame = pd.read_parquet(download.value.path())
    assert len(frame) == len(assay.open(project)) - 1
    moved = frame["label"] != frame["path"].map(lambda path: Path(path).parent.name)
    assert moved.sum() == few


def test_each_tab_stop_beside_an_open_row_can_be_seen(screen, shelf, project):
    screen.goto(shelf[0])
    open_project(screen, project)
    open_first(screen)
    screen.get_by_role("link", name="All projects").focus()
    names = []
    for _ in range(120):
        screen.keyboard.press("Tab")
        if screen.evaluate("document.activeElement === document.body"):  # past the last one
            break
        names.append(focus(screen)["name"])
    assert 40 < len(names) < 120
    assert all(names), names
    for name in ("Review", "Export", "Add filter", "Rows", "Zoom in", "Close the row (Esc)"):
        assert name in names


def test_the_last_of_many_rows_can_be_reached_and_says_where_it_stands(screen, shelf, tmp_path):
    spec = importlib.util.spec_from_file_location("big_project", ROOT / "benchmarks" / "big_project.py")
    big = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(big)
    big.make(shelf[1] / "many.assay", MANY, 50)
    picture = tmp_path / "grey.png"
    Image.new("RGB", (8, 8), "grey").save(picture)
    screen.route(re.compile("/(thumbs|images)/"), lambda route: route.fulfill(path=picture))  # made-up rows have none
    screen.goto(shelf[0])
    open_project(screen, shelf[1] / "many.assay")
    tab_to(screen, lambda at: at["role"] == "listbox")
    for key, place in (("End", MANY), ("Home", 1), ("End", MANY)):
        screen.keyboard.press(key)
        cell = screen.locator(f"#cell-{place - 1}[data-row]")
        cell.wait_for()
        assert screen.get_by_role("listbox", name="Rows").get_attribute("aria-activedescendant") == f"cell-{place - 1}"
        assert (cell.get_attribute("aria-posinset"), cell.get_attribute("aria-setsize")) == (str(place), str(MANY))
        assert screen.evaluate(
            "place => { const cell = document.getElementById('cell-' + (place - 1)).getBoundingClientRect(), "
            "grid = document.querySelector('.grid').getBoundingClientRect(); "
            "return cell.top >= grid.top - 1 && cell.bottom <= grid.bottom + 1 }",
            place,
        )
        focus(screen)
    screen.keyboard.press("Enter")
    screen.get_by_role("complementary", name="The open row").get_by_text("20,000 of 20,000").wait_for()


@pytest.mark.parametrize(
    ("key", "typed", "end"),
    [("l", "", "Escape"), ("l", "e", "Enter"), ("t", "", "Escape"), ("t", "odd", "Control+Enter")],
)
def test_a_field_that_was_left_gives_the_focus_back(screen, shelf, project, key, typed, end):
    screen.goto(shelf[0])
    open_project(screen, project)
    open_first(screen)
    screen.get_by_role("listbox", name="Rows").focus()
    screen.keyboard.press(key)
    assert focus(screen)["tag"] in ("INPUT", "TEXTAREA")
    screen.keyboard.type(typed)
    screen.keyboard.press(end)
    screen.wait_for_function("() => !document.activeElement.matches('input, textarea')")
    screen.wait_for_function("() => document.activeElement !== document.body", timeout=5_000)
    focus(screen)


@pytest.mark.parametrize("opener", ["h", "Control+a e", "Control+a e Enter"])
def test_a_dialog_that_closes_gives_the_focus_back(screen, shelf, project, opener):
    screen.goto(shelf[0])
    open_project(screen, project)
    screen.get_by_role("listbox", name="Rows").focus()
    for key in opener.split():
        screen.keyboard.press(key)
        if key in "he":
            screen.get_by_role("dialog").wait_for()
            screen.wait_for_function("() => document.activeElement.matches('[role=dialog] *')")
            if key == "e":
                screen.get_by_role("button", name="Do it: ").wait_for()
                screen.wait_for_function("() => document.activeElement.textContent.startsWith('Do it')")
    if not opener.endswith("Enter"):
        screen.keyboard.press("Escape")
    screen.get_by_role("dialog").wait_for(state="hidden")
    screen.wait_for_function("() => document.activeElement !== document.body", timeout=5_000)
    focus(screen)


def test_another_page_of_the_app_begins_with_the_focus_in_it(screen, shelf, project):
    screen.goto(shelf[0])
    screen.get_by_role("listitem").first.wait_for()
    tab_to(screen, lambda at: at["href"].startswith(f"/p/{project_id(project)}/"))
    screen.keyboard.press("Enter")
    row_numbers(screen, 1)
    screen.wait_for_function("() => document.activeElement !== document.body", timeout=5_000)
    tab_to(screen, lambda at: at["name"] == "All projects")
    screen.keyboard.press("Enter")
    screen.get_by_role("heading", name="Projects").wait_for()
    screen.wait_for_function("() => document.activeElement !== document.body", timeout=5_000)
