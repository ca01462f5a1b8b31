"""The server's process gives memory back that it no longer needs. Each case is a process of its own: the settings stay."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

POOL = """
from assay.server.allocation import give_memory_back
import pyarrow as pa
give_memory_back()
print(pa.default_memory_pool().backend_name)
"""
# a block of 6 MB lies behind the others in the heap, unless it was asked for from the system as a block of its own
BLOCKS = """
import numpy as np
from assay.server.allocation import give_memory_back
give_memory_back()

def held():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon")) >> 10

del_first = np.ones(24 << 20, np.uint8)
del del_first  # from here on, glibc would take blocks of up to 24 MB from its heap
before, blocks = held(), [np.ones(6 << 20, np.uint8) for _ in range(20)]
blocks[:-1] = []
print(held() - before)
"""


def said(code: str, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "ARROW_"))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_pyarrow_keeps_no_pool_unless_the_user_chose_one() -> None:
    assert said(POOL) == "system"
    import pyarrow as pa

    other = next((name for name in pa.supported_memory_backends() if name != "system"), None)
    if other is not None:
        assert said(POOL, ARROW_DEFAULT_MEMORY_POOL=other) == other


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc alone can be told so"
)
def test_large_blocks_go_back_to_the_system_when_they_are_freed() -> None:
    assert int(said(BLOCKS)) < 20  # MB of 120
    assert int(said(BLOCKS, MALLOC_MMAP_THRESHOLD_=str(32 << 20))) > 60  # the user's own setting comes first
