"""`assay serve`: the review app.

In: words on a command line. Out: a server until Ctrl-C. Does not know: routes.
"""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--host", default="127.0.0.1", show_default=True, help="Beyond this machine only with a password.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="[default: a free one]")
@click.option(
    "--home", type=click.Path(path_type=Path), help="Sessions, uploads, new projects. [default: your data folder]"
)
@click.option("--allow", multiple=True, type=click.Path(), help="A folder whose data new projects may read.")
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def serve(
    paths: tuple[str, ...],
    host: str,
    port: int,
    home: Path | None,
    allow: tuple[str, ...],
    no_browser: bool,
    debug: bool,
) -> None:
    """Open the review app over PATHS: projects, or one folder of projects; with nothing it starts empty.

    One line is printed: the address, with a token that lets its reader in. For other machines (--host 0.0.0.0) set the
    environment variable ASSAY_PASSWORD first.
    """
    from assay.server.serve import prepare
    from assay.server.serve import serve as answer

    answer(prepare(paths, host=host, port=port, home=home, allow=allow), browser=not no_browser)
