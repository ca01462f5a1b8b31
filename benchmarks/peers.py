"""What a user of cleanlab 2.9 would run, as whole processes: ``python peers.py JOB.json``.

In: a JSON job: which function, the files it reads, the file it writes. Out: an ``.npz`` of scores (large = faulty) and flags.
Does not know: truth, Assay's results (only vectors and probabilities where the job hands them over).

Sources: cleanlab's own tutorials. Tabular: one-hot and standardised columns, 5-fold `cross_val_predict`
(https://docs.cleanlab.ai, "Classification with Tabular Data"). Text and image: vectors, logistic regression, 5-fold
`cross_val_predict`. Label issues by `find_label_issues` with its defaults, ranking by `get_label_quality_scores`.
Outliers and near duplicates by `Datalab`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

HOG_SIDE, HOG_CELL, HOG_TURNS = 32, 8, 9


def label_issues(job: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """On probabilities that are handed over."""
    return _label_issues(np.load(job["pred_probs"]), np.load(job["codes"]))


def _label_issues(pred_probs: NDArray[Any], codes: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Both over the labelled rows; unlabelled rows (-1) get NaN and no flag."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    known = codes >= 0
    scores, flags = np.full(len(codes), np.nan), np.zeros(len(codes), bool)
    flags[known] = find_label_issues(codes[known], pred_probs[known])
    scores[known] = 1 - get_label_quality_scores(codes[known], pred_probs[known])
    return {"scores": scores, "flags": flags}


def own_label_issues(job: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Features, out-of-fold probabilities of a scikit-learn model, cleanlab."""
    from sklearn.model_selection import cross_val_predict

    codes = np.load(job["codes"])
    known = codes >= 0
    features = FEATURES[job["features"]](job)
    pred_probs = np.zeros((len(codes), codes.max() + 1), np.float32)
    pred_probs[known] = cross_val_predict(_model(job), features[known], codes[known], cv=5, method="predict_proba")
    if not known.all():  # rows without a label are judged by a model of all labelled ones
        pred_probs[~known] = _model(job).fit(features[known], codes[known]).predict_proba(features[~known])
    return {**_label_issues(pred_probs, codes), "pred_probs": pred_probs}


def _model(job: dict[str, Any]) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression

    if job["model"] == "trees":
        return ExtraTreesClassifier(random_state=0)
    return LogisticRegression(max_iter=400)


def vector_issues(job: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Outliers and near duplicates of vectors, by Datalab; the duplicates as index pairs."""
    from cleanlab import Datalab

    features = FEATURES[job["features"]](job)
    lab = Datalab({"row": list(range(len(features)))}, verbosity=0)
    lab.find_issues(features=features, issue_types={job["check"]: {}})
    found = lab.get_issues(job["check"])
    out = {
        "scores": 1 - found[f"{job['check']}_score"].to_numpy(float),
        "flags": found[f"is_{job['check']}_issue"].to_numpy(bool),
    }
    if job["check"] == "near_duplicate":
        pairs = {
            (min(row, int(other)), max(row, int(other)))
            for row, others in enumerate(found["near_duplicate_sets"])
            for other in others
        }
        out["pairs"] = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return out


def tfidf(job: dict[str, Any]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer().fit_transform(_frame(job)["text"])


def minilm(job: dict[str, Any]) -> NDArray[np.float32]:
    """The sentence vectors that Assay would use too; encoding them is part of the bill on both sides."""
    from assay.encode.bert import sentence_encoders

    return sentence_encoders([])[0].encode(_frame(job)["text"].tolist())


def hog(job: dict[str, Any]) -> NDArray[np.float32]:
    """Histograms of oriented gradients (Dalal, Triggs, CVPR 2005): 8 x 8 cells, 9 directions, 2 x 2 blocks."""
    from PIL import Image

    side = (HOG_SIDE, HOG_SIDE)
    pictures = [np.asarray(Image.open(path).convert("L").resize(side), np.float32) for path in _frame(job)["image"]]
    dy, dx = np.gradient(np.stack(pictures), axis=(1, 2))
    turn = np.minimum((np.arctan2(dy, dx) % np.pi) / np.pi * HOG_TURNS, HOG_TURNS - 1).astype(int)
    cells = HOG_SIDE // HOG_CELL
    strength = np.hypot(dx, dy)
    histogram = np.stack([(strength * (turn == at)) for at in range(HOG_TURNS)], -1)
    histogram = histogram.reshape(-1, cells, HOG_CELL, cells, HOG_CELL, HOG_TURNS).sum((2, 4))
    blocks = [
        histogram[:, y : y + 2, x : x + 2].reshape(len(pictures), -1)
        for y in range(cells - 1)
        for x in range(cells - 1)
    ]
    return np.hstack([block / np.sqrt((block**2).sum(1, keepdims=True) + 1) for block in blocks])


def cells(job: dict[str, Any]) -> Any:
    """One-hot text columns (sparse), standardised numbers, medians for gaps."""
    import scipy.sparse as sp
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = _frame(job).drop(columns=job["label"] or [])
    numbers = frame.select_dtypes("number")
    words = frame.select_dtypes(exclude="number").astype(str)
    scaled = StandardScaler().fit_transform(numbers.fillna(numbers.median()).fillna(0)) if numbers.shape[1] else None
    if not words.shape[1]:
        return scaled
    one_hot = OneHotEncoder().fit_transform(words)
    return one_hot.tocsr() if scaled is None else sp.hstack([sp.csr_matrix(scaled), one_hot], format="csr")


def handed_over(job: dict[str, Any]) -> NDArray[Any]:
    """Assay's own vectors, every view at unit length."""
    views = [np.load(file).astype(np.float32) for file in job["vectors"]]
    return np.hstack([view / np.maximum(np.linalg.norm(view, axis=1, keepdims=True), 1e-9) for view in views])


def _frame(job: dict[str, Any]) -> pd.DataFrame:
    return pd.read_csv(job["data"])


FEATURES = {"tfidf": tfidf, "minilm": minilm, "hog": hog, "cells": cells, "handed over": handed_over}
JOBS = {"label_issues": label_issues, "own_label_issues": own_label_issues, "vector_issues": vector_issues}


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    np.savez(given["output"], **JOBS[given["job"]](given))
