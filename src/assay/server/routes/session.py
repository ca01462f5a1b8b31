"""Signing in and out.

In: a token or password, a name. Out: a cookie, and the key that it is worth nothing without. Does not know: projects.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from assay.server.auth import AccessDenied
from assay.server.routes.filters import Ask
from assay.server.schemas.door import Session, SignIn
from assay.server.services import Services, set_cookie
from assay.server.sessions import looking_key
from assay.version import __version__

router = APIRouter(tags=["session"])


@router.get("/session", response_model_exclude_none=True)
def read_session(request: Request, services: Ask) -> Session:
    """Who is signed in, and what is needed where nobody is."""
    person = request.state.person
    return Session(
        person=person or "",
        signed_in=person is not None,
        needs="" if person is not None else services.door.needs(),  # type: ignore[arg-type]
        version=__version__,
        look=services.door.looking(request.headers) if person is not None else None,
        start=services.workspace.start if person is not None else None,
    )


@router.post("/session", response_model_exclude_none=True)
def sign_in(body: SignIn, request: Request, answer: Response, services: Ask) -> Session:
    """A cookie and a key for a token or password; of somebody signed in, only the name changes."""
    door = services.door
    halves = door.halves(request.headers, request.cookies)
    if request.state.person is not None and halves and not (body.token or body.password):
        door.sessions.rename(*halves, (body.person or "").strip() or door.person)
        return _signed_in(door.sessions.person(*halves), halves[1], services)
    address = request.client.host if request.client else ""
    if not door.check_secret(body.token, body.password, address, (body.person or "").strip()):
        raise AccessDenied(401, f"that is not the {door.needs()} of this server")
    session, key = door.sign_in(body.person)
    set_cookie(answer, door, session)
    return _signed_in(door.sessions.person(session, key), key, services).model_copy(update={"key": key})


def _signed_in(person: str | None, key: str, services: Services) -> Session:
    return Session(
        person=person or "",
        signed_in=True,
        needs="",
        version=__version__,
        look=looking_key(key),
        start=services.workspace.start,
    )


@router.delete("/session", response_model_exclude_none=True)
def sign_out(request: Request, answer: Response, services: Ask) -> Session:
    halves = services.door.halves(request.headers, request.cookies)
    if halves:
        services.door.sessions.end(*halves)
    answer.delete_cookie(services.door.cookie, path="/")
    return Session(person="", signed_in=False, needs=services.door.needs(), version=__version__)  # type: ignore[arg-type]
