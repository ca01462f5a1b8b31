"""Chains of requests to every route of a server with few files and little memory: does one make it fail? ``fuzz.py [REQUESTS]``

In: nothing; three small projects (pictures, texts, a table) are made. Out: ``results/fuzz.json``; printed, what happened: answers of
500 and above, the routes that answered with success, the largest resident memory of the server. The work is done by
``tests/fuzzing.py``. Does not know: what a route is for.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from measure import ROOT, peak_megabytes
from sides import keep

sys.path.insert(0, str(ROOT / "tests"))


def main() -> None:
    import flipping

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("requests", nargs="?", type=int, default=3_000)
    n, found = parser.parse_args().requests, []
    for kind in flipping.KINDS:
        with tempfile.TemporaryDirectory(prefix="assay-fuzz-") as scratch:
            _, _, project = flipping.make(Path(scratch), kind)
            found.append({"project": kind} | _asked(Path(scratch), project, n // len(flipping.KINDS)))
        print(found[-1], flush=True)
    asked, faults = sum(one["requests"] for one in found), [fault for one in found for fault in one["faults"]]
    routes = set.union(*(set(one["succeeded"]) for one in found))
    line = (
        f"{asked:,} requests in chains to {max(one['routes'] for one in found)} routes of a server with 256 files and 1.5 GB: "
        f"{len(faults)} answers of 500 and above, {len(routes)} routes answered with success; largest resident memory "
        f"{max(one['resident_mb'] for one in found)} MB"
    )
    print(line)
    keep("fuzz", {"projects": found, "lines": [line]})
    if faults:
        raise SystemExit(1)


def _asked(scratch: Path, project: Path, n: int) -> dict[str, Any]:
    from fuzzing import ENVIRONMENT, fuzz, limit, linked
    from serving import TOKEN, served

    folder = scratch / "served"
    folder.mkdir()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with served(scratch / "home", folder, environment=ENVIRONMENT) as (url, process):
        limit(process.pid)
        address = url.split("/?")[0]
        contract = linked(_upload(address, headers))
        tally = fuzz(contract, address, headers, project, folder, n, seed=0)
        peak = peak_megabytes(process.pid)
        for one in httpx.get(f"{address}/api/v1/projects", headers=headers, timeout=60).json():
            httpx.post(f"{address}/api/v1/projects/{one['id']}/cancel", headers=headers, timeout=60)
        routes = sum(len(methods) for methods in contract["paths"].values())
        return {
            "requests": tally.requests, "routes": routes, "succeeded": tally.succeeded, "faults": tally.faults,
            "answers": {label: dict(codes) for label, codes in sorted(tally.answers.items())},
            "resident_mb": peak,
        }  # fmt: skip


def _upload(address: str, headers: dict[str, str]) -> str:
    """A finished upload of a small table; its id."""
    from cutting import begin, send_rest

    data = b"text,label\n" + b"".join(
        b"some words number %d,%s\n" % (at, b"ab"[at % 2 : at % 2 + 1]) for at in range(40)
    )
    with httpx.Client(base_url=address, headers=headers) as client:
        place = begin(client, data)
    send_rest(address, place, data)
    return place.rpartition("/")[2]


if __name__ == "__main__":
    main()
