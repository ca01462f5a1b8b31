"""Hostile files: small ones that unpack to much, and ones that are made to harm or fool their reader.

In: a path. Out: the file. Does not know: who reads it. Used by ``attacks.py``.
"""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HEAD = b"text,label\n"


def link_in_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for label in "ab":
            entry = zipfile.ZipInfo(f"{label}/x.png")
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, "/etc/passwd")


def up_in_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for label in "ab":
            archive.writestr(f"../../{label}/x.png", b"no picture")


def text_chunk(path: Path) -> None:
    """A PNG whose compressed comment unpacks to 200 MB, twice in a ZIP."""
    chunk = b"zTXtcomment\0\0" + zlib.compress(bytes(200 << 20), 9)
    head = b"IHDR" + struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    parts = [head, chunk, b"IDAT" + zlib.compress(bytes(72)), b"IEND"]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts
    )
    _zip(path, png, "png")


def frames(path: Path, kind: str) -> None:
    """A picture of a thousand frames."""
    from PIL import Image

    sink, some = io.BytesIO(), [Image.new("L", (64, 64), at % 255) for at in range(1_000)]
    some[0].save(sink, kind, save_all=True, append_images=some[1:])
    _zip(path, sink.getvalue(), kind.lower())


def svg(path: Path) -> None:
    _zip(path, b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "svg")


def _zip(path: Path, data: bytes, ending: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for label in "ab":
            archive.writestr(f"{label}/x.{ending}", data)


def shared_strings(path: Path) -> None:
    """An Excel file whose one text of 200 MB stands in 2,000 cells."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    relation = '<Relationship Id="{}" Type="' + office + '/{}" Target="{}"/>'
    relations = f'<Relationships xmlns="{package}">{{}}</Relationships>'
    cells = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(1, 2_000))
    sheet = '<sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets>'
    both = relation.format("r1", "worksheet", "worksheets/sheet1.xml") + relation.format(
        "r2", "sharedStrings", "sharedStrings.xml"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("_rels/.rels", relations.format(relation.format("r1", "officeDocument", "xl/workbook.xml")))
        book.writestr("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}">{sheet}</workbook>')
        book.writestr("xl/_rels/workbook.xml.rels", relations.format(both))
        book.writestr("xl/sharedStrings.xml", f'<sst xmlns="{main}"><si><t>{"x" * 200_000_000}</t></si></sst>')
        book.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'
        )


def deep_object(path: Path) -> None:
    path.write_text('{"a":' * 100_000 + "1" + "}" * 100_000, encoding="utf-8")


def digits(path: Path) -> None:
    """Cells of 10,000 digits."""
    path.write_text("text,label\n" + ("1" * 10_000 + ",a\n") * 200, encoding="utf-8")


def line(path: Path) -> None:
    """A line of 200 MB, in a CSV or in JSON lines."""
    before, after = (HEAD, b"") if path.suffix == ".csv" else (b'{"text":"', b'","label":"a"}\n')
    with path.open("wb") as file:
        file.write(before)
        for _ in range(200):
            file.write(b"a" * (1 << 20))
        file.write(after)


def columns(path: Path) -> None:
    """100,000 columns."""
    rows = [",".join(str((at * 7 + row) % 10) for at in range(100_000)) for row in range(20)]
    path.write_text("\n".join([",".join(f"c{at}" for at in range(100_000)), *rows]), encoding="utf-8")


def zip_in_zip(path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/x.csv", bytes(1 << 28))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())


def many_in_zip(path: Path) -> None:
    """A million empty pictures."""
    with zipfile.ZipFile(path, "w") as archive:
        for at in range(1_000_000):
            archive.writestr(f"{'ab'[at % 2]}/{at}.png", b"")


def links_in_tar(path: Path) -> None:
    kinds = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "device": tarfile.CHRTYPE, "pipe": tarfile.FIFOTYPE}
    with tarfile.open(path, "w") as archive:
        for name, kind in kinds.items():
            entry = tarfile.TarInfo(f"a/{name}.png")
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        archive.addfile(tarfile.TarInfo("../../up.csv"))


def names_in_zip(path: Path) -> None:
    """Line feeds, turned writing, escape sequences and backslashes in names."""
    odd = ["a/li\nne.png", "a/turned\u202egnp.exe.png", "b/es\x1b[2Jc.png", "b\u202e/c.png", "c/..\\..\\x.png"]
    with zipfile.ZipFile(path, "w") as archive:
        for name in odd:
            archive.writestr(name, b"no picture")


def odd_pictures(path: Path) -> None:
    """Kinds of pictures that few readers know, and ones that are programs."""
    from PIL import Image

    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100000 100000\n(/etc/passwd) (r) file"
    with zipfile.ZipFile(path, "w") as archive:
        for ending, kind in (
            ("avif", "AVIF"),
            ("jp2", "JPEG2000"),
            ("ico", "ICO"),
            ("heic", ""),
            ("eps", ""),
            ("png", ""),
        ):
            out = io.BytesIO(program)
            if kind:
                Image.new("RGB", (64, 64)).save(out, kind)
            for label in "ab":
                archive.writestr(f"{label}/x.{ending}", out.getvalue())


def row_groups(path: Path) -> None:
    """A row group for each of 100,000 rows."""
    table = pa.table({"text": ["a"], "label": ["b"]})
    with pq.ParquetWriter(path, table.schema, write_statistics=False, compression="none") as writer:
        for _ in range(100_000):
            writer.write_table(table)


def nested(path: Path) -> None:
    """Lists of lists, 200 deep."""
    value: object = 1
    kind: pa.DataType = pa.int64()
    for _ in range(200):
        value, kind = [value], pa.list_(kind)
    pq.write_table(pa.table({"text": pa.array([value] * 3, kind), "label": ["a", "b", "a"]}), path)


def statistics(path: Path) -> None:
    """Two cells of 50 MB, which the statistics name too."""
    pq.write_table(
        pa.table({"text": ["x" * 50_000_000, "y" * 50_000_000], "label": ["a", "b"]}), path, compression="zstd"
    )


def entities(path: Path) -> None:
    """An Excel file whose one cell is an entity of ten billion letters, and /etc/passwd."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["text", "label"])
    book.active.append(["x", "a"])
    plain = io.BytesIO()
    book.save(plain)
    named = '<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + at)} "{("&" + chr(97 + at) + ";") * 10}">' for at in range(9)
    )
    kind = f'<?xml version="1.0"?><!DOCTYPE w [{named}<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    cell = '<sheetData><row r="3"><c r="A3" t="inlineStr"><is><t>&j;&e;</t></is></c></row>'
    with zipfile.ZipFile(plain) as parts, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in parts.namelist():
            text = parts.read(name).decode()
            if name.endswith("sheet1.xml"):
                text = kind + text[text.index("<worksheet") :].replace("<sheetData>", cell)
            archive.writestr(name, text)


def zeros(path: Path) -> None:
    path.write_bytes(HEAD + b"a\0b,x\n" * 50 + bytes(1_000) + b",y\n")


def utf7(path: Path) -> None:
    path.write_text("text,label\n" + "+ADw-script+AD4-,a\n" * 50, encoding="ascii")


def utf32(path: Path) -> None:
    path.write_bytes(("text,label\n" + "h\u00e4us,a\n" * 50).encode("utf-32"))


def packed(path: Path) -> None:
    """1.2 GB of short rows, packed to 1 MB and less: 300 times the same part."""
    if path.suffix == ".zst":
        with pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), "zstd") as stream:
            stream.write(HEAD)
            for _ in range(300):
                stream.write(b"a,b\n" * (1 << 20))
        return
    kind = gzip.compress if path.suffix == ".gz" else bz2.compress
    part = kind(b"a,b\n" * (1 << 20))
    path.write_bytes(kind(HEAD) + part * 300)


def files() -> dict[str, Callable[[Path], None]]:
    """Name -> what makes it."""
    from test_hostile_files import FILES

    return FILES | {
        "link.zip": link_in_zip, "up.zip": up_in_zip, "comment.zip": text_chunk, "gif.zip": lambda path: frames(path, "GIF"),
        "tiff.zip": lambda path: frames(path, "TIFF"), "webp.zip": lambda path: frames(path, "WEBP"), "svg.zip": svg,
        "shared.xlsx": shared_strings, "object.json": deep_object, "digits.csv": digits, "line.csv": line, "line.jsonl": line,
        "columns.csv": columns, "inner.zip": zip_in_zip, "many.zip": many_in_zip, "links.tar": links_in_tar,
        "names.zip": names_in_zip, "odd.zip": odd_pictures, "groups.parquet": row_groups, "nested.parquet": nested,
        "statistics.parquet": statistics, "entities.xlsx": entities, "zeros.csv": zeros, "utf7.csv": utf7, "utf32.csv": utf32,
        "packed.csv.gz": packed, "packed.csv.bz2": packed, "packed.csv.zst": packed,
    }  # fmt: skip
