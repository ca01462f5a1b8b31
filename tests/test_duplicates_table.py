"""Copies among table rows. Oracles: pairs named by hand, a brute-force twin, planted copies in real tables."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.duplicates import Pairs, cluster, exact_groups
from assay.duplicates.compared import compared_columns
from assay.duplicates.table import table_copies


def copies(cells: pd.DataFrame, features: list[str]) -> tuple[list[str | None], Pairs]:
    return table_copies(compared_columns(cells, features), len(cells))


def row_keys(cells: pd.DataFrame, features: list[str]) -> list[str | None]:
    return copies(cells, features)[0]


def keys_of(**columns: list[object]) -> list[str | None]:
    return row_keys(pd.DataFrame(columns), list(columns))


def near(cells: pd.DataFrame) -> Pairs:
    return copies(cells, list(cells.columns))[1]


def people(n: int = 200, seed: int = 0) -> pd.DataFrame:
    """Rows of unlike people."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnoprstuvwz"))
    return pd.DataFrame(
        {
            "name": ["".join(rng.choice(letters, 9)) + " " + "".join(rng.choice(letters, 8)) for _ in range(n)],
            "town": rng.choice(["Oslo", "Bergen", "Stavanger", "Trondheim"], n),
            "born": [f"19{rng.integers(10, 99)}-0{rng.integers(1, 9)}-1{rng.integers(0, 9)}" for _ in range(n)],
            "height": rng.normal(170, 10, n).round(4),
            "weight": rng.normal(70, 10, n).round(4),
        }
    )


# Keys


@pytest.mark.parametrize(
    ("one", "two", "kind"),
    [
        ("Oslo", "OSLO", "case"),
        ("AA", "aa", "case"),
        ("1,234", "1234.0", "format"),
        ("5%", "5 %", "format"),
        ("5%", "5.0%", "format"),
        ("1.1", "1.10", "format"),
        ("2024-01-31", "31 Jan 2024", "format"),
        ("n/a", "-", "format"),
    ],
)
def test_case_and_formatting_are_near_with_their_kind_and_not_exact(one: str, two: str, kind: str) -> None:
    others = {"2": ["2024-02-01", "2023-05-06"], "n": ["n/a", "Rome"], "O": ["Rome", "Bern"], "A": ["Rome", "Bern"]}
    more = others.get(one[0], ["7%", "8%"] if "%" in one else ["7", "8.5"])
    keys, pairs = copies(pd.DataFrame({"cell": [one, two, *more], "sure": ["x", "x", "y", "y"]}), ["cell", "sure"])
    assert len(set(keys)) == 4
    assert list(zip(pairs.row_a, pairs.row_b, pairs.kind, strict=True)) == [(0, 1, kind)]


@pytest.mark.parametrize(("one", "two"), [("New York", "New  York "), ("caf\u00e9", "cafe\u0301")])
def test_white_space_and_unicode_composition_do_not_tell_rows_apart(one: str, two: str) -> None:
    assert keys_of(cell=[one, two, "Rome"], sure=["x", "x", "x"]) == ["0", "0", "1"]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("$ 10", "EUR 10"),
        ("$ 10", "€ 10"),
        ("-8", "8"),
        (".5 mg", "5 mg"),
        ("5 mg per day", "5 mg per week"),
        ("C", "C#"),
    ],
)
def test_another_sign_currency_or_unit_is_no_copy(one: str, two: str) -> None:
    more = [f"{n}{(one.partition('5')[2] if '5' in one else '')}" for n in (7, 11, 12, 13)]
    keys, pairs = copies(pd.DataFrame({"cell": [one, two, *more], "sure": ["x"] * 6}), ["cell", "sure"])
    assert keys[0] != keys[1] and (0, 1) not in set(zip(pairs.row_a.tolist(), pairs.row_b.tolist(), strict=True))


@pytest.mark.parametrize(
    ("one", "two"), [("A+", "A-"), ("C#", "C"), ("5 kg", "5 g"), ("007", "7"), ("yes", "no"), ("", "x")]
)
def test_content_tells_rows_apart(one: str, two: str) -> None:
    keys = keys_of(cell=[one, two, "other", "third"], more=["same", "same", "p", "q"])
    assert keys[0] != keys[1]


def test_native_numbers_and_integers_beyond_float_precision_stay_apart() -> None:
    assert len(set(keys_of(code=[2**60, 2**60 + 1, 5]))) == 3
    assert keys_of(value=[0.0, -0.0, 1.5, np.nan]) == ["0", "0", "1", None]


def test_a_blank_row_has_no_key() -> None:
    assert keys_of(a=["x", None, "n/a"], b=["y", "", np.nan]) == ["0", None, None]


def test_a_copy_under_a_new_running_number_is_found() -> None:
    cells = people(100)
    cells = pd.concat([cells, cells.iloc[[3]]], ignore_index=True)
    cells.insert(0, "id", range(1000, 1101))
    keys = row_keys(cells, list(cells.columns))
    assert keys[100] == keys[3] and len(set(keys)) == 100


def test_the_identifier_counts_where_the_other_columns_say_too_little() -> None:
    cells = pd.DataFrame({"id": range(100), "sex": ["f", "m"] * 50})
    assert len(set(row_keys(cells, ["id", "sex"]))) == 100


def test_rows_of_identifiers_alone_keep_them() -> None:
    assert len(set(row_keys(pd.DataFrame({"id": range(50)}), ["id"]))) == 50


def test_equal_rows_of_few_columns_are_equal() -> None:
    assert keys_of(a=[0, 0, 1], b=[1, 1, 1]) == ["0", "0", "1"]


CELL = st.sampled_from(["a", "A ", "b", "1", "1.0", "", None, "2,000", "2000"])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=12))
def test_equal_rows_have_equal_keys_in_any_order(rows: list[tuple[str | None, ...]]) -> None:
    cells = pd.DataFrame(rows, columns=["x", "y", "z"], dtype=object)
    keys = row_keys(cells, ["x", "y", "z"])
    assert len(keys) == len(rows)
    for one, a in zip(rows, keys, strict=True):
        assert all(a == b for two, b in zip(rows, keys, strict=True) if one == two)
    backwards = row_keys(cells[::-1].reset_index(drop=True), ["x", "y", "z"])[::-1]
    assert exact_groups(keys).tolist() == [*map(int, _renumber(exact_groups(backwards)))]


def _renumber(groups: np.ndarray) -> list[int]:
    numbers: dict[int, int] = {}
    return [-1 if group < 0 else numbers.setdefault(group, len(numbers)) for group in groups.tolist()]


# Near rows


def with_changed(cells: pd.DataFrame, row: int, **changes: object) -> pd.DataFrame:
    copy = cells.iloc[[row]].assign(**changes)
    return pd.concat([cells, copy], ignore_index=True)


@pytest.mark.parametrize("keys", [1, 2])
def test_a_typing_error_in_one_cell_is_near(keys: int) -> None:
    cells = people()
    name = cells.name[17]
    wrong = name[:4] + name[5:] if keys == 1 else name[:4] + name[5:-1] + "q"
    pairs = near(with_changed(cells, 17, name=wrong))
    assert (pairs.row_a.tolist(), pairs.row_b.tolist(), pairs.kind.tolist()) == ([17], [200], ["typo"])
    assert 0.9 < pairs.similarity[0] < 1


def test_rounded_numbers_are_near() -> None:
    cells = people()
    pairs = near(with_changed(cells, 5, height=round(cells.height[5], 1), weight=round(cells.weight[5], 1)))
    assert (pairs.row_a.tolist(), pairs.row_b.tolist(), pairs.kind.tolist()) == ([5], [200], ["rounded"])


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "someone else"},
        {"town": "Kristiansand"},
        {"born": "2001-01-01"},
        {"height": 181.5},
        {"name": "", "town": "Oslo"},
    ],
)
def test_another_value_is_another_row(changes: dict[str, object]) -> None:
    assert len(near(with_changed(people(), 9, **changes)).row_a) == 0


def test_a_slip_beside_another_difference_is_another_row() -> None:
    cells = people()
    assert len(near(with_changed(cells, 9, name=cells.name[9] + "x", height=150.1)).row_a) == 0


def test_texts_that_differ_in_digits_are_no_slips() -> None:
    cells = people().assign(name=lambda x: x.name + " 10")
    assert len(near(with_changed(cells, 9, name=cells.name[9][:-1] + "1")).row_a) == 0


def test_a_column_that_tells_like_rows_apart_is_no_slip() -> None:
    # four products of one maker: each pair is one letter apart, all else is equal
    cells = people().assign(name=lambda x: x.name)
    for letter in "wxyz":
        cells = with_changed(cells, 9, name=f"model {letter} deluxe")
    assert len(near(cells).row_a) == 0


def test_agreement_in_few_common_values_is_no_evidence() -> None:
    cells = pd.DataFrame({"word": ["marina", "marine", "castle", "garden"] * 1, "sex": ["f", "f", "m", "m"]})
    assert len(near(cells).row_a) == 0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_tables_have_no_pairs(n: int) -> None:
    assert len(near(people(n)).row_a) == 0


def test_ugly_columns_are_survived() -> None:
    n = 40
    cells = pd.DataFrame(
        {
            "nothing": [None] * n,
            "constant": ["x"] * n,
            "infinite": [np.inf, -np.inf, np.nan, 1.5] * 10,
            "lists": [[1], [2]] * 20,
            "flags": [True, False] * 20,
            "when": pd.date_range("2024-01-01", periods=n, tz="UTC"),
            "kinds": pd.Categorical(["a", "b"] * 20),
        }
    )
    assert len(row_keys(cells, list(cells.columns))) == n
    assert len(near(cells).row_a) == 0


def test_all_rows_identical_is_one_group_and_no_pair() -> None:
    cells = pd.DataFrame({"a": ["x"] * 30, "b": [1.5] * 30})
    assert set(row_keys(cells, ["a", "b"])) == {"0"}
    assert len(near(cells).row_a) == 0


# Real tables


@pytest.mark.parametrize("version", ["clean", "dirty"])
@pytest.mark.parametrize("as_text", [False, True])
def test_measures_of_one_hospital_are_not_copies(data_dir: Path, version: str, as_text: bool) -> None:
    cells = pd.read_csv(data_dir / "tabular_hospital" / f"{version}.csv", dtype=str if as_text else None)
    keys = row_keys(cells, list(cells.columns))
    assert (exact_groups(keys) >= 0).sum() == 0
    assert len(near(cells).row_a) == 0


def test_the_near_pairs_of_dirty_beers_are_one_beer_each(data_dir: Path) -> None:
    dirty = pd.read_csv(data_dir / "tabular_beers" / "dirty.csv", dtype=str)
    clean = pd.read_csv(data_dir / "tabular_beers" / "clean.csv", dtype=str)
    pairs = near(dirty)
    assert len(pairs.row_a) > 0
    assert (clean.beer_name.to_numpy()[pairs.row_a] == clean.beer_name.to_numpy()[pairs.row_b]).all()


@pytest.mark.parametrize("table", ["tabular_hospital", "tabular_beers"])
def test_planted_copies_are_found_and_bring_no_strangers(data_dir: Path, table: str) -> None:
    cells = pd.read_csv(data_dir / table / "clean.csv", dtype=str)
    rng = random.Random(3)
    rows = rng.sample(range(len(cells)), 120)
    made = []
    for at, row in enumerate(rows):
        copy = cells.iloc[row].copy()
        copy["index"] = str(90_000 + at)
        long = [
            name
            for name in cells.columns[2:]
            if str(copy[name])[:9].replace(" ", "").isalpha() and len(str(copy[name])) > 9
        ]
        if at % 2:
            name = rng.choice(long)
            place = rng.randrange(1, 8)
            copy[name] = copy[name][:place] + "q" + copy[name][place + 1 :]
        else:
            copy = copy.map(lambda cell: f" {cell.upper()}" if isinstance(cell, str) else cell)
        made.append(copy)
    both = pd.concat([cells, pd.DataFrame(made)], ignore_index=True)
    keys, pairs = copies(both, list(both.columns))
    found = cluster(len(both), exact_groups(keys), pairs)
    assert np.mean([found.id[row] == found.id[len(cells) + at] >= 0 for at, row in enumerate(rows)]) >= 0.95
    true = {(row, len(cells) + at) for at, row in enumerate(rows)}
    strange = [pair for pair in zip(pairs.row_a.tolist(), pairs.row_b.tolist(), strict=True) if pair not in true]
    assert len(strange) <= 2


def test_rounded_copies_of_measurements_are_found(data_dir: Path) -> None:
    cells = pd.DataFrame(np.load(data_dir / "odds_outliers" / "wbc.npz")["X"]).rename(columns=str)
    assert len(near(cells).row_a) == 0
    pairs = near(pd.concat([cells, cells.iloc[:50].round(2)], ignore_index=True))
    assert (pairs.row_b - pairs.row_a == len(cells)).all()
    assert len(pairs.row_a) >= 48
