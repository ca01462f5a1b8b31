"""The one table of checks: what each is called, says, flags by, sorts by and looks like, wherever it is shown.

In: nothing. Out: `CHECKS`, `FINDING_CHECKS`. Does not know: how a check is computed.

A new check is one entry here (further columns than a flag and a score in columns.py) and one function under ``issues/``;
everything left out of an entry has a sensible fallback, and command line, report, review app and documentation follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["bad", "warn", "plain", "good"]
ANY = ("image", "text", "table")
GROUPS = {"image": "Pictures", "text": "Texts", "table": "Table"}  # of a check that is for one modality
EVERYWHERE = "Issues"


@dataclass(frozen=True)
class Check:
    """One word of ``--type``: the flag it filters by, the score it sorts by, and whom it applies to.

    Parameters
    ----------
    sentence : how it finds what it finds, for a reader without a background in statistics.
    evidence : what it says of one row that it flagged; default the check's ``sentence``.
    measure : the picture property that is shown beside it.
    letter : of its chip on a cell; default the first two letters of the name. tone : of the chip.
    harmless : no chip, no fault: what it flags is worth knowing, not worth fixing.
    kind : the side-car table of a check whose flag and score stand in no other table of columns: `assay.columns` makes both
        columns of this entry.
    shown : columns that the terminal lists besides id, labels and score.
    gallery : rows that the report shows; 0 = none.
    """

    name: str
    title: str
    flag: str
    score: str | None
    sentence: str
    modalities: tuple[str, ...] = ANY
    needs_labels: bool = False
    evidence: str = ""
    measure: str = ""
    letter: str = ""
    tone: Tone = "plain"
    harmless: bool = False
    kind: str = ""
    shown: tuple[str, ...] = ()
    gallery: int = 8

    @property
    def group(self) -> str:
        """The heading it stands under in the review app."""
        return GROUPS[self.modalities[0]] if len(self.modalities) == 1 else EVERYWHERE

    @property
    def chip(self) -> str:
        return self.letter or self.name[:2]


CHECKS: tuple[Check, ...] = (
    Check(
        "label",
        "Label issues",
        "is_label_issue",
        "label_issue_score",
        sentence=(
            "Models trained on the other rows predict each row; where they contradict the given label, that "
            "is weighed against how often those two classes are confused, and as many rows are flagged as "
            "give the best expected balance of hits and false alarms."
        ),
        needs_labels=True,
        letter="L",
        tone="bad",
        shown=("suggested_label_confidence_score", "p_label_error", "label_issue_score"),
        gallery=24,
    ),
    Check(
        "outlier",
        "Outliers",
        "is_outlier",
        "outlier_score",
        sentence=(
            "Rows that lie far from every other row, and from the rows of their own class, as the models see them."
        ),
        letter="O",
        tone="warn",
        shown=("outlier_score", "outlier_reason"),
        gallery=12,
    ),
    Check(
        "near_duplicate",
        "Near duplicates",
        "is_near_duplicate",
        "near_duplicate_score",
        sentence=(
            "Rows that look alike are compared directly, by geometry, wording or cells, and count only where "
            "the comparison proves them copies."
        ),
        letter="D",
        shown=("near_duplicate_cluster_id", "near_duplicate_kind", "near_duplicate_score"),
        gallery=0,
    ),
    Check(
        "exact_duplicate",
        "Exact duplicates",
        "is_exact_duplicate",
        "near_duplicate_score",
        sentence="Rows whose decoded pixels, text or cells are the same, white space aside.",
        letter="=",
        shown=("near_duplicate_cluster_id",),
        gallery=0,
    ),
    Check(
        "duplicate_label_conflict",
        "Duplicates with conflicting labels",
        "is_duplicate_label_conflict",
        "near_duplicate_score",
        sentence=(
            "Duplicate sets whose members carry different labels; models and majority together say which "
            "label is wrong, or nothing where the evidence is thin."
        ),
        needs_labels=True,
        letter="≠",
        tone="bad",
        shown=("near_duplicate_cluster_id", "duplicate_correct_label"),
        gallery=0,
    ),
    Check(
        "cross_split_duplicate",
        "Duplicates across splits",
        "is_cross_split_duplicate",
        "near_duplicate_score",
        sentence="Duplicate sets with members in more than one split, such as train and test.",
        letter="X",
        tone="warn",
        shown=("split", "near_duplicate_cluster_id"),
        gallery=0,
    ),
    Check(
        "ambiguous",
        "Ambiguous",
        "is_ambiguous",
        "ambiguous_score",
        sentence="Rows for which two classes are about equally probable and no other class is.",
        needs_labels=True,
        letter="A",
        tone="warn",
        shown=("runner_up_label", "ambiguous_score"),
        gallery=12,
    ),
    Check(
        "multi_label",
        "Two labels in one row",
        "is_multi_label",
        "multi_label_score",
        sentence=(
            "The most plausible rows are taken apart, texts into clauses and pictures into windows; where some parts are "
            "surely of the given class and others of a second one, the row holds both."
        ),
        modalities=("image", "text"),
        needs_labels=True,
        letter="2",
        tone="warn",
        shown=("second_label", "second_label_part", "multi_label_score"),
        gallery=12,
    ),
    Check(
        "well_labeled",
        "Well labelled",
        "is_well_labeled",
        "label_quality",
        sentence="Rows whose given label the models confirm, with an estimated chance of error of at most 2%.",
        needs_labels=True,
        letter="✓",
        tone="good",
        harmless=True,
        gallery=0,
    ),
    Check(
        "unlabeled",
        "Unlabelled",
        "is_initially_unlabeled",
        "suggested_label_confidence_score",
        sentence="Rows that came without a label; the models say which label they would give.",
        needs_labels=True,
        letter="U",
        harmless=True,
        shown=("predicted_label", "suggested_label_confidence_score"),
    ),
    Check(
        "rare_class",
        "Rare class",
        "has_rare_class",
        "label_issue_score",
        sentence="Rows of classes with fewer labelled rows than there are folds; little can be learned about them.",
        needs_labels=True,
        harmless=True,
        gallery=0,
    ),
    Check(
        "not_analyzed",
        "Not analysed",
        "is_not_analyzed",
        None,
        sentence="Rows that could not be read, each with its reason.",
        letter="!",
        tone="warn",
        shown=("not_analyzed_reason",),
    ),
    Check(
        "dark",
        "Dark",
        "is_dark",
        "dark_score",
        sentence="Pictures without light even in their brightest parts.",
        modalities=("image",),
        evidence="Even its brightest parts are dark (0 = black, 1 = white).",
        measure="brightness_p95",
    ),
    Check(
        "light",
        "Light",
        "is_light",
        "light_score",
        sentence="Pictures with hardly any shade even in their darkest parts.",
        modalities=("image",),
        evidence="Even its darkest parts are light (0 = black, 1 = white).",
        measure="brightness_p5",
    ),
    Check(
        "blurry",
        "Blurry",
        "is_blurry",
        "blurry_score",
        sentence="Pictures without a sharp edge at any scale.",
        modalities=("image",),
        evidence="It has no sharp edge at any scale (0 = none, 1 = sharp).",
        measure="sharpness",
    ),
    Check(
        "low_information",
        "Low information",
        "is_low_information",
        "low_information_score",
        sentence="Pictures with almost nothing in them: their brightness values have little entropy.",
        modalities=("image",),
        evidence="Its brightness hardly varies (entropy in bits, at most 8).",
        measure="entropy",
    ),
    Check(
        "odd_size",
        "Odd size",
        "is_odd_size",
        "odd_size_score",
        sentence="Pictures whose area is far outside the usual range of this dataset.",
        modalities=("image",),
    ),
    Check(
        "odd_aspect_ratio",
        "Odd aspect ratio",
        "is_odd_aspect_ratio",
        "odd_aspect_ratio_score",
        sentence="Pictures that are far longer in one direction than in the other.",
        modalities=("image",),
    ),
    Check(
        "grayscale",
        "Grayscale",
        "is_grayscale",
        None,
        sentence="Pictures without colour in a dataset that has colour.",
        modalities=("image",),
        evidence="The picture has no colour in a dataset that has.",
    ),
    Check(
        "empty_text",
        "Empty text",
        "is_empty_text",
        None,
        sentence="Texts that hold nothing but white space.",
        modalities=("text",),
        evidence="The text holds nothing but white space.",
    ),
    Check(
        "too_short",
        "Too short",
        "is_too_short",
        "too_short_score",
        sentence="Texts far shorter than is usual in this dataset.",
        modalities=("text",),
    ),
    Check(
        "too_long",
        "Too long",
        "is_too_long",
        "too_long_score",
        sentence="Texts far longer than is usual in this dataset.",
        modalities=("text",),
    ),
    Check(
        "wrong_language",
        "Wrong language",
        "is_wrong_language",
        "wrong_language_score",
        sentence="Texts written in another language than most of this dataset.",
        modalities=("text",),
        shown=("predicted_language", "wrong_language_score"),
    ),
    Check(
        "non_language",
        "Not language",
        "is_non_language",
        "non_language_score",
        sentence="Texts that are no natural language: mark-up, codes, random characters.",
        modalities=("text",),
        evidence="It reads like mark-up, codes or random characters rather than language.",
    ),
    Check(
        "pii",
        "Personal data",
        "is_PII",
        "PII_score",
        sentence=(
            "Texts that hold e-mail addresses, telephone, card or account numbers, network addresses or "
            "passwords in links, checked by their own rules and checksums."
        ),
        modalities=("text",),
        shown=("PII_types", "PII_items"),
    ),
    Check(
        "identical_row",
        "Identical rows",
        "is_identical_row",
        None,
        sentence="Rows whose feature cells and label all equal those of another row.",
        modalities=("table",),
    ),
)


@dataclass(frozen=True)
class FindingCheck:
    """A check of classes, columns or the dataset as a whole: it finds sentences, not rows."""

    name: str
    title: str
    sentence: str
    modalities: tuple[str, ...] = ANY
    needs_labels: bool = False
    stage: str = "insights"  # the one that does it: where it fails as a whole, the check has failed


FINDING_CHECKS: tuple[FindingCheck, ...] = (
    FindingCheck(
        "class_names",
        "Misspelt class names",
        "Class names that differ by a few letters, compared by edit distance.",
        needs_labels=True,
    ),
    FindingCheck(
        "columns",
        "Column faults",
        "Columns that are empty, constant, or identify rows instead of describing them.",
        ("table",),
    ),
    FindingCheck(
        "cells",
        "Cell faults",
        "Cells that are missing, placeholders, misspelt, damaged, out of place or in conflict with another column.",
        ("table",),
    ),
    FindingCheck(
        "texts",
        "Damaged texts",
        "Texts with HTML entities, or with letters of a wrong encoding.",
        ("text",),
    ),
    FindingCheck(
        "relations",
        "Relations between classes",
        "Classes that nothing tells apart, that hold or resemble one another, that catch what fits nowhere, or fall in two.",
        needs_labels=True,
        stage="ontology",
    ),
    FindingCheck(
        "class_quality",
        "Label and model quality by class",
        "Noise rates of classes with intervals, and how well out-of-sample predictions agree with the labels.",
        needs_labels=True,
        stage="ontology",
    ),
    FindingCheck(
        "split_leakage",
        "Copies across splits, in all",
        "Rows of a split that are copies of rows in another.",
        stage="ontology",
    ),
    FindingCheck(
        "split_shift",
        "Splits that differ",
        "Classes, properties and regions that one split has and the rest has not.",
        stage="ontology",
    ),
    FindingCheck(
        "row_order", "Rows in order", "Rows that are alike and lie near each other in the file.", stage="ontology"
    ),
    FindingCheck(
        "property_shortcut",
        "Properties that tell the label",
        "A measured property such as brightness or length that alone tells a class from the others.",
        needs_labels=True,
        stage="ontology",
    ),
    FindingCheck(
        "weak_group",
        "Groups the model does badly on",
        "Splits, and the outer tenths of measured properties, whose labels the model gives more rarely than elsewhere.",
        needs_labels=True,
        stage="ontology",
    ),
)

CHECK_BY_NAME = {check.name: check for check in CHECKS}
SENTENCES = {c.name: c.sentence for c in CHECKS} | {c.name: c.sentence for c in FINDING_CHECKS}
