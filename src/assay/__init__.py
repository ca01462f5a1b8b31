"""Assay: find and fix what is wrong in images, texts and tables, on your own machine.

The public names, each loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.version import __version__

if TYPE_CHECKING:
    from assay.api import analyze, open
    from assay.duplicates.near import near_duplicates
    from assay.errors import AssayError
    from assay.graph import neighbors
    from assay.issues.label_api import label_issues
    from assay.issues.outlier import outliers
    from assay.project import Project

_WHERE = {
    "AssayError": "assay.errors",
    "Project": "assay.project",
    "analyze": "assay.api",
    "label_issues": "assay.issues.label_api",
    "near_duplicates": "assay.duplicates.near",
    "neighbors": "assay.graph",
    "open": "assay.api",
    "outliers": "assay.issues.outlier",
}

__all__ = [
    "AssayError",
    "Project",
    "__version__",
    "analyze",
    "label_issues",
    "near_duplicates",
    "neighbors",
    "open",
    "outliers",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        value = getattr(import_module(_WHERE[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'assay' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
