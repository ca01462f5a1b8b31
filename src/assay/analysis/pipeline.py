"""The stages in their order, from rows to flags, for each modality: read it from top to bottom.

In: a `Runner`, the dataset, settings, the user's arrays. Out: `Outcome`: where every result lies.
Does not know: where stages run, what is already done, how anything is computed (each stage names its function).

    images  fit encoders, encode (one decode a picture) \\
    texts   properties, TF-IDF, sentence encoder         > vectors -> graph -> duplicates -> folds -> predict -> issues, insights
    tables  features                                    /
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from assay.analysis.encoding import Encoding
from assay.analysis.memory import MemoryPlan
from assay.analysis.runner import Runner
from assay.analysis.settings import Settings, UserArray, UserArrays
from assay.analysis.stage import Shard, Stage, fingerprint, single_shard
from assay.dataset.dataset import MISSING, Dataset
from assay.dataset.target import ClassTarget
from assay.duplicates.image_rounds import ROUNDS
from assay.sources.text_folder import PATH, TEXT
from assay.stages import duplicates, images, issues, ontology, tables, two_labels, vectors
from assay.stages.leaks import (
    ColumnLeaksSpec,
    FormLeaksSpec,
    LeaksFound,
    TextLeaksSpec,
    column_leaks,
    form_leaks,
    text_leaks,
)

# Pairs of pictures compared at a time; fewer where there are few, so that several workers have their part. Each part opens its
# pictures for itself: parts of 128 pairs open 3 to 10 % more in all than of 256 (photos_600, aquarium, grocery), of clothing 25 %
PAIR_SHARD, PAIR_PARTS, FEWEST_PAIRS = 256, 4, 32
OPENED_SHARD = 128  # pictures taken apart at a time
N_FOLDS = 5
FEWEST = 10  # labelled rows: of two classes every fold should see one of each
RECALL, RECALL_OF_LARGE, LARGE = 0.98, 0.9, 100_000  # of the graph: among more rows, the last neighbours cost too much


@dataclass
class Outcome:
    tables: dict[str, str] = field(default_factory=dict)  # kind of issue -> prefix of its parts
    vectors: str = ""
    properties: tuple[str, ...] = ()
    embeddings: tuple[str, ...] = ()
    missing: list[str] = field(default_factory=list)
    levels: images.Levels = ()
    flags: dict[str, int] = field(default_factory=dict)
    insights: str = ""
    insight_counts: dict[str, int] = field(default_factory=dict)
    ontology: str = ""
    graph: dict[str, Any] = field(default_factory=dict)
    prediction: dict[str, Any] = field(default_factory=dict)


def run(runner: Runner, dataset: Dataset, settings: Settings, arrays: UserArrays, plan: MemoryPlan) -> Outcome:
    """Do every stage that this dataset and these settings call for."""
    order_file = f"dataset/{dataset.fingerprint}/order.npy"
    runner.folder.keep_array(order_file, dataset.order)
    pipeline = Pipeline(runner, dataset, settings, arrays, order_file, plan)
    pipeline.all()
    return pipeline.outcome


@dataclass
class Pipeline:
    runner: Runner
    dataset: Dataset
    settings: Settings
    arrays: UserArrays
    order_file: str
    plan: MemoryPlan
    outcome: Outcome = field(default_factory=Outcome)
    inputs: dict[str, str] = field(default_factory=dict)  # kind of check -> fingerprint of its table
    features: Stage[tables.FeaturesMade] | None = None
    leak_findings: str = ""
    blind: str = ""  # why label findings are withheld, where something else than the content gives labels away
    blind_classes: tuple[int, ...] = ()  # classes that alone are given away
    verdict: dict[str, Any] | None = None
    fold_stage: Stage[vectors.FoldsMade] | None = None

    def all(self) -> None:
        learn = LABEL_STAGES.get(self.dataset.target.task) if self.learnable else None
        of_classes = learn is not None and bool(self.dataset.classes)
        leaks = self.column_leaks() if of_classes and self.dataset.modality == "table" else LeaksFound()
        own = self.arrays.embeddings
        left_out = leaks.columns
        if left_out and set(self.dataset.roles.features) <= set(left_out):  # nothing else is there to learn from
            left_out, self.blind = (), "every column gives the label away, so nothing could contradict a label"
        if of_classes and self.dataset.modality == "text":
            self.blind = self.text_leaks().blind
        threads = self.plan.threads_of("encode/tfidf")
        encoded = Encoding(
            self.runner, self.dataset, self.settings, own, self.order_file, left_out=left_out, threads=threads
        )
        encoded.all()
        self.features = encoded.features
        self.outcome.properties, self.outcome.missing = encoded.properties, encoded.missing
        self.outcome.levels = encoded.levels
        gathered = self.gather(encoded)
        graph = self.graph(gathered)
        copies = self.cluster_copies(gathered, graph, encoded.levels)
        if of_classes and self.dataset.modality == "image":
            forms = self.form_leaks()
            self.blind, self.blind_classes = forms.blind, forms.blind_classes
        predicted = learn(self, gathered, graph, copies) if learn is not None else None
        self.outlier(gathered, graph, predicted, encoded.widths)
        self.duplicate(gathered, copies)
        if predicted is not None:
            self.conflict(gathered, copies, predicted)
        if self.dataset.modality == "table":
            self.table(gathered)
        else:
            self.properties(gathered)
        if predicted is not None and self.dataset.modality != "table":
            self.two_labels(gathered, predicted, encoded)
        self.insights(gathered, copies)
        self.whole_dataset(gathered, graph, copies, predicted)

    @property
    def learnable(self) -> bool:
        """Whether label checks make sense; where they do not, the reason is kept."""
        why = self.dataset.target.why_nothing_to_learn
        if why:
            self.runner.skipped |= dict.fromkeys(("label", "multi_label", "conflict"), why)
        return not why

    # what gives the label away -------------------------------------------------------------------------------

    def column_leaks(self) -> LeaksFound:
        """Columns that fix the label; of probabilities the user brought nobody knows what they were learned from."""
        if self.arrays.pred_probs is not None or self.arrays.embeddings:
            return LeaksFound()
        features = tuple(self.dataset.roles.features)
        spec = ColumnLeaksSpec(dataset=self.dataset.fingerprint, n_rows=self.dataset.n_rows, features=features)
        return self.leaks(column_leaks, spec, self.dataset.inputs)

    def text_leaks(self) -> LeaksFound:
        """Texts that are names, or begin with their class; asked of the models made here, which read nothing else."""
        if self.arrays.pred_probs is not None or self.arrays.embeddings or not self.dataset.roles.text:
            return LeaksFound()
        spec = TextLeaksSpec(
            dataset=self.dataset.fingerprint,
            n_rows=self.dataset.n_rows,
            column=str(self.dataset.roles.text),
            classes=tuple(self.dataset.classes),
        )
        return self.leaks(text_leaks, spec, self.dataset.inputs)

    def form_leaks(self) -> LeaksFound:
        if self.arrays.pred_probs is not None:
            return LeaksFound()
        properties = self.outcome.properties
        spec = FormLeaksSpec(
            dataset=self.dataset.fingerprint,
            n_rows=self.dataset.n_rows,
            properties=properties,
            classes=tuple(self.dataset.classes),
        )
        return self.leaks(form_leaks, spec, self.dataset.inputs | {"properties": fingerprint(list(properties))})

    def leaks(self, function: Any, spec: Any, inputs: dict[str, str]) -> LeaksFound:
        stage = single_shard("leaks", function, spec, inputs=inputs, rows=self.dataset.n_rows)
        found: LeaksFound | None = self.runner.try_check("leaks", stage)
        if found is None:
            return LeaksFound()
        self.leak_findings, self.inputs["leaks"] = stage.prefix(), stage.output
        return found

    # whole arrays --------------------------------------------------------------------------------------------

    def gather(self, encoded: Encoding) -> Stage[vectors.Gathered]:
        spec = vectors.GatherSpec(
            dataset=self.dataset.fingerprint,
            n_rows=self.dataset.n_rows,
            parts=encoded.embeddings,
            tiny=encoded.tiny,
            reasons=encoded.reasons,
        )
        shards = fingerprint([encoded.embeddings, encoded.tiny, encoded.reasons])
        stage = single_shard(
            "vectors",
            vectors.gather,
            spec,
            inputs=self.dataset.inputs | {"encode": shards},
            rows=self.dataset.n_rows,
        )
        found = self.runner.require(stage)[0]
        self.outcome.vectors = stage.prefix()
        self.outcome.embeddings = tuple(encoded.embeddings)
        self.outcome.flags["is_not_analyzed"] = found.not_analyzed - sum(
            reason == MISSING for reason in self.dataset.reasons
        )
        present = self.dataset.order
        self.outcome.flags["is_initially_unlabeled"] = (
            int((~self.dataset.target.labelled[present]).sum()) if self.dataset.target.has_labels else 0
        )
        return stage

    def on_vectors(self, stage: str) -> dict[str, Any]:
        """The fields of `assay.stages.specs.VectorsSpec`; the memory plan says how many threads a stage has."""
        return {
            "dataset": self.dataset.fingerprint,
            "n_rows": self.dataset.n_rows,
            "vectors": self.outcome.vectors,
            "embeddings": self.outcome.embeddings,
            "threads": self.plan.threads_of(stage),
        }

    def graph(self, gathered: Stage[vectors.Gathered]) -> Stage[vectors.GraphMade]:
        table = self.dataset.modality == "table"
        spec = vectors.GraphSpec(
            **self.on_vectors("graph"),
            k=20 if table else 15,
            metric="euclidean" if table and not self.arrays.embeddings else "cosine",
            seed=self.settings.seed,
            enough=RECALL_OF_LARGE if self.dataset.n_rows > LARGE and self.settings.effort != "best" else RECALL,
        )
        inputs = {"vectors": gathered.output}
        stage = single_shard("graph", vectors.graph, spec, inputs=inputs, rows=self.dataset.n_rows)
        self.outcome.graph = asdict(self.runner.require(stage)[0])
        return stage

    def cluster_copies(
        self, gathered: Stage[vectors.Gathered], graph: Stage[vectors.GraphMade], levels: images.Levels
    ) -> Stage[duplicates.ClustersFound]:
        """Clusters of copies. Texts and tables are compared by themselves; pictures that the graph brings together, too."""
        inputs, n = {"vectors": gathered.output}, self.dataset.n_rows
        if self.dataset.modality == "image":
            rounds = self.verify(gathered, graph, levels)
            prefixes = tuple(prefix for verified in rounds for prefix in verified.prefixes)
            pictures = duplicates.ImageClustersSpec(
                **self.on_vectors("duplicates"), properties=self.outcome.properties, verified=prefixes
            )
            inputs |= {"verified": fingerprint([verified.output for verified in rounds])}
            stage = single_shard("duplicates", duplicates.image_clusters, pictures, inputs=inputs, rows=n)
        elif self.dataset.modality == "text":
            texts = duplicates.TextClustersSpec(**self.on_vectors("duplicates"), column=str(self.dataset.roles.text))
            stage = single_shard("duplicates", duplicates.text_clusters, texts, inputs=inputs, rows=n)
        else:
            cells = duplicates.TableClustersSpec(
                **self.on_vectors("duplicates"), features=tuple(self.dataset.roles.features)
            )
            stage = single_shard("duplicates", duplicates.table_clusters, cells, inputs=inputs, rows=n)
        self.runner.require(stage)
        return stage

    def verify(
        self, gathered: Stage[vectors.Gathered], graph: Stage[vectors.GraphMade], levels: images.Levels
    ) -> list[Stage[images.Verified]]:
        """Plausible pairs of pictures, opened again and compared; then those that the copies found make plausible."""
        candidates = single_shard(
            "duplicates/candidates",
            duplicates.candidates,
            duplicates.CandidatesSpec(
                **self.on_vectors("duplicates"),
                graph=graph.prefix(),
                properties=self.outcome.properties,
                levels=levels,
                seed=self.settings.seed,
            ),
            inputs={"vectors": gathered.output, "graph": graph.output},
            rows=self.dataset.n_rows,
        )
        found = self.runner.require(candidates)[0]
        if found.left_out:
            self.runner.notes.append(
                f"near duplicates: {found.pairs:,} plausible pairs of pictures were opened and compared, "
                f"{found.left_out:,} less plausible ones were not"
            )
        tried = [candidates]
        rounds = [self.compare("duplicates/verify", gathered, candidates, found.pairs, levels)]
        for number in range(2, ROUNDS + 1):
            prefixes = tuple(prefix for verified in rounds for prefix in verified.prefixes)
            if not rounds[-1].shards or not any(done.kept for done in self.runner.require(rounds[-1])):
                break
            more = single_shard(
                f"duplicates/candidates_{number}",
                duplicates.more_candidates,
                duplicates.MoreSpec(
                    **self.on_vectors("duplicates"),
                    graph=graph.prefix(),
                    tried=tuple(stage.prefix() for stage in tried),
                    verified=prefixes,
                ),
                inputs={"graph": graph.output, "verified": fingerprint([verified.output for verified in rounds])},
                rows=self.dataset.n_rows,
            )
            pairs = self.runner.require(more)[0].pairs
            if not pairs:
                break
            tried.append(more)
            rounds.append(self.compare(f"duplicates/verify_{number}", gathered, more, pairs, levels))
        return rounds

    def compare(
        self,
        name: str,
        gathered: Stage[vectors.Gathered],
        candidates: Stage[duplicates.CandidatesFound],
        pairs: int,
        levels: images.Levels,
    ) -> Stage[images.Verified]:
        shards = []
        size = min(PAIR_SHARD, max(FEWEST_PAIRS, -(-pairs // PAIR_PARTS)))
        for index, start in enumerate(range(0, pairs, size)):
            stop = min(start + size, pairs)
            spec = images.VerifySpec(
                dataset=self.dataset.fingerprint,
                pairs=f"{candidates.prefix()}.npy",
                rows=f"{gathered.prefix()}.rows.npy",
                start=start,
                stop=stop,
                levels=levels,
            )
            shards.append(Shard(f"{index:05d}", spec, stop - start))
        verified = Stage(name, images.verify, {"candidates": candidates.output}, tuple(shards))
        self.runner.require(verified)
        return verified

    def folds(
        self, gathered: Stage[vectors.Gathered], copies: Stage[duplicates.ClustersFound]
    ) -> Stage[vectors.FoldsMade]:
        spec = vectors.FoldsSpec(
            **self.on_vectors("folds"), duplicates=copies.prefix(), n_folds=N_FOLDS, seed=self.settings.seed
        )
        inputs = self.dataset.inputs | {"duplicates": copies.output, "vectors": gathered.output}
        stage = self.fold_stage = single_shard("folds", vectors.folds, spec, inputs=inputs)
        self.runner.require(stage)
        return stage

    def predict(
        self,
        gathered: Stage[vectors.Gathered],
        graph: Stage[vectors.GraphMade],
        folds: Stage[vectors.FoldsMade],
    ) -> Stage[Any]:
        """Out-of-sample probabilities: the user's own, or those of the models."""
        if self.arrays.pred_probs is not None:
            return self.adopt_probabilities(gathered, self.arrays.pred_probs)
        inputs = {"vectors": gathered.output, "graph": graph.output, "folds": folds.output}
        n_classes = len(self.dataset.classes)
        trees = None
        models: tuple[str, ...] = ()
        if self.features is not None and not self.arrays.embeddings:
            tree_spec = tables.TreesSpec(
                **self.on_vectors("predict/trees"),
                features=self.features.prefix(),
                folds=folds.prefix(),
                n_classes=n_classes,
                effort=self.settings.effort,
                seed=self.settings.seed,
            )
            tree_inputs = inputs | {"features": self.features.output}
            trees = single_shard("predict/trees", tables.trees, tree_spec, inputs=tree_inputs, rows=self.dataset.n_rows)
            models = self.runner.require(trees)[0].models
            inputs = inputs | {"trees": trees.output}
        spec = vectors.PredictSpec(
            **self.on_vectors("predict"),
            graph=graph.prefix(),
            folds=folds.prefix(),
            n_classes=n_classes,
            trees=trees.prefix() if trees else "",
            models=models,
            effort=self.settings.effort,
            seed=self.settings.seed,
        )
        stage = single_shard("predict", vectors.predict, spec, inputs=inputs, rows=self.dataset.n_rows)
        made = self.runner.require(stage)[0]
        self.outcome.prediction = asdict(made)
        self.runner.notes += made.notes
        return stage

    def adopt_probabilities(
        self, gathered: Stage[vectors.Gathered], own: UserArray
    ) -> Stage[vectors.AdoptedProbabilities]:
        spec = vectors.AdoptProbabilitiesSpec(
            dataset=self.dataset.fingerprint,
            n_rows=self.dataset.n_rows,
            vectors=gathered.prefix(),
            file=own.file,
            row_numbers=self.order_file,
            columns=self.arrays.columns,
            content=own.digest,
            class_order=fingerprint(list(self.arrays.columns)),
        )
        inputs = {"vectors": gathered.output}
        stage = single_shard("predict", vectors.adopt_probabilities, spec, inputs=inputs)
        self.runner.require(stage)
        self.outcome.prediction = {"source": "the user's own pred_probs"}
        return stage

    def classes(self, gathered: Stage[Any], graph: Stage[Any], copies: Stage[Any]) -> Stage[Any]:
        """One class a row: folds, out-of-sample probabilities, the label check."""
        predicted = self.predict(gathered, graph, self.folds(gathered, copies))
        found = self.outcome.prediction
        if 0 < found.get("labelled", 0) == found.get("unjudged"):
            why = "every class is one row or copies of one, so nothing can be learned about labels"
            self.runner.skipped["label"] = why
        elif found.get("labelled", FEWEST) < FEWEST:
            self.runner.skipped["label"] = f"{found['labelled']} labelled rows are too few to learn from and judge by"
        else:
            self.label(gathered, copies, predicted)
        return predicted

    # checks --------------------------------------------------------------------------------------------------

    def check(self, kind: str, function: Any, spec: issues.CheckSpec, inputs: dict[str, str]) -> Any:
        """Run one kind of check, and remember its table and counts; its result, None where it failed."""
        inputs = self.dataset.inputs | inputs
        stage = single_shard(f"issues/{kind}", function, spec, inputs=inputs, rows=self.dataset.n_rows)
        result: issues.Checked | None = self.runner.try_check(kind, stage)
        if result is not None:
            self.outcome.tables[kind] = stage.prefix()
            self.outcome.flags |= result.flags
            self.inputs[kind] = stage.output
        return result

    def on_check(self, stage: str) -> dict[str, Any]:
        """The fields of `assay.stages.issues.CheckSpec`."""
        return self.on_vectors(stage) | {"classes": tuple(self.dataset.classes), "seed": self.settings.seed}

    def label(self, gathered: Stage[Any], copies: Stage[Any], predicted: Stage[Any]) -> None:
        spec = issues.LabelSpec(
            **self.on_check("issues/label"),
            pred_probs=predicted.prefix(),
            n_folds=N_FOLDS,
            boundary=self.outcome.prediction.get("boundary_noise"),
            duplicates=copies.prefix(),
            blind=self.blind,
            blind_classes=self.blind_classes,
        )
        inputs = {"vectors": gathered.output, "pred_probs": predicted.output, "duplicates": copies.output}
        result: issues.LabelsChecked | None = self.check("label", issues.label, spec, inputs)
        if result is not None:
            self.verdict = result.verdict
            if result.verdict["withheld"]:
                self.withhold(result)

    @property
    def untold(self) -> str:
        """Why nothing that predictions say of labels may be claimed, "" where something may: classes that overlap are no
        reason to think that the models know nothing."""
        if self.verdict is not None and not self.blind and not self.verdict["by_lot"]:
            return ""
        return self.blind or self.runner.skipped.get("label", "")

    def withhold(self, result: issues.LabelsChecked) -> None:
        """Labels could not be judged: the check counts as skipped, and its columns as not there."""
        self.runner.skipped["label"] = result.verdict["withheld"]
        del self.outcome.tables["label"]
        for name in result.flags:
            self.outcome.flags.pop(name, None)

    def outlier(
        self, gathered: Stage[Any], graph: Stage[Any], predicted: Stage[Any] | None, widths: tuple[int, ...]
    ) -> None:
        spec = issues.OutlierSpec(
            **self.on_check("issues/outlier"),
            graph=graph.prefix(),
            pred_probs=predicted.prefix() if predicted else "",
            widths=widths,
            modality=self.dataset.modality,
            features=tuple(self.dataset.roles.features) if self.dataset.modality == "table" else (),
        )
        inputs = {"vectors": gathered.output, "graph": graph.output}
        inputs |= {"pred_probs": predicted.output} if predicted else {}
        self.check("outlier", issues.outlier, spec, inputs)

    def duplicate(self, gathered: Stage[Any], copies: Stage[Any]) -> None:
        spec = issues.DuplicateSpec(**self.on_check("issues/duplicate"), duplicates=copies.prefix())
        inputs = {"vectors": gathered.output, "duplicates": copies.output}
        self.check("duplicate", issues.duplicate, spec, inputs)

    def conflict(self, gathered: Stage[Any], copies: Stage[Any], predicted: Stage[Any]) -> None:
        spec = issues.ConflictSpec(
            **self.on_check("issues/conflict"),
            duplicates=copies.prefix(),
            pred_probs=predicted.prefix(),
            decided="label" not in self.runner.skipped,
        )
        inputs = {"vectors": gathered.output, "duplicates": copies.output, "pred_probs": predicted.output}
        self.check("conflict", issues.conflict, spec, inputs)

    def properties(self, gathered: Stage[Any]) -> None:
        """What was measured of single pictures or texts."""
        function = issues.image if self.dataset.modality == "image" else issues.text
        spec = issues.PropertiesCheckSpec(**self.on_check("issues/properties"), properties=self.outcome.properties)
        inputs = {"vectors": gathered.output, "properties": fingerprint(list(self.outcome.properties))}
        self.check(self.dataset.modality, function, spec, inputs)

    def table(self, gathered: Stage[Any]) -> None:
        spec = issues.TableCheckSpec(**self.on_check("issues/table"), features=tuple(self.dataset.roles.features))
        self.check("table", issues.table, spec, {"vectors": gathered.output})

    def insights(self, gathered: Stage[Any], copies: Stage[duplicates.ClustersFound]) -> None:
        spec = issues.InsightsSpec(
            **self.on_check("insights"),
            modality=self.dataset.modality,
            label=self.outcome.tables.get("label", ""),
            duplicates=copies.prefix(),
            features=tuple(self.dataset.roles.features),
            text=(self.dataset.roles.text or "") if self.dataset.modality == "text" else "",
            leaks=self.leak_findings,
            verdict=self.verdict,
        )
        inputs = self.dataset.inputs | {"vectors": gathered.output, "duplicates": copies.output}
        inputs |= {name: self.inputs[name] for name in ("label", "leaks") if name in self.inputs}
        stage = single_shard("insights", issues.insights, spec, inputs=inputs)
        result = self.runner.try_check("insights", stage)
        if result is not None:
            self.outcome.insights = f"{stage.prefix()}.json"
            self.outcome.insight_counts = result.counts

    def two_labels(self, gathered: Stage[Any], predicted: Stage[Any], encoded: Encoding) -> None:
        """Rows that hold a second class: the plausible ones are opened again and taken apart."""
        text = str(self.dataset.roles.text or "") if self.dataset.modality == "text" else ""
        encoder, why = self.part_encoder(encoded)
        # rows that hold two things make labels look unpredictable: withheld label findings are no reason to look no further
        why = self.untold or ("the label check failed" if self.verdict is None else "") or why
        if why or self.fold_stage is None:
            self.runner.skipped["multi_label"] = why
            return
        known = {"vectors": gathered.output, "pred_probs": predicted.output}
        spec = two_labels.PlausibleSpec(
            **self.on_check("two_labels/plausible"),
            pred_probs=predicted.prefix(),
            text=text,
            encoder=encoder if text else "",
            properties=() if text else self.outcome.properties,
        )
        plausible = single_shard("two_labels/plausible", two_labels.plausible, spec, inputs=self.dataset.inputs | known)
        seen = self.runner.require(plausible)[0]
        n = seen.rows
        if seen.small and not n:
            smallest = two_labels.SMALLEST
            self.runner.skipped["multi_label"] = (
                f"the pictures are smaller than {smallest} pixels: parts of them show no things"
            )
            return
        if seen.small:
            self.runner.notes.append(f"two labels: {seen.small:,} pictures are too small to be taken apart")
        windows: tuple[str, ...] = ()
        if not text:
            state, fitted = encoded.states[encoder]
            opened = self.windows(gathered, plausible, n, state, fitted, encoded.levels)
            windows, known = opened.prefixes, known | {"windows": opened.output}
        judged = two_labels.TwoLabelsSpec(
            **self.on_check("issues/multi_label"),
            pred_probs=predicted.prefix(),
            folds=self.fold_stage.prefix(),
            plausible=plausible.prefix(),
            windows=windows,
            encoder=encoder,
            load=tuple(self.settings.encoders) if text else (),
            text=text,
            unsure=bool(self.verdict and self.verdict["withheld"]),
        )
        known |= {"plausible": plausible.output, "folds": self.fold_stage.output}
        self.check("multi_label", two_labels.two_labels, judged, known)

    def part_encoder(self, encoded: Encoding) -> tuple[str, str]:
        """The encoder that can read parts of a row, and why there is none."""
        if self.dataset.modality == "image":
            there = "lite0" in encoded.states
            return ("lite0", "") if there else ("", "no encoder took part whose feature map could be cut into windows")
        from assay.encode.bert import sentence_encoders

        names = [e.name for e in sentence_encoders(self.settings.encoders) if e.name in encoded.embeddings]
        return (names[0], "") if names else ("", "no sentence encoder took part that could read the parts of a text")

    def windows(
        self,
        gathered: Stage[Any],
        plausible: Stage[Any],
        n: int,
        state: str,
        fitted: str,
        levels: images.Levels,
    ) -> Stage[images.Windowed]:
        """Plausible pictures, opened again."""
        shards = []
        for index, start in enumerate(range(0, max(n, 1), OPENED_SHARD)):
            spec = images.WindowsSpec(
                dataset=self.dataset.fingerprint,
                n_rows=self.dataset.n_rows,
                chosen=f"{plausible.prefix()}.npy",
                rows=f"{gathered.prefix()}.rows.npy",
                start=start,
                stop=min(start + OPENED_SHARD, n),
                state=state,
                levels=levels,
            )
            shards.append(Shard(f"{index:05d}", spec, spec.stop - start))
        inputs = {"plausible": plausible.output, "state": fitted}
        stage = Stage("two_labels/windows", images.windows, inputs, tuple(shards))
        self.runner.require(stage)
        return stage

    def whole_dataset(
        self, gathered: Stage[Any], graph: Stage[Any], copies: Stage[Any], predicted: Stage[Any] | None
    ) -> None:
        """What the dataset says as a whole; which of its checks are called for."""
        dataset, roles = self.dataset, self.dataset.roles
        # rows are named by the paths of their files
        folder_of_files = roles.id is not None and roles.id == (
            roles.image if dataset.modality == "image" else PATH if roles.text == TEXT else None
        )
        reasons: dict[str, str] = {}
        if predicted is None:
            why = self.runner.skipped.get("label", "the data has no labels")
            reasons |= dict.fromkeys(("relations", "class_quality", "property_shortcut", "weak_group"), why)
        elif self.untold:
            reasons |= dict.fromkeys(("relations", "weak_group"), self.untold)
        if dataset.splits is None:
            reasons |= dict.fromkeys(("split_leakage", "split_shift"), "the data has no splits")
        if folder_of_files:
            reasons["row_order"] = "files of a folder have no order of their own"
        spec = ontology.OntologySpec(
            **self.on_check("ontology"),
            pred_probs=predicted.prefix() if predicted else "",
            label=self.outcome.tables.get("label", ""),
            graph=graph.prefix(),
            duplicates=copies.prefix(),
            properties=self.outcome.properties,
            order=self.order_file,
            multi_label=self.outcome.tables.get("multi_label", ""),
            withheld=self.runner.skipped.get("label", "") if predicted else "",
            verdict=self.verdict,
            ordered=not folder_of_files,
            reasons=reasons,
            features=tuple(roles.features) if dataset.modality == "table" and dataset.splits is not None else (),
        )
        inputs = dataset.inputs | {"vectors": gathered.output, "graph": graph.output, "duplicates": copies.output}
        inputs |= {"pred_probs": predicted.output} if predicted else {}
        inputs |= {"label": self.inputs["label"]} if "label" in self.inputs else {}
        inputs |= {"multi_label": self.inputs["multi_label"]} if "multi_label" in self.inputs else {}
        inputs |= {"properties": fingerprint(list(self.outcome.properties))}
        stage = single_shard("ontology", ontology.ontology, spec, inputs=inputs, rows=dataset.n_rows)
        result = self.runner.try_check("ontology", stage)
        if result is not None:
            self.outcome.ontology = f"{stage.prefix()}.json"
            self.outcome.insight_counts |= result.counts
            self.runner.failed |= result.failed
            self.runner.skipped |= result.skipped


# what is learned from the labels of a task, and which check follows; a task without an entry has none
LearnLabels = Callable[[Pipeline, Stage[Any], Stage[Any], Stage[Any]], Stage[Any] | None]
LABEL_STAGES: dict[str, LearnLabels] = {ClassTarget.task: Pipeline.classes}
