"""What a first user stumbled over, one test a fault: previews, filters and keys, open counts.

Three hundred scanned digits with fifteen planted wrong labels and a copy of one of them.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import assay
from assay.export import preview_export
from browsing import another, browser, decided, expect, open_project, preset, row_numbers, shows, sign_in, told, watched
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
    stands_out = review.get_by_role("region", name="Findings")
    assert "modality:" not in stands_out.inner_text()  # how the data was read does not stand out
    stands_out.get_by_text("How the data was read").click()
    expect(stands_out).to_contain_text("modality: image")


def test_a_phone_has_the_checks_behind_a_button(projects, project):
    with browser(viewport={"width": 390, "height": 844}) as context:
        page, wrong = watched(context)
        page.goto(projects[0])
        open_project(page, project)
        rail = page.get_by_role("navigation", name="What was found")
        assert rail.count() == 0
        page.get_by_role("button", name="Checks").click()
        preset(page, "Label issues").click()
        shows(page, len(assay.open(project).flagged("label")))
        rail.wait_for(state="detached")
        assert wrong == []


def test_a_phone_has_room_for_what_was_decided(projects, project):
    assay.open(project).decide("auto-fix", rows=assay.open(project).flagged("label")[:3].tolist(), person="ann")
    with browser(viewport={"width": 390, "height": 844}) as context:
        page, wrong = watched(context)
        page.goto(projects[0])
        open_project(page, project)
        page.goto(re.sub("/review.*", "/history", page.url))
        what = page.get_by_role("main").locator("tbody td").filter(has_text="Accepted the suggestion of 3 rows")
        box = what.bounding_box()
        assert box["width"] > 250 and box["x"] >= 0 and box["x"] + box["width"] <= 390
        undo = page.get_by_role("button", name="Undo entry 1 of ann").bounding_box()
        assert undo["x"] + undo["width"] <= 390
        assert wrong == []


def test_checks_that_found_nothing_are_one_line(review):
    rail = review.get_by_role("navigation", name="What was found")
    line = rail.get_by_text(re.compile(r"^\d+ checks found nothing$"))
    line.wait_for()
    assert not rail.get_by_role("button", name=re.compile("^Odd size")).is_visible()
    line.click()
    rail.get_by_role("button", name=re.compile("^Odd size")).wait_for()


@pytest.fixture(scope="module")
def unpredictable(projects) -> Path:
    """A table that says nothing about its label: numbers drawn at random, five columns of one value, two names misspelt."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(240, 3)), columns=["x", "y", "z"]).assign(
        **{f"same {at}": f"value {at}" for at in range(5)},
        state=rng.permutation(np.array(["accepted", "rejected", "postponed"])[np.arange(240) % 3]),
    )
    frame.loc[[3, 80], "state"] = ["acepted", "postpond"]
    place = projects[1] / "unpredictable.assay"
    assay.analyze(frame, label="state", output=place, progress="quiet")
    return place


def test_pages_say_that_labels_were_not_judged_instead_of_that_nothing_was_found(projects, unpredictable):
    why = re.compile("do not predict this label well enough")
    with browser() as context:
        page, wrong = watched(context)
        page.goto(projects[0])
        open_project(page, unpredictable)
        rail = page.get_by_role("navigation", name="What was found")
        found, unmade = (
            rail.get_by_text(re.compile(f"^[0-9]+ checks? {how}$")) for how in ("found nothing", "without a result")
        )
        found.click()
        rail.get_by_role("button", name=re.compile("^Exact duplicates")).wait_for()
        label = rail.get_by_role("button", name=re.compile("^Label issues"))
        assert not label.is_visible()
        unmade.click()
        expect(label).to_have_attribute("aria-disabled", "true")

        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_role("region", name="How far it is")).to_contain_text(why)
        page.get_by_role("link", name="Compare classes").click()
        page.get_by_text("Labels were not judged").wait_for()
        expect(page.get_by_role("main")).to_contain_text(why)
        page.get_by_role("link", name="Charts").click()
        for panel in ("Most suggested corrections", "Correction matrix", "Label issues by class"):
            expect(page.get_by_role("region", name=panel)).to_contain_text(why)
        assert wrong == []
        page.goto(re.sub("/charts.*", "/review?any=label", page.url))  # as a colleague's link may say
        refused = page.get_by_role("alert").filter(has_text=why)
        expect(refused).to_contain_text("There is nothing to show for this")
        assert refused.get_by_role("button", name="Try again").count() == 0
        refused.get_by_role("button", name="Clear the filter").click()
        shows(page, 240)


def test_the_overview_leads_to_misspelt_names_and_what_repeats_is_told_three_times(projects, unpredictable):
    with browser() as context:
        page, wrong = watched(context)
        page.goto(projects[0])
        open_project(page, unpredictable)
        page.get_by_role("link", name="Charts").click()
        said = page.get_by_role("region", name="Findings")
        same = said.get_by_role("listitem").filter(has_text="Constant column")
        expect(same).to_have_count(3)
        assert same.filter(has_text="left out of the models").count() == 0
        said.get_by_text("2 more of these kinds").get_by_role("link", name="see all findings").click()
        expect(page.get_by_role("article", name=re.compile("^Constant column"))).to_have_count(5)
        page.get_by_role("link", name="Overview").click()
        page.get_by_role("button", name=re.compile("^Merge misspelt classes")).click()
        page.get_by_role("button", name=re.compile("^Merge all 2")).wait_for()
        assert wrong == []


# copies ---------------------------------------------------------------------------------------------------------------


def test_copies_are_shown_as_sets_and_one_stays_by_one_click(review, project):
    preset(review, "Near duplicates").click()
    card = review.get_by_role("article").filter(has_text="2 copies").first
    card.get_by_role("button", name=re.compile("^keep: ")).wait_for()  # the one that stays is chosen, with its reason
    card.get_by_role("button", name="Compare").click()
    dialog = review.get_by_role("dialog", name="Compare copies")
    dialog.get_by_text("In turn", exact=True).click()
    dialog.get_by_role("button", name="Other one").wait_for()
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
        page.goto(page.url.split("?")[0] + "?any=duplicate_label_conflict&look=sets")
        card = page.get_by_role("article").first
        card.get_by_role("button", name="Give all this label").click()
        page.get_by_role("menuitem", name=re.compile("^a")).click()
        expect(card).to_contain_text("settled")
        state = assay.open(place).log.state()
        copies = [int(issues.index.get_loc(name)) for name in ("a/3.png", "a/twin.png", "b/wrong.png")]
        assert [state.label_of(row) for row in copies] == ["a"] * 3
        assert wrong == []


def test_a_table_of_rows_sorts_by_its_headers(review):
    review.get_by_text("Table", exact=True).click()
    head = review.get_by_role("button", name=re.compile("^Given.*sort$"))
    head.click()
    review.wait_for_url(re.compile("sort="))
    expect(review.locator("#cell-0")).to_contain_text("eight/")
    head.click()
    expect(review.locator("#cell-0")).to_contain_text("zero/")


# names of any length and script, and classes to merge ------------------------------------------------------------------

LONG = "card_not_working_where_the_customer_asks_about_a_closed_account"
ARABIC, CHINESE = "استفسار العميل عن البطاقة", "銀行口座に関するお問い合わせカードの到着予定日を確認してください" * 2
SPILLS = """() => {
    const frames = '.panel, .pair, .map-tip, .legend, .filter-bar'
    const inside = [...document.querySelectorAll('main *')].filter(one => one.closest(frames) && one.getClientRects().length)
    const over = one => one.getBoundingClientRect().right > one.closest(frames).getBoundingClientRect().right + 1
    const wide = document.documentElement.scrollWidth > window.innerWidth ? ['the page is wider than its window'] : []
    return inside.filter(one => !one.closest('svg, canvas, .scroll, .hidden') && over(one))
        .map(one => one.outerHTML.slice(0, 200)).concat(wide)
}"""


@pytest.fixture(scope="module")
def long_names(projects) -> Path:
    """Points of four classes under such names, six of them swapped; and five misspelt names with two rows each."""
    rng = np.random.default_rng(2)
    names = np.array([LONG, ARABIC, CHINESE, "withdrawals"])
    codes = np.arange(200) % 4
    frame = pd.DataFrame(np.eye(4)[codes] * 8 + rng.normal(size=(200, 4)), columns=list("abcd"))
    frame["kind"] = names[codes]
    frame.loc[[0, 1, 2, 4, 5, 6], "kind"] = names[[1, 2, 0, 2, 0, 1]]
    spellings = [f"withdr{letter}wals" for letter in "eiou"] + ["withdrawls"]
    for at, spelling in enumerate(spellings):
        frame.loc[[3 + 8 * at, 7 + 8 * at], "kind"] = spelling
    place = projects[1] / "long-names.assay"
    assay.analyze(frame, label="kind", output=place, progress="quiet")
    return place


def test_names_of_any_length_and_script_stay_in_their_places(projects, long_names):
    with browser() as context:
        page, wrong = watched(context)
        page.goto(projects[0])
        open_project(page, long_names)
        base = page.url.split("?")[0].rsplit("/", 1)[0]
        pair = f"?pair={quote(json.dumps([LONG, CHINESE]))}"
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            for tab in ("overview", "charts", "map", "compare", "compare" + pair, "history", "review?any=label"):
                page.goto(f"{base}/{tab}")
                page.locator("main").wait_for()
                page.wait_for_load_state("networkidle")
                assert page.evaluate(SPILLS) == [], (tab, width)
        page.set_viewport_size({"width": 1280, "height": 800})
        see(page, f"?any=label&given={quote(json.dumps([LONG]))}")  # where every page was: the last one is the rows
        page.locator("#cell-0").click()
        page.get_by_role("heading", name="Why it was flagged").wait_for()
        sentences = page.locator(".evidence")
        expect(sentences.filter(has_text=LONG).first).to_be_visible()
        assert sentences.evaluate_all("all => all.every(one => one.scrollWidth <= one.clientWidth + 1)")
        page.goto(f"{base}/charts")
        bars = page.get_by_role("region", name="Most suggested corrections").locator(".bars button")
        bars.first.wait_for()
        told_whole = " ".join(bar.get_attribute("title") or "" for bar in bars.all())
        assert any(name in told_whole for name in (LONG, ARABIC, CHINESE))

        # under the pointer: the label and what the row holds
        page.goto(f"{base}/map")
        point = page.locator(".map-canvas canvas").bounding_box()
        tip = page.locator(".map-tip")
        for at in range(400):
            x, y = point["x"] + point["width"] * (at % 20) / 20, point["y"] + point["height"] * (at // 20) / 20
            page.mouse.move(x, y)
            if tip.count():
                break
        expect(tip.locator("p")).to_contain_text("a: ")
        assert page.evaluate(SPILLS) == []
        assert wrong == []


def decided_labels(project: Path) -> list[Any]:
    opened = assay.open(project)
    state = opened.log.state()
    return [state.label_of(row) for row in range(opened.dataset.n_rows)]


def test_misspelt_classes_are_one_table_and_are_merged_at_once(projects, long_names):
    with browser() as context:
        page, wrong = watched(context)
        page.goto(projects[0])
        open_project(page, long_names)
        page.get_by_role("link", name="Charts").click()
        table = page.get_by_role("region", name="Misspelt class names")
        boxes = table.get_by_role("checkbox", name=re.compile("^Merge"))
        expect(boxes).to_have_count(5)
        table.get_by_role("checkbox", name="Merge withdrewals into withdrawals").uncheck()
        page.get_by_role("button", name="Merge 4 (8 rows)").wait_for()
        table.get_by_role("checkbox", name="Merge withdrewals into withdrawals").check()
        page.get_by_role("button", name="Merge all 5 (10 rows)").click()
        told(page, "Merged 5 classes")
        assert sum(label == "withdrawals" for label in decided_labels(long_names)) == 10
        page.get_by_role("alert").get_by_role("button", name="Undo").click()
        told(page, "Undone")
        assert set(decided_labels(long_names)) == {None}
        page.get_by_role("link", name="Findings").click()  # the same table, not a finding each
        expect(boxes).to_have_count(5)
        assert page.get_by_role("article", name=re.compile("^Misspelt")).count() == 0
        assert wrong == []


def test_the_letters_on_rows_are_explained_beside_the_open_row(review, project):
    preset(review, "Label issues").click()
    review.locator("#cell-0").click()
    opened = review.get_by_role("complementary", name="The open row")
    card = opened.locator(".evidence.bad").first
    expect(card.locator(".letter")).to_have_text("L")
    opened.get_by_text("What the letters on rows mean").click()
    legend = opened.locator(".legend-of-letters li")
    letters = {line.locator(".letter").inner_text(): line.inner_text() for line in legend.all()}
    on_rows = {letter.inner_text() for letter in review.locator(".cell .letter").all()}
    assert {one for one in on_rows if not one.startswith("+")} <= set(letters)
    assert "Label issues" in letters["L"]


# projects -------------------------------------------------------------------------------------------------------------


def choose_file(page: Any, file: Path) -> Any:
    """What a new project would read of a file."""
    page.get_by_role("button", name="New project").first.click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(file)
    return page.get_by_role("dialog")


def test_labels_are_guessed_by_name_and_by_values_and_a_missing_one_is_warned_of(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(120, 2)).round(2), columns=["a", "b"])
    intents = [f"ask {what}" for what in ("card", "fee", "limit", "loan", "pin", "rate")]
    frame.assign(intent=[intents[at % 6] for at in range(120)]).to_csv(tmp_path / "named.csv", index=False)
    frame.assign(stufe=[("alt", "mittel", "neu")[at % 3] for at in range(120)]).to_csv(
        tmp_path / "few.csv", index=False
    )
    frame.to_csv(tmp_path / "numbers.csv", index=False)
    with browser() as context, served(tmp_path / "home") as (address, _):
        page, wrong = watched(context)
        page.goto(address)
        dialog = choose_file(page, tmp_path / "named.csv")
        expect(dialog.get_by_role("combobox", name="Label")).to_have_value("intent")
        expect(dialog).to_contain_text("labels: column 'intent' (by its name)")
        expect(dialog).to_contain_text(f"6 classes: {', '.join(intents)}")
        page.keyboard.press("Escape")
        dialog = choose_file(page, tmp_path / "few.csv")
        expect(dialog.get_by_role("status")).to_contain_text("No labels")
        dialog.get_by_role("button", name="stufe (3 classes: alt, mittel, neu)").click()
        expect(dialog).to_contain_text("3 classes: alt, mittel, neu")
        assert dialog.get_by_text("No labels", exact=True).count() == 0
        page.keyboard.press("Escape")
        dialog = choose_file(page, tmp_path / "numbers.csv")
        expect(dialog.get_by_role("status")).to_contain_text("No column looks like labels")
        assert wrong == []


def test_a_project_is_analysed_again_with_another_label_and_fewer_features(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 3)).round(2), columns=["a", "b", "c"])
    frame["intent"] = ["yes" if one > 0 else "no" for one in frame["a"]]
    frame["stage"] = [("early", "middle", "late")[at % 3] for at in range(80)]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    home = tmp_path / "home"
    with browser() as context, served(home) as (address, _):
        page, wrong = watched(context)
        page.goto(address)
        dialog = choose_file(page, tmp_path / "rows.csv")
        expect(dialog.get_by_role("combobox", name="Label")).to_have_value("intent")
        dialog.get_by_role("combobox", name="Effort").select_option("fast")
        dialog.get_by_role("button", name="Find what is wrong").click()
        page.get_by_role("navigation", name="What was found").wait_for(timeout=120_000)
        page.goto(address)
        page.get_by_role("button", name=re.compile("^More about ")).click()
        page.get_by_role("menuitem", name="Run again").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("combobox", name="Label")).to_have_value("intent")  # as it was, effort too
        expect(dialog.get_by_role("combobox", name="Effort")).to_have_value("fast")
        dialog.get_by_role("combobox", name="Label").click()
        page.get_by_role("option", name="stage", exact=True).click()
        expect(dialog).to_contain_text("3 classes: early, late, middle")
        dialog.get_by_role("combobox", name="Columns to judge by").click()
        for name in ("a", "b"):
            page.get_by_role("option", name=name, exact=True).click()
        page.keyboard.press("Escape")
        dialog.get_by_role("button", name="Start").click()
        expect(dialog).to_have_count(0)
        (project,) = home.glob("**/*.assay")
        until = time.monotonic() + 120
        while len(list((project / "runs").glob("*.json"))) < 2 and time.monotonic() < until:
            time.sleep(0.1)
        run = assay.open(project).run
        assert (run["roles"]["label"], run["roles"]["features"]) == ("stage", ["a", "b"])
        assert run["settings"]["effort"] == "fast"
        assert wrong == []


def test_projects_are_dated_sorted_renamed_and_deleted_after_a_question(tmp_path, digits_project):
    place = tmp_path / "shelf"
    for name in ("zebra", "apple"):  # the later one is changed last
        copy_project(digits_project, place / f"{name}.assay")
        assay.open(place / f"{name}.assay").decide("keep", rows=[0], person="ann")
    with browser() as context, served(tmp_path / "home", place) as (address, _):
        page, wrong = watched(context)
        page.goto(address)
        items = page.locator("li.project")
        expect(items).to_have_count(2)
        expect(items.first).to_contain_text(re.compile("apple[\\s\\S]*[0-9]{2}:[0-9]{2}"))  # with when it was changed
        page.get_by_role("button", name="More about apple").click()
        page.get_by_role("menuitem", name="Rename").click()
        page.get_by_role("dialog").get_by_role("textbox", name="Name").fill("zoo")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="zoo", exact=True).wait_for()
        page.get_by_text("By name", exact=True).click()
        expect(items.first).to_contain_text("zebra")
        page.get_by_role("button", name="More about zoo").click()
        page.get_by_role("menuitem", name="Delete").click()
        dialog = page.get_by_role("dialog", name="Delete zoo?")
        expect(dialog).to_contain_text(re.compile("every decision in it are gone for good, and [0-9.]+ MB are free"))
        dialog.get_by_role("button", name="Keep it").click()
        expect(items).to_have_count(2)
        page.get_by_role("button", name="More about zoo").click()
        page.get_by_role("menuitem", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
        expect(items).to_have_count(1)
        assert sorted(one.name for one in place.glob("*.assay")) == ["zebra.assay"]
        assert wrong == []


# what is asked of the server, and what it says ------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", '?resolved=false&given=["seven","eight"]'])
def test_a_decision_asks_at_most_three_times(review, project, query):
    """The decision itself, the bars to narrow by, and the row after the next one; also where a decided row leaves the view."""
    leaves = "resolved" in query
    review.get_by_text("Narrow by").click()
    see(review, query)
    before = row_numbers(review, 12)
    review.locator("#cell-0").click()
    review.get_by_role("heading", name="Classes by probability").wait_for()
    review.wait_for_load_state("networkidle")
    review.wait_for_timeout(1500)  # the news of the server, once a second, have nothing to tell
    asked: list[str] = []
    open_: set[Any] = set()
    review.on("request", lambda one: (asked.append(one.url), open_.add(one)) if "/api/" in one.url else None)
    review.on("requestfinished", lambda one: (open_.discard(one),))
    review.on("requestfailed", lambda one: (asked.append(f"broken off: {one.url}"), open_.discard(one)))

    def slowly(route: Any) -> None:
        """So that the news of the decision come before its answer."""
        answer = route.fetch()
        time.sleep(1.5)
        route.fulfill(response=answer)

    for at, key in enumerate("qwe", 1):
        asked.clear()
        if at == 3:
            review.route("**/actions", slowly)
        review.keyboard.press(key)
        decided(review, at)
        review.wait_for_timeout(1500)
        while open_:
            review.wait_for_timeout(500)
        told_ = [one.split("/api/v1/")[1] for one in asked if not re.search("/(thumbs|images)/", one)]
        assert len(told_) <= 3 and not [one for one in asked if one.startswith("broken")], [
            one.split("/", 2)[2] for one in told_
        ]
        assert row_numbers(review, 5) == before[at : at + 5] if leaves else before[:5]
        opened = review.locator(".cell.open")
        assert opened.get_attribute("data-row") == str(before[at])
        assert opened.get_attribute("id") == ("cell-0" if leaves else f"cell-{at}")
    assert [entry.rows.tolist() for entry in assay.open(project).log.entries(rows=True)] == [[r] for r in before[2::-1]]
    if not leaves:
        review.get_by_role("button", name="Previous row").click()
        expect(review.locator(".resolver .past")).to_contain_text("Left out")


def test_the_overview_asks_once_for_the_rows_of_all_checks(review, project):
    asked: list[str] = []
    review.on("request", lambda one: asked.append(one.url) if "/api/" in one.url else None)
    review.get_by_role("link", name="Overview").click()
    cards = review.get_by_role("region", name="Label issues").locator(".row-card")
    expect(cards).to_have_count(3)
    review.get_by_role("region", name="Worst classes").wait_for()
    asked = [one for one in asked if not re.search("/(thumbs|images)/", one)]
    assert len([one for one in asked if "/found" in one]) == 1 and len(asked) <= 4, asked
    worst = assay.open(project).issues("label").sort_values("label_issue_score", ascending=False)
    assert {card.get_attribute("title") for card in cards.all()} <= set(worst["row_id"])


def test_the_overview_offers_safe_suggestions_by_their_number_and_only_while_there_are_some(review):
    review.get_by_role("link", name="Overview").click()
    steps = review.get_by_role("region", name="What to do next")
    offered = steps.get_by_role("button", name=re.compile("^Accept the [0-9]+ safe suggestions of [0-9]+ rows"))
    safe = int(re.findall("[0-9]+", offered.inner_text())[0])
    offered.click()
    review.get_by_role("dialog").get_by_role("button", name=f"Do it: {safe} rows").click()
    decided(review, safe)
    steps.get_by_role("button", name=re.compile("^Look at [0-9]+ rows with a label issue")).wait_for()
    assert steps.get_by_role("button", name=re.compile("safe")).count() == 0


@pytest.mark.parametrize("bound", [False, True])
def test_the_overview_knows_a_bound_from_a_rate(projects, project, bound):
    """Of a bound the models tell no more than that labels may be wrong."""

    def bounded(route: Any) -> None:
        answer = route.fetch()
        told_ = answer.json()
        for finding in told_["findings"]:
            if finding["check"] == "label_error_rate":
                finding["data"]["at_most"] = bound
        route.fulfill(response=answer, json=told_)

    with browser() as context:
        page, wrong = watched(context)
        page.route(re.compile(r"/api/v1/projects/[^/?]+$"), bounded)
        page.goto(projects[0])
        open_project(page, project)
        page.get_by_role("link", name="Overview").click()
        said = "may be wrong" if bound else "is likely wrong"
        expect(page.get_by_role("region", name="How far it is")).to_contain_text(f"carry a label that {said}")
        assert wrong == []


def test_the_toast_of_one_row_says_from_what_to_what(review):
    preset(review, "Label issues").click()
    review.locator("#cell-0").click()
    review.get_by_role("heading", name="Classes by probability").wait_for()
    given, suggested = review.locator("#cell-0 .given").inner_text(), review.locator("#cell-0 .to").inner_text().strip()
    review.keyboard.press("w")
    told(review, f"1 row: {given} → {suggested}")


def test_what_always_fails_is_shown_as_such_with_the_reason(projects, project):
    with browser() as context:
        page, wrong = watched(context)

        def without(route) -> None:
            answer = route.fetch()
            told_ = answer.json() | {"cannot": {"like": "no encoder of this run is here", "hf": "pip install that"}}
            route.fulfill(response=answer, json=told_)

        page.route(re.compile(r"/api/v1/projects/[^/]+$"), without)
        page.goto(projects[0])
        open_project(page, project)
        page.get_by_role("button", name="Add filter").click()
        option = page.get_by_role("option", name=re.compile("^Like a picture of your own"))
        expect(option).to_contain_text("no encoder of this run is here")
        assert option.get_attribute("data-combobox-disabled") == "true"
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Export").first.click()
        page.get_by_role("dialog").get_by_role("combobox", name="Format").click()
        option = page.get_by_role("option", name="Hugging Face dataset: pip install that")
        assert option.get_attribute("data-combobox-disabled") == "true"
        assert wrong == []


def test_the_export_says_what_it_would_do_as_the_terminal_does(review, project):
    opened = assay.open(project)
    says = preview_export(opened, opened.log, fix="auto", drop_duplicates="near", drop_share=0)
    assert says.refused
    review.get_by_role("button", name="Export").first.click()
    dialog = review.get_by_role("dialog")
    dialog.get_by_label("Rows nobody decided").select_option("auto")
    dialog.get_by_label("Copies nobody decided").select_option("near")
    account = dialog.get_by_role("region", name="What the export does")
    expect(account).to_contain_text(f"{says.relabeled} relabelled, {says.left_out} left out")
    account.get_by_text("left out as copies").click()
    for copy in says.copies:
        expect(account).to_contain_text(copy.id)
    with review.expect_download() as download:
        dialog.get_by_role("button", name="Export", exact=True).click()
    frame = pd.read_parquet(download.value.path())
    assert len(frame) == says.rows - says.left_out


# the map beside the rows ----------------------------------------------------------------------------------------------


def test_a_lasso_on_the_map_beside_the_rows_filters_them_and_survives_back(review):
    review.get_by_text("Map", exact=True).last.click()
    canvas = review.locator(".map-beside canvas")
    review.get_by_role("region", name="Map of these rows").get_by_text("301 points").wait_for()
    box = canvas.bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    review.mouse.move(*at(0.02, 0.02))
    review.mouse.down()
    for corner in ((0.6, 0.02), (0.6, 0.98), (0.02, 0.98), (0.02, 0.02)):
        review.mouse.move(*at(*corner), steps=3)
    review.mouse.up()
    chip = review.get_by_role("group", name="Filter").get_by_text(re.compile("drawn round on the map"))
    n = int(chip.inner_text().split()[0])
    assert 0 < n < 301
    shows(review, n)
    preset(review, "Label issues").click()  # narrows the map and the rows at once
    review.wait_for_url(re.compile("any=label"))
    review.go_back()
    shows(review, n)
    chip.wait_for()
    review.get_by_role("link", name="Map").click()  # and stays on the page of the map
    review.get_by_text(f"{n} rows in the lasso").wait_for()
    review.get_by_role("button", name="Take the lasso off").click()
    review.get_by_text("301 points").wait_for()


def test_copies_are_framed_where_they_match(review):
    preset(review, "Near duplicates").click()
    review.get_by_role("article").filter(has_text="2 copies").first.get_by_role("button", name="Compare").click()
    dialog = review.get_by_role("dialog", name="Compare copies")
    frames = dialog.get_by_role("img", name="Where the other copy lies")
    expect(frames).to_have_count(2)
    dialog.get_by_text("In turn", exact=True).click()
    dialog.locator("img.laid").wait_for(state="attached")


# the rail and the filter ----------------------------------------------------------------------------------------------


def test_views_are_saved_by_name_and_bars_narrow(review, project):
    n = len(assay.open(project).flagged("label"))
    tour = review.get_by_role("region", name="First steps")
    tour.get_by_role("button", name="Next").click()
    tour.get_by_role("button", name="Skip for good").click()
    review.reload()
    review.locator("#cell-0").wait_for()
    assert tour.count() == 0  # for good

    preset(review, "Label issues").click()
    shows(review, n)
    review.get_by_role("button", name="Views").click()
    review.get_by_role("textbox", name="Name of this view").fill("the worst")
    review.keyboard.press("Enter")
    told(review, "Saved as “the worst”")
    preset(review, "All rows").click()
    review.get_by_role("button", name="Views").click()
    review.get_by_role("button", name="the worst", exact=True).click()
    shows(review, n)
    review.get_by_role("button", name="Views").click()
    review.get_by_role("button", name="Delete the view the worst").click()
    told(review, "Deleted the view")
    review.keyboard.press("Escape")

    review.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")  # as over http from afar
    review.get_by_role("button", name="Copy the address of this view").click()
    told(review, "take the address from its bar")

    rail = review.get_by_role("navigation", name="What was found")
    rail.get_by_text("Narrow by").click()
    bar = rail.get_by_role("group", name="Narrow by given").get_by_role("button").first
    label, number = bar.inner_text().split()
    bar.click()
    shows(review, int(number))
    review.get_by_role("button", name=f"Remove the filter Given: {label}").click()
    low = rail.get_by_role("slider", name=re.compile("^Lowest"))
    low.focus()
    for _ in range(3):
        review.keyboard.press("ArrowRight")
    review.get_by_role("button", name=re.compile("^Remove the filter Label issue.*≥ 0.0")).wait_for()


def test_the_search_box_takes_an_id_or_words_and_a_pasted_picture(review, project, digits):
    row = assay.open(project).issues("label")["row_id"].iloc[0]
    box = review.get_by_role("textbox", name=re.compile("^Find rows whose"))
    box.fill(row)
    review.keyboard.press("Enter")
    expect(review.get_by_role("complementary", name="The open row").get_by_role("heading", name=row)).to_be_visible()
    box.fill("nine/")
    review.keyboard.press("Enter")
    review.get_by_role("button", name=re.compile("^Remove the filter .* contains .nine.")).wait_for()
    picture = base64.b64encode((digits[0] / row).read_bytes()).decode()
    review.evaluate(
        """data => {
            const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0)), held = new DataTransfer()
            held.items.add(new File([bytes], 'one.png', { type: 'image/png' }))
            document.querySelector('form[role=search] input')
                .dispatchEvent(new ClipboardEvent('paste', { clipboardData: held, bubbles: true }))
        }""",
        picture,
    )
    review.get_by_role("button", name="Remove the filter Like a picture").wait_for()


def test_two_people_take_different_rows_and_find_their_mentions(projects, project):
    with browser() as one:
        pages = []
        for person, context in (("ann", one), ("bob", another(one))):
            page, wrong = watched(context)
            sign_in(page, projects[0], person)
            open_project(page, project)
            preset(page, "Label issues").click()
            page.get_by_role("button", name=re.compile("^My next 50")).click()
            pages.append((page, wrong))
            if person == "ann":
                page.get_by_role("button", name="Remove the filter Tag: taken by ann").wait_for()
            else:  # there were fewer than fifty, and ann has them all
                told(page, "Nothing open is left that nobody has taken")
        # a name is written out after its first letters, and its owner finds the note
        page = pages[1][0]
        row_numbers(page, 1)
        page.locator("#cell-0").click()
        note = page.get_by_role("textbox", name="Note")
        note.click()
        note.press_sequentially("is it a nine, @A")
        page.get_by_role("listbox", name="People").get_by_role("option", name="ann").wait_for()
        page.keyboard.press("Enter")
        expect(note).to_have_value("is it a nine, @ann ")
        page.keyboard.press("Control+Enter")
        told(page, "Noted on 1 row")
        pages[0][0].reload()
        pages[0][0].get_by_role("button", name="Mentions of me").click()
        shows(pages[0][0], 1)
        state = assay.open(project).log.state()
        assert set(np.flatnonzero(state.tags["taken by ann"])) == set(assay.open(project).flagged("label"))
        assert all(wrong == [] for _, wrong in pages)
