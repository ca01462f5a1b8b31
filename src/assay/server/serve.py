"""`assay serve`: makes the workspace ready, listens, prints one address.

In: folders, a host and port. Out: a running server. Does not know: routes.
"""

from __future__ import annotations

import getpass
import os
import socket
import threading
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.errors import UsageError
from assay.server.allocation import give_memory_back
from assay.server.app import create_app
from assay.server.auth import LOOPBACK, Authenticator, is_loopback
from assay.server.database import open_workspace_database
from assay.server.jobs import Jobs
from assay.server.services import Services
from assay.server.sessions import Sessions
from assay.server.uploads import Uploads
from assay.server.workspace import Workspace
from assay.storage.project_folder import PROJECT

PASSWORD, TOKEN = "ASSAY_PASSWORD", "ASSAY_TOKEN"
LEAST_TOKEN = 16  # characters


@dataclass(frozen=True)
class Listening:
    """Where the server listens, and the address to open."""

    services: Services
    socket: socket.socket
    url: str


def prepare(
    paths: Sequence[str | os.PathLike[str]] = (),
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    home: Path | None = None,
    allow: Sequence[str | os.PathLike[str]] = (),
    password: str | None = None,
    token: str | None = None,
) -> Listening:
    """Open the workspace and bind the socket; `UsageError` for what cannot be served.

    ``paths``: projects, or one folder of projects. ``port`` 0 takes a free one. ``home``: where sessions, uploads and new
    projects are kept; default: the user's data folder. ``allow``: folders that new projects may read.
    """
    password, token = password or os.environ.get(PASSWORD) or None, token or os.environ.get(TOKEN) or None
    if token is not None and len(token) < LEAST_TOKEN:
        raise UsageError(f"the token is too short to be safe; use at least {LEAST_TOKEN} characters")
    if not is_loopback(host) and password is None and token is None:
        raise UsageError(
            f"{host} is reachable by other machines; set a password first (the environment variable {PASSWORD}, or {TOKEN})"
        )
    home = home or _home()
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    named, folder = _sort(paths, home)
    database = open_workspace_database(home)
    listening = _bind(host, port)
    port = listening.getsockname()[1]
    door = Authenticator(Sessions(database), port, person_here(), password=password, home=str(home.resolve()))
    if token is not None:
        door.token = token
    door.hosts = frozenset(LOOPBACK) if is_loopback(host) else frozenset()
    roots = tuple(Path(root).expanduser().resolve() for root in allow)
    for root in roots:
        if not root.is_dir():
            raise UsageError(f"--allow: there is no folder {root}")
    services = Services(
        Workspace(home, folder, named, roots), door, Jobs(database, home), Uploads(database, home / "uploads")
    )
    shown = host if ":" not in host else f"[{host}]"
    query = "" if password else f"?token={door.token}"
    return Listening(services, listening, f"http://{shown}:{port}/{query}")


def serve(listening: Listening, *, browser: bool = True) -> None:
    """Answer until Ctrl-C."""
    import uvicorn

    from assay.server.connections import CONNECTIONS, PatientProtocol

    give_memory_back()
    app = create_app(listening.services)
    listening.services.jobs.start()
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=3, lifespan="off", http=PatientProtocol,
        limit_concurrency=CONNECTIONS, server_header=False,
    )  # fmt: skip
    threading.Thread(target=listening.services.workspace.warm, daemon=True, name="warm").start()
    print(listening.url, flush=True)
    if browser:
        webbrowser.open(one_time_address(listening))
    try:
        uvicorn.Server(config).run(sockets=[listening.socket])
    finally:
        listening.services.jobs.stop()


def one_time_address(listening: Listening) -> str:
    """What a browser is started with: a command line is read by every user of the machine, so its token lets in once."""
    address = listening.url.partition("?")[0]
    return address if listening.services.door.password else f"{address}?token={listening.services.door.one_time()}"


def person_here() -> str:
    """Who decides, where nobody says: ``ASSAY_USER``, or the login name."""
    try:
        return os.environ.get("ASSAY_USER") or getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def _home() -> Path:
    from platformdirs import user_data_path

    return user_data_path("assay")


def _sort(paths: Sequence[str | os.PathLike[str]], home: Path) -> tuple[tuple[Path, ...], Path]:
    """(projects named one by one, the folder whose projects are shown and where new ones go)."""
    named, folders = [], []
    for given in paths:
        path = Path(given).expanduser().resolve()
        if (path / PROJECT).is_file():
            named.append(path)
        elif path.is_dir():
            folders.append(path)
        else:
            raise UsageError(
                f"there is no project or folder {given}; make a project with: assay analyze DATA -o {given}"
            )
    if len(folders) > 1:
        raise UsageError("give projects, or one folder of projects")
    return tuple(named), folders[0] if folders else home / "projects"


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise UsageError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another --port"
        ) from error
    return made
