"""Odd data through the whole pipeline: a run finishes, every check has a state with its reason, every row is accounted for."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings

from assay.errors import SourceError, UsageError
from odd_data import analyze_here, pictures, tables, texts

CHEAP = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


def finishes(data: pd.DataFrame, roles: dict[str, Any]) -> dict[str, Any] | None:
    """Run it; a refusal at the door is a sentence, anything else must finish with no failed check."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = analyze_here(data, Path(folder) / "odd.assay", **roles)
        except (SourceError, UsageError) as refusal:
            assert str(refusal)
            return None
    assert run["n_rows"] == len(data)
    assert {check["status"] for check in run["checks"]} <= {"ran", "skipped"}, run["checks"]
    assert all(check["why"] for check in run["checks"] if check["status"] == "skipped")
    return run


@settings(max_examples=220, **CHEAP)
@given(tables())
def test_any_small_table_finishes(drawn: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    finishes(*drawn)


@settings(max_examples=50, **CHEAP)
@given(texts())
def test_any_few_texts_finish(drawn: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    finishes(*drawn)


@settings(max_examples=30, **CHEAP)
@given(pictures())
def test_any_few_pictures_finish(drawn: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    finishes(*drawn)
