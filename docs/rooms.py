"""Draws the rooms of the house and the imports between them, as they are in the code: ``python docs/rooms.py``.

In: the floors in pyproject.toml, the imports of the package. Out: docs/images/rooms.svg. Does not know: what a room does.

A room stands on the floor that the contract gives it; an arrow goes from a room to one that it imports. Rooms that one
rests on by way of another are left out, so that the drawing stays readable: the contract itself holds for every import.
"""

from __future__ import annotations

import html
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "images" / "rooms.svg"
WIDTH, FLOOR, BOX = 900, 46, 132


def floors() -> list[list[str]]:
    """Rooms by floor, the highest first."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = next(one for one in config["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    return [[room.strip() for room in layer.split(":")] for layer in contract["layers"] if layer != "__main__"]


def arrows() -> set[tuple[str, str]]:
    """(importing room, imported room), lazy imports and those of types included."""
    graph = grimp.build_graph("assay", cache_dir=None)
    found = set()
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            if "." in module and "." in other:
                one, two = module.split(".")[1], other.split(".")[1]
                found |= {(one, two)} if one != two else set()
    return {arrow for arrow in found if "__main__" not in arrow}


def direct(every: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The arrows that do not follow from two others."""
    below: dict[str, set[str]] = {}
    for one, two in every:
        below.setdefault(one, set()).add(two)

    def reached(room: str, seen: set[str]) -> set[str]:
        for other in below.get(room, ()):
            if other not in seen:
                seen.add(other)
                reached(other, seen)
        return seen

    return {
        (one, two)
        for one, two in every
        if not any(two in reached(other, set()) for other in below[one] if other != two)
    }


def drawing() -> str:
    """The SVG, the same bytes for the same imports."""
    rooms = floors()
    place: dict[str, tuple[float, float]] = {}
    for level, names in enumerate(rooms):
        shift = (level % 3 - 1) * 150
        for at, name in enumerate(names):
            place[name] = (WIDTH / 2 + shift + (at - (len(names) - 1) / 2) * (BOX + 40), 20 + level * FLOOR)
    lines, boxes = [], []
    for one, two in sorted(direct(arrows())):
        (x1, y1), (x2, y2) = place[one], place[two]
        colour = "#c92a2a" if y2 <= y1 else "#868e96"
        lines.append(
            f'<path d="M{x1:.0f} {y1 + 26:.0f} C{x1:.0f} {y1 + 44:.0f} {x2:.0f} {y2 - 18:.0f} {x2:.0f} {y2:.0f}" '
            f'fill="none" stroke="{colour}" marker-end="url(#end)"/>'
        )
    for name, (x, y) in place.items():
        boxes.append(
            f'<rect x="{x - BOX / 2:.0f}" y="{y:.0f}" width="{BOX}" height="26" rx="5" fill="#fff" stroke="#1c7ed6"/>'
            f'<text x="{x:.0f}" y="{y + 17:.0f}" text-anchor="middle">{html.escape(name)}</text>'
        )
    height = 40 + len(rooms) * FLOOR
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
            '<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0 L8 4 L0 8 z" fill="#868e96"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{height}" fill="#f8f9fa"/>',
            *lines,
            *boxes,
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    TARGET.write_text(drawing())
