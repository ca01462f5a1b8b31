"""Which words of a text, or cells of a row, speak for the suggested label or for the given one.

In: a table and a row. Out: words and names of columns. Does not know: how the difference of two classes is measured
(`assay.insights.contrast`), decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.insights.contrast import (
    ColumnContrast,
    Frequencies,
    compared_columns,
    function_words,
    reference_rows,
    values_that_tell,
    word_frequencies,
    words_that_tell,
)

if TYPE_CHECKING:
    from assay.query.table import ReviewTable

CLASSES = 16  # looked at for words that every class uses
READ = 2_000  # characters of a text


class DiscriminativeTerms:
    """``DiscriminativeTerms(table).words(row, text)`` and ``.columns(row)``; both empty unless another label is suggested for the row.

    Cost: some milliseconds; up to half a second the first time a class is met.
    """

    def __init__(self, table: ReviewTable) -> None:
        self.table = table
        self._frequencies = lru_cache(maxsize=128)(self._count_words)
        self._contrasts = lru_cache(maxsize=16)(self._contrast)

    def words(self, row: int, text: str | None) -> list[dict[str, Any]]:
        """[{word, side}], word in lower case, side "given" or "suggested"; the most telling first."""
        two = self._two(row)
        if two is None or not text:
            return []
        given, suggested = (self._frequencies(code) for code in two)
        found = words_that_tell(text[:READ], given, suggested, ignore=self._common_words)
        return [{"word": word, "side": side} for word, side in found.items()]

    def columns(self, row: int) -> list[str]:
        """Columns whose cell is rare in the given class and common in the suggested one, the most telling first."""
        two = self._two(row)
        if two is None:
            return []
        names = self._columns
        cells = dict(zip(names, self.table.cells.rows([row], names)[0], strict=True))
        return values_that_tell(cells, self._contrasts(*two))

    def _two(self, row: int) -> tuple[int, int] | None:
        given, suggested = int(self.table.given[row]), int(self.table.suggested[row])
        return (given, suggested) if given >= 0 and suggested >= 0 and given != suggested else None

    def _rows(self, code: int) -> list[int]:
        table = self.table
        wrong = table.flags.get("is_label_issue")
        mine = (table.given == code) & table.present
        return reference_rows(np.flatnonzero(mine if wrong is None else mine & ~wrong)).tolist()

    # texts ---------------------------------------------------------------------------------------------------

    def _count_words(self, code: int) -> Frequencies:
        name = str(self.table.roles.get("text"))
        texts = (value[0] for value in self.table.cells.rows(self._rows(code), [name]))
        return word_frequencies(str(text)[:READ] for text in texts if text is not None)

    @cached_property
    def _common_words(self) -> frozenset[str]:
        n = len(self.table.classes)
        codes: Sequence[int] = np.linspace(0, n - 1, min(n, CLASSES)).astype(np.int64).tolist()
        return function_words([self._frequencies(code) for code in codes])

    # tables --------------------------------------------------------------------------------------------------

    @cached_property
    def _columns(self) -> list[str]:
        return compared_columns(self.table.cells.schema.names, self.table.roles)

    def _contrast(self, given: int, suggested: int) -> dict[str, ColumnContrast]:
        names = self._columns
        of_given, of_suggested = (self.table.cells.rows(self._rows(code), names) for code in (given, suggested))
        return {
            name: ColumnContrast.of([row[at] for row in of_given], [row[at] for row in of_suggested])
            for at, name in enumerate(names)
        }
