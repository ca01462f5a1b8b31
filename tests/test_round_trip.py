"""Cells come out as they went in: every column type through every pair of input and output form.

Oracle: the column itself. What a form cannot hold is said in a line that names the column; nothing becomes null. The whole way
is gone but for the analysis in the middle, which no cell passes through.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from assay.actions import State
from assay.dataset.dataset import write_dataset
from assay.dataset.originals import write_originals
from assay.export import Batch, export_dataset, export_project
from assay.export.values import column_values
from assay.runs import FinishedRun
from assay.sources import Source, open_source
from assay.storage import Folder

datasets = pytest.importorskip("datasets")
N = 3  # rows of a column; the last is missing


class Unanalysed(FinishedRun):
    """A run that ended before it began: rows and cells on disk, no results."""

    def __init__(self, folder: Folder, source: Source) -> None:
        dataset = write_dataset(folder, source, None)
        self.folder, self._blobs, self.log = folder, {}, Log(dataset.n_rows)
        self.run = {
            "dataset": dataset.fingerprint,
            "modality": dataset.modality,
            "classes": [],
            "roles": {name: getattr(dataset.roles, name) for name in ("label", "text", "image", "id", "split")},
            "originals": write_originals(folder, dataset.fingerprint, source.originals),
            "tables": {},
            "origin": source.origin,
        }

    def results(self, rows: Any = None, columns: Any = None) -> pa.Table:
        order = pa.array(self.dataset.order if rows is None else rows)
        return pa.table(
            {"row_id": self.dataset.rows["row_id"].take(order), "split": self.dataset.rows["split"].take(order)}
        )

    def result_columns(self) -> list[str]:
        return ["row_id", *(["split"] if self.dataset.splits is not None else [])]


class Log:
    def __init__(self, n: int) -> None:
        self.n = n

    def state(self, at: int | None = None) -> State:
        return State(self.n)


def passed(data: Any, target: Path, format: str | None = None, **words: Any) -> list[str]:
    """Data through a project into a file; what the export said."""
    project = Unanalysed(
        Folder(target.parent / f"{target.name}.assay"), open_source(data, **({"label": "none"} | words))
    )
    return export_project(project, project.log, target, format=format).lines()  # type: ignore[arg-type]


def png(shade: int) -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, 0, 0)).save(sink, "PNG")
    return sink.getvalue()


# columns -----------------------------------------------------------------------------------------------------------

ARROW: dict[str, pa.Array] = {
    "int8": pa.array([1, -128, None], pa.int8()),
    "uint32": pa.array([1, 2**32 - 1, None], pa.uint32()),
    "int64": pa.array([2**53 + 1, -(2**63), None]),
    "uint64": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "float16": pa.array(np.array([0.1, 2, 3], np.float16)),
    "float32": pa.array([0.1, 1e-7, None], pa.float32()),
    "float64": pa.array([0.1, 1e300, None]),
    "odd floats": pa.array([float("nan"), float("inf"), None]),
    "bool": pa.array([True, False, None]),
    "date32": pa.array([datetime.date(2024, 2, 29), datetime.date(1, 1, 1), None]),
    "date64": pa.array([datetime.date(2024, 2, 29), datetime.date(1999, 1, 1), None], pa.date64()),
    "time32": pa.array([datetime.time(1, 2, 3), datetime.time(23, 59), None], pa.time32("s")),
    "time64": pa.array([1, 86_399_999_999_999, None], pa.time64("ns")),
    "timestamp": pa.array([1, -1, None], pa.timestamp("ns", "Europe/Oslo")),
    "seconds": pa.array([1, 2**40, None], pa.timestamp("s")),
    "duration": pa.array([1, -90_061_000_000_001, None], pa.duration("ns")),
    "interval": pa.array([(1, 2, 3), (0, 0, 0), None], pa.month_day_nano_interval()),
    "decimal": pa.array([decimal.Decimal("1.10"), decimal.Decimal("-99.99"), None], pa.decimal128(5, 2)),
    "decimal256": pa.array([decimal.Decimal("1.10"), decimal.Decimal(10) ** 40, None], pa.decimal256(50, 2)),
    "decimal32": pa.array([decimal.Decimal("1.10"), None, decimal.Decimal("2.00")], pa.decimal32(5, 2)),
    "string": pa.array(["a", 'so "said", he\n', None]),
    "large string": pa.array(["a", "\u00fc", None], pa.large_string()),
    "string view": pa.array(["a", "a rather long text that is not inlined", None], pa.string_view()),
    "binary": pa.array([b"\xff\x00", b"\x89PNG", None]),
    "large binary": pa.array([b"\xff\x00", b"\xfe", None], pa.large_binary()),
    "binary view": pa.array([b"\xff\x00", b"\xfe", None], pa.binary_view()),
    "digest": pa.array([b"\xff\x00", b"\xfe\xfd", None], pa.binary(2)),
    "text as binary": pa.array([b"plain", b"words", None]),
    "null": pa.nulls(N),
    "list": pa.array([[1, None], [], None]),
    "embedding": pa.array([[0.1, 0.2], [0.3, 0.4], None], pa.list_(pa.float32(), 2)),
    "large list": pa.array([["x"], [], None], pa.large_list(pa.string())),
    "list view": pa.array([[1], [2, 3], None], pa.list_view(pa.int16())),
    "struct": pa.array([{"a": 1, "b": ["x"]}, {"a": None, "b": []}, None]),
    "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
    "category": pa.array(["b", "a", None]).dictionary_encode(),
    "coded numbers": pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.int8()), pa.array([20, 10])),
    "union": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0], pa.int8()), [pa.array([1, 0, 3]), pa.array(["", "words", ""])]
    ),
    "run ends": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["x", None])),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, b"1" * 16, None], pa.binary(16))),
    "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}', "[2]", None])),
    "mask": pa.array([{"bytes": png(1), "path": "a.png"}, {"bytes": png(2), "path": None}, None]),
}  # fmt: skip

PANDAS: dict[str, Any] = {
    "int8": pd.Series([1, 2, 3], dtype="int8"),
    "Int64": pd.Series([1, None, 3], dtype="Int64"),
    "float32": pd.Series([0.1, np.nan, 0.3], dtype="float32"),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "ordered": pd.Series(pd.Categorical(["b", None, "a"], ["b", "a", "c"], ordered=True)),
    "cut": pd.Series(pd.cut([1, 5, 9], 3)),
    "cut with a gap": pd.Series(pd.cut([1, np.nan, 9], [0, 5, 10])),
    "intervals": pd.Series(pd.arrays.IntervalArray.from_tuples([(0, 1), None, (1, 2)])),
    "periods": pd.Series(pd.period_range("2024-01", periods=2, freq="M").append(pd.PeriodIndex(["NaT"], freq="M"))),
    "zoned": pd.Series(pd.to_datetime(["2024-03-31 01:30", None, "2024-03-31 03:30"]).tz_localize("Europe/Oslo")),
    "delta": pd.Series(pd.to_timedelta(["1 days 00:00:01", None, "-2h"])),
    "sparse": pd.Series([0, 0, 5], dtype="Sparse[int64]"),
    "decimals": pd.Series([decimal.Decimal("1.10"), None, decimal.Decimal("2.5")], dtype=object),
    "days": pd.Series([datetime.date(2024, 1, 1), None, datetime.date(2025, 1, 1)], dtype=object),
    "lists": pd.Series([[1, 2], None, []], dtype=object),
    "arrays": pd.Series([np.array([0.5, 1.5]), None, np.array([2.5])], dtype=object),
    "dicts": pd.Series([{"a": 1}, None, {"b": "x"}], dtype=object),
    "mixed": pd.Series([1, "one", None], dtype=object),
    "huge": pd.Series([10**30, 1, None], dtype=object),
    "bytes": pd.Series([b"\xff\x00", None, b"\xfe"], dtype=object),
    "pictures": pd.Series([Image.new("RGB", (3, 3), "red"), None, Image.new("L", (2, 2))], dtype=object),
    "complex": pd.Series([1 + 2j, 3j, 0j]),
}

POLARS: dict[str, Any] = {
    "u8": pl.Series([1, 255, None], dtype=pl.UInt8),
    "f32": pl.Series([0.1, None, 3], dtype=pl.Float32),
    "decimal": pl.Series([decimal.Decimal("1.10"), None, decimal.Decimal("2.20")], dtype=pl.Decimal(10, 2)),
    "category": pl.Series(["b", None, "a"], dtype=pl.Categorical),
    "enum": pl.Series(["b", None, "a"], dtype=pl.Enum(["b", "a", "c"])),
    "date": pl.Series([datetime.date(2024, 1, 1), None, None]),
    "moment": pl.Series([datetime.datetime(2024, 1, 1, 1, 2, 3, 4), None, None], dtype=pl.Datetime("us", "UTC")),
    "time": pl.Series([datetime.time(1, 2, 3), None, None]),
    "duration": pl.Series([datetime.timedelta(days=1, seconds=1), None, None]),
    "binary": pl.Series([b"\xff\x00", None, b"\xfe"]),
    "list": pl.Series([[0.1], None, []], dtype=pl.List(pl.Float32)),
    "array": pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int16, 2)),
    "struct": pl.Series([{"a": 1}, None, {"a": None}], dtype=pl.Struct({"a": pl.Int8})),
    "null": pl.Series([None, None, None]),
}

FEATURES = {
    "code": (datasets.ClassLabel(names=["no", "yes"]), [1, 0, -1]),
    "picture": (datasets.Image(), [{"bytes": png(1), "path": "a.png"}, {"bytes": png(2), "path": None}, None]),
    "vector": (datasets.List(datasets.Value("float32"), length=2), [[0.1, 0.2], [0.3, 0.4], None]),
    "matrix": (datasets.Array2D((2, 2), "float32"), [[[0.1, 0.2], [0.3, 0.4]]] * N),
    "answers": (datasets.List({"start": datasets.Value("int16")}), [[{"start": 1}], [], None]),
    "half": (datasets.Value("float16"), [0.5, None, 2.0]),
    "raw": (datasets.Value("binary"), [b"\xff\x00", None, b"\xfe"]),
    "moment": (
        datasets.Value("timestamp[s, tz=UTC]"),
        [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), None, None],
    ),
    "money": (datasets.Value("decimal128(5, 2)"), [decimal.Decimal("1.10"), None, decimal.Decimal("2.00")]),
}


def beside(column: Any) -> dict[str, Any]:
    """The column with a text beside it, which is what would be analysed."""
    return {"text": ["one film was fine", "another was not so", "a third was long"], "x": column}


def frames() -> dict[str, Callable[[], Any]]:
    """Name of a form and a column -> the data."""
    found: dict[str, Callable[[], Any]] = {}
    for name, array in ARROW.items():
        found[f"arrow: {name}"] = lambda array=array: pa.table(beside(array))
    for name, series in PANDAS.items():
        found[f"pandas: {name}"] = lambda series=series: pd.DataFrame(beside(series))
    for name, series in POLARS.items():
        found[f"polars: {name}"] = lambda series=series: pl.DataFrame(beside(series))
    for name, (feature, values) in FEATURES.items():
        found[f"hf: {name}"] = lambda feature=feature, values=values: datasets.Dataset.from_dict(
            beside(values), datasets.Features({"text": datasets.Value("string"), "x": feature})
        )
    return found


FRAMES = frames()
FORMS = {"csv": "csv", "tsv": "tsv", "json": "json", "jsonl": "jsonl", "parquet": "parquet", "arrow": "arrow", "hf": ""}


def as_arrow(data: Any) -> pa.ChunkedArray:
    """The column as it went in."""
    if isinstance(data, pa.Table):
        return data["x"]
    if isinstance(data, pl.DataFrame):
        return data.to_arrow()["x"]
    if isinstance(data, pd.DataFrame):
        dense = data["x"].sparse.to_dense() if "Sparse" in str(data["x"].dtype) else data["x"]
        return pa.chunked_array([pa.Array.from_pandas(dense)])
    return data.with_format("arrow")[:]["x"]


def read_back(path: Path, form: str) -> pa.ChunkedArray | list[Any]:
    if form == "parquet":
        return pq.read_table(path)["x"]
    if form == "arrow":
        return pa.ipc.open_file(path).read_all()["x"]
    if form == "hf":
        return datasets.load_from_disk(str(path)).with_format("arrow")[:]["x"]
    if form in ("csv", "tsv"):
        table = pd.read_csv(path, sep="\t" if form == "tsv" else ",", dtype=str, keep_default_na=False)
        return table["x"].tolist()
    text = path.read_text(encoding="utf-8")
    return [row["x"] for row in (json.loads(text) if form == "json" else map(json.loads, text.splitlines()))]


def plain(value: Any) -> Any:
    """A value as JSON would hold it."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple) and not isinstance(value, pa.MonthDayNano):
        return [plain(part) for part in value]
    return value


NOT_ARROW = ("pandas: dicts", "pandas: mixed", "pandas: huge", "pandas: pictures", "pandas: complex")


@pytest.mark.parametrize("name", FRAMES)
def test_every_column_comes_out_of_every_form_as_it_went_in(name: str, tmp_path: Path) -> None:
    data = FRAMES[name]()
    if name in NOT_ARROW:
        expected = list(data["x"])
    else:
        column = as_arrow(data)
    for form, ending in FORMS.items():
        target = tmp_path / (f"out.{ending}" if ending else "out")
        said = passed(data, target, form, text="text")
        found = read_back(target, form)
        missing = [
            value is None or value == "" for value in (found if isinstance(found, list) else column_values(found))
        ]
        if name in NOT_ARROW:
            assert missing == [value is None for value in expected], (form, found)
            continue
        if name == "hf: code" and isinstance(found, list):
            assert found[:2] == ["yes", "no"] and missing[2]  # -1 is how Hugging Face writes "no label"
            continue
        assert missing == [value is None for value in column_values(column)], (form, said)
        if isinstance(found, list):
            check_text(found, column, form, said)
        elif not found.equals(column):
            check_other_type(found, column, form, said)


def check_text(found: list[Any], column: pa.ChunkedArray, form: str, said: list[str]) -> None:
    """What stands in the text file is the value that went in, by the type it had."""
    kind = column.type
    values = [value for value in column_values(column) if value is not None]
    texts = [value for value in found if value not in (None, "")]
    if form in ("csv", "tsv"):
        if pa.types.is_floating(kind) or pa.types.is_integer(kind):
            same = pa.array(map(float if pa.types.is_floating(kind) else int, texts), kind)
            assert same.to_pylist() == pytest.approx(column.drop_null().to_pylist(), rel=0, abs=0, nan_ok=True)
            return
        if (
            pa.types.is_nested(kind) and not (pa.types.is_union(kind) or pa.types.is_run_end_encoded(kind))
        ) or isinstance((values or [0])[0], list | dict):
            texts = [json.loads(text) for text in texts]
            if not isinstance(kind, pa.BaseExtensionType):
                assert any("JSON text" in line and "x" in line for line in said)
    if any(isinstance(value, bytes) for value in values):
        assert any("base64" in line and line.endswith("x") for line in said)
        assert [base64.b64decode(text) for text in texts] == values
    elif values and isinstance(values[0], list | dict):
        assert texts == plain(values)
    elif values and isinstance(values[0], datetime.datetime | datetime.date | datetime.time):
        assert texts == [value.isoformat() for value in values]
    elif pa.types.is_decimal(kind):
        assert [decimal.Decimal(text) for text in texts] == values


def check_other_type(found: pa.ChunkedArray, column: pa.ChunkedArray, form: str, said: list[str]) -> None:
    """Another type holds the same values, or the export names the column."""
    pairs = zip(column_values(found), column_values(column), strict=True)
    same = all(one == other or str(one) == str(other) == "nan" for one, other in pairs)
    if not same and pa.types.is_timestamp(column.type):  # other units of the same moments
        same = found.cast(column.type).equals(column)
    named = any(line.endswith(": x") for line in said)
    assert same or named, (form, found, column, said)


def test_types_stay_where_a_form_has_them(tmp_path: Path) -> None:
    """Parquet and Arrow hold nearly all types: what they hold comes back in the very type, metadata too."""
    table = pa.table(beside(ARROW["float32"]) | {"c": ARROW["category"], "d": ARROW["digest"]})
    table = table.replace_schema_metadata({"who": "me"})
    for form in ("parquet", "arrow"):
        passed(table, tmp_path / f"out.{form}", text="text")
        found = (
            pq.read_table(tmp_path / "out.parquet")
            if form == "parquet"
            else pa.ipc.open_file(tmp_path / "out.arrow").read_all()
        )
        assert found.equals(table) and found.schema.metadata[b"who"] == b"me"


def test_the_features_of_hugging_face_stay(tmp_path: Path) -> None:
    features = {"text": datasets.Value("string")} | {name: feature for name, (feature, _) in FEATURES.items()}
    rows = {"text": beside(None)["text"]} | {name: values for name, (_, values) in FEATURES.items()}
    data = datasets.Dataset.from_dict(rows, datasets.Features(features))
    passed(data, tmp_path / "out", "hf", text="text")
    found = datasets.load_from_disk(str(tmp_path / "out"))
    assert found.features == data.features
    assert found.with_format("arrow")[:].equals(data.with_format("arrow")[:])
    passed(data, tmp_path / "out.parquet", text="text")
    found = datasets.Dataset.from_parquet(str(tmp_path / "out.parquet"), cache_dir=str(tmp_path))
    less = [name for name in data.features if name != "moment"]  # Parquet has no seconds, they come as milliseconds
    assert {name: found.features[name] for name in less} == {name: data.features[name] for name in less}
    said = passed(data, tmp_path / "out.csv", text="text")
    assert pd.read_csv(tmp_path / "out.csv")["code"].tolist()[:2] == ["yes", "no"] and any(
        "base64" in line for line in said
    )


def test_a_dataset_dict_comes_back_as_it_was(tmp_path: Path) -> None:
    part = datasets.Dataset.from_dict(
        {"text": ["one film was fine", "another was not so"], "label": [0, 1]},
        datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}),
    )
    data = datasets.DatasetDict({"train": part, "test": part.select([1])})
    passed(data, tmp_path / "out", "hf", text="text")
    found = datasets.load_from_disk(str(tmp_path / "out"))
    assert {name: one.features for name, one in found.items()} == {name: one.features for name, one in data.items()}
    assert {name: one["label"][:] for name, one in found.items()} == {"train": [0, 1], "test": [1]}


def test_pictures_in_memory_come_out_of_every_table(tmp_path: Path) -> None:
    """The image column is what is analysed, and its bytes are kept once."""
    held = [{"bytes": png(i), "path": f"{i}.png"} for i in range(3)]
    table = pa.table({"image": held, "mask": held[::-1], "label": ["a", "b", "a"]})
    pq.write_table(table, tmp_path / "in.parquet")
    passed(tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").equals(table)
    passed(tmp_path / "in.parquet", tmp_path / "out", "hf")
    found = datasets.load_from_disk(str(tmp_path / "out"))
    assert found.with_format("arrow")[:]["mask"].to_pylist() == held[::-1]
    said = passed(tmp_path / "in.parquet", tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [base64.b64decode(row["image"]["bytes"]) for row in rows] == [png(i) for i in range(3)]
    assert any("base64" in line and line.endswith("image, mask") for line in said)


# text files --------------------------------------------------------------------------------------------------------


def csv_of(*lines: bytes) -> bytes:
    rows = [b"%d,the film number %d was fine,%s" % (i, i, [b"a", b"b"][i % 2]) for i in range(8)]
    return b"\n".join([b"id,text,label", *rows[:4], *lines, *rows[4:]]) + b"\n"


@pytest.mark.parametrize(
    "line",
    [b"Total,330", b"one, two, three, four, five", b"9,caf\xe9 was fine,a", b'"9,open quote,a', b"9,only two"],
    ids=["short", "long", "not UTF-8", "open quote", "two"],
)
def test_a_row_that_cannot_be_read_comes_out_as_it_was_or_is_said_to_be_left_out(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "in.csv").write_bytes(csv_of(line))
    passed(tmp_path / "in.csv", tmp_path / "out.csv", text="text")
    found = (tmp_path / "out.csv").read_bytes()
    if found != csv_of(line):  # it was read after all
        assert "\u00e9".encode() in found
        return
    said = passed(tmp_path / "in.csv", tmp_path / "out.parquet", text="text")
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 8
    assert any(entry.startswith("1 row that could not be read is left out") for entry in said)


def test_a_broken_line_of_json_lines_comes_out_as_it_was(tmp_path: Path) -> None:
    rows = [json.dumps({"text": f"the film number {i} was fine", "n": i}) for i in range(6)]
    rows.insert(3, '{"text": "cut off')
    (tmp_path / "in.jsonl").write_text("\n".join(rows) + "\n")
    passed(tmp_path / "in.jsonl", tmp_path / "out.jsonl", text="text")
    assert (tmp_path / "out.jsonl").read_text() == (tmp_path / "in.jsonl").read_text()


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (r'"it was \"really\" nasty"', 'it was "really" nasty'),
        (r'"it was \"so, so\" nasty"', 'it was "so, so" nasty'),
        (r'"it was a \\ and a \" mark"', 'it was a \\ and a " mark'),
        ('"it was a 5" screen"', 'it was a 5" screen'),
        ('"he said "no", twice"', 'he said "no", twice'),
        ('"it was ""really"" nasty"', 'it was "really" nasty'),
        (r'"C:\new\table"', r"C:\new\table"),
    ],
)  # fmt: skip
def test_quotes_inside_cells_are_read_for_what_they_are(tmp_path: Path, cell: str, text: str) -> None:
    lines = [f"{cell if i % 3 == 0 else f'the film number {i} was fine'},{'ab'[i % 2]}" for i in range(30)]
    (tmp_path / "in.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    source = open_source(tmp_path / "in.csv")
    if cell == '"he said "no", twice"':  # a comma behind a quote ends the cell: nobody can tell, so the row is not read
        assert len(source.reasons) == 10
        return
    assert source.cells["text"][0].as_py() == text and not source.reasons
    passed(tmp_path / "in.csv", tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv")["text"][0] == text


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    [
        "0.1",
        "007",
        "1e5",
        "-0",
        "-0.0",
        "1.10",
        "inf",
        "nan",
        " 5",
        "5 ",
        "1,000",
        '"',
        '\\"',
        "NA",
        "True",
        "2024-01-31",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6), st.sampled_from(["csv", "tsv", "jsonl"]))
def test_any_csv_comes_out_cell_by_cell(tmp_path: Path, rows: list[tuple[str, str]], form: str) -> None:
    """What Python's writer wrote is read, kept and written: its reader finds the same texts."""
    import csv
    import shutil

    for name in tmp_path.iterdir():
        shutil.rmtree(name) if name.is_dir() else name.unlink()
    with (tmp_path / "in.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["id", "a", "b"], *((f"r{i}", *row) for i, row in enumerate(rows))])
    passed(tmp_path / "in.csv", tmp_path / f"out.{form}", modality="table", features=["a", "b"])
    if form == "jsonl":
        found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [[str(row[name]) for name in "ab" if row[name] is not None] for row in found] == [
            [cell for cell in row if cell.strip() or cell] for row in rows
        ]
        return
    with (tmp_path / f"out.{form}").open(newline="", encoding="utf-8") as stream:
        found = list(csv.reader(stream, delimiter="\t" if form == "tsv" else ","))
    assert found[1:] == [[f"r{i}", *row] for i, row in enumerate(rows)]


def test_new_labels_join_the_categories_and_class_names_that_there_are(tmp_path: Path) -> None:
    n = 4
    results = pa.table({"row_id": list(range(n))})
    action = np.array([None, "label", None, "label"], object)
    corrected = np.array([None, "so-so", None, "good"], object)
    names = datasets.Features({"label": datasets.ClassLabel(names=["good", "bad"])})
    coded = datasets.Dataset.from_dict({"label": [0, 1, 1, 1]}, names).with_format("arrow")[:]
    frame = pd.DataFrame({"label": pd.Categorical(["good", "bad", "bad", "bad"], ["bad", "good"], ordered=True)})
    for form, cells in (("hf", coded), ("parquet", pa.Table.from_pandas(frame))):
        target = tmp_path / f"out.{form}"
        batch = Batch(cells, results, action, corrected)
        export_dataset([batch], target, format=form, label="label", new_labels=["so-so", "good"])
        if form == "hf":
            found = datasets.load_from_disk(str(target))
            assert found.features["label"].names == ["good", "bad", "so-so"] and found["label"][:] == [0, 2, 1, 0]
        else:
            label = pd.read_parquet(target)["label"]
            assert label.cat.categories.tolist() == ["bad", "good", "so-so"] and label.cat.ordered
            assert label.tolist() == ["good", "so-so", "bad", "good"]


def test_tables_of_issues_show_single_precision_as_it_came(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.array([0.1, 0.2, 0.7], np.float32), "y": [1, 2, 3]})
    project = Unanalysed(Folder(tmp_path / "p.assay"), open_source(frame, modality="table"))
    assert project.originals is not None
    shown = project.originals.typed(project.cells(np.array([2, 0])))
    assert [repr(value) for value in column_values(shown["x"])] == ["0.7", "0.1"] and shown["y"].to_pylist() == [3, 1]


@pytest.mark.parametrize("header", [",text,n", "text, n ,,", '"",text,n'], ids=["index", "blanks", "quoted"])
def test_a_name_that_a_header_leaves_blank_is_blank_again(tmp_path: Path, header: str) -> None:
    """R and pandas write the index under no name; in a form whose columns need names it has one."""
    cells = header.count(",") + 1
    source = tmp_path / "d.csv"
    source.write_text("\n".join([header, *(",".join(f"{row}{at}" for at in range(cells)) for row in range(1, 9)), ""]))
    passed(source, tmp_path / "out.csv")
    passed(source, tmp_path / "out.tsv")
    passed(source, tmp_path / "out.parquet")
    assert (tmp_path / "out.csv").read_text() == source.read_text().replace('""', "")
    assert (tmp_path / "out.tsv").read_text().replace("\t", ",") == source.read_text().replace('""', "")
    assert all(pq.read_schema(tmp_path / "out.parquet").names)


def test_a_column_that_is_called_unnamed_stays_so(tmp_path: Path) -> None:
    source = tmp_path / "d.csv"
    source.write_text("Unnamed: 0,b\n" + "7,x\n8,y\n" * 4)
    passed(source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == source.read_text()


def test_parts_that_pandas_wrote_keep_their_types(tmp_path: Path) -> None:
    """What pandas notes of the index differs from part to part; what the columns are does not."""
    whole = pd.DataFrame({"x": np.arange(9, dtype="float32") / 10, "kind": pd.Categorical(list("abc") * 3)})
    folder = tmp_path / "hub" / "data"
    folder.mkdir(parents=True)
    whole[:4].to_parquet(folder / "train-00000-of-00002.parquet")
    whole[4:7].to_parquet(folder / "train-00001-of-00002.parquet")
    whole[7:].to_parquet(folder / "test-00000-of-00001.parquet")
    passed(folder.parent, tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert found["x"].type == pa.float32() and pa.types.is_dictionary(found["kind"].type)
    assert sorted(found["x"].to_pylist()) == sorted(whole["x"].tolist())


def test_categories_that_polars_wrote_to_an_arrow_file_are_read(tmp_path: Path) -> None:
    """Their values are views of strings, from which Arrow cannot take."""
    kinds = ["low", "high", None, "low"] * 5
    frame = pl.DataFrame(
        {"kind": pl.Series(kinds, dtype=pl.Categorical), "of": pl.Series(kinds, dtype=pl.Enum(["low", "high"]))}
    )
    frame.write_ipc(tmp_path / "d.arrow")
    for form in ("arrow", "parquet"):
        passed(tmp_path / "d.arrow", tmp_path / f"out.{form}")
        found = (pl.read_ipc if form == "arrow" else pl.read_parquet)(tmp_path / f"out.{form}")
        assert found["kind"].to_list() == found["of"].to_list() == kinds
        assert found["kind"].dtype == pl.Categorical


def test_a_total_below_a_table_comes_out_as_it_went_in(tmp_path: Path) -> None:
    source = tmp_path / "d.csv"
    source.write_text("town,n\n" + "".join(f"t{at},{at}\n" for at in range(9)) + "Total,36\n")
    passed(source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == source.read_text()
    pd.read_csv(source).to_excel(tmp_path / "d.xlsx", index=False)
    found = open_source(tmp_path / "d.xlsx", label="none")
    assert any("1 row is no row of the table and not analysed (row 11 is a total" in note for note in found.notes)
    passed(tmp_path / "d.xlsx", tmp_path / "from_excel.csv")
    assert (tmp_path / "from_excel.csv").read_text() == source.read_text()
