"""What goes out: the dataset to train on, tables of issues.

In: batches of the user's cells and our results, a plan of fixes. Out: files in the format asked for, or nothing.
Does not know: how issues were found, who decided.
"""

from assay.export.batch import Batch
from assay.export.dataset import Exported, export_dataset
from assay.export.huggingface import why_no_hugging_face
from assay.export.preview import ExportPreview, preview_export
from assay.export.project import export_project
from assay.export.second_labels import why_no_second_labels
from assay.export.table import write_table

__all__ = [
    "Batch",
    "ExportPreview",
    "Exported",
    "export_dataset",
    "export_project",
    "preview_export",
    "why_no_hugging_face",
    "why_no_second_labels",
    "write_table",
]
