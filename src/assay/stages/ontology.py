"""What the dataset says as a whole: relations between classes, class and model quality, splits, order, shortcuts, weak groups.

In: probabilities, label issues, clusters of copies, graph, properties. Out: a JSON list of findings, and for each check whether
it ran. Does not know: how any of it is found. A check that fails says why and leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.dataset.dataset import PART
from assay.insights.finding import Finding
from assay.stages.issues import CheckSpec, label_type
from assay.stages.stage import setting, stage
from assay.stages.vectors import column_of, embeddings_of, labels_of
from assay.storage import Folder

PEEK = 1_000  # rows from which most columns are seen not to be sorted
LEFT_OUT = ("row", "reason", "language", "predicted_language", "num_solid")  # the last is the length once more


@dataclass(frozen=True, kw_only=True)
class OntologySpec(CheckSpec):
    """``pred_probs``, ``label``, ``graph``, ``duplicates``: prefixes, "" without; ``properties``: of shards; ``order``: a file.

    ``multi_label``: prefix of `assay.stages.two_labels.two_labels`, "" where that did not run.
    ``withheld``: why label issues were, where they were; ``verdict``: what can be known of the labels.
    ``reasons``: check -> why it cannot be done, as far as that is known before. ``features``: of a table with splits, else none.
    """

    pred_probs: str
    label: str
    graph: str
    duplicates: str
    properties: tuple[str, ...]
    order: str
    multi_label: str
    withheld: str = setting()
    verdict: dict[str, Any] | None
    ordered: bool = setting()
    reasons: dict[str, str]
    features: tuple[str, ...] = setting(default=())


@dataclass(frozen=True)
class Findings:
    """``counts``: check -> findings; ``failed``, ``skipped``: check -> why."""

    counts: dict[str, int]
    failed: dict[str, str]
    skipped: dict[str, str]
    notes: tuple[str, ...] = ()


@stage(version=19)
def ontology(folder: Folder, prefix: str, spec: OntologySpec) -> Findings:
    """Every check of the dataset as a whole, one after the other."""
    seen = _Seen(folder, spec)
    checks: dict[str, Callable[[], list[Finding]]] = {
        "relations": seen.relations,
        "class_quality": seen.quality,
        "split_leakage": seen.leakage,
        "split_shift": seen.shift,
        "row_order": seen.order,
        "property_shortcut": seen.shortcuts,
        "weak_group": seen.weak,
    }
    found: list[Finding] = seen.two_labels() if spec.multi_label else []
    counts, failed, skipped = {}, {}, {}
    for name, check in checks.items():
        why = spec.reasons.get(name)
        if why:
            skipped[name] = why
            continue
        try:
            new = check()
        except _NotPossibleError as error:
            skipped[name] = str(error)
            continue
        except Exception as error:  # one check that fails must not take the others with it; the run's record says so
            failed[name] = f"{type(error).__name__}: {error}"
            continue
        counts[name] = len(new)
        found += new
    folder.put_json(f"{prefix}.json", [asdict(finding) for finding in seen.with_ids(found)])
    return Findings(counts, failed, skipped)


class _NotPossibleError(Exception):
    """The check cannot be done on these data; says why."""


class _Seen:
    """What the checks look at, each read once when first asked for. Arrays are over the vector rows."""

    def __init__(self, folder: Folder, spec: OntologySpec) -> None:
        self.folder, self.spec = folder, spec
        self.rows = folder.get_array(f"{spec.vectors}.rows.npy")
        self.names = list(spec.classes)
        self.codes = labels_of(folder, spec) if spec.classes else np.full(len(self.rows), -1, np.int32)
        self._kept: dict[str, Any] = {}

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    @property
    def top(self) -> Any:
        """The largest probabilities of each row."""
        from assay.issues.scan import scan

        if not self.spec.pred_probs:
            raise _NotPossibleError("there are no probabilities to judge by")
        return self._once(
            "top", lambda: scan(self.codes, self.folder.get_array(f"{self.spec.pred_probs}.npy", mmap=True))
        )

    @property
    def first(self) -> Any:
        """As `top`, before the models forgot doubted labels: of two classes that mean the same one would be gone."""
        from assay.issues.scan import Scan

        name = f"{self.spec.pred_probs}.first.npz"
        if not self.spec.pred_probs or not self.folder.exists(name):
            return self.top
        return self._once("first", lambda: Scan(len(self.names), **self.folder.get_arrays(name)))

    @property
    def label(self) -> Mapping[str, NDArray[Any]] | None:
        return self._once("label", self._label) if self.spec.label else None

    def _label(self) -> Mapping[str, NDArray[Any]]:
        columns = ["is_label_issue", "p_label_error", "label_quality", "suggested_label"]
        n_parts = max(1, -(-self.spec.n_rows // PART))
        parts = [self.folder.get_table(f"{self.spec.label}-{part:05d}.parquet", columns) for part in range(n_parts)]
        table = pa.concat_tables(parts).take(pa.array(self.rows))
        classes = pa.array(self.names, label_type(self.names))
        suggested = pa.compute.index_in(table["suggested_label"], value_set=classes)
        return {
            "is_label_issue": table["is_label_issue"].to_numpy(),
            "p_label_error": table["p_label_error"].to_numpy(),
            "label_quality": table["label_quality"].to_numpy(),
            "suggested_label": suggested.fill_null(-1).to_numpy().astype(np.int32),
        }

    @property
    def splits(self) -> NDArray[np.object_]:
        def read() -> NDArray[np.object_]:
            column = column_of(self.folder, self.spec, "split")
            return np.array(column.take(pa.array(self.rows)).to_pylist(), object)

        return self._once("splits", read)

    @property
    def neighbors(self) -> NDArray[np.int32] | None:
        if not self.spec.graph:
            return None
        return self.folder.get_array(f"{self.spec.graph}.ids.npy", mmap=True)

    @property
    def properties(self) -> dict[str, NDArray[np.float64]]:
        """Numbers that were measured of single rows, over the vector rows."""
        return self._once("properties", self._properties)

    def _properties(self) -> dict[str, NDArray[np.float64]]:
        if not self.spec.properties:
            return {}
        table = pa.concat_tables([self.folder.get_table(f"{part}.properties.parquet") for part in self.spec.properties])
        at = np.full(self.spec.n_rows, -1, np.int64)
        where = table["row"].to_numpy() if "row" in table.column_names else np.arange(table.num_rows)
        at[where] = np.arange(table.num_rows)
        taken = table.take(pa.array(at[self.rows]))
        return {
            name: np.asarray(taken[name].to_numpy(zero_copy_only=False), np.float64)
            for name in taken.column_names
            if name not in LEFT_OUT
            and (pa.types.is_integer(taken[name].type) or pa.types.is_floating(taken[name].type))
        }

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """Columns of numbers of a table, over the vector rows; NaN where a cell holds none."""
        from assay.encode.cells import read_cells
        from assay.insights.finding import in_column
        from assay.stages.tables import frame

        if not self.spec.features:
            return {}
        readable, cells = frame(self.folder, self.spec, self.spec.features)
        at = np.searchsorted(readable, self.rows)
        read = {name: read_cells(cells[name].iloc[at], str(name)) for name in self.spec.features}
        return {
            in_column(name): column.numbers
            for name, column in read.items()
            if column.kind == "number" and column.numbers is not None
        }

    # checks --------------------------------------------------------------------------------------------------

    def relations(self) -> list[Finding]:
        from assay.insights.clusters import splittable
        from assay.insights.proposals import relation_findings
        from assay.insights.relations import groups, holders, relations
        from assay.stages.two_labels import read_joint

        joint = read_joint(self.folder, self.spec.multi_label) if self.spec.multi_label else {}
        if self.spec.withheld:  # predictions of whole rows tell nothing of labels, but parts of rows and vectors may
            found = holders([], joint, np.bincount(self.codes[self.codes >= 0], minlength=len(self.names)))
        else:
            found = relations(self.names, self.codes, self.first, joint=joint)
        vectors = embeddings_of(self.folder, self.spec)
        meaning = [
            x for name, x in vectors.items() if name != "tfidf"
        ]  # words alone see half of the splits that a sentence does
        per_embedding = [splittable(x, self.codes, len(self.names)) for x in meaning or vectors.values()]
        if per_embedding:  # what only one encoder sees is a matter of that encoder
            agreed = set.intersection(*({r.first for r in found_there} for found_there in per_embedding))
            taken = {code for r in found if r.type in ("is_a", "same_thing") for code in (r.first, r.second)}
            found += [r for r in per_embedding[0] if r.first in agreed - taken]
        if self.spec.withheld and not found:
            raise _NotPossibleError(self.spec.withheld)
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))
        return self._numbered(relation_findings(self.names, counts, found, groups(found, len(self.names))))

    def two_labels(self) -> list[Finding]:
        """What `assay.stages.two_labels` found, by row number."""
        found = [Finding(**kept) for kept in self.folder.get_json(f"{self.spec.multi_label}.json")]
        return self._numbered(found)

    def quality(self) -> list[Finding]:
        from assay.insights.quality import quality_findings

        spec = self.spec
        return self._numbered(
            quality_findings(self.names, self.codes, self.top, self.label, spec.withheld, spec.verdict)
        )

    def leakage(self) -> list[Finding]:
        from assay.insights.splits import split_leakage

        if not self.spec.duplicates:
            raise _NotPossibleError("copies were not looked for")
        table = self.folder.get_table(f"{self.spec.duplicates}.parquet")
        exact = table["exact"].to_numpy(zero_copy_only=False).astype(bool)
        return split_leakage(self.names, self.codes, self.splits, table["id"].to_numpy(), exact, self.rows)

    def shift(self) -> list[Finding]:
        from assay.insights.splits import split_shift

        numbers = self.properties | self.columns()
        return split_shift(self.names, self.codes, self.splits, numbers, self.neighbors, self.rows)

    def order(self) -> list[Finding]:
        from assay.insights.splits import row_order

        position = np.full(self.spec.n_rows, -1, np.int64)
        order = self.folder.get_array(self.spec.order)
        position[order] = np.arange(len(order))
        return row_order(
            self.codes,
            position[self.rows],
            self.neighbors,
            self.rows,
            sorted_by=lambda: self._sorted_by(order),
            seed=self.spec.seed,
        )

    def _sorted_by(self, order: NDArray[np.int64]) -> str | None:
        """The first column of dates or numbers, no mere row numbers, that never falls or never rises in the user's order."""
        from assay.dataset.dataset import read_cells
        from assay.encode.cells import read_cells as read_column
        from assay.insights.splits import is_sorted

        cells = read_cells(self.folder, self.spec.dataset, 0, self.spec.n_rows).take(pa.array(order))
        found: dict[str, str] = {}
        for name in cells.column_names:
            first = read_column(cells[name].slice(0, PEEK).to_pandas(), name)
            if first.kind != "constant" and (first.kind not in ("number", "date") or not is_sorted(first.numbers, 1)):
                continue
            column = read_column(cells[name].to_pandas(), name)
            if column.kind in ("number", "date") and is_sorted(column.numbers):
                found.setdefault(column.kind, name)
        return found.get("date", found.get("number"))

    def shortcuts(self) -> list[Finding]:
        from assay.insights.shortcuts import property_shortcuts

        if not self.properties:
            raise _NotPossibleError("no property of single rows was measured")
        return property_shortcuts(self.names, self.codes, self.properties, self.rows)

    def weak(self) -> list[Finding]:
        from assay.insights.finding import quote
        from assay.insights.shortcuts import weak_groups

        top = self.top
        right = (top.classes[:, 0] == self.codes) & (self.codes >= 0)
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))
        hits = np.bincount(self.codes[right], minlength=len(self.names))
        expected = (hits / np.maximum(counts, 1))[np.maximum(self.codes, 0)]
        split_names = [split for split in dict.fromkeys(self.splits.tolist()) if split is not None]
        masks = {f"rows whose split is {quote(split)}": np.asarray(self.splits == split, bool) for split in split_names}
        return weak_groups(self.codes, right, self.properties, masks, self.rows, expected)

    # rows ----------------------------------------------------------------------------------------------------

    def _numbered(self, found: list[Finding]) -> list[Finding]:
        """Examples as row numbers, where the check knew positions among the vector rows."""
        for row in (row for f in found if f.check == "two_labels" for row in f.data["rows"]):
            row["row"] = int(self.rows[row["row"]])
        return [replace(f, examples=[int(self.rows[at]) for at in f.examples]) for f in found]

    def with_ids(self, found: list[Finding]) -> list[Finding]:
        """Examples as row ids."""
        listed = [row for f in found if f.check == "two_labels" for row in f.data["rows"]]
        wanted = sorted({row for f in found for row in f.examples} | {row["row"] for row in listed})
        if not wanted:
            return found
        ids = column_of(self.folder, self.spec, "row_id").take(pa.array(wanted)).to_pylist()
        id_of = dict(zip(wanted, ids, strict=True))
        for row in listed:
            row["row"] = id_of[row["row"]]
        return [replace(f, examples=[id_of[row] for row in f.examples]) for f in found]
