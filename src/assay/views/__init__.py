"""Filter, sort, page and count the rows of a finished run together with what was decided about them.

In: a project, decisions folded from the log, filters and sorts as JSON. Out: row numbers, rows as JSON, counts, charts.
Does not know: HTTP, how decisions are kept.
"""

from assay.views.compare import Side, compare, examples
from assay.views.details import Details
from assay.views.embedding_map import EmbeddingMap, embedding_map
from assay.views.facets import count_facets
from assay.views.query import Condition, Filter, Sort
from assay.views.rows import page
from assay.views.table import ColumnInfo, ReviewTable
from assay.views.views import View, Views

__all__ = [
    "ColumnInfo",
    "Condition",
    "Details",
    "EmbeddingMap",
    "Filter",
    "ReviewTable",
    "Side",
    "Sort",
    "View",
    "Views",
    "compare",
    "count_facets",
    "embedding_map",
    "examples",
    "page",
]
