"""Every exception that Assay raises on purpose.

In: nothing. Out: one tree; the door (CLI, Python API) turns it into a message and an exit code.
Does not know: where the fault was found.

    AssayError                     anything Assay raises on purpose           exit code 1
    ├── UsageError                 the call is wrong; nothing was tried       exit code 2
    │   ├── SourceError            the data cannot be read as asked
    │   ├── ArrayError             pred_probs, embeddings or labels do not fit
    │   ├── TooManyCopiesError     more rows would be left out as copies than was allowed
    │   └── MissingExtraError      an optional dependency is not installed
    ├── ProjectError               the project folder is damaged, newer, or not a project
    │   └── ProjectLockedError     another live process works on this project
    ├── StorageError               disk full, read-only, permission
    │   └── BusyStorageError       another program is writing, and did not end in time
    ├── ShardFailedError           a worker died again and again on one shard
    └── Interrupted                Ctrl-C: everything finished so far is kept  exit code 130
"""

from __future__ import annotations


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


class Interrupted(AssayError):  # noqa: N818  (the word a person expects)
    exit_code = 130
