"""A table in a real browser: odd cells, sorting by a column, two classes compared, entries of the history, charts that filter.

The oracle is the data: hospital's `condition` with planted wrong labels, read by pandas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import assay
from browsing import browser, decided, expect, open_project, row_numbers, shows, told, watched
from serving import copy_project, served

pytestmark = [pytest.mark.xdist_group("browser")]

CATEGORIES = ["name", "city", "state", "county", "owner", "measure_code", "score"]
RARE = 0.005  # as the page about tables says


@pytest.fixture(scope="module")
def hospital(data_dir) -> pd.DataFrame:
    """Clean hospital rows of frequent conditions, 10 % of them with another condition."""
    frame = pd.read_csv(data_dir / "tabular_hospital" / "clean.csv", dtype=str).rename(columns=str.lower)
    counts = frame["condition"].value_counts()
    frame = frame[frame["condition"].isin(counts.index[counts >= 20])].reset_index(drop=True)
    rng = np.random.default_rng(1)
    wrong = rng.random(len(frame)) < 0.1
    names = sorted(set(frame["condition"]))
    given = [
        rng.choice([n for n in names if n != t]) if w else t for t, w in zip(frame["condition"], wrong, strict=True)
    ]
    return frame.assign(condition=given)


@pytest.fixture(scope="module")
def analysed(hospital, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("hospital")
    hospital.to_csv(place / "hospital.csv", index=False)
    project = assay.analyze(
        place / "hospital.csv", label="condition", modality="table", output=place / "hospital.assay", progress="quiet"
    )
    return Path(project.path)


@pytest.fixture(scope="module")
def corrections(analysed) -> pd.Series:
    """(given, suggested) -> rows with a label issue, most first."""
    return assay.open(analysed).issues("label")[["condition", "suggested_label"]].value_counts()


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
    with browser(viewport={"width": 1920, "height": 1080}) as context:
        page, wrong = watched(context)
        page.goto(address)
        open_project(page, mine)
        yield page
        assert wrong == []


def go_to(page, title: str) -> None:
    page.get_by_role("navigation", name="Pages of the project").get_by_role("link", name=title).click()


CELLS = """([n, heads]) => [...Array(n).keys()].map(at => Object.fromEntries(
    [...document.getElementById('cell-' + at).children].map(
        (cell, i) => [heads[i], (cell.matches('.odd') ? '*' : '') + cell.textContent])))"""


def cells_of(page, n: int) -> list[dict[str, str]]:
    """Of the first ``n`` places: column -> cell, a star before what is marked as odd."""
    row_numbers(page, n)
    return page.evaluate(CELLS, [n, page.locator(".table-head > span").all_text_contents()])


def choose_sort(page, column: str) -> None:
    page.get_by_role("button", name="Worst first").click()
    page.get_by_role("menuitem", name=column, exact=True).click()
    page.wait_for_url(re.compile(rf"sort=-?{column}\b"))


def first_rows(page, expected: list[int]) -> None:
    """The view begins with these rows, sooner or later."""
    page.wait_for_function(
        "rows => rows.every((row, at) => document.getElementById('cell-' + at)?.dataset.row === String(row))",
        arg=[int(row) for row in expected],
    )


def move_suggested(page, given: str, suggested: str, n: int) -> None:
    """On the page that compares classes: all suggested ones of a class at once, after a look."""
    go_to(page, "Compare classes")
    page.locator("button.pair").filter(has_text=given).filter(has_text=suggested).click()
    page.get_by_role("region", name=given).get_by_role("button", name=f"Move {n} suggested").click()
    preview = page.get_by_role("dialog", name=f"Move what is suggested from “{given}” to “{suggested}”?")
    changes = preview.get_by_role("listitem")
    changes.filter(has_text=given).filter(has_text=suggested).first.wait_for()
    preview.get_by_role("button", name=f"Do it: {n} rows").click()
    told(page, f"Relabelled {n} rows as {suggested}")


def what_happened(page, n: int) -> list[list[str]]:
    """No., who, what, chosen by: the ``n`` entries of the history, newest first."""
    lines = page.get_by_role("main").get_by_role("table").locator("tbody tr")
    lines.nth(n - 1).wait_for()
    cells = [[cell.strip() for cell in line.locator("td").all_inner_texts()] for line in lines.all()]
    return [[line[0], line[3].split("\n")[0], line[4]] for line in cells]


def test_the_cells_that_few_rows_share_are_marked_and_no_others(review, hospital):
    seldom = hospital["name"].value_counts().index[-1]  # the rarest hospital, in one row
    row = int(np.flatnonzero(hospital["name"] == seldom)[0])
    review.goto(review.url.split("?")[0] + f'?ids=["{row}","{(row + 1) % len(hospital)}","0","500"]&sort=order')
    shows(review, 4)
    marked = False
    for place, line in zip(row_numbers(review, 4), cells_of(review, 4), strict=True):
        for column in CATEGORIES:
            value = hospital[column][place]
            odd = (hospital[column] == value).mean() < RARE
            assert line[column] == ("*" if odd else "") + value
            marked |= odd
    assert marked
    review.locator(f'.cell[data-row="{row}"]').click()
    there = review.get_by_role("complementary", name="The open row").locator(".cells .odd").filter(has_text=seldom)
    there.wait_for()


def test_words_of_any_column_find_their_rows_and_an_id_opens_its_row(review, hospital):
    """Oracle: pandas over the cells; the word stands in names, owners and measures, in capitals and not."""
    box = review.get_by_role("textbox", name="Find rows by words in any column, or by id")
    assert "any column" in box.get_attribute("placeholder")
    box.fill("HEART")
    box.press("Enter")
    holds = hospital.apply(lambda column: column.fillna("").str.contains("heart", case=False))
    assert holds.any().sum() > 1  # in more than one column
    found = np.flatnonzero(holds.any(axis=1))
    shows(review, len(found))
    assert set(row_numbers(review, 5)) <= set(found.tolist())
    review.get_by_role("button", name="Remove the filter Any text contains “HEART”").click()
    shows(review, len(hospital))
    box.fill("17")
    box.press("Enter")
    review.get_by_role("complementary", name="The open row").wait_for()


def test_rows_are_sorted_by_a_column_and_equal_ones_keep_the_users_order(review, hospital):
    choose_sort(review, "city")
    first_rows(review, hospital["city"].sort_values(kind="stable").index[:15].tolist())
    review.get_by_role("button", name="Lowest first; change to highest first").click()
    first_rows(review, hospital["city"].sort_values(kind="stable", ascending=False).index[:15].tolist())
    review.reload()
    first_rows(review, hospital["city"].sort_values(kind="stable", ascending=False).index[:15].tolist())


def test_all_that_is_suggested_between_two_classes_moves_as_one_entry_and_comes_back_as_one(review, corrections):
    (given, suggested), n = corrections.index[0], int(corrections.iloc[0])
    move_suggested(review, given, suggested, n)
    decided(review, n)
    moved = review.get_by_role("region", name=given).get_by_role("button", name="Move 0 suggested")
    expect(moved).to_be_disabled()  # what is decided is not offered again
    go_to(review, "History")
    assert what_happened(review, 1) == [["1", f"Relabelled {n} rows as {suggested}", "a class"]]
    review.get_by_role("main").get_by_role("button", name="Undo entry 1").click()
    decided(review, 0)
    go_to(review, "Compare classes")
    review.get_by_role("region", name=given).get_by_role("button", name=f"Move {n} suggested").wait_for()


def test_any_entry_of_the_history_can_be_undone_and_later_ones_stand(review, hospital, corrections):
    (given, suggested), n = corrections.index[0], int(corrections.iloc[0])
    # a row that is not among those: what a person left out is not moved with the others
    at, row = next((at, row) for at, row in enumerate(row_numbers(review, 15)) if hospital["condition"][row] != given)
    review.locator(f"#cell-{at}").click()
    review.get_by_role("heading", name="Classes by probability").wait_for()
    review.keyboard.press("e")
    decided(review, 1)
    move_suggested(review, given, suggested, n)
    go_to(review, "History")
    what_happened(review, 2)
    review.get_by_role("button", name="Undo entry 1").click()
    told(review, "(Undone|Undid)")
    entries = what_happened(review, 3)
    assert [number for number, *_ in entries] == ["3", "2", "1"]
    assert entries[2][1] == "Left out 1 row"
    line = review.get_by_role("main").get_by_role("row", name="Left out 1 row")
    line.get_by_role("button", name="Redo").wait_for()

    go_to(review, "Review")
    review.goto(review.url.split("?")[0] + f"?rows={np.base_repr(row, 36).lower()}")
    shows(review, 1)
    assert row_numbers(review, 1) == [row]
    expect(review.locator("#cell-0")).not_to_contain_text("left out")
    review.goto(review.url.split("?")[0] + "?action=label")
    shows(review, n)


def test_a_bar_of_the_most_suggested_corrections_shows_its_rows(review, hospital, corrections):
    go_to(review, "Charts")
    bars = review.get_by_role("region", name="Most suggested corrections").locator(".bars button")
    bars.first.wait_for()
    expect(bars.locator(".bar-value")).to_have_text([str(n) for n in corrections.tolist()[:12]])
    (given, suggested), n = corrections.index[0], int(corrections.iloc[0])
    expect(bars.first).to_contain_text(given)
    expect(bars.first).to_contain_text(suggested)
    bars.first.click()
    shows(review, n)
    assert [hospital["condition"][row] for row in row_numbers(review, n)] == [given] * n
    for text in ("Label issues", f"Given: {given}", f"Suggested: {suggested}"):
        review.get_by_role("button", name=f"Remove the filter {text}").wait_for()
    review.go_back()
    bars.first.wait_for()


def test_text_that_is_cut_is_whole_in_its_tooltip(review, hospital):
    review.get_by_role("listbox", name="Rows").focus()
    review.keyboard.press("Control+a")
    review.get_by_role("toolbar").get_by_role("button", name="Accept").click()
    line = review.get_by_role("region", name="Rows that change").last.get_by_role("listitem").first
    whole = line.locator("[title*=' · ']").get_attribute("title")
    row = hospital.iloc[int(line.locator(".mono").inner_text())]
    assert all(f"{name}: {row[name]}" in whole for name in CATEGORIES)
    review.keyboard.press("Escape")
    review.get_by_role("dialog").wait_for(state="hidden")
    review.get_by_role("button", name="Add filter").click()
    meaning = review.get_by_role("option").get_by_title("Calibrated probability that the given label is wrong.")
    expect(meaning.first).to_be_visible()
