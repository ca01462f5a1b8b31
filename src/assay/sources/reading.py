"""Bytes behind a uri: a local path, a member of a ZIP, an http(s) URL.

In: one uri. Out: its bytes, or `UnreadableError` with a reason for a person. Does not know: what the bytes mean.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path

TIMEOUT = 20.0
ATTEMPTS = 3
MAX_BYTES = 256 << 20
ZIP = "zip:"


class UnreadableError(Exception):
    """Why one row's bytes cannot be had; the row is marked, the run goes on."""


def read_bytes(uri: str) -> bytes:
    """Read ``/a/b.png``, ``file:///a/b.png``, ``zip:/a/b.zip!member`` or ``https://...``; one attempt a local file, three a URL."""
    if uri.startswith(("http://", "https://")):
        return _fetch(uri)
    if uri.startswith(ZIP):
        archive, _, member = uri.removeprefix(ZIP).partition("!")
        return _member(archive, member)
    path = Path(urllib.request.url2pathname(urllib.parse.urlparse(uri).path) if uri.startswith("file://") else uri)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UnreadableError(f"the file is larger than {MAX_BYTES >> 20} MiB")
        if size == 0:
            raise UnreadableError("the file is empty (zero bytes)")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnreadableError(f"there is no such file: {path}") from error
    except IsADirectoryError as error:
        raise UnreadableError(f"this is a folder, not a file: {path}") from error
    except PermissionError as error:
        raise UnreadableError(f"no permission to read {path}") from error
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from error


@lru_cache(maxsize=4)
def _archive(path: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _member(archive: str, member: str) -> bytes:
    try:
        info = _archive(archive).getinfo(member)
        if info.file_size > MAX_BYTES:
            raise UnreadableError(f"the file is larger than {MAX_BYTES >> 20} MiB")
        data = _archive(archive).read(info)
    except KeyError as error:
        raise UnreadableError(f"the ZIP has no member {member}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise UnreadableError(f"the ZIP member is damaged: {error}") from error
    if not data:
        raise UnreadableError("the file is empty (zero bytes)")
    return data


def _fetch(url: str) -> bytes:
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(0.5 * 2**attempt)
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "assay"})
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                data: bytes = answer.read(MAX_BYTES + 1)
        except urllib.error.HTTPError as error:
            reason = f"the server answered {error.code} {error.reason}"
            if error.code < 500 and error.code not in (408, 425, 429):
                break
        except (urllib.error.URLError, TimeoutError, OSError, ValueError) as error:
            reason = f"the address could not be read: {getattr(error, 'reason', error)}"
        else:
            if len(data) > MAX_BYTES:
                raise UnreadableError(f"the file is larger than {MAX_BYTES >> 20} MiB")
            if not data:
                raise UnreadableError("the address answered with zero bytes")
            return data
    raise UnreadableError(f"{reason} ({url})")
