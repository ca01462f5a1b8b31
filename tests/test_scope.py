"""What a dataset may reach is decided once and recorded; every reader afterwards keeps to it."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import assay
from assay.dataset.scope import STRANGE, named_scope, read_scope, scope_of, write_scope
from assay.errors import SourceError
from assay.sources import open_source
from assay.sources.sandbox import Scope, check_address, confined, connect
from assay.sources.unreadable import UnreadableError
from assay.storage import Folder


def picture(path: Path, seed: int) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 40, 3), np.uint8)).save(path)
    return path.read_bytes()


@pytest.fixture(autouse=True)
def own_key(tmp_path_factory, monkeypatch):
    """A key of this test's own: nothing is written into the person's data folder."""
    monkeypatch.setenv("ASSAY_KEY_FILE", str(tmp_path_factory.mktemp("key") / "key"))


# pictures in columns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["parquet", "json", "jsonl"])
def test_a_picture_cell_that_names_a_file_is_a_path_like_any_other(tmp_path, kind):
    secret = tmp_path / "secret.txt"
    secret.write_text("root:x:0:0", encoding="utf-8")
    folder = tmp_path / "upload"
    own = picture(folder / "own.png", 1)
    rows = [{"bytes": None, "path": "own.png"}, {"bytes": None, "path": str(secret)}, {"bytes": None, "path": None}]
    file = folder / f"t.{kind}"
    if kind == "parquet":
        rows.append({"bytes": own, "path": str(secret)})
        pq.write_table(pa.table({"image": pa.array(rows), "label": list("abab")}), file)
    elif kind == "json":
        file.write_text(json.dumps([{"image": row, "label": "a"} for row in rows]), encoding="utf-8")
    else:
        file.write_text("\n".join(json.dumps({"image": row, "label": "a"}) for row in rows), encoding="utf-8")
    with confined(folder):
        source = open_source(str(file), image="image", label="label")
    assert source.uris is not None and source.uris[0] == str(folder / "own.png")
    assert "leads out of the uploaded data" in source.reasons[1] and 2 in source.reasons
    assert source.blobs is None or all(b"root:x" not in (blob or b"") for blob in source.blobs)


@pytest.mark.parametrize("data", ['"text"', "99999999999", "[1, 2]", "true", '{"a": 1}'])
def test_bytes_in_json_that_are_no_bytes_are_no_picture_and_no_crash(tmp_path, data):
    file = tmp_path / "t.jsonl"
    file.write_text(f'{{"image": {{"bytes": {data}, "path": null}}, "label": "a"}}\n', encoding="utf-8")
    with pytest.raises(SourceError, match="can be read"):
        open_source(str(file), image="image", label="label")


def test_links_in_an_allowed_folder_are_not_followed_out_of_it(tmp_path):
    picture(tmp_path / "outside" / "private.png", 1)
    folder = tmp_path / "data"
    for at in range(3):
        picture(folder / "a" / f"{at}.png", at)
    (folder / "a" / "link.png").symlink_to(tmp_path / "outside" / "private.png")
    (folder / "b").symlink_to(tmp_path / "outside")
    with confined(folder):
        assert len(open_source(str(folder)).ids) == 3
    assert len(open_source(str(folder)).ids) == 5  # its owner may
    with confined(folder), pytest.raises(SourceError, match="leads out"):
        (folder / "t.csv").symlink_to("/etc/hostname")
        open_source(str(folder / "t.csv"))


def test_a_hugging_face_folder_names_no_files_elsewhere(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_dict({"text": ["a", "b"]}).save_to_disk(str(tmp_path / "secret"))
    datasets.Dataset.from_dict({"text": ["c", "d"]}).save_to_disk(str(tmp_path / "up" / "d"))
    state = tmp_path / "up" / "d" / "state.json"
    told = json.loads(state.read_text())
    told["_data_files"] = [{"filename": "../../secret/data-00000-of-00001.arrow"}]
    state.write_text(json.dumps(told))
    with confined(tmp_path / "up"), pytest.raises(SourceError, match="leads out"):
        open_source(str(tmp_path / "up" / "d"))


# addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["64:ff9b::7f00:1", "64:ff9b::a00:1", "::127.0.0.1", "fec0::1", "::ffff:169.254.1.1"]
)
def test_addresses_inside_addresses_are_looked_through(address):
    with pytest.raises(UnreadableError, match="not public"):
        check_address(address)


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch):
    found = [(2, 1, 6, "", ("8.8.8.8", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: found)
    with pytest.raises(UnreadableError, match="not public"):
        connect(Scope((), frozenset()), ("mixed.example", 80))


def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch):
    """A name server that answers differently the second time (DNS rebinding) is asked once only."""
    asked, reached = [], []
    monkeypatch.setattr(
        "socket.getaddrinfo", lambda *a, **_k: asked.append(a) or [(2, 1, 6, "", ("93.184.216.34", 80))]
    )
    monkeypatch.setattr("socket.create_connection", lambda place, *_a: reached.append(place))
    connect(Scope((), frozenset()), ("rebinding.example", 80))
    assert len(asked) == 1 and reached == [("93.184.216.34", 80)]


# recorded ------------------------------------------------------------------------------------------------------


def test_a_scope_counts_with_our_seal_alone(tmp_path):
    folder = Folder(tmp_path / "p.assay")
    write_scope(folder, "f1", Scope(("/data/a",), frozenset({"intranet:80"})))
    assert read_scope(folder, "f1") == Scope(("/data/a",), frozenset({"intranet:80"}))
    path = folder.path("dataset/f1/scope.json")
    record = json.loads(path.read_text())
    for change in ({"files": ["/"]}, {"hosts": ["localhost:80"]}, {"seal": ""}, {"seal": None}, {"files": "x"}):
        path.write_text(json.dumps(record | change))
        found = read_scope(folder, "f1")
        assert found.files == (os.path.realpath(folder.root),) and not found.hosts and found.why == STRANGE
    path.write_text(json.dumps(record))
    folder.put("dataset/f2/scope.json", path.read_bytes())  # of another dataset
    assert read_scope(folder, "f2").why == STRANGE


def test_a_key_of_another_account_seals_nothing_here(tmp_path, monkeypatch):
    folder = Folder(tmp_path / "p.assay")
    write_scope(folder, "f", Scope(("/",), frozenset()))
    monkeypatch.setenv("ASSAY_KEY_FILE", str(tmp_path / "other"))
    assert read_scope(folder, "f").why == STRANGE
    write_scope(folder, "f", named_scope(folder, "f", []))
    assert read_scope(folder, "f").files == ("/",)
    assert (tmp_path / "other").stat().st_mode & 0o777 == 0o600


def test_an_owners_scope_is_where_the_files_are(tmp_path):
    for at in range(3):
        picture(tmp_path / "far" / f"{at}.png", at)
    picture(tmp_path / "pool" / "x.png", 9)
    (tmp_path / "far" / "link.png").symlink_to(tmp_path / "pool" / "x.png")
    table = tmp_path / "t.csv"
    names = [*(str(tmp_path / "far" / f"{at}.png") for at in range(3)), "far/link.png", "http://intranet:8080/a.png"]
    pd.DataFrame({"image": names, "label": list("ababa")}).to_csv(table, index=False)
    scope = scope_of(open_source(str(table), image="image", label="label"))
    assert set(scope.files or ()) == {str(tmp_path / "far"), str(tmp_path / "pool")}
    assert scope.hosts == frozenset({"intranet:8080"})
    assert not scope.holds("/etc/passwd") and not scope.holds(tmp_path / "t.csv")


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """A table of pictures that lie in another folder, analysed under a key of its own."""
    root = tmp_path_factory.mktemp("scope")
    os.environ["ASSAY_KEY_FILE"] = str(root / "key")
    for at in range(12):
        picture(root / "pictures" / f"{at}.png", at)
    picture(root / "private.png", 77)
    table = pd.DataFrame({"image": [f"pictures/{at}.png" for at in range(12)], "label": ["a", "b"] * 6})
    table.to_csv(root / "t.csv", index=False)
    assay.analyze(
        root / "t.csv", output=root / "p.assay", image="image", label="label", effort="fast", progress="quiet"
    )
    del os.environ["ASSAY_KEY_FILE"]
    return root


def test_what_was_recorded_holds_for_export_and_view(analysed, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_KEY_FILE", str(analysed / "key"))
    copy = tmp_path / "p.assay"
    shutil.copytree(analysed / "p.assay", copy)
    (part,) = (copy / "dataset").glob("*/rows-00000.parquet")
    rows = pq.read_table(part)
    uris = rows["uri"].to_pylist()
    uris[0] = str(analysed / "private.png")
    uris[1] = f"file://{analysed}/private.png"
    uris[2] = f"{analysed}/pictures/../private.png"
    tokens = [f"{uri}\t" for uri in uris]  # no stamps: the scope alone keeps the door
    rows = rows.set_column(rows.column_names.index("uri"), "uri", pa.array(uris))
    rows = rows.set_column(rows.column_names.index("token"), "token", pa.array(tokens))
    pq.write_table(rows, part)
    (header,) = (copy / "dataset").glob("*/dataset.json")  # whoever changes a project on purpose leaves no checksum
    told = json.loads(header.read_text(encoding="utf-8"))
    header.write_text(json.dumps({k: v for k, v in told.items() if k not in ("digest", "checksums")}), encoding="utf-8")
    project = assay.open(copy)
    assert project.open_bytes(3) == (analysed / "pictures" / "3.png").read_bytes()
    for row in range(3):
        with pytest.raises(UnreadableError, match="leads out of the data"):
            project.open_bytes(row)
    done = project.export(tmp_path / "out", format="folder")
    private = (analysed / "private.png").read_bytes()
    assert done.rows == 9 and all(private != file.read_bytes() for file in (tmp_path / "out").rglob("*.png"))


def test_a_strangers_project_reads_inside_its_own_folder_until_it_is_trusted(analysed, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_KEY_FILE", str(tmp_path / "readers key"))
    copy = tmp_path / "p.assay"
    shutil.copytree(analysed / "p.assay", copy)
    with pytest.raises(UnreadableError, match="assay trust"):
        assay.open(copy).open_bytes(0)
    folder, run = Folder(copy), assay.open(copy).run
    write_scope(folder, run["dataset"], named_scope(folder, run["dataset"], []))
    assert assay.open(copy).open_bytes(0) == (analysed / "pictures" / "0.png").read_bytes()


def test_a_picture_that_changed_or_became_a_link_is_not_shown_under_an_old_verdict(analysed, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_KEY_FILE", str(analysed / "key"))
    file = analysed / "pictures" / "5.png"
    kept = file.read_bytes()
    try:
        os.utime(file, (1, 1))  # touched or copied: the bytes are the same
        assert assay.open(analysed / "p.assay").open_bytes(5) == kept
        picture(file, 500)
        with pytest.raises(UnreadableError, match="has changed since"):
            assay.open(analysed / "p.assay").open_bytes(5)
        file.unlink()
        file.symlink_to(analysed / "private.png")
        with pytest.raises(UnreadableError, match="leads out of the data"):
            assay.open(analysed / "p.assay").open_bytes(5)
    finally:
        file.unlink()
        file.write_bytes(kept)


def test_an_upload_stays_confined_when_it_is_exported(tmp_path):
    """Loopback addresses are refused while data is listed and viewed, and by export just so."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    asked: list[str] = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        hosts = [
            "127.0.0.1",
            "localhost",
            "0x7f.1",
            "2130706433",
            "127.1",
            "0.0.0.0",
            "[::ffff:127.0.0.1]",
            "017700000001",
        ]
        folder = tmp_path / "up"
        picture(folder / "own.png", 1)
        picture(folder / "two.png", 2)
        names = ["own.png", "two.png", *(f"http://{host}:{port}/{at}.png" for at, host in enumerate(hosts))]
        pd.DataFrame({"image": names, "label": ["a", "b"] * 5}).to_csv(folder / "t.csv", index=False)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ASSAY_CONFINED", str(folder))
            assay.analyze(folder / "t.csv", output=tmp_path / "p.assay", image="image", effort="fast", progress="quiet")
        project = assay.open(tmp_path / "p.assay")
        assert project.scope.hosts == frozenset()
        for row in range(2, 10):
            with pytest.raises(UnreadableError, match="not public"):
                project.open_bytes(row)
        assert project.export(tmp_path / "out", format="folder").rows == 2
        server.shutdown()
    assert asked == []
