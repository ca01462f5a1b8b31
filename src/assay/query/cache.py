"""What was computed a moment ago: least recently used first out, by bytes.

In: keys and arrays. Out: the same arrays. Does not know: what they are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any

from cachetools import LRUCache

ENTRY = 1_000  # bytes that an entry costs beside its value


class LruCache:
    """``get(key, make)`` returns what ``make()`` returned for that key before, if it is still kept. Thread-safe.

    Two threads that ask for the same new key at once may both make it: a lock around ``make`` would let one slow search
    hold up every page. A value that is larger than ``most_bytes`` is not kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._kept: LRUCache[Hashable, tuple[Any, int]] = LRUCache(most_bytes, getsizeof=lambda kept: kept[1])
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(
        self, key: Hashable, make: Callable[[], Any], size: Callable[[Any], int] = lambda value: value.nbytes
    ) -> Any:
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                return kept[0]
        value = make()
        cost = size(value) + ENTRY
        with self._lock:
            if key not in self._kept and cost <= self._kept.maxsize:
                self._kept[key] = (value, cost)
        return value
