"""Two people in two browsers on one project: nobody's decision vanishes silently, and the news comes by itself.

Ann and Bob sign in under their own names. What the log holds in the end is asked of the log, not of the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.actions import ACTION_NAMES
from browsing import another, browser, decided, open_project, row_numbers, sign_in, told, watched
from serving import copy_project, served

pytestmark = [pytest.mark.xdist_group("browser")]


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
def two(shelf, project) -> Iterator[tuple[Any, Any]]:
    """Ann's and Bob's page of the project; the browser says that an answer was 409, which is no fault here."""
    with browser() as context:
        pages = []
        for person, own in (("ann", context), ("bob", another(context))):
            page, wrong = watched(own)
            sign_in(page, shelf[0], person)
            open_project(page, project)
            page.get_by_role("button", name=f"Signed in as {person}").wait_for()
            pages.append((page, wrong))
        yield pages[0][0], pages[1][0]
        for _, wrong in pages:
            assert [fault for fault in wrong if "409 (Conflict)" not in fault] == []


def on_a_train(page) -> None:
    """No news reach this page any more: what its person sees grows old."""
    silence = "retry: 600000\n\n"
    page.route("**/events?*", lambda route: route.fulfill(content_type="text/event-stream", body=silence))
    page.reload()


def open_row(page, place: int = 0) -> int:
    (row,) = row_numbers(page, place + 1)[place:]
    page.locator(f"#cell-{place}").click()
    opened(page).get_by_role("heading", name="Classes by probability").wait_for()
    return row


def opened(page) -> Any:
    return page.get_by_role("complementary", name="The open row")


def log_of(project: Path) -> list[tuple[str, str, list[int]]]:
    """(who, what, rows) of every entry, oldest first."""
    entries = assay.open(project).log.entries(rows=True)
    return [(entry.person, entry.action, entry.rows.tolist()) for entry in reversed(entries)]


def action_on(project: Path, row: int) -> tuple[str, str]:
    """What stands in the end, and by whom."""
    state = assay.open(project).log.state()
    return ACTION_NAMES[state.action[row]], state.people[state.person[row]]


def clash(two) -> tuple[int, Any]:
    """Both look at one row, Ann keeps it, then Bob, who cannot know, leaves it out: (the row, what Bob is told)."""
    ann, bob = two
    on_a_train(bob)
    row = open_row(bob)
    assert open_row(ann) == row
    ann.keyboard.press("q")
    told(ann, "Kept 1 row as given")
    bob.keyboard.press("e")
    dialog = bob.get_by_role("dialog", name="Meanwhile …")
    dialog.get_by_text("While you were looking, ann decided this row. Nothing of yours was written yet.").wait_for()
    dialog.get_by_role("row", name="ann Kept as given").wait_for()
    return row, dialog


def test_the_later_one_is_told_and_may_leave_it(two, project):
    row, dialog = clash(two)
    dialog.get_by_role("button", name="Leave it as it is").click()
    dialog.wait_for(state="hidden")
    assert log_of(project) == [("ann", "keep", [row])]


def test_the_later_one_is_told_and_may_decide_anyway(two, project):
    row, dialog = clash(two)
    dialog.get_by_role("button", name="Decide anyway").click()
    told(two[1], "Left out 1 row")
    assert log_of(project) == [("ann", "keep", [row]), ("bob", "exclude", [row])]
    assert action_on(project, row) == ("exclude", "bob")


def test_an_undo_leaves_what_somebody_else_decided_later(two, project):
    ann, bob = two
    row = open_row(ann)
    ann.keyboard.press("q")
    decided(bob, 1)
    assert open_row(bob) == row
    opened(bob).get_by_text("kept by ann").wait_for()
    bob.keyboard.press("e")
    told(bob, "Left out 1 row")

    ann.keyboard.press("Control+z")
    told(ann, "1 row stays? as decided later")
    decided(ann, 1)
    assert action_on(project, row) == ("exclude", "bob")
    bob.keyboard.press("Control+z")  # then nothing stands: Ann's decision was taken back
    decided(bob, 0)
    decided(ann, 0)


def test_decisions_appear_at_the_other_persons_page_by_themselves(two, project):
    ann, bob = two
    row = open_row(ann)
    assert open_row(bob) == row
    ann.keyboard.press("q")
    decided(bob, 1)
    opened(bob).get_by_text("kept by ann").wait_for()
    bob.locator(f'.cell.decided[data-row="{row}"]').wait_for()
    bob.get_by_role("navigation", name="What was found").get_by_role("button", name="Decided 1").wait_for()
    bob.get_by_role("link", name="History").click()
    bob.get_by_role("row", name="ann Kept 1 row as given").wait_for()
    ann.keyboard.press("Control+z")
    bob.get_by_role("row", name="ann Undid entry 1").wait_for()
    decided(bob, 0)
