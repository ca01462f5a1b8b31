"""What a dataset may reach, decided when it is written and kept beside it.

In: a `Source`, or a dataset that was written. Out: a `Scope`; ``dataset/<fp>/scope.json``. Does not know: how files are read.

A scope names folders and machines. It counts only with this account's seal: a project that somebody else made, or that was
changed by hand, may read files inside its own folder and public addresses, until its reader trusts it (`assay trust`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assay.errors import ProjectError
from assay.sources import Source
from assay.sources.reading import file_of, is_url
from assay.sources.sandbox import Scope, current, host_names
from assay.storage import Folder
from assay.storage.seal import is_sealed, seal

MOST = 64  # folders a scope names
STRANGE = (
    "this project was made by somebody else or on another machine, so files outside of its folder stay closed; "
    "if you trust it: assay trust PROJECT"
)


def scope_of(source: Source) -> Scope:
    """What data may reach: what bounds it while it is listed; else where its files really are, and the machines it names.

    Cost: one look a file whether it is a link.
    """
    here = current()
    if here.files is not None:
        return here
    uris = [uri for uri in source.uris or [] if uri]
    roots = _roots(uris)
    if source.uris is not None and source.origin and Path(source.origin).is_dir():
        roots.add(os.path.realpath(source.origin))
    return Scope(_collapsed(roots), host_names(uri for uri in uris if is_url(uri)))


def _roots(uris: Iterable[str]) -> set[str]:
    roots: set[str] = set()
    real: dict[str, str] = {}
    for uri in uris:
        path = file_of(uri)
        if path is None or path in roots:
            continue
        if uri.startswith("zip:"):
            roots.add(os.path.realpath(path))
        elif Path(path).is_symlink():
            roots.add(str(Path(os.path.realpath(path)).parent))
        else:
            folder = path.rpartition("/")[0] or "/"
            if folder not in real:
                real[folder] = os.path.realpath(folder)
                roots.add(real[folder])
    return roots


def _collapsed(roots: set[str]) -> tuple[str, ...]:
    """Without those that lie in another; where there are too many, their parents."""
    while True:
        kept: list[str] = []
        for root in sorted(roots):
            if not kept or not root.startswith(f"{kept[-1].rstrip('/')}/"):
                kept.append(root)
        if len(kept) <= MOST:
            return tuple(kept)
        roots = {str(Path(root).parent) for root in kept}


def write_scope(folder: Folder, fingerprint: str, scope: Scope) -> None:
    """Record and seal the scope of a dataset."""
    value = {"files": list(scope.files or ()), "hosts": sorted(scope.hosts or ()), "why": scope.why}
    record = value | {"seal": seal([fingerprint, value])}
    name = _name(fingerprint)
    if not folder.exists(name) or _record(folder, fingerprint) != record:
        folder.put_json(name, record)


def read_scope(folder: Folder, fingerprint: str, *, written_here: bool = False) -> Scope:
    """The scope of a dataset; without our seal the project's own folder. ``written_here``: this very run wrote it."""
    record = _record(folder, fingerprint)
    value = {key: record.get(key) for key in ("files", "hosts", "why")}
    if record and (written_here or is_sealed([fingerprint, value], record.get("seal"))):
        return Scope(tuple(record["files"]), frozenset(record["hosts"]), str(record["why"]))
    return Scope((os.path.realpath(folder.root),), frozenset(), STRANGE)


def named_scope(folder: Folder, fingerprint: str, uris: Iterable[str]) -> Scope:
    """The scope as it stands, whoever wrote it; of a project without one, what its rows name. `write_scope` trusts it."""
    record = _record(folder, fingerprint)
    if record:
        return Scope(tuple(map(str, record["files"])), frozenset(map(str, record["hosts"])), str(record["why"]))
    named = [uri for uri in uris if uri]
    return Scope(_collapsed(_roots(named)), host_names(uri for uri in named if is_url(uri)))


def _name(fingerprint: str) -> str:
    return f"dataset/{fingerprint}/scope.json"


def _record(folder: Folder, fingerprint: str) -> dict[str, Any]:
    """What is written, whoever wrote it; {} where it is not there or not of this form."""
    name = _name(fingerprint)
    if not folder.exists(name):
        return {}
    try:
        record = folder.get_json(name)
    except ProjectError:
        return {}
    sound = isinstance(record, dict) and all(isinstance(record.get(key), list) for key in ("files", "hosts"))
    return record if sound and isinstance(record.get("why"), str) else {}
