"""Every exception that Assay raises on purpose.

In: nothing. Out: one tree; the door (CLI, Python API) turns it into a message and an exit code.
Does not know: where the fault was found.

    AssayError                     anything Assay raises on purpose           exit code 1
    ├── UsageError                 the call is wrong; nothing was tried       exit code 2
    │   ├── SourceError            the data cannot be read as asked
    │   ├── ArrayError             pred_probs, embeddings or labels do not fit
    │   ├── TooManyCopiesError     more rows would be left out as copies than was allowed
    │   ├── NoProjectError         the server has no such project, row or class
    │   ├── NotAllowedError        the server may not read or write there
    │   └── MissingExtraError      an optional dependency is not installed
    ├── ProjectError               the project folder is damaged, newer, or not a project
    │   └── ProjectLockedError     another live process works on this project
    ├── StorageError               disk full, read-only, permission
    │   └── BusyStorageError       another program is writing, and did not end in time
    ├── ShardFailedError           a worker died again and again on one shard
    ├── ConflictError              somebody else decided about these rows meanwhile
    ├── BusyError                  the server analyses this project already
    ├── GoneError                  the server has no such upload
    ├── HeldError                  another server of the same home writes to the upload
    ├── DamagedError               an upload is not what was sent
    └── Interrupted                Ctrl-C: everything finished so far is kept  exit code 130
"""

from __future__ import annotations

from typing import Any


class AssayError(Exception):
    """Base of the tree. ``str(error)`` is one message for a person: what, where, what to do."""

    exit_code = 1


class UsageError(AssayError):
    exit_code = 2


class SourceError(UsageError):
    pass


class ArrayError(UsageError, ValueError):
    pass


class TooManyCopiesError(UsageError):
    """``n``: rows that would be left out."""

    def __init__(self, message: str, n: int) -> None:
        super().__init__(message)
        self.n = n


class MissingExtraError(UsageError, ImportError):
    """``MissingExtraError("reading Excel files", "excel")`` names the extra to install."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs the extra "{extra}": pip install "assay[{extra}]"')


class ProjectError(AssayError):
    pass


class ProjectLockedError(ProjectError):
    pass


class StorageError(AssayError):
    pass


class BusyStorageError(StorageError):
    pass


class ShardFailedError(AssayError):
    pass


class ConflictError(AssayError):
    """Somebody else changed these rows since the asking person's screen was drawn; nothing was written.

    ``rows``: [{row, person, action, label, number}], what happened last to each.
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        people = ", ".join(sorted({row["person"] for row in rows}))
        what = "1 row was" if len(rows) == 1 else f"{len(rows):,} rows were"
        super().__init__(f"{what} changed meanwhile by {people}; look at the new state and decide again")
        self.rows = rows


class BusyError(AssayError):
    """The project is being analysed already."""


class GoneError(AssayError):
    """There is no such upload."""


class HeldError(AssayError):
    """Another server of this home is writing to the upload."""


class DamagedError(AssayError):
    """What arrived is not what was sent: nothing of it is kept."""


class NoProjectError(UsageError):
    """There is no such project here."""


class NotAllowedError(UsageError):
    """The server may not read or write there."""


class Interrupted(AssayError):  # noqa: N818  (the word a person expects)
    exit_code = 130
