"""Looking: pages of rows, counts, one row with its evidence, pictures.

In: filters and row numbers. Out: rows as JSON, images. Does not know: how rows were judged.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from assay.actions import calibrated
from assay.charts import examples as typical
from assay.checks import CHECK_BY_NAME
from assay.errors import NoProjectError, UsageError
from assay.query import Filter, Sort
from assay.query.copies import sets_of
from assay.server.budget import BUDGET
from assay.server.routes.filters import Open, known_label, known_row, page_of, shown
from assay.server.schemas.filters import FacetsBody, NarrowBody, PositionsBody, SetsBody, TellingBody, ViewBody
from assay.server.schemas.rows import (
    CopySet,
    Detail,
    Examples,
    Facets,
    FoundRows,
    LeftOut,
    Match,
    Narrowing,
    Page,
    PictureKey,
    Positions,
    Sets,
    Telling,
)
from assay.server.workspace import Opened
from assay.sources.reading import UnreadableError

router = APIRouter(prefix="/projects/{project}", tags=["review"])

SHOWN = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
}  # what browsers show safely
MEMBERS = 24  # of a set of copies that are shown
LARGEST_PICTURE = 64 << 20  # bytes
DEEP = bytes([16])  # bits a channel, in the head of a PNG
LARGEST = 2_000  # pixels a side of what is turned into JPEG for the browser


@router.post("/view")
def view(body: ViewBody, opened: Open) -> Page:
    """Rows of a filter in an order, a page at a time."""
    return page_of(opened, body)


@router.post("/positions")
def positions(body: PositionsBody, opened: Open) -> Positions:
    """Where rows stand in a view; -1 = not in it."""
    found, _ = opened.view(body.filter, body.sort)
    return Positions(positions=found.positions(body.rows))


@router.post("/sets")
def sets(body: SetsBody, opened: Open) -> Sets:
    """Sets of copies that have a row of a filter, conflicts first."""
    state = opened.state()
    mask = opened.views.mask(body.filter, state)
    total, found = sets_of(opened.table, state, mask, body.offset, body.limit)
    made = [
        CopySet(**one | {"n": len(one["rows"]), "rows": shown(opened, state, one["rows"][:MEMBERS])}) for one in found
    ]
    return Sets(total=total, sets=made, number=state.number)


@router.post("/facets")
def facets(body: FacetsBody, opened: Open) -> Facets:
    """Counts of what a filter holds: checks, labels, decisions, people, tags, splits."""
    counted = opened.views.facets(body.filter, opened.state())
    return Facets.model_validate(counted)


@router.post("/narrow")
def narrow(body: NarrowBody, opened: Open) -> Narrowing:
    """What a filter could be narrowed to: classes, splits and a score, each counted under the filter's other keys."""
    return Narrowing.model_validate(opened.views.narrowing(body.filter, body.score, opened.state()))


@router.get("/found")
def found(opened: Open, n: int = Query(default=3, ge=1, le=20)) -> list[FoundRows]:
    """Of each check that found a fault: the first rows, the worst by its score first."""
    table, state = opened.table, opened.state()
    made = []
    for name in table.checks:
        check = CHECK_BY_NAME[name]
        if check.harmless or not table.flagged(name).any():
            continue
        score = None if name == "label" or check.score not in table.scores else check.score
        sort = None if score is None else Sort(table.public.get(score, score), descending=True)
        rows = opened.views.first(Filter(any=(name,)), sort, state, n)
        made.append(FoundRows(check=name, rows=shown(opened, state, rows)))
    return made


@router.get("/left")
def left(opened: Open, budget: Annotated[int | None, Query(ge=1)] = None) -> LeftOut:
    """What is wrong still among the rows nobody decided about, in a sentence; ``budget``: the rows to look at first."""
    try:
        table = opened.table
        p = table.scores.get("p_label_error")
        p = None if p is None else np.where(table.present, p, np.nan).astype(float)
        judged = calibrated(opened.project, opened.state(), p)
    except UsageError as error:
        return LeftOut(known=False, message=str(error))
    found = judged.left()
    rows = judged.at_budget(budget).rows.tolist() if budget else []
    return LeftOut(
        known=True, message=found.sentence(), wrong=found.wrong, low=found.low, high=found.high, more=found.more,
        done=found.done, verdicts=found.verdicts, rows=rows,
    )  # fmt: skip


@router.get("/rows/{row}")
def one_row(row: int, opened: Open) -> Detail:
    """A row with everything that is known about it."""
    known_row(opened, row)
    state = opened.state()
    with opened.lock:
        detail = opened.details.of(row, state)
    return Detail.model_validate(detail | {"history": opened.log.history(row), "number": state.number})


@router.post("/telling")
def telling(body: TellingBody, opened: Open) -> Telling:
    """Of texts for which another label is suggested: the words that speak for either label."""
    found = {}
    for row in body.rows:
        known_row(opened, row)
        with opened.lock:  # let go after each: the first row of a class takes up to half a second
            found[row] = opened.details.telling_words(row)
    return Telling.model_validate({"words": {row: words for row, words in found.items() if words}})


@router.get("/rows/{row}/match/{other}")
def match(row: int, other: int, opened: Open) -> Match:
    """Where the picture of ``row`` lies in the picture of ``other``, of two copies. Cost: two decodes, some 20 ms."""
    from assay.duplicates.image_match import match_corners
    from assay.duplicates.images import describe
    from assay.encode.pixels import UndecodableError, decode

    if opened.project.run["modality"] != "image":
        raise NoProjectError("the rows of this project are no pictures")
    made = []
    for one in (row, other):
        try:
            data = opened.picture(known_row(opened, one))
            with BUDGET.turn(data):
                made.append(describe(decode(data, opened.project.levels).rgb))
        except (UnreadableError, UndecodableError) as error:
            raise NoProjectError(f"row {one:,}: {error}") from error
    return Match(corners=[(x, y) for x, y in np.round(match_corners(*made), 4).tolist()])


@router.get("/examples")
def examples(
    opened: Open,
    label: str,
    n: int = Query(default=12, ge=1, le=100),
    skip: int | None = Query(default=None, ge=0, lt=2**31),
) -> Examples:
    """Typical rows of a class."""
    state = opened.state()
    skip = None if skip is None else known_row(opened, skip)
    rows = typical(opened.table, state, known_label(opened, state, label), n, skip)
    return Examples(rows=shown(opened, state, rows))


@router.post(
    "/pictures",
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {"schema": {"format": "binary"}}}}},
)
async def picture(request: Request, opened: Open) -> PictureKey:
    """A picture to compare with: its key goes into a filter, ``{"similar": {"picture": key}}``."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > LARGEST_PICTURE:
            raise UsageError(f"the picture is larger than {LARGEST_PICTURE >> 20} MiB")
    return PictureKey(key=await run_in_threadpool(_kept_picture, opened, bytes(data)))


def _kept_picture(opened: Opened, data: bytes) -> str:
    with BUDGET.turn(data):
        return opened.views.picture(data)


@router.get("/thumbs/{row}", response_class=Response)
def thumbnail(row: int, opened: Open) -> Response:
    with opened.lock:
        data = opened.project.thumbnail(known_row(opened, row))
    if data is None:
        raise NoProjectError(f"row {row:,} has no picture that could be read")
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/images/{row}", response_class=Response)
def image(row: int, opened: Open) -> Response:
    """The original where a browser shows it safely, else a JPEG of it."""
    if opened.project.run["modality"] != "image":
        raise NoProjectError("the rows of this project are no pictures")
    try:
        data = opened.picture(known_row(opened, row))
    except UnreadableError as error:
        raise NoProjectError(f"row {row:,} cannot be read: {error}") from error
    kind = _kind(data)
    headers = {"Cache-Control": "private, max-age=3600", "Content-Security-Policy": "default-src 'none'; sandbox"}
    if kind is not None:
        return Response(data, media_type=kind, headers=headers)
    made = _as_jpeg(data, opened.project.levels)
    if made is None:
        raise NoProjectError(f"row {row:,} is no picture that can be shown")
    return Response(made, media_type="image/jpeg", headers=headers)


def _kind(data: bytes) -> str | None:
    """By the first bytes, never by a name: an SVG or a page called .png must not be served as one."""
    if data[:3] == b"\xff\xd8\xff":
        return SHOWN["jpeg"]
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[24:25] != DEEP:
        return SHOWN["png"]
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return SHOWN["gif"]
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return SHOWN["webp"]
    return None


def _as_jpeg(data: bytes, levels: Mapping[str, tuple[float, float]]) -> bytes | None:
    """By the dataset's levels: a browser would take 12 bits in 16 for black."""
    from PIL import Image

    from assay.encode.pixels import UndecodableError, decode

    try:
        with BUDGET.turn(data):
            picture = Image.fromarray(decode(data, levels).rgb)
            picture.thumbnail((LARGEST, LARGEST))
    except UndecodableError:
        return None
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=92)
    return out.getvalue()
