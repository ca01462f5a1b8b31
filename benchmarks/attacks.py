"""Hostile files, projects, names, addresses, paths and requests, one after the other: is each held, at what cost?

In: nothing; what is sent is made here, in ``attack_*.py``, ``tests/huge_pictures.py`` and ``tests/test_hostile_files.py``. Out:
``results/attacks.json``; printed, one line an attack: held or not, the most memory that this process and those it started held
together meanwhile, processor seconds, what was said. A file is held where looking at it ends in a sentence or in rows that hold nothing
of the machine, an address or path where it is refused before anything is read, a request where the answer is none of the server's
faults and names no other site, a project where nothing outside of it is read or written. Does not know: how anything is held.

    python benchmarks/attacks.py [WORD]    only those whose name has the word
"""

from __future__ import annotations

import argparse
import http.server
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attack_files
from attack_doors import doors, pictures
from attack_projects import exports, served, strangers, terminals
from measure import ROOT, Watch, resident
from sides import keep

sys.path.insert(0, str(ROOT / "tests"))
PAUSE = 0.02  # seconds between two looks at the memory
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


def looked_at(folder: Path) -> Iterator[tuple[str, Callable[[], tuple[bool, str]]]]:
    from assay.errors import UsageError
    from assay.server.look import look

    for name, make in attack_files.files().items():

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
        groups = (named, asked, looked_at, pictures, strangers, terminals, served, exports, doors)
        for group in groups:
            folder = Path(scratch) / group.__name__
            folder.mkdir()
            for name, attack in group(folder):
                if word not in name:
                    continue
                before = _seconds()
                started = time.monotonic()
                memory = Watch(os.getpid(), resident, PAUSE)
                memory.start()
                held, said = attack()
                memory.stop()
                found.append({
                    "attack": name, "held": held, "memory_mb": memory.peak >> 10, "cpu_seconds": round(_seconds() - before, 2),
                    "seconds": round(time.monotonic() - started, 1), "said": said.replace(scratch, "")[:200],
                })  # fmt: skip
                cost = f"{found[-1]['memory_mb']:>6} MB {found[-1]['cpu_seconds']:>6} s"
                print(f"{'held' if held else 'NOT HELD':9}{cost}  {name[:50]:50}  {found[-1]['said'][:80]}", flush=True)
    line = f"{sum(one['held'] for one in found)} of {len(found)} attacks held"
    print(line)
    if not word:
        keep("attacks", {"attacks": found, "lines": [line]})
    if not all(one["held"] for one in found):
        raise SystemExit(1)


def _seconds() -> float:
    """Processor seconds of this process and of its children that have ended."""
    uses = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


if __name__ == "__main__":
    main()
