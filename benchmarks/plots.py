"""Plots of the benchmark page, drawn from the results that are there.

In: ``benchmarks/results/*.json``. Out: ``docs/images/bench-*.svg``. Does not know: how anything was measured; the page.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
OURS, OTHERS, LINE = "#2563eb", "#9aa3b2", "#6b7280"
STYLE = {
    "svg.hashsalt": "assay",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
Results = dict[str, dict[str, Any]]


def noise(results: Results, axes: Axes) -> str:
    """F1 of the flags, problem by problem: above the line Assay is ahead."""
    rows = results["noise"]["rows"]
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    for kind, marker in zip(kinds, "os^Dv<>", strict=False):
        some = [row for row in rows if row["kind"] == kind]
        theirs, ours = ([row[of]["f1"] for row in some] for of in ("cleanlab", "assay"))
        axes.scatter(theirs, ours, marker=marker, s=28, color=OURS, alpha=0.75, label=kind, linewidths=0)
    axes.plot([0, 1], [0, 1], color=LINE, linewidth=0.8)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="F1 of cleanlab's flags", ylabel="F1 of Assay's flags", aspect="equal")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return "Label errors, the same probabilities on both sides: each mark is a dataset with one kind of noise"


def copies(results: Results, axes: Axes) -> str:
    """Recall at precision .999, all transforms together."""
    found = {name: of["recall at precision .999"] for name, of in results["copies"]["results"].items()}
    _bars(axes, found, "recall at precision .999", "{:.2f}")
    return "Transformed copies of 600 photographs: recall at precision .999"


def labels(results: Results, axes: Axes) -> str:
    """CPU seconds of the calls."""
    names = {
        "assay": "Assay",
        "compatible": "Assay, cleanlab's filter",
        "read": "reading the array once",
        "datalab": "Datalab",
    }
    found = {names.get(one["name"], one["name"]): one["call_cpu"] for one in results["big-labels"]["sides"]}
    _bars(axes, found, "CPU seconds (log)", "{:,.1f}", log=True)
    return "Label issues from 1,281,167 x 1,000 probabilities: CPU seconds"


def neighbors(results: Results, axes: Axes) -> str:
    """Recall against CPU seconds, at the size where every side ran."""
    rows, sides = next(iter(results["big-neighbors"]["sides"].items()))
    for one in sides:
        ours = one["name"] == "assay"
        axes.scatter(one["call_cpu"], one["recall"], color=OURS if ours else OTHERS, s=36, linewidths=0)
        where = {"xy": (one["call_cpu"], one["recall"]), "xytext": (5, 4), "textcoords": "offset points"}
        axes.annotate("Assay" if ours else one["name"], **where, fontsize=8)
    axes.set(xscale="log", xlabel="CPU seconds (log)", ylabel="recall@10")
    axes.margins(x=0.2, y=0.2)
    return f"15 nearest neighbours of {int(rows):,} rows of 384 numbers: recall against CPU seconds"


def stages(results: Results, axes: Axes) -> str:
    """Seconds of the stages after the embeddings, largest first."""
    found = {
        row["stage"]: row["wall_seconds"] for row in results["big-run"]["stages"] if row["stage"] != "encode/images"
    }
    few = dict(sorted(found.items(), key=lambda item: -item[1])[:10])
    few["all others"] = sum(found.values()) - sum(few.values())
    _bars(axes, few, "seconds", "{:,.0f}", ours=tuple(few))
    return "1,281,167 pictures after their embeddings: seconds by stage"


def overlap(results: Results, axes: Axes) -> str:
    """Estimated against true rate; hollow where findings are withheld."""
    rows = results["overlap"]["rows"]
    for k, marker in zip(sorted({row["classes"] for row in rows}), "os^", strict=False):
        for withheld in (False, True):
            some = [row for row in rows if row["classes"] == k and row["withheld"] == withheld]
            label = f"{k} classes" + (", withheld" if withheld else "")
            face = "none" if withheld else OURS
            x, y = ([row[name] for row in some] for name in ("rate", "estimated"))
            axes.scatter(
                x, y, marker=marker, s=28, facecolors=face, edgecolors=OTHERS if withheld else OURS, label=label
            )
    axes.plot([0, 0.3], [0, 0.3], color=LINE, linewidth=0.8)
    axes.set(xlim=(-0.01, 0.3), ylim=(-0.01, 0.3), xlabel="true rate of wrong labels", ylabel="estimated rate")
    axes.set_aspect("equal")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return "Classes that overlap, probabilities perfect: estimated against true rate of wrong labels"


PLOTS: dict[str, tuple[str, Callable[[Results, Axes], str]]] = {
    "noise": ("noise", noise),
    "overlap": ("overlap", overlap),
    "copies": ("copies", copies),
    "big-labels": ("labels", labels),
    "big-neighbors": ("neighbors", neighbors),
    "big-run": ("stages", stages),
}  # the result a plot is made of, its name, how


def _bars(
    axes: Axes, found: dict[str, float], what: str, form: str, *, log: bool = False, ours: tuple[str, ...] = ()
) -> None:
    names = list(found)[::-1]
    mine = [name in ours or name.startswith("Assay") for name in names]
    bars = axes.barh(
        names, [found[name] for name in names], color=[OURS if own else OTHERS for own in mine], height=0.65
    )
    axes.bar_label(bars, [form.format(found[name]) for name in names], padding=3, fontsize=8)
    axes.set(xlabel=what, xscale="log" if log else "linear")
    axes.margins(x=0.12)


def draw(results: Results) -> dict[str, str]:
    """Write the plots of the results that are there; what each shows, by the result it is made of."""
    from matplotlib import rc_context

    out = {}
    for source, (name, plot) in PLOTS.items():
        if source in results:
            with rc_context(STYLE):
                figure = Figure(figsize=(6.4, 5.0 if name in ("noise", "overlap") else 3.6), layout="constrained")
                axes = figure.add_subplot()
                said = plot(results, axes)
                figure.patch.set_facecolor("white")  # readable on a dark page
                figure.savefig(IMAGES / f"bench-{name}.svg", metadata={"Date": None, "Creator": None})
            out[source] = f"![{said}](images/bench-{name}.svg)"
    return out


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent / "results"
    print(draw({path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}))
