"""The command line, as other programs and people call it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import assay
from assay.checks import CHECKS
from assay.cli.commands import _label_hint, main
from assay.sources import open_source

CONTRACT = {
    "--task", "--modality", "--features", "--text", "--image", "--label", "--id", "--split", "--pred-probs", "--classes",
    "--embeddings", "--encoder", "--effort", "--seed", "--workers", "--memory", "--quiet", "--log-json", "--debug",
    "--dry-run", "--output",
}  # fmt: skip


def run(*words: object, code: int = 0) -> str:
    """Standard output and error of a command that must end with this exit code."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


# the contract ----------------------------------------------------------------------------------------------------


def test_analyze_has_every_option_of_the_contract():
    said = run("analyze", "--help")
    assert [option for option in CONTRACT if option not in said] == []


def test_help_and_version_import_nothing_heavy():
    for word in ("--help", "--version"):
        command = [sys.executable, "-X", "importtime", "-m", "assay", word]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        imported = {
            line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if line.startswith("import time:")
        }
        assert "assay" in imported
        assert not imported & {"numpy", "pandas", "pyarrow", "onnxruntime", "scipy", "sklearn", "fastapi", "PIL"}


def test_the_five_commands_of_the_front_page(digits, tmp_path):
    project = tmp_path / "d.assay"
    said = run("analyze", digits[0], "-o", project, "--workers", "2")
    assert "301 rows of image data, 10 classes" in said or "302 rows" in said
    assert "Label issues" in said and "Next: assay issues" in said
    assert "Near duplicates" in run("summary", project)
    assert "suggested label" in run("issues", project, "--type", "label", "--top", "5")
    run("report", project, "-o", tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 15 << 20
    run("export", project, "-o", tmp_path / "clean.parquet", "--fix", "auto")
    assert pq.read_table(tmp_path / "clean.parquet").column_names == ["path", "label"]


def test_a_column_that_could_be_the_label_is_named_with_the_command(tmp_path):
    """A guess that is not safe enough to be made: `cultivar` may be the label, and may be a feature."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"alcohol": rng.normal(size=60), "ash": rng.normal(size=60), "cultivar": list("abc") * 20})
    (tmp_path / "my wine").mkdir()
    frame.to_csv(file := tmp_path / "my wine" / "w.csv", index=False)
    hint = _label_hint(str(file), open_source(file))
    assert hint == f"If 'cultivar' is what a row should be called: assay analyze '{file}' --label cultivar\n"
    frame.assign(farm=list("de") * 30).to_csv(file, index=False)
    assert "If 'farm' or 'cultivar' is what a row" in _label_hint(str(file), open_source(file))
    frame.drop(columns="cultivar").to_csv(file, index=False)
    assert _label_hint(str(file), open_source(file)) == ""


def test_planted_wrong_labels_lead_the_list(digits, digits_project):
    found = assay.open(digits_project).issues("label")
    planted = set(digits[1])
    assert len(planted & set(found["row_id"])) >= 12  # of 15
    assert sum(row in planted for row in found["row_id"][:8]) >= 7
    right = found[found["row_id"].isin(planted)]
    suggested = zip(right["row_id"], right["suggested_label"], strict=True)
    assert np.mean([digits[1][row] == label for row, label in suggested]) > 0.8


def test_the_unreadable_file_is_a_row_with_a_reason(digits_project):
    found = assay.open(digits_project).issues("not_analyzed")
    assert found["row_id"].tolist() == ["zero/broken.png"]
    assert "decoded" in found["not_analyzed_reason"][0] or "truncated" in found["not_analyzed_reason"][0]


def test_the_reencoded_copy_is_found(digits_project):
    found = assay.open(digits_project).issues("near_duplicate")
    assert {"one/0001.png", "one/0001_copy.jpg"} <= set(found["row_id"])


def test_summary_as_json_names_every_check_with_its_status(digits_project):
    checks = json.loads(run("summary", digits_project, "--json"))["checks"]
    expected = {check.name for check in CHECKS if "image" in check.modalities}
    assert expected <= {check["name"] for check in checks}
    assert {check["status"] for check in checks} <= {"ran", "skipped", "failed"}
    skipped = {check["name"]: check["why"] for check in checks if check["status"] == "skipped"}
    no_splits = dict.fromkeys(("cross_split_duplicate", "split_leakage", "split_shift"), "the data has no splits")
    small = "the pictures are smaller than 96 pixels: parts of them show no things"
    assert skipped == no_splits | {"row_order": "files of a folder have no order of their own", "multi_label": small}


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl", "parquet"])
def test_issues_without_type_are_all_rows_in_the_users_order_in_every_format(digits_project, tmp_path, kind):
    target = tmp_path / f"issues.{kind}"
    run("issues", digits_project, "--format", kind, "-o", target)
    reader = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}.get(
        kind, lambda f: pd.read_json(f, lines=True)
    )
    frame = reader(target)
    assert frame["row_id"].tolist() == assay.open(digits_project).issues()["row_id"].tolist()
    assert frame["row_id"].tolist() == sorted(frame["row_id"])
    assert {"is_label_issue", "label_quality", "outlier_score", "dark_score", "near_duplicate_cluster_id"} <= set(frame)


def test_issues_go_to_standard_output_for_pipes(digits_project):
    rows = list(
        csv.DictReader(io.StringIO(run("issues", digits_project, "--type", "label", "--top", "3", "--format", "csv")))
    )
    assert len(rows) == 3
    qualities = [float(row["label_quality"]) for row in rows]
    assert qualities == sorted(qualities)


def test_dry_run_says_what_would_be_done_and_writes_nothing(digits, tmp_path):
    said = run("analyze", digits[0], "-o", tmp_path / "p.assay", "--dry-run")
    assert "rows of image data" in said and "estimate:" in said and "MB" in said
    assert not (tmp_path / "p.assay").exists()


def test_quiet_says_nothing_and_log_json_only_json(digits_project, digits, tmp_path):
    assert run("analyze", digits[0], "-o", digits_project, "--quiet") == ""
    lines = run("analyze", digits[0], "-o", digits_project, "--log-json").splitlines()
    assert lines and all("event" in json.loads(line) for line in lines)


def test_the_source_is_never_written_to(digits, digits_project):
    names = sorted(path.name for path in digits[0].rglob("*"))
    assert not [name for name in names if "assay" in name or name.startswith(".")]


# wrong use -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reviews(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("reviews") / "reviews.csv"
    rows = [
        (f"the {word} was {what} number {n}", what)
        for n in range(12)
        for word in ("film", "food")
        for what in ("good", "bad")
    ]
    path.write_text("body,mood,blank\n" + "".join(f"{text},{label},\n" for text, label in rows))
    return path


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["analyze", "nowhere"], 2, "there is no file or folder nowhere"),
        (["analyze", "reviews.csv", "--label", "moood"], 2, "no column 'moood' for --label; did you mean 'mood'?"),
        (["analyze", "reviews.csv", "--label", "blank"], 2, "every cell of the label column 'blank' is blank"),
        (["analyze", "reviews.csv", "--text", "bodie"], 2, "no column 'bodie' for --text; did you mean 'body'?"),
        (["analyze", "reviews.csv", "--task", "regression"], 2, "not there yet"),
        (["analyze", "reviews.csv", "--task", "multi-label"], 2, "not there yet"),
        (["analyze", "reviews.csv", "--task", "guess"], 2, "unknown task 'guess'"),
        (["analyze", "reviews.csv", "--modality", "sound"], 2, "Invalid value for '--modality'"),
        (["analyze", "reviews.csv", "--features", "body,nose"], 2, "no column 'nose' for --features"),
        (["analyze", "reviews.csv", "--label", "mood", "--pred-probs", "none.npy"], 2, "there is no file none.npy"),
        (["analyze", "reviews.csv", "--label", "mood", "--embeddings", "none.npy"], 2, "there is no file none.npy"),
        (["analyze", "reviews.csv", "--label", "mood", "--classes", "none.txt"], 2, "there is no file none.txt"),
        (["analyze", "reviews.csv", "--label", "mood", "--encoder", "bigbert"], 2, "neither a known model"),
        (["analyze", "reviews.csv", "--id", "mood"], 2, "the id column 'mood' is not unique"),
        (["analyze", "reviews.csv", "--memory", "much"], 2, "--memory takes a size"),
        (["analyze", "reviews.csv", "--seed", "-4"], 2, "--seed must be 0 or more"),
        (["analyze", "empty"], 2, "is empty"),
        (["analyze", "nothing.csv"], 2, "zero bytes"),
        (["analyze", "page.csv"], 2, "web page"),
        (["analyze", "photo.csv"], 2, "a PNG image, not text"),
        (["analyze", "letter.docx"], 2, "of a kind Assay does not read"),
        (["analyze", "reviews.csv", "-o", "empty/../reviews.csv"], 1, "is a file; choose another place with -o"),
        (["summary", "nowhere.assay"], 1, "there is no project at nowhere.assay"),
        (["summary", "empty"], 1, "is not an Assay project"),
        (["issues", "PROJECT", "--type", "dragons"], 2, "there is no check 'dragons'"),
        (["issues", "PROJECT", "--type", "pii"], 2, "is for text data"),
        (["issues", "PROJECT", "--type", "cross_split_duplicate"], 2, "it was skipped (the data has no splits)"),
        (["issues", "PROJECT", "--top", "0"], 2, "--top must be 1 or more"),
        (["issues", "PROJECT", "-o", "issues.docx"], 2, "does not name a format"),
        (["export", "PROJECT", "-o", "clean.docx"], 2, "the ending of clean.docx names no format"),
        (["export", "PROJECT", "-o", "clean.csv", "--fix", "magic"], 2, "Invalid value for '--fix'"),
        (["models", "pull", "gpt"], 2, "unknown model 'gpt'"),
        (["models", "path", "gpt"], 2, "unknown model 'gpt'"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_clear_message(words, code, message, reviews, digits_project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").write_bytes(reviews.read_bytes())
    (tmp_path / "empty").mkdir()
    (tmp_path / "nothing.csv").touch()
    (tmp_path / "page.csv").write_text("<!DOCTYPE html><html><body>Please log in</body></html>")
    (tmp_path / "photo.csv").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "letter.docx").write_bytes(b"PK\x03\x04")
    said = run(*[str(digits_project) if word == "PROJECT" else word for word in words], code=code)
    assert message in " ".join(said.split())


def test_a_project_of_a_newer_version_says_upgrade(digits_project, tmp_path):
    (tmp_path / "project.json").write_text('{"format": 99, "uuid": "", "latest_run": 1}')
    assert "newer Assay (format 99" in run("summary", tmp_path, code=1)


def test_a_damaged_project_names_the_file(digits_project, tmp_path):
    (tmp_path / "project.json").write_text('{"format": 1, "uui')
    assert "project.json is damaged" in run("summary", tmp_path, code=1)


def test_a_damaged_result_names_the_file_and_a_run_after_deleting_it_mends_it(digits, digits_project, tmp_path):
    import shutil

    project = tmp_path / "p.assay"
    shutil.copytree(digits_project, project)
    table = next((project / "stages" / "issues" / "label").rglob("*.parquet"))
    table.write_bytes(b"PAR1 no more")
    assert f"{table.name} is damaged" in run("issues", project, "--type", "label", code=1)


def test_a_folder_that_is_something_else_is_not_written_into(digits, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "is not an Assay project (it holds 'thesis.txt')" in run("analyze", digits[0], "-o", tmp_path, code=1)
    assert sorted(path.name for path in tmp_path.iterdir()) in (["thesis.txt"], ["lock", "thesis.txt"])


def test_a_read_only_place_says_so(digits, tmp_path, monkeypatch):
    """As root nothing is read-only, so the refusal of the system is played."""
    import errno

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    assert "the disk is read-only; choose another place with -o" in run(
        "analyze", digits[0], "-o", tmp_path / "p.assay", code=1
    )


def test_too_little_memory_is_a_sentence_and_no_traceback(digits, tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("assay.analysis.run.analyze_source", refuse)
    said = run("analyze", digits[0], "-o", tmp_path / "d.assay", code=1)
    assert "there is not enough memory for this data; finished work is kept" in said


def test_a_full_disk_says_so_and_keeps_what_is_done(digits, tmp_path, monkeypatch):
    import errno

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    said = run("analyze", digits[0], "-o", tmp_path / "p.assay", code=1)
    assert "the disk is full" in said and "finished work is kept" in said
    assert not list(tmp_path.rglob(".tmp-*"))
