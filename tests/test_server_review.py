"""Looking and deciding over HTTP, on real pictures with planted wrong labels."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import shutil
import sqlite3
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import assay
from assay.similar import why_not_comparable
from assay.similar.query_vectors import picture_vectors
from serving import client, copy_project


@pytest.fixture
def api(digits_project, tmp_path):
    """(client, path of the project's routes) over a copy of the analysed digits."""
    project = copy_project(digits_project, tmp_path / "digits.assay")
    with client(tmp_path / "home", project) as made:
        name = made.get("/api/v1/projects").json()[0]["id"]
        yield made, f"/api/v1/projects/{name}"


def token() -> str:
    return uuid.uuid4().hex


def view(api, filter=None, sort=None, **more):
    made, base = api
    answer = made.post(
        f"{base}/view", json={"filter": filter or {}, "limit": 500} | ({"sort": sort} if sort else {}) | more
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def act(api, action, target, **more):
    made, base = api
    answer = made.post(f"{base}/actions", json={"action": action, "target": target, "token": token()} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


LABEL_ISSUES = {"any": ["label"]}


def test_a_project_tells_its_checks_classes_and_columns(api):
    made, base = api
    project = made.get(base).json()
    assert project["rows"] == 302
    assert {entry["value"] for entry in project["classes"]} >= {"zero", "nine"}
    assert sum(entry["count"] for entry in project["classes"]) == 302
    checks = {check["name"]: check for check in project["checks"]}
    assert checks["label"]["status"] == "ran"
    assert checks["not_analyzed"]["count"] == 1
    assert {"label_issue_score", "is_label_issue", "given_label"} <= {column["name"] for column in project["columns"]}


def test_notes_on_how_the_data_was_read_are_told_from_those_on_what_it_is_like(api, digits):
    """Oracle: what reading alone says of the folder."""
    made, base = api
    project = made.get(base).json()
    assert project["reading"] == list(dict.fromkeys(assay.sources.open_source(digits[0]).notes)) != []
    assert set(project["reading"]) <= set(project["notes"])


def test_what_this_installation_cannot_do_is_said_with_its_reason(api, monkeypatch):
    made, base = api
    assert "like" not in made.get(base).json()["cannot"]
    opened = made.services.workspace.open(base.rsplit("/", 1)[1])
    del opened.__dict__["cannot"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert 'pip install "assay[hf]"' in made.get(base).json()["cannot"]["hf"]
    monkeypatch.undo()
    assert why_not_comparable(opened.project) == ""
    monkeypatch.setitem(opened.project.run, "embeddings", ["own"])
    assert "none of the encoders" in why_not_comparable(opened.project)


def test_a_decision_on_few_rows_is_answered_with_how_they_stand(api):
    first = view(api, LABEL_ISSUES)["rows"][:2]
    done = act(api, "exclude", {"rows": [row["row"] for row in first]})
    now = {row["row"]: row for row in view(api)["rows"]}
    assert done["rows"] == [now[row["row"]] for row in first] and now[first[0]["row"]]["excluded"]
    assert done["resolved"] == 2
    assert act(api, "keep", {"filter": LABEL_ISSUES})["rows"] == []


def test_classes_are_merged_in_one_entry_that_undo_takes_back(api):
    made, base = api
    given = [row["given"] for row in view(api)["rows"]]
    pairs = [["nine", "eight"], ["eight", "seven"]]
    done = made.post(f"{base}/insights/merge", json={"merge": pairs, "token": token()}).json()
    assert done["entry"]["n_rows"] == given.count("nine") + given.count("eight")
    assert {row["final"] for row in view(api, {"given": ["nine", "eight"]})["rows"]} == {"seven"}
    made.post(f"{base}/undo", json={"token": token()})
    assert [row["final"] for row in view(api)["rows"]] == [row["given"] for row in view(api)["rows"]]
    for wrong, said in (
        ([["nine", "eight"], ["eight", "nine"]], "circle"),
        ([["nine", "eight"], ["nine", "seven"]], "one other"),
        ([["ten", "nine"]], "no class"),
    ):
        answer = made.post(f"{base}/insights/merge", json={"merge": wrong})
        assert answer.status_code == 422 and said in answer.json()["detail"]


def test_where_one_copy_lies_in_another(api):
    made, base = api
    (copies, *_) = made.post(f"{base}/sets", json={"filter": {"any": ["near_duplicate"]}}).json()["sets"]
    one, other = (row["row"] for row in copies["rows"][:2])
    corners = made.get(f"{base}/rows/{one}/match/{other}").json()["corners"]
    assert corners == [[0, 0], [1, 0], [1, 1], [0, 1]]
    assert made.get(f"{base}/rows/{one}/match/99999").status_code == 404


def test_the_worst_label_issues_come_first_and_pages_join_without_gaps(api):
    whole = view(api, LABEL_ISSUES)
    scores = [row["scores"]["label_issue_score"] for row in whole["rows"]]
    assert scores == sorted(scores, reverse=True)
    assert all("label" in row["checks"] for row in whole["rows"])
    pages = [view(api, LABEL_ISSUES, limit=4, offset=start)["rows"] for start in range(0, whole["total"], 4)]
    assert [row["row"] for page in pages for row in page] == [row["row"] for row in whole["rows"]]


def test_the_flags_are_those_of_the_python_api(api, digits_project):
    expected = assay.open(digits_project).issues("label")["row_id"].tolist()
    assert [row["id"] for row in view(api, LABEL_ISSUES)["rows"]] == expected


def test_the_first_rows_of_every_check_are_those_of_its_view(api):
    made, base = api
    project = made.get(base).json()
    scores = {check["name"]: check["score"] for check in project["checks"]}
    named = {column["column"]: column["name"] for column in project["columns"] if column["ours"]}
    found = made.get(f"{base}/found?n=4").json()
    assert {"label", "near_duplicate", "not_analyzed"} <= {one["check"] for one in found}
    for one in found:
        score = named.get(scores[one["check"]])
        sort = None if score is None or one["check"] == "label" else {"by": score, "descending": True}
        assert one["rows"] == view(api, {"any": [one["check"]]}, sort, limit=4)["rows"]


def test_what_a_filter_could_be_narrowed_to_is_counted_under_its_other_keys(api):
    made, base = api
    of_score = {"column": "label_issue_score", "min": 0.5}
    filter = {"given": ["three"], "where": [of_score], "resolved": False}
    found = made.post(f"{base}/narrow", json={"filter": filter, "score": "label_issue_score"}).json()
    for key in ("given", "suggested", "split"):
        others = {name: value for name, value in filter.items() if name != key}
        assert found[key] == made.post(f"{base}/facets", json={"filter": others}).json()[key]
    assert len(found["given"]) > 1 and found["given"] != found["suggested"]
    scores = view(api, {"given": ["three"], "resolved": False})["rows"]
    steps = [row["scores"]["label_issue_score"] for row in scores if "label_issue_score" in row["scores"]]
    assert found["counts"] == np.histogram(steps, np.linspace(0, 1, 41))[0].tolist()
    wrong = made.post(f"{base}/narrow", json={"filter": {}, "score": "given_label"})
    assert wrong.status_code == 422 and "is no score" in wrong.json()["detail"]


def test_a_decision_brings_the_counts_that_are_on_the_screen(api):
    made, base = api
    counted = {"any": ["label"]}
    done = act(api, "keep", {"rows": [view(api, counted)["rows"][0]["row"]]}, counted=counted)
    assert done["facets"] == made.post(f"{base}/facets", json={"filter": counted}).json()
    assert done["facets"]["resolved"] == 1


def test_facets_count_what_a_view_holds(api):
    made, base = api
    facets = made.post(f"{base}/facets", json={"filter": {}}).json()
    for check in ("label", "near_duplicate", "not_analyzed"):
        assert facets["checks"][check] == view(api, {"any": [check]})["total"]
    given = dict(facets["given"])
    assert given["three"] == view(api, {"given": ["three"]})["total"]


def test_the_safe_suggestions_that_are_counted_are_those_that_accepting_them_changes(api):
    """Oracle: the preview of the bulk fix that the overview offers."""
    made, base = api
    target = {"filter": LABEL_ISSUES | {"resolved": False}}

    def counted():
        safe = made.post(f"{base}/facets", json={"filter": {}}).json()["presets"]["safe"]
        body = {"action": "auto-fix", "target": target, "policy": "auto", "route": "bulk"}
        preview = made.post(f"{base}/preview", json=body).json()
        assert (preview["n"], preview["relabeled"]) == (safe, safe)
        return safe

    safe = counted()
    assert 0 < safe < view(api, LABEL_ISSUES)["total"]
    for at, row in enumerate(view(api, LABEL_ISSUES)["rows"]):
        if counted() == 1:
            break
        act(api, ("keep", "unresolved", "exclude")[at % 3], {"rows": [row["row"]]})
    assert counted() == 1
    act(api, "auto-fix", target, policy="auto", route="bulk")
    assert counted() == 0


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ({"any": ["lable"]}, "lable"),
        ({"given": ["no such class"]}, "no such class"),
        ({"wher": []}, "wher"),
        ({"where": [{"column": "nothing", "min": 1}]}, "nothing"),
        ({"action": ["destroy"]}, "destroy"),
    ],
)
def test_a_wrong_filter_is_named(api, filter, message):
    made, base = api
    answer = made.post(f"{base}/view", json={"filter": filter})
    assert answer.status_code == 422
    assert message in answer.json()["detail"]


def test_one_row_comes_with_its_evidence(api):
    made, base = api
    worst = view(api, LABEL_ISSUES)["rows"][0]
    detail = made.get(f"{base}/rows/{worst['row']}").json()
    assert detail["row"]["id"] == worst["id"]
    labels = [entry["label"] for entry in detail["probabilities"]]
    assert worst["given"] in labels and worst["suggested"] in labels
    shares = [entry["p"] for entry in detail["probabilities"]]
    assert max(shares) == shares[0]
    assert detail["neighbors"] and all(one["row"]["row"] != worst["row"] for one in detail["neighbors"])
    assert any(one["check"] == "label" for one in detail["evidence"])
    assert detail["history"] == []


def test_pictures_come_as_they_are_and_small(api):
    made, base = api
    row = view(api, {"given": ["three"]})["rows"][0]["row"]
    small, large = made.get(f"{base}/thumbs/{row}"), made.get(f"{base}/images/{row}")
    assert Image.open(io.BytesIO(small.content)).format == "JPEG"
    assert Image.open(io.BytesIO(large.content)).size == (32, 32)
    assert "sandbox" in large.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["rows/99999", "rows/-1", "thumbs/99999", "images/99999", "log/7", "examples?label=x"])
def test_what_is_not_there_is_404(api, path):
    made, base = api
    answer = made.get(f"{base}/{path}")
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_rows_like_a_row_and_like_a_picture_of_ones_own(api):
    made, base = api
    row = view(api, {"given": ["three"]}, {"by": "label_quality", "descending": True})["rows"][0]["row"]
    alike = view(api, {"similar": {"row": row}})["rows"]
    assert [one["given"] for one in alike[:6]].count("three") >= 3
    picture = made.get(f"{base}/images/{row}").content
    key = made.post(f"{base}/pictures", content=picture).json()["key"]
    assert view(api, {"similar": {"picture": key}})["rows"][0]["row"] == row
    assert made.post(f"{base}/pictures", content=b"no picture").status_code == 422


def test_pictures_of_twelve_bits_are_shown_and_compared_by_the_levels_of_their_dataset(tmp_path):
    rng = np.random.default_rng(0)
    light = np.linspace(400, 4_000, 24)  # each picture has a range of its own, the dataset one of 12 bits
    for row, top in enumerate(light):
        (tmp_path / "pictures" / "ab"[row % 2]).mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(rng.random((6, 6)).astype(np.float32) * top)
        values = np.asarray(coarse.resize((64, 64), Image.Resampling.BICUBIC)).clip(0, 4_095).astype(np.uint16)
        Image.fromarray(values).save(tmp_path / "pictures" / "ab"[row % 2] / f"{row:02d}.png")
    folder = tmp_path / "p.assay"
    project = assay.analyze(tmp_path / "pictures", output=folder, progress="quiet", effort="fast", workers=1)
    assert project.levels == {"whole": (0.0, 4_095.0)}
    number = project.dataset.rows["row_id"].to_pylist().index("a/00.png")
    at = project.artefacts.vector_rows.tolist().index(number)
    for name, vector in picture_vectors(project, (tmp_path / "pictures" / "a" / "00.png").read_bytes()).items():
        own = project.artefacts.embedding(name)[at].astype(np.float32)
        assert vector @ own / np.linalg.norm(own) / np.linalg.norm(vector) > 0.999, name
    with client(tmp_path / "home", tmp_path / "p.assay") as made:
        base = f"/api/v1/projects/{made.get('/api/v1/projects').json()[0]['id']}"
        rows = view((made, base))["rows"]
        for one in rows:
            small = np.asarray(Image.open(io.BytesIO(made.get(f"{base}/thumbs/{one['row']}").content)).convert("L"))
            large = np.asarray(Image.open(io.BytesIO(made.get(f"{base}/images/{one['row']}").content)).convert("L"))
            assert abs(small.mean() - large.mean()) < 3, one["id"]
        dim = next(one for one in rows if one["id"].endswith("00.png"))
        key = made.post(f"{base}/pictures", content=(tmp_path / "pictures" / dim["id"]).read_bytes()).json()["key"]
        assert view((made, base), {"similar": {"picture": key}})["rows"][0]["row"] == dim["row"]


def test_a_broken_picture_is_404_with_its_reason(api):
    made, base = api
    row = view(api, {"any": ["not_analyzed"]})["rows"][0]["row"]
    assert made.get(f"{base}/thumbs/{row}").status_code == 404
    assert made.get(f"{base}/images/{row}").status_code in (200, 404)


def test_a_bulk_fix_is_previewed_done_undone_and_redone_as_one(api):
    made, base = api
    target = {"filter": LABEL_ISSUES}
    total = view(api, LABEL_ISSUES)["total"]
    preview = made.post(f"{base}/preview", json={"action": "auto-fix", "target": target, "policy": "reference"}).json()
    assert preview["n"] == total and preview["relabeled"] == total
    assert sum(count for _, _, count in preview["pairs"]) == total
    assert 0 < len(preview["first"]) <= 20
    assert view(api, {"action": ["auto-fix"]})["total"] == 0  # a preview changes nothing
    done = act(api, "auto-fix", target, policy="reference")
    assert done["entry"]["n_rows"] == total
    fixed = view(api, {"action": ["auto-fix"]})
    assert fixed["total"] == total
    assert all(row["final"] == row["suggested"] != row["given"] for row in fixed["rows"])
    made.post(f"{base}/undo", json={"token": token()})
    assert view(api, {"action": ["auto-fix"]})["total"] == 0
    made.post(f"{base}/redo", json={"token": token()})
    assert view(api, {"action": ["auto-fix"]})["total"] == total
    entries = made.get(f"{base}/log").json()["entries"]
    assert [entry["action"] for entry in entries] == ["redo", "undo", "auto-fix"]


def test_a_bulk_fix_leaves_alone_what_a_person_decided(api):
    first = view(api, LABEL_ISSUES)["rows"][0]
    act(api, "keep", {"rows": [first["row"]]})
    made, base = api
    preview = made.post(
        f"{base}/preview", json={"action": "auto-fix", "target": {"filter": LABEL_ISSUES}, "policy": "reference"}
    ).json()
    assert sum(preview["skipped"].values()) == 1
    act(api, "auto-fix", {"filter": LABEL_ISSUES}, policy="reference")
    assert view(api, {"rows": [first["row"]]})["rows"][0]["action"] == "keep"


def test_the_top_k_of_an_order_are_the_first_of_the_page(api):
    first = [row["row"] for row in view(api, LABEL_ISSUES)["rows"][:5]]
    act(api, "exclude", {"filter": LABEL_ISSUES, "top": 5})
    assert sorted(row["row"] for row in view(api, {"action": ["exclude"]})["rows"]) == sorted(first)


def test_ranges_of_positions_name_the_rows_that_stood_there(api):
    order = [row["row"] for row in view(api, {"given": ["three"]})["rows"]]
    act(api, "tag", {"filter": {"given": ["three"]}, "ranges": [[0, 2], [4, 5]]}, text="needs review")
    tagged = view(api, {"tag": ["needs review"]})["rows"]
    assert sorted(row["row"] for row in tagged) == sorted([*order[:2], order[4]])
    assert tagged[0]["tags"] == ["needs review"]


def test_the_top_of_a_view_is_that_of_the_screen_it_was_chosen_on(api):
    """Somebody decides the first row meanwhile; the view no longer holds it, but the screen did."""
    made, base = api
    undecided = LABEL_ISSUES | {"resolved": False}
    screen = view(api, undecided)
    first, second, third = (row["row"] for row in screen["rows"][:3])
    made.post(
        f"{base}/actions", json={"action": "keep", "target": {"rows": [first]}}, headers={"X-Assay-Person": "ann"}
    )
    target = {"filter": undecided, "top": 2}
    body = {"action": "exclude", "target": target, "seen": screen["number"]}
    done = made.post(f"{base}/actions", json=body, headers={"X-Assay-Person": "bob"}).json()
    assert done["entry"]["n_rows"] == 1
    assert [row["row"] for row in view(api, {"action": ["exclude"]})["rows"]] == [second] != [third]


def test_the_same_token_again_decides_nothing_twice(api):
    made, base = api
    body = {"action": "exclude", "target": {"rows": [3]}, "token": token()}
    first, second = (made.post(f"{base}/actions", json=body).json() for _ in range(2))
    assert first["entry"]["number"] == second["entry"]["number"]
    assert len(made.get(f"{base}/log").json()["entries"]) == 1


def test_the_later_of_two_reviewers_is_told_and_may_decide_anyway(api):
    made, base = api
    seen = view(api)["number"]
    ann, bob = {"X-Assay-Person": "ann"}, {"X-Assay-Person": "bob"}
    body = {"target": {"rows": [5]}, "seen": seen}
    assert (
        made.post(f"{base}/actions", json=body | {"action": "keep", "token": token()}, headers=ann).status_code == 200
    )
    late = made.post(f"{base}/actions", json=body | {"action": "exclude", "token": token()}, headers=bob)
    assert late.status_code == 409
    told = late.json()["meanwhile"]
    assert [(one["row"], one["person"], one["action"]) for one in told] == [(5, "ann", "keep")]
    again = body | {"action": "exclude", "token": token(), "seen": view(api)["number"]}
    assert made.post(f"{base}/actions", json=again, headers=bob).status_code == 200
    history = made.get(f"{base}/rows/5").json()["history"]
    assert sorted(one["person"] for one in history) == ["ann", "bob"]


def test_an_undo_never_undoes_another_persons_later_decision(api):
    made, base = api
    ann, bob = {"X-Assay-Person": "ann"}, {"X-Assay-Person": "bob"}
    made.post(f"{base}/actions", json={"action": "keep", "target": {"rows": [5, 6]}}, headers=ann)
    made.post(f"{base}/actions", json={"action": "exclude", "target": {"rows": [6]}}, headers=bob)
    undone = made.post(f"{base}/undo", json={}, headers=ann).json()
    assert undone["kept"] == 1
    state = {row["row"]: row["action"] for row in view(api, {"rows": [5, 6]})["rows"]}
    assert state == {5: "", 6: "exclude"}


def test_a_new_class_can_be_made_and_filtered_by(api):
    act(api, "label", {"rows": [7]}, label="ten")
    row = view(api, {"corrected": ["ten"]})["rows"][0]
    assert (row["row"], row["final"]) == (7, "ten")


def test_decisions_survive_a_restart(digits_project, tmp_path):
    project = copy_project(digits_project, tmp_path / "digits.assay")
    for expected in (0, 1):
        with client(tmp_path / "home", project) as made:
            base = f"/api/v1/projects/{made.get('/api/v1/projects').json()[0]['id']}"
            assert len(made.get(f"{base}/log").json()["entries"]) == expected
            if not expected:
                made.post(f"{base}/actions", json={"action": "keep", "target": {"rows": [1]}})


def test_a_project_that_was_replaced_by_a_copy_is_opened_anew(api, digits_project):
    made, base = api
    act(api, "keep", {"rows": [1]})
    place = Path(made.get(base).json()["path"])
    shutil.move(place, place.with_name("old"))
    copy_project(digits_project, place)
    assert made.get(f"{base}/log").json()["entries"] == []
    assert act(api, "exclude", {"rows": [2]})["number"] == 1


@pytest.mark.parametrize("how", ["deleted", "put back"])
def test_decisions_that_were_deleted_or_restored_meanwhile_are_read_anew(api, tmp_path, how):
    """Before, the server went on showing the old ones and refused new ones until it was started again."""
    made, base = api
    place = Path(made.get(base).json()["path"])
    act(api, "keep", {"rows": [1]})
    copied = sqlite3.connect(tmp_path / "copy.sqlite")
    with contextlib.closing(sqlite3.connect(place / "state.sqlite")) as here:
        here.backup(copied)
    copied.close()
    for row in (2, 3):
        act(api, "keep", {"rows": [row]})
    for path in place.glob("state.sqlite*"):
        path.unlink()
    if how == "put back":
        shutil.copy(tmp_path / "copy.sqlite", place / "state.sqlite")
    entries = made.get(f"{base}/log").json()["entries"]
    assert [entry["number"] for entry in entries] == ([] if how == "deleted" else [1])
    assert act(api, "exclude", {"rows": [2]})["number"] == len(entries) + 1
    assert view(api, {"rows": [2]})["rows"][0]["action"] == "exclude"


def test_the_export_has_exactly_the_decisions(api):
    made, base = api
    act(api, "exclude", {"rows": [3]})
    act(api, "label", {"rows": [7]}, label="nine")
    ids = {row["row"]: row["id"] for row in view(api, {"rows": [3, 7]})["rows"]}
    answer = made.post(f"{base}/export", json={"format": "csv", "only_corrections": True})
    assert re.fullmatch(
        r'attachment; filename="digits-(clean|corrections)-\d{8}-\d{4}\.csv"', answer.headers["content-disposition"]
    )
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert set(rows) == set(ids.values())
    assert (rows[ids[7]]["corrected_label"], rows[ids[7]]["action"]) == ("nine", "label")
    earlier = made.post(f"{base}/export", json={"format": "jsonl", "only_corrections": True, "at": 1}).text
    assert [json.loads(line)["id"] for line in earlier.splitlines()] == [ids[3]]
    threes = made.post(f"{base}/export", json={"format": "jsonl", "filter": {"given": ["three"]}}).text.splitlines()
    assert len(threes) == view(api, {"given": ["three"], "action": [""]})["total"]
    tree = made.post(f"{base}/export", json={"format": "folder"})
    names = zipfile.ZipFile(io.BytesIO(tree.content)).namelist()
    assert len([name for name in names if name.endswith((".png", ".jpg"))]) == 301
    assert ids[3] not in names


def test_charts_add_up(api):
    made, base = api
    charts = made.post(f"{base}/charts", json={"filter": {}}).json()
    assert sum(one["count"] for one in charts["corrections"]) == view(api, LABEL_ISSUES)["total"]
    assert sum(one["rows"] for one in charts["classes"]) == 302
    assert sum(one["given"] for one in charts["balance"]) == 302
    assert sum(map(sum, charts["matrix"]["counts"])) == view(api, LABEL_ISSUES)["total"]
    assert charts["timeline"] == []
    act(api, "exclude", {"rows": [3, 4]})
    after = made.post(f"{base}/charts", json={"filter": {}, "names": ["timeline"]}).json()
    assert [point["total"] for point in after["timeline"]] == [2]


def test_the_map_has_every_analysed_row(api):
    made, base = api
    drawn = made.post(f"{base}/map", json={"filter": {}}).json()
    assert len(drawn["rows"]) == len(drawn["x"]) == len(drawn["y"]) == 301
    assert drawn["method"] and not drawn["sampled"]


def test_typical_rows_of_a_class_leave_out_the_row_asked_about(api):
    made, base = api
    rows = [row["row"] for row in made.get(f"{base}/examples?label=three&n=5").json()["rows"]]
    assert len(rows) == 5
    others = made.get(f"{base}/examples?label=three&n=5&skip={rows[0]}").json()["rows"]
    assert rows[0] not in [row["row"] for row in others]
    assert made.get(f"{base}/examples?label=three&skip=13932").status_code == 404  # no such row


def test_two_classes_side_by_side(api):
    made, base = api
    found = made.get(f"{base}/compare?a=three&b=eight").json()
    assert found["a"]["count"] == view(api, {"given": ["three"]})["total"]
    assert all(row["given"] == "three" for row in found["a"]["typical"])
