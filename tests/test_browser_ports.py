"""Two servers on two ports of one host, one browser: what the second receives opens nothing on the first."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from browsing import browser, open_project, watched
from serving import copy_project, served

pytestmark = [pytest.mark.xdist_group("browser")]


@pytest.fixture
def eavesdropper() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Somebody's server on another port: its address, and the headers of what it was asked."""
    heard: list[dict[str, str]] = []

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(dict(self.headers))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>hello")

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    server.server_close()


def test_a_second_server_of_the_host_cannot_replay_the_session_of_the_first(tmp_path, digits_project, eavesdropper):
    project = copy_project(digits_project, tmp_path / "shelf" / "digits.assay")
    with (
        served(tmp_path / "home", tmp_path / "shelf") as (first, _),
        served(tmp_path / "home2", Path(project)) as (second, _),
        browser() as context,
    ):
        page, wrong = watched(context)
        events: list[int] = []
        page.on("response", lambda answer: events.append(answer.status) if "/events" in answer.url else None)
        page.goto(first)
        open_project(page, project)
        assert "key" not in page.url and "token" not in page.url
        page.wait_for_function("() => document.querySelector('.thumb img')?.naturalWidth > 0")
        asked = [
            one for one in page.evaluate("performance.getEntriesByType('resource').map(e => e.name)") if "thumbs" in one
        ]
        there = page.url.split("?")[0].replace("/p/", "/api/v1/projects/").removesuffix("/review").rstrip("/")
        own, heard = eavesdropper
        visitor = context.new_page()
        visitor.goto(own)
        cookies = heard[0]["Cookie"]
        assert "assay-" in cookies  # it does come: what it is worth is asked below
        origin = first.split("/?")[0]
        stolen = {"Cookie": cookies, "Sec-Fetch-Site": "same-origin", "Origin": origin}
        assert asked
        for path in (
            "/api/v1/projects",
            *(one.partition("?")[0].removeprefix(origin) for one in (asked[0], f"{there}/events")),
        ):
            assert httpx.get(origin + path, headers=stolen).status_code == 401
        assert httpx.post(f"{origin}/api/v1/session", json={"person": "eve"}, headers=stolen).status_code == 401
        assert httpx.get(f"{origin}/api/v1/session", headers=stolen).json()["signed_in"] is False
        # from its page, with the browser's own credentials
        tried = "async url => (await fetch(url, {credentials: 'include', mode: 'no-cors'}).catch(() => null))?.type ?? 'refused'"
        assert visitor.evaluate(tried, f"{origin}/api/v1/projects") in ("opaque", "refused")
        assert visitor.evaluate("() => JSON.stringify(localStorage)") == "{}"
        # a second Assay beside it signs in for itself, and neither disturbs the other
        beside, _ = watched(context)
        beside.goto(second)  # started for one project, it opens that
        beside.get_by_role("link", name="Review").click()
        beside.get_by_role("listbox", name="Rows").get_by_role("option").first.wait_for()
        page.reload()
        page.get_by_role("listbox", name="Rows").get_by_role("option").first.wait_for()
        page.wait_for_function("() => document.querySelector('.thumb img')?.naturalWidth > 0")
        assert events and set(events) == {200}
        # nor does an address with a wrong key sign anybody out
        page.goto(f"{origin}/#key=wrong")
        page.get_by_role("heading", name="Projects").wait_for()
        assert page.url == f"{origin}/"
        assert wrong == []


VIOLATED = """addEventListener('securitypolicyviolation', event => {
    sessionStorage.violated = (sessionStorage.violated ?? '') + `${event.effectiveDirective} ${event.blockedURI}; ` })"""
PAGES = ("", "/charts", "/map", "/compare", "/history")


def test_no_page_breaks_the_policy_of_contents_and_one_that_did_would_be_told(tmp_path, digits_project):
    project = copy_project(digits_project, tmp_path / "shelf" / "digits.assay")
    with served(tmp_path / "home", tmp_path / "shelf") as (address, _), browser() as context:
        context.add_init_script(VIOLATED)
        page, wrong = watched(context)
        page.goto(address)
        open_project(page, project)
        page.locator("#cell-0").click()
        page.get_by_role("complementary", name="The open row").get_by_role("heading", name="History").wait_for()
        base = page.url.split("?")[0].rstrip("/").removesuffix("/review")
        for path in PAGES:
            page.goto(f"{base}{path}")
            page.get_by_role("navigation", name="Pages of the project").wait_for()
            page.wait_for_load_state("load")
        assert page.evaluate("sessionStorage.violated ?? ''") == ""
        assert wrong == []
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
        )
        page.wait_for_function("() => (sessionStorage.violated ?? '').includes('script-src-elem inline')")
        assert page.evaluate("window.ran") is None
