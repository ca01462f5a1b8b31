"""The order of the stages for each modality.

In: a `Runner`, the dataset, settings, the user's arrays. Out: `Outcome`: where every result lies.
Does not know: where stages run, what is already done.

    images  fit encoders, encode (one decode a picture) \\
    texts   properties, TF-IDF, sentence encoder         > vectors -> graph -> duplicates -> folds -> predict -> issues, insights
    tables  features                                    /
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.analysis.runner import Runner
from assay.analysis.settings import Settings, UserArray, UserArrays
from assay.analysis.stage import Shard, Stage, fingerprint, whole
from assay.errors import SourceError
from assay.project.dataset import PART, Dataset, read_cells, shard_key

SHARD = 512  # rows of an image or sentence shard
TEXT_SHARD = 8_192
PAIR_SHARD = 1_024
SAMPLE = 3_000  # pictures an encoder's state is fitted on
N_FOLDS = 5
WORK = "assay.analysis.work"
Fitted = tuple[str, str]  # where an encoder's state lies, and its fingerprint


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
    reason_parts: list[str] = field(default_factory=list)
    features: Stage | None = None

    def all(self) -> None:
        encode = {"image": self.images, "text": self.texts, "table": self.tables}[self.dataset.modality]
        views, tiny = encode()
        for name, array in self.arrays.embeddings.items():
            views[name] = self.user_view(name, array)
        vectors = self.vectors(views, tiny)
        graph = self.graph(vectors)
        duplicates = self.duplicates(vectors, graph)
        probabilities = None
        if self.labelled:
            folds = self.folds(vectors, duplicates)
            probabilities = self.probabilities(vectors, graph, folds)
            self.check("label", vectors, probabilities, needs_probabilities=True, n_folds=N_FOLDS)
        self.check("outlier", vectors, probabilities, graph=graph, modality=self.dataset.modality, threads=True)
        self.check("duplicate", vectors, probabilities, duplicates=duplicates)
        if self.labelled:
            self.check("conflict", vectors, probabilities, duplicates=duplicates, needs_probabilities=True)
        if self.dataset.modality in ("image", "text"):
            self.check(self.dataset.modality, vectors, None, properties=self.outcome.properties)
        else:
            self.check("table", vectors, None, features=list(self.dataset.roles.features))
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

    # what every spec holds ---------------------------------------------------------------------------------

    def common(self, **more: Any) -> dict[str, Any]:
        return {"dataset": self.dataset.fingerprint, "n_rows": self.dataset.n_rows, **more}

    @property
    def from_dataset(self) -> dict[str, str]:
        return {"dataset": self.dataset.fingerprint}

    def spans(self, size: int) -> Iterator[tuple[int, int]]:
        for start in range(0, self.dataset.n_rows, size):
            yield start, min(start + size, self.dataset.n_rows)

    # encode --------------------------------------------------------------------------------------------------

    def images(self) -> tuple[dict[str, list[str]], list[str]]:
        from assay.encode.views import image_encoders, missing_image_encoders

        built_in = [] if self.arrays.embeddings else image_encoders([])
        known = {encoder.name for encoder in built_in}
        extra = [
            (name, encoder)
            for name in self.settings.encoders
            for encoder in image_encoders([name])
            if encoder.name not in known
        ]
        self.outcome.missing += [] if self.arrays.embeddings else missing_image_encoders()
        tokens = [
            f"{token}\t{reason or ''}"
            for token, reason in zip(self.dataset.rows["token"].to_pylist(), self.dataset.reasons, strict=True)
        ]
        states = self.fit_encoders([*(("", encoder) for encoder in built_in), *extra], tokens)
        views: dict[str, list[str]] = {}
        pixels = self.encode_images(
            "encode/images", [encoder.name for encoder in built_in], "", states, tokens, pixels=True
        )
        self.outcome.properties = pixels.places
        self.reason_parts += pixels.places
        for encoder in built_in:
            views[encoder.name] = pixels.places
        for load, encoder in extra:
            views[encoder.name] = self.encode_images(
                f"encode/{encoder.name}", [encoder.name], load, states, tokens, pixels=False
            ).places
        return views, pixels.places

    def fit_encoders(self, chosen: list[tuple[str, Any]], tokens: Sequence[str]) -> dict[str, Fitted]:
        """What each encoder learns from a sample of the pictures, one shard an encoder."""
        sample = self.sample()
        reads = {"sample": fingerprint([[row, tokens[row]] for row in sample])}
        spec = self.common(sample=sample, seed=self.settings.seed)
        shards = tuple(
            Shard(
                f"{encoder.name}-{fingerprint(encoder.fingerprint)}",
                spec | {"encoder": encoder.name, "load": load},
                len(sample),
            )
            for load, encoder in chosen
        )
        stage = Stage("encode/fit", f"{WORK}.images:fit", {"seed": self.settings.seed}, reads, shards)
        self.runner.need(stage)
        return {
            encoder.name: (stage.place(shard.key), fingerprint([stage.fingerprint, shard.key]))
            for (_, encoder), shard in zip(chosen, shards, strict=True)
        }

    def sample(self) -> list[int]:
        good = np.flatnonzero([reason is None for reason in self.dataset.reasons])
        chosen = np.random.default_rng([self.settings.seed, 1]).permutation(good)[:SAMPLE]
        return [int(row) for row in np.sort(chosen)]

    def encode_images(
        self,
        name: str,
        encoders: list[str],
        load: str,
        states: dict[str, Fitted],
        tokens: Sequence[str],
        *,
        pixels: bool,
    ) -> Stage:
        places = {encoder: states[encoder][0] for encoder in encoders}
        reads = {encoder: states[encoder][1] for encoder in encoders}
        spec = {
            "dataset": self.dataset.fingerprint,
            "encoders": encoders,
            "load": load,
            "states": places,
            "pixels": pixels,
        }
        shards = tuple(
            Shard(shard_key(index, tokens[start:stop]), spec | {"start": start, "stop": stop}, stop - start)
            for index, (start, stop) in enumerate(self.spans(SHARD))
        )
        stage = Stage(name, f"{WORK}.images:encode", {"pixels": pixels}, reads, shards)
        done = self.runner.need(stage)
        if not any(result["rows"] for result in done):
            self.nothing_readable(stage)
        return stage

    def nothing_readable(self, stage: Stage) -> None:
        reasons: list[str] = []
        for place in stage.places:
            reasons += [
                reason
                for reason in self.runner.folder.get_table(f"{place}.properties.parquet", ["reason"])[
                    "reason"
                ].to_pylist()
                if reason
            ]
        raise SourceError(
            f"none of the {self.dataset.n_rows:,} images could be read; the first: {reasons[0] if reasons else 'no reason known'}"
        )

    def texts(self) -> tuple[dict[str, list[str]], list[str]]:
        from assay.encode.bert import missing_text_encoders, sentence_encoders

        column = self.dataset.roles.text
        spec = self.common(column=column)
        tokens = self.cell_tokens([str(column)])
        shards = self.text_shards(TEXT_SHARD, tokens, spec)
        properties = Stage("encode/text", f"{WORK}.texts:properties", {"column": column}, {}, shards)
        self.runner.need(properties)
        self.outcome.properties = properties.places
        views: dict[str, list[str]] = {}
        if not self.arrays.embeddings:
            tfidf = whole(
                "encode/tfidf",
                f"{WORK}.texts:tfidf",
                self.common(column=column, threads=self.settings.workers),
                settings={"seed": self.settings.seed},
                reads=self.from_dataset,
                rows=self.dataset.n_rows,
            )
            if not self.runner.need(tfidf)[0]["rows"]:
                raise SourceError(
                    f"every text in the column {column!r} is empty or unreadable; name another with --text"
                )
            views["tfidf"] = tfidf.places
            self.outcome.missing += missing_text_encoders()
        chosen: list[tuple[list[str], Any]]
        chosen = [] if self.arrays.embeddings else [([], encoder) for encoder in sentence_encoders([])]
        chosen += [([name], encoder) for name in self.settings.encoders for encoder in sentence_encoders([name])]
        for load, encoder in chosen:
            if encoder.name in views:
                continue
            settings = {"numbers": encoder.fingerprint}
            shards = self.text_shards(SHARD, tokens, spec | {"encoder": encoder.name, "load": load})
            stage = Stage(f"encode/{encoder.name}", f"{WORK}.texts:sentences", settings, {}, shards)
            self.runner.need(stage)
            views[encoder.name] = stage.places
        return views, []

    def cell_tokens(self, columns: list[str]) -> list[str]:
        tokens: list[str] = []
        for start, stop in self.spans(PART):
            table = read_cells(self.runner.folder, self.dataset.fingerprint, start, stop, columns)
            tokens += [str(value) for value in table[columns[0]].to_pylist()]
        return [f"{token}\t{reason or ''}" for token, reason in zip(tokens, self.dataset.reasons, strict=True)]

    def text_shards(self, size: int, tokens: Sequence[str], spec: dict[str, Any]) -> tuple[Shard, ...]:
        return tuple(
            Shard(shard_key(index, tokens[start:stop]), spec | {"start": start, "stop": stop}, stop - start)
            for index, (start, stop) in enumerate(self.spans(size))
        )

    def tables(self) -> tuple[dict[str, list[str]], list[str]]:
        features = list(self.dataset.roles.features)
        self.features = whole(
            "encode/table",
            f"{WORK}.tables:features",
            self.common(),
            settings={"features": features, "seed": self.settings.seed},
            reads=self.from_dataset,
            rows=self.dataset.n_rows,
        )
        found = self.runner.need(self.features)[0]
        if not found["rows"]:
            raise SourceError(
                f"none of the {self.dataset.n_rows:,} rows could be read; {next(filter(None, self.dataset.reasons), '')}"
            )
        self.runner.notes += found["notes"]
        return ({} if self.arrays.embeddings else {"cells": self.features.places}), []

    def user_view(self, name: str, array: UserArray) -> list[str]:
        spec = {"file": array.file, "row_numbers": self.order_file, "view": name}
        stage = whole(
            f"encode/user/{name}",
            f"{WORK}.vectors:adopt",
            spec,
            settings={"content": array.digest, "seed": self.settings.seed},
            reads=self.from_dataset,
            rows=array.shape[0],
        )
        if not self.runner.need(stage)[0]["rows"]:
            raise SourceError(f"every row of the embeddings {name!r} holds NaN or infinity")
        self.reason_parts += stage.places
        return stage.places

    # whole arrays --------------------------------------------------------------------------------------------

    def vectors(self, views: dict[str, list[str]], tiny: list[str]) -> Stage:
        spec = self.common(parts=views, tiny=tiny, reasons=self.reason_parts)
        shards = fingerprint([views, tiny, self.reason_parts])
        stage = whole(
            "vectors",
            f"{WORK}.vectors:gather",
            spec,
            settings={},
            reads=self.from_dataset | {"encode": shards},
            rows=self.dataset.n_rows,
        )
        found = self.runner.need(stage)[0]
        self.outcome.vectors = stage.place()
        self.outcome.views = list(views)
        self.outcome.flags["is_not_analyzed"] = found["not_analyzed"] - sum(
            reason == "no longer in the source" for reason in self.dataset.reasons
        )
        present = self.dataset.order
        self.outcome.flags["is_initially_unlabeled"] = (
            int((self.dataset.codes[present] < 0).sum()) if self.dataset.labelled else 0
        )
        return stage

    def on_vectors(self, vectors: Stage, **more: Any) -> dict[str, Any]:
        return self.common(vectors=vectors.place(), views=self.outcome.views, threads=self.settings.workers, **more)

    def graph(self, vectors: Stage) -> Stage:
        k = 20 if self.dataset.modality == "table" else 15
        metric = "euclidean" if self.dataset.modality == "table" and not self.arrays.embeddings else "cosine"
        settings = {"k": k, "metric": metric, "seed": self.settings.seed}
        stage = whole(
            "graph",
            f"{WORK}.vectors:graph",
            self.on_vectors(vectors),
            settings=settings,
            reads={"vectors": vectors.output},
            rows=self.dataset.n_rows,
        )
        self.outcome.graph = self.runner.need(stage)[0]
        return stage

    def duplicates(self, vectors: Stage, graph: Stage) -> Stage:
        seed = {"seed": self.settings.seed}
        reads = {"vectors": vectors.output, "graph": graph.output}
        spec = self.on_vectors(vectors, graph=graph.place())
        if self.dataset.modality == "image":
            candidates = whole(
                "duplicates/candidates",
                f"{WORK}.duplicates:candidates",
                spec,
                settings=seed,
                reads=reads,
                rows=self.dataset.n_rows,
            )
            pairs = self.runner.need(candidates)[0]["pairs"]
            pair_spec = {
                "dataset": self.dataset.fingerprint,
                "pairs": f"{candidates.place()}.npy",
                "rows": f"{vectors.place()}.rows.npy",
            }
            shards = tuple(
                Shard(
                    f"{start // PAIR_SHARD:05d}",
                    pair_spec | {"start": start, "stop": min(start + PAIR_SHARD, pairs)},
                    min(PAIR_SHARD, pairs - start),
                )
                for start in range(0, pairs, PAIR_SHARD)
            )
            verified = Stage(
                "duplicates/verify", f"{WORK}.images:verify", {}, {"candidates": candidates.output}, shards
            )
            self.runner.need(verified)
            spec |= {"properties": self.outcome.properties, "verified": verified.places}
            stage = whole(
                "duplicates",
                f"{WORK}.duplicates:image_clusters",
                spec,
                settings={},
                reads=reads | {"verified": verified.output},
            )
        elif self.dataset.modality == "text":
            spec |= {"column": self.dataset.roles.text}
            stage = whole(
                "duplicates",
                f"{WORK}.duplicates:text_clusters",
                spec,
                settings=seed,
                reads=reads,
                rows=self.dataset.n_rows,
            )
        else:
            settings = seed | {"features": list(self.dataset.roles.features)}
            stage = whole(
                "duplicates",
                f"{WORK}.duplicates:table_clusters",
                spec,
                settings=settings,
                reads=reads,
                rows=self.dataset.n_rows,
            )
        self.runner.need(stage)
        return stage

    def folds(self, vectors: Stage, duplicates: Stage) -> Stage:
        settings = {"n_folds": N_FOLDS, "seed": self.settings.seed}
        spec = self.on_vectors(vectors, duplicates=duplicates.place())
        stage = whole(
            "folds",
            f"{WORK}.vectors:folds",
            spec,
            settings=settings,
            reads=self.from_dataset | {"duplicates": duplicates.output, "vectors": vectors.output},
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
            given = {"content": own.digest, "columns": fingerprint(list(self.arrays.columns))}
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
            "predict", f"{WORK}.vectors:predict", spec, settings=settings, reads=reads, rows=self.dataset.n_rows
        )
        self.outcome.prediction = self.runner.need(stage)[0]
        self.runner.notes += self.outcome.prediction["notes"]
        return stage

    # checks --------------------------------------------------------------------------------------------------

    def check(
        self,
        kind: str,
        vectors: Stage,
        probabilities: Stage | None,
        *,
        graph: Stage | None = None,
        duplicates: Stage | None = None,
        needs_probabilities: bool = False,
        threads: bool = False,
        properties: list[str] | None = None,
        **settings: Any,
    ) -> None:
        """Run one kind of check and remember its table and counts."""
        reads = self.from_dataset | {"vectors": vectors.output}
        spec: dict[str, Any] = {"classes": self.dataset.classes}
        uses = {
            "graph": graph,
            "duplicates": duplicates,
            "pred_probs": probabilities if needs_probabilities or kind == "outlier" else None,
        }
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
        reads = self.from_dataset | ({"label": self.reads["label"]} if "label" in self.reads else {})
        stage = whole("insights", f"{WORK}.issues:insights", spec, settings={}, reads=reads)
        result = self.runner.check("insights", stage)
        if result is not None:
            self.outcome.insights = f"{stage.place()}.json"
            self.outcome.insight_counts = result["counts"]
