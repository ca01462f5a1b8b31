"""The report: one page that holds what was found, says how, needs nothing else and trusts no text.

Oracles: plain counts over the fake project's columns; Python's own HTML parser.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import assay
from assay.actions import State
from assay.checks import CHECKS, SENTENCES
from assay.errors import UsageError
from assay.query import ReviewTable, count_facets
from assay.report import collect, render_report, write_report
from assay.report.data import Histogram
from assay.report.markdown import _plain, render_markdown
from assay.report.pictures import MOST_BYTES, fit_picture
from assay.report.render import _breakable, _percent, _probability
from fake_project import ERROR_RATE, FakeProject, columns_for, digits_project, jpeg, text_project

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&{{ 7 * 7 }}"
VOID = {"meta", "img", "br", "wbr", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would make of a page: tags in order, text by section, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.sections: dict[str, str] = {"": ""}
        self._section = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self._section = str(dict(attrs)["id"])
            self.sections[self._section] = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th", "li", "dd", "dt", "p"):
            self.sections[self._section] += " "
        if tag == "section":
            self._section = ""

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.sections[self._section] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.sections.values()).split())

    def section(self, name: str) -> str:
        return " ".join(self.sections[name].split())


def page_of(project: FakeProject) -> Page:
    return Page(render_report(collect(project)))  # type: ignore[arg-type]


def table_project(n: int = 120, **options: Any) -> FakeProject:
    """Loans: wrong labels are told by the income, and by nothing else."""
    rng = np.random.default_rng(3)
    given = (np.arange(n) % 2).astype(int)
    classes = ["no", "yes"]
    values = columns_for(n, given, classes) | {"is_identical_row": np.arange(n) % 60 == 1}
    suggested = np.where(values["is_label_issue"], 1 - given, -1)
    values["suggested_label"] = [classes[code] if code >= 0 else None for code in suggested]
    truth = np.where(suggested >= 0, suggested, given)
    cells = pa.table(
        {
            "income": [f"{'high' if t else 'low'}" for t in truth],
            "age": rng.integers(20, 70, n),
            "city": [["Bonn", "Ulm", None][i % 3] for i in range(n)],
            "loan": [classes[g] for g in given],
        }
    )
    roles = {"label": "loan", "features": ["income", "age", "city"]}
    return FakeProject("table", values, cells, classes=classes, roles=roles, name="loans", **options)


def review_project(n: int = 200, **options: Any) -> FakeProject:
    words = {"good": "lovely plot and wonderful actors", "bad": "boring plot and terrible actors"}
    labels = ["good" if i % 2 else "bad" for i in range(n)]
    wrong = {i: "bad" if labels[i] == "good" else "good" for i in range(21, n, 20)}
    texts = [f"film {i}: {words[wrong.get(i, labels[i])]}" for i in range(n)]
    return text_project(texts, list(labels), suggested=wrong, **options)


PROJECTS = {"image": digits_project, "text": review_project, "table": table_project}


@pytest.fixture(params=list(PROJECTS))
def project(request: pytest.FixtureRequest) -> FakeProject:
    made: FakeProject = PROJECTS[request.param]()
    return made


# one file ------------------------------------------------------------------------------------------------------


def test_the_page_is_well_formed_and_asks_for_nothing(project: FakeProject) -> None:
    html = render_report(collect(project))  # type: ignore[arg-type]
    page = Page(html)
    assert page.open == []
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "form", "base")
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "action", "srcset", "poster", "background"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/jpeg;base64,", "#"))
    assert not re.search(r"url\(|@import|@font-face|https?://", html)
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_every_link_leads_to_a_section_of_the_page_and_no_id_is_there_twice(project: FakeProject) -> None:
    page = page_of(project)
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    links = {str(a["href"]).removeprefix("#") for tag, a in page.tags if tag == "a"}
    assert links <= set(ids)
    assert links == set(page.sections) - {""}


def test_the_page_is_for_phones_for_paper_and_for_dark_rooms(project: FakeProject) -> None:
    html = render_report(collect(project))  # type: ignore[arg-type]
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html
    for rule in ("@media print", "prefers-color-scheme: dark", "max-width: 40rem", "prefers-reduced-motion"):
        assert rule in html


def test_every_picture_has_a_size_and_a_description(project: FakeProject) -> None:
    for tag, attributes in page_of(project).tags:
        if tag == "img":
            assert attributes["alt"] and attributes["width"] and attributes["height"]


def test_the_same_project_gives_the_same_bytes(tmp_path: Path) -> None:
    for make in PROJECTS.values():
        first, second = tmp_path / "a.html", tmp_path / "b.html"
        assert write_report(make(), first) == str(first)  # type: ignore[arg-type]
        write_report(make(), second)  # type: ignore[arg-type]
        assert first.read_bytes() == second.read_bytes()


def test_the_report_is_a_file_and_nothing_half_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"is a folder; name a file in it, such as .*report\.html"):
        write_report(digits_project(40), tmp_path)  # type: ignore[arg-type]
    (tmp_path / "r.html").write_text("before")
    project = digits_project(40)
    monkeypatch.setattr(project, "insights", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(project, tmp_path / "r.html")  # type: ignore[arg-type]
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_pictures_as_large_as_they_come_keep_the_page_under_15_megabytes() -> None:
    rng = np.random.default_rng(0)
    noise = [jpeg(rng.integers(0, 256, (400, 400, 3), np.uint8), 95) for _ in range(40)]
    n = 1_500
    digits = np.arange(n) % 10
    values = columns_for(n, digits, [str(d) for d in range(10)])
    for name in ("dark", "light", "blurry", "low_information", "odd_size", "odd_aspect_ratio"):
        values |= {f"is_{name}": np.arange(n) % 9 == 2, f"{name}_score": rng.random(n)}
    values |= {"image_width": [400] * n, "image_height": [400] * n}
    project = FakeProject(
        "image",
        values,
        pa.table({"path": [f"{i}.png" for i in range(n)]}),
        classes=[str(d) for d in range(10)],
        thumbnails=[noise[i % 40] for i in range(n)],
    )
    html = render_report(collect(project))  # type: ignore[arg-type]
    assert html.count("<img") > 80
    assert len(html.encode()) < 15_000_000
    small = render_report(collect(project, budget=100_000))  # type: ignore[arg-type]
    assert len(small.encode()) < 350_000
    assert 0 < small.count("<img") < html.count("<img")
    assert "no picture" in small


def test_the_page_does_not_grow_with_the_rows_nor_reads_them_all() -> None:
    small, large = review_project(400), review_project(8_000)
    pages = [render_report(collect(project)) for project in (small, large)]  # type: ignore[arg-type]
    assert len(pages[1]) < 1.2 * len(pages[0])
    assert sum(large.reads) < 700  # rows shown, and at most 200 of each class to count words in


def test_five_thousand_classes_fit_on_the_page() -> None:
    n = 10_000
    classes = [f"class {i}" for i in range(5_000)]
    values = columns_for(n, np.arange(n) % 5_000, classes)
    project = FakeProject("image", values, pa.table({"path": ["x"] * n}), classes=classes)
    html = render_report(collect(project))  # type: ignore[arg-type]
    assert len(html) < 1_000_000
    assert "of 5,000 classes" in Page(html).section("classes")


# nothing is trusted --------------------------------------------------------------------------------------------


def evil_values(n: int, classes: list[Any]) -> dict[str, Any]:
    values = columns_for(n, np.arange(n) % len(classes), classes)
    return values | {
        "row_id": [f"{EVIL}/{i}" for i in range(n)],
        "split": [EVIL if i % 2 else "test" for i in range(n)],
        "outlier_reason": [EVIL] * n,
        "not_analyzed_reason": [EVIL] * n,
        "near_duplicate_kind": [EVIL] * n,
    }


@pytest.mark.parametrize("modality", ["image", "text", "table"])
def test_no_text_of_the_users_becomes_mark_up(modality: str) -> None:
    n, classes = 60, [EVIL, f"{EVIL} 2", "\u202eevil", "plain"]
    cells = pa.table({EVIL: [EVIL] * n, "text": [f"{EVIL} word{i}" for i in range(n)]})
    values = evil_values(n, classes)
    if modality == "text":
        values |= {
            "is_PII": [True] * n,
            "PII_score": [1.0] * n,
            "PII_types": [f'["{"<b>"}"]'] * n,
            "PII_items": ["[]"] * n,
        }
        values |= {"is_wrong_language": [True] * n, "wrong_language_score": [1.0] * n, "predicted_language": [EVIL] * n}
    project = FakeProject(
        modality,
        values,
        cells,
        classes=classes,
        roles={"text": "text", "label": EVIL, "features": [EVIL, "text"]},
        thumbnails=[jpeg(np.full((9, 9, 3), 9, np.uint8))] * n,
        findings=[{"check": "columns", "title": EVIL, "subject": [EVIL], "message": EVIL, "data": {}}],
        skipped={"ambiguous": EVIL},
        failed={"cross_split_duplicate": EVIL},
        name=EVIL,
    )
    project.run |= {"missing": [EVIL], "notes": [EVIL], "embeddings": [EVIL], "versions": {EVIL: EVIL}}
    page = page_of(project)
    assert page.open == []
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "b"}
    assert all("onerror" not in attributes for _, attributes in page.tags)
    images = [a for tag, a in page.tags if tag == "img"]
    assert all(str(a["src"]).startswith("data:image/jpeg;base64,") for a in images)
    assert page.text.count("<script>alert('x')</script>") > 50  # it is all there, as text
    assert "49" not in page.section("findings")  # no template runs what the data say


def test_lone_surrogates_and_control_characters_do_not_stop_the_page(tmp_path: Path) -> None:
    project = digits_project(40, name="broken \udce4 name\x00")
    write_report(project, tmp_path / "r.html")  # type: ignore[arg-type]
    assert "broken ? name" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_long_texts_names_and_ids_are_cut() -> None:
    texts = ["word " * 50_000] * 60
    project = text_project(texts, ["a" * 5_000 if i % 2 else "b" for i in range(60)], suggested={3: "b"})
    project._table = project._table.set_column(0, "row_id", pa.array([f"{'x' * 4_000}{i}" for i in range(60)]))
    html = render_report(collect(project))  # type: ignore[arg-type]
    assert len(html) < 250_000


def test_personal_data_is_masked() -> None:
    more = {"is_PII": np.arange(40) == 3, "PII_score": np.ones(40), "PII_types": ['["email"]'] * 40}
    more["PII_items"] = ['["anna@example.com"]' if i == 3 else "[]" for i in range(40)]
    texts = ["write to anna@example.com now" if i == 3 else f"text {i}" for i in range(40)]
    page = page_of(text_project(texts, ["a", "b"] * 20, more=more))
    assert "anna@example.com" not in page.text
    assert "write to a•••••••• now" in page.text
    assert "holds email" in page.section("content")


# what is on it -------------------------------------------------------------------------------------------------


def test_the_head_counts_what_was_found() -> None:
    project = digits_project(300)
    data = collect(project)  # type: ignore[arg-type]
    figures = {figure.label: (figure.value, figure.note) for figure in data.figures}
    assert figures["of labels wrong, estimated"] == ("5.1%", "95% interval 4.3% to 6.0%")
    assert figures["label issues"] == ("15", "5.0% of all")
    assert figures["outliers"] == ("8", "2.7% of all")
    assert figures["duplicate sets"] == ("4", "12 images")
    assert figures["sets with conflicting labels"] == ("2", "")
    assert figures["set across splits"] == ("1", "")
    assert figures["could not be read"] == ("1", "0.3% of all")
    head = page_of(project).section("")
    assert "Assay read 300 images in 10 classes." in head
    assert "15 carry a label that is likely wrong" in head
    assert "15 images carry a label that is likely wrong." in page_of(project).section("label")


def test_the_report_counts_what_the_review_app_counts() -> None:
    """In an order of the user's, where half of the rows have gone from the source. Oracle: the counts beside the filters."""
    project = digits_project()
    project.dataset.order = np.arange(300)[::-2]
    table = ReviewTable.load(project)
    counted = count_facets(table, table.present, State(300))
    found = collect(project)
    assert found.n_rows == counted["total"] == 150
    assert f"{counted['presets']['issues']:,} of them" in found.lead
    assert {str(value): rows for value, rows in counted["given"]} == {one.name: one.rows for one in found.classes}
    assert sum(one.issues for one in found.classes) == counted["checks"]["label"] > 0
    assert found.duplicates is not None
    assert found.duplicates.rows == counted["checks"]["near_duplicate"] > 0
    assert found.duplicates.exact_rows == counted["checks"]["exact_duplicate"]


def test_the_page_tells_a_story() -> None:
    """The rate and the day, what is taken for what, which label of two is wrong, then single rows, classes, what to do; method last."""
    project = digits_project(300)
    project.run["ended"] = "2026-11-03T10:00:00+00:00"
    page = page_of(project)
    head = page.section("")
    assert "About 5.1% of the 300 labels are wrong, by estimate (95% interval 4.3% to 6.0%)." in head
    assert head.index("About 5.1%") < head.index("Assay read 300 images")
    assert "Data quality report, 3 November 2026" in head
    told = [
        name
        for name in page.sections
        if name in ("corrections", "duplicates", "outlier", "label", "classes", "ambiguous", "next", "how")
    ]
    assert told == ["corrections", "duplicates", "outlier", "label", "classes", "ambiguous", "next", "how"]
    steps = collect(project).next_steps  # type: ignore[arg-type]
    assert steps[0].text == "Look at the 15 rows with a label issue, the worst first, and decide."
    assert all(step.text in page.section("next") for step in steps)
    markdown = render_markdown(collect(project)).splitlines()  # type: ignore[arg-type]
    assert "1. Look at the 15 rows with a label issue, the worst first, and decide. `assay serve PROJECT`" in markdown
    project.run["ended"] = "some day"
    assert "Data quality report photos" in page_of(project).section("")


def test_what_rows_have_in_common_is_said_once() -> None:
    data = collect(digits_project(300))  # type: ignore[arg-type]
    assert data.label_issues is not None
    same = replace(data.label_issues, exhibits=tuple(replace(e, p_error=0.9999) for e in data.label_issues.exhibits))
    outlier = next(gallery for gallery in data.galleries if gallery.check == "outlier")
    reasons = ["far from all", "odd one", "far from all", "far from all"]
    grouped = replace(
        outlier, exhibits=tuple(replace(e, reason=r) for e, r in zip(outlier.exhibits[:4], reasons, strict=True))
    )
    others = tuple(gallery for gallery in data.galleries if gallery.check != "outlier")
    page = Page(render_report(replace(data, label_issues=same, galleries=(grouped, *others))))
    assert page.section("label").count("over 99.9%") == 1 + sum((e.confidence or 0) >= 0.9995 for e in same.exhibits)
    told = page.section("outlier")
    assert told.count("far from all") == 1 and "3 images: far from all" in told and told.count("odd one") == 1
    its = replace(grouped, exhibits=tuple(replace(e, reason="Its colours are rare.") for e in grouped.exhibits))
    nothing = sum(check.status == "ran" and not check.count for check in data.checks)
    assert f"{nothing} checks found nothing" in page.section("how")
    told = Page(render_report(replace(data, galleries=(its, *others)))).section("outlier")
    assert "4 images, each: its colours are rare." in told


def test_a_bound_is_told_as_a_bound_on_the_page_and_in_markdown() -> None:
    bound = ERROR_RATE | {"data": ERROR_RATE["data"] | {"at_most": True}}
    data = collect(digits_project(300, findings=[bound]))  # type: ignore[arg-type]
    assert data.label_issues is not None
    same = replace(data.label_issues, exhibits=tuple(replace(e, p_error=0.9999) for e in data.label_issues.exhibits))
    page = Page(render_report(replace(data, label_issues=same)))
    assert "At most 5.1% of the 300 labels are wrong" in page.section("")
    assert "If the models are right, each of those shown is wrong with probability over 99.9%." in page.section("label")
    assert "15 carry a label that may be wrong" in page.section("")
    assert "15 images carry a label that may be wrong." in page.section("label")
    markdown = render_markdown(data).replace("\\", "")
    assert "At most 5.1% of the 300 labels are wrong" in markdown and "About" not in markdown


def test_a_head_without_copies_counts_none() -> None:
    n = 6
    values = columns_for(n, np.arange(n) % 2, ["a", "b"])
    values["near_duplicate_cluster_id"] = [None] * n
    cells = pa.table({"text": [f"text {i}" for i in range(n)]})
    page = page_of(FakeProject("text", values, cells, classes=["a", "b"], roles={"text": "text"}))
    assert "duplicate sets" not in page.section("") and "conflicting labels" not in page.section("")


def test_a_second_look_is_asked_for_each_row_with_a_finding_once() -> None:
    project = digits_project(300)
    table = project.results()
    harmless = ("well_labeled", "unlabeled", "rare_class")
    flags = [check.flag for check in CHECKS if check.name not in harmless and check.flag in table.column_names]
    faulty = np.any([table[flag].to_numpy(zero_copy_only=False) for flag in flags], axis=0).sum()
    assert f"{faulty} of them ({faulty / 300:.1%}) deserve a second look" in page_of(project).section("")


def test_the_worst_label_issues_come_first_with_both_labels() -> None:
    project = digits_project(300)
    gallery = collect(project).label_issues  # type: ignore[arg-type]
    assert gallery is not None
    wanted = project.results(project.flagged("label")).to_pylist()
    assert [e.row_id for e in gallery.exhibits] == [row["row_id"] for row in wanted][: len(gallery.exhibits)]
    assert [e.given for e in gallery.exhibits] == [row["given_label"] for row in wanted]
    assert [e.suggested for e in gallery.exhibits] == [row["suggested_label"] for row in wanted]
    assert all(
        e.picture is not None and e.picture.jpeg == project.thumbnail(int(e.row_id[-5:])) for e in gallery.exhibits
    )


def test_texts_have_their_telling_words_marked() -> None:
    page = page_of(review_project())
    marked = [a["class"] for tag, a in page.tags if tag == "mark"]
    assert {"suggested"} <= set(marked)
    gallery = collect(review_project()).label_issues  # type: ignore[arg-type]
    assert gallery is not None
    for exhibit in gallery.exhibits:
        words = {p.text for p in exhibit.passages if p.side == "suggested"}
        assert words == ({"lovely", "wonderful"} if exhibit.suggested == "good" else {"boring", "terrible"})


def test_rows_have_their_telling_cells_marked() -> None:
    gallery = collect(table_project()).label_issues  # type: ignore[arg-type]
    assert gallery is not None
    for exhibit in gallery.exhibits:
        assert [cell.column for cell in exhibit.cells] == ["income", "age", "city"]
        assert [cell.column for cell in exhibit.cells if cell.telling] == ["income"]


def test_the_corrections_are_counted_and_the_commonest_lead() -> None:
    project = digits_project(900)
    data = collect(project)  # type: ignore[arg-type]
    rows = project.results().to_pylist()
    counts = Counter((r["given_label"], r["suggested_label"]) for r in rows if r["is_label_issue"])
    shown = {(c.given, c.suggested): c.count for c in data.corrections}
    assert shown == {pair: counts[pair] for pair in shown}
    assert [c.count for c in data.corrections] == sorted(counts.values(), reverse=True)[: len(shown)]
    assert data.n_corrections == len(counts)
    assert [len(c.exhibits) for c in data.corrections[:6]] == [min(4, c.count) for c in data.corrections[:6]]


def test_an_outlier_does_not_illustrate_a_correction() -> None:
    project = digits_project(900)
    before = collect(project).corrections[0]  # type: ignore[arg-type]
    column = project._table.column_names.index("is_outlier")
    outlier = project._table["is_outlier"].to_numpy(zero_copy_only=False).copy()
    outlier[int(before.exhibits[0].row_id[-5:])] = True
    project._table = project._table.set_column(column, "is_outlier", pa.array(outlier))
    after = collect(project).corrections[0]  # type: ignore[arg-type]
    assert (after.given, after.suggested, after.count) == (before.given, before.suggested, before.count)
    assert before.exhibits[0].row_id not in [shown.row_id for shown in after.exhibits]
    assert len(after.exhibits) == min(4, before.count - 1)


def test_the_issues_of_each_class_are_counted() -> None:
    project = digits_project(300)
    rows = project.results().to_pylist()
    issues = Counter(r["given_label"] for r in rows if r["is_label_issue"])
    total = Counter(r["given_label"] for r in rows)
    classes = collect(project).classes  # type: ignore[arg-type]
    assert {c.name: (c.issues, c.rows) for c in classes} == {str(d): (issues[str(d)], total[str(d)]) for d in range(10)}
    assert [c.issues for c in classes] == sorted(issues.values(), reverse=True) + [0] * (10 - len(issues))


def test_the_histogram_counts_every_labelled_row_and_its_line_parts_the_flagged_best() -> None:
    project = digits_project(300)
    found = collect(project).histogram  # type: ignore[arg-type]
    table = project.results()
    quality = table["label_quality"].to_numpy().astype(float)
    flagged = table["is_label_issue"].to_numpy(zero_copy_only=False)
    assert isinstance(found, Histogram) and found.threshold is not None
    assert (sum(found.counts), sum(found.flagged)) == (300, int(flagged.sum()))
    best = max(np.mean((quality <= cut) == flagged) for cut in quality)
    assert found.agreement == pytest.approx(best)
    assert np.mean((quality < found.threshold) == flagged) == pytest.approx(best)


@pytest.mark.parametrize("flagged", [np.zeros(300, bool), np.ones(300, bool)])
def test_there_is_no_line_where_all_or_none_are_flagged(flagged: np.ndarray) -> None:
    project = digits_project(300)
    column = project._table.column_names.index("is_label_issue")
    project._table = project._table.set_column(column, "is_label_issue", pa.array(flagged))
    found = collect(project).histogram  # type: ignore[arg-type]
    assert found is not None and found.threshold is None
    page_of(project)


def test_duplicate_sets_stand_side_by_side_and_the_wrong_label_is_named() -> None:
    data = collect(digits_project(300)).duplicates  # type: ignore[arg-type]
    assert data is not None
    assert (data.sets, data.rows, data.exact_rows, data.conflict_sets, data.cross_split_sets) == (4, 12, 8, 2, 1)
    conflicts = [s for s in data.shown if s.conflict]
    assert data.shown[: len(conflicts)] == tuple(conflicts)
    for found in conflicts:
        wrong = [member for member in found.members if member.is_wrong]
        assert len(wrong) == 1 and found.members[0].is_wrong
        assert f"“{wrong[0].given}” is wrong; all 3 should be “" in found.verdict
    text = page_of(digits_project(300)).section("duplicates")
    assert "12 images in 4 sets of copies; 8 have an exact twin. In 2 sets the copies carry different labels." in text


def test_the_report_says_which_copies_would_go_which_stay_and_why(request: pytest.FixtureRequest) -> None:
    project = assay.open(request.getfixturevalue("digits_project"))
    data = collect(project).duplicates
    assert data is not None and data.n_drops == len(data.drops) >= 1
    (copy,) = [drop for drop in data.drops if "0001" in drop.row_id]
    assert "copy of one/0001" in copy.reason and ", which stays: " in copy.reason
    page = render_report(collect(project))
    assert f"{copy.row_id}: {copy.reason}" in page and "nothing goes unless it is asked for" in page


def test_a_set_shows_every_label_and_split_before_a_second_of_any() -> None:
    n = 60
    project = digits_project(n)
    values = {name: project._table[name].to_pylist() for name in project._table.column_names}
    values |= {
        "near_duplicate_cluster_id": [0] * 20 + [None] * 40,
        "is_near_duplicate": [i < 20 for i in range(n)],
        "is_duplicate_label_conflict": [i < 20 for i in range(n)],
        "is_duplicate_label_wrong": [i < 18 for i in range(n)],
        "given_label": ["1"] * 17 + ["2"] + ["3"] * 2 + ["4"] * 40,
        "duplicate_correct_label": ["3"] * n,
        "split": ["train"] * n,
    }
    made = FakeProject("image", values, project._cells, classes=project.classes)
    found = collect(made).duplicates  # type: ignore[arg-type]
    assert found is not None
    assert sorted(str(member.given) for member in found.shown[0].members) == ["1", "1", "2", "3"]
    assert [member.is_wrong for member in found.shown[0].members] == [True, True, True, False]
    assert found.shown[0].verdict == "“1” and “2” are wrong; all 20 should be “3”."
    values |= {"is_multi_label": [i == 3 for i in range(n)], "second_label": ["3"] * n}
    two = collect(FakeProject("image", values, project._cells, classes=project.classes))  # type: ignore[arg-type]
    assert two.duplicates is not None
    assert two.duplicates.shown[0].verdict == "A row given “1” seems to hold two labels, so that neither need be wrong."
    (gallery,) = [one for one in two.galleries if one.total == 1 and "wo labels" in one.title]
    row_id = values["row_id"][3]
    assert [exhibit.reason for exhibit in gallery.exhibits] == ["also 3"]
    assert f"- {row_id}: given 1 (also 3)" in render_markdown(two).replace("\\", "").splitlines()


def test_thin_evidence_names_no_label() -> None:
    project = digits_project(300)
    column = project._table.column_names.index("duplicate_correct_label")
    project._table = project._table.set_column(column, "duplicate_correct_label", pa.nulls(300, pa.string()))
    data = collect(project).duplicates  # type: ignore[arg-type]
    assert data is not None
    assert "the evidence is too thin to say which is right" in data.shown[0].verdict


def test_outliers_and_content_findings_have_a_gallery_without_suggestions() -> None:
    project = digits_project(300)
    data = collect(project)  # type: ignore[arg-type]
    galleries = {gallery.check: gallery for gallery in data.galleries}
    assert set(galleries) == {"outlier", "ambiguous", "not_analyzed", "dark", "odd_size"}
    assert [e.row_id for e in galleries["outlier"].exhibits] == project.results(project.flagged("outlier"))[
        "row_id"
    ].to_pylist()
    assert {e.reason for e in galleries["outlier"].exhibits} == {"far from every row of its class"}
    assert {e.reason for e in galleries["odd_size"].exhibits} == {"64 × 64 pixels"}
    assert all(e.suggested is None and e.p_error is None for g in data.galleries for e in g.exhibits)
    page = page_of(project)
    assert "the file ends too early" in page.section("not_analyzed")
    assert "Dark 5" in page.section("content")


def test_what_did_not_run_is_said_with_the_reason_and_has_no_section() -> None:
    project = digits_project(
        300, skipped={"outlier": "there is no encoder"}, failed={"near_duplicate": "the disk was full"}
    )
    project.run["missing"] = ["multi-label data is not there yet"]
    page = page_of(project)
    assert "Outliers skipped there is no encoder" in page.section("not-run")
    assert "Near duplicates failed the disk was full" in page.section("not-run")
    assert "multi-label data is not there yet" in page.section("not-run")
    assert "outlier" not in page.sections and "duplicates" not in page.sections
    assert "not-run" not in page_of(digits_project(300)).sections


def test_a_failed_label_check_leaves_no_empty_charts() -> None:
    page = page_of(digits_project(300, failed={"label": "out of memory"}, findings=[]))
    assert not {"label", "corrections", "classes", "quality"} & set(page.sections)
    assert "of labels wrong" not in page.text


def test_every_check_says_how_it_found_what_it_found(project: FakeProject) -> None:
    said = page_of(project).section("how")
    for check in project.run["checks"]:
        assert " ".join(SENTENCES[check["name"]].split()) in said


def test_findings_about_classes_and_columns_are_listed_but_charted_ones_are_not() -> None:
    names = {"check": "class_names", "title": "Misspelt class name", "subject": [], "message": "cta is cat", "data": {}}
    charted = {"check": "corrections", "title": "C", "subject": [], "message": "1 to 2", "data": {}}
    page = page_of(digits_project(300, findings=[ERROR_RATE, charted, *[names] * 120]))
    said = page.section("findings")
    assert "Misspelt class name cta is cat" in said and "1 to 2" not in said
    assert "100 of 120 shown" in said
    assert "Merge the 120 class names that look misspelt into what they should be." in page.section("next")


def test_a_dataset_without_labels_has_a_report() -> None:
    n = 50
    values = {"row_id": list(range(n)), "is_not_analyzed": [False] * n, "not_analyzed_reason": [None] * n}
    values |= {"is_outlier": [i == 3 for i in range(n)], "outlier_score": np.linspace(0, 1, n)}
    for modality in ("image", "text", "table"):
        project = FakeProject(modality, values, pa.table({"text": ["t"] * n}), classes=[], roles={"text": "text"})
        project.run["checks"] = [
            check for check in project.run["checks"] if check["name"] in ("outlier", "not_analyzed")
        ]
        page = page_of(project)
        assert "1 of them (2.0%) deserves a second look." in page.section("")
        assert "label" not in page.sections
        assert "3" in page.section("outlier")


def test_a_clean_dataset_is_told_so() -> None:
    n = 5
    values = {"row_id": list(range(n)), "is_outlier": [False] * n, "outlier_score": [0.0] * n}
    project = FakeProject("table", values, pa.table({"a": [1] * n}), classes=[])
    project.run["checks"] = [check for check in project.run["checks"] if check["name"] == "outlier"]
    assert "Assay read 5 rows and found nothing wrong with any of them." in page_of(project).section("")


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_datasets_have_a_report(n: int) -> None:
    values = columns_for(n, np.zeros(n, int), ["only"])
    for modality in ("image", "text", "table"):
        cells = pa.table({"text": ["t"] * n, "x": [1.5] * n})
        page_of(FakeProject(modality, values, cells, classes=["only"], roles={"text": "text", "features": ["x"]}))


def test_columns_that_were_not_computed_are_no_findings() -> None:
    project = digits_project(300)
    table = project._table
    for name in (
        "is_label_issue",
        "label_quality",
        "suggested_label",
        "label_issue_score",
        "near_duplicate_cluster_id",
    ):
        table = table.set_column(table.column_names.index(name), name, pa.nulls(300, table[name].type))
    project._table = table
    page = page_of(project)
    assert "quality" not in page.sections


def test_integer_and_boolean_classes_read_like_what_they_are() -> None:
    for classes in (list(range(10)), [False, True]):
        n = 60
        values = columns_for(n, np.arange(n) % len(classes), classes)
        page = page_of(FakeProject("image", values, pa.table({"path": ["x"] * n}), classes=classes))
        assert str(classes[1]) in page.section("classes")


# small things --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.5, "50%"),
        (0.05, "5.0%"),
        (0.996, "99.6%"),
        (0.99999, "99.9%"),
        (0.124, "12%"),
        (None, ""),
    ],
)
def test_percentages_never_round_up_to_everything(share: float | None, text: str) -> None:
    assert _percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "over 99.9%"), (0.9996, "over 99.9%"), (0.9, "90%"), (0.0, "under 0.1%")]
)
def test_a_probability_is_never_a_certainty(value: float, text: str) -> None:
    assert _probability(value) == text


@pytest.mark.parametrize(
    "text", ["", "short", "a/b/c", "train/grand_piano/image_0001.jpg", EVIL, "x" * 99, "你" * 40, "e\u0301" * 30]
)
def test_breaks_change_no_character(text: str) -> None:
    class Text(HTMLParser):
        found = ""

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            assert tag == "wbr"

        def handle_data(self, data: str) -> None:
            self.found += data

    parser = Text()
    parser.feed(str(_breakable(text)))
    parser.close()
    assert parser.found == text


def test_pictures_are_made_small_and_what_is_none_is_none() -> None:
    rng = np.random.default_rng(0)
    large = jpeg(rng.integers(0, 256, (900, 700, 3), np.uint8), 98)
    picture = fit_picture(large)
    assert picture is not None and len(picture.jpeg) <= MOST_BYTES and max(picture.width, picture.height) == 160
    small = jpeg(np.zeros((10, 20, 3), np.uint8))
    kept = fit_picture(small)
    assert kept is not None and (kept.jpeg, kept.width, kept.height) == (small, 20, 10)
    assert fit_picture(b"no picture") is None
    assert fit_picture(small[:40]) is None


def test_nothing_of_the_data_marks_the_markdown_up_or_steers_a_terminal() -> None:
    """Addresses become links by themselves in most readers of Markdown, entities become letters."""
    assert _plain("https://a.example www.a.example ann@a.example &lt;b&gt;") == (
        r"https\://a.example www\.a.example ann\@a.example \&lt;b\&gt;"
    )
    assert _plain("a\x1b[2J\u202eb\n# c") == r"a\\x1b\[2J\\u202eb \# c"
