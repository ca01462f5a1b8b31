"""The OpenAPI document, without a server: `python -m assay.server.openapi > web/openapi.json`.

In: the routes. Out: JSON. Does not know: projects.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from assay.server.app import create_app
from assay.server.auth import Authenticator
from assay.server.database import open_workspace_database
from assay.server.jobs import Jobs
from assay.server.services import Services
from assay.server.sessions import Sessions
from assay.server.uploads import Uploads
from assay.server.workspace import Workspace


def document() -> dict[str, Any]:
    """The contract between server and page."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        database = open_workspace_database(home)
        door = Authenticator(Sessions(database), 0, "")
        services = Services(Workspace(home, home), door, Jobs(database, home), Uploads(database, home / "uploads"))
        return create_app(services).openapi()


if __name__ == "__main__":
    print(json.dumps(document(), indent=1, sort_keys=True))
