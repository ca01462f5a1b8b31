"""insights/table_faults.py: faults planted into ten real and made tables are named with their rows; clean ones say little."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.insights import table_faults
from assay.issues.text_damage import has_broken_encoding, has_entities, repaired

REAL = [
    "tabular_hospital",
    "tabular_beers",
    "table_nyc_jobs",
    "table_cars_names",
    "table_portal_rodents",
    "tables_dgov/FD__305b_Assessed_2008_Lake",
    "tables_dgov/NO__Impaired_Estuary_2008",
    "tables_dgov/NTR__mrsa_in_hospitals_2013",
]


def made(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 400
    code = rng.integers(0, 12, n)
    return pd.DataFrame(
        {
            "order_id": [f"o{row:05d}" for row in rng.permutation(n)],
            "shop": [f"shop {letter}" for letter in rng.choice(list("abcdefgh"), n)],
            "city_code": [f"c{one}" for one in code],
            "city": [f"{'ABCDEFGHIJKL'[one]}ville north" for one in code],
            "price": rng.gamma(4, 30, n).round(2).astype(str),
            "damage": (damage := rng.choice(["none", "small", "large"], n, p=[0.4, 0.3, 0.3])),
            "repair": np.where(damage == "none", 0, rng.integers(50, 900, n)),
            "day": pd.date_range("2020-01-01", periods=n).strftime("%Y-%m-%d"),
            "eyes": rng.choice(["Blue Eyes", "Brown Eyes", "Green Eyes"], n),
            "hair": rng.choice(["Auburn Hair", "Black Hair", "White Hair"], n),
        }
    )


def tables(data):
    for name in REAL:
        file = data / name / "clean.csv"
        if file.exists():
            yield name, pd.read_csv(file, dtype=str, keep_default_na=False)
    for seed in (0, 1):
        yield f"made {seed}", made(seed)


def by_kind(findings):
    out = {}
    for finding in findings:
        out.setdefault((finding.data["kind"], *finding.subject), finding)
    return out


def test_faults_planted_into_ten_tables_are_named_with_their_rows(data_dir):
    rng = np.random.default_rng(5)
    missed, looked = [], 0
    for name, frame in tables(data_dir):
        frame = frame.astype(str)
        counts = {column: frame[column].str.strip().value_counts() for column in frame}
        words = [
            column
            for column in frame
            if 2 <= len(counts[column]) <= len(frame) / 5
            and sum(letter.isalpha() for letter in counts[column].index[0]) >= 3
            and counts[column].iloc[0] >= 12
            and counts[column].index[0].lower() not in ("null", "none", "empty")
        ]
        assert words, name
        target = words[0]
        value = counts[target].index[0]
        where = rng.permutation(np.flatnonzero(frame[target].str.strip() == value))[:8]
        at = frame.columns.get_loc(target)
        frame.iloc[where[0], at] = "  " + value
        frame.iloc[where[1:3], at] = value.swapcase()
        frame.iloc[where[3:5], at] = value + " &amp; co"
        frame.iloc[where[5:7], at] = value + " cafÃ©"
        frame.iloc[where[7], at] = "N/A"
        found = by_kind(table_faults(frame, list(frame)))
        planted = {
            "white_space": where[:1],
            "spelling": where[1:3],
            "entities": where[3:5],
            "encoding": where[5:7],
            "placeholder": where[7:8],
        }
        for kind, rows in planted.items():
            looked += 1
            if (kind, target) not in found or not set(rows.tolist()) <= set(found[kind, target].data["rows"]):
                missed.append((name, target, kind))
    assert looked >= 10
    assert len(missed) <= 0.05 * looked, missed


def test_a_clean_table_of_many_shapes_says_nothing():
    assert table_faults(made(3), list(made(3))) == []


@pytest.mark.parametrize(
    ("column", "rows", "values", "kind"),
    [
        ("order_id", [3, 9], ["o00001", "o00001"], "repeated_key"),
        ("price", [5, 6], ["-999", "-999"], "placeholder"),
        ("price", [30, 31, 32], ["-400", "-400", "-400"], "placeholder"),
        ("price", [7], ["12O"], "not_a_number"),
        ("day", [8], ["1900-01-01"], "placeholder"),
        ("day", [11], ["2020-02-31"], "impossible_date"),
        ("day", [11], ["2920-02-03"], "impossible_date"),
        ("eyes", [20], ["Auburn Hair"], "other_column"),
        ("shop", [21], [None], "missing"),
    ],
)
def test_each_fault_is_named_with_its_rows(column, rows, values, kind):
    frame = made(7)
    frame.loc[rows, column] = values
    found = by_kind(table_faults(frame, list(frame)))
    assert (kind, column) in found
    assert set(rows) <= set(found[kind, column].data["rows"])
    assert found[kind, column].data["count"] >= len(rows)


def test_keys_are_known_by_names_in_one_word():
    frame = made(7).rename(columns={"order_id": "orderid"})
    frame["orderid"] = np.arange(400).astype(str)
    frame["humid"] = frame["orderid"]
    frame.loc[[3, 9], ["orderid", "humid"]] = "0"
    found = by_kind(table_faults(frame, list(frame)))
    assert set(found["repeated_key", "orderid"].data["rows"]) == {0, 3, 9}
    assert "but 1 of its values comes more than once: 3 rows share them" in found["repeated_key", "orderid"].message
    assert ("repeated_key", "humid") not in found


def test_names_of_many_words_that_come_again_are_compared_and_prose_is_not():
    sites = [f"upper reserve of the old river near kilometre {at} (east)" for at in range(40)]
    frame = pd.DataFrame({"site": [*sites * 25, sites[0].replace(" ", "-")]})
    (found,) = table_faults(frame, list(frame))
    assert (found.data["kind"], found.data["rows"]) == ("spelling", [1000])
    frame["river"] = [*["Danube", "Rhine", "Elbe"] * 333, "Elbe", "Rhine"]
    frame.loc[[7, 8], "river"] = sites[3]
    found = by_kind(table_faults(frame, list(frame)))
    assert found["other_column", "river"].data["rows"] == [7, 8]
    prose = pd.DataFrame({"note": [*sites, sites[0].replace(" ", "-")]})
    assert table_faults(prose, list(prose)) == []


def test_two_cells_of_another_column_are_told_where_few_cells_are_filled():
    frame = made(7)
    frame["state"] = np.where(np.arange(400) % 5, "", frame["eyes"].str.replace(" Eyes", "land"))
    frame.loc[[20, 25], "state"] = "Auburn Hair"
    found = by_kind(table_faults(frame, list(frame)))
    assert found["other_column", "state"].data["rows"] == [20, 25]


def test_a_scale_from_worse_to_better_and_columns_of_few_numbers_hold_no_stand_ins():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "better": rng.choice([-1, 0, 1], 600),
            "screen": rng.choice([14, 15, 17], 600, p=[0.6, 0.395, 0.005]),
            "degree": rng.choice([1, 2, 3, 30], 600, p=[0.5, 0.3, 0.195, 0.005]),
        }
    )
    assert [one for one in table_faults(frame, list(frame)) if one.data["kind"] == "placeholder"] == []


def test_columns_that_contradict_are_named_with_the_rows():
    frame = made(7)
    frame.loc[4, "city"] = frame.loc[frame["city_code"] != frame.loc[4, "city_code"], "city"].iloc[0]
    nothing = frame.index[frame["damage"] == "none"][:2]
    frame.loc[nothing, "repair"] = [480, 90]
    told = [finding for finding in table_faults(frame, list(frame)) if finding.data["kind"] == "contradiction"]
    rows = {tuple(finding.subject): finding.data["rows"] for finding in told}
    assert rows.pop(("damage", "repair")) == nothing.tolist()
    assert list(rows.values()) == [[4]]
    assert "damage” is “none”" in next(one.message for one in told if one.subject == ["damage", "repair"])


def test_a_day_where_there_should_be_none_contradicts():
    status = np.array(["active", "cancelled"] * 100)
    ended = np.where(status == "cancelled", [f"2021-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(200)], "")
    ended[[2, 8]] = "2021-05-09"
    found = table_faults(pd.DataFrame({"status": status, "ended": ended}), ["status", "ended"])
    [told] = [one for one in found if one.data["kind"] == "contradiction"]
    assert told.data["rows"] == [2, 8]
    assert "Where “status” is “active”, “ended” is blank in all but 2 rows." in told.message


def test_two_swapped_cells_are_named_in_both_columns():
    """Each column then holds a value of the other, which is nothing that they share by nature."""
    town, state = np.array(["Hamburg", "Berlin", "Trier"] * 60, object), np.array(["active", "closed"] * 90, object)
    town[5], state[5] = "closed", "Hamburg"
    found = table_faults(pd.DataFrame({"town": town, "state": state}), ["town", "state"])
    strays = {tuple(one.subject): one.data["rows"] for one in found if one.data["kind"] == "other_column"}
    assert strays == {("town",): [5], ("state",): [5]}


def test_spellings_of_the_columns_own_name_are_one_value():
    rng = np.random.default_rng(0)
    sizes = rng.choice(["S", "S.", "Size S", "M", "SIZE M", "XS"], 300)
    [finding] = table_faults(pd.DataFrame({"size": sizes}), ["size"])
    assert finding.data["kind"] == "spelling"
    rows = finding.data["rows"]
    kept = set(sizes[np.setdiff1d(np.arange(300), rows)])
    assert len(kept) == 3


def test_all_spellings_of_one_value_are_told_together():
    names = (
        ["Data Processing Inc"] * 9 + ["Data Processing, Inc."] * 3 + ["Data Processing, Inc"] * 2 + ["Acme Works"] * 20
    )
    [finding] = table_faults(pd.DataFrame({"firm": names}), ["firm"])
    assert finding.data["values"] == ["Data Processing, Inc. = Data Processing, Inc = Data Processing Inc"]
    assert "spells 1 of its values" in finding.message


def test_accents_and_marks_around_numbers_are_matters_of_spelling():
    city = ["München"] * 40 + ["Muenchen"] * 20 + ["MÜNCHEN"] * 5 + ["Zürich"] * 30 + ["Zurich"] * 10 + ["Wien"] * 30
    frame = pd.DataFrame({"city": city, "stars": (["3", "3*", "3 stars", "4", "4 stars", "1.5", "15"] * 20)[:135]})
    found = {finding.subject[0]: finding for finding in table_faults(frame, ["city", "stars"])}
    assert found["city"].data["rows"] == list(range(40, 65)) + list(range(95, 105))
    spelt = found["stars"].data["values"]
    assert sorted(spelt) in (["3 stars = 3* = 3", "4 stars = 4"], ["3* = 3 stars = 3", "4 stars = 4"])


def test_a_blank_may_be_the_slip_but_not_besides_other_letters():
    frame = pd.DataFrame(
        {"maker": ["Tin Man Brewing"] * 60 + ["Tinman Brewing"] * 2 + ["Taxman Brewing"] * 9 + ["Elk"] * 40}
    )
    (found,) = table_faults(frame, list(frame))
    assert found.data["values"] == ["Tinman Brewing = Tin Man Brewing"]


def test_names_one_letter_apart_are_two_things():
    frame = pd.DataFrame({"city": ["Portland"] * 60 + ["Cortland"] * 2 + ["Gainesville"] * 40 + ["Waynesville"] * 3})
    assert table_faults(frame, ["city"]) == []


def test_row_numbers_are_those_given():
    frame = pd.DataFrame({"name": ["a", " b", "c", "d"] * 10})
    [finding] = table_faults(frame, ["name"], np.arange(40) * 10)
    assert finding.data["rows"][:2] == [10, 50]
    assert finding.data["count"] == 10


def test_nothing_in_nothing_out():
    assert table_faults(pd.DataFrame({"a": []}), ["a"]) == []
    assert table_faults(pd.DataFrame({"a": [[1], {}, None]}), []) == []


def test_entities_and_broken_encodings_are_told_from_text():
    assert has_entities("Tom &amp; Jerry")
    assert has_entities("it&#39;s")
    assert not has_entities("AT&T; R&D")
    assert has_broken_encoding("cafÃ© for Â£5")
    assert has_broken_encoding("donâ€™t")
    assert has_broken_encoding("lost \N{REPLACEMENT CHARACTER} letters")
    for fine in (
        "Ângela",
        "São Paulo",
        "ÅNGSTRÖM",
        "naïve “quotes”",
        "Überraschung",
        "日本語のテキスト",
        "Ã",
        "10 € – 20 €",
    ):
        assert not has_broken_encoding(fine), fine
    assert repaired("Ã©") == "é"


def test_a_word_for_nothing_is_told_once():
    frame = made(7)
    frame.loc[[3, 4, 5], "shop"] = "NA"
    found = by_kind(table_faults(frame, list(frame)))
    assert ("missing", "shop") not in found and found["placeholder", "shop"].data["rows"] == [3, 4, 5]
    frame.loc[9, "shop"] = None
    found = by_kind(table_faults(frame, list(frame)))
    assert found["missing", "shop"].data["rows"] == [9] and found["placeholder", "shop"].data["rows"] == [3, 4, 5]


def test_a_name_and_its_initial_are_no_spelling_of_another_name():
    people = ["Juana", "Juan A.", "Ana", "Bo"] * 10 + ["juan a"]
    found = by_kind(table_faults(pd.DataFrame({"who": people}), ["who"]))
    assert found["spelling", "who"].data["values"] == ["juan a = Juan A."]


def said(**columns):
    return by_kind(table_faults(pd.DataFrame(columns), list(columns)))


def test_a_word_for_nothing_that_looks_like_the_other_values_is_one_of_them():
    """Sodium among symbols, Namibia among countries; a word of another form among them is none."""
    symbols = ["H", "He", "Li", "Be", "Ne", "Na", "Mg", "Al", "Si", "Cl", "Ar", "Ca"] * 5
    countries = ["ZA", "DE", "FR", "NA", "GB", "US"] * 10
    assert said(symbol=symbols) == said(country=countries) == {}
    assert ("placeholder", "country") in said(country=[one.replace("NA", "null") for one in countries])
    assert ("placeholder", "city") in said(city=["Windhoek", "Berlin", "Paris", "NA", "London", "Boston"] * 10)


def test_a_number_that_many_rows_hold_far_beyond_all_others_is_a_stand_in():
    """A sensor that was off for 2 % of the time; amounts of which many are zero are amounts."""
    rng = np.random.default_rng(0)
    temperature = rng.normal(20, 3, 1500).round(2)
    temperature[300:331] = -127.0
    assert said(temperature=temperature)["placeholder", "temperature"].data["count"] == 31
    amount = np.where(rng.random(1500) < 0.05, 0, rng.gamma(9, 20, 1500)).round(2)
    assert said(amount=amount) == {}


def test_only_what_is_a_key_should_not_repeat():
    """Post codes and telephones hardly repeat, and may; where most ids come again they are ids of something with several rows."""
    numbers = np.random.default_rng(0).permutation(99_999)[:400]
    codes = [f"{number:05d}" for number in numbers]
    codes[7] = codes[8]
    phones = [f"+49 30 {number:07d}" for number in numbers]
    phones[7] = phones[8]
    assert said(postcode=codes, phone=phones, x=[f"m{code}" for code in codes]).keys() == {("repeated_key", "x")}
    visits = said(patient_id=[f"P{row // 2:03d}" if row < 300 else f"P{row}" for row in range(400)])
    told = visits["repeated_key", "patient_id"].message
    assert told.startswith("150 of the 250 values of “patient_id” come more than once, in 300 rows")


def test_one_row_is_told_of_as_one():
    age = [str(20 + row % 50) for row in range(60)] + ["ancient"]
    assert "1 row holds none" in said(age=age)["not_a_number", "age"].message


def test_places_that_other_columns_tell_apart_are_no_spellings_and_no_strays():
    """Clifton lies in another state than Clinton, "Clintn" in the same; the city of Washington is no state put there."""
    states = {
        "Clinton": "Iowa",
        "Clifton": "Ohio",
        "Clintn": "Iowa",
        "Dover": "Maine",
        "Salem": "Utah",
        "Washington": "DC",
    }
    many = {"Clinton": 60, "Clifton": 4, "Clintn": 2, "Dover": 60, "Salem": 60, "Washington": 3}
    city = [name for name, times in many.items() for _ in range(times)] + ["Olympia"] * 150
    state = [states[name] for name, times in many.items() for _ in range(times)] + ["Washington"] * 150
    n = len(city)
    state[70:90], city[70:90] = ["Texas"] * 20, ["Paris"] * 20
    found = said(city=city, state=state, x=[str(at % 7) for at in range(n)])
    assert found["spelling", "city"].data["values"] == ["Clintn = Clinton"]
    assert ("other_column", "city") not in found
    state[city.index("Washington")] = "Utah"
    assert ("other_column", "city") in said(city=city, state=state)


def test_sentences_about_cells_say_what_stands_there():
    income = [f"{1000 + row}.{row % 10},5{row % 10}".replace(".", "") for row in range(60)]
    assert "with decimal commas or marks of thousands in 60 rows" in said(x=income)["number_as_text", "x"].message
    assert (
        "with units or signs in 60 rows"
        in said(x=[f"${row},000" for row in range(1, 61)])["number_as_text", "x"].message
    )
    age = [str(20 + row % 50) for row in range(60)] + ["k.A."] * 3
    assert said(age=age)["placeholder", "age"].data["count"] == 3
    born = [f"19{row:02d}-03-04" for row in range(30, 90)] + ["0001-01-01"]
    assert "holds 0001-01-01 in 1 row" in said(born=born)["placeholder", "born"].message


def test_a_stray_value_is_found_though_it_is_spelt_in_two_ways_at_home():
    dept, remote = ["Sales", "Legal"] * 60, ["yes", "no", "yes"] * 40
    dept[3], remote[5] = "sales", "Sales"
    assert said(dept=dept, remote=remote)["other_column", "remote"].data["rows"] == [5]
