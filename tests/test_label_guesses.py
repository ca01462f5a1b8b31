"""A label column is found by its name and its values, and what is no label is not taken for one."""

from __future__ import annotations

import pyarrow as pa

from assay.sources.label_guesses import guess_labels


def table(**columns: list[object]) -> pa.Table:
    return pa.table(columns)


def test_a_column_called_intent_with_six_values_is_the_first_guess() -> None:
    intents = [f"intent {at % 6}" for at in range(60)]
    cells = table(body=[f"a text {at}" for at in range(60)], city=["Ulm", "Bonn"] * 30, intent=intents)
    first, second = guess_labels(cells)
    assert (first.column, first.named, first.n_classes, first.classes[0]) == ("intent", True, 6, "intent 0")
    assert (second.column, second.named) == ("city", False)


def test_ids_texts_measurements_and_constants_are_no_labels() -> None:
    cells = table(
        id=[f"r{at}" for at in range(50)],
        text=["a long text that says the same thing over and over, " * 3 + str(at % 2) for at in range(50)],
        rooms=[at % 4 for at in range(50)],
        constant=["x"] * 50,
        empty=pa.nulls(50, pa.string()),
        weight=[at % 3 / 2 for at in range(50)],
    )
    assert guess_labels(cells) == []


def test_a_number_is_a_label_only_by_its_name_and_what_is_taken_is_left_out() -> None:
    cells = table(outcome=[at % 2 for at in range(40)], split=["train", "test"] * 20)
    assert [guess.column for guess in guess_labels(cells, {"split"})] == ["outcome"]
    assert guess_labels(cells, {"split", "outcome"}) == []


def test_ids_of_things_and_what_hardly_ever_differs_are_no_labels() -> None:
    cells = table(device_id=["a1", "b7"] * 150, status=["ERR"] + ["OK"] * 299, grade=["good", "poor", "fair"] * 100)
    assert [guess.column for guess in guess_labels(cells)] == ["grade"]


def test_days_and_hours_are_no_labels() -> None:
    cells = table(
        date=["Jan 1 2000", "Feb 1 2000"] * 60, deathDate=["1992-04-30", "1992-05-01"] * 60, race=["a", "b"] * 60
    )
    assert [guess.column for guess in guess_labels(cells)] == ["race"]
