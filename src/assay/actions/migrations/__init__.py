"""The history of the log's tables; each change of them is one more file in ``versions``.

In: nothing. Out: `SCHEMA`, with the version this program writes. Does not know: what the tables hold.
"""

from pathlib import Path

from assay.storage.database import Schema
from assay.storage.log_seal import resealed

SCHEMA = Schema(Path(__file__).parent, "0002", "log_version", "decisions", resealed)
