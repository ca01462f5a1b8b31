"""What a run is said to cost: it follows what drives the cost, and knows the limits of what will run."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from assay.analysis.estimate import (
    FEW_APART,
    GRAPH_EXACT,
    PART_SHARE,
    PARTS,
    TAKEN_APART,
    Estimate,
    estimate,
)
from assay.analysis.settings import make_settings
from assay.graph import EXACT_ROWS
from assay.insights.two_labels import clauses
from assay.sources import open_source


def cost(
    frame: pd.DataFrame, *, effort: str = "regular", workers: int = 2, own: bool = False, **roles: str
) -> Estimate:
    settings = make_settings(task=None, seed=0, effort=effort, encoders=(), workers=workers, memory="8GB")
    return estimate(open_source(frame, **roles), settings, own_embeddings=own, own_pred_probs=own)


def table(n: int, classes: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"a": rng.normal(size=n), "b": rng.normal(size=n), "label": [f"c{i % classes}" for i in range(n)]}
    )


def pictures(n: int, place: str) -> pd.DataFrame:
    return pd.DataFrame({"image": [f"{place}{i}.jpg" for i in range(n)], "label": ["x", "y"] * (n // 2)})


def test_the_limit_of_the_exact_graph_is_the_graphs_own():
    assert GRAPH_EXACT == EXACT_ROWS


def test_more_rows_more_classes_and_more_effort_cost_more():
    assert cost(table(5_000)).seconds > cost(table(500)).seconds
    assert cost(table(5_000, 40)).seconds > cost(table(5_000, 3)).seconds
    assert cost(table(5_000)).seconds > cost(table(5_000), effort="fast").seconds
    assert cost(table(5_000), workers=1).seconds > cost(table(5_000), workers=2).seconds


def test_the_pictures_encoders_learn_from_are_encoded_once_and_two_workers_share_the_encoders(tmp_path):
    from PIL import Image

    Image.new("RGB", (64, 64)).save(tmp_path / "one.png")

    def stages(n: int, workers: int = 1) -> dict[str, float]:
        return cost(pd.DataFrame({"image": [str(tmp_path / "one.png")] * n}), workers=workers, image="image").stages

    few, more, most = (stages(n)["encode"] for n in (1_000, 4_000, 7_000))
    assert most - more > 1.2 * (more - few)
    assert stages(1_000)["fit"] > 1.3 * stages(1_000, workers=2)["fit"]


def test_the_cost_of_the_other_efforts_is_said_before_the_run():
    asked = cost(table(5_000, 40))
    each = {effort: cost(table(5_000, 40), effort=effort).seconds for effort in ("fast", "best")}
    assert asked.others == pytest.approx(each)
    assert asked.lines()[-1].startswith("--effort fast: ") and "--effort best: " in asked.lines()[-1]


def test_the_estimate_says_a_range():
    asked = cost(table(5_000, 40))
    low, high = (float(part) for part in re.findall(r"\d+", asked.lines()[1])[:2])
    assert low == round(asked.seconds / 1.5) and high == round(asked.seconds * 1.5)
    assert cost(table(5_000, 40), workers=1).lines()[1].count("1 worker,") == 1
    assert re.search(r"estimate: \d+ s to \d+ min|\d+ to \d+ (?:s|min)", cost(table(300_000, 40)).lines()[1])


def test_boosted_trees_are_counted_up_to_the_classes_that_they_are_grown_for():
    assert cost(table(20_000, 100)).stages["trees"] > 1.5 * cost(table(20_000, 101)).stages["trees"]


def test_ones_own_embeddings_and_probabilities_leave_the_models_out():
    own = cost(table(5_000), own=True)
    assert own.seconds < cost(table(5_000)).seconds
    assert "trees" not in own.stages and "predict" not in own.stages


def test_longer_texts_cost_more():
    short = pd.DataFrame({"text": ["a short question here"] * 200, "label": ["x", "y"] * 100})
    assert cost(short.assign(text=short["text"] * 50), text="text").seconds > cost(short, text="text").seconds


def test_rows_taken_apart_for_a_second_label_are_counted_as_the_stage_takes_them():
    from assay.stages import two_labels

    assert TAKEN_APART == two_labels.TAKEN_APART
    assert FEW_APART == {"text": two_labels.FEW_TEXTS, "image": two_labels.FEW_PICTURES}
    text = "a rather short question of some twelve words, such as people ask"
    words = [len(part.split()) for part in clauses(text)]
    assert len(words) == pytest.approx(PARTS, rel=0.3)
    assert np.mean(words) == pytest.approx(PART_SHARE * len(text.split()), rel=0.3)


def test_taking_texts_apart_costs_by_length_and_needs_labels_and_a_sentence_encoder(monkeypatch):
    monkeypatch.setattr("assay.encode.bert.find_minilm", lambda: "here")
    frame = pd.DataFrame({"text": ["a short question here"] * 900, "label": ["x", "y"] * 450})
    short, long, many = (
        cost(data, text="text").stages["second labels"]
        for data in (frame, frame.assign(text=frame["text"] * 20), pd.concat([frame] * 8))
    )
    assert short > 1 and long > 2 * short and many == pytest.approx(0.5 + 3 * (short - 0.5))
    assert "second labels" not in cost(frame.drop(columns="label"), text="text").stages
    assert "second labels" not in cost(frame, text="text", own=True).stages
    monkeypatch.setattr("assay.encode.bert.find_minilm", lambda: None)
    assert "second labels" not in cost(frame, text="text").stages


def test_small_pictures_are_not_taken_apart(tmp_path):
    from PIL import Image

    for number, side in enumerate((32, 400) * 10):
        noise = np.random.default_rng(number).integers(0, 255, (side, side, 3)).astype(np.uint8)
        Image.fromarray(noise[:, :, 0]).save(tmp_path / f"{side}_{number // 2}.png")
    small, large = (
        cost(pictures(10, f"{tmp_path}/{side}_").replace({"jpg": "png"}, regex=True), image="image")
        for side in (32, 400)
    )
    assert "second labels" in large.stages and "second labels" not in small.stages


def test_large_flat_pictures_cost_by_their_pixels_not_their_bytes(tmp_path):
    from PIL import Image

    for side in (100, 1_200):
        for number in range(20):
            Image.new("RGBA", (side, side), (number, 0, 0, 255)).save(tmp_path / f"{side}_{number}.png")
    small, large = (
        cost(pictures(20, f"{tmp_path}/{side}_").replace({"jpg": "png"}, regex=True), image="image").stages
        for side in (100, 1_200)
    )
    for stage in ("fit", "encode", "duplicates", "second labels"):
        assert large[stage] > 1.4 * small[stage]
    assert large["encode"] > 8 * small["encode"]


def test_pictures_that_cannot_be_read_are_estimated_without_their_heads(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.jpg").write_bytes(b"no picture")
    assert cost(pictures(20, f"{tmp_path}/"), image="image").seconds > 0


def test_pictures_behind_addresses_wait_for_the_network(tmp_path):
    from PIL import Image

    for number in range(20):
        Image.new("RGB", (64, 64)).save(tmp_path / f"{number}.jpg")
    near, far = (
        cost(pictures(20, place), image="image").stages["encode"] for place in (f"{tmp_path}/", "HTTPS://example.org/")
    )
    assert far > 10 * near


@pytest.mark.parametrize("n", [2, 20])
def test_the_lines_name_rows_classes_time_and_memory(n):
    head, costs, least, _ = cost(table(n, 2)).lines()
    assert head == f"{n} rows of table data, 2 classes"
    assert costs.startswith("estimate: ") and "with 2 workers" in costs and "MB" in costs
    assert re.fullmatch(r"the smallest --memory that works is \d+MB", least)
