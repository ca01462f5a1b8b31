"""The terminal door: every command of ``assay``.

In: words on a command line. Out: files, tables, exit codes: 0 done, 1 failed or a check failed, 2 wrong use, 130 stopped.
Does not know: how anything is computed; heavy imports happen inside the commands.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from assay.checks import CHECKS
from assay.cli.care import CARE
from assay.cli.echo import say, say_json
from assay.cli.log import DECISIONS
from assay.cli.serve import serve
from assay.errors import AssayError, UsageError
from assay.version import __version__

TABLE_FORMATS = ("csv", "json", "jsonl", "parquet")
MOST_HINTED = 3  # columns that could be the label; of more, none stands out
LOOK_FIRST = ("label", "outlier", "duplicate_label_conflict", "near_duplicate", "exact_duplicate", "identical_row")
EXPORT_FORMATS = ("csv", "tsv", "jsonl", "json", "parquet", "arrow", "folder", "hf")


class Commands(click.Group):
    """Turns every error into one message and the exit code of its kind."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AssayError as error:
            if "--debug" in sys.argv:
                raise
            say(f"assay: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            say("\nassay: stopped; finished work is kept. Run the same command again to resume.", err=True)
            sys.stderr.flush()
            os._exit(130)
        except MemoryError:
            if "--debug" in sys.argv:
                raise
            say(
                "assay: there is not enough memory for this data; finished work is kept. Close other programs, choose fewer "
                "--workers or a smaller --memory, and run the same command again",
                err=True,
            )
            ctx.exit(1)
        except (BrokenPipeError, click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:
            if "--debug" in sys.argv:
                raise
            say(
                f"assay: internal error: {type(error).__name__}: {error}. Run again with --debug to see where.",
                err=True,
            )
            ctx.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="assay")
def main() -> None:
    """Find and fix what is wrong in images, texts and tables, on your own machine."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def analysis_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that analyses."""
    options = [
        click.option("-o", "--output", type=click.Path(path_type=Path), help="Project folder. [default: NAME.assay]"),
        click.option(
            "--replace",
            is_flag=True,
            help="Begin the project anew where it holds other data, which is refused otherwise.",
        ),
        click.option(
            "--task",
            default="auto",
            metavar="TASK",
            help="auto, multi-class, unsupervised (multi-label and regression: not yet).",
        ),
        click.option(
            "--modality",
            default="auto",
            type=click.Choice(["auto", "image", "text", "table"]),
            show_default=True,
            help="What the rows are. auto: guessed, and said.",
        ),
        click.option(
            "--features", help="Comma-separated columns a table is judged by. [default: all but label, id, split]"
        ),
        click.option("--text", help="The text column."),
        click.option("--image", help="The column of image paths or URLs."),
        click.option("--label", help="The label column."),
        click.option("--id", "id_", help="The column of row ids."),
        click.option("--split", help="The column of splits, or none."),
        click.option("--class-level", type=click.IntRange(1), help="Which level of the folders is the class, from 1."),
        click.option("--sheet", help="The sheet of an Excel file. [default: the first with a table]"),
        click.option("--pred-probs", type=click.Path(), help="Your model's out-of-sample probabilities (.npy, N x K)."),
        click.option(
            "--classes", type=click.Path(), help="A text file: the class of each column of --pred-probs, one a line."
        ),
        click.option(
            "--embeddings",
            multiple=True,
            metavar="[NAME=]F.npy",
            help="Your embeddings; replaces the built-in encoders.",
        ),
        click.option(
            "--encoder", multiple=True, help="One more encoder: a name, an ONNX file or folder, a BERT-family folder."
        ),
        click.option(
            "--effort",
            default="regular",
            type=click.Choice(["fast", "regular", "best"]),
            show_default=True,
            help="How much is tried: fast leaves the softmax heads out, best trains them longer.",
        ),
        click.option("--seed", default=0, type=int, show_default=True),
        click.option("--workers", type=int, help="Worker processes. [default: the cores]"),
        click.option("--memory", help="Bound on the memory of all processes, such as 3GB. [default: half the machine]"),
        click.option("--quiet", is_flag=True, help="Say nothing but errors."),
        click.option("--log-json", is_flag=True, help="Progress as JSON lines on standard error."),
        click.option("--debug", is_flag=True, help="Show tracebacks."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@click.argument("data", type=click.Path())
@analysis_options
@click.option("--dry-run", is_flag=True, help="Say what would be done, with an estimate of time and memory, and stop.")
def analyze(data: str, output: Path | None, dry_run: bool, quiet: bool, log_json: bool, **given: Any) -> None:
    """Analyse DATA: a folder, ZIP, CSV, TSV, JSON, JSONL, Parquet, Arrow or Excel file.

    Run the same command again to resume an interrupted run. The files of DATA are never written to.
    """
    from assay.actions.standing import standing
    from assay.analysis.progress import Progress
    from assay.analysis.run import analyze_source, failures
    from assay.analysis.settings import make_settings
    from assay.api import named_arrays
    from assay.dataset.dataset import check_labels
    from assay.project import Project
    from assay.sources import open_source
    from assay.storage import Folder

    progress = Progress("quiet" if quiet else "json" if log_json else "auto")
    settings = make_settings(
        task=given["task"],
        seed=given["seed"],
        effort=given["effort"],
        encoders=given["encoder"],
        workers=given["workers"],
        memory=given["memory"],
        debug=given["debug"],
    )
    features = [name.strip() for name in given["features"].split(",")] if given["features"] else None
    source = open_source(
        data,
        modality=given["modality"],
        label=given["label"],
        text=given["text"],
        image=given["image"],
        id=given["id_"],
        split=given["split"],
        class_level=given["class_level"],
        sheet=given["sheet"],
        features=features,
    )
    said = check_labels(source) if settings.task != "unsupervised" else []
    estimate = _estimate(source, settings, given)
    if dry_run:
        for note in [*source.notes, *said]:
            progress.say(note)
    for line in estimate:
        progress.say(line)
    if dry_run:
        return
    folder = Folder(output or f"{source.name}.assay")
    classes = _lines(given["classes"])
    run = analyze_source(
        source,
        folder,
        settings,
        progress,
        pred_probs=given["pred_probs"],
        pred_classes=classes,
        embeddings=named_arrays(given["embeddings"]),
        decided=lambda: standing(folder.root),
        replace=given["replace"],
    )
    if not quiet and not log_json:
        say(str(Project(folder.root).summary()))
        say(f"\nNext: {_look(run, folder.root)}assay report {folder.root} -o report.html")
        if given["label"] is None and source.roles.label is None:
            say(_label_hint(data, source), nl=False)
    failed = failures(run)
    if failed:
        raise AssayError("a check failed: " + "; ".join(failed))


def _look(run: dict[str, Any], root: Path) -> str:
    """The command that shows the first kind of issue that was found; "" where none was."""
    counts = {check["name"]: int(check["count"] or 0) for check in run["checks"] if check["status"] == "ran"}
    first = next((name for name in LOOK_FIRST if counts.get(name)), None)
    return f"assay issues {root} --type {first} --top 20;  " if first else ""


def _label_hint(data: str, source: Any) -> str:
    """How to have labels checked, where no column was taken for the label and one or a few could be it; else ""."""
    import shlex

    from assay.sources.label_guesses import guess_labels

    roles = source.roles
    guesses = guess_labels(source.cells, {roles.text, roles.image, roles.id, roles.split})
    if not 0 < len(guesses) <= MOST_HINTED:
        return ""
    names = [guess.column for guess in guesses]
    command = shlex.join(["assay", "analyze", data, "--label", names[0]])
    return f"If {' or '.join(map(repr, names))} is what a row should be called: {command}\n"


def _estimate(source: Any, settings: Any, given: dict[str, Any]) -> list[str]:
    from assay.analysis.estimate import estimate

    return estimate(
        source, settings, own_embeddings=bool(given["embeddings"]), own_pred_probs=bool(given["pred_probs"])
    ).lines()


def _lines(path: str | None) -> list[str] | None:
    if path is None:
        return None
    if not Path(path).is_file():
        raise UsageError(f"--classes: there is no file {path}")
    data = Path(path).read_bytes()
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return [line for line in data.decode(encoding).splitlines() if line.strip()]
    except UnicodeError as error:
        raise UsageError(f"--classes: {path} is not UTF-8 or UTF-16 text ({error}); save it as UTF-8") from error


@main.command()
@click.argument("project", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def summary(project: str, as_json: bool, debug: bool) -> None:
    """What was found, check by check; exit code 1 if a check failed."""
    from assay import api

    opened = api.open(project)
    found, decided = opened.summary(), opened.decided
    if as_json:
        say_json(found.to_dict() | {"decided": decided}, indent=1)
    else:
        say(str(found))
        if decided:
            say(f"\nDecided: {decided:,} of {found.n_rows:,} rows; assay log {project} says by whom.")
    if found.failed:
        raise AssayError("a check failed: " + "; ".join(f"{check['name']}: {check['why']}" for check in found.failed))


@main.command()
@click.argument("project", type=click.Path())
@click.option(
    "--type",
    "type_",
    metavar="CHECK",
    help=f"Only what this check flagged, worst first: {', '.join(c.name for c in CHECKS)}.",
)
@click.option("--top", type=int, help="At most this many rows.")
@click.option(
    "--precision", type=float, metavar="SHARE", help="Label issues: as many undecided rows as are wrong in this share."
)
@click.option("--budget", type=int, metavar="ROWS", help="Label issues: the undecided rows to look at first, so many.")
@click.option(
    "--format", "format_", type=click.Choice(TABLE_FORMATS), help="Write a table. [default: by the ending of -o]"
)
@click.option("-o", "--output", type=click.Path(), help="File to write; without it the terminal shows a table.")
@click.option("--csv-guard", is_flag=True, help="Neutralise cells that a spreadsheet would run as formulas.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def issues(
    project: str,
    type_: str | None,
    top: int | None,
    precision: float | None,
    budget: int | None,
    format_: str | None,
    output: str | None,
    csv_guard: bool,
    debug: bool,
) -> None:
    """The issues of PROJECT. Without --type: every row, the user's order, every column."""
    from assay import api
    from assay.cli.terminal import show_issues
    from assay.export import write_table

    if top is not None and top < 1:
        raise UsageError(f"--top must be 1 or more, not {top}")
    opened = api.open(project)
    if precision is not None or budget is not None:
        if type_ not in (None, "label"):
            raise UsageError(f"--precision and --budget are of label issues, not of {type_!r}")
        cut = opened.cut(precision=precision, budget=budget)
        say(f"{cut.sentence()}\n{opened.left().sentence()}", err=True)
        if output is None and format_ is None:
            show_issues(opened, "label", top, rows=cut.rows)
            return
        table = opened.row_table(cut.rows[:top])
    elif output is None and format_ is None:
        show_issues(opened, type_, top)
        return
    else:
        table = opened.issue_table(type_, top)
    target = output if output is not None else "-"
    if target == "-":
        write_table(iter([table]), sys.stdout.buffer, format_, csv_guard=csv_guard)
    else:
        opened.refuse_source(target)
        write_table(iter([table]), target, format_, csv_guard=csv_guard)
        say(f"{table.num_rows:,} rows -> {target}", err=True)


@main.command()
@click.argument("project", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Every finding with all it holds, as JSON.")
@click.option("--check", "check", metavar="NAME", help="Only findings of this check, such as relation.")
@click.option(
    "--apply", "number", type=int, metavar="N", help="Do what finding N proposes, as one entry that undo takes back."
)
@click.option("--instead", is_flag=True, help="With --apply: what the finding offers instead, such as a merge.")
@click.option("--dry-run", is_flag=True, help="With --apply: say what would change, and write nothing.")
@click.option("--person", help="With --apply: who decides. [default: $ASSAY_USER, else the login name]")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def insights(
    project: str, as_json: bool, check: str | None, number: int | None, instead: bool, dry_run: bool, person: str | None,
    debug: bool,
) -> None:  # fmt: skip
    """What PROJECT says as a whole: relations between classes, noisy classes, splits, order, and what to do about it."""
    from assay import api
    from assay.cli.terminal import show_findings, show_preview

    if number is None and (instead or dry_run):
        raise UsageError("--instead and --dry-run go with --apply N")
    opened = api.open(project)
    if number is not None:
        if dry_run:
            show_preview(opened.preview(number, alternative=instead))
        else:
            say(opened.apply(number, person, alternative=instead).message)
        return
    numbered = [
        (index, finding) for index, finding in enumerate(opened.insights(), 1) if check in (None, finding["check"])
    ]
    if as_json:
        say_json([finding for _, finding in numbered], indent=1)
    else:
        show_findings(numbered)


@main.command()
@click.argument("project", type=click.Path())
@click.option("-o", "--output", type=click.Path(), help="[default: report.html, or report.md]")
@click.option("--format", "format_", type=click.Choice(["html", "md"]), help="[default: by the ending of -o]")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def report(project: str, output: str | None, format_: str | None, debug: bool) -> None:
    """One self-contained HTML page with what was found, or the same as Markdown without pictures."""
    from assay import api

    say(api.open(project).report(output or f"report.{format_ or 'html'}", format_))


@main.command()
@click.argument("project", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="File or folder to write.")
@click.option(
    "--fix",
    type=click.Choice(["none", "auto", "reference"]),
    default="none",
    show_default=True,
    help="Which fixes to apply.",
)
@click.option(
    "--drop-duplicates",
    type=click.Choice(["exact", "near"]),
    help="Leave out all but one row of each set of copies, and say which. [default: none is left out]",
)
@click.option(
    "--drop-share",
    type=float,
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="The share of all rows that --drop-duplicates may leave out; more is refused.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done and write nothing.")
@click.option("--format", "format_", type=click.Choice(EXPORT_FORMATS), help="[default: by the ending of -o]")
@click.option(
    "--columns",
    type=click.Choice(["none", "actions", "all"]),
    default="none",
    show_default=True,
    help="Which of our columns to append.",
)
@click.option("--keep-excluded", is_flag=True, help="Keep excluded rows, with the column action.")
@click.option("--only-corrections", is_flag=True, help="Only id, given_label, corrected_label, action of changed rows.")
@click.option(
    "--both-labels", is_flag=True, help="Rows that hold two labels carry both: lists, in CSV text with | between."
)
@click.option("--csv-guard", is_flag=True, help="Neutralise cells that a spreadsheet would run as formulas.")
@click.option("--at", type=int, metavar="N", help="Decisions as they stood after entry N of the log. [default: all]")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def export(
    project: str, output: str, fix: str, format_: str | None, dry_run: bool, debug: bool, **options: Any
) -> None:
    """The dataset to train on: with your decisions, then fixed as --fix says where nobody decided.

    Nothing is written into PROJECT or the source. --fix auto changes labels and leaves no row out.
    """
    from assay import api

    if dry_run:
        from assay.export import preview_export

        names = ("at", "drop_duplicates", "drop_share", "both_labels")
        opened = api.open(project)
        chosen = {name: options[name] for name in names}
        for line in preview_export(opened, opened.log, fix=fix, **chosen).lines():
            say(line)
        return
    done = api.open(project).export(output, fix=fix, format=format_, **options)
    for line in done.lines():
        say(line)


for command in (*DECISIONS, *CARE, serve):
    main.add_command(command)


@main.group()
def models() -> None:
    """Encoders beyond the built-in ones."""


@models.command("list")
def models_list() -> None:
    """Encoders Assay knows: what they are for, licence, size, whether they are here."""
    from assay.cli.terminal import show_models
    from assay.encode.models import list_models

    show_models(list_models())


@models.command("pull")
@click.argument("name")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def models_pull(name: str, debug: bool) -> None:
    """Download an encoder into the model folder."""
    from assay.encode.models import pull

    say(str(pull(name)))


@models.command("path")
@click.argument("name", required=False)
def models_path(name: str | None) -> None:
    """Where models are kept, or where one is."""
    from assay.encode.models import path

    say(str(path(name)))
