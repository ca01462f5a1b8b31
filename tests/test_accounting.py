"""analysis/accounting.py: what became of all that was found. Oracle: the files themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

import assay
from assay.analysis.accounting import accounting
from in_this_process import in_this_process
from test_first_guess import CLASS, PROSE, png


def test_nothing_is_said_where_every_row_was_analysed() -> None:
    assert accounting(62, [], []) == []


def test_reasons_are_counted_whatever_their_lines_and_places() -> None:
    reasons = [f"there is no such file: /data/{at}.png" for at in range(7)]
    reasons += [f"line {at}: 3 cells where the header has 2" for at in range(3)]
    reasons += ["the image is missing", "the file is empty (zero bytes)"]
    assert accounting(100, reasons, ["9 of 20 images are not named by a.csv and are left out (the first: b.png)"]) == [
        "100 rows found: 88 analysed, 12 not analysed (there is no such file: 7; 3 cells where the header has 2: 3; "
        "the image is missing: 1; for other reasons: 1).",
        "9 of 20 images are not named by a.csv and are left out (the first: b.png).",
    ]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> assay.Project:
    folder = tmp_path_factory.mktemp("accounts")
    lines = [
        "text,label",
        *(f"{text},{label}" for text, label in zip(PROSE, CLASS, strict=True)),
        "a,b,c",
        "text,label",
    ]
    (folder / "t.csv").write_text("\n".join(lines))
    with in_this_process():
        return assay.analyze(folder / "t.csv", output=folder / "p", workers=1, progress=False)


def test_lines_of_a_file_add_up(texts: assay.Project) -> None:
    summary = texts.summary()
    assert summary.accounting == (
        "62 rows found: 60 analysed, 2 not analysed (3 cells where the header has 2: 1; the header again: 1).",
    )
    assert summary.accounting[0] in str(summary)


@pytest.mark.usefixtures("here")
def test_images_of_a_folder_add_up(tmp_path: Path) -> None:
    (tmp_path / "img").mkdir()
    for at in range(12):
        (tmp_path / "img" / f"{at}.png").write_bytes(b"" if at == 3 else png(20 * at))
    (tmp_path / "labels.csv").write_text("image,label\n" + "".join(f"{at}.png,{'ab'[at % 2]}\n" for at in range(10)))
    project = assay.analyze(tmp_path, output=tmp_path / "p.assay", workers=1, progress=False)
    assert project.summary().accounting == (
        "10 rows found: 9 analysed, 1 not analysed (the file is empty (zero bytes): 1).",
        "2 of 12 images are not named by labels.csv and are left out (the first: img/10.png).",
    )
