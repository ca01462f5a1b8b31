"""How far fixing may go without a person.

In: nothing. Out: the three policies of ``--fix``. Does not know: rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Policy:
    """What may be done to a row that nobody decided about; where policies differ in a rule, the rule is a field.

    Leaving copies out is part of no policy: see ``drop_duplicates`` of `assay.actions.plan_fixes`.

    label_issues : "safe" takes the suggestion where `is_safe_to_fix`, "all" always.
    outliers : "all" leaves every flagged row out. The flag alone is right in 6 to 7 of 10 rows (measured on tables and
        texts), so nothing that calls itself safe may follow it.
    unlabeled : take the suggestion for unlabelled rows of at least this confidence; None = never.
    """

    name: str
    label_issues: Literal["none", "safe", "all"]
    outliers: Literal["none", "all"]
    unlabeled: float | None


POLICIES = {
    "none": Policy("none", label_issues="none", outliers="none", unlabeled=None),
    # safe: labels only, no row is left out
    "auto": Policy("auto", label_issues="safe", outliers="none", unlabeled=0.9),
    # the auto-fix of Cleanlab Studio: every suggestion is taken, outliers go, duplicates stay
    "reference": Policy("reference", label_issues="all", outliers="all", unlabeled=0.0),
}
