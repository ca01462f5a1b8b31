"""What was computed a moment ago: least recently used first out, by bytes.

In: keys and arrays. Out: the same arrays. Does not know: what they are.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


class LruCache:
    """``get(key, make)`` returns what ``make()`` returned for that key before, if it is still kept. Thread-safe.

    Two threads that ask for the same new key at once may both make it: a lock around ``make`` would let one slow search
    hold up every page.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(
        self, key: Hashable, make: Callable[[], Any], size: Callable[[Any], int] = lambda value: value.nbytes
    ) -> Any:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        value = make()
        cost = size(value) + 1_000
        with self._lock:
            if key not in self._kept:
                self._kept[key] = (value, cost)
                self.bytes += cost
            while self.bytes > self.most_bytes and len(self._kept) > 1:
                _, (_, freed) = self._kept.popitem(last=False)
                self.bytes -= freed
        return value
