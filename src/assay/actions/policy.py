"""How far fixing may go without a person.

In: nothing. Out: the three policies of ``--fix``. Does not know: rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Policy:
    """What may be done to a row that nobody decided about; where policies differ in a rule, the rule is a field.

    label_issues : "safe" takes the suggestion where `is_safe_to_fix`, "all" always.
    outliers : "all" leaves every flagged row out; "agreed" only where a second check of another kind says too that the
        row is no example of anything: the outlier flag alone is right in 6 to 7 of 10 rows (measured on tables and
        texts), below the 9 of 10 that this policy asks of everything it does.
    duplicates : leave out all but one row of each set of verified copies.
    unlabeled : take the suggestion for unlabelled rows of at least this confidence; None = never.
    unreadable : leave out rows that could not be read; a model cannot be trained on them.
    """

    name: str
    label_issues: Literal["none", "safe", "all"]
    outliers: Literal["none", "agreed", "all"]
    duplicates: bool
    unlabeled: float | None
    unreadable: bool


POLICIES = {
    "none": Policy("none", label_issues="none", outliers="none", duplicates=False, unlabeled=None, unreadable=False),
    "auto": Policy("auto", label_issues="safe", outliers="agreed", duplicates=True, unlabeled=0.9, unreadable=True),
    # the auto-fix of Cleanlab Studio: every suggestion is taken, outliers go, duplicates stay
    "reference": Policy(
        "reference", label_issues="all", outliers="all", duplicates=False, unlabeled=0.0, unreadable=False
    ),
}
