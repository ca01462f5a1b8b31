"""Faults planted in the cells of ten real tables: what Assay's findings name of them, and what ydata-profiling alerts to.

    table_faults.py [TABLE ...]

In: the clean tables of ten datasets. Out: ``results/table-faults.json`` with tables for the page. Does not know: how a fault is found.
Every fault is put into a column of its own, so that each is judged alone. Found: a finding of that kind about that column, which
no finding was about in the clean table, with all planted rows. ydata-profiling names columns and no rows: an alert of any
kind about the column counts that the clean table did not have.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import assay
from problems import data_dir
from sides import answer, call, environment_of_peers, keep, run_side, show

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parent / ".env-profiling"
PEERS = ("ydata-profiling==4.18.4", "setuptools<81")  # which imports pkg_resources without saying so
TABLES = (
    "tabular_hospital",
    "tabular_beers",
    "table_nyc_jobs",
    "table_cars_names",
    "table_portal_rodents",
    "tables_dgov/NO__305b_Assessed_2008_Lake",
    "tables_dgov/NO__Roadway_Overlaps",
    "tables_dgov/NTR__tra3shp",
    "tables_dgov/NTR__mrsa_in_hospitals_2013",
    "tables_dgov/NO__s_firm_pan",
)
ROWS = 3_000  # of a larger table, the first ones
ROUNDS = 3  # copies of each table with faults in other columns
Kind = Callable[[pd.DataFrame, str, np.random.Generator], "np.ndarray[Any, Any] | None"]


class UnfitError(Exception):
    """This column cannot take that fault."""


def fit(holds: Any) -> None:
    if not holds:
        raise UnfitError


def numbers(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers of a column that holds nothing else, most of them different."""
    given = cells[cells.str.strip() != ""]
    read = pd.to_numeric(given, errors="coerce")
    fit(len(read) > len(cells) / 2 and read.notna().all() and read.nunique() >= 30)
    return read


def words(cells: pd.Series[Any]) -> pd.Series[Any]:
    """How often each value of a column of categories in letters comes, the commonest first."""
    counts = cells[cells.str.strip() != ""].value_counts()
    fit(2 <= len(counts) <= len(cells) / 5 and counts.iloc[0] >= 12)
    first = str(counts.index[0])
    fit(sum(map(str.isalpha, first)) >= 3 and first.lower() not in ("null", "none", "empty", "unknown", "yes", "no"))
    return counts


def some(at: Any, count: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    fit(len(at) >= count)
    return np.sort(rng.choice(np.asarray(at), count, replace=False))


def put(frame: pd.DataFrame, column: str, rows: np.ndarray[Any, Any], values: Any) -> np.ndarray[Any, Any]:
    frame.iloc[rows, frame.columns.get_loc(column)] = values
    return rows


def missing(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    fit((frame[column].str.strip() != "").all() and frame[column].nunique() > 1)
    return put(frame, column, some(range(len(frame)), 5, rng), "")


def word_for_nothing(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    words(frame[column])
    return put(frame, column, some(range(len(frame)), 3, rng), "N/A")


def stand_in_number(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    read = numbers(frame[column])
    fit(read.min() >= 0 and read.max() < 900)
    return put(frame, column, some(range(len(frame)), 4, rng), "-999")


def spelling(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    value = words(frame[column]).index[0]
    rows = some(np.flatnonzero(frame[column] == value), 3, rng)
    other = value.swapcase() if " " not in value else value.replace(" ", "-")
    fit(not (frame[column] == other).any())
    return put(frame, column, rows, other)


def slip(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Two letters in the middle of a long word change places."""
    counts = words(frame[column])
    long = [value for value in counts.index[:5] if len(value) >= 8 and value.isalpha() and counts[value] >= 12]
    fit(long)
    value = str(long[0])
    at = next((at for at in range(3, len(value) - 2) if value[at] != value[at + 1]), None)
    fit(at is not None)
    assert at is not None
    other = value[:at] + value[at + 1] + value[at] + value[at + 2 :]
    return put(frame, column, some(np.flatnonzero(frame[column] == value), 1, rng), other)


def blanks(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    value = words(frame[column]).index[0]
    return put(frame, column, some(np.flatnonzero(frame[column] == value), 2, rng), f" {value} ")


def entities(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    value = words(frame[column]).index[0]
    return put(frame, column, some(np.flatnonzero(frame[column] == value), 2, rng), f"{value} &amp; others")


def encoding(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    value = words(frame[column]).index[0]
    wrong = "Café Zürich".encode().decode("latin-1")
    return put(frame, column, some(np.flatnonzero(frame[column] == value), 2, rng), f"{value} {wrong}")


def no_number(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    read = numbers(frame[column])
    rows = some([frame.index.get_loc(at) for at in read.index if "0" in frame[column][at][1:]], 2, rng)
    values = frame[column].iloc[rows]
    return put(frame, column, rows, [value[0] + value[1:].replace("0", "O") for value in values])


def number_as_text(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    read = numbers(frame[column])
    rows = some([frame.index.get_loc(at) for at in read.index if float(frame[column][at]) >= 1], 3, rng)
    return put(frame, column, rows, [f"$ {value}" for value in frame[column].iloc[rows]])


def impossible_date(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    cells = frame[column].str.strip()
    fit(cells.str.fullmatch(r"(19|20)\d\d-\d\d-\d\d.*").mean() > 0.9)
    rows = some(range(len(frame)), 2, rng)
    return put(frame, column, rows, [cells.iloc[at][:4] + "-02-31" + cells.iloc[at][10:] for at in rows])


def repeated_key(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    fit(frame[column].is_unique and column.lower().endswith(("id", "key", "number", "code")))
    one, two, three, four = some(range(len(frame)), 4, rng)
    put(frame, column, np.array([two, four]), [frame[column].iloc[one], frame[column].iloc[three]])
    return np.array([one, two, three, four])


def other_column(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """The commonest value of a column of words that shares none with this one."""
    mine = words(frame[column])
    fit(len(mine) >= 3)
    for other in frame.columns:
        try:
            theirs = words(frame[other])
        except UnfitError:
            continue
        if other != column and len(theirs) >= 3 and not set(mine.index) & set(theirs.index):
            return put(frame, column, some(range(len(frame)), 2, rng), theirs.index[0])
    raise UnfitError


def contradiction(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Another value than the one that a column of words or codes decides in every row."""
    counts = frame[column].value_counts()
    fit(5 <= len(counts) <= len(frame) / 5 and counts.iloc[0] < len(frame) / 3)
    for given in frame.columns:
        groups = frame[frame[given].str.strip() != ""].groupby(given)[column]
        if given == column or not 5 <= groups.ngroups <= len(frame) / 5 or groups.nunique().max() > 1:
            continue
        rows = some(np.flatnonzero(groups.transform("size").reindex(frame.index, fill_value=0) >= 6), 1, rng)
        value = frame[column].iloc[rows[0]]
        return put(frame, column, rows, next(other for other in counts.index if other != value))
    raise UnfitError


def constant(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    fit(frame[column].nunique() > 1)
    frame[column] = frame[column].iloc[0] or "same"
    return np.array([], int)


def copied(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    words(frame[column])
    frame[f"{column} again"] = frame[column]
    return np.array([], int)


KINDS: dict[str, tuple[str, Callable[..., np.ndarray[Any, Any]]]] = {
    "impossible_date": ("impossible dates (31 February)", impossible_date),
    "repeated_key": ("keys that repeat", repeated_key),
    "contradiction": ("a value that another column rules out", contradiction),
    "other_column": ("values of another column", other_column),
    "placeholder -999": ("-999", stand_in_number),
    "not_a_number": ("O for 0", no_number),
    "number_as_text": ("numbers with a $", number_as_text),
    "spelling slip": ("two letters changed over", slip),
    "spelling": ("another spelling (case, hyphen)", spelling),
    "placeholder N/A": ("N/A", word_for_nothing),
    "white_space": ("blanks around values", blanks),
    "entities": ("HTML entities", entities),
    "encoding": ("wrong encoding", encoding),
    "missing": ("blank cells", missing),
    "copy": ("a copied column", copied),
    "constant": ("a column of one value", constant),
}


def planted(clean: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, tuple[str, list[int]]]]:
    """The table with faults, and of each kind that found a column: the column, its rows."""
    frame, put_in = clean.copy(), {}
    free = list(rng.permutation(clean.columns))
    for kind in rng.permutation(list(KINDS)):
        plant = KINDS[kind][1]
        for column in free:
            before = frame.copy()
            try:
                rows = plant(frame, column, rng)
            except UnfitError:
                frame = before
                continue
            put_in[kind] = (f"{column} again" if kind == "copy" else str(column), rows.tolist())
            free.remove(column)
            break
    return frame, put_in


def findings(table: Path, scratch: Path) -> list[tuple[str, list[str], list[int]]]:
    """Kind, columns, row numbers of each finding about the columns or cells of a table."""
    project = assay.analyze(table, modality="table", task="unsupervised", output=scratch / f"{table.stem}.assay")
    found = [one for one in project.insights() if one["check"] in ("cells", "columns")]
    return [
        (one["data"]["kind"], one["subject"], one["data"]["rows"] if one["check"] == "cells" else []) for one in found
    ]


def judged(scratch: Path, names: list[str]) -> list[dict[str, Any]]:
    """What is found of each planted fault; findings about other columns that the clean table did not have."""
    out = []
    for name in names:
        stem = name.replace("/", "_")
        before = findings(scratch / f"{stem}.clean.csv", scratch)
        known = {(kind, *subject) for kind, subject, _ in before}
        for number in range(ROUNDS):
            record = json.loads((scratch / f"{stem}.{number}.json").read_text())
            after = findings(scratch / f"{stem}.{number}.csv", scratch)
            new = [(kind, subject) for kind, subject, _ in after if (kind, *subject) not in known]
            columns = {column for column, _ in record.values()}
            for kind, (column, rows) in record.items():
                same = [set(found) for one, subject, found in after if one == kind.split(" ")[0] and column in subject]
                fresh = any(one == kind.split(" ")[0] and column in subject for one, subject in new)
                hit = any(set(rows) <= found for found in same) and (fresh or bool(rows))
                out.append({"table": name, "kind": kind, "column": column, "found": hit})
            beside = [kind for kind, subject in new if not columns & set(subject)]
            out.append({"table": name, "kind": "", "before": 0 if number else len(before), "beside": beside})
    return out


def make(scratch: Path, names: list[str]) -> Iterator[str]:
    """Write each table, clean and with faults, and what was put into it; a line about each."""
    for name in names:
        clean = pd.read_csv(data_dir() / name / "clean.csv", dtype=str, keep_default_na=False).head(ROWS)
        stem, count = name.replace("/", "_"), 0
        clean.to_csv(scratch / f"{stem}.clean.csv", index=False)
        for number in range(ROUNDS):
            frame, put_in = planted(clean, np.random.default_rng([TABLES.index(name), number]))
            frame.to_csv(scratch / f"{stem}.{number}.csv", index=False)
            (scratch / f"{stem}.{number}.json").write_text(json.dumps(put_in))
            count += len(put_in)
        yield f"{name}: {len(clean):,} rows, {count} faults in {ROUNDS} copies"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    names = given.tables or list(TABLES)
    if unknown := set(names) - set(TABLES):
        parser.error(f"no such table: {', '.join(unknown)}")
    if given.scratch:
        with call() as spent:
            rows = judged(given.scratch, names)
        answer(given.scratch, "assay", {"rows": rows, "call": spent})
        return
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for line in make(scratch, names):
            print(line, flush=True)
        ours = run_side([sys.executable, str(HERE / "table_faults.py"), *names, "--scratch", folder], "assay", scratch)
        peer = environment_of_peers(ENVIRONMENT, PEERS)
        theirs = run_side([peer, str(HERE / "table_faults_peer.py"), folder, *names], "ydata", scratch)
    record = {"sides": [ours.record(), theirs.record()], "tables": tables(ours, theirs, len(names))}
    for one in ours.found["rows"]:
        if not one.get("found", True):
            print(f"missed: {one['kind']} in {one['column']} of {one['table']}")
        if one.get("beside"):
            print(f"beside: {one['table']}: {', '.join(one['beside'])}")
    show(record["tables"])
    if names == list(TABLES):
        keep("table-faults", record)


def tables(ours: Any, theirs: Any, count: int) -> list[dict[str, Any]]:
    lines, total = [], [0, 0, 0]
    for kind, (title, _) in KINDS.items():
        mine = [one for one in ours.found["rows"] if one["kind"] == kind]
        peer = [one for one in theirs.found["rows"] if one["kind"] == kind]
        hits, alerted = sum(one["found"] for one in mine), sum(one["found"] for one in peer)
        total = [total[0] + len(mine), total[1] + hits, total[2] + alerted]
        named = sorted({alert for one in peer for alert in one["alerts"]})
        lines.append([title, len(mine), hits, alerted, ", ".join(named).lower().replace("_", " ") or "-"])
    beside = [one for one in ours.found["rows"] if not one["kind"]]
    lines.append(["all", *total, ""])
    before, after = sum(one["before"] for one in beside), sum(len(one["beside"]) for one in beside)
    text = (
        f"{count} real tables as published clean, of at most {ROWS:,} rows, and {ROUNDS} copies of each with faults. Assay: a finding of "
        "that kind about the column that holds all planted rows; ydata-profiling 4.18.4: any alert about the column that the clean "
        "table did not have (it names no rows; interactions off). A fault is put where a column is fit for it. In all tables "
        f"together Assay had {before} findings before, and {after} more after about columns in which nothing was planted."
    )
    costs = [
        [name, f"{side.wall_seconds:.0f}", f"{side.cpu_seconds:.0f}", side.private_mb]
        for name, side in (("Assay, whole analyses", ours), ("ydata-profiling, descriptions without the page", theirs))
    ]
    return [
        {
            "title": "Faults planted in ten tables",
            "text": text,
            "heads": ["fault", "planted", "Assay", "ydata-profiling", "its alerts"],
            "rows": lines,
        },
        {
            "title": "What both cost",
            "text": f"{1 + ROUNDS} runs a table, all in one process.",
            "heads": ["side", "seconds", "CPU s", "private MB"],
            "rows": costs,
        },
    ]


if __name__ == "__main__":
    main()
