"""The reason why one row cannot be read.

In: nothing. Out: `UnreadableError`. Does not know: rows, files.
"""


class UnreadableError(Exception):
    """Why one row's bytes cannot be had; the row is marked, the run goes on."""
