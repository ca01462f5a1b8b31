"""Small files that hold very many pixels, and what decoding one of them costs.

Used by the tests (some millions of pixels) and by ``benchmarks/attacks.py`` (119 million, one below the limit).
"""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

GRAY, COLOUR, PALETTE, GRAY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6  # of PNG
CHANNELS = {GRAY: 1, COLOUR: 3, PALETTE: 1, GRAY_ALPHA: 2, COLOUR_ALPHA: 4}
TURNED = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # EXIF that turns by 90 degrees
ROUGH = 300  # MB that a process takes beside the pixels, its libraries not counted


def png(width: int, height: int, bits: int, colour: int, *, turned: bool = False) -> bytes:
    """A black picture; a palette is transparent."""
    row, packer = bytes(1 + (width * CHANNELS[colour] * bits + 7) // 8), zlib.compressobj(1)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    parts = [b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)]
    parts += [b"PLTE" + bytes(3 << bits), b"tRNS" + bytes(1 << bits)] if colour == PALETTE else []
    parts += [b"eXIf" + TURNED] if turned else []
    parts += [b"IDAT" + pixels, b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts
    )


def icon(picture: bytes) -> bytes:
    """An ICO whose directory claims 16 by 16 pixels, whatever the PNG in it holds."""
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(picture), 22) + picture


def tiles(side: int) -> bytes:
    """A TIFF of 64 by 64 pixels in one tile of ``side`` by ``side``."""
    packer = zlib.compressobj(1)
    tile = b"".join(packer.compress(bytes(side * 3)) for _ in range(side)) + packer.flush()
    tags = [
        (256, 64),
        (257, 64),
        (258, 8),
        (259, 8),
        (262, 2),
        (277, 3),
        (322, side),
        (323, side),
        (324, 0),
        (325, len(tile)),
    ]
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, start if tag == 324 else value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + tile


def saved(width: int, height: int, mode: str, kind: str, **options: object) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new(mode, (width, height)).save(out, kind, **options)
    return out.getvalue()


def kinds(width: int, height: int) -> dict[str, Callable[[], bytes]]:
    """Name -> what makes a picture of so many pixels."""
    made: dict[str, Callable[[], bytes]] = {
        f"{name}, {bits} bits": lambda bits=bits, colour=colour: png(width, height, bits, colour)
        for name, colour in (("gray", GRAY), ("gray and alpha", GRAY_ALPHA), ("colour", COLOUR), ("colour and alpha", COLOUR_ALPHA))
        for bits in (8, 16)
    }  # fmt: skip
    return made | {
        "1 bit": lambda: png(width, height, 1, GRAY),
        "palette with alpha": lambda: png(width, height, 8, PALETTE),
        "colour and alpha, 16 bits, turned": lambda: png(width, height, 16, COLOUR_ALPHA, turned=True),
        "JPEG": lambda: saved(width, height, "RGB", "JPEG"),
        "progressive JPEG": lambda: saved(width, height, "RGB", "JPEG", progressive=True),
        "JPEG of four inks": lambda: saved(width, height, "CMYK", "JPEG"),
        "GIF": lambda: saved(width, height, "L", "GIF"),
        "floating TIFF": lambda: saved(width, height, "F", "TIFF", compression="tiff_adobe_deflate"),
        "in an icon": lambda: icon(png(width, height, 8, COLOUR_ALPHA)),
    }


COST = """
import json, pathlib, sys
from assay.encode import pixels

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) >> 10

data = pathlib.Path(sys.argv[1]).read_bytes()
before, said = peak(), ""
try:
    pixels.deep_range(data)
    picture = pixels.decode(data)
    pixels.properties(picture), pixels.thumbnail(picture.rgb), pixels.pixel_hash(picture.rgb)
    said = f"{picture.width} x {picture.height}"
except pixels.UndecodableError as error:
    said = str(error)
print(json.dumps([peak() - before, said]))
"""


def cost(data: bytes) -> tuple[int, str]:
    """(MB that reading and measuring a picture takes, beside the file, what it says of it), in a process of its own."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        ran = subprocess.run([sys.executable, "-c", COST, file.name], capture_output=True, text=True, check=True)
    megabytes, said = json.loads(ran.stdout)
    return megabytes, said
