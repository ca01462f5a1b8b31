"""How figures and marks of the report are to be read; the checks themselves are explained in checks.py.

In: nothing. Out: sentences. Does not know: results.
"""

from __future__ import annotations

ERROR_RATE = (
    "The mean, over all labelled rows, of the probability that the given label is wrong. The 95% interval rests on the labels of the "
    "rows that the model is surest of, around what they tell and around this mean."
)
ERROR_BOUND = (
    "The classes overlap, so wrong labels cannot be told from rows that could be of either class. The bound is the upper end of "
    "the 95% interval for the share of other labels among the tenth of the rows that the model is surest of."
)
TELLING = {
    "text": "Marked words occur clearly more often in texts of that class than of the other.",
    "table": "Marked cells hold values that are rare in the given class and common in the suggested one.",
}
