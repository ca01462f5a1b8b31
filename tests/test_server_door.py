"""Who may come in, and what the server tells strangers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from assay.errors import UsageError
from assay.server.serve import prepare
from serving import ORIGIN, TOKEN, client


@pytest.fixture(scope="module")
def door(digits_project, tmp_path_factory):
    with client(tmp_path_factory.mktemp("home"), digits_project) as made:
        yield made


def bare(door):
    """The same server for somebody without anything."""
    from starlette.testclient import TestClient

    return TestClient(door.app, base_url=ORIGIN, follow_redirects=False)


@pytest.mark.parametrize("path", ["/api/v1/projects", "/api/v1/projects/x", "/api/v1/projects/x/thumbs/1"])
def test_nothing_is_told_to_strangers(door, path):
    answer = bare(door).get(path)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "sign in first" in answer.json()["detail"]


def test_the_address_with_the_token_becomes_a_cookie_and_the_token_leaves_the_address(door):
    stranger = bare(door)
    answer = stranger.get("/review/x?token=" + TOKEN + "&row=3")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/review/x?row=3"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie
    assert stranger.get("/api/v1/projects").status_code == 200


def test_a_wrong_token_opens_nothing(door):
    stranger = bare(door)
    assert "set-cookie" not in stranger.get("/?token=" + TOKEN[:-1]).headers
    assert stranger.post("/api/v1/session", json={"token": "wrong"}).status_code == 401
    assert stranger.get("/api/v1/projects", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_signing_in_gives_a_name_and_signing_out_ends_it(door):
    guest = bare(door)
    assert guest.get("/api/v1/session").json() | {"version": ""} == {
        "person": "", "signed_in": False, "needs": "token", "version": ""
    }  # fmt: skip
    assert guest.post("/api/v1/session", json={"token": TOKEN, "person": " ann "}).json()["person"] == "ann"
    assert guest.get("/api/v1/session").json()["person"] == "ann"
    assert guest.post("/api/v1/session", json={"person": "bob"}).json()["person"] == "bob"
    guest.delete("/api/v1/session")
    assert guest.get("/api/v1/projects").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
    ],
)
def test_requests_of_other_sites_that_change_something_are_refused(door, headers):
    answer = door.post("/api/v1/projects/x/undo", json={}, headers=headers)
    assert answer.status_code == 403
    assert "other sites" in answer.json()["detail"]


def test_our_own_page_may_change_things(door):
    answer = door.post("/api/v1/session", json={}, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code != 403


def test_a_name_that_was_pointed_at_this_machine_is_refused(door):
    answer = door.get("/api/v1/projects", headers={"Host": "evil.example"})
    assert answer.status_code == 403
    assert "does not answer to the name 'evil.example'" in answer.json()["detail"]


def test_every_answer_carries_the_policy_of_contents(door):
    for path in ("/", "/healthz", "/api/v1/session", "/api/v1/nothing"):
        policy = door.get(path).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "script" not in policy  # scripts: the default, so no inline ones
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2fpyproject.toml",
        "/assets/..%2f..%2f..%2fapp.py",
        "/%2e%2e/app.py",
        "/..%5capp.py",
        "/assets/%2e%2e/app.py",
    ],
)
def test_no_path_leads_out_of_the_page(door, path):
    answer = door.get(path)
    assert "create_app" not in answer.text and "[build-system]" not in answer.text


def test_beyond_loopback_a_password_is_needed(tmp_path):
    with pytest.raises(UsageError, match="set a password first"):
        prepare(host="0.0.0.0", home=tmp_path)
    with pytest.raises(UsageError, match="too short to be safe"):
        prepare(host="0.0.0.0", home=tmp_path, token="short")
    listening = prepare(host="0.0.0.0", home=tmp_path, password="a long password")
    listening.socket.close()
    assert "token" not in listening.url


def test_wrong_passwords_run_out(tmp_path):
    from starlette.testclient import TestClient

    from assay.server.app import create_app

    listening = prepare(home=tmp_path, password="open sesame")
    listening.socket.close()
    guest = TestClient(create_app(listening.services), base_url=ORIGIN)
    assert guest.get("/api/v1/session").json()["needs"] == "password"
    assert guest.post("/api/v1/session", json={"password": "sesame"}).status_code == 401
    assert guest.post("/api/v1/session", json={"password": "open sesame"}).status_code == 200
    for _ in range(10):
        guest.post("/api/v1/session", json={"password": "guess"})
    assert "too many" in guest.post("/api/v1/session", json={"password": "open sesame"}).json()["detail"]


def test_a_port_in_use_and_a_missing_project_are_one_message(tmp_path):
    listening = prepare(home=tmp_path)
    port = listening.socket.getsockname()[1]
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1 port {port}"):
        prepare(home=tmp_path, port=port)
    listening.socket.close()
    command = [sys.executable, "-m", "assay", "serve", "missing.assay", "--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("assay: there is no project or folder missing.assay")
    assert "Traceback" not in done.stderr
