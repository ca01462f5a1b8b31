"""The page in a real browser, from upload to export, over real data."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from browsing import browser, decided, expect, preset, shows, watched
from serving import served

pytestmark = [pytest.mark.xdist_group("browser")]

CLASSES = ("cat", "dog", "frog", "ship")
A_CLASS = 150  # pictures


@pytest.fixture(scope="module")
def pictures(data_dir, tmp_path_factory) -> Path:
    """A ZIP of class folders: 600 CIFAR pictures under the labels that people gave, some of them wrong."""
    table = pd.read_csv(data_dir / "cifar10n_6k" / "labels.csv")
    table = table[table["random1_name"].isin(CLASSES)].groupby("random1_name").head(A_CLASS)
    place = tmp_path_factory.mktemp("pictures") / "animals.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for file, label in zip(table["file"], table["random1_name"], strict=True):
            archive.write(data_dir / "cifar10n_6k" / file, f"{label}/{Path(file).name}")
    return place


def start_project(page, file: Path) -> None:
    """Upload a file, confirm how it is read, wait until the first run has ended."""
    page.get_by_role("button", name="New project").first.click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(file)
    page.get_by_role("button", name="Find what is wrong").click()
    page.get_by_role("navigation", name="What was found").wait_for(timeout=120_000)


def count_of(page, name: str) -> int:
    expect(preset(page, name)).to_have_text(re.compile(r"\d$"))
    return int(preset(page, name).inner_text().split()[-1].replace(",", ""))


def rows_shown(page, below: int) -> int:
    """How many rows the view holds, once they are fewer than ``below``: those of the view before may still be shown."""
    page.wait_for_function(
        "below => { const said = /^([0-9,]+) row/.exec(document.querySelector('.tools [role=status]')?.innerText ?? ''); "
        "return said !== null && Number(said[1].replaceAll(',', '')) < below }",
        arg=below,
    )
    return int(page.locator(".tools").get_by_role("status").inner_text().split()[0].replace(",", ""))


def said(page, text: str) -> None:
    """Something on the page says so, sooner or later."""
    page.get_by_text(re.compile(text)).first.wait_for()


def exported(page, tmp_path: Path) -> list[dict[str, str]]:
    """The rows that the export dialog gives."""
    page.get_by_role("button", name="Export").first.click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export", exact=True).click()
    target = tmp_path / download.value.suggested_filename
    download.value.save_as(target)
    assert re.fullmatch(r"[\w-]+-clean-[0-9]{8}-[0-9]{4}\.parquet", target.name)
    page.keyboard.press("Escape")
    return pd.read_parquet(target).to_dict("records")


def add_filter(page, what: str, value: str) -> None:
    page.get_by_role("button", name="Add filter").click()
    page.get_by_role("option", name=what, exact=True).click()
    page.get_by_role("dialog", name="Add filter").get_by_role("combobox", name=what).click()
    page.get_by_role("listbox", name=what).get_by_role("option", name=re.compile(f"^{value}\\b")).click()
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Show these").click()
    page.get_by_role("dialog", name="Add filter").wait_for(state="hidden")


def fix_in_bulk(page, number: int) -> None:
    """Everything that the filter holds, after a look at what would happen."""
    page.keyboard.press("Control+a")
    page.get_by_role("toolbar").get_by_role("button", name="Accept").click()
    dialog = page.get_by_role("dialog", name=re.compile("Accept the suggestions"))
    dialog.get_by_text("Every suggestion", exact=True).click()  # the safe ones alone are what a person gets unasked
    page.wait_for_function(f"() => /{number}\\s*relabelled/.test(document.querySelector('[role=dialog]').innerText)")
    dialog.get_by_role("button", name=re.compile(f"Do it: {number} rows?")).click()
    said(page, f"Accepted the suggestion of {number} rows?: frog → ")
    decided(page, number)


def focus_first_row(page) -> None:
    page.get_by_role("listbox", name="Rows").get_by_role("option").first.click()
    page.locator(".classes kbd").filter(has_text=re.compile("^1$")).wait_for()  # what the keys mean has come


def test_from_upload_over_bulk_fixes_to_the_exported_file(pictures, tmp_path):
    """One afternoon in one test: every step looks at what the step before left behind."""
    home = tmp_path / "home"
    with browser() as context:
        page, wrong = watched(context)
        with served(home) as (address, _):
            page.goto(address)
            start_project(page, pictures)
            assert count_of(page, "All rows") == A_CLASS * len(CLASSES)
            flagged = count_of(page, "Label issues")
            assert flagged > 5

            # filter: given = frog and label issue; the view is in the address
            preset(page, "Label issues").click()
            add_filter(page, "Given", "frog")
            page.wait_for_url(re.compile("given="))
            frogs = rows_shown(page, below=flagged)
            assert frogs > 0
            view = page.url

            fix_in_bulk(page, frogs)
            page.keyboard.press("Control+z")
            decided(page, 0)
            page.keyboard.press("Control+Shift+z")
            decided(page, frogs)
            page.goto("about:blank")  # else the stream of news breaks off, which the console calls an error

        # the server is killed; another one knows everything
        with served(home) as (address, _):
            where = re.sub(r"^https?://[^/]+", address.split("/?")[0], view)
            page.goto(address)
            page.goto(where)
            shows(page, frogs)
            decided(page, frogs)

            # by keys: the first dog that looks like another class gets its likeliest label, the next is left out
            page.goto(where.split("?")[0] + "?any=label&given=%5B%22dog%22%5D")
            focus_first_row(page)
            expect(page.get_by_role("listbox", name="Rows").get_by_role("option").first).to_contain_text("dog")
            page.keyboard.press("1")
            decided(page, frogs + 1)
            page.keyboard.press("e")
            decided(page, frogs + 2)

            # history lists the entries, newest first
            page.get_by_role("link", name="History").click()
            page.get_by_role("heading", name="History").first.wait_for()
            said(page, "undo")

            # two classes side by side
            page.get_by_role("link", name="Compare classes").click()
            page.get_by_role("heading", level=1).first.wait_for()

            # the exported file has exactly those changes
            page.get_by_role("link", name="Review").click()
            rows = exported(page, tmp_path)
            assert len(rows) == A_CLASS * len(CLASSES) - 1  # one was left out
            changed = [row for row in rows if row["label"] != Path(row["path"]).parent.name]
            assert len(changed) == frogs + 1
            assert sorted(Path(row["path"]).parent.name for row in changed) == ["dog"] + ["frog"] * frogs
        assert wrong == []
