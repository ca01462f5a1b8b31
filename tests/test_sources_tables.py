"""Tables: what is guessed, said and settable; typed columns that come back as the same text; tables that name pictures."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from assay.dataset.dataset import check_labels
from assay.errors import SourceError, UsageError
from assay.sources import Source, open_source
from assay.sources.csv_plain import read_plain, typed
from assay.sources.csv_tables import read_csv
from assay.sources.reading import read_bytes

PROSE = [f"the quick brown fox number {number} jumps over dogs" for number in range(30)]


def said(source: Source, words: str) -> bool:
    return any(words in note for note in source.notes)


def png(number: int = 0) -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (4, 3), (number, 0, 0)).save(sink, "PNG")
    return sink.getvalue()


# guesses -----------------------------------------------------------------------------------------------------------


def test_prose_beside_a_label_is_text_and_that_is_said_in_one_line():
    source = open_source(pd.DataFrame({"note": PROSE, "label": ["a", "b"] * 15}))
    assert source.modality == "text" and source.roles.text == "note"
    assert said(source, "modality: text (column 'note' reads like prose; set with --text or --modality)")
    assert said(source, "labels: column 'label' (by its name; set with --label)")
    assert all("\n" not in note for note in source.notes)


def test_the_modality_can_be_set_against_the_guess():
    data = pd.DataFrame({"note": PROSE, "size": range(30), "label": ["a", "b"] * 15})
    assert open_source(data, modality="table").roles.features == ("note", "size")
    assert open_source(data, features=["size"]).modality == "table"


def test_the_text_column_can_be_set_against_the_guess():
    data = pd.DataFrame({"body": PROSE, "title": ["short one", "brief two"] * 15, "label": ["a", "b"] * 15})
    assert open_source(data).roles.text == "body"
    assert open_source(data, text="title").roles.text == "title"


def test_short_texts_in_a_column_with_a_telling_name_are_text():
    assert (
        open_source(pd.DataFrame({"query": ["red shoes", "blue hat", "big tent"], "y": ["a", "b", "a"]})).modality
        == "text"
    )


def test_numbers_and_categories_are_a_table():
    source = open_source(pd.DataFrame({"age": range(30), "city": ["Rome", "Oslo"] * 15, "class": ["x", "y"] * 15}))
    assert source.modality == "table" and source.roles.features == ("age", "city") and source.roles.label == "class"
    assert said(source, "modality: table (2 feature columns; set with --modality or --features)")


def test_a_wide_table_with_one_descriptive_column_is_a_table():
    data = pd.DataFrame({f"f{i}": range(30) for i in range(6)} | {"remarks": PROSE, "label": ["a", "b"] * 15})
    assert open_source(data).modality == "table"


def test_without_a_label_column_label_checks_are_left_out_and_that_is_said():
    source = open_source(pd.DataFrame({"text": PROSE}))
    assert source.given is None and said(source, "labels: none (name the column with --label)")


@pytest.mark.parametrize("name", ["label", "Labels", "TARGET", "class", "category", "y"])
def test_a_label_column_is_known_by_its_name_whatever_its_case(name):
    assert open_source(pd.DataFrame({"a": [1, 2], name: ["x", "y"]})).roles.label == name


def test_a_column_that_is_used_for_something_else_is_not_taken_for_the_label():
    data = pd.DataFrame({"label": PROSE, "target": ["a", "b"] * 15})
    assert open_source(data, text="label").roles.label == "target"
    assert open_source(pd.DataFrame({"y": [1, 2], "x": [3, 4]}), features=["x", "y"]).roles.label is None


def test_a_split_column_is_known_by_name_and_values_and_can_be_refused():
    data = pd.DataFrame({"text": PROSE, "split": ["train", "Test", "train"] * 10})
    source = open_source(data)
    assert source.roles.split == "split" and said(source, "splits: column 'split' (Test, train; set with --split")
    assert open_source(data, split="none").split is None
    assert open_source(data.assign(split=["big", "small", "big"] * 10)).split is None
    assert open_source(data.assign(part=["big", "small", None] * 10), split="part").split.null_count == 10


def test_ids_are_numbers_from_0_or_the_users_column_and_the_order_is_the_users():
    data = pd.DataFrame({"uid": ["z", "a", "m"], "x": [1, 2, 3]}, index=[9, 8, 7])
    assert open_source(data).ids.to_pylist() == [0, 1, 2]
    assert open_source(data, id="uid").ids.to_pylist() == ["z", "a", "m"]


def test_many_classes_for_few_rows_are_said():
    source = open_source(pd.DataFrame({"x": range(30), "label": [f"c{min(i, 25)}" for i in range(30)]}))
    assert check_labels(source) == ["the label column 'label' has 26 classes for 30 rows: is it the right one?"]


# typed columns -------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.integers(-(10**20), 10**20).map(str), st.floats().map(repr), st.text(max_size=4)), max_size=6)
)
def test_a_typed_column_writes_back_as_the_same_text(values):
    """Oracle: the text itself; blank cells aside."""
    found = typed(values).to_pylist()
    back = ["" if value is None else value if isinstance(value, str) else repr(value) for value in found]
    assert [a if a.strip() else "" for a in values] == [b if b.strip() else "" for b in back]


cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(cell, min_size=2, max_size=2), min_size=1, max_size=6), st.sampled_from(",;\t|"))
def test_whatever_the_csv_module_writes_is_read_back(rows, delimiter):
    """Oracle: the cells before they were written."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([["first column", "second column"], *rows])
    found = read_csv(sink.getvalue().encode(), "t", delimiter)
    assert not found.reasons
    columns = [found.table[name].to_pylist() for name in ("first column", "second column")]
    got = [["" if value is None else str(value) for value in row] for row in zip(*columns, strict=True)]
    assert [[c if c.strip() else "" for c in row] for row in got] == [
        [c if c.strip() else "" for c in row] for row in rows
    ]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_the_csv_reader_fall_over(data):
    try:
        found = read_csv(b"a,b\n" + data, "t")
    except SourceError:
        return
    found.table.validate(full=True)
    assert all(0 <= row < found.table.num_rows for row in found.reasons)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["x,1", 'y "quoted",2', '"z, z",3', '"w', 'v"', "u", "t,4,5", '"a""b",6', ""]), max_size=12
    )
)
def test_a_good_line_is_never_lost_to_a_bad_one(lines):
    """Every line that is a good row by itself and stands between good ones is a row."""
    data = "name,n\n" + "\n".join(lines) + "\nlast,99\n"
    try:
        found = read_csv(data.encode(), "t")
    except SourceError:
        return
    assert found.table["n"].to_pylist()[-1] in (99, "99") or found.reasons
    if not any(line in ('"w', 'v"') for line in lines):
        assert found.table.num_rows == sum(bool(line) for line in lines) + 1
        assert len(found.reasons) == sum(line in ("u", "t,4,5") for line in lines)


piece = st.sampled_from(
    [
        *',;\t|"\n\r',
        '""',
        "\r\n",
        '"a"',
        "a",
        "b c",
        " ",
        "1",
        "-2",
        "007",
        "1.5",
        "1e5",
        "é",
        "\0",
        "\\",
        '\\"',
        "\ufeff",
        "\x85",
    ]
)


@settings(max_examples=600, deadline=None)
@given(
    st.one_of(
        st.lists(piece, max_size=30).map("".join),
        st.lists(
            st.lists(
                st.sampled_from(["a", "", " ", "1", "2.5", '"q,"', '"l\ni"', '"d""d"', "n"]), min_size=2, max_size=2
            ).map(",".join),
            min_size=1,
            max_size=8,
        ).map("\n".join),
    ),
    st.sampled_from(["n,a\n", "a;b;c\r\n", "one\n", "1,2\n"]),
)
def test_the_quick_reader_of_csv_gives_what_the_tolerant_one_does(body, header):
    """Oracle: the tolerant reader of the same bytes, the quick one taken out."""
    data = (header + body).encode()

    def read() -> object:
        try:
            found = read_csv(data, "t.csv")
        except SourceError as error:
            return str(error)
        return found.table.to_pydict(), found.table.schema, found.reasons, found.misread, found.notes, found.raw

    quick = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assay.sources.csv_tables.read_plain", lambda *_: None)
        assert quick == read()


def test_the_quick_reader_leaves_what_is_not_by_the_book():
    for body in ("a\n", "a,b,c\n", 'a,b "c"\n', '"a,b\n', '"a"b,c\n', "n,m\n", "", "\ufeffa,b\n"):
        assert read_plain(body, ",", ["n", "m"]) is None, body
    found = read_plain('1,"b, ""c"""\n\n,"d\ne"\n', ",", ["n", "m"])
    assert found.to_pydict() == {"n": [1, None], "m": ['b, "c"', "d\ne"]}


def test_one_ragged_row_does_not_turn_numbers_into_text():
    found = read_csv(b"text,n,label\na,1,0\nb, c,2,1\nd,3,0\ne,4,1\n", "t")
    assert [str(field.type) for field in found.table.schema] == ["string", "int64", "int64"]


# tables that name pictures -------------------------------------------------------------------------------------------


def pictures(folder: Path) -> Path:
    for number, name in enumerate(["img/a.png", "img/b c.PNG", "img/ü.png"]):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return folder


def listed(folder: Path, values: list[str], name: str = "path") -> Source:
    pd.DataFrame({name: values, "label": ["x", "y", "x", "y", "x"][: len(values)]}).to_csv(
        folder / "t.csv", index=False
    )
    return open_source(folder / "t.csv", image=name)


def test_paths_are_relative_to_the_table(tmp_path):
    source = listed(pictures(tmp_path), ["img/a.png", "./img/b c.PNG", "img/../img/ü.png"])
    assert source.modality == "image" and source.ids.to_pylist() == [0, 1, 2]
    assert [read_bytes(uri) for uri in source.uris] == [png(0), png(1), png(2)]


def test_the_column_of_pictures_is_found_by_its_endings(tmp_path):
    pictures(tmp_path)
    (tmp_path / "t.csv").write_text("who,where,label\nann,img/a.png,x\nbob,img/b c.PNG,y\n")
    source = open_source(tmp_path / "t.csv")
    assert source.roles.image == "where" and said(source, "modality: image (column 'where' names pictures")


def test_addresses_of_pictures_need_no_ending():
    data = pd.DataFrame({"image_url": ["https://x.example/i?id=1", "https://x.example/i?id=2"], "label": ["a", "b"]})
    with pytest.raises(UsageError, match=r"nothing is fetched unasked.*--image image_url"):
        open_source(data)
    for asked in (open_source(data, image="image_url"), open_source(data, modality="image")):
        assert asked.modality == "image" and asked.uris[0] == "https://x.example/i?id=1"


@pytest.mark.parametrize(
    "make", [str, lambda path: f"file://{quote(str(path))}", lambda path: f"FILE://localhost{path}"]
)
def test_absolute_paths_and_file_addresses_are_taken(tmp_path, make):
    folder = pictures(tmp_path)
    assert read_bytes(listed(folder, [make(folder / "img" / "a.png")]).uris[0]) == png(0)


def test_backslashes_of_another_system_are_slashes(tmp_path):
    assert read_bytes(listed(pictures(tmp_path), ["img\\a.png"]).uris[0]) == png(0)


def test_a_file_whose_name_holds_a_backslash_is_itself(tmp_path):
    pictures(tmp_path)
    (tmp_path / "odd\\name.png").write_bytes(png(9))
    assert read_bytes(listed(tmp_path, ["odd\\name.png"]).uris[0]) == png(9)


def test_paths_relative_to_the_working_directory_are_found_and_that_is_said(tmp_path, monkeypatch):
    pictures(tmp_path / "data")
    (tmp_path / "lists").mkdir()
    monkeypatch.chdir(tmp_path)
    source = listed(tmp_path / "lists", ["data/img/a.png", "data/img/gone.png"])
    assert read_bytes(source.uris[0]) == png(0) and list(source.reasons) == [1]
    assert said(source, "image paths: relative to the working directory")


BAD_CELLS = [
    ("", "the row names no image"),
    ("img/gone.png", "there is no such file: "),
    ("s3://bucket/a.png", "s3:// addresses cannot be read yet"),
    ("data:image/png;base64,AAAA", "data: addresses cannot be read yet"),
    ("file://server/share/a.png", r"file:// addresses of other machines cannot be read (server)"),
    ("nul\0.png", "there is no such file"),
    ("x" * 5000 + ".png", "there is no such file"),
]


@pytest.mark.parametrize(("value", "reason"), BAD_CELLS, ids=[reason for _, reason in BAD_CELLS])
def test_a_cell_that_names_no_picture_is_a_row_with_a_reason(tmp_path, value, reason):
    source = listed(pictures(tmp_path), ["img/a.png", value])
    assert list(source.reasons) == [1] and reason in source.reasons[1]
    assert source.uris[1] == "" and source.given.to_pylist() == ["x", "y"]


def test_no_picture_at_all_is_an_error_that_says_so_and_why(tmp_path):
    with pytest.raises(
        SourceError, match=r"none of the 2 rows of .*t\.csv can be read; the first: there is no such file"
    ):
        listed(tmp_path, ["a.png", "b.png"])


def test_a_stamp_of_a_named_picture_changes_exactly_when_the_file_does(tmp_path):
    folder = pictures(tmp_path)
    before = listed(folder, ["img/a.png", "img/b c.PNG"]).stamps
    (folder / "img" / "a.png").write_bytes(png(7) + b"x")
    after = listed(folder, ["img/a.png", "img/b c.PNG"]).stamps
    assert after[1] == before[1] and after[0] != before[0]


def test_a_column_that_holds_no_paths_is_refused_for_pictures_by_naming_nothing():
    with pytest.raises(UsageError, match="the image column 'x' holds lists or objects"):
        open_source(pd.DataFrame({"x": [[1], [2]], "label": ["a", "b"]}), image="x")


def test_a_table_in_the_current_folder_is_read_by_its_bare_name(tmp_path, monkeypatch):
    pictures(tmp_path)
    (tmp_path / "t.csv").write_text("path,label\nimg/a.png,x\nimg/b c.PNG,y\n")
    monkeypatch.chdir(tmp_path)
    source = open_source("t.csv")
    os.chdir("/")
    assert [read_bytes(uri) for uri in source.uris] == [png(0), png(1)]


def test_a_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "t.csv").write_text("a,label\n1,x\n2,y\n")
    assert open_source("~/t.csv").name == "t"
