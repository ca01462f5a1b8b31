"""What a run learned is kept: loaded again, it says of every row what the run said, and can be asked about others."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import assay
from assay.encode.cells import read_cells
from assay.encode.table import FittedTable, fit_table
from assay.encode.text import FittedTfidf, fit_tfidf
from assay.issues.isolated_groups import closed_groups
from assay.issues.outlier import outlier_issues
from assay.issues.outlier_distances import measure_distances
from assay.issues.outlier_evidence import Neighborhood
from assay.issues.outlier_reference import OutlierReference
from assay.issues.table_reference import TableReference
from assay.issues.unusual_cells import CellBounds, unusual_cells
from assay.predict import predict
from assay.predict.fitted import FittedBlend
from assay.predict.folds import make_folds
from assay.predict.trees import FittedTrees, tree_probabilities
from assay.runs.finished_run import FinishedRun
from in_this_process import in_this_process


def artefacts(project):
    return FinishedRun(project.path).artefacts


def test_the_heads_and_the_vote_of_a_run_say_again_what_it_said(digits_project):
    """Of pictures: each labelled row out of sample, by its own fold's heads."""
    kept = artefacts(assay.open(digits_project))
    fitted = kept.fitted_blend()
    assert fitted is not None and "heads" in fitted.asks_for_.values()
    embeddings = {name: np.asarray(kept.embedding(name), np.float32) for name in kept.embeddings}
    folds = np.asarray(kept.array("folds", ".npy"))
    neighbors = np.asarray(kept.array("graph", ".ids.npy"))
    again = fitted.predict_proba(embeddings, neighbors=neighbors, folds=folds)
    np.testing.assert_allclose(again, kept.pred_probs, atol=1e-4)


def test_the_outlier_reference_of_a_run_says_again_what_it_said(digits_project):
    """Of pictures: from the distances of the same rows, to the bit; a row farther off than any is an outlier."""
    project = assay.open(digits_project)
    kept = artefacts(project)
    reference = kept.outlier_reference()
    assert reference is not None and {"nearest", "learned"} < set(reference.scales_)
    ids, distances = (np.asarray(kept.array("graph", f".{name}.npy")) for name in ("ids", "distances"))
    embeddings = {name: kept.embedding(name) for name in kept.embeddings}
    codes = FinishedRun(project.path).dataset.codes[kept.vector_rows]
    near = Neighborhood(embeddings, ids, distances, closed_groups(ids, codes), 0, 1)
    measured = measure_distances(near, codes, np.ones(len(ids), bool), modality="image")
    score, flagged = reference.score(measured)
    table = project.results(kept.vector_rows, ["outlier_score", "is_outlier"])
    assert np.array_equal(score, table["outlier_score"].to_numpy())
    assert np.array_equal(flagged, table["is_outlier"].to_numpy())
    far = {name: np.array([10 * np.nanmax(values), np.nanmin(values)]) for name, values in measured.items()}
    score, flagged = reference.score(far)
    assert score[0] == 1 and flagged.tolist() == [True, False] and score[1] < 0.1


@pytest.mark.parametrize("foreign", [0, 4])
def test_an_outlier_reference_flags_what_was_flagged_and_what_lies_as_far(foreign):
    rng = np.random.default_rng(5)
    x = np.ones((400, 12)) + rng.normal(0, 0.2, (400, 12))
    x[:foreign] = rng.normal(size=(foreign, 12))
    x = x.astype(np.float32)
    ids, distances = assay.neighbors(x, 15)
    codes, every = np.full(400, -1, np.int32), np.ones(400, bool)
    found = outlier_issues(
        {"v": x}, codes, ids, distances, None, every, modality="text", seed=0, threads=1
    )  # fmt: skip
    reference = OutlierReference.from_arrays(*found["_reference"].to_arrays())
    near = Neighborhood({"v": x}, ids, distances, closed_groups(ids, codes), 0, 1)
    measured = measure_distances(near, codes, every, modality="text")
    score, flagged = reference.score(measured)
    assert np.array_equal(score, found["outlier_score"]) and np.array_equal(flagged, found["is_outlier"])
    assert not foreign or flagged[:foreign].all()
    assert reference.score({"nearest": np.array([0.9])})[1].all()


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_blend_predicts_rows_that_were_not_there(rounds):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 600).astype(np.int32)
    x = np.eye(3, 8, dtype=np.float32)[labels] * 3 + rng.normal(size=(600, 8)).astype(np.float32)
    given = labels.copy()
    given[:30] = (given[:30] + 1) % 3
    seen, new = np.arange(500), np.arange(500, 600)

    def doubt(probabilities):
        wrong = probabilities.argmax(1) != given[seen]
        return {
            "is_label_issue": wrong, "label_quality": 1.0 - wrong, "p_label_error": wrong.astype(float),
            "suggested_label": probabilities.argmax(1),
        }  # fmt: skip

    folds = make_folds(given[seen], np.full(500, -1, np.int64))
    out = np.empty((500, 3), np.float32)
    made = predict(
        {"v": x[seen]}, given[seen], folds, None, 3, out, doubt=doubt if rounds == 2 else None, effort="regular"
    )  # fmt: skip
    assert made.rounds.used == rounds and made.fitted is not None
    fitted = FittedBlend.from_arrays(*made.fitted.to_arrays())
    assert len(fitted.rounds_) == rounds
    np.testing.assert_allclose(fitted.predict_proba({"v": x[seen]}, folds=folds), out, atol=1e-5)
    probabilities = fitted.predict_proba({"v": x[new]})
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert (probabilities.argmax(1) == labels[new]).mean() > 0.9
    with pytest.raises(ValueError, match=r"'v/\w+' was learned from, and is not given"):
        fitted.predict_proba({"other": x[new]})


def test_the_trees_of_a_table_say_again_what_they_said_and_predict_other_rows():
    """With blanks, and rows without labels: their mean of all folds."""
    rng = np.random.default_rng(1)
    cells = rng.normal(size=(700, 4)).astype(np.float32)
    labels = ((cells[:, 0] > 0) + (cells[:, 1] > 0.5)).astype(np.int32)
    cells[rng.random(cells.shape) < 0.05] = np.nan
    dense = np.nan_to_num(cells)
    given = labels[:600].copy()
    given[::20] = -1
    folds = make_folds(given, np.full(600, -1, np.int64))
    found, learned = tree_probabilities(cells[:600], dense[:600], given, folds, 3, seed=0, threads=2)
    assert learned is not None and list(found) == ["extratrees", "lightgbm"]
    fitted = FittedTrees.from_arrays(*learned.to_arrays())
    again = fitted.predict_proba(cells[:600], dense[:600], folds=folds)
    for name, values in found.items():
        np.testing.assert_allclose(again[name], values, atol=1e-5)
    new = fitted.predict_proba(cells[600:], dense[600:])
    for values in new.values():
        assert (values.argmax(1) == labels[600:]).mean() > 0.8


def test_a_forest_that_is_too_large_is_not_kept(monkeypatch):
    from assay.predict import trees

    monkeypatch.setattr(trees, "KEPT_NUMBERS", 100)
    rng = np.random.default_rng(2)
    cells = rng.normal(size=(200, 3)).astype(np.float32)
    labels = (cells[:, 0] > 0).astype(np.int32)
    found, learned = tree_probabilities(
        cells, cells, labels, make_folds(labels, np.full(200, -1, np.int64)), 2, seed=0, threads=1
    )
    assert list(found) == ["extratrees", "lightgbm"]
    assert learned is not None and list(learned.models_) == ["lightgbm"]


def test_tfidf_gives_other_texts_the_vectors_that_the_texts_it_learned_from_have(data_dir):
    texts = pd.read_csv(data_dir / "banking77" / "test.csv")["text"].tolist()[:1_200]
    vectors, fitted = fit_tfidf(texts, dims=64)
    np.testing.assert_allclose(fitted.transform(texts), vectors, atol=1e-5)
    loaded = FittedTfidf.from_arrays(fitted.to_arrays())
    np.testing.assert_allclose(loaded.transform(texts[:50]), vectors[:50], atol=2e-3)
    near = loaded.transform([text.upper() + "!" for text in texts[:50]])
    assert (near * vectors[:50]).sum(1).min() > 0.99
    assert not loaded.transform(["", "..."]).any()


def mixed_cells(n: int) -> pd.DataFrame:
    """Every kind of column, some as people type them, with blanks."""
    rng = np.random.default_rng(3)
    makers = ["Fender", "Gibson", "Ibanez", "Yamaha", "Gretsch", "Martin", "Taylor", "Guild", "Epiphone", "Jackson"]
    frame = pd.DataFrame(
        {
            "price": [f"${value:,.2f}" for value in rng.uniform(5, 9_000, n)],
            "width": [f"{value:.1f}".replace(".", ",") for value in rng.uniform(1, 90, n)],
            "count": rng.integers(0, 40, n).astype(float),
            "day": [
                f"{day:02}/{month:02}/2021"
                for day, month in zip(rng.integers(1, 29, n), rng.integers(1, 13, n), strict=True)
            ],
            "made": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "maker": rng.choice(makers, n),
            "city": [
                f"{rng.choice(['North', 'South'])} {name}ville"
                for name in rng.choice([f"{a}{b}" for a in "abcdefgh" for b in "xyzuvwst"], n)
            ],
        }
    )
    frame.loc[::9, "count"] = np.nan
    frame.loc[::11, "maker"] = "n/a"
    frame.loc[::13, "price"] = None
    return frame


def test_the_encoder_of_a_table_says_again_what_it_said_and_reads_other_rows():
    cells = mixed_cells(400)
    found, learned = fit_table(cells, list(cells))
    kinds = {column.name: column.kind for column in learned.columns_}
    assert set(kinds.values()) == {"number", "date", "category", "string"} and set(kinds) == set(cells), kinds
    index, arrays = learned.to_arrays()
    fitted = FittedTable.from_arrays(json.loads(json.dumps(index)), arrays)
    dense, trees = fitted.transform(cells)
    np.testing.assert_allclose(dense, found.dense, atol=4e-3)  # directions are kept as float16
    np.testing.assert_allclose(trees, found.trees, atol=4e-3)
    plain = [at for at, name in enumerate(found.names) if kinds[name] in ("number", "date")]
    starts = np.cumsum([0, *found.widths])
    for at in plain:  # to the bit
        own = slice(starts[at], starts[at + 1])
        assert np.array_equal(dense[:, own], found.dense[:, own]), found.names[at]
    one = cells.iloc[[0]].assign(price="$12.50", width="1,5", count=np.inf, day="25/12/2021", maker="Fendr", city=None)
    alone, _ = fitted.transform(one)
    assert alone.shape == (1, found.dense.shape[1]) and np.isfinite(alone).all()
    columns = {column.name: column for column in fitted.columns_}
    assert columns["price"].transform(one["price"]).trees.tolist() == [[12.5]]
    assert columns["width"].transform(one["width"]).trees.tolist() == [[1.5]]
    assert columns["count"].transform(one["count"]).trees.tolist() == [[cells["count"].max()]]
    assert columns["day"].transform(one["day"]).trees[0, 1] == 12  # a month, for the day is first
    unknown, blank = (columns["maker"].transform(pd.Series([value])) for value in ("Fendr", None))
    assert np.isnan(unknown.trees[0, 0]) and not np.array_equal(unknown.dense, blank.dense)
    near = columns["maker"].transform(pd.Series(["Fender"])).dense[0, -4:] @ unknown.dense[0, -4:]
    assert near > 0 and not blank.dense[0, -4:].any()


def test_the_encoder_of_a_very_wide_table_turns_other_rows_as_well(monkeypatch):
    monkeypatch.setattr("assay.encode.table.MAX_DIMS", 5)
    cells = mixed_cells(150)
    found, learned = fit_table(cells, list(cells))
    assert found.dense.shape[1] == 5
    dense, _ = FittedTable.from_arrays(*learned.to_arrays()).transform(cells)
    np.testing.assert_allclose(dense, found.dense, atol=2e-2)


@pytest.mark.usefixtures("here")
def test_a_table_and_texts_analysed_leave_states_that_load(data_dir, tmp_path):
    table = pd.DataFrame({"a": np.tile(np.arange(40.0), 5), "b": np.tile(np.arange(8.0), 25)})
    table["label"] = np.where(table["a"] + table["b"] > 22, "high", "low")
    kept = artefacts(assay.analyze(table, label="label", output=tmp_path / "table.assay"))
    trees, blend = kept.fitted_trees(), kept.fitted_blend()
    assert trees is not None and blend is not None
    cells, dense = kept.array("encode/table", ".trees.npy"), np.asarray(kept.array("encode/table", ".cells.npy"))
    folds = np.asarray(kept.array("folds", ".npy"))
    encoder = kept.fitted_table()
    assert encoder is not None
    made = encoder.transform(table)
    assert np.array_equal(made[0].astype(np.float16), dense) and np.array_equal(made[1], cells)
    extra = trees.predict_proba(cells, dense, folds=folds)
    again = blend.predict_proba(
        {name: np.asarray(kept.embedding(name), np.float32) for name in kept.embeddings},
        neighbors=np.asarray(kept.array("graph", ".ids.npy")), extra=extra, folds=folds,
    )  # fmt: skip
    np.testing.assert_allclose(again, kept.pred_probs, atol=1e-4)
    texts = pd.read_csv(data_dir / "banking77" / "test.csv")[["text"]].head(120)
    kept = artefacts(assay.analyze(texts, output=tmp_path / "texts.assay"))
    tfidf = kept.fitted_tfidf()
    assert tfidf is not None and kept.fitted_blend() is None
    np.testing.assert_allclose(tfidf.transform(texts["text"].tolist()), kept.embedding("tfidf"), atol=4e-3)


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, n)
    return pd.DataFrame({
        "born": 1950 + 10 * group + rng.integers(0, 8, n),
        "income": np.round(np.exp(rng.normal(8 + group, 0.3, n)), 2),
        "town": np.array(["Oslo", "Bergen", "Tromsø"])[group],
        "since": pd.Timestamp("2010-01-01") + pd.to_timedelta(rng.integers(0, 3_000, n), unit="D"),
    })  # fmt: skip


@pytest.fixture(scope="module")
def of_table(tmp_path_factory):
    """A run on a table with five rows that hold a cell nobody would believe."""
    cells = people(600, 0).astype({"town": object})
    cells.loc[3, "born"], cells.loc[5, "income"], cells.loc[9, "town"] = 1700, 4e9, "???? no town"
    cells.loc[11, "born"], cells.loc[20, "income"] = 2900, -5.0
    with in_this_process():
        project = assay.analyze(cells, output=tmp_path_factory.mktemp("table") / "p.assay", effort="fast")
    return project, cells


def test_what_a_table_was_measured_against_says_again_what_it_said(of_table):
    project, cells = of_table
    kept = artefacts(project)
    reference = kept.table_reference()
    assert reference is not None and kept.outlier_reference() is None
    ids, distances = (np.asarray(kept.array("graph", f".{name}.npy")) for name in ("ids", "distances"))
    x = np.concatenate([kept.embedding(name) for name in kept.embeddings], axis=1)
    score, flagged = reference.score(x, x, distances[:, :10].mean(1), ids, cells)
    said = project.results(kept.vector_rows, ["outlier_score", "is_outlier"])
    outlier = said["is_outlier"].to_numpy(zero_copy_only=False)
    assert set(np.flatnonzero(outlier)) >= {3, 5, 9, 11, 20}
    assert flagged[outlier].all() and (flagged != outlier).mean() < 0.01
    usual = np.setdiff1d(np.arange(600), [3, 5, 9, 11, 20])
    np.testing.assert_allclose(score[usual], said["outlier_score"].to_numpy()[usual], atol=2 / 600)


def test_a_table_whose_rows_keep_together_is_ranked_again_as_it_was():
    """By few neighbours, correlations taken out."""
    rng = np.random.default_rng(4)
    group = rng.integers(0, 20, 500)
    width = np.exp(rng.normal(-1.5, 1.5, 20))[group, None]
    x = (rng.normal(0, 5, (20, 6))[group] + width * rng.normal(size=(500, 6))).astype(np.float32)
    x[:4] = rng.normal(0, 5, (4, 6))
    ids, distances = assay.neighbors(x, 15, metric="euclidean")
    cells = pd.DataFrame(x.astype(float), columns=list("abcdef"))
    found = outlier_issues(
        {"table": x}, np.full(500, -1, np.int32), ids, distances, None, np.ones(500, bool),
        modality="table", seed=0, threads=1, columns=[read_cells(cells[name], name) for name in cells],
    )  # fmt: skip
    index, arrays = found["_reference"].to_arrays()
    reference = TableReference.from_arrays(json.loads(json.dumps(index)), arrays)
    assert reference.few_ is not None
    score, flagged = reference.score(x, x, distances[:, :10].mean(1), ids, cells)
    assert found["is_outlier"].any() and flagged[found["is_outlier"]].all()
    ordinary = closed_groups(ids, np.full(500, -1, np.int32)) < 0
    assert ordinary.mean() > 0.5
    np.testing.assert_allclose(score[ordinary], found["outlier_score"][ordinary], atol=2 / 500)


def test_rows_of_a_table_that_were_not_there_are_judged_by_those_that_were(of_table):
    project, cells = of_table
    kept = artefacts(project)
    reference, table = kept.table_reference(), kept.fitted_table()
    new = people(300, 1).astype({"town": object, "income": float})
    strange = {0: ("born", 1600), 1: ("born", 4000), 2: ("income", -9.0), 3: ("income", 1e10), 4: ("town", "Atlantis")}
    for row, (name, value) in strange.items():
        new.loc[row, name] = value
    x, old = table.transform(new)[0], table.transform(cells)[0]
    far = np.sqrt(((x[:, None] - old[None]) ** 2).sum(2))
    ids = np.argsort(far, axis=1)[:, :15].astype(np.int32)
    score, flagged = reference.score(x, old, np.take_along_axis(far, ids, 1)[:, :10].mean(1), ids, new)
    assert flagged[:5].all() and (score[:5] > 0.98).all()
    assert flagged[5:].mean() < 0.02 and 0.3 < np.median(score[5:]) < 0.7


@pytest.mark.parametrize("text", [False, True])
def test_the_bounds_of_a_column_flag_the_cells_that_were_flagged(text):
    """And no cell between them; numbers in texts and values, too."""
    cells = people(500, 2)
    cells.loc[7, "born"], cells.loc[8, "income"], cells.loc[9, "town"] = 1500, 1e9, "qqq"
    if text:
        cells = cells.astype({"born": str}).assign(income=[f"{value:,.2f} kr" for value in cells["income"]])
    found = unusual_cells([read_cells(cells[name], name) for name in cells.columns])
    bounds = [CellBounds.from_json(json.loads(json.dumps(column.to_json()))) for column in found.bounds]
    assert [column.name for column in bounds] == list(cells.columns)
    unusual = np.any([column.unusual(cells[column.name]) for column in bounds], axis=0)
    assert np.flatnonzero(unusual).tolist() == np.flatnonzero(found.strength).tolist() == [7, 8, 9]


@pytest.mark.parametrize("kind", ["normal", "skewed", "counts", "negative"])
def test_a_number_beyond_the_bounds_would_have_been_unusual_among_the_others(kind):
    """The brute-force twin: the column with the number in it, whose centiles the number moves a little."""
    rng = np.random.default_rng(7)
    values = {
        "normal": rng.normal(170, 10, 400),
        "skewed": np.exp(rng.normal(8, 0.6, 400)),
        "counts": rng.poisson(9, 400) + 1.0,
        "negative": -np.exp(rng.normal(3, 0.5, 400)),
    }[kind]
    (bounds,) = unusual_cells([read_cells(pd.Series(values), "n")]).bounds
    assert not bounds.unusual(pd.Series(values)).any()
    for bound, middle in ((bounds.small or bounds.below, values.mean()), (bounds.above, values.mean())):
        assert np.isfinite(bound)
        for share in (0.8, 1.2):
            one = middle + share * (bound - middle)
            column = pd.Series([*values, one])
            twin = unusual_cells([read_cells(column, "n")]).strength[-1] > 0
            assert bounds.unusual(column)[-1] == twin and (twin == (share > 1) or one <= 0)
    for one in (0.0, -0.5) if kind != "negative" else ():
        column = pd.Series([*values, one])
        assert bounds.unusual(column)[-1] == (unusual_cells([read_cells(column, "n")]).strength[-1] > 0)
