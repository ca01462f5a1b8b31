"""The web server: routes, the door before them, errors as problem+json, the page.

In: HTTP. Out: HTTP. Does not know: how anything is found or decided.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from assay.errors import (
    AssayError,
    BusyError,
    BusyStorageError,
    ConflictError,
    NoProjectError,
    NotAllowedError,
    StorageError,
    UsageError,
)
from assay.server import tus
from assay.server.auth import AccessDenied, Authenticator
from assay.server.limits import Bounds
from assay.server.routes import actions, charts, exports, insights, projects, review, session, uploads
from assay.server.schemas.door import Problem
from assay.server.services import Services, set_cookie
from assay.server.uploads import without_home
from assay.version import __version__

PREFIX = "/api/v1"
THREADS = 100  # requests that work at once; most wait for a disk
STATIC = Path(__file__).parent / "static"
OPEN_PATHS = ("/healthz", f"{PREFIX}/session", f"{PREFIX}/openapi.json")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STATUS: tuple[tuple[type[AssayError], int, str], ...] = (
    (ConflictError, 409, "Somebody else decided meanwhile"),
    (BusyError, 409, "Already running"),
    (NoProjectError, 404, "Not found"),
    (NotAllowedError, 403, "Not allowed"),
    (UsageError, 422, "This cannot be done as asked"),
    (BusyStorageError, 503, "Busy"),
    (StorageError, 507, "Cannot be stored"),
    (AssayError, 409, "The project cannot be used"),
)


def create_app(services: Services) -> FastAPI:
    """The application. Everything under ``/api/v1`` but the session asks for a signed-in person."""
    problems: dict[int | str, dict[str, Any]] = {
        code: {"model": Problem, "content": {"application/problem+json": {}}} for code in (401, 403, 404, 409, 422)
    }
    app = FastAPI(
        title="Assay",
        version=__version__,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=problems,
    )
    app.state.services = services
    api = APIRouter(prefix=PREFIX)
    for module in (session, projects, review, actions, insights, charts, exports, uploads, tus):
        api.include_router(module.router)
    app.include_router(api)
    _answer_errors(app)
    app.middleware("http")(_guard)
    app.add_middleware(Bounds, may=_may_be_known)
    app.add_api_route("/healthz", _health, include_in_schema=False)
    _serve_page(app)
    return app


async def _health() -> dict[str, str]:
    """On the event loop itself: threads may all be waiting for a disk."""
    return {"status": "ok", "version": __version__}


def _may_be_known(scope: Any) -> bool:
    """Does a request bring something that could be a session or token? Whether it is one is asked later, with its body unread."""
    return any(name in (b"cookie", b"authorization") for name, _ in scope["headers"])


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """The door before every route, and the headers after it."""
    door: Authenticator = request.app.state.services.door
    try:
        door.check_host(request.headers)
        door.check_origin(request.method, request.headers)
        request.state.person = await _person(request, door)
        path = request.url.path
        if path.startswith(PREFIX) and path not in OPEN_PATHS and request.state.person is None:
            raise AccessDenied(401, "sign in first: open the address that the server printed when it started")
        response = await call_next(request)
    except AccessDenied as refused:
        title = {401: "Not signed in", 429: "Wait a little"}.get(refused.status, "Refused")
        response = problem(refused.status, title, str(refused))
        if refused.wait:
            response.headers["Retry-After"] = str(math.ceil(refused.wait))
    except AssayError as error:  # the door could not ask its database
        response = problem(503, "Cannot be asked now", str(error))
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.url.path.startswith(PREFIX):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


async def _person(request: Request, door: Authenticator) -> str | None:
    """Asked in threads of the door's own: the others may all be waiting for a lock."""
    if not _may_be_known(request.scope):
        return None
    state = request.app.state
    if not hasattr(state, "door_threads"):
        state.door_threads = anyio.CapacityLimiter(8)
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    key = request.query_params.get("look")
    looking = (request.url.path, key) if key and request.method == "GET" else None
    return await anyio.to_thread.run_sync(
        door.person_of, request.headers, request.cookies, looking, limiter=state.door_threads
    )


def problem(status: int, title: str, detail: str, **more: Any) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(AssayError)
    async def assay_error(request: Request, error: AssayError) -> JSONResponse:
        status, title = next((code, name) for kind, code, name in STATUS if isinstance(error, kind))
        more = {"meanwhile": error.rows} if isinstance(error, ConflictError) else {}
        return problem(status, title, without_home(str(error), request.app.state.services.workspace.home), **more)

    @app.exception_handler(RequestValidationError)
    async def wrong_body(_request: Request, error: RequestValidationError) -> JSONResponse:
        told = []
        for one in error.errors()[:5]:
            field = ".".join(str(part) for part in one["loc"] if part != "body")
            told.append(f"{field}: {one['msg']}" if field else str(one["msg"]))
        return problem(422, "This cannot be done as asked", "; ".join(told))

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> JSONResponse:
        answer = problem(
            error.status_code, "Not found" if error.status_code == 404 else "AccessDenied", str(error.detail)
        )
        answer.headers.update(error.headers or {})
        return answer


def _serve_page(app: FastAPI) -> None:
    """The built web app; every path that is no file of it gets the page, which reads the path itself."""
    if (STATIC / "assets").is_dir():
        app.mount("/assets", StaticFiles(directory=STATIC / "assets"), name="assets")

    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str, request: Request, token: str | None = None) -> Response:
        door: Authenticator = request.app.state.services.door
        if path.startswith(PREFIX.strip("/")):
            return problem(404, "Not found", f"there is no {request.url.path}")
        if token is not None:
            return _let_in(request, door, token)
        file = _file_of_the_page(path)
        if not file.is_file():
            text = "The page is not built: reinstall with pip install . (it needs Node 20.19 or newer)."
            return Response(text, 503, media_type="text/plain")
        return FileResponse(file, headers={"Cache-Control": "no-cache"})


def _file_of_the_page(path: str) -> Path:
    try:
        file = (STATIC / path).resolve()
        if file.is_relative_to(STATIC) and file.is_file():
            return file
    except (OSError, ValueError):  # names with zero bytes, or longer than a disk has them
        pass
    return STATIC / "index.html"


def _let_in(request: Request, door: Authenticator, token: str) -> Response:
    """The address with the token: a cookie, then the same address without it; the key behind #, which is sent nowhere."""
    rest = request.url.remove_query_params("token")
    path = "/" + rest.path.lstrip("/\\")  # "//evil.example" would be another site
    path += f"?{rest.query}" if rest.query else ""
    if not door.spend(token) and (door.password or not door.is_token(token)):
        return RedirectResponse(path, 303)
    session, key = door.sign_in(None)
    answer = RedirectResponse(f"{path}#key={key}", 303)
    set_cookie(answer, door, session)
    return answer
