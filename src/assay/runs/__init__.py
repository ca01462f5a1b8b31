"""A finished run, read: its record, tables and arrays by artefact name, and its summary.

In: a project folder. Out: records, tables, arrays. Does not know: decisions, how results were computed.
"""

from assay.runs.artefacts import Artefacts
from assay.runs.finished_run import FinishedRun
from assay.runs.summary import Summary

__all__ = ["Artefacts", "FinishedRun", "Summary"]
