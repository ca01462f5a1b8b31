"""The documentation keeps its promises: examples run, names exist, links lead somewhere, nothing is left out.

Sphinx is not needed: pages made from the code are made here by the functions that make them for the site.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

import assay
from assay import errors
from assay.checks import CHECKS, Check
from assay.cli.commands import main
from assay.columns import COLUMNS, Column, of_checks

ROOT = Path(__file__).resolve().parent.parent
SOURCE, DOCS = ROOT / "src", ROOT / "docs"
FRONT = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*FRONT, *sorted(DOCS.glob("*.md"))]
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in (SOURCE / "assay").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
CONTRACT = {
    "analyze": "--output --replace --task --modality --features --text --image --label --id --split --class-level --sheet "
    "--pred-probs --classes "
    "--embeddings --encoder --effort --seed --workers --memory --quiet --log-json --debug --dry-run",
    "summary": "--json --debug",
    "issues": "--type --top --precision --budget --format --output --csv-guard --debug",
    "insights": "--json --check --apply --instead --dry-run --person --debug",
    "report": "--output --format --debug",
    "export": "--output --fix --format --columns --keep-excluded --only-corrections --both-labels --csv-guard --at --drop-duplicates "
    "--drop-share --dry-run --debug",
    "log": "--limit --json --debug",
    "apply": "--person --overwrite --keep-going --debug",
    "undo": "--person --debug",
    "redo": "--person --debug",
    "verify": "--debug",
    "trust": "--yes --debug",
    "serve": "--host --port --home --allow --no-browser --debug",
    "models list": "",
    "models pull": "--debug",
    "models path": "",
}


def _generator() -> ModuleType:
    """docs/generate.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generator()


def full_text(page: Path) -> str:
    """A page with the generated parts in it, as the site shows it."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"```\{include\} _generated/(\S+)\n```", lambda found: generate.PAGES[found[1]](), text)


def blocks(page: Path, language: str) -> Iterator[str]:
    """The code blocks of a page in one language."""
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
        yield found[1]


# examples --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    tests = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert tests, "the module shows >>> but no docstring holds a runnable example"
    runner = doctest.DocTestRunner()
    said: list[str] = []
    for test in tests:
        runner.run(test, out=said.append)
    assert not runner.summarize(verbose=False).failed, "".join(said)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if ">>> " in page.read_text(encoding="utf-8")], ids=lambda page: page.name
)
def test_examples_on_pages_run(page):
    said: list[str] = []
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    for number, block in enumerate(block for block in blocks(page, "python") if ">>> " in block):
        runner.run(parser.get_doctest(block, {}, f"{page.name} {number}", str(page), 0), out=said.append)
    assert not runner.summarize(verbose=False).failed, "".join(said)


def test_the_array_functions_and_the_front_page_show_examples_that_run():
    assert {"assay.issues.label_api", "assay.graph"} <= set(WITH_EXAMPLES)
    assert any(">>> " in block for block in blocks(ROOT / "README.md", "python"))


def test_the_public_names_are_functions_whatever_was_imported_before():
    code = "import assay.graph.exact, assay; assert callable(assay.neighbors)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def _callable(call: ast.Call) -> object | None:
    """What a call in an example refers to: ``assay.x(...)``, or ``project.x(...)`` and ``project.summary().x(...)``."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="assay"), attr=name):
            return getattr(assay, name)
        case ast.Attribute(value=ast.Name(id="project"), attr=name):
            return getattr(assay.Project, name)
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_on_pages_calls_what_exists_with_arguments_that_exist(page):
    for block in blocks(page, "python"):
        if ">>> " in block:
            continue  # run above
        for call in (node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)):
            target = _callable(call)
            if target is None:
                continue
            known = inspect.signature(target).parameters
            loose = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
            given = {keyword.arg for keyword in call.keywords}
            assert loose or given <= set(known), f"{page.name}: {ast.unparse(call)}"


def test_export_options_shown_in_python_exist():
    from assay.export import export_project

    known = set(inspect.signature(export_project).parameters)
    shown = re.findall(r"\.export\(([^)]*)\)", "".join(page.read_text(encoding="utf-8") for page in PAGES))
    assert {name for call in shown for name in re.findall(r"(\w+)=", call)} <= known


# commands --------------------------------------------------------------------------------------------------------


def _commands() -> dict[str, click.Command]:
    return {name.removeprefix("assay "): command for name, command in generate.commands()}


def _options(command: click.Command) -> set[str]:
    return {name for option in command.params if isinstance(option, click.Option) for name in option.opts}


def test_the_commands_and_options_are_those_of_the_contract():
    long = {name: {o for o in _options(command) if o.startswith("--")} for name, command in _commands().items()}
    assert long == {name: set(options.split()) for name, options in CONTRACT.items()}


@pytest.mark.parametrize("name", CONTRACT)
def test_help_and_the_command_page_name_every_option(name):
    section = f"\n{full_text(DOCS / 'cli.md')}\n## ".split(f"\n## assay {name}\n")[1].split("\n## ")[0]
    said = CliRunner().invoke(main, [*name.split(), "--help"]).output
    for option in CONTRACT[name].split():
        assert option in section
        assert option in said


def test_help_names_every_command():
    said = CliRunner().invoke(main, ["--help"]).output
    assert all(re.search(rf"^  {name.split()[0]}\b", said, re.M) for name in CONTRACT)


def _shell_lines() -> Iterator[tuple[Path, list[str]]]:
    for page in PAGES:
        for block in blocks(page, "bash"):
            for line in block.splitlines():
                words = shlex.split(line, comments=True)
                if words:
                    yield page, words


def test_assay_commands_on_pages_are_ones_the_program_takes():
    lines = [(page, words[1:]) for page, words in _shell_lines() if words[0] == "assay"]
    assert len(lines) > 10
    known = _commands()
    for page, words in lines:
        name = " ".join(words[: 2 if words[0] == "models" else 1])
        rest = words[len(name.split()) :]
        try:
            known[name].make_context(name, list(rest))
        except click.ClickException as error:
            pytest.fail(f"{page.name}: assay {' '.join(words)}: {error.format_message()}")


def test_make_targets_on_pages_are_in_the_makefile():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    used = {words[1] for _, words in _shell_lines() if words[0] == "make"}
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    used |= set(re.findall(r"`make ([\w-]+)`", text))
    assert {"demo", "test", "check", "docs", "bench"} <= used
    assert used <= targets


def test_the_front_page_names_the_test_command_and_the_demo():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(word in text for word in ("make demo", "pip install .", "assay analyze", "make test", "Apache-2.0"))


# references ------------------------------------------------------------------------------------------------------


def test_every_column_is_on_the_columns_page_with_type_and_meaning():
    page = full_text(DOCS / "columns.md")
    for column in COLUMNS:
        row = re.search(rf"^\| `{re.escape(column.name)}` \| (.*)\|$", page, re.M)
        assert row is not None, column.name
        assert column.meaning in row[1] and column.direction in row[1]
        assert generate.TYPES[column.dtype] in row[1]


def test_every_check_is_on_the_columns_page_with_its_flag_and_score():
    page = full_text(DOCS / "columns.md")
    for check in CHECKS:
        row = re.search(rf"^\| `{check.name}` \|.*$", page, re.M)
        assert row is not None and f"`{check.flag}`" in row[0]
        assert check.score is None or f"`{check.score}`" in row[0]


def test_every_check_is_explained():
    text = full_text(DOCS / "checks.md")
    assert [check.name for check in CHECKS if check.flag not in text and f"`{check.name}`" not in text] == []


def test_every_exception_is_on_the_errors_page_with_the_exit_codes():
    page = full_text(DOCS / "errors.md")
    tree = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.AssayError)
    ]
    assert len(tree) > 8
    for error in tree:
        assert error.__name__ in page
        assert re.search(rf"^\| {error.exit_code} \|", page, re.M)


def test_every_public_name_is_in_the_python_reference():
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    shown = [name for name in assay.__all__ if f"assay.{name}\n" in text]
    assert set(assay.__all__) - set(shown) == {"AssayError", "__version__"}  # the errors have a page of their own
    assert "assay.AssayError" in (DOCS / "errors.md").read_text(encoding="utf-8")


def test_what_the_python_reference_names_exists():
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    for name in re.findall(r"^\.\. auto\w+:: (\S+)$", text, re.M):
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


def test_every_documented_policy_exists_and_the_other_way_round():
    from assay.actions import POLICIES

    header = re.search(r"^\| \| (.*) \|$", (DOCS / "fixing.md").read_text(encoding="utf-8"), re.M)
    assert header is not None
    assert set(re.findall(r"`(\w+)`", header[1])) == set(POLICIES)


# links -----------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Headings as links reach them, and labels set by hand."""
    text = re.sub(r"^```.*?^```$", "", full_text(page), flags=re.M | re.S)
    found = set(re.findall(r"^\((.+)\)=$", text, re.M))
    for heading in re.findall(r"^#+ (.+)$", text, re.M):
        plain = re.sub(r"[`*]|\[(.*?)\]\(.*?\)", r"\1", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_internal_link_leads_somewhere(page):
    text = re.sub(r"^```(?!\{include).*?^```$", "", full_text(page), flags=re.M | re.S)
    for target in re.findall(r"(?<!\\)\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(place), f"{page.name} links to {target}"


def test_every_page_is_in_the_table_of_contents():
    listed = {name for block in blocks(DOCS / "index.md", r"\{toctree\}") for name in block.split()}
    assert {page.stem for page in DOCS.glob("*.md")} - listed == {"index"}


def test_pages_made_from_the_code_need_nothing_but_assay_and_click():
    tree = ast.parse((DOCS / "generate.py").read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    used = {name.partition(".")[0] for name in names}
    assert used <= {"__future__", "re", "collections", "pathlib", "click", "assay"}


# security -----------------------------------------------------------------------------------------------------


def threats() -> list[tuple[str, list[str]]]:
    """(threat, the tests that hold it) of each line of the table."""
    text = (DOCS / "security.md").read_text(encoding="utf-8")
    table = text.split("## Threats and the tests that hold them")[1].split("\n## ")[0]
    lines = [line.strip().strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
    return [(cells[0].strip(), re.findall(r"`(test_\w+(?:\.py)?(?:::\w+)?)`", cells[-1])) for cells in lines[2:]]


def test_every_threat_names_tests_that_exist():
    """A line may name a file, or a file and one test in it: `test_models.py::test_...` where the file holds much else."""
    found = threats()
    assert len(found) > 12
    for threat, named in found:
        assert named, threat
        for name in named:
            file, _, test = name.partition("::")
            path = ROOT / "tests" / file
            assert path.is_file(), (threat, name)
            if test:
                assert f"def {test}(" in path.read_text(encoding="utf-8"), (threat, name)


def test_a_check_that_names_its_table_makes_its_own_columns():
    check = Check("zero", "Zeros", "is_zero", "zero_score", "All numbers are zero.", kind="outlier")
    assert of_checks([check]) == (
        Column("is_zero", "bool", "outlier", "All numbers are zero."),
        Column("zero_score", "float32", "outlier", "Of the check Zeros.", "1 = most severe"),
    )
    assert [column.name for column in of_checks([replace(check, score=None)])] == ["is_zero"]
    assert of_checks([replace(check, kind="")]) == ()
