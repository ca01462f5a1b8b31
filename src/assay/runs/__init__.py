"""A finished run, read: its manifest, tables and arrays by artefact name, and its summary.

In: a project folder. Out: records, tables, arrays. Does not know: decisions, how results were computed.
"""
