"""What to do about the issues found: relabel, leave out, keep, or leave for a person.

In: issue columns, decisions already taken, a policy. Out: a `FixPlan`. Does not know: files, where decisions come from.
"""

from assay.actions.plan import Decision, FixPlan, plan_fixes
from assay.actions.policy import POLICIES, Policy

__all__ = ["POLICIES", "Decision", "FixPlan", "Policy", "plan_fixes"]
