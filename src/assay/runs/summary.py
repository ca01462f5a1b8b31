"""The summary of a run: plain values that print as a table, as JSON, or in a notebook.

In: a run's record and its findings. Out: `Summary`. Does not know: files.
"""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass
from typing import Any

from assay.checks import CHECK_BY_NAME

MOST_TOLD = 10  # findings of a printed summary
MOST_OF_A_KIND = 3  # of them, so that one kind does not push the others out


@dataclass(frozen=True)
class Summary:
    """``print(summary)`` shows it; ``to_dict()`` is what ``assay summary --json`` prints."""

    name: str
    modality: str
    task: str
    n_rows: int
    n_classes: int
    checks: tuple[dict[str, Any], ...]
    findings: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...]
    accounting: tuple[str, ...]
    run: dict[str, Any]

    @classmethod
    def of(cls, run: dict[str, Any], findings: list[dict[str, Any]]) -> Summary:
        kept = {
            key: run[key]
            for key in (
                "run",
                "seconds",
                "settings",
                "embeddings",
                "graph",
                "prediction",
                "versions",
                "timings",
                "redone",
            )
        }
        return cls(
            run["name"],
            run["modality"],
            run["task"],
            run["n_rows"],
            len(run["classes"]),
            tuple(run["checks"]),
            tuple(findings),
            tuple(run["notes"]),
            tuple(run["missing"]),
            tuple(run.get("accounting", ())),
            kept,
        )

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [check for check in self.checks if check["status"] == "failed"]

    def to_dict(self) -> dict[str, Any]:
        keys = (
            "name",
            "modality",
            "task",
            "n_rows",
            "n_classes",
            "checks",
            "findings",
            "notes",
            "missing",
            "accounting",
            "run",
        )
        return {key: list(value) if isinstance(value := getattr(self, key), tuple) else value for key in keys}

    def rows(self) -> list[tuple[str, str, str]]:
        """(check, status, count and share) for a table."""
        return [(check["title"], check["status"], self._result(check)) for check in self.checks]

    def _result(self, check: dict[str, Any]) -> str:
        if check["status"] != "ran":
            return str(check["why"])
        count = int(check["count"] or 0)
        if check["name"] not in CHECK_BY_NAME:  # it found sentences, not rows
            return f"{count:,}"
        return f"{count:,} ({count / self.n_rows:.1%})" if count and self.n_rows else f"{count:,}"

    def head(self) -> str:
        classes = f", {self.n_classes:,} {'class' if self.n_classes == 1 else 'classes'}" if self.n_classes else ""
        return f"{self.name}: {self.n_rows:,} rows of {self.modality} data{classes}, {self.task}, {self.run['seconds']:.0f} s"

    def __str__(self) -> str:
        width = max((len(check["title"]) for check in self.checks), default=0)
        lines = [self.head(), *(f"  {sentence}" for sentence in self.accounting), ""]
        lines += [f"  {title:<{width}}  {status:<7}  {result}" for title, status, result in self.rows()]
        shown = self.told()
        if shown:
            lines += ["", *(f"  {finding['message']}" for finding in shown)]
            rest = len(self.findings) - len(shown)
            lines += [f"  ... and {rest} more findings: `assay insights` lists them"] if rest else []
        if self.missing:
            lines += ["", *(f"  {sentence}" for sentence in self.missing)]
        return "\n".join(lines)

    def told(self) -> list[dict[str, Any]]:
        """The findings that the printed summary holds: in order, few of one kind, few in all."""
        kinds: Counter[tuple[str, str]] = Counter()
        shown = []
        for finding in self.findings:
            kind = finding["check"], finding.get("type", "")
            kinds[kind] += 1
            if kinds[kind] <= MOST_OF_A_KIND:
                shown.append(finding)
        return shown[:MOST_TOLD]

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row' style='text-align:left'>{html.escape(title)}</th><td>{status}</td><td>{html.escape(result)}</td></tr>"
            for title, status, result in self.rows()
        )
        return f"<p><b>{html.escape(self.head())}</b></p><table>{rows}</table>"
