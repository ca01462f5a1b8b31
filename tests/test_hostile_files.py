"""Small files that unpack to gigabytes, end their reader or never end: a sentence, and the server stays up."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.errors import SourceError, UsageError
from assay.server.look import look
from assay.sources import open_source
from assay.sources.sandbox import confined
from serving import client, send_file


def far_cell(path: Path) -> None:
    """One cell in the last corner of a sheet, 1,048,576 by 16,384."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active["A1"] = "text"
    book.active["XFD1048576"] = "x"
    book.save(path)


def dictionary_parquet(path: Path) -> None:
    """One text of 200 kB, named 20,000 times: 4 GB when written out."""
    codes = pa.array(np.zeros(20_000, np.int32))
    table = pa.table({"text": pa.DictionaryArray.from_arrays(codes, pa.array(["ab" * 100_000]))})
    pq.write_table(table, path, compression="zstd")


def dictionary_arrow(path: Path) -> None:
    codes = pa.array(np.zeros(20_000, np.int8))
    table = pa.table({"text": pa.DictionaryArray.from_arrays(codes, pa.array(["ab" * 100_000]))})
    _ipc(path, table)


def nulls_arrow(path: Path) -> None:
    """Two billion nulls take no bytes."""
    _ipc(path, pa.table({"a": pa.nulls(2_000_000_000), "b": pa.nulls(2_000_000_000)}))


def runs_arrow(path: Path) -> None:
    """A run of one long text."""
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([100_000], pa.int32()), pa.array(["ab" * 50_000]))
    _ipc(path, pa.table({"text": runs}))


def views_arrow(path: Path) -> None:
    """100,000 views of one text of 100 kB."""
    text = b"ab" * 50_000
    view = len(text).to_bytes(4, "little") + text[:4] + bytes(8)
    buffers = [None, pa.py_buffer(view * 100_000), pa.py_buffer(text)]
    many = pa.Array.from_buffers(pa.string_view(), 100_000, buffers)
    _ipc(path, pa.table({"text": many}))


def zeros_arrow(path: Path) -> None:
    """3.2 GB of zeros, packed."""
    _ipc(path, pa.table({f"c{at}": np.zeros(50_000_000) for at in range(2)}))


def _ipc(path: Path, table: pa.Table) -> None:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)


def sparse_jsonl(path: Path) -> None:
    path.write_text("\n".join(json.dumps({f"k{row}": 1}) for row in range(4_000)), encoding="utf-8")


def metadata_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("metadata.csv", b"file_name,label\n" + b"a.png,a\n" * 40_000_000)
        packed.writestr("a.png", b"x")


def deep_json(path: Path) -> None:
    path.write_text("[" * 200_000, encoding="utf-8")


def one_line(path: Path) -> None:
    """A line of 200 MB."""
    with path.open("wb") as file:
        file.write(b"text,label\n")
        for _ in range(200):
            file.write(b"a" * (1 << 20))


def wide_header(path: Path) -> None:
    path.write_text(",".join(f"c{at}" for at in range(200_000)) + "\n" + "1\n" * 2_000, encoding="utf-8")


FILES = {
    "far.xlsx": far_cell, "d.parquet": dictionary_parquet, "d.arrow": dictionary_arrow, "n.arrow": nulls_arrow,
    "r.arrow": runs_arrow, "v.arrow": views_arrow, "s.jsonl": sparse_jsonl, "m.zip": metadata_zip, "deep.json": deep_json,
    "deep.jsonl": deep_json, "wide.csv": wide_header,
}  # fmt: skip


LOOK = """
import json, pathlib, resource, sys
from assay.errors import UsageError
from assay.server import look as look_module

look_module.MEMORY = 2 << 30
path = pathlib.Path(sys.argv[1])
try:
    look_module.look(path, {}, [path.parent])
    said = ""
except UsageError as error:
    said = str(error)
print(json.dumps([said, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""


@pytest.mark.parametrize("name", FILES)
def test_a_look_at_a_hostile_file_is_a_sentence_within_the_limits(tmp_path, name):
    """In a process of its own, bounded in memory and time; the largest memory of the one that looked stays below."""
    path = tmp_path / name
    FILES[name](path)
    assert path.stat().st_size < 3_000_000
    # asked by a process that has no other children whose memory would count
    asking = [sys.executable, "-c", LOOK, str(path)]
    ran = subprocess.run(asking, capture_output=True, text=True, timeout=120, check=True)
    said, peak = json.loads(ran.stdout)
    assert said and len(said) < 600 and "Traceback" not in said
    assert peak < 2 << 20  # KiB


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("far.xlsx", "only 2 of 17,179,869,184 cells hold something"),
        ("d.parquet", "unpacks to far more than its size"),
        ("d.arrow", "unpacks to far more than its size"),
        ("n.arrow", "claims 2,000,000,000 rows"),
        ("s.jsonl", "only 4,000 of 16,000,000 cells"),
        ("m.zip", "unpacks to far more than its size"),
    ],
)
def test_most_are_judged_before_they_are_unpacked(tmp_path, name, said):
    path = tmp_path / name
    FILES[name](path)
    with confined(tmp_path), pytest.raises(SourceError, match=said):
        open_source(str(path))


def test_ordinary_files_are_looked_at_as_before(tmp_path):
    rng = np.random.default_rng(0)
    labels = pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, 3, 5_000), pa.int8()), pa.array(["a", "b", "c"]))
    texts = [f"a text about {word} and {word * 2}" for word in rng.integers(0, 10_000, 5_000)]
    pq.write_table(pa.table({"text": texts, "label": labels}), tmp_path / "t.parquet")
    seen = look(tmp_path / "t.parquet", {}, [tmp_path])
    assert (seen.n_rows, seen.classes, seen.roles["text"]) == (5_000, ["a", "b", "c"], "text")
    book = pytest.importorskip("openpyxl").Workbook()
    for row in [["a", "b"], *([at, at * 2] for at in range(40))]:
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    assert look(tmp_path / "t.xlsx", {}, [tmp_path]).n_rows == 40
    with pytest.raises(UsageError, match="there is no file or folder"):
        look(tmp_path / "gone.csv", {}, [tmp_path])


def test_a_table_of_very_many_columns_is_looked_at_within_the_limits(tmp_path):
    """Each column asked for the names of all: 15,000 took 240 s, four times what a look may take; now two."""
    cells = [",".join(str((at * 7 + row) % 10) for at in range(15_000)) for row in range(20)]
    (tmp_path / "t.csv").write_text("\n".join([",".join(f"c{at}" for at in range(15_000)), *cells]), encoding="utf-8")
    seen = look(tmp_path / "t.csv", {}, [tmp_path])
    assert (seen.n_rows, len(seen.columns)) == (20, 15_000)


def test_the_server_answers_after_a_hostile_upload(tmp_path):
    sheet = io.BytesIO()
    far_cell(sheet)  # type: ignore[arg-type]
    with client(tmp_path) as http_:
        upload = send_file(http_, "far.xlsx", sheet.getvalue())
        for address, body in (("sources/preview", {}), ("projects", {})):
            answer = http_.post(f"/api/v1/{address}", json={"upload": upload} | body)
            assert answer.status_code == 422 and "cells hold something" in answer.json()["detail"]
        assert http_.get("/healthz").status_code == 200
