"""The commands that look after a project: ``assay verify``, ``assay trust``.

In: words on a command line. Out: sentences, exit codes. Does not know: how checksums or scopes are kept.
"""

from __future__ import annotations

import click

from assay.cli.echo import say
from assay.errors import AssayError, ProjectError

DEBUG = click.option("--debug", is_flag=True, help="Show tracebacks.")
SHOWN = 20


@click.command()
@click.argument("project", type=click.Path())
@DEBUG
def verify(project: str, debug: bool) -> None:
    """Compare every file of PROJECT with its checksum; exit code 1 if one is damaged or missing, with what to do."""
    from assay.storage import Folder
    from assay.storage.project_folder import PROJECT
    from assay.storage.verify import verify_project

    folder = Folder(project)
    if not folder.root.is_dir() or not any(folder.exists(name) for name in (PROJECT, "runs", "dataset")):
        raise ProjectError(f"there is no project at {project}")
    found = verify_project(folder)
    for fault in found.faults[:SHOWN]:
        say(str(fault))
    if len(found.faults) > SHOWN:
        say(f"... and {len(found.faults) - SHOWN:,} more")
    if found.unguarded:
        say(
            f"{len(found.unguarded):,} files have no checksum (of an older version or an unfinished stage): "
            f"{', '.join(found.unguarded[:3])}"
        )
    if found.faults:
        one = len(found.faults) == 1
        files, are = ("1 file", "is") if one else (f"{len(found.faults):,} files", "are")
        raise AssayError(f"{files} of {project} {are} damaged or missing; see above what to do")
    say(f"{found.files:,} files of {project} are as they were written")


@click.command()
@click.argument("project", type=click.Path())
@click.option("--yes", is_flag=True, help="Do not ask.")
@DEBUG
def trust(project: str, yes: bool, debug: bool) -> None:
    """Let PROJECT, made by somebody else or on another machine, read the files and addresses that it names.

    Without it only files inside its own folder are read. What it names is shown first.
    """
    from assay import api
    from assay.dataset.scope import named_scope, write_scope

    opened = api.open(project)
    fingerprint = opened.run["dataset"]
    scope = named_scope(opened.folder, fingerprint, opened.dataset.rows["uri"].to_pylist())
    for what, names in (("files below", scope.files or ()), ("machines that need not be public:", scope.hosts or ())):
        for name in sorted(names):
            say(f"{what} {name!r}")
    if not yes:
        click.confirm("Let this project read there?", abort=True)
    write_scope(opened.folder, fingerprint, scope)


CARE = (verify, trust)
