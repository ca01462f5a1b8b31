"""The encode stages of each modality: which there are, how they are cut into shards, what they depend on.

In: a `Runner`, the dataset, settings, the user's own embeddings. Out: the shards of every view, and what else was kept of
the rows. Does not know: what comes after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.analysis.runner import Runner
from assay.analysis.settings import Settings, UserArray
from assay.analysis.stage import Shard, Stage, fingerprint, whole
from assay.dataset.dataset import Dataset, read_cells, shard_key
from assay.errors import SourceError

SHARD = 256  # rows of an image or sentence shard: a multiple of the batches in which pictures are encoded
TEXT_SHARD = 8_192
LEVELS_SAMPLE = 512  # pictures that say what black and white are, where these have more than 8 bits
SAMPLE = 3_000  # pictures an encoder's state is fitted on at most; each takes as many of the first as it needs
WORK = "assay.stages"
Fitted = tuple[str, str]  # where an encoder's state lies, and its fingerprint


@dataclass
class Encoding:
    """``all`` runs the stages and fills the fields.

    views : name -> places of its shards. tiny : places of 32 x 32 thumbnails. properties : places of what the checks of
    the modality read. reasons : places of tables that say why a row could not be read. missing : sentences on encoders
    that are not here. features : the table stage that the tree models read. levels : what black and white are in pictures of
    more than 8 bits.
    """

    runner: Runner
    dataset: Dataset
    settings: Settings
    own: Mapping[str, UserArray]
    order_file: str
    views: dict[str, list[str]] = field(default_factory=dict)
    tiny: list[str] = field(default_factory=list)
    properties: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    features: Stage | None = None
    levels: dict[str, Any] = field(default_factory=dict)

    def all(self) -> None:
        {"image": self.images, "text": self.texts, "table": self.tables}[self.dataset.modality]()
        for name, array in self.own.items():
            self.views[name] = self.user_view(name, array)

    def row_shards(self, size: int, tokens: Sequence[str], spec: dict[str, Any]) -> tuple[Shard, ...]:
        """Rows ``size`` at a time; a shard's key changes when the token or the reason of one of its rows does."""
        tokens = [f"{token}\t{reason or ''}" for token, reason in zip(tokens, self.dataset.reasons, strict=True)]
        shards = []
        for index, start in enumerate(range(0, self.dataset.n_rows, size)):
            stop = min(start + size, self.dataset.n_rows)
            key = shard_key(index, tokens[start:stop])
            shards.append(Shard(key, spec | {"start": start, "stop": stop}, stop - start))
        return tuple(shards)

    def images(self) -> None:
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
        states = self.fit_encoders([*(("", encoder) for encoder in built_in), *extra], tokens)
        pixels = self.encode_images(
            "encode/images", [encoder.name for encoder in built_in], "", states, tokens, pixels=True
        )
        self.properties = pixels.places
        self.reasons += pixels.places
        for encoder in built_in:
            self.views[encoder.name] = pixels.places
        for load, encoder in extra:
            self.views[encoder.name] = self.encode_images(
                f"encode/{encoder.name}", [encoder.name], load, states, tokens, pixels=False
            ).places
        self.tiny = pixels.places

    def picture_levels(self, tokens: Sequence[str]) -> dict[str, Any]:
        """Black and white of pictures of more than 8 bits, one range a dataset."""
        sample = self.sample()[:LEVELS_SAMPLE]
        reads = {"sample": fingerprint([[row, tokens[row]] for row in sample])}
        stage = whole(
            "encode/levels",
            f"{WORK}.images:levels",
            self.dataset.spec(sample=sample),
            settings={},
            reads=reads,
            rows=len(sample),
        )
        return dict(self.runner.need(stage)[0]["levels"])

    def fit_encoders(self, chosen: list[tuple[str, Any]], tokens: Sequence[str]) -> dict[str, Fitted]:
        """What each encoder learns from a sample of the pictures, one shard an encoder."""
        sample = self.sample()
        reads = {"sample": fingerprint([[row, tokens[row]] for row in sample])}
        spec = self.dataset.spec(sample=sample, seed=self.settings.seed, levels=self.levels)
        shards = tuple(
            Shard(
                f"{encoder.name}-{fingerprint(encoder.fingerprint)}",
                spec | {"encoder": encoder.name, "load": load},
                len(sample),
            )
            for load, encoder in chosen
        )
        stage = Stage(
            "encode/fit", f"{WORK}.images:fit", {"seed": self.settings.seed, "levels": self.levels}, reads, shards
        )
        self.runner.need(stage)
        return {
            encoder.name: (stage.place(shard.key), fingerprint([stage.fingerprint, shard.key]))
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
    ) -> Stage:
        places = {encoder: states[encoder][0] for encoder in encoders}
        reads = {encoder: states[encoder][1] for encoder in encoders}
        spec = {
            "dataset": self.dataset.fingerprint,
            "encoders": encoders,
            "load": load,
            "states": places,
            "pixels": pixels,
            "levels": self.levels,
        }
        settings = {"pixels": pixels, "levels": self.levels, "version": 2}
        stage = Stage(name, f"{WORK}.images:encode", settings, reads, self.row_shards(SHARD, tokens, spec))
        done = self.runner.need(stage)
        if not any(result["rows"] for result in done):
            self.nothing_readable(stage)
        return stage

    def nothing_readable(self, stage: Stage) -> None:
        first = self.runner.folder.get_table(f"{stage.places[0]}.properties.parquet", ["reason"])["reason"][0]
        raise SourceError(f"none of the {self.dataset.n_rows:,} images could be read; the first: {first.as_py()}")

    def texts(self) -> None:
        from assay.encode.bert import missing_text_encoders, sentence_encoders

        column = self.dataset.roles.text
        spec = self.dataset.spec(column=column)
        tokens = self.cell_tokens(str(column))
        shards = self.row_shards(TEXT_SHARD, tokens, spec)
        properties = Stage("encode/text", f"{WORK}.texts:properties", {"column": column}, {}, shards)
        self.runner.need(properties)
        self.properties = properties.places
        if not self.own:
            tfidf = whole(
                "encode/tfidf",
                f"{WORK}.texts:tfidf",
                self.dataset.spec(column=column, threads=self.settings.workers),
                settings={"seed": self.settings.seed},
                reads=self.dataset.reads,
                rows=self.dataset.n_rows,
            )
            if not self.runner.need(tfidf)[0]["rows"]:
                raise SourceError(
                    f"every text in the column {column!r} is empty or unreadable; name another with --text"
                )
            self.views["tfidf"] = tfidf.places
            self.missing += missing_text_encoders()
        chosen: list[tuple[list[str], Any]]
        chosen = [] if self.own else [([], encoder) for encoder in sentence_encoders([])]
        chosen += [([name], encoder) for name in self.settings.encoders for encoder in sentence_encoders([name])]
        for load, encoder in chosen:
            if encoder.name in self.views:
                continue
            settings = {"numbers": encoder.fingerprint}
            shards = self.row_shards(SHARD, tokens, spec | {"encoder": encoder.name, "load": load})
            stage = Stage(f"encode/{encoder.name}", f"{WORK}.texts:sentences", settings, {}, shards)
            self.runner.need(stage)
            self.views[encoder.name] = stage.places

    def cell_tokens(self, column: str) -> list[str]:
        cells = read_cells(self.runner.folder, self.dataset.fingerprint, 0, self.dataset.n_rows, [column])[column]
        return [str(value) for value in cells.to_pylist()]

    def tables(self) -> None:
        features = list(self.dataset.roles.features)
        self.features = whole(
            "encode/table",
            f"{WORK}.tables:features",
            self.dataset.spec(),
            settings={"features": features, "seed": self.settings.seed},
            reads=self.dataset.reads,
            rows=self.dataset.n_rows,
        )
        found = self.runner.need(self.features)[0]
        if not found["rows"]:
            raise SourceError(
                f"none of the {self.dataset.n_rows:,} rows could be read; {next(filter(None, self.dataset.reasons), '')}"
            )
        self.runner.notes += found["notes"]
        if not self.own:
            self.views["cells"] = self.features.places

    def user_view(self, name: str, array: UserArray) -> list[str]:
        spec = {"file": array.file, "row_numbers": self.order_file, "view": name}
        stage = whole(
            f"encode/user/{name}",
            f"{WORK}.vectors:adopt",
            spec,
            settings={"content": array.digest, "seed": self.settings.seed},
            reads=self.dataset.reads,
            rows=array.shape[0],
        )
        if not self.runner.need(stage)[0]["rows"]:
            raise SourceError(f"every row of the embeddings {name!r} holds NaN or infinity")
        self.reasons += stage.places
        return stage.places
