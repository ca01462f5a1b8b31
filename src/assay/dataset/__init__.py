"""Rows, ids, order, targets, splits: written once a source, read by everything else.

In: a `Source`. Out: a `Dataset`. Does not know: models, issues.
"""
