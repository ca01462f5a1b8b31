"""One row: its probabilities, neighbours, copies, the evidence for its flags, the words or cells that speak for a label.

In: a row number and the columns of a finished run. Out: JSON values. Does not know: filters, HTTP.
"""

from assay.detail.details import Details

__all__ = ["Details"]
