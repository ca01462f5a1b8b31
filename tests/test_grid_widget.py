"""The grid of a notebook: what Python sends and takes, and the page that draws it in a real browser.

The page talks to the very widget, by way of a model of a few lines that stands in for a notebook's.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import assay
from assay.errors import MissingExtraError, UsageError
from browsing import browser, expect, watched
from fake_project import digits_project

pytestmark = [pytest.mark.xdist_group("browser")]
pytest.importorskip("anywidget", reason="pip install 'assay[notebook]'")

EVIL = "<img src=x onerror=\"document.title='hacked'\"> \ud800"
PAGE = """<!doctype html><html lang=en><title>notebook</title><link rel=stylesheet href=/grid_widget.css><body><main></main>
<script type=module>
import widget from '/grid_widget.js'
const state = JSON.parse(await window.toPython('{}')), heard = {}, told = name => (heard['change:' + name] ?? []).forEach(act => act())
let set = {}
const model = {
    get: name => state[name],
    set: (name, value) => { state[name] = set[name] = value; told(name) },
    save_changes: async () => {
        const sent = set
        set = {}
        for (const [name, value] of Object.entries(JSON.parse(await window.toPython(JSON.stringify(sent)))))
            if (JSON.stringify(state[name]) !== JSON.stringify(value)) { state[name] = value; told(name) }
    },
    on: (news, act) => { (heard[news] ??= []).push(act) },
    off: (news, act) => { heard[news] = heard[news].filter(one => one !== act) },
}
window.leave = widget.render({ model, el: document.querySelector('main') })
window.listeners = () => Object.values(heard).flat().length
</script></html>"""
SYNCED = ("modality", "checks", "check", "offset", "at_once", "total", "rows", "selected")


@pytest.fixture
def show() -> Iterator[Any]:
    """Opens a widget in a browser."""
    import assay.report.grid_widget as module

    files = {f"/{name}": (module.HERE / name).read_text("utf-8") for name in ("grid_widget.js", "grid_widget.css")}
    with browser() as context:
        page, wrong = watched(context)

        def serve(route: Any) -> None:
            name = route.request.url.removeprefix("http://notebook.test")
            kind = "text/javascript" if name.endswith("js") else "text/css" if name.endswith("css") else "text/html"
            route.fulfill(body=files.get(name, PAGE), content_type=f"{kind}; charset=utf-8")

        def open_widget(widget: Any) -> Any:
            def to_python(sent: str) -> str:
                for name, value in json.loads(sent).items():
                    setattr(widget, name, value)
                return json.dumps({name: getattr(widget, name) for name in SYNCED})

            page.expose_function("toPython", to_python)
            page.route("http://notebook.test/**", serve)
            page.goto("http://notebook.test/")
            page.get_by_role("status").wait_for()
            return page

        yield open_widget
        assert wrong == []


def test_the_rows_of_a_check_come_worst_first_and_a_page_at_a_time(digits_project):
    project = assay.open(digits_project)
    widget = project.show("label")
    ids = project.issues("label")["row_id"].tolist()
    assert (widget.total, [row["id"] for row in widget.rows]) == (len(ids), ids[: widget.at_once])
    assert all(row["picture"].startswith("data:image/jpeg;base64,") for row in widget.rows)
    assert {row["given"] for row in widget.rows} == {id.split("/")[0] for id in ids[: widget.at_once]}
    widget.check = ""
    everything = project.issues()["row_id"].tolist()
    assert (widget.total, widget.rows[0]["id"]) == (len(everything), everything[0])
    widget.offset = 24
    assert [row["id"] for row in widget.rows] == everything[24:48]
    widget.offset = 10**9  # no further than the last page
    assert widget.rows[-1]["id"] == everything[-1]
    widget.check = "near_duplicate"
    assert widget.offset == 0 and widget.total == len(project.issues("near_duplicate"))
    with pytest.raises(UsageError, match="there is no check 'lable'"):
        project.show("lable")
    with pytest.raises(UsageError, match="there is no check"):
        widget.check = "lable"


def test_what_is_selected_comes_back_as_the_rows_of_the_project(digits_project, tmp_path):
    project = assay.open(digits_project)
    widget = project.show("label")
    assert widget.selection.empty
    rows = [widget.rows[2]["row"], widget.rows[0]["row"]]
    widget.selected = [*rows, rows[0], -1, 10**6]  # twice, and what does not exist
    assert widget.selected == rows
    expected = project.issues("label").iloc[[2, 0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.DataFrame(widget.selection), pd.DataFrame(expected))


def test_without_the_package_the_error_names_the_extra(digits_project, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "assay.report.grid_widget", raising=False)
    with pytest.raises(MissingExtraError, match=r'pip install "assay\[notebook\]"'):
        assay.open(digits_project).show()


def test_a_selection_by_clicks_and_another_check(digits_project, show):
    project = assay.open(digits_project)
    widget = project.show()
    page = show(widget)
    status, rows = page.get_by_role("status"), page.get_by_role("group", name="Rows").get_by_role("button")
    expect(status).to_have_text(f"1 to 24 of {len(project)}")
    page.get_by_role("button", name="Next").click()
    expect(rows.first).to_contain_text(project.issues()["row_id"].iloc[24])
    n = len(project.flagged("label"))
    page.get_by_role("combobox", name="Show").select_option(f"Label issues ({n})")
    expect(status).to_have_text(f"1 to {n} of {n}")
    expect(rows).to_have_count(n)
    assert page.get_by_role("button", name="Next").is_disabled()
    for at in (1, 0, 2, 0):  # the first is let go again
        rows.nth(at).click()
    expect(status).to_contain_text("2 selected")
    expect(rows.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(rows.nth(0)).to_have_attribute("aria-pressed", "false")
    page.wait_for_function(
        "() => document.querySelectorAll('img').length && [...document.images].every(one => one.naturalWidth)"
    )
    assert widget.selection["row_id"].tolist() == project.issues("label")["row_id"].iloc[[1, 2]].tolist()
    rows.nth(3).focus()
    page.keyboard.press("Enter")
    expect(status).to_contain_text("3 selected")
    page.get_by_role("button", name="Select these").click()
    expect(status).to_contain_text(f"{n} selected")
    assert page.evaluate("() => { window.leave(); return window.listeners() }") == 0


@pytest.mark.parametrize("modality", ["text", "table"])
def test_texts_and_cells_are_text_and_never_mark_up(modality, show, tmp_path):
    codes = np.arange(60) % 2
    vectors = np.eye(2)[codes] * 4 + np.random.default_rng(0).normal(size=(60, 2))
    frame = pd.DataFrame({"label": np.array(["a", "b"])[codes]})
    if modality == "text":
        frame.insert(0, "text", [f"{EVIL.encode('utf-8', 'replace').decode()} number {n}" for n in range(60)])
    else:
        frame = frame.assign(note=EVIL.encode("utf-8", "replace").decode(), size=np.arange(60.0))
    probs = np.exp(vectors) / np.exp(vectors).sum(1, keepdims=True)
    project = assay.analyze(
        frame, label="label", modality=modality, pred_probs=probs.astype(np.float32), embeddings=vectors,
        output=tmp_path / "evil.assay", progress="quiet",
    )  # fmt: skip
    page = show(project.show())
    first = page.get_by_role("group", name="Rows").get_by_role("button").first
    expect(first).to_contain_text("<img src=x onerror=")
    assert page.title() == "notebook" and page.locator("main img").count() == 0


def test_pictures_and_ids_of_an_issues_table_keep_their_width_under_a_notebooks_style() -> None:
    """JupyterLab bounds every picture by what holds it, and a cell of a table is as narrow as what is in it."""
    style = "<style>img { max-width: 100%; height: auto } table { font-size: 12px; max-width: 100% }</style>"
    with browser() as context:
        page, _ = watched(context)
        page.set_content(f"{style}<div style='width: 700px'>{digits_project(40).issues()._repr_html_()}</div>")
        row = page.locator("tbody tr").first
        assert row.locator("img").bounding_box()["width"] == 96
        assert row.locator("td").nth(1).bounding_box()["width"] >= 72
        heads = page.locator("thead th").all_inner_texts()
        assert heads[1:3] == ["row_id", "given_label"] and "suggested_label" in heads[3:6]
        assert not re.search(r"\d\.\d{4,}", row.inner_text())  # scores, of four bytes, in three digits
