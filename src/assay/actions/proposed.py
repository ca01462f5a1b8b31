"""What a finding proposes, as one request to the log.

In: a finished run, the ``action`` of a finding (`assay.insights.proposals`). Out: a `Request`. Does not know: the state, who asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.actions.entry import Request
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.runs import FinishedRun

KINDS = ("merge", "take_specific", "move_suggested", "split")
BLOCK = 4_096


def proposed_request(project: FinishedRun, finding: Mapping[str, Any], *, alternative: bool = False) -> Request:
    """The rows that the finding's action would change, with the label of each.

    Parameters
    ----------
    finding : of `FinishedRun.insights`.
    alternative : what the finding offers instead of its first proposal (of a general class and of a holder: to merge).

    Raises
    ------
    UsageError
        the finding proposes nothing, or nothing that the labels of a single-label project can hold.

    Notes
    -----
    What a person decided about a row stands. Cost: O(N), and for "take_specific" one read of the rows of the general class.
    """
    action = finding.get("action")
    if alternative and action:
        action = action.get("else")
    if not action:
        what = "no alternative" if alternative else "no action"
        raise UsageError(f"this finding proposes {what}: {finding['message']}")
    kind = action["kind"]
    if kind not in KINDS:
        raise UsageError(
            f"{action['title']}: a row of this project holds one label, so that cannot be logged; "
            "take the alternative, or export with --both-labels"
        )
    codes = np.full(project.dataset.n_rows, -1, np.int64)
    codes[project.dataset.order] = project.dataset.codes[project.dataset.order]
    labels = np.full(len(codes), None, object)
    if kind == "merge":
        labels[np.isin(codes, _codes(project, action["from"]))] = action["into"]
    elif kind == "move_suggested":
        _suggested(project, codes, _codes(project, action["between"]), labels)
    elif kind == "take_specific":
        _likeliest(project, codes, action, labels)
    else:
        _smaller_cluster(project, action, labels)
    rows = np.flatnonzero([label is not None for label in labels])
    if not len(rows):
        raise UsageError(f"{action['title']}: there are no such rows")
    view = {"finding": {name: finding.get(name) for name in ("check", "type", "classes")}, "action": action}
    return Request("label", rows, labels=labels[rows], overwrite=False, route="class", view=view)


def merge_request(project: FinishedRun, pairs: Sequence[tuple[Any, Any]]) -> Request:
    """Every row given the first class of a pair gets the second as its label; all pairs are one entry.

    Where the second class of a pair is itself merged, its rows and those merged into it end in the same class. `UsageError` for
    classes that the run does not have, a class that is merged into two, and pairs that go in a circle. What a person decided
    about a row stands. Cost: O(N).
    """
    into = dict(pairs)
    if len(into) != len(pairs):
        raise UsageError("a class can be merged into one other class only")
    codes = np.full(project.dataset.n_rows, -1, np.int64)
    codes[project.dataset.order] = project.dataset.codes[project.dataset.order]
    labels = np.full(len(codes), None, object)
    for name, first in into.items():
        target, steps = first, 0
        while target in into and steps <= len(into):
            target, steps = into[target], steps + 1
        if target in into:
            raise UsageError(f"the classes to merge go in a circle at {target!r}")
        (code, _) = _codes(project, [name, target])
        labels[codes == code] = target
    rows = np.flatnonzero([label is not None for label in labels])
    if not len(rows):
        raise UsageError("there are no rows of the classes to merge")
    view = {"merge": [list(pair) for pair in pairs]}
    return Request("label", rows, labels=labels[rows], overwrite=False, route="class", view=view)


def _codes(project: FinishedRun, names: list[Any]) -> list[int]:
    code_of = {(type(name), name): code for code, name in enumerate(project.classes)}
    missing = [name for name in names if (type(name), name) not in code_of]
    if missing:
        raise UsageError(f"this run has no class {missing[0]!r}")
    return [code_of[type(name), name] for name in names]


def _suggested(project: FinishedRun, codes: NDArray[np.int64], between: list[int], labels: NDArray[np.object_]) -> None:
    """Label issues among these classes get their suggestion; of one class, all its label issues do."""
    rows = np.flatnonzero(np.isin(codes, between))
    table = project.results(rows, ["is_label_issue", "suggested_label"])
    issue = table["is_label_issue"].to_numpy(zero_copy_only=False).astype(bool)
    suggested = np.array(table["suggested_label"].to_pylist(), object)
    allowed = {project.classes[code] for code in between}
    for row, flagged, label in zip(rows.tolist(), issue.tolist(), suggested.tolist(), strict=True):
        if flagged and label is not None and (len(between) == 1 or label in allowed):
            labels[row] = label


def _likeliest(
    project: FinishedRun, codes: NDArray[np.int64], action: Mapping[str, Any], labels: NDArray[np.object_]
) -> None:
    """Rows of the general class get the likeliest of its specific classes, where that is likelier than all other classes."""
    probabilities, of = project.artefacts.pred_probs, project.artefacts.vector_rows
    if probabilities is None or of is None:
        raise UsageError("the probabilities of this run have gone; run the analysis again")
    (general,), specific = _codes(project, [action["general"]]), np.array(_codes(project, action["specific"]))
    at = np.flatnonzero(codes[of] == general)
    names = np.empty(len(specific), object)
    names[:] = [project.classes[code] for code in specific.tolist()]
    for start in range(0, len(at), BLOCK):
        part = at[start : start + BLOCK]
        p = np.array(probabilities[part])
        p[:, general] = 0
        among = p[:, specific]
        sure = among.max(1) >= p.max(1)
        labels[of[part[sure]]] = names[among.argmax(1)[sure]]


def _smaller_cluster(project: FinishedRun, action: Mapping[str, Any], labels: NDArray[np.object_]) -> None:
    """The rows of the smaller of a class's two clusters."""
    from assay.insights.clusters import splittable

    of, names = project.artefacts.vector_rows, project.artefacts.embeddings
    vectors = project.artefacts.embedding(names[0]) if names else None
    if of is None or vectors is None:
        raise UsageError("the vectors of this run have gone; run the analysis again")
    (code,) = _codes(project, [action["class"]])
    found = splittable(vectors, project.dataset.codes[of].astype(np.int32), len(project.classes))
    rows = next((relation.rows for relation in found if relation.first == code), np.zeros(0, np.int64))
    labels[of[rows]] = action["into"][1]
