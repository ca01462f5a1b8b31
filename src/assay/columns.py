"""The one table of result columns: docs, exports, terminal, report and API are made from it.

In: checks.py. Out: `COLUMNS` and small look-ups over them.
Does not know: how any column is computed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from assay.checks import CHECKS, Check

Dtype = Literal["bool", "float32", "int32", "int64", "string", "label", "id"]
Direction = Literal["", "1 = most severe", "1 = good", "1 = certain", "1 = surely wrong"]

ROW_ID = "row_id"


@dataclass(frozen=True)
class Column:
    """One result column. ``kind`` is the side-car table under ``issues/`` that holds it."""

    name: str
    dtype: Dtype
    kind: str
    meaning: str
    direction: Direction = ""


SEVERE: Direction = "1 = most severe"


def _flag(name: str, kind: str, meaning: str) -> Column:
    return Column(f"is_{name}", "bool", kind, meaning)


def _score(name: str, kind: str, meaning: str) -> Column:
    return Column(f"{name}_score", "float32", kind, meaning, SEVERE)


OWN: tuple[Column, ...] = (
    Column(
        ROW_ID, "id", "dataset", "The user's own id: a column, the path below the source folder, or a 0-based number."
    ),
    Column("given_label", "label", "dataset", "The label as it was given; empty = unlabelled."),
    Column("split", "string", "dataset", "The split the row came with (train, val, test ...)."),
    _flag("not_analyzed", "dataset", "The row could not be read; every other check leaves it alone."),
    Column("not_analyzed_reason", "string", "dataset", "Why the row was not analysed."),
    _flag("initially_unlabeled", "dataset", "The row had no label when the run began."),
    Column(
        "has_rare_class",
        "bool",
        "label",
        "The class has fewer labelled rows than there are folds; its label evidence is thin.",
    ),
    Column("predicted_label", "label", "label", "The most probable class out of sample."),
    Column("predicted_label_confidence", "float32", "label", "Probability of predicted_label.", "1 = certain"),
    Column("runner_up_label", "label", "label", "The second most probable class out of sample."),
    _flag("label_issue", "label", "The given label is likely wrong."),
    _score("label_issue", "label", "1 - label_quality."),
    Column("label_quality", "float32", "label", "How well the given label fits the row.", "1 = good"),
    Column(
        "p_label_error", "float32", "label", "Calibrated probability that the given label is wrong.", "1 = surely wrong"
    ),
    Column("suggested_label", "label", "label", "The label Assay suggests; only on label issues and unlabelled rows."),
    Column(
        "suggested_label_confidence_score",
        "float32",
        "label",
        "Confidence in the suggestion (label issues and unlabelled rows).",
        "1 = certain",
    ),
    Column("is_safe_to_fix", "bool", "label", "The suggestion is certain enough to be applied without a person."),
    Column("label_issue_reason", "string", "label", "One sentence: why the label was flagged."),
    _flag("well_labeled", "label", "The given label was confirmed with high confidence."),
    _flag("ambiguous", "label", "Two classes fit about equally well."),
    _score("ambiguous", "label", "How evenly the two most probable classes share the probability."),
    _flag("multi_label", "multi_label", "A second class is plainly there beside the given one."),
    _score(
        "multi_label",
        "multi_label",
        "How surely parts of the row are of two classes; empty where it was not taken apart.",
    ),
    Column(
        "second_label",
        "label",
        "multi_label",
        "The likeliest class beside the given one: the one that parts of the row show, or else by its probability.",
    ),
    Column(
        "second_label_part",
        "string",
        "multi_label",
        "What speaks for second_label on rows with two labels: the words, or left, top, right and bottom as shares of the picture.",
    ),
    _flag("outlier", "outlier", "The row fits nothing else in the dataset."),
    _score("outlier", "outlier", "Rank of the outlier evidence, monotone in it."),
    Column("outlier_reason", "string", "outlier", "One sentence: which evidence."),
    _flag(
        "exact_duplicate",
        "duplicate",
        "Same decoded pixels, same text or same cells as another row, white space aside.",
    ),
    Column(
        "exact_duplicate_cluster_id",
        "int64",
        "duplicate",
        "Exact copies with the same number are one row given several times; from 0; empty = none, or equal rows of a table "
        "whose few values make them likely.",
    ),
    _flag("near_duplicate", "duplicate", "A verified near copy of another row (exact copies included)."),
    _score("near_duplicate", "duplicate", "Similarity to the closest member of the cluster; exact = 1."),
    Column(
        "near_duplicate_cluster_id",
        "int64",
        "duplicate",
        "Rows with the same number are copies of each other; from 0; empty = none.",
    ),
    Column(
        "near_duplicate_kind",
        "string",
        "duplicate",
        "exact, or the kind of transform that relates the row to its cluster.",
    ),
    _flag("cross_split_duplicate", "duplicate", "A copy of the row lies in another split (leakage)."),
    _flag("duplicate_label_conflict", "conflict", "The copies of this row carry different labels."),
    Column(
        "is_duplicate_label_wrong",
        "bool",
        "conflict",
        "In a cluster with conflicting labels: this member's label is the wrong one.",
    ),
    Column(
        "duplicate_correct_label",
        "label",
        "conflict",
        "What the label of the whole cluster should be; empty where the evidence is thin.",
    ),
    _flag("dark", "image", "Under-exposed."),
    _score("dark", "image", "Lack of light in the brightest parts."),
    _flag("light", "image", "Over-exposed."),
    _score("light", "image", "Light in the darkest parts."),
    _flag("blurry", "image", "No sharp detail at any scale the picture could show."),
    _score("blurry", "image", "Lack of sharp detail."),
    _flag("low_information", "image", "Almost nothing to see: little entropy."),
    _score("low_information", "image", "Lack of entropy."),
    _flag("odd_size", "image", "Area far from the other images of this dataset."),
    _score("odd_size", "image", "Distance of the area from the dataset's usual range."),
    _flag("odd_aspect_ratio", "image", "Far wider or taller than an image for training should be."),
    _score("odd_aspect_ratio", "image", "1 - short side / long side."),
    _flag("grayscale", "image", "No colour in a dataset that has colour."),
    Column("image_width", "int32", "image", "Width in pixels after EXIF orientation."),
    Column("image_height", "int32", "image", "Height in pixels after EXIF orientation."),
    Column("is_empty_text", "bool", "text", "No characters besides white space."),
    Column("text_num_characters", "int64", "text", "Length in characters."),
    _flag("too_short", "text", "Far shorter than the texts of this dataset."),
    _score("too_short", "text", "Distance below the dataset's usual length."),
    _flag("too_long", "text", "Far longer than the texts of this dataset."),
    _score("too_long", "text", "Distance above the dataset's usual length."),
    _flag("wrong_language", "text", "Written in another language than this dataset."),
    _score("wrong_language", "text", "Probability that the language is not the dataset's."),
    Column("predicted_language", "string", "text", "Language of a row flagged wrong_language (ISO 639-1)."),
    _flag("non_language", "text", "Not natural language: mark-up, hashes, random characters."),
    _score("non_language", "text", "Share of evidence against natural language."),
    Column("is_PII", "bool", "text", "Holds personal data."),
    Column("PII_score", "float32", "text", "By the most sensitive item.", SEVERE),
    Column("PII_types", "string", "text", "JSON list of the kinds found."),
    Column("PII_items", "string", "text", "JSON list of the strings found."),
    _flag("identical_row", "table", "All feature cells and the label equal another row's."),
    Column("num_missing_cells", "int32", "table", "Feature cells of the row that are blank."),
    Column("corrected_label", "label", "actions", "The label after fixes and decisions; empty = unchanged."),
    Column("action", "string", "actions", "What was decided: label, auto-fix, exclude, keep, or unresolved."),
)


def of_checks(checks: Iterable[Check]) -> tuple[Column, ...]:
    """A flag, and a score where there is one, of each check that names the table they are in."""
    found = []
    for check in checks:
        if check.kind:
            found.append(Column(check.flag, "bool", check.kind, check.sentence))
            if check.score is not None:
                found.append(Column(check.score, "float32", check.kind, f"Of the check {check.title}.", SEVERE))
    return tuple(found)


COLUMNS: tuple[Column, ...] = (*OWN, *of_checks(CHECKS))
BY_NAME = {column.name: column for column in COLUMNS}


def columns_of(kind: str) -> tuple[Column, ...]:
    """The columns of one side-car table, in the order of `COLUMNS`."""
    return tuple(column for column in COLUMNS if column.kind == kind)


def public_names(user_columns: list[str]) -> dict[str, str]:
    """Our name -> the name it goes by beside these columns of the user's (``assay_`` where it is taken)."""
    taken = set(user_columns)
    names = {}
    for column in COLUMNS:
        name = column.name
        while name in taken:
            name = f"assay_{name}"
        names[column.name] = name
    return names
