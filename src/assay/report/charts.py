"""Charts as inline SVG, without a script, readable on a phone: positions are percentages, letters keep their size.

In: numbers. Out: SVG mark-up that holds numbers and fixed words only, never a user's text. Does not know: the page.
"""

from __future__ import annotations

import math

from markupsafe import Markup

from assay.report.data import Histogram

PLOT, TOP, FOOT, SCALE = 200, 18, 26, 44  # pixels of the histogram: the plot, room above, below and for the scale


def bar(share: float, tone: str = "neutral") -> Markup:
    """A horizontal bar of ``share`` of the width (0..1); decoration beside a number that says the same."""
    width = 100 * min(max(share, 0.0), 1.0)
    return Markup(
        '<svg class="bar" width="100%" height="12" aria-hidden="true" focusable="false">'
        f'<rect class="{tone}" width="{width:.2f}%" height="12" rx="2"/></svg>'
    )


def histogram(data: Histogram) -> Markup:
    """Rows by label quality on a logarithmic scale, flagged rows over all rows, the cut as a line.

    The two series stand one before the other, not stacked: on a logarithmic scale stacked bars would lie.
    """
    decades = max(1, math.ceil(math.log10(max(max(data.counts, default=1), 2))))
    total, flagged = sum(data.counts), sum(data.flagged)
    spoken = f"Histogram of label quality: {total:,} labelled rows, {flagged:,} of them flagged as label issues"
    if data.threshold is not None:
        spoken += f"; {data.agreement:.0%} of rows lie on their side of {data.threshold:.2f}"
    levels = [(10**power, TOP + PLOT - _height(10**power, decades)) for power in range(decades + 1)]
    scale = "".join(
        f'<text x="{SCALE - 8}" y="{y + 4:.1f}" text-anchor="end">{_short(level)}</text>' for level, y in levels
    )
    plot = "".join(f'<line class="grid" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>' for _, y in levels)
    plot += (
        _bars(data.counts, decades, "all") + _bars(data.flagged, decades, "flagged") + _cut(data.threshold) + _axis()
    )
    height = TOP + PLOT + FOOT
    return Markup(
        f'<div class="histogram" role="img" aria-label="{spoken}"><svg width="{SCALE}" height="{height}">{scale}</svg>'
        f'<svg class="plot" width="100%" height="{height}">{plot}</svg></div>'
    )


def _height(count: int, decades: int) -> float:
    """Pixels of a bar; a single row still shows."""
    return 0.0 if count <= 0 else PLOT * (math.log10(count) + 0.12) / (decades + 0.12)


def _short(count: int) -> str:
    if count >= 1_000_000:
        return f"{count // 1_000_000}M"
    return f"{count // 1_000}k" if count >= 1_000 else str(count)


def _bars(counts: tuple[int, ...], decades: int, tone: str) -> str:
    step = 100 / len(counts)
    shown = []
    for number, count in enumerate(counts):
        if count:
            height = _height(count, decades)
            x, y = number * step + 0.2, TOP + PLOT - height
            shown.append(
                f'<rect class="{tone}" x="{x:.2f}%" y="{y:.1f}" width="{step - 0.4:.2f}%" height="{height:.1f}"/>'
            )
    return "".join(shown)


def _cut(threshold: float | None) -> str:
    if threshold is None:
        return ""
    x = 100 * threshold
    side, shift = ("start", 6) if threshold < 0.6 else ("end", -6)
    return (
        f'<line class="cut" x1="{x:.2f}%" x2="{x:.2f}%" y1="2" y2="{TOP + PLOT}"/>'
        f'<text class="strong" x="{x:.2f}%" dx="{shift}" y="12" text-anchor="{side}">{threshold:.2f}</text>'
    )


def _axis() -> str:
    ticks = (
        (0, "start", "0"),
        (25, "middle", "0.25"),
        (50, "middle", "0.5"),
        (75, "middle", "0.75"),
        (100, "end", "1"),
    )
    y = TOP + PLOT + 18
    words = "".join(f'<text x="{x}%" y="{y}" text-anchor="{anchor}">{label}</text>' for x, anchor, label in ticks)
    return f'<line class="axis" x2="100%" y1="{TOP + PLOT}" y2="{TOP + PLOT}"/>{words}'
