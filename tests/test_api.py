"""The Python door, on texts and tables: what a person with a CSV and no model of their own gets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import assay
from assay.columns import BY_NAME
from assay.errors import ArrayError, SourceError, UsageError
from assay.stages.issues import Checked, OutlierSpec
from assay.stages.stage import StageFunction
from assay.storage import Folder


@pytest.fixture(scope="module")
def banking(data_dir) -> pd.DataFrame:
    """Twelve intents of banking77; 8 % of the labels are made wrong, in a column of their own the true ones."""
    frame = pd.read_csv(data_dir / "banking77" / "test.csv")
    text, label = frame.columns[:2]
    frame = frame.rename(columns={text: "body", label: "true"})
    kept = frame["true"].unique()[:12]
    frame = frame[frame["true"].isin(kept)].reset_index(drop=True)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(frame)) < 0.08
    shift = rng.integers(1, 12, len(frame))
    codes = {name: number for number, name in enumerate(kept)}
    given = [
        kept[(codes[name] + step) % 12] if bad else name
        for name, step, bad in zip(frame["true"], shift, wrong, strict=True)
    ]
    return frame.assign(intent=given)[["body", "intent", "true"]]


@pytest.fixture(scope="module")
def texts(banking, tmp_path_factory) -> assay.Project:
    place = tmp_path_factory.mktemp("texts")
    banking[["body", "intent"]].to_csv(place / "banking.csv", index=False)
    return assay.analyze(place / "banking.csv", text="body", label="intent", output=place / "b.assay", progress="quiet")


def test_wrong_labels_of_texts_are_found_and_the_right_ones_suggested(banking, texts):
    found = texts.issues("label")
    wrong = set(np.flatnonzero(banking["intent"] != banking["true"]))
    hits = [row for row in found["row_id"] if row in wrong]
    assert len(hits) > 0.75 * len(wrong)
    assert len(hits) > 0.75 * len(found)
    right = found[found["row_id"].isin(wrong)]
    true = banking["true"].to_numpy()[right["row_id"].to_numpy(int)]
    assert (right["suggested_label"].to_numpy() == true).mean() > 0.85


def test_all_rows_come_back_in_the_users_order_with_documented_columns(banking, texts):
    found = texts.issues()
    assert found["row_id"].tolist() == list(range(len(banking)))
    assert found["body"].tolist() == banking["body"].tolist()
    assert [name for name in found if name not in BY_NAME and name not in ("body", "intent")] == []


def test_scores_are_between_0_and_1(texts):
    found = texts.issues()
    for name in [name for name in found if name.endswith("_score") or name in ("label_quality", "p_label_error")]:
        values = found[name].dropna().to_numpy(float)
        assert ((values >= 0) & (values <= 1)).all(), name


def test_export_relabels_what_is_safe_and_touches_nothing_else(banking, texts, tmp_path):
    texts.export(tmp_path / "clean.csv", fix="auto", keep_excluded=True)
    clean = pd.read_csv(tmp_path / "clean.csv")
    assert clean["body"].tolist() == banking["body"].tolist()
    before = (banking["intent"] == banking["true"]).mean()
    after = (clean["intent"] == banking["true"]).mean()
    assert after > before + 0.03


def test_no_output_is_written_over_the_users_data(texts):
    source = Path(texts.path).parent / "banking.csv"
    before = source.read_bytes()
    for write in (texts.export, texts.report):
        with pytest.raises(UsageError, match="the data that was analysed"):
            write(source)
    with pytest.raises(UsageError, match="in the project folder"):
        texts.export(Path(texts.path) / "clean.csv")
    assert source.read_bytes() == before


def test_a_project_on_disk_is_what_analyze_returned(texts):
    again = assay.open(texts.path)
    pd.testing.assert_frame_equal(pd.DataFrame(again.issues()), pd.DataFrame(texts.issues()))
    assert json.dumps(again.summary().to_dict()) == json.dumps(texts.summary().to_dict())


# tables ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hospital(data_dir) -> tuple[pd.DataFrame, np.ndarray]:
    """Clean hospital rows of frequent conditions, 10 % of them with another condition."""
    frame = pd.read_csv(data_dir / "tabular_hospital" / "clean.csv", dtype=str)
    name = next(column for column in frame if column.lower() == "condition")
    counts = frame[name].value_counts()
    frame = (
        frame[frame[name].isin(counts.index[counts >= 20])].reset_index(drop=True).rename(columns={name: "condition"})
    )
    true = frame["condition"].to_numpy(object)
    rng = np.random.default_rng(1)
    wrong = rng.random(len(frame)) < 0.1
    names = sorted(set(true))
    given = [rng.choice([n for n in names if n != t]) if bad else t for t, bad in zip(true, wrong, strict=True)]
    return frame.assign(condition=given), true


def test_wrong_labels_of_a_table_are_found(hospital, tmp_path):
    frame, true = hospital
    found = assay.analyze(
        frame, label="condition", modality="table", output=tmp_path / "t.assay", progress="quiet"
    ).issues()
    wrong = frame["condition"].to_numpy() != true
    flags = found["is_label_issue"].to_numpy(bool)
    assert (flags & wrong).sum() > 0.85 * wrong.sum()
    assert (flags & wrong).sum() > 0.85 * flags.sum()


@pytest.mark.usefixtures("here")
def test_labels_keep_their_type(tmp_path):
    """0 stays 0 and never becomes "0.0"; a gap stays a gap."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    y = pd.Series((x[:, 0] > 0).astype(int), dtype="Int64")
    y[5] = pd.NA
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "outcome": y})
    project = assay.analyze(frame, label="outcome", output=tmp_path / "p.assay", progress="quiet")
    assert project.classes == [0, 1] and type(project.classes[0]) is int
    found = project.issues()
    assert found["is_initially_unlabeled"].sum() == 1
    assert found["suggested_label"][5] in (0, 1)
    project.export(tmp_path / "out.csv", fix="none")
    assert (tmp_path / "out.csv").read_text().splitlines()[1].endswith((",0", ",1"))


# the user's own model ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    codes = np.arange(90) % 3
    vectors = np.eye(3)[codes] * 4 + rng.normal(size=(90, 3))
    probs = np.exp(2 * vectors)
    probs /= probs.sum(1, keepdims=True)
    frame = pd.DataFrame(
        {"text": [f"row number {n} says hello" for n in range(90)], "label": np.array(["a", "b", "c"])[codes]}
    )
    frame.loc[4, "label"] = "a"
    return frame, probs.astype(np.float32), vectors.astype(np.float32)


def test_own_probabilities_and_embeddings_replace_the_built_in_stages(own, tmp_path):
    frame, probs, vectors = own
    project = assay.analyze(frame, pred_probs=probs, embeddings=vectors, output=tmp_path / "p.assay", progress="quiet")
    assert project.run["embeddings"] == ["embeddings"]
    assert project.run["prediction"] == {"source": "the user's own pred_probs"}
    assert 4 in project.issues("label")["row_id"].tolist()
    alone = assay.label_issues(frame["label"], probs)
    assert alone["label_quality"].to_numpy() == pytest.approx(
        project.issues()["label_quality"].to_numpy(float), abs=1e-6
    )


@pytest.mark.usefixtures("here")
def test_rows_with_nan_in_the_users_arrays_say_so(own, tmp_path):
    frame, probs, vectors = own
    broken = vectors.copy()
    broken[7, 1] = np.nan
    broken[8, 0] = np.inf
    project = assay.analyze(frame, pred_probs=probs, embeddings=broken, output=tmp_path / "p.assay", progress="quiet")
    found = project.issues("not_analyzed")
    assert found["row_id"].tolist() == [7, 8]
    assert "NaN or infinity" in found["not_analyzed_reason"][0]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"pred_probs": np.ones((3, 3)) / 3}, ArrayError, "have 3 rows but the data has 90"),
        ({"pred_probs": np.ones((90, 2)) / 2}, ArrayError, "2 columns but the labels have 3 classes"),
        ({"pred_probs": np.ones((90, 3))}, ArrayError, "row 0 sums to 3"),
        ({"embeddings": np.ones((4, 3))}, ArrayError, "have 4 rows but the data has 90"),
        ({"embeddings": np.full((90, 3), np.nan)}, SourceError, "every row of the embeddings"),
        ({"label": "no such"}, UsageError, "no column 'no such' for --label"),
        ({"task": "regression"}, UsageError, "not there yet"),
    ],
)
def test_wrong_arguments_are_one_clear_message(own, tmp_path, given, error, message):
    with pytest.raises(error, match=message):
        assay.analyze(own[0], output=tmp_path / "p.assay", progress="quiet", **given)


# small and strange ---------------------------------------------------------------------------------------------------


def frame_of(n: int, labels: list, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"a": rng.normal(size=n), "b": rng.choice(["x", "y", "z"], n), "target": labels})


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("20 rows in all", frame_of(20, ["p", "q"] * 10)),
        ("two rows", frame_of(2, ["p", "q"])),
        ("a class with fewer rows than folds", frame_of(40, ["p"] * 37 + ["q"] * 3)),
        ("every class but one has one row", frame_of(30, ["p"] * 20 + [f"q{n}" for n in range(10)])),
        ("constant features", frame_of(40, ["p", "q"] * 20).assign(a=1.0, b="x")),
        ("all rows identical", frame_of(40, ["p"] * 40).assign(a=1.0, b="x")),
        ("identical rows, two labels", frame_of(40, ["p", "q"] * 20).assign(a=1.0, b="x", c="w")),
        ("infinite cells", frame_of(40, ["p", "q"] * 20).assign(a=[np.inf, -np.inf, np.nan, 1.0] * 10)),
        ("most labels blank", frame_of(40, ["p", "q"] + [None] * 38)),
        ("labels are booleans", frame_of(40, [True, False] * 20)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_strange_tables_are_analysed_to_the_end(name, frame, tmp_path):
    project = assay.analyze(frame, label="target", modality="table", output=tmp_path / "p.assay", progress="quiet")
    assert project.summary().failed == []
    assert len(project.issues()) == len(frame)
    project.report(tmp_path / "report.html")


@pytest.mark.usefixtures("here")
def test_one_class_only_skips_the_label_checks_with_the_reason(tmp_path):
    project = assay.analyze(frame_of(30, ["p"] * 30), label="target", output=tmp_path / "p.assay", progress="quiet")
    checks = {check["name"]: check for check in project.summary().checks}
    assert checks["label"]["status"] == "skipped"
    assert "one class" in checks["label"]["why"]
    assert checks["outlier"]["status"] == "ran"


@pytest.mark.usefixtures("here")
def test_without_labels_everything_else_still_runs(tmp_path):
    project = assay.analyze(
        frame_of(50, [None] * 50).drop(columns="target"), output=tmp_path / "p.assay", progress="quiet"
    )
    checks = {check["name"]: check["status"] for check in project.summary().checks}
    assert checks["label"] == "skipped" and checks["outlier"] == checks["near_duplicate"] == "ran"


@pytest.mark.usefixtures("here")
def test_a_users_column_of_our_name_keeps_it(tmp_path):
    frame = frame_of(40, ["p", "q"] * 20).assign(is_outlier="mine")
    project = assay.analyze(frame, label="target", output=tmp_path / "p.assay", progress="quiet")
    found = project.issues()
    assert (found["is_outlier"] == "mine").all()
    assert found["assay_is_outlier"].dtype == bool


def test_a_failing_check_is_recorded_and_the_others_still_run(tmp_path, monkeypatch):
    """The worker of one check raises; the run ends, says so, and exits with 1 on the command line."""
    from click.testing import CliRunner

    from assay.analysis import pipeline
    from assay.cli.commands import main

    real = pipeline.single_shard

    def no_such_check(folder: Folder, prefix: str, spec: OutlierSpec) -> Checked:
        raise AssertionError

    no_such_check.__module__ = "assay.stages.issues"

    def sabotage(name, function, *given, **named):
        return real(name, StageFunction(no_such_check, 1) if name == "issues/outlier" else function, *given, **named)

    monkeypatch.setattr(pipeline, "single_shard", sabotage)
    frame_of(40, ["p", "q"] * 20).to_csv(tmp_path / "t.csv", index=False)
    words = ["analyze", str(tmp_path / "t.csv"), "--label", "target", "-o", str(tmp_path / "p.assay")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    checks = {check["name"]: check for check in assay.open(tmp_path / "p.assay").summary().checks}
    assert checks["outlier"]["status"] == "failed" and "no_such_check" in checks["outlier"]["why"]
    assert checks["near_duplicate"]["status"] == "ran"
    assert CliRunner().invoke(main, ["summary", str(tmp_path / "p.assay")]).exit_code == 1


def test_a_text_without_words_may_have_vectors_of_the_users_own(tmp_path):
    """Blank texts have no vector of ours, but one of the user's: every check must know which row is which."""
    rng = np.random.default_rng(0)
    texts = [f"this is the text of row {word}" for word in ("one", "two", "three", "four", "five")] * 12
    texts[3], texts[40] = "", "   "
    frame = pd.DataFrame({"text": texts, "label": ["a", "b"] * 30})
    vectors = rng.normal(size=(60, 8))
    project = assay.analyze(frame, text="text", embeddings=vectors, output=tmp_path / "p.assay", progress="quiet")
    found = project.issues()
    assert project.summary().failed == []
    assert not found["is_near_duplicate"][[3, 40]].any()
    assert found["is_exact_duplicate"][[2, 4, 59]].all()
    assert found["is_empty_text"].to_numpy().nonzero()[0].tolist() == [3, 40]
