"""Settings of the documentation: ``make docs`` builds it into docs/_build.

In: the Markdown of this folder and the docstrings of Assay. Out: HTML. Warnings are errors.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import generate

import assay

generate.write_pages()

project = "Assay"
author = "the Assay contributors"
release = version = assay.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "_generated"]  # the generated parts are included, not pages of their own
smartquotes = False  # two hyphens stay two hyphens
default_role = "literal"  # `name` in a docstring is code

myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]

python_maximum_signature_line_length = 120
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}

html_theme = "furo"
html_title = f"Assay {release}"
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["tables.css"]


def house_style(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Our docstrings as reST: underlined words are headings, ``name : meaning`` lines are definitions.

    numpydoc would take what follows the colon for a type; here it is the meaning, with shape and type in it.
    """
    out: list[str] = []
    for place, line in enumerate(lines):
        entry = re.match(r"(\w[\w., ]*) : (?=\S)", line)
        if place + 1 < len(lines) and line and re.fullmatch("-{3,}", lines[place + 1]):
            out += [f".. rubric:: {line}", ""]
        elif re.fullmatch("-{3,}", line):
            continue
        elif entry is not None:
            defined = out and out[-1].startswith((" ", "``"))
            out += ([] if defined else [""]) + [f"``{entry[1]}``", f"    {line[entry.end() :]}"]
        else:
            out.append(line)
    lines[:] = out


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", house_style)
