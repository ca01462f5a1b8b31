"""The history of the log's tables; each change of them is one more file in ``versions``.

In: nothing. Out: `NEWEST`, the version this program writes. Does not know: what the tables hold.
"""

NEWEST = "0001"
VERSION_TABLE = "log_version"  # of its own, so that the log can share a database with other tables
