"""The same results, byte for byte, of two commits: result tables, findings and the report of five projects.

    same_results.py OLD [NEW] [--projects NAME ...] [--keep FOLDER]

In: two commits (NEW: the files of this checkout); photos_600, cifar10n_6k, banking77, hospital and cardio of ODDS. Out: a line a
project: the same, or which columns differ and in how many rows. Exit code 1 where something differs. Does not know: which is right.

Each commit analyses in processes of its own, with its own code and an empty folder of projects; models made of weights are shared.
With ``--keep`` the projects stay, and one that is there already is not made again.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from problems import ROOT, data_dir

Data = tuple[Path, list[str]]  # what is analysed, and the options of `assay analyze`

# run by each commit's own code: the columns of all rows, the findings, the report
READ = """
import json, sys
import pyarrow.parquet as pq
import assay
project = assay.open(sys.argv[1])
pq.write_table(project.results(), sys.argv[2] + "/results.parquet")
open(sys.argv[2] + "/findings.json", "w").write(json.dumps(project.insights(), sort_keys=True, default=str))
"""


def photos(source: Path, _: Path) -> Data:
    return source / "photos_600", []


def cifar10n(source: Path, scratch: Path) -> Data:
    table = pd.read_csv(source / "cifar10n_6k" / "labels.csv")
    paths = [str(source / "cifar10n_6k" / file) for file in table["file"]]
    return _csv(pd.DataFrame({"image": paths, "label": table["random1_name"]}), scratch), ["--image", "image"]


def banking(source: Path, scratch: Path) -> Data:
    table = pd.concat([pd.read_csv(source / "banking77" / f"{part}.csv") for part in ("train", "test")])
    return _csv(table, scratch), ["--text", "text", "--label", "category"]


def hospital(source: Path, _: Path) -> Data:
    return source / "tabular_hospital" / "dirty.csv", ["--label", "condition"]


def cardio(source: Path, scratch: Path) -> Data:
    with np.load(source / "odds_outliers" / "cardio.npz", allow_pickle=True) as held:
        x = held["X"]
    table = pd.DataFrame(x, columns=[f"x{column}" for column in range(x.shape[1])])
    return _csv(table, scratch), ["--task", "unsupervised"]


PROJECTS: dict[str, Callable[[Path, Path], Data]] = {
    "photos_600": photos,
    "cifar10n_6k": cifar10n,
    "banking77": banking,
    "hospital": hospital,
    "cardio": cardio,
}


def _csv(table: pd.DataFrame, scratch: Path) -> Path:
    table.to_csv(scratch / "data.csv", index=False)
    return scratch / "data.csv"


def code_of(commit: str | None, scratch: Path) -> Path:
    """The ``src`` of a commit; that of this checkout for None."""
    if commit is None:
        return ROOT / "src"
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", commit, "src"], capture_output=True, check=True).stdout
    target = scratch / f"code-{commit}"
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(target, filter="data")
    return target / "src"


def made(code: Path, data: Data, folder: Path) -> Path:
    """A folder with what a commit found in some data."""
    found = folder / "found"
    project = folder / "p.assay"
    environment = os.environ | {"PYTHONPATH": str(code)}
    if not (found / "findings.json").exists():
        found.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "assay", "analyze", str(data[0]), *data[1], "-o", str(project), "--quiet"]
        subprocess.run(command, env=environment, check=True)
        report = [sys.executable, "-m", "assay", "report", str(project), "-o", str(found / "report.html")]
        subprocess.run(report, env=environment, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([sys.executable, "-c", READ, str(project), str(found)], env=environment, check=True)
    return found


def differences(before: Path, after: Path) -> list[str]:
    """Which columns, findings and reports differ, a phrase each."""
    old, new = (pq.read_table(folder / "results.parquet") for folder in (before, after))
    out = [f"{name} is gone" for name in old.column_names if name not in new.column_names]
    out += [f"{name} is new" for name in new.column_names if name not in old.column_names]
    if old.num_rows != new.num_rows:
        return [f"{old.num_rows:,} rows became {new.num_rows:,}"]
    for name in (name for name in old.column_names if name in new.column_names):
        if (rows := _different(old[name], new[name])) > 0:
            out.append(f"{name} in {rows:,} rows")
    first, second = (json.loads((folder / "findings.json").read_text()) for folder in (before, after))
    if first != second:
        gone, come = [one for one in first if one not in second], [one for one in second if one not in first]
        out.append(f"findings: {len(gone)} went, {len(come)} came")
    if (before / "report.html").read_bytes() != (after / "report.html").read_bytes():
        out.append("the report")
    return out


def _different(old: pa.ChunkedArray, new: pa.ChunkedArray) -> int:
    """Rows whose bits differ; all of them where the type does. NaN is what NaN is."""
    if old.type != new.type:
        return len(old)
    values = [column.combine_chunks() for column in (old, new)]
    if pa.types.is_floating(old.type):
        kind: Any = np.uint32 if old.type == pa.float32() else np.uint64
        bits = [np.asarray(one.fill_null(np.nan).to_numpy(zero_copy_only=False)).view(kind) for one in values]
        return int((bits[0] != bits[1]).sum())
    first, second = (one.to_pylist() for one in values)
    return sum(a != b for a, b in zip(first, second, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new", nargs="?", help="default: this checkout, as it is")
    parser.add_argument("--projects", nargs="+", default=list(PROJECTS), choices=list(PROJECTS), metavar="NAME")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    differ = False
    with tempfile.TemporaryDirectory(prefix="assay-same-") as place:
        scratch = Path(place)
        codes = [code_of(given.old, scratch), code_of(given.new, scratch)]
        for name in given.projects:
            folder = scratch / name
            folder.mkdir()
            data = PROJECTS[name](data_dir(), folder)
            kept = given.keep or scratch
            sides = [kept / name / (commit or "now") for commit in (given.old, given.new)]
            before, after = (made(code, data, side) for code, side in zip(codes, sides, strict=True))
            found = differences(before, after)
            differ |= bool(found)
            rows, columns = pq.read_table(before / "results.parquet").shape
            print(f"{name}: {rows:,} rows, {columns} columns: {'; '.join(found) or 'the same'}", flush=True)
    raise SystemExit(int(differ))


if __name__ == "__main__":
    main()
