"""docs/benchmarks.md, written from the results that are there.

In: ``benchmarks/results/*.json``. Out: the page. Does not know: how anything was measured. ``python page.py`` writes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from staleness import date
from targets import RESULTS, TARGETS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
Row = dict[str, Any]
ORDER = ("cifar10n_6k", "banking77", "clinc150", "hospital", "beers", "photos_600", "odds_outliers")
SCALE = ("images", "texts", "table")
OWN_TABLES = (
    "learner", "noise", "overlap", "safe", "copies", "copy-sets", "foreign", "table-faults", "big-labels", "big-neighbors", "big-run",
    "big-run-bounded", "bounded",
    "integers", "photographs", "imagenet", "small", "relations", "two-labels", "calibration", "checks", "big-findings",
)  # fmt: skip
MEASURES = ("auroc", "ap", "precision", "recall", "f1", "accuracy")
COSTS = ("wall_seconds", "cpu_seconds", "megabytes")
WORSE = 0.01  # differences up to this are called even

HEAD = """# Benchmarks

Quality and cost on datasets whose faults are known, real or planted, side by side with cleanlab 2.9 on the same rows. This page is
written by `benchmarks/page.py` from `benchmarks/results/*.json`; nothing on it was typed by hand. To measure again:

```bash
make bench                                          # a quarter of an hour: small datasets, and small sizes of the large tables
make bench-full                                     # every table that was not measured on this machine yet; stop and resume it
.venv/bin/python benchmarks/suite.py                # the targets, and which of them this machine lacks
.venv/bin/python benchmarks/suite.py noise copies   # some of them
```

Each target is a script of its own in `benchmarks/`; its first lines say what it measures and which sizes it takes. Results are kept
with the commit, its day and the machine they were made on; a table that was measured before the code it rests on changed says that
it is stale. Peers run with their defaults or with settings that are named beside the table, in environments of their own, in the same
run as Assay.

The datasets are not part of the repository. Set the environment variable `ASSAY_TEST_DATA` to the folder that holds them.
"""
QUALITY = """## Quality, side by side with cleanlab 2.9

Every line is a process of its own. *Seconds* and *CPU s* are of the whole process and all it started, interpreter and reading
included; *peak MB* is the largest sum of memory over the process tree, shared pages counted once. A line of Assay is a complete
analysis with every check, the first cleanlab line of a block is only cleanlab's part on probabilities that were handed over.
AUROC and AP (average precision) judge the scores; precision, recall and F1 judge the flags at their defaults. *Accuracy* is the
out-of-fold accuracy of the probabilities against the true labels. A dash: not measured by this method.

"cleanlab, Assay's probabilities" is `find_label_issues` (prune_by_noise_rate) and `get_label_quality_scores` (self-confidence).
The other cleanlab lines make their own probabilities by 5-fold `cross_val_predict` as cleanlab's tutorials do. Where a line says
"Assay's vectors" the cost of making those vectors is not in it.

- cifar10n_6k: 6,000 pictures of CIFAR-10 with labels by people (CIFAR-10N, "random 1"), 17 % wrong.
- banking77: 13,083 questions, 77 classes; 10 % of the labels replaced at random.
- clinc150: 22,500 questions, 150 classes, 10 % of the labels replaced at random; 1,200 real out-of-scope questions without a
  label are the outliers; "foreign rows labelled": the same under labels drawn at random.
- hospital (`condition`), beers (`style`): the clean tables of Raha, classes of 20 rows and more, 10 % of the labels replaced at
  random; means over 5 seeds.
- photos_600: 586 photographs; the copies among them were listed by eye. The list is not complete: stop_sign 19 is the same drawing as
  47 and 48, which Assay found and which is counted against it. By pairs, copies of copies included; the ranking by rows.
- odds: six tables of numbers with known outliers.

*plain*: Assay as it installs, words and characters only. *MiniLM*: with the sentence encoder's weights present.
"""
COLUMNS = {
    "auroc": "AUROC",
    "ap": "AP",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "accuracy": "accuracy",
    "wall_seconds": "seconds",
    "cpu_seconds": "CPU s",
    "megabytes": "peak MB",
}


def write_page() -> Path:
    """Write the page; its path relative to the checkout."""
    results = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    for target in TARGETS:
        if target.result in results:
            results[target.result]["stale"] = target.stale()
    parts = [HEAD]
    quality = [results[f"quality-{name}"] for name in ORDER if f"quality-{name}" in results]
    if quality:
        rows = average([row for record in quality for row in record["rows"]])
        parts += [QUALITY, *blocks(rows), comparison(rows), made_by(quality)]
    for name, writer in (("planted", planted), ("scale", scale), ("kills", kills)):
        found = [record for stem, record in results.items() if stem.split("-")[0] == name]
        if name == "scale":
            found.sort(key=lambda record: SCALE.index(record["dataset"]))
        if found:
            parts += [writer(found), made_by(found)]
    drawn = plots(results)
    for name in OWN_TABLES:
        if name in results:
            parts += [own_tables(results[name], drawn.get(name, "")), made_by([results[name]])]
    if "review" in results:
        parts += [review(results["review"], results.get("log_kills")), made_by([results["review"]])]
    estimates = estimate_rows(results)
    if estimates:
        parts.append(estimates)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(part.rstrip() + "\n" for part in parts), encoding="utf-8")
    return PAGE.relative_to(ROOT)


def average(rows: Sequence[Row]) -> list[Row]:
    """Means over the seeds of a problem."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["problem"], row["part"], row["variant"], row["method"]), []).append(row)
    out = []
    for members in groups.values():
        mean = dict(members[0])
        for name in (*MEASURES, *COSTS):
            values = [row[name] for row in members if row.get(name) is not None]
            mean[name] = sum(values) / len(values) if values else None
        out.append(mean)
    return out


def title(row: Row) -> str:
    variant = f", {row['variant']}" if row["variant"] else ""
    return f"{row['problem']}{variant}: {row['part']}"


def blocks(rows: Sequence[Row]) -> list[str]:
    """One table a part: its problems under each other, the best figure of each problem in bold."""
    out = []
    for part in dict.fromkeys(row["part"] for row in rows):
        chosen = [row for row in rows if row["part"] == part]
        names = [name for name in (*MEASURES, *COSTS) if any(row.get(name) is not None for row in chosen)]
        body = []
        for problem in dict.fromkeys(title(row) for row in chosen):
            members = [row for row in chosen if title(row) == problem]
            best = {name: max(shown(row, name) for row in members) for name in names if name in MEASURES}
            for at, row in enumerate(members):
                cells = [text(row, name, bold=name in best and shown(row, name) == best[name] != "-") for name in names]
                variant = f" ({row['variant']})" if row["variant"] else ""
                body.append([f"{row['problem']}{variant}" if at == 0 else "", row["method"], *cells])
        out.append(f"### {part.capitalize()}\n\n" + table(["dataset", "method", *(COLUMNS[n] for n in names)], body))
    return out


def shown(row: Row, name: str) -> str:
    value = row.get(name)
    if value is None:
        return "-"
    return f"{value:.3f}" if name in MEASURES else f"{value:,.1f}" if name != "megabytes" else f"{value:,.0f}"


def text(row: Row, name: str, *, bold: bool) -> str:
    return f"**{shown(row, name)}**" if bold else shown(row, name)


def comparison(rows: Sequence[Row]) -> str:
    """Where Assay is behind the best cleanlab line by more than .01, said outright."""
    behind, ahead, even = [], 0, 0
    for problem in dict.fromkeys(title(row) for row in rows):
        members = [row for row in rows if title(row) == problem]
        ours = next(row for row in members if row["method"] == "Assay")
        for name in ("auroc", "ap", "f1"):
            rivals = [(row[name], row["method"]) for row in members if row is not ours and row.get(name) is not None]
            if ours.get(name) is None or not rivals:
                continue
            best, method = max(rivals)
            if best > ours[name] + WORSE:
                behind.append(f"- {problem}: {COLUMNS[name]} {ours[name]:.3f} against {best:.3f} ({method})")
            elif ours[name] > best + WORSE:
                ahead += 1
            else:
                even += 1
    worse = "\n".join(behind) or "- nowhere"
    return (
        "### Where Assay is behind\n\n"
        f"AUROC, AP and F1 against the best cleanlab line of the same dataset: Assay is ahead by more than .01 in {ahead}, "
        f"even in {even}, behind by more than .01 in {len(behind)}:\n\n{worse}"
    )


def planted(records: Sequence[Row]) -> str:
    """Planted faults, one table a modality."""
    out = [
        "## Planted faults\n",
        "Faults put into real data by `benchmarks/planted.py`. *Flagged on the clean data* counts what the check flags before "
        "anything is planted: some of it is real (a grey photograph among the photographs), so it bounds the false flags. "
        "Precision counts every flag outside the planted rows as false, except on rows that were flagged before.\n",
    ]
    names = ("planted", "found", "flagged", "precision", "recall", "clean_flags", "clean_share")
    heads = ["check", "planted", "found", "flagged", "precision", "recall", "flagged on the clean data", "share"]
    for record in records:
        body = []
        for row in record["rows"]:
            values = [row[name] for name in names]
            body.append(
                [row["check"], *("-" if v is None else f"{v:.3f}" if isinstance(v, float) else v for v in values)]
            )
        out.append(f"### {record['dataset']}\n\n{record['about']}\n\n{table(heads, body)}\n")
        if record.get("kinds"):
            kinds = [[name, *counts] for name, counts in record["kinds"].items()]
            out.append(table(["planted kind", "planted", "found"], kinds) + "\n")
    return "\n".join(out)


def scale(records: Sequence[Row]) -> str:
    out = ["## Scale\n"]
    for record in records:
        whole = record["whole"]
        quality = record["quality"]
        out.append(
            f"### {record['about']}\n\n"
            f"In all {whole['wall_seconds']:,.0f} s, {whole['cpu_seconds']:,.0f} CPU s, peak {whole['megabytes']:,} MB. "
            f"Label errors: {quality['faults']:,} among the rows, AUROC {quality['auroc']:.3f}, AP {quality['ap']:.3f}, "
            f"F1 {quality['f1']:.3f}.\n"
        )
        body = [
            [
                row["stage"],
                f"{row['wall_seconds']:,.1f}",
                f"{row['cpu_seconds']:,.1f}",
                f"{row['peak_megabytes']:,}",
                row["shards"],
            ]
            for row in record["stages"]
        ]
        out.append(table(["stage", "seconds", "CPU s", "largest worker MB", "shards"], body) + "\n")
    return "\n".join(out)


def kills(records: Sequence[Row]) -> str:
    lines = [line for record in records for line in record["lines"]]
    return "## Killed and resumed\n\n" + "\n".join(f"- {line}" for line in lines)


def plots(results: dict[str, Row]) -> dict[str, str]:
    try:
        from plots import draw
    except ImportError:
        print("plots not drawn, and left out of the page: matplotlib is not installed (pip install --group bench)")
        return {}
    return draw(results)


def own_tables(record: Row, plot: str) -> str:
    """Of results that bring their tables with them; the plot stands below the first."""
    parts = []
    for at, one in enumerate(record["tables"]):
        heading = "##" if at == 0 else "###"
        parts.append(f"{heading} {one['title']}\n\n{one['text']}\n\n{table(one['heads'], one['rows'])}\n")
        if at == 0 and plot:
            parts.append(f"{plot}\n")
    return "\n".join(parts)


def review(record: Row, log: Row | None) -> str:
    """The review app under load."""
    many, bulk, scrolled = record["reviewers"], record["bulk"], record["scrolling"]
    heads = ["what is asked", "p50 ms", "p95 ms"]
    asked = record["queries"] | record.get("pages", {})
    body = [[name, of["p50_ms"], of["p95_ms"], of.get("cpu_ms", "-")] for name, of in asked.items()]
    crowd = [[name, many[name]["p50_ms"], many[name]["p95_ms"]] for name in ("all", *many["mix"]) if name in many]
    mix = ", ".join(f"{share:.0%} {name}" for name, share in many["mix"].items())
    sorts = ", ".join(f"{name} {ms:,.0f} ms" for name, ms in record["new_sorts_ms"].items())
    lines = [
        f"- from the start of the server to the first page of rows: {record['first_page_seconds']} s",
        f"- first page of a sort that nobody has asked for yet: {sorts}",
        f"- auto-fix of {bulk['auto-fix_rows']:,} rows {bulk['auto-fix_seconds']} s, its undo {bulk['auto-fix_undo_seconds']} s; "
        f"leaving out {bulk['exclude_rows']:,} rows {bulk['exclude_seconds']} s, its undo {bulk['exclude_undo_seconds']} s",
        f"- memory of the server, mapped files left out: {record['resident_megabytes']:,} MB",
    ]
    if "first_map_cpu_seconds" in record:
        lines.append(
            f"- computed until the first page {record['first_page_cpu_seconds']} s, for the first map of a sample of the rows "
            f"{record['first_map_cpu_seconds']} s"
        )
    if "script_ms_a_frame" in scrolled:
        lines.append(
            f"- script time a frame while scrolling: {scrolled['script_ms_a_frame']} ms over {scrolled['frames']} frames; "
            f"row {int(scrolled['last_row_shown']):,} shown after End"
        )
    else:
        lines.append(f"- scrolling in a browser: not run, {scrolled['not run']}")
    if log is not None:
        lines += [f"- {line}" for line in log["lines"]]
    return "\n".join(
        [
            f"## The review app on {record['rows']:,} rows\n",
            f"A made-up project of {record['rows']:,} rows and {record['classes']:,} classes; over HTTP, one request after another, "
            "each with other values, so that no answer is kept from before.\n",
            table([*heads, "CPU ms of the server"], body) + "\n",
            *lines,
            f"\n{many['reviewers']} reviewers for {many['seconds']:.0f} s, each one request a second ({mix}): {many['requests']:,} "
            f"requests, {many['errors']} errors; {many['decisions']:,} decisions, {many['lost']} lost.\n",
            table(["of the crowd", *heads[1:]], crowd) + "\n",
        ]
    )


def estimate_rows(results: dict[str, Row]) -> str:
    """What --dry-run promised against what the run took."""
    body = []
    for stem, record in results.items():
        kind = stem.split("-")[0]
        rows = record["rows"] if kind == "quality" else [record] if kind == "scale" else []
        row = next((row for row in rows if row.get("estimate_seconds") is not None), None)
        if row is not None:  # one line a dataset: the six small tables of odds do not count six times
            real = (row["whole"] if kind == "scale" else row)["wall_seconds"]
            ratio = row["estimate_seconds"] / real
            name = row["about"].partition(":")[0] if kind == "scale" else row["problem"]
            good = 0.5 <= ratio <= 2
            body.append(
                [name, f"{row['estimate_seconds']:,.0f}", f"{real:,.1f}", f"{ratio:.2f}", "yes" if good else "**no**"]
            )
    if not body:
        return ""
    within = sum(line[-1] == "yes" for line in body)
    return f"## The estimate of --dry-run\n\nWithin a factor of two on {within} of {len(body)} datasets.\n\n" + table(
        ["dataset", "promised s", "real s", "promised / real", "within a factor of two"], body
    )


def made_by(records: Sequence[Row]) -> str:
    """Commit, day and machine, once for each combination, and which of the results no longer stand for the code."""
    lines = []
    for record in records:
        of = record["machine"]
        lines.append(
            f"Commit {record['commit'].rstrip('+')} of {date(record['commit']) or 'a day not known'}; {of['cores']} cores "
            f"({of['cpu']}), {of['memory_gib']} GiB, {of['system']}, Python {of['python']}, {of['blas']}; "
            + ", ".join(f"{name} {number}" for name, number in of["versions"].items())
            + "."
        )
        if record.get("stale"):
            whose = f" ({record['dataset']})" if len(records) > 1 and "dataset" in record else ""
            lines.append(f"**Stale**{whose}: {record['stale']}.")
    return "\n".join(f"*{line}*\n" for line in dict.fromkeys(lines))


def table(heads: Sequence[str], body: Sequence[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in body)])


if __name__ == "__main__":
    print(write_page())
