"""Hostile files, addresses, paths and requests, one after the other: is each held, at what cost?

In: nothing; what is sent is made here and in ``tests/test_hostile_files.py``. Out: ``results/attacks.json``; printed, one line an
attack: held or not, the largest memory of a child so far, processor seconds, what was said. A file is held where looking at it
ends in a sentence or in rows that hold nothing of the machine, an address or path where it is refused before anything is read, a
request where the answer is none of the server's faults and names no other site. Does not know: how anything is held.

    python benchmarks/attacks.py [WORD]    only those whose name has the word
"""

from __future__ import annotations

import argparse
import http.server
import io
import resource
import struct
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from measure import ROOT
from sides import keep

sys.path.insert(0, str(ROOT / "tests"))
HIDDEN = b"root:x:0:0"  # of /etc/passwd
ADDRESSES = (
    "127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "[::1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "169.254.169.254", "10.0.0.1", "[fe80::1]", "[fc00::1]", "100.64.0.1",
)  # fmt: skip
PATHS = (
    "/etc/passwd",
    "../../../../etc/passwd",
    "file:///etc/passwd",
    "~root/.profile",
    "/proc/self/environ",
    "\\\\server\\share\\x",
)
REQUESTS = (
    "//evil.example/?token=", "/\\evil.example/?token=", "/%00", "/" + "x" * 5_000, "/" + "%E5%9B%BE" * 120, "/..%2f..%2fapp.py",
    "/api/v1/projects/%00", "/api/v1/uploads/..%2f..%2fx", "/api/v1/uploads/%00", "/api/v1/uploads/" + "x" * 5_000,
)  # fmt: skip


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


def files() -> dict[str, Callable[[Path], None]]:
    from test_hostile_files import FILES

    return FILES | {
        "link.zip": link_in_zip, "up.zip": up_in_zip, "comment.zip": text_chunk, "gif.zip": lambda path: frames(path, "GIF"),
        "tiff.zip": lambda path: frames(path, "TIFF"), "webp.zip": lambda path: frames(path, "WEBP"), "svg.zip": svg,
        "shared.xlsx": shared_strings, "object.json": deep_object, "digits.csv": digits,
    }  # fmt: skip


def looked_at(folder: Path) -> Iterator[tuple[str, Callable[[], tuple[bool, str]]]]:
    from assay.errors import UsageError
    from assay.server.look import look

    for name, make in files().items():

        def attack(name: str = name, make: Callable[[Path], None] = make) -> tuple[bool, str]:
            make(folder / name)
            try:
                found = look(folder / name, {}, [folder])
            except UsageError as error:
                return "Traceback" not in str(error) and "MemoryError" not in str(error), str(error)
            return HIDDEN not in found.model_dump_json().encode(), f"{found.n_rows} rows"

        yield f"file {name}", attack


def named(folder: Path) -> Iterator[tuple[str, Callable[[], tuple[bool, str]]]]:
    """Addresses and paths that come out of data which lies in ``folder``; a server on this machine hears who gets through."""
    from assay.sources.sandbox import check_path, confined, current, opener
    from assay.sources.unreadable import UnreadableError

    heard: list[str] = []

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for address in ADDRESSES:

        def fetch(address: str = address) -> tuple[bool, str]:
            with confined(folder):
                try:
                    opener(current()).open(f"http://{address}:{server.server_port}/", timeout=5).read()
                except (UnreadableError, OSError, ValueError) as error:
                    return not heard and "not public" in str(error), str(error)
            return False, "let through"

        yield f"address {address}", fetch
    server.shutdown()
    server.server_close()
    for name in PATHS:

        def read(name: str = name) -> tuple[bool, str]:
            with confined(folder):
                try:
                    check_path(name)
                except UnreadableError as error:
                    return True, str(error)
            return False, "let through"

        yield f"path {name}", read


def asked(folder: Path) -> Iterator[tuple[str, Callable[[], tuple[bool, str]]]]:
    from serving import TOKEN, client

    with client(folder / "home") as made:
        for path in REQUESTS:

            def attack(path: str = path) -> tuple[bool, str]:
                answer = made.get(
                    "http://127.0.0.1" + path + (TOKEN if path.endswith("token=") else ""), follow_redirects=False
                )
                away = answer.headers.get("location", "/").startswith(("//", "/\\", "http"))
                return answer.status_code < 500 and not away and "create_app" not in answer.text, str(
                    answer.status_code
                )

            yield f"request {path[:60]}", attack

        def host() -> tuple[bool, str]:
            answer = made.get("/api/v1/projects", headers={"Host": "["})
            return answer.status_code == 400, str(answer.status_code)

        yield "request with Host [", host


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="?", default="")
    word, found = parser.parse_args().word, []
    with tempfile.TemporaryDirectory(prefix="assay-attacks-") as scratch:
        for group in (named, asked, looked_at):
            for name, attack in group(Path(scratch)):
                if word not in name:
                    continue
                before = _cost()
                started = time.monotonic()
                held, said = attack()
                after = _cost()
                found.append({
                    "attack": name, "held": held, "largest_child_mb": round(after[1] / 1024), "cpu_seconds": round(after[0] - before[0], 2),
                    "seconds": round(time.monotonic() - started, 1), "said": said.replace(scratch, "")[:200],
                })  # fmt: skip
                cost = f"{found[-1]['largest_child_mb']:>6} MB {found[-1]['cpu_seconds']:>6} s"
                print(f"{'held' if held else 'NOT HELD':9}{cost}  {name[:50]:50}  {found[-1]['said'][:80]}", flush=True)
    line = f"{sum(one['held'] for one in found)} of {len(found)} attacks held"
    print(line)
    if not word:
        keep("attacks", {"attacks": found, "lines": [line]})
    if not all(one["held"] for one in found):
        raise SystemExit(1)


def _cost() -> tuple[float, int]:
    """(processor seconds of this process and its children, KiB of the largest child)."""
    here, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return here.ru_utime + here.ru_stime + below.ru_utime + below.ru_stime, below.ru_maxrss


if __name__ == "__main__":
    main()
