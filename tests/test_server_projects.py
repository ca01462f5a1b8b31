"""New projects: from a path, from an upload; their runs, which outlive the server."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import zipfile

import pytest

from assay.server.runner import _Said
from serving import client, send_file, served, until


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, digits):
    """A server that may read the folder of the digits."""
    home = tmp_path_factory.mktemp("home")
    with client(home, allow=[digits[0].parent]) as made:
        made.services.jobs.start()
        yield made


def ended(server, project):
    """The job once it has ended."""

    def look():
        job = server.get(f"/api/v1/projects/{project}/job").json()
        return job if job and job["state"] not in ("waiting", "running") else None

    return until(look, 180)


def test_it_starts_empty(tmp_path):
    with client(tmp_path / "home") as made:
        assert made.get("/api/v1/projects").json() == []


def test_a_server_for_one_project_opens_it(tmp_path, digits_project):
    with client(tmp_path / "home", digits_project) as made:
        (project,) = made.get("/api/v1/projects").json()
        assert made.get("/api/v1/session").json()["start"] == project["id"]
        made.headers.pop("authorization")
        assert "start" not in made.get("/api/v1/session").json()  # nothing is told to strangers
    with client(tmp_path / "home", digits_project.parent) as made:
        assert "start" not in made.get("/api/v1/session").json()


def test_what_is_wrong_with_an_upload_is_said_without_the_servers_folders(workspace):
    upload = send_file(workspace, "broken.parquet", b"PAR1 no parquet at all PAR1")
    for path, body in (("/sources/preview", {}), ("/projects", {"name": "broken"})):
        told = workspace.post(f"/api/v1{path}", json={"upload": upload} | body).json()["detail"]
        assert "broken.parquet" in told
        assert str(workspace.services.workspace.home) not in told and "uploads" not in told


def test_the_share_of_a_run_never_falls():
    """Stages as runs over pictures and over texts say them, in their order."""
    said = _Said()
    shares = []
    for stage in ("encode/levels", "encode/fit", "encode/images", "vectors", "graph", "duplicates/candidates",
                  "duplicates/verify", "duplicates/candidates_2", "duplicates", "leaks", "folds", "predict",
                  "issues/label", "insights", "ontology", "a stage of tomorrow"):  # fmt: skip
        said.take(json.dumps({"event": "stage", "stage": stage, "done": 0, "total": 10}))
        shares.append(said.progress()["share"])
        said.take(json.dumps({"event": "progress", "stage": stage, "done": 10, "total": 10, "seconds": 1}))
        shares.append(said.progress()["share"])
    assert shares == sorted(shares) and 0 <= shares[0] < shares[5] < shares[-1] == 1


def test_data_is_shown_before_it_is_analysed(workspace, digits):
    shown = workspace.post("/api/v1/sources/preview", json={"path": str(digits[0])}).json()
    assert shown["modality"] == "image"
    assert shown["n_rows"] == 302
    assert shown["n_classes"] == 10
    assert shown["rows"][0]["id"].startswith("eight/")


@pytest.mark.parametrize("path", ["/etc", "/etc/passwd", "{home}", "{data}/../..", "~"])
def test_server_paths_outside_the_allowed_folders_are_refused(workspace, digits, path):
    path = path.format(home=workspace.services.workspace.home, data=digits[0])
    answer = workspace.post("/api/v1/sources/preview", json={"path": path})
    assert answer.status_code == 403
    assert "may not read" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 422, "either a path or an upload"),
        ({"path": "a", "upload": "b"}, 422, "either a path or an upload"),
        ({"upload": "../../etc"}, 422, "no finished upload"),
        ({"path": "{data}", "options": {"colour": "x"}}, 422, "unknown option 'colour'"),
        ({"path": "{data}", "options": {"label": "x"}}, 422, "no columns to name"),
        ({"path": "{data}", "options": {"effort": "much"}}, 422, "unknown effort 'much'"),
        ({"path": "{data}/missing.csv"}, 422, "there is no file or folder"),
        ({"path": "{data}", "other": 1}, 422, "other: Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_read_is_said_at_once(workspace, digits, body, status, message):
    body = {name: value.format(data=digits[0]) if name == "path" else value for name, value in body.items()}
    answer = workspace.post("/api/v1/projects", json=body)
    assert answer.status_code == status
    assert message in answer.json()["detail"]


def test_a_path_becomes_a_project(workspace, digits):
    made = workspace.post("/api/v1/projects", json={"path": str(digits[0]), "name": "my digits"}).json()
    assert made["job"]["state"] in ("waiting", "running")
    bare = workspace.get(f"/api/v1/projects/{made['id']}").json()
    assert (bare["name"], bare["rows"]) == ("my-digits", 0)
    assert bare["job"]["id"] == made["job"]["id"]
    again = workspace.post("/api/v1/projects", json={"path": str(digits[0]), "name": "my digits"}).json()
    assert again["id"] != made["id"]
    workspace.post(f"/api/v1/projects/{again['id']}/cancel")
    assert ended(workspace, again["id"])["state"] == "cancelled"
    assert ended(workspace, made["id"])["state"] == "done"
    project = workspace.get(f"/api/v1/projects/{made['id']}").json()
    assert project["rows"] == 302
    listed = {item["id"]: item for item in workspace.get("/api/v1/projects").json()}
    assert listed[made["id"]]["state"] == "ready"
    assert listed[made["id"]]["issues"] >= 10


def test_an_upload_in_two_pieces_becomes_a_project(workspace):
    table = "text,label\n" + "\n".join(
        f"{'good' if row % 2 else 'bad'} film number {row},{row % 2}" for row in range(60)
    )
    upload = send_file(workspace, "films.csv", table.encode(), cut=500)
    shown = workspace.post("/api/v1/sources/preview", json={"upload": upload}).json()
    assert (shown["modality"], shown["roles"]["label"], shown["n_rows"]) == ("text", "label", 60)
    made = workspace.post("/api/v1/projects", json={"upload": upload}).json()
    job = ended(workspace, made["id"])
    assert job["state"] == "done", job
    assert workspace.get(f"/api/v1/projects/{made['id']}").json()["name"] == "films"


def test_an_unfinished_upload_is_none(workspace):
    import base64

    named = base64.b64encode(b"x.csv").decode()
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": f"filename {named}"}
    place = workspace.post("/api/v1/uploads", headers=headers).headers["location"]
    answer = workspace.post("/api/v1/sources/preview", json={"upload": place.rstrip("/").split("/")[-1]})
    assert "no finished upload" in answer.json()["detail"]


def test_an_uploaded_table_that_names_the_servers_files_gets_none_of_them(workspace, digits):
    secret = digits[0] / "one" / "0001.png"
    upload = send_file(workspace, "t.csv", f"image,label\n{secret},a\nfile://{secret},b\n".encode())
    answer = workspace.post("/api/v1/sources/preview", json={"upload": upload, "options": {"image": "image"}})
    assert answer.status_code == 422
    assert "leads out of the uploaded data" in answer.json()["detail"]


def test_a_zip_whose_members_climb_out_writes_and_reads_nothing_outside(workspace, digits):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("../../evil.png", (digits[0] / "one" / "0001.png").read_bytes())
        archive.writestr("a/ok.png", (digits[0] / "one" / "0001.png").read_bytes())
    home = workspace.services.workspace.home
    before = set(home.parent.rglob("evil*"))
    upload = send_file(workspace, "../../up.zip", data.getvalue())
    shown = workspace.post("/api/v1/sources/preview", json={"upload": upload})
    assert shown.status_code in (200, 422)
    assert set(home.parent.rglob("evil*")) == before
    assert workspace.services.uploads.path(upload).is_relative_to(home / "uploads")


def test_a_label_that_was_guessed_wrong_leaves_the_choice_to_the_person(workspace):
    table = "text,label\n" + "\n".join(f"words of row {row},class {row}" for row in range(60))
    upload = send_file(workspace, "ids.csv", table.encode())
    shown = workspace.post("/api/v1/sources/preview", json={"upload": upload}).json()
    assert shown["roles"]["label"] in (None, "none")
    assert "holds another value in each of its 60 filled rows: it is not taken for one" in shown["notes"][0]
    assert [column["name"] for column in shown["columns"]] == ["text", "label"]
    chosen = {"upload": upload, "options": {"label": "label"}}
    assert "as many classes as rows" in workspace.post("/api/v1/projects", json=chosen).json()["detail"]


def test_a_run_that_fails_says_why_and_what_to_do(workspace, tmp_path_factory, digits):
    """The data is gone by the time that the run starts."""
    upload = send_file(workspace, "films.csv", ("text,label\n" + "a film,good\nanother,bad\n" * 40).encode())
    path = workspace.services.uploads.path(upload)
    original = workspace.services.jobs.submit

    def gone_by_then(*given, **more):
        path.unlink()
        return original(*given, **more)

    workspace.services.jobs.submit = gone_by_then
    made = workspace.post("/api/v1/projects", json={"upload": upload}).json()
    workspace.services.jobs.submit = original
    job = ended(workspace, made["id"])
    assert job["state"] == "failed"
    assert "there is no file or folder" in job["error"] and "Traceback" not in job["error"]
    listed = {item["id"]: item for item in workspace.get("/api/v1/projects").json()}
    assert (listed[made["id"]]["state"], listed[made["id"]]["error"]) == ("failed", job["error"])


def test_a_run_outlives_a_killed_server(tmp_path, digits):
    """The server is killed while the analysis runs; another one finds it running, and then done."""
    import httpx

    home = tmp_path / "home"
    auth = {"Authorization": "Bearer a-token-that-only-tests-use"}
    with served(home, "--allow", digits[0]) as (address, process):
        base = address.split("?")[0].rstrip("/")
        made = httpx.post(f"{base}/api/v1/projects", json={"path": str(digits[0])}, headers=auth, timeout=30).json()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with served(home) as (address, _):
        base = address.split("?")[0].rstrip("/")

        def done():
            job = httpx.get(f"{base}/api/v1/projects/{made['id']}/job", headers=auth, timeout=30).json()
            return job if job["state"] in ("done", "failed") else None

        assert until(done, 120)["state"] == "done"
        project = httpx.get(f"{base}/api/v1/projects/{made['id']}", headers=auth, timeout=60).json()
        assert project["rows"] == 302


def test_a_killed_runner_is_replaced_and_the_run_resumes(tmp_path, digits):
    import httpx

    auth = {"Authorization": "Bearer a-token-that-only-tests-use"}
    with served(tmp_path / "home", "--allow", digits[0], environment={"ASSAY_JOB_LEASE": "2"}) as (address, _):
        base = address.split("/?", maxsplit=1)[0] + "/api/v1/projects"
        made = httpx.post(base, json={"path": str(digits[0])}, headers=auth, timeout=30).json()

        def job():
            return httpx.get(f"{base}/{made['id']}/job", headers=auth, timeout=30).json()

        until(lambda: job()["stage"])
        runner = subprocess.run(
            ["pgrep", "-f", f"assay.server.runner.*{made['job']['id']}"], capture_output=True, check=True
        )
        os.kill(int(runner.stdout.split()[0]), signal.SIGKILL)
        end = until(lambda: (found := job())["state"] in ("done", "failed") and found, 150)
        assert (end["state"], end["error"]) == ("done", "")
