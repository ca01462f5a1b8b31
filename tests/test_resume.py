"""Runs survive SIGKILL at any moment, and their bytes depend on the data and the seed alone."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from killing import analyze, digests, killed_until_done, seconds_of

pytestmark = pytest.mark.xdist_group("resume")


@pytest.fixture(scope="module")
def whole(digits, tmp_path_factory) -> tuple[Path, dict[str, str], float]:
    """An uninterrupted run of two workers: the project, its digests, its seconds."""
    project = tmp_path_factory.mktemp("whole") / "digits.assay"
    seconds = seconds_of(digits[0], project, "--workers", "2")
    return project, digests(project), seconds


def test_killed_runs_resume_to_the_same_bytes(digits, whole, tmp_path):
    rng = random.Random(7)
    _, expected, seconds = whole
    killed = killed_until_done(digits[0], tmp_path / "p.assay", "--workers", "2", kills=6, seconds=seconds, rng=rng)
    assert killed >= 2
    assert digests(tmp_path / "p.assay") == expected


@pytest.mark.parametrize("workers", ["1", "4"])
def test_the_number_of_workers_changes_no_byte(digits, whole, tmp_path, workers):
    assert analyze(digits[0], tmp_path / "p.assay", "--workers", workers, "--memory", "8GB")
    assert digests(tmp_path / "p.assay") == whole[1]


def test_a_second_run_does_nothing_again_and_finds_the_same(digits, whole, tmp_path):
    project = tmp_path / "p.assay"
    shutil.copytree(whole[0], project)
    analyze(digits[0], project, "--workers", "2")
    runs = sorted((project / "runs").glob("*.json"))
    assert len(runs) == 2
    assert sum(stage["shards_done_now"] for stage in json.loads(runs[1].read_text())["timings"]) == 0
    assert digests(project) == whole[1]


def test_a_changed_file_redoes_its_shard_and_says_so(digits, whole, tmp_path):
    """One picture is replaced by another: it is read again, the labels and the other files' shards are kept."""
    data, project = tmp_path / "digits", tmp_path / "p.assay"
    shutil.copytree(digits[0], data)  # keeps the times
    shutil.copytree(whole[0], project)
    shutil.copy(data / "two" / "0002.png", data / "one" / "0001.png")
    (data / "three" / "0003.png").unlink()
    command = [sys.executable, "-m", "assay", "analyze", str(data), "-o", str(project), "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "encode/images: redone" in done.stderr
    assert "1 row of the run before is no longer in the source" in done.stderr
    import assay

    found = assay.open(project)
    assert len(found) == len(assay.open(whole[0])) - 1
    ids = found.issues()["row_id"].tolist()
    assert ids == sorted(ids) and "three/0003.png" not in ids


def test_another_seed_is_told_as_the_reason(digits, whole, tmp_path):
    project = tmp_path / "p.assay"
    shutil.copytree(whole[0], project)
    command = [sys.executable, "-m", "assay", "analyze", str(digits[0]), "-o", str(project), "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "folds: redone (setting seed" in done.stderr


def test_a_half_written_file_is_never_read(digits, whole, tmp_path):
    """What a killed process leaves under a temporary name is swept; a shard without a marker is done again."""
    project = tmp_path / "p.assay"
    shutil.copytree(whole[0], project)
    marker = next((project / "stages" / "encode" / "images").rglob("*.done"))
    half = marker.with_suffix("")
    for path in half.parent.glob(half.name + ".*"):
        if path.suffix != ".done":
            path.write_bytes(path.read_bytes()[:100])
    marker.unlink()
    (half.parent / ".tmp-left").write_bytes(b"half")
    analyze(digits[0], project, "--workers", "2")
    assert digests(project) == whole[1]
    assert not list(project.rglob(".tmp-*"))


def test_a_second_process_is_refused_and_a_dead_one_is_not(digits, tmp_path):
    project = tmp_path / "p.assay"
    command = [sys.executable, "-m", "assay", "analyze", str(digits[0]), "-o", str(project), "--quiet"]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    lock = project / "lock"
    until = time.monotonic() + 20
    while not (lock.exists() and lock.read_text()):
        assert time.monotonic() < until
        time.sleep(0.05)
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"being analysed by another process (process {first.pid})" in second.stderr
    first.kill()
    first.wait()
    assert analyze(digits[0], project)


def test_ctrl_c_stops_soon_and_says_how_to_resume(digits, tmp_path):
    import signal

    command = [sys.executable, "-m", "assay", "analyze", str(digits[0]), "-o", str(tmp_path / "p.assay")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 20
    while not list((tmp_path / "p.assay").glob("stages/encode/*")) and time.monotonic() < until:
        time.sleep(0.05)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert time.monotonic() - started < 15  # a stage of this run takes less; 2 s on a free machine
    assert process.returncode == 130
    assert "Run the same command again to resume" in errors
