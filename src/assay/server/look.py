"""Looking at data in a process of its own, with limits: what somebody sent must not take the server down.

In: a path, options, the folders that it may reach. Out: `SourcePreview`, or `UsageError` with a sentence. Does not know: HTTP.

Files say little about what they unpack to, and readers of a dozen formats are written in three languages: some answer a hostile
file by taking all memory, some by ending the process. So the look runs as `python -m assay.server.look` under limits on memory,
time and output; whatever happens there is one sentence here.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.errors import UsageError
from assay.server.schemas.projects import LabelGuess, SourcePreview

MEMORY = 3 << 30  # bytes of address space
SECONDS = 60  # of processor time; twice as many by the clock
OUTPUT = 8 << 20  # bytes of what it says
AT_ONCE = threading.BoundedSemaphore(2)
FIRST = 20
ROLES = ("label", "text", "image", "id", "split")
SECRETS = ("ASSAY_TOKEN", "ASSAY_PASSWORD")


def look(path: Path, options: dict[str, Any], bounds: Sequence[Path], *, strict: bool = False) -> SourcePreview:
    """How data would be read. `UsageError` says what is wrong with it, or that it is too much to look at.

    ``strict``: a guess that does not do is an error, not a note.
    """
    asked = json.dumps(
        {"path": str(path), "options": options, "bounds": [str(folder) for folder in bounds], "strict": strict}
    )
    environment = {key: value for key, value in os.environ.items() if key not in SECRETS}
    command = [sys.executable, "-m", "assay.server.look"]
    with AT_ONCE, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
        start_new_session=True,
    ) as child:  # fmt: skip
        late = threading.Timer(2 * SECONDS, child.kill)
        late.start()
        try:
            assert child.stdin is not None and child.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(asked.encode())
                child.stdin.close()
            said = child.stdout.read(OUTPUT + 1)
        finally:
            late.cancel()
            child.kill()
    try:
        answer = json.loads(said)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or len(said) > OUTPUT:
        raise UsageError(
            f"{path.name} could not be looked at within {MEMORY >> 30} GB of memory and {SECONDS} s: it unpacks to too much, or "
            "is made to harm its reader; give the server's owner the file itself, for assay analyze"
        )
    if "error" in answer:
        raise UsageError(answer["error"])
    return SourcePreview.model_validate(answer)


def preview(path: str, options: dict[str, Any], *, strict: bool = False) -> SourcePreview:
    """How data would be read, in this process."""
    from assay.dataset.dataset import check_labels
    from assay.sources import open_source

    try:
        source = open_source(path, **options)
        source.notes.extend(check_labels(source))
        return _shown(source)
    except UsageError as error:
        if strict or "label" in options:
            raise
        # a label that was guessed and does not do: shown without, so that the person can choose
        shown = _shown(open_source(path, **options, label="none"))
        shown.notes.insert(0, f"labels are left out for now: {error}")
        return shown


def main() -> None:
    """Answer one question, read from standard input, with one line of JSON."""
    from assay.errors import AssayError

    sys.setrecursionlimit(1_000)
    asked = json.loads(sys.stdin.buffer.read())
    _limit()
    try:
        from assay.sources.sandbox import confined

        with confined(*(Path(folder) for folder in asked["bounds"])):
            answer = preview(asked["path"], asked["options"], strict=asked["strict"]).model_dump_json()
    except AssayError as error:
        answer = json.dumps({"error": str(error)})
    except (MemoryError, RecursionError):
        return  # said by the parent
    sys.stdout.write(answer)
    sys.stdout.flush()
    os._exit(0)  # nothing is cleaned up that could fail for want of memory


def _limit() -> None:
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS does not bound memory
            resource.setrlimit(kind, (most, most))


def _shown(source: Any) -> SourcePreview:
    from assay.dataset.target import classes_of
    from assay.sources.label_guesses import guess_labels

    first = source.cells.slice(0, FIRST)
    rows: list[dict[str, Any]] = [{} for _ in range(min(FIRST, len(source.ids)))]
    for name in first.column_names:
        for row, value in zip(rows, first[name].to_pylist(), strict=False):
            row[name] = None if value is None else str(value)[:200]
    for number, row in enumerate(rows):
        row.setdefault("id", str(source.ids[number].as_py()))
        if source.given is not None and (source.roles.label is None or source.roles.label not in row):
            row["label"] = source.given[number].as_py()
    classes = classes_of(source.given)
    roles = source.roles
    # a hint beside the guess by name that the sources make; never taken without being shown
    guesses = (
        [] if source.given is not None else guess_labels(source.cells, {roles.text, roles.image, roles.id, roles.split})
    )
    return SourcePreview(
        guesses=[LabelGuess.model_validate(vars(guess)) for guess in guesses],
        name=source.name,
        modality=source.modality,
        roles={name: getattr(source.roles, name) for name in (*ROLES, "features")},
        n_rows=len(source.ids),
        classes=classes[:200],
        n_classes=len(classes),
        notes=source.notes,
        columns=[{"name": name, "kind": str(first.schema.field(name).type)} for name in first.column_names],
        rows=rows,
    )


if __name__ == "__main__":
    main()
