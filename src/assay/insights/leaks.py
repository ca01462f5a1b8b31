"""Findings about values that give the label away, and what was done about it.

In: `assay.issues.leaks.Leak`s of columns, texts, or the form of pictures. Out: findings. Does not know: rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.insights.finding import Finding, listed_names, quote
from assay.issues.leaks import Leak

CHECK = "columns"


HOW = {
    "value": "rows with the same value carry the same class in {share} of the labelled rows ({values:,} values)",
    "order": "classes lie in ranges of its values, one after the other, with {exceptions} of the labelled rows as exceptions",
    "part": "a part of it carries the same class in {share} of the labelled rows ({values:,} different ones)",
    "blank": "whether it is blank tells the class of {share} of the labelled rows",
    "blank class": "whether it is blank tells one class from all others ({share} of the rows that are alike in this)",
    "name": "it begins or ends with the name of the class in {share} of the labelled rows",
    "mark": "a mark that stands apart before or behind it (or that there is none) tells the class of {share} of the labelled rows",
}
FORMS = {
    "size": "The size of a picture",
    "area": "The number of pixels of a picture",
    "shape": "The shape of a picture, width to height,",
    "format": "The file format of a picture",
}


def _how(leak: Leak) -> str:
    return HOW[leak.how].format(share=f"{leak.share:.1%}", exceptions=f"{1 - leak.share:.1%}", values=leak.values)


def leak_findings(leaks: Sequence[Leak], *, others: bool = True) -> list[Finding]:
    """One finding a leak; the columns were left out of what models learn from, where there are ``others`` to learn from."""
    found = []
    for leak in leaks:
        names = " and ".join(quote(name) for name in leak.names)
        subject = f"The column {names} gives" if len(leak.names) == 1 else f"The columns {names} together give"
        them = "it" if len(leak.names) == 1 else "them"
        message = (
            f"{subject} the label away: {_how(leak)}. "
            + (
                f"Labels and outliers were judged without {them}; leave "
                if others
                else "Labels were not judged; leave "
            )
            + f"{them} out of a model, too, unless known when it is used."
        )
        data = {
            "kind": "label leak",
            "columns": list(leak.names),
            "values": leak.values,
            "share": leak.share,
            "how": leak.how,
        }
        found.append(Finding(CHECK, "Label given away", list(leak.names), message, data))
    return found


def text_finding(leak: Leak) -> Finding:
    """The texts themselves give the label away."""
    message = (
        f"The text gives its class away: {_how(leak)}. A model reads that and not what the text says, so labels were not "
        "judged. Choose another column with --text, or take the part out."
    )
    data = {"kind": "text leak", "values": leak.values, "share": leak.share, "how": leak.how}
    return Finding("text_names", "Label given away by the text", list(leak.names), message, data)


def form_finding(form: str, leak: Leak, classes: Sequence[object] = ()) -> Finding:
    """The form of the pictures, a key of `FORMS`, fixes the label, or tells ``classes`` from the rest."""
    if classes:
        message = (
            f"{FORMS[form]} gives {listed_names(list(classes))} away: {leak.share:.1%} of the pictures like those given this label carry "
            f"it. A model may see the {form} and not the subject, so these labels were not judged."
        )
    else:
        message = (
            f"{FORMS[form]} gives its class away: pictures of one {form} carry the same class in {leak.share:.1%} of the "
            f"labelled rows ({leak.values:,} different ones). A model may see the {form} and not the subject, so labels were not "
            "judged."
        )
    data = {"kind": f"{form} leak", "values": leak.values, "share": leak.share, "classes": list(classes)}
    return Finding("picture_forms", f"Label given away by {form}", list(leak.names), message, data)
