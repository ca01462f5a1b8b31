"""What a run says while it works.

In: stage names and row counts. Out: progress bars on a terminal, plain lines elsewhere, JSON lines on request.
Does not know: what the stages do.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, TextIO

from assay.printable import printable


class Progress:
    """``mode``: "bars", "lines", "json" or "quiet". Everything goes to standard error."""

    def __init__(self, mode: str = "auto", stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.mode = ("bars" if self.stream.isatty() else "lines") if mode == "auto" else mode
        self._bar: Any = None
        self._task: Any = None
        self._name = ""
        self._started = 0.0
        self._done = self._total = 0

    def say(self, text: str) -> None:
        """One line for the person."""
        if self.mode == "json":
            self._json(event="note", text=text)
        elif self.mode != "quiet":
            print(printable(text), file=self.stream, flush=True)

    def start(self, name: str, total: int, done: int) -> None:
        self._name, self._total, self._done = name, total, done
        self._started = time.monotonic()
        if self.mode == "json":
            self._json(event="stage", stage=name, done=done, total=total)
        elif self.mode == "bars":
            self._bar = _bar()
            self._task = self._bar.add_task(name, total=max(total, 1), completed=done)
            self._bar.start()

    def advance(self, rows: int) -> None:
        self._done += rows
        if self.mode == "json":
            seconds = time.monotonic() - self._started
            self._json(
                event="progress", stage=self._name, done=self._done, total=self._total, seconds=round(seconds, 2)
            )
        elif self._bar is not None:
            self._bar.advance(self._task, rows)

    def finish(self) -> None:
        seconds = time.monotonic() - self._started
        if self._bar is not None:
            self._bar.update(self._task, completed=max(self._total, 1))
        self.abandon()
        if self.mode == "json":
            self._json(event="done", stage=self._name, seconds=round(seconds, 2))
        elif self.mode == "lines":
            rate = f", {self._total / seconds:,.0f} rows/s" if self._total and seconds > 1 else ""
            print(f"  {self._name}: {seconds:.1f} s{rate}", file=self.stream, flush=True)

    def abandon(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _json(self, **event: Any) -> None:
        print(json.dumps(event), file=self.stream, flush=True)


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    class Rate(ProgressColumn):
        def render(self, task: Any) -> Any:
            return f"{task.speed:,.0f}/s" if task.speed else ""

    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    return Bars(*columns, console=Console(stderr=True))
