"""What to do about the issues found, and the log of what people decided about them.

In: issue columns, a policy; requests of people. Out: a `FixPlan`; an `ActionLog` and the `State` it folds to.
Does not know: how issues were found, filters, HTTP.
"""

from assay.actions.copies import Copy
from assay.actions.difference import Difference
from assay.actions.entry import ACTION_NAMES, Entry, Outcome, Prepared, Request
from assay.actions.log import ActionLog, default_person
from assay.actions.plan import Decision, FixPlan, plan_fixes
from assay.actions.policy import POLICIES, Policy
from assay.actions.prepare import prepare
from assay.actions.proposed import merge_request, proposed_request
from assay.actions.review import calibrated
from assay.actions.state import State, fold
from assay.errors import ConflictError

__all__ = [
    "ACTION_NAMES",
    "POLICIES",
    "ActionLog",
    "ConflictError",
    "Copy",
    "Decision",
    "Difference",
    "Entry",
    "FixPlan",
    "Outcome",
    "Policy",
    "Prepared",
    "Request",
    "State",
    "calibrated",
    "default_person",
    "fold",
    "merge_request",
    "plan_fixes",
    "prepare",
    "proposed_request",
]  # fmt: skip
