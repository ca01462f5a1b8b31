"""The tus protocol, version 1.0.0, with the extensions creation, checksum and termination: resumable uploads.

In: HTTP. Out: HTTP. Does not know: how bytes are kept (`assay.server.uploads`).

One sender at a time writes to an upload. A second one takes over: the first, which may hang on a dead connection, keeps what it
has and ends; the second then asks for the offset again. Nothing waits on the event loop, and the disk is written in threads.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from assay.errors import DamagedError, GoneError, HeldError, StorageError
from assay.server.routes.filters import Ask, Person
from assay.server.uploads import LARGEST, Piece, Upload, Uploads

VERSION = "1.0.0"
ALGORITHMS = ("sha256", "sha1", "md5")
HEADERS = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}
BODY = "application/offset+octet-stream"
BLOCK = 1 << 20  # bytes that are written at once
PATIENCE = 5.0  # seconds a second sender waits for the first to end
MISMATCH = 460  # tus: the checksum does not fit

router = APIRouter(prefix="/uploads", include_in_schema=False)


@dataclass
class _Sender:
    """Who writes now; ``leave`` is set by the next one."""

    leave: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)


@router.options("")
async def options() -> Response:
    told = {
        "Tus-Version": VERSION,
        "Tus-Extension": "creation,checksum,termination",
        "Tus-Max-Size": str(LARGEST),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return Response(status_code=204, headers=HEADERS | told)


@router.post("")
async def begin(request: Request, services: Ask, person: Person) -> Response:
    _require_version(request)
    said = _metadata(request.headers.get("upload-metadata", ""))
    length = _number(request, "upload-length")
    if length > LARGEST:
        raise HTTPException(413, f"an upload has at most {LARGEST:,} bytes", HEADERS)
    checksum = said.get("sha256", "").lower()
    name = said.get("filename") or said.get("name") or "data"
    upload = await run_in_threadpool(
        services.uploads.begin, length, name, person, f"sha256 {checksum}" if checksum else ""
    )
    return Response(status_code=201, headers=HEADERS | {"Location": f"{request.url.path.rstrip('/')}/{upload.id}"})


@router.head("/{upload}")
async def offset(upload: str, request: Request, services: Ask) -> Response:
    _require_version(request)
    await _known(services.uploads, upload)
    async with _Turn(request, upload):  # a sender that still hangs somewhere would go on to change what is said here
        known = await _known(services.uploads, upload)
    if known.offset == known.length:  # the server may have stopped between the last byte and the last word
        await _finish(services.uploads, known)
    return Response(headers=HEADERS | {"Upload-Offset": str(known.offset), "Upload-Length": str(known.length)})


@router.delete("/{upload}")
async def cancel(upload: str, request: Request, services: Ask) -> Response:
    _require_version(request)
    await _known(services.uploads, upload)
    async with _Turn(request, upload):
        await run_in_threadpool(services.uploads.cancel, upload)
    return Response(status_code=204, headers=HEADERS)


@router.patch("/{upload}")
async def append(upload: str, request: Request, services: Ask) -> Response:
    _require_version(request)
    if request.headers.get("content-type", "").partition(";")[0].strip() != BODY:
        raise HTTPException(415, f"a piece is sent as {BODY}", HEADERS)
    start = _number(request, "upload-offset")
    checksum = _checksum(request.headers.get("upload-checksum"))
    await _known(services.uploads, upload)
    async with _Turn(request, upload) as sender:
        known = await _known(services.uploads, upload)
        if start != known.offset:
            raise HTTPException(409, f"{known.offset:,} bytes have arrived; go on from there", HEADERS)
        known = await _append(services.uploads, upload, request, checksum, sender)
        if known.offset == known.length:
            await _finish(services.uploads, known)
    return Response(status_code=204, headers=HEADERS | {"Upload-Offset": str(known.offset)})


async def _append(
    uploads: Uploads, upload: str, request: Request, checksum: tuple[str, bytes] | None, sender: _Sender
) -> Upload:
    """What arrives, kept as it comes; a piece with a checksum wholly or not at all."""
    state = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
    writing = uploads.writing(upload)
    try:
        piece: Piece = await run_in_threadpool(writing.__enter__)
    except HeldError as error:
        raise HTTPException(423, str(error), HEADERS) from error
    broken: BaseException | None = None
    try:
        try:
            async for block in _blocks(request, sender):
                if len(block) > piece.room:
                    raise HTTPException(413, "that is more than the upload's length", HEADERS)
                if state is not None:
                    state.update(block)
                await run_in_threadpool(piece.write, block, note=state is None)
        except (ClientDisconnect, TimeoutError, asyncio.CancelledError, StorageError) as error:
            broken = error  # without a checksum, what did arrive is good
        fits = state is None or checksum is None or hmac.compare_digest(state.digest(), checksum[1])
        if broken is None and not fits:
            raise HTTPException(MISMATCH, "the checksum does not fit; send this piece again", HEADERS)
        if (broken is None or state is None) and not isinstance(broken, StorageError):
            await asyncio.shield(run_in_threadpool(piece.keep))
        if isinstance(broken, TimeoutError):
            raise HTTPException(409, "another sender goes on with this upload", HEADERS) from broken
        if broken is not None:
            raise broken
        return piece.upload
    finally:
        await asyncio.shield(run_in_threadpool(writing.__exit__, None, None, None))


async def _blocks(request: Request, sender: _Sender) -> AsyncIterator[bytes]:
    """The body in blocks of some size; TimeoutError when the next sender has come."""
    waiting: list[bytes] = []
    size = 0
    parts = request.stream().__aiter__()
    leave = asyncio.ensure_future(sender.leave.wait())
    try:
        while True:
            part = asyncio.ensure_future(parts.__anext__())
            await asyncio.wait((part, leave), return_when=asyncio.FIRST_COMPLETED)
            if not part.done():
                part.cancel()
                if waiting:
                    yield b"".join(waiting)
                raise TimeoutError
            try:
                data = part.result()
            except StopAsyncIteration:
                break
            except BaseException:
                if waiting:
                    yield b"".join(waiting)
                raise
            waiting.append(data)
            size += len(data)
            if size >= BLOCK:
                yield b"".join(waiting)
                waiting, size = [], 0
        if waiting:
            yield b"".join(waiting)
    finally:
        leave.cancel()


class _Turn:
    """The right to write to one upload. Whoever holds it is asked to leave; 423 where it does not in time."""

    def __init__(self, request: Request, upload: str) -> None:
        senders = getattr(request.app.state, "tus_senders", None)
        if senders is None:
            senders = request.app.state.tus_senders = {}
        self._senders: dict[str, _Sender] = senders
        self._upload, self._mine = upload, _Sender()

    async def __aenter__(self) -> _Sender:
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while (other := self._senders.get(self._upload)) is not None:
            other.leave.set()
            try:
                await asyncio.wait_for(other.gone.wait(), max(0.0, end - loop.time()))
            except TimeoutError as error:
                raise HTTPException(423, "another sender is writing to this upload", HEADERS) from error
        self._senders[self._upload] = self._mine
        return self._mine

    async def __aexit__(self, *_: Any) -> None:
        if self._senders.get(self._upload) is self._mine:
            del self._senders[self._upload]
        self._mine.gone.set()


async def _known(uploads: Uploads, upload: str) -> Upload:
    try:
        return await run_in_threadpool(uploads.known, upload)
    except GoneError as error:
        raise HTTPException(404, str(error), HEADERS) from error


async def _finish(uploads: Uploads, upload: Upload) -> None:
    try:
        await run_in_threadpool(uploads.finish, upload)
    except DamagedError as error:
        raise HTTPException(MISMATCH, str(error), HEADERS) from error


# headers -------------------------------------------------------------------------------------------------------


def _require_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise HTTPException(412, f"this server speaks tus {VERSION}", HEADERS | {"Tus-Version": VERSION})


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise HTTPException(400, f"{name} is missing or no number", HEADERS)
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    """``key base64,key base64``; what does not decode is an error."""
    found = {}
    for pair in text.split(",") if text.strip() else ():
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError) as error:
            raise HTTPException(400, "upload-metadata does not read", HEADERS) from error
    return found


def _checksum(text: str | None) -> tuple[str, bytes] | None:
    if text is None:
        return None
    name, _, value = text.partition(" ")
    if name not in ALGORITHMS:
        raise HTTPException(400, f"checksums are {', '.join(ALGORITHMS)}", HEADERS)
    try:
        return name, base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise HTTPException(400, "upload-checksum does not read", HEADERS) from error
