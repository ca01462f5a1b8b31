"""Attacks by way of projects: made by strangers, changed while they are served, with names that terminals or disks obey.

In: an empty folder. Out: (name, a function that attacks and says whether it was held, and what was said). Does not know: how
anything is held. Used by ``attacks.py``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attack_doors import GIGAPIXEL, Attack
from measure import peak_megabytes

CLEAR = "\x1b[2J\x1b]0;owned\x07\x9b2J\u202e"
PRECIOUS = "precious"
MARKUP = "<img src=x onerror=alert(1)></script><script>alert(1)</script> [x](http://evil.example) \x1b[2J"
BUDGET_MB = 2_500  # that a server may take for twelve of them: as much as for one


def strangers(folder: Path) -> Iterator[Attack]:
    """A project that somebody else made, opened, verified, reported, exported and analysed again by its reader."""
    import flipping

    with _key(folder / "their key"):
        data, words, made = flipping.make(folder, "image")
    own = folder / "own.assay"  # of the reader, with decisions of its own
    shutil.copytree(made, own)
    victim = folder / "private.txt"
    victim.write_text(PRECIOUS, encoding="utf-8")
    decided = (own / "state.sqlite").read_bytes()

    def changed(name: str, change: Callable[[Path], None]) -> Attack:
        def attack() -> tuple[bool, str]:
            project = folder / f"{name.replace(' ', '-')}.assay"
            shutil.copytree(made, project)
            change(project)
            with _key(folder / "own key"):
                said = _used(project, folder / "out", lambda: flipping.analyze(data, project, words))
            shown = any(PRECIOUS.encode() in file.read_bytes() for file in _files(folder / "out"))
            shown |= any(PRECIOUS.encode() in file.read_bytes() for file in _files(project))
            steered = [text for text in said if "delete" in text and "private.txt" in text]
            untouched = (
                victim.read_text(encoding="utf-8") == PRECIOUS and decided == (own / "state.sqlite").read_bytes()
            )
            safe = untouched and not (shown or steered)
            odd = [text for text in said if text.startswith("raised")]
            return safe and not odd, "; ".join(steered or odd or sorted(set(said)))

        return f"stranger's {name}", attack

    def link(name: str) -> Callable[[Path], None]:
        def change(project: Path) -> None:
            place = next(project.glob(name), project / name)
            place.unlink(missing_ok=True)
            place.symlink_to(victim)

        return change

    for name in (
        "lock",
        "state.sqlite",
        "state.sqlite.lock",
        "project.json",
        "dataset/*/rows-00000.parquet",
        "runs/*.json",
    ):
        yield changed(f"{name.replace('/', ' ').replace('*', 'any')} as a link", link(name))
    yield changed("state.sqlite as a link to the reader's own", lambda project: _linked(project, own))
    for uri in (str(victim), f"file://{victim}", "../private.txt", f"{data}/../private.txt"):
        yield changed(
            f"row at {uri.replace(str(folder), '').replace('/', '|')}", lambda project, uri=uri: _rows_at(project, uri)
        )
    for name in ("project.json", "runs/0001.json", "dataset/*/rows-00000.parquet", "state.sqlite"):
        yield changed(
            f"{name.replace('/', ' ').replace('*', 'any')} as a pipe", lambda project, name=name: _piped(project, name)
        )
    yield "stranger's run record with markup in every sentence", lambda: _marked(made, folder)
    for key in ("tables", "vectors", "findings", "graph"):
        yield changed(f"run record with its {key} elsewhere", lambda project, key=key: _record_at(project, key, victim))


@contextlib.contextmanager
def _key(file: Path) -> Iterator[None]:
    before = os.environ.get("ASSAY_KEY_FILE")
    os.environ["ASSAY_KEY_FILE"] = str(file)
    try:
        yield
    finally:
        os.environ.pop("ASSAY_KEY_FILE")
        if before is not None:
            os.environ["ASSAY_KEY_FILE"] = before


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def _used(project: Path, out: Path, again: Callable[[], None]) -> list[str]:
    """What every use of a project says, "ok" where nothing is said; the outputs lie in ``out``."""
    import assay
    from assay.errors import AssayError
    from assay.sources.unreadable import UnreadableError
    from assay.storage import Folder
    from assay.storage.verify import verify_project

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()

    def show() -> None:
        for row in range(4):
            (out / f"picture-{row}").write_bytes(assay.open(project).open_bytes(row))

    uses: dict[str, Callable[[], Any]] = {
        "summary": lambda: str(assay.open(project).summary()),
        "pictures": show,
        "report": lambda: assay.open(project).report(out / "report.html"),
        "notebook": lambda: (out / "notebook.html").write_text(assay.open(project)._repr_html_(), encoding="utf-8"),
        "folder": lambda: assay.open(project).export(out / "folder", format="folder"),
        "table": lambda: assay.open(project).export(out / "table.csv", format="csv", columns="all"),
        "decision": lambda: assay.open(project).decide("keep", rows=[1]),
        "verify": lambda: "; ".join(map(str, verify_project(Folder(project)).faults)),
        "again": again,
    }
    said = []
    for name, use in uses.items():
        try:
            found = use()
            said.append(found if name == "verify" and found else "ok")
        except (AssayError, UnreadableError) as error:
            said.append(str(error))
        except Exception as error:
            said.append(f"raised by {name}: {type(error).__name__}: {error}")
    return said


def _linked(project: Path, own: Path) -> None:
    (project / "state.sqlite").unlink()
    (project / "state.sqlite").symlink_to(own / "state.sqlite")


def _piped(project: Path, name: str) -> None:
    place = next(project.glob(name))
    place.unlink()
    os.mkfifo(place)


def _marked(made: Path, folder: Path) -> tuple[bool, str]:
    """What the record says goes into the report as HTML and Markdown and into notebooks; none of it may become markup."""
    import assay

    def change(told: dict[str, Any]) -> None:
        for check in told["checks"]:
            check |= {"title": MARKUP, "why": MARKUP, "status": MARKUP if check["status"] != "ran" else "ran"}
        told["notes"] = [MARKUP] * 3

    project = shutil.copytree(made, folder / "marked.assay")
    for record in (project / "runs").glob("*.json"):
        _without_digest(record, change)
    out, odd = folder / "marked", []
    out.mkdir()
    opened = assay.open(project)
    uses: dict[str, Callable[[], Any]] = {
        "r.html": lambda: opened.report(out / "r.html"),
        "r.md": lambda: opened.report(out / "r.md"),
        "n.html": lambda: (out / "n.html").write_text(opened._repr_html_(), encoding="utf-8"),
    }
    for name, use in uses.items():
        try:
            use()
        except assay.AssayError as error:
            odd.append(f"{name}: {error}")
    shown = [
        file.name
        for file in out.iterdir()
        if re.search(r"(?<!\\)<(img src=x|script>alert)", file.read_text(encoding="utf-8"))
    ]
    links = (
        re.search(r"(?<!\\)]\(http", (out / "r.md").read_text(encoding="utf-8")) if (out / "r.md").exists() else False
    )
    return not shown and not links, f"markup in {shown}; {'; '.join(odd) or 'all written'}"


def _rows_at(project: Path, uri: str) -> None:
    """Rows 0 to 3 lie elsewhere, without a stamp, and no checksum says so."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (part,) = (project / "dataset").glob("*/rows-00000.parquet")
    rows = pq.read_table(part)
    uris = [uri] * 4 + rows["uri"].to_pylist()[4:]
    rows = rows.set_column(rows.column_names.index("uri"), "uri", pa.array(uris))
    rows = rows.set_column(rows.column_names.index("token"), "token", pa.array([f"{uri}\t" for uri in uris]))
    pq.write_table(rows, part)
    (header,) = (project / "dataset").glob("*/dataset.json")
    _without_digest(header, lambda told: told.pop("checksums", None))


def _record_at(project: Path, key: str, place: Path) -> None:
    def change(told: dict[str, Any]) -> None:
        value = told[key]
        told[key] = dict.fromkeys(value, str(place)) if isinstance(value, dict) else str(place)

    for record in (project / "runs").glob("*.json"):
        _without_digest(record, change)


def _without_digest(file: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    told = json.loads(file.read_text(encoding="utf-8"))
    told.pop("digest", None)
    change(told)
    file.write_text(json.dumps(told), encoding="utf-8")


def _png(seed: int) -> bytes:
    import numpy as np
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (32, 32, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()


def terminals(folder: Path) -> Iterator[Attack]:
    """Names and cells with escape sequences, and every command that shows them."""
    import pandas as pd
    from click.testing import CliRunner
    from PIL import Image

    from assay.cli.commands import main

    table = folder / "t.csv"
    pd.DataFrame(
        {f"a{CLEAR}": range(60), "b": [x * 7 % 5 for x in range(60)], "note": [f"{CLEAR} words here {x}" for x in range(60)],
         "label": [f"x{CLEAR}", "y", "y2"] * 20}
    ).to_csv(table, index=False)  # fmt: skip
    pictures = folder / f"pictures{CLEAR.replace('/', '')}"
    for at in range(12):
        place = pictures / f"{'ab'[at % 2]}{CLEAR}" / f"{at % 11}{CLEAR}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (at * 20, 0, 90)).save(place)
    (pictures / f"a{CLEAR}" / f"broken{CLEAR}.png").write_bytes(b"no picture")

    def run(*words: str | Path) -> str:
        done = CliRunner().invoke(main, [str(word) for word in words])
        return done.output

    for kind, data, options in (("table", table, ["--label", "label"]), ("pictures", pictures, [])):
        project = folder / f"{kind}{CLEAR}.assay"

        def attack(data: Path = data, options: list[str] = options, project: Path = project) -> tuple[bool, str]:
            import assay

            said = [run("analyze", data, "-o", project, "--effort", "fast", "--workers", "1", *options)]
            opened = assay.open(project)
            opened.decide("label", rows=[1, 2], label=opened.classes[0], person="ann")
            opened.log.close()
            commands: list[list[Any]] = [
                ["summary", project], ["summary", project, "--json"], ["log", project], ["log", project, "--json"],
                ["insights", project], ["insights", project, "--json"], ["undo", project, "--person", "ann"], ["verify", project],
                ["trust", project], ["export", project, folder / "out.csv"], ["report", project, "-o", folder / f"r{CLEAR}.html"],
                ["issues", project], ["issues", folder / f"no{CLEAR}.assay"], ["analyze", folder / f"no{CLEAR}"],
                ["export", project, folder / "out.csv"], ["analyze", data, "-o", project, "--label", f"no{CLEAR}"],
            ]  # fmt: skip
            commands += [
                ["issues", project, "--type", check["name"]] for check in opened.run["checks"] if check["count"]
            ]
            said += [run(*words) for words in commands]
            obeyed = [
                " ".join(map(str, words))
                for words, text in zip([["analyze"], *commands], said, strict=True)
                if any(letter in text for letter in "\x1b\x07\x9b\u202e")
            ]
            return not obeyed, "; ".join(obeyed) or f"{len(said)} commands"

        yield f"terminal, {kind}", attack


def served(folder: Path) -> Iterator[Attack]:
    """What happens to files of a project while a server shows it."""
    import flipping
    from serving import client

    _, _, made = flipping.make(folder, "image")
    files = ("state.sqlite", "state.sqlite-wal", "state.sqlite-shm")

    def use(change: Callable[[Path], None]) -> tuple[bool, str]:
        project = folder / "served" / "p.assay"
        shutil.rmtree(folder / "served", ignore_errors=True)
        shutil.copytree(made, project)
        with client(folder / "home", project) as http:
            at = f"/api/v1/projects/{http.get('/api/v1/projects').json()[0]['id']}"
            for _ in range(2):
                http.post(f"{at}/actions", json={"action": "keep", "target": {"rows": [20]}})
            change(project)
            codes = []
            for _ in range(2):
                codes += [http.get(at).status_code, http.post(f"{at}/view", json={}).status_code]
                codes += [http.post(f"{at}/actions", json={"action": "exclude", "target": {"rows": [30]}}).status_code]
                codes += [http.get(f"{at}/log").status_code, http.get("/healthz").status_code]
            rows = http.post(f"{at}/view", json={"filter": {"rows": [30]}})
            kept = rows.json()["rows"][0]["action"] if rows.status_code == 200 else rows.json()["detail"]
        return all(code != 500 for code in codes), f"{sorted(set(codes))}, row 30: {kept}"

    def gone(project: Path) -> None:
        for name in files:
            (project / name).unlink(missing_ok=True)

    def restored(project: Path) -> None:
        gone(project)
        shutil.copy(made / "state.sqlite", project / "state.sqlite")

    def cut(project: Path) -> None:
        gone(project)
        (project / "state.sqlite").write_bytes((made / "state.sqlite").read_bytes()[:5_000])

    def emptied(project: Path) -> None:
        for path in project.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    for name, change in (
        ("its decisions deleted", gone), ("its decisions restored from a copy", restored), ("its decisions cut short", cut),
        ("all of it deleted", emptied), ("its folder deleted", shutil.rmtree),
        ("its decisions a folder", lambda project: (gone(project), (project / "state.sqlite").mkdir())),
    ):  # fmt: skip
        yield f"while served, {name}", lambda change=change: use(change)
    yield "hundreds of connections that say nothing", lambda: _silent(folder)
    yield "twelve pictures of 119 megapixels at once", lambda: _gigapixels(folder, made)


def _silent(folder: Path) -> tuple[bool, str]:
    """400 connections, half of them within the head of a request; somebody else asks meanwhile."""
    import httpx

    import serving

    with serving.served(folder / "silent home") as (url, _), contextlib.ExitStack() as stack:
        parts = urlsplit(url)
        for at in range(400):
            wire = stack.enter_context(socket.create_connection((parts.hostname, parts.port)))
            wire.sendall(b"GET / HTTP/1.1\r\nX: " if at % 2 else b"")
        code = httpx.get(f"http://{parts.netloc}/healthz", timeout=60).status_code
    return code == 200, str(code)


def _gigapixels(folder: Path, project: Path) -> tuple[bool, str]:
    import httpx
    from PIL import Image

    import serving

    out = io.BytesIO()
    Image.new("1", GIGAPIXEL).save(out, "PNG")
    headers = {"Authorization": f"Bearer {serving.TOKEN}", "Content-Type": "application/octet-stream"}
    codes: list[int] = []
    with serving.served(folder / "pixels home", project) as (url, process):
        base = url.split("/?")[0] + "/api/v1/projects"
        at = httpx.get(base, headers=headers, timeout=60).json()[0]["id"]

        def send() -> None:
            codes.append(
                httpx.post(f"{base}/{at}/pictures", content=out.getvalue(), headers=headers, timeout=300).status_code
            )

        together = [threading.Thread(target=send) for _ in range(12)]
        for one in together:
            one.start()
        for one in together:
            one.join()
        megabytes = peak_megabytes(process.pid)
    return megabytes < BUDGET_MB and max(
        codes
    ) != 500, f"{megabytes} MB, {len(out.getvalue()):,} bytes, {sorted(set(codes))}"


def exports(folder: Path) -> Iterator[Attack]:
    """Labels and names that would be paths, and cells that a spreadsheet would run."""
    import pandas as pd

    import assay

    labels = [
        "../../up",
        "/etc",
        "a/b",
        "a\\b",
        ".",
        "..",
        "~",
        "-rf",
        "con",
        "x" * 300,
        "nul\0",
        "li\nne",
        "\u202egnp",
        "ok",
    ]
    (folder / "data").mkdir()
    cells = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", "plain words"]
    texts = [f"{cells[at % 6]} and more words {at}" for at in range(140)]
    named = [labels[at % 14] for at in range(140)]
    kinds = {"text": texts, "image": [_png(at) for at in range(140)]}

    def project(kind: str) -> Any:
        data, place = folder / "data" / f"{kind}.parquet", folder / f"{kind}.assay"
        if not place.exists():
            pd.DataFrame({kind: kinds[kind], "label": named}).to_parquet(data)
            assay.analyze(data, output=place, effort="fast", progress="quiet", workers=1, label="label", **{kind: kind})
        return assay.open(place)

    def as_folder() -> tuple[bool, str]:
        opened = project("image")
        before = set(folder.rglob("*"))
        try:
            said = str(opened.export(folder / "out", format="folder"))
        except assay.AssayError as error:
            said = str(error)
        outside = [str(path) for path in set(folder.rglob("*")) - before if not path.is_relative_to(folder / "out")]
        return not outside, str(outside) if outside else said

    def guarded() -> tuple[bool, str]:
        project("text").export(folder / "plain.csv", format="csv")
        project("text").export(folder / "guarded.csv", format="csv", csv_guard=True)
        plain = pd.read_csv(folder / "plain.csv", keep_default_na=False)
        found = pd.read_csv(folder / "guarded.csv", keep_default_na=False)
        run = [cell for cell in found["text"] if cell[0] in "=+-@\t"]
        same = list(plain["text"]) == texts
        return (
            not run and same,
            f"{len(run)} cells to run with the guard; without it the cells are as they were: {same}",
        )

    yield "labels that are paths, as folders", as_folder
    yield "pictures that are named like programs", lambda: _programs(folder)
    yield "a ZIP of names that collide, lead out or are absolute", lambda: _collisions(folder)
    yield "pictures swapped for links while they are exported", lambda: _swapped(folder)
    yield "cells that a spreadsheet runs", guarded


def _programs(folder: Path) -> tuple[bool, str]:
    """Bytes of pictures under names that a system opens with something else."""
    import pandas as pd

    names = ["setup.bat", "page.html", "x.desktop", "run.sh", "a.lnk", "b.svg"]
    cells = [{"bytes": _png(at), "path": names[at % 6]} for at in range(48)]
    pd.DataFrame({"image": cells, "label": ["a", "b"] * 24}).to_parquet(folder / "programs.parquet")
    opened = _analysed(folder / "programs.parquet", folder / "programs.assay", label="label", image="image")
    opened.export(folder / "programs", format="folder")
    odd = {path.suffix for path in (folder / "programs").rglob("*") if path.is_file()} - {".png"}
    return not odd, f"endings besides .png: {sorted(odd)}, of {len(names)} kinds of names"


def _analysed(data: Path, project: Path, **words: str) -> Any:
    import assay

    assay.analyze(data, output=project, effort="fast", progress="quiet", workers=1, **words)
    return assay.open(project)


def _collisions(folder: Path) -> tuple[bool, str]:
    """Names that one file system or another takes for the same, twice the same name, `..`, absolute ones."""
    import zipfile

    names = [
        "a/x.png",
        "A/X.PNG",
        "a/x.png",
        "a\\x.png",
        "/a/x.png",
        "a//x.png",
        "a/./x.png",
        "../a/y.png",
        "/etc/x.png",
    ]
    with zipfile.ZipFile(folder / "collide.zip", "w") as archive:
        for at, name in enumerate(names):
            archive.writestr(zipfile.ZipInfo(name), _png(at))
        for at in range(24):
            archive.writestr(f"{'ab'[at % 2]}/{at}.png", _png(100 + at))
    before = set(folder.rglob("*"))
    opened = _analysed(folder / "collide.zip", folder / "collide.assay")
    said = str(opened.export(folder / "collided", format="folder"))
    written = [path for path in (folder / "collided").rglob("*") if path.is_file()]
    labelled = sum(label is not None for label in opened.results()["given_label"].to_pylist())
    ours = ("collided", "collide.assay")
    outside = [path for path in set(folder.rglob("*")) - before if path.relative_to(folder).parts[0] not in ours]
    return not outside and len(written) == labelled, f"{len(written)} files of {labelled} labelled rows; {said}"


def _swapped(folder: Path) -> tuple[bool, str]:
    """Somebody exchanges pictures for links to a private picture and back, all the time that an upload is exported."""
    from assay.sources.sandbox import confined

    data, private = folder / "swap", folder / "private.png"
    private.write_bytes(_png(7_777))
    secret = private.read_bytes()
    for at in range(40):
        place = data / "ab"[at % 2] / f"{at}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(_png(at))
    with confined(data):
        opened = _analysed(data, folder / "swap.assay")
    ends = threading.Event()

    def swap() -> None:
        names = sorted(data.rglob("*.png"))
        while not ends.is_set():
            for at, place in enumerate(names):
                spare = place.with_suffix(f".{at % 2}")
                if at % 2:
                    spare.symlink_to(private)
                else:
                    spare.write_bytes(_png(at))
                spare.replace(place)
            names.reverse()

    somebody = threading.Thread(target=swap)
    somebody.start()
    shown, read = 0, 0
    try:
        for _ in range(20):
            for row in range(40):
                with contextlib.suppress(Exception):
                    shown += opened.open_bytes(row) == secret
                    read += 1
    finally:
        ends.set()
        somebody.join()
    return not shown, f"{shown} of {read} reads that succeeded were of the private picture"
