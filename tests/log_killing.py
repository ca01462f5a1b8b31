"""Writers of the log that are killed at random moments while they acknowledge, and the count of what that did.

Used by the tests (a few kills) and by ``benchmarks/log_kills.py`` (many).
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
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
    """Start a writer and kill its process group after a random time or number of acknowledgements, ``n`` times, while
    another process goes on writing all along.

    After each kill everything acknowledged must be in the log once, with its number; then the writer's next few requests
    are sent again under their tokens, as a client does whose answer got lost; at the end each is there once.
    """
    outcome, told = Outcome(), {}
    bystander = writer(folder, "bystander", count=1_000_000, n=N, pause=0.02)
    assert bystander.stdout is not None and bystander.stdout.readline() == "ready\n"
    aside: list[str] = []
    listening = threading.Thread(target=lambda: aside.extend(bystander.stdout or ()))
    listening.start()
    try:
        for kill in range(n):
            told |= _one(folder, f"w{kill}", rng, outcome)
        assert bystander.poll() is None  # nothing that others did ended it
    finally:
        os.killpg(bystander.pid, signal.SIGKILL)
        bystander.wait()
        listening.join()
        bystander.stdout.close()
    told |= _numbers(aside)
    with sqlite3.connect(folder / "state.sqlite") as connection:
        outcome.damaged += connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
    log = open_log(folder, N)
    found = log.entries(limit=10**6)
    numbers = {entry.token: entry.number for entry in found}
    outcome.doubled += len(found) - len(numbers)
    outcome.lost += sum(numbers.get(token) != number for token, number in told.items())
    assert [entry.number for entry in reversed(found)] == list(range(1, len(found) + 1))
    state = log.state()
    last = {int(entry.token.split("-")[1]) % N: entry.token for entry in reversed(found)}
    outcome.lost += sum(state.label_of(row) != token for row, token in last.items())
    log.close()
    return outcome


def _one(folder: Path, person: str, rng: random.Random, outcome: Outcome) -> dict[str, int]:
    """One writer, killed; what it acknowledged, and what was sent again afterwards: token -> number."""
    process = writer(folder, person, count=100_000, n=N)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    heard = [process.stdout.readline() for _ in range(rng.randint(1, 5))]
    time.sleep(rng.choice([0, rng.uniform(0, 0.03)]))
    os.killpg(process.pid, signal.SIGKILL)
    heard += process.stdout
    process.stdout.close()
    process.wait()
    acknowledged = _numbers(heard)
    outcome.kills += 1
    outcome.acknowledged += len(acknowledged)
    log, told = open_log(folder, N), dict(acknowledged)
    newest = log.entries(limit=1_000)
    outcome.unheard += len({entry.token for entry in newest if entry.person == person} - set(acknowledged))
    for again in range(len(acknowledged) + 2):
        token = f"{person}-{again}"
        done = log.append(Request("label", rows(again % N), label=token), person, token=token)
        assert done.entry is not None
        outcome.lost += token in acknowledged and done.entry.number != acknowledged[token]
        told[token] = done.entry.number
    log.close()
    return told


def _numbers(lines: list[str]) -> dict[str, int]:
    """Token -> number of the lines that were printed to their end."""
    return {token: int(number) for token, number in (line.split() for line in lines if line.endswith("\n"))}
