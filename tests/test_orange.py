"""Orange's tables: names, types and flags above the rows."""

from __future__ import annotations

import pytest

from assay.sources.files import read_cells
from assay.sources.roles import Wanted, find_roles

ROWS = {
    "short types": (
        "sepal length\tsepal width\tiris\nc\tc\td\n\t\tclass\n",
        [f"{5 + row / 10:.1f}\t{3 + row % 5 / 10:.1f}\t{('setosa', 'virginica')[row % 2]}" for row in range(20)],
    ),
    "long types, values listed": (
        "name\tlegs\tST slope\tkind\nstring\tcontinuous\tup flat\\ line down\tdiscrete\nmeta\tunit=1\t\tclass \n",
        [f"animal {row}\t{row % 4}\t{('up', 'down')[row % 2]}\t{('bird', 'fish')[row % 2]}" for row in range(20)],
    ),
    "few named types": ("a\tb\tc\td\nx y\tu v\tc\tp q\n\t\t\tclass\n", ["x\tu\t1\tp", "y\tv\t2\tq"] * 10),
}


def read(tmp_path, header, rows, name="data.tab"):
    file = tmp_path / name
    file.write_text(header + "\n".join(rows) + "\n")
    cells = read_cells(file)
    modality, roles, notes = find_roles(cells, Wanted())
    return cells, modality, roles, notes + cells.notes


@pytest.mark.parametrize("shape", ROWS)
def test_types_and_flags_are_no_rows_and_the_class_is_the_label(tmp_path, shape):
    header, rows = ROWS[shape]
    cells, modality, roles, notes = read(tmp_path, header, rows)
    assert cells.table.num_rows == len(rows)
    assert not cells.reasons
    assert modality == "table"
    assert roles.label == header.split("\n")[0].split("\t")[-1]
    assert roles.label not in roles.features
    assert "name" not in roles.features
    assert any("the file marks it as the class" in note for note in notes)


def test_numbers_are_read_as_numbers(tmp_path):
    cells, _, _, _ = read(tmp_path, *ROWS["short types"])
    assert str(cells.table["sepal length"].type) == "double"


def test_meta_columns_stay_and_are_named(tmp_path):
    cells, _, _, notes = read(tmp_path, *ROWS["long types, values listed"])
    assert "name" in cells.table.column_names
    assert any("no features" in note and "'name'" in note for note in notes)


def test_a_class_of_numbers_is_not_taken_for_labels(tmp_path):
    rows = [f"{row}\t{20 + row / 7:.2f}" for row in range(30)]
    _, _, roles, notes = read(tmp_path, "rooms\tprice\nc\tc\n\tclass\n", rows)
    assert roles.label is None
    assert any("'price' as what is to be predicted, a number" in note for note in notes)


def test_several_classes_are_left_to_the_user(tmp_path):
    rows = [f"{row}\t{'ab'[row % 2]}\t{'pq'[row % 2]}" for row in range(20)]
    _, _, roles, notes = read(tmp_path, "x\tone\ttwo\nc\td\td\n\tclass\tclass\n", rows)
    assert roles.label is None
    assert any("2 columns as classes ('one', 'two')" in note for note in notes)


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("letter\tgrade\n", ["c\td", "s\tc", "d\td", "c\ts"] * 5),  # letters that types have, in every row
        ("a\tb\n", ["c\td", "1\tx", "2\ty"] * 5),
        ("a\tb\n", ["\t", "\t", "1\tx"] * 5),
    ],
)
def test_other_tables_keep_all_their_rows(tmp_path, header, rows):
    cells, _, _, notes = read(tmp_path, header, rows)
    assert not any("Orange" in note for note in notes)
    assert cells.table.num_rows + sum(row == "\t" for row in rows) >= len(rows)
