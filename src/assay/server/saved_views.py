"""Views that people saved by name: one list a project, for everybody who opens it.

In: a project folder, a name, the query of an address. Out: the list. Does not know: what a query means.
"""

from __future__ import annotations

import threading

from assay.errors import UsageError
from assay.server.schemas.projects import SavedView
from assay.storage import Folder
from assay.storage.project_folder import VIEWS

MOST = 200  # of one project
_LOCK = threading.Lock()


def saved_views(folder: Folder) -> list[SavedView]:
    """By name."""
    if not folder.exists(VIEWS):
        return []
    return [SavedView.model_validate(one) for one in folder.get_json(VIEWS)]


def save_view(folder: Folder, view: SavedView) -> list[SavedView]:
    """The list with ``view``, in the place of one of its name."""
    with _LOCK:
        others = [one for one in saved_views(folder) if one.name != view.name]
        if len(others) >= MOST:
            raise UsageError(f"a project keeps at most {MOST} views; delete some first")
        return _write(folder, [*others, view])


def delete_view(folder: Folder, name: str) -> list[SavedView]:
    """The list without the view of that name, if there was one."""
    with _LOCK:
        return _write(folder, [one for one in saved_views(folder) if one.name != name])


def _write(folder: Folder, views: list[SavedView]) -> list[SavedView]:
    views = sorted(views, key=lambda one: one.name.casefold())
    folder.put_json(VIEWS, [one.model_dump() for one in views])
    return views
