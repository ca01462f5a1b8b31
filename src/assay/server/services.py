"""What the routes work with.

In: nothing. Out: `Services`, kept in ``app.state``; the cookie of a session. Does not know: routes.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi.responses import Response

from assay.server.auth import Authenticator
from assay.server.jobs import Jobs
from assay.server.uploads import Uploads
from assay.server.workspace import Workspace


@dataclass(frozen=True)
class Services:
    """What routes work with; ``request.app.state.services``."""

    workspace: Workspace
    door: Authenticator
    jobs: Jobs
    uploads: Uploads


def set_cookie(answer: Response, door: Authenticator, session: str) -> None:
    answer.set_cookie(door.cookie, session, max_age=30 * 24 * 3600, httponly=True, samesite="strict", path="/")
