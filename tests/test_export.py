"""What goes out: tables in every format, the fixed dataset, class folders, Hugging Face datasets.

Oracles: the readers of pandas, pyarrow, Python's csv and json, and `datasets.load_from_disk`.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import io
import json
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.actions import State
from assay.errors import MissingExtraError, UsageError
from assay.export import Batch, export_dataset, export_project, preview_export, why_no_second_labels, write_table
from assay.export.folder import safe_name
from assay.sources.reading import UnreadableError
from fake_project import FakeProject, digits_project, jpeg, text_project

UGLY = ["plain", "two\nlines", "carriage\r\nreturn", 'a "quoted" word', "comma, tab\t.", "Gruß 你好 🦊", "", None]
TABLE = pa.table(
    {
        "text": UGLY,
        "whole": pa.array([1, -2, 3, 2**53 + 1, None, 0, 7, 8], pa.int64()),
        "part": pa.array([0.1, -2.5, 1e-300, 1e300, None, 0.0, 1 / 3, 2.0], pa.float64()),
        "single": pa.array([0.1, 0.2, 0.9, None, 1.0, 1e-7, 3.0, 0.3], pa.float32()),
        "flag": [True, False, None, True, True, False, False, True],
    }
)


def read(path: Path, format: str) -> list[dict[str, Any]]:
    """The rows of a file, by the standard reader of its format."""
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    if format in ("csv", "tsv"):
        text = io.StringIO(data.decode("utf-8"), newline="")
        return list(csv.DictReader(text, delimiter="\t" if format == "tsv" else ","))
    if format == "jsonl":
        return [json.loads(line) for line in data.decode("utf-8").split("\n")[:-1]]
    if format == "json":
        return list(json.loads(data))
    return list((pq.read_table(path) if format == "parquet" else pyarrow.feather.read_table(path)).to_pylist())


FORMATS = {
    "csv": "t.csv",
    "tsv": "t.tsv",
    "jsonl": "t.jsonl",
    "json": "t.json",
    "parquet": "t.parquet",
    "arrow": "t.arrow",
}
TEXT_FORMATS = ("csv", "tsv", "json", "jsonl")

# tables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["json", "jsonl", "parquet", "arrow"])
def test_a_table_comes_back_as_it_was(tmp_path: Path, format: str) -> None:
    path = tmp_path / FORMATS[format]
    assert write_table([TABLE.slice(0, 3), TABLE.slice(3)], path) == len(UGLY)
    wanted = TABLE.to_pylist()
    if format in ("json", "jsonl"):  # text holds the shortest number that is the same float32
        wanted = [row | {"single": row["single"] and float(f"{row['single']:.6g}")} for row in wanted]
    assert read(path, format) == wanted


@pytest.mark.parametrize("format", ["csv", "tsv"])
def test_csv_comes_back_as_it_was_but_for_types(tmp_path: Path, format: str) -> None:
    path = tmp_path / FORMATS[format]
    write_table([TABLE.slice(0, 3), TABLE.slice(3)], path)
    rows = read(path, format)
    assert [row["text"] for row in rows] == [text or "" for text in UGLY]
    assert [row["whole"] for row in rows] == ["1", "-2", "3", str(2**53 + 1), "", "0", "7", "8"]
    assert [row["single"] for row in rows] == ["0.1", "0.2", "0.9", "", "1.0", "1e-07", "3.0", "0.3"]
    assert [float(row["part"]) for row in rows if row["part"]] == [0.1, -2.5, 1e-300, 1e300, 0.0, 1 / 3, 2.0]
    frame = pd.read_csv(path, sep="\t" if format == "tsv" else ",")
    assert frame["whole"].astype("Int64").tolist()[:3] == [1, -2, 3]
    assert frame["flag"].tolist()[:2] == [True, False]


@pytest.mark.parametrize("format", FORMATS)
def test_a_table_without_rows_keeps_its_columns_where_the_format_has_columns(tmp_path: Path, format: str) -> None:
    path = tmp_path / FORMATS[format]
    assert write_table([TABLE.slice(0, 0)], path) == 0
    assert read(path, format) == []
    if format in ("csv", "tsv"):
        assert path.read_text(encoding="utf-8").strip().replace("\t", ",") == "text,whole,part,single,flag"


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_gz_packs_text_and_the_same_rows_give_the_same_bytes(tmp_path: Path, format: str) -> None:
    first, second = tmp_path / f"a.{format}.gz", tmp_path / f"b.{format}.gz"
    write_table([TABLE], first)
    write_table([TABLE], second)
    write_table([TABLE], tmp_path / f"plain.{format}")
    assert gzip.decompress(first.read_bytes()) == (tmp_path / f"plain.{format}").read_bytes()
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_text_formats_hold_every_kind_of_cell(tmp_path: Path, format: str) -> None:
    kinds = {
        "list": [[1, None]],
        "struct": [{"a": 1.5, "b": [b"\xff"]}],
        "day": [datetime.date(2024, 2, 29)],
        "instant": pa.array([datetime.datetime(2024, 2, 29, 1, 2, 3)], pa.timestamp("ns")),
        "money": [decimal.Decimal("1.10")],
        "bytes": [b"\x00\xff"],
        "nan": [float("nan")],
        "half": pa.array([np.float16(0.5)], pa.float16()),
        "category": pa.array(["x"]).dictionary_encode(),
        "nothing": pa.nulls(1),
    }
    path = tmp_path / FORMATS[format]
    write_table([pa.table(kinds)], path)
    row = read(path, format)[0]
    if format in ("csv", "tsv"):
        assert (row["list"], row["struct"]) == ("[1, null]", '{"a": 1.5, "b": ["/w=="]}')
        assert (row["nan"], row["nothing"], row["half"]) == ("NaN", "", "0.5")
    else:
        assert (row["list"], row["struct"]) == ([1, None], {"a": 1.5, "b": ["/w=="]})
        assert (row["nan"], row["nothing"], row["half"]) == ("NaN", None, 0.5)
    assert (row["day"], row["money"], row["bytes"]) == ("2024-02-29", "1.10", "AP8=")
    assert row["instant"].startswith("2024-02-29T01:02:03")
    assert row["category"] == "x"


def test_json_is_json_even_of_numbers_that_json_does_not_know(tmp_path: Path) -> None:
    write_table([pa.table({"x": [float("inf"), float("nan"), -float("inf"), 1.0]})], tmp_path / "t.json")
    rows = json.loads((tmp_path / "t.json").read_text(), parse_constant=pytest.fail)
    assert [row["x"] for row in rows] == ["Infinity", "NaN", "-Infinity", 1.0]


@pytest.mark.parametrize("format", ["parquet", "arrow", "csv"])
def test_batches_may_bring_categories_of_their_own(tmp_path: Path, format: str) -> None:
    batches = [pa.table({"c": pa.array(names).dictionary_encode()}) for names in (["a", "b"], ["c", None])]
    write_table(batches, tmp_path / FORMATS[format])
    assert [row["c"] or None for row in read(tmp_path / FORMATS[format], format)] == ["a", "b", "c", None]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_the_guard_neutralises_what_a_spreadsheet_would_run(tmp_path: Path, cell: str) -> None:
    write_table([pa.table({cell: [cell]})], tmp_path / "t.csv", csv_guard=True)
    assert read(tmp_path / "t.csv", "csv") == [{f"'{cell}": f"'{cell}"}]
    write_table([pa.table({"a": [cell]})], tmp_path / "t.csv")
    assert read(tmp_path / "t.csv", "csv") == [{"a": cell}]


def test_the_guard_leaves_numbers_alone_and_guards_what_becomes_text(tmp_path: Path) -> None:
    table = pa.table({"n": [-1], "x": [-0.5], "bytes": [b"\xfb\xff"], "word": ["a=b"]})
    write_table([table], tmp_path / "t.csv", csv_guard=True)
    assert read(tmp_path / "t.csv", "csv") == [{"n": "-1", "x": "-0.5", "bytes": "'+/8=", "word": "a=b"}]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"])), st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
        ),
        min_size=1,
    ),
    st.sampled_from(["csv", "tsv", "json", "jsonl"]),
)
def test_any_text_and_any_integer_come_back(rows: list[tuple[str, int | None]], format: str) -> None:
    stream = io.BytesIO()
    table = pa.table({"t": [text for text, _ in rows], "i": pa.array([number for _, number in rows], pa.int64())})
    write_table([table], stream, format)
    text = stream.getvalue().decode("utf-8")
    if format in ("csv", "tsv"):
        found = list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if format == "tsv" else ","))
        assert [row["t"] for row in found] == [text for text, _ in rows]
        assert [int(row["i"]) if row["i"] else None for row in found] == [number for _, number in rows]
    else:
        found = json.loads(text) if format == "json" else [json.loads(line) for line in text.split("\n")[:-1]]
        assert [(row["t"], row["i"]) for row in found] == rows


@pytest.mark.parametrize(
    ("name", "format", "message"),
    [
        ("t.xlsx", None, "ending of t.xlsx does not name a format"),
        ("t", None, "ending of t does not name a format"),
        ("t.parquet.gz", None, "does not name a format"),
        ("t.csv", "excel", "unknown format 'excel'; choose one of csv, tsv"),
        ("", "csv", "is a folder; name a file"),
        ("file/t.csv", None, "file is a file, not a folder"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(tmp_path: Path, name: str, format: str | None, message: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=message):
        write_table([TABLE], tmp_path / name, format)


def test_a_stream_gets_csv_unless_told_and_stays_open() -> None:
    stream = io.BytesIO()
    write_table([pa.table({"a": [1]})], stream)
    assert stream.getvalue() == b"a\n1\n"
    assert not stream.closed


@pytest.mark.parametrize("format", FORMATS)
def test_a_failing_batch_leaves_no_half_file_and_an_existing_file_stays(tmp_path: Path, format: str) -> None:
    def failing() -> Iterator[pa.Table]:
        yield TABLE
        raise RuntimeError("the second batch")

    for name in ("new", "old"):
        path = tmp_path / f"{name}-{FORMATS[format]}"
        if name == "old":
            path.write_text("precious")
        with pytest.raises(RuntimeError, match="the second batch"):
            write_table(failing(), path)
    assert [path.name for path in tmp_path.iterdir()] == [f"old-{FORMATS[format]}"]
    assert (tmp_path / f"old-{FORMATS[format]}").read_text() == "precious"


# the dataset ---------------------------------------------------------------------------------------------------


def batch(
    actions: list[str | None],
    corrected: list[Any] | None = None,
    *,
    labels: Any = None,
    start: int = 0,
    split: list[str | None] | None = None,
    names: list[str] | None = None,
) -> Batch:
    """Cats called r0, r1, ...; ``actions`` and ``corrected`` say what is done about each."""
    n = len(actions)
    ids = [f"r{start + row}" for row in range(n)]
    labels = pa.array(["cat"] * n) if labels is None else labels
    results = {"row_id": pa.array(ids), "given_label": labels} | ({} if split is None else {"split": split})
    return Batch(
        pa.table({"z": list(range(start, start + n)), "species": labels, "a": [f"note {row}" for row in range(n)]}),
        pa.table(results),
        np.array(actions, object),
        np.array(corrected or [None] * n, object),
        np.arange(start, start + n),
        names or [f"{name}.jpg" for name in ids],
    )


DONE = batch([None, "auto-fix", "exclude", "unresolved", "label"], [None, "dog", None, None, "cow"])


def test_the_users_columns_and_order_come_out_with_final_labels_and_without_excluded_rows(tmp_path: Path) -> None:
    done = export_dataset([DONE], tmp_path / "out.parquet", label="species")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["z", "species", "a"]
    assert table["z"].to_pylist() == [0, 1, 3, 4]
    assert table["species"].to_pylist() == ["cat", "dog", "cat", "cow"]
    assert (done.rows, done.left_out) == (4, 1)
    assert done.lines() == [f"4 rows -> {tmp_path / 'out.parquet'}, 1 left out"]


def test_keep_excluded_keeps_them_with_their_action(tmp_path: Path) -> None:
    done = export_dataset([DONE], tmp_path / "out.parquet", label="species", keep_excluded=True)
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["z", "species", "a", "action"]
    assert table["action"].to_pylist() == [None, "auto-fix", "exclude", "unresolved", "label"]
    assert (done.rows, done.left_out) == (5, 0)


@pytest.mark.parametrize(
    ("columns", "ours"),
    [
        ("none", []),
        ("actions", ["given_label", "corrected_label", "action"]),
        ("all", ["row_id", "given_label", "corrected_label", "action"]),
    ],
)
def test_columns_says_which_of_ours_are_appended(tmp_path: Path, columns: str, ours: list[str]) -> None:
    export_dataset([DONE], tmp_path / "out.parquet", label="species", columns=columns)
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["z", "species", "a", *ours]
    if ours:
        assert table["given_label"].to_pylist() == ["cat"] * 4
        assert table["corrected_label"].to_pylist() == [None, "dog", None, "cow"]


def test_a_column_of_the_users_keeps_its_name_and_ours_gets_another(tmp_path: Path) -> None:
    names = {"action": "assay_action"}
    export_dataset([DONE], tmp_path / "out.csv", columns="actions", public_names=names)
    assert pd.read_csv(tmp_path / "out.csv").columns.tolist()[-1] == "assay_action"


def test_only_corrections_lists_the_changed_rows(tmp_path: Path) -> None:
    done = export_dataset([DONE], tmp_path / "out.jsonl", label="species", only_corrections=True)
    assert read(tmp_path / "out.jsonl", "jsonl") == [
        {"id": "r1", "given_label": "cat", "corrected_label": "dog", "action": "auto-fix"},
        {"id": "r2", "given_label": "cat", "corrected_label": None, "action": "exclude"},
        {"id": "r4", "given_label": "cat", "corrected_label": "cow", "action": "label"},
    ]
    assert (done.rows, done.left_out) == (3, 0)


def test_only_corrections_of_an_untouched_dataset_is_an_empty_table(tmp_path: Path) -> None:
    export_dataset([batch([None, "keep"])], tmp_path / "out.csv", only_corrections=True)
    assert (tmp_path / "out.csv").read_text() == "id,given_label,corrected_label,action\n"


@pytest.mark.parametrize(
    ("kind", "given", "new", "final"),
    [
        (pa.int64(), [3, None], 4, [4, None]),
        (pa.int8(), [3, 1], 4, [4, 1]),
        (pa.float64(), [3.0, 1.5], 4, [4.0, 1.5]),
        (pa.bool_(), [True, False], False, [False, False]),
        (pa.string(), ["a", "b"], "new class", ["new class", "b"]),
        (pa.dictionary(pa.int32(), pa.string()), ["a", "b"], "new class", ["new class", "b"]),
        (pa.int64(), [3, 1], "4", [4, 1]),
        (pa.string(), ["3", "1"], 4, ["4", "1"]),
    ],
)
def test_a_new_label_takes_the_type_of_the_label_column(
    tmp_path: Path, kind: pa.DataType, given: list[Any], new: Any, final: list[Any]
) -> None:
    changed = batch(
        ["label", None],
        [new, None],
        labels=pa.array(given).cast(kind) if pa.types.is_dictionary(kind) else pa.array(given, kind),
    )
    export_dataset([changed], tmp_path / "out.parquet", label="species", columns="actions")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["species"].to_pylist() == final
    assert table["corrected_label"].to_pylist() == [final[0], None]


@pytest.mark.parametrize(
    ("kind", "given", "new"), [(pa.int64(), [3], "four"), (pa.int8(), [3], 300), (pa.int64(), [3], 1.5)]
)
def test_a_new_label_that_does_not_fit_the_column_is_an_error_and_nothing_is_written(
    tmp_path: Path, kind: pa.DataType, given: list[Any], new: Any
) -> None:
    with pytest.raises(UsageError, match="does not fit the label column 'species'"):
        export_dataset([batch(["label"], [new], labels=pa.array(given, kind))], tmp_path / "out.csv", label="species")
    assert list(tmp_path.iterdir()) == []


def test_batches_are_written_one_at_a_time(tmp_path: Path) -> None:
    written: list[int] = []

    def batches() -> Iterator[Batch]:
        for number in range(5):
            written.append(len(next(tmp_path.glob(".tmp-*")).read_bytes()))
            yield batch([None] * 2_000, start=2_000 * number)

    export_dataset(batches(), tmp_path / "out.csv")
    assert written == sorted(set(written)) and written[1] > 0  # the file grows between any two of them
    assert pd.read_csv(tmp_path / "out.csv")["z"].tolist() == list(range(10_000))


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("out.csv", {"columns": "some"}, "unknown columns 'some'; choose one of none, actions, all"),
        ("out", {}, "class folders are for pictures"),
        ("out.csv", {"format": "folder"}, "class folders are for pictures"),
        ("out.docx", {}, "the ending of out.docx names no format"),
        ("out.csv", {"format": "docx"}, "unknown format 'docx'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, target: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        export_dataset([DONE], tmp_path / target, **options)


def test_no_rows_at_all_are_an_error(tmp_path: Path) -> None:
    for target in ("out.csv", "out.parquet", "out.arrow"):
        with pytest.raises(UsageError, match="there are no rows to export"):
            export_dataset([], tmp_path / target)
    assert list(tmp_path.iterdir()) == []


# two labels a row ----------------------------------------------------------------------------------------------

PAIRED = replace(DONE, second=np.array(["dog", None, "dog", None, None], object))


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl", "json", "parquet", "arrow"])
def test_rows_that_hold_two_labels_carry_both_in_every_form(tmp_path: Path, format: str) -> None:
    path = tmp_path / FORMATS[format]
    done = export_dataset([PAIRED], path, label="species", both_labels=True)
    got = [row["species"] for row in read(path, format)]
    if format in ("csv", "tsv"):
        assert got == ["cat|dog", "dog", "cat", "cow"]
        assert done.notes == ["1 row carries both labels; labels are text in the column 'species', '|' between two"]
    else:
        assert got == [["cat", "dog"], ["dog"], ["cat"], ["cow"]]
        assert done.notes == ["1 row carries both labels; labels are lists in the column 'species'"]


def test_both_labels_keep_their_type_and_no_label_stays_none(tmp_path: Path) -> None:
    numbers = batch([None, None, None], labels=pa.array([1, None, 3], pa.int32()))
    export_dataset(
        [replace(numbers, second=np.array([2, None, None], object))],
        tmp_path / "t.parquet",
        label="species",
        both_labels=True,
    )
    column = pq.read_table(tmp_path / "t.parquet")["species"]
    assert column.type.value_type == pa.int32() and column.to_pylist() == [[1, 2], None, [3]]


def test_what_cannot_hold_both_labels_is_refused(tmp_path: Path) -> None:
    odd = batch([None], labels=pa.array(["a|b"]))
    with pytest.raises(UsageError, match=r"holds '\|'.*write Parquet"):
        export_dataset([odd], tmp_path / "t.csv", label="species", both_labels=True)
    assert not (tmp_path / "t.csv").exists()
    with pytest.raises(UsageError, match="one label a row"):
        export_dataset([PAIRED], tmp_path / "t.csv", label="species", both_labels=True, only_corrections=True)
    with pytest.raises(UsageError, match="one class folder"):
        export_dataset([PAIRED], tmp_path / "t", label="species", both_labels=True, open_bytes=picture_of)
    with pytest.raises(UsageError, match="no label column"):
        export_dataset([PAIRED], tmp_path / "t.csv", both_labels=True)


def test_a_project_exports_both_labels_where_nobody_decided(tmp_path: Path) -> None:
    n = 4
    values = {
        "row_id": [f"r{row}" for row in range(n)], "given_label": ["cat"] * n, "is_multi_label": [True, True, False, False],
        "second_label": ["dog"] * n,
    }  # fmt: skip
    cells = pa.table({"text": [f"text {row}" for row in range(n)], "label": ["cat"] * n})
    project = FakeProject("text", values, cells, classes=["cat", "dog"], roles={"label": "label", "text": "text"})
    state = State(n)
    state.action[1] = 1
    decided = SimpleNamespace(state=lambda at=None: state)
    export_project(project, decided, tmp_path / "t.parquet", both_labels=True)
    assert pq.read_table(tmp_path / "t.parquet")["label"].to_pylist() == [["cat", "dog"], ["cat"], ["cat"], ["cat"]]
    says = preview_export(project, decided, both_labels=True, rows=np.array([True, True, True, False]))
    assert (says.rows, says.both) == (3, 1) and "rows that carry both labels: 1" in says.lines()
    assert preview_export(project, decided).both == 0
    without = FakeProject("text", values, cells, classes=["cat", "dog"], skipped={"multi_label": "no sentence encoder"})
    assert why_no_second_labels(without) == "this run looked for no second labels: no sentence encoder"
    with pytest.raises(UsageError, match="no second labels: no sentence encoder"):
        export_project(without, without.log, tmp_path / "u.parquet", both_labels=True)


# class folders -------------------------------------------------------------------------------------------------

PICTURE = jpeg(np.full((8, 8, 3), 200, np.uint8))


def tree(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def picture_of(row: int) -> bytes:
    return PICTURE + bytes([row])


def test_class_folders_hold_the_original_bytes_under_their_final_label(tmp_path: Path) -> None:
    done = export_dataset([DONE], tmp_path / "out", label="species", open_bytes=picture_of)
    assert tree(tmp_path / "out") == ["cat/r0.jpg", "cat/r3.jpg", "cow/r4.jpg", "dog/r1.jpg"]
    assert (tmp_path / "out" / "dog" / "r1.jpg").read_bytes() == picture_of(1)
    assert (done.rows, done.left_out, done.notes) == (4, 1, [])


def test_the_tree_can_be_read_by_others(tmp_path: Path) -> None:
    export_dataset([DONE], tmp_path / "out", open_bytes=picture_of)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) & 0o055 == 0o055


def test_splits_become_the_top_folders(tmp_path: Path) -> None:
    parts = batch([None] * 4, split=["train", "test", None, "train"], labels=pa.array(["cat", "cat", "cat", "dog"]))
    export_dataset([parts], tmp_path / "out", open_bytes=picture_of, splits=True)
    assert tree(tmp_path / "out") == ["none/cat/r2.jpg", "test/cat/r1.jpg", "train/cat/r0.jpg", "train/dog/r3.jpg"]


def test_splits_whose_names_are_made_safe_alike_are_not_mixed(tmp_path: Path) -> None:
    export_dataset([batch([None] * 2, split=["a/b", "a:b"])], tmp_path / "out", open_bytes=picture_of, splits=True)
    assert tree(tmp_path / "out") == ["a_b-2/cat/r1.jpg", "a_b/cat/r0.jpg"]


def test_names_that_collide_get_numbers_and_every_picture_is_there(tmp_path: Path) -> None:
    names = ["x/1.jpg", "y/1.jpg", "1-2.jpg", "z/1.JPG", "1.jpg"]
    done = export_dataset([batch([None] * 5, names=names)], tmp_path / "out", open_bytes=picture_of)
    assert done.notes == [
        "pictures whose file has another name, for theirs is taken or not safe: 4 (y/1.jpg -> 1-2.jpg, ...)"
    ]
    assert tree(tmp_path / "out") == ["cat/1-2-2.jpg", "cat/1-2.jpg", "cat/1-3.JPG", "cat/1-4.jpg", "cat/1.jpg"]
    assert sorted(path.read_bytes()[-1] for path in (tmp_path / "out" / "cat").iterdir()) == [0, 1, 2, 3, 4]


def test_many_pictures_of_one_name_take_no_time_to_name(tmp_path: Path) -> None:
    from assay.export.folder import _Names

    names = _Names()
    found = {names.file(tmp_path, f"{row}/image.jpg", PICTURE) for row in range(50_000)}
    assert len(found) == 50_000


def test_classes_that_differ_only_in_case_or_spelling_have_folders_of_their_own(tmp_path: Path) -> None:
    labels = ["Cat", "cat", "caf\u00e9", "cafe\u0301", "a/b", "a\\b"]
    done = export_dataset([batch([None] * 6, labels=pa.array(labels))], tmp_path / "out", open_bytes=picture_of)
    assert len(list((tmp_path / "out").iterdir())) == 6
    assert done.notes == [
        "classes whose folder has another name, for not every file system takes theirs or tells them apart: "
        "'cat' -> cat-2, 'cafe\u0301' -> cafe\u0301-2, 'a/b' -> a_b, 'a\\\\b' -> a_b-2"
    ]


@pytest.mark.parametrize(
    "label", ["../../etc", "..", "/etc/passwd", "~", "C:\\Windows", "a/../../b", "\x00", "con", ".", ""]
)
def test_no_class_name_leads_out_of_the_folder(tmp_path: Path, label: str) -> None:
    inside = tmp_path / "inside"
    export_dataset([batch([None], labels=pa.array([label]))], inside / "out", open_bytes=picture_of)
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
    assert [path.name for path in inside.iterdir()] == ["out"]
    [folder] = (inside / "out").iterdir()
    assert folder.is_dir() and [path.name for path in folder.iterdir()] == ["r0.jpg"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../evil.jpg", "evil.jpg"),
        ("..", "_.jpg"),
        ("", "picture.jpg"),
        ("/abs/a.png", "a.png"),
        ("https://x.org/a.png?size=1", "a.png"),
        ("17", "17.jpg"),
        ("v2. of June", "v2. of June.jpg"),
        (".hidden.jpg", "_.hidden.jpg"),
        ("nul.jpg", "_nul.jpg"),
        ("c:\\pictures\\a.gif", "a.gif"),
        ("a" * 300 + ".jpg", "a" * 200 + ".jpg"),
        ("x." + "e" * 300, "x." + "e" * 198 + ".jpg"),
        ("dots....jpg", "dots.jpg"),
    ],
)
def test_every_file_name_is_one_that_every_system_takes(tmp_path: Path, name: str, file: str) -> None:
    export_dataset([batch([None], names=[name])], tmp_path / "out", open_bytes=picture_of)
    assert tree(tmp_path / "out") == [f"cat/{file}"]


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_safe_name_is_never_empty_hidden_long_or_a_path(text: str) -> None:
    name = safe_name(text)
    assert 0 < len(name.encode()) <= 200
    assert name[0] != "." and name[-1] not in ". "
    assert not set(name) & set('/\\:*?"<>|\x00\n')


@pytest.mark.parametrize(
    ("head", "ending"),
    [(b"\x89PNG\r\n", ".png"), (b"GIF89a", ".gif"), (b"RIFF....WEBPVP8", ".webp"), (b"BM..", ".bmp"), (b"?", "")],
)
def test_a_name_without_an_ending_gets_the_one_of_its_bytes(tmp_path: Path, head: bytes, ending: str) -> None:
    export_dataset([batch([None], names=["17"])], tmp_path / "out", open_bytes=lambda row: head)
    assert tree(tmp_path / "out") == [f"cat/17{ending}"]


@pytest.mark.parametrize("name", ["setup.bat", "page.html", "x.desktop", "a/b/run.sh"])
def test_a_picture_named_like_a_program_is_exported_as_a_picture(tmp_path: Path, name: str) -> None:
    """Bytes can be a picture and a page at once; what the system does with a file goes by its ending."""
    last = name.rpartition("/")[2]
    for head, ending in ((b"GIF89a/*<script>", ".gif"), (b"?", ".picture")):
        out = tmp_path / ending
        export_dataset([batch([None], names=[name])], out, open_bytes=lambda row, head=head: head)
        assert tree(out) == [f"cat/{last}{ending}"]


def test_unlabelled_and_unreadable_pictures_are_not_in_the_tree_and_that_is_said(tmp_path: Path) -> None:
    def open_bytes(row: int) -> bytes:
        if row == 1:
            raise UnreadableError("there is no such file")
        return PICTURE

    done = export_dataset(
        [batch([None] * 3, labels=pa.array(["cat", "cat", None]))], tmp_path / "out", open_bytes=open_bytes
    )
    assert tree(tmp_path / "out") == ["cat/r0.jpg"]
    assert done.rows == 1
    assert done.notes == [
        "unlabelled rows, which have no class folder and are not in the tree: 1",
        "pictures that could not be read and are not in the tree: 1 (r1.jpg (there is no such file))",
    ]


def test_a_tree_without_any_picture_is_an_error(tmp_path: Path) -> None:
    def lost(row: int) -> bytes:
        raise UnreadableError("there is no such file")

    with pytest.raises(UsageError, match="no row has a label"):
        export_dataset([batch([None], labels=pa.array([None], pa.string()))], tmp_path / "out", open_bytes=picture_of)
    with pytest.raises(UsageError, match="no picture could be read"):
        export_dataset([batch([None])], tmp_path / "out", open_bytes=lost)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["folder", "hf"])
def test_a_failing_batch_leaves_no_half_tree(tmp_path: Path, format: str) -> None:
    def failing() -> Iterator[Batch]:
        yield DONE
        raise RuntimeError("the second batch")

    with pytest.raises(RuntimeError, match="the second batch"):
        export_dataset(failing(), tmp_path / "out", format=format, open_bytes=picture_of)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["folder", "hf"])
def test_a_tree_goes_into_a_new_or_empty_folder_only(tmp_path: Path, format: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    (tmp_path / "empty").mkdir()
    for target, message in (("full", "is not empty"), ("full/mine.txt", "is a file"), ("full/mine.txt/x", "is a file")):
        with pytest.raises(UsageError, match=message):
            export_dataset([DONE], tmp_path / target, format=format, open_bytes=picture_of)
    export_dataset([DONE], tmp_path / "empty", format=format, open_bytes=picture_of)
    assert tree(tmp_path / "full") == ["mine.txt"]
    assert tree(tmp_path / "empty")


@pytest.mark.parametrize("options", [{"columns": "all"}, {"keep_excluded": True}, {"only_corrections": True}])
def test_a_tree_has_no_place_for_columns(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="class folders hold pictures only"):
        export_dataset([DONE], tmp_path / "out", open_bytes=picture_of, **options)


# Hugging Face --------------------------------------------------------------------------------------------------


def test_a_hugging_face_dataset_comes_back(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    done = export_dataset([DONE, batch([None], start=5)], tmp_path / "out", format="hf", label="species")
    found = datasets.load_from_disk(str(tmp_path / "out"))
    assert found.column_names == ["z", "species", "a"]
    assert found["species"][:] == ["cat", "dog", "cat", "cow", "cat"]
    assert found["z"][:] == [0, 1, 3, 4, 5]
    assert done.rows == 5


def test_splits_become_the_splits_of_a_dataset_dict(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    batches = [
        batch([None] * 3, split=["train", "test", None]),
        batch(["exclude", None], split=["test", "train/2"], start=3),
        batch([None], split=["train"], start=5),
    ]
    export_dataset(batches, tmp_path / "out", format="hf", splits=True)
    found = datasets.load_from_disk(str(tmp_path / "out"))
    assert {name: part["z"][:] for name, part in found.items()} == {
        "train": [0, 5],
        "test": [1],
        "none": [2],
        "train_2": [4],
    }


def test_pictures_are_decoded_by_the_reader(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")

    def open_bytes(row: int) -> bytes:
        if row == 3:
            raise UnreadableError("there is no such file")
        return PICTURE

    export_dataset([DONE], tmp_path / "out", format="hf", open_bytes=open_bytes)
    found = datasets.load_from_disk(str(tmp_path / "out"))
    assert found.column_names == ["z", "species", "a", "image"]
    assert found[0]["image"].size == (8, 8)
    assert found[2]["image"] is None
    raw = found.cast_column("image", datasets.Image(decode=False))[0]["image"]
    assert raw == {"bytes": PICTURE, "path": "r0.jpg"}


def test_pictures_go_back_into_the_column_that_they_came_in(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    held = Batch(
        pa.table({"photo": pa.nulls(2, pa.string()), "image": ["a", "b"]}),
        pa.table({"row_id": [0, 1]}),
        np.array([None, None]),
        np.array([None, None]),
        np.arange(2),
        ["0", "1"],
    )
    for column, names in (("photo", ["photo", "image"]), (None, ["photo", "image", "assay_image"])):
        target = tmp_path / f"out-{column}"
        export_dataset([held], target, format="hf", open_bytes=picture_of, picture_column=column)
        found = datasets.load_from_disk(str(target))
        assert found.column_names == names
        assert found[0][column or "assay_image"].size == (8, 8)


def test_a_dataset_of_which_nothing_is_left_is_still_a_dataset(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    export_dataset([batch(["exclude"])], tmp_path / "out", format="hf", open_bytes=picture_of)
    found = datasets.load_from_disk(str(tmp_path / "out"))
    assert (len(found), found.column_names) == (0, ["z", "species", "a", "image"])


def test_corrections_and_categories_go_into_a_dataset_too(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    parts = batch(["exclude", None], split=["train", "test"])
    export_dataset([parts], tmp_path / "one", format="hf", only_corrections=True, splits=True, open_bytes=picture_of)
    assert datasets.load_from_disk(str(tmp_path / "one"))["id"][:] == ["r0"]
    batches = [batch([None], labels=pa.array([name]).dictionary_encode()) for name in ("cat", "dog")]
    export_dataset(batches, tmp_path / "two", format="hf", label="species")
    assert datasets.load_from_disk(str(tmp_path / "two"))["species"][:] == ["cat", "dog"]


def test_without_the_library_the_extra_to_install_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r'pip install "assay\[hf\]"'):
        export_dataset([DONE], tmp_path / "out", format="hf")
    assert list(tmp_path.iterdir()) == []


# projects ------------------------------------------------------------------------------------------------------


def reviews() -> FakeProject:
    texts = [f"review number {i}" for i in range(40)]
    labels = ["good" if i % 2 else "bad" for i in range(40)]
    return text_project(texts, labels, suggested={25: "bad"}, more={"is_safe_to_fix": np.arange(40) == 25})


def test_a_project_is_exported_without_fixes_unless_asked(tmp_path: Path) -> None:
    project = reviews()
    done = export_project(project, project.log, tmp_path / "out.parquet")  # type: ignore[arg-type]
    assert pq.read_table(tmp_path / "out.parquet").equals(project.cells())
    assert done.lines() == [f"40 rows -> {tmp_path / 'out.parquet'}"]


def test_fixing_a_project_changes_labels_and_leaves_no_row_out(tmp_path: Path) -> None:
    options: Any = {"fix": "auto", "columns": "actions", "keep_excluded": True}
    done = export_project(reviews(), reviews().log, tmp_path / "out.parquet", **options)  # type: ignore[arg-type]
    table = pq.read_table(tmp_path / "out.parquet").to_pandas()
    assert table["label"][25] == "bad"
    assert table["corrected_label"].dropna().index.tolist() == [25]
    assert table["action"][39] == "unresolved"  # the row that could not be read
    assert "exclude" not in set(table["action"]) and done.left_out == 0
    assert "label issues given the suggested label, which is safe to take: 1" in done.lines()


def test_integer_labels_stay_integers(tmp_path: Path) -> None:
    project = digits_project(60, classes=list(range(10)))
    export_project(project, project.log, tmp_path / "out.jsonl", fix="reference", only_corrections=True)  # type: ignore[arg-type]
    rows = read(tmp_path / "out.jsonl", "jsonl")
    assert rows and all(isinstance(row["given_label"], int) for row in rows)
    assert all(isinstance(row["corrected_label"], int | None) for row in rows)


def test_a_project_of_pictures_becomes_class_folders_by_split(tmp_path: Path) -> None:
    project = digits_project(40)
    done = export_project(project, project.log, tmp_path / "out", fix="auto")  # type: ignore[arg-type]
    files = tree(tmp_path / "out")
    assert len(files) == done.rows
    assert {file.split("/")[0] for file in files} == {"train", "test"}
    assert {file.split("/")[1] for file in files} <= {str(digit) for digit in range(10)}


@pytest.mark.parametrize("place", ["", "out.csv", "deep/out.csv", "../photos.assay/out.csv"])
def test_an_export_never_goes_into_the_project(tmp_path: Path, place: str) -> None:
    project = digits_project(40)
    project.path = str(tmp_path / "photos.assay")
    (tmp_path / "photos.assay").mkdir()
    with pytest.raises(UsageError, match="lies in the project folder"):
        export_project(project, project.log, Path(project.path) / place)  # type: ignore[arg-type]
    assert list((tmp_path / "photos.assay").iterdir()) == []


def test_an_export_never_goes_among_the_pictures_that_were_analysed(tmp_path: Path) -> None:
    project = digits_project(40)
    project.run["origin"] = str(tmp_path / "photos")
    (tmp_path / "photos" / "row").mkdir(parents=True)
    for place in ("photos", "photos/clean", "photos/row/clean.csv"):
        with pytest.raises(UsageError, match="lies among the pictures of"):
            export_project(project, project.log, tmp_path / place)  # type: ignore[arg-type]
    export_project(project, project.log, tmp_path / "clean")  # type: ignore[arg-type]
    assert tree(tmp_path / "clean")


def test_pictures_from_memory_are_named_by_their_row_and_go_back_into_their_column(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    project = digits_project(40, roles={"image": "path"})
    project._cells = pa.table({"path": pa.nulls(40, pa.string())})
    export_project(project, project.log, tmp_path / "tree")  # type: ignore[arg-type]
    assert tree(tmp_path / "tree")[0] == "test/0/00000.jpg"
    export_project(project, project.log, tmp_path / "hf", format="hf")  # type: ignore[arg-type]
    found = datasets.load_from_disk(str(tmp_path / "hf"))
    assert found["test"].column_names == ["path"]
    assert found["test"][0]["path"].size == (64, 64)
