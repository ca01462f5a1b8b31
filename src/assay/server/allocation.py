"""What the server's process does with memory that it no longer needs: it gives it back.

In: nothing. Out: settings of the C library and of pyarrow, once, before anything large is read. Does not know: what is allocated.

Left to themselves, pyarrow keeps what each of its threads once held, and glibc a heap a thread for every block up to 32 MB that
was ever freed: of a project of a million rows that was as much again as what the server holds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

import pyarrow as pa

MMAP, TRIM, ARENAS = 4 << 20, 32 << 20, 2
# numbers of mallopt in malloc.h of glibc, and the variables by which a user sets the same
OPTIONS = ((-3, "MALLOC_MMAP_THRESHOLD_", MMAP), (-1, "MALLOC_TRIM_THRESHOLD_", TRIM), (-8, "MALLOC_ARENA_MAX", ARENAS))


def give_memory_back() -> None:
    """Blocks from 4 MB on go back at once, two heaps for all threads, no pool of pyarrow's own. The user's own settings come first.

    Blocks of one byte a row of a million rows stay below the 4 MB: a filter makes dozens, and the system would clear each anew.
    Does nothing on systems without glibc, but for pyarrow.
    """
    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
        pa.set_memory_pool(pa.system_memory_pool())
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            mallopt = ctypes.CDLL(None).mallopt
            for number, variable, value in OPTIONS:
                if variable not in os.environ:
                    mallopt(number, value)
