"""Shared fixtures. Real datasets live outside the repository; tests that need them skip where they are absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real development datasets (``ASSAY_TEST_DATA``, or ``../shared/data`` beside the checkout)."""
    folder = Path(os.environ.get("ASSAY_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real datasets are not on this machine ({folder}); set ASSAY_TEST_DATA to their folder")
    return folder
