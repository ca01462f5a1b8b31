"""How a project and its issues show themselves: HTML in a notebook, tables on a terminal.

Oracle: Python's HTML parser; the fake project's own columns.
"""

from __future__ import annotations

import pickle
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.cli.terminal import show_issues, show_models
from assay.report.notebook import IssuesFrame, project_html, row_numbers
from fake_project import FakeProject, columns_for, digits_project, jpeg, text_project

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, name: str) -> int:
        return sum(tag == name for tag, _ in self.tags)


def shown(frame: pd.DataFrame) -> Tags:
    return Tags(frame._repr_html_())  # type: ignore[operator]


def evil_project(modality: str = "image") -> FakeProject:
    n = 60
    values = columns_for(n, np.arange(n) % 2, [EVIL, "plain"]) | {"row_id": [f"{EVIL}{i}" for i in range(n)]}
    values |= {"outlier_reason": [EVIL] * n}
    return FakeProject(
        modality,
        values,
        pa.table({EVIL: [EVIL] * n, "text": [EVIL] * n}),
        classes=[EVIL, "plain"],
        roles={"text": "text"},
        thumbnails=[jpeg(np.full((9, 9, 3), 9, np.uint8))] * n,
        skipped={"ambiguous": EVIL},
        name=EVIL,
    )


# issues --------------------------------------------------------------------------------------------------------


def test_issues_of_pictures_show_their_thumbnails() -> None:
    project = digits_project(300)
    found = shown(project.issues("label"))
    images = [attributes for tag, attributes in found.tags if tag == "img"]
    assert len(images) == 12
    assert all(str(a["src"]).startswith("data:image/jpeg;base64,") for a in images)
    assert "12 of 15 rows" in found.text
    first = project.results(project.flagged("label")[:1]).to_pylist()[0]
    assert found.text.index(first["row_id"]) < found.text.index(
        first["suggested_label"], found.text.index(first["row_id"])
    )


def test_a_selection_of_issues_keeps_its_pictures() -> None:
    frame = digits_project(300).issues("label")
    assert shown(frame[frame["suggested_label"] == frame["suggested_label"].iloc[0]]).count("img") >= 1
    assert shown(frame.sort_values("row_id")).count("img") == 12
    assert shown(frame[["row_id", "given_label"]]).count("img") == 12
    assert shown(frame.head(3)).count("img") == 3


def test_without_the_row_ids_it_is_a_plain_table() -> None:
    frame = digits_project(300).issues("label")
    assert shown(frame[["given_label"]]).count("img") == 0
    assert isinstance(frame["given_label"], pd.Series)


def test_other_modalities_show_plain_tables() -> None:
    assert shown(text_project(["a", "b"] * 20, ["x", "y"] * 20).issues()).count("img") == 0


def test_an_empty_table_shows_itself() -> None:
    assert shown(digits_project(300).issues()[:0]).count("img") == 0


def test_a_pickled_table_is_an_ordinary_one() -> None:
    frame = digits_project(40).issues()
    again = pickle.loads(pickle.dumps(frame))
    assert type(again) is pd.DataFrame
    pd.testing.assert_frame_equal(again, pd.DataFrame(frame))


def test_it_computes_like_any_data_frame() -> None:
    frame = digits_project(60).issues()
    assert isinstance(frame, IssuesFrame)
    assert frame.groupby("given_label").size().sum() == 60
    assert len(pd.concat([frame, frame])) == 120
    assert shown(pd.concat([frame, frame])).count("table") == 1  # an id twice is no error


def test_a_row_whose_picture_is_lost_says_so() -> None:
    project = digits_project(300)
    project._thumbnails[int(project.flagged("label")[0])] = None
    assert "no picture" in shown(project.issues("label")).text


def test_row_numbers_follow_the_order_of_the_project() -> None:
    project = digits_project(10)
    project.dataset = SimpleNamespace(order=np.arange(10)[::-1] + 100)
    assert row_numbers(project, ["row/00000", "row/00003", "gone"]) == [109, 106, -1]  # type: ignore[arg-type]


def test_nothing_in_a_table_becomes_mark_up() -> None:
    found = shown(evil_project().issues("label"))
    assert found.count("script") == 0
    assert all(str(a["src"]).startswith("data:") for tag, a in found.tags if tag == "img")
    assert "<script>alert('x')</script>" in found.text


# projects ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["image", "text", "table"])
def test_nothing_in_a_project_becomes_mark_up(modality: str) -> None:
    found = Tags(project_html(evil_project(modality)))  # type: ignore[arg-type]
    assert found.count("script") == 0
    assert all(str(a["src"]).startswith("data:") for tag, a in found.tags if tag == "img")
    assert f"skipped: {EVIL}" in found.text


def test_a_project_shows_every_check_and_its_worst_pictures() -> None:
    project = digits_project(300, failed={"dark": "the disk was full"})
    found = Tags(project_html(project))  # type: ignore[arg-type]
    assert found.count("tr") == len(project.run["checks"])
    assert found.count("img") == 8
    assert "300 rows of image data, 10 classes" in found.text
    assert "Label issues15 5.0%" in found.text
    assert "failed: the disk was full" in found.text
    assert "Worst label issues" in found.text


def test_without_label_issues_the_clearest_outliers_are_shown() -> None:
    project = digits_project(300, skipped={"label": "the data has no labels"})
    found = Tags(project_html(project))  # type: ignore[arg-type]
    assert "Clearest outliers" in found.text


def test_a_project_of_texts_lists_them_with_both_labels() -> None:
    texts, labels = [f"text number {i}" for i in range(40)], ["good", "bad"] * 20
    found = Tags(project_html(text_project(texts, list(labels), suggested={4: "bad"})))  # type: ignore[arg-type]
    assert found.count("li") == 1
    assert "text number 4 good → bad" in found.text


def test_a_project_without_findings_is_a_table_alone() -> None:
    n = 3
    project = FakeProject("table", {"row_id": list(range(n))}, pa.table({"a": [1] * n}), classes=[])
    project.run["checks"] = []
    assert "3 rows of table data" in Tags(project_html(project)).text  # type: ignore[arg-type]


def test_a_notebook_stays_small() -> None:
    noise = jpeg(np.random.default_rng(0).integers(0, 256, (900, 900, 3), np.uint8), 98)
    project = digits_project(300, thumbnails=[noise] * 300)
    assert len(project_html(project)) < 400_000  # type: ignore[arg-type]
    assert len(project.issues("label")._repr_html_()) < 500_000  # type: ignore[operator]


# terminal ------------------------------------------------------------------------------------------------------


def on_terminal(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    project: FakeProject,
    type: str | None,
    top: int | None,
) -> str:
    show_issues(project, type, top)  # type: ignore[arg-type]
    return capsys.readouterr().out


def test_the_terminal_shows_the_worst_first_and_how_to_see_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = digits_project(300)
    out = on_terminal(capsys, monkeypatch, project, "label", 4)
    ids = project.results(project.flagged("label")[:4])["row_id"].to_pylist()
    assert re.findall(r"row/\d{5}", out) == ids
    assert "4 of 15 rows; --top shows more, -o FILE writes all" in out


def test_the_terminal_names_no_more_rows_than_there_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = on_terminal(capsys, monkeypatch, digits_project(300), "dark", None)
    assert len(re.findall(r"row/\d{5}", out)) == 5 and "--top" not in out


def test_the_terminal_says_none_where_there_is_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert on_terminal(capsys, monkeypatch, digits_project(300), "unlabeled", None).strip() == "none"


def test_texts_on_the_terminal_are_one_line_and_neither_mark_up_nor_control_codes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["[bold red]x[/] \x1b[31mred\x1b[0m \x07\nsecond line " + "long " * 40] * 40
    out = on_terminal(
        capsys, monkeypatch, text_project(texts, ["[b]a[/b]", "b"] * 20, suggested={3: "[b]a[/b]"}), "label", None
    )
    assert "[bold red]x[/]" in out and "[b]a[/b]" in out
    assert "\x1b" not in out and "\x07" not in out
    assert "…" in out


def test_models_are_listed_with_how_to_get_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    model = SimpleNamespace(name="minilm", modality="text", licence="MIT", megabytes=1_234, about="[small]", here=False)
    show_models([model, SimpleNamespace(**(vars(model) | {"name": "lite0", "here": True}))])
    out = capsys.readouterr().out
    assert "assay models pull minilm" in out and "1,234 MB" in out and "[small]" in out
    assert re.search(r"lite0 .* yes ", out)
