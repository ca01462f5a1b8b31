"""What the stages of a run left, by name, so that no reader rebuilds a path.

In: a project folder and a run's record. Out: prefixes, arrays, tables. Does not know: what the arrays mean.

    vectors              rows, reasons, one array an embedding       encode/fit   fitted state of the image encoders
    encode/tfidf         fitted state of the words                   predict      out-of-sample probabilities, fitted heads
    encode/table         a table's cells as numbers, fitted state
    graph                ids, distances                              predict/trees  fitted trees
    properties           shards of what was measured of single rows  findings     findings about classes and the dataset
    issues/label         what noise accounts for of p_label_error
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.storage import Folder

if TYPE_CHECKING:
    from assay.duplicates.exact_index import ExactIndex
    from assay.encode.table import FittedTable
    from assay.encode.text import FittedTfidf
    from assay.issues.counted import Counted
    from assay.issues.outlier_reference import OutlierReference
    from assay.issues.table_reference import TableReference
    from assay.predict.fitted import FittedBlend
    from assay.predict.trees import FittedTrees


class Artefacts:
    """``Artefacts(folder, run).array("graph", ".ids.npy")``; None where the run made no such thing. `ProjectError` where it has gone."""

    def __init__(self, folder: Folder, run: Mapping[str, Any]) -> None:
        self._folder = folder
        self._stages: Mapping[str, Any] = run.get("stages", {})
        self.properties: list[str] = list(run.get("properties", ()))
        self.tables: dict[str, str] = dict(run.get("tables", {}))  # kind of issue -> prefix of its parts
        self.embeddings: list[str] = list(run.get("embeddings", ()))
        self.findings: str = str(run.get("findings") or "")

    def prefixes(self, stage: str) -> dict[str, str]:
        """Shard key -> the prefix of its files; {} where the run had no such stage."""
        record = self._stages.get(stage)
        if record is None:
            return {}
        return {key: f"stages/{stage}/{record['fingerprint']}/{key}" for key in record["shards"]}

    def prefix(self, stage: str) -> str | None:
        """The prefix of a stage of one shard."""
        return next(iter(self.prefixes(stage).values()), None)

    def array(self, stage: str, ending: str) -> NDArray[Any] | None:
        """A mapped array of a stage of one shard."""
        prefix = self.prefix(stage)
        if prefix is None or not self._folder.was_written(f"{prefix}{ending}"):
            return None
        return self._folder.get_array(f"{prefix}{ending}", mmap=True)

    @property
    def vector_rows(self) -> NDArray[np.int64] | None:
        """Vector row -> row number, ascending."""
        return self.array("vectors", ".rows.npy")

    def embedding(self, name: str) -> NDArray[Any] | None:
        """(M, d) the vectors of one encoder, over the vector rows."""
        return self.array("vectors", f".{name}.npy")

    @property
    def pred_probs(self) -> NDArray[np.float32] | None:
        """(M, K) out-of-sample probabilities, over the vector rows."""
        return self.array("predict", ".npy")

    def counted(self) -> Counted | None:
        """What the noise of the labels accounts for of each p_label_error; None where nothing is known of it."""
        from assay.issues.counted import Counted

        prefix = self.prefix("issues/label")
        if prefix is None or not self._folder.was_written(f"{prefix}.counted.npz"):
            return None
        return Counted(**self._folder.get_arrays(f"{prefix}.counted.npz"))

    def encoder_state(self, encoder: str) -> dict[str, NDArray[Any]] | None:
        """What an image encoder learned from a sample of this dataset."""
        for key, prefix in self.prefixes("encode/fit").items():
            if key.rpartition("-")[0] == encoder:
                return self._folder.get_arrays(f"{prefix}.npz")
        return None

    def fitted_tfidf(self) -> FittedTfidf | None:
        """What was learned of the dataset's words, to encode other texts."""
        from assay.encode.text import FittedTfidf

        prefix = self.prefix("encode/tfidf")
        return None if prefix is None else FittedTfidf.from_arrays(self._folder.get_arrays(f"{prefix}.fitted.npz"))

    def fitted_table(self) -> FittedTable | None:
        """How the cells of a table became numbers, to encode other rows; None, too, where it was too large to keep."""
        from assay.encode.table import FittedTable

        kept = self._kept("encode/table")
        return None if kept is None else FittedTable.from_arrays(*kept)

    def fitted_blend(self) -> FittedBlend | None:
        """What was learned of the classes, to predict other rows."""
        from assay.predict.fitted import FittedBlend

        kept = self._kept("predict")
        return None if kept is None else FittedBlend.from_arrays(*kept)

    def outlier_reference(self) -> OutlierReference | None:
        """What outliers of pictures and texts were measured against; None of tables, and where none could be told."""
        from assay.issues.outlier_reference import OutlierReference

        kept = self._kept("issues/outlier")
        return None if kept is None or "bounds" in kept[0] else OutlierReference.from_arrays(*kept)

    def table_reference(self) -> TableReference | None:
        """What outliers of a table were measured against; None of pictures and texts, and where none could be told."""
        from assay.issues.table_reference import TableReference

        kept = self._kept("issues/outlier")
        return None if kept is None or "bounds" not in kept[0] else TableReference.from_arrays(*kept)

    def exact_index(self) -> ExactIndex | None:
        """What the rows hold, to find a new row among them; near copies are not in it."""
        from assay.duplicates.exact_index import ExactIndex

        kept = self._kept("duplicates")
        return None if kept is None else ExactIndex.from_arrays(*kept)

    def fitted_trees(self) -> FittedTrees | None:
        """The tree models of a table, whose probabilities `fitted_blend` asks for."""
        from assay.predict.trees import FittedTrees

        kept = self._kept("predict/trees")
        return None if kept is None else FittedTrees.from_arrays(*kept)

    def _kept(self, stage: str) -> tuple[Any, dict[str, NDArray[Any]]] | None:
        prefix = self.prefix(stage)
        if prefix is None or not self._folder.was_written(f"{prefix}.fitted.json"):
            return None
        return self._folder.get_json(f"{prefix}.fitted.json"), self._folder.get_arrays(f"{prefix}.fitted.npz")
