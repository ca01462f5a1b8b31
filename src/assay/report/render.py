"""The page: one HTML file that needs nothing else, no script, no font, no request.

In: `ReportData`. Out: the HTML as a string. Does not know: projects, files.

Everything that comes from the data is escaped by the template engine; only the charts (numbers and fixed words), the
style sheet and base64 are inserted as they are.
"""

from __future__ import annotations

import base64
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from assay.report.charts import bar, histogram
from assay.report.data import Picture, ReportData
from assay.report.headline import units
from assay.report.how import TELLING


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
        "data_uri": _data_uri,
        "plural": units,
        "breakable": _breakable,
    }
    environment.globals |= {"bar": bar, "histogram": histogram, "style": _style(environment)}
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


def _breakable(path: str) -> Markup:
    """A path that may break after a slash."""
    return Markup("/<wbr>").join(escape(part) for part in path.split("/"))


def _data_uri(picture: Picture) -> Markup:
    return Markup("data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode("ascii"))
