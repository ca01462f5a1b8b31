"""A decision that the server acknowledged survives SIGKILL of its process tree; sent again it is not decided twice."""

from __future__ import annotations

import os
import random
import signal
import threading
import uuid

import httpx

import assay
from serving import TOKEN, copy_project, served

KILLS = 5
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class Reviewer(threading.Thread):
    """Writes note after note until the server is gone; what was acknowledged, and the one that was on its way."""

    def __init__(self, address: str, unheard: str | None) -> None:
        super().__init__()
        self.projects = address.split("/?", maxsplit=1)[0] + "/api/v1/projects"
        self.acknowledged: list[str] = []
        self.unheard = unheard
        self.rng = random.Random(len(address))

    def run(self) -> None:
        with httpx.Client(headers=HEADERS, timeout=30) as client:
            base = f"{self.projects}/{client.get(self.projects).json()[0]['id']}"
            while True:
                token = self.unheard or uuid.uuid4().hex  # what nobody heard of is sent again, under its token
                self.unheard = token
                body = {"action": "note", "text": token, "token": token, "target": {"rows": [self.rng.randrange(300)]}}
                try:
                    client.post(f"{base}/actions", json=body).raise_for_status()
                except httpx.TransportError:
                    return
                self.acknowledged.append(token)
                self.unheard = None


def test_no_acknowledged_decision_is_lost_and_none_is_doubled(digits_project, tmp_path):
    project = copy_project(digits_project, tmp_path / "digits.assay")
    rng = random.Random(5)
    acknowledged: list[str] = []
    unheard: str | None = None
    for _ in range(KILLS):
        with served(tmp_path / "home", project) as (address, process):
            reviewer = Reviewer(address, unheard)
            reviewer.start()
            while len(reviewer.acknowledged) < 3:
                reviewer.join(0.01)
                assert reviewer.is_alive()
            reviewer.join(rng.random() * 0.5)
            os.kill(process.pid, signal.SIGKILL)
            reviewer.join()
            acknowledged += reviewer.acknowledged
            unheard = reviewer.unheard
    written = [entry.token for entry in assay.open(project).log.entries(limit=100_000)]
    assert len(acknowledged) >= 3 * KILLS
    assert set(acknowledged) <= set(written)
    assert len(written) == len(set(written))
    assert set(written) <= {*acknowledged, unheard}
