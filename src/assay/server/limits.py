"""What a connection may cost before anybody looks at it: bytes of a body, seconds of silence.

In: an ASGI application. Out: one that answers 413 and 408. Does not know: routes, people.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

SMALL = 16 << 10  # bytes of a body that anybody may send: signing in
LARGE = 32 << 20  # of somebody signed in: a list of two million rows
PICTURE = 65 << 20  # a picture to compare with
SILENCE = 30.0  # seconds that a body may pause
UNBOUNDED = re.compile(r"/api/v1/uploads/[^/]+/?")  # pieces of files are written as they come
PICTURES = re.compile(r"/api/v1/projects/[^/]+/pictures/?")


def most(path: str, signed_in: bool) -> int | None:
    """Bytes that a body may have; None: no bound here."""
    if not signed_in or path.rstrip("/") == "/api/v1/session":
        return SMALL
    if UNBOUNDED.fullmatch(path):
        return None
    return PICTURE if PICTURES.fullmatch(path) else LARGE


def bounded(receive: Receive, bound: int | None, silence: float = SILENCE) -> Receive:
    """``receive`` that raises HTTPException for a body that is too long or stops."""
    size, whole = 0, False

    async def next_part() -> Message:
        nonlocal size, whole
        if whole:
            return await receive()  # waits for the end of the connection
        try:
            message = await asyncio.wait_for(receive(), silence)
        except TimeoutError as error:
            raise HTTPException(408, f"nothing more came for {silence:g} s") from error
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if bound is not None and size > bound:
                raise HTTPException(413, too_long(bound))
        return message

    return next_part


def too_long(bound: int) -> str:
    return f"the request is too long: at most {bound:,} bytes"


class Bounds:
    """Refuses by the length that a request names, before a byte of it is read."""

    def __init__(self, app: Any, may: Callable[[Any], bool]) -> None:
        self._app, self._may = app, may

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bound = most(scope["path"], self._may(scope))
        said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if bound is not None and (not said.isdigit() or int(said) > bound):
            body = {"type": "about:blank", "title": "Refused", "status": 413, "detail": too_long(bound)}
            answer = JSONResponse(body, 413, {"Connection": "close"}, media_type="application/problem+json")
            await answer(scope, receive, send)
            return
        await self._app(scope, bounded(receive, bound), send)
