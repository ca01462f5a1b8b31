"""Writers of the log that are killed at random moments while they acknowledge, and the count of what that did.

Used by the tests (a few kills) and by ``benchmarks/log_kills.py`` (many).
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from assay.actions import Request
from logging_twin import open_log, rows, writer

N = 5_000


@dataclass
class Outcome:
    """``unheard``: entries on disk whose acknowledgement nobody read; sent again they change nothing."""

    kills: int = 0
    acknowledged: int = 0
    unheard: int = 0
    lost: int = 0
    doubled: int = 0
    damaged: int = 0


def kills(folder: Path, n: int, rng: random.Random) -> Outcome:
    """Start a writer and kill its process group after a random time or number of acknowledgements, ``n`` times.

    After each kill everything acknowledged must be in the log once, with its number; then the writer's next few requests
    are sent again under their tokens, as a client does whose answer got lost; at the end each is there once.
    """
    outcome = Outcome()
    told: dict[str, int] = {}
    for kill in range(n):
        process = writer(folder, f"w{kill}", count=100_000, n=N)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        heard = [process.stdout.readline() for _ in range(rng.randint(1, 5))]
        time.sleep(rng.choice([0, rng.uniform(0, 0.03)]))
        os.killpg(process.pid, signal.SIGKILL)
        heard += [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        process.wait()
        outcome.kills += 1
        acknowledged = {token: int(number) for token, number in (line.split() for line in heard)}
        told |= acknowledged
        outcome.acknowledged += len(acknowledged)
        log = open_log(folder, N)
        written = Counter(
            entry.token for entry in log.entries(limit=len(acknowledged) + 100) if entry.person == f"w{kill}"
        )
        outcome.unheard += len(set(written) - set(acknowledged))
        for again in range(len(acknowledged) + 2):
            token = f"w{kill}-{again}"
            done = log.append(Request("label", rows(again % N), label=token), f"w{kill}", token=token)
            assert done.entry is not None
            outcome.lost += token in acknowledged and done.entry.number != acknowledged[token]
            told[token] = done.entry.number
        log.close()
    outcome.damaged += _damaged(folder)
    log = open_log(folder, N)
    found = log.entries(limit=10**6)
    counts = Counter(entry.token for entry in found)
    outcome.doubled += sum(count - 1 for count in counts.values())
    outcome.lost += sum(counts[token] == 0 for token in told)
    assert [entry.number for entry in reversed(found)] == list(range(1, len(found) + 1))
    state = log.state()
    last = {int(entry.token.split("-")[1]) % N: entry.token for entry in reversed(found)}
    outcome.lost += sum(state.label_of(row) != token for row, token in last.items())
    return outcome


def _damaged(folder: Path) -> int:
    with sqlite3.connect(folder / "state.sqlite") as connection:
        return int(connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok")
