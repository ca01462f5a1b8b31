"""The page: one HTML file that needs nothing else, no script, no font, no request.

In: `ReportData`. Out: the HTML as a string. Does not know: projects, files.

Everything that comes from the data is escaped by the template engine; only the charts (numbers and fixed words), the
style sheet and base64 are inserted as they are.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from assay.report.charts import bar, histogram
from assay.report.data import Exhibit, Picture, ReportData
from assay.report.headline import units, verdict_of
from assay.report.methods import TELLING

SHARED = 3  # rows of one reason that are a group
LONGEST_WORD = 14  # characters: as many as a column of a printed table has room for
BREAKS = re.compile(r"(?<=[/_])(?=[^/_])|(?<=\s)(?=\S)")
LONG = re.compile(rf"\S{{{LONGEST_WORD + 1}}}")


def render_report(data: ReportData) -> str:
    """The report as one HTML document. Pure: the same data give the same bytes. Cost: linear in what is shown."""
    return _environment().get_template("page.html").render(data=data, telling=TELLING.get(data.modality, ""))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("assay.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": _count,
        "percent": _percent,
        "probability": _probability,
        "data_uri": _data_uri,
        "plural": units,
        "breakable": _breakable,
        "grouped": _grouped,
    }
    environment.globals |= {"bar": bar, "histogram": histogram, "style": _style(environment), "verdict_of": verdict_of}
    return environment


def _style(environment: Environment) -> Markup:
    loader = environment.loader
    assert loader is not None
    return Markup(loader.get_source(environment, "style.css")[0])


def _count(number: int) -> str:
    return f"{number:,}"


def _percent(share: float | None) -> str:
    """Whole percentages where that says enough, never a rounded-up 100 %."""
    if share is None:
        return ""
    if 0 < share < 0.0995 or 0.9949 < share < 1:
        return f"{min(share, 0.999) if share < 1 else 1:.1%}"
    return f"{share:.0%}"


def _probability(value: float) -> str:
    """Never a certainty: what rounds to 0 or 1 says so."""
    if value >= 0.9995:
        return "over 99.9%"
    return "under 0.1%" if value < 0.0005 else _percent(value)


def _breakable(text: str) -> Markup:
    """Names and paths break after a slash or an underscore, words too long for a column anywhere.

    Other scripts than ASCII break by their own rules, and a break inside their characters would tear them apart.
    """
    if not LONG.search(text):
        return Markup(escape(text))
    pieces: list[str] = []
    for part in BREAKS.split(text):
        step = LONGEST_WORD if part.isascii() else len(part)
        pieces += [part[at : at + step] for at in range(0, len(part), step or 1)]
    return Markup("<wbr>").join(escape(piece) for piece in pieces)


def _grouped(exhibits: Sequence[Exhibit]) -> list[tuple[str, list[Exhibit]]]:
    """(what several rows have in common, these rows), each where its first row stands; between them, under "", the others."""
    often = Counter(exhibit.reason for exhibit in exhibits if exhibit.reason)
    groups: dict[str, list[Exhibit]] = {}
    for exhibit in exhibits:
        groups.setdefault(exhibit.reason if often[exhibit.reason] >= SHARED else "", []).append(exhibit)
    return list(groups.items())


def _data_uri(picture: Picture) -> Markup:
    return Markup("data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode("ascii"))
