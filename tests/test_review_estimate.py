"""Thresholds in a reviewer's words. Oracles: labels drawn from known probabilities, the one estimate behind every door."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

import assay
from assay.cli.commands import main
from assay.errors import UsageError
from assay.issues.review import Calibrated
from serving import client, copy_project


def drawn(
    seed: int, n: int = 4_000, slope: float = 1.0, shift: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """p_label_error and whether each label is wrong; the true log odds are ``shift + slope`` times those of p."""
    rng = np.random.default_rng(seed)
    p = np.clip(np.where(rng.random(n) < 0.12, rng.beta(5, 2, n), rng.beta(0.4, 12, n)), 1e-4, 1 - 1e-4)
    odds = shift + slope * np.log(p / (1 - p))
    return p, rng.random(n) < 1 / (1 + np.exp(-odds))


def reviewed(p: NDArray[np.float64], wrong: NDArray[np.bool_], rows: NDArray[np.int64]) -> Calibrated:
    verdict = np.full(len(p), -1, np.int8)
    verdict[rows] = wrong[rows]
    return Calibrated(p, verdict, verdict >= 0)


NOBODY = np.zeros(0, np.int64)


@pytest.mark.parametrize("asked", [0.8, 0.9, 0.95])
def test_the_precision_that_was_asked_for_comes(asked: float) -> None:
    came = []
    for seed in range(10):
        p, wrong = drawn(seed)
        came.append(wrong[reviewed(p, wrong, NOBODY).at_precision(asked).rows].mean())
    assert np.mean(came) == pytest.approx(asked, abs=0.02)


def test_verdicts_on_the_worst_rows_mend_an_overconfident_model() -> None:
    """The share of wrong labels among those rows is ten times that of the dataset: it must not be taken for a rate."""
    before, after = [], []
    for seed in range(10):
        p, wrong = drawn(seed, slope=0.6, shift=-0.3)
        worst = np.argsort(-p)[:300]
        mended = reviewed(p, wrong, worst).left()
        open_ = np.setdiff1d(np.arange(len(p)), worst)
        blind = Calibrated(p, np.full(len(p), -1, np.int8), np.isin(np.arange(len(p)), worst)).left()
        true = wrong[open_].sum()
        before.append(abs(blind.wrong - true) / true)
        after.append(abs(mended.wrong - true) / true)
    assert np.mean(after) < np.mean(before)


def test_intervals_cover_what_is_left() -> None:
    covered = 0
    for seed in range(100):
        p, wrong = drawn(seed)
        worst = np.argsort(-p)[:200]
        left = reviewed(p, wrong, worst).left()
        covered += left.low <= wrong.sum() - wrong[worst].sum() <= left.high
    assert covered >= 90


def test_a_review_may_stop_when_fewer_than_one_in_a_hundred_are_left() -> None:
    p, wrong = drawn(1)
    worst = np.argsort(-p, kind="stable")
    few = reviewed(p, wrong, worst[:100]).left()
    assert not few.done and few.more > 0
    many = reviewed(p, wrong, worst[: 100 + few.more + 1_500]).left()
    assert many.done and many.more == 0 and "you may stop" in many.sentence()
    true = wrong.sum() - wrong[worst[: 100 + few.more]].sum()
    assert true / len(p) < 0.02


def test_of_many_rows_ranges_stand_for_each_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    p, wrong = drawn(3, n=30_000)
    made = reviewed(p, wrong, np.argsort(-p)[:50])
    binned = made.left()
    monkeypatch.setattr("assay.issues.review.BINS", 10**9)
    plain = made.left()
    assert (binned.wrong, binned.more) == (plain.wrong, plain.more)
    assert [binned.low, binned.high] == pytest.approx([plain.low, plain.high], rel=1e-4)


def test_without_a_verdict_nothing_is_said_as_if_it_were_known() -> None:
    p, wrong = drawn(1)
    sentence = reviewed(p, wrong, NOBODY).left().sentence()
    assert sentence.startswith("If the models are right") and "you may stop" not in sentence


def test_odd_inputs() -> None:
    nothing = Calibrated(np.full(3, np.nan), np.full(3, -1, np.int8), np.zeros(3, bool))
    assert nothing.left().wrong == 0 and len(nothing.at_precision(0.9).rows) == 0
    sure = Calibrated(np.array([0.0, 1.0]), np.full(2, -1, np.int8), np.zeros(2, bool))
    assert sure.at_precision(0.99).rows.tolist() == [1] and sure.at_budget(9).rows.tolist() == [1, 0]


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    place = rng.integers(4, size=400)
    vectors = (4 * np.eye(4)[place] + rng.normal(size=(400, 4))).astype(np.float32)
    wrong = rng.random(400) < 0.1
    labels = np.array(["owl", "crow", "lamp", "pole"], object)[np.where(wrong, (place + 1) % 4, place)]
    frame = pd.DataFrame({"text": [f"row number {i} of the set" for i in range(400)], "label": labels})
    output = tmp_path_factory.mktemp("noisy") / "noisy.assay"
    assay.analyze(
        frame, text="text", label="label", embeddings={"own": vectors}, output=output, progress="quiet", workers=1
    )
    return output


def test_every_door_says_the_same(noisy: Path, tmp_path: Path) -> None:
    project = assay.open(copy_project(noisy, tmp_path / "noisy.assay"))
    first = project.cut(budget=10).rows
    for row in first[:6].tolist():
        project.decide("keep", rows=[row], person="ann")
    sentence = project.left().sentence()
    assert "6 verdicts of people" in sentence
    listed = CliRunner().invoke(main, ["issues", project.path, "--budget", "12", "-o", str(tmp_path / "rows.csv")])
    assert listed.exit_code == 0, listed.output
    assert sentence in listed.output
    rows = pd.read_csv(tmp_path / "rows.csv")
    frame = project.issues("label", budget=12)
    assert len(rows) == 12 and rows["row_id"].tolist() == frame["row_id"].tolist()
    assert not set(rows["row_id"]) & set(first[:6].tolist())  # decided ones are not asked for again
    for ending in ("md", "html"):
        written = Path(project.report(tmp_path / f"report.{ending}")).read_text(encoding="utf-8")
        assert sentence.split(" (")[0] in written.replace("\\", "")
    with client(tmp_path / "home", Path(project.path)) as made:
        base = f"/api/v1/projects/{made.get('/api/v1/projects').json()[0]['id']}"
        told = made.get(f"{base}/left?budget=12").json()
    assert told["message"] == sentence
    assert told["rows"] == project.cut(budget=12).rows.tolist()
    assert json.dumps(told["wrong"]) == json.dumps(project.left().wrong)


def test_what_cannot_be_asked_is_said(noisy: Path) -> None:
    project = assay.open(noisy)
    with pytest.raises(UsageError, match="one of them"):
        project.cut()
    with pytest.raises(UsageError, match="over 0 to 1"):
        project.issues("label", precision=1.5)
    with pytest.raises(UsageError, match="label issues"):
        project.issues("outlier", budget=3)
    run = CliRunner().invoke(main, ["issues", str(noisy), "--type", "outlier", "--precision", ".9"])
    assert run.exit_code == 2 and "label issues" in run.output


def test_what_is_left_is_as_if_rows_had_been_gone_through_one_by_one() -> None:
    rng = np.random.default_rng(8)
    p = np.where(rng.random(700) < 0.1, rng.uniform(0.6, 1, 700), rng.uniform(0, 0.1, 700))
    p[rng.random(700) < 0.05] = np.nan
    verdict = np.where((rng.random(700) < 0.1) & np.isfinite(p), (rng.random(700) < p).astype(int), -1).astype(np.int8)
    judged = Calibrated(p, verdict, verdict >= 0)
    left = judged.left()
    remaining = judged.probabilities(judged.open_rows()).tolist()
    assert left.open == len(remaining) and left.wrong == pytest.approx(sum(remaining))
    looked = 0
    while sum(remaining) >= left.stop * left.n:
        remaining.pop(0)
        looked += 1
    assert left.more == looked > 0
