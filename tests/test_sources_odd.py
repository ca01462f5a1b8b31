"""Odd inputs: each ends in one clear message (exit code 2), or is read with the fault said and the rest kept."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from assay.dataset.dataset import check_labels
from assay.errors import SourceError, UsageError
from assay.sources import Source, open_source

GOOD = "text,label\n" + "".join(f"a sentence of some words {i},{'ab'[i % 2]}\n" for i in range(12))


def png(colour: str = "red") -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (4, 3), colour).save(sink, "PNG")
    return sink.getvalue()


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def excel(frame: pd.DataFrame, **options: Any) -> bytes:
    sink = io.BytesIO()
    frame.to_excel(sink, index=False, **options)
    return sink.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


def encrypted() -> bytes:
    data = bytearray(zipped({"a.png": png()}))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    return bytes(data)


def write(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


NUMBERS = pa.table({"text": [f"some words {i} here" for i in range(12)], "label": ["a", "b"] * 6})
HTML = "<!DOCTYPE html>\n<html><body>Please log in</body></html>"
LATIN = "text,label\nun café,à\nune forêt,à\ngarçon,b\nnoël,b\n".encode("latin-1")

# name of the file, its content, words of the user, what the message must hold
REFUSED: list[tuple[str, str | bytes, dict[str, Any], str]] = [
    # nothing in it
    ("empty.csv", "", {}, "empty.csv is empty (zero bytes)"),
    ("empty.parquet", b"", {}, "is empty (zero bytes)"),
    ("blank.csv", "\n\n  \n", {}, "is empty; give a table with a header row"),
    ("header.csv", "text,label\n", {}, "has a header but no rows"),
    ("none.json", "[]", {}, "has no rows"),
    ("none.jsonl", "\n\n", {}, "has no rows"),
    ("none.parquet", parquet(NUMBERS.slice(0, 0)), {}, "none.parquet has no rows"),
    ("none.xlsx", excel(pd.DataFrame()), {}, "its first sheet is empty"),
    ("header.xlsx", excel(pd.DataFrame({"a": []})), {}, "a header but no rows"),
    ("none.zip", zipped({}), {}, "is an empty ZIP"),
    # another kind than the ending says
    ("page.csv", HTML, {}, "is a web page (HTML or XML), not a table"),
    ("page.csv", "\ufeff" + HTML, {}, "is a web page"),
    ("page.xls", HTML, {}, "is a web page (HTML) inside; open it in a spreadsheet"),
    ("table.xls", GOOD, {}, "is no Excel file inside"),
    ("picture.csv", png(), {}, "is a PNG image, not text as its ending says"),
    ("table.csv", parquet(NUMBERS), {}, "is a Parquet file, not text"),
    ("sheet.csv", excel(NUMBERS.to_pandas()), {}, "is a ZIP or Excel file"),
    ("paper.csv", "%PDF-1.7 ...", {}, "is a PDF"),
    ("packed.csv", gzip.compress(GOOD.encode()), {}, "is a gzip file"),
    ("rows.csv", '[{"text": "a"}]', {}, "holds JSON, not a table as its ending says; rename it"),
    ("text.parquet", GOOD, {}, "is not a readable Parquet file"),
    ("text.arrow", GOOD, {}, "is not a readable Arrow file"),
    ("text.zip", GOOD, {}, "is not a readable ZIP"),
    ("one.png", png(), {}, "is one image; give its folder"),
    ("notes.docx", "PK", {}, "of a kind Assay does not read; it reads folders and ZIPs"),
    ("data.tar.gz", "x", {}, "packed in a way Assay does not read; unpack it"),
    ("data.7z", "x", {}, "unpack it and give the folder"),
    ("no_ending", GOOD, {}, "of a kind Assay does not read"),
    # damaged
    ("cut.parquet", parquet(NUMBERS)[:-40], {}, "is not a readable Parquet file"),
    ("cut.arrow", arrow(NUMBERS)[:200], {}, "is not a readable Arrow file"),
    ("cut.csv.gz", gzip.compress(GOOD.encode())[:-12], {}, "is not a whole gzip file"),
    ("bad.csv.gz", gzip.compress(GOOD.encode())[:20] + b"\xff" * 40, {}, "is not a whole gzip file"),
    ("cut.xlsx", excel(NUMBERS.to_pandas())[:900], {}, "is not a readable Excel file"),
    ("cut.zip", zipped({"a.png": png()})[:-30], {}, "is not a readable ZIP"),
    ("locked.zip", encrypted(), {}, "is encrypted; unpack it"),
    ("bin.csv", b"a,b\n\x00\x01\x02,3\n", {}, "is not a text file (it holds zero bytes)"),
    ("utf32.csv", b"\xff\xfe\0\0" + GOOD.encode("utf-32-le") + b"\0", {}, "is damaged UTF-32 text"),
    ("utf16.csv", b"\xff\xfe" + GOOD.encode("utf-16-le") + b"\x00\xd8", {}, "is damaged UTF-16 text"),
    ("mixed.csv", b"texte,cat\xe9gorie\nna\xc3\xafve caf\xc3\xa9,b\n", {}, "the header is not UTF-8"),
    # not a table
    ("prose.csv", "Dear all,\nthis is a letter, with commas,\nand no table.\n", {}, "does not read as a table"),
    ("wide.csv", "a,b\n" + "1,2,3\n" * 10 + "1,2\n" * 3, {}, "10 of 13 rows are broken (line 2: 3 cells where"),
    ("log.jsonl", "started\nstopped\n", {}, "does not read as JSON lines: 2 of 2 lines are broken (line 1"),
    ("cut.json", '[{"text": "a"}, {"te', {}, "is not valid JSON"),
    ("list.json", "[1, 2, 3]", {}, "must hold an array of objects"),
    ("word.json", '"word"', {}, "must hold an array of objects"),
    ("ids.json", '{"x1": {"a": 1}, "x2": [2]}', {}, "must hold an array of objects"),
    ("uneven.json", '{"a": [1, 2], "b": [1]}', {}, "its columns have different lengths (1, 2)"),
    # columns
    ("twice.csv", "a,b,a\n1,2,3\n", {}, "two columns are named 'a'; rename one"),
    ("twice.parquet", parquet(pa.table([[1], [2]], ["a", "a"])), {}, "two columns are named 'a'"),
    ("t.csv", GOOD, {"label": "lable"}, "no column 'lable' for --label; did you mean 'label'? The columns are: text,"),
    ("t.csv", GOOD, {"text": "zzz"}, "there is no column 'zzz' for --text. The columns are: text, label"),
    ("t.csv", GOOD, {"id": "uid"}, "there is no column 'uid' for --id"),
    ("t.csv", GOOD, {"split": "fold"}, "there is no column 'fold' for --split"),
    ("t.csv", GOOD, {"features": ["text", "nose"]}, "there is no column 'nose' for --features"),
    ("t.csv", GOOD, {"modality": "audio"}, "unknown modality 'audio'; choose one of auto, image, text, table"),
    ("t.csv", GOOD, {"modality": "image"}, "no column names image files or URLs; name it with --image"),
    ("n.csv", "a,b\n1,2\n", {"modality": "text"}, "no column holds text; name it with --text"),
    ("t.csv", GOOD, {"image": "text", "text": "text"}, "both --image and --text were given"),
    ("t.csv", GOOD, {"modality": "table", "text": "text"}, "--text does not go with --modality table"),
    ("t.csv", GOOD, {"label": "text", "text": "text"}, "given for both --label and --text"),
    ("t.csv", GOOD, {"label": "label", "features": ["label"]}, "the label column 'label' cannot be a feature too"),
    ("l.csv", "label\na\nb\n", {}, "no feature columns are left"),
    # labels
    ("blank.csv", "x,label\n1,\n2,\n3, \n", {}, "every cell of the label column 'label' is blank; choose another"),
    ("id.csv", GOOD, {"label": "text"}, "has as many classes as rows (12): it looks like an id"),
    (
        "price.csv",
        "x,y\n" + "".join(f"{i},{i / 7}\n" for i in range(50)),
        {"label": "y"},
        "holds 50 different numbers: that looks like a value to predict",
    ),
    ("many.json", json.dumps([{"text": "a b", "label": ["x", "y"]}] * 3), {}, "multi-label data is not there yet"),
    # ids
    ("i.csv", "id,x\n1,a\n2,b\n1,c\n2,d\n3,e\n3,f\n4,g\n4,h\n", {"id": "id"}, "4 ids appear more than once (the first: 1, 2, 3)"),
    ("i.csv", "id,x\n,a\nq,b\n  ,c\n,d\n,e\n", {"id": "id"}, "blank in 4 rows (counted from 0, the first: 0, 2, 3)"),
    # pictures
    ("p.csv", "image,label\na.png,x\nb.png,y\n", {}, "none of the 2 rows of"),
    ("docs.zip", zipped({"a.txt": b"x", "b.txt": b"y", "c.csv": b"z"}), {}, "holds no images but 2 .txt, 1 .csv"),
    ("nested.zip", zipped({"inner.zip": zipped({"a.png": png()})}), {}, "holds no images but 1 .zip"),
    ("broken.zip", zipped({"metadata.csv": b""}), {}, "metadata.csv cannot be read: the ZIP member is empty"),
    ("t.zip", zipped({"a.png": png()}), {"modality": "text"}, "a folder of images cannot be read as text"),
    ("t.zip", zipped({"a.png": png()}), {"label": "kind"}, "has no columns to name"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "words", "said"), REFUSED, ids=[f"{c[0]}-{c[3][:30]}" for c in REFUSED])
def test_is_refused_with_one_clear_message(tmp_path, name, data, words, said):
    path = write(tmp_path, name, data)
    with pytest.raises(UsageError) as caught:
        check_labels(open_source(path, **words))
    message = str(caught.value)
    assert said in message
    assert caught.value.exit_code == 2
    assert "\n" not in message and "Traceback" not in message and len(message) < 700


PATHS: list[tuple[str, str]] = [
    ("", "the path of the data is empty"),
    ("nowhere", "there is no file or folder"),
    ("https://example.org/a.csv", "is an address; download it"),
    ("s3://bucket/key.parquet", "is an address; download it"),
    ("a" * 300, "a" * 100),
    ("nul\0byte.csv", "there is no file or folder"),
]


@pytest.mark.parametrize(("path", "said"), PATHS, ids=[said for _, said in PATHS])
def test_a_path_that_names_nothing_is_one_clear_message(path, said):
    with pytest.raises(SourceError, match="|".join([said.replace("(", r"\(")])):
        open_source(path)


def test_a_misspelt_path_gets_the_nearest_name(tmp_path):
    write(tmp_path, "reviews.csv", GOOD)
    with pytest.raises(SourceError, match=r"did you mean .*reviews\.csv\?"):
        open_source(tmp_path / "revews.csv")


@pytest.mark.parametrize("data", [[1, 2], {"a": [1]}, None, 7, pd.Series([1, 2])], ids=str)
def test_another_python_object_is_refused_by_its_kind(data):
    with pytest.raises(UsageError, match=f"cannot read a {type(data).__name__}; give a path, a pandas"):
        open_source(data)


# read, with the fault said ---------------------------------------------------------------------------------------


def cells(source: Source, name: str) -> list[Any]:
    return list(source.cells[name].to_pylist())


Check = Callable[[Source], bool]
READ: list[tuple[str, str, str | bytes, dict[str, Any], Check]] = [
    ("BOM", "t.csv", b"\xef\xbb\xbf" + GOOD.encode(), {}, lambda s: s.cells.column_names == ["text", "label"]),
    ("UTF-16", "t.csv", GOOD.encode("utf-16"), {}, lambda s: len(s.ids) == 12 and not s.reasons),
    ("UTF-32", "t.csv", GOOD.encode("utf-32"), {}, lambda s: len(s.ids) == 12 and not s.reasons),
    ("UTF-32, big end first", "t.csv", b"\0\0\xfe\xff" + GOOD.encode("utf-32-be"), {}, lambda s: len(s.ids) == 12 and not s.reasons),
    ("CRLF", "t.csv", GOOD.replace("\n", "\r\n"), {}, lambda s: cells(s, "label")[:2] == ["a", "b"]),
    ("old Mac", "t.csv", GOOD.replace("\n", "\r"), {}, lambda s: cells(s, "label")[:2] == ["a", "b"]),
    ("no last newline", "t.csv", GOOD.rstrip("\n"), {}, lambda s: len(s.ids) == 12),
    ("empty lines", "t.csv", GOOD.replace("\n", "\n\n"), {}, lambda s: len(s.ids) == 12 and not s.reasons),
    (
        "semicolons",
        "t.csv",
        "text;price, EUR;label\nso, it, is;1,5;a\nwell, no;2,5;b\n",
        {},
        lambda s: s.cells.column_names == ["text", "price, EUR", "label"] and "delimiter: ;" in s.notes,
    ),
    ("tabs", "t.csv", GOOD.replace(",", "\t"), {}, lambda s: "delimiter: tab" in s.notes),
    ("pipes", "t.txt", GOOD.replace(",", "|"), {}, lambda s: cells(s, "label")[0] == "a"),
    ("commas in a TSV", "t.tsv", GOOD, {}, lambda s: cells(s, "label")[0] == "a"),
    ("Excel's sep=", "t.csv", "sep=;\na;label\n1;x\n2;y\n", {}, lambda s: s.cells.column_names == ["a", "label"]),
    (
        "quotes with newlines",
        "t.csv",
        'text,label\n"one\ntwo ""quoted"", three",a\n"x, y",b\n',
        {},
        lambda s: cells(s, "text") == ['one\ntwo "quoted", three', "x, y"],
    ),
    (
        "a tweet's quote in a TSV",
        "t.tsv",
        'text\tlabel\n"so it goes\ta\nfine by me\tb\n',
        {},
        lambda s: cells(s, "text")[0] == '"so it goes' and not s.reasons,
    ),
    (
        "a quote that never closes",
        "t.csv",
        GOOD + '"oh no,a\n' + GOOD.partition("\n")[2],
        {},
        lambda s: len(s.ids) == 25 and s.reasons == {12: "line 14: a quote opens that is never closed"},
    ),
    (
        "a quote that swallows rows",
        "t.csv",
        "text,n,label\n" + 'ok,1,a\n"oh no,1,a\nok,2,b\nok,3,a\n"well, 4",4,b\n' + "ok,5,a\nok,5,b\n",
        {},
        lambda s: len(s.ids) == 7 and list(s.reasons) == [1] and cells(s, "n")[2:5] == [2, 3, 4],
    ),
    (
        "ragged rows",
        "t.csv",
        "text,n,label\nfine,1,a\ntoo, many,1,zzz\nfew\nfine,4,b\nfine,5,a\n",
        {"label": "label"},
        lambda s: (
            s.given.to_pylist() == ["a", None, None, "b", "a"]
            and s.reasons[1] == "line 3: 4 cells where the header has 3"
            and s.reasons[2] == "line 4: 1 cells where the header has 3"
            and cells(s, "n")[3] == 4
        ),
    ),
    (
        "some bytes that are not UTF-8",
        "t.csv",
        GOOD.encode() + "naïve cafés,b\n".encode() + b"caf\xe9,a\n",
        {},
        lambda s: s.reasons == {13: "line 15 is not valid UTF-8"} and any("iconv" in note for note in s.notes),
    ),
    (
        "a file in Windows-1252, header too",
        "t.csv",
        LATIN.replace(b"text", b"th\xe8me"),
        {"text": "thème"},
        lambda s: not s.reasons and cells(s, "thème")[0] == "un café" and "encoding: Windows-1252" in s.notes[0],
    ),
    ("a true U+FFFD", "t.csv", GOOD + "odd \ufffd,a\n", {}, lambda s: not s.reasons),
    ("no name", "t.csv", ",text,label\n0,a b c,x\n1,d e,y\n", {}, lambda s: s.cells.column_names[0] == "Unnamed: 0"),
    ("spaces about names", "t.csv", "text , label\na b c,x\nd e,y\n", {}, lambda s: s.roles.label == "label"),
    ("no header", "t.csv", "5.1,3.5,x\n4.9,3.0,y\n", {}, lambda s: any("no header row?" in n for n in s.notes)),
    ("a very long cell", "t.csv", GOOD + f'"{"long " * 100_000}",a\n', {}, lambda s: len(cells(s, "text")[12]) == 500_000),
    ("blank labels", "t.csv", "text,label\na b,x\nc d,\ne f,  \n", {}, lambda s: s.given.to_pylist() == ["x", None, None]),
    ("007", "t.csv", "x,label\n1,007\n2,042\n3,007\n", {}, lambda s: s.given.to_pylist() == ["007", "042", "007"]),
    ("1.10", "t.csv", "x,label\n1,1.10\n2,1.1\n", {}, lambda s: s.given.to_pylist() == ["1.10", "1.1"]),
    ("True in a CSV", "t.csv", "x,label\n1,True\n2,False\n", {}, lambda s: s.given.to_pylist() == ["True", "False"]),
    (
        "true in a Parquet",
        "t.parquet",
        parquet(pa.table({"x": [1, 2], "label": [True, False]})),
        {},
        lambda s: s.given.to_pylist() == [True, False],
    ),
    ("NaN as a class", "t.csv", "x,label\n1,a\n2,NaN\n3,a\n", {}, lambda s: any("'NaN' counts as a class" in n for n in s.notes)),
    ("mixed types", "t.json", '[{"x": 1, "label": 1}, {"x": "a", "label": "b"}]', {}, lambda s: cells(s, "x") == ["1", "a"]),
    (
        "nested JSON",
        "t.json",
        '[{"text": "a b", "meta": {"é": [1]}, "label": "x"}, {"text": "c d", "label": "y"}]',
        {},
        lambda s: cells(s, "meta") == ['{"é": [1]}', None],
    ),
    ("columns", "t.json", '{"x": [1, 2], "label": ["a", "b"]}', {}, lambda s: cells(s, "x") == [1, 2]),
    ("pandas' JSON", "t.json", pd.DataFrame({"x": [1, 2], "label": ["a", "b"]}).to_json(), {}, lambda s: cells(s, "x") == [1, 2]),
    (
        "rows in an envelope",
        "t.json",
        '{"version": 3, "data": [{"x": 1, "label": "a"}, {"x": 2, "label": "b"}]}',
        {},
        lambda s: cells(s, "x") == [1, 2] and "rows: the array 'data' of the file" in s.notes,
    ),
    ("JSON lines called .json", "t.json", '{"x": 1, "label": "a"}\n{"x": 2, "label": "b"}\n', {}, lambda s: len(s.ids) == 2),
    ("JSON called .jsonl", "t.jsonl", '[{"x": 1, "label": "a"},\n {"x": 2, "label": "b"}]', {}, lambda s: len(s.ids) == 2),
    (
        "a broken line",
        "t.jsonl",
        '{"id": "p", "text": "a b", "label": "x"}\n{"id": "q", "te\n{"id": "r", "text": "c d", "label": "y"}\n',
        {"id": "id"},
        lambda s: s.ids.to_pylist() == ["p", "row 1", "r"] and s.reasons[1].startswith("line 2 is not a valid JSON"),
    ),
    (
        "a broken line among numbered ones",
        "t.jsonl",
        '{"id": 5, "text": "a b"}\n{"id": 6, "te\n{"id": 7, "text": "c d"}\n',
        {"id": "id"},
        lambda s: s.ids.to_pylist() == [5, -2, 7],
    ),
    (
        "half a surrogate pair",
        "t.jsonl",
        '{"text": "a b \\ud83d", "label": "x"}\n{"text": "c d", "label": "y"}\n',
        {},
        lambda s: s.reasons == {0: "the column 'text' is not valid Unicode"},
    ),
    ("huge numbers", "t.json", f'[{{"x": {10**30}, "label": 1}}, {{"x": 1, "label": 2}}]', {}, lambda s: cells(s, "x")[0] == str(10**30)),
    (
        "text kept as bytes",
        "t.parquet",
        parquet(pa.table({"text": [b"a b c", b"d \xc3\xa9 f"], "label": [b"x", b"y"]})),
        {},
        lambda s: cells(s, "text") == ["a b c", "d é f"] and s.given.to_pylist() == ["x", "y"],
    ),
    (
        "categories, dates and small numbers",
        "t.parquet",
        parquet(
            pa.table(
                {
                    "c": pa.array(["u", "v"]).dictionary_encode(),
                    "d": pa.array([1, 2], pa.date32()),
                    "i": pa.array([1, None], pa.int8()),
                    "f": pa.array([0.5, None], pa.float32()),
                    "n": pa.nulls(2),
                    "label": pa.array(["x", "y"], pa.large_string()),
                }
            )
        ),
        {},
        lambda s: (
            [str(f.type) for f in s.cells.schema] == ["string", "date32[day]", "int64", "double", "string", "string"]
        ),
    ),
    (
        "a date as label",
        "t.parquet",
        parquet(pa.table({"x": [1, 2], "label": pa.array([0, 366], pa.date32())})),
        {},
        lambda s: s.given.to_pylist() == ["1970-01-01", "1971-01-02"],
    ),
    (
        "two sheets",
        "t.xlsx",
        excel(pd.DataFrame({"x": [1, 2], "label": [1, "other"]}), sheet_name="First"),
        {},
        lambda s: s.given.to_pylist() == ["1", "other"] and cells(s, "x") == [1, 2],
    ),
    (
        "numbers as names",
        "t.xlsx",
        excel(pd.DataFrame({2020: [1, 2], "label": ["a", "b"]})),
        {},
        lambda s: s.cells.column_names[0] == "2020",
    ),
    ("a capital ending", "T.CSV", GOOD, {}, lambda s: s.name == "T"),
    ("dots in the name", "reviews.2024.v2.csv.gz", gzip.compress(GOOD.encode()), {}, lambda s: s.name == "reviews.2024.v2"),
    ("no labels wanted", "t.csv", GOOD, {"label": "none"}, lambda s: s.given is None and s.roles.label is None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "words", "holds"), [c[1:] for c in READ], ids=[c[0] for c in READ])
def test_is_read_as_a_person_would(tmp_path, name, data, words, holds):
    path = write(tmp_path, name, data)
    before = path.read_bytes()
    source = open_source(path, **words)
    assert holds(source), (source.cells.to_pydict(), source.given, source.reasons, source.notes)
    assert path.read_bytes() == before and [entry.name for entry in tmp_path.iterdir()] == [name]
    source.cells.validate(full=True)


def test_broken_utf8_in_a_parquet_is_a_row_with_a_reason(tmp_path):
    texts = pa.array([b"good words", b"bad \xff\xfe words", b"more good words"]).cast(pa.binary())
    broken = pa.StringArray.from_buffers(3, texts.buffers()[1], texts.buffers()[2])
    path = write(tmp_path, "t.arrow", arrow(pa.table({"text": broken, "label": ["x", "y", "x"]})))
    source = open_source(path)
    assert source.reasons == {1: "the column 'text' is not valid UTF-8"}
    assert source.given.to_pylist() == ["x", "y", "x"]


def test_a_quote_that_never_closes_in_a_table_of_one_column_costs_one_line(tmp_path):
    path = write(tmp_path, "t.csv", 'text\nfine by me\n"oh no\nso it goes\nand on\n')
    source = open_source(path, text="text")
    assert source.cells["text"].to_pylist() == ["fine by me", '"oh no', "so it goes", "and on"]
    assert source.reasons == {1: "line 3: a quote opens that is never closed"}


def test_a_row_with_a_stray_quote_keeps_its_own_id(tmp_path):
    path = write(tmp_path, "t.csv", 'id,text,label\n7,fine by me,a\n8,"oh no,b\n9,so it goes,a\n')
    source = open_source(path, id="id", text="text")
    assert source.ids.to_pylist() == [7, 8, 9] and source.given.to_pylist() == ["a", None, "a"]


def test_whole_floats_beside_gaps_are_integer_classes_in_every_form(tmp_path):
    path = write(tmp_path, "t.parquet", parquet(pa.table({"x": [1, 2, 3], "label": [0.0, 1.0, None]})))
    assert [str(value) for value in open_source(path).given.to_pylist()] == ["0", "1", "None"]
    path = write(tmp_path, "t.csv", "x,label\n1,0.0\n2,1.0\n3,\n")
    assert [str(value) for value in open_source(path).given.to_pylist()] == ["0", "1", "None"]


def test_strings_too_large_for_one_array_are_cut_into_pieces(tmp_path, monkeypatch):
    from assay.sources import cells as module

    monkeypatch.setattr(module, "PIECE", 100)
    texts = [f"some words, number {number}" for number in range(50)] + [None, "", "é" * 300]
    path = write(tmp_path, "t.parquet", parquet(pa.table({"text": pa.array(texts, pa.large_string())})))
    found = open_source(path).cells["text"]
    assert found.to_pylist() == texts and found.num_chunks > 10 and str(found.type) == "string"


def test_reading_a_long_csv_takes_time_in_proportion_to_its_length():
    """Twice the rows, about twice the time: no scan of the whole text a row. 200,000 rows are read in seconds."""
    import time

    from assay.sources.csv_tables import read_csv

    data = ("text,label\n" + "some words \u00e9,1\n" * 200_000).encode()
    started = time.thread_time()
    assert read_csv(data, "t").table.num_rows == 200_000
    assert time.thread_time() - started < 6


def test_excel_without_its_extra_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "python_calamine", None)
    path = write(tmp_path, "t.xlsx", excel(NUMBERS.to_pandas()))
    with pytest.raises(UsageError, match=r'needs the extra "excel": pip install "assay\[excel\]"'):
        open_source(path)
