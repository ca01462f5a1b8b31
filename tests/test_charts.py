"""One row in full, charts, two classes compared, the map. Oracles: counts over plain rows, a real analysed project, its files."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits

import assay
from assay.actions import State
from assay.charts import charts, compare, examples
from assay.detail import Details
from assay.errors import UsageError
from assay.graph import neighbors
from assay.query import Filter, ReviewTable, Sort, Views
from assay.query.cells import MemoryCells
from assay.query.unusual_cells import describe_cell
from assay.similar import embedding_map
from assay.similar.embedding_map import near_by_hops, spread
from assay.similar.neighborhood import Neighborhood
from assay.similar.query_vectors import text_vectors
from made_table import CLASSES, made

Real = tuple[ReviewTable, State, assay.Project, Views]


@pytest.fixture(scope="module")
def real(digits_project: Path) -> Real:
    project = assay.open(digits_project)
    table = ReviewTable.load(project)
    return table, State(table.n), project, Views(table)


# one row -----------------------------------------------------------------------------------------------------


def test_a_label_issue_is_shown_with_its_probabilities_and_its_neighbours(real: Real) -> None:
    table, state, _, views = real
    row = int(views.view(Filter(any=("label",)), None, state).rows[0])
    shown = Details(table, views.neighborhood).of(row, state)
    p = [one["p"] for one in shown["probabilities"]]
    assert p == sorted(p, reverse=True)
    assert shown["probabilities"][0]["label"] == shown["row"]["predicted"]
    assert shown["row"]["given"] in [one["label"] for one in shown["probabilities"]]
    assert len(p) <= 6
    distances = [one["distance"] for one in shown["neighbors"]]
    assert distances == sorted(distances)
    assert Counter(one["row"]["given"] for one in shown["neighbors"]).most_common(1)[0][0] == shown["row"]["suggested"]
    (why,) = [one for one in shown["evidence"] if one["check"] == "label"]
    assert why["text"] == shown["row"]["reason"]
    assert why["value"] < why["low"] < why["high"]
    json.dumps(shown, allow_nan=False)


def test_copies_stand_beside_the_row_and_the_wrong_label_is_named(real: Real) -> None:
    table, state, _, views = real
    rows = views.view(Filter(any=("near_duplicate",)), Sort("cluster"), state).rows
    details = Details(table, views.neighborhood)
    for row in rows.tolist():
        shown = details.of(row, state)
        cluster = {r for r in rows.tolist() if table.cluster[r] == table.cluster[row]}
        assert {one["row"] for one in shown["duplicates"]} == cluster - {row}
        assert "of it" in next(one["text"] for one in shown["evidence"] if one["check"] == "near_duplicate")


def test_every_flag_of_every_row_has_a_sentence(real: Real) -> None:
    table, state, _, views = real
    details = Details(table, views.neighborhood)
    for row in range(table.n):
        shown = details.of(row, state)
        assert [one["check"] for one in shown["evidence"]] == shown["row"]["checks"]
        assert all(one["text"] for one in shown["evidence"])


def test_a_row_that_was_not_analysed_has_no_probabilities_and_no_neighbours(real: Real) -> None:
    table, state, _, views = real
    broken = int(np.flatnonzero(table.flags["is_not_analyzed"])[0])
    shown = Details(table, views.neighborhood).of(broken, state)
    assert (shown["probabilities"], shown["neighbors"], shown["duplicates"]) == ([], [], [])
    assert [one["check"] for one in shown["evidence"]] == ["not_analyzed"]


def test_picture_properties_are_those_of_the_shards(real: Real) -> None:
    table, _, project, _ = real
    from assay.query.properties import PictureProperties
    from assay.storage import Folder

    folder = Folder(project.path)
    parts = [folder.get_table(f"{place}.properties.parquet").to_pylist() for place in project.run["properties"]]
    truth = {one["row"]: one for part in parts for one in part if one["reason"] is None}
    properties = PictureProperties(folder, project.run["properties"])
    for row in range(table.n):
        found = properties.of(row)
        assert found == ({name: truth[row][name] for name in found} if row in truth else {})
        assert bool(found) == (row in truth)
    low, high = properties.usual["entropy"]
    assert (low, high) == tuple(np.percentile([one["entropy"] for one in truth.values()], [5, 95]))


def test_evidence_of_texts_tells_what_was_found() -> None:
    table, _, _ = made(30, 3, missing=False)
    from assay.detail.evidence import RowFacts, evidence

    table.flags |= {"is_PII": np.ones(30, bool), "is_ambiguous": np.ones(30, bool), "has_rare_class": np.ones(30, bool)}
    table.not_run = {}
    table.numbers["text_num_characters"] = np.arange(30, dtype=np.int32)
    kinds, items = ['["email"]'] * 30, ['["a@b.de"]'] * 30
    table._texts = {"PII_types": lambda: pa.chunked_array([kinds]), "PII_items": lambda: pa.chunked_array([items])}
    known = RowFacts(probabilities=[("cat", 0.5), ("dog", 0.4)], copies=[2])
    for row in range(30):
        found = {one["check"]: one for one in evidence(table, row, known)}
        assert found["pii"]["text"] == "It holds email: a@b.de."
        assert found["ambiguous"]["text"] == "cat (50.0%) and dog (40.0%) fit about equally well."
        if "too_short" in found:
            assert found["too_short"]["value"] == row
            assert found["too_short"]["low"] == pytest.approx(np.percentile(np.arange(30), 5))


def test_odd_cells_are_rare_categories_and_numbers_in_the_tails() -> None:
    n = 1_000
    numbers = np.random.default_rng(0).normal(0, 1, n)
    numbers[7] = 40
    colours = ["red", "blue"] * (n // 2)
    colours[9] = "mauve"
    table, _, _ = made(n, 0, missing=False)
    table.cells = MemoryCells(pa.table({"size": numbers, "colour": colours}))
    odd_numbers = [row for row in range(n) if describe_cell(table.column("size"), table.marks("size"), row)["odd"]]
    assert 7 in odd_numbers
    assert len(odd_numbers) == 10
    assert [row for row in range(n) if describe_cell(table.column("colour"), table.marks("colour"), row)["odd"]] == [9]
    assert describe_cell(table.column("colour"), table.marks("colour"), 9)["share"] == 0.001
    low, high = np.percentile(numbers, [5, 95])
    assert describe_cell(table.column("size"), table.marks("size"), 7) == {
        "odd": True,
        "value": 40.0,
        "low": low,
        "high": high,
        "share": None,
    }


# charts ------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(n=st.integers(0, 60), seed=st.integers(0, 2**32 - 1))
def test_charts_count_the_rows_in_view(n: int, seed: int) -> None:
    table, state, rows = made(n, seed)
    views, chosen = Views(table), Filter(none=("outlier",))
    mask = views.mask(chosen, state)
    rows = [row for row in rows if "outlier" not in row["checks"]]
    issues = [row for row in rows if "label" in row["checks"]]
    pairs = Counter((row["given"], row["suggested"]) for row in issues if row["given"] and row["suggested"])
    found = charts.corrections(table, mask)
    assert {(one["given"], one["suggested"]): one["count"] for one in found} == dict(pairs)
    assert [one["count"] for one in found] == sorted(pairs.values(), reverse=True)
    matrix = charts.correction_matrix(table, mask)
    grid = np.array(matrix["counts"]).reshape(2 * (len(matrix["labels"]),))
    named = {
        (a, b): int(grid[i, j])
        for i, a in enumerate(matrix["labels"])
        for j, b in enumerate(matrix["labels"])
        if grid[i, j]
    }
    assert named == dict(pairs)
    per_class = {one["label"]: one for one in charts.per_class(table, mask, state)}
    for label in CLASSES:
        mine = [row for row in rows if row["given"] == label]
        flagged = [row for row in mine if "label" in row["checks"]]
        if not mine:
            assert label not in per_class
            continue
        assert per_class[label]["rows"] == len(mine)
        assert per_class[label]["issues"] == len(flagged)
        assert per_class[label]["rate"] == pytest.approx(len(flagged) / len(mine))
        assert per_class[label]["decided"] == sum(row["action"] not in ("", "unresolved") for row in mine)
    balance = {one["label"]: one for one in charts.balance(table, mask, state)}
    assert {label: one["given"] for label, one in balance.items() if one["given"]} == dict(
        Counter(r["given"] for r in rows)
    )
    kept = Counter(row["final"] for row in rows if not row["excluded"])
    assert {label: one["final"] for label, one in balance.items() if one["final"]} == dict(kept)
    splits = {one["split"]: one for one in charts.by_split(table, mask, state)}
    assert {name: one["rows"] for name, one in splits.items()} == dict(Counter(row["split"] for row in rows))
    for name, one in splits.items():
        assert one["issues"] == sum("clean" not in row["checks"] for row in rows if row["split"] == name)
    json.dumps([found, matrix, charts.histograms(table, mask)], allow_nan=False)


def test_a_matrix_shows_the_classes_with_the_most_issues() -> None:
    table, _, _ = made(300, 1, missing=False)
    mask = np.ones(300, bool)
    whole = charts.correction_matrix(table, mask)
    counts = np.array(whole["counts"])
    involved = counts.sum(0) + counts.sum(1)
    small = charts.correction_matrix(table, mask, most=2)
    best = sorted(np.argsort(-involved, kind="stable")[:2].tolist())
    assert small["labels"] == [whole["labels"][at] for at in best]
    assert small["counts"] == counts[np.ix_(best, best)].tolist()
    assert small["classes"] == 5


def test_a_histogram_holds_every_row_with_a_score_and_its_flags_begin_at_the_threshold(real: Real) -> None:
    table, state, _, views = real
    mask = views.mask(None, state)
    one = charts.histogram(table, mask, "label_issue_score")
    scores, flags = table.scores["label_issue_score"], table.flags["is_label_issue"]
    assert sum(one["counts"]) == int((~np.isnan(scores)).sum())
    assert sum(one["flagged"]) == int(flags.sum())
    assert one["counts"] == np.histogram(scores[~np.isnan(scores)].astype(float), np.linspace(0, 1, 41))[0].tolist()
    assert one["threshold"] == scores[flags].min()
    assert one["edges"] == pytest.approx(np.linspace(0, 1, 41).tolist())
    assert {one["score"] for one in charts.histograms(table, mask)} == set(table.scores)


def test_a_timeline_ends_with_all_that_was_decided() -> None:
    times = [f"2026-01-01T{hour:02d}:{minute:02d}:00.000+00:00" for hour in range(10) for minute in range(60)]
    changes = [(-1) ** (at % 5 == 0) * (at % 7) for at in range(600)]
    line = charts.timeline(times, changes, points=50)
    assert len(line) <= 50
    assert line[-1] == {"at": times[-1], "rows": line[-1]["rows"], "total": sum(changes)}
    assert sum(one["rows"] for one in line) == sum(changes)
    few = charts.timeline(times[:3], [4, -1, 2])
    assert [(one["rows"], one["total"]) for one in few] == [(4, 4), (-1, 3), (2, 5)]
    assert charts.timeline([], []) == []


# two classes -------------------------------------------------------------------------------------------------


def test_two_classes_show_their_typical_and_their_confused_rows(real: Real) -> None:
    table, state, _, views = real
    first = charts.corrections(table, views.mask(None, state))[0]
    a, b = compare(table, state, first["given"], first["suggested"])
    assert (a.label, a.to_other, a.open) == (first["given"], first["count"], first["count"])
    assert {table.classes[code] for code in table.given[a.typical]} == {a.label}
    assert not table.flags["is_label_issue"][a.typical].any()
    confused = a.confused[: a.to_other]
    assert {table.classes[code] for code in table.suggested[confused]} == {b.label}
    assert a.count == int((table.given == table.code(a.label)).sum())
    assert len(a.typical) == len(b.typical) == 12


def test_a_decision_moves_a_row_from_one_side_to_the_other() -> None:
    table, state, rows = made(200, 8)
    a, b = compare(table, state, "cat", "dog")
    assert a.count == sum(row["final"] == "cat" and not row["excluded"] for row in rows)
    assert b.count == sum(row["final"] == "dog" and not row["excluded"] for row in rows)
    wrong = [row for row in rows if row["given"] == "cat" and row["suggested"] == "dog" and "label" in row["checks"]]
    assert a.to_other == len(wrong)
    assert a.open == sum(row["action"] in ("", "unresolved") for row in wrong)
    new, _ = compare(table, state, "new", "cat")
    assert new.count == len(new.typical) or new.count > 12
    assert new.to_other == 0


def test_classes_that_are_none_or_the_same_are_not_compared() -> None:
    table, state, _ = made(20, 0)
    with pytest.raises(UsageError, match="there is no class 'cow'; the classes are 'cat'"):
        compare(table, state, "cow", "cat")
    with pytest.raises(UsageError, match="two different classes"):
        compare(table, state, "cat", "cat")


def test_examples_of_a_class_are_sure_and_leave_out_the_row_itself(real: Real) -> None:
    table, state, _, _ = real
    rows = examples(table, state, "seven", n=5)
    assert len(set(rows.tolist())) == 5
    others = examples(table, state, "seven", n=5, skip=int(rows[0]))
    assert int(rows[0]) not in others
    mine = table.given == table.code("seven")
    assert table.scores["label_quality"][rows].min() >= np.nanmedian(table.scores["label_quality"][mine]) - 0.05


# the map -----------------------------------------------------------------------------------------------------


def digits_neighborhood(n: int = 1_000) -> tuple[Neighborhood, np.ndarray]:
    digits = load_digits()
    vectors = digits.data[:n].astype(np.float32)
    ids, distances = neighbors(vectors, 15, "euclidean", threads=1)
    return Neighborhood(np.arange(n) * 2, {"own": vectors}, ids, distances, "euclidean"), digits.target[:n]


def test_rows_that_are_alike_lie_together() -> None:
    """Oracle: the digits themselves. Share of points whose nearest point is the same digit; in 64 dims it is .98."""
    found, truth = digits_neighborhood()
    made_map = embedding_map(found, np.ones(2_000, bool))
    assert made_map.rows.tolist() == list(range(0, 2_000, 2))
    assert not made_map.sampled
    plane = np.stack([made_map.x, made_map.y], 1).astype(np.float64)
    assert np.abs(plane).max() <= 1
    nearest = neighbors(plane, 1, "euclidean", threads=1)[0][:, 0]
    assert (truth[nearest] == truth).mean() > 0.93


def test_a_map_of_a_sample_says_so_and_is_the_same_each_time() -> None:
    found, _ = digits_neighborhood()
    mask = np.arange(2_000) < 1_600
    once, again = (embedding_map(found, mask, most=300) for _ in range(2))
    assert (len(once.rows), once.total, once.sampled) == (300, 800, True)
    assert once.method.startswith("A sample of 300 of 800 rows")
    assert once.rows[0] == 0
    assert once.rows[-1] == 1_598
    assert once.x.tobytes() == again.x.tobytes()
    assert once.y.tobytes() == again.y.tobytes()


def test_rows_of_a_sample_are_joined_to_those_of_it_that_lie_two_edges_away() -> None:
    """Oracle: sets, and a sort."""
    found, truth = digits_neighborhood()
    chosen = np.arange(0, 1_000, 4)
    place = np.full(1_000, -1, np.int32)
    place[chosen] = np.arange(len(chosen))
    vectors = found.embeddings["own"][chosen]
    near = near_by_hops(found.ids, chosen, place, vectors, 5)
    for i, row in enumerate(chosen.tolist()):
        once = set(found.ids[row].tolist())
        met = {int(place[c]) for c in once.union(*(found.ids[b].tolist() for b in once))} - {-1, i}
        far = {j: float(((vectors[i] - vectors[j]) ** 2).sum()) for j in met}  # whole numbers, some of them equal
        kept = near[i][near[i] >= 0].tolist()
        assert [far[j] for j in kept] == sorted(far.values())[:5] and len(set(kept)) == len(kept)
    made_map = embedding_map(found, np.ones(2_000, bool), most=250)
    plane = np.stack([made_map.x, made_map.y], 1).astype(np.float64)
    nearest = neighbors(plane, 1, "euclidean", threads=1)[0][:, 0]
    shown = truth[made_map.rows // 2]
    assert (shown[nearest] == shown).mean() > 0.9


@pytest.mark.parametrize("n", [0, 1, 2, 6])
def test_a_map_of_few_or_equal_rows_is_finite(n: int) -> None:
    vectors = np.ones((6, 3), np.float32)
    ids = np.array([[1, 2], [0, 2], [0, 1], [4, -1], [3, 5], [-1, -1]], np.int32)
    found = Neighborhood(np.arange(6), {"own": vectors}, ids, np.zeros((6, 2), np.float32), "cosine")
    made_map = embedding_map(found, np.arange(6) < n)
    assert len(made_map.x) == len(made_map.y) == len(made_map.rows) == n
    assert np.isfinite(made_map.x).all()
    assert np.isfinite(made_map.y).all()
    assert made_map.method


def test_without_vectors_the_map_says_why() -> None:
    assert embedding_map(None, np.ones(3, bool)).method == "This run kept no vectors, so there is no map."


def test_neighbours_attract() -> None:
    start = np.array([[-1, 0], [1, 0], [-1, 0.1], [1, 0.1]], np.float32)
    plane = spread(start, np.array([[1], [0], [3], [2]], np.int32), epochs=100)
    together = [np.linalg.norm(plane[0] - plane[1]), np.linalg.norm(plane[2] - plane[3])]
    apart = [np.linalg.norm(plane[0] - plane[2]), np.linalg.norm(plane[1] - plane[3])]
    assert max(together) < min(apart)


# likeness ----------------------------------------------------------------------------------------------------


def test_through_the_graph_the_same_rows_are_found_as_by_measuring_all(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = digits_neighborhood(1_700)
    exact = [found.similar(row, 20)[0].tolist() for row in range(0, 400, 20)]
    monkeypatch.setattr("assay.similar.neighborhood.EVERY", 100)
    monkeypatch.setattr("assay.similar.neighborhood.CANDIDATES", 800)
    monkeypatch.setattr("assay.similar.neighborhood.STEP", 10)
    reached = [found.similar(row, 20)[0].tolist() for row in range(0, 400, 20)]
    shared = [len(set(a) & set(b)) / len(a) for a, b in zip(exact, reached, strict=True)]
    assert np.mean(shared) > 0.95
    assert all(rows[0] == row for rows, row in zip(exact, range(0, 400, 20), strict=True))


def test_likeness_by_several_views_is_the_mean_of_their_cosines() -> None:
    rng = np.random.default_rng(0)
    views = [rng.normal(0, 1, (50, 5)), 9 * rng.normal(0, 1, (50, 3))]
    found = Neighborhood(
        np.arange(50), dict(enumerate(views)), np.zeros((50, 1), np.int32), np.zeros((50, 1), np.float32), "cosine"
    )
    units = [view / np.linalg.norm(view, axis=1, keepdims=True) for view in views]
    truth = 1 - np.mean([unit @ unit[7] for unit in units], axis=0)
    rows, distances = found.similar(7, 49)
    assert rows.tolist() == [7, *[row for row in np.argsort(truth).tolist() if row != 7]]
    assert distances[1:] == pytest.approx(np.sort(truth)[1:], abs=1e-6)


def test_a_picture_that_is_no_row_finds_rows_like_it(real: Real, digits: tuple[Path, dict[str, str]]) -> None:
    """Oracle: the pixels. A copy of a row's file finds the row first; a digit that is no row finds its like."""
    table, state, _, views = real
    row = table.ids.to_pylist().index("seven/0007.png")
    key = views.picture((digits[0] / "seven/0007.png").read_bytes())
    found = views.view(Filter.from_json({"similar": {"picture": key}}), None, state).rows.tolist()
    assert found[0] == row
    assert found[1:8] == views.view(Filter.from_json({"similar": {"row": row}}), None, state).rows[1:8].tolist()
    scan = Image.fromarray((load_digits().images[1_000] * (255 / 16)).astype(np.uint8))  # a one beyond the first 300
    stream = io.BytesIO()
    scan.resize((32, 32), Image.Resampling.BICUBIC).save(stream, "PNG")
    key = views.picture(stream.getvalue())
    alike = views.view(Filter.from_json({"similar": {"picture": key}}), None, state).rows[:10]
    assert Counter(table.classes[code] for code in table.given[alike]).most_common(1)[0][0] == "one"


def test_what_cannot_be_compared_is_refused_in_words(real: Real) -> None:
    _, state, _, views = real
    with pytest.raises(UsageError, match="the picture cannot be compared with"):
        views.picture(b"no picture")
    with pytest.raises(UsageError, match="no longer known; choose it again"):
        views.view(Filter.from_json({"similar": {"picture": "abc"}}), None, state)
    with pytest.raises(UsageError, match="only rows of text can be compared with a text"):
        views.view(Filter.from_json({"similar": {"text": "hello"}}), None, state)


def test_a_text_is_compared_by_the_sentence_encoder_that_the_run_used(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SimpleNamespace(name="sentences", encode=lambda texts: np.array([[len(texts[0]), 1.0]], np.float32))
    run = {"modality": "text", "embeddings": ["tfidf", "sentences"], "settings": {"encoders": ["gone"]}}

    def encoders(names: list[str]) -> list[Any]:
        if names:
            raise UsageError("it has gone")
        return [encoder]

    monkeypatch.setattr("assay.encode.bert.sentence_encoders", encoders)
    project: Any = SimpleNamespace(run=run)
    assert {name: vector.tolist() for name, vector in text_vectors(project, "four").items()} == {
        "sentences": [4.0, 1.0]
    }
    monkeypatch.setattr("assay.encode.bert.sentence_encoders", lambda names: [])
    with pytest.raises(UsageError, match="assay models pull minilm"):
        text_vectors(project, "four")


def test_vectors_that_are_no_row_find_through_the_graph_what_measuring_all_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, _ = digits_neighborhood(1_600)
    asked = load_digits().data[1_600:1_640].astype(np.float32)
    exact = [found.near({"own": vector, "another": vector}, 10)[0].tolist() for vector in asked]
    monkeypatch.setattr("assay.similar.neighborhood.EVERY", 200)
    monkeypatch.setattr("assay.similar.neighborhood.CANDIDATES", 800)
    monkeypatch.setattr("assay.similar.neighborhood.STEP", 10)
    reached = [found.near({"own": vector}, 10)[0].tolist() for vector in asked]
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, reached, strict=True)]) > 0.95
