"""Texts in a real browser: find by words, decide by keys, clean the top of a list, send the view to a colleague.

The oracle is the data: twelve intents of banking77 with planted wrong labels, read by pandas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

import assay
from browsing import another, browser, decided, expect, open_project, preset, row_numbers, shows, told, watched
from serving import copy_project, served

pytestmark = [pytest.mark.xdist_group("browser")]

WORD = "card"
LABEL_ISSUES = "?any=label"


@pytest.fixture(scope="module")
def banking(data_dir) -> pd.DataFrame:
    """Twelve intents of banking77; 8 % of the labels are made wrong."""
    frame = pd.read_csv(data_dir / "banking77" / "test.csv").set_axis(["body", "true"], axis=1)
    kept = frame["true"].unique()[:12]
    frame = frame[frame["true"].isin(kept)].reset_index(drop=True)
    rng = np.random.default_rng(0)
    wrong, shift = rng.random(len(frame)) < 0.08, rng.integers(1, 12, len(frame))
    codes = frame["true"].map({name: code for code, name in enumerate(kept)}).to_numpy()
    given = kept[np.where(wrong, (codes + shift) % 12, codes)]
    return pd.DataFrame({"body": frame["body"], "intent": given})


@pytest.fixture(scope="module")
def analysed(banking, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("banking")
    banking.to_csv(place / "banking.csv", index=False)
    project = assay.analyze(
        place / "banking.csv", text="body", label="intent", output=place / "banking.assay", progress="quiet"
    )
    return Path(project.path)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A server of one folder, and the folder: each test puts a project of its own there."""
    place = tmp_path_factory.mktemp("shelf")
    with served(place / "home", place) as (address, _):
        yield address, place


@pytest.fixture
def review(shelf, analysed, request) -> Iterator[Any]:
    """A page that shows a fresh copy of the project; whatever goes wrong on it fails the test."""
    address, place = shelf
    mine = copy_project(analysed, place / f"{request.node.name}.assay")
    with browser() as context:
        page, wrong = watched(context)
        page.goto(address)
        open_project(page, mine)
        yield page
        assert wrong == []


def see(page, query: str) -> None:
    page.goto(page.url.split("?")[0] + query)
    row_numbers(page, 1)


def open_first(page) -> int:
    """A click on the first row of the view opens it; its number."""
    (row,) = row_numbers(page, 1)
    page.locator("#cell-0").click()
    page.wait_for_url(re.compile(rf"row={row}\b"))
    page.get_by_role("heading", name="Classes by probability").wait_for()
    return row


def likeliest_other(page) -> str:
    """The class that the key 1 gives."""
    row = page.locator(".classes button").filter(has=page.locator("kbd", has_text=re.compile("^1$")))
    return row.locator(".class-name").inner_text()


def exported(page, place: Path) -> pd.DataFrame:
    page.get_by_role("button", name="Export").first.click()
    dialog = page.get_by_role("dialog", name="Export the dataset")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export", exact=True).click()
    dialog.wait_for(state="hidden")
    download.value.save_as(place / "out.parquet")
    return pd.read_parquet(place / "out.parquet")


def test_words_typed_into_the_search_box_filter_the_rows(review, banking):
    box = review.get_by_role("textbox", name="Find rows whose body contains")
    box.fill(WORD.upper())  # upper and lower case alike
    box.press("Enter")
    found = banking["body"].str.contains(WORD, case=False)
    shows(review, int(found.sum()))
    assert set(row_numbers(review, 5)) <= set(np.flatnonzero(found))

    review.get_by_role("button", name=f"Remove the filter body contains “{WORD.upper()}”").click()
    shows(review, len(banking))


def test_conditions_of_the_filter_menu_narrow_each_other(review, banking, analysed):
    preset(review, "Label issues").click()
    review.wait_for_url(re.compile("any=label"))
    review.get_by_role("button", name="Add filter").click()
    editor = review.get_by_role("dialog")
    editor.get_by_label("Which column to filter by").fill("body")
    editor.get_by_role("option", name="body").click()
    editor.get_by_role("textbox", name="Contains").fill(WORD)
    editor.get_by_role("button", name="Show these").click()
    issues = assay.open(analysed).issues("label")["row_id"].to_numpy(int)
    both = [row for row in issues if WORD in banking["body"][row].lower()]
    shows(review, len(both))
    assert set(row_numbers(review, min(3, len(both)))) <= set(both)


def test_a_row_is_relabelled_tagged_and_noted_by_keys_and_found_by_its_tag(review):
    see(review, LABEL_ISSUES)
    row = open_first(review)
    review.keyboard.press("n")
    review.get_by_role("button", name="Take off the tag needs review").wait_for()
    review.keyboard.press("t")
    review.get_by_role("textbox", name="Note").fill("asks for two things at once")
    review.keyboard.press("Control+Enter")
    told(review, "Noted on 1 row")
    new = likeliest_other(review)
    review.keyboard.press("1")
    decided(review, 1)
    told(review, f"Relabelled 1 row as {new}")

    review.get_by_role("navigation", name="What was found").get_by_role("button", name="Needs review 1").click()
    shows(review, 1)
    assert row_numbers(review, 1) == [row]
    cell = review.locator("#cell-0")
    expect(cell).to_contain_text(new)
    expect(cell.get_by_label("Tags: needs review")).to_be_visible()
    expect(cell.get_by_label("Has a note")).to_be_visible()
    open_first(review)
    expect(review.get_by_role("textbox", name="Note")).to_have_value("asks for two things at once")


def test_the_exported_file_has_exactly_what_keys_and_clean_top_k_changed(review, banking, analysed, tmp_path):
    """Of the ten worst rows the first two were decided by hand before: the preview says so, and the file shows it."""
    worst = assay.open(analysed).issues("label").sort_values("label_issue_score", ascending=False, kind="stable")
    rows, suggested = worst["row_id"].to_numpy(int)[:10], worst["suggested_label"].to_numpy(object)[:10]
    see(review, LABEL_ISSUES)
    assert row_numbers(review, 10) == rows.tolist()
    open_first(review)
    new = likeliest_other(review)
    review.keyboard.press("1")
    decided(review, 1)
    review.wait_for_url(re.compile(rf"row={rows[1]}\b"))  # on to the next row by itself
    review.keyboard.press("e")
    decided(review, 2)

    review.get_by_role("button", name="Clean top …").click()
    asking = review.get_by_role("dialog", name="Clean the top of this list")
    asking.get_by_role("textbox", name="How many").fill("10")
    asking.get_by_role("button", name="See what would change").click()
    preview = review.get_by_role("dialog", name="Accept the suggestions of the top 10 rows?")
    preview.get_by_text("Every suggestion", exact=True).click()
    preview.get_by_text("Stay as they are: 2 (decided by hand).").wait_for()
    assert [words.split() for words in preview.locator(".figure").all_inner_texts()] == [
        ["8", "rows", "change"], ["8", "relabelled"], ["0", "left", "out"], ["2", "stay", "as", "they", "are"],
    ]  # fmt: skip
    preview.get_by_role("button", name="Do it: 8 rows").click()
    told(review, "Accepted the suggestion of 8 rows")
    decided(review, 10)

    expected = banking["intent"].to_numpy(object).copy()
    expected[rows[2:]] = suggested[2:]
    expected[rows[0]] = new
    expected = pd.DataFrame({"body": banking["body"], "intent": expected}).drop(index=rows[1])
    got = exported(review, tmp_path)
    assert got[["body", "intent"]].to_numpy(object).tolist() == expected.to_numpy(object).tolist()


def test_an_address_shows_a_colleague_the_same_view(review, shelf):
    condition = json.dumps([{"column": "body", "contains": WORD}])
    see(review, f"?none=label&where={quote(condition)}&sort=-outlier_score")
    review.get_by_role("listbox", name="Rows").focus()
    review.keyboard.press("ArrowDown")
    review.keyboard.press("ArrowDown")
    review.keyboard.press("Enter")
    review.wait_for_url(re.compile(r"row=\d+"))
    heading = review.get_by_role("complementary", name="The open row").get_by_text(re.compile("^3 of "))
    heading.wait_for()

    colleague, wrong = watched(another(review.context))
    colleague.goto(shelf[0])  # comes in; then opens what was sent
    colleague.get_by_role("heading", name="Projects").wait_for()
    colleague.goto(review.url)
    assert row_numbers(colleague, 8) == row_numbers(review, 8)
    there = colleague.get_by_role("complementary", name="The open row").get_by_text(re.compile("^3 of "))
    expect(there).to_have_text(heading.inner_text())
    expect(colleague.locator(".cell.open")).to_have_attribute("data-row", re.search(r"row=(\d+)", review.url)[1])
    assert wrong == []


def test_words_that_speak_for_either_label_are_marked_in_the_open_text(review, banking):
    see(review, LABEL_ISSUES)
    legend = review.locator(".resolver .mark-note")
    marked = review.locator(".full-text mark")
    for at in range(len(row_numbers(review, 5))):
        review.locator(f"#cell-{at}").click()
        row = int(re.search(r"row=(\d+)", review.url).group(1))
        review.get_by_role("heading", name="Classes by probability").wait_for()
        if legend.count():
            break
    sides = dict(zip(marked.all_inner_texts(), [mark.get_attribute("class") for mark in marked.all()], strict=True))
    assert set(sides) <= set(re.findall(r"[^\W\d_][\w'’]*|\d[\d.,]*", banking["body"][row]))
    expect(legend).to_contain_text(f"{banking['intent'][row]} (given)" if "given" in sides.values() else "(suggested)")
    assert "suggested" in sides.values()


def test_compact_texts_have_the_words_that_speak_for_either_label_marked_in_their_line(review, analysed):
    see(review, LABEL_ISSUES + "&look=dense")
    line = review.locator(".cell").filter(has=review.locator("mark")).first
    line.locator("mark").first.wait_for()
    first, text = line.locator("mark").first.bounding_box(), line.locator("p").bounding_box()
    assert text["x"] <= first["x"] and first["x"] + first["width"] <= text["x"] + text["width"] + 1  # in sight
    assert line.bounding_box()["height"] == 52
    assert line.locator("p").get_attribute("title") in assay.open(analysed).issues()["body"].tolist()
    shown = [(mark.inner_text(), mark.get_attribute("class")) for mark in line.locator("mark").all()]
    line.click()
    whole = review.get_by_role("region", name="The whole text").locator("mark")
    whole.first.wait_for()
    assert [(mark.inner_text(), mark.get_attribute("class")) for mark in whole.all()] == shown
