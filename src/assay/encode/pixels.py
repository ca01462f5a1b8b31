"""One decode of one picture, and everything cheap that looks at its pixels.

In: the bytes of an image file. Out: RGB pixels, hashes, a thumbnail, properties. Does not know: files, datasets, labels.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
import simplejpeg
import xxhash
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 120_000_000
STRIP = 1 << 20  # pixels that are converted at once, so that a large picture has one copy of itself and not five
SAMPLE = 1 << 24  # values above which every nth tells the range of a picture
COARSE = 160
JUDGED_SIDE = 48  # pixels of the shorter side below which a picture is too small to be called blurred
# named one by one: some readers of Pillow start other programs (EPS), others take almost any bytes for a picture (TGA)
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO")
ALPHA = frozenset({"RGBA", "RGBa", "LA", "La", "PA"})
HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
STRANGERS = {
    b"<!doctype html": "the file is a web page (HTML), not an image",
    b"<html": "the file is a web page (HTML), not an image",
    b"<svg": "the file is a vector drawing (SVG); convert it to PNG",
    b"<?xml": "the file is XML, not an image of pixels",
    b"%pdf": "the file is a PDF, not an image",
    b"version https://git-lfs": "the file is a Git LFS pointer, not the image; run git lfs pull",
    b"pk\x03\x04": "the file is a ZIP, not an image",
}
SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
}
Rgb = NDArray[np.uint8]
Levels = Mapping[str, tuple[float, float]]  # kind of numbers -> what black and white are
T = TypeVar("T")
PROPERTY_NAMES = (
    "width",
    "height",
    "brightness_p1",
    "brightness_p5",
    "brightness_p50",
    "brightness_p95",
    "brightness_p99",
    "contrast",
    "entropy",
    "sharpness",
    "edge_density",
    "colourfulness",
)


class DeepRange(NamedTuple):
    """The values of one picture, without the outermost in a thousand."""

    kind: str  # "whole" or "floating" numbers
    low: float
    high: float


class UndecodableError(Exception):
    """Why a picture cannot be decoded, in words for a person."""


@dataclass(frozen=True)
class Picture:
    """``rgb``: uint8 (height, width, 3) after EXIF orientation, alpha over white."""

    rgb: Rgb
    grayscale: bool

    @property
    def width(self) -> int:
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        return int(self.rgb.shape[0])

    @cached_property
    def coarse(self) -> Rgb:
        """The picture averaged over squares of as many pixels as leave its shorter side at least `COARSE`.

        What looks at no more than that many pixels starts from here: a whole-number reduction costs a fifth of any other.
        """
        factor = min(self.rgb.shape[:2]) // COARSE
        if factor < 2:
            return self.rgb
        below, right = -self.height % factor, -self.width % factor
        whole = cv2.copyMakeBorder(self.rgb, 0, below, 0, right, cv2.BORDER_REPLICATE) if below or right else self.rgb
        return resized(whole, whole.shape[1] // factor, whole.shape[0] // factor)


def decode(data: bytes, levels: Levels | None = None) -> Picture:
    """The first frame of a picture in one of `FORMATS`. `UndecodableError` for damage, bombs and what is no image.

    Size is checked in the header, before pixels are allocated. Pixels of more than 8 bits and floating ones are scaled to
    8 bits: by the range that the file's own tags give, else by ``levels`` of `common_levels`, else by their own values.
    """
    return _opened(data, lambda image: _picture(image, data, levels))


def deep_range(data: bytes) -> DeepRange | None:
    """The range of a picture's values where they have more than 8 bits and no tag gives it; None for all others."""

    def measure(image: Any) -> DeepRange | None:
        values = _deep_values(image, data)
        if values is None or _tagged_levels(image) is not None:
            return None
        some = values.ravel()
        some = _finite(some[:: 1 + len(some) // SAMPLE], _lowest(values))
        low, high = np.percentile(some, (0.1, 99.9))
        return DeepRange(_kind(image), float(low), float(high))

    return _opened(data, measure)


def common_levels(ranges: Sequence[DeepRange]) -> dict[str, tuple[float, float]]:
    """What black and white are in a dataset, for whole numbers and for floating ones, from the ranges of some pictures.

    Cameras and scanners put 10, 12 or 14 bits into files of 16, tomographs count from -1,024: which of these it is shows
    in the whole dataset only. Were each picture scaled by its own values, a dim one would become bright, and neither brightness nor
    copies could be judged.
    """
    levels = {}
    for kind in sorted({one.kind for one in ranges}):
        low = float(np.percentile([one.low for one in ranges if one.kind == kind], 1))
        high = float(np.percentile([one.high for one in ranges if one.kind == kind], 99))
        levels[kind] = _usual(low, high, kind)
    return levels


def _usual(low: float, high: float, kind: str) -> tuple[float, float]:
    if low < 0:
        return (-1.0, 1.0) if kind == "floating" and low >= -1 and high <= 1 else (low, high)
    tops = (1.0, 255.0, 65_535.0) if kind == "floating" else (255.0, 1_023.0, 4_095.0, 16_383.0, 65_535.0)
    return 0.0, next((top for top in tops if high <= top), high)


def _opened(data: bytes, use: Callable[[Any], T]) -> T:
    if not data:
        raise UndecodableError("the file is empty (zero bytes)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _check_size(_size_in_icon(data) or (0, 0))
            image: Any = Image.open(io.BytesIO(data), formats=_formats())
            _check_size(_size(image))
            return use(image)
        except (UndecodableError, MemoryError):
            raise
        except UnidentifiedImageError as error:
            raise UndecodableError(_not_an_image(data)) from error
        except Image.DecompressionBombError as error:
            raise UndecodableError("the picture claims too many pixels (decompression bomb?)") from error
        except Exception as error:  # readers of twelve formats, fed with damage, raise anything
            raise UndecodableError(_damage(error)) from error


def claimed_pixels(data: bytes) -> int:
    """Width times height that a decode has to make room for, as the head of a picture says; 0 for what is none."""
    try:
        width, height = _size_in_icon(data) or _size(Image.open(io.BytesIO(data), formats=_formats()))
    except Exception:  # readers of many formats raise anything; the decode will say what is wrong
        return 0
    return width * height


def _size(image: Any) -> tuple[int, int]:
    """(width, height) of a picture, or of its tiles where they are larger, as in a TIFF they may be."""
    tile = [int(image.tag_v2.get(tag, 0)) for tag in (322, 323)] if image.format == "TIFF" else [0, 0]
    return image.size if image.width * image.height >= tile[0] * tile[1] else (tile[0], tile[1])


def _size_in_icon(data: bytes) -> tuple[int, int] | None:
    """(width, height) of the largest PNG in an ICO, which Pillow decodes when it opens the file, whatever its directory says."""
    if data[:4] != b"\0\0\1\0":
        return None
    places = (int.from_bytes(data[at + 12 : at + 16], "little") for at in range(6, 6 + 16 * data[4], 16))
    heads = (data[place : place + 24] for place in places)
    sizes = [struct.unpack(">II", head[16:]) for head in heads if head[:4] == b"\x89PNG" and len(head) == 24]
    return max(sizes, key=lambda size: int(size[0] * size[1]), default=None)


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise UndecodableError(f"the picture claims {width:,} x {height:,} pixels (decompression bomb?)")


def _picture(image: Any, data: bytes, levels: Levels | None) -> Picture:
    if (rgb := _sound_jpeg(image, data)) is not None:
        return _coloured(rgb)
    values = _deep_values(image, data)
    if values is None:
        return _to_rgb(_upright(image))
    kind, lowest = _kind(image), _lowest(values)
    black, white = _tagged_levels(image) or (levels or {}).get(kind) or _own_levels(values, lowest, kind)
    scaled = np.empty(values.shape, np.uint8)
    for rows in _strips(*values.shape[:2]):
        part = (_finite(values[rows], lowest) - black) * (255 / max(white - black, 1e-30))
        scaled[rows] = np.clip(np.rint(part), 0, 255)
    del values
    if scaled.ndim == 3:  # OpenCV puts blue first
        scaled[..., [0, 2]] = scaled[..., [2, 0]]
    # Pillow turns what stands in its own pictures: the same orientation on the scaled pixels
    turned = Image.fromarray(scaled)
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation != 1:
        turned.getexif()[ExifTags.Base.Orientation] = orientation
    return _to_rgb(_upright(turned))


def _strips(height: int, width: int) -> Iterator[slice]:
    """Rows of a picture, some `STRIP` pixels at once."""
    step = max(1, STRIP // max(width, 1))
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def _deep_values(image: Any, data: bytes) -> NDArray[Any] | None:
    """(h, w), or (h, w, 3 or 4) with blue first, as they are stored, where a picture has more than 8 bits a channel; None for
    all others."""
    if image.mode.startswith("I") or image.mode == "F":
        image.load()
        return np.asarray(image)
    if not _deep_colour(image, data):
        return None
    # Pillow keeps the upper 8 bits of each: of 12 bits in 16 only four would be left
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return stored if stored is not None and stored.ndim == 3 and stored.shape[2] in (3, 4) else None


def _lowest(values: NDArray[Any]) -> float:
    """What stands for values that are not finite: the lowest finite one, or 0 where that is lower."""
    lowest = 0.0
    if values.dtype.kind == "f":
        for rows in _strips(*values.shape[:2]):
            part = values[rows]
            lowest = min(lowest, float(part[np.isfinite(part)].min(initial=0)))
    return lowest


def _finite(values: NDArray[Any], lowest: float) -> NDArray[np.float32]:
    numbers = values.astype(np.float32)
    if values.dtype.kind == "f":
        numbers[~np.isfinite(numbers)] = lowest
    return numbers


def _own_levels(values: NDArray[Any], lowest: float, kind: str) -> tuple[float, float]:
    ends = [
        (float(part.min()), float(part.max()))
        for part in (_finite(values[rows], lowest) for rows in _strips(*values.shape[:2]))
    ]
    return _usual(min(low for low, _ in ends), max(high for _, high in ends), kind)


def _deep_colour(image: Any, data: bytes) -> bool:
    """Whether a colour PNG or TIFF has 16 bits a channel."""
    if image.format == "PNG":
        return len(data) > 25 and data[24] == 16
    bits = image.tag_v2.get(258, ()) if image.format == "TIFF" else ()
    return isinstance(bits, tuple) and len(bits) >= 3 and min(bits) > 8


def _kind(image: Any) -> str:
    return "floating" if image.mode == "F" else "whole"


def _tagged_levels(image: Any) -> tuple[float, float] | None:
    """Black and white as a TIFF's own tags have them: SMin and SMaxSampleValue, or Min and MaxSampleValue."""
    tags = getattr(image, "tag_v2", {})
    for least, most in ((340, 341), (280, 281)):
        if most in tags:
            low, high = _number(tags.get(least, 0), min), _number(tags[most], max)
            if low is not None and high is not None and high > low:
                return low, high
    return None


def _number(value: Any, of: Callable[[Any], Any]) -> float | None:
    try:
        number = float(of(value)) if isinstance(value, tuple) else float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


@cache
def _formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _sound_jpeg(image: Any, data: bytes) -> Rgb | None:
    """The pixels of an upright colour JPEG without a fault; None for all others.

    The same pixels as Pillow's in two thirds of the time. What is damaged in any way is left to Pillow, which has the last
    word on what can still be read.
    """
    if image.format != "JPEG" or image.mode != "RGB":
        return None
    try:
        return simplejpeg.decode_jpeg(data) if _stands_upright(image) else None
    except MemoryError:
        raise
    except Exception:
        return None


def _upright(image: Any) -> Any:
    """EXIF orientation applied; where the EXIF block is damaged, the pixels as they are."""
    try:
        return image if _stands_upright(image) else ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception:  # the picture itself is whole
        return image


def _stands_upright(image: Any) -> bool:
    return bool(image.getexif().get(ExifTags.Base.Orientation, 1) == 1)


def _damage(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    truncated = any(
        word in text.lower() for word in ("truncated", "not enough", "broken data stream", "unexpected end")
    )
    return "the image file is truncated" if truncated else f"the image cannot be decoded: {text[:120]}"


def _not_an_image(data: bytes) -> str:
    """What the file seems to be instead, and what to do where that is known."""
    head = data[:256].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, said in STRANGERS.items():
        if head.startswith(start):
            return said
    if data[4:8] == b"ftyp":
        heic = data[8:12] in HEIC
        return "the picture is HEIC, which is not read yet; convert it to JPEG" if heic else "the file is a video"
    for start, name in SIGNATURES.items():
        if data.startswith(start):
            return f"the {name} file is truncated or damaged"
    if not any(byte < 9 for byte in data[:256]):
        return "the file holds text, not an image"
    return "the file is not an image of a known kind"


def _to_rgb(image: Any) -> Picture:
    image.load()
    gray = image.mode in ("1", "L") and "transparency" not in image.info
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for rows in _strips(*rgb.shape[:2]):
        whole = len(rgb) == rows.stop - rows.start
        part = image if whole else image.crop((0, rows.start, image.width, rows.stop))
        if gray:
            rgb[rows] = np.asarray(part.convert("L"))[..., None]
            continue
        if part.mode in ALPHA or "transparency" in part.info:
            part = part.convert("RGBA")
            part = Image.alpha_composite(Image.new("RGBA", part.size, (255, 255, 255, 255)), part)
        rgb[rows] = np.asarray(part if part.mode == "RGB" else part.convert("RGB"))
    return Picture(rgb, True) if gray else _coloured(rgb)


def _coloured(rgb: Rgb) -> Picture:
    """Most pictures show within a few pixels that they are not grey."""
    return Picture(rgb, _is_gray(rgb[::16, ::16]) and _is_gray(rgb))


def _is_gray(rgb: Rgb) -> bool:
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


def file_hash(data: bytes) -> str:
    """128-bit hash of the file, hexadecimal."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def pixel_hash(rgb: Rgb) -> str:
    """128-bit hash of size and decoded pixels: equal for re-wrapped copies."""
    state = xxhash.xxh3_128(f"{rgb.shape[0]}x{rgb.shape[1]}".encode())
    state.update(np.ascontiguousarray(rgb).data)
    return state.hexdigest()


def resized(rgb: Rgb, width: int, height: int) -> Rgb:
    """Area-averaged where it shrinks, linear where it grows."""
    shrink = width * height < rgb.shape[0] * rgb.shape[1]
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR))


def sampled(rgb: Rgb, width: int, height: int) -> Rgb:
    """Linear to a whole multiple of the size that shrinks no direction to less than half, then averaged. Crisper than
    `resized`, and three times as fast."""
    multiple = max(-(-rgb.shape[1] // (2 * width)), -(-rgb.shape[0] // (2 * height)))
    large = np.asarray(cv2.resize(rgb, (width * multiple, height * multiple), interpolation=cv2.INTER_LINEAR))
    return large if multiple == 1 else resized(large, width, height)


def luma(rgb: Rgb) -> Rgb:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def thumbnail(rgb: Rgb, side: int = 160) -> bytes:
    """JPEG whose longer side is at most ``side``; small pictures are not enlarged."""
    scale = min(1.0, side / max(rgb.shape[:2]))
    small = sampled(rgb, max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))) if scale < 1 else rgb
    done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return bytes(jpeg.tobytes()) if done else b""


def tiny(rgb: Rgb) -> Rgb:
    """uint8 (32, 32): area-averaged luma, for duplicate candidates."""
    return resized(luma(rgb), 32, 32)


def properties(picture: Picture) -> dict[str, float]:
    """What the image checks need, each a float.

    brightness_p*: percentiles of luma, 0..1. contrast: their standard deviation. entropy: bits of the luma histogram.
    sharpness: how much of the coarse gradient at the strongest edges remains at the finest scale (see `_sharpness`).
    edge_density: share of pixels on a noticeable edge. colourfulness: mean absolute difference of channels, 0..1, without
    fine grain.
    """
    rgb = picture.rgb
    scale = min(1.0, 512 / max(rgb.shape[:2]))
    small = resized(rgb, max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))) if scale < 1 else rgb
    gray = luma(small)
    counts = _histogram(gray)
    p = [_centile(counts, q) / 255 for q in (1, 5, 50, 95, 99)]
    shares = counts / gray.size
    filled = shares[shares > 0]
    sharp, dense = _sharpness(gray)
    values = (
        picture.width,
        picture.height,
        *p,
        _spread(counts) / 255,
        -(filled * np.log2(filled)).sum(),
        sharp,
        dense,
        _colourfulness(picture.coarse),
    )
    return {name: float(value) for name, value in zip(PROPERTY_NAMES, values, strict=True)}


def _histogram(gray: Rgb) -> NDArray[np.int64]:
    """Pixels of each value 0..255."""
    return np.asarray(cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel(), np.int64)


def _spread(counts: NDArray[np.int64]) -> float:
    """Standard deviation of the values that were counted."""
    values = np.arange(256)
    mean = counts @ values / counts.sum()
    return float(np.sqrt(counts @ (values - mean) ** 2 / counts.sum()))


def _centile(counts: NDArray[np.int64], q: float) -> int:
    """The smallest value that at least ``q`` % of the pixels do not exceed; ``counts``: pixels of each value."""
    return int(np.searchsorted(np.cumsum(counts), q / 100 * counts.sum()))


def _colourfulness(rgb: Rgb) -> float:
    """Mean distance of a channel from the mean of its pixel's channels, 0..1."""
    thrice = cv2.transform(rgb.astype(np.int16), np.array([[2, -1, -1], [-1, 2, -1], [-1, -1, 2]], np.float32))
    return cv2.norm(thrice, cv2.NORM_L1) / (3 * 255 * rgb.size)


def _sharpness(gray: Rgb) -> tuple[float, float]:
    """(sharpness, edge density).

    A blurred edge has nearly the same contrast over a distance of four pixels as over one; a sharp edge reaches it within
    one. So the ratio of the finest difference to the coarse one, at the strongest coarse edges, measures blur whatever the
    subject: plain pictures with one sharp edge pass, whole blurred ones do not.
    """
    if min(gray.shape) < JUDGED_SIDE:
        return 1.0, 1.0
    ratios = []
    density = 0.0
    for image in (gray, cv2.transpose(gray)):
        fine = cv2.absdiff(image[1:], image[:-1])
        coarse = cv2.absdiff(image[8:], image[:-8])
        best = fine  # in the end the steepest of the eight single steps inside each coarse one
        for step in (1, 2, 4):
            best = cv2.max(best[:-step], best[step:])
        counts = _histogram(np.asarray(coarse, np.uint8))
        strong = np.flatnonzero(coarse > max(16, _centile(counts, 95)))
        density = max(density, float(counts[25:].sum() / coarse.size))
        if len(strong) >= 16:
            ratios.append(float(np.percentile(best.ravel()[strong].astype(np.float32) / coarse.ravel()[strong], 75)))
    return (max(ratios) if ratios else 1.0), density
