"""Which words and cells of a row speak for which of its two labels. Oracles: rows made so that the answer is known, and counts
over plain Python rows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from assay.actions import State
from assay.detail import Details
from assay.detail.discriminative_terms import CLASSES, DiscriminativeTerms
from assay.insights.contrast import MOST_WORDS, REFERENCE_ROWS, word_frequencies, words_that_tell
from assay.query import ReviewTable
from assay.query.cells import MemoryCells
from made_table import made

TOPICS = ("goal", "senate", "stock")


def table_of(cells: pa.Table, given: list[int], suggested: list[int], modality: str, names: list[str]) -> ReviewTable:
    """Rows of these classes; those with a suggestion are flagged."""
    n = cells.num_rows
    return ReviewTable(
        order=np.arange(n),
        ids=pa.chunked_array([pa.array([str(row) for row in range(n)])]),
        classes=names,
        flags={"is_label_issue": np.asarray(suggested) >= 0},
        scores={},
        numbers={},
        labels={"given_label": np.asarray(given, np.int32), "suggested_label": np.asarray(suggested, np.int32)},
        split=None,
        splits=[],
        cells=MemoryCells(cells),
        texts={},
        public={},
        roles={"text": "body"} if modality == "text" else {"label": "kind"},
        modality=modality,
        not_run={},
    )


def news(last: str, *, given: int = 0, suggested: int = 1, names: int = 3) -> ReviewTable:
    """60 texts a class that name their topic, then one text of its own."""
    topics = [*TOPICS, *(f"topic{chr(97 + at)}" for at in range(names - len(TOPICS)))]
    texts = [f"The {topic} of day {day}" for topic in topics for day in range(60)]
    classes = [code for code in range(names) for _ in range(60)]
    return table_of(
        pa.table({"body": [*texts, last]}),
        [*classes, given],
        [-1] * len(texts) + [suggested],
        "text",
        topics,
    )


def said(table: ReviewTable) -> dict[str, str]:
    row = table.n - 1
    shown = Details(table, None).of(row, State(table.n))
    return {word["word"]: word["side"] for word in shown["telling"]}


def test_words_speak_for_the_given_or_for_the_suggested_label():
    assert said(news("Senate, STOCK and goal")) == {"senate": "suggested", "goal": "given"}


def test_without_another_label_to_compare_with_no_word_speaks():
    text = "Senate, STOCK and goal"
    for given, suggested in ((0, -1), (-1, 1), (1, 1)):
        assert said(news(text, given=given, suggested=suggested)) == {}
    assert said(news("", given=0, suggested=1)) == {}


def test_words_that_every_class_uses_are_not_marked_though_chance_made_them_differ():
    table = news("the senate", names=8)
    batch = table.cells.batches()[0].to_pydict()["body"]
    bare = [text.replace("The ", "") if row < 40 else text for row, text in enumerate(batch)]  # of the given class
    table.cells = MemoryCells(pa.table({"body": bare}))
    assert words_that_tell("the", word_frequencies(bare[:60]), word_frequencies(bare[60:120])) == {"the": "suggested"}
    assert said(table) == {"senate": "suggested"}


def test_a_flagged_row_is_no_example_of_its_class_and_a_class_is_sampled_over_the_whole_dataset():
    n = 5 * REFERENCE_ROWS
    wrong = np.arange(n) % 5 == 0
    texts = ["senate" if one else "goal" for one in wrong]
    table = table_of(
        pa.table({"body": [*texts, *(["senate"] * 60)]}),
        [0] * n + [1] * 60,
        np.where(wrong, 1, -1).tolist() + [-1] * 60,
        "text",
        ["sport", "politics"],
    )
    telling = DiscriminativeTerms(table)
    assert telling._frequencies(0).counts == {"goal": REFERENCE_ROWS}
    sides = {word["word"]: word["side"] for word in telling.words(0, "senate goal")}
    assert sides == {"senate": "suggested", "goal": "given"}
    rows = telling._rows(0)
    assert len(rows) == REFERENCE_ROWS and rows[0] == 1 and rows[-1] == n - 1 and not wrong[rows].any()


def test_cells_speak_that_are_rare_in_the_given_class_and_common_in_the_suggested_one():
    n = 400
    young = [row < 200 for row in range(n)]
    cells = pa.table(
        {
            "age": [20.0 + row % 9 if one else 60.0 + row % 9 for row, one in enumerate(young)] + [63.0],
            "town": ["Rome" if row % 2 else "Oslo" for row in range(n)] + ["Rome"],
            "kind": ["young" if one else "old" for one in young] + ["young"],
        }
    )
    table = table_of(cells, [0] * 200 + [1] * 200 + [0], [-1] * n + [1], "table", ["young", "old"])
    shown = Details(table, None).of(n, State(table.n))["cells"]
    assert {cell["column"]: cell["telling"] for cell in shown} == {"age": True, "town": False}
    assert not any(cell["telling"] for cell in Details(table, None).of(0, State(table.n))["cells"])


def test_any_table_can_be_asked():
    for seed in range(20):
        table, _, rows = made(40, seed)
        telling = DiscriminativeTerms(table)
        for one in rows:
            words = telling.words(one["row"], one["body"])
            own = (one["body"] or "").lower().split()
            assert all(word["word"] in own for word in words)
            assert one["given"] != one["suggested"] or not words
            assert sum(word["side"] == "given" for word in words) <= MOST_WORDS
            telling.columns(one["row"])
    assert len(table.classes) < CLASSES
