"""The house is what its pages say: the drawing, the functions on a picture's way, the versions of stages."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest

import stage_versions

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_the_drawing_of_rooms_is_made_from_the_imports_and_no_arrow_goes_up() -> None:
    pytest.importorskip("grimp", reason="import-linter is not installed")
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "docs" / "rooms.py")
    assert spec is not None and spec.loader is not None
    rooms = importlib.util.module_from_spec(spec)
    sys.modules["rooms"] = rooms
    spec.loader.exec_module(rooms)
    floor = {room: level for level, names in enumerate(rooms.floors()) for room in names}
    assert all(floor[one] < floor[two] for one, two in rooms.arrows())
    assert rooms.drawing() == (ROOT / "docs" / "images" / "rooms.svg").read_text(), "run python docs/rooms.py"


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(assay(?:\.\w+)+)`", PAGE))))
def test_what_the_page_names_is_there(name: str) -> None:
    module, _, last = name.rpartition(".")
    assert hasattr(importlib.import_module(module), last)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:src|tests|docs)/[\w/]+\.py)`", PAGE))))
def test_files_that_the_page_names_exist(path: str) -> None:
    assert (ROOT / path).is_file()


def test_code_behind_a_stage_changes_only_with_its_version() -> None:
    assert stage_versions.differences() == [], "see tests/stage_versions.py"


@pytest.mark.parametrize(
    ("stage", "module"),
    [
        ("assay.stages.issues:label", "assay.issues.scan"),
        ("assay.stages.ontology:ontology", "assay.insights.quality"),  # imported in a class that the stage uses
    ],
)
def test_a_changed_module_is_noticed(stage: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import ast

    before = stage_versions.digest(stage_versions.stages()[stage])
    real = stage_versions.tree

    def changed(name: str) -> ast.Module:
        found = real(name)
        if name == module:
            return ast.Module([*found.body, ast.parse("CUT = 0.5").body[0]], [])
        return found

    monkeypatch.setattr(stage_versions, "tree", changed)
    assert stage_versions.digest(stage_versions.stages()[stage]) != before
    assert (
        stage_versions.digest(stage_versions.stages()["assay.stages.images:encode"])
        == stage_versions.now()["assay.stages.images:encode"][1]
    )


def test_every_error_raised_on_purpose_is_in_the_one_tree_and_in_its_drawing() -> None:
    from assay import errors

    tree = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert set(re.findall(r"^    [│├└─ ]*(\w+)  ", errors.__doc__ or "", re.M)) == tree
    elsewhere = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in (ROOT / "src" / "assay").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and path.name != "errors.py"
        if {base.id for base in node.bases if isinstance(base, ast.Name)} & tree
    ]
    assert elsewhere == []
