"""How many pixels a server decodes at once: twelve small files may hold a gigapixel.

In: the bytes of pictures. Out: a turn. Does not know: what is done with the pixels.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from assay.errors import BusyStorageError

PIXELS = 150_000_000
WAIT = 30.0  # seconds


class PixelBudget:
    """Decodes wait until those before them have ended; one larger than the whole budget waits to be alone."""

    def __init__(self, pixels: int = PIXELS) -> None:
        self._all = self._left = pixels
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def turn(self, data: bytes) -> Iterator[None]:
        """The right to decode a picture, by the size that its head claims; `BusyStorageError` after half a minute."""
        from assay.encode.pixels import claimed_pixels

        wanted = min(self._all, claimed_pixels(data))
        with self._changed:
            if not self._changed.wait_for(lambda: self._left >= wanted, WAIT):
                raise BusyStorageError("the server is busy with other large pictures; try again in a moment")
            self._left -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._left += wanted
                self._changed.notify_all()


BUDGET = PixelBudget()
