"""The encode stages of each modality: which there are, how they are cut into shards, what they depend on.

In: a `Runner`, the dataset, settings, the user's own embeddings. Out: the shards of every embedding, and what else was kept
of the rows. Does not know: what comes after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.analysis.runner import Runner
from assay.analysis.settings import Settings, UserArray
from assay.analysis.stage import Shard, Stage, fingerprint, single_shard
from assay.dataset.dataset import Dataset, read_cells, shard_key
from assay.errors import SourceError
from assay.stages import images, tables, texts, vectors

SHARD = 256  # rows of an image or sentence shard: a multiple of the batches in which pictures are encoded
TEXT_SHARD = 8_192
LEVELS_SAMPLE = 512  # pictures that say what black and white are, where these have more than 8 bits
SAMPLE = 3_000  # pictures an encoder's state is fitted on at most; each takes as many of the first as it needs
Fitted = tuple[str, str]  # prefix of an encoder's state, and its fingerprint


@dataclass
class Encoding:
    """``all`` runs the stages and fills the fields.

    embeddings : encoder -> prefixes of its shards. tiny : of 32 x 32 thumbnails. properties : of what the checks of the
    modality read. reasons : of tables that say why a row could not be read. missing : sentences on encoders that are not
    here. features : the stage of a table that the tree models read. widths : dimensions of its columns. left_out : columns
    of a table that are no features. levels : black and white of pictures of more than 8 bits. threads : of TF-IDF.
    """

    runner: Runner
    dataset: Dataset
    settings: Settings
    own: Mapping[str, UserArray]
    order_file: str
    embeddings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tiny: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    missing: list[str] = field(default_factory=list)
    features: Stage[tables.FeaturesMade] | None = None
    widths: tuple[int, ...] = ()
    left_out: tuple[str, ...] = ()
    levels: images.Levels = ()
    states: dict[str, Fitted] = field(default_factory=dict)
    threads: int = 1

    def all(self) -> None:
        {"image": self.of_images, "text": self.of_texts, "table": self.of_tables}[self.dataset.modality]()
        for name, array in self.own.items():
            self.embeddings[name] = self.user_embedding(name, array)

    def row_shards(self, size: int, tokens: Sequence[str], spec: Callable[[int, int], Any]) -> tuple[Shard, ...]:
        """Rows ``size`` at a time; a shard's key changes when the token or the reason of one of its rows does.

        ``spec``: makes the spec of the rows from a first to a last, the last excluded.
        """
        tokens = [f"{token}\t{reason or ''}" for token, reason in zip(tokens, self.dataset.reasons, strict=True)]
        shards = []
        for index, start in enumerate(range(0, self.dataset.n_rows, size)):
            stop = min(start + size, self.dataset.n_rows)
            key = shard_key(index, tokens[start:stop])
            shards.append(Shard(key, spec(start, stop), stop - start))
        return tuple(shards)

    def of_images(self) -> None:
        from assay.encode.image_encoders import image_encoders, missing_image_encoders

        built_in = [] if self.own else image_encoders([])
        known = {encoder.name for encoder in built_in}
        extra = [
            (name, encoder)
            for name in self.settings.encoders
            for encoder in image_encoders([name])
            if encoder.name not in known
        ]
        self.missing += [] if self.own else missing_image_encoders()
        tokens = self.dataset.rows["token"].to_pylist()
        self.levels = self.picture_levels(tokens)
        states = self.states = self.fit_encoders([*(("", encoder) for encoder in built_in), *extra], tokens)
        pixels = self.encode_images(
            "encode/images", [encoder.name for encoder in built_in], "", states, tokens, pixels=True
        )
        self.properties = self.tiny = pixels.prefixes
        self.reasons += pixels.prefixes
        for encoder in built_in:
            self.embeddings[encoder.name] = pixels.prefixes
        for load, encoder in extra:
            self.embeddings[encoder.name] = self.encode_images(
                f"encode/{encoder.name}", [encoder.name], load, states, tokens, pixels=False
            ).prefixes

    def picture_levels(self, tokens: Sequence[str]) -> images.Levels:
        """Black and white of pictures of more than 8 bits, one range a dataset."""
        sample = self.sample()[:LEVELS_SAMPLE]
        inputs = {"sample": fingerprint([[row, tokens[row]] for row in sample])}
        spec = images.LevelsSpec(dataset=self.dataset.fingerprint, n_rows=self.dataset.n_rows, sample=tuple(sample))
        stage = single_shard("encode/levels", images.levels, spec, inputs=inputs, rows=len(sample))
        return self.runner.require(stage)[0].levels

    def fit_encoders(self, chosen: list[tuple[str, Any]], tokens: Sequence[str]) -> dict[str, Fitted]:
        """What each encoder learns from a sample of the pictures, one shard an encoder."""
        sample = self.sample()
        inputs = {"sample": fingerprint([[row, tokens[row]] for row in sample])}
        shards = tuple(
            Shard(
                f"{encoder.name}-{fingerprint(encoder.fingerprint)}",
                images.FitSpec(
                    dataset=self.dataset.fingerprint,
                    n_rows=self.dataset.n_rows,
                    sample=tuple(sample),
                    encoder=encoder.name,
                    load=load,
                    seed=self.settings.seed,
                    levels=self.levels,
                ),
                len(sample),
            )
            for load, encoder in chosen
        )
        stage = Stage("encode/fit", images.fit, inputs, shards)
        self.runner.require(stage)
        return {
            encoder.name: (stage.prefix(shard.key), fingerprint([stage.fingerprint, shard.key]))
            for (_, encoder), shard in zip(chosen, shards, strict=True)
        }

    def sample(self) -> list[int]:
        good = np.flatnonzero([reason is None for reason in self.dataset.reasons])
        chosen = np.random.default_rng([self.settings.seed, 1]).permutation(good)[:SAMPLE]
        return [int(row) for row in chosen]

    def encode_images(
        self,
        name: str,
        encoders: list[str],
        load: str,
        states: dict[str, Fitted],
        tokens: Sequence[str],
        *,
        pixels: bool,
    ) -> Stage[images.Encoded]:
        def spec(start: int, stop: int) -> images.EncodeSpec:
            return images.EncodeSpec(
                dataset=self.dataset.fingerprint,
                start=start,
                stop=stop,
                encoders=tuple(encoders),
                load=load,
                states={encoder: states[encoder][0] for encoder in encoders},
                pixels=pixels,
                levels=self.levels,
            )

        inputs = {encoder: states[encoder][1] for encoder in encoders}
        stage = Stage(name, images.encode, inputs, self.row_shards(SHARD, tokens, spec))
        if not any(done.rows for done in self.runner.require(stage)):
            self.nothing_readable(stage)
        return stage

    def nothing_readable(self, stage: Stage[Any]) -> None:
        first = self.runner.folder.get_table(f"{stage.prefixes[0]}.properties.parquet", ["reason"])["reason"][0]
        raise SourceError(f"none of the {self.dataset.n_rows:,} images could be read; the first: {first.as_py()}")

    def of_texts(self) -> None:
        from assay.encode.bert import missing_text_encoders, sentence_encoders

        column = str(self.dataset.roles.text)
        dataset, n_rows = self.dataset.fingerprint, self.dataset.n_rows
        tokens = self.cell_tokens(column)

        def properties(start: int, stop: int) -> texts.PropertiesSpec:
            return texts.PropertiesSpec(dataset=dataset, n_rows=n_rows, start=start, stop=stop, column=column)

        measured = Stage("encode/text", texts.properties, {}, self.row_shards(TEXT_SHARD, tokens, properties))
        self.runner.require(measured)
        self.properties = measured.prefixes
        if not self.own:
            spec = texts.TfidfSpec(
                dataset=dataset, n_rows=n_rows, column=column, threads=self.threads, seed=self.settings.seed
            )
            tfidf = single_shard("encode/tfidf", texts.tfidf, spec, inputs=self.dataset.inputs, rows=n_rows)
            if not self.runner.require(tfidf)[0].rows:
                raise SourceError(
                    f"every text in the column {column!r} is empty or unreadable; name another with --text"
                )
            self.embeddings["tfidf"] = tfidf.prefixes
            self.missing += missing_text_encoders()
        chosen: list[tuple[tuple[str, ...], Any]]
        chosen = [] if self.own else [((), encoder) for encoder in sentence_encoders([])]
        chosen += [((name,), encoder) for name in self.settings.encoders for encoder in sentence_encoders([name])]
        for load, encoder in chosen:
            if encoder.name not in self.embeddings:
                self.embeddings[encoder.name] = self.encode_sentences(encoder, load, column, tokens)

    def encode_sentences(
        self, encoder: Any, load: tuple[str, ...], column: str, tokens: Sequence[str]
    ) -> tuple[str, ...]:
        def spec(start: int, stop: int) -> texts.SentencesSpec:
            return texts.SentencesSpec(
                dataset=self.dataset.fingerprint,
                n_rows=self.dataset.n_rows,
                start=start,
                stop=stop,
                column=column,
                encoder=encoder.name,
                load=load,
                numbers=encoder.fingerprint,
            )

        stage = Stage(f"encode/{encoder.name}", texts.sentences, {}, self.row_shards(SHARD, tokens, spec))
        self.runner.require(stage)
        return stage.prefixes

    def cell_tokens(self, column: str) -> list[str]:
        cells = read_cells(self.runner.folder, self.dataset.fingerprint, 0, self.dataset.n_rows, [column])[column]
        return [str(value) for value in cells.to_pylist()]

    def of_tables(self) -> None:
        spec = tables.FeaturesSpec(
            dataset=self.dataset.fingerprint,
            n_rows=self.dataset.n_rows,
            features=tuple(name for name in self.dataset.roles.features if name not in self.left_out),
            seed=self.settings.seed,
        )
        self.features = single_shard(
            "encode/table", tables.features, spec, inputs=self.dataset.inputs, rows=self.dataset.n_rows
        )
        found = self.runner.require(self.features)[0]
        if not found.rows:
            raise SourceError(
                f"none of the {self.dataset.n_rows:,} rows could be read; {next(filter(None, self.dataset.reasons), '')}"
            )
        self.runner.reading += found.notes
        self.runner.notes += found.notes
        if not self.own:
            self.embeddings["cells"], self.widths = self.features.prefixes, found.widths

    def user_embedding(self, name: str, array: UserArray) -> tuple[str, ...]:
        spec = vectors.AdoptSpec(
            file=array.file, row_numbers=self.order_file, name=name, content=array.digest, seed=self.settings.seed
        )
        stage = single_shard(
            f"encode/user/{name}", vectors.adopt, spec, inputs=self.dataset.inputs, rows=array.shape[0]
        )
        if not self.runner.require(stage)[0].rows:
            raise SourceError(f"every row of the embeddings {name!r} holds NaN or infinity")
        self.reasons += stage.prefixes
        return stage.prefixes
