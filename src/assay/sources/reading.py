"""Bytes behind a uri: a local path, a member of a ZIP, an http(s) URL.

In: one uri. Out: its bytes, or `UnreadableError` with a reason for a person. Does not know: what the bytes mean.
"""

from __future__ import annotations

import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path

from assay.sources.sandbox import Scope, current, open_file, opener
from assay.sources.unreadable import UnreadableError

__all__ = ["UnreadableError", "file_of", "is_url", "local_uri", "path_of_file_url", "read_bytes", "stamp_of", "zip_uri"]

TIMEOUT = 20.0  # seconds a server may stay silent
DEADLINE = 120.0  # seconds for one whole answer: a server that drips must not hold a run
ATTEMPTS = 3
PAUSE = 0.5  # seconds before the second attempt; doubled for each one after
LONGEST_PAUSE = 10.0  # of what a server may ask for with Retry-After
MAX_BYTES = 256 << 20
BLOCK = 1 << 16
ZIP = "zip:"
FILE = "file://"
WEB = ("http://", "https://")
RETRIED = frozenset({408, 425, 429})
URL_SAFE = ":/?#[]@!$&'()*+,;=%~-._"


def is_url(text: str) -> bool:
    """Does it name an http(s) address?"""
    return text[:8].lower().startswith(WEB)


def local_uri(path: str) -> str:
    """The uri of an absolute path: the path itself, or ``file://`` where its bytes are no UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "file://" + urllib.parse.quote(os.fsencode(path))
    return path


def zip_uri(archive: Path, member: str) -> str:
    """The uri of a member: ``zip:/abs/x.zip!member``; a ``!`` and bytes that are no UTF-8 in the archive's path are escaped."""
    path = local_uri(str(archive)).removeprefix("file://")
    if path == str(archive):
        path = path.replace("%", "%25")
    return f"{ZIP}{path.replace('!', '%21')}!{member}"


def path_of_file_url(url: str) -> str:
    """``file:///a/b%20c.png`` -> ``/a/b c.png``; `UnreadableError` if it names another machine."""
    parts = urllib.parse.urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise UnreadableError(f"file:// addresses of other machines cannot be read ({parts.netloc})")
    # '?' and '#' are ordinary characters of a file name
    rest = url[len("file://") + len(parts.netloc) :]
    return os.fsdecode(urllib.parse.unquote_to_bytes(rest))


def read_bytes(uri: str, scope: Scope | None = None) -> bytes:
    """Read ``/a/b.png``, ``file:///a/b.png``, ``zip:/a/b.zip!member`` or ``https://...`` inside ``scope``.

    A local file gets one attempt, a URL `ATTEMPTS` with a growing pause between. Never empty, at most `MAX_BYTES`.
    ``scope``: what the dataset may reach, as its project recorded it; default: the one that holds while data is listed.
    """
    scope = scope or current()
    if is_url(uri):
        return _fetch(uri, scope)
    if uri.startswith(ZIP):
        archive, member = _parts_of(uri)
        return _member(archive, member, scope)
    return _read_file(_local(uri), scope)


def _local(uri: str) -> Path:
    return Path(path_of_file_url(uri) if uri[:7].lower() == FILE else uri)


def _parts_of(uri: str) -> tuple[str, str]:
    """(archive, member) of a ``zip:`` uri."""
    archive, _, member = uri.removeprefix(ZIP).partition("!")
    return os.fsdecode(urllib.parse.unquote_to_bytes(archive)), member


def file_of(uri: str) -> str | None:
    """The local file behind a uri: the file itself, or the archive it lies in; None for an address."""
    if not uri or is_url(uri):
        return None
    return _parts_of(uri)[0] if uri.startswith(ZIP) else str(_local(uri))


def stamp_of(uri: str) -> str:
    """What changes when the content does, as the sources note it; "" where that cannot be told."""
    try:
        if is_url(uri):
            return uri
        if uri.startswith(ZIP):
            archive, member = _parts_of(uri)
            status = Path(archive).stat()
            info = _archive(archive, (status.st_size, status.st_mtime_ns)).getinfo(member)
            return f"{info.CRC:08x}:{info.file_size}"
        status = _local(uri).stat()
        return f"{status.st_size}:{status.st_mtime_ns}"
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, UnreadableError):
        return ""


def _read_file(path: Path, scope: Scope) -> bytes:
    try:
        with open_file(path, scope) as stream:
            _check_size(os.fstat(stream.fileno()).st_size, "file")
            data = stream.read(MAX_BYTES + 1)
            _check_size(len(data), "file")
            return data
    except FileNotFoundError as error:
        raise UnreadableError(f"there is no such file: {path}") from error
    except PermissionError as error:
        raise UnreadableError(f"no permission to read {path}") from error
    except (OSError, ValueError) as error:
        raise UnreadableError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _check_size(size: int, what: str) -> None:
    if size == 0:
        raise UnreadableError(f"the {what} is empty (zero bytes)")
    if size > MAX_BYTES:
        raise UnreadableError(f"the {what} is larger than {MAX_BYTES >> 20} MiB")


@lru_cache(maxsize=4)
def _archive(path: str, version: tuple[int, int]) -> zipfile.ZipFile:
    """Kept open: reading the member list of a large archive takes seconds. ``version`` notices a replaced file."""
    return zipfile.ZipFile(path)


def _member(archive: str, member: str, scope: Scope) -> bytes:
    scope.check(archive)
    try:
        status = Path(archive).stat()
        opened = _archive(archive, (status.st_size, status.st_mtime_ns))
        info = opened.getinfo(member)
        _check_size(info.file_size, "ZIP member")
        data = opened.read(info)
    except FileNotFoundError as error:
        raise UnreadableError(f"there is no such file: {archive}") from error
    except KeyError as error:
        raise UnreadableError(f"the ZIP has no member {member}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise UnreadableError(f"the ZIP member is damaged: {error}") from error
    _check_size(len(data), "ZIP member")
    return data


def _fetch(url: str, scope: Scope) -> bytes:
    reason, asked = "", 0.0
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(max(PAUSE * 2 ** (attempt - 1), min(asked, LONGEST_PAUSE)))
        try:
            return _download(url, scope)
        except urllib.error.HTTPError as error:
            reason = f"the server answered {error.code} {error.reason}"
            waits = (error.headers.get("Retry-After") or "").strip()
            asked = float(waits) if waits.isdecimal() else 0.0
            error.close()
            if error.code < 500 and error.code not in RETRIED:
                break
        except (TimeoutError, http.client.HTTPException, OSError) as error:
            reason = f"the address could not be read: {_cause(error)}"
        except ValueError as error:
            reason = f"the address is not valid: {error}"
            break
    raise UnreadableError(f"{reason} ({url})")


def _cause(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    if isinstance(cause, http.client.IncompleteRead):
        return f"the answer broke off after {len(cause.partial):,} bytes"
    if isinstance(cause, TimeoutError):
        return f"no answer within {TIMEOUT:g} s"
    return str(cause) or type(cause).__name__


def _download(url: str, scope: Scope) -> bytes:
    started = time.monotonic()
    request = urllib.request.Request(urllib.parse.quote(url, safe=URL_SAFE), headers={"User-Agent": "assay"})
    data = bytearray()
    with opener(scope).open(request, timeout=TIMEOUT) as answer:
        expected = answer.headers.get("Content-Length")
        while block := answer.read1(BLOCK):
            data += block
            if len(data) > MAX_BYTES:
                raise UnreadableError(f"the file is larger than {MAX_BYTES >> 20} MiB ({url})")
            if time.monotonic() - started > DEADLINE:
                # not tried again: a server this slow would take the same time twice more
                raise UnreadableError(f"the answer was not whole after {DEADLINE:g} s ({url})")
    if expected is not None and expected.isdecimal() and len(data) < int(expected):
        raise OSError(f"the answer broke off after {len(data):,} of {int(expected):,} bytes")
    if not data:
        raise UnreadableError(f"the address answered with zero bytes ({url})")
    return bytes(data)
