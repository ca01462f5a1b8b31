"""The report: the dataset's findings as one page to read, print and pass on.

In: a finished project. Out: one self-contained HTML file, or Markdown. Does not know: how anything was found.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import UsageError
from assay.report.collect import collect
from assay.report.data import ReportData
from assay.report.markdown import render_markdown
from assay.report.render import render_report
from assay.storage import Folder

if TYPE_CHECKING:
    from assay.runs import FinishedRun

__all__ = ["ReportData", "collect", "render_markdown", "render_report", "write_report"]


def write_report(project: FinishedRun, path: str | os.PathLike[str], format: str | None = None) -> str:
    """Write the report of ``project`` to ``path`` and return the path. The file is there complete, or not at all.

    ``format``: "html" or "md" (Markdown, without pictures); default: by the ending of ``path``.

    Raises `UsageError` where ``path`` is a folder, `StorageError` where it cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise UsageError(f"{target} is a folder; name a file in it, such as {target / 'report.html'}")
    if format not in (None, "html", "md"):
        raise UsageError(f"unknown report format {format!r}; choose html or md")
    written = format or ("md" if target.suffix.lower() == ".md" else "html")
    page = (render_markdown if written == "md" else render_report)(collect(project))
    Folder(target.parent).put(target.name, page.encode("utf-8"))
    return str(target)
