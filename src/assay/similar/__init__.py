"""Rows near a row, a text or a picture, and all rows as points on a plane.

In: the vectors and the graph of a finished run. Out: row numbers with similarities; x and y a row.
Does not know: filters, decisions, HTTP.
"""

from assay.similar.embedding_map import EmbeddingMap, embedding_map
from assay.similar.query_vectors import why_not_comparable

__all__ = ["EmbeddingMap", "embedding_map", "why_not_comparable"]
