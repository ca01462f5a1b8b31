"""A headless browser for tests of the page; any error on its console fails the test."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

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
        context.set_default_timeout(20_000)
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
