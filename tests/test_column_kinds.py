"""query/values.py: what the user's columns of strings are by their content. Oracle: a person who looks at them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.encode.cells import read_cells
from assay.query.conditions import condition_mask
from assay.query.filters import Filter
from assay.query.values import Coded, typed
from assay.sources import open_source

N = range(30)
DAYS = pd.date_range("2020-12-25", periods=30)
GERMAN = [f"{value * 997:,}".replace(",", ".") + ",50" for value in N]

SHAPES: dict[str, tuple[list[Any], str]] = {
    "two decimals": ([f"{value / 4:.2f}" for value in N], "number"),
    "one trailing zero": ([*(f"{value}.25" for value in N), "1.50"], "number"),
    "thousands": ([f"{value * 997:,}" for value in N], "number"),
    "thousands as in Germany": (GERMAN, "number"),
    "thousands as in Switzerland": ([f"{value + 1}'000" for value in N], "number"),
    "decimal commas": ([f"{value},25" for value in N], "number"),
    "dollars": ([f"${value}.00" for value in N], "number"),
    "euros": ([f"€ {value},50" for value in N], "number"),
    "per cent": ([f"{value}.5%" for value in N], "number"),
    "kilograms": ([f"{value} kg" for value in N], "number"),
    "negative": ([f"-{value}.10" for value in N], "number"),
    "with a plus": ([f"+{value}" for value in N], "number"),
    "powers of ten": ([f"{value}.0e3" for value in N], "number"),
    "spaces about": ([f" {value}.50 " for value in N], "number"),
    "words for blank": (["n/a", "-", None, *(f"{value}.50" for value in N)], "number"),
    "stars": (["5 stars", "4 stars", "1 stars"] * 10, "number"),
    "ISO days": ([day.strftime("%Y-%m-%d") for day in DAYS], "date"),
    "ISO times": ([day.strftime("%Y-%m-%dT%H:%M:%S") for day in DAYS], "date"),
    "ISO times of a zone": ([day.strftime("%Y-%m-%dT%H:%M:%SZ") for day in DAYS], "date"),
    "German days": ([day.strftime("%d.%m.%Y") for day in DAYS], "date"),
    "American days": ([day.strftime("%m/%d/%Y") for day in DAYS], "date"),
    "months by name": ([day.strftime("%d %b %Y") for day in DAYS], "date"),
    "months first": ([day.strftime("%B %d, %Y") for day in DAYS], "date"),
    "days with slashes": ([day.strftime("%Y/%m/%d") for day in DAYS], "date"),
    "post codes": ([f"{value:05d}" for value in N], "text"),
    "telephone numbers": ([f"555-01{value:02d}" for value in N], "text"),
    "versions": ([f"1.{value}.3" for value in N], "text"),
    "IP addresses": ([f"10.0.0.{value}" for value in N], "text"),
    "codes": ([f"A{value}" for value in N], "text"),
    "ranges": ([f"{value}-{value + 5}" for value in N], "text"),
    "times of day": ([f"{value:02d}:30 h" for value in range(24)], "text"),
    "points of ten": ([f"{value}/10" for value in N], "text"),
    "a word among numbers": (["unknown", *(f"{value}.50" for value in N)], "text"),
    "an impossible day": (["2021-02-30", *(day.strftime("%Y-%m-%d") for day in DAYS)], "text"),
    "sizes": (["S", "M", "L"] * 10, "category"),
    "ordinals": (["1st", "2nd", "3rd"] * 10, "category"),
    "yes and no": (["yes", "no"] * 15, "category"),
}


def column_of(values: list[Any]) -> Any:
    return typed(pa.chunked_array([pa.array(values, pa.string())]))


def kind_of(values: Any) -> str:
    if isinstance(values, Coded):
        return "category"
    if isinstance(values, np.ndarray):
        return "date" if values.dtype.kind == "M" else "number"
    return "text"


class OneColumn:
    """As much of a `ReviewTable` as one condition asks for."""

    def __init__(self, values: list[Any]) -> None:
        self.values = column_of(values)

    def column(self, name: str) -> Any:
        return self.values

    def kind(self, name: str) -> str:
        return kind_of(self.values)


def rows_of(values: list[Any], **condition: Any) -> list[int]:
    table: Any = OneColumn(values)
    [asked] = Filter.from_json({"where": [{"column": "x", **condition}]}).where or ()
    return np.flatnonzero(condition_mask(table, asked)).tolist()


@pytest.mark.parametrize("name", SHAPES)
def test_a_column_is_of_the_kind_that_its_cells_have(name: str) -> None:
    values, kind = SHAPES[name]
    assert kind_of(column_of(values)) == kind


def test_numbers_as_text_are_filtered_by_their_value() -> None:
    assert rows_of(["9.50", "10.25", "100.00", None], min=10) == [1, 2]
    assert rows_of(["9,50", "10,25", "1.000,00"], min=10, max=900) == [1]


def test_dates_as_text_are_filtered_by_their_day() -> None:
    assert rows_of(["30.12.2020", "02.01.2021", "15.01.2021"], min="2021-01-01") == [1, 2]
    assert rows_of(["2020-12-30T10:00:00", "2021-01-02T23:00:00"], max="2020") == [0]


def test_blank_cells_of_a_column_of_numbers_are_blank() -> None:
    assert rows_of(["9.50", "n/a", None, "10.00"], blank=True) == [1, 2]


def test_one_impossible_day_does_not_turn_the_others_round() -> None:
    days = ["13/45/2020", *(day.strftime("%m/%d/%Y") for day in DAYS)]
    read = read_cells(pd.Series(days), "day")
    assert read.numbers is not None and np.isnan(read.numbers[0])
    assert read.numbers[9] == (pd.Timestamp("2021-01-02") - pd.Timestamp("1970-01-01")).days


def test_decimals_of_a_database_stay_numbers() -> None:
    frame = pd.DataFrame({"price": [Decimal("1.50"), Decimal("2.25"), None], "label": ["a", "b", "a"]})
    source = open_source(frame)
    assert pa.types.is_decimal(source.cells["price"].type)
    assert kind_of(typed(source.cells["price"])) == "number"


def test_names_with_digits_are_not_read_cell_by_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """One cell that is neither number nor date settles it; of a million file names, reading them all took five seconds."""

    def never(column: Any, name: str) -> Any:
        raise AssertionError("read")

    monkeypatch.setattr("assay.query.values.read_cells", never)
    files = pa.chunked_array([[f"n{at:08d}/x_{at}.JPEG" for at in range(300)]])
    assert typed(files) is files
    with pytest.raises(AssertionError, match="read"):
        typed(pa.chunked_array([["n/a", *(f"{at}.50" for at in range(300))]]))
