"""Arrays of an entry and whole states as bytes, small and quick.

In: arrays, a `State`. Out: bytes, and back. Does not know: databases.

Row numbers are ascending, so their differences are kept: a run of neighbours costs next to nothing.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.actions.entry import Channel, Flags, Numbers, Rows
from assay.actions.state import VALUES, Layers, State

LEVEL = 1  # of zlib: 50,000 scattered rows take 2 ms and 60 KB; level 6 saves a tenth and takes five times as long


def pack_rows(rows: Rows) -> bytes:
    """Ascending row numbers below 2**31."""
    return pack_numbers(np.diff(rows, prepend=0))


def unpack_rows(data: bytes) -> Rows:
    return np.cumsum(unpack_numbers(data), dtype=np.int64)


def pack_numbers(numbers: NDArray[Any]) -> bytes:
    """int32, the bytes of equal weight together, so that small numbers leave long runs of zeros."""
    planes = np.ascontiguousarray(np.asarray(numbers, "<i4").view(np.uint8).reshape(-1, 4).T)
    return zlib.compress(planes.tobytes(), LEVEL)


def unpack_numbers(data: bytes) -> Numbers:
    planes = np.frombuffer(zlib.decompress(data), np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<i4").ravel().astype(np.int32, copy=False)


def pack_flags(flags: Flags) -> bytes:
    return zlib.compress(np.packbits(flags).tobytes(), LEVEL)


def unpack_flags(data: bytes, n: int) -> Flags:
    return np.unpackbits(np.frombuffer(zlib.decompress(data), np.uint8), count=n).astype(bool)


def pack_state(state: State) -> bytes:
    """A state as bytes: only rows that some entry covers, so the size goes with what was decided, not with N."""
    blobs: list[bytes] = []
    channels = []
    for channel in state.channels:
        layers = state.holder(channel)
        assert layers is not None
        rows = np.flatnonzero(layers.latest)
        split = layers.latest is not layers.active
        blobs += [pack_rows(rows), pack_numbers(layers.active[rows])]
        blobs += [pack_numbers(layers.latest[rows]), pack_numbers(layers.last_changed[rows])] if split else []
        blobs += [pack_numbers(values[rows]) for values in layers.values.values()]
        channels.append({"channel": list(channel), "split": split})
    head = {
        "number": state.number,
        "labels": state.labels,
        "people": state.people,
        "undone": sorted(state.undone),
        "texts": [[number, text] for number, text in state.texts.items()],
        "channels": channels,
        "sizes": [len(blob) for blob in blobs],
    }
    return b"".join([json.dumps(head, ensure_ascii=False).encode(), b"\n", *blobs])


def unpack_state(data: bytes, n: int) -> State:
    """The state of a project of ``n`` rows, at least as many as it had then."""
    end = data.index(b"\n")
    head, blobs, start = json.loads(data[:end]), [], end + 1
    for size in head["sizes"]:
        blobs.append(data[start : start + size])
        start += size
    state = State(n)
    state.number, state.undone = head["number"], set(head["undone"])
    for label in head["labels"]:
        state.intern(label)
    state.people = list(head["people"])
    state.texts.update({int(number): text for number, text in head["texts"]})
    parts = iter(blobs)
    for about in head["channels"]:
        channel: Channel = (about["channel"][0], about["channel"][1])
        layers = Layers(channel[0], n)
        rows = unpack_rows(next(parts))
        layers.active[rows] = unpack_numbers(next(parts))
        if about["split"]:
            layers.split()
            layers.latest[rows] = unpack_numbers(next(parts))
            layers.last_changed[rows] = unpack_numbers(next(parts))
        for name in VALUES[channel[0]]:
            layers.values[name][rows] = unpack_numbers(next(parts))
        state.put_channel(channel, layers)
    return state
