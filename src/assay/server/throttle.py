"""How long somebody who guessed wrong must wait: by client address, and by address and name; never for all.

In: who asks, whether they were right. Out: seconds to wait. Does not know: passwords, HTTP.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

FREE, FREE_OF_ADDRESS = 5, 20  # wrong ones without a wait: of a name from an address, of an address under any names
LONGEST = 300.0  # seconds
FORGOTTEN = 3_600.0  # seconds after which a wrong one counts no more
REMEMBERED = 20_000  # addresses and names


class Throttle:
    """After the free ones each wrong answer doubles the wait, from one second to five minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._wrong: OrderedDict[tuple[str, ...], tuple[int, float]] = OrderedDict()  # who -> (wrong ones, the last)

    def wait(self, address: str, name: str) -> float:
        """Seconds until this address may try again under this name; 0 = now."""
        with self._lock:
            return max(self._left(key, free) for key, free in self._keys(address, name))

    def told(self, address: str, name: str, *, right: bool) -> None:
        """Note an answer. A right one clears its own count, not that of the whole address."""
        with self._lock:
            for key, _ in self._keys(address, name):
                count, last = self._wrong.pop(key, (0, 0.0))
                now = self._clock()
                if right and len(key) == 2:
                    continue
                if right or now - last > FORGOTTEN:
                    count = count if right else 0
                self._wrong[key] = (count if right else count + 1, last if right else now)
            while len(self._wrong) > REMEMBERED:
                self._wrong.popitem(last=False)

    def _left(self, key: tuple[str, ...], free: int) -> float:
        count, last = self._wrong.get(key, (0, 0.0))
        if count < free:
            return 0.0
        return max(0.0, last + min(LONGEST, 2.0 ** min(count - free, 20)) - self._clock())

    @staticmethod
    def _keys(address: str, name: str) -> tuple[tuple[tuple[str, ...], int], ...]:
        home = _network(address)
        return ((home, name[:80]), FREE), ((home,), FREE_OF_ADDRESS)


def _network(address: str) -> str:
    """One subscriber: of IPv6 the first 64 bits."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False).network_address)
    return str(ip)
