"""Where every row that was found went: analysed, not analysed and why, left out and why.

In: the reasons of rows that were not analysed, sentences on what was left out. Out: sentences. Does not know: files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

SHOWN = 3  # kinds of reasons that are named
_LINE = re.compile(r"^line \d{1,12}(?:: | )(?:is )?")
_PLACE = re.compile(r":? ?\(?(?:/|[a-z]{2,5}://|[A-Za-z]:\\).*$", re.DOTALL)


def accounting(n_rows: int, reasons: Sequence[str], left_out: Sequence[str]) -> list[str]:
    """Sentences that add up to all that was found; none where every row was analysed and nothing left out.

    reasons : one a row that was not analysed; lines and places in them aside, equal ones are counted together.

    Examples
    --------
    >>> accounting(62, ["line 62: 3 cells where the header has 2", "line 63 is the header again"], [])
    ['62 rows found: 60 analysed, 2 not analysed (3 cells where the header has 2: 1; the header again: 1).']
    """
    if not reasons and not left_out:
        return []
    kinds = Counter(_PLACE.sub("", _LINE.sub("", reason)).strip().rstrip(".") for reason in reasons)
    named = [f"{kind}: {count:,}" for kind, count in kinds.most_common(SHOWN)]
    rest = len(reasons) - sum(count for _, count in kinds.most_common(SHOWN))
    named += [f"for other reasons: {rest:,}"] if rest else []
    why = f", {len(reasons):,} not analysed ({'; '.join(named)})" if reasons else ""
    rows = f"{n_rows:,} {'row' if n_rows == 1 else 'rows'} found: {n_rows - len(reasons):,} analysed{why}."
    return [rows, *(f"{sentence[:1].upper()}{sentence[1:]}." for sentence in left_out)]
