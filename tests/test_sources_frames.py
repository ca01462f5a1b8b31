"""One dataset in every form it can come in gives one `Source`; what frames know and files do not is kept."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from PIL import Image

from assay.errors import SourceError, UsageError
from assay.sources import Source, open_source

RECORDS: list[dict[str, Any]] = [
    {
        "uid": f"r-{number:03d}",
        "text": ["plain words, with a comma", 'with "quotes" and\na new line', "ümläut 猫 🐱", None][number % 4],
        "count": None if number % 5 == 0 else number - 7,
        "price": None if number % 7 == 0 else number / 8 + 0.0625,
        "code": f"{number % 3:03d}",
        "label": None if number % 6 == 0 else ["cat", "dog", "big bird"][number % 3],
        "split": "train" if number % 4 else "test",
    }
    for number in range(40)
]
Form = Callable[[Path], Any]


def frame() -> pd.DataFrame:
    return pd.DataFrame(RECORDS)


def table() -> pa.Table:
    return pa.Table.from_pylist(RECORDS)


def _file(name: str, write: Callable[[Path], Any]) -> Form:
    def make(folder: Path) -> Path:
        write(folder / name)
        return folder / name

    return make


def _ints(data: pd.DataFrame) -> pd.DataFrame:
    return data.astype({"count": "Int64"})


def _saved(folder: Path) -> Path:
    datasets.Dataset.from_list(RECORDS).save_to_disk(folder / "saved")
    return folder / "saved"


def _gzipped(folder: Path, name: str, text: str) -> Path:
    import gzip

    path = folder / name
    path.write_bytes(gzip.compress(text.encode()))
    return path


def _csv() -> str:
    return _ints(frame()).to_csv(index=False)


def _windows() -> bytes:
    """With a byte order mark and CRLF at the end of rows, but not inside a cell."""
    return b"\xef\xbb\xbf" + _csv().replace("\n", "\r\n").replace("and\r\na", "and\na").encode()


def _jsonl() -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS)


FORMS: dict[str, Form] = {
    "pandas": lambda folder: frame(),
    "pandas, nullable": lambda folder: frame().convert_dtypes(),
    "pandas, arrow": lambda folder: frame().convert_dtypes(dtype_backend="pyarrow"),
    "pandas, objects": lambda folder: frame().astype(object),
    "pandas, categories": lambda folder: frame().astype({"label": "category", "split": "category"}),
    "polars": lambda folder: pl.DataFrame(RECORDS),
    "polars, categories": lambda folder: pl.DataFrame(RECORDS).with_columns(pl.col("label", "split").cast(pl.Categorical)),
    "arrow in memory": lambda folder: table(),
    "hf": lambda folder: datasets.Dataset.from_list(RECORDS),
    "hf, selected": lambda folder: datasets.Dataset.from_list(RECORDS[::-1]).select(range(39, -1, -1)),
    "hf on disk": _saved,
    "csv": _file("t.csv", lambda path: path.write_text(_csv())),
    "csv, BOM and CRLF": _file("t.csv", lambda path: path.write_bytes(_windows())),
    "csv, semicolons": _file("t.csv", lambda path: path.write_text(_ints(frame()).to_csv(index=False, sep=";"))),
    "csv.gz": lambda folder: _gzipped(folder, "t.csv.gz", _csv()),
    "tsv": _file("t.tsv", lambda path: path.write_text(_ints(frame()).to_csv(index=False, sep="\t"))),
    "json": _file("t.json", lambda path: path.write_text(json.dumps(RECORDS))),
    "json, columns": _file("t.json", lambda path: path.write_text(json.dumps(table().to_pydict()))),
    "jsonl": _file("t.jsonl", lambda path: path.write_text(_jsonl())),
    "jsonl.gz": lambda folder: _gzipped(folder, "t.jsonl.gz", _jsonl()),
    "parquet": _file("t.parquet", lambda path: pq.write_table(table(), path)),
    "parquet, small parts": _file("t.parquet", lambda path: pq.write_table(table(), path, row_group_size=7, compression="zstd")),
    "parquet of pandas": _file("t.parquet", lambda path: frame().astype({"count": "Int64", "label": "category"}).to_parquet(path)),
    "feather": _file("t.feather", lambda path: pyarrow.feather.write_feather(table(), path)),
    "arrow stream": _file("t.arrow", lambda path: path.write_bytes(_stream(table()))),
    "excel": _file("t.xlsx", lambda path: frame().to_excel(path, index=False)),
}  # fmt: skip


def _stream(data: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema) as writer:
        writer.write_table(data)
    return bytes(sink.getvalue())


def plain(source: Source) -> dict[str, Any]:
    assert source.given is not None and source.split is not None
    return {
        "modality": source.modality,
        "ids": (str(source.ids.type), source.ids.to_pylist()),
        "types": {field.name: str(field.type) for field in source.cells.schema},
        "cells": source.cells.to_pydict(),
        "given": (str(source.given.type), source.given.to_pylist()),
        "split": source.split.to_pylist(),
        "reasons": source.reasons,
    }


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(tmp_path, form):
    """Oracle: the records themselves."""
    source = open_source(FORMS[form](tmp_path), text="text", id="uid")
    assert plain(source) == {
        "modality": "text",
        "ids": ("string", [record["uid"] for record in RECORDS]),
        "types": {
            "uid": "string",
            "text": "string",
            "count": "int64",
            "price": "double",
            "code": "string",
            "label": "string",
            "split": "string",
        },
        "cells": {name: [record[name] for record in RECORDS] for name in RECORDS[0]},
        "given": ("string", [record["label"] for record in RECORDS]),
        "split": [record["split"] for record in RECORDS],
        "reasons": {},
    }


@pytest.mark.parametrize(
    ("labels", "given"),
    [
        (pd.Series([0.0, 1.0, np.nan, 1.0]), [0, 1, None, 1]),
        (pd.Series([0, 1, None, 1], dtype="Int64"), [0, 1, None, 1]),
        (pd.Series([0, 1, None, 1], dtype="int8[pyarrow]"), [0, 1, None, 1]),
        (pd.Series([0, 1, 2, 1], dtype="uint8"), [0, 1, 2, 1]),
        (pd.Series([0.0, 0.5, 1.0, 0.5]), [0.0, 0.5, 1.0, 0.5]),
        (pd.Series([True, False, True, True]), [True, False, True, True]),
        (pd.Series([True, None, False, True], dtype="boolean"), [True, None, False, True]),
        (pd.Series(["a", "b", None, ""]), ["a", "b", None, None]),
        (pd.Series(["a", np.nan, pd.NA, "b"], dtype=object), ["a", None, None, "b"]),
        (pd.Series([1, "1b", None, 2], dtype=object), ["1", "1b", None, "2"]),
        (pd.Series([np.int64(1), np.float64(2.0), None, np.int64(1)], dtype=object), [1, 2, None, 1]),
        (pd.Series(pd.Categorical(["x", None, "y", "x"])), ["x", None, "y", "x"]),
        (pd.Series(pd.Categorical([3, None, 5, 3])), [3, None, 5, 3]),
        (pd.Series(["007", "7", "07", "7"]), ["007", "7", "07", "7"]),
        (pd.Series(pd.to_datetime(["2020-01-01", "2020-01-01", None, "2021-01-01"])), None),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pd.Series) else "",
)
def test_class_names_are_carried_through_as_they_are(labels, given):
    source = open_source(pd.DataFrame({"x": [1, 2, 3, 4], "label": labels}))
    found = source.given.to_pylist()
    if given is None:
        assert [str(value)[:10] for value in found] == ["2020-01-01", "2020-01-01", "None", "2021-01-01"]
    else:
        assert found == given and [type(value) for value in found] == [type(value) for value in given]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(pd.period_range("2020-01", periods=2, freq="M")),
        pd.Series(pd.interval_range(0, 2)),
        pd.Series([1 + 2j, 3]),
        pd.Series(pd.arrays.SparseArray([0, 1])),
        pd.Series(pd.to_timedelta([1, 2], unit="s")),
        pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01"]).tz_localize("Europe/Rome")),
        pd.Series([0.5, 1.5], dtype="float16"),
        pd.Series([{"a": np.int64(1)}, [1, 2]], dtype=object),
        pd.Series([np.array([1, 2]), np.array([3])], dtype=object),
        pd.Series([Path("a"), Path("b")], dtype=object),
        pd.Series([Decimal("1.10"), None], dtype=object),
        pd.Series([{1, 2}, (3, 4)], dtype=object),
        pd.Series([10**30, 1], dtype=object),
        pd.Series(["\ud800", "fine"], dtype=object),
    ],
    ids=lambda column: f"{column.dtype} {type(column[0]).__name__}",
)
def test_no_column_of_a_frame_stops_the_reading(column):
    source = open_source(pd.DataFrame({"odd": column, "label": ["a", "b"]}))
    source.cells.validate(full=True)
    assert source.cells.num_rows == 2 and source.cells["odd"].null_count <= 1
    assert not pa.types.is_nested(source.cells["odd"].type)


def test_column_names_that_are_numbers_become_words():
    assert open_source(pd.DataFrame({0: [1, 2], "y": ["a", "b"]})).cells.column_names == ["0", "y"]


def test_columns_that_become_one_name_are_refused():
    with pytest.raises(SourceError, match="the DataFrame: two columns are named '0'"):
        open_source(pd.DataFrame([[1, 2]], columns=[0, "0"]))


def test_a_frame_without_rows_or_columns_is_refused():
    for data in (
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame(index=[1, 2]),
        pl.DataFrame(),
        pl.DataFrame({"a": []}),
    ):
        with pytest.raises(SourceError, match="the DataFrame has no rows"):
            open_source(data)


def test_the_frame_is_not_changed():
    data = frame()
    kept = data.copy(deep=True)
    open_source(data, text="text")
    pd.testing.assert_frame_equal(data, kept)


def test_a_lazy_frame_says_collect():
    with pytest.raises(UsageError, match=r"give LazyFrame\.collect\(\)"):
        open_source(pl.DataFrame(RECORDS).lazy())


def test_duplicate_and_blank_ids_of_a_frame_name_the_first_three():
    data = pd.DataFrame({"uid": [5, 6, 5, 6, 7, 7, 8, 8], "x": range(8)})
    with pytest.raises(UsageError, match=r"4 ids appear more than once \(the first: 5, 6, 7\)"):
        open_source(data, id="uid")
    with pytest.raises(UsageError, match=r"blank in 2 rows \(counted from 0, the first: 1, 2\)"):
        open_source(pd.DataFrame({"uid": ["a", None, " "], "x": range(3)}), id="uid")


def test_numbers_as_ids_stay_numbers():
    assert open_source(pd.DataFrame({"uid": [30, 10, 20], "x": range(3)}), id="uid").ids.to_pylist() == [30, 10, 20]
    assert open_source(pd.DataFrame({"uid": [3.0, 1.0], "x": range(2)}), id="uid").ids.to_pylist() == [3, 1]
    assert open_source(pd.DataFrame({"uid": [2**64 - 1, 1], "x": range(2)}), id="uid").ids.to_pylist() == [
        str(2**64 - 1),
        "1",
    ]


# pictures in memory ----------------------------------------------------------------------------------------------


def picture(number: int) -> Image.Image:
    return Image.new("RGB", (5, 4), (number * 40, 10, 200))


def png(number: int) -> bytes:
    sink = io.BytesIO()
    picture(number).save(sink, "PNG")
    return sink.getvalue()


def _hf_pictures(values: list[Any]) -> datasets.Dataset:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    return datasets.Dataset.from_dict({"image": values, "label": [0, 1, -1]}, features=features)


def _struct_table() -> pa.Table:
    values = [{"bytes": png(0), "path": "a.png"}, {"bytes": png(1), "path": None}, None]
    return pa.table({"image": values, "label": ["cat", "dog", None]})


PICTURES: dict[str, Form] = {
    "pandas, bytes": lambda folder: pd.DataFrame({"image": [png(0), png(1), None], "label": ["cat", "dog", None]}),
    "pandas, PIL": lambda folder: pd.DataFrame({"image": [picture(0), picture(1), None], "label": ["cat", "dog", None]}),
    "polars, bytes": lambda folder: pl.DataFrame({"image": [png(0), png(1), None], "label": ["cat", "dog", None]}),
    "hf": lambda folder: _hf_pictures([picture(0), picture(1), None]),
    "hf, bytes": lambda folder: _hf_pictures([{"bytes": png(0), "path": None}, {"bytes": png(1), "path": None}, None]),
    "parquet, structs": _file("t.parquet", lambda path: pq.write_table(_struct_table(), path)),
    "parquet, bytes": _file(
        "t.parquet",
        lambda path: pq.write_table(pa.table({"image": [png(0), png(1), None], "label": ["cat", "dog", None]}), path),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", PICTURES)
def test_pictures_in_memory_are_found_and_a_missing_one_is_a_row_with_a_reason(tmp_path, form):
    source = open_source(PICTURES[form](tmp_path))
    assert source.modality == "image" and source.roles.image == "image"
    assert source.given.to_pylist() == ["cat", "dog", None]
    assert source.reasons == {2: "the image is missing"}
    opened = [Image.open(io.BytesIO(blob)).convert("RGB").getpixel((0, 0)) for blob in source.blobs[:2]]
    assert opened == [(0, 10, 200), (40, 10, 200)] and source.blobs[2] is None


def test_hf_pictures_on_disk_are_named_not_loaded(tmp_path):
    for number in range(2):
        picture(number).save(tmp_path / f"{number}.png")
    source = open_source(_hf_pictures([str(tmp_path / "0.png"), str(tmp_path / "1.png"), str(tmp_path / "gone.png")]))
    assert source.blobs is None
    assert source.uris == [str(tmp_path / "0.png"), str(tmp_path / "1.png"), ""]
    assert source.reasons == {2: f"there is no such file: {tmp_path / 'gone.png'}"}


def test_pictures_of_modes_that_png_has_not_are_kept():
    float_picture = Image.fromarray(np.array([[0.0, 0.5], [1.0, 0.25]], np.float32))
    cmyk = picture(1).convert("CMYK")
    source = open_source(pd.DataFrame({"image": [float_picture, cmyk], "label": ["a", "b"]}))
    from assay.encode.pixels import decode

    assert [decode(blob).rgb.shape for blob in source.blobs] == [(2, 2, 3), (4, 5, 3)]


# Hugging Face ----------------------------------------------------------------------------------------------------


def test_class_labels_become_their_names_and_minus_one_means_none():
    features = datasets.Features({"x": datasets.Value("int32"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    data = datasets.Dataset.from_dict({"x": [1, 2, 3, 4], "label": [1, -1, 0, None]}, features=features)
    assert open_source(data).given.to_pylist() == ["pos", None, "neg", None]


def test_the_keys_of_a_dataset_dict_are_splits_whatever_they_are_called():
    parts = {
        "train": datasets.Dataset.from_dict({"x": [1, 2], "label": ["a", "b"]}),
        "unsupervised": datasets.Dataset.from_dict({"x": [3], "label": [None], "more": ["m"]}),
        "nothing": datasets.Dataset.from_dict({"x": [], "label": []}),
    }
    source = open_source(datasets.DatasetDict(parts))
    assert source.split.to_pylist() == ["train", "train", "unsupervised"]
    assert source.cells.to_pydict() == {
        "x": [1, 2, 3],
        "label": ["a", "b", None],
        "split": ["train", "train", "unsupervised"],
        "more": [None, None, "m"],
    }
    assert source.given.to_pylist() == ["a", "b", None]
    assert open_source(datasets.DatasetDict(parts), split="none").split is None


def test_a_dataset_dict_with_a_column_called_split_keeps_it(tmp_path):
    data = datasets.DatasetDict({"train": datasets.Dataset.from_dict({"x": [1], "split": ["banana"]})})
    data.save_to_disk(tmp_path / "d")
    source = open_source(tmp_path / "d")
    assert source.cells.to_pydict() == {"x": [1], "split": ["banana"], "hf_split": ["train"]}
    assert source.split.to_pylist() == ["train"] and source.name == "d"


def test_pictures_of_a_dataset_dict_follow_their_split():
    data = datasets.DatasetDict(
        {"train": _hf_pictures([picture(0), None, picture(2)]), "test": _hf_pictures([picture(3), picture(4), None])}
    )
    source = open_source(data)
    assert [blob is None for blob in source.blobs] == [False, True, False, False, False, True]
    assert list(source.reasons) == [1, 5]


def test_sequences_are_kept_as_json_and_cannot_be_labels():
    data = datasets.Dataset.from_dict({"words": [["a", "b"], ["é"]], "label": [[1, 2], [3]]})
    with pytest.raises(UsageError, match="the label column 'label' holds lists or objects: multi-label"):
        open_source(data)
    assert open_source(data, label="none").cells["words"].to_pylist() == ['["a", "b"]', '["é"]']


def test_a_streamed_dataset_says_how_to_give_it():
    streamed = datasets.Dataset.from_dict({"x": [1]}).to_iterable_dataset()
    with pytest.raises(UsageError, match="give a Dataset \\(load_dataset without streaming\\)"):
        open_source(streamed)


def test_a_damaged_saved_dataset_is_one_clear_message(tmp_path):
    path = _saved(tmp_path)
    next(path.glob("*.arrow")).write_bytes(b"not arrow")
    with pytest.raises(SourceError, match="looks like a Hugging Face dataset but cannot be loaded"):
        open_source(path)


def test_a_saved_dataset_without_the_extra_says_what_to_install(tmp_path, monkeypatch):
    import sys

    path = _saved(tmp_path)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match=r'needs the extra "hf": pip install "assay\[hf\]"'):
        open_source(path)


def test_real_intents_read_the_same_from_csv_pandas_and_parquet(data_dir, tmp_path):
    path = data_dir / "banking77" / "train.csv"
    if not path.is_file():
        path = next((data_dir / "banking77").glob("*.csv"))
    data = pd.read_csv(path)
    data.to_parquet(tmp_path / "t.parquet")
    sources = [open_source(form, text="text") for form in (path, data, tmp_path / "t.parquet")]
    assert sources[0].cells.equals(sources[1].cells) and sources[0].cells.equals(sources[2].cells)
    assert not math.isnan(len(sources[0].ids)) and len(sources[0].ids) == len(data)
