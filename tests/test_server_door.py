"""Who may come in, and what the server tells strangers."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
from starlette.exceptions import HTTPException

from assay.errors import UsageError
from assay.server.limits import bounded
from assay.server.openapi import document
from assay.server.serve import one_time_address, prepare
from assay.server.throttle import Throttle
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


def key_of(answer) -> dict[str, str]:
    """The header that the page sends after an answer that signed it in."""
    return {"X-Assay-Key": answer.headers["location"].partition("#key=")[2]}


def test_the_address_with_the_token_becomes_a_session_and_the_token_leaves_the_address(door):
    stranger = bare(door)
    answer = stranger.get("/review/x?token=" + TOKEN + "&row=3")
    assert answer.status_code == 303
    assert answer.headers["location"].partition("#key=")[0] == "/review/x?row=3"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert stranger.get("/api/v1/projects", headers=key_of(answer)).status_code == 200


def test_neither_half_of_a_session_opens_anything_alone(door, digits_project):
    """A browser sends the cookie to every port of the host, so whoever serves another one has it."""
    mine = bare(door)
    key = key_of(mine.get("/?token=" + TOKEN))
    look = mine.get("/api/v1/session", headers=key).json()["look"]
    (project,) = (item["id"] for item in mine.get("/api/v1/projects", headers=key).json())
    paths = [
        f"/api/v1/projects/{project}/{part}" for part in ("thumbs/1", "images/1", "events", "rows/1", "log", "size")
    ]
    for headers in ({}, {"X-Assay-Key": look}, {"X-Assay-Key": "x" * 43}, {"X-Assay-Key": "\u00fc"}):
        for path in ("/api/v1/projects", *paths):
            sent = {name: value.encode() for name, value in headers.items()}
            assert mine.get(path, headers=sent).status_code == 401
    other = bare(door)
    for path in paths:
        assert other.get(path, headers=key).status_code == 401
        assert other.get(f"{path}?look={look}").status_code == 401
    assert other.post("/api/v1/session", json={"person": "eve"}, headers=key).status_code == 401
    cookies = dict(mine.cookies)
    mine.delete("/api/v1/session")  # signs nobody out: the key did not come along
    mine.cookies.update(cookies)
    assert mine.get("/api/v1/projects", headers=key).status_code == 200


def test_the_key_for_looking_shows_pictures_and_nothing_else(door):
    mine = bare(door)
    key = key_of(mine.get("/?token=" + TOKEN))
    look = mine.get("/api/v1/session", headers=key).json()["look"]
    assert look not in key["X-Assay-Key"] and key["X-Assay-Key"] not in look
    (project,) = (item["id"] for item in mine.get("/api/v1/projects", headers=key).json())
    one = f"/api/v1/projects/{project}"
    for part in ("thumbs/1", "images/1"):
        assert mine.get(f"{one}/{part}?look={look}").status_code == 200
        assert mine.get(f"{one}/{part}?look={look[:-1]}").status_code == 401
    for path in (
        "/api/v1/projects",
        one,
        f"{one}/rows/1",
        f"{one}/log",
        f"{one}/size",
        f"{one}/job",
        "/api/v1/projects/x",
    ):
        assert mine.get(f"{path}?look={look}").status_code == 401
    assert mine.post(f"{one}/undo?look={look}", json={"token": "x"}).status_code == 401
    assert mine.delete(f"{one}?look={look}").status_code == 401
    mine.delete("/api/v1/session", headers=key)
    assert mine.get(f"{one}/thumbs/1?look={look}").status_code == 401


def test_every_server_names_its_cookie(tmp_path):
    """Two homes on one port, one after the other, do not take each other's sessions either."""
    names = set()
    for home in (tmp_path / "a", tmp_path / "b"):
        listening = prepare((), home=home)
        listening.socket.close()
        listening.services.door.port = 8000
        names.add(listening.services.door.cookie)
    assert len(names) == 2 and all(name.startswith("assay-8000-") for name in names)


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
    signed = guest.post("/api/v1/session", json={"token": TOKEN, "person": " ann "}).json()
    assert signed["person"] == "ann"
    guest.headers["X-Assay-Key"] = signed["key"]
    assert guest.get("/api/v1/session").json()["person"] == "ann"
    assert guest.post("/api/v1/session", json={"person": "bob"}).json()["person"] == "bob"
    assert guest.get(f"/api/v1/projects/x/thumbs/1?look={signed['look']}").status_code == 404
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


def test_wrong_passwords_make_their_own_address_wait_and_nobody_else(tmp_path):
    with client(tmp_path, password="open sesame") as door:
        door.headers.pop("Authorization")
        guest = bare(door)
        for _ in range(5):
            answer = guest.post("/api/v1/session", json={"password": "wrong", "person": "eve"})
            assert answer.status_code == 401 and "not the password" in answer.json()["detail"]
        told = guest.post("/api/v1/session", json={"password": "open sesame", "person": "eve"})
        assert told.status_code == 429 and int(told.headers["retry-after"]) >= 1
        assert "try again in" in told.json()["detail"]
        assert guest.post("/api/v1/session", json={"password": "open sesame", "person": "ann"}).status_code == 200
        time.sleep(int(told.headers["retry-after"]))  # the advice works
        assert guest.post("/api/v1/session", json={"password": "open sesame", "person": "eve"}).status_code == 200


def test_the_wait_grows_ends_and_is_an_addresss_own():
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    waits = []
    for _ in range(30):
        now[0] += throttle.wait("10.0.0.1", "eve")
        throttle.told("10.0.0.1", "eve", right=False)
        waits.append(throttle.wait("10.0.0.1", "eve"))
    assert waits[:5] == [0.0, 0.0, 0.0, 0.0, 1.0] and waits[5:8] == [2.0, 4.0, 8.0] and max(waits) == 300.0
    assert throttle.wait("10.0.0.2", "eve") == 0.0
    assert throttle.wait("10.0.0.1", "ann") == 300.0  # other names do not help an address that guesses on and on
    assert throttle.wait("::ffff:10.0.0.1", "ann") == 300.0
    now[0] += 4_000
    throttle.told("10.0.0.1", "eve", right=False)
    assert throttle.wait("10.0.0.1", "eve") == 0.0
    for at in range(30_000):
        throttle.told(f"10.1.{at // 256}.{at % 256}", "x", right=False)
    assert len(throttle._wrong) <= 20_000


def test_a_one_time_token_lets_in_once(door):
    token = door.services.door.one_time()
    assert "set-cookie" in bare(door).get(f"/?token={token}").headers
    assert "set-cookie" not in bare(door).get(f"/?token={token}").headers
    late = door.services.door.one_time()
    door.services.door._once = dict.fromkeys(door.services.door._once, 0.0)
    assert "set-cookie" not in bare(door).get(f"/?token={late}").headers


def test_what_the_browser_is_started_with_is_not_the_lasting_token(tmp_path):
    listening = prepare((), home=tmp_path, token=TOKEN)
    listening.socket.close()
    assert TOKEN in listening.url and TOKEN not in one_time_address(listening)


@pytest.mark.parametrize("path", ["//evil.example/?token=", "/\\evil.example/?token=", "///evil.example?token="])
def test_the_way_on_after_signing_in_is_on_this_server(door, path):
    answer = bare(door).get(f"{ORIGIN}{path}{TOKEN}")
    assert answer.status_code == 303
    assert not answer.headers["location"].startswith(("//", "/\\", "http"))


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/%00", {}),
        ("GET", "/" + "x" * 5_000, {}),
        ("GET", "/" + "%E5%9B%BE" * 120, {}),
        ("GET", "/~nobody", {}),
        ("GET", "/api/v1/projects", {"Host": "["}),
        ("POST", "/api/v1/session", {"Origin": "http://["}),
        ("POST", "/api/v1/sources/preview", {"path": "~nobody/x"}),
        ("POST", "/api/v1/sources/preview", {"path": "\x00"}),
        ("POST", "/api/v1/sources/preview", {"path": "x" * 5_000}),
        ("POST", "/api/v1/sources/preview", {"upload": "\ud800"}),
        ("GET", "/api/v1/projects/%00", {}),
        ("GET", "/api/v1/projects/" + "x" * 5_000, {}),
    ],
)
def test_odd_requests_are_never_the_servers_fault(door, method, path, headers):
    asked = {"json": headers} if "preview" in path else {"headers": headers}
    if headers.get("upload"):
        asked = {"content": b'{"upload": "\\ud800"}', "headers": {"Content-Type": "application/json"}}
    assert door.request(method, path, **asked).status_code < 500


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/projects", "/api/v1/projects/x/actions", "/"])
def test_nobody_who_is_not_signed_in_sends_a_long_body(door, path):
    stranger = bare(door)
    answer = stranger.post(path, content=b"x" * 20_000)
    assert answer.status_code == 413 and "at most 16,384 bytes" in answer.json()["detail"]

    def endless():
        for _ in range(10_000):
            sent.append(1)
            yield b"x" * 65_536

    sent: list[int] = []
    assert stranger.post(path, content=endless()).status_code in (400, 401, 405, 413)


def every_route() -> list[tuple[str, str]]:
    """(method, path) of every route of the contract, with something in place of names."""
    return [
        (method.upper(), re.sub(r"\{\w+\}", "1", path))
        for path, methods in document()["paths"].items()
        for method in methods
    ]


def test_every_route_refuses_a_long_body_before_it_reads_it(door):
    """What is sent is no JSON at all: whoever parsed it would say so."""
    stranger, length = bare(door), {"Content-Length": str(400 << 20), "Content-Type": "application/json"}
    routes = every_route()
    assert len(routes) > 30
    for method, path in [*routes, ("POST", "/"), ("POST", "/healthz"), ("PUT", "/nothing")]:
        assert stranger.request(method, path, content=b"{", headers=length).status_code == 413, path
        if not re.fullmatch("/api/v1/uploads/1/?", path):  # pieces of files go to disk as they come
            assert door.request(method, path, content=b"{", headers=length).status_code == 413, path


def test_every_route_but_the_session_is_closed_to_strangers(door):
    stranger = bare(door)
    for method, path in every_route():
        if path.rstrip("/") != "/api/v1/session":
            assert stranger.request(method, path).status_code == 401, (method, path)


def test_bodies_of_people_who_are_signed_in_are_bounded_too(door):
    length = {"Content-Length": str(400 << 20)}
    for path in ("/api/v1/projects/x/actions", "/api/v1/projects/x/pictures", "/api/v1/session"):
        assert door.post(path, content=b"", headers=length).status_code == 413


def test_a_body_that_stops_and_a_head_that_never_ends_are_given_up():
    async def silent() -> dict:
        await asyncio.sleep(60)
        return {}

    with pytest.raises(HTTPException) as caught:
        asyncio.run(bounded(silent, 10, silence=0.05)())
    assert caught.value.status_code == 408


def test_half_open_connections_are_closed(tmp_path):
    code = "import assay.server.connections as c; c.HEAD = 1.0; from assay.cli.commands import main; main()"
    command = [sys.executable, "-c", code, "serve", "--no-browser", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            parts = urlsplit(process.stdout.readline())
            for said in (b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "):
                with socket.create_connection((parts.hostname, parts.port), timeout=20) as wire:
                    wire.sendall(said)
                    assert wire.recv(100) == b""
        finally:
            process.kill()


def test_a_sign_out_counts_for_every_server_of_the_home(tmp_path):
    with client(tmp_path) as first, client(tmp_path) as second:
        second.services.door.port = first.services.door.port
        session, key = first.services.door.sign_in("ann")
        cookies, headers = {first.services.door.cookie: session}, {"x-assay-key": key}
        assert second.services.door.person_of(headers, cookies) == "ann"
        first.services.door.sessions.end(session, key)
        assert second.services.door.person_of(headers, cookies) is None


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
