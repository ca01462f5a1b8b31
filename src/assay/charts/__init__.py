"""The numbers behind the charts and two classes side by side, over the rows of a filtered list.

In: the columns of a finished run, row numbers. Out: counts and examples as JSON values. Does not know: HTTP, drawing.
"""

from assay.charts.compare import Side, compare, examples

__all__ = ["Side", "compare", "examples"]
