"""Findings about classes, columns and the dataset, from issue columns and cells, and what tells two classes apart (`contrast`).

In: class names and codes, label issues, feature cells. Out: `Finding`s. Pure; does not know files or the report.
"""

from assay.insights.augmented import augmented_finding
from assay.insights.classes import class_findings
from assay.insights.columns import column_findings
from assay.insights.finding import Finding
from assay.insights.table_faults import table_faults
from assay.insights.text_faults import text_faults

__all__ = ["Finding", "augmented_finding", "class_findings", "column_findings", "table_faults", "text_faults"]
