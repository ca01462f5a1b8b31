"""The order of the stages for each modality.

In: a `Runner`, the dataset, settings, the user's arrays. Out: `Outcome`: where every result lies.
Does not know: where stages run, what is already done.

    images  fit encoders, encode (one decode a picture) \\
    texts   properties, TF-IDF, sentence encoder         > vectors -> graph -> duplicates -> folds -> predict -> issues, insights
    tables  features                                    /
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.analysis.encoding import WORK, Encoding
from assay.analysis.runner import Runner
from assay.analysis.settings import Settings, UserArrays
from assay.analysis.stage import Shard, Stage, fingerprint, whole
from assay.dataset.dataset import MISSING, Dataset

PAIR_SHARD = 256  # pairs of pictures compared at a time
N_FOLDS = 5
RECALL, RECALL_OF_LARGE, LARGE = 0.98, 0.9, 100_000  # of the graph: among more rows, the last neighbours cost too much


@dataclass
class Outcome:
    tables: dict[str, str] = field(default_factory=dict)  # kind of issue -> place of its parts
    vectors: str = ""
    properties: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    flags: dict[str, int] = field(default_factory=dict)
    insights: str = ""
    insight_counts: dict[str, int] = field(default_factory=dict)
    graph: dict[str, Any] = field(default_factory=dict)
    prediction: dict[str, Any] = field(default_factory=dict)


def run(runner: Runner, dataset: Dataset, settings: Settings, arrays: UserArrays) -> Outcome:
    """Do every stage that this dataset and these settings call for."""
    order = f"dataset/{dataset.fingerprint}/order.npy"
    if not runner.folder.exists(order):
        runner.folder.put_array(order, dataset.order)
    pipeline = _Pipeline(runner, dataset, settings, arrays, str(runner.folder.path(order).resolve()))
    pipeline.all()
    return pipeline.outcome


@dataclass
class _Pipeline:
    runner: Runner
    dataset: Dataset
    settings: Settings
    arrays: UserArrays
    order_file: str
    outcome: Outcome = field(default_factory=Outcome)
    reads: dict[str, str] = field(default_factory=dict)
    features: Stage | None = None

    def all(self) -> None:
        encoded = Encoding(self.runner, self.dataset, self.settings, self.arrays.embeddings, self.order_file)
        encoded.all()
        self.features = encoded.features
        self.outcome.properties, self.outcome.missing = encoded.properties, encoded.missing
        vectors = self.vectors(encoded)
        graph = self.graph(vectors)
        duplicates = self.duplicates(vectors, graph, encoded.levels)
        probabilities = None
        if self.labelled:
            folds = self.folds(vectors, duplicates)
            probabilities = self.probabilities(vectors, graph, folds)
            boundary = self.outcome.prediction.get("boundary_noise")
            self.check("label", vectors, pred_probs=probabilities, n_folds=N_FOLDS, boundary=boundary)
        self.check("outlier", vectors, graph=graph, pred_probs=probabilities, modality=self.dataset.modality)
        self.check("duplicate", vectors, duplicates=duplicates)
        if self.labelled:
            self.check("conflict", vectors, duplicates=duplicates, pred_probs=probabilities)
        if self.dataset.modality in ("image", "text"):
            self.check(self.dataset.modality, vectors, properties=self.outcome.properties)
        else:
            self.check("table", vectors, features=list(self.dataset.roles.features))
        self.insights(vectors)

    @property
    def labelled(self) -> bool:
        """Whether label checks make sense; where they do not, the reason is kept."""
        if not self.dataset.labelled:
            return False
        if len(np.unique(self.dataset.codes[self.dataset.codes >= 0])) < 2:
            for kind in ("label", "conflict"):
                self.runner.skipped[kind] = "all labelled rows carry one class, so nothing can be learned about labels"
            return False
        return True

    # whole arrays --------------------------------------------------------------------------------------------

    def vectors(self, encoded: Encoding) -> Stage:
        views = encoded.views
        spec = self.dataset.spec(parts=views, tiny=encoded.tiny, reasons=encoded.reasons)
        shards = fingerprint([views, encoded.tiny, encoded.reasons])
        stage = whole(
            "vectors",
            f"{WORK}.vectors:gather",
            spec,
            settings={},
            reads=self.dataset.reads | {"encode": shards},
            rows=self.dataset.n_rows,
        )
        found = self.runner.need(stage)[0]
        self.outcome.vectors = stage.place()
        self.outcome.views = list(views)
        self.outcome.flags["is_not_analyzed"] = found["not_analyzed"] - sum(
            reason == MISSING for reason in self.dataset.reasons
        )
        present = self.dataset.order
        self.outcome.flags["is_initially_unlabeled"] = (
            int((self.dataset.codes[present] < 0).sum()) if self.dataset.labelled else 0
        )
        return stage

    def on_vectors(self, vectors: Stage, **more: Any) -> dict[str, Any]:
        return self.dataset.spec(
            vectors=vectors.place(), views=self.outcome.views, threads=self.settings.workers, **more
        )

    def graph(self, vectors: Stage) -> Stage:
        k = 20 if self.dataset.modality == "table" else 15
        metric = "euclidean" if self.dataset.modality == "table" and not self.arrays.embeddings else "cosine"
        enough = RECALL_OF_LARGE if self.dataset.n_rows > LARGE and self.settings.effort != "best" else RECALL
        settings = {"k": k, "metric": metric, "seed": self.settings.seed, "enough": enough}
        stage = whole(
            "graph",
            f"{WORK}.vectors:graph",
            self.on_vectors(vectors),
            settings=settings,
            reads={"vectors": vectors.output},
            rows=self.dataset.n_rows,
            version=2,
        )
        self.outcome.graph = self.runner.need(stage)[0]
        return stage

    def duplicates(self, vectors: Stage, graph: Stage, levels: dict[str, Any]) -> Stage:
        """Clusters of copies. Texts and tables are compared by themselves; pictures that the graph brings together, too."""
        modality = self.dataset.modality
        reads = {"vectors": vectors.output}
        spec = self.on_vectors(vectors)
        settings: dict[str, Any] = {}
        if modality == "image":
            verified = self.verified_pairs(vectors, graph, levels)
            spec |= {"properties": self.outcome.properties, "verified": verified.places}
            reads |= {"verified": verified.output}
        elif modality == "text":
            spec |= {"column": self.dataset.roles.text}
        else:
            settings = {"features": list(self.dataset.roles.features)}
        fn = f"{WORK}.duplicates:{modality}_clusters"
        stage = whole("duplicates", fn, spec, settings=settings, reads=reads, rows=self.dataset.n_rows)
        self.runner.need(stage)
        return stage

    def verified_pairs(self, vectors: Stage, graph: Stage, levels: dict[str, Any]) -> Stage:
        """Plausible pairs of pictures, opened again and compared."""
        candidates = whole(
            "duplicates/candidates",
            f"{WORK}.duplicates:candidates",
            self.on_vectors(vectors, graph=graph.place()),
            settings={"seed": self.settings.seed},
            reads={"vectors": vectors.output, "graph": graph.output},
            rows=self.dataset.n_rows,
            version=5,
        )
        found = self.runner.need(candidates)[0]
        pairs = found["pairs"]
        if found["left_out"]:
            self.runner.notes.append(
                f"near duplicates: {pairs:,} plausible pairs of pictures were opened and compared, "
                f"{found['left_out']:,} less plausible ones were not"
            )
        spec = {
            "dataset": self.dataset.fingerprint,
            "pairs": f"{candidates.place()}.npy",
            "rows": f"{vectors.place()}.rows.npy",
            "levels": levels,
        }
        shards = []
        for index, start in enumerate(range(0, pairs, PAIR_SHARD)):
            stop = min(start + PAIR_SHARD, pairs)
            shards.append(Shard(f"{index:05d}", spec | {"start": start, "stop": stop}, stop - start))
        reads = {"candidates": candidates.output}
        settings = {"levels": levels}
        verified = Stage("duplicates/verify", f"{WORK}.images:verify", settings, reads, tuple(shards), version=2)
        self.runner.need(verified)
        return verified

    def folds(self, vectors: Stage, duplicates: Stage) -> Stage:
        settings = {"n_folds": N_FOLDS, "seed": self.settings.seed}
        spec = self.on_vectors(vectors, duplicates=duplicates.place())
        stage = whole(
            "folds",
            f"{WORK}.vectors:folds",
            spec,
            settings=settings,
            reads=self.dataset.reads | {"duplicates": duplicates.output, "vectors": vectors.output},
        )
        self.runner.need(stage)
        return stage

    def probabilities(self, vectors: Stage, graph: Stage, folds: Stage) -> Stage:
        n_classes = len(self.dataset.classes)
        spec = self.on_vectors(vectors, graph=graph.place(), folds=folds.place(), n_classes=n_classes)
        reads = {"vectors": vectors.output, "graph": graph.output, "folds": folds.output}
        settings = {"effort": self.settings.effort, "seed": self.settings.seed}
        if self.arrays.pred_probs is not None:
            own = self.arrays.pred_probs
            spec |= {"file": own.file, "row_numbers": self.order_file, "columns": list(self.arrays.columns)}
            given = {"content": own.digest, "class_order": fingerprint(list(self.arrays.columns))}
            stage = whole(
                "predict",
                f"{WORK}.vectors:adopt_probabilities",
                spec,
                settings=given,
                reads={"vectors": vectors.output},
            )
            self.runner.need(stage)
            self.outcome.prediction = {"source": "the user's own pred_probs"}
            return stage
        models: list[str] = []
        trees = None
        if self.features is not None and not self.arrays.embeddings:
            tree_spec = spec | {"features_place": self.features.place()}
            trees = whole(
                "predict/trees",
                f"{WORK}.tables:trees",
                tree_spec,
                settings=settings,
                reads=reads | {"features": self.features.output},
                rows=self.dataset.n_rows,
            )
            models = self.runner.need(trees)[0]["models"]
            reads = reads | {"trees": trees.output}
        spec |= {"trees": trees.place() if trees else "", "models": models}
        stage = whole(
            "predict",
            f"{WORK}.vectors:predict",
            spec,
            settings=settings,
            reads=reads,
            rows=self.dataset.n_rows,
            version=2,
        )
        self.outcome.prediction = self.runner.need(stage)[0]
        self.runner.notes += self.outcome.prediction["notes"]
        return stage

    # checks --------------------------------------------------------------------------------------------------

    def check(
        self,
        kind: str,
        vectors: Stage,
        *,
        graph: Stage | None = None,
        duplicates: Stage | None = None,
        pred_probs: Stage | None = None,
        properties: list[str] | None = None,
        **settings: Any,
    ) -> None:
        """Run one kind of check on the stages it uses, and remember its table and counts."""
        reads = self.dataset.reads | {"vectors": vectors.output}
        spec: dict[str, Any] = {"classes": self.dataset.classes}
        uses = {"graph": graph, "duplicates": duplicates, "pred_probs": pred_probs}
        for name, stage in uses.items():
            spec[name] = stage.place() if stage else ""
            if stage is not None:
                reads[name] = stage.output
        if properties is not None:
            spec["properties"] = properties
            reads["properties"] = fingerprint(properties)
        stage = whole(
            f"issues/{kind}",
            f"{WORK}.issues:{kind}",
            self.on_vectors(vectors) | spec,
            settings=settings | {"seed": self.settings.seed},
            reads=reads,
            rows=self.dataset.n_rows,
        )
        result = self.runner.check(kind, stage)
        if result is not None:
            self.outcome.tables[kind] = stage.place()
            self.outcome.flags |= result["flags"]
            self.reads[kind] = stage.output

    def insights(self, vectors: Stage) -> None:
        spec = self.on_vectors(vectors) | {
            "classes": self.dataset.classes,
            "modality": self.dataset.modality,
            "label": self.outcome.tables.get("label", ""),
            "features": list(self.dataset.roles.features),
        }
        reads = self.dataset.reads | ({"label": self.reads["label"]} if "label" in self.reads else {})
        stage = whole("insights", f"{WORK}.issues:insights", spec, settings={}, reads=reads)
        result = self.runner.check("insights", stage)
        if result is not None:
            self.outcome.insights = f"{stage.place()}.json"
            self.outcome.insight_counts = result["counts"]
