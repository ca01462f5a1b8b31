"""Filter, sort, page and count the rows of a finished run together with what was decided about them.

In: the columns of a finished run, a filter, a sort. Out: row numbers, pages as JSON, counts.
Does not know: how results were computed, HTTP.
"""

from assay.query.facets import count_facets
from assay.query.filters import Condition, Filter, Sort
from assay.query.rows import page
from assay.query.table import ColumnInfo, ReviewTable
from assay.query.views import View, Views

__all__ = ["ColumnInfo", "Condition", "Filter", "ReviewTable", "Sort", "View", "Views", "count_facets", "page"]
