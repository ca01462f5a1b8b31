"""What the dataset says as a whole, and doing what a finding proposes.

In: the number of a finding, from 1 in the project's list. Out: findings, previews, entries of the log. Does not know: how
findings are made.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field, StringConstraints

from assay.actions import Request, merge_request, proposed_request
from assay.errors import NoProjectError
from assay.query.filters import MOST
from assay.server.routes.actions import done_of, preview_of
from assay.server.routes.filters import Open, Person
from assay.server.schemas.base import Body, Label
from assay.server.schemas.decisions import Done, Preview
from assay.server.workspace import Opened

router = APIRouter(prefix="/projects/{project}/insights", tags=["insights"])
Number = Annotated[int, Path(ge=1, lt=2**31)]


class ProposalBody(Body):
    """``instead``: what the finding offers beside its first proposal. ``token``: sent again it does nothing twice."""

    instead: bool = False
    token: Annotated[str, StringConstraints(min_length=8, max_length=64)] | None = None
    seen: int | None = Field(default=None, ge=0, lt=2**31)


class MergeBody(Body):
    """``merge``: pairs of a class and the class that its rows get."""

    merge: list[tuple[Label, Label]] = Field(min_length=1, max_length=MOST)
    token: Annotated[str, StringConstraints(min_length=8, max_length=64)] | None = None


@router.get("")
def insights(opened: Open) -> list[dict[str, Any]]:
    """Every finding with all it holds; its place, from 1, is its number."""
    return opened.project.insights()


@router.post("/{number}/preview")
def preview(number: Number, body: ProposalBody, opened: Open) -> Preview:
    """What the proposal would change, before it is done."""
    return preview_of(opened.log.prepare(_proposed(number, body, opened)), opened)


@router.post("/{number}/apply")
def apply(number: Number, body: ProposalBody, opened: Open, person: Person) -> Done:
    """Do what the finding proposes, as one entry that undo takes back."""
    return done_of(opened.log.append(_proposed(number, body, opened), person, token=body.token, seen=body.seen))


@router.post("/merge")
def merge(body: MergeBody, opened: Open, person: Person) -> Done:
    """Merge classes into others, such as misspelt names into the right ones: as one entry that undo takes back."""
    return done_of(opened.log.append(merge_request(opened.project, body.merge), person, token=body.token))


def _proposed(number: int, body: ProposalBody, opened: Opened) -> Request:
    found = opened.project.insights()
    if number > len(found):
        raise NoProjectError(f"there is no finding {number:,}: the project has {len(found):,}")
    return proposed_request(opened.project, found[number - 1], alternative=body.instead)
