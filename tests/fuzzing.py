"""Requests of any kind to every route, in chains: what one answer names, the next request asks for.

Used by the tests (some hundred requests) and by ``benchmarks/fuzz.py`` (many, of a server with little memory and few files). The
contract of the routes says nothing of which answer leads to which request; the links are added here, the routes of uploads, which
are of the tus protocol and not in the contract, too. schemathesis makes the requests, nine of ten valid.
"""

from __future__ import annotations

import resource
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Flaky

from assay.server.openapi import document
from cutting import TUS

API = "/api/v1"
NAME = f"{API}/projects/{{project}}"
HERE = "$request.path.project"
FILES, MEMORY = 256, 1_500_000_000
ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system"
}  # of the server: mimalloc sets a gigabyte aside, of which it uses little
ENDLESS = f"{NAME}/events"  # server-sent events; a request for them never ends
# parameter -> (the request whose answer names one, where in it)
NAMED = {
    "row": (f"{NAME}/view", "post", "$response.body#/rows/0/row"),
    "other": (f"{NAME}/view", "post", "$response.body#/rows/1/row"),
    "number": (f"{NAME}/log", "get", "$response.body#/entries/0/number"),
    "label": (NAME, "get", "$response.body#/classes/0/value"),
    "a": (NAME, "get", "$response.body#/classes/0/value"),
    "b": (NAME, "get", "$response.body#/classes/1/value"),
    "name": (f"{NAME}/views", "post", "$response.body#/0/name"),
    "to": (f"{NAME}/log", "get", "$response.body#/number"),
    "from": (f"{NAME}/log", "get", "$response.body#/entries/0/number"),
}
BODIES = {  # requests whose body is to name rows that there are
    f"{NAME}/actions": {"target": {"rows": ["$response.body#/rows/0/row"]}},
    f"{NAME}/preview": {"target": {"rows": ["$response.body#/rows/0/row"]}},
    f"{NAME}/positions": {"rows": ["$response.body#/rows/0/row"]},
    f"{NAME}/telling": {"rows": ["$response.body#/rows/0/row"]},
}
ID = r"$response.header.Location#regex:([0-9a-f]+)$"
PLAIN = ("view", "facets", "sets", "map", "charts", "export/preview")  # a random filter is refused nearly always


def linked(upload: str = "") -> dict[str, Any]:
    """The contract with links. ``upload``: a finished one that previews and new projects are of; none: neither succeeds."""
    contract = document()
    paths = contract["paths"]
    paths.pop(ENDLESS)
    paths |= _uploads()
    paths["/healthz"] = {"get": {"operationId": "healthz", "responses": {"200": {"description": "lives"}}}}

    def link(source: tuple[str, str], target: tuple[str, str], parameters: dict[str, str], body: Any = None) -> None:
        answers = paths[source[0]][source[1]]["responses"]
        links = answers[next(code for code in answers if code.startswith("2"))].setdefault("links", {})
        made = {"operationId": paths[target[0]][target[1]]["operationId"], "parameters": parameters}
        links[f"{len(links)} {' '.join(target)}"] = made if body is None else made | {"requestBody": body}

    for path, methods in list(paths.items()):
        for method, told in methods.items():
            here = path, method
            if path.startswith(NAME):
                link((f"{API}/projects", "get"), here, {"project": "$response.body#/0/id"})
                named = {one["name"] for one in told.get("parameters", [])} & set(NAMED)
                for source in sorted({NAMED[name][:2] for name in named}):
                    of_source = {name: NAMED[name][2] for name in named if NAMED[name][:2] == source}
                    link(source, here, {"project": HERE} | of_source)
            if path in BODIES:
                link((f"{NAME}/view", "post"), here, {"project": HERE}, BODIES[path])
            if path in {f"{NAME}/{name}" for name in PLAIN}:
                link((f"{API}/projects", "get"), here, {"project": "$response.body#/0/id"}, {"filter": {}})
            if path.startswith(f"{API}/uploads/"):
                link((f"{API}/uploads", "post"), here, {"upload": ID})
            if path.startswith(f"{NAME}/insights/{{number}}"):
                link((NAME, "get"), here, {"project": HERE, "number": "0"})
    if upload:
        for path in (f"{API}/sources/preview", f"{API}/projects"):
            link((f"{API}/projects", "get"), (path, "post"), {}, {"upload": upload, "path": None, "options": {}})
    return contract


def _uploads() -> dict[str, Any]:
    """The tus routes as a contract."""

    def header(name: str, **kind: Any) -> dict[str, Any]:
        return {"in": "header", "name": name, "required": True, "schema": kind}

    version = header("Tus-Resumable", type="string", enum=list(TUS.values()))
    at = {"in": "path", "name": "upload", "required": True, "schema": {"type": "string"}}
    name = header("Upload-Metadata", type="string", enum=["filename YS5jc3Y=", "", "x", "a b, c d"])
    done = {"responses": {"204": {"description": "done"}}}
    body = {"content": {"application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
    start = header("Upload-Offset", type="integer", minimum=0, maximum=2)
    size = header("Upload-Length", type="integer", minimum=0, maximum=40)
    one: dict[str, Any] = {
        method: {"operationId": f"{method}_upload", "parameters": [version, at]} | done for method in ("head", "delete")
    }
    one["patch"] = {"operationId": "patch_upload", "parameters": [version, at, start], "requestBody": body} | done
    made = {"responses": {"201": {"description": "begun"}}}
    return {
        f"{API}/uploads": {"post": {"operationId": "begin_upload", "parameters": [version, size, name]} | made},
        f"{API}/uploads/{{upload}}": one,
    }


@schemathesis.serializer("application/offset+octet-stream")
def as_it_is(_context: Any, value: Any) -> Any:
    """Of tus; schemathesis knows how to send bytes of other names only."""
    return value if isinstance(value, bytes) else str(value).encode()


class Tally:
    """What was asked and answered. ``faults``: answers of 500 and above, and requests that got none."""

    def __init__(self) -> None:
        self.answers: dict[str, Counter[int]] = defaultdict(Counter)
        self.faults: list[str] = []

    @property
    def requests(self) -> int:
        return sum(sum(one.values()) for one in self.answers.values())

    @property
    def succeeded(self) -> list[str]:
        """Routes that answered with success at least once."""
        return sorted(label for label, codes in self.answers.items() if min(codes) < 300)


def fuzz(
    contract: dict[str, Any],
    address: str,
    headers: dict[str, str],
    project: Path,
    served: Path,
    requests: int,
    seed: int,
) -> Tally:
    """Chains of requests until there were ``requests``, to a server of the folder ``served``, in which there is always a copy of
    ``project``: chains rename and delete it."""
    tally = Tally()
    schema = schemathesis.openapi.from_dict(contract)
    schema.config.update(base_url=address)
    schema.config.phases.stateful.inference.algorithms = []

    class Chain(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            for path in [path for path in served.iterdir() if path.name != project.name]:
                shutil.rmtree(path, ignore_errors=True)

        def before_call(self, case: Any) -> None:
            if not (served / project.name).exists():
                shutil.copytree(project, served / project.name)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": headers, "timeout": 60, "allow_redirects": False}

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            label = f"{case.method.upper()} {case.path}"
            tally.answers[label][response.status_code] += 1
            if response.status_code >= 500:
                tally.faults.append(f"{label}: {response.status_code} {response.text[:300]} {case.as_curl_command()}")

    settings = hypothesis.settings(
        max_examples=max(1, requests // 40), stateful_step_count=40, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    while tally.requests < requests:
        before = tally.requests
        try:
            hypothesis.seed(seed)(Chain).run(settings=settings)
        except Flaky:  # what a server answers depends on what was decided before; Hypothesis gives up such a series
            pass
        except Exception as error:
            tally.faults.append(f"no answer: {type(error).__name__}: {error}")
        if tally.faults or tally.requests == before:
            break
        seed += 1
    return tally


def limit(pid: int) -> None:
    """Few files and little memory for a server, from now on. What is bounded is memory that is written to: the mapped libraries
    take more addresses than that before the first request, so that a bound on addresses would say nothing."""
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (FILES, FILES))
    resource.prlimit(pid, resource.RLIMIT_DATA, (MEMORY, MEMORY))
