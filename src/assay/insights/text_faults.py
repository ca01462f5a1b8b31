"""Damage that texts of a dataset share: HTML tags and entities, a wrong encoding.

In: the texts, their row numbers. Out: findings of the check "texts"; ``data`` holds "kind", "count", "values" and "rows", the
first 1,000 row numbers. Does not know: labels, other checks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.insights.finding import Finding, quote
from assay.issues.text_damage import ENTITY, TAG, has_broken_encoding, has_entities

CHECK = "texts"
LISTED = 1_000
SHOWN = 3


def text_faults(texts: Sequence[str], numbers: NDArray[np.int64], column: str) -> list[Finding]:
    """At most one finding a kind: "tags", "entities", "encoding". Cost: O(characters)."""
    out = []
    tagged = [position for position, text in enumerate(texts) if "<" in text and TAG.search(text)]
    if tagged:
        tags = list(dict.fromkeys(found[0] for position in tagged for found in TAG.finditer(texts[position])))
        message = f"{_count(tagged)} {_hold(tagged)} HTML tags such as {_listed(tags)}; take the mark-up out."
        out.append(_finding("tags", "HTML tags", message, tagged, tags, numbers, column))
    entities = [position for position, text in enumerate(texts) if has_entities(text)]
    if entities:
        names = list(dict.fromkeys(found[0] for position in entities for found in ENTITY.finditer(texts[position])))
        message = (
            f"{_count(entities)} {_hold(entities)} HTML entities such as {_listed(names)}; unescape them "
            "(Python: html.unescape)."
        )
        out.append(_finding("entities", "HTML entities", message, entities, names, numbers, column))
    broken = [position for position, text in enumerate(texts) if has_broken_encoding(text)]
    if broken:
        parts = [word for position in broken[:50] for word in texts[position].split() if has_broken_encoding(word)]
        words = list(dict.fromkeys(parts))
        message = (
            f"{_count(broken)} {_hold(broken)} letters of a wrong encoding such as {_listed(words)}; the file was read or "
            "saved as Windows-1252 or Latin-1 where it is UTF-8."
        )
        out.append(_finding("encoding", "Broken encoding", message, broken, words, numbers, column))
    return out


def _finding(
    kind: str,
    title: str,
    message: str,
    positions: list[int],
    values: list[str],
    numbers: NDArray[np.int64],
    column: str,
) -> Finding:
    data = {
        "kind": kind,
        "count": len(positions),
        "values": values[:LISTED],
        "rows": numbers[positions[:LISTED]].tolist(),
    }
    return Finding(CHECK, title, [column], message, data)


def _count(positions: list[int]) -> str:
    return "1 text" if len(positions) == 1 else f"{len(positions):,} texts"


def _hold(positions: list[int]) -> str:
    return "holds" if len(positions) == 1 else "hold"


def _listed(values: list[str]) -> str:
    return ", ".join(quote(value) for value in values[:SHOWN])
