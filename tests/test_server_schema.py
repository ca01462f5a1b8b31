"""Whatever is sent to the routes, none of them fails; and the page's copy of the contract is the server's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from assay.server.openapi import document
from fuzzing import ENVIRONMENT, fuzz, limit, linked
from serving import ORIGIN, TOKEN, client, copy_project, served

KEPT = ("method", "url", "headers", "json", "data", "params", "content", "cookies")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def api(digits_project, tmp_path_factory) -> Iterator[Any]:
    """(client, id of a project)"""
    folder = tmp_path_factory.mktemp("schema")
    project = copy_project(digits_project, folder / "digits.assay")
    with client(folder / "home", project) as made:
        yield made, made.get("/api/v1/projects").json()[0]["id"]


# server-sent events have no end
schema = schemathesis.openapi.from_dict(document()).exclude(path_regex="/events$")


@schema.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
def test_no_request_makes_the_server_fail(case, api):
    made, project = api
    if "project" in case.path_parameters:  # an invented name is but a 404
        case.path_parameters["project"] = project
    asked = case.as_transport_kwargs(base_url=ORIGIN)
    asked = {name: value for name, value in asked.items() if name in KEPT and value is not None}
    answer = made.request(**asked, follow_redirects=False)
    assert answer.status_code < 500, (asked, answer.text)
    if answer.status_code >= 400:
        assert answer.json()["detail"]


def test_chains_of_requests_do_not_make_a_server_with_little_memory_and_few_files_fail(digits_project, tmp_path):
    """256 files and 1.5 GB; what one answer names, the next request asks for. `benchmarks/fuzz.py` sends thousands."""
    (tmp_path / "served").mkdir()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with served(tmp_path / "home", tmp_path / "served", environment=ENVIRONMENT) as (url, process):
        limit(process.pid)
        tally = fuzz(linked(), url.split("/?")[0], headers, digits_project, tmp_path / "served", 150, seed=1)
        assert process.poll() is None
    assert not tally.faults
    assert tally.requests >= 150 and len(tally.succeeded) > 10


def test_the_pages_copy_of_the_contract_is_the_servers():
    """After a change of a route: `python -m assay.server.openapi > web/openapi.json`, then `npm run api` in web/."""
    assert json.loads((ROOT / "web" / "openapi.json").read_text(encoding="utf-8")) == json.loads(json.dumps(document()))


def test_the_filter_of_the_contract_is_the_filter_language_itself():
    from assay.query import Condition, Filter, Sort

    declared = document()["components"]["schemas"]
    for kind in (Filter, Sort):
        assert list(declared[kind.__name__]["properties"]) == list(kind.__dataclass_fields__)
    assert set(declared["Condition"]["properties"]) == set(Condition.__dataclass_fields__) - {"among"} | {"in"}
    assert declared["Filter"]["additionalProperties"] is False


def test_a_filter_of_the_wrong_shape_is_refused_in_the_words_of_the_language(api):
    made, project = api
    answer = made.post(f"/api/v1/projects/{project}/view", json={"filter": {"cluster": ["3"]}})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "each value of cluster must be whole numbers, not a string"
