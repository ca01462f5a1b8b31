"""Why a row was flagged, check by check: a sentence, and where something was measured its value beside what is usual.

In: a table, a row, what is known of its probabilities, neighbours, copies and properties. Out: dicts of plain values.
Does not know: files, decisions.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from assay.checks import CHECK_BY_NAME
from assay.dataset.target import Label
from assay.query.properties import ratio
from assay.query.table import ReviewTable

Range = tuple[float, float]
Measured = tuple[str, float | None, Range | None]  # a sentence, the value, the usual range


@dataclass(frozen=True)
class RowFacts:
    """What evidence is made from. ``probabilities``: (label, p), most probable first. ``distance``: mean to the neighbours.

    ``copies``: row numbers of the other members of its cluster. ``properties`` of a picture and what is ``usual``.
    """

    probabilities: list[tuple[Label, float]] = field(default_factory=list)
    distance: float | None = None
    usual_distance: Range | None = None
    copies: list[int] = field(default_factory=list)
    properties: dict[str, float] = field(default_factory=dict)
    usual: dict[str, Range] = field(default_factory=dict)


def evidence(table: ReviewTable, row: int, known: RowFacts) -> list[dict[str, Any]]:
    """One dict for each check that flagged the row: check, title, score (None where it has none), text, value, low, high.

    ``low`` and ``high``: the 5th and 95th centile of ``value`` in the dataset (of label quality: among rows without a label issue);
    all three None where nothing is measured.
    """
    out = []
    for name in table.checks:
        check = CHECK_BY_NAME[name]
        if not table.flags[check.flag][row]:
            continue
        text, value, usual = _Reasons(table, row, known).of(name)
        score = None if check.score is None else _known(table, check.score, row)
        low, high = usual if usual is not None and value is not None else (None, None)
        out.append(
            {
                "check": name,
                "title": check.title,
                "score": score,
                "text": text,
                "value": value,
                "low": low,
                "high": high,
            }
        )
    return out


def _known(table: ReviewTable, name: str, row: int) -> float | None:
    values = table.scores.get(name)
    value = math.nan if values is None else float(values[row])
    return None if math.isnan(value) else round(value, 6)


def percent(share: float) -> str:
    return f"{share:.1%}" if 0.001 <= share <= 0.999 else "under 0.1%" if share < 0.001 else "over 99.9%"


class _Reasons:
    def __init__(self, table: ReviewTable, row: int, known: RowFacts) -> None:
        self.table, self.row, self.known = table, row, known

    def of(self, name: str) -> Measured:
        special: dict[str, Callable[[], Measured]] = {
            "label": self._label,
            "outlier": self._outlier,
            "near_duplicate": self._copies,
            "exact_duplicate": lambda: self._copies(exact=True),
            "duplicate_label_conflict": self._conflict,
            "cross_split_duplicate": self._splits,
            "ambiguous": self._ambiguous,
            "well_labeled": self._well_labeled,
            "unlabeled": self._unlabeled,
            "rare_class": self._rare,
            "not_analyzed": lambda: (self._sentence("not_analyzed_reason"), None, None),
            "odd_size": self._size,
            "odd_aspect_ratio": self._shape,
            "too_short": self._length,
            "too_long": self._length,
            "wrong_language": self._language,
            "pii": self._personal,
            "identical_row": self._identical,
            "multi_label": self._multi_label,
        }
        if name in special:
            return special[name]()
        check = CHECK_BY_NAME[name]
        return (
            check.evidence or check.sentence,
            self.known.properties.get(check.measure),
            self.known.usual.get(check.measure),
        )

    # labels --------------------------------------------------------------------------------------------------

    def _class(self, column: str) -> Label | None:
        codes = self.table.labels.get(column)
        code = -1 if codes is None else int(codes[self.row])
        return None if code < 0 else self.table.classes[code]

    def _sentence(self, column: str) -> str:
        if column not in self.table.text_names:
            return ""
        return str(self.table.text(column)[self.row].as_py() or "")

    def _quality(self) -> tuple[float | None, Range | None]:
        usual = self.table.usual("label_quality", without="is_label_issue")
        return _known(self.table, "label_quality", self.row), usual

    def _label(self) -> Measured:
        return self._sentence("label_issue_reason"), *self._quality()

    def _well_labeled(self) -> Measured:
        p = _known(self.table, "p_label_error", self.row)
        return "The models confirm the label" + (
            "." if p is None else f"; it is wrong with probability {percent(p)}."
        ), *self._quality()

    def _ambiguous(self) -> Measured:
        two = self.known.probabilities[:2]
        if len(two) == 2:
            (first, p), (second, q) = two
            return f"{first!s} ({percent(p)}) and {second!s} ({percent(q)}) fit about equally well.", None, None
        names = " and ".join(str(self._class(column)) for column in ("predicted_label", "runner_up_label"))
        return f"{names} fit about equally well.", None, None

    def _multi_label(self) -> Measured:
        part, given, second = (
            self._sentence("second_label_part"),
            self._class("given_label"),
            self._class("second_label"),
        )
        if part and self.table.modality == "image":
            left, top, right, bottom = (percent(float(share)) for share in part.split())
            part = f"between {left} and {right} from the left, {top} and {bottom} from the top"
        elif part:
            part = f"in “{part}”"
        score = _known(self.table, "multi_label_score", self.row)
        return f"Beside {given!s} it holds {second!s}{f', {part}' if part else ''}.", score, None

    def _unlabeled(self) -> Measured:
        label, p = self._class("suggested_label"), _known(self.table, "suggested_label_confidence_score", self.row)
        if label is None or p is None:
            return "The row came without a label.", None, None
        return f"The row came without a label; the models say {label!s} ({percent(p)}).", None, None

    def _rare(self) -> Measured:
        code = int(self.table.given[self.row])
        count = self.table.class_counts[code] if code >= 0 else 0
        rows = "1 labelled row" if count == 1 else f"{count:,} labelled rows"
        return f"The class {self._class('given_label')!s} has {rows}, too few to judge its labels.", None, None

    # others --------------------------------------------------------------------------------------------------

    def _outlier(self) -> Measured:
        return self._sentence("outlier_reason"), self.known.distance, self.known.usual_distance

    def _copies(self, *, exact: bool = False) -> Measured:
        n = len(self.known.copies)
        others = (
            "Another row is a copy of it" if n == 1 else f"{n:,} other rows are copies of it" if n else "It is a copy"
        )
        kind = "exact" if exact else self._sentence("near_duplicate_kind")
        return f"{others}{f' ({kind})' if kind else ''}.", None, None

    def _conflict(self) -> Measured:
        members = [self.row, *self.known.copies]
        names = Counter(self._name(member) for member in members)
        counted = ", ".join(f"{name} {count:,}" for name, count in names.most_common(5))
        right = self._class("duplicate_correct_label")
        wrong = self.table.flags.get("is_duplicate_label_wrong")
        verdict = "it is not clear which is right"
        if right is not None:
            verdict = f"{right!s} is right"
            if wrong is not None and wrong[self.row]:
                verdict += ", so the label of this row is wrong"
        return f"The copies carry different labels ({counted}); {verdict}.", None, None

    def _name(self, row: int) -> str:
        code = int(self.table.given[row])
        return "no label" if code < 0 else str(self.table.classes[code])

    def _splits(self) -> Measured:
        codes = [int(self.table.split[row]) for row in (self.row, *self.known.copies)]
        names = dict.fromkeys("no split" if code < 0 else self.table.splits[code] for code in codes)
        return f"Copies of it lie in several splits: {', '.join(names)}.", None, None

    def _number(self, column: str) -> float | None:
        values = self.table.numbers.get(column)
        return None if values is None or values[self.row] < 0 else float(values[self.row])

    def _size(self) -> Measured:
        width, height = self._number("image_width"), self._number("image_height")
        if width is None or height is None:
            return "Its area is far from that of the other pictures.", None, None
        usual = self.known.usual.get("area")
        return (
            f"It has {width:,.0f} × {height:,.0f} pixels; its area is far from that of the other pictures.",
            width * height,
            usual,
        )

    def _shape(self) -> Measured:
        width, height = self._number("image_width"), self._number("image_height")
        if width is None or height is None:
            return "It is far longer in one direction than in the other.", None, None
        times = float(ratio(width, height))
        return (
            f"With {width:,.0f} × {height:,.0f} pixels, one side is {times:.1f} times as long as the other.",
            times,
            self.known.usual.get("ratio"),
        )

    def _length(self) -> Measured:
        length = self._number("text_num_characters")
        if length is None:
            return "Its length is unusual.", None, None
        characters = "1 character" if length == 1 else f"{length:,.0f} characters"
        return f"It has {characters}.", length, self.table.usual("text_num_characters")

    def _language(self) -> Measured:
        language = self._sentence("predicted_language")
        return f"It seems to be written in another language ({language or 'unknown'}).", None, None

    def _identical(self) -> Measured:
        label = " and the same label" if self.table.classes else ""
        return f"Another row has the same cells{label}.", None, None

    def _personal(self) -> Measured:
        kinds = json.loads(self._sentence("PII_types") or "[]")
        items = json.loads(self._sentence("PII_items") or "[]")
        return f"It holds {', '.join(map(str, kinds))}: {', '.join(map(str, items[:5]))}.", None, None
