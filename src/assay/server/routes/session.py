"""Signing in and out.

In: a token or password, a name. Out: a cookie. Does not know: projects.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from assay.server.auth import AccessDenied
from assay.server.routes.filters import Ask
from assay.server.schemas.door import Session, SignIn
from assay.server.services import Services, set_cookie
from assay.version import __version__

router = APIRouter(tags=["session"])


@router.get("/session")
def read_session(request: Request, services: Ask) -> Session:
    """Who is signed in, and what is needed where nobody is."""
    person = request.state.person
    return Session(
        person=person or "",
        signed_in=person is not None,
        needs="" if person is not None else services.door.needs(),  # type: ignore[arg-type]
        version=__version__,
        start=services.workspace.start if person is not None else None,
    )


@router.post("/session")
def sign_in(body: SignIn, request: Request, answer: Response, services: Ask) -> Session:
    """A cookie for a token or password; of somebody signed in, only the name changes."""
    door = services.door
    kept = request.cookies.get(door.cookie)
    if request.state.person is not None and kept and not (body.token or body.password):
        door.sessions.rename(kept, (body.person or "").strip() or door.person)
        return _signed_in(door.sessions.person(kept), services)
    address = request.client.host if request.client else ""
    if not door.check_secret(body.token, body.password, address, (body.person or "").strip()):
        raise AccessDenied(401, f"that is not the {door.needs()} of this server")
    session = door.sign_in(body.person)
    set_cookie(answer, door, session)
    return _signed_in(door.sessions.person(session), services)


def _signed_in(person: str | None, services: Services) -> Session:
    return Session(person=person or "", signed_in=True, needs="", version=__version__, start=services.workspace.start)


@router.delete("/session")
def sign_out(request: Request, answer: Response, services: Ask) -> Session:
    kept = request.cookies.get(services.door.cookie)
    if kept:
        services.door.sessions.end(kept)
    answer.delete_cookie(services.door.cookie, path="/")
    return Session(person="", signed_in=False, needs=services.door.needs(), version=__version__)  # type: ignore[arg-type]
