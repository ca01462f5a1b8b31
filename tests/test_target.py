"""A new task is one `Target` and one entry of `LABEL_STAGES`: a task of numbers is added here and goes the whole way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import assay
from assay.analysis import pipeline
from assay.analysis import run as analysis_run
from assay.dataset import dataset as dataset_module
from assay.dataset.dataset import check_labels, read_dataset
from assay.dataset.target import TARGETS, ClassTarget, Label, NoTarget, Target
from assay.errors import UsageError
from assay.sources import open_source
from in_this_process import InThisProcess


class NumberTarget(Target):
    """A number a row; folds are stratified by tenths."""

    task = "numbers of a test"
    column_type = pa.float64()

    @classmethod
    def encode(cls, given: pa.Array | None, before: Mapping[str, Any] | None) -> tuple[pa.Array, dict[str, Any]]:
        assert given is not None
        return given.cast(pa.float64()), {}

    @property
    def classes(self) -> list[Label]:
        return []

    @property
    def labelled(self) -> NDArray[np.bool_]:
        return np.asarray(self.column.is_valid().to_numpy(zero_copy_only=False), bool)

    @property
    def codes(self) -> NDArray[np.int32]:
        values = np.asarray(self.column.to_numpy(zero_copy_only=False), float)
        edges = np.nanpercentile(values, np.arange(10, 100, 10))
        return np.where(self.labelled, np.searchsorted(edges, values), -1).astype(np.int32)

    def decode(self, column: pa.Array) -> NDArray[np.object_]:
        return np.array([*column.to_pylist(), None], object)[:-1]

    def fit_decision(self, label: Any) -> float:
        try:
            return float(label)
        except (TypeError, ValueError) as error:
            raise UsageError(f"the label {label!r} is no number") from error


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[assay.Project, pd.DataFrame, list[str]]:
    """A table whose label is a number, analysed with the task in place."""
    monkeypatch.setitem(TARGETS, NumberTarget.task, NumberTarget)
    monkeypatch.setattr(dataset_module, "task_of", lambda source: NumberTarget.task)
    learned: list[str] = []

    def learn(run: pipeline.Pipeline, gathered: Any, graph: Any, copies: Any) -> None:
        folds = run.folds(gathered, copies)
        learned.append(folds.prefix())

    monkeypatch.setitem(pipeline.LABEL_STAGES, NumberTarget.task, learn)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "price": rng.normal(size=60)})
    frame.loc[[3, 30], "price"] = np.nan
    monkeypatch.setattr(analysis_run, "LocalExecutor", InThisProcess)
    return assay.analyze(frame, label="price", output=tmp_path / "p.assay", progress="quiet"), frame, learned


def test_a_task_of_numbers_is_written_read_and_learned_from(numbers) -> None:
    project, frame, learned = numbers
    dataset = read_dataset(project.folder, project.run["dataset"])
    assert project.run["task"] == NumberTarget.task and isinstance(dataset.target, NumberTarget)
    assert dataset.target.decode(dataset.target.column).tolist()[:3] == frame["price"][:3].tolist()
    assert np.flatnonzero(~dataset.target.labelled).tolist() == [3, 30]
    folds = project.folder.get_array(f"{learned[0]}.npy")
    assert (folds[[3, 30]] == -1).all() and sorted(np.bincount(folds[folds >= 0])) == [11, 11, 12, 12, 12]
    assert project.insights() == [] and {check["name"] for check in project.run["checks"]} >= {"outlier"}


def test_decisions_are_what_the_task_says_they_are(numbers) -> None:
    project, _, _ = numbers
    with pytest.raises(UsageError, match="is no number"):
        project.decide("label", rows=[4], label="cheap")
    project.decide("label", rows=[4], label="2.5")
    assert project.log.state().labels[project.log.state().label[4]] == 2.5


def test_numbers_are_refused_by_the_task_of_classes_alone(numbers, monkeypatch, tmp_path) -> None:
    _, frame, _ = numbers
    source = open_source(frame, label="price")
    assert check_labels(source) == []
    monkeypatch.setattr(dataset_module, "task_of", lambda source: ClassTarget.task)
    with pytest.raises(UsageError, match="'price' holds 58 different numbers: that looks like a value to predict"):
        check_labels(source)
    with pytest.raises(UsageError, match="a value to predict"):
        assay.analyze(frame, label="price", output=tmp_path / "q.assay", progress="quiet")
    assert not (tmp_path / "q.assay").exists()


def test_labels_of_classes_and_no_labels_are_the_two_tasks_there_are() -> None:
    assert set(TARGETS) == {ClassTarget.task, NoTarget.task}
    column, header = ClassTarget.encode(pa.array(["b", None, "a"]), {"known": ["z", "b"]})
    target = ClassTarget(column, header)
    assert target.classes == ["z", "b", "a"] and target.decode(column).tolist() == ["b", None, "a"]
