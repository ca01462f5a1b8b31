"""Nothing on disk lies: every flipped bit is noticed, and what is damaged or missing is made again to the same bytes."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import threading
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import assay
from assay.cli.commands import main
from assay.errors import ProjectError, StorageError
from assay.storage import Folder
from assay.storage.lock import locked
from assay.storage.log_digests import faults_of_database
from assay.storage.project_folder import newest_readable_run
from assay.storage.verify import verify_project
from conftest import write_digits
from flipping import (
    KINDS,
    analyze,
    by_kind,
    contents,
    delete,
    everything,
    faults,
    files_of,
    flip,
    kind_of,
    make,
    outcome,
    put,
    repair,
)


def run(data: Path, project: Path) -> None:
    assay.analyze(data, output=project, effort="fast", progress="quiet", workers=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    write_digits(root / "pictures", 60, flips=4)
    run(root / "pictures", root / "p.assay")
    return root


@pytest.fixture
def copied(made, tmp_path):
    shutil.copytree(made / "p.assay", tmp_path / "p.assay")
    return tmp_path


def test_a_project_verifies_and_every_file_but_the_lock_is_guarded(made):
    found = verify_project(Folder(made / "p.assay"))
    assert not found.faults and not found.unguarded
    assert found.files == len(files_of(made / "p.assay"))


def test_every_flipped_bit_is_noticed(made, tmp_path):
    """Of every kind of file some bits, and reading that very file refuses or gives what was written."""
    project = tmp_path / "p.assay"
    shutil.copytree(made / "p.assay", project)
    kinds = defaultdict(list)
    for name in files_of(project):
        if name != "lock":
            kinds[kind_of(name)].append(name)
    assert len(kinds) > 25
    random_ = random.Random(0)
    for names in kinds.values():
        name = random_.choice(names)
        kept = (project / name).read_bytes()
        for _ in range(3):
            bit = random_.randrange(len(kept) * 8)
            flipped = bytearray(kept)
            flipped[bit // 8] ^= 1 << bit % 8
            (project / name).write_bytes(flipped)
            told = [fault.name for fault in verify_project(Folder(project)).faults]
            assert name in told or any(name.startswith(other.rpartition(".")[0]) for other in told), (name, bit)
            _refuses_or_is_unaffected(Folder(project), Folder(made / "p.assay"), name)
        (project / name).write_bytes(kept)
    assert not verify_project(Folder(project)).faults


def _refuses_or_is_unaffected(flipped: Folder, whole: Folder, name: str) -> None:
    read = {
        ".json": "get_json",
        ".done": "get_json",
        ".npy": "get_array",
        ".npz": "get_arrays",
        ".parquet": "get_table",
    }
    method = read[Path(name).suffix]
    try:
        found = getattr(flipped, method)(name)
    except ProjectError as error:
        assert "damaged" in str(error) and "again" in str(error)
        return
    right = getattr(whole, method)(name)
    if isinstance(right, dict) and method == "get_json":  # the name of the checksum itself may have been hit
        found = {key: value for key, value in found.items() if key in right}
    assert found == right if not isinstance(right, np.ndarray) else np.array_equal(found, right)


@pytest.fixture(scope="module", params=KINDS)
def project_of(request, tmp_path_factory):
    """(data, how it is read, its project with decisions, a digest of all that can be read of it), of each kind of data."""
    data, words, project = make(tmp_path_factory.mktemp(request.param), request.param)
    return data, words, project, everything(project)


def test_a_flipped_bit_is_noticed_and_reading_refuses_or_is_unaffected(project_of):
    """The files at the top, of the dataset and some of the stages; ``benchmarks/flips.py`` does it for all."""
    _, _, project, right = project_of
    rng = random.Random(1)
    kinds = list(by_kind(project).values())
    top = [names for names in kinds if not names[0].startswith("stages/")]
    for names in [*top, *rng.sample([names for names in kinds if names not in top], 4)]:
        name = rng.choice(names)
        kept, bit = flip(project, name, rng)
        assert faults(project) or name == "state.sqlite", (name, bit)  # free pages of it hold nothing
        assert outcome(project, right) in ("refused", "unaffected"), (name, bit)
        put(project / name, kept)
    assert not faults(project)


@pytest.mark.parametrize("part", range(2))
def test_what_is_deleted_is_missed_and_made_again_to_the_same_bytes(project_of, part):
    """Every kind of file but the decisions, half of them at a time."""
    data, words, project, _ = project_of
    before, right = contents(project), everything(project)
    for names in [names for names in by_kind(project).values() if not names[0].startswith("state.sqlite")][part::2]:
        delete(project, names)
    assert outcome(project, right) in ("refused", "unaffected")
    analyze(data, project, words)
    assert contents(project) == before
    assert not faults(project)
    assert assay.open(project).decided == 11


def test_the_repair_as_told_leads_back(project_of):
    data, words, project, _ = project_of
    before, copy = contents(project), (project / "state.sqlite").read_bytes()
    decided = [repr(entry) for entry in assay.open(project).log.entries(rows=True)]
    rng = random.Random(2)
    for names in by_kind(project).values():
        flip(project, names[0], rng)
    repair(project, copy)
    analyze(data, project, words)
    assert contents(project) == before and not faults(project)
    assert [repr(entry) for entry in assay.open(project).log.entries(rows=True)] == decided


@pytest.mark.parametrize("how", ["delete", "damage", "delete the markers", "delete whole stages"])
def test_running_again_leads_back_to_the_same_bytes(made, copied, how):
    project = copied / "p.assay"
    before = contents(project)
    first = {kind_of(name): name for name in reversed(files_of(project)) if name != "lock"}
    if how == "delete whole stages":
        for stage in (project / "stages").iterdir():
            shutil.rmtree(stage)
    for name in first.values() if how != "delete whole stages" else ():
        marker = name.endswith(".done")
        if how == "delete" and not marker:
            (project / name).unlink()
        elif how == "damage" and not marker:
            data = bytearray((project / name).read_bytes())
            data[len(data) // 2] ^= 4
            (project / name).write_bytes(data)
        elif how == "delete the markers" and marker:
            (project / name).unlink()
    if how == "damage":  # the advice for these two is to delete them; all others are found out by the run itself
        (project / "project.json").unlink()
        (project / "runs" / "0001.json").unlink()
    run(made / "pictures", project)
    found = verify_project(Folder(project))
    assert not found.faults
    after = contents(project)
    assert {name for name in before if before[name] != after.get(name)} == set()


def test_verify_says_what_is_wrong_and_what_to_do(copied):
    project = copied / "p.assay"
    told = CliRunner().invoke(main, ["verify", str(project)])
    assert told.exit_code == 0 and "are as they were written" in told.output
    (table,) = (
        (project / "stages" / "issues").glob("outlier*/*/all-00000.parquet")
        if (project / "stages" / "issues").is_dir()
        else list(project.glob("stages/**/all-00000.parquet"))[:1]
    )
    table.unlink()
    (part,) = (project / "dataset").glob("*/cells-00000.parquet")
    part.write_bytes(part.read_bytes()[:-1])
    told = CliRunner().invoke(main, ["verify", str(project)])
    assert told.exit_code == 1
    assert "is missing; run the analysis again" in told.output and "is damaged; delete it and run" in told.output


def test_decisions_hinder_a_guess_about_lost_rows(copied):
    project = copied / "p.assay"
    assay.open(project).decide("keep", rows=[0])
    (part,) = (project / "dataset").glob("*/rows-00000.parquet")
    part.unlink()
    write_digits(copied / "other", 40)
    with pytest.raises(ProjectError, match="decisions could no longer be told to their rows"):
        run(copied / "other", project)


def test_a_damaged_database_of_decisions_is_told(copied):
    project = copied / "p.assay"
    assay.open(project).decide("keep", rows=[0])
    state = project / "state.sqlite"
    assert not verify_project(Folder(project)).faults
    for path in project.glob("state.sqlite-*"):
        path.unlink()
    data = bytearray(state.read_bytes())
    data[4096:4200] = bytes(104)
    state.write_bytes(data)
    (fault,) = verify_project(Folder(project)).faults
    assert fault.name == "state.sqlite" and "restore it from a copy" in fault.advice


COLUMNS = (
    "token",
    "person",
    "action",
    "text",
    "label",
    "view",
    "summary",
    "n_rows",
    "kept",
    "rows",
    "before",
    "digest",
    "chain",
)


@pytest.mark.parametrize("column", COLUMNS)
def test_verify_says_which_entry_of_the_decisions_was_changed_and_no_reading_takes_it(copied, column):
    project = copied / "p.assay"
    opened = assay.open(project)
    for row in range(5):
        opened.decide("note", rows=[row], text=f"number {row}", person="ann")
    opened.log.close()
    with sqlite3.connect(project / "state.sqlite") as connection:
        value = connection.execute(f"SELECT {column} FROM log_entries WHERE number = 3").fetchone()[0]
        other = b"x" if isinstance(value, bytes) else value + 1 if isinstance(value, int) else f"{value or ''}x"
        connection.execute(f"UPDATE log_entries SET {column} = ? WHERE number = 3", [other])
    (fault,) = faults(project)
    assert "entry 3" in fault.what and "restore it from a copy" in fault.advice
    if column != "chain":
        with pytest.raises(
            ProjectError, match=r"entry 3 of the decisions is not what was written; restore state\.sqlite"
        ):
            again = assay.open(project).log
            again.state(), again.entry(3)


@pytest.mark.parametrize(("number", "what"), [(2, "entry 2, which is missing"), (5, "the number of the last entry")])
def test_an_entry_that_is_lost_is_missed(copied, number, what):
    project = copied / "p.assay"
    opened = assay.open(project)
    for row in range(5):
        opened.decide("keep", rows=[row], person="ann")
    opened.log.close()
    with sqlite3.connect(project / "state.sqlite") as connection:
        connection.execute("DELETE FROM log_entries WHERE number = ?", [number])
    (fault,) = faults(project)
    assert what in fault.what
    with pytest.raises(ProjectError, match=what):
        assay.open(project).log.state()


@pytest.fixture
def decided(copied):
    """A project with five decisions and nobody who has them open."""
    project = copied / "p.assay"
    opened = assay.open(project)
    for row in range(5):
        opened.decide("keep", rows=[row], person="ann")
    opened.log.close()
    return project


UNUSED = 80  # a byte of SQLite's header that means nothing


def _change(file):
    data = bytearray(file.read_bytes())
    data[UNUSED] ^= 1
    put(file, bytes(data))


def test_a_flip_in_unused_space_of_the_decisions_is_noticed_and_the_advice_ends_it(decided):
    state, seal = decided / "state.sqlite", decided / "state.sqlite.seal"
    before = state.read_bytes()
    _change(state)
    assert not faults_of_database(state)  # neither SQLite nor the entries know
    (fault,) = faults(decided)
    assert fault.name == "state.sqlite" and "outside of its entries, which are whole" in fault.what
    assert "delete state.sqlite.seal" in fault.advice and "restore it from a copy" in fault.advice
    put(state, before)
    assert not faults(decided)
    _change(state)
    seal.unlink()
    assert not faults(decided)
    assay.open(decided).decide("keep", rows=[6])
    assert seal.exists() and not faults(decided)
    _change(state)
    assert faults(decided)


@pytest.mark.parametrize("how", ["dies", "knows of no seals"])
def test_a_writer_that_leaves_no_fitting_seal_is_no_false_alarm(decided, how, monkeypatch):
    if how == "dies":
        monkeypatch.setattr("assay.storage.log_seal._put", lambda file, seal: None)
    else:
        monkeypatch.setattr("assay.storage.log_seal._put", lambda file, seal: seal.write_bytes(kept))
    kept = (decided / "state.sqlite.seal").read_bytes()
    opened = assay.open(decided)
    opened.decide("keep", rows=[7])
    opened.log.close()
    assert (decided / "state.sqlite.seal").exists() == (how != "dies")
    assert not faults(decided)


@pytest.mark.parametrize("how", ["an older copy", "without what was not folded in", "deleted"])
def test_decisions_that_have_gone_are_missed(decided, how):
    state = decided / "state.sqlite"
    older, opened = state.read_bytes(), assay.open(decided)
    opened.log.state()  # a reader keeps the writer from folding its entry into the file
    opened.decide("keep", rows=[8], person="ann")
    assert (decided / "state.sqlite-wal").stat().st_size and not faults(decided)
    opened.log.close()
    for ending in ("-wal", "-shm"):
        (decided / f"state.sqlite{ending}").unlink(missing_ok=True)
    if how == "deleted":
        state.unlink()
    elif how == "an older copy":
        put(state, older)
    (fault,) = faults(decided)
    assert fault.name == "state.sqlite" and "missing" in fault.what and "copy" in fault.advice
    if how == "deleted":  # nobody is told that nothing was decided
        for use in (lambda opened: opened.log.state(), lambda opened: opened.decide("keep", rows=[1], person="ann")):
            with pytest.raises(ProjectError, match=r"state\.sqlite is missing.* delete state\.sqlite\.seal"):
                use(assay.open(decided))
        assert not state.exists()
    (decided / "state.sqlite.seal").unlink()
    assert not faults(decided)
    assert assay.open(decided).log.state().number == (0 if how == "deleted" else 5)


@pytest.mark.parametrize("how", ["flipped", "a link", "a pipe", "empty"])
def test_a_seal_that_is_none_is_told_and_never_followed(decided, how):
    seal = decided / "state.sqlite.seal"
    data = seal.read_bytes()
    seal.unlink()
    victim = decided.parent / "private.txt"
    victim.write_text("precious", encoding="utf-8")
    if how == "flipped":
        seal.write_bytes(data.replace(b"5", b"6", 1))
    elif how == "a link":
        seal.symlink_to(victim)
    elif how == "a pipe":
        os.mkfifo(seal)
    else:
        seal.write_bytes(b"")  # as a power cut may leave it
    found = faults(decided)
    assert [fault.name for fault in found] == ([] if how == "empty" else ["state.sqlite.seal"])
    assay.open(decided).decide("keep", rows=[9])
    assert not faults(decided) and victim.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize("name", ["project.json", "runs/0001.json", "dataset/*/rows-00000.parquet", "state.sqlite"])
def test_a_pipe_in_a_strangers_project_holds_nobody_up(decided, name):
    place = next(decided.glob(name))
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(ProjectError, match="is a pipe or device"):
        opened = assay.open(decided)
        opened.dataset.rows, opened.log.state()
    try:
        told = [str(fault) for fault in faults(decided)]
    except ProjectError as error:
        told = [str(error)]
    assert told


def test_verify_beside_somebody_who_writes_says_nothing(decided):
    opened, told = assay.open(decided), []
    writer = threading.Thread(target=lambda: [opened.decide("note", rows=[1], text=str(n)) for n in range(40)])
    writer.start()
    while writer.is_alive():
        told += faults(decided)
    assert not told and not faults(decided)


@pytest.mark.parametrize("kind", ["vectors", "graph", "predict", "thumbs", "cells-"])
def test_a_part_that_has_gone_is_said_and_not_taken_for_one_that_never_was(project_of, kind):
    _, _, project, right = project_of
    data = {
        name: (project / name).read_bytes()
        for name in contents(project)
        if f"/{kind}" in f"/{name}" and ".json" not in name
    }
    if not data:
        pytest.skip("these data have none")
    right = everything(project)
    for name, kept in data.items():
        (project / name).unlink()
        assert outcome(project, right) in ("refused", "unaffected"), name
        put(project / name, kept)


def test_a_log_of_an_older_version_gets_its_digests(copied):
    from alembic import command
    from alembic.config import Config

    from assay.actions.migrations import SCHEMA

    project = copied / "p.assay"
    opened = assay.open(project)
    for row in range(3):
        opened.decide("label", rows=[row], label="two", person="ann")
    before = [repr(entry) for entry in opened.log.entries(rows=True)]
    database = opened.log._database
    with database.writing() as connection:
        config = Config()
        config.set_main_option("script_location", str(SCHEMA.migrations))
        config.attributes |= {"connection": connection, "version_table": SCHEMA.version_table}
        command.downgrade(config, "0001")
    opened.log.close()
    assert not faults(project)
    assert [repr(entry) for entry in assay.open(project).log.entries(rows=True)] == before
    assert not faults(project)
    assay.open(project).decide("keep", rows=[9])
    assert assay.open(project).log.state().number == 4 and not faults(project)


# a hostile folder ----------------------------------------------------------------------------------------------


def test_a_lock_that_is_a_link_overwrites_nothing(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    for target in (victim, Path("inside")):
        project = tmp_path / f"p{target.name}.assay"
        project.mkdir()
        (project / "inside").write_text("precious", encoding="utf-8")
        (project / "lock").symlink_to(target)
        with pytest.raises((ProjectError, StorageError)), locked(Folder(project)):
            pass
        assert (project / "lock").read_text() == "precious"


@pytest.mark.parametrize("name", ["../outside.json", "/etc/passwd", "a/../../x", "link.json", "linked/x.json"])
def test_names_and_links_of_a_record_lead_nowhere_outside(tmp_path, name):
    (tmp_path / "outside.json").write_text("{}", encoding="utf-8")
    (tmp_path / "away").mkdir()
    project = tmp_path / "p.assay"
    project.mkdir()
    (project / "link.json").symlink_to(tmp_path / "outside.json")
    (project / "linked").symlink_to(tmp_path / "away")
    folder = Folder(project)
    for attempt in (folder.get_json, folder.get_array, folder.get_table, folder.exists, lambda n: folder.put(n, b"x")):
        with pytest.raises(ProjectError, match="leads out of the project folder") as caught:
            attempt(name)
        assert "delete" not in str(caught.value)
    assert (tmp_path / "outside.json").read_text() == "{}" and not list((tmp_path / "away").iterdir())


def test_decisions_are_not_written_by_way_of_a_link(copied, tmp_path):
    """A stranger's project whose log is a link would read and write the log of one of the reader's own."""
    project, own = copied / "p.assay", tmp_path / "own.assay"
    shutil.copytree(project, own)
    for place in (own, project):
        opened = assay.open(place)
        opened.decide("keep", rows=[3])
        opened.log.close()
    before = (own / "state.sqlite").read_bytes()
    (project / "state.sqlite").unlink()
    (project / "state.sqlite").symlink_to(own / "state.sqlite")
    for use in (lambda opened: opened.decide("keep", rows=[1]), lambda opened: opened.log.state()):
        with pytest.raises(ProjectError, match="leads out of the project folder"):
            use(assay.open(project))
    assert (own / "state.sqlite").read_bytes() == before


def test_a_run_record_that_points_elsewhere_is_refused(copied):
    project = copied / "p.assay"
    record = next(iter((project / "runs").iterdir()))
    value = json.loads(record.read_text())
    del value["digest"]
    value["tables"] = dict.fromkeys(value["tables"], "../../../../etc/passwd")
    record.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(ProjectError, match="leads out of the project folder"):
        assay.open(project).issue_table("outlier")


def test_a_lost_project_json_keeps_the_name_its_decisions_are_kept_under(made, copied):
    project = copied / "p.assay"
    uuid = json.loads((project / "project.json").read_text())["uuid"]
    assert newest_readable_run(Folder(project))["uuid"] == uuid  # type: ignore[index]
    assay.open(project).decide("exclude", rows=[3])
    (project / "project.json").unlink()
    run(made / "pictures", project)
    assert assay.open(project).uuid == uuid and assay.open(project).decided == 1


def test_tables_of_numbers_are_guarded_just_so(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc"))
    assay.analyze(frame, output=tmp_path / "t.assay", embeddings=rng.normal(size=(60, 4)), progress="quiet", workers=1)
    found = verify_project(Folder(tmp_path / "t.assay"))
    assert not found.faults and not found.unguarded
    (own,) = (tmp_path / "t.assay").glob("stages/user/*/embeddings.npy")
    data = bytearray(own.read_bytes())
    data[-3] ^= 1
    own.write_bytes(data)
    assert [fault.name for fault in verify_project(Folder(tmp_path / "t.assay")).faults] == [
        os.path.relpath(own, tmp_path / "t.assay")
    ]
