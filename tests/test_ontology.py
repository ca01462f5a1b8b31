"""What a dataset says as a whole. Oracles: planted relations with known posteriors, scipy, brute force, clean shuffles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from scipy.stats import binomtest

import assay
from assay.cli.commands import main
from assay.errors import UsageError
from assay.insights.clusters import splittable
from assay.insights.names import is_kind_by_name
from assay.insights.proposals import relation_findings, two_label_finding
from assay.insights.quality import class_table, quality_findings
from assay.insights.relations import Relation, _fused_jointly, _generals, _Overlap, groups, relations
from assay.insights.shortcuts import property_shortcuts, weak_groups
from assay.insights.splits import is_sorted, row_order, split_leakage, split_shift
from assay.insights.two_labels import (
    OneAgainstRest,
    clauses,
    held_classes,
    held_in_windows,
    length_ranks,
    plausible_pairs,
    plausible_rows,
    second_in_windows,
    second_labels,
    traced,
    with_rows_of_holders,
)
from assay.issues.interval import wilson
from assay.issues.scan import scan
from assay.issues.verdict import Verdict

NAMES = ["owl", "crow", "corn", "ear", "pole", "flagpole", "lamp post"]


def posteriors(seed: int = 0, n: int = 1_400) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Labels drawn from exact posteriors: corn and ear share their rows; pole takes a third of the rows of its two kinds;
    owl and crow are often alike, and can be told apart."""
    rng = np.random.default_rng(seed)
    p = np.full((n, 7), 0.001)
    thing = rng.integers(4, size=n)  # a bird, a plant, a flagpole, a lamp post
    lean = rng.beta(0.5, 0.5, n)
    p[thing == 0, 0], p[thing == 0, 1] = lean[thing == 0], 1 - lean[thing == 0]
    p[thing == 1, 2:4] = 0.5
    for kind in (2, 3):
        p[thing == kind, 4], p[thing == kind, 3 + kind] = 1 / 3, 2 / 3
    p = np.maximum(p, 0.001)
    p /= p.sum(1, keepdims=True)
    labels = (p.cumsum(1) < rng.random((n, 1))).sum(1).clip(0, 6)
    return labels.astype(np.int32), p.astype(np.float32)


def named(found: list[Relation]) -> set[tuple[str, str, str]]:
    return {(r.type, NAMES[r.first], NAMES[r.second] if r.second >= 0 else "") for r in found}


# relations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_planted_relations_are_named_with_their_direction(seed: int) -> None:
    labels, p = posteriors(seed)
    found = named(relations(NAMES, labels, scan(labels, p)))
    assert found == {
        ("same_thing", "corn", "ear"),
        ("is_a", "pole", "flagpole"),
        ("is_a", "pole", "lamp post"),
        ("looks_alike", "owl", "crow"),
    }


def test_names_decide_nothing() -> None:
    labels, p = posteriors()
    numbers = relations(list(range(7)), labels, scan(labels, p))
    assert named(numbers) == named(relations(NAMES, labels, scan(labels, p)))


def test_names_say_which_of_two_fused_classes_is_general() -> None:
    """All onions of this shop are yellow ones: nothing tells the rows apart, and still they are no two names of one thing."""
    labels, p = posteriors()
    shop = ["Yellow-Onion" if name == "corn" else "Onion" if name == "ear" else name for name in NAMES]
    found = {
        (r.type, shop[r.first], shop[r.second]): r for r in relations(shop, labels, scan(labels, p)) if r.second >= 0
    }
    assert ("is_a", "Onion", "Yellow-Onion") in found and not any(kind == "same_thing" for kind, _, _ in found)
    kind = found["is_a", "Onion", "Yellow-Onion"]
    assert kind.low <= kind.strength <= kind.high
    assert kind.strength == pytest.approx((p[labels == shop.index("Yellow-Onion"), shop.index("Onion")] >= 0.1).mean())


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("Arla-Ecological-Sour-Cream", "Sour-Cream", True),
        ("red apple", "Apple", True),
        ("apple", "red apple", False),
        ("apple", "apple", False),
        ("pineapple", "apple", False),
        ("taxes two", "taxes", False),
        ("not spam", "spam", False),
        ("non-toxic", "toxic", False),
        ("ear of corn", "corn", False),
        (12, 2, False),
        ("", "", False),
    ],
)
def test_a_kind_by_name_ends_with_the_general_name(one: object, other: object, kind: bool) -> None:
    assert is_kind_by_name(one, other) is kind


def test_a_model_that_tells_nothing_apart_names_no_relation() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=400).astype(np.int32)
    p = np.full((400, 2), 0.5, np.float32)
    assert {r.type for r in relations(["yes", "no"], labels, scan(labels, p))} <= {"looks_alike"}


def test_classes_mistaken_for_each_other_no_more_than_for_any_other_do_not_look_alike() -> None:
    """A model that is wrong in two rows of five, evenly, but for one pair: that pair is what the owner should look at."""
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(6, dtype=np.int32), 200)
    shown = np.where(rng.random(1_200) < 0.25, rng.integers(6, size=1_200), labels)
    shown = np.where((labels < 2) & (rng.random(1_200) < 0.2), 1 - labels, shown)
    lean = rng.uniform(0.1, 0.35, 1_200)
    p = np.full((1_200, 6), 0.01)
    p[np.arange(1_200), labels] = lean
    p[np.arange(1_200), shown] = 0.9 - lean
    found = relations(range(6), labels, scan(labels, (p / p.sum(1, keepdims=True)).astype(np.float32)))
    assert [(r.type, r.first, r.second) for r in found] == [("looks_alike", 0, 1)]


def test_separate_classes_have_no_relation() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(5, size=500).astype(np.int32)
    p = np.full((500, 5), 0.01, np.float32)
    p[np.arange(500), labels] = 0.96
    assert relations(list("abcde"), labels, scan(labels, p)) == []


@pytest.mark.parametrize("seed", range(3))
def test_few_rows_of_each_kind_prove_a_general_class_together(seed: int) -> None:
    """Twelve kinds of some twenty rows each, of which a quarter carries the general name: pair by pair chance hides that."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(np.arange(12), 20)
    p = np.full((240, 13), 0.001)
    p[np.arange(240), kind] = 0.7
    p[:, 12] = 0.28
    p *= rng.gamma(20, 1 / 20, p.shape)  # a model's own fluctuation
    p /= p.sum(1, keepdims=True)
    labels = np.where(rng.random(240) < 0.25, 12, kind).astype(np.int32)
    found = relations([*range(12), "general"], labels, scan(labels, p.astype(np.float32)))
    specific = {r.second for r in found if r.type == "is_a"}
    assert {r.first for r in found if r.type == "is_a"} == {12} and len(specific) == 12


def test_look_alikes_of_few_rows_are_no_kinds_of_one_class() -> None:
    """Twelve classes that are each now and then taken for the thirteenth, by what can be seen in the row."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        kind = np.repeat(np.arange(12), 20)
        lean = rng.beta(0.4, 1.2, 240)
        p = np.full((240, 13), 0.001)
        p[np.arange(240), kind], p[:, 12] = 1 - lean, lean
        p /= p.sum(1, keepdims=True)
        labels = np.where(rng.random(240) < lean, 12, kind).astype(np.int32)
        assert {r.type for r in relations(range(13), labels, scan(labels, p.astype(np.float32)))} <= {"looks_alike"}


@pytest.mark.parametrize(("apart", "auc"), [(0.0332, 0.707), (0.0532, 0.8)])
def test_halves_of_few_rows_are_the_same_thing_though_chance_tells_them_somewhat_apart(
    apart: float, auc: float
) -> None:
    """Fifteen rows a half and an AUC of .7 or .8: one standard error more is what look-alikes never have."""
    p = np.full((60, 4), 0.001)
    labels = np.repeat(np.arange(4), 15).astype(np.int32)
    p[np.arange(60), labels] = 0.99
    for at in range(15):
        for label, shift in ((0, 0.0), (1, apart)):
            lean = 0.4 + 0.01 * at + shift
            p[15 * label + at, :2] = 1 - lean, lean
    p /= p.sum(1, keepdims=True)
    (found,) = relations([*"abcd"], labels, scan(labels, p.astype(np.float32)))
    assert (found.type, found.first, found.second) == ("same_thing", 0, 1)
    assert found.auc == pytest.approx(auc, abs=0.01)
    for row in range(30):  # two that are as plausible in each other's rows, and can be told apart
        lean = (0.2 if labels[row] == 0 else 0.45) + 0.025 * (row % 15)
        p[row, :2] = 1 - lean, lean
    told = relations([*"abcd"], labels, scan(labels, (p / p.sum(1, keepdims=True)).astype(np.float32)))
    assert [r.type for r in told if r.type == "same_thing"] == [] and all(r.auc > 0.9 for r in told)


def test_two_names_of_one_thing_are_no_evidence_that_either_is_general_to_a_third_class() -> None:
    """Two classes under two names each, and a few rows between the two that are too few to prove anything by themselves."""
    p = np.full((120, 6), 0.001)
    labels = np.repeat(np.arange(6), 20).astype(np.int32)
    p[np.arange(120), labels] = 0.99
    for row, label in enumerate(labels[:80].tolist()):
        p[row] = 0.001
        lean = 0.5 + 0.01 * ((7 * row) % 20 - 9.5)  # says nothing about the name that was given
        twin = 2 * (label // 2)
        p[row, twin], p[row, twin + 1] = lean, 1 - lean
    between = np.array(
        [0.40, 0.44, 0.48, 0.56, 0.42, 0.46, 0.50, 0.54, 0.60]
    )  # p of the third class; the last five have its label
    rows = [*range(4), *range(40, 45)]
    p[rows] = 0.001
    p[rows, 0], p[rows, 2] = 1 - between, between
    p /= p.sum(1, keepdims=True)
    found = relations([*"abcdef"], labels, scan(labels, p.astype(np.float32)))
    assert {(r.type, r.first, r.second) for r in found if r.type != "looks_alike"} == {
        ("same_thing", 0, 1), ("same_thing", 2, 3),
    }  # fmt: skip


def fused(first: int, second: int, cover: float = 0.9) -> Relation:
    return Relation(
        "same_thing", first, second, cover, cover, cover, np.arange(3), facts={"cov_low": cover, "cov_high": cover}
    )


@pytest.mark.parametrize(
    ("cover", "others", "kind"),
    [
        (0.6, 0, "same_thing"),
        (0.6, 1, "is_a"),
        (0.7, 1, "same_thing"),  # one more class may be chance ...
        (0.7, 2, "is_a"),  # ... and two are not
    ],
)
def test_two_that_cover_most_of_each_other_are_general_and_specific_only_with_two_more_classes(
    cover: float, others: int, kind: str
) -> None:
    """Class 1 is fused with class 0, and with ``others`` more that class 0 is not fused with: then class 1 is the general one."""
    found = _generals([fused(0, 1, cover), *(fused(1, 2 + at) for at in range(others))])
    expected = ("is_a", 1, 0) if kind == "is_a" else ("same_thing", 0, 1)
    assert (found[0].type, found[0].first, found[0].second) == expected


@pytest.mark.parametrize(
    ("auc", "error", "kinds"),
    [
        (
            0.95,
            0.05,
            {1, 2, 3},
        ),  # told apart by more than two standard errors: a look-alike, it does not count for the mean
        (0.86, 0.05, set()),  # by fewer than two: it counts, and as it is exact, it decides
        (0.86, 0.2, {1, 2, 3, 4}),  # within one of its own: it counts, and is a kind as the others are
    ],
)
def test_of_a_general_class_those_surely_told_apart_do_not_count_for_the_mean(
    auc: float, error: float, kinds: set[int]
) -> None:
    """Three kinds that few rows cannot prove one by one (.6 and an error of .2, where .78 is the most), and one more class."""
    three = [_Overlap(0, code, 0.6, 0.2, 0.2) for code in (1, 2, 3)]
    assert _fused_jointly([*three, _Overlap(0, 4, auc, error, error)]) == {(0, code) for code in kinds}


def test_a_kind_told_apart_by_more_than_one_standard_error_counts_and_is_not_fused() -> None:
    three = [_Overlap(0, code, 0.6, 0.2, 0.2) for code in (1, 2, 3)]
    assert _fused_jointly([*three, _Overlap(0, 4, 0.86, 0.2, 0.05)]) == {(0, 1), (0, 2), (0, 3)}


def test_a_class_whose_rows_belong_elsewhere_is_a_catch_all() -> None:
    rng = np.random.default_rng(2)
    true = rng.integers(8, size=800)
    labels = np.where(rng.random(800) < 0.06, 8, true).astype(np.int32)
    p = np.full((800, 9), 0.01, np.float32)
    p[np.arange(800), true] = 0.9
    found = relations([*"abcdefgh", "other"], labels, scan(labels, p))
    assert [(r.type, r.first) for r in found if r.type == "catch_all"] == [("catch_all", 8)]


def test_a_catch_all_is_no_general_name_of_one_of_the_many_things_in_it() -> None:
    rng = np.random.default_rng(1)
    true = rng.integers(8, size=800)
    labels = np.where(rng.random(800) < 0.08, 8, true).astype(np.int32)
    p = np.full((800, 9), 0.01, np.float32)
    p[np.arange(800), true] = 0.85
    p[true == 0, 8] = 0.2  # where it is plausible by chance
    p *= rng.gamma(20, 1 / 20, p.shape)  # a model's own fluctuation
    found = relations([*"abcdefgh", "x"], labels, scan(labels, (p / p.sum(1, keepdims=True)).astype(np.float32)))
    assert [(r.type, r.first) for r in found if r.type in ("is_a", "catch_all")] == [("catch_all", 8)]


def test_a_chain_is_no_group_and_a_clique_is() -> None:
    def same(a: int, b: int) -> Relation:
        return Relation("same_thing", a, b, 0.8, 0.7, 0.9, np.array([a, b]))

    assert groups([same(0, 1), same(1, 2), same(2, 3), same(3, 4)], 5) == []
    (clique,) = groups([same(0, 1), same(1, 2), same(0, 2), same(2, 3)], 5)
    assert clique.members == (0, 1, 2)


def test_kinds_of_one_thing_are_a_group_with_one_action() -> None:
    labels, p = posteriors()
    found = relations(NAMES, labels, scan(labels, p))
    findings = relation_findings(NAMES, np.bincount(labels), found, groups(found, 7))
    (group,) = [f for f in findings if f.check == "relation_group" and f.type == "is_a"]
    assert group.classes == {"general": "pole", "specific": ["flagpole", "lamp post"]}
    assert group.action is not None and group.action["else"]["into"] == "pole"


def test_two_far_clusters_of_one_class_are_to_be_split() -> None:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(7, 16))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    place = rng.integers(7, size=700)
    x = centres[place] + 0.05 * rng.normal(size=(700, 16))
    labels = np.where(place == 6, 5, place).astype(np.int32)  # class 5 holds two things
    (found,) = splittable(x, labels, 6)
    truth = {5, 6} & set(np.unique(place[found.rows]).tolist())
    assert found.first == 5 and len(truth) == 1
    assert splittable(x, place.astype(np.int32), 7) == []
    # two clusters that half of the classes have are no matter of a class, as little as two that all have
    half = np.where(place == 6, 5, np.where(place == 4, 3, place)).astype(np.int32)  # of five classes two fall into two
    assert {r.first for r in splittable(x, half, 6)} == {3, 5}
    most = np.where(place == 2, 1, half).astype(np.int32)  # of four classes three
    assert splittable(x, most, 6) == []
    sides = np.where(rng.random(700) < 0.4, 1, -1)[:, None] * np.eye(16)[0] + 0.05 * rng.normal(size=(700, 16))
    assert splittable(sides, rng.integers(4, size=700).astype(np.int32), 4) == []


def test_two_clusters_with_many_other_classes_between_them_are_to_be_split() -> None:
    """A few rows lie between the two, as in the kinds of one thing; but then nothing else lies nearer to each of them."""
    turns = np.arange(16) * 0.1
    centres = np.stack([np.cos(turns), np.sin(turns)], axis=1)  # on an arc, each beside the next
    place = np.repeat(np.arange(16), 40)
    x = np.zeros((640, 42))
    x[:, :2] = centres[place]
    x[np.arange(640), 2 + np.tile(np.arange(40), 16)] = 0.05  # no two rows of a class are the same
    x += 0.01 * np.random.default_rng(4).normal(size=x.shape)
    between = np.array([[0.46], [0.48], [0.52], [0.54]])
    x[[0, 1, 600, 601], :2] = (1 - between) * centres[0] + between * centres[15]
    labels = np.where(place == 15, 0, place).astype(np.int32)
    assert [r.first for r in splittable(x, labels, 16)] == [0]
    few = np.where(np.isin(place, range(2, 8)), -1, labels).astype(np.int32)  # eight other classes are left
    assert splittable(x, few, 16) == []


# intervals, quality ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10), (17, 300)])
def test_intervals_are_wilsons(hits: int, n: int) -> None:
    oracle = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits, n) == pytest.approx((oracle.low, oracle.high), abs=1e-6)


def test_of_a_hundred_classes_chance_makes_none_noisy_and_a_bad_one_is_named() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(100), 15).astype(np.int32)
    probs = np.full((1_500, 100), 1e-4, np.float32)
    probs[np.arange(1_500), labels] = 0.99
    error = np.where(rng.random(1_500) < 0.02, 0.95, 0.002).astype(np.float32)
    known = {
        "is_label_issue": error > 0.5, "p_label_error": error, "label_quality": 1 - error,
        "suggested_label": np.where(error > 0.5, (labels + 1) % 100, -1).astype(np.int32),
    }  # fmt: skip
    names, seen = [f"class {code}" for code in range(100)], scan(labels, probs)

    def noisy() -> list[str]:
        return [f.subject[0] for f in quality_findings(names, labels, seen, known) if f.check == "class_noise"]

    assert noisy() == []
    error[labels == 7] = 0.95
    assert noisy() == ["class 7"]


def test_a_column_of_numbers_that_differs_between_splits_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(3, size=400)
    frame = pd.DataFrame(
        {
            "debt_now": rng.normal(label, 1),
            "years": rng.normal(2 * label, 1),
            "grade": np.array(["low", "mid", "high"])[label],
        }
    ).round(3)
    frame["split"] = np.where(rng.random(400) < 0.3, "test", "train")
    frame.loc[frame["split"] == "test", "debt_now"] += 2
    project = assay.analyze(
        frame, label="grade", split="split", output=tmp_path / "t.assay", progress="quiet", workers=1
    )
    shifts = [f for f in project.insights() if f["check"] == "split_shift"]
    told = [f["message"] for f in shifts if "differ in column “debt_now”" in f["message"]]
    assert len(told) == 1 and not any("years" in f["message"] for f in shifts)


def test_intervals_of_class_noise_cover_the_true_rate() -> None:
    covered = total = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        rate = np.array([0.05, 0.2, 0.1])
        labels = rng.integers(3, size=900).astype(np.int32)
        p_error = rng.beta(0.3, 0.3 / rate[labels] - 0.3)
        wrong = rng.random(900) < p_error
        p = np.full((900, 3), 0.1, np.float32)
        p[np.arange(900), labels] = 0.8
        label = {
            "is_label_issue": p_error > 0.5,
            "p_label_error": p_error,
            "label_quality": 1 - p_error,
            "suggested_label": (labels + 1) % 3,
        }
        for code, line in enumerate(class_table(list("abc"), labels, scan(labels, p), label)):
            covered += line["low"] <= wrong[labels == code].mean() <= line["high"]
            total += 1
    assert 0.90 <= covered / total <= 1.0


@pytest.mark.parametrize("rate", [0.2, 0.04])
def test_a_class_is_noisier_than_the_others_though_nobody_knows_how_many_labels_are_wrong(rate: float) -> None:
    """Two wrong labels among a hundred of the surest rows leave the dataset's rate open, of all classes alike."""
    labels = np.repeat(np.arange(5, dtype=np.int32), 200)
    error = np.zeros(len(labels))
    for code in range(5):
        error[code * 200 : code * 200 + round(200 * (rate if code == 2 else 0.04))] = 1
    p = np.full((len(labels), 5), 0.05, np.float32)
    suggested = np.where(error > 0, (labels + 1) % 5, labels)
    p[np.arange(len(labels)), suggested] = 0.8
    label = {
        "is_label_issue": error > 0,
        "p_label_error": error,
        "label_quality": 1 - error,
        "suggested_label": np.where(error > 0, suggested, -1),
    }
    known = Verdict("", False, 0.1, 0.93, 0.98, told=0.02, sure_rows=100, of_class=(0.0,) * 5)
    found = quality_findings(list("abcde"), labels, scan(labels, p), label, verdict=known.to_dict())
    noisy = [f for f in found if f.check == "class_noise"]
    assert [f.subject for f in noisy] == ([["c"]] if rate == 0.2 else [])
    for finding in noisy:  # the interval itself still says that the rate is not known exactly
        assert finding.low is not None and finding.low < 0.07 < finding.data["own_low"]


def test_model_quality_agrees_with_plain_sums() -> None:
    labels, p = posteriors()
    label: dict[str, Any] = {
        "is_label_issue": p.argmax(1) != labels,
        "p_label_error": 1 - p[np.arange(len(labels)), labels],
        "label_quality": p[np.arange(len(labels)), labels],
        "suggested_label": p.argmax(1),
    }
    findings = quality_findings(NAMES, labels, scan(labels, p), label)
    (quality,) = [f for f in findings if f.check == "model_quality"]
    assert quality.data["all"]["accuracy"] == pytest.approx((p.argmax(1) == labels).mean(), abs=1e-4)
    loss = -np.log(p[np.arange(len(labels)), labels]).mean()
    assert quality.data["all"]["log_loss"] == pytest.approx(loss, abs=1e-3)
    assert quality.data["unflagged"]["accuracy"] == 1.0 and "no label issue" in quality.message
    label["is_label_issue"] = np.zeros(len(labels), bool)
    (quality,) = [f for f in quality_findings(NAMES, labels, scan(labels, p), label) if f.check == "model_quality"]
    assert "no label issue" not in quality.message  # the same number twice
    assert quality.data["all"]["calibration_error"] < 0.05  # the labels were drawn from p


# splits, order, shortcuts, groups --------------------------------------------------------------------------------


def made(seed: int, n: int = 600) -> tuple[NDArray[np.int32], NDArray[np.object_], dict[str, Any], NDArray[np.int32]]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(4, size=n).astype(np.int32)
    splits = np.where(rng.random(n) < 0.3, "test", "train").astype(object)
    x = rng.normal(size=(n, 5)) + 2 * np.eye(5)[labels]
    order = np.argsort(((x[:, None] - x[None]) ** 2).sum(2) + 1e9 * np.eye(n), axis=1)[:, :10]
    return labels, splits, {"length": rng.gamma(2, 10, n)}, order.astype(np.int32)


def test_clean_shuffles_raise_no_alarm() -> None:
    for seed in range(20):
        labels, splits, properties, near = made(seed)
        rows = np.arange(len(labels))
        right = np.random.default_rng(seed).random(len(labels)) < 0.8
        assert split_shift("abcd", labels, splits, properties, near, rows) == []
        assert row_order(labels, rows, near, rows) == []
        assert property_shortcuts("abcd", labels, properties, rows) == []
        assert weak_groups(labels, right, properties, {"test": splits == "test"}, rows) == []


def test_what_only_one_split_has_is_named() -> None:
    labels, splits, properties, near = made(0)
    rows = np.arange(len(labels))
    splits[labels == 2] = "train"
    test = splits == "test"
    properties["length"][test] *= 3
    found = {f.data["kind"] for f in split_shift("abcd", labels, splits, properties, near, rows)}
    assert {"class", "length"} <= found


def test_copies_across_splits_are_counted_by_split() -> None:
    splits = np.array(["train"] * 6 + ["test"] * 4, object)
    clusters = np.array([0, -1, -1, 1, 1, -1, 0, -1, -1, -1])
    exact = clusters == 0
    (found,) = split_leakage("ab", np.zeros(10, np.int32), splits, clusters, exact, np.arange(10))
    assert (found.subject, found.rows, found.strength, found.data["exact"]) == (["test"], 1, 0.25, 1)


def test_sorted_rows_and_drifting_rows_are_not_in_random_order() -> None:
    labels, _, _, near = made(1)
    rows = np.arange(len(labels))
    place = np.empty(len(labels), np.int64)
    place[np.argsort(labels, kind="stable")] = rows
    assert [f.type for f in row_order(labels, place, near, rows)] == ["label"]
    drift = np.linspace(0, 10, 600)[:, None] + np.random.default_rng(0).normal(size=(600, 1))
    near = np.argsort(np.abs(drift - drift.T) + 1e9 * np.eye(600), axis=1)[:, :10].astype(np.int32)
    mixed = np.random.default_rng(2).integers(4, size=600).astype(np.int32)
    (found,) = row_order(mixed, rows, near, rows)
    assert found.type == "neighbors" and "not in random order" in found.message
    (found,) = row_order(mixed, rows, near, rows, sorted_by=lambda: "taken_at")
    assert found.message.startswith("Rows are sorted by “taken_at”") and found.data["sorted_by"] == "taken_at"


def test_a_column_is_sorted_if_it_never_turns() -> None:
    days = np.repeat(np.arange(30.0), 4)
    holes = np.where(np.arange(120) % 5 == 0, np.nan, days)
    assert is_sorted(days) and is_sorted(-days) and is_sorted(holes)
    assert not is_sorted(np.append(days, 3.0)) and not is_sorted(days[:40]) and not is_sorted(None)
    assert not is_sorted(np.where(np.arange(120) % 5, np.nan, days))


def test_a_property_that_gives_a_class_away_is_named() -> None:
    labels, _, properties, _ = made(2)
    properties["brightness"] = np.where(labels == 3, 200.0, 100.0) + np.random.default_rng(0).normal(size=600) * 20
    found = property_shortcuts("abcd", labels, properties, np.arange(600))
    assert [(f.type, f.subject) for f in found] == [("class", ["d", "brightness"])]


def test_properties_that_tell_the_same_class_are_one_finding() -> None:
    labels, _, properties, _ = made(2)
    rng = np.random.default_rng(0)
    for name, noise in (("brightness", 20), ("contrast", 30), ("edge_density", 10)):
        properties[name] = np.where(labels == 3, 200.0, 100.0) + rng.normal(size=600) * noise
    [of_class] = [f for f in property_shortcuts("abcd", labels, properties, np.arange(600)) if f.type == "class"]
    assert of_class.subject == ["d", "edge_density"] and of_class.data["also"] == ["brightness", "contrast"]
    assert "alone tells the class, and so do brightness and contrast. If that" in of_class.message


def test_a_group_the_model_does_badly_on_is_put_into_words() -> None:
    labels, _, properties, _ = made(3)
    right = np.random.default_rng(0).random(600) < np.where(properties["length"] > 40, 0.2, 0.9)
    found = weak_groups(labels, right, properties, {}, np.arange(600))
    assert found and found[0].message.startswith("The model does badly on rows whose length is")


def test_a_weak_group_is_told_once_by_the_property_that_shows_it_best() -> None:
    labels, _, properties, _ = made(3)
    right = np.random.default_rng(0).random(600) < np.where(properties["length"] > 40, 0.2, 0.9)
    once = weak_groups(labels, right, properties, {}, np.arange(600))
    twice = weak_groups(
        labels, right, properties | {"num_characters": 5 * properties["length"] + 1}, {}, np.arange(600)
    )
    assert len(once) == len(twice) == 1
    (renamed,) = weak_groups(labels, right, {"num_characters": properties["length"]}, {}, np.arange(600))
    assert "rows whose number of characters is" in renamed.message


# two labels ------------------------------------------------------------------------------------------------------


def test_one_against_rest_leaves_the_row_out() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(40, 3)), rng.integers(3, size=40).astype(np.int32)
    fast = OneAgainstRest.fit(x, labels, 3).scores(x[[4, 17]], labels[[4, 17]])
    full = np.column_stack([x, np.ones(40)])
    ridge = 0.03 * np.trace(full.T @ full) / 4 * np.eye(4)
    for at, row in enumerate((4, 17)):
        others = np.arange(40) != row
        y = np.eye(3)[labels[others]]
        slow = full[row] @ np.linalg.solve(full[others].T @ full[others] + ridge, full[others].T @ y)
        np.testing.assert_allclose(fast[at], slow, atol=1e-4)


def test_the_second_score_is_the_largest_of_another_class() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(40, 3)), rng.integers(-1, 3, size=40).astype(np.int32)
    rest = OneAgainstRest.fit(x, labels, 3)
    scores = rest.scores(x, labels)
    scores[labels >= 0, labels[labels >= 0]] = -np.inf
    expected = np.where(labels >= 0, scores.max(1), -np.inf)
    np.testing.assert_allclose(rest.second(x, labels), expected, atol=1e-5)


def test_rows_of_two_things_are_taken_apart_before_long_ones_and_before_unsure_ones() -> None:
    """A softmax is sure of one of two things; scores that do not compete see both."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 50).astype(np.int32)
    x = np.eye(4)[labels] + 0.1 * rng.normal(size=(200, 4))
    lengths = rng.integers(5, 15, size=200)
    both = np.arange(0, 200, 20)
    x[both] += np.eye(4)[(labels[both] + 1) % 4]
    lengths[both] += 8
    second = OneAgainstRest.fit(x, labels, 4).second(x, labels)
    chosen = plausible_rows(labels, [second], length_ranks(labels, lengths), 20)
    assert set(both.tolist()) <= set(chosen.tolist())
    doubted = np.zeros(200, np.float32)
    doubted[7] = 1  # by another kind of score, which sees nothing in the rest
    again = plausible_rows(labels, [doubted, second], length_ranks(labels, lengths), 20)
    assert {7, *both.tolist()} <= set(again.tolist()) and not set(both.tolist()) <= set(
        plausible_rows(labels, [doubted], np.full(200, 0.5, np.float32), 20).tolist()
    )


def test_parts_that_are_surely_of_two_classes_are_two_labels() -> None:
    labels = np.array([0] * 17, np.int32)
    two = np.array([[0.97, 0.02, 0.01]] * 2 + [[0.01, 0.02, 0.97]] * 2, np.float32)
    one = np.array([[0.9, 0.05, 0.05]] * 4, np.float32)
    parts = [two] * 5 + [one] * 12
    whole = np.full((17, 3), 0.02, np.float32)
    whole[:5] = 0.4
    rank = np.array([0.9] * 5 + [0.5] * 12, np.float32)
    found = second_labels(labels, np.arange(17), parts, whole, np.eye(3, dtype=bool), rank)
    assert found.plain.tolist() == [True] * 5 + [False] * 12
    assert found.second[:5].tolist() == [2] * 5
    told, unsure = (
        two_label_finding([*"abc"], labels, found, [["part"] * 4] * 17, 17, unsure=u)[0] for u in (False, True)
    )
    assert "5 rows seem to hold" in told.message and "candidate" not in told.message
    assert "5 rows may hold" in unsure.message and "these are candidates" in unsure.message
    held = held_classes(labels, found, parts, whole, rank, [(0, 2)])
    assert {pair: sorted(rows.tolist()) for pair, rows in held.items()} == {(0, 2): [0, 1, 2, 3, 4]}
    assert held_classes(labels, found, parts, whole, rank, []) == {}  # whole texts say nothing of it
    assert (
        held_classes(labels, found, parts, whole, np.full(17, 0.5, np.float32), [(0, 2)]) == {}
    )  # no longer than usual
    assert (
        held_classes(labels, found, parts, np.full_like(whole, 0.4), rank, [(0, 2)]) == {}
    )  # all texts of the class see it
    passing = whole.copy()
    passing[:5] = [0.99, 0.02, 0.36]  # a word about the other class, no second thing
    assert held_classes(labels, found, parts, passing, rank, [(0, 2)]) == {}
    close = np.eye(3, dtype=bool)
    close[0, 2] = close[2, 0] = True
    assert not second_labels(labels, np.arange(17), parts, whole, close, rank).plain.any()


def test_windows_that_are_surely_of_two_classes_are_two_labels() -> None:
    both = np.array([[0.9, 0.05, 0.05]] * 3 + [[0.05, 0.05, 0.9]] * 2, np.float32)
    given_only = np.array([[0.9, 0.05, 0.05]] * 5, np.float32)
    mislabelled = np.array([[0.05, 0.05, 0.9]] * 5, np.float32)
    unsure = np.array([[0.5, 0.05, 0.45]] * 5, np.float32)
    labels = np.zeros(8, np.int32)
    parts = [*[both] * 5, given_only, mislabelled, unsure]
    probs = np.tile(np.array([[0.9, 0.05, 0.05]], np.float32), (8, 1))
    found = second_in_windows(labels, np.arange(8), parts, probs, np.eye(3, dtype=bool))
    assert found.plain.tolist() == [True] * 5 + [False] * 3
    assert set(found.second[:5].tolist()) == {2}
    assert found.score[0] > max(found.score[5:])
    assert {pair: len(rows) for pair, rows in held_in_windows(labels, found, 3).items()} == {(0, 2): 5}
    close = np.ones((3, 3), dtype=bool)
    assert (second_in_windows(labels, np.arange(8), parts, probs, close).second == -1).all()
    # of pictures whose windows say the same, the one that shows more of the second thing as a whole ranks first
    probs[1, 2] = 0.4
    ranked = second_in_windows(labels, np.arange(8), iter(parts), probs, np.eye(3, dtype=bool))
    assert ranked.score.argmax() == 1 and ranked.plain.tolist() == found.plain.tolist()
    # windows alone prove nothing: of sky a head says anything
    probs = np.full((8, 3), 0.05, np.float32)
    assert traced(found, probs).plain.tolist() == found.plain.tolist()
    assert not traced(found, probs / 10).plain.any()


@pytest.fixture(scope="module")
def pairs_of_photos(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[assay.Project, pd.DataFrame]:
    """Four classes of photographs; a tenth of the pictures has one of another class beside it, a few are mislabelled."""
    from PIL import Image

    names = ["sunflower", "airplanes", "Leopards", "watch"]
    files = [file for name in names for file in sorted((data_dir / "photos_600" / name).glob("*.jpg"))[:30]]
    if len(files) < 120:
        pytest.skip("photos_600 is not there")
    folder, rng, rows = tmp_path_factory.mktemp("two"), np.random.default_rng(0), []
    for at, file in enumerate(files):
        picture, second = Image.open(file).convert("RGB"), ""
        picture.thumbnail((200, 200))
        if at % 10 == 0:
            other = files[(at + 30 + at // 10) % len(files)]
            second, beside = other.parent.name, Image.open(other).convert("RGB").resize(picture.size)
            joined = Image.new("RGB", (picture.width * 2, picture.height))
            joined.paste(picture, (0, 0))
            joined.paste(beside, (picture.width, 0))
            picture = joined
        label = file.parent.name
        if at % 20 == 5:
            label = str(rng.choice([name for name in names if name != label]))
        picture.save(folder / f"{at:03d}.png")
        rows.append((str(folder / f"{at:03d}.png"), label, second))
    frame = pd.DataFrame(rows, columns=["image", "label", "second"])
    project = assay.analyze(
        frame[["image", "label"]], image="image", label="label", output=folder / "two.assay", progress="quiet"
    )
    return project, frame


def test_pictures_of_two_things_are_told_from_mislabelled_ones(
    pairs_of_photos: tuple[assay.Project, pd.DataFrame],
) -> None:
    from sklearn.metrics import average_precision_score

    project, frame = pairs_of_photos
    found, second = project.results().to_pandas(), frame["second"].to_numpy()
    two = second != ""
    plain = np.array(project.artefacts.pred_probs)
    plain[np.arange(len(plain)), project.dataset.codes] = -1
    ours = average_precision_score(two, found["multi_label_score"].fillna(-1))
    assert ours >= 1.5 * average_precision_score(two, plain.max(1))
    assert (found["second_label"].to_numpy()[two] == second[two]).mean() >= 0.8
    flagged = found["is_multi_label"].to_numpy(bool)
    assert flagged.sum() >= 6 and two[flagged].mean() >= 0.8
    left = [float(part.split()[0]) for part in found["second_label_part"][flagged & two]]
    assert np.mean(np.array(left) >= 0.4) >= 0.7  # the second one was pasted on the right


def test_rows_with_two_labels_are_listed_like_any_check(pairs_of_photos: tuple[assay.Project, pd.DataFrame]) -> None:
    project, _ = pairs_of_photos
    table = project.issues("multi_label")
    (record,) = [check for check in project.run["checks"] if check["name"] == "multi_label"]
    assert record["status"] == "ran" and record["count"] == len(table) > 0
    (finding,) = [f for f in project.insights() if f["check"] == "two_labels"]
    assert finding["rows"] == len(table)
    assert set(finding["examples"]) <= set(table["row_id"])


def test_small_pictures_are_not_taken_apart_and_the_run_says_so(digits_project: Path) -> None:
    project = assay.open(digits_project)
    (record,) = [check for check in project.run["checks"] if check["name"] == "multi_label"]
    assert (record["status"], record["why"]) == (
        "skipped",
        "the pictures are smaller than 96 pixels: parts of them show no things",
    )
    assert not [f for f in project.insights() if f["check"] == "two_labels"]


def test_texts_joined_of_two_are_found(data_dir: Path, tmp_path: Path) -> None:
    from assay.encode.bert import find_minilm

    if find_minilm() is None or not (data_dir / "clinc150").exists():
        pytest.skip("no sentence encoder or no clinc150")
    frame = pd.read_csv(data_dir / "clinc150" / "clinc150.csv")
    classes = ["translate", "transfer", "timer", "definition", "insurance", "weather"]
    frame = frame[frame["intent"].isin(classes)].groupby("intent").head(30).reset_index(drop=True)
    texts, labels = frame["text"].tolist(), frame["intent"].tolist()
    joined = {at: (at + 31 + at // 10) % len(texts) for at in range(0, len(texts), 10)}
    words = [f"{text}. {texts[joined[at]]}" if at in joined else text for at, text in enumerate(texts)]
    data = pd.DataFrame({"text": words, "label": labels})
    project = assay.analyze(data, text="text", label="label", output=tmp_path / "two.assay", progress="quiet")
    found = project.results().to_pandas()
    flagged = np.flatnonzero(found["is_multi_label"].to_numpy(bool)).tolist()
    assert len(flagged) >= 5 and np.mean([at in joined for at in flagged]) >= 0.8
    assert np.mean([found["second_label"][at] == labels[joined[at]] for at in flagged if at in joined]) >= 0.8
    assert all(found["second_label_part"][at] in words[at] for at in flagged)


def test_a_class_of_which_whole_texts_show_another_is_taken_apart() -> None:
    """Class 0 holds class 3 in a quarter of its texts; class 1 and 2 are neighbours, alike in all of theirs."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 40).astype(np.int32)
    x = np.eye(4)[labels] + 0.05 * rng.normal(size=(160, 4))
    x[40:120] += 0.6 * np.eye(4)[3 - labels[40:120]]
    lengths = rng.integers(5, 15, size=160)
    both = np.arange(0, 40, 4)
    x[both], lengths[both] = (x[both] + x[both + 120]) / np.sqrt(2), lengths[both] + 8
    rest, rank = OneAgainstRest.fit(x, labels, 4), length_ranks(labels, lengths)
    apart = np.eye(4, dtype=bool)
    pairs = plausible_pairs(labels, rest, x, apart, rank)
    assert pairs == [(0, 3)]
    assert plausible_pairs(labels, rest, x, apart, length_ranks(labels, 20 - lengths)) == []  # shorter than the others
    same = apart.copy()
    same[0, 3] = same[3, 0] = True
    assert plausible_pairs(labels, rest, x, same, rank) == []
    rows = with_rows_of_holders(labels, np.array([3, 50]), pairs, 99)
    assert rows.tolist() == [3, 50, *(row for row in range(40) if row != 3)]
    assert with_rows_of_holders(labels, np.array([3, 50]), pairs, 2).tolist() == [3, 50, 0, 1]
    assert with_rows_of_holders(labels, np.array([3, 50]), [], 99).tolist() == [3, 50]


def test_clauses_are_parts_of_the_text() -> None:
    text = "my card is lost and I cannot find it. what is the fee for a new one?"
    assert "what is the fee for a new one?" in clauses(text)
    assert all(part in text for part in clauses(text))
    assert clauses("hello") == []


# a project -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five classes in the plane of the user's own vectors, one of them under two names."""
    rng = np.random.default_rng(0)
    place = rng.integers(5, size=400)
    vectors = (4 * np.eye(5)[place] + rng.normal(size=(400, 5)) * 0.5).astype(np.float32)
    names = np.array(["corn", "owl", "crow", "lamp", "pole"], object)[place]
    names[(place == 0) & (rng.random(400) < 0.45)] = "ear"
    frame = pd.DataFrame({"text": [f"row number {i} of the set" for i in range(400)], "label": names})
    output = tmp_path_factory.mktemp("corn") / "corn.assay"
    assay.analyze(
        frame, text="text", label="label", embeddings={"own": vectors}, output=output, progress="quiet", workers=1
    )
    return output


def test_a_project_tells_its_relations_and_which_checks_ran(corn: Path) -> None:
    project = assay.open(corn)
    (same,) = [f for f in project.insights() if f["type"] == "same_thing"]
    assert sorted(same["classes"]) == ["corn", "ear"]
    assert same["check"] == "relation" and 0 < same["low"] <= same["strength"] <= same["high"] <= 1
    assert same["rows"] >= len(same["examples"]) > 0
    given = dict(
        zip(project.results().to_pydict()["row_id"], project.results().to_pydict()["given_label"], strict=True)
    )
    assert {given[row] for row in same["examples"]} <= {"corn", "ear"}
    status = {check["name"]: (check["status"], check["why"]) for check in project.run["checks"]}
    assert status["relations"] == ("ran", "")
    assert status["split_shift"] == ("skipped", "the data has no splits")
    assert status["multi_label"][0] == "skipped" and status["multi_label"][1]


def test_a_merge_is_one_entry_that_undo_takes_back(corn: Path) -> None:
    project = assay.open(corn)
    (same,) = [f for f in project.insights() if f["type"] == "same_thing"]
    preview = project.preview(same)
    assert project.decided == 0
    done = project.apply(same, "ann")
    assert done.entry is not None and done.entry.n_rows == preview["n"] > 0
    assert {(given, new) for given, new, _ in preview["pairs"]} == {("ear", "corn")}
    labels = project.column("corrected_label").to_pylist()
    assert labels.count("corn") == preview["n"]
    project.undo(person="ann")
    assert project.decided == 0


def test_what_a_person_decided_stands(corn: Path) -> None:
    project = assay.open(corn)
    (same,) = [f for f in project.insights() if f["type"] == "same_thing"]
    row = int(np.flatnonzero([label == "ear" for label in project.dataset.rows["given"].to_pylist()])[0])
    project.decide("label", rows=[row], label="owl", person="bob")
    done = project.apply(same, "ann")
    assert project.column("corrected_label").to_pylist()[row] == "owl"
    assert sum(done.summary["skipped"].values()) == 1
    project.undo(person="ann")
    project.undo(person="bob")


def test_the_command_lists_previews_and_applies(corn: Path) -> None:
    run = CliRunner().invoke
    listed = json.loads(run(main, ["insights", str(corn), "--json"]).output)
    number = next(at for at, finding in enumerate(listed, 1) if finding["type"] == "same_thing")
    keys = {"check", "type", "classes", "strength", "low", "high", "rows", "examples", "message", "action"}
    assert all(keys <= set(finding) for finding in listed)
    assert "corn" in run(main, ["insights", str(corn), "--check", "relation"]).output
    assert "would change" in run(main, ["insights", str(corn), "--apply", str(number), "--dry-run"]).output
    assert assay.open(corn).decided == 0
    assert "entry" in run(main, ["insights", str(corn), "--apply", str(number)]).output
    assert assay.open(corn).decided > 0
    assert run(main, ["undo", str(corn)]).exit_code == 0
    assert run(main, ["insights", str(corn), "--apply", "999"]).exit_code == 2


def test_a_finding_without_action_says_so(corn: Path) -> None:
    project = assay.open(corn)
    (quality,) = [f for f in project.insights() if f["check"] == "model_quality"]
    with pytest.raises(UsageError, match="proposes no action"):
        project.apply(quality)


def test_the_report_reads_the_corrections_and_is_written_as_markdown_too(corn: Path, tmp_path: Path) -> None:
    project = assay.open(corn)
    page = Path(project.report(tmp_path / "report.md")).read_text(encoding="utf-8")
    assert "| corn | ear |" in page or "| ear | corn |" in page
    assert "the same thing" in page and "## Checks" in page
    assert ": given " in page and ":given" not in page
    assert "the same thing" in Path(project.report(tmp_path / "report.html")).read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="choose html or md"):
        project.report(tmp_path / "x", format="pdf")


def test_a_proposal_over_http_is_previewed_done_once_and_undone(corn: Path, tmp_path: Path) -> None:
    from serving import client, copy_project

    with client(tmp_path / "home", copy_project(corn, tmp_path / "corn.assay")) as made:
        base = f"/api/v1/projects/{made.get('/api/v1/projects').json()[0]['id']}"
        listed = made.get(f"{base}/insights").json()
        number = next(at for at, finding in enumerate(listed, 1) if finding["type"] == "same_thing")
        n = made.post(f"{base}/insights/{number}/preview", json={}).json()["n"]
        asked = {"token": "merge-corn-and-ear"}
        done = made.post(f"{base}/insights/{number}/apply", json=asked).json()
        again = made.post(f"{base}/insights/{number}/apply", json=asked).json()
        assert done["entry"]["n_rows"] == n > 0
        assert again["entry"]["number"] == done["entry"]["number"]
        assert made.post(f"{base}/undo", json={}).status_code == 200
        assert made.post(f"{base}/insights/{number}/preview", json={}).json()["n"] == n
        assert made.post(f"{base}/insights/9999/preview", json={}).status_code == 404
