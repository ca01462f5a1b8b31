"""Checksums of a project's files: written beside what they guard, compared when a file is read.

In: paths. Out: digests, or whether a file is still what was written. Does not know: what the files mean.

Three places hold them. A JSON object carries its own, under ``digest``. Whoever writes a group of files leaves a record beside
them that lists them under ``checksums``: a stage its marker ``<key>.done``, a dataset its ``dataset.json``. The hash is XXH3
(128 bits): it notices every accident a disk can make; it does not keep anybody from changing a project on purpose.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import xxhash

DIGEST, FILES, MARKER, DATASET = "digest", "checksums", ".done", "dataset.json"
LARGE = (
    64 << 20
)  # bytes of an array that is mapped and not read whole: left to the start of a run and to `assay verify`
BLOCK = 1 << 22


def file_digest(path: Path) -> str:
    """Hash of a file's bytes. Cost: one reading, 5 GB a second from memory."""
    state = xxhash.xxh3_128()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            state.update(block)
    return state.hexdigest()


def digest_of(data: bytes) -> str:
    return xxhash.xxh3_128_hexdigest(data)


# JSON objects --------------------------------------------------------------------------------------------------


def json_bytes(value: object) -> bytes:
    """How a project writes JSON; an object gets a digest of its own text."""
    if isinstance(value, dict):
        value = value | {DIGEST: digest_of(_text({key: value[key] for key in value if key != DIGEST}))}
    return _text(value)


def _text(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def parse_json(data: bytes) -> Any:
    """The value without its digest. ValueError where it is not what was written; objects without a digest are taken."""
    value = json.loads(data)
    if not isinstance(value, dict):
        return value
    if DIGEST not in value:
        if _misnamed(value):
            raise ValueError("its checksum has lost its name")
        return value
    if json_bytes(value) != data:
        raise ValueError("its checksum does not fit")
    del value[DIGEST]
    return value


def _misnamed(value: dict[str, Any]) -> bool:
    """Is the checksum there under another name?"""
    for name, said in value.items():
        if isinstance(said, str) and len(said) == 32:
            rest = {key: value[key] for key in value if key != name}
            if digest_of(_text(rest)) == said:
                return True
    return False


# groups of files -----------------------------------------------------------------------------------------------


def listed(root: Path, names: list[str]) -> dict[str, list[Any]]:
    """What a record says of the files it guards: name -> [bytes, digest]; names are those in the record's own folder."""
    return {Path(name).name: [(root / name).stat().st_size, file_digest(root / name)] for name in sorted(set(names))}


def guarded(record: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Name -> (bytes, digest) of what a record guards; what is not of this form guards nothing."""
    value = record.get(FILES)
    found = {}
    for name, said in value.items() if isinstance(value, dict) else ():
        sound = isinstance(said, list) and len(said) == 2 and isinstance(said[0], int) and isinstance(said[1], str)
        if sound and "/" not in name and name not in ("", ".", ".."):
            found[name] = (said[0], said[1])
    return found


def is_whole(record: dict[str, Any], folder: Path) -> bool:
    """Are all the files of a record there, and what was written? Records of older versions list none, and count."""
    return not faults_of(record, folder)


def faults_of(record: dict[str, Any], folder: Path) -> dict[str, str]:
    """Name -> "missing" or "damaged", of the files that a record lists."""
    faults = {}
    for name, (size, digest) in guarded(record).items():
        path = folder / name
        try:
            if path.stat().st_size != size or _kept_digest(path, *_identity(path)) != digest:
                faults[name] = "damaged"
        except OSError:
            faults[name] = "missing"
    return faults


def fits(path: Path, *, mapped: bool = False) -> bool:
    """Is a file what its record says? True where no record speaks of it: it is being written, or older."""
    try:
        identity = _identity(path)
    except OSError:
        return True
    if mapped and identity[0] > LARGE:
        return True
    said = _said(path)
    return said is None or (said[0] == identity[0] and said[1] == _kept_digest(path, *identity))


def is_listed(path: Path) -> bool:
    """Does a record beside a file speak of it?"""
    return _said(path) is not None


def _said(path: Path) -> tuple[int, str] | None:
    """(bytes, digest) that the record beside a file has of it."""
    for record in _records_of(path):
        files = _record(record, _stamp(record))
        if path.name in files:
            return files[path.name]
    return None


def _records_of(path: Path) -> list[Path]:
    """The records that may speak of a file: ``all.done`` of all.npy, all.rows.npy, all-00001.parquet; ``dataset.json``."""
    found = [path.with_name(DATASET)] if path.name != DATASET else []
    name = path.name
    ends = [at for at, letter in enumerate(name) if letter in ".-" and at]
    found += [path.with_name(name[:at] + MARKER) for at in reversed(ends)]
    return [record for record in found if record.is_file() and record != path]


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _identity(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


@lru_cache(maxsize=4_096)
def _record(path: Path, stamp: tuple[int, int]) -> dict[str, tuple[int, str]]:
    try:
        value = parse_json(path.read_bytes())
    except (OSError, ValueError):
        return {}  # whoever reads the record itself says so
    return guarded(value) if isinstance(value, dict) else {}


@lru_cache(maxsize=65_536)
def _kept_digest(path: Path, size: int, changed: int, inode: int) -> str:
    """A file that has not been touched since is not read again by this process."""
    return file_digest(path)
