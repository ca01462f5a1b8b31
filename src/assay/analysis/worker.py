"""A worker process: reads tasks as JSON lines on its standard input, answers each with a JSON line.

In: ``{"fn": "package.module:function", "folder": path, "spec": {...}}``. Out: ``{"ok": result}`` or ``{"error": ...}``.
A module named in the command line is imported before the first task comes. Does not know: other workers, retries, order. It
never imports the caller's ``__main__``, so scripts without a guard, ``python -c``, standard input and notebooks all work; it
ends when its parent does.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from typing import Any, TextIO

from assay.errors import AssayError


def run_task(message: dict[str, Any]) -> dict[str, Any]:
    """Call the named function with (Folder, spec); whatever it raises becomes part of the answer."""
    from assay.storage import Folder

    module, _, name = message["fn"].partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
        return {"ok": function(Folder(message["folder"]), message["spec"])}
    except MemoryError:
        return {"error": "out of memory", "kind": "MemoryError", "traceback": traceback.format_exc()}
    except AssayError as error:
        return {"error": str(error), "kind": type(error).__name__, "traceback": traceback.format_exc()}
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return {"error": text, "kind": "Exception", "traceback": traceback.format_exc()}


def _leave_with_parent(parent: int) -> None:
    pause = threading.Event()
    while not pause.wait(1.0):
        if os.getppid() != parent:
            os._exit(1)


def serve(tasks: TextIO, answers: TextIO) -> None:
    """Answer one line a task until the input ends."""
    for line in tasks:
        answers.write(json.dumps(run_task(json.loads(line))) + "\n")
        answers.flush()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()
    # what libraries print must not mix with the answers
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for module in filter(None, sys.argv[1:]):
        with contextlib.suppress(Exception):  # a task that needs it says what is wrong
            importlib.import_module(module)
    serve(sys.stdin, answers)
    os._exit(0)


if __name__ == "__main__":
    main()
