"""How each check finds what it finds, one sentence each, for a reader without a background in statistics.

In: the name of a check. Out: a sentence. Does not know: results.
"""

from __future__ import annotations

HOW: dict[str, str] = {
    "label": "Models trained on the other rows predict each row; where they contradict the given label, that is "
    "weighed against how often those two classes are confused, and as many rows are flagged as give the best expected "
    "balance of hits and false alarms.",
    "outlier": "Rows that lie far from every other row, and from the rows of their own class, as the models see them.",
    "near_duplicate": "Rows that look alike are compared directly, by geometry, wording or cells, and count only where "
    "the comparison proves them copies.",
    "exact_duplicate": "Rows whose decoded pixels, text or cells are the same, white space aside.",
    "duplicate_label_conflict": "Duplicate sets whose members carry different labels; models and majority together say "
    "which label is wrong, or nothing where the evidence is thin.",
    "cross_split_duplicate": "Duplicate sets with members in more than one split, such as train and test.",
    "ambiguous": "Rows for which two classes are about equally probable and no other class is.",
    "well_labeled": "Rows whose given label the models confirm, with an estimated chance of error of at most 2%.",
    "unlabeled": "Rows that came without a label; the models say which label they would give.",
    "rare_class": "Rows of classes with fewer labelled rows than there are folds; little can be learned about them.",
    "not_analyzed": "Rows that could not be read, each with its reason.",
    "dark": "Pictures without light even in their brightest parts.",
    "light": "Pictures with hardly any shade even in their darkest parts.",
    "blurry": "Pictures without a sharp edge at any scale.",
    "low_information": "Pictures with almost nothing in them: their brightness values have little entropy.",
    "odd_size": "Pictures whose area is far outside the usual range of this dataset.",
    "odd_aspect_ratio": "Pictures that are far longer in one direction than in the other.",
    "grayscale": "Pictures without colour in a dataset that has colour.",
    "empty_text": "Texts that hold nothing but white space.",
    "too_short": "Texts far shorter than is usual in this dataset.",
    "too_long": "Texts far longer than is usual in this dataset.",
    "wrong_language": "Texts written in another language than most of this dataset.",
    "non_language": "Texts that are no natural language: mark-up, codes, random characters.",
    "pii": "Texts that hold e-mail addresses, telephone, card or account numbers, network addresses or "
    "passwords in links, checked by their own rules and checksums.",
    "identical_row": "Rows whose feature cells and label all equal those of another row.",
    "class_names": "Class names that differ by a few letters, compared by edit distance.",
    "columns": "Columns that are empty, constant, or identify rows instead of describing them.",
}

ERROR_RATE = (
    "The mean, over all labelled rows, of the calibrated probability that the given label is wrong. The 95% interval "
    "says how far chance alone could move it; it takes the probabilities as they are."
)
TELLING = {
    "text": "Marked words occur clearly more often in texts of that class than of the other.",
    "table": "Marked cells hold values that are rare in the given class and common in the suggested one.",
}
