"""A seal on what this account wrote, so that a file of a project that came from elsewhere is told from one's own.

In: JSON values. Out: a seal, or whether a seal is ours. The key lies in the user's data folder and never leaves it.
Does not know: what is sealed.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

KEY_BYTES = 32
VARIABLE = "ASSAY_KEY_FILE"
PASSING = secrets.token_bytes(KEY_BYTES)  # where no key can be kept, a seal holds within this process


def seal(value: object) -> str:
    """A message authentication code of ``value``; where no key can be kept, one that only this process knows again."""
    return _code(_key(make=True) or PASSING, value)


def is_sealed(value: object, code: object) -> bool:
    """Was ``code`` made of this very value with this account's key?"""
    key = _key(make=False) or PASSING
    return isinstance(code, str) and hmac.compare_digest(_code(key, value).encode(), code.encode())


def _code(key: bytes, value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _file() -> Path:
    from platformdirs import user_data_path

    given = os.environ.get(VARIABLE)
    return Path(given) if given else user_data_path("assay") / "key"


def _key(*, make: bool) -> bytes | None:
    """The key; made at first use, readable by this account only. None where there is none and none can be made."""
    path = _file()
    for _ in range(2):
        with contextlib.suppress(OSError):
            key = path.read_bytes()
            if len(key) == KEY_BYTES:
                return key
        if not make:
            return None
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.write(handle, secrets.token_bytes(KEY_BYTES))
                os.fsync(handle)
            finally:
                os.close(handle)
            try:
                os.link(new, path)  # whoever is first wins, and all read the same
            finally:
                new.unlink()
    return None
