"""The review app on a project as large as ImageNet, over HTTP. ``review.py [FOLDER] [--reviewers N] [--seconds S] [--small]``

In: a project of `big_project.py` (made in a temporary folder where none is named). Out: ``results/review.json``: seconds from start
to the first page; p50, p95 and the server's CPU time of each shape of query and of what each page asks; a bulk fix of 50,000 rows
and its undo, many reviewers at once, script time a frame while scrolling in a browser, memory. With ``--small`` the reviewers alone,
on 20,000 rows: ``results/reviewers.json``. Does not know: how the server works.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

import assay
import big_project
from measure import commit, machine
from page import RESULTS, ROOT
from sides import keep

sys.path.insert(0, str(ROOT / "tests"))
from serving import TOKEN, served

DRAWS, PAGE, BULK = 30, 100, 50_000
SMALL = (20_000, 50)  # rows and classes
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
MIX = {"page": 0.35, "filter": 0.25, "contains": 0.05, "facets": 0.15, "decide": 0.20}  # of what a reviewer asks
Body = dict[str, Any]


@contextmanager
def server(project: Path, home: Path) -> Iterator[tuple[str, int]]:
    """(address of the project's routes, process id)"""
    with served(home, project) as (address, process):
        base = address.split("/?")[0] + "/api/v1"
        name = httpx.get(f"{base}/projects", headers=HEADERS, timeout=120).json()[0]["id"]
        yield f"{base}/projects/{name}", process.pid


def megabytes(pid: int) -> int:
    """Resident memory of the server, files that it maps left out."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) // 1024
    return -1


def cpu_seconds(pid: int) -> float:
    """What the server has computed so far, by all of its threads; other processes do not disturb it as they do a clock."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def shapes(classes: list[str], words: list[str], rng: np.random.Generator) -> dict[str, Callable[[], tuple[str, Body]]]:
    """(route, body) of each shape; every call draws other values, so that no answer is kept from before."""

    def some(n: int) -> list[str]:
        return [classes[at] for at in rng.choice(len(classes), n, replace=False)]

    def low(top: float = 0.5) -> float:
        return round(float(rng.uniform(0, top)), 5)

    def view(filter: Body, **more: Any) -> tuple[str, Body]:
        return "view", {"filter": filter, "limit": PAGE} | more

    def above(column: str, top: float = 0.5) -> Body:
        return {"where": [{"column": column, "min": low(top)}]}

    return {
        "label issues, worst first": lambda: view({"any": ["label"]} | above("label_issue_score")),
        "label issues of a class": lambda: view({"any": ["label"], "given": some(1)}),
        "given and suggested, 20 classes each": lambda: view({"given": some(20), "suggested": some(20)}),
        "300 classes": lambda: view({"given": some(300)}),
        "any of three checks": lambda: view({"any": ["dark", "blurry", "outlier"]} | above("outlier_score")),
        "undecided issues": lambda: view({"any": ["label"], "resolved": False} | above("p_label_error")),
        "a range of the user's numbers": lambda: view({"where": [{"column": "size_kb", "min": 20 + 100 * low()}]}),
        "a class of the user's": lambda: view({"given": some(5), "where": [{"column": "origin", "in": ["web"]}]}),
        "contains text": lambda: view({"where": [{"column": "caption", "contains": str(rng.choice(words))[:7]}]}),
        "row ids": lambda: view({"rows": rng.integers(0, 1_000_000, 200).tolist()}),
        "deep page of a known sort": lambda: view({}, offset=int(rng.integers(1_000_000, 1_200_000))),
        "another sort of a filter": lambda: view({"given": some(50)}, sort={"by": "outlier_score", "descending": True}),
        "facets of a filter": lambda: ("facets", {"filter": {"given": some(40)}}),
        "facets of everything undecided": lambda: ("facets", {"filter": {"resolved": False} | above("label_quality")}),
        "preview of a bulk fix": lambda: (
            "preview",
            {"action": "auto-fix", "target": {"filter": {"any": ["label"], "given": some(100)}}},
        ),
    }


def quantiles(seconds: list[float]) -> dict[str, float]:
    values = np.asarray(seconds) * 1000
    return {"p50_ms": round(float(np.quantile(values, 0.5)), 1), "p95_ms": round(float(np.quantile(values, 0.95)), 1)}


def ask(client: httpx.Client, base: str, route: str, body: Body) -> tuple[float, Any]:
    started = time.perf_counter()
    answer = client.post(f"{base}/{route}", json=body)
    seconds = time.perf_counter() - started
    answer.raise_for_status()
    return seconds, answer.json()


def queries(
    client: httpx.Client, base: str, pid: int, kinds: dict[str, Callable[[], tuple[str, Body]]]
) -> dict[str, Any]:
    return {name: measured(name, pid, lambda draw=draw: ask(client, base, *draw())[0]) for name, draw in kinds.items()}


def measured(name: str, pid: int, do: Callable[[], float]) -> dict[str, float]:
    """Of `DRAWS` times, after a first one that opens what it needs: quantiles of the seconds, and CPU time of the server each."""
    do()
    before = cpu_seconds(pid)
    out = quantiles([do() for _ in range(DRAWS)])
    out["cpu_ms"] = round(1000 * (cpu_seconds(pid) - before) / DRAWS, 1)
    print(f"  {name}: {out['p50_ms']} / {out['p95_ms']} ms, {out['cpu_ms']} ms CPU", flush=True)
    return out


def pages(client: httpx.Client, base: str, pid: int, rng: np.random.Generator) -> dict[str, Any]:
    """What the page asks for one after another: after a decision, or with another range, so that no answer is kept from before."""

    def brush() -> Body:
        return {"where": [{"column": "label_issue_score", "min": round(float(rng.uniform(0, 0.9)), 5)}]}

    def overview() -> float:
        row = int(rng.integers(0, 1_000_000))
        ask(client, base, "actions", {"action": "keep", "target": {"rows": [row]}, "token": uuid.uuid4().hex})
        started = time.perf_counter()
        ask(client, base, "facets", {"filter": {}})
        ask(client, base, "charts", {"filter": {}, "names": ["classes"]})
        client.get(f"{base}/left").raise_for_status()
        client.get(f"{base}/found").raise_for_status()
        return time.perf_counter() - started

    def saved_view() -> float:
        filter = brush()
        ask(client, base, "views", {"name": "measured", "query": f"?any=label&where={json.dumps(filter['where'])}"})
        started = time.perf_counter()
        client.get(f"{base}/views").raise_for_status()
        ask(client, base, "view", {"filter": filter | {"any": ["label"]}, "limit": PAGE})
        ask(client, base, "facets", {"filter": filter})
        return time.perf_counter() - started

    def brushed() -> float:
        filter = brush()
        parts = [ask(client, base, "view", {"filter": filter, "limit": PAGE})]
        parts += [ask(client, base, "facets", {"filter": filter})]
        parts += [ask(client, base, "narrow", {"filter": filter, "score": "label_issue_score"})]
        return sum(seconds for seconds, _ in parts)

    def split_map() -> float:
        filter = brush()
        shown = [
            ask(client, base, "map", {"filter": filter}),
            ask(client, base, "view", {"filter": filter, "limit": PAGE}),
        ]
        return sum(seconds for seconds, _ in shown)

    kinds = {
        "overview, 4 requests": overview,
        "a saved view: its list, rows and counts": saved_view,
        "a brushed score: rows, counts and bars": brushed,
        "the map beside the rows": split_map,
    }
    return {name: measured(name, pid, do) for name, do in kinds.items()}


def sorts(client: httpx.Client, base: str) -> dict[str, float]:
    """The first page of sorts that nobody asked for yet, in milliseconds."""
    out = {}
    for column in ("near_duplicate_score", "p_label_error", "suggested_label", "size_kb", "taken", "image_width"):
        seconds, _ = ask(
            client, base, "view", {"filter": {}, "sort": {"by": column, "descending": True}, "limit": PAGE}
        )
        out[column] = round(seconds * 1000, 1)
    return out


def bulk(client: httpx.Client, base: str) -> dict[str, float]:
    """Auto-fix and leave out 50,000 rows, and take both back; seconds."""
    out = {}
    for action, filter in (("auto-fix", {"any": ["label", "outlier", "unlabeled"]}), ("exclude", {})):
        body = {"action": action, "target": {"filter": filter, "top": BULK}, "token": uuid.uuid4().hex}
        seconds, done = ask(client, base, "actions", body)
        rows = done["entry"]["n_rows"]
        back, _ = ask(client, base, "undo", {"token": uuid.uuid4().hex})
        out |= {
            f"{action}_rows": rows,
            f"{action}_seconds": round(seconds, 3),
            f"{action}_undo_seconds": round(back, 3),
        }
    return out


async def reviewers(
    base: str, n: int, count: int, seconds: float, classes: list[str], words: list[str]
) -> dict[str, Any]:
    """``count`` people on ``n`` rows, each one request a second of the mix; what it took, and whether every decision is kept."""
    times: dict[str, list[float]] = {kind: [] for kind in MIX}
    decided: list[tuple[str, int, str]] = []
    errors: list[str] = []

    async def person(number: int) -> None:
        rng = np.random.default_rng(number)
        name = f"reviewer-{number:02d}"
        limits = httpx.Limits(max_connections=2)
        async with httpx.AsyncClient(headers=HEADERS | {"X-Assay-Person": name}, timeout=60, limits=limits) as client:
            await asyncio.sleep(float(rng.uniform(0, 1)))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                started = time.monotonic()
                kind = str(rng.choice(list(MIX), p=list(MIX.values())))
                route, body = request(kind, number, count, rng)
                answer = await client.post(f"{base}/{route}", json=body)
                times[kind].append(time.monotonic() - started)
                if answer.status_code != 200:
                    errors.append(f"{kind}: {answer.status_code} {answer.text[:200]}")
                elif kind == "decide":
                    decided.append((name, body["target"]["rows"][0], body["action"]))
                await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - started)))

    def request(kind: str, number: int, count: int, rng: np.random.Generator) -> tuple[str, Body]:
        few = [classes[at] for at in rng.choice(len(classes), 3, replace=False)]
        if kind == "page":
            return "view", {"filter": {"any": ["label"]}, "offset": int(rng.integers(0, n // 40)), "limit": PAGE}
        if kind == "filter":
            return "view", {"filter": {"any": ["label", "outlier"], "given": few, "resolved": False}, "limit": PAGE}
        if kind == "contains":
            return "view", {
                "filter": {"where": [{"column": "caption", "contains": str(rng.choice(words))[:6]}]},
                "limit": PAGE,
            }
        if kind == "facets":
            return "facets", {"filter": {"given": few}}
        row = int(rng.integers(0, n // count)) * count + number  # everybody has rows of their own
        action = str(rng.choice(["keep", "exclude"]))
        return "actions", {"action": action, "target": {"rows": [row]}, "token": uuid.uuid4().hex}

    await asyncio.gather(*(person(number) for number in range(count)))
    last = {(name, row): action for name, row, action in decided}
    lost = 0
    async with httpx.AsyncClient(headers=HEADERS, timeout=120) as client:
        rows = sorted({row for _, row in last})
        for start in range(0, len(rows), 400):
            body = {"filter": {"rows": rows[start : start + 400]}, "limit": 500}
            shown = {one["row"]: one for one in (await client.post(f"{base}/view", json=body)).json()["rows"]}
            lost += sum(
                (shown[row]["action"], shown[row]["person"]) != (action, name)
                for (name, row), action in last.items()
                if row in shown
            )
    every = [seconds for kind in times.values() for seconds in kind]
    return {
        "reviewers": count,
        "seconds": seconds,
        "mix": MIX,
        "requests": len(every),
        "errors": len(errors),
        "first_errors": errors[:3],
        "decisions": len(decided),
        "lost": lost,
        "all": quantiles(every),
        **{kind: quantiles(values) for kind, values in times.items() if values},
    }


def scrolling(base: str) -> dict[str, Any]:
    """Script time a frame while the whole list is scrolled through in headless Chromium, and whether the last row comes."""
    browser = os.environ.get("ASSAY_TEST_BROWSER") or shutil.which("chromium")
    if browser is None:
        return {"not run": "no Chromium on this machine"}
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {"not run": "playwright is not installed"}
    host, _, project = base.partition("/api/v1/projects/")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = started.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{host}/p/{project}/review?token={TOKEN}")
        rows = page.get_by_role("listbox", name="Rows")
        rows.get_by_role("option").first.wait_for(timeout=60_000)
        page.wait_for_timeout(1_000)
        metrics = page.context.new_cdp_session(page)
        metrics.send("Performance.enable")

        def script() -> float:
            found = {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}
            return float(found["ScriptDuration"])

        frames = page.evaluate(
            "() => { window.frames_seen = 0; const step = () => { window.frames_seen++; requestAnimationFrame(step) }; step() }"
        )
        before, frames = script(), page.evaluate("() => window.frames_seen")
        box = rows.bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 200)
        for _ in range(120):
            page.mouse.wheel(0, 300)
            page.wait_for_timeout(16)
        after, seen = script(), page.evaluate("() => window.frames_seen")
        rows.focus()
        page.keyboard.press("End")
        page.wait_for_timeout(2_500)
        last = page.get_by_role("listbox", name="Rows").get_by_role("option").last.get_attribute("aria-posinset")
        started.close()
    return {
        "script_ms_a_frame": round(1000 * (after - before) / max(seen - frames, 1), 2),
        "frames": seen - frames,
        "last_row_shown": last,
    }


def _small(found: dict[str, Any], pid: int) -> None:
    line = (
        f"{found['reviewers']} reviewers for {found['seconds']:.0f} s on {found['rows']:,} rows: {found['requests']:,} requests, "
        f"{found['errors']} errors, {found['decisions']:,} decisions, {found['lost']} lost; p50 {found['all']['p50_ms']} ms, p95 "
        f"{found['all']['p95_ms']} ms; the server computed for {cpu_seconds(pid):.0f} s and holds {megabytes(pid)} MB"
    )
    print(line, *found["first_errors"], sep="\n")
    keep("reviewers", found | {"lines": [line]})
    if found["errors"] or found["lost"]:
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--reviewers", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--small", action="store_true", help="reviewers alone, of 20,000 rows")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-review-") as scratch:
        project = given.folder or Path(scratch) / "big.assay"
        if given.folder is None:
            big_project.make(project, *(SMALL if given.small else ()))
        opened = assay.open(project)
        classes = list(opened.classes)
        words = " ".join(opened.cells(range(500))["caption"].to_pylist()).split()
        started = time.perf_counter()
        with (
            server(project, Path(scratch) / "home") as (base, pid),
            httpx.Client(headers=HEADERS, timeout=120) as client,
        ):
            ask(client, base, "view", {"filter": {}, "limit": PAGE})
            if given.small:
                many = reviewers(base, len(opened), given.reviewers, given.seconds, classes, words)
                _small({"rows": len(opened)} | asyncio.run(many), pid)
                return
            result: dict[str, Any] = {"rows": len(opened), "classes": len(classes)}
            result["first_page_seconds"] = round(time.perf_counter() - started, 2)
            result["first_page_cpu_seconds"] = round(cpu_seconds(pid), 2)
            print(
                f"first page after {result['first_page_seconds']} s, {result['first_page_cpu_seconds']} s CPU",
                flush=True,
            )
            before = cpu_seconds(pid)
            ask(client, base, "map", {"filter": {}})
            result["first_map_cpu_seconds"] = round(cpu_seconds(pid) - before, 2)
            print(f"first map after {result['first_map_cpu_seconds']} s CPU", flush=True)
            rng = np.random.default_rng(0)
            result["queries"] = queries(client, base, pid, shapes(classes, words, rng))
            result["pages"] = pages(client, base, pid, rng)
            result["new_sorts_ms"] = sorts(client, base)
            result["bulk"] = bulk(client, base)
            print(result["new_sorts_ms"], result["bulk"], flush=True)
            result["reviewers"] = asyncio.run(
                reviewers(base, len(opened), given.reviewers, given.seconds, classes, words)
            )
            print(result["reviewers"], flush=True)
            result["scrolling"] = scrolling(base)
            result["resident_megabytes"] = megabytes(pid)
            print(result["scrolling"], result["resident_megabytes"], "MB", flush=True)
    text = json.dumps({"commit": commit(), "machine": machine()} | result, indent=1)
    (RESULTS / "review.json").write_text(text + "\n", encoding="utf-8")
    print("results/review.json")


if __name__ == "__main__":
    main()
