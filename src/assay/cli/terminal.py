"""Tables on a terminal.

In: a project, a list of models. Out: text on standard output. Does not know: files, computation.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assay.checks import CHECK_BY_NAME
from assay.project import Project

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.text import Text

LONGEST = 60
STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
WIDE = 140  # columns where standard output is a file or a pipe
HEADINGS = {
    "suggested_label_confidence_score": "confidence",
    "predicted_label": "predicted",
    "p_label_error": "p(wrong)",
    "near_duplicate_cluster_id": "set",
    "near_duplicate_kind": "kind",
    "duplicate_correct_label": "correct label",
    "not_analyzed_reason": "reason",
    "outlier_reason": "reason",
    "PII_types": "types",
    "PII_items": "items",
}
ALWAYS = ("row_id", "given_label", "suggested_label")


def show_issues(project: Project, type: str | None, top: int | None, rows: NDArray[np.int64] | None = None) -> None:
    """The rows of one check (or all rows, or ``rows``), worst first, as a table; 20 unless told."""
    from rich.console import Console
    from rich.table import Table

    top = top or 20
    frame = project.issue_table(type, top) if rows is None else project.row_table(rows[:top])
    total = len(rows) if rows is not None else len(project) if type is None else len(project.flagged(type))
    names = project.public_names
    check = CHECK_BY_NAME.get(type or "")
    wanted = [*ALWAYS, *(check.shown if check else ()), *([check.score] if check and check.score else [])]
    columns = [names[name] for name in dict.fromkeys(wanted) if name in names and names[name] in frame.column_names]
    text = project.run["roles"]["text"]
    if text and text in frame.column_names:
        columns.insert(1, text)
    table = Table(box=None, pad_edge=False, header_style="bold")
    ours = {public: name for name, public in names.items()}
    for name in columns:
        known = ours.get(name, name)
        heading = HEADINGS.get(known) or ("score" if known.endswith("_score") else known.replace("_", " "))
        table.add_column(_text(heading), overflow="fold")
    for record in frame.select(columns).to_pylist():
        table.add_row(*(_cell(record[name]) for name in columns))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    console.print(table, markup=False) if frame.num_rows else console.print("none")
    shown = frame.num_rows
    if shown < total:
        console.print(f"{shown:,} of {total:,} rows; --top shows more, -o FILE writes all", markup=False)


def show_findings(numbered: Sequence[tuple[int, dict[str, Any]]]) -> None:
    """Findings with the number by which ``--apply`` knows them, and what they propose."""
    if not numbered:
        print("nothing was found")
    heading = ""
    for number, finding in numbered:
        if finding["title"] != heading:
            heading = finding["title"]
            print(f"\n{_plain(heading)}")
        print(f"{number:>5}  {_plain(finding['message'])}")
        action = finding.get("action")
        if action:
            other = action.get("else")
            print(f"       -> {_plain(action['title'])}" + (f"; instead: {_plain(other['title'])}" if other else ""))


def show_preview(summary: dict[str, Any]) -> None:
    """What an action would change, as counts."""
    print(f"would change: {summary['n']:,} rows")
    for given, new, count in summary["pairs"][:20]:
        print(f"  {_plain(str(given))} -> {_plain(str(new))}: {count:,}")
    for why, count in summary["skipped"].items():
        print(f"  left alone: {count:,} ({_plain(why)})")


def _plain(text: str) -> str:
    """One line of any length without the codes that would steer the terminal or turn its text around."""
    return " ".join(STEERING.sub(" ", text).split())


def _cell(value: Any) -> Text:
    if value is None:
        return _text("")
    return _text(f"{value:.3f}" if isinstance(value, float) else str(value))


def _text(text: str) -> Text:
    """One short line, without mark-up and without the codes that would steer the terminal or turn its text around."""
    from rich.text import Text

    line = " ".join(STEERING.sub(" ", text).split())
    return Text(line if len(line) <= LONGEST else line[: LONGEST - 1] + "…")


def show_models(models: Sequence[Any]) -> None:
    """What `assay models list` prints."""
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "for", "licence", "size", "here", "about", box=None, pad_edge=False, header_style="bold")
    for model in models:
        here = "yes" if model.here else f"assay models pull {model.name}"
        table.add_row(model.name, model.modality, model.licence, f"{model.megabytes:,} MB", here, model.about)
    Console(highlight=False).print(table, markup=False)
