"""Pictures of every kind, whole and damaged: pixels, or one reason a person understands."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from assay.encode import pixels
from assay.encode.pixels import PROPERTY_NAMES, UndecodableError, common_levels, decode, deep_range
from huge_pictures import cost, icon, kinds, png, tiles


def scene(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    """A smooth coloured picture: lossy formats keep it nearly as it is."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (3, 4, 3), np.uint8)
    return Image.fromarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, kind, **options)
    return sink.getvalue()


def rgb(picture: Image.Image) -> np.ndarray[Any, Any]:
    return np.asarray(picture.convert("RGB"))


def reason(data: bytes) -> str:
    with pytest.raises(UndecodableError) as caught:
        decode(data)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 200
    return message


# whole pictures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP", "JPEG2000"])
def test_lossless_formats_give_the_pixels_that_were_saved(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    found = decode(saved(scene(), kind, **options))
    np.testing.assert_array_equal(found.rgb, rgb(scene()))
    assert (found.width, found.height, found.grayscale) == (40, 30, False) and found.rgb.dtype == np.uint8


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "GIF", "ICO"])
def test_lossy_formats_come_near(kind):
    """On average within 5 of 255: far less than a wrong order of channels, a wrong frame or a wrong turn would make."""
    found = decode(saved(scene(32, 32), kind))
    assert np.abs(found.rgb.astype(int) - rgb(scene(32, 32))).mean() < 5
    assert np.abs(found.rgb[..., ::-1].astype(int) - rgb(scene(32, 32))).mean() > 20


def test_a_cmyk_jpeg_has_its_colours():
    found = decode(saved(Image.new("RGB", (16, 16), (200, 30, 60)).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(found.rgb.astype(int) - (200, 30, 60)).max() <= 6 and not found.grayscale


def test_a_ycbcr_tiff_and_a_lab_tiff_have_colours():
    assert np.abs(decode(saved(scene().convert("YCbCr"), "TIFF")).rgb.astype(int) - rgb(scene())).max() <= 6
    assert decode(saved(Image.new("LAB", (8, 8), (128, 200, 200)), "TIFF")).rgb.shape == (8, 8, 3)


def test_sixteen_bits_are_scaled_to_eight():
    ramp = np.linspace(0, 65_535, 256, dtype=np.uint16).reshape(16, 16)
    found = decode(saved(Image.fromarray(ramp), "PNG"))
    assert found.grayscale
    np.testing.assert_allclose(found.rgb[..., 0], ramp / 257, atol=1)


def test_eight_bits_stored_in_sixteen_are_not_black():
    found = decode(saved(Image.fromarray(np.full((4, 4), 200, np.uint16)), "PNG"))
    assert found.rgb.min() == 200


@pytest.mark.parametrize(("values", "expected"), [
    ([0.0, 0.5, 1.0], [0, 127, 255]),
    ([0.0, 100.0, 255.0], [0, 100, 255]),
    ([0.0, 32_768.0, 65_535.0], [0, 127, 255]),
    ([0.0, 500_000.0, 1_000_000.0], [0, 127, 255]),
    ([np.nan, -5.0, 1.0], [0, 0, 255]),
    ([np.inf, 0.5, 1.0], [0, 127, 255]),
    ([0.0, 0.0, 0.0], [0, 0, 0]),
])  # fmt: skip
def test_floating_pixels_are_scaled_by_their_range(values, expected):
    found = decode(saved(Image.fromarray(np.array([values], np.float32)), "TIFF"))
    assert np.abs(found.rgb[0, :, 0].astype(int) - expected).max() <= 1 and found.grayscale


@pytest.mark.parametrize(("top", "offset", "kind"), [
    (1_023, 0, "uint16"), (4_095, 0, "uint16"), (16_383, 0, "uint16"), (2_040, -1_024, "int32"), (1, 0, "float32"),
    (2, -1, "float32"),
])  # fmt: skip
def test_deep_pictures_have_one_range_a_dataset(top, offset, kind):
    """A bright and a dim picture of one camera stay bright and dim, as their 8-bit twins are."""
    bright, dim = np.linspace(0, 1, 256).reshape(16, 16), np.linspace(0, 0.2, 256).reshape(16, 16)
    files = [
        saved(Image.fromarray((x * top + offset).astype(kind)), "PNG" if kind == "uint16" else "TIFF")
        for x in (bright, dim)
    ]
    levels = common_levels([found for file in files if (found := deep_range(file))])
    for file, values in zip(files, (bright, dim), strict=True):
        shown = decode(file, levels).rgb[..., 0]
        assert np.abs(shown - 255 * values).max() <= 3
    assert deep_range(saved(Image.fromarray((bright * 255).astype(np.uint8)), "PNG")) is None


def test_twelve_bits_of_colour_in_a_file_of_sixteen():
    colours = np.random.default_rng(0).integers(0, 4_096, (20, 30, 3)).astype(np.uint16)
    file = bytes(cv2.imencode(".png", colours[..., ::-1])[1])
    found = decode(file, common_levels([deep_range(file)]))
    assert np.abs(found.rgb - colours / 4_095 * 255).max() <= 1 and not found.grayscale


def test_a_tiff_that_says_what_white_is_needs_no_other_picture():
    values = np.linspace(0, 900, 256).reshape(16, 16).astype(np.uint16)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[280], tags[281] = 0, 4_000
    file = saved(Image.fromarray(values), "TIFF", tiffinfo=tags)
    assert deep_range(file) is None
    assert np.abs(decode(file, {"whole": (0.0, 900.0)}).rgb[..., 0] - values / 4_000 * 255).max() <= 1


def test_transparency_is_white_whatever_the_mode():
    clear = Image.new("RGBA", (6, 6), (10, 20, 30, 0))
    clear.putpixel((0, 0), (10, 20, 30, 255))
    for picture in (clear, clear.convert("LA")):
        found = decode(saved(picture, "PNG"))
        assert found.rgb[5, 5].tolist() == [255, 255, 255] and found.rgb[0, 0].max() <= 30
    half = decode(saved(Image.new("RGBA", (2, 2), (0, 0, 0, 128)), "PNG"))
    assert half.rgb[0, 0].tolist() == [127, 127, 127]


def test_a_palette_with_a_transparent_colour_is_white_there():
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((0, 0), 0)
    found = decode(saved(picture, "PNG", transparency=1))
    assert found.rgb[0, 0].tolist() == [255, 0, 0] and found.rgb[3, 3].tolist() == [255, 255, 255]
    plain = decode(saved(picture, "PNG"))
    assert plain.rgb[3, 3].tolist() == [0, 255, 0]


def test_a_gray_picture_with_a_transparent_gray_is_white_there():
    picture = Image.new("L", (4, 4), 7)
    picture.putpixel((0, 0), 90)
    found = decode(saved(picture, "PNG", transparency=7))
    assert found.rgb[0, 0].tolist() == [90, 90, 90] and found.rgb[3, 3].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("mode", "clear", "drawn"), [("RGB", (7, 8, 9), (90, 80, 70)), ("1", 0, 255)])
def test_a_picture_whose_head_names_a_transparent_colour_has_three_channels_and_is_white_there(mode, clear, drawn):
    picture = Image.new(mode, (5, 4), clear)
    picture.putpixel((0, 0), drawn)
    found = decode(saved(picture, "PNG", transparency=clear))
    assert found.rgb.shape == (4, 5, 3)
    assert found.rgb[3, 3].tolist() == [255, 255, 255]
    assert found.rgb[0, 0].tolist() == list(rgb(picture)[0, 0])


def test_one_bit_is_black_and_white():
    picture = Image.new("1", (9, 3))
    picture.putpixel((0, 0), 1)
    found = decode(saved(picture, "PNG"))
    assert set(np.unique(found.rgb)) == {0, 255} and found.grayscale


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_counts(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    options = {"lossless": True} if kind == "WEBP" else {}
    found = decode(saved(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    assert found.rgb[4, 4].tolist() == [255, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(orientation):
    """Oracle: the standard's own words, by numpy turns and mirrors."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = rgb(scene())
    found = decode(saved(Image.fromarray(stored), "PNG", exif=exif))
    expected = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(stored, 1),
    }[orientation]
    np.testing.assert_array_equal(found.rgb, expected)


def test_a_broken_exif_block_costs_the_turn_not_the_picture():
    plain = saved(scene(), "JPEG")
    for block in (
        b"Exif\0\0garbage",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01" * 40,
        b"Exif\0\0II*\0\xff\xff\xff\xff",
    ):
        marker = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
        assert decode(plain[:2] + marker + plain[2:]).rgb.shape == (30, 40, 3)


def test_gray_pixels_in_colour_files_are_called_gray():
    assert decode(saved(scene().convert("L").convert("RGB"), "PNG")).grayscale
    assert decode(saved(scene().convert("L"), "JPEG")).grayscale
    assert not decode(saved(scene(), "PNG")).grayscale


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2), (13, 11), (2000, 3)])
def test_everything_is_measured_on_the_smallest_and_thinnest_pictures(size):
    found = decode(saved(scene(*size), "PNG"))
    values = pixels.properties(found)
    assert tuple(values) == PROPERTY_NAMES and all(np.isfinite(value) for value in values.values())
    assert pixels.tiny(found.rgb).shape == (32, 32)
    small = decode(pixels.thumbnail(found.rgb))
    assert max(small.width, small.height) == min(160, max(size)) and min(small.width, small.height) >= 1
    assert len(pixels.pixel_hash(found.rgb)) == 32


def test_the_pixel_hash_sees_through_the_wrapping_but_not_a_pixel_or_a_shape():
    one = decode(saved(scene(), "PNG", compress_level=0)).rgb
    two = decode(saved(scene(), "BMP")).rgb
    assert pixels.pixel_hash(one) == pixels.pixel_hash(two)
    changed = one.copy()
    changed[0, 0, 0] ^= 1
    assert pixels.pixel_hash(changed) != pixels.pixel_hash(one) != pixels.pixel_hash(one.reshape(40, 30, 3))


# damage ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "JPEG2000", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_file_is_a_reason_not_half_a_picture(kind, share):
    data = saved(scene(200, 150), kind)
    reason(data[: int(len(data) * share)])


def test_a_truncated_jpeg_and_png_say_so():
    assert reason(saved(scene(200, 150), "JPEG")[:-400]) == "the image file is truncated"
    assert reason(saved(scene(200, 150), "PNG")[:-400]) == "the image file is truncated"
    assert reason(saved(scene(), "JPEG")[:30]) == "the image file is truncated"


def bomb(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


STRANGERS = [
    (b"", "the file is empty (zero bytes)"),
    (b"hello, I am a note", "the file holds text, not an image"),
    (b"<!DOCTYPE html><html></html>", "the file is a web page (HTML), not an image"),
    (b"\n  <HTML><body>404</body>", "the file is a web page (HTML), not an image"),
    (b"\xef\xbb\xbf<!doctype html>", "the file is a web page (HTML), not an image"),
    (b"%PDF-1.7\n...", "the file is a PDF, not an image"),
    (b"<svg xmlns='x'/>", "the file is a vector drawing (SVG); convert it to PNG"),
    (
        b"version https://git-lfs.github.com/spec/v1\noid",
        "the file is a Git LFS pointer, not the image; run git lfs pull",
    ),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "the picture is HEIC, which is not read yet; convert it to JPEG"),
    (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "the file is a video"),
    (b"PK\x03\x04\x14\0\0\0", "the file is a ZIP, not an image"),
    (bytes(range(256)), "the file is not an image of a known kind"),
    (b"\x89PNG\r\n\x1a\n but no more", "the PNG file is truncated or damaged"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "the file holds text, not an image"),
    (bomb(20_000, 20_000), "the picture claims too many pixels (decompression bomb?)"),
    (bomb(11_000, 11_000), "the picture claims 11,000 x 11,000 pixels (decompression bomb?)"),
    (b"P6\n99999 99999\n255\n", "the picture claims too many pixels (decompression bomb?)"),
]


@pytest.mark.parametrize(("data", "said"), STRANGERS, ids=[said for _, said in STRANGERS])
def test_what_is_no_picture_is_named(data, said):
    assert reason(data) == said


def test_a_bomb_costs_no_memory():
    import tracemalloc

    tracemalloc.start()
    reason(bomb(60_000, 60_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 << 20


@pytest.mark.parametrize(
    "name", ["RGB", "L", "1", "P", "LA", "RGBA", "CMYK", "I;16", "I", "F", "deep", "deep with alpha"]
)
def test_a_picture_converted_in_strips_is_the_picture_converted_at_once(monkeypatch, name):
    numbers = np.random.default_rng(0).integers(0, 65_535, (50, 40, 4), np.uint16)
    if name.startswith("deep"):
        data = bytes(cv2.imencode(".png", numbers if "alpha" in name else numbers[..., :3])[1])
    elif name in ("I;16", "I", "F"):
        values = numbers[..., 0].astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[name])
        if name == "F":
            values[3, 4], values[30, 4] = np.nan, -9.0
        data = saved(Image.fromarray(values), "TIFF")
    else:
        data = saved(scene(40, 50).convert(name), "TIFF" if name == "CMYK" else "PNG")
    whole, span = decode(data), deep_range(data)
    monkeypatch.setattr(pixels, "STRIP", 130)
    strips = decode(data)
    assert (strips.rgb == whole.rgb).all() and strips.grayscale == whole.grayscale and deep_range(data) == span


@pytest.mark.parametrize("name", ["colour, 8 bits", "colour and alpha, 16 bits, turned", "palette with alpha"])
def test_a_large_picture_takes_some_bytes_a_pixel_and_not_fifty(name):
    """16 bits with alpha took 46 bytes a pixel, 5.5 GB for the largest picture."""
    megabytes, said = cost(kinds(6_000, 4_000)[name]())
    assert said in ("6000 x 4000", "4000 x 6000") and megabytes < 24 * 15 + 40


def test_what_a_file_holds_is_judged_and_not_what_its_head_says():
    inside = icon(png(13_000, 10_000, 1, 0))
    assert pixels.claimed_pixels(inside) == 130_000_000 and "13,000 x 10,000" in reason(inside)
    assert decode(icon(png(300, 200, 8, 2))).width == 300
    tile = tiles(12_000)
    assert pixels.claimed_pixels(tile) == 144_000_000 and "12,000 x 12,000" in reason(tile)
    assert decode(tiles(128)).width == 64


WHOLE = {
    kind: saved(scene(24, 18), kind)
    for kind in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "JPEG2000", "AVIF", "ICO")
}


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_damage_gets_through_as_anything_but_a_reason(kind, data):
    """Bytes overwritten, cut out or doubled at random: pixels or `UndecodableError`, nothing else."""
    whole = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        how = data.draw(st.integers(0, 2))
        if how == 0:
            whole[at] = data.draw(st.integers(0, 255))
        elif how == 1:
            del whole[at : at + data.draw(st.integers(1, 20))]
        else:
            whole[at:at] = whole[at : at + 20]
        if not whole:
            break
    try:
        found = decode(bytes(whole))
    except UndecodableError as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert found.rgb.ndim == 3 and found.rgb.shape[2] == 3 and found.rgb.dtype == np.uint8


def test_lack_of_memory_is_not_called_damage(monkeypatch):
    def full(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(pixels, "_to_rgb", full)
    with pytest.raises(MemoryError):
        decode(saved(scene(), "PNG"))


def test_real_photographs_decode_as_pillow_decodes_them(data_dir: Path):
    """Oracle: Pillow, on every tenth photograph."""
    for path in sorted((data_dir / "photos_600").rglob("*.jpg"))[::40]:
        np.testing.assert_array_equal(decode(path.read_bytes()).rgb, rgb(Image.open(path)))
