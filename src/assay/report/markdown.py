"""The report as Markdown: the article that the data write about themselves, without pictures.

In: `ReportData`. Out: Markdown as a string. Does not know: projects, files, HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay.printable import printable
from assay.report.data import Exhibit, ReportData

MARKS = re.compile(r"([\\`*_{}\[\]<>#|~$&@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)  # addresses become links by themselves
ROWS = 10  # of one check


def render_markdown(data: ReportData) -> str:
    """Pure: the same data give the same bytes. What comes from the data cannot mark anything up."""
    return "\n".join(_lines(data)) + "\n"


def _lines(data: ReportData) -> Iterator[str]:
    yield f"# {_plain(data.name)}"
    yield ""
    yield _plain(data.lead)
    if data.error_rate is not None:
        yield ""
        yield f"{_plain(data.opening)} {_plain(data.error_rate.basis)}"
    if data.left:
        yield from ("", _plain(data.left))
    if data.corrections:
        yield from (
            "",
            "## Most suggested corrections",
            "",
            "| given | suggested | rows | reading |",
            "|---|---|---|---|",
        )
        for one in data.corrections:
            yield f"| {_plain(one.given)} | {_plain(one.suggested)} | {one.count:,} | {_plain(one.reading)} |"
    if data.duplicates is not None and data.duplicates.conflict_sets:
        yield from ("", "## The same row under two labels", "")
        for copies in data.duplicates.shown:
            if copies.conflict:
                ids = ", ".join(f"{_plain(m.row_id)} ({_plain(m.given or 'no label')})" for m in copies.members)
                yield f"- {ids}: {_plain(copies.verdict)}"
    if data.duplicates is not None and data.duplicates.drops:
        d = data.duplicates
        title = f"## If copies are left out (--drop-duplicates near): {d.n_drops:,}"
        yield from ("", title, "")
        yield from (f"- {_plain(one.row_id)}: {_plain(one.reason)}" for one in d.drops)
        yield from (f"- and {d.n_drops - len(d.drops):,} more",) if d.n_drops > len(d.drops) else ()
    if data.findings:
        yield from ("", "## The dataset as a whole", "")
        yield from (f"- **{_plain(one.title)}**: {_plain(one.message)}" for one in data.findings)
    galleries = [*([data.label_issues] if data.label_issues is not None else []), *data.galleries]
    for gallery in galleries:
        yield from ("", f"## {_plain(gallery.title)}: {gallery.total:,}", "")
        yield from (_row(one) for one in gallery.exhibits[:ROWS])
    if data.next_steps:
        yield from ("", "## What to do next", "")
        for at, step in enumerate(data.next_steps, 1):
            yield f"{at}. {_plain(step.text)}{f' `{step.command}`' if step.command else ''}"
    yield from ("", "## Checks", "", "| check | status | found |", "|---|---|---|")
    for check in data.checks:
        found = f"{check.count:,}" if check.count is not None else _plain(check.why)
        yield f"| {_plain(check.title)} | {_plain(check.status)} | {found} |"


def _row(one: Exhibit) -> str:
    text = "".join(passage.text for passage in one.passages) or "; ".join(f"{c.column}: {c.value}" for c in one.cells)
    said = (("given", one.given), ("suggested", one.suggested))
    labels = ", ".join(f"{what} {_plain(label)}" for what, label in said if label)
    tail = f" ({_plain(one.reason)})" if one.reason else ""
    return f"- {_plain(one.row_id)}:{' ' + labels if labels else ''}{' - ' + _plain(text) if text else ''}{tail}"


def _plain(text: str) -> str:
    """One line in which nothing is a mark, and nothing steers the terminal that shows it."""
    return MARKS.sub(r"\\\1", printable(" ".join(text.split())))
