"""Images: learn the encoders' states on a sample, then one decode a picture feeds everything that looks at pixels.

In: dataset rows with a uri or a blob. Out: a shard's vectors, properties, hashes, thumbnails.
Does not know: labels, other shards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.dataset.dataset import read_blobs, read_rows
from assay.dataset.scope import read_scope
from assay.encode import pixels
from assay.encode.image_encoders import ImageEncoder, image_encoders
from assay.sources.reading import UnreadableError, read_bytes
from assay.stages.specs import DatasetSpec
from assay.stages.stage import setting, stage
from assay.storage import Folder

BUILT_IN = ""
AT_ONCE = 512  # rows whose places are read together
TOO_LARGE = "the picture does not fit into memory"
Read = tuple[int, bytes | None, pixels.Picture | None, str | None]


Levels = tuple[tuple[str, float, float], ...]  # kind of numbers, what black and white are


def _pictures(folder: Folder, dataset: str, rows: Sequence[int], levels: Levels) -> Iterator[Read]:
    """(row, bytes, picture, reason) for ascending row numbers; a picture or a reason, never both."""
    known = {kind: (black, white) for kind, black, white in levels}
    for row, data, reason in _files(folder, dataset, rows):
        if data is None:
            yield row, None, None, reason
            continue
        try:
            yield row, data, pixels.decode(data, known), None
        except pixels.UndecodableError as error:
            yield row, None, None, str(error)
        except MemoryError:
            yield row, None, None, TOO_LARGE


def _files(folder: Folder, dataset: str, rows: Sequence[int]) -> Iterator[tuple[int, bytes | None, str | None]]:
    """(row, bytes, reason) for ascending row numbers; bytes or a reason, never both."""
    scope = read_scope(folder, dataset, written_here=True)
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        first, last = some[0], some[-1]
        table = read_rows(folder, dataset, first, last + 1, ["uri", "reason"]).take([row - first for row in some])
        blobs = read_blobs(folder, dataset, some)
        for row, uri, reason in zip(some, table["uri"].to_pylist(), table["reason"].to_pylist(), strict=True):
            if reason is not None:
                yield row, None, reason
                continue
            try:
                yield row, blobs[row] if row in blobs else read_bytes(uri, scope), None
            except UnreadableError as error:
                yield row, None, str(error)
            except MemoryError:
                yield row, None, TOO_LARGE


def page_thumbnails(folder: Folder, dataset: str, rows: Sequence[int], levels: Levels) -> dict[int, NDArray[np.uint8]]:
    """By row number the upright thumbnail of each picture that is a page. ``rows`` ascend."""
    from assay.duplicates.images import page_thumbnail

    found = {}
    for row, _, picture, _ in _pictures(folder, dataset, rows, levels):
        page = page_thumbnail(pixels.luma(picture.rgb)) if picture is not None else None
        if page is not None:
            found[row] = page
    return found


@dataclass(frozen=True, kw_only=True)
class LevelsSpec(DatasetSpec):
    sample: tuple[int, ...]


@dataclass(frozen=True)
class LevelsFound:
    """Of each kind of numbers what black and white are; () where no picture of the sample has more than 8 bits."""

    levels: Levels


@stage(version=2)
def levels(folder: Folder, prefix: str, spec: LevelsSpec) -> LevelsFound:
    """What black and white are in pictures of more than 8 bits, one range a dataset."""
    ranges = []
    for _, data, _ in _files(folder, spec.dataset, sorted(spec.sample)):
        try:
            found = pixels.deep_range(data) if data is not None else None
        except (pixels.UndecodableError, MemoryError):
            continue
        if found is not None:
            ranges.append(found)
    return LevelsFound(tuple((kind, *of) for kind, of in pixels.common_levels(ranges).items()))


def _encoder(name: str, load: str) -> ImageEncoder:
    """The encoder a stage names: a built-in one, or the model or folder the user named."""
    found = image_encoders([] if load == BUILT_IN else [load])
    return next(encoder for encoder in found if encoder.name == name)


@dataclass(frozen=True, kw_only=True)
class FitSpec(DatasetSpec):
    """``sample``: row numbers in random order; ``load``: "" for a built-in encoder, else the model or folder named."""

    sample: tuple[int, ...]
    encoder: str
    load: str
    seed: int = setting()
    levels: tuple[tuple[str, float, float], ...] = setting()


@dataclass(frozen=True)
class Fitted:
    sample: int


@stage(version=2)
def fit(folder: Folder, prefix: str, spec: FitSpec) -> Fitted:
    """Fit one encoder's state on the sample rows; in ``.sample.npz`` their vectors, so that nobody encodes them again."""
    encoder = _encoder(spec.encoder, spec.load)
    prepared: list[NDArray[Any]] = []
    rows: list[int] = []
    sample = sorted(spec.sample[: encoder.sample])  # the sample is in random order
    for row, _, picture, _ in _pictures(folder, spec.dataset, sample, spec.levels):
        if picture is not None:
            rows.append(row)
            prepared.append(encoder.prepare(picture))
    state, vectors = encoder.fit(prepared, seed=spec.seed) if prepared else ({}, np.zeros((0, 1), np.float32))
    folder.put_arrays(f"{prefix}.npz", state)
    known: dict[str, NDArray[Any]] = {"rows": np.array(rows, np.int64), "vectors": vectors.astype(np.float16)}
    folder.put_arrays(f"{prefix}.sample.npz", known)
    return Fitted(len(prepared))


@dataclass(frozen=True, kw_only=True)
class EncodeSpec:
    """``states``: encoder -> prefix of its fitted state; ``pixels``: also measure the pictures themselves."""

    dataset: str
    start: int
    stop: int
    encoders: tuple[str, ...]
    load: str
    states: dict[str, str]
    pixels: bool = setting()
    levels: tuple[tuple[str, float, float], ...] = setting()


@dataclass(frozen=True)
class Encoded:
    rows: int
    unreadable: int


@stage(version=4)
def encode(folder: Folder, prefix: str, spec: EncodeSpec) -> Encoded:
    """One shard of rows: decode each picture once; write vectors of the readable rows and properties of all."""
    encoders = {name: _encoder(name, spec.load) for name in spec.encoders}
    samples = {name: folder.get_arrays(f"{spec.states[name]}.sample.npz") for name in encoders}
    known = {name: set(sample["rows"].tolist()) for name, sample in samples.items()}
    prepared: dict[str, list[NDArray[Any]]] = {name: [] for name in encoders}
    records: list[dict[str, Any]] = []
    thumbs: list[bytes] = []
    tiny: list[NDArray[np.uint8]] = []
    rows: list[int] = []
    for row, data, picture, reason in _pictures(folder, spec.dataset, range(spec.start, spec.stop), spec.levels):
        if picture is None or data is None:
            records.append({"row": row, "reason": reason})
            continue
        rows.append(row)
        for name, encoder in encoders.items():
            if row not in known[name]:
                prepared[name].append(encoder.prepare(picture))
        if spec.pixels:
            tiny.append(pixels.tiny(picture.coarse))
            thumbs.append(pixels.thumbnail(picture.coarse))
            hashes = {"file_hash": pixels.file_hash(data), "pixel_hash": pixels.pixel_hash(picture.rgb)}
            records.append({"row": row, "reason": None} | hashes | pixels.properties(picture))
        else:
            records.append({"row": row, "reason": None})
    for name, encoder in encoders.items():
        state = folder.get_arrays(f"{spec.states[name]}.npz")
        vectors = encoder.encode(prepared[name], state).astype(np.float16) if prepared[name] else None
        folder.put_array(f"{prefix}.{name}.npy", _with_sample(np.array(rows, np.int64), vectors, samples[name]))
    if spec.pixels:
        folder.put_array(f"{prefix}.tiny.npy", np.array(tiny, np.uint8).reshape(-1, 32, 32))
        folder.put_table(
            f"{prefix}.thumbs.parquet",
            pa.table({"row": pa.array(rows, pa.int64()), "jpeg": pa.array(thumbs, pa.binary())}),
        )
    folder.put_table(f"{prefix}.properties.parquet", _property_table(records))
    folder.put_array(f"{prefix}.rows.npy", np.array(rows, np.int64))
    return Encoded(len(rows), len(records) - len(rows))


def _with_sample(
    rows: NDArray[np.int64], encoded: NDArray[np.float16] | None, sample: Mapping[str, NDArray[Any]]
) -> NDArray[np.float16]:
    """(n, d) vectors of ``rows``: of those of the sample as `fit` kept them, ``encoded`` of the others; both ascend."""
    known = np.isin(rows, sample["rows"])
    out = np.zeros((len(rows), sample["vectors"].shape[1]), np.float16)
    out[known] = sample["vectors"][np.searchsorted(sample["rows"], rows[known])]
    if encoded is not None:
        out[~known] = encoded
    return out


def _property_table(records: list[dict[str, Any]]) -> pa.Table:
    fields = [("row", pa.int64()), ("reason", pa.string()), ("file_hash", pa.string()), ("pixel_hash", pa.string())]
    fields += [(name, pa.float64()) for name in pixels.PROPERTY_NAMES]
    return pa.Table.from_pylist(records, schema=pa.schema(fields))


@dataclass(frozen=True, kw_only=True)
class WindowsSpec(DatasetSpec):
    """Pictures ``start`` to ``stop`` of the file ``chosen``, positions in the file ``rows`` of row numbers; ``state``: prefix
    of what the encoder learned."""

    chosen: str
    rows: str
    start: int
    stop: int
    state: str
    levels: tuple[tuple[str, float, float], ...] = setting()


@dataclass(frozen=True)
class Windowed:
    rows: int


@stage(version=2)
def windows(folder: Folder, prefix: str, spec: WindowsSpec) -> Windowed:
    """Reopen plausible pictures; (n, 1 + windows, d) vectors of `Lite0.windows`, NaN where a picture cannot be read now."""
    from assay.encode.image_encoders import Lite0, window_bounds

    encoder, state = Lite0(), folder.get_arrays(f"{spec.state}.npz")
    numbers = folder.get_array(spec.rows)[folder.get_array(spec.chosen)[spec.start : spec.stop]]
    dims = state["project"].shape[1] if "project" in state else len(state["mean"])
    out = np.full((len(numbers), 1 + len(window_bounds()), dims), np.nan, np.float16)
    for at, (_, _, picture, _) in enumerate(_pictures(folder, spec.dataset, numbers.tolist(), spec.levels)):
        if picture is not None:
            out[at] = encoder.windows(picture, state)
    folder.put_array(f"{prefix}.npy", out)
    return Windowed(len(numbers))


@dataclass(frozen=True, kw_only=True)
class VerifySpec:
    """Pairs ``start`` to ``stop`` of the file ``pairs``, positions in the file ``rows`` of row numbers."""

    dataset: str
    pairs: str
    rows: str
    start: int
    stop: int
    levels: tuple[tuple[str, float, float], ...] = setting()


@dataclass(frozen=True)
class Verified:
    pairs: int
    kept: int


@stage(version=5)
def verify(folder: Folder, prefix: str, spec: VerifySpec) -> Verified:
    """Reopen the pictures of plausible duplicate pairs and keep what the evidence proves."""
    from assay.duplicates.images import Description, describe, verify_pair

    pairs = folder.get_array(spec.pairs)[spec.start : spec.stop]
    numbers = folder.get_array(spec.rows)
    index_of = {int(numbers[index]): index for index in np.unique(pairs).tolist()}
    seen: dict[int, Description] = {}
    for row, _, picture, _ in _pictures(folder, spec.dataset, sorted(index_of), spec.levels):
        if picture is not None:
            seen[index_of[row]] = describe(picture.rgb)
    kept: list[tuple[int, int, str, float]] = []
    for a, b in pairs.tolist():
        proof = verify_pair(seen[a], seen[b]) if a in seen and b in seen else None
        if proof is not None:
            kept.append((a, b, proof[0], float(proof[1])))
    columns: list[Any] = list(zip(*kept, strict=True)) if kept else [[], [], [], []]
    schema = pa.schema(
        [("row_a", pa.int64()), ("row_b", pa.int64()), ("kind", pa.string()), ("similarity", pa.float32())]
    )
    folder.put_table(
        f"{prefix}.parquet",
        pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema),
    )
    return Verified(len(pairs), len(kept))
