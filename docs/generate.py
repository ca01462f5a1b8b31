"""The reference pages that are made from the code: columns, checks, commands, errors.

In: `assay.columns`, the click commands, `assay.errors`. Out: Markdown, by file name. Imports nothing but Assay and click.
Does not know: Sphinx. Hand-written pages include what is made here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from assay import errors
from assay.checks import ANY, CHECKS
from assay.cli.commands import main
from assay.columns import COLUMNS, Column

GENERATED = Path(__file__).resolve().parent / "_generated"
TYPES = {
    "bool": "flag",
    "float32": "number",
    "int32": "integer",
    "int64": "integer",
    "string": "text",
    "label": "label",
    "id": "id",
}
# who computes a column: one paragraph a side-car table, in the order of the tables in columns.py
KINDS = {
    "dataset": ("Every row", "read from your data before any model runs"),
    "label": ("Labels", "computed by the [label check](checks.md#label-issues) from out-of-sample probabilities"),
    "multi_label": (
        "Two labels in one row",
        "computed by [taking plausible rows apart](checks.md#the-dataset-as-a-whole)",
    ),
    "outlier": ("Outliers", "computed by the [outlier check](checks.md#outliers) from the vectors"),
    "duplicate": ("Duplicates", "computed by the [duplicate check](checks.md#duplicates) without looking at labels"),
    "conflict": (
        "Duplicates with different labels",
        "computed by the [conflict check](checks.md#duplicates-with-different-labels) from clusters, labels and probabilities",
    ),
    "image": ("Images", "computed by the [image checks](checks.md#image-checks) from the decoded picture"),
    "text": ("Texts", "computed by the [text checks](checks.md#text-checks) from the text itself"),
    "table": ("Tables", "computed by the [table checks](checks.md#table-checks) from the feature cells"),
    "actions": (
        "Actions",
        "what was [decided](decisions.md), shown where somebody decided something, and what an [export](fixing.md) did",
    ),
}


def table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> list[str]:
    """A Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines] + [""]


def columns_page() -> str:
    """Every result column, grouped by who computes it."""
    lines: list[str] = []
    for kind in dict.fromkeys(column.kind for column in COLUMNS):
        title, who = KINDS[kind]
        lines += [f"## {title}", "", f"These columns are {who}.", ""]
        lines += table(("column", "type", "direction", "meaning"), [_row(c) for c in COLUMNS if c.kind == kind])
    return "\n".join(lines)


def _row(column: Column) -> tuple[str, ...]:
    return f"`{column.name}`", TYPES[column.dtype], column.direction, column.meaning


def checks_page() -> str:
    """The words that ``--type`` takes."""
    rows = []
    for check in CHECKS:
        whom = "any data" if check.modalities == ANY else " and ".join(check.modalities)
        labels = "labels" if check.needs_labels else ""
        needs = "splits" if check.name == "cross_split_duplicate" else labels
        score = f"`{check.score}`" if check.score else "the order of your data"
        rows.append((f"`{check.name}`", check.title, f"`{check.flag}`", score, whom, needs))
    return "\n".join(table(("`--type`", "title", "rows where", "sorted by", "for", "needs"), rows))


# commands ------------------------------------------------------------------------------------------------------


def commands(group: click.Group = main, prefix: str = "assay") -> Iterator[tuple[str, click.Command]]:
    """(full name, command) of everything that can be run, depth first."""
    for name, command in group.commands.items():
        full = f"{prefix} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, full)
        else:
            yield full, command


def cli_page() -> str:
    """Every command with its arguments and options, from the definitions that the program itself uses."""
    lines: list[str] = []
    for name, command in commands():
        context = click.Context(command, info_name=name)
        usage = " ".join(command.collect_usage_pieces(context))
        lines += [f"## {name}", "", _sentences(command.help or ""), "", "```text", f"{name} {usage}", "```", ""]
        options = [option for option in command.params if isinstance(option, click.Option)]
        if options:
            lines += table(("option", "meaning"), [_option(option, context) for option in options])
    return "\n".join(lines)


def _sentences(text: str) -> str:
    """Click's help, paragraphs kept, with what reads like code set as code."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\b", "").strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _option(option: click.Option, context: click.Context) -> tuple[str, str]:
    record = option.get_help_record(context)
    shown, meaning = record if record is not None else (", ".join(option.opts), "")
    return f"`{shown}`", _escaped(meaning)


def _escaped(text: str) -> str:
    """Brackets are links and angle brackets are HTML to Markdown; here they are plain text."""
    return re.sub(r"([\[\]<>*])", r"\\\1", text)


# errors --------------------------------------------------------------------------------------------------------


def errors_page() -> str:
    """The tree of exceptions as the module draws it."""
    tree = [line[4:] for line in (errors.__doc__ or "").splitlines() if line.startswith("    ")]
    return "\n".join(["```text", *tree, "```", ""])


PAGES: dict[str, Callable[[], str]] = {
    "columns.md": columns_page,
    "checks.md": checks_page,
    "cli.md": cli_page,
    "errors.md": errors_page,
}


def write_pages(folder: Path = GENERATED) -> None:
    """Write what changed, so that a second build has nothing to do."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        path, text = folder / name, make()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages()
