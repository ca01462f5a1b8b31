"""Nothing but the room `storage` opens the files of a project: seen by the interpreter itself, in every process of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

HOOK = """
import os, sys

PROJECT, SEEN = os.environ["WATCHED"], os.environ["SEEN"]


def heard(event, arguments):
    if event not in ("open", "sqlite3.connect", "os.listdir", "os.scandir", "os.rename", "os.remove"):
        return
    path = arguments[0]
    if not isinstance(path, (str, bytes)) or PROJECT not in os.fsdecode(path):
        return
    frame = sys._getframe(1)
    while frame is not None and not frame.f_globals.get("__name__", "").startswith("assay"):
        frame = frame.f_back
    room = "nobody" if frame is None else frame.f_globals["__name__"]
    handle = os.open(SEEN, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{room} {event} {os.fsdecode(path)}\\n".encode())
    os.close(handle)


sys.addaudithook(heard)
"""
WORK = """
import sys
import assay

if __name__ == "__main__":
    table, project, out = sys.argv[1:]
    made = assay.analyze(table, label="label", output=project)
    made.decide("label", rows=[0], label="b", person="ann")
    made.issues().head()
    made.report(f"{out}/report.html")
    made.export(f"{out}/clean.csv")
    opened = assay.open(project)
    opened.insights()
"""


def test_project_files_are_opened_by_storage_alone(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HOOK, encoding="utf-8")
    (tmp_path / "work.py").write_text(WORK, encoding="utf-8")
    rows = [{"a": n % 17, "b": n % 5 + 0.5, "label": "ab"[n % 17 > 8]} for n in range(120)]
    pd.DataFrame(rows).to_csv(tmp_path / "table.csv", index=False)
    seen, project = tmp_path / "seen.txt", tmp_path / "watched.assay"
    paths = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "work.py", "table.csv", str(project), str(tmp_path)]
    subprocess.run(
        command, cwd=tmp_path, check=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": paths, "WATCHED": project.name, "SEEN": str(seen)},
    )  # fmt: skip
    lines = [line.split(" ", 2) for line in seen.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 100 and any(event == "sqlite3.connect" for _, event, _ in lines)
    assert [line for line in lines if not line[0].startswith("assay.storage")] == []
