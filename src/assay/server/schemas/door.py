"""Signing in, and errors.

In: JSON. Out: bodies. Does not know: projects.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, StringConstraints

from assay.server.schemas.base import Body


class Session(BaseModel):
    """``key``: of a new session, for the header X-Assay-Key, kept by the page; ``look``: for addresses of pictures and events;
    ``start``: the project that the page opens with, where the server was started for one."""

    person: str
    signed_in: bool
    needs: Literal["", "token", "password"]
    version: str
    key: str | None = None
    look: str | None = None
    start: str | None = None


class SignIn(Body):
    token: Annotated[str, StringConstraints(max_length=200)] | None = None
    password: Annotated[str, StringConstraints(max_length=1_000)] | None = None
    person: Annotated[str, StringConstraints(max_length=80)] | None = None


class Problem(BaseModel):
    """An error as RFC 9457 has it; ``meanwhile``: what others decided about the rows asked for."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    meanwhile: list[dict[str, Any]] | None = None
