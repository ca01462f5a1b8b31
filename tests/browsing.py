"""A headless browser for tests of the page, and what tests read off its screens and do there.

Any error on the console fails the test that looks at the list that `watched` fills.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.server.workspace import project_id

PATIENCE = float(os.environ.get("ASSAY_TEST_PATIENCE", "60")) * 1000  # ms
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip


def chromium() -> str:
    """The browser's path; the test is skipped where there is none."""
    found = os.environ.get("ASSAY_TEST_BROWSER") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on this machine: apt install chromium, or set ASSAY_TEST_BROWSER")
    return found


@contextlib.contextmanager
def browser(**options: Any) -> Iterator[Any]:
    """A browser context of its own; ``options`` of Playwright's ``new_context``."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="the browser tests need playwright: pip install --group test"
    )
    path = chromium()
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        context = started.new_context(**({"viewport": {"width": 1280, "height": 720}} | options))
        context.set_default_timeout(PATIENCE)  # a loaded machine is slow, not wrong
        try:
            yield context
        finally:
            started.close()


def watched(context: Any) -> tuple[Any, list[str]]:
    """A page, and everything that went wrong on it: errors of the console, of scripts, of answers."""
    page, wrong = context.new_page(), []
    page.on("console", lambda said: wrong.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None)
    return page, wrong


def another(context: Any, **options: Any) -> Any:
    """A second person's browser: a context without the cookies of the first."""
    made = context.browser.new_context(**({"viewport": {"width": 1280, "height": 720}} | options))
    made.set_default_timeout(PATIENCE)
    return made


def sign_in(page: Any, address: str, person: str) -> None:
    """Through the door of the page, under a name of one's own."""
    host, token = address.split("/?token=")
    page.goto(host)
    page.get_by_role("textbox", name="Your name").fill(person)
    page.locator("input[type=password]").fill(token)
    page.get_by_role("button", name="Come in").click()
    page.get_by_role("heading", name="Projects").wait_for()


def open_project(page: Any, folder: Path) -> None:
    """From the list of projects to the rows of the one in ``folder``."""
    page.locator(f'a[href^="/p/{project_id(folder)}/"]').click()
    page.get_by_role("listbox", name="Rows").get_by_role("option").first.wait_for()


def row_numbers(page: Any, n: int) -> list[int]:
    """The rows of the first ``n`` places of the view, once they have come."""
    page.wait_for_function(
        "n => [...Array(n).keys()].every(at => document.getElementById('cell-' + at)?.dataset.row !== undefined)", arg=n
    )
    return page.evaluate(
        "n => [...Array(n).keys()].map(at => Number(document.getElementById('cell-' + at).dataset.row))", n
    )


def preset(page: Any, name: str) -> Any:
    return page.get_by_role("navigation", name="What was found").get_by_role("button", name=re.compile(f"^{name} "))


def shows(page: Any, n: int) -> None:
    """The view holds ``n`` rows, sooner or later."""
    said = f"{n:,} {'row' if n == 1 else 'rows'}"
    page.locator(".tools").get_by_role("status").filter(has_text=re.compile(f"^{said}$")).wait_for()


def decided(page: Any, number: int) -> None:
    """So many rows of the project have a decision, sooner or later."""
    page.get_by_text(f"{number:,} decided", exact=True).wait_for()


def told(page: Any, text: str) -> None:
    """A message says what was done, sooner or later."""
    page.get_by_role("alert").filter(has_text=re.compile(text)).first.wait_for()


def expect(locator: Any) -> Any:
    """Playwright's assertions, which wait for what they claim; as patient as everything else here."""
    from playwright import sync_api

    sync_api.expect.set_options(timeout=PATIENCE)
    return sync_api.expect(locator)
