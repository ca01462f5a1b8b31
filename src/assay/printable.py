"""Text that a person reads: control characters spelled out, words listed.

In: any text. Out: text that a terminal shows and does not obey. Does not know: where the text comes from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# C0 and C1 controls but the line feed and tab, and what turns the direction of writing around
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Class names and cells are data: an escape sequence in one must not move the cursor, colour or title of a terminal.

    >>> printable("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def listed(words: Sequence[str]) -> str:
    """The words as a sentence lists them; "" for none.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
