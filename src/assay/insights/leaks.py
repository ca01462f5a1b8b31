"""Findings about values that give the label away, and what was done about it.

In: `assay.issues.leaks.Leak`s of columns, or sizes of pictures. Out: findings. Does not know: rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.insights.finding import Finding, quote
from assay.issues.leaks import Leak

CHECK = "columns"


def leak_findings(leaks: Sequence[Leak]) -> list[Finding]:
    """One finding a leak; the columns were left out of what models learn from."""
    found = []
    for leak in leaks:
        names = " and ".join(quote(name) for name in leak.names)
        subject = f"The column {names} gives" if len(leak.names) == 1 else f"The columns {names} together give"
        them = "it" if len(leak.names) == 1 else "them"
        message = (
            f"{subject} the label away: rows with the same value carry the same class in {leak.share:.1%} of the labelled "
            f"rows ({leak.values:,} values). Labels and outliers were judged without {them}; leave {them} out of a model, too, "
            "unless known when it is used."
        )
        data = {"kind": "label leak", "columns": list(leak.names), "values": leak.values, "share": leak.share}
        found.append(Finding(CHECK, "Label given away", list(leak.names), message, data))
    return found


def size_finding(leak: Leak) -> Finding:
    """The sizes of the pictures fix the label."""
    message = (
        f"The size of a picture gives its class away: pictures of one size carry the same class in {leak.share:.1%} of the "
        f"labelled rows ({leak.values:,} sizes). A model may see the size and not the subject, so labels were not judged."
    )
    data = {"kind": "size leak", "values": leak.values, "share": leak.share}
    return Finding("picture_sizes", "Label given away by size", ["width", "height"], message, data)
