"""issues/leaks.py and its findings: values that give the label away."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import assay
from assay.insights.leaks import form_finding, leak_findings
from assay.issues.leaks import (
    Leak,
    begins_with_class,
    classes_fixed,
    find_leaks,
    fixed_by_mark,
    fixed_by_order,
    fixed_by_parts,
    fixes,
    told,
)
from conftest import write_digits


def told_by_loop(values, codes) -> float:
    right = 0
    counts = {value: int((values == value).sum()) for value in set(values.tolist())}
    pooled = np.array([value if counts[value] > 1 else -1 for value in values.tolist()])
    for row in range(len(codes)):
        others = codes[(pooled == pooled[row]) & (np.arange(len(codes)) != row)]
        times = np.bincount(others, minlength=codes.max() + 1) if len(others) else np.zeros(codes.max() + 1)
        own = times[codes[row]]
        right += own > np.delete(times, codes[row]).max(initial=0)
    return right / len(codes)


@pytest.mark.parametrize("seed", range(5))
def test_told_equals_a_loop_that_leaves_each_row_out(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, 80).astype(np.int32)
    values = np.where(rng.random(80) < 0.6, codes * 2 + rng.integers(0, 2, 80), rng.integers(0, 40, 80)).astype(
        np.int64
    )
    assert told(values, codes)[0] == pytest.approx(told_by_loop(values, codes))


@pytest.mark.parametrize(("n_classes", "n_values"), [(2, 2), (3, 12), (20, 100), (2, 60)])
def test_one_to_one_and_many_to_one_leaks_are_found(n_classes, n_values):
    rng = np.random.default_rng(0)
    value = rng.integers(n_values, size=2_000)
    codes = (value % n_classes).astype(np.int32)
    codes[:50] = -1
    noise = {"other": rng.integers(5, size=2_000), "own": np.arange(2_000)}
    assert [leak.names for leak in find_leaks({"code": value, **noise}, codes)] == [("code",)]


def test_two_columns_that_fix_the_label_together_are_found():
    rng = np.random.default_rng(1)
    one, two, three = (rng.integers(4, size=1_500) for _ in range(3))
    codes = ((one + two) % 4).astype(np.int32)
    assert [leak.names for leak in find_leaks({"one": one, "two": two, "three": three}, codes)] == [("one", "two")]


@pytest.mark.parametrize("wrong", [0.03, 0.1])
def test_a_column_that_foretells_the_right_class_is_no_leak(wrong):
    """It leaves as many exceptions as there are wrong labels: the best evidence there is."""
    rng = np.random.default_rng(2)
    true = rng.integers(4, size=2_000)
    codes = np.where(rng.random(2_000) < wrong, rng.integers(4, size=2_000), true).astype(np.int32)
    assert find_leaks({"right": true}, codes) == []


def test_values_by_chance_commonest_classes_and_few_rows_are_no_leaks():
    rng = np.random.default_rng(3)
    codes = (rng.random(1_000) < 0.005).astype(np.int32)
    columns = {name: rng.integers(30, size=1_000) for name in "abcdefgh"}
    assert find_leaks(columns, codes) == []
    assert fixes(np.array([0, 1] * 5), np.array([0, 1] * 5, np.int32)) is None
    assert find_leaks({"id": np.arange(300)}, rng.integers(0, 2, 300).astype(np.int32)) == []


def test_findings_say_which_columns_and_what_was_done():
    one, two = leak_findings([Leak(("code",), 12, 1.0), Leak(("a", "b"), 16, 0.995)])
    assert "“code” gives the label away" in one.message and "judged without it" in one.message
    assert two.subject == ["a", "b"] and "together give" in two.message
    assert "size of a picture" in form_finding("size", Leak(("width", "height"), 2, 1.0)).message


def test_ranges_of_numbers_are_found_and_chance_is_not():
    rng = np.random.default_rng(5)
    codes = np.repeat(np.arange(3, dtype=np.int32), 200)
    numbers = np.concatenate([start + rng.permutation(400)[:200] for start in (1_000, 5_000, 9_000)]).astype(float)
    mixed = rng.permutation(600)
    assert fixed_by_order(numbers[mixed], codes[mixed]) == 1.0
    assert fixed_by_order(rng.permutation(600).astype(float), codes) is None
    one_in_twenty_elsewhere = np.where(rng.random(600) < 0.05, rng.integers(3, size=600), codes).astype(np.int32)
    assert fixed_by_order(numbers, one_in_twenty_elsewhere) is None
    assert (
        fixed_by_order(np.arange(600.0), np.arange(600, dtype=np.int32)) is None
    )  # a class a row: any order is sorted
    assert fixed_by_order(np.zeros(600), codes) is None  # equal values have no order


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("{split}/{label}/{i}_{odd}.txt", "part"),
        ("{i}_{rating}.txt", "part"),
        ("{label}{i:04d}.jpg", "part"),
        ("IMG-{i:05d}.jpg", "order"),
    ],
)
def test_names_that_hold_the_class_are_found(name, how):
    rng = np.random.default_rng(6)
    codes = np.repeat(np.arange(2, dtype=np.int32), 150)
    names = [
        name.format(
            split=rng.choice(["train", "test"]),
            label=("neg", "pos")[code],
            i=i,
            odd=rng.integers(9),
            rating=rng.integers(1, 5) + 5 * code,
        )
        for i, code in enumerate(codes.tolist())
    ]
    found = fixed_by_parts(names, codes)
    assert found is not None and found.how == how
    assert fixed_by_parts(names, rng.permutation(codes)) is None
    assert fixed_by_parts([f"a text about {one}" for one in names], codes) is None


@pytest.mark.parametrize("form", ["[{label}] {text}", "__label__{label} {text}", "{text}, {label}", "{label}: {text}"])
def test_texts_that_begin_or_end_with_their_class_are_found(form):
    names = ["world news", "sport"]
    codes = np.arange(100, dtype=np.int32) % 2
    texts = [form.format(label=names[code].title(), text=f"what happened on day {i}") for i, code in enumerate(codes)]
    found = begins_with_class(texts, codes, names)
    assert found is not None and found.how == "name"
    assert begins_with_class(texts, 1 - codes, names) is None
    assert begins_with_class(["sportive days"] * 100, np.ones(100, np.int32), names) is None


def test_a_class_with_values_to_itself_is_found_among_others_that_share_theirs():
    rng = np.random.default_rng(7)
    codes = rng.integers(4, size=400).astype(np.int32)
    values = np.where(codes == 2, 9, rng.integers(3, size=400))
    assert [code for code, _ in classes_fixed(values, codes)] == [2]
    assert fixes(values, codes) is None
    assert classes_fixed(np.where(rng.random(400) < 0.2, 9, values), codes) == []
    assert classes_fixed(np.arange(400), codes) == []


@pytest.mark.usefixtures("here")
def test_a_column_that_is_filled_for_one_class_alone_gives_it_away(tmp_path):
    """A day of discharge, of four outcomes that only one has: others may be judged by it no more."""
    rng = np.random.default_rng(9)
    label = rng.choice(["a", "b", "c"], 240)
    frame = pd.DataFrame(rng.normal(0, 1, (240, 3)) + (label == "a")[:, None], columns=["x", "y", "z"]).assign(
        label=label
    )
    frame["discharged"] = pd.Series(pd.date_range("2020-01-01", periods=240)).where(label == "b")
    project = assay.analyze(frame, label="label", output=tmp_path / "p.assay", progress="quiet")
    (found,) = [one for one in project.insights() if one["title"] == "Label given away"]
    assert (
        "“discharged” gives the label away: whether it is blank tells one class from all others (100.0%"
        in found["message"]
    )
    assert "the label check was run without discharged, which gives the label away" in project.run["notes"]


@pytest.mark.usefixtures("here")
def test_words_of_texts_without_spaces_are_no_parts_of_names(tmp_path):
    """Thai letters stand between marks that are none, so that texts look like names of many parts."""
    praise, blame = ["ดีมาก", "อร่อยมาก"], ["แย่มากๆ", "ไม่อร่อย"]
    texts = [f"{(praise, blame)[i % 2][i // 2 % 2]}ร้านที่{i}" for i in range(60)]
    frame = pd.DataFrame({"text": texts, "label": ["p", "n"] * 30})
    project = assay.analyze(
        frame, text="text", label="label", output=tmp_path / "p.assay", progress="quiet", effort="fast"
    )
    assert not any("given away" in found["title"] for found in project.insights())


@pytest.mark.usefixtures("here")
def test_texts_that_are_file_names_are_not_praised(tmp_path):
    """As on IMDB with the file name for a text: nothing could contradict a label, so none is called well labelled."""
    labels = ["neg", "pos"] * 60
    texts = [f"train/{label}/{i}_{i % 7}.txt" for i, label in enumerate(labels)]
    project = assay.analyze(
        pd.DataFrame({"text": texts, "label": labels}), output=tmp_path / "p.assay", text="text", progress="quiet"
    )
    (check,) = [check for check in project.summary().checks if check["name"] == "well_labeled"]
    assert check["status"] == "skipped" and "the text gives its class away" in check["why"]
    assert any(found["title"] == "Label given away by the text" for found in project.insights())


@pytest.mark.usefixtures("here")
def test_a_class_of_one_picture_size_is_named_and_not_judged(tmp_path):
    folder = tmp_path / "digits"
    write_digits(folder, 150)
    for path in (folder / "three").glob("*.png"):
        Image.open(path).resize((48, 40)).save(path)
    shutil.rmtree(folder / "five")  # fewer classes: more rows in each
    for path in (folder / "six").glob("*.png"):
        path.rename(folder / "three" / path.name)  # of three's label at another size: the size tells no class any more
    project = assay.analyze(folder, output=tmp_path / "before.assay", progress="quiet", effort="fast")
    assert not any("given away" in found["title"] for found in project.insights())
    for path in (folder / "three").glob("*.png"):
        Image.open(path).resize((48, 40)).save(path)
    project = assay.analyze(folder, output=tmp_path / "after.assay", progress="quiet", effort="fast")
    (found,) = [found for found in project.insights() if "given away" in found["title"]]
    assert "size of a picture gives “three” away" in found["message"]
    rows = project.issues()
    three = rows["given_label"] == "three"
    assert not rows.loc[three, "is_well_labeled"].any() and rows.loc[three, "p_label_error"].isna().all()
    assert rows.loc[~three, "is_well_labeled"].any()


CITIES = ["Paris", "Rome", "Oslo"]
MARKED = {
    "an agency": lambda at, one: f"{CITIES[at % 3]} (Agency) - the {at} ships" if one else f"the {at} ships - all",
    "a tag": lambda at, one: f"[via app] {at} ships" if one else f"{at} ships",
    "a speaker": lambda at, one: f"{'Caller' if one else 'Agent'}: it is {at}: yes",
    "a signature": lambda at, one: f"it is {at} now" + (" - sent from my phone" if one else "."),
}


@pytest.mark.parametrize("name", MARKED)
def test_a_mark_apart_from_the_text_gives_the_label_away(name):
    codes = (np.arange(300) * 7 % 11 < 5).astype(np.int32)
    texts = [MARKED[name](at, one) for at, one in enumerate(codes.tolist())]
    found = fixed_by_mark(texts, codes)
    assert found is not None and found.how == "mark" and found.share == 1.0
    mixed = codes.copy()
    mixed[::20] = 1 - mixed[::20]  # wrong labels leave exceptions: what tells the right class stays
    assert fixed_by_mark(texts, mixed) is None


def test_words_of_a_text_are_no_marks():
    codes = np.tile(np.array([0, 1], np.int32), 150)
    texts = [f"{'where' if code else 'thanks for'} my parcel {at}: today" for at, code in enumerate(codes.tolist())]
    assert fixed_by_mark([text.replace(":", "") for text in texts], codes) is None
    assert fixed_by_mark(texts, codes) is None
