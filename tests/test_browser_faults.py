"""What a first user stumbled over, one test a fault: previews, filters and keys, open counts.

Three hundred scanned digits with fifteen planted wrong labels and a copy of one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import assay
from browsing import browser, decided, expect, open_project, preset, row_numbers, shows, told, watched
from serving import copy_project, served

pytestmark = [pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def projects(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A server of one folder, and the folder: each test puts a project of its own there."""
    place = tmp_path_factory.mktemp("faults")
    with served(place / "home", place) as (address, _):
        yield address, place


@pytest.fixture
def project(projects, digits_project, request) -> Path:
    name = re.sub(r"\W+", "-", request.node.name)[:60]
    return copy_project(digits_project, projects[1] / f"{name}.assay")


@pytest.fixture
def review(projects, project) -> Iterator[Any]:
    with browser() as context:
        page, wrong = watched(context)
        page.goto(projects[0])
        open_project(page, project)
        yield page
        assert wrong == []


def see(page: Any, query: str) -> None:
    page.goto(page.url.split("?")[0] + query)
    page.get_by_role("listbox", name="Rows").get_by_role("option").first.wait_for()


def accept_all(page: Any) -> Any:
    """The preview of accepting every row's suggestion."""
    page.get_by_role("listbox", name="Rows").focus()
    page.keyboard.press("Control+a")
    page.get_by_role("toolbar").get_by_role("button", name="Accept").click()
    dialog = page.get_by_role("dialog", name=re.compile("Accept the suggestions"))
    dialog.get_by_role("button", name=re.compile("Do it: |Nothing to do")).wait_for()
    return dialog


# the preview ----------------------------------------------------------------------------------------------------------


def test_the_preview_shows_each_row_by_picture_and_id_and_from_what_to_what_it_changes(review, project):
    ids = set(assay.open(project).issues("label")["row_id"])
    dialog = accept_all(review)
    dialog.get_by_text("Every suggestion", exact=True).click()
    lines = dialog.get_by_role("region", name="Rows that change").last.get_by_role("listitem")
    lines.nth(3).wait_for()
    for line in lines.all()[:4]:
        assert line.locator(".mono").inner_text() in ids
        line.locator("img.ok").wait_for()
        given, new = line.locator(".struck").inner_text(), line.locator(".to").inner_text()
        assert given == line.locator(".mono").inner_text().split("/")[0] != new


def test_nothing_is_left_out_by_accepting_unless_its_own_box_is_ticked(projects):
    """Three classes of points and three rows far from all of them: only "every suggestion" would leave those out."""
    rng = np.random.default_rng(1)
    codes = np.arange(150) % 3
    frame = pd.DataFrame(np.eye(3)[codes] * 6 + rng.normal(size=(150, 3)), columns=["x", "y", "z"]).assign(kind=codes)
    frame.loc[[3, 70, 140], ["x", "y", "z"]] = [[90.0, -80.0, 70.0], [-75.0, 95.0, -99.0], [60.0, 80.0, -90.0]]
    frame["kind"] = np.array(["a", "b", "c"])[frame["kind"]]
    place = projects[1] / "points.assay"
    odd = assay.analyze(frame, label="kind", output=place, progress="quiet").flagged("outlier").tolist()
    assert {3, 70, 140} <= set(odd)
    with browser() as context:
        page, wrong = watched(context)
        page.goto(projects[0])
        open_project(page, place)
        see(page, "?any=outlier")
        dialog = accept_all(page)
        assert dialog.get_by_role("region", name="Rows to leave out").count() == 0  # the safe ones leave nothing out
        dialog.get_by_text("Every suggestion", exact=True).click()
        removals = dialog.get_by_role("region", name="Rows to leave out").first
        expect(removals).to_contain_text("an outlier")
        dialog.get_by_role("button", name="Nothing to do").wait_for()
        removals.get_by_role("checkbox").check()
        dialog.get_by_role("button", name=f"Do it: {len(odd)} rows").click()
        told(page, "left out")
        assert assay.open(place).log.state().excluded.nonzero()[0].tolist() == sorted(odd)
        assert wrong == []


def test_the_difference_between_two_entries_shows_rows_and_labels(review):
    review.locator("#cell-0").click()
    review.get_by_role("heading", name="Classes by probability").wait_for()
    given = review.locator("#cell-0 .given").inner_text()
    review.keyboard.press("q")
    decided(review, 1)
    review.keyboard.press("e")
    decided(review, 2)
    review.get_by_role("link", name="History").click()
    review.get_by_role("checkbox", name="Compare from entry 1").check()
    review.get_by_role("checkbox", name="Compare from entry 2").check()
    review.get_by_role("button", name="Compare 1 with 2").click()
    line = review.get_by_role("dialog").get_by_role("listitem")
    line.locator("img.ok").wait_for()
    expect(line.locator(".to")).to_have_text("left out")
    review.keyboard.press("Escape")
    review.get_by_role("button", name="Rows").last.click()
    review.get_by_role("dialog").get_by_role("cell", name=given, exact=True).wait_for()


# filter and keys ------------------------------------------------------------------------------------------------------


def test_a_value_that_was_typed_counts_when_enter_is_pressed(review):
    review.get_by_role("button", name="Add filter").click()
    review.get_by_role("option", name="Given", exact=True).click()
    field = review.get_by_role("dialog", name="Add filter").get_by_role("combobox", name="Given")
    field.press_sequentially("seven")
    review.keyboard.press("Enter")  # takes it
    review.keyboard.press("Enter")  # shows it
    review.get_by_role("button", name="Remove the filter Given: seven").wait_for()


def test_a_value_that_does_not_exist_is_said_and_not_lost(review):
    review.get_by_role("button", name="Add filter").click()
    review.get_by_role("option", name="Given", exact=True).click()
    dialog = review.get_by_role("dialog", name="Add filter")
    dialog.get_by_role("combobox", name="Given").fill("sevne")
    dialog.get_by_role("button", name="Show these").click()
    dialog.get_by_text("Nothing is called “sevne”").wait_for()


def test_keys_never_act_through_a_dialog_or_right_after_it_closed(review, project):
    review.locator("#cell-0").click()
    opened = review.get_by_role("complementary", name="The open row")
    opened.get_by_role("heading", name="Classes by probability").wait_for()
    review.keyboard.press("h")
    review.get_by_role("dialog", name="Keys").wait_for()
    review.keyboard.press("e")
    review.keyboard.press("Escape")
    review.keyboard.press("e")
    review.get_by_role("dialog", name="Keys").wait_for(state="hidden")
    assert opened.count() == 1  # the same Escape did not close the row
    review.wait_for_timeout(500)
    assert assay.open(project).log.entries() == []
    review.keyboard.press("q")
    decided(review, 1)


def test_a_selection_by_shift_begins_where_the_cursor_was_moved_to(review):
    row_numbers(review, 12)
    review.get_by_role("listbox", name="Rows").focus()
    for key in ("j", "j", "j", "Shift+ArrowRight", "Shift+ArrowRight"):
        review.keyboard.press(key)
    review.get_by_role("toolbar").get_by_text("3 selected").wait_for()
    chosen = [cell.get_attribute("id") for cell in review.locator(".cell.selected").all()]
    assert chosen == ["cell-3", "cell-4", "cell-5"]


# open work ------------------------------------------------------------------------------------------------------------


def test_the_rail_counts_what_is_open_and_one_click_shows_only_that(review, project):
    n = len(assay.open(project).flagged("label"))
    preset(review, "Label issues").click()
    shows(review, n)
    review.locator("#cell-0").click()
    review.get_by_role("heading", name="Classes by probability").wait_for()
    for at, key in enumerate("qq", 1):
        review.keyboard.press(key)
        decided(review, at)
    expect(preset(review, "Label issues")).to_have_text(re.compile(rf"{n - 2} of {n}$"))
    review.get_by_role("button", name="Not decided").click()
    shows(review, n - 2)
    preset(review, "All rows").click()
    review.get_by_role("button", name="Not decided", pressed=True).wait_for()
    review.get_by_role("link", name="Charts").click()
    bars = review.get_by_role("region", name="Label issues by class").locator(".bars button")
    bars.first.wait_for()


def test_checks_that_found_nothing_are_one_line(review):
    rail = review.get_by_role("navigation", name="What was found")
    line = rail.get_by_text(re.compile(r"^\d+ checks found nothing$"))
    line.wait_for()
    assert not rail.get_by_role("button", name=re.compile("^Odd size")).is_visible()
    line.click()
    rail.get_by_role("button", name=re.compile("^Odd size")).wait_for()


# copies ---------------------------------------------------------------------------------------------------------------


def test_copies_are_shown_as_sets_and_one_stays_by_one_click(review, project):
    preset(review, "Near duplicates").click()
    card = review.get_by_role("article").filter(has_text="2 copies").first
    card.get_by_role("button", name=re.compile("^keep: ")).wait_for()  # the one that stays is chosen, with its reason
    card.get_by_role("button", name="Compare").click()
    dialog = review.get_by_role("dialog", name="Compare copies")
    dialog.get_by_text("In turn").click()
    assert dialog.locator("figure.behind").count() == 1
    review.keyboard.press("Escape")
    kept, other = (box.get_attribute("title") for box in card.locator(".row-card").all())
    if card.locator(".copy-member.keep .row-card").get_attribute("title") != kept:
        kept, other = other, kept
    card.get_by_role("button", name="Keep the ticked one, leave the others out").click()
    told(review, "Left out 1 row")
    issues = assay.open(project).issues().set_index("row_id")
    assert issues.loc[other, "action"] == "exclude" and pd.isna(issues.loc[kept, "action"])
    card.get_by_text("settled").wait_for()


def test_only_the_label_that_is_known_to_be_wrong_is_painted_wrong_and_accepting_a_copy_does_something(projects):
    """One picture under two labels, and a copy of it under the right one: two against one."""
    rng = np.random.default_rng(0)
    folder = projects[1] / "torn-data"
    for label, n in (("a", 30), ("b", 30)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for at in range(n):
            base = np.zeros((48, 48, 3), np.uint8) + (200 if label == "a" else 40)
            base[at % 40 : at % 40 + 8, (7 * at) % 40 : (7 * at) % 40 + 8] = rng.integers(0, 255, 3)
            Image.fromarray((base + rng.integers(0, 40, base.shape)).astype(np.uint8)).save(
                folder / label / f"{at}.png"
            )
    (folder / "b" / "wrong.png").write_bytes((folder / "a" / "3.png").read_bytes())
    (folder / "a" / "twin.png").write_bytes((folder / "a" / "3.png").read_bytes())
    place = projects[1] / "torn.assay"
    assay.analyze(folder, output=place, progress="quiet")
    issues = assay.open(place).issues().set_index("row_id")
    right = issues.loc["b/wrong.png", "duplicate_correct_label"]
    with browser() as context:
        page, wrong = watched(context)
        page.goto(projects[0])
        open_project(page, place)
        see(page, "?any=exact_duplicate")
        for cell in page.locator(".cell[data-row]").all():
            cell.click()
            page.get_by_role("heading", name=re.compile(r"^Duplicates \(2\)")).wait_for()
            cards = page.locator(".resolver .cards.large .row-card")
            for card in cards.all():
                painted = "bad" in card.locator(".row-label").get_attribute("class").split()
                given = card.get_attribute("title").split("/")[0]
                assert painted == (right is not None and given != right), (given, right)
        row = int(issues.index.get_loc("a/twin.png"))
        page.locator(f'.cell[data-row="{row}"]').click()
        page.get_by_role("heading", name=re.compile(r"^Duplicates \(2\)")).wait_for()
        accept = page.get_by_role("button", name="Accept")
        if right == "a":
            accept.click()
            told(page, "Left out 1 row")
        assert wrong == []


def test_a_table_of_rows_sorts_by_its_headers(review):
    review.get_by_text("Table", exact=True).click()
    head = review.get_by_role("button", name=re.compile("^Given.*sort$"))
    head.click()
    review.wait_for_url(re.compile("sort="))
    expect(review.locator("#cell-0")).to_contain_text("eight/")
    head.click()
    expect(review.locator("#cell-0")).to_contain_text("zero/")
