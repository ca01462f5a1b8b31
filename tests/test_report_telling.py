"""Which words and cells tell: those that occur clearly more often in one of the two classes.

Oracles: the formula of Monroe, Colaresi and Quinn (2008) written out; texts made so that the answer is known;
Banking77, whose class names say which words tell.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.insights.contrast import (
    MOST_WORDS,
    TELLING_Z,
    ColumnContrast,
    Frequencies,
    function_words,
    log_odds,
    word_frequencies,
)
from assay.report.discriminative_terms import plain_passages, telling_cells, telling_words

GOOD = word_frequencies(["a lovely film"] * 40 + ["a film"] * 10)
BAD = word_frequencies(["a boring film"] * 40 + ["a film"] * 10)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def sides(text: str, given: Frequencies = BAD, suggested: Frequencies = GOOD, **options: int) -> dict[str, str]:
    return {p.text: p.side for p in telling_words(text, given, suggested, **options) if p.side}


def test_a_word_counts_once_a_text() -> None:
    assert word_frequencies(["No, no, NO!", "yes"]).counts == Counter({"no": 1, "yes": 1})


def test_words_of_any_script_and_numbers_are_words() -> None:
    assert set(word_frequencies(["Überraschung don't 3.5 naïve дом"]).counts) == {
        "überraschung",
        "don't",
        "3.5",
        "naïve",
        "дом",
    }


def test_the_log_odds_are_those_of_the_paper() -> None:
    given, suggested = Frequencies(Counter({"w": 3}), 50), Frequencies(Counter({"w": 30}), 60)
    a, b, c, d = 3.5, 47.5, 30.5, 30.5
    expected = (math.log(c / d) - math.log(a / b)) / math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    assert log_odds("w", given, suggested) == pytest.approx(expected)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(50, 200), st.integers(50, 200))
def test_the_log_odds_are_finite_and_turn_with_the_classes(a: int, b: int, n: int, m: int) -> None:
    one, two = Frequencies(Counter({"w": a}), n), Frequencies(Counter({"w": b}), m)
    assert math.isfinite(log_odds("w", one, two))
    assert log_odds("w", one, two) == pytest.approx(-log_odds("w", two, one))


def test_a_class_without_texts_tells_nothing() -> None:
    assert log_odds("lovely", Frequencies(Counter(), 0), GOOD) == 0
    assert sides("a lovely film", Frequencies(Counter(), 0), GOOD) == {}


def test_the_words_of_each_side_are_marked_and_shared_ones_are_not() -> None:
    assert sides("A Lovely, boring film") == {"Lovely": "suggested", "boring": "given"}


def test_ignored_words_are_not_marked() -> None:
    assert telling_words("lovely", BAD, GOOD, ignore=frozenset({"lovely"})) == plain_passages("lovely")


def test_at_most_a_handful_of_words_a_side_are_marked() -> None:
    words = [f"w{chr(97 + i)}" for i in range(20)]
    rich = word_frequencies([" ".join(words)] * 50)
    marked = sides(" ".join(words), word_frequencies(["x"] * 50), rich)
    assert len(marked) == MOST_WORDS and set(marked.values()) == {"suggested"}


@given(TEXTS)
def test_the_pieces_of_a_short_text_are_the_text(text: str) -> None:
    pieces = telling_words(text, BAD, GOOD, longest=10_000)
    assert "".join(piece.text for piece in pieces) == text


@given(TEXTS, st.integers(10, 60))
def test_a_long_text_is_cut_to_a_stretch_of_itself(text: str, longest: int) -> None:
    shown = "".join(piece.text for piece in telling_words(text, BAD, GOOD, longest=longest))
    assert len(shown) <= longest + 2
    assert shown.removeprefix("…").removesuffix("…") in text


def test_the_stretch_of_a_long_text_holds_its_most_telling_word() -> None:
    text = "nothing here " * 200 + "but a lovely end " + "and more " * 200
    pieces = telling_words(text, BAD, GOOD, longest=100)
    assert [piece.text for piece in pieces if piece.side] == ["lovely"]
    assert pieces[0].text.startswith("…") and pieces[-1].text.endswith("…")


def test_words_of_nearly_every_class_are_function_words_and_few_classes_tell_nothing() -> None:
    classes = [word_frequencies([f"the topic{chr(97 + i)} is here"] * 20) for i in range(8)]
    assert function_words(classes) == {"the", "is", "here"}
    assert function_words(classes[:7]) == frozenset()


def test_the_words_that_tell_the_classes_of_banking77_are_the_words_of_their_names(data_dir: Path) -> None:
    frame = pd.read_csv(data_dir / "banking77" / "train.csv")
    words = {name: word_frequencies(texts) for name, texts in frame.groupby("category")["text"]}
    ignore = function_words(list(words.values()))
    assert not ignore & {"card", "cash", "transfer", "refund", "exchange", "pin", "money", "payment"}
    assert {"the", "i", "is", "my", "to"} <= ignore
    text = "I lost my card while travelling, can I have a refund for the exchange rate?"
    marked = {
        piece.text: piece.side
        for piece in telling_words(text, words["lost_or_stolen_card"], words["request_refund"], ignore=ignore)
        if piece.side
    }
    assert marked["refund"] == "suggested" and marked["lost"] == "given"


# tables --------------------------------------------------------------------------------------------------------


def test_a_value_tells_that_is_rare_in_the_given_class_and_common_in_the_suggested_one() -> None:
    contrast = ColumnContrast.of(["low"] * 45 + ["high"] * 5, ["high"] * 45 + ["low"] * 5)
    assert contrast.z("High ") > TELLING_Z
    assert contrast.z("low") < -TELLING_Z
    assert abs(contrast.z("never seen")) < TELLING_Z


def test_numbers_are_compared_by_where_they_lie_not_one_by_one() -> None:
    contrast = ColumnContrast.of([float(i) for i in range(100)], [float(i) for i in range(100, 200)])
    assert contrast.z(150.5) > TELLING_Z
    assert contrast.z(20.5) < -TELLING_Z
    assert abs(contrast.z("word")) < TELLING_Z


def test_blanks_can_tell() -> None:
    contrast = ColumnContrast.of(["x"] * 50, [None] * 50)
    assert contrast.z(None) > TELLING_Z


@pytest.mark.parametrize(
    "values", [[], [None, None], [float("nan")] * 3, [True, False], [1, "a", None, 2.5], [float("inf"), 1.0]]
)
def test_odd_columns_do_no_harm(values: list[object]) -> None:
    contrast = ColumnContrast.of(values, list(reversed(values)))
    for value in [*values, None, 1, "x"]:
        assert math.isfinite(contrast.z(value))


def test_cells_keep_their_order_and_the_most_telling_few_are_marked() -> None:
    names = ["d", "b", "a", "c"]
    contrasts = {name: ColumnContrast.of(["n"] * 50, ["y"] * 50) for name in names}
    cells = telling_cells(dict.fromkeys(names, "y") | {"e": "y"}, contrasts, str, most=3)
    assert [cell.column for cell in cells] == ["d", "b", "a", "c", "e"]
    assert [cell.column for cell in cells if cell.telling] == ["b", "a", "c"]
    assert not any(cell.telling for cell in telling_cells({"a": "n"}, contrasts, str))
